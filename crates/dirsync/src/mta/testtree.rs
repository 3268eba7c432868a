//! Small databases in memory, for the tests of this module.

use std::sync::Arc;
use std::time::Duration;

use crate::core::base::UnixTime;
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mta::{ObjectId, Profile};
use crate::tree::disk::Disk;
use crate::tree::disk::mem::MemDisk;
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, OpenOptions, RelPath, TreeMut, TreeView};

use super::edit::{Destination, MtaEdit, NewMessage};
use super::error::MtaError;
use super::fresh::{FreshParams, database};
use super::store::Database;
use super::{DOMAIN, HOME};

/// The time of everything.
pub(crate) const NOW: UnixTime = UnixTime(765_720_832);
/// Names of the secured queues of a test database.
pub(crate) const SECURED: [&str; 3] = [
    "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (EXSERV1)",
    "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=SERVERS/CN=EXSERV1/CN=MICROSOFT DXA",
    "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (EXSERV1)",
];
/// The MS Mail connector's queue.
pub(crate) const MSMAIL: ObjectId = ObjectId(0x0100_002C);
/// The agent's queue.
pub(crate) const DXA: ObjectId = ObjectId(0x0100_002F);

/// An empty database as in TV-4.
pub(crate) fn empty(profile: Profile) -> MemDisk {
    let disk = MemDisk::new();
    let files = database(&FreshParams {
        profile,
        created: NOW,
        zone: "UTC",
        tree_id: TreeId([5; 16]),
        secured: &[
            (Some(0x2C), SECURED[0]),
            (Some(0x2F), SECURED[1]),
            (Some(0x2D), SECURED[2]),
        ],
    })
    .unwrap();
    for file in files {
        disk.add_file(&path(&file.path), &file.bytes).unwrap();
    }
    disk.settle();
    disk
}

/// A path.
pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// The path of an object's file.
pub(crate) fn file_of(id: ObjectId) -> RelPath {
    path(&format!("{HOME}/{}", id.file_name()))
}

fn options() -> OpenOptions {
    OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    }
}

/// A view of a disk.
pub(crate) fn view(disk: &MemDisk) -> TreeView {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    TreeView::open(disk, DOMAIN, &options()).unwrap()
}

/// Makes one commit.
pub(crate) fn commit<T>(
    disk: &MemDisk,
    change: impl FnOnce(&mut MtaEdit<'_, '_>) -> Result<T, MtaError>,
) -> Result<T, MtaError> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut tree = TreeMut::open(shared, DOMAIN, &options())?;
    let (plan, done) = {
        let db = Database::open(tree.view())?;
        let mut edit = MtaEdit::new(&db, NOW)?;
        let done = change(&mut edit)?;
        (edit.finish()?, done)
    };
    let info = CommitInfo {
        command: Command::Deliver,
        user: "test".to_owned(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info)?;
    Ok(done)
}

/// A message.
pub(crate) fn message(number: u32) -> NewMessage {
    NewMessage {
        mts_id: format!("c=US;a= ;p=Org;l=EXSERV1-940407121352Z-{number}"),
        originator: format!("/o=Org/ou=Site/cn=Recipients/cn=u{number}"),
        submitted: NOW,
        subject: format!("number {number}"),
        content: vec![b'x'; 100 + usize::try_from(number % 4_000).unwrap()],
        ..NewMessage::default()
    }
}

/// A destination.
pub(crate) fn to(queue: ObjectId) -> Destination {
    Destination {
        queue,
        recipients: vec!["MS:NET/PO/ADMIN".to_owned()],
    }
}
