//! `po-admin check`: findings grouped by file, and mending them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dirsync::core::base::{Severity, UnixTime};
use dirsync::insight::check::{CheckOptions, Checked, FixWhat, Fixed, Found, check, fix, fix_plan};
use dirsync::insight::exchange::check_server;
use dirsync::insight::findings;
use dirsync::progress::Progress as _;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::marker::Marker;
use dirsync::tree::{Command, TreeError, TreeMut, TreeView};
use dirsync_cli::escape;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{PlanStep, Problem, Report, Text, TreeEntry};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::CheckArgs;
use crate::{failures, trees, wrap};
use dirsync_cli::plan;
use dirsync_cli::words::counted;

#[derive(Serialize)]
struct Result_ {
    /// Findings by severity; what `--ignore` leaves out is not counted.
    errors: usize,
    warnings: usize,
    notes: usize,
    /// Findings that are counted and not listed, by id.
    not_listed: BTreeMap<&'static str, u64>,
    /// Of those listed, how many `--fix` alone would mend.
    mendable: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixResult>,
    #[serde(skip)]
    problems: Vec<Problem>,
    /// Notes are counted, and listed unless the user wants it quiet.
    #[serde(skip)]
    quiet: bool,
    #[serde(skip)]
    tree: String,
}

#[derive(Serialize)]
struct FixResult {
    mended: u64,
    transactions: Vec<u64>,
    /// A commit of a crashed program that was completed first.
    completed: Option<u64>,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    dry_run: bool,
}

pub(crate) fn run(args: &CheckArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let options = CheckOptions {
        ignore: session.settings.ignore.clone(),
        now_unix_s: session.settings.now(),
        strict_limits: args.strict_limits,
    };
    let args = &typed(args)?;
    let wanted = wanted(&args.fix)?;
    let (entry, checked, fixed) = if trees::is_exchange(&args.tree)? {
        if wanted.is_empty() {
            look_at_server(args, &options, session)?
        } else {
            mend_server(args, &wanted, &options, session)?
        }
    } else if wanted.is_empty() {
        let view = trees::view(&args.tree, &session.settings, "po-admin check")?;
        let entry = trees::entry(&view, &args.tree, &session.settings);
        let checked = look(&view, &options, session)?;
        (entry, checked, None)
    } else {
        mend(args, &wanted, &options, session)?
    };
    session.progress.finish();
    print(args, entry, checked, fixed, session)
}

/// Tree and ids, told apart.
struct Typed {
    tree: PathBuf,
    fix: Vec<String>,
}

/// In `check --fix TREE` the parser takes the tree for an id: without a tree, the one word behind
/// `--fix` that is no id is the tree.
fn typed(args: &CheckArgs) -> Result<Typed, Failure> {
    let mut fix = args.fix.clone();
    if let Some(tree) = &args.tree {
        let tree = tree.clone();
        return Ok(Typed { tree, fix });
    }
    let at = fix
        .iter()
        .position(|word| !word.is_empty() && findings::by_id(word).is_none());
    match at {
        Some(at) => {
            let tree = std::mem::take(&mut fix[at]).into();
            Ok(Typed { tree, fix })
        }
        None => Err(Failure::usage("the tree is missing")
            .hint("po-admin check TREE, see po-admin check --help")),
    }
}

/// What `--fix` asks for: nothing, all that is safe, ids.
fn wanted(fix: &[String]) -> Result<Vec<FixWhat>, Failure> {
    let mut wanted = Vec::new();
    if fix.iter().any(String::is_empty) {
        wanted.push(FixWhat::Safe);
    }
    let ids: BTreeSet<String> = fix.iter().filter(|id| !id.is_empty()).cloned().collect();
    for id in &ids {
        let kind = findings::by_id(id).ok_or_else(|| {
            Failure::usage(format!("--fix: there is no finding {id:?}"))
                .hint("ids stand in every report: po-admin check TREE --fix ID")
        })?;
        if kind.repair.is_empty() {
            return Err(
                Failure::usage(format!("--fix: {id} has no automatic repair"))
                    .hint(format!("`po-admin explain {id}` says what to do")),
            );
        }
    }
    if !ids.is_empty() {
        wanted.push(FixWhat::Ids(ids));
    }
    Ok(wanted)
}

