//! Times: seconds since 1970, and the texts of listings, logs and message dates.
//!
//! [`UnixTime`] is the u32 of every record of ours, 0 = never (ASSIGNED, decisions.md 2). Dates
//! stored in other forms are in `stored_date`, zones in `zone`; both are re-exported here.
//! Nothing reads a clock.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::error::{DecodeError, DecodeErrorKind};

pub use super::stored_date::{DosDateTime, MailDate};
pub use super::zone::{UnknownZone, parse_zone};

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

/// A civil time of numbers that may be anything.
pub(super) fn civil(
    year: i32,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: i32,
) -> Option<DateTime> {
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
    // rule: tra:NEED-23
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

        // rule: dec:2.14
        #[test]
        fn arbitrary_texts_never_panic(bytes: Vec<u8>, text: String, almost in "[0-9]{8}-?[0-9]{0,6}[+-]?[0-9]{0,4}") {
            let _ = UnixTime::from_fips(&bytes);
            let _ = UnixTime::from_fips(almost.as_bytes());
            let _ = read_log_stamp(&text);
        }
    }
}
