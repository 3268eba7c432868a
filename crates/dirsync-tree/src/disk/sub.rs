//! A directory of another disk as a disk of its own: several trees on one medium, which a power cut
//! then meets all at once.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{
    DirEntry, Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, LockGuard, LockKind, ReadHandle,
    Stat, WriteHandle,
};
use crate::path::RelPath;

/// The part of a disk below one of its directories. Errors name the path on the whole disk.
#[derive(Debug, Clone)]
pub struct SubDisk {
    inner: Arc<dyn Disk>,
    root: RelPath,
}

impl SubDisk {
    /// The part of `inner` below `root`, which is taken to be a directory.
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>, root: RelPath) -> Self {
        Self { inner, root }
    }

    fn at(&self, op: DiskOp, path: &RelPath) -> DiskResult<RelPath> {
        if self.root.is_root() {
            return Ok(path.clone());
        }
        if path.is_root() {
            return Ok(self.root.clone());
        }
        RelPath::new(&format!("{}/{}", self.root.as_str(), path.as_str()))
            .map_err(|_| DiskError::new(op, path, DiskErrorKind::Unsupported))
    }
}

impl Disk for SubDisk {
    fn describe(&self) -> String {
        format!("{}/{}", self.inner.describe(), self.root)
    }

    fn open_read(&self, path: &RelPath) -> DiskResult<Box<dyn ReadHandle>> {
        self.inner.open_read(&self.at(DiskOp::OpenRead, path)?)
    }

    fn open_write(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        self.inner.open_write(&self.at(DiskOp::OpenWrite, path)?)
    }

    fn create_new(&self, path: &RelPath) -> DiskResult<Box<dyn WriteHandle>> {
        self.inner.create_new(&self.at(DiskOp::CreateNew, path)?)
    }

    fn stat(&self, path: &RelPath) -> DiskResult<Option<Stat>> {
        self.inner.stat(&self.at(DiskOp::Stat, path)?)
    }

    fn list(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        self.inner.list(&self.at(DiskOp::List, dir)?, each)
    }

    fn mkdir(&self, path: &RelPath) -> DiskResult<()> {
        self.inner.mkdir(&self.at(DiskOp::Mkdir, path)?)
    }

    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        self.inner.rmdir(&self.at(DiskOp::Rmdir, path)?)
    }

    fn unlink(&self, path: &RelPath) -> DiskResult<()> {
        self.inner.unlink(&self.at(DiskOp::Unlink, path)?)
    }

    fn unlink_group(&self, files: &[RelPath]) -> DiskResult<()> {
        let files: Vec<RelPath> = files
            .iter()
            .map(|file| self.at(DiskOp::Unlink, file))
            .collect::<DiskResult<_>>()?;
        self.inner.unlink_group(&files)
    }

    fn rename(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        let from = self.at(DiskOp::Rename, from)?;
        self.inner.rename(&from, &self.at(DiskOp::Rename, to)?)
    }

    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        let from = self.at(DiskOp::RenameNoReplace, from)?;
        let to = self.at(DiskOp::RenameNoReplace, to)?;
        self.inner.rename_noreplace(&from, &to)
    }

    fn sync_group(&self, files: &[RelPath]) -> DiskResult<()> {
        let files: Vec<RelPath> = files
            .iter()
            .map(|file| self.at(DiskOp::SyncGroup, file))
            .collect::<DiskResult<_>>()?;
        self.inner.sync_group(&files)
    }

    fn sync_dir(&self, dir: &RelPath) -> DiskResult<()> {
        self.inner.sync_dir(&self.at(DiskOp::SyncDir, dir)?)
    }

    fn try_lock(
        &self,
        path: &RelPath,
        kind: LockKind,
        create: bool,
    ) -> DiskResult<Option<Box<dyn LockGuard>>> {
        let path = self.at(DiskOp::Lock, path)?;
        self.inner.try_lock(&path, kind, create)
    }

    fn free_bytes(&self) -> DiskResult<u64> {
        self.inner.free_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::mem::MemDisk;

    #[test]
    fn two_parts_of_one_disk_do_not_meet() {
        let p = |text: &str| RelPath::new(text).unwrap();
        let disk = MemDisk::new();
        disk.add_dir(&p("A/GLB")).unwrap();
        disk.add_dir(&p("B/GLB")).unwrap();
        let whole: Arc<dyn Disk> = Arc::new(disk.clone());
        let a = SubDisk::new(Arc::clone(&whole), p("A"));
        let b = SubDisk::new(Arc::clone(&whole), p("B"));
        a.create_new(&p("GLB/X")).unwrap();
        a.rename(&p("GLB/X"), &p("GLB/Y")).unwrap();
        a.sync_dir(&p("GLB")).unwrap();
        assert!(b.stat(&p("GLB/Y")).unwrap().is_none());
        assert!(whole.stat(&p("A/GLB/Y")).unwrap().is_some());
        let lock = a.try_lock(&p("GLB/L"), LockKind::Exclusive, true).unwrap();
        assert!(lock.is_some());
        assert!(
            b.try_lock(&p("GLB/L"), LockKind::Exclusive, true)
                .unwrap()
                .is_some()
        );
        assert!(
            a.try_lock(&p("GLB/L"), LockKind::Exclusive, true)
                .unwrap()
                .is_none()
        );
        let mut names = 0;
        a.list(&RelPath::root(), &mut |_| {
            names += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(names, 1);
    }
}
