//! `cargo xtask bench-child`: runs one program and writes down what it took.
//!
//! A process of its own for every run: the operating system gives the peak memory of all children a
//! process ever waited for, so only a process with one child can tell whose it was.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::measure::Usage;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File for the figures
    #[arg(long)]
    out: PathBuf,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

/// Runs it; fails when it does.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let Some((program, rest)) = args.command.split_first() else {
        return Ok(false);
    };
    let start = Instant::now();
    let status = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| program.display().to_string())?;
    let wall_s = start.elapsed().as_secs_f64();
    ensure!(status.success(), "{}: {status}", program.display());
    let usage = Usage {
        wall_s,
        ..resources()?
    };
    std::fs::write(&args.out, serde_json::to_vec(&usage)?)?;
    Ok(true)
}

#[cfg(unix)]
fn resources() -> anyhow::Result<Usage> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| {
        // Microseconds of hours fit well into the 53 bits of a float.
        #[allow(clippy::cast_precision_loss)]
        let micros = (time.tv_sec() * 1_000_000 + time.tv_usec()) as f64;
        micros / 1e6
    };
    let peak = u64::try_from(usage.max_rss())?;
    Ok(Usage {
        wall_s: 0.0,
        cpu_s: seconds(usage.user_time()) + seconds(usage.system_time()),
        // Linux counts in KiB, macOS in bytes.
        peak_bytes: if cfg!(target_os = "macos") {
            peak
        } else {
            peak * 1024
        },
    })
}

#[cfg(not(unix))]
fn resources() -> anyhow::Result<Usage> {
    anyhow::bail!("processor time and memory of a process are measured on Unix only")
}
