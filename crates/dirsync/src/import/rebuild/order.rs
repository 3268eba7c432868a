//! The one order of the list (decisions 2.18): full name by keys, then byte by byte, then network,
//! postoffice and mailbox, then the place in the source.
//!
//! Sorted as integers of 16 bytes, see [`keysort`]; an entry is looked at again only where names have
//! long beginnings in common. A source that is not sorted is sorted without being asked for.

use std::cmp::Ordering;

use super::sources::{Collected, Entry, Origin};
use crate::core::base::{collate, keysort};

/// The indices of all entries in the order of GAL.NME. There are fewer than 2^32 of them.
pub(super) fn order(all: &Collected) -> Vec<u32> {
    let entry = |id: u64| &all.entries[usize::try_from(id).unwrap_or(usize::MAX)];
    let first = (0u64..).zip(&all.entries).map(|(id, entry)| {
        let piece = keysort::piece(entry.alias.text(), 0, collate::key);
        (id, piece)
    });
    keysort::sorted(
        first,
        |id, from| keysort::piece(entry(id).alias.text(), from, collate::key),
        |a, b| compare(all, entry(a), entry(b)),
    )
    .iter()
    .map(|place| u32::try_from(place.id()).unwrap_or(u32::MAX))
    .collect()
}

fn compare(all: &Collected, a: &Entry, b: &Entry) -> Ordering {
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
