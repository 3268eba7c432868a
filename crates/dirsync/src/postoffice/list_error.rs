//! Why a list or a setting was not changed.
//!
//! Where the administration program has a numbered notice for a refusal, or the dirsync programs a
//! numbered message, the number and its exact text come first (Q78833, Q96001-Q96004).

use std::fmt;

use crate::core::base::address::Fault;
use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::base::codepage::{Unencodable, escape_bytes_850};
use crate::tree::ErrorClass;

/// Notices of the administration program that are used here (Q78833).
pub mod notice {
    /// The network belongs to a gateway (Q199036).
    pub const RESERVED_NETWORK: i32 = 1;
    /// An external network and the own postoffice's network cannot be told apart.
    pub const DUPLICATE_POSTOFFICE: i32 = 9;
    /// As many users as the clients can show (Q123376).
    pub const MAXIMUM_USERS: i32 = 20;
    /// A mailbox of this name exists.
    pub const DUPLICATE_MAILBOX: i32 = 21;
    /// The administrator removes himself.
    pub const CANNOT_DELETE_SELF: i32 = 23;
    /// ADMIN.TPL cannot be read (Q112913).
    pub const BAD_TEMPLATE: i32 = 31;
    /// GROUP.GLB cannot be read (Q112905).
    pub const BAD_GROUPS: i32 = 36;
    /// The own postoffice among the external ones (Q134234).
    pub const LOCAL_AS_EXTERNAL: i32 = 38;
    /// A transaction or a message could not be written (Q124042, Q114395).
    pub const NOT_SENT: i32 = 40;
    /// The network is not known.
    pub const NO_NETWORK: i32 = 41;
    /// The postoffice is not known.
    pub const NO_POSTOFFICE: i32 = 42;
    /// The own postoffice is to be removed.
    pub const CANNOT_DELETE_LOCAL: i32 = 48;
    /// A hub that is reached through a hub.
    pub const INDIRECT_HUB: i32 = 52;
    /// Others are reached through this postoffice (Q86625).
    pub const IS_HUB: i32 = 53;
    /// An entry of this name exists in the postoffice address list.
    pub const DUPLICATE_ALIAS: i32 = 58;
    /// ADMIN.NME cannot be read (Q248298).
    pub const BAD_LIST: i32 = 59;
    /// No name was given.
    pub const BLANK_MAILBOX: i32 = 61;
    /// Mail waits in its mailbag (Q114395).
    pub const MESSAGES_QUEUED: i32 = 80;
    /// ADMIN.TPL and ADMIN.INF do not belong together (Q105124).
    pub const TEMPLATE_MISMATCH: i32 = 93;
    /// A group of this address exists.
    pub const DUPLICATE_GROUP: i32 = 95;
    /// The ACCESS files cannot be used (Q112923).
    pub const BAD_ACCESS: i32 = 99;
    /// REQCONF.GLB cannot be read (Q123437).
    pub const BAD_REQCONF: i32 = 159;
}

