//! The process table of one postoffice: what is due in PROCESS.GLB, and moving entries on.
//!
//! Both run at the tree, in a child where there is one. An entry is moved on after its run, in a
//! commit of its own, under the lock of the run, and only if nobody has set it anew meanwhile. A
//! dispatcher that is killed between run and commit runs it again, which the numbers of the protocol
//! make harmless; a second dispatcher finds that the entry has moved on.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use zerocopy::little_endian::U32;

use crate::core::base::UnixTime;
use crate::core::base::finding::{FindingId, Severity};
use crate::core::base::logline::LogSeverity;
use crate::core::format::process::{PROCESS, ProcessId, ProcessRecord};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::schedule::{Timed, Verdict, counting};
use crate::import::log;
use crate::postoffice::clock::TreeClock;
use crate::postoffice::config::{PROCESS_GLB, save};
use crate::postoffice::schedule::{open, zone_of};
use crate::postoffice::{Edit, PoError};
use crate::progress::Progress;
use crate::transport::far::Problem;
use crate::tree::{Command, TreeMut, TreeView};

use super::super::site::Member;
use super::super::step::{Step, StepOutcome, perform};
use super::super::{CycleError, Said, StepOptions, commit, finding};
use super::log::missed_line;

/// Two entries of one process on one weekday.
pub const DOUBLED: FindingId = FindingId("dispatch.double-entry");
/// PROCESS.GLB cannot be read.
pub const NO_TABLE: FindingId = FindingId("dispatch.no-table");

/// What there is to do about one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The entry and where it moves to.
    pub change: Change,
    /// The start that is kept now, seconds since 1970; `None` when there is nothing to run.
    pub at: Option<u32>,
}

/// Moving an entry on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Number of the record, from 0.
    pub record: u32,
    /// What it starts.
    pub step: Step,
    /// Its start as it was read: an entry that has another one by now is left alone.
    pub expected: u32,
    /// Its next start.
    pub next: u32,
    /// When it ran.
    pub ran: Option<u32>,
    /// A start whose window is over.
    pub missed: Option<u32>,
}

impl Change {
    /// Whether the record is the one that was read, with the same start.
    fn is_for(&self, record: &ProcessRecord) -> bool {
        record.is_live()
            && record.process().map(step_of) == Some(self.step)
            && record.current.get() == self.expected
    }
}

/// A postoffice as a poll finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polled {
    /// Who it is; with a failure when it cannot take part.
    pub member: Member,
    /// What is to be done now.
    pub due: Vec<Due>,
    /// The first start after now.
    pub next: Option<u32>,
    /// Whether the process table could be read.
    pub readable: bool,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

fn step_of(process: ProcessId) -> Step {
    match process {
        ProcessId::T1 => Step::T1,
        ProcessId::T2 => Step::T2,
        ProcessId::T3 => Step::T3,
    }
}

/// Looks at a postoffice and its process table.
#[must_use]
pub fn poll(view: &TreeView, path: &str, now: UnixTime) -> Polled {
    let mut polled = Polled {
        member: Member::look(view, path),
        due: Vec::new(),
        next: None,
        readable: true,
        problems: Vec::new(),
    };
    if polled.member.is_usable()
        && let Err(error) = read(view, now, &mut polled)
    {
        polled.readable = false;
        let hint = "`po-admin check --fix` makes an empty schedule; `po-admin schedule import` \
                    brings the times back";
        let found = finding(NO_TABLE, Severity::Error, error.to_string(), hint);
        polled.problems.push(found.into());
    }
    polled
}

