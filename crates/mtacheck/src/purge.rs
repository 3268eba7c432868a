//! `mtacheck purge`.

use dirsync::core::base::UnixTime;
use dirsync::mta::purge::{Purged, dry_purge, purge};
use dirsync::progress::Progress as _;
use dirsync::tree::Command;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::plan::steps;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::PurgeArgs;
use crate::{list, tree};

#[derive(Serialize)]
struct Message {
    id: String,
    queue: String,
    mts_id: String,
}

#[derive(Serialize)]
struct Result_ {
    messages: u64,
    files: u64,
    bytes: u64,
    rotated: Vec<String>,
    purged: Vec<Message>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
    #[serde(skip)]
    dry_run: bool,
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for name in &self.rotated {
            out.line(name)?;
        }
        for step in &self.plan {
            out.line(&step.text())?;
        }
        let would = if self.dry_run { "would be " } else { "" };
        out.line(&format!(
            "{} {would}taken off their queues, {} {would}moved to MTACHECK.OUT",
            counted(self.messages, "message", "messages"),
            counted(self.files, "file", "files")
        ))
    }
}

pub(crate) fn run(args: &PurgeArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let filters = &args.filters;
    if filters.queue.is_empty() && filters.ids.is_none() {
        return Err(
            Failure::usage("say which messages: --queue QUEUE or --ids FILE")
                .hint("`mtacheck list … --format ids | mtacheck purge MTADATA --ids - --yes`")
                .into(),
        );
    }
    let settings = session.settings.clone();
    let mut report = Report::new(Command::MtaPurge.words(), &settings);
    let (done, plan, transaction): (Purged, _, _) = if settings.dry_run {
        let view = tree::own(&args.dir, &settings)?;
        report.tree(tree::entry(&view, &args.dir, &settings));
        let (queues, selection) = list::chosen(filters, &view, session)?;
        let now = UnixTime(settings.now());
        let (plan, done) = dry_purge(
            &view,
            &queues,
            &selection,
            filters.limit,
            now,
            &session.progress,
        )
        .map_err(|error| tree::of_mta(&error))?;
        (done, steps(Some(&view), &plan), None)
    } else {
        let mut writer = tree::writer(&args.dir, &settings, Command::MtaPurge)?;
        report.tree(tree::entry(writer.view(), &args.dir, &settings));
        let (queues, selection) = list::chosen(filters, writer.view(), session)?;
        let where_ = if filters.queue.is_empty() {
            "all queues".to_owned()
        } else {
            queues
                .iter()
                .map(|queue| queue.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        session.confirm(&format!("Take the chosen messages off {where_}"))?;
        let info = tree::info(&settings, Command::MtaPurge);
        let (done, committed) = purge(
            &mut writer,
            &queues,
            &selection,
            filters.limit,
            &info,
            &session.progress,
        )
        .map_err(|error| tree::of_mta(&error))?;
        (
            done,
            Vec::new(),
            committed.map(|committed| committed.transaction),
        )
    };
    session.progress.finish();
    for one in &done.unreadable {
        report.problem(list::unreadable(one.id, &one.why));
    }
    let result = Result_ {
        messages: done.messages.len() as u64,
        files: done.files,
        bytes: done.bytes,
        rotated: done
            .rotated
            .iter()
            .map(|one| format!("{} -> {}", one.from, one.to))
            .collect(),
        purged: done
            .messages
            .iter()
            .map(|(queue, id, mts_id)| Message {
                id: id.to_string(),
                queue: queue.to_string(),
                mts_id: mts_id.clone(),
            })
            .collect(),
        plan,
        transaction,
        dry_run: settings.dry_run,
    };
    report.print(&mut session.out, &result)
}
