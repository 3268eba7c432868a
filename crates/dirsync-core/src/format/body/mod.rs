//! Bodies of dirsync messages (decisions section 3).
//!
//! An INI-like text in code page 850 that starts with the line `[dirsync]` (Q106623, Q118298). The
//! bodies between postoffices were never published: keys and order are ASSIGNED, but `reqname`,
//! `types`, `template`, `srvseq`, `transactions` (DOCUMENTED) and the names `reqseq`, `impseq`
//! (DOCUMENTED). A body with `version=` is native, one without it foreign.
//!
//! [`Body`] writes exactly: keys in one order, lower case, numbers of 10 digits, lines ended by CR
//! LF. [`Profile`] reads tolerantly: any case and order, blanks around `=`, unknown keys ignored, a
//! repeated key counts where it stands last, a missing number is 0, missing `transactions` is
//! internal, `name=` stands for `reqname=` and `pwd=` for `password=`. The subject is never read
//! (DEC-061).

mod profile;
mod write;

pub use profile::{Profile, Task};
pub use write::{import_subject, reply_subject, request_subject, status_subject};

use std::fmt;

use crate::base::DecodeError;
use crate::base::codepage::escape_bytes_850;

/// First line of every body.
pub const SECTION: &str = "[dirsync]";
/// First line of transactions in text form (Q96004).
pub const TRANSACTIONS_SECTION: &str = "[dirsync-transactions]";
/// What our bodies say behind `version=`.
pub const VERSION: &str = "3.5";
/// What an agent adds when there is nothing to send and nothing was asked for (Q201122).
pub const NO_UPDATES_TEXT: &str = "No updates to send. Nothing was requested.";
/// Name of the attachment of a request (seen in print).
pub const REQUEST_ATTACHMENT: &str = "REQTRANS.GLB";
/// Name of the attachment of a reply and of an import reply (seen in print).
pub const REPLY_ATTACHMENT: &str = "TMPTRANS.GLB";
/// Name of the attachment of a status message (seen in print).
pub const STATUS_ATTACHMENT: &str = "DSSERVER.LOG";

/// How transactions travel (Q106623, Q123857, Q159294).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Carrier {
    /// As binary records in an attachment.
    #[default]
    Internal,
    /// As text in an attachment.
    InAttachment,
    /// As text in the body.
    InBody,
}

impl Carrier {
    /// The value behind `transactions=`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::InAttachment => "inattachment",
            Self::InBody => "inbody",
        }
    }
}

/// ReqTx: a requestor's update, made at T1. Texts are code page 850; names have their type in
/// front: `PCM:NET/PO`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The requestor.
    pub reqname: Vec<u8>,
    /// Dirsync password; left out when empty.
    pub password: Vec<u8>,
    /// Number of the last transaction sent, or the last confirmed one if none.
    pub reqseq: u32,
    /// The last confirmed number.
    pub reqwas: u32,
    /// The last server number the requestor has.
    pub srvseq: u32,
    /// Its import number.
    pub impseq: u32,
    /// Transactions in the attachment.
    pub count: u32,
    /// Address types wanted, separated by `|`.
    pub types: Vec<u8>,
    /// Templates wanted.
    pub template: bool,
    /// Updates wanted.
    pub receive: bool,
    /// The numbers come from a RESYNC not yet confirmed (DEC-041).
    pub resync: bool,
    /// Limit of the reply in KB, 0 none.
    pub limit_kb: u32,
    /// How the transactions travel.
    pub transactions: Carrier,
}

/// SrvTx: the server's answer, made at T2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The server.
    pub srvname: Vec<u8>,
    /// The requestor.
    pub reqname: Vec<u8>,
    /// Echo of the last request number taken.
    pub reqseq: u32,
    /// Number of the last entry looked at.
    pub srvseq: u32,
    /// The `srvseq` of the request.
    pub srvwas: u32,
    /// The requestor's import number.
    pub impseq: u32,
    /// Transactions in the attachment.
    pub count: u32,
    /// The reply was paced; more follows.
    pub more: bool,
    /// How the transactions travel.
    pub transactions: Carrier,
    /// The agent's line [`NO_UPDATES_TEXT`] stands in the body.
    pub no_updates: bool,
}

