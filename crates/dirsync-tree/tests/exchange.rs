//! A tree and a program that adds and removes files in some of its folders whenever it likes.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use dirsync_core::base::time::UnixTime;
use dirsync_tree::disk::fault::{Counting, Fault, FaultDisk};
use dirsync_tree::disk::mem::{MemDisk, Survival};
use dirsync_tree::disk::{Disk, DiskErrorKind, DiskOp};
use dirsync_tree::journal::{CommitInfo, Plan};
use dirsync_tree::view::Exchanged;
use dirsync_tree::{Command, Domain, DomainKind, OpenOptions, RelPath, TreeError, TreeMut};

const LAYOUT: &str = "layout=dirsync-open\r\nversion=1\r\n\
    tree_id=00112233445566778899aabbccddeeff\r\ncreated=1994-04-07T12:13:52Z\r\nzone=UTC\r\n";

fn p(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn open(disk: Arc<dyn Disk>) -> Result<TreeMut, TreeError> {
    let options = OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    };
    let kind = DomainKind::Postoffice;
    TreeMut::open(disk, Domain { kind }, &options)
}

fn info() -> CommitInfo {
    CommitInfo {
        command: Command::Deliver,
        user: "tester".into(),
        now: UnixTime(765_720_832),
        counts: Vec::new(),
    }
}

fn tree() -> MemDisk {
    let disk = MemDisk::new();
    for dir in ["GLB", "THEIRS", "OURS"] {
        disk.add_dir(&p(dir)).unwrap();
    }
    disk.add_file(&p("GLB/LAYOUT.TXT"), LAYOUT.as_bytes())
        .unwrap();
    disk.add_file(&p("THEIRS/A"), b"a").unwrap();
    disk.add_file(&p("THEIRS/B"), b"b").unwrap();
    disk.add_file(&p("OURS/B"), b"older").unwrap();
    disk.settle();
    disk
}

#[test]
fn files_change_hands_each_for_itself_and_nothing_is_replaced() {
    let disk = tree();
    let mut tree = open(Arc::new(disk.clone())).unwrap();
    // It was looked at before: what is remembered of its name is forgotten.
    assert!(tree.view().stat("THEIRS/A").unwrap().is_some());
    let moves = ["B", "GONE", "A"].map(|name| {
        let (from, to) = (format!("THEIRS/{name}"), format!("OURS/{name}"));
        (p(&from), p(&to))
    });
    let became = tree.exchange(&moves).unwrap();
    assert!(
        matches!(
            became[..],
            [Exchanged::InTheWay, Exchanged::Gone, Exchanged::Moved]
        ),
        "{became:?}"
    );
    assert!(tree.view().stat("THEIRS/A").unwrap().is_none());
    assert_eq!(tree.view().read("OURS/A", 9).unwrap().unwrap(), b"a");
    assert_eq!(tree.view().read("OURS/B", 9).unwrap().unwrap(), b"older");
    // One name that cannot be had keeps no other from moving.
    let moves = [(p("OURS/A"), p("NOWHERE/A")), (p("OURS/B"), p("THEIRS/C"))];
    let became = tree.exchange(&moves).unwrap();
    assert!(
        matches!(&became[..], [Exchanged::Failed(error), Exchanged::Moved]
            if error.kind == DiskErrorKind::NotFound),
        "{became:?}"
    );
    // Durable without a commit.
    drop(tree);
    let after = disk.crash(Survival::Nothing).snapshot();
    assert!(after.contains_key("OURS/A") && after.contains_key("THEIRS/C"));
    assert!(!after.contains_key("THEIRS/A"));
}

#[test]
fn a_file_is_under_one_of_its_two_names_wherever_the_power_goes() {
    let moves = [(p("THEIRS/A"), p("OURS/A"))];
    let mut n = 0;
    loop {
        n += 1;
        let disk = tree();
        let fault = Some(Fault::StopAt(n));
        let failing = FaultDisk::new(Arc::new(disk.clone()), Counting::Mutations, fault);
        let done = open(Arc::new(failing.clone())).and_then(|mut tree| tree.exchange(&moves));
        for survival in Survival::all(16) {
            let after = disk.crash(survival).snapshot();
            let places = [after.contains_key("THEIRS/A"), after.contains_key("OURS/A")];
            assert!(places[0] != places[1], "{n} {survival:?}");
            assert!(done.is_err() || places[1], "{n} {survival:?}");
        }
        if !failing.fired() {
            break;
        }
    }
    assert!(n > 3, "{n}");
}

#[test]
fn a_tree_whose_names_could_not_be_made_durable_is_not_written_again() {
    let disk = tree();
    let all = FaultDisk::new(Arc::new(disk.clone()), Counting::All, None);
    let moves = [(p("THEIRS/A"), p("OURS/A"))];
    open(Arc::new(all.clone()))
        .unwrap()
        .exchange(&moves)
        .unwrap();
    let at = all
        .log()
        .iter()
        .position(|op| op.op == DiskOp::SyncDir)
        .unwrap();
    let disk = tree();
    let fault = Fault::FailAt(at as u64 + 1, DiskErrorKind::Io);
    let failing = FaultDisk::new(Arc::new(disk.clone()), Counting::All, Some(fault));
    let mut tree = open(Arc::new(failing)).unwrap();
    tree.exchange(&moves).unwrap_err();
    let poisoned = |error| matches!(error, TreeError::Poisoned { .. });
    assert!(poisoned(tree.exchange(&moves).unwrap_err()));
    let mut plan = Plan::new();
    plan.mkdir(p("NEW")).unwrap();
    assert!(poisoned(tree.commit(&plan, &info()).unwrap_err()));
}

/// A directory that is to go gets a file between the commit and its completion: without care the
/// redo would fail for ever, and the tree with it.
#[test]
fn a_directory_that_is_no_longer_empty_stays_and_the_commit_is_completed() {
    let plan = || {
        let mut plan = Plan::new();
        plan.rmdir(p("EMPTY/IN")).unwrap();
        plan.rmdir(p("EMPTY")).unwrap();
        plan.remove(p("OURS/B")).unwrap();
        plan
    };
    let (mut n, mut kept) = (0, 0);
    loop {
        n += 1;
        let disk = tree();
        disk.add_dir(&p("EMPTY")).unwrap();
        disk.add_dir(&p("EMPTY/IN")).unwrap();
        disk.settle();
        let fault = Some(Fault::StopAt(n));
        let failing = FaultDisk::new(Arc::new(disk.clone()), Counting::Mutations, fault);
        let _ = open(Arc::new(failing.clone())).and_then(|mut tree| tree.commit(&plan(), &info()));
        if !failing.fired() {
            break;
        }
        let after = disk.kill();
        let came = after.add_file(&p("EMPTY/IN/NEW"), b"n").is_ok();
        let mut tree = open(Arc::new(after.clone())).unwrap();
        let committed = tree.view().stat("OURS/B").unwrap().is_none();
        if committed && came {
            kept += 1;
            assert_eq!(tree.view().read("EMPTY/IN/NEW", 9).unwrap().unwrap(), b"n");
        }
        // The tree goes on.
        let mut next = Plan::new();
        next.mkdir(p("NEXT")).unwrap();
        tree.commit(&next, &info()).unwrap();
    }
    assert!(kept > 1, "{kept} of {n}");
}
