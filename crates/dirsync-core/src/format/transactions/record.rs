//! One transaction record.

use super::checksum::crc16;
use crate::base::{DecodeError, DecodeErrorKind};

/// Length of a record without its text, in bytes (INFERRED from Q133428 and Q110496).
pub const HEAD_LEN_BYTES: usize = 24;
/// Longest text of a record in bytes, NUL left out. ASSIGNED (decisions section 4).
pub const TEXT_MAX_BYTES: usize = 65_534;
/// Longest record in bytes.
pub const RECORD_LEN_MAX_BYTES: usize = HEAD_LEN_BYTES + TEXT_MAX_BYTES + 1;
/// The magic bytes at offset 20. ASSIGNED: they let a reader find the next record after damage.
pub const MAGIC: [u8; 4] = *b"DXT1";
/// Text of our dummy record (DEC-012): 24 characters make a file of 49 bytes (Q133428).
pub const DUMMY_TEXT: &[u8] = b"# Last confirmed sync no";
/// Text of PODIAG's dummy record: a file of 60 bytes (Q110496).
pub const PODIAG_DUMMY_TEXT: &[u8] = b"# Dummy record installed by PODIAG.";

const WHAT: &str = "transaction record";

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// A transaction.
    #[default]
    Transaction,
    /// A dummy that keeps the last confirmed number (R-TXN-010).
    Dummy,
    /// The first record of RESYNC.GLB.
    ResyncHeader,
    /// A kind this version does not know.
    Other(u8),
}

impl Kind {
    /// The byte of a record.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Transaction => 0,
            Self::Dummy => 1,
            Self::ResyncHeader => 2,
            Self::Other(byte) => byte,
        }
    }

    /// The kind of a byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Transaction,
            1 => Self::Dummy,
            2 => Self::ResyncHeader,
            other => Self::Other(other),
        }
    }
}

/// What stands in front of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordHead {
    /// Time of entry into the file, seconds since 1970 UTC.
    pub date: u32,
    /// The number; 0 in a RESYNC header and in list parts.
    pub sync: u32,
    /// What the record is.
    pub kind: Kind,
    /// Flags; 0.
    pub flags: u8,
    /// Kept when rewritten.
    pub reserved: [u8; 6],
}

/// A record whose checksum is right, its text borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What stands in front of the text.
    pub head: RecordHead,
    /// The text in code page 850 without its final NUL; lines joined with CR LF (DEC-013).
    pub text: &'a [u8],
}

impl<'a> Record<'a> {
    /// A transaction.
    #[must_use]
    pub fn transaction(sync: u32, date: u32, text: &'a [u8]) -> Self {
        Self {
            head: RecordHead {
                date,
                sync,
                ..RecordHead::default()
            },
            text,
        }
    }

    /// The dummy that keeps number `sync` (DEC-012).
    #[must_use]
    pub fn dummy(sync: u32, date: u32) -> Record<'static> {
        let head = RecordHead {
            date,
            sync,
            kind: Kind::Dummy,
            ..RecordHead::default()
        };
        Record {
            head,
            text: DUMMY_TEXT,
        }
    }

    /// Whether the record only keeps a number: kind 1, or a transaction whose text is a comment
    /// (R-TXN-010). A dummy is never sent.
    #[must_use]
    pub fn is_dummy(&self) -> bool {
        match self.head.kind {
            Kind::Dummy => true,
            Kind::Transaction => self.text.first() == Some(&b'#'),
            Kind::ResyncHeader | Kind::Other(_) => false,
        }
    }

    /// Length of the record in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        HEAD_LEN_BYTES + self.text.len() + 1
    }

    /// Appends the record to `out`.
    ///
    /// # Errors
    /// An empty text or one above [`TEXT_MAX_BYTES`]; `out` is left as it was.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let length = u16::try_from(self.text.len() + 1)
            .ok()
            .filter(|&length| length >= 2)
            .ok_or_else(|| {
                let (limit, found) = (TEXT_MAX_BYTES as u64, self.text.len() as u64);
                DecodeError::new(WHAT, 2, DecodeErrorKind::Limit("the text", limit, found))
            })?;
        let start = out.len();
        out.reserve(self.len_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.head.date.to_le_bytes());
        out.extend_from_slice(&self.head.sync.to_le_bytes());
        out.extend_from_slice(&[self.head.kind.byte(), self.head.flags]);
        out.extend_from_slice(&self.head.reserved);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(self.text);
        out.push(0);
        let crc = crc16(&out[start + 2..]);
        out[start..start + 2].copy_from_slice(&crc.to_le_bytes());
        Ok(())
    }

    /// The bytes of the record.
    ///
    /// # Errors
    /// An empty text or one above [`TEXT_MAX_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        self.encode_into(&mut out)?;
        Ok(out)
    }

    /// Reads the record at the start of `bytes`.
    ///
    /// # Errors
    /// Too few bytes, no magic, an impossible length, no NUL at the end, a wrong checksum: the
    /// record is damaged. Offsets count from the start of the record.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let record = frame(bytes)?;
        let stored = u16_at(record, 0);
        let computed = crc16(&record[2..]);
        if stored != computed {
            let kind = DecodeErrorKind::BadChecksum(u32::from(stored), u32::from(computed));
            return Err(DecodeError::new(WHAT, 0, kind));
        }
        Ok(Self::of_frame(record))
    }

    /// The parts of a record that [`frame`] found and whose checksum is right.
    pub(super) fn of_frame(record: &'a [u8]) -> Self {
        let mut reserved = [0; 6];
        reserved.copy_from_slice(&record[14..20]);
        Self {
            head: RecordHead {
                date: u32_at(record, 4),
                sync: u32_at(record, 8),
                kind: Kind::from_byte(record[12]),
                flags: record[13],
                reserved,
            },
            text: &record[HEAD_LEN_BYTES..record.len() - 1],
        }
    }
}

