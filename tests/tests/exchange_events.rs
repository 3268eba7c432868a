//! The event log of an Exchange server, with the built programs: what is written at which level, the
//! list, the file of Windows NT, copies to the administrator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use dirsync_tests::exchange::{cycle, exchange_and_a, po};
use dirsync_tests::{TestTree, snapshot};
use serde_json::Value;

/// A server that is the directory server of one postoffice.
fn make(site: &Path) {
    exchange_and_a(site);
    po("recipient add", &site.join("EX"), &["bo", "--name", "Bo"]).expect_code(0);
}

fn events(ex: &Path, rest: &[&str]) -> Vec<Value> {
    let mut lines = cycle("events --json", ex, 9, rest)
        .expect_code(0)
        .json_lines();
    let end = lines.pop().unwrap();
    assert_eq!(end["end"], true);
    assert_eq!(end["count"], lines.len());
    lines
}

fn ids(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["id"].as_u64().unwrap())
        .collect()
}

#[test]
fn levels_decide_what_is_written_and_errors_always_are() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site);
    // Set-up leaves the categories at minimum: the ordinary messages are of medium level.
    cycle("run", site, 9, &[]).expect_code(0);
    assert_eq!(ids(&events(&ex, &[])), [9002]);
    let set = |name: &str, level: &str| {
        po("registry set", &ex, &[name, level]).expect_code(0);
    };
    set("Diagnostics\\MS Mail 3.2", "Maximum");
    po("recipient add", &ex, &["cid", "--name", "Cid"]).expect_code(0);
    cycle("run", site, 10, &[]).expect_code(0);
    cycle("run", site, 11, &[]).expect_code(0);
    let all = events(&ex, &[]);
    for id in [9003, 9004, 9005] {
        assert!(ids(&all).contains(&id), "{id}: {:?}", ids(&all));
    }
    let empty = events(&ex, &["--id", "9005"]);
    assert_eq!(
        empty[0]["text"],
        "PCM:NET/A/$SYSTEM: No updates to send. Nothing was requested."
    );
    assert_eq!(empty[0]["computer"], "MALMO1");
    // At none, an error is still written: the requestor is gone from the server.
    for category in ["MS Mail 3.2", "Event Handler", "Startup"] {
        set(&format!("Diagnostics\\{category}"), "None");
    }
    let before = events(&ex, &[]).len();
    cycle("run", site, 12, &[]).expect_code(0);
    assert_eq!(events(&ex, &[]).len(), before);
    let secret = site.join("secret");
    fs::write(&secret, "other\n").unwrap();
    let file = secret.to_str().unwrap();
    po("requestor modify", &ex, &["NET/A", "--password-file", file]).expect_code(0);
    cycle("run", site, 13, &[]).expect_code(1);
    let after = events(&ex, &[]);
    // 134 and nothing else: the password is wrong, a documented fault of requestors.
    assert_eq!(ids(&after[before..]), [134]);
    assert_eq!(after[before]["type"], "error");
    assert_eq!(
        after[before]["text"],
        "Error MH_RC_SESSION_BUSY returned by the MTA. (Thread 0)."
    );
    let shown = po("registry get", &ex, &["Diagnostics\\Startup"]).expect_code(0);
    assert!(
        shown
            .stdout
            .contains("MSExchangeDX\\Diagnostics\\2 Startup"),
        "{shown}"
    );
    po("registry set", &ex, &["Diagnostics\\Nothing", "None"]).expect_code(2);
    po("registry set", &ex, &["Diagnostics\\Startup", "Loud"]).expect_code(2);
}

// rule: exc:R-OBJ-031
// rule: exc:R-IN-001
#[test]
fn mail_of_an_unknown_requestor_is_event_136() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site);
    po("requestor remove", &ex, &["NET/A", "--yes"]).expect_code(0);
    cycle("run", site, 9, &[]);
    let found = events(&ex, &["--id", "136", "--source", "msexchangedx"]);
    let text = found[0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Message received from unknown DirSync requestor - "),
        "{text}"
    );
    assert!(text.contains("NET/A"), "{text}");
}

