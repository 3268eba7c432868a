//! `glb-import rebuild`.

use dirsync::core::base::UnixTime;
use dirsync::import::rebuild::{RebuildOptions, RebuildPlan, plan_rebuild, rebuild};
use dirsync::progress::Progress as _;
use dirsync::tree::Command;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::RebuildArgs;
use crate::report::{self, List};
use crate::tree;

#[derive(Serialize)]
struct Result_ {
    #[serde(flatten)]
    list: List,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    dry_run: bool,
}

pub(crate) fn run(args: &RebuildArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let options = RebuildOptions {
        now: UnixTime(settings.now()),
        keep_global_list: args.keep_global_list,
    };
    let mut report = Report::new(Command::Rebuild.words(), settings);
    let (rebuilt, plan, transaction) = if settings.dry_run {
        let view = tree::view(&args.tree, settings, Command::Rebuild)?;
        report.tree(tree::entry(&view, &args.tree, settings));
        let RebuildPlan { plan, rebuilt } = plan_rebuild(&view, &options, &session.progress)
            .map_err(|error| tree::of_import(&error))?;
        (rebuilt, dirsync_cli::plan::steps(Some(&view), &plan), None)
    } else {
        let mut writer = tree::writer(&args.tree, settings, Command::Rebuild)?;
        report.tree(tree::entry(writer.view(), &args.tree, settings));
        let info = tree::info(settings, Command::Rebuild);
        let (rebuilt, committed) = rebuild(&mut writer, &options, &info, &session.progress)
            .map_err(|error| tree::of_import(&error))?;
        (rebuilt, Vec::new(), committed.map(|done| done.transaction))
    };
    session.progress.finish();
    report::add(&mut report, &rebuilt.problems);
    let result = Result_ {
        list: List::new(&rebuilt, transaction),
        plan,
        dry_run: settings.dry_run,
    };
    report.print(&mut session.out, &result)
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        self.list.text(out, self.dry_run)
    }
}
