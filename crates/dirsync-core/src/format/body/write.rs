//! Writing bodies and subjects.

use super::{
    Body, ImportReply, ImportRequest, NO_UPDATES_TEXT, Reply, Request, SECTION, Status,
    TRANSACTIONS_SECTION, VERSION,
};
use crate::base::{DecodeError, DecodeErrorKind};
use crate::format::mbg::SUBJECT_MAX;

/// Collects the lines of a body.
#[derive(Debug, Clone)]
struct Writer {
    out: Vec<u8>,
    fault: Option<DecodeError>,
}

impl Writer {
    /// A body with its section line and `task=`.
    fn new(task: &str) -> Self {
        let mut writer = Self {
            out: Vec::new(),
            fault: None,
        };
        writer.line(SECTION.as_bytes());
        writer.text("task", task.as_bytes());
        writer
    }

    fn line(&mut self, line: &[u8]) {
        self.out.extend_from_slice(line);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Adds `key=value`. A value with control characters would make other lines of its own; it makes
    /// [`Self::finish`] fail.
    fn text(&mut self, key: &'static str, value: &[u8]) {
        if value.iter().any(|&byte| byte < 0x20) {
            let kind = DecodeErrorKind::BadField(key);
            let fault = DecodeError::new("message body", self.out.len() as u64, kind);
            self.fault.get_or_insert(fault);
        }
        self.line(&[key.as_bytes(), b"=", value].concat());
    }

    /// Adds `key=` and a number of 10 digits.
    fn number(&mut self, key: &'static str, value: u32) {
        self.text(key, format!("{value:010}").as_bytes());
    }

    /// Adds `key=YES` or `key=NO`.
    fn flag(&mut self, key: &'static str, value: bool) {
        self.text(key, if value { b"YES" } else { b"NO" });
    }

    /// Adds an empty line, the section line of transactions and `lines` as they are.
    fn transactions(&mut self, lines: &[u8]) {
        self.line(b"");
        self.line(TRANSACTIONS_SECTION.as_bytes());
        self.out.extend_from_slice(lines);
    }

    /// The text.
    fn finish(self) -> Result<Vec<u8>, DecodeError> {
        self.fault.map_or(Ok(self.out), Err)
    }
}

impl Request {
    fn write(&self) -> Writer {
        let mut out = Writer::new("reqtx");
        out.text("reqname", &self.reqname);
        if !self.password.is_empty() {
            out.text("password", &self.password);
        }
        out.text("version", VERSION.as_bytes());
        out.number("reqseq", self.reqseq);
        out.number("reqwas", self.reqwas);
        out.number("srvseq", self.srvseq);
        out.number("impseq", self.impseq);
        out.number("count", self.count);
        out.text("types", &self.types);
        out.flag("template", self.template);
        out.flag("receive", self.receive);
        if self.resync {
            out.flag("resync", true);
        }
        out.number("limit", self.limit_kb);
        out.text("transactions", self.transactions.word().as_bytes());
        out
    }
}

impl Reply {
    fn write(&self) -> Writer {
        let mut out = Writer::new("srvtx");
        out.text("srvname", &self.srvname);
        out.text("reqname", &self.reqname);
        out.text("version", VERSION.as_bytes());
        out.number("reqseq", self.reqseq);
        out.number("srvseq", self.srvseq);
        out.number("srvwas", self.srvwas);
        out.number("impseq", self.impseq);
        out.number("count", self.count);
        out.flag("more", self.more);
        out.text("transactions", self.transactions.word().as_bytes());
        if self.no_updates {
            out.line(b"");
            out.line(NO_UPDATES_TEXT.as_bytes());
        }
        out
    }
}

impl Status {
    fn write(&self) -> Writer {
        let mut out = Writer::new("status");
        out.text("reqname", &self.reqname);
        out.text("version", VERSION.as_bytes());
        out
    }
}

impl ImportRequest {
    fn write(&self) -> Writer {
        let mut out = Writer::new("importreq");
        out.text("reqname", &self.reqname);
        if !self.password.is_empty() {
            out.text("password", &self.password);
        }
        out.text("version", VERSION.as_bytes());
        out.number("reqseq", self.reqseq);
        out.number("srvseq", self.srvseq);
        out.number("impseq", self.impseq);
        out.text("types", &self.types);
        out.flag("template", self.template);
        out.number("limit", self.limit_kb);
        out.text("transactions", self.transactions.word().as_bytes());
        out
    }
}

impl ImportReply {
    fn write(&self) -> Writer {
        let mut out = Writer::new("importrep");
        out.text("srvname", &self.srvname);
        out.text("reqname", &self.reqname);
        out.text("version", VERSION.as_bytes());
        out.number("reqseq", self.reqseq);
        out.number("srvseq", self.srvseq);
        out.number("base", self.base);
        out.number("impseq", self.impseq);
        out.number("count", self.count);
        out.text("transactions", self.transactions.word().as_bytes());
        out
    }
}

impl Body {
    fn write(&self) -> Writer {
        match self {
            Self::Request(body) => body.write(),
            Self::Reply(body) => body.write(),
            Self::Status(body) => body.write(),
            Self::ImportRequest(body) => body.write(),
            Self::ImportReply(body) => body.write(),
        }
    }

