//! One step at one tree: what is asked, what is answered, and the work in this process.
//!
//! Whoever works on many trees asks a [`Worker`]: [`Here`] does the work in this process (one tree,
//! dry runs, tests), [`super::child::Children`] in a child for each question, because a tree may
//! stand on a disk that does not answer any more (design 4.5).

use std::path::Path;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::base::UnixTime;
use crate::core::base::codepage::escape_for_terminal;
use crate::core::protocol::guard::Ceilings;
use crate::core::protocol::numbers::Numbers;
use crate::import::Held;
use crate::progress::Progress;
use crate::transport::far::{Failure, FailureClass, FarError, Problem};
use crate::tree::discover::{Limits, discover};
use crate::tree::disk::Disk;
use crate::tree::disk::real::RealDisk;
use crate::tree::lock::Holder;
use crate::tree::{Domain, DomainKind, OpenOptions, TreeMut, TreeView};

use crate::exchange::domain_of;
use crate::exchange::interchange::{self, Interchanged, Work};

use super::dispatch::table::{self, Change, Entries, Polled};
use super::site::{Found, Member, Search};
use super::status::PostofficeStatus;
use super::{CycleError, Said, StepOptions, t1, t2, t3};

pub(crate) const POSTOFFICE: Domain = Domain {
    kind: DomainKind::Postoffice,
};

/// A step of the cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The requestor sends.
    T1,
    /// The server takes and answers.
    T2,
    /// The requestor applies.
    T3,
}

impl Step {
    /// `T1`, `T2`, `T3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::T1 => "T1",
            Self::T2 => "T2",
            Self::T3 => "T3",
        }
    }
}

/// How a step is made, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskOptions {
    /// The clock for data, seconds since 1970 UTC.
    pub now: u32,
    /// The user of the operating system.
    pub user: String,
    /// `--allow-deletes`, each as it was typed.
    pub allow_deletes: Vec<String>,
    /// Rebuild at T3.
    pub rebuild: bool,
    /// T2: `--auto-import`.
    pub auto_import: bool,
    /// T2: `--trust-replace`.
    pub trust_replace: bool,
    /// `--break-lock`.
    pub break_lock: bool,
    /// How the interchange of an Exchange server works.
    #[serde(default)]
    pub interchange: interchange::Options,
}

impl AskOptions {
    /// The usual ones.
    #[must_use]
    pub fn new(now: UnixTime, user: impl Into<String>) -> Self {
        Self {
            now: now.0,
            user: user.into(),
            allow_deletes: Vec::new(),
            rebuild: true,
            auto_import: false,
            trust_replace: false,
            break_lock: false,
            interchange: interchange::Options::default(),
        }
    }

