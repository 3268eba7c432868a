use crate::core::base::address::{AddressType, PoName};
use crate::core::base::time::UnixTime;
use crate::core::format::FixedRecord as _;
use crate::core::format::process::{PROCESS, ProcessHeader, ProcessId, ProcessRecord};
use crate::core::format::record::LIVE;
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::format::srvconf::{SRVCONF, SrvConfRecord};
use crate::postoffice::error::PoError;
use crate::postoffice::externals::{NewExternal, add as add_external};
use crate::postoffice::testtree::{TestPo, user};
use crate::tree::ErrorClass;

use super::options::{OptionsChange, parse_types, set, show};
use super::requestors::{self, NewRequestor};
use super::{export, password, registration, server};

fn name(text: &str) -> PoName {
    text.parse().unwrap()
}

fn montgomery() -> TestPo {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    for other in ["POLYNOMIAL/NOVEMBER", "POLYNOMIAL/OCTOBER"] {
        let new = NewExternal {
            name: name(other),
            via: None,
            path: None,
            autocreated: false,
        };
        po.edit(|edit| add_external(edit, &new)).unwrap();
    }
    po
}

fn reqconf(po: &TestPo) -> ReqConfRecord {
    ReqConfRecord::decode(&po.bytes("GLB/REQCONF.GLB").unwrap()).unwrap()
}

fn set_reqconf(po: &TestPo, change: impl FnOnce(&mut ReqConfRecord)) {
    let mut conf = reqconf(po);
    change(&mut conf);
    po.put("GLB/REQCONF.GLB", &conf.encode());
}

fn new(text: &str, secret: &[u8]) -> NewRequestor {
    NewRequestor {
        name: name(text),
        password: password(secret).unwrap(),
        mailbox: None,
    }
}

// rule: dsp:R-ROLE-003
// rule: dsp:R-ROLE-008
// rule: tra:R-ADM-020
// rule: tra:R-ADM-026
#[test]
fn a_new_server_is_its_own_requestor() {
    let po = montgomery();
    assert!(!po.edit(server::on).unwrap().already);
    assert_eq!(po.bytes("GLB/SRVCONF.GLB").unwrap().len(), 2048);
    assert_eq!(po.bytes("GLB/MSTTRANS.GLB").unwrap().len(), 0);
    assert_eq!(po.bytes("GLB/MASTER.GLB").unwrap()[43], 1);
    let listed = po.edit(requestors::all).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name, "POLYNOMIAL/MONTGOMERY");
    let shown = po.edit(show).unwrap();
    assert_eq!(shown.server.as_deref(), Some("POLYNOMIAL/MONTGOMERY"));
    assert_eq!(shown.server_options.unwrap().administrator, "Admin");
    let before = po.snapshot();
    assert!(po.edit(server::on).unwrap().already);
    assert_eq!(po.snapshot(), before);
    po.assert_clean();
}

