//! The list beside a slow one that is plainly right: vectors that are searched from end to end.

use proptest::prelude::*;
use zerocopy::IntoBytes as _;

use super::super::*;
use super::record;
use crate::core::base::CpField;

/// A list as it is said to be: what stood in it, what this run put there, what was known when it was
/// replaced.
#[derive(Debug, Default)]
struct Model {
    /// Entries of the file; those that were taken out or changed before the first R are gone.
    file: Vec<UsrRecord>,
    /// Entries in the list.
    current: Vec<(UsrRecord, Of)>,
    /// Entries of this run that stood in the list when it was emptied, until their name comes again.
    replaced: Vec<UsrRecord>,
    cleared: bool,
    changed: bool,
    last_tid: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Of {
    File,
    Change,
    Addition,
}

fn same_name(a: &UsrRecord, b: &[u8]) -> bool {
    eq_ignore_case_850(a.alias(), b)
}

fn same_mailbox(a: &UsrRecord, b: &[u8]) -> bool {
    eq_ignore_case_850(a.mailbox.text(), b)
}

/// What an addition does.
#[derive(Debug, PartialEq)]
enum Did {
    Repeat(u32),
    Taken { new: bool },
    Added(u32),
}

impl Model {
    fn new(file: Vec<UsrRecord>) -> Self {
        let changed = file.windows(2).any(|pair| pair[0].order(&pair[1]).is_gt());
        Self {
            current: file
                .iter()
                .map(|record| (record.clone(), Of::File))
                .collect(),
            last_tid: 100,
            file,
            changed,
            ..Self::default()
        }
    }

    fn position(&self, alias: &[u8]) -> Option<usize> {
        self.current
            .iter()
            .position(|(record, _)| same_name(record, alias))
    }

    fn put(&mut self, record: UsrRecord, of: Of) {
        self.replaced.retain(|old| !same_name(old, record.alias()));
        self.current.push((record, of));
        self.changed = true;
    }

    fn add(&mut self, alias: &[u8], mailbox: &[u8]) -> Did {
        if let Some(at) = self.position(alias) {
            let (found, of) = &self.current[at];
            return if same_mailbox(found, mailbox) {
                Did::Repeat(found.tid.get())
            } else {
                Did::Taken {
                    new: *of == Of::Addition,
                }
            };
        }
        let known = self.replaced.iter().chain(&self.file);
        let old = known
            .filter(|_| self.cleared)
            .find(|old| same_name(old, alias) && same_mailbox(old, mailbox))
            .cloned();
        let mut new = record(alias, mailbox, 0);
        match old {
            Some(old) => (new.tid, new.inf_record) = (old.tid, old.inf_record),
            None => {
                self.last_tid += 1;
                new.tid.set(self.last_tid);
            }
        }
        let tid = new.tid.get();
        self.put(new, Of::Addition);
        Did::Added(tid)
    }

    fn take(&mut self, alias: &[u8]) -> Option<(UsrRecord, Of)> {
        let at = self.position(alias)?;
        let (record, of) = self.current.remove(at);
        if of == Of::File {
            self.file.retain(|old| *old != record);
        }
        self.changed = true;
        Some((record, of))
    }

    fn rename(&mut self, alias: &[u8], new: &[u8], mailbox: &[u8]) {
        if let Some((mut record, of)) = self.take(alias) {
            // Its id goes along.
            let (name, tid) = (record.alias().to_vec(), record.tid());
            self.file
                .retain(|old| !self.cleared || !same_name(old, &name) || old.tid() != tid);
            record.alias = CpField::from_bytes(new).unwrap();
            record.mailbox = CpField::from_bytes(mailbox).unwrap();
            let of = match of {
                Of::Addition => Of::Addition,
                Of::File | Of::Change => Of::Change,
            };
            self.put(record, of);
        }
    }

    fn clear(&mut self) {
        let run = self.current.drain(..).filter(|(_, of)| *of != Of::File);
        self.replaced.extend(run.map(|(record, _)| record));
        (self.cleared, self.changed) = (true, true);
    }

    fn no_data(&mut self) {
        let current = self.current.iter_mut().map(|(record, _)| record);
        for record in current.chain(&mut self.file).chain(&mut self.replaced) {
            record.inf_record.set(UsrRecord::NO_INF);
        }
        self.changed = true;
    }

    fn finish(self) -> Option<Vec<UsrRecord>> {
        let mut new: Vec<_> = self.current.into_iter().map(|(record, _)| record).collect();
        new.sort_by(UsrRecord::order);
        self.changed.then_some(new)
    }
}

/// Entries that were removed, by its definition.
fn removed(old: &[UsrRecord], new: &[UsrRecord]) -> u64 {
    let missing = |old: &&UsrRecord| !new.iter().any(|new| same_mailbox(new, old.mailbox.text()));
    let by_address = Removal {
        removed: old.iter().filter(missing).count() as u64,
        list_len: old.len() as u64,
    };
    if !by_address.is_bulk() {
        return by_address.removed;
    }
    let tid_stays = |entry: &&UsrRecord| {
        let tid = entry.tid.get();
        tid == 0
            || old.iter().filter(|other| other.tid.get() == tid).count() > 1
            || !new.iter().any(|new| new.tid.get() == tid)
    };
    old.iter().filter(missing).filter(tid_stays).count() as u64
}

#[derive(Debug, Clone)]
enum Step {
    Add(u8, u8),
    /// The entry of the file with this number, as it stood there.
    Again(u8),
    Remove(u8),
    Modify(u8, u8, u8),
    Clear,
    NoData,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..24u8, 0..6u8).prop_map(|(a, m)| Step::Add(a, m)),
        12 => (0..24u8).prop_map(Step::Again),
        3 => (0..24u8).prop_map(Step::Remove),
        3 => (0..24u8, 0..24u8, 0..6u8).prop_map(|(a, b, m)| Step::Modify(a, b, m)),
        2 => Just(Step::Clear),
        1 => Just(Step::NoData),
    ]
}

