//! The published vectors of section 17 that stand on recipients, settings and files alone.

use super::address_map::AddressMap;
use super::agent::events_of;
use super::directory::{Directory, dirsync_address};
use super::events::{table, utc_time};
use super::inbound::{Applied, Source};
use super::templates::Templates;
use crate::core::base::address::physical::x400_attributes;
use crate::core::base::address::{PoName, TypeCase};
use crate::core::base::{Transaction, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::exchange::agent_ini::{Identity, PartySettings};
use crate::core::format::exchange::recipients::Recipient;
use crate::core::format::exchange::registry::{DxSettings, RegistryFile};
use crate::core::format::mta::Profile;
use crate::core::format::srvconf::SrvConfRecord;
use crate::core::protocol::numbers::agent_resync_header;

/// An agent that takes transactions.
struct Taker {
    all: Directory,
    settings: PartySettings,
    map: Option<AddressMap>,
    templates: Templates,
    brace_names: bool,
    further: Vec<String>,
}

impl Taker {
    fn new() -> Self {
        Self {
            all: Directory::default(),
            settings: PartySettings::default(),
            map: None,
            templates: Templates::default(),
            brace_names: false,
            further: Vec::new(),
        }
    }

    fn mapped(text: &str, only_mapped: bool, make_unique: bool) -> Self {
        let mut map = AddressMap::parse(text.as_bytes());
        map.smtp_domain = "xyz.com".into();
        (map.only_mapped, map.make_unique) = (only_mapped, make_unique);
        Self {
            map: Some(map),
            ..Self::new()
        }
    }

    fn informed(incoming: &[(&str, &str)]) -> Self {
        let pair = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        Self {
            settings: PartySettings {
                templates: 3,
                ..PartySettings::default()
            },
            templates: Templates {
                incoming: incoming.iter().map(pair).collect(),
                outgoing: Vec::new(),
            },
            ..Self::new()
        }
    }

    fn take(&mut self, records: &[&str]) -> Applied {
        self.take_through("REQ", records)
    }

    fn take_through(&mut self, object: &str, records: &[&str]) -> Applied {
        let own: PoName = "EXCHNET/EXCHPO".parse().unwrap();
        let identity = Identity {
            organization: "Org".into(),
            site: "Site".into(),
            server: "SRV1".into(),
            profile: Profile::V55,
            connector: own.to_string(),
            address: "$SYSTEM".into(),
        };
        let source = Source {
            identity: &identity,
            own,
            object,
            settings: &self.settings,
            further: &self.further,
            map: self.map.as_ref(),
            templates: &self.templates,
            brace_names: self.brace_names,
        };
        source.apply(&mut self.all, records.iter().map(|text| text.as_bytes()))
    }

    fn one(&self) -> &Recipient {
        assert_eq!(self.all.len(), 1);
        self.all.iter().next().unwrap()
    }

    fn proxies(&self, kind: &str) -> Vec<String> {
        let of = |recipient: &Recipient| {
            let fits = |proxy: &&String| proxy.to_uppercase().starts_with(kind);
            recipient
                .proxies
                .iter()
                .filter(fits)
                .cloned()
                .collect::<Vec<_>>()
        };
        self.all.iter().flat_map(of).collect()
    }
}

fn ids(applied: &Applied) -> Vec<u16> {
    let events = events_of(applied, "REQ");
    events.iter().map(|event| event.what.id).collect()
}

/// A line with the name in columns 3 to 32 and the address from column 34.
fn columns(op: &str, name: &str, address: &str) -> String {
    format!("{op} {name:<30} {address}")
}

// rule: exc:V-02
// rule: exc:R-IN-010
#[test]
fn v_02_a_line_without_a_type_is_pcm() {
    let mut taker = Taker::new();
    let applied = taker.take(&[&columns("A", "Some Name", "NET/PO/SOME")]);
    assert_eq!(applied.added, 1);
    assert_eq!(taker.one().address, "MS:NET/PO/SOME");
}

// rule: exc:V-03
// rule: exc:R-IN-011
// rule: dec:DEC-024
#[test]
fn v_03_the_case_of_the_type_does_not_count_and_exchange_writes_small_letters() {
    let made = ["pcm", "PCM"].map(|kind| {
        let mut taker = Taker::new();
        taker.take(&[&columns("A", "User01", &format!("{kind}:NET/PO/USER01"))]);
        taker.one().clone()
    });
    assert_eq!(made[0], made[1]);
    let transaction = Transaction::parse(b"A User01\tPCM:NET/PO/USER01").unwrap();
    let lower = transaction.to_record_text_with(TypeCase::Lower).unwrap();
    assert_eq!(lower, b"A User01\tpcm:NET/PO/USER01");
    assert_eq!(
        transaction.to_record_text().unwrap(),
        b"A User01\tPCM:NET/PO/USER01"
    );
}

// rule: exc:V-05
// rule: exc:R-IN-020
// rule: exc:R-IN-070
// rule: exc:R-IN-071
#[test]
fn v_05_template_lines_alone_set_their_fields_and_keep_the_entry() {
    // Q159308; texts of templates with and without their colon.
    let mut taker = Taker::informed(&[
        ("Internal Mail Code:", "Mail code"),
        ("Department", "Department"),
        ("DIVISION:", "Division"),
    ]);
    taker.take(&["A Leo Lion\tPCM:ZOO/CATS/LLION"]);
    let before = taker.one().clone();
    assert_eq!(before.other, []);
    let applied = taker.take(&[
        "M Leo Lion\tPCM:ZOO/CATS/LLION\r\n- Internal Mail Code:/1\r\n- Department:/2\r\n- Division:/Testing",
    ]);
    assert_eq!((applied.modified, applied.malformed.len()), (1, 0));
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        taker.one().other,
        [
            pair("Mail code", "1"),
            pair("Department", "2"),
            pair("Division", "Testing")
        ]
    );
    assert_eq!(
        (&taker.one().address, &taker.one().alias),
        (&before.address, &before.alias)
    );
}

