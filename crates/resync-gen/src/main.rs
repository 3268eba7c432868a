//! `resync-gen`: RESYNC.GLB, the file that brings a requestor back in step (IMPORT -S).
//!
//! Arguments in, report out: the work is done by `dirsync::import::resync`, what all programs share
//! by `dirsync-cli`.

mod args;
mod check;
mod create;
mod file;
mod report;
mod show;
mod tree;

use args::{Cli, Command};
use dirsync_cli::run;
use dirsync_cli::session::{Outcome, Session};

fn main() -> std::process::ExitCode {
    run::run(&run::RESYNC, dispatch)
}

/// Runs what was typed.
fn dispatch(cli: Cli, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::Create(args) => create::run(&args, session),
        Command::Show(args) => show::run(&args, session),
        Command::Check(args) => check::run(&args, session),
    }
}
