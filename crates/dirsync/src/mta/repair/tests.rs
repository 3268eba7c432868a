//! Tests of the repair: the published logs, each kind of damage, many damages at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::check::check;
use super::super::edit::MtaEdit;
use super::super::fresh::{FreshParams, database};
use super::super::store::Database;
use super::super::testtree::{DXA, MSMAIL, NOW, commit, empty, file_of, message, path, to, view};
use super::super::{DOMAIN, MtaError};
use super::{Ending, Repair, RepairOptions, events, lines, plan_repair, repair};
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mta::message::{Data, Reference};
use crate::core::format::mta::queue::MemberRecord;
use crate::core::format::mta::{MessageKind, ObjectId, Profile};
use crate::progress::NoProgress;
use crate::tree::disk::Disk;
use crate::tree::disk::fault::{Counting, FaultDisk};
use crate::tree::disk::mem::MemDisk;
use crate::tree::disk::{DiskOp, EntryName};
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, OpenOptions, TreeMut};

const WORK: ObjectId = ObjectId(0x0100_0027);

macro_rules! published {
    ($name:literal) => {
        include_str!(concat!("../../../../../fixtures/", $name))
    };
}

fn options() -> RepairOptions {
    RepairOptions {
        remove: BTreeSet::new(),
        now: NOW,
        internal: false,
    }
}

fn run(disk: &MemDisk, options: &RepairOptions) -> Result<Repair, MtaError> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut tree = TreeMut::open(shared, DOMAIN, &OpenOptions::default())?;
    let info = CommitInfo {
        command: Command::MtaRepair,
        user: "test".to_owned(),
        now: NOW,
        counts: Vec::new(),
    };
    repair(&mut tree, options, &info, &NoProgress).map(|(repair, _)| repair)
}

fn text(repair: &Repair, verbose: bool) -> String {
    let mut text = String::new();
    lines(repair, verbose, &mut |line| {
        text.push_str(line);
        text.push('\n');
    });
    text
}

fn mend(disk: &MemDisk) -> (Ending, String) {
    let repair = run(disk, &options()).unwrap();
    (repair.ending, text(&repair, false))
}

fn with_queues(profile: Profile, secured: &[(Option<u32>, &str)]) -> MemDisk {
    let disk = MemDisk::new();
    let params = FreshParams {
        profile,
        created: NOW,
        zone: "UTC",
        tree_id: TreeId([7; 16]),
        secured,
    };
    for file in database(&params).unwrap() {
        disk.add_file(&path(&file.path), &file.bytes).unwrap();
    }
    disk.settle();
    disk
}

fn remove(disk: &MemDisk, id: u32) {
    disk.unlink(&file_of(ObjectId(id))).unwrap();
}

fn put(disk: &MemDisk, id: u32, bytes: &[u8]) {
    let path = file_of(ObjectId(id));
    if disk.stat(&path).unwrap().is_some() {
        disk.unlink(&path).unwrap();
    }
    disk.add_file(&path, bytes).unwrap();
}

