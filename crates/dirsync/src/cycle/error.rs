//! What stops a step of the cycle at one tree, each with the next step for the reader.

use crate::core::protocol::numbers::NumbersExhausted;
use crate::import::{Held, ImportError};
use crate::postoffice::PoError;
use crate::transport::far::{Failure, sync_failed};
use crate::tree::journal::PlanError;
use crate::tree::{ErrorClass, TreeError};

/// An error of this module. Commits made before it stand; the same step again goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CycleError {
    /// The tree itself.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file, a mailbag or a message of the postoffice.
    #[error(transparent)]
    Postoffice(#[from] PoError),
    /// The import or the rebuild.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The numbers are used up.
    #[error(transparent)]
    Exhausted(#[from] NumbersExhausted),
    /// Message 161: SRVCONF.GLB is missing (Q136487).
    #[error("[161] Server configuration busy: this postoffice is not the directory server")]
    NotServer,
    /// Message 2: MSTTRANS.GLB is missing (Q112280).
    #[error("[  2] Error opening file: MSTTRANS")]
    NoMaster,
    /// A message could not be read.
    #[error("{file} cannot be read: {why}")]
    Unreadable {
        /// The documented path.
        file: String,
        /// What failed.
        why: String,
    },
    /// A file does not have its form.
    #[error("{file}: {why}")]
    Damaged {
        /// The documented path.
        file: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl From<PlanError> for CycleError {
    fn from(error: PlanError) -> Self {
        Self::Tree(error.into())
    }
}

impl From<&CycleError> for Failure {
    fn from(error: &CycleError) -> Self {
        Self {
            last: error.is_last(),
            ..Self::of(error.class(), error.to_string(), error.hint(), None)
        }
    }
}

impl CycleError {
    /// The kind of exit.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Tree(error) => error.class(),
            Self::Postoffice(error) => error.class(),
            Self::Import(error) => error.class(),
            _ => ErrorClass::Data,
        }
    }

    /// The next step, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Tree(error) => return error.hint(),
            Self::Postoffice(error) => return error.hint(),
            Self::Import(error) => return error.hint(),
            Self::Exhausted(_) => "make a global reset of the dirsync numbers",
            Self::NotServer => "`po-admin server on` makes it one",
            Self::NoMaster => {
                "`po-admin check --fix dirsync.msttrans-missing` makes an empty one; then every requestor exports (Q112280)"
            }
            Self::Unreadable { .. } => {
                "look at the disk and the rights of the file; everything still waits"
            }
            Self::Damaged { .. } => "`po-admin check` says what is wrong",
        })
    }

    /// Whether the tree must not be written again in this run: a sync failed, or may have, and what
    /// the kernel dropped would seem to be there (design 4.1).
    #[must_use]
    pub fn is_last(&self) -> bool {
        match self {
            Self::Tree(error)
            | Self::Postoffice(PoError::Tree(error))
            | Self::Import(ImportError::Tree(error)) => sync_failed(error),
            _ => false,
        }
    }

    /// What the bulk-delete guard holds, when that is the error.
    #[must_use]
    pub fn held(&self) -> Option<&[Held]> {
        match self {
            Self::Import(ImportError::Held(held)) => Some(held),
            _ => None,
        }
    }
}
