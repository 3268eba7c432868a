//! Open files and held locks on Linux.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{self, FallocateFlags, Gid, Mode, Uid};
use rustix::io::Errno;

use super::RealDisk;
use super::convert::{At, from_stat, retry};
use crate::disk::{
    Attrs, DiskError, DiskErrorKind, DiskOp, DiskResult, LockGuard, LockKind, ReadHandle, Stat,
    WriteHandle,
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

impl ReadHandle for Handle {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> DiskResult<usize> {
        let mut done = 0;
        while done < buf.len() {
            let at = u64::try_from(done)
                .ok()
                .and_then(|done| offset.checked_add(done));
            let Some(at) = at else { break };
            match self.file.read_at(&mut buf[done..], at) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Beyond the longest file there is nothing to read.
                Err(_) if i64::try_from(at).is_err() => break,
                Err(error) => return Err(error).at(DiskOp::ReadAt, &self.path),
            }
        }
        Ok(done)
    }

    fn stat(&self) -> DiskResult<Stat> {
        let stat = fs::fstat(&self.file).at(DiskOp::Stat, &self.path)?;
        Ok(from_stat(&stat))
    }
}

impl WriteHandle for Handle {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        self.file
            .write_all_at(bytes, offset)
            .at(DiskOp::WriteAt, &self.path)
    }

    fn allocate(&mut self, offset: u64, len: u64) -> DiskResult<()> {
        if len == 0 {
            return Ok(());
        }
        match retry(|| fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, offset, len)) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            done => done.at(DiskOp::Allocate, &self.path),
        }
    }

    fn set_len(&mut self, len: u64) -> DiskResult<()> {
        self.file.set_len(len).at(DiskOp::SetLen, &self.path)
    }

    fn set_attrs(&mut self, attrs: &Attrs) -> DiskResult<()> {
        // The owner first: changing it takes set-id bits away.
        if let Some((user, group)) = attrs.owner {
            // Best effort by contract: only root may give files away.
            let _ = fs::fchown(
                &self.file,
                Some(Uid::from_raw(user)),
                Some(Gid::from_raw(group)),
            );
        }
        match attrs.mode {
            Some(mode) => fs::fchmod(&self.file, Mode::from_raw_mode(mode & 0o7777))
                .at(DiskOp::SetAttrs, &self.path),
            None => Ok(()),
        }
    }

    fn sync(&mut self) -> DiskResult<()> {
        retry(|| fs::fsync(&self.file)).at(DiskOp::Sync, &self.path)
    }
}

/// A held lock: the kernel releases it when the descriptor is closed, at the latest by the death of
/// the process.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) disk: RealDisk,
    pub(super) file: File,
    pub(super) path: RelPath,
    pub(super) kind: LockKind,
}

impl LockGuard for Guard {
    fn set_note(&mut self, note: &[u8]) -> DiskResult<()> {
        if self.kind == LockKind::Shared {
            return Err(DiskError::new(
                DiskOp::LockNote,
                &self.path,
                DiskErrorKind::Unsupported,
            ));
        }
        self.file
            .set_len(0)
            .and_then(|()| self.file.write_all_at(note, 0))
            .at(DiskOp::LockNote, &self.path)
    }

    fn still_named(&self) -> DiskResult<bool> {
        let ours = fs::fstat(&self.file).at(DiskOp::Stat, &self.path)?;
        if ours.st_nlink == 0 {
            return Ok(false);
        }
        self.disk.root.forget_dirs();
        match self.disk.raw_stat(&self.path) {
            Ok(now) => Ok((now.st_dev, now.st_ino) == (ours.st_dev, ours.st_ino)),
            // Nothing there, or a link or file in the place of a directory: not our name.
            Err(failure)
                if matches!(
                    failure.kind,
                    DiskErrorKind::NotFound
                        | DiskErrorKind::LinkInPath
                        | DiskErrorKind::NotADirectory
                ) =>
            {
                Ok(false)
            }
            Err(failure) => Err(failure.at(DiskOp::Stat, &self.path)),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.disk.root.unlocked(&self.path);
    }
}
