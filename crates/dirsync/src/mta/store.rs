//! Reading a database of ours.
//!
//! Nothing here reads the whole directory unless asked: the super queue names the queues, a queue file
//! lists its members. [`Database::listing`] reads the names once; [`Database::read`] reads one file
//! once, in pieces, whatever its size.

use std::ops::ControlFlow;

use crate::core::base::{DecodeError, UnixTime};
use crate::core::format::mta::bitmap::Bitmap;
use crate::core::format::mta::core_files::{REFERENCE_COUNTS, STANDARD_QUEUES, SUPER_QUEUE};
use crate::core::format::mta::counts::Counts;
use crate::core::format::mta::id::BITMAP_FILE;
use crate::core::format::mta::object::FREE_LEN;
use crate::core::format::mta::profile::LAYOUT_KEY;
use crate::core::format::mta::queue::{Queue, QueueEntry, SuperQueue};
use crate::core::format::mta::{Keep, ObjectId, ObjectNumber, Priority, Profile, Scanned, Scanner};
use crate::tree::disk::{EntryKind, EntryName};
use crate::tree::view::{TreeView, ViewFile};
use crate::tree::{RelPath, TreeError};

use super::HOME;
use super::error::MtaError;

/// Values of up to this many bytes are kept where envelope data is wanted; longer ones are no
/// envelope data of ours.
pub const KEPT_VALUE_LEN: u32 = 4_096;
/// Bytes read at a time.
const PIECE_LEN: usize = 256 << 10;

/// What stands in an object file.
#[derive(Debug)]
pub enum FileState {
    /// Nothing.
    Missing,
    /// 0 bytes.
    Empty,
    /// 1 byte: a free slot (Q178021).
    Free,
    /// A sound object.
    Sound(Box<Scanned>),
    /// Bytes that are no object.
    Damaged(DecodeError),
    /// The disk does not give it: no damage, and no reason to take a message away.
    Unreadable(TreeError),
}

impl FileState {
    /// Why there is no object, in words; `None` for a sound one.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Missing => Some("the file is missing".to_owned()),
            Self::Empty => Some("the file has 0 bytes".to_owned()),
            Self::Free => Some("the file is a free slot of 1 byte".to_owned()),
            Self::Sound(_) => None,
            Self::Damaged(error) => Some(error.to_string()),
            Self::Unreadable(error) => Some(error.to_string()),
        }
    }
}

/// The names in the directory, read once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Object files by number, ascending.
    pub objects: Vec<ListedObject>,
    /// Numbers that stand there in two spellings; the first by name is the one in `objects`.
    pub doubled: Vec<(ObjectNumber, String)>,
    /// Everything else, sorted.
    pub others: Vec<(String, EntryKind)>,
    /// Whether DBBITMP.DAT is there.
    pub has_bitmap: bool,
}

/// One object file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedObject {
    /// Its number.
    pub number: ObjectNumber,
    /// Its name on disk, when it is not the upper-case one.
    pub spelling: Option<Box<str>>,
}

/// One queue in an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    /// Id, name, secured or not.
    pub entry: QueueEntry,
    /// Whether it is one of the core, which holds boot objects.
    pub is_core: bool,
    /// Why its file cannot be read; the figures are 0 then.
    pub fault: Option<String>,
    /// Messages of each priority: normal, non-urgent, urgent (by number).
    pub messages: [u64; 3],
    /// Boot objects.
    pub boot_objects: u64,
    /// Submit time of the oldest message.
    pub oldest: Option<UnixTime>,
    /// Bytes of the contents.
    pub bytes: u64,
}

impl QueueInfo {
    /// Messages of all priorities.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.messages.iter().sum()
    }

    /// Messages of one priority.
    #[must_use]
    pub fn of(&self, priority: Priority) -> u64 {
        self.messages[usize::from(priority.code()).min(2)]
    }
}

/// A database of ours, opened for reading.
#[derive(Debug)]
pub struct Database<'v> {
    view: &'v TreeView,
    home: RelPath,
    profile: Profile,
}

impl<'v> Database<'v> {
    /// Looks at the marker; opens nothing else.
    ///
    /// # Errors
    /// [`MtaError::NotOurs`] for a foreign directory; see [`super::foreign`].
    pub fn open(view: &'v TreeView) -> Result<Self, MtaError> {
        let Some(layout) = view.marker().layout() else {
            return Err(MtaError::NotOurs {
                tree: view.describe(),
                why: match view.marker() {
                    crate::tree::marker::Marker::Foreign(why) => why.to_string(),
                    _ => "it has no LAYOUT.TXT".to_owned(),
                },
            });
        };
        let profile = layout
            .unknown
            .iter()
            .find(|(key, _)| key == LAYOUT_KEY)
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or_default();
        Ok(Self {
            view,
            home: view.path(HOME)?,
            profile,
        })
    }

