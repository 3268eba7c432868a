use proptest::prelude::*;
use serde_json::Value;

use super::*;

const Q103801: &[u8] = include_bytes!("../../../../../fixtures/import/q103801-mmff.txt");
const Q103801_EXPECTED: &str = include_str!("../../../../../fixtures/import/q103801-mmff.json");
const Q147034: &str = include_str!("../../../../../fixtures/import/q147034-extended.txt");
const Q147034_EXPECTED: &str = include_str!("../../../../../fixtures/import/q147034-extended.json");
const Q118533: &str = include_str!("../../../../../fixtures/import/q118533-errors.txt");
const Q118533_EXPECTED: &str = include_str!("../../../../../fixtures/import/q118533-errors.json");
const Q94410: &str = include_str!("../../../../../fixtures/import/q94410-addresses.txt");
const Q117581: &[u8] =
    include_bytes!("../../../../../fixtures/import/q117581-mmff-long-subject.txt");

/// A message, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    header: Header,
    text: Vec<u8>,
    attachments: Vec<Vec<u8>>,
}

/// The whole messages of a file, read in pieces of so many bytes, and why it was not read to its end.
fn read(file: &[u8], eol: Option<Eol>, piece: usize) -> (Vec<Whole>, Option<ReadError>) {
    let mut reader = Reader::new(eol);
    let (mut done, mut open): (Vec<Whole>, Option<Whole>) = (Vec::new(), None);
    let mut sink = |event: Event<'_>| match event {
        Event::Header(header) => {
            assert!(open.is_none());
            let attachments = vec![Vec::new(); header.attachments.len()];
            open = Some(Whole {
                header: *header,
                text: Vec::new(),
                attachments,
            });
        }
        Event::Text(piece) => open.as_mut().unwrap().text.extend_from_slice(piece),
        Event::Attachment(index, piece) => {
            open.as_mut().unwrap().attachments[index].extend_from_slice(piece);
        }
        Event::End => done.push(open.take().unwrap()),
    };
    let mut error = None;
    for bytes in file.chunks(piece.max(1)) {
        if let Err(fault) = reader.feed(bytes, &mut sink) {
            error = Some(ReadError::Fault(fault));
            break;
        }
    }
    let end = reader.finish().err();
    (done, error.or(end))
}

fn fault(file: &str, eol: Option<Eol>) -> String {
    let (_, error) = read(file.as_bytes(), eol, 7);
    error.map_or_else(|| "read".to_owned(), |error| error.to_string())
}

fn message(lines: &str) -> String {
    format!("VERSION:3.00\r\n{lines}\r\n")
}

// rule: exc:R-FFA-010
// rule: exc:R-FFA-014
// rule: tra:R-FFA-001
// rule: tra:R-FFA-004
// rule: tra:R-FFA-005
#[test]
fn the_message_of_q103801() {
    let expected: Value = serde_json::from_str(Q103801_EXPECTED).unwrap();
    for piece in [1, 2, 3, 64, 10_000] {
        let (messages, error) = read(Q103801, Some(Eol::CrLf), piece);
        assert_eq!(error, None);
        let [one] = &messages[..] else {
            panic!("{messages:?}")
        };
        let header = &one.header;
        assert_eq!(
            header.version,
            expected["version"].as_str().unwrap().as_bytes()
        );
        let to: Vec<_> = header.to.iter().map(write_address).collect();
        assert_eq!(to, [expected["to"][0].as_str().unwrap().as_bytes()]);
        let from = expected["from"].as_str().unwrap().as_bytes();
        assert_eq!(write_address(&header.from), from);
        assert_eq!(
            header.date.unwrap().to_string(),
            expected["date"].as_str().unwrap()
        );
        assert_eq!(header.time.unwrap().to_string(), "23:44:00");
        assert_eq!(
            header.subject,
            expected["subject"].as_str().unwrap().as_bytes()
        );
        assert_eq!(header.priority, Some(b'F'));
        // Sizes count the line ends: nothing of the file is left over.
        let size = expected["text"]["size"].as_u64().unwrap();
        let offset = usize::try_from(expected["text"]["offset"].as_u64().unwrap()).unwrap();
        assert_eq!((one.text.len() as u64, header.attachments.len()), (size, 1));
        assert_eq!(one.text, Q103801[offset..offset + one.text.len()]);
        assert_eq!(header.attachments[0].name, b"config.sys");
        assert_eq!(one.attachments[0].len(), 291);
        assert!(Q103801.ends_with(&one.attachments[0]));
    }
    // A second message follows where the first one ends, a third after blank lines.
    let many = [Q103801, Q103801, b"\r\n\x1A", Q103801].concat();
    let (messages, error) = read(&many, None, 5);
    assert_eq!((messages.len(), error), (3, None));
}

