//! The boot environment: missing core files from BOOTENV (`restore`), and an empty database (`wipe`).
//!
//! `restore` copies what is missing or has 0 bytes and nothing else: to overwrite core files that are
//! there loses all queued messages (Q163326). It never copies DB000001.DAT: a super queue from the CD gives
//! out other queue ids, and mail on secured queues is undeliverable for ever (Q282780).
//!
//! `wipe` is the procedure MTAWIPE (Q271905) without its harm: queues keep their names and ids, serial
//! numbers go on, and the message files go to MTACHECK.OUT instead of being deleted.

use crate::core::base::UnixTime;
use crate::core::format::mta::core_files::{CORE_FILES, MTAWORKQ_NAME, SUPER_QUEUE, is_core};
use crate::core::format::mta::id::BITMAP_FILE;
use crate::core::format::mta::object::FREE_LEN;
use crate::core::format::mta::queue::Queue;
use crate::core::format::mta::{Keep, ObjectId, Scanner};
use crate::tree::disk::{Disk, DiskErrorKind, EntryKind};
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::HOME;
use super::error::MtaError;
use super::fresh::Skeleton;
use super::quarantine::{Quarantine, Touched};
use super::store::{Database, FileState};

/// Longest core file that is taken from a BOOTENV directory, in bytes; ours have 8,192 at most.
const CORE_LEN_LIMIT: u64 = 1 << 20;

/// What `restore` does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// Core objects that are copied.
    pub copied: Vec<ObjectId>,
    /// Core objects that are bad and stay so, with the reason.
    pub left: Vec<(ObjectId, String)>,
}

/// The plan that copies missing core files from a BOOTENV directory, the root of `bootenv`.
///
/// # Errors
/// A disk error of the database. What is wrong with a file of BOOTENV stands in the answer.
pub fn plan_restore(
    db: &Database<'_>,
    bootenv: &dyn Disk,
    now: UnixTime,
) -> Result<(Plan, Restored), MtaError> {
    let (mut plan, mut done) = (Plan::new(), Restored::default());
    let mut quarantine = Quarantine::open(db.view(), now)?;
    for core in &CORE_FILES {
        let state = db.object(core.id.number(), Keep::Nothing)?;
        match state {
            FileState::Missing | FileState::Empty => {}
            FileState::Sound(found) if found.header.id == core.id => continue,
            FileState::Sound(found) => {
                let why = format!(
                    "it holds the object {}; only missing files are copied",
                    found.header.id
                );
                done.left.push((core.id, why));
                continue;
            }
            other => {
                let why = other.fault().unwrap_or_default();
                done.left
                    .push((core.id, format!("{why}; only missing files are copied")));
                continue;
            }
        }
        if core.id == SUPER_QUEUE {
            let why = "the super queue is never taken from BOOTENV: mail on secured queues would be \
                       undeliverable; put it back from a copy of this very database, or `mtacheck wipe`";
            done.left.push((core.id, why.to_owned()));
            continue;
        }
        let bytes = match pristine(bootenv, core.id) {
            Ok(bytes) => bytes,
            Err(why) => {
                done.left.push((core.id, format!("BOOTENV: {why}")));
                continue;
            }
        };
        let path = db.path_of(core.id.number())?;
        let touched = Touched {
            id: core.id,
            queue: "",
            mts_id: "",
            reason: "copied from BOOTENV",
        };
        quarantine.note("restored", &path, &touched)?;
        plan.replace(path, bytes)?;
        done.copied.push(core.id);
    }
    quarantine.finish(&mut plan, None)?;
    Ok((plan, done))
}

/// A sound core file of a BOOTENV directory, in either case of letters.
fn pristine(bootenv: &dyn Disk, id: ObjectId) -> Result<Vec<u8>, String> {
    let name = id.file_name();
    for name in [name.clone(), name.to_ascii_lowercase()] {
        let path = RelPath::new(&name).map_err(|error| error.to_string())?;
        let file = match bootenv.open_read(&path) {
            Ok(file) => file,
            Err(error) if error.kind == DiskErrorKind::NotFound => continue,
            Err(error) => return Err(error.to_string()),
        };
        let len = file.stat().map_err(|error| error.to_string())?.len;
        if len > CORE_LEN_LIMIT {
            return Err(format!("{name} has {len} bytes, which no core file has"));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let n = file
            .read_at(&mut bytes, 0)
            .map_err(|error| error.to_string())?;
        bytes.truncate(n);
        let found =
            Scanner::scan(&bytes, Keep::Nothing).map_err(|error| format!("{name}: {error}"))?;
        if found.header.id != id {
            return Err(format!("{name} holds the object {}", found.header.id));
        }
        return Ok(bytes);
    }
    Err(format!("{name} is not there"))
}

/// What `wipe` does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wiped {
    /// Object files moved to MTACHECK.OUT.
    pub moved: u64,
    /// Core and queue files made anew.
    pub written: u64,
    /// Queues that stay, all of them empty.
    pub queues: u64,
    /// Whether the super queue could not be read, so that secured queues are lost.
    pub queues_lost: bool,
}

