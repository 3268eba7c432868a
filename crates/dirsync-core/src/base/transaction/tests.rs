//! Tests of transactions against the published files and the vectors of decisions.md 5.

use super::*;
use crate::base::AddressType;
use crate::base::address::tests::any_address;
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../../fixtures/import/", $name))
    };
}

/// The transactions of a file, each with the line it begins on; comments left out.
fn split(file: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut found: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, line) in file.split(|&byte| byte == b'\n').enumerate() {
        if opens_transaction(line) {
            found.push((index + 1, line.to_vec()));
        } else if let (false, Some((_, text))) = (line.is_empty(), found.last_mut()) {
            text.push(b'\n');
            text.extend_from_slice(line);
        }
    }
    found.retain(|(_, text)| text.first() != Some(&b'#'));
    found
}

/// `alias|address` of an entry.
fn show(entry: &Entry) -> String {
    format!("{}|{}", entry.alias, entry.address)
}

fn parsed(file: &[u8]) -> Vec<Parsed> {
    split(file)
        .iter()
        .map(|(line, text)| {
            Transaction::parse_with(text, Reading::Lenient)
                .unwrap_or_else(|f| panic!("{line}: {f}"))
        })
        .collect()
}

// rule: dec:DEC-013
// rule: dec:DEC-014
// rule: imp:R-FMT-002
// rule: std:2
#[test]
fn queue_records_of_the_listing_are_canonical() {
    let file = fixture!("q96060-queue-records.txt");
    let found = split(file);
    assert_eq!(found.len(), 6);
    for (_, text) in &found {
        let read = Transaction::parse_with(text, Reading::Strict).unwrap();
        assert_eq!(read.layout, Layout::Tab);
        assert_eq!(&read.transaction.to_record_text().unwrap(), text);
    }
    let second = Transaction::parse(&found[1].1).unwrap();
    assert_eq!(
        show(second.entry().unwrap()),
        "able is he who knows his limit|PCM:POLYNOMIAL/MONTGOMERY/able"
    );
    // TV-DEC-1: sizes of the records are 24 + text + NUL.
    let sizes: Vec<_> = found.iter().map(|(_, text)| 24 + text.len() + 1).collect();
    assert_eq!(sizes, [52, 88, 64, 62, 64, 62]);
}

// rule: dec:DEC-012
#[test]
fn dummies_are_comments() {
    let ours = Transaction::dummy();
    assert_eq!(ours.to_record_text().unwrap(), b"# Last confirmed sync no");
    assert_eq!(24 + ours.to_record_text().unwrap().len() + 1, 49);
    let podiag = b"# Dummy record installed by PODIAG.";
    let read = Transaction::parse(podiag).unwrap();
    assert_eq!(read.code(), '#');
    assert_eq!(read.to_record_text().unwrap(), podiag);
    assert_eq!(24 + podiag.len() + 1, 60);
}

