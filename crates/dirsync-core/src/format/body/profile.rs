//! Reading bodies.

use std::fmt;

use super::{
    Body, Carrier, ImportReply, ImportRequest, NO_UPDATES_TEXT, Reply, Request, SECTION, Status,
    TRANSACTIONS_SECTION,
};
use crate::base::{DecodeError, DecodeErrorKind};

const WHAT: &str = "message body";

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task<'a> {
    /// `reqtx`.
    Request,
    /// `srvtx`.
    Reply,
    /// `status`.
    Status,
    /// `importreq`.
    ImportRequest,
    /// `importrep`.
    ImportReply,
    /// `export`: a foreign requestor's update (Q106623).
    Export,
    /// Another word: error 155 (Q96004).
    Other(&'a [u8]),
    /// No `task=` at all.
    Missing,
}

/// The keys of a body.
#[derive(Clone)]
pub struct Profile<'a> {
    /// Key as we write it, value, offset of the line.
    keys: Vec<(&'static str, &'a [u8], usize)>,
    transactions: Option<&'a [u8]>,
    no_updates: bool,
}

/// Keys we know, and what we call them.
const KEYS: [(&str, &str); 21] = [
    ("task", "task"),
    ("srvname", "srvname"),
    ("reqname", "reqname"),
    ("name", "reqname"),
    ("password", "password"),
    ("pwd", "password"),
    ("version", "version"),
    ("reqseq", "reqseq"),
    ("reqwas", "reqwas"),
    ("srvseq", "srvseq"),
    ("srvwas", "srvwas"),
    ("impseq", "impseq"),
    ("base", "base"),
    ("count", "count"),
    ("types", "types"),
    ("template", "template"),
    ("receive", "receive"),
    ("resync", "resync"),
    ("limit", "limit"),
    ("more", "more"),
    ("transactions", "transactions"),
];

impl fmt::Debug for Profile<'_> {
    /// The names of its keys; the values may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(|(name, ..)| *name).collect();
        f.debug_struct("Profile")
            .field("keys", &keys)
            .field("transactions", &self.transactions.map(<[u8]>::len))
            .field("no_updates", &self.no_updates)
            .finish()
    }
}

impl<'a> Profile<'a> {
    /// Reads the keys of a body. Empty lines in front of the section line are passed over.
    ///
    /// # Errors
    /// The body does not start with `[dirsync]`: error 124 (Q96004).
    pub fn parse(text: &'a [u8]) -> Result<Self, DecodeError> {
        let mut profile = Self {
            keys: Vec::new(),
            transactions: None,
            no_updates: false,
        };
        let mut lines = Lines { text, at: 0 };
        let first = lines.by_ref().find(|(_, line)| !line.is_empty());
        if !first.is_some_and(|(_, line)| line.eq_ignore_ascii_case(SECTION.as_bytes())) {
            let kind = DecodeErrorKind::BadText("the first line is not [dirsync]");
            return Err(DecodeError::new(WHAT, 0, kind));
        }
        let mut ours = true;
        while let Some((offset, line)) = lines.next() {
            if line.first() == Some(&b'[') {
                ours = line.eq_ignore_ascii_case(SECTION.as_bytes());
                if line.eq_ignore_ascii_case(TRANSACTIONS_SECTION.as_bytes()) {
                    profile.transactions = text.get(lines.at..);
                    break;
                }
            } else if line == NO_UPDATES_TEXT.as_bytes() {
                profile.no_updates = true;
            } else if ours {
                profile.take_line(offset, line);
            }
        }
        Ok(profile)
    }

    fn take_line(&mut self, offset: usize, line: &'a [u8]) {
        let Some(equals) = line.iter().position(|&byte| byte == b'=') else {
            return;
        };
        let key = line[..equals].trim_ascii();
        let value = line[equals + 1..].trim_ascii();
        let known = KEYS
            .iter()
            .find(|(name, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        let Some(&(_, name)) = known else { return };
        // The last one counts.
        match self.keys.iter_mut().find(|(taken, ..)| *taken == name) {
            Some(entry) => *entry = (name, value, offset),
            None => self.keys.push((name, value, offset)),
        }
    }

    fn get(&self, key: &str) -> Option<(&'a [u8], usize)> {
        self.keys
            .iter()
            .find(|(name, ..)| *name == key)
            .map(|&(_, value, at)| (value, at))
    }

    /// The value of a key, by the name we write; empty when it is missing.
    #[must_use]
    pub fn text(&self, key: &str) -> &'a [u8] {
        self.get(key).map(|(value, _)| value).unwrap_or_default()
    }

    /// The number of a key; 0 when it is missing or empty.
    ///
    /// # Errors
    /// Anything but decimal digits below 2^32.
    pub fn number(&self, key: &'static str) -> Result<u32, DecodeError> {
        let Some((value, at)) = self.get(key).filter(|(value, _)| !value.is_empty()) else {
            return Ok(0);
        };
        value
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| std::str::from_utf8(value).ok()?.parse().ok())
            .flatten()
            .ok_or_else(|| DecodeError::new(WHAT, at as u64, DecodeErrorKind::BadField(key)))
    }

