//! `dxa-cycle deliver`.

use dirsync::core::base::UnixTime;
use dirsync::core::base::finding::Severity;
use dirsync::cycle::run::{DELIVERY_ROUNDS, RunOptions, interchange_of};
use dirsync::cycle::site::Site;
use dirsync::cycle::step::{Here, Worker};
use dirsync::exchange::interchange::{Interchanged, Options};
use dirsync::transport::deliver::{DeliverOptions, DeliverReport, deliver};
use dirsync::transport::gateway::GatewayTotals;
use dirsync_cli::exit::Part;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Problem, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{self, Table};
use dirsync_cli::words::counted;
use serde::Serialize;

use super::run::{announce, find};
use crate::args::{DeliverArgs, GuardArgs, Until};
use crate::convert;
use crate::trial::Trials;

const COMMAND: &str = "dxa-cycle deliver";

#[derive(Serialize)]
struct Done {
    #[serde(flatten)]
    delivery: DeliverReport,
    interchange: Vec<Moved>,
    plan: Vec<PlanStep>,
}

/// What the interchange of an Exchange server moved.
#[derive(Serialize)]
struct Moved {
    path: String,
    #[serde(flatten)]
    done: Interchanged,
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
            None => paths.extend(member.mail_paths()),
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
    let mut how = RunOptions {
        step: super::ask_options(settings, &GuardArgs::default())?,
        wait_ms,
        program: COMMAND.to_owned(),
    };
    let options_of = |retry_parked| Options {
        workers: args.workers.workers.unwrap_or(0),
        until_mta: args.until == Some(Until::Mta),
        retry_parked,
    };
    // What was parked again need not be tried twice.
    let again = RunOptions {
        step: dirsync::cycle::step::AskOptions {
            interchange: options_of(false),
            ..how.step.clone()
        },
        ..how.clone()
    };
    how.step.interchange = options_of(args.retry_parked);
    let mut found = Found::default();
    let (delivery, plan) = if settings.dry_run {
        let trials = Trials::new(super::open_options(settings));
        let open = |path: &str| trials.open(path);
        let worker = Here { open: &open };
        interchange(&site, &worker, &how, session, &mut found);
        let done = deliver(&paths, &trials, &options, progress);
        interchange(&site, &worker, &again, session, &mut found);
        (done, trials.steps())
    } else {
        let connector = super::connector(settings, &args.link, COMMAND)?;
        interchange(&site, &children, &how, session, &mut found);
        let mut done = deliver(&paths, &connector, &options, progress);
        for _ in 1..DELIVERY_ROUNDS {
            // What another MTA handed over goes on to postoffices and agents, and their mail back.
            let moved = interchange(&site, &children, &again, session, &mut found);
            let x400 = site.members.iter().any(|member| member.x400);
            match &mut done {
                Ok(report) if moved > 0 && x400 && !report.stopped && args.passes.is_none() => {
                    match deliver(&paths, &connector, &options, progress) {
                        Ok(later) => report.followed_by(later),
                        Err(error) => done = Err(error),
                    }
                }
                _ => break,
            }
        }
        (done, Vec::new())
    };
    for problem in found.problems {
        if problem.severity != Severity::Note {
            report.part(Part::Failed);
        }
        report.problem(problem);
    }
    let delivery = delivery.map_err(|error| convert::same_identity(&error))?;
    if delivery.stopped {
        return Err(Failure::interrupted().into());
    }
    convert::delivery(&mut report, &delivery);
    let interchange = found.moved;
    report.print(
        &mut session.out,
        &Done {
            delivery,
            interchange,
            plan,
        },
    )
}

/// What the interchanges of a site moved, and what is wrong.
#[derive(Default)]
struct Found {
    moved: Vec<Moved>,
    problems: Vec<Problem>,
}

impl Found {
    fn add(&mut self, problem: Problem) {
        let is_known = |known: &Problem| known.message == problem.message;
        if !self.problems.iter().any(is_known) {
            self.problems.push(problem);
        }
    }

    fn count(&mut self, path: &str, done: Interchanged) {
        match self.moved.iter_mut().find(|moved| moved.path == path) {
            Some(moved) => moved.done.add(&done),
            None => self.moved.push(Moved {
                path: path.to_owned(),
                done,
            }),
        }
    }
}

/// Mail between the agents of the site and their shadow postoffices.
fn interchange(
    site: &Site,
    worker: &dyn Worker,
    how: &RunOptions,
    session: &Session<'_>,
    found: &mut Found,
) -> u64 {
    let mut moved = 0;
    for member in &site.members {
        if member.exchange.is_none() || !member.is_usable() {
            continue;
        }
        match interchange_of(member, worker, how, &session.progress) {
            Ok((done, problems)) => {
                moved += done.moved();
                found.count(&member.path, done);
                for problem in problems {
                    found.add(convert::problem(&problem, member.label()));
                }
            }
            Err((failure, _)) => found.add(convert::failed(
                "cycle.failed",
                failure.message,
                failure.hint.as_deref(),
                member.label(),
            )),
        }
    }
    moved
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
        for Moved { path, done } in &self.interchange {
            let mut parts = vec![
                format!("{} messages of the agent to postoffices", done.outward),
                format!("{} to the agent", done.inward),
            ];
            for (count, what) in [
                (done.waiting_outward, "on the connector's queue"),
                (done.waiting_inward, "on the agent's queue"),
                (done.parked, "left in their queue as faulty"),
            ] {
                if count > 0 {
                    parts.push(format!("{count} {what}"));
                }
            }
            out.line(&format!("{path}: {}", parts.join(", ")))?;
        }
        let delivered: u64 = self
            .delivery
            .postoffices
            .iter()
            .map(|po| po.mailer.delivered)
            .sum();
        let mut gateways = GatewayTotals::default();
        for po in &self.delivery.postoffices {
            gateways.add(&po.mailer.gateways);
        }
        if gateways.moved() > 0 {
            out.line(&format!(
                "gateways: {} messages brought, {} taken away, {} files with faults, {} swallowed, {} returned",
                gateways.brought,
                gateways.carried_off,
                gateways.refused,
                gateways.swallowed,
                gateways.returned
            ))?;
        }
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
