//! Open files and held locks of a disk in memory.

use super::content::MAX_FILE_BYTES;
use super::state::{KindResult, State};
use super::{At, MemDisk};
use crate::disk::{
    Attrs, DiskErrorKind, DiskOp, DiskResult, LockGuard, LockKind, ReadHandle, Stat, WriteHandle,
};
use crate::path::RelPath;

/// An open file. It stays readable and writable when its name goes.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) disk: MemDisk,
    pub(super) ino: u64,
    pub(super) path: RelPath,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.disk.lock_state().close(self.ino);
    }
}

impl Handle {
    fn write(&self, bytes: &[u8], offset: u64) -> KindResult<()> {
        let mut state = self.disk.lock_state();
        let len = u64::try_from(bytes.len()).map_err(|_| DiskErrorKind::Io)?;
        check_end(offset, len)?;
        let blocks = state.content(self.ino)?.blocks_to_write(offset, len);
        state.check_room(blocks)?;
        state.content(self.ino)?.write_at(bytes, offset);
        self.touch(&mut state)
    }

    fn set_len(&self, len: u64) -> KindResult<()> {
        check_end(len, 0)?;
        let mut state = self.disk.lock_state();
        state.content(self.ino)?.set_len(len);
        self.touch(&mut state)
    }

    fn allocate(&self, offset: u64, len: u64) -> KindResult<()> {
        check_end(offset, len)?;
        let mut state = self.disk.lock_state();
        let blocks = state.content(self.ino)?.blocks_to_allocate(offset, len);
        state.check_room(blocks)?;
        state.content(self.ino)?.allocate(offset, len);
        Ok(())
    }

    fn touch(&self, state: &mut State) -> KindResult<()> {
        let now = state.clock_unix_s;
        state.inode(self.ino)?.modified_unix_s = now;
        Ok(())
    }
}

/// Refuses what no file can be as long as.
fn check_end(offset: u64, len: u64) -> KindResult<()> {
    match offset.checked_add(len) {
        Some(end) if end <= MAX_FILE_BYTES => Ok(()),
        _ => Err(DiskErrorKind::Io),
    }
}

impl ReadHandle for Handle {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> DiskResult<usize> {
        let mut state = self.disk.lock_state();
        let content = state.content(self.ino).at(DiskOp::ReadAt, &self.path)?;
        Ok(content.read_at(buf, offset))
    }

    fn stat(&self) -> DiskResult<Stat> {
        let state = self.disk.lock_state();
        state.stat(self.ino).at(DiskOp::Stat, &self.path)
    }
}

impl WriteHandle for Handle {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        self.write(bytes, offset).at(DiskOp::WriteAt, &self.path)
    }

    fn allocate(&mut self, offset: u64, len: u64) -> DiskResult<()> {
        Handle::allocate(self, offset, len).at(DiskOp::Allocate, &self.path)
    }

    fn set_len(&mut self, len: u64) -> DiskResult<()> {
        Handle::set_len(self, len).at(DiskOp::SetLen, &self.path)
    }

    fn set_attrs(&mut self, attrs: &Attrs) -> DiskResult<()> {
        let mut state = self.disk.lock_state();
        let inode = state.inode(self.ino).at(DiskOp::SetAttrs, &self.path)?;
        if let Some(mode) = attrs.mode {
            inode.attrs.mode = Some(mode & 0o7777);
        }
        if attrs.owner.is_some() {
            inode.attrs.owner = attrs.owner;
        }
        Ok(())
    }

    fn sync(&mut self) -> DiskResult<()> {
        let mut state = self.disk.lock_state();
        state.sync_file(self.ino).at(DiskOp::Sync, &self.path)
    }
}

/// A held lock.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) handle: Handle,
    pub(super) kind: LockKind,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.handle
            .disk
            .lock_state()
            .unlock(self.handle.ino, self.kind);
    }
}

impl LockGuard for Guard {
    fn set_note(&mut self, note: &[u8]) -> DiskResult<()> {
        let handle = &self.handle;
        let set = |handle: &Handle| {
            if self.kind == LockKind::Shared {
                return Err(DiskErrorKind::Unsupported);
            }
            handle.set_len(0)?;
            handle.write(note, 0)
        };
        set(handle).at(DiskOp::LockNote, &handle.path)
    }

    fn still_named(&self) -> DiskResult<bool> {
        let state = self.handle.disk.lock_state();
        match state.entry(&self.handle.path) {
            Ok(ino) => Ok(ino == self.handle.ino),
            Err(_) => Ok(false),
        }
    }
}