    /// The text of the body.
    ///
    /// # Errors
    /// A name, a password or types that hold control characters.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        self.write().finish()
    }

    /// The text of the body with transactions in text form behind it (`transactions=inbody`).
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_with_transactions(&self, lines: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = self.write();
        out.transactions(lines);
        out.finish()
    }

    /// The subject of the message, cut to 40 characters (DEC-060).
    #[must_use]
    pub fn subject(&self) -> Vec<u8> {
        match self {
            Self::Request(r) => request_subject(r.reqseq, r.reqwas, r.srvseq, r.impseq, r.count),
            Self::Reply(r) => reply_subject(r.reqseq, r.srvseq, r.srvwas, r.impseq, r.count),
            Self::Status(s) => status_subject(without_type(&s.reqname)),
            Self::ImportRequest(r) => import_subject(without_type(&r.reqname)),
            Self::ImportReply(r) => reply_subject(r.reqseq, r.srvseq, 0, r.impseq, r.count),
        }
    }
}

/// `NET/PO` of `PCM:NET/PO`.
fn without_type(name: &[u8]) -> &[u8] {
    let colon = name.iter().position(|&byte| byte == b':');
    colon.map_or(name, |colon| &name[colon + 1..])
}

fn cut(mut subject: Vec<u8>) -> Vec<u8> {
    subject.truncate(SUBJECT_MAX);
    subject
}

/// `ReqTx R=20 (was 17), S=80, I=1 3 sent` (Q96060).
#[must_use]
pub fn request_subject(reqseq: u32, reqwas: u32, srvseq: u32, impseq: u32, count: u32) -> Vec<u8> {
    cut(format!("ReqTx R={reqseq} (was {reqwas}), S={srvseq}, I={impseq} {count} sent").into())
}

/// `SrvTx R=20 S=83 (was 80), I=1 2 sent` (Q162841).
#[must_use]
pub fn reply_subject(reqseq: u32, srvseq: u32, srvwas: u32, impseq: u32, count: u32) -> Vec<u8> {
    cut(format!("SrvTx R={reqseq} S={srvseq} (was {srvwas}), I={impseq} {count} sent").into())
}

/// `Status report from NET/PO` (Q133428).
#[must_use]
pub fn status_subject(net_po: &[u8]) -> Vec<u8> {
    cut([b"Status report from ", net_po].concat())
}

/// `Import request NET/PO`. ASSIGNED.
#[must_use]
pub fn import_subject(net_po: &[u8]) -> Vec<u8> {
    cut([b"Import request ", net_po].concat())
}
