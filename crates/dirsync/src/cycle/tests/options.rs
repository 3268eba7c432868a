//! The options of requestors (dsp section 7) with real trees: password, limit, templates, Keep
//! Updates.

use super::*;
use crate::core::format::reqconf::req_options;
use crate::core::format::template::Template;
use crate::core::format::usr::UsrRecord;
use crate::import::places::Places;
use crate::postoffice::config::options::{self, OptionsChange};
use crate::postoffice::lists::templates::TemplateValue;
use crate::postoffice::mail;

/// A network that is in step, with as many users in each postoffice.
pub(super) fn settled(users: usize) -> Net {
    let mut net = Net::new(&NAMES, users, false);
    net.run();
    net.run();
    net.assert_equal(3 * users);
    net
}

// rule: dsp:R-T2R-003
// rule: dsp:R-PWD-003
// rule: tra:NEED-06
#[test]
fn a_wrong_password_keeps_a_request_out_until_both_sides_agree() {
    let mut net = settled(2);
    let secret = Password::from_bytes(b"Secret").unwrap();
    net.pos[&net.server]
        .edit(|edit| requestors::set_password(edit, &po("NET/RA"), secret))
        .unwrap();
    net.conf("NET/RA", |conf| {
        conf.password = Password::from_bytes(b"secret").unwrap();
    });
    net.add("NET/RA", "new");
    let (before, _) = net.record("NET/RA");
    let numbers = net.numbers("NET/RA");
    net.run();
    let (after, record) = net.record("NET/RA");
    assert_eq!((after.sync, record.req), (before.sync, numbers.0));
    assert_eq!(net.numbers("NET/RA"), numbers);
    let log = net.log("NET/SRV");
    assert!(
        log.contains("Error  [156] Invalid Dirsync password from PCM:NET/RA"),
        "{log}"
    );
    assert!(!log.to_lowercase().contains("secret"), "{log}");
    // The others are served, and the administrator of the server has a mail.
    assert_eq!(net.gal("NET/RB").len(), 6);
    let mail = net.pos["NET/SRV"]
        .edit(|edit| {
            let bag = mail::find_mailbag(edit.view(), "Admin", &mut |_| {})?;
            mail::take(edit, bag, 9, &mut |_| {})
        })
        .unwrap()
        .waiting;
    let text = String::from_utf8(mail[0].mai.text.clone()).unwrap();
    assert_eq!(
        text,
        "Invalid Dirsync password from PCM:NET/RA\r\nFrom: NET/RA/$SYSTEM\r\n"
    );
    net.conf("NET/RA", |conf| conf.password = secret);
    net.run();
    net.assert_equal(7);
}

// rule: dsp:R-LIM-001
// rule: dsp:R-LIM-002
// rule: dec:DEC-049
// rule: tra:R-ADM-032
#[test]
fn a_limit_spreads_updates_over_cycles_and_loses_none() {
    let mut net = settled(2);
    net.conf("NET/RB", |conf| conf.limit_kb.set(1));
    for user in 0..40 {
        net.add("NET/RA", &format!("x{user}"));
    }
    let mut cycles = 0;
    while net.gal("NET/RB").len() < 46 {
        cycles += 1;
        assert!(cycles < 10);
        let report = net.run();
        let server = report.members.iter().find_map(|m| m.server.as_ref());
        let replies = &server.unwrap().replies;
        let reply = replies.iter().find(|r| r.requestor == "PCM:NET/RB");
        // A record of these has 58 bytes and more.
        let count = reply.unwrap().count;
        assert!(count > 0 && count <= 1024 / 58, "{count}");
        // Who has no limit has all of it at once.
        assert_eq!(net.gal("NET/SRV").len(), 46);
    }
    assert!(cycles >= 3, "{cycles}");
    net.assert_equal(46);
}

// rule: dsp:R-LIM-003
// rule: dsp:TV-LOG-9
// rule: tra:R-ADM-032
#[test]
fn an_import_over_the_limit_is_said_and_not_sent() {
    let mut net = settled(20);
    net.conf("NET/RB", |conf| conf.limit_kb.set(1));
    let before = net.numbers("NET/RB");
    net.import_request("NET/RB");
    net.run();
    let log = net.log("NET/SRV");
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text}: {log}"));
    assert!(
        at("Fatal  [118] Transaction limit reached")
            < at("Fatal  [166] Manual Import required for PCM:NET/RB")
    );
    assert_eq!(net.numbers("NET/RB"), before);
    let (_, record) = net.record("NET/RB");
    assert!(!record.asks);
    // Without the limit the import is granted.
    net.conf("NET/RB", |conf| conf.limit_kb.set(0));
    net.import_request("NET/RB");
    net.run();
    assert_eq!(net.numbers("NET/RB").2, record.imp + 1);
    net.assert_equal(60);
}

