//! A small mail network in memory, for tests: postoffices, routes, and an account of every message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::core::base::address::Address;
use crate::core::base::ident::{HexId, MailbagStem, mai_path};
use crate::core::base::time::UnixTime;
use crate::core::format::fresh::{FreshParams, fresh_postoffice};
use crate::core::format::key::Key;
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mai::Mai;
use crate::core::format::mailbag::Mailbag;
use crate::core::format::network::NETWORK;
use crate::core::format::p1::P1;
use crate::core::format::xtn::{Route, XtnRecord};
use crate::core::format::{CpField, FixedRecord as _, Hex8};
use crate::postoffice::Edit;
use crate::postoffice::mail::{Outgoing, submit};
use crate::progress::NoProgress;
use crate::tree::disk::Disk;
use crate::tree::disk::EntryName;
use crate::tree::disk::mem::MemDisk;
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, Domain, DomainKind, OpenOptions, RelPath, TreeMut, TreeView};

use super::deliver::{DeliverOptions, DeliverReport, deliver};
use super::far::{Connector, FarError, FarSide, Local};

pub(crate) const NOW: UnixTime = UnixTime(765_720_832);

pub(crate) fn p(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    }
}

pub(crate) const DOMAIN: Domain = Domain {
    kind: DomainKind::Postoffice,
};

/// A fresh postoffice `NET/name`.
pub(crate) fn postoffice(name: &str) -> MemDisk {
    let mut id = [0; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    let tree = fresh_postoffice(&FreshParams {
        network: b"NET",
        postoffice: name.as_bytes(),
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created: "1994-04-07T09:00:00Z".parse().unwrap(),
        zone: "UTC",
        tree_id: TreeId(id),
        serial: b"0000-00000",
    })
    .unwrap();
    let disk = MemDisk::new();
    for dir in &tree.directories {
        disk.add_dir(&p(dir)).unwrap();
    }
    for file in &tree.files {
        disk.add_file(&p(&file.path), &file.bytes).unwrap();
    }
    disk.settle();
    disk
}

pub(crate) fn read(disk: &MemDisk, path: &str) -> Option<Vec<u8>> {
    let view = TreeView::open(Arc::new(disk.clone()), DOMAIN, &options()).unwrap();
    view.read(path, 1 << 24).unwrap()
}

/// One commit.
pub(crate) fn edited<T>(disk: &MemDisk, change: impl FnOnce(&mut Edit<'_>) -> T) -> T {
    let mut tree = TreeMut::open(Arc::new(disk.clone()), DOMAIN, &options()).unwrap();
    let mut edit = Edit::new(tree.view());
    let made = change(&mut edit);
    let plan = edit.finish().unwrap();
    tree.commit(&plan, &info()).unwrap();
    made
}

pub(crate) fn info() -> CommitInfo {
    CommitInfo {
        command: Command::T1,
        user: "test".into(),
        now: NOW,
        counts: Vec::new(),
    }
}

/// Makes `NET/other` an external postoffice; through `NET/hub` when one is given (which must be
/// known already). Returns its mailbag.
pub(crate) fn know(disk: &MemDisk, other: &str, hub: Option<(&str, HexId)>) -> HexId {
    let networks = read(disk, "GLB/NETWORK.GLB").unwrap();
    let own = NETWORK.view(&networks).unwrap().records[0].clone();
    let xtn = own.xtn.get().unwrap().unwrap();
    edited(disk, |edit| {
        let mailbag = edit.mailbag().unwrap();
        let mut record = XtnRecord::zeroed();
        record.state = 1;
        record.postoffice = CpField::from_bytes(other.as_bytes()).unwrap();
        record.mailbag = Hex8::from_id(mailbag);
        record.route = Route::Direct.code();
        if let Some((hub, hub_mailbag)) = hub {
            record.route = Route::Indirect.code();
            record.hub_network = CpField::from_bytes(b"NET").unwrap();
            record.hub_postoffice = CpField::from_bytes(hub.as_bytes()).unwrap();
            record.hub_mailbag = Hex8::from_id(hub_mailbag);
        }
        edit.append(&format!("XTN/{xtn}.XTN"), &record.encode())
            .unwrap();
        edit.create(&format!("KEY/{mailbag}.KEY"), Key::empty().bytes().to_vec())
            .unwrap();
        edit.create(&format!("MBG/{mailbag}.MBG"), Vec::new())
            .unwrap();
        edit.create(&format!("USR/{mailbag}.USR"), Vec::new())
            .unwrap();
        mailbag
    })
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text.as_bytes()).unwrap()
}

/// Submits a message with an attachment of its own; the subject is its name in the account.
pub(crate) fn send(disk: &MemDisk, from: &str, to: &[&str], subject: &str) -> HexId {
    let message = Outgoing {
        text: format!("text of {subject}\r\n").into_bytes(),
        attachments: vec![(b"A.TXT".to_vec(), subject.as_bytes().to_vec())],
        ..Outgoing::new(
            address(from),
            to.iter().map(|to| address(to)).collect(),
            subject.as_bytes(),
            NOW,
        )
    };
    edited(disk, |edit| submit(edit, &message).unwrap())
}

/// Trees by path; each can be replaced by another disk (one with a fault, one that crashed).
#[derive(Default)]
pub(crate) struct Net {
    pub(crate) disks: BTreeMap<String, Arc<dyn Disk>>,
}

impl Net {
    pub(crate) fn of(disks: &[(&str, &MemDisk)]) -> Self {
        Self {
            disks: disks
                .iter()
                .map(|(path, disk)| {
                    let disk: Arc<dyn Disk> = Arc::new((*disk).clone());
                    ((*path).to_owned(), disk)
                })
                .collect(),
        }
    }

    pub(crate) fn deliver(&self) -> DeliverReport {
        self.deliver_with(&DeliverOptions::new(NOW, "test"))
    }

    pub(crate) fn deliver_with(&self, options: &DeliverOptions) -> DeliverReport {
        let paths: Vec<String> = self.disks.keys().cloned().collect();
        deliver(&paths, self, options, &NoProgress).unwrap()
    }
}

impl Connector for Net {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        match self.disks.get(path) {
            Some(disk) => Ok(Box::new(Local::new(Arc::clone(disk), options()))),
            None => Err(FarError::Ended("there is no such directory".into())),
        }
    }
}

