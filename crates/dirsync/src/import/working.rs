//! One list in memory while transactions change it.
//!
//! The old list stays as it was read, sorted; entries that come or change stand in slots beside it,
//! found by a hash of the alias. The new list is the merge of what is left of the old one with the
//! sorted slots. Per change: one probe and one binary search; nothing is moved.
//!
//! A million entries that are all replaced take 53 bytes each in the old list, about 60 in slots
//! and table, and 53 in the new list.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::core::base::codepage::{eq_ignore_case_850, upper_850};
use crate::core::base::{collate, keysort};
use crate::core::format::FixedRecord;
use crate::core::format::nme::NmeRecord;
use crate::core::format::usr::UsrRecord;
use crate::core::protocol::guard::Removal;

/// A record of a list that transactions change.
pub(crate) trait ListRecord: FixedRecord {
    /// The name.
    fn alias(&self) -> &[u8];
    /// The tuple id.
    fn tid(&self) -> u32;
    /// The order of the file: by name, then something that makes it complete.
    fn order(&self, other: &Self) -> Ordering;
}

impl ListRecord for UsrRecord {
    fn alias(&self) -> &[u8] {
        self.alias.text()
    }

    fn tid(&self) -> u32 {
        self.tid.get()
    }

    fn order(&self, other: &Self) -> Ordering {
        collate::compare(self.alias(), other.alias())
            .then_with(|| self.mailbox.text().cmp(other.mailbox.text()))
    }
}

impl ListRecord for NmeRecord {
    fn alias(&self) -> &[u8] {
        self.alias.text()
    }

    fn tid(&self) -> u32 {
        self.tid.get()
    }

    fn order(&self, other: &Self) -> Ordering {
        collate::compare(self.alias(), other.alias())
            .then_with(|| self.pointer.get().cmp(&other.pointer.get()))
    }
}

/// Where a current entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// In the old list.
    Base(usize),
    /// In a slot.
    Slot(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the list, added by this run.
    Added,
    /// In the list, changed by this run.
    Changed,
    /// Was in the list when it was replaced; its id serves the same entry again (DEC-082).
    Replaced,
    Gone,
}

#[derive(Debug)]
struct Slot<R> {
    record: R,
    state: State,
}

const EMPTY: u32 = u32::MAX;

/// Records from one fence to the next.
const FENCE_EVERY: usize = 32;

/// A hash of names without regard to case, under a secret of this run, so that nobody can make names
/// that meet in one place. It decides nothing but where a name is looked for.
#[derive(Debug)]
struct NameHash {
    start: u64,
    factor: u64,
}

impl NameHash {
    fn new() -> Self {
        let state = RandomState::new();
        Self {
            start: state.hash_one(1u8),
            // Odd, so that no bit of a name is lost.
            factor: state.hash_one(2u8) | 1,
        }
    }

    fn of(&self, name: &[u8]) -> u64 {
        let mut hash = self.start ^ name.len() as u64;
        for chunk in name.chunks(8) {
            let mut word = [0; 8];
            for (place, &byte) in word.iter_mut().zip(chunk) {
                *place = upper_850(byte);
            }
            let product = u128::from(hash ^ u64::from_le_bytes(word)) * u128::from(self.factor);
            // Both halves of the product.
            let [low, high] = [product, product >> 64]
                .map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
            hash = low ^ high;
        }
        hash
    }
}

/// Records in the order of the file; those that are in order already stay where they are.
fn sorted<R: ListRecord>(records: Vec<R>) -> Vec<R> {
    if records
        .windows(2)
        .all(|pair| pair[0].order(&pair[1]).is_le())
    {
        return records;
    }
    let record = |id: u64| &records[usize::try_from(id).unwrap_or(usize::MAX)];
    let piece_at = |record: &R, from: usize| keysort::piece(record.alias(), from, collate::key);
    let first = (0u64..)
        .zip(&records)
        .map(|(id, record)| (id, piece_at(record, 0)));
    let places = keysort::sorted(
        first,
        |id, from| piece_at(record(id), from),
        |a, b| record(a).order(record(b)),
    );
    places
        .iter()
        .map(|place| record(place.id()).clone())
        .collect()
}

