//! Steps in children of this program.
//!
//! A child is started for each question, gets the [`Ask`] as a line of JSON and answers with lines
//! of its own. Progress counts as a sign of life: only a child that says nothing for the whole
//! deadline is given up. A child that is killed or left alone leaves its tree as a crash would, and
//! the next run goes on from there. It ends when its parent ends.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::progress::Progress;
use crate::transport::far::FarError;

use super::step::{Answer, Ask, Here, Worker, real_disk};

/// The hidden sub-command of a child.
pub const CHILD_COMMAND: &str = "__step";
/// Longest line that is taken from a child, in bytes.
const LINE_LIMIT: u64 = 64 << 20;
/// Most children that look at trees at the same time.
const AT_ONCE: usize = 8;
/// A sign of life is given at most this often.
const BEAT: Duration = Duration::from_millis(100);

/// A line of a child.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Start { what: String, total: Option<u64> },
    Advance(u64),
    Message(String),
    Answer(Box<Answer>),
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

    /// Up to `AT_ONCE` children at a time: several trees that say nothing cost one deadline, not
    /// one each.
    fn ask_each(&self, asks: &[Ask], progress: &dyn Progress) -> Vec<Result<Answer, FarError>> {
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(BTreeMap::new());
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(ask) = asks.get(index) else { break };
                let answer = self.ask(ask, progress);
                let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                answers.insert(index, answer);
                drop(answers);
                progress.advance(1);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..asks.len().min(AT_ONCE) {
                // This thread works too, so that a system without threads is slow, not stuck.
                let name = std::thread::Builder::new().name("asker".to_owned());
                if name.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        answers.into_values().collect()
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
