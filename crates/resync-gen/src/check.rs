//! `resync-gen check`.

use dirsync::core::base::UnixTime;
use dirsync::core::protocol::guard::Ceilings;
use dirsync::core::protocol::numbers::Numbers;
use dirsync::import::queue::{QueueOptions, QueuePlan, plan_with_resync};
use dirsync::import::resync::Taken;
use dirsync::progress::Progress as _;
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::messages;
use dirsync_cli::output::Output;
use dirsync_cli::outside::Place;
use dirsync_cli::report::{Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::CheckArgs;
use crate::report::Shown;
use crate::{file, tree};

#[derive(Serialize)]
struct ListRow {
    list: String,
    before: u64,
    after: u64,
    removed: u64,
    changed: bool,
}

#[derive(Serialize)]
struct WaitedRow {
    old: u32,
    new: Option<u32>,
    text: String,
}

#[derive(Serialize)]
struct Three {
    req_sync: u32,
    srv_sync: u32,
    imp_sync: u32,
}

#[derive(Serialize)]
struct Result_ {
    file: String,
    accepted: bool,
    contents: Shown,
    before: Three,
    after: Three,
    renumbered: u64,
    discarded: u64,
    waited: Vec<WaitedRow>,
    /// Entries that would go, over all lists.
    removed: u64,
    /// Waiting records of the queues that the file covers.
    covered: u64,
    created: u64,
    changes: Vec<ListRow>,
}

fn three(numbers: Numbers) -> Three {
    Three {
        req_sync: numbers.req,
        srv_sync: numbers.srv,
        imp_sync: numbers.imp,
    }
}

pub(crate) fn run(args: &CheckArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let mut allow_deletes = Ceilings::default();
    for option in &args.allow_deletes {
        allow_deletes
            .allow(option)
            .map_err(|error| Failure::usage(format!("--allow-deletes: {error}")))?;
    }
    let place = Place::of(&args.file)?;
    let file = file::require(&place)?;
    tree::require_postoffice(&args.tree)?;
    let view = tree::view(&args.tree, settings, Command::ImportQueue)?;
    let mut report = Report::new("resync-gen check", settings);
    report.tree(tree::entry(&view, &args.tree, settings));
    let options = QueueOptions {
        allow_deletes,
        accept_older: args.accept_older,
        discard_waiting: args.discard_waiting,
        resync_only: true,
        ..QueueOptions::at(UnixTime(settings.now()))
    };
    let QueuePlan { imported, .. } =
        plan_with_resync(&view, &options, Some(&file), &[], &session.progress)
            .map_err(|error| tree::of_import(&error))?;
    session.progress.finish();
    messages::add(&mut report, &imported.problems);
    let taken: &Taken = imported
        .resync
        .as_ref()
        .ok_or_else(|| Failure::internal("the file was not looked at"))?;
    let changes: Vec<ListRow> = imported
        .lists
        .iter()
        .map(|list| ListRow {
            list: list.list.to_string(),
            before: list.before,
            after: list.after,
            removed: list.removed,
            changed: list.changed,
        })
        .collect();
    let result = Result_ {
        file: place.shown().to_owned(),
        accepted: true,
        contents: Shown::new(&taken.contents),
        before: three(taken.before),
        after: three(taken.after),
        renumbered: taken.renumbered,
        discarded: taken.discarded,
        waited: taken
            .waited
            .iter()
            .map(|waited| WaitedRow {
                old: waited.old,
                new: waited.new,
                text: waited.text.clone(),
            })
            .collect(),
        removed: changes.iter().map(|list| list.removed).sum(),
        covered: imported.covered,
        created: imported.counts.created,
        changes,
    };
    report.print(&mut session.out, &result)
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let show = |three: &Three| {
            let Three {
                req_sync,
                srv_sync,
                imp_sync,
            } = three;
            format!("R={req_sync} S={srv_sync} I={imp_sync}")
        };
        out.line(&format!(
            "{} would be taken: numbers {} -> {}",
            escape::text(&self.file),
            show(&self.before),
            show(&self.after)
        ))?;
        for list in self.changes.iter().filter(|list| list.changed) {
            out.line(&format!(
                "  {}: {} -> {}, {} would go",
                escape::text(&list.list),
                list.before,
                counted(list.after, "entry", "entries"),
                list.removed
            ))?;
        }
        if self.created > 0 {
            out.line(&format!(
                "  postoffices that would be created: {}",
                self.created
            ))?;
        }
        if self.renumbered > 0 {
            let count = waiting(self.renumbered);
            out.line(&format!(
                "  {count} would be sent behind the numbers of the file:"
            ))?;
        }
        if self.discarded > 0 {
            let count = waiting(self.discarded);
            out.line(&format!("  {count} would be dropped:"))?;
        }
        for waited in &self.waited {
            let text = escape::text(&waited.text.replace('\t', "  ")).into_owned();
            match waited.new {
                Some(new) if new == waited.old => {
                    out.line(&format!("    {new} as before  {text}"))?
                }
                Some(new) => out.line(&format!("    {} -> {new}  {text}", waited.old))?,
                None => out.line(&format!("    {}  {text}", waited.old))?,
            }
        }
        if self.covered > 0 {
            let count = counted(self.covered, "record", "records");
            out.line(&format!("  covered by it: {count} of the queues"))?;
        }
        Ok(())
    }
}

fn waiting(count: u64) -> String {
    counted(count, "waiting transaction", "waiting transactions")
}
