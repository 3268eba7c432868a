//! An Exchange server beside two postoffices, with the built programs: both roles, pause, start.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dirsync_tests::exchange::{SHADOW, cycle, po};
use dirsync_tests::{Output, TestTree, command, run, snapshot};

/// A server and two postoffices with users each; `hub` is the directory server.
fn make(site: &Path, profile: &str, hub: &str) {
    let ex = site.join("EX");
    let init = "init-exchange --org Aviation --site Malmo --server MALMO1 --zone UTC --connector";
    po(
        &format!("{init} AVIATION/MALMO --profile {profile}"),
        &ex,
        &[],
    )
    .expect_code(0);
    for name in ["A", "B"] {
        po(
            "init --zone UTC",
            &site.join(name),
            &[&format!("NET/{name}")],
        )
        .expect_code(0);
        for n in 1..=2 {
            let (mailbox, full) = (format!("u{n}{name}"), format!("User {n} of {name}"));
            po("user add", &site.join(name), &[&mailbox, "--name", &full]).expect_code(0);
        }
    }
    for (alias, name) in [("anna", "Anna Ek"), ("bo", "Bo Åkesson")] {
        po("recipient add", &ex, &[alias, "--name", name]).expect_code(0);
    }
    let all = [("EX", "AVIATION/MALMO"), ("A", "NET/A"), ("B", "NET/B")];
    let server = all.iter().find(|(tree, _)| *tree == hub).unwrap().1;
    let mail = |tree: &str| match tree {
        "EX" => site.join("EX").join(SHADOW),
        _ => site.join(tree),
    };
    po("server on", &site.join(hub), &[]).expect_code(0);
    for (tree, name) in all {
        if tree == hub {
            continue;
        }
        po("postoffice add", &mail(hub), &[name]).expect_code(0);
        po("postoffice add", &mail(tree), &[server]).expect_code(0);
        po("requestor add", &site.join(hub), &[name]).expect_code(0);
        po("register", &site.join(tree), &[server]).expect_code(0);
    }
    for tree in ["A", "B"] {
        po("export", &site.join(tree), &[]).expect_code(0);
    }
}

fn addresses(output: &Output) -> BTreeSet<String> {
    let lines = output.json_lines();
    let (end, entries) = lines.split_last().unwrap();
    assert_eq!(end["end"], true);
    entries
        .iter()
        .map(|entry| entry["address"].as_str().unwrap().to_uppercase())
        .collect()
}

/// The addresses that everybody has.
fn in_step(site: &Path) -> BTreeSet<String> {
    let shown = |tree: &str| po("gal --participating --json", &site.join(tree), &[]).expect_code(0);
    let list = po(
        "recipient list --participating --json",
        &site.join("EX"),
        &[],
    )
    .expect_code(0);
    let (a, b, ex) = (
        addresses(&shown("A")),
        addresses(&shown("B")),
        addresses(&list),
    );
    assert_eq!(a, ex);
    assert_eq!(b, ex);
    ex
}

// rule: exc:R-CYC-002
// rule: exc:R-CYC-003
// rule: exc:R-OBJ-020
// rule: exc:R-OBJ-021
// rule: dec:DEC-065
// rule: exc:O-03
#[test]
fn all_three_hold_the_same_addresses_in_both_roles() {
    for hub in ["EX", "A"] {
        let tree = TestTree::new();
        let site = tree.path();
        make(site, "5.5", hub);
        cycle("run", site, 9, &[]).expect_code(0);
        cycle("run", site, 10, &[]).expect_code(0);
        let all = in_step(site);
        assert_eq!(all.len(), 6, "{hub}: {all:?}");
        assert!(all.contains("PCM:AVIATION/MALMO/ANNA") && all.contains("PCM:NET/B/U2B"));
        cycle("status --check", site, 10, &[]).expect_code(0);
        // The agent writes from $SYSTEM as server and from SYSTEM1 as requestor, and replies go there.
        let known = po("requestor list --json", &site.join(hub), &[]).expect_code(0);
        assert_eq!(known.stdout.contains("SYSTEM1"), hub == "A", "{known}");
        // A deletion on either side.
        po("user remove", &site.join("B"), &["u1B", "--yes"]).expect_code(0);
        po("recipient remove", &site.join("EX"), &["anna", "--yes"]).expect_code(0);
        let before = snapshot(site);
        cycle("run", site, 11, &["--dry-run"]).expect_code(0);
        assert_eq!(snapshot(site), before);
        cycle("run", site, 11, &[]).expect_code(0);
        let left = in_step(site);
        let gone: Vec<_> = all.difference(&left).cloned().collect();
        assert_eq!(gone, ["PCM:AVIATION/MALMO/ANNA", "PCM:NET/B/U1B"], "{hub}");
        // Nothing more moves.
        let quiet = cycle("run --json", site, 12, &[]).expect_code(0).json();
        assert_eq!(quiet["result"]["transactions_sent"], 0);
        cycle("status --check", site, 12, &[]).expect_code(0);
    }
}

