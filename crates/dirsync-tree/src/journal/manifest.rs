//! The manifest of a commit: what is to be done, written down so that it can be done again.
//!
//! One file, `JOURNAL/COMMIT`. All numbers little-endian; everything here is ASSIGNED.
//!
//! | Off | Size | Name | Meaning |
//! |---|---|---|---|
//! | 0 | 8 | magic | `DSJRNL01` |
//! | 8 | 4 | version | 1 |
//! | 12 | 4 | table_len_bytes | bytes of head and table, the table's CRC included |
//! | 16 | 16 | tree_id | of `LAYOUT.TXT` |
//! | 32 | 8 | transaction | number of this commit |
//! | 40 | 4 | count | entries |
//! | 44 | 4 | reserved | 0 |
//! | 48 | - | entries | kind, path, fields of the kind |
//! | table_len - 4 | 4 | crc | CRC-32 of all bytes before it |
//! | table_len | - | payload | the bytes of all extents, one after another |
//!
//! A decoder trusts nothing: lengths are checked against the file, paths pass through
//! [`RelPath::new`], and the whole table is covered by its CRC.

use std::fmt;

use crate::path::RelPath;

/// First bytes of a manifest.
const MAGIC: &[u8; 8] = b"DSJRNL01";
/// The only version so far.
const VERSION: u32 = 1;
const HEAD_LEN: usize = 48;
/// A table never gets longer: about a million targets.
pub(crate) const TABLE_LEN_LIMIT: u64 = 256 << 20;

/// One extent of the manifest: where it goes and where its bytes stand in the manifest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestExtent {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    /// Offset in the manifest file.
    pub(crate) payload_at: u64,
    pub(crate) crc: u32,
}

/// One target of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Rename the staged file over the target.
    Replace {
        stage: u32,
        len: u64,
        crc: u32,
    },
    Extents {
        len_before: u64,
        len_after: u64,
        extents: Vec<ManifestExtent>,
    },
    Remove,
    Mkdir,
    Rmdir,
    Move {
        to: RelPath,
    },
}

/// A manifest, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) tree_id: [u8; 16],
    pub(crate) transaction: u64,
    pub(crate) entries: Vec<(RelPath, Action)>,
}

