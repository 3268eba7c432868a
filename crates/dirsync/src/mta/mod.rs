//! The MTA's queue database `MTADATA`: reading it, putting messages on its queues and taking them
//! off, and judging its state.
//!
//! Start here:
//!
//! * [`open_disk`] and [`DOMAIN`] open a directory as the MTA commit domain; `TreeView` and `TreeMut` of
//!   the floor below carry the lock, the journal and the rule of foreign directories.
//! * [`store::Database`] reads a database of ours: super queue, queues, counts, bitmap, single objects,
//!   one listing of the directory ([`store::Listing`]), the inventory of queues
//!   ([`store::Database::inventory`], opens only queue files).
//! * [`foreign::survey`] is what may be said about a directory that is not ours: names, sizes, core.
//! * [`edit::MtaEdit`] prepares one commit: new queues, [`edit::MtaEdit::submit`] to one or more queues,
//!   [`edit::MtaEdit::take`], [`edit::MtaEdit::remove`] with the fate of the files; counts, bitmap and
//!   queue members follow. [`edit::MtaEdit::finish`] gives the `Plan`.
//! * [`mail`] are messages of postoffices on queues: what the interchange puts there and takes off.
//! * [`select::Selection`] chooses queues and messages.
//! * [`fresh`] makes the files of an empty database and of the BOOTENV directory.
//! * [`check`] is the one pass that judges everything; `repair` acts on its result.
//!
//! A database whose DBBITMP.DAT is there was left clean. A commit of ours keeps it in step; where it
//! is missing it stays missing until a check has passed, since what stopped uncleanly is not made
//! clean by one more message.
//!
//! What `mtacheck` does with it: [`repair`] (the plan and the published output), [`purge`],
//! [`boot`] (restore and wipe), [`replay`] and [`split`] (moving a backlog), [`quarantine`] (MTACHECK.OUT,
//! its manifest and its rotation).

pub mod boot;
pub mod check;
pub mod edit;
#[cfg(test)]
mod edit_tests;
pub mod error;
pub mod foreign;
pub mod fresh;
pub mod mail;
pub mod purge;
pub mod quarantine;
pub mod repair;
pub mod replay;
pub mod select;
pub mod split;
pub mod store;
#[cfg(test)]
pub(crate) mod testtree;

use std::path::Path;
use std::sync::Arc;

use crate::tree::disk::named::NamedDisk;
use crate::tree::disk::real::RealDisk;
use crate::tree::disk::{Disk, DiskResult};
use crate::tree::{Domain, DomainKind};

pub use error::MtaError;

/// The commit domain.
pub const DOMAIN: Domain = Domain {
    kind: DomainKind::Mta,
};
/// The directory's name in documented paths.
pub const HOME: &str = "MTADATA";
/// Folder for files that mtacheck took away (Q262865).
pub const QUARANTINE: &str = "MTACHECK.OUT";
/// A second spelling that two articles have; it is read, never made (DEC-119).
pub const QUARANTINE_MISSPELT: &str = "MTACHEK.OUT";
/// A static file without which the MTA does not start: "NO BASE RECORD IN SCT" (Q154337).
pub const STATIC_FILE: &str = "SCT.INP";

/// Whether a path names a queue database: its last name is `MTADATA`.
#[must_use]
pub fn is_home(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.eq_ignore_ascii_case(HOME))
}

/// Opens a directory that is a database, whatever it is called, for use with [`DOMAIN`].
///
/// # Errors
/// No directory, or no right to open it.
pub fn open_disk(directory: &Path) -> DiskResult<Arc<dyn Disk>> {
    let inner: Arc<dyn Disk> = Arc::new(RealDisk::open(directory)?);
    Ok(Arc::new(NamedDisk::new(inner, HOME)))
}
