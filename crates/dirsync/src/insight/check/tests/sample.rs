//! A postoffice with a little of everything, as files that a test can damage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::core::base::Severity;
use crate::core::base::codepage::CodePage;
use crate::core::base::collate;
use crate::core::base::ident::HexId;
use crate::core::base::time::UnixTime;
use crate::core::format::access::{Access2Record, Access3Record, AccessRecord};
use crate::core::format::fresh::{FreshParams, fresh_postoffice};
use crate::core::format::galindex;
use crate::core::format::galnetpo::{FIRST_TID, GALNETPO, GalNetPoHeader, GalNetPoRecord};
use crate::core::format::group::{GROUP, GRPMEM, GroupHeader, GroupRecord, GrpMemRecord};
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mai::{Attachment, Mai, message_id};
use crate::core::format::mbg::{MbgDate, MbgRecord};
use crate::core::format::netpo::{NETPO, NetPoHeader, NetPoRecord};
use crate::core::format::nme::NmeRecord;
use crate::core::format::p1::P1;
use crate::core::format::process::{PROCESS, ProcessHeader, ProcessRecord};
use crate::core::format::transactions::Record;
use crate::core::format::usr::UsrRecord;
use crate::core::format::xtn::XtnRecord;
use crate::core::format::{CpField, FixedRecord, Hex8};
use crate::insight::check::{CheckOptions, Checked, FixWhat, Fixed, check, fix};
use crate::tree::disk::mem::MemDisk;
use crate::tree::disk::{Disk, EntryKind};
use crate::tree::journal::CommitInfo;
use crate::tree::view::{OpenOptions, TreeMut, TreeView};
use crate::tree::{Command, Domain, DomainKind, RelPath};

/// The time at which all checks of these tests run.
pub(super) const NOW: u32 = 1_000_000_000;

/// A tree that is not on a disk yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) dirs: BTreeSet<String>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) specials: BTreeMap<String, EntryKind>,
    pub(super) strange: Vec<(String, String)>,
    pub(super) links: Vec<(String, String)>,
    /// Files of this length without any bytes.
    pub(super) sparse: BTreeMap<String, u64>,
    /// Time of all files, seconds since 1970.
    pub(super) modified: i64,
}

pub(super) fn text<const N: usize>(text: &str) -> CpField<N> {
    CpField::from_bytes(&CodePage::Cp850.encode(text).unwrap()).unwrap()
}

pub(super) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn encode<R: FixedRecord>(records: &[R]) -> Vec<u8> {
    records.iter().flat_map(FixedRecord::encode).collect()
}

/// The entry of a list.
pub(super) fn entry(kind: u8, alias: &str, tid: u32, pointer: u32, hexid: u32) -> NmeRecord {
    let mut entry = NmeRecord::zeroed();
    entry.kind = kind;
    entry.alias = text(alias);
    entry.tid.set(tid);
    entry.pointer.set(pointer);
    entry.hexid.set(hexid);
    entry
}

/// The header of a message.
pub(super) fn header(mai: u32) -> MbgRecord {
    let mut header = MbgRecord::zeroed();
    header.sender = text("anna");
    header.subject = text("Hello");
    header.mai = Hex8::from_id(HexId(mai));
    header.date = MbgDate::from_seconds_utc(NOW);
    header
}

pub(super) fn usr(alias: &str, mailbox: &str, tid: u32) -> UsrRecord {
    let mut usr = UsrRecord::zeroed();
    usr.state = 1;
    usr.alias = text(alias);
    usr.mailbox = text(mailbox);
    usr.tid.set(tid);
    usr.inf_record.set(u32::MAX);
    usr
}

pub(super) fn letter(stem: u32, counter: u16) -> Mai {
    let mut mai = Mai::new(b"NET/PO/anna", NOW, message_id(b"NET/PO", HexId(stem), NOW))
        .to(b"NET/PO/Admin")
        .subject(b"Hello");
    mai.counter = counter;
    mai.text = b"Hello\r\n".to_vec();
    mai
}

