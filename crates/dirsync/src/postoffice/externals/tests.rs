use crate::core::base::HexId;
use crate::core::base::address::{FullName, MailboxName, PoName};
use crate::core::format::FixedRecord as _;
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
    po.assert_clean();
}

// rule: tra:R-RTE-002
// rule: tra:R-RTE-004
// rule: pof:R-XTN-003
// rule: tra:R-ADM-053
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
