//! The published files against what the tables beside them say, faults with line and column, and
//! properties.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::base::address::TypeCase;
use crate::base::transaction::{Form, Info, MAX_TEXT_BYTES};

mod vectors;

/// Everything in a file, fed in pieces of `piece` bytes.
fn read_in(file: &[u8], options: ImportOptions, piece: usize) -> (Vec<Item>, Tally) {
    let mut items = Vec::new();
    let mut reader = ImportReader::new(options);
    for bytes in file.chunks(piece.max(1)) {
        reader.feed(bytes, &mut |item| items.push(item));
    }
    let tally = reader.finish(&mut |item| items.push(item));
    (items, tally)
}

fn strict() -> ImportOptions {
    ImportOptions {
        reading: Reading::Strict,
        ..ImportOptions::default()
    }
}

fn read(file: &[u8], options: ImportOptions) -> Vec<Item> {
    read_in(file, options, file.len()).0
}

/// (line, column, number) of the faults.
fn faults(items: &[Item]) -> Vec<(u64, u32, u16)> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Fault(fault) => Some((fault.line, fault.column, fault.fault.number())),
            _ => None,
        })
        .collect()
}

/// First lines of the transactions.
fn accepted(items: &[Item]) -> Vec<u64> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Transaction(placed) => Some(placed.line),
            _ => None,
        })
        .collect()
}

fn notes(items: &[Item]) -> Vec<(u64, u32)> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Note(note) => Some((note.line, note.column)),
            _ => None,
        })
        .collect()
}

// rule: imp:R-FMT-011
// rule: imp:R-IMP-045
// rule: imp:R-FMT-010
// rule: imp:OQ-9
// rule: tra:NEED-03
#[test]
fn every_fault_of_a_file_is_found_with_line_and_column() {
    let column_form = |alias: &str, address: &str| format!("A {alias:<30} {address}\n");
    for (line, expected) in [
        ("X bad line\n".to_owned(), (1, 12)),
        ("AMissing blank\n".to_owned(), (2, 23)),
        ("A\n".to_owned(), (2, 18)),
        ("A Nobody\n".to_owned(), (9, 18)),
        (column_form("Some", "PCM:NET"), (41, 17)),
        (column_form("Some", "PCM:NET/PO"), (44, 19)),
        (column_form("Some", "PCM:NET//BOX"), (42, 17)),
        (column_form("Some", "PCM:NET/PO/"), (45, 81)),
        (column_form("Some", "PCM:ELEVENCHARS/PO/X"), (48, 20)),
        (column_form("Some", "PCM:NET/PO/ELEVENCHARS"), (55, 20)),
        (column_form("Some", "XYZ:NET/PO/X"), (34, 16)),
        (column_form("Some", "PCM:N-T/PO/X"), (39, 69)),
        (column_form("Some", "PCM:NET/P O/X"), (43, 70)),
        (column_form("Some", "PCM:NET/PO/X.Y"), (46, 71)),
        (column_form("Some", "PCM:"), (38, 48)),
        (column_form("Some", "PCM:Fax/PO/X"), (38, 64)),
        (column_form("Some", "SMTP:"), (39, 48)),
        (column_form("Some", "FAX:Rec~Loc~Comp~(555)"), (51, 15)),
        (column_form("Some", "FAX:only~three~parts"), (38, 26)),
        (
            column_form("Some", &format!("FAX:{}~b~c~1", "x".repeat(31))),
            (68, 74),
        ),
        (
            column_form("Some", &format!("FAX:a~{}~c~1", "x".repeat(31))),
            (70, 75),
        ),
        (
            column_form("Some", &format!("FAX:a~b~{}~1", "x".repeat(31))),
            (72, 76),
        ),
        (
            column_form("Some", &format!("FAX:a~b~c~{}", "5".repeat(23))),
            (66, 77),
        ),
        (
            column_form("Some", &format!("SMTP:{}", "x".repeat(256))),
            (294, 25),
        ),
        (column_form("Some", "X400:C=US'A=ATTMAIL;S=Bad"), (39, 26)),
        (
            "A 1234567890123456789012345678901\tPCM:NET/PO/X\n".to_owned(),
            (33, 72),
        ),
        ("A \tPCM:NET/PO/X\n".to_owned(), (3, 46)),
        ("M George Jones\n".to_owned(), (15, 72)),
        ("R SNADS:GATE\n".to_owned(), (13, 17)),
        ("T SMTP:\n".to_owned(), (8, 24)),
        ("RPCM:NET/PO\n".to_owned(), (2, 23)),
        ("- Phone:/1\n".to_owned(), (1, 13)),
        ("& access=1\n".to_owned(), (1, 13)),
        ("A a\tPCM:NET/PO/X\0\n".to_owned(), (17, 21)),
        ("A a\tPCM:NET/\rPO/X\n".to_owned(), (13, 21)),
        ("T PCM:NET/PO\n\nA ok\tPCM:NET/PO/OK\n".to_owned(), (1, 47)),
    ] {
        // A valid line before and behind is taken whatever stands between.
        let file = format!("A First\tPCM:NET/PO/FIRST\n{line}A Last\tPCM:NET/PO/LAST\n");
        let items = read(file.as_bytes(), strict());
        let alone = line.starts_with(['-', '&']);
        let expected = if alone {
            // It belongs to the transaction before it there.
            let items = read(line.as_bytes(), strict());
            assert_eq!(faults(&items), [(1, expected.0, expected.1)], "{line}");
            continue;
        } else {
            [(2, expected.0, expected.1)]
        };
        assert_eq!(faults(&items), expected, "{line}");
        let accepted = accepted(&items);
        let last = file.lines().count() as u64;
        assert_eq!((accepted.first(), accepted.last()), (Some(&1), Some(&last)));
    }
    // All of them at once.
    let file = b"X\nA a\tXYZ:b\nD\n- lost:/line\n\nR PCM:\n Q\nA ok\tPCM:N/P/X\n";
    let found = faults(&read(file, strict()));
    assert_eq!(found, [(1, 1, 12), (2, 5, 16), (3, 2, 18), (6, 7, 17)]);
}