fn look(
    view: &TreeView,
    options: &CheckOptions,
    session: &Session<'_>,
) -> Result<Checked, Failure> {
    let progress = &session.progress;
    check(view, options, &mut |part| progress.start(part, None))
        .map_err(|error| failures::of_tree(&error))
}

/// All parts of an Exchange server.
fn look_at_server(
    args: &Typed,
    options: &CheckOptions,
    session: &Session<'_>,
) -> Result<Looked, Failure> {
    let view = trees::agent(&args.tree, &session.settings, "po-admin check")?;
    let entry = trees::entry(&view, &args.tree, &session.settings);
    let progress = &session.progress;
    let checked = check_server(
        &trees::disk(&args.tree)?,
        &trees::options(&session.settings, "po-admin check"),
        options,
        &mut |part| progress.start(part, None),
    )
    .map_err(|error| failures::of_tree(&error))?;
    Ok((entry, checked, None))
}

/// Of an Exchange server the shadow postoffice is mended; its queues are `mtacheck repair`'s, and what
/// is wrong with the agent's own files no repair can know.
fn mend_server(
    args: &Typed,
    wanted: &[FixWhat],
    options: &CheckOptions,
    session: &mut Session<'_>,
) -> anyhow::Result<Looked> {
    let words = Command::CheckFix.words();
    refuse_foreign(&trees::agent(&args.tree, &session.settings, words)?)?;
    let home = dirsync::exchange::shadow_path();
    let shadow = Typed {
        tree: args.tree.join(&home),
        fix: args.fix.clone(),
    };
    let (_, _, mut fixed) = mend(&shadow, wanted, options, session)?;
    for step in fixed.iter_mut().flat_map(|fix| &mut fix.plan) {
        step.path = format!("{home}/{}", step.path);
    }
    let (entry, checked, _) = look_at_server(args, options, session)?;
    Ok((entry, checked, fixed))
}

type Looked = (TreeEntry, Checked, Option<FixResult>);

fn mend(
    args: &Typed,
    wanted: &[FixWhat],
    options: &CheckOptions,
    session: &mut Session<'_>,
) -> anyhow::Result<Looked> {
    // First a look without the lock: a foreign tree is refused, and what would be lost is asked
    // for, before anything is locked.
    let (entry, checked) = {
        let view = trees::view(&args.tree, &session.settings, Command::CheckFix.words())?;
        refuse_foreign(&view)?;
        let entry = trees::entry(&view, &args.tree, &session.settings);
        let checked = look(&view, options, session)?;
        if session.settings.dry_run {
            let mut steps = Vec::new();
            let mut mended = 0;
            for what in wanted {
                let (plan, count) = fix_plan(&view, &checked.found, what)?;
                steps.extend(plan::steps(Some(&view), &plan));
                mended += count;
            }
            let fix = FixResult {
                mended,
                transactions: Vec::new(),
                completed: None,
                plan: steps,
                dry_run: true,
            };
            return Ok((entry, checked, Some(fix)));
        }
        (entry, checked)
    };
    session.progress.finish();
    for loss in losses(&checked.found, wanted) {
        session.confirm(&loss)?;
    }
    if set_journal_aside(args, wanted, &checked, session)? {
        session
            .out
            .diagnostic("the commit that could not be completed is kept as GLB/JOURNAL/COMMIT.BAD");
    }
    let mut tree = trees::writer(&args.tree, &session.settings, Command::CheckFix)?;
    let mut result = FixResult {
        mended: 0,
        transactions: Vec::new(),
        completed: tree.recovered(),
        plan: Vec::new(),
        dry_run: false,
    };
    let info = CommitInfo {
        command: Command::CheckFix,
        user: trees::user_name(),
        now: UnixTime(session.settings.now()),
        counts: Vec::new(),
    };
    let mut after = None;
    for what in wanted {
        let progress = &session.progress;
        let Fixed {
            mended,
            commits,
            after: left,
        } = fix(&mut tree, options, what, &info, &mut |part| {
            progress.start(part, None);
        })
        .map_err(|error| failures::of_tree(&error))?;
        result.mended += mended;
        result
            .transactions
            .extend(commits.iter().map(|commit| commit.transaction));
        after = Some(left);
    }
    Ok((entry, after.unwrap_or(checked), Some(result)))
}

