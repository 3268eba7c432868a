//! The one pass that judges a database: every file is opened and read once, by as many threads as there
//! are processors; what is kept is a row of fixed size for each object and its MTS-ID.
//!
//! Order (mta-database section 8): the static file, the super queue, the queue files in their order,
//! every other object file by ascending number, then what can only be judged together: partners, queue
//! members, reference counts, bitmap, quarantine. [`Checked`] holds the state of every queue and object
//! for `repair`, and the findings for `check`; nothing is written.
//!
//! | what stands here | where |
//! |---|---|
//! | kinds of findings with stable ids | [`kinds`] |
//! | reading: [`check`] | this file |
//! | judging partners, members, counts, bitmap | `judge` |

mod judge;
pub mod kinds;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::core::base::finding::Finding;
use crate::core::base::{DecodeError, UnixTime};
use crate::core::format::mta::bitmap::Bitmap;
use crate::core::format::mta::core_files::{REFERENCE_COUNTS, SUPER_QUEUE, core_file, is_core};
use crate::core::format::mta::counts::Counts;
use crate::core::format::mta::id::class;
use crate::core::format::mta::message::Reference;
use crate::core::format::mta::queue::{
    MemberRecord, Queue, QueueEntry, SuperQueue, originator_tag,
};
use crate::core::format::mta::{
    Keep, Kind, MessageKind, ObjectId, ObjectNumber, Priority, Profile, Scanned, attr,
};
use crate::progress::Progress;

use super::error::MtaError;
use super::store::{Database, FileState, KEPT_VALUE_LEN, ListedObject};
use super::{HOME, STATIC_FILE};

/// State of a queue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueState {
    /// Sound.
    Ok,
    /// Not there: rebuilt under the same id (Q282780).
    Missing,
    /// There and no queue, or another one; why.
    Corrupt(String),
    /// The disk does not give it; why.
    Unreadable(String),
}

/// One queue of the super queue.
#[derive(Debug, Clone)]
pub struct CheckedQueue {
    /// Id, name, secured or not.
    pub entry: QueueEntry,
    /// State of its file.
    pub state: QueueState,
    /// Its members as the file lists them; none when it is not sound.
    pub listed: Vec<MemberRecord>,
    /// Its members as the objects say: those listed in their order, then the others by serial.
    pub members: Vec<MemberRecord>,
    /// When it was made; `NEVER` when its file is not sound.
    pub created: UnixTime,
}

impl CheckedQueue {
    /// Whether the file must be written anew.
    #[must_use]
    pub fn needs_rebuild(&self) -> bool {
        self.state != QueueState::Ok || self.listed != self.members
    }
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Ok,
    /// A free slot: neither an error nor counted (Q178021).
    Free,
    /// A core file that is missing.
    CoreMissing,
    /// A core file that is no sound object; why.
    CoreCorrupt(String),
    /// No sound object; why.
    Damaged(String),
    /// The disk does not give the file; why. Nobody knows whether the object is sound.
    Unreadable(String),
    /// A sound object whose number is not that of its file: files were swapped or renamed.
    OtherObject(ObjectId),
    /// A second file of the same number in another spelling.
    Doubled(String),
    /// It names a queue that does not exist.
    NoQueue,
    /// A queue that the super queue does not know.
    UnlistedQueue,
    /// A reference object whose data object is missing or bad; why.
    NoData(String),
    /// A data object to which no sound reference object points.
    NoReference,
    /// Delivered and left over: it would be delivered twice (Q238189).
    Used,
    /// Listed as a member of a queue, but there is no file.
    Missing,
    /// In use by the bitmap, but there is no file, and nothing that is left names it.
    Lost,
}

impl Verdict {
    /// Whether the object is in order or a free slot.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Ok | Self::Free)
    }
}

