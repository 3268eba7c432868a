//! What waits on a queue of the MTA for the interchange, and what becomes of it there.

use std::collections::BTreeSet;

use crate::core::base::address::PoName;
use crate::core::base::codepage::CodePage;
use crate::core::format::mta::message::{Data, Reference};
use crate::core::format::mta::{Keep, Kind, MessageKind, ObjectId};
use crate::mta::MtaError;
use crate::mta::edit::{Fate, MtaEdit};
use crate::mta::mail::{self, Content};
use crate::mta::store::{Database, FileState, KEPT_VALUE_LEN};

use super::expand::Limits;

/// What a data object may have in bytes beyond the parts of its message: its header, the O/R addresses of
/// all recipients, BER (ASSIGNED). The parts themselves are counted when the message is expanded, with the
/// limit of every other way.
const OVERHEAD_BYTES: u64 = 1 << 20;

/// A message on a queue.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// Its reference object.
    pub(super) id: ObjectId,
    /// The reference object's serial number: an object number is used again, this never is.
    pub(super) serial: u64,
    /// How often it was tried again.
    pub(super) retries: u16,
    data: ObjectId,
    pub(super) mts_id: String,
    pub(super) kind: MessageKind,
    pub(super) originator: String,
    pub(super) subject: String,
    len: u64,
}

impl Waiting {
    /// Title and sender, as the events want them.
    pub(super) fn title(&self) -> String {
        format!("Title: {} From: {}", self.subject, self.originator)
    }
}

/// What waits on a queue.
#[derive(Debug, Default)]
pub(super) struct Queued {
    /// The messages to be served next, in their order.
    pub(super) next: Vec<Waiting>,
    /// Members whose reference object cannot be read: mtacheck's business.
    pub(super) unreadable: Vec<(ObjectId, String)>,
    /// What the disk does not give now: it and what stands behind it wait, since nothing overtakes what
    /// may be sound.
    pub(super) failed: Option<MtaError>,
}

/// Looks at a queue: at most `count` messages whose objects have together `bytes` bytes, at least one.
/// A queue that is not there is an empty one. An object that the disk does not give is no error here
/// but [`Queued::failed`]: what stands before it is to be served.
///
/// # Errors
/// [`MtaError::Damaged`] for super queue or queue, or a disk error with one of them.
pub(super) fn look(
    db: &Database<'_>,
    name: &str,
    skip: &BTreeSet<ObjectId>,
    count: usize,
    bytes: u64,
) -> Result<Queued, MtaError> {
    let mut queued = Queued::default();
    let super_queue = db.super_queue()?;
    let Some(entry) = super_queue.by_name(name) else {
        return Ok(queued);
    };
    let queue = db.queue(entry.id)?;
    let mut total = 0u64;
    for member in &queue.members {
        let id = member.object();
        if skip.contains(&id) || member.message_kind().is_none() {
            continue;
        }
        let found = match db.object(id.number(), Keep::Small(KEPT_VALUE_LEN)) {
            Err(error) => {
                queued.failed = Some(error);
                break;
            }
            Ok(FileState::Sound(found)) => found,
            Ok(other) => {
                let why = other.fault().unwrap_or_default();
                queued.unreadable.push((id, why));
                continue;
            }
        };
        let header = &found.header;
        let reference = match Reference::from_object(&found) {
            Ok(reference) if header.id == id && header.kind == Kind::Reference => reference,
            Ok(_) => {
                let why = "it holds another object".to_owned();
                queued.unreadable.push((id, why));
                continue;
            }
            Err(error) => {
                queued.unreadable.push((id, error.to_string()));
                continue;
            }
        };
        if header.used {
            // Delivered, only the file is left over (Q238189).
            continue;
        }
        if header.parked {
            continue;
        }
        let len = match len_of(db, header.partner) {
            Ok(len) => len,
            Err(error) => {
                queued.failed = Some(error);
                break;
            }
        };
        if !queued.next.is_empty()
            && (queued.next.len() >= count || total.saturating_add(len) > bytes)
        {
            break;
        }
        total = total.saturating_add(len);
        queued.next.push(Waiting {
            id,
            serial: header.serial,
            retries: header.retries,
            data: header.partner,
            mts_id: reference.mts_id,
            kind: reference.kind,
            originator: reference.originator,
            subject: reference.subject,
            len,
        });
    }
    Ok(queued)
}

