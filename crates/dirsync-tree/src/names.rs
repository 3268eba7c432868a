//! Look-up of names on disk.
//!
//! Everything above speaks of files by their documented upper-case names (`GLB/MASTER.GLB`). Trees
//! come from DOS, NetWare, Unix and archives, so the look-up folds ASCII: the exact name first, then
//! upper case, lower case, then one listing of the directory (Q103421, design section 2). Names that
//! we make are upper case (DEC-100).
//!
//! Two entries that fold to the same *core* file stop the tree; see [`core_duplicates`].

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use crate::disk::{Disk, DiskError, DiskErrorKind, EntryName};
use crate::path::RelPath;

/// A directory with more entries than this is searched anew for each name instead of remembered.
const CACHED_ENTRIES_LIMIT: usize = 20_000;

/// Remembers what look-ups found. One per opened tree; a rename by somebody else during a run is
/// not seen, but every open that follows fails cleanly.
#[derive(Debug, Default)]
pub struct Names {
    /// Directory on disk -> folded name -> name on disk; absent when the directory is too large.
    listings: Mutex<HashMap<RelPath, Listing>>,
    /// Documented directory -> directory on disk, for those that were found: nearly every look-up
    /// goes through one of a few dozen.
    dirs: Mutex<HashMap<RelPath, RelPath>>,
}

#[derive(Debug, Clone)]
enum Listing {
    Known(HashMap<String, String>),
    TooLarge,
}

impl Names {
    /// The path on disk for a documented path such as `GLB/MASTER.GLB`. Names that do not exist
    /// come back as given (upper case, as we would make them) below the directories that do.
    ///
    /// # Errors
    /// A disk error other than a missing entry.
    pub fn resolve(&self, disk: &dyn Disk, logical: &RelPath) -> Result<RelPath, DiskError> {
        let parent = logical.parent().unwrap_or_default();
        let known = self
            .dirs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&parent)
            .cloned();
        if let (Some(dir), Some(name)) = (&known, logical.file_name()) {
            let found = self.find(disk, dir, name)?;
            return dir.join(found.as_deref().unwrap_or(name)).map_err(|_| {
                DiskError::new(crate::disk::DiskOp::Stat, logical, DiskErrorKind::NotFound)
            });
        }
        let mut at = RelPath::root();
        let mut missing = false;
        for name in logical.names() {
            if !missing && !at.is_root() {
                self.remember_dir(logical, &at);
            }
            let found = if missing {
                None
            } else {
                self.find(disk, &at, name)?
            };
            missing = found.is_none();
            let name = found.as_deref().unwrap_or(name);
            at = at.join(name).map_err(|_| {
                DiskError::new(crate::disk::DiskOp::Stat, logical, DiskErrorKind::NotFound)
            })?;
        }
        Ok(at)
    }

    /// Remembers where the leading names of `logical` were found, as many as `at` has.
    fn remember_dir(&self, logical: &RelPath, at: &RelPath) {
        let mut dir = logical.clone();
        while dir.names().count() > at.names().count() {
            dir = dir.parent().unwrap_or_default();
        }
        self.dirs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(dir, at.clone());
    }

    fn find(
        &self,
        disk: &dyn Disk,
        dir: &RelPath,
        name: &str,
    ) -> Result<Option<String>, DiskError> {
        let upper = name.to_ascii_uppercase();
        let lower = name.to_ascii_lowercase();
        let mut tried: Vec<&str> = Vec::with_capacity(3);
        for candidate in [name, upper.as_str(), lower.as_str()] {
            if tried.contains(&candidate) {
                continue;
            }
            tried.push(candidate);
            if let Ok(path) = dir.join(candidate)
                && disk.stat(&path)?.is_some()
            {
                return Ok(Some(candidate.to_owned()));
            }
        }
        self.find_folded(disk, dir, &upper)
    }

    fn find_folded(
        &self,
        disk: &dyn Disk,
        dir: &RelPath,
        folded: &str,
    ) -> Result<Option<String>, DiskError> {
        {
            let listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
            match listings.get(dir) {
                Some(Listing::Known(names)) => {
                    // A name that was made since the listing has been found by the exact look-up.
                    return Ok(names.get(folded).cloned());
                }
                Some(Listing::TooLarge) => {
                    drop(listings);
                    return scan_for(disk, dir, folded);
                }
                None => {}
            }
        }
        let mut names: HashMap<String, String> = HashMap::new();
        let mut too_large = false;
        let result = disk.list(dir, &mut |entry| {
            if names.len() >= CACHED_ENTRIES_LIMIT {
                too_large = true;
                return ControlFlow::Break(());
            }
            if let EntryName::Plain(name) = entry.name {
                // The smallest of several spellings, so that the answer does not depend on the
                // order of the directory.
                names
                    .entry(name.to_ascii_uppercase())
                    .and_modify(|old| {
                        if name < *old {
                            old.clone_from(&name);
                        }
                    })
                    .or_insert(name);
            }
            ControlFlow::Continue(())
        });
        match result {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind,
                    DiskErrorKind::NotFound | DiskErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let answer = if too_large {
            scan_for(disk, dir, folded)?
        } else {
            names.get(folded).cloned()
        };
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        listings.insert(
            dir.clone(),
            if too_large {
                Listing::TooLarge
            } else {
                Listing::Known(names)
            },
        );
        Ok(answer)
    }

    /// Forgets everything, after names were changed.
    pub fn forget(&self) {
        self.dirs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.listings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

fn scan_for(disk: &dyn Disk, dir: &RelPath, folded: &str) -> Result<Option<String>, DiskError> {
    let mut found: Option<String> = None;
    disk.list(dir, &mut |entry| {
        if let EntryName::Plain(name) = entry.name
            && name.eq_ignore_ascii_case(folded)
            && found.as_ref().is_none_or(|old| name < *old)
        {
            found = Some(name);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Entries of `dir` that fold to the same name as another, restricted to `wanted` (upper case):
/// the two spellings that come first in byte order. Streams the directory; remembers only the
/// wanted names.
///
/// # Errors
/// A disk error; a missing directory has no duplicates.
pub fn core_duplicates(
    disk: &dyn Disk,
    dir: &RelPath,
    wanted: &[&str],
) -> Result<Option<(RelPath, RelPath)>, DiskError> {
    let mut seen: HashMap<String, Vec<String>> = HashMap::new();
    let result = disk.list(dir, &mut |entry| {
        if let EntryName::Plain(name) = entry.name {
            let folded = name.to_ascii_uppercase();
            if wanted.contains(&folded.as_str()) {
                seen.entry(folded).or_default().push(name);
            }
        }
        ControlFlow::Continue(())
    });
    match result {
        Ok(()) => {}
        Err(error)
            if matches!(
                error.kind,
                DiskErrorKind::NotFound | DiskErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let mut twice: Vec<Vec<String>> = seen.into_values().filter(|names| names.len() > 1).collect();
    for names in &mut twice {
        names.sort();
    }
    twice.sort();
    let Some(names) = twice.first() else {
        return Ok(None);
    };
    match (dir.join(&names[0]), dir.join(&names[1])) {
        (Ok(first), Ok(second)) => Ok(Some((first, second))),
        _ => Ok(None),
    }
}