// rule: exc:R-DXA-020
// rule: exc:R-DXA-021
// rule: exc:R-REG-01
// rule: exc:V-37
#[test]
fn a_pause_runs_t2_at_a_server_and_t1_at_a_requestor() {
    let text = "Error 2140: An internal Windows NT error occurred.";
    for (hub, ran) in [("EX", "T2"), ("A", "T1")] {
        let tree = TestTree::new();
        let (site, ex) = (tree.path(), tree.path().join("EX"));
        make(site, "4.0", hub);
        let before = snapshot(site);
        let ignored = cycle("pause", &ex, 9, &[]).expect_code(1);
        assert!(
            ignored.stdout.contains("PauseKicksDX"),
            "{}",
            ignored.stdout
        );
        assert_eq!(snapshot(site), before);
        po("registry set", &ex, &["PauseKicksDX", "1"]).expect_code(0);
        let done = cycle("pause", &ex, 9, &[]).expect_code(0);
        assert!(done.stdout.contains(&format!("{ran}: ")), "{}", done.stdout);
        assert!(done.stdout.contains(text) && done.stdout.contains("service on MALMO1."));
    }
    // 5.5 needs no value.
    let tree = TestTree::new();
    make(tree.path(), "5.5", "EX");
    let done = cycle("pause", &tree.path().join("EX"), 9, &[]).expect_code(0);
    assert!(done.stdout.contains("service on \\\\MALMO1.") && done.stdout.contains(text));
    let net = "The Microsoft Exchange Directory Synchronization service failed to pause. More help is \
               available by typing NET HELPMSG3539.";
    assert!(done.stdout.contains(net));
    // The control request itself failed; --classic-exit ends as it did, and the cycle ran.
    let classic = cycle("pause --classic-exit", &tree.path().join("EX"), 10, &[]).expect_code(2);
    assert!(classic.stdout.contains("T2: ") && classic.stdout.contains(net));
}

/// EX serves A and B; only B goes on, so that its numbers get higher than those of A.
fn b_is_ahead(site: &Path) {
    let ex = site.join("EX");
    make(site, "5.5", "EX");
    cycle("run", site, 9, &[]).expect_code(0);
    for hour in 10..13 {
        let name = format!("User {hour}");
        po(
            "user add",
            &site.join("B"),
            &[&format!("x{hour}"), "--name", &name],
        )
        .expect_code(0);
        cycle("t1", &site.join("B"), hour, &[]).expect_code(0);
        cycle("deliver", site, hour, &[]).expect_code(0);
        cycle("t2", &ex, hour, &[]).expect_code(0);
        cycle("deliver", site, hour, &[]).expect_code(0);
        cycle("t3", &site.join("B"), hour, &[]).expect_code(0);
    }
}

/// Copies a RESYNC.GLB into the GLB of a postoffice and imports it there.
fn take_from(file: &Path, tree: &Path) -> Output {
    fs::copy(file, tree.join("GLB/RESYNC.GLB")).unwrap();
    let mut command = command("glb-import");
    command.arg("queue").arg(tree);
    run(&mut command)
}

