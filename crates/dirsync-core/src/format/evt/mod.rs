//! Event log files of Windows NT (`.evt`).
//!
//! Everything is little endian. A header of 48 bytes, then records, then a cursor of 40 bytes that
//! says where the records begin and end. All places are DOCUMENTED (the published description of
//! the format and the SDK's EVENTLOGRECORD; checked with an independent reader).
//!
//! Header, 48 bytes:
//!
//! | Off | Size | Field |
//! |---|---|---|
//! | 0 | 4 | 30h, the length |
//! | 4 | 4 | `LfLe` |
//! | 8 | 8 | version 1.1 |
//! | 16 | 4 | offset of the oldest record |
//! | 20 | 4 | offset of the cursor |
//! | 24 | 4 | number of the next record |
//! | 28 | 4 | number of the oldest record, 0 when there is none |
//! | 32 | 4 | greatest length of the file, a multiple of 64 KiB |
//! | 36 | 4 | flags: 1 dirty, 2 wrapped, 4 a record was lost because the log is full, 8 archive |
//! | 40 | 4 | retention in seconds |
//! | 44 | 4 | 30h again |
//!
//! Record, 56 bytes and what follows:
//!
//! | Off | Size | Field |
//! |---|---|---|
//! | 0 | 4 | length of the record |
//! | 4 | 4 | `LfLe` |
//! | 8 | 4 | record number |
//! | 12 | 4 | time generated, seconds since 1970 UTC |
//! | 16 | 4 | time written |
//! | 20 | 4 | event id: the low 16 bits are what viewers show |
//! | 24 | 2 | type |
//! | 26 | 2 | number of insertion strings |
//! | 28 | 2 | category |
//! | 30 | 2 | flags |
//! | 32 | 4 | closing record number |
//! | 36 | 4 | offset of the strings, from the start of the record |
//! | 40 | 8 | length and offset of the user's SID |
//! | 48 | 8 | length and offset of the data |
//! | 56 | | source, computer (UTF-16LE, NUL), padding to 4, SID, strings, data, padding to 4 |
//! | last 4 | 4 | length again |
//!
//! Cursor, 40 bytes: 28h, 11111111h, 22222222h, 33333333h, 44444444h, offset of the oldest record,
//! offset of the cursor, next record number, oldest record number, 28h. In a dirty file the header
//! is stale and the cursor counts.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{EvtFault, EvtLog, read};
pub use write::{EvtError, EvtWriter};

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 0x30;
/// Length of the cursor in bytes.
pub const CURSOR_LEN: usize = 0x28;
/// Length of the fixed part of a record in bytes, without the closing length.
pub const RECORD_FIXED_LEN: usize = 56;
/// Marks the header and each record: `LfLe`.
pub const SIGNATURE: u32 = 0x654C_664C;
/// Greatest length of a log as Windows NT sets it, in bytes: 512 KiB.
pub const DEFAULT_MAX_LEN: u32 = 0x0008_0000;
/// Retention as Windows NT sets it, in seconds: seven days.
pub const DEFAULT_RETENTION_SECONDS: u32 = 604_800;
/// Header flag: records were added after the header was written.
pub const FLAG_DIRTY: u32 = 1;
/// Header flag: the newest records stand before the oldest.
pub const FLAG_WRAPPED: u32 = 2;
/// Header flag: to be archived.
pub const FLAG_ARCHIVE: u32 = 8;

const CURSOR_MARKS: [u32; 4] = [0x1111_1111, 0x2222_2222, 0x3333_3333, 0x4444_4444];

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// 1
    Error,
    /// 2
    Warning,
    /// 4
    Information,
    /// 8
    SuccessAudit,
    /// 16
    FailureAudit,
    /// Any other number, kept.
    Other(u16),
}

impl EventType {
    /// The type of a number.
    #[must_use]
    pub fn from_code(code: u16) -> Self {
        match code {
            1 => Self::Error,
            2 => Self::Warning,
            4 => Self::Information,
            8 => Self::SuccessAudit,
            16 => Self::FailureAudit,
            other => Self::Other(other),
        }
    }

    /// The number.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Error => 1,
            Self::Warning => 2,
            Self::Information => 4,
            Self::SuccessAudit => 8,
            Self::FailureAudit => 16,
            Self::Other(code) => code,
        }
    }

    /// The bits above the shown id that go with the type: bits 30 and 31 are the severity
    /// (3 error, 2 warning, 1 information).
    #[must_use]
    pub fn severity_bits(self) -> u32 {
        match self {
            Self::Error => 0xC000_0000,
            Self::Warning => 0x8000_0000,
            _ => 0x4000_0000,
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its number; given by the writer.
    pub number: u32,
    /// When it happened, seconds since 1970 UTC.
    pub generated: u32,
    /// When it was written, seconds since 1970 UTC.
    pub written: u32,
    /// The id with severity and facility; see [`EventRecord::id`].
    pub event_id: u32,
    /// The type.
    pub event_type: EventType,
    /// The category's number.
    pub category: u16,
    /// Flags; 0 in what we write.
    pub flags: u16,
    /// Closing record number; 0 in what we write.
    pub closing: u32,
    /// The source, for example `MSExchangeDX`.
    pub source: String,
    /// The computer.
    pub computer: String,
    /// The user's SID; usually empty.
    pub sid: Vec<u8>,
    /// Insertion strings: the text itself stands in a message library, not in the file.
    pub strings: Vec<String>,
    /// Data of the event.
    pub data: Vec<u8>,
}

impl EventRecord {
    /// The id that viewers show and articles print: the low 16 bits.
    #[must_use]
    pub fn id(&self) -> u16 {
        u16::try_from(self.event_id & 0xFFFF).unwrap_or(u16::MAX)
    }
}
