//! `glb-import file`: the transactions of an import file into the lists of a postoffice, or into its
//! waiting transactions (`--to-dirsync`), in one commit.
//!
//! The file is read piece by piece and each transaction is applied as soon as it is complete, so
//! memory holds the lists that change and one transaction. What is wrong is a numbered message with
//! its line; everything else is done (Q104687). A fault never turns into a change.

pub mod options;

use std::io::Read;

use crate::core::base::address::{Scope, TypeCase};
use crate::core::base::logline::{LogEntry, LogSeverity};
use crate::core::base::transaction::Form;
use crate::core::base::{CodePage, Transaction, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::import_text::{ImportOptions, ImportReader, Item, Placed, Tally};
use crate::core::format::master::MasterRecord;
use crate::core::format::reqconf::{ReqConfRecord, req_options};
use crate::core::protocol::guard::Ceilings;
use crate::core::protocol::log::LogLine;
use crate::postoffice::Edit;
use crate::postoffice::lists::own_name;
use crate::postoffice::lists::waiting::Waiting;
use crate::progress::Progress;
use crate::tree::journal::{CommitInfo, Committed, Plan};
use crate::tree::{TreeMut, TreeView};

use super::apply::{Applied, Apply, ApplyOptions, Counts, FileRules, ListChange, Origin};
use super::autocreate::Server;
use super::error::ImportError;
use super::log::{self, message};
use super::places::Places;
use super::problem::{Problem, Problems};
use super::rebuild::require_space;

/// Where the transactions that failed are put (`-l` without a name, Q102926).
pub const FAILURE_LOG: &str = "LOG/IMPORT.LOG";
/// At most this much of what failed is kept.
pub const FAILED_LEN_LIMIT: usize = 4 << 20;
const REQCONF: &str = "GLB/REQCONF.GLB";
const MASTER: &str = "GLB/MASTER.GLB";
/// Bytes of the file that are read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// How to import a file.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// What the file is called in messages.
    pub name: String,
    /// Its length in bytes, when it is known: for progress and the look at free space.
    pub len_bytes: Option<u64>,
    /// How to read it.
    pub text: ImportOptions,
    /// Into REQTRANS instead of the lists (`-e`).
    pub to_dirsync: bool,
    /// Create unknown postoffices (`-c`).
    pub create_postoffices: bool,
    /// Take templates and template data (`-t`).
    pub templates: bool,
    /// Only these lists (`-g`); a type without place stands for all of the type. Empty: all.
    pub only: Vec<Scope>,
    /// What only a file may do.
    pub rules: FileRules,
    /// Append what failed to LOG/IMPORT.LOG (`-l`).
    pub failure_log: bool,
    /// Ceilings of the bulk-delete guard.
    pub allow_deletes: Ceilings,
    /// The one time of this run.
    pub now: UnixTime,
}

impl FileOptions {
    /// The usual ones, as of `now`.
    #[must_use]
    pub fn at(now: UnixTime, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            len_bytes: None,
            text: ImportOptions::default(),
            to_dirsync: false,
            create_postoffices: false,
            templates: false,
            only: Vec::new(),
            rules: FileRules::default(),
            failure_log: false,
            allow_deletes: Ceilings::default(),
            now,
        }
    }

    fn wants(&self, transaction: &Transaction) -> bool {
        let fits = |scope: &Scope| {
            self.only.iter().any(|only| {
                only.kind == scope.kind && (only.node.is_none() || only.node == scope.node)
            })
        };
        self.only.is_empty() || transaction.scope().as_ref().is_none_or(fits)
    }
}

/// What the import of a file found and did.
#[derive(Debug, Default)]
pub struct FileImported {
    /// Lines, comments, faults of the file.
    pub tally: Tally,
    /// What the transactions did to lists.
    pub counts: Counts,
    /// Transactions that `--only` left out.
    pub not_wanted: u64,
    /// Transactions put into REQTRANS.
    pub enqueued: u64,
    /// The lists that were named.
    pub lists: Vec<ListChange>,
    /// Numbered messages; `record` is the line.
    pub problems: Problems,
    /// What failed, each with its message as a comment: can be corrected and imported (Q117260).
    pub failed: Vec<u8>,
    /// Whether anything would be or was written.
    pub changed: bool,
}