/// Length of an object's file in bytes; 0 when there is none.
fn len_of(db: &Database<'_>, id: ObjectId) -> Result<u64, MtaError> {
    let path = db.path_of(id.number())?;
    Ok(db.view().stat_on_disk(&path)?.map_or(0, |stat| stat.len))
}

/// What reading a message came to.
#[derive(Debug)]
pub(super) enum Found {
    /// Its parts, attachments as they are.
    Parts(Vec<Vec<u8>>),
    /// A notification: dropped (Q159295).
    Notification,
    /// It is no message, and never will be: why.
    Bad(String),
    /// The disk does not give it now. It may be sound, so it is neither parked nor overtaken.
    Unreadable(MtaError),
}

/// Reads a message. It is safe to do that from several threads.
pub(super) fn read(db: &Database<'_>, waiting: &Waiting, own: PoName, limits: &Limits) -> Found {
    let file = waiting.data.file_name();
    let most = limits.message_bytes.saturating_add(OVERHEAD_BYTES);
    if waiting.len > most {
        return Found::Bad(format!(
            "{file} has {} bytes, and {most} is the most for a message",
            waiting.len
        ));
    }
    let found = match db.object(waiting.data.number(), Keep::All) {
        Ok(FileState::Sound(found)) if found.header.id == waiting.data => found,
        Ok(FileState::Sound(_)) => return Found::Bad(format!("{file} holds another object")),
        Ok(other) => return Found::Bad(format!("{file}: {}", other.fault().unwrap_or_default())),
        Err(error) => return Found::Unreadable(error),
    };
    let content = Data::from_object(&found).and_then(|data| mail::read(&data, own));
    match content {
        Ok(Content::Message(parts)) => Found::Parts(parts),
        Ok(Content::Notification) => Found::Notification,
        Err(error) => Found::Bad(format!("{file}: {error}")),
    }
}

/// Prepares the commit that follows delivery: takes `gone` off the queue and parks `bad`. What is no
/// longer the message that was looked at (purged, or served by another program) is passed over.
/// Answers how many went and how many were parked.
///
/// # Errors
/// A damaged database, or a disk error.
pub(super) fn settle(
    edit: &mut MtaEdit<'_, '_>,
    gone: &[(ObjectId, u64)],
    bad: &[(ObjectId, u64)],
) -> Result<(u64, u64), MtaError> {
    let (mut went, mut parked) = (0, 0);
    for &(id, serial) in gone {
        if edit.is_same(id, serial)? {
            match edit.remove(id, &Fate::Free) {
                Ok(_) => went += 1,
                Err(MtaError::NoSuchMessage { .. } | MtaError::NoSuchQueue { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    for &(id, serial) in bad {
        if edit.is_same(id, serial)? && edit.set_parked(id, true)? {
            parked += 1;
        }
    }
    Ok((went, parked))
}

/// A text in code page 850 for events.
pub(super) fn text_850(bytes: &[u8]) -> String {
    CodePage::Cp850.decode(bytes)
}

/// The parked messages of a queue, each with its serial number.
///
/// # Errors
/// As [`look`].
pub(super) fn parked(db: &Database<'_>, name: &str) -> Result<Vec<(ObjectId, u64)>, MtaError> {
    let mut parked = Vec::new();
    let super_queue = db.super_queue()?;
    let Some(entry) = super_queue.by_name(name) else {
        return Ok(parked);
    };
    for member in &db.queue(entry.id)?.members {
        let id = member.object();
        if let Ok(FileState::Sound(found)) = db.object(id.number(), Keep::Nothing)
            && found.header.id == id
            && found.header.kind == Kind::Reference
            && found.header.parked
        {
            parked.push((id, found.header.serial));
        }
    }
    Ok(parked)
}
