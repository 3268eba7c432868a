//! The files of an empty database and of the BOOTENV directory.
//!
//! BOOTENV holds the 38 core files and DBBITMP.DAT, 39 `.DAT` files (Q240759). A database has the work
//! queue besides, which the MTA makes at its first start (Q271905), one file for each secured queue,
//! LAYOUT.TXT and SCT.INP. Vendor files that only the MTA reads (OXZBOOT.ENV and the other static files)
//! are not made: their content was never published.

use crate::core::base::{DecodeError, UnixTime};
use crate::core::format::fresh::FreshFile;
use crate::core::format::layout_txt::{CURRENT_VERSION, Layout, TreeId};
use crate::core::format::mta::bitmap::Bitmap;
use crate::core::format::mta::core_files::{
    CORE_FILES, MTAWORKQ_NAME, REFERENCE_COUNTS, STANDARD_QUEUES, SUPER_QUEUE,
};
use crate::core::format::mta::counts::Counts;
use crate::core::format::mta::id::BITMAP_FILE;
use crate::core::format::mta::object::{Kind, ObjectBuilder};
use crate::core::format::mta::profile::LAYOUT_KEY;
use crate::core::format::mta::queue::{MemberRecord, Queue, QueueEntry, SuperQueue};
use crate::core::format::mta::{ObjectId, ObjectNumber, Profile};

use super::{HOME, STATIC_FILE};

/// The folder of the pristine core files, beside MTADATA.
pub const BOOTENV: &str = "BOOTENV";
/// Content of our SCT.INP (ASSIGNED): its presence is what mtacheck asks for (Q154337).
const STATIC_TEXT: &[u8] = b"BASE dirsync-open\r\n";

/// What an empty database is made of.
#[derive(Debug, Clone)]
pub struct FreshParams<'a> {
    /// Version of the MTA.
    pub profile: Profile,
    /// When it is made.
    pub created: UnixTime,
    /// IANA name of the zone.
    pub zone: &'a str,
    /// Number of the commit domain.
    pub tree_id: TreeId,
    /// Names of the secured queues in order of creation, each with its number; `None` gives the
    /// lowest free one, from 2C on (TV-4).
    pub secured: &'a [(Option<u32>, &'a str)],
}

/// The objects of an empty database before they become files, for those who add messages.
#[derive(Debug, Clone)]
pub struct Skeleton {
    /// The super queue with all queues.
    pub super_queue: SuperQueue,
    /// All queues, boot objects on those of the core.
    pub queues: Vec<Queue>,
    /// The counts.
    pub counts: Counts,
    /// The numbers in use.
    pub bitmap: Bitmap,
    created: UnixTime,
}

/// Lowest number that secured queues get (ASSIGNED after TV-4).
const FIRST_SECURED: u32 = 0x2C;

impl Skeleton {
    /// The core alone, as in BOOTENV.
    #[must_use]
    pub fn boot(created: UnixTime) -> Self {
        let super_queue = SuperQueue::boot(created);
        let queues = STANDARD_QUEUES
            .iter()
            .map(|&(id, name)| Queue {
                id,
                name: name.to_owned(),
                secured: false,
                created,
                members: CORE_FILES
                    .iter()
                    .filter(|file| file.queue == id)
                    .map(|file| MemberRecord::boot(file.id))
                    .collect(),
            })
            .collect();
        let mut bitmap = Bitmap::new();
        for file in &CORE_FILES {
            bitmap.set(file.id.number(), true);
        }
        Self {
            super_queue,
            queues,
            counts: Counts::new(created),
            bitmap,
            created,
        }
    }