// rule: exc:R-FFA-011
// rule: tra:R-FFA-003
#[test]
fn lines_that_end_otherwise_are_141_or_144_on_line_2() {
    let file = "VERSION:3.00\r\nTO:net/po/mailbox\r\nFROM:net/po/x\r\nTEXT:0\r\n";
    assert_eq!(fault(file, Some(Eol::CrLf)), "read");
    assert_eq!(
        fault(file, Some(Eol::Cr)),
        "141-1-2 Cannot match token TO (has tail net/po/mailbox)"
    );
    assert!(fault(file, Some(Eol::Lf)).starts_with("144-1-2 Unable to partition line TO:"));
    for (eol, read_as) in [
        (Eol::Lf, Eol::Cr),
        (Eol::Lf, Eol::CrLf),
        (Eol::Cr, Eol::Lf),
        (Eol::Cr, Eol::CrLf),
    ] {
        let text = file.replace("\r\n", std::str::from_utf8(eol.bytes()).unwrap());
        let said = fault(&text, Some(read_as));
        assert!(
            said.starts_with("144-1-2 ") || said.starts_with("141-1-2 "),
            "{eol:?}: {said}"
        );
        // Left to itself the reader looks.
        assert_eq!(fault(&text, None), "read");
        let mut reader = Reader::new(None);
        reader.feed(text.as_bytes(), &mut |_| {}).unwrap();
        assert_eq!(reader.eol(), Some(eol));
    }
}

// rule: exc:V-33
// rule: tra:R-FFA-012
#[test]
fn error_lines_are_read_in_both_spellings() {
    let expected: Value = serde_json::from_str(Q118533_EXPECTED).unwrap();
    let lines: Vec<FaultLine<'_>> = Q118533.lines().filter_map(FaultLine::parse).collect();
    assert_eq!(lines.len(), expected["lines"].as_array().unwrap().len());
    for (line, expected) in lines.iter().zip(expected["lines"].as_array().unwrap()) {
        assert_eq!(u64::from(line.error), expected["error"]);
        assert_eq!(u64::from(line.message), expected["message"]);
        assert_eq!(u64::from(line.line), expected["line"]);
        assert_eq!(line.text, expected["text"].as_str().unwrap());
    }
    let one = FaultLine::parse("201 - 1 - 140 - Failure submitting message to mail database");
    let one = one.unwrap();
    assert_eq!((one.error, one.message, one.line), (201, 1, 140));
    assert_eq!(one.text, Code::NotSubmitted.to_string());
    for none in [
        "",
        "141",
        "141-1",
        "a-1-2 x",
        "141-1-2x",
        "99999999999-1-2 x",
    ] {
        assert_eq!(FaultLine::parse(none), None, "{none}");
    }
}

// rule: exc:V-32
// rule: exc:R-FFA-014
// rule: tra:R-FFA-011
#[test]
fn a_mailbox_is_csi_or_has_no_type() {
    for good in ["CSI:net/po/$system", "net/po/$system", "csi:net/po/$SYSTEM"] {
        let address = parse_address(good.as_bytes()).unwrap();
        assert_eq!(
            address.to_string(),
            format!(
                "PCM:{}",
                good.trim_start_matches("CSI:").trim_start_matches("csi:")
            )
        );
        assert!(write_address(&address).starts_with(b"CSI:"));
    }
    let said = |to: &str| fault(&message(&format!("TO:{to}")), None);
    assert_eq!(said("PCM:net/po/$system"), "151-1-2 Unknown service PCM");
    assert_eq!(said("MS:net/po/x"), "151-1-2 Unknown service MS");
    assert_eq!(said("xxx:net/po/x"), "151-1-2 Unknown service xxx");
    for bad in [
        "net/po",
        "CSI:net/po",
        "CSI:PCM:net/po/x",
        "net",
        "",
        "CSI:",
        "net/muchtoolongname/x",
    ] {
        assert_eq!(said(bad), "142-1-2 Bad address.", "{bad}");
    }
}

