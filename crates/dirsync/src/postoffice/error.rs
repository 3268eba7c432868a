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
            | Self::NoSuchMailbag { .. } => ErrorClass::Data,
        }
    }

    /// Whether the arguments were wrong and not the data: exit 2.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::List(error) => error.is_usage(),
            Self::BadName { .. } | Self::BadParams(_) | Self::NoSuchMailbag { .. } => true,
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
        }
    }
}
