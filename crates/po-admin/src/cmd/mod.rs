//! The commands, one module each.

mod check;
mod explain;
mod gal;
mod init;
mod mail;
mod upgrade;

use dirsync_cli::session::{Outcome, Session};

use crate::args::{Cli, Command, MailCommand};

/// Runs what was typed.
pub(crate) fn dispatch(cli: Cli, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::Init(args) => init::run(&args, session),
        Command::Check(args) => check::run(&args, session),
        Command::Mail(MailCommand::List(args)) => mail::list(&args, session),
        Command::Gal(args) => gal::run(&args, session),
        Command::Explain(args) => explain::run(&args, session),
        Command::Upgrade(args) => upgrade::run(&args, session),
    }
}
