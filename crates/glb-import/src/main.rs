//! `glb-import`: transactions into the lists of a postoffice, lists into its Global Address List.
//!
//! Arguments in, report out: the work is done by `dirsync::import`, what all programs share by
//! `dirsync-cli`.

mod args;
mod check;
mod extract;
mod file;
mod queue;
mod rebuild;
mod report;
mod resync;

use args::{Cli, Command};
use dirsync_cli::run;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::trees as tree;

fn main() -> std::process::ExitCode {
    run::run(&run::IMPORT, dispatch)
}

/// Runs what was typed.
fn dispatch(cli: Cli, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::Check(args) => check::run(&args, session),
        Command::File(args) => file::run(&args, session),
        Command::Extract(args) => extract::run(&args, session),
        Command::Queue(args) => queue::run(&args, session),
        Command::Rebuild(args) => rebuild::run(&args, session),
    }
}