// rule: exc:R-RSY-001
// rule: exc:R-RSY-006
// rule: exc:R-REG-02
// rule: exc:R-REG-03
// rule: exc:V-22
// rule: exc:O-11
// rule: imp:R-RSX-001
// rule: imp:R-RSX-002
#[test]
fn a_resync_file_of_too_few_requestors_is_refused_by_the_others() {
    // Q215505.
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    b_is_ahead(site);
    let import = |tree: &str| take_from(&ex.join("DXADATA/RESYNC.GLB"), &site.join(tree));
    let start = |hour| {
        po("registry set", &ex, &["ResyncConnectionRDNs", "A"]).expect_code(0);
        cycle("start", &ex, hour, &[]).expect_code(0);
        // The trigger is gone.
        let shown = po("registry get --json", &ex, &["ResyncConnectionRDNs"]).expect_code(0);
        assert_eq!(shown.json_lines()[0]["set"], false);
    };
    start(14);
    let refused = import("B");
    let refused = refused.expect_code(3);
    assert!(refused.to_string().contains("[ 14]"), "{refused}");
    import("A").expect_code(0);
    fs::remove_file(site.join("B/GLB/RESYNC.GLB")).unwrap();
    po("registry set", &ex, &["GlobalMaxSeqInResync", "1"]).expect_code(0);
    start(15);
    import("B").expect_code(0);
    // A name that nobody has: nothing is made, and the value stays.
    po("registry set", &ex, &["ResyncConnectionRDNs", "NOBODY"]).expect_code(0);
    let unknown = cycle("start", &ex, 16, &[]).expect_code(1);
    assert!(
        unknown.stdout.contains("exchange.resync-unknown"),
        "{}",
        unknown.stdout
    );
    let shown = po("registry get --json", &ex, &["ResyncConnectionRDNs"]).expect_code(0);
    assert_eq!(shown.json_lines()[0]["set"], true);
}

fn create(ex: &Path, rest: &[&str]) -> Output {
    let mut command = command("resync-gen");
    command.arg("create").arg(ex).args(rest);
    run(&mut command)
}

// rule: exc:R-RSY-001
// rule: exc:R-REG-03
// rule: dec:DEC-045
#[test]
fn resync_gen_makes_the_file_of_an_exchange_server_for_those_who_are_named() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    b_is_ahead(site);
    let file = ex.join("DXADATA/RESYNC.GLB");
    let before = snapshot(site);
    let would = create(&ex, &["--requestor", "NET/A", "--dry-run"]).expect_code(0);
    assert!(
        would.stdout.contains("RESYNC.GLB would be written"),
        "{would}"
    );
    assert_eq!(snapshot(site), before);
    // Its numbers are those of A: B, which is ahead, refuses it with message 14.
    let made = create(&ex, &["--requestor", "net/a", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(
        made["result"]["requestors"],
        serde_json::json!(["A"]),
        "{made}"
    );
    assert_eq!(made["trees"][0]["kind"], "exchange");
    let refused = take_from(&file, &site.join("B")).expect_code(3);
    assert!(refused.to_string().contains("[ 14]"), "{refused}");
    // With the numbers of all B takes the file that is for A.
    create(&ex, &["--requestor", "A", "--global-max"]).expect_code(0);
    take_from(&file, &site.join("B")).expect_code(0);
    take_from(&file, &site.join("A")).expect_code(0);
    cycle("run", site, 14, &[]).expect_code(0);
    cycle("run", site, 15, &[]).expect_code(0);
    in_step(site);
    // Nobody named: those of the registry, which stays, else all.
    let requestors = |rest: &[&str]| {
        let made = create(&ex, rest).expect_code(0).json();
        made["result"]["requestors"].clone()
    };
    let out = site.join("ALL.GLB");
    let outside = ["--json", "--out", out.to_str().unwrap()];
    fs::remove_file(&file).unwrap();
    assert_eq!(requestors(&outside), serde_json::json!(["A", "B"]));
    assert!(out.exists() && !file.exists());
    po("registry set", &ex, &["ResyncConnectionRDNs", "B"]).expect_code(0);
    assert_eq!(requestors(&["--json"]), serde_json::json!(["B"]));
    let shown = po("registry get --json", &ex, &["ResyncConnectionRDNs"]).expect_code(0);
    assert_eq!(shown.json_lines()[0]["set"], true);
    // Names that nobody has.
    let before = snapshot(site);
    let unknown = create(&ex, &["--requestor", "NET/C"]).expect_code(2);
    assert!(
        unknown.stderr.contains("the requestors are A, B"),
        "{unknown}"
    );
    po("registry set", &ex, &["ResyncConnectionRDNs", "NOBODY"]).expect_code(0);
    assert!(create(&ex, &[]).expect_code(5).stderr.contains("NOBODY"));
    po("registry unset", &ex, &["ResyncConnectionRDNs"]).expect_code(0);
    let same = |path: &str| before.get(Path::new(path)).map(|entry| entry.hash);
    let after = snapshot(site);
    let now = after
        .get(Path::new("EX/DXADATA/RESYNC.GLB"))
        .map(|entry| entry.hash);
    assert_eq!(now, same("EX/DXADATA/RESYNC.GLB"));
    // A server that serves nobody.
    let other = site.join("OTHER");
    let init = "init-exchange --org Aviation --site Malmo --server M2 --zone UTC --connector";
    po(&format!("{init} AVIATION/M2"), &other, &[]).expect_code(0);
    let refused = create(&other, &[]).expect_code(5);
    assert!(refused.stderr.contains("[ 67]"), "{refused}");
}

// rule: exc:R-RSY-010
// rule: exc:R-RSY-012
// rule: dec:DEC-046
// rule: exc:O-05
// rule: imp:R-RSE-001
#[test]
fn a_requestor_takes_a_resync_file_once_at_its_start() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site, "5.5", "A");
    for hour in [9, 10] {
        let name = format!("User {hour}");
        po(
            "user add",
            &site.join("B"),
            &[&format!("y{hour}"), "--name", &name],
        )
        .expect_code(0);
        cycle("run", site, hour, &[]).expect_code(0);
    }
    let file = ex.join("DXADATA/RESYNC.GLB");
    let mut create = command("resync-gen");
    create
        .arg("create")
        .arg(site.join("A"))
        .arg("--out")
        .arg(&file);
    run(&mut create).expect_code(0);
    let took = cycle("start --json", &ex, 11, &[]).expect_code(0).json();
    assert!(took["result"]["took"].is_object(), "{took}");
    assert!(!file.exists() && ex.join("DXADATA/RESYNC.OLD").exists());
    let nothing = cycle("start --json", &ex, 12, &[]).expect_code(0).json();
    assert!(nothing["result"]["took"].is_null() && nothing["result"]["made"].is_null());
    cycle("run", site, 13, &[]).expect_code(0);
    in_step(site);
}

