//! Splitting a backlog into sets that can be checked and replayed one by one (R-REC-054, Q271905).
//!
//! Each set is a whole database of its own: the core, all queues with their ids, LAYOUT.TXT, and its part
//! of the messages under their numbers; the parts of one message stay together. Set 1 holds the newest
//! messages and is replayed first: the oldest are most likely to hold the bad one. The database that is
//! split is only read and stays the master copy. Objects that are damaged are copied as they are.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh64::xxh64;

use crate::core::base::UnixTime;
use crate::core::format::layout_txt::{FILE_NAME, Layout, TreeId};
use crate::core::format::mta::core_files::is_core;
use crate::core::format::mta::object::FREE_LEN;
use crate::core::format::mta::{Keep, Kind, ObjectNumber};
use crate::progress::Progress;
use crate::tree::disk::Disk;
use crate::tree::{RelPath, TreeError};

use super::error::MtaError;
use super::fresh::Skeleton;
use super::store::{Database, FileState};
use super::{HOME, STATIC_FILE};

/// Bytes copied at a time.
const PIECE_LEN: usize = 256 << 10;

/// One set that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its directory.
    pub name: String,
    /// Messages, or single parts of one.
    pub messages: u64,
    /// Object files beyond core and queues.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

#[derive(Default)]
struct Group {
    serial: u64,
    files: Vec<(ObjectNumber, RelPath)>,
}

/// The parts of the database that belong together, in the order of arrival.
fn groups(db: &Database<'_>, progress: &dyn Progress) -> Result<Vec<Group>, MtaError> {
    let queues: BTreeSet<ObjectNumber> = db
        .super_queue()?
        .queues
        .iter()
        .map(|entry| entry.id.number())
        .collect();
    let listing = db.listing()?;
    progress.start("reading", Some(listing.objects.len() as u64));
    let mut piece = Vec::new();
    let mut groups: BTreeMap<ObjectNumber, Group> = BTreeMap::new();
    for listed in &listing.objects {
        progress.advance(1);
        if progress.stop_requested() {
            return Err(MtaError::Interrupted);
        }
        if is_core(listed.number) || queues.contains(&listed.number) {
            continue;
        }
        let path = db.path_of_listed(listed)?;
        let (key, serial) = match db.read(&path, Keep::Nothing, &mut piece) {
            FileState::Free | FileState::Missing => continue,
            FileState::Sound(found) if found.header.kind == Kind::Reference => {
                (found.header.partner.number(), found.header.serial)
            }
            FileState::Sound(found) => (listed.number, found.header.serial),
            _ => (listed.number, 0),
        };
        let group = groups.entry(key).or_default();
        group.serial = group.serial.max(serial);
        group.files.push((listed.number, path));
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| (group.serial, group.files.first().map(|(number, _)| *number)));
    Ok(groups)
}

/// Writes `sets` sets below the root of `to`, which must be empty: `SET001`, `SET002` …
///
/// # Errors
/// [`MtaError::Unsuitable`] when `to` is not empty, [`MtaError::Interrupted`], a damaged super queue or
/// counts, or a disk error; what was written stays and is no database: LAYOUT.TXT comes last.
pub fn split(
    db: &Database<'_>,
    sets: u32,
    to: &dyn Disk,
    now: UnixTime,
    progress: &dyn Progress,
) -> Result<Vec<Set>, MtaError> {
    let io = |error| MtaError::Tree(TreeError::disk(&to.describe(), error));
    let mut empty = true;
    to.list(&RelPath::root(), &mut |_| {
        empty = false;
        std::ops::ControlFlow::Break(())
    })
    .map_err(io)?;
    if !empty {
        return Err(MtaError::Unsuitable {
            from: to.describe(),
            why: "the directory is not empty".to_owned(),
        });
    }
    let groups = groups(db, progress)?;
    let all: u64 = groups.iter().map(|group| group.files.len() as u64).sum();
    progress.start("copying", Some(all));
    let mut done = Vec::new();
    let sets = usize::try_from(sets.max(1)).unwrap_or(usize::MAX);
    let (share, over) = (groups.len() / sets, groups.len() % sets);
    let mut end = groups.len();
    for number in 1..=sets {
        let size = share + usize::from(number <= over);
        let part = &groups[end - size..end];
        end -= size;
        done.push(write_set(db, number, part, to, now, progress)?);
    }
    to.sync_dir(&RelPath::root()).map_err(io)?;
    progress.finish();
    Ok(done)
}

