//! `dxa-cycle dispatch`.

use dirsync::core::base::UnixTime;
use dirsync::core::base::zone::parse_zone;
use dirsync::cycle::dispatch::clock::{Clock as _, System, Virtual};
use dirsync::cycle::dispatch::{DispatchOptions, DispatchReport, dispatch};
use dirsync::cycle::run::Became;
use dirsync::cycle::site::Site;
use dirsync::cycle::step::{Here, Worker};
use dirsync::transport::far::Connector;
use dirsync_cli::exit::Part;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::settings::{Clock, Settings};
use dirsync_cli::table::{self, Table};
use dirsync_cli::words::counted;
use serde::Serialize;

use super::run::{announce, find};
use crate::args::DispatchArgs;
use crate::convert;
use crate::trial::Trials;

const COMMAND: &str = "dxa-cycle dispatch";

/// A postoffice, with times as texts.
#[derive(Serialize)]
struct Member {
    path: String,
    name: Option<String>,
    became: Became,
    runs: u64,
    missed: u64,
    next: Option<String>,
}

/// A run, with times as texts.
#[derive(Serialize)]
struct Run {
    postoffice: String,
    step: &'static str,
    scheduled: String,
    made: String,
    exit_code: u8,
    moved: Option<u32>,
}

#[derive(Serialize)]
struct Done {
    postoffices: Vec<Member>,
    home: Option<String>,
    runs: Vec<Run>,
    runs_made: u64,
    runs_failed: u64,
    missed: u64,
    polls: u64,
    plan: Vec<PlanStep>,
}

fn until(args: &DispatchArgs) -> Result<Option<UnixTime>, Failure> {
    let Some(text) = &args.until else {
        return Ok(None);
    };
    let time = text.trim().parse().map_err(|error| {
        Failure::usage(format!("--until: {error}")).hint("write it like 1997-04-07T13:45:00Z")
    })?;
    Ok(Some(time))
}

fn options(args: &DispatchArgs, settings: &Settings) -> Result<DispatchOptions, Failure> {
    let until = until(args)?;
    if let Some(until) = until.filter(|until| until.0 < settings.now()) {
        return Err(
            Failure::usage(format!("--until {}: that time is over", until.timestamp()))
                .hint("name a later time; with --now the clock begins there"),
        );
    }
    let ends = args.once || until.is_some();
    if !ends && matches!(settings.clock, Clock::Fixed(_)) {
        return Err(
            Failure::usage("a virtual clock (--now) never ends by itself")
                .hint("add --until TIME, or --once"),
        );
    }
    if settings.dry_run && !args.once && matches!(settings.clock, Clock::System) {
        return Err(Failure::usage("a dry run does not wait for the clock")
            .hint("add --once, or --now and --until"));
    }
    let mut step = super::ask_options(settings, &args.guard)?;
    step.rebuild = !args.no_rebuild;
    step.auto_import = args.server.auto_import;
    step.trust_replace = args.server.trust_replace;
    Ok(DispatchOptions {
        step,
        wait_ms: super::wait_ms(settings),
        program: COMMAND.to_owned(),
        once: args.once,
        until,
        poll_seconds: args.idle_time.max(1),
        deliver: !args.no_deliver,
        instance: args.instance_name.clone(),
        home: args.home.clone(),
    })
}

pub(super) fn run(args: &DispatchArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let options = options(args, &session.settings)?;
    let sites = super::places(&args.sites)?;
    let children = super::children(&session.settings, &args.link)?;
    // The agent has no schedule of the dispatcher's (Q149451): its server only moves mail.
    let site = find(&sites, &children, options.wait_ms, session)?.of_postoffices();
    let report = announce(&site, COMMAND, session)?;
    if let Some(home) = &args.home {
        let is_it = |name: &Option<String>| {
            name.as_deref()
                .is_some_and(|n| n.eq_ignore_ascii_case(home))
        };
        if !site.members.iter().any(|member| is_it(&member.name)) {
            return Err(Failure::usage(format!(
                "--home: there is no postoffice {home} in the site"
            ))
            .hint("name one that is there, as NET/PO")
            .into());
        }
    }
    if session.settings.dry_run {
        let trials = Trials::new(super::open_options(&session.settings));
        let open = |path: &str| trials.open(path);
        let done = go(&site, &Here { open: &open }, &trials, &options, session)?;
        return finish(report, &site, done, trials.steps(), session);
    }
    let connector = super::connector(&session.settings, &args.link, COMMAND)?;
    let done = go(&site, &children, &connector, &options, session)?;
    finish(report, &site, done, Vec::new(), session)
}

