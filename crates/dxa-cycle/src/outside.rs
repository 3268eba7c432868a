//! A file outside of trees that takes its place only as a whole.

use std::path::{Path, PathBuf};

use dirsync::tree::RelPath;
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::disk::{Disk, DiskError, DiskErrorKind};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;

/// A directory outside of trees, and a name in it.
pub(crate) struct Place {
    disk: RealDisk,
    name: RelPath,
    shown: String,
}

/// Whether a directory is a tree, or one of the known folders at the top of one.
fn is_tree(dir: &Path) -> bool {
    let has = |below: &str| dir.join(below).exists();
    has("GLB/MASTER.GLB") || (has("DXADATA") && has("MTADATA")) || has("DB000001.DAT")
}

impl Place {
    /// The place of a path.
    ///
    /// # Errors
    /// Exit 2 for a path that names no file, exit 3 for a place inside a tree, exit 5 when its
    /// directory cannot be opened.
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
        let full: PathBuf = std::fs::canonicalize(dir)
            .map_err(|error| Failure::data(format!("{}: {error}", escape::path(dir))))?;
        if let Some(tree) = full.ancestors().find(|dir| is_tree(dir)) {
            return Err(Failure::refused(format!(
                "{shown} lies in the tree {}",
                escape::path(tree)
            ))
            .hint("give a place outside of trees: they hold their own files only"));
        }
        let disk = RealDisk::open(&full)
            .map_err(|error| Failure::data(format!("{}: {error}", escape::path(dir))))?;
        Ok(Self { disk, name, shown })
    }

    /// The path as it was typed.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    fn fail(&self, error: &DiskError) -> Failure {
        Failure::data(format!("{}: {error}", self.shown))
    }

    /// Whether something stands there.
    pub(crate) fn is_taken(&self) -> Result<bool, Failure> {
        let stat = self.disk.stat(&self.name);
        Ok(stat.map_err(|error| self.fail(&error))?.is_some())
    }

    /// Refuses a place that is taken.
    pub(crate) fn require_free(&self) -> Result<(), Failure> {
        if self.is_taken()? {
            return Err(Failure::refused(format!("{} exists", self.shown))
                .hint("give another name, or --overwrite"));
        }
        Ok(())
    }

    /// Puts these bytes there, wholly or not at all.
    ///
    /// # Errors
    /// Exit 3 when the place is taken and may not be overwritten; exit 5.
    pub(crate) fn write(&self, bytes: &[u8], overwrite: bool) -> Result<(), Failure> {
        let temporary = RelPath::new(&format!("{}.{}.TMP", self.name, std::process::id()))
            .map_err(|error| Failure::data(error.to_string()))?;
        let made = self.make(&temporary, bytes, overwrite);
        if let Err(error) = made {
            // Nothing may be left under the temporary name.
            let _ = self.disk.unlink(&temporary);
            if error.kind == DiskErrorKind::AlreadyExists {
                self.require_free()?;
            }
            return Err(self.fail(&error));
        }
        Ok(())
    }

    fn make(&self, temporary: &RelPath, bytes: &[u8], overwrite: bool) -> Result<(), DiskError> {
        let mut file = self.disk.create_new(temporary)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        drop(file);
        if overwrite {
            self.disk.rename(temporary, &self.name)?;
        } else {
            match self.disk.rename_noreplace(temporary, &self.name) {
                // An old file system: the place was looked at before.
                Err(error) if error.kind == DiskErrorKind::Unsupported => {
                    self.disk.rename(temporary, &self.name)?;
                }
                done => done?,
            }
        }
        self.disk.sync_dir(&RelPath::root())
    }
}
