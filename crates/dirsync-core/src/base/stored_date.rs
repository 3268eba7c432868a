//! Dates as records and directories store them: the six words of a mailbag header and the packed
//! form of DOS.
//!
//! | type | bytes | form | status |
//! |---|---|---|---|
//! | [`MailDate`] | 12 | u16 second, minute, hour, day, month, year | INFERRED (Q108027, decisions.md 2.13) |
//! | [`DosDateTime`] | 4 | u16 time, u16 date as in a FAT directory | DOCUMENTED (DOS) |

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::time::{UnixTime, civil};

/// Date and time of a mailbag header: six little-endian words (INFERRED, Q108027).
///
/// Any twelve bytes can be held; [`Self::civil`] answers only for real dates.
#[derive(
    FromBytes,
    IntoBytes,
    Unaligned,
    Immutable,
    KnownLayout,
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
)]
#[repr(C)]
pub struct MailDate {
    /// 0-59.
    pub second: U16,
    /// 0-59.
    pub minute: U16,
    /// 0-23; UTC in our trees.
    pub hour: U16,
    /// 1-31.
    pub day: U16,
    /// 1-12.
    pub month: U16,
    /// Four digits.
    pub year: U16,
}

impl MailDate {
    /// The words of a civil time; `None` for a negative year.
    #[must_use]
    pub fn from_civil(civil: DateTime) -> Option<Self> {
        let word = |value: i8| u16::try_from(value).ok().map(U16::new);
        Some(Self {
            second: word(civil.second())?,
            minute: word(civil.minute())?,
            hour: word(civil.hour())?,
            day: word(civil.day())?,
            month: word(civil.month())?,
            year: U16::new(u16::try_from(civil.year()).ok()?),
        })
    }

    /// The words of a time in UTC, as our trees store it.
    #[must_use]
    pub fn from_unix(time: UnixTime) -> Self {
        Self::from_civil(time.zoned(&TimeZone::UTC).datetime()).unwrap_or_default()
    }

    /// The civil time, `None` when the words are no date at all.
    #[must_use]
    pub fn civil(&self) -> Option<DateTime> {
        civil(
            self.year.get().into(),
            self.month.get().into(),
            self.day.get().into(),
            self.hour.get().into(),
            self.minute.get().into(),
            self.second.get().into(),
        )
    }

    /// The time when the words are read in `zone`; `None` when they are no date, or one outside
    /// 1970-2106.
    #[must_use]
    pub fn unix(&self, zone: &TimeZone) -> Option<UnixTime> {
        let timestamp = zone.to_timestamp(self.civil()?).ok()?;
        UnixTime::from_timestamp(timestamp)
    }
}

/// Date and time as packed by DOS: local time, 1980 to 2107, even seconds.
#[derive(
    FromBytes,
    IntoBytes,
    Unaligned,
    Immutable,
    KnownLayout,
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
)]
#[repr(C)]
pub struct DosDateTime {
    /// Bits 0-4 seconds / 2, 5-10 minute, 11-15 hour.
    pub time: U16,
    /// Bits 0-4 day, 5-8 month, 9-15 year − 1980.
    pub date: U16,
}

impl DosDateTime {
    /// The civil time, `None` when the bits are no date (all zero, month 15, second 60 …).
    #[must_use]
    pub fn civil(&self) -> Option<DateTime> {
        let (time, date) = (i32::from(self.time.get()), i32::from(self.date.get()));
        civil(
            1980 + (date >> 9),
            (date >> 5) & 15,
            date & 31,
            time >> 11,
            (time >> 5) & 63,
            (time & 31) * 2,
        )
    }

    /// The packed form, odd seconds rounded down; `None` outside 1980-2107.
    #[must_use]
    pub fn from_civil(civil: DateTime) -> Option<Self> {
        let field = |value: i8| u16::try_from(value).ok();
        let year = u16::try_from(civil.year()).ok()?.checked_sub(1980)?;
        if year > 127 {
            return None;
        }
        let date = (year << 9) | (field(civil.month())? << 5) | field(civil.day())?;
        let time = (field(civil.hour())? << 11)
            | (field(civil.minute())? << 5)
            | (field(civil.second())? / 2);
        Some(Self {
            time: U16::new(time),
            date: U16::new(date),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: pof:R-MBG-002
    #[test]
    fn the_words_of_a_mailbag_header() {
        // Words at offset 54 of both records of the printed mailbag (Q108027).
        for (words, expected) in [
            ([0u16, 25, 16, 8, 10, 1993], "1993-10-08T16:25:00"),
            ([0, 26, 16, 8, 10, 1993], "1993-10-08T16:26:00"),
        ] {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let date = MailDate::read_from_bytes(&bytes).unwrap();
            assert_eq!(date.civil().unwrap().to_string(), expected);
        }
        let garbage = MailDate::read_from_bytes(&[0xFF; 12]).unwrap();
        assert_eq!(garbage.civil(), None);
        assert_eq!(MailDate::default().civil(), None);
        assert_eq!(MailDate::default().unix(&TimeZone::UTC), None);
    }

    // rule: dec:2.2
    #[test]
    fn dos_dates_of_known_files() {
        // 1993-10-08 16:34:12.
        let packed = DosDateTime {
            time: U16::new(0x8446),
            date: U16::new(0x1B48),
        };
        assert_eq!(packed.civil().unwrap().to_string(), "1993-10-08T16:34:12");
        assert_eq!(DosDateTime::default().civil(), None);
        assert_eq!(
            DosDateTime::from_civil(DateTime::constant(1979, 12, 31, 0, 0, 0, 0)),
            None
        );
        assert_eq!(
            DosDateTime::from_civil(DateTime::constant(2108, 1, 1, 0, 0, 0, 0)),
            None
        );
    }

    proptest! {
        // rule: pof:R-MBG-002
        #[test]
        fn arbitrary_words_never_panic(bytes: [u8; 12]) {
            let date = MailDate::read_from_bytes(&bytes).unwrap();
            if let Some(civil) = date.civil() {
                prop_assert_eq!(MailDate::from_civil(civil), Some(date));
            }
            let _ = date.unix(&TimeZone::UTC);
        }

        // rule: dec:2.2
        #[test]
        fn dos_dates_round_trip(bytes: [u8; 4]) {
            let packed = DosDateTime::read_from_bytes(&bytes).unwrap();
            if let Some(civil) = packed.civil() {
                prop_assert_eq!(DosDateTime::from_civil(civil), Some(packed));
            }
        }
    }
}
