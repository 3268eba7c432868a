//! From the kernel's words to ours: errors, kinds, what `stat` says.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{self, AtFlags, FileType};
use rustix::io::Errno;

use super::resolve::DirFd;
use crate::disk::{Attrs, DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind, Stat};
use crate::path::RelPath;

/// Why an operation failed, before it is known what was being done where.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: DiskErrorKind,
    pub(super) source: Option<io::Error>,
}

pub(super) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(super) fn kind(kind: DiskErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(super) fn at(self, op: DiskOp, path: &RelPath) -> DiskError {
        DiskError {
            op,
            path: path.clone(),
            kind: self.kind,
            source: self.source,
        }
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self {
            kind: error_kind(errno),
            source: Some(errno.into()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            kind: Errno::from_io_error(&error).map_or(DiskErrorKind::Io, error_kind),
            source: Some(error),
        }
    }
}

/// Adds operation and path to a failure.
pub(super) trait At<T> {
    fn at(self, op: DiskOp, path: &RelPath) -> DiskResult<T>;
}

impl<T, F: Into<Failure>> At<T> for Result<T, F> {
    fn at(self, op: DiskOp, path: &RelPath) -> DiskResult<T> {
        self.map_err(|failure| failure.into().at(op, path))
    }
}

fn error_kind(errno: Errno) -> DiskErrorKind {
    match errno {
        Errno::NOENT => DiskErrorKind::NotFound,
        Errno::EXIST => DiskErrorKind::AlreadyExists,
        Errno::LOOP => DiskErrorKind::LinkInPath,
        Errno::NOTDIR => DiskErrorKind::NotADirectory,
        Errno::ISDIR => DiskErrorKind::NotRegular(EntryKind::Dir),
        Errno::NXIO | Errno::NODEV => DiskErrorKind::NotRegular(EntryKind::Other),
        Errno::NOTEMPTY => DiskErrorKind::NotEmpty,
        Errno::ROFS => DiskErrorKind::ReadOnly,
        Errno::ACCESS | Errno::PERM => DiskErrorKind::PermissionDenied,
        Errno::NOSPC | Errno::DQUOT => DiskErrorKind::NoSpace,
        Errno::NOSYS | Errno::OPNOTSUPP | Errno::XDEV => DiskErrorKind::Unsupported,
        _ => DiskErrorKind::Io,
    }
}

pub(super) fn not_regular(kind: EntryKind) -> Failure {
    Failure::kind(DiskErrorKind::NotRegular(kind))
}

pub(super) fn regular(stat: Stat) -> Outcome<Stat> {
    match stat.kind {
        EntryKind::File => Ok(stat),
        kind => Err(not_regular(kind)),
    }
}

pub(super) fn stat_at(dir: &DirFd<'_>, name: &str) -> Outcome<Stat> {
    let stat = fs::statat(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(from_stat(&stat))
}

pub(super) fn entry_kind(kind: FileType) -> EntryKind {
    match kind {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Dir,
        FileType::Symlink => EntryKind::Link,
        FileType::Fifo => EntryKind::Fifo,
        FileType::Socket => EntryKind::Socket,
        _ => EntryKind::Other,
    }
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_fallible_conversions,
    reason = "the types of the fields differ between architectures"
)]
pub(super) fn from_stat(stat: &fs::Stat) -> Stat {
    let kind = entry_kind(FileType::from_raw_mode(stat.st_mode));
    let (len, links) = match kind {
        EntryKind::File => (
            u64::try_from(stat.st_size).unwrap_or(0),
            u64::try_from(stat.st_nlink).unwrap_or(u64::MAX),
        ),
        _ => (0, 1),
    };
    Stat {
        kind,
        len,
        links,
        attrs: Attrs {
            mode: Some(stat.st_mode & 0o7777),
            owner: Some((stat.st_uid, stat.st_gid)),
        },
        modified_unix_s: i64::try_from(stat.st_mtime).unwrap_or(0),
    }
}

/// Repeats a call that a signal interrupted.
pub(super) fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    rustix::io::retry_on_intr(&mut call)
}