/// Why a list or a setting was not changed. Nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListError {
    /// A numbered notice of the administration program.
    Notice {
        /// Its number, see [`notice`].
        code: i32,
        /// What it is about: a name, a file.
        about: String,
    },
    /// A numbered message of the dirsync programs.
    Message {
        /// Its number.
        code: u16,
        /// What it is about.
        about: String,
    },
    /// A name or address that cannot be.
    Name {
        /// What was given, for example `mailbox "a b"`.
        what: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A text that code page 850 has no place for (DEC-097).
    Unencodable {
        /// Which text.
        what: String,
        /// The characters.
        why: Unencodable,
    },
    /// Something with this name does not exist.
    NoSuch {
        /// What kind of thing: `user`, `group`, `requestor`.
        what: &'static str,
        /// Its name as it was given.
        name: String,
        /// The command that lists what exists.
        hint: &'static str,
    },
    /// A file that is needed is damaged.
    Damaged {
        /// The documented path.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// It could be done and is refused for safety.
    Refused {
        /// What and why.
        why: String,
        /// The next step.
        hint: &'static str,
    },
    /// What was asked for makes no sense.
    Usage {
        /// What and why.
        why: String,
        /// The next step.
        hint: &'static str,
    },
}

impl ListError {
    /// A notice about a name in code page 850.
    #[must_use]
    pub fn notice(code: i32, about: &[u8]) -> Self {
        Self::Notice {
            code,
            about: escape_bytes_850(about),
        }
    }

    /// A damaged file.
    #[must_use]
    pub fn damaged(file: &str, why: impl fmt::Display) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            why: why.to_string(),
        }
    }

    /// The number of the notice or message, where there is one.
    #[must_use]
    pub fn number(&self) -> Option<i32> {
        match self {
            Self::Notice { code, .. } => Some(*code),
            Self::Message { code, .. } => Some(i32::from(*code)),
            Self::Name { fault, .. } => Some(i32::from(fault.number())),
            _ => None,
        }
    }

    /// The kind of exit.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Refused { .. } => ErrorClass::Refused,
            Self::Notice {
                code:
                    notice::MAXIMUM_USERS
                    | notice::CANNOT_DELETE_SELF
                    | notice::CANNOT_DELETE_LOCAL
                    | notice::IS_HUB
                    | notice::MESSAGES_QUEUED,
                ..
            } => ErrorClass::Refused,
            _ => ErrorClass::Data,
        }
    }

    /// Whether the arguments were wrong and not the data: exit 2.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Name { .. }
            | Self::Unencodable { .. }
            | Self::NoSuch { .. }
            | Self::Usage { .. } => true,
            Self::Notice { code, .. } => matches!(
                *code,
                notice::RESERVED_NETWORK
                    | notice::DUPLICATE_POSTOFFICE
                    | notice::DUPLICATE_MAILBOX
                    | notice::LOCAL_AS_EXTERNAL
                    | notice::NO_NETWORK
                    | notice::NO_POSTOFFICE
                    | notice::INDIRECT_HUB
                    | notice::DUPLICATE_ALIAS
                    | notice::BLANK_MAILBOX
                    | notice::DUPLICATE_GROUP
            ),
            Self::Message { code, .. } => matches!(*code, 54 | 68),
            Self::Damaged { .. } | Self::Refused { .. } => false,
        }
    }

    /// The next step, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Notice { code, .. } => catalogue_remedy(Family::AdminNotice, *code),
            Self::Message { code, .. } => catalogue_remedy(Family::Dirsync, i32::from(*code)),
            Self::Name { .. } => None,
            Self::Unencodable { .. } => {
                Some("write the name with characters of code page 850, or let --lossy replace them")
            }
            Self::NoSuch { hint, .. } | Self::Refused { hint, .. } | Self::Usage { hint, .. } => {
                Some(hint)
            }
            Self::Damaged { .. } => {
                Some("run `po-admin check` on the tree and mend it before it is changed")
            }
        }
    }
}

fn catalogue_remedy(family: Family, code: i32) -> Option<&'static str> {
    lookup_code(family, code)
        .map(|entry| entry.remedy)
        .filter(|remedy| !remedy.is_empty())
}

fn catalogue_text(family: Family, code: i32) -> String {
    lookup_code(family, code).map_or_else(
        || format!("{} {code}", family.name()),
        |entry| format!("{} {}", entry.label(), entry.text),
    )
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbered = |f: &mut fmt::Formatter<'_>, text: String, about: &str| {
            f.write_str(text.trim_end_matches(['.', ':']))?;
            if about.is_empty() {
                Ok(())
            } else {
                write!(f, ": {about}")
            }
        };
        match self {
            Self::Notice { code, about } => {
                numbered(f, catalogue_text(Family::AdminNotice, *code), about)
            }
            Self::Message { code, about } => {
                numbered(f, catalogue_text(Family::Dirsync, i32::from(*code)), about)
            }
            Self::Name { what, fault } => write!(f, "{what}: {fault}"),
            Self::Unencodable { what, why } => write!(f, "{what}: {why}"),
            Self::NoSuch { what, name, .. } => write!(f, "there is no {what} {name}"),
            Self::Damaged { file, why } => write!(f, "{file} is damaged: {why}"),
            Self::Refused { why, .. } | Self::Usage { why, .. } => f.write_str(why),
        }
    }
}

impl std::error::Error for ListError {}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: pof:R-ACC-005
    // rule: tra:R-NOT-001
    // rule: tra:OQ-11
    #[test]
    fn numbers_and_texts_are_those_of_the_administration_program() {
        let error = ListError::notice(notice::DUPLICATE_MAILBOX, b"paul");
        assert_eq!(
            error.to_string(),
            "notice 21 Name already defined as a user mailbox: paul"
        );
        assert_eq!(error.number(), Some(21));
        assert!(error.is_usage());
        for code in [
            1, 9, 20, 21, 23, 31, 36, 38, 41, 42, 48, 52, 53, 58, 59, 61, 80, 93, 95, 99, 159,
        ] {
            assert!(lookup_code(Family::AdminNotice, code).is_some(), "{code}");
        }
        let hub = ListError::notice(notice::IS_HUB, b"NET/HUB");
        assert_eq!(hub.class(), ErrorClass::Refused);
        assert!(hub.to_string().contains("hub"), "{hub}");
    }
}
