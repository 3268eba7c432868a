//! Making a commit: steps 1 to 5 of the crash argument in [`super`].

use std::fmt::Write as _;

use dirsync_core::base::time::UnixTime;

use crate::command::Command;
use crate::disk::{Attrs, Disk, DiskError, DiskErrorKind, EntryKind};
use crate::error::TreeError;
use crate::lock::read_full;
use crate::path::RelPath;

use super::apply::apply;
use super::manifest::{Action, Manifest, ManifestExtent};
use super::plan::{Plan, Step};
use super::store::{Journal, LAST_LEN, Pending, encode_last};

/// `AUDIT.LOG` is cut to its newest half when it exceeds this many bytes.
const AUDIT_LEN_LIMIT: u64 = 4 << 20;

/// What a commit says about itself in the audit log.
#[derive(Debug, Clone)]
pub struct CommitInfo {
    /// The command that makes it.
    pub command: Command,
    /// The user of the operating system.
    pub user: String,
    /// The time, from the one clock for data.
    pub now: UnixTime,
    /// Counts worth keeping, for example `fixed` 3. Never secrets.
    pub counts: Vec<(&'static str, u64)>,
}

/// A commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its number; commits of a domain count upwards from 1.
    pub transaction: u64,
    /// Number of targets the plan had.
    pub steps: usize,
    /// Bytes the plan wrote.
    pub payload_bytes: u64,
}

/// What a writer remembers between commits.
#[derive(Debug)]
pub(crate) struct JournalState {
    pub(crate) journal: Journal,
    pub(crate) tree_id: [u8; 16],
    pub(crate) last: u64,
}

/// How far a commit got when it failed.
enum Failed {
    /// Before the commit point: nothing happened.
    Before(TreeError),
    /// At the commit point: not known.
    At(DiskError),
    /// After it: the next run completes it.
    After(DiskError),
}

/// Makes one commit. `Err((error, poisoned))`: `poisoned` says that the tree may hold a pending commit.
pub(crate) fn commit(
    disk: &dyn Disk,
    state: &mut JournalState,
    plan: &Plan,
    info: &CommitInfo,
) -> Result<Committed, (TreeError, bool)> {
    let tree = disk.describe();
    match try_commit(disk, state, plan, info) {
        Ok(done) => {
            state.last = done.transaction;
            Ok(done)
        }
        Err(Failed::Before(error)) => Err((error, false)),
        Err(Failed::At(error)) => Err((TreeError::CommitUnknown { tree, error }, true)),
        Err(Failed::After(error)) => Err((TreeError::CommittedIncomplete { tree, error }, true)),
    }
}

fn try_commit(
    disk: &dyn Disk,
    state: &JournalState,
    plan: &Plan,
    info: &CommitInfo,
) -> Result<Committed, Failed> {
    let tree = disk.describe();
    let io = |error: DiskError| Failed::Before(TreeError::disk(&tree, error));
    let journal = &state.journal;
    let transaction = state.last.checked_add(1).ok_or_else(|| {
        Failed::Before(TreeError::JournalDamaged {
            tree: tree.clone(),
            why: "commit numbers are used up".into(),
        })
    })?;
    prepare_dir(disk, journal, state.last).map_err(io)?;

    let steps = plan.len();
    let payload_bytes = plan.payload_bytes();
    // The caller's plan may hold a whole address list; it is not copied.
    let own = own_steps(disk, journal, info, transaction, steps, payload_bytes)
        .map_err(Failed::Before)?;
    if let Some((path, _)) = own.steps().find(|(path, _)| plan.step(path).is_some()) {
        return Err(Failed::Before(
            super::plan::PlanError::Twice(path.clone()).into(),
        ));
    }

    // Step 1: look at every target, reserve space.
    let mut attrs = inspect(disk, &tree, plan).map_err(Failed::Before)?;
    attrs.extend(inspect(disk, &tree, &own).map_err(Failed::Before)?);

    // Step 2: staged files and the manifest, durable under names without meaning.
    let mut staged: Vec<RelPath> = Vec::new();
    let all: Vec<(&RelPath, &Step)> = plan.steps().chain(own.steps()).collect();
    let written = write_down(disk, state, &all, &attrs, transaction, &mut staged);
    if let Err(error) = written {
        discard(disk, journal, &staged);
        return Err(Failed::Before(error));
    }

    // Step 3: the commit point.
    if let Err(error) = disk.rename(&journal.commit_new, &journal.commit) {
        discard(disk, journal, &staged);
        return Err(io(error));
    }
    disk.sync_dir(&journal.dir).map_err(Failed::At)?;

    // Steps 4 and 5. The pending commit is read back from the disk, so that what is carried out is
    // what a redo would carry out.
    let pending = match Pending::load(disk, journal, &state.tree_id) {
        Ok(Some(pending)) => pending,
        Ok(None) => {
            return Err(Failed::After(DiskError::new(
                crate::disk::DiskOp::OpenRead,
                &journal.commit,
                DiskErrorKind::NotFound,
            )));
        }
        Err(TreeError::Disk { error, .. }) => return Err(Failed::After(error)),
        Err(_) => {
            return Err(Failed::After(DiskError::new(
                crate::disk::DiskOp::ReadAt,
                &journal.commit,
                DiskErrorKind::Io,
            )));
        }
    };
    apply(disk, journal, &pending).map_err(Failed::After)?;
    Ok(Committed {
        transaction,
        steps,
        payload_bytes,
    })
}