/// One object: what the pass keeps of it.
#[derive(Debug, Clone)]
pub struct CheckedObject {
    /// Number of its file.
    pub number: ObjectNumber,
    /// Its id; class 06 is taken for a damaged message file.
    pub id: ObjectId,
    /// Its kind; `None` when it is not sound.
    pub kind: Option<Kind>,
    /// The queue it names.
    pub queue: ObjectId,
    /// Its data object.
    pub partner: ObjectId,
    /// Its place in the order of arrival.
    pub serial: u64,
    /// Its member entry, for a reference object; `len` is filled in from the data object.
    pub member: Option<MemberRecord>,
    /// The system kind that the addresses of a reference object show (OQ-5).
    pub address_kind: Option<MessageKind>,
    /// Length of the content, for a data object.
    pub content_len: u32,
    /// Its MTS-ID where it is known.
    pub mts_id: Option<Box<str>>,
    /// Whether bytes behind the payload are not zero; offset of the first.
    pub dirty_padding: Option<u64>,
    /// Spelling of the file's name when it is not the upper-case one.
    pub spelling: Option<Box<str>>,
    /// What is wrong with it.
    pub verdict: Verdict,
}

/// State of DBBITMP.DAT.
#[derive(Debug, Clone)]
pub enum BitmapState {
    /// As the directory is.
    Ok,
    /// Not there: not stopped cleanly (Q169631).
    Missing,
    /// There and no bitmap of ours.
    Damaged(DecodeError),
    /// Sound, but these many numbers differ.
    Differs(u32),
}

/// The result.
#[derive(Debug)]
pub struct Checked {
    /// Version of the MTA.
    pub profile: Profile,
    /// Whether SCT.INP is missing (Q154337): nothing else was looked at then.
    pub no_static_file: bool,
    /// The super queue, or why it cannot be used: nothing else was looked at then (Q182085).
    pub super_queue: Result<SuperQueue, String>,
    /// All queues in the order in which they are checked.
    pub queues: Vec<CheckedQueue>,
    /// All objects that are no queue, by ascending number; core files that are missing and members
    /// without a file included.
    pub objects: Vec<CheckedObject>,
    /// The counts as stored; `None` when the object is not sound.
    pub stored_counts: Option<Counts>,
    /// The counts as the objects say; the next serial is above every one in use.
    pub counts: Counts,
    /// State of the bitmap.
    pub bitmap: BitmapState,
    /// The bitmap as the directory says.
    pub numbers: Bitmap,
    /// Object files that an earlier run put into the quarantine.
    pub quarantine: Vec<String>,
    /// All findings in the order of the check.
    pub findings: Vec<Finding>,
    /// Files that were read.
    pub files_read: u64,
}

impl Checked {
    /// Whether a core object is missing or corrupt: lines L12 and L13 of mtacheck. Queue files of the
    /// core count as well: they are part of the boot environment (Q282780).
    #[must_use]
    pub fn core_is_bad(&self) -> bool {
        self.objects.iter().any(|object| {
            matches!(
                object.verdict,
                Verdict::CoreMissing | Verdict::CoreCorrupt(_)
            )
        }) || self
            .queues
            .iter()
            .any(|queue| is_core(queue.entry.id.number()) && queue.state != QueueState::Ok)
    }

    /// The first file that the disk does not give, and why: nothing can be mended then.
    #[must_use]
    pub fn unreadable(&self) -> Option<(String, &str)> {
        let queues = self.queues.iter().filter_map(|queue| match &queue.state {
            QueueState::Unreadable(why) => Some((queue.entry.id.file_name(), why.as_str())),
            _ => None,
        });
        let objects = self.objects.iter().filter_map(|row| match &row.verdict {
            Verdict::Unreadable(why) => Some((row.number.file_name(), why.as_str())),
            _ => None,
        });
        queues.chain(objects).next()
    }

    /// Whether nothing at all was found that repair would mend or report.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity < crate::core::base::Severity::Error)
    }

    /// The object of a number.
    #[must_use]
    pub fn object(&self, number: ObjectNumber) -> Option<&CheckedObject> {
        let at = self
            .objects
            .binary_search_by_key(&number, |object| object.number)
            .ok()?;
        self.objects.get(at)
    }
}

