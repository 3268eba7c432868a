//! Links with the built programs: mail over several hops under kills, two deliveries at once, a file
//! system that fills up, and what an administrator sees and does.
//!
//! Shortened for everyday use: `DIRSYNC_LINK_MESSAGES` (default 120, the full figure is 3000) and
//! `DIRSYNC_LINK_KILL_MS` (default 150; 1000 kills once a second) set the sizes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dirsync::core::base::address::Address;
use dirsync::core::base::ident::MailbagStem;
use dirsync::core::base::time::UnixTime;
use dirsync::postoffice::Edit;
use dirsync::postoffice::mail::{BagEdit, Outgoing, submit};
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, Domain, DomainKind, OpenOptions, TreeMut};
use dirsync_tests::{Output, TestTree, command, run};

fn size(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn po(words: &str, tree: &Path, rest: &[&str]) -> Output {
    let mut command = command("po-admin");
    command.args(words.split_whitespace()).arg(tree).args(rest);
    run(&mut command)
}

fn cycle(words: &str, place: &Path) -> Output {
    let mut command = command("dxa-cycle");
    command.args(words.split_whitespace()).arg(place);
    run(&mut command)
}

/// Postoffices in a row; each reaches the far ones through its neighbours.
fn row(site: &Path, names: &[&str]) {
    for name in names {
        let tree = site.join(name);
        po("init --zone UTC", &tree, &[&format!("NET/{name}")]).expect_code(0);
    }
    for (at, name) in names.iter().enumerate() {
        let tree = site.join(name);
        let add = |other: usize, via: usize| {
            let other = format!("NET/{}", names[other]);
            let via = format!("NET/{}", names[via]);
            let mut rest = vec![other.as_str()];
            if via != other {
                rest.extend(["--via", &via]);
            }
            po("postoffice add", &tree, &rest).expect_code(0);
        };
        if at > 0 {
            (0..at).rev().for_each(|other| add(other, at - 1));
        }
        (at + 1..names.len()).for_each(|other| add(other, at + 1));
    }
}

fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime(u32::try_from(now.as_secs()).unwrap())
}