/// A list being changed.
#[derive(Debug)]
pub(crate) struct Working<R> {
    base: Vec<R>,
    /// The first keys of every [`FENCE_EVERY`]th record of `base`: a look into a list of a million
    /// names begins here and not with twenty jumps through all of it.
    fences: Vec<[u8; keysort::PIECE_LEN_BYTES]>,
    /// One bit for each record of `base`: no longer in the list.
    gone: Vec<u64>,
    slots: Vec<Slot<R>>,
    /// Open addressing; twice as many places as slots at least.
    table: Vec<u32>,
    hasher: NameHash,
    /// An R emptied the list.
    cleared: bool,
    changed: bool,
}

impl<R: ListRecord> Working<R> {
    /// A list as it was read; it is sorted when it is not.
    pub(crate) fn new(mut base: Vec<R>) -> Self {
        let is_sorted = base.windows(2).all(|pair| pair[0].order(&pair[1]).is_le());
        if !is_sorted {
            base = sorted(base);
        }
        let fences = base
            .iter()
            .step_by(FENCE_EVERY)
            .map(|record| keysort::piece(record.alias(), 0, collate::key))
            .collect();
        Self {
            fences,
            gone: vec![0; base.len().div_ceil(64)],
            base,
            slots: Vec::new(),
            table: vec![EMPTY; 16],
            hasher: NameHash::new(),
            cleared: false,
            changed: !is_sorted,
        }
    }

    /// The old list.
    pub(crate) fn base(&self) -> &[R] {
        &self.base
    }

    fn is_gone(&self, index: usize) -> bool {
        self.gone
            .get(index / 64)
            .is_some_and(|bits| bits & (1 << (index % 64)) != 0)
    }

    /// A current entry.
    pub(crate) fn get(&self, at: At) -> &R {
        match at {
            At::Base(index) => &self.base[index],
            At::Slot(index) => &self.slots[index].record,
        }
    }

    /// Whether an entry was added by this run.
    pub(crate) fn is_new(&self, at: At) -> bool {
        matches!(at, At::Slot(index) if self.slots[index].state == State::Added)
    }

    fn home(&self, alias: &[u8]) -> usize {
        let mask = self.table.len() - 1;
        usize::try_from(self.hasher.of(alias) & (mask as u64)).unwrap_or(0)
    }

