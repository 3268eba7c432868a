//! What all commands that change a postoffice share: one commit, or its plan in a dry run; and what
//! all commands share that look at its lists.

use std::path::Path;

use dirsync::core::base::UnixTime;
use dirsync::core::base::address::PoName;
use dirsync::core::base::codepage::CodePage;
use dirsync::core::base::finding::{Finding, FindingId, Severity};
use dirsync::postoffice::{Edit, PoError, externals};
use dirsync::tree::Command;
use dirsync::tree::journal::CommitInfo;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Report, Text, TreeEntry};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::settings::Settings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{failures, trees};
use dirsync_cli::plan;

/// What a change deserves a look for: never a failure.
const NOTE: FindingId = FindingId("command.note");

/// A change that was made, or would be.
pub(crate) struct Changed<T> {
    pub(crate) value: T,
    pub(crate) entry: TreeEntry,
    pub(crate) plan: Vec<PlanStep>,
    pub(crate) transaction: Option<u64>,
}

/// Makes one commit; in a dry run its plan.
pub(crate) fn change<T>(
    tree: &Path,
    command: Command,
    session: &Session<'_>,
    make: impl FnOnce(&mut Edit<'_>, UnixTime) -> Result<T, PoError>,
) -> Result<Changed<T>, Failure> {
    change_in(Kind::Postoffice, tree, command, session, make)
}

/// As [`change`], at the agent of an Exchange server.
pub(crate) fn change_agent<T>(
    tree: &Path,
    command: Command,
    session: &Session<'_>,
    make: impl FnOnce(&mut Edit<'_>, UnixTime) -> Result<T, PoError>,
) -> Result<Changed<T>, Failure> {
    change_in(Kind::Agent, tree, command, session, make)
}

/// As [`change`], beside the queues of an Exchange server.
pub(crate) fn change_mta<T>(
    tree: &Path,
    command: Command,
    session: &Session<'_>,
    make: impl FnOnce(&mut Edit<'_>, UnixTime) -> Result<T, PoError>,
) -> Result<Changed<T>, Failure> {
    change_in(Kind::Mta, tree, command, session, make)
}

/// What is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postoffice,
    Agent,
    Mta,
}

fn change_in<T>(
    kind: Kind,
    tree: &Path,
    command: Command,
    session: &Session<'_>,
    make: impl FnOnce(&mut Edit<'_>, UnixTime) -> Result<T, PoError>,
) -> Result<Changed<T>, Failure> {
    let settings = &session.settings;
    let now = UnixTime(settings.now());
    let po = |error: PoError| failures::of_po(&error);
    if settings.dry_run {
        let view = match kind {
            Kind::Postoffice => trees::view(tree, settings, command.words())?,
            Kind::Agent => trees::agent(tree, settings, command.words())?,
            Kind::Mta => trees::mta(tree, settings, command.words())?,
        };
        let mut edit = Edit::new(&view);
        let value = make(&mut edit, now).map_err(po)?;
        let steps = edit.finish().map_err(|error| failures::of_tree(&error))?;
        return Ok(Changed {
            value,
            entry: trees::entry(&view, tree, settings),
            plan: plan::steps(Some(&view), &steps),
            transaction: None,
        });
    }
    let mut opened = match kind {
        Kind::Postoffice => trees::writer(tree, settings, command)?,
        Kind::Agent => trees::agent_writer(tree, settings, command)?,
        Kind::Mta => trees::mta_writer(tree, settings, command)?,
    };
    let (value, steps) = {
        let mut edit = Edit::new(opened.view());
        let value = make(&mut edit, now).map_err(po)?;
        let steps = edit.finish().map_err(|error| failures::of_tree(&error))?;
        (value, steps)
    };
    let info = CommitInfo {
        command,
        user: trees::user_name(),
        now,
        counts: Vec::new(),
    };
    let done = opened
        .commit(&steps, &info)
        .map_err(|error| failures::of_tree(&error))?;
    Ok(Changed {
        value,
        entry: trees::entry(opened.view(), tree, settings),
        plan: Vec::new(),
        transaction: done.map(|done| done.transaction),
    })
}

/// Looks at a postoffice without changing it.
pub(crate) fn look<T>(
    tree: &Path,
    command: &str,
    settings: &Settings,
    see: impl FnOnce(&mut Edit<'_>, UnixTime) -> Result<T, PoError>,
) -> Result<(T, TreeEntry), Failure> {
    let view = trees::view(tree, settings, command)?;
    let value = see(&mut Edit::new(&view), UnixTime(settings.now()))
        .map_err(|error| failures::of_po(&error))?;
    Ok((value, trees::entry(&view, tree, settings)))
}

/// A result: facts for JSON, lines for people.
#[derive(Serialize)]
pub(crate) struct Told {
    #[serde(flatten)]
    facts: Map<String, Value>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
    #[serde(skip)]
    lines: Vec<String>,
}

impl Text for Told {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        for line in &self.lines {
            out.line(line)?;
        }
        Ok(())
    }
}

/// Prints what was changed. `facts` is a JSON object, `lines` say the same.
pub(crate) fn tell<T>(
    session: &mut Session<'_>,
    command: &str,
    changed: Changed<T>,
    facts: Value,
    lines: Vec<String>,
    warnings: &[String],
) -> anyhow::Result<Outcome> {
    let problems = warnings.iter().map(|warning| note(warning)).collect();
    tell_with(session, command, changed, facts, lines, problems)
}

/// Prints what was changed, and what was found on the way.
pub(crate) fn tell_with<T>(
    session: &mut Session<'_>,
    command: &str,
    changed: Changed<T>,
    facts: Value,
    lines: Vec<String>,
    problems: Vec<Finding>,
) -> anyhow::Result<Outcome> {
    let mut report = Report::new(command, &session.settings);
    report.tree(changed.entry);
    for problem in problems {
        report.problem(problem);
    }
    let told = Told {
        facts: object(facts),
        plan: changed.plan,
        transaction: changed.transaction,
        lines,
    };
    report.print(&mut session.out, &told)
}

/// Prints what was seen.
pub(crate) fn tell_seen(
    session: &mut Session<'_>,
    command: &str,
    entry: TreeEntry,
    facts: Value,
    lines: Vec<String>,
) -> anyhow::Result<Outcome> {
    let mut report = Report::new(command, &session.settings);
    report.tree(entry);
    report.print(&mut session.out, &Seen { facts, lines })
}

#[derive(Serialize)]
#[serde(transparent)]
struct Seen {
    facts: Value,
    #[serde(skip)]
    lines: Vec<String>,
}

impl Text for Seen {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        self.lines.iter().try_for_each(|line| out.line(line))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// A note as a problem of the report; it does not change how the program ends.
pub(crate) fn note(text: &str) -> Finding {
    Finding {
        id: NOTE,
        severity: Severity::Note,
        file: String::new(),
        offset: None,
        message: text.to_owned(),
        hint: "".into(),
        repair: None,
    }
}

/// A text in code page 850.
pub(crate) fn encode(text: &str, what: &str) -> Result<Vec<u8>, Failure> {
    CodePage::Cp850.encode(text).map_err(|error| {
        Failure::usage(format!("{what} {text:?}: {error}"))
            .hint("write it with characters of code page 850")
    })
}

/// A postoffice that is named.
pub(crate) fn po_name(text: &str) -> Result<PoName, Failure> {
    text.parse().map_err(|fault| {
        Failure::usage(format!("{}: {fault}", escape::text(text)))
            .hint("give network and postoffice: POLYNOMIAL/MONTGOMERY")
    })
}

/// A postoffice that is to be made, which has a name that clients can use.
pub(crate) fn new_po_name(text: &str) -> Result<PoName, Failure> {
    externals::new_name(&encode(text, "postoffice")?).map_err(|error| {
        Failure::usage(error.to_string())
            .hint("give network and postoffice, 1 to 10 letters and digits each")
    })
}

/// The dirsync password: from a file, else from `DIRSYNC_PASSWORD`.
pub(crate) fn password(file: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::data(format!("{}: {error}", escape::path(path)))
                .hint("the file holds the password and nothing else")
        })?,
        None => match std::env::var("DIRSYNC_PASSWORD") {
            Ok(text) => text,
            Err(_) => return Ok(None),
        },
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    CodePage::Cp850
        .encode(line)
        .map(Some)
        // Never the text itself.
        .map_err(|_| Failure::usage("the password holds characters outside of code page 850"))
}

/// `would add` in a dry run, else `added`.
pub(crate) fn verb(session: &Session<'_>, done: &str, would: &str) -> String {
    if session.settings.dry_run {
        format!("would {would}")
    } else {
        done.to_owned()
    }
}

/// A name as it may stand on a terminal.
pub(crate) fn shown(text: &str) -> String {
    escape::text(text).into_owned()
}
