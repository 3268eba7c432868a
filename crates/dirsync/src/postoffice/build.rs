//! A new tree appears at once or not at all.
//!
//! It is built beside its place, as `.NAME.init-<8 hexadecimal digits>`, and renamed when every
//! byte and every name in it is durable. While it is built, its own lock file (`GLB/TREE.LCK`) is
//! held: so the next build for the same place can tell the leavings of a crash from work that
//! goes on. It removes the former, file by file as it would have made them and nothing else, and
//! waits for the latter.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::core::format::fresh::FreshTree;
use crate::tree::disk::{
    Attrs, Disk, DiskError, DiskErrorKind, EntryKind, EntryName, LockGuard, LockKind,
};
use crate::tree::lock::{Holder, acquire};
use crate::tree::{RelPath, TreeError};

use super::error::PoError;

/// Mode of files that are read-only by design.
const READ_ONLY_MODE: u32 = 0o444;
/// Names that are tried before giving up.
const NAME_TRIES: u32 = 16;
/// What stands between the name of the place and the digits.
const INFIX: &str = ".init-";

/// How to build.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// How long to wait for another build of the same place.
    pub wait: Duration,
    /// Who we are, for the lock file.
    pub holder: Holder,
    /// A random number, for the name of the directory that is built in.
    pub seed: u32,
}

/// What was found of builds before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leavings {
    /// Names beside the place that were removed.
    pub swept: Vec<String>,
    /// Names that were left, because they hold something that no build made.
    pub left: Vec<String>,
}

/// What stands at a place where a tree shall be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Missing,
    /// An empty directory.
    EmptyDir,
}

/// Looks at the place `name` in `parent`.
///
/// # Errors
/// [`PoError::TargetExists`] when it is neither missing nor an empty directory,
/// [`PoError::BadName`], or a disk error.
pub fn look_at_place(parent: &dyn Disk, name: &str) -> Result<Place, PoError> {
    let path = place_path(name)?;
    let exists = |what: String| PoError::TargetExists {
        target: describe(parent, name),
        what,
    };
    match parent.stat(&path).map_err(|error| io(parent, error))? {
        None => Ok(Place::Missing),
        Some(stat) if stat.kind == EntryKind::Dir => {
            let mut first = None;
            parent
                .list(&path, &mut |entry| {
                    first = Some(entry.name);
                    ControlFlow::Break(())
                })
                .map_err(|error| io(parent, error))?;
            match first {
                None => Ok(Place::EmptyDir),
                Some(EntryName::Plain(entry) | EntryName::Strange(entry)) => Err(exists(format!(
                    "the directory is not empty (it holds {entry:?})"
                ))),
            }
        }
        Some(stat) => Err(exists(format!("it is {}", stat.kind.word()))),
    }
}

/// Makes `tree` at the place `name` in `parent`, wholly or not at all.
///
/// # Errors
/// [`PoError::TargetExists`], also when somebody else was faster; [`TreeError::Busy`] when another
/// build of the same place goes on; a disk error. After an error nothing stands at the place that
/// did not stand there before, except when the last sync failed: the message says so.
pub fn build(
    parent: &Arc<dyn Disk>,
    name: &str,
    tree: &FreshTree,
    lock: &str,
    options: &BuildOptions,
) -> Result<Leavings, PoError> {
    let disk = parent.as_ref();
    look_at_place(disk, name)?;
    let leavings = sweep(disk, name, tree, lock, options.wait)?;
    // Whoever we waited for may have made it.
    look_at_place(disk, name)?;
    let (site, mut guard) = claim(disk, name, lock, options)?;
    // Information only, as everywhere.
    let _ = guard.set_note(options.holder.note().as_bytes());
    match fill(disk, &site, tree, lock).and_then(|()| publish(disk, &site, name)) {
        Ok(()) => Ok(leavings),
        Err(error) => {
            // Best effort: what stays is swept by the next build.
            let _ = remove(disk, &site, tree, lock);
            drop(guard);
            Err(error)
        }
    }
}

/// Makes the directory that is built in, and holds its lock.
fn claim(
    disk: &dyn Disk,
    name: &str,
    lock: &str,
    options: &BuildOptions,
) -> Result<(RelPath, Box<dyn LockGuard>), PoError> {
    let lock_dir = RelPath::new(lock)
        .map_err(TreeError::from)?
        .parent()
        .unwrap_or_default();
    for attempt in 0..NAME_TRIES {
        let digits = options.seed.wrapping_add(attempt.wrapping_mul(0x9E37_79B9));
        let site = place_path(&format!(".{name}{INFIX}{digits:08x}"))?;
        // Between making a directory and holding its lock a build that sweeps may take ours for
        // leavings: it then holds the lock, or has removed the directory. Both mean another name.
        let steps = || -> Result<Option<Box<dyn LockGuard>>, DiskError> {
            disk.mkdir(&site)?;
            if !lock_dir.is_root() {
                disk.mkdir(&below(&site, lock_dir.as_str())?)?;
            }
            let guard = disk.try_lock(&below(&site, lock)?, LockKind::Exclusive, true)?;
            match guard {
                Some(guard) if guard.still_named()? => Ok(Some(guard)),
                _ => Ok(None),
            }
        };
        match steps() {
            Ok(Some(guard)) => return Ok((site, guard)),
            Ok(None) => {}
            Err(error)
                if matches!(
                    error.kind,
                    DiskErrorKind::AlreadyExists | DiskErrorKind::NotFound
                ) => {}
            Err(error) => return Err(io(disk, error)),
        }
    }
    Err(TreeError::Busy {
        tree: describe(disk, name),
        holder: "other programs make the same tree again and again".into(),
    }
    .into())
}

