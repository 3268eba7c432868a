//! The rows of `mtacheck`: small databases of two messages.
//!
//! A second `repair` is refused while MTACHECK.OUT is filled, a second `rotate` has nothing to rename; each
//! scenario therefore looks first and does nothing when its work is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::core::format::mta::{ObjectId, Profile};
use dirsync::mta::edit::{Destination, MtaEdit, NewMessage};
use dirsync::mta::fresh::{FreshParams, bootenv, database};
use dirsync::mta::purge::purge;
use dirsync::mta::quarantine::rotate;
use dirsync::mta::repair::{RepairOptions, repair, require_empty_quarantine};
use dirsync::mta::replay::replay;
use dirsync::mta::select::Selection;
use dirsync::mta::store::Database;
use dirsync::mta::{DOMAIN, MtaError, boot};
use dirsync::progress::NoProgress;
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::MemDisk;
use dirsync::tree::journal::{CommitInfo, Plan};
use dirsync::tree::{Command, RelPath, TreeMut, TreeView};

use crate::faults::{Observed, Scenario};
use crate::trees::{CREATED_UNIX_S, damaged, options};

const NOW: UnixTime = UnixTime(CREATED_UNIX_S);
const QUEUE: &str = "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=SERVERS/CN=EXSERV1/CN=MICROSOFT DXA";
const DXA: ObjectId = ObjectId(0x0100_002F);

/// Scenarios of `mtacheck repair`.
pub(super) const REPAIR: &[Scenario] = &[Scenario {
    command: Command::MtaRepair,
    name: "a half pair, a lost queue, no marker",
    prepare: || {
        let gone = [
            "MTADATA/DB00002F.DAT",
            "MTADATA/DB000028.DAT",
            "MTADATA/DBBITMP.DAT",
        ];
        damaged(&filled()?, &gone.map(|name| (name, None)))
    },
    run: |disk| {
        let mut tree = open(disk)?;
        match require_empty_quarantine(tree.view()) {
            Err(MtaError::QuarantineFull { .. }) => return Ok(()),
            other => other.map_err(text)?,
        }
        let wanted = RepairOptions {
            remove: BTreeSet::new(),
            now: NOW,
            internal: false,
        };
        repair(&mut tree, &wanted, &info(Command::MtaRepair), &NoProgress)
            .map(|_| ())
            .map_err(text)
    },
    observe,
    milestones: none,
}];

/// Scenarios of `mtacheck purge`.
pub(super) const PURGE: &[Scenario] = &[Scenario {
    command: Command::MtaPurge,
    name: "a queue is emptied",
    prepare: filled,
    run: |disk| {
        let mut tree = open(disk)?;
        let queues = {
            let db = Database::open(tree.view()).map_err(text)?;
            let all = db.super_queue().map_err(text)?.queues;
            all.into_iter()
                .filter(|entry| entry.id == DXA)
                .collect::<Vec<_>>()
        };
        let all = Selection::default();
        purge(
            &mut tree,
            &queues,
            &all,
            None,
            &info(Command::MtaPurge),
            &NoProgress,
        )
        .map(|_| ())
        .map_err(text)
    },
    observe,
    milestones: none,
}];

/// Scenarios of `mtacheck restore`.
pub(super) const RESTORE: &[Scenario] = &[Scenario {
    command: Command::MtaRestore,
    name: "two core files",
    prepare: || {
        let gone = ["MTADATA/DB000011.DAT", "MTADATA/DB000026.DAT"];
        damaged(&filled()?, &gone.map(|name| (name, None)))
    },
    run: |disk| {
        let pristine = MemDisk::new();
        for file in bootenv(NOW).map_err(text)? {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            pristine
                .add_file(&RelPath::new(name).map_err(text)?, &file.bytes)
                .map_err(text)?;
        }
        let mut tree = open(disk)?;
        let plan = planned(&tree, |db| {
            boot::plan_restore(db, &pristine, NOW).map(|done| done.0)
        })?;
        commit(&mut tree, &plan, Command::MtaRestore)
    },
    observe,
    milestones: none,
}];

