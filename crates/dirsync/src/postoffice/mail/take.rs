//! Reading the messages that wait in a mailbag, and taking them out.
//!
//! All of it works on one [`Edit`]: what a step of the cycle takes from a mailbag and what it makes of
//! it are one commit.

use crate::core::base::finding::{Finding, Severity};
use crate::core::base::ident::{HexId, MailbagStem, att_path, mai_path};
use crate::core::format::mai::{Attachment, Mai};
use crate::core::format::mbg::{MBG_RECORD_LEN_BYTES, MbgRecord};
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::stream::{Report, report_or_fail};
use super::bagedit::BagEdit;
use super::counter::{MAI_LIMIT_BYTES, drop_doubled, drop_reference};
use super::{BAD_HEADER, MESSAGE_MISSING, finding};
use crate::core::base::finding::FindingId;

/// A live header whose message file cannot be read as a message.
pub const MESSAGE_DAMAGED: FindingId = FindingId("mailbag.message-damaged");

/// Bytes of messages that one call reads before it says that there are more.
const TAKE_LIMIT_BYTES: u64 = 64 << 20;

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Number of its header in the mailbag, see [`BagEdit`] for how long it stays valid.
    pub index: usize,
    /// The header.
    pub header: MbgRecord,
    /// Stem of the MAI.
    pub stem: HexId,
    /// The message.
    pub mai: Mai,
    /// Sender or recipients are not in the clear (Q77926); the texts mean nothing to us.
    pub encrypted: bool,
}

impl Waiting {
    /// The first attachment of this name, without regard to case.
    #[must_use]
    pub fn attachment(&self, name: &[u8]) -> Option<&Attachment> {
        self.mai
            .attachments
            .iter()
            .find(|attachment| attachment.name.eq_ignore_ascii_case(name))
    }
}

/// What [`take`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Sound messages, the oldest first.
    pub waiting: Vec<Waiting>,
    /// Whether there are more than were asked for.
    pub more: bool,
    /// Damaged ones that were reported and left out.
    pub damaged: usize,
}

/// Opens an attachment for positioned reads; `None` when its file is missing (`[018]`). The
/// attachment must not be one that the edit has just made.
///
/// # Errors
/// A disk error, for example something that is not a regular file.
pub fn open_attachment<'v>(
    view: &'v TreeView,
    attachment: &Attachment,
) -> Result<Option<ViewFile<'v>>, TreeError> {
    view.open_file(&att_path(attachment.stem))
}

/// Reads at most `limit` messages of a mailbag in order of arrival, as changed so far. A header that
/// names no message and a message that cannot be read are reported with file and offset and left out.
///
/// # Errors
/// [`PoError::NoSuchMailbag`], [`PoError::MailbagDamaged`], or a disk error that is not about one
/// message.
pub fn take(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    limit: usize,
    report: &mut Report<'_>,
) -> Result<Taken, PoError> {
    let pair = BagEdit::load(edit, mailbag)?;
    let mut taken = Taken::default();
    let mut bytes_read = 0u64;
    for (index, header) in pair.live() {
        if taken.waiting.len() >= limit || bytes_read > TAKE_LIMIT_BYTES {
            taken.more = true;
            break;
        }
        match read_message(edit, mailbag, index, &header, report)? {
            Some((stem, mai, encrypted, len)) => {
                bytes_read = bytes_read.saturating_add(len);
                taken.waiting.push(Waiting {
                    index,
                    header,
                    stem,
                    mai,
                    encrypted,
                });
            }
            None => taken.damaged += 1,
        }
    }
    Ok(taken)
}

