//! Small postoffices in memory for the tests of this floor.

use std::sync::Arc;

use crate::core::base::{CpField, Hex8, HexId, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::fresh::{FreshParams, fresh_postoffice};
use crate::core::format::layout_txt::TreeId;
use crate::core::format::network::NetworkRecord;
use crate::core::format::nme::NmeRecord;
use crate::core::format::record::LIVE;
use crate::core::format::transactions::Record;
use crate::core::format::usr::UsrRecord;
use crate::core::format::xtn::{Route, XtnRecord};
use crate::tree::disk::Disk as _;
use crate::tree::disk::mem::MemDisk;
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, Domain, DomainKind, OpenOptions, RelPath, TreeMut, TreeView};

/// 1994-04-07 12:13:52 UTC.
pub(crate) const NOW: UnixTime = UnixTime(765_720_832);

pub(crate) fn p(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// A fresh postoffice NET/HQ with administrator Admin.
pub(crate) fn fresh() -> MemDisk {
    let params = FreshParams {
        network: b"NET",
        postoffice: b"HQ",
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created: NOW.timestamp(),
        zone: "UTC",
        tree_id: TreeId([7; 16]),
        serial: b"0000-00000",
    };
    let tree = fresh_postoffice(&params).unwrap();
    let disk = MemDisk::new();
    for dir in &tree.directories {
        disk.add_dir(&p(dir)).unwrap();
    }
    for file in &tree.files {
        disk.add_file(&p(&file.path), &file.bytes).unwrap();
    }
    disk
}

pub(crate) fn view(disk: &MemDisk) -> TreeView {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    TreeView::open(Arc::new(disk.clone()), domain, &OpenOptions::default()).unwrap()
}

pub(crate) fn writer(disk: &MemDisk) -> TreeMut {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    TreeMut::open(Arc::new(disk.clone()), domain, &OpenOptions::default()).unwrap()
}

pub(crate) fn info(command: Command) -> CommitInfo {
    CommitInfo {
        command,
        user: "test".into(),
        now: NOW,
        counts: Vec::new(),
    }
}

pub(crate) fn read(disk: &MemDisk, path: &str) -> Option<Vec<u8>> {
    view(disk).read(path, 1 << 30).unwrap()
}

pub(crate) fn field<const N: usize>(text: &str) -> CpField<N> {
    CpField::from_bytes(text.as_bytes()).unwrap()
}

/// Removes a file, if it is there.
pub(crate) fn disk_remove(disk: &MemDisk, path: &str) {
    let _ = disk.unlink(&p(path));
    disk.settle();
}

/// Puts a file in place of what is there.
pub(crate) fn put(disk: &MemDisk, path: &str, bytes: &[u8]) {
    disk_remove(disk, path);
    disk.add_file(&p(path), bytes).unwrap();
    disk.settle();
}

/// Adds a network, or a gateway, with its XTN file if it has places.
pub(crate) fn add_network(
    disk: &MemDisk,
    name: &str,
    kind: u8,
    xtn: Option<u32>,
    mailbag: Option<u32>,
) {
    let mut bytes = read(disk, "GLB/NETWORK.GLB").unwrap();
    let mut record = NetworkRecord::zeroed();
    record.state = LIVE;
    record.kind = kind;
    record.name = field(name);
    if let Some(xtn) = xtn {
        record.xtn = Hex8::from_id(HexId(xtn));
        put(disk, &format!("XTN/{}.XTN", HexId(xtn)), b"");
    }
    if let Some(mailbag) = mailbag {
        record.mailbag = Hex8::from_id(HexId(mailbag));
    }
    bytes.extend(record.encode());
    put(disk, "GLB/NETWORK.GLB", &bytes);
}

/// Adds a postoffice or node to an XTN file.
pub(crate) fn add_place(disk: &MemDisk, xtn: u32, name: &str, stem: u32, route: Route) {
    let path = format!("XTN/{}.XTN", HexId(xtn));
    let mut bytes = read(disk, &path).unwrap();
    let mut record = XtnRecord::zeroed();
    record.state = LIVE;
    record.postoffice = field(name);
    record.mailbag = Hex8::from_id(HexId(stem));
    record.route = route.code();
    bytes.extend(record.encode());
    put(disk, &path, &bytes);
}

/// Writes a list of (alias, mailbox, tuple id).
pub(crate) fn put_usr(disk: &MemDisk, stem: u32, users: &[(&str, &str, u32)]) {
    let mut bytes = Vec::new();
    for (alias, mailbox, tid) in users {
        let mut record = UsrRecord::zeroed();
        record.state = LIVE;
        record.alias = field(alias);
        record.mailbox = field(mailbox);
        record.tid.set(*tid);
        record.inf_record.set(UsrRecord::NO_INF);
        bytes.extend(record.encode());
    }
    put(disk, &format!("USR/{}.USR", HexId(stem)), &bytes);
}

/// A list as (alias, mailbox, tuple id).
pub(crate) fn usr(disk: &MemDisk, stem: u32) -> Vec<(String, String, u32)> {
    let bytes = read(disk, &format!("USR/{}.USR", HexId(stem))).unwrap();
    assert_eq!(bytes.len() % 53, 0);
    bytes
        .chunks(53)
        .map(|bytes| {
            let record = UsrRecord::decode(bytes).unwrap();
            assert!(record.is_live());
            (
                record.alias.to_string_850(),
                record.mailbox.to_string_850(),
                record.tid.get(),
            )
        })
        .collect()
}

pub(crate) fn nme(disk: &MemDisk, path: &str) -> Vec<NmeRecord> {
    read(disk, path)
        .unwrap()
        .chunks(45)
        .map(|bytes| NmeRecord::decode(bytes).unwrap())
        .collect()
}

/// A transaction file, numbered from `first`.
pub(crate) fn queue(first: u32, texts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (sync, text) in (first..).zip(texts) {
        Record::transaction(sync, NOW.0, text.as_bytes())
            .encode_into(&mut bytes)
            .unwrap();
    }
    bytes
}

/// The text of DIRSYNC.LOG.
pub(crate) fn log(disk: &MemDisk) -> String {
    String::from_utf8(read(disk, "LOG/DIRSYNC.LOG").unwrap_or_default()).unwrap()
}
