//! What can go wrong with a queue database, each with the next step for the reader.

use crate::core::base::DecodeError;
use crate::core::format::mta::ObjectId;
use crate::tree::{ErrorClass, TreeError};

/// An error of this module. The message names the place and the cause; [`MtaError::hint`] the next
/// step; [`MtaError::class`] the kind of exit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MtaError {
    /// The directory itself.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The directory holds no file of our layout that could be read, or is not ours.
    #[error("{tree} is not a database of this project: {why}")]
    NotOurs {
        /// The directory as people name it.
        tree: String,
        /// Why.
        why: String,
    },
    /// A file that the command needs is missing or damaged.
    #[error("{tree}: {file}: {why}")]
    Damaged {
        /// The directory as people name it.
        tree: String,
        /// The file's name.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A file that the disk does not give; nothing is taken for damaged because of that.
    #[error("{tree}: {file} cannot be read: {why}")]
    Unreadable {
        /// The directory as people name it.
        tree: String,
        /// The file's name.
        file: String,
        /// What the disk says.
        why: String,
    },
    /// There is no queue of this name.
    #[error("{tree} has no queue {name}")]
    NoSuchQueue {
        /// The directory as people name it.
        tree: String,
        /// The queue as it was asked for.
        name: String,
    },
    /// Several queues are meant.
    #[error("{name} names {} queues: {}", candidates.len(), candidates.join(", "))]
    AmbiguousQueue {
        /// The queue as it was asked for.
        name: String,
        /// Id and name of those it fits.
        candidates: Vec<String>,
    },
    /// There is no message of this id.
    #[error("{tree} has no message {id} on a queue")]
    NoSuchMessage {
        /// The directory as people name it.
        tree: String,
        /// The object as it was asked for.
        id: ObjectId,
    },
    /// A queue of this name is there already.
    #[error("the queue {name} exists already")]
    QueueExists {
        /// Its name.
        name: String,
    },
    /// No number is free (Q157702: "Bitmap full").
    #[error("{tree}: all object numbers are in use (bitmap full)")]
    BitmapFull {
        /// The directory as people name it.
        tree: String,
    },
    /// MTACHECK.OUT holds object files of an earlier run (Q262865).
    #[error("{tree}: {folder} holds {count} object files of an earlier run, the first is {first}")]
    QuarantineFull {
        /// The directory as people name it.
        tree: String,
        /// The folder.
        folder: String,
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// What was given cannot be taken in here; why.
    #[error("{from} cannot be taken: {why}")]
    Unsuitable {
        /// What was given.
        from: String,
        /// Why.
        why: String,
    },
    /// The user asked for the work to end; what was committed stays.
    #[error("interrupted")]
    Interrupted,
    /// Values that do not fit into an object.
    #[error("the object cannot be written: {0}")]
    BadObject(#[from] DecodeError),
}

impl MtaError {
    /// The kind of exit.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Tree(error) => error.class(),
            Self::NotOurs { .. } | Self::QuarantineFull { .. } | Self::Unsuitable { .. } => {
                ErrorClass::Refused
            }
            _ => ErrorClass::Data,
        }
    }

    /// Whether the arguments were wrong and not the data: exit 2.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoSuchQueue { .. } | Self::AmbiguousQueue { .. } | Self::NoSuchMessage { .. }
        )
    }

    /// The next step, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tree(error) => error.hint(),
            Self::NotOurs { .. } => Some(
                "`mtacheck check` and `mtacheck queues` list names and sizes of such a directory; nothing \
                 is ever written to it",
            ),
            Self::Damaged { .. } => Some("`mtacheck repair` mends what can be mended"),
            Self::Unreadable { .. } => Some(
                "nothing was changed; end the cause, or, if the disk is broken, move the file away yourself",
            ),
            Self::NoSuchQueue { .. } => Some("`mtacheck queues` lists them"),
            Self::AmbiguousQueue { .. } => Some("give the id, or more of the name"),
            Self::NoSuchMessage { .. } => Some("`mtacheck list` lists the messages"),
            Self::QuarantineFull { .. } => Some(
                "`mtacheck rotate MTADATA` renames the folder; its files are never to be put back",
            ),
            Self::Unsuitable { .. } => Some("take a copy or a set that `mtacheck split` made"),
            Self::QueueExists { .. } | Self::BadObject(_) | Self::Interrupted => None,
            Self::BitmapFull { .. } => Some("purge messages, or move some with `mtacheck split`"),
        }
    }
}

impl From<crate::tree::journal::PlanError> for MtaError {
    fn from(error: crate::tree::journal::PlanError) -> Self {
        Self::Tree(error.into())
    }
}

impl From<crate::tree::path::PathError> for MtaError {
    fn from(error: crate::tree::path::PathError) -> Self {
        Self::Tree(error.into())
    }
}
