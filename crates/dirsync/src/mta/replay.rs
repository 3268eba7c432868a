//! Putting messages of another database, a copy or a set that [`super::split`] made, on the queues of this
//! one (the Replay procedure, Q271905).
//!
//! Rules: the other database is of the same version; MTACHECK.OUT is none and is refused; a message that
//! mtacheck took away, here or there, is never put back (Q262865); one that waits on the same queue already
//! is known by its MTS-ID and left out. So a replay that was stopped is simply run again. The other
//! database is only read. Queues are found by name: a secured queue that is missing here is not made up,
//! its messages stay where they are (R-REC-051: the same kinds of connectors).

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::UnixTime;
use crate::core::format::mta::core_files::is_core;
use crate::core::format::mta::message::{Data, Reference};
use crate::core::format::mta::{Keep, Kind, ObjectId};
use crate::progress::Progress;
use crate::tree::journal::{CommitInfo, Committed, Plan};
use crate::tree::view::{TreeMut, TreeView};

use super::edit::{Destination, MtaEdit, NewMessage};
use super::error::MtaError;
use super::purge::{Unreadable, messages};
use super::quarantine::removed_ids;
use super::select::Selection;
use super::store::{Database, FileState};

/// Messages in one commit at most.
const COMMIT_MESSAGES: usize = 1_000;
/// Bytes of contents in one commit at most, as soon as there is more than one message.
const COMMIT_BYTES: u64 = 16 << 20;

/// What a replay does.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// Messages put on at least one queue.
    pub messages: u64,
    /// Places on queues that they got.
    pub places: u64,
    /// Places that were left out because the same MTS-ID waits there already.
    pub duplicates: u64,
    /// Messages that mtacheck had taken away.
    pub removed_before: u64,
    /// Messages whose queue does not exist here, by the queue's name.
    pub no_queue: BTreeMap<String, u64>,
    /// Objects that could not be read there.
    pub unreadable: Vec<Unreadable>,
}

struct Waiting {
    serial: u64,
    data: ObjectId,
    places: Vec<(ObjectId, ObjectId)>,
}

/// What is to be replayed, in the order of arrival.
struct Source<'a> {
    db: Database<'a>,
    waiting: Vec<Waiting>,
    /// Queue there to queue here.
    queues: BTreeMap<ObjectId, ObjectId>,
    names: BTreeMap<ObjectId, String>,
    here: BTreeSet<(ObjectId, String)>,
    removed: BTreeSet<String>,
}

impl<'a> Source<'a> {
    fn look(
        into: &TreeView,
        from: &'a TreeView,
        done: &mut Replayed,
        progress: &dyn Progress,
    ) -> Result<Self, MtaError> {
        let (db, target) = (Database::open(from)?, Database::open(into)?);
        if db.profile() != target.profile() {
            return Err(MtaError::Unsuitable {
                from: from.describe(),
                why: format!(
                    "it was made by version {}, this database by {}",
                    db.profile(),
                    target.profile()
                ),
            });
        }
        let ours = target.super_queue()?;
        let mut here = BTreeSet::new();
        for entry in ours
            .queues
            .iter()
            .filter(|entry| !is_core(entry.id.number()))
        {
            let entries = std::slice::from_ref(entry);
            messages(
                &target,
                entries,
                &Selection::default(),
                true,
                None,
                progress,
                &mut |found| {
                    if let Some(reference) = found.reference {
                        here.insert((found.queue, reference.mts_id.to_ascii_lowercase()));
                    }
                    Ok(())
                },
            )?;
        }
        let (mut queues, mut names) = (BTreeMap::new(), BTreeMap::new());
        let mut groups: BTreeMap<ObjectId, Waiting> = BTreeMap::new();
        for entry in db
            .super_queue()?
            .queues
            .iter()
            .filter(|e| !is_core(e.id.number()))
        {
            names.insert(entry.id, entry.name.clone());
            if let Some(own) = ours.by_name(&entry.name) {
                queues.insert(entry.id, own.id);
            }
            let queue = match db.queue(entry.id) {
                Ok(queue) => queue,
                Err(MtaError::Damaged { why, .. }) => {
                    done.unreadable.push(Unreadable { id: entry.id, why });
                    continue;
                }
                Err(error) => return Err(error),
            };
            for member in queue.members.iter().filter(|m| m.message_kind().is_some()) {
                let id = member.object();
                match db.object(id.number(), Keep::Nothing)? {
                    FileState::Sound(found)
                        if found.header.id == id && found.header.kind == Kind::Reference =>
                    {
                        let group = groups.entry(found.header.partner).or_insert(Waiting {
                            serial: found.header.serial,
                            data: found.header.partner,
                            places: Vec::new(),
                        });
                        group.serial = group.serial.min(found.header.serial);
                        group.places.push((entry.id, id));
                    }
                    other => done.unreadable.push(Unreadable {
                        id,
                        why: other
                            .fault()
                            .unwrap_or_else(|| "it is no reference object".to_owned()),
                    }),
                }
            }
        }
        let mut waiting: Vec<Waiting> = groups.into_values().collect();
        waiting.sort_by_key(|group| (group.serial, group.data));
        let mut removed = removed_ids(from)?;
        removed.extend(removed_ids(into)?);
        Ok(Self {
            db,
            waiting,
            queues,
            names,
            here,
            removed,
        })
    }