    /// The view.
    #[must_use]
    pub fn view(&self) -> &'v TreeView {
        self.view
    }

    /// The version of the MTA; 5.5 where LAYOUT.TXT does not say.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The directory on disk.
    #[must_use]
    pub fn home(&self) -> &RelPath {
        &self.home
    }

    /// The path on disk of an object file: the spelling that is there, else the upper-case one. Two
    /// looks at most, however large the directory is.
    ///
    /// # Errors
    /// A disk error.
    pub fn path_of(&self, number: ObjectNumber) -> Result<RelPath, MtaError> {
        let name = number.file_name();
        let upper = self.home.join(&name)?;
        if self.view.stat_on_disk(&upper)?.is_some() {
            return Ok(upper);
        }
        let lower = self.home.join(&name.to_ascii_lowercase())?;
        if self.view.stat_on_disk(&lower)?.is_some() {
            return Ok(lower);
        }
        Ok(upper)
    }

    /// The path on disk of a listed object file.
    ///
    /// # Errors
    /// Never in practice: the name was read from the directory.
    pub fn path_of_listed(&self, listed: &ListedObject) -> Result<RelPath, MtaError> {
        let name = match &listed.spelling {
            Some(name) => name.to_string(),
            None => listed.number.file_name(),
        };
        Ok(self.home.join(&name)?)
    }

    /// Reads the names once.
    ///
    /// # Errors
    /// A disk error.
    pub fn listing(&self) -> Result<Listing, MtaError> {
        list(self.view, &self.home)
    }

    /// Reads one object by its number.
    ///
    /// # Errors
    /// A disk error; the state is never [`FileState::Unreadable`].
    pub fn object(&self, number: ObjectNumber, keep: Keep) -> Result<FileState, MtaError> {
        let path = self.path_of(number)?;
        match self.read(&path, keep, &mut Vec::new()) {
            FileState::Unreadable(error) => Err(error.into()),
            state => Ok(state),
        }
    }

    /// Reads one file once, in pieces; `piece` is a buffer to be used again.
    #[must_use]
    pub fn read(&self, path: &RelPath, keep: Keep, piece: &mut Vec<u8>) -> FileState {
        let file = match self.view.open_on_disk(path) {
            Ok(Some(file)) => file,
            Ok(None) => return FileState::Missing,
            Err(error) => return FileState::Unreadable(error),
        };
        match file.len() {
            0 => FileState::Empty,
            FREE_LEN => FileState::Free,
            _ => match read_pieces(&file, keep, piece) {
                Ok(Ok(found)) => FileState::Sound(Box::new(found)),
                Ok(Err(error)) => FileState::Damaged(error),
                Err(error) => FileState::Unreadable(error),
            },
        }
    }

    /// An object that must be sound.
    fn required(&self, id: ObjectId) -> Result<Box<Scanned>, MtaError> {
        let state = self.object(id.number(), Keep::Small(KEPT_VALUE_LEN))?;
        match state {
            FileState::Sound(found) => Ok(found),
            other => Err(self.damaged(id, other.fault().unwrap_or_default())),
        }
    }

    fn damaged(&self, id: ObjectId, why: impl std::fmt::Display) -> MtaError {
        MtaError::Damaged {
            tree: self.view.describe(),
            file: id.file_name(),
            why: why.to_string(),
        }
    }

    /// The super queue.
    ///
    /// # Errors
    /// [`MtaError::Damaged`] when it is missing or damaged (L14 of mtacheck), or a disk error.
    pub fn super_queue(&self) -> Result<SuperQueue, MtaError> {
        let found = self.required(SUPER_QUEUE)?;
        SuperQueue::from_object(&found).map_err(|error| self.damaged(SUPER_QUEUE, error))
    }

    /// One queue.
    ///
    /// # Errors
    /// [`MtaError::Damaged`] when its file is missing or damaged, or a disk error.
    pub fn queue(&self, id: ObjectId) -> Result<Queue, MtaError> {
        let found = self.required(id)?;
        if found.header.id != id {
            return Err(self.damaged(id, "it holds another object"));
        }
        Queue::from_object(&found).map_err(|error| self.damaged(id, error))
    }

    /// The reference counts.
    ///
    /// # Errors
    /// As [`Self::queue`].
    pub fn counts(&self) -> Result<Counts, MtaError> {
        let found = self.required(REFERENCE_COUNTS)?;
        Counts::from_object(&found).map_err(|error| self.damaged(REFERENCE_COUNTS, error))
    }

    /// The bitmap; `None` when the file is missing, the inner error when it is damaged.
    ///
    /// # Errors
    /// A disk error.
    pub fn bitmap(&self) -> Result<Option<Result<Bitmap, DecodeError>>, MtaError> {
        let path = self.view.path(&format!("{HOME}/{BITMAP_FILE}"))?;
        let limit = crate::core::format::mta::bitmap::FILE_LEN as u64;
        match self.view.open_on_disk(&path)? {
            None => Ok(None),
            Some(file) if file.len() != limit => Ok(Some(Bitmap::decode(&[]))),
            Some(file) => Ok(Some(Bitmap::decode(&file.read_all(limit)?))),
        }
    }

    /// All queues in the order in which they are checked, with what waits on them. Opens the super
    /// queue and the queue files, nothing else.
    ///
    /// # Errors
    /// As [`Self::super_queue`]. A queue file that cannot be read is reported in its row.
    pub fn inventory(&self) -> Result<Vec<QueueInfo>, MtaError> {
        let queues = self.super_queue()?;
        queues
            .in_check_order()
            .into_iter()
            .map(|entry| {
                let mut info = QueueInfo {
                    entry: entry.clone(),
                    is_core: STANDARD_QUEUES.iter().any(|&(id, _)| id == entry.id),
                    fault: None,
                    messages: [0; 3],
                    boot_objects: 0,
                    oldest: None,
                    bytes: 0,
                };
                match self.queue(entry.id) {
                    Ok(queue) => info.count(&queue),
                    Err(MtaError::Damaged { why, .. }) => info.fault = Some(why),
                    Err(error) => return Err(error),
                }
                Ok(info)
            })
            .collect()
    }
}

