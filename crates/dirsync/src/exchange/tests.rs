//! The published vectors of the agent, on recipients without a disk, and settings on a small server.

use super::directory::{Directory, dirsync_address, distinguished_name, mailbox_from};
use super::inbound::{Applied, Source};
use super::outbound::{Session, may_leave, session};
use super::templates::Templates;
use crate::core::base::Transaction;
use crate::core::base::address::PoName;
use crate::core::format::exchange::agent_ini::{Identity, PartySettings};
use crate::core::format::exchange::recipients::{Recipient, RecipientClass};
use crate::core::format::exchange::registry::{DxSettings, RegistryFile};
use crate::core::format::exchange::xdir::Mapping;
use crate::core::format::mta::Profile;

pub(super) fn identity() -> Identity {
    Identity {
        organization: "Org".into(),
        site: "Site".into(),
        server: "SRV1".into(),
        profile: Profile::V55,
        connector: "EXCHNET/EXCHPO".into(),
        address: "$SYSTEM".into(),
    }
}

fn own() -> PoName {
    "EXCHNET/EXCHPO".parse().unwrap()
}

pub(super) fn registry() -> DxSettings {
    DxSettings::read(&RegistryFile::new()).0
}

pub(super) fn settings() -> PartySettings {
    PartySettings {
        export_containers: vec!["Recipients".into()],
        ..PartySettings::default()
    }
}

pub(super) fn custom(name: &str, address: &str) -> Recipient {
    Recipient {
        class: RecipientClass::Custom,
        directory_name: name.replace(' ', ""),
        display_name: name.into(),
        alias: mailbox_from(name),
        container: "Recipients".into(),
        home_server: String::new(),
        address: address.into(),
        proxies: Vec::new(),
        hidden: false,
        trust: 20,
        imported_from: String::new(),
        other: Vec::new(),
    }
}

pub(super) fn mailbox(name: &str) -> Recipient {
    Recipient {
        class: RecipientClass::Mailbox,
        ..custom(name, "")
    }
}

pub(super) fn directory(recipients: &[Recipient]) -> Directory {
    let mut directory = Directory::default();
    for recipient in recipients {
        directory
            .add(recipient.clone(), &identity(), own())
            .unwrap();
    }
    directory
}

pub(super) fn out(
    directory: &Directory,
    table: &[Mapping],
    settings: &PartySettings,
    registry: &DxSettings,
) -> Session {
    let rules = (registry, &Templates::default());
    session(directory, table, &identity(), own(), settings, rules)
}

pub(super) fn texts(session: &Session) -> Vec<String> {
    session
        .transactions
        .iter()
        .map(|t: &Transaction| {
            let text = t.to_record_text().unwrap();
            String::from_utf8(text)
                .unwrap()
                .replace('\t', "|")
                .replace("\r\n", " > ")
        })
        .collect()
}

fn source<'a>(
    identity: &'a Identity,
    settings: &'a PartySettings,
    object: &'a str,
    further: &'a [String],
    templates: &'a Templates,
) -> Source<'a> {
    Source {
        identity,
        own: own(),
        object,
        settings,
        further,
        map: None,
        templates,
        brace_names: false,
    }
}

/// Applies records that come through an object.
fn apply(directory: &mut Directory, object: &str, further: &[&str], records: &[&str]) -> Applied {
    let (identity, settings) = (identity(), PartySettings::default());
    let further: Vec<String> = further.iter().map(|name| (*name).to_owned()).collect();
    let templates = Templates::default();
    let source = source(&identity, &settings, object, &further, &templates);
    source.apply(directory, records.iter().map(|text| text.as_bytes()))
}

/// As [`apply`], with template information.
fn apply_informed(
    directory: &mut Directory,
    object: &str,
    templates: &Templates,
    records: &[&str],
) -> Applied {
    let identity = identity();
    let settings = PartySettings {
        templates: 3,
        ..PartySettings::default()
    };
    let source = source(&identity, &settings, object, &[], templates);
    source.apply(directory, records.iter().map(|text| text.as_bytes()))
}

