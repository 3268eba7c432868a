//! Listing and purging messages by what they say of themselves.
//!
//! `purge` is what "use Mtacheck to remove any messages in the DXA queue" asks for (Q201122): the files
//! of the chosen messages go to MTACHECK.OUT with a manifest, the queue lists them no more, and no other
//! message is touched. A filled MTACHECK.OUT is renamed first (DEC-119).

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::UnixTime;
use crate::core::format::mta::core_files::REFERENCE_COUNTS;
use crate::core::format::mta::id::BITMAP_FILE;
use crate::core::format::mta::message::Reference;
use crate::core::format::mta::queue::{MemberRecord, Queue, QueueEntry};
use crate::core::format::mta::{Keep, Kind, ObjectId};
use crate::progress::Progress;
use crate::tree::journal::{CommitInfo, Committed, Plan};
use crate::tree::view::{TreeMut, TreeView};

use super::HOME;
use super::error::MtaError;
use super::foreign;
use super::quarantine::{Quarantine, Rotation, Touched, rotate};
use super::select::Selection;
use super::store::{Database, FileState, KEPT_VALUE_LEN};

/// Messages taken away in one commit at most: bounds memory, and what a crash leaves for the next run.
pub const COMMIT_LIMIT: usize = 10_000;

/// A message on a queue.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its queue.
    pub queue: ObjectId,
    /// What the queue lists.
    pub member: MemberRecord,
    /// Its data object; none when the reference object was not read.
    pub data: ObjectId,
    /// What the reference object says; `None` when it was not read.
    pub reference: Option<Reference>,
    /// Whether the interchange could not process it and left it (only when it was read).
    pub parked: bool,
}

/// A message that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its reference object.
    pub id: ObjectId,
    /// Why.
    pub why: String,
}

/// Goes through the messages of some queues in the order in which they wait, and says those that are
/// chosen, `limit` of them at most. With `read` each reference object is opened, else only where a filter
/// needs it. Returns those that could not be read.
///
/// # Errors
/// [`MtaError::Damaged`] for a queue file, what `each` returns, or a disk error.
pub fn messages(
    db: &Database<'_>,
    queues: &[QueueEntry],
    selection: &Selection,
    read: bool,
    limit: Option<u64>,
    progress: &dyn Progress,
    each: &mut dyn FnMut(Found) -> Result<(), MtaError>,
) -> Result<Vec<Unreadable>, MtaError> {
    let mut unreadable = Vec::new();
    let mut left = limit.unwrap_or(u64::MAX);
    let mut piece = Vec::new();
    for entry in queues {
        let queue = db.queue(entry.id)?;
        progress.start(&entry.name, Some(queue.members.len() as u64));
        for member in queue.members {
            if left == 0 {
                return Ok(unreadable);
            }
            if progress.stop_requested() {
                return Err(MtaError::Interrupted);
            }
            progress.advance(1);
            let fits = selection.fits_member(&member);
            if fits == Some(false) {
                continue;
            }
            let mut found = Found {
                queue: entry.id,
                member,
                data: ObjectId::NONE,
                reference: None,
                parked: false,
            };
            if read || fits.is_none() {
                let id = member.object();
                let path = db.path_of(id.number())?;
                let state = match db.read(&path, Keep::Small(KEPT_VALUE_LEN), &mut piece) {
                    FileState::Unreadable(error) => return Err(error.into()),
                    state => state,
                };
                match reference_of(id, state) {
                    Ok((data, parked, reference)) => {
                        if fits.is_none() && !selection.fits_reference(&reference) {
                            continue;
                        }
                        found.data = data;
                        found.parked = parked;
                        found.reference = Some(reference);
                    }
                    Err(why) => {
                        unreadable.push(Unreadable { id, why });
                        continue;
                    }
                }
            }
            left -= 1;
            each(found)?;
        }
    }
    Ok(unreadable)
}

fn reference_of(id: ObjectId, state: FileState) -> Result<(ObjectId, bool, Reference), String> {
    match state {
        FileState::Sound(found)
            if found.header.id == id && found.header.kind == Kind::Reference =>
        {
            Reference::from_object(&found)
                .map(|reference| (found.header.partner, found.header.parked, reference))
                .map_err(|error| error.to_string())
        }
        FileState::Sound(found) => Err(format!(
            "its file holds the {} {}",
            found.header.kind.words(),
            found.header.id
        )),
        other => Err(other.fault().unwrap_or_default()),
    }
}

/// What a purge does.
#[derive(Debug, Clone, Default)]
pub struct Purged {
    /// Messages taken off queues: queue, reference object, MTS-ID.
    pub messages: Vec<(ObjectId, ObjectId, String)>,
    /// Object files moved.
    pub files: u64,
    /// Bytes of the contents that no queue waits for any more.
    pub bytes: u64,
    /// Messages that were chosen and could not be read; `repair` takes them away.
    pub unreadable: Vec<Unreadable>,
    /// Folders that were renamed first.
    pub rotated: Vec<Rotation>,
}

