//! What a file is replaced with: bytes in memory, or a source that makes them piece by piece, so that
//! a commit never holds a file of a million names as a whole.

use std::fmt;
use std::sync::Arc;

use crate::disk::DiskResult;

/// Bytes asked for at once.
pub const PIECE_LEN_BYTES: usize = 256 << 10;

/// The bytes of a file, made when they are asked for.
///
/// A source is pure: asked twice for the same place it gives the same bytes, and its length never
/// changes. Nobody's safety rests on that: what counts is what was written into the staged file, and its
/// checksum is taken from there (step 2 of the crash argument).
pub trait Source: fmt::Debug + Send + Sync {
    /// Length in bytes.
    fn len_bytes(&self) -> u64;

    /// Fills `buf`, whose place from `offset` on lies inside the length.
    ///
    /// # Errors
    /// What the source rests on cannot be read. The commit ends before its commit point.
    fn fill(&self, buf: &mut [u8], offset: u64) -> DiskResult<()>;
}

/// The new content of a file.
#[derive(Debug, Clone)]
pub enum Content {
    /// All of it.
    Bytes(Vec<u8>),
    /// Made piece by piece.
    Source(Arc<dyn Source>),
}

impl Content {
    /// Length in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Source(source) => source.len_bytes(),
        }
    }

    /// Fills `buf`, whose place from `offset` on lies inside the length.
    ///
    /// # Errors
    /// That of the source.
    pub fn fill(&self, buf: &mut [u8], offset: u64) -> DiskResult<()> {
        match self {
            Self::Source(source) => source.fill(buf, offset),
            Self::Bytes(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..));
                if let Some(part) = rest.and_then(|rest| rest.get(..buf.len())) {
                    buf.copy_from_slice(part);
                }
                Ok(())
            }
        }
    }

    /// Calls `each` with all pieces in their order and their offsets.
    ///
    /// # Errors
    /// That of the source, or what `each` says.
    pub fn pieces(&self, mut each: impl FnMut(&[u8], u64) -> DiskResult<()>) -> DiskResult<()> {
        let source = match self {
            Self::Bytes(bytes) => return each(bytes, 0),
            Self::Source(source) => source,
        };
        let len = source.len_bytes();
        let mut buf = vec![0; piece_len(len)];
        let mut at = 0;
        while at < len {
            let piece = &mut buf[..piece_len(len - at)];
            source.fill(piece, at)?;
            each(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

fn piece_len(rest: u64) -> usize {
    usize::try_from(rest).map_or(PIECE_LEN_BYTES, |rest| rest.min(PIECE_LEN_BYTES))
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// Two sources are equal when they are the same one; what they would make is not compared.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Source(a), Self::Source(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Content {}

/// Fills `buf` with a part of a sequence of records of `N` bytes each, from byte `offset` of the
/// sequence on; `record` makes the one with an index. For [`Source::fill`].
pub fn fill_records<const N: usize>(
    buf: &mut [u8],
    offset: u64,
    mut record: impl FnMut(u64) -> [u8; N],
) {
    let size = (N as u64).max(1);
    let mut index = offset / size;
    let mut skip = usize::try_from(offset % size).unwrap_or(0);
    let mut rest = buf;
    while !rest.is_empty() {
        let bytes = record(index);
        let part = &bytes[skip..];
        let (now, later) = rest.split_at_mut(part.len().min(rest.len()));
        now.copy_from_slice(&part[..now.len()]);
        rest = later;
        skip = 0;
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Counting(u64);

    impl Source for Counting {
        fn len_bytes(&self) -> u64 {
            self.0 * 3
        }

        fn fill(&self, buf: &mut [u8], offset: u64) -> DiskResult<()> {
            fill_records(buf, offset, |index| {
                let [a, b, c, ..] = index.to_le_bytes();
                [a, b, c]
            });
            Ok(())
        }
    }

    fn all(content: &Content) -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        let mut largest = 0;
        content
            .pieces(|piece, offset| {
                assert_eq!(offset, bytes.len() as u64);
                bytes.extend_from_slice(piece);
                largest = largest.max(piece.len());
                Ok(())
            })
            .unwrap();
        (bytes, largest)
    }

    // rule: dec:4
    #[test]
    fn a_source_is_asked_for_bounded_pieces_that_join_to_its_whole() {
        // 256 KiB are no multiple of 3: records lie across the borders of pieces.
        for count in [0u64, 1, 100, 200_000] {
            let content = Content::Source(Arc::new(Counting(count)));
            let (bytes, largest) = all(&content);
            let expected: Vec<u8> = (0..count)
                .flat_map(|index| index.to_le_bytes()[..3].to_vec())
                .collect();
            assert!(bytes == expected && largest <= PIECE_LEN_BYTES);
            assert_eq!(content.len_bytes(), bytes.len() as u64);
            assert_eq!(content, content.clone());
            assert_ne!(content, Content::Bytes(bytes));
        }
    }
}
