use crate::core::base::codepage::CodePage;
use crate::core::base::{HexId, Tid};
use crate::core::format::FixedRecord as _;
use crate::core::format::key::Key;
use crate::core::format::mai::{Mai, read_counter};
use crate::core::format::mailbag::Mailbag;
use crate::core::format::mbg::MbgRecord;
use crate::core::format::nme::NmeRecord;
use crate::core::format::reqconf::{ReqConfRecord, req_options};

use super::templates::TemplateValue;
use super::users::{NewUser, UserChange};
use crate::postoffice::error::PoError;
use crate::postoffice::list_error::ListError;
use crate::postoffice::testtree::{TestPo, user};

fn po() -> TestPo {
    TestPo::new("POLYNOMIAL", "MONTGOMERY")
}

fn notice_of(error: PoError) -> i32 {
    match error {
        PoError::List(error) => error.number().unwrap_or_else(|| panic!("{error}")),
        other => panic!("{other}"),
    }
}

fn add(po: &TestPo, new: &NewUser) -> Result<super::users::Added, PoError> {
    po.lists(|lists, edit| lists.add_user(edit, new))
}

fn aliases(po: &TestPo) -> Vec<String> {
    po.read(|lists| lists.pol().map(|entry| entry.alias).collect())
}

// rule: tra:R-ADM-060
// rule: imp:R-LOC-001
// rule: pof:R-NAM-011
// rule: dsp:R-T0-001
// rule: pof:R-NME-003
// rule: pof:D-16
// rule: tra:R-TRN-013
#[test]
fn a_new_user_has_records_an_entry_and_files() {
    let po = po();
    let added = add(&po, &user("paul", "Paul")).unwrap();
    assert_eq!((added.mailbag, added.tid), (HexId(2), Tid(2)));
    assert_eq!(added.effects.transactions.len(), 1);
    for (path, len) in [
        ("GLB/ACCESS.GLB", 1172),
        ("GLB/ACCESS2.GLB", 138),
        ("GLB/ACCESS3.GLB", 1024),
        ("NME/ADMIN.NME", 90),
        ("NME/ADMINSHD.NME", 90),
        ("KEY/00000002.KEY", 560),
        ("MBG/00000002.MBG", 0),
        ("NME/00000002.NME", 0),
        ("GRP/00000002.GRP", 8),
        ("FOLDERS/LOC/00000002/00000002.IDX", 100),
        ("REQTRANS", 0),
    ] {
        if path != "REQTRANS" {
            assert_eq!(po.bytes(path).unwrap().len(), len, "{path}");
        }
    }
    assert_eq!(po.bytes("NME/ADMIN.NME"), po.bytes("NME/ADMINSHD.NME"));
    let entry = NmeRecord::decode(&po.bytes("NME/ADMIN.NME").unwrap()[45..]).unwrap();
    assert_eq!(
        (entry.tid.get(), entry.pointer.get(), entry.hexid.get()),
        (2, 69, 2)
    );
    assert_eq!(po.bytes("GLB/FLAG.GLB").unwrap(), [1, 0]);
    assert_eq!(po.waiting(), ["1 A Paul|PCM:POLYNOMIAL/MONTGOMERY/paul"]);
    po.assert_clean();
}

// rule: dsp:R-T0-003
// rule: dsp:R-T0-002
// rule: tra:R-ADM-064
#[test]
fn who_takes_no_part_is_not_told() {
    let po = po();
    add(
        &po,
        &NewUser {
            dirsync: false,
            ..user("anna", "Anna")
        },
    )
    .unwrap();
    assert!(po.waiting().is_empty());
    let change = |dirsync| UserChange {
        dirsync: Some(dirsync),
        ..UserChange::default()
    };
    for dirsync in [true, true, false] {
        po.lists(|lists, edit| lists.modify_user(edit, b"ANNA", &change(dirsync)))
            .unwrap();
    }
    assert_eq!(
        po.waiting(),
        [
            "1 A Anna|PCM:POLYNOMIAL/MONTGOMERY/anna",
            "2 D Anna|PCM:POLYNOMIAL/MONTGOMERY/anna",
        ]
    );
    assert_eq!(aliases(&po), ["Administrator", "Anna"]);
    po.assert_clean();
}