/// The plan of the one commit, and what it means.
#[derive(Debug)]
pub struct FilePlan {
    /// Empty when nothing is to be done.
    pub plan: Plan,
    /// What it means.
    pub imported: FileImported,
}

/// Where transactions go.
enum Sink {
    Lists(Box<Apply>),
    Waiting(Box<Enqueue>),
}

/// `--to-dirsync`.
struct Enqueue {
    waiting: Waiting,
    problems: Problems,
    own: Scope,
    /// Names of other postoffices came.
    others: bool,
    /// Message 73 was said.
    said: bool,
}

/// Prepares the import of a file. Reads only.
///
/// # Errors
/// [`ImportError::Held`] with figures, what autocreate needs, too little space, a disk error,
/// [`ImportError::Input`] when the file cannot be read. Nothing is changed.
pub fn plan_file(
    view: &TreeView,
    file: &mut dyn Read,
    options: &FileOptions,
    progress: &dyn Progress,
) -> Result<FilePlan, ImportError> {
    if let Some(len) = options.len_bytes {
        require_space(view, len)?;
    }
    let mut edit = Edit::new(view);
    let sink = if options.to_dirsync {
        let own = own_name(&mut edit)?;
        let waiting = Waiting::open(&mut edit, own, options.now)?;
        Sink::Waiting(Box::new(Enqueue {
            waiting,
            problems: Problems::default(),
            own: Scope::pcm(own),
            others: false,
            said: false,
        }))
    } else {
        Sink::Lists(Box::new(apply(&mut edit, options)?))
    };
    let mut run = Run {
        options,
        sink,
        imported: FileImported::default(),
        error: None,
        clock: Clock::of(view, options.now),
    };
    progress.start("importing the file", options.len_bytes);
    let mut reader = ImportReader::new(options.text);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let n = file.read(&mut piece).map_err(|error| ImportError::Input {
            file: options.name.clone(),
            error,
        })?;
        if n == 0 {
            break;
        }
        reader.feed(&piece[..n], &mut |item| run.item(&mut edit, item));
        if let Some(error) = run.error.take() {
            return Err(error);
        }
        progress.advance(n as u64);
        if progress.stop_requested() {
            return Err(ImportError::Interrupted);
        }
    }
    run.imported.tally = reader.finish(&mut |item| run.item(&mut edit, item));
    if let Some(error) = run.error.take() {
        return Err(error);
    }
    let imported = run.finish(&mut edit)?;
    progress.finish();
    plan_of(edit, imported, options)
}

/// The last of it: logs, and the plan.
fn plan_of(
    mut edit: Edit<'_>,
    mut imported: FileImported,
    options: &FileOptions,
) -> Result<FilePlan, ImportError> {
    if options.failure_log && !options.to_dirsync && !imported.failed.is_empty() {
        log::append_bytes(&mut edit, FAILURE_LOG, &imported.failed)?;
    }
    let done = imported.enqueued > 0
        || imported.lists.iter().any(|list| list.changed)
        || imported.counts.added
            + imported.counts.deleted
            + imported.counts.modified
            + imported.counts.created
            + imported.counts.copies
            > 0;
    if done || imported.problems.serious() > 0 {
        let mut lines = vec![log::import_banner()];
        lines.extend(imported.problems.kept().iter().map(log_line));
        let more = imported.problems.total() - imported.problems.kept().len() as u64;
        if more > 0 {
            let text = format!("{more} more messages");
            lines.push(LogLine::free(LogSeverity::Warning, text));
        }
        lines.push(log::import_finished());
        log::append(&mut edit, options.now, &lines)?;
    }
    let plan = edit.finish()?;
    imported.changed = !plan.is_empty();
    Ok(FilePlan { plan, imported })
}

