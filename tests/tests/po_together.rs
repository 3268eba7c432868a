//! Many processes at once, and processes that die.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails the test by a panic"
)]

mod po;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dirsync_tests::{TestTree, command};
use po::{NAME, findings, from_env, init, on};

const PROCESSES: u64 = 16;

// DIRSYNC_SECONDS=30 for a longer run.
#[test]
fn sixteen_processes_on_the_same_trees_finish_or_say_busy() {
    let dir = TestTree::new();
    let trees: Vec<_> = ["A", "B"].map(|name| dir.join(name)).to_vec();
    for tree in &trees {
        init(tree);
    }
    let deadline = Instant::now() + Duration::from_secs(from_env("DIRSYNC_SECONDS", 5));
    let tickets = AtomicU64::new(0);
    // Winners and losers of each new place.
    let made: Mutex<Vec<(u64, i32)>> = Mutex::new(Vec::new());
    let busy = AtomicU64::new(0);
    let runs = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            let (trees, made, tickets, busy, runs, dir) =
                (&trees, &made, &tickets, &busy, &runs, &dir);
            scope.spawn(move || {
                let mut turn = process;
                while Instant::now() < deadline {
                    turn += 1;
                    runs.fetch_add(1, Ordering::Relaxed);
                    let tree = &trees[usize::try_from(turn % 2).unwrap()];
                    match turn % 5 {
                        0 | 1 => {
                            // Four processes for each place.
                            let place = tickets.fetch_add(1, Ordering::Relaxed) / 4;
                            let name = format!("N{place}");
                            let output = on("init --wait 1 --zone UTC", &dir.join(&name), &[NAME]);
                            let code = output.code().unwrap();
                            assert!([0, 3, 4].contains(&code), "{output}");
                            made.lock().unwrap().push((place, code));
                        }
                        2 => {
                            let output = on("check --fix --wait 0", tree, &[]);
                            assert!(matches!(output.code(), Some(0 | 1 | 4)), "{output}");
                            if output.code() == Some(4) {
                                assert!(output.stderr.contains("busy"), "{output}");
                                busy.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        3 => {
                            // Something to mend for the others; under the lock, since nobody can
                            // promise anything when others meddle with a commit.
                            let lock = fs::File::open(tree.join("GLB/TREE.LCK")).unwrap();
                            lock.lock().unwrap();
                            let _ = fs::remove_file(tree.join("ATT/AT8/POPULATE.MSM"));
                            let _ = fs::remove_dir(tree.join("ATT/AT8"));
                            drop(lock);
                            let output = on("check --wait 0", tree, &[]);
                            assert!(matches!(output.code(), Some(0 | 1 | 4)), "{output}");
                        }
                        _ => {
                            let output = on("mail list --wait 0", tree, &[]);
                            assert!(matches!(output.code(), Some(0 | 4)), "{output}");
                        }
                    }
                }
            });
        }
    });
    let made = made.into_inner().unwrap();
    let places = made.iter().map(|(place, _)| place).max().unwrap() + 1;
    for place in 0..places {
        let won = made.iter().filter(|made| **made == (place, 0)).count();
        assert_eq!(won, 1, "place {place}: {made:?}");
        let tree = dir.join(&format!("N{place}"));
        assert_eq!(findings(&tree), []);
        fs::remove_dir_all(tree).unwrap();
    }
    for tree in &trees {
        on("check --fix", tree, &[]).expect_code(0);
        assert_eq!(findings(tree), []);
    }
    // Nothing is left beside the trees.
    let mut left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["A", "B"]);
    println!(
        "{} runs, {} of them busy, {places} places",
        runs.load(Ordering::Relaxed),
        busy.load(Ordering::Relaxed)
    );
}

/// Starts a command and kills it after a while; true when it had not ended by itself.
fn kill_after(words: &str, tree: &Path, rest: &[&str], after: Duration) -> bool {
    let mut command = command("po-admin");
    command
        .args(words.split_whitespace())
        .arg(tree)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(after);
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    alive
}

/// Moments spread over the time that a run takes, in an order of their own.
fn moments(whole: Duration, count: u64) -> impl Iterator<Item = Duration> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let part = u32::try_from(state % 1100).unwrap();
        whole * part / 1000
    })
}

fn time_of(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

// DIRSYNC_KILLS for more than the usual number of kills.
#[test]
fn a_killed_init_leaves_nothing_or_a_whole_tree() {
    let dir = TestTree::new();
    let kills = from_env("DIRSYNC_KILLS", 24);
    init(&dir.join("WARM"));
    let whole = time_of(|| drop(init(&dir.join("CLOCK"))));
    let (mut nothing, mut complete, mut killed) = (0, 0, 0);
    for (n, after) in moments(whole, kills).enumerate() {
        let tree = dir.join(&format!("K{n}"));
        if kill_after("init --zone UTC", &tree, &[NAME], after) {
            killed += 1;
        }
        if tree.exists() {
            complete += 1;
            assert_eq!(findings(&tree), []);
            on("init", &tree, &[NAME]).expect_code(3);
        } else {
            nothing += 1;
            init(&tree);
            assert_eq!(findings(&tree), []);
        }
        let beside: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(&format!(".K{n}.")))
            .collect();
        if !beside.is_empty() {
            // Only a tree that was complete before the kill may have nothing swept beside it; then
            // there is nothing.
            panic!("{beside:?} is left");
        }
        fs::remove_dir_all(&tree).unwrap();
    }
    println!("{killed} killed: {nothing} times nothing, {complete} times the whole tree");
    assert!(killed > 0 && nothing > 0);
}

// rule: tra:R-ADM-006
#[test]
fn a_killed_fix_leaves_the_old_tree_or_the_new_one() {
    let dir = TestTree::new();
    let kills = from_env("DIRSYNC_KILLS", 24);
    let damage = |tree: &Path| {
        for n in ["AT2", "AT8", "ATF"] {
            fs::remove_dir_all(tree.join("ATT").join(n)).unwrap();
        }
        fs::write(tree.join("GLB/CONTROL.GLB"), [0; 8]).unwrap();
        fs::remove_file(tree.join("NME/ADMINSHD.NME")).unwrap();
    };
    init(&dir.join("CLOCK"));
    damage(&dir.join("CLOCK"));
    let damaged = dir.join("DAMAGED");
    po::copy(&dir.join("CLOCK"), &damaged);
    let whole = time_of(|| drop(on("check --fix", &dir.join("CLOCK"), &[]).expect_code(0)));
    let (mut old, mut new, mut killed) = (0, 0, 0);
    for (n, after) in moments(whole, kills).enumerate() {
        let tree = dir.join(&format!("K{n}"));
        po::copy(&damaged, &tree);
        let before: Vec<String> = findings(&tree).into_iter().map(|(id, _)| id).collect();
        if kill_after("check --fix", &tree, &[], after) {
            killed += 1;
        }
        // A reader sees one of the states between two commits, with or without a pending commit
        // to be completed.
        let seen: Vec<String> = findings(&tree)
            .into_iter()
            .map(|(id, _)| id)
            .filter(|id| id != "journal.pending")
            .collect();
        if seen == before {
            old += 1;
        } else {
            assert!(seen.is_empty(), "{seen:?}");
            new += 1;
        }
        on("check --fix", &tree, &[]).expect_code(0);
        assert_eq!(findings(&tree), []);
        fs::remove_dir_all(&tree).unwrap();
    }
    println!("{killed} killed: {old} times the old tree, {new} times the new one");
    assert!(killed > 0 && old > 0 && new > 0);
}