// rule: pof:R-WG-007
// rule: tra:R-ADM-004
#[test]
fn a_workgroup_postoffice_takes_no_part() {
    let po = montgomery();
    let mut master = po.bytes("GLB/MASTER.GLB").unwrap();
    master[6] = 0;
    po.put("GLB/MASTER.GLB", &master);
    let before = po.snapshot();
    let server = name("POLYNOMIAL/MONTGOMERY");
    for error in [
        po.edit(server::on).unwrap_err(),
        po.edit(|edit| registration::register(edit, &server, None))
            .unwrap_err(),
    ] {
        assert!(error.to_string().contains("Workgroup"), "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(po.snapshot(), before);
}

// rule: dsp:R-ROLE-006
#[test]
fn numbers_of_another_server_stop_the_switch() {
    let po = montgomery();
    set_reqconf(&po, |conf| conf.srv_sync.set(80));
    let error = po.edit(server::on).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(error.hint().unwrap().contains("--zero"));
}

// rule: dsp:R-ROLE-007
// rule: dsp:R-BUG-29
// rule: tra:R-ADM-021
// rule: dec:DEC-054
// rule: pof:R-DSY-011
#[test]
fn switching_off_removes_files_and_t2_entries() {
    let po = montgomery();
    po.edit(server::on).unwrap();
    let entry = |id: ProcessId| {
        let mut record = ProcessRecord::zeroed();
        record.state = LIVE;
        record.id = id.code();
        record
    };
    let entries = [
        entry(ProcessId::T1),
        entry(ProcessId::T2),
        entry(ProcessId::T3),
    ];
    po.put(
        "GLB/PROCESS.GLB",
        &PROCESS.build(&ProcessHeader::fresh(b"UTC"), &entries),
    );
    let done = po.edit(server::off).unwrap();
    assert_eq!(
        (done.requestors, done.t2_entries, done.already),
        (1, 1, false)
    );
    assert_eq!(po.bytes("GLB/SRVCONF.GLB"), None);
    assert_eq!(po.bytes("GLB/MSTTRANS.GLB"), None);
    assert_eq!(po.bytes("GLB/MASTER.GLB").unwrap()[43], 0);
    let bytes = po.bytes("GLB/PROCESS.GLB").unwrap();
    let live: Vec<_> = PROCESS
        .view(&bytes)
        .unwrap()
        .records
        .iter()
        .filter(|record| record.is_live())
        .filter_map(ProcessRecord::process)
        .collect();
    assert_eq!(live, [ProcessId::T1, ProcessId::T3]);
    assert_eq!(po.edit(show).unwrap().server, None);
    assert!(po.edit(server::off).unwrap().already);
    po.assert_clean();
}

// rule: tra:R-ADM-022
// rule: tra:R-ADM-023
// rule: tra:R-ADM-024
// rule: dsp:R-ROLE-004
// rule: dsp:R-PWD-001
#[test]
fn requestors_are_created_in_the_first_free_record() {
    let po = montgomery();
    let error = po
        .edit(|edit| requestors::add(edit, &new("POLYNOMIAL/NOVEMBER", b"")))
        .unwrap_err();
    assert!(error.is_usage(), "{error}");
    po.edit(server::on).unwrap();
    for (text, secret) in [
        ("POLYNOMIAL/NOVEMBER", &b"secret"[..]),
        ("POLYNOMIAL/OCTOBER", b""),
    ] {
        po.edit(|edit| requestors::add(edit, &new(text, secret)))
            .unwrap();
    }
    assert_eq!(po.bytes("GLB/SRVCONF.GLB").unwrap().len(), 4096);
    let unknown = po
        .edit(|edit| requestors::add(edit, &new("POLYNOMIAL/MAY", b"")))
        .unwrap_err();
    assert!(unknown.to_string().starts_with("notice 42"), "{unknown}");
    let twice = po.edit(|edit| requestors::add(edit, &new("polynomial/october", b"")));
    assert!(twice.unwrap_err().is_usage());
    // The record got numbers; deleted and created again it has none.
    let mut bytes = po.bytes("GLB/SRVCONF.GLB").unwrap();
    bytes[1024 + 1024 + 64] = 18;
    po.put("GLB/SRVCONF.GLB", &bytes);
    po.edit(|edit| requestors::remove(edit, &name("POLYNOMIAL/NOVEMBER")))
        .unwrap();
    assert_eq!(po.edit(requestors::all).unwrap().len(), 2);
    po.edit(|edit| requestors::add(edit, &new("POLYNOMIAL/NOVEMBER", b"other")))
        .unwrap();
    let bytes = po.bytes("GLB/SRVCONF.GLB").unwrap();
    let records: &[SrvConfRecord] = SRVCONF.view(&bytes).unwrap().records;
    assert_eq!((records.len(), records[1].req_sync.get()), (3, 0));
    assert!(records[1].accepts(b"other") && !records[1].accepts(b"secret"));
    po.edit(|edit| requestors::set_password(edit, &name("POLYNOMIAL/NOVEMBER"), password(b"")?))
        .unwrap();
    assert!(!po.edit(requestors::all).unwrap()[1].password_set);
    let own = po.edit(|edit| requestors::remove(edit, &name("POLYNOMIAL/MONTGOMERY")));
    assert_eq!(own.unwrap_err().class(), ErrorClass::Refused);
    assert!(password(b"sixteen bytes is").is_err());
    po.assert_clean();
}

// rule: tra:R-ADM-029
// rule: dsp:R-ROLE-002
#[test]
fn a_requestor_names_one_server_that_it_knows() {
    let po = montgomery();
    let register = |text: &str, secret: Option<&[u8]>| {
        po.edit(|edit| {
            let secret = secret.map(password).transpose()?;
            registration::register(edit, &name(text), secret)
        })
    };
    let unknown = register("POLYNOMIAL/MAY", None).unwrap_err();
    assert!(unknown.to_string().starts_with("notice 42"), "{unknown}");
    assert!(
        register("POLYNOMIAL/MONTGOMERY", None)
            .unwrap_err()
            .is_usage()
    );
    assert!(register("POLYNOMIAL/NOVEMBER", Some(b"x")).unwrap().changed);
    assert!(!register("POLYNOMIAL/NOVEMBER", None).unwrap().changed);
    assert_eq!(reqconf(&po).password.text(), b"x");
    set_reqconf(&po, |conf| conf.req_sync.set(3));
    let moved = register("POLYNOMIAL/OCTOBER", None).unwrap();
    assert_eq!(moved.previous.as_deref(), Some("POLYNOMIAL/NOVEMBER"));
    assert_eq!(moved.warnings.len(), 1);
    po.edit(server::on).unwrap();
    assert_eq!(
        register("POLYNOMIAL/NOVEMBER", None).unwrap_err().class(),
        ErrorClass::Refused
    );
    po.assert_clean();
}

// rule: tra:R-ADM-031
// rule: tra:R-ADM-027
// rule: dec:DEC-048
// rule: dec:DEC-049
// rule: tra:OQ-12
#[test]
fn options_read_back_as_set() {
    let po = montgomery();
    let before = po.edit(show).unwrap();
    assert!(before.autocreate && before.rebuild && before.updates && !before.global_list);
    assert_eq!(before.types, ["PCM"]);
    let change = OptionsChange {
        limit_kb: Some(64),
        types: Some(parse_types("pcm, SMTP|csi").unwrap()),
        send_templates: Some(true),
        receive_templates: Some(true),
        autocreate: Some(false),
        rebuild: Some(false),
        updates: Some(false),
        global_list: Some(true),
        hop_limit: Some(7),
        ..OptionsChange::default()
    };
    let warnings = po.edit(|edit| set(edit, &change, po.now)).unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let after = po.edit(show).unwrap();
    assert_eq!((after.limit_kb, after.hop_limit), (64, 7));
    assert_eq!(after.types, ["PCM", "SMTP"]);
    assert!(after.send_templates && after.receive_templates && after.global_list);
    assert!(!after.autocreate && !after.rebuild && !after.updates);
    let keep = |days| OptionsChange {
        keep_updates: Some(days),
        ..OptionsChange::default()
    };
    assert!(
        po.edit(|edit| set(edit, &keep(5), po.now))
            .unwrap_err()
            .is_usage()
    );
    po.edit(server::on).unwrap();
    po.add_user("boss", "The Boss");
    let server = OptionsChange {
        administrator: Some(b"boss".to_vec()),
        ..keep(5)
    };
    po.edit(|edit| set(edit, &server, po.now)).unwrap();
    let shown = po.edit(show).unwrap().server_options.unwrap();
    assert_eq!(
        (shown.keep_updates, shown.administrator.as_str()),
        (5, "boss")
    );
    for days in [0, 1000] {
        assert!(
            po.edit(|edit| set(edit, &keep(days), po.now))
                .unwrap_err()
                .is_usage()
        );
    }
    assert!(parse_types("PCM|NONE").is_err() && parse_types(" , ").is_err());
    assert_eq!(parse_types("MS").unwrap(), [AddressType::Pcm]);
    po.assert_clean();
}

/// The postoffice of the published listing.
pub(crate) fn published() -> TestPo {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    for (mailbox, full_name) in [
        ("able", "able is he who knows his limit"),
        ("apple", "apple"),
        ("paul", "Paul"),
        ("bryan", "Bryan"),
        ("mark", "Mark"),
    ] {
        po.add_user(mailbox, full_name);
    }
    po.lists(|lists, edit| lists.export(edit)).unwrap();
    po
}

// rule: dsp:R-T0-005
// rule: dec:DEC-059
// rule: tra:R-ADM-036
#[test]
fn an_export_is_the_published_listing() {
    let po = published();
    let waiting = po.waiting();
    assert_eq!(
        waiting,
        [
            "1 R PCM:POLYNOMIAL/MONTGOMERY",
            "2 A able is he who knows his limit|PCM:POLYNOMIAL/MONTGOMERY/able",
            "3 A apple|PCM:POLYNOMIAL/MONTGOMERY/apple",
            "4 A Paul|PCM:POLYNOMIAL/MONTGOMERY/paul",
            "5 A Bryan|PCM:POLYNOMIAL/MONTGOMERY/bryan",
            "6 A Mark|PCM:POLYNOMIAL/MONTGOMERY/mark",
        ]
    );
    assert_eq!(reqconf(&po).last_export.get(), po.now.0);
    assert_eq!(export::repeated(&reqconf(&po), 6), Some(po.now));
    // Again: the same, because nothing was sent.
    let again = po.lists(|lists, edit| lists.export(edit)).unwrap();
    assert_eq!(
        (again.first, again.last, again.dropped, again.users),
        (1, 6, 6, 5)
    );
    assert_eq!(po.waiting(), waiting);
    po.assert_clean();
}

// rule: dec:DEC-059
#[test]
fn an_export_keeps_what_was_sent_and_what_is_not_of_the_own_list() {
    let po = published();
    // Six were sent, none confirmed; a gateway's entry was put in by hand.
    set_reqconf(&po, |conf| {
        conf.last_sent.set(6);
        conf.last_t1.set(po.now.0 + 1);
    });
    assert_eq!(export::repeated(&reqconf(&po), 6), None);
    // T1 within the second of the export: the numbers tell.
    set_reqconf(&po, |conf| conf.last_t1.set(po.now.0));
    assert_eq!(export::repeated(&reqconf(&po), 6), None);
    assert_eq!(export::repeated(&reqconf(&po), 7), Some(po.now));
    let mut bytes = po.bytes("GLB/REQTRANS.GLB").unwrap();
    let foreign = crate::core::format::transactions::Record::transaction(7, 1, b"A X\tSMTP:x@y");
    foreign.encode_into(&mut bytes).unwrap();
    bytes.extend_from_slice(b"damage");
    po.put("GLB/REQTRANS.GLB", &bytes);
    po.add_user("zoe", "Zoe");
    let done = po.lists(|lists, edit| lists.export(edit)).unwrap();
    assert_eq!((done.first, done.last, done.dropped), (8, 14, 1));
    assert_eq!(done.warnings.len(), 1, "{done:?}");
    let bytes = po.bytes("GLB/REQTRANS.GLB").unwrap();
    assert!(bytes.windows(6).any(|window| window == b"damage"));
}

// rule: dsp:R-T0-006
// rule: tra:R-ADM-037
#[test]
fn without_its_file_an_export_fails_and_leaves_the_time_alone() {
    let po = published();
    set_reqconf(&po, |conf| conf.last_export.set(5));
    po.edit(|edit| Ok(edit.remove("GLB/REQTRANS.GLB")?))
        .unwrap();
    let error = po.lists(|lists, edit| lists.export(edit)).unwrap_err();
    assert!(
        matches!(&error, PoError::List(error) if error.number() == Some(2)),
        "{error}"
    );
    assert_eq!(po.edit(show).unwrap().last_export, UnixTime(5));
}

// rule: dsp:R-T0-004
// rule: imp:R-TPL-001
#[test]
fn templates_go_first_and_groups_last() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    po.put("TPL/ADMIN.TPL", b"Surname:~15~10~ULP~~\r\n");
    let change = OptionsChange {
        send_templates: Some(true),
        ..OptionsChange::default()
    };
    po.edit(|edit| set(edit, &change, po.now)).unwrap();
    let mut paul = user("paul", "Paul");
    paul.info = vec![crate::postoffice::lists::templates::TemplateValue {
        prompt: b"Surname".to_vec(),
        value: b"Walker".to_vec(),
    }];
    po.lists(|lists, edit| lists.add_user(edit, &paul)).unwrap();
    po.lists(|lists, edit| {
        lists.add_group(
            edit,
            &crate::postoffice::groups::NewGroup {
                address: b"all".to_vec(),
                name: b"All".to_vec(),
                dirsync: true,
                members: vec![b"paul".to_vec()],
            },
        )
    })
    .unwrap();
    po.lists(|lists, edit| lists.export(edit)).unwrap();
    assert_eq!(
        po.waiting(),
        [
            "1 R PCM:POLYNOMIAL/MONTGOMERY",
            "2 T PCM:POLYNOMIAL/MONTGOMERY\r\n Surname:~15~10~ULP~~",
            "3 A Paul|PCM:POLYNOMIAL/MONTGOMERY/paul\r\n- Surname:/Walker",
            "4 A All|PCM:POLYNOMIAL/MONTGOMERY/all",
        ]
    );
    po.assert_clean();
}

// rule: tra:R-ADM-038
// rule: dec:DEC-033
#[test]
fn an_import_request_is_a_message_and_changes_no_number() {
    use super::import_request::{import_request, repeated};
    let po = montgomery();
    let error = po.edit(|edit| import_request(edit, po.now)).unwrap_err();
    assert!(
        matches!(&error, PoError::List(error) if error.number() == Some(54)),
        "{error}"
    );
    po.edit(|edit| registration::register(edit, &name("POLYNOMIAL/NOVEMBER"), None))
        .unwrap();
    set_reqconf(&po, |conf| conf.imp_sync.set(1));
    let sent = po.edit(|edit| import_request(edit, po.now)).unwrap();
    assert_eq!(sent.server, "POLYNOMIAL/NOVEMBER");
    let mai = po
        .bytes(&crate::core::base::ident::mai_path(sent.message))
        .unwrap();
    let text = crate::core::format::mai::Mai::decode(&mai)
        .unwrap()
        .mai
        .text;
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("task=importreq") && text.contains("impseq=0000000001"),
        "{text}"
    );
    assert_eq!(po.bytes("MBG/INQUEUE.MBG").unwrap().len(), 116);
    assert_eq!(repeated(&reqconf(&po)), Some(po.now));
    assert_eq!(reqconf(&po).imp_sync.get(), 1);
    po.assert_clean();
    po.edit(server::on).unwrap();
    let own = po.edit(|edit| import_request(edit, po.now)).unwrap_err();
    assert_eq!(own.class(), ErrorClass::Refused);
}