impl Sample {
    /// A fresh postoffice, as `init` makes it.
    pub(super) fn fresh() -> Self {
        let tree = fresh_postoffice(&FreshParams {
            network: b"NET",
            postoffice: b"PO",
            admin_mailbox: b"Admin",
            admin_full_name: b"Administrator",
            created: "2001-01-01T00:00:00Z".parse().unwrap(),
            zone: "UTC",
            tree_id: TreeId([7; 16]),
            serial: b"",
        })
        .unwrap();
        Self {
            dirs: tree
                .directories
                .iter()
                .map(|dir| (*dir).to_owned())
                .collect(),
            files: tree
                .files
                .into_iter()
                .map(|file| (file.path, file.bytes))
                .collect(),
            modified: i64::from(NOW) - 60,
            ..Self::default()
        }
    }

    /// A postoffice with a user, two external postoffices, a group, messages and a GAL.
    pub(super) fn filled() -> Self {
        let mut sample = Self::fresh();
        sample.add_user();
        sample.add_externals();
        sample.add_group();
        sample.add_mail();
        sample.add_gal();
        sample.put(
            "GLB/CONTROL.GLB",
            [5u32.to_le_bytes(), 4u32.to_le_bytes()].concat(),
        );
        sample.put("GLB/TID.GLB", 6u32.to_le_bytes().to_vec());
        let line = Record::transaction(1, NOW, b"A Anna Alpha\tPCM:NET/PO/anna");
        sample.put("GLB/REQTRANS.GLB", line.encode().unwrap());
        let mut t1 = ProcessRecord::zeroed();
        t1.state = 1;
        t1.id = 1;
        sample.put(
            "GLB/PROCESS.GLB",
            PROCESS.build(&ProcessHeader::fresh(b"UTC"), &[t1]),
        );
        sample
    }

    fn add_user(&mut self) {
        let mut access = AccessRecord::zeroed();
        access.state = 1;
        access.dirsync = 1;
        access.grpmem.set(4);
        self.append("GLB/ACCESS.GLB", &access.encode());
        let mut access2 = Access2Record::zeroed();
        access2.state = 1;
        access2.mailbox = text("anna");
        access2.full_name = text("Anna Alpha");
        access2.mailbag = Hex8::from_id(HexId(2));
        access2.tid.set(2);
        self.append("GLB/ACCESS2.GLB", &access2.encode());
        let mut access3 = Access3Record::zeroed();
        access3.state = 1;
        self.append("GLB/ACCESS3.GLB", &access3.encode());
        self.put(
            "NME/00000002.NME",
            encode(&[entry(2, "Far Friend", 5, 4, 3)]),
        );
        self.put("GRP/00000002.GRP", vec![0; 8]);
        self.pair("00000002", &[]);
        let list = [
            entry(1, "Administrator", 1, 0, 0),
            entry(1, "Anna Alpha", 2, 69, 2),
            entry(2, "Far Friend", 5, 4, 3),
            entry(4, "Team", 6, 8, 6),
        ];
        self.put("NME/ADMIN.NME", encode(&list));
        self.put("NME/ADMINSHD.NME", encode(&list));
        let mut friend = NetPoRecord::zeroed();
        friend.network = text("NET");
        friend.postoffice = text("HUBPO");
        friend.mailbox = text("friend");
        friend.mailbag.set(3);
        friend.state = 1;
        let deleted = NetPoRecord::zeroed();
        let mut head = NetPoHeader::zeroed();
        head.deleted.set(47);
        self.put("GLB/NETPO.GLB", NETPO.build(&head, &[friend, deleted]));
    }

    fn add_externals(&mut self) {
        let mut hub = XtnRecord::zeroed();
        hub.state = 1;
        hub.postoffice = text("HUBPO");
        hub.mailbag = Hex8::from_id(HexId(3));
        hub.route = 1;
        hub.indirect_count.set(1);
        let mut far = XtnRecord::zeroed();
        far.state = 1;
        far.postoffice = text("FARPO");
        far.mailbag = Hex8::from_id(HexId(4));
        far.route = 4;
        far.hub_network = text("NET");
        far.hub_postoffice = text("HUBPO");
        self.put("XTN/00000001.XTN", encode(&[hub, far]));
        self.put(
            "USR/00000003.USR",
            encode(&[usr("Bea Beta", "bea", 3), usr("Cy Gamma", "cy", 4)]),
        );
        self.put("USR/00000004.USR", Vec::new());
        self.pair("00000003", &[]);
        self.pair("00000004", &[]);
    }

