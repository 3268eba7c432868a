//! What the tests of `po-admin` share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dirsync_tests::{Output, command, run};
use walkdir::WalkDir;

/// The postoffice of the examples.
pub(crate) const NAME: &str = "POLYNOMIAL/MONTGOMERY";

/// Runs `po-admin` with these arguments.
pub(crate) fn po<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    let mut command = command("po-admin");
    command.args(args);
    run(&mut command)
}

/// Runs `po-admin WORDS... TREE REST...`.
pub(crate) fn on(words: &str, tree: &Path, rest: &[&str]) -> Output {
    let mut command = command("po-admin");
    command.args(words.split_whitespace()).arg(tree).args(rest);
    run(&mut command)
}

/// Makes a postoffice.
pub(crate) fn init(tree: &Path) -> Output {
    on("init --zone UTC", tree, &[NAME]).expect_code(0)
}

/// A copy of a tree with modes and times; quicker than a new one, since nothing is synced.
pub(crate) fn copy(from: &Path, to: &Path) {
    let made = std::process::Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(made.success());
}

/// Ids of the problems of `check --json` that are worse than a note, with their files.
pub(crate) fn findings(tree: &Path) -> Vec<(String, String)> {
    let output = on("check --json", tree, &[]);
    let document = output.json();
    document["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| problem["severity"] != "note")
        .map(|problem| {
            let text = |key: &str| problem[key].as_str().unwrap().to_owned();
            (text("id"), text("file"))
        })
        .collect()
}

/// Every path below a tree in upper case with its bytes (directories have none), without the lock
/// file and the journal, whose contents depend on the run.
pub(crate) fn contents(tree: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in WalkDir::new(tree).min_depth(1) {
        let entry = entry.unwrap();
        let below = entry.path().strip_prefix(tree).unwrap();
        let path = below.to_str().unwrap().to_ascii_uppercase();
        if path.contains("JOURNAL") || path.ends_with("TREE.LCK") {
            continue;
        }
        let bytes = entry
            .file_type()
            .is_file()
            .then(|| fs::read(entry.path()).unwrap());
        all.insert(path, bytes);
    }
    all
}

/// The path below `tree` that is `path` when case does not count.
pub(crate) fn find(tree: &Path, path: &str) -> PathBuf {
    let mut at = tree.to_path_buf();
    for name in path.split('/') {
        at = fs::read_dir(&at)
            .unwrap()
            .map(|entry| entry.unwrap())
            .find(|entry| {
                entry
                    .file_name()
                    .to_str()
                    .unwrap()
                    .eq_ignore_ascii_case(name)
            })
            .unwrap_or_else(|| panic!("no {path}"))
            .path();
    }
    at
}

/// A number from the environment, for longer runs than the usual ones.
pub(crate) fn from_env(name: &str, usual: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => usual,
    }
}
