//! `dxa-cycle t1`, `t2`, `t3`: one step at trees that were named.

use dirsync::cycle::run::{MemberReport, RunOptions, RunReport, each};
use dirsync::cycle::step::{Here, Step, real_disk};
use dirsync_cli::exit;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::{GuardArgs, T1Args, T2Args, T3Args};
use crate::convert;
use crate::trial::Trials;

#[derive(Serialize)]
struct Done {
    postoffices: Vec<MemberReport>,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    step: Step,
}

pub(super) fn t1(args: &T1Args, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let options = super::ask_options(&session.settings, &GuardArgs::default())?;
    carry_out(Step::T1, super::places(&args.trees)?, options, session)
}

pub(super) fn t2(args: &T2Args, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let mut options = super::ask_options(&session.settings, &args.guard)?;
    options.auto_import = args.server.auto_import;
    options.trust_replace = args.server.trust_replace;
    carry_out(Step::T2, vec![super::place(&args.tree)?], options, session)
}

pub(super) fn t3(args: &T3Args, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let mut options = super::ask_options(&session.settings, &args.guard)?;
    options.rebuild = !args.no_rebuild;
    carry_out(Step::T3, super::places(&args.trees)?, options, session)
}

fn carry_out(
    step: Step,
    trees: Vec<String>,
    options: dirsync::cycle::step::AskOptions,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let command = format!("dxa-cycle {}", step.name().to_lowercase());
    let options = RunOptions {
        step: options,
        wait_ms: super::wait_ms(settings),
        program: command.clone(),
    };
    let trials = super::trials(settings);
    let open = |path: &str| match &trials {
        Some(trials) => trials.open(path),
        None => real_disk(path),
    };
    let worker = Here { open: &open };
    let done = each(step, &trees, &worker, &options, &session.progress);
    if done.stopped {
        return Err(Failure::interrupted().into());
    }
    report(&command, step, done, trials.as_ref(), session)
}

fn report(
    command: &str,
    step: Step,
    done: RunReport,
    trials: Option<&Trials>,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut report = Report::new(command, &session.settings);
    for member in &done.members {
        report.tree(convert::reported(member));
        convert::member(&mut report, member);
    }
    let alone = match done.members.as_slice() {
        [only] => Some(convert::part(only.became)),
        _ => None,
    };
    let outcome = report.print(
        &mut session.out,
        &Done {
            postoffices: done.members,
            plan: trials.map(Trials::steps).unwrap_or_default(),
            step,
        },
    )?;
    // One tree and nothing but it: the exit code says what became of it (design 5).
    Ok(match alone {
        Some(part) => exit::of_one_tree(part).into(),
        None => outcome,
    })
}

impl Text for Done {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        for po in &self.postoffices {
            let label = po.name.as_deref().unwrap_or(&po.path);
            out.line(&dirsync_cli::escape::text(&format!(
                "{label}: {}",
                sentence(self.step, po)
            )))?;
        }
        Ok(())
    }
}

fn entries(count: u32) -> String {
    counted(count, "entry", "entries")
}

pub(super) fn sentence(step: Step, po: &MemberReport) -> String {
    if !po.failures.is_empty() {
        return format!("{} failed", step.name());
    }
    match step {
        Step::T1 => match po.sent {
            Some(sent) => {
                format!(
                    "{} in its request",
                    counted(sent, "transaction", "transactions")
                )
            }
            None if po.roles.contains(&"requestor") => "no request was made".to_owned(),
            None => "it has no server, nothing was done".to_owned(),
        },
        Step::T2 => match &po.server {
            Some(server) => {
                let sent: u64 = server.replies.iter().map(|r| u64::from(r.count)).sum();
                format!(
                    "cycle {}: {} taken with {}, {} answered with {sent}, \
                     last number {} (was {})",
                    server.cycle,
                    counted(server.requests, "request", "requests"),
                    counted(server.taken, "transaction", "transactions"),
                    server.replies.len(),
                    server.sync_after,
                    server.sync_before
                )
            }
            None => "nothing was done".to_owned(),
        },
        Step::T3 if po.recipients.is_some() => format!(
            "{} received, {}",
            entries(po.received.unwrap_or(0)),
            counted(po.recipients.unwrap_or(0), "recipient", "recipients")
        ),
        Step::T3 => match (po.received, po.gal_entries) {
            (Some(received), Some(there)) => format!(
                "{} received, {there} in the Global Address List",
                entries(received)
            ),
            (Some(received), None) => format!(
                "{} received, the Global Address List was not made",
                entries(received)
            ),
            (None, _) if !po.roles.contains(&"requestor") => {
                "it has no server, nothing was done".to_owned()
            }
            (None, _) => "nothing was changed".to_owned(),
        },
    }
}
