//! Writing an event log file: never wrapped, never dirty.

use super::{
    CURSOR_LEN, CURSOR_MARKS, DEFAULT_MAX_LEN, DEFAULT_RETENTION_SECONDS, EventRecord, HEADER_LEN,
    RECORD_FIXED_LEN, SIGNATURE,
};

/// Why an event cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvtError {
    /// A text holds a NUL, which would end it.
    #[error("a text of event record {record} holds a NUL character")]
    Nul {
        /// Number of the record.
        record: u32,
    },
    /// More insertion strings than the count can say.
    #[error("event record {record} has more than 65,535 insertion strings")]
    TooManyStrings {
        /// Number of the record.
        record: u32,
    },
    /// The file would not fit the format's 32-bit offsets.
    #[error("the event log would be longer than the format allows; write fewer events")]
    TooLong,
}

/// Builds an event log file record by record.
#[derive(Debug, Clone)]
pub struct EvtWriter {
    bytes: Vec<u8>,
    next: u32,
}

impl Default for EvtWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl EvtWriter {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: vec![0; HEADER_LEN],
            next: 1,
        }
    }

    /// Adds an event. Its number is given here, from 1; `record.number` is ignored.
    ///
    /// # Errors
    /// [`EvtError`]; nothing is added then.
    pub fn push(&mut self, record: &EventRecord) -> Result<(), EvtError> {
        let number = self.next;
        let next = number.checked_add(1).ok_or(EvtError::TooLong)?;
        let bytes = encode(record, number)?;
        // The greatest length is a u32 that is a multiple of 64 KiB.
        let after = self.bytes.len().saturating_add(bytes.len() + CURSOR_LEN);
        if u32::try_from(after).map_or(true, |len| len > 0xFFFF_0000) {
            return Err(EvtError::TooLong);
        }
        self.bytes.extend_from_slice(&bytes);
        self.next = next;
        Ok(())
    }

    /// The number of events added.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.next - 1
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole file.
    ///
    /// # Errors
    /// [`EvtError::TooLong`]; `push` keeps it from happening.
    pub fn finish(mut self) -> Result<Vec<u8>, EvtError> {
        let first = len_u32(HEADER_LEN)?;
        let cursor = len_u32(self.bytes.len())?;
        let oldest = u32::from(!self.is_empty());
        let mut words = vec![len_u32(CURSOR_LEN)?];
        words.extend(CURSOR_MARKS);
        words.extend([first, cursor, self.next, oldest, len_u32(CURSOR_LEN)?]);
        push_words(&mut self.bytes, &words);

        let len = len_u32(self.bytes.len())?;
        let max_len = len
            .checked_next_multiple_of(0x1_0000)
            .ok_or(EvtError::TooLong)?
            .max(DEFAULT_MAX_LEN);
        let mut header = Vec::with_capacity(HEADER_LEN);
        push_words(
            &mut header,
            &[
                first,
                SIGNATURE,
                1,
                1,
                first,
                cursor,
                self.next,
                oldest,
                max_len,
                0,
                DEFAULT_RETENTION_SECONDS,
                first,
            ],
        );
        self.bytes[..HEADER_LEN].copy_from_slice(&header);
        Ok(self.bytes)
    }
}

fn push_words(bytes: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
}

fn len_u32(len: usize) -> Result<u32, EvtError> {
    u32::try_from(len).map_err(|_| EvtError::TooLong)
}

fn push_text(bytes: &mut Vec<u8>, text: &str, record: u32) -> Result<(), EvtError> {
    if text.contains('\0') {
        return Err(EvtError::Nul { record });
    }
    for unit in text.encode_utf16().chain([0]) {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    Ok(())
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn encode(record: &EventRecord, number: u32) -> Result<Vec<u8>, EvtError> {
    let strings = u16::try_from(record.strings.len())
        .map_err(|_| EvtError::TooManyStrings { record: number })?;
    let mut bytes = vec![0; RECORD_FIXED_LEN];
    push_text(&mut bytes, &record.source, number)?;
    push_text(&mut bytes, &record.computer, number)?;
    pad(&mut bytes);
    let sid_at = len_u32(bytes.len())?;
    bytes.extend_from_slice(&record.sid);
    // A SID is a whole number of words; anything else would shift the strings to an odd place.
    pad(&mut bytes);
    let strings_at = len_u32(bytes.len())?;
    for text in &record.strings {
        push_text(&mut bytes, text, number)?;
    }
    let data_at = len_u32(bytes.len())?;
    bytes.extend_from_slice(&record.data);
    pad(&mut bytes);
    let len = len_u32(bytes.len().saturating_add(4))?;
    bytes.extend_from_slice(&len.to_le_bytes());

    let mut fixed = Vec::with_capacity(RECORD_FIXED_LEN);
    push_words(
        &mut fixed,
        &[
            len,
            SIGNATURE,
            number,
            record.generated,
            record.written,
            record.event_id,
        ],
    );
    for half in [
        record.event_type.code(),
        strings,
        record.category,
        record.flags,
    ] {
        fixed.extend_from_slice(&half.to_le_bytes());
    }
    push_words(
        &mut fixed,
        &[
            record.closing,
            strings_at,
            len_u32(record.sid.len())?,
            sid_at,
            len_u32(record.data.len())?,
            data_at,
        ],
    );
    bytes[..RECORD_FIXED_LEN].copy_from_slice(&fixed);
    Ok(bytes)
}