/// Makes all directories and files and makes them durable.
fn fill(disk: &dyn Disk, site: &RelPath, tree: &FreshTree, lock: &str) -> Result<(), PoError> {
    let fill = || -> Result<(), DiskError> {
        let lock_dir = lock.rsplit_once('/').map_or("", |(dir, _)| dir);
        let mut dirs = vec![site.clone()];
        for dir in &tree.directories {
            let path = below(site, dir)?;
            if *dir != lock_dir {
                disk.mkdir(&path)?;
            }
            dirs.push(path);
        }
        let mut files = vec![below(site, lock)?];
        for file in &tree.files {
            let path = below(site, &file.path)?;
            let mut handle = disk.create_new(&path)?;
            if !file.bytes.is_empty() {
                handle.write_at(&file.bytes, 0)?;
            }
            if file.read_only {
                handle.set_attrs(&Attrs {
                    mode: Some(READ_ONLY_MODE),
                    owner: None,
                })?;
            }
            files.push(path);
        }
        // First the bytes of all files, then the names: a directory's names are durable only when
        // the directory is synced itself, so every directory is, the children before the parents
        // and the directory that is built in last. From here on a power cut leaves either the
        // whole tree under its working name, or (that name is not durable yet) nothing of it.
        disk.sync_group(&files)?;
        for dir in dirs.iter().rev() {
            disk.sync_dir(dir)?;
        }
        Ok(())
    };
    fill().map_err(|error| io(disk, error))
}

/// Gives the tree its name.
///
/// The crash argument: all that the tree holds is durable before this rename, and a rename is
/// atomic, so whatever reaches the medium and when, the place holds what it held before or the
/// whole tree. Until the parent is synced a power cut may undo the rename: then the working
/// directory is there again (or not even that), the place is as before, and the next build sweeps.
/// After the sync the tree stays. A directory renamed over another one replaces it only if it is
/// empty, which the system checks in the same step: so two builds of one place, or somebody who
/// puts a file into the directory at the last moment, cannot lose anything.
fn publish(disk: &dyn Disk, site: &RelPath, name: &str) -> Result<(), PoError> {
    let place = place_path(name)?;
    let renamed = match look_at_place(disk, name)? {
        Place::Missing => match disk.rename_noreplace(site, &place) {
            Err(error) if error.kind == DiskErrorKind::Unsupported => disk.rename(site, &place),
            other => other,
        },
        Place::EmptyDir => disk.rename(site, &place),
    };
    renamed.map_err(|error| match error.kind {
        DiskErrorKind::AlreadyExists | DiskErrorKind::NotEmpty | DiskErrorKind::NotADirectory => {
            PoError::TargetExists {
                target: describe(disk, name),
                what: "it appeared while the tree was built".into(),
            }
        }
        _ => io(disk, error),
    })?;
    disk.sync_dir(&RelPath::root())
        .map_err(|error| PoError::NotDurable {
            target: describe(disk, name),
            error,
        })
}

/// Removes what crashed builds of the same place left.
fn sweep(
    disk: &dyn Disk,
    name: &str,
    tree: &FreshTree,
    lock: &str,
    wait: Duration,
) -> Result<Leavings, PoError> {
    let mut leavings = Leavings::default();
    for found in working_names(disk, name)? {
        let site = place_path(&found)?;
        let lock_path = below(&site, lock).map_err(|error| io(disk, error))?;
        let mut guard = acquire(disk, &lock_path, LockKind::Exclusive, wait, false)
            .map_err(|error| busy_with(disk, name, error))?;
        if guard.is_none() {
            // No lock file: a build that has just begun, or one that crashed there. Whoever makes
            // and holds the lock file first has the directory.
            if let Some(parent) = lock_path.parent() {
                match disk.mkdir(&parent) {
                    Ok(()) => {}
                    Err(error) if error.kind == DiskErrorKind::AlreadyExists => {}
                    Err(error) if error.kind == DiskErrorKind::NotFound => continue,
                    Err(error) => return Err(io(disk, error)),
                }
            }
            guard = match disk.try_lock(&lock_path, LockKind::Exclusive, true) {
                Ok(guard) => guard,
                Err(error) if error.kind == DiskErrorKind::NotFound => continue,
                Err(error) => return Err(io(disk, error)),
            };
        }
        let Some(guard) = guard else { continue };
        if !guard.still_named().map_err(|error| io(disk, error))? {
            continue;
        }
        match remove(disk, &site, tree, lock) {
            Ok(()) => leavings.swept.push(found),
            Err(_) => leavings.left.push(found),
        }
    }
    Ok(leavings)
}