/// As [`apply`], with records in code page 850.
fn apply_bytes(directory: &mut Directory, records: &[&[u8]]) -> Applied {
    let (identity, settings) = (identity(), PartySettings::default());
    let templates = Templates::default();
    let source = source(&identity, &settings, "REQ", &[], &templates);
    source.apply(directory, records.iter().copied())
}

fn names(directory: &Directory) -> Vec<String> {
    directory
        .iter()
        .map(|r| format!("{} {}", r.display_name, r.address))
        .collect()
}

// rule: exc:R-OUT-001
// rule: exc:R-OBJ-010
// rule: exc:R-OUT-006
// rule: exc:O-07
#[test]
fn only_recipients_of_the_containers_within_the_trust_leave() {
    let registry = registry();
    let mut settings = settings();
    let fits = |change: &dyn Fn(&mut Recipient), settings: &PartySettings| {
        let mut recipient = mailbox("Ann");
        change(&mut recipient);
        may_leave(&recipient, settings, &registry)
    };
    assert!(fits(&|_| {}, &settings));
    assert!(!fits(&|r| r.trust = 21, &settings));
    assert!(!fits(&|r| r.container = "Other".into(), &settings));
    assert!(!fits(&|r| r.hidden = true, &settings));
    settings.export_trust = 100;
    assert!(!fits(&|_| {}, &settings));
    settings.export_trust = 99;
    assert!(fits(&|r| r.trust = 99, &settings) && !fits(&|r| r.trust = 100, &settings));
}

// rule: exc:R-OBJ-011
// rule: exc:R-REG-05
// rule: exc:R-IN-032
// rule: exc:V-17
// rule: exc:R-OUT-005
#[test]
fn custom_recipients_leave_when_ticked_and_never_go_back() {
    // V-17.
    let manual = custom("Test", "MS:NETWORK/MSM3/TESTUSER");
    let imported = Recipient {
        imported_from: "REQ".into(),
        ..manual.clone()
    };
    let smtp = custom("Mail", "SMTP:a@example.com");
    let mut registry = registry();
    let mut settings = settings();
    assert!(may_leave(&manual, &settings, &registry));
    assert!(!may_leave(&imported, &settings, &registry));
    registry.require_valid_imp_from = true;
    assert!(!may_leave(&manual, &settings, &registry));
    assert!(may_leave(&smtp, &settings, &registry));
    settings.export_custom_recipients = false;
    assert!(!may_leave(&smtp, &settings, &registry));
}

// rule: exc:R-OUT-010
// rule: exc:V-18
#[test]
fn an_address_in_another_postoffice_is_an_add_else_a_modify() {
    // V-18.
    let before = [
        custom("Ann", "MS:NETA/PO1/U"),
        custom("Bob", "MS:NETA/PO1/B"),
    ];
    let known = out(&directory(&before), &[], &settings(), &registry());
    assert_eq!(
        texts(&known),
        ["A Ann|PCM:NETA/PO1/U", "A Bob|PCM:NETA/PO1/B"]
    );
    let after = [
        custom("Ann", "MS:NETA/PO2/U"),
        custom("Bob", "MS:NETA/PO1/BOB"),
    ];
    let changed = out(&directory(&after), &known.table, &settings(), &registry());
    assert_eq!(
        texts(&changed),
        [
            "D Ann|PCM:NETA/PO1/U",
            "A Ann|PCM:NETA/PO2/U",
            "M Bob|PCM:NETA/PO1/B >   Bob|PCM:NETA/PO1/BOB"
        ]
    );
    let quiet = out(&directory(&after), &changed.table, &settings(), &registry());
    assert_eq!(quiet.transactions, []);
    assert_eq!(quiet.table, changed.table);
}