    /// Reads one message and says where it goes; `None` when it goes nowhere.
    fn message(
        &mut self,
        group: &Waiting,
        done: &mut Replayed,
    ) -> Result<Option<(NewMessage, Vec<Destination>)>, MtaError> {
        let mut message: Option<NewMessage> = None;
        let mut destinations = Vec::new();
        for &(queue, id) in &group.places {
            let reference = match self.db.object(id.number(), Keep::All)? {
                FileState::Sound(found) => Reference::from_object(&found)?,
                other => {
                    let why = other.fault().unwrap_or_default();
                    done.unreadable.push(Unreadable { id, why });
                    continue;
                }
            };
            let mts_id = reference.mts_id.to_ascii_lowercase();
            if self.removed.contains(&mts_id) {
                done.removed_before += 1;
                return Ok(None);
            }
            let Some(&own) = self.queues.get(&queue) else {
                let name = self.names.get(&queue).cloned().unwrap_or_default();
                *done.no_queue.entry(name).or_default() += 1;
                continue;
            };
            if !self.here.insert((own, mts_id)) {
                done.duplicates += 1;
                continue;
            }
            destinations.push(Destination {
                queue: own,
                recipients: reference.recipients,
            });
            message.get_or_insert(NewMessage {
                mts_id: reference.mts_id,
                priority: reference.priority,
                kind: reference.kind,
                originator: reference.originator,
                submitted: reference.submitted,
                subject: reference.subject,
                content: Vec::new(),
                content_names: Vec::new(),
                trace: reference.trace,
            });
        }
        let Some(mut message) = message else {
            return Ok(None);
        };
        let data = match self.db.object(group.data.number(), Keep::All)? {
            FileState::Sound(found) if found.header.id == group.data => Data::from_object(&found),
            other => {
                let why = other
                    .fault()
                    .unwrap_or_else(|| "it holds another object".to_owned());
                done.unreadable.push(Unreadable {
                    id: group.data,
                    why,
                });
                return Ok(None);
            }
        };
        match data {
            Ok(data) => {
                message.content = data.content;
                message.content_names = data.content_names;
                Ok(Some((message, destinations)))
            }
            Err(error) => {
                let why = error.to_string();
                done.unreadable.push(Unreadable {
                    id: group.data,
                    why,
                });
                Ok(None)
            }
        }
    }
}

/// Fills one commit; `None` when nothing is left.
fn batch(
    view: &TreeView,
    source: &mut Source<'_>,
    next: &mut usize,
    now: UnixTime,
    done: &mut Replayed,
    progress: &dyn Progress,
) -> Result<Option<Plan>, MtaError> {
    let db = Database::open(view)?;
    let mut edit = MtaEdit::new(&db, now)?;
    let (mut count, mut bytes) = (0, 0u64);
    let waiting = std::mem::take(&mut source.waiting);
    while let Some(group) = waiting.get(*next) {
        if count >= COMMIT_MESSAGES || bytes >= COMMIT_BYTES {
            break;
        }
        if progress.stop_requested() {
            return Err(MtaError::Interrupted);
        }
        *next += 1;
        progress.advance(1);
        if let Some((message, destinations)) = source.message(group, done)? {
            bytes = bytes.saturating_add(message.content.len() as u64);
            edit.submit(&message, &destinations)?;
            count += 1;
            done.messages += 1;
            done.places += destinations.len() as u64;
        }
    }
    source.waiting = waiting;
    if count == 0 {
        return Ok(None);
    }
    Ok(Some(edit.finish()?))
}

/// Counts what a replay would do. Looks only.
///
/// # Errors
/// As [`replay`].
pub fn dry_replay(
    into: &TreeView,
    from: &TreeView,
    progress: &dyn Progress,
) -> Result<Replayed, MtaError> {
    let mut done = Replayed::default();
    let mut source = Source::look(into, from, &mut done, progress)?;
    let waiting = std::mem::take(&mut source.waiting);
    for group in &waiting {
        if let Some((_, destinations)) = source.message(group, &mut done)? {
            done.messages += 1;
            done.places += destinations.len() as u64;
        }
    }
    Ok(done)
}

/// Puts the messages of `from` on the queues of `tree`, a bounded number in one commit.
///
/// # Errors
/// [`MtaError::Unsuitable`] for another version, [`MtaError::NotOurs`] for what is no database of ours,
/// [`MtaError::Interrupted`] between two commits, a damaged super queue, or what a commit may fail with.
pub fn replay(
    tree: &mut TreeMut,
    from: &TreeView,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(Replayed, Option<Committed>), MtaError> {
    let mut done = Replayed::default();
    let mut source = Source::look(tree.view(), from, &mut done, progress)?;
    progress.start("replaying", Some(source.waiting.len() as u64));
    let (mut next, mut last) = (0, None);
    while let Some(plan) = batch(
        tree.view(),
        &mut source,
        &mut next,
        info.now,
        &mut done,
        progress,
    )? {
        last = tree.commit(&plan, info)?.or(last);
    }
    progress.finish();
    Ok((done, last))
}