/// Why a manifest was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestError(pub(crate) String);

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Manifest {
    /// Encodes head and table. `payload_at` of the extents is filled in here, in order.
    pub(crate) fn encode(&mut self) -> Result<Vec<u8>, ManifestError> {
        // The table's length does not depend on the payload offsets, so they are set in a first
        // pass over an encoding with zeros.
        let table_len = self.encode_table().len() as u64;
        let mut at = table_len;
        for (_, action) in &mut self.entries {
            if let Action::Extents { extents, .. } = action {
                for extent in extents {
                    extent.payload_at = at;
                    at = at
                        .checked_add(extent.len)
                        .ok_or_else(|| ManifestError("the commit is too large".into()))?;
                }
            }
        }
        if table_len > TABLE_LEN_LIMIT || u32::try_from(self.entries.len()).is_err() {
            return Err(ManifestError("the commit has too many targets".into()));
        }
        Ok(self.encode_table())
    }

    fn encode_table(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_LEN + self.entries.len() * 64);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        out.extend_from_slice(&self.tree_id);
        out.extend_from_slice(&self.transaction.to_le_bytes());
        out.extend_from_slice(
            &u32::try_from(self.entries.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        out.extend_from_slice(&0u32.to_le_bytes());
        for (path, action) in &self.entries {
            let kind: u8 = match action {
                Action::Replace { .. } => 1,
                Action::Extents { .. } => 2,
                Action::Remove => 3,
                Action::Mkdir => 4,
                Action::Rmdir => 5,
                Action::Move { .. } => 6,
            };
            out.push(kind);
            put_text(&mut out, path.as_str());
            match action {
                Action::Replace { stage, len, crc } => {
                    out.extend_from_slice(&stage.to_le_bytes());
                    out.extend_from_slice(&len.to_le_bytes());
                    out.extend_from_slice(&crc.to_le_bytes());
                }
                Action::Extents {
                    len_before,
                    len_after,
                    extents,
                } => {
                    out.extend_from_slice(&len_before.to_le_bytes());
                    out.extend_from_slice(&len_after.to_le_bytes());
                    out.extend_from_slice(
                        &u32::try_from(extents.len())
                            .unwrap_or(u32::MAX)
                            .to_le_bytes(),
                    );
                    for extent in extents {
                        out.extend_from_slice(&extent.offset.to_le_bytes());
                        out.extend_from_slice(&extent.len.to_le_bytes());
                        out.extend_from_slice(&extent.payload_at.to_le_bytes());
                        out.extend_from_slice(&extent.crc.to_le_bytes());
                    }
                }
                Action::Move { to } => put_text(&mut out, to.as_str()),
                Action::Remove | Action::Mkdir | Action::Rmdir => {}
            }
        }
        let table_len = u32::try_from(out.len() + 4).unwrap_or(u32::MAX);
        out[12..16].copy_from_slice(&table_len.to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Length of head and table, from the first bytes of a manifest file of `file_len` bytes.
    pub(crate) fn table_len(head: &[u8], file_len: u64) -> Result<u64, ManifestError> {
        let mut reader = Reader { bytes: head, at: 0 };
        if reader.take(8)? != MAGIC {
            return Err(ManifestError("its magic bytes are wrong".into()));
        }
        let version = reader.u32()?;
        if version != VERSION {
            return Err(ManifestError(format!(
                "its version is {version}; this program knows version {VERSION}"
            )));
        }
        let len = u64::from(reader.u32()?);
        if len < (HEAD_LEN + 4) as u64 || len > file_len || len > TABLE_LEN_LIMIT {
            return Err(ManifestError("its table length is wrong".into()));
        }
        Ok(len)
    }

    /// Decodes head and table (exactly [`Manifest::table_len`] bytes) of a file of `file_len`
    /// bytes.
    pub(crate) fn decode(table: &[u8], file_len: u64) -> Result<Self, ManifestError> {
        let len = Self::table_len(table, file_len)?;
        if table.len() as u64 != len {
            return Err(ManifestError("its table is cut off".into()));
        }
        let (body, crc) = table.split_at(table.len() - 4);
        let stored = Reader { bytes: crc, at: 0 }.u32()?;
        let computed = crc32fast::hash(body);
        if stored != computed {
            return Err(ManifestError(format!(
                "its checksum is {stored:08X}, the bytes give {computed:08X}"
            )));
        }
        let mut reader = Reader {
            bytes: body,
            at: 16,
        };
        let mut tree_id = [0u8; 16];
        tree_id.copy_from_slice(reader.take(16)?);
        let transaction = reader.u64()?;
        let count = reader.u32()?;
        reader.u32()?;
        let mut entries: Vec<(RelPath, Action)> = Vec::new();
        for _ in 0..count {
            let kind = reader.u8()?;
            let path = reader.path()?;
            if path.is_root() {
                return Err(ManifestError("it names the root as a target".into()));
            }
            let action = match kind {
                1 => Action::Replace {
                    stage: reader.u32()?,
                    len: reader.u64()?,
                    crc: reader.u32()?,
                },
                2 => {
                    let len_before = reader.u64()?;
                    let len_after = reader.u64()?;
                    let n = reader.u32()?;
                    let mut extents = Vec::new();
                    for _ in 0..n {
                        let extent = ManifestExtent {
                            offset: reader.u64()?,
                            len: reader.u64()?,
                            payload_at: reader.u64()?,
                            crc: reader.u32()?,
                        };
                        let inside = extent
                            .offset
                            .checked_add(extent.len)
                            .is_some_and(|end| end <= len_after)
                            && extent
                                .payload_at
                                .checked_add(extent.len)
                                .is_some_and(|end| end <= file_len)
                            && extent.payload_at >= len;
                        if !inside {
                            return Err(ManifestError(format!(
                                "an extent of {path} is out of range"
                            )));
                        }
                        extents.push(extent);
                    }
                    Action::Extents {
                        len_before,
                        len_after,
                        extents,
                    }
                }
                3 => Action::Remove,
                4 => Action::Mkdir,
                5 => Action::Rmdir,
                6 => Action::Move { to: reader.path()? },
                _ => return Err(ManifestError(format!("entry kind {kind} is unknown"))),
            };
            entries.push((path, action));
        }
        if reader.at != body.len() {
            return Err(ManifestError("bytes follow the last entry".into()));
        }
        Ok(Self {
            tree_id,
            transaction,
            entries,
        })
    }
}

/// Decodes with a checksum made right, so that a fuzzer gets past it; what decodes must encode to the
/// same bytes.
pub(crate) fn fuzz_manifest(data: &[u8]) {
    let mut table = data.to_vec();
    if table.len() >= HEAD_LEN + 4 {
        table[..8].copy_from_slice(MAGIC);
        table[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let len = u32::try_from(table.len()).unwrap_or(u32::MAX);
        table[12..16].copy_from_slice(&len.to_le_bytes());
        // Reserved, written as zero.
        table[44..48].fill(0);
        let at = table.len() - 4;
        let crc = crc32fast::hash(&table[..at]);
        table[at..].copy_from_slice(&crc.to_le_bytes());
    }
    let file_len = table.len() as u64 + 4096;
    if let Ok(manifest) = Manifest::decode(&table, file_len) {
        assert_eq!(manifest.encode_table(), table);
    }
    let _ = Manifest::decode(data, data.len() as u64);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    // A RelPath of a plan is at most a few names; longer ones are cut off here and then refused
    // by the length check of the reader, never written silently wrong.
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], ManifestError> {
        let end = self.at.checked_add(n);
        let part = end.and_then(|end| self.bytes.get(self.at..end));
        match part {
            Some(part) => {
                self.at += n;
                Ok(part)
            }
            None => Err(ManifestError("it is cut off".into())),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ManifestError> {
        let mut out = [0u8; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn u8(&mut self) -> Result<u8, ManifestError> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, ManifestError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, ManifestError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, ManifestError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn path(&mut self) -> Result<RelPath, ManifestError> {
        let len = usize::from(self.u16()?);
        let bytes = self.take(len)?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| ManifestError("a path is not UTF-8".into()))?;
        RelPath::new(text).map_err(|error| ManifestError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Manifest {
        let p = |t: &str| RelPath::new(t).unwrap();
        Manifest {
            tree_id: [7; 16],
            transaction: 42,
            entries: vec![
                (
                    p("GLB/A"),
                    Action::Replace {
                        stage: 1,
                        len: 5,
                        crc: 9,
                    },
                ),
                (
                    p("GLB/B"),
                    Action::Extents {
                        len_before: 10,
                        len_after: 20,
                        extents: vec![ManifestExtent {
                            offset: 10,
                            len: 10,
                            payload_at: 0,
                            crc: 3,
                        }],
                    },
                ),
                (p("C"), Action::Remove),
                (p("D"), Action::Mkdir),
                (p("E"), Action::Rmdir),
                (p("F"), Action::Move { to: p("G/H") }),
            ],
        }
    }

    #[test]
    fn a_manifest_reads_back_and_every_flipped_bit_is_seen() {
        let mut manifest = sample();
        let table = manifest.encode().unwrap();
        let file_len = table.len() as u64 + 10;
        assert_eq!(Manifest::decode(&table, file_len).unwrap(), manifest);
        assert!(
            Manifest::decode(&table, file_len - 1).is_err(),
            "payload cut off"
        );
        for at in 0..table.len() {
            for bit in 0..8 {
                let mut bad = table.clone();
                bad[at] ^= 1 << bit;
                assert!(
                    Manifest::decode(&bad, file_len).is_err(),
                    "byte {at} bit {bit}"
                );
            }
        }
        for cut in 0..table.len() {
            assert!(Manifest::decode(&table[..cut], file_len).is_err());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Manifest::decode(&bytes, bytes.len() as u64);
            // The same with a head that passes the first checks.
            if bytes.len() >= 60 {
                bytes[..8].copy_from_slice(MAGIC);
                bytes[8..12].copy_from_slice(&1u32.to_le_bytes());
                let len = u32::try_from(bytes.len()).unwrap();
                bytes[12..16].copy_from_slice(&len.to_le_bytes());
                let crc = crc32fast::hash(&bytes[..bytes.len() - 4]);
                let at = bytes.len() - 4;
                bytes[at..].copy_from_slice(&crc.to_le_bytes());
                let _ = Manifest::decode(&bytes, bytes.len() as u64);
            }
        }
    }
}