/// Makes the journal's folder and `LAST` when they are missing.
///
/// Crash argument: neither means anything by itself. `LAST` is synced before its name, so a
/// durable name always has whole content; a missing `LAST` reads as "not known" and any number is
/// accepted.
fn prepare_dir(disk: &dyn Disk, journal: &Journal, last: u64) -> Result<(), DiskError> {
    match disk.stat(&journal.dir)? {
        Some(stat) if stat.kind == EntryKind::Dir => {}
        Some(_) => {
            return Err(DiskError::new(
                crate::disk::DiskOp::Mkdir,
                &journal.dir,
                DiskErrorKind::NotADirectory,
            ));
        }
        None => disk.mkdir(&journal.dir)?,
    }
    if disk.stat(&journal.last)?.is_none() || disk.stat(&journal.audit)?.is_none() {
        for (path, bytes) in [
            (&journal.last, encode_last(last)),
            (&journal.audit, Vec::new()),
        ] {
            if disk.stat(path)?.is_none() {
                let mut file = disk.create_new(path)?;
                file.write_at(&bytes, 0)?;
                file.sync()?;
            }
        }
        disk.sync_dir(&journal.dir)?;
        disk.sync_dir(&journal.home)?;
    }
    Ok(())
}

/// The number of this commit and its audit line.
fn own_steps(
    disk: &dyn Disk,
    journal: &Journal,
    info: &CommitInfo,
    transaction: u64,
    steps: usize,
    payload_bytes: u64,
) -> Result<Plan, TreeError> {
    let mut plan = Plan::new();
    let tree = disk.describe();
    let io = |error: DiskError| TreeError::disk(&tree, error);
    let len = |path: &RelPath| -> Result<u64, TreeError> {
        Ok(disk.stat(path).map_err(io)?.map_or(0, |stat| stat.len))
    };
    let last_len = len(&journal.last)?;
    if last_len == LAST_LEN as u64 {
        plan.patch(journal.last.clone(), last_len, 0, encode_last(transaction))?;
    } else {
        plan.replace(journal.last.clone(), encode_last(transaction))?;
    }

    let mut line = format!(
        "{} txn={transaction} user={} command=\"{}\" steps={steps} bytes={payload_bytes}",
        info.now.timestamp(),
        one_word(&info.user),
        info.command.words()
    );
    for (name, value) in &info.counts {
        // Writing to a String cannot fail.
        let _ = write!(line, " {name}={value}");
    }
    line.push_str("\r\n");
    let audit_len = len(&journal.audit)?;
    if audit_len <= AUDIT_LEN_LIMIT {
        plan.append(journal.audit.clone(), audit_len, line.into_bytes())?;
    } else {
        let mut kept = newest_half(disk, &journal.audit, audit_len).map_err(io)?;
        kept.extend_from_slice(line.as_bytes());
        plan.replace(journal.audit.clone(), kept)?;
    }
    Ok(plan)
}

fn one_word(text: &str) -> String {
    let word: String = text
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '_' })
        .collect();
    if word.is_empty() { "-".into() } else { word }
}