fn write_set(
    db: &Database<'_>,
    number: usize,
    part: &[Group],
    to: &dyn Disk,
    now: UnixTime,
    progress: &dyn Progress,
) -> Result<Set, MtaError> {
    let io = |error| MtaError::Tree(TreeError::disk(&to.describe(), error));
    let name = format!("SET{number:03}");
    let dir = RelPath::new(&name)?;
    to.mkdir(&dir).map_err(io)?;
    let mut set = Set {
        name,
        messages: part.len() as u64,
        files: 0,
        bytes: 0,
    };
    let mut written = Vec::new();
    let mut inside = BTreeSet::new();
    let mut piece = vec![0u8; PIECE_LEN];
    for (object, path) in part.iter().flat_map(|group| &group.files) {
        if progress.stop_requested() {
            return Err(MtaError::Interrupted);
        }
        progress.advance(1);
        let Some(file) = db.view().open_on_disk(path)? else {
            continue;
        };
        if file.len() == FREE_LEN {
            continue;
        }
        let target = dir.join(&object.file_name())?;
        let mut out = to.create_new(&target).map_err(io)?;
        let mut at = 0;
        while at < file.len() {
            let n = file.read_at(&mut piece, at)?;
            if n == 0 {
                break;
            }
            out.write_at(&piece[..n], at).map_err(io)?;
            at += n as u64;
        }
        inside.insert(*object);
        set.files += 1;
        set.bytes = set.bytes.saturating_add(at);
        written.push(target);
    }
    for (file, bytes) in frame(db, number, &inside, now)? {
        let target = dir.join(&file)?;
        let mut out = to.create_new(&target).map_err(io)?;
        out.write_at(&bytes, 0).map_err(io)?;
        written.push(target);
    }
    to.sync_group(&written).map_err(io)?;
    to.sync_dir(&dir).map_err(io)?;
    Ok(set)
}

/// Core, queues, bitmap and markers of a set, LAYOUT.TXT last.
fn frame(
    db: &Database<'_>,
    number: usize,
    inside: &BTreeSet<ObjectNumber>,
    now: UnixTime,
) -> Result<Vec<(String, Vec<u8>)>, MtaError> {
    let mut skeleton = Skeleton::boot(now);
    let counts = db.counts()?;
    for entry in db.super_queue()?.queues {
        if is_core(entry.id.number()) {
            continue;
        }
        skeleton.add_queue(Some(entry.id.number().get()), 0, &entry.name, entry.secured);
        // A queue that cannot be read is made anew from its messages by the repair of the set.
        let members = match db.queue(entry.id) {
            Ok(queue) => queue.members,
            Err(MtaError::Damaged { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        if let Some(own) = skeleton.queues.last_mut() {
            own.members = members
                .into_iter()
                .filter(|member| inside.contains(&member.object().number()))
                .collect();
        }
    }
    skeleton.counts.next_serial = counts.next_serial;
    for (id, count) in counts
        .special()
        .filter(|(id, _)| inside.contains(&id.number()))
    {
        skeleton.counts.set(id, count);
    }
    for &object in inside {
        skeleton.bitmap.set(object, true);
    }
    let mut files: Vec<(String, Vec<u8>)> = skeleton
        .files(HOME)?
        .into_iter()
        .map(|file| {
            (
                file.path.rsplit('/').next().unwrap_or_default().to_owned(),
                file.bytes,
            )
        })
        .collect();
    let text = db.view().read(&format!("{HOME}/{STATIC_FILE}"), 1 << 20)?;
    if let Some(bytes) = text {
        files.push((STATIC_FILE.to_owned(), bytes));
    }
    if let Some(layout) = db.view().marker().layout() {
        let mut seed = layout.tree_id.0.to_vec();
        seed.extend_from_slice(&(number as u64).to_le_bytes());
        seed.extend_from_slice(&now.0.to_le_bytes());
        let mut id = [0u8; 16];
        id[..8].copy_from_slice(&xxh64(&seed, 0).to_le_bytes());
        id[8..].copy_from_slice(&xxh64(&seed, 1).to_le_bytes());
        let own = Layout {
            tree_id: TreeId(id),
            ..layout.clone()
        };
        files.push((FILE_NAME.to_owned(), own.format().into_bytes()));
    }
    Ok(files)
}