/// The directories beside `name` that builds of it may have left, sorted.
fn working_names(disk: &dyn Disk, name: &str) -> Result<Vec<String>, PoError> {
    let mut found = Vec::new();
    disk.list(&RelPath::root(), &mut |entry| {
        if let EntryName::Plain(entry_name) = entry.name
            && entry.kind == EntryKind::Dir
            && is_working_name(&entry_name, name)
        {
            found.push(entry_name);
        }
        ControlFlow::Continue(())
    })
    .map_err(|error| io(disk, error))?;
    found.sort();
    Ok(found)
}

fn is_working_name(entry: &str, name: &str) -> bool {
    entry
        .strip_prefix('.')
        .and_then(|rest| rest.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix(INFIX))
        .is_some_and(|digits| {
            digits.len() == 8
                && digits
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        })
}

/// Removes exactly what a build makes, the lock file last: while it is there and held, nobody else
/// takes the directory. Something else in a directory keeps that directory.
fn remove(disk: &dyn Disk, site: &RelPath, tree: &FreshTree, lock: &str) -> Result<(), DiskError> {
    let gone = |result: Result<(), DiskError>| match result {
        Err(error) if error.kind != DiskErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let lock_dir = lock.rsplit_once('/').map_or("", |(dir, _)| dir);
    for file in &tree.files {
        gone(disk.unlink(&below(site, &file.path)?))?;
    }
    for dir in tree.directories.iter().rev() {
        if *dir != lock_dir {
            gone(disk.rmdir(&below(site, dir)?))?;
        }
    }
    gone(disk.unlink(&below(site, lock)?))?;
    if !lock_dir.is_empty() {
        gone(disk.rmdir(&below(site, lock_dir)?))?;
    }
    gone(disk.rmdir(site))
}

fn place_path(name: &str) -> Result<RelPath, PoError> {
    RelPath::root()
        .join(name)
        .map_err(|error| PoError::BadName {
            name: name.to_owned(),
            why: error.why.to_owned(),
        })
}

/// `path` (names separated by `/`) below `site`.
fn below(site: &RelPath, path: &str) -> Result<RelPath, DiskError> {
    RelPath::new(&format!("{site}/{path}")).map_err(|_| {
        DiskError::new(
            crate::tree::disk::DiskOp::Stat,
            site,
            DiskErrorKind::Unsupported,
        )
    })
}

fn describe(parent: &dyn Disk, name: &str) -> String {
    let parent = parent.describe();
    format!("{}/{name}", parent.trim_end_matches('/'))
}

fn io(disk: &dyn Disk, error: DiskError) -> PoError {
    TreeError::disk(&disk.describe(), error).into()
}

/// Busy with the place and not with the directory around it.
fn busy_with(disk: &dyn Disk, name: &str, error: TreeError) -> PoError {
    match error {
        TreeError::Busy { holder, .. } => TreeError::Busy {
            tree: describe(disk, name),
            holder,
        }
        .into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::format::fresh::FreshFile;
    use crate::tree::disk::mem::MemDisk;

    fn p(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    // Two builds of one place, or a file put into the empty directory at the last moment.
    #[test]
    fn whoever_comes_second_loses_and_leaves_nothing() {
        let tree = FreshTree {
            directories: vec!["GLB".to_owned(), "GLB/X".to_owned()],
            files: vec![FreshFile {
                path: "GLB/X/FILE".into(),
                bytes: vec![1],
                read_only: false,
            }],
        };
        let lock = "GLB/TREE.LCK";
        let options = BuildOptions {
            wait: Duration::ZERO,
            holder: Holder::default(),
            seed: 5,
        };
        let disk = MemDisk::new();
        let (site, _guard) = claim(&disk, "A", lock, &options).unwrap();
        fill(&disk, &site, &tree, lock).unwrap();
        disk.add_file(&p("A/MINE"), b"mine").unwrap();
        let error = publish(&disk, &site, "A").unwrap_err();
        assert!(matches!(error, PoError::TargetExists { .. }), "{error}");
        // The rename itself refuses as well, whatever the look before it saw.
        assert!(disk.rename_noreplace(&site, &p("A")).is_err());
        assert!(disk.rename(&site, &p("A")).is_err());
        remove(&disk, &site, &tree, lock).unwrap();
        let left: Vec<String> = disk.snapshot().into_keys().collect();
        assert_eq!(left, ["A", "A/MINE"]);
    }

    #[test]
    fn a_taken_working_name_is_not_touched() {
        let disk = MemDisk::new();
        let lock = "GLB/TREE.LCK";
        let options = BuildOptions {
            wait: Duration::ZERO,
            holder: Holder::default(),
            seed: 5,
        };
        let (first, _guard) = claim(&disk, "A", lock, &options).unwrap();
        let (second, _other) = claim(&disk, "A", lock, &options).unwrap();
        assert_eq!(first, p(".A.init-00000005"));
        assert_ne!(first, second);
    }
}