/// The message a header names; `None` when it was reported as damaged.
fn read_message(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    index: usize,
    header: &MbgRecord,
    report: &mut Report<'_>,
) -> Result<Option<(HexId, Mai, bool, u64)>, PoError> {
    let offset = (index * MBG_RECORD_LEN_BYTES) as u64;
    let of_header = |id, why: String| -> Finding {
        let message = format!("header {index}: {why}");
        finding(
            id,
            Severity::Error,
            mailbag.mbg_path(),
            Some(offset),
            message,
        )
    };
    let Ok(Some(stem)) = header.mai.get() else {
        report(of_header(
            BAD_HEADER,
            "the name of its message is no number".to_owned(),
        ));
        return Ok(None);
    };
    let path = mai_path(stem);
    let bytes = match edit.peek(&path, MAI_LIMIT_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            report(of_header(MESSAGE_MISSING, format!("{path} is missing")));
            return Ok(None);
        }
        Err(TreeError::TooLarge { len, .. }) => {
            let why = format!("{path} has {len} bytes, more than any message");
            report(of_header(MESSAGE_DAMAGED, why));
            return Ok(None);
        }
        Err(error) => {
            report_or_fail(&path, error, report)?;
            return Ok(None);
        }
    };
    match Mai::decode(&bytes) {
        Ok(decoded) => Ok(Some((
            stem,
            decoded.mai,
            decoded.encrypted,
            bytes.len() as u64,
        ))),
        Err(error) => {
            let mut found = of_header(MESSAGE_DAMAGED, format!("{path}: {error}"));
            found.file = path;
            found.offset = Some(error.offset);
            report(found);
            Ok(None)
        }
    }
}

/// Takes messages out of a mailbag: their headers are marked deleted, each message is named by one
/// record fewer and goes with its attachments at 0. Indices that are deleted already are skipped.
///
/// # Errors
/// [`PoError::MailbagDamaged`], or a disk error.
pub fn remove(edit: &mut Edit<'_>, mailbag: MailbagStem, indices: &[usize]) -> Result<(), PoError> {
    let mut pair = BagEdit::load(edit, mailbag)?;
    let mut gone = Vec::with_capacity(indices.len());
    let mut stems = Vec::with_capacity(indices.len());
    for &index in indices {
        if let Some(record) = pair.live_at(index)
            && !gone.contains(&index)
        {
            gone.push(index);
            stems.extend(record.mai.get().ok().flatten());
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    pair.mark_deleted(edit, &gone)?;
    for stem in stems {
        if pair.names(stem) {
            drop_doubled(edit, stem)?;
        } else {
            drop_reference(edit, stem)?;
        }
    }
    Ok(())
}

/// Takes a header out that names the same message as an earlier one of this mailbag (Q127752).
/// `kept` is the mailbag into which the earlier one may have been moved: the message stays as long
/// as that names it.
///
/// # Errors
/// See [`remove`] and [`move_to`].
pub fn remove_doubled(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    index: usize,
    kept: Option<MailbagStem>,
) -> Result<(), PoError> {
    let record = BagEdit::load(edit, mailbag)?.live_at(index);
    let mai = record.and_then(|record| record.mai.get().ok().flatten());
    if let (Some(mai), Some(kept)) = (mai, kept)
        && kept != mailbag
        && BagEdit::load(edit, kept).is_ok_and(|bag| bag.names(mai))
    {
        return move_to(edit, mailbag, index, kept);
    }
    remove(edit, mailbag, &[index])
}

/// Moves one message into another mailbag of the same postoffice; how often it is referred to does
/// not change.
///
/// # Errors
/// [`PoError::MailbagFull`], [`PoError::MailbagDamaged`], or a disk error.
pub fn move_to(
    edit: &mut Edit<'_>,
    from: MailbagStem,
    index: usize,
    to: MailbagStem,
) -> Result<(), PoError> {
    let mut source = BagEdit::load(edit, from)?;
    let record = source
        .live_at(index)
        .ok_or_else(|| PoError::MailbagDamaged {
            tree: edit.view().describe(),
            name: from.to_string(),
            why: format!("it has no live header {index}"),
        })?;
    if from == to {
        return Ok(());
    }
    let mut target = BagEdit::load(edit, to)?;
    match record.mai.get().ok().flatten() {
        // No two records of one mailbag name the same message (Q77926).
        Some(mai) if target.names(mai) => {
            source.mark_deleted(edit, &[index])?;
            return drop_doubled(edit, mai);
        }
        _ => target.append(edit, &[record])?,
    }
    source.mark_deleted(edit, &[index])
}
