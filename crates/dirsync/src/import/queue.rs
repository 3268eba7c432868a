//! The import half of T3: what waits in SRVTRANS.GLB goes into the lists, the queues become empty,
//! in one commit (imp 5.2, DEC-057).
//!
//! The original copied SRVTRANS into three queues (postoffice names, gateway names, names to change in
//! the address list), sorted each so that every list was rewritten once, and noted in REQCONF how far
//! it was. Here lists are in memory while they change, so each is written once without sorting,
//! and a commit is atomic, so there is nothing to note. What an original or a copied tree left is
//! processed first: USRTRANS, GWTRANS, then NMETRANS (copies in the address list only), all from
//! their start, because repeating a transaction changes nothing while leaving one out does
//! (ASSIGNED; the pointers were restart positions by inference, Q112301). Pointers that are not −1 are
//! put back; leftover work files go (Q122750).
//!
//! RESYNC.GLB goes before everything else that waits (Q119449): its numbers, its lists and its
//! deletion are part of the same commit. What waits in the queues and is numbered up to its SRVSEQ,
//! or is a list part without number, it covers; the rest is applied behind it (imp R-RSP-001). A
//! type whose gateway is not installed here (44), and templates that are not wanted (73), are no
//! problems when they come from it (Q122751): Status lines (ASSIGNED).
//!
//! Records that are damaged or cannot be read are skipped, reported with number and offset, and kept
//! in `GLB/BADTRANS.GLB` (ASSIGNED), which is cut to its newest half above [`ASIDE_LEN_LIMIT`].

use std::ops::ControlFlow;
use std::time::Duration;

use crate::core::base::logline::LogSeverity;
use crate::core::base::{Transaction, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::master::MasterRecord;
use crate::core::format::reqconf::{ReqConfRecord, req_options};
use crate::core::format::transactions::{Item, Kind, Reader, Record, RecordSource, Trust};
use crate::core::protocol::guard::Ceilings;
use crate::core::protocol::log::LogLine;
use crate::core::protocol::numbers::ResyncRefusal;
use crate::postoffice::Edit;
use crate::postoffice::lists::waiting::FileRecords;
use crate::progress::Progress;
use crate::tree::disk::{EntryName, LockGuard, LockKind};
use crate::tree::journal::{CommitInfo, Committed, Plan};
use crate::tree::lock::{Holder, acquire};
use crate::tree::{TreeError, TreeMut, TreeView};

use super::apply::{Applied, Apply, ApplyOptions, Counts, ListChange, Origin, Part};
use super::autocreate::Server;
use super::error::ImportError;
use super::log::{self, message};
use super::places::Places;
use super::problem::Problems;
use super::rebuild::require_space;
use super::resync::take::{How, requestor, take};
use super::resync::{Contents, RESYNC, Taken, look_through};

/// What the server sent.
pub const SRVTRANS: &str = "GLB/SRVTRANS.GLB";
/// What a crashed run left for lists of postoffices and nodes.
pub const USRTRANS: &str = "GLB/USRTRANS.GLB";
/// What a crashed run left for copies in the address list.
pub const NMETRANS: &str = "GLB/NMETRANS.GLB";
/// What a crashed run left for gateways.
pub const GWTRANS: &str = "GLB/GWTRANS.GLB";
/// The lock of an import (DEC-106).
pub const SORTLOCK: &str = "GLB/SORTLOCK.GLB";
/// Records that could not be read.
pub const BADTRANS: &str = "GLB/BADTRANS.GLB";
/// BADTRANS.GLB is cut to its newest half when it would have more bytes.
pub const ASIDE_LEN_LIMIT: usize = 4 << 20;
/// Most bytes of one damaged stretch that are kept.
const ASIDE_PIECE: u64 = 256 * 1024;
const REQCONF: &str = "GLB/REQCONF.GLB";
const FLAG: &str = "GLB/FLAG.GLB";
const REQTRANS: &str = "GLB/REQTRANS.GLB";
const MASTER: &str = "GLB/MASTER.GLB";
/// The order in which queues are processed.
const QUEUES: [(&str, Part); 4] = [
    (USRTRANS, Part::Both),
    (GWTRANS, Part::Both),
    (NMETRANS, Part::Copies),
    (SRVTRANS, Part::Both),
];
/// Work files of IMPORT, REQMAIN and SRVMAIN that must not stand between runs (Q122750, Q112301).
const WORK_FILES: [&str; 7] = [
    "GLB/IUSRTRAN.GLB",
    "GLB/INMETRAN.GLB",
    "GLB/IGWTRANS.GLB",
    "GLB/ILOCAL.GLB",
    "GLB/INDEX.GLB",
    "USR/IMPORT.USR",
    "INF/IMPORT.INF",
];

/// How to import.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// The one time of this run.
    pub now: UnixTime,
    /// Ceilings of the bulk-delete guard.
    pub allow_deletes: Ceilings,
    /// Say what is ignored, too.
    pub verbose: bool,
    /// Remove SORTLOCK.GLB whoever made it.
    pub break_lock: bool,
    /// Create unknown postoffices; `None` as REQCONF.GLB says.
    pub create_postoffices: Option<bool>,
    /// Take a RESYNC.GLB whose IMPSEQ or REQSEQ is lower than the own numbers (DEC-043).
    pub accept_older: bool,
    /// RESYNC.GLB: drop the transactions that wait instead of giving them new numbers (DEC-042).
    pub discard_waiting: bool,
    /// Only RESYNC.GLB is asked about: on the server it is an error then.
    pub resync_only: bool,
    /// How long to wait for a program that holds FLAG.GLB.
    pub wait: Duration,
}

