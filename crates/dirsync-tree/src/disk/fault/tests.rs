//! Every fault does what it says, at the operation it names, and nothing before.

use std::thread;

use super::handle::first_half;
use super::*;
use crate::disk::mem::{MemDisk, Node, Survival};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// A small change: 14 operations, of which 10 mutate. Stops at the first error.
fn change(disk: &dyn Disk) -> DiskResult<()> {
    let held = disk.try_lock(&path("L"), LockKind::Exclusive, true)?;
    let mut held = held.unwrap();
    held.set_note(b"me")?;
    held.still_named()?;
    disk.stat(&path("A"))?;
    disk.mkdir(&path("D"))?;
    let mut file = disk.create_new(&path("D/X"))?;
    file.write_at(&[9; 2048], 100)?;
    file.sync()?;
    let mut buf = [0; 10];
    file.read_at(&mut buf, 100)?;
    disk.rename(&path("D/X"), &path("A"))?;
    disk.sync_dir(&path("D"))?;
    disk.sync_group(&[path("A")])?;
    disk.free_bytes()?;
    disk.rmdir(&path("D"))
}

fn start() -> MemDisk {
    let disk = MemDisk::new();
    disk.add_file(&path("A"), b"old").unwrap();
    disk
}

fn faulty(disk: &MemDisk, counting: Counting, fault: Option<Fault>) -> FaultDisk {
    FaultDisk::new(Arc::new(disk.clone()), counting, fault)
}

#[test]
fn operations_are_counted_and_logged() {
    for (counting, expected) in [(Counting::All, 14), (Counting::Mutations, 10)] {
        let disk = faulty(&start(), counting, None);
        change(&disk).unwrap();
        assert_eq!(disk.operations(), expected);
        assert_eq!(disk.log().len(), 14);
        assert_eq!(disk.count_of(DiskOp::ReadAt), 1);
        assert_eq!(disk.count_of(DiskOp::Unlink), 0);
        let rename = disk
            .log()
            .into_iter()
            .find(|entry| entry.op == DiskOp::Rename);
        assert_eq!(rename.unwrap().to, Some(path("A")));
        assert!(!disk.fired());
    }
}

#[test]
fn a_stop_leaves_exactly_what_came_before() {
    for counting in [Counting::All, Counting::Mutations] {
        let full = faulty(&start(), counting, None);
        change(&full).unwrap();
        let log = full.log();
        for n in 1..=full.operations() {
            let mem = start();
            let disk = faulty(&mem, counting, Some(Fault::StopAt(n)));
            let error = change(&disk).unwrap_err();
            let here = log
                .iter()
                .position(|entry| entry.number == Some(n))
                .unwrap();
            assert_eq!(error.kind, DiskErrorKind::Stopped);
            assert_eq!((error.op, &error.path), (log[here].op, &log[here].path));
            assert!(disk.fired() && disk.is_stopped());
            // Nothing works any more, also what is not counted.
            assert_eq!(
                disk.stat(&path("A")).unwrap_err().kind,
                DiskErrorKind::Stopped
            );
            let did = |op| log[..here].iter().any(|entry| entry.op == op);
            let now = mem.snapshot();
            assert_eq!(now.contains_key("L"), did(DiskOp::Lock));
            assert_eq!(now.contains_key("D"), did(DiskOp::Mkdir));
            assert_eq!(
                now.contains_key("D/X"),
                did(DiskOp::CreateNew) && !did(DiskOp::Rename)
            );
        }
    }
}

#[test]
fn a_handle_opened_before_the_stop_is_stopped_too() {
    let mem = start();
    let disk = faulty(&mem, Counting::Mutations, Some(Fault::StopAt(4)));
    let mut file = disk.open_write(&path("A")).unwrap();
    let lock = disk
        .try_lock(&path("L"), LockKind::Exclusive, true)
        .unwrap();
    file.write_at(b"n", 0).unwrap();
    assert_eq!(
        disk.unlink(&path("A")).unwrap_err().kind,
        DiskErrorKind::Stopped
    );
    let mut lock = lock.unwrap();
    for kind in [
        file.write_at(b"e", 1).unwrap_err().kind,
        file.read_at(&mut [0], 0).unwrap_err().kind,
        file.sync().unwrap_err().kind,
        lock.set_note(b"x").unwrap_err().kind,
        lock.still_named().unwrap_err().kind,
    ] {
        assert_eq!(kind, DiskErrorKind::Stopped);
    }
    // The death of the process still frees the lock.
    drop(lock);
    let free = mem
        .try_lock(&path("L"), LockKind::Exclusive, false)
        .unwrap();
    assert!(free.is_some());
    let Some(Node::File { bytes, .. }) = mem.snapshot().remove("A") else {
        panic!("A is gone");
    };
    assert_eq!(bytes, b"nld");
}

