//! The queue database with the built program: the published logs, purge and the other commands, refusals,
//! and directories that are not ours.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dirsync::core::base::UnixTime;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::core::format::mta::{MessageKind, ObjectId, Priority, Profile};
use dirsync::mta::edit::{Destination, MtaEdit, NewMessage};
use dirsync::mta::fresh::{FreshParams, bootenv, database};
use dirsync::mta::store::Database;
use dirsync::mta::{DOMAIN, open_disk};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, OpenOptions, TreeMut};
use dirsync_tests::{
    Output, Snapshot, TestTree, command, differences, run, run_with_input, snapshot, workspace,
};

/// 1994-04-07 12:13:52 UTC.
const MADE: u32 = 765_720_832;
const NOW: &str = "1994-04-08T12:00:00Z";
const SECURED: [(Option<u32>, &str); 3] = [
    (
        Some(0x2C),
        "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (EXSERV1)",
    ),
    (
        Some(0x2F),
        "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=SERVERS/CN=EXSERV1/CN=MICROSOFT DXA",
    ),
    (
        Some(0x2D),
        "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (EXSERV1)",
    ),
];
const WORK: u32 = 0x0100_0027;
const MSMAIL: u32 = 0x0100_002C;
const DXA: u32 = 0x0100_002F;
const SPICEMAN: [(Option<u32>, &str); 2] = [
    (
        Some(0x33),
        "/O=MICROSOFT/OU=SPICEMAN/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (CHILEDEARBOL)",
    ),
    (
        Some(0x5C),
        "/O=MICROSOFT/OU=SPICEMAN/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (CHILEDEARBOL)",
    ),
];

fn mta(words: &str, dir: &Path, rest: &[&str]) -> Output {
    mta_with(words, dir, rest, b"")
}

fn mta_with(words: &str, dir: &Path, rest: &[&str], input: &[u8]) -> Output {
    let mut command = command("mtacheck");
    command.args(words.split_whitespace()).arg(dir).args(rest);
    command.args(["--now", NOW]);
    run_with_input(&mut command, input)
}

fn published(name: &str) -> String {
    fs::read_to_string(workspace().join("fixtures").join(name)).unwrap()
}

/// An empty database in MTADATA, and its BOOTENV beside it.
fn empty(profile: Profile, secured: &[(Option<u32>, &str)]) -> TestTree {
    let dir = TestTree::new();
    let params = FreshParams {
        profile,
        created: UnixTime(MADE),
        zone: "UTC",
        tree_id: TreeId([7; 16]),
        secured,
    };
    for file in database(&params).unwrap() {
        dir.write(&file.path, &file.bytes);
    }
    for file in bootenv(UnixTime(MADE)).unwrap() {
        dir.write(&file.path, &file.bytes);
    }
    dir
}

