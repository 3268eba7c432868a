//! What an enemy, or an accident, may have put into a tree.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

on_every_disk! {
    special_files_are_refused_without_waiting
    links_are_never_followed
    links_in_the_middle_are_refused
    hard_links_are_read_but_not_written
    special_files_can_be_moved_and_removed
    strange_names_are_reported
}

/// Fails the test instead of hanging it.
fn soon<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(run()));
    wait.recv_timeout(Duration::from_secs(60))
        .unwrap_or_else(|_| panic!("{what} blocks"))
}

fn every_open(disk: &Arc<dyn Disk>, at: &RelPath) -> Vec<Kind> {
    let disk = Arc::clone(disk);
    let at = at.clone();
    soon(&format!("opening {at}"), move || {
        vec![
            kind_of(disk.open_read(&at)),
            kind_of(disk.open_write(&at)),
            kind_of(disk.try_lock(&at, LockKind::Shared, true)),
            kind_of(disk.try_lock(&at, LockKind::Exclusive, true)),
            kind_of(disk.sync_group(std::slice::from_ref(&at))),
        ]
    })
}

fn special_files_are_refused_without_waiting(bench: &Bench) {
    bench.mkdir("DIR");
    let mut kinds = vec![("DIR", EntryKind::Dir)];
    for (name, kind) in [
        ("FIFO", EntryKind::Fifo),
        ("SOCKET", EntryKind::Socket),
        ("DEVICE", EntryKind::Other),
    ] {
        if bench.special(name, kind) {
            kinds.push((name, kind));
        }
    }
    for (name, kind) in kinds {
        let opened = every_open(&bench.disk, &path(name));
        assert_eq!(opened, [Kind::NotRegular(kind); 5], "{name}");
        assert_eq!(bench.disk.stat(&path(name)).unwrap().unwrap().kind, kind);
        let listed = names(bench.disk.as_ref(), "");
        assert_eq!(listed.get(&EntryName::Plain(name.into())), Some(&kind));
        assert_eq!(
            kind_of(bench.disk.create_new(&path(name))),
            Kind::AlreadyExists
        );
        if kind != EntryKind::Dir {
            let listed = bench
                .disk
                .list(&path(name), &mut |_| ControlFlow::Continue(()));
            assert_eq!(kind_of(listed), Kind::NotADirectory);
        }
    }
}

fn links_are_never_followed(bench: &Bench) {
    bench.put("A", b"a");
    bench.mkdir("D");
    bench.link("TO_FILE", "A");
    bench.link("TO_DIR", "D");
    bench.link("DANGLING", "nowhere");
    bench.link("LOOP", "LOOP");
    bench.link("OUT", "../outside/secret");
    bench.link("ABSOLUTE", "/etc/passwd");
    let link = Kind::NotRegular(EntryKind::Link);
    for name in ["TO_FILE", "TO_DIR", "DANGLING", "LOOP", "OUT", "ABSOLUTE"] {
        let at = path(name);
        assert_eq!(every_open(&bench.disk, &at), [link; 5], "{name}");
        assert_eq!(bench.disk.stat(&at).unwrap().unwrap().kind, EntryKind::Link);
        assert_eq!(kind_of(bench.disk.create_new(&at)), Kind::AlreadyExists);
        assert_eq!(kind_of(bench.disk.mkdir(&at)), Kind::AlreadyExists);
        let listed = bench.disk.list(&at, &mut |_| ControlFlow::Continue(()));
        assert_eq!(kind_of(listed), Kind::LinkInPath, "{name}");
        assert_eq!(
            kind_of(bench.disk.sync_dir(&at)),
            Kind::LinkInPath,
            "{name}"
        );
        assert_eq!(
            kind_of(bench.disk.rmdir(&at)),
            Kind::NotADirectory,
            "{name}"
        );
    }
    // A rename replaces the link, not what it points to.
    bench.put("B", b"b");
    bench.disk.rename(&path("B"), &path("TO_FILE")).unwrap();
    assert_eq!(bench.bytes("A"), b"a");
    assert_eq!(bench.bytes("TO_FILE"), b"b");
}

