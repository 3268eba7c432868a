//! A disk in memory with an honest model of a power cut.
//!
//! What is seen at once and what is durable are kept apart:
//!
//! * bytes of a file are volatile in 512-byte sectors until the file is synced;
//! * its length is volatile apart from its bytes (a length that survives alone shows zeros), and so
//!   are mode and owner;
//! * a change of names is one unit (a rename: one unit over both directories) and volatile until
//!   one of its directories is synced; units that touch different entries survive in any
//!   combination, a unit that changes an entry again carries the earlier ones of that entry along.
//!
//! [`MemDisk::crash`] gives the disk after a power cut, [`MemDisk::kill`] after the death of the
//! process alone. Clones share one disk.

mod build;
mod content;
mod crash;
mod handle;
mod state;
#[cfg(test)]
mod tests;
mod units;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    DirEntry, Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind, EntryName, LockGuard,
    LockKind, ReadHandle, Stat, WriteHandle,
};
use crate::path::RelPath;
pub use build::Node;
pub use crash::Survival;
use handle::{Guard, Handle};
use state::{Body, KindResult, State};

/// Entries fetched at a time while listing, so that the caller may use the disk in between.
const LIST_STEP: usize = 64;

/// A disk in memory. Clones share it; see [`MemDisk::fork`] for a copy.
#[derive(Debug, Clone)]
pub struct MemDisk {
    state: Arc<Mutex<State>>,
}

impl Default for MemDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl MemDisk {
    /// An empty disk without a limit of space.
    #[must_use]
    pub fn new() -> Self {
        Self::from_state(State::new())
    }

    /// An empty disk that holds `bytes`, counted in blocks of 4096; names and directories cost
    /// nothing.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> Self {
        let disk = Self::new();
        disk.set_capacity(Some(bytes));
        disk
    }

    fn from_state(state: State) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the limit of space, in bytes; `None` lifts it.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock_state().capacity_bytes = bytes;
    }

    /// The time files get when they are changed from now on, in seconds since 1970. The disk has
    /// no clock of its own; it starts at 0.
    pub fn set_time(&self, unix_s: i64) {
        self.lock_state().clock_unix_s = unix_s;
    }

    /// Breaks the rules on purpose: `sync_dir` succeeds and makes nothing durable. A test that
    /// still passes with this on does not test durability.
    pub fn ignore_sync_dir(&self, ignore: bool) {
        self.lock_state().ignore_sync_dir = ignore;
    }

    /// Breaks the rules on purpose: syncing a file or a group succeeds and makes nothing durable.
    pub fn ignore_file_sync(&self, ignore: bool) {
        self.lock_state().ignore_file_sync = ignore;
    }

    /// The disk after a power cut now, of which `survival` says what reached the medium. Nothing
    /// is open or locked there; this disk stays as it is, so that many cuts can be tried.
    #[must_use]
    pub fn crash(&self, survival: Survival) -> Self {
        Self::from_state(self.lock_state().after_crash(survival))
    }

    /// The disk after the death of the process: everything written is there (and still volatile),
    /// locks and handles are gone. This disk stays as it is.
    #[must_use]
    pub fn kill(&self) -> Self {
        Self::from_state(self.lock_state().without_holders())
    }

    /// A deep copy, pending changes included, locks and handles not.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.kill()
    }

    /// Makes everything durable, as a clean unmount does (whatever the switches say).
    pub fn settle(&self) {
        self.lock_state().settle();
    }

    /// Whether a power cut now could lose anything.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.lock_state().is_dirty()
    }

    fn handle(&self, state: &mut State, ino: u64, path: &RelPath) -> KindResult<Handle> {
        state.open(ino)?;
        Ok(Handle {
            disk: self.clone(),
            ino,
            path: path.clone(),
        })
    }
}

impl State {
    fn stat(&self, ino: u64) -> KindResult<Stat> {
        let inode = self.inodes.get(&ino).ok_or(DiskErrorKind::Io)?;
        let (len, links) = match &inode.body {
            Body::File(content) => (content.len(), inode.links),
            _ => (0, 1),
        };
        Ok(Stat {
            kind: inode.kind,
            len,
            links,
            attrs: inode.attrs,
            modified_unix_s: inode.modified_unix_s,
        })
    }

    fn sync_file(&mut self, ino: u64) -> KindResult<()> {
        if self.ignore_file_sync {
            return Ok(());
        }
        let inode = self.inode(ino)?;
        inode.durable_attrs = inode.attrs;
        self.content(ino)?.sync();
        Ok(())
    }
}

/// Adds operation and path to a reason.
trait At<T> {
    fn at(self, op: DiskOp, path: &RelPath) -> DiskResult<T>;
}

