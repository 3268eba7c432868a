//! Times: seconds since 1970, the six words of a mailbag header, DOS dates, the texts of listings,
//! logs and message dates, and time zones.
//!
//! | type | bytes | form | status |
//! |---|---|---|---|
//! | [`UnixTime`] | 4 | u32 seconds since 1970-01-01 UTC, 0 = never | ASSIGNED (decisions.md 2) |
//! | [`MailDate`] | 12 | u16 second, minute, hour, day, month, year | INFERRED (Q108027, decisions.md 2.13) |
//! | [`DosDateTime`] | 4 | u16 time, u16 date as in a FAT directory | DOCUMENTED (DOS) |
//!
//! Nothing here reads a clock or the machine's zone tables: zones come from the data that jiff
//! carries along, so the same text means the same zone everywhere.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::error::{DecodeError, DecodeErrorKind};

/// Seconds since 1970-01-01 00:00:00 UTC; reaches to 2106. 0 means "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct UnixTime(pub u32);

impl UnixTime {
    /// The value that means "never" in every field.
    pub const NEVER: Self = Self(0);

    /// Whether the field means "never".
    #[must_use]
    pub fn is_never(self) -> bool {
        self == Self::NEVER
    }

    /// The time of a jiff timestamp, fractions cut off; `None` before 1970 and after 2106.
    #[must_use]
    pub fn from_timestamp(timestamp: Timestamp) -> Option<Self> {
        u32::try_from(timestamp.as_second()).ok().map(Self)
    }

    /// The jiff timestamp of this time.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        // Every u32 lies inside jiff's range of years -9999 to 9999.
        Timestamp::from_second(i64::from(self.0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// This time in a zone.
    #[must_use]
    pub fn zoned(self, zone: &TimeZone) -> Zoned {
        self.timestamp().to_zoned(zone.clone())
    }

    /// The form of LISTQ and LISTDS: `Thu Apr 07 12:13:52 1994` (Q96060).
    #[must_use]
    pub fn listing(self, zone: &TimeZone) -> String {
        self.zoned(zone)
            .strftime("%a %b %d %H:%M:%S %Y")
            .to_string()
    }

    /// RFC 3339 with a numeric offset: `1994-04-07T12:13:52+00:00`.
    #[must_use]
    pub fn rfc3339(self, zone: &TimeZone) -> String {
        self.zoned(zone)
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string()
    }

    /// The form of the Date field of a message: `19940407-121352+0000`, always UTC
    /// (RFC 841; decisions.md 2.14).
    #[must_use]
    pub fn fips(self) -> String {
        self.zoned(&TimeZone::UTC)
            .strftime("%Y%m%d-%H%M%S+0000")
            .to_string()
    }

    /// Reads `YYYYMMDD[-hhmm[ss][±hhmm]]` (RFC 841); without an offset UTC, without a time
    /// midnight (ASSIGNED).
    ///
    /// # Errors
    /// `BadText` for any other form, an impossible date, or one outside 1970-2106.
    pub fn from_fips(text: &[u8]) -> Result<Self, DecodeError> {
        read_fips(text).ok_or_else(|| {
            DecodeError::new(
                "date",
                0,
                DecodeErrorKind::BadText("a date YYYYMMDD-hhmmss+0000 is expected"),
            )
        })
    }

    /// Seconds from this time to `now`; 0 when it lies after `now`.
    #[must_use]
    pub fn age_seconds(self, now: Self) -> u32 {
        now.0.saturating_sub(self.0)
    }
}

impl FromStr for UnixTime {
    type Err = DecodeError;

    /// Reads RFC 3339 with `Z` or an offset; fractions of a second are cut off.
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Timestamp::from_str(text)
            .ok()
            .and_then(Self::from_timestamp)
            .ok_or_else(|| {
                DecodeError::new(
                    "time",
                    0,
                    DecodeErrorKind::BadText(
                        "a time such as 1994-04-07T12:13:52Z between 1970 and 2106 is expected",
                    ),
                )
            })
    }
}

/// The digits of `text` as a number; `None` when there is anything else or nothing.
fn digits(text: &[u8]) -> Option<i32> {
    if text.is_empty() || text.len() > 8 {
        return None;
    }
    text.iter().try_fold(0i32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        Some(value * 10 + i32::from(digit))
    })
}

fn civil(year: i32, month: i32, day: i32, hour: i32, minute: i32, second: i32) -> Option<DateTime> {
    let small = |value: i32| i8::try_from(value).ok();
    DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()
}