// rule: exc:V-06
// rule: exc:R-IN-021
#[test]
fn v_06_a_long_first_template_line_is_one() {
    let mut taker = Taker::informed(&[("Internal Mail Stop:", "Mail stop")]);
    taker.take(&["A Katie Jordan\tMS:TOON/TOWN/WCOYOTE"]);
    taker.take(&[
        "M Katie Jordan\tMS:TOON/TOWN/WCOYOTE\r\n- Internal Mail Stop:/ Trey Research #86",
    ]);
    assert_eq!(taker.one().address, "MS:TOON/TOWN/WCOYOTE");
    assert_eq!(taker.one().other[0].1.trim(), "Trey Research #86");
}

// rule: exc:V-07
// rule: exc:R-REG-06
// rule: exc:O-14
#[test]
fn v_07_every_further_requestor_that_is_looked_through_is_an_event() {
    let delete = ["D Ann\tPCM:NET/POY/ANN"];
    for (further, deleted, events) in [
        (&[][..], 0, 0),
        (&["POX"][..], 1, 1),
        // One text with blanks, or several.
        (&["POA POX"][..], 1, 2),
        (&["POA", "POB"][..], 0, 2),
    ] {
        let mut taker = Taker::new();
        taker.take_through("POX", &["A Ann\tPCM:NET/POY/ANN"]);
        taker.further = further.iter().map(|name| (*name).to_owned()).collect();
        let applied = taker.take_through("POY", &delete);
        assert_eq!(applied.deleted, deleted, "{further:?}");
        let found = ids(&applied).iter().filter(|&&id| id == 282).count();
        assert_eq!(found, events, "{further:?}");
        assert_eq!(
            applied.discarded.len(),
            1 - usize::try_from(deleted).unwrap()
        );
    }
}

