//! Open files and locks of a faulty disk: every call is counted by the disk they came from.

use std::sync::Arc;

use super::{Go, Shared};
use crate::disk::{
    Attrs, DiskError, DiskErrorKind, DiskOp, DiskResult, LockGuard, ReadHandle, Stat, WriteHandle,
};
use crate::path::RelPath;

/// Bytes that reach the medium together.
const SECTOR_BYTES: u64 = 512;

/// `inner` is a read handle, a write handle or a lock guard.
#[derive(Debug)]
struct Watched<H: ?Sized> {
    shared: Arc<Shared>,
    path: RelPath,
    inner: Box<H>,
}

impl<H: ?Sized> Watched<H> {
    fn new(shared: &Arc<Shared>, inner: Box<H>, path: &RelPath) -> Self {
        Self {
            shared: Arc::clone(shared),
            path: path.clone(),
            inner,
        }
    }

    fn enter(&self, op: DiskOp, bytes: usize) -> DiskResult<Go> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.shared.enter(op, &self.path, None, bytes)
    }
}

pub(super) fn read(
    shared: &Arc<Shared>,
    inner: Box<dyn ReadHandle>,
    path: &RelPath,
) -> Box<dyn ReadHandle> {
    Box::new(Watched::new(shared, inner, path))
}

pub(super) fn write(
    shared: &Arc<Shared>,
    inner: Box<dyn WriteHandle>,
    path: &RelPath,
) -> Box<dyn WriteHandle> {
    Box::new(Watched::new(shared, inner, path))
}

pub(super) fn lock(
    shared: &Arc<Shared>,
    inner: Box<dyn LockGuard>,
    path: &RelPath,
) -> Box<dyn LockGuard> {
    Box::new(Watched::new(shared, inner, path))
}

impl<H: ReadHandle + ?Sized> ReadHandle for Watched<H> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> DiskResult<usize> {
        self.enter(DiskOp::ReadAt, buf.len())?;
        self.inner.read_at(buf, offset)
    }

    fn stat(&self) -> DiskResult<Stat> {
        self.enter(DiskOp::Stat, 0)?;
        self.inner.stat()
    }
}

impl WriteHandle for Watched<dyn WriteHandle> {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> DiskResult<()> {
        if self.enter(DiskOp::WriteAt, bytes.len())? == Go::Tear {
            let first = &bytes[..first_half(bytes.len(), offset)];
            self.inner.write_at(first, offset)?;
            return Err(DiskError::new(
                DiskOp::WriteAt,
                &self.path,
                DiskErrorKind::Stopped,
            ));
        }
        self.inner.write_at(bytes, offset)
    }

    fn allocate(&mut self, offset: u64, len: u64) -> DiskResult<()> {
        self.enter(DiskOp::Allocate, 0)?;
        self.inner.allocate(offset, len)
    }

    fn set_len(&mut self, len: u64) -> DiskResult<()> {
        self.enter(DiskOp::SetLen, 0)?;
        self.inner.set_len(len)
    }

    fn set_attrs(&mut self, attrs: &Attrs) -> DiskResult<()> {
        self.enter(DiskOp::SetAttrs, 0)?;
        self.inner.set_attrs(attrs)
    }

    fn sync(&mut self) -> DiskResult<()> {
        match self.enter(DiskOp::Sync, 0)? {
            Go::Pretend => Ok(()),
            _ => self.inner.sync(),
        }
    }
}

impl LockGuard for Watched<dyn LockGuard> {
    fn set_note(&mut self, note: &[u8]) -> DiskResult<()> {
        self.enter(DiskOp::LockNote, note.len())?;
        self.inner.set_note(note)
    }

    fn still_named(&self) -> DiskResult<bool> {
        self.enter(DiskOp::Stat, 0)?;
        self.inner.still_named()
    }
}

/// How many of `len` bytes at `offset` lie in the first half (rounded down) of the sectors touched.
pub(super) fn first_half(len: usize, offset: u64) -> usize {
    let Some(last) = u64::try_from(len)
        .ok()
        .and_then(|len| offset.checked_add(len))
        .and_then(|end| end.checked_sub(1))
    else {
        return 0;
    };
    let first_sector = offset / SECTOR_BYTES;
    let sectors = (last / SECTOR_BYTES).saturating_sub(first_sector) + 1;
    let cut = (first_sector + sectors / 2).saturating_mul(SECTOR_BYTES);
    usize::try_from(cut.saturating_sub(offset))
        .unwrap_or(0)
        .min(len)
}