/// Scenarios of `mtacheck replay`.
pub(super) const REPLAY: &[Scenario] = &[Scenario {
    command: Command::MtaReplay,
    name: "two messages",
    prepare: || empty(1),
    run: |disk| {
        let from: Arc<dyn Disk> = Arc::new(filled()?);
        let from = TreeView::open(from, DOMAIN, &options()).map_err(text)?;
        let mut tree = open(disk)?;
        replay(&mut tree, &from, &info(Command::MtaReplay), &NoProgress)
            .map(|_| ())
            .map_err(text)
    },
    observe,
    milestones: none,
}];

/// Scenarios of `mtacheck wipe`.
pub(super) const WIPE: &[Scenario] = &[Scenario {
    command: Command::MtaWipe,
    name: "two messages",
    prepare: filled,
    run: |disk| {
        let mut tree = open(disk)?;
        let plan = planned(&tree, |db| boot::plan_wipe(db, NOW).map(|done| done.0))?;
        commit(&mut tree, &plan, Command::MtaWipe)
    },
    observe,
    milestones: none,
}];

/// Scenarios of `mtacheck rotate`.
pub(super) const ROTATE: &[Scenario] = &[Scenario {
    command: Command::MtaRotate,
    name: "one file",
    prepare: || {
        damaged(
            &empty(1)?,
            &[("MTADATA/MTACHECK.OUT/DB000123.DAT", Some(b"taken"))],
        )
    },
    run: |disk| {
        let mut tree = open(disk)?;
        let (plan, _) = rotate(tree.view()).map_err(text)?;
        commit(&mut tree, &plan, Command::MtaRotate)
    },
    observe,
    milestones: none,
}];

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn none() -> Result<Vec<Observed>, String> {
    Ok(Vec::new())
}

fn observe(disk: Arc<dyn Disk>) -> Result<Observed, String> {
    super::observe(disk, DOMAIN)
}

fn open(disk: Arc<dyn Disk>) -> Result<TreeMut, String> {
    TreeMut::open(disk, DOMAIN, &options()).map_err(text)
}

fn info(command: Command) -> CommitInfo {
    CommitInfo {
        command,
        user: "harness".into(),
        now: NOW,
        counts: Vec::new(),
    }
}

fn planned(
    tree: &TreeMut,
    plan: impl FnOnce(&Database<'_>) -> Result<Plan, MtaError>,
) -> Result<Plan, String> {
    let db = Database::open(tree.view()).map_err(text)?;
    plan(&db).map_err(text)
}

fn commit(tree: &mut TreeMut, plan: &Plan, command: Command) -> Result<(), String> {
    tree.commit(plan, &info(command)).map(|_| ()).map_err(text)
}

/// An empty database.
fn empty(number: u8) -> Result<MemDisk, String> {
    let params = FreshParams {
        profile: Profile::V55,
        created: NOW,
        zone: "UTC",
        tree_id: TreeId([number; 16]),
        secured: &[(Some(0x2F), QUEUE)],
    };
    let disk = MemDisk::new();
    for file in database(&params).map_err(text)? {
        disk.add_file(&RelPath::new(&file.path).map_err(text)?, &file.bytes)
            .map_err(text)?;
    }
    disk.add_file(&RelPath::new("MTADATA/TREE.LCK").map_err(text)?, b"")
        .map_err(text)?;
    disk.settle();
    Ok(disk)
}

/// Two messages on one queue: 28/29 and 2A/2B.
fn filled() -> Result<MemDisk, String> {
    let disk = empty(2)?;
    let mut tree = open(Arc::new(disk.clone()))?;
    let plan = planned(&tree, |db| {
        let mut edit = MtaEdit::new(db, NOW)?;
        for number in 1..3u8 {
            let message = NewMessage {
                mts_id: format!("c=US;a= ;p=Org;l=EXSERV1-940407121352Z-{number}"),
                originator: "/o=Org/ou=Site/cn=Recipients/cn=ann".into(),
                submitted: NOW,
                content: vec![number; 40],
                ..NewMessage::default()
            };
            let place = Destination {
                queue: DXA,
                recipients: vec!["MS:NET/PO/$SYSTEM".into()],
            };
            edit.submit(&message, &[place])?;
        }
        edit.finish()
    })?;
    commit(&mut tree, &plan, Command::Deliver)?;
    drop(tree);
    disk.settle();
    Ok(disk)
}
