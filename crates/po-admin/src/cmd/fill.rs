//! `po-admin fill`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dirsync::core::base::UnixTime;
use dirsync::core::base::finding::{Finding, FindingId, Severity};
use dirsync::postoffice::fill::csv_rows::CsvRows;
use dirsync::postoffice::fill::ldif::LdifRows;
use dirsync::postoffice::fill::{COMMIT_USERS, FillOptions, Filled, RowResult, fill};
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;
use serde_json::{Value, json};

use super::change::{change, note, shown};

/// A row that was left out.
const ROW: FindingId = FindingId("command.row-left-out");

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Input {
    /// Comma separated, with a header.
    Csv,
    /// RFC 2849.
    Ldif,
}

pub(crate) const EXAMPLES: &str = "\
CSV: a header `mailbox,name[,dirsync][,template prompt...]`, UTF-8; mailbox may be missing or
empty and is then made from the name. LDIF: cn is the name, uid or mail the mailbox, other
attributes are template data where the template has such a prompt. Names that do not fit are
made to fit, and the report shows each. Users that are there already are passed over, so that a
file can be filled in again. Up to 1000 users go into one commit.

Examples:
  po-admin fill HQ people.csv --dry-run
  po-admin fill HQ people.csv
  po-admin fill HQ people.ldif --json";

/// `fill`.
#[derive(Debug, Args)]
pub(crate) struct FillArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The file.
    file: PathBuf,
    /// Its form (default: by its name).
    #[arg(long, value_enum)]
    input: Option<Input>,
    /// Replace characters without a place in code page 850 by `?`.
    #[arg(long)]
    lossy: bool,
    /// Refuse more users than the original clients can show (500).
    #[arg(long)]
    strict_limits: bool,
}

#[derive(Serialize)]
struct Result_ {
    rows: u64,
    added: u64,
    existing: u64,
    left_out: u64,
    changed: Vec<Value>,
    ignored: Vec<String>,
    commits: u64,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    dry_run: bool,
}

pub(crate) fn run(args: &FillArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let by_name = args.file.extension().is_some_and(|ending| {
        ending.eq_ignore_ascii_case("ldif") || ending.eq_ignore_ascii_case("ldi")
    });
    let input = args
        .input
        .unwrap_or(if by_name { Input::Ldif } else { Input::Csv });
    let file = File::open(&args.file).map_err(|error| {
        Failure::data(format!("{}: {error}", escape::path(&args.file)))
            .hint("give a CSV or LDIF file")
    })?;
    let source = BufReader::new(file);
    let mut rows: Box<dyn Iterator<Item = RowResult>> = match input {
        Input::Csv => Box::new(CsvRows::new(source).map_err(|error| {
            Failure::usage(format!("{}: {error}", escape::path(&args.file)))
                .hint("see `po-admin fill --help` for the form of the file")
        })?),
        Input::Ldif => Box::new(LdifRows::new(source)),
    };
    let options = FillOptions {
        now: UnixTime(session.settings.now()),
        lossy: args.lossy,
        strict_limits: args.strict_limits,
        ignore_unknown_prompts: input == Input::Ldif,
        // A dry run commits nothing, so its one plan must hold everybody.
        commit_users: if session.settings.dry_run {
            usize::MAX
        } else {
            COMMIT_USERS
        },
    };
    let mut done = Filled::default();
    let mut commits = 0;
    let (entry, plan) = loop {
        session.interrupt.check()?;
        let changed = change(&args.tree, Command::Fill, session, |edit, _| {
            fill(edit, rows.as_mut(), options, &mut done)
        })?;
        commits += u64::from(changed.transaction.is_some());
        if !changed.value {
            break (changed.entry, changed.plan);
        }
    };
    let mut report = Report::new("po-admin fill", &session.settings);
    report.tree(entry);
    for row in &done.left_out {
        report.problem(Finding {
            id: ROW,
            severity: Severity::Error,
            file: args.file.to_string_lossy().into_owned(),
            offset: None,
            message: format!("line {}: {}", row.line, row.why),
            hint: "mend the row and fill the file in again: users that are there are passed over"
                .into(),
            repair: None,
        });
    }
    for warning in &done.warnings {
        report.problem(note(warning));
    }
    let result = Result_ {
        rows: done.rows,
        added: done.added,
        existing: done.existing,
        left_out: done.left_out.len() as u64,
        changed: done
            .changed
            .iter()
            .map(|one| json!({"line": one.line, "what": one.what, "from": one.from, "to": one.to}))
            .collect(),
        ignored: done.ignored.into_iter().collect(),
        commits,
        plan,
        dry_run: session.settings.dry_run,
    };
    report.print(&mut session.out, &result)
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        let word = |value: &Value| match value {
            Value::String(text) => shown(text),
            other => other.to_string(),
        };
        for one in &self.changed {
            out.line(&format!(
                "line {}: {} {:?} became {:?}",
                one["line"],
                word(&one["what"]),
                word(&one["from"]),
                word(&one["to"])
            ))?;
        }
        if !self.ignored.is_empty() {
            let names = shown(&self.ignored.join(", "));
            out.line(&format!(
                "passed over, for the template has no such prompt: {names}"
            ))?;
        }
        let verb = if self.dry_run {
            "would be added"
        } else {
            "added"
        };
        out.line(&format!(
            "{}: {} {verb}, {} there already, {} left out",
            counted(self.rows, "row", "rows"),
            self.added,
            self.existing,
            self.left_out
        ))
    }
}
