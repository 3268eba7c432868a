use crate::core::base::HexId;
use crate::core::base::address::{FullName, MailboxName, PoName};
use crate::core::format::FixedRecord as _;
use crate::core::format::netpo::NETPO;
use crate::core::format::nme::NmeRecord;
use crate::core::format::xtn::{Route, XtnRecord};
use crate::postoffice::error::PoError;
use crate::postoffice::groups::NewGroup;
use crate::postoffice::testtree::TestPo;

use super::{AddedExternal, NewExternal, add, all, find, remove, routes};

fn name(text: &str) -> PoName {
    text.parse().unwrap()
}

fn plain(text: &str) -> NewExternal {
    NewExternal {
        name: name(text),
        via: None,
        path: None,
        autocreated: false,
    }
}

fn put(po: &TestPo, new: &NewExternal) -> Result<AddedExternal, PoError> {
    po.edit(|edit| add(edit, new))
}

fn take(po: &TestPo, text: &str) -> Result<super::Effects, PoError> {
    po.edit(|edit| remove(edit, &name(text), po.now))
}

fn number(error: PoError) -> Option<i32> {
    match error {
        PoError::List(error) => error.number(),
        other => panic!("{other}"),
    }
}

// rule: tra:R-ADM-050
// rule: pof:R-NAM-010
// rule: pof:R-NET-001
// rule: tra:OQ-05
#[test]
fn a_new_network_gets_a_record_and_a_file_of_its_own() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    let first = put(&po, &plain("POLYNOMIAL/NOVEMBER")).unwrap();
    assert_eq!(
        (first.xtn, first.mailbag, first.new_network),
        (HexId(1), HexId(2), false)
    );
    let other = put(&po, &plain("EULER/BASEL")).unwrap();
    assert_eq!(
        (other.xtn, other.mailbag, other.new_network),
        (HexId(3), HexId(4), true)
    );
    for (path, len) in [
        ("GLB/NETWORK.GLB", 244),
        ("XTN/00000001.XTN", 698),
        ("XTN/00000003.XTN", 698),
        ("KEY/00000004.KEY", 560),
        ("MBG/00000004.MBG", 0),
        ("USR/00000004.USR", 0),
    ] {
        assert_eq!(po.bytes(path).unwrap().len(), len, "{path}");
    }
    // A network of postoffices, not of a gateway.
    assert_eq!(po.bytes("GLB/NETWORK.GLB").unwrap()[122..124], [1, 1]);
    po.assert_clean();
}

// rule: tra:R-RTE-002
// rule: tra:R-RTE-004
// rule: pof:R-XTN-003
// rule: tra:R-ADM-053
// rule: pof:D-15
#[test]
fn a_hub_counts_and_cannot_go_while_others_depend_on_it() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    put(&po, &plain("POLYNOMIAL/HUB")).unwrap();
    let behind = NewExternal {
        via: Some(name("polynomial/hub")),
        ..plain("FAR/AWAY")
    };
    put(&po, &behind).unwrap();
    let hub = XtnRecord::decode(&po.bytes("XTN/00000001.XTN").unwrap()).unwrap();
    assert_eq!(po.bytes("XTN/00000001.XTN").unwrap()[0x289..0x28B], [1, 0]);
    assert!(hub.is_hub());
    let (_, _, far) = po
        .edit(|edit| find(edit, &name("FAR/AWAY")))
        .unwrap()
        .unwrap();
    assert_eq!(far.route(), Some(Route::Indirect));
    assert_eq!(far.hub_mailbag, hub.mailbag);
    let farther = NewExternal {
        via: Some(name("FAR/AWAY")),
        ..plain("FAR/FARTHER")
    };
    assert_eq!(number(put(&po, &farther).unwrap_err()), Some(52));
    assert_eq!(number(take(&po, "POLYNOMIAL/HUB").unwrap_err()), Some(53));
    po.assert_clean();
    take(&po, "FAR/AWAY").unwrap();
    take(&po, "POLYNOMIAL/HUB").unwrap();
    assert!(po.edit(all).unwrap().is_empty());
    po.assert_clean();
    // Its records serve the next ones.
    put(&po, &plain("FAR/NEXT")).unwrap();
    assert_eq!(po.bytes("XTN/00000003.XTN").unwrap().len(), 698);
    po.assert_clean();
}

