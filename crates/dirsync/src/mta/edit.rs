//! Preparing one commit of a queue database.
//!
//! An [`MtaEdit`] starts from the committed state, takes any number of changes (later ones see earlier
//! ones) and ends as one `Plan`. Queue members, reference counts, serial numbers and the bitmap follow
//! the objects, so a database that was clean before is clean after.

use std::collections::{BTreeMap, BTreeSet};

use zerocopy::IntoBytes as _;

use crate::core::base::UnixTime;
use crate::core::format::mta::bitmap::{Bitmap, NUMBERS};
use crate::core::format::mta::core_files::{LAST_CORE_NUMBER, REFERENCE_COUNTS, SUPER_QUEUE};
use crate::core::format::mta::counts::Counts;
use crate::core::format::mta::id::BITMAP_FILE;
use crate::core::format::mta::message::{Data, Reference};
use crate::core::format::mta::object::{FREE_LEN, Header, Kind, header_record};
use crate::core::format::mta::queue::{MemberRecord, Queue, QueueEntry, SuperQueue};
use crate::core::format::mta::{
    Keep, MessageKind, ObjectId, ObjectNumber, Priority, Scanned, Scanner,
};
use crate::tree::RelPath;
use crate::tree::journal::Plan;

use super::error::MtaError;
use super::store::{Database, FileState};

/// A message to be put on queues.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewMessage {
    /// Its MTS-ID in text; the caller gave it, see [`MtaEdit::take_serial`].
    pub mts_id: String,
    /// Its priority.
    pub priority: Priority,
    /// Its kind.
    pub kind: MessageKind,
    /// Who sent it.
    pub originator: String,
    /// When it was submitted.
    pub submitted: UnixTime,
    /// Its subject.
    pub subject: String,
    /// The X.411 message in BER.
    pub content: Vec<u8>,
    /// Names of its attachments.
    pub content_names: Vec<String>,
    /// The MTAs that had it before, the first one first.
    pub trace: Vec<String>,
}

/// One queue that a message goes to, and whom that queue takes it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The queue.
    pub queue: ObjectId,
    /// The recipients.
    pub recipients: Vec<String>,
}

/// The objects of a message that was put on queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its data object.
    pub data: ObjectId,
    /// Its reference objects, in the order of the destinations.
    pub references: Vec<ObjectId>,
}

/// What becomes of the files of an object that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Delivered: in 5.5 the file is cut to 1 byte and used again (Q178021), before that deleted.
    Free,
    /// Moved into this directory on disk, under its own name with what the function adds for a name
    /// that is taken there; see [`MtaEdit::remove`].
    MoveTo(RelPath),
}

/// A message that was taken off a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What the queue knew of it.
    pub reference: Reference,
    /// Its content.
    pub data: Data,
    /// Whether this was the last queue it waited on, so that the content is gone too.
    pub last: bool,
}

/// What [`MtaEdit::remove`] took away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// The objects whose files go: the reference, and the data object with its last reference.
    pub objects: Vec<ObjectId>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(Vec<u8>),
    /// The header alone; the rest stays.
    Header(Box<Header>),
    Free,
    MoveTo(RelPath),
}

/// One commit being prepared.
#[derive(Debug)]
pub struct MtaEdit<'d, 'v> {
    db: &'d Database<'v>,
    super_queue: SuperQueue,
    super_changed: bool,
    queues: BTreeMap<ObjectId, Queue>,
    changed_queues: BTreeSet<ObjectId>,
    counts: Counts,
    counts_before: Counts,
    /// Which numbers are used; and whether DBBITMP.DAT is there to be kept in step.
    bitmap: Bitmap,
    bitmap_before: Option<Bitmap>,
    files: BTreeMap<ObjectNumber, Change>,
    now: UnixTime,
}

