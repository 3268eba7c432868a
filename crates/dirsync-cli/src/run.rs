//! From `main` to the exit code: parse, build the session, run, report how it failed.
//!
//! A failure is `error: …` and `hint: …` on stderr, or with `--json` one line on stdout:
//! `{"schema":1,"error":{"code","message","hint"}}`. A panic is caught here: exit 70.

use std::any::Any;
use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use clap::error::ErrorKind;
use serde::Serialize;

use crate::escape;
use crate::exit::{self, Classic, ExitCode};
use crate::failure::Failure;
use crate::options::{Args, Env};
use crate::output::{Output, write_json};
use crate::progress::TerminalProgress;
use crate::report::SCHEMA;
use crate::session::{Outcome, Session};
use crate::settings::Settings;
use crate::signals::Interrupt;
use crate::style::Palette;

/// What differs between the programs here.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its numbers under `--classic-exit`.
    pub classic: Classic,
}

/// `po-admin`: no codes of its original are documented.
pub const ADMIN: Program = Program {
    name: "po-admin",
    classic: exit::classic_none,
};
/// `dxa-cycle`: 64, 65, 2.
pub const CYCLE: Program = Program {
    name: "dxa-cycle",
    classic: exit::classic_step,
};
/// `resync-gen`: no codes of its original are documented.
pub const RESYNC: Program = Program {
    name: "resync-gen",
    classic: exit::classic_none,
};
/// `glb-import`: 64, 65, 2.
pub const IMPORT: Program = Program {
    name: "glb-import",
    classic: exit::classic_step,
};
/// `mtacheck`: 0 to 5.
pub const MTACHECK: Program = Program {
    name: "mtacheck",
    classic: exit::classic_mtacheck,
};

/// Runs a program with the arguments, streams and signals of this process.
pub fn run<P, F>(program: &Program, main: F) -> std::process::ExitCode
where
    P: Parser + AsRef<Args>,
    F: FnOnce(P, &mut Session<'_>) -> anyhow::Result<Outcome>,
{
    run_from(program, std::env::args_os().collect(), main)
}

/// As [`run`], with other arguments (the first is the program's name): for spellings of the
/// originals that are rewritten before they are parsed.
pub fn run_from<P, F>(program: &Program, args: Vec<OsString>, main: F) -> std::process::ExitCode
where
    P: Parser + AsRef<Args>,
    F: FnOnce(P, &mut Session<'_>) -> anyhow::Result<Outcome>,
{
    panic::set_hook(Box::new(remember_panic));
    let interrupt = Interrupt::new();
    // Without a handler a signal simply ends the program, which is safe as well.
    let _ = interrupt.watch();
    let world = World {
        env: Env::of_process(),
        input: Box::new(std::io::stdin().lock()),
        out: Box::new(std::io::stdout().lock()),
        err: Box::new(std::io::stderr()),
        interrupt,
    };
    std::process::ExitCode::from(run_in(program, args, world, main))
}

/// Everything around a program, so that it can be run within a test.
pub struct World<'w> {
    /// Variables and terminals.
    pub env: Env,
    /// stdin.
    pub input: Box<dyn BufRead + 'w>,
    /// stdout.
    pub out: Box<dyn Write + 'w>,
    /// stderr.
    pub err: Box<dyn Write + 'w>,
    /// Set by signals.
    pub interrupt: Interrupt,
}

/// Runs a program within `world`; the number for the operating system.
pub fn run_in<P, F>(program: &Program, args: Vec<OsString>, world: World<'_>, main: F) -> u8
where
    P: Parser + AsRef<Args>,
    F: FnOnce(P, &mut Session<'_>) -> anyhow::Result<Outcome>,
{
    let World {
        env,
        input,
        mut out,
        mut err,
        interrupt,
    } = world;
    // Needed before the arguments are known to make sense.
    let typed = |option: &str| {
        let before_names = args.iter().skip(1).take_while(|arg| *arg != "--");
        before_names.into_iter().any(|arg| arg == option)
    };
    let (json, classic_exit) = (typed("--json"), typed("--classic-exit"));
    let number = |outcome: Outcome| outcome.number(classic_exit, program.classic);

    let cli = match P::try_parse_from(args.iter()) {
        Ok(cli) => cli,
        Err(error) => {
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) {
                // A reader that does not want the help to its end is no error.
                let _ = write!(out, "{}", error.render());
                return ExitCode::Done.code();
            }
            let rendered = error.render().to_string();
            if json {
                report_failure_json(&mut out, &usage_failure(&rendered));
            } else {
                let _ = write!(err, "{}", escape::lines(&rendered));
            }
            return number(ExitCode::Usage.into());
        }
    };
    let settings = match Settings::from_args(cli.as_ref(), &env) {
        Ok(settings) => settings,
        Err(failure) => {
            if json {
                report_failure_json(&mut out, &failure);
            } else {
                report_failure_text(&mut err, &failure, Palette::new(false));
            }
            return number(failure.code().into());
        }
    };
    let mut session = Session {
        out: Output::new(out, err, &settings),
        progress: TerminalProgress::new(&settings, interrupt.clone()),
        settings,
        interrupt,
        input,
    };
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        let outcome = main(cli, &mut session)?;
        session.out.flush()?;
        Ok(outcome)
    }));
    let failure = match caught {
        Ok(Ok(outcome)) => return number(outcome),
        Ok(Err(error)) => Failure::of(&error),
        Err(payload) => Failure::internal(panic_text(&*payload)),
    };
    dirsync::progress::Progress::finish(&session.progress);
    if session.settings.json {
        let _ = session.out.json_line(&FailureLine {
            schema: SCHEMA,
            error: &failure,
        });
        let _ = session.out.flush();
    } else {
        // What was printed before the failure stands before it.
        let _ = session.out.flush();
        let palette = session.out.err_palette;
        report_failure_text(session.out.err(), &failure, palette);
    }
    number(failure.code().into())
}

