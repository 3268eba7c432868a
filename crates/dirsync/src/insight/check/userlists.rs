//! Part 8c: the user lists of external postoffices, USR files (Q86375, Q126592).

use std::ops::ControlFlow;

use crate::core::base::collate::compare;
use crate::core::format::FixedRecord as _;
use crate::core::format::usr::{USR, UsrRecord};
use crate::tree::TreeError;
use crate::tree::journal::Plan;

use super::super::findings::kinds;
use super::list_file::count_of;
use super::{Check, entries, read};

kinds! {
    UNSORTED = "usr.unsorted" Error ("Q86375 Q126230"):
        "The list is not in order; programs look for names by halving and miss some."
        => "sort the list";
    DUPLICATE = "usr.duplicate" Warning ("Q164509 assigned"):
        "A name with the same address stands in the list more than once."
        => "keep the first of them";
}

/// Lists longer than this are looked at but not mended, in bytes.
const LOADED_LIMIT_BYTES: u64 = 64 << 20;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    if !check.is_ours() {
        return Ok(());
    }
    let lists = entries::numbered(check.view(), "USR", "USR")?;
    let limit = read::limit_bytes("USR", "00000000.USR").unwrap_or(u64::MAX);
    for id in lists.iter() {
        let path = lists.path(id)?;
        let Some(file) = read::open_on_disk(check.view(), &path, limit)? else {
            continue;
        };
        let len = file.len();
        let loads = len <= LOADED_LIMIT_BYTES;
        let fixable = loads && len % UsrRecord::SIZE as u64 == 0;
        let mut records: Vec<UsrRecord> = Vec::new();
        let mut unsorted = None;
        let mut last: Option<UsrRecord> = None;
        read::records_of(
            check.view(),
            &file,
            &USR,
            &mut |offset, record: &UsrRecord| {
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
            },
        )?;
        drop(file);
        let plan = |records: &[UsrRecord]| -> Result<Option<Plan>, TreeError> {
            if !fixable {
                return Ok(None);
            }
            let mut plan = Plan::new();
            plan.replace(
                path.clone(),
                records.iter().flat_map(UsrRecord::encode).collect(),
            )?;
            Ok(Some(plan))
        };
        if let Some(offset) = unsorted {
            let mut sorted = records.clone();
            sorted.sort_by(|a, b| compare(a.alias.text(), b.alias.text()));
            let message = "The names are not in order from here on.".to_owned();
            let plan = plan(&sorted)?;
            check.report(&UNSORTED, path.as_str(), Some(offset), message, plan);
        }
        let same = |a: &UsrRecord, b: &UsrRecord| {
            a.state == b.state
                && a.alias.eq_ignore_case(b.alias.text())
                && a.mailbox.eq_ignore_case(b.mailbox.text())
        };
        // In a sorted list entries of one name stand together, however they are ordered.
        let mut kept: Vec<UsrRecord> = Vec::with_capacity(records.len());
        let mut first = None;
        for (at, record) in records.iter().enumerate() {
            let neighbours = kept
                .iter()
                .rev()
                .take_while(|known| known.alias.eq_ignore_case(record.alias.text()));
            if record.is_live() && neighbours.take(64).any(|known| same(known, record)) {
                first = first.or(Some(at));
            } else {
                kept.push(record.clone());
            }
        }
        if let Some(at) = first {
            let twice = records.len() - kept.len();
            let name = records.get(at).map(|record| record.alias.to_string_850());
            let message = format!(
                "{} more than once, the first {:?}.",
                count_of(twice, "entry stands here", "entries stand here"),
                name.unwrap_or_default()
            );
            let plan = plan(&kept)?;
            let offset = at as u64 * UsrRecord::SIZE as u64;
            check.report(&DUPLICATE, path.as_str(), Some(offset), message, plan);
        }
    }
    Ok(())
}