fn edited<T>(tree: &Path, make: impl FnOnce(&mut Edit<'_>) -> T) -> T {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    let disk = Arc::new(RealDisk::open(tree).unwrap());
    let options = OpenOptions {
        wait: Duration::from_secs(60),
        ..OpenOptions::default()
    };
    let mut tree = TreeMut::open(disk, domain, &options).unwrap();
    let mut edit = Edit::new(tree.view());
    let made = make(&mut edit);
    let plan = edit.finish().unwrap();
    let info = CommitInfo {
        command: Command::T1,
        user: "test".into(),
        now: now(),
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
    made
}

/// Submits messages in one commit; their subjects are what is counted later.
fn submit_all(tree: &Path, from: &str, mail: &[(String, String)]) {
    edited(tree, |edit| {
        for (to, subject) in mail {
            let message = Outgoing {
                attachments: vec![(b"A.TXT".to_vec(), subject.as_bytes().to_vec())],
                ..Outgoing::system(
                    Address::parse(from.as_bytes()).unwrap(),
                    Address::parse(to.as_bytes()).unwrap(),
                    subject.as_bytes(),
                    now(),
                )
            };
            submit(edit, &message).unwrap();
        }
    });
}

/// How often each subject stands in a mailbag.
fn subjects(tree: &Path, mailbag: MailbagStem) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    edited(tree, |edit| {
        for (_, header) in BagEdit::load(edit, mailbag).unwrap().live() {
            *found.entry(header.subject.to_string_850()).or_insert(0) += 1;
        }
    });
    found
}

fn start(site: &Path, rest: &[&str]) -> Child {
    command("dxa-cycle")
        .arg("deliver")
        .arg(site)
        .args(rest)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

fn assert_sound(site: &Path, names: &[&str]) {
    for name in names {
        // That much mail waits is a warning, not damage.
        let output = po("check", &site.join(name), &[]);
        let sound = output.code() == Some(0) || output.stdout.contains(": 0 errors");
        assert!(sound, "{name}: {output}");
    }
}

// rule: dec:DEC-070
// rule: tra:R-TRN-022
// rule: tra:R-ERR-006
#[test]
fn over_three_hops_and_many_kills_each_message_arrives_exactly_once() {
    let names = ["A", "B", "C", "D"];
    let site = TestTree::new();
    row(site.path(), &names);
    for user in ["one", "two"] {
        let name = ["--name", user];
        po("user add", &site.join("D"), &[user, name[0], name[1]]).expect_code(0);
    }
    let total = size("DIRSYNC_LINK_MESSAGES", 120);
    let pause = Duration::from_millis(size("DIRSYNC_LINK_KILL_MS", 150));
    // From one end to three mailbags at the other, and a third of it back.
    let boxes = ["$SYSTEM", "one", "two"];
    let mail: Vec<(String, String)> = (0..total * 3 / 4)
        .map(|n| {
            let mailbox = boxes[usize::try_from(n % 3).unwrap()];
            (format!("NET/D/{mailbox}"), format!("a{n}"))
        })
        .collect();
    let back: Vec<(String, String)> = (0..total - total * 3 / 4)
        .map(|n| ("NET/A/$SYSTEM".to_owned(), format!("d{n}")))
        .collect();
    for (tree, from, mail) in [("A", "NET/A/$SYSTEM", &mail), ("D", "NET/D/$SYSTEM", &back)] {
        for some in mail.chunks(1000) {
            submit_all(&site.join(tree), from, some);
        }
    }
    let started = Instant::now();
    let mut kills = 0u64;
    let mut dice = 0x9E37_79B9_7F4A_7C15u64;
    loop {
        let mut running = start(site.path(), &["--wait", "30"]);
        // Random, on average once in the pause.
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let share = u32::try_from(dice >> 40).unwrap();
        let until = Instant::now() + pause * 2 * (share >> 8) / 0xFFFF;
        let ended = loop {
            if running.try_wait().unwrap().is_some() {
                break true;
            }
            if Instant::now() >= until {
                break false;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if ended {
            break;
        }
        running.kill().unwrap();
        running.wait().unwrap();
        kills += 1;
        // Everyday size: some kills are enough, then it may end.
        if total <= 500 && kills >= 12 {
            break;
        }
    }
    cycle("deliver --wait 30", site.path()).expect_code(0);
    let mut arrived: BTreeMap<String, u32> = BTreeMap::new();
    let mut bags = vec![("A", MailbagStem::SYSTEM), ("D", MailbagStem::SYSTEM)];
    let users = po("user list --json", &site.join("D"), &[]);
    for line in users.stdout.lines() {
        let user: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(mailbag) = user["mailbag"].as_str() {
            bags.push(("D", mailbag.parse().unwrap()));
        }
    }
    for (tree, bag) in bags {
        for (subject, count) in subjects(&site.join(tree), bag) {
            *arrived.entry(subject).or_insert(0) += count;
        }
    }
    println!(
        "{total} messages, {kills} kills, {:.1} s",
        started.elapsed().as_secs_f64()
    );
    let wrong: Vec<_> = arrived.iter().filter(|(_, count)| **count != 1).collect();
    assert!(wrong.is_empty(), "more than once: {wrong:?}");
    let missing: Vec<_> = mail
        .iter()
        .chain(&back)
        .filter(|(_, subject)| !arrived.contains_key(subject))
        .collect();
    assert!(missing.is_empty(), "lost: {missing:?}");
    assert_eq!(arrived.len() as u64, total);
    assert_sound(site.path(), &names);
}

#[test]
fn two_deliveries_at_once_double_nothing_and_neither_fails() {
    let names = ["A", "B", "C"];
    let site = TestTree::new();
    row(site.path(), &names);
    let mail = |to: &str, count: u32| -> Vec<(String, String)> {
        (0..count)
            .map(|n| (format!("NET/{to}/$SYSTEM"), format!("{to}{n}")))
            .collect()
    };
    submit_all(&site.join("A"), "NET/A/$SYSTEM", &mail("C", 150));
    submit_all(&site.join("C"), "NET/C/$SYSTEM", &mail("A", 100));
    let mut running: Vec<Child> = (0..2)
        .map(|_| start(site.path(), &["--wait", "60"]))
        .collect();
    for one in &mut running {
        let status = one.wait().unwrap();
        assert_eq!(status.code(), Some(0));
    }
    cycle("deliver --wait 60", site.path()).expect_code(0);
    for (tree, count) in [("C", 150), ("A", 100)] {
        let found = subjects(&site.join(tree), MailbagStem::SYSTEM);
        assert_eq!(found.len(), count, "{tree}");
        assert!(found.values().all(|times| *times == 1), "{tree}: {found:?}");
    }
    assert_sound(site.path(), &names);
}

/// A small file system in a file, for as long as it lives.
struct Small {
    _dir: TestTree,
    at: PathBuf,
}

impl Small {
    /// `None` where this machine does not allow it: why.
    fn new() -> Result<Self, String> {
        let dir = TestTree::new();
        let image = dir.join("image");
        let at = dir.join("mounted");
        std::fs::create_dir(&at).map_err(|error| error.to_string())?;
        let tool = |name: &str, args: &[&str]| -> Result<(), String> {
            let output = Process::new(name)
                .args(args)
                .output()
                .map_err(|error| format!("{name}: {error}"))?;
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            output
                .status
                .success()
                .then_some(())
                .ok_or(format!("{name}: {said}"))
        };
        let image = image.to_str().unwrap();
        tool("truncate", &["-s", "8M", image])?;
        tool("mkfs.ext4", &["-q", "-F", "-N", "4096", image])?;
        tool("mount", &["-o", "loop", image, at.to_str().unwrap()])?;
        Ok(Self { _dir: dir, at })
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Process::new("umount").arg(&self.at).status();
    }
}

// rule: tra:R-ERR-005
#[test]
fn a_destination_out_of_space_keeps_its_mail_waiting_until_there_is_space() {
    let small = match Small::new() {
        Ok(small) => small,
        Err(why) => {
            println!("skipped: no small file system can be mounted here ({why})");
            return;
        }
    };
    let site = TestTree::new();
    row(site.path(), &["A", "B"]);
    // B moves to the small file system, and A knows where it is.
    let full = small.at.join("B");
    let copied = Process::new("cp")
        .arg("-a")
        .arg(site.join("B"))
        .arg(&full)
        .status()
        .unwrap();
    assert!(copied.success());
    std::fs::remove_dir_all(site.join("B")).unwrap();
    let place = full.to_str().unwrap();
    po("postoffice remove --yes", &site.join("A"), &["NET/B"]).expect_code(0);
    po(
        "postoffice add",
        &site.join("A"),
        &["NET/B", "--path", place],
    )
    .expect_code(0);
    let mail: Vec<(String, String)> = (0..60)
        .map(|n| ("NET/B/$SYSTEM".to_owned(), format!("m{n}")))
        .collect();
    submit_all(&site.join("A"), "NET/A/$SYSTEM", &mail);
    // Something else takes all the space.
    let ballast = small.at.join("ballast");
    let filled = Process::new("dd")
        .args(["if=/dev/zero", "bs=4096"])
        .arg(format!("of={}", ballast.display()))
        .output()
        .unwrap();
    assert!(!filled.status.success(), "dd stops when there is no space");
    for _ in 0..2 {
        let output = cycle("deliver --json", site.path());
        assert_eq!(output.code(), Some(1), "{output}");
        let document = output.json();
        let link = &document["result"]["links"][0];
        assert_eq!(
            (&link["to"], &link["waiting"]),
            (&"NET/B".into(), &60.into())
        );
        assert_eq!(
            (&link["state"], &link["attempts"]),
            (&"retrying".into(), &0.into())
        );
    }
    std::fs::remove_file(&ballast).unwrap();
    cycle("deliver", &site.join("A")).expect_code(0);
    cycle("deliver", &full).expect_code(0);
    let found = subjects(&full, MailbagStem::SYSTEM);
    assert_eq!(found.len(), 60);
    assert!(found.values().all(|times| *times == 1));
    assert_sound(site.path(), &["A"]);
    assert_sound(&small.at, &["B"]);
}

// rule: mta:R-Q-012
#[test]
fn an_administrator_sees_holds_and_releases_links() {
    let site = TestTree::new();
    row(site.path(), &["A", "B", "C"]);
    let a = site.join("A");
    let mail = [("NET/C/$SYSTEM".to_owned(), "m".to_owned())];
    submit_all(&a, "NET/A/$SYSTEM", &mail);
    let routes = cycle("routes --from NET/A --to NET/C --json", site.path());
    assert_eq!(routes.code(), Some(0), "{routes}");
    let travel = &routes.json()["result"]["routes"][0];
    assert_eq!(travel["end"], "arrives");
    assert_eq!(travel["hops"][0]["next"], "NET/B");
    assert_eq!(travel["hops"][1]["next"], "NET/C");
    po("link hold", &a, &["NET/B"]).expect_code(0);
    let report = cycle("deliver --json", site.path());
    assert_eq!(report.code(), Some(0), "{report}");
    let link = &report.json()["result"]["links"][0];
    assert_eq!(link["state"], "held");
    assert_eq!(link["waiting"], 1);
    assert!(link["oldest"].as_str().unwrap().ends_with('Z'));
    let routes = cycle("routes --from NET/A --to NET/C", site.path());
    assert_eq!(routes.code(), Some(1));
    assert!(routes.stdout.contains("waits at NET/A"), "{routes}");
    let shown = po("link list --json", &a, &[]);
    let line: serde_json::Value =
        serde_json::from_str(shown.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["to"], &line["state"]),
        (&"NET/B".into(), &"held".into())
    );
    po("link release", &a, &["NET/B"]).expect_code(0);
    cycle("deliver", site.path()).expect_code(0);
    assert_eq!(subjects(&site.join("C"), MailbagStem::SYSTEM).len(), 1);
    // A tree that is not there.
    std::fs::rename(site.join("B"), site.join("gone.bak")).unwrap();
    std::fs::create_dir(site.join("elsewhere")).unwrap();
    submit_all(&a, "NET/A/$SYSTEM", &mail);
    let report = cycle("deliver --json", &a);
    assert_eq!(report.code(), Some(1));
    let link = &report.json()["result"]["links"][0];
    assert_eq!(
        (&link["state"], &link["attempts"]),
        (&"retrying".into(), &1.into())
    );
    assert!(link["next_retry"].is_string() && link["last_error"].is_string());
    let wrong = po("link hold", &a, &["NET/C"]);
    assert_ne!(wrong.code(), Some(0), "C is behind a hub: {wrong}");
}
