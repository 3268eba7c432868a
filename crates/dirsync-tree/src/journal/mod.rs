//! The journal: every change of a tree is one atomic commit.
//!
//! [`Plan`] holds what would change and is pure. A commit writes it down and carries it out;
//! recovery finishes it after a crash; readers see it through the overlay. All three use the
//! same manifest and the same apply, so that there is one path to prove.
//!
//! # Where things stand
//!
//! Below the domain's home (`GLB`, `DXADATA`, `MTADATA`) there is a folder `JOURNAL`, made by the
//! first commit and kept:
//!
//! | Name | Content |
//! |---|---|
//! | `COMMIT` | the manifest of a commit that has passed its commit point |
//! | `COMMIT.NEW` | a manifest being written; without meaning |
//! | `Snnnnnnn.STG` | staged content of one replaced file; without meaning unless `COMMIT` names it |
//! | `LAST` | number of the last commit, so that a manifest restored from elsewhere is refused |
//! | `AUDIT.LOG` | one line per commit; cut to its newest half when it exceeds 4 MiB |
//!
//! # The crash argument
//!
//! Nothing on a disk is durable before it is synced, and what is not synced may survive in any part
//! and any order. The order of a commit is:
//!
//! 1. Every target is looked at: kinds, lengths, links. Space for growth is reserved with the length
//!    unchanged. *Crash here: nothing happened; reserved blocks beyond the end are invisible.*
//! 2. Staged files and the manifest (as `COMMIT.NEW`, payload included) are written and synced, then
//!    the journal's directory is synced, so that the staged *names* are durable before anything
//!    can name them. Content that is made piece by piece ([`Content::Source`]) is made here and never
//!    again: length and checksum in the manifest are those of the bytes that were written, so from
//!    here on a staged file is a staged file, wherever it came from. *Crash here: leftovers without meaning; the next writer removes them.*
//! 3. `COMMIT.NEW` is renamed to `COMMIT` and the directory synced. The rename is atomic and its
//!    file's bytes are durable, so after a crash there is either no `COMMIT` (the old state) or
//!    a whole one whose staged files are all there. **This is the commit point.**
//! 4. The targets are written. Every action is absolute (bytes at an offset, a final length,
//!    a whole file by rename, a name that is there or not), so doing it twice is doing it once, and
//!    a torn write is overwritten by the same bytes. New directories are made and synced first: a
//!    rename into a directory that does not survive would lose the file from both places. *Crash here: `COMMIT` is durable; the next
//!    writer does all actions again; readers meanwhile see them through the overlay.*
//! 5. Changed files are synced, then every directory whose names changed. Only then is `COMMIT`
//!    unlinked and its directory synced. *Crash here: if the unlink did not survive, the redo
//!    finds every action done: a staged file that is gone is accepted when its target has exactly
//!    its length and checksum.*
//!
//! A redo first verifies everything (each staged file or its finished target, each payload checksum,
//! each target's length between before and after) and refuses the tree, changing nothing, when
//! something does not fit: then it was not a crash, but damage or another program.
//!
//! A failed sync is final. Before step 3 the plan is dropped. From the rename of step 3 on the
//! command ends saying that the next run completes it; [`crate::view::TreeMut`] is poisoned.

mod apply;
mod commit;
pub mod content;
mod manifest;
mod overlay;
pub mod plan;
mod store;

pub use commit::{CommitInfo, Committed};
pub use content::{Content, Source};
pub use plan::{Extent, Plan, PlanError, Step};
pub use store::{JOURNAL_DIR, set_aside};

pub(crate) use commit::{JournalState, commit};
pub(crate) use manifest::{ManifestExtent, fuzz_manifest};
pub(crate) use overlay::{Located, Overlay, read_patched};
pub(crate) use store::{Journal, Pending, read_last, recover};
