//! MTS-IDs in text: `c=US;a= ;p=MICROSOFT;l=REDMOND-951120232325Z-17` (Q163323, Q192115).
//!
//! | part | length | characters |
//! |---|---|---|
//! | c country | 2 to 3 | printable string |
//! | a administration domain | 1 to 16, one blank when there is none | printable string |
//! | p private domain | 1 to 16 | printable string |
//! | l local | 1 to 32 | IA5 |
//!
//! No `/`, `;` or `"` inside a part (Q192115). Labels are read in any case and written in lower case
//! (Q253619); `;` and `/` are read between parts. A country of one character can hang content
//! conversion (Q145986) and is refused.

use std::fmt;
use std::str::FromStr;

use crate::base::{DecodeError, DecodeErrorKind, UnixTime};

/// An MTS-ID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MtsId {
    country: String,
    admd: String,
    prmd: String,
    local: String,
}

const WHAT: &str = "MTS-ID";

fn bad(what: &'static str) -> DecodeError {
    DecodeError::new(WHAT, 0, DecodeErrorKind::BadText(what))
}

/// Characters of a printable string.
#[must_use]
pub fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

fn part(text: &str, lengths: std::ops::RangeInclusive<usize>, ia5: bool) -> bool {
    lengths.contains(&text.len())
        && text.bytes().all(|byte| {
            !b"/;\"".contains(&byte)
                && if ia5 {
                    (0x20..0x7F).contains(&byte)
                } else {
                    is_printable(byte)
                }
        })
}

impl MtsId {
    /// An id of these parts.
    ///
    /// # Errors
    /// A part that is too short, too long, or holds a character it may not.
    pub fn new(country: &str, admd: &str, prmd: &str, local: &str) -> Result<Self, DecodeError> {
        if !part(country, 2..=3, false) {
            return Err(bad("a country of two or three letters is expected"));
        }
        if !part(admd, 1..=16, false) {
            return Err(bad("an ADMD of 1 to 16 printable characters is expected"));
        }
        if !part(prmd, 1..=16, false) {
            return Err(bad("a PRMD of 1 to 16 printable characters is expected"));
        }
        if !part(local, 1..=32, true) {
            return Err(bad("a local part of 1 to 32 characters is expected"));
        }
        Ok(Self {
            country: country.to_owned(),
            admd: admd.to_owned(),
            prmd: prmd.to_owned(),
            local: local.to_owned(),
        })
    }

    /// An id in the form of the information store and the MTA, `<server>-<YYMMDDhhmmss>Z-<counter>`, in
    /// GMT (Q153188). The server's name is cut so that the whole has 32 characters at most; the
    /// counter never repeats in one database, which 4.0 did not see to (Q152897).
    ///
    /// # Errors
    /// A domain that is none.
    pub fn generate(
        country: &str,
        admd: &str,
        prmd: &str,
        server: &str,
        time: UnixTime,
        counter: u64,
    ) -> Result<Self, DecodeError> {
        let tail = format!("-{}-{counter}", utc_time(time));
        let room = 32usize.saturating_sub(tail.len());
        let server: String = server
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            .take(room)
            .collect();
        // A counter beyond 32 characters loses its front, never its end.
        let local = format!("{server}{tail}");
        let from = local.len().saturating_sub(32);
        Self::new(country, admd, prmd, &local[from..])
    }

    /// Country.
    #[must_use]
    pub fn country(&self) -> &str {
        &self.country
    }

    /// Administration domain; one blank when there is none.
    #[must_use]
    pub fn admd(&self) -> &str {
        &self.admd
    }

    /// Private domain.
    #[must_use]
    pub fn prmd(&self) -> &str {
        &self.prmd
    }

    /// The part that the origin gave.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The form of a message id over SMTP (Q153188): `<c=US%a=_%p=MICROSOFT%l=…@host>`.
    #[must_use]
    pub fn smtp(&self, host: &str) -> String {
        let id = self.to_string().replace(';', "%").replace(' ', "_");
        format!("<{id}@{host}>")
    }
}

/// UTCTime: `YYMMDDhhmmssZ`.
#[must_use]
pub fn utc_time(time: UnixTime) -> String {
    time.zoned(&jiff::tz::TimeZone::UTC)
        .strftime("%y%m%d%H%M%SZ")
        .to_string()
}