// rule: exc:R-DXA-060
// rule: exc:R-DXA-061
// rule: exc:V-01
#[test]
fn attachments_leave_compressed_and_reach_the_postoffice_expanded() {
    use dirsync::exchange::roles::{COMPRESSED, FLAGS};
    assert_eq!((FLAGS, FLAGS - COMPRESSED), (39_604, 39_572));
    for (flag, expected) in [(None, true), (Some("--no-compress"), false)] {
        let tree = TestTree::new();
        let (site, ex) = (tree.path(), tree.path().join("EX"));
        make(site, "5.5", "EX");
        if let Some(flag) = flag {
            po("requestor remove", &ex, &["NET/A", "--yes"]).expect_code(0);
            po("requestor add", &ex, &["NET/A", flag]).expect_code(0);
        }
        cycle("t1", &site.join("A"), 9, &[]).expect_code(0);
        cycle("deliver", site, 9, &[]).expect_code(0);
        cycle("t2", &ex, 9, &[]).expect_code(0);
        // The container begins with 46 84; a record has its length in the third octet.
        let compressed = files(&ex, "ATT", "AT")
            .iter()
            .filter(|bytes| bytes.starts_with(&[0x46, 0x84]))
            .count();
        assert_eq!(compressed, usize::from(expected), "{flag:?}");
        cycle("deliver", site, 9, &[]).expect_code(0);
        let t3 = cycle("t3 --json", &site.join("A"), 9, &[])
            .expect_code(0)
            .json();
        assert!(
            t3["result"]["postoffices"][0]["received"].as_u64() > Some(0),
            "{t3}"
        );
    }
}

/// The files of a sixteen-fold folder of the agent.
fn files(ex: &Path, folder: &str, prefix: &str) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for digit in "0123456789ABCDEF".chars() {
        let folder = ex.join(format!("DXADATA/{folder}/{prefix}{digit}"));
        for entry in fs::read_dir(folder).unwrap() {
            files.push(fs::read(entry.unwrap().path()).unwrap());
        }
    }
    files
}

