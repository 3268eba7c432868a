//! One list in memory while transactions change it.
//!
//! The old list stays as it was read, sorted; entries that come or change stand in slots beside it,
//! found by a hash of the alias. The new list is the merge of what is left of the old one with the
//! sorted slots. Per change: one probe and one binary search; nothing is moved.
//!
//! A list that is replaced mostly comes back as it was. So an R makes a table of its names, an entry
//! that returns byte for byte is marked where it stands, and only the others take slots.
//!
//! A million entries that are all replaced by others take 53 bytes each in the old list and about 9
//! in its table, about 60 in slots and table, and 53 in the new list.

use std::cmp::Ordering;

use crate::core::base::codepage::{eq_ignore_case_850, upper_850};
use crate::core::base::{collate, keysort};
use crate::core::format::FixedRecord;
use crate::core::format::nme::NmeRecord;
use crate::core::format::usr::UsrRecord;
use crate::core::protocol::guard::Removal;

mod names;
mod removal;

use names::{Bits, NameHash};
pub(crate) use removal::address_hash;
use removal::removal;

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

/// Where the entries with the keys of a name begin in the old list, if there are any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot(usize);

/// What an addition finds.
pub(crate) enum Look<R> {
    /// An entry with this name and address.
    Same(At),
    /// An entry with this name and another address.
    Taken(At),
    /// Neither.
    Free {
        /// The entry with this name and address that the list had when it was replaced (DEC-082).
        old: Option<R>,
        /// For [`Working::add`].
        spot: Spot,
    },
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
    /// Records of `base` that were taken out or changed before the list was emptied, or whose id an
    /// entry of another name has since.
    gone: Bits,
    /// Records of `base` that are in the list again since it was emptied.
    kept: Bits,
    /// Of an emptied list: the first record of `base` of each name, by the keys of the name; open
    /// addressing, twice as many places as names at least.
    names: Vec<u32>,
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
        Self {
            gone: Bits::none_of(base.len()),
            kept: Bits::default(),
            names: Vec::new(),
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

    /// Whether a record of the old list is in the list.
    fn stays(&self, index: usize) -> bool {
        if self.cleared {
            self.kept.has(index)
        } else {
            !self.gone.has(index)
        }
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
        match at {
            // It came again behind the R.
            At::Base(_) => self.cleared,
            At::Slot(index) => self.slots[index].state == State::Added,
        }
    }

    fn home(&self, alias: &[u8]) -> usize {
        let mask = self.table.len() - 1;
        usize::try_from(self.hasher.of(alias, upper_850) & (mask as u64)).unwrap_or(0)
    }

    /// The slots whose name is `alias` without regard to case, whatever their state.
    fn slots_of<'a>(&'a self, alias: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let mask = self.table.len() - 1;
        let mut place = (!self.slots.is_empty()).then(|| self.home(alias));
        std::iter::from_fn(move || {
            let place = place.as_mut()?;
            loop {
                let slot = self.table[*place];
                if slot == EMPTY {
                    return None;
                }
                *place = (*place + 1) & mask;
                let slot = slot as usize;
                if eq_ignore_case_850(self.slots[slot].record.alias(), alias) {
                    return Some(slot);
                }
            }
        })
    }

    fn name_home(&self, alias: &[u8]) -> usize {
        let mask = self.names.len() - 1;
        let hash = self.hasher.of(alias, collate::key);
        usize::try_from(hash & (mask as u64)).unwrap_or(0)
    }

    /// Makes the table of the names of the old list.
    fn index_names(&mut self) {
        self.names = vec![EMPTY; (self.base.len() * 2).next_power_of_two()];
        let mask = self.names.len() - 1;
        for index in 0..self.base.len() {
            let alias = self.base[index].alias();
            // One place for all records of a name, be they as many as they may.
            if index > 0 && collate::compare_folded(self.base[index - 1].alias(), alias).is_eq() {
                continue;
            }
            let mut place = self.name_home(alias);
            while self.names[place] != EMPTY {
                place = (place + 1) & mask;
            }
            // Fewer than 2^32: a list has 256 MiB at most.
            self.names[place] = u32::try_from(index).unwrap_or(EMPTY);
        }
    }

