//! One step at one tree, in this process or in a child with a deadline.
//!
//! A tree may stand on a disk that does not answer any more, and nothing waits for ever (design
//! 4.5). So whoever works on many trees asks a [`Worker`]: [`Here`] does the work in this process
//! (one tree, dry runs, tests), [`Children`] starts the same program once for each question, hands
//! it the [`Ask`] as a line of JSON and reads [`Told`] lines back. Progress counts as a sign of
//! life: only a child that says nothing for the whole deadline is given up. A child that is killed
//! or left alone leaves its tree as a crash would, and the next run goes on from there.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
use crate::tree::{Domain, DomainKind, ErrorClass, OpenOptions, TreeError, TreeMut, TreeView};

use super::site::{Found, Member, Search};
use super::status::PostofficeStatus;
use super::{CycleError, Said, StepOptions, t1, t2, t3};

/// The hidden sub-command of a child.
pub const CHILD_COMMAND: &str = "__step";
/// Longest line that is taken from a child, in bytes.
const LINE_LIMIT: u64 = 64 << 20;
/// A sign of life is given at most this often.
const BEAT: Duration = Duration::from_millis(100);

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
}

impl Ask {
    fn place(&self) -> &str {
        match self {
            Self::Search { site } => site,
            Self::Look { tree, .. } | Self::Status { tree, .. } | Self::Step { tree, .. } => tree,
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
    /// To any.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// A line of a child.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Start { what: String, total: Option<u64> },
    Advance(u64),
    Message(String),
    Answer(Box<Answer>),
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

/// A failure of a step as it travels.
#[must_use]
pub fn failure(error: &CycleError) -> Failure {
    Failure {
        class: class(error.class()),
        message: error.to_string(),
        hint: error.hint().map(str::to_owned),
        last: error.is_last(),
    }
}

pub(crate) fn class(class: ErrorClass) -> FailureClass {
    match class {
        ErrorClass::Refused => FailureClass::Refused,
        ErrorClass::Busy => FailureClass::Busy,
        ErrorClass::Data => FailureClass::Data,
    }
}

pub(crate) fn tree_failure(error: &TreeError) -> Failure {
    Failure {
        class: class(error.class()),
        message: error.to_string(),
        hint: error.hint().map(str::to_owned),
        last: false,
    }
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
        TreeView::open((self.open)(tree)?, POSTOFFICE, &options).map_err(|e| tree_failure(&e))
    }

    fn answer(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, Failure> {
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
                let status = PostofficeStatus::read(&view, tree).map_err(|e| failure(&e))?;
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
                let mut tree = TreeMut::open((self.open)(tree)?, POSTOFFICE, &open)
                    .map_err(|error| tree_failure(&error))?;
                let done = perform(&mut tree, *step, &options.step_options(), progress)
                    .map_err(|error| failure(&error))?;
                Ok(Answer::Done(Box::new(done)))
            }
        }
    }
}

impl Worker for Here<'_> {
    fn ask(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, FarError> {
        self.answer(ask, progress).map_err(FarError::Failed)
    }
}

/// Works in children of one program.
#[derive(Debug, Clone)]
pub struct Children {
    /// The program; it must call [`run_if_child`].
    pub program: PathBuf,
    /// Longest time without a sign of life.
    pub deadline: Duration,
}

impl Children {
    /// Children of the program that runs now.
    ///
    /// # Errors
    /// The system does not say which program that is.
    pub fn this_program(deadline: Duration) -> std::io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            deadline,
        })
    }
}

fn ended(error: impl ToString) -> FarError {
    FarError::Ended(error.to_string())
}

