//! Files that change hands between a tree and a program that knows nothing of its journal.
//!
//! Such a program adds and removes files whenever it likes: whatever it can reach must be no target
//! of a commit, or a recovery would find its target missing and refuse the tree. So the folders it
//! reaches are its own, and a file goes from there to a folder of ours, or from a folder of ours to
//! there, by one rename outside of the journal. A rename is atomic: a crash leaves the file under
//! one of the two names, and whoever comes next looks at both.

use std::collections::BTreeSet;

use crate::disk::{DiskError, DiskErrorKind};
use crate::error::TreeError;
use crate::path::RelPath;

use super::TreeMut;

/// What became of a file.
#[derive(Debug)]
pub enum Exchanged {
    /// It has its new name, and that is durable.
    Moved,
    /// It is not there any more: the other program took it back.
    Gone,
    /// Something stands under its new name; it has the old one.
    InTheWay,
    /// It has the old name, because of this.
    Failed(DiskError),
}

impl TreeMut {
    /// Gives files other names, in order and each for itself; nothing is ever replaced. When this
    /// returns the names are durable: a commit may rest on them.
    ///
    /// # Errors
    /// [`TreeError::Poisoned`], or a disk error when the names could not be made durable; then this
    /// tree refuses further commits.
    pub fn exchange(&mut self, moves: &[(RelPath, RelPath)]) -> Result<Vec<Exchanged>, TreeError> {
        let tree = self.view.describe();
        if self.poisoned {
            return Err(TreeError::Poisoned { tree });
        }
        let disk = self.view.disk.clone();
        let mut became = Vec::with_capacity(moves.len());
        // Where a file arrives comes first: a disk that renames in two steps may then show it twice
        // after a power cut, but never not at all.
        let (mut into, mut out_of) = (BTreeSet::new(), BTreeSet::new());
        for (from, to) in moves {
            let one = match disk.rename_noreplace(from, to) {
                Ok(()) => {
                    into.extend(to.parent());
                    out_of.extend(from.parent());
                    Exchanged::Moved
                }
                Err(error) => match error.kind {
                    DiskErrorKind::Stopped => return Err(TreeError::disk(&tree, error)),
                    DiskErrorKind::AlreadyExists => Exchanged::InTheWay,
                    DiskErrorKind::NotFound if matches!(disk.stat(from), Ok(None)) => {
                        Exchanged::Gone
                    }
                    _ => Exchanged::Failed(error),
                },
            };
            became.push(one);
        }
        for dir in into.iter().chain(out_of.difference(&into)) {
            if let Err(error) = disk.sync_dir(dir) {
                self.poisoned = true;
                return Err(TreeError::disk(&tree, error));
            }
        }
        self.view.names.forget();
        Ok(became)
    }
}
