//! Rows of the dispatcher and of the resets.

use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::core::base::zone::parse_zone;
use dirsync::core::format::process::{PROCESS, ProcessHeader};
use dirsync::cycle::StepOptions;
use dirsync::cycle::dispatch::table::{Entries, poll, settle};
use dirsync::cycle::reset;
use dirsync::cycle::step::Step;
use dirsync::postoffice::Edit;
use dirsync::postoffice::lists::waiting::reqconf;
use dirsync::postoffice::schedule::{SetOptions, parse, set};
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::mem::MemDisk;
use dirsync::tree::{Command, TreeMut};

use super::cycle::{REQUESTOR, SERVER, edit, mail, milestones, po, site, step};
use super::observe_postoffice;
use crate::faults::Scenario;
use crate::trees::{CREATED_UNIX_S, options, postoffice};

/// Entries are set at this time.
const BEFORE: UnixTime = UnixTime(CREATED_UNIX_S);
/// A week and nine hours later: one start was missed, another one is due.
const NOW: UnixTime = UnixTime(CREATED_UNIX_S + 604_800 + 9 * 3600);

/// Scenarios of `dxa-cycle dispatch`.
pub(super) const DISPATCH: &[Scenario] = &[Scenario {
    command: Command::Dispatch,
    name: "entries move on after a run and after a missed window, with lines in both logs",
    prepare: prepare_dispatch,
    run: run_dispatch,
    observe: observe_postoffice,
    milestones: || Ok(Vec::new()),
}];

/// Scenarios of `dxa-cycle reset`.
pub(super) const RESET: &[Scenario] = &[
    Scenario {
        command: Command::Reset,
        name: "local, at the server: the record of a requestor",
        prepare: || after_a_cycle()?.settled(SERVER),
        run: |disk| {
            with(disk, |tree| {
                reset::record(tree, po(REQUESTOR)?, &step_options()).map_err(|e| e.to_string())
            })
        },
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Reset,
        name: "local, at the requestor: numbers and waiting transactions, then the export",
        prepare: || after_a_cycle()?.settled(REQUESTOR),
        run: |disk| run_requestor(disk, false),
        observe: observe_postoffice,
        milestones: || {
            milestones(
                || after_a_cycle()?.settled(REQUESTOR),
                |disk| run_requestor(disk, false),
            )
        },
    },
    Scenario {
        command: Command::Reset,
        name: "global, at the server: master list and records",
        prepare: || after_a_cycle()?.settled(SERVER),
        run: |disk| {
            with(disk, |tree| {
                reset::master(tree, &step_options()).map_err(|e| e.to_string())
            })
        },
        observe: observe_postoffice,
        milestones: || Ok(Vec::new()),
    },
    Scenario {
        command: Command::Reset,
        name: "global, at a requestor: mailbags, numbers, export",
        prepare: || after_a_cycle()?.settled(REQUESTOR),
        run: |disk| run_requestor(disk, true),
        observe: observe_postoffice,
        milestones: || {
            milestones(
                || after_a_cycle()?.settled(REQUESTOR),
                |disk| run_requestor(disk, true),
            )
        },
    },
];

fn step_options() -> StepOptions {
    StepOptions::new(NOW, "harness")
}

fn with<T>(
    disk: Arc<dyn Disk>,
    change: impl FnOnce(&mut TreeMut) -> Result<T, String>,
) -> Result<(), String> {
    let mut tree = TreeMut::open(disk, postoffice(), &options()).map_err(|e| e.to_string())?;
    change(&mut tree).map(|_| ())
}

fn prepare_dispatch() -> Result<MemDisk, String> {
    let site = site()?;
    let disk = site.disk(REQUESTOR)?;
    let utc = parse_zone("UTC").map_err(|error| error.to_string())?;
    edit(&disk, |edit| {
        let header = ProcessHeader::fresh(b"UTC");
        edit.write("GLB/PROCESS.GLB", PROCESS.build(&header, &[]))?;
        let start = |hours: u32| UnixTime(BEFORE.0 + hours * 3600).zoned(&utc);
        let line = |name: &str, hours| {
            let day = start(hours).strftime("%a %H:%M").to_string();
            format!("{name} {day}")
        };
        let slots = parse(&format!("{}\n{}\n", line("T1", 0), line("T3", 8)))?;
        let options = SetOptions {
            replace: true,
            seconds_week: false,
            now: BEFORE,
        };
        set(edit, &slots, &utc, options).map(|_| ())
    })?;
    disk.settle();
    Ok(disk)
}

fn run_dispatch(disk: Arc<dyn Disk>) -> Result<(), String> {
    with(disk, |tree| {
        let polled = poll(tree.view(), REQUESTOR, NOW);
        if !polled.readable || !polled.member.is_usable() {
            return Err(format!("{polled:?}"));
        }
        let due: Vec<_> = polled.due.into_iter().map(|due| due.change).collect();
        // Run again there is nothing due any more, and nothing is said twice.
        let log = due
            .iter()
            .filter(|change| change.step == Step::T1)
            .map(|_| "04/14/94 21:13 NSDA-RT Missed its run Window".to_owned())
            .collect();
        let entries = Entries { changes: due, log };
        settle(tree, &entries, &step_options()).map_err(|error| error.to_string())
    })
}

/// A site whose numbers have begun: one cycle, and changes that wait.
fn after_a_cycle() -> Result<super::cycle::Site, String> {
    let site = site()?;
    for round in [Step::T1, Step::T2, Step::T3] {
        for name in [SERVER, REQUESTOR] {
            if round != Step::T2 || name == SERVER {
                step(&site, name, round, BEFORE)?;
            }
        }
        mail(&site)?;
    }
    step(&site, REQUESTOR, Step::T1, BEFORE)?;
    Ok(site)
}

fn run_requestor(disk: Arc<dyn Disk>, global: bool) -> Result<(), String> {
    with(disk, |tree| {
        let conf = reqconf(&mut Edit::new(tree.view())).map_err(|error| error.to_string())?;
        if conf.last_export.get() == NOW.0 {
            return Ok(());
        }
        reset::requestor(tree, global, &step_options()).map_err(|error| error.to_string())?;
        let wrong = reset::verify(tree.view()).map_err(|error| error.to_string())?;
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join(", "))
        }
    })
}
