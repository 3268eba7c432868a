//! From a path to an open directory, below the root and through no link.
//!
//! While a lock is held, the directories that it protects stay open: a commit names the same two dozen for
//! thousands of files. Who holds the lock is the only one of ours who changes directories there; what
//! it renames or removes is forgotten. Elsewhere on the disk, and after the lock, every path is resolved
//! anew.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::convert::{Failure, Outcome, retry};
use crate::disk::DiskErrorKind;
use crate::path::RelPath;

/// Tries before a path that keeps changing under `openat2` is walked name by name.
const RACE_TRIES: usize = 8;

/// Directories that stay open at once.
const KEPT_DIRS: usize = 128;

/// The open root directory.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    openat2: bool,
    kept: Mutex<Kept>,
}

/// Directories that stay open while a lock is held.
#[derive(Debug, Default)]
struct Kept {
    /// What each lock that is held protects.
    locked: Vec<RelPath>,
    dirs: HashMap<RelPath, Arc<OwnedFd>>,
}

/// An open directory: the root or one below.
#[derive(Debug)]
pub(super) enum DirFd<'r> {
    Root(BorrowedFd<'r>),
    Below(OwnedFd),
    Kept(Arc<OwnedFd>),
}

impl AsFd for DirFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(fd) => *fd,
            Self::Below(fd) => fd.as_fd(),
            Self::Kept(fd) => fd.as_fd(),
        }
    }
}

