//! Tuple ids of the Global Address List: an address keeps the id it had (DEC-084), so that a message
//! written before a rebuild and sent after it goes where it was meant to go (Q116436).
//!
//! Where one address stands under several names, a name keeps its id when it is still there; ids of
//! names that are gone serve new names of the same address, and only then new ids are given
//! (ASSIGNED: the rules speak of addresses only). New ids are given in the order of the list.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::core::base::CpField;
use crate::core::base::codepage::upper_850;
use crate::core::format::galnetpo::{GalNetPoHeader, GalNetPoRecord, GalTids, TidsExhausted};
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::record::LIVE;

/// The files of the list before.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) records: Vec<GalNetPoRecord>,
    /// For each record a hash of the name it stands under in the old GAL.NME; 0 when none does.
    pub(super) names: Vec<u32>,
}

/// A hash of a name that is the same in every run.
pub(super) fn name_hash(name: &[u8]) -> u32 {
    // DefaultHasher::new() has fixed keys. A collision can only swap ids of one address.
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let bytes = hasher.finish().to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).max(1)
}

fn compare(a: &GalNetPoRecord, b: &GalNetPoRecord) -> Ordering {
    fn folded<const N: usize>(field: &CpField<N>) -> impl Iterator<Item = u8> + '_ {
        field.text().iter().map(|&byte| upper_850(byte))
    }
    fn fields<const N: usize>(a: &CpField<N>, b: &CpField<N>) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        folded(a).cmp(folded(b))
    }
    a.address_type
        .cmp(&b.address_type)
        .then_with(|| fields(&a.network, &b.network))
        .then_with(|| fields(&a.postoffice, &b.postoffice))
        .then_with(|| fields(&a.mailbox, &b.mailbox))
}

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) header: GalNetPoHeader,
    /// Entries that got an id that was never used before.
    pub(super) new: u64,
}

/// Gives every external entry of `gal`, whose addresses are `addresses` in the same order, its id.
pub(super) fn assign(
    gal: &mut [NmeRecord],
    addresses: &mut [GalNetPoRecord],
    before: &Before,
    mut tids: GalTids,
) -> Result<Given, TidsExhausted> {
    keep(gal, addresses, before);
    let mut new = 0;
    for address in addresses.iter_mut() {
        if address.tid.get() == 0 {
            address.tid.set(tids.allocate()?.0);
            new += 1;
        }
    }
    let external = gal.iter_mut().filter(|entry| is_external(entry));
    for (entry, address) in external.zip(addresses.iter()) {
        entry.tid = address.tid;
    }
    Ok(Given {
        header: tids.header(),
        new,
    })
}

fn is_external(entry: &NmeRecord) -> bool {
    entry.nme_kind() == Some(NmeKind::External)
}

/// A record, by a hash of its address.
#[derive(Clone, Copy)]
struct Place {
    hash: u64,
    index: u32,
}

/// The records in an order in which equal addresses stand together, those of one address in the
/// order of the file. Most comparisons look at the hash alone.
fn sorted(records: &[GalNetPoRecord], wanted: fn(&GalNetPoRecord) -> bool) -> Vec<Place> {
    let mut places: Vec<Place> = (0u32..)
        .zip(records)
        .filter(|(_, record)| wanted(record))
        .map(|(index, record)| Place {
            hash: hash(record),
            index,
        })
        .collect();
    places.sort_unstable_by(|a, b| {
        a.hash
            .cmp(&b.hash)
            .then_with(|| compare(&records[a.index as usize], &records[b.index as usize]))
            .then_with(|| a.index.cmp(&b.index))
    });
    places
}

fn hash(record: &GalNetPoRecord) -> u64 {
    let mut bytes = [0; 33];
    let fields = [
        record.network.text(),
        record.postoffice.text(),
        record.mailbox.text(),
    ];
    for (place, text) in bytes.chunks_mut(11).zip(fields) {
        for (place, &byte) in place.iter_mut().zip(text) {
            *place = upper_850(byte);
        }
    }
    let mut hasher = DefaultHasher::new();
    (record.address_type, bytes).hash(&mut hasher);
    hasher.finish()
}

/// Gives the ids that the old files have for the same addresses.
fn keep(gal: &[NmeRecord], addresses: &mut [GalNetPoRecord], before: &Before) {
    let old_record = |index: u32| &before.records[index as usize];
    let old = sorted(&before.records, |record| {
        record.state == LIVE && record.tid.get() != 0
    });
    let order = sorted(addresses, |_| true);
    // The n-th external entry of the list has the n-th address.
    let mut names: Vec<u32> = Vec::new();
    let mut from = 0;
    let mut rest = order.as_slice();
    while let Some(&first) = rest.first() {
        let address = addresses[first.index as usize].clone();
        let of = |place: &Place, record: &GalNetPoRecord| {
            place
                .hash
                .cmp(&first.hash)
                .then_with(|| compare(record, &address))
        };
        let count = rest
            .iter()
            .take_while(|place| of(place, &addresses[place.index as usize]).is_eq())
            .count();
        let (group, after) = rest.split_at(count);
        rest = after;
        while from < old.len() && of(&old[from], old_record(old[from].index)).is_lt() {
            from += 1;
        }
        let known = old[from..]
            .iter()
            .take_while(|place| of(place, old_record(place.index)).is_eq())
            .count();
        let candidates = &old[from..from + known];
        from += known;
        match (group, candidates) {
            (_, []) => {}
            ([one], [before_one]) => {
                addresses[one.index as usize].tid = old_record(before_one.index).tid;
            }
            _ => {
                if names.is_empty() {
                    names = gal
                        .iter()
                        .filter(|entry| is_external(entry))
                        .map(|entry| name_hash(entry.alias.text()))
                        .collect();
                }
                let indices = |places: &[Place]| -> Vec<u32> {
                    places.iter().map(|place| place.index).collect()
                };
                share(
                    addresses,
                    &names,
                    &indices(group),
                    &indices(candidates),
                    before,
                );
            }
        }
    }
}

/// One address under several names, now or before.
fn share(
    addresses: &mut [GalNetPoRecord],
    names: &[u32],
    group: &[u32],
    candidates: &[u32],
    before: &Before,
) {
    let mut by_name: Vec<(u32, u32)> = candidates
        .iter()
        .map(|&index| {
            let name = before.names.get(index as usize).copied().unwrap_or(0);
            (name, index)
        })
        .collect();
    by_name.sort_unstable();
    let name_of = |entry: u32| names.get(entry as usize).copied().unwrap_or(0);
    let mut wanting: Vec<u32> = group.to_vec();
    wanting.sort_by_key(|&entry| (name_of(entry), entry));
    let mut left: Vec<u32> = Vec::new();
    let mut ids = by_name.into_iter().peekable();
    for entry in wanting {
        let name = name_of(entry);
        while let Some((_, index)) = ids.next_if(|&(other, _)| other < name) {
            left.push(index);
        }
        if let Some((_, index)) = ids.next_if(|&(other, _)| other == name) {
            addresses[entry as usize].tid = before.records[index as usize].tid;
        }
    }
    left.extend(ids.map(|(_, index)| index));
    left.sort_unstable();
    let mut left = left.into_iter();
    for &entry in group {
        if addresses[entry as usize].tid.get() != 0 {
            continue;
        }
        let Some(index) = left.next() else { break };
        addresses[entry as usize].tid = before.records[index as usize].tid;
    }
}
