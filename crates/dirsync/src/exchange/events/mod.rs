//! The application event log of a server: `EVENTS.JSONL`, one event a line.
//!
//! Events are written in the commit whose work they report ([`log`]), so the log never tells of what
//! did not happen. What is written depends on the level of the event's category (xmt04016): an error
//! always is, anything else from its own level on.
//!
//! Levels stand in the registry under `...\Services\SOURCE\Diagnostics` as `N CATEGORY`, 0, 1, 3 and 5
//! for none, minimum, medium and maximum (DOCUMENTED for the transfer agent, Q157660; the numbers N of
//! our categories are ASSIGNED). Without such a value the agent's `[Diagnostics]` in AGENT.INI counts,
//! which set-up writes; the connector's categories are at minimum then, its proxies' too (ASSIGNED).
//!
//! The log has about 4 MiB at most: when it would be longer, its older half goes ([`append_bytes`]); one
//! commit adds little more than 1 MiB, of the rest it says how many there were.

mod evt;
mod level;
mod line;
pub mod table;
#[cfg(test)]
mod tests;

use crate::core::base::UnixTime;
use crate::core::format::evt::EventType;
use crate::import::log::append_bytes;
use crate::postoffice::{Edit, PoError};
use crate::tree::TreeView;

pub use evt::to_evt;
pub use level::{Levels, level_of_number, level_value, number_of_level};
pub use line::{BadLine, LINE_LIMIT, Stored};
pub use table::{Definition, Source, known};

use super::EVENTS;

/// Longest event log that is read, in bytes: twice what we let one grow to.
const READ_LIMIT: u64 = 8 << 20;
/// Bytes of events after which the rest of one call is only counted (ASSIGNED): a file full of bad
/// addresses does not push everything else out of the log.
const COMMIT_LIMIT: usize = 1 << 20;
/// Longest insertion string that is kept, in characters (ASSIGNED).
const STRING_LEN: usize = 2_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is.
    pub what: &'static Definition,
    /// Its insertion strings.
    pub strings: Vec<String>,
}

impl Event {
    /// An event with its insertion strings, in the order of the text's places.
    pub fn new<S: Into<String>>(
        what: &'static Definition,
        strings: impl IntoIterator<Item = S>,
    ) -> Self {
        let keep = |text: String| -> String {
            text.chars()
                .filter(|c| *c != '\0')
                .take(STRING_LEN)
                .collect()
        };
        Self {
            what,
            strings: strings.into_iter().map(|text| keep(text.into())).collect(),
        }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.what.text_with(&self.strings)
    }
}

/// A time in the form of events: `YYMMDDhhmmssZ` (Q197291; version 5.5 lost a digit from 2000 on, ours does
/// not).
#[must_use]
pub fn utc_time(time: UnixTime) -> String {
    time.zoned(&jiff::tz::TimeZone::UTC)
        .strftime("%y%m%d%H%M%SZ")
        .to_string()
}

/// Writes an event with the commit that `edit` prepares; whether its level lets it be written. In a
/// tree that is no agent's nothing is written.
///
/// # Errors
/// AGENT.INI or REGISTRY.REG cannot be read; a disk error.
pub fn log(edit: &mut Edit<'_>, now: UnixTime, event: &Event) -> Result<bool, PoError> {
    Ok(log_all(edit, now, std::slice::from_ref(event))? > 0)
}

/// As [`log`], for several events; how many were written.
///
/// # Errors
/// As [`log`].
pub fn log_all(edit: &mut Edit<'_>, now: UnixTime, events: &[Event]) -> Result<usize, PoError> {
    if events.is_empty() || !super::is_agent(edit.view()) {
        return Ok(0);
    }
    let levels = Levels::load(edit)?;
    log_at(edit, now, &levels, events)
}

/// As [`log_all`], in the tree of an agent whose levels are known.
///
/// # Errors
/// A disk error.
pub fn log_at(
    edit: &mut Edit<'_>,
    now: UnixTime,
    levels: &Levels,
    events: &[Event],
) -> Result<usize, PoError> {
    let mut text = Vec::new();
    let (mut count, mut left_out) = (0, 0u64);
    for event in events {
        let is_error = event.what.kind == EventType::Error;
        let level = levels.of(event.what.source, event.what.category);
        if !level.writes(event.what.level, is_error) {
            continue;
        }
        if text.len() >= COMMIT_LIMIT {
            left_out += 1;
            continue;
        }
        text.extend_from_slice(&Stored::of(event, now, levels.computer()).line());
        count += 1;
    }
    if left_out > 0 {
        let more = Event::new(&table::MORE, [left_out.to_string()]);
        text.extend_from_slice(&Stored::of(&more, now, levels.computer()).line());
    }
    append_bytes(edit, EVENTS, &text)?;
    Ok(count)
}

/// The events of a server, oldest first, and the lines that are none.
///
/// # Errors
/// The log is longer than any of ours; a disk error.
pub fn read(view: &TreeView) -> Result<(Vec<Stored>, Vec<BadLine>), PoError> {
    let bytes = Edit::new(view)
        .peek(EVENTS, READ_LIMIT)?
        .unwrap_or_default();
    Ok(line::read(&bytes))
}
