//! The headers of one mailbag, one by one.

use std::ops::ControlFlow;

use jiff::Zoned;

use crate::core::base::finding::Severity;
use crate::core::base::ident::{HexId, mai_path};
use crate::core::base::stem::MailbagStem;
use crate::core::format::mbg::{MbgRecord, Priority};
use crate::tree::disk::EntryKind;
use crate::tree::{TreeError, TreeView};

use super::super::clock::TreeClock;
use super::super::error::PoError;
use super::super::stream::{Report, records, report_or_fail};
use super::{BAD_DATE, BAD_HEADER, HEADERS_LIMIT, MESSAGE_MISSING, finding, open_pair};

/// Whether a header counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderState {
    /// It stands for a message.
    Live,
    /// Marked deleted in the KEY; compression takes it out.
    Deleted,
    /// The KEY is of a foreign tree, or unusable.
    Unknown,
}

impl HeaderState {
    /// The word for tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }
}

/// The message file that a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// It is there.
    Present {
        /// Its length in bytes.
        len_bytes: u64,
    },
    /// It is not.
    Missing,
    /// Something that is no regular file stands there.
    NotAFile(EntryKind),
    /// It cannot be looked at.
    Unreadable,
}

impl Message {
    /// The word for tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Present { .. } => "present",
            Self::Missing => "missing",
            Self::NotAFile(_) => "not-a-file",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Fields whose places are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnFields {
    /// Priority.
    pub priority: Priority,
    /// Whether the owner has read it.
    pub read: bool,
    /// Number of attachments.
    pub attachments: u16,
    /// Bytes of message and attachments.
    pub size_bytes: u32,
    /// Delivery attempts so far.
    pub retries: u16,
}

/// One header.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Number in the mailbag, from 0.
    pub index: u64,
    /// Byte offset in the MBG.
    pub offset: u64,
    /// Whether it counts.
    pub state: HeaderState,
    /// Mailbox of the sender.
    pub sender: String,
    /// Subject, cut at 40 characters when it was written.
    pub subject: String,
    /// Date; `None` when the words are none.
    pub time: Option<Zoned>,
    /// Stem of the message.
    pub mai: HexId,
    /// The message file.
    pub message: Message,
    /// Only of our trees.
    pub own: Option<OwnFields>,
}

/// Calls `each` for the headers of a mailbag in order of arrival. A header that names no message is
/// reported with its offset and left out; other damage is reported and the header is listed.
///
/// # Errors
/// [`PoError::NoSuchMailbag`], or an error that is not about one file.
pub fn list_headers(
    view: &TreeView,
    clock: &TreeClock,
    stem: MailbagStem,
    report: &mut Report<'_>,
    each: &mut dyn FnMut(Header) -> ControlFlow<()>,
) -> Result<(), PoError> {
    let pair = open_pair(view, stem, report)?;
    if !pair.exists {
        return Err(PoError::NoSuchMailbag {
            tree: view.describe(),
            name: stem.to_string(),
        });
    }
    let Some(file) = &pair.mbg else { return Ok(()) };
    let ours = view.marker().layout().is_some();
    let mbg_path = stem.mbg_path();
    let mut failed: Option<TreeError> = None;
    let read = records::<MbgRecord>(file, 0, HEADERS_LIMIT, &mut |index, offset, record| {
        let state = match &pair.key {
            None => HeaderState::Unknown,
            Some(key) if key.is_deleted(usize::try_from(index).unwrap_or(usize::MAX)) => {
                HeaderState::Deleted
            }
            Some(_) => HeaderState::Live,
        };
        // What a deleted header says does not matter any more.
        let say = |id, severity, why: &str, report: &mut Report<'_>| {
            if state != HeaderState::Deleted {
                report(finding(
                    id,
                    severity,
                    mbg_path.clone(),
                    Some(offset),
                    format!("header {index}: {why}"),
                ));
            }
        };
        let damage = |why: &str, report: &mut Report<'_>| {
            say(BAD_HEADER, Severity::Error, why, report);
        };
        let mai = match record.mai.get() {
            Ok(Some(mai)) => mai,
            Ok(None) => {
                damage("it names no message", report);
                return ControlFlow::Continue(());
            }
            Err(_) => {
                damage("the name of its message is no number", report);
                return ControlFlow::Continue(());
            }
        };
        let time = clock.mail_time(&record.date);
        if time.is_none() {
            say(BAD_DATE, Severity::Note, "its date is none", report);
        }
        if !record.sender.is_terminated() || !record.subject.is_terminated() {
            damage("its sender or subject has no end", report);
        }
        let message = match message_file(view, mai, report) {
            Ok(message) => message,
            Err(error) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        };
        if message == Message::Missing && state == HeaderState::Live {
            report(finding(
                MESSAGE_MISSING,
                Severity::Error,
                mbg_path.clone(),
                Some(offset),
                format!("header {index}: {} is missing", mai_path(mai)),
            ));
        }
        each(Header {
            index,
            offset,
            state,
            sender: record.sender.to_string_850(),
            subject: record.subject.to_string_850(),
            time,
            mai,
            message,
            own: ours.then(|| OwnFields {
                priority: record.priority(),
                read: record.is_read(),
                attachments: record.attachments.get(),
                size_bytes: record.size_bytes.get(),
                retries: record.retries.get(),
            }),
        })
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    if let Err(error) = read {
        report_or_fail(&mbg_path, error, report)?;
    }
    Ok(())
}

fn message_file(
    view: &TreeView,
    mai: HexId,
    report: &mut Report<'_>,
) -> Result<Message, TreeError> {
    let path = mai_path(mai);
    match view.stat(&path) {
        Ok(None) => Ok(Message::Missing),
        Ok(Some(stat)) if stat.kind == EntryKind::File => Ok(Message::Present {
            len_bytes: stat.len,
        }),
        Ok(Some(stat)) => Ok(Message::NotAFile(stat.kind)),
        Err(error) => report_or_fail(&path, error, report).map(|()| Message::Unreadable),
    }
}
