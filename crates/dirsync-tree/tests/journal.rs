//! Commits on a disk in memory: what they do, what they refuse, and what readers see.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use dirsync_core::base::time::UnixTime;
use dirsync_tree::disk::mem::{MemDisk, Survival};
use dirsync_tree::disk::{Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind, LockKind};
use dirsync_tree::journal::{CommitInfo, Content, Plan, Source};
use dirsync_tree::{
    Command, Domain, DomainKind, ErrorClass, OpenOptions, RelPath, TreeError, TreeMut, TreeView,
};

const LAYOUT: &str = "layout=dirsync-open\r\nversion=1\r\n\
    tree_id=00112233445566778899aabbccddeeff\r\ncreated=1994-04-07T12:13:52Z\r\nzone=UTC\r\n";

fn p(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn domain() -> Domain {
    Domain {
        kind: DomainKind::Postoffice,
    }
}

fn options() -> OpenOptions {
    OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    }
}

fn tree() -> MemDisk {
    let disk = MemDisk::new();
    for dir in ["GLB", "NME", "MBG"] {
        disk.add_dir(&p(dir)).unwrap();
    }
    disk.add_file(&p("GLB/LAYOUT.TXT"), LAYOUT.as_bytes())
        .unwrap();
    disk.add_file(&p("GLB/FLAG.GLB"), &[1, 0]).unwrap();
    disk.add_file(&p("NME/ADMIN.NME"), &[7; 90]).unwrap();
    disk.add_file(&p("MBG/SYSTEM.MBG"), &[9; 232]).unwrap();
    disk.settle();
    disk
}

fn info() -> CommitInfo {
    CommitInfo {
        command: Command::CheckFix,
        user: "tester".into(),
        now: UnixTime(765_720_832),
        counts: vec![("fixed", 2)],
    }
}

fn open(disk: &MemDisk) -> TreeMut {
    TreeMut::open(Arc::new(disk.clone()), domain(), &options()).unwrap()
}

fn view(disk: &MemDisk) -> TreeView {
    TreeView::open(Arc::new(disk.clone()), domain(), &options()).unwrap()
}

fn everything() -> Plan {
    let mut plan = Plan::new();
    plan.replace(p("NME/ADMIN.NME"), vec![8; 45]).unwrap();
    plan.replace(p("GLB/NEW.GLB"), b"new".to_vec()).unwrap();
    plan.patch(p("GLB/FLAG.GLB"), 2, 0, vec![2, 0]).unwrap();
    plan.append(p("MBG/SYSTEM.MBG"), 232, vec![5; 116]).unwrap();
    plan.mkdir(p("TPL")).unwrap();
    plan.replace(p("TPL/A.TPL"), b"x".to_vec()).unwrap();
    plan
}

#[test]
fn a_commit_does_all_of_its_plan_and_is_durable_when_it_returns() {
    let disk = tree();
    let mut tree = open(&disk);
    let done = tree.commit(&everything(), &info()).unwrap().unwrap();
    assert_eq!((done.transaction, done.steps), (1, 6));
    assert_eq!(tree.commit(&Plan::new(), &info()).unwrap(), None);
    drop(tree);
    // A power cut right after the return takes nothing away.
    let after = disk.crash(Survival::Nothing);
    let view = view(&after);
    assert_eq!(view.read("NME/ADMIN.NME", 1000).unwrap().unwrap(), [8; 45]);
    assert_eq!(view.read("GLB/FLAG.GLB", 1000).unwrap().unwrap(), [2, 0]);
    assert_eq!(view.read("TPL/A.TPL", 1000).unwrap().unwrap(), b"x");
    assert_eq!(view.stat("MBG/SYSTEM.MBG").unwrap().unwrap().len, 348);
    assert_eq!(view.pending_commit(), None);
    let audit = view.read("GLB/JOURNAL/AUDIT.LOG", 1000).unwrap().unwrap();
    assert_eq!(
        String::from_utf8(audit).unwrap(),
        "1994-04-07T12:13:52Z txn=1 user=tester command=\"po-admin check --fix\" steps=6 \
         bytes=167 fixed=2\r\n"
    );
    assert_eq!(view.stat("GLB/JOURNAL/COMMIT").unwrap(), None);
}

