//! Things that are not what they should be: a clear word about each, no hang, nothing written
//! outside the tree.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails the test by a panic"
)]

mod po;

use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use dirsync_tests::{Output, Snapshot, TestTree, command, differences, snapshot, try_run};
use po::{copy, from_env, init, on};
use rustix::fs::{CWD, Mode, mkfifoat};

/// Longest time of any command here; a hang would be for ever.
const LIMIT: Duration = Duration::from_secs(60);

fn within(words: &str, tree: &Path, rest: &[&str]) -> Output {
    let mut command = command("po-admin");
    command.args(words.split_whitespace()).arg(tree).args(rest);
    try_run(&mut command, b"", LIMIT)
        .unwrap_or_else(|late| panic!("{words} {rest:?} hangs\n{}", late.output))
}

/// What is put in the place of a file.
const STRANGERS: [&str; 6] = [
    "fifo",
    "socket",
    "directory",
    "link",
    "link-to-nothing",
    "hard-link",
];

fn put(kind: &str, at: &Path, outside: &Path) {
    match kind {
        "fifo" => mkfifoat(CWD, at, Mode::from_raw_mode(0o644)).unwrap(),
        "socket" => {
            // A socket's path is short: it is made elsewhere and moved.
            let short = outside.with_file_name("s");
            drop(UnixListener::bind(&short).unwrap());
            fs::rename(&short, at).unwrap();
        }
        "directory" => fs::create_dir(at).unwrap(),
        "link" => std::os::unix::fs::symlink(outside.join("target"), at).unwrap(),
        "link-to-nothing" => std::os::unix::fs::symlink(outside.join("nothing"), at).unwrap(),
        "hard-link" => fs::hard_link(outside.join("target"), at).unwrap(),
        _ => unreachable!(),
    }
}

/// The directory beside the tree that nothing may touch; the files in it are the targets of links.
fn sentinel(dir: &TestTree) -> Snapshot {
    snapshot(&dir.join("outside"))
}

const PLACES: [&str; 16] = [
    "GLB/MASTER.GLB",
    "GLB/ACCESS2.GLB",
    "GLB/NETWORK.GLB",
    "GLB/CONTROL.GLB",
    "GLB/FLAG.GLB",
    "GLB/REQTRANS.GLB",
    "GLB/LAYOUT.TXT",
    "GLB/TREE.LCK",
    "GLB/JOURNAL",
    "NME/ADMIN.NME",
    "NME/GAL.NME",
    "GRP/ADMIN.GRP",
    "MBG/00000000.MBG",
    "KEY/SYSTEM.KEY",
    "XTN/00000001.XTN",
    "ATT/AT8/POPULATE.MSM",
];

// rule: pof:R-DIR-002
#[test]
fn strangers_in_the_place_of_files_are_named_and_never_followed() {
    let dir = TestTree::new();
    dir.write("outside/target", [7u8; 560]);
    let fresh = dir.join("FRESH");
    init(&fresh);
    for (round, kind) in STRANGERS.into_iter().enumerate() {
        for (at, place) in PLACES.into_iter().enumerate() {
            let tree = dir.join(&format!("T{round}-{at}"));
            copy(&fresh, &tree);
            let path = tree.join(place);
            let _ = fs::remove_file(&path);
            put(kind, &path, &dir.join("outside"));
            let before = sentinel(&dir);
            let name = place.rsplit('/').next().unwrap();
            let mut outputs = vec![
                within("check", &tree, &[]),
                within("mail list", &tree, &[]),
                within("mail list", &tree, &["00000000"]),
                within("gal", &tree, &["--find", "a"]),
                within("check", &tree, &["--fix", "--dry-run"]),
                within("check", &tree, &["--fix", "--yes"]),
                within("upgrade", &tree, &[]),
            ];
            for output in &outputs {
                let code = output.code();
                assert!(
                    matches!(code, Some(0..=5)) && code != Some(4),
                    "{kind} at {place}: {output}"
                );
            }
            // A hard link to something outside is only a warning, and a directory is what the
            // journal should be; a marker in POPULATE.MSM's place is hardly worth a word.
            let check = outputs.remove(0);
            let said = check.stdout.clone() + &check.stderr;
            let harmless = place.ends_with("POPULATE.MSM")
                || (kind, place) == ("directory", "GLB/JOURNAL")
                || (kind, place) == ("hard-link", "GLB/TREE.LCK");
            if !harmless {
                assert_ne!(check.code(), Some(0), "{kind} at {place}: {check}");
                assert!(said.contains(name), "{kind} at {place}: {check}");
            }
            assert_eq!(
                differences(&before, &sentinel(&dir)),
                Vec::<String>::new(),
                "{kind} at {place}"
            );
            fs::remove_dir_all(&tree).unwrap();
        }
    }
}