// rule: exc:R-FFA-015
#[test]
fn gateway_addresses_come_back_as_they_are_written() {
    let mut kinds = std::collections::BTreeSet::new();
    for line in Q94410.lines() {
        let line = line.split(" (").next().unwrap();
        let (_, text) = line.split_once(':').unwrap();
        if text.ends_with("...") || text.contains("10/10/10") || text.contains("...3") {
            continue;
        }
        let address =
            parse_address(text.as_bytes()).unwrap_or_else(|code| panic!("{text}: {code}"));
        kinds.insert(address.kind());
        let again = write_address(&address);
        assert_eq!(parse_address(&again).unwrap(), address, "{text}");
        if text.contains("^0D") && text.starts_with("Fax") {
            assert_eq!(
                again,
                text.to_uppercase()
                    .replace("RECIPIENT", "Recipient")
                    .replace("LOCATION", "Location")
                    .replace("COMPANY", "Company")
                    .replace("PHONE", "Phone")
                    .into_bytes()
            );
        }
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    let mci = parse_address(b"MCI:John Doe^0D EMS:MCI Mail^0D MBX:123-4567").unwrap();
    assert_eq!(mci.physical(), b"John Doe EMS:MCI Mail MBX:123-4567");
    assert_eq!(
        write_address(&mci),
        b"MCI:John Doe^0D EMS:MCI Mail^0D MBX:123-4567"
    );
}

// rule: exc:O-17
// rule: exc:R-FFA-012
// rule: exc:R-FFA-013
#[test]
fn the_number_of_header_lines_is_that_of_the_lines_in_front_of_the_body() {
    let expected: Value = serde_json::from_str(Q147034_EXPECTED).unwrap();
    let (head, text) = Q147034.split_once("TEXT:340\n").unwrap();
    let file = format!(
        "TO:net/po/x\nFROM:net/po/y\n{head}TEXT:{}\n{text}",
        text.len()
    );
    let (messages, error) = read(file.as_bytes(), None, 11);
    assert_eq!(error, None);
    let one = &messages[0];
    assert_eq!(one.header.version, b"3.00");
    assert_eq!(
        u64::from(one.header.header_lines.unwrap()),
        expected["headlen"]
    );
    // The dashes stand in the text and are counted in its size.
    assert_eq!(one.text, text.as_bytes());
    let lines: Vec<&str> = text.lines().collect();
    let body = |n: &str| lines[usize::try_from(expected[n].as_u64().unwrap()).unwrap()..].to_vec();
    assert_eq!(body("correct_headlen").len() as u64, expected["body_lines"]);
    assert_eq!(body("headlen").len() as u64 + 1, expected["body_lines"]);
    assert!(body("correct_headlen")[0].starts_with("This is the first line"));
    assert!(fault("TO:n/p/x\nEXT:I:3:HEADLEN\nmany\n", None).starts_with("140-1-3 "));
}

// rule: tra:OQ-16
#[test]
fn unknown_pairs_of_the_extended_format_are_passed_over() {
    let file = "TO:n/p/x\nFROM:n/p/y\next:S:12:MSGCLASS\nTO:nobody at all\nEXT:I:3:HEADLEN\n0\n\
                EXT:B:1:Flag\n\nTEXT:2\nab";
    let (messages, error) = read(file.as_bytes(), None, 3);
    assert_eq!((messages.len(), error), (1, None));
    assert_eq!(messages[0].header.header_lines, Some(0));
    assert_eq!(
        (messages[0].header.to.len(), &messages[0].text[..]),
        (1, &b"ab"[..])
    );
    for other in [
        "",
        "I",
        "I:4",
        "I:x:NAME",
        "II:4:NAME",
        "I:4:",
        "I:4:A:B",
        "4:I:NAME",
    ] {
        let said = fault(&format!("TO:n/p/x\nEXT:{other}\n1\nTEXT:0\n"), None);
        assert!(said.starts_with("141-1-2 "), "{other}: {said}");
    }
    // None is written.
    let mut out = Vec::new();
    let to = [parse_address(b"n/p/x").unwrap()];
    let message = NewMessage {
        to: &to,
        from: &parse_address(b"n/p/y").unwrap(),
        written: jiff::civil::date(1994, 4, 7).at(12, 13, 0, 0),
        subject: b"",
        priority: None,
        text: b"",
        attachments: &[(b"A.TXT".as_slice(), b"xyz".as_slice())],
    };
    write(&message, Eol::Lf, &mut out).unwrap();
    assert!(!out.windows(5).any(|five| five == b"\nEXT:"));
    // One space before the size, and the token without S.
    assert!(out.windows(19).any(|line| line == b"\nATTACHMENT:A.TXT 3"));
}

// rule: tra:R-FFA-001
// rule: tra:R-FFA-002
// rule: tra:R-FFA-006
// rule: tra:R-FFA-007
// rule: tra:OQ-17
#[test]
fn tokens_are_read_in_any_case_and_a_text_may_begin_with_an_empty_line() {
    let file = "to:n/p/x\r\nFrom:n/p/y\r\nDate:1994-04-07\r\npriority:F\r\nAttachments:A.TXT 3\r\n\
                attachment:B C.TXT 1\r\nxAttach:C:\\X.DAT X.DAT\r\ntext:6\r\n\r\nab\r\nxyz1";
    let (messages, error) = read(file.as_bytes(), None, 4);
    assert_eq!((messages.len(), error), (1, None));
    let one = &messages[0];
    assert_eq!(one.text, b"\r\nab\r\n");
    let names: Vec<&[u8]> = one.header.attachments.iter().map(|a| &a.name[..]).collect();
    assert_eq!(names, [&b"A.TXT"[..], b"B C.TXT"]);
    assert_eq!(one.attachments, [b"xyz".to_vec(), b"1".to_vec()]);
    for good in ["1", "9", "A", "z", "R", "C", "T"] {
        assert_eq!(
            fault(
                &message(&format!(
                    "TO:n/p/x\r\nFROM:n/p/y\r\nPRIORITY:{good}\r\nTEXT:0"
                )),
                None
            ),
            "read"
        );
    }
    for bad in ["0", "", "AB", "-"] {
        assert!(
            fault(&message(&format!("PRIORITY:{bad}")), None).starts_with("140-1-2 "),
            "{bad}"
        );
    }
}

// rule: exc:R-FFA-011
// rule: tra:R-FFA-008
// rule: tra:R-FFA-012
#[test]
fn every_fault_names_message_and_line() {
    let head = "TO:net/po/x\r\nFROM:net/po/y\r\n";
    for (lines, expected) in [
        (
            "TO net/po/x",
            "144-1-2 Unable to partition line TO net/po/x.",
        ),
        (
            "DATE:1994-13-04",
            "140-1-2 Unknown error processing token DATE with tail 1994-13-04.",
        ),
        (
            "TIME:25:00",
            "140-1-2 Unknown error processing token TIME with tail 25:00.",
        ),
        (
            "PRIORITY:10",
            "140-1-2 Unknown error processing token PRIORITY with tail 10.",
        ),
        (
            "ATTACHMENT:config.sys",
            "140-1-2 Unknown error processing token ATTACHMENT with tail config.sys.",
        ),
        (
            "TEXT:many",
            "140-1-2 Unknown error processing token TEXT with tail many.",
        ),
        ("TEXT:1", "143-1-2 Unknown parser error."),
        ("XTEXT:", "146-1-2 Bad or missing XTEXT file name."),
        (
            "CC:net/po/x",
            "141-1-2 Cannot match token CC (has tail net/po/x)",
        ),
        (
            "VERSION:3.00",
            "140-1-2 Unknown error processing token VERSION with tail 3.00.",
        ),
    ] {
        assert_eq!(fault(&message(lines), None), expected, "{lines}");
    }
    // The second message of a file, line 3 of it.
    let two = format!("{head}TEXT:2\r\nab{head}X\r\n");
    assert_eq!(fault(&two, None), "144-2-3 Unable to partition line X.");
    // Q117581: a subject of 65 characters.
    assert!(
        read(Q117581, None, 9)
            .1
            .unwrap()
            .to_string()
            .starts_with("140-1-6 ")
    );
    let long = format!("TO:{}\r\n", "x".repeat(3 * LINE_MAX_BYTES));
    assert!(fault(&long, None).starts_with("144-1-1 "));
}

#[test]
fn a_file_that_ends_inside_a_message_is_cut_off_and_gives_no_message() {
    for at in 0..Q103801.len() {
        let (messages, error) = read(&Q103801[..at], None, 50);
        assert_eq!(messages, [], "{at}");
        let expected = (at > 0).then_some(ReadError::CutOff { message: 1 });
        assert_eq!(error, expected, "{at}");
    }
}

#[test]
fn texts_change_their_line_ends_and_nothing_else() {
    let text = b"a\r\n\r\nb\rc\nd\r\n";
    assert_eq!(Eol::Cr.from_crlf(text), b"a\r\rb\rc\nd\r");
    assert_eq!(Eol::Lf.to_crlf(b"a\n\nb\n"), b"a\r\n\r\nb\r\n");
    assert_eq!(Eol::CrLf.to_crlf(text), text);
    for eol in [Eol::Cr, Eol::Lf, Eol::CrLf] {
        assert_eq!(Eol::from_word(eol.word()), Some(eol));
        assert_eq!(
            eol.to_crlf(&eol.from_crlf(b"one\r\ntwo\r\n")),
            b"one\r\ntwo\r\n"
        );
    }
}

fn eols() -> impl Strategy<Value = Eol> {
    prop_oneof![Just(Eol::Cr), Just(Eol::Lf), Just(Eol::CrLf)]
}

proptest! {
    // rule: exc:R-FFA-010
    #[test]
    fn what_is_written_is_read(
        eol in eols(), told: bool, piece in 1usize..80, boxes in proptest::collection::vec("[a-z]{1,10}", 1..5),
        subject in "[ -~]{0,70}", lines in proptest::collection::vec("[ -~]{0,40}", 0..6),
        attachments in proptest::collection::vec(("[a-z]{1,8}( [a-z]{1,3})?", proptest::collection::vec(any::<u8>(), 0..200)), 0..4),
        priority in proptest::option::of(b'1'..=b'9'), count in 1usize..4,
    ) {
        let to: Vec<Address> = boxes.iter().map(|name| format!("NET/PO/{name}").parse().unwrap()).collect();
        let from: Address = "SMTP:a@b.example".parse().unwrap();
        let text: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
        let parts: Vec<(&[u8], &[u8])> = attachments.iter().map(|(name, bytes)| (name.as_bytes(), bytes.as_slice())).collect();
        let message = NewMessage {
            to: &to, from: &from, written: jiff::civil::datetime(1994, 4, 4, 13, 10, 0, 0),
            subject: subject.as_bytes(), priority, text: &text, attachments: &parts,
        };
        let mut file = Vec::new();
        for _ in 0..count {
            write(&message, eol, &mut file).unwrap();
        }
        let (messages, error) = read(&file, told.then_some(eol), piece);
        prop_assert_eq!(error, None);
        prop_assert_eq!(messages.len(), count);
        for one in messages {
            prop_assert_eq!(&one.header.to, &to);
            prop_assert_eq!(&one.header.from, &from);
            prop_assert_eq!(&one.header.subject, &subject.as_bytes()[..subject.len().min(63)]);
            prop_assert_eq!(one.header.priority, priority);
            prop_assert_eq!(one.header.date.unwrap().to_string(), "1994-04-04");
            prop_assert_eq!(eol.to_crlf(&one.text), text.clone());
            let found: Vec<(Vec<u8>, Vec<u8>)> = one.header.attachments.iter().map(|a| a.name.clone()).zip(one.attachments).collect();
            let expected: Vec<(Vec<u8>, Vec<u8>)> = attachments.iter().map(|(name, bytes)| (name.clone().into_bytes(), bytes.clone())).collect();
            prop_assert_eq!(found, expected);
        }
    }

    // Bad input never panics, never loops; pieces change nothing (design 4.4).
    // rule: exc:R-FFA-012
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes: Vec<u8>, piece in 1usize..40,
        almost in "((VERSION|TO|FROM|DATE|TIME|TEXT|EXT|XTEXT|XATTACH|ATTACHMENT|PRIORITY|SUBJECT):?[ -~]{0,20}(\r|\n|\r\n)){0,9}",
    ) {
        for file in [&bytes[..], almost.as_bytes()] {
            for eol in [None, Some(Eol::Cr), Some(Eol::Lf), Some(Eol::CrLf)] {
                prop_assert_eq!(read(file, eol, piece), read(file, eol, file.len()));
            }
        }
    }
}
