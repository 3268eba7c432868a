use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::core::base::CpField;

mod model;

fn record(alias: &[u8], mailbox: &[u8], tid: u32) -> UsrRecord {
    let mut record = UsrRecord::zeroed();
    record.state = 1;
    record.alias = CpField::from_bytes(alias).unwrap();
    record.mailbox = CpField::from_bytes(mailbox).unwrap();
    record.tid.set(tid);
    record
}

fn hash(record: &UsrRecord) -> u64 {
    address_hash(record.mailbox.text())
}

// rule: dec:4
#[test]
fn names_and_mailboxes_that_change_remove_nobody() {
    let list: Vec<UsrRecord> = (1..=100u32)
        .map(|n| {
            record(
                format!("User {n:03}").as_bytes(),
                format!("u{n}").as_bytes(),
                n,
            )
        })
        .collect();
    // All names, then all mailboxes, change in place.
    let mut working = Working::new(list.clone());
    for old in &list {
        let at = working.find(old.alias(), |_| true).unwrap();
        let name = format!("New {}", old.tid());
        working.modify(at, record(name.as_bytes(), old.mailbox.text(), old.tid()));
    }
    let (new, removal) = working.finish(hash).unwrap();
    assert_eq!(
        (new.len(), removal.removed, removal.list_len),
        (100, 0, 100)
    );
    let mut working = Working::new(list.clone());
    for old in &list {
        let at = working.find(old.alias(), |_| true).unwrap();
        let mailbox = format!("n{}", old.tid());
        working.modify(at, record(old.alias(), mailbox.as_bytes(), old.tid()));
    }
    let (_, removal) = working.finish(hash).unwrap();
    assert_eq!(removal.removed, 0);
    // A replace with half of them.
    let mut working = Working::new(list.clone());
    working.clear();
    for old in &list[..50] {
        let Look::Free { old: was, spot } = working.look(old.alias(), |_| true) else {
            panic!("it was emptied");
        };
        let tid = was.unwrap().tid();
        working.add(record(old.alias(), old.mailbox.text(), tid), spot);
    }
    let (new, removal) = working.finish(hash).unwrap();
    assert_eq!(new, list[..50]);
    assert!(removal.is_bulk() && removal.removed == 50);
    // Ids that all entries share do not hide a removal.
    let zero: Vec<UsrRecord> = list
        .iter()
        .map(|old| record(old.alias(), old.mailbox.text(), 0))
        .collect();
    let mut working = Working::new(zero);
    working.clear();
    working.put(record(b"X", b"x", 0));
    assert_eq!(working.finish(hash).unwrap().1.removed, 100);
}

#[derive(Debug, Clone)]
enum Step {
    Add(u8, u8),
    Remove(u8),
    Rename(u8, u8),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..40u8, 0..4u8).prop_map(|(a, m)| Step::Add(a, m)),
        3 => (0..40u8).prop_map(Step::Remove),
        3 => (0..40u8, 0..40u8).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => Just(Step::Clear),
    ]
}

/// Names in two spellings, so that case matters.
fn name(n: u8) -> Vec<u8> {
    let text = format!("n{}", n / 2);
    if n.is_multiple_of(2) {
        text.into_bytes()
    } else {
        text.to_ascii_uppercase().into_bytes()
    }
}

proptest! {
    // rule: imp:R-TXN-A
    // rule: imp:R-TXN-D
    #[test]
    fn a_list_is_a_map_of_names_without_case(
        start in proptest::collection::btree_map(0..20u8, 0..4u8, 0..15),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let fold = |alias: &[u8]| alias.to_ascii_uppercase();
        let base: Vec<UsrRecord> =
            start.iter().map(|(&a, &m)| record(&name(a * 2), &[b'a' + m], 0)).collect();
        let mut model: BTreeMap<Vec<u8>, (Vec<u8>, u8)> = start
            .iter()
            .map(|(&a, &m)| (fold(&name(a * 2)), (name(a * 2), b'a' + m)))
            .collect();
        let mut working = Working::new(base);
        for step in steps {
            match step {
                Step::Add(a, m) => {
                    let alias = name(a);
                    prop_assert_eq!(
                        working.any(&alias).is_some(),
                        model.contains_key(&fold(&alias))
                    );
                    if working.any(&alias).is_none() {
                        working.put(record(&alias, &[b'a' + m], 0));
                        model.insert(fold(&alias), (alias, b'a' + m));
                    }
                }
                Step::Remove(a) => {
                    let alias = name(a);
                    if let Some(at) = working.any(&alias) {
                        working.remove(at);
                    }
                    model.remove(&fold(&alias));
                }
                Step::Rename(a, b) => {
                    let (from, to) = (name(a), name(b));
                    let taken = fold(&from) != fold(&to) && working.any(&to).is_some();
                    if let Some(at) = working.any(&from)
                        && !taken
                    {
                        let mailbox = working.get(at).mailbox.text().to_vec();
                        working.modify(at, record(&to, &mailbox, 0));
                        if let Some((_, mailbox)) = model.remove(&fold(&from)) {
                            model.insert(fold(&to), (to, mailbox));
                        }
                    }
                }
                Step::Clear => {
                    working.clear();
                    model.clear();
                }
            }
        }
        let unchanged: Vec<UsrRecord> = working.base().to_vec();
        let new = working.finish(hash).map_or(unchanged, |(new, _)| new);
        for pair in new.windows(2) {
            prop_assert!(pair[0].order(&pair[1]).is_le());
        }
        let found: BTreeMap<Vec<u8>, (Vec<u8>, u8)> = new
            .iter()
            .map(|r| (fold(r.alias()), (r.alias().to_vec(), r.mailbox.text()[0])))
            .collect();
        prop_assert_eq!(found.len(), new.len());
        prop_assert_eq!(found, model);
    }
}
