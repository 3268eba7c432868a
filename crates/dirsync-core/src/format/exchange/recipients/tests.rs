//! Recipients as CSV: the published forms, and properties.

use proptest::prelude::*;

use super::*;

fn all(text: &str) -> Vec<Result<(Mode, Recipient), RecipientError>> {
    RecipientReader::new(text.as_bytes()).unwrap().collect()
}

// rule: exc:R-OBJ-030
#[test]
fn the_published_columns_are_read_and_further_ones_kept() {
    // Header and row of Q155594, with the columns of Q146304 and a hidden $SYSTEM recipient.
    let text = "Obj-Class,Mode,First Name,Display Name,Alias Name,Directory Name,E-mail Address,\
        E-mail Addresses,Hide from AB,Trust-Level\r\n\
        Remote,,User,User1,User1,User1,SMTP:User1@org.com,SMTP:a@org2.com%SMTP:b@org3.com,,\r\n\
        remote,Create,,NET/PO,,MS:NET/PO/$SYSTEM,MS:NET/PO/$SYSTEM,,1,100\r\n\
        Mailbox,delete,,,,Gone\r\n";
    let rows: Vec<_> = all(text).into_iter().map(Result::unwrap).collect();
    let (mode, user) = &rows[0];
    assert_eq!((*mode, user.class), (Mode::Update, RecipientClass::Custom));
    assert_eq!(user.address, "SMTP:User1@org.com");
    assert_eq!(user.proxies, ["SMTP:a@org2.com", "SMTP:b@org3.com"]);
    assert_eq!((user.trust, user.hidden), (DEFAULT_TRUST, false));
    assert_eq!(user.container, "Recipients");
    assert_eq!(user.other, [("First Name".to_owned(), "User".to_owned())]);
    let (mode, system) = &rows[1];
    assert_eq!(
        (*mode, system.hidden, system.trust),
        (Mode::Create, true, 100)
    );
    assert_eq!(rows[2].0, Mode::Delete);
}

#[test]
fn a_bad_row_is_told_with_its_line_and_the_others_are_read() {
    let text = "Obj-Class,Directory Name,Mode,Trust-Level,Hide from AB,E-mail address\n\
        Mailbox,A,,,,\nPrinter,B,,,,\nMailbox,,,,,\nMailbox,C,Move,,,\nMailbox,D,,101,,\n\
        Mailbox,E,,,yes,\nRemote,F,Create,,,nothing\nMailbox,G,,,,,,\nMailbox,H,,,,\n";
    let mut lines = Vec::new();
    let mut names = Vec::new();
    for row in all(text) {
        match row {
            Ok((_, recipient)) => names.push(recipient.directory_name),
            Err(RecipientError::Row { line, .. }) => lines.push(line),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(names, ["A", "H"]);
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9]);
    for header in [
        "Mode,Obj-Class,Directory Name\n",
        "Obj-Class\n",
        "Obj-Class,Directory Name,MODE,mode\n",
    ] {
        assert!(RecipientReader::new(header.as_bytes()).is_err(), "{header}");
    }
    assert_eq!(all("").len(), 0);
}

// rule: exc:R-OBJ-010
#[test]
fn trust_decides_what_leaves() {
    let text = "Obj-Class,Directory Name,Trust-Level\nMailbox,A,20\nMailbox,B,100\n";
    let rows: Vec<_> = all(text).into_iter().map(|row| row.unwrap().1).collect();
    let leaves = |export| {
        rows.iter()
            .map(|r| r.may_be_exported(export))
            .collect::<Vec<_>>()
    };
    assert_eq!(leaves(19), [false, false]);
    assert_eq!(leaves(20), [true, false]);
    assert_eq!(leaves(99), [true, false]);
    assert_eq!(leaves(100), [false, false]);
}

fn any_recipient() -> impl Strategy<Value = Recipient> {
    let text = "[ -~ä€]{0,12}";
    (
        prop::sample::select(vec![
            RecipientClass::Mailbox,
            RecipientClass::Custom,
            RecipientClass::List,
        ]),
        "[!-~ä]{1,10}",
        [text, text, text, text, text],
        prop::collection::vec("[A-Z]{2}:[ -~]{1,9}", 0..4),
        any::<bool>(),
        0u8..=100,
        prop::option::of("[a-z]{1,5}"),
    )
        .prop_map(
            |(class, directory_name, texts, proxies, hidden, trust, phone)| {
                let [display_name, alias, container, address, imported_from] = texts;
                let container = if container.is_empty() {
                    DEFAULT_CONTAINER.into()
                } else {
                    container
                };
                let other = phone.map(|phone| ("Phone".to_owned(), phone));
                Recipient {
                    class,
                    directory_name,
                    display_name,
                    alias,
                    container,
                    address,
                    proxies,
                    hidden,
                    trust,
                    imported_from,
                    home_server: String::new(),
                    other: other.into_iter().collect(),
                }
            },
        )
}

proptest! {
    #[test]
    fn written_recipients_read_back(list in prop::collection::vec(any_recipient(), 0..6)) {
        let bytes = write(&list).unwrap();
        let reader = RecipientReader::new(&bytes[..]).unwrap();
        let read: Vec<Recipient> = reader.map(|row| row.unwrap().1).collect();
        prop_assert_eq!(read, list);
    }

    #[test]
    fn lists_of_values_read_back(values in prop::collection::vec("[a-c][a-c%]{0,4}", 0..5)) {
        prop_assert_eq!(split_values(&join_values(&values).unwrap()), values);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [b"Obj-Class,Directory Name\n".to_vec(), bytes].concat();
        // A source that goes on failing would not end; this one does.
        let rows = RecipientReader::new(&bytes[..]).unwrap().take(300).count();
        prop_assert!(rows < 300);
    }
}