impl<'d, 'v> MtaEdit<'d, 'v> {
    /// Starts from the committed state. Without a sound DBBITMP.DAT the numbers in use are read from
    /// the directory.
    ///
    /// # Errors
    /// [`MtaError::Damaged`] for the super queue or the counts, or a disk error.
    pub fn new(db: &'d Database<'v>, now: UnixTime) -> Result<Self, MtaError> {
        let counts = db.counts()?;
        let super_queue = db.super_queue()?;
        let (bitmap, bitmap_before) = match db.bitmap()? {
            Some(Ok(bitmap)) => (bitmap.clone(), Some(bitmap)),
            Some(Err(_)) | None => {
                let mut bitmap = Bitmap::new();
                for listed in &db.listing()?.objects {
                    bitmap.set(listed.number, true);
                }
                // A queue whose file is lost keeps its number (Q282780).
                for queue in &super_queue.queues {
                    bitmap.set(queue.id.number(), true);
                }
                (bitmap, None)
            }
        };
        Ok(Self {
            super_queue,
            super_changed: false,
            queues: BTreeMap::new(),
            changed_queues: BTreeSet::new(),
            counts_before: counts.clone(),
            counts,
            bitmap,
            bitmap_before,
            files: BTreeMap::new(),
            now,
            db,
        })
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &'d Database<'v> {
        self.db
    }

    /// The queues as they are after the changes so far.
    #[must_use]
    pub fn super_queue(&self) -> &SuperQueue {
        &self.super_queue
    }

    /// A number that no message of this database had or will have, for a new MTS-ID (Q152897: ids
    /// that repeat drop sessions).
    pub fn take_serial(&mut self) -> u64 {
        self.counts.take_serial()
    }

    /// The lowest free number (OQ-18). What the bitmap calls free is looked at before it is used.
    fn take_number(&mut self) -> Result<ObjectNumber, MtaError> {
        loop {
            let Some(number) = self.bitmap.take_from(LAST_CORE_NUMBER + 1) else {
                return Err(MtaError::BitmapFull {
                    tree: self.db.view().describe(),
                });
            };
            let path = self.db.path_of(number)?;
            match self.db.view().stat_on_disk(&path)? {
                None => return Ok(number),
                Some(stat) if stat.len == FREE_LEN => return Ok(number),
                // Freed in this very commit, or a stray that the next check names.
                Some(_) if matches!(self.files.get(&number), Some(Change::Free)) => {
                    return Ok(number);
                }
                Some(_) => {}
            }
        }
    }

    /// Adds a queue. A secured one is kept across restarts and never rerouted (Q282780).
    ///
    /// # Errors
    /// [`MtaError::QueueExists`], a name that is none, no free number.
    pub fn add_queue(&mut self, name: &str, secured: bool) -> Result<ObjectId, MtaError> {
        crate::core::format::mta::queue::check_name(name)?;
        let name = name.to_uppercase();
        if self.super_queue.by_name(&name).is_some() {
            return Err(MtaError::QueueExists { name });
        }
        let id = ObjectId::queue(self.take_number()?);
        // A number that a message gave back in this very commit: its file becomes the queue's.
        self.files.remove(&id.number());
        self.super_queue.queues.push(QueueEntry {
            id,
            secured,
            name: name.clone(),
        });
        self.super_changed = true;
        self.queues.insert(
            id,
            Queue {
                id,
                name,
                secured,
                created: self.now,
                members: Vec::new(),
            },
        );
        self.changed_queues.insert(id);
        Ok(id)
    }

    /// A queue as it is after the changes so far.
    ///
    /// # Errors
    /// [`MtaError::NoSuchQueue`], [`MtaError::Damaged`], or a disk error.
    pub fn queue(&mut self, id: ObjectId) -> Result<&Queue, MtaError> {
        self.load(id).map(|queue| &*queue)
    }

    fn load(&mut self, id: ObjectId) -> Result<&mut Queue, MtaError> {
        if self.super_queue.by_id(id).is_none() {
            return Err(MtaError::NoSuchQueue {
                tree: self.db.view().describe(),
                name: id.to_string(),
            });
        }
        if !self.queues.contains_key(&id) {
            self.queues.insert(id, self.db.queue(id)?);
        }
        self.queues
            .get_mut(&id)
            .ok_or_else(|| MtaError::NoSuchQueue {
                tree: self.db.view().describe(),
                name: id.to_string(),
            })
    }

    /// Puts a message on queues: one data object, one reference object for each queue.
    ///
    /// # Errors
    /// [`MtaError::NoSuchQueue`], also without a destination; [`MtaError::BitmapFull`]; values that
    /// do not fit into an object.
    pub fn submit(
        &mut self,
        message: &NewMessage,
        destinations: &[Destination],
    ) -> Result<Submitted, MtaError> {
        self.submit_owned(message.clone(), destinations)
    }

    /// As [`Self::submit`], for a message that is not needed afterwards: its content is not copied.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub fn submit_owned(
        &mut self,
        message: NewMessage,
        destinations: &[Destination],
    ) -> Result<Submitted, MtaError> {
        let Some(first) = destinations.first() else {
            return Err(MtaError::NoSuchQueue {
                tree: self.db.view().describe(),
                name: String::new(),
            });
        };
        for destination in destinations {
            self.load(destination.queue)?;
        }
        let data = ObjectId::message(self.take_number()?);
        let serial = self.take_serial();
        let content = Data {
            mts_id: message.mts_id.clone(),
            content: message.content,
            content_names: message.content_names,
        };
        let len = u32::try_from(content.content.len()).unwrap_or(u32::MAX);
        let bytes = content
            .object(data, first.queue, self.now, serial)
            .encode()?;
        drop(content);
        self.files.insert(data.number(), Change::Write(bytes));
        let mut references = Vec::with_capacity(destinations.len());
        for destination in destinations {
            let id = ObjectId::message(self.take_number()?);
            let reference = Reference {
                mts_id: message.mts_id.clone(),
                priority: message.priority,
                originator: message.originator.clone(),
                recipients: destination.recipients.clone(),
                submitted: message.submitted,
                kind: message.kind,
                subject: message.subject.clone(),
                trace: message.trace.clone(),
            };
            let serial = self.take_serial();
            let bytes = reference
                .object(id, destination.queue, data, self.now, serial)
                .encode()?;
            self.files.insert(id.number(), Change::Write(bytes));
            let member = MemberRecord::message(
                id,
                message.priority,
                message.kind,
                message.submitted,
                len,
                &message.originator,
            );
            self.load(destination.queue)?.members.push(member);
            self.changed_queues.insert(destination.queue);
            references.push(id);
        }
        let count = u32::try_from(references.len()).unwrap_or(u32::MAX);
        self.counts.set(data, count);
        Ok(Submitted { data, references })
    }

