//! Locks: between two opens, between processes, and on files that go away.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

on_every_disk! {
    locks_exclude_each_other
    a_note_names_the_holder
    a_lock_on_a_removed_file_is_noticed
    a_missing_lock_file_is_made_or_missed
}

fn lock(disk: &Arc<dyn Disk>, kind: LockKind) -> Option<Box<dyn super::super::LockGuard>> {
    disk.try_lock(&path("TREE.LCK"), kind, true).unwrap()
}

fn locks_exclude_each_other(bench: &Bench) {
    let other = bench.again();
    let first = lock(&bench.disk, LockKind::Shared).unwrap();
    let second = lock(&other, LockKind::Shared).unwrap();
    assert!(lock(&other, LockKind::Exclusive).is_none());
    drop(first);
    assert!(lock(&bench.disk, LockKind::Exclusive).is_none());
    drop(second);
    let held = lock(&other, LockKind::Exclusive).unwrap();
    assert!(lock(&bench.disk, LockKind::Exclusive).is_none());
    assert!(lock(&bench.disk, LockKind::Shared).is_none());
    drop(held);
    assert!(lock(&bench.disk, LockKind::Exclusive).is_some());
}

// Locks of DEC-105.
fn a_note_names_the_holder(bench: &Bench) {
    let mut held = lock(&bench.disk, LockKind::Exclusive).unwrap();
    held.set_note(b"program=dxa-cycle\npid=1\n").unwrap();
    held.set_note(b"pid=2\n").unwrap();
    assert_eq!(bench.bytes("TREE.LCK"), b"pid=2\n");
    drop(held);
    let mut shared = lock(&bench.disk, LockKind::Shared).unwrap();
    assert_eq!(kind_of(shared.set_note(b"x")), Kind::Unsupported);
    assert_eq!(bench.bytes("TREE.LCK"), b"pid=2\n");
}

fn a_lock_on_a_removed_file_is_noticed(bench: &Bench) {
    bench.mkdir("D");
    let at = path("D/L");
    let take = || bench.disk.try_lock(&at, LockKind::Exclusive, true).unwrap();
    let held = take().unwrap();
    assert!(held.still_named().unwrap());
    bench.disk.unlink(&at).unwrap();
    assert!(!held.still_named().unwrap());
    // The same name, another file.
    let second = take().unwrap();
    assert!(!held.still_named().unwrap());
    assert!(second.still_named().unwrap());
    bench.disk.rename(&at, &path("D/M")).unwrap();
    assert!(!second.still_named().unwrap());
    bench.disk.unlink(&path("D/M")).unwrap();
    bench.disk.rmdir(&path("D")).unwrap();
    assert!(!second.still_named().unwrap());
    bench.link("D", "elsewhere");
    assert!(!second.still_named().unwrap());
}

fn a_missing_lock_file_is_made_or_missed(bench: &Bench) {
    for kind in [LockKind::Shared, LockKind::Exclusive] {
        let at = path("L");
        assert_eq!(
            kind_of(bench.disk.try_lock(&at, kind, false)),
            Kind::NotFound
        );
        let held = bench.disk.try_lock(&at, kind, true).unwrap();
        assert!(held.is_some());
        assert_eq!(bench.bytes("L"), b"");
        assert!(names(bench.disk.as_ref(), "").len() == 1);
        bench.disk.unlink(&at).unwrap();
    }
}

/// Where the child process of the next test finds its disk.
const CHILD_ROOT: &str = "DIRSYNC_TREE_TEST_LOCK_CHILD";

// rule: dec:DEC-105
#[test]
fn a_lock_holds_between_processes_and_dies_with_its_process() {
    if let Some(root) = std::env::var_os(CHILD_ROOT) {
        // The child: take the lock, say so, and wait to be killed.
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(root.as_ref()).unwrap());
        let held = lock(&disk, LockKind::Exclusive);
        assert!(held.is_some());
        println!("\nchild holds the lock");
        std::io::stdout().flush().unwrap();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        return;
    }
    let bench = Bench::real();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("disk::suite::locks::a_lock_holds_between_processes_and_dies_with_its_process")
        .env(CHILD_ROOT, bench.real_root().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "child holds the lock");
    let busy = lock(&bench.disk, LockKind::Exclusive).is_none();
    let busy_shared = lock(&bench.disk, LockKind::Shared).is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(told && busy && busy_shared);
    assert!(lock(&bench.disk, LockKind::Exclusive).is_some());
}

// A shared lock must work where nothing may be written.
#[test]
fn a_shared_lock_needs_only_read_access() {
    let bench = Bench::real();
    bench.put("TREE.LCK", b"");
    let file = bench.real_root().unwrap().join("TREE.LCK");
    let mut read_only = std::fs::metadata(&file).unwrap().permissions();
    read_only.set_readonly(true);
    std::fs::set_permissions(&file, read_only).unwrap();
    assert!(lock(&bench.disk, LockKind::Shared).is_some());
    // Root may write anyway; everybody else is told why not.
    match bench
        .disk
        .try_lock(&path("TREE.LCK"), LockKind::Exclusive, true)
    {
        Ok(held) => assert!(held.is_some() && rustix::process::geteuid().is_root()),
        Err(error) => assert_eq!(error.kind, Kind::PermissionDenied),
    }
}
