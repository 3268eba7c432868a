//! One run of a program: its settings, its streams, its progress, and how it ended.

use std::io::BufRead;

use crate::confirm;
use crate::exit::{Classic, ExitCode};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::TerminalProgress;
use crate::settings::Settings;
use crate::signals::Interrupt;

/// What a program works with.
pub struct Session<'w> {
    /// The checked options.
    pub settings: Settings,
    /// stdout and stderr.
    pub out: Output<'w>,
    /// Handed to the library for long work.
    pub progress: TerminalProgress,
    /// Whether the user wants the work to end.
    pub interrupt: Interrupt,
    /// stdin, for `--ids -` and answers.
    pub input: Box<dyn BufRead + 'w>,
}

impl Session<'_> {
    /// Asks before something is lost; see [`confirm::ask`].
    ///
    /// # Errors
    /// A refusal (exit 3) when the answer is not yes, and where nobody can be asked.
    pub fn confirm(&mut self, question: &str) -> Result<(), Failure> {
        confirm::ask(&self.settings, &mut *self.input, self.out.err(), question)
    }
}

/// How a program ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    code: ExitCode,
    classic: Option<u8>,
}

impl From<ExitCode> for Outcome {
    fn from(code: ExitCode) -> Self {
        Self {
            code,
            classic: None,
        }
    }
}

impl Outcome {
    /// The same, with the number that the original would have given: for originals whose codes say
    /// more than ours.
    #[must_use]
    pub fn classic(mut self, number: u8) -> Self {
        self.classic = Some(number);
        self
    }

    /// Our code.
    #[must_use]
    pub fn code(self) -> ExitCode {
        self.code
    }

    /// The number for the operating system.
    #[must_use]
    pub fn number(self, classic_exit: bool, classic: Classic) -> u8 {
        if classic_exit {
            self.classic.unwrap_or_else(|| classic(self.code))
        } else {
            self.code.code()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{classic_mtacheck, classic_step};

    // rule: dec:DEC-107
    #[test]
    fn the_programs_own_number_wins_over_the_mapping() {
        let outcome = Outcome::from(ExitCode::Problems);
        assert_eq!(outcome.number(false, classic_step), 1);
        assert_eq!(outcome.number(true, classic_step), 65);
        assert_eq!(outcome.number(true, classic_mtacheck), 1);
        assert_eq!(outcome.classic(3).number(true, classic_mtacheck), 3);
        assert_eq!(outcome.classic(3).number(false, classic_mtacheck), 1);
    }
}
