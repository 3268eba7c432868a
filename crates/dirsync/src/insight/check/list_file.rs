//! One address list in memory, and how it is changed together with its shadow.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::core::base::collate::compare;
use crate::core::format::FixedRecord as _;
use crate::core::format::nme::{NME, NmeRecord};
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::FindingKind;
use super::lists::UNSORTED;
use super::{Check, read, shadows};

/// Lists longer than this are only looked at for their order, in bytes.
const LOADED_LIMIT_BYTES: u64 = 64 << 20;
/// Places that are named in the message of one list.
pub(super) const PLACES_NAMED: usize = 5;

/// One list in memory.
pub(super) struct List {
    pub(super) path: RelPath,
    /// The shadow, for ADMIN.NME when the two agree.
    shadow: Option<RelPath>,
    /// Whether the list may be changed.
    fixable: bool,
    len: u64,
    pub(super) records: Vec<NmeRecord>,
}

impl List {
    /// The list with other entries, in order.
    pub(super) fn rewritten(&self, mut records: Vec<NmeRecord>) -> Result<Option<Plan>, TreeError> {
        if !self.fixable {
            return Ok(None);
        }
        // A stable sort: entries of one name keep their order.
        records.sort_by(|a, b| compare(a.alias.text(), b.alias.text()));
        let bytes: Vec<u8> = records.iter().flat_map(NmeRecord::encode).collect();
        let mut plan = Plan::new();
        if let Some(shadow) = &self.shadow {
            plan.replace(shadow.clone(), bytes.clone())?;
        }
        plan.replace(self.path.clone(), bytes)?;
        Ok(Some(plan))
    }

    /// Changes bytes of entries in place, in the shadow as well.
    pub(super) fn patched(&self, patches: &[(u64, [u8; 4])]) -> Result<Option<Plan>, TreeError> {
        if !self.fixable || patches.is_empty() {
            return Ok(None);
        }
        let mut plan = Plan::new();
        for (offset, bytes) in patches {
            for path in self.shadow.iter().chain([&self.path]) {
                plan.patch(path.clone(), self.len, *offset, bytes.to_vec())?;
            }
        }
        Ok(Some(plan))
    }

    /// The list without some entries.
    pub(super) fn without(&self, gone: &BTreeSet<usize>) -> Result<Option<Plan>, TreeError> {
        let kept = self
            .records
            .iter()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at));
        self.rewritten(kept.map(|(_, record)| record.clone()).collect())
    }

    pub(super) fn name(&self, at: usize) -> String {
        self.records
            .get(at)
            .map_or_else(String::new, |record| record.alias.to_string_850())
    }

    pub(super) fn offset(at: usize) -> u64 {
        at as u64 * NmeRecord::SIZE as u64
    }

    /// One finding for many entries: the first of them in words.
    pub(super) fn report_many(
        &self,
        check: &mut Check<'_>,
        kind: &'static FindingKind,
        what: &str,
        at: &[usize],
        plan: Option<Plan>,
    ) {
        let Some(&first) = at.first() else { return };
        let mut named: Vec<String> = at
            .iter()
            .take(PLACES_NAMED)
            .map(|&at| format!("{:?} at byte {}", self.name(at), Self::offset(at)))
            .collect();
        if at.len() > named.len() {
            named.push("…".to_owned());
        }
        let message = format!(
            "{} {what}: {}.",
            count_of(at.len(), "entry", "entries"),
            named.join(", ")
        );
        check.report(
            kind,
            self.path.as_str(),
            Some(Self::offset(first)),
            message,
            plan,
        );
    }
}

/// `1 entry`, `2 entries`.
pub(super) fn count_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Reports disorder and loads the list when it is not too long.
pub(super) fn look(
    check: &mut Check<'_>,
    path: RelPath,
    is_admin: bool,
) -> Result<Option<List>, TreeError> {
    let view = check.view();
    let limit = read::limit_bytes("NME", "ADMIN.NME").unwrap_or(u64::MAX);
    let Some(file) = read::open_on_disk(view, &path, limit)? else {
        return Ok(None);
    };
    let loads = file.len() <= LOADED_LIMIT_BYTES;
    let whole = file.len() % NmeRecord::SIZE as u64 == 0;
    let mut records = Vec::new();
    let mut unsorted = None;
    let mut last: Option<NmeRecord> = None;
    read::records_of(view, &file, &NME, &mut |offset, record: &NmeRecord| {
        let falls = last
            .as_ref()
            .is_some_and(|last| compare(last.alias.text(), record.alias.text()).is_gt());
        if falls && unsorted.is_none() {
            unsorted = Some(offset);
        }
        last = Some(record.clone());
        if loads {
            records.push(record.clone());
        }
        ControlFlow::Continue(())
    })?;
    let agrees = is_admin && shadows::agree(view, "NME/ADMIN.NME", "NME/ADMINSHD.NME")?;
    let list = List {
        shadow: if agrees {
            Some(read::path(view, "NME/ADMINSHD.NME")?)
        } else {
            None
        },
        fixable: loads && whole && (agrees || !is_admin),
        len: file.len(),
        records,
        path,
    };
    if let Some(offset) = unsorted {
        let plan = list.rewritten(list.records.clone())?;
        let message = "The names are not in order from here on.".to_owned();
        check.report(&UNSORTED, list.path.as_str(), Some(offset), message, plan);
    }
    Ok(loads.then_some(list))
}
