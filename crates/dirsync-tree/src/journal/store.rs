//! The journal's folder: its names, the pending commit, and what a writer does on opening.

use crate::disk::{Disk, DiskErrorKind, EntryName, ReadHandle};
use crate::error::TreeError;
use crate::lock::read_full;
use crate::path::RelPath;

use super::apply::{apply, verify};
use super::manifest::{Manifest, TABLE_LEN_LIMIT};

/// Name of the journal's folder below a domain's home.
pub const JOURNAL_DIR: &str = "JOURNAL";

const LAST_MAGIC: &[u8; 8] = b"DSJLAST1";
/// Bytes of `LAST`: magic, u64 number, CRC-32 of both.
pub(crate) const LAST_LEN: usize = 20;

/// Paths of one journal.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    pub(crate) dir: RelPath,
    pub(crate) commit: RelPath,
    pub(crate) commit_new: RelPath,
    pub(crate) last: RelPath,
    pub(crate) audit: RelPath,
    pub(crate) home: RelPath,
}

impl Journal {
    /// The journal below `home` (a path on disk).
    pub(crate) fn below(home: &RelPath) -> Result<Self, TreeError> {
        let dir = home.join(JOURNAL_DIR)?;
        Ok(Self {
            commit: dir.join("COMMIT")?,
            commit_new: dir.join("COMMIT.NEW")?,
            last: dir.join("LAST")?,
            audit: dir.join("AUDIT.LOG")?,
            dir,
            home: home.clone(),
        })
    }

    /// The staged file number `n`.
    pub(crate) fn stage(&self, n: u32) -> Result<RelPath, TreeError> {
        Ok(self.dir.join(&format!("S{n:07}.STG"))?)
    }
}

/// The bytes of `LAST`.
pub(crate) fn encode_last(transaction: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(LAST_LEN);
    out.extend_from_slice(LAST_MAGIC);
    out.extend_from_slice(&transaction.to_le_bytes());
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

fn decode_last(bytes: &[u8]) -> Option<u64> {
    let head: &[u8; 8] = bytes.get(..8)?.try_into().ok()?;
    let number: [u8; 8] = bytes.get(8..16)?.try_into().ok()?;
    let crc: [u8; 4] = bytes.get(16..LAST_LEN)?.try_into().ok()?;
    (head == LAST_MAGIC && crc32fast::hash(&bytes[..16]) == u32::from_le_bytes(crc))
        .then(|| u64::from_le_bytes(number))
}

/// Number of the last commit; `None` when the file is missing or damaged.
pub(crate) fn read_last(disk: &dyn Disk, journal: &Journal) -> Result<Option<u64>, TreeError> {
    let tree = disk.describe();
    match disk.open_read(&journal.last) {
        Ok(file) => {
            let mut buf = [0u8; LAST_LEN];
            let n = read_full(file.as_ref(), &mut buf, 0)
                .map_err(|error| TreeError::disk(&tree, error))?;
            Ok(decode_last(&buf[..n]))
        }
        Err(error) if error.kind == DiskErrorKind::NotFound => Ok(None),
        Err(error) => Err(TreeError::disk(&tree, error)),
    }
}

/// A commit that has passed its commit point and is not finished, verified.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) manifest: Manifest,
    /// The manifest file, which holds the payload.
    pub(crate) file: Box<dyn ReadHandle>,
}

impl Pending {
    /// Reads and verifies the pending commit; `None` when there is none.
    ///
    /// Nothing is changed. `tree_id` is that of the tree; a manifest of another tree, or one whose
    /// number does not follow the last commit, is damage: somebody copied files around.
    pub(crate) fn load(
        disk: &dyn Disk,
        journal: &Journal,
        tree_id: &[u8; 16],
    ) -> Result<Option<Self>, TreeError> {
        let tree = disk.describe();
        let damaged = |why: String| TreeError::JournalDamaged {
            tree: tree.clone(),
            why: format!("{}: {why}", journal.commit),
        };
        let file = match disk.open_read(&journal.commit) {
            Ok(file) => file,
            Err(error) if error.kind == DiskErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TreeError::disk(&tree, error)),
        };
        let stat = file.stat().map_err(|error| TreeError::disk(&tree, error))?;
        let mut head = [0u8; 16];
        read_full(file.as_ref(), &mut head, 0).map_err(|error| TreeError::disk(&tree, error))?;
        let table_len =
            Manifest::table_len(&head, stat.len).map_err(|error| damaged(error.to_string()))?;
        debug_assert!(table_len <= TABLE_LEN_LIMIT);
        let mut table = vec![0u8; usize::try_from(table_len).unwrap_or(usize::MAX)];
        let n = read_full(file.as_ref(), &mut table, 0)
            .map_err(|error| TreeError::disk(&tree, error))?;
        table.truncate(n);
        let manifest =
            Manifest::decode(&table, stat.len).map_err(|error| damaged(error.to_string()))?;
        if manifest.tree_id != *tree_id {
            return Err(damaged("it was written for another tree".into()));
        }
        if let Some(last) = read_last(disk, journal)?
            && manifest.transaction != last
            && Some(manifest.transaction) != last.checked_add(1)
        {
            return Err(damaged(format!(
                "its number is {}, the last commit was {last}",
                manifest.transaction
            )));
        }
        let pending = Self { manifest, file };
        verify(disk, journal, &pending)?;
        Ok(Some(pending))
    }
}