/// A user's message, put into the queue of a postoffice.
// rule: exc:R-OBJ-031
// rule: exc:O-10
#[test]
fn two_recipients_for_one_requestor_are_event_139() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site);
    cycle("run", site, 9, &[]).expect_code(0);
    assert_eq!(events(&ex, &["--id", "139"]).len(), 0);
    // As when two sites make it before they replicate: by the directory, not by this program.
    let file = ex.join("DXADATA/RECIPIENTS.CSV");
    let text = fs::read_to_string(&file).unwrap();
    let row = text.lines().find(|row| row.contains("$SYSTEM")).unwrap();
    let second = row
        .replacen("MS:NET/A/$SYSTEM,", "$CNF:MS:NET/A/$SYSTEM,", 1)
        .replace("/SYSTEM%", "/SYSTEM9%");
    fs::write(&file, format!("{text}{second}\r\n")).unwrap();
    po("user add", &site.join("A"), &["cid", "--name", "Cid"]).expect_code(0);
    cycle("run", site, 10, &[]);
    let found = events(&ex, &["--id", "139"]);
    assert_eq!(found.len(), 1, "{text}");
    assert_eq!(found[0]["type"], "error");
    assert_eq!(
        found[0]["text"],
        "More than one directory entry has the address MS:NET/A/$SYSTEM."
    );
}

// rule: exc:R-IN-073
#[test]
fn a_start_tells_of_prompts_that_look_alike_and_of_a_damaged_table() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site);
    cycle("start", &ex, 9, &[]).expect_code(0);
    assert_eq!(ids(&events(&ex, &[])), [0u64; 0]);
    let ini = ex.join("DXADATA/AGENT.INI");
    let text = fs::read_to_string(&ini).unwrap();
    let tables = "[Incoming Templates]\r\nFloor/=Floor\r\nFloor=Building\r\n";
    fs::write(&ini, format!("{text}\r\n{tables}")).unwrap();
    let table = ex.join("DXADATA/XDIR.TAB");
    let whole = fs::read(&table).unwrap();
    fs::write(&table, b"no table").unwrap();
    let before = snapshot(&ex);
    cycle("start", &ex, 10, &["--dry-run"]);
    assert_eq!(snapshot(&ex), before);
    let said = cycle("start", &ex, 11, &[]);
    assert!(said.stdout.contains("event 181"), "{said}");
    assert!(said.stdout.contains("XDIR.TAB"), "{said}");
    let found = events(&ex, &[]);
    assert_eq!(ids(&found), [181, 249]);
    let text = found[0]["text"].as_str().unwrap();
    assert!(text.contains("Floor/ and Floor differ"), "{text}");
    assert_eq!(
        found[1]["text"],
        "Error -1206 occurred while trying to create a new database."
    );
    // The table is there again: the other one is told again, as at every start.
    fs::write(&table, whole).unwrap();
    cycle("start", &ex, 12, &[]);
    assert_eq!(ids(&events(&ex, &[])), [181, 249, 181]);
}

fn write_mail(po: &Path, to: &str) {
    use dirsync::core::base::{Address, UnixTime};
    use dirsync::postoffice::Edit;
    use dirsync::postoffice::mail::{Outgoing, submit};
    use dirsync::tree::disk::real::RealDisk;
    use dirsync::tree::journal::CommitInfo;
    use dirsync::tree::{Command, Domain, DomainKind, OpenOptions, TreeMut};
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    let disk = std::sync::Arc::new(RealDisk::open(po).unwrap());
    let mut tree = TreeMut::open(disk, domain, &OpenOptions::default()).unwrap();
    let now = UnixTime(857_206_800);
    let from: Address = "PCM:NET/A/ann".parse().unwrap();
    let mut edit = Edit::new(tree.view());
    let to: Address = to.parse().unwrap();
    let mut mail = Outgoing::new(from, vec![to], b"Not read: SrvTx", now);
    mail.text = b"Your message was not read.\r\n".to_vec();
    submit(&mut edit, &mail).unwrap();
    let plan = edit.finish().unwrap();
    let info = CommitInfo {
        command: Command::T1,
        user: "test".into(),
        now,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
}

// rule: exc:R-DXA-071
#[test]
fn a_notice_that_comes_back_is_event_134_and_stops_nothing() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site);
    write_mail(&site.join("A"), "PCM:AVIATION/MALMO/$SYSTEM");
    cycle("run", site, 9, &[]);
    let found = events(&ex, &["--id", "134"]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["category"], "Event Handler");
    assert_eq!(found[0]["strings"][0], "MH_RC_SESSION_BUSY");
    // It lies with the administrator now, and the cycles go on.
    assert_eq!(mails(&ex), 1);
    cycle("run", site, 10, &[]).expect_code(0);
    cycle("status --check", site, 10, &[]).expect_code(0);
    assert_eq!(events(&ex, &["--id", "134"]).len(), 1);
}

