//! `mtacheck split` and `replay`.

use std::path::Path;

use dirsync::core::base::{Severity, UnixTime};
use dirsync::mta::replay::{dry_replay, replay};
use dirsync::mta::split::{Set, split as make_sets};
use dirsync::mta::store::Database;
use dirsync::progress::Progress as _;
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::disk::{Disk, DiskErrorKind};
use dirsync::tree::{Command, RelPath, TreeError};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{Problem, Report, Text};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::{ReplayArgs, SplitArgs};
use crate::{list, tree};

#[derive(Serialize)]
struct Row {
    name: String,
    messages: u64,
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Sets {
    to: String,
    sets: Vec<Row>,
}

impl Text for Sets {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        for set in &self.sets {
            out.line(&escape::text(&format!(
                "{}/{}: {} messages, {} files, {} bytes",
                self.to, set.name, set.messages, set.files, set.bytes
            )))?;
        }
        Ok(())
    }
}

/// The directory for the sets; made when it does not exist.
fn target(path: &Path) -> Result<RealDisk, Failure> {
    let shown = escape::path(path);
    match RealDisk::open(path) {
        Ok(disk) => return Ok(disk),
        Err(error) if error.kind == DiskErrorKind::NotFound => {}
        Err(error) => return Err(tree::of_tree(&TreeError::disk(&shown, error))),
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let io = |error| tree::of_tree(&TreeError::disk(&shown, error));
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::usage(format!("{shown} is no name for a directory")))?;
    let name = RelPath::new(name).map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    let above = RealDisk::open(parent).map_err(io)?;
    above.mkdir(&name).map_err(io)?;
    above.sync_dir(&RelPath::root()).map_err(io)?;
    RealDisk::open(path).map_err(io)
}

pub(crate) fn split(args: &SplitArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = &session.settings;
    let view = tree::own(&args.dir, settings)?;
    let db = Database::open(&view).map_err(|error| tree::of_mta(&error))?;
    let mut report = Report::new("mtacheck split", settings);
    report.tree(tree::entry(&view, &args.dir, settings));
    let sets: Vec<Set> = if settings.dry_run {
        Vec::new()
    } else {
        let to = target(&args.to)?;
        let now = UnixTime(settings.now());
        make_sets(&db, args.sets, &to, now, &session.progress)
            .map_err(|error| tree::of_mta(&error))?
    };
    session.progress.finish();
    let result = Sets {
        to: args.to.to_string_lossy().into_owned(),
        sets: sets
            .into_iter()
            .map(|set| Row {
                name: set.name,
                messages: set.messages,
                files: set.files,
                bytes: set.bytes,
            })
            .collect(),
    };
    report.print(&mut session.out, &result)
}

#[derive(Serialize)]
struct Replayed {
    messages: u64,
    places: u64,
    duplicates: u64,
    removed_before: u64,
    transaction: Option<u64>,
}

impl Text for Replayed {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        out.line(&format!(
            "{} on {}; left out: {} that wait there already, {} that mtacheck had taken away",
            counted(self.messages, "message", "messages"),
            counted(self.places, "queue", "queues"),
            self.duplicates,
            self.removed_before
        ))
    }
}

pub(crate) fn run(args: &ReplayArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let settings = session.settings.clone();
    let mut report = Report::new(Command::MtaReplay.words(), &settings);
    let from = tree::own(&args.from, &settings)?;
    let (done, transaction) = if settings.dry_run {
        let into = tree::own(&args.into, &settings)?;
        report.tree(tree::entry(&into, &args.into, &settings));
        let done =
            dry_replay(&into, &from, &session.progress).map_err(|error| tree::of_mta(&error))?;
        (done, None)
    } else {
        let mut writer = tree::writer(&args.into, &settings, Command::MtaReplay)?;
        report.tree(tree::entry(writer.view(), &args.into, &settings));
        let info = tree::info(&settings, Command::MtaReplay);
        let (done, committed) = replay(&mut writer, &from, &info, &session.progress)
            .map_err(|error| tree::of_mta(&error))?;
        (done, committed.map(|committed| committed.transaction))
    };
    session.progress.finish();
    for one in &done.unreadable {
        report.problem(list::unreadable(one.id, &one.why));
    }
    for (name, count) in &done.no_queue {
        report.problem(Problem {
            id: "mta.object-no-queue".into(),
            severity: Severity::Error,
            file: String::new(),
            offset: None,
            message: format!("{count} messages wait on {name}, which this database does not have"),
            hint: "replay them where the same connectors are (Q271905)".into(),
            tree: None,
            repair: None,
        });
    }
    let result = Replayed {
        messages: done.messages,
        places: done.places,
        duplicates: done.duplicates,
        removed_before: done.removed_before,
        transaction,
    };
    report.print(&mut session.out, &result)
}