// rule: pof:R-NET-006
// rule: dec:DEC-094
// rule: tra:R-ADM-051
// rule: tra:R-GWY-006
#[test]
fn names_that_cannot_be_are_refused_by_number() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    put(&po, &plain("EULER/BASEL")).unwrap();
    let before = po.snapshot();
    for (text, code) in [("polynomial/montgomery", 38), ("euler/basel", 9)] {
        assert_eq!(
            number(put(&po, &plain(text)).unwrap_err()),
            Some(code),
            "{text}"
        );
    }
    for (text, code) in [("EULER", 17), ("A B/C", 69), ("A/B-C", 70), ("SMTP/A", 64)] {
        assert_eq!(
            super::new_name(text.as_bytes()).unwrap_err().number(),
            Some(code),
            "{text}"
        );
    }
    // Q126610: names of gateways of other kinds, which would hide their lists.
    for reserved in ["MSMAIL", "fax", "MCI", "X400", "SMTP", "MHS"] {
        let error = super::new_name(format!("{reserved}/A").as_bytes()).unwrap_err();
        assert_eq!(error.number(), Some(64), "{reserved}");
    }
    let via = NewExternal {
        via: Some(name("NOT/THERE")),
        ..plain("A/B")
    };
    assert_eq!(number(put(&po, &via).unwrap_err()), Some(42));
    assert_eq!(number(take(&po, "NOT/THERE").unwrap_err()), Some(42));
    assert_eq!(
        number(take(&po, "POLYNOMIAL/MONTGOMERY").unwrap_err()),
        Some(48)
    );
    assert_eq!(po.snapshot(), before);
}

// rule: pof:R-NPO-002
// rule: pof:R-NME-011
#[test]
fn its_entries_go_with_a_postoffice_and_groups_are_told_again() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    let basel = put(&po, &plain("EULER/BASEL")).unwrap();
    po.add_user("paul", "Paul");
    po.lists(|lists, edit| {
        lists.add_external(
            edit,
            &FullName::new(b"Leonhard").unwrap(),
            &name("EULER/BASEL"),
            &MailboxName::new(b"leo").unwrap(),
            basel.mailbag,
        )?;
        let group = NewGroup {
            address: b"all".to_vec(),
            name: b"Everybody".to_vec(),
            dirsync: true,
            members: vec![b"paul".to_vec(), b"EULER/BASEL/leo".to_vec()],
        };
        lists.add_group(edit, &group)
    })
    .unwrap();
    assert_eq!(po.waiting().len(), 1);
    po.assert_clean();
    let effects = take(&po, "EULER/BASEL").unwrap();
    assert_eq!(effects.warnings.len(), 1, "{effects:?}");
    assert_eq!(
        po.waiting()[1],
        "2 A Everybody|PCM:POLYNOMIAL/MONTGOMERY/all"
    );
    assert_eq!(po.bytes("GLB/NETPO.GLB").unwrap()[..4], [4, 0, 0, 0]);
    po.assert_clean();
}

// Q91044: what a name of a postoffice or network must not hold.
// rule: pof:R-CHR-002
// rule: tra:R-ADM-051
#[test]
fn listed_punctuation_is_in_no_name_of_ours() {
    for mark in "~ `!@#$%^&*()_-+={[}]|\\:;\"'<,>.?/".chars() {
        for (text, code) in [(format!("A{mark}B/C"), 69), (format!("A/B{mark}C"), 70)] {
            let error = super::new_name(text.as_bytes()).unwrap_err();
            // A further slash ends the network or begins a mailbox.
            let expected = if mark == '/' { 70 } else { code };
            assert_eq!(error.number(), Some(expected), "{text}");
        }
    }
    assert!(super::new_name(b"NET0/zPO9").is_ok());
}

// Q129780: an earlier program hid it.
// rule: tra:R-ADM-057
#[test]
fn a_record_that_cannot_be_written_is_said_and_nothing_is_half_done() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    put(&po, &plain("POLYNOMIAL/FIRST")).unwrap();
    let path = |text: &str| crate::tree::RelPath::new(text).unwrap();
    po.disk
        .add_hard_link(&path("XTN/00000001.XTN"), &path("XTN/OTHER.BAK"))
        .unwrap();
    let before = po.snapshot();
    let error = put(&po, &plain("POLYNOMIAL/SECOND")).unwrap_err();
    assert!(error.to_string().contains("00000001.XTN"), "{error}");
    assert_eq!(po.snapshot(), before);
}

// Q118561, Q135031: the queue of the gateway would be stranded.
// rule: tra:R-RTE-008
#[test]
fn a_postoffice_through_which_a_gateway_is_reached_stays() {
    use crate::core::format::CpField;
    use crate::core::format::network::NetworkRecord;
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    put(&po, &plain("POLYNOMIAL/HUB")).unwrap();
    let mut gateway = NetworkRecord::zeroed();
    gateway.state = 1;
    gateway.kind = 0x20;
    gateway.name = CpField::from_bytes(b"SMTP").unwrap();
    gateway.indirect_network = CpField::from_bytes(b"polynomial").unwrap();
    gateway.indirect_postoffice = CpField::from_bytes(b"hub").unwrap();
    let own = po.bytes("GLB/NETWORK.GLB").unwrap();
    po.put("GLB/NETWORK.GLB", &[own.clone(), gateway.encode()].concat());
    let before = po.snapshot();
    let error = take(&po, "POLYNOMIAL/HUB").unwrap_err();
    assert!(error.to_string().contains("SMTP"), "{error}");
    assert_eq!(po.snapshot(), before);
    po.put("GLB/NETWORK.GLB", &own);
    take(&po, "POLYNOMIAL/HUB").unwrap();
}

