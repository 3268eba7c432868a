//! `dxa-cycle deliver`.

use dirsync::core::base::UnixTime;
use dirsync::cycle::run::{RunOptions, interchange_of};
use dirsync::cycle::site::Site;
use dirsync::cycle::step::{Here, Worker};
use dirsync::transport::deliver::{DeliverOptions, DeliverReport, deliver};
use dirsync_cli::exit::Part;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Problem, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{self, Table};
use dirsync_cli::words::counted;
use serde::Serialize;

use super::run::{announce, find};
use crate::args::{DeliverArgs, GuardArgs};
use crate::convert;
use crate::trial::Trials;

const COMMAND: &str = "dxa-cycle deliver";

#[derive(Serialize)]
struct Done {
    #[serde(flatten)]
    delivery: DeliverReport,
    plan: Vec<PlanStep>,
}

pub(super) fn run(args: &DeliverArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let sites = super::places(&args.sites)?;
    let children = super::children(&session.settings, &args.link)?;
    let wait_ms = super::wait_ms(&session.settings);
    let site = find(&sites, &children, wait_ms, session)?;
    let mut report = announce(&site, COMMAND, session)?;
    let mut paths = Vec::new();
    for member in &site.members {
        match &member.failure {
            None => paths.push(member.mail_path().to_owned()),
            Some(failure) => {
                let hint = failure.hint.as_deref();
                let label = member.label();
                report.problem(convert::failed(
                    "cycle.failed",
                    &failure.message,
                    hint,
                    label,
                ));
                report.part(if member.foreign {
                    Part::Foreign
                } else {
                    Part::Failed
                });
            }
        }
    }
    let settings = &session.settings;
    let options = DeliverOptions {
        now: UnixTime(settings.now()),
        user: super::user_name(),
        passes: args.passes,
        // The trial disks are what makes it dry; on them every pass is real.
        dry_run: false,
        due: args.due,
        synchronous_mta: args.synchronous_mta,
    };
    let progress = &session.progress;
    let how = RunOptions {
        step: super::ask_options(settings, &GuardArgs::default())?,
        wait_ms,
        program: COMMAND.to_owned(),
    };
    let mut problems = Vec::new();
    let (delivery, plan) = if settings.dry_run {
        let trials = Trials::new(super::open_options(settings));
        let open = |path: &str| trials.open(path);
        let worker = Here { open: &open };
        interchange(&site, &worker, &how, session, &mut problems);
        let done = deliver(&paths, &trials, &options, progress);
        interchange(&site, &worker, &how, session, &mut problems);
        (done, trials.steps())
    } else {
        let connector = super::connector(settings, &args.link, COMMAND)?;
        interchange(&site, &children, &how, session, &mut problems);
        let done = deliver(&paths, &connector, &options, progress);
        interchange(&site, &children, &how, session, &mut problems);
        (done, Vec::new())
    };
    for problem in problems {
        report.part(Part::Failed);
        report.problem(problem);
    }
    let delivery = delivery.map_err(|error| convert::same_identity(&error))?;
    if delivery.stopped {
        return Err(Failure::interrupted().into());
    }
    convert::delivery(&mut report, &delivery);
    report.print(&mut session.out, &Done { delivery, plan })
}

/// Mail between the agents of the site and their shadow postoffices.
fn interchange(
    site: &Site,
    worker: &dyn Worker,
    how: &RunOptions,
    session: &Session<'_>,
    problems: &mut Vec<Problem>,
) {
    for member in &site.members {
        if member.exchange.is_none() || !member.is_usable() {
            continue;
        }
        let mut add = |problem: Problem| {
            if !problems
                .iter()
                .any(|known| known.message == problem.message)
            {
                problems.push(problem);
            }
        };
        match interchange_of(member, worker, how, &session.progress) {
            Ok(found) => {
                for found in found {
                    add(convert::problem(&found, member.label()));
                }
            }
            Err((failure, _)) => add(convert::failed(
                "cycle.failed",
                failure.message,
                failure.hint.as_deref(),
                member.label(),
            )),
        }
    }
}

impl Text for Done {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        let mut table = Table::new(&[
            table::text("from"),
            table::text("to"),
            table::number("sent"),
            table::number("repeated"),
            table::number("waiting"),
            table::text("link"),
        ]);
        for link in &self.delivery.links {
            table.row(
                out,
                [
                    link.from.clone(),
                    link.to.clone(),
                    link.sent.to_string(),
                    link.repeated.to_string(),
                    link.waiting.to_string(),
                    link.state.word().to_owned(),
                ],
            )?;
        }
        table.end(out)?;
        let delivered: u64 = self
            .delivery
            .postoffices
            .iter()
            .map(|po| po.mailer.delivered)
            .sum();
        out.line(&format!(
            "{} moved between postoffices, {delivered} put into mailboxes, in {}{}",
            counted(self.delivery.sent(), "message", "messages"),
            counted(self.delivery.passes, "pass", "passes"),
            if self.delivery.quiet {
                ""
            } else {
                "; more would move"
            }
        ))
    }
}
