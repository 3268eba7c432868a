//! `glb-import queue`.

use dirsync::core::base::UnixTime;
use dirsync::core::format::FixedRecord as _;
use dirsync::core::format::reqconf::{ReqConfRecord, req_options};
use dirsync::core::protocol::guard::Ceilings;
use dirsync::import::apply::ListChange;
use dirsync::import::queue::{Imported, QueueOptions, QueuePlan, plan_queue, run_queue};
use dirsync::import::rebuild::{RebuildOptions, rebuild};
use dirsync::progress::Progress as _;
use dirsync::tree::{Command, TreeView};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::QueueArgs;
use crate::report::{self, List};
use crate::resync::Resync;
use crate::tree;

#[derive(Serialize)]
pub(crate) struct ListRow {
    list: String,
    before: u64,
    after: u64,
    removed: u64,
    changed: bool,
}

#[derive(Serialize)]
pub(crate) struct Counts {
    added: u64,
    deleted: u64,
    modified: u64,
    replaced: u64,
    templates: u64,
    repeated: u64,
    ignored: u64,
    failed: u64,
    pub(crate) created: u64,
    pub(crate) copies: u64,
}

#[derive(Serialize)]
struct Result_ {
    records: u64,
    damaged: u64,
    /// RESYNC.GLB, when it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    resync: Option<Resync>,
    /// Waiting records that RESYNC.GLB covers.
    covered: u64,
    counts: Counts,
    lists: Vec<ListRow>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
    /// Why there is no rebuild: `no-rebuild`, `option`, `dry-run`; absent when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuild_left_out: Option<&'static str>,
    rebuild: Option<List>,
}

pub(crate) fn run(args: &QueueArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let mut allow_deletes = Ceilings::default();
    for option in &args.allow_deletes {
        allow_deletes
            .allow(option)
            .map_err(|error| Failure::usage(format!("--allow-deletes: {error}")))?;
    }
    let options = QueueOptions {
        allow_deletes,
        // Message 66: transactions of the own postoffice.
        verbose: settings.verbose > 0,
        break_lock: args.break_lock,
        accept_older: args.accept_older,
        discard_waiting: args.discard_waiting,
        wait: settings.wait,
        ..QueueOptions::at(UnixTime(settings.now()))
    };
    let mut report = Report::new(Command::ImportQueue.words(), settings);
    let mut result;
    if settings.dry_run {
        let view = tree::view(&args.tree, settings, Command::ImportQueue)?;
        report.tree(tree::entry(&view, &args.tree, settings));
        let QueuePlan { plan, imported } = plan_queue(&view, &options, &[], &session.progress)
            .map_err(|error| tree::of_import(&error))?;
        report::add(&mut report, &imported.problems);
        result = Result_::new(&imported);
        result.plan = dirsync_cli::plan::steps(Some(&view), &plan);
        result.rebuild_left_out = left_out(args, &view).or(Some("dry-run"));
    } else {
        let mut writer = tree::writer(&args.tree, settings, Command::ImportQueue)?;
        report.tree(tree::entry(writer.view(), &args.tree, settings));
        let info = tree::info(settings, Command::ImportQueue);
        let (imported, committed) = run_queue(&mut writer, &options, &info, &session.progress)
            .map_err(|error| tree::of_import(&error))?;
        report::add(&mut report, &imported.problems);
        result = Result_::new(&imported);
        result.transaction = committed.map(|done| done.transaction);
        result.rebuild_left_out = left_out(args, writer.view());
        if result.rebuild_left_out.is_none() {
            let options = RebuildOptions {
                now: UnixTime(settings.now()),
                keep_global_list: args.keep_global_list,
            };
            let info = tree::info(settings, Command::Rebuild);
            let (rebuilt, committed) = rebuild(&mut writer, &options, &info, &session.progress)
                .map_err(|error| tree::of_import(&error))?;
            report::add(&mut report, &rebuilt.problems);
            result.rebuild = Some(List::new(&rebuilt, committed.map(|done| done.transaction)));
        }
    }
    session.progress.finish();
    report.print(&mut session.out, &result)
}

/// Why the list is not rebuilt.
fn left_out(args: &QueueArgs, view: &TreeView) -> Option<&'static str> {
    if args.no_rebuild {
        return Some("no-rebuild");
    }
    let conf = view.read("GLB/REQCONF.GLB", 4096).ok().flatten();
    let off = conf
        .and_then(|bytes| ReqConfRecord::decode(&bytes).ok())
        .is_some_and(|conf| conf.has_magic() && !conf.has(req_options::REBUILD));
    off.then_some("option")
}

impl Result_ {
    fn new(imported: &Imported) -> Self {
        Self {
            records: imported.records,
            damaged: imported.damaged,
            resync: imported.resync.as_ref().map(Resync::new),
            covered: imported.covered,
            counts: Counts::new(&imported.counts),
            lists: imported.lists.iter().map(ListRow::new).collect(),
            plan: Vec::new(),
            transaction: None,
            rebuild_left_out: None,
            rebuild: None,
        }
    }
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        if let Some(resync) = &self.resync {
            resync.text(out)?;
        }
        if self.records == 0 && self.damaged == 0 {
            out.line("no transactions wait")?;
        } else {
            let counts = &self.counts;
            let sentence = counts.sentence();
            out.line(&format!(
                "{}: {sentence}",
                counted(self.records, "transaction", "transactions")
            ))?;
            for list in self.lists.iter().filter(|list| list.changed) {
                out.line(&list.sentence())?;
            }
            if counts.created > 0 {
                out.line(&format!("  postoffices created: {}", counts.created))?;
            }
        }
        match (&self.rebuild, self.rebuild_left_out) {
            (Some(list), _) => list.text(out, false),
            // The text of the original (Q105965).
            (None, Some("option")) => out.line("GAL not active on this PO"),
            (None, Some("dry-run")) => {
                out.line("Global Address List: would be rebuilt from the new lists")
            }
            (None, _) => Ok(()),
        }
    }
}

impl ListRow {
    pub(crate) fn new(list: &ListChange) -> Self {
        Self {
            list: list.list.to_string(),
            before: list.before,
            after: list.after,
            removed: list.removed,
            changed: list.changed,
        }
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    pub(crate) fn sentence(&self) -> String {
        let name = escape::text(&self.list);
        format!(
            "  {name}: {} -> {}",
            self.before,
            counted(self.after, "entry", "entries")
        )
    }
}

impl Counts {
    pub(crate) fn new(counts: &dirsync::import::apply::Counts) -> Self {
        Self {
            added: counts.added,
            deleted: counts.deleted,
            modified: counts.modified,
            replaced: counts.replaced,
            templates: counts.templates,
            repeated: counts.repeated,
            ignored: counts.ignored,
            failed: counts.failed,
            created: counts.created,
            copies: counts.copies,
        }
    }

    pub(crate) fn sentence(&self) -> String {
        format!(
            "{} added, {} deleted, {} modified, {} replaced, {} already so, {} ignored, {} failed",
            self.added,
            self.deleted,
            self.modified,
            counted(self.replaced, "list", "lists"),
            self.repeated,
            self.ignored,
            self.failed
        )
    }
}