#[derive(Serialize)]
struct FailureLine<'a> {
    schema: u32,
    error: &'a Failure,
}

fn report_failure_json(out: &mut dyn Write, failure: &Failure) {
    let line = FailureLine {
        schema: SCHEMA,
        error: failure,
    };
    // A failure that cannot be told is told by the exit code.
    let _ = write_json(&mut *out, &line);
    let _ = writeln!(out);
    let _ = out.flush();
}

fn report_failure_text(err: &mut dyn Write, failure: &Failure, palette: Palette) {
    let message = failure.to_string();
    let _ = writeln!(
        err,
        "{}: {}",
        palette.error("error"),
        escape::lines(&message)
    );
    if !failure.hint_text().is_empty() {
        let _ = writeln!(
            err,
            "{}: {}",
            palette.hint("hint"),
            escape::lines(failure.hint_text())
        );
    }
    let _ = err.flush();
}

/// clap's text, its first paragraph as the message.
fn usage_failure(rendered: &str) -> Failure {
    let first = rendered.split("\n\n").next().unwrap_or(rendered);
    let message = first.trim().strip_prefix("error: ").unwrap_or(first.trim());
    let words: Vec<&str> = message.split_whitespace().collect();
    Failure::usage(words.join(" ")).hint("see --help")
}

/// Where the first panic happened; its message comes with the payload.
static PANICKED_AT: Mutex<Option<String>> = Mutex::new(None);