// rule: pof:R-ACC-005
// rule: pof:R-ACC-006
// rule: dec:DEC-095
// rule: pof:D-08
#[test]
fn names_that_are_taken_or_wrong_are_refused_by_number() {
    let po = po();
    po.add_user("paul", "Paul");
    let before = po.snapshot();
    for (mailbox, name, number) in [
        ("PAUL", "Other", 21),
        ("other", "pAUL", 58),
        ("", "Other", 61),
        ("a b", "Other", 71),
        ("$SYSTEM", "Other", 71),
        ("elevenchars", "Other", 20),
        ("other", "", 46),
        ("other", "a name of thirty-one characters", 72),
    ] {
        assert_eq!(
            notice_of(add(&po, &user(mailbox, name)).unwrap_err()),
            number,
            "{mailbox} {name}"
        );
    }
    let admin = po
        .lists(|lists, edit| lists.remove_user(edit, b"admin"))
        .unwrap_err();
    assert_eq!(notice_of(admin), 23);
    let missing = po
        .lists(|lists, edit| lists.remove_user(edit, b"nobody"))
        .unwrap_err();
    assert!(missing.is_usage());
    assert_eq!(po.snapshot(), before);
}

// rule: tra:R-ADM-066
// rule: imp:R-LOC-007
// rule: pof:R-ACC-010
#[test]
fn more_than_500_users_are_a_warning_unless_the_limits_are_strict() {
    let po = po();
    let (last, refused) = po
        .lists(|lists, edit| {
            for n in 1..500 {
                lists.add_user(edit, &user(&format!("u{n}"), &format!("User {n}")))?;
            }
            let strict = NewUser {
                strict_limits: true,
                ..user("u500", "User 500")
            };
            let refused = lists.add_user(edit, &strict).unwrap_err();
            Ok((lists.add_user(edit, &user("u500", "User 500"))?, refused))
        })
        .unwrap();
    assert_eq!(notice_of(refused), 20);
    assert!(last.effects.warnings[0].contains("500"), "{last:?}");
    let findings = po.findings();
    assert!(
        findings.len() <= 1 && findings.iter().all(|f| f.contains("limit")),
        "{findings:?}"
    );
    assert_eq!(po.waiting().len(), 500);
}

// rule: pof:R-ACC-002
// rule: pof:R-TID-001
// rule: tra:R-ADM-065
// rule: imp:R-LOC-004
// rule: pof:R-FLD-004
#[test]
fn the_record_of_a_removed_user_serves_the_next_one() {
    let po = po();
    po.add_user("paul", "Paul");
    po.add_user("mark", "Mark");
    po.lists(|lists, edit| lists.remove_user(edit, b"Paul"))
        .unwrap();
    for path in [
        "MBG/00000002.MBG",
        "KEY/00000002.KEY",
        "NME/00000002.NME",
        "GRP/00000002.GRP",
    ] {
        assert_eq!(po.bytes(path), None, "{path}");
    }
    assert_eq!(po.view().stat("FOLDERS/LOC/00000002").unwrap(), None);
    assert_eq!(po.bytes("GLB/ACCESS.GLB").unwrap().len(), 3 * 586);
    po.assert_clean();
    let again = add(&po, &user("paul", "Paul")).unwrap();
    assert_eq!((again.mailbag, again.tid), (HexId(4), Tid(4)));
    assert_eq!(po.bytes("GLB/ACCESS.GLB").unwrap().len(), 3 * 586);
    assert_eq!(po.read(|lists| lists.show_user(b"paul").unwrap().index), 1);
    assert_eq!(
        po.waiting(),
        [
            "1 A Paul|PCM:POLYNOMIAL/MONTGOMERY/paul",
            "2 A Mark|PCM:POLYNOMIAL/MONTGOMERY/mark",
            "3 D Paul|PCM:POLYNOMIAL/MONTGOMERY/paul",
            "4 A Paul|PCM:POLYNOMIAL/MONTGOMERY/paul",
        ]
    );
    po.assert_clean();
}