/// The template data of the users of a postoffice as another one has them: mailbox and values.
fn data(net: &Net, at: &str, of: &str) -> BTreeMap<String, Vec<String>> {
    let view = net.pos[at].view();
    let places = Places::read(&view).unwrap();
    let code = crate::core::format::codes::AddressCode::from_code(0).unwrap();
    let place = &places.places[places.find(code, po(of)).unwrap()];
    let read = |path: String| view.read(&path, 1 << 20).unwrap();
    let Some(text) = read(format!("TPL/{}.TPL", place.stem)) else {
        return BTreeMap::new();
    };
    let template = Template::parse(&text).unwrap();
    let len = template.record_len_bytes();
    let inf = read(format!("INF/{}.INF", place.stem)).unwrap_or_default();
    let users = read(format!("USR/{}.USR", place.stem)).unwrap();
    users
        .chunks_exact(UsrRecord::SIZE)
        .map(|bytes| UsrRecord::decode(bytes).unwrap())
        .filter_map(|user| {
            let at = user.inf_index()? as usize * len;
            let values = template.record_values(&inf[at..at + len]).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let values = values.into_iter().map(text).collect();
            Some((text(user.mailbox.text()), values))
        })
        .collect()
}

// rule: dsp:R-T2T-008
// rule: dsp:R-TPL-001
// rule: dsp:R-TPL-002
// rule: dsp:R-T0-008
#[test]
fn template_data_goes_to_those_who_take_it_with_updates_and_with_imports() {
    let mut net = settled(2);
    let ra = &net.pos["NET/RA"];
    ra.put(
        "TPL/ADMIN.TPL",
        b"Phone:~9~10~A~~\r\nCity/State:~9~12~A~Oslo~\r\n",
    );
    ra.edit(|edit| {
        let change = OptionsChange {
            send_templates: Some(true),
            ..OptionsChange::default()
        };
        options::set(edit, &change, NOW).map(|_| ())
    })
    .unwrap();
    for name in ["NET/SRV", "NET/RB"] {
        net.conf(name, |conf| conf.set(req_options::RECEIVE_TEMPLATES, true));
    }
    let change = crate::postoffice::lists::users::UserChange {
        info: vec![TemplateValue {
            prompt: b"Phone".to_vec(),
            value: b"555".to_vec(),
        }],
        ..Default::default()
    };
    let ra = &net.pos["NET/RA"];
    ra.lists(|lists, edit| lists.modify_user(edit, b"b000", &change))
        .unwrap();
    // The prompts themselves need an Export.
    ra.lists(|lists, edit| lists.export(edit)).unwrap();
    net.run();
    let expected = BTreeMap::from([("b000".to_owned(), vec!["555".to_owned(), "Oslo".to_owned()])]);
    for name in ["NET/SRV", "NET/RB"] {
        assert_eq!(data(&net, name, "NET/RA"), expected, "{name}");
    }
    // An import reply is made of the server's lists: template and data go along.
    let mut fresh = Net::new(&NAMES, 2, false);
    net.restore("NET/RB", fresh.pos.remove("NET/RB").unwrap());
    net.conf("NET/RB", |conf| {
        conf.set(req_options::RECEIVE_TEMPLATES, true)
    });
    net.import_request("NET/RB");
    net.run();
    net.run();
    assert_eq!(data(&net, "NET/RB", "NET/RA"), expected);
    // TEMPLATE=NO: none arrives, neither way.
    let mut fresh = Net::new(&NAMES, 2, false);
    net.restore("NET/RB", fresh.pos.remove("NET/RB").unwrap());
    net.import_request("NET/RB");
    net.run();
    net.run();
    assert_eq!(net.gal("NET/RB").len(), 6);
    assert!(data(&net, "NET/RB", "NET/RA").is_empty());
    assert!(!net.log("NET/RB").contains("[ 73]"));
}

