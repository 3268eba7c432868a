//! `resync-gen create`.

use std::path::{Path, PathBuf};

use dirsync::core::base::UnixTime;
use dirsync::import::ImportError;
use dirsync::import::resync::create::plan_in_place;
use dirsync::import::resync::{Created, RESYNC, create, create_in_place};
use dirsync::progress::Progress as _;
use dirsync::tree::{Command, TreeView};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::messages;
use dirsync_cli::output::Output;
use dirsync_cli::outside::Place;
use dirsync_cli::report::{PlanStep, Report, Side, Text};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::args::CreateArgs;
use crate::report::Shown;
use crate::{file, tree};

#[derive(Serialize)]
struct Result_ {
    file: String,
    in_place: bool,
    #[serde(flatten)]
    contents: Shown,
    requestors: Vec<String>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
    #[serde(skip)]
    dry_run: bool,
}

pub(crate) fn run(args: &CreateArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    if !args.requestor.is_empty() {
        return Err(Failure::usage(
            "--requestor is for the tree of an Exchange server; the file of a postoffice always serves all its requestors",
        )
        .into());
    }
    tree::require_postoffice(&args.tree)?;
    let settings = &session.settings;
    let now = UnixTime(settings.now());
    let mut report = Report::new("resync-gen create", settings);
    let failed = |error: ImportError| tree::of_import(&error);
    let mut result = Result_ {
        file: String::new(),
        in_place: args.in_place,
        contents: Shown::new(&Created::default().contents),
        requestors: Vec::new(),
        plan: Vec::new(),
        transaction: None,
        dry_run: settings.dry_run,
    };
    let created = if args.in_place && !settings.dry_run {
        let mut writer = tree::writer(&args.tree, settings, Command::Resync)?;
        report.tree(tree::entry(writer.view(), &args.tree, settings));
        let info = tree::info(settings, Command::Resync);
        let (created, committed) =
            create_in_place(&mut writer, now, &info, &session.progress).map_err(failed)?;
        result.transaction = committed.map(|done| done.transaction);
        result.file = args.tree.join(RESYNC).to_string_lossy().into_owned();
        created
    } else {
        let view = tree::view(&args.tree, settings, Command::Resync)?;
        report.tree(tree::entry(&view, &args.tree, settings));
        if args.in_place {
            let (plan, created) = plan_in_place(&view, now, &session.progress).map_err(failed)?;
            let before = view.stat(RESYNC).ok().flatten();
            result
                .plan
                .extend(plan.steps().map(|(path, step)| PlanStep {
                    op: step.word().into(),
                    path: path.to_string(),
                    before: before.map_or(Side::Nothing, |stat| Side::Number(stat.len)),
                    after: Side::Number(created.contents.len_bytes),
                }));
            result.file = args.tree.join(RESYNC).to_string_lossy().into_owned();
            created
        } else {
            outside(args, &view, now, session, &mut result)?
        }
    };
    session.progress.finish();
    messages::add(&mut report, &created.contents.problems);
    result.contents = Shown::new(&created.contents);
    result.requestors = created.requestors;
    report.print(&mut session.out, &result)
}

/// Writes the file outside of the tree.
fn outside(
    args: &CreateArgs,
    view: &TreeView,
    now: UnixTime,
    session: &Session<'_>,
    result: &mut Result_,
) -> anyhow::Result<Created> {
    let failed = |error: ImportError| tree::of_import(&error);
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from("RESYNC.GLB"));
    let place = Place::of(&out)?;
    result.file = place.shown().to_owned();
    refuse_own_glb(&args.tree, view, &place)?;
    let foreign = file::holds_something_else(&place).map_err(|error| tree::of_tree(&error))?;
    if foreign {
        return Err(
            Failure::refused(format!("{} exists and is no RESYNC.GLB", place.shown()))
                .hint("give another name with --out")
                .into(),
        );
    }
    if session.settings.dry_run {
        return Ok(create(view, now, &session.progress, &mut |_| Ok(())).map_err(failed)?);
    }
    let mut new = place.begin().map_err(|error| tree::of_tree(&error))?;
    let created =
        create(view, now, &session.progress, &mut |bytes| new.append(bytes)).map_err(failed)?;
    new.finish().map_err(|error| tree::of_tree(&error))?;
    Ok(created)
}

/// The server's own GLB is the one place where the file does harm (DEC-045, Q96060).
fn refuse_own_glb(tree: &Path, view: &TreeView, place: &Place) -> Result<(), Failure> {
    let glb = view.path("GLB").map_err(|error| tree::of_tree(&error))?;
    let own = std::fs::canonicalize(tree.join(glb.to_string()));
    if own.is_ok_and(|own| own == place.dir()) {
        return Err(Failure::refused(format!(
            "{} lies in the GLB of the server itself, where an import would find it",
            place.shown()
        ))
        .hint("give another place with --out, or --in-place if it really shall be there"));
    }
    Ok(())
}

impl Text for Result_ {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        let file = escape::text(&self.file);
        if self.dry_run {
            out.line(&format!("{file} would be written:"))?;
        } else {
            out.line(&format!("{file} written:"))?;
        }
        self.contents.text(out)?;
        let names: Vec<_> = self
            .requestors
            .iter()
            .map(|name| escape::text(name))
            .collect();
        out.line(&format!("numbers of: {}", names.join(", ")))?;
        if self.in_place && !self.dry_run {
            out.note("move the file to the requestors: an import on the server does not take it");
        }
        Ok(())
    }
}
