//! Whole cycles with the built programs: what the first-cycle milestone must show from outside.
//!
//! Shortened for everyday use; `DIRSYNC_CYCLE_USERS` (default 30, the full figure is 100) and
//! `DIRSYNC_CYCLE_KILLS` (default 6, the full figure is 200) set the sizes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dirsync_tests::{Output, TestTree, command, differences, run, snapshot};
use serde_json::Value;

fn size(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn users() -> usize {
    size("DIRSYNC_CYCLE_USERS", 30)
}

fn po(words: &str, tree: &Path, rest: &[&str]) -> Output {
    let mut command = command("po-admin");
    command.args(words.split_whitespace()).arg(tree).args(rest);
    run(&mut command)
}

fn cycle(words: &str, place: &Path, rest: &[&str]) -> Output {
    let mut command = command("dxa-cycle");
    command.args(words.split_whitespace()).arg(place).args(rest);
    run(&mut command)
}

const SERVER: &str = "SRV";
const TREES: [&str; 3] = [SERVER, "RA", "RB"];

/// Three postoffices, users from a CSV, registered and exported, never run. With a hub RB is reached
/// through RA.
fn make(site: &Path, hub: bool) {
    for tree in TREES {
        po(
            "init --zone UTC",
            &site.join(tree),
            &[&format!("NET/{tree}")],
        )
        .expect_code(0);
    }
    let add = |tree: &str, rest: &[&str]| {
        po("postoffice add", &site.join(tree), rest).expect_code(0);
    };
    add("SRV", &["NET/RA"]);
    add("RA", &["NET/SRV"]);
    if hub {
        add("SRV", &["NET/RB", "--via", "NET/RA"]);
        add("RA", &["NET/RB"]);
        add("RB", &["NET/RA"]);
        add("RB", &["NET/SRV", "--via", "NET/RA"]);
    } else {
        add("SRV", &["NET/RB"]);
        add("RB", &["NET/SRV"]);
    }
    po("server on", &site.join(SERVER), &[]).expect_code(0);
    for tree in ["RA", "RB"] {
        po(
            "requestor add",
            &site.join(SERVER),
            &[&format!("NET/{tree}")],
        )
        .expect_code(0);
        po("register", &site.join(tree), &["NET/SRV"]).expect_code(0);
    }
    for tree in TREES {
        let csv = site.join(format!("{tree}.csv"));
        let mut lines = "mailbox,name\n".to_owned();
        for n in 0..users() {
            lines.push_str(&format!("{}{n},Éva {tree} {n:03}\n", tree.to_lowercase()));
        }
        fs::write(&csv, lines).unwrap();
        po("fill", &site.join(tree), &[csv.to_str().unwrap()]).expect_code(0);
        fs::remove_file(csv).unwrap();
        po("export", &site.join(tree), &[]).expect_code(0);
    }
}

/// A copy of a network; made once, because making it takes longer than copying.
fn network(hub: bool, settled: bool) -> TestTree {
    static MADE: [OnceLock<TestTree>; 4] = [const { OnceLock::new() }; 4];
    let made = MADE[usize::from(hub) + 2 * usize::from(settled)].get_or_init(|| {
        if settled {
            let copy = network(hub, false);
            for _ in 0..2 {
                cycle("run", copy.path(), &[]).expect_code(0);
            }
            return copy;
        }
        let tree = TestTree::new();
        make(tree.path(), hub);
        tree
    });
    TestTree::copy_of(made.path())
}

/// The participating entries of a Global Address List, and that it is sorted.
fn gal(tree: &Path) -> BTreeSet<(String, String)> {
    let output = po("gal --participating --json", tree, &[]).expect_code(0);
    let lines = output.json_lines();
    let (end, entries) = lines.split_last().unwrap();
    assert_eq!(end["end"], true);
    assert_eq!(end["count"], entries.len());
    entries
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            (text("address"), text("name"))
        })
        .collect()
}

