//! What a session sends: containers, names, template information, options that change.

use super::outbound::{Session, session};
use super::templates::Templates;
use super::tests::{custom, directory, identity, mailbox, out, registry, settings, texts};
use crate::core::base::Transaction;
use crate::core::format::exchange::agent_ini::PartySettings;
use crate::core::format::exchange::recipients::Recipient;

fn informed(all: &[Recipient], settings: &PartySettings, templates: &Templates) -> Session {
    let rules = (&registry(), templates);
    session(
        &directory(all),
        &[],
        &identity(),
        "EXCHNET/EXCHPO".parse().unwrap(),
        settings,
        rules,
    )
}

// rule: exc:R-OUT-002
#[test]
fn a_container_that_is_new_is_sent_whole() {
    let far = Recipient {
        container: "Far".into(),
        ..mailbox("Far One")
    };
    let all = directory(&[mailbox("Ann"), far]);
    let sent = out(&all, &[], &settings(), &registry());
    assert_eq!(texts(&sent), ["A Ann|PCM:EXCHNET/EXCHPO/Ann"]);
    let both = PartySettings {
        export_containers: vec!["Recipients".into(), "Far".into()],
        ..settings()
    };
    // Nothing of it has changed since; it was never sent.
    let more = out(&all, &sent.table, &both, &registry());
    assert_eq!(texts(&more), ["A Far One|PCM:EXCHNET/EXCHPO/FarOne"]);
}

// rule: exc:R-OBJ-012
// rule: exc:R-OBJ-013
#[test]
fn two_hundred_containers_all_leave() {
    let names: Vec<String> = (0..200).map(|n| format!("Container {n}")).collect();
    let all: Vec<Recipient> = names
        .iter()
        .enumerate()
        .map(|(n, container)| Recipient {
            container: container.clone(),
            ..mailbox(&format!("User {n}"))
        })
        .collect();
    let many = PartySettings {
        export_containers: names,
        ..settings()
    };
    let sent = out(&directory(&all), &[], &many, &registry());
    assert_eq!((sent.transactions.len(), sent.left_out.len()), (200, 0));
}

// rule: exc:R-OUT-009
#[test]
fn another_display_name_is_a_modify_and_no_second_entry() {
    let before = out(&directory(&[mailbox("Ann")]), &[], &settings(), &registry());
    let renamed = Recipient {
        display_name: "Ann Berg".into(),
        ..mailbox("Ann")
    };
    let after = out(
        &directory(&[renamed]),
        &before.table,
        &settings(),
        &registry(),
    );
    assert_eq!(
        texts(&after),
        ["M Ann|PCM:EXCHNET/EXCHPO/Ann >   Ann Berg|PCM:EXCHNET/EXCHPO/Ann"]
    );
    assert_eq!(after.table.len(), 1);
}

// rule: exc:O-12
#[test]
fn the_same_name_with_an_address_of_another_type_needs_no_suffix() {
    let second = Recipient {
        directory_name: "other".into(),
        ..custom("Bob Smith", "SMTP:bob@example.com")
    };
    let all = [custom("Bob Smith", "MS:NET1/PO1/BSMITH"), second];
    let mut per_postoffice = registry();
    per_postoffice.unique_display_names = false;
    let sent = out(&directory(&all), &[], &settings(), &per_postoffice);
    assert_eq!(
        texts(&sent),
        [
            "A Bob Smith|PCM:NET1/PO1/BSMITH",
            "A Bob Smith|SMTP:bob@example.com"
        ]
    );
}

// rule: exc:R-IN-072
// rule: exc:R-IN-075
#[test]
fn attributes_leave_as_template_information_with_an_export() {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let ann = Recipient {
        other: vec![
            pair("Department", "Ops"),
            pair("Initials", "AE"),
            pair("Office", ""),
        ],
        ..mailbox("Ann")
    };
    let templates = Templates {
        incoming: Vec::new(),
        outgoing: vec![
            pair("department", "Department:"),
            pair("Initials", "Initials"),
            pair("Office", "Room:"),
        ],
    };
    let all = [ann];
    let quiet = informed(&all, &settings(), &templates);
    assert_eq!(texts(&quiet), ["A Ann|PCM:EXCHNET/EXCHPO/Ann"]);
    let sending = PartySettings {
        templates: 2,
        export_now: true,
        ..settings()
    };
    let sent = informed(&all, &sending, &templates);
    let said: Vec<(String, String)> = sent
        .transactions
        .iter()
        .flat_map(Transaction::info)
        .map(|info| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(info.prompt()), text(info.data()))
        })
        .collect();
    assert_eq!(said, [pair("Department:", "Ops"), pair("Initials:", "AE")]);
}
