//! Stems of mailbags: numbered ones and the few that have names.
//!
//! DOCUMENTED: INQUEUE (all versions), INQUEUE3 and SYSTEM (3.0 and later) on a postoffice
//! (Q77926, Q87416); INBOX, OUTBOX and POBOX on a Mail Remote client (Q131069, Q170233). A mailbag
//! is the pair `MBG/<stem>.MBG` and `KEY/<stem>.KEY` (pof R-NAM-011).

use std::fmt;
use std::str::FromStr;

use super::error::{DecodeError, DecodeErrorKind};
use super::ident::HexId;

/// A mailbag that has a name instead of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NamedMailbag {
    /// What the dirsync programs of this postoffice submit (DEC-064).
    Inqueue,
    /// Mail that enters from other postoffices (DEC-064).
    Inqueue3,
    /// The mailbox `$SYSTEM`: dirsync mail for this postoffice.
    System,
    /// Mail Remote client: received mail.
    Inbox,
    /// Mail Remote client: mail to send.
    Outbox,
    /// Mail Remote client: the postoffice's side.
    Pobox,
}

impl NamedMailbag {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Inqueue,
        Self::Inqueue3,
        Self::System,
        Self::Inbox,
        Self::Outbox,
        Self::Pobox,
    ];

    /// The stem in upper case.
    #[must_use]
    pub fn stem(self) -> &'static str {
        match self {
            Self::Inqueue => "INQUEUE",
            Self::Inqueue3 => "INQUEUE3",
            Self::System => "SYSTEM",
            Self::Inbox => "INBOX",
            Self::Outbox => "OUTBOX",
            Self::Pobox => "POBOX",
        }
    }
}

/// The stem of a mailbag's two files.
///
/// Orders by number first, then the named ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailbagStem {
    /// A user, an external postoffice or a gateway.
    Id(HexId),
    /// One of the named mailbags.
    Named(NamedMailbag),
}

impl MailbagStem {
    /// Where delivery leaves mail of other postoffices.
    pub const INQUEUE3: Self = Self::Named(NamedMailbag::Inqueue3);
    /// Where the dirsync programs submit.
    pub const INQUEUE: Self = Self::Named(NamedMailbag::Inqueue);
    /// Where dirsync mail arrives.
    pub const SYSTEM: Self = Self::Named(NamedMailbag::System);

    /// `MBG/00000004.MBG`, with `/` from the tree's root.
    #[must_use]
    pub fn mbg_path(self) -> String {
        format!("MBG/{self}.MBG")
    }

    /// `KEY/00000004.KEY`, with `/` from the tree's root.
    #[must_use]
    pub fn key_path(self) -> String {
        format!("KEY/{self}.KEY")
    }

    /// `P1/00000004.0LK`: the lock of 3.0 and later on this mailbag's queue (Q119642, Q128913).
    #[must_use]
    pub fn lock_path(self) -> String {
        format!("P1/{self}.0LK")
    }

    /// The stem of a file name such as `00000004.MBG` or `inqueue3.key`; `None` when the name
    /// does not belong to a mailbag.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.split_once('.')?;
        if !extension.eq_ignore_ascii_case("MBG") && !extension.eq_ignore_ascii_case("KEY") {
            return None;
        }
        stem.parse().ok()
    }

    /// The number, when it has one.
    #[must_use]
    pub fn id(self) -> Option<HexId> {
        match self {
            Self::Id(id) => Some(id),
            Self::Named(_) => None,
        }
    }
}

impl From<HexId> for MailbagStem {
    fn from(id: HexId) -> Self {
        Self::Id(id)
    }
}

impl From<NamedMailbag> for MailbagStem {
    fn from(named: NamedMailbag) -> Self {
        Self::Named(named)
    }
}

impl fmt::Display for MailbagStem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Named(named) => f.write_str(named.stem()),
        }
    }
}

impl FromStr for MailbagStem {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        if let Some(named) = NamedMailbag::ALL
            .into_iter()
            .find(|named| named.stem().eq_ignore_ascii_case(text))
        {
            return Ok(Self::Named(named));
        }
        HexId::from_str(text).map(Self::Id).map_err(|_| {
            DecodeError::new(
                "mailbag",
                0,
                DecodeErrorKind::BadText("eight hexadecimal digits or a known name are expected"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: pof:R-NAM-011
    // rule: pof:R-NAM-012
    // rule: tra:R-LCK-007
    #[test]
    fn stems_name_their_pair_of_files() {
        let queue: MailbagStem = "00000009".parse().unwrap();
        assert_eq!(queue, MailbagStem::Id(HexId(9)));
        assert_eq!(queue.mbg_path(), "MBG/00000009.MBG");
        assert_eq!(queue.key_path(), "KEY/00000009.KEY");
        // Q119642: queue 00000009.MBG is locked by P1\00000009.0LK.
        assert_eq!(queue.lock_path(), "P1/00000009.0LK");
        assert_eq!(MailbagStem::INQUEUE3.mbg_path(), "MBG/INQUEUE3.MBG");
        assert_eq!(MailbagStem::INQUEUE3.id(), None);
        assert_eq!(
            MailbagStem::of_file_name("system.Key"),
            Some(MailbagStem::SYSTEM)
        );
        assert_eq!(MailbagStem::of_file_name("00000009.USR"), None);
        assert_eq!(MailbagStem::of_file_name("OTHER.MBG"), None);
        assert_eq!(MailbagStem::of_file_name("00000009"), None);
    }

    proptest! {
        // rule: pof:R-NAM-012
        #[test]
        fn stems_round_trip(id: u32, named in prop::sample::select(NamedMailbag::ALL.to_vec())) {
            for stem in [MailbagStem::Id(HexId(id)), MailbagStem::Named(named)] {
                prop_assert_eq!(stem.to_string().parse(), Ok(stem));
                prop_assert_eq!(stem.to_string().to_lowercase().parse(), Ok(stem));
                let path = stem.mbg_path();
                prop_assert_eq!(MailbagStem::of_file_name(path.strip_prefix("MBG/").unwrap()), Some(stem));
            }
        }
    }
}