impl Worker for Children {
    fn ask(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, FarError> {
        let mut line = serde_json::to_vec(ask).map_err(ended)?;
        line.push(b'\n');
        let mut command = Command::new(&self.program);
        command
            .arg(CHILD_COMMAND)
            // Seen in a list of processes; not read.
            .arg(ask.place())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A child that is left behind must not keep the terminal or a pipe of ours open.
            .stderr(Stdio::null());
        // Ctrl-C is for the parent, which ends its children in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(ended)?;
        let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ended("it has no pipes"));
        };
        // One line fits into a pipe's buffer or is read at once by the child.
        let written = to.write_all(&line).and_then(|()| to.flush());
        let (tell, told) = channel();
        std::thread::Builder::new()
            .name("step".to_owned())
            .spawn(move || {
                let mut from = BufReader::new(from);
                loop {
                    let mut line = Vec::new();
                    let read = (&mut from).take(LINE_LIMIT).read_until(b'\n', &mut line);
                    let last = !matches!(read, Ok(n) if n > 0);
                    if tell.send(read.map(|_| line)).is_err() || last {
                        break;
                    }
                }
            })
            .map_err(ended)?;
        let result = written
            .map_err(ended)
            .and_then(|()| self.listen(&told, progress));
        // Our end stays open until here: a child whose parent goes ends by it.
        drop(to);
        if result.is_err() {
            let _ = child.kill();
        }
        reap(
            &mut child,
            Duration::from_secs(if result.is_ok() { 2 } else { 1 }),
        );
        result
    }
}

impl Children {
    fn listen(
        &self,
        told: &std::sync::mpsc::Receiver<std::io::Result<Vec<u8>>>,
        progress: &dyn Progress,
    ) -> Result<Answer, FarError> {
        loop {
            let line = match told.recv_timeout(self.deadline) {
                Ok(Ok(line)) if line.is_empty() => return Err(ended("it closed its output")),
                Ok(Ok(line)) => line,
                Ok(Err(error)) => return Err(ended(error)),
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = self.deadline.as_secs();
                    return Err(FarError::Silent { seconds });
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(ended("it closed its output"));
                }
            };
            let told: Told = serde_json::from_slice(&line)
                .map_err(|error| FarError::Protocol(error.to_string()))?;
            match told {
                Told::Start { what, total } => progress.start(&what, total),
                Told::Advance(n) => progress.advance(n),
                Told::Message(text) => progress.message(&text),
                Told::Answer(answer) => match *answer {
                    Answer::Failed { failure } => return Err(FarError::Failed(failure)),
                    answer => return Ok(answer),
                },
            }
        }
    }
}

/// Takes the exit status of a child, so that it does not stay as a zombie; one that cannot end (it
/// waits for a dead disk) is left behind.
fn reap(child: &mut process::Child, wait: Duration) {
    let until = Instant::now().checked_add(wait);
    while let Ok(None) = child.try_wait() {
        if until.is_none_or(|until| Instant::now() >= until) {
            let _ = child.kill();
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Answers one question over standard input and output when this process was started as a child,
/// and says how to exit; `None` when it was not. Call it first thing in `main`.
#[must_use]
pub fn run_if_child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(CHILD_COMMAND)) {
        return None;
    }
    Some(match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(5),
    })
}

fn serve() -> std::io::Result<()> {
    // A tree's lock must not outlive the one who wanted it.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(LINE_LIMIT)
        .read_line(&mut line)?;
    let ask: Ask = serde_json::from_str(&line)?;
    let beats = Beats::default();
    let answer = Here { open: &real_disk }
        .answer(&ask, &beats)
        .unwrap_or_else(|failure| Answer::Failed { failure });
    tell(&Told::Answer(Box::new(answer)))
}

fn tell(told: &Told) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// Progress of a child: lines to its parent, not too many of them.
#[derive(Debug, Default)]
struct Beats {
    pending: Mutex<(u64, Option<Instant>)>,
}

impl Progress for Beats {
    fn start(&self, what: &str, total: Option<u64>) {
        let what = what.to_owned();
        // A parent that is gone hears nothing; the death signal or the closed pipe ends us.
        let _ = tell(&Told::Start { what, total });
    }

    fn advance(&self, n: u64) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.0 += n;
        if pending.1.is_none_or(|last| last.elapsed() >= BEAT) {
            let _ = tell(&Told::Advance(pending.0));
            *pending = (0, Some(Instant::now()));
        }
    }

    fn message(&self, text: &str) {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.1.is_none_or(|last| last.elapsed() >= BEAT) {
            let _ = tell(&Told::Message(text.to_owned()));
        }
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