// rule: exc:V-08
#[test]
fn v_08_a_bad_separator_drops_one_transaction_only() {
    let mut taker = Taker::new();
    let applied = taker.take(&[
        "A Bad, One\tX400:C=US'A=ATTMAIL;O=ATTMAIL;S=Bad",
        "A Good, Guy\tX400:/c=US/admd=ATTMAIL/prmd=TEST/pn=Guy.Good",
    ]);
    assert_eq!((applied.added, applied.malformed.len()), (1, 1));
    assert_eq!(taker.one().display_name, "Good, Guy");
    // The generator of proxies says what is wrong, then the agent which transaction it was.
    let events = events_of(&applied, "REQ");
    let sources: Vec<&str> = events
        .iter()
        .map(|event| event.what.source.name())
        .collect();
    assert_eq!(&sources[..2], ["X400Proxy", "MSExchangeDX"]);
    assert_eq!(events[0].what, &table::X400_SYNTAX);
    assert_eq!(
        events[0].text(),
        "X400 address failure. An illegal type name was specified at character position 1 of \
         'X400:C=US'A=ATTMAIL;O=ATTMAIL;S=Bad'"
    );
    assert_eq!(events[1].what, &table::BAD_ADDRESS);
    assert!(events[1].text().contains("The transaction is A Bad, One"));
}

// rule: exc:V-09
#[test]
fn v_09_x121_is_kept_with_its_dot_and_leaves_without() {
    let mut taker = Taker::new();
    let add = "A Net User\tX400:c=gb;a=admd;p=prmd;x121=1234567890;";
    let applied = taker.take(&[add]);
    assert_eq!((applied.added, applied.malformed.len()), (1, 0));
    assert_eq!(
        taker.one().address,
        "X400:c=gb;a=admd;p=prmd;X.121=1234567890;"
    );
    let leaves = dirsync_address(taker.one()).unwrap();
    assert_eq!(
        leaves.to_string(),
        "X400:c=gb;a=admd;p=prmd;x121=1234567890;"
    );
    // It is still known by the address it came with.
    assert_eq!(taker.take(&[&add.replacen('A', "D", 1)]).deleted, 1);
}

fn value(text: &str, name: &str) -> String {
    let attributes = x400_attributes(text.as_bytes()).unwrap();
    let found = attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name.as_bytes()));
    String::from_utf8(found.unwrap().value.clone()).unwrap()
}

// rule: exc:V-10
#[test]
fn v_10_a_slash_inside_a_value_is_part_of_it() {
    let address = "/C=CH/A=400NET/P=ABB/O=ABB/OU=CHNET/G=URS / F/S=MUELLER";
    assert_eq!(value(address, "G"), "URS / F");
    assert_eq!(value(address, "S"), "MUELLER");
    let mut taker = Taker::new();
    let applied = taker.take(&[&format!("A MUELLER URS / F (CHNET)\tX400:{address}")]);
    assert_eq!((applied.added, applied.malformed.len()), (1, 0));
}

// rule: exc:V-11
#[test]
fn v_11_a_dollar_escapes_the_separator() {
    let address = "/C=us/a=MCI/p=microsoft/o=PSS/dda.type=ms/dda.value=net$/po$/mailbox";
    assert_eq!(value(address, "dda.value"), "net/po/mailbox");
}

// rule: exc:V-12
#[test]
fn v_12_a_name_of_the_macintosh_becomes_a_valid_mailbox() {
    let mut taker = Taker::new();
    let applied =
        taker.take(&["A User02, MacGroovy@GroovyMac\tMSMAIL:User02, MacGroovy@GroovyMac"]);
    assert_eq!(
        (
            applied.added,
            applied.malformed.len(),
            applied.refused.len()
        ),
        (1, 0, 0)
    );
    let proxy = &taker.proxies("MS:")[0];
    let mailbox = proxy.rsplit('/').next().unwrap();
    assert!(
        (1..=10).contains(&mailbox.len()) && !mailbox.contains([',', '@']),
        "{mailbox}"
    );
}

// rule: exc:V-13
// rule: exc:R-IN-056
// rule: exc:R-REG-12
#[test]
fn v_13_names_of_mhs_come_from_the_placeholder_or_from_the_braces() {
    let records = [
        "A User A\tMHS:ServerA@Company{ccmail:usera}",
        "A User B\tMHS:ServerA@Company{ccmail:userb}",
        "A User C\tMHS:ServerA@Company{carl@example.com}",
        "A User D\tMHS:ServerA@Company{x400:nobody}",
    ];
    let mailboxes = |taker: &Taker| -> Vec<String> {
        let last = |proxy: &String| proxy.rsplit('/').next().unwrap().to_owned();
        taker.proxies("MS:").iter().map(last).collect()
    };
    let mut plain = Taker::new();
    plain.take(&records);
    assert_eq!(
        mailboxes(&plain),
        ["ServerA", "ServerA2", "ServerA3", "ServerA4"]
    );
    let mut braced = Taker {
        brace_names: true,
        ..Taker::new()
    };
    braced.take(&records);
    assert_eq!(mailboxes(&braced), ["usera", "userb", "carl", "ServerA"]);
    let aliases: Vec<&str> = braced.all.iter().map(|r| r.alias.as_str()).collect();
    assert_eq!(aliases, ["usera", "userb", "carl", "ServerA"]);
}