// rule: exc:R-DXA-055
#[test]
fn an_empty_reply_says_so_in_words() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site, "5.5", "EX");
    cycle("run", site, 9, &[]).expect_code(0);
    cycle("t1", &site.join("A"), 10, &[]).expect_code(0);
    cycle("deliver", site, 10, &[]).expect_code(0);
    cycle("t2", &ex, 10, &[]).expect_code(0);
    let text = b"No updates to send. Nothing was requested.";
    let said = files(&ex, "MAI", "MA")
        .iter()
        .filter(|bytes| bytes.windows(text.len()).any(|part| part == text))
        .count();
    assert_eq!(said, 1);
}

fn mta(words: &str, ex: &Path, rest: &[&str]) -> Output {
    let mut command = command("mtacheck");
    command
        .args(words.split_whitespace())
        .arg(ex.join("MTADATA"))
        .args(rest);
    run(&mut command)
}

/// How many messages of a queue `mtacheck list` shows.
fn on_queue(ex: &Path, queue: &str) -> usize {
    let listed = mta("list --json", ex, &["--queue", queue]).expect_code(0);
    listed.json_lines().len() - 1
}

const CONNECTOR: &str = "MS MAIL CONNECTOR";
const DXA: &str = "MICROSOFT DXA";

// rule: dec:DEC-067
// rule: exc:R-MSM-010
#[test]
fn mail_of_the_agent_and_for_it_stands_on_the_queues_of_the_mta() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site, "5.5", "EX");
    // A request on its way to the agent.
    cycle("t1", &site.join("A"), 9, &[]).expect_code(0);
    cycle("deliver", site, 9, &["--until", "mta"]).expect_code(0);
    let requests = on_queue(&ex, DXA);
    assert!(requests > 0);
    assert_eq!(on_queue(&ex, CONNECTOR), 0);
    let listed = mta("list --json", &ex, &["--queue", DXA]).json_lines();
    assert_eq!(listed[0]["kind"], "dirsync");
    assert_eq!(listed[0]["originator"], "MS:NET/A/$SYSTEM");
    let checked = mta("check", &ex, &[]).expect_code(0);
    assert!(!checked.stdout.contains("RECEIVED.TAG"), "{checked}");
    // The agent takes it, and its reply stands on the other queue.
    cycle("deliver", site, 9, &[]).expect_code(0);
    assert_eq!(on_queue(&ex, DXA), 0);
    cycle("t2", &ex, 9, &[]).expect_code(0);
    let said = cycle("deliver --json", site, 9, &["--until", "mta"]).expect_code(0);
    assert!(said.json()["result"]["interchange"][0]["waiting_outward"].as_u64() > Some(0));
    assert!(on_queue(&ex, CONNECTOR) > 0);
    let inqueue3 = site.join("EX").join(SHADOW).join("MBG/INQUEUE3.MBG");
    assert_eq!(fs::metadata(&inqueue3).unwrap().len(), 0);
    // With any number of workers it goes on.
    cycle("deliver", site, 9, &["--workers", "32"]).expect_code(0);
    assert_eq!(on_queue(&ex, CONNECTOR), 0);
    let t3 = cycle("t3 --json", &site.join("A"), 9, &[]).expect_code(0);
    assert!(t3.json()["result"]["postoffices"][0]["received"].as_u64() > Some(0));
    mta("check", &ex, &[]).expect_code(0);
}

// rule: exc:R-REG-13
// rule: exc:R-DXA-002
#[test]
fn what_waits_for_a_disabled_agent_can_be_purged() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site, "5.5", "EX");
    let shown = po("registry get --json", &ex, &["Start"]).expect_code(0);
    assert_eq!(shown.json_lines()[0]["data"], 2, "{shown}");
    po("registry set", &ex, &["Start", "4"]).expect_code(0);
    cycle("t1", &site.join("A"), 9, &[]).expect_code(0);
    let said = cycle("deliver", site, 9, &[]).expect_code(0);
    assert!(said.stdout.contains("exchange.agent-off"), "{said}");
    let requests = on_queue(&ex, DXA);
    assert!(requests > 0);
    mta("purge", &ex, &["--queue", DXA, "--yes"]).expect_code(0);
    assert_eq!(on_queue(&ex, DXA), 0);
    po("registry set", &ex, &["Start", "2"]).expect_code(0);
    // The agent never gets it: no repeat, no fault.
    cycle("deliver", site, 9, &[]).expect_code(0);
    let t2 = cycle("t2 --json", &ex, 9, &[]).expect_code(0).json();
    let server = &t2["result"]["postoffices"][0]["server"];
    assert_eq!(server["requests"], 0, "{t2}");
    // And the next cycles bring everything.
    cycle("run", site, 10, &[]).expect_code(0);
    cycle("run", site, 11, &[]).expect_code(0);
    in_step(site);
}