    fn add_group(&mut self) {
        let mut team = GroupRecord::zeroed();
        team.state = 1;
        team.alias = text("Team");
        team.address = text("TEAM");
        team.tid.set(6);
        team.pointer.set(8);
        self.put(
            "GLB/GROUP.GLB",
            GROUP.build(&GroupHeader::zeroed(), &[team]),
        );
        // Free place 24; places 8 and 16 hold Anna and the friend.
        let chain: Vec<u8> = [24u32, 0, 2, 16, 5, 0, 0, 0]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect();
        self.put("GRP/ADMIN.GRP", chain.clone());
        self.put("GRP/ADMINSHD.GRP", chain);
        self.put("MEM/00000006.MEM", 2u32.to_le_bytes().to_vec());
        let mut folders = GrpMemRecord::zeroed();
        folders.mailbag.set(2);
        folders.status.set(1);
        folders.groups[0].set(6);
        self.put(
            "GLB/GRPMEM.GLB",
            GRPMEM.build(&GroupHeader::zeroed(), &[folders]),
        );
    }

    fn add_mail(&mut self) {
        let mut first = letter(1, 2);
        first.attachments.push(Attachment {
            name: b"A.TXT".to_vec(),
            stem: HexId(2),
            size_bytes: 3,
        });
        self.put("MAI/MA1/00000001.MAI", first.encode().unwrap());
        self.put("ATT/AT2/00000002.ATT", b"abc".to_vec());
        self.pair("00000002", &[header(1)]);
        self.pair("00000000", &[header(1)]);
        let queued = letter(3, 1);
        let envelope = P1::for_message(&queued, HexId(3), vec![b"NET/HUBPO/friend".to_vec()]);
        self.put("MAI/MA3/00000003.MAI", queued.encode().unwrap());
        self.put("P1/00000003.P1", envelope.encode().unwrap());
        self.pair("INQUEUE", &[header(3)]);
    }

    fn add_gal(&mut self) {
        let list = [
            entry(1, "Administrator", 1, 0, 0),
            entry(1, "Anna Alpha", 2, 69, 2),
            entry(2, "Bea Beta", FIRST_TID, 4, 3),
        ];
        self.poke("GLB/MASTER.GLB", 42, &[1]);
        self.put("NME/GAL.NME", encode(&list));
        self.put(
            "GLB/GALINDEX.GLB",
            galindex::build(&list, collate::key).unwrap(),
        );
        let mut head = GalNetPoHeader::zeroed();
        head.lowest_tid.set(FIRST_TID);
        let mut bea = GalNetPoRecord::zeroed();
        bea.network = text("NET");
        bea.postoffice = text("HUBPO");
        bea.mailbox = text("bea");
        bea.mailbag.set(3);
        bea.tid.set(FIRST_TID);
        bea.state = 1;
        self.put("GLB/GALNETPO.GLB", GALNETPO.build(&head, &[bea]));
    }

    /// A mailbag with these headers, all live.
    pub(super) fn pair(&mut self, stem: &str, headers: &[MbgRecord]) {
        self.put(&format!("KEY/{stem}.KEY"), vec![0; 560]);
        self.put(&format!("MBG/{stem}.MBG"), encode(headers));
    }

    pub(super) fn put(&mut self, path: &str, bytes: Vec<u8>) {
        self.files.insert(path.to_owned(), bytes);
    }

    pub(super) fn append(&mut self, path: &str, bytes: &[u8]) {
        self.files
            .entry(path.to_owned())
            .or_default()
            .extend_from_slice(bytes);
    }

    pub(super) fn remove(&mut self, path: &str) {
        assert!(self.files.remove(path).is_some(), "{path}");
    }

