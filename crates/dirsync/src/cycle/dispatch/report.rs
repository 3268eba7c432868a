//! What a dispatcher reports of each postoffice and each step.

use serde::Serialize;

use crate::transport::far::{Failure, FailureClass, Problem};

use super::super::run::Became;
use super::super::step::Step;

/// One step that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRecord {
    /// `NET/PO`.
    pub postoffice: String,
    /// The step.
    pub step: Step,
    /// The start that it kept, seconds since 1970.
    pub scheduled: u32,
    /// When it was made.
    pub made: u32,
    /// 64 or 65, as DISPATCH.LOG has it.
    pub exit_code: u8,
    /// Transactions sent or entries received.
    pub moved: Option<u32>,
}

/// A postoffice and what the dispatcher saw of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberState {
    /// Its directory.
    pub path: String,
    /// `NET/PO`.
    pub name: Option<String>,
    /// The worst that became of it.
    pub became: Became,
    /// Steps made.
    pub runs: u64,
    /// Windows missed.
    pub missed: u64,
    /// Its next start, seconds since 1970.
    pub next: Option<u32>,
    /// What was wrong, each thing once.
    pub problems: Vec<Problem>,
}

/// Kinds of problems that a postoffice is reported with at most.
const PROBLEMS_KEPT: usize = 200;

impl MemberState {
    pub(super) fn at_least(&mut self, became: Became) {
        self.became = self.became.max(became);
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_KEPT && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn fail(&mut self, what: &str, failure: &Failure, foreign: bool) {
        self.at_least(match failure.class {
            FailureClass::Busy => Became::Busy,
            FailureClass::Refused if foreign => Became::Foreign,
            FailureClass::Refused | FailureClass::Data => Became::Failed,
        });
        self.problem(Problem {
            id: "cycle.failed".to_owned(),
            severity: "error".to_owned(),
            file: String::new(),
            offset: None,
            message: format!("{what}{}", failure.message),
            hint: failure.hint.clone().unwrap_or_default(),
        });
    }
}