/// `journal.damaged` is mended without a plan: plans go through the journal.
fn set_journal_aside(
    args: &Typed,
    wanted: &[FixWhat],
    checked: &Checked,
    session: &mut Session<'_>,
) -> anyhow::Result<bool> {
    const ID: &str = "journal.damaged";
    let asked = wanted
        .iter()
        .any(|what| matches!(what, FixWhat::Ids(ids) if ids.contains(ID)));
    let damaged = checked.found.iter().any(|found| found.finding.id.0 == ID);
    if !asked || !damaged {
        return Ok(false);
    }
    session.confirm(
        "Set aside the commit that cannot be completed; what it had changed already stays half done",
    )?;
    let kept = TreeMut::set_journal_aside(
        &trees::disk(&args.tree)?,
        &trees::POSTOFFICE,
        &trees::options(&session.settings, Command::CheckFix.words()),
    )
    .map_err(|error| failures::of_tree(&error))?;
    Ok(kept.is_some())
}

fn refuse_foreign(view: &TreeView) -> Result<(), Failure> {
    let error = match view.marker() {
        Marker::Ours(_) => return Ok(()),
        Marker::Older(layout) => TreeError::OldLayout {
            tree: view.describe(),
            version: layout.version,
            current: dirsync::core::format::layout_txt::CURRENT_VERSION,
        },
        Marker::Foreign(why) => TreeError::Foreign {
            tree: view.describe(),
            why: why.to_string(),
        },
    };
    Err(failures::of_tree(&error))
}

/// One question for each kind of loss.
fn losses(found: &[Found], wanted: &[FixWhat]) -> Vec<String> {
    let mut by_id: BTreeMap<&'static str, (u64, &str)> = BTreeMap::new();
    for found in found {
        if let Some(repair) = &found.finding.repair
            && let Some(loses) = &repair.loses
            && wanted.iter().any(|what| what.wants(found))
        {
            by_id.entry(found.finding.id.0).or_insert((0, loses)).0 += 1;
        }
    }
    by_id
        .into_iter()
        .map(|(id, (count, loses))| {
            let times = if count == 1 { "finding" } else { "findings" };
            format!("Mend {count} {times} {id}, which loses {loses}")
        })
        .collect()
}

