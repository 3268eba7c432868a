//! Time zones by name: IANA names and the POSIX form of the dispatcher's `TZ=`.
//!
//! Zones come from the data that jiff carries along, never from the machine, so the same text
//! means the same zone everywhere.

use jiff::tz::{TimeZone, TimeZoneDatabase};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UnixTime;
    use proptest::prelude::*;

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

    proptest! {
        // rule: dec:DEC-112
        #[test]
        fn arbitrary_names_never_panic(text: String, almost in "[A-Za-z]{0,4}[+-]?[0-9]{0,3}[A-Z]{0,4},?[M0-9.,/]{0,9}") {
            let _ = parse_zone(&text);
            let _ = parse_zone(&almost);
        }
    }
}
