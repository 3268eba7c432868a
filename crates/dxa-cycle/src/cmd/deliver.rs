//! `dxa-cycle deliver`.

use dirsync::core::base::UnixTime;
use dirsync::cycle::rounds::{Delivered, Exchanged};
use dirsync::cycle::run::RunOptions;
use dirsync::exchange::interchange::{Interchanged, Options};
use dirsync::transport::deliver::{DeliverOptions, DeliverReport};
use dirsync::transport::gateway::GatewayTotals;
use dirsync_cli::exit::Part;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{self, Table};
use dirsync_cli::words::counted;
use serde::Serialize;

use super::mail;
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

impl From<Exchanged> for Moved {
    fn from(Exchanged { path, done, .. }: Exchanged) -> Self {
        Self { path, done }
    }
}

pub(super) fn run(args: &DeliverArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let sites = super::places(&args.sites)?;
    let children = super::children(&session.settings, &args.link)?;
    let wait_ms = super::wait_ms(&session.settings);
    let site = find(&sites, &children, wait_ms, session)?;
    let mut report = announce(&site, COMMAND, session)?;
    for member in &site.members {
        if let Some(failure) = &member.failure {
            let (hint, label) = (failure.hint.as_deref(), member.label());
            let message = &failure.message;
            report.problem(convert::failed("cycle.failed", message, hint, label));
            report.part(if member.foreign {
                Part::Foreign
            } else {
                Part::Failed
            });
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
    let mut step = super::ask_options(settings, &GuardArgs::default())?;
    step.interchange = Options {
        workers: args.workers.workers.unwrap_or(0),
        until_mta: args.until == Some(Until::Mta),
        retry_parked: args.retry_parked,
    };
    let how = RunOptions {
        step,
        wait_ms,
        program: COMMAND.to_owned(),
    };
    let trials = super::trials(settings);
    let Delivered {
        delivery,
        interchange,
    } = mail::deliver(
        &site,
        trials.as_ref(),
        &args.link,
        &how,
        &options,
        &mut report,
        session,
    )?;
    report.print(
        &mut session.out,
        &Done {
            delivery,
            interchange: interchange.into_iter().map(Moved::from).collect(),
            plan: trials.as_ref().map(Trials::steps).unwrap_or_default(),
        },
    )
}

fn messages(count: u64) -> String {
    counted(count, "message", "messages")
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
                format!("{} of the agent to postoffices", messages(done.outward)),
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
                "gateways: {} brought, {} taken away, {} with faults, {} swallowed, {} returned",
                messages(gateways.brought),
                gateways.carried_off,
                counted(gateways.refused, "file", "files"),
                gateways.swallowed,
                gateways.returned
            ))?;
        }
        out.line(&format!(
            "{} moved between postoffices, {delivered} put into mailboxes, in {}{}",
            messages(self.delivery.sent()),
            counted(self.delivery.passes, "pass", "passes"),
            if self.delivery.quiet {
                ""
            } else {
                "; more would move"
            }
        ))
    }
}