// rule: dsp:R-REC-008
#[test]
fn an_import_request_that_cannot_be_queued_is_notice_40() {
    use super::import_request::import_request;
    let ready = || {
        let po = montgomery();
        po.edit(|edit| registration::register(edit, &name("POLYNOMIAL/NOVEMBER"), None))
            .unwrap();
        po
    };
    let notice = |po: &TestPo| {
        let before = po.snapshot();
        let error = po.edit(|edit| import_request(edit, po.now)).unwrap_err();
        assert_eq!(po.snapshot(), before);
        let PoError::List(list) = &error else {
            panic!("{error}");
        };
        assert_eq!(list.number(), Some(40), "{error}");
        assert!(
            error
                .to_string()
                .contains("Error in sending updated users and groups"),
            "{error}"
        );
        assert!(error.hint().is_some());
        error.to_string()
    };
    for (path, bytes) in [
        ("GLB/CONTROL.GLB", Some(&[0u8; 7][..])),
        ("GLB/CONTROL.GLB", None),
        ("MBG/INQUEUE.MBG", None),
        ("KEY/INQUEUE.KEY", None),
        ("KEY/INQUEUE.KEY", Some(&[0; 559])),
    ] {
        let po = ready();
        match bytes {
            Some(bytes) => po.put(path, bytes),
            None => po.edit(|edit| Ok(edit.remove(path)?)).unwrap(),
        }
        let said = notice(&po);
        let stem = path[4..].split_once('.').unwrap().0;
        assert!(said.contains(stem), "{said}");
    }
    for dir in ["P1", "MAI/MA7"] {
        let mut po = ready();
        let mut nodes = po.disk.snapshot();
        nodes.retain(|path, _| path != dir && !path.starts_with(&format!("{dir}/")));
        po.disk = crate::tree::disk::mem::MemDisk::from_snapshot(&nodes).unwrap();
        assert!(notice(&po).contains(dir));
    }
}

// rule: dsp:R-BUG-10
// rule: tra:R-ADM-028
#[test]
fn a_long_name_of_the_administrator_leaves_keep_updates_alone() {
    let po = montgomery();
    po.edit(server::on).unwrap();
    let set = |change: OptionsChange| po.edit(|edit| super::options::set(edit, &change, po.now));
    set(OptionsChange {
        keep_updates: Some(21),
        ..OptionsChange::default()
    })
    .unwrap();
    po.add_user("tencharsok", "Ten");
    set(OptionsChange {
        administrator: Some(b"tencharsok".to_vec()),
        ..OptionsChange::default()
    })
    .unwrap();
    let server = po.edit(show).unwrap().server_options.unwrap();
    assert_eq!(
        (server.keep_updates, server.administrator.as_str()),
        (21, "tencharsok")
    );
    let long = OptionsChange {
        administrator: Some(b"elevenchars".to_vec()),
        ..OptionsChange::default()
    };
    assert!(set(long).is_err());
    let server = po.edit(show).unwrap().server_options.unwrap();
    assert_eq!(server.keep_updates, 21);
}