/// The last half-limit of a text file, from the start of a line.
fn newest_half(disk: &dyn Disk, path: &RelPath, len: u64) -> Result<Vec<u8>, DiskError> {
    let keep = AUDIT_LEN_LIMIT / 2;
    let file = disk.open_read(path)?;
    let mut buf = vec![0u8; usize::try_from(keep).unwrap_or(0)];
    let n = read_full(file.as_ref(), &mut buf, len.saturating_sub(keep))?;
    buf.truncate(n);
    let start = buf.iter().position(|&b| b == b'\n').map_or(0, |at| at + 1);
    Ok(buf.split_off(start))
}

/// Step 1: every target must be what the plan thinks it is, so that nothing after the commit point
/// can fail for a reason that was visible before it. Returns what `replace` keeps.
fn inspect(disk: &dyn Disk, tree: &str, plan: &Plan) -> Result<Vec<Attrs>, TreeError> {
    let io = |error: DiskError| TreeError::disk(tree, error);
    let mismatch = |path: &RelPath, why: &str| TreeError::Mismatch {
        tree: tree.to_owned(),
        path: path.clone(),
        why: why.to_owned(),
    };
    let mut kept: Vec<Attrs> = Vec::with_capacity(plan.len());
    let mut needed = 0u64;
    for (path, step) in plan.steps() {
        let stat = disk.stat(path).map_err(io)?;
        let parent = path.parent().unwrap_or_default();
        let parent_made = matches!(plan.step(&parent), Some(Step::Mkdir));
        let mut attrs = Attrs::default();
        match step {
            Step::Replace { content } => {
                needed = needed.saturating_add(content.len_bytes());
                match stat {
                    None => {}
                    Some(stat) if stat.kind == EntryKind::File && stat.links <= 1 => {
                        attrs = stat.attrs;
                    }
                    Some(stat) if stat.kind == EntryKind::File => {
                        return Err(io(DiskError::new(
                            crate::disk::DiskOp::OpenWrite,
                            path,
                            DiskErrorKind::HardLinked(stat.links),
                        )));
                    }
                    Some(stat) => {
                        return Err(io(DiskError::new(
                            crate::disk::DiskOp::OpenWrite,
                            path,
                            DiskErrorKind::NotRegular(stat.kind),
                        )));
                    }
                }
                if stat.is_none() && !parent_made {
                    require_dir(disk, tree, path, &parent)?;
                }
            }
            Step::Extents {
                len_before,
                len_after,
                extents,
            } => {
                let mut file = disk.open_write(path).map_err(io)?;
                let len = file.stat().map_err(io)?.len;
                if len != *len_before {
                    return Err(mismatch(
                        path,
                        &format!("it has {len} bytes, the plan was made for {len_before}"),
                    ));
                }
                let inside = extents
                    .iter()
                    .all(|e| e.offset.checked_add(e.bytes.len() as u64) <= Some(*len_after));
                if !inside {
                    return Err(mismatch(path, "a change lies outside its new length"));
                }
                if *len_after > *len_before {
                    file.allocate(*len_before, *len_after - *len_before)
                        .map_err(io)?;
                }
                needed = needed.saturating_add(step.payload_bytes());
            }
            Step::Remove => match stat {
                None => return Err(mismatch(path, "it does not exist")),
                Some(stat) if stat.kind == EntryKind::Dir => {
                    return Err(mismatch(path, "it is a directory"));
                }
                Some(_) => {}
            },
            Step::Mkdir => {
                if stat.is_some() {
                    return Err(mismatch(path, "something stands there already"));
                }
                if !parent_made {
                    require_dir(disk, tree, path, &parent)?;
                }
            }
            Step::Rmdir => match stat {
                Some(stat) if stat.kind == EntryKind::Dir => {}
                _ => return Err(mismatch(path, "it is not a directory")),
            },
            Step::Move { to } => {
                if stat.is_none() {
                    return Err(mismatch(path, "it does not exist"));
                }
                if disk.stat(to).map_err(io)?.is_some() {
                    return Err(mismatch(to, "something stands there already"));
                }
                let to_parent = to.parent().unwrap_or_default();
                if !matches!(plan.step(&to_parent), Some(Step::Mkdir)) {
                    require_dir(disk, tree, to, &to_parent)?;
                }
            }
        }
        kept.push(attrs);
    }
    // The journal holds every new byte once more. Asking is cheap and gives a better message than
    // a write that fails; the writes are still checked.
    let free = disk.free_bytes().map_err(io)?;
    if free < needed {
        return Err(TreeError::NoSpace {
            tree: tree.to_owned(),
            needed,
            free,
        });
    }
    Ok(kept)
}

