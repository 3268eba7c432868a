//! The commands, one module each.

pub(crate) mod change;
mod check;
pub(crate) mod exchange;
mod explain;
pub(crate) mod fill;
mod gal;
pub(crate) mod gateway;
pub(crate) mod group;
mod init;
pub(crate) mod link;
pub(crate) mod listds;
pub(crate) mod listq;
mod mail;
pub(crate) mod options;
pub(crate) mod postoffice;
pub(crate) mod roles;
pub(crate) mod route;
pub(crate) mod schedule;
pub(crate) mod stuck;
mod upgrade;
pub(crate) mod user;
pub(crate) mod x400;

use dirsync_cli::session::{Outcome, Session};

use crate::args::{Cli, Command, MailCommand};

/// Runs what was typed.
pub(crate) fn dispatch(cli: Cli, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::Init(args) => init::run(&args, session),
        Command::InitExchange(args) => exchange::init::run(&args, session),
        Command::Recipient(command) => exchange::recipient::run(&command, session),
        Command::Connector(command) => exchange::connector::run(&command, session),
        Command::Registry(command) => exchange::registry::run(&command, session),
        Command::Check(args) => check::run(&args, session),
        Command::Mail(MailCommand::List(args)) => mail::list(&args, session),
        Command::Mail(MailCommand::Show(args)) => stuck::show_one(&args, session),
        Command::Mail(MailCommand::Return(args)) => stuck::return_mail(&args, session),
        Command::Mail(MailCommand::Clear(args)) => stuck::clear_mail(&args, session),
        Command::Mail(MailCommand::Recover(args)) => stuck::recover_mail(&args, session),
        Command::Mail(MailCommand::Compress(args)) => stuck::compress_mail(&args, session),
        Command::Gal(args) => gal::run(&args, session),
        Command::Explain(args) => explain::run(&args, session),
        Command::User(command) => user::run(&command, session),
        Command::Group(command) => group::run(&command, session),
        Command::Fill(args) => fill::run(&args, session),
        Command::Postoffice(command) => postoffice::run(&command, session),
        Command::Gateway(command) => gateway::run(&command, session),
        Command::Link(command) => link::run(&command, session),
        Command::X400(command) => x400::run(&command, session),
        Command::Route(command) => route::run(&command, session),
        Command::Server(command) => roles::run_server(&command, session),
        Command::Requestor(command) => roles::run_requestor(&command, session),
        Command::Register(args) => roles::run_register(&args, session),
        Command::Options(args) => options::run(&args, session),
        Command::Export(args) => roles::run_export(&args, session),
        Command::ImportRequest(args) => roles::run_import_request(&args, session),
        Command::Schedule(command) => schedule::run(&command, session),
        Command::Listds(args) => listds::run(&args, session),
        Command::Listq(args) => listq::run(&args, session),
        Command::Upgrade(args) => upgrade::run(&args, session),
    }
}