// rule: dsp:R-T2R-012
// rule: dec:DEC-047
#[test]
fn keep_updates_purges_what_is_old_and_confirmed() {
    let mut net = settled(2);
    net.pos["NET/SRV"]
        .edit(|edit| {
            let change = OptionsChange {
                keep_updates: Some(3),
                ..OptionsChange::default()
            };
            options::set(edit, &change, NOW).map(|_| ())
        })
        .unwrap();
    let len = |net: &Net| net.pos["NET/SRV"].bytes("GLB/MSTTRANS.GLB").unwrap().len();
    let before = len(&net);
    net.run();
    assert_eq!(len(&net), before);
    net.now += 4 * 86_400;
    net.add("NET/RA", "new");
    let report = net.run();
    let server = report.members.iter().find_map(|m| m.server.as_ref());
    // 9 entries of the two first cycles, old and with everybody; the new one stays.
    assert_eq!(server.unwrap().purged, 9);
    assert!(len(&net) < 100);
    net.run();
    net.assert_equal(7);
    assert!(!net.log("NET/SRV").contains("[138]"));
}

// rule: dsp:R-ROLE-005
#[test]
fn a_postoffice_without_directory_synchronization_queues_all_the_same() {
    let po = TestPo::new("NET", "LONE");
    let number = |text: &String| text.split(' ').next().unwrap().to_owned();
    po.add_user("one", "One");
    po.add_user("two", "Two");
    assert_eq!(
        po.waiting().iter().map(number).collect::<Vec<_>>(),
        ["1", "2"]
    );
    // It was the server and is it no more: it is still a requestor, and changes wait.
    po.edit(server::on).unwrap();
    po.edit(server::off).unwrap();
    po.add_user("three", "Three");
    assert_eq!(po.waiting().len(), 3);
    let conf = || ReqConfRecord::decode(&po.bytes("GLB/REQCONF.GLB").unwrap()).unwrap();
    let mut used = conf();
    used.req_sync.set(9);
    used.srv_sync.set(7);
    po.put("GLB/REQCONF.GLB", &used.encode());
    po.edit(crate::postoffice::listds::zero).unwrap();
    assert_eq!((conf().req_sync.get(), conf().srv_sync.get()), (0, 0));
}

// rule: dsp:R-REC-006
#[test]
fn a_lost_reqconf_is_replaced_by_another_ones_and_reset() {
    let mut net = settled(2);
    let other = net.pos["NET/RB"].bytes("GLB/REQCONF.GLB").unwrap();
    for damage in [None, Some(&other[..500])] {
        match damage {
            None => net.pos["NET/RA"]
                .edit(|edit| Ok(edit.remove("GLB/REQCONF.GLB")?))
                .unwrap(),
            Some(bytes) => net.pos["NET/RA"].put("GLB/REQCONF.GLB", bytes),
        }
        let report = net.step(Step::T1, "NET/RA");
        let failure = &report.members[0].failures[0].message;
        assert!(
            failure.contains("Could not access Requestor's configuration information"),
            "{failure}"
        );
        let refused = net.pos["NET/RA"].lists(|lists, edit| {
            lists.add_user(edit, &crate::postoffice::testtree::user("x", "X"))
        });
        assert!(refused.is_err());
    }
    // Another postoffice's, and a local reset on both sides.
    net.pos["NET/RA"].put("GLB/REQCONF.GLB", &other);
    net.pos["NET/RA"]
        .edit(crate::postoffice::listds::zero)
        .unwrap();
    net.pos["NET/RA"].put("GLB/REQTRANS.GLB", &[]);
    net.pos["NET/SRV"]
        .edit(|edit| {
            requestors::remove(edit, &po("NET/RA"))?;
            let new = requestors::NewRequestor {
                name: po("NET/RA"),
                password: Password::default(),
                mailbox: None,
            };
            requestors::add(edit, &new)
        })
        .unwrap();
    net.add("NET/RA", "new");
    net.pos["NET/RA"]
        .lists(|lists, edit| lists.export(edit))
        .unwrap();
    net.run();
    net.run();
    net.assert_equal(7);
}

// rule: dsp:R-MAN-001
#[test]
fn a_cycle_by_hand_does_what_a_run_does() {
    let mut net = Net::new(&NAMES, 2, false);
    for _ in 0..2 {
        for name in NAMES {
            net.done(Step::T1, name);
        }
        net.deliver();
        net.done(Step::T2, "NET/SRV");
        net.deliver();
        for name in NAMES {
            net.done(Step::T3, name);
        }
    }
    net.assert_equal(6);
    net.assert_clean();
    // A server that has no T3 still waits with its own reply, and nobody takes it for a fault before
    // a cycle has passed.
    net.add("NET/RA", "new");
    for name in NAMES {
        net.done(Step::T1, name);
    }
    net.deliver();
    net.done(Step::T2, "NET/SRV");
    net.deliver();
    net.done(Step::T2, "NET/SRV");
    assert!(!net.log("NET/SRV").contains("[133]"));
    net.now += 3600;
    net.done(Step::T2, "NET/SRV");
    assert!(
        net.log("NET/SRV")
            .contains("Error  [133] Invalid Server Request PCM:NET/SRV")
    );
}