fn read_fips(text: &[u8]) -> Option<UnixTime> {
    let (date, rest) = text.split_at_checked(8)?;
    let (clock, offset_seconds) = match rest.split_first() {
        None => (&b"0000"[..], 0),
        Some((b'-', rest)) => {
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b'+' | b'-'))
                .unwrap_or(rest.len());
            let (clock, offset) = rest.split_at(end);
            let seconds = match offset.split_first() {
                None => 0,
                Some((sign, hhmm)) if hhmm.len() == 4 => {
                    let hours = digits(&hhmm[..2])?;
                    let minutes = digits(&hhmm[2..]).filter(|minutes| *minutes < 60)?;
                    let seconds = hours * 3600 + minutes * 60;
                    if *sign == b'-' { -seconds } else { seconds }
                }
                Some(_) => return None,
            };
            (clock, seconds)
        }
        Some(_) => return None,
    };
    let second = match clock.len() {
        4 => 0,
        6 => digits(&clock[4..])?,
        _ => return None,
    };
    let local = civil(
        digits(&date[..4])?,
        digits(&date[4..6])?,
        digits(&date[6..])?,
        digits(&clock[..2])?,
        digits(&clock[2..4])?,
        second,
    )?;
    let utc = TimeZone::UTC.to_timestamp(local).ok()?;
    let seconds = utc.as_second().checked_sub(i64::from(offset_seconds))?;
    u32::try_from(seconds).ok().map(UnixTime)
}

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

/// The two digits of a year in a documented log line: the year modulo 100 (DEC-108).
#[must_use]
pub fn two_digit_year(year: i16) -> u8 {
    u8::try_from(year.rem_euclid(100)).unwrap_or(0)
}

/// The year meant by a number in an old log: 80-99 is 19xx, 0-79 is 20xx (pivot ASSIGNED: DOS
/// dates start in 1980), 100-199 counts from 1900 (the fault of Q192158), four digits are
/// themselves. `None` for anything else.
#[must_use]
pub fn full_year(number: u16) -> Option<i16> {
    match number {
        0..=79 => i16::try_from(2000 + number).ok(),
        80..=199 => i16::try_from(1900 + number).ok(),
        1900..=9999 => i16::try_from(number).ok(),
        _ => None,
    }
}

/// Reads date and time at the start of a line of an old log: `mm/dd/yy hh:mm[:ss]`, also with `-`,
/// one-digit numbers and three- or four-digit years. Returns the time and the rest of the line.
#[must_use]
pub fn read_log_stamp(line: &str) -> Option<(DateTime, &str)> {
    let (date, rest) = line.split_once(' ')?;
    let mut parts = date.split(['/', '-']);
    let mut number = || parts.next().and_then(|part| digits(part.as_bytes()));
    let (month, day, year) = (number()?, number()?, number()?);
    let year = full_year(u16::try_from(year).ok()?)?;
    let rest = rest.trim_start_matches(' ');
    let (clock, rest) = match rest.find(' ') {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let mut clock_parts = clock.split(':');
    let mut number = || clock_parts.next().map(|part| digits(part.as_bytes()));
    let (hour, minute) = (number()??, number()??);
    let second = match number() {
        Some(second) => second?,
        None => 0,
    };
    if parts.next().is_some() || clock_parts.next().is_some() {
        return None;
    }
    Some((civil(year.into(), month, day, hour, minute, second)?, rest))
}

/// A text that names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time zone; write an IANA name (Europe/Berlin) or a POSIX TZ (PST8PDT)")]
pub struct UnknownZone(pub String);

/// Daylight-saving rules of a POSIX TZ that names a summer time but no rules (DEC-112).
const DEFAULT_RULES: &str = ",M3.2.0,M11.1.0";

/// The time zone named by an IANA name or a POSIX TZ, with or without `TZ=` in front.
///
/// What has the form of a POSIX TZ is one, even where an IANA name is spelled alike (`PST8PDT`):
/// the dispatcher's `TZ=xxx[-]nn[yyy]` is meant (Q96060), hours west positive, and any `yyy`
/// means that daylight saving is observed, by the rules of DEC-112.
///
/// # Errors
/// [`UnknownZone`] when the text is neither.
pub fn parse_zone(text: &str) -> Result<TimeZone, UnknownZone> {
    let name = text.trim();
    let name = name.strip_prefix("TZ=").unwrap_or(name);
    let unknown = || UnknownZone(text.to_owned());
    if name.is_empty() || name.len() > 255 {
        return Err(unknown());
    }
    let posix = |name: &str| TimeZone::posix(name).ok();
    if let Some(zone) = posix(name) {
        return Ok(zone);
    }
    if !name.contains(',')
        && let Some(zone) = posix(&format!("{name}{DEFAULT_RULES}"))
    {
        return Ok(zone);
    }
    TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())
}

