//! Linux: descriptors of directories, `openat2`, and nothing by absolute path after the root.

mod convert;
mod handle;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::super::{
    DirEntry, Disk, DiskErrorKind, DiskOp, DiskResult, EntryKind, LockGuard, LockKind, ReadHandle,
    Stat, WriteHandle, unlink_each,
};
use super::entry_name;
use crate::path::RelPath;
use convert::{At, Failure, Outcome, entry_kind, from_stat, not_regular, regular, retry, stat_at};
use handle::{Guard, Handle};
use resolve::{DirFd, Root};

/// From this many files on, one `syncfs` is cheaper than a sync of each.
const SYNC_TOGETHER_FILES: usize = 8;

/// From this many files on, they are removed by several threads: freeing the blocks of a file may
/// wait for the disk, and waiting can be shared.
const UNLINK_TOGETHER_FILES: usize = 64;
const UNLINK_THREADS: usize = 8;

/// How a regular file is opened: never through a link, never waiting, never as a terminal.
const OPEN_FLAGS: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A directory of the real file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: Arc<Root>,
    shown: PathBuf,
}

impl RealDisk {
    /// Opens the directory `root`. It may itself be reached through links; nothing below it may.
    ///
    /// # Errors
    /// The directory cannot be opened; the error's path is the root of the disk, the caller names
    /// the directory.
    pub fn open(root: &Path) -> DiskResult<Self> {
        Self::open_with(root, true)
    }

    /// As [`RealDisk::open`]; without `openat2`, paths are walked name by name (tests use this to
    /// prove the fallback).
    pub(crate) fn open_with(root: &Path, openat2: bool) -> DiskResult<Self> {
        let opened = Root::open(root, openat2).at(DiskOp::OpenRead, &RelPath::root())?;
        Ok(Self {
            root: Arc::new(opened),
            shown: root.to_path_buf(),
        })
    }

