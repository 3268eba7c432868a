//! What a decoder says when bytes are not what the format demands.
//!
//! A decoder never panics on any input and never allocates what a length field claims without
//! checking it against the bytes at hand. It answers with a [`DecodeError`] that says which
//! structure, at which byte offset, and what was wrong; the caller adds the file.

use std::fmt;

/// Why a structure could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Fewer bytes than the structure needs: `(needed, found)`.
    TooShort(u64, u64),
    /// The file length does not fit header and record length: `(length, header, record)`.
    BadSize(u64, u64, u64),
    /// The magic bytes of a structure of ours are not there.
    BadMagic,
    /// A checksum differs: `(stored, computed)`.
    BadChecksum(u32, u32),
    /// A field holds a value the format does not know.
    BadField(&'static str),
    /// A text is not valid where it stands; the reason in words.
    BadText(&'static str),
    /// A limit of the format is exceeded: what, the limit, the value found.
    Limit(&'static str, u64, u64),
}

/// A structure that could not be decoded, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The structure in the field's words, for example `MBG record`.
    pub what: &'static str,
    /// Byte offset from the start of what was given to the decoder.
    pub offset: u64,
    /// What was wrong.
    pub kind: DecodeErrorKind,
}

impl DecodeError {
    /// A new error for structure `what` at byte `offset`.
    #[must_use]
    pub fn new(what: &'static str, offset: u64, kind: DecodeErrorKind) -> Self {
        Self { what, offset, kind }
    }

    /// The same error with `base` added to its offset, for a decoder of a part of a file.
    #[must_use]
    pub fn at(mut self, base: u64) -> Self {
        self.offset = self.offset.saturating_add(base);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.what, self.offset)?;
        match &self.kind {
            DecodeErrorKind::TooShort(needed, found) => {
                write!(f, "{needed} bytes are needed, {found} are there")
            }
            DecodeErrorKind::BadSize(len, header, record) => write!(
                f,
                "length {len} is not {header} bytes and a whole number of {record}-byte records"
            ),
            DecodeErrorKind::BadMagic => f.write_str("the magic bytes are missing"),
            DecodeErrorKind::BadChecksum(stored, computed) => {
                write!(
                    f,
                    "checksum {stored:X} is stored, the bytes give {computed:X}"
                )
            }
            DecodeErrorKind::BadField(name) => write!(f, "the field {name} holds an unknown value"),
            DecodeErrorKind::BadText(why) => f.write_str(why),
            DecodeErrorKind::Limit(what, limit, value) => {
                write!(f, "{what} is {value}, the limit is {limit}")
            }
        }
    }
}

impl std::error::Error for DecodeError {}