impl fmt::Display for MtsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "c={};a={};p={};l={}",
            self.country, self.admd, self.prmd, self.local
        )
    }
}

impl FromStr for MtsId {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let mut parts: [Option<&str>; 4] = [None; 4];
        for piece in text.split([';', '/']).filter(|piece| !piece.is_empty()) {
            let (label, value) = piece.split_once('=').ok_or(bad("a part has no ="))?;
            let at = match label.trim().to_ascii_lowercase().as_str() {
                "c" => 0,
                "a" => 1,
                "p" => 2,
                "l" => 3,
                _ => return Err(bad("a part is none of c, a, p, l")),
            };
            if parts[at].replace(value).is_some() {
                return Err(bad("a part stands twice"));
            }
        }
        match parts {
            [Some(country), Some(admd), Some(prmd), Some(local)] => {
                Self::new(country, admd, prmd, local)
            }
            _ => Err(bad("c, a, p and l are expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: mta:R-ID-002
    // rule: mta:R-ID-004
    #[test]
    fn published_ids_are_read_in_both_cases_and_written_in_lower() {
        for local in [
            "TAMRAJ2-960701173047Z-2",
            "Washington0196012020010800000CDE",
            "TESTSERVER000902173231AE003300",
            "SEATTLE-EXCHANGE-00065E89",
            "ABC+A85E08EENDSCA.TEW.55",
            "97082616584041+20201E53",
            "BRASS_KITTEN-971105182614Z-409",
        ] {
            let lower = format!("c=US;a= ;p=MICROSOFT;l={local}");
            let upper = format!("C=US;A= ;P=MICROSOFT;L={local}");
            let slashes = format!("/c=US/a= /p=MICROSOFT/l={local}");
            for text in [&lower, &upper, &slashes] {
                assert_eq!(text.parse::<MtsId>().unwrap().to_string(), lower);
            }
        }
        for text in [
            "c=US;a= ;p=;l=X",
            "c=U;a= ;p=P;l=X",
            "c=US;a= ;p=P",
            "c=US;a= ;p=P;l=X;l=Y",
            "c=US;a= ;p=12345678901234567;l=X",
            "c=US;a= ;p=P;l=123456789012345678901234567890123",
            "c=US;a=;p=P;l=X",
            "c=US;a= ;p=P_Q;l=X",
        ] {
            assert!(text.parse::<MtsId>().is_err(), "{text}");
        }
    }

    // rule: mta:R-ID-003
    #[test]
    fn three_characters_are_in_no_part() {
        for byte in ["/", ";", "\""] {
            assert!(MtsId::new("US", " ", "P", &format!("a{byte}b")).is_err());
            assert!(MtsId::new("US", " ", &format!("a{byte}b"), "l").is_err());
        }
    }

    // rule: mta:R-ID-006
    #[test]
    fn over_smtp_it_is_the_published_text() {
        let id: MtsId = "c=US;a= ;p=MICROSOFT;l=TAMRAJ2-960701173047Z-2"
            .parse()
            .unwrap();
        assert_eq!(
            id.smtp("tamraj.microsoft.com"),
            "<c=US%a=_%p=MICROSOFT%l=TAMRAJ2-960701173047Z-2@tamraj.microsoft.com>"
        );
    }

    proptest! {
        // rule: mta:R-ID-005
        // rule: mta:R-ID-007
        #[test]
        fn generated_ids_fit_and_differ(server in ".{0,40}", time: u32, counter in 0u64..u64::MAX) {
            let of = |counter| MtsId::generate("US", " ", "Org", &server, UnixTime(time), counter).unwrap();
            let id = of(counter);
            prop_assert!(id.local().len() <= 32);
            prop_assert_eq!(id.to_string().parse::<MtsId>().unwrap(), id.clone());
            prop_assert_ne!(&id, &of(counter + 1));
            if counter < 1_000_000 {
                let wanted = format!("{}-{counter}", utc_time(UnixTime(time)));
                prop_assert!(id.local().ends_with(&wanted), "{id}");
            }
        }

        #[test]
        fn any_text_is_an_id_or_none(text in ".{0,60}") {
            if let Ok(id) = text.parse::<MtsId>() {
                prop_assert_eq!(id.to_string().parse::<MtsId>().unwrap(), id);
            }
        }
    }
}
