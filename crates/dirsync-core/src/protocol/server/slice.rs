//! Slices of the master list: what of it a requestor gets, and where a paced reply ends.
//!
//! A slice is read twice: [`SliceScan`] measures it, [`Filter::pass`] copies it. Neither holds more
//! than one transaction.

use crate::base::{Scope, Transaction};
use crate::format::body::Carrier;
use crate::format::transactions::HEAD_LEN_BYTES;

use crate::protocol::message::TypeList;
use crate::protocol::requestor::without_info;
use crate::protocol::unit::Units;

/// Bytes of a KB of Limit (DEC-049).
const LIMIT_UNIT_BYTES: u64 = 1024;

/// Which entries a requestor gets, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    own: Scope,
    types: TypeList,
    templates: bool,
}

/// What a filter makes of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// It is left out.
    No,
    /// It is left out because it is the requestor's own (DEC-030).
    Own,
    /// It goes as it is.
    AsIs,
    /// It goes in this form: without template information.
    Changed(Vec<u8>),
}

impl Filter {
    pub(super) fn new(own: Scope, types: TypeList, templates: bool) -> Self {
        Self {
            own,
            types,
            templates,
        }
    }

    /// What becomes of an entry's text.
    #[must_use]
    pub fn pass(&self, text: &[u8]) -> Passed {
        match Transaction::parse(text) {
            Ok(transaction) => self.pass_parsed(&transaction),
            Err(_) => Passed::No,
        }
    }

    fn pass_parsed(&self, transaction: &Transaction) -> Passed {
        let Some(scope) = transaction.scope() else {
            return Passed::No;
        };
        if scope == self.own {
            return Passed::Own;
        }
        if !self.types.wants(scope.kind) {
            return Passed::No;
        }
        if self.templates {
            return Passed::AsIs;
        }
        match transaction {
            Transaction::Template { .. } => Passed::No,
            // Without its template information it says nothing.
            Transaction::Modify { old, new, info, .. }
                if !info.is_empty() && new.as_ref().is_none_or(|new| new == old) =>
            {
                Passed::No
            }
            _ if transaction.info().is_empty() => Passed::AsIs,
            _ => match without_info(transaction).to_record_text() {
                Ok(text) => Passed::Changed(text),
                Err(_) => Passed::No,
            },
        }
    }
}

/// Bytes of a limit in KB; `None` for no limit.
pub(super) fn limit_bytes(limit_kb: u32) -> Option<u64> {
    (limit_kb > 0).then(|| u64::from(limit_kb).saturating_mul(LIMIT_UNIT_BYTES))
}

/// Bytes that an entry adds to a reply.
fn size_bytes(passed: &Passed, text: &[u8]) -> Option<u64> {
    let text_len = match passed {
        Passed::No | Passed::Own => return None,
        Passed::AsIs => text.len(),
        Passed::Changed(text) => text.len(),
    };
    u64::try_from(HEAD_LEN_BYTES.saturating_add(text_len).saturating_add(1)).ok()
}

/// A point between two units.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    count: u32,
    bytes: u64,
    number: u32,
}

/// Measures a slice.
#[derive(Debug, Clone)]
pub struct SliceScan {
    filter: Filter,
    from: u32,
    upto: u32,
    limit: Option<u64>,
    units: Units,
    mark: Mark,
    at: Mark,
    own: u32,
    full: bool,
}

/// A measured slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceEnd {
    /// Entries that go along.
    pub count: u32,
    /// Their bytes as records.
    pub bytes: u64,
    /// Number of the last entry looked at: the S of the reply.
    pub end: u32,
    /// The limit was reached; the rest comes in a later cycle.
    pub more: bool,
    /// Entries left out because they are the requestor's own.
    pub own: u32,
}

/// Two replies with equal keys have the same attachment, which need be encoded only once (design
/// 4.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceKey {
    pub(super) from: u32,
    pub(super) end: u32,
    pub(super) types: TypeList,
    pub(super) templates: bool,
    pub(super) carrier: Carrier,
    pub(super) without: Option<Scope>,
}

impl SliceScan {
    pub(super) fn new(filter: Filter, from: u32, upto: u32, limit: Option<u64>) -> Self {
        let mark = Mark {
            number: from,
            ..Mark::default()
        };
        Self {
            filter,
            from,
            upto,
            limit,
            units: Units::default(),
            mark,
            at: mark,
            own: 0,
            full: false,
        }
    }

    /// The next entry of MSTTRANS; whether more are wanted.
    pub fn see(&mut self, number: u32, text: &[u8]) -> bool {
        if self.full || number > self.upto {
            return false;
        }
        if number <= self.from {
            return true;
        }
        let Ok(transaction) = Transaction::parse(text) else {
            self.at.number = number;
            return true;
        };
        if self.units.starts(&transaction) {
            self.mark = self.at;
        }
        let passed = self.filter.pass_parsed(&transaction);
        if passed == Passed::Own {
            self.own = self.own.saturating_add(1);
        }
        if let Some(bytes) = size_bytes(&passed, text) {
            self.at.bytes = self.at.bytes.saturating_add(bytes);
            self.at.count = self.at.count.saturating_add(1);
            // At least one unit is always sent, however large (DEC-049).
            if self.limit.is_some_and(|limit| self.at.bytes > limit) && self.mark.count > 0 {
                self.full = true;
                return false;
            }
        }
        self.at.number = number;
        true
    }

    /// The measured slice.
    #[must_use]
    pub fn finish(self) -> SliceEnd {
        let (mark, end) = if self.full {
            (self.mark, self.mark.number)
        } else {
            (self.at, self.upto)
        };
        SliceEnd {
            count: mark.count,
            bytes: mark.bytes,
            end,
            more: self.full,
            own: self.own,
        }
    }

    /// What replies that share this attachment have in common.
    #[must_use]
    pub fn key(&self, end: &SliceEnd, carrier: Carrier) -> SliceKey {
        SliceKey {
            from: self.from,
            end: end.end,
            types: self.filter.types.clone(),
            templates: self.filter.templates,
            carrier,
            without: (end.own > 0).then_some(self.filter.own),
        }
    }
}

/// Measures an import reply: the lists, then the master list after them.
#[derive(Debug, Clone)]
pub struct ImportScan {
    filter: Filter,
    base: u32,
    upto: u32,
    size: ImportSize,
}

/// Size of an import reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportSize {
    /// Entries.
    pub count: u32,
    /// Their bytes as records.
    pub bytes: u64,
}

impl ImportScan {
    pub(super) fn new(filter: Filter, base: u32, upto: u32) -> Self {
        Self {
            filter,
            base,
            upto,
            size: ImportSize::default(),
        }
    }

    /// The next transaction of the server postoffice's lists.
    pub fn see_list(&mut self, text: &[u8]) {
        let passed = self.filter.pass(text);
        if let Some(bytes) = size_bytes(&passed, text) {
            self.size.count = self.size.count.saturating_add(1);
            self.size.bytes = self.size.bytes.saturating_add(bytes);
        }
    }

    /// The next entry of MSTTRANS.
    pub fn see_master(&mut self, number: u32, text: &[u8]) {
        if number > self.base && number <= self.upto {
            self.see_list(text);
        }
    }

    /// The size.
    #[must_use]
    pub fn finish(self) -> ImportSize {
        self.size
    }
}
