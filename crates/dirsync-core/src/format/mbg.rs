//! MBG, the headers of the messages in a mailbag.
//!
//! No file header; records of 116 bytes in order of arrival (Q77926, dump in Q108027). Whether a
//! record is deleted stands in the KEY file alone. An empty file is the empty mailbag (Q104279).
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | priority | ASSIGNED | decisions 2.13 |
//! | 1 | 1 | flags | ASSIGNED | decisions 2.13 |
//! | 2 | 11 | sender | DOCUMENTED | Q108027 |
//! | 13 | 41 | subject | DOCUMENTED | Q108027 Q156844 |
//! | 54 | 12 | date | INFERRED | Q108027 |
//! | 66 | 1 | reserved_66 | ASSIGNED | decisions 2.13 |
//! | 67 | 9 | mai | DOCUMENTED | Q108027 |
//! | 76 | 2 | attachments | ASSIGNED | decisions 2.13 |
//! | 78 | 4 | size_bytes | INFERRED | Q108027 |
//! | 82 | 2 | retries | ASSIGNED | decisions 2.13 |
//! | 84 | 24 | reserved_84 | ASSIGNED | decisions 2.13 |
//! | 108 | 4 | tag | ASSIGNED | decisions 2.13 |
//! | 112 | 4 | reserved_112 | ASSIGNED | decisions 2.13 |
//!
//! The widths of sender and subject are INFERRED; `date` is second, minute, hour, day, month and year,
//! two bytes each.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Hex8, Reserved};
use super::record::{FileLayout, FixedRecord, NoHeader, fixed_record};
use crate::base::{DecodeError, HexId};

/// Length of one record in bytes (Q108027).
pub const MBG_RECORD_LEN_BYTES: usize = 116;
/// Characters of a subject in a header (Q156844).
pub const SUBJECT_MAX: usize = 40;

/// An MBG file.
pub const MBG_FILE: FileLayout<NoHeader, MbgRecord> = FileLayout::new("MBG/*.MBG");

/// Flag: the owner has read the message. ASSIGNED.
pub const FLAG_READ: u8 = 0x01;
/// Flag: a message of the mail system. ASSIGNED.
pub const FLAG_SYSTEM: u8 = 0x02;
/// Flag: a non-delivery report. ASSIGNED.
pub const FLAG_NON_DELIVERY: u8 = 0x04;

/// One message header.
#[derive(Debug, Clone, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MbgRecord {
    /// 0 normal, 1 low, 2 high; see [`Priority`].
    pub priority: u8,
    /// [`FLAG_READ`], [`FLAG_SYSTEM`], [`FLAG_NON_DELIVERY`].
    pub flags: u8,
    /// Mailbox of the sender.
    pub sender: CpField<11>,
    /// Subject, up to 40 characters.
    pub subject: CpField<41>,
    /// Date and time of the message, UTC in our trees.
    pub date: MbgDate,
    /// Unknown.
    pub reserved_66: Reserved<1>,
    /// Stem of the MAI file, and of the P1 file in an in-queue.
    pub mai: Hex8,
    /// Number of attachments.
    pub attachments: U16,
    /// Bytes of the MAI file and its ATT files.
    pub size_bytes: U32,
    /// Delivery attempts so far.
    pub retries: U16,
    /// Unknown; 18h at byte 88 in both published records.
    pub reserved_84: Reserved<24>,
    /// CRC-32 of the Message-ID, see [`message_tag`].
    pub tag: U32,
    /// Unknown.
    pub reserved_112: Reserved<4>,
}

fixed_record!(MbgRecord, "MBG record", 116, "Q77926 Q108027", {
    priority: 0, flags: 1, sender: 2, subject: 13, date: 54, reserved_66: 66, mai: 67,
    attachments: 76, size_bytes: 78, retries: 82, reserved_84: 84, tag: 108, reserved_112: 112,
});

/// Priority of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Priority {
    /// Normal.
    #[default]
    Normal,
    /// Low.
    Low,
    /// High.
    High,
}

impl Priority {
    /// The byte of an MBG record.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Low => 1,
            Self::High => 2,
        }
    }

    /// The priority of a byte of an MBG record; what is unknown counts as normal.
    #[must_use]
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Low,
            2 => Self::High,
            _ => Self::Normal,
        }
    }
}

/// The six date words of a record. Any words can be held; only sound ones are a date.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct MbgDate {
    /// 0-59.
    pub second: U16,
    /// 0-59.
    pub minute: U16,
    /// 0-23.
    pub hour: U16,
    /// 1-31.
    pub day: U16,
    /// 1-12.
    pub month: U16,
    /// All four digits.
    pub year: U16,
}

impl MbgDate {
    /// The date; `None` when the words are none (damaged headers show nonsense, Q123319).
    #[must_use]
    pub fn civil(&self) -> Option<DateTime> {
        let small = |word: U16| i8::try_from(word.get()).ok();
        DateTime::new(
            i16::try_from(self.year.get()).ok()?,
            small(self.month)?,
            small(self.day)?,
            small(self.hour)?,
            small(self.minute)?,
            small(self.second)?,
            0,
        )
        .ok()
    }

    /// Seconds since 1970 when the words are UTC; `None` when they are no date of that range.
    #[must_use]
    pub fn seconds_utc(&self) -> Option<u32> {
        let zoned = self.civil()?.to_zoned(TimeZone::UTC).ok()?;
        u32::try_from(zoned.timestamp().as_second()).ok()
    }

