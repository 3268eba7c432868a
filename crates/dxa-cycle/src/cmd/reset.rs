//! `dxa-cycle reset`.

use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::cycle::reset::{
    ResetDone, check_local, check_record, master, record, requestor, verify,
};
use dirsync::cycle::run::RunOptions;
use dirsync::cycle::site::Member;
use dirsync::cycle::step::real_disk;
use dirsync::exchange::domain_of;
use dirsync::postoffice::config::requestors;
use dirsync::postoffice::{Edit, Identity};
use dirsync::transport::deliver::DeliverOptions;
use dirsync::tree::disk::Disk;
use dirsync::tree::{OpenOptions, TreeMut, TreeView};
use dirsync_cli::exit::Part;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::settings::Settings;
use dirsync_cli::trees::{of_cycle, of_far, of_tree, user_name};
use dirsync_cli::words::counted;
use serde::Serialize;

use super::mail;
use super::run::{announce, find};
use crate::args::{GuardArgs, ResetCommand, ResetGlobalArgs, ResetLocalArgs};
use crate::convert;
use crate::trial::Trials;

const LOCAL: &str = "dxa-cycle reset local";
const GLOBAL: &str = "dxa-cycle reset global";

/// A postoffice and what was done there.
#[derive(Serialize)]
struct Half {
    path: String,
    name: String,
    /// `server`, `requestor`.
    half: &'static str,
    #[serde(flatten)]
    done: ResetDone,
}

#[derive(Serialize)]
struct Done {
    postoffices: Vec<Half>,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    dry_run: bool,
}

/// Where trees are opened: on the disk, or on trial disks in a dry run.
struct Trees {
    trials: Option<Trials>,
    options: OpenOptions,
}

impl Trees {
    fn new(settings: &Settings, program: &str) -> Self {
        let mut options = super::open_options(settings);
        options.holder.program = program.to_owned();
        options.holder.pid = std::process::id();
        Self {
            trials: super::trials(settings),
            options,
        }
    }

    fn disk(&self, path: &str) -> Result<Arc<dyn Disk>, Failure> {
        match &self.trials {
            Some(trials) => trials.open(path),
            None => real_disk(path),
        }
        .map_err(of_far)
    }

    /// The postoffice, or the agent of an Exchange server.
    fn view(&self, path: &str) -> Result<TreeView, Failure> {
        let disk = self.disk(path)?;
        domain_of(disk.as_ref())
            .and_then(|domain| TreeView::open(disk, domain, &self.options))
            .map_err(|error| of_tree(&error))
    }

    fn writer(&self, path: &str) -> Result<TreeMut, Failure> {
        let disk = self.disk(path)?;
        domain_of(disk.as_ref())
            .and_then(|domain| TreeMut::open(disk, domain, &self.options))
            .map_err(|error| of_tree(&error))
    }

    fn steps(&self) -> Vec<PlanStep> {
        self.trials.as_ref().map(Trials::steps).unwrap_or_default()
    }
}

pub(super) fn run(command: &ResetCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        ResetCommand::Local(args) => local(args, session),
        ResetCommand::Global(args) => global(args, session),
    }
}

/// Puts what a reset says into the report, and that its numbers are 0.
fn hear(report: &mut Report, part: &Half, wrong: &[String]) {
    let mut warn = |id: &'static str, message: String| {
        report.problem(convert::failed(id, message, None, &part.name));
        report.part(Part::Problems);
    };
    for warning in &part.done.warnings {
        warn("reset.warning", warning.clone());
    }
    for bag in &part.done.damaged_mailbags {
        let message = format!(
            "the mailbag {bag} was damaged and is empty now; `po-admin check --fix` \
             removes what is left of its messages"
        );
        warn("reset.mailbag", message);
    }
    if !wrong.is_empty() {
        warn(
            "reset.not-zero",
            format!("these numbers are not 0: {}", wrong.join(", ")),
        );
    }
}

fn local(args: &ResetLocalArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (po, server) = (super::place(&args.tree)?, super::place(&args.server)?);
    let trees = Trees::new(&session.settings, LOCAL);
    let options = super::ask_options(&session.settings, &GuardArgs::default())?.step_options();
    let mut report = Report::new(LOCAL, &session.settings);
    let (own, server_name) = {
        let (view, server_view) = (trees.view(&po)?, trees.view(&server)?);
        let server_name = Identity::read(&server_view)
            .map_err(|error| of_cycle(&error.into()))?
            .name;
        let own = check_local(&view, server_name).map_err(|error| of_cycle(&error))?;
        check_record(&server_view, own).map_err(|error| of_cycle(&error))?;
        report.tree(convert::tree(&Member::look(&server_view, &server)));
        report.tree(convert::tree(&Member::look(&view, &po)));
        (own, server_name)
    };
    session.confirm(&format!(
        "Reset the numbers of {own}, at {server_name} as well, and export its list"
    ))?;
    let mut done = Vec::new();
    {
        let mut tree = trees.writer(&server)?;
        done.push(Half {
            path: server,
            name: server_name.to_string(),
            half: "server",
            done: record(&mut tree, own, &options).map_err(|error| of_cycle(&error))?,
        });
    }
    let mut tree = trees.writer(&po)?;
    let requestor = Half {
        path: po,
        name: own.to_string(),
        half: "requestor",
        done: requestor(&mut tree, false, &options).map_err(|error| of_cycle(&error))?,
    };
    let wrong = verify(tree.view()).map_err(|error| of_cycle(&error))?;
    hear(&mut report, &requestor, &wrong);
    done.push(requestor);
    finish(report, done, &trees, session)
}

