//! What can go wrong with a tree, each with the next step for the reader.

use crate::disk::{DiskError, DiskErrorKind};
use crate::journal::PlanError;
use crate::path::{PathError, RelPath};

/// An error of this crate. The message names the file and the cause; [`TreeError::hint`] the next
/// step; [`TreeError::class`] the kind of exit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A disk operation failed.
    #[error("{tree}: {error}")]
    Disk {
        /// The root as people name it.
        tree: String,
        /// What failed.
        #[source]
        error: DiskError,
    },
    /// The tree does not carry our marker, and the command would write.
    #[error("{tree} is a foreign tree: {why}")]
    Foreign {
        /// The root as people name it.
        tree: String,
        /// Why it is foreign, naming LAYOUT.TXT.
        why: String,
    },
    /// The tree carries an older layout, and the command would write.
    #[error("{tree} has layout version {version}; this program writes version {current}")]
    OldLayout {
        /// The root as people name it.
        tree: String,
        /// The version of LAYOUT.TXT.
        version: u32,
        /// The version this program writes.
        current: u32,
    },
    /// Somebody else holds the lock.
    #[error("{tree} is busy: {holder}")]
    Busy {
        /// The root as people name it.
        tree: String,
        /// Who holds it, as far as the lock file says.
        holder: String,
    },
    /// Two entries fold to the same core file.
    #[error(
        "{tree}: {first} and {second} differ only in the case of letters; it is not clear which is meant"
    )]
    Ambiguous {
        /// The root as people name it.
        tree: String,
        /// One of them.
        first: RelPath,
        /// The other.
        second: RelPath,
    },
    /// The journal cannot be finished: its parts or its targets are not what they should be.
    #[error("{tree}: the journal holds a commit that cannot be completed: {why}")]
    JournalDamaged {
        /// The root as people name it.
        tree: String,
        /// What does not fit.
        why: String,
    },
    /// A commit passed its commit point but could not be carried out to the end.
    #[error(
        "{tree}: the change is committed but not completed; it completes on the next run: {error}"
    )]
    CommittedIncomplete {
        /// The root as people name it.
        tree: String,
        /// What failed.
        #[source]
        error: DiskError,
    },
    /// Whether a commit passed its commit point is not known.
    #[error(
        "{tree}: it is not known whether the change was committed; the next run completes it or finds the old state: {error}"
    )]
    CommitUnknown {
        /// The root as people name it.
        tree: String,
        /// What failed.
        #[source]
        error: DiskError,
    },
    /// A commit after a failed one in the same process.
    #[error("{tree}: an earlier commit of this run failed; nothing more is written")]
    Poisoned {
        /// The root as people name it.
        tree: String,
    },
    /// The plan does not fit the tree.
    #[error("{tree}: {path} is not as the plan expects: {why}")]
    Mismatch {
        /// The root as people name it.
        tree: String,
        /// The target.
        path: RelPath,
        /// What differs.
        why: String,
    },
    /// A file is larger than anything its format allows.
    #[error("{tree}: {path} has {len} bytes, more than the {limit} this program reads")]
    TooLarge {
        /// The root as people name it.
        tree: String,
        /// The file.
        path: RelPath,
        /// Its length in bytes.
        len: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not enough space for a change.
    #[error("{tree}: {needed} bytes are needed, {free} are free")]
    NoSpace {
        /// The root as people name it.
        tree: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A path that is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A plan that contradicts itself.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// The kind of exit an error leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Refused for safety: exit 3.
    Refused,
    /// Busy: exit 4.
    Busy,
    /// Data or I/O: exit 5.
    Data,
}

impl TreeError {
    /// Wraps a disk error with the tree it happened in.
    #[must_use]
    pub fn disk(tree: &str, error: DiskError) -> Self {
        Self::Disk {
            tree: tree.to_owned(),
            error,
        }
    }

    /// The kind of exit.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Foreign { .. } | Self::OldLayout { .. } => ErrorClass::Refused,
            Self::Busy { .. } => ErrorClass::Busy,
            _ => ErrorClass::Data,
        }
    }

    /// The next step, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Foreign { .. } => {
                "trees without a LAYOUT.TXT of this project are read, never written; to work with \
                 one, make a new postoffice with `po-admin init` and bring the data over"
            }
            Self::OldLayout { .. } => "run `po-admin upgrade TREE` once",
            Self::Busy { .. } => "wait for the other program, or give a longer --wait SECONDS",
            Self::Ambiguous { .. } => "look at both files and move one of them out of the tree",
            Self::JournalDamaged { .. } => {
                "keep a copy of the tree; `po-admin check TREE --fix journal.damaged` sets the \
                 commit aside and shows what is left half done"
            }
            Self::CommittedIncomplete { .. } | Self::CommitUnknown { .. } => {
                "mend the cause and run any writing command on this tree again"
            }
            Self::NoSpace { .. } => "make space on the file system and run the command again",
            Self::Disk { error, .. } => match error.kind {
                DiskErrorKind::NoSpace => {
                    "make space on the file system and run the command again; nothing was changed"
                }
                DiskErrorKind::PermissionDenied => "check owner and mode of this path",
                DiskErrorKind::ReadOnly => "mount the file system for writing, or work on a copy",
                DiskErrorKind::HardLinked(_) => {
                    "break the hard link with a copy of the file, then run the command again"
                }
                DiskErrorKind::NotRegular(_) | DiskErrorKind::LinkInPath => {
                    "put the real file or directory in its place"
                }
                _ => return None,
            },
            _ => return None,
        })
    }
}