    /// Writes bytes into an existing file.
    pub(super) fn poke(&mut self, path: &str, offset: usize, bytes: &[u8]) {
        let file = self.files.get_mut(path).unwrap_or_else(|| panic!("{path}"));
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// As [`Sample::poke`], in ADMIN.NME and its shadow.
    pub(super) fn poke_list(&mut self, offset: usize, bytes: &[u8]) {
        self.poke("NME/ADMIN.NME", offset, bytes);
        self.poke("NME/ADMINSHD.NME", offset, bytes);
    }

    /// As [`Sample::poke`], in ADMIN.GRP and its shadow.
    pub(super) fn poke_chain(&mut self, offset: usize, bytes: &[u8]) {
        self.poke("GRP/ADMIN.GRP", offset, bytes);
        self.poke("GRP/ADMINSHD.GRP", offset, bytes);
    }

    pub(super) fn resize(&mut self, path: &str, len: usize) {
        self.files
            .get_mut(path)
            .unwrap_or_else(|| panic!("{path}"))
            .resize(len, 0);
    }

    /// A tree that this project did not make.
    pub(super) fn foreign(mut self) -> Self {
        self.remove("GLB/LAYOUT.TXT");
        self
    }

    pub(super) fn disk(&self) -> MemDisk {
        let disk = MemDisk::new();
        disk.set_time(self.modified);
        for dir in &self.dirs {
            disk.add_dir(&path(dir)).unwrap();
        }
        for (file, bytes) in &self.files {
            disk.add_file(&path(file), bytes).unwrap();
        }
        for (special, kind) in &self.specials {
            disk.add_special(&path(special), *kind).unwrap();
        }
        for (dir, name) in &self.strange {
            disk.add_strange(&path(dir), name, EntryKind::File).unwrap();
        }
        for (file, name) in &self.links {
            disk.add_hard_link(&path(file), &path(name)).unwrap();
        }
        for (file, len) in &self.sparse {
            let file = path(file);
            if disk.stat(&file).unwrap().is_some() {
                disk.unlink(&file).unwrap();
            }
            disk.create_new(&file).unwrap().set_len(*len).unwrap();
        }
        disk.settle();
        disk
    }
}

pub(super) const DOMAIN: Domain = Domain {
    kind: DomainKind::Postoffice,
};

pub(super) fn options() -> CheckOptions {
    CheckOptions {
        now_unix_s: NOW,
        ..CheckOptions::default()
    }
}

pub(super) fn view(disk: &MemDisk) -> TreeView {
    TreeView::open(Arc::new(disk.clone()), DOMAIN, &OpenOptions::default()).unwrap()
}

pub(super) fn look(disk: &MemDisk) -> Checked {
    check(&view(disk), &options(), &mut |_| {}).unwrap()
}

pub(super) fn info() -> CommitInfo {
    CommitInfo {
        command: Command::CheckFix,
        user: "test".into(),
        now: UnixTime(NOW),
        counts: Vec::new(),
    }
}

pub(super) fn open(disk: &MemDisk) -> TreeMut {
    TreeMut::open(Arc::new(disk.clone()), DOMAIN, &OpenOptions::default()).unwrap()
}

pub(super) fn mend(disk: &MemDisk, what: &FixWhat) -> Fixed {
    fix(&mut open(disk), &options(), what, &info(), &mut |_| {}).unwrap()
}

/// The ids that were found, without notes.
pub(super) fn ids(checked: &Checked) -> BTreeSet<&'static str> {
    checked
        .found
        .iter()
        .filter(|found| found.finding.severity > Severity::Note)
        .map(|found| found.finding.id.0)
        .collect()
}

/// All ids that were found.
pub(super) fn all_ids(checked: &Checked) -> BTreeSet<&'static str> {
    checked
        .found
        .iter()
        .map(|found| found.finding.id.0)
        .collect()
}

#[test]
fn the_samples_are_sound() {
    for (sample, notes) in [(Sample::fresh(), &[][..]), (Sample::filled(), &[""; 0][..])] {
        let checked = look(&sample.disk());
        let found: Vec<_> = checked.found.iter().map(|f| &f.finding).collect();
        let ids: Vec<_> = found.iter().map(|f| f.id.0).collect();
        assert_eq!(ids, notes, "{found:#?}");
        assert!(checked.worst() <= Some(Severity::Note));
    }
}
