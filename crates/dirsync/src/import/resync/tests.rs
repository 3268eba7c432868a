//! RESYNC.GLB made at NET/SRV and taken by NET/HQ.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::core::base::HexId;
use crate::core::base::codepage::CodePage;
use crate::core::base::logline::LogSeverity;
use crate::core::format::FixedRecord as _;
use crate::core::format::group::GroupRecord;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::reqconf::{ReqConfRecord, req_options};
use crate::core::format::srvconf::SRVCONF;
use crate::core::format::template::Template;
use crate::core::format::transactions::{Item, Kind, Reader, Record, RecordHead, Trust};
use crate::core::format::usr::UsrRecord;
use crate::core::format::xtn::Route;
use crate::core::protocol::numbers::Numbers;
use crate::import::ImportError;
use crate::import::queue::{BADTRANS, Imported, QueueOptions, SRVTRANS, run_queue};
use crate::import::testtree::*;
use crate::postoffice::config::{load_srvconf, server};
use crate::postoffice::groups::NewGroup;
use crate::postoffice::testtree::TestPo;
use crate::progress::{NoProgress, Progress};
use crate::tree::disk::mem::MemDisk;
use crate::tree::{Command, TreeView};

/// The server NET/SRV with its own users Admin (kept out), able and Mark, the postoffice NET/RB (20h),
/// and an SMTP gateway.
fn srv() -> TestPo {
    let po = TestPo::new("NET", "SRV");
    po.edit(|edit| server::on(edit).map(|_| ())).unwrap();
    po.add_user("able", "able is he");
    po.add_user("mark", "Mark");
    po.lists(|lists, edit| {
        let group = NewGroup {
            name: b"Both".to_vec(),
            address: b"both".to_vec(),
            members: vec![b"able is he".to_vec(), b"Mark".to_vec()],
            dirsync: true,
        };
        lists.add_group(edit, &group)
    })
    .unwrap();
    add_place(&po.disk, 1, "RB", 0x20, Route::Direct);
    put_usr(&po.disk, 0x20, &[("Bell", "bell", 5), ("Zola", "zola", 6)]);
    po
}

fn numbers(po: &TestPo, all: &[[u32; 3]], own_srv: u32) {
    po.edit(|edit| {
        let (header, mut records) = load_srvconf(edit)?;
        let sample = records[0].clone();
        records.resize(all.len(), sample);
        for (at, (record, [req, srv, imp])) in records.iter_mut().zip(all).enumerate() {
            if at > 0 {
                record.postoffice = field(&format!("R{at}"));
            }
            record.req_sync.set(*req);
            record.srv_sync.set(*srv);
            record.imp_sync.set(*imp);
        }
        Ok(edit.write("GLB/SRVCONF.GLB", SRVCONF.build(&header, &records))?)
    })
    .unwrap();
    conf_of(&po.disk, |conf| conf.srv_sync.set(own_srv));
}

fn conf_of(disk: &MemDisk, change: impl FnOnce(&mut ReqConfRecord)) -> ReqConfRecord {
    let mut conf = ReqConfRecord::decode(&read(disk, "GLB/REQCONF.GLB").unwrap()).unwrap();
    change(&mut conf);
    put(disk, "GLB/REQCONF.GLB", &conf.encode());
    conf
}