    /// The slots whose name is `alias` without regard to case, whatever their state.
    fn slots_of<'a>(&'a self, alias: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let mask = self.table.len() - 1;
        let mut place = self.home(alias);
        std::iter::from_fn(move || {
            loop {
                let slot = self.table[place];
                if slot == EMPTY {
                    return None;
                }
                place = (place + 1) & mask;
                let slot = slot as usize;
                if eq_ignore_case_850(self.slots[slot].record.alias(), alias) {
                    return Some(slot);
                }
            }
        })
    }

    /// The records of the old list with this name, without regard to case; gone ones too.
    fn base_of<'a>(&'a self, alias: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        // Names that are equal without regard to case have equal keys and stand together. Between the
        // last fence below the name and the first one above it the place is looked for.
        let piece = keysort::piece(alias, 0, collate::key);
        let below = self.fences.partition_point(|fence| *fence < piece);
        let above = self.fences.partition_point(|fence| *fence <= piece);
        let low = below.saturating_sub(1) * FENCE_EVERY;
        let high = (above * FENCE_EVERY).min(self.base.len());
        let start = low
            + self.base[low..high]
                .partition_point(|record| collate::compare_folded(record.alias(), alias).is_lt());
        (start..self.base.len())
            .take_while(move |&index| {
                collate::compare_folded(self.base[index].alias(), alias).is_eq()
            })
            .filter(move |&index| eq_ignore_case_850(self.base[index].alias(), alias))
    }

    /// The current entries with this name, without regard to case.
    fn current<'a>(&'a self, alias: &'a [u8]) -> impl Iterator<Item = At> + 'a {
        let slots = self
            .slots_of(alias)
            .filter(|&slot| matches!(self.slots[slot].state, State::Added | State::Changed))
            .map(At::Slot);
        // Nothing of the old list is current once it was emptied: it is not even looked at.
        let base = (!self.cleared)
            .then(|| self.base_of(alias))
            .into_iter()
            .flatten()
            .filter(|&index| !self.is_gone(index))
            .map(At::Base);
        slots.chain(base)
    }

    /// Any current entry with this name.
    pub(crate) fn any(&self, alias: &[u8]) -> Option<At> {
        self.current(alias).next()
    }

    /// The current entry with this name and an address that `same` accepts; one whose name is
    /// exactly the same is preferred (DEC-017).
    pub(crate) fn find(&self, alias: &[u8], same: impl Fn(&R) -> bool) -> Option<At> {
        self.find_or_any(alias, same).0
    }

    /// [`Working::find`] and [`Working::any`] in one look.
    pub(crate) fn find_or_any(
        &self,
        alias: &[u8],
        same: impl Fn(&R) -> bool,
    ) -> (Option<At>, Option<At>) {
        let mut found = None;
        let mut any = None;
        for at in self.current(alias) {
            any = any.or(Some(at));
            let record = self.get(at);
            if same(record) {
                if record.alias() == alias {
                    return (Some(at), any);
                }
                found = found.or(Some(at));
            }
        }
        (found, any)
    }

    /// The entry with this name and address that the list had when it was replaced (DEC-082).
    pub(crate) fn previous(&self, alias: &[u8], same: impl Fn(&R) -> bool) -> Option<&R> {
        if !self.cleared {
            return None;
        }
        let slot = self
            .slots_of(alias)
            .filter(|&slot| self.slots[slot].state == State::Replaced)
            .map(|slot| &self.slots[slot].record)
            .find(|record| same(record));
        slot.or_else(|| {
            self.base_of(alias)
                .filter(|&index| !self.is_gone(index))
                .map(|index| &self.base[index])
                .find(|record| same(record))
        })
    }

    /// Adds an entry.
    pub(crate) fn add(&mut self, record: R) {
        self.insert(record, State::Added);
    }

    /// Puts `record` in the place of a current entry.
    pub(crate) fn modify(&mut self, at: At, record: R) {
        let state = if self.is_new(at) {
            State::Added
        } else {
            State::Changed
        };
        self.remove(at);
        self.insert(record, state);
    }

    /// Takes a current entry out.
    pub(crate) fn remove(&mut self, at: At) {
        self.changed = true;
        match at {
            At::Base(index) => {
                if let Some(bits) = self.gone.get_mut(index / 64) {
                    *bits |= 1 << (index % 64);
                }
            }
            At::Slot(index) => self.slots[index].state = State::Gone,
        }
    }

    /// Empties the list (R).
    pub(crate) fn clear(&mut self) {
        self.changed = true;
        self.cleared = true;
        for slot in &mut self.slots {
            if matches!(slot.state, State::Added | State::Changed) {
                slot.state = State::Replaced;
            }
        }
    }

    /// Changes every record, old and new.
    pub(crate) fn for_all(&mut self, mut change: impl FnMut(&mut R)) {
        self.changed = true;
        self.base.iter_mut().for_each(&mut change);
        for slot in &mut self.slots {
            change(&mut slot.record);
        }
    }

    fn insert(&mut self, record: R, state: State) {
        self.changed = true;
        let slot = Slot { record, state };
        // A slot of the same name whose entry is gone serves again, so that a name that comes and
        // goes a thousand times takes one.
        let free = self
            .slots_of(slot.record.alias())
            .find(|&slot| matches!(self.slots[slot].state, State::Gone | State::Replaced));
        if let Some(free) = free {
            self.slots[free] = slot;
            return;
        }
        if (self.slots.len() + 1) * 2 > self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut place = self.home(slot.record.alias());
        while self.table[place] != EMPTY {
            place = (place + 1) & mask;
        }
        // Fewer slots than 2^32: each comes from a record of at least 26 bytes of a file whose
        // offsets we hold, and memory ends long before.
        self.table[place] = u32::try_from(self.slots.len()).unwrap_or(EMPTY);
        self.slots.push(slot);
    }

    fn grow(&mut self) {
        self.table = vec![EMPTY; self.table.len() * 2];
        let mask = self.table.len() - 1;
        for slot in 0..self.slots.len() {
            let mut place = self.home(self.slots[slot].record.alias());
            while self.table[place] != EMPTY {
                place = (place + 1) & mask;
            }
            self.table[place] = u32::try_from(slot).unwrap_or(EMPTY);
        }
    }

    /// The new list, sorted, and the figures of the guard; `None` when nothing was changed.
    ///
    /// An entry counts as removed when neither its address is in the new list nor its tuple id
    /// (ASSIGNED: a new name, or a new mailbox by M, removes nobody). `address` is a hash of the
    /// address.
    pub(crate) fn finish(self, address: impl Fn(&R) -> u64) -> Option<(Vec<R>, Removal)> {
        if !self.changed {
            return None;
        }
        drop(self.table);
        let mut old: Vec<(u64, u32)> = self
            .base
            .iter()
            .map(|record| (address(record), record.tid()))
            .collect();
        // An old list that is no part of the new one goes before the new one is made.
        let base = if self.cleared { Vec::new() } else { self.base };
        let mut new: Vec<R> = self
            .slots
            .into_iter()
            .filter(|slot| matches!(slot.state, State::Added | State::Changed))
            .map(|slot| slot.record)
            .collect();
        new = sorted(new);
        if !self.cleared {
            let gone = &self.gone;
            let left = base
                .into_iter()
                .enumerate()
                .filter(|(index, _)| {
                    gone.get(index / 64)
                        .is_none_or(|bits| bits & (1 << (index % 64)) == 0)
                })
                .map(|(_, record)| record)
                .collect();
            new = merge(left, new);
        }
        let removal = removal(&mut old, &new, address);
        Some((new, removal))
    }
}

