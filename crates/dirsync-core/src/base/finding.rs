//! What a checker finds: a stable id, a severity, a place, what is wrong and what a repair would
//! do and lose.

use std::borrow::Cow;
use std::fmt;

/// The stable name of a kind of finding, for example `mailbag.key-without-mbg`.
///
/// Two lower-case words or more, group and fact separated by the first dot. Ids never change their
/// meaning; scripts use them with `--ignore` and `--fix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FindingId(pub &'static str);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How bad a finding is. The order is from harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing, nothing to do; does not change the exit code.
    Note,
    /// Something works less well than it should.
    Warning,
    /// Something is damaged or will fail.
    Error,
    /// The tree cannot be used until this is repaired.
    Fatal,
}

impl Severity {
    /// The word used in tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One finding of a checker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind of finding.
    pub id: FindingId,
    /// How bad it is.
    pub severity: Severity,
    /// The file or directory, relative to the tree's root with `/`; empty for the tree itself.
    pub file: String,
    /// Byte offset in the file, where one byte can be named.
    pub offset: Option<u64>,
    /// What is wrong, in one sentence that names the facts.
    pub message: String,
    /// The next step for the reader; empty when there is none.
    pub hint: Cow<'static, str>,
    /// What the repair would do; `None` when there is no automatic repair.
    pub repair: Option<Repair>,
}

/// What a repair would do to mend one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What it does, in one sentence.
    pub action: String,
    /// What is lost by it; `None` when nothing is.
    pub loses: Option<String>,
}