/// Finishes a pending commit, or removes what an unfinished one left. Only under the exclusive lock.
///
/// Returns the number of the commit that was finished.
pub(crate) fn recover(
    disk: &dyn Disk,
    journal: &Journal,
    tree_id: &[u8; 16],
) -> Result<Option<u64>, TreeError> {
    let tree = disk.describe();
    // A killed writer may have made the journal's folder without syncing its name. It must be
    // durable before a commit inside it is relied upon, so a writer always syncs it first.
    if disk
        .stat(&journal.dir)
        .map_err(|error| TreeError::disk(&tree, error))?
        .is_some()
    {
        disk.sync_dir(&journal.home)
            .map_err(|error| TreeError::disk(&tree, error))?;
    }
    if let Some(pending) = Pending::load(disk, journal, tree_id)? {
        apply(disk, journal, &pending).map_err(|error| TreeError::CommittedIncomplete {
            tree: tree.clone(),
            error,
        })?;
        sweep(disk, journal)?;
        return Ok(Some(pending.manifest.transaction));
    }
    sweep(disk, journal)?;
    Ok(None)
}

/// Removes staged files and an unfinished manifest. They mean nothing without `COMMIT`, so no
/// order is needed and nothing is synced: a leftover that comes back is swept again.
fn sweep(disk: &dyn Disk, journal: &Journal) -> Result<(), TreeError> {
    let tree = disk.describe();
    let mut leftovers: Vec<RelPath> = Vec::new();
    let result = disk.list(&journal.dir, &mut |entry| {
        if let EntryName::Plain(name) = entry.name {
            let staged = name.len() == 12 && name.starts_with('S') && name.ends_with(".STG");
            if (staged || name == "COMMIT.NEW")
                && let Ok(path) = journal.dir.join(&name)
            {
                leftovers.push(path);
            }
        }
        std::ops::ControlFlow::Continue(())
    });
    match result {
        Ok(()) => {}
        Err(error) if error.kind == DiskErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TreeError::disk(&tree, error)),
    }
    leftovers.sort();
    for path in leftovers {
        disk.unlink(&path)
            .map_err(|error| TreeError::disk(&tree, error))?;
    }
    Ok(())
}

/// Sets a commit that cannot be completed aside as `COMMIT.BAD` (or `.BAD2` …), so that the tree can
/// be opened again. What it had changed stays as it is. The last resort of `po-admin check --fix`.
///
/// Only under the exclusive lock.
///
/// # Errors
/// A disk error.
pub fn set_aside(disk: &dyn Disk, home: &RelPath) -> Result<RelPath, TreeError> {
    let tree = disk.describe();
    let journal = Journal::below(home)?;
    for n in 1u32..1000 {
        let name = if n == 1 {
            "COMMIT.BAD".to_owned()
        } else {
            format!("COMMIT.BAD{n}")
        };
        let to = journal.dir.join(&name)?;
        match disk.rename_noreplace(&journal.commit, &to) {
            Ok(()) => {
                disk.sync_dir(&journal.dir)
                    .map_err(|error| TreeError::disk(&tree, error))?;
                return Ok(to);
            }
            Err(error) if error.kind == DiskErrorKind::AlreadyExists => {}
            Err(error) => return Err(TreeError::disk(&tree, error)),
        }
    }
    Err(TreeError::JournalDamaged {
        tree,
        why: "a thousand commits were set aside already".into(),
    })
}