    /// An object as it is after the changes so far.
    fn object(&self, id: ObjectId, keep: Keep) -> Result<Box<Scanned>, MtaError> {
        let state = match self.files.get(&id.number()) {
            Some(Change::Write(bytes)) => FileState::Sound(Box::new(Scanner::scan(bytes, keep)?)),
            Some(Change::Free | Change::MoveTo(_)) => FileState::Missing,
            Some(Change::Header(header)) => match self.db.object(id.number(), keep)? {
                FileState::Sound(mut found) => {
                    found.header = **header;
                    FileState::Sound(found)
                }
                other => other,
            },
            None => self.db.object(id.number(), keep)?,
        };
        match state {
            FileState::Sound(found) if found.header.id == id => Ok(found),
            FileState::Sound(_) => Err(self.damaged(id, "it holds another object".to_owned())),
            other => Err(self.damaged(id, other.fault().unwrap_or_default())),
        }
    }

    fn damaged(&self, id: ObjectId, why: String) -> MtaError {
        MtaError::Damaged {
            tree: self.db.view().describe(),
            file: id.file_name(),
            why,
        }
    }

    /// Takes a message off the queue it waits on, as delivered.
    ///
    /// # Errors
    /// [`MtaError::NoSuchMessage`] when it is on no queue, [`MtaError::Damaged`] when one of its
    /// objects is; nothing is changed then.
    pub fn take(&mut self, reference: ObjectId) -> Result<Taken, MtaError> {
        let found = self.object(reference, Keep::All)?;
        let envelope = Reference::from_object(&found)?;
        let data = self.object(found.header.partner, Keep::All)?;
        let data = Data::from_object(&data)?;
        let removed = self.remove(reference, &Fate::Free)?;
        Ok(Taken {
            reference: envelope,
            data,
            last: removed.objects.len() > 1,
        })
    }

    /// Takes a reference object off its queue, and its data object with the last reference.
    ///
    /// With [`Fate::MoveTo`] each file is moved under its own name; the caller makes the directory and
    /// sees to it that the name is free there.
    ///
    /// # Errors
    /// As [`Self::take`]; the content is not read.
    pub fn remove(&mut self, reference: ObjectId, fate: &Fate) -> Result<Removed, MtaError> {
        let found = self.object(reference, Keep::Nothing)?;
        let no_message = || MtaError::NoSuchMessage {
            tree: self.db.view().describe(),
            id: reference,
        };
        if found.header.kind != Kind::Reference {
            return Err(no_message());
        }
        let error = no_message();
        let queue = self.load(found.header.queue)?;
        let Some(at) = queue
            .members
            .iter()
            .position(|member| member.object() == reference)
        else {
            return Err(error);
        };
        queue.members.remove(at);
        self.changed_queues.insert(found.header.queue);
        let mut removed = Removed::default();
        self.drop_object(reference, fate)?;
        removed.objects.push(reference);
        let data = found.header.partner;
        if !data.is_none() && self.counts.release(data) {
            self.drop_object(data, fate)?;
            removed.objects.push(data);
        }
        Ok(removed)
    }

