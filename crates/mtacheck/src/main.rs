//! `mtacheck`: the queue database of the MTA, its check, its repair, its queues.
//!
//! Arguments in, report out: the work is done by `dirsync::mta`, what all programs share by
//! `dirsync-cli`.

mod args;
mod boot;
mod check;
mod classic;
mod list;
mod purge;
mod queues;
mod repair;
mod replay;
mod tree;

use args::{Cli, Command};
use dirsync_cli::run;
use dirsync_cli::session::{Outcome, Session};

fn main() -> std::process::ExitCode {
    let args = classic::rewrite(std::env::args_os().collect());
    run::run_from(&run::MTACHECK, args, dispatch)
}

/// Runs what was typed.
fn dispatch(cli: Cli, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::Check(args) => check::run(&args, session),
        Command::Repair(args) => repair::run(&args, session),
        Command::Queues(args) => queues::run(&args, session),
        Command::List(args) => list::run(&args, session),
        Command::Show(args) => list::show(&args, session),
        Command::Purge(args) => purge::run(&args, session),
        Command::Restore(args) => boot::restore(&args, session),
        Command::Wipe(args) => boot::wipe(&args, session),
        Command::Rotate(args) => boot::rotate(&args, session),
        Command::Split(args) => replay::split(&args, session),
        Command::Replay(args) => replay::run(&args, session),
    }
}