/// A status report; the log is its attachment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The requestor.
    pub reqname: Vec<u8>,
}

/// A request for all lists.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ImportRequest {
    /// The requestor.
    pub reqname: Vec<u8>,
    /// Dirsync password; left out when empty.
    pub password: Vec<u8>,
    /// The last confirmed number, for information.
    pub reqseq: u32,
    /// 0 for everything; a foreign requestor's number above 0 asks for the updates after it
    /// (DEC-035).
    pub srvseq: u32,
    /// The requestor's import number.
    pub impseq: u32,
    /// Address types wanted, separated by `|`.
    pub types: Vec<u8>,
    /// Templates wanted.
    pub template: bool,
    /// Limit of the reply in KB, 0 none.
    pub limit_kb: u32,
    /// How the transactions are to travel.
    pub transactions: Carrier,
}

/// The answer to an import request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReply {
    /// The server.
    pub srvname: Vec<u8>,
    /// The requestor.
    pub reqname: Vec<u8>,
    /// Echo of the last request number taken.
    pub reqseq: u32,
    /// Number of the last entry in the attachment.
    pub srvseq: u32,
    /// The number the lists are as of.
    pub base: u32,
    /// The new import number.
    pub impseq: u32,
    /// Transactions in the attachment.
    pub count: u32,
    /// How the transactions travel.
    pub transactions: Carrier,
}

/// How a password is shown: whether there is one.
fn shown_password(password: &[u8]) -> &'static str {
    if password.is_empty() { "none" } else { "set" }
}

impl fmt::Debug for Request {
    /// Everything but the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("reqname", &escape_bytes_850(&self.reqname))
            .field("password", &shown_password(&self.password))
            .field("reqseq", &self.reqseq)
            .field("reqwas", &self.reqwas)
            .field("srvseq", &self.srvseq)
            .field("impseq", &self.impseq)
            .field("count", &self.count)
            .field("types", &escape_bytes_850(&self.types))
            .field("template", &self.template)
            .field("receive", &self.receive)
            .field("resync", &self.resync)
            .field("limit_kb", &self.limit_kb)
            .field("transactions", &self.transactions)
            .finish()
    }
}

impl fmt::Debug for ImportRequest {
    /// Everything but the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportRequest")
            .field("reqname", &escape_bytes_850(&self.reqname))
            .field("password", &shown_password(&self.password))
            .field("reqseq", &self.reqseq)
            .field("srvseq", &self.srvseq)
            .field("impseq", &self.impseq)
            .field("types", &escape_bytes_850(&self.types))
            .field("template", &self.template)
            .field("limit_kb", &self.limit_kb)
            .field("transactions", &self.transactions)
            .finish()
    }
}

/// The body of a message whose task we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `task=reqtx`.
    Request(Request),
    /// `task=srvtx`.
    Reply(Reply),
    /// `task=status`.
    Status(Status),
    /// `task=importreq`.
    ImportRequest(ImportRequest),
    /// `task=importrep`.
    ImportReply(ImportReply),
}

impl Body {
    /// Reads a body.
    ///
    /// # Errors
    /// As [`Profile::parse`] and [`Profile::body`]; a task that is none of the five.
    pub fn decode(text: &[u8]) -> Result<Self, DecodeError> {
        Profile::parse(text)?.body()
    }
}

#[cfg(test)]
mod tests;

/// The text of a message with the value of every `password=` or `pwd=` line replaced by `***`, for
/// showing it to people: passwords appear in no report.
#[must_use]
pub fn without_passwords(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n' || byte == b'\r') {
        let key_end = line.iter().position(|&byte| byte == b'=');
        let is_password = key_end.is_some_and(|end| {
            let key = line[..end].trim_ascii();
            key.eq_ignore_ascii_case(b"password") || key.eq_ignore_ascii_case(b"pwd")
        });
        match key_end {
            Some(end) if is_password => {
                out.extend_from_slice(&line[..=end]);
                out.extend_from_slice(b"***");
                out.extend(line.last().filter(|byte| matches!(byte, b'\r' | b'\n')));
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}
