//! A tree served by a child process of the same program.
//!
//! The child speaks frames over its standard input and output and ends when its input closes; on Linux
//! the kernel kills it as well when its parent dies, so it holds no lock of a tree for longer than the
//! one who wanted it lives. A reply that does not come in time makes the parent kill the child and go
//! on; a child that cannot even be killed (it waits for a dead disk) is left behind.

use std::ffi::OsStr;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::answer::Local;
use super::frame::{read_reply, read_request, write_reply, write_request};
use super::protocol::{Reply, Request};
use super::{Connector, FarError, FarSide};

/// The hidden sub-command of a child.
pub const CHILD_COMMAND: &str = "__link";
/// How long a child that was told to end may take.
const END_WAIT: Duration = Duration::from_secs(2);

/// Starts children of one program.
#[derive(Debug, Clone)]
pub struct ChildConnector {
    /// The program; it must call [`run_if_child`].
    pub program: PathBuf,
    /// Longest time for one answer.
    pub deadline: Duration,
    /// How long a child waits for a busy tree; shorter than the deadline.
    pub wait: Duration,
    /// Program and sub-command, for the lock files.
    pub holder: String,
}

impl ChildConnector {
    /// Children of the program that runs now.
    ///
    /// # Errors
    /// The system does not say which program that is.
    pub fn this_program(deadline: Duration, wait: Duration, holder: &str) -> std::io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            deadline,
            wait,
            holder: holder.to_owned(),
        })
    }
}

impl Connector for ChildConnector {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        Ok(Box::new(Child::open(self, path)?))
    }

    fn at_once(&self) -> bool {
        true
    }
}

/// A child that serves one tree.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    requests: Option<Sender<Request>>,
    replies: Receiver<std::io::Result<Option<Reply>>>,
    deadline: Duration,
    gone: Option<FarError>,
}

impl Child {
    /// Starts a child and lets it open the tree at `path`.
    ///
    /// # Errors
    /// The program cannot be started; the tree cannot be opened in time.
    pub fn open(connector: &ChildConnector, path: &str) -> Result<Self, FarError> {
        let ended = |error: std::io::Error| FarError::Ended(error.to_string());
        let mut command = Command::new(&connector.program);
        command
            .arg(CHILD_COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A child that is left behind must not keep the terminal or a pipe of ours open.
            .stderr(Stdio::null());
        // Ctrl-C is for the parent, which ends its children in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(ended)?;
        let (Some(to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(FarError::Ended("it has no pipes".to_owned()));
        };
        let (requests, to_send) = channel::<Request>();
        let (answer, replies) = channel();
        // This thread may block for ever in a pipe of a child that nobody can kill; then it is left
        // behind with it.
        std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || {
                let mut to = BufWriter::new(to);
                let mut from = BufReader::new(from);
                while let Ok(request) = to_send.recv() {
                    let reply =
                        write_request(&mut to, &request).and_then(|()| read_reply(&mut from));
                    let last = !matches!(reply, Ok(Some(_)));
                    if answer.send(reply).is_err() || last {
                        break;
                    }
                }
            })
            .map_err(ended)?;
        let mut child = Self {
            process,
            requests: Some(requests),
            replies,
            deadline: connector.deadline,
            gone: None,
        };
        let wait_ms = u64::try_from(connector.wait.as_millis()).unwrap_or(u64::MAX);
        match child.call(Request::Open {
            path: path.to_owned(),
            wait_ms,
            program: connector.holder.clone(),
        })? {
            Reply::Opened => Ok(child),
            other => Err(FarError::Protocol(format!("{other:?}"))),
        }
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    fn lose(&mut self, error: FarError) -> FarError {
        let _ = self.process.kill();
        self.requests = None;
        self.gone = Some(error.clone());
        error
    }

    /// Takes the exit status of an ended child, so that it does not stay as a zombie.
    fn reap(&mut self, wait: Duration) -> bool {
        let until = Instant::now().checked_add(wait);
        loop {
            match self.process.try_wait() {
                Ok(None) if until.is_some_and(|until| Instant::now() < until) => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Ok(None) => return false,
                Ok(Some(_)) | Err(_) => return true,
            }
        }
    }
}

impl FarSide for Child {
    fn call(&mut self, request: Request) -> Result<Reply, FarError> {
        if let Some(gone) = &self.gone {
            return Err(gone.clone());
        }
        let sent = self
            .requests
            .as_ref()
            .is_some_and(|requests| requests.send(request).is_ok());
        if !sent {
            return Err(self.lose(FarError::Ended("it takes no requests".to_owned())));
        }
        match self.replies.recv_timeout(self.deadline) {
            Ok(Ok(Some(Reply::Failed { failure }))) => Err(FarError::Failed(failure)),
            Ok(Ok(Some(reply))) => Ok(reply),
            Ok(Ok(None)) => Err(self.lose(FarError::Ended("it closed its output".to_owned()))),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(self.lose(FarError::Protocol(error.to_string())))
            }
            Ok(Err(error)) => Err(self.lose(FarError::Ended(error.to_string()))),
            Err(RecvTimeoutError::Timeout) => {
                let seconds = self.deadline.as_secs();
                Err(self.lose(FarError::Silent { seconds }))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(self.lose(FarError::Ended("its link is broken".to_owned())))
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Closes its input: it ends by itself.
        self.requests = None;
        let wait = if self.gone.is_some() {
            Duration::from_millis(200)
        } else {
            END_WAIT
        };
        if !self.reap(wait) {
            let _ = self.process.kill();
            let _ = self.reap(Duration::from_millis(200));
        }
    }
}

/// Serves one tree over standard input and output when this process was started as a child of a
/// link, and says how to exit; `None` when it was not. Call it first thing in `main`.
#[must_use]
pub fn run_if_child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(CHILD_COMMAND)) || arguments.next().is_some()
    {
        return None;
    }
    Some(match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(5),
    })
}

fn serve() -> std::io::Result<()> {
    // Best effort: the closed pipe ends the child as well, unless it is busy with a tree.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let mut from = BufReader::new(std::io::stdin().lock());
    let mut to = BufWriter::new(std::io::stdout().lock());
    let mut local = Local::unopened();
    while let Some(request) = read_request(&mut from)? {
        write_reply(&mut to, &local.answer(request))?;
        to.flush()?;
    }
    Ok(())
}
