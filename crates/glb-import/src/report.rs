//! What both commands report: problems, the steps of a plan, a rebuilt list.

use dirsync::import::rebuild::Rebuilt;
use dirsync::tree::TreeView;
use dirsync::tree::journal::{Plan, Step};
pub(crate) use dirsync_cli::messages::add;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Side};
use serde::Serialize;

/// The steps of a plan: `before` is what stands there (a length in bytes), `after` what will.
pub(crate) fn steps(view: &TreeView, plan: &Plan) -> Vec<PlanStep> {
    plan.steps()
        .map(|(path, step)| {
            let before = || {
                view.stat_on_disk(path)
                    .ok()
                    .flatten()
                    .map_or(Side::Nothing, |stat| Side::Number(stat.len))
            };
            let (before, after) = match step {
                Step::Replace { bytes } => (before(), Side::Number(bytes.len() as u64)),
                Step::Extents {
                    len_before,
                    len_after,
                    ..
                } => (Side::Number(*len_before), Side::Number(*len_after)),
                Step::Remove => (before(), Side::Nothing),
                Step::Mkdir => (Side::Nothing, Side::Text("directory".into())),
                Step::Rmdir => (Side::Text("directory".into()), Side::Nothing),
                Step::Move { to } => (before(), Side::Text(to.to_string())),
            };
            PlanStep {
                op: step.word().into(),
                path: path.to_string(),
                before,
                after,
            }
        })
        .collect()
}

/// A rebuilt list.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    entries: u64,
    entries_before: Option<u64>,
    words: u64,
    new_ids: u64,
    changed: bool,
    transaction: Option<u64>,
}

impl List {
    pub(crate) fn new(rebuilt: &Rebuilt, transaction: Option<u64>) -> Self {
        Self {
            entries: rebuilt.entries,
            entries_before: rebuilt.entries_before,
            words: rebuilt.words,
            new_ids: rebuilt.new_ids,
            changed: rebuilt.changed,
            transaction,
        }
    }

    pub(crate) fn text(&self, out: &mut Output<'_>, dry_run: bool) -> anyhow::Result<()> {
        let before = match self.entries_before {
            Some(before) => format!(" (before: {before})"),
            None => " (there was none)".to_owned(),
        };
        let said = match (self.changed, dry_run) {
            (false, _) => ", unchanged: nothing was written",
            (true, true) => ", would be written",
            (true, false) => "",
        };
        out.line(&format!(
            "Global Address List: {} entries{before}, {} words, {} new tuple ids{said}",
            self.entries, self.words, self.new_ids
        ))
    }
}