/// Judges a database of ours.
///
/// # Errors
/// A disk error that concerns more than one file.
pub fn check(db: &Database<'_>, progress: &dyn Progress) -> Result<Checked, MtaError> {
    let mut pass = Pass::new(db);
    if db.view().stat(&format!("{HOME}/{STATIC_FILE}"))?.is_none() {
        pass.result.no_static_file = true;
        kinds::report(
            &mut pass.result.findings,
            &kinds::STATIC_FILE,
            STATIC_FILE,
            None,
            "it is missing, and the MTA does not start without it".to_owned(),
        );
        return Ok(pass.result);
    }
    if !pass.super_queue()? {
        return Ok(pass.result);
    }
    let listing = db.listing()?;
    progress.start("checking queues", None);
    pass.queues()?;
    progress.start("checking objects", Some(listing.objects.len() as u64));
    let skip: BTreeSet<ObjectNumber> = pass
        .result
        .queues
        .iter()
        .map(|queue| queue.entry.id.number())
        .chain([SUPER_QUEUE.number()])
        .collect();
    for listed in &listing.objects {
        pass.result.numbers.set(listed.number, true);
    }
    for row in read_objects(db, &listing.objects, &skip, progress)? {
        pass.result.files_read += 1;
        if let Some(counts) = row.counts {
            pass.result.stored_counts = Some(counts);
        }
        pass.result.objects.push(row.object);
    }
    for (number, name) in &listing.doubled {
        let mut object = empty_row(*number, Verdict::Doubled(name.clone()));
        object.spelling = Some(name.clone().into_boxed_str());
        pass.doubled.push(object);
    }
    pass.judge()?;
    progress.finish();
    Ok(pass.result)
}

/// Files that one thread takes at a time.
const SHARE_FILES: usize = 256;

/// What one file gave.
struct Row {
    object: CheckedObject,
    counts: Option<Counts>,
}

/// Reads all object files but those to skip, each once, on as many threads as there are processors; the
/// rows stand in the order of the listing.
fn read_objects(
    db: &Database<'_>,
    listed: &[ListedObject],
    skip: &BTreeSet<ObjectNumber>,
    progress: &dyn Progress,
) -> Result<Vec<Row>, MtaError> {
    let shares: Vec<&[ListedObject]> = listed.chunks(SHARE_FILES).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Row>)>, MtaError> {
        let (mut done, mut piece) = (Vec::new(), Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(share) = shares.get(at) else {
                return Ok(done);
            };
            if progress.stop_requested() {
                return Err(MtaError::Interrupted);
            }
            let mut rows = Vec::with_capacity(share.len());
            for listed in share.iter().filter(|listed| !skip.contains(&listed.number)) {
                let path = db.path_of_listed(listed)?;
                let state = db.read(&path, Keep::Small(KEPT_VALUE_LEN), &mut piece);
                let mut row = row(listed.number, state);
                row.object.spelling.clone_from(&listed.spelling);
                rows.push(row);
            }
            progress.advance(share.len() as u64);
            done.push((at, rows));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut all: Vec<(usize, Vec<Row>)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(shares.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let mut all = work();
        for other in others {
            let part = match other.join() {
                Ok(part) => part,
                Err(payload) => std::panic::resume_unwind(payload),
            };
            all = all.and_then(|mut all| {
                all.extend(part?);
                Ok(all)
            });
        }
        all
    })?;
    all.sort_unstable_by_key(|(at, _)| *at);
    Ok(all.into_iter().flat_map(|(_, rows)| rows).collect())
}

/// The pass while it runs.
struct Pass<'d, 'v> {
    db: &'d Database<'v>,
    result: Checked,
    doubled: Vec<CheckedObject>,
}

fn empty_row(number: ObjectNumber, verdict: Verdict) -> CheckedObject {
    CheckedObject {
        number,
        id: ObjectId::new(class::MESSAGE, number),
        kind: None,
        queue: ObjectId::NONE,
        partner: ObjectId::NONE,
        serial: 0,
        member: None,
        address_kind: None,
        content_len: 0,
        mts_id: None,
        dirty_padding: None,
        spelling: None,
        verdict,
    }
}

