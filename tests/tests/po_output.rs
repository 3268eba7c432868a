//! What the commands print: JSON that parses, dry runs that change nothing, lists that can be cut.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails the test by a panic"
)]

mod po;

use std::fs;
use std::process::{Command, Stdio};

use dirsync_tests::{TestTree, differences, fixture, program, snapshot};
use po::{NAME, init, on, po};

/// A tree with the published mailbag and some damage.
fn tree(dir: &TestTree) -> std::path::PathBuf {
    let tree = dir.join("A");
    init(&tree);
    fs::copy(
        fixture("binary/q108027-00000000.mbg.bin"),
        tree.join("MBG/00000000.MBG"),
    )
    .unwrap();
    fs::remove_dir_all(tree.join("ATT/AT8")).unwrap();
    tree
}

#[test]
fn every_command_prints_json_that_parses() {
    let dir = TestTree::new();
    let tree = tree(&dir);
    for (words, rest) in [
        ("check", &[][..]),
        ("check", &["--fix", "--dry-run"]),
        ("check", &["--fix"]),
        ("upgrade", &[]),
        ("init --dry-run --zone UTC", &[]),
    ] {
        let place = if words.starts_with("init") {
            dir.join("NEW")
        } else {
            tree.clone()
        };
        let rest: Vec<&str> = if words.starts_with("init") {
            vec![NAME]
        } else {
            rest.to_vec()
        };
        let output = on(&format!("{words} --json"), &place, &rest);
        let document = output.json();
        assert_eq!(document["schema"], 1, "{output}");
        assert!(
            document["command"]
                .as_str()
                .unwrap()
                .starts_with("po-admin ")
        );
        assert!(document["dry_run"].is_boolean() && document["result"].is_object());
        assert!(document["trees"].is_array());
        for problem in document["problems"].as_array().unwrap() {
            for key in ["id", "severity", "file", "offset", "message", "hint"] {
                assert!(problem.get(key).is_some(), "{problem}");
            }
        }
        for plan in [
            &document["result"]["plan"],
            &document["result"]["fix"]["plan"],
        ] {
            for step in plan.as_array().into_iter().flatten() {
                for key in ["op", "path", "before", "after"] {
                    assert!(step.get(key).is_some(), "{step}");
                }
            }
        }
    }
    for (words, rest) in [
        ("mail list", &[][..]),
        ("mail list", &["00000000"]),
        ("gal", &[]),
        ("gal", &["--find", "x"]),
    ] {
        let lines = on(&format!("{words} --json"), &tree, rest).json_lines();
        let end = lines.last().unwrap();
        assert_eq!(end["end"], true);
        assert_eq!(end["count"].as_u64().unwrap(), lines.len() as u64 - 1);
        assert!(end["problems"].is_array());
    }
    for what in ["39", "event 2219", "mailbag.bad-header", "MASTER.GLB"] {
        let document = po(["explain", "--json", what]).expect_code(0).json();
        assert_eq!(document["result"]["query"], what);
        assert!(
            !document["result"]["meanings"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn failures_are_json_too() {
    let dir = TestTree::new();
    let tree = tree(&dir);
    fs::remove_file(tree.join("GLB/LAYOUT.TXT")).unwrap();
    for (args, code) in [
        (vec!["check", "--fix", "TREE"], 3),
        (vec!["check"], 2),
        (vec!["check", "--fix", "mailbag.bad-header"], 2),
        (vec!["check", "TREE", "--fix", "no.such-id"], 2),
        (vec!["check", "TREE", "--fix", "tree.foreign"], 2),
        (vec!["check", "TREE", "--fix"], 3),
        (vec!["check", "NOWHERE"], 5),
        (vec!["mail", "list", "TREE", "NOBODY"], 2),
        (vec!["explain", "no.such-thing-at-all"], 2),
        (vec!["gal"], 2),
        (vec!["init", "TREE", NAME], 3),
    ] {
        let args = args.into_iter().map(|arg| match arg {
            "TREE" => tree.clone().into_os_string(),
            "NOWHERE" => dir.join("nowhere").into_os_string(),
            other => other.into(),
        });
        let args: Vec<_> = args.chain(["--json".into()]).collect();
        let output = po(&args).expect_code(code);
        let lines = output.json_lines();
        let error = &lines.last().unwrap()["error"];
        assert_eq!(error["code"].as_i64(), Some(i64::from(code)), "{output}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert!(!error["hint"].as_str().unwrap().is_empty(), "{output}");
        assert_eq!(output.stderr, "", "{output}");
    }
}

// rule: tra:R-LCK-013
#[test]
fn dry_runs_and_looking_leave_every_byte_and_time() {
    let dir = TestTree::new();
    let tree = tree(&dir);
    let before = snapshot(dir.path());
    for (words, rest) in [
        ("check", &[][..]),
        ("check --fix", &["--dry-run"]),
        ("check --dry-run", &["--fix=size.fragment", "--yes"]),
        ("mail list", &[]),
        ("mail list", &["Admin", "--deleted"]),
        ("gal", &[]),
        ("upgrade --dry-run", &[]),
        ("upgrade", &[]),
    ] {
        let output = on(words, &tree, rest);
        assert!(matches!(output.code(), Some(0..=2)), "{output}");
    }
    on("init --dry-run", &dir.join("NEW"), &[NAME]).expect_code(0);
    on("init --dry-run", &tree, &[NAME]).expect_code(3);
    assert_eq!(
        differences(&before, &snapshot(dir.path())),
        Vec::<String>::new()
    );
}

// rule: pof:R-MBG-002
#[test]
fn the_published_mailbag_is_listed() {
    let dir = TestTree::new();
    let tree = tree(&dir);
    let lines = on("mail list --json", &tree, &["Admin"])
        .expect_code(1)
        .json_lines();
    let headers = &lines[..lines.len() - 1];
    let text = |at: usize, key: &str| headers[at][key].as_str().unwrap().to_owned();
    assert_eq!(headers.len(), 2);
    assert_eq!(text(0, "sender"), "Martian");
    assert_eq!(text(0, "subject"), "This is the subject");
    assert_eq!(text(1, "subject"), "This is the next subject");
    assert_eq!(text(0, "date"), "1993-10-08T16:25:00+00:00");
    assert_eq!(text(1, "date"), "1993-10-08T16:26:00+00:00");
    assert_eq!(text(0, "message"), "00000062");
    assert_eq!(text(0, "message_state"), "missing");
    assert_eq!(text(0, "state"), "live");
    assert_eq!(headers[0]["size_bytes"], 552);

    // In a foreign tree: the wall clock of a place that only the user knows, and no state.
    fs::remove_file(tree.join("GLB/LAYOUT.TXT")).unwrap();
    for (tz, date, assumed) in [
        (None, "1993-10-08T16:25:00+00:00", true),
        (
            Some("--tz=America/New_York"),
            "1993-10-08T16:25:00-04:00",
            false,
        ),
    ] {
        let mut rest = vec!["00000000"];
        rest.extend(tz);
        let lines = on("mail list --json", &tree, &rest)
            .expect_code(0)
            .json_lines();
        assert_eq!(lines[0]["date"], date);
        assert_eq!(lines[0]["zone_assumed"], assumed);
        assert_eq!(lines[0]["state"], "unknown");
        assert!(lines[0].get("size_bytes").is_none());
    }
    // Its user is not known there.
    on("mail list", &tree, &["Admin"]).expect_code(2);
}

// rule: pof:R-KEY-001
#[test]
fn deleted_headers_are_counted_and_left_out() {
    let dir = TestTree::new();
    let tree = tree(&dir);
    let mut key = vec![0u8; 560];
    key[48] = 1;
    fs::write(tree.join("KEY/00000000.KEY"), key).unwrap();
    let bags = on("mail list --json", &tree, &[]).json_lines();
    let admin = bags
        .iter()
        .find(|bag| bag["mailbag"] == "00000000")
        .unwrap();
    assert_eq!((&admin["live"], &admin["deleted"]), (&1.into(), &1.into()));
    assert_eq!(admin["owner"], "Admin");
    assert_eq!(admin["oldest"], "1993-10-08T16:26:00+00:00");
    let live = on("mail list --json", &tree, &["00000000"]).json_lines();
    assert_eq!(live.len(), 2);
    let all = on("mail list --json", &tree, &["00000000", "--deleted"]).json_lines();
    assert_eq!(all.len(), 3);
}

// rule: pof:R-NAM-006
#[test]
fn damaged_headers_are_reported_with_their_offset_and_the_rest_is_listed() {
    let dir = TestTree::new();
    let tree = tree(&dir);
    let path = tree.join("MBG/00000000.MBG");
    let mut bytes = fs::read(&path).unwrap();
    let one = bytes[..116].to_vec();
    bytes.extend(&one);
    bytes.extend(b"stray");
    // The second header's message name.
    bytes[116 + 67] = b'.';
    fs::write(&path, bytes).unwrap();
    let lines = on("mail list --json", &tree, &["00000000"])
        .expect_code(1)
        .json_lines();
    let end = lines.last().unwrap();
    assert_eq!(end["count"], 2);
    let problems = end["problems"].as_array().unwrap();
    let offset = |id: &str| {
        let found = problems.iter().find(|problem| problem["id"] == id).unwrap();
        found["offset"].as_u64()
    };
    assert_eq!(offset("mailbag.bad-header"), Some(116));
    assert_eq!(offset("size.fragment"), Some(348));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    for n in 0..4000 {
        fs::File::create(tree.join(format!("MBG/{:08X}.MBG", n + 16))).unwrap();
        fs::write(tree.join(format!("KEY/{:08X}.KEY", n + 16)), [0; 560]).unwrap();
    }
    let script = format!(
        "set -o pipefail; '{}' mail list '{}' | head -n 2",
        program("po-admin").display(),
        tree.display()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"", "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
}

#[test]
fn help_has_examples_and_version_is_there() {
    for words in [
        "",
        "init",
        "check",
        "mail list",
        "gal",
        "explain",
        "upgrade",
    ] {
        let mut args: Vec<&str> = words.split_whitespace().collect();
        args.push("-h");
        let output = po(&args).expect_code(0);
        assert!(output.stdout.contains("Examples:"), "{words}: {output}");
    }
    assert!(
        po(["--version"])
            .expect_code(0)
            .stdout
            .starts_with("po-admin ")
    );
}