fn made(view: &TreeView) -> Result<(Vec<u8>, Created), ImportError> {
    let mut bytes = Vec::new();
    let created = create(view, NOW, &NoProgress, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok((bytes, created))
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::new(bytes, Trust::Tree);
    let mut texts = Vec::new();
    while let Some(Ok(Item::Record { record, .. })) = reader.next_item() {
        texts.push(CodePage::Cp850.decode(record.text).replace('\t', "|"));
    }
    texts
}

fn codes(problems: &crate::import::Problems) -> Vec<u16> {
    let kept = problems.kept().iter();
    kept.filter_map(|problem| problem.line.code).collect()
}

/// NET/HQ, registered at NET/SRV, which it has a list of.
fn hq() -> MemDisk {
    let disk = fresh();
    add_place(&disk, 1, "SRV", 0x10, Route::Direct);
    put_usr(
        &disk,
        0x10,
        &[("able is he", "able", 11), ("Gone", "gone", 12)],
    );
    conf_of(&disk, |conf| {
        conf.set(req_options::REGISTERED, true);
        conf.srv_network = field("NET");
        conf.srv_postoffice = field("SRV");
    });
    disk
}

fn options() -> QueueOptions {
    QueueOptions::at(NOW)
}

fn taken_with(
    disk: &MemDisk,
    file: &[u8],
    options: &QueueOptions,
) -> Result<Imported, ImportError> {
    put(disk, RESYNC, file);
    let mut tree = writer(disk);
    run_queue(&mut tree, options, &info(Command::ImportQueue), &NoProgress).map(|done| done.0)
}

fn taken(disk: &MemDisk, file: &[u8]) -> Imported {
    taken_with(disk, file, &options()).unwrap()
}

fn conf(disk: &MemDisk) -> ReqConfRecord {
    ReqConfRecord::decode(&read(disk, "GLB/REQCONF.GLB").unwrap()).unwrap()
}

fn reqtrans(disk: &MemDisk) -> Vec<(u32, String)> {
    let bytes = read(disk, "GLB/REQTRANS.GLB").unwrap();
    let mut reader = Reader::new(&bytes[..], Trust::Tree);
    let mut found = Vec::new();
    while let Some(Ok(Item::Record { record, .. })) = reader.next_item() {
        found.push((record.head.sync, CodePage::Cp850.decode(record.text)));
    }
    found
}

/// A file with these numbers and texts.
fn file_of(header: &str, all: &[&str]) -> Vec<u8> {
    let head = RecordHead {
        date: NOW.0,
        kind: Kind::ResyncHeader,
        ..RecordHead::default()
    };
    let mut bytes = Record {
        head,
        text: header.as_bytes(),
    }
    .encode()
    .unwrap();
    for text in all {
        bytes.extend(
            Record::transaction(0, NOW.0, text.as_bytes())
                .encode()
                .unwrap(),
        );
    }
    bytes
}

const HEADER: &str = "IMPSEQ=0000000003 REQSEQ=0000000018 SRVSEQ=0000000080";

// rule: exc:R-RSY-005
// rule: imp:R-RSY-001
// rule: imp:R-RSY-003
// rule: imp:R-RSY-004
// rule: exc:R-RSY-005
// rule: imp:TV-RSY-1
// rule: dec:DEC-032
// rule: dsp:R-BUG-22
// rule: imp:OQ-4
// rule: imp:OQ-5
// rule: imp:OQ-6
// rule: imp:OQ-7
// rule: imp:OQ-8
// rule: std:5
// rule: tra:R-GWY-011
#[test]
fn the_file_holds_the_numbers_and_every_list_of_the_server() {
    let po = srv();
    numbers(&po, &[[17, 80, 1], [18, 0, 3], [12, 71, 2]], 80);
    add_network(&po.disk, "SMTP", 0x20, None, Some(0x30));
    let mut entry = NmeRecord::zeroed();
    entry.kind = NmeKind::Gateway.code();
    entry.address_type = 16;
    entry.alias = field("Outside");
    entry.pointer.set(4);
    put(&po.disk, "NME/SMTP.NME", &entry.encode());
    put(&po.disk, "GLB/SMTP.GLB", b"\0\0\0\0\x01\0\x05\0a@b.c");
    put(
        &po.disk,
        "TPL/00000020.TPL",
        b"Phone:~10~8~A~~\r\nCity/ST:~10~5~A~NY~\r\n",
    );
    put(&po.disk, "INF/00000020.INF", b"555-123\0\0NY\0\0\0\0");
    let mut users = read(&po.disk, "USR/00000020.USR").unwrap();
    let mut zola = UsrRecord::decode(&users[53..]).unwrap();
    zola.inf_record.set(0);
    users[53..].copy_from_slice(&zola.encode());
    put(&po.disk, "USR/00000020.USR", &users);
    let (bytes, created) = made(&po.view()).unwrap();
    assert_eq!(codes(&created.contents.problems), [0u16; 0]);
    assert_eq!(
        texts(&bytes),
        [
            HEADER,
            "R PCM:NET/SRV",
            "A able is he|PCM:NET/SRV/able",
            "A Mark|PCM:NET/SRV/mark",
            "A Both|PCM:NET/SRV/both",
            "R PCM:NET/RB",
            "T PCM:NET/RB\r\n Phone:~10~8~A~~\r\n City/ST:~10~5~A~NY~",
            "A Bell|PCM:NET/RB/bell",
            "A Zola|PCM:NET/RB/zola\r\n- Phone:/555-123",
            "R SMTP:",
            "A Outside|SMTP:a@b.c",
        ]
    );
    assert_eq!(created.requestors, ["NET/SRV", "NET/R1", "NET/R2"]);
    let read_back = look_through(Bytes(&bytes), "RESYNC.GLB").unwrap().unwrap();
    assert_eq!(read_back, created.contents);
    assert_eq!((read_back.entries, read_back.records), (6, 11));
    // The lists are only as new as the server's own last T3.
    conf_of(&po.disk, |conf| conf.srv_sync.set(75));
    let (bytes, created) = made(&po.view()).unwrap();
    assert!(texts(&bytes)[0].ends_with("SRVSEQ=0000000075"));
    assert_eq!(created.contents.problems.serious(), 1);
}

/// Bytes as a source.
struct Bytes<'a>(&'a [u8]);