impl QueueOptions {
    /// The usual ones, as of `now`.
    #[must_use]
    pub fn at(now: UnixTime) -> Self {
        Self {
            now,
            allow_deletes: Ceilings::default(),
            verbose: false,
            break_lock: false,
            create_postoffices: None,
            accept_older: false,
            discard_waiting: false,
            resync_only: false,
            wait: Duration::ZERO,
        }
    }
}

/// Records that are not in SRVTRANS.GLB yet: attachments of replies that wait in SYSTEM.
pub struct Incoming<'a> {
    /// What it is called in messages.
    pub name: String,
    /// The records.
    pub records: &'a dyn RecordSource<Error = TreeError>,
    /// Records numbered up to this one are not applied (DEC-037); numbers 0 always are.
    pub above: u32,
}

/// What an import found and did.
#[derive(Debug, Default)]
pub struct Imported {
    /// Records in the queues, damaged ones not counted.
    pub records: u64,
    /// What they did.
    pub counts: Counts,
    /// The lists that were named.
    pub lists: Vec<ListChange>,
    /// Stretches of bytes that are no records.
    pub damaged: u64,
    /// Numbered messages.
    pub problems: Problems,
    /// RESYNC.GLB, when there was one to be taken.
    pub resync: Option<Taken>,
    /// Records of the queues that RESYNC.GLB covers.
    pub covered: u64,
    /// Whether anything would be or was written.
    pub changed: bool,
}

/// An import: the plan of its one commit, and what it means.
#[derive(Debug)]
pub struct QueuePlan {
    /// Empty when nothing waits.
    pub plan: Plan,
    /// What it means.
    pub imported: Imported,
}