    /// Where the records of the old list with the keys of this name begin, if there are any. Names
    /// that are equal without regard to case have equal keys and stand together.
    fn spot(&self, alias: &[u8]) -> Spot {
        if self.names.is_empty() {
            return Spot(
                self.base.partition_point(|record| {
                    collate::compare_folded(record.alias(), alias).is_lt()
                }),
            );
        }
        let mask = self.names.len() - 1;
        let mut place = self.name_home(alias);
        loop {
            let index = self.names[place];
            if index == EMPTY {
                return Spot(self.base.len());
            }
            let index = index as usize;
            if collate::compare_folded(self.base[index].alias(), alias).is_eq() {
                return Spot(index);
            }
            place = (place + 1) & mask;
        }
    }

    /// The records of the old list with this name, without regard to case; gone ones too.
    fn base_of<'a>(&'a self, alias: &'a [u8], spot: Spot) -> impl Iterator<Item = usize> + 'a {
        (spot.0..self.base.len())
            .take_while(move |&index| {
                collate::compare_folded(self.base[index].alias(), alias).is_eq()
            })
            .filter(move |&index| eq_ignore_case_850(self.base[index].alias(), alias))
    }

    /// The current entries with this name, without regard to case.
    fn current<'a>(&'a self, alias: &'a [u8], spot: Spot) -> impl Iterator<Item = At> + 'a {
        let slots = self
            .slots_of(alias)
            .filter(|&slot| matches!(self.slots[slot].state, State::Added | State::Changed))
            .map(At::Slot);
        let base = self
            .base_of(alias, spot)
            .filter(|&index| self.stays(index))
            .map(At::Base);
        slots.chain(base)
    }

    /// Any current entry with this name.
    pub(crate) fn any(&self, alias: &[u8]) -> Option<At> {
        self.current(alias, self.spot(alias)).next()
    }

    /// The current entry with this name and an address that `same` accepts; one whose name is
    /// exactly the same is preferred (DEC-017).
    pub(crate) fn find(&self, alias: &[u8], same: impl Fn(&R) -> bool) -> Option<At> {
        self.find_or_any(alias, self.spot(alias), same).0
    }