/// A time of day and date for eyes: the listing form in `zone`, `never` for 0.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a>(pub UnixTime, pub &'a TimeZone);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_never() {
            f.pad("never")
        } else {
            f.pad(&self.0.listing(self.1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const THURSDAY: UnixTime = UnixTime(0x2DA3_F900);

    // rule: dec:2.2
    #[test]
    fn the_time_of_the_published_listing() {
        let utc = TimeZone::UTC;
        assert_eq!(THURSDAY.listing(&utc), "Thu Apr 07 12:13:52 1994");
        assert_eq!(THURSDAY.rfc3339(&utc), "1994-04-07T12:13:52+00:00");
        assert_eq!(THURSDAY.fips(), "19940407-121352+0000");
        assert_eq!("1994-04-07T14:13:52.9+02:00".parse(), Ok(THURSDAY));
        let west = parse_zone("America/Los_Angeles").unwrap();
        assert_eq!(THURSDAY.rfc3339(&west), "1994-04-07T05:13:52-07:00");
        assert_eq!(Listed(UnixTime::NEVER, &utc).to_string(), "never");
        assert!("1969-12-31T23:59:59Z".parse::<UnixTime>().is_err());
        assert!("2106-02-07T06:28:16Z".parse::<UnixTime>().is_err());
        assert!("yesterday".parse::<UnixTime>().is_err());
    }

    // rule: dec:2.14
    #[test]
    fn message_dates_are_read_in_all_their_lengths() {
        for text in [
            "19940407-121352",
            "19940407-121352+0000",
            "19940407-141352+0200",
            "19940407-044352-0730",
        ] {
            assert_eq!(UnixTime::from_fips(text.as_bytes()), Ok(THURSDAY), "{text}");
        }
        // FIPS PUB 98 prints the date 15 August 1980 without a time.
        assert_eq!(
            UnixTime::from_fips(b"19800815")
                .unwrap()
                .rfc3339(&TimeZone::UTC),
            "1980-08-15T00:00:00+00:00"
        );
        assert_eq!(
            UnixTime::from_fips(b"19940407-1213").unwrap().0,
            THURSDAY.0 - 52
        );
        for bad in [
            "",
            "1994040",
            "19940407121352",
            "19940431",
            "19940407-12",
            "19940407-121352+02",
            "19940407-121352+0260",
            "+9940407",
            "19690101",
            "19940407-12135Z",
            "19940407-\u{663}\u{663}",
        ] {
            assert!(UnixTime::from_fips(bad.as_bytes()).is_err(), "{bad}");
        }
    }

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

    // rule: dec:DEC-108
    #[test]
    fn years_of_logs() {
        assert_eq!(two_digit_year(2000), 0);
        assert_eq!(two_digit_year(1994), 94);
        assert_eq!(full_year(94), Some(1994));
        assert_eq!(full_year(0), Some(2000));
        assert_eq!(full_year(79), Some(2079));
        assert_eq!(full_year(100), Some(2000));
        assert_eq!(full_year(1999), Some(1999));
        assert_eq!(full_year(300), None);
    }

    // rule: dsp:R-LOG-004
    #[test]
    fn stamps_of_old_logs_are_read() {
        let read = |line| read_log_stamp(line).map(|(time, rest)| (time.to_string(), rest));
        assert_eq!(
            read("03/22/94 15:43:25 | Status"),
            Some(("1994-03-22T15:43:25".into(), " | Status"))
        );
        assert_eq!(
            read("01/01/100 00:02:03 | x"),
            Some(("2000-01-01T00:02:03".into(), " | x"))
        );
        assert_eq!(
            read("3/23/93 11:00:03"),
            Some(("1993-03-23T11:00:03".into(), ""))
        );
        assert_eq!(
            read("05-14-93 11:32 text"),
            Some(("1993-05-14T11:32:00".into(), " text"))
        );
        for bad in [
            "",
            "13/01/94 00:00:00",
            "03/22/94",
            "03/22/94/1 10:00",
            "03/22/94 10",
            "a/b/c 1:2:3",
            "03/22/94 10:00:00:00",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    // rule: dec:DEC-112
    #[test]
    fn zones_by_both_kinds_of_name() {
        let summer = UnixTime::from_fips(b"20000401-1200").unwrap();
        for (name, stamp) in [
            ("PST8PDT", "2000-04-01T05:00:00-07:00"),
            ("TZ=PST8", "2000-04-01T04:00:00-08:00"),
            ("aus-10", "2000-04-01T22:00:00+10:00"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2000-04-01T14:00:00+02:00"),
            ("Europe/Berlin", "2000-04-01T14:00:00+02:00"),
            ("UTC", "2000-04-01T12:00:00+00:00"),
        ] {
            assert_eq!(summer.rfc3339(&parse_zone(name).unwrap()), stamp, "{name}");
        }
        for bad in ["", "Atlantis/City", "PST", "../../etc/passwd", "PST8PDT,"] {
            assert!(parse_zone(bad).is_err(), "{bad}");
        }
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
        // rule: dec:DEC-108
        #[test]
        fn times_round_trip(seconds: u32, offset in -12i8..=14) {
            let time = UnixTime(seconds);
            let zone = TimeZone::fixed(jiff::tz::offset(offset));
            prop_assert_eq!(time.rfc3339(&zone).parse(), Ok(time));
            prop_assert_eq!(UnixTime::from_fips(time.fips().as_bytes()), Ok(time));
            prop_assert_eq!(MailDate::from_unix(time).unix(&TimeZone::UTC), Some(time));
            prop_assert_eq!(UnixTime::from_timestamp(time.timestamp()), Some(time));
        }

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

        // rule: dec:2.14
        #[test]
        fn arbitrary_texts_never_panic(bytes: Vec<u8>, text: String, almost in "[0-9]{8}-?[0-9]{0,6}[+-]?[0-9]{0,4}") {
            let _ = UnixTime::from_fips(&bytes);
            let _ = UnixTime::from_fips(almost.as_bytes());
            let _ = read_log_stamp(&text);
            let _ = parse_zone(&text);
        }
    }
}