// rule: imp:R-FMT-020
// rule: imp:R-ADR-002
#[test]
fn lines_that_follow_spoil_their_transaction_alone() {
    let file = b"A a\tPCM:N/P/A\n- Phone:/1\n- no slash\n- also none\n\
        A b\tSMTP:b@c\n- Phone:/1\n- Fax:/2\n&x=1\n\
        A c\tPCM:N/P/C\n&access\n\
        A d\tSNADS:G/D/D\n&access=1\n\
        D e\tPCM:N/P/E\n- Phone:/1\n\
        M f\tPCM:N/P/F\n  g\tPCM:N/P/eleven_chars\n\
        M h\tPCM:N/P/H\n  i\tPCM:N/P/I\n  j\tPCM:N/P/J\n\
        A z\tPCM:N/P/Z\n- Phone:/1\n";
    let items = read(file, strict());
    assert_eq!(
        faults(&items),
        [
            (3, 11, 22),
            (4, 12, 22),
            (6, 1, 24),
            (8, 1, 82),
            (10, 1, 88),
            (12, 1, 82),
            (14, 1, 47),
            (16, 23, 20),
            (19, 1, 47),
        ]
    );
    assert_eq!(accepted(&items), [20]);
}

// rule: imp:R-ADR-002
#[test]
fn template_data_of_a_modification_is_that_of_the_new_entry() {
    // Found by the fuzzer: reader and check did not agree.
    let file = b"M a\tX400:c=US;s=A\n  a\tSNADS:G/D/A\n- Phone:/1\nM b\tSNADS:G/D/B\n  b\tX400:c=US;s=B\n- Phone:/1\n";
    let items = read(file, strict());
    assert_eq!(accepted(&items), [1]);
    assert_eq!(faults(&items), [(6, 1, 24)]);
    for item in &items {
        if let Item::Transaction(placed) = item {
            assert_eq!(placed.transaction.check(), Ok(()));
        }
    }
}

