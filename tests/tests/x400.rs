//! Two Exchange servers with X.400 connectors to each other, with the built programs: the whole site
//! in a dry run and in earnest, routes, and a global reset.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use dirsync_tests::exchange::{SHADOW, cycle, po};
use dirsync_tests::{Output, TestTree, command, differences, run, snapshot};
use serde_json::Value;

fn ok(words: &str, tree: &Path, rest: &[&str]) {
    po(words, tree, rest).expect_code(0);
}

/// EX1 is the directory server; EX2 asks it over the X.400 connectors between the two, A directly.
fn site() -> TestTree {
    let tree = TestTree::new();
    let (ex1, ex2, a) = (tree.join("EX1"), tree.join("EX2"), tree.join("A"));
    for (ex, name, own) in [(&ex1, "EX1", "ORG/CON1"), (&ex2, "EX2", "ORG/CON2")] {
        let rest = [
            "--org",
            "ORG",
            "--site",
            "SITE",
            "--server",
            name,
            "--connector",
            own,
            "--zone",
            "UTC",
        ];
        ok("init-exchange", ex, &rest);
        let alias = format!("user{}", name.to_lowercase());
        ok(
            "recipient add",
            ex,
            &[&alias, "--name", &format!("User of {name}")],
        );
    }
    ok("init --zone UTC", &a, &["NET/A"]);
    ok("user add", &a, &["able", "--name", "Able"]);
    for (from, to) in [(&ex1, &ex2), (&ex2, &ex1)] {
        let name = format!("TO {}", to.file_name().unwrap().to_str().unwrap());
        ok("x400 add", from, &[&name, "--to", to.to_str().unwrap()]);
    }
    ok("server on", &ex1, &[]);
    ok("postoffice add", &ex1.join(SHADOW), &["NET/A"]);
    ok("postoffice add", &ex1.join(SHADOW), &["ORG/CON2"]);
    ok("postoffice add", &ex2.join(SHADOW), &["ORG/CON1"]);
    ok("postoffice add", &a, &["ORG/CON1"]);
    for (place, name) in [(&a, "NET/A"), (&ex2, "ORG/CON2")] {
        ok("requestor add", &ex1, &[name]);
        ok("register", place, &["ORG/CON1"]);
    }
    ok("export", &a, &[]);
    tree
}

/// What a run says it did, without what a dry run has more.
fn counts(output: &Output) -> Value {
    let mut result = output.json()["result"].clone();
    let fields = result.as_object_mut().unwrap();
    fields.remove("plan");
    result
}

/// What is not the same, but for who held a lock.
fn changes(site: &Path, before: &dirsync_tests::Snapshot) -> Vec<String> {
    let mut changes = differences(before, &snapshot(site));
    changes.retain(|line| !line.contains("TREE.LCK"));
    changes
}

/// A command as a dry run and in earnest: the same is said, and only the second changes anything.
fn tried_and_done(words: &str, place: &Path, hour: u32, rest: &[&str]) -> Value {
    let before = snapshot(place);
    let words = format!("{words} --json");
    let tried = cycle(&format!("{words} --dry-run"), place, hour, rest).expect_code(0);
    let after = differences(&before, &snapshot(place));
    assert!(after.is_empty(), "{words}: {after:#?}");
    let plan = &tried.json()["result"]["plan"];
    assert!(!plan.as_array().unwrap().is_empty(), "{tried}");
    let done = cycle(&words, place, hour, rest).expect_code(0);
    assert_eq!(counts(&tried), counts(&done), "{words}");
    assert!(!changes(place, &before).is_empty());
    counts(&done)
}

/// Messages that a delivery sent from one party to another.
fn sent(done: &Value, from: &str, to: &str) -> u64 {
    let links = done["links"].as_array().unwrap().iter();
    links
        .filter(|link| link["from"] == from && link["to"] == to)
        .filter_map(|link| link["sent"].as_u64())
        .sum()
}

const MTA1: &str = "/O=ORG/OU=SITE/CN=EX1";
const MTA2: &str = "/O=ORG/OU=SITE/CN=EX2";

// rule: mta:R-DB-012
// rule: dec:DEC-067
#[test]
fn a_dry_run_over_x400_connectors_says_what_the_run_does_and_changes_nothing() {
    let tree = site();
    let site = tree.path();
    // One request after the other: T1, its mail, T2, its mail.
    cycle("t1", &site.join("EX2"), 9, &[]).expect_code(0);
    let there = tried_and_done("deliver", site, 9, &[]);
    assert!(sent(&there, MTA2, MTA1) > 0, "{there}");
    cycle("t2", &site.join("EX1"), 9, &[]).expect_code(0);
    let back = tried_and_done("deliver", site, 9, &[]);
    assert!(sent(&back, MTA1, MTA2) > 0, "{back}");
    let took = cycle("t3 --json", &site.join("EX2"), 9, &[])
        .expect_code(0)
        .json();
    let took = &took["result"]["postoffices"][0];
    assert!(took["received"].as_u64() > Some(0), "{took}");
    // Whole cycles.
    for hour in [10, 11] {
        tried_and_done("run", site, hour, &[]);
    }
    cycle("status --check", site, 12, &[]).expect_code(0);
    for ex in ["EX1", "EX2"] {
        po("check", &site.join(ex), &[]).expect_code(0);
    }
    let list = po("recipient list --json", &site.join("EX2"), &[]).expect_code(0);
    assert!(list.stdout.contains("PCM:NET/A/ABLE") || list.stdout.contains("PCM:NET/A/able"));
}

