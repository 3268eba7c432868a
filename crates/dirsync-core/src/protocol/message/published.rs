//! The messages of foreign requestors that articles print, against the tables beside them.

use serde_json::Value;

use super::*;
use crate::base::{CodePage, Transaction};
use crate::format::body::{Carrier, Profile};

fn words(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("|"),
        Value::Number(number) => number.to_string(),
        other => other.as_str().unwrap().to_owned(),
    }
}

fn check_profile(text: &str, table: &Value) {
    let profile = Profile::parse(text.as_bytes()).unwrap();
    for (key, wanted) in table["profile"].as_object().unwrap() {
        let key = if key == "name" { "reqname" } else { key };
        let found = CodePage::Cp850.decode(profile.text(key));
        let digits = found.trim_start_matches('0');
        let found = if key == "srvseq" { digits } else { &found };
        assert_eq!(found, words(wanted), "{key}");
    }
}

fn check_entries(entries: &[TextEntry], table: &Value) {
    let rows = table["transactions"].as_array().unwrap();
    assert_eq!(entries.len(), rows.len());
    for (found, row) in entries.iter().zip(rows) {
        assert_eq!(u64::from(found.number), row["sync"].as_u64().unwrap());
        let transaction = Transaction::parse(&found.text).unwrap();
        // A missing code means A.
        let code = row["code"].as_str().unwrap_or("A");
        assert_eq!(transaction.code().to_string(), code);
        let entry = transaction.entry().unwrap();
        assert_eq!(entry.alias.to_string(), words(&row["alias"]));
        let address = format!("{}:{}", words(&row["type"]), words(&row["physical"]));
        assert_eq!(entry.address.to_string(), address);
        let none = Vec::new();
        let info = row
            .get("template_info")
            .map_or(&none, |info| info.as_array().unwrap());
        assert_eq!(transaction.info().len(), info.len());
        for (line, row) in transaction.info().iter().zip(info) {
            assert_eq!(CodePage::Cp850.decode(line.prompt()), words(&row[0]));
            assert_eq!(CodePage::Cp850.decode(line.data()), words(&row[1]));
        }
    }
}

macro_rules! vector {
    ($name:literal) => {
        (
            include_str!(concat!("../../../../../fixtures/import/", $name, ".txt")),
            serde_json::from_str::<Value>(include_str!(concat!(
                "../../../../../fixtures/import/",
                $name,
                ".json"
            )))
            .unwrap(),
        )
    };
}

// rule: imp:TV-FILE-17
// rule: dsp:TV-MSG-3
#[test]
fn an_export_carries_its_transactions_in_the_body() {
    let (text, table) = vector!("q106623-foreign-export");
    check_profile(text, &table);
    let Incoming::Request(request) = Incoming::read(text.as_bytes()) else {
        panic!("no request");
    };
    assert_eq!(
        (request.kind, request.carrier),
        (RequestKind::Export, Carrier::InBody)
    );
    let lines = Profile::parse(text.as_bytes())
        .unwrap()
        .transactions()
        .unwrap();
    let (entries, fault) = TextEntries::body().read_all(lines);
    assert_eq!(fault, None);
    check_entries(&entries, &table);
}

// rule: dsp:TV-MSG-2
#[test]
fn an_import_request_is_read_behind_the_heading_of_its_mail() {
    let (text, table) = vector!("q118298-foreign-importreq");
    // The heading is that of the mail as a client shows it, above a line of dashes.
    let dashes = "-".repeat(usize::try_from(table["separator_dashes"].as_u64().unwrap()).unwrap());
    let (heading, body) = text.split_once(&format!("{dashes}\n")).unwrap();
    assert!(matches!(
        Incoming::read(heading.as_bytes()),
        Incoming::Foreign
    ));
    check_profile(body, &table);
    let Incoming::Request(request) = Incoming::read(body.as_bytes()) else {
        panic!("no request");
    };
    assert_eq!(request.kind, RequestKind::Import);
    assert!(!request.templates);
}

// rule: imp:TV-FILE-17
// rule: dsp:TV-MSG-2
#[test]
fn a_reply_attachment_in_text_form_is_read() {
    let (text, table) = vector!("q118298-tmptrans-reply");
    let (entries, fault) = TextEntries::attachment().read_all(text.as_bytes());
    assert_eq!(fault, None);
    check_entries(&entries, &table);
}