// rule: exc:V-14
// rule: exc:R-REG-07
// rule: exc:R-REG-09
#[test]
fn v_14_the_address_map_gives_the_domain_of_each_postoffice() {
    let text = "net1/po1 abc.com\r\nnet2/po2 def.com";
    let records = [
        "A Paul\tPCM:NET1/PO1/paulbon",
        "A Leanne\tPCM:net2/po2/leannem",
    ];
    let mut only = Taker::mapped(text, true, false);
    only.take(&records);
    assert_eq!(
        only.proxies("SMTP:"),
        ["SMTP:paulbon@abc.com", "SMTP:leannem@def.co"]
    );
    // Without SMTPPrimaryProxy two are made; SMTPDomain stands in the first.
    let mut both = Taker::mapped(text, false, false);
    both.take(&records[..1]);
    assert_eq!(
        both.proxies("SMTP:"),
        ["SMTP:paulbon@PO1.NET1.xyz.com", "smtp:paulbon@abc.com"]
    );
    // A postoffice that is not in the map has the proxy of the site.
    let mut other = Taker::mapped(text, true, false);
    other.take(&["A Eve\tPCM:NET9/PO9/eve"]);
    assert_eq!(other.proxies("SMTP:"), ["SMTP:eve@Site.Org.com"]);
}

// rule: exc:V-15
// rule: exc:R-IN-061
// rule: exc:R-REG-10
#[test]
fn v_15_a_mapped_address_that_is_taken() {
    let text = "net/a microsoft.com\nnet/b microsoft.com\n";
    let records = ["A One\tPCM:NET/A/someone", "A Two\tPCM:NET/B/SOMEONE"];
    let mut fails = Taker::mapped(text, true, false);
    let applied = fails.take(&records);
    assert_eq!((applied.added, applied.refused.len()), (1, 1));
    assert_eq!(fails.all.len(), 1);
    assert_eq!(ids(&applied)[0], 9010);
    let mut unique = Taker::mapped(text, true, true);
    let applied = unique.take(&records);
    assert_eq!((applied.added, applied.refused.len()), (2, 0));
    let second = unique.proxies("SMTP:")[1].to_lowercase();
    assert_eq!(second, "smtp:someone2@microsoft.com");
}

// rule: exc:V-16
// rule: exc:R-IN-073
#[test]
fn v_16_prompts_that_differ_by_a_slash_are_two() {
    let mut taker = Taker::informed(&[("Floor/", "Floor with"), ("Floor", "Floor without")]);
    assert_eq!(taker.templates.slash_pairs(), [("Floor/", "Floor")]);
    taker.take(&["A Ann\tPCM:NET/PO/ANN\r\n- Floor//:/7"]);
    let first = taker.one().other.clone();
    taker.take(&["A Bo\tPCM:NET/PO/BO\r\n- Floor:/3"]);
    let second = taker.all.iter().nth(1).unwrap().other.clone();
    assert_eq!(second, [("Floor without".to_owned(), "3".to_owned())]);
    assert_ne!(
        first.first().map(|row| &row.0),
        second.first().map(|row| &row.0)
    );
    // What some versions stumbled over is event 181 in words.
    let event = super::events::Event::new(&table::TEMPLATE_PROMPTS, ["Floor/", "Floor"]);
    assert_eq!(event.what.id, 181);
}

fn record(object: &str, srv: u32) -> SrvConfRecord {
    let mut record = SrvConfRecord::zeroed();
    record.state = crate::core::format::record::LIVE;
    record.object_name = crate::core::format::field::CpField::from_str_850(object).unwrap();
    record.srv_sync.set(srv);
    record
}

