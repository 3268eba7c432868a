//! Other systems: the standard library alone. Every check is made by path before the operation, so
//! a tree that somebody changes at that moment is not safe here; names of directories are not made
//! durable where the system cannot sync a directory (Windows).

mod handle;

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::super::{
    Attrs, DirEntry, Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind, LockGuard,
    LockKind, ReadHandle, Stat, WriteHandle,
};
use super::entry_name;
use crate::path::RelPath;
use handle::{Guard, Handle};

/// A directory of the real file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
    shown: PathBuf,
}

impl RealDisk {
    /// Opens the directory `root`. It may itself be reached through links; nothing below it may.
    ///
    /// # Errors
    /// The directory cannot be opened; the error's path is the root of the disk, the caller names
    /// the directory.
    pub fn open(root: &Path) -> DiskResult<Self> {
        let open = || {
            let real = fs::canonicalize(root)?;
            if fs::metadata(&real)?.is_dir() {
                Ok(real)
            } else {
                Err(Failure::kind(DiskErrorKind::NotADirectory))
            }
        };
        Ok(Self {
            root: open().at(DiskOp::OpenRead, &RelPath::root())?,
            shown: root.to_path_buf(),
        })
    }

    /// The full path of something whose parent directories are directories, not links.
    fn full(&self, path: &RelPath) -> Outcome<PathBuf> {
        match path.parent() {
            Some(parent) => self.dir(&parent).map(|mut full| {
                full.extend(path.file_name());
                full
            }),
            None => Ok(self.root.clone()),
        }
    }

    /// The full path of a directory that is reached through no link.
    fn dir(&self, path: &RelPath) -> Outcome<PathBuf> {
        let mut full = self.root.clone();
        for name in path.names() {
            full.push(name);
            match kind_of(&fs::symlink_metadata(&full)?) {
                EntryKind::Dir => {}
                EntryKind::Link => return Err(Failure::kind(DiskErrorKind::LinkInPath)),
                _ => return Err(Failure::kind(DiskErrorKind::NotADirectory)),
            }
        }
        Ok(full)
    }

    fn named(&self, path: &RelPath) -> Outcome<PathBuf> {
        if path.is_root() {
            return Err(Failure::kind(DiskErrorKind::Unsupported));
        }
        self.full(path)
    }

    fn open_file(&self, path: &RelPath, write: bool) -> Outcome<File> {
        let full = self.full(path)?;
        regular(&fs::symlink_metadata(&full)?)?;
        let file = OpenOptions::new().read(true).write(write).open(&full)?;
        let metadata = file.metadata()?;
        regular(&metadata)?;
        let links = stat_of(&metadata).links;
        if write && links > 1 {
            return Err(Failure::kind(DiskErrorKind::HardLinked(links)));
        }
        Ok(file)
    }

    fn make_file(&self, path: &RelPath) -> Outcome<File> {
        let full = self.full(path)?;
        let mut options = OpenOptions::new();
        Ok(options.read(true).write(true).create_new(true).open(full)?)
    }