/// The live headers of a mailbag: subject and stem.
pub(crate) fn headers(disk: &MemDisk, mailbag: MailbagStem) -> Vec<(String, HexId)> {
    let key = read(disk, &mailbag.key_path()).unwrap();
    let mbg = read(disk, &mailbag.mbg_path()).unwrap();
    let bag = Mailbag::view(Key::view(&key).unwrap(), &mbg).unwrap();
    assert!(bag.trailing().is_empty(), "{mailbag}");
    bag.live()
        .map(|(_, record)| {
            (
                record.subject.to_string_850(),
                record.mai.get().unwrap().unwrap(),
            )
        })
        .collect()
}

pub(crate) fn subjects(disk: &MemDisk, mailbag: MailbagStem) -> Vec<String> {
    headers(disk, mailbag).into_iter().map(|(s, _)| s).collect()
}

pub(crate) const ADMIN: MailbagStem = MailbagStem::Id(HexId(0));

/// The files of mail as a reader sees them: a commit that a crash left to be completed counts.
fn seen(disk: &MemDisk) -> Vec<String> {
    let view = TreeView::open(Arc::new(disk.clone()), DOMAIN, &options()).unwrap();
    let mut dirs = vec!["MBG".to_owned(), "P1".to_owned()];
    for digit in "0123456789ABCDEF".chars() {
        dirs.push(format!("MAI/MA{digit}"));
        dirs.push(format!("ATT/AT{digit}"));
    }
    let mut files = Vec::new();
    for dir in dirs {
        for entry in view.list(&dir, 10_000).unwrap() {
            let EntryName::Plain(name) = entry.name else {
                panic!("{entry:?}");
            };
            files.push(format!("{dir}/{name}"));
        }
    }
    files
}

/// Every message file is named by exactly as many mailbag records as it counts, every attachment by
/// one message, every envelope by one header; no mailbag names a message twice.
pub(crate) fn account(disk: &MemDisk) {
    let files = seen(disk);
    let mut references: BTreeMap<HexId, u16> = BTreeMap::new();
    let mut envelopes: BTreeSet<String> = BTreeSet::new();
    for path in files.iter().filter(|path| path.starts_with("MBG/")) {
        let Some(stem) = path
            .strip_prefix("MBG/")
            .and_then(MailbagStem::of_file_name)
        else {
            continue;
        };
        let mut seen = BTreeSet::new();
        for (subject, mai) in headers(disk, stem) {
            assert!(seen.insert(mai), "{stem} names {mai} twice ({subject})");
            *references.entry(mai).or_default() += 1;
            if [MailbagStem::INQUEUE, MailbagStem::INQUEUE3].contains(&stem) {
                envelopes.insert(format!("P1/{mai}.P1"));
            }
        }
    }
    let mut attachments = BTreeSet::new();
    for path in &files {
        if path.ends_with(".MAI") {
            let bytes = read(disk, path).unwrap();
            let mai = Mai::decode(&bytes).unwrap().mai;
            let stem: HexId = path[8..16].parse().unwrap();
            assert_eq!(*path, mai_path(stem));
            assert_eq!(
                Some(&mai.counter),
                references.get(&stem),
                "{path} of {:?}",
                String::from_utf8_lossy(&mai.subject)
            );
            references.remove(&stem);
            for attachment in mai.attachments {
                let path = crate::core::base::ident::att_path(attachment.stem);
                let bytes = read(disk, &path);
                if mai.from.ends_with(b"POSTMASTER") {
                    continue;
                }
                assert_eq!(bytes.as_deref(), Some(&mai.subject[..]), "{path}");
                assert!(attachments.insert(path));
            }
        }
    }
    assert!(references.is_empty(), "headers without MAI: {references:?}");
    for path in &files {
        if path.ends_with(".ATT") {
            assert!(attachments.contains(path), "{path} belongs to nobody");
        }
        if path.ends_with(".P1") {
            assert!(envelopes.contains(path), "{path} belongs to nobody");
        }
        if path.starts_with("P1/") && path.contains(".P") && !path.ends_with(".P1") {
            let part = P1::decode(&read(disk, path).unwrap()).unwrap();
            let mailbag = MailbagStem::Id(part.mailbag.unwrap());
            assert!(
                headers(disk, mailbag)
                    .iter()
                    .any(|(_, mai)| *mai == part.stem),
                "{path} belongs to nobody"
            );
        }
    }
}

/// A MAI or P1 file whose subject has 40 bytes, with one byte more: it can be read, and not written.
pub(crate) fn with_long_subject(bytes: &[u8]) -> Vec<u8> {
    let head = [0x4C, 0x2B, 0x07, 0x02, 0x28];
    let at = bytes
        .windows(head.len())
        .position(|part| part == head)
        .unwrap();
    let mut long = bytes[..at].to_vec();
    long.extend([0x4C, 0x2C, 0x07, 0x02, 0x29, b'+']);
    long.extend(&bytes[at + head.len()..]);
    let len = u32::from_be_bytes([0, long[2], long[3], long[4]]) + 1;
    long[2..5].copy_from_slice(&len.to_be_bytes()[1..]);
    long
}
