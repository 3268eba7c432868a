//! `resync-gen create`.

use std::path::{Path, PathBuf};

use dirsync::core::base::UnixTime;
use dirsync::core::base::finding::{Finding, FindingId, Severity};
use dirsync::exchange::REGISTRY;
use dirsync::import::ImportError;
use dirsync::import::resync::{Created, RESYNC};
use dirsync::progress::Progress as _;
use dirsync::tree::{Command, TreeView};
use dirsync_cli::escape;
use dirsync_cli::exit::Part;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::outside::Place;
use dirsync_cli::report::{PlanStep, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::{messages, plan};
use serde::Serialize;

use crate::args::CreateArgs;
use crate::report::Shown;
use crate::tree::{Kind, Maker};
use crate::{file, tree};

const UNKNOWN: FindingId = FindingId("exchange.resync-unknown");

#[derive(Serialize)]
struct Result_ {
    file: String,
    in_place: bool,
    #[serde(skip)]
    kind: Kind,
    #[serde(flatten)]
    contents: Shown,
    requestors: Vec<String>,
    plan: Vec<PlanStep>,
    transaction: Option<u64>,
    #[serde(skip)]
    dry_run: bool,
}

pub(crate) fn run(args: &CreateArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let kind = Kind::of(&args.tree)?;
    if kind == Kind::Postoffice && !args.requestor.is_empty() {
        return Err(Failure::usage(
            "--requestor is for the tree of an Exchange server; the file of a postoffice always serves all its requestors",
        )
        .into());
    }
    // The agent looks for it, and leaves it, in its own directory (DEC-045).
    let in_place = args.in_place || (kind == Kind::Exchange && args.out.is_none());
    let settings = &session.settings;
    let now = UnixTime(settings.now());
    let mut report = Report::new("resync-gen create", settings);
    let failed = |error: ImportError| tree::of_import(&error);
    let mut result = Result_ {
        file: String::new(),
        in_place,
        kind,
        contents: Shown::new(&Created::default().contents),
        requestors: Vec::new(),
        plan: Vec::new(),
        transaction: None,
        dry_run: settings.dry_run,
    };
    let (created, unknown) = if in_place && !settings.dry_run {
        let mut writer = kind.writer(&args.tree, settings)?;
        report.tree(tree::entry(writer.view(), &args.tree, settings));
        let maker = Maker::of(kind, writer.view(), args)?;
        let info = tree::info(settings, Command::Resync);
        let (created, committed) = maker
            .commit(&mut writer, now, &info, &session.progress)
            .map_err(failed)?;
        result.transaction = committed.map(|done| done.transaction);
        result.file = own(writer.view(), &args.tree)?;
        (created, maker.unknown().to_vec())
    } else {
        let view = kind.view(&args.tree, settings)?;
        report.tree(tree::entry(&view, &args.tree, settings));
        let maker = Maker::of(kind, &view, args)?;
        let created = if in_place {
            let (plan, created) = maker.plan(&view, now, &session.progress).map_err(failed)?;
            result.plan = plan::steps(Some(&view), &plan);
            result.file = own(&view, &args.tree)?;
            created
        } else {
            outside(args, &view, &maker, session, &mut result)?
        };
        (created, maker.unknown().to_vec())
    };
    session.progress.finish();
    messages::add(&mut report, &created.contents.problems);
    for name in unknown {
        report.problem(Finding {
            id: UNKNOWN,
            severity: Severity::Error,
            file: REGISTRY.to_owned(),
            offset: None,
            message: format!("ResyncConnectionRDNs: there is no remote requestor {name:?}"),
            hint: "names are those of the objects".into(),
            repair: None,
        });
        report.part(Part::Problems);
    }
    result.contents = Shown::new(&created.contents);
    result.requestors = created.requestors;
    report.print(&mut session.out, &result)
}

/// The file in the tree, as it is spelled on disk.
fn own(view: &TreeView, tree: &Path) -> Result<String, Failure> {
    let path = view.path(RESYNC).map_err(|error| tree::of_tree(&error))?;
    let path = tree.join(path.to_string());
    Ok(path.to_string_lossy().into_owned())
}

/// Writes the file outside of the tree.
fn outside(
    args: &CreateArgs,
    view: &TreeView,
    maker: &Maker,
    session: &Session<'_>,
    result: &mut Result_,
) -> anyhow::Result<Created> {
    let now = UnixTime(session.settings.now());
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
        let created = maker.create(view, now, &session.progress, &mut |_| Ok(()));
        return Ok(created.map_err(failed)?);
    }
    let mut new = place.begin().map_err(|error| tree::of_tree(&error))?;
    let created = maker
        .create(view, now, &session.progress, &mut |bytes| new.append(bytes))
        .map_err(failed)?;
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
            out.note(match self.kind {
                Kind::Postoffice => {
                    "move the file to the requestors: an import on the server does not take it"
                }
                Kind::Exchange => {
                    "move the file to the requestors, into GLB of a postoffice or DXADATA of an \
                     Exchange server"
                }
            });
        }
        Ok(())
    }
}