// rule: imp:R-FMT-009
// rule: imp:OQ-15
#[test]
fn comments_blank_lines_and_the_end_mark() {
    let file = b"# one\r\n\r\nA a\tPCM:N/P/A\r\r\n# inside\n\n- Phone:/1\n   \nT PCM:N/P\n P:~1~2~A~~\n# two\n Q:~1~2~A~~\n\n R:~1~2~A~~\nA b\tPCM:N/P/B\x1ATrash\nA c\tPCM:N/P/C\n";
    let (items, tally) = read_in(file, strict(), 7);
    assert_eq!(accepted(&items), [3, 8, 14]);
    let transactions: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Transaction(placed) => Some(&placed.transaction),
            _ => None,
        })
        .collect();
    assert_eq!(transactions[0].info().len(), 1);
    assert!(matches!(transactions[1], Transaction::Template { fields, .. } if fields.len() == 2));
    // The field behind the blank line belongs to nothing.
    assert_eq!(faults(&items), [(13, 1, 13)]);
    assert_eq!(tally.comments, 3);
    let Some(Item::Note(note)) = items.last() else {
        panic!("{items:?}");
    };
    assert_eq!(note.what, NoteKind::BehindEndMark(20));
}

// rule: imp:R-FMT-005
// rule: imp:R-FMT-006
// rule: imp:R-FMT-007
// rule: imp:R-FMT-008
// rule: imp:R-EXC-001
// rule: imp:TV-FILE-8
#[test]
fn loose_columns_are_taken_with_a_warning_unless_strict() {
    let file = b"D  User1 alias                  PCM:NET1/PO1/USER1\nA Doe, Jane B. SNADS: GATE/DGN/JANE\na small\tpcm:n/p/s\nA Some Name                      NET/PO/SOME\n";
    let items = read(file, ImportOptions::default());
    assert_eq!(accepted(&items), [1, 2, 3, 4]);
    assert_eq!(notes(&items), [(1, 33), (2, 16), (3, 1)]);
    let items = read(file, strict());
    assert_eq!(faults(&items), [(1, 33, 72), (2, 33, 72), (3, 1, 12)]);
    assert_eq!(accepted(&items), [4]);
}

// rule: imp:R-FMT-012
// rule: dec:DEC-097
#[test]
fn other_encodings_are_turned_into_code_page_850() {
    let name = |options, file: &[u8]| -> Vec<Result<Vec<u8>, (u32, u16)>> {
        read(file, options)
            .iter()
            .filter_map(|item| match item {
                Item::Transaction(placed) => Some(Ok(placed
                    .transaction
                    .entry()
                    .unwrap()
                    .alias
                    .text()
                    .to_vec())),
                Item::Fault(fault) => Some(Err((fault.column, fault.fault.number()))),
                Item::Note(_) => None,
            })
            .collect()
    };
    let utf8 = ImportOptions {
        encoding: "UTF-8".parse().unwrap(),
        ..strict()
    };
    let file = "\u{FEFF}A Jörg\tPCM:N/P/J\nA Joã中\tPCM:N/P/K\n".as_bytes();
    assert_eq!(name(utf8, file), [Ok(b"J\x94rg".to_vec()), Err((6, 21))]);
    let lossy = ImportOptions {
        lossy: true,
        ..utf8
    };
    assert_eq!(
        name(lossy, file),
        [Ok(b"J\x94rg".to_vec()), Ok(b"Jo\xC6?".to_vec())]
    );
    assert_eq!(name(utf8, b"A Ja\xFF\tPCM:N/P/J\n"), [Err((5, 21))]);
    // 9Bh is the cent sign in 437 and o with a stroke in 850, BDh there the cent sign.
    let old = ImportOptions {
        encoding: "cp437".parse().unwrap(),
        ..strict()
    };
    assert_eq!(name(old, b"A \x9B\tPCM:N/P/J\n"), [Ok(vec![0xBD])]);
    assert_eq!(name(strict(), b"A \x9B\tPCM:N/P/J\n"), [Ok(vec![0x9B])]);
}

