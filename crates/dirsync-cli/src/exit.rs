//! Exit codes: the same for all five programs, and the originals' codes for `--classic-exit`.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done, nothing wrong |
//! | 1 | done, but problems were found or parts failed |
//! | 2 | usage |
//! | 3 | refused for safety |
//! | 4 | busy |
//! | 5 | data or I/O error that stopped the work |
//! | 70 | internal error |
//! | 130 | interrupted, resumable |

use std::fmt;

/// How a program ended. The order is the order of the numbers, not of badness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExitCode {
    /// 0: done, nothing wrong.
    Done,
    /// 1: done, but problems were found or parts failed; the report says which.
    Problems,
    /// 2: the arguments make no sense; nothing was done.
    Usage,
    /// 3: refused for safety: foreign tree, delete guard, needs `--yes`, quarantine not empty,
    /// message 14.
    Refused,
    /// 4: somebody else holds the tree.
    Busy,
    /// 5: a data or I/O error stopped the work.
    Data,
    /// 70: a fault of the program itself.
    Internal,
    /// 130: interrupted by the user; the same command resumes.
    Interrupted,
}

impl ExitCode {
    /// All codes, ascending.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Problems,
        Self::Usage,
        Self::Refused,
        Self::Busy,
        Self::Data,
        Self::Internal,
        Self::Interrupted,
    ];

    /// The number given to the operating system.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Problems => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Busy => 4,
            Self::Data => 5,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }

    /// What it means, in the words of the help text.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, nothing wrong",
            Self::Problems => "done, but problems were found or parts failed",
            Self::Usage => "the arguments make no sense",
            Self::Refused => "refused for safety",
            Self::Busy => "busy: somebody else holds the tree",
            Self::Data => "a data or I/O error stopped the work",
            Self::Internal => "internal error",
            Self::Interrupted => "interrupted; the same command resumes",
        }
    }
}

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code(), self.meaning())
    }
}

/// What became of one tree of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it was done and nothing is wrong.
    Done,
    /// Done, but problems were found.
    Problems,
    /// A data or I/O error stopped the work on this tree.
    Failed,
    /// The tree is not ours; it was skipped or only read.
    Foreign,
    /// Somebody else holds the tree.
    Busy,
    /// The bulk-delete guard holds it back.
    Held,
}

/// The exit code of a command that was given one tree and nothing but it.
#[must_use]
pub fn of_one_tree(part: Part) -> ExitCode {
    match part {
        Part::Done => ExitCode::Done,
        Part::Problems => ExitCode::Problems,
        Part::Failed => ExitCode::Data,
        Part::Foreign | Part::Held => ExitCode::Refused,
        Part::Busy => ExitCode::Busy,
    }
}

/// The exit code of a command over several trees, or over a site however many trees it holds: 3
/// when a held guard is among them, else 1 when a part failed, was foreign, busy or had problems,
/// else 0.
#[must_use]
pub fn over_trees(parts: impl IntoIterator<Item = Part>) -> ExitCode {
    let mut code = ExitCode::Done;
    for part in parts {
        match part {
            Part::Held => return ExitCode::Refused,
            Part::Done => {}
            Part::Problems | Part::Failed | Part::Foreign | Part::Busy => {
                code = ExitCode::Problems;
            }
        }
    }
    code
}

/// Turns our exit code into the number of the original program, for `--classic-exit`.
pub type Classic = fn(ExitCode) -> u8;

/// The numbers of the dirsync steps: 64 normal end (Q139034), 65 some step failed (Q148705), 2
/// cannot start (Q132731).
#[must_use]
pub fn classic_step(code: ExitCode) -> u8 {
    match code {
        ExitCode::Done => 64,
        ExitCode::Usage => 2,
        _ => 65,
    }
}

/// ASSIGNED numbers for the MTA's checker, whose originals were never published: 0 clean, 1
/// repaired, 4 refused, 5 usage or I/O error. The two that say more than our codes (2 objects of
/// the boot environment missing, 3 serious errors) come from the program itself, see
/// [`crate::session::Outcome::classic`].
#[must_use]
pub fn classic_mtacheck(code: ExitCode) -> u8 {
    match code {
        ExitCode::Done => 0,
        ExitCode::Problems => 1,
        ExitCode::Refused | ExitCode::Busy => 4,
        ExitCode::Usage | ExitCode::Data | ExitCode::Internal | ExitCode::Interrupted => 5,
    }
}

/// For programs whose originals had no documented codes: ours.
#[must_use]
pub fn classic_none(code: ExitCode) -> u8 {
    code.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_contract() {
        let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 70, 130]);
        let meanings: std::collections::BTreeSet<_> =
            ExitCode::ALL.iter().map(|code| code.meaning()).collect();
        assert_eq!(meanings.len(), ExitCode::ALL.len());
    }

    #[test]
    fn a_held_guard_wins_over_failed_parts_wherever_it_stands() {
        use Part::*;
        assert_eq!(over_trees([]), ExitCode::Done);
        assert_eq!(over_trees([Done, Done]), ExitCode::Done);
        for part in [Problems, Failed, Foreign, Busy] {
            assert_eq!(
                over_trees([Done, part, Done]),
                ExitCode::Problems,
                "{part:?}"
            );
            assert_eq!(over_trees([Held, part]), ExitCode::Refused, "{part:?}");
            assert_eq!(over_trees([part, Held]), ExitCode::Refused, "{part:?}");
        }
    }

    #[test]
    fn one_tree_says_why_it_was_not_done() {
        assert_eq!(of_one_tree(Part::Failed), ExitCode::Data);
        assert_eq!(of_one_tree(Part::Foreign), ExitCode::Refused);
        assert_eq!(of_one_tree(Part::Held), ExitCode::Refused);
        assert_eq!(of_one_tree(Part::Busy), ExitCode::Busy);
        assert_eq!(of_one_tree(Part::Problems), ExitCode::Problems);
        assert_eq!(of_one_tree(Part::Done), ExitCode::Done);
    }

    // rule: dec:DEC-107
    // rule: imp:R-IMP-031
    #[test]
    fn classic_numbers() {
        assert_eq!(classic_step(ExitCode::Done), 64);
        assert_eq!(classic_step(ExitCode::Usage), 2);
        for code in ExitCode::ALL {
            if !matches!(code, ExitCode::Done | ExitCode::Usage) {
                assert_eq!(classic_step(code), 65, "{code}");
            }
            assert_eq!(classic_none(code), code.code());
        }
        assert_eq!(classic_mtacheck(ExitCode::Done), 0);
        assert_eq!(classic_mtacheck(ExitCode::Problems), 1);
        assert_eq!(classic_mtacheck(ExitCode::Refused), 4);
        assert_eq!(classic_mtacheck(ExitCode::Busy), 4);
        assert_eq!(classic_mtacheck(ExitCode::Data), 5);
    }
}