    /// [`Working::find`] and [`Working::any`] in one look.
    fn find_or_any(
        &self,
        alias: &[u8],
        spot: Spot,
        same: impl Fn(&R) -> bool,
    ) -> (Option<At>, Option<At>) {
        let mut found = None;
        let mut any = None;
        for at in self.current(alias, spot) {
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

    /// What an addition of this name, with an address that `same` accepts, finds.
    pub(crate) fn look(&self, alias: &[u8], same: impl Fn(&R) -> bool) -> Look<R> {
        let spot = self.spot(alias);
        match self.find_or_any(alias, spot, &same) {
            (Some(at), _) => Look::Same(at),
            (None, Some(at)) => Look::Taken(at),
            (None, None) => Look::Free {
                old: self.previous(alias, spot, same).cloned(),
                spot,
            },
        }
    }

    /// The entry with this name and address that the list had when it was replaced (DEC-082).
    fn previous(&self, alias: &[u8], spot: Spot, same: impl Fn(&R) -> bool) -> Option<&R> {
        if !self.cleared {
            return None;
        }
        let slot = self
            .slots_of(alias)
            .filter(|&slot| self.slots[slot].state == State::Replaced)
            .map(|slot| &self.slots[slot].record)
            .find(|record| same(record));
        slot.or_else(|| {
            self.base_of(alias, spot)
                .filter(|&index| !self.gone.has(index))
                .map(|index| &self.base[index])
                .find(|record| same(record))
        })
    }

    /// Adds an entry; `spot` comes from a [`Working::look`] for its name.
    pub(crate) fn add(&mut self, record: R, spot: Spot) {
        // As it was before the R. Not when there are slots of this name: they hold what else this
        // run knows about it.
        if self.cleared && self.slots_of(record.alias()).next().is_none() {
            let again = self
                .base_of(record.alias(), spot)
                .filter(|&index| !self.gone.has(index) && !self.kept.has(index))
                .find(|&index| self.base[index] == record);
            if let Some(index) = again {
                self.changed = true;
                self.kept.set(index, true);
                return;
            }
        }
        self.insert(record, State::Added);
    }

    /// Adds an entry that nobody looked for.
    pub(crate) fn put(&mut self, record: R) {
        let spot = self.spot(record.alias());
        self.add(record, spot);
    }

    /// Puts `record` in the place of a current entry.
    pub(crate) fn modify(&mut self, at: At, record: R) {
        let state = if self.is_new(at) {
            State::Added
        } else {
            State::Changed
        };
        if self.cleared {
            self.take_id_along(at);
        }
        self.remove(at);
        self.insert(record, state);
    }

    /// The entry at `at` is given another name or address and keeps its id: what the old list knows
    /// under its name must not serve the same id again.
    fn take_id_along(&mut self, at: At) {
        let (alias, tid) = (self.get(at).alias().to_vec(), self.get(at).tid());
        let known: Vec<usize> = self
            .base_of(&alias, self.spot(&alias))
            .filter(|&index| self.base[index].tid() == tid)
            .collect();
        for index in known {
            self.gone.set(index, true);
        }
    }

    /// Takes a current entry out.
    pub(crate) fn remove(&mut self, at: At) {
        self.changed = true;
        match at {
            At::Base(index) if self.cleared => self.kept.set(index, false),
            At::Base(index) => self.gone.set(index, true),
            At::Slot(index) => self.slots[index].state = State::Gone,
        }
    }

    /// Empties the list (R).
    pub(crate) fn clear(&mut self) {
        self.changed = true;
        self.cleared = true;
        self.kept = Bits::none_of(self.base.len());
        if self.names.is_empty() {
            self.index_names();
        }
        for slot in &mut self.slots {
            if matches!(slot.state, State::Added | State::Changed) {
                slot.state = State::Replaced;
            }
        }
    }

    /// Changes every record, old and new; not their names.
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
        let list_len = self.base.len() as u64;
        let leaves = (0..self.base.len()).any(|index| !self.stays(index));
        drop((self.table, self.names));
        // Nobody is removed from a list whose entries are all in the new one.
        let mut old: Vec<(u64, u32)> = Vec::new();
        if leaves {
            old.extend(
                self.base
                    .iter()
                    .map(|record| (address(record), record.tid())),
            );
        }
        let (bits, wanted) = if self.cleared {
            (&self.kept, true)
        } else {
            (&self.gone, false)
        };
        let mut left: Vec<R> = self
            .base
            .into_iter()
            .enumerate()
            .filter(|(index, _)| bits.has(*index) == wanted)
            .map(|(_, record)| record)
            .collect();
        // What is no part of the new list goes before that is made.
        left.shrink_to_fit();
        let new: Vec<R> = self
            .slots
            .into_iter()
            .filter(|slot| matches!(slot.state, State::Added | State::Changed))
            .map(|slot| slot.record)
            .collect();
        let new = merge(left, sorted(new));
        let removal = if leaves {
            removal(&mut old, &new, address)
        } else {
            Removal {
                removed: 0,
                list_len,
            }
        };
        Some((new, removal))
    }
}

fn merge<R: ListRecord>(left: Vec<R>, right: Vec<R>) -> Vec<R> {
    if right.is_empty() {
        return left;
    }
    if left.is_empty() {
        return right;
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

#[cfg(test)]
mod tests;
