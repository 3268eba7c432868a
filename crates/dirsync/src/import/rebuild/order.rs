//! Merging the sources into one order (decisions 2.18): full name by keys, then byte by byte, then
//! network, postoffice and mailbox, then the place in the source.
//!
//! Every source is one run of the merge, because every list is kept sorted. The stable sort of the
//! standard library finds ascending runs and merges them, so sorted sources cost one comparison for
//! each entry and level of the merge, and a source that is not sorted is sorted without being asked
//! for. A key holds the first bytes of the folded name: most comparisons never look at the entry.

use std::cmp::Ordering;

use super::sources::{Collected, Entry, Origin};
use crate::core::base::collate;

/// Bytes of the folded name in a key; with the index a key takes 16 bytes.
const PREFIX_BYTES: usize = 12;

#[derive(Clone, Copy)]
struct Key {
    prefix: [u8; PREFIX_BYTES],
    index: u32,
}

/// The indices of all entries in the order of GAL.NME. There are fewer than 2^32 of them.
pub(super) fn order(all: &Collected) -> Vec<u32> {
    let mut keys: Vec<Key> = (0u32..)
        .zip(&all.entries)
        .map(|(index, entry)| Key {
            prefix: prefix(entry),
            index,
        })
        .collect();
    keys.sort_by(|a, b| {
        a.prefix
            .cmp(&b.prefix)
            .then_with(|| compare(all, a.index, b.index))
    });
    keys.into_iter().map(|key| key.index).collect()
}

fn prefix(entry: &Entry) -> [u8; PREFIX_BYTES] {
    let mut prefix = [0; PREFIX_BYTES];
    for (place, &byte) in prefix.iter_mut().zip(entry.alias.text()) {
        *place = collate::key(byte);
    }
    prefix
}

fn compare(all: &Collected, a: u32, b: u32) -> Ordering {
    let (a, b) = (&all.entries[a as usize], &all.entries[b as usize]);
    collate::compare(a.alias.text(), b.alias.text())
        .then_with(|| {
            if a.origin == b.origin {
                return Ordering::Equal;
            }
            let of = |entry: &Entry| &all.origins[entry.origin as usize];
            let (a, b): (&Origin, &Origin) = (of(a), of(b));
            (&a.network, &a.postoffice).cmp(&(&b.network, &b.postoffice))
        })
        .then_with(|| a.mailbox.text().cmp(b.mailbox.text()))
}