/// Bytes that count up, made on demand; cannot be made from `broken_at` on.
#[derive(Debug)]
struct Made {
    len: u64,
    broken_at: u64,
}

impl Source for Made {
    fn len_bytes(&self) -> u64 {
        self.len
    }

    fn fill(&self, buf: &mut [u8], offset: u64) -> DiskResult<()> {
        if offset + buf.len() as u64 > self.broken_at {
            return Err(DiskError::new(
                DiskOp::ReadAt,
                &p("SOURCE"),
                DiskErrorKind::Io,
            ));
        }
        for (at, byte) in (offset..).zip(buf) {
            *byte = u8::try_from(at % 251).unwrap();
        }
        Ok(())
    }
}

// rule: dec:4
#[test]
fn content_made_piece_by_piece_is_committed_whole_or_not_at_all() {
    let disk = tree();
    let before = disk.snapshot();
    let len = 700_001;
    let plan = |broken_at| {
        let mut plan = everything();
        let content = Content::Source(Arc::new(Made { len, broken_at }));
        plan.replace_with(p("NME/BIG.NME"), content).unwrap();
        plan
    };
    // The last piece cannot be made: nothing happened, the tree can go on.
    let mut tree = open(&disk);
    assert!(tree.commit(&plan(len - 1), &info()).is_err());
    let after = disk.snapshot();
    for (path, node) in &before {
        if path != "GLB/TREE.LCK" {
            assert_eq!(after.get(path), Some(node), "{path}");
        }
    }
    assert!(!after.keys().any(|path| path.ends_with(".STG")));
    let done = tree.commit(&plan(len), &info()).unwrap().unwrap();
    assert_eq!(done.payload_bytes, 167 + len);
    drop(tree);
    let view = view(&disk.crash(Survival::Nothing));
    let bytes = view.read("NME/BIG.NME", len).unwrap().unwrap();
    assert_eq!(bytes.len() as u64, len);
    assert!(
        (0u64..)
            .zip(&bytes)
            .all(|(at, &byte)| u64::from(byte) == at % 251)
    );
}

#[test]
fn commits_count_upwards_and_moves_and_removals_work() {
    let disk = tree();
    open(&disk).commit(&everything(), &info()).unwrap();
    let mut tree = open(&disk);
    let mut plan = Plan::new();
    plan.move_to(p("NME/ADMIN.NME"), p("NME/OLD.NME")).unwrap();
    plan.remove(p("TPL/A.TPL")).unwrap();
    plan.rmdir(p("TPL")).unwrap();
    plan.set_len(p("MBG/SYSTEM.MBG"), 348, 116).unwrap();
    let done = tree.commit(&plan, &info()).unwrap().unwrap();
    assert_eq!(done.transaction, 2);
    drop(tree);
    let view = view(&disk.crash(Survival::Nothing));
    assert_eq!(view.stat("TPL").unwrap(), None);
    assert_eq!(view.read("NME/OLD.NME", 100).unwrap().unwrap(), [8; 45]);
    assert_eq!(view.stat("NME/ADMIN.NME").unwrap(), None);
    assert_eq!(
        view.read("MBG/SYSTEM.MBG", 1000).unwrap().unwrap(),
        [9; 116]
    );
}

