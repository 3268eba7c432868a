//! The journal alone under the fault harness: one plan with every kind of step, and two plans in a
//! row; and the harness itself, which must turn red when the disk does not keep its word.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use dirsync_core::base::time::UnixTime;
use dirsync_sim::faults::{Sabotage, Scenario, observe_postoffice, run};
use dirsync_tree::disk::mem::MemDisk;
use dirsync_tree::disk::{Disk, DiskResult};
use dirsync_tree::journal::{CommitInfo, Content, Plan, Source};
use dirsync_tree::{Command, Domain, DomainKind, OpenOptions, RelPath, TreeError, TreeMut};

const LAYOUT: &str = "layout=dirsync-open\r\nversion=1\r\n\
    tree_id=00112233445566778899aabbccddeeff\r\ncreated=1994-04-07T12:13:52Z\r\nzone=UTC\r\n";

fn p(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn prepare() -> Result<MemDisk, String> {
    let disk = MemDisk::new();
    let add = |path: &str, bytes: Vec<u8>| disk.add_file(&p(path), &bytes).unwrap();
    for dir in ["GLB", "NME", "MBG", "OLD", "GONE"] {
        disk.add_dir(&p(dir)).unwrap();
    }
    add("GLB/LAYOUT.TXT", LAYOUT.as_bytes().to_vec());
    add("GLB/FLAG.GLB", vec![1, 0]);
    add("NME/ADMIN.NME", vec![7; 4500]);
    add("NME/STAYS.NME", vec![3; 45]);
    add("MBG/SYSTEM.MBG", vec![9; 2320]);
    add("MBG/LONG.MBG", vec![4; 3000]);
    add("OLD/A.TXT", vec![1; 600]);
    add("NME/MOVED.NME", vec![2; 700]);
    disk.settle();
    Ok(disk)
}

fn open(disk: Arc<dyn Disk>) -> Result<TreeMut, String> {
    let options = OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    };
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    TreeMut::open(disk, domain, &options).map_err(|error: TreeError| error.to_string())
}

#[derive(Debug)]
struct Fives(u64);

impl Source for Fives {
    fn len_bytes(&self) -> u64 {
        self.0
    }

    fn fill(&self, buf: &mut [u8], _offset: u64) -> DiskResult<()> {
        buf.fill(5);
        Ok(())
    }
}

fn info() -> CommitInfo {
    CommitInfo {
        command: Command::CheckFix,
        user: "harness".into(),
        now: UnixTime(765_720_832),
        counts: Vec::new(),
    }
}

/// Makes the first plan when it has not been made yet: what a command does that looks first.
fn first(tree: &mut TreeMut) -> Result<(), String> {
    if tree
        .view()
        .stat("NEW")
        .map_err(|e| e.to_string())?
        .is_some()
    {
        return Ok(());
    }
    let mut plan = Plan::new();
    let mut fill = || -> Result<(), dirsync_tree::journal::PlanError> {
        plan.replace(p("NME/ADMIN.NME"), vec![8; 5000])?;
        // Made piece by piece: the crash argument is the same for it.
        plan.replace_with(p("GLB/NEW.GLB"), Content::Source(Arc::new(Fives(1300))))?;
        plan.patch(p("GLB/FLAG.GLB"), 2, 0, vec![2, 0])?;
        plan.append(p("MBG/SYSTEM.MBG"), 2320, vec![6; 1160])?;
        plan.patch(p("MBG/SYSTEM.MBG"), 2320, 500, vec![1; 40])?;
        plan.set_len(p("MBG/LONG.MBG"), 3000, 116)?;
        plan.mkdir(p("NEW"))?;
        plan.mkdir(p("NEW/SUB"))?;
        plan.replace(p("NEW/SUB/X.TXT"), vec![7; 100])?;
        plan.remove(p("OLD/A.TXT"))?;
        plan.rmdir(p("OLD"))?;
        plan.rmdir(p("GONE"))?;
        plan.move_to(p("NME/MOVED.NME"), p("NEW/MOVED.NME"))
    };
    fill().map_err(|error| error.to_string())?;
    tree.commit(&plan, &info())
        .map_err(|error| error.to_string())?;
    Ok(())
}

fn run_first(disk: Arc<dyn Disk>) -> Result<(), String> {
    first(&mut open(disk)?)
}

fn run_both(disk: Arc<dyn Disk>) -> Result<(), String> {
    let mut tree = open(disk)?;
    first(&mut tree)?;
    let len = tree
        .view()
        .stat("MBG/SYSTEM.MBG")
        .map_err(|e| e.to_string())?;
    if len.is_some_and(|stat| stat.len == 3480) {
        let mut plan = Plan::new();
        plan.append(p("MBG/SYSTEM.MBG"), 3480, vec![8; 20])
            .map_err(|e| e.to_string())?;
        plan.replace(p("NEW/SUB/X.TXT"), vec![9; 2000])
            .map_err(|e| e.to_string())?;
        plan.remove(p("NME/STAYS.NME")).map_err(|e| e.to_string())?;
        tree.commit(&plan, &info())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn milestone() -> Result<Vec<dirsync_sim::faults::Observed>, String> {
    let disk = prepare()?;
    run_first(Arc::new(disk.clone()))?;
    Ok(vec![observe_postoffice(Arc::new(disk))?])
}

const ONE: Scenario = Scenario {
    command: Command::CheckFix,
    name: "one commit, every kind of step",
    prepare,
    run: run_first,
    observe: observe_postoffice,
    milestones: || Ok(Vec::new()),
};

const TWO: Scenario = Scenario {
    command: Command::CheckFix,
    name: "two commits in one run",
    prepare,
    run: run_both,
    observe: observe_postoffice,
    milestones: milestone,
};

// rule: tra:R-LCK-011
#[test]
fn every_stop_failure_and_hang_leaves_the_old_tree_or_the_new_one() {
    for scenario in [ONE, TWO] {
        let outcome = run(&scenario, Sabotage::default()).unwrap();
        assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
        // The harness must have seen both states, or it proves nothing.
        for tally in [outcome.stop, outcome.fail, outcome.hang] {
            assert!(tally.old > 0 && tally.new > 0, "{outcome:?}");
        }
        println!("{outcome:?}");
    }
}

#[test]
fn leaving_out_the_directory_sync_turns_the_harness_red() {
    let sabotage = Sabotage {
        no_directory_sync: true,
        ..Sabotage::default()
    };
    let outcome = run(&ONE, sabotage).unwrap();
    assert!(!outcome.violations.is_empty());
}

#[test]
fn committing_before_the_data_is_synced_turns_the_harness_red() {
    let sabotage = Sabotage {
        no_data_sync: true,
        ..Sabotage::default()
    };
    let outcome = run(&ONE, sabotage).unwrap();
    assert!(!outcome.violations.is_empty());
}
