//! The directory server that a `RESYNC.GLB` is made at: a postoffice, or an Exchange server.

use std::path::Path;

use dirsync::core::base::UnixTime;
use dirsync::exchange::AGENT;
use dirsync::exchange::resync::{self as agent, Chosen};
use dirsync::import::ImportError;
use dirsync::import::resync::create::plan_in_place;
use dirsync::import::resync::{Created, create, create_in_place};
use dirsync::progress::Progress;
use dirsync::tree::journal::{CommitInfo, Committed, Plan};
use dirsync::tree::{Command, TreeError, TreeMut, TreeView};
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::settings::Settings;
pub(crate) use dirsync_cli::trees::{entry, info, of_import, of_tree, view, writer};
use dirsync_cli::trees::{is_exchange, server_view, server_writer};

use crate::args::CreateArgs;

/// Where the bytes of a file go.
type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), TreeError> + 'a;

/// Which kind of server it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postoffice,
    Exchange,
}

impl Kind {
    /// Looks at the directory.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        Ok(if is_exchange(path)? {
            Self::Exchange
        } else {
            Self::Postoffice
        })
    }

    /// Opens it for reading.
    pub(crate) fn view(self, path: &Path, settings: &Settings) -> Result<TreeView, Failure> {
        match self {
            Self::Postoffice => view(path, settings, Command::Resync),
            Self::Exchange => server_view(path, AGENT, settings, Command::Resync.words()),
        }
    }

    /// Opens it for writing.
    pub(crate) fn writer(self, path: &Path, settings: &Settings) -> Result<TreeMut, Failure> {
        match self {
            Self::Postoffice => writer(path, settings, Command::Resync),
            Self::Exchange => server_writer(path, AGENT, settings, Command::Resync),
        }
    }
}

/// What the file is made of.
pub(crate) enum Maker {
    /// The lists of a postoffice, for all its requestors.
    Postoffice,
    /// The recipients of an Exchange server, for these requestors.
    Exchange(Chosen),
}

impl Maker {
    /// Chooses the requestors.
    pub(crate) fn of(kind: Kind, view: &TreeView, args: &CreateArgs) -> Result<Self, Failure> {
        if kind == Kind::Postoffice {
            return Ok(Self::Postoffice);
        }
        let chosen = agent::choose_at(view, &args.requestor, args.global_max)
            .map_err(|error| of_import(&error))?;
        let all = |names: &[String]| escape::text(&names.join(", ")).into_owned();
        if !args.requestor.is_empty() && !chosen.unknown.is_empty() {
            return Err(Failure::usage(format!(
                "there is no remote requestor {}",
                all(&chosen.unknown)
            ))
            .hint(match &chosen.known[..] {
                [] => "`po-admin requestor add EXCHANGE NET/PO` makes one".to_owned(),
                known => format!("the requestors are {}", all(known)),
            }));
        }
        if chosen.requestors.is_empty() {
            let registry = all(&chosen.unknown);
            return Err(Failure::data(match &chosen.unknown[..] {
                [] => "the server has no remote requestors".to_owned(),
                _ => format!("ResyncConnectionRDNs names no remote requestor, but {registry}"),
            })
            .hint("`po-admin requestor list EXCHANGE` shows them"));
        }
        Ok(Self::Exchange(chosen))
    }

    /// Names in the registry that are no requestors.
    pub(crate) fn unknown(&self) -> &[String] {
        match self {
            Self::Postoffice => &[],
            Self::Exchange(chosen) => &chosen.unknown,
        }
    }

    /// Makes the file.
    pub(crate) fn create(
        &self,
        view: &TreeView,
        now: UnixTime,
        progress: &dyn Progress,
        sink: &mut Sink<'_>,
    ) -> Result<Created, ImportError> {
        match self {
            Self::Postoffice => create(view, now, progress, sink),
            Self::Exchange(chosen) => agent::create(view, chosen, now, progress, sink),
        }
    }

    /// The commit that would make the file in the tree.
    pub(crate) fn plan(
        &self,
        view: &TreeView,
        now: UnixTime,
        progress: &dyn Progress,
    ) -> Result<(Plan, Created), ImportError> {
        match self {
            Self::Postoffice => plan_in_place(view, now, progress),
            Self::Exchange(chosen) => agent::plan_in_place(view, chosen, now, progress),
        }
    }

    /// Makes the file in the tree.
    pub(crate) fn commit(
        &self,
        tree: &mut TreeMut,
        now: UnixTime,
        info: &CommitInfo,
        progress: &dyn Progress,
    ) -> Result<(Created, Option<Committed>), ImportError> {
        match self {
            Self::Postoffice => create_in_place(tree, now, info, progress),
            Self::Exchange(chosen) => agent::create_in_place(tree, chosen, now, info, progress),
        }
    }
}

/// Refuses Exchange servers: what one would do with a file its own start says.
///
/// # Errors
/// Exit 2.
pub(crate) fn require_postoffice(path: &Path) -> Result<(), Failure> {
    if !is_exchange(path)? {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is an Exchange server, and --for is for postoffices",
        escape::path(path)
    ))
    .hint(
        "put the file into its DXADATA: `dxa-cycle start EXCHANGE --dry-run` says what it would do",
    ))
}
