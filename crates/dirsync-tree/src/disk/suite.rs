//! One behaviour for every disk: the same tests run on the real file system (with `openat2`,
//! without it, and with the standard library alone) and in memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use super::mem::{MemDisk, Node};
use super::real::{PlainDisk, RealDisk};
use super::{Attrs, Disk, DiskErrorKind as Kind, DiskResult, EntryKind, EntryName, LockKind, Stat};
use crate::path::RelPath;

mod hostile;
mod locks;
mod plain_life;
mod random;

pub(super) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// A disk to be tested, and what tests need to put on it behind its back.
pub(super) struct Bench {
    pub(super) disk: Arc<dyn Disk>,
    on: On,
}

enum On {
    Memory(MemDisk),
    /// The root of the disk, and the temporary directory it lies in (removed at the end).
    Real(
        PathBuf,
        #[expect(dead_code, reason = "kept for its drop")] tempfile::TempDir,
    ),
}

impl Bench {
    pub(super) fn memory() -> Self {
        let disk = MemDisk::new();
        Self {
            disk: Arc::new(disk.clone()),
            on: On::Memory(disk),
        }
    }

    fn real_with(open: impl Fn(&std::path::Path) -> Arc<dyn Disk>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        // The root is reached through a link, which is allowed.
        let root = temporary.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(temporary.path().join("outside")).unwrap();
        std::fs::write(temporary.path().join("outside/secret"), b"secret").unwrap();
        let door = temporary.path().join("door");
        std::os::unix::fs::symlink(&root, &door).unwrap();
        Self {
            disk: open(&door),
            on: On::Real(root, temporary),
        }
    }

    pub(super) fn real() -> Self {
        Self::real_with(|root| Arc::new(RealDisk::open(root).unwrap()))
    }

    pub(super) fn fallback() -> Self {
        Self::real_with(|root| Arc::new(RealDisk::open_with(root, false).unwrap()))
    }

    pub(super) fn plain() -> Self {
        Self::real_with(|root| Arc::new(PlainDisk::open(root).unwrap()))
    }

    /// Another disk over the same files.
    pub(super) fn again(&self) -> Arc<dyn Disk> {
        match &self.on {
            On::Memory(disk) => Arc::new(disk.clone()),
            On::Real(root, _) => Arc::new(RealDisk::open(root).unwrap()),
        }
    }

    pub(super) fn real_root(&self) -> Option<&PathBuf> {
        match &self.on {
            On::Memory(_) => None,
            On::Real(root, _) => Some(root),
        }
    }

    /// Puts a file there.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = self.disk.create_new(&path(name)).unwrap();
        file.write_at(bytes, 0).unwrap();
    }

    pub(super) fn mkdir(&self, name: &str) {
        self.disk.mkdir(&path(name)).unwrap();
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        read_all(self.disk.as_ref(), &path(name)).unwrap()
    }

    pub(super) fn hard_link(&self, file: &str, name: &str) {
        match &self.on {
            On::Memory(disk) => disk.add_hard_link(&path(file), &path(name)).unwrap(),
            On::Real(root, _) => std::fs::hard_link(root.join(file), root.join(name)).unwrap(),
        }
    }

    /// Makes a symbolic link; `target` is relative to the link's directory.
    pub(super) fn link(&self, name: &str, target: &str) {
        match &self.on {
            On::Memory(disk) => disk.add_special(&path(name), EntryKind::Link).unwrap(),
            On::Real(root, _) => std::os::unix::fs::symlink(target, root.join(name)).unwrap(),
        }
    }

    /// Makes a FIFO, socket or device; `false` when that is not permitted here.
    pub(super) fn special(&self, name: &str, kind: EntryKind) -> bool {
        let root = match &self.on {
            On::Memory(disk) => {
                disk.add_special(&path(name), kind).unwrap();
                return true;
            }
            On::Real(root, _) => root.join(name),
        };
        use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
        let mode = Mode::from_raw_mode(0o666);
        match kind {
            EntryKind::Fifo => mknodat(CWD, root, FileType::Fifo, mode, 0).unwrap(),
            EntryKind::Socket => drop(std::os::unix::net::UnixListener::bind(root).unwrap()),
            EntryKind::Other => {
                // The twin of /dev/null: harmless when a bug opens it.
                return mknodat(CWD, root, FileType::CharacterDevice, mode, makedev(1, 3)).is_ok();
            }
            _ => panic!("{kind:?} has its own function"),
        }
        true
    }
}

pub(super) fn read_all(disk: &dyn Disk, path: &RelPath) -> DiskResult<Vec<u8>> {
    let file = disk.open_read(path)?;
    let len = usize::try_from(file.stat()?.len).unwrap();
    let mut bytes = vec![0; len + 1];
    let count = file.read_at(&mut bytes, 0)?;
    bytes.truncate(count);
    Ok(bytes)
}

pub(super) fn names(disk: &dyn Disk, dir: &str) -> BTreeMap<EntryName, EntryKind> {
    let mut found = BTreeMap::new();
    disk.list(&path(dir), &mut |entry| {
        assert_eq!(found.insert(entry.name, entry.kind), None, "listed twice");
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

/// Everything below the root, read through the [`Disk`] alone.
pub(super) fn tree(disk: &dyn Disk) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    let mut open = vec![RelPath::root()];
    while let Some(dir) = open.pop() {
        disk.list(&dir, &mut |entry| {
            let EntryName::Plain(name) = entry.name else {
                panic!("a strange name");
            };
            let path = dir.join(&name).unwrap();
            let stat = disk.stat(&path).unwrap().unwrap();
            assert_eq!(stat.kind, entry.kind);
            let node = match entry.kind {
                EntryKind::Dir => {
                    open.push(path.clone());
                    Node::Dir
                }
                EntryKind::File => {
                    let bytes = read_all(disk, &path).unwrap();
                    assert_eq!(u64::try_from(bytes.len()).unwrap(), stat.len);
                    Node::File { bytes, mode: 0 }
                }
                kind => Node::Special(kind),
            };
            nodes.insert(path.as_str().to_owned(), node);
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    nodes
}

pub(super) fn kind_of<T: std::fmt::Debug>(result: DiskResult<T>) -> Kind {
    result.unwrap_err().kind
}

/// Runs functions that take a [`Bench`] as tests on every disk.
macro_rules! on_every_disk {
    ($($test:ident)*) => {
        mod memory { $(#[test] fn $test() { super::$test(&crate::disk::suite::Bench::memory()); })* }
        mod real { $(#[test] fn $test() { super::$test(&crate::disk::suite::Bench::real()); })* }
        mod fallback { $(#[test] fn $test() { super::$test(&crate::disk::suite::Bench::fallback()); })* }
        mod plain { $(#[test] fn $test() { super::$test(&crate::disk::suite::Bench::plain()); })* }
    };
}
pub(super) use on_every_disk;
