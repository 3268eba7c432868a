//! `mtacheck repair`, and the original's spelling of it.

use std::io::{BufWriter, Write};

use dirsync::core::base::UnixTime;
use dirsync::core::format::mta::MessageKind;
use dirsync::mta::repair::{Ending, Repair, RepairOptions, events, lines, plan_repair, repair};
use dirsync::progress::Progress as _;
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::output::Output;
use dirsync_cli::plan::steps;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::RepairArgs;
use crate::tree;

#[derive(Serialize)]
struct Event {
    event: i32,
    text: String,
}

#[derive(Serialize)]
struct Result_ {
    ending: &'static str,
    queues: u64,
    queues_rebuilt: Vec<String>,
    objects: u64,
    damaged: u64,
    purged: u64,
    lines: Vec<String>,
    /// What the MTA writes to the event log around an internal run.
    events: Vec<Event>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for one in &self.events {
            out.note(&format!("event {}: {}", one.event, one.text));
        }
        for step in &self.plan {
            out.line(&step.text())?;
        }
        Ok(())
    }
}

fn options(args: &RepairArgs, now: UnixTime) -> RepairOptions {
    let switches = [
        (args.rd, MessageKind::DirRep),
        (args.rp, MessageKind::PfRep),
        (args.rl, MessageKind::LinkMon),
        (args.rx, MessageKind::Dirsync),
    ];
    RepairOptions {
        remove: switches
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, kind)| *kind)
            .collect(),
        now,
        internal: args.internal,
    }
}

pub(crate) fn run(args: &RepairArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    if args.dir.to_string_lossy().starts_with("\\\\") {
        session.out.line(tree::REMOTE)?;
        return Ok(ExitCode::Refused.into());
    }
    let settings = session.settings.clone();
    let options = options(args, UnixTime(settings.now()));
    let mut report = Report::new(Command::MtaRepair.words(), &settings);
    let (done, plan, transaction) = if settings.dry_run {
        let view = tree::own(&args.dir, &settings)?;
        report.tree(tree::entry(&view, &args.dir, &settings));
        let done = plan_repair(&view, &options, &session.progress)
            .map_err(|error| tree::of_mta(&error))?;
        let plan = steps(Some(&view), &done.plan);
        (done, plan, None)
    } else {
        let mut writer = tree::writer(&args.dir, &settings, Command::MtaRepair)?;
        report.tree(tree::entry(writer.view(), &args.dir, &settings));
        let info = tree::info(&settings, Command::MtaRepair);
        let (done, committed) = repair(&mut writer, &options, &info, &session.progress)
            .map_err(|error| tree::of_mta(&error))?;
        (
            done,
            Vec::new(),
            committed.map(|committed| committed.transaction),
        )
    };
    session.progress.finish();
    let verbose = settings.verbose > 0 || args.internal;
    let mut kept = Vec::new();
    print(args, &done, verbose, session, &mut kept)?;
    for warning in &done.warnings {
        session
            .out
            .diagnostic(&format!("warning: {}", escape::text(warning)));
    }
    let (code, classic) = match done.ending {
        Ending::Clean => (ExitCode::Done, 0),
        Ending::Repaired => (ExitCode::Problems, 1),
        Ending::BootMissing => (ExitCode::Data, 2),
        Ending::SuperQueue | Ending::StaticFile => (ExitCode::Data, 3),
    };
    let result = Result_ {
        ending: match done.ending {
            Ending::Clean => "clean",
            Ending::Repaired => "repaired",
            Ending::BootMissing => "boot-missing",
            Ending::SuperQueue => "super-queue",
            Ending::StaticFile => "static-file",
        },
        queues: done.checked.queues.len() as u64,
        queues_rebuilt: done.rebuilt.iter().map(|(id, _)| id.to_string()).collect(),
        objects: done.detected(),
        damaged: done.damaged(),
        purged: done.purged.len() as u64,
        lines: kept,
        events: if args.internal {
            let events = events(&done).into_iter();
            events.map(|(event, text)| Event { event, text }).collect()
        } else {
            Vec::new()
        },
        plan,
        transaction,
    };
    report.print(&mut session.out, &result)?;
    Ok(Outcome::from(code).classic(classic))
}

/// The lines on the screen, in the log, and for JSON. A log that cannot be written is said and is no
/// reason to fail (R-CLI-006).
fn print(
    args: &RepairArgs,
    done: &Repair,
    verbose: bool,
    session: &mut Session<'_>,
    kept: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut log = None;
    if let Some(path) = args.log.as_ref().filter(|_| !session.settings.dry_run) {
        // Overwritten, as the original's event log is (OQ-14).
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        match file {
            Ok(file) => log = Some(BufWriter::new(file)),
            Err(error) => session.out.diagnostic(&format!(
                "warning: {}: {error}; the run has no log file",
                escape::path(path)
            )),
        }
    }
    let json = session.settings.json;
    let mut failed = None;
    let mut log_failed = None;
    lines(done, verbose, &mut |line| {
        if json {
            kept.push(line.to_owned());
        } else if failed.is_none() {
            failed = session.out.line(&escape::text(line)).err();
        }
        if let Some(log) = &mut log
            && log_failed.is_none()
        {
            log_failed = writeln!(log, "{line}").err();
        }
    });
    if let Some(log) = &mut log
        && log_failed.is_none()
    {
        log_failed = log.flush().err();
    }
    if let Some(error) = log_failed {
        session
            .out
            .diagnostic(&format!("warning: the log file is not complete: {error}"));
    }
    failed.map_or(Ok(()), Err)
}
