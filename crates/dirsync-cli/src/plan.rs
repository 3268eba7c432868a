//! Plans of the library as steps of a report.

use crate::report::{PlanStep, Side};
use dirsync::tree::TreeView;
use dirsync::tree::journal::{Plan, Step};

/// The steps of a plan: `before` is what stands there (a length in bytes), `after` what will.
/// Without a view nothing stands anywhere yet.
#[must_use]
pub fn steps(view: Option<&TreeView>, plan: &Plan) -> Vec<PlanStep> {
    plan.steps()
        .map(|(path, step)| {
            let before = || {
                view.and_then(|view| view.stat_on_disk(path).ok().flatten())
                    .map_or(Side::Nothing, |stat| Side::Number(stat.len))
            };
            let (before, after) = match step {
                Step::Replace { content } => (before(), Side::Number(content.len_bytes())),
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
