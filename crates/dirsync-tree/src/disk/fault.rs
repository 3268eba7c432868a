//! A disk that stops, fails or hangs at a chosen operation, and counts what was asked of it.
//!
//! It wraps another disk. Operations are numbered from 1 in the order they come, over the disk,
//! its open files and its locks together; [`Counting`] says which of them get a number. A run
//! without a fault gives [`FaultDisk::operations`]; then the same run is made once for each number.

mod handle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{
    DirEntry, Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, LockGuard, LockKind, ReadHandle,
    Stat, WriteHandle,
};
use crate::path::RelPath;

/// Which operations get a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counting {
    /// All.
    All,
    /// Those that change or persist something ([`DiskOp::mutates`]).
    Mutations,
}

/// What goes wrong, and at which operation (from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This operation and all later ones, counted or not, have no effect and return
    /// [`DiskErrorKind::Stopped`]: the process died before it.
    StopAt(u64),
    /// As [`Fault::StopAt`], but a write has written the first half of its sectors.
    StopTearing(u64),
    /// Only this operation fails, without effect. A file whose sync failed never becomes durable
    /// by a later sync, as on a kernel that dropped the pages, until it is made anew.
    FailAt(u64, DiskErrorKind),
    /// This operation and all later ones block until [`FaultDisk::release`]; then the disk has
    /// stopped.
    HangAt(u64),
}

impl Fault {
    /// The number of the operation.
    #[must_use]
    pub fn at(self) -> u64 {
        match self {
            Self::StopAt(n) | Self::StopTearing(n) | Self::FailAt(n, _) | Self::HangAt(n) => n,
        }
    }
}

/// One operation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its number, where it is counted.
    pub number: Option<u64>,
    /// What.
    pub op: DiskOp,
    /// Where.
    pub path: RelPath,
    /// Where to, for a rename.
    pub to: Option<RelPath>,
    /// Bytes asked for, for reading and writing.
    pub bytes: u64,
}

/// A disk with a fault. Clones share one count and one fault.
#[derive(Debug, Clone)]
pub struct FaultDisk {
    inner: Arc<dyn Disk>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    counting: Counting,
    fault: Option<Fault>,
    state: Mutex<FaultState>,
    /// Told when an operation hangs and when hanging ones are released.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct FaultState {
    counted: u64,
    log: Vec<Logged>,
    per_op: BTreeMap<DiskOp, u64>,
    fired: bool,
    stopped: bool,
    hanging: bool,
    /// Operations that hang now.
    hung: u64,
    /// Files whose sync has failed.
    lost: BTreeSet<RelPath>,
}

/// What the caller of [`Shared::enter`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Go {
    /// Carry the operation out.
    On,
    /// Write the first half, then the disk has stopped.
    Tear,
    /// Say that it succeeded, and do nothing.
    Pretend,
}