/// The plan that takes these messages away.
///
/// # Errors
/// A damaged queue or counts, or a disk error.
pub fn plan_purge(
    db: &Database<'_>,
    chosen: &[Found],
    fresh_folder: bool,
    now: UnixTime,
    done: &mut Purged,
) -> Result<Plan, MtaError> {
    let mut plan = Plan::new();
    if chosen.is_empty() {
        return Ok(plan);
    }
    let super_queue = db.super_queue()?;
    let name_of = |id: ObjectId| {
        super_queue
            .by_id(id)
            .map_or_else(String::new, |entry| entry.name.clone())
    };
    // A dry run has not renamed the folder: names in it are not in the way then.
    let mut quarantine = if fresh_folder {
        Quarantine::fresh(db.view(), now)?
    } else {
        Quarantine::open(db.view(), now)?
    };
    let before = db.counts()?;
    let mut counts = before.clone();
    let mut bitmap = match db.bitmap()? {
        Some(Ok(bitmap)) => Some(bitmap),
        _ => None,
    };
    let mut going: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
    for found in chosen {
        let id = found.member.object();
        let Some(reference) = &found.reference else {
            continue;
        };
        going.entry(found.queue).or_default().insert(id);
        let mut go = vec![id];
        if !found.data.is_none() && counts.release(found.data) {
            counts.forget(found.data);
            go.push(found.data);
            done.bytes = done.bytes.saturating_add(found.member.len.get().into());
        }
        let queue = name_of(found.queue);
        for part in go {
            let path = db.path_of(part.number())?;
            if db.view().stat_on_disk(&path)?.is_none() {
                continue;
            }
            let touched = Touched {
                id: part,
                queue: &queue,
                mts_id: &reference.mts_id,
                reason: "purged",
            };
            quarantine.take(&mut plan, path, &touched)?;
            done.files += 1;
            if let Some(bitmap) = &mut bitmap {
                bitmap.set(part.number(), false);
            }
        }
        done.messages
            .push((found.queue, id, reference.mts_id.clone()));
    }
    for (id, gone) in &going {
        let mut queue: Queue = db.queue(*id)?;
        queue
            .members
            .retain(|member| !gone.contains(&member.object()));
        let path = db.path_of(id.number())?;
        let touched = Touched {
            id: *id,
            queue: &queue.name,
            mts_id: "",
            reason: "messages purged",
        };
        quarantine.note("rewritten", &path, &touched)?;
        plan.replace(path, queue.encode()?)?;
    }
    if counts != before {
        let path = db.path_of(REFERENCE_COUNTS.number())?;
        let touched = Touched {
            id: REFERENCE_COUNTS,
            queue: "REFDATQ",
            mts_id: "",
            reason: "messages purged",
        };
        quarantine.note("rewritten", &path, &touched)?;
        plan.replace(path, counts.encode()?)?;
    }
    if let Some(bitmap) = bitmap {
        let path = db.view().path(&format!("{HOME}/{BITMAP_FILE}"))?;
        plan.replace(path, bitmap.bytes().to_vec())?;
    }
    quarantine.finish(&mut plan, None)?;
    Ok(plan)
}

fn choose(
    view: &TreeView,
    queues: &[QueueEntry],
    selection: &Selection,
    limit: u64,
    done: &mut Purged,
    progress: &dyn Progress,
) -> Result<Vec<Found>, MtaError> {
    let db = Database::open(view)?;
    let mut chosen = Vec::new();
    let unreadable = messages(
        &db,
        queues,
        selection,
        true,
        Some(limit),
        progress,
        &mut |found| {
            chosen.push(found);
            Ok(())
        },
    )?;
    done.unreadable = unreadable;
    Ok(chosen)
}

/// What a purge would do: the plan of all of it as one.
///
/// # Errors
/// As [`purge`]; nothing is written.
pub fn dry_purge(
    view: &TreeView,
    queues: &[QueueEntry],
    selection: &Selection,
    limit: Option<u64>,
    now: UnixTime,
    progress: &dyn Progress,
) -> Result<(Plan, Purged), MtaError> {
    let mut done = Purged::default();
    let limit = limit.unwrap_or(u64::MAX);
    let chosen = choose(view, queues, selection, limit, &mut done, progress)?;
    let filled = !foreign::quarantine(view)?.is_empty();
    if filled && !chosen.is_empty() {
        done.rotated = rotate(view)?.1;
    }
    let db = Database::open(view)?;
    let plan = plan_purge(&db, &chosen, filled, now, &mut done)?;
    Ok((plan, done))
}

/// Takes the chosen messages of these queues away, [`COMMIT_LIMIT`] in one commit.
///
/// # Errors
/// [`MtaError::Damaged`] for a queue or the counts, [`MtaError::Interrupted`] between two commits, or what a
/// commit may fail with.
pub fn purge(
    tree: &mut TreeMut,
    queues: &[QueueEntry],
    selection: &Selection,
    limit: Option<u64>,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(Purged, Option<Committed>), MtaError> {
    let mut done = Purged::default();
    let mut last = None;
    let mut left = limit.unwrap_or(u64::MAX);
    loop {
        let part = left.min(COMMIT_LIMIT as u64);
        let chosen = choose(tree.view(), queues, selection, part, &mut done, progress)?;
        if chosen.is_empty() {
            break;
        }
        if last.is_none() && !foreign::quarantine(tree.view())?.is_empty() {
            let (plan, rotated) = rotate(tree.view())?;
            tree.commit(&plan, info)?;
            done.rotated = rotated;
        }
        let plan = {
            let db = Database::open(tree.view())?;
            plan_purge(&db, &chosen, false, info.now, &mut done)?
        };
        last = tree.commit(&plan, info)?.or(last);
        left -= chosen.len() as u64;
        if (chosen.len() as u64) < part || left == 0 {
            break;
        }
    }
    progress.finish();
    Ok((done, last))
}