#[test]
fn a_plan_that_does_not_fit_changes_nothing() {
    let disk = tree();
    let before = disk.snapshot();
    let fails = |plan: Plan| {
        let mut tree = open(&disk);
        let error = tree.commit(&plan, &info()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Data, "{error}");
        error
    };
    let mut plan = everything();
    plan.patch(p("GLB/MISSING.GLB"), 0, 0, vec![1]).unwrap();
    fails(plan);
    let mut plan = everything();
    plan.patch(p("GLB/LAYOUT.TXT"), 5, 0, vec![1]).unwrap();
    assert!(matches!(fails(plan), TreeError::Mismatch { .. }));
    let mut plan = everything();
    plan.replace(p("NOWHERE/X"), vec![1]).unwrap();
    fails(plan);
    let mut plan = everything();
    plan.remove(p("NME")).unwrap();
    fails(plan);
    disk.add_hard_link(&p("MBG/SYSTEM.MBG"), &p("LINK"))
        .unwrap();
    assert!(matches!(fails(everything()), TreeError::Disk { .. }));
    let after = disk.snapshot();
    for (path, node) in &before {
        if path != "GLB/TREE.LCK" {
            assert_eq!(after.get(path), Some(node), "{path}");
        }
    }
    assert!(!after.contains_key("TPL"));
    assert!(
        !after
            .keys()
            .any(|path| path.ends_with(".STG") || path.ends_with("COMMIT.NEW"))
    );
}

