//! The scheduler, the resets and the moving of the server with the built programs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use dirsync_tests::{
    Output, Snapshot, TestTree, command, differences, for_readers, for_trycmd, program, run,
    snapshot, workspace,
};
use serde_json::Value;

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

/// Postoffices that know each other; the first is the server. Each has one user and has exported.
fn site(names: &[&str], zone: &str, now: &str) -> TestTree {
    let site = TestTree::new();
    let at = |name: &str| site.join(name);
    for name in names {
        po(
            "init",
            &at(name),
            &[&format!("NET/{name}"), "--zone", zone, "--now", now],
        )
        .expect_code(0);
        let user = format!("Somebody of {name}");
        po(
            "user add",
            &at(name),
            &["somebody", "--name", &user, "--now", now],
        )
        .expect_code(0);
        for other in names.iter().filter(|other| *other != name) {
            po("postoffice add", &at(name), &[&format!("NET/{other}")]).expect_code(0);
        }
    }
    po("server on", &at(names[0]), &[]).expect_code(0);
    let server = format!("NET/{}", names[0]);
    for name in &names[1..] {
        po("requestor add", &at(names[0]), &[&format!("NET/{name}")]).expect_code(0);
        po("register", &at(name), &[&server]).expect_code(0);
    }
    for name in names {
        po("export", &at(name), &["--now", now]).expect_code(0);
    }
    site
}

fn schedule(tree: &Path, times: &[&str], now: &str) {
    po("schedule set", tree, &[times, &["--now", now]].concat()).expect_code(0);
}

/// What is different, but for who held the lock last.
fn changes(before: &Snapshot, site: &Path) -> Vec<String> {
    let mut changes = differences(before, &snapshot(site));
    changes.retain(|change| !change.contains("TREE.LCK"));
    changes
}

fn made(report: &Value, name: &str) -> Vec<(String, String)> {
    let runs = report["result"]["runs"].as_array().unwrap();
    runs.iter()
        .filter(|run| run["postoffice"] == format!("NET/{name}"))
        .map(|run| {
            assert_eq!(
                (&run["exit_code"], &run["scheduled"]),
                (&Value::from(64), &run["made"])
            );
            let text = |key: &str| run[key].as_str().unwrap().to_owned();
            (text("step"), text("made"))
        })
        .collect()
}

// A year with the program: 02:30 of 4 April 1999 does not exist, 01:30 of 31 October 1999 comes
// twice, Saturday is New Year's Day of 2000.
// rule: dsp:R-SCH-009
// rule: dsp:R-SCH-005
// rule: tra:NEED-21
#[test]
fn a_year_of_the_program() {
    let start = "1999-03-02T00:00:00-05:00";
    let site = site(&["SRV"], "America/New_York", start);
    schedule(
        &site.join("SRV"),
        &["T1 Sun 01:30", "T3 Sun 02:30", "T2 Sat 00:00"],
        start,
    );
    let report = cycle(
        "dispatch --json",
        site.path(),
        &["--now", start, "--until", "2000-03-02T00:00:00-05:00"],
    )
    .expect_code(0)
    .json();
    let result = &report["result"];
    assert_eq!(
        (&result["missed"], &result["runs_failed"]),
        (&Value::from(0), &Value::from(0))
    );
    // The next start is known, with its zone.
    assert_eq!(
        result["postoffices"][0]["next"],
        "2000-03-04T00:00:00-05:00"
    );
    let runs = made(&report, "SRV");
    let of = |step: &str| -> Vec<&str> {
        let runs = runs.iter().filter(|run| run.0 == step);
        runs.map(|run| run.1.as_str()).collect()
    };
    for step in ["T1", "T2", "T3"] {
        assert_eq!(of(step).len(), 52, "{step}");
    }
    let odd = |step: &str, usual: &str| -> Vec<String> {
        let odd = of(step).into_iter().filter(|time| !time.contains(usual));
        odd.map(str::to_owned).collect()
    };
    // Once a week by the wall clock; the offset follows the clocks.
    assert_eq!(odd("T1", "T01:30:00-0"), [""; 0]);
    assert_eq!(odd("T2", "T00:00:00-0"), [""; 0]);
    assert_eq!(odd("T3", "T02:30:00-0"), ["1999-04-04T03:30:00-04:00"]);
    assert!(of("T1").contains(&"1999-10-31T01:30:00-04:00"));
    assert!(of("T2").contains(&"2000-01-01T00:00:00-05:00"));
    let log = String::from_utf8(fs::read(site.join("SRV/LOG/DISPATCH.LOG")).unwrap()).unwrap();
    let ends = log
        .lines()
        .filter(|line| line.ends_with("terminated normally with exit code 64"));
    assert_eq!(ends.count(), 156);
    assert!(
        log.contains("01/01/00 00:00 Running \"NSDA -S\"\r\n"),
        "{log}"
    );
    assert!(!log.contains("Missed"));
    let shown = po("schedule show", &site.join("SRV"), &[]).expect_code(0);
    assert!(
        shown.stdout.contains("NSDA -RR: Sun Mar 05 02:30:00 2000"),
        "{}",
        shown.stdout
    );
}

