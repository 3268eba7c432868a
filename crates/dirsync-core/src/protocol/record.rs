//! Transaction records that a state machine wants written.

use crate::base::UnixTime;
use crate::format::transactions::{DUMMY_TEXT, Kind, Record, RecordHead};

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Its number.
    pub number: u32,
    /// Its date.
    pub date: UnixTime,
    /// Transaction or dummy.
    pub kind: Kind,
    /// Its text.
    pub text: Vec<u8>,
}

impl NewRecord {
    /// A transaction.
    #[must_use]
    pub fn transaction(number: u32, date: UnixTime, text: Vec<u8>) -> Self {
        Self {
            number,
            date,
            kind: Kind::Transaction,
            text,
        }
    }

    /// The dummy that keeps a number.
    #[must_use]
    pub fn dummy(number: u32, date: UnixTime) -> Self {
        Self {
            number,
            date,
            kind: Kind::Dummy,
            text: DUMMY_TEXT.to_vec(),
        }
    }

    /// The record of the file.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        Record {
            head: RecordHead {
                date: self.date.0,
                sync: self.number,
                kind: self.kind,
                ..RecordHead::default()
            },
            text: &self.text,
        }
    }
}
