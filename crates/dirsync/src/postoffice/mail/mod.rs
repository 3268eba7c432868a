//! Mailbags: who they belong to, what waits in them, and the headers one by one.
//!
//! A mailbag is the pair `MBG/<stem>.MBG` (headers, DOCUMENTED by the dump in Q108027) and
//! `KEY/<stem>.KEY`, whose bitmap says which headers are deleted. The places inside a KEY were
//! never published (ASSIGNED, DEC-101), so in a foreign tree it is not known which headers are
//! live: they are all listed, and the state is left open. Priority, read state, sizes and retries
//! of a header are ASSIGNED as well and shown for our trees only.
//!
//! Problems are reported under the ids of the checker (`insight::findings`), which knows more about
//! them and can mend them.
//! Mail is written with [`submit`], read with [`take`], taken out with [`remove`] and moved with
//! [`move_to`]; these work on an [`super::Edit`], in trees of ours only.

mod bagedit;
mod bags;
mod counter;
mod headers;
mod owners;
mod submit;
mod take;
#[cfg(test)]
pub(crate) mod tests;

pub use bagedit::BagEdit;
pub use bags::{MailbagSummary, list_mailbags};
pub use counter::{MAI_LIMIT_BYTES, drop_reference, references, set_references};
pub use headers::{Header, HeaderState, Message, OwnFields, list_headers};
pub use owners::{Owner, Owners, find_mailbag};
pub use submit::{Outgoing, address_text, submit};
pub use take::{
    MESSAGE_DAMAGED, Taken, Waiting, move_to, open_attachment, remove, remove_doubled, take,
};

use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::base::stem::MailbagStem;
use crate::core::format::key::{KEY_LEN_BYTES, Key, MAILBAG_RECORDS_MAX};
use crate::core::format::mbg::MBG_RECORD_LEN_BYTES;
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::stream::{Report, open_or_report};

/// An MBG whose KEY is missing.
pub const KEY_MISSING: FindingId = FindingId("mailbag.mbg-without-key");
/// A KEY whose MBG is missing.
pub const MBG_MISSING: FindingId = FindingId("mailbag.key-without-mbg");
/// A KEY of less than 560 bytes.
pub const KEY_SHORT: FindingId = FindingId("size.key-short");
/// A KEY of more than 560 bytes.
pub const KEY_LONG: FindingId = FindingId("size.stray-bytes");
/// Bytes behind the last whole header.
pub const MBG_FRAGMENT: FindingId = FindingId("size.fragment");
/// More headers than a KEY has bits.
pub const TOO_MANY: FindingId = FindingId("mailbag.too-many");
/// A header whose date is none.
pub const BAD_DATE: FindingId = FindingId("mailbag.bad-date");
/// A header that names no message, or whose texts have no end.
pub const BAD_HEADER: FindingId = FindingId("mailbag.bad-header");
/// A live header whose message file is missing.
pub const MESSAGE_MISSING: FindingId = FindingId("mailbag.missing-mai");

/// Most headers that are read of one mailbag.
const HEADERS_LIMIT: u64 = MAILBAG_RECORDS_MAX as u64;

fn finding(
    id: FindingId,
    severity: Severity,
    file: String,
    offset: Option<u64>,
    message: String,
) -> Finding {
    Finding {
        id,
        severity,
        file,
        offset,
        message,
        hint:
            "`po-admin check` looks at the whole tree; `po-admin explain` tells more about this id"
                .into(),
        repair: None,
    }
}

/// Both files of a mailbag, opened, and what is wrong with their sizes.
struct Pair<'v> {
    mbg: Option<ViewFile<'v>>,
    /// Only of our trees: the places in a foreign KEY are not known.
    key: Option<Key>,
    exists: bool,
}

fn open_pair<'v>(
    view: &'v TreeView,
    stem: MailbagStem,
    report: &mut Report<'_>,
) -> Result<Pair<'v>, TreeError> {
    let (mbg_path, key_path) = (stem.mbg_path(), stem.key_path());
    let mut reported = 0u32;
    let mut counted = |finding| {
        reported += 1;
        report(finding);
    };
    let mbg = open_or_report(view, &mbg_path, &mut counted)?;
    let mbg_reported = std::mem::take(&mut reported) > 0;
    let mut counted = |finding| {
        reported += 1;
        report(finding);
    };
    let key_file = open_or_report(view, &key_path, &mut counted)?;
    let key_reported = reported > 0;
    let exists = mbg.is_some() || key_file.is_some() || mbg_reported || key_reported;
    if exists && mbg.is_none() && !mbg_reported {
        report(finding(
            MBG_MISSING,
            Severity::Error,
            mbg_path.clone(),
            None,
            format!("{key_path} has no {mbg_path}"),
        ));
    }
    if exists && key_file.is_none() && !key_reported {
        report(finding(
            KEY_MISSING,
            Severity::Error,
            key_path.clone(),
            None,
            format!("{mbg_path} has no {key_path}"),
        ));
    }
    if let Some(file) = &mbg {
        let records = file.len() / MBG_RECORD_LEN_BYTES as u64;
        let stray = file.len() % MBG_RECORD_LEN_BYTES as u64;
        if stray != 0 {
            report(finding(
                MBG_FRAGMENT,
                Severity::Error,
                mbg_path.clone(),
                Some(records * MBG_RECORD_LEN_BYTES as u64),
                format!("{stray} bytes stand behind the last whole header"),
            ));
        }
        if records > HEADERS_LIMIT {
            report(finding(
                TOO_MANY,
                Severity::Error,
                mbg_path,
                Some(HEADERS_LIMIT * MBG_RECORD_LEN_BYTES as u64),
                format!("{records} headers, of which the first {HEADERS_LIMIT} are read"),
            ));
        }
    }
    let mut key = None;
    if let Some(file) = key_file {
        if file.len() != KEY_LEN_BYTES as u64 {
            let short = file.len() < KEY_LEN_BYTES as u64;
            report(finding(
                if short { KEY_SHORT } else { KEY_LONG },
                Severity::Error,
                key_path,
                None,
                format!("{} bytes instead of {KEY_LEN_BYTES}", file.len()),
            ));
        } else if view.marker().layout().is_some() {
            key = Key::view(&file.read_all(KEY_LEN_BYTES as u64)?)
                .ok()
                .cloned();
        }
    }
    Ok(Pair { mbg, key, exists })
}