/// Six messages: 1, 3, 5 on DXA, 2 on the work queue and MS Mail, 4 and 6 on MS Mail; 3 is urgent.
fn filled() -> TestTree {
    let dir = empty(Profile::V55, &SECURED);
    let disk = open_disk(&dir.join("MTADATA")).unwrap();
    let mut tree = TreeMut::open(disk, DOMAIN, &OpenOptions::default()).unwrap();
    let plan = {
        let db = Database::open(tree.view()).unwrap();
        let mut edit = MtaEdit::new(&db, UnixTime(MADE)).unwrap();
        for n in 1..=6u32 {
            let to: &[u32] = match n {
                1 | 3 | 5 => &[DXA],
                2 => &[WORK, MSMAIL],
                _ => &[MSMAIL],
            };
            let dirsync = n % 2 == 1;
            let message = NewMessage {
                mts_id: format!("c=US;a= ;p=Org;l=EXSERV1-940407121352Z-{n}"),
                priority: if n == 3 {
                    Priority::Urgent
                } else {
                    Priority::Normal
                },
                kind: if dirsync {
                    MessageKind::Dirsync
                } else {
                    MessageKind::Ipm
                },
                originator: if dirsync {
                    "MS:NET/PO1/$SYSTEM".to_owned()
                } else {
                    "/o=Org/ou=Site/cn=Recipients/cn=ann".to_owned()
                },
                submitted: UnixTime(MADE + n * 3_600),
                subject: format!("Message {n}"),
                content: vec![0x30; 100 * usize::try_from(n).unwrap()],
                content_names: Vec::new(),
                trace: Vec::new(),
            };
            let places: Vec<_> = to
                .iter()
                .map(|queue| Destination {
                    queue: ObjectId(*queue),
                    recipients: vec!["MS:NET/PO/ADMIN".to_owned()],
                })
                .collect();
            edit.submit(&message, &places).unwrap();
        }
        edit.finish().unwrap()
    };
    let info = CommitInfo {
        command: Command::Deliver,
        user: "test".to_owned(),
        now: UnixTime(MADE),
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
    drop(tree);
    dir
}

/// Length of every queue that holds messages, by the last part of its name.
fn lengths(home: &Path) -> Vec<(String, u64)> {
    let report = mta("queues", home, &["--json"]).json();
    let rows = report["result"]["queues"].as_array().unwrap();
    rows.iter()
        .filter(|row| row["core"] == false)
        .map(|row| {
            let name = row["name"].as_str().unwrap().rsplit("CN=").next().unwrap();
            (name.to_owned(), row["messages"].as_u64().unwrap())
        })
        .collect()
}

fn of(lengths: [u64; 4]) -> Vec<(String, u64)> {
    let names = [
        "MTAWORKQ",
        "MS MAIL CONNECTOR (EXSERV1)",
        "MICROSOFT DXA",
        "INTERNET MAIL CONNECTOR (EXSERV1)",
    ];
    names.map(str::to_owned).into_iter().zip(lengths).collect()
}

fn unchanged(before: &Snapshot, dir: &Path, what: &str) {
    let mut differences = differences(before, &snapshot(dir));
    // Who holds or held the lock; a directory that is not ours has no such file.
    differences.retain(|line| line.ends_with(": new") || !line.contains("TREE.LCK: "));
    assert!(differences.is_empty(), "{what}: {differences:#?}");
}

// rule: mta:TV-4
// rule: mta:R-CLI-001
// rule: mta:R-CLI-002
// rule: mta:OQ-14
#[test]
fn the_published_run_of_version_55_in_both_spellings() {
    let dir = empty(Profile::V55, &SECURED);
    let home = dir.join("MTADATA");
    let wanted = published("logs/q282780-mtacheck-log.txt");
    let log = dir.join("mtacheck.log");
    let file = log.to_str().unwrap();
    let ours = mta("repair", &home, &["--verbose", "--log", file]).expect_code(0);
    assert_eq!(ours.stdout, wanted);
    assert_eq!(fs::read_to_string(&log).unwrap(), wanted);
    // Overwritten, not appended to.
    let classic = mta("", &home, &["/V", "/f", file]).expect_code(0);
    assert_eq!(classic.stdout, wanted);
    assert_eq!(fs::read_to_string(&log).unwrap(), wanted);
    fs::remove_file(&log).unwrap();
    mta("repair", &home, &[]).expect_code(0);
    assert!(!log.exists());
}

// rule: mta:TV-2
// rule: mta:TV-2b
// rule: mta:OQ-2
// rule: mta:R-CLI-007
// rule: mta:R-CLI-008
// rule: mta:N-07
// rule: mta:N-08
// rule: dec:DEC-107
// rule: exc:V-30
#[test]
fn the_published_first_run_its_tail_and_the_numbers_of_the_original() {
    let dir = empty(Profile::V40, &SPICEMAN);
    let home = dir.join("MTADATA");
    fs::remove_file(home.join("DB000033.DAT")).unwrap();
    fs::write(home.join("DB00005C.DAT"), b"unusable").unwrap();
    let before = snapshot(dir.path());
    let seen = mta("repair", &home, &["--dry-run"]).expect_code(1);
    let wanted = published("logs/q157323-mtacheck-first-run.txt");
    assert!(seen.stdout.starts_with(&wanted), "{seen}");
    unchanged(&before, dir.path(), "a dry run");
    let first = mta("repair", &home, &["--classic-exit"]).expect_code(1);
    assert_eq!(first.stdout, wanted);
    let second = mta("repair", &home, &["--classic-exit"]).expect_code(0);
    assert!(
        second
            .stdout
            .ends_with("\nDatabase clean, no errors detected.\n")
    );
    fs::remove_file(home.join("DB000011.DAT")).unwrap();
    let third = mta("repair", &home, &["--classic-exit"]).expect_code(2);
    let tail = published("logs/q157323-mtacheck-boot-tail.txt");
    assert!(third.stdout.ends_with(&tail), "{third}");
    mta("repair", &home, &[]).expect_code(5);
}

// rule: mta:OQ-7
// rule: mta:N-11
// rule: mta:R-REC-058
#[test]
fn restore_copies_what_is_missing_and_nothing_else() {
    let dir = filled();
    let home = dir.join("MTADATA");
    let good = snapshot(&home);
    for name in ["DB000001.DAT", "DB000011.DAT", "DB000025.DAT"] {
        fs::remove_file(home.join(name)).unwrap();
    }
    fs::write(home.join("DB000012.DAT"), b"").unwrap();
    let boot = dir.join("BOOTENV");
    let options = ["--bootenv", boot.to_str().unwrap(), "--yes"];
    // The super queue is never taken from there.
    let said = mta("restore", &home, &options).expect_code(1);
    assert!(said.stdout.contains("DB000012.DAT copied"), "{said}");
    assert!(!home.join("DB000001.DAT").exists());
    let bytes = fs::read(boot.join("DB000001.DAT")).unwrap();
    let tv6 = mta("repair", &home, &["--classic-exit"]).expect_code(3);
    assert_eq!(tv6.stdout, published("output/q182085-mtacheck.txt"));
    // Put there by hand it would lose the secured queues; a copy of this very database does not.
    assert!(!bytes.is_empty());
    for name in ["DB000011.DAT", "DB000012.DAT", "DB000025.DAT"] {
        let (old, new) = (&good[Path::new(name)], &snapshot(&home)[Path::new(name)]);
        assert_eq!((old.len, old.hash), (new.len, new.hash), "{name}");
    }
}

// rule: mta:TV-6
// rule: mta:TV-7
// rule: mta:R-CLI-003
// rule: mta:OQ-3
// rule: mta:N-12
#[test]
fn fatal_lines_and_remote_servers() {
    for (file, fixture) in [
        ("DB000001.DAT", "output/q182085-mtacheck.txt"),
        ("SCT.INP", "output/q154337-mtacheck.txt"),
    ] {
        let dir = filled();
        fs::remove_file(dir.join("MTADATA").join(file)).unwrap();
        let before = snapshot(dir.path());
        let said = mta("repair", &dir.join("MTADATA"), &["--classic-exit"]).expect_code(3);
        assert_eq!(said.stdout, published(fixture));
        let after = snapshot(dir.path());
        let kept = |snapshot: &Snapshot| -> BTreeSet<(PathBuf, u64)> {
            snapshot
                .iter()
                .filter(|(path, _)| path.extension().is_some_and(|end| end == "DAT"))
                .map(|(path, entry)| (path.clone(), entry.hash))
                .collect()
        };
        assert_eq!(kept(&before), kept(&after), "{file}");
    }
    let remote = Path::new(r"\\SERVER2\MTADATA");
    let said = mta("repair", remote, &["--classic-exit"]).expect_code(4);
    assert_eq!(said.stdout, published("output/q170403-mtacheck.txt"));
    mta("repair", remote, &[]).expect_code(3);
}

// rule: mta:R-PUR-005
// rule: mta:N-06
// rule: mta:N-04
// rule: mta:N-19
#[test]
fn purging_the_dxa_queue_changes_no_other_object() {
    let dir = filled();
    let home = dir.join("MTADATA");
    assert_eq!(lengths(&home), of([1, 3, 3, 0]));
    let chosen = mta("list", &home, &["--queue", "MICROSOFT DXA", "--json"]).json_lines();
    let rows: Vec<_> = chosen.iter().filter(|row| row["id"].is_string()).collect();
    assert_eq!(rows.len(), 3, "{chosen:#?}");
    let mut gone = BTreeSet::new();
    for row in rows {
        for part in ["id", "data"] {
            gone.insert(format!("DB{}.DAT", &row[part].as_str().unwrap()[2..]));
        }
    }
    assert_eq!(gone.len(), 6);

    let before = snapshot(&home);
    let dry = mta("purge", &home, &["--queue", "MICROSOFT DXA", "--dry-run"]).expect_code(0);
    assert!(
        dry.stdout.contains("3 messages would be taken off"),
        "{dry}"
    );
    unchanged(&before, &home, "a dry run");
    // Nobody can be asked here.
    mta("purge", &home, &["--queue", "MICROSOFT DXA"]).expect_code(3);
    mta("purge", &home, &["--yes"]).expect_code(2);
    unchanged(&before, &home, "a refusal");

    let done = mta("purge", &home, &["--queue", "MICROSOFT DXA", "--yes"]).expect_code(0);
    assert!(done.stdout.contains("3 messages taken off"), "{done}");
    assert_eq!(lengths(&home), of([1, 3, 0, 0]));
    let after = snapshot(&home);
    for (path, old) in &before {
        let name = path.to_str().unwrap();
        if !name.starts_with("DB") {
            continue;
        }
        let moved = after.get(&Path::new("MTACHECK.OUT").join(name));
        match after.get(path) {
            None => {
                assert!(gone.remove(name), "{name} is gone");
                assert_eq!(moved.map(|new| new.hash), Some(old.hash), "{name}");
            }
            // The queue, the counts and the bitmap say that the messages are gone.
            Some(_) if ["DB00002F.DAT", "DB000002.DAT", "DBBITMP.DAT"].contains(&name) => {}
            Some(new) => assert_eq!(
                (old.hash, old.len, old.modified),
                (new.hash, new.len, new.modified),
                "{name}"
            ),
        }
    }
    assert!(gone.is_empty(), "{gone:?} were left");
    let manifest = String::from_utf8(dir.read("MTADATA/MTACHECK.OUT/MANIFEST.TSV")).unwrap();
    assert_eq!(manifest.matches("\tmoved\t").count(), 6, "{manifest}");
    mta("check", &home, &[]).expect_code(0);
    mta("rotate", &home, &[]).expect_code(0);
    let clean = mta("repair", &home, &[]).expect_code(0);
    assert!(
        clean
            .stdout
            .ends_with("Database clean, no errors detected.\n")
    );
}

// rule: mta:N-01
// rule: mta:N-02
// rule: mta:N-03
// rule: mta:N-21
// rule: mta:R-REC-010
#[test]
fn messages_are_chosen_by_all_that_is_known_of_them() {
    let dir = filled();
    let home = dir.join("MTADATA");
    let ids = |rest: &[&str]| -> Vec<String> {
        let rest = [rest, &["--format", "ids"]].concat();
        let output = mta("list", &home, &rest).expect_code(0);
        output.stdout.lines().map(str::to_owned).collect()
    };
    assert_eq!(ids(&[]).len(), 7);
    assert_eq!(ids(&["--kind", "dirsync"]).len(), 3);
    assert_eq!(ids(&["--kind", "dirsync", "--limit", "2"]).len(), 2);
    assert_eq!(ids(&["--priority", "urgent"]).len(), 1);
    assert_eq!(ids(&["--originator", "CN=Ann"]).len(), 4);
    assert_eq!(
        ids(&["--recipient", "po/admin", "--queue", "MTAWORKQ"]).len(),
        1
    );
    assert_eq!(ids(&["--min-size", "500"]).len(), 2);
    assert_eq!(ids(&["--max-size", "100"]).len(), 1);
    assert_eq!(ids(&["--older-than", "20h"]).len(), 4);
    assert_eq!(ids(&["--newer-than", "19h"]).len(), 2);
    let one = "c=US;a= ;p=Org;l=EXSERV1-940407121352Z-4";
    let found = ids(&["--mts-id", one]);
    assert_eq!(found.len(), 1);
    let shown = mta("show", &home, &[&found[0]]).expect_code(0);
    assert!(
        shown.stdout.contains(one) && shown.stdout.contains("Message 4"),
        "{shown}"
    );
    let queue = mta("show", &home, &["0100002F"]).expect_code(0);
    assert!(queue.stdout.contains("MICROSOFT DXA"), "{queue}");
    mta("show", &home, &["06ABCDEF"]).expect_code(5);
    mta("show", &home, &["nonsense"]).expect_code(2);
    mta("list", &home, &["--queue", "MICROSOFT"]).expect_code(2);

    // One list is the input of the other command.
    let mut list = ids(&["--kind", "dirsync"]).join("\n");
    list.push('\n');
    let purged = mta_with("purge", &home, &["--ids", "-", "--yes"], list.as_bytes());
    assert!(
        purged
            .expect_code(0)
            .stdout
            .contains("3 messages taken off")
    );
    assert_eq!(ids(&["--kind", "dirsync"]).len(), 0);
    assert_eq!(lengths(&home), of([1, 3, 0, 0]));
}

// rule: mta:TV-11
// rule: mta:R-CLI-005
// rule: mta:R-CLI-006
// rule: mta:R-CHK-024
// rule: mta:N-23
// rule: mta:N-25
#[test]
fn a_filled_quarantine_refuses_and_check_writes_nothing() {
    let dir = filled();
    let home = dir.join("MTADATA");
    fs::remove_file(home.join("DB000028.DAT")).unwrap();
    let before = snapshot(&home);
    let found = mta("check", &home, &["--json"]).expect_code(1).json();
    let problems = found["problems"].as_array().unwrap();
    assert!(
        problems
            .iter()
            .any(|one| one["id"] == "mta.reference-without-data")
    );
    unchanged(&before, &home, "a check");
    mta("repair", &home, &["--dry-run"]).expect_code(1);
    unchanged(&before, &home, "a dry run");
    // A log that cannot be written is said and does not stop the run.
    let log = dir.join("no/such/dir/log.txt");
    let said = mta("repair", &home, &["--log", log.to_str().unwrap()]).expect_code(1);
    assert!(said.stderr.contains("the run has no log file"), "{said}");
    assert!(
        said.stdout
            .contains("Database repaired, some data may have been lost.")
    );
    let before = snapshot(&home);
    let refused = mta("repair", &home, &["--classic-exit"]).expect_code(4);
    assert!(refused.stderr.contains("mtacheck rotate"), "{refused}");
    mta("repair", &home, &[]).expect_code(3);
    unchanged(&before, &home, "a refusal");
    // The internal run renames instead.
    mta("repair", &home, &["--internal"]).expect_code(0);
    assert!(home.join("MTACHECK.001/DB000029.DAT").exists());
    assert!(home.join("MTACHECK.OUT/MTACHECK.LOG").exists());
    let report = mta("repair", &home, &["--internal", "--json"])
        .expect_code(0)
        .json();
    let events = report["result"]["events"].as_array().unwrap();
    assert_eq!(events.first().unwrap()["event"], 2219);
    assert_eq!(events.last().unwrap()["event"], 2207);
}

// rule: mta:R-CLI-004
// rule: mta:R-DB-014
#[test]
fn a_database_in_use_is_left_alone() {
    let dir = filled();
    let home = dir.join("MTADATA");
    let disk = open_disk(&home).unwrap();
    let held = TreeMut::open(disk, DOMAIN, &OpenOptions::default()).unwrap();
    for (words, rest) in [
        ("repair", &["--wait", "0"][..]),
        ("purge", &["--queue", "MTAWORKQ", "--yes", "--wait", "0"]),
        ("wipe", &["--yes", "--wait", "0"]),
    ] {
        mta(words, &home, rest).expect_code(4);
    }
    mta("repair", &home, &["--wait", "0", "--classic-exit"]).expect_code(4);
    drop(held);
    mta("repair", &home, &[]).expect_code(0);
}

// rule: mta:R-REC-050
// rule: mta:R-REC-051
// rule: mta:R-REC-052
// rule: mta:R-REC-054
// rule: mta:R-REC-055
// rule: mta:R-REC-057
// rule: mta:R-DB-028
// rule: mta:N-10
// rule: mta:R-CHK-023
#[test]
fn a_backlog_is_split_wiped_and_replayed_in_parts() {
    let dir = filled();
    let home = dir.join("MTADATA");
    let sets = dir.join("SETS");
    let set = |n: u32| dir.join(&format!("SETS/SET{n:03}"));
    let before = snapshot(&home);
    let said = mta("split", &home, &["2", "--to", sets.to_str().unwrap()]).expect_code(0);
    assert!(said.stdout.contains("SET001: 3 messages"), "{said}");
    unchanged(&before, &home, "a split");
    // Nothing comes twice.
    let into = ["--into", home.to_str().unwrap()];
    let again = mta("replay", &set(1), &into).expect_code(0);
    assert!(again.stdout.starts_with("0 messages"), "{again}");
    assert_eq!(lengths(&home), of([1, 3, 3, 0]));

    mta("wipe", &home, &["--dry-run"]).expect_code(0);
    mta("wipe", &home, &["--yes"]).expect_code(0);
    assert_eq!(lengths(&home), of([0, 0, 0, 0]));
    mta("check", &home, &[]).expect_code(0);
    let dry = mta("replay", &set(1), &["--dry-run", into[0], into[1]]).expect_code(0);
    assert!(dry.stdout.starts_with("3 messages"), "{dry}");
    assert_eq!(lengths(&home), of([0, 0, 0, 0]));
    for n in [1, 2] {
        mta("repair", &set(n), &[]).expect_code(0);
        mta("replay", &set(n), &into).expect_code(0);
    }
    assert_eq!(lengths(&home), of([1, 3, 3, 0]));
    mta("check", &home, &[]).expect_code(0);
    // What mtacheck took away stays away.
    mta("purge", &home, &["--queue", "MICROSOFT DXA", "--yes"]).expect_code(0);
    for n in [1, 2] {
        mta("replay", &set(n), &into).expect_code(0);
    }
    assert_eq!(lengths(&home), of([1, 3, 0, 0]));
    // Another version is refused.
    let old = empty(Profile::V50, &SECURED);
    let refused = mta("replay", &old.join("MTADATA"), &into).expect_code(3);
    assert!(refused.stderr.contains("version 5.0"), "{refused}");
}

// rule: dec:DEC-113
// rule: mta:R-DB-001
// rule: mta:R-DB-022
#[test]
fn a_directory_that_is_not_ours_is_reported_and_never_written() {
    let dir = TestTree::new();
    let mut bytes = vec![0xE5u8; 2_048];
    for number in 1..=0x26u32 {
        dir.write(&format!("MTADATA/DB{number:06X}.DAT"), &bytes);
        bytes[0] = bytes[0].wrapping_add(3);
    }
    dir.write("MTADATA/db00002b.dat", vec![1u8; 8_192]);
    dir.write("MTADATA/DB00012F.DAT", vec![2u8; 4_096]);
    dir.write("MTADATA/DB000130.DAT", vec![2u8; 2_048]);
    dir.write("MTADATA/DB000123.DAT", b"x");
    dir.write("MTADATA/DB000124.DAT", b"");
    dir.write("MTADATA/DB000014.DAT", b"");
    fs::remove_file(dir.join("MTADATA/DB000011.DAT")).unwrap();
    dir.write("MTADATA/DCTERMF.DAT", vec![0u8; 364]);
    dir.write("MTADATA/SCT.INP", b"static");
    dir.write("MTADATA/MTACHECK.OUT/DB000140.DAT", b"old");
    let home = dir.join("MTADATA");
    let before = snapshot(dir.path());
    for words in ["check", "queues"] {
        let report = mta(words, &home, &["--json"]).expect_code(1).json();
        let result = &report["result"];
        assert_eq!(result["foreign"], true);
        assert_eq!(result["core_complete"], false);
        assert_eq!(
            (&result["objects"], &result["messages_about"]),
            (&3.into(), &1.into())
        );
        assert_eq!((&result["free"], &result["empty"]), (&1.into(), &1.into()));
        assert_eq!(result["quarantine"], 1);
        assert!(result["marker_bytes"].is_null());
        let said = mta(words, &home, &[]).expect_code(1);
        for text in [
            "DB000011.DAT",
            "DB000014.DAT",
            "DB000124.DAT",
            "DBBITMP.DAT",
        ] {
            assert!(said.stdout.contains(text), "{text}: {said}");
        }
    }
    let good = filled();
    let ours = good.join("MTADATA");
    let (boot, foreign) = (good.join("BOOTENV"), home.to_str().unwrap());
    let writers: [(&str, &[&str]); 9] = [
        ("repair", &[]),
        ("repair", &["--rd", "--rp", "--rl", "--rx", "--internal"]),
        ("purge", &["--queue", "MICROSOFT DXA", "--yes"]),
        ("restore", &["--bootenv", boot.to_str().unwrap(), "--yes"]),
        ("wipe", &["--yes"]),
        ("rotate", &[]),
        ("list", &[]),
        ("show", &["06000130"]),
        ("split", &["2", "--to", "/nonexistent/sets"]),
    ];
    for (words, rest) in writers {
        let refused = mta(words, &home, rest).expect_code(3);
        assert!(refused.stderr.contains("hint: "), "{refused}");
    }
    mta("replay", &ours, &["--into", foreign]).expect_code(3);
    mta("replay", &home, &["--into", ours.to_str().unwrap()]).expect_code(3);
    unchanged(&before, dir.path(), "a foreign directory");
    mta("check", &ours, &[]).expect_code(0);
}

// rule: mta:R-REC-010
// rule: mta:R-DB-042
#[test]
fn the_object_at_fault_of_an_event_is_found_and_taken_away() {
    let dir = filled();
    let home = dir.join("MTADATA");
    let listed = mta("list", &home, &["--queue", "MICROSOFT DXA", "--json"]).json_lines();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    // Pasted from a text log, with the ends of lines of another system.
    let record = format!(
        "message NMI2171: Internal Processing Error, severity 14\r\n\r\n\
         (DB Server DISP:FANOUT(12) Proc 26) 04-18-97 02:13:47pm\r\n\
         Database error code     ODXOINIU - Object does not exist\r\n\
         Object at fault         {id}\r\n"
    );
    let mut explain = command("po-admin");
    explain.args(["explain", "-", "--json"]);
    let told = run_with_input(&mut explain, record.as_bytes())
        .expect_code(0)
        .json();
    let event = &told["result"]["event"];
    assert_eq!(event["number"], 2171);
    assert_eq!(event["origin"], "DB Server DISP:FANOUT 12 26");
    assert_eq!(event["objects"][0]["role"], "object at fault");
    assert_eq!(event["objects"][0]["id"], id.as_str());
    assert_eq!(told["result"]["meanings"][0]["code"], 2171);
    // The id is what the other commands take.
    let file = event["objects"][0]["file"].as_str().unwrap();
    assert!(home.join(file).exists());
    mta("show", &home, &[&id]).expect_code(0);
    mta_with("purge", &home, &["--ids", "-", "--yes"], id.as_bytes()).expect_code(0);
    assert_eq!(of([1, 3, 2, 0]), lengths(&home));
    // As words of a command line, for reading.
    let text = format!("Object at fault: {id}. [DB Server DISP:FANOUT 12 26] (16)");
    let shown = run(command("po-admin").args(["explain", &text])).expect_code(0);
    for part in ["fatal: the MTA ends", "look into MTADATA", file] {
        assert!(shown.stdout.contains(part), "{shown}");
    }
}

// rule: mta:R-PUR-002
// rule: mta:R-PUR-003
// rule: mta:N-05
#[test]
fn every_command_explains_itself_with_examples() {
    for words in [
        "check", "repair", "queues", "list", "show", "purge", "restore", "wipe", "rotate", "split",
        "replay",
    ] {
        let help = run(command("mtacheck").args([words, "--help"])).expect_code(0);
        assert!(help.stdout.contains("Examples:\n  mtacheck "), "{help}");
    }
    let help = run(command("mtacheck").args(["repair", "--help"])).stdout;
    assert!(help.contains("send again") && help.contains("Q161949") && help.contains("Q169205"));
    run(&mut command("mtacheck")).expect_code(2);
    let help = run(command("mtacheck").arg("--help")).expect_code(0);
    assert!(help.stdout.contains("MICROSOFT DXA"));
}