    /// The words for a time in seconds since 1970, in UTC.
    #[must_use]
    pub fn from_seconds_utc(seconds: u32) -> Self {
        let civil = jiff::Timestamp::from_second(i64::from(seconds))
            .unwrap_or_default()
            .to_zoned(TimeZone::UTC)
            .datetime();
        let small = |value: i8| U16::new(u16::try_from(value).unwrap_or(0));
        Self {
            second: small(civil.second()),
            minute: small(civil.minute()),
            hour: small(civil.hour()),
            day: small(civil.day()),
            month: small(civil.month()),
            year: U16::new(u16::try_from(civil.year()).unwrap_or(0)),
        }
    }
}

impl MbgRecord {
    /// A header for the message in `mai`, dated `seconds_utc` since 1970. A subject longer than 40
    /// bytes is cut (DEC-060); NULs in it become blanks.
    ///
    /// # Errors
    /// A sender of more than 10 bytes.
    pub fn new(
        sender: &[u8],
        subject: &[u8],
        mai: HexId,
        seconds_utc: u32,
    ) -> Result<Self, DecodeError> {
        let cut: Vec<u8> = subject
            .iter()
            .take(SUBJECT_MAX)
            .map(|&byte| if byte == 0 { b' ' } else { byte })
            .collect();
        Ok(Self {
            sender: CpField::from_bytes(sender)?,
            subject: CpField::from_bytes(&cut)?,
            date: MbgDate::from_seconds_utc(seconds_utc),
            mai: Hex8::from_id(mai),
            ..Self::zeroed()
        })
    }

    /// Whether the owner has read the message.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.flags & FLAG_READ != 0
    }

    /// The priority.
    #[must_use]
    pub fn priority(&self) -> Priority {
        Priority::from_byte(self.priority)
    }
}

/// The tag of a header: CRC-32 (IEEE) of the Message-ID. ASSIGNED.
#[must_use]
pub fn message_tag(message_id: &[u8]) -> u32 {
    crc32fast::hash(message_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testhex::listing;
    use proptest::prelude::*;

    const FILE: &[u8] = include_bytes!("../../../../fixtures/binary/q108027-00000000.mbg.bin");

    // rule: pof:R-MBG-002
    // rule: dec:2.13
    // rule: dec:DEC-103
    // rule: std:7
    // rule: tra:OQ-03
    #[test]
    fn the_published_mailbag_has_the_published_values() {
        let view = MBG_FILE.view(FILE).unwrap();
        assert!(view.trailing.is_empty());
        let expected = [
            ("This is the subject", 0x62, 25, 552, 0x005B_C998),
            ("This is the next subject", 0x63, 26, 554, 0x006B_5482),
        ];
        assert_eq!(view.records.len(), expected.len());
        for (record, (subject, mai, minute, size, tag)) in view.records.iter().zip(expected) {
            assert_eq!(record.sender.text(), b"Martian");
            assert_eq!(record.subject.text(), subject.as_bytes());
            assert_eq!(record.mai.get().unwrap(), Some(HexId(mai)));
            let date = jiff::civil::date(1993, 10, 8).at(16, minute, 0, 0);
            assert_eq!(record.date.civil(), Some(date));
            assert_eq!(record.size_bytes.get(), size);
            assert_eq!(record.reserved_84.bytes()[4], 0x18);
            assert_eq!(record.tag.get(), tag);
            assert_eq!(record.priority(), Priority::Normal);
            assert!(!record.is_read());
        }
        assert_eq!(MBG_FILE.build(&NoHeader {}, view.records), FILE);
    }

    // rule: pof:R-MBG-002
    #[test]
    fn the_printed_dump_has_24_bytes_too_many() {
        let dump = listing(include_str!(
            "../../../../fixtures/binary/q108027-dump-256.hex"
        ));
        let view = MBG_FILE.view(&dump).unwrap();
        assert_eq!((view.records.len(), view.trailing.len()), (2, 24));
        assert_eq!(view.records.as_bytes(), FILE);
    }

    // rule: dec:2.13
    // rule: dec:DEC-060
    // rule: dec:DEC-103
    // rule: pof:D-14
    #[test]
    fn a_new_header_cuts_the_subject_and_keeps_the_time() {
        let subject = b"SrvTx R=3 S=87298 (was 0), I=2 15603 sent";
        let record = MbgRecord::new(b"$SYSTEM", subject, HexId(0x62), 765_720_832).unwrap();
        assert_eq!(record.subject.text(), &subject[..40]);
        let date = jiff::civil::date(1994, 4, 7).at(12, 13, 52, 0);
        assert_eq!(record.date.civil(), Some(date));
        assert_eq!(record.date.seconds_utc(), Some(765_720_832));
        assert_eq!(&record.encode()[67..76], b"00000062\0");
        assert!(MbgRecord::new(b"ELEVENBYTES", b"", HexId(1), 0).is_err());
        assert_eq!(message_tag(b"123456789"), 0xCBF4_3926);
    }

    // rule: pof:R-MBG-007
    #[test]
    fn nonsense_in_the_date_words_is_no_date() {
        let record = MbgRecord::decode(&[0x55; 116]).unwrap();
        assert_eq!(
            (record.date.civil(), record.date.seconds_utc()),
            (None, None)
        );
        assert!(record.mai.get().is_err());
    }

    proptest! {
        // rule: dec:2.13
        // rule: pof:D-14
        #[test]
        fn any_bytes_are_read_and_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let view = MBG_FILE.view(&bytes).unwrap();
            prop_assert_eq!(view.trailing.len(), bytes.len() % MBG_RECORD_LEN_BYTES);
            let mut again = MBG_FILE.build(&NoHeader {}, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(again, bytes.clone());
            for record in view.records {
                let _ = (record.date.civil(), record.date.seconds_utc(), record.mai.get());
            }
        }

        // rule: dec:2.13
        #[test]
        fn every_time_survives(seconds: u32) {
            prop_assert_eq!(MbgDate::from_seconds_utc(seconds).seconds_utc(), Some(seconds));
        }
    }
}
