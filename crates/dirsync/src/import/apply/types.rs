//! What an import may do, and what it says it did.

use crate::core::base::{Scope, UnixTime};
use crate::core::protocol::guard::Ceilings;
use crate::import::problem::Problems;

/// What an import may do.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Create postoffices that are not known here.
    pub create_postoffices: bool,
    /// Take templates and template data.
    pub templates: bool,
    /// Say what is ignored, too (message 66).
    pub verbose: bool,
    /// Ceilings of the bulk-delete guard.
    pub allow_deletes: Ceilings,
    /// The time of everything that is dated.
    pub now: UnixTime,
}

/// What transactions did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries added.
    pub added: u64,
    /// Entries deleted by D.
    pub deleted: u64,
    /// Entries modified.
    pub modified: u64,
    /// Lists emptied by R.
    pub replaced: u64,
    /// Templates taken.
    pub templates: u64,
    /// Transactions that say what is so already (DEC-018).
    pub repeated: u64,
    /// Transactions of the own postoffice (DEC-081) and comments.
    pub ignored: u64,
    /// Transactions that could not be applied.
    pub failed: u64,
    /// Postoffices and nodes created.
    pub created: u64,
    /// Copies in the postoffice address list that were changed.
    pub copies: u64,
}

/// What became of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChange {
    /// The list, `TYPE:NET/PO` or `TYPE:`.
    pub list: Scope,
    /// Entries before.
    pub before: u64,
    /// Entries after.
    pub after: u64,
    /// Entries that were there and are not any more.
    pub removed: u64,
    /// Whether its file is written.
    pub changed: bool,
}

/// Where a transaction stands, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The file, a documented path.
    pub file: &'a str,
    /// Number of the record, from 1.
    pub record: u64,
    /// Byte offset of the record.
    pub offset: u64,
}

/// Which part of the work a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Lists and the copies in the postoffice address list.
    Both,
    /// Only the copies: what a crashed run left in NMETRANS.GLB.
    Copies,
}

/// What all transactions together did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Counts.
    pub counts: Counts,
    /// The lists that transactions named, in the order of their places.
    pub lists: Vec<ListChange>,
    /// Numbered messages.
    pub problems: Problems,
}
