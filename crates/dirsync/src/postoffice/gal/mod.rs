//! The Global Address List: GAL.NME in the order of the file, with addresses.
//!
//! GAL.NME holds 45 bytes for each name, sorted (Q86375); what a name stands for lies elsewhere:
//! external users in GALNETPO.GLB, gateway entries in `<TYPE>.GLB`, local users in ACCESS2.GLB
//! (Q107767, places ASSIGNED). Everything is read by positioned reads of small pieces, so a list of
//! a million names needs no more memory than one of ten. In a foreign tree the places are not
//! known: names only.

mod find;
mod resolve;

use std::ops::ControlFlow;

use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::format::FixedRecord as _;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::error::PoError;
use super::stream::{Report, open_or_report, records};
pub use find::Words;
use resolve::Resolver;

/// The list itself.
pub const GAL_PATH: &str = "NME/GAL.NME";
/// There is no Global Address List (yet).
pub const MISSING: FindingId = FindingId("gal.missing");
/// An entry of a kind that does not exist.
pub const BAD_ENTRY: FindingId = FindingId("gal.bad-entry");
/// An entry whose address is not where it points to.
pub const BAD_POINTER: FindingId = FindingId("gal.bad-pointer");
/// The word index cannot be used; the list is read from end to end instead.
pub const INDEX_UNUSABLE: FindingId = FindingId("gal.index-bad");
/// Bytes behind the last whole entry.
pub const FRAGMENT: FindingId = FindingId("size.fragment");

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct GalOptions {
    /// Only names that have, for each of these words, a word that begins with it.
    pub find: Option<Words>,
    /// Without local users that take no part in directory synchronization.
    pub participating: bool,
    /// Never use the word index.
    pub no_index: bool,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalEntry {
    /// Number in the list, from 0.
    pub index: u64,
    /// The name.
    pub name: String,
    /// The kind; `None` in a foreign tree, or when it is damaged.
    pub kind: Option<NmeKind>,
    /// `TYPE:NET/PO/MAILBOX` or `TYPE:physical`; `None` in a foreign tree, or when it is damaged.
    pub address: Option<String>,
    /// Tuple id; `None` in a foreign tree.
    pub tid: Option<u32>,
    /// Whether the entry takes part in directory synchronization, where the tree says so: of
    /// local users.
    pub participates: Option<bool>,
}

/// What was found beside the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GalSummary {
    /// Whether there is a list at all.
    pub exists: bool,
    /// Entries in the list, before any selection.
    pub entries: u64,
    /// Whether the word index was used.
    pub used_index: bool,
}

/// Calls `each` for the entries that are asked for, in the order of the list.
///
/// # Errors
/// An error that is not about one file; the others are reported.
pub fn list_gal(
    view: &TreeView,
    options: &GalOptions,
    report: &mut Report<'_>,
    each: &mut dyn FnMut(GalEntry) -> ControlFlow<()>,
) -> Result<GalSummary, PoError> {
    let Some(gal) = open_or_report(view, GAL_PATH, report)? else {
        if view.stat(GAL_PATH).is_ok_and(|stat| stat.is_none()) {
            report(finding(
                MISSING,
                Severity::Note,
                GAL_PATH,
                None,
                "there is no Global Address List yet; a rebuild makes it".into(),
            ));
        }
        return Ok(GalSummary::default());
    };
    let ours = view.marker().layout().is_some();
    let stray = gal.len() % NmeRecord::SIZE as u64;
    if stray != 0 {
        report(finding(
            FRAGMENT,
            Severity::Error,
            GAL_PATH,
            Some(gal.len() - stray),
            format!("{stray} bytes stand behind the last whole entry"),
        ));
    }
    let mut summary = GalSummary {
        exists: true,
        entries: gal.len() / NmeRecord::SIZE as u64,
        used_index: false,
    };
    let mut resolver = if ours {
        Some(Resolver::new(view, report)?)
    } else {
        None
    };
    let mut visit = |index: u64,
                     record: &NmeRecord,
                     report: &mut Report<'_>|
     -> Result<ControlFlow<()>, TreeError> {
        if let Some(words) = &options.find
            && !words.are_in(record.alias.text())
        {
            return Ok(ControlFlow::Continue(()));
        }
        let entry = entry(index, record, resolver.as_mut(), report)?;
        if options.participating && entry.participates == Some(false) {
            return Ok(ControlFlow::Continue(()));
        }
        Ok(each(entry))
    };
    if let Some(words) = &options.find
        && ours
        && !options.no_index
    {
        match find::by_index(view, &gal, words, report)? {
            Some(offsets) => {
                summary.used_index = true;
                for offset in offsets {
                    let index = u64::from(offset) / NmeRecord::SIZE as u64;
                    if let Some(record) = record_at(&gal, u64::from(offset))?
                        && visit(index, &record, report)?.is_break()
                    {
                        break;
                    }
                }
                return Ok(summary);
            }
            None => summary.used_index = false,
        }
    }
    let mut failed = None;
    records::<NmeRecord>(&gal, 0, u64::MAX, &mut |index, _, record| {
        visit(index, record, report).unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        })
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(summary),
    }
}

fn entry(
    index: u64,
    record: &NmeRecord,
    resolver: Option<&mut Resolver<'_>>,
    report: &mut Report<'_>,
) -> Result<GalEntry, TreeError> {
    let mut entry = GalEntry {
        index,
        name: record.alias.to_string_850(),
        kind: None,
        address: None,
        tid: None,
        participates: None,
    };
    let Some(resolver) = resolver else {
        return Ok(entry);
    };
    let offset = index * NmeRecord::SIZE as u64;
    entry.kind = record.nme_kind();
    entry.tid = Some(record.tid.get());
    let Some(kind) = entry.kind else {
        report(finding(
            BAD_ENTRY,
            Severity::Error,
            GAL_PATH,
            Some(offset),
            format!(
                "entry {index} is of kind {}, which does not exist",
                record.kind
            ),
        ));
        return Ok(entry);
    };
    match resolver.resolve(kind, record, report)? {
        Some(found) => {
            entry.address = Some(found.address);
            entry.participates = found.participates;
        }
        None => report(finding(
            BAD_POINTER,
            Severity::Error,
            GAL_PATH,
            Some(offset),
            format!(
                "entry {index} points to byte {} of {}, where its address is not",
                record.pointer.get(),
                resolver.place_of(kind, record)
            ),
        )),
    }
    Ok(entry)
}

fn record_at(gal: &ViewFile<'_>, offset: u64) -> Result<Option<NmeRecord>, TreeError> {
    let mut bytes = [0u8; NmeRecord::SIZE];
    let n = gal.read_at(&mut bytes, offset)?;
    Ok(bytes
        .get(..n)
        .and_then(|bytes| NmeRecord::decode(bytes).ok()))
}

fn finding(
    id: FindingId,
    severity: Severity,
    file: &str,
    offset: Option<u64>,
    message: String,
) -> Finding {
    Finding {
        id,
        severity,
        file: file.to_owned(),
        offset,
        message,
        hint: "a rebuild of the Global Address List makes it anew; `po-admin explain` tells more \
               about this id"
            .into(),
        repair: None,
    }
}

#[cfg(test)]
mod tests;
