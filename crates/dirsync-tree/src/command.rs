//! The commands that change trees, by name.
//!
//! Every commit says which command made it (audit log), and the fault harness must have a row for
//! each variant: its registry matches this enum without a wildcard, so that a command without a
//! row does not compile.

use std::fmt;

/// A command that commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// `po-admin init`
    Init,
    /// `po-admin upgrade`
    Upgrade,
    /// `po-admin check --fix`
    CheckFix,
}

impl Command {
    /// All variants.
    pub const ALL: [Self; 3] = [Self::Init, Self::Upgrade, Self::CheckFix];

    /// Program and sub-command, as typed.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Init => "po-admin init",
            Self::Upgrade => "po-admin upgrade",
            Self::CheckFix => "po-admin check --fix",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
