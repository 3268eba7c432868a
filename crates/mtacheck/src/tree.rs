//! Opening the database that was named; errors of the library as exit codes.

use std::path::Path;
use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::core::format::mta::queue::SuperQueue;
use dirsync::mta::{DOMAIN, MtaError, open_disk};
use dirsync::postoffice::clock::TreeClock;
use dirsync::tree::disk::{Disk, DiskErrorKind};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::lock::Holder;
use dirsync::tree::marker::Marker;
use dirsync::tree::{Command, ErrorClass, OpenOptions, TreeError, TreeMut, TreeView};
use dirsync_cli::escape;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::report::TreeEntry;
use dirsync_cli::settings::Settings;

/// What the original says of a server that is not this one (Q170403).
pub(crate) const REMOTE: &str = "Unable to interrogate the service control database.";

fn disk(path: &Path) -> Result<Arc<dyn Disk>, Failure> {
    if path.to_string_lossy().starts_with("\\\\") {
        return Err(Failure::refused(REMOTE)
            .hint("run mtacheck on the server itself, or on a copy of MTADATA"));
    }
    open_disk(path).map_err(|error| {
        let shown = escape::path(path);
        let what = match error.kind {
            DiskErrorKind::NotFound => format!("{shown} does not exist"),
            DiskErrorKind::NotADirectory => format!("{shown} is not a directory"),
            _ => return of_tree(&TreeError::disk(&shown, error)),
        };
        Failure::data(what).hint("give the directory that holds DB000001.DAT")
    })
}

fn options(settings: &Settings, program: &str) -> OpenOptions {
    let since = jiff::Timestamp::from_second(i64::from(settings.now())).unwrap_or_default();
    OpenOptions {
        wait: settings.wait,
        holder: Holder {
            program: program.to_owned(),
            pid: std::process::id(),
            host: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .map(|name| name.trim().chars().take(64).collect())
                .unwrap_or_default(),
            since: since.to_string(),
            ..Holder::default()
        },
    }
}

/// Opens a directory for reading, ours or not.
pub(crate) fn view(path: &Path, settings: &Settings) -> Result<TreeView, Failure> {
    TreeView::open(disk(path)?, DOMAIN, &options(settings, "mtacheck"))
        .map_err(|error| of_tree(&error))
}

/// Opens a database of ours for reading: what a dry run of a writer does.
pub(crate) fn own(path: &Path, settings: &Settings) -> Result<TreeView, Failure> {
    let view = view(path, settings)?;
    match view.marker() {
        Marker::Ours(_) => Ok(view),
        Marker::Older(layout) => Err(of_tree(&TreeError::OldLayout {
            tree: view.describe(),
            version: layout.version,
            current: dirsync::core::format::layout_txt::CURRENT_VERSION,
        })),
        Marker::Foreign(why) => Err(of_tree(&TreeError::Foreign {
            tree: view.describe(),
            why: why.to_string(),
        })),
    }
}

/// Opens a database for writing.
pub(crate) fn writer(
    path: &Path,
    settings: &Settings,
    command: Command,
) -> Result<TreeMut, Failure> {
    TreeMut::open(disk(path)?, DOMAIN, &options(settings, command.words()))
        .map_err(|error| of_tree(&error))
}

/// What the audit log says of a commit.
pub(crate) fn info(settings: &Settings, command: Command) -> CommitInfo {
    let user = ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .map(|name| name.chars().take(64).collect())
        .unwrap_or_default();
    CommitInfo {
        command,
        user,
        now: UnixTime(settings.now()),
        counts: Vec::new(),
    }
}

/// What a report says about the database.
pub(crate) fn entry(view: &TreeView, path: &Path, settings: &Settings) -> TreeEntry {
    let clock = TreeClock::of(view, settings.zone.as_ref());
    TreeEntry {
        path: path.to_string_lossy().into_owned(),
        kind: "mta".into(),
        name: "MTADATA".to_owned(),
        roles: Vec::new(),
        foreign: matches!(view.marker(), Marker::Foreign(_)),
        zone: clock.zone_name().to_owned(),
        zone_assumed: clock.is_assumed(),
    }
}

/// The name of a queue, or its id.
pub(crate) fn queue_name(queues: &SuperQueue, id: dirsync::core::format::mta::ObjectId) -> String {
    queues
        .by_id(id)
        .map_or_else(|| id.to_string(), |entry| entry.name.clone())
}

fn code(class: ErrorClass) -> ExitCode {
    match class {
        ErrorClass::Refused => ExitCode::Refused,
        ErrorClass::Busy => ExitCode::Busy,
        ErrorClass::Data => ExitCode::Data,
    }
}

/// The failure of an error of the tree.
pub(crate) fn of_tree(error: &TreeError) -> Failure {
    Failure::new(code(error.class()), error.to_string()).hint(error.hint().unwrap_or_default())
}

/// The failure of an error of the database.
pub(crate) fn of_mta(error: &MtaError) -> Failure {
    let code = match error {
        MtaError::Interrupted => return Failure::interrupted(),
        error if error.is_usage() => ExitCode::Usage,
        error => code(error.class()),
    };
    Failure::new(code, error.to_string()).hint(error.hint().unwrap_or_default())
}