/// Prepares the import of everything that waits, and of `incoming` behind it. Reads only.
///
/// With `incoming` the plan is for judging alone: before mail leaves SYSTEM and any number moves,
/// the bulk-delete guard has to see what the replies would do (design 4.6).
///
/// # Errors
/// [`ImportError::Held`] with figures, [`ImportError::SortLock`], what autocreate needs, too little
/// space, a disk error. Nothing is changed.
pub fn plan_queue(
    view: &TreeView,
    options: &QueueOptions,
    incoming: &[Incoming<'_>],
    progress: &dyn Progress,
) -> Result<QueuePlan, ImportError> {
    let file = view.open_file(RESYNC)?.map(FileRecords);
    let resync = file
        .as_ref()
        .map(|file| file as &dyn RecordSource<Error = TreeError>);
    plan_with_resync(view, options, resync, incoming, progress)
}

/// As [`plan_queue`], with a RESYNC.GLB that lies somewhere else: what would become of it here?
///
/// # Errors
/// As [`plan_queue`].
pub fn plan_with_resync(
    view: &TreeView,
    options: &QueueOptions,
    resync: Option<&dyn RecordSource<Error = TreeError>>,
    incoming: &[Incoming<'_>],
    progress: &dyn Progress,
) -> Result<QueuePlan, ImportError> {
    let mut edit = Edit::new(view);
    let mut notes = Vec::new();
    sort_lock(&mut edit, options, &mut notes)?;
    let mut waiting = Vec::new();
    for (path, part) in QUEUES {
        let len = view.stat(path)?.map_or(0, |stat| stat.len);
        if len > 0 {
            waiting.push((path, part, len));
        }
    }
    let mut imported = Imported::default();
    let mut aside = Vec::new();
    let contents = resync_contents(&mut edit, resync, options, &mut imported)?;
    let resync = resync.filter(|_| contents.is_some());
    let bytes: u64 = waiting.iter().map(|(.., len)| len).sum::<u64>()
        + incoming
            .iter()
            .map(|incoming| incoming.records.len_bytes())
            .sum::<u64>()
        + resync.map_or(0, RecordSource::len_bytes);
    if bytes > 0 {
        require_space(view, bytes)?;
    }
    if let Some(contents) = contents {
        take_resync(&mut edit, contents, options, &mut imported, &mut aside)?;
    }
    let mut conf = reqconf(&mut edit)?;
    if bytes > 0 {
        progress.start("applying transactions", Some(bytes));
        let covers = imported.resync.as_ref().map(|taken| taken.after.srv);
        let mut run = Run {
            apply: apply(&mut edit, &conf, options)?,
            imported: &mut imported,
            aside,
            progress,
        };
        if let Some(source) = resync {
            let reader = Reader::new(source, Trust::Tree);
            run.queue(&mut edit, reader, RESYNC, Part::Both, Skip::default())?;
        }
        let skip = Skip {
            above: covers.unwrap_or(0),
            unnumbered: covers.is_some(),
        };
        for &(path, part, _) in &waiting {
            if let Some(file) = view.open_file(path)? {
                let reader = Reader::new(FileRecords(file), Trust::Tree);
                run.queue(&mut edit, reader, path, part, skip)?;
            }
        }
        for incoming in incoming {
            let reader = Reader::new(incoming.records, Trust::Network);
            let skip = Skip {
                above: incoming.above,
                unnumbered: false,
            };
            run.queue(&mut edit, reader, &incoming.name, Part::Both, skip)?;
        }
        let Run {
            apply, aside: kept, ..
        } = run;
        aside = kept;
        let Applied {
            counts,
            lists,
            problems,
        } = apply.finish(&mut edit)?;
        imported.counts = counts;
        imported.lists = lists;
        imported.problems.extend(problems);
        keep_aside(&mut edit, &aside)?;
        for &(path, _, len) in &waiting {
            let target = view.path(path)?;
            edit.plan_mut().set_len(target, len, 0)?;
        }
        let changed = imported.lists.iter().any(|list| list.changed);
        if changed || imported.counts.created > 0 || imported.counts.copies > 0 {
            edit.lists_changed();
        }
        progress.finish();
    }
    tidy(&mut edit, &mut conf, &mut notes)?;
    if let Some(taken) = &imported.resync {
        edit.remove(RESYNC)?;
        notes.extend(taken.lines.iter().cloned());
    }
    if bytes > 0 || !notes.is_empty() || imported.problems.total() > 0 {
        let mut lines = vec![log::import_banner()];
        lines.append(&mut notes);
        lines.extend(imported.problems.log_lines());
        lines.push(log::import_finished());
        log::append(&mut edit, options.now, &lines)?;
    }
    let plan = edit.finish()?;
    imported.changed = !plan.is_empty();
    Ok(QueuePlan { plan, imported })
}

/// Looks through RESYNC.GLB. On the server itself it is message 14, said once; the file stays, and
/// the queues are processed (DEC-044).
fn resync_contents(
    edit: &mut Edit<'_>,
    resync: Option<&dyn RecordSource<Error = TreeError>>,
    options: &QueueOptions,
    imported: &mut Imported,
) -> Result<Option<Contents>, ImportError> {
    let Some(source) = resync else {
        return Ok(None);
    };
    if requestor(edit)?.is_server {
        if options.resync_only {
            return Err(ImportError::ResyncRefused(ResyncRefusal::OnServer));
        }
        imported.problems.file(message(14, ""), RESYNC);
        return Ok(None);
    }
    match look_through(source, RESYNC)? {
        Ok(contents) => Ok(Some(contents)),
        Err(fault) => Err(ImportError::ResyncDamaged(fault)),
    }
}

/// The numbers of RESYNC.GLB, and what waited in REQTRANS.
fn take_resync(
    edit: &mut Edit<'_>,
    contents: Contents,
    options: &QueueOptions,
    imported: &mut Imported,
    aside: &mut Vec<u8>,
) -> Result<(), ImportError> {
    let how = How {
        accept_older: options.accept_older,
        discard_waiting: options.discard_waiting,
        now: options.now,
    };
    let mut damaged = Vec::new();
    let taken = take(edit, contents, how, &mut damaged)?;
    imported.resync = Some(taken);
    for (offset, len) in damaged {
        imported.damaged += 1;
        let mut line = message(40, format!("REQTRANS: {len} bytes at byte {offset}"));
        line.severity = LogSeverity::Warning;
        imported.problems.file(line, REQTRANS);
        keep_bytes(edit.view(), REQTRANS, offset, len.min(ASIDE_PIECE), aside)?;
    }
    Ok(())
}

/// Imports everything that waits, in one commit.
///
/// # Errors
/// As [`plan_queue`], and those of the commit: then everything still waits, the log is as it was,
/// and the same call does the work once the cause is removed (Q134228).
pub fn run_queue(
    tree: &mut TreeMut,
    options: &QueueOptions,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(Imported, Option<Committed>), ImportError> {
    let flag = match hold_flag(tree.view(), options.wait) {
        Err(error @ ImportError::DatabaseLocked { .. }) => {
            let fatal = LogLine::free(LogSeverity::Fatal, "  FLAG.GLB is locked open.");
            let lines = [message(91, "another program"), fatal];
            return Err(refuse(tree, options, info, &lines, error));
        }
        held => held?,
    };
    let planned = match plan_queue(tree.view(), options, &[], progress) {
        Err(error @ (ImportError::ResyncRefused(_) | ImportError::ResyncDamaged(_))) => {
            let lines = [message(14, ""), LogLine::status(error.to_string())];
            return Err(refuse(tree, options, info, &lines, error));
        }
        planned => planned,
    };
    let QueuePlan { plan, imported } = planned?;
    let counts = imported.counts;
    let info = CommitInfo {
        counts: vec![
            ("records", imported.records),
            ("added", counts.added),
            ("deleted", counts.deleted),
            ("modified", counts.modified),
            ("failed", counts.failed),
        ],
        ..info.clone()
    };
    // The commit holds it itself.
    drop(flag);
    let committed = tree.commit(&plan, &info)?;
    Ok((imported, committed))
}

/// Holds FLAG.GLB, as ADMIN, IMPORT and EXTERNAL do among each other (Q131670). A missing file is
/// held by nobody; the commit makes it.
fn hold_flag(view: &TreeView, wait: Duration) -> Result<Option<Box<dyn LockGuard>>, ImportError> {
    let path = view.path(FLAG)?;
    match acquire(
        view.disk().as_ref(),
        &path,
        LockKind::Exclusive,
        wait,
        false,
    ) {
        Err(TreeError::Busy { tree, .. }) => Err(ImportError::DatabaseLocked { tree }),
        other => Ok(other?),
    }
}

/// Nothing is imported, and the log says why; everything else stays as it is.
fn refuse(
    tree: &mut TreeMut,
    options: &QueueOptions,
    info: &CommitInfo,
    why: &[LogLine],
    error: ImportError,
) -> ImportError {
    let mut lines = vec![log::import_banner()];
    lines.extend_from_slice(why);
    lines.push(log::import_finished());
    let mut edit = Edit::new(tree.view());
    let plan = log::append(&mut edit, options.now, &lines).and_then(|()| edit.finish());
    match plan.and_then(|plan| tree.commit(&plan, info)) {
        Ok(_) => error,
        Err(failed) => failed.into(),
    }
}

/// Which records of a queue are not applied.
#[derive(Debug, Clone, Copy, Default)]
struct Skip {
    /// Those numbered from 1 up to this one.
    above: u32,
    /// Those without a number: list parts that RESYNC.GLB replaces.
    unnumbered: bool,
}

impl Skip {
    fn skips(self, sync: u32) -> bool {
        match sync {
            0 => self.unnumbered,
            sync => sync <= self.above,
        }
    }
}

/// One run over the queues.
struct Run<'a> {
    imported: &'a mut Imported,
    apply: Apply,
    /// Bytes for BADTRANS.GLB.
    aside: Vec<u8>,
    progress: &'a dyn Progress,
}

impl Run<'_> {
    fn queue<S: RecordSource<Error = TreeError>>(
        &mut self,
        edit: &mut Edit<'_>,
        mut reader: Reader<S>,
        file: &str,
        part: Part,
        skip: Skip,
    ) -> Result<(), ImportError> {
        let mut number = 0;
        let mut told = 0;
        loop {
            let from = reader.offset();
            let Some(item) = reader.next_item() else {
                return Ok(());
            };
            number += 1;
            match item? {
                Item::Damage(damage) => {
                    self.imported.damaged += 1;
                    let mut line = message(40, format!("{}: {}", name(file), damage.error));
                    line.severity = LogSeverity::Warning;
                    let at = Origin {
                        file,
                        record: number,
                        offset: damage.offset,
                    };
                    self.apply.say(line, at);
                    let keep = damage.len_bytes.min(ASIDE_PIECE);
                    keep_bytes(edit.view(), file, damage.offset, keep, &mut self.aside)?;
                }
                Item::Record { offset, record } => {
                    self.imported.records += 1;
                    let at = Origin {
                        file,
                        record: number,
                        offset,
                    };
                    let old = skip.skips(record.head.sync);
                    self.imported.covered += u64::from(old && skip.unnumbered);
                    if !old && !self.record(edit, &record, part, at)? {
                        record.encode_into(&mut self.aside).unwrap_or(());
                    }
                }
            }
            told += reader.offset().saturating_sub(from);
            if told > 64 * 1024 {
                self.progress.advance(told);
                told = 0;
                if self.progress.stop_requested() {
                    return Err(ImportError::Interrupted);
                }
            }
        }
    }

    /// Applies one record; `false` when it cannot be read.
    fn record(
        &mut self,
        edit: &mut Edit<'_>,
        record: &Record<'_>,
        part: Part,
        at: Origin<'_>,
    ) -> Result<bool, ImportError> {
        if record.is_dummy() || record.head.kind == Kind::ResyncHeader {
            return Ok(true);
        }
        if record.head.kind != Kind::Transaction {
            let kind = format!("record of kind {}", record.head.kind.byte());
            self.apply.fail(message(13, kind), at);
            return Ok(false);
        }
        match Transaction::parse(record.text) {
            Ok(transaction) => {
                self.apply.take(edit, &transaction, part, at)?;
                Ok(transaction.check().is_ok())
            }
            Err(fault) => {
                let line = message(fault.fault.number(), format!("line {}", fault.line));
                self.apply.fail(line, at);
                Ok(false)
            }
        }
    }
}

fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Keeps the bytes of a damaged stretch of a queue; those of incoming mail stay in the mail.
fn keep_bytes(
    view: &TreeView,
    file: &str,
    offset: u64,
    len: u64,
    aside: &mut Vec<u8>,
) -> Result<(), ImportError> {
    let keeps = file == REQTRANS || QUEUES.iter().any(|(path, _)| *path == file);
    if aside.len() >= ASIDE_LEN_LIMIT || !keeps {
        return Ok(());
    }
    if let Some(file) = view.open_file(file)? {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let n = file.read_at(&mut bytes, offset)?;
        aside.extend_from_slice(&bytes[..n]);
    }
    Ok(())
}

/// Puts what could not be read behind what earlier runs kept.
pub(crate) fn keep_aside(edit: &mut Edit<'_>, aside: &[u8]) -> Result<(), ImportError> {
    if aside.is_empty() {
        return Ok(());
    }
    let mut bytes = edit.read(BADTRANS)?.unwrap_or_default().to_vec();
    bytes.extend_from_slice(aside);
    if bytes.len() > ASIDE_LEN_LIMIT {
        bytes.drain(..bytes.len() - ASIDE_LEN_LIMIT / 2);
    }
    edit.write(BADTRANS, bytes)?;
    Ok(())
}

fn reqconf(edit: &mut Edit<'_>) -> Result<ReqConfRecord, ImportError> {
    let bytes = edit.read(REQCONF)?.ok_or_else(|| ImportError::Missing {
        file: REQCONF.into(),
        why: "[ 52] Error accessing configuration information",
    })?;
    ReqConfRecord::decode(bytes).map_err(|error| ImportError::Damaged {
        file: REQCONF.into(),
        error,
    })
}

fn apply(
    edit: &mut Edit<'_>,
    conf: &ReqConfRecord,
    options: &QueueOptions,
) -> Result<Apply, ImportError> {
    let places = Places::read(edit.view())?;
    let is_server = match edit.read(MASTER)? {
        Some(bytes) => MasterRecord::decode(bytes)
            .is_ok_and(|master| master.has_magic() && master.dirsync_server == 1),
        None => false,
    };
    let server = Server::of(Some(conf), places.own, is_server);
    let create = options
        .create_postoffices
        .unwrap_or_else(|| conf.has(req_options::CREATE_POSTOFFICES));
    let apply = ApplyOptions {
        create_postoffices: create,
        templates: conf.has(req_options::RECEIVE_TEMPLATES),
        verbose: options.verbose,
        allow_deletes: options.allow_deletes.clone(),
        now: options.now,
    };
    Apply::new(edit, apply, places, server)
}

/// DEC-106: ours is removed, because we hold the lock of the tree, so its owner is dead; anybody
/// else's is message 45.
fn sort_lock(
    edit: &mut Edit<'_>,
    options: &QueueOptions,
    notes: &mut Vec<LogLine>,
) -> Result<(), ImportError> {
    if edit.view().stat(SORTLOCK)?.is_none() {
        return Ok(());
    }
    let ours = edit
        .view()
        .read(SORTLOCK, 4096)
        .ok()
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| Holder::from_note(&text));
    if ours.is_none() && !options.break_lock {
        return Err(ImportError::SortLock);
    }
    edit.remove(SORTLOCK)?;
    notes.push(LogLine::status(match ours {
        Some(holder) => format!("SORTLOCK.GLB removed, {}", holder.sentence()),
        None => "SORTLOCK.GLB of another program removed".to_owned(),
    }));
    Ok(())
}