fn require_dir(
    disk: &dyn Disk,
    tree: &str,
    path: &RelPath,
    parent: &RelPath,
) -> Result<(), TreeError> {
    match disk
        .stat(parent)
        .map_err(|error| TreeError::disk(tree, error))?
    {
        Some(stat) if stat.kind == EntryKind::Dir => Ok(()),
        _ => Err(TreeError::Mismatch {
            tree: tree.to_owned(),
            path: path.clone(),
            why: format!("its directory {parent} does not exist"),
        }),
    }
}

/// Step 2.
fn write_down(
    disk: &dyn Disk,
    state: &JournalState,
    steps: &[(&RelPath, &Step)],
    attrs: &[Attrs],
    transaction: u64,
    staged: &mut Vec<RelPath>,
) -> Result<(), TreeError> {
    let tree = disk.describe();
    let io = |error: DiskError| TreeError::disk(&tree, error);
    let journal = &state.journal;
    let mut entries: Vec<(RelPath, Action)> = Vec::with_capacity(steps.len());
    let mut payloads: Vec<&[u8]> = Vec::new();
    for ((path, step), attrs) in steps.iter().copied().zip(attrs) {
        let action = match step {
            Step::Replace { content } => {
                let number = u32::try_from(staged.len() + 1).unwrap_or(u32::MAX);
                let stage = journal.stage(number)?;
                let mut file = disk.create_new(&stage).map_err(io)?;
                staged.push(stage);
                // Length and checksum of what was written, whatever the content said before.
                let mut sum = crc32fast::Hasher::new();
                let mut len = 0;
                let write = |piece: &[u8], offset| {
                    file.write_at(piece, offset)?;
                    sum.update(piece);
                    len = offset + piece.len() as u64;
                    Ok(())
                };
                content.pieces(write).map_err(io)?;
                file.set_attrs(attrs).map_err(io)?;
                Action::Replace {
                    stage: number,
                    len,
                    crc: sum.finalize(),
                }
            }
            Step::Extents {
                len_before,
                len_after,
                extents,
            } => Action::Extents {
                len_before: *len_before,
                len_after: *len_after,
                extents: extents
                    .iter()
                    .map(|extent| {
                        payloads.push(&extent.bytes);
                        ManifestExtent {
                            offset: extent.offset,
                            len: extent.bytes.len() as u64,
                            payload_at: 0,
                            crc: crc32fast::hash(&extent.bytes),
                        }
                    })
                    .collect(),
            },
            Step::Remove => Action::Remove,
            Step::Mkdir => Action::Mkdir,
            Step::Rmdir => Action::Rmdir,
            Step::Move { to } => Action::Move { to: to.clone() },
        };
        entries.push((path.clone(), action));
    }
    let mut manifest = Manifest {
        tree_id: state.tree_id,
        transaction,
        entries,
    };
    let table = manifest
        .encode()
        .map_err(|error| TreeError::JournalDamaged {
            tree: tree.clone(),
            why: error.to_string(),
        })?;
    let mut file = disk.create_new(&journal.commit_new).map_err(io)?;
    file.write_at(&table, 0).map_err(io)?;
    let mut at = table.len() as u64;
    for payload in payloads {
        file.write_at(payload, at).map_err(io)?;
        at += payload.len() as u64;
    }
    drop(file);
    let mut to_sync = staged.clone();
    to_sync.push(journal.commit_new.clone());
    disk.sync_group(&to_sync).map_err(io)?;
    // The staged names must be durable before COMMIT can name them. Without staged files the
    // rename of step 3 carries the only name that matters, and one sync is saved.
    if !staged.is_empty() {
        disk.sync_dir(&journal.dir).map_err(io)?;
    }
    Ok(())
}

/// Removes what a failed commit left. Best effort: leftovers mean nothing and the next writer
/// sweeps them.
fn discard(disk: &dyn Disk, journal: &Journal, staged: &[RelPath]) {
    for path in staged.iter().chain([&journal.commit_new]) {
        let _ = disk.unlink(path);
    }
}