// rule: imp:R-FMT-001
// rule: imp:R-FMT-005
// rule: imp:R-TXN-M
// rule: std:2
#[test]
fn modifications_are_read_in_all_printed_columns() {
    for (file, layout, expected) in [
        (
            &fixture!("q118947-modify-right.txt")[..],
            Layout::Columns,
            &[
                (
                    "Black, Fred (Folkstone)|PCM:NET/PO/FredB",
                    "Black, Fred {Folkstone}|PCM:NET/PO/FredB",
                ),
                (
                    "Brown, John (Lincoln)|PCM:NET/PO/JohnB",
                    "Brown, John {Lincoln}|PCM:NET/PO/JohnB",
                ),
            ][..],
        ),
        (
            fixture!("q117260-snads-modify.txt"),
            Layout::Loose,
            &[
                (
                    "User Number 12|SNADS:snadsgate/snadsdgn/user12",
                    "Used to be Number 12|SNADS:snadsgate/snadsdgn/user12",
                ),
                (
                    "Fser Number 3|SNADS:snadsgate/snadsdgn/user3",
                    "Used to be Number 3|SNADS:snadsgate/snadsdgn/user3",
                ),
            ],
        ),
        (
            fixture!("q117259-mailbox-rename.txt"),
            Layout::Loose,
            &[(
                "BeforeAfter|PCM:net/po/before",
                "BeforeAfter|PCM:net/po/after",
            )],
        ),
        (
            fixture!("q117198-snads-modify.txt"),
            Layout::Loose,
            &[
                (
                    "Doe, John D|SNADS:SNADSGATE/SNADSDGN/JOHNDOE",
                    "Doe, John D|SNADS:SNADSGATE/SNADSDGN/JOHNDOE",
                ),
                (
                    "Doe, Jane B|SNADS:SNADSGATE/SNADSDGN/JANEDOE",
                    "Doe, Jane B|SNADS:SNADSGATE/SNADSDGN/JANEDOE",
                ),
            ],
        ),
        (
            fixture!("q132681-rename.txt"),
            Layout::Columns,
            &[
                ("one2|PCM:NET1/PO1/one2", "PO1 User 2|PCM:NET1/PO1/one2"),
                ("one3|PCM:NET1/PO1/one3", "PO1 User 3|PCM:NET1/PO1/one3"),
                ("one4|PCM:NET1/PO1/one4", "PO1 User 4|PCM:NET1/PO1/one4"),
            ],
        ),
        (
            fixture!("q151782-long-tab.txt"),
            Layout::Tab,
            &[(
                "Katie Jordan|PCM:TOON/TOWN/KJORDAN",
                "Katie Jordan|PCM:TOON/TOWN/KJORDAN",
            )],
        ),
    ] {
        let found = parsed(file);
        let shown: Vec<_> = found
            .iter()
            .map(|read| match &read.transaction {
                Transaction::Modify {
                    old,
                    new: Some(new),
                    ..
                } => (show(old), show(new)),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        assert_eq!(shown, expected);
        assert!(found.iter().all(|read| read.layout == layout), "{found:?}");
    }
}

// rule: imp:R-TXN-M1
// rule: dsp:R-TXN-002
#[test]
fn a_modification_without_second_line_changes_the_information_alone() {
    let lion = parsed(fixture!("q159308-leopard-lion.txt"));
    let Transaction::Modify {
        old,
        new: None,
        info,
        ..
    } = &lion[3].transaction
    else {
        panic!("{lion:?}");
    };
    assert_eq!(show(old), "Lion, Leo|SNADS:NET/PO/LIONLEO");
    assert_eq!(info.len(), 3);
    // The writer repeats the line, which the agents need.
    let text = lion[3].transaction.to_record_text().unwrap();
    assert_eq!(
        text,
        b"M Lion, Leo\tSNADS:NET/PO/LIONLEO\r\n  Lion, Leo\tSNADS:NET/PO/LIONLEO\r\n\
          - Internal Mail Code:/1\r\n- Department:/2\r\n- Division:/Testing"
    );
    let short = parsed(fixture!("q151782-short-tab.txt"));
    assert_eq!(short[0].transaction.info()[0].data(), b" Trey Research #86");
    assert_eq!(
        parsed(fixture!("q127918-good.txt"))[0]
            .transaction
            .info()
            .len(),
        3
    );
    assert_eq!(
        parsed(fixture!("q152424-good.txt"))[0]
            .transaction
            .info()
            .len(),
        3
    );
    assert_eq!(parsed(fixture!("q167247-attributes.txt")).len(), 2);
    let wrong = parsed(fixture!("q118947-modify-wrong.txt"));
    assert!(
        wrong
            .iter()
            .all(|read| matches!(read.transaction, Transaction::Modify { new: None, .. }))
    );
}

// rule: imp:R-TXN-T
// rule: imp:R-FMT-008
#[test]
fn templates_and_their_users() {
    let file = parsed(fixture!("q118447-snads-aligned.txt"));
    let Transaction::Template { scope, fields } = &file[0].transaction else {
        panic!("{file:?}");
    };
    assert_eq!(scope.to_string(), "SNADS:SNADSGATE/SNADSDGN");
    assert_eq!(fields.len(), 7);
    assert_eq!(fields[6].text(), b"City/ST/Zip:~15~40~A~~");
    assert_eq!(
        show(file[2].transaction.entry().unwrap()),
        "Doe, Jane B.|SNADS:SNADSGATE/SNADSDGN/JANEDOE"
    );
    let info = file[2].transaction.info();
    assert_eq!(info[5].prompt(), b"City/ST/Zip:");
    assert_eq!(info[5].data(), b"Any City, Any State, 12345");
    assert_eq!(
        parsed(fixture!("q126611-profs-template-col2.txt"))[0]
            .transaction
            .code(),
        'T'
    );
    // The placeholder node of Q104281 is too long for an address; its users stand in column 35.
    let found = split(fixture!("q104281-combined.txt"));
    assert_eq!(
        Transaction::parse(&found[0].1).unwrap_err().fault,
        Fault::ElementTooLong
    );
    let mike = Transaction::parse_with(&found[1].1, Reading::Lenient).unwrap();
    assert_eq!(mike.layout, Layout::Loose);
    assert_eq!(
        show(mike.transaction.entry().unwrap()),
        "Mike Sterns|PROFS:PSSGATE/MSVM6/MSTERNS"
    );
}

// rule: imp:R-FMT-012a
#[test]
fn extra_carriage_returns_are_swallowed() {
    let raw = parsed(fixture!("q159294-extra-cr-raw.txt"));
    let tab = parsed(fixture!("q159294-extra-cr-tab.txt"));
    assert_eq!(raw, tab);
    assert_eq!(raw.len(), 3);
    assert_eq!(
        show(raw[2].transaction.entry().unwrap()),
        "Stephanie Conroy|PCM:ABC/NYC/SCONROY"
    );
}

// rule: imp:R-FMT-001
// rule: imp:R-FMT-009
#[test]
fn lists_of_import_are_read_strictly_and_written_alike() {
    for file in [
        &fixture!("q132681-export.txt")[..],
        fixture!("q99419-grpusers-dat.txt"),
        fixture!("rule-ok-alias-30.txt"),
    ] {
        for (_, text) in split(file) {
            let read = Transaction::parse_with(&text, Reading::Strict).unwrap();
            assert_eq!(read.layout, Layout::Columns);
            assert_eq!(
                read.transaction.lines(Form::Columns, TypeCase::Upper),
                [text]
            );
        }
    }
    let default = parsed(fixture!("rule-ok-default-type.txt"));
    assert_eq!(
        show(default[0].transaction.entry().unwrap()),
        "Some Name|PCM:NET/PO/SOME"
    );
    let delete = split(fixture!("q131151-delete.txt"));
    assert_eq!(
        show(Transaction::parse(&delete[0].1).unwrap().entry().unwrap()),
        "User1 alias|PCM:NET1/PO1/USER1"
    );
    assert_eq!(
        Transaction::parse_with(&delete[0].1, Reading::Strict)
            .unwrap_err()
            .fault
            .number(),
        72
    );
}

// rule: imp:R-FMT-005
// rule: imp:R-FMT-006
#[test]
fn transactions_quoted_in_events_are_read_loosely() {
    let shown: Vec<_> = parsed(fixture!("events-transactions.txt"))
        .iter()
        .map(|read| {
            assert_eq!(read.layout, Layout::Loose);
            assert_eq!(read.transaction.check(), Ok(()));
            show(read.transaction.entry().unwrap())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "User02, MacGroovy@GroovyMac|MSMAIL:User02, MacGroovy@GroovyMac",
            "MUELLER URS / F (CHNET)|X400:/C=CH/A=400NET/P=ABB/O=ABB/OU=CHNET/G=URS / F/S=MUELLER",
            "X121 test without a dot|X400:c=gb;a=admd;p=prmd;x121=1234567890;",
        ]
    );
}

// rule: imp:R-FMT-003
// rule: imp:R-FMT-010
#[test]
fn faults_of_the_rule_files_have_their_numbers() {
    let fault = |file: &[u8]| -> Vec<(u32, u16)> {
        split(file)
            .iter()
            .filter_map(|(first, text)| {
                let line = u32::try_from(*first).unwrap();
                match Transaction::parse_with(text, Reading::Strict) {
                    Err(error) => Some((line + error.line - 1, error.fault.number())),
                    Ok(read) => read.transaction.check().err().map(|f| (line, f.number())),
                }
            })
            .collect()
    };
    for (file, expected) in [
        (&fixture!("rule-12-column-1.txt")[..], &[(1, 12)][..]),
        (fixture!("rule-15-fax-phone-chars.txt"), &[(1, 15)]),
        (fixture!("rule-16-unknown-type.txt"), &[(1, 16)]),
        (fixture!("rule-17-node.txt"), &[(1, 17)]),
        (fixture!("rule-18-fullname.txt"), &[(1, 18)]),
        (fixture!("rule-19-physical.txt"), &[(1, 19)]),
        (fixture!("rule-20-element.txt"), &[(1, 20)]),
        (fixture!("rule-22-slash.txt"), &[(2, 22)]),
        // The vector names the template line, `check` the transaction.
        (fixture!("rule-24-template-type.txt"), &[(1, 24)]),
        (fixture!("rule-69-network-chars.txt"), &[(1, 69)]),
        (fixture!("rule-71-mailbox-chars.txt"), &[(1, 71)]),
        (fixture!("rule-72-fullname-31.txt"), &[(1, 72)]),
        (fixture!("rule-72-fullname-col4.txt"), &[(1, 72)]),
        (fixture!("rule-72-type-before-34.txt"), &[(1, 72)]),
        (fixture!("rule-74-fax-recipient.txt"), &[(1, 74)]),
        (fixture!("rule-77-fax-phone.txt"), &[(1, 77)]),
        (fixture!("q127918-bad.txt"), &[(1, 72)]),
        (fixture!("q152424-bad.txt"), &[(1, 72)]),
        (fixture!("q156729-x400-bad-tab.txt"), &[(1, 26)]),
        (fixture!("q156729-x400-good-tab.txt"), &[]),
    ] {
        assert_eq!(fault(file), expected, "{}", String::from_utf8_lossy(file));
    }
}

// rule: dsp:R-TXN-011
// rule: dsp:R-TYP-002
// rule: dec:DEC-024
#[test]
fn types_are_written_in_either_case_and_read_in_both() {
    let text = b"R PCM:Exchnet/Exchpo";
    let transaction = Transaction::parse(text).unwrap();
    assert_eq!(transaction.to_record_text().unwrap(), text);
    let lower = transaction.lines(Form::Tab, TypeCase::Lower);
    assert_eq!(lower, [b"R pcm:Exchnet/Exchpo".to_vec()]);
    assert_eq!(Transaction::parse(&lower[0]), Ok(transaction));
    let add = Transaction::parse(b"A x\tsmtp:x@y").unwrap();
    assert_eq!(add.to_record_text().unwrap(), b"A x\tSMTP:x@y");
}

// rule: dsp:R-TPL-003
// rule: tra:R-GWY-004
#[test]
fn only_addresses_of_three_parts_have_templates() {
    let info = "\r\n- Phone:/555";
    for kind in AddressType::ALL {
        let name = kind.name();
        let address = match kind {
            _ if kind.is_three_part() => format!("{name}:NET/PO/x"),
            AddressType::Smtp => "SMTP:x@example.com".to_owned(),
            _ => continue,
        };
        let add = Transaction::parse(format!("A x\t{address}{info}").as_bytes()).unwrap();
        let expected = if kind.is_three_part() {
            Ok(())
        } else {
            Err(Fault::TemplateNotAllowed)
        };
        assert_eq!(add.check(), expected, "{name}");
    }
    // The free forms of Q96001 have none, whatever their addresses look like.
    for name in ["MCI", "X400", "SMTP", "MHS", "MSMAIL", "FAX"] {
        let kind = AddressType::ALL
            .into_iter()
            .find(|kind| kind.name() == name);
        assert!(!kind.unwrap().is_three_part(), "{name}");
        let template = format!("T {name}:\r\n Phone:~10~8~NP~~");
        let transaction = Transaction::parse(template.as_bytes()).unwrap();
        assert_eq!(
            transaction.check(),
            Err(Fault::TemplateNotAllowed),
            "{name}"
        );
    }
}

// rule: dec:DEC-017
#[test]
fn entries_match_without_case_in_alias_and_address() {
    let entry = |text: &str| {
        Transaction::parse(text.as_bytes())
            .unwrap()
            .entry()
            .unwrap()
            .clone()
    };
    let paul = entry("A Paul\tPCM:NET/PO/paul");
    assert!(paul.matches(&entry("D PAUL\tcsi:net/po/Paul")));
    assert!(!paul.matches(&entry("D Paul\tPCM:NET/PO/paula")));
    assert!(!paul.matches(&entry("D Paula\tPCM:NET/PO/paul")));
}

// rule: imp:R-TXN-M6
// rule: dsp:R-TXN-008
#[test]
fn malformed_records_are_refused_line_by_line() {
    for (text, line, number) in [
        ("", 1, 47),
        ("\r\n", 1, 47),
        ("D A\tPCM:N/P/A\r\n- x:/y", 2, 47),
        ("M A\tPCM:N/P/A\r\n- x:/y\r\n  B\tPCM:N/P/B", 3, 47),
        ("M A\tPCM:N/P/A\r\n  B\tPCM:N/P/B\r\n  C\tPCM:N/P/C", 3, 47),
        ("A A\tPCM:N/P/A\r\nA B\tPCM:N/P/B", 2, 12),
        ("A A\tPCM:N/P/A\0", 1, 47),
        ("Axel\tPCM:N/P/A", 1, 23),
        ("A \tPCM:N/P/A", 1, 46),
        ("A", 1, 18),
        ("R", 1, 18),
        ("Rpcm:Exchnet/Exchpo", 1, 23),
    ] {
        let fault = Transaction::parse(text.as_bytes()).unwrap_err();
        assert_eq!(
            (fault.line, fault.fault.number()),
            (line, number),
            "{text:?}"
        );
    }
    let huge = Transaction::Add {
        entry: Entry {
            alias: FullName::new(b"A").unwrap(),
            address: "PCM:N/P/A".parse().unwrap(),
        },
        info: vec![
            Info::new(b"P:", &[b'x'; 65_000]).unwrap(),
            Info::new(b"P:", &[b'x'; 600]).unwrap(),
        ],
        options: vec![],
    };
    assert!(huge.to_record_text().is_err());
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (proptest::collection::vec(0x21u8.., 1..=30), any_address()).prop_map(|(alias, address)| {
        Entry {
            alias: FullName::new(&alias).unwrap(),
            address,
        }
    })
}

fn any_info() -> impl Strategy<Value = Vec<Info>> {
    proptest::collection::vec(
        ("[A-Z][A-Za-z:/ ]{0,12}", "([ -.0-~][ -~]{0,12})?")
            .prop_map(|(prompt, data)| Info::new(prompt.as_bytes(), data.as_bytes()).unwrap()),
        0..4,
    )
}

fn any_options() -> impl Strategy<Value = Vec<UserOption>> {
    proptest::collection::vec(
        ("[a-z]{1,8}", "[ -~]{0,8}")
            .prop_map(|(t, v)| UserOption::new(t.as_bytes(), v.as_bytes()).unwrap()),
        0..3,
    )
}

pub(crate) fn any_transaction() -> impl Strategy<Value = Transaction> {
    prop_oneof![
        (any_entry(), any_info(), any_options()).prop_map(|(entry, info, options)| {
            Transaction::Add {
                entry,
                info,
                options,
            }
        }),
        any_entry().prop_map(|entry| Transaction::Delete { entry }),
        (any_entry(), any_entry(), any_info(), any_options()).prop_map(
            |(old, new, info, options)| {
                Transaction::Modify {
                    old,
                    new: Some(new),
                    info,
                    options,
                }
            }
        ),
        any_entry().prop_map(|entry| Transaction::Replace {
            scope: entry.address.scope()
        }),
        (any_entry(), proptest::collection::vec("[ -~]{1,20}", 0..4)).prop_map(
            |(entry, fields)| {
                Transaction::Template {
                    scope: entry.address.scope(),
                    fields: fields
                        .iter()
                        .map(|f| TemplateLine::new(f.as_bytes()).unwrap())
                        .collect(),
                }
            }
        ),
        "#[ -~]{0,30}"
            .prop_map(|text| Transaction::Comment(Comment::new(text.as_bytes()).unwrap())),
    ]
}

proptest! {
    // rule: dec:DEC-013
    #[test]
    fn records_round_trip(transaction in any_transaction()) {
        let text = transaction.to_record_text().unwrap();
        let read = Transaction::parse_with(&text, Reading::Strict).unwrap();
        prop_assert_eq!(&read.transaction, &transaction);
        prop_assert_eq!(read.layout, Layout::Tab);
        prop_assert_eq!(read.transaction.to_record_text().unwrap(), text);
    }

    // rule: dec:DEC-014
    #[test]
    fn column_lines_round_trip(transaction in any_transaction(), lower: bool) {
        let case = if lower { TypeCase::Lower } else { TypeCase::Upper };
        let text = transaction.lines(Form::Columns, case).join(&b"\n"[..]);
        let read = Transaction::parse_with(&text, Reading::Strict).unwrap();
        prop_assert_eq!(read.transaction, transaction);
    }

    // rule: imp:R-TXN-M6
    #[test]
    fn arbitrary_texts_never_panic(bytes: Vec<u8>, almost in "[ADMRT#] ?[A-Z /:\t]{0,40}(\r?\n[ &-]{0,2}[A-Z=/:\t ]{0,40}){0,3}") {
        for text in [&bytes[..], almost.as_bytes()] {
            for reading in [Reading::Strict, Reading::Lenient] {
                if let Ok(read) = Transaction::parse_with(text, reading) {
                    let _ = read.transaction.check();
                    if !read.transaction.info().iter().any(|info| info.data().first() == Some(&b'/')) {
                        let canonical = read.transaction.to_record_text().unwrap();
                        let again = Transaction::parse(&canonical).unwrap();
                        prop_assert_eq!(again.to_record_text().unwrap(), canonical);
                    }
                }
            }
        }
    }
}