fn print(
    args: &Typed,
    entry: TreeEntry,
    checked: Checked,
    fix: Option<FixResult>,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let mut mendable = 0;
    let mut problems: Vec<Problem> = Vec::new();
    for found in checked.found {
        if FixWhat::Safe.wants(&found) {
            mendable += 1;
        }
        problems.push(found.finding.into());
    }
    // Grouped by file, each group where its first finding stands.
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (at, problem) in problems.iter().enumerate() {
        first.entry(problem.file.clone()).or_insert(at);
    }
    problems.sort_by_key(|problem| first.get(&problem.file).copied());
    let count =
        |wanted: fn(Severity) -> bool| problems.iter().filter(|p| wanted(p.severity)).count();
    let result = Result_ {
        errors: count(|s| s >= Severity::Error),
        warnings: count(|s| s == Severity::Warning),
        notes: count(|s| s == Severity::Note),
        not_listed: checked
            .left_out
            .into_iter()
            .map(|(id, count)| (id.0, count))
            .collect(),
        mendable,
        fix,
        problems: Vec::new(),
        quiet: session.settings.quiet,
        tree: args.tree.to_string_lossy().into_owned(),
    };
    let mut report = Report::new(
        if args.fix.is_empty() {
            "po-admin check"
        } else {
            Command::CheckFix.words()
        },
        &session.settings,
    );
    report.tree(entry);
    let bad = result.errors + result.warnings > 0 || !result.not_listed.is_empty();
    if session.out.json {
        for problem in problems {
            report.problem(problem);
        }
        report.print(&mut session.out, &result)?;
    } else {
        let result = Result_ { problems, ..result };
        report.print(&mut session.out, &result)?;
    }
    Ok(Outcome::from(if bad {
        ExitCode::Problems
    } else {
        ExitCode::Done
    }))
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let palette = out.palette;
        let mut file: Option<&str> = None;
        let shown = |problem: &&Problem| !(self.quiet && problem.severity == Severity::Note);
        for problem in self.problems.iter().filter(shown) {
            if file != Some(problem.file.as_str()) {
                file = Some(&problem.file);
                let name = if problem.file.is_empty() {
                    escape::path(Path::new(&self.tree))
                } else {
                    escape::text(&problem.file).into_owned()
                };
                out.line(&palette.heading(&name))?;
            }
            print_problem(out, problem)?;
        }
        for (id, count) in &self.not_listed {
            out.line(&format!("and {count} more of {id}"))?;
        }
        if let Some(fix) = &self.fix {
            fix.text(out)?;
        }
        let tree = escape::path(Path::new(&self.tree));
        let total = self.errors + self.warnings + self.notes;
        let left = match &self.fix {
            Some(fix) if !fix.dry_run => " left",
            _ => "",
        };
        if total == 0 {
            return out.line(&format!("{tree}: nothing{left} wrong"));
        }
        let mut line = format!(
            "{tree}: {}, {}, {}{left}",
            counted(self.errors, "error", "errors"),
            counted(self.warnings, "warning", "warnings"),
            counted(self.notes, "note", "notes")
        );
        if self.mendable > 0 {
            line.push_str(&format!("; --fix mends {} of them", self.mendable));
        }
        out.line(&line)
    }
}

/// A problem below the name of its file.
fn print_problem(out: &mut Output<'_>, problem: &Problem) -> anyhow::Result<()> {
    let palette = out.palette;
    let place = match problem.offset {
        Some(offset) => format!(" at byte {offset}"),
        None => String::new(),
    };
    let word = problem.severity.word();
    let id = escape::text(&problem.id);
    let head = format!("  {} {id}{place}: ", palette.severity(problem.severity));
    let head_width = 2 + word.len() + 1 + id.chars().count() + place.len() + 2;
    wrap::line(out, &head, head_width, 4, &problem.message)?;
    let mut row = |label: &str, text: &str| {
        let head = format!("    {}: ", palette.hint(label));
        wrap::line(out, &head, 4 + label.len() + 2, 6, text)
    };
    if let Some(repair) = &problem.repair {
        row("repair", &repair.action)?;
        row("loses", repair.loses.as_deref().unwrap_or("nothing"))?;
    }
    if !problem.hint.is_empty() {
        row("hint", &problem.hint)?;
    }
    Ok(())
}

impl FixResult {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        if let Some(number) = self.completed {
            out.line(&format!(
                "completed transaction {number} of a program that crashed"
            ))?;
        }
        for step in &self.plan {
            out.line(&step.text())?;
        }
        if self.dry_run {
            out.line(&format!("would mend {} in the first round", self.mended))
        } else {
            let commits = self.transactions.len();
            let s = if commits == 1 { "" } else { "s" };
            out.line(&format!("mended {} in {commits} commit{s}", self.mended))
        }
    }
}