/// `Error [ 29] Alias does not exist Fser Number 3 (3)`: the number in brackets is the line
/// (Q117260).
fn log_line(problem: &Problem) -> LogLine {
    let mut line = problem.line.clone();
    if let Some(at) = problem.record {
        line.text.push_str(&format!(" ({at})"));
    }
    line
}

/// Imports a file in one commit.
///
/// # Errors
/// As [`plan_file`], and those of the commit: then everything is as it was, and the same call does
/// the work once the cause is removed.
pub fn run_file(
    tree: &mut TreeMut,
    file: &mut dyn Read,
    options: &FileOptions,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(FileImported, Option<Committed>), ImportError> {
    let FilePlan { plan, imported } = plan_file(tree.view(), file, options, progress)?;
    let counts = imported.counts;
    let info = CommitInfo {
        counts: vec![
            ("transactions", imported.tally.transactions),
            ("enqueued", imported.enqueued),
            ("added", counts.added),
            ("deleted", counts.deleted),
            ("modified", counts.modified),
            ("failed", counts.failed + imported.tally.left_out),
        ],
        ..info.clone()
    };
    let committed = tree.commit(&plan, &info)?;
    Ok((imported, committed))
}

fn apply(edit: &mut Edit<'_>, options: &FileOptions) -> Result<Apply, ImportError> {
    let places = Places::read(edit.view())?;
    let master = edit.read(MASTER)?.map(MasterRecord::decode);
    let is_server =
        matches!(master, Some(Ok(master)) if master.has_magic() && master.dirsync_server == 1);
    let conf = edit.read(REQCONF)?.map(ReqConfRecord::decode);
    let conf = conf.and_then(Result::ok).filter(ReqConfRecord::has_magic);
    let server = Server::of(conf.as_ref(), places.own, is_server);
    let apply = ApplyOptions {
        create_postoffices: options.create_postoffices,
        templates: options.templates,
        verbose: true,
        allow_deletes: options.allow_deletes.clone(),
        now: options.now,
    };
    Ok(Apply::new(edit, apply, places, server)?.with_file_rules(options.rules))
}

/// The stamp of the lines in front of what failed.
struct Clock(jiff::civil::DateTime);

impl Clock {
    fn of(view: &TreeView, now: UnixTime) -> Self {
        let zone = crate::postoffice::clock::TreeClock::of(view, None);
        Self(now.zoned(zone.zone()).datetime())
    }
}

/// One run over the file.
struct Run<'a> {
    options: &'a FileOptions,
    sink: Sink,
    imported: FileImported,
    /// What stops the import.
    error: Option<ImportError>,
    clock: Clock,
}

