//! All mailbags of a tree with what waits in them.

use std::ops::ControlFlow;

use jiff::Zoned;

use crate::core::base::stem::MailbagStem;
use crate::core::format::mbg::MbgRecord;
use crate::tree::disk::EntryName;
use crate::tree::{TreeError, TreeView};

use super::super::clock::TreeClock;
use super::super::error::PoError;
use super::super::stream::{Report, records, report_or_fail};
use super::owners::{Owner, Owners};
use super::{HEADERS_LIMIT, open_pair};

/// One mailbag in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct MailbagSummary {
    /// Its stem.
    pub stem: MailbagStem,
    /// Whose it is.
    pub owner: Owner,
    /// Headers in the MBG, deleted ones included, as far as they are read.
    pub headers: u64,
    /// Live ones; `None` where that is not known (foreign tree, unusable KEY).
    pub live: Option<u64>,
    /// Deleted ones; `None` where that is not known.
    pub deleted: Option<u64>,
    /// Date of the oldest live message, or of the oldest of all where it is not known which live.
    pub oldest: Option<Zoned>,
    /// Bytes of the live messages as their headers say; `None` where that is not known.
    pub size_bytes: Option<u64>,
}

/// Calls `each` for every mailbag: numbered ones by number, then the named ones.
///
/// # Errors
/// An error that is not about one file; the others are reported.
pub fn list_mailbags(
    view: &TreeView,
    clock: &TreeClock,
    report: &mut Report<'_>,
    each: &mut dyn FnMut(MailbagSummary) -> ControlFlow<()>,
) -> Result<(), PoError> {
    let owners = Owners::load(view, report)?;
    for stem in stems(view, report)? {
        if let Some(summary) = summary(view, clock, &owners, stem, report)?
            && each(summary).is_break()
        {
            break;
        }
    }
    Ok(())
}

/// The stems of all MBG and KEY files, sorted; 8 bytes each.
fn stems(view: &TreeView, report: &mut Report<'_>) -> Result<Vec<MailbagStem>, TreeError> {
    let mut stems = Vec::new();
    for (dir, extension) in [("MBG", ".MBG"), ("KEY", ".KEY")] {
        let result = view.path(dir).and_then(|path| {
            view.list_on_disk(&path, &mut |entry| {
                if let EntryName::Plain(name) = entry.name
                    && let Some(cut) = name.len().checked_sub(extension.len())
                    && name
                        .get(cut..)
                        .is_some_and(|end| end.eq_ignore_ascii_case(extension))
                    && let Some(stem) = MailbagStem::of_file_name(&name)
                {
                    stems.push(stem);
                }
                ControlFlow::Continue(())
            })
        });
        if let Err(error) = result {
            report_or_fail(dir, error, report)?;
        }
    }
    stems.sort_unstable();
    stems.dedup();
    Ok(stems)
}

fn summary(
    view: &TreeView,
    clock: &TreeClock,
    owners: &Owners,
    stem: MailbagStem,
    report: &mut Report<'_>,
) -> Result<Option<MailbagSummary>, TreeError> {
    let pair = open_pair(view, stem, report)?;
    if !pair.exists {
        // It went while we were looking.
        return Ok(None);
    }
    let known = pair.key.is_some();
    let mut summary = MailbagSummary {
        stem,
        owner: owners.of(stem),
        headers: 0,
        live: known.then_some(0),
        deleted: known.then_some(0),
        oldest: None,
        size_bytes: known.then_some(0),
    };
    let Some(file) = &pair.mbg else {
        return Ok(Some(summary));
    };
    let read = records::<MbgRecord>(file, 0, HEADERS_LIMIT, &mut |index, _, record| {
        summary.headers += 1;
        let deleted = pair
            .key
            .as_ref()
            .is_some_and(|key| key.is_deleted(usize::try_from(index).unwrap_or(usize::MAX)));
        let count = if deleted {
            &mut summary.deleted
        } else {
            &mut summary.live
        };
        *count = count.map(|count| count + 1);
        if deleted {
            return ControlFlow::Continue(());
        }
        summary.size_bytes = summary
            .size_bytes
            .map(|size| size + u64::from(record.size_bytes.get()));
        if let Some(time) = clock.mail_time(&record.date)
            && summary.oldest.as_ref().is_none_or(|oldest| time < *oldest)
        {
            summary.oldest = Some(time);
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = read {
        report_or_fail(&stem.mbg_path(), error, report)?;
    }
    Ok(Some(summary))
}
