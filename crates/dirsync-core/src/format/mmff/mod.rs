//! MMFF, the text file in which a gateway hands mail over: the basic format of FFAPI.
//!
//! ```text
//! VERSION:3.00                       default 3.00
//! TO:[type:]address                  one line for each recipient
//! FROM:[type:]address
//! DATE:yyyy-mm-dd  TIME:hh:mm        default now
//! SUBJECT:text
//! PRIORITY:1-9 or a letter
//! ATTACHMENT:name size               also ATTACHMENTS
//! XATTACH:physical [logical]
//! EXT:I:3:HEADLEN, then a number     header lines inside the text (Q147034); other pairs of the form
//!                                    EXT:letter:number:name, then a value, are passed over (ASSIGNED)
//! TEXT:size  or  XTEXT:physical      ends the header
//! ```
//!
//! Then `size` octets of text, line ends included (Q118785), then the attachments in their order
//! with exactly their sizes. A file is one message after the other. Lines end with CR, LF or CR LF;
//! the options `-f0`, `-f1`, `-f2` said which (Q85055). All of this is DOCUMENTED (Q118785, Q85055,
//! Q103801), the order of the lines in front of TEXT included; reading them in any order, lower
//! case tokens, blank lines and an end-of-file mark (1Ah) between messages is ASSIGNED.
//!
//! [`Reader`] takes the bytes in pieces of any size and hands on header, text and attachments; it
//! holds one header and nothing of what follows it. [`write()`] makes a message. [`Fault`] is an error
//! of FFAPI with its number, message and line (Q118533).

mod address;
mod fault;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use address::{parse_address, write_address};
pub use fault::{Code, Fault, FaultLine, ReadError};
pub use read::{Event, Reader};
pub use write::{NewMessage, write};

use crate::base::Address;
use jiff::civil::{Date, Time};

/// Longest header line that is read, in bytes (ASSIGNED).
pub const LINE_MAX_BYTES: usize = 1024;
/// Most recipients of a message (ASSIGNED).
pub const RECIPIENTS_MAX: usize = 4096;
/// Most attachments of a message (ASSIGNED).
pub const ATTACHMENTS_MAX: usize = 1024;
/// Longest subject that a gateway takes, in bytes (Q117581: 65 are refused above 63).
pub const SUBJECT_MAX_BYTES: usize = 63;

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Eol {
    /// `-f0`, the default of the originals.
    Cr,
    /// `-f1`.
    Lf,
    /// `-f2`, what the articles use.
    CrLf,
}

impl Eol {
    /// The octets.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Cr => b"\r",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }

    /// The word of the option: `cr`, `lf`, `crlf`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cr => "cr",
            Self::Lf => "lf",
            Self::CrLf => "crlf",
        }
    }

    /// The line end of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Cr, Self::Lf, Self::CrLf]
            .into_iter()
            .find(|eol| eol.word().eq_ignore_ascii_case(word))
    }

    /// A text whose lines end so, from one of CR LF.
    #[must_use]
    pub fn from_crlf(self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            if byte == b'\r' && after.first() == Some(&b'\n') {
                out.extend_from_slice(self.bytes());
                rest = after.get(1..).unwrap_or_default();
            } else {
                out.push(byte);
                rest = after;
            }
        }
        out
    }

    /// A text of CR LF, from one whose lines end so.
    #[must_use]
    pub fn to_crlf(self, text: &[u8]) -> Vec<u8> {
        let one = match self {
            Self::Cr => b'\r',
            Self::Lf => b'\n',
            Self::CrLf => return text.to_vec(),
        };
        let mut out = Vec::with_capacity(text.len().saturating_add(64));
        for &byte in text {
            if byte == one {
                out.extend_from_slice(b"\r\n");
            } else {
                out.push(byte);
            }
        }
        out
    }
}

/// An attachment as the header names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its name, code page 850.
    pub name: Vec<u8>,
    /// Its octets in the file.
    pub size_bytes: u32,
}

/// Where the text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Behind the header: so many octets.
    Inline(u32),
    /// In a file of this name (`XTEXT`).
    External(Vec<u8>),
}

/// The header of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `VERSION`; 3.00 without the line.
    pub version: Vec<u8>,
    /// Its recipients.
    pub to: Vec<Address>,
    /// Its sender.
    pub from: Address,
    /// The day it was written, on the gateway's clock.
    pub date: Option<Date>,
    /// The time of day.
    pub time: Option<Time>,
    /// The subject, code page 850; at most a line.
    pub subject: Vec<u8>,
    /// 1-9 or a letter (Q118787).
    pub priority: Option<u8>,
    /// The attachments in the file, in order.
    pub attachments: Vec<Attached>,
    /// Names of attachments in files of their own: physical, logical.
    pub external: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the text is.
    pub text: Text,
    /// Header lines inside the text (`EXT:I:3:HEADLEN`).
    pub header_lines: Option<u32>,
}