    /// Whether a key says YES; `missing` when it is not there.
    #[must_use]
    pub fn flag(&self, key: &str, missing: bool) -> bool {
        self.get(key)
            .map_or(missing, |(value, _)| value.eq_ignore_ascii_case(b"YES"))
    }

    /// What the message asks for.
    #[must_use]
    pub fn task(&self) -> Task<'a> {
        let Some((word, _)) = self.get("task") else {
            return Task::Missing;
        };
        match word.to_ascii_lowercase().as_slice() {
            b"reqtx" => Task::Request,
            b"srvtx" => Task::Reply,
            b"status" => Task::Status,
            b"importreq" => Task::ImportRequest,
            b"importrep" => Task::ImportReply,
            b"export" => Task::Export,
            _ => Task::Other(word),
        }
    }

    /// Whether the body has `version=`: it comes from one of us, else from a foreign requestor.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.get("version").is_some()
    }

    /// How transactions travel; internal when nothing is said.
    ///
    /// # Errors
    /// Another word than `internal`, `inattachment`, `inbody`.
    pub fn carrier(&self) -> Result<Carrier, DecodeError> {
        let Some((word, at)) = self
            .get("transactions")
            .filter(|(word, _)| !word.is_empty())
        else {
            return Ok(Carrier::Internal);
        };
        [Carrier::Internal, Carrier::InAttachment, Carrier::InBody]
            .into_iter()
            .find(|carrier| word.eq_ignore_ascii_case(carrier.word().as_bytes()))
            .ok_or_else(|| {
                DecodeError::new(WHAT, at as u64, DecodeErrorKind::BadField("transactions"))
            })
    }

    /// The lines behind `[dirsync-transactions]` inside the body, as they are.
    #[must_use]
    pub fn transactions(&self) -> Option<&'a [u8]> {
        self.transactions
    }

    /// The typed body.
    ///
    /// # Errors
    /// A task that is none of the five (ask [`Self::task`]), a number that is none, an unknown
    /// carrier.
    pub fn body(&self) -> Result<Body, DecodeError> {
        let text = |key| self.text(key).to_vec();
        Ok(match self.task() {
            Task::Request => Body::Request(Request {
                reqname: text("reqname"),
                password: text("password"),
                reqseq: self.number("reqseq")?,
                reqwas: self.number("reqwas")?,
                srvseq: self.number("srvseq")?,
                impseq: self.number("impseq")?,
                count: self.number("count")?,
                types: text("types"),
                template: self.flag("template", false),
                receive: self.flag("receive", true),
                resync: self.flag("resync", false),
                limit_kb: self.number("limit")?,
                transactions: self.carrier()?,
            }),
            Task::Reply => Body::Reply(Reply {
                srvname: text("srvname"),
                reqname: text("reqname"),
                reqseq: self.number("reqseq")?,
                srvseq: self.number("srvseq")?,
                srvwas: self.number("srvwas")?,
                impseq: self.number("impseq")?,
                count: self.number("count")?,
                more: self.flag("more", false),
                transactions: self.carrier()?,
                no_updates: self.no_updates,
            }),
            Task::Status => Body::Status(Status {
                reqname: text("reqname"),
            }),
            Task::ImportRequest => Body::ImportRequest(ImportRequest {
                reqname: text("reqname"),
                password: text("password"),
                reqseq: self.number("reqseq")?,
                srvseq: self.number("srvseq")?,
                impseq: self.number("impseq")?,
                types: text("types"),
                template: self.flag("template", false),
                limit_kb: self.number("limit")?,
                transactions: self.carrier()?,
            }),
            Task::ImportReply => Body::ImportReply(ImportReply {
                srvname: text("srvname"),
                reqname: text("reqname"),
                reqseq: self.number("reqseq")?,
                srvseq: self.number("srvseq")?,
                base: self.number("base")?,
                impseq: self.number("impseq")?,
                count: self.number("count")?,
                transactions: self.carrier()?,
            }),
            Task::Export | Task::Other(_) | Task::Missing => {
                let at = self.get("task").map_or(0, |(_, at)| at);
                return Err(DecodeError::new(
                    WHAT,
                    at as u64,
                    DecodeErrorKind::BadField("task"),
                ));
            }
        })
    }
}

/// Lines without their ends and outer blanks, each with its offset. LF ends a line, CRs in front of
/// it are dropped (Q159294).
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let end = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .unwrap_or(rest.len());
        self.at = start + end + 1;
        Some((start, rest[..end].trim_ascii()))
    }
}