    /// As the steps take them.
    #[must_use]
    pub fn step_options(&self) -> StepOptions {
        let mut ceilings = Ceilings::default();
        for option in &self.allow_deletes {
            // What cannot be read was refused when it was typed.
            let _ = ceilings.allow(option);
        }
        StepOptions {
            allow_deletes: ceilings,
            rebuild: self.rebuild,
            auto_import: self.auto_import,
            trust_replace: self.trust_replace,
            break_lock: self.break_lock,
            ..StepOptions::new(UnixTime(self.now), self.user.clone())
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Which trees stand at and below a directory.
    Search {
        /// The directory.
        site: String,
    },
    /// Who a postoffice is.
    Look {
        /// Its directory.
        tree: String,
        /// How long a busy tree is waited for.
        wait_ms: u64,
    },
    /// The numbers of a postoffice.
    Status {
        /// Its directory.
        tree: String,
        /// How long a busy tree is waited for.
        wait_ms: u64,
    },
    /// A step.
    Step {
        /// The directory of the postoffice.
        tree: String,
        /// How long a busy tree is waited for.
        wait_ms: u64,
        /// Which.
        step: Step,
        /// How.
        options: AskOptions,
        /// Program and sub-command, for the lock file.
        program: String,
    },
    /// Mail between the agent and the shadow postoffice of an Exchange server.
    Interchange {
        /// The server's directory.
        tree: String,
        /// How long a busy tree is waited for.
        wait_ms: u64,
        /// Time and user.
        options: AskOptions,
        /// Program and sub-command, for the lock files.
        program: String,
    },
    /// What the schedule of a postoffice says.
    Poll {
        /// Its directory.
        tree: String,
        /// How long a busy tree is waited for.
        wait_ms: u64,
        /// The time of the dispatcher, seconds since 1970.
        now: u32,
    },
    /// A step that an entry of the schedule starts: only if nobody else has moved the entry on, and
    /// then it moves on, all under one lock.
    Dispatch {
        /// The directory of the postoffice.
        tree: String,
        /// How long a busy tree is waited for.
        wait_ms: u64,
        /// The entry.
        change: Change,
        /// How.
        options: AskOptions,
        /// Program and sub-command, for the lock file.
        program: String,
    },
    /// Entries of the schedule move on, lines go to DISPATCH.LOG.
    Settle {
        /// Its directory.
        tree: String,
        /// How long a busy tree is waited for.
        wait_ms: u64,
        /// What is written.
        entries: Entries,
        /// Time and user.
        options: AskOptions,
        /// Program and sub-command, for the lock file.
        program: String,
    },
}

impl Ask {
    pub(super) fn place(&self) -> &str {
        match self {
            Self::Search { site } => site,
            Self::Look { tree, .. }
            | Self::Status { tree, .. }
            | Self::Step { tree, .. }
            | Self::Interchange { tree, .. }
            | Self::Poll { tree, .. }
            | Self::Dispatch { tree, .. }
            | Self::Settle { tree, .. } => tree,
        }
    }
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Search`].
    Searched(Search),
    /// To [`Ask::Look`].
    Looked(Member),
    /// To [`Ask::Status`].
    Status(Box<PostofficeStatus>),
    /// To [`Ask::Step`].
    Done(Box<StepOutcome>),
    /// To [`Ask::Interchange`].
    Interchanged {
        /// What moved.
        done: Interchanged,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// To [`Ask::Poll`].
    Polled(Box<Polled>),
    /// To [`Ask::Dispatch`]; `None` when somebody else has made the step.
    Dispatched {
        /// What the step did.
        outcome: Option<Box<StepOutcome>>,
    },
    /// To [`Ask::Settle`].
    Settled {
        /// Entries that moved on.
        moved: u64,
    },
    /// To any.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// q.R, q.S, q.I.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers3 {
    /// Last transaction the server has confirmed.
    pub req: u32,
    /// Last master number applied.
    pub srv: u32,
    /// Last import applied.
    pub imp: u32,
}

impl From<Numbers> for Numbers3 {
    fn from(numbers: Numbers) -> Self {
        Self {
            req: numbers.req,
            srv: numbers.srv,
            imp: numbers.imp,
        }
    }
}

/// A list that the guard holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldList {
    /// `TYPE:NET/PO`.
    pub list: String,
    /// Entries that would go.
    pub removed: u64,
    /// Entries of the list.
    pub list_len: u64,
}

impl From<&Held> for HeldList {
    fn from(held: &Held) -> Self {
        Self {
            list: held.list.clone(),
            removed: held.removal.removed,
            list_len: held.removal.list_len,
        }
    }
}

/// A reply that T2 sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The requestor, `PCM:NET/PO`.
    pub requestor: String,
    /// Transactions in it.
    pub count: u32,
    /// Its subject.
    pub subject: String,
    /// All lists were sent.
    pub import: bool,
}

/// What T2 did at the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerOutcome {
    /// Number of the cycle.
    pub cycle: u32,
    /// s.Sync before.
    pub sync_before: u32,
    /// s.Sync after.
    pub sync_after: u32,
    /// Requests taken.
    pub requests: u32,
    /// Transactions put into the master list.
    pub taken: u32,
    /// Of an agent: transactions of its own recipients among the master list's.
    pub queued: u32,
    /// Replies.
    pub replies: Vec<Reply>,
    /// Requestors that the guard holds.
    pub held_requestors: Vec<String>,
    /// Requestors that were not heard in this cycle.
    pub silent: Vec<String>,
    /// Entries that left the master list.
    pub purged: u64,
}

/// What a step did at a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// There was something to do: the postoffice has a server, or is one.
    pub acted: bool,
    /// The requestor's numbers before.
    pub before: Numbers3,
    /// The requestor's numbers after.
    pub after: Numbers3,
    /// T1: transactions in the request.
    pub sent: Option<u32>,
    /// T3: entries received.
    pub received: Option<u32>,
    /// T3: entries of the Global Address List; `None` when it was not made.
    pub gal_entries: Option<u64>,
    /// T3 of an agent: recipients afterwards.
    pub recipients: Option<u64>,
    /// T2.
    pub server: Option<ServerOutcome>,
    /// What the guard holds.
    pub held: Vec<HeldList>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The lines of the log.
    pub log: Vec<String>,
    /// Commits made.
    pub commits: u64,
}

impl StepOutcome {
    fn hear(&mut self, said: &Said) {
        self.held = said.held.iter().map(HeldList::from).collect();
        self.problems = said.problems().into_iter().map(Problem::from).collect();
        self.log = said
            .lines
            .iter()
            .map(|line| escape_for_terminal(&line.text).into_owned())
            .collect();
        self.commits = said.commits;
    }
}

/// A tree that somebody else holds when a step is to be made: the articles have numbers for it, 151
/// for the requestor's half and 161 for the server's (Q96004).
pub(super) fn numbered(step: Step, mut failure: Failure) -> Failure {
    if failure.class == FailureClass::Busy {
        let busy = match step {
            Step::T1 | Step::T3 => "[151] Requestor configuration busy",
            Step::T2 => "[161] Server configuration busy",
        };
        failure.message = format!("{busy}: {}", failure.message);
    }
    failure
}

/// Makes a step at an open tree.
///
/// # Errors
/// See [`CycleError`].
pub fn perform(
    tree: &mut TreeMut,
    step: Step,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<StepOutcome, CycleError> {
    let mut outcome = StepOutcome::default();
    match step {
        Step::T1 => {
            let report = t1::t1(tree, options)?;
            outcome.acted = report.registered;
            outcome.before = report.numbers.into();
            outcome.after = outcome.before;
            outcome.sent = report.sent;
            outcome.hear(&report.said);
        }
        Step::T2 => {
            let report = t2::t2(tree, options, progress)?;
            outcome.acted = true;
            outcome.hear(&report.said);
            outcome.server = Some(ServerOutcome {
                cycle: report.cycle,
                sync_before: report.sync_before,
                sync_after: report.sync_after,
                requests: report.requests,
                taken: report.taken,
                queued: report.queued,
                replies: report
                    .answered
                    .into_iter()
                    .map(|answered| Reply {
                        requestor: answered.party,
                        count: answered.count,
                        subject: answered.subject,
                        import: answered.import,
                    })
                    .collect(),
                held_requestors: report.held_requestors,
                silent: report.silent,
                purged: report.purged,
            });
        }
        Step::T3 => {
            let report = t3::t3(tree, options, progress)?;
            outcome.acted = report.registered;
            outcome.before = report.before.into();
            outcome.after = report.after.into();
            outcome.received = (report.registered && !report.held).then_some(report.received);
            outcome.gal_entries = report.rebuilt.as_ref().map(|rebuilt| rebuilt.entries);
            outcome.recipients = report.recipients;
            outcome.hear(&report.said);
        }
    }
    Ok(outcome)
}

/// Somebody who works on trees.
pub trait Worker {
    /// Asks and waits, as long as there are signs of life.
    ///
    /// # Errors
    /// See [`FarError`].
    fn ask(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, FarError>;

    /// Asks questions that do not depend on each other; the answers in their order. Every answer
    /// is one unit of `progress`. One after another, unless the worker has something to gain.
    fn ask_each(&self, asks: &[Ask], progress: &dyn Progress) -> Vec<Result<Answer, FarError>> {
        let one = |ask| {
            let answer = self.ask(ask, progress);
            progress.advance(1);
            answer
        };
        asks.iter().map(one).collect()
    }
}

/// Opens the disk of a tree.
pub type OpenDisk<'a> = dyn Fn(&str) -> Result<Arc<dyn Disk>, Failure> + 'a;

/// The directory of a tree on the real file system.
///
/// # Errors
/// It cannot be opened.
pub fn real_disk(path: &str) -> Result<Arc<dyn Disk>, Failure> {
    match RealDisk::open(Path::new(path)) {
        Ok(disk) => Ok(Arc::new(disk)),
        Err(error) => Err(Failure {
            class: FailureClass::Data,
            message: format!("{path}: {error}"),
            hint: Some("check that the tree is where it was, and its rights".to_owned()),
            last: false,
            full: false,
        }),
    }
}

/// Works in this process.
pub struct Here<'a> {
    /// How disks are opened.
    pub open: &'a OpenDisk<'a>,
}

fn open_options(wait_ms: u64, program: &str, now: u32) -> OpenOptions {
    let since = UnixTime(now).timestamp().to_string();
    OpenOptions {
        wait: Duration::from_millis(wait_ms),
        holder: Holder {
            program: program.to_owned(),
            pid: process::id(),
            since,
            ..Holder::default()
        },
    }
}

impl Here<'_> {
    fn view(&self, tree: &str, wait_ms: u64) -> Result<TreeView, Failure> {
        let options = open_options(wait_ms, "", 0);
        let disk = (self.open)(tree)?;
        let domain = domain_of(disk.as_ref()).map_err(|e| Failure::from(&e))?;
        TreeView::open(disk, domain, &options).map_err(|e| Failure::from(&e))
    }

    fn interchange(
        &self,
        tree: &str,
        open: &OpenOptions,
        options: &AskOptions,
    ) -> Result<Answer, Failure> {
        let disk = (self.open)(tree)?;
        let work = Work {
            open,
            now: UnixTime(options.now),
            user: &options.user,
            options: options.interchange,
            limits: interchange::Limits::default(),
        };
        let mut problems: Vec<Problem> = Vec::new();
        let done = interchange::run(&disk, &work, &mut |finding| {
            let problem = Problem::from(finding);
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        })
        .map_err(|error| Failure::from(&error))?;
        Ok(Answer::Interchanged { done, problems })
    }

    fn open_for(&self, step: Step, tree: &str, options: &OpenOptions) -> Result<TreeMut, Failure> {
        let disk = (self.open)(tree)?;
        let domain = domain_of(disk.as_ref()).map_err(|error| Failure::from(&error))?;
        TreeMut::open(disk, domain, options).map_err(|error| numbered(step, Failure::from(&error)))
    }

    pub(super) fn answer(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, Failure> {
        match ask {
            Ask::Search { site } => {
                let found = discover(Path::new(site), &Limits::default());
                Ok(Answer::Searched(Search::of(&found)))
            }
            Ask::Look { tree, wait_ms } => {
                let view = self.view(tree, *wait_ms)?;
                Ok(Answer::Looked(Member::look(&view, tree)))
            }
            Ask::Status { tree, wait_ms } => {
                let view = self.view(tree, *wait_ms)?;
                let status = PostofficeStatus::read(&view, tree).map_err(|e| Failure::from(&e))?;
                Ok(Answer::Status(Box::new(status)))
            }
            Ask::Step {
                tree,
                wait_ms,
                step,
                options,
                program,
            } => {
                let open = open_options(*wait_ms, program, options.now);
                let mut tree = self.open_for(*step, tree, &open)?;
                let done = perform(&mut tree, *step, &options.step_options(), progress)
                    .map_err(|error| Failure::from(&error))?;
                Ok(Answer::Done(Box::new(done)))
            }
            Ask::Interchange {
                tree,
                wait_ms,
                options,
                program,
            } => {
                let open = open_options(*wait_ms, program, options.now);
                self.interchange(tree, &open, options)
            }
            Ask::Poll { tree, wait_ms, now } => {
                let view = self.view(tree, *wait_ms)?;
                let polled = table::poll(&view, tree, UnixTime(*now));
                Ok(Answer::Polled(Box::new(polled)))
            }
            Ask::Dispatch {
                tree,
                wait_ms,
                change,
                options,
                program,
            } => {
                let open = open_options(*wait_ms, program, options.now);
                let mut tree = self.open_for(change.step, tree, &open)?;
                let done = table::make(&mut tree, change, &options.step_options(), progress)
                    .map_err(|error| Failure::from(&error))?;
                let outcome = done.map(Box::new);
                Ok(Answer::Dispatched { outcome })
            }
            Ask::Settle {
                tree,
                wait_ms,
                entries,
                options,
                program,
            } => {
                let open = open_options(*wait_ms, program, options.now);
                let mut tree = TreeMut::open((self.open)(tree)?, POSTOFFICE, &open)
                    .map_err(|error| Failure::from(&error))?;
                let moved = table::settle(&mut tree, entries, &options.step_options())
                    .map_err(|error| Failure::from(&error))?;
                Ok(Answer::Settled { moved })
            }
        }
    }
}

impl Worker for Here<'_> {
    fn ask(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, FarError> {
        self.answer(ask, progress).map_err(FarError::Failed)
    }
}

impl Search {
    fn of(found: &crate::tree::discover::Discovery) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Self {
            trees: found
                .trees
                .iter()
                .map(|tree| Found {
                    path: text(&tree.path),
                    kind: tree.kind.into(),
                    found_by: tree.found_by.words().to_owned(),
                    shadow_of: tree.shadow_of.as_deref().map(text),
                    shadow: tree.shadow.as_deref().map(text),
                })
                .collect(),
            notes: found
                .notes
                .iter()
                .map(|note| (text(&note.path), note.kind.to_string()))
                .collect(),
            complete: found.is_complete(),
        }
    }
}