    /// Adds an empty queue with this number, or the lowest free one from `least` on. `None` when no
    /// number is free or the number is in use.
    pub fn add_queue(
        &mut self,
        number: Option<u32>,
        least: u32,
        name: &str,
        secured: bool,
    ) -> Option<ObjectId> {
        let number = match number {
            Some(number) => {
                let number = ObjectNumber::new(number)?;
                if self.bitmap.get(number) != Some(false) {
                    return None;
                }
                self.bitmap.set(number, true);
                number
            }
            None => self.bitmap.take_from(least)?,
        };
        let id = ObjectId::queue(number);
        let name = name.to_uppercase();
        self.super_queue.queues.push(QueueEntry {
            id,
            secured,
            name: name.clone(),
        });
        self.queues.push(Queue {
            id,
            name,
            secured,
            created: self.created,
            members: Vec::new(),
        });
        Some(id)
    }

    /// The files, `folder` before their names.
    ///
    /// # Errors
    /// A name of a queue that is none.
    pub fn files(&self, folder: &str) -> Result<Vec<FreshFile>, DecodeError> {
        let mut files = Vec::new();
        let mut add = |name: &str, bytes: Vec<u8>| {
            files.push(FreshFile {
                path: format!("{folder}/{name}"),
                bytes,
                read_only: false,
            });
        };
        add(&SUPER_QUEUE.file_name(), self.super_queue.encode()?);
        add(&REFERENCE_COUNTS.file_name(), self.counts.encode()?);
        for queue in &self.queues {
            add(&queue.id.file_name(), queue.encode()?);
        }
        for file in &CORE_FILES {
            if !file.queue.is_none() && file.id != REFERENCE_COUNTS {
                let object = ObjectBuilder::new(Kind::Boot, file.id)
                    .on(file.queue)
                    .made(self.created, 0);
                add(&file.id.file_name(), object.encode()?);
            }
        }
        add(BITMAP_FILE, self.bitmap.bytes().to_vec());
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

/// The objects of an empty database.
///
/// # Errors
/// A number that is taken.
pub fn skeleton(params: &FreshParams<'_>) -> Result<Skeleton, DecodeError> {
    let taken = || {
        DecodeError::new(
            "number of a new queue",
            0,
            crate::core::base::DecodeErrorKind::BadField("number in use"),
        )
    };
    let mut skeleton = Skeleton::boot(params.created);
    let work = params.profile.work_queue_number();
    skeleton
        .add_queue(Some(work), work, MTAWORKQ_NAME, false)
        .ok_or_else(taken)?;
    for &(number, name) in params.secured {
        skeleton
            .add_queue(number, FIRST_SECURED, name, true)
            .ok_or_else(taken)?;
    }
    Ok(skeleton)
}

/// LAYOUT.TXT and SCT.INP.
#[must_use]
pub fn marker_files(params: &FreshParams<'_>) -> Vec<FreshFile> {
    let layout = Layout {
        version: CURRENT_VERSION,
        tree_id: params.tree_id,
        created: params.created.timestamp(),
        zone: params.zone.to_owned(),
        unknown: vec![(LAYOUT_KEY.to_owned(), params.profile.text().to_owned())],
    };
    let file = |name: &str, bytes: Vec<u8>| FreshFile {
        path: format!("{HOME}/{name}"),
        bytes,
        read_only: false,
    };
    vec![
        file("LAYOUT.TXT", layout.format().into_bytes()),
        file(STATIC_FILE, STATIC_TEXT.to_vec()),
    ]
}

/// All files of an empty database, sorted by path (`MTADATA/…`).
///
/// # Errors
/// A name of a queue that is none, or a number that is taken.
pub fn database(params: &FreshParams<'_>) -> Result<Vec<FreshFile>, DecodeError> {
    let mut files = skeleton(params)?.files(HOME)?;
    files.extend(marker_files(params));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The 39 files of BOOTENV, sorted by path (`BOOTENV/…`).
///
/// # Errors
/// Never in practice.
pub fn bootenv(created: UnixTime) -> Result<Vec<FreshFile>, DecodeError> {
    Skeleton::boot(created).files(BOOTENV)
}
