use proptest::prelude::*;

use crate::core::base::address::{FullName, MailboxName, PoName};
use crate::core::format::group::{GRPMEM, GrpMemRecord};
use crate::postoffice::error::PoError;
use crate::postoffice::externals::{NewExternal, add as add_external};
use crate::postoffice::lists::Effects;
use crate::postoffice::lists::users::UserChange;
use crate::postoffice::testtree::{TestPo, user};

use super::{GroupChange, NewGroup};

fn new(address: &str, members: &[&str]) -> NewGroup {
    NewGroup {
        address: address.as_bytes().to_vec(),
        name: format!("Group {address}").into_bytes(),
        dirsync: true,
        members: members
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect(),
    }
}

fn bytes(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn po() -> TestPo {
    let po = TestPo::new("NET", "PO");
    for (mailbox, name) in [("ann", "Ann"), ("bob", "Bob"), ("cat", "Cat")] {
        po.add_user(mailbox, name);
    }
    po
}

fn add(po: &TestPo, group: &NewGroup) -> Result<Effects, PoError> {
    po.lists(|lists, edit| Ok(lists.add_group(edit, group)?.1))
}

fn modify(po: &TestPo, address: &str, change: &GroupChange) -> Result<Effects, PoError> {
    po.lists(|lists, edit| lists.modify_group(edit, address.as_bytes(), change))
}

fn outsider(po: &TestPo) {
    let name: PoName = "FAR/AWAY".parse().unwrap();
    let external = NewExternal {
        name,
        via: None,
        path: None,
        autocreated: false,
    };
    let added = po.edit(|edit| add_external(edit, &external)).unwrap();
    po.lists(|lists, edit| {
        let alias = FullName::new(b"Zed").unwrap();
        let mailbox = MailboxName::new(b"zed").unwrap();
        lists.add_external(edit, &alias, &name, &mailbox, added.mailbag)
    })
    .unwrap();
}

// rule: imp:R-GRP-003
// rule: tra:R-ADM-073
#[test]
fn a_group_address_of_ten_characters_is_deleted_as_it_is() {
    let po = po();
    add(&po, &new("ABCDEFGHIJ", &["ann"])).unwrap();
    po.lists(|lists, edit| lists.remove_group(edit, b"ABCDEFGHIJ"))
        .unwrap();
    let waiting = po.waiting();
    let last = waiting.last().unwrap();
    assert_eq!(last, "5 D Group ABCDEFGHIJ|PCM:NET/PO/ABCDEFGHIJ");
}

// rule: pof:R-GRP-001
// rule: pof:R-GRP-006
// rule: pof:R-GRP-007
// rule: tra:R-ADM-070
// rule: pof:R-NME-003
// rule: pof:R-ACC-003
// rule: pof:R-GRP-004
#[test]
fn a_group_stands_in_all_its_files() {
    let po = po();
    add(&po, &new("team", &["ann", "Bob", "ANN"])).unwrap();
    assert_eq!(
        po.bytes("MEM/00000005.MEM").unwrap(),
        [2, 0, 0, 0, 3, 0, 0, 0]
    );
    assert_eq!(po.bytes("GLB/GROUP.GLB").unwrap().len(), 4 + 51);
    assert_eq!(po.bytes("GRP/ADMIN.GRP").unwrap().len(), 8 + 16);
    assert_eq!(po.bytes("GRP/ADMIN.GRP"), po.bytes("GRP/ADMINSHD.GRP"));
    assert_eq!(po.bytes("GLB/GRPMEM.GLB").unwrap().len(), 4 + 2 * 128);
    assert_eq!(po.waiting()[3], "4 A Group team|PCM:NET/PO/team");
    let shown = po.read(|lists| lists.show_group(b"TEAM").unwrap());
    assert!(shown.told && shown.dirsync);
    let members: Vec<_> = shown
        .members
        .iter()
        .map(|member| member.address.as_str())
        .collect();
    assert_eq!(members, ["PCM:NET/PO/ann", "PCM:NET/PO/bob"]);
    assert_eq!(
        po.read(|lists| lists.show_user(b"ann").unwrap().groups),
        ["Group team"]
    );
    po.assert_clean();
}

// rule: dsp:R-BUG-09
// rule: tra:R-ADM-073
#[test]
fn the_deletion_of_a_group_with_ten_characters_names_it_exactly() {
    let po = po();
    let address = "0123456789";
    add(&po, &new(address, &["ann"])).unwrap();
    po.lists(|lists, edit| lists.remove_group(edit, address.as_bytes()).map(|_| ()))
        .unwrap();
    let waiting = po.waiting();
    assert_eq!(
        waiting[waiting.len() - 2..],
        [
            "4 A Group 0123456789|PCM:NET/PO/0123456789",
            "5 D Group 0123456789|PCM:NET/PO/0123456789"
        ]
    );
    let mut conf = po.bytes("GLB/REQTRANS.GLB").unwrap();
    assert_eq!(conf.pop(), Some(0));
    assert!(conf.ends_with(b"/0123456789"));
}

// rule: pof:R-GRP-005
// rule: dsp:R-T0-004
// rule: imp:R-GRP-002
// rule: tra:R-ADM-071
// rule: tra:NEED-20
#[test]
fn a_member_from_outside_takes_a_group_out_of_directory_synchronization() {
    let po = po();
    outsider(&po);
    let effects = add(&po, &new("team", &["ann", "Zed"])).unwrap();
    assert!(effects.transactions.is_empty());
    assert_eq!(effects.warnings.len(), 1);
    let change = |add: &[&str], remove: &[&str]| GroupChange {
        add: bytes(add),
        remove: bytes(remove),
        ..GroupChange::default()
    };
    let told = modify(&po, "team", &change(&[], &["FAR/AWAY/zed"])).unwrap();
    assert_eq!(told.transactions, ["000004 A Group team PCM:NET/PO/team"]);
    let told = modify(&po, "team", &change(&["zed"], &["ann"])).unwrap();
    assert_eq!(told.transactions, ["000005 D Group team PCM:NET/PO/team"]);
    assert_eq!(po.bytes("MEM/00000006.MEM").unwrap(), [0u8; 0]);
    po.assert_clean();
}

// rule: imp:R-LOC-005
// rule: tra:R-ADM-065
#[test]
fn a_user_who_goes_leaves_the_groups_and_the_empty_file_stays() {
    let po = po();
    add(&po, &new("team", &["ann"])).unwrap();
    po.lists(|lists, edit| lists.remove_user(edit, b"ann"))
        .unwrap();
    assert_eq!(po.bytes("MEM/00000005.MEM").unwrap(), [0u8; 0]);
    let grpmem = po.bytes("GLB/GRPMEM.GLB").unwrap();
    let records: &[GrpMemRecord] = GRPMEM.view(&grpmem).unwrap().records;
    assert!(records.iter().all(|record| !record.is_live()));
    po.assert_clean();
}

// rule: pof:R-GRP-012
#[test]
fn names_of_groups_are_names_of_the_list() {
    let po = po();
    add(&po, &new("team", &[])).unwrap();
    let number = |result: Result<Effects, PoError>| match result.unwrap_err() {
        PoError::List(error) => error.number(),
        other => panic!("{other}"),
    };
    assert_eq!(number(add(&po, &new("ann", &[]))), Some(21));
    assert_eq!(number(add(&po, &new("TEAM", &[]))), Some(95));
    assert_eq!(
        number(add(
            &po,
            &NewGroup {
                name: b"BOB".to_vec(),
                ..new("x", &[])
            }
        )),
        Some(58)
    );
    assert!(add(&po, &new("x", &["nobody"])).unwrap_err().is_usage());
    assert!(add(&po, &new("x", &["Group team"])).unwrap_err().is_usage());
    let taken = po.lists(|lists, edit| lists.add_user(edit, &user("team", "Team")));
    assert_eq!(number(taken.map(|added| added.effects)), Some(95));
    // Ten characters, and another name and address: one modification.
    let change = GroupChange {
        address: Some(b"tencharsxx".to_vec()),
        name: Some(b"Another".to_vec()),
        ..GroupChange::default()
    };
    modify(&po, "team", &change).unwrap();
    assert_eq!(
        po.waiting().last().unwrap(),
        "5 M Group team|PCM:NET/PO/team\r\n  Another|PCM:NET/PO/tencharsxx"
    );
    let kept_out = GroupChange {
        dirsync: Some(false),
        ..GroupChange::default()
    };
    modify(&po, "tencharsxx", &kept_out).unwrap();
    assert_eq!(
        po.waiting().last().unwrap(),
        "6 D Another|PCM:NET/PO/tencharsxx"
    );
    po.lists(|lists, edit| lists.remove_group(edit, b"TENCHARSXX"))
        .unwrap();
    assert_eq!(po.bytes("MEM/00000005.MEM"), None);
    assert_eq!(po.waiting().len(), 6);
    po.assert_clean();
}

#[derive(Debug, Clone)]
enum Op {
    AddUser(u8, bool),
    RemoveUser(u8),
    Rename(u8, u8),
    AddGroup(u8, Vec<u8>),
    ChangeGroup(u8, Vec<u8>, Vec<u8>),
    RemoveGroup(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0u8..8;
    let some = proptest::collection::vec(0u8..9, 0..4);
    prop_oneof![
        3 => (who.clone(), any::<bool>()).prop_map(|(n, part)| Op::AddUser(n, part)),
        2 => who.clone().prop_map(Op::RemoveUser),
        2 => (who.clone(), who.clone()).prop_map(|(a, b)| Op::Rename(a, b)),
        2 => (0u8..3, some.clone()).prop_map(|(n, m)| Op::AddGroup(n, m)),
        2 => (0u8..3, some.clone(), some).prop_map(|(n, a, r)| Op::ChangeGroup(n, a, r)),
        1 => (0u8..3).prop_map(Op::RemoveGroup),
    ]
}

fn mailbox(n: u8) -> String {
    format!("u{n}")
}

fn names(of: &[u8]) -> Vec<Vec<u8>> {
    of.iter()
        .map(|&n| {
            if n == 8 {
                b"Zed".to_vec()
            } else {
                mailbox(n).into_bytes()
            }
        })
        .collect()
}

fn carry_out(po: &TestPo, op: &Op) -> Result<(), PoError> {
    po.lists(|lists, edit| match op {
        Op::AddUser(n, dirsync) => {
            let mut new = user(&mailbox(*n), &format!("Name {}", 9 - n));
            new.dirsync = *dirsync;
            lists.add_user(edit, &new).map(|_| ())
        }
        Op::RemoveUser(n) => lists.remove_user(edit, mailbox(*n).as_bytes()).map(|_| ()),
        Op::Rename(a, b) => {
            let change = UserChange {
                mailbox: Some(mailbox(*b).into_bytes()),
                full_name: Some(format!("Name {}", 9 - b).into_bytes()),
                ..UserChange::default()
            };
            lists
                .modify_user(edit, mailbox(*a).as_bytes(), &change)
                .map(|_| ())
        }
        Op::AddGroup(n, members) => {
            let mut group = new(&format!("g{n}"), &[]);
            group.members = names(members);
            lists.add_group(edit, &group).map(|_| ())
        }
        Op::ChangeGroup(n, add, remove) => {
            let change = GroupChange {
                add: names(add),
                remove: names(remove),
                ..GroupChange::default()
            };
            lists
                .modify_group(edit, format!("g{n}").as_bytes(), &change)
                .map(|_| ())
        }
        Op::RemoveGroup(n) => lists
            .remove_group(edit, format!("g{n}").as_bytes())
            .map(|_| ()),
    })
}

/// What the directory server knows when it has taken all transactions.
fn told(po: &TestPo) -> std::collections::BTreeSet<String> {
    let mut known = std::collections::BTreeSet::new();
    for line in po.waiting() {
        let (_, text) = line.split_once(' ').unwrap();
        match text.split_once(' ').unwrap() {
            ("A", entry) => assert!(known.insert(entry.to_owned()), "{line}"),
            ("D", entry) => assert!(known.remove(entry), "{line}"),
            ("M", both) => {
                let (old, new) = both.split_once("\r\n").unwrap();
                assert!(known.remove(old), "{line}");
                assert!(known.insert(new.trim_start().to_owned()), "{line}");
            }
            _ => panic!("{line}"),
        }
    }
    known
}

/// Who takes part by the lists.
fn taking_part(po: &TestPo) -> std::collections::BTreeSet<String> {
    po.read(|lists| {
        let users = lists
            .all_users()
            .filter(|user| user.dirsync)
            .map(|user| format!("{}|PCM:NET/PO/{}", user.full_name, user.mailbox))
            .collect::<Vec<_>>();
        let groups = lists.all_groups().unwrap();
        let groups = groups
            .iter()
            .filter(|group| group.told)
            .map(|group| format!("{}|PCM:NET/PO/{}", group.name, group.address));
        users.into_iter().chain(groups).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    // rule: tra:R-ADM-005
    // rule: dsp:R-T0-001
    #[test]
    fn any_sequence_of_changes_keeps_all_lists_consistent(ops in proptest::collection::vec(op(), 1..25)) {
        let po = TestPo::new("NET", "PO");
        outsider(&po);
        for op in &ops {
            let before = po.snapshot();
            if carry_out(&po, op).is_err() {
                prop_assert_eq!(po.snapshot(), before);
            }
        }
        let found = po.findings();
        prop_assert!(found.is_empty(), "{:#?}", found);
        prop_assert_eq!(told(&po), taking_part(&po));
    }
}
