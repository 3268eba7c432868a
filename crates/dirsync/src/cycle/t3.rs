//! T3: the replies that wait in SYSTEM are taken, applied to the lists, and the Global Address List
//! is made anew (dsp 6.2).
//!
//! All accepted replies are one commit: their entries to SRVTRANS, the numbers to REQCONF, what the
//! server has confirmed out of REQTRANS, the messages out of the mailbag (DEC-057). The bulk-delete
//! guard looks at what the import would do before that commit, so that a held T3 has moved nothing
//! (design 4.6). Import and rebuild follow, a commit each; a run that is cut off between them is
//! completed by the next one.

use crate::core::base::UnixTime;
use crate::core::base::ident::MailbagStem;
use crate::core::base::transaction::Transaction;
use crate::core::format::FixedRecord as _;
use crate::core::format::reqconf::req_options;
use crate::core::format::transactions::{Record, RecordSource};
use crate::core::protocol::guard::FREE_REMOVALS;
use crate::core::protocol::log::LogLine;
use crate::core::protocol::message::Disposition;
use crate::core::protocol::numbers::Numbers;
use crate::core::protocol::record::NewRecord;
use crate::core::protocol::requestor::{ReqTrans, Requestor, T3Plan, Waiting};
use crate::import::queue::{self, Imported, Incoming, QueueOptions};
use crate::import::rebuild::{RebuildOptions, Rebuilt, rebuild};
use crate::import::resync::RESYNC;
use crate::import::{Held, ImportError, log};
use crate::postoffice::{Edit, PoError, mail};
use crate::progress::Progress;
use crate::tree::{Command, TreeError, TreeMut, TreeView};

use super::message::{SystemMessage, unreadable_mailbag, waiting};
use super::t1::{each_waiting, read_reqtrans, requestor};
use super::{
    CycleError, REQCONF, REQTRANS, Said, StepOptions, commit, first_administrator, to_administrator,
};

/// What T3 did.
#[derive(Debug, Default)]
pub struct T3Report {
    /// The postoffice has a server; nothing was done when not.
    pub registered: bool,
    /// q.R, q.S, q.I before.
    pub before: Numbers,
    /// q.R, q.S, q.I after.
    pub after: Numbers,
    /// Entries received: message 105.
    pub received: u32,
    /// The guard holds it: nothing was changed.
    pub held: bool,
    /// What the import did; `None` when it was not reached.
    pub imported: Option<Imported>,
    /// Of an agent: recipients afterwards.
    pub recipients: Option<u64>,
    /// What the rebuild did; `None` when it is switched off or was not reached.
    pub rebuilt: Option<Rebuilt>,
    /// Everything else.
    pub said: Said,
}

/// Bytes in memory as the import reads them.
struct Bytes<'a>(&'a [u8]);

impl RecordSource for Bytes<'_> {
    type Error = TreeError;

    fn len_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        match self.0.read_at(offset, buffer) {
            Ok(n) => Ok(n),
            Err(never) => match never {},
        }
    }
}

/// What the replies bring.
#[derive(Default)]
struct Brought {
    bytes: Vec<u8>,
    count: u32,
    deletes: u64,
    replaces: bool,
}

impl Brought {
    fn read(
        view: &TreeView,
        plan: &T3Plan,
        messages: &[SystemMessage],
        now: UnixTime,
    ) -> Result<Self, CycleError> {
        let mut brought = Self::default();
        for part in &plan.parts {
            let mut place = 0;
            messages[part.message].each(view, &mut |number, date, text| {
                let takes = part.take.takes(place, number);
                place = place.saturating_add(1);
                if takes && text.first() != Some(&b'#') {
                    brought.take(number, if date == 0 { now.0 } else { date }, text)?;
                }
                Ok(())
            })?;
        }
        Ok(brought)
    }