/// The bytes of the record at the start of `bytes`, everything checked but the checksum.
pub(super) fn frame(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let short = |needed: usize| {
        let kind = DecodeErrorKind::TooShort(needed as u64, bytes.len() as u64);
        DecodeError::new(WHAT, 0, kind)
    };
    let head = bytes
        .get(..HEAD_LEN_BYTES)
        .ok_or_else(|| short(HEAD_LEN_BYTES))?;
    if head[20..] != MAGIC {
        return Err(DecodeError::new(WHAT, 20, DecodeErrorKind::BadMagic));
    }
    let length = usize::from(u16_at(head, 2));
    if length < 2 {
        return Err(DecodeError::new(
            WHAT,
            2,
            DecodeErrorKind::BadField("length"),
        ));
    }
    let end = HEAD_LEN_BYTES + length;
    let record = bytes.get(..end).ok_or_else(|| short(end))?;
    if record[end - 1] != 0 {
        let kind = DecodeErrorKind::BadText("no NUL ends the text");
        return Err(DecodeError::new(WHAT, (end - 1) as u64, kind));
    }
    Ok(record)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The stored checksum of a record.
pub(super) fn stored_crc(record: &[u8]) -> u16 {
    u16_at(record, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testhex::digits;
    use proptest::prelude::*;

    const DATE: u32 = 765_720_832;

    // rule: dec:TV-DEC-1
    // rule: dec:DEC-010
    // rule: dec:2.2
    // rule: pof:R-DSY-004
    #[test]
    fn the_published_records_have_the_published_sizes_and_checksums() {
        for (sync, text, size, crc) in [
            (1, "R PCM:POLYNOMIAL/MONTGOMERY", 52, 0xBDDC),
            (
                2,
                "A able is he who knows his limit\tPCM:POLYNOMIAL/MONTGOMERY/able",
                88,
                0x26C7,
            ),
            (3, "A apple\tPCM:POLYNOMIAL/MONTGOMERY/apple", 64, 0x65B3),
            (4, "A Paul\tPCM:POLYNOMIAL/MONTGOMERY/paul", 62, 0xBBFF),
            (5, "A Bryan\tPCM:POLYNOMIAL/MONTGOMERY/bryan", 64, 0x17D8),
            (6, "A Mark\tPCM:POLYNOMIAL/MONTGOMERY/mark", 62, 0xBDE6),
        ] {
            let bytes = Record::transaction(sync, DATE, text.as_bytes())
                .encode()
                .unwrap();
            assert_eq!((bytes.len(), stored_crc(&bytes)), (size, crc), "{text}");
        }
        let podiag = Record {
            text: PODIAG_DUMMY_TEXT,
            ..Record::dummy(17, DATE)
        };
        let bytes = podiag.encode().unwrap();
        assert_eq!((bytes.len(), stored_crc(&bytes)), (60, 0xB365));
        let head = RecordHead {
            kind: Kind::ResyncHeader,
            sync: 0,
            date: DATE,
            ..RecordHead::default()
        };
        let text = b"IMPSEQ=0000000003 REQSEQ=0000000018 SRVSEQ=0000000080";
        let bytes = Record { head, text }.encode().unwrap();
        assert_eq!((bytes.len(), stored_crc(&bytes)), (78, 0x1115));
    }

    /// Checksum, sync number and text of the listing in Q96060.
    const PUBLISHED: [(u16, u32, &str); 6] = [
        (0xFB16, 1, "R PCM:POLYNOMIAL/MONTGOMERY"),
        (
            0xB4A2,
            2,
            "A able is he who knows his limit\tPCM:POLYNOMIAL/MONTGOMERY/able",
        ),
        (0x2FC1, 3, "A apple\tPCM:POLYNOMIAL/MONTGOMERY/apple"),
        (0xD2CD, 4, "A Paul\tPCM:POLYNOMIAL/MONTGOMERY/paul"),
        (0x6D23, 5, "A Bryan\tPCM:POLYNOMIAL/MONTGOMERY/bryan"),
        (0x16F9, 6, "A Mark\tPCM:POLYNOMIAL/MONTGOMERY/mark"),
    ];

    // rule: dsp:R-LQ-001
    #[test]
    #[ignore = "how the originals computed their checksum was never published"]
    fn the_published_checksums() {
        for (crc, sync, text) in PUBLISHED {
            let bytes = Record::transaction(sync, DATE, text.as_bytes())
                .encode()
                .unwrap();
            assert_eq!(stored_crc(&bytes), crc, "{text}");
        }
    }

    // rule: dsp:R-LQ-001
    #[test]
    fn the_checksum_is_one_function_of_the_bytes_behind_it() {
        for (crc, sync, text) in PUBLISHED {
            let bytes = Record::transaction(sync, DATE, text.as_bytes())
                .encode()
                .unwrap();
            // All of it comes from the module `checksum`, so that the right one can be put there.
            assert_eq!(
                stored_crc(&bytes),
                super::super::checksum::crc16(&bytes[2..])
            );
            // The day this fails, the test above is to be run always.
            assert_ne!(stored_crc(&bytes), crc, "{text}");
        }
    }

    // rule: dec:TV-DEC-1
    // rule: dec:DEC-012
    // rule: pof:D-20
    #[test]
    fn the_dummy_file_of_49_bytes_is_exact() {
        let file = digits(
            "2F D9 19 00 00 F9 A3 2D 11 00 00 00 01 00 00 00 00 00 00 00 44 58 54 31
             23 20 4C 61 73 74 20 63 6F 6E 66 69 72 6D 65 64 20 73 79 6E 63 20 6E 6F 00",
        );
        let dummy = Record::dummy(17, DATE);
        assert_eq!(dummy.encode().unwrap(), file);
        assert_eq!(Record::decode(&file).unwrap(), dummy);
        assert!(dummy.is_dummy());
        assert!(Record::transaction(17, DATE, PODIAG_DUMMY_TEXT).is_dummy());
        assert!(!Record::transaction(17, DATE, b"R PCM:NET/PO").is_dummy());
    }

    // rule: dec:2.2
    #[test]
    fn a_text_has_1_to_65534_bytes() {
        let mut text = vec![b'x'; TEXT_MAX_BYTES + 1];
        assert!(Record::transaction(1, 0, &text).encode().is_err());
        text.pop();
        let bytes = Record::transaction(1, 0, &text).encode().unwrap();
        assert_eq!(bytes.len(), RECORD_LEN_MAX_BYTES);
        assert!(Record::decode(&bytes).is_ok());
        assert!(Record::transaction(1, 0, b"").encode().is_err());
    }

    proptest! {
        // rule: dec:2.2
        #[test]
        fn what_is_written_is_read(
            date: u32, sync: u32, kind: u8, flags: u8, reserved: [u8; 6],
            text in proptest::collection::vec(any::<u8>(), 1..300),
            flip: proptest::sample::Index, bit in 0u8..8,
        ) {
            let head = RecordHead { date, sync, kind: Kind::from_byte(kind), flags, reserved };
            let record = Record { head, text: &text };
            let mut bytes = record.encode().unwrap();
            prop_assert_eq!(bytes.len(), record.len_bytes());
            prop_assert_eq!(Record::decode(&bytes).unwrap(), record);
            let at = flip.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Record::decode(&bytes).is_err());
        }

        // rule: dec:2.2
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(record) = Record::decode(&bytes) {
                prop_assert_eq!(record.encode().unwrap(), &bytes[..record.len_bytes()]);
            }
        }
    }
}
