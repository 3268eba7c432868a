//! Event log files: the published two records, and properties.

use proptest::prelude::*;

use super::*;
use crate::format::testhex::digits;

fn vector() -> Vec<u8> {
    let text = include_str!("../../../../../fixtures/binary/std-evt-two-records.hex");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    digits(&lines.concat())
}

fn event(source: &str, strings: &[&str]) -> EventRecord {
    EventRecord {
        number: 1,
        generated: 0x30B1_1029,
        written: 0x30B1_1029,
        event_id: 0xC000_0086,
        event_type: EventType::Error,
        category: 5,
        flags: 0,
        closing: 0,
        source: source.into(),
        computer: "EXSERV1".into(),
        sid: Vec::new(),
        strings: strings.iter().map(|text| (*text).to_owned()).collect(),
        data: Vec::new(),
    }
}

fn log_of(events: &[EventRecord]) -> Vec<u8> {
    let mut writer = EvtWriter::new();
    for event in events {
        writer.push(event).unwrap();
    }
    writer.finish().unwrap()
}

// rule: std:14
// rule: std:16
// rule: dec:DEC-118
#[test]
fn the_published_two_records_are_read_and_written_to_the_byte() {
    let bytes = vector();
    assert_eq!(bytes.len(), 360);
    let log = read(&bytes).unwrap();
    assert_eq!(log.faults, []);
    assert_eq!((log.flags, log.max_len), (0, DEFAULT_MAX_LEN));
    let first = event("MSExchangeDX", &["MH_RC_SESSION_BUSY", "12"]);
    let second = EventRecord {
        number: 2,
        generated: 0x30B1_1040,
        written: 0x30B1_1040,
        event_id: 0x4000_0847,
        event_type: EventType::Information,
        category: 7,
        ..event("MSExchangeMTA", &["XAPIWRKQ"])
    };
    assert_eq!(log.records, [first, second]);
    assert_eq!(log.records[0].id(), 134);
    assert_eq!(log.records[1].id(), 2119);
    assert_eq!(log_of(&log.records), bytes);
}

// rule: std:14
#[test]
fn a_dirty_file_is_read_by_its_cursor() {
    let mut bytes = vector();
    // The header was written when there was nothing yet.
    bytes[20..24].copy_from_slice(&0x30u32.to_le_bytes());
    bytes[24..32].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
    bytes[36] = 1;
    let log = read(&bytes).unwrap();
    assert_eq!(log.records.len(), 2);
    assert_eq!(log.faults, []);
    // The same stale header without the flag.
    bytes[36] = 0;
    assert_eq!(read(&bytes).unwrap().records.len(), 2);
}

// rule: std:14
#[test]
fn a_wrapped_file_is_read_oldest_first() {
    // The second record of the published file moves so that it begins before the physical end and
    // goes on behind the header; the cursor follows it.
    let plain = vector();
    let (first, second) = (&plain[0x30..0xC4], &plain[0xC4..0x140]);
    let mut cursor = plain[0x140..].to_vec();
    for split in (4..second.len()).step_by(4) {
        let rest = second.len() - split;
        let mut bytes = plain[..0x30].to_vec();
        bytes.extend_from_slice(&second[split..]);
        let cursor_at = bytes.len();
        let begin = cursor_at + CURSOR_LEN;
        cursor[20..24].copy_from_slice(&u32::try_from(begin).unwrap().to_le_bytes());
        cursor[24..28].copy_from_slice(&u32::try_from(cursor_at).unwrap().to_le_bytes());
        bytes.extend_from_slice(&cursor);
        bytes.extend_from_slice(first);
        bytes.extend_from_slice(&second[..split]);
        bytes[36] = 3;
        let log = read(&bytes).unwrap();
        assert_eq!(log.faults, [], "{rest}");
        assert_eq!(log.records, read(&plain).unwrap().records);
    }
}