// Bad input never allocates what it claims (design, section 4).
#[test]
fn overlong_lines_and_transactions_are_cut_off_and_the_next_line_is_read() {
    let mut file = b"A ".to_vec();
    file.resize(3_000_000, b'x');
    file.extend_from_slice(b"\nA ok\tPCM:N/P/OK\n");
    let (items, tally) = read_in(&file, strict(), 4096);
    assert_eq!(faults(&items), [(1, 65_535, 21)]);
    assert_eq!(accepted(&items), [2]);
    assert_eq!(tally.lines, 2);
    // A transaction of a hundred thousand lines is one fault.
    let mut file = b"A ok\tPCM:N/P/OK\n".to_vec();
    for _ in 0..100_000 {
        file.extend_from_slice(b"- Phone:/1234567890\n");
    }
    file.extend_from_slice(b"A ok\tPCM:N/P/OK\n");
    let (items, tally) = read_in(&file, strict(), 65_536);
    assert_eq!(items.len(), 2);
    assert_eq!(
        (tally.faults, tally.left_out, tally.transactions),
        (1, 1, 1)
    );
}

// rule: imp:R-TPL-003
#[test]
fn templates_have_up_to_256_fields() {
    let template = |fields: usize| {
        let mut file = b"T PCM:NET/PO\n".to_vec();
        for field in 0..fields {
            file.extend_from_slice(format!(" Prompt {field}:~20~40~A~~\n").as_bytes());
        }
        faults(&read(&file, strict()))
    };
    assert_eq!(template(256), []);
    assert_eq!(template(257), [(258, 2, 38)]);
    let bad = b"T PCM:NET/PO\n Prompt:~x~40~A~~\n Good:~1~40~A~~\n No tildes\n";
    assert_eq!(faults(&read(bad, strict())), [(2, 2, 38), (4, 2, 38)]);
}

// rule: imp:R-TXN-A
// rule: imp:OQ-11
// rule: imp:TV-FILE-15
#[test]
fn an_alias_has_one_address_in_one_list_of_a_file() {
    let number = |file: &str| -> Vec<(u64, u16)> {
        let mut consistency = Consistency::new();
        let mut found = Vec::new();
        for item in read(file.as_bytes(), strict()) {
            if let Item::Transaction(placed) = item {
                for one in consistency.see(&placed.transaction) {
                    found.push((placed.line, one.number()));
                }
            }
        }
        found
    };
    // Q146676, and the same alias on another list.
    assert_eq!(
        number("A Bob\tPCM:N/P/B\nA Bob\tPCM:N/Q/B\nA bob\tPCM:N/P/C\nA BOB\tPCM:N/P/b\n"),
        [(3, 28)]
    );
    // Names that somebody cut to 30 characters (Q91648).
    let cut = "A Network Manager@MSMail Server \tMSMAIL:Network Manager@04455\n";
    let three = [
        cut,
        &cut.replace("04455", "09876"),
        &cut.replace("04455", "9656867"),
    ]
    .concat();
    assert_eq!(number(&three), [(2, 28), (3, 28)]);
    // Deleted, renamed and emptied in between.
    assert_eq!(
        number("A a\tPCM:N/P/A\nD a\tPCM:N/P/A\nA a\tPCM:N/P/B\nR PCM:N/P\nA a\tPCM:N/P/C\n"),
        []
    );
    assert_eq!(
        number("A a\tPCM:N/P/A\nM a\tPCM:N/P/A\n  b\tPCM:N/P/A\nA a\tPCM:N/P/B\nA b\tPCM:N/P/C\n"),
        [(5, 28)]
    );
    assert_eq!(
        number(
            "T PCM:N/P\n Phone:~1~9~N~~\nA a\tPCM:N/P/A\n- Phone:/1\n- Fax:/2\nA b\tPCM:N/Q/A\n- Fax:/2\n"
        ),
        [(3, 37)]
    );
}