    fn parent<'p>(&self, path: &'p RelPath) -> Outcome<Option<(DirFd<'_>, &'p str)>> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(Some((self.root.dir(&parent)?, name))),
            _ => Ok(None),
        }
    }

    fn parent_not_root<'p>(&self, path: &'p RelPath) -> Outcome<(DirFd<'_>, &'p str)> {
        self.parent(path)?
            .ok_or(Failure::kind(DiskErrorKind::Unsupported))
    }

    /// Opens a regular file. What stands there is looked at first, since opening a device or FIFO
    /// may have effects, and again when it is open, since it may have been exchanged.
    fn open_file(&self, path: &RelPath, access: OFlags) -> Outcome<(File, Stat)> {
        let Some((dir, name)) = self.parent(path)? else {
            return Err(Failure::kind(DiskErrorKind::NotRegular(EntryKind::Dir)));
        };
        regular(stat_at(&dir, name)?)?;
        let flags = OPEN_FLAGS.union(access);
        let opened = retry(|| fs::openat(&dir, name, flags, Mode::empty()));
        let fd = match opened {
            Ok(fd) => fd,
            // Exchanged in between: say for what.
            Err(Errno::LOOP) => return Err(not_regular(EntryKind::Link)),
            Err(errno @ (Errno::NXIO | Errno::ISDIR | Errno::NODEV)) => {
                regular(stat_at(&dir, name)?)?;
                return Err(errno.into());
            }
            Err(errno) => return Err(errno.into()),
        };
        let stat = regular(from_stat(&fs::fstat(&fd)?))?;
        Ok((File::from(fd), stat))
    }

    /// Opens a file of one name for reading and writing.
    fn open_single(&self, path: &RelPath) -> Outcome<File> {
        let (file, stat) = self.open_file(path, OFlags::RDWR)?;
        if stat.links > 1 {
            return Err(Failure::kind(DiskErrorKind::HardLinked(stat.links)));
        }
        Ok(file)
    }

    fn make_file(&self, path: &RelPath) -> Outcome<File> {
        let Some((dir, name)) = self.parent(path)? else {
            return Err(Failure::kind(DiskErrorKind::AlreadyExists));
        };
        let flags = OPEN_FLAGS.union(OFlags::RDWR | OFlags::CREATE | OFlags::EXCL);
        let fd = retry(|| fs::openat(&dir, name, flags, Mode::from_raw_mode(0o666)))?;
        Ok(File::from(fd))
    }

    /// What stands at `path`, as the system says it.
    fn raw_stat(&self, path: &RelPath) -> Outcome<fs::Stat> {
        match self.parent(path)? {
            Some((dir, name)) => Ok(fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?),
            None => Ok(fs::fstat(self.root.fd())?),
        }
    }

    fn list_all(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Outcome<()> {
        let mut entries = Dir::new(self.root.readable_dir(dir)?)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    match fs::statat(entries.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => from_stat(&stat).kind,
                        // Removed since it was read.
                        Err(Errno::NOENT) => continue,
                        Err(errno) => return Err(errno.into()),
                    }
                }
                known => entry_kind(known),
            };
            let entry = DirEntry {
                name: entry_name(name.to_bytes()),
                kind,
            };
            if each(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Renames without replacing, in one step where the file system can.
    fn move_to_free_name(&self, from: &RelPath, to: &RelPath) -> Outcome<()> {
        let (from_dir, from_name) = self.parent_not_root(from)?;
        let (to_dir, to_name) = self.parent_not_root(to)?;
        let flags = RenameFlags::NOREPLACE;
        match fs::renameat_with(&from_dir, from_name, &to_dir, to_name, flags) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.move_in_steps(from, to),
            done => Ok(done?),
        }
    }

    /// Renames without replacing on a file system that cannot do it in one step: a file gets its
    /// second name first and then loses the first one (a crash in between leaves both names, never
    /// none, and nothing is replaced); a directory is renamed after a look, which can replace at
    /// most an empty directory made at that moment.
    fn move_in_steps(&self, from: &RelPath, to: &RelPath) -> Outcome<()> {
        let (from_dir, from_name) = self.parent_not_root(from)?;
        let (to_dir, to_name) = self.parent_not_root(to)?;
        if stat_at(&from_dir, from_name)?.kind == EntryKind::Dir {
            return match stat_at(&to_dir, to_name) {
                Err(Failure {
                    kind: DiskErrorKind::NotFound,
                    ..
                }) => Ok(fs::renameat(&from_dir, from_name, &to_dir, to_name)?),
                Err(failure) => Err(failure),
                Ok(_) => Err(Failure::kind(DiskErrorKind::AlreadyExists)),
            };
        }
        fs::linkat(&from_dir, from_name, &to_dir, to_name, AtFlags::empty())?;
        Ok(fs::unlinkat(&from_dir, from_name, AtFlags::empty())?)
    }

    fn sync_files(&self, files: &[RelPath]) -> Outcome<()> {
        // Kernels without openat2 may also be too old to report write errors through syncfs.
        if files.len() < SYNC_TOGETHER_FILES || !self.root.has_openat2() {
            for path in files {
                let (file, _) = self.open_file(path, OFlags::RDONLY)?;
                retry(|| fs::fsync(&file))?;
            }
            return Ok(());
        }
        // A directory below the root may be a mount of its own.
        let parents: BTreeSet<RelPath> = files.iter().filter_map(RelPath::parent).collect();
        let root_device = fs::fstat(self.root.fd())?.st_dev;
        let mut devices = BTreeSet::from([root_device]);
        let mut more = Vec::new();
        for parent in parents {
            let device = fs::fstat(self.root.dir(&parent)?)?.st_dev;
            if devices.insert(device) {
                more.push(self.root.readable_dir(&parent)?);
            }
        }
        retry(|| fs::syncfs(self.root.fd()))?;
        for dir in more {
            retry(|| fs::syncfs(&dir))?;
        }
        Ok(())
    }

    fn lock_file(&self, path: &RelPath, kind: LockKind, create: bool) -> Outcome<Option<File>> {
        let open = || match kind {
            LockKind::Shared => Ok(self.open_file(path, OFlags::RDONLY)?.0),
            LockKind::Exclusive => self.open_single(path),
        };
        let file = match open() {
            Err(Failure {
                kind: DiskErrorKind::NotFound,
                ..
            }) if create => match self.make_file(path) {
                // Somebody else made it meanwhile: as good.
                Ok(_)
                | Err(Failure {
                    kind: DiskErrorKind::AlreadyExists,
                    ..
                }) => open()?,
                Err(failure) => return Err(failure),
            },
            opened => opened?,
        };
        let locked = match kind {
            LockKind::Shared => file.try_lock_shared(),
            LockKind::Exclusive => file.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Disk for RealDisk {
    fn describe(&self) -> String {
        self.shown.display().to_string()
    }

    fn open_read(&self, path: &RelPath) -> DiskResult<Box<dyn ReadHandle>> {
        let (file, _) = self
            .open_file(path, OFlags::RDONLY)
            .at(DiskOp::OpenRead, path)?;
        Ok(Box::new(Handle::new(file, path)))
    }

    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let file = self.open_single(path).at(DiskOp::OpenWrite, path)?;
        Ok(Box::new(Handle::new(file, path)))
    }

    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let file = self.make_file(path).at(DiskOp::CreateNew, path)?;
        Ok(Box::new(Handle::new(file, path)))
    }

    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>> {
        match self.raw_stat(path) {
            Ok(stat) => Ok(Some(from_stat(&stat))),
            Err(failure) if failure.kind == DiskErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure.at(DiskOp::Stat, path)),
        }
    }

    fn list(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        self.list_all(dir, each).at(DiskOp::List, dir)
    }

    fn mkdir(&self, path: &RelPath) -> DiskResult<()> {
        let make = || -> Outcome<()> {
            let Some((dir, name)) = self.parent(path)? else {
                return Err(Failure::kind(DiskErrorKind::AlreadyExists));
            };
            Ok(fs::mkdirat(&dir, name, Mode::from_raw_mode(0o777))?)
        };
        make().at(DiskOp::Mkdir, path)
    }

    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        let remove = || -> Outcome<()> {
            let (dir, name) = self.parent_not_root(path)?;
            self.root.forget(path);
            match fs::unlinkat(&dir, name, AtFlags::REMOVEDIR) {
                Err(errno @ Errno::EXIST) => Err(Failure {
                    kind: DiskErrorKind::NotEmpty,
                    source: Some(errno.into()),
                }),
                done => Ok(done?),
            }
        };
        remove().at(DiskOp::Rmdir, path)
    }

    fn unlink(&self, path: &RelPath) -> DiskResult<()> {
        let remove = || -> Outcome<()> {
            let Some((dir, name)) = self.parent(path)? else {
                return Err(not_regular(EntryKind::Dir));
            };
            // Without REMOVEDIR the kernel refuses a directory with EISDIR.
            Ok(fs::unlinkat(&dir, name, AtFlags::empty())?)
        };
        remove().at(DiskOp::Unlink, path)
    }

    fn unlink_group(&self, files: &[RelPath]) -> DiskResult<()> {
        let one_by_one = |files: &[RelPath]| unlink_each(self, files);
        if files.len() < UNLINK_TOGETHER_FILES {
            return one_by_one(files);
        }
        let share = files.len().div_ceil(UNLINK_THREADS);
        std::thread::scope(|scope| {
            // A part for which there is no thread is done here.
            let threads: Vec<_> = files
                .chunks(share)
                .map(|part| {
                    std::thread::Builder::new()
                        .spawn_scoped(scope, move || one_by_one(part))
                        .map_err(|_| part)
                })
                .collect();
            let mut result = Ok(());
            for thread in threads {
                let done = match thread {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| {
                        std::panic::resume_unwind(panic);
                    }),
                    Err(part) => one_by_one(part),
                };
                if result.is_ok() {
                    result = done;
                }
            }
            result
        })
    }

    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.root.forget(from);
        self.root.forget(to);
        let rename = || -> Outcome<()> {
            let (from_dir, from_name) = self.parent_not_root(from)?;
            let (to_dir, to_name) = self.parent_not_root(to)?;
            match fs::renameat(&from_dir, from_name, &to_dir, to_name) {
                Err(errno @ Errno::EXIST) => Err(Failure {
                    kind: DiskErrorKind::NotEmpty,
                    source: Some(errno.into()),
                }),
                done => Ok(done?),
            }
        };
        rename().at(DiskOp::Rename, from)
    }

    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.root.forget(from);
        self.root.forget(to);
        self.move_to_free_name(from, to)
            .at(DiskOp::RenameNoReplace, from)
    }

    fn sync_group(&self, files: &[RelPath]) -> DiskResult<()> {
        let first = files.first().cloned().unwrap_or_default();
        self.sync_files(files).at(DiskOp::SyncGroup, &first)
    }

    fn sync_dir(&self, dir: &RelPath) -> DiskResult<()> {
        let sync = || -> Outcome<()> {
            let fd = self.root.readable_dir(dir)?;
            match retry(|| fs::fsync(&fd)) {
                // The file system has no sync of directories (some network ones): its names are
                // as durable as they get.
                Err(Errno::INVAL) => Ok(()),
                done => Ok(done?),
            }
        };
        sync().at(DiskOp::SyncDir, dir)
    }

    fn try_lock(
        &self,
        path: &RelPath,
        kind: LockKind,
        create: bool,
    ) -> DiskResult<Option<Box<dyn LockGuard>>> {
        let file = self.lock_file(path, kind, create).at(DiskOp::Lock, path)?;
        Ok(file.map(|file| {
            self.root.locked(path);
            Box::new(Guard {
                disk: self.clone(),
                file,
                path: path.clone(),
                kind,
            }) as Box<dyn LockGuard>
        }))
    }

    fn free_bytes(&self) -> DiskResult<u64> {
        let stat = fs::fstatvfs(self.root.fd())
            .map_err(Failure::from)
            .at(DiskOp::FreeSpace, &RelPath::root())?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
