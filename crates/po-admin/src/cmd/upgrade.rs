//! `po-admin upgrade`.

use std::path::Path;

use dirsync::core::base::UnixTime;
use dirsync::postoffice::upgrade::{upgrade, upgrade_plan};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, TreeMut};
use dirsync_cli::escape;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::UpgradeArgs;
use crate::{failures, trees};
use dirsync_cli::plan;

#[derive(Serialize)]
struct Result_ {
    from: u32,
    to: u32,
    what: &'static str,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
    #[serde(skip)]
    tree: String,
}

pub(crate) fn run(args: &UpgradeArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let command = Command::Upgrade.words();
    // A look without the lock is enough for a tree that is current, and for a dry run.
    let (entry, planned, steps) = {
        let view = trees::view(&args.tree, settings, command)?;
        let planned = upgrade_plan(&view).map_err(|error| failures::of_po(&error))?;
        let steps = plan::steps(Some(&view), &planned.plan);
        (trees::entry(&view, &args.tree, settings), planned, steps)
    };
    let mut result = Result_ {
        from: planned.from,
        to: planned.to,
        what: planned.what,
        plan: steps,
        transaction: None,
        tree: args.tree.to_string_lossy().into_owned(),
    };
    if !planned.plan.is_empty() && !settings.dry_run {
        let options = trees::options(settings, command);
        let mut tree =
            TreeMut::open_for_upgrade(trees::disk(&args.tree)?, trees::POSTOFFICE, &options)
                .map_err(|error| failures::of_tree(&error))?;
        let info = CommitInfo {
            command: Command::Upgrade,
            user: trees::user_name(),
            now: UnixTime(settings.now()),
            counts: Vec::new(),
        };
        let done = upgrade(&mut tree, &info).map_err(|error| failures::of_po(&error))?;
        result.from = done.planned.from;
        result.transaction = done.committed.map(|committed| committed.transaction);
    }
    let mut report = Report::new(command, settings);
    report.tree(entry);
    report.print(&mut session.out, &result)
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let tree = escape::path(Path::new(&self.tree));
        let Self { from, to, what, .. } = self;
        if from == to {
            return out.line(&format!("{tree} has layout version {to}: nothing to do"));
        }
        for step in &self.plan {
            out.line(&step.text())?;
        }
        match self.transaction {
            Some(_) => out.line(&format!(
                "{tree}: upgraded from layout version {from} to {to} ({what})"
            )),
            None if self.plan.is_empty() => out.line(&format!(
                "{tree} has layout version {to}: another program upgraded it"
            )),
            None => out.line(&format!(
                "{tree}: would be upgraded from layout version {from} to {to} ({what})"
            )),
        }
    }
}
