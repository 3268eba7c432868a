//! What would change: a set of steps, each target once. Pure; nothing here touches a disk.

use std::collections::BTreeMap;

use crate::path::RelPath;

/// Bytes at an absolute offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Where, in bytes from the start of the file.
    pub offset: u64,
    /// What.
    pub bytes: Vec<u8>,
}

/// What happens to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The file gets this content as a whole; it is made when missing. Mode and owner are kept.
    Replace {
        /// The new content.
        bytes: Vec<u8>,
    },
    /// Parts of an existing file change; it may grow or be cut. An append is an extent at the old
    /// end.
    Extents {
        /// Length before.
        len_before: u64,
        /// Length after.
        len_after: u64,
        /// The parts, ascending and apart from each other.
        extents: Vec<Extent>,
    },
    /// The file goes.
    Remove,
    /// A directory is made.
    Mkdir,
    /// An empty directory goes.
    Rmdir,
    /// The file or directory gets another name; nothing stands there.
    Move {
        /// The new path.
        to: RelPath,
    },
}

/// Why a step does not fit into a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The target has a step already that this one contradicts.
    #[error("{0} is the target of two steps that contradict each other")]
    Twice(RelPath),
    /// Extents overlap, or lie outside the length after.
    #[error("the changes of {0} overlap or lie outside the file")]
    BadExtent(RelPath),
}

/// What a command would change, each target once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    steps: BTreeMap<RelPath, Step>,
}
