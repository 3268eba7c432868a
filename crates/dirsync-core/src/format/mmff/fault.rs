//! Errors of FFAPI: `xxx-yyy-zzz text`, error, message in the file, line of that message (Q118533).

use std::fmt;

use crate::base::codepage::escape_bytes_850;

/// Most bytes of the file that an error quotes (ASSIGNED).
const QUOTE_MAX_BYTES: usize = 60;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// 140: token and tail.
    BadToken(Vec<u8>, Vec<u8>),
    /// 141: token and tail.
    UnknownToken(Vec<u8>, Vec<u8>),
    /// 142.
    BadAddress,
    /// 143: the message lacks what it must have.
    Incomplete,
    /// 144: the line.
    NoToken(Vec<u8>),
    /// 146.
    NoTextFile,
    /// 147: the name of the file.
    TextFile(Vec<u8>),
    /// 151: the type.
    UnknownService(Vec<u8>),
    /// 190.
    FileTransfer,
    /// 201.
    NotSubmitted,
}

impl Code {
    /// The number.
    #[must_use]
    pub fn number(&self) -> u16 {
        match self {
            Self::BadToken(..) => 140,
            Self::UnknownToken(..) => 141,
            Self::BadAddress => 142,
            Self::Incomplete => 143,
            Self::NoToken(_) => 144,
            Self::NoTextFile => 146,
            Self::TextFile(_) => 147,
            Self::UnknownService(_) => 151,
            Self::FileTransfer => 190,
            Self::NotSubmitted => 201,
        }
    }
}

fn quoted(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii();
    escape_bytes_850(bytes.get(..QUOTE_MAX_BYTES).unwrap_or(bytes))
}

impl fmt::Display for Code {
    /// The published text (Q85043, Q106623, Q103801, Q134952), with what the line said put in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadToken(token, tail) => write!(
                f,
                "Unknown error processing token {} with tail {}.",
                quoted(token),
                quoted(tail)
            ),
            Self::UnknownToken(token, tail) => write!(
                f,
                "Cannot match token {} (has tail {})",
                quoted(token),
                quoted(tail)
            ),
            Self::BadAddress => f.write_str("Bad address."),
            Self::Incomplete => f.write_str("Unknown parser error."),
            Self::NoToken(line) => write!(f, "Unable to partition line {}.", quoted(line)),
            Self::NoTextFile => f.write_str("Bad or missing XTEXT file name."),
            Self::TextFile(name) => write!(f, "Failure opening text body file {}.", quoted(name)),
            Self::UnknownService(name) => write!(f, "Unknown service {}", quoted(name)),
            Self::FileTransfer => {
                f.write_str("Automatic File transfer not supported by this version of FFAPI.")
            }
            Self::NotSubmitted => f.write_str("Failure submitting message to mail database"),
        }
    }
}

/// An error and where it is. `Display` gives the line of the error file: `141-1-2 text`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}-{message}-{line} {code}", code.number())]
pub struct Fault {
    /// What is wrong.
    pub code: Code,
    /// The message in the file, from 1.
    pub message: u32,
    /// The line of that message, from 1; 0 for a message as a whole.
    pub line: u32,
}

/// Why a file is not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// An error of FFAPI.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The file ends inside a message: its writer may not be done.
    #[error("the file ends inside message {message}")]
    CutOff {
        /// The message, from 1.
        message: u32,
    },
}

/// A line of an error file, read: both spellings, `141-1-2 text` and `201 - 1 - 140 - text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultLine<'a> {
    /// The error.
    pub error: u16,
    /// The message in the file.
    pub message: u32,
    /// The line of that message.
    pub line: u32,
    /// The text.
    pub text: &'a str,
}

impl<'a> FaultLine<'a> {
    /// Reads a line; `None` when it is none.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let (error, rest) = number(line)?;
        let (message, rest) = number(hyphen(rest)?)?;
        let (place, rest) = number(hyphen(rest)?)?;
        if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
            return None;
        }
        let rest = rest.trim();
        Some(Self {
            error: u16::try_from(error).ok()?,
            message,
            line: place,
            text: rest.strip_prefix("- ").unwrap_or(rest),
        })
    }
}

fn hyphen(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('-')
}

fn number(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}
