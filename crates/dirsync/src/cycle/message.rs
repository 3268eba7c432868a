//! The messages in SYSTEM as the protocol sees them, and the transactions they carry.
//!
//! Transactions travel as binary records in an attachment, or as text in an attachment or in the
//! body. An attachment is read from its file piece by piece; text of foreign requestors is bounded
//! by the size of a message and held.

use crate::core::base::codepage::escape_bytes_850;
use crate::core::base::ident::MailbagStem;
use crate::core::base::{HexId, UnixTime};
use crate::core::format::body::{Carrier, Profile};
use crate::core::format::mai::Attachment;
use crate::core::format::transactions::{Item, Reader, Trust};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::message::{Incoming, TextEntries};
use crate::core::protocol::unit::{Scan, Usable};
use crate::import::log;
use crate::postoffice::lists::waiting::FileRecords;
use crate::postoffice::mail::{self, Waiting, open_attachment};
use crate::postoffice::stream::{Report, UNREADABLE};
use crate::postoffice::{Edit, PoError};
use crate::tree::disk::DiskErrorKind;
use crate::tree::{TreeError, TreeView};

use super::CycleError;

/// Headers of a mailbag that one step looks at: all that a mailbag can hold.
const TAKE_LIMIT: usize = 4096;
/// Longest text attachment that is read, in bytes (ASSIGNED; a MAI has at most 16 MiB).
const TEXT_LIMIT_BYTES: u64 = 16 << 20;

/// Gets number, date (0 for text) and record text of a transaction.
pub type EachEntry<'a> = dyn FnMut(u32, u32, &[u8]) -> Result<(), CycleError> + 'a;

/// A message that waits in SYSTEM.
#[derive(Debug, Clone)]
pub struct SystemMessage {
    /// Number of its header.
    pub index: usize,
    /// Who sent it, as its From field says.
    pub from: String,
    /// When it was written.
    pub date: UnixTime,
    /// What it says.
    pub incoming: Incoming,
    /// How much of its attachment can be used.
    pub usable: Usable,
    /// Named by another header too: a copy that is skipped (Q127752).
    pub repeated: bool,
    stem: HexId,
    text: Vec<u8>,
    attachment: Option<Attachment>,
}

/// The messages of SYSTEM in order of arrival. Damaged ones are reported and stay.
///
/// # Errors
/// The mailbag is damaged, or a disk error: a message that cannot be read now may be read the next
/// time, and until then nothing behind it may be taken for the whole.
pub fn waiting(
    edit: &mut Edit<'_>,
    report: &mut Report<'_>,
) -> Result<Vec<SystemMessage>, CycleError> {
    let mut unreadable = None;
    let taken = mail::take(edit, MailbagStem::SYSTEM, TAKE_LIMIT, &mut |finding| {
        if finding.id == UNREADABLE && unreadable.is_none() {
            unreadable = Some(CycleError::Unreadable {
                file: finding.file.clone(),
                why: finding.message.clone(),
            });
        }
        report(finding);
    })?;
    if let Some(error) = unreadable {
        return Err(error);
    }
    let mut seen = std::collections::HashSet::new();
    let mut messages = Vec::with_capacity(taken.waiting.len());
    for waiting in taken.waiting {
        let repeated = !seen.insert(waiting.stem);
        messages.push(SystemMessage::read(edit.view(), waiting, repeated)?);
    }
    Ok(messages)
}

/// `Failure to read mail from NULL` (115, Q138783), when that is what an error means.
#[must_use]
pub(super) fn unreadable_mailbag(error: &CycleError) -> Option<LogLine> {
    let system = MailbagStem::SYSTEM.to_string();
    match error {
        CycleError::Postoffice(
            PoError::MailbagDamaged { name, .. } | PoError::NoSuchMailbag { name, .. },
        ) if *name == system => Some(log::message(115, "NULL")),
        _ => None,
    }
}

impl SystemMessage {
    fn read(view: &TreeView, waiting: Waiting, repeated: bool) -> Result<Self, CycleError> {
        let incoming = if waiting.encrypted {
            Incoming::Foreign
        } else {
            Incoming::read(&waiting.mai.text)
        };
        let wanted = match &incoming {
            Incoming::Status(_) => "DSSERVER.LOG",
            Incoming::Reply(_) => "TMPTRANS.GLB",
            _ => "REQTRANS.GLB",
        };
        let attachment = waiting
            .attachment(wanted.as_bytes())
            .or_else(|| waiting.mai.attachments.first())
            .cloned();
        let mut message = Self {
            index: waiting.index,
            from: escape_bytes_850(&waiting.mai.from),
            date: UnixTime(waiting.mai.date),
            incoming,
            usable: Usable::without_attachment(None),
            repeated,
            stem: waiting.stem,
            text: waiting.mai.text,
            attachment,
        };
        message.usable = message.scan(view)?;
        // The body was needed for text transactions only.
        if message.carrier() != Some(Carrier::InBody) {
            message.text = Vec::new();
        }
        Ok(message)
    }

