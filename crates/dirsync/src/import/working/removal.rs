//! How many people a new list removes, for the bulk-delete guard.

use std::hash::{Hash as _, Hasher as _};

use super::ListRecord;
use crate::core::base::codepage::upper_850;
use crate::core::protocol::guard::Removal;

/// The figures of the guard: `old` has the hash of the address and the tuple id of every old entry.
///
/// Ids are only looked at when addresses alone would be a bulk removal.
pub(super) fn removal<R: ListRecord>(
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