// rule: exc:R-DXA-062
// rule: mta:R-REC-012
#[test]
fn a_faulty_message_is_left_in_its_queue_and_can_be_purged() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    make(site, "5.5", "EX");
    for name in ["A", "B"] {
        cycle("t1", &site.join(name), 9, &[]).expect_code(0);
    }
    cycle("deliver", site, 9, &[]).expect_code(0);
    cycle("t2", &ex, 9, &[]).expect_code(0);
    cycle("deliver", site, 9, &["--until", "mta"]).expect_code(0);
    let listed = mta("list --json", &ex, &["--queue", CONNECTOR]).json_lines();
    let first = &listed[0];
    // One bit of the content of the oldest.
    let number = &first["data"].as_str().unwrap()[2..];
    let file = ex.join(format!("MTADATA/DB{number}.DAT"));
    let mut bytes = fs::read(&file).unwrap();
    bytes[200] ^= 4;
    fs::write(&file, bytes).unwrap();
    let said = cycle("deliver", site, 9, &[]).expect_code(1);
    assert!(said.stdout.contains("exchange.parked"), "{said}");
    assert!(said.stdout.contains("[2447]"), "{said}");
    let left = mta("list --json", &ex, &["--queue", CONNECTOR]).json_lines();
    assert_eq!(left.len(), 2);
    assert_eq!(
        (&left[0]["id"], &left[0]["parked"]),
        (&first["id"], &true.into())
    );
    let id = first["id"].as_str().unwrap();
    let shown = mta("show", &ex, &[id]).expect_code(0);
    assert!(shown.stdout.contains("parked"), "{shown}");
    // Said once; the others arrived.
    cycle("deliver", site, 10, &[]).expect_code(0);
    let again = cycle("deliver", site, 10, &["--retry-parked"]).expect_code(1);
    assert!(again.stdout.contains("exchange.parked"), "{again}");
    // What was sent is sent again when its number is asked for: nothing is lost for good.
    for name in ["A", "B"] {
        let t3 = cycle("t3 --json", &site.join(name), 10, &[]).expect_code(0);
        let po = &t3.json()["result"]["postoffices"][0];
        assert_eq!(po["became"], "done", "{t3}");
    }
    mta("purge", &ex, &["--queue", CONNECTOR, "--yes"]).expect_code(0);
    // The server says that A begins anew, and all are in step.
    for (hour, code) in [(11, 1), (12, 0), (13, 0)] {
        let said = cycle("run", site, hour, &[]).expect_code(code);
        let restarted = said.stdout.contains("sync.numbering-restarted");
        assert_eq!(restarted, code == 1, "{said}");
    }
    in_step(site);
}

// rule: exc:R-MSM-001
// rule: exc:R-MSM-003
// rule: exc:R-MSM-007
// rule: exc:V-25
#[test]
fn the_shadow_postoffice_has_its_place_its_serial_number_and_its_reserved_names() {
    let tree = TestTree::new();
    let site = tree.path();
    make(site, "5.5", "EX");
    let shadow = site.join("EX").join(SHADOW);
    let master = fs::read(shadow.join("GLB/MASTER.GLB")).unwrap();
    assert!(master.windows(8).any(|part| part == b"22-28798"));
    let text = "PROFS is a reserved network name. Enter a different name.";
    let refused = po("postoffice add", &shadow, &["PROFS/X"]).expect_code(2);
    assert!(refused.stderr.contains(text), "{refused}");
    // A name that only begins alike is none of them, and other postoffices may use it.
    po("postoffice add", &shadow, &["PROFS2/X"]).expect_code(0);
    po("postoffice add", &site.join("A"), &["PROFS/X"]).expect_code(0);
}