fn remember_panic(info: &panic::PanicHookInfo<'_>) {
    let at = info.location().map(ToString::to_string);
    let mut first = PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner);
    if first.is_none() {
        *first = at;
    }
    drop(first);
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        let trace = std::backtrace::Backtrace::force_capture();
        let _ = writeln!(std::io::stderr(), "{trace}");
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let what = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown".to_owned());
    let at = PANICKED_AT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match at {
        Some(at) => format!("internal error at {at}: {what}"),
        None => format!("internal error: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::Shared;
    use anyhow::Context as _;

    #[derive(Parser)]
    #[command(name = "probe", version)]
    struct Cli {
        #[command(flatten)]
        common: Args,
        #[arg(long)]
        number: Option<u32>,
    }

    impl AsRef<Args> for Cli {
        fn as_ref(&self) -> &Args {
            &self.common
        }
    }

    fn probe(
        args: &[&str],
        main: impl FnOnce(Cli, &mut Session<'_>) -> anyhow::Result<Outcome>,
    ) -> (u8, String, String) {
        let (out, err) = (Shared::default(), Shared::default());
        let world = World {
            env: Env::default(),
            input: Box::new(std::io::empty()),
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            interrupt: Interrupt::new(),
        };
        let args = std::iter::once("probe")
            .chain(args.iter().copied())
            .map(OsString::from)
            .collect();
        let code = run_in(&CYCLE, args, world, main);
        (code, out.text(), err.text())
    }

    fn json_error(out: &str) -> serde_json::Value {
        let last = out.lines().last().unwrap();
        let line: serde_json::Value = serde_json::from_str(last).unwrap();
        assert_eq!(line["schema"], 1);
        line["error"].clone()
    }

    #[test]
    fn a_program_that_does_its_work_ends_with_its_own_code() {
        let main = |cli: Cli, session: &mut Session<'_>| {
            session.out.line(&format!("{:?}", cli.number))?;
            Ok(Outcome::from(ExitCode::Problems))
        };
        let (code, out, err) = probe(&["--number", "7"], main);
        assert_eq!((code, out.as_str(), err.as_str()), (1, "Some(7)\n", ""));
        assert_eq!(probe(&["--classic-exit"], main).0, 65);
    }

    #[test]
    fn failures_are_told_on_stderr_after_what_was_printed() {
        let (code, out, err) = probe(&[], |_, session| {
            session.out.line("half a report")?;
            Err(Failure::busy("TREE.LCK is held by \x1b[0m").hint("wait")).context("NET/PO")
        });
        assert_eq!(code, 4);
        assert_eq!(out, "half a report\n");
        assert_eq!(
            err,
            "error: NET/PO: TREE.LCK is held by \\x1B[0m\nhint: wait\n"
        );
    }

    #[test]
    fn failures_are_the_last_line_of_json() {
        let (code, out, err) = probe(&["--json"], |_, session| {
            session.out.json_line(&1)?;
            Err(Failure::refused("held").hint("--yes").into())
        });
        assert_eq!((code, err.as_str()), (3, ""));
        let error = json_error(&out);
        assert_eq!(error["code"], 3);
        assert_eq!(error["message"], "held");
        assert_eq!(error["hint"], "--yes");
    }

    #[test]
    fn nonsense_is_usage_in_both_forms() {
        let never = |_: Cli, _: &mut Session<'_>| unreachable!();
        let (code, out, err) = probe(&["--number", "x"], never);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(
            err.starts_with("error: ") && err.contains("--number"),
            "{err}"
        );
        let (code, out, err) = probe(&["--json", "--nonsense"], never);
        assert_eq!((code, err.as_str()), (2, ""));
        assert_eq!(json_error(&out)["code"], 2);
        let (code, out, _) = probe(&["--json", "--now", "soon"], never);
        assert_eq!(code, 2);
        assert!(
            json_error(&out)["message"]
                .as_str()
                .unwrap()
                .starts_with("--now")
        );
        let (code, _, err) = probe(&["--ignore", "x"], never);
        assert_eq!(code, 2);
        assert!(err.contains("\nhint: "));
        assert_eq!(probe(&["--nonsense", "--classic-exit"], never).0, 2);
    }

    #[test]
    fn help_and_version_go_to_stdout_and_are_no_failure() {
        let never = |_: Cli, _: &mut Session<'_>| unreachable!();
        let (code, out, err) = probe(&["--help"], never);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("Common options") && out.contains("--dry-run"));
        let (code, out, _) = probe(&["--version"], never);
        assert_eq!(code, 0);
        assert!(out.starts_with("probe "));
    }

    #[test]
    fn a_panic_is_an_internal_error_that_asks_for_a_report() {
        let (code, out, err) = probe(&[], |_, session| {
            session.out.line("so far")?;
            panic!("the sky fell");
        });
        assert_eq!((code, out.as_str()), (70, "so far\n"));
        assert!(err.starts_with("error: internal error"), "{err}");
        assert!(
            err.contains("the sky fell") && err.contains("report"),
            "{err}"
        );
        let (code, out, _) = probe(&["--json"], |_, _| panic!("{}", "again"));
        assert_eq!(code, 70);
        assert_eq!(json_error(&out)["code"], 70);
    }

    #[test]
    fn an_interrupt_says_that_the_work_can_be_resumed() {
        let (code, _, err) = probe(&[], |_, session| {
            session.interrupt.request();
            session.interrupt.check()?;
            unreachable!()
        });
        assert_eq!(code, 130);
        assert!(
            err.contains("interrupted") && err.contains("again"),
            "{err}"
        );
    }

    #[test]
    fn a_question_in_a_script_is_refused() {
        let (code, _, err) = probe(&[], |_, session| {
            session.confirm("Remove ann")?;
            unreachable!()
        });
        assert_eq!(code, 3);
        assert!(err.contains("--yes"), "{err}");
        let (code, _, _) = probe(&["--yes"], |_, session| {
            session.confirm("Remove ann")?;
            Ok(ExitCode::Done.into())
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn options_after_a_double_dash_are_names() {
        // Nothing follows here that would be JSON: clap refuses the name and says so in words.
        let (code, out, err) = probe(&["--", "--json"], |_, _| unreachable!());
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("--json"));
    }
}