impl<T> At<T> for KindResult<T> {
    fn at(self, op: DiskOp, path: &RelPath) -> DiskResult<T> {
        self.map_err(|kind| DiskError::new(op, path, kind))
    }
}

impl Disk for MemDisk {
    fn describe(&self) -> String {
        "(memory)".to_owned()
    }

    fn open_read(&self, path: &RelPath) -> DiskResult<Box<dyn ReadHandle>> {
        let mut state = self.lock_state();
        let handle = state
            .file(path)
            .and_then(|ino| self.handle(&mut state, ino, path))
            .at(DiskOp::OpenRead, path)?;
        Ok(Box::new(handle))
    }

    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let mut state = self.lock_state();
        let open = |state: &mut State| {
            let ino = state.file(path)?;
            match state.inode(ino)?.links {
                0 | 1 => self.handle(state, ino, path),
                links => Err(DiskErrorKind::HardLinked(links)),
            }
        };
        Ok(Box::new(open(&mut state).at(DiskOp::OpenWrite, path)?))
    }

    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let mut state = self.lock_state();
        let handle = state
            .create(path, EntryKind::File)
            .and_then(|ino| self.handle(&mut state, ino, path))
            .at(DiskOp::CreateNew, path)?;
        Ok(Box::new(handle))
    }

    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>> {
        let state = self.lock_state();
        match state.entry(path).and_then(|ino| state.stat(ino)) {
            Ok(stat) => Ok(Some(stat)),
            Err(DiskErrorKind::NotFound) => Ok(None),
            Err(kind) => Err(DiskError::new(DiskOp::Stat, path, kind)),
        }
    }

    fn list(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        let ino = self.lock_state().dir(dir).at(DiskOp::List, dir)?;
        let mut after = None;
        loop {
            let entries = self
                .lock_state()
                .entries_after(ino, after.as_ref(), LIST_STEP);
            let Some((last, _, _)) = entries.last() else {
                return Ok(());
            };
            after = Some(Arc::clone(last));
            for (name, _, kind) in entries {
                let name = if RelPath::root().join(&name).is_ok() {
                    EntryName::Plain(name.to_string())
                } else {
                    EntryName::Strange(name.as_bytes().escape_ascii().to_string())
                };
                if each(DirEntry { name, kind }).is_break() {
                    return Ok(());
                }
            }
        }
    }

    fn mkdir(&self, path: &RelPath) -> DiskResult<()> {
        let made = self.lock_state().create(path, EntryKind::Dir);
        made.map(|_| ()).at(DiskOp::Mkdir, path)
    }

    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        self.lock_state().rmdir(path).at(DiskOp::Rmdir, path)
    }

    fn unlink(&self, path: &RelPath) -> DiskResult<()> {
        self.lock_state().unlink(path).at(DiskOp::Unlink, path)
    }

    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.lock_state()
            .rename(from, to, true)
            .at(DiskOp::Rename, from)
    }

    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.lock_state()
            .rename(from, to, false)
            .at(DiskOp::RenameNoReplace, from)
    }

    fn sync_group(&self, files: &[RelPath]) -> DiskResult<()> {
        let mut state = self.lock_state();
        for path in files {
            state
                .file(path)
                .and_then(|ino| state.sync_file(ino))
                .at(DiskOp::SyncGroup, path)?;
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &RelPath) -> DiskResult<()> {
        let mut state = self.lock_state();
        let ino = state.dir(dir).at(DiskOp::SyncDir, dir)?;
        if !state.ignore_sync_dir {
            state.sync_dir(ino);
        }
        Ok(())
    }

    fn try_lock(
        &self,
        path: &RelPath,
        kind: LockKind,
        create: bool,
    ) -> DiskResult<Option<Box<dyn LockGuard>>> {
        let mut state = self.lock_state();
        let take = |state: &mut State| {
            let ino = match state.file(path) {
                Err(DiskErrorKind::NotFound) if create => state.create(path, EntryKind::File)?,
                found => found?,
            };
            let links = state.inode(ino)?.links;
            if kind == LockKind::Exclusive && links > 1 {
                return Err(DiskErrorKind::HardLinked(links));
            }
            if !state.lock(ino, kind) {
                return Ok(None);
            }
            let handle = self.handle(state, ino, path)?;
            Ok(Some(Guard { handle, kind }))
        };
        let guard = take(&mut state).at(DiskOp::Lock, path)?;
        Ok(guard.map(|guard| Box::new(guard) as Box<dyn LockGuard>))
    }

    fn free_bytes(&self) -> DiskResult<u64> {
        Ok(self.lock_state().free_bytes())
    }
}