// rule: std:14
#[test]
fn filler_before_the_end_sends_the_reader_to_the_start() {
    let plain = vector();
    let mut bytes = plain[..0x30].to_vec();
    bytes.extend_from_slice(&plain[0xC4..0x140]);
    let cursor_at = u32::try_from(bytes.len()).unwrap();
    let begin = cursor_at + 0x28;
    let mut cursor = plain[0x140..].to_vec();
    cursor[20..24].copy_from_slice(&begin.to_le_bytes());
    cursor[24..28].copy_from_slice(&cursor_at.to_le_bytes());
    bytes.extend_from_slice(&cursor);
    bytes.extend_from_slice(&plain[0x30..0xC4]);
    bytes.extend_from_slice(&[0x27, 0, 0, 0].repeat(5));
    let log = read(&bytes).unwrap();
    assert_eq!(log.faults, []);
    assert_eq!(log.records, read(&plain).unwrap().records);
}

#[test]
fn what_is_no_log_is_refused_and_damage_keeps_the_events_before_it() {
    assert!(read(b"").is_err());
    let mut bytes = vector();
    bytes[4] = b'X';
    assert!(read(&bytes).is_err());
    // The second record's closing length.
    let mut bytes = vector();
    bytes[0x13C] = 0;
    let log = read(&bytes).unwrap();
    assert_eq!(log.records.len(), 1);
    assert_eq!(log.faults[0].offset, 0xC4);
    // No cursor: the header says where to read.
    let log = read(&vector()[..0x140]).unwrap();
    assert_eq!((log.records.len(), log.faults.len()), (2, 1));
}

#[test]
fn an_empty_log_and_a_long_one() {
    let empty = log_of(&[]);
    assert_eq!(empty.len(), HEADER_LEN + CURSOR_LEN);
    assert_eq!(empty[28..32], [0; 4]);
    assert_eq!(read(&empty).unwrap().records, []);
    let many = vec![event("MSExchangeDX", &["x"; 30]); 6_000];
    let bytes = log_of(&many);
    let log = read(&bytes).unwrap();
    assert_eq!(log.max_len % 0x1_0000, 0);
    assert!(log.max_len as usize >= bytes.len());
    let numbers = log.records.iter().map(|record| record.number);
    assert!(numbers.eq(1..=6_000));
}

#[test]
fn a_nul_in_a_text_is_refused() {
    let mut writer = EvtWriter::new();
    let error = writer.push(&event("A\0B", &[])).unwrap_err();
    assert_eq!(error, EvtError::Nul { record: 1 });
    assert!(writer.is_empty());
}

fn any_event() -> impl Strategy<Value = EventRecord> {
    let text = "[^\u{0}]{0,12}";
    (
        (any::<u32>(), any::<u32>(), any::<u32>(), any::<u16>()),
        (any::<u16>(), any::<u16>(), any::<u32>()),
        (text, text),
        prop::collection::vec(text, 0..5),
        prop::collection::vec(any::<u8>(), 0..30),
        prop::collection::vec(any::<u8>(), 0..30),
    )
        .prop_map(|(words, halves, names, strings, sid, data)| EventRecord {
            number: 0,
            generated: words.0,
            written: words.1,
            event_id: words.2,
            event_type: EventType::from_code(words.3),
            category: halves.0,
            flags: halves.1,
            closing: halves.2,
            source: names.0,
            computer: names.1,
            sid,
            strings,
            data,
        })
}

proptest! {
    // rule: std:14
    #[test]
    fn written_logs_read_back(mut events in prop::collection::vec(any_event(), 0..8)) {
        let bytes = log_of(&events);
        for (number, event) in (1..).zip(&mut events) {
            event.number = number;
        }
        let log = read(&bytes).unwrap();
        prop_assert_eq!(log.faults, []);
        prop_assert_eq!(log.records, events);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn damaged_logs_never_panic(
        hits in prop::collection::vec((0usize..360, any::<u8>()), 1..12),
        len in 0usize..=360,
    ) {
        let mut bytes = vector();
        for (at, value) in hits {
            bytes[at] = value;
        }
        bytes.truncate(len);
        if let Ok(log) = read(&bytes) {
            prop_assert!(log.records.len() <= bytes.len() / 60);
        }
    }
}