#[test]
fn what_is_late_is_made_up_for_or_missed_and_said() {
    let now = "1995-12-20T00:00:00Z";
    let site = site(&["SRV", "RA"], "UTC", now);
    schedule(
        &site.join("SRV"),
        &["T1 Fri 13:00", "T2 Fri 15:00", "T3 Fri 17:00"],
        now,
    );
    schedule(&site.join("RA"), &["T1 Fri 08:00", "T3 Fri 17:00"], now);
    // Nothing is begun in a dry run.
    let before = snapshot(site.path());
    let look = ["--once", "--now", "1995-12-22T18:00:00Z"];
    cycle("dispatch --dry-run", site.path(), &look).expect_code(1);
    assert_eq!(changes(&before, site.path()), [""; 0]);
    let output = cycle("dispatch", site.path(), &look).expect_code(1);
    assert!(
        output.stdout.contains("NSDA-RT Missed its run Window"),
        "{}",
        output.stdout
    );
    assert!(
        output
            .stdout
            .contains("4 runs, 0 of them failed, 1 windows missed"),
        "{}",
        output.stdout
    );
    assert!(
        output.stderr.contains("[18:00] Running \"NSDA -S\""),
        "{}",
        output.stderr
    );
    let log = String::from_utf8(fs::read(site.join("SRV/LOG/DISPATCH.LOG")).unwrap()).unwrap();
    assert!(
        log.contains("12/22/95 18:00 NSDA-RT Missed its run Window\r\n"),
        "{log}"
    );
    cycle("dispatch", site.path(), &["--now", now]).expect_code(2);
    let over = cycle("dispatch", site.path(), &["--until", now]).expect_code(2);
    assert!(over.stderr.contains("that time is over"), "{over}");
    cycle("dispatch", site.path(), &["--once", "--home", "NET/NOBODY"]).expect_code(2);
}

// Two passes after T1 and two after T2 (`external -0` twice), T2 and T3 at the server as well.
// rule: dsp:R-MAN-001
#[test]
fn a_cycle_by_hand() {
    let now = "1995-12-20T00:00:00Z";
    let names = ["SRV", "RA", "RB"];
    let site = site(&names, "UTC", now);
    let trees = names.map(|name| site.join(name).to_str().unwrap().to_owned());
    let all = |step: &str| {
        let others: Vec<&str> = trees[1..].iter().map(String::as_str).collect();
        cycle(step, Path::new(&trees[0]), &others).expect_code(0);
    };
    for _ in 0..2 {
        all("t1");
        cycle("deliver --passes 2", site.path(), &[]).expect_code(0);
        cycle("t2", Path::new(&trees[0]), &[]).expect_code(0);
        cycle("deliver --passes 2", site.path(), &[]).expect_code(0);
        all("t3");
    }
    cycle("status --check", site.path(), &[]).expect_code(0);
    for tree in &trees {
        let gal = po("gal --participating", Path::new(tree), &[])
            .expect_code(0)
            .stdout;
        assert_eq!(gal.matches("Somebody of ").count(), 3, "{gal}");
    }
}

/// A child that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
fn on_the_real_clock_it_waits_and_can_be_interrupted() {
    let now = "1995-12-20T00:00:00Z";
    let site = site(&["SRV"], "UTC", now);
    // Every day, so that something was missed on whatever day this runs.
    schedule(&site.join("SRV"), &["T1 Fri 13:00"], now);
    let mut dispatch = command("dxa-cycle");
    dispatch
        .arg("dispatch")
        .arg(site.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = Running(dispatch.spawn().unwrap());
    let log = site.join("SRV/LOG/DISPATCH.LOG");
    let started = Instant::now();
    // The entry of 1995 is missed by years, or just now due: either is said in the log.
    while fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "nothing was logged"
        );
        assert!(child.0.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.0.try_wait().unwrap().is_none(), "it ended");
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = child.0.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    cycle("dispatch", site.path(), &["--once"]).expect_code(0);
}

