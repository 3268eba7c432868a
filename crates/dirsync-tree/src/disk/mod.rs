//! The disk as this project sees it: a small set of operations below one root.
//!
//! Everything above goes through [`Disk`], so that the same code runs on the real file system, in
//! memory, and on a disk that stops, fails or hangs at a chosen operation.
//!
//! What every implementation promises:
//!
//! * A path never leads outside the root, whatever links stand in the tree: no component of a path
//!   may be a symbolic link.
//! * Opening never blocks and never opens anything but a regular file: a FIFO, socket, device,
//!   directory or link in the place of a file is [`DiskErrorKind::NotRegular`].
//! * A file opened for writing has exactly one name; a hard-linked file is
//!   [`DiskErrorKind::HardLinked`], because writing it would change another file as well.
//! * Nothing is durable until it is synced: bytes and length of a file by
//!   [`WriteHandle::sync`] or [`Disk::sync_group`], names in a directory (made, renamed, removed)
//!   by [`Disk::sync_dir`] of that directory. Until then a crash may keep any part of it, in any
//!   order. A rename is atomic, and is durable once one of its two directories is synced.
//! * A failed sync is final: the caller must not retry it in this process, since the kernel may
//!   have dropped the pages.

pub mod fault;
pub mod mem;
pub mod named;
pub mod real;
pub mod sub;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod suite;
pub mod trial;

use std::fmt;
use std::io;
use std::ops::ControlFlow;

use crate::path::RelPath;

/// What was being done when a disk operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DiskOp {
    /// Opening a file for reading.
    OpenRead,
    /// Opening an existing file for writing.
    OpenWrite,
    /// Making a new file.
    CreateNew,
    /// Reading bytes.
    ReadAt,
    /// Writing bytes.
    WriteAt,
    /// Reserving space.
    Allocate,
    /// Changing a file's length.
    SetLen,
    /// Changing mode and owner.
    SetAttrs,
    /// Making one file's bytes durable.
    Sync,
    /// Making many files' bytes durable.
    SyncGroup,
    /// Making a directory's names durable.
    SyncDir,
    /// Renaming, replacing what stands there.
    Rename,
    /// Renaming, refusing when something stands there.
    RenameNoReplace,
    /// Removing a file's name.
    Unlink,
    /// Making a directory.
    Mkdir,
    /// Removing an empty directory.
    Rmdir,
    /// Reading a directory.
    List,
    /// Looking at one entry.
    Stat,
    /// Taking a lock.
    Lock,
    /// Writing the holder's lines into a lock file.
    LockNote,
    /// Asking for free space.
    FreeSpace,
}

impl DiskOp {
    /// The words used in messages: `could not …`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OpenRead | Self::OpenWrite => "open",
            Self::CreateNew => "create",
            Self::ReadAt => "read",
            Self::WriteAt => "write",
            Self::Allocate => "reserve space for",
            Self::SetLen => "change the length of",
            Self::SetAttrs => "set mode and owner of",
            Self::Sync | Self::SyncGroup | Self::SyncDir => "make durable",
            Self::Rename | Self::RenameNoReplace => "rename",
            Self::Unlink | Self::Rmdir => "remove",
            Self::Mkdir => "make the directory",
            Self::List => "list",
            Self::Stat => "look at",
            Self::Lock => "lock",
            Self::LockNote => "write the holder's name into",
            Self::FreeSpace => "ask for the free space at",
        }
    }

    /// Whether the operation changes or persists anything (the fault harness counts these).
    #[must_use]
    pub fn mutates(self) -> bool {
        !matches!(
            self,
            Self::OpenRead | Self::ReadAt | Self::List | Self::Stat | Self::FreeSpace
        )
    }
}

/// What kind of thing an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A device or anything else.
    Other,
}

impl EntryKind {
    /// The word used in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "a regular file",
            Self::Dir => "a directory",
            Self::Link => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Other => "a device or special file",
        }
    }
}

/// Why a disk operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskErrorKind {
    /// Nothing stands there.
    NotFound,
    /// Something stands there already.
    AlreadyExists,
    /// It is not a regular file but this.
    NotRegular(EntryKind),
    /// A directory was expected.
    NotADirectory,
    /// A component of the path is a symbolic link.
    LinkInPath,
    /// The file has more than one name (the number of names).
    HardLinked(u64),
    /// The directory is not empty.
    NotEmpty,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The rights do not allow it.
    PermissionDenied,
    /// The file system (or quota) is full.
    NoSpace,
    /// The operation does not exist here.
    Unsupported,
    /// The disk of the fault harness has stopped: nothing works any more.
    Stopped,
    /// Any other error of the operating system.
    Io,
}