impl<'d, 'v> Pass<'d, 'v> {
    fn new(db: &'d Database<'v>) -> Self {
        Self {
            db,
            doubled: Vec::new(),
            result: Checked {
                profile: db.profile(),
                no_static_file: false,
                super_queue: Err("it was not read".to_owned()),
                queues: Vec::new(),
                objects: Vec::new(),
                stored_counts: None,
                counts: Counts::new(UnixTime::NEVER),
                bitmap: BitmapState::Missing,
                numbers: Bitmap::new(),
                quarantine: Vec::new(),
                findings: Vec::new(),
                files_read: 0,
            },
        }
    }

    /// Reads the super queue; `false` when it cannot be used.
    fn super_queue(&mut self) -> Result<bool, MtaError> {
        self.result.files_read += 1;
        match self.db.super_queue() {
            Ok(queues) => {
                self.result.super_queue = Ok(queues);
                Ok(true)
            }
            Err(MtaError::Damaged { why, .. }) => {
                kinds::report(
                    &mut self.result.findings,
                    &kinds::SUPER_QUEUE,
                    &SUPER_QUEUE.file_name(),
                    None,
                    why.clone(),
                );
                self.result.super_queue = Err(why);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the queue files.
    fn queues(&mut self) -> Result<(), MtaError> {
        let Ok(super_queue) = &self.result.super_queue else {
            return Ok(());
        };
        let entries: Vec<QueueEntry> = super_queue.in_check_order().into_iter().cloned().collect();
        for entry in entries {
            self.result.files_read += 1;
            let path = self.db.path_of(entry.id.number())?;
            let keep = Keep::Small(KEPT_VALUE_LEN);
            let state = self.db.read(&path, keep, &mut Vec::new());
            let (state, queue) = judge_queue(&entry, state);
            let file = entry.id.file_name();
            let findings = &mut self.result.findings;
            match &state {
                QueueState::Ok => {}
                QueueState::Missing => {
                    let message = format!("the file of the queue {} is missing", entry.name);
                    kinds::report(findings, &kinds::QUEUE_MISSING, &file, None, message);
                }
                QueueState::Corrupt(why) => {
                    let message = format!("the file of the queue {} is corrupt: {why}", entry.name);
                    kinds::report(findings, &kinds::QUEUE_CORRUPT, &file, None, message);
                }
                QueueState::Unreadable(why) => {
                    let message = format!("the file of the queue {}: {why}", entry.name);
                    kinds::report(findings, &kinds::UNREADABLE, &file, None, message);
                }
            }
            let created = queue
                .as_ref()
                .map_or(UnixTime::NEVER, |queue| queue.created);
            self.result.queues.push(CheckedQueue {
                entry,
                state,
                listed: queue.map(|queue| queue.members).unwrap_or_default(),
                members: Vec::new(),
                created,
            });
        }
        Ok(())
    }
}

/// The row of a file that was read; what can be judged by itself is.
fn row(number: ObjectNumber, state: FileState) -> Row {
    let core = is_core(number);
    let bad = |verdict| Row {
        object: core_id(empty_row(number, verdict)),
        counts: None,
    };
    let found = match state {
        FileState::Sound(found) => found,
        FileState::Free if !core => return bad(Verdict::Free),
        FileState::Unreadable(error) => return bad(Verdict::Unreadable(error.to_string())),
        other => {
            let why = other.fault().unwrap_or_default();
            return bad(if core {
                Verdict::CoreCorrupt(why)
            } else {
                Verdict::Damaged(why)
            });
        }
    };
    if found.header.id.number() != number {
        return bad(if core {
            Verdict::CoreCorrupt(format!("it holds the object {}", found.header.id))
        } else {
            Verdict::OtherObject(found.header.id)
        });
    }
    let mut object = empty_row(number, Verdict::Ok);
    object.id = found.header.id;
    object.kind = Some(found.header.kind);
    object.queue = found.header.queue;
    object.partner = found.header.partner;
    object.serial = found.header.serial;
    object.dirty_padding = found.dirty_padding;
    object.mts_id = found.text(attr::MTS_ID).map(String::into_boxed_str);
    let mut counts = None;
    object.verdict = alone(&found, &mut object, &mut counts);
    Row { object, counts }
}

/// The id and queue that a file of the core must have.
fn core_id(mut row: CheckedObject) -> CheckedObject {
    if let Some(core) = core_file(row.number) {
        row.id = core.id;
        row.queue = core.queue;
    }
    row
}

/// What a sound object shows by itself.
fn alone(found: &Scanned, row: &mut CheckedObject, counts: &mut Option<Counts>) -> Verdict {
    let damaged = |error: DecodeError| Verdict::Damaged(error.to_string());
    let core = core_file(row.number);
    if core.is_some_and(|core| core.id != row.id || core.queue != row.queue) {
        return Verdict::CoreCorrupt(format!("it holds the object {}", row.id));
    }
    match found.header.kind {
        Kind::Queue | Kind::SuperQueue => return Verdict::UnlistedQueue,
        Kind::Boot if core.is_none() => {
            return Verdict::Damaged("a boot object has no place outside the core".to_owned());
        }
        Kind::Boot => {}
        Kind::Counts if row.id != REFERENCE_COUNTS => {
            return Verdict::Damaged("these are not the reference counts".to_owned());
        }
        Kind::Counts => match Counts::from_object(found) {
            Ok(stored) => *counts = Some(stored),
            Err(error) => return Verdict::CoreCorrupt(error.to_string()),
        },
        Kind::Reference => match Reference::from_object(found) {
            Ok(reference) => {
                row.member = Some(member(row.id, &reference));
                row.address_kind = MessageKind::of_addresses(
                    &reference.originator,
                    reference.recipients.iter().map(String::as_str),
                );
            }
            Err(error) => return damaged(error),
        },
        Kind::Data => {
            let has_content = found
                .attributes
                .iter()
                .any(|attribute| attribute.id == attr::CONTENT);
            if !has_content || row.mts_id.is_none() {
                return Verdict::Damaged("it has no content or no MTS-ID".to_owned());
            }
            row.content_len = u32::try_from(found.len_of(attr::CONTENT)).unwrap_or(u32::MAX);
        }
    }
    if found.header.used {
        return Verdict::Used;
    }
    Verdict::Ok
}

fn member(id: ObjectId, reference: &Reference) -> MemberRecord {
    let mut member = MemberRecord::boot(id);
    member.priority = reference.priority.code();
    member.kind = reference.kind.code();
    member.submitted.set(reference.submitted.0);
    member
        .originator_crc
        .set(originator_tag(&reference.originator));
    member
}

fn judge_queue(entry: &QueueEntry, state: FileState) -> (QueueState, Option<Queue>) {
    let found = match state {
        FileState::Missing => return (QueueState::Missing, None),
        FileState::Sound(found) => found,
        FileState::Unreadable(error) => return (QueueState::Unreadable(error.to_string()), None),
        other => return (QueueState::Corrupt(other.fault().unwrap_or_default()), None),
    };
    // The class is looked at before anything else is read (Q255766).
    if found.header.id != entry.id {
        let why = format!("it holds the object {}", found.header.id);
        return (QueueState::Corrupt(why), None);
    }
    match Queue::from_object(&found) {
        Ok(queue) if queue.name != entry.name || queue.secured != entry.secured => {
            let why = format!("it is the queue {}", queue.name);
            (QueueState::Corrupt(why), None)
        }
        Ok(queue) => (QueueState::Ok, Some(queue)),
        Err(error) => (QueueState::Corrupt(error.to_string()), None),
    }
}

/// Kind and priority of a member, for reports.
#[must_use]
pub fn member_words(member: &MemberRecord) -> (Option<MessageKind>, Priority) {
    (member.message_kind(), member.priority())
}
