//! Rows of the commands that make, check and mend a postoffice.

use std::sync::Arc;

use dirsync::core::base::Severity;
use dirsync::core::base::time::UnixTime;
use dirsync::insight::check::{CheckOptions, FixWhat, check, fix, fix_plan};
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::{MemDisk, Node};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, TreeMut};

use super::observe_postoffice;
use crate::faults::{Observed, Scenario};
use crate::trees::{CREATED_UNIX_S, damaged, fresh, init, options, postoffice};

/// Scenarios of `po-admin init`.
pub(super) const INIT: &[Scenario] = &[
    Scenario {
        command: Command::Init,
        name: "nothing stands at the place",
        prepare: || Ok(MemDisk::new()),
        run: run_init,
        observe: observe_place,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Init,
        name: "an empty directory stands at the place",
        prepare: || {
            let disk = MemDisk::new();
            let place = dirsync::tree::RelPath::new("PO").map_err(|e| e.to_string())?;
            disk.add_dir(&place).map_err(|e| e.to_string())?;
            disk.settle();
            Ok(disk)
        },
        run: run_init,
        observe: observe_place,
        milestones: || Ok(Vec::new()),
    },
];

fn run_init(disk: Arc<dyn Disk>) -> Result<(), String> {
    // A second run finds the postoffice in place; that is the state wanted.
    let marker = dirsync::tree::RelPath::new("PO/GLB/LAYOUT.TXT").map_err(|e| e.to_string())?;
    if disk.stat(&marker).map_err(|e| e.to_string())?.is_some() {
        return Ok(());
    }
    init(&disk, "PO", "POLYNOMIAL", "MONTGOMERY", 1)
}

/// What stands at the place. What is being built beside it means nothing.
pub(super) fn observe_place(disk: Arc<dyn Disk>) -> Result<Observed, String> {
    use dirsync::tree::disk::{EntryKind, EntryName};
    let mut seen = Observed::new();
    let mut dirs = vec![dirsync::tree::RelPath::new("PO").map_err(|e| e.to_string())?];
    while let Some(dir) = dirs.pop() {
        if disk.stat(&dir).map_err(|e| e.to_string())?.is_none() {
            continue;
        }
        let mut entries: Vec<(String, EntryKind)> = Vec::new();
        disk.list(&dir, &mut |entry| {
            if let EntryName::Plain(name) = entry.name {
                entries.push((name, entry.kind));
            }
            std::ops::ControlFlow::Continue(())
        })
        .map_err(|e| e.to_string())?;
        for (name, kind) in entries {
            let path = dir.join(&name).map_err(|e| e.to_string())?;
            if name == "TREE.LCK" {
                continue;
            }
            if kind == EntryKind::Dir {
                seen.insert(path.to_string(), None);
                dirs.push(path);
                continue;
            }
            let file = disk.open_read(&path).map_err(|e| e.to_string())?;
            let len = file.stat().map_err(|e| e.to_string())?.len;
            let mut bytes = vec![0; usize::try_from(len).map_err(|e| e.to_string())?];
            file.read_at(&mut bytes, 0).map_err(|e| e.to_string())?;
            seen.insert(path.to_string(), Some(bytes));
        }
    }
    Ok(seen)
}

/// Scenarios of `po-admin upgrade`.
pub(super) const UPGRADE: &[Scenario] = &[Scenario {
    command: Command::Upgrade,
    name: "a tree of a development build (layout 0)",
    prepare: || {
        let disk = fresh("POLYNOMIAL", "MONTGOMERY", 1)?;
        let nodes = disk.snapshot();
        let Some(Node::File { bytes, .. }) = nodes.get("GLB/LAYOUT.TXT") else {
            return Err("a fresh tree has no LAYOUT.TXT".into());
        };
        let old = String::from_utf8_lossy(bytes).replace("version=1", "version=0");
        damaged(&disk, &[("GLB/LAYOUT.TXT", Some(old.as_bytes()))])
    },
    run: |disk| {
        let mut tree = TreeMut::open_for_upgrade(disk, postoffice(), &options())
            .map_err(|error| error.to_string())?;
        let info = CommitInfo {
            command: Command::Upgrade,
            ..info()
        };
        dirsync::postoffice::upgrade::upgrade(&mut tree, &info)
            .map(|_| ())
            .map_err(|error| error.to_string())
    },
    observe: observe_postoffice,
    milestones: || Ok(Vec::new()),
}];

/// Scenarios of `po-admin check --fix`.
pub(super) const CHECK_FIX: &[Scenario] = &[Scenario {
    command: Command::CheckFix,
    name: "missing directories, queue files and counters",
    prepare: prepare_damaged,
    run: run_fix,
    observe: observe_postoffice,
    milestones: fix_milestones,
}];

fn prepare_damaged() -> Result<MemDisk, String> {
    damaged(
        &fresh("POLYNOMIAL", "MONTGOMERY", 1)?,
        &[
            ("ATT/AT8", None),
            ("MAI/MA3", Some(b"a file where a directory should be")),
            ("GLB/USRTRANS.GLB", None),
            ("GLB/CONTROL.GLB", Some(&[0; 8])),
            ("NME/ADMINSHD.NME", None),
        ],
    )
}

fn info() -> CommitInfo {
    CommitInfo {
        command: Command::CheckFix,
        user: "harness".into(),
        now: UnixTime(CREATED_UNIX_S),
        counts: Vec::new(),
    }
}

fn check_options() -> CheckOptions {
    CheckOptions {
        now_unix_s: CREATED_UNIX_S,
        ..CheckOptions::default()
    }
}

fn run_fix(disk: Arc<dyn Disk>) -> Result<(), String> {
    let mut tree =
        TreeMut::open(disk, postoffice(), &options()).map_err(|error| error.to_string())?;
    fix(
        &mut tree,
        &check_options(),
        &FixWhat::Safe,
        &info(),
        &mut |_| {},
    )
    .map_err(|error| error.to_string())
    .and_then(|fixed| {
        // Exit 0 means that nothing but notes is left.
        match fixed
            .after
            .found
            .iter()
            .find(|found| found.finding.severity > Severity::Note)
        {
            None => Ok(()),
            Some(left) => Err(format!("left: {}", left.finding.message)),
        }
    })
}

/// The states after each round of mending.
fn fix_milestones() -> Result<Vec<Observed>, String> {
    let disk = prepare_damaged()?;
    let mut states = Vec::new();
    for _ in 0..8 {
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let mut tree = TreeMut::open(Arc::clone(&shared), postoffice(), &options())
            .map_err(|error| error.to_string())?;
        let found =
            check(tree.view(), &check_options(), &mut |_| {}).map_err(|error| error.to_string())?;
        let (plan, _) = fix_plan(tree.view(), &found.found, &FixWhat::Safe)
            .map_err(|error| error.to_string())?;
        if plan.is_empty() {
            return Ok(states);
        }
        tree.commit(&plan, &info())
            .map_err(|error| error.to_string())?;
        drop(tree);
        states.push(observe_postoffice(shared)?);
    }
    Err("mending does not end".into())
}