fn finish(
    report: Report,
    postoffices: Vec<Half>,
    trees: &Trees,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let done = Done {
        postoffices,
        plan: trees.steps(),
        dry_run: session.settings.dry_run,
    };
    report.print(&mut session.out, &done)
}

fn global(args: &ResetGlobalArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let sites = super::places(&args.sites)?;
    let children = super::children(&session.settings, &args.link)?;
    let site = find(
        &sites,
        &children,
        super::wait_ms(&session.settings),
        session,
    )?;
    let mut report = announce(&site, GLOBAL, session)?;
    if let Some(broken) = site.members.iter().find(|member| !member.is_usable()) {
        let why = broken
            .failure
            .as_ref()
            .map_or("", |failure| failure.message.as_str());
        return Err(Failure::refused(format!("{}: {why}", broken.label()))
            .hint("nothing was done: all postoffices of a global reset must be there")
            .into());
    }
    let members: Vec<_> = site
        .members
        .iter()
        .filter(|member| !member.shadow)
        .collect();
    if !members.iter().any(|member| member.is_server) {
        return Err(Failure::usage("there is no directory server in the site")
            .hint("name a directory that holds the server and all its requestors")
            .into());
    }
    let trees = Trees::new(&session.settings, GLOBAL);
    let options = super::ask_options(&session.settings, &GuardArgs::default())?.step_options();
    for server in members.iter().filter(|member| member.is_server) {
        let view = trees.view(&server.path)?;
        let known =
            requestors::all(&mut Edit::new(&view)).map_err(|error| of_cycle(&error.into()))?;
        for requestor in known {
            let is_it = |name: Option<&str>| {
                name.is_some_and(|name| name.eq_ignore_ascii_case(&requestor.name))
            };
            if !members.iter().any(|member| is_it(member.name.as_deref())) {
                let message = format!("its requestor {} is not in the site", requestor.name);
                let hint =
                    Some("reset it by itself before the next cycle: its numbers, then an export");
                report.problem(convert::failed(
                    "reset.requestor-missing",
                    message,
                    hint,
                    server.label(),
                ));
                report.part(Part::Problems);
            }
        }
    }
    session.confirm(&format!(
        "Empty the master list, reset the numbers of {}, and export their lists",
        counted(members.len(), "postoffice", "postoffices")
    ))?;
    let options_of_mail = DeliverOptions::new(UnixTime(session.settings.now()), user_name());
    let how = RunOptions {
        step: super::ask_options(&session.settings, &GuardArgs::default())?,
        wait_ms: super::wait_ms(&session.settings),
        program: GLOBAL.to_owned(),
    };
    // Nothing may stay on its way: after the reset it would be of another count.
    let moved = mail::deliver(
        &site,
        trees.trials.as_ref(),
        &args.link,
        &how,
        &options_of_mail,
        &mut report,
        session,
    )?;
    if let Some(failure) = moved.interchange.into_iter().find_map(|one| one.failure) {
        return Err(of_far(failure).into());
    }
    let mut done = Vec::new();
    // The server's own list is what the others are answered from: it comes first.
    for member in members.iter().filter(|member| member.is_server) {
        let mut tree = trees.writer(&member.path)?;
        let part = Half {
            path: member.path.clone(),
            name: member.label().to_owned(),
            half: "server",
            done: master(&mut tree, &options).map_err(|error| of_cycle(&error))?,
        };
        hear(&mut report, &part, &[]);
        done.push(part);
    }
    for member in members.iter().filter(|member| member.server.is_some()) {
        let mut tree = trees.writer(&member.path)?;
        let part = Half {
            path: member.path.clone(),
            name: member.label().to_owned(),
            half: "requestor",
            done: requestor(&mut tree, true, &options).map_err(|error| of_cycle(&error))?,
        };
        let wrong = verify(tree.view()).map_err(|error| of_cycle(&error))?;
        hear(&mut report, &part, &wrong);
        done.push(part);
    }
    finish(report, done, &trees, session)
}

impl Text for Done {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        for part in &self.postoffices {
            let done = &part.done;
            let would = if self.dry_run { "would be " } else { "" };
            let are = if self.dry_run { "would be" } else { "are" };
            let records = counted(done.records, "record", "records");
            let messages = counted(done.messages, "message", "messages");
            let waiting = done.exported.saturating_add(done.kept);
            let waiting = counted(waiting, "transaction", "transactions");
            let what = match part.half {
                "server" => format!("{records} of requestors {would}set to 0"),
                _ if done.exports_next => {
                    format!("its numbers {are} 0, its whole list leaves with the next cycle")
                }
                _ => format!(
                    "its numbers {are} 0, {messages} {would}removed, {waiting} {would}put up to be sent"
                ),
            };
            out.line(&dirsync_cli::escape::text(&format!(
                "{}: {what}",
                part.name
            )))?;
        }
        out.line(match self.dry_run {
            false => "run two cycles now",
            true => "two cycles would have to follow",
        })
    }
}