impl Run<'_> {
    fn item(&mut self, edit: &mut Edit<'_>, item: Item) {
        if self.error.is_some() {
            return;
        }
        match item {
            Item::Transaction(placed) => {
                if let Err(error) = self.transaction(edit, &placed) {
                    self.error = Some(error);
                }
            }
            Item::Fault(fault) => {
                let about = if fault.about.is_empty() {
                    format!("(column {})", fault.column)
                } else {
                    format!("(column {}): {}", fault.column, fault.about)
                };
                self.say(
                    message(fault.fault.number(), about),
                    fault.line,
                    fault.offset,
                );
            }
            Item::Note(note) => {
                let text = format!("column {}: {}", note.column, note.what);
                let line = LogLine::free(LogSeverity::Warning, text);
                self.say(line, note.line, note.offset);
            }
        }
    }

    fn say(&mut self, line: LogLine, record: u64, offset: u64) {
        let at = Origin {
            file: &self.options.name,
            record,
            offset,
        };
        match &mut self.sink {
            Sink::Lists(apply) => apply.say_of_file(line, at),
            Sink::Waiting(enqueue) => enqueue.problems.at(line, at.file, at.record, at.offset),
        }
    }

    fn transaction(&mut self, edit: &mut Edit<'_>, placed: &Placed) -> Result<(), ImportError> {
        let at = Origin {
            file: &self.options.name,
            record: placed.line,
            offset: placed.offset,
        };
        match &mut self.sink {
            Sink::Waiting(enqueue) => {
                if enqueue.take(&placed.transaction, at)? {
                    self.imported.enqueued += 1;
                }
            }
            Sink::Lists(apply) => {
                if !self.options.wants(&placed.transaction) {
                    self.imported.not_wanted += 1;
                    return Ok(());
                }
                let before = apply.problems().kept().len();
                if !apply.take_from_file(edit, &placed.transaction, at)? {
                    let said = apply.problems().kept().get(before..).unwrap_or_default();
                    keep_failed(&mut self.imported.failed, &self.clock, said, placed);
                }
            }
        }
        Ok(())
    }

    fn finish(self, edit: &mut Edit<'_>) -> Result<FileImported, ImportError> {
        let mut imported = self.imported;
        match self.sink {
            Sink::Waiting(enqueue) => {
                let Enqueue {
                    waiting,
                    mut problems,
                    others,
                    ..
                } = *enqueue;
                if others {
                    problems.file(
                        LogLine::status(
                            "names of other postoffices were enqueued: for everybody else they now come from here (Q155727)",
                        ),
                        self.options.name.as_str(),
                    );
                }
                if let Some(warning) = waiting.warning() {
                    problems.file(
                        LogLine::free(LogSeverity::Warning, warning),
                        "GLB/REQTRANS.GLB",
                    );
                }
                waiting.save(edit)?;
                imported.problems = problems;
            }
            Sink::Lists(apply) => {
                let Applied {
                    counts,
                    lists,
                    problems,
                } = apply.finish_file(edit)?;
                let changed = lists.iter().any(|list| list.changed);
                if changed || counts.created > 0 || counts.copies > 0 {
                    edit.lists_changed();
                }
                imported.counts = counts;
                imported.lists = lists;
                imported.problems = problems;
            }
        }
        Ok(imported)
    }
}

impl Enqueue {
    /// Puts a transaction at the end of REQTRANS, with the types as the file spells them (DEC-022);
    /// whether it was.
    fn take(&mut self, transaction: &Transaction, at: Origin<'_>) -> Result<bool, ImportError> {
        let mut say = |line: LogLine| {
            self.problems.at(line, at.file, at.record, at.offset);
        };
        let options = match transaction {
            Transaction::Add { options, .. } | Transaction::Modify { options, .. } => options,
            _ => &Vec::new(),
        };
        if !options.is_empty() {
            // Options of local users mean nothing to anybody else.
            say(message(82, about(transaction)));
            return Ok(false);
        }
        if transaction.scope() != Some(self.own) {
            self.others = true;
        }
        let templates = self.waiting.conf().has(req_options::SEND_TEMPLATES);
        let has_data =
            !transaction.info().is_empty() || matches!(transaction, Transaction::Template { .. });
        if has_data && !templates && !self.said {
            self.said = true;
            say(message(73, about(transaction)));
        }
        Ok(self
            .waiting
            .push_with(transaction, TypeCase::Spelled)?
            .is_some())
    }
}

fn about(transaction: &Transaction) -> String {
    match (transaction.entry(), transaction.scope()) {
        (Some(entry), _) => entry.alias.to_string(),
        (None, Some(scope)) => scope.to_string(),
        (None, None) => String::new(),
    }
}

/// A failed transaction behind its messages as comments (imp R-IMP-044).
fn keep_failed(failed: &mut Vec<u8>, clock: &Clock, said: &[Problem], placed: &Placed) {
    if failed.len() >= FAILED_LEN_LIMIT {
        return;
    }
    for problem in said {
        let entry: LogEntry = log_line(problem).at(clock.0);
        let line = format!("#{}", entry.text_line());
        failed.extend_from_slice(&CodePage::Cp850.encode_lossy(&line).bytes);
        failed.extend_from_slice(b"\r\n");
    }
    for line in placed.transaction.lines(Form::Columns, TypeCase::Spelled) {
        failed.extend_from_slice(&line);
        failed.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests;
