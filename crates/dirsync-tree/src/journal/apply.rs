//! Verifying a pending commit and carrying it out. The same code runs right after the commit point
//! and after a crash, so it must be right to do any action again, see the crash argument in
//! [`super`].

use std::collections::BTreeSet;

use crate::disk::{Disk, DiskError, DiskErrorKind, DiskOp, DiskResult, EntryKind, ReadHandle};
use crate::error::TreeError;
use crate::lock::read_full;
use crate::path::RelPath;

use super::manifest::Action;
use super::store::{Journal, Pending};

const CHUNK: usize = 256 << 10;

/// CRC-32 of `len` bytes at `offset`; `None` when the file is shorter.
fn checksum(file: &dyn ReadHandle, offset: u64, len: u64) -> DiskResult<Option<u32>> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buf = vec![0u8; CHUNK.min(usize::try_from(len).unwrap_or(CHUNK))];
    let mut done = 0u64;
    while done < len {
        let want = usize::try_from((len - done).min(buf.len() as u64)).unwrap_or(CHUNK);
        let n = read_full(file, &mut buf[..want], offset.saturating_add(done))?;
        if n < want {
            return Ok(None);
        }
        hasher.update(&buf[..n]);
        done += n as u64;
    }
    Ok(Some(hasher.finalize()))
}

/// Whether the file at `path` has exactly this length and checksum.
fn is_exactly(disk: &dyn Disk, path: &RelPath, len: u64, crc: u32) -> DiskResult<bool> {
    match disk.stat(path)? {
        Some(stat) if stat.kind == EntryKind::File && stat.len == len => {
            let file = disk.open_read(path)?;
            Ok(checksum(file.as_ref(), 0, len)? == Some(crc))
        }
        _ => Ok(false),
    }
}

/// Checks that a pending commit can be carried out, or has been in part, and that nothing else
/// happened to its targets. Changes nothing.
pub(super) fn verify(
    disk: &dyn Disk,
    journal: &Journal,
    pending: &Pending,
) -> Result<(), TreeError> {
    let tree = disk.describe();
    let io = |error: DiskError| TreeError::disk(&tree, error);
    let refuse = |why: String| {
        Err(TreeError::JournalDamaged {
            tree: tree.clone(),
            why,
        })
    };
    for (path, action) in &pending.manifest.entries {
        match action {
            Action::Replace { stage, len, crc } => {
                let staged = journal.stage(*stage)?;
                let ready = match disk.stat(&staged).map_err(io)? {
                    Some(_) => is_exactly(disk, &staged, *len, *crc).map_err(io)?,
                    // Renamed already: then the target is that file.
                    None => is_exactly(disk, path, *len, *crc).map_err(io)?,
                };
                if !ready {
                    return refuse(format!(
                        "the new content of {path} is neither staged nor in place"
                    ));
                }
            }
            Action::Extents {
                len_before,
                len_after,
                extents,
            } => {
                for extent in extents {
                    let sum = checksum(pending.file.as_ref(), extent.payload_at, extent.len)
                        .map_err(io)?;
                    if sum != Some(extent.crc) {
                        return refuse(format!(
                            "the bytes for offset {} of {path} do not have their checksum",
                            extent.offset
                        ));
                    }
                }
                let low = *len_before.min(len_after);
                let high = *len_before.max(len_after);
                match disk.stat(path).map_err(io)? {
                    Some(stat) if stat.kind == EntryKind::File => {
                        if stat.len < low || stat.len > high {
                            return refuse(format!(
                                "{path} has {} bytes, between {low} and {high} were expected",
                                stat.len
                            ));
                        }
                    }
                    _ => return refuse(format!("{path} is not there any more")),
                }
            }
            Action::Mkdir => match disk.stat(path).map_err(io)? {
                None => {}
                Some(stat) if stat.kind == EntryKind::Dir => {}
                Some(stat) => {
                    return refuse(format!(
                        "{path} should become a directory and is {}",
                        stat.kind.word()
                    ));
                }
            },
            Action::Remove => {
                if let Some(stat) = disk.stat(path).map_err(io)?
                    && stat.kind == EntryKind::Dir
                {
                    return refuse(format!("{path} should be removed and is a directory"));
                }
            }
            Action::Rmdir => {
                if let Some(stat) = disk.stat(path).map_err(io)?
                    && stat.kind != EntryKind::Dir
                {
                    return refuse(format!("{path} should be removed and is no directory"));
                }
            }
            Action::Move { to } => {
                let from_there = disk.stat(path).map_err(io)?.is_some();
                let to_there = disk.stat(to).map_err(io)?.is_some();
                if from_there == to_there {
                    return refuse(format!(
                        "{path} should get the name {to}, and {} there",
                        if from_there { "both are" } else { "neither is" }
                    ));
                }
            }
        }
    }
    Ok(())
}