// rule: exc:R-OUT-020
// rule: exc:R-OUT-021
// rule: exc:R-OUT-022
// rule: exc:R-REG-04
// rule: exc:V-19
// rule: imp:R-RSX-006
#[test]
fn the_second_of_a_name_gets_001() {
    // V-19.
    let first = custom("Bob Smith", "MS:NET1/PO1/BSMITH");
    let second = Recipient {
        directory_name: "BobSmith2".into(),
        ..custom("Bob Smith", "MS:NET2/PO2/BSMITH")
    };
    let third = Recipient {
        directory_name: "BobSmith3".into(),
        ..custom("Bob Smith", "MS:NET1/PO1/BOB")
    };
    let sent = out(
        &directory(std::slice::from_ref(&first)),
        &[],
        &settings(),
        &registry(),
    );
    let all = directory(&[first, second, third]);
    let unique = out(&all, &sent.table, &settings(), &registry());
    assert_eq!(
        texts(&unique),
        [
            "A Bob Smith001|PCM:NET2/PO2/BSMITH",
            "A Bob Smith002|PCM:NET1/PO1/BOB"
        ]
    );
    let mut registry = registry();
    registry.unique_display_names = false;
    let per_postoffice = out(&all, &sent.table, &settings(), &registry);
    assert_eq!(
        texts(&per_postoffice),
        [
            "A Bob Smith|PCM:NET2/PO2/BSMITH",
            "A Bob Smith001|PCM:NET1/PO1/BOB"
        ]
    );
    // The suffix stays with its owner.
    let again = out(&all, &unique.table, &settings(), &self::registry());
    assert_eq!(again.transactions, []);
}

// rule: exc:R-OUT-023
// rule: exc:R-OUT-025
// rule: exc:V-20
// rule: exc:O-13
#[test]
fn a_name_that_was_deleted_in_the_same_session_is_free() {
    // V-20.
    let old = custom("Ann", "MS:NET1/PO1/A");
    let new = Recipient {
        directory_name: "Ann2".into(),
        ..custom("Ann", "MS:NET1/PO1/A2")
    };
    let sent = out(&directory(&[old]), &[], &settings(), &registry());
    let both = out(&directory(&[new]), &sent.table, &settings(), &registry());
    assert_eq!(
        texts(&both),
        ["D Ann|PCM:NET1/PO1/A", "A Ann|PCM:NET1/PO1/A2"]
    );
    // Long names are cut so that the suffix has its place.
    let long = "A name of more than thirty characters";
    let two = [
        custom(long, "MS:NET1/PO1/L1"),
        Recipient {
            directory_name: "other".into(),
            ..custom(long, "MS:NET1/PO1/L2")
        },
    ];
    let cut = out(&directory(&two), &[], &settings(), &registry());
    assert_eq!(
        texts(&cut),
        [
            "A A name of more than thirty cha|PCM:NET1/PO1/L1",
            "A A name of more than thirty001|PCM:NET1/PO1/L2"
        ]
    );
}

// rule: exc:R-OUT-007
// rule: exc:R-OUT-008
// rule: imp:R-EXC-004
#[test]
fn hiding_sends_nothing_and_an_export_replaces_the_list() {
    let ann = mailbox("Ann");
    let sent = out(
        &directory(&[ann.clone(), mailbox("Bo")]),
        &[],
        &settings(),
        &registry(),
    );
    let hidden = Recipient {
        hidden: true,
        ..ann
    };
    let all = directory(&[hidden, mailbox("Bo")]);
    let quiet = out(&all, &sent.table, &settings(), &registry());
    assert_eq!(quiet.transactions, []);
    let export = PartySettings {
        export_now: true,
        ..settings()
    };
    let full = out(&all, &sent.table, &export, &registry());
    assert_eq!(
        texts(&full),
        ["R PCM:EXCHNET/EXCHPO", "A Bo|PCM:EXCHNET/EXCHPO/Bo"]
    );
    assert_eq!(full.table.len(), 1);
}