/// The plan that makes the database empty. MTACHECK.OUT is rotated before, by the caller.
///
/// # Errors
/// A disk error.
pub fn plan_wipe(db: &Database<'_>, now: UnixTime) -> Result<(Plan, Wiped), MtaError> {
    let (mut plan, mut done) = (Plan::new(), Wiped::default());
    let mut quarantine = Quarantine::fresh(db.view(), now)?;
    let mut skeleton = Skeleton::boot(now);
    let kept = match db.super_queue() {
        Ok(queues) => queues.queues,
        Err(MtaError::Damaged { .. }) => {
            done.queues_lost = true;
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    for entry in kept.iter().filter(|entry| !is_core(entry.id.number())) {
        skeleton.add_queue(Some(entry.id.number().get()), 0, &entry.name, entry.secured);
    }
    if skeleton.super_queue.by_name(MTAWORKQ_NAME).is_none() {
        let number = db.profile().work_queue_number();
        skeleton.add_queue(Some(number), number, MTAWORKQ_NAME, false);
    }
    // A number of a message that was there must not be given again (Q152897).
    match db.counts() {
        Ok(counts) => skeleton.counts.next_serial = counts.next_serial,
        Err(MtaError::Damaged { .. }) => {}
        Err(error) => return Err(error),
    }
    done.queues = skeleton.queues.len() as u64;
    let ours = |number| {
        is_core(number)
            || skeleton
                .queues
                .iter()
                .any(|queue: &Queue| queue.id.number() == number)
    };
    let listing = db.listing()?;
    for listed in &listing.objects {
        if ours(listed.number) && listed.spelling.is_none() {
            continue;
        }
        let path = db.path_of_listed(listed)?;
        let len = db.view().stat_on_disk(&path)?.map_or(0, |stat| stat.len);
        if len == FREE_LEN {
            continue;
        }
        let touched = Touched {
            id: ObjectId::message(listed.number),
            queue: "",
            mts_id: "",
            reason: "wiped",
        };
        quarantine.take(&mut plan, path, &touched)?;
        done.moved += 1;
    }
    for (_, name) in &listing.doubled {
        let touched = Touched {
            id: ObjectId::NONE,
            queue: "",
            mts_id: "",
            reason: "wiped",
        };
        quarantine.take(&mut plan, db.home().join(name)?, &touched)?;
        done.moved += 1;
    }
    for file in skeleton.files(HOME)? {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let path = db.home().join(name)?;
        if let Some(stat) = db.view().stat_on_disk(&path)?
            && stat.kind == EntryKind::File
            && stat.len <= CORE_LEN_LIMIT
            && let Some(bytes) = db.view().read_on_disk(&path, CORE_LEN_LIMIT)?
            && same(&bytes, &file.bytes, name)
        {
            continue;
        }
        if let Some(id) = skeleton_id(&skeleton, name) {
            let touched = Touched {
                id,
                queue: "",
                mts_id: "",
                reason: "wiped",
            };
            quarantine.note("rewritten", &path, &touched)?;
        }
        plan.replace(path, file.bytes)?;
        done.written += 1;
    }
    quarantine.finish(&mut plan, None)?;
    Ok((plan, done))
}

fn skeleton_id(skeleton: &Skeleton, name: &str) -> Option<ObjectId> {
    CORE_FILES
        .iter()
        .map(|core| core.id)
        .chain(skeleton.queues.iter().map(|queue| queue.id))
        .find(|id| id.file_name() == name)
}

/// Whether a file says the same already: boot objects, queues and counts differ in the time at which
/// they were made, which is no reason to write them again.
fn same(old: &[u8], new: &[u8], name: &str) -> bool {
    if old == new {
        return true;
    }
    if name == BITMAP_FILE {
        return false;
    }
    let scan = |bytes: &[u8]| Scanner::scan(bytes, Keep::All).ok();
    match (scan(old), scan(new)) {
        (Some(old), Some(new)) => {
            let mut header = old.header;
            header.created = new.header.created;
            header == new.header && old.attributes == new.attributes && old.dirty_padding.is_none()
        }
        _ => false,
    }
}

impl From<crate::tree::disk::DiskError> for MtaError {
    fn from(error: crate::tree::disk::DiskError) -> Self {
        Self::Tree(TreeError::disk("BOOTENV", error))
    }
}
