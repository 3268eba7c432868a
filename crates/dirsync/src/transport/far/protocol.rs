//! Requests and replies between the one who moves mail and the one who serves a tree. Names are
//! UTF-8, times seconds since 1970 UTC, stems numbers.

use serde::{Deserialize, Serialize};

use crate::core::base::finding::Finding;
use crate::mta::MtaError;
use crate::postoffice::PoError;
use crate::tree::disk::{DiskErrorKind, DiskOp};
use crate::tree::{ErrorClass, TreeError};

use super::super::link::{Done, Parcel, Receipt};
use super::super::mailer::MailerTotals;
use super::super::map::RouteTable;
use super::super::settle::{Outcome, Settled};
use super::super::waiting::Outbound;

/// What is asked of a tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// The first request to a child: which tree it serves.
    Open {
        /// The directory.
        path: String,
        /// How long it waits for a busy tree.
        wait_ms: u64,
        /// Program and sub-command, for the lock file.
        program: String,
    },
    /// Who the postoffice is.
    Identify,
    /// What waits for other postoffices.
    Outbound,
    /// Which ways it knows to other postoffices.
    Routes,
    /// One pass of the mailer.
    Mailer {
        /// The clock for data.
        now: u32,
        /// The user of the operating system.
        user: String,
        /// Messages of one queue.
        limit: u32,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Read messages of an outbound mailbag.
    Collect {
        /// The mailbag.
        mailbag: u32,
        /// At most so many.
        limit: u32,
        /// Not these stems.
        skip: Vec<u32>,
    },
    /// Take messages in.
    Receive {
        /// The postoffice that hands them over.
        from: String,
        /// The clock for data.
        now: u32,
        /// The user of the operating system.
        user: String,
        /// The messages.
        parcels: Vec<Parcel>,
    },
    /// Take messages out of an outbound mailbag.
    Sent {
        /// The mailbag.
        mailbag: u32,
        /// The postoffice that has them.
        to: String,
        /// The clock for data.
        now: u32,
        /// The user of the operating system.
        user: String,
        /// The messages.
        done: Vec<Done>,
    },
    /// Draw the consequences of how the links did: see [`super::super::settle`].
    Settle {
        /// The clock for data.
        now: u32,
        /// The user of the operating system.
        user: String,
        /// How each link did.
        outcomes: Vec<Outcome>,
    },
}

/// What a tree answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Open`].
    Opened,
    /// To [`Request::Identify`].
    Identity {
        /// `NET/PO`.
        name: String,
        /// Whether it is the directory server.
        is_server: bool,
    },
    /// To [`Request::Outbound`].
    Outbound {
        /// The mailbags in which something waits.
        queues: Vec<Outbound>,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// To [`Request::Routes`].
    Routes {
        /// What it knows.
        table: RouteTable,
    },
    /// To [`Request::Mailer`].
    Mailed {
        /// What was done, or would be.
        totals: MailerTotals,
        /// Of a dry run: what would change.
        steps: Vec<PlanStep>,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// To [`Request::Collect`].
    Collected {
        /// The messages.
        parcels: Vec<Parcel>,
        /// Messages that cannot be handed over.
        stuck: u64,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// To [`Request::Receive`]: one receipt a parcel, durable.
    Received {
        /// In the order of the parcels.
        receipts: Vec<Receipt>,
    },
    /// To [`Request::Sent`]: durable.
    Sent {
        /// How many went.
        count: u64,
    },
    /// To [`Request::Settle`]: durable.
    Settled {
        /// What was done.
        settled: Settled,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// To any request.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// A foreign tree, or one of an older layout.
    Refused,
    /// Somebody else holds its lock.
    Busy,
    /// Data or I/O.
    Data,
}

/// Why a tree cannot do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub class: FailureClass,
    /// What.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
    /// The tree must not be written again in this run: a sync failed, and what the kernel dropped
    /// would seem to be there (design 4.1). The next run completes what was committed.
    pub last: bool,
    /// There is no space: the mail waits, and the attempt does not count (Q111558).
    #[serde(default)]
    pub full: bool,
}

/// Whether there is no space.
fn is_full(error: &TreeError) -> bool {
    match error {
        TreeError::NoSpace { .. } => true,
        TreeError::Disk { error, .. } => error.kind == DiskErrorKind::NoSpace,
        _ => false,
    }
}

/// Whether a sync failed, or may have.
pub(crate) fn sync_failed(error: &TreeError) -> bool {
    match error {
        TreeError::CommittedIncomplete { .. }
        | TreeError::CommitUnknown { .. }
        | TreeError::Poisoned { .. } => true,
        TreeError::Disk { error, .. } => {
            matches!(error.op, DiskOp::Sync | DiskOp::SyncGroup | DiskOp::SyncDir)
        }
        _ => false,
    }
}

impl Failure {
    /// A failure of this class; `tree` is what it came from, where it was a tree.
    pub(crate) fn of(
        class: ErrorClass,
        message: String,
        hint: Option<&str>,
        tree: Option<&TreeError>,
    ) -> Self {
        Self {
            class: match class {
                ErrorClass::Refused => FailureClass::Refused,
                ErrorClass::Busy => FailureClass::Busy,
                ErrorClass::Data => FailureClass::Data,
            },
            message,
            hint: hint.map(str::to_owned),
            last: tree.is_some_and(sync_failed),
            full: tree.is_some_and(is_full),
        }
    }
}

impl From<&TreeError> for Failure {
    fn from(error: &TreeError) -> Self {
        Self::of(error.class(), error.to_string(), error.hint(), Some(error))
    }
}

impl From<&PoError> for Failure {
    fn from(error: &PoError) -> Self {
        let tree = match error {
            PoError::Tree(tree) => Some(tree),
            _ => None,
        };
        Self::of(error.class(), error.to_string(), error.hint(), tree)
    }
}

impl From<&MtaError> for Failure {
    fn from(error: &MtaError) -> Self {
        let tree = match error {
            MtaError::Tree(tree) => Some(tree),
            _ => None,
        };
        Self::of(error.class(), error.to_string(), error.hint(), tree)
    }
}

/// A finding on its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The stable id.
    pub id: String,
    /// `note`, `warning`, `error`, `fatal`.
    pub severity: String,
    /// The file, relative to the tree.
    pub file: String,
    /// Where in it.
    pub offset: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl From<Finding> for Problem {
    fn from(finding: Finding) -> Self {
        Self {
            id: finding.id.to_string(),
            severity: finding.severity.word().to_owned(),
            file: finding.file,
            offset: finding.offset,
            message: finding.message,
            hint: finding.hint.into_owned(),
        }
    }
}

/// A step of a plan on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// The word of the operation.
    pub op: String,
    /// The target.
    pub path: String,
    /// Bytes it writes.
    pub bytes: u64,
}