// rule: exc:R-OUT-003
#[test]
fn the_primary_proxy_is_the_one_in_capitals() {
    let mut ann = mailbox("Ann");
    ann.proxies = vec!["ms:OLD/PO/ANN".into(), "MS:EXCHNET/EXCHPO/ANN".into()];
    let address = dirsync_address(&ann).unwrap();
    assert_eq!(address.to_string(), "PCM:EXCHNET/EXCHPO/ANN");
    assert_eq!(
        distinguished_name(&identity(), &ann),
        "/o=Org/ou=Site/cn=Recipients/cn=Ann"
    );
}

// rule: exc:R-IN-012
// rule: exc:R-FFA-044
// rule: exc:V-04
#[test]
fn csi_becomes_ms_with_the_user_part_as_alias() {
    // V-04.
    let mut all = Directory::default();
    apply(
        &mut all,
        "REQ",
        &[],
        &["A Some User\tCSI:FFAPINET/FFAPIPO/USER01"],
    );
    let one = all.iter().next().unwrap();
    assert_eq!(one.address, "MS:FFAPINET/FFAPIPO/USER01");
    assert_eq!(
        (one.alias.as_str(), one.imported_from.as_str()),
        ("USER01", "REQ")
    );
    assert!(one.proxies.contains(&"MS:EXCHNET/EXCHPO/USER01".to_owned()));
}

// rule: exc:R-IN-020
// rule: exc:R-IN-021
#[test]
fn a_modify_with_template_lines_only_keeps_the_entry() {
    // V-05, V-06.
    let mut all = Directory::default();
    apply(
        &mut all,
        "REQ",
        &[],
        &["A Katie Jordan\tPCM:TOON/TOWN/WCOYOTE"],
    );
    for form in [
        "M Katie Jordan\tPCM:TOON/TOWN/WCOYOTE\r\n- Internal Mail Stop:/ Trey Research #86",
        "M Katie Jordan\tPCM:TOON/TOWN/WCOYOTE\r\n  Katie Jordan\tPCM:TOON/TOWN/WCOYOTE\r\n- Division:/Testing",
    ] {
        let applied = apply(&mut all, "REQ", &[], &[form]);
        assert_eq!(applied.malformed, []);
        assert_eq!(names(&all), ["Katie Jordan MS:TOON/TOWN/WCOYOTE"], "{form}");
    }
}

// rule: exc:R-IN-030
// rule: exc:R-IN-031
// rule: exc:R-REG-06
#[test]
fn only_the_object_that_imported_it_deletes() {
    // V-07.
    let mut all = Directory::default();
    apply(&mut all, "POX", &[], &["A Ann\tPCM:NET/POY/ANN"]);
    let delete = ["D Ann\tPCM:NET/POY/ANN"];
    let refused = apply(&mut all, "POY", &[], &delete);
    assert_eq!(
        (all.len(), refused.discarded.len(), refused.searched.len()),
        (1, 1, 0)
    );
    let taken = apply(&mut all, "POY", &["POX"], &delete);
    assert_eq!((all.len(), taken.deleted, taken.searched.len()), (0, 1, 1));
}