fn bytes_of(disk: &MemDisk, name: &str) -> Vec<u8> {
    let file = disk.open_read(&path(name)).unwrap();
    let mut bytes = vec![0; usize::try_from(file.stat().unwrap().len).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

fn names(disk: &MemDisk, dir: &str) -> Vec<String> {
    let mut names = Vec::new();
    if disk.stat(&path(dir)).unwrap().is_none() {
        return names;
    }
    disk.list(&path(dir), &mut |entry| {
        if let EntryName::Plain(name) = entry.name {
            names.push(name);
        }
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    names.sort();
    names
}

/// Renames the quarantine, as `mtacheck rotate` does.
fn rotate(disk: &MemDisk) -> usize {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut tree = TreeMut::open(shared, DOMAIN, &OpenOptions::default()).unwrap();
    let (plan, done) = super::rotate(tree.view()).unwrap();
    let info = CommitInfo {
        command: Command::MtaRotate,
        user: "test".to_owned(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
    done.len()
}

const ALPHA: [(Option<u32>, &str); 3] = [
    (
        Some(0x4F),
        "/O=MICROSOFT/OU=ALPHA/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (BETA)",
    ),
    (
        Some(0x33),
        "/O=MICROSOFT/OU=ALPHA/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (BETA)",
    ),
    (
        Some(0x5A),
        "/O=MICROSOFT/OU=ALPHA/CN=CONFIGURATION/CN=SERVERS/CN=BETA/CN=MICROSOFT DXA",
    ),
];

/// Adds a message under the numbers of a sample.
fn place(disk: &MemDisk, queue: ObjectId, data: u32, reference: u32, serial: u64) {
    let made = message(data);
    let (data, id) = (
        ObjectId(0x0600_0000 | data),
        ObjectId(0x0600_0000 | reference),
    );
    let content = Data {
        mts_id: made.mts_id.clone(),
        content: made.content.clone(),
        content_names: Vec::new(),
    };
    let envelope = Reference {
        mts_id: made.mts_id,
        priority: made.priority,
        originator: made.originator.clone(),
        recipients: vec!["MS:NET/PO/ADMIN".to_owned()],
        submitted: made.submitted,
        kind: made.kind,
        subject: made.subject,
        trace: Vec::new(),
    };
    disk.add_file(
        &file_of(data),
        &content.object(data, queue, NOW, serial).encode().unwrap(),
    )
    .unwrap();
    let bytes = envelope
        .object(id, queue, data, NOW, serial + 1)
        .encode()
        .unwrap();
    disk.add_file(&file_of(id), &bytes).unwrap();
    let mut list = {
        let view = view(disk);
        Database::open(&view).unwrap().queue(queue).unwrap()
    };
    let len = u32::try_from(made.content.len()).unwrap();
    list.members.push(MemberRecord::message(
        id,
        made.priority,
        made.kind,
        made.submitted,
        len,
        &made.originator,
    ));
    put(disk, queue.0, &list.encode().unwrap());
}

// rule: mta:TV-1
// rule: mta:TV-3
// rule: mta:R-OUT-010
// rule: mta:R-OUT-011
// rule: mta:R-DB-011
// rule: mta:OQ-6
// rule: mta:OQ-16
// rule: dec:DEC-120
// rule: std:13
#[test]
fn the_published_second_run_of_version_4_is_printed_word_for_word() {
    let disk = with_queues(Profile::V40, &ALPHA);
    let work = ObjectId(0x0100_002B);
    place(&disk, work, 0x2F, 0x36, 1);
    place(&disk, work, 0x3A, 0x47, 3);
    // The serials were given by hand; the first run sets the next one.
    run(&disk, &options()).unwrap();
    let repair = run(&disk, &options()).unwrap();
    assert_eq!(
        text(&repair, true),
        published!("logs/q157323-mtacheck-second-run.txt")
    );
    assert_eq!(repair.ending, Ending::Clean);
    let head = published!("logs/q157323-mtacheck-head.txt");
    assert!(text(&repair, false).starts_with(head));
}

// rule: mta:TV-2
// rule: mta:TV-2b
// rule: mta:R-OUT-012
// rule: mta:R-OUT-013
// rule: mta:R-OUT-014
// rule: mta:R-OUT-015
// rule: mta:OQ-9
// rule: mta:OQ-10
// rule: mta:R-CHK-002
#[test]
fn the_published_first_run_is_printed_word_for_word() {
    let spiceman = [
        (
            Some(0x33),
            "/O=MICROSOFT/OU=SPICEMAN/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (CHILEDEARBOL)",
        ),
        (
            Some(0x5C),
            "/O=MICROSOFT/OU=SPICEMAN/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (CHILEDEARBOL)",
        ),
    ];
    let disk = with_queues(Profile::V40, &spiceman);
    remove(&disk, 0x0100_0033);
    put(&disk, 0x0100_005C, b"unusable");
    let broken = disk.fork();
    let (ending, log) = mend(&disk);
    assert_eq!(log, published!("logs/q157323-mtacheck-first-run.txt"));
    assert_eq!(ending, Ending::Repaired);
    assert_eq!(mend(&disk).0, Ending::Clean);
    // The same with a core file missing: the log ends otherwise, and the marker is away.
    remove(&broken, 0x0600_0011);
    let (ending, log) = mend(&broken);
    assert_eq!(ending, Ending::BootMissing);
    let tail = published!("logs/q157323-mtacheck-boot-tail.txt");
    assert!(log.ends_with(tail), "{log}");
    assert!(log.contains("- 2 queue(s) required repair out of 6 detected (33%)."));
    assert!(broken.stat(&path("MTADATA/DBBITMP.DAT")).unwrap().is_none());
}

// rule: mta:TV-4
// rule: mta:R-DB-005
#[test]
fn the_published_run_of_version_55_is_printed_word_for_word() {
    let disk = empty(Profile::V55);
    let repair = run(&disk, &options()).unwrap();
    assert_eq!(
        text(&repair, true),
        published!("logs/q282780-mtacheck-log.txt")
    );
    assert!(repair.plan.is_empty());
    assert!(names(&disk, "MTADATA/MTACHECK.OUT").is_empty());
}

// rule: mta:TV-6
// rule: mta:TV-7
// rule: mta:R-CHK-001
#[test]
fn without_super_queue_or_static_file_nothing_is_touched() {
    let fatal: [(&str, &str, Ending); 2] = [
        (
            "MTADATA/DB000001.DAT",
            published!("output/q182085-mtacheck.txt"),
            Ending::SuperQueue,
        ),
        (
            "MTADATA/SCT.INP",
            published!("output/q154337-mtacheck.txt"),
            Ending::StaticFile,
        ),
    ];
    for (file, wanted, ending) in fatal {
        let disk = empty(Profile::V55);
        disk.unlink(&path(file)).unwrap();
        remove(&disk, DXA.0);
        let repair = run(&disk, &options()).unwrap();
        assert_eq!(
            (text(&repair, true).as_str(), repair.ending),
            (wanted, ending)
        );
        assert!(repair.plan.is_empty());
    }
}

fn fill(edit: &mut MtaEdit<'_, '_>) -> Result<(), MtaError> {
    edit.submit(&message(1), &[to(DXA)])?;
    edit.submit(&message(2), &[to(WORK), to(MSMAIL)])?;
    edit.submit(&message(3), &[to(DXA)])?;
    Ok(())
}

/// Three messages: 28/29, 2A/2B/2E, 30/31 (2C, 2D, 2F are queues).
fn filled() -> MemDisk {
    let disk = empty(Profile::V55);
    commit(&disk, fill).unwrap();
    disk
}

// rule: mta:TV-5
// rule: mta:TV-12
// rule: mta:R-CHK-003
// rule: mta:R-CHK-004
// rule: mta:R-CHK-007
// rule: mta:R-CHK-011
// rule: mta:R-CHK-020
// rule: mta:R-CHK-021
// rule: mta:R-ID-010
// rule: mta:OQ-12
// rule: mta:OQ-21
// rule: dec:DEC-119
// rule: mta:TV-11
// rule: mta:R-CLI-005
// rule: mta:R-CHK-024
#[test]
fn stray_halves_are_reported_and_moved_and_the_second_run_is_clean() {
    let disk = filled();
    remove(&disk, 0x0600_0028); // data of 29
    remove(&disk, 0x0600_0031); // reference to 30
    let (ending, log) = mend(&disk);
    assert_eq!(ending, Ending::Repaired);
    let dxa = super::super::testtree::SECURED[1];
    for block in [
        format!(
            "Object 06000029 invalid\n - missing data object 06000028\nObject removed from queue '{dxa}'\n\
             MTS-ID: c=US;a= ;p=Org;l=EXSERV1-940407121352Z-1\n\n"
        ),
        format!(
            "Object 06000030 invalid\n - missing reference object\nObject removed from queue '{dxa}'\n\
             MTS-ID: c=US;a= ;p=Org;l=EXSERV1-940407121352Z-3\n\n"
        ),
        format!(
            "Object 06000031 invalid\n - missing object file\nObject removed from queue '{dxa}'\n\
             MTS-ID: c=US;a= ;p=Org;l=EXSERV1-940407121352Z-3\n\n"
        ),
    ] {
        let known = block.contains("06000031");
        // The reference is gone; nobody points from the data object to it.
        let block = if known {
            block.split("MTS-ID").next().unwrap().to_owned()
        } else {
            block
        };
        assert!(log.contains(&block), "{block}\n--- in\n{log}");
    }
    assert!(
        log.ends_with(
            "Starting garbage collection of orphaned objects\n\n\
         Database repaired, some data may have been lost.\n\
         - 0 queue(s) required repair out of 7 detected (0%).\n\
         - 3 object(s) damaged out of 40 detected (7%).\n"
        ),
        "{log}"
    );
    let quarantine = names(&disk, "MTADATA/MTACHECK.OUT");
    assert_eq!(quarantine, ["DB000029.DAT", "DB000030.DAT", "MANIFEST.TSV"]);
    let manifest = String::from_utf8(bytes_of(&disk, "MTADATA/MTACHECK.OUT/MANIFEST.TSV")).unwrap();
    assert_eq!(manifest.lines().count(), 1 + 2 + 1, "{manifest}");
    assert!(matches!(
        run(&disk, &options()),
        Err(MtaError::QuarantineFull { count: 2, .. })
    ));
    assert_eq!(rotate(&disk), 1);
    assert_eq!(mend(&disk).0, Ending::Clean);
    assert!(names(&disk, "MTADATA/MTACHECK.OUT").is_empty());
    assert_eq!(names(&disk, "MTADATA/MTACHECK.001").len(), 3);
}

// rule: mta:TV-8
// rule: mta:R-CHK-005
// rule: mta:R-CHK-006
// rule: mta:R-BUG-05
// rule: mta:R-BUG-06
// rule: mta:R-REC-040
// rule: dec:DEC-117
#[test]
fn lost_queue_files_come_back_under_their_ids_with_all_messages_in_order() {
    for bytes in [None, Some(&b""[..]), Some(b"rubbish"), Some(&[0; 8_192])] {
        for profile in Profile::ALL {
            let disk = empty(profile);
            let work = ObjectId::queue(
                crate::core::format::mta::ObjectNumber::new(profile.work_queue_number()).unwrap(),
            );
            commit(&disk, |edit| {
                for n in 1..6 {
                    edit.submit(&message(n), &[to(work), to(DXA)])?;
                }
                Ok(())
            })
            .unwrap();
            let lists = |disk: &MemDisk| {
                let view = view(disk);
                let db = Database::open(&view).unwrap();
                [work, DXA].map(|id| db.queue(id).unwrap().members)
            };
            let before = lists(&disk);
            for id in [work.0, DXA.0] {
                match bytes {
                    None => remove(&disk, id),
                    Some(bytes) => put(&disk, id, bytes),
                }
            }
            let repair = run(&disk, &options()).unwrap();
            assert_eq!(repair.rebuilt, [(work, 5), (DXA, 5)]);
            assert_eq!(repair.damaged(), 0);
            let log = text(&repair, true);
            assert!(log.contains("required reconstruction.\n5 objects recovered to the queue.\n"));
            assert_eq!(lists(&disk), before);
            // No object files were moved, so nothing refuses the second run.
            assert_eq!(mend(&disk).0, Ending::Clean);
        }
    }
}

// rule: mta:TV-10
// rule: mta:R-DB-031
// rule: mta:R-BUG-04
#[test]
fn the_marker_is_written_by_a_run_that_ends_well() {
    for profile in Profile::ALL {
        let disk = empty(profile);
        let marker = path("MTADATA/DBBITMP.DAT");
        disk.unlink(&marker).unwrap();
        assert_eq!(mend(&disk).0, Ending::Clean);
        assert_eq!(disk.stat(&marker).unwrap().unwrap().len, 66_048);
        assert!(run(&disk, &options()).unwrap().plan.is_empty());
    }
}

// rule: mta:TV-13
// rule: mta:R-CHK-012
// rule: mta:R-BUG-07
#[test]
fn objects_above_7fff_are_ordinary_without_a_marker_too() {
    let disk = empty(Profile::V55);
    place(&disk, DXA, 0x8C86, 0x8C87, 1);
    place(&disk, WORK, 0x7FFF, 0x8000, 3);
    disk.unlink(&path("MTADATA/DBBITMP.DAT")).unwrap();
    let repair = run(&disk, &options()).unwrap();
    assert_eq!(repair.damaged(), 0);
    let log = text(&repair, true);
    assert!(log.contains("Checking object 06008C87 - and data object 06008C86...OK.\n"));
    assert!(log.contains("Checking object 06008000 - and data object 06007FFF...OK.\n"));
    assert_eq!(mend(&disk).0, Ending::Clean);
    assert!(disk.stat(&path("MTADATA/DB008C86.DAT")).unwrap().is_some());
}

// rule: mta:R-CHK-013
#[test]
fn two_messages_of_one_mts_id_are_no_error() {
    let disk = empty(Profile::V40);
    for queue in [DXA, MSMAIL] {
        commit(&disk, |edit| {
            edit.submit(&message(7), &[to(queue)]).map(|_| ())
        })
        .unwrap();
    }
    assert_eq!(mend(&disk).0, Ending::Clean);
}

// rule: mta:OQ-13
// rule: mta:OQ-17
#[test]
fn names_in_the_quarantine_are_kept_and_a_file_of_class_08_goes_there() {
    let disk = filled();
    // Beside its name a second file of the same number, in other letters: one of the two must give way.
    disk.add_file(&path("MTADATA/db000031.dat"), b"second")
        .unwrap();
    remove(&disk, 0x0600_0030);
    let mut bytes = bytes_of(&disk, "MTADATA/DB000029.DAT");
    bytes[10] = 0x08;
    disk.add_file(&path("MTADATA/DB000400.DAT"), &bytes)
        .unwrap();
    assert_eq!(mend(&disk).0, Ending::Repaired);
    assert_eq!(
        names(&disk, "MTADATA/MTACHECK.OUT"),
        [
            "DB000031.DAT",
            "DB000031.DAT.1",
            "DB000400.DAT",
            "MANIFEST.TSV"
        ]
    );
    rotate(&disk);
    assert_eq!(mend(&disk).0, Ending::Clean);
}

// rule: mta:R-BUG-03
// rule: mta:R-BUG-02
// rule: mta:R-BUG-11
#[test]
fn objects_of_no_queue_and_missing_core_files_are_reported_not_revived() {
    let disk = filled();
    let lost = ObjectId(0x0100_7777);
    let made = message(9);
    let envelope = Reference {
        mts_id: made.mts_id,
        originator: made.originator,
        recipients: Vec::new(),
        submitted: NOW,
        subject: String::new(),
        priority: made.priority,
        kind: made.kind,
        trace: Vec::new(),
    };
    let id = ObjectId(0x0600_0060);
    let object = envelope.object(id, lost, ObjectId(0x0600_0028), NOW, 90);
    disk.add_file(&file_of(id), &object.encode().unwrap())
        .unwrap();
    for number in 2..=0x26 {
        let id = crate::core::format::mta::ObjectNumber::new(number).unwrap();
        disk.unlink(&path(&format!("MTADATA/{}", id.file_name())))
            .unwrap();
    }
    let (ending, log) = mend(&disk);
    assert_eq!(ending, Ending::BootMissing);
    assert!(
        log.contains("Object 06000060 invalid\n - missing queue\nMTS-ID"),
        "{log}"
    );
    assert!(
        log.contains("Queue XAPIWRKQ required reconstruction.\n31 objects recovered"),
        "{log}"
    );
}

// rule: mta:TV-9
// rule: mta:R-DB-035
// rule: mta:OQ-15
// rule: dec:DEC-118
#[test]
fn an_unclean_start_is_told_by_the_published_events_in_order() {
    let internal = RepairOptions {
        internal: true,
        ..options()
    };
    let disk = filled();
    disk.unlink(&path("MTADATA/DBBITMP.DAT")).unwrap();
    let told = events(&run(&disk, &internal).unwrap());
    let numbers: Vec<i32> = told.iter().map(|(number, _)| *number).collect();
    assert_eq!(
        numbers,
        [2219, 2206, 2206, 2206, 2206, 2206, 2206, 2206, 2207]
    );
    let queues = ["XAPIWRKQ", "OOFINFOQ", "REFDATQ", "MTAWORKQ"];
    let files = ["DB000020", "DB000025", "DB000026", "DB000027"];
    for ((name, file), (_, text)) in queues.iter().zip(files).zip(&told[1..]) {
        let wanted = format!(
            "The MTA database recovery operation is now checking queue: {name}, the filename of this queue is: \
             {file}.DAT. [DB Server MAIN BASE 1 0] (14)"
        );
        assert_eq!(*text, wanted);
    }
    assert!(
        told[8]
            .1
            .contains("in the file: MTADATA\\MTACHECK.OUT\\MTACHECK.LOG. [DB"),
        "{}",
        told[8].1
    );
    assert!(
        disk.stat(&path("MTADATA/MTACHECK.OUT/MTACHECK.LOG"))
            .unwrap()
            .is_some()
    );
    remove(&disk, 0x0600_0011);
    let told = events(&run(&disk, &internal).unwrap());
    let (number, text) = told.last().unwrap();
    assert_eq!(*number, 2152);
    assert!(
        text.contains("in the file: MTADATA\\MTACHECK.OUT\\MTACHECK.LOG. Please"),
        "{text}"
    );
}

// rule: mta:OQ-11
// rule: mta:R-DB-032
// rule: mta:R-BUG-08
// rule: mta:R-CLI-006
#[test]
fn the_internal_run_renames_the_quarantine_and_logs_into_it() {
    let internal = RepairOptions {
        internal: true,
        ..options()
    };
    let disk = filled();
    remove(&disk, 0x0600_0028);
    mend(&disk);
    remove(&disk, 0x0600_0030);
    let repair = run(&disk, &internal).unwrap();
    assert_eq!(repair.rotated.len(), 1);
    assert_eq!(
        names(&disk, "MTADATA/MTACHECK.001"),
        ["DB000029.DAT", "MANIFEST.TSV"]
    );
    assert_eq!(
        names(&disk, "MTADATA/MTACHECK.OUT"),
        ["DB000031.DAT", "MANIFEST.TSV", "MTACHECK.LOG"]
    );
    let log = String::from_utf8(bytes_of(&disk, "MTADATA/MTACHECK.OUT/MTACHECK.LOG")).unwrap();
    assert_eq!(log.replace("\r\n", "\n"), text(&repair, true));
    assert!(log.contains("Starting object integrity checks\r\n"));
    // A log that cannot be written is no reason to fail.
    rotate(&disk);
    disk.add_dir(&path("MTADATA/MTACHECK.OUT")).unwrap();
    disk.add_dir(&path("MTADATA/MTACHECK.OUT/MTACHECK.LOG"))
        .unwrap();
    let repair = run(&disk, &internal).unwrap();
    assert_eq!(repair.ending, Ending::Clean);
    assert!(repair.warnings[0].contains("MTACHECK.LOG"));
}

// rule: mta:R-PUR-001
// rule: mta:R-PUR-005
// rule: mta:R-PUR-006
// rule: mta:R-CHK-022
// rule: mta:OQ-4
// rule: mta:OQ-5
// rule: dec:DEC-116
// rule: exc:O-08
#[test]
fn the_switches_remove_system_mail_by_its_addresses_and_nothing_else() {
    let server = |end: &str| {
        format!("/o=Org/ou=Site/cn=Configuration/cn=Servers/cn=EXSERV1/cn=Microsoft {end}")
    };
    let kinds = [
        (MessageKind::DirRep, server("DSA"), server("DSA")),
        (
            MessageKind::PfRep,
            server("Public MDB"),
            server("Public MDB"),
        ),
        (
            MessageKind::LinkMon,
            server("System Attendant"),
            server("System Attendant"),
        ),
        (
            MessageKind::Dirsync,
            "MS:NET/PO/$SYSTEM".to_owned(),
            server("DXA"),
        ),
        // A post of a user to a public folder.
        (
            MessageKind::Ipm,
            "/o=Org/ou=Site/cn=Recipients/cn=ann".to_owned(),
            server("Public MDB"),
        ),
    ];
    let make = || {
        let disk = empty(Profile::V55);
        commit(&disk, |edit| {
            for (n, (kind, from, whom)) in (1..).zip(&kinds) {
                let mut one = message(n);
                one.kind = *kind;
                one.originator.clone_from(from);
                let mut target = to(WORK);
                target.recipients = vec![whom.clone()];
                edit.submit(&one, &[target])?;
            }
            Ok(())
        })
        .unwrap();
        disk
    };
    for (at, (kind, ..)) in kinds.iter().enumerate().take(4) {
        let disk = make();
        let only = RepairOptions {
            remove: BTreeSet::from([*kind]),
            ..options()
        };
        let repair = run(&disk, &only).unwrap();
        // Purged is not damaged.
        assert_eq!((repair.ending, repair.damaged()), (Ending::Clean, 0));
        assert_eq!(repair.purged.len(), 1);
        let words = [
            "directory replication",
            "public folder",
            "link monitor",
            "directory synchr",
        ][at];
        let log = text(&repair, true);
        assert!(log.contains(&format!("1 {words}")), "{log}");
        assert!(
            log.contains(" removed from queue 'MTAWORKQ'\nMTS-ID: c=US"),
            "{log}"
        );
        assert_eq!(names(&disk, "MTADATA/MTACHECK.OUT").len(), 3);
        rotate(&disk);
        assert_eq!(mend(&disk).0, Ending::Clean);
        let view = view(&disk);
        let left = Database::open(&view).unwrap().queue(WORK).unwrap().members;
        assert_eq!(left.len(), 4);
        assert!(
            left.iter()
                .all(|member| member.message_kind() != Some(*kind))
        );
    }
    let disk = make();
    let all = RepairOptions {
        remove: super::REMOVABLE.into(),
        ..options()
    };
    assert_eq!(run(&disk, &all).unwrap().purged.len(), 4);
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from((self.0 >> 33) % (n as u64)).unwrap()
    }
}

// rule: mta:R-DB-034
// rule: mta:R-BUG-01
// rule: mta:R-BUG-09
// rule: mta:R-BUG-10
// rule: mta:N-22
#[test]
fn two_thousand_messages_with_two_hundred_damages() {
    let disk = empty(Profile::V55);
    let queues = [WORK, MSMAIL, DXA];
    for chunk in 0..20u32 {
        commit(&disk, |edit| {
            for n in 0..100 {
                let n = chunk * 100 + n;
                let mut places = vec![to(queues[usize::try_from(n % 3).unwrap()])];
                if n % 7 == 0 {
                    places.push(to(queues[usize::try_from((n + 1) % 3).unwrap()]));
                }
                edit.submit(&message(n), &places)?;
            }
            Ok(())
        })
        .unwrap();
    }
    let objects: Vec<u32> = {
        let view = view(&disk);
        let db = Database::open(&view).unwrap();
        let listing = db.listing().unwrap();
        listing
            .objects
            .iter()
            .map(|listed| listed.number.get())
            .filter(|number| *number > 0x26 && ![0x27, 0x2C, 0x2D, 0x2F].contains(number))
            .map(|number| 0x0600_0000 | number)
            .collect()
    };
    let lists = |disk: &MemDisk| -> Vec<Vec<ObjectId>> {
        let view = view(disk);
        let db = Database::open(&view).unwrap();
        queues
            .iter()
            .map(|&id| {
                db.queue(id)
                    .unwrap()
                    .members
                    .iter()
                    .map(MemberRecord::object)
                    .collect()
            })
            .collect()
    };
    let partner: BTreeMap<ObjectId, ObjectId> = {
        let view = view(&disk);
        let db = Database::open(&view).unwrap();
        let checked = check(&db, &NoProgress).unwrap();
        let rows = checked.objects.iter().filter(|row| !row.partner.is_none());
        rows.map(|row| (row.id, row.partner)).collect()
    };
    let before = lists(&disk);
    let mut dice = Dice(11);
    let mut hurt = BTreeSet::new();
    while hurt.len() < 200 {
        let id = objects[dice.below(objects.len())];
        if !hurt.insert(id) {
            continue;
        }
        let name = format!("MTADATA/{}", ObjectId(id).file_name());
        let mut bytes = bytes_of(&disk, &name);
        match dice.below(5) {
            0 => {
                remove(&disk, id);
                continue;
            }
            1 => bytes.truncate(1 + bytes.len() / (2 + dice.below(4))),
            2 => bytes.fill(0),
            // The checksums cover the header and what it says is payload.
            3 => {
                let at = dice.below(64);
                bytes[at] ^= 1 << dice.below(8);
            }
            _ => {
                let other = objects[dice.below(objects.len())];
                if !hurt.insert(other) {
                    remove(&disk, id);
                    continue;
                }
                let theirs = bytes_of(&disk, &format!("MTADATA/{}", ObjectId(other).file_name()));
                put(&disk, other, &bytes);
                bytes = theirs;
            }
        }
        put(&disk, id, &bytes);
    }
    remove(&disk, DXA.0);

    // Each object file is opened once by the check, the damaged ones once more for the manifest.
    let counting = FaultDisk::new(Arc::new(disk.clone()), Counting::All, None);
    let shared: Arc<dyn Disk> = Arc::new(counting.clone());
    let looked = {
        let view = crate::tree::TreeView::open(shared, DOMAIN, &OpenOptions::default()).unwrap();
        plan_repair(&view, &options(), &NoProgress).unwrap()
    };
    let mut opened: BTreeMap<String, u32> = BTreeMap::new();
    for logged in counting
        .log()
        .iter()
        .filter(|logged| logged.op == DiskOp::OpenRead)
    {
        *opened.entry(logged.path.to_string()).or_default() += 1;
    }
    let gone: BTreeSet<String> = looked
        .checked
        .objects
        .iter()
        .filter(|row| !row.verdict.is_good())
        .map(|row| row.number.file_name())
        .collect();
    for (name, times) in &opened {
        let Some(file) = name.strip_prefix("MTADATA/DB0") else {
            continue;
        };
        let core = u32::from_str_radix(&file[..5], 16).unwrap_or(0);
        let rewritten = [0x02, 0x27, 0x2C, 0x2F].contains(&core);
        let most = if gone.contains(&format!("DB0{file}")) || rewritten {
            2
        } else {
            1
        };
        assert!(*times <= most, "{name} was opened {times} times");
    }
    assert!(opened.len() > 4_000);

    let repair = run(&disk, &options()).unwrap();
    let log = text(&repair, false);
    for id in hurt.iter().map(|id| ObjectId(*id)) {
        assert!(log.contains(&id.to_string()), "{id} is not named");
    }
    assert!(repair.rebuilt.iter().any(|(id, _)| *id == DXA));
    // Who is not damaged, nor half of one that is, waits where it waited, in order.
    let bad = |id: &ObjectId| hurt.contains(&id.0) || hurt.contains(&partner[id].0);
    let wanted: Vec<Vec<ObjectId>> = before
        .iter()
        .map(|list| list.iter().copied().filter(|id| !bad(id)).collect())
        .collect();
    assert_eq!(lists(&disk), wanted);
    assert!(matches!(
        run(&disk, &options()),
        Err(MtaError::QuarantineFull { .. })
    ));
    rotate(&disk);
    let (ending, log) = mend(&disk);
    assert!(
        log.ends_with("Database clean, no errors detected.\n"),
        "{log}"
    );
    assert_eq!(ending, Ending::Clean);
}
