//! X.400 connectors between two Exchange servers, with the built programs: what an administrator sees of a
//! queue whose link does not work.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use dirsync_tests::{Output, TestTree, command, run};

fn program(name: &str, words: &str, tree: &Path, minute: u32, rest: &[&str]) -> Output {
    let mut command = command(name);
    command
        .args(words.split_whitespace())
        .arg(tree)
        .args(rest)
        .env("DIRSYNC_NOW", format!("1997-03-01T09:{minute:02}:00Z"));
    run(&mut command)
}

fn po(words: &str, tree: &Path, rest: &[&str]) -> Output {
    program("po-admin", words, tree, 0, rest).expect_code(0)
}

// rule: mta:OQ-22
#[test]
fn the_list_of_connectors_says_what_waits_since_when_and_when_it_is_tried_again() {
    let tree = TestTree::new();
    let site = tree.path();
    for (server, own) in [("EX1", "NET/ONE"), ("EX2", "NET/TWO")] {
        let init =
            format!("init-exchange --org O --site S --server {server} --zone Europe/Stockholm");
        po(&init, &site.join(server), &["--connector", own]);
    }
    let (one, two) = (site.join("EX1"), site.join("EX2"));
    po("server on", &one, &[]);
    po("requestor add", &one, &["NET/TWO"]);
    po("register", &two, &["NET/ONE"]);
    po("recipient add", &two, &["anna", "--name", "Anna Ek"]);
    let add = ["TO ONE", "--to", one.to_str().unwrap(), "--cost", "3"];
    po("x400 add", &two, &add);
    // Comments stay when the table is written.
    let ini = two.join("MTADATA/X400.INI");
    let text = fs::read_to_string(&ini).unwrap();
    fs::write(&ini, text.replace("[TO ONE]", "; leased line\r\n[TO ONE]")).unwrap();
    let listed = |minute| {
        let list = program("po-admin", "x400 list --json", &two, minute, &[]).expect_code(0);
        list.json_lines()[0].clone()
    };
    let idle = listed(0);
    assert_eq!((&idle["waiting"], &idle["oldest"]), (&0.into(), &().into()));
    assert_eq!(idle["next_retry"], serde_json::Value::Null);

    program("dxa-cycle", "t1", &two, 1, &[]).expect_code(0);
    // The other server is not part of the site, and nobody says where it stands.
    program("dxa-cycle", "deliver", &two, 2, &[]).expect_code(1);
    let waits = listed(3);
    assert_eq!(waits["waiting"], 1, "{waits}");
    assert_eq!(waits["state"], "retrying");
    assert_eq!(waits["attempts"], 1);
    // In the time zone of the tree; an attempt counts once in ten minutes.
    assert_eq!(waits["next_retry"], "1997-03-01T10:12:00+01:00");
    let oldest = waits["oldest"].as_str().unwrap();
    assert!(oldest.starts_with("1997-03-01T10:0"), "{oldest}");
    let table = program("po-admin", "x400 list", &two, 3, &[]).expect_code(0);
    for part in ["OLDEST", "NEXT", oldest, "1997-03-01T10:12:00+01:00"] {
        assert!(table.stdout.contains(part), "{part}: {table}");
    }
    assert!(fs::read_to_string(&ini).unwrap().contains("; leased line"));
    // Length by priority and the length of the work queue are those of the database.
    let queues = program("mtacheck", "queues --json", &two.join("MTADATA"), 3, &[]);
    let queues = queues.expect_code(0).json();
    let found = queues["result"]["queues"].as_array().unwrap().clone();
    let named = |end: &str| {
        let is_it = |queue: &&serde_json::Value| queue["name"].as_str().unwrap().contains(end);
        found.iter().find(is_it).unwrap().clone()
    };
    let queue = named("CN=TO ONE");
    assert_eq!(queue["messages"], 1, "{queue}");
    for priority in ["urgent", "normal", "non_urgent"] {
        assert!(queue[priority].is_u64(), "{queue}");
    }

    // It is there: everything arrives, and nothing is to be tried again.
    let both = program("dxa-cycle", "deliver", site, 30, &[]);
    both.expect_code(0);
    let works = listed(31);
    assert_eq!(
        (&works["waiting"], &works["state"]),
        (&0.into(), &"up".into())
    );
    assert_eq!(works["next_retry"], serde_json::Value::Null);
}
