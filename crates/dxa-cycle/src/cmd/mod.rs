//! One module for each kind of command.

mod deliver;
mod dispatch;
mod events;
mod mail;
mod reset;
mod routes;
mod run;
mod service;
mod status;
mod steps;

use std::path::{Path, PathBuf};
use std::time::Duration;

use dirsync::core::base::UnixTime;
use dirsync::core::protocol::guard::Ceilings;
use dirsync::cycle::child::Children;
use dirsync::cycle::step::AskOptions;
use dirsync::transport::far::ChildConnector;
use dirsync::tree::OpenOptions;
use dirsync_cli::failure::Failure;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::settings::Settings;
use dirsync_cli::trees::user_name;

use crate::args::{Cli, Command, GuardArgs, LinkArgs};
use crate::trial::Trials;

pub(crate) fn dispatch(cli: Cli, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &cli.command {
        Command::T1(args) => steps::t1(args, session),
        Command::T2(args) => steps::t2(args, session),
        Command::T3(args) => steps::t3(args, session),
        Command::Deliver(args) => deliver::run(args, session),
        Command::Routes(args) => routes::run(args, session),
        Command::Run(args) => run::run(args, session),
        Command::Pause(args) => service::pause(args, session),
        Command::Start(args) => service::start(args, session),
        Command::Events(args) => events::run(args, session),
        Command::Dispatch(args) => dispatch::run(args, session),
        Command::Reset(command) => reset::run(command, session),
        Command::Status(args) => status::run(args, session),
    }
}

/// The directories as texts. A name that is not UTF-8 cannot be passed on unchanged.
fn places(paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
    paths.iter().map(|path| place(path)).collect()
}

fn place(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!("{} is not UTF-8", dirsync_cli::escape::path(path)))
            .hint("rename the directory")
    })
}

/// How steps are made, checked as it was typed.
fn ask_options(settings: &Settings, guard: &GuardArgs) -> Result<AskOptions, Failure> {
    let mut ceilings = Ceilings::default();
    for option in &guard.allow_deletes {
        ceilings.allow(option).map_err(|error| {
            Failure::usage(format!("--allow-deletes: {error}"))
                .hint("for example --allow-deletes 40, or --allow-deletes NET/PO=40")
        })?;
    }
    Ok(AskOptions {
        allow_deletes: guard.allow_deletes.clone(),
        break_lock: guard.break_lock,
        ..AskOptions::new(UnixTime(settings.now()), user_name())
    })
}

fn wait_ms(settings: &Settings) -> u64 {
    u64::try_from(settings.wait.as_millis()).unwrap_or(u64::MAX)
}

/// How dry runs open trees.
fn open_options(settings: &Settings) -> OpenOptions {
    OpenOptions {
        wait: settings.wait,
        ..OpenOptions::default()
    }
}

/// The trial disks of a dry run.
fn trials(settings: &Settings) -> Option<Trials> {
    settings
        .dry_run
        .then(|| Trials::new(open_options(settings)))
}

/// The deadline, never shorter than the wait for a busy tree.
fn deadline(settings: &Settings, link: &LinkArgs) -> Duration {
    let deadline = Duration::from_secs(u64::from(link.deadline.max(1)));
    deadline.max(settings.wait + Duration::from_secs(1))
}

fn no_program(error: &std::io::Error) -> Failure {
    Failure::internal(format!("this program cannot be found: {error}"))
}

fn children(settings: &Settings, link: &LinkArgs) -> Result<Children, Failure> {
    Children::this_program(deadline(settings, link)).map_err(|error| no_program(&error))
}

fn connector(
    settings: &Settings,
    link: &LinkArgs,
    program: &str,
) -> Result<ChildConnector, Failure> {
    ChildConnector::this_program(deadline(settings, link), settings.wait, program)
        .map_err(|error| no_program(&error))
}
