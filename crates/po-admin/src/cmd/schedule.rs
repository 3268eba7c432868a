//! `po-admin schedule`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use dirsync::core::base::UnixTime;
use dirsync::postoffice::Edit;
use dirsync::postoffice::clock::TreeClock;
use dirsync::postoffice::schedule::{Entry, SetOptions, Slot, all, listing, parse, set};
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::report::TreeEntry;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::change::{change, shown, tell, tell_seen, verb};
use super::roles::when;
use crate::{failures, trees};

/// Our banner, where DSSCHED had its own.
const BANNER: &str = concat!("po-admin schedule ", env!("CARGO_PKG_VERSION"));

/// `schedule`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Show when T1, T2 and T3 run.
    #[command(
        after_help = "Examples:\n  po-admin schedule show HQ\n  po-admin schedule show HQ --full"
    )]
    Show(ShowArgs),
    /// Set times; each takes the place of that process's time on that weekday.
    #[command(after_help = "Examples:\n  po-admin schedule set HQ 'T1 Sat 13:45' 'T3 Mon 15:00'")]
    Set(SetArgs),
    /// Print the times, one a line: `T1 Sat 13:45`.
    #[command(after_help = "Examples:\n  po-admin schedule export HQ > times.txt")]
    Export(ShowPo),
    /// Replace all times by those of a file, one a line; an empty file removes all.
    #[command(after_help = "Examples:\n  po-admin schedule import HQ times.txt")]
    Import(ImportArgs),
}

/// `schedule show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Everything about each entry, as DSSCHED -V shows it.
    #[arg(long)]
    full: bool,
}

/// `schedule export`.
#[derive(Debug, Args)]
pub(crate) struct ShowPo {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

/// `schedule set`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Times: process, day, hour and minute.
    #[arg(required = true, value_name = "'T1 Sat 13:45'")]
    times: Vec<String>,
    /// Run again after exactly 604,800 seconds, whatever the clocks do.
    #[arg(long)]
    seconds_week: bool,
}

/// `schedule import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The file.
    file: PathBuf,
    /// Run again after exactly 604,800 seconds, whatever the clocks do.
    #[arg(long)]
    seconds_week: bool,
}

fn open(tree: &Path, session: &Session<'_>) -> Result<(Vec<Entry>, TimeZone, TreeEntry), Failure> {
    let view = trees::view(tree, &session.settings, "po-admin schedule")?;
    let zone = TreeClock::of(&view, session.settings.zone.as_ref())
        .zone()
        .clone();
    let entries = all(&mut Edit::new(&view), &zone).map_err(|error| failures::of_po(&error))?;
    Ok((entries, zone, trees::entry(&view, tree, &session.settings)))
}

fn facts(entries: &[Entry]) -> Value {
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| {
            json!({
                "line": entry.slot.line(), "process": entry.slot.process.name(),
                "current": when(entry.current, &entry.zone), "window_seconds": entry.window,
                "last_moment": when(entry.last_moment, &entry.zone),
                "next": entry.next.and_then(|next| when(next, &entry.zone)),
                "last_run": when(entry.last_run, &entry.zone),
                "last_missed": when(entry.last_missed, &entry.zone),
                "zone": entry.zone_name, "comment": entry.comment,
            })
        })
        .collect();
    json!({"entries": entries})
}

pub(crate) fn run(command: &ScheduleCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        ScheduleCommand::Show(args) => {
            let (entries, _, tree) = open(&args.tree, session)?;
            let mut lines = vec![BANNER.to_owned(), String::new()];
            let body = listing(&tree.name, &entries, args.full);
            lines.extend(body.iter().map(|line| shown(line)));
            tell_seen(
                session,
                "po-admin schedule show",
                tree,
                facts(&entries),
                lines,
            )
        }
        ScheduleCommand::Export(args) => {
            let (entries, _, tree) = open(&args.tree, session)?;
            let lines = entries.iter().map(|entry| entry.slot.line()).collect();
            tell_seen(
                session,
                "po-admin schedule export",
                tree,
                facts(&entries),
                lines,
            )
        }
        ScheduleCommand::Set(args) => {
            let text = args.times.join("\n");
            let slots = slots(&text)?;
            put(&args.tree, &slots, false, args.seconds_week, "set", session)
        }
        ScheduleCommand::Import(args) => {
            let text = std::fs::read_to_string(&args.file).map_err(|error| {
                Failure::data(format!("{}: {error}", escape::path(&args.file)))
                    .hint("give a file with lines like `T1 Sat 13:45`")
            })?;
            let slots = slots(&text)?;
            put(
                &args.tree,
                &slots,
                true,
                args.seconds_week,
                "import",
                session,
            )
        }
    }
}

fn slots(text: &str) -> Result<Vec<Slot>, Failure> {
    parse(text)
        .map_err(|error| Failure::usage(error.to_string()).hint(error.hint().unwrap_or_default()))
}

fn put(
    tree: &Path,
    slots: &[Slot],
    replace: bool,
    seconds_week: bool,
    word: &str,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let (_, zone, _) = open(tree, session)?;
    let changed = change(tree, Command::Schedule, session, |edit, now: UnixTime| {
        let options = SetOptions {
            replace,
            seconds_week,
            now,
        };
        let warnings = set(edit, slots, &zone, options)?;
        Ok((all(edit, &zone)?, warnings))
    })?;
    let (entries, warnings) = changed.value.clone();
    let lines = vec![format!(
        "{} {}; the schedule has {}",
        verb(session, "set", "set"),
        counted(slots.len() - warnings.len(), "time", "times"),
        entries.len()
    )];
    let command = format!("po-admin schedule {word}");
    tell(
        session,
        &command,
        changed,
        facts(&entries),
        lines,
        &warnings,
    )
}
