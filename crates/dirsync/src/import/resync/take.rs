//! What taking RESYNC.GLB does to a requestor beside its lists: the numbers of REQCONF.GLB become
//! those of the header, and REQTRANS.GLB is written anew behind a dummy with the confirmed number
//! (Q119452).
//!
//! Transactions that wait would be ignored by the server under their old numbers; they are numbered
//! above REQSEQ, or dropped when that is asked for (DEC-042). Bytes of REQTRANS that are no record
//! are kept aside: a damaged REQTRANS is one of the reasons for a RESYNC.GLB (Q119014).

use crate::core::base::UnixTime;
use crate::core::base::codepage::CodePage;
use crate::core::format::FixedRecord as _;
use crate::core::format::transactions::{Item, Reader, Record, ResyncHeader, Trust};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::numbers::Numbers;
use crate::core::protocol::record::NewRecord;
use crate::core::protocol::requestor::{Requestor, Waiting};
use crate::import::error::ImportError;
use crate::postoffice::lists::waiting::{FileRecords, reqconf};
use crate::postoffice::{Edit, Identity};
use crate::tree::TreeView;

use super::file::Contents;

const REQTRANS: &str = "GLB/REQTRANS.GLB";
const REQCONF: &str = "GLB/REQCONF.GLB";
/// Waiting transactions that are listed one by one.
pub(crate) const WAITED_KEPT: usize = 1_000;

/// A transaction that waited in REQTRANS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// Its number before.
    pub old: u32,
    /// Its number now; `None` when it was dropped.
    pub new: Option<u32>,
    /// Its first line.
    pub text: String,
}

/// What taking a RESYNC.GLB meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The file.
    pub contents: Contents,
    /// q.R, q.S, q.I before.
    pub before: Numbers,
    /// q.R, q.S, q.I after.
    pub after: Numbers,
    /// Transactions that waited: the first 1,000.
    pub waited: Vec<Waited>,
    /// Transactions that have a new number.
    pub renumbered: u64,
    /// Transactions that were dropped (`--discard-waiting`).
    pub discarded: u64,
    /// What the log says about it.
    pub lines: Vec<LogLine>,
}

/// How it is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) accept_older: bool,
    pub(crate) discard_waiting: bool,
    pub(crate) now: UnixTime,
}

/// Who takes it.
pub(crate) fn requestor(edit: &mut Edit<'_>) -> Result<Requestor, ImportError> {
    let identity = Identity::read(edit.view())?;
    Ok(Requestor {
        own: identity.name,
        conf: reqconf(edit)?,
        is_server: identity.is_server,
    })
}

fn each_item(
    view: &TreeView,
    each: &mut dyn FnMut(Item<'_>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let Some(file) = view.open_file(REQTRANS)? else {
        return Ok(());
    };
    let mut reader = Reader::new(FileRecords(file), Trust::Tree);
    while let Some(item) = reader.next_item() {
        each(item?)?;
    }
    Ok(())
}

/// Judges the header and puts the new numbers and the new REQTRANS into the edit. `aside` gets the
/// stretches of REQTRANS that are no record, by offset and length.
///
/// # Errors
/// Message 14 with both sets of figures; a disk error. Nothing of the edit may be committed then.
pub(crate) fn take(
    edit: &mut Edit<'_>,
    contents: Contents,
    how: How,
    aside: &mut Vec<(u64, u64)>,
) -> Result<Taken, ImportError> {
    let view = edit.view();
    let requestor = requestor(edit)?;
    let mut waiting = Waiting::of(&requestor);
    each_item(view, &mut |item| {
        match item {
            Item::Record { record, .. } => waiting.see(&record),
            Item::Damage(damage) => aside.push((damage.offset, damage.len_bytes)),
        }
        Ok(())
    })?;
    if how.discard_waiting {
        // Nothing needs a new number.
        waiting.unconfirmed = 0;
    }
    let before = requestor.numbers();
    let header: ResyncHeader = contents.header;
    let plan = requestor
        .resync(header, &waiting, how.accept_older, how.now)
        .map_err(ImportError::ResyncRefused)?;
    let mut taken = Taken {
        contents,
        before,
        after: Numbers::of(&plan.conf),
        waited: Vec::new(),
        renumbered: 0,
        discarded: 0,
        lines: Vec::new(),
    };
    let damaged = |error| ImportError::Damaged {
        file: REQTRANS.into(),
        error,
    };
    let mut bytes = Vec::new();
    let dummy = NewRecord::dummy(plan.waiting.dummy, how.now);
    dummy.record().encode_into(&mut bytes).map_err(damaged)?;
    let mut renumber = plan.waiting.renumber();
    each_item(view, &mut |item| {
        let Item::Record { record, .. } = item else {
            return Ok(());
        };
        if record.is_dummy() {
            return Ok(());
        }
        let Some(number) = renumber(record.head.sync) else {
            return Ok(());
        };
        let new = (!how.discard_waiting).then_some(number);
        match new {
            Some(number) => {
                taken.renumbered += 1;
                Record::transaction(number, record.head.date, record.text)
                    .encode_into(&mut bytes)
                    .map_err(damaged)?;
            }
            None => taken.discarded += 1,
        }
        if taken.waited.len() < WAITED_KEPT {
            let line = record.text.split(|&byte| byte == b'\r').next();
            taken.waited.push(Waited {
                old: record.head.sync,
                new,
                text: CodePage::Cp850.decode(line.unwrap_or_default()),
            });
        }
        Ok(())
    })?;
    edit.replace_whole(REQTRANS, bytes)?;
    edit.write(REQCONF, plan.conf.encode())?;
    let contents = &taken.contents;
    let mut lines = vec![LogLine::status(format!(
        "RESYNC.GLB taken: {}, {} lists, {} entries",
        contents.header,
        contents.lists.len(),
        contents.entries
    ))];
    lines.extend(plan.diary.lines);
    if taken.discarded > 0 {
        let text = format!("{} waiting transactions dropped", taken.discarded);
        lines.push(LogLine::status(text));
    }
    taken.lines = lines;
    Ok(taken)
}