// Q194737, Q124955: programs that came to grief at 200 and at 429.
// rule: pof:R-XTN-008
// rule: tra:R-ADM-058
#[test]
fn a_network_may_have_hundreds_of_postoffices() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    po.edit(|edit| {
        for n in 0..450 {
            add(edit, &plain(&format!("EULER/P{n}")))?;
        }
        Ok(())
    })
    .unwrap();
    let listed = po.edit(all).unwrap();
    assert_eq!(listed.len(), 450);
    assert_eq!(po.bytes("XTN/00000002.XTN").unwrap().len(), 450 * 698);
    let last = po.edit(|edit| find(edit, &name("euler/p449"))).unwrap();
    assert!(last.is_some());
    po.assert_clean();
}

// A personal list that is a copy of the postoffice's shares its addresses (Q112904): the record of a
// deleted entry must not become that of somebody else.
// rule: pof:R-NPO-001
// rule: pof:R-NPO-006
#[test]
fn an_address_that_a_personal_list_names_is_not_given_away() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    let basel = put(&po, &plain("EULER/BASEL")).unwrap();
    po.add_user("paul", "Paul");
    let add = |name_of: &str, mailbox: &str| {
        po.lists(|lists, edit| {
            lists.add_external(
                edit,
                &FullName::new(name_of.as_bytes()).unwrap(),
                &name("EULER/BASEL"),
                &MailboxName::new(mailbox.as_bytes()).unwrap(),
                basel.mailbag,
            )
        })
        .unwrap()
    };
    let take_out = |entry: &NmeRecord| {
        po.lists(|lists, edit| lists.remove_external(edit, entry))
            .unwrap()
    };
    let mailboxes = || -> Vec<String> {
        let bytes = po.bytes("GLB/NETPO.GLB").unwrap();
        let view = NETPO.view(&bytes).unwrap();
        let live = view.records.iter().filter(|record| record.is_live());
        live.map(|record| record.mailbox.to_string_850()).collect()
    };
    let (leo, dan) = (add("Leonhard", "leo"), add("Daniel", "dan"));
    let personal = po.bytes("NME/ADMIN.NME").unwrap();
    po.put("NME/00000004.NME", &personal);
    take_out(&leo);
    assert_eq!(add("Johann", "joh").pointer.get(), 4 + 2 * 43);
    assert_eq!(mailboxes(), ["leo", "dan", "joh"]);
    po.assert_clean();
    // Nobody names it any more: it serves the next one.
    po.put("NME/00000004.NME", &[]);
    take_out(&dan);
    assert_eq!(mailboxes(), ["leo", "joh"]);
    assert_eq!(add("Jakob", "jak").pointer, dan.pointer);
}

// rule: tra:R-ADM-053
#[test]
fn waiting_mail_keeps_a_postoffice() {
    use crate::core::format::key::Key;
    use crate::core::format::mbg::MbgRecord;
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    put(&po, &plain("EULER/BASEL")).unwrap();
    let header = MbgRecord::new(b"Admin", b"x", HexId(9), 1).unwrap();
    po.put("MBG/00000003.MBG", &header.encode());
    po.put("KEY/00000003.KEY", Key::empty().bytes());
    assert_eq!(number(take(&po, "EULER/BASEL").unwrap_err()), Some(80));
}

// rule: tra:NEED-10
#[test]
fn the_path_of_a_tree_is_kept_in_utf_8() {
    let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
    po.put(
        "INI/ROUTES.INI",
        "; by hand\r\nEULER/BASEL=/old\r\n".as_bytes(),
    );
    let new = NewExternal {
        path: Some("/srv/maïl=x/BASEL".into()),
        ..plain("EULER/BASEL")
    };
    put(&po, &new).unwrap();
    let view = po.view();
    assert_eq!(
        routes::path_of(&view, &name("euler/basel"))
            .unwrap()
            .as_deref(),
        Some("/srv/maïl=x/BASEL")
    );
    drop(view);
    assert_eq!(
        po.edit(all).unwrap()[0].path.as_deref(),
        Some("/srv/maïl=x/BASEL")
    );
    take(&po, "EULER/BASEL").unwrap();
    assert_eq!(po.bytes("INI/ROUTES.INI").unwrap(), b"; by hand\r\n");
}