fn go(
    site: &Site,
    worker: &dyn Worker,
    connector: &dyn Connector,
    options: &DispatchOptions,
    session: &mut Session<'_>,
) -> anyhow::Result<DispatchReport> {
    let Session {
        settings,
        out,
        progress,
        ..
    } = session;
    let mut say = |line: &str| out.note(&dirsync_cli::escape::text(line));
    let done = match settings.clock {
        Clock::Fixed(now) => {
            let mut clock = Virtual(UnixTime(now));
            dispatch(
                site, worker, connector, &mut clock, options, progress, &mut say,
            )
        }
        Clock::System => {
            let mut clock = System;
            debug_assert!(!clock.is_virtual());
            dispatch(
                site, worker, connector, &mut clock, options, progress, &mut say,
            )
        }
    }
    .map_err(|error| convert::same_identity(&error))?;
    if done.stopped {
        return Err(Failure::interrupted().into());
    }
    Ok(done)
}

fn part(became: Became) -> Part {
    convert::part(became)
}

fn finish(
    mut report: Report,
    site: &Site,
    done: DispatchReport,
    plan: Vec<PlanStep>,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    // Times are shown in the zone of their postoffice.
    let show = |name: Option<&str>, time: u32| {
        let member = site
            .members
            .iter()
            .find(|member| member.name.as_deref() == name);
        let zone = member.and_then(|member| parse_zone(&member.zone).ok());
        match zone.or_else(|| parse_zone("UTC").ok()) {
            Some(zone) => UnixTime(time).rfc3339(&zone),
            None => time.to_string(),
        }
    };
    for member in &done.members {
        let label = member.name.as_deref().unwrap_or(&member.path);
        for problem in &member.problems {
            report.problem(convert::problem(problem, label));
        }
        report.part(part(member.became));
    }
    for problem in &done.mail_problems {
        report.problem(convert::failed("deliver.link-down", problem, None, "mail"));
        report.part(Part::Failed);
    }
    if done.log_lines_lost > 0 {
        let message = format!(
            "{} of DISPATCH.LOG could not be written",
            counted(done.log_lines_lost, "line", "lines")
        );
        let home = done.home.as_deref().unwrap_or("none");
        report.problem(convert::failed("dispatch.log-lost", message, None, home));
        report.part(Part::Problems);
    }
    let runs = done.runs.iter().map(|run| Run {
        postoffice: run.postoffice.clone(),
        step: run.step.name(),
        scheduled: show(Some(&run.postoffice), run.scheduled),
        made: show(Some(&run.postoffice), run.made),
        exit_code: run.exit_code,
        moved: run.moved,
    });
    let runs = runs.collect();
    let members = done.members.into_iter().map(|member| Member {
        next: member.next.map(|next| show(member.name.as_deref(), next)),
        path: member.path,
        name: member.name,
        became: member.became,
        runs: member.runs,
        missed: member.missed,
    });
    let shown = Done {
        postoffices: members.collect(),
        home: done.home,
        runs,
        runs_made: done.runs_made,
        runs_failed: done.runs_failed,
        missed: done.missed,
        polls: done.polls,
        plan,
    };
    report.print(&mut session.out, &shown)
}

impl Text for Done {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        if self.postoffices.is_empty() {
            return out.line("no postoffice was found");
        }
        let mut table = Table::new(&[
            table::text("postoffice"),
            table::number("runs"),
            table::number("missed"),
            table::text("next start"),
        ]);
        for po in &self.postoffices {
            table.row(
                out,
                [
                    po.name.clone().unwrap_or_else(|| po.path.clone()),
                    po.runs.to_string(),
                    po.missed.to_string(),
                    po.next.clone().unwrap_or_else(|| "-".to_owned()),
                ],
            )?;
        }
        table.end(out)?;
        out.line(&format!(
            "{} runs, {} of them failed, {} windows missed",
            self.runs_made, self.runs_failed, self.missed
        ))
    }
}
