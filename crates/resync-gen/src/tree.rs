//! Opening the tree that was named; errors of the library as exit codes.

use std::path::Path;
use std::sync::Arc;

use dirsync::core::base::UnixTime;
use dirsync::import::ImportError;
use dirsync::postoffice::clock::TreeClock;
use dirsync::postoffice::identity::Identity;
use dirsync::tree::discover::{Limits, TreeKind, discover};
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::disk::{Disk, DiskErrorKind};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::lock::Holder;
use dirsync::tree::marker::Marker;
use dirsync::tree::{
    Command, Domain, DomainKind, ErrorClass, OpenOptions, TreeError, TreeMut, TreeView,
};
use dirsync_cli::escape;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::report::TreeEntry;
use dirsync_cli::settings::Settings;

/// Refuses trees of an Exchange server: what they hold is not read by this version.
///
/// # Errors
/// Exit 5.
pub(crate) fn require_postoffice(path: &Path) -> Result<(), Failure> {
    let limits = Limits {
        depth: 0,
        ..Limits::default()
    };
    let found = discover(path, &limits);
    match found.trees.iter().find(|tree| tree.path == path) {
        Some(tree) if tree.kind != TreeKind::Postoffice => Err(Failure::data(format!(
            "{} is the tree of an Exchange server; this version makes RESYNC.GLB from postoffices only",
            escape::path(path)
        ))
        .hint("on the Exchange server itself the registry value ResyncConnectionRDNs makes one (Q150976)")),
        _ => Ok(()),
    }
}

const POSTOFFICE: Domain = Domain {
    kind: DomainKind::Postoffice,
};

fn disk(path: &Path) -> Result<Arc<dyn Disk>, Failure> {
    match RealDisk::open(path) {
        Ok(disk) => Ok(Arc::new(disk)),
        Err(error) => {
            let shown = escape::path(path);
            let what = match error.kind {
                DiskErrorKind::NotFound => format!("{shown} does not exist"),
                DiskErrorKind::NotADirectory => format!("{shown} is not a directory"),
                _ => return Err(of_tree(&TreeError::disk(&shown, error))),
            };
            Err(Failure::data(what).hint("give the directory of a postoffice"))
        }
    }
}

fn options(settings: &Settings, command: Command) -> OpenOptions {
    let since = jiff::Timestamp::from_second(i64::from(settings.now())).unwrap_or_default();
    OpenOptions {
        wait: settings.wait,
        holder: Holder {
            program: command.words().to_owned(),
            pid: std::process::id(),
            host: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .map(|name| name.trim().chars().take(64).collect())
                .unwrap_or_default(),
            since: since.to_string(),
            ..Holder::default()
        },
    }
}

/// Opens a postoffice for reading.
pub(crate) fn view(
    path: &Path,
    settings: &Settings,
    command: Command,
) -> Result<TreeView, Failure> {
    let view = TreeView::open(disk(path)?, POSTOFFICE, &options(settings, command))
        .map_err(|error| of_tree(&error))?;
    match view.marker() {
        Marker::Ours(_) => Ok(view),
        // A dry run says what the real run would say.
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

/// Opens a postoffice for writing.
pub(crate) fn writer(
    path: &Path,
    settings: &Settings,
    command: Command,
) -> Result<TreeMut, Failure> {
    TreeMut::open(disk(path)?, POSTOFFICE, &options(settings, command))
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

/// What a report says about the postoffice.
pub(crate) fn entry(view: &TreeView, path: &Path, settings: &Settings) -> TreeEntry {
    let clock = TreeClock::of(view, settings.zone.as_ref());
    TreeEntry {
        path: path.to_string_lossy().into_owned(),
        kind: "postoffice".into(),
        name: Identity::read(view).map_or_else(|_| String::new(), |who| who.name.to_string()),
        roles: Vec::new(),
        foreign: matches!(view.marker(), Marker::Foreign(_)),
        zone: clock.zone_name().to_owned(),
        zone_assumed: clock.is_assumed(),
    }
}

fn code(class: ErrorClass) -> ExitCode {
    match class {
        ErrorClass::Refused => ExitCode::Refused,
        ErrorClass::Busy => ExitCode::Busy,
        ErrorClass::Data => ExitCode::Data,
    }
}

pub(crate) fn of_tree(error: &TreeError) -> Failure {
    Failure::new(code(error.class()), error.to_string()).hint(error.hint().unwrap_or_default())
}

/// The failure of an error of an import.
pub(crate) fn of_import(error: &ImportError) -> Failure {
    let code = match error {
        ImportError::Interrupted => ExitCode::Interrupted,
        error => code(error.class()),
    };
    Failure::new(code, error.to_string()).hint(error.hint().unwrap_or_default())
}
