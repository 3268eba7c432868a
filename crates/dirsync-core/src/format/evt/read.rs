//! Reading an event log file, ours or another's: wrapped and dirty ones as well.

use std::borrow::Cow;

use super::{
    CURSOR_LEN, CURSOR_MARKS, EventRecord, EventType, FLAG_DIRTY, HEADER_LEN, RECORD_FIXED_LEN,
    SIGNATURE,
};
use crate::base::{DecodeError, DecodeErrorKind};

const WHAT_FILE: &str = "event log";
const WHAT_RECORD: &str = "event record";
/// A word that fills the end of the file when no record fits there.
const FILLER: u32 = 0x27;

/// What an event log file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvtLog {
    /// The events, oldest first.
    pub records: Vec<EventRecord>,
    /// Flags of the header.
    pub flags: u32,
    /// Greatest length of the file in bytes.
    pub max_len: u32,
    /// Retention in seconds.
    pub retention_seconds: u32,
    /// What was wrong; the records before the first fault stand.
    pub faults: Vec<EvtFault>,
}

/// Something wrong in an event log file.
pub type EvtFault = DecodeError;

/// Reads an event log file.
///
/// The cursor found in the file counts; the header only where it agrees or no cursor is found.
/// Damage ends the reading; the events before it are given, and the fault.
///
/// # Errors
/// No event log file: too short, or without its header.
pub fn read(bytes: &[u8]) -> Result<EvtLog, DecodeError> {
    let word = |at| {
        word_at(bytes, at).ok_or_else(|| {
            let kind = DecodeErrorKind::TooShort(HEADER_LEN as u64, bytes.len() as u64);
            DecodeError::new(WHAT_FILE, 0, kind)
        })
    };
    let last = word(HEADER_LEN - 4)?;
    if [word(0)?, last] != [HEADER_LEN as u64; 2].map(|len| u32::try_from(len).unwrap_or(0))
        || word(4)? != SIGNATURE
    {
        return Err(DecodeError::new(WHAT_FILE, 0, DecodeErrorKind::BadMagic));
    }
    let mut log = EvtLog {
        flags: word(36)?,
        max_len: word(32)?,
        retention_seconds: word(40)?,
        ..EvtLog::default()
    };
    let (mut at, end) = match find_cursor(bytes, word(20)?, log.flags & FLAG_DIRTY != 0) {
        Some(found) => found,
        None => {
            let kind = DecodeErrorKind::BadField("the cursor, which is missing");
            log.faults.push(DecodeError::new(WHAT_FILE, 20, kind));
            (word(16)?, word(20)?)
        }
    };
    // Every turn goes forward by a record; a whole round of the file is the most there can be.
    let mut left = bytes.len();
    while at != end {
        match one(bytes, at) {
            Ok(Step::Record(record, len)) => {
                if len > left {
                    let kind = DecodeErrorKind::BadField("the end of the records");
                    log.faults
                        .push(DecodeError::new(WHAT_RECORD, u64::from(at), kind));
                    break;
                }
                left -= len;
                log.records.push(record);
                // The end of the records may be the end of the file, when the cursor was lost.
                if (at as usize).saturating_add(len) == end as usize {
                    break;
                }
                at = forward(bytes, at, len);
            }
            Ok(Step::Filler) if at as usize > HEADER_LEN => {
                left = left.saturating_sub(bytes.len().saturating_sub(at as usize));
                at = 0x30;
            }
            Ok(Step::Filler | Step::Cursor) => break,
            Err(fault) => {
                log.faults.push(fault);
                break;
            }
        }
    }
    Ok(log)
}

enum Step {
    Record(EventRecord, usize),
    Filler,
    Cursor,
}

/// The place `len` bytes further, around the end of the file.
fn forward(bytes: &[u8], at: u32, len: usize) -> u32 {
    let mut to = (at as usize).saturating_add(len);
    if to >= bytes.len() {
        to = to - bytes.len() + HEADER_LEN;
    }
    u32::try_from(to).unwrap_or(u32::MAX)
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(word.try_into().ok()?))
}

fn half_at(bytes: &[u8], at: usize) -> Option<u16> {
    let half = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(half.try_into().ok()?))
}

/// Where the records begin and end, from the cursor; the header's place is tried first.
fn find_cursor(bytes: &[u8], said: u32, dirty: bool) -> Option<(u32, u32)> {
    let at_place = |at: usize| -> Option<(u32, u32)> {
        let whole = part(bytes, at, CURSOR_LEN)?;
        let is_cursor = (1..5).all(|n| word_at(&whole, n * 4) == Some(CURSOR_MARKS[n - 1]))
            && word_at(&whole, 0) == word_at(&whole, CURSOR_LEN - 4)
            && word_at(&whole, 0) == u32::try_from(CURSOR_LEN).ok();
        let begin = word_at(&whole, 20)?;
        let end = word_at(&whole, 24)?;
        (is_cursor && end as usize == at).then_some((begin, end))
    };
    if !dirty && let Some(found) = at_place(said as usize) {
        return Some(found);
    }
    (HEADER_LEN..bytes.len())
        .step_by(4)
        .find_map(|at| (word_at(bytes, at)? == 0x28).then(|| at_place(at))?)
}

