//! A directory shown under the name its documented paths begin with.
//!
//! A commit domain is addressed as `MTADATA/DB000001.DAT`. A program that is given the directory
//! itself, whatever it is called (a copy of MTADATA is often kept under another name, Q271905), opens it as
//! its root and shows it as `MTADATA`: nothing outside the directory can be reached.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{
    DirEntry, Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind, EntryName, LockGuard,
    LockKind, ReadHandle, Stat, WriteHandle,
};
use crate::path::RelPath;

/// A disk whose root is shown as the directory `name` of an otherwise empty disk.
#[derive(Debug, Clone)]
pub struct NamedDisk {
    inner: Arc<dyn Disk>,
    name: &'static str,
}

impl NamedDisk {
    /// Shows the root of `inner` as `name`, one name in upper case.
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>, name: &'static str) -> Self {
        Self { inner, name }
    }

    fn at(&self, op: DiskOp, path: &RelPath) -> DiskResult<RelPath> {
        let missing = || DiskError::new(op, path, DiskErrorKind::NotFound);
        let rest = path.as_str().strip_prefix(self.name).ok_or_else(missing)?;
        match rest.strip_prefix('/') {
            Some(below) => RelPath::new(below).map_err(|_| missing()),
            None if rest.is_empty() => Ok(RelPath::root()),
            None => Err(missing()),
        }
    }

    /// The directory itself is neither made, removed nor renamed.
    fn refuse_home(&self, op: DiskOp, path: &RelPath) -> DiskResult<()> {
        if path.as_str() == self.name {
            return Err(DiskError::new(op, path, DiskErrorKind::AlreadyExists));
        }
        Ok(())
    }
}

impl Disk for NamedDisk {
    fn describe(&self) -> String {
        self.inner.describe()
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
        match self.at(DiskOp::Stat, path) {
            Ok(path) => self.inner.stat(&path),
            // Nothing else stands beside the directory, as far as this disk shows.
            Err(error) if error.kind == DiskErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(
        &self,
        dir: &RelPath,
        each: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> DiskResult<()> {
        if dir.is_root() {
            let _ = each(DirEntry {
                name: EntryName::Plain(self.name.to_owned()),
                kind: EntryKind::Dir,
            });
            return Ok(());
        }
        self.inner.list(&self.at(DiskOp::List, dir)?, each)
    }

    fn mkdir(&self, path: &RelPath) -> DiskResult<()> {
        self.refuse_home(DiskOp::Mkdir, path)?;
        self.inner.mkdir(&self.at(DiskOp::Mkdir, path)?)
    }

    fn rmdir(&self, path: &RelPath) -> DiskResult<()> {
        self.refuse_home(DiskOp::Rmdir, path)?;
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
        self.refuse_home(DiskOp::Rename, from)?;
        self.refuse_home(DiskOp::Rename, to)?;
        let from = self.at(DiskOp::Rename, from)?;
        self.inner.rename(&from, &self.at(DiskOp::Rename, to)?)
    }

    fn rename_noreplace(&self, from: &RelPath, to: &RelPath) -> DiskResult<()> {
        self.refuse_home(DiskOp::RenameNoReplace, from)?;
        self.refuse_home(DiskOp::RenameNoReplace, to)?;
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
        if dir.is_root() {
            // The name of the directory itself does not change.
            return Ok(());
        }
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
    fn the_root_is_shown_under_its_name_and_nothing_else() {
        let p = |text: &str| RelPath::new(text).unwrap();
        let disk = MemDisk::new();
        disk.add_file(&p("A"), b"x").unwrap();
        disk.add_dir(&p("D")).unwrap();
        let named = NamedDisk::new(Arc::new(disk.clone()), "MTADATA");
        assert_eq!(
            named.stat(&p("MTADATA")).unwrap().unwrap().kind,
            EntryKind::Dir
        );
        assert_eq!(named.stat(&p("MTADATA/A")).unwrap().unwrap().len, 1);
        for other in ["A", "MTADATAX", "MTADATAX/A", "OTHER/A", "mtadata"] {
            assert!(named.stat(&p(other)).unwrap().is_none(), "{other}");
            assert!(named.open_read(&p(other)).is_err());
            assert!(named.create_new(&p(other)).is_err());
        }
        named.rename(&p("MTADATA/A"), &p("MTADATA/D/B")).unwrap();
        named.sync_dir(&p("MTADATA/D")).unwrap();
        assert!(disk.stat(&p("D/B")).unwrap().is_some());
        assert!(named.rmdir(&p("MTADATA")).is_err());
        assert!(named.rename(&p("MTADATA/D"), &p("MTADATA")).is_err());
        let mut names = Vec::new();
        for dir in [RelPath::root(), p("MTADATA")] {
            named
                .list(&dir, &mut |entry| {
                    names.push(entry.name);
                    ControlFlow::Continue(())
                })
                .unwrap();
        }
        let plain = |name: &str| EntryName::Plain(name.to_owned());
        assert_eq!(names, [plain("MTADATA"), plain("D")]);
    }
}