// rule: mta:R-DB-012
#[test]
fn routes_lists_the_connectors_and_follows_them() {
    let tree = site();
    let site = tree.path();
    let rest = ["TO EAST", "--to", site.join("EX2").to_str().unwrap()].map(str::to_owned);
    let mut rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    rest.extend(["--space", "EAST/*", "--cost", "7"]);
    ok("x400 add", &site.join("EX1"), &rest);
    let before = snapshot(site);
    let shown = cycle("routes", site, 9, &["--from", "ORG/CON1"]).expect_code(0);
    for part in [
        "ORG/CON1 > /O=ORG/OU=SITE/CN=EX2",
        "X.400 connector TO EX2, cost 1",
        "X.400 connector TO EAST, cost 7",
        "EAST/*",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {shown}");
    }
    let json = cycle(
        "routes --json",
        site,
        9,
        &["--to", "NET/A", "--from", "ORG/CON2"],
    );
    let json = json.expect_code(1).json();
    // Where the connectors end the postoffice's own routes begin, but no connector leads to A.
    assert_eq!(json["result"]["routes"][0]["end"], "no_route", "{json}");
    let tables = json["result"]["tables"].as_array().unwrap();
    let mta = tables.iter().find(|table| table["name"] == MTA1).unwrap();
    assert_eq!(mta["own"], "ORG/CON1");
    assert_eq!(mta["rows"][0]["ways"][0]["via"], MTA2);
    assert_eq!(snapshot(site), before);
}

// rule: tra:R-QUE-013
#[test]
fn a_global_reset_leaves_no_mail_on_the_queues_of_connectors() {
    let tree = site();
    let site = tree.path();
    for hour in [9, 10] {
        cycle("run", site, hour, &[]).expect_code(0);
    }
    // A request of before the reset on its way: alone EX2 cannot hand it over, and it waits on the queue of
    // the connector.
    let waiting = |ex: &str| {
        let mut list = command("mtacheck");
        list.args(["list", "--json"])
            .arg(site.join(ex).join("MTADATA"));
        let listed = run(&mut list).expect_code(0).json_lines();
        listed.last().unwrap()["count"].clone()
    };
    cycle("t1", &site.join("EX2"), 11, &[]).expect_code(0);
    cycle("deliver", &site.join("EX2"), 11, &[]).expect_code(1);
    assert!(waiting("EX2").as_u64() > Some(0));
    let before = snapshot(site);
    cycle("reset global --dry-run", site, 12, &[]).expect_code(0);
    assert_eq!(snapshot(site), before);
    cycle("reset global --yes", site, 12, &[]).expect_code(0);
    for ex in ["EX1", "EX2"] {
        assert_eq!(waiting(ex), 0, "{ex}");
    }
    for hour in [13, 14] {
        cycle("run", site, hour, &[]).expect_code(0);
    }
    cycle("status --check", site, 15, &[]).expect_code(0);
}

// rule: dec:DEC-105
#[test]
fn a_tree_that_somebody_writes_is_busy_in_a_dry_run_too() {
    let tree = site();
    let site = tree.path();
    let held = |file: &str| {
        let lock = fs::File::open(site.join(file)).unwrap();
        lock.lock().unwrap();
        lock
    };
    let lock = held("A/GLB/TREE.LCK");
    for dry in [&["--dry-run", "--wait", "0"][..], &["--wait", "0"]] {
        let busy = cycle("t1", &site.join("A"), 9, dry).expect_code(4);
        assert!(busy.stdout.contains("[151]"), "{busy}");
    }
    drop(lock);
    let lock = held("EX1/DXADATA/TREE.LCK");
    for words in ["start", "pause"] {
        for dry in [&["--dry-run", "--wait", "0"][..], &["--wait", "0"]] {
            cycle(words, &site.join("EX1"), 9, dry).expect_code(4);
        }
    }
    drop(lock);
    cycle("start --dry-run", &site.join("EX1"), 9, &[]).expect_code(0);
}

#[test]
fn pause_and_start_say_whose_tree_it_is() {
    let tree = site();
    let ex = tree.join("EX1");
    for words in ["start --json", "pause --json", "t1 --json"] {
        let said = cycle(words, &ex, 9, &["--dry-run"]).expect_code(0).json();
        let entry = &said["trees"][0];
        assert_eq!(entry["kind"], "exchange", "{words}: {entry}");
        assert_eq!(entry["name"], "ORG/CON1", "{words}: {entry}");
        assert_eq!(entry["roles"][0], "server", "{words}: {entry}");
        assert_eq!(entry["zone"], "UTC", "{words}: {entry}");
    }
}