#[test]
fn the_list_and_the_file_of_windows_nt_hold_the_same_events() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site);
    po("registry set", &ex, &["Diagnostics\\MS Mail 3.2", "5"]).expect_code(0);
    cycle("run", site, 9, &[]).expect_code(0);
    let all = events(&ex, &[]);
    let file = site.join("log.evt");
    let path = file.to_str().unwrap();
    let dry = cycle("events --dry-run", &ex, 9, &["--evt", path]).expect_code(0);
    assert!(dry.stdout.contains("would write") && !file.exists());
    cycle("events", &ex, 9, &["--evt", path]).expect_code(0);
    let log = dirsync::core::format::evt::read(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(log.faults, []);
    assert_eq!(log.records.len(), all.len());
    for (record, event) in log.records.iter().zip(&all) {
        assert_eq!(u64::from(record.id()), event["id"].as_u64().unwrap());
        assert_eq!(record.source, event["source"].as_str().unwrap());
        assert_eq!(record.computer, "MALMO1");
    }
    // An existing file stays, unless it may be replaced; nothing is written into a tree.
    let before = fs::read(&file).unwrap();
    let one = ["--evt", path, "--id", "9002"];
    cycle("events", &ex, 9, &one).expect_code(3);
    assert_eq!(fs::read(&file).unwrap(), before);
    cycle("events", &ex, 9, &[&one[..], &["--overwrite"]].concat()).expect_code(0);
    assert!(fs::read(&file).unwrap().len() < before.len());
    let whole = snapshot(&ex);
    for inside in [
        "EX/log.evt",
        "EX/DXADATA/GLB/log.evt",
        "EX/MTADATA/log.evt",
        "A/GLB/log.evt",
    ] {
        let inside = site.join(inside);
        if inside.parent().unwrap().is_dir() {
            cycle("events", &ex, 9, &["--evt", inside.to_str().unwrap()]).expect_code(3);
        }
    }
    assert_eq!(snapshot(&ex), whole);
    // A line that is none is told.
    let log = ex.join("EVENTS.JSONL");
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend_from_slice(b"{broken\n");
    fs::write(&log, bytes).unwrap();
    let told = cycle("events --json", &ex, 9, &[])
        .expect_code(1)
        .json_lines();
    let end = told.last().unwrap();
    assert_eq!(end["problems"][0]["id"], "exchange.bad-event-line");
    assert_eq!(end["count"], all.len());
    cycle("events", &site.join("A"), 9, &[]).expect_code(2);
    cycle("events", &ex, 9, &["--source", "Nobody"]).expect_code(2);
}

// rule: exc:R-OBJ-001
// rule: exc:R-DXA-070
// rule: exc:R-DXA-053
#[test]
fn the_administrator_gets_copies_when_there_is_one() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site);
    // Both boxes without an administrator: nothing is copied, and dirsync goes on.
    po(
        "server on",
        &ex,
        &["--copy-outgoing", "yes", "--forward-incoming", "yes"],
    )
    .expect_code(0);
    let count = || mails(&ex);
    cycle("run", site, 9, &[]).expect_code(0);
    assert_eq!(count(), 0);
    po("server on", &ex, &["--administrator", "bo"]).expect_code(0);
    cycle("run", site, 10, &[]).expect_code(0);
    cycle("deliver", site, 10, &[]).expect_code(0);
    // The status report and the request that came, the reply that left.
    assert_eq!(count(), 3);
    po("server on", &ex, &["--forward-incoming", "no"]).expect_code(0);
    cycle("run", site, 11, &[]).expect_code(0);
    cycle("deliver", site, 11, &[]).expect_code(0);
    assert_eq!(count(), 4);
}

/// Messages in the agent's mailbox Admin: headers of 116 bytes.
fn mails(ex: &Path) -> usize {
    fs::read_dir(ex.join("DXADATA/MBG"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            name.len() == 8 && name != "00000001" && name.starts_with('0')
        })
        .map(|path| usize::try_from(fs::metadata(path).unwrap().len()).unwrap() / 116)
        .sum()
}
