//! The event log: levels, texts, lines, the file of Windows NT.

use proptest::prelude::*;

use super::line::{Kind, read};
use super::table::{self, KNOWN, Source, known};
use super::*;
use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::format::evt;
use crate::core::format::exchange::agent_ini::Level;

fn now() -> UnixTime {
    UnixTime(0x30B1_1029)
}

// rule: exc:O-10
#[test]
fn documented_events_say_what_the_articles_say() {
    for what in KNOWN {
        let number = what.source.category_number(what.category);
        assert!(number.is_some(), "{} {}", what.id, what.category);
        let family = match what.source {
            Source::Agent => Family::DxEvent,
            Source::Interchange => Family::MsmiEvent,
            _ => continue,
        };
        let entry = lookup_code(family, i32::from(what.id));
        // Every one is explained; ids of ours are far above those that were published, and say so.
        let entry = entry.unwrap_or_else(|| panic!("{}", what.id));
        let own = what.id > 9000 && what.id < 10_000;
        assert_eq!(
            entry.meaning.ends_with("of this project."),
            own && what.id != 9001
        );
        assert!(what.own_text || !what.articles.is_empty(), "{}", what.id);
        // The fixed beginning of the text is one of the catalogue's.
        let head = what.text.split('%').next().unwrap();
        let said = std::iter::once(entry.text).chain(entry.variants.iter().copied());
        let mut said = said.filter(|text| !text.is_empty());
        if !what.own_text {
            let fits = said.any(|text| text.starts_with(head.trim_end()) || head.starts_with(text));
            assert!(fits, "{} {head:?}", what.id);
        }
    }
}

#[test]
fn insertion_strings_fill_their_places() {
    let event = Event::new(&table::SESSION_BUSY, ["MH_RC_SESSION_BUSY", "812"]);
    assert_eq!(
        event.text(),
        "Error MH_RC_SESSION_BUSY returned by the MTA. (Thread 812)."
    );
    let left = Event::new(&table::LEFT_DIRSYNC, [""]);
    assert_eq!(
        left.text(),
        "MSMI has failed processing $System message is left in the delivery queue."
    );
    let odd = Event::new(&table::BAD_ADDRESS, ["A 100% %1\tPCM:A/B/C", "0"]);
    assert!(
        odd.text()
            .ends_with("The transaction is A 100% %1\tPCM:A/B/C. (Thread 0)")
    );
    assert_eq!(
        known(Source::Interchange, 2447).unwrap(),
        &table::LEFT_DIRSYNC
    );
}

#[test]
fn levels_have_the_numbers_of_the_registry() {
    for (level, number) in [
        (Level::None, 0),
        (Level::Minimum, 1),
        (Level::Medium, 3),
        (Level::Maximum, 5),
    ] {
        assert_eq!(number_of_level(level), number);
        assert_eq!(level_of_number(number), level);
    }
    assert_eq!(level_of_number(7), Level::Maximum);
    assert_eq!(
        level_value(Source::Agent, "event handler").unwrap().1,
        "1 Event Handler"
    );
}

#[test]
fn lines_that_are_no_events_are_told_and_the_others_read() {
    let one = Stored::of(&Event::new(&table::STARTED, [""; 0]), now(), "EX1");
    let mut bytes = one.line();
    bytes.extend_from_slice(b"{\"id\":1}\n\n\xFF\xFE\n");
    bytes.extend_from_slice(&one.line());
    let (events, bad) = read(&bytes);
    assert_eq!(events, [one.clone(), one]);
    let lines: Vec<usize> = bad.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [2, 4]);
}

