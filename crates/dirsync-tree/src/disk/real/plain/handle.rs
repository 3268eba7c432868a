//! Open files and held locks by the standard library.

use std::fs::{self, File, Metadata};
use std::io;

use super::{At, Failure, RealDisk, stat_of};
use crate::disk::{
    Attrs, DiskErrorKind, DiskOp, DiskResult, LockGuard, LockKind, ReadHandle, Stat, WriteHandle,
};
use crate::path::RelPath;

/// An open regular file.
#[derive(Debug)]
pub(super) struct Handle {
    file: File,
    path: RelPath,
}

impl Handle {
    pub(super) fn new(file: File, path: &RelPath) -> Self {
        Self {
            file,
            path: path.clone(),
        }
    }
}

#[cfg(unix)]
fn read_some(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_some(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

#[cfg(unix)]
fn write_some(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_some(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

/// `offset` after `done` bytes.
fn advance(offset: u64, done: usize) -> io::Result<u64> {
    u64::try_from(done)
        .ok()
        .and_then(|done| offset.checked_add(done))
        .filter(|&at| i64::try_from(at).is_ok())
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

fn write_all(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match write_some(file, &bytes[done..], advance(offset, done)?) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl ReadHandle for Handle {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> DiskResult<usize> {
        let mut done = 0;
        while done < buf.len() {
            // Beyond the longest file there is nothing to read.
            let Ok(at) = advance(offset, done) else { break };
            match read_some(&self.file, &mut buf[done..], at) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).at(DiskOp::ReadAt, &self.path),
            }
        }
        Ok(done)
    }

    fn stat(&self) -> DiskResult<Stat> {
        let metadata = self.file.metadata().at(DiskOp::Stat, &self.path)?;
        Ok(stat_of(&metadata))
    }
}

impl WriteHandle for Handle {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        write_all(&self.file, bytes, offset).at(DiskOp::WriteAt, &self.path)
    }

    fn allocate(&mut self, _offset: u64, _len: u64) -> DiskResult<()> {
        // The standard library cannot reserve space.
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> DiskResult<()> {
        self.file.set_len(len).at(DiskOp::SetLen, &self.path)
    }

    #[cfg(unix)]
    fn set_attrs(&mut self, attrs: &Attrs) -> DiskResult<()> {
        use std::os::unix::fs::{PermissionsExt, fchown};
        if let Some((user, group)) = attrs.owner {
            // Best effort by contract: only root may give files away.
            let _ = fchown(&self.file, Some(user), Some(group));
        }
        match attrs.mode {
            Some(mode) => self
                .file
                .set_permissions(fs::Permissions::from_mode(mode & 0o7777))
                .at(DiskOp::SetAttrs, &self.path),
            None => Ok(()),
        }
    }

    #[cfg(not(unix))]
    fn set_attrs(&mut self, _attrs: &Attrs) -> DiskResult<()> {
        Ok(())
    }

    fn sync(&mut self) -> DiskResult<()> {
        self.file.sync_all().at(DiskOp::Sync, &self.path)
    }
}

/// A held lock.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) disk: RealDisk,
    pub(super) file: File,
    pub(super) path: RelPath,
    pub(super) kind: LockKind,
}

impl LockGuard for Guard {
    fn set_note(&mut self, note: &[u8]) -> DiskResult<()> {
        let set = || {
            if self.kind == LockKind::Shared {
                return Err(Failure::kind(DiskErrorKind::Unsupported));
            }
            self.file.set_len(0)?;
            Ok(write_all(&self.file, note, 0)?)
        };
        set().at(DiskOp::LockNote, &self.path)
    }

    fn still_named(&self) -> DiskResult<bool> {
        let same = || {
            let ours = self.file.metadata()?;
            let now = fs::symlink_metadata(self.disk.full(&self.path)?)?;
            Ok(same_file(&ours, &now))
        };
        match same() {
            Ok(same) => Ok(same),
            Err(Failure {
                kind:
                    DiskErrorKind::NotFound | DiskErrorKind::LinkInPath | DiskErrorKind::NotADirectory,
                ..
            }) => Ok(false),
            Err(failure) => Err(failure).at(DiskOp::Stat, &self.path),
        }
    }
}

#[cfg(unix)]
fn same_file(ours: &Metadata, now: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    ours.nlink() > 0 && (ours.dev(), ours.ino()) == (now.dev(), now.ino())
}

/// Windows does not remove a file that is open, so a file of that name is ours.
#[cfg(not(unix))]
fn same_file(_ours: &Metadata, now: &Metadata) -> bool {
    now.is_file()
}