// rule: exc:R-IN-050
// rule: exc:R-IN-051
// rule: exc:R-IN-053
// rule: exc:R-IN-052
#[test]
fn generated_names_and_proxies_are_unique() {
    let mut all = Directory::default();
    let records = [
        "A Bob One\tSNADS:EUROPE/PARIS/BOB",
        "A Bob Two\tSNADS:AUSTRALIA/SYDNEY/BOB",
        "A Post\tPCM:NET/PO/POSTMASTER",
    ];
    apply(&mut all, "REQ", &[], &records);
    let proxies: Vec<String> = all
        .iter()
        .map(|r| {
            r.proxies
                .iter()
                .find(|p| p.starts_with("MS:"))
                .unwrap()
                .clone()
        })
        .collect();
    assert_eq!(
        proxies,
        [
            "MS:EXCHNET/EXCHPO/BOB",
            "MS:EXCHNET/EXCHPO/BOB2",
            "MS:EXCHNET/EXCHPO/POSTMAST0"
        ]
    );
    let smtp = |n: usize| {
        let recipient = all.iter().nth(n).unwrap();
        let of = |proxy: &&String| proxy.starts_with("SMTP:");
        recipient.proxies.iter().find(of).unwrap().clone()
    };
    assert_eq!(smtp(0), "SMTP:BOB@Site.Org.com");
    assert_eq!(smtp(1), "SMTP:BOB2@Site.Org.com");
    let one = all.iter().next().unwrap();
    let (name, number) = one.directory_name.split_at(6);
    assert_eq!(name, "BobOne");
    assert!(number.len() == 8 && u32::from_str_radix(number, 16).is_ok());
}

#[test]
fn a_replaced_list_keeps_who_comes_back_and_the_guard_counts_who_does_not() {
    let mut all = Directory::default();
    apply(
        &mut all,
        "REQ",
        &[],
        &["A Ann\tPCM:NET/PO/ANN", "A Bo\tPCM:NET/PO/BO"],
    );
    let index = all.named("ANN").unwrap();
    let noted = Recipient {
        other: vec![("Comment".into(), "kept".into())],
        ..all.get(index).unwrap().clone()
    };
    all.replace(index, noted.clone());
    let replace = [
        "R PCM:NET/PO",
        "A Ann\tPCM:NET/PO/ANN",
        "A Cid\tPCM:NET/PO/CID",
    ];
    let applied = apply(&mut all, "REQ", &[], &replace);
    let removal = applied.removals["PCM:NET/PO"];
    assert_eq!((removal.removed, removal.list_len), (1, 2));
    assert_eq!(names(&all), ["Ann MS:NET/PO/ANN", "Cid MS:NET/PO/CID"]);
    assert_eq!(all.get(all.named("ANN").unwrap()), Some(&noted));
    // What another object brought is not replaced.
    apply(&mut all, "OTHER", &[], &["R PCM:NET/PO"]);
    assert_eq!(all.len(), 2);
}

#[test]
fn own_addresses_are_passed_over() {
    let mut all = directory(&[mailbox("Ann")]);
    let applied = apply(
        &mut all,
        "REQ",
        &[],
        &["R PCM:EXCHNET/EXCHPO", "A X\tPCM:EXCHNET/EXCHPO/X"],
    );
    assert_eq!((all.len(), applied.added), (1, 0));
}

/// Whoever two recipients share a proxy or a name with: nobody.
fn assert_unique(all: &Directory) {
    let mut proxies = std::collections::BTreeMap::new();
    let mut names = std::collections::BTreeSet::new();
    for recipient in all.iter() {
        for proxy in &recipient.proxies {
            let other = proxies.insert(proxy.to_lowercase(), recipient.directory_name.clone());
            assert_eq!(other, None, "{proxy} of {}", recipient.directory_name);
        }
        let name = format!("{}/{}", recipient.container, recipient.directory_name);
        assert!(names.insert(name.to_lowercase()), "{name}");
    }
}

