//! Files outside of trees - a RESYNC.GLB on its way, an extract, an event log file - that take their place
//! only as a whole: written beside it under a name of this process, made durable, renamed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::disk::{Disk, DiskErrorKind, DiskResult, ReadHandle, WriteHandle};
use dirsync::tree::{RelPath, TreeError};

use crate::escape;
use crate::failure::Failure;
use crate::trees::of_tree;

/// A directory and a name in it.
pub struct Place {
    dir: PathBuf,
    shown: String,
    disk: Arc<dyn Disk>,
    name: RelPath,
}

/// Whether a directory is a tree, or the directory of a queue database.
fn is_tree(dir: &Path) -> bool {
    let has = |below: &str| dir.join(below).exists();
    has("GLB/MASTER.GLB") || (has("DXADATA") && has("MTADATA")) || has("DB000001.DAT")
}

impl Place {
    /// Finds the directory of a path.
    ///
    /// # Errors
    /// Exit 2 for a path that names no file, exit 5 when its directory cannot be opened.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        let shown = escape::path(path);
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| RelPath::new(name).ok())
            .ok_or_else(|| Failure::usage(format!("{shown} names no file")))?;
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let full = std::fs::canonicalize(dir)
            .map_err(|error| Failure::data(format!("{}: {error}", escape::path(dir))))?;
        let disk = RealDisk::open(&full)
            .map_err(|error| of_tree(&TreeError::disk(&escape::path(dir), error)))?;
        Ok(Self {
            dir: full,
            shown,
            disk: Arc::new(disk),
            name,
        })
    }

    /// The directory, through links.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path as it was typed.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The directory as errors name it.
    #[must_use]
    pub fn describe(&self) -> String {
        self.disk.describe()
    }

    /// Refuses a place inside a tree.
    ///
    /// # Errors
    /// Exit 3.
    pub fn require_outside(&self) -> Result<(), Failure> {
        let Some(tree) = self.dir.ancestors().find(|dir| is_tree(dir)) else {
            return Ok(());
        };
        let message = format!("{} lies in the tree {}", self.shown, escape::path(tree));
        Err(Failure::refused(message)
            .hint("give a place outside of trees: they hold their own files only"))
    }

    /// Refuses a place that is taken; `hint` says what else there is to do.
    ///
    /// # Errors
    /// Exit 3; exit 5 when the place cannot be looked at.
    pub fn require_free(&self, hint: &'static str) -> Result<(), Failure> {
        let stat = self.fail(self.disk.stat(&self.name));
        if stat.map_err(|error| of_tree(&error))?.is_some() {
            return Err(Failure::refused(format!("{} exists", self.shown)).hint(hint));
        }
        Ok(())
    }

    fn fail<T>(&self, result: DiskResult<T>) -> Result<T, TreeError> {
        result.map_err(|error| TreeError::disk(&self.disk.describe(), error))
    }

    /// Opens the file for reading; `None` when nothing stands there.
    ///
    /// # Errors
    /// A disk error.
    pub fn open(&self) -> Result<Option<Box<dyn ReadHandle>>, TreeError> {
        match self.disk.open_read(&self.name) {
            Err(error) if error.kind == DiskErrorKind::NotFound => Ok(None),
            other => self.fail(other).map(Some),
        }
    }

    /// Begins a new file beside the place.
    ///
    /// # Errors
    /// A disk error.
    pub fn begin(&self) -> Result<NewFile<'_>, TreeError> {
        let temporary = RelPath::new(&format!("{}.{}.TMP", self.name, std::process::id()))?;
        let handle = self.fail(self.disk.create_new(&temporary))?;
        Ok(NewFile {
            place: self,
            temporary,
            handle: Some(handle),
            len: 0,
        })
    }

    /// Puts these bytes there, in place of what may stand there.
    ///
    /// # Errors
    /// A disk error: the place is as it was.
    pub fn put(&self, bytes: &[u8]) -> Result<(), TreeError> {
        let mut file = self.begin()?;
        file.append(bytes)?;
        file.finish()
    }
}

/// A file being written; it takes its place only as a whole.
pub struct NewFile<'a> {
    place: &'a Place,
    temporary: RelPath,
    handle: Option<Box<dyn WriteHandle>>,
    len: u64,
}

impl NewFile<'_> {
    /// Appends bytes.
    ///
    /// # Errors
    /// A disk error.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), TreeError> {
        if let Some(handle) = &mut self.handle {
            let written = handle.write_at(bytes, self.len);
            self.place.fail(written)?;
            self.len += bytes.len() as u64;
        }
        Ok(())
    }

    /// Makes it durable and puts it into its place.
    ///
    /// # Errors
    /// A disk error: the place is as it was, or done.
    pub fn finish(mut self) -> Result<(), TreeError> {
        if let Some(mut handle) = self.handle.take() {
            let done = handle
                .sync()
                .and_then(|()| self.place.disk.rename(&self.temporary, &self.place.name))
                .and_then(|()| self.place.disk.sync_dir(&RelPath::root()));
            if done.is_err() {
                // Nothing may be left under the temporary name.
                let _ = self.place.disk.unlink(&self.temporary);
            }
            self.place.fail(done)?;
        }
        Ok(())
    }
}

impl io::Write for NewFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if self.handle.take().is_some() {
            let _ = self.place.disk.unlink(&self.temporary);
        }
    }
}