impl crate::core::format::transactions::RecordSource for Bytes<'_> {
    type Error = crate::tree::TreeError;

    fn len_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        match self.0.read_at(offset, buffer) {
            Ok(n) => Ok(n),
            Err(never) => match never {},
        }
    }
}

// rule: imp:R-RSY-005
// rule: imp:R-GRP-004
// rule: imp:R-TPL-005
// rule: pof:R-GRP-009
// rule: tra:NEED-20
#[test]
fn what_cannot_be_told_is_left_out_and_named() {
    let po = srv();
    // A group whose tuple id ADMIN.NME does not know (Q122689).
    let mut groups = read(&po.disk, "GLB/GROUP.GLB").unwrap();
    let mut group = GroupRecord::decode(&groups[4..]).unwrap();
    group.tid.set(9_999);
    groups[4..].copy_from_slice(&group.encode());
    put(&po.disk, "GLB/GROUP.GLB", &groups);
    // An entry without a name, one without a mailbox.
    put_usr(
        &po.disk,
        0x20,
        &[("", "noname", 5), ("Nobox", "", 6), ("Zola", "zola", 7)],
    );
    // An empty X400.NME beside a filled X400.GLB (Q119240), a name without an address.
    put(&po.disk, "NME/X400.NME", b"");
    put(
        &po.disk,
        "GLB/X400.GLB",
        b"\0\0\0\0\x01\0\x05\0c=USa\x00\0\x01\0x",
    );
    let mut entry = NmeRecord::zeroed();
    entry.kind = NmeKind::Gateway.code();
    entry.alias = field("Nowhere");
    entry.pointer.set(400);
    put(&po.disk, "NME/SMTP.NME", &entry.encode());
    put(&po.disk, "GLB/SMTP.GLB", &[0; 4]);
    // Template data that does not fit its template.
    put(&po.disk, "TPL/00000020.TPL", b"Phone:~10~8~A~~\r\n");
    put(&po.disk, "INF/00000020.INF", b"short");
    let (bytes, created) = made(&po.view()).unwrap();
    // The group twice: GROUP.GLB has one that nobody knows, ADMIN.NME one without an address.
    let mut found = codes(&created.contents.problems);
    found.sort_unstable();
    assert_eq!(found, [36, 43, 46, 46, 81, 81, 81]);
    assert_eq!(
        texts(&bytes)[4..],
        [
            "R PCM:NET/RB",
            "T PCM:NET/RB\r\n Phone:~10~8~A~~",
            "A Zola|PCM:NET/RB/zola",
            "R SMTP:",
            "R X400:"
        ]
    );
    // A template that is none: the list goes without it.
    put(&po.disk, "TPL/00000020.TPL", b"Phone ~~\r\n");
    let (bytes, created) = made(&po.view()).unwrap();
    assert!(codes(&created.contents.problems).contains(&38));
    assert!(!texts(&bytes).iter().any(|text| text.starts_with('T')));
}