    fn list_all(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Outcome<()> {
        for entry in fs::read_dir(self.dir(dir)?)? {
            let entry = entry?;
            let kind = match fs::symlink_metadata(entry.path()) {
                Ok(metadata) => kind_of(&metadata),
                // Removed since it was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            let name = entry_name(entry.file_name().as_encoded_bytes());
            if each(DirEntry { name, kind }).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// A look, then the rename; for files a second name first, which never replaces.
    fn move_to_free_name(&self, from: &RelPath, to: &RelPath) -> Outcome<()> {
        let from = self.named(from)?;
        let to = self.named(to)?;
        let moved = fs::symlink_metadata(&from)?;
        match fs::symlink_metadata(&to) {
            Ok(_) => return Err(Failure::kind(DiskErrorKind::AlreadyExists)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        if kind_of(&moved) != EntryKind::File {
            return Ok(fs::rename(from, to)?);
        }
        fs::hard_link(&from, &to)?;
        Ok(fs::remove_file(from)?)
    }

    fn lock_file(&self, path: &RelPath, kind: LockKind, create: bool) -> Outcome<Option<File>> {
        let open = || self.open_file(path, kind == LockKind::Exclusive);
        let file = match open() {
            Err(failure) if failure.kind == DiskErrorKind::NotFound && create => {
                match self.make_file(path) {
                    Ok(_) => {}
                    // Somebody else made it meanwhile: as good.
                    Err(failure) if failure.kind == DiskErrorKind::AlreadyExists => {}
                    Err(failure) => return Err(failure),
                }
                open()?
            }
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
        let file = self.open_file(path, false).at(DiskOp::OpenRead, path)?;
        Ok(Box::new(Handle::new(file, path)))
    }

    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let file = self.open_file(path, true).at(DiskOp::OpenWrite, path)?;
        Ok(Box::new(Handle::new(file, path)))
    }

    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        let file = self.make_file(path).at(DiskOp::CreateNew, path)?;
        Ok(Box::new(Handle::new(file, path)))
    }

    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>> {
        let look = || -> Outcome<Stat> { Ok(stat_of(&fs::symlink_metadata(self.full(path)?)?)) };
        match look() {
            Ok(stat) => Ok(Some(stat)),
            Err(Failure {
                kind: DiskErrorKind::NotFound,
                ..
            }) => Ok(None),
            Err(failure) => Err(failure).at(DiskOp::Stat, path),
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
        let make = || -> Outcome<()> { Ok(fs::create_dir(self.full(path)?)?) };
        make().at(DiskOp::Mkdir, path)
    }

    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        let remove = || -> Outcome<()> {
            let full = self.named(path)?;
            match kind_of(&fs::symlink_metadata(&full)?) {
                EntryKind::Dir => Ok(fs::remove_dir(full)?),
                _ => Err(Failure::kind(DiskErrorKind::NotADirectory)),
            }
        };
        remove().at(DiskOp::Rmdir, path)
    }

    fn unlink(&self, path: &RelPath) -> DiskResult<()> {
        let remove = || -> Outcome<()> {
            let full = self.full(path)?;
            match kind_of(&fs::symlink_metadata(&full)?) {
                EntryKind::Dir => Err(not_regular(EntryKind::Dir)),
                _ => Ok(fs::remove_file(full)?),
            }
        };
        remove().at(DiskOp::Unlink, path)
    }

    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        let rename = || -> Outcome<()> { Ok(fs::rename(self.named(from)?, self.named(to)?)?) };
        rename().at(DiskOp::Rename, from)
    }

    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.move_to_free_name(from, to)
            .at(DiskOp::RenameNoReplace, from)
    }

    fn sync_group(&self, files: &[RelPath]) -> DiskResult<()> {
        for path in files {
            // Windows syncs only what is open for writing.
            self.open_file(path, cfg!(windows))
                .and_then(|file| Ok(file.sync_all()?))
                .at(DiskOp::SyncGroup, path)?;
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &RelPath) -> DiskResult<()> {
        let sync = || -> Outcome<()> {
            let full = self.dir(dir)?;
            if cfg!(unix) {
                File::open(full)?.sync_all()?;
            }
            Ok(())
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
            Box::new(Guard {
                disk: self.clone(),
                file,
                path: path.clone(),
                kind,
            }) as Box<dyn LockGuard>
        }))
    }

    #[cfg(unix)]
    fn free_bytes(&self) -> DiskResult<u64> {
        let stat = rustix::fs::statvfs(&self.root)
            .map_err(|errno| Failure::from(io::Error::from(errno)))
            .at(DiskOp::FreeSpace, &RelPath::root())?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    #[cfg(not(unix))]
    fn free_bytes(&self) -> DiskResult<u64> {
        Err(DiskError::new(
            DiskOp::FreeSpace,
            &RelPath::root(),
            DiskErrorKind::Unsupported,
        ))
    }
}

fn kind_of(metadata: &Metadata) -> EntryKind {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return EntryKind::Link;
    }
    if kind.is_file() {
        return EntryKind::File;
    }
    if kind.is_dir() {
        return EntryKind::Dir;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return EntryKind::Fifo;
        }
        if kind.is_socket() {
            return EntryKind::Socket;
        }
    }
    EntryKind::Other
}

fn regular(metadata: &Metadata) -> Outcome<()> {
    match kind_of(metadata) {
        EntryKind::File => Ok(()),
        kind => Err(not_regular(kind)),
    }
}

#[cfg(unix)]
fn attrs_of(metadata: &Metadata) -> (u64, Attrs) {
    use std::os::unix::fs::MetadataExt;
    let attrs = Attrs {
        mode: Some(metadata.mode() & 0o7777),
        owner: Some((metadata.uid(), metadata.gid())),
    };
    (metadata.nlink(), attrs)
}

#[cfg(not(unix))]
fn attrs_of(_metadata: &Metadata) -> (u64, Attrs) {
    (1, Attrs::default())
}

fn stat_of(metadata: &Metadata) -> Stat {
    let kind = kind_of(metadata);
    let (links, attrs) = attrs_of(metadata);
    let (len, links) = match kind {
        EntryKind::File => (metadata.len(), links),
        _ => (0, 1),
    };
    let since_1970 = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    Stat {
        kind,
        len,
        links,
        attrs,
        modified_unix_s: since_1970
            .and_then(|time| i64::try_from(time.as_secs()).ok())
            .unwrap_or(0),
    }
}

/// Why an operation failed, before it is known what was being done where.
#[derive(Debug)]
struct Failure {
    kind: DiskErrorKind,
    source: Option<io::Error>,
}

type Outcome<T> = Result<T, Failure>;

impl Failure {
    fn kind(kind: DiskErrorKind) -> Self {
        Self { kind, source: None }
    }
}

fn not_regular(kind: EntryKind) -> Failure {
    Failure::kind(DiskErrorKind::NotRegular(kind))
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as K;
        let kind = match error.kind() {
            K::NotFound => DiskErrorKind::NotFound,
            K::AlreadyExists => DiskErrorKind::AlreadyExists,
            K::NotADirectory => DiskErrorKind::NotADirectory,
            K::IsADirectory => DiskErrorKind::NotRegular(EntryKind::Dir),
            K::DirectoryNotEmpty => DiskErrorKind::NotEmpty,
            K::ReadOnlyFilesystem => DiskErrorKind::ReadOnly,
            K::PermissionDenied => DiskErrorKind::PermissionDenied,
            K::StorageFull | K::QuotaExceeded => DiskErrorKind::NoSpace,
            K::Unsupported | K::CrossesDevices => DiskErrorKind::Unsupported,
            _ => DiskErrorKind::Io,
        };
        Self {
            kind,
            source: Some(error),
        }
    }
}

/// Adds operation and path to a failure.
trait At<T> {
    fn at(self, op: DiskOp, path: &RelPath) -> DiskResult<T>;
}

impl<T, F: Into<Failure>> At<T> for Result<T, F> {
    fn at(self, op: DiskOp, path: &RelPath) -> DiskResult<T> {
        self.map_err(|failure| {
            let Failure { kind, source } = failure.into();
            DiskError {
                op,
                path: path.clone(),
                kind,
                source,
            }
        })
    }
}