    /// Whether this reference object is still the message that was seen with this serial number: numbers
    /// of objects are used again, serial numbers never are.
    ///
    /// # Errors
    /// A disk error.
    pub fn is_same(&self, reference: ObjectId, serial: u64) -> Result<bool, MtaError> {
        match self.object(reference, Keep::Nothing) {
            Ok(found) => Ok(found.header.serial == serial && found.header.kind == Kind::Reference),
            Err(MtaError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Marks a message as one that is left in its queue and passed over, or takes the mark away and counts
    /// that; whether that changed anything. Only the header of the reference object is written.
    ///
    /// # Errors
    /// [`MtaError::NoSuchMessage`], [`MtaError::Damaged`], or a disk error.
    pub fn set_parked(&mut self, reference: ObjectId, parked: bool) -> Result<bool, MtaError> {
        let found = self.object(reference, Keep::Nothing)?;
        if found.header.kind != Kind::Reference {
            return Err(MtaError::NoSuchMessage {
                tree: self.db.view().describe(),
                id: reference,
            });
        }
        if found.header.parked == parked {
            return Ok(false);
        }
        let retries = found.header.retries;
        let header = Header {
            parked,
            retries: if parked {
                retries
            } else {
                retries.saturating_add(1)
            },
            ..found.header
        };
        match self.files.get_mut(&reference.number()) {
            // Put on its queue in this very commit.
            Some(Change::Write(written)) => {
                let record = header_record(&header);
                let bytes = record.as_bytes();
                written[..bytes.len()].copy_from_slice(bytes);
            }
            _ => {
                let change = Change::Header(Box::new(header));
                self.files.insert(reference.number(), change);
            }
        }
        Ok(true)
    }

    fn drop_object(&mut self, id: ObjectId, fate: &Fate) -> Result<(), MtaError> {
        self.counts.forget(id);
        self.bitmap.set(id.number(), false);
        let exists = {
            let path = self.db.path_of(id.number())?;
            self.db.view().stat_on_disk(&path)?.is_some()
        };
        if exists {
            let change = match fate {
                Fate::Free => Change::Free,
                Fate::MoveTo(dir) => Change::MoveTo(dir.clone()),
            };
            self.files.insert(id.number(), change);
        } else {
            // Made and dropped in the same commit.
            self.files.remove(&id.number());
        }
        Ok(())
    }

    /// The plan of all changes.
    ///
    /// # Errors
    /// Values that do not fit into an object, or a disk error.
    pub fn finish(mut self) -> Result<Plan, MtaError> {
        let mut plan = Plan::new();
        let home = self.db.home();
        let view = self.db.view();
        // Moved into the plan: a message is in memory once.
        for (number, change) in std::mem::take(&mut self.files) {
            let path = self.db.path_of(number)?;
            match change {
                Change::Write(bytes) => plan.replace(path, bytes)?,
                Change::Header(header) => {
                    if let Some(stat) = view.stat_on_disk(&path)? {
                        let bytes = header_record(&header).as_bytes().to_vec();
                        plan.patch(path, stat.len, 0, bytes)?;
                    }
                }
                Change::Free if self.db.profile().keeps_free_files() => {
                    if let Some(stat) = view.stat_on_disk(&path)? {
                        plan.set_len(path, stat.len, FREE_LEN)?;
                    }
                }
                Change::Free => plan.remove(path)?,
                Change::MoveTo(dir) => {
                    let to = dir.join(&number.file_name())?;
                    plan.move_to(path, to)?;
                }
            }
        }
        for id in &self.changed_queues {
            if let Some(queue) = self.queues.get(id) {
                plan.replace(self.db.path_of(id.number())?, queue.encode()?)?;
            }
        }
        if self.super_changed {
            let path = self.db.path_of(SUPER_QUEUE.number())?;
            plan.replace(path, self.super_queue.encode()?)?;
        }
        if self.counts != self.counts_before {
            let path = self.db.path_of(REFERENCE_COUNTS.number())?;
            plan.replace(path, self.counts.encode()?)?;
        }
        if let Some(before) = &self.bitmap_before
            && before.bytes() != self.bitmap.bytes()
        {
            let path = view.path(&format!("{}/{BITMAP_FILE}", home.as_str()))?;
            patch(&mut plan, &path, before.bytes(), self.bitmap.bytes())?;
        }
        Ok(plan)
    }
}

/// Puts the bytes that differ into the plan; both have the same length.
fn patch(plan: &mut Plan, path: &RelPath, before: &[u8], after: &[u8]) -> Result<(), MtaError> {
    debug_assert_eq!(before.len(), after.len());
    let len = before.len() as u64;
    let mut at = 0;
    while let Some(first) = before[at..]
        .iter()
        .zip(&after[at..])
        .position(|(a, b)| a != b)
    {
        let start = at + first;
        let same = before[start..]
            .iter()
            .zip(&after[start..])
            .position(|(a, b)| a == b)
            .unwrap_or(before.len() - start);
        at = start + same;
        plan.patch(path.clone(), len, start as u64, after[start..at].to_vec())?;
    }
    Ok(())
}

/// The most objects a database of ours can hold.
pub const OBJECTS_LIMIT: u32 = NUMBERS - 1;
