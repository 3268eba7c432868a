//! One line of EVENTS.JSONL.

use serde::{Deserialize, Serialize};

use crate::core::base::UnixTime;
use crate::core::format::evt::EventType;

use super::Event;

/// Longest line that is read, in bytes.
pub const LINE_LIMIT: usize = 1 << 20;

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The number.
    pub id: u16,
    /// `error`, `warning` or `information`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Who wrote it.
    pub source: String,
    /// Its category.
    pub category: String,
    /// When, UTC, RFC 3339.
    #[serde(with = "rfc3339")]
    pub time: jiff::Timestamp,
    /// The server.
    pub computer: String,
    /// The insertion strings.
    pub strings: Vec<String>,
    /// The whole text.
    pub text: String,
}

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Error.
    Error,
    /// Warning.
    Warning,
    /// Information.
    Information,
}

impl Kind {
    /// The word of the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }

    /// As event log files number it.
    #[must_use]
    pub fn event_type(self) -> EventType {
        match self {
            Self::Error => EventType::Error,
            Self::Warning => EventType::Warning,
            Self::Information => EventType::Information,
        }
    }
}

impl From<EventType> for Kind {
    fn from(kind: EventType) -> Self {
        match kind {
            EventType::Error => Self::Error,
            EventType::Warning => Self::Warning,
            _ => Self::Information,
        }
    }
}

/// Times as texts.
mod rfc3339 {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A line that is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub why: String,
}

impl Stored {
    /// What the log holds of an event.
    #[must_use]
    pub fn of(event: &Event, now: UnixTime, computer: &str) -> Self {
        Self {
            id: event.what.id,
            kind: event.what.kind.into(),
            source: event.what.source.name().to_owned(),
            category: event.what.category.to_owned(),
            time: now.timestamp(),
            computer: computer.to_owned(),
            strings: event.strings.clone(),
            text: event.text(),
        }
    }

    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        // Texts, numbers and a time: nothing of it can fail.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// The events of a log, and the lines that are none.
#[must_use]
pub(super) fn read(bytes: &[u8]) -> (Vec<Stored>, Vec<BadLine>) {
    let (mut events, mut bad) = (Vec::new(), Vec::new());
    let mut offset = 0u64;
    for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        let at = offset;
        offset += line.len() as u64;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let why = if line.len() > LINE_LIMIT {
            format!("the line has more than {LINE_LIMIT} bytes")
        } else {
            match serde_json::from_slice(line) {
                Ok(event) => {
                    events.push(event);
                    continue;
                }
                Err(error) => error.to_string(),
            }
        };
        bad.push(BadLine {
            line: number,
            offset: at,
            why,
        });
    }
    (events, bad)
}
