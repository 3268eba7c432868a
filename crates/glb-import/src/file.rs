//! `glb-import file`.

use std::io::Write as _;
use std::path::Path;

use dirsync::core::base::{AddressType, Scope, Severity, UnixTime};
use dirsync::import::apply::FileRules;
use dirsync::import::file::options::{Flag, resolve};
use dirsync::import::file::{FileImported, FileOptions, FilePlan, plan_file, run_file};
use dirsync::progress::Progress as _;
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::messages;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Problem, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::settings::Settings;
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::FileArgs;
use crate::queue::{Counts, ListRow};
use crate::{check, tree};

#[derive(Serialize)]
struct Result_ {
    lines: u64,
    transactions: u64,
    /// Transactions left out because a line of them is wrong.
    left_out: u64,
    /// Transactions that --only left out.
    not_wanted: u64,
    /// Transactions queued for the server.
    enqueued: u64,
    to_dirsync: bool,
    counts: Counts,
    lists: Vec<ListRow>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
    /// Options that have no effect beside the others.
    ignored: Vec<&'static str>,
}

/// A type or list of `--only`.
pub(crate) fn scope(text: &str) -> Result<Scope, Failure> {
    let name = text.strip_suffix(':').unwrap_or(text);
    if !name.is_empty()
        && let Ok((kind, _)) = AddressType::parse(name.as_bytes())
    {
        return Ok(Scope { kind, node: None });
    }
    text.parse().map_err(|fault| {
        Failure::usage(format!("{}: {fault}", escape::text(text)))
            .hint("an address type (SMTP), or a list (PCM:NET/PO, SNADS:GATE/DGN)")
    })
}

fn flags(args: &FileArgs, settings: &Settings) -> Vec<Flag> {
    let mut flags = vec![Flag::File];
    for (set, flag) in [
        (args.to_dirsync, Flag::ToDirsync),
        (args.add_to_pol, Flag::AddToPol),
        (args.create_postoffices, Flag::CreatePostoffices),
        (args.replace, Flag::Replace),
        (args.templates, Flag::Templates),
        (!args.only.is_empty(), Flag::Only),
        (args.failed.is_some(), Flag::FailureLog),
        (settings.verbose > 0, Flag::Verbose),
    ] {
        if set {
            flags.push(flag);
        }
    }
    flags
}

fn file_options(
    args: &FileArgs,
    settings: &Settings,
    len: Option<u64>,
) -> Result<FileOptions, Failure> {
    let name = args.file.file_name().map_or_else(
        || "-".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let mut options = FileOptions::at(UnixTime(settings.now()), name);
    options.len_bytes = len;
    options.text = check::options(&args.read)?;
    options.to_dirsync = args.to_dirsync;
    options.create_postoffices = args.create_postoffices;
    options.templates = args.templates;
    for only in &args.only {
        options.only.push(scope(only)?);
    }
    options.rules = FileRules {
        add_to_pol: args.add_to_pol,
        replace: args.replace,
        strict_limits: args.strict_limits,
    };
    options.failure_log = matches!(args.failed, Some(None));
    for option in &args.allow_deletes {
        options
            .allow_deletes
            .allow(option)
            .map_err(|error| Failure::usage(format!("--allow-deletes: {error}")))?;
    }
    Ok(options)
}

pub(crate) fn run(args: &FileArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let (_, ignored) = resolve(&flags(args, settings));
    let (mut file, len) = check::open(&args.file, &mut session.input)?;
    let options = file_options(args, settings, len)?;
    let mut report = Report::new(Command::ImportFile.words(), settings);
    let imported;
    let mut plan_steps = Vec::new();
    let mut transaction = None;
    if settings.dry_run {
        let view = tree::view(&args.tree, settings, Command::ImportFile)?;
        report.tree(tree::entry(&view, &args.tree, settings));
        let FilePlan {
            plan,
            imported: done,
        } = plan_file(&view, &mut *file, &options, &session.progress)
            .map_err(|error| tree::of_import(&error))?;
        plan_steps = dirsync_cli::plan::steps(Some(&view), &plan);
        imported = done;
    } else {
        let mut writer = tree::writer(&args.tree, settings, Command::ImportFile)?;
        report.tree(tree::entry(writer.view(), &args.tree, settings));
        let info = tree::info(settings, Command::ImportFile);
        let (done, committed) =
            run_file(&mut writer, &mut *file, &options, &info, &session.progress)
                .map_err(|error| tree::of_import(&error))?;
        transaction = committed.map(|done| done.transaction);
        imported = done;
    }
    drop(file);
    session.progress.finish();
    for found in imported.problems.kept() {
        report.problem(messages::problem(found, "line"));
    }
    let more = imported.problems.total() - imported.problems.kept().len() as u64;
    if more > 0 {
        report.problem(warning("message.more", format!("{more} more messages")));
    }
    if let (Some(Some(path)), false) = (&args.failed, args.to_dirsync || settings.dry_run)
        && let Err(error) = append(path, &imported.failed)
    {
        // The original went on without a word (Q102926).
        report.problem(warning(
            "message.57",
            format!("--failed {}: {error}", escape::path(path)),
        ));
    }
    let ignored: Vec<&'static str> = ignored.into_iter().map(Flag::name).collect();
    if !ignored.is_empty() {
        session.out.note(&format!(
            "ignored with --to-dirsync: {}",
            ignored.join(", ")
        ));
    }
    let result = Result_::new(&imported, args.to_dirsync, plan_steps, transaction, ignored);
    report.print(&mut session.out, &result)
}

fn append(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options
        .create(true)
        .append(true)
        .open(path)?
        .write_all(bytes)
}

pub(crate) fn warning(id: &'static str, message: String) -> Problem {
    Problem {
        id: id.into(),
        severity: Severity::Warning,
        file: String::new(),
        offset: None,
        message,
        hint: match id {
            "message.57" => "give a path that can be written; the import itself is done",
            _ => "correct what is named first, then run again",
        }
        .into(),
        tree: None,
        repair: None,
    }
}

impl Result_ {
    fn new(
        imported: &FileImported,
        to_dirsync: bool,
        plan: Vec<PlanStep>,
        transaction: Option<u64>,
        ignored: Vec<&'static str>,
    ) -> Self {
        Self {
            lines: imported.tally.lines,
            transactions: imported.tally.transactions,
            left_out: imported.tally.left_out,
            not_wanted: imported.not_wanted,
            enqueued: imported.enqueued,
            to_dirsync,
            counts: Counts::new(&imported.counts),
            lists: imported.lists.iter().map(ListRow::new).collect(),
            plan,
            transaction,
            ignored,
        }
    }
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        let left_out = match self.left_out {
            0 => String::new(),
            n => format!(", {n} left out because of their lines"),
        };
        if self.to_dirsync {
            return out.line(&format!(
                "{}: {} queued for the directory server{left_out}",
                counted(self.transactions, "transaction", "transactions"),
                self.enqueued
            ));
        }
        let counts = &self.counts;
        out.line(&format!(
            "{}: {}{left_out}",
            counted(self.transactions, "transaction", "transactions"),
            counts.sentence()
        ))?;
        if self.not_wanted > 0 {
            out.line(&format!("  not wanted by --only: {}", self.not_wanted))?;
        }
        for list in self.lists.iter().filter(|list| list.is_changed()) {
            out.line(&list.sentence())?;
        }
        if counts.created > 0 {
            out.line(&format!("  postoffices created: {}", counts.created))?;
        }
        if counts.copies > 0 {
            out.line(&format!(
                "  entries of the postoffice address list: {}",
                counts.copies
            ))?;
        }
        Ok(())
    }
}
