//! Temporary directories and the fixtures of the workspace.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
        .to_path_buf()
}

/// A file or directory below `fixtures/`.
#[must_use]
pub fn fixture(name: &str) -> PathBuf {
    let path = workspace().join("fixtures").join(name);
    assert!(path.exists(), "there is no {}", path.display());
    path
}

/// A temporary directory that goes away with the value.
#[derive(Debug)]
pub struct TestTree {
    root: tempfile::TempDir,
}

impl TestTree {
    /// An empty directory.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("dirsync-test-")
            .tempdir()
            .expect("a temporary directory can be made");
        Self { root }
    }

    /// A copy of a directory: contents, modes and times. Links are refused, a tree has none.
    #[must_use]
    pub fn copy_of(from: &Path) -> Self {
        let tree = Self::new();
        copy(from, tree.path());
        tree
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// A path below the directory, names separated by `/`.
    #[must_use]
    pub fn join(&self, below: &str) -> PathBuf {
        self.path().join(below)
    }

    /// Writes a file below the directory, and the directories above it.
    pub fn write(&self, below: &str, bytes: impl AsRef<[u8]>) {
        let path = self.join(below);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .unwrap_or_else(|error| panic!("cannot make {}: {error}", parent.display()));
        }
        fs::write(&path, bytes)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    /// Reads a file below the directory.
    #[must_use]
    pub fn read(&self, below: &str) -> Vec<u8> {
        let path = self.join(below);
        fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }
}

fn copy(from: &Path, to: &Path) {
    // Contents first: what is made in a directory changes its time.
    for entry in WalkDir::new(from).contents_first(true) {
        let entry = entry.expect("the directory to copy can be walked");
        let below = entry
            .path()
            .strip_prefix(from)
            .expect("the walk stays below its root");
        let target = to.join(below);
        let kind = entry.file_type();
        assert!(
            kind.is_dir() || kind.is_file(),
            "{} is neither file nor directory",
            entry.path().display()
        );
        let done = if kind.is_dir() {
            fs::create_dir_all(&target)
        } else {
            fs::create_dir_all(target.parent().unwrap_or(to))
                .and_then(|()| fs::copy(entry.path(), &target).map(drop))
        };
        done.and_then(|()| keep_times(entry.path(), &target))
            .unwrap_or_else(|error| panic!("cannot copy {}: {error}", entry.path().display()));
    }
}

fn keep_times(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = fs::metadata(from)?;
    let times = FileTimes::new()
        .set_modified(meta.modified()?)
        .set_accessed(meta.accessed()?);
    // A read-only file is opened for reading; its times may be set by its owner all the same.
    File::open(to)?.set_times(times)?;
    fs::set_permissions(to, meta.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{differences, snapshot};

    #[test]
    fn a_copy_is_the_same_in_bytes_modes_and_times() {
        let from = TestTree::new();
        from.write("GLB/MASTER.GLB", b"x");
        from.write("MBG/00000001.MBG", b"");
        fs::create_dir(from.join("EMPTY")).unwrap();
        let file = from.join("GLB/MASTER.GLB");
        let mut mode = fs::metadata(&file).unwrap().permissions();
        mode.set_readonly(true);
        fs::set_permissions(&file, mode).unwrap();
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(765_720_832);
        File::open(from.join("EMPTY"))
            .unwrap()
            .set_modified(old)
            .unwrap();

        let to = TestTree::copy_of(from.path());
        let none: [String; 0] = [];
        assert_eq!(
            differences(&snapshot(from.path()), &snapshot(to.path())),
            none
        );
        assert_eq!(to.read("GLB/MASTER.GLB"), b"x");
    }
}