// rule: dsp:R-BUG-11
#[test]
fn addresses_of_x400_in_the_very_first_cycle_go_through() {
    use crate::core::format::transactions::Record;
    let mut net = Net::new(&NAMES, 1, false);
    let text = b"A Long One\tX400:c=us;a=mci;p=company;o=organisation;ou1=unit;s=One;g=Long";
    for name in NAMES {
        net.conf(name, |conf| {
            conf.types = crate::core::base::CpField::from_bytes(b"PCM|X400").unwrap();
        });
    }
    let mut waiting = net.pos["NET/RA"].bytes("GLB/REQTRANS.GLB").unwrap();
    Record::transaction(3, net.now, text)
        .encode_into(&mut waiting)
        .unwrap();
    net.pos["NET/RA"].put("GLB/REQTRANS.GLB", &waiting);
    net.run();
    net.run();
    net.assert_equal(3);
    let master = net.pos["NET/SRV"].bytes("GLB/MSTTRANS.GLB").unwrap();
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
    assert!(has(&master, b"X400:c=us;a=mci"));
    // No gateway is installed here, which is said for the entry and stops nothing (Q122751).
    assert!(net.log("NET/RB").contains("[ 44] Gateway not installed"));
}

// rule: dsp:R-LIM-004
#[test]
fn the_largest_message_of_a_route_does_not_stop_mail_of_the_system() {
    let mut net = settled(2);
    for name in ["NET/SRV", "NET/RA", "NET/RB"] {
        let others = NAMES.iter().filter(|other| **other != name);
        for other in others {
            let place = net.pos[name]
                .edit(|edit| externals::find(edit, &po(other)))
                .unwrap();
            let Some((xtn, at, mut record)) = place else {
                continue;
            };
            record.max_kb.set(1);
            let path = format!("XTN/{xtn}.XTN");
            let mut bytes = net.pos[name].bytes(&path).unwrap();
            let encoded = record.encode();
            bytes[at * encoded.len()..][..encoded.len()].copy_from_slice(&encoded);
            net.pos[name].put(&path, &bytes);
        }
    }
    for user in 0..60 {
        net.add("NET/RA", &format!("x{user}"));
    }
    net.run();
    net.assert_equal(66);
}

// rule: dsp:R-STA-001
// rule: dsp:R-STA-003
#[test]
fn the_status_log_says_in_numbers_what_the_log_says_and_comes_a_cycle_later() {
    use crate::core::base::logline::{read_numeric_line, read_text_line};
    let mut net = Net::new(&NAMES, 2, false);
    net.run();
    let read = |net: &Net, name: &str, path: &str| {
        String::from_utf8(net.pos[name].bytes(path).unwrap_or_default()).unwrap()
    };
    // T1 emptied it: what stands there is all that T3 said.
    let numeric = read(&net, "NET/RA", "LOG/DSSERVER.LOG");
    let text = net.log("NET/RA");
    let numeric: Vec<_> = numeric
        .lines()
        .map(|line| read_numeric_line(line).unwrap())
        .collect();
    let text: Vec<_> = text
        .lines()
        .map(|line| read_text_line(line).unwrap())
        .collect();
    assert!(numeric.len() > 5 && text.len() >= numeric.len());
    for (numeric, text) in numeric.iter().zip(&text[text.len() - numeric.len()..]) {
        assert_eq!((numeric.time, numeric.severity), (text.time, text.severity));
        match numeric.code {
            None => assert_eq!(numeric.text, text.text),
            Some(_) => assert!(text.text.ends_with(&numeric.text), "{numeric:?} {text:?}"),
        }
    }
    // The first cycle's T3 is not in CENTRAL.LOG before the second cycle's T2.
    let central = |net: &Net| read(net, "NET/SRV", "LOG/CENTRAL.LOG");
    assert!(!central(&net).contains(" | 1 105 "), "{}", central(&net));
    net.run();
    assert_eq!(central(&net).matches(" | 1 105 ").count(), 3);
}
