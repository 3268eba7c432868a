//! What holds for one run: the typed options and the environment, checked and joined by
//! [`Settings::from_args`].

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::failure::Failure;
use crate::options::{Args, ColorWhen, Env};

/// Where the time of data comes from. Deadlines and waits use the monotonic clock instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock.
    System,
    /// Always this moment, in seconds since 1970-01-01 UTC (`--now`, DIRSYNC_NOW).
    Fixed(u32),
}

impl Clock {
    /// Seconds since 1970-01-01 UTC. A system clock outside of the 32 bits that the files have
    /// for a time is taken for the nearest end of them.
    #[must_use]
    pub fn now(self) -> u32 {
        match self {
            Self::Fixed(now) => now,
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
                }),
        }
    }
}

/// The checked settings of one run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Print JSON.
    pub json: bool,
    /// No notes.
    pub quiet: bool,
    /// Progress bars may be drawn.
    pub progress: bool,
    /// Colour on stdout.
    pub color_stdout: bool,
    /// Colour on stderr.
    pub color_stderr: bool,
    /// stdout is a terminal: draw tables.
    pub stdout_terminal: bool,
    /// Somebody can be asked: stdin and stderr are terminals.
    pub can_ask: bool,
    /// Columns for tables and wrapped text.
    pub columns: u16,
    /// Change nothing.
    pub dry_run: bool,
    /// Every question is answered.
    pub yes: bool,
    /// How long a busy tree is waited for.
    pub wait: Duration,
    /// The clock of data.
    pub clock: Clock,
    /// The zone of trees that name none; `None` when the user gave none either (UTC, and the
    /// report says that it was assumed).
    pub zone: Option<TimeZone>,
    /// Ids of findings that are left out.
    pub ignore: BTreeSet<String>,
    /// 0 to 255: how much is said on stderr.
    pub verbose: u8,
    /// The originals' exit codes.
    pub classic_exit: bool,
}

impl Settings {
    /// Width taken when no terminal tells its own.
    const COLUMNS: u16 = 100;
    /// Tables narrower than this cannot be read.
    const COLUMNS_LEAST: u16 = 20;

    /// Checks what was typed against the environment.
    ///
    /// # Errors
    /// A usage failure for a time that is not RFC 3339 or lies outside of 1970 to 2106, a zone
    /// nobody knows, or an `--ignore` that cannot be the id of a finding.
    pub fn from_args(args: &Args, env: &Env) -> Result<Self, Failure> {
        let clock = match (&args.now, env.var("DIRSYNC_NOW")) {
            (Some(text), _) => Clock::Fixed(parse_now("--now", text)?),
            (None, Some(text)) => Clock::Fixed(parse_now("DIRSYNC_NOW", text)?),
            (None, None) => Clock::System,
        };
        let zone = args.tz.as_deref().map(parse_zone).transpose()?;
        for id in &args.ignore {
            check_finding_id(id)?;
        }
        let dumb = env.var("TERM") == Some("dumb");
        Ok(Self {
            json: args.json,
            quiet: args.quiet,
            progress: env.stderr_terminal
                && !dumb
                && !args.quiet
                && !args.no_progress
                && !args.json,
            color_stdout: color(args.color, env, env.stdout_terminal),
            color_stderr: color(args.color, env, env.stderr_terminal),
            stdout_terminal: env.stdout_terminal,
            can_ask: env.stdin_terminal && env.stderr_terminal,
            columns: columns(env),
            dry_run: args.dry_run,
            yes: args.yes,
            wait: Duration::from_secs(u64::from(args.wait)),
            clock,
            zone,
            ignore: args.ignore.iter().cloned().collect(),
            verbose: args.verbose,
            classic_exit: args.classic_exit,
        })
    }

    /// The time of data, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now(&self) -> u32 {
        self.clock.now()
    }

    /// Whether the findings of this id are left out.
    #[must_use]
    pub fn ignores(&self, id: &str) -> bool {
        self.ignore.contains(id)
    }
}

fn parse_now(source: &str, text: &str) -> Result<u32, Failure> {
    let time: Timestamp = text.trim().parse().map_err(|error| {
        Failure::usage(format!(
            "{source} is not a time of RFC 3339: {text:?} ({error})"
        ))
        .hint("write it like 1997-04-07T13:45:00Z")
    })?;
    u32::try_from(time.as_second()).map_err(|_| {
        Failure::usage(format!(
            "{source} lies outside of the years 1970 to 2106: {text}"
        ))
        .hint("the files hold times in 32 bits")
    })
}

fn parse_zone(text: &str) -> Result<TimeZone, Failure> {
    TimeZone::get(text)
        .or_else(|_| TimeZone::posix(text))
        .map_err(|_| {
            Failure::usage(format!("--tz names no time zone: {text:?}"))
                .hint("give an IANA name (America/New_York) or a POSIX TZ text (EST5EDT)")
        })
}

/// Two lower-case words or more, joined by dots.
fn check_finding_id(id: &str) -> Result<(), Failure> {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if id.contains('.') && id.split('.').all(word) {
        return Ok(());
    }
    Err(
        Failure::usage(format!("--ignore takes the id of a finding, not {id:?}"))
            .hint("an id looks like mailbag.key-without-mbg and stands in every report"),
    )
}

/// `--color` wins over the environment, NO_COLOR over CLICOLOR_FORCE, both over the terminal.
fn color(when: Option<ColorWhen>, env: &Env, terminal: bool) -> bool {
    match when.unwrap_or_default() {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            if env.var("NO_COLOR").is_some() {
                false
            } else if env.var("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
                true
            } else {
                terminal && env.var("TERM") != Some("dumb") && env.var("CLICOLOR") != Some("0")
            }
        }
    }
}