#[test]
fn a_tearing_stop_writes_the_first_half() {
    let mem = start();
    // Lock, note, mkdir, create, write.
    let disk = faulty(&mem, Counting::Mutations, Some(Fault::StopTearing(5)));
    assert_eq!(change(&disk).unwrap_err().op, DiskOp::WriteAt);
    let Some(Node::File { bytes, .. }) = mem.snapshot().remove("D/X") else {
        panic!("D/X is gone");
    };
    // 2048 bytes at 100 touch five sectors; two of them are written.
    assert_eq!(bytes.len(), 1024);
    assert!(bytes[..100].iter().all(|&byte| byte == 0));
    assert!(bytes[100..].iter().all(|&byte| byte == 9));
    assert_eq!(first_half(0, 0), 0);
    assert_eq!(first_half(512, 0), 0);
    assert_eq!(first_half(1024, 0), 512);
    assert_eq!(first_half(2, 511), 1);
    assert_eq!(first_half(10, u64::MAX), 0);
}

#[test]
fn a_failure_hits_one_operation_only() {
    for kind in [DiskErrorKind::Io, DiskErrorKind::NoSpace] {
        let mem = start();
        let disk = faulty(&mem, Counting::All, Some(Fault::FailAt(2, kind)));
        assert!(disk.stat(&path("A")).is_ok());
        assert_eq!(disk.mkdir(&path("D")).unwrap_err().kind, kind);
        assert!(!mem.snapshot().contains_key("D"));
        assert!(disk.fired() && !disk.is_stopped());
        disk.mkdir(&path("D")).unwrap();
    }
}

#[test]
fn a_failed_sync_is_final() {
    let mem = start();
    let disk = faulty(
        &mem,
        Counting::Mutations,
        // Open, write, sync.
        Some(Fault::FailAt(3, DiskErrorKind::Io)),
    );
    let durable = |name: &str| mem.crash(Survival::Nothing).snapshot().remove(name);
    let old = durable("A");
    let mut file = disk.open_write(&path("A")).unwrap();
    file.write_at(b"new", 0).unwrap();
    assert!(file.sync().is_err());
    // A retry claims success and makes nothing durable.
    file.sync().unwrap();
    disk.sync_group(&[path("A")]).unwrap();
    assert_eq!(durable("A"), old);
    // A file made anew is another file.
    disk.unlink(&path("A")).unwrap();
    let mut file = disk.create_new(&path("A")).unwrap();
    file.write_at(b"new", 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(&RelPath::root()).unwrap();
    assert_eq!(durable("A"), mem.snapshot().remove("A"));
    assert_ne!(durable("A"), old);
}

#[test]
fn a_hang_lasts_until_released() {
    let mem = start();
    let disk = faulty(&mem, Counting::Mutations, Some(Fault::HangAt(3)));
    assert!(!disk.wait_until_hung(Duration::from_millis(1)));
    thread::scope(|scope| {
        let worker = scope.spawn(|| change(&disk));
        assert!(disk.wait_until_hung(Duration::from_secs(60)));
        assert!(!worker.is_finished());
        // Another thread hangs as well, even in an operation that is not counted.
        let other = scope.spawn(|| disk.stat(&path("A")));
        thread::sleep(Duration::from_millis(20));
        assert!(!other.is_finished());
        disk.release();
        let error = worker.join().unwrap().unwrap_err();
        assert_eq!(
            (error.op, error.kind),
            (DiskOp::Mkdir, DiskErrorKind::Stopped)
        );
        assert_eq!(
            other.join().unwrap().unwrap_err().kind,
            DiskErrorKind::Stopped
        );
    });
    assert!(!mem.snapshot().contains_key("D"));
}