// A directory of the tree that is a link to somewhere else.
#[test]
fn directories_that_are_links_are_never_entered() {
    let dir = TestTree::new();
    dir.write("outside/MBG/00000000.MBG", [0u8; 116]);
    for place in ["MBG", "GLB", "ATT/AT8", "MAI"] {
        let tree = dir.join(&format!("T-{}", place.replace('/', "-")));
        init(&tree);
        fs::remove_dir_all(tree.join(place)).unwrap();
        std::os::unix::fs::symlink(dir.join("outside/MBG"), tree.join(place)).unwrap();
        let before = sentinel(&dir);
        for (words, rest) in [
            ("check", &[][..]),
            ("check", &["--fix", "--yes"]),
            ("mail list", &[]),
            ("mail list", &["00000000"]),
            ("gal", &[]),
            ("upgrade", &[]),
        ] {
            let output = within(words, &tree, rest);
            assert!(
                matches!(output.code(), Some(0..=3 | 5)),
                "{place}: {output}"
            );
        }
        let check = within("check", &tree, &[]);
        assert_ne!(check.code(), Some(0), "{place}: {check}");
        assert_eq!(
            differences(&before, &sentinel(&dir)),
            Vec::<String>::new(),
            "{place}"
        );
    }
}

#[test]
fn sparse_terabytes_are_not_read() {
    let dir = TestTree::new();
    let fresh = dir.join("FRESH");
    init(&fresh);
    for place in PLACES.into_iter().filter(|place| *place != "GLB/JOURNAL") {
        let tree = dir.join("A");
        copy(&fresh, &tree);
        let path = tree.join(place);
        let _ = fs::remove_file(&path);
        let huge = File::create(&path).unwrap();
        // Not a whole number of any record.
        if huge.set_len((1 << 40) + 1).is_err() {
            eprintln!("this file system holds no sparse terabyte: not tried");
            return;
        }
        drop(huge);
        for (words, rest) in [
            ("check", &[][..]),
            ("mail list", &[]),
            ("mail list", &["00000000"]),
            ("check", &["--fix", "--yes"]),
        ] {
            let output = within(words, &tree, rest);
            assert!(
                matches!(output.code(), Some(0..=3 | 5)),
                "{place}: {output}"
            );
        }
        fs::remove_dir_all(&tree).unwrap();
    }
}

// rule: pof:R-NAM-001
#[test]
fn names_that_differ_in_case_only() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    // Of a file that is no core file: a finding.
    fs::write(tree.join("MBG/system.mbg"), b"").unwrap();
    let output = within("check", &tree, &[]);
    assert_eq!(output.code(), Some(1), "{output}");
    assert!(output.stdout.contains("file.case-duplicate"), "{output}");
    within("mail list", &tree, &[]).expect_code(0);
    // Of a core file: nobody can tell which is meant.
    fs::write(tree.join("GLB/master.glb"), b"x").unwrap();
    let before = snapshot(&tree);
    for (words, rest) in [
        ("check", &[][..]),
        ("check", &["--fix"]),
        ("mail list", &[]),
        ("upgrade", &[]),
    ] {
        let output = within(words, &tree, rest).expect_code(5);
        assert!(output.stderr.contains("master.glb"), "{output}");
    }
    assert_eq!(differences(&before, &snapshot(&tree)), Vec::<String>::new());
}

// DIRSYNC_MANY_ENTRIES=1000000 for the whole million.
#[test]
fn very_many_entries() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    let many = from_env("DIRSYNC_MANY_ENTRIES", 50_000);
    // A third each: mailbags, message files in the wrong place, names that mean nothing.
    for n in 0..many {
        let path = match n % 3 {
            0 => format!("MBG/{:08X}.MBG", n + 16),
            1 => format!("MAI/MA0/{n:08X}.MAI"),
            _ => format!("GLB/entry {n}"),
        };
        File::create(tree.join(path)).unwrap();
    }
    let limit = LIMIT + Duration::from_millis(many);
    let timed = |words: &str, rest: &[&str]| {
        let mut command = command("po-admin");
        command.args(words.split_whitespace()).arg(&tree).args(rest);
        try_run(&mut command, b"", limit).unwrap_or_else(|_| panic!("{words} hangs"))
    };
    let output = timed("mail list --json", &[]);
    let last = output.json_lines().pop().unwrap();
    assert_eq!(last["count"].as_u64(), Some(many.div_ceil(3) + 4));
    assert_eq!(output.code(), Some(1));
    timed("mail list", &["SYSTEM"]).expect_code(0);
    timed("gal", &[]).expect_code(0);
    let check = timed("check", &[]).expect_code(1);
    assert!(check.stdout.contains("mailbag.mbg-without-key"));
    timed("check --fix --quiet", &[]);
    let codes = timed("check --json", &[]).json();
    assert_eq!(codes["result"]["mendable"], 0, "{}", codes["result"]);
}

#[test]
fn names_from_the_disk_cannot_write_to_the_terminal() {
    let dir = TestTree::new();
    let tree = dir.join("A");
    init(&tree);
    fs::write(tree.join("GLB/\u{1b}[31mred\n\u{202e}x"), b"").unwrap();
    for words in ["check", "check --json", "mail list"] {
        let output = on(words, &tree, &[]);
        let printed = output.stdout.clone() + &output.stderr;
        assert!(!printed.contains(['\u{1b}', '\u{202e}']), "{printed:?}");
    }
}