// rule: pof:D-03
#[test]
fn a_tree_without_marker_is_never_written_not_even_a_lock_file() {
    let disk = tree();
    disk.unlink(&p("GLB/LAYOUT.TXT")).unwrap();
    let before = disk.snapshot();
    let error = TreeMut::open(Arc::new(disk.clone()), domain(), &options()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(error.to_string().contains("LAYOUT.TXT"), "{error}");
    let shown = view(&disk);
    assert_eq!(shown.read("NME/ADMIN.NME", 100).unwrap().unwrap().len(), 90);
    drop(shown);
    assert_eq!(disk.snapshot(), before);
}

// rule: pof:R-NAM-004
// rule: pof:R-LCK-001
// rule: pof:R-TMP-005
// rule: tra:R-TRN-002
// rule: tra:R-LCK-013
#[test]
fn writers_exclude_each_other_and_readers_and_name_the_holder() {
    let disk = tree();
    let mut mine = options();
    mine.holder.program = "po-admin check --fix".into();
    mine.holder.pid = 4711;
    let first = TreeMut::open(Arc::new(disk.clone()), domain(), &mine).unwrap();
    for busy in [
        TreeMut::open(Arc::new(disk.clone()), domain(), &options()).unwrap_err(),
        TreeView::open(Arc::new(disk.clone()), domain(), &options()).unwrap_err(),
    ] {
        assert_eq!(busy.class(), ErrorClass::Busy);
        assert!(busy.to_string().contains("process 4711"), "{busy}");
    }
    drop(first);
    let reader = view(&disk);
    let second_reader = view(&disk);
    assert!(TreeMut::open(Arc::new(disk.clone()), domain(), &options()).is_err());
    drop((reader, second_reader));
    open(&disk);
    assert!(
        disk.try_lock(&p("GLB/TREE.LCK"), LockKind::Exclusive, false)
            .unwrap()
            .is_some()
    );
}

// rule: dec:DEC-104
// rule: pof:R-LCK-002
// rule: tra:R-ADM-003
#[test]
fn lists_change_only_while_nobody_holds_flag_glb() {
    let disk = tree();
    let mut lists = Plan::new();
    lists.patch(p("NME/ADMIN.NME"), 90, 2, vec![b'A']).unwrap();
    lists.patch(p("GLB/FLAG.GLB"), 2, 0, vec![2, 0]).unwrap();
    let mut mail = Plan::new();
    mail.patch(p("MBG/SYSTEM.MBG"), 232, 0, vec![1]).unwrap();
    let guard = disk
        .try_lock(&p("GLB/FLAG.GLB"), LockKind::Exclusive, false)
        .unwrap();
    let mut writer = open(&disk);
    let before = disk.snapshot();
    let error = writer.commit(&lists, &info()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Busy);
    assert!(
        error.to_string().contains("[ 91]") && error.to_string().contains("FLAG.GLB"),
        "{error}"
    );
    assert_eq!(disk.snapshot(), before);
    // Mail is no list.
    writer.commit(&mail, &info()).unwrap();
    drop(guard);
    writer.commit(&lists, &info()).unwrap();
    drop(writer);
    assert_eq!(
        view(&disk).read("GLB/FLAG.GLB", 2).unwrap().unwrap(),
        [2, 0]
    );
    // And it is free again.
    let free = disk.try_lock(&p("GLB/FLAG.GLB"), LockKind::Exclusive, false);
    assert!(free.unwrap().is_some());
}

// Q131670, Q131864: whoever cannot write it takes it for held.
// rule: pof:R-LCK-003
#[test]
fn a_read_only_flag_counts_as_held() {
    let disk = tree();
    let read_only = dirsync_tree::disk::Attrs {
        mode: Some(0o444),
        ..dirsync_tree::disk::Attrs::default()
    };
    disk.open_write(&p("GLB/FLAG.GLB"))
        .unwrap()
        .set_attrs(&read_only)
        .unwrap();
    let mut lists = Plan::new();
    lists.patch(p("GLB/FLAG.GLB"), 2, 0, vec![2, 0]).unwrap();
    let error = open(&disk).commit(&lists, &info()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Busy);
    assert!(error.to_string().contains("read-only"), "{error}");
}

#[test]
fn lower_and_mixed_case_trees_are_the_same_tree() {
    let disk = MemDisk::new();
    for dir in ["glb", "Nme", "mbg"] {
        disk.add_dir(&p(dir)).unwrap();
    }
    disk.add_file(&p("glb/layout.txt"), LAYOUT.as_bytes())
        .unwrap();
    disk.add_file(&p("glb/Flag.glb"), &[1, 0]).unwrap();
    disk.add_file(&p("Nme/aDmin.nMe"), &[7; 90]).unwrap();
    disk.settle();
    let mut tree = open(&disk);
    assert_eq!(
        tree.view().path("NME/ADMIN.NME").unwrap(),
        p("Nme/aDmin.nMe")
    );
    assert_eq!(tree.view().path("NME/NEW.NME").unwrap(), p("Nme/NEW.NME"));
    let mut plan = Plan::new();
    plan.replace(tree.view().path("NME/ADMIN.NME").unwrap(), vec![1])
        .unwrap();
    tree.commit(&plan, &info()).unwrap();
    drop(tree);
    assert_eq!(view(&disk).read("NME/ADMIN.NME", 10).unwrap().unwrap(), [1]);
    assert!(disk.stat(&p("NME")).unwrap().is_none());
    // Two spellings of a core file: nobody knows which is meant.
    disk.add_file(&p("glb/FLAG.GLB"), &[9, 9]).unwrap();
    let error = TreeView::open(Arc::new(disk.clone()), domain(), &options()).unwrap_err();
    assert!(matches!(error, TreeError::Ambiguous { .. }));
}

#[test]
fn special_files_in_the_place_of_core_files_are_named() {
    for kind in [
        EntryKind::Fifo,
        EntryKind::Socket,
        EntryKind::Link,
        EntryKind::Other,
    ] {
        let disk = tree();
        disk.unlink(&p("GLB/FLAG.GLB")).unwrap();
        disk.add_special(&p("GLB/FLAG.GLB"), kind).unwrap();
        let shown = view(&disk);
        let error = shown.read("GLB/FLAG.GLB", 10).unwrap_err();
        assert!(error.to_string().contains("GLB/FLAG.GLB"), "{error}");
        drop(shown);
        let mut tree = open(&disk);
        let error = tree.commit(&everything(), &info()).unwrap_err();
        assert!(error.to_string().contains("GLB/FLAG.GLB"), "{error}");
    }
}