// rule: pof:R-MAI-003
#[test]
fn mail_that_others_hold_stays_and_mail_that_nobody_holds_goes() {
    let po = po();
    po.add_user("paul", "Paul");
    po.add_user("mark", "Mark");
    let deliver = |id: HexId, counter: u16, to: &[HexId], attachment: Option<HexId>| {
        po.edit(|edit| {
            let sender = b"POLYNOMIAL/MONTGOMERY/Admin";
            let mut mai = Mai::new(sender, 1, b"X/Y/00000001-0000000001".to_vec());
            mai.counter = counter;
            if let Some(stem) = attachment {
                mai = mai.attach(b"A.TXT", stem, 3);
                edit.create(&crate::core::base::ident::att_path(stem), b"abc".to_vec())?;
            }
            edit.create(
                &crate::core::base::ident::mai_path(id),
                mai.encode().unwrap(),
            )?;
            for bag in to {
                let (mbg, key) = (format!("MBG/{bag}.MBG"), format!("KEY/{bag}.KEY"));
                let mut old_key = Key::view(edit.read(&key)?.unwrap()).unwrap().clone();
                let mut bytes = edit.read(&mbg)?.unwrap().to_vec();
                let header = MbgRecord::new(b"Admin", b"hello", id, 1).unwrap();
                let change = Mailbag::view(&old_key.clone(), &bytes)
                    .unwrap()
                    .append(&[header])
                    .unwrap();
                change.apply(&mut old_key, &mut bytes);
                edit.write(&mbg, bytes)?;
                edit.write(&key, old_key.bytes().to_vec())?;
            }
            Ok(())
        })
        .unwrap();
    };
    let (paul, mark) = (HexId(2), HexId(3));
    deliver(HexId(1), 2, &[paul, mark], None);
    deliver(HexId(0x12), 1, &[paul], Some(HexId(0x11)));
    po.edit(|edit| {
        let mut control = edit.read("GLB/CONTROL.GLB")?.unwrap().to_vec();
        control[4] = 0x13;
        Ok(edit.write("GLB/CONTROL.GLB", control)?)
    })
    .unwrap();
    let (removed, _) = po
        .lists(|lists, edit| lists.remove_user(edit, b"paul"))
        .unwrap();
    assert_eq!((removed.headers, removed.messages), (2, 1));
    assert!(removed.warnings.is_empty(), "{removed:?}");
    assert_eq!(po.bytes("MAI/MA2/00000012.MAI"), None);
    assert_eq!(po.bytes("ATT/AT1/00000011.ATT"), None);
    assert_eq!(
        read_counter(&po.bytes("MAI/MA1/00000001.MAI").unwrap()),
        Ok(1)
    );
    po.assert_clean();
}

// rule: imp:R-LOC-006
#[test]
fn a_change_of_name_or_mailbox_is_one_modification() {
    let po = po();
    po.add_user("paul", "Paul");
    po.add_user("zoe", "Zoë");
    let change = UserChange {
        mailbox: Some(b"pwalker".to_vec()),
        full_name: Some(CodePage::Cp850.encode("Zacharias Walker").unwrap()),
        ..UserChange::default()
    };
    po.lists(|lists, edit| lists.modify_user(edit, b"paul", &change))
        .unwrap();
    assert_eq!(aliases(&po), ["Administrator", "Zacharias Walker", "Zoë"]);
    assert_eq!(
        po.waiting()[2],
        "3 M Paul|PCM:POLYNOMIAL/MONTGOMERY/paul\r\n  Zacharias Walker|PCM:POLYNOMIAL/MONTGOMERY/pwalker"
    );
    assert_eq!(
        po.read(|lists| lists.show_user(b"pwalker").unwrap().tid),
        Tid(2)
    );
    po.assert_clean();
    // Nothing to change is no change.
    let before = po.snapshot();
    po.lists(|lists, edit| lists.modify_user(edit, b"zoe", &UserChange::default()))
        .unwrap();
    assert_eq!(po.snapshot(), before);
}