impl Root {
    /// Opens the root and finds out whether `openat2` works here (an old kernel has none, some
    /// sandboxes forbid it).
    pub(super) fn open(path: &Path, openat2: bool) -> Outcome<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry(|| fs::open(path, flags, Mode::empty()))?;
        let probe = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let openat2 = openat2 && beneath(fd.as_fd(), ".", probe).is_ok();
        Ok(Self {
            fd,
            openat2,
            kept: Mutex::default(),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lock was taken, on the file `lock`: directories that it protects stay open from now on.
    pub(super) fn locked(&self, lock: &RelPath) {
        let mut kept = self.kept();
        kept.dirs.clear();
        kept.locked.push(protected_by(lock));
    }

    /// It was released.
    pub(super) fn unlocked(&self, lock: &RelPath) {
        let (home, mut kept) = (protected_by(lock), self.kept());
        kept.dirs.clear();
        if let Some(at) = kept.locked.iter().position(|locked| *locked == home) {
            kept.locked.swap_remove(at);
        }
    }

    /// All paths are resolved anew.
    pub(super) fn forget_dirs(&self) {
        self.kept().dirs.clear();
    }

    /// The name `path` means something else now: what is at or below it is resolved anew.
    pub(super) fn forget(&self, path: &RelPath) {
        let mut kept = self.kept();
        let is_gone = |dir: &RelPath| is_at_or_below(dir, path);
        if kept.dirs.keys().any(is_gone) {
            kept.dirs.retain(|dir, _| !is_gone(dir));
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn has_openat2(&self) -> bool {
        self.openat2
    }

    /// A directory whose names are to be used; needs no right to list it.
    pub(super) fn dir(&self, path: &RelPath) -> Outcome<DirFd<'_>> {
        if path.is_root() {
            return Ok(DirFd::Root(self.fd()));
        }
        if let Some(dir) = self.kept().dirs.get(path) {
            return Ok(DirFd::Kept(Arc::clone(dir)));
        }
        let dir = self.open_dir(path, OFlags::PATH)?;
        let mut kept = self.kept();
        let protected = kept.locked.iter().any(|home| is_at_or_below(path, home));
        if !protected || kept.dirs.len() >= KEPT_DIRS {
            return Ok(DirFd::Below(dir));
        }
        let dir = Arc::new(dir);
        kept.dirs.insert(path.clone(), Arc::clone(&dir));
        Ok(DirFd::Kept(dir))
    }

    /// A directory to be listed or synced.
    pub(super) fn readable_dir(&self, path: &RelPath) -> Outcome<OwnedFd> {
        self.open_dir(path, OFlags::RDONLY)
    }

    fn open_dir(&self, path: &RelPath, access: OFlags) -> Outcome<OwnedFd> {
        let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let text = if path.is_root() { "." } else { path.as_str() };
        if self.openat2 {
            for _ in 0..RACE_TRIES {
                match beneath(self.fd(), text, flags) {
                    // Something was renamed while the kernel walked.
                    Err(Errno::AGAIN) => {}
                    opened => return Ok(opened?),
                }
            }
        }
        self.walk(path, flags)
    }

    /// Name by name; each must be a directory and no link.
    fn walk(&self, path: &RelPath, last_flags: OFlags) -> Outcome<OwnedFd> {
        let on_the_way = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut names = path.names().peekable();
        let Some(first) = names.next() else {
            return Ok(retry(|| {
                fs::openat(&self.fd, ".", last_flags, Mode::empty())
            })?);
        };
        let flags_for = |last: bool| if last { last_flags } else { on_the_way };
        let mut dir = step(self.fd(), first, flags_for(names.peek().is_none()))?;
        while let Some(name) = names.next() {
            dir = step(dir.as_fd(), name, flags_for(names.peek().is_none()))?;
        }
        Ok(dir)
    }
}

fn is_at_or_below(path: &RelPath, whole: &RelPath) -> bool {
    whole.is_root()
        || path
            .as_str()
            .strip_prefix(whole.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the lock file at `lock` protects: the folder it stands in, and where that is the GLB of a
/// postoffice, the whole of it. Two domains of one server stand side by side, each with its own lock.
fn protected_by(lock: &RelPath) -> RelPath {
    let home = lock.parent().unwrap_or_default();
    match home.file_name() {
        Some(name) if name.eq_ignore_ascii_case("GLB") => home.parent().unwrap_or_default(),
        _ => home,
    }
}

fn beneath(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    // No O_NOFOLLOW: together with O_PATH it would hand out the link itself.
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    retry(|| fs::openat2(root, path, flags, Mode::empty(), resolve))
}

fn step(dir: BorrowedFd<'_>, name: &str, flags: OFlags) -> Outcome<OwnedFd> {
    match retry(|| fs::openat(dir, name, flags | OFlags::NOFOLLOW, Mode::empty())) {
        Err(errno @ (Errno::NOTDIR | Errno::LOOP)) => {
            // The kernel says "not a directory" of a link, too.
            let stat = fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let kind = match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => DiskErrorKind::LinkInPath,
                _ => DiskErrorKind::NotADirectory,
            };
            Err(Failure {
                kind,
                source: Some(errno.into()),
            })
        }
        opened => Ok(opened?),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn only_what_the_lock_protects_stays_open() {
        let place = tempfile::tempdir().unwrap();
        for dir in ["EX/DXADATA", "EX/MTADATA", "A/GLB", "A/NME"] {
            std::fs::create_dir_all(place.path().join(dir)).unwrap();
        }
        let root = Root::open(place.path(), true).unwrap();
        let kept = |path: &str| matches!(root.dir(&p(path)).unwrap(), DirFd::Kept(_));
        // The first time it is opened, the second time it is there.
        let stays = |path: &str| {
            kept(path);
            kept(path)
        };
        assert!(!stays("EX/DXADATA"));
        root.locked(&p("EX/DXADATA/TREE.LCK"));
        assert!(stays("EX/DXADATA") && !stays("EX/MTADATA") && !stays("EX") && !stays("A/NME"));
        root.locked(&p("A/GLB/TREE.LCK"));
        assert!(stays("A/NME") && stays("A") && !stays("EX/MTADATA"));
        root.unlocked(&p("EX/DXADATA/TREE.LCK"));
        assert!(!stays("EX/DXADATA") && stays("A/GLB"));
        root.unlocked(&p("A/GLB/TREE.LCK"));
        assert!(!stays("A/GLB"));
    }
}
