//! What programs say about imports, rebuilds and RESYNC.GLB: numbered messages as problems, plans as
//! steps.

use dirsync::import::{Problem as Found, Problems};
use dirsync::tree::TreeView;
use dirsync::tree::journal::{Plan, Step};
use dirsync_core::base::Severity;
use dirsync_core::base::catalogue::{Family, lookup_code};
use dirsync_core::base::logline::LogSeverity;

use crate::report::{PlanStep, Problem, Report, Side};

/// Adds the numbered messages to a report.
pub fn add(report: &mut Report, problems: &Problems) {
    for found in problems.kept() {
        report.problem(problem(found));
    }
    let more = problems.total() - problems.kept().len() as u64;
    if more > 0 {
        report.problem(Problem {
            id: "message.more".into(),
            severity: Severity::Warning,
            file: String::new(),
            offset: None,
            message: format!("{more} more messages"),
            hint: "correct what is named first, then run again".into(),
            tree: None,
            repair: None,
        });
    }
}

fn problem(found: &Found) -> Problem {
    let line = &found.line;
    let entry = line
        .code
        .and_then(|code| lookup_code(Family::Dirsync, i32::from(code)));
    let number = line
        .code
        .map_or_else(String::new, |code| format!("[{code:>3}] "));
    let record = found
        .record
        .map_or_else(String::new, |record| format!(" (record {record})"));
    Problem {
        id: line
            .code
            .map_or_else(|| "message.other".into(), |code| format!("message.{code}"))
            .into(),
        severity: match line.severity {
            LogSeverity::Status => Severity::Note,
            LogSeverity::Warning => Severity::Warning,
            LogSeverity::Error => Severity::Error,
            LogSeverity::Fatal => Severity::Fatal,
        },
        file: found.file.clone(),
        offset: found.offset,
        message: format!("{number}{}{record}", line.text),
        hint: entry.map_or("", |entry| entry.remedy).into(),
        tree: None,
        repair: None,
    }
}

/// The steps of a plan: `before` is what stands there (a length in bytes), `after` what will.
#[must_use]
pub fn steps(view: &TreeView, plan: &Plan) -> Vec<PlanStep> {
    plan.steps()
        .map(|(path, step)| {
            let before = || {
                view.stat_on_disk(path)
                    .ok()
                    .flatten()
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