// rule: exc:V-21
#[test]
fn v_21_the_numbers_are_those_of_the_named_requestors_or_of_all() {
    let records = [record("P1", 100), record("P2", 900)];
    let named = |record: &SrvConfRecord| record.object_name.to_string_850() == "P1";
    assert_eq!(agent_resync_header(&records, named).srvseq, 100);
    assert_eq!(agent_resync_header(&records, |_| true).srvseq, 900);
    // GlobalMaxSeqInResync is what makes the difference.
    let mut file = RegistryFile::new();
    assert!(!DxSettings::read(&file).0.global_max_seq_in_resync);
    let one = crate::core::format::exchange::registry::Data::Number(1);
    let key = crate::core::format::exchange::registry::DX_KEY;
    file.set(key, "GlobalMaxSeqInResync", one).unwrap();
    assert!(DxSettings::read(&file).0.global_max_seq_in_resync);
}

// rule: exc:V-24
#[test]
fn v_24_times_of_events_have_all_their_digits() {
    let at = |text: &str| {
        let time = text.parse::<jiff::Timestamp>().unwrap();
        utc_time(UnixTime::from_timestamp(time).unwrap())
    };
    assert_eq!(at("2000-12-31T03:11:46Z"), "001231031146Z");
    assert_eq!(at("1999-12-31T03:11:46Z"), "991231031146Z");
    assert_eq!(at("2009-01-02T03:04:05Z"), "090102030405Z");
}

// rule: exc:R-IN-054
// rule: exc:R-IN-055
#[test]
fn names_come_from_templates_only_and_change_the_primary_x400_address() {
    let mut taker = Taker::informed(&[("Given Name:", "First name"), ("Surname:", "Last name")]);
    taker.take(&["A Ek, Anna\tPCM:NET/PO/ANNA"]);
    assert_eq!(taker.one().other, []);
    let index = taker.all.named("ANNA").unwrap();
    let mut with = taker.one().clone();
    assert_eq!(
        taker.proxies("X400:"),
        ["X400:c=us;a= ;p=Org;o=Site;s=ANNA;"]
    );
    with.proxies.push("x400:c=se;a=x;p=old;s=anna;".into());
    taker.all.replace(index, with);
    taker.take(&["M Ek, Anna\tPCM:NET/PO/ANNA\r\n- Given Name:/Anna\r\n- Surname:/Ek"]);
    assert_eq!(
        taker.proxies("X400:"),
        [
            "X400:c=us;a= ;p=Org;o=Site;s=Ek;g=Anna;",
            "x400:c=se;a=x;p=old;s=anna;"
        ]
    );
    // What is not received changes nothing.
    taker.settings.templates = 2;
    taker.take(&["M Ek, Anna\tPCM:NET/PO/ANNA\r\n- Given Name:/Eva"]);
    assert!(taker.proxies("X400:")[0].contains("g=Anna"));
}

// rule: exc:R-IN-033
#[test]
fn gateways_of_profs_and_snads_stay_in_their_addresses() {
    let mut taker = Taker::new();
    taker.take(&[
        "A User Two\tPROFS:VMGATE/NODE1/USER2",
        "A User Three\tSNADS:GATE/DGN/DEN",
    ]);
    let all: Vec<String> = taker
        .all
        .iter()
        .map(|recipient| dirsync_address(recipient).unwrap().to_string())
        .collect();
    assert_eq!(all, ["PROFS:VMGATE/NODE1/USER2", "SNADS:GATE/DGN/DEN"]);
    assert!(
        taker
            .all
            .iter()
            .all(|recipient| recipient.imported_from == "REQ")
    );
}

// rule: exc:R-OBJ-015
#[test]
fn each_requestor_has_its_import_container() {
    let mut taker = Taker::new();
    for (object, container) in [("NEWTON", "Newton"), ("GAUSS", "Gauss")] {
        taker.settings.import_container = container.into();
        taker.take_through(object, &[&format!("A User\tPCM:NET/{object}/USER")]);
    }
    let places: Vec<(&str, &str)> = taker
        .all
        .iter()
        .map(|r| (r.container.as_str(), r.imported_from.as_str()))
        .collect();
    assert_eq!(places, [("Newton", "NEWTON"), ("Gauss", "GAUSS")]);
}