impl QueueInfo {
    fn count(&mut self, queue: &Queue) {
        for member in &queue.members {
            if member.message_kind().is_none() {
                self.boot_objects += 1;
                continue;
            }
            self.messages[usize::from(member.priority().code()).min(2)] += 1;
            self.bytes = self.bytes.saturating_add(member.len.get().into());
            let submitted = UnixTime(member.submitted.get());
            self.oldest = Some(self.oldest.map_or(submitted, |old| old.min(submitted)));
        }
    }
}

/// Feeds a file to the scanner. The outer error is one of the disk.
fn read_pieces(
    file: &ViewFile<'_>,
    keep: Keep,
    piece: &mut Vec<u8>,
) -> Result<Result<Scanned, DecodeError>, TreeError> {
    let len = file.len();
    let mut scanner = Scanner::new(len, keep);
    piece.resize(usize::try_from(len).unwrap_or(PIECE_LEN).min(PIECE_LEN), 0);
    let mut at = 0;
    while at < len {
        let n = file.read_at(piece, at)?;
        if n == 0 {
            break;
        }
        if let Err(error) = scanner.push(&piece[..n]) {
            return Ok(Err(error));
        }
        at += n as u64;
    }
    Ok(scanner.finish())
}

/// Reads the names of a directory of object files once.
pub(super) fn list(view: &TreeView, home: &RelPath) -> Result<Listing, MtaError> {
    let mut listing = Listing::default();
    view.list_on_disk(home, &mut |entry| {
        match entry.name {
            EntryName::Plain(name) => match ObjectNumber::from_file_name(&name) {
                Some(number) if entry.kind == EntryKind::File => {
                    let spelling = (name != number.file_name()).then(|| name.into_boxed_str());
                    listing.objects.push(ListedObject { number, spelling });
                }
                _ => {
                    listing.has_bitmap |= name.eq_ignore_ascii_case(BITMAP_FILE);
                    listing.others.push((name, entry.kind));
                }
            },
            EntryName::Strange(name) => listing.others.push((name, entry.kind)),
        }
        ControlFlow::Continue(())
    })?;
    listing.objects.sort();
    listing.others.sort();
    let mut doubled = Vec::new();
    listing.objects.dedup_by(|later, first| {
        let same = later.number == first.number;
        if same {
            let name = match &later.spelling {
                Some(name) => name.to_string(),
                None => later.number.file_name(),
            };
            doubled.push((later.number, name));
        }
        same
    });
    listing.doubled = doubled;
    Ok(listing)
}