// rule: exc:R-IN-051
#[test]
fn a_replaced_list_keeps_its_names_until_it_is_known_who_comes_back() {
    let mut all = Directory::default();
    let bob = "A Bob\tPCM:NET/PO/BOB";
    apply(&mut all, "REQ", &[], &[bob]);
    let before: Vec<Recipient> = all.iter().cloned().collect();
    // The other one wants the same mailbox, and comes first.
    let records = ["R PCM:NET/PO", "A Other Bob\tSNADS:EUROPE/PARIS/BOB", bob];
    apply(&mut all, "REQ", &[], &records);
    assert_unique(&all);
    assert!(all.iter().any(|r| *r == before[0]), "{:?}", names(&all));
    // Who does not come back leaves the names to others, from the next file on.
    apply(&mut all, "REQ", &[], &["R PCM:NET/PO"]);
    apply(&mut all, "REQ", &[], &["A Third\tPCM:NET/PO3/BOB"]);
    let third = all.get(all.named("PCM:NET/PO3/BOB").unwrap()).unwrap();
    assert!(third.proxies.contains(&"MS:EXCHNET/EXCHPO/BOB".to_owned()));
    assert_unique(&all);
}

// rule: exc:R-IN-055
// rule: exc:R-IN-052
#[test]
fn two_people_of_one_name_have_two_x400_addresses() {
    let templates = Templates {
        incoming: vec![("Surname:".into(), "Last name".into())],
        outgoing: Vec::new(),
    };
    let mut all = Directory::default();
    let records = [
        "A One\tPCM:NET/PO/ONE\r\n- Surname:/Ek",
        "A Two\tPCM:NET/PO/TWO\r\n- Surname:/Ek",
        "A Three\tPCM:NET/PO/THREE",
        "M Three\tPCM:NET/PO/THREE\r\n- Surname:/Ek",
    ];
    let applied = apply_informed(&mut all, "REQ", &templates, &records);
    assert_eq!((applied.added, applied.modified), (3, 1));
    assert_eq!(applied.refused, []);
    assert_unique(&all);
    let addresses: Vec<&String> = all
        .iter()
        .flat_map(|r| r.proxies.iter().filter(|p| p.starts_with("X400:")))
        .collect();
    assert_eq!(
        addresses,
        ["Ek", "Ek2", "Ek3"]
            .map(|name| format!("X400:c=us;a= ;p=Org;o=Site;s={name};"))
            .each_ref()
    );
    // The same again changes nothing.
    let before: Vec<Recipient> = all.iter().cloned().collect();
    let again = ["M Two\tPCM:NET/PO/TWO\r\n- Surname:/Ek"];
    assert_eq!(
        apply_informed(&mut all, "REQ", &templates, &again).modified,
        0
    );
    assert!(all.iter().eq(&before));
}

// rule: exc:R-IN-051
#[test]
fn a_row_of_an_import_takes_nobody_elses_proxy() {
    let mut all = directory(&[mailbox("Ann"), mailbox("Bo")]);
    let rows = "Obj-Class,Mode,Directory Name,Obj-Container,E-mail Addresses\n\
                Mailbox,Modify,Bo,Recipients,MS:EXCHNET/EXCHPO/Ann\n\
                Mailbox,Modify,Ann,Recipients,MS:EXCHNET/EXCHPO/Ann%smtp:a@example.com\n";
    let done = all.import(rows.as_bytes(), &identity(), own()).unwrap();
    assert_eq!(
        (done.modified, done.problems.len()),
        (1, 1),
        "{:?}",
        done.problems
    );
    assert!(done.problems[0].contains("taken"), "{:?}", done.problems);
    assert_unique(&all);
}

// rule: exc:R-IN-010
#[test]
fn letters_that_grow_in_capitals_do_not_move_the_address() {
    use super::inbound::Malformed;
    // Two of these letters have capitals of another length; neither text has an address that can be
    // read, so what the events say comes from looking for its type.
    for name in ["stra\u{df}e", "\u{149}\u{1f0}\u{df}\u{df}\u{df}"] {
        let bytes = crate::core::base::codepage::CodePage::Cp850
            .encode_lossy(name)
            .bytes;
        let record = [b"A ", bytes.as_slice(), b"\tms:ONLYONE"].concat();
        let mut all = Directory::default();
        let texts = [record.as_slice()];
        let applied = apply_bytes(&mut all, &texts);
        let [
            Malformed {
                address: Some((_, address)),
                ..
            },
        ] = &applied.malformed[..]
        else {
            panic!("{applied:?}");
        };
        assert_eq!(address, "ONLYONE");
    }
}

