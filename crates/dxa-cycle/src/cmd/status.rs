//! `dxa-cycle status`.

use dirsync::core::base::Severity;
use dirsync::cycle::status::{PostofficeStatus, RecordStatus, compare};
use dirsync::cycle::step::{Answer, Ask, Worker as _};
use dirsync_cli::exit::{ExitCode, Part};
use dirsync_cli::output::Output;
use dirsync_cli::report::{Problem, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{self, Table};
use dirsync_cli::words::counted;
use serde::Serialize;

use super::run::{announce, find};
use crate::args::StatusArgs;
use crate::convert;

const COMMAND: &str = "dxa-cycle status";

#[derive(Serialize)]
struct Shown {
    postoffices: Vec<PostofficeStatus>,
    in_step: bool,
}

pub(super) fn run(args: &StatusArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let sites = super::places(&args.sites)?;
    let children = super::children(&session.settings, &args.link)?;
    let wait_ms = super::wait_ms(&session.settings);
    let site = find(&sites, &children, wait_ms, session)?;
    let mut report = announce(&site, COMMAND, session)?;
    let mut postoffices = Vec::new();
    let mut failed = false;
    for member in &site.members {
        let answer = match &member.failure {
            Some(failure) => Err((failure.message.clone(), failure.hint.clone())),
            None => {
                let ask = Ask::Status {
                    tree: member.path.clone(),
                    wait_ms,
                };
                match children.ask(&ask, &session.progress) {
                    Ok(Answer::Status(status)) => Ok(*status),
                    Ok(_) => Err(("the answer makes no sense".to_owned(), None)),
                    Err(error) => Err((error.to_string(), error.hint())),
                }
            }
        };
        match answer {
            Ok(status) => postoffices.push(status),
            Err((message, hint)) => {
                failed = true;
                let hint = hint.as_deref();
                report.problem(convert::failed(
                    "cycle.failed",
                    message,
                    hint,
                    member.label(),
                ));
                report.part(if member.foreign {
                    Part::Foreign
                } else {
                    Part::Failed
                });
            }
        }
    }
    dirsync::progress::Progress::finish(&session.progress);
    let out_of_step = compare(&postoffices);
    let in_step = !out_of_step
        .iter()
        .any(|found| found.finding.severity > Severity::Note);
    for found in out_of_step {
        report.problem(Problem::from(found.finding).in_tree(found.name));
    }
    let shown = Shown {
        postoffices,
        in_step,
    };
    let outcome = report.print(&mut session.out, &shown)?;
    // Being out of step is what the command shows, not a fault of it: only --check makes it one.
    Ok(match args.check || failed {
        true => outcome,
        false if outcome.code() == ExitCode::Problems && site.notes.is_empty() => {
            ExitCode::Done.into()
        }
        false => outcome,
    })
}

fn record_of<'a>(all: &'a [PostofficeStatus], po: &PostofficeStatus) -> Option<&'a RecordStatus> {
    let server = po.server.as_deref()?;
    let server = all
        .iter()
        .find(|other| other.name.eq_ignore_ascii_case(server))?;
    let mut records = server.as_server.as_ref()?.requestors.iter();
    records.find(|record| {
        record
            .name
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case(&po.name))
    })
}

impl Text for Shown {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for po in &self.postoffices {
            if let Some(server) = &po.as_server {
                out.line(&dirsync_cli::escape::text(&format!(
                    "{} is the server: cycle {}, last number {}, {}",
                    po.name,
                    server.cycle,
                    server.sync,
                    counted(server.requestors.len(), "requestor", "requestors")
                )))?;
            }
        }
        let mut table = Table::new(&[
            table::text("postoffice"),
            table::text("server"),
            table::number("R"),
            table::number("R there"),
            table::number("S"),
            table::number("S there"),
            table::number("I"),
            table::number("I there"),
            table::number("waiting"),
            table::number("mail"),
            table::text("last T3"),
        ]);
        for po in &self.postoffices {
            let record = record_of(&self.postoffices, po);
            let there = |number: fn(&RecordStatus) -> u32| {
                record.map_or_else(|| "-".to_owned(), |record| number(record).to_string())
            };
            table.row(
                out,
                [
                    po.name.clone(),
                    po.server.clone().unwrap_or_else(|| "-".to_owned()),
                    po.numbers.req.to_string(),
                    there(|record| record.req),
                    po.numbers.srv.to_string(),
                    there(|record| record.srv),
                    po.numbers.imp.to_string(),
                    there(|record| record.imp),
                    po.waiting
                        .map_or_else(|| "?".to_owned(), |waiting| waiting.to_string()),
                    (po.queued_mail + po.system_mail).to_string(),
                    if po.last_t3.is_empty() {
                        "never".to_owned()
                    } else {
                        po.last_t3.clone()
                    },
                ],
            )?;
        }
        table.end(out)?;
        out.line(if self.in_step {
            "everybody is in step"
        } else {
            "not everybody is in step"
        })
    }
}