impl FaultDisk {
    /// Wraps `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>, counting: Counting, fault: Option<Fault>) -> Self {
        Self {
            inner,
            shared: Arc::new(Shared {
                counting,
                fault,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// How many operations got a number so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.shared.lock_state().counted
    }

    /// Every operation asked for so far, counted or not.
    #[must_use]
    pub fn log(&self) -> Vec<Logged> {
        self.shared.lock_state().log.clone()
    }

    /// How often this operation was asked for, counted or not.
    #[must_use]
    pub fn count_of(&self, op: DiskOp) -> u64 {
        let state = self.shared.lock_state();
        state.per_op.get(&op).copied().unwrap_or(0)
    }

    /// Whether the operation of the fault was reached.
    #[must_use]
    pub fn fired(&self) -> bool {
        self.shared.lock_state().fired
    }

    /// Whether the disk has stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.lock_state().stopped
    }

    /// Lets hanging operations return [`DiskErrorKind::Stopped`]; the disk has stopped then.
    pub fn release(&self) {
        let mut state = self.shared.lock_state();
        state.stopped = true;
        state.hanging = false;
        self.shared.changed.notify_all();
    }

    /// Waits until an operation hangs; `false` when none did within `timeout`.
    #[must_use]
    pub fn wait_until_hung(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.shared.lock_state();
        while state.hung == 0 {
            let left = deadline.map_or(timeout, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn enter(&self, op: DiskOp, path: &RelPath) -> DiskResult<Go> {
        self.shared.enter(op, path, None, 0)
    }
}

impl Shared {
    fn lock_state(&self) -> MutexGuard<'_, FaultState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation and lets the fault act on it.
    fn enter(
        &self,
        op: DiskOp,
        path: &RelPath,
        to: Option<&RelPath>,
        bytes: u64,
    ) -> DiskResult<Go> {
        let refuse = |kind| Err(DiskError::new(op, path, kind));
        let mut state = self.lock_state();
        let number = match self.counting {
            _ if state.stopped => return refuse(DiskErrorKind::Stopped),
            Counting::Mutations if !op.mutates() => None,
            _ => {
                state.counted += 1;
                Some(state.counted)
            }
        };
        *state.per_op.entry(op).or_insert(0) += 1;
        state.log.push(Logged {
            number,
            op,
            path: path.clone(),
            to: to.cloned(),
            bytes,
        });
        let fault = self.fault.filter(|fault| number == Some(fault.at()));
        state.fired |= fault.is_some();
        match fault {
            Some(Fault::StopTearing(_)) if op == DiskOp::WriteAt => {
                state.stopped = true;
                return Ok(Go::Tear);
            }
            Some(Fault::StopAt(_) | Fault::StopTearing(_)) => {
                state.stopped = true;
                return refuse(DiskErrorKind::Stopped);
            }
            Some(Fault::FailAt(_, kind)) => {
                if op == DiskOp::Sync {
                    state.lost.insert(path.clone());
                }
                return refuse(kind);
            }
            Some(Fault::HangAt(_)) => state.hanging = true,
            None => {}
        }
        if state.hanging {
            state.hung += 1;
            self.changed.notify_all();
            while state.hanging {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.hung -= 1;
            return refuse(DiskErrorKind::Stopped);
        }
        match op {
            DiskOp::Sync if state.lost.contains(path) => return Ok(Go::Pretend),
            DiskOp::CreateNew => {
                state.lost.remove(path);
            }
            _ => {}
        }
        Ok(Go::On)
    }

    /// Notes that the sync of a group failed.
    fn lose(&self, files: &[RelPath]) {
        self.lock_state().lost.extend(files.iter().cloned());
    }

    /// The files of a group that a sync still reaches.
    fn not_lost(&self, files: &[RelPath]) -> Vec<RelPath> {
        let state = self.lock_state();
        let kept = files.iter().filter(|file| !state.lost.contains(*file));
        kept.cloned().collect()
    }
}

impl Disk for FaultDisk {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn open_read(&self, path: &RelPath) -> DiskResult<Box<dyn ReadHandle>> {
        self.enter(DiskOp::OpenRead, path)?;
        let inner = self.inner.open_read(path)?;
        Ok(handle::read(&self.shared, inner, path))
    }

    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        self.enter(DiskOp::OpenWrite, path)?;
        let inner = self.inner.open_write(path)?;
        Ok(handle::write(&self.shared, inner, path))
    }

    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        self.enter(DiskOp::CreateNew, path)?;
        let inner = self.inner.create_new(path)?;
        Ok(handle::write(&self.shared, inner, path))
    }

    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>> {
        self.enter(DiskOp::Stat, path)?;
        self.inner.stat(path)
    }

    fn list(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        self.enter(DiskOp::List, dir)?;
        self.inner.list(dir, each)
    }

    fn mkdir(&self, path: &RelPath) -> DiskResult<()> {
        self.enter(DiskOp::Mkdir, path)?;
        self.inner.mkdir(path)
    }

    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        self.enter(DiskOp::Rmdir, path)?;
        self.inner.rmdir(path)
    }

    fn unlink(&self, path: &RelPath) -> DiskResult<()> {
        self.enter(DiskOp::Unlink, path)?;
        self.inner.unlink(path)
    }

    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.shared.enter(DiskOp::Rename, from, Some(to), 0)?;
        self.inner.rename(from, to)
    }

    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.shared
            .enter(DiskOp::RenameNoReplace, from, Some(to), 0)?;
        self.inner.rename_noreplace(from, to)
    }

    fn sync_group(&self, files: &[RelPath]) -> DiskResult<()> {
        // One operation, named by its first file.
        let first = files.first().cloned().unwrap_or_default();
        match self.enter(DiskOp::SyncGroup, &first) {
            Ok(_) => self.inner.sync_group(&self.shared.not_lost(files)),
            Err(error) => {
                if error.kind != DiskErrorKind::Stopped {
                    self.shared.lose(files);
                }
                Err(error)
            }
        }
    }

    fn sync_dir(&self, dir: &RelPath) -> DiskResult<()> {
        self.enter(DiskOp::SyncDir, dir)?;
        self.inner.sync_dir(dir)
    }

    fn try_lock(
        &self,
        path: &RelPath,
        kind: LockKind,
        create: bool,
    ) -> DiskResult<Option<Box<dyn LockGuard>>> {
        self.enter(DiskOp::Lock, path)?;
        let guard = self.inner.try_lock(path, kind, create)?;
        Ok(guard.map(|inner| handle::lock(&self.shared, inner, path)))
    }

    fn free_bytes(&self) -> DiskResult<u64> {
        self.enter(DiskOp::FreeSpace, &RelPath::root())?;
        self.inner.free_bytes()
    }
}
