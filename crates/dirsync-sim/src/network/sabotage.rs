//! Rules broken on purpose, to see that the oracle notices.
//!
//! They are broken here, at the seam between the state machines and what carries out their plans:
//! what goes in is falsified, or what comes out is not obeyed. The production code has no switch
//! that could be left on.

use std::fmt;
use std::str::FromStr;

/// A rule to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Waiting transactions leave REQTRANS when they are sent, not when their echo comes (dsp
    /// R-T3-002).
    Echo,
    /// A reply is applied although its srvwas is above q.S (DEC-037 (4)).
    Hole,
    /// Import replies come without their lists (dsp R-IMP-005).
    Lists,
    /// Transactions numbered at or below s\[r\].R are taken again (dsp R-T2R-006).
    Again,
    /// Old entries are purged whoever has not confirmed them (DEC-047).
    Purge,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Echo,
        Self::Hole,
        Self::Lists,
        Self::Again,
        Self::Purge,
    ];

    /// The word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Hole => "hole",
            Self::Lists => "lists",
            Self::Again => "again",
            Self::Purge => "purge",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|rule| rule.word() == text);
        found.ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|rule| rule.word()).collect();
            format!("the rules are {}", words.join(", "))
        })
    }
}
