//! `mtacheck restore`, `wipe` and `rotate`.

use dirsync::core::base::{Severity, UnixTime};
use dirsync::mta::boot::{plan_restore, plan_wipe};
use dirsync::mta::quarantine;
use dirsync::mta::store::Database;
use dirsync::mta::{MtaError, foreign};
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::journal::Plan;
use dirsync::tree::{Command, TreeView};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::plan::steps;
use dirsync_cli::report::{PlanStep, Problem, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::{DirArgs, RestoreArgs};
use crate::tree;

#[derive(Serialize)]
struct Result_ {
    /// What was done, for a reader and for JSON.
    done: Vec<String>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        for line in &self.done {
            out.line(&escape::text(line))?;
        }
        Ok(())
    }
}

/// Plans over a view, asks, commits; what all three commands share. `rotates` renames a filled quarantine
/// first, in a commit of its own.
fn carry_out<T>(
    dir: &std::path::Path,
    command: Command,
    question: Option<&str>,
    rotates: bool,
    session: &mut Session<'_>,
    plan: impl Fn(&TreeView) -> Result<(Plan, T), MtaError>,
    say: impl FnOnce(&T, &mut Report, &mut Vec<String>),
) -> anyhow::Result<Outcome> {
    let settings = session.settings.clone();
    let mut report = Report::new(command.words(), &settings);
    let mut result = Result_ {
        done: Vec::new(),
        plan: Vec::new(),
        transaction: None,
    };
    let done = if settings.dry_run {
        let view = tree::own(dir, &settings)?;
        report.tree(tree::entry(&view, dir, &settings));
        let (plan, done) = plan(&view).map_err(|error| tree::of_mta(&error))?;
        result.plan = steps(Some(&view), &plan);
        done
    } else {
        let mut writer = tree::writer(dir, &settings, command)?;
        report.tree(tree::entry(writer.view(), dir, &settings));
        if let Some(question) = question {
            session.confirm(question)?;
        }
        let info = tree::info(&settings, command);
        let filled = !foreign::quarantine(writer.view())
            .map_err(|error| tree::of_mta(&error))?
            .is_empty();
        if rotates && filled {
            let (plan, moved) =
                quarantine::rotate(writer.view()).map_err(|error| tree::of_mta(&error))?;
            writer
                .commit(&plan, &info)
                .map_err(|error| tree::of_tree(&error))?;
            result.done.extend(
                moved
                    .iter()
                    .map(|one| format!("{} -> {}", one.from, one.to)),
            );
        }
        let (plan, done) = plan(writer.view()).map_err(|error| tree::of_mta(&error))?;
        let committed = writer
            .commit(&plan, &info)
            .map_err(|error| tree::of_tree(&error))?;
        result.transaction = committed.map(|committed| committed.transaction);
        done
    };
    say(&done, &mut report, &mut result.done);
    report.print(&mut session.out, &result)
}

pub(crate) fn restore(args: &RestoreArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let shown = escape::path(&args.bootenv);
    let bootenv = RealDisk::open(&args.bootenv).map_err(|error| {
        Failure::data(format!("{shown}: {error}"))
            .hint("give the directory with the pristine DB*.DAT files")
    })?;
    let now = UnixTime(session.settings.now());
    let question = "Copy missing core files from BOOTENV";
    carry_out(
        &args.dir,
        Command::MtaRestore,
        Some(question),
        false,
        session,
        |view| plan_restore(&Database::open(view)?, &bootenv, now),
        |done, report, lines| {
            lines.extend(
                done.copied
                    .iter()
                    .map(|id| format!("{} copied", id.file_name())),
            );
            if done.copied.is_empty() && done.left.is_empty() {
                lines.push("no core file is missing".to_owned());
            }
            for (id, why) in &done.left {
                report.problem(Problem {
                    id: "mta.core-corrupt".into(),
                    severity: Severity::Error,
                    file: id.file_name(),
                    offset: None,
                    message: why.clone(),
                    hint: "`mtacheck repair` moves a damaged core file away; then restore again"
                        .into(),
                    tree: None,
                    repair: None,
                });
            }
        },
    )
}

pub(crate) fn wipe(args: &DirArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let now = UnixTime(session.settings.now());
    let question = "Take all messages off all queues";
    carry_out(
        &args.dir,
        Command::MtaWipe,
        Some(question),
        true,
        session,
        |view| plan_wipe(&Database::open(view)?, now),
        |done, report, lines| {
            lines.push(format!(
                "{} object files moved to MTACHECK.OUT, {} core files made anew, {} queues",
                done.moved, done.written, done.queues
            ));
            if done.queues_lost {
                report.problem(Problem {
                    id: "mta.super-queue".into(),
                    severity: Severity::Warning,
                    file: "DB000001.DAT".to_owned(),
                    offset: None,
                    message: "it could not be read: secured queues are gone and must be made again"
                        .to_owned(),
                    hint: "".into(),
                    tree: None,
                    repair: None,
                });
            }
        },
    )
}

pub(crate) fn rotate(args: &DirArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    carry_out(
        &args.dir,
        Command::MtaRotate,
        None,
        false,
        session,
        quarantine::rotate,
        |done, _, lines| {
            lines.extend(done.iter().map(|one| format!("{} -> {}", one.from, one.to)));
            if done.is_empty() {
                lines.push("MTACHECK.OUT is empty or not there".to_owned());
            }
        },
    )
}