/// Pointers back to −1, work files away.
fn tidy(
    edit: &mut Edit<'_>,
    conf: &mut ReqConfRecord,
    notes: &mut Vec<LogLine>,
) -> Result<(), ImportError> {
    // Whatever the address list wrote into it stays.
    *conf = reqconf(edit)?;
    let before = conf.clone();
    conf.clear_pointers();
    if *conf != before {
        notes.push(LogLine::status(
            "Queue pointers of an interrupted import reset",
        ));
        edit.write(REQCONF, conf.encode())?;
    }
    let mut found: Vec<String> = Vec::new();
    for path in WORK_FILES {
        if edit.view().stat(path)?.is_some() {
            found.push(path.to_owned());
        }
    }
    let glb = edit.view().path("GLB")?;
    edit.view().list_on_disk(&glb, &mut |entry| {
        if let EntryName::Plain(name) = &entry.name
            && is_sort_file(name)
        {
            found.push(format!("GLB/{name}"));
        }
        ControlFlow::Continue(())
    })?;
    found.sort();
    for path in found {
        edit.remove(&path)?;
        notes.push(LogLine::status(format!(
            "{} of an interrupted import removed",
            name(&path)
        )));
    }
    Ok(())
}

/// `SORTnnnn.GLB`, also seen without extension.
fn is_sort_file(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let stem = upper.strip_suffix(".GLB").unwrap_or(&upper);
    stem.strip_prefix("SORT").is_some_and(|digits| {
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests;
