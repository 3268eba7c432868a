//! Questions before something is lost. Only a terminal is asked; elsewhere `--yes` is needed.

use std::io::{BufRead, Write};

use crate::escape;
use crate::failure::Failure;
use crate::settings::Settings;

/// Asks whether `question` (without mark, for example `Remove the user ann of NET/PO`) shall be
/// done. With `--yes` and in a dry run nobody is asked.
///
/// # Errors
/// A refusal (exit 3) when the answer is not yes, and where nobody can be asked.
pub fn ask(
    settings: &Settings,
    input: &mut dyn BufRead,
    err: &mut dyn Write,
    question: &str,
) -> Result<(), Failure> {
    if settings.yes || settings.dry_run {
        return Ok(());
    }
    let question = escape::text(question);
    if !settings.can_ask {
        return Err(Failure::refused(format!("{question}: this needs a yes"))
            .hint("add --yes, or --dry-run to see what would happen"));
    }
    let unanswered = |_| Failure::refused(format!("{question}: no answer could be read"));
    write!(err, "{question}? [y/N] ").map_err(unanswered)?;
    err.flush().map_err(unanswered)?;
    let mut answer = Vec::new();
    // A line of an answer is short; whatever is longer is none.
    let mut limited = std::io::Read::take(input, 256);
    limited.read_until(b'\n', &mut answer).map_err(unanswered)?;
    match answer.trim_ascii().to_ascii_lowercase().as_slice() {
        b"y" | b"yes" => Ok(()),
        _ => {
            Err(Failure::refused(format!("{question}: not confirmed")).hint("nothing was changed"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::ExitCode;
    use crate::output::tests::settings;

    fn answer(change: impl FnOnce(&mut Settings), answer: &str) -> (Result<(), Failure>, String) {
        let mut settings = settings(false, true);
        settings.can_ask = true;
        change(&mut settings);
        let mut err = Vec::new();
        let result = ask(&settings, &mut answer.as_bytes(), &mut err, "Remove ann");
        (result, String::from_utf8(err).unwrap())
    }

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "YES\r\n", " Yes"] {
            let (result, err) = answer(|_| {}, yes);
            assert_eq!(result, Ok(()), "{yes:?}");
            assert_eq!(err, "Remove ann? [y/N] ");
        }
        let long = "y".repeat(1000);
        for no in ["", "\n", "n\n", "yep\n", "yes please\n", long.as_str()] {
            let (result, _) = answer(|_| {}, no);
            assert_eq!(result.unwrap_err().code(), ExitCode::Refused, "{no:?}");
        }
    }

    #[test]
    fn a_script_needs_the_option() {
        let (result, err) = answer(|settings| settings.can_ask = false, "y\n");
        let failure = result.unwrap_err();
        assert_eq!(failure.code(), ExitCode::Refused);
        assert!(failure.hint_text().contains("--yes"));
        assert_eq!(err, "");
        let yes = |settings: &mut Settings| {
            settings.can_ask = false;
            settings.yes = true;
        };
        assert_eq!(answer(yes, "").0, Ok(()));
    }

    #[test]
    fn a_dry_run_asks_nothing() {
        let (result, err) = answer(|settings| settings.dry_run = true, "n\n");
        assert_eq!((result, err.as_str()), (Ok(()), ""));
    }
}
