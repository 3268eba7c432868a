//! Opening the tree that was named, saying what it is, and the errors of the library as exit codes:
//! what the programs that work on one tree share.

use std::path::Path;
use std::sync::Arc;

use crate::escape;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::report::TreeEntry;
use crate::settings::Settings;
use dirsync::core::base::UnixTime;
use dirsync::cycle::CycleError;
use dirsync::exchange::{AGENT, domain_of, is_agent};
use dirsync::import::ImportError;
use dirsync::postoffice::clock::TreeClock;
use dirsync::postoffice::identity::Identity;
use dirsync::transport::far::{self, FailureClass};
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::disk::{Disk, DiskErrorKind};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::lock::Holder;
use dirsync::tree::marker::Marker;
use dirsync::tree::{
    Command, Domain, DomainKind, ErrorClass, OpenOptions, TreeError, TreeMut, TreeView,
};

/// The domain of a postoffice.
pub const POSTOFFICE: Domain = Domain {
    kind: DomainKind::Postoffice,
};

/// The directory of a tree.
///
/// # Errors
/// Exit 5 when there is none.
pub fn disk(path: &Path) -> Result<Arc<dyn Disk>, Failure> {
    match RealDisk::open(path) {
        Ok(disk) => Ok(Arc::new(disk)),
        Err(error) => {
            let shown = escape::path(path);
            let what = match error.kind {
                DiskErrorKind::NotFound => format!("{shown} does not exist"),
                DiskErrorKind::NotADirectory => format!("{shown} is not a directory"),
                _ => return Err(of_tree(&TreeError::disk(&shown, error))),
            };
            Err(Failure::data(what).hint("give the directory of a tree"))
        }
    }
}

/// How to open trees: the wait of the settings, and this process as the holder of locks. `words` is
/// the command as it was typed, for example `po-admin check`.
#[must_use]
pub fn options(settings: &Settings, words: &str) -> OpenOptions {
    OpenOptions {
        wait: settings.wait,
        holder: holder(settings, words),
    }
}

/// This process, for lock files.
#[must_use]
pub fn holder(settings: &Settings, words: &str) -> Holder {
    let since = jiff::Timestamp::from_second(i64::from(settings.now())).unwrap_or_default();
    Holder {
        program: words.to_owned(),
        pid: std::process::id(),
        host: std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().chars().take(64).collect())
            .unwrap_or_default(),
        since: since.to_string(),
        ..Holder::default()
    }
}

/// The user who runs this, for the audit log; at most 64 characters.
#[must_use]
pub fn user_name() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .map(|name| name.chars().take(64).collect())
        .unwrap_or_default()
}

/// Opens a postoffice for reading, for a command that changes only trees of ours.
///
/// # Errors
/// Exit 5 when it is none or cannot be read, exit 3 for a foreign or older tree: a dry run says what
/// the real run would say.
pub fn view(path: &Path, settings: &Settings, command: Command) -> Result<TreeView, Failure> {
    let view = TreeView::open(disk(path)?, POSTOFFICE, &options(settings, command.words()))
        .map_err(|error| of_tree(&error))?;
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

/// Opens a postoffice for writing.
///
/// # Errors
/// As [`view`]; exit 4 when somebody else holds it longer than the settings wait.
pub fn writer(path: &Path, settings: &Settings, command: Command) -> Result<TreeMut, Failure> {
    TreeMut::open(disk(path)?, POSTOFFICE, &options(settings, command.words()))
        .map_err(|error| of_tree(&error))
}

/// Whether the directory is an Exchange server.
///
/// # Errors
/// Exit 5 when it cannot be looked at.
pub fn is_exchange(path: &Path) -> Result<bool, Failure> {
    let domain = domain_of(disk(path)?.as_ref()).map_err(|error| of_tree(&error))?;
    Ok(domain == AGENT)
}

fn require_exchange(path: &Path) -> Result<(), Failure> {
    if is_exchange(path)? {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is not an Exchange server: it has no DXADATA beside MTADATA",
        escape::path(path)
    ))
    .hint("give the directory that `po-admin init-exchange` made"))
}

/// Opens a part of an Exchange server for reading: its agent, or its queue database. `words` is the
/// command as it was typed.
///
/// # Errors
/// Exit 2 when the directory is no Exchange server, exit 5 when it cannot be read.
pub fn server_view(
    path: &Path,
    domain: Domain,
    settings: &Settings,
    words: &str,
) -> Result<TreeView, Failure> {
    require_exchange(path)?;
    TreeView::open(disk(path)?, domain, &options(settings, words)).map_err(|error| of_tree(&error))
}

/// Opens a part of an Exchange server for writing.
///
/// # Errors
/// As [`server_view`]; exit 3 for a foreign tree, exit 4 when somebody else holds it longer than the
/// settings wait.
pub fn server_writer(
    path: &Path,
    domain: Domain,
    settings: &Settings,
    command: Command,
) -> Result<TreeMut, Failure> {
    require_exchange(path)?;
    let options = options(settings, command.words());
    TreeMut::open(disk(path)?, domain, &options).map_err(|error| of_tree(&error))
}

/// What the audit log says of a commit.
#[must_use]
pub fn info(settings: &Settings, command: Command) -> CommitInfo {
    CommitInfo {
        command,
        user: user_name(),
        now: UnixTime(settings.now()),
        counts: Vec::new(),
    }
}

/// What a report says about the tree.
#[must_use]
pub fn entry(view: &TreeView, path: &Path, settings: &Settings) -> TreeEntry {
    let clock = TreeClock::of(view, settings.zone.as_ref());
    TreeEntry {
        path: path.to_string_lossy().into_owned(),
        kind: if is_agent(view) {
            "exchange".into()
        } else {
            "postoffice".into()
        },
        name: Identity::read(view).map_or_else(|_| String::new(), |who| who.name.to_string()),
        roles: Vec::new(),
        foreign: matches!(view.marker(), Marker::Foreign(_)),
        zone: clock.zone_name().to_owned(),
        zone_assumed: clock.is_assumed(),
    }
}

/// The exit code of a class of errors.
#[must_use]
pub fn code(class: ErrorClass) -> ExitCode {
    match class {
        ErrorClass::Refused => ExitCode::Refused,
        ErrorClass::Busy => ExitCode::Busy,
        ErrorClass::Data => ExitCode::Data,
    }
}

/// The failure of an error of a tree.
#[must_use]
pub fn of_tree(error: &TreeError) -> Failure {
    Failure::new(code(error.class()), error.to_string()).hint(error.hint().unwrap_or_default())
}

/// The failure of a tree that another part of the library asked.
#[must_use]
pub fn of_far(failure: far::Failure) -> Failure {
    let code = match failure.class {
        FailureClass::Refused => ExitCode::Refused,
        FailureClass::Busy => ExitCode::Busy,
        FailureClass::Data => ExitCode::Data,
    };
    Failure::new(code, failure.message).hint(failure.hint.unwrap_or_default())
}

/// The failure of an error of a step.
#[must_use]
pub fn of_cycle(error: &CycleError) -> Failure {
    of_far(error.into())
}

/// The failure of an error of an import.
#[must_use]
pub fn of_import(error: &ImportError) -> Failure {
    let code = match error {
        ImportError::Interrupted => ExitCode::Interrupted,
        error => code(error.class()),
    };
    Failure::new(code, error.to_string()).hint(error.hint().unwrap_or_default())
}
