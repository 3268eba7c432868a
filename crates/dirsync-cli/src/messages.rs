//! What programs say about imports, rebuilds and RESYNC.GLB: numbered messages as problems.

use dirsync::import::{Problem as Found, Problems};
use dirsync_core::base::Severity;
use dirsync_core::base::catalogue::{Family, lookup_code};
use dirsync_core::base::logline::LogSeverity;

use crate::report::{Problem, Report};

/// Adds the numbered messages to a report.
pub fn add(report: &mut Report, problems: &Problems) {
    for found in problems.kept() {
        report.problem(problem(found, "record"));
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

/// A numbered message as a problem. `unit` says what its place counts: `record`, `line`.
#[must_use]
pub fn problem(found: &Found, unit: &str) -> Problem {
    let line = &found.line;
    let entry = line
        .code
        .and_then(|code| lookup_code(Family::Dirsync, i32::from(code)));
    let number = line
        .code
        .map_or_else(String::new, |code| format!("[{code:>3}] "));
    let at = found
        .record
        .map_or_else(String::new, |record| format!(" ({unit} {record})"));
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
        message: format!("{number}{}{at}", line.text),
        hint: entry.map_or("", |entry| entry.remedy).into(),
        tree: None,
        repair: None,
    }
}