fn columns(env: &Env) -> u16 {
    env.var("COLUMNS")
        .and_then(|text| text.parse().ok())
        .or(env.columns)
        .unwrap_or(Settings::COLUMNS)
        .max(Settings::COLUMNS_LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::ExitCode;

    fn env(vars: &[(&str, &str)], terminal: bool) -> Env {
        Env {
            vars: vars
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            stdin_terminal: terminal,
            stdout_terminal: terminal,
            stderr_terminal: terminal,
            columns: terminal.then_some(72),
        }
    }

    fn settings(args: &Args, env: &Env) -> Settings {
        Settings::from_args(args, env).unwrap()
    }

    #[test]
    fn the_clock_is_replaced_by_the_option_before_the_variable() {
        let vars = env(&[("DIRSYNC_NOW", "1994-04-07T12:13:52Z")], false);
        assert_eq!(settings(&Args::default(), &vars).now(), 0x2DA3_F900);
        let args = Args {
            now: Some("1994-04-07T14:13:53+02:00".into()),
            ..Args::default()
        };
        assert_eq!(settings(&args, &vars).now(), 0x2DA3_F901);
        assert_eq!(
            settings(&Args::default(), &env(&[], false)).clock,
            Clock::System
        );
        assert!(Clock::System.now() > 1_700_000_000);
    }

    #[test]
    fn times_outside_of_the_formats_are_refused() {
        for bad in [
            "yesterday",
            "1969-12-31T23:59:59Z",
            "2106-02-07T06:28:16Z",
            "1994-04-07",
        ] {
            let args = Args {
                now: Some(bad.into()),
                ..Args::default()
            };
            let failure = Settings::from_args(&args, &env(&[], false)).unwrap_err();
            assert_eq!(failure.code(), ExitCode::Usage, "{bad}");
            assert!(!failure.hint_text().is_empty());
            let vars = env(&[("DIRSYNC_NOW", bad)], false);
            let failure = Settings::from_args(&Args::default(), &vars).unwrap_err();
            assert!(failure.to_string().starts_with("DIRSYNC_NOW"), "{bad}");
        }
        let args = Args {
            now: Some("2106-02-07T06:28:15Z".into()),
            ..Args::default()
        };
        assert_eq!(settings(&args, &env(&[], false)).now(), u32::MAX);
    }

    #[test]
    fn zones_are_names_or_posix_texts() {
        for good in ["America/New_York", "UTC", "EST5EDT,M3.2.0,M11.1.0", "MEZ-1"] {
            let args = Args {
                tz: Some(good.into()),
                ..Args::default()
            };
            assert!(settings(&args, &env(&[], false)).zone.is_some(), "{good}");
        }
        let args = Args {
            tz: Some("Nowhere/Atlantis".into()),
            ..Args::default()
        };
        assert!(Settings::from_args(&args, &env(&[], false)).is_err());
        assert!(settings(&Args::default(), &env(&[], false)).zone.is_none());
    }

    #[test]
    fn colour_obeys_option_variables_terminal_in_this_order() {
        let with = |when: Option<ColorWhen>, vars: &[(&str, &str)], terminal: bool| {
            let args = Args {
                color: when,
                ..Args::default()
            };
            settings(&args, &env(vars, terminal)).color_stdout
        };
        assert!(with(None, &[], true));
        assert!(!with(None, &[], false));
        assert!(!with(None, &[("NO_COLOR", "1")], true));
        assert!(with(None, &[("NO_COLOR", "")], true));
        assert!(with(None, &[("CLICOLOR_FORCE", "1")], false));
        assert!(!with(None, &[("CLICOLOR_FORCE", "0")], false));
        assert!(!with(
            None,
            &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
            true
        ));
        assert!(!with(None, &[("TERM", "dumb")], true));
        assert!(!with(None, &[("CLICOLOR", "0")], true));
        assert!(with(Some(ColorWhen::Always), &[("NO_COLOR", "1")], false));
        assert!(!with(
            Some(ColorWhen::Never),
            &[("CLICOLOR_FORCE", "1")],
            true
        ));
        assert!(!with(Some(ColorWhen::Auto), &[], false));
    }

    #[test]
    fn progress_needs_a_terminal_and_no_objection() {
        let terminal = env(&[], true);
        assert!(settings(&Args::default(), &terminal).progress);
        assert!(!settings(&Args::default(), &env(&[], false)).progress);
        for change in [
            |args: &mut Args| args.quiet = true,
            |args: &mut Args| args.no_progress = true,
            |args: &mut Args| args.json = true,
        ] {
            let mut args = Args::default();
            change(&mut args);
            assert!(!settings(&args, &terminal).progress);
        }
    }

    #[test]
    fn widths_come_from_the_terminal() {
        assert_eq!(settings(&Args::default(), &env(&[], true)).columns, 72);
        assert_eq!(settings(&Args::default(), &env(&[], false)).columns, 100);
        assert_eq!(
            settings(&Args::default(), &env(&[("COLUMNS", "50")], true)).columns,
            50
        );
        assert_eq!(
            settings(&Args::default(), &env(&[("COLUMNS", "1")], true)).columns,
            20
        );
    }

    #[test]
    fn only_ids_can_be_ignored() {
        let with = |id: &str| {
            let args = Args {
                ignore: vec![id.to_owned()],
                ..Args::default()
            };
            Settings::from_args(&args, &env(&[], false))
        };
        let good = with("mailbag.key-without-mbg").unwrap();
        assert!(good.ignores("mailbag.key-without-mbg"));
        assert!(!good.ignores("mailbag.other"));
        for bad in ["", "mailbag", "Mailbag.key", "a..b", ".", "a.b c", "a.*"] {
            assert!(with(bad).is_err(), "{bad:?}");
        }
    }
}