// rule: imp:R-RSY-006
#[test]
fn a_list_that_cannot_be_read_ends_it_with_63() {
    let po = srv();
    disk_remove(&po.disk, "USR/00000020.USR");
    let error = made(&po.view()).unwrap_err();
    assert!(
        error.to_string().starts_with("[ 63] Resync extract failed"),
        "{error}"
    );
    put_usr(&po.disk, 0x20, &[]);
    put(&po.disk, "GLB/USRTRANS.GLB", b"waits");
    let error = made(&po.view()).unwrap_err();
    assert!(error.to_string().starts_with("[ 14]"), "{error}");
    assert_eq!(error.class(), crate::tree::ErrorClass::Refused);
    let error = made(&view(&hq())).unwrap_err();
    assert!(error.to_string().starts_with("[ 67]"), "{error}");
}

// rule: imp:R-TPL-003
// rule: imp:R-TPL-006
#[test]
fn a_template_of_256_fields_goes_through_the_file() {
    let po = srv();
    let mut template = String::new();
    let mut data = Vec::new();
    for n in 0..256 {
        template.push_str(&format!("F{n}:~10~4~A~~\r\n"));
        data.extend_from_slice(format!("{n:03}").as_bytes());
        data.extend_from_slice(&[0, 0]);
    }
    put(&po.disk, "TPL/00000020.TPL", template.as_bytes());
    put(&po.disk, "INF/00000020.INF", &data);
    let mut users = read(&po.disk, "USR/00000020.USR").unwrap();
    let mut bell = UsrRecord::decode(&users[..53]).unwrap();
    bell.inf_record.set(0);
    users[..53].copy_from_slice(&bell.encode());
    put(&po.disk, "USR/00000020.USR", &users);
    let (bytes, created) = made(&po.view()).unwrap();
    assert_eq!(created.contents.lists[1].template_lines, 256);
    let disk = hq();
    conf_of(&disk, |conf| conf.set(req_options::RECEIVE_TEMPLATES, true));
    let imported = taken(&disk, &bytes);
    assert_eq!(imported.problems.total(), 0, "{:?}", imported.problems);
    // NET/RB was not known here: it was made, after what stands there.
    let stem = view(&disk)
        .list("TPL", 10)
        .unwrap()
        .into_iter()
        .find_map(|entry| {
            let name = format!("{:?}", entry.name);
            let stem = name.split('"').nth(1)?.strip_suffix(".TPL")?.to_owned();
            u32::from_str_radix(&stem, 16).ok()
        });
    let stem = HexId(stem.unwrap());
    let there = Template::parse(&read(&disk, &format!("TPL/{stem}.TPL")).unwrap()).unwrap();
    assert_eq!(there.fields.len(), 256);
    assert_eq!(read(&disk, &format!("INF/{stem}.INF")).unwrap(), data);
}

// rule: imp:R-RSP-002
// rule: imp:R-RSP-004
// rule: imp:R-RSP-007
// rule: imp:R-ID-004
// rule: dec:DEC-041
// rule: dec:DEC-031
// rule: dec:DEC-046
#[test]
fn lists_numbers_and_the_dummy_change_together_and_the_file_goes() {
    let disk = hq();
    let all = [
        "R PCM:NET/SRV",
        "A able is he\tPCM:NET/SRV/able",
        "A New\tPCM:NET/SRV/new",
        "R PCM:NET/HQ",
        "A Administrator\tPCM:NET/HQ/Admin",
    ];
    let imported = taken(&disk, &file_of(HEADER, &all));
    // The own list is skipped.
    assert_eq!((imported.counts.added, imported.counts.ignored), (2, 2));
    let list = usr(&disk, 0x10);
    assert_eq!(list[0], ("able is he".into(), "able".into(), 11));
    assert_eq!(list[1].0, "New");
    assert_eq!(list.len(), 2);
    let now = conf(&disk);
    assert_eq!(
        Numbers::of(&now),
        Numbers {
            req: 18,
            srv: 80,
            imp: 3
        }
    );
    assert!(now.has(req_options::RESYNC));
    assert_eq!(
        reqtrans(&disk),
        [(18, "# Last confirmed sync no".to_owned())]
    );
    assert_eq!(read(&disk, RESYNC), None);
    assert_eq!(read(&disk, SRVTRANS).unwrap().len(), 0);
    let text = log(&disk);
    assert!(
        text.contains("RESYNC.GLB taken: IMPSEQ=0000000003"),
        "{text}"
    );
    // Again there is nothing to do.
    let mut tree = writer(&disk);
    let again = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap();
    assert!(again.1.is_none());
}