/// Names in two spellings, some of which differ in an accent alone: these have the same keys.
fn alias(n: u8) -> Vec<u8> {
    let letter: &[u8] = match n / 2 % 3 {
        0 => b"u",
        1 => b"\x81",
        _ => b"U2",
    };
    let name = [b"n", letter, format!("{}", n / 6).as_bytes()].concat();
    match n % 2 {
        0 => name,
        _ => name.iter().map(|&byte| upper_850(byte)).collect(),
    }
}

fn mailbox(n: u8) -> Vec<u8> {
    vec![b"abcABC"[usize::from(n) % 6]]
}

fn add(working: &mut Working<UsrRecord>, alias: &[u8], mailbox: &[u8], last_tid: &mut u32) -> Did {
    let same = |record: &UsrRecord| same_mailbox(record, mailbox);
    match working.look(alias, same) {
        Look::Same(at) => Did::Repeat(working.get(at).tid()),
        Look::Taken(at) => Did::Taken {
            new: working.is_new(at),
        },
        Look::Free { old, spot } => {
            let mut new = record(alias, mailbox, 0);
            match old {
                Some(old) => (new.tid, new.inf_record) = (old.tid, old.inf_record),
                None => {
                    *last_tid += 1;
                    new.tid.set(*last_tid);
                }
            }
            let tid = new.tid();
            working.add(new, spot);
            Did::Added(tid)
        }
    }
}

proptest! {
    // rule: imp:R-TXN-A
    // rule: imp:R-TXN-R
    #[test]
    fn a_replaced_list_is_byte_for_byte_what_a_plain_search_makes(
        start in proptest::collection::btree_map(0..12u8, (0..2u8, 0..6u8, 0..15u32, 0..3u32), 0..12),
        in_order in any::<bool>(),
        // Bytes behind the end of a name, and without meaning: an entry that is added has none.
        garbage in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut base: Vec<UsrRecord> = start
            .iter()
            .map(|(&n, &(spelling, m, tid, inf))| {
                let mut record = record(&alias(n * 2 + spelling), &mailbox(m), tid);
                record.inf_record.set(inf);
                if garbage && n % 4 == 0 {
                    let mut bytes = record.as_bytes().to_vec();
                    // The last byte of the name, and one that means nothing.
                    (bytes[31], bytes[52]) = (0xEE, 1);
                    record = UsrRecord::decode(&bytes).unwrap();
                }
                record
            })
            .collect();
        if in_order {
            base.sort_by(UsrRecord::order);
        }
        let mut model = Model::new(base.clone());
        let mut working = Working::new(base.clone());
        let mut last_tid = 100;
        for step in steps {
            match step {
                Step::Add(a, m) => prop_assert_eq!(
                    add(&mut working, &alias(a), &mailbox(m), &mut last_tid),
                    model.add(&alias(a), &mailbox(m))
                ),
                Step::Again(n) => {
                    if let Some(old) = base.get(usize::from(n)) {
                        let (alias, mailbox) = (old.alias(), old.mailbox.text());
                        prop_assert_eq!(
                            add(&mut working, alias, mailbox, &mut last_tid),
                            model.add(alias, mailbox)
                        );
                    }
                }
                Step::Remove(a) => {
                    if let Some(at) = working.any(&alias(a)) {
                        working.remove(at);
                    }
                    model.take(&alias(a));
                }
                Step::Modify(a, b, m) => {
                    let (from, to) = (alias(a), alias(b));
                    let respelled = eq_ignore_case_850(&from, &to);
                    if !respelled && working.any(&to).is_some() {
                        continue;
                    }
                    if let Some(at) = working.find(&from, |_| true) {
                        let mut record = working.get(at).clone();
                        record.alias = CpField::from_bytes(&to).unwrap();
                        record.mailbox = CpField::from_bytes(&mailbox(m)).unwrap();
                        working.modify(at, record);
                    }
                    model.rename(&from, &to, &mailbox(m));
                }
                Step::Clear => {
                    working.clear();
                    model.clear();
                }
                Step::NoData => {
                    working.for_all(|record| record.inf_record.set(UsrRecord::NO_INF));
                    model.no_data();
                }
            }
        }
        let found = working.finish(super::hash);
        let expected = model.finish();
        prop_assert_eq!(
            found.as_ref().map(|(new, _)| new.as_slice().as_bytes()),
            expected.as_ref().map(|new| new.as_slice().as_bytes())
        );
        if let Some((new, removal)) = found {
            prop_assert_eq!(removal.list_len, base.len() as u64);
            prop_assert_eq!(removal.removed, removed(&base, &new));
        }
    }
}
