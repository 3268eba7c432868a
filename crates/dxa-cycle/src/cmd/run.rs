//! `dxa-cycle run`.

use dirsync::cycle::run::{Became, MemberReport, RunOptions, RunReport, run as run_cycle};
use dirsync::cycle::site::{Kind, Site, look};
use dirsync::cycle::step::{Here, Numbers3, Worker};
use dirsync::transport::deliver::DeliverReport;
use dirsync::transport::far::Connector;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{self, Table};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::RunArgs;
use crate::convert;
use crate::trial::Trials;

const COMMAND: &str = "dxa-cycle run";

#[derive(Serialize)]
struct Done {
    postoffices: Vec<MemberReport>,
    deliveries: Vec<DeliverReport>,
    transactions_sent: u64,
    plan: Vec<PlanStep>,
}

pub(super) fn run(args: &RunArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let sites = super::places(&args.sites)?;
    let mut step = super::ask_options(&session.settings, &args.guard)?;
    step.rebuild = !args.no_rebuild;
    step.auto_import = args.server.auto_import;
    step.trust_replace = args.server.trust_replace;
    step.interchange.workers = args.workers.workers.unwrap_or(0);
    let options = RunOptions {
        step,
        wait_ms: super::wait_ms(&session.settings),
        program: COMMAND.to_owned(),
    };
    let children = super::children(&session.settings, &args.link)?;
    let site = find(&sites, &children, options.wait_ms, session)?;
    let report = announce(&site, COMMAND, session)?;
    if session.settings.dry_run {
        let trials = Trials::new(super::open_options(&session.settings));
        let open = |path: &str| trials.open(path);
        let done = cycle(&site, &Here { open: &open }, &trials, &options, session)?;
        return finish(report, done, trials.steps(), session);
    }
    let connector = super::connector(&session.settings, &args.link, COMMAND)?;
    let done = cycle(&site, &children, &connector, &options, session)?;
    finish(report, done, Vec::new(), session)
}

/// Finds and looks at the trees of the site.
pub(super) fn find(
    sites: &[String],
    worker: &dyn Worker,
    wait_ms: u64,
    session: &Session<'_>,
) -> Result<Site, Failure> {
    let site = look(sites, worker, wait_ms, &session.progress)
        .map_err(|error| convert::same_identity(&error))?;
    dirsync::progress::Progress::finish(&session.progress);
    Ok(site)
}

/// Prints what was found before anything is done.
pub(super) fn announce(
    site: &Site,
    command: &str,
    session: &mut Session<'_>,
) -> anyhow::Result<Report> {
    let mut report = Report::new(command, &session.settings);
    for member in &site.members {
        report.tree(convert::tree(member));
    }
    for (place, why, hint) in &site.notes {
        report.problem(convert::failed(
            "cycle.not-searched",
            why.clone(),
            Some(hint.as_str()),
            place,
        ));
        report.part(dirsync_cli::exit::Part::Problems);
    }
    for other in &site.others {
        let what = match other.kind {
            Kind::Exchange => "an Exchange server",
            Kind::Mta => "an MTA database",
            Kind::Postoffice => "a postoffice",
        };
        session.out.note(&dirsync_cli::escape::text(&format!(
            "{}: {what}; it takes no part in this command",
            other.path
        )));
    }
    report.announce(&mut session.out)?;
    Ok(report)
}

fn cycle(
    site: &Site,
    worker: &dyn Worker,
    connector: &dyn Connector,
    options: &RunOptions,
    session: &Session<'_>,
) -> anyhow::Result<RunReport> {
    let done = run_cycle(site, worker, connector, options, &session.progress)
        .map_err(|error| convert::same_identity(&error))?;
    if done.stopped {
        return Err(Failure::interrupted().into());
    }
    Ok(done)
}

fn finish(
    mut report: Report,
    done: RunReport,
    plan: Vec<PlanStep>,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    for member in &done.members {
        convert::member(&mut report, member);
    }
    // What still waits at the end; what an earlier delivery could not do the last one has tried too.
    if let Some(last) = done.deliveries.last() {
        convert::delivery(&mut report, last);
    }
    let transactions_sent = done.sent();
    report.print(
        &mut session.out,
        &Done {
            postoffices: done.members,
            deliveries: done.deliveries,
            transactions_sent,
            plan,
        },
    )
}

fn numbers(numbers: Option<Numbers3>) -> String {
    numbers.map_or_else(
        || "-".to_owned(),
        |n| format!("{} {} {}", n.req, n.srv, n.imp),
    )
}

fn count<T: ToString>(count: Option<T>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| count.to_string())
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
            table::text("R S I before"),
            table::text("R S I after"),
            table::number("sent"),
            table::number("received"),
            table::number("GAL"),
            table::text("result"),
        ]);
        for po in &self.postoffices {
            table.row(
                out,
                [
                    po.name.clone().unwrap_or_else(|| po.path.clone()),
                    numbers(po.before),
                    numbers(po.after),
                    count(po.sent),
                    count(po.received),
                    count(po.gal_entries.or(po.recipients)),
                    result(po),
                ],
            )?;
        }
        table.end(out)?;
        for po in &self.postoffices {
            if let Some(server) = &po.server {
                let sent: u64 = server.replies.iter().map(|r| u64::from(r.count)).sum();
                out.line(&dirsync_cli::escape::text(&format!(
                    "{}: cycle {}, {}, {} with {}, last number {} (was {})",
                    po.name.as_deref().unwrap_or(&po.path),
                    server.cycle,
                    counted(server.requests, "request", "requests"),
                    counted(server.replies.len(), "reply", "replies"),
                    counted(sent, "entry", "entries"),
                    server.sync_after,
                    server.sync_before,
                )))?;
            }
        }
        let moved: u64 = self.deliveries.iter().map(DeliverReport::sent).sum();
        out.line(&format!(
            "{} sent, {} moved between postoffices",
            counted(self.transactions_sent, "transaction", "transactions"),
            counted(moved, "message", "messages"),
        ))
    }
}

fn result(po: &MemberReport) -> String {
    let problems = po.problems.len() + po.failures.len();
    match po.became {
        Became::Done => "done".to_owned(),
        Became::Problems => format!("done, {}", counted(problems, "problem", "problems")),
        Became::Busy => "busy".to_owned(),
        Became::Foreign => "foreign".to_owned(),
        Became::Failed => "failed".to_owned(),
        Became::Held => "held by the guard".to_owned(),
    }
}