// rule: imp:R-RSP-001
#[test]
fn what_waits_is_covered_up_to_srvseq_and_applied_behind_it_above() {
    let disk = hq();
    conf_of(&disk, |conf| conf.srv_sync.set(82));
    let mut waits = queue(0, &["R PCM:NET/SRV"]);
    waits.extend(queue(
        79,
        &["D able is he\tPCM:NET/SRV/able", "D New\tPCM:NET/SRV/new"],
    ));
    waits.extend(queue(81, &["A Newest\tPCM:NET/SRV/newest"]));
    put(&disk, SRVTRANS, &waits);
    let all = [
        "R PCM:NET/SRV",
        "A able is he\tPCM:NET/SRV/able",
        "A New\tPCM:NET/SRV/new",
    ];
    let imported = taken(&disk, &file_of(HEADER, &all));
    assert_eq!(imported.covered, 3);
    assert_eq!(codes(&imported.problems), [0u16; 0]);
    let names: Vec<String> = usr(&disk, 0x10).into_iter().map(|user| user.0).collect();
    assert_eq!(names, ["able is he", "New", "Newest"]);
}

// rule: imp:R-RSP-005
// rule: dsp:R-IMP-006
// rule: imp:OQ-18
// rule: tra:R-GWY-002
#[test]
fn gateways_that_are_not_here_and_unwanted_templates_are_no_problems() {
    let disk = hq();
    let all = [
        "R FAX:",
        "A Faxed\tFAX:a~b~c~1",
        "A Faxed too\tFAX:a~b~c~2",
        "R PCM:NET/SRV",
        "T PCM:NET/SRV\r\n Phone:~10~8~A~~",
        "A able is he\tPCM:NET/SRV/able\r\n- Phone:/1",
    ];
    let file = file_of(HEADER, &all);
    let imported = taken(&disk, &file);
    assert_eq!(codes(&imported.problems), [44, 73]);
    assert_eq!(
        (imported.problems.serious(), imported.counts.failed),
        (0, 0)
    );
    // From the queue the same is a problem.
    put(&disk, SRVTRANS, &queue(81, &["A Faxed\tFAX:a~b~c~1"]));
    let mut tree = writer(&disk);
    let (imported, _) = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap();
    assert_eq!(
        (imported.problems.serious(), imported.counts.failed),
        (1, 1)
    );
}

// rule: dec:DEC-043
// rule: dec:TV-DEC-6
// rule: imp:R-RSP-006
// rule: imp:R-QUE-006
#[test]
fn older_numbers_a_bulk_removal_and_a_full_disk_stop_it() {
    let many: Vec<(String, String)> = (0..60)
        .map(|n| (format!("U{n:02}"), format!("u{n}")))
        .collect();
    let many: Vec<(&str, &str, u32)> = many
        .iter()
        .map(|(name, mailbox)| (name.as_str(), mailbox.as_str(), 20))
        .collect();
    let disk = hq();
    put_usr(&disk, 0x10, &many);
    let file = file_of(HEADER, &["R PCM:NET/SRV", "A U01\tPCM:NET/SRV/u1"]);
    let state = |disk: &MemDisk| (conf(disk), usr(disk, 0x10), read(disk, "GLB/REQTRANS.GLB"));
    let before = state(&disk);
    let error = taken_with(&disk, &file, &options()).unwrap_err();
    assert!(error.to_string().contains("59 of 60 entries"), "{error}");
    assert_eq!(state(&disk), before);
    disk.set_capacity(Some(0));
    let plan = crate::import::queue::plan_queue(&view(&disk), &options(), &[], &NoProgress);
    assert!(
        matches!(plan, Err(ImportError::NoSpace { needed, .. }) if needed == 3 * file.len() as u64)
    );
    disk.set_capacity(None);
    let mut allowed = options();
    allowed.allow_deletes.allow("NET/SRV=59").unwrap();
    // A lower SRVSEQ is only said.
    conf_of(&disk, |conf| conf.srv_sync.set(95));
    let imported = taken_with(&disk, &file, &allowed).unwrap();
    assert_eq!(imported.resync.unwrap().after.srv, 80);
    assert!(log(&disk).contains("takes SrvSync back from 95 to 80"));
    for (req, imp) in [(19, 3), (18, 4)] {
        conf_of(&disk, |conf| {
            conf.req_sync.set(req);
            conf.imp_sync.set(imp);
        });
        let error = taken_with(&disk, &file, &options()).unwrap_err();
        let figures = format!("IMPSEQ 3 against {imp}, REQSEQ 18 against {req}");
        assert!(error.to_string().ends_with(&figures), "{error}");
        let older = QueueOptions {
            accept_older: true,
            ..options()
        };
        taken_with(&disk, &file, &older).unwrap();
        assert_eq!(conf(&disk).req_sync.get(), 18);
    }
}

