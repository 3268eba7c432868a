//! Tuple ids of the Global Address List: an address keeps the id it had (DEC-084), so that a message
//! written before a rebuild and sent after it goes where it was meant to go (Q116436).
//!
//! Where one address stands under several names, a name keeps its id when it is still there; ids of
//! names that are gone serve new names of the same address, and only then new ids are given
//! (ASSIGNED: the rules speak of addresses only). New ids are given in the order of the list.

use std::cmp::Ordering;

use super::merged::{Address, Merged};
use crate::core::base::codepage::upper_850;
use crate::core::format::galnetpo::{GalNetPoHeader, GalNetPoRecord, GalTids, TidsExhausted};
use crate::core::format::record::LIVE;
use crate::import::error::ImportError;

/// Of splitmix64: spreads what is in the lower bits over all of them.
fn mix(state: u64, bytes: &[u8], fold: impl Fn(u8) -> u8) -> u64 {
    let mut state = state;
    // The length keeps texts apart that differ by what follows their end.
    state ^= bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        for (place, &byte) in word.iter_mut().zip(chunk) {
            *place = fold(byte);
        }
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state ^= state >> 31;
    }
    state.wrapping_mul(0x94D0_49BB_1331_11EB)
}

/// The upper half of a hash.
fn upper_half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// A hash of a name that is the same in every run, never 0.
pub(super) fn name_hash(name: &[u8]) -> u32 {
    // A collision can only swap ids of one address.
    upper_half(mix(1, name, |byte| byte)).max(1)
}

/// Address by address, without regard to case.
fn compare(a: Address<'_>, b: Address<'_>) -> Ordering {
    fn fields(a: &[u8], b: &[u8]) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let folded = |text: &[u8]| -> [u8; 11] {
            // 0 behind the end comes before every byte of a text.
            let mut folded = [0; 11];
            for (place, &byte) in folded.iter_mut().zip(text) {
                *place = upper_850(byte);
            }
            folded
        };
        folded(a).cmp(&folded(b))
    }
    a.code
        .cmp(&b.code)
        .then_with(|| fields(a.network, b.network))
        .then_with(|| fields(a.postoffice, b.postoffice))
        .then_with(|| fields(a.mailbox, b.mailbox))
}

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) header: GalNetPoHeader,
    /// The id of each record of GALNETPO.GLB.
    pub(super) tids: Vec<u32>,
    /// Entries that got an id that was never used before.
    pub(super) new: u64,
}

/// Gives new ids to those that have none (0), in the order of the list.
pub(super) fn fill(mut tids: Vec<u32>, mut counter: GalTids) -> Result<Given, TidsExhausted> {
    let mut new = 0;
    for tid in tids.iter_mut().filter(|tid| **tid == 0) {
        *tid = counter.allocate()?.0;
        new += 1;
    }
    Ok(Given {
        header: counter.header(),
        tids,
        new,
    })
}

/// A record, by a hash of its address: the hash above, the index below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64);

impl Place {
    fn new(address: Address<'_>, index: u32) -> Self {
        let mut hash = u64::from(address.code);
        for text in [address.network, address.postoffice, address.mailbox] {
            hash = mix(hash, text, upper_850);
        }
        Self(u64::from(upper_half(hash)) << 32 | u64::from(index))
    }

    fn hash(self) -> u64 {
        self.0 >> 32
    }

    fn index(self) -> u32 {
        u32::try_from(self.0 & 0xFFFF_FFFF).unwrap_or(0)
    }
}

/// Places by hash, those of one hash by address, those of one address in the order of the file: equal
/// addresses stand together. A hash that several addresses share is rare.
fn sort<'a>(places: &mut [Place], address: impl Fn(u32) -> Address<'a>) {
    places.sort_unstable();
    for group in places.chunk_by_mut(|a, b| a.hash() == b.hash()) {
        // By index already, and this sort is stable.
        group.sort_by(|a, b| compare(address(a.index()), address(b.index())));
    }
}

/// The ids that the old files have for the same addresses; 0 for the others. `names` is asked only
/// when one address stands under several names: for each old record a hash of its name.
pub(super) fn keep(
    merged: &Merged,
    before: &[GalNetPoRecord],
    names: impl FnOnce() -> Result<Vec<u32>, ImportError>,
) -> Result<Vec<u32>, ImportError> {
    let mut tids = vec![0; merged.external_len() as usize];
    let old_address = |index: u32| Address::of(&before[index as usize]);
    let new_address = |number: u32| merged.external(number).1;
    let old_tid = |index: u32| before[index as usize].tid.get();
    let mut old: Vec<Place> = (0u32..)
        .zip(before)
        .filter(|(_, record)| record.state == LIVE && record.tid.get() != 0)
        .map(|(index, record)| Place::new(Address::of(record), index))
        .collect();
    if old.is_empty() {
        return Ok(tids);
    }
    sort(&mut old, old_address);
    let mut order: Vec<Place> = (0..merged.external_len())
        .map(|number| Place::new(new_address(number), number))
        .collect();
    sort(&mut order, new_address);
    let mut names = Some(names);
    let mut known_names = Vec::new();
    let mut from = 0;
    let mut rest = order.as_slice();
    while let Some(&first) = rest.first() {
        let address = new_address(first.index());
        let of = |place: &Place, other: Address<'_>| {
            place
                .hash()
                .cmp(&first.hash())
                .then_with(|| compare(other, address))
        };
        let count = 1 + rest[1..]
            .iter()
            .take_while(|place| of(place, new_address(place.index())).is_eq())
            .count();
        let (group, after) = rest.split_at(count);
        rest = after;
        while from < old.len() && of(&old[from], old_address(old[from].index())).is_lt() {
            from += 1;
        }
        let known = old[from..]
            .iter()
            .take_while(|place| of(place, old_address(place.index())).is_eq())
            .count();
        let candidates = &old[from..from + known];
        from += known;
        match (group, candidates) {
            (_, []) => {}
            ([one], [before_one]) => {
                tids[one.index() as usize] = old_tid(before_one.index());
            }
            _ => {
                if let Some(names) = names.take() {
                    known_names = names()?;
                }
                let entries: Vec<Named> = group
                    .iter()
                    .map(|place| (name_hash(merged.external(place.index()).0), place.index()))
                    .collect();
                let old: Vec<Named> = candidates
                    .iter()
                    .map(|place| {
                        let name = known_names.get(place.index() as usize);
                        (name.copied().unwrap_or(0), place.index())
                    })
                    .collect();
                share(&mut tids, &entries, old, old_tid);
            }
        }
    }
    Ok(tids)
}

/// The hash of a name, and the index of a record.
type Named = (u32, u32);

/// One address under several names, now or before.
fn share(
    tids: &mut [u32],
    entries: &[Named],
    mut before: Vec<Named>,
    old_tid: impl Fn(u32) -> u32,
) {
    before.sort_unstable();
    let mut wanting = entries.to_vec();
    wanting.sort_unstable();
    let mut left: Vec<u32> = Vec::new();
    let mut ids = before.into_iter().peekable();
    for (name, entry) in wanting {
        while let Some((_, index)) = ids.next_if(|&(other, _)| other < name) {
            left.push(index);
        }
        if let Some((_, index)) = ids.next_if(|&(other, _)| other == name) {
            tids[entry as usize] = old_tid(index);
        }
    }
    left.extend(ids.map(|(_, index)| index));
    left.sort_unstable();
    let mut left = left.into_iter();
    for &(_, entry) in entries {
        if tids[entry as usize] != 0 {
            continue;
        }
        let Some(index) = left.next() else { break };
        tids[entry as usize] = old_tid(index);
    }
}
