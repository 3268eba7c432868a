//! What was typed: the options that every program takes, and the environment they meet.
//!
//! Nothing is checked here beyond the shape of the words; [`crate::settings::Settings`] is built
//! from both by one function.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use clap::ValueEnum;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The options that every program takes, as typed.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Common options")]
pub struct Args {
    /// Print the report as JSON.
    #[arg(long, global = true)]
    pub json: bool,

    /// No progress and no notes; the problems of a report are always shown.
    #[arg(long, global = true)]
    pub quiet: bool,

    /// No progress bars.
    #[arg(long, global = true)]
    pub no_progress: bool,

    /// When to colour (NO_COLOR and CLICOLOR_FORCE are obeyed).
    #[arg(long, global = true, value_name = "WHEN", value_enum)]
    pub color: Option<ColorWhen>,

    /// Show what would change and change nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,

    /// Answer every question with yes.
    #[arg(long, global = true)]
    pub yes: bool,

    /// How long to wait for a tree that somebody else holds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = Args::WAIT_SECONDS)]
    pub wait: u32,

    /// The time to take for now, RFC 3339 (also from DIRSYNC_NOW).
    #[arg(long, global = true, value_name = "RFC3339")]
    pub now: Option<String>,

    /// The zone of times in trees that do not name one: an IANA name or a POSIX TZ text.
    #[arg(long, global = true, value_name = "ZONE")]
    pub tz: Option<String>,

    /// Leave out the findings of this id (may be repeated).
    #[arg(long, global = true, value_name = "ID")]
    pub ignore: Vec<String>,

    /// Say more on stderr (repeat for still more).
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// End with the exit codes of the original programs where they are known.
    #[arg(long, global = true)]
    pub classic_exit: bool,
}

impl Args {
    /// How long a busy tree is waited for unless the user says otherwise, in seconds.
    pub const WAIT_SECONDS: u32 = 10;
}

/// What the process found around it. Injected, so that settings can be tested.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// stdin is a terminal.
    pub stdin_terminal: bool,
    /// stdout is a terminal.
    pub stdout_terminal: bool,
    /// stderr is a terminal.
    pub stderr_terminal: bool,
    /// Columns of the terminal, where one is known.
    pub columns: Option<u16>,
}

impl Env {
    /// The variables that are looked at; no other is read.
    const NAMES: [&'static str; 6] = [
        "DIRSYNC_NOW",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "TERM",
    ];

    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let vars = Self::NAMES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
            .collect();
        Self {
            vars,
            stdin_terminal: std::io::stdin().is_terminal(),
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            columns: terminal_size::terminal_size().map(|(width, _)| width.0),
        }
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        common: Args,
        #[command(subcommand)]
        command: Command,
    }

    #[derive(clap::Subcommand)]
    enum Command {
        Check { tree: String },
    }

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_after_the_sub_command() {
        let cli = Cli::try_parse_from([
            "x",
            "--json",
            "check",
            "PO",
            "--dry-run",
            "--ignore",
            "a.b",
            "--ignore",
            "c.d",
            "-vv",
            "--color",
            "never",
            "--wait",
            "3",
        ])
        .unwrap();
        let Command::Check { tree } = cli.command;
        assert_eq!(tree, "PO");
        assert!(cli.common.json && cli.common.dry_run && !cli.common.yes);
        assert_eq!(cli.common.ignore, ["a.b", "c.d"]);
        assert_eq!(cli.common.verbose, 2);
        assert_eq!(cli.common.color, Some(ColorWhen::Never));
        assert_eq!(cli.common.wait, 3);
    }

    #[test]
    fn a_busy_tree_is_waited_for_ten_seconds() {
        let cli = Cli::try_parse_from(["x", "check", "PO"]).unwrap();
        assert_eq!(cli.common.wait, 10);
        assert!(Cli::try_parse_from(["x", "check", "PO", "--wait", "-1"]).is_err());
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let mut env = Env::default();
        env.vars.insert("NO_COLOR".into(), String::new());
        assert_eq!(env.var("NO_COLOR"), None);
        env.vars.insert("NO_COLOR".into(), "1".into());
        assert_eq!(env.var("NO_COLOR"), Some("1"));
    }
}
