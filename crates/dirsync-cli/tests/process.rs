//! What only a real process shows: signals, a reader that goes away, and a panic.
//!
//! The test starts itself: with [`ROLE`] set it is a program built on [`dirsync_cli::run`], without
//! it the checks below.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without harness")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use dirsync_cli::exit::ExitCode as Code;
use dirsync_cli::options::Args;
use dirsync_cli::run;
use dirsync_cli::session::{Outcome, Session};

const ROLE: &str = "DIRSYNC_CLI_TEST_ROLE";
const LONG: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    common: Args,
}

impl AsRef<Args> for Cli {
    fn as_ref(&self) -> &Args {
        &self.common
    }
}

fn main() -> ExitCode {
    match std::env::var(ROLE) {
        Ok(role) => run::run(&run::ADMIN, |_: Cli, session| play(&role, session)),
        Err(_) => {
            a_panic_ends_with_70_and_says_where();
            a_reader_that_went_away_ends_it_quietly_with_its_own_code();
            #[cfg(unix)]
            a_signal_ends_long_work_with_130();
            #[cfg(unix)]
            a_second_signal_ends_it_at_once();
            println!("process: ok");
            ExitCode::SUCCESS
        }
    }
}

fn play(role: &str, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    session.out.line("began")?;
    session.out.flush()?;
    match role {
        "panic" => panic!("as asked"),
        "print" => {
            while !session.out.closed() && start.elapsed() < LONG {
                session.out.line("and so on")?;
            }
        }
        "work" => {
            while start.elapsed() < LONG {
                session.interrupt.check()?;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        _ => std::thread::sleep(LONG),
    }
    Ok(Outcome::from(Code::Problems))
}

/// This program. Under `nohup` or in the background of a script a process inherits signals that are
/// ignored, and handlers are then not installed; such signals are given back their usual meaning, so
/// that the checks hold there too.
fn program() -> Command {
    let exe = std::env::current_exe().unwrap();
    let ignored = std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    // Bit n - 1 is signal n: HUP 1, INT 2, TERM 15.
    if ignored & 0b100_0000_0000_0011 == 0 {
        return Command::new(exe);
    }
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM").arg(exe);
    command
}

/// The program in a role, once it has begun.
fn start(role: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = program()
        .env(ROLE, role)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "began\n");
    (child, out)
}

/// Exit code and stderr; fails when it takes too long.
fn end(mut child: Child) -> (Option<i32>, String) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LONG / 2 {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    (child.wait().unwrap().code(), err)
}

fn a_panic_ends_with_70_and_says_where() {
    let (child, _out) = start("panic");
    let (code, err) = end(child);
    assert_eq!(code, Some(70), "{err}");
    assert!(err.starts_with("error: internal error at "), "{err}");
    assert!(
        err.contains("process.rs") && err.contains("as asked"),
        "{err}"
    );
    assert!(err.contains("hint: ") && err.contains("report"), "{err}");
}

fn a_reader_that_went_away_ends_it_quietly_with_its_own_code() {
    let (child, out) = start("print");
    drop(out);
    assert_eq!(end(child), (Some(1), String::new()));
}

#[cfg(unix)]
fn signal(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[cfg(unix)]
fn a_signal_ends_long_work_with_130() {
    let (child, _out) = start("work");
    signal(&child);
    let (code, err) = end(child);
    assert_eq!(code, Some(130), "{err}");
    assert!(err.contains("error: interrupted\nhint: "), "{err}");
}

#[cfg(unix)]
fn a_second_signal_ends_it_at_once() {
    let (mut child, _out) = start("deaf");
    signal(&child);
    // The first is acknowledged; only then does the second count as one of its own.
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.starts_with("interrupted: "), "{line}");
    signal(&child);
    child.stderr = Some(err.into_inner());
    assert_eq!(end(child), (Some(130), String::new()));
}