    fn take(&mut self, number: u32, date: u32, text: &[u8]) -> Result<(), CycleError> {
        match Transaction::parse(text) {
            Ok(Transaction::Delete { .. }) => self.deletes += 1,
            Ok(Transaction::Replace { .. }) => self.replaces = true,
            _ => {}
        }
        Record::transaction(number, date, text)
            .encode_into(&mut self.bytes)
            .map_err(PoError::BadMessage)?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Whether the guard could hold it at all.
    fn may_be_bulk(&self) -> bool {
        self.replaces || self.deletes > FREE_REMOVALS
    }
}

fn queue_options(options: &StepOptions) -> QueueOptions {
    QueueOptions {
        allow_deletes: options.allow_deletes.clone(),
        break_lock: options.break_lock,
        ..QueueOptions::at(options.now)
    }
}

/// REQTRANS as the echoes leave it: a dummy that keeps the number, then what is not confirmed.
fn rewrite_waiting(edit: &mut Edit<'_>, plan: &T3Plan, now: UnixTime) -> Result<(), CycleError> {
    let Some(change) = plan.waiting else {
        return Ok(());
    };
    let bad = |error| CycleError::Damaged {
        file: REQTRANS,
        why: crate::core::base::DecodeError::to_string(&error),
    };
    let mut bytes = Vec::new();
    let dummy = NewRecord::dummy(change.dummy, now);
    dummy.record().encode_into(&mut bytes).map_err(bad)?;
    let mut renumber = change.renumber();
    each_waiting(edit.view(), &mut |record| {
        if !record.is_dummy()
            && let Some(number) = renumber(record.head.sync)
        {
            Record::transaction(number, record.head.date, record.text)
                .encode_into(&mut bytes)
                .map_err(bad)?;
        }
        Ok(())
    })?;
    edit.replace_whole(REQTRANS, bytes)?;
    Ok(())
}

/// Prepares the commit of all accepted replies.
fn prepare(
    edit: &mut Edit<'_>,
    plan: &T3Plan,
    messages: &[SystemMessage],
    brought: &Brought,
    options: &StepOptions,
    report: &mut T3Report,
) -> Result<(), CycleError> {
    if !brought.bytes.is_empty() {
        edit.append(queue::SRVTRANS, &brought.bytes)?;
    }
    rewrite_waiting(edit, plan, options.now)?;
    edit.write(REQCONF, plan.conf.encode())?;
    let mut gone = Vec::new();
    for (message, disposition) in messages.iter().zip(&plan.dispositions) {
        match disposition {
            Disposition::Remove => gone.push(message.index),
            Disposition::Leave => {}
            Disposition::Administrator => {
                let name = first_administrator(edit)?;
                let findings = &mut report.said.findings;
                to_administrator(edit, message.index, name.as_deref(), findings)?;
            }
        }
    }
    for copy in messages.iter().skip(plan.dispositions.len()) {
        let first = messages.iter().position(|first| copy.is_copy_of(first));
        let disposition = first.and_then(|first| plan.dispositions.get(first));
        if disposition == Some(&Disposition::Remove) {
            gone.push(copy.index);
        }
    }
    // Indices stay valid while headers only go.
    mail::remove(edit, MailbagStem::SYSTEM, &gone)?;
    let mut lines = plan.diary.lines.clone();
    lines.push(T3Plan::received(brought.count));
    log::append(edit, options.now, &lines)?;
    report.said.hear(&plan.diary);
    report.said.lines.push(T3Plan::received(brought.count));
    Ok(())
}

/// The messages, and what the protocol makes of them.
fn plan(
    tree: &TreeMut,
    requestor: &Requestor,
    options: &StepOptions,
    said: &mut Said,
) -> Result<(Vec<SystemMessage>, T3Plan), CycleError> {
    let mut edit = Edit::new(tree.view());
    let mut messages = waiting(&mut edit, &mut |finding| said.findings.push(finding))?;
    let waiting = match read_reqtrans(tree.view(), requestor)? {
        ReqTrans::Read(waiting) => waiting,
        ReqTrans::Missing | ReqTrans::Damaged => Waiting::of(requestor),
    };
    // A second header of the same message goes with the first (Q127752): it is moved to the end, past
    // what the plan speaks of.
    messages.sort_by_key(|message| message.repeated);
    let t3: Vec<_> = messages
        .iter()
        .filter(|message| !message.repeated)
        .map(SystemMessage::for_requestor)
        .collect();
    let plan = requestor.t3(&t3, &waiting, options.now)?;
    Ok((messages, plan))
}

/// Asks the bulk-delete guard before anything moves.
fn judge(
    view: &TreeView,
    brought: &Brought,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<Vec<Held>, CycleError> {
    if !brought.may_be_bulk() {
        return Ok(Vec::new());
    }
    if crate::exchange::is_agent(view) {
        let ceilings = &options.allow_deletes;
        return crate::exchange::agent::judge_replies(view, &brought.bytes, ceilings);
    }
    let records = Bytes(&brought.bytes);
    let incoming = [Incoming {
        name: "SYSTEM".to_owned(),
        records: &records,
        above: 0,
    }];
    match queue::plan_queue(view, &queue_options(options), &incoming, progress) {
        Ok(_) => Ok(Vec::new()),
        Err(ImportError::Held(held)) => Ok(held),
        Err(error) => Err(error.into()),
    }
}

/// T3 at a postoffice. One that has no server registered is left alone.
///
/// # Errors
/// See [`CycleError`]; commits made before stand, and the next T3 goes on.
pub fn t3(
    tree: &mut TreeMut,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<T3Report, CycleError> {
    let result = attempt(tree, options, progress);
    if let Err(error) = &result
        && let Some(line) = unreadable_mailbag(error)
    {
        // A tree that cannot take the log either keeps the error alone.
        let _ = log_alone(tree, &line, options, &mut Said::default());
    }
    result
}

/// One line, in a commit of its own.
fn log_alone(
    tree: &mut TreeMut,
    line: &LogLine,
    options: &StepOptions,
    said: &mut Said,
) -> Result<(), CycleError> {
    let mut edit = Edit::new(tree.view());
    log::append(&mut edit, options.now, std::slice::from_ref(line))?;
    let plan = edit.finish()?;
    let info = options.info(Command::T3, Vec::new());
    commit(tree, &plan, &info, said)
}

fn attempt(
    tree: &mut TreeMut,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<T3Report, CycleError> {
    let mut report = T3Report::default();
    let requestor = requestor(&mut Edit::new(tree.view()))?;
    report.before = requestor.numbers();
    report.after = report.before;
    if requestor.server().is_none() {
        return Ok(report);
    }
    report.registered = true;
    let requestor = take_resync(tree, requestor, options, progress, &mut report)?;
    progress.start("taking replies", None);
    let (messages, plan) = plan(tree, &requestor, options, &mut report.said)?;
    // A T3 that was cut off behind its first commit and is run again at the very same time is the
    // same one and goes on (ASSIGNED).
    let goes_on = messages.is_empty() && requestor.conf.last_t3.get() == options.now.0;
    if !goes_on && !take(tree, &plan, &messages, options, progress, &mut report)? {
        return Ok(report);
    }
    apply(tree, &plan, options, progress, &mut report)?;
    Ok(report)
}

/// RESYNC.GLB goes before any other dirsync mail (Q96060): its numbers decide which replies count.
/// The requestor as it is then.
fn take_resync(
    tree: &mut TreeMut,
    before: Requestor,
    options: &StepOptions,
    progress: &dyn Progress,
    report: &mut T3Report,
) -> Result<Requestor, CycleError> {
    if before.is_server || tree.view().stat(RESYNC)?.is_none() {
        return Ok(before);
    }
    let info = options.info(Command::T3, Vec::new());
    let (imported, committed) = queue::run_queue(tree, &queue_options(options), &info, progress)?;
    report.said.commits += u64::from(committed.is_some());
    report.said.lines.extend(imported.problems.log_lines());
    report.imported = Some(imported);
    let requestor = requestor(&mut Edit::new(tree.view()))?;
    report.after = requestor.numbers();
    Ok(requestor)
}

/// The commit of all accepted replies; `false` when the guard holds them.
fn take(
    tree: &mut TreeMut,
    plan: &T3Plan,
    messages: &[SystemMessage],
    options: &StepOptions,
    progress: &dyn Progress,
    report: &mut T3Report,
) -> Result<bool, CycleError> {
    let brought = Brought::read(tree.view(), plan, messages, options.now)?;
    let held = judge(tree.view(), &brought, options, progress)?;
    if !held.is_empty() {
        report.held = true;
        report.said.held = held;
        return Ok(false);
    }
    let mut edit = Edit::new(tree.view());
    prepare(&mut edit, plan, messages, &brought, options, report)?;
    let commit_plan = edit.finish()?;
    let counts = vec![("received", u64::from(brought.count))];
    let info = options.info(Command::T3, counts);
    commit(tree, &commit_plan, &info, &mut report.said)?;
    report.received = brought.count;
    report.after = Numbers::of(&plan.conf);
    Ok(true)
}

/// Import and rebuild.
fn apply(
    tree: &mut TreeMut,
    plan: &T3Plan,
    options: &StepOptions,
    progress: &dyn Progress,
    report: &mut T3Report,
) -> Result<(), CycleError> {
    if crate::exchange::is_agent(tree.view()) {
        let mut edit = Edit::new(tree.view());
        let taken = crate::exchange::agent::take_replies(&mut edit, options.now)?;
        log::append_local(&mut edit, options.now, &taken.lines)?;
        let plan = edit.finish()?;
        let counts = vec![
            ("added", taken.applied.added),
            ("modified", taken.applied.modified),
            ("deleted", taken.applied.deleted),
        ];
        let info = options.info(Command::T3, counts);
        commit(tree, &plan, &info, &mut report.said)?;
        report.recipients = Some(taken.recipients);
        report.said.lines.extend(taken.lines);
        return Ok(());
    }
    let info = options.info(Command::T3, Vec::new());
    let (imported, committed) = queue::run_queue(tree, &queue_options(options), &info, progress)?;
    report.said.commits += u64::from(committed.is_some());
    report.said.lines.extend(imported.problems.log_lines());
    // An import of RESYNC.GLB in front of this one says more than one of nothing.
    if imported.changed || report.imported.is_none() {
        report.imported = Some(imported);
    }
    if !options.rebuild {
        return Ok(());
    }
    if !plan.conf.has(req_options::REBUILD) {
        // R-T3-008.
        let line = LogLine::status("GAL not active on this PO");
        log_alone(tree, &line, options, &mut report.said)?;
        report.said.lines.push(line);
        return Ok(());
    }
    let how = RebuildOptions {
        now: options.now,
        keep_global_list: false,
    };
    let (rebuilt, committed) = rebuild(tree, &how, &info, progress)?;
    report.said.commits += u64::from(committed.is_some());
    report.said.lines.extend(rebuilt.problems.log_lines());
    report.rebuilt = Some(rebuilt);
    Ok(())
}