    /// Whether the header names the message of another, earlier one.
    pub(super) fn is_copy_of(&self, first: &Self) -> bool {
        self.repeated && !first.repeated && self.stem == first.stem
    }

    fn carrier(&self) -> Option<Carrier> {
        match &self.incoming {
            Incoming::Request(request) => Some(request.carrier),
            Incoming::Reply(reply) => Some(reply.carrier),
            _ => None,
        }
    }

    /// What the message says it carries.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        match &self.incoming {
            Incoming::Request(request) => request.count,
            Incoming::Reply(reply) => reply.count,
            _ => None,
        }
    }

    fn scan(&self, view: &TreeView) -> Result<Usable, CycleError> {
        if self.carrier().is_none() {
            return Ok(Usable::without_attachment(None));
        }
        let mut scan = Scan::new(self.count());
        let damaged = self.each(view, &mut |number, _, text| {
            scan.see(number, text);
            Ok(())
        })?;
        if damaged {
            scan.damage();
        }
        Ok(scan.finish())
    }

    /// Calls `each` for every transaction with number, date (0 for text) and record text; whether
    /// damage ended them.
    ///
    /// # Errors
    /// A disk error, or what `each` fails with.
    pub fn each(&self, view: &TreeView, each: &mut EachEntry<'_>) -> Result<bool, CycleError> {
        match self.carrier() {
            None => Ok(false),
            Some(Carrier::Internal) => {
                let Some(file) = self.open(view)? else {
                    return Ok(self.attachment.is_some());
                };
                let mut reader = Reader::new(FileRecords(file), Trust::Network);
                while let Some(item) = reader.next_item() {
                    match item? {
                        Item::Record { record, .. } => {
                            each(record.head.sync, record.head.date, record.text)?;
                        }
                        Item::Damage(_) => return Ok(true),
                    }
                }
                Ok(false)
            }
            Some(Carrier::InAttachment) => {
                let Some(text) = self.attached(view, TEXT_LIMIT_BYTES)? else {
                    return Ok(self.attachment.is_some());
                };
                text_entries(TextEntries::attachment(), &text, each)
            }
            Some(Carrier::InBody) => {
                let profile = Profile::parse(&self.text).ok();
                match profile.and_then(|profile| profile.transactions()) {
                    Some(text) => text_entries(TextEntries::body(), text, each),
                    None => Ok(false),
                }
            }
        }
    }

    fn open<'v>(
        &self,
        view: &'v TreeView,
    ) -> Result<Option<crate::tree::view::ViewFile<'v>>, TreeError> {
        let Some(attachment) = &self.attachment else {
            return Ok(None);
        };
        match open_attachment(view, attachment) {
            // A directory or a link in its place: as good as missing, and no reason to wait for it.
            Err(TreeError::Disk { error, .. })
                if matches!(
                    error.kind,
                    DiskErrorKind::NotRegular(_) | DiskErrorKind::LinkInPath
                ) =>
            {
                Ok(None)
            }
            other => other,
        }
    }

    /// The bytes of the attachment, the last `limit` of them; `None` when there is no file.
    ///
    /// # Errors
    /// A disk error.
    pub fn attached(&self, view: &TreeView, limit: u64) -> Result<Option<Vec<u8>>, CycleError> {
        let Some(file) = self.open(view)? else {
            return Ok(None);
        };
        let from = file.len().saturating_sub(limit);
        let len = usize::try_from(file.len() - from).unwrap_or(0);
        let mut bytes = vec![0; len];
        let n = file.read_at(&mut bytes, from)?;
        bytes.truncate(n);
        Ok(Some(bytes))
    }

    /// Whether the message names an attachment.
    #[must_use]
    pub fn has_attachment(&self) -> bool {
        self.attachment.is_some()
    }
}

fn text_entries(
    reader: TextEntries,
    text: &[u8],
    each: &mut EachEntry<'_>,
) -> Result<bool, CycleError> {
    let (entries, fault) = reader.read_all(text);
    for entry in entries {
        each(entry.number, 0, &entry.text)?;
    }
    Ok(fault.is_some())
}

impl SystemMessage {
    /// The message as the server's half takes it.
    #[must_use]
    pub fn for_server(&self) -> crate::core::protocol::server::T2Message {
        crate::core::protocol::server::T2Message {
            message: self.incoming.clone(),
            usable: self.usable,
            from: self.from.clone(),
            arrived: self.date,
        }
    }

    /// The message as the requestor's half takes it.
    #[must_use]
    pub fn for_requestor(&self) -> crate::core::protocol::requestor::T3Message {
        crate::core::protocol::requestor::T3Message {
            message: self.incoming.clone(),
            usable: self.usable,
        }
    }
}