fn assert_equal(site: &Path, count: usize) {
    let first = gal(&site.join(SERVER));
    assert_eq!(first.len(), count);
    for tree in TREES {
        assert_eq!(gal(&site.join(tree)), first, "{tree}");
    }
}

/// Nothing wrong anywhere, nothing left in queues, everybody in step.
fn assert_clean(site: &Path) {
    for tree in TREES {
        po("check", &site.join(tree), &[]).expect_code(0);
    }
    let status = cycle("status --check --json", site, &[])
        .expect_code(0)
        .json();
    assert_eq!(status["result"]["in_step"], true);
    for po in status["result"]["postoffices"].as_array().unwrap() {
        assert_eq!(po["queued_mail"], 0, "{po}");
        assert_eq!(po["system_mail"], 0, "{po}");
    }
}

/// The list files of a site.
fn lists(site: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for tree in TREES {
        for dir in ["USR", "NME", "GRP", "GLB"] {
            for entry in fs::read_dir(site.join(tree).join(dir)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                let of_glb = ["GAL", "ACCESS", "GROUP", "NETPO", "MSTTRANS", "TID", "FLAG"];
                let wanted = dir != "GLB" || of_glb.iter().any(|start| name.starts_with(start));
                if wanted && path.is_file() {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
    }
    files
}

fn became(report: &Value, name: &str) -> Value {
    report["result"]["postoffices"]
        .as_array()
        .unwrap()
        .iter()
        .find(|po| po["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {report:#}"))
        .clone()
}

// rule: dsp:R-ORD-004
// rule: dsp:R-T1-003
// rule: tra:R-TRN-020
#[test]
fn two_runs_make_equal_lists_and_a_third_changes_nothing() {
    for hub in [false, true] {
        let site = network(hub, false);
        let first = cycle("run --json", site.path(), &[]).expect_code(0).json();
        assert_eq!(first["result"]["transactions_sent"], 3 * (users() + 1));
        cycle("run", site.path(), &[]).expect_code(0);
        assert_equal(site.path(), 3 * users());
        let before = lists(site.path());
        let third = cycle("run --json", site.path(), &[]).expect_code(0).json();
        assert_eq!(third["result"]["transactions_sent"], 0);
        let after = lists(site.path());
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            after.keys().collect::<Vec<_>>()
        );
        for (path, bytes) in &before {
            assert!(after[path] == *bytes, "{}", path.display());
        }
        assert_clean(site.path());
        // A removed user is gone everywhere after one run.
        po("user remove", &site.join("RB"), &["rb0", "--yes"]).expect_code(0);
        cycle("run", site.path(), &[]).expect_code(0);
        assert_equal(site.path(), 3 * users() - 1);
        assert_clean(site.path());
    }
}

#[test]
fn a_dry_run_changes_no_byte_and_says_what_the_real_run_does() {
    let site = network(true, false);
    let now = ["--now", "2030-01-02T03:04:05Z"];
    let before = snapshot(site.path());
    let dry = cycle("run --json --dry-run", site.path(), &now)
        .expect_code(0)
        .json();
    assert_eq!(
        differences(&before, &snapshot(site.path())),
        Vec::<String>::new()
    );
    let real = cycle("run --json", site.path(), &now).expect_code(0).json();
    assert_eq!(dry["dry_run"], true);
    assert_eq!(dry["result"]["postoffices"], real["result"]["postoffices"]);
    let plan = dry["result"]["plan"].as_array().unwrap();
    let mut planned = BTreeSet::new();
    for step in plan {
        let path = PathBuf::from(step["path"].as_str().unwrap());
        match step["after"].as_u64() {
            Some(len) => assert_eq!(fs::metadata(&path).unwrap().len(), len, "{step}"),
            None => assert_eq!(path.is_dir(), step["op"] == "mkdir", "{step}"),
        }
        planned.insert(path);
    }
    for tree in TREES {
        for words in ["t1", "t3", "t2", "deliver"] {
            if words == "t2" && tree != SERVER {
                continue;
            }
            let before = snapshot(site.path());
            let output = cycle(words, &site.join(tree), &["--dry-run", "--json"]);
            assert_eq!(output.json()["dry_run"], true);
            assert_eq!(
                differences(&before, &snapshot(site.path())),
                Vec::<String>::new()
            );
        }
    }
    assert!(
        planned.contains(&site.join("RB/NME/GAL.NME")),
        "{planned:?}"
    );
}

// rule: dec:4
#[test]
fn the_guard_stops_forty_of_a_hundred_removals() {
    let site = network(false, true);
    let count = users() * 9 / 10;
    assert!(count > 25, "DIRSYNC_CYCLE_USERS is too small");
    for n in 0..count {
        po(
            "user remove",
            &site.join("RA"),
            &[&format!("ra{n}"), "--yes"],
        )
        .expect_code(0);
    }
    let held = cycle("run --json", site.path(), &[]).expect_code(3).json();
    let text = held["problems"].to_string();
    assert!(
        text.contains(&format!("{count} of {} entries", users())),
        "{text}"
    );
    for name in ["NET/SRV", "NET/RA", "NET/RB"] {
        let po = became(&held, name);
        assert_eq!(po["before"], po["after"], "{po:#}");
    }
    assert_eq!(gal(&site.join("RB")).len(), 3 * users());
    let few = (count - 1).to_string();
    cycle("run", site.path(), &["--allow-deletes", &few]).expect_code(3);
    let enough = format!("NET/RA={count}");
    cycle("run", site.path(), &["--allow-deletes", &enough]).expect_code(0);
    cycle("run", site.path(), &[]).expect_code(0);
    assert_equal(site.path(), 3 * users() - count);
    assert_clean(site.path());
}

#[test]
fn a_missing_postoffice_is_named_and_catches_up() {
    let site = network(false, true);
    let away = TestTree::new();
    fs::rename(site.join("RB"), away.join("RB")).unwrap();
    po("user remove", &site.join("RA"), &["ra0", "--yes"]).expect_code(0);
    let report = cycle("run --json", site.path(), &[]).expect_code(1).json();
    assert!(
        report["problems"].to_string().contains("NET/RB"),
        "{report:#}"
    );
    assert_eq!(gal(&site.join(SERVER)).len(), 3 * users() - 1);
    fs::rename(away.join("RB"), site.join("RB")).unwrap();
    cycle("run", site.path(), &[]).expect_code(0);
    assert_equal(site.path(), 3 * users() - 1);
    assert_clean(site.path());
}

#[cfg(unix)]
#[test]
fn a_hanging_file_stops_its_own_postoffice_only() {
    let site = network(false, true);
    let bag = site.join("RB/MBG/INQUEUE3.MBG");
    fs::remove_file(&bag).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &bag, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    po("user remove", &site.join("RA"), &["ra0", "--yes"]).expect_code(0);
    let started = Instant::now();
    let report = cycle("run --json", site.path(), &[]).expect_code(1).json();
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(
        report["problems"].to_string().contains("NET/RB"),
        "{report:#}"
    );
    assert_eq!(gal(&site.join(SERVER)).len(), 3 * users() - 1);
    assert_eq!(gal(&site.join("RB")).len(), 3 * users());
    fs::remove_file(&bag).unwrap();
    fs::write(&bag, b"").unwrap();
    cycle("run", site.path(), &[]).expect_code(0);
    assert_equal(site.path(), 3 * users() - 1);
    assert_clean(site.path());
}

#[cfg(unix)]
#[test]
fn a_read_only_postoffice_is_named_and_catches_up() {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        // Rights do not stop root.
        return;
    }
    let site = network(false, true);
    po("user remove", &site.join("RA"), &["ra0", "--yes"]).expect_code(0);
    let set = |write: bool| {
        for entry in walkdir::WalkDir::new(site.join("RB")).contents_first(!write) {
            let path = entry.unwrap().into_path();
            let mode = match (path.is_dir(), write) {
                (true, true) => 0o755,
                (true, false) => 0o555,
                (false, true) => 0o644,
                (false, false) => 0o444,
            };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(false);
    let report = cycle("run --json", site.path(), &[]).expect_code(1).json();
    set(true);
    assert!(
        report["problems"].to_string().contains("NET/RB"),
        "{report:#}"
    );
    assert_eq!(gal(&site.join(SERVER)).len(), 3 * users() - 1);
    cycle("run", site.path(), &[]).expect_code(0);
    assert_equal(site.path(), 3 * users() - 1);
    assert_clean(site.path());
}

#[test]
fn two_trees_of_one_name_stop_everything_before_it_begins() {
    let site = network(false, true);
    let made = std::process::Command::new("cp")
        .args(["-a"])
        .arg(site.join("RA"))
        .arg(site.join("RA2"))
        .status()
        .unwrap();
    assert!(made.success());
    let before = snapshot(site.path());
    let output = cycle("run", site.path(), &[]).expect_code(2);
    assert!(
        output.stderr.contains("RA2") && output.stderr.contains("NET/RA"),
        "{output}"
    );
    assert_eq!(
        differences(&before, &snapshot(site.path())),
        Vec::<String>::new()
    );
}

// rule: dsp:R-ORD-014
// rule: dec:DEC-070
#[test]
fn killed_at_any_moment_the_next_run_converges() {
    let site = network(true, true);
    let started = Instant::now();
    cycle("run", site.path(), &[]).expect_code(0);
    let whole = started.elapsed();
    let kills = size("DIRSYNC_CYCLE_KILLS", 6);
    for kill in 0..kills {
        // A change on each side, so that every step has something to lose.
        let (tree, other) = (TREES[kill % 3], TREES[(kill + 1) % 3]);
        let mailbox = format!("k{kill}");
        let name = ["--name", &format!("Kill {kill}")].map(str::to_owned);
        po(
            "user add",
            &site.join(tree),
            &[&mailbox, &name[0], &name[1]],
        )
        .expect_code(0);
        let gone = format!("{}{kill}", other.to_lowercase());
        let removed = po("user remove", &site.join(other), &[&gone, "--yes"]).code() == Some(0);
        let mut running = command("dxa-cycle")
            .arg("run")
            .arg(site.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let kills = u32::try_from(kills).unwrap();
        std::thread::sleep(whole * (2 * u32::try_from(kill).unwrap() + 1) / (2 * kills));
        // SIGKILL; its children go with it.
        running.kill().unwrap();
        running.wait().unwrap();
        let output = cycle("run", site.path(), &[]);
        assert_eq!(output.code(), Some(0), "kill {kill}: {output}");
        let first = gal(&site.join(SERVER));
        assert!(
            first
                .iter()
                .any(|(_, name)| *name == format!("Kill {kill}"))
        );
        let address = format!("PCM:NET/{other}/{gone}");
        assert!(!removed || !first.iter().any(|(known, _)| *known == address));
        for tree in TREES {
            assert_eq!(gal(&site.join(tree)), first, "kill {kill}: {tree}");
        }
        assert_clean(site.path());
    }
}

#[test]
fn json_of_every_command_is_one_document() {
    let site = network(false, false);
    for (words, place) in [
        ("t1", "RA"),
        ("deliver", ""),
        ("t2", "SRV"),
        ("deliver --passes 2", ""),
        ("t3", "RA"),
        ("status", ""),
        ("run", ""),
    ] {
        let output = cycle(&format!("{words} --json"), &site.join(place), &[]);
        let document = output.json();
        assert_eq!(document["schema"], 1, "{words}");
        let word = words.split(' ').next().unwrap();
        assert_eq!(document["command"], format!("dxa-cycle {word}"));
        assert!(document["result"].is_object() && document["problems"].is_array());
    }
    let failure = cycle("run --json --allow-deletes x", site.path(), &[]).expect_code(2);
    assert_eq!(failure.json()["error"]["code"], 2);
    cycle("t2", &site.join("RA"), &[]).expect_code(5);
    let nothing = TestTree::new();
    cycle("run", nothing.path(), &[]).expect_code(1);
}