/// A disk operation that failed: what, where, why.
#[derive(Debug)]
pub struct DiskError {
    /// What was being done.
    pub op: DiskOp,
    /// The path below the root.
    pub path: RelPath,
    /// Why it failed.
    pub kind: DiskErrorKind,
    /// The operating system's error, where there was one.
    pub source: Option<io::Error>,
}

impl DiskError {
    /// An error without an operating-system error behind it.
    #[must_use]
    pub fn new(op: DiskOp, path: &RelPath, kind: DiskErrorKind) -> Self {
        Self {
            op,
            path: path.clone(),
            kind,
            source: None,
        }
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {} {}: ", self.op.words(), self.path)?;
        match self.kind {
            DiskErrorKind::NotFound => f.write_str("it does not exist"),
            DiskErrorKind::AlreadyExists => f.write_str("something stands there already"),
            DiskErrorKind::NotRegular(kind) => {
                write!(f, "it is {}, not a regular file", kind.word())
            }
            DiskErrorKind::NotADirectory => f.write_str("it is not a directory"),
            DiskErrorKind::LinkInPath => {
                f.write_str("a symbolic link stands in the path; links are never followed")
            }
            DiskErrorKind::HardLinked(names) => write!(
                f,
                "the file has {names} names (hard links); writing it would change another file"
            ),
            DiskErrorKind::NotEmpty => f.write_str("the directory is not empty"),
            DiskErrorKind::ReadOnly => f.write_str("the file system is read-only"),
            DiskErrorKind::PermissionDenied => f.write_str("permission denied"),
            DiskErrorKind::NoSpace => f.write_str("no space is left"),
            DiskErrorKind::Unsupported => f.write_str("not supported here"),
            DiskErrorKind::Stopped => f.write_str("the disk has stopped (fault harness)"),
            DiskErrorKind::Io => match &self.source {
                Some(source) => write!(f, "{source}"),
                None => f.write_str("input/output error"),
            },
        }
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// The result of a disk operation.
pub type DiskResult<T> = Result<T, DiskError>;

/// Mode and owner of a file; what `replace` keeps. On systems without them all fields are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attrs {
    /// Permission bits (Unix), for example `0o644`.
    pub mode: Option<u32>,
    /// Owner and group (Unix).
    pub owner: Option<(u32, u32)>,
}

/// What stands at a path (links are not followed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: EntryKind,
    /// Bytes, for a regular file.
    pub len: u64,
    /// Number of names (hard links) of a regular file; 1 where the system does not say.
    pub links: u64,
    /// Mode and owner.
    pub attrs: Attrs,
    /// Seconds since 1970-01-01 UTC of the last change of the bytes; 0 where unknown.
    pub modified_unix_s: i64,
}

/// The name of a directory entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryName {
    /// A name that may be used in a [`RelPath`].
    Plain(String),
    /// A name that may not (not UTF-8, or a forbidden character), escaped for display. It is
    /// reported and never opened.
    Strange(String),
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name.
    pub name: EntryName,
    /// What it is, without following links.
    pub kind: EntryKind,
}

/// A regular file opened for reading.
pub trait ReadHandle: Send + Sync + fmt::Debug {
    /// Reads bytes at `offset` into `buf`; fewer than asked for only at the end of the file.
    ///
    /// # Errors
    /// The operating system's error.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> DiskResult<usize>;

    /// Length and attributes of the opened file.
    ///
    /// # Errors
    /// The operating system's error.
    fn stat(&self) -> DiskResult<Stat>;
}

/// A regular file opened for writing. Nothing is durable before [`WriteHandle::sync`].
pub trait WriteHandle: ReadHandle {
    /// Writes all of `bytes` at `offset`; the file grows when needed.
    ///
    /// # Errors
    /// The operating system's error; a part may have been written.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> DiskResult<()>;

    /// Reserves space for `len` bytes from `offset` without changing the file's length. Where the
    /// file system cannot do that, this does nothing.
    ///
    /// # Errors
    /// [`DiskErrorKind::NoSpace`] when there is not enough.
    fn allocate(&mut self, offset: u64, len: u64) -> DiskResult<()>;

    /// Sets the length; new bytes are zero.
    ///
    /// # Errors
    /// The operating system's error.
    fn set_len(&mut self, len: u64) -> DiskResult<()>;

    /// Sets mode and owner where given. An owner that may not be set is left (best effort), a mode
    /// that may not be set is an error.
    ///
    /// # Errors
    /// The operating system's error.
    fn set_attrs(&mut self, attrs: &Attrs) -> DiskResult<()>;

