//! The three versions of the MTA whose databases differ: 4.0, 5.0, 5.5.
//!
//! | what differs | 4.0, 5.0 | 5.5 | trust |
//! |---|---|---|---|
//! | number of the work queue | 2B | 27 | DOCUMENTED (Q157323, Q282780) |
//! | file of a delivered message | deleted | cut to 1 byte and used again | INFERRED, DOCUMENTED (Q178021) |
//! | line L7 of mtacheck | always | when something is collected | DEC-120 |
//! | mtacheck writes DBBITMP.DAT | did not; ours does | does | DOCUMENTED (Q169631) |
//!
//! The version of a database stands in its LAYOUT.TXT as `mta_profile=5.5` (ASSIGNED).

use std::fmt;
use std::str::FromStr;

/// Key in LAYOUT.TXT.
pub const LAYOUT_KEY: &str = "mta_profile";

/// Version of the MTA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Profile {
    /// Exchange Server 4.0.
    V40,
    /// Exchange Server 5.0.
    V50,
    /// Exchange Server 5.5.
    #[default]
    V55,
}

impl Profile {
    /// All, oldest first.
    pub const ALL: [Self; 3] = [Self::V40, Self::V50, Self::V55];

    /// `4.0`, `5.0` or `5.5`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::V40 => "4.0",
            Self::V50 => "5.0",
            Self::V55 => "5.5",
        }
    }

    /// Number that the work queue gets in a new database; never look for it by number (Q182330).
    #[must_use]
    pub const fn work_queue_number(self) -> u32 {
        match self {
            Self::V40 | Self::V50 => 0x2B,
            Self::V55 => 0x27,
        }
    }

    /// Whether files of delivered messages stay as free slots of 1 byte.
    #[must_use]
    pub const fn keeps_free_files(self) -> bool {
        matches!(self, Self::V55)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A text that names no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of the MTA: 4.0, 5.0 and 5.5 are known")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.text() == text)
            .ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: mta:OQ-18
    #[test]
    fn the_work_queue_has_the_published_number() {
        for profile in Profile::ALL {
            assert_eq!(profile.text().parse(), Ok(profile));
        }
        assert!("5.6".parse::<Profile>().is_err());
        assert_eq!(Profile::V40.work_queue_number(), 0x2B);
        assert_eq!(Profile::V55.work_queue_number(), 0x27);
    }

    // rule: mta:R-DB-023
    #[test]
    fn only_55_keeps_free_files() {
        assert_eq!(
            Profile::ALL.map(Profile::keeps_free_files),
            [false, false, true]
        );
    }
}