// rule: dsp:R-RST-001
// rule: dsp:R-RST-002
// rule: tra:NEED-11
#[test]
fn resets_ask_first_and_the_next_cycles_are_in_step() {
    let now = "1995-12-20T00:00:00Z";
    let site = site(&["SRV", "RA", "RB"], "UTC", now);
    for _ in 0..2 {
        cycle("run", site.path(), &[]).expect_code(0);
    }
    let before = snapshot(site.path());
    let server = site.join("SRV");
    let local = |rest: &[&str]| {
        let server = server.to_str().unwrap();
        cycle(
            "reset local",
            &site.join("RA"),
            &[&["--server", server], rest].concat(),
        )
    };
    local(&[]).expect_code(3);
    cycle("reset global", site.path(), &[]).expect_code(3);
    let dry = local(&["--dry-run"]).expect_code(0);
    assert!(dry.stdout.contains("REQCONF.OLD"), "{}", dry.stdout);
    let dry = cycle("reset global --dry-run", site.path(), &[]).expect_code(0);
    assert!(dry.stdout.contains("would be set to 0"), "{}", dry.stdout);
    // The server is never reset locally, nor its numbers set to zero.
    let own = ["--server", server.to_str().unwrap(), "--yes"];
    cycle("reset local", &server, &own).expect_code(3);
    po("listds --requestor --zero", &server, &["--yes"]).expect_code(3);
    assert_eq!(changes(&before, site.path()), [""; 0]);
    local(&["--yes"]).expect_code(0);
    for _ in 0..2 {
        cycle("run", site.path(), &[]).expect_code(0);
    }
    cycle("status --check", site.path(), &[]).expect_code(0);
    cycle("reset global --yes", site.path(), &[]).expect_code(0);
    for _ in 0..2 {
        cycle("run", site.path(), &[]).expect_code(0);
    }
    cycle("status --check", site.path(), &[]).expect_code(0);
    let shown = po("listds --server", &server, &[]).expect_code(0).stdout;
    assert!(shown.contains("Current Dirsync Cycle is 2"), "{shown}");
}

// rule: dsp:R-MOV-001
// rule: tra:R-ADM-093
#[cfg(unix)]
#[test]
fn the_guide_moves_the_server() {
    let now = "1995-12-20T00:00:00Z";
    let names = ["HQ", "NEWTON", "GAUSS"];
    let site = site(&names, "UTC", now);
    schedule(
        &site.join("HQ"),
        &["T1 Mon 09:00", "T2 Mon 11:00", "T3 Mon 13:00"],
        now,
    );
    for _ in 0..2 {
        cycle("run", site.path(), &[]).expect_code(0);
    }
    let dir = TestTree::new();
    let sandbox = dir.join("GUIDE.in");
    fs::create_dir_all(&sandbox).unwrap();
    fs::rename(site.path(), sandbox.join("SITE")).unwrap();
    let guide = workspace().join("crates/dxa-cycle/MOVING-THE-SERVER.md");
    let text = fs::read_to_string(guide).unwrap();
    assert_eq!(for_readers(&for_trycmd(&text)), text);
    dir.write("GUIDE.md", for_trycmd(&text));
    let cases = trycmd::TestCases::new();
    cases.register_bin("po-admin", program("po-admin"));
    cases.register_bin("dxa-cycle", program("dxa-cycle"));
    cases.register_bin("cp", Path::new("/bin/cp"));
    cases.env("COLUMNS", "100").env("NO_COLOR", "1");
    cases.case(dir.join("GUIDE.md"));
    cases.run();
    // What changes afterwards reaches everybody through the new server.
    let at = |name: &str| sandbox.join("SITE").join(name);
    po("user add", &at("HQ"), &["late", "--name", "Late of HQ"]).expect_code(0);
    cycle("run", &sandbox.join("SITE"), &[]).expect_code(0);
    for name in names {
        let gal = po("gal --participating", &at(name), &[])
            .expect_code(0)
            .stdout;
        assert!(gal.contains("Late of HQ"), "{name}: {gal}");
        po("check", &at(name), &[]).expect_code(0);
    }
    let shown = po("listds --server", &at("NEWTON"), &[])
        .expect_code(0)
        .stdout;
    assert!(shown.contains("Current Dirsync Cycle is 4"), "{shown}");
}