fn read(view: &TreeView, now: UnixTime, polled: &mut Polled) -> Result<(), PoError> {
    let tree_zone = TreeClock::of(view, None).zone().clone();
    let (header, records) = open(&mut Edit::new(view))?;
    let zones: Vec<TimeZone> = records
        .iter()
        .map(|record| zone_of(record, &header, &tree_zone).0)
        .collect();
    let timed: Vec<Option<Timed<'_>>> = records
        .iter()
        .zip(&zones)
        .map(|(record, zone)| Timed::of(record, zone))
        .collect();
    let kinds: Vec<Option<(ProcessId, u8)>> = records
        .iter()
        .zip(&timed)
        .map(|(record, timed)| Some((record.process()?, timed.as_ref()?.weekday)))
        .collect();
    for (((kind, entry), counts), number) in
        kinds.iter().zip(&timed).zip(counting(&kinds)).zip(0u32..)
    {
        let (Some((process, _)), Some(entry)) = (kind, entry) else {
            continue;
        };
        let step = step_of(*process);
        let change = |next: UnixTime, missed: Option<UnixTime>| Change {
            record: number,
            step,
            expected: entry.current.0,
            next: next.0,
            ran: None,
            missed: missed.map(|missed| missed.0),
        };
        if !counts {
            // Its time moves on without a run, so that it does not stay due for ever.
            let message = format!(
                "entry {} of the schedule is for a weekday that a later one of {} is for as well; \
                 the later one counts",
                number + 1,
                step.name()
            );
            let hint = "`po-admin schedule export`, remove one of the lines, `schedule import`";
            let found = finding(DOUBLED, Severity::Warning, message, hint);
            polled.problems.push(found.into());
        }
        let waits_until = match entry.judge(now) {
            Verdict::Wait => entry.current,
            Verdict::Run { next, .. } | Verdict::Missed { next, .. } if !counts => {
                let change = change(next, None);
                polled.due.push(Due { change, at: None });
                continue;
            }
            Verdict::Run { at, missed, next } => {
                let change = change(next, missed);
                let at = Some(at.0);
                polled.due.push(Due { change, at });
                next
            }
            Verdict::Missed { at, next } => {
                let change = change(next, Some(at));
                polled.due.push(Due { change, at: None });
                next
            }
            Verdict::Unset { next } => {
                let change = change(next, None);
                polled.due.push(Due { change, at: None });
                next
            }
        };
        if counts {
            polled.next = Some(
                polled
                    .next
                    .map_or(waits_until.0, |next| next.min(waits_until.0)),
            );
        }
    }
    Ok(())
}

/// What a dispatcher writes at a tree, in one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// Entries that move on.
    pub changes: Vec<Change>,
    /// Lines for DISPATCH.LOG, of the tree that holds it, each with its stamp.
    pub log: Vec<String>,
}

/// Makes the step of an entry and moves the entry on, unless it has another start by now: then
/// another dispatcher was faster, and there is nothing to do (`None`). An entry moves on after a step
/// that failed as well, as with the original.
///
/// # Errors
/// What the step says, see [`CycleError`]; PROCESS.GLB is damaged.
pub fn make(
    tree: &mut TreeMut,
    change: &Change,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<Option<StepOutcome>, CycleError> {
    let (_, records) = open(&mut Edit::new(tree.view()))?;
    let place = usize::try_from(change.record).ok();
    if !place
        .and_then(|place| records.get(place))
        .is_some_and(|record| change.is_for(record))
    {
        return Ok(None);
    }
    let made = perform(tree, change.step, options, progress);
    if let Err(error) = &made
        && error.is_last()
    {
        return made.map(Some);
    }
    let entries = Entries {
        changes: vec![Change {
            ran: Some(options.now.0),
            ..change.clone()
        }],
        log: Vec::new(),
    };
    let moved = settle(tree, &entries, options);
    let made = made?;
    moved?;
    Ok(Some(made))
}

/// Moves entries on and appends to DISPATCH.LOG. A missed window is also said in DIRSYNC.LOG
/// (dsp R-LOG-005). Returns how many entries were moved; one that has another start by now, or is
/// not there any more, is left alone.
///
/// # Errors
/// PROCESS.GLB is damaged; a disk error.
pub fn settle(
    tree: &mut TreeMut,
    entries: &Entries,
    options: &StepOptions,
) -> Result<u64, CycleError> {
    let mut edit = Edit::new(tree.view());
    let mut moved = 0;
    let mut missed = Vec::new();
    if !entries.changes.is_empty() {
        let (header, mut records) = open(&mut edit)?;
        for change in &entries.changes {
            let place = usize::try_from(change.record).ok();
            let Some(record) = place.and_then(|place| records.get_mut(place)) else {
                continue;
            };
            if !change.is_for(record) {
                continue;
            }
            record.current = U32::new(change.next);
            if let Some(ran) = change.ran {
                record.last_run = U32::new(ran);
            }
            if let Some(time) = change.missed {
                record.last_missed = U32::new(time);
                let line = LogLine::status(missed_line(change.step));
                missed.push(LogLine {
                    severity: LogSeverity::Error,
                    ..line
                });
            }
            moved += 1;
        }
        if moved > 0 {
            save(&mut edit, &PROCESS, PROCESS_GLB, &header, &records)?;
        }
        log::append(&mut edit, options.now, &missed).map_err(PoError::from)?;
    }
    super::log::append(&mut edit, &entries.log)?;
    let plan = edit.finish()?;
    let info = options.info(Command::Dispatch, vec![("entries", moved)]);
    commit(tree, &plan, &info, &mut Said::default())?;
    Ok(moved)
}
