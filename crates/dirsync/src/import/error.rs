//! What stops an import or a rebuild, each with the next step for the reader.

use crate::core::base::DecodeError;
use crate::core::protocol::guard::Removal;
use crate::core::protocol::numbers::ResyncRefusal;
use crate::postoffice::PoError;
use crate::tree::journal::PlanError;
use crate::tree::{ErrorClass, TreeError};

use super::resync::ResyncFault;

/// An error of this module. Nothing was changed when one is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The tree itself.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The postoffice address list, which has a copy of an entry that changes.
    #[error(transparent)]
    Postoffice(#[from] PoError),
    /// A file that is needed does not have its form.
    #[error("{file}: {error}")]
    Damaged {
        /// The documented path.
        file: String,
        /// What is wrong with it.
        #[source]
        error: DecodeError,
    },
    /// A file that is needed is missing.
    #[error("{file} does not exist: {why}")]
    Missing {
        /// The documented path.
        file: String,
        /// What it is needed for.
        why: &'static str,
    },
    /// ADMIN.NME has no entry, so the list of a whole postoffice would vanish (Q119018).
    #[error("ADMIN.NME is empty; the Global Address List stays as it is")]
    EmptyAddressList,
    /// Message 45: SORTLOCK.GLB of somebody else (DEC-106).
    #[error("[ 45] File error sorting queue: USRTRANS: GLB/SORTLOCK.GLB of another program stands")]
    SortLock,
    /// Message 91: FLAG.GLB is held by another program (Q148705, DEC-104).
    #[error(
        "[ 91] The mail database is locked by another process: FLAG.GLB of {tree} is locked open"
    )]
    DatabaseLocked {
        /// The root as people name it.
        tree: String,
    },
    /// Message 203: a file of the Global Address List is held by another program (Q99117).
    #[error(
        "[203] GAL Rebuild problem accessing files: another program holds GAL.NME, GALINDEX.GLB or GALNETPO.GLB; the list stays as it was, the new files are GAL$.NME, GALINDE$.GLB and TMPNETPO.GLB"
    )]
    ListHeld,
    /// Message 39: no tuple ids are left.
    #[error("[ 39] Error generating TID")]
    NoTid,
    /// Message 54: a postoffice would have to be created, and no server is registered.
    #[error("[ 54] No Server name has been set; {wanted} cannot be created")]
    NoServer {
        /// The postoffice that is not known.
        wanted: String,
    },
    /// Message 55: the postoffice of the server is not defined here.
    #[error(
        "[ 55] Can't find Dir-Sync Server postoffice definition: {server}; {wanted} cannot be created"
    )]
    NoServerPostoffice {
        /// The registered server.
        server: String,
        /// The postoffice that is not known.
        wanted: String,
    },
    /// The bulk-delete guard holds the import (design 4.6).
    #[error("the import would remove {}", figures(.0))]
    Held(Vec<Held>),
    /// Message 79: less space is free than three times the update (Q96060).
    #[error("[ 79] Out of disk: {needed} bytes are needed, {free} are free")]
    NoSpace {
        /// Three times the update, in bytes.
        needed: u64,
        /// What is free, in bytes.
        free: u64,
    },
    /// Message 14: RESYNC.GLB is older than the requestor, or the requestor is the server (Q215505,
    /// DEC-043, DEC-044).
    #[error("[ 14] Error processing RESYNC.GLB: {0}")]
    ResyncRefused(#[source] ResyncRefusal),
    /// Message 14: RESYNC.GLB is damaged; nothing of it is used (Q122689).
    #[error("[ 14] Error processing RESYNC.GLB: {0}")]
    ResyncDamaged(#[source] ResyncFault),
    /// Message 67: only the directory server has the lists (Q96003).
    #[error("[ 67] Resync extract can be performed only at a Directory Synchronization Server")]
    NotServer,
    /// Message 14: the server's own postoffice has not applied what it received (DEC-040).
    #[error("[ 14] Error processing RESYNC.GLB: transactions wait in {file}")]
    ResyncUnapplied {
        /// The queue, a documented path.
        file: String,
    },
    /// Message 63: a list cannot be read.
    #[error("[ 63] Resync extract failed: {0}")]
    ResyncExtract(#[source] Box<ImportError>),
    /// The user wants the work to end; nothing was changed.
    #[error("interrupted; nothing was changed, and the same command starts again")]
    Interrupted,
    /// Message 56: the import file cannot be read.
    #[error("[ 56] Error accessing input file {file}: {error}")]
    Input {
        /// Its name.
        file: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// Message 57: the extract cannot be written.
    #[error("[ 57] Error accessing output file: {error}")]
    Output {
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// Message 32 or 44: a list that was asked for does not exist here.
    #[error("[ {code}] {}", no_list(*.code, list))]
    NoList {
        /// The message.
        code: u16,
        /// The postoffice or gateway.
        list: String,
    },
    /// The list is longer than its file can be.
    #[error("{file} would be longer than byte offsets of 32 bits reach")]
    TooLong {
        /// The documented path.
        file: String,
    },
}

/// One list that the guard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The list, `TYPE:NET/PO` or `TYPE:`.
    pub list: String,
    /// The figures.
    pub removal: Removal,
}

fn no_list(code: u16, list: &str) -> String {
    super::log::message(code, list).text
}

fn figures(held: &[Held]) -> String {
    held.iter()
        .map(|held| format!("{} of {}", held.removal, held.list))
        .collect::<Vec<_>>()
        .join(", ")
}

impl From<PlanError> for ImportError {
    fn from(error: PlanError) -> Self {
        Self::Tree(error.into())
    }
}

impl ImportError {
    /// The kind of exit.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Tree(error) => error.class(),
            Self::Postoffice(error) => error.class(),
            Self::SortLock | Self::DatabaseLocked { .. } | Self::ListHeld => ErrorClass::Busy,
            Self::Held(_)
            | Self::ResyncRefused(_)
            | Self::ResyncDamaged(_)
            | Self::ResyncUnapplied { .. } => ErrorClass::Refused,
            Self::ResyncExtract(error) => error.class(),
            _ => ErrorClass::Data,
        }
    }

    /// The next step, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Tree(error) => return error.hint(),
            Self::Postoffice(error) => return error.hint(),
            Self::Damaged { .. } | Self::Missing { .. } => "`po-admin check` says what is wrong",
            Self::EmptyAddressList => {
                "copy NME/ADMINSHD.NME over it (`po-admin check --fix`), then rebuild again"
            }
            Self::SortLock => {
                "make sure that no other import runs on this postoffice, then use --break-lock"
            }
            Self::DatabaseLocked { .. } => {
                "wait until the other program (ADMIN, EXTERNAL) has finished, then run again: everything still waits"
            }
            Self::ListHeld => {
                "let the clients and virus scanners that hold it go, then rebuild again"
            }
            Self::NoTid => "`po-admin check` looks at TID.GLB",
            Self::NoServer { .. } => {
                "name the server (`po-admin register`) or define the postoffice (`po-admin postoffice add`), then import again: nothing is lost"
            }
            Self::NoServerPostoffice { .. } => {
                "define the server's postoffice (`po-admin postoffice add`), then import again: nothing is lost"
            }
            Self::Held(_) => {
                "if this is right, run again with --allow-deletes N (or NET/PO=N); everything still waits"
            }
            Self::NoSpace { .. } => "make room on the disk, then import again: nothing is lost",
            Self::Output { .. } => "give a place that can be written",
            Self::NoList { .. } => {
                "`po-admin postoffice list` says which postoffices are defined here"
            }
            Self::Input { .. } => "give a readable file; nothing was changed",
            Self::ResyncRefused(ResyncRefusal::Older { .. }) => {
                "make RESYNC.GLB anew at the server, over all its requestors (`resync-gen create --global-max`, GlobalMaxSeqInResync=1 on Exchange), or let this postoffice make an import request; --accept-older takes the file all the same"
            }
            Self::ResyncRefused(ResyncRefusal::OnServer) => {
                "move the file to the requestors; the server's own lists are where it comes from"
            }
            Self::ResyncRefused(ResyncRefusal::Exhausted(_)) => {
                "make a global reset of the dirsync numbers"
            }
            Self::ResyncDamaged(_) => {
                "copy the file again (as binary), or make it anew at the server (`resync-gen create`); nothing was changed"
            }
            Self::NotServer => "give the tree of the directory server",
            Self::ResyncUnapplied { .. } => {
                "let the server's own postoffice import first (`glb-import queue` there), then run this again"
            }
            Self::ResyncExtract(error) => return error.hint(),
            Self::TooLong { .. } | Self::Interrupted => return None,
        })
    }
}