fn parent(path: &RelPath) -> RelPath {
    path.parent().unwrap_or_default()
}

/// Carries a verified commit out, makes it durable and removes `COMMIT`.
pub(super) fn apply(disk: &dyn Disk, journal: &Journal, pending: &Pending) -> DiskResult<()> {
    let entries = &pending.manifest.entries;
    let mut changed_files: Vec<RelPath> = Vec::new();
    let mut changed_dirs: BTreeSet<RelPath> = BTreeSet::new();

    // Directories first, parents before children (the entries are ordered by path).
    for (path, action) in entries {
        if matches!(action, Action::Mkdir) {
            match disk.mkdir(path) {
                Ok(()) => {}
                Err(error) if error.kind == DiskErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            // Also when it was there: an earlier attempt may have made it without syncing.
            changed_dirs.insert(parent(path));
            changed_dirs.insert(path.clone());
        }
    }
    // A rename is one change of two directories. If it survives a power cut and the new directory
    // it leads into does not, the file is gone from both. So new directories are durable before
    // anything is renamed into them.
    for dir in &changed_dirs {
        disk.sync_dir(dir)?;
    }
    // Moves before replacements: a replacement may put a new file where a moved one stood.
    for (path, action) in entries {
        if let Action::Move { to } = action {
            match disk.rename_noreplace(path, to) {
                Ok(()) => {}
                Err(error) if error.kind == DiskErrorKind::NotFound && disk.stat(to)?.is_some() => {
                }
                Err(error) => return Err(error),
            }
            changed_dirs.insert(parent(path));
            changed_dirs.insert(parent(to));
        }
    }
    for (path, action) in entries {
        match action {
            Action::Extents {
                len_after, extents, ..
            } => {
                write_extents(disk, pending.file.as_ref(), path, *len_after, extents)?;
                changed_files.push(path.clone());
            }
            Action::Replace { stage, .. } => {
                let staged = journal
                    .stage(*stage)
                    .map_err(|_| DiskError::new(DiskOp::Rename, path, DiskErrorKind::Io))?;
                match disk.rename(&staged, path) {
                    Ok(()) => {}
                    // Verified before: the target is the staged file already.
                    Err(error)
                        if error.kind == DiskErrorKind::NotFound && disk.stat(path)?.is_some() => {}
                    Err(error) => return Err(error),
                }
                changed_dirs.insert(parent(path));
            }
            _ => {}
        }
    }
    // Removals last: files, then directories, children before parents.
    let mut removed: Vec<RelPath> = Vec::new();
    for (path, action) in entries {
        if matches!(action, Action::Remove) {
            removed.push(path.clone());
            changed_dirs.insert(parent(path));
        }
    }
    disk.unlink_group(&removed)?;
    for (path, action) in entries.iter().rev() {
        if matches!(action, Action::Rmdir) {
            match disk.rmdir(path) {
                Ok(()) => {}
                Err(error) if error.kind == DiskErrorKind::NotFound => {}
                // After the commit point another program may put a file into it. That file is not
                // ours to remove, and a redo would fail for ever: the directory stays with it.
                Err(error) if error.kind == DiskErrorKind::NotEmpty => {}
                Err(error) => return Err(error),
            }
            changed_dirs.remove(path);
            changed_dirs.insert(parent(path));
        }
    }

    if !changed_files.is_empty() {
        disk.sync_group(&changed_files)?;
    }
    for dir in &changed_dirs {
        disk.sync_dir(dir)?;
    }
    // Everything is durable: the commit has done its work. If the unlink does not survive a
    // crash, the redo finds every action done.
    match disk.unlink(&journal.commit) {
        Ok(()) => {}
        Err(error) if error.kind == DiskErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    disk.sync_dir(&journal.dir)
}

fn write_extents(
    disk: &dyn Disk,
    payload: &dyn ReadHandle,
    path: &RelPath,
    len_after: u64,
    extents: &[super::manifest::ManifestExtent],
) -> DiskResult<()> {
    let mut file = disk.open_write(path)?;
    if file.stat()?.len > len_after {
        file.set_len(len_after)?;
    }
    let mut buf = vec![0u8; CHUNK];
    for extent in extents {
        let mut done = 0u64;
        while done < extent.len {
            let want = usize::try_from((extent.len - done).min(CHUNK as u64)).unwrap_or(CHUNK);
            let n = read_full(payload, &mut buf[..want], extent.payload_at + done)?;
            if n < want {
                return Err(DiskError::new(DiskOp::ReadAt, path, DiskErrorKind::Io));
            }
            file.write_at(&buf[..n], extent.offset + done)?;
            done += n as u64;
        }
    }
    if file.stat()?.len != len_after {
        file.set_len(len_after)?;
    }
    Ok(())
}
