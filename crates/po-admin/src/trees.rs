//! Opening the trees that were named, and saying what they are.

use std::path::{Path, PathBuf};

use dirsync::core::format::FixedRecord as _;
use dirsync::core::format::master::MasterRecord;
use dirsync::core::format::network::NetworkRecord;
use dirsync::exchange::AGENT;
use dirsync::mta::DOMAIN;
use dirsync::postoffice::clock::TreeClock;
use dirsync::tree::marker::Marker;
use dirsync::tree::{Command, TreeMut, TreeView};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::report::TreeEntry;
use dirsync_cli::settings::Settings;
pub(crate) use dirsync_cli::trees::{POSTOFFICE, disk, holder, is_exchange, options, user_name};
use dirsync_cli::trees::{server_view, server_writer};

use crate::failures;

/// Opens a postoffice for reading.
///
/// # Errors
/// Also when there is no postoffice: exit 5.
pub(crate) fn view(path: &Path, settings: &Settings, command: &str) -> Result<TreeView, Failure> {
    refuse_exchange(path)?;
    let view = TreeView::open(disk(path)?, POSTOFFICE, &options(settings, command))
        .map_err(|error| failures::of_tree(&error))?;
    require_postoffice(&view, path)?;
    Ok(view)
}

/// Opens a postoffice for writing.
///
/// # Errors
/// As [`view`]; exit 3 for a foreign tree.
pub(crate) fn writer(
    path: &Path,
    settings: &Settings,
    command: Command,
) -> Result<TreeMut, Failure> {
    refuse_exchange(path)?;
    TreeMut::open(disk(path)?, POSTOFFICE, &options(settings, command.words()))
        .map_err(|error| failures::of_tree(&error))
}

/// The postoffice of a directory: of an Exchange server its shadow, to which gateways and connections
/// belong.
pub(crate) fn postoffice_of(path: &Path) -> Result<PathBuf, Failure> {
    Ok(if is_exchange(path)? {
        path.join(dirsync::exchange::shadow_path())
    } else {
        path.to_path_buf()
    })
}

/// Opens the agent of an Exchange server for reading.
///
/// # Errors
/// Also when the directory is no Exchange server: exit 2.
pub(crate) fn agent(path: &Path, settings: &Settings, command: &str) -> Result<TreeView, Failure> {
    server_view(path, AGENT, settings, command)
}

/// Opens the agent of an Exchange server for writing.
///
/// # Errors
/// As [`agent`]; exit 3 for a foreign tree.
pub(crate) fn agent_writer(
    path: &Path,
    settings: &Settings,
    command: Command,
) -> Result<TreeMut, Failure> {
    server_writer(path, AGENT, settings, command)
}

/// Opens the queue database of an Exchange server for reading.
///
/// # Errors
/// As [`agent`].
pub(crate) fn mta(path: &Path, settings: &Settings, command: &str) -> Result<TreeView, Failure> {
    server_view(path, DOMAIN, settings, command)
}

/// Opens the queue database of an Exchange server for writing.
///
/// # Errors
/// As [`agent`]; exit 3 for a foreign tree.
pub(crate) fn mta_writer(
    path: &Path,
    settings: &Settings,
    command: Command,
) -> Result<TreeMut, Failure> {
    server_writer(path, DOMAIN, settings, command)
}

/// Commands for postoffices say what to name instead of an Exchange server.
fn refuse_exchange(path: &Path) -> Result<(), Failure> {
    if !is_exchange(path)? {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is an Exchange server, and this command is for postoffices",
        escape::path(path)
    ))
    .hint(format!(
        "its shadow postoffice is {}/{}; `mtacheck` looks after its MTADATA",
        escape::path(path),
        dirsync::exchange::shadow_path()
    )))
}

/// A tree that has neither a GLB directory nor a marker is no postoffice at all: better to say
/// that than to report 51 missing directories.
fn require_postoffice(view: &TreeView, path: &Path) -> Result<(), Failure> {
    if view.marker().layout().is_some() {
        return Ok(());
    }
    match view.stat("GLB") {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Failure::data(format!(
            "{} is not a postoffice: it has no GLB",
            escape::path(path)
        ))
        .hint(
            "give the directory that holds GLB, MBG, KEY and the others (often called MAILDATA)",
        )),
        Err(error) => Err(failures::of_tree(&error)),
    }
}

/// What a report says about a tree.
pub(crate) fn entry(view: &TreeView, path: &Path, settings: &Settings) -> TreeEntry {
    let clock = TreeClock::of(view, settings.zone.as_ref());
    TreeEntry {
        path: path.to_string_lossy().into_owned(),
        kind: if dirsync::exchange::is_agent(view) {
            "exchange".into()
        } else {
            "postoffice".into()
        },
        name: name(view).unwrap_or_default(),
        roles: Vec::new(),
        foreign: matches!(view.marker(), Marker::Foreign(_)),
        zone: clock.zone_name().to_owned(),
        zone_assumed: clock.is_assumed(),
    }
}

/// NET/PO of a tree. Its place in MASTER.GLB is ours, so foreign trees have none; only the first
/// record of their NETWORK.GLB is not proof enough either.
fn name(view: &TreeView) -> Option<String> {
    view.marker().layout()?;
    let bytes = view.read("GLB/MASTER.GLB", 4096).ok()??;
    let master = MasterRecord::decode(&bytes).ok()?;
    let _ = NetworkRecord::SIZE;
    master.has_magic().then(|| {
        format!(
            "{}/{}",
            master.network.to_string_850(),
            master.postoffice.to_string_850()
        )
    })
}

/// Parent directory and name of a place where a tree shall be made.
///
/// # Errors
/// Exit 2 for a path that names no place, exit 5 when its parent cannot be opened.
pub(crate) fn place(path: &Path) -> Result<(PathBuf, String), Failure> {
    let shown = escape::path(path);
    let usage = |why: &str| {
        Failure::usage(format!("{shown}: {why}"))
            .hint("give the new directory by its name, from outside, for example HQ or lab/HQ")
    };
    // An existing (empty) directory may be reached through links; a missing one has a parent.
    let full = match std::fs::canonicalize(path) {
        Ok(full) => {
            if std::env::current_dir().is_ok_and(|here| here == full) {
                return Err(usage("a new tree cannot replace the directory you are in"));
            }
            full
        }
        Err(_) => path.to_path_buf(),
    };
    let name = full
        .file_name()
        .ok_or_else(|| usage("this names no directory"))?;
    let name = name
        .to_str()
        .ok_or_else(|| usage("the name is not UTF-8"))?
        .to_owned();
    let parent = match full.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Ok((parent, name))
}