// To a server that takes nothing over, as an Exchange server does not: it counts from the beginning,
// so the requestors do as well (Q180297, Q269129).
// rule: dsp:R-MOV-003
// rule: exc:R-RSY-020
#[test]
fn a_new_server_that_knows_nothing_is_filled_after_a_reset_of_its_requestors() {
    let now = "1995-12-20T00:00:00Z";
    let old = ["HQ", "RA", "RB"];
    let site = site(&old, "UTC", now);
    schedule(&site.join("HQ"), &["T1 Mon 09:00", "T2 Mon 11:00"], now);
    for _ in 0..2 {
        cycle("run", site.path(), &[]).expect_code(0);
    }
    let new = site.join("NEW");
    po("init --zone UTC", &new, &["NET/NEW", "--now", now]).expect_code(0);
    po("user add", &new, &["boss", "--name", "Boss of NEW"]).expect_code(0);
    po("server on", &new, &[]).expect_code(0);
    po("export", &new, &[]).expect_code(0);
    po("server off", &site.join("HQ"), &["--yes"]).expect_code(0);
    let times = po("schedule export", &site.join("HQ"), &[]).expect_code(0);
    assert!(!times.stdout.contains("T2"), "{times}");
    for name in old {
        let tree = site.join(name);
        let known = format!("NET/{name}");
        po("postoffice add", &new, &[&known]).expect_code(0);
        po("requestor add", &new, &[&known]).expect_code(0);
        po("postoffice add", &tree, &["NET/NEW"]).expect_code(0);
        po("register", &tree, &["NET/NEW"]).expect_code(0);
        po("listds --requestor --zero", &tree, &["--yes"]).expect_code(0);
        let shown = po("listds --requestor", &tree, &[]).expect_code(0);
        assert!(shown.stdout.contains("ReqSync = 0, SrvSync = 0"), "{shown}");
        po("export", &tree, &[]).expect_code(0);
        po("import-request", &tree, &[]).expect_code(0);
    }
    for _ in 0..3 {
        cycle("run", site.path(), &[]).expect_code(0);
    }
    cycle("status --check", site.path(), &[]).expect_code(0);
    let gal = |name: &str| {
        let words = "gal --participating --json";
        po(words, &site.join(name), &[]).expect_code(0).json_lines()
    };
    let names = |name: &str| -> Vec<String> {
        let mut names: Vec<_> = gal(name)
            .iter()
            .filter_map(|line| line["name"].as_str().map(str::to_owned))
            .collect();
        names.sort();
        names
    };
    let all = names("NEW");
    for name in ["HQ", "RA", "RB"] {
        assert!(all.contains(&format!("Somebody of {name}")), "{all:?}");
        assert_eq!(names(name), all, "{name}");
        po("check", &site.join(name), &[]).expect_code(0);
    }
}

// rule: dsp:R-LDS-002
#[test]
fn a_damaged_file_of_the_server_is_reported_and_left_as_it_is() {
    let site = site(&["SRV", "RA"], "UTC", "1995-12-20T00:00:00Z");
    let tree = site.join("SRV");
    let file = tree.join("GLB/SRVCONF.GLB");
    let whole = fs::read(&file).unwrap();
    assert_eq!(whole.len(), 3 * 1024);
    for bytes in [&whole[..whole.len() - 1], &whole[1..], &vec![0; 2048][..]] {
        fs::write(&file, bytes).unwrap();
        let shown = po("listds --server", &tree, &[]);
        assert_ne!(shown.code(), Some(0), "{shown}");
        assert!(shown.stderr.contains("SRVCONF.GLB"), "{shown}");
        let checked = po("check", &tree, &[]).expect_code(1);
        assert!(checked.stdout.contains("SRVCONF.GLB"), "{checked}");
        cycle("t2", &tree, &[]).expect_code(5);
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
    fs::write(&file, &whole).unwrap();
    po("listds --server", &tree, &[]).expect_code(0);
    po("check", &tree, &[]).expect_code(0);
}