fn links_in_the_middle_are_refused(bench: &Bench) {
    let disk = &bench.disk;
    bench.mkdir("D");
    bench.put("D/secret", b"mine");
    bench.mkdir("E");
    bench.link("L", "D");
    bench.link("E/UP", "../D");
    bench.link("OUT", "../outside");
    for dir in ["L", "E/UP", "OUT"] {
        for name in ["secret", "NEW", "deeper/NEW"] {
            let at = path(&format!("{dir}/{name}"));
            let link = Kind::LinkInPath;
            assert_eq!(kind_of(disk.open_read(&at)), link, "{at}");
            assert_eq!(kind_of(disk.open_write(&at)), link, "{at}");
            assert_eq!(kind_of(disk.create_new(&at)), link, "{at}");
            assert_eq!(kind_of(disk.stat(&at)), link, "{at}");
            assert_eq!(kind_of(disk.mkdir(&at)), link, "{at}");
            assert_eq!(kind_of(disk.unlink(&at)), link, "{at}");
            assert_eq!(kind_of(disk.rmdir(&at)), link, "{at}");
            assert_eq!(kind_of(disk.rename(&at, &path("X"))), link, "{at}");
            assert_eq!(kind_of(disk.rename(&path("D/secret"), &at)), link, "{at}");
            assert_eq!(kind_of(disk.rename_noreplace(&path("D/secret"), &at)), link);
            assert_eq!(kind_of(disk.try_lock(&at, LockKind::Exclusive, true)), link);
            assert_eq!(kind_of(disk.sync_group(std::slice::from_ref(&at))), link);
            assert_eq!(kind_of(disk.sync_group(&vec![at.clone(); 9])), link);
        }
    }
    assert_eq!(bench.bytes("D/secret"), b"mine");
    if let Some(root) = bench.real_root() {
        let outside = root.parent().unwrap().join("outside");
        let left: Vec<_> = std::fs::read_dir(outside).unwrap().collect();
        assert_eq!(left.len(), 1);
    }
}

fn hard_links_are_read_but_not_written(bench: &Bench) {
    bench.put("A", b"a");
    bench.hard_link("A", "B");
    bench.hard_link("A", "C");
    assert_eq!(bench.bytes("B"), b"a");
    assert_eq!(bench.disk.stat(&path("B")).unwrap().unwrap().links, 3);
    assert_eq!(
        kind_of(bench.disk.open_write(&path("B"))),
        Kind::HardLinked(3)
    );
    let locked = bench.disk.try_lock(&path("B"), LockKind::Exclusive, true);
    assert_eq!(kind_of(locked), Kind::HardLinked(3));
    // Renaming one name of a file to another one does nothing.
    bench.disk.rename(&path("A"), &path("B")).unwrap();
    assert_eq!(tree(bench.disk.as_ref()).len(), 3);
    bench.disk.unlink(&path("A")).unwrap();
    bench.disk.unlink(&path("B")).unwrap();
    bench.disk.open_write(&path("C")).unwrap();
}

fn special_files_can_be_moved_and_removed(bench: &Bench) {
    bench.mkdir("QUARANTINE");
    bench.special("FIFO", EntryKind::Fifo);
    bench.link("LINK", "nowhere");
    for name in ["FIFO", "LINK"] {
        let to = path("QUARANTINE").join(name).unwrap();
        bench.disk.rename_noreplace(&path(name), &to).unwrap();
        bench.disk.unlink(&to).unwrap();
    }
    assert_eq!(tree(bench.disk.as_ref()).len(), 1);
}

fn strange_names_are_reported(bench: &Bench) {
    bench.put("GOOD", b"");
    let expected: &[&str] = match &bench.on {
        On::Memory(disk) => {
            for name in ["a\\b", "c:d", "new\nline:"] {
                disk.add_strange(&RelPath::root(), name, EntryKind::File)
                    .unwrap();
            }
            &[r"a\\b", "c:d", r"new\nline:"]
        }
        On::Real(root, _) => {
            use std::os::unix::ffi::OsStrExt;
            for name in [&b"a\\b"[..], b"c:d", b"new\nline:", b"\xFF\xFEx"] {
                let name = std::ffi::OsStr::from_bytes(name);
                std::fs::write(root.join(name), b"").unwrap();
            }
            &[r"a\\b", "c:d", r"new\nline:", r"\xff\xfex"]
        }
    };
    let listed = names(bench.disk.as_ref(), "");
    let strange: Vec<&str> = listed
        .keys()
        .filter_map(|name| match name {
            EntryName::Strange(shown) => Some(shown.as_str()),
            EntryName::Plain(_) => None,
        })
        .collect();
    let mut wanted = expected.to_vec();
    wanted.sort_unstable();
    assert_eq!(strange, wanted);
    assert_eq!(listed.len(), wanted.len() + 1);
}

// Opening a FIFO would let its writer go on, opening a device may do anything: so nothing but a
// regular file is even opened.
#[test]
fn a_fifo_is_refused_without_being_opened() {
    for bench in [Bench::real(), Bench::fallback(), Bench::plain()] {
        bench.special("FIFO", EntryKind::Fifo);
        let fifo = bench.real_root().unwrap().join("FIFO");
        let writer = {
            let fifo = fifo.clone();
            thread::spawn(move || std::fs::OpenOptions::new().write(true).open(fifo))
        };
        // Long enough for the writer to wait in the kernel; if it comes later, nothing is missed
        // but a chance to fail.
        thread::sleep(Duration::from_millis(50));
        every_open(&bench.disk, &path("FIFO"));
        thread::sleep(Duration::from_millis(50));
        assert!(!writer.is_finished());
        let reader = std::fs::File::open(fifo).unwrap();
        writer.join().unwrap().unwrap();
        drop(reader);
    }
}