/// `len` bytes from `at`, around the end of the file; `None` when they are more than there are.
fn part(bytes: &[u8], at: usize, len: usize) -> Option<Cow<'_, [u8]>> {
    let tail = bytes.get(at..)?;
    if let Some(whole) = tail.get(..len) {
        return Some(Cow::Borrowed(whole));
    }
    let rest = len - tail.len();
    let head = bytes.get(HEADER_LEN..HEADER_LEN.checked_add(rest)?)?;
    // A record is no longer than the file without its header.
    (HEADER_LEN + rest <= at).then(|| Cow::Owned([tail, head].concat()))
}

fn one(bytes: &[u8], at: u32) -> Result<Step, DecodeError> {
    let place = at as usize;
    let fault = |kind| DecodeError::new(WHAT_RECORD, u64::from(at), kind);
    let short = |needed: usize| {
        let found = bytes.len().saturating_sub(place);
        fault(DecodeErrorKind::TooShort(needed as u64, found as u64))
    };
    if place < HEADER_LEN {
        return Err(fault(DecodeErrorKind::BadField("the offset")));
    }
    let len = word_at(bytes, place).ok_or_else(|| short(4))?;
    if len == FILLER {
        return Ok(Step::Filler);
    }
    if len as usize == CURSOR_LEN {
        return Ok(Step::Cursor);
    }
    let len = len as usize;
    if len < RECORD_FIXED_LEN + 4 || !len.is_multiple_of(4) {
        return Err(fault(DecodeErrorKind::BadField("the length")));
    }
    let record = part(bytes, place, len).ok_or_else(|| short(len))?;
    if word_at(&record, 4) != Some(SIGNATURE) {
        return Err(fault(DecodeErrorKind::BadMagic));
    }
    if word_at(&record, len - 4) != word_at(&record, 0) {
        return Err(fault(DecodeErrorKind::BadField("the closing length")));
    }
    let body = &record[..len - 4];
    let event = decode(body).map_err(fault)?;
    Ok(Step::Record(event, len))
}

/// The record without its closing length.
fn decode(body: &[u8]) -> Result<EventRecord, DecodeErrorKind> {
    let word = |at| word_at(body, at).ok_or(DecodeErrorKind::BadField("the fixed part"));
    let half = |at| half_at(body, at).ok_or(DecodeErrorKind::BadField("the fixed part"));
    let block = |len: u32, at: u32, what| {
        if len == 0 {
            return Ok(Vec::new());
        }
        let (len, at) = (len as usize, at as usize);
        at.checked_add(len)
            .filter(|_| at >= RECORD_FIXED_LEN)
            .and_then(|end| body.get(at..end))
            .map(<[u8]>::to_vec)
            .ok_or(DecodeErrorKind::BadField(what))
    };
    let (source, after) = text(body, RECORD_FIXED_LEN)?;
    let (computer, _) = text(body, after)?;
    let count = half(26)?;
    let mut at = word(36)? as usize;
    let mut strings = Vec::new();
    for _ in 0..count {
        let (string, after) = text(body, at)?;
        strings.push(string);
        at = after;
    }
    Ok(EventRecord {
        number: word(8)?,
        generated: word(12)?,
        written: word(16)?,
        event_id: word(20)?,
        event_type: EventType::from_code(half(24)?),
        category: half(28)?,
        flags: half(30)?,
        closing: word(32)?,
        source,
        computer,
        sid: block(word(40)?, word(44)?, "the user")?,
        strings,
        data: block(word(48)?, word(52)?, "the data")?,
    })
}

/// The text at `at` and the place after its NUL. Halves of characters become U+FFFD.
fn text(body: &[u8], at: usize) -> Result<(String, usize), DecodeErrorKind> {
    let unended = DecodeErrorKind::BadText("a text does not end inside its record");
    if at < RECORD_FIXED_LEN {
        return Err(DecodeErrorKind::BadField("the offset of the strings"));
    }
    let mut units = Vec::new();
    let mut place = at;
    loop {
        match half_at(body, place) {
            None => return Err(unended),
            Some(0) => return Ok((String::from_utf16_lossy(&units), place + 2)),
            Some(unit) => units.push(unit),
        }
        place += 2;
    }
}
