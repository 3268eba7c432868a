//! The row of `resync-gen create --in-place`. A file outside of the tree is written under another name
//! and renamed; it is no commit.

use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::import::resync::create_in_place;
use dirsync::progress::NoProgress;
use dirsync::tree::disk::Disk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, TreeMut};

use super::{cycle, observe_postoffice};
use crate::faults::Scenario;
use crate::trees::{CREATED_UNIX_S, damaged, options, postoffice};

/// Scenarios of `resync-gen create --in-place`.
pub(super) const CREATE: &[Scenario] = &[
    Scenario {
        command: Command::Resync,
        name: "the first file",
        prepare: cycle::served,
        run,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Resync,
        name: "in place of an older one",
        prepare: || damaged(&cycle::served()?, &[("GLB/RESYNC.GLB", Some(b"older"))]),
        run,
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    super::exchange::RESYNC,
];

/// A second run at the same time makes the same bytes.
fn run(disk: Arc<dyn Disk>) -> Result<(), String> {
    let now = UnixTime(CREATED_UNIX_S);
    let info = CommitInfo {
        command: Command::Resync,
        user: "harness".into(),
        now,
        counts: Vec::new(),
    };
    let mut tree = TreeMut::open(disk, postoffice(), &options()).map_err(|e| e.to_string())?;
    create_in_place(&mut tree, now, &info, &NoProgress)
        .map(|_| ())
        .map_err(|error| error.to_string())
}