fn any_file() -> impl Strategy<Value = Vec<Transaction>> {
    let without_slash = |transaction: &Transaction| {
        // DEC-016 has no spelling for data that begins with a slash.
        transaction
            .info()
            .iter()
            .all(|info| info.data().first() != Some(&b'/'))
    };
    let good = crate::base::transaction::tests::any_transaction().prop_filter_map(
        "what an import refuses",
        move |transaction| {
            let empty = matches!(&transaction, Transaction::Template { fields, .. } if fields.iter().any(|f| crate::format::template::TemplateField::parse(f.text()).is_err()) || fields.is_empty());
            let own = |transaction: &Transaction| match transaction {
                Transaction::Add { entry, options, .. } => {
                    options.is_empty() || entry.address.kind() == crate::base::AddressType::Pcm
                }
                Transaction::Modify { old, new, options, .. } => {
                    options.is_empty()
                        || new.as_ref().unwrap_or(old).address.kind()
                            == crate::base::AddressType::Pcm
                }
                _ => true,
            };
            let info_fits = match &transaction {
                Transaction::Modify { old, new, info, .. } => {
                    info.is_empty()
                        || new.as_ref().unwrap_or(old).address.kind().is_three_part()
                }
                _ => true,
            };
            (transaction.check().is_ok()
                && !matches!(transaction, Transaction::Comment(_))
                && !empty
                && own(&transaction)
                && info_fits
                && without_slash(&transaction))
            .then_some(transaction)
        },
    );
    proptest::collection::vec(good, 0..12)
}

fn written(transactions: &[Transaction], form: Form, case: TypeCase, end: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    for transaction in transactions {
        for line in transaction.lines(form, case) {
            file.extend_from_slice(&line);
            file.extend_from_slice(end);
        }
    }
    file
}

proptest! {
    // rule: imp:R-FMT-001
    // rule: imp:R-FMT-012a
    // rule: imp:R-FMT-021
    // rule: imp:R-FMT-022
    #[test]
    fn what_is_written_is_read_again_in_either_form(
        transactions in any_file(),
        columns: bool,
        lower: bool,
        crs in 0usize..3,
        piece in 1usize..200,
    ) {
        let form = if columns { Form::Columns } else { Form::Tab };
        let case = if lower { TypeCase::Lower } else { TypeCase::Upper };
        let end = [vec![b'\r'; crs], b"\n".to_vec()].concat();
        let file = written(&transactions, form, case, &end);
        let (items, tally) = read_in(&file, strict(), piece);
        let read: Vec<&Transaction> = items
            .iter()
            .filter_map(|item| match item {
                Item::Transaction(placed) => Some(&placed.transaction),
                _ => None,
            })
            .collect();
        prop_assert_eq!(tally.faults, 0, "{:?} of {}", items, String::from_utf8_lossy(&file));
        prop_assert_eq!(read.len(), transactions.len());
        for (read, meant) in read.iter().zip(&transactions) {
            // A writer repeats the first line of an M that has no second.
            prop_assert_eq!(read.lines(form, case), meant.lines(form, case));
        }
    }

    // rule: imp:R-FMT-011
    #[test]
    fn arbitrary_bytes_are_read_alike_in_any_pieces(
        almost in "([ADMRTX#&-]?[ \t]?[A-Za-z /:~.=\t]{0,40}(PCM:N/P/X)?\r{0,2}\n?){0,12}",
        bytes: Vec<u8>,
        piece in 1usize..64,
        lenient: bool,
    ) {
        for file in [almost.as_bytes(), &bytes] {
            let options = if lenient { ImportOptions::default() } else { strict() };
            let (items, tally) = read_in(file, options, piece);
            prop_assert_eq!(&items, &read(file, options));
            for item in &items {
                if let Item::Fault(fault) = item {
                    prop_assert!(fault.column >= 1 && fault.line >= 1 && fault.line <= tally.lines);
                    let line = file[usize::try_from(fault.offset).unwrap()..]
                        .split(|&byte| byte == b'\n').next().unwrap();
                    prop_assert!(fault.column as usize <= line.len() + 1, "{:?} in {:?}", fault, line);
                }
            }
        }
    }
}

// Records and files hold the same texts.
#[test]
fn a_line_fits_a_record() {
    assert_eq!(LINE_MAX_BYTES, MAX_TEXT_BYTES);
    assert!(Info::new(b"Phone:", b"1").is_ok());
}
