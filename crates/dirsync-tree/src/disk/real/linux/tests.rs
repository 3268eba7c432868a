//! What only the Linux disk has: moves in steps, roots, both ways of resolving.

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

// File systems without RENAME_NOREPLACE are rare where tests run, so the steps are called.
#[test]
fn a_move_in_steps_replaces_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(temporary.path()).unwrap();
    for dir in ["D", "E"] {
        disk.mkdir(&path(dir)).unwrap();
    }
    for file in ["A", "B"] {
        let mut file = disk.create_new(&path(file)).unwrap();
        file.write_at(b"x", 0).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", temporary.path().join("L")).unwrap();
    let steps = |from, to| {
        let moved = disk.move_in_steps(&path(from), &path(to));
        moved.map_err(|failure| failure.kind)
    };
    for (from, to) in [
        ("A", "B"),
        ("A", "D"),
        ("A", "L"),
        ("D", "E"),
        ("D", "A"),
        ("D", "L"),
    ] {
        assert_eq!(
            steps(from, to),
            Err(DiskErrorKind::AlreadyExists),
            "{from} {to}"
        );
    }
    assert_eq!(steps("X", "Y"), Err(DiskErrorKind::NotFound));
    assert_eq!(steps("D", "D/X"), Err(DiskErrorKind::Io));
    steps("A", "D/A").unwrap();
    steps("D", "F").unwrap();
    steps("L", "F/L").unwrap();
    let stat = disk.stat(&path("F/A")).unwrap().unwrap();
    assert_eq!((stat.len, stat.links), (1, 1));
    assert_eq!(disk.stat(&path("A")).unwrap(), None);
    assert_eq!(disk.stat(&path("L")).unwrap(), None);
}

#[test]
fn a_root_that_is_no_directory_is_an_error() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("A");
    std::fs::write(&file, b"").unwrap();
    assert_eq!(
        RealDisk::open(&file).unwrap_err().kind,
        DiskErrorKind::NotADirectory
    );
    let missing = temporary.path().join("B");
    assert_eq!(
        RealDisk::open(&missing).unwrap_err().kind,
        DiskErrorKind::NotFound
    );
}

// Where the kernel has openat2, the suites `real` and `fallback` test different things.
#[test]
fn the_suite_tests_both_ways_of_resolving() {
    let temporary = tempfile::tempdir().unwrap();
    let with = |openat2| {
        let disk = RealDisk::open_with(temporary.path(), openat2).unwrap();
        disk.root.has_openat2()
    };
    assert!(!with(false));
    // Asked in another way than the disk asks.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let resolve = rustix::fs::ResolveFlags::empty();
    let works = fs::openat2(fs::CWD, temporary.path(), flags, Mode::empty(), resolve).is_ok();
    assert_eq!(with(true), works);
}
