//! What readers see while a commit is pending: the tree as it will be when the commit is completed.
//!
//! A reader never writes, so it cannot finish a commit that a crashed writer left. It reads through
//! this overlay instead. Every action may have been carried out already, wholly or in part; since all
//! are absolute, looking through the overlay gives the same answer in every such state.

use std::collections::{BTreeMap, BTreeSet};

use crate::disk::{Disk, DiskErrorKind, DiskResult};
use crate::error::TreeError;
use crate::path::RelPath;

use super::manifest::{Action, ManifestExtent};
use super::store::{Journal, Pending};

/// Where the committed content of a path stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Located {
    /// At this path on disk (maybe another one than asked for).
    Base(RelPath),
    /// At this path on disk, with these extents over it and this length.
    Patched {
        base: RelPath,
        len: u64,
        extents: Vec<ManifestExtent>,
    },
    /// A directory that the commit makes; on disk it may be missing still.
    NewDir,
    /// Nowhere.
    Absent,
}

/// The actions of a pending commit, by path.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    actions: BTreeMap<RelPath, Action>,
    /// Target of a move -> where it came from.
    moved_in: BTreeMap<RelPath, RelPath>,
    journal: Option<Journal>,
}

impl Overlay {
    /// The overlay of a pending commit.
    pub(crate) fn new(journal: &Journal, pending: &Pending) -> Self {
        let mut actions = BTreeMap::new();
        let mut moved_in = BTreeMap::new();
        for (path, action) in &pending.manifest.entries {
            if let Action::Move { to } = action {
                moved_in.insert(to.clone(), path.clone());
            }
            actions.insert(path.clone(), action.clone());
        }
        Self {
            actions,
            moved_in,
            journal: Some(journal.clone()),
        }
    }

    /// Where the committed content of `path` stands.
    pub(crate) fn locate(&self, disk: &dyn Disk, path: &RelPath) -> Result<Located, TreeError> {
        if self.actions.is_empty() {
            return Ok(Located::Base(path.clone()));
        }
        let io = |error| TreeError::disk(&disk.describe(), error);
        match self.actions.get(path) {
            Some(Action::Replace { stage, .. }) => {
                let Some(journal) = &self.journal else {
                    return Ok(Located::Base(path.clone()));
                };
                let staged = journal.stage(*stage)?;
                // Renamed already: then the target is that file.
                return Ok(Located::Base(
                    if disk.stat(&staged).map_err(io)?.is_some() {
                        staged
                    } else {
                        path.clone()
                    },
                ));
            }
            Some(Action::Extents {
                len_after, extents, ..
            }) => {
                return Ok(Located::Patched {
                    base: path.clone(),
                    len: *len_after,
                    extents: extents.clone(),
                });
            }
            Some(Action::Remove | Action::Rmdir | Action::Move { .. }) => {
                return Ok(Located::Absent);
            }
            Some(Action::Mkdir) => {
                return Ok(if disk.stat(path).map_err(io)?.is_some() {
                    Located::Base(path.clone())
                } else {
                    Located::NewDir
                });
            }
            None => {}
        }
        // A path at or below a moved entry, by its new or its old name.
        let mut at = Some(path.clone());
        while let Some(prefix) = at {
            if let Some(from) = self.moved_in.get(&prefix) {
                if disk.stat(from).map_err(io)?.is_none() {
                    return Ok(Located::Base(path.clone()));
                }
                let rest = path.as_str().get(prefix.as_str().len()..).unwrap_or("");
                return Ok(Located::Base(RelPath::new(&format!(
                    "{}{rest}",
                    from.as_str()
                ))?));
            }
            if prefix != *path && matches!(self.actions.get(&prefix), Some(Action::Move { .. })) {
                return Ok(Located::Absent);
            }
            at = prefix.parent();
        }
        // Below a directory that the commit makes and that is not there yet, everything not named
        // in the commit is absent; the disk says so by itself.
        Ok(Located::Base(path.clone()))
    }

    /// Names that the commit adds to or takes from `dir`.
    pub(crate) fn names_in(&self, dir: &RelPath) -> NameChanges {
        let mut changes = NameChanges::default();
        let child = |path: &RelPath| {
            (path.parent().as_ref() == Some(dir))
                .then(|| path.file_name().map(str::to_owned))
                .flatten()
        };
        for (path, action) in &self.actions {
            match action {
                Action::Remove | Action::Rmdir | Action::Move { .. } => {
                    changes.gone.extend(child(path));
                }
                Action::Replace { .. } | Action::Mkdir => changes.added.extend(child(path)),
                Action::Extents { .. } => {}
            }
        }
        for to in self.moved_in.keys() {
            changes.added.extend(child(to));
        }
        changes
    }
}

/// How a pending commit changes the listing of one directory.
#[derive(Debug, Default)]
pub(crate) struct NameChanges {
    pub(crate) added: BTreeSet<String>,
    pub(crate) gone: BTreeSet<String>,
}

/// Reads from a base file with extents over it. Bytes between the base's end and `len` are zero.
pub(crate) fn read_patched(
    base: &dyn crate::disk::ReadHandle,
    payload: &dyn crate::disk::ReadHandle,
    len: u64,
    extents: &[ManifestExtent],
    buf: &mut [u8],
    offset: u64,
) -> DiskResult<usize> {
    if offset >= len {
        return Ok(0);
    }
    let want = usize::try_from(len - offset)
        .unwrap_or(usize::MAX)
        .min(buf.len());
    let buf = &mut buf[..want];
    let got = crate::lock::read_full(base, buf, offset)?;
    buf[got..].fill(0);
    let end = offset + want as u64;
    for extent in extents {
        let from = extent.offset.max(offset);
        let to = (extent.offset + extent.len).min(end);
        if from >= to {
            continue;
        }
        let (Ok(start), Ok(stop)) = (usize::try_from(from - offset), usize::try_from(to - offset))
        else {
            continue;
        };
        let part = &mut buf[start..stop];
        let n = crate::lock::read_full(payload, part, extent.payload_at + (from - extent.offset))?;
        if n < part.len() {
            return Err(crate::disk::DiskError::new(
                crate::disk::DiskOp::ReadAt,
                &RelPath::root(),
                DiskErrorKind::Io,
            ));
        }
    }
    Ok(want)
}
