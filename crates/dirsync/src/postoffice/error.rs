//! What can go wrong with a postoffice, each with the next step for the reader.

use super::list_error::ListError;
use crate::core::base::DecodeError;
use crate::tree::disk::DiskError;
use crate::tree::{ErrorClass, RelPath, TreeError};

/// An error of this module. The message names the place and the cause; [`PoError::hint`] the next
/// step; [`PoError::class`] the kind of exit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoError {
    /// The tree itself.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A list or a setting was not changed.
    #[error(transparent)]
    List(#[from] ListError),
    /// Something stands where a new tree shall be made.
    #[error("{target} exists already: {what}")]
    TargetExists {
        /// The place, as people name it.
        target: String,
        /// What stands there.
        what: String,
    },
    /// A new tree is complete, but its name may not survive a power cut.
    #[error("{target} is complete, but it is not known whether it survives a power cut: {error}")]
    NotDurable {
        /// The place, as people name it.
        target: String,
        /// What failed.
        #[source]
        error: DiskError,
    },
    /// The name of a new tree cannot be used.
    #[error("{name:?} cannot be the name of a tree: {why}")]
    BadName {
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// Values that do not fit into the files of a new tree.
    #[error("a new tree cannot be made from these values: {0}")]
    BadParams(#[source] DecodeError),
    /// A copy of a file cannot be kept, because all its names are taken.
    #[error("{tree}: no name is free for a copy of {path}")]
    NoNameForCopy {
        /// The root as people name it.
        tree: String,
        /// The file.
        path: RelPath,
    },
    /// There is no mailbag of this name.
    #[error("{tree} has no mailbag {name}")]
    NoSuchMailbag {
        /// The root as people name it.
        tree: String,
        /// The mailbag as it was asked for.
        name: String,
    },
    /// A mailbag has no live header of this number.
    #[error("{tree}: mailbag {mailbag} has no live header {index}")]
    NoSuchHeader {
        /// The root as people name it.
        tree: String,
        /// The mailbag.
        mailbag: String,
        /// The number that was asked for.
        index: usize,
    },
    /// MASTER.GLB does not say who the postoffice is.
    #[error("{tree}: GLB/MASTER.GLB does not say which postoffice this is: {why}")]
    NoIdentity {
        /// The root as people name it.
        tree: String,
        /// What is wrong with it.
        why: String,
    },
    /// The pair of a mailbag is damaged and cannot be changed.
    #[error("{tree}: the mailbag {name} is damaged: {why}")]
    MailbagDamaged {
        /// The root as people name it.
        tree: String,
        /// Its stem.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A mailbag that holds all the messages it can (Q119088).
    #[error("{tree}: the mailbag {name} is full; it takes no more than 4096 messages")]
    MailbagFull {
        /// The root as people name it.
        tree: String,
        /// Its stem.
        name: String,
    },
    /// A message that cannot be written.
    #[error("this message cannot be written: {0}")]
    BadMessage(#[source] DecodeError),
}

impl PoError {
    /// The kind of exit.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Tree(error) => error.class(),
            Self::List(error) => error.class(),
            Self::TargetExists { .. } => ErrorClass::Refused,
            Self::NotDurable { .. }
            | Self::BadName { .. }
            | Self::BadParams(_)
            | Self::NoNameForCopy { .. }
            | Self::NoIdentity { .. }
            | Self::MailbagDamaged { .. }
            | Self::MailbagFull { .. }
            | Self::BadMessage(_)
            | Self::NoSuchMailbag { .. }
            | Self::NoSuchHeader { .. } => ErrorClass::Data,
        }
    }

    /// Whether the arguments were wrong and not the data: exit 2.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::List(error) => error.is_usage(),
            Self::BadName { .. }
            | Self::BadParams(_)
            | Self::NoSuchMailbag { .. }
            | Self::NoSuchHeader { .. } => true,
            _ => false,
        }
    }

    /// The next step, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tree(error) => error.hint(),
            Self::List(error) => error.hint(),
            Self::TargetExists { .. } => {
                Some("give a directory that does not exist yet, or an empty one")
            }
            Self::NotDurable { .. } => Some("run `po-admin check` on it, and look at the disk"),
            Self::BadName { .. } => Some("give another name for the directory"),
            Self::BadParams(_) => None,
            Self::NoNameForCopy { .. } => Some("move the old copies out of the tree"),
            Self::NoSuchMailbag { .. } => {
                Some("`po-admin mail list TREE` without a mailbag lists them all")
            }
            Self::NoSuchHeader { .. } => {
                Some("`po-admin mail list TREE MAILBAG` shows the numbers")
            }
            Self::NoIdentity { .. } | Self::MailbagDamaged { .. } => {
                Some("`po-admin check TREE --fix` mends what can be mended")
            }
            Self::MailbagFull { .. } => Some(
                "let its owner read mail, or look with `po-admin mail list`; a queue empties when \
                 `dxa-cycle deliver` moves its mail on",
            ),
            Self::BadMessage(_) => None,
        }
    }
}