// rule: dsp:R-NUM-006
// rule: dec:DEC-123
#[test]
fn numbers_go_on_from_what_was_confirmed_and_sent() {
    let po = po();
    let mut conf = ReqConfRecord::decode(&po.bytes("GLB/REQCONF.GLB").unwrap()).unwrap();
    conf.req_sync.set(17);
    conf.last_sent.set(17);
    po.put("GLB/REQCONF.GLB", &conf.encode());
    po.add_user("paul", "Paul");
    assert_eq!(
        po.waiting(),
        [
            "17 # Last confirmed sync no",
            "18 A Paul|PCM:POLYNOMIAL/MONTGOMERY/paul"
        ]
    );
    // More went out than was confirmed: those numbers are never given again.
    conf.last_sent.set(40);
    po.put("GLB/REQCONF.GLB", &conf.encode());
    po.add_user("mark", "Mark");
    assert_eq!(po.waiting()[2], "41 A Mark|PCM:POLYNOMIAL/MONTGOMERY/mark");
    // Two lists in one edit see each other.
    po.edit(|edit| {
        for name in ["Bryan", "apple"] {
            let mut lists = super::Lists::open(edit, po.now)?;
            lists.add_user(edit, &user(name, name))?;
            lists.save(edit)?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(po.waiting().len(), 5);
    assert!(po.waiting()[4].starts_with("43 A apple"));
    po.assert_clean();
}

// rule: imp:R-LOC-003
// rule: pof:R-DSY-008
// rule: tra:OQ-18
#[test]
fn a_missing_file_of_waiting_transactions_is_made_anew_with_a_warning() {
    let po = po();
    po.edit(|edit| Ok(edit.remove("GLB/REQTRANS.GLB")?))
        .unwrap();
    let added = add(&po, &user("paul", "Paul")).unwrap();
    assert!(added.effects.warnings[0].contains("[ 2] Error opening file: REQTRANS"));
    assert_eq!(po.waiting().len(), 1);
    // Without REQCONF.GLB no number is known.
    po.edit(|edit| Ok(edit.remove("GLB/REQCONF.GLB")?)).unwrap();
    let before = po.snapshot();
    assert_eq!(notice_of(add(&po, &user("mark", "Mark")).unwrap_err()), 159);
    // No half-added user.
    assert_eq!(po.snapshot(), before);
}

// rule: dsp:R-T0-008
// rule: dsp:R-T0-009
// rule: imp:R-TPL-001
// rule: pof:R-INF-002
#[test]
fn template_data_is_kept_and_told_when_the_options_say_so() {
    let po = po();
    po.put(
        "TPL/ADMIN.TPL",
        b"Surname:~15~10~ULP~~\r\nCity/State:~15~12~A~Oslo~\r\n",
    );
    let value = |prompt: &str, value: &str| TemplateValue {
        prompt: prompt.as_bytes().to_vec(),
        value: value.as_bytes().to_vec(),
    };
    let new = NewUser {
        info: vec![value("surname", "Walker")],
        ..user("paul", "Paul")
    };
    add(&po, &new).unwrap();
    assert_eq!(po.bytes("INF/ADMIN.INF").unwrap().len(), 2 * 24);
    assert_eq!(po.waiting(), ["1 A Paul|PCM:POLYNOMIAL/MONTGOMERY/paul"]);
    let mut conf = ReqConfRecord::decode(&po.bytes("GLB/REQCONF.GLB").unwrap()).unwrap();
    conf.set(req_options::SEND_TEMPLATES, true);
    po.put("GLB/REQCONF.GLB", &conf.encode());
    let change = UserChange {
        info: vec![value("City/State:", "Bonn")],
        ..UserChange::default()
    };
    po.lists(|lists, edit| lists.modify_user(edit, b"paul", &change))
        .unwrap();
    assert_eq!(
        po.waiting()[1],
        "2 M Paul|PCM:POLYNOMIAL/MONTGOMERY/paul\r\n  Paul|PCM:POLYNOMIAL/MONTGOMERY/paul\r\n\
         - Surname:/Walker\r\n- City//State:/Bonn"
    );
    let shown = po.read(|lists| lists.show_user(b"paul").unwrap());
    assert_eq!(shown.info[1], ("City/State".to_owned(), "Bonn".to_owned()));
    let wrong = UserChange {
        info: vec![value("Phone", "1")],
        ..UserChange::default()
    };
    let error = po
        .lists(|lists, edit| lists.modify_user(edit, b"paul", &wrong))
        .unwrap_err();
    assert!(
        matches!(error, PoError::List(ListError::NoSuch { .. })),
        "{error}"
    );
    po.assert_clean();
    // Another template than the data was made with (Notice 93).
    po.put(
        "TPL/ADMIN.TPL",
        b"Surname:~15~11~ULP~~\r\nCity:~15~17~A~~\r\n",
    );
    assert_eq!(notice_of(add(&po, &user("x", "X")).unwrap_err()), 93);
}

// rule: pof:R-LCK-002
#[test]
fn nobody_is_added_while_another_program_holds_the_lists() {
    use crate::tree::disk::{Disk as _, LockKind};
    let po = po();
    let path = crate::tree::RelPath::new("GLB/FLAG.GLB").unwrap();
    let guard = po.disk.try_lock(&path, LockKind::Exclusive, false).unwrap();
    let before = po.snapshot();
    let error = add(&po, &user("paul", "Paul")).unwrap_err();
    assert!(error.to_string().contains("[ 91]"), "{error}");
    assert_eq!(po.snapshot(), before);
    drop(guard);
    add(&po, &user("paul", "Paul")).unwrap();
}

// Q107443, Q118510: an earlier program gave all of them the same wrong id.
// rule: pof:R-TID-002
// rule: tra:R-ADM-063
#[test]
fn without_tuple_ids_nobody_is_added() {
    for bytes in [None, Some(&[1u8, 0, 0][..]), Some(&[0xFF; 4][..])] {
        let po = po();
        match bytes {
            Some(bytes) => po.put("GLB/TID.GLB", bytes),
            None => po.edit(|edit| Ok(edit.remove("GLB/TID.GLB")?)).unwrap(),
        }
        let before = po.snapshot();
        let error = add(&po, &user("paul", "Paul")).unwrap_err();
        assert!(error.to_string().contains("TID.GLB"), "{error}");
        assert_eq!(po.snapshot(), before);
    }
}

// rule: tra:R-ADM-005
// rule: tra:R-ADM-002
// rule: tra:R-ADM-095
// rule: tra:OQ-06
#[test]
fn a_damaged_list_is_not_changed() {
    for (path, bytes) in [
        ("NME/ADMINSHD.NME", vec![0u8; 45]),
        ("GLB/ACCESS2.GLB", vec![0; 69]),
        ("GLB/ACCESS3.GLB", vec![0; 1024]),
        ("GLB/GROUP.GLB", vec![0; 5]),
        ("GLB/MASTER.GLB", vec![0; 176]),
    ] {
        let po = po();
        po.disk
            .add_file(&crate::tree::RelPath::new(path).unwrap(), &bytes)
            .unwrap();
        let result = po.edit(|edit| super::Lists::open(edit, po.now).map(|_| ()));
        assert!(result.is_err(), "{path}");
    }
}