// rule: imp:R-RSP-008
// rule: imp:R-RSP-003
#[test]
fn a_damaged_reqtrans_is_kept_aside_and_begins_anew() {
    let disk = hq();
    conf_of(&disk, |conf| conf.req_sync.set(4));
    let mut bytes = queue(4, &["A Old\tPCM:NET/HQ/old"]);
    bytes.extend_from_slice(b"no record");
    bytes.extend(queue(5, &["A Waits\tPCM:NET/HQ/waits"]));
    put(&disk, "GLB/REQTRANS.GLB", &bytes);
    let imported = taken(&disk, &file_of(HEADER, &["R PCM:NET/SRV"]));
    assert_eq!(codes(&imported.problems), [40]);
    assert_eq!(
        imported.problems.kept()[0].line.severity,
        LogSeverity::Warning
    );
    assert_eq!(read(&disk, BADTRANS).unwrap(), b"no record");
    assert_eq!(
        reqtrans(&disk)[1],
        (19, "A Waits\tPCM:NET/HQ/waits".to_owned())
    );
    assert_eq!(imported.resync.unwrap().waited[0].old, 5);
}

/// Stops the work after some steps.
struct Stop(AtomicU64);

impl Progress for Stop {
    fn start(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _n: u64) {}
    fn message(&self, _text: &str) {}
    fn stop_requested(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

// rule: imp:R-RSE-002
// rule: imp:R-IMP-025
// rule: imp:R-RSY-009
// rule: dsp:R-BUG-22
#[test]
fn a_long_file_is_taken_whole_or_after_an_interrupt_not_at_all() {
    let disk = hq();
    let texts: Vec<String> = (0..20_000)
        .map(|n| format!("A User {n:05}\tPCM:NET/SRV/u{n}"))
        .collect();
    let mut all = vec!["R PCM:NET/SRV"];
    all.extend(texts.iter().map(String::as_str));
    let file = file_of(HEADER, &all);
    put(&disk, RESYNC, &file);
    let before = disk.snapshot();
    for steps in [1, 5, 10] {
        let mut tree = writer(&disk);
        let stop = Stop(AtomicU64::new(steps));
        let error = run_queue(&mut tree, &options(), &info(Command::ImportQueue), &stop);
        assert!(matches!(error, Err(ImportError::Interrupted)), "{steps}");
        drop(tree);
        let mut after = disk.snapshot();
        after.retain(|path, _| !path.contains("TREE.LCK") && !path.contains("JOURNAL"));
        let mut before = before.clone();
        before.retain(|path, _| !path.contains("TREE.LCK") && !path.contains("JOURNAL"));
        assert_eq!(after, before);
    }
    let imported = taken(&disk, &file);
    assert_eq!(imported.counts.added, 20_000);
}

type Users = Vec<(String, String)>;

fn users() -> impl Strategy<Value = Users> {
    proptest::collection::vec(("[A-F]{1,3}", "[a-c]{1,2}"), 0..12).prop_map(|mut users| {
        users.sort();
        users.dedup_by(|a, b| a.0 == b.0);
        users
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    // rule: imp:R-RSY-002
    // rule: imp:R-RSY-004
    // rule: imp:R-RSP-004
    // rule: tra:R-ADM-054
    #[test]
    fn whatever_a_requestor_had_it_has_the_servers_lists_afterwards(
        theirs in users(),
        mine in users(),
        srv_mine in users(),
        numbers_of in proptest::collection::vec([0u32..50, 0u32..50, 0u32..5], 3),
        own in [0u32..50, 0u32..50, 0u32..5],
        waiting in 0u32..4,
    ) {
        let list = |users: &Users| -> Vec<(String, String, u32)> {
            users.iter().zip(1u32..).map(|((a, m), tid)| (a.clone(), m.clone(), tid)).collect()
        };
        let put_list = |disk: &MemDisk, stem, users: &Users| {
            let all = list(users);
            let rows: Vec<_> = all.iter().map(|(a, m, t)| (a.as_str(), m.as_str(), *t)).collect();
            put_usr(disk, stem, &rows);
        };
        let po = srv();
        put_list(&po.disk, 0x20, &theirs);
        numbers(&po, &numbers_of, 40);
        let (file, created) = made(&po.view()).unwrap();
        let header = created.contents.header;
        let disk = hq();
        add_place(&disk, 1, "RB", 0x40, Route::Direct);
        put_list(&disk, 0x40, &mine);
        put_list(&disk, 0x10, &srv_mine);
        conf_of(&disk, |conf| {
            Numbers { req: own[0], srv: own[1], imp: own[2] }.store(conf);
        });
        let texts: Vec<String> = (0..waiting).map(|n| format!("A W{n}\tPCM:NET/HQ/w{n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        put(&disk, "GLB/REQTRANS.GLB", &queue(own[0] + 1, &texts));
        let result = taken_with(&disk, &file, &options());
        let refused = header.impseq < own[2] || header.reqseq < own[0];
        prop_assert_eq!(result.is_err(), refused);
        if refused {
            prop_assert!(read(&disk, RESYNC).is_some());
            prop_assert_eq!(usr(&disk, 0x40).len(), mine.len());
        } else {
            let plain = |stem| -> Users {
                usr(&disk, stem).into_iter().map(|user| (user.0, user.1)).collect()
            };
            prop_assert_eq!(plain(0x40), theirs);
            prop_assert_eq!(plain(0x10).len(), 3);
            let now = Numbers::of(&conf(&disk));
            prop_assert_eq!((now.imp, now.req, now.srv), (header.impseq, header.reqseq, header.srvseq));
            let kept = reqtrans(&disk);
            prop_assert_eq!(u32::try_from(kept.len()), Ok(waiting + 1));
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert_eq!(kept[0].0, header.reqseq);
        }
    }

    // rule: dsp:R-BUG-23
    // rule: imp:R-RSY-009
    #[test]
    fn a_file_of_any_bytes_is_taken_whole_or_not_at_all(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "[ADMRT #-][ \t]?[a-z]{0,3}[\t ]?(PCM|SMTP|SNADS|X400)?:?[A-Z/]{0,9}(\r\n[ -&]?[a-z~/]{0,8})?"
                    .prop_map(|text| if text.is_empty() { Vec::new() } else { queue(0, &[&text]) }),
            ],
            0..8,
        ),
        with_header: bool,
        flip in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut file = if with_header { file_of(HEADER, &[]) } else { Vec::new() };
        file.extend(parts.concat());
        if let (Some(flip), false) = (flip, file.is_empty()) {
            let at = flip.index(file.len());
            file[at] ^= 4;
        }
        let disk = hq();
        let before = (usr(&disk, 0x10), conf(&disk));
        match taken_with(&disk, &file, &options()) {
            Ok(imported) => {
                prop_assert!(imported.resync.is_some());
                prop_assert_eq!(read(&disk, RESYNC), None);
            }
            Err(ImportError::ResyncDamaged(_)) => {
                prop_assert_eq!((usr(&disk, 0x10), conf(&disk)), before);
                prop_assert_eq!(read(&disk, RESYNC).unwrap(), file);
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}