// rule: std:14
#[test]
fn the_file_of_windows_nt_holds_the_same_events() {
    let events = [
        Event::new(&table::SESSION_BUSY, ["MH_RC_SESSION_BUSY", "12"]),
        Event::new(
            &table::NDR_MADE,
            ["A", "B", "[004] Message circular route detected."],
        ),
    ]
    .map(|event| Stored::of(&event, now(), "EXSERV1"));
    let log = evt::read(&to_evt(&events).unwrap()).unwrap();
    assert_eq!(log.faults, []);
    let first = &log.records[0];
    assert_eq!(
        (first.id(), first.event_id, first.category),
        (134, 0xC000_0086, 1)
    );
    assert_eq!(first.strings, ["MH_RC_SESSION_BUSY", "12"]);
    assert_eq!(first.generated, now().0);
    let second = &log.records[1];
    assert_eq!(
        (second.source.as_str(), second.category),
        ("MSExchangeMSMI", 4)
    );
    assert_eq!(second.event_type.code(), 2);
}

proptest! {
    #[test]
    fn lines_read_back(
        at in 0..KNOWN.len(),
        strings in prop::collection::vec(".{0,20}", 0..6),
        time in any::<u32>(),
    ) {
        let stored = Stored::of(&Event::new(KNOWN[at], strings), UnixTime(time), "Sérver \"1\"");
        let line = stored.line();
        prop_assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let (events, bad) = read(&line);
        prop_assert_eq!(bad, []);
        prop_assert_eq!(&events[..], std::slice::from_ref(&stored));
        let log = evt::read(&to_evt(&events).unwrap()).unwrap();
        prop_assert_eq!(&log.records[0].strings, &stored.strings);
        prop_assert_eq!(log.records[0].generated, time);
    }

    #[test]
    fn arbitrary_lines_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (events, bad) = read(&bytes);
        prop_assert!(events.len() + bad.len() <= bytes.len());
    }

    #[test]
    fn damaged_lines_never_panic(hits in prop::collection::vec((0usize..400, any::<u8>()), 1..6)) {
        let event = Event::new(&table::SESSION_BUSY, ["X", "1"]);
        let mut bytes = Stored::of(&event, now(), "EX").line();
        for (at, byte) in hits {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        let (events, _) = read(&bytes);
        let _ = to_evt(&events);
    }
}

#[test]
fn a_word_is_a_type() {
    assert_eq!(Kind::from(EventType::Warning).word(), "warning");
    assert_eq!(Kind::Error.event_type().code(), 1);
}

#[test]
fn the_log_of_one_step_and_the_whole_log_are_bounded() {
    use crate::core::base::address::PoName;
    use crate::exchange::AGENT;
    use crate::tree::journal::CommitInfo;
    use crate::tree::{Command, OpenOptions, TreeMut};
    let disk = crate::exchange::testtree::server(&"NET/EX".parse::<PoName>().unwrap());
    let mut tree = TreeMut::open(disk, AGENT, &OpenOptions::default()).unwrap();
    let long = "x".repeat(STRING_LEN + 1);
    let many: Vec<Event> = (0..2_000)
        .map(|n| Event::new(&table::BAD_ADDRESS, [format!("{n} {long}"), "0".to_owned()]))
        .collect();
    for round in 0..8u32 {
        let mut edit = Edit::new(tree.view());
        let now = UnixTime(now().0 + round);
        let written = log_all(&mut edit, now, &many).unwrap();
        assert!(written > 100 && written < many.len());
        let plan = edit.finish().unwrap();
        let info = CommitInfo {
            command: Command::T2,
            user: String::new(),
            now,
            counts: Vec::new(),
        };
        tree.commit(&plan, &info).unwrap();
        let (events, bad) = super::read(tree.view()).unwrap();
        assert_eq!(bad, []);
        let last = events.last().unwrap();
        assert_eq!(
            (last.id, &last.strings),
            (9011, &vec![(2_000 - written).to_string()])
        );
    }
    let len = tree.view().stat(EVENTS).unwrap().unwrap().len;
    assert!(
        len <= crate::import::log::LOG_LEN_LIMIT + (2 << 20),
        "{len}"
    );
}