fn merge<R: ListRecord>(left: Vec<R>, right: Vec<R>) -> Vec<R> {
    if right.is_empty() {
        return left;
    }
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let mut right = right.into_iter().peekable();
    for record in left {
        while let Some(other) = right.next_if(|other| other.order(&record).is_lt()) {
            merged.push(other);
        }
        merged.push(record);
    }
    merged.extend(right);
    merged
}

fn removal<R: ListRecord>(
    old: &mut [(u64, u32)],
    new: &[R],
    address: impl Fn(&R) -> u64,
) -> Removal {
    let list_len = old.len() as u64;
    let mut there: Vec<u64> = new.iter().map(address).collect();
    there.sort_unstable();
    let mut missing: Vec<u32> = old
        .iter()
        .filter(|(address, _)| there.binary_search(address).is_err())
        .map(|&(_, tid)| tid)
        .collect();
    let by_address = Removal {
        removed: missing.len() as u64,
        list_len,
    };
    if !by_address.is_bulk() {
        return by_address;
    }
    // Ids that several old entries share prove nothing.
    let mut ids: Vec<u32> = old.iter().map(|&(_, tid)| tid).collect();
    ids.sort_unstable();
    let shared = |tid: u32| {
        let at = ids.partition_point(|&other| other < tid);
        ids.get(at + 1) == Some(&tid)
    };
    let mut kept: Vec<u32> = new.iter().map(R::tid).collect();
    kept.sort_unstable();
    missing.retain(|&tid| tid == 0 || shared(tid) || kept.binary_search(&tid).is_err());
    Removal {
        removed: missing.len() as u64,
        list_len,
    }
}

/// A hash of an address without regard to case, the same in every run.
pub(crate) fn address_hash(address: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    let mut folded = [0; 64];
    for chunk in address.chunks(folded.len()) {
        for (place, &byte) in folded.iter_mut().zip(chunk) {
            *place = upper_850(byte);
        }
        folded[..chunk.len()].hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::core::base::CpField;

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
            let tid = working.previous(old.alias(), |_| true).unwrap().tid();
            working.add(record(old.alias(), old.mailbox.text(), tid));
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
        working.add(record(b"X", b"x", 0));
        assert_eq!(working.finish(hash).unwrap().1.removed, 100);
    }

    // rule: dec:2.18
    #[test]
    fn names_are_found_in_a_long_list_wherever_the_fences_stand() {
        for count in [1u32, 31, 32, 33, 64, 500] {
            // Long common beginnings and names that differ in case and accent alone.
            let list: Vec<UsrRecord> = (0..count)
                .map(|n| {
                    let name = match n % 3 {
                        0 => format!("Common beginning {:03}", n / 6),
                        1 => format!("common Beginning {:03}", n / 6 + 1),
                        _ => format!("{:03}", n / 6),
                    };
                    record(name.as_bytes(), format!("u{n}").as_bytes(), n + 1)
                })
                .collect();
            let mut working = Working::new(list.clone());
            for old in &list {
                let same = |found: &UsrRecord| found.mailbox == old.mailbox;
                let at = working.find(old.alias(), same).unwrap();
                assert_eq!(working.get(at).tid.get(), old.tid.get());
            }
            for missing in [
                &b""[..],
                b"0",
                b"Common beginning",
                b"zzz",
                b"Common beginning 9999",
            ] {
                assert!(working.any(missing).is_none());
            }
            working.clear();
            for old in &list {
                assert!(working.any(old.alias()).is_none());
                let same = |found: &UsrRecord| found.mailbox == old.mailbox;
                assert!(working.previous(old.alias(), same).is_some());
            }
        }
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
                            working.add(record(&alias, &[b'a' + m], 0));
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
}
