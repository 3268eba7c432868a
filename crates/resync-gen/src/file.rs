//! Files outside of trees: RESYNC.GLB on its way from the server to a requestor.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dirsync::core::format::transactions::{Item, Kind, Reader, RecordSource, Trust};
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::disk::{Disk, DiskErrorKind, DiskResult, ReadHandle, WriteHandle};
use dirsync::tree::{RelPath, TreeError};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;

use crate::tree;

/// A directory and a name in it.
pub(crate) struct Place {
    /// The directory, through links.
    pub(crate) dir: PathBuf,
    shown: String,
    disk: Arc<dyn Disk>,
    name: RelPath,
}

impl Place {
    /// Finds the directory of a path.
    ///
    /// # Errors
    /// Exit 2 for a path that names no file, exit 5 when its directory cannot be opened.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
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
            .map_err(|error| tree::of_tree(&TreeError::disk(&escape::path(dir), error)))?;
        Ok(Self {
            dir: full,
            shown,
            disk: Arc::new(disk),
            name,
        })
    }

    /// The path as it was typed.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    fn fail<T>(&self, result: DiskResult<T>) -> Result<T, TreeError> {
        result.map_err(|error| TreeError::disk(&self.disk.describe(), error))
    }

    /// Opens the file for reading; `None` when nothing stands there.
    pub(crate) fn open(&self) -> Result<Option<Outside>, TreeError> {
        let handle = match self.disk.open_read(&self.name) {
            Err(error) if error.kind == DiskErrorKind::NotFound => return Ok(None),
            other => self.fail(other)?,
        };
        let len = self.fail(handle.stat())?.len;
        let shown = self.disk.describe();
        Ok(Some(Outside { handle, len, shown }))
    }

    /// As [`Place::open`]; a missing file is a failure.
    pub(crate) fn require(&self) -> Result<Outside, Failure> {
        let file = self.open().map_err(|error| tree::of_tree(&error))?;
        file.ok_or_else(|| {
            Failure::data(format!("{} does not exist", self.shown))
                .hint("`resync-gen create` makes one from the tree of the directory server")
        })
    }

    /// Whether something else than a RESYNC.GLB would be lost by writing here.
    pub(crate) fn holds_something_else(&self) -> Result<bool, TreeError> {
        let Some(file) = self.open()? else {
            return Ok(false);
        };
        if file.len == 0 {
            return Ok(false);
        }
        let mut reader = Reader::new(file, Trust::Network);
        Ok(match reader.next_item() {
            Some(Ok(Item::Record { record, .. })) => record.head.kind != Kind::ResyncHeader,
            Some(Err(error)) => return Err(error),
            _ => true,
        })
    }

    /// Begins a new file beside the place.
    pub(crate) fn begin(&self) -> Result<NewFile<'_>, TreeError> {
        let temporary = RelPath::new(&format!("{}.{}.TMP", self.name, std::process::id()))?;
        let handle = self.fail(self.disk.create_new(&temporary))?;
        Ok(NewFile {
            place: self,
            temporary,
            handle: Some(handle),
            len: 0,
        })
    }
}

/// A file being written; it takes its place only as a whole.
pub(crate) struct NewFile<'a> {
    place: &'a Place,
    temporary: RelPath,
    handle: Option<Box<dyn WriteHandle>>,
    len: u64,
}

impl NewFile<'_> {
    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), TreeError> {
        if let Some(handle) = &mut self.handle {
            let written = handle.write_at(bytes, self.len);
            self.place.fail(written)?;
            self.len += bytes.len() as u64;
        }
        Ok(())
    }

    /// Makes it durable and puts it into its place.
    pub(crate) fn finish(mut self) -> Result<(), TreeError> {
        if let Some(mut handle) = self.handle.take() {
            let done = handle
                .sync()
                .and_then(|()| self.place.disk.rename(&self.temporary, &self.place.name))
                .and_then(|()| self.place.disk.sync_dir(&RelPath::root()));
            if done.is_err() {
                // Nothing may be left under the temporary name; the place is as it was, or done.
                let _ = self.place.disk.unlink(&self.temporary);
            }
            self.place.fail(done)?;
        }
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

/// An open file outside of trees.
pub(crate) struct Outside {
    handle: Box<dyn ReadHandle>,
    len: u64,
    shown: String,
}

impl RecordSource for Outside {
    type Error = TreeError;

    fn len_bytes(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        self.handle
            .read_at(buffer, offset)
            .map_err(|error| TreeError::disk(&self.shown, error))
    }
}