    /// Makes bytes and length durable. Never retry a failed sync.
    ///
    /// # Errors
    /// The operating system's error.
    fn sync(&mut self) -> DiskResult<()>;
}

/// Shared or exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// Many readers.
    Shared,
    /// One writer.
    Exclusive,
}

/// A held lock; dropping it, or the death of the process, releases it.
pub trait LockGuard: Send + Sync + fmt::Debug {
    /// Replaces the lock file's content, which names the holder. Only for an exclusive lock; the
    /// content is information, not durable, the lock is what counts.
    ///
    /// # Errors
    /// The operating system's error.
    fn set_note(&mut self, note: &[u8]) -> DiskResult<()>;

    /// Whether the locked file still has its name. A lock on a removed file protects nothing:
    /// release it and lock again.
    ///
    /// # Errors
    /// The operating system's error.
    fn still_named(&self) -> DiskResult<bool>;
}

/// What [`Disk::unlink_group`] does, one after the other.
fn unlink_each<D: Disk + ?Sized>(disk: &D, files: &[RelPath]) -> DiskResult<()> {
    for path in files {
        match disk.unlink(path) {
            Err(error) if error.kind != DiskErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A root directory and what can be done below it.
pub trait Disk: Send + Sync + fmt::Debug {
    /// The root as people name it, for messages.
    fn describe(&self) -> String;

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// See [`DiskErrorKind`].
    fn open_read(&self, path: &RelPath) -> DiskResult<Box<dyn ReadHandle>>;

    /// Opens an existing regular file with one name for reading and writing.
    ///
    /// # Errors
    /// See [`DiskErrorKind`].
    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>>;

    /// Makes a new empty file and opens it for reading and writing.
    ///
    /// # Errors
    /// [`DiskErrorKind::AlreadyExists`] when something, even a link, stands there.
    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>>;

    /// What stands at `path`; `None` when nothing does (a missing parent included).
    ///
    /// # Errors
    /// See [`DiskErrorKind`]; a link or file in the place of a parent directory is an error.
    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>>;

    /// Calls `each` for every entry of a directory, in no order, without `.` and `..`, until it
    /// breaks. Never holds the whole listing in memory.
    ///
    /// # Errors
    /// See [`DiskErrorKind`].
    fn list(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> DiskResult<()>;

    /// Makes a directory.
    ///
    /// # Errors
    /// [`DiskErrorKind::AlreadyExists`] and others.
    fn mkdir(&self, path: &RelPath) -> DiskResult<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`DiskErrorKind::NotEmpty`] and others.
    fn rmdir(&self, path: &RelPath) -> DiskResult<()>;

    /// Removes a file's name (also of a FIFO, socket or link itself; never a directory).
    ///
    /// # Errors
    /// See [`DiskErrorKind`].
    fn unlink(&self, path: &RelPath) -> DiskResult<()>;

    /// Removes the names of many files, in any order; what is missing is passed over.
    ///
    /// # Errors
    /// The first error in the order of `files`; others may have been removed all the same.
    fn unlink_group(&self, files: &[RelPath]) -> DiskResult<()> {
        unlink_each(self, files)
    }

    /// Renames atomically; a file (or empty directory) at `to` is replaced.
    ///
    /// # Errors
    /// See [`DiskErrorKind`].
    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()>;

    /// Renames atomically, or fails when something stands at `to`.
    ///
    /// # Errors
    /// [`DiskErrorKind::AlreadyExists`] and others.
    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()>;

    /// Makes bytes and lengths of all these files durable, by one call for the whole file system
    /// when there are many. Names are not included: see [`Disk::sync_dir`].
    ///
    /// # Errors
    /// The operating system's error; nothing may be assumed durable then.
    fn sync_group(&self, files: &[RelPath]) -> DiskResult<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// The operating system's error.
    fn sync_dir(&self, dir: &RelPath) -> DiskResult<()>;

    /// Tries to lock a file without waiting; `None` when another holder is in the way. With
    /// `create` a missing file is made first (empty). A shared lock needs only read access.
    ///
    /// # Errors
    /// [`DiskErrorKind::NotFound`] without `create`, and others.
    fn try_lock(
        &self,
        path: &RelPath,
        kind: LockKind,
        create: bool,
    ) -> DiskResult<Option<Box<dyn LockGuard>>>;

    /// Bytes that may still be written on the root's file system.
    ///
    /// # Errors
    /// The operating system's error.
    fn free_bytes(&self) -> DiskResult<u64>;
}
