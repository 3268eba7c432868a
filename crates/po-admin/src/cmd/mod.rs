//! The commands, one module each.

mod check;
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
        Command::Gal(_) | Command::Explain(_) => anyhow::bail!("not there yet"),
        Command::Upgrade(args) => upgrade::run(&args, session),
    }
}