#[test]
fn what_is_no_record_in_a_file_is_told_and_the_rest_is_applied() {
    use crate::core::base::UnixTime;
    use crate::core::protocol::record::NewRecord;
    let mut bytes = Vec::new();
    for (number, text) in [(1, "A Ann\tPCM:NET/PO/ANN"), (2, "A Bo\tPCM:NET/PO/BO")] {
        let new = NewRecord::transaction(number, UnixTime(1), text.as_bytes().to_vec());
        new.record().encode_into(&mut bytes).unwrap();
        if number == 1 {
            bytes.extend([0xEE; 40]);
        }
    }
    let (identity, settings) = (identity(), PartySettings::default());
    let mut all = Directory::default();
    let templates = Templates::default();
    let applied = source(&identity, &settings, "REQ", &[], &templates).apply_file(&mut all, &bytes);
    assert_eq!((applied.added, applied.damaged.len()), (2, 1));
    assert_eq!(applied.damaged[0].len_bytes, 40);
    assert!(super::agent::say(&applied)[0].text.contains("SRVTRANS"));
}

proptest::proptest! {
    // rule: exc:R-IN-051
    // rule: exc:R-IN-052
    // rule: exc:R-IN-053
    // rule: exc:R-IN-055
    #[test]
    fn whatever_arrives_nobody_shares_a_proxy_or_a_name(
        files in proptest::collection::vec(
            (0u8..2, proptest::collection::vec((0u8..5, 0u8..3, 0u8..3, 0u8..3), 1..12)),
            1..5,
        ),
    ) {
        // Few names and lists, so that they meet often; the mailbox is the same in every list.
        let lists = ["PCM:NET/PO", "PCM:NET/PO2", "SNADS:EUROPE/PARIS"];
        let people = ["Bob", "BOB", "Bo"];
        let templates = Templates {
            incoming: vec![("Surname:".into(), "Last name".into())],
            outgoing: Vec::new(),
        };
        let mut all = directory(&[mailbox("Bob")]);
        for (object, ops) in files {
            let records: Vec<String> = ops
                .into_iter()
                .map(|(op, list, person, other)| {
                    let list = lists[usize::from(list)];
                    let (name, new) = (people[usize::from(person)], people[usize::from(other)]);
                    let entry = format!("{name}\t{list}/{}", name.to_uppercase());
                    match op {
                        0 => format!("R {list}"),
                        1 => format!("A {entry}"),
                        2 => format!("A {entry}\r\n- Surname:/Ek"),
                        3 => format!("D {entry}"),
                        _ => format!(
                            "M {entry}\r\n  {new}\t{list}/{}\r\n- Surname:/Ek",
                            new.to_uppercase()
                        ),
                    }
                })
                .collect();
            let texts: Vec<&str> = records.iter().map(String::as_str).collect();
            let object = ["REQ", "OTHER"][usize::from(object)];
            let applied = apply_informed(&mut all, object, &templates, &texts);
            proptest::prop_assert_eq!(applied.refused, []);
            assert_unique(&all);
            // The books are those of a directory that was just read.
            for list in lists {
                let scope = list.parse().unwrap();
                let fits = |r: &Recipient| {
                    let of = super::directory::address_of(&r.address);
                    r.class == RecipientClass::Custom && of.is_some_and(|a| a.scope() == scope)
                };
                proptest::prop_assert_eq!(all.of_scope(scope), all.find_all(fits));
            }
            let rows: Vec<Recipient> = all.iter().cloned().collect();
            let mut fresh = Directory::default();
            for row in rows {
                fresh.add(row, &identity(), own()).unwrap();
            }
            proptest::prop_assert_eq!(fresh.len(), all.len());
        }
    }
}
