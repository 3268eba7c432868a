//! Events as an event log file of Windows NT.

use crate::core::format::evt::{EventRecord, EvtError, EvtWriter};

use super::line::Stored;
use super::table::Source;

/// The file of these events. A source that is not ours has category 0.
///
/// # Errors
/// See [`EvtError`].
pub fn to_evt<'e>(events: impl IntoIterator<Item = &'e Stored>) -> Result<Vec<u8>, EvtError> {
    let mut writer = EvtWriter::new();
    // A text that is held in a NUL-ended field.
    let plain = |text: &str| text.replace('\0', "\u{FFFD}");
    for event in events {
        let kind = event.kind.event_type();
        let seconds = event.time.as_second().clamp(0, i64::from(u32::MAX));
        let seconds = u32::try_from(seconds).unwrap_or_default();
        let category = Source::from_name(&event.source)
            .and_then(|source| source.category_number(&event.category))
            .unwrap_or(0);
        writer.push(&EventRecord {
            number: 0,
            generated: seconds,
            written: seconds,
            event_id: kind.severity_bits() | u32::from(event.id),
            event_type: kind,
            category,
            flags: 0,
            closing: 0,
            source: plain(&event.source),
            computer: plain(&event.computer),
            sid: Vec::new(),
            strings: event.strings.iter().map(|text| plain(text)).collect(),
            data: Vec::new(),
        })?;
    }
    writer.finish()
}
