//! Sorting many short texts by their keys, without a comparison that looks at a text.
//!
//! A place in the order is 16 bytes: the first 11 bytes of the text's keys, then a number of 40 bits
//! that tells which text it is, as one integer. Integers are sorted; only where 11 bytes are the same
//! and the texts go on, the next 11 are fetched for that group alone. A million names take 16 MB.

use std::cmp::Ordering;

/// Bytes of keys in a place.
pub const PIECE_LEN_BYTES: usize = 11;
/// Numbers of texts lie below this.
pub const IDS_END: u64 = 1 << ID_BITS;
const ID_BITS: u32 = 40;
const ID_MASK: u128 = (1 << ID_BITS) - 1;

/// A text in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u128);

impl Place {
    fn new(piece: [u8; PIECE_LEN_BYTES], id: u64) -> Self {
        let mut bytes = [0; 16];
        bytes[..PIECE_LEN_BYTES].copy_from_slice(&piece);
        Self(u128::from_be_bytes(bytes) | (u128::from(id) & ID_MASK))
    }

    /// The number of the text.
    #[must_use]
    #[inline]
    pub fn id(self) -> u64 {
        // The mask leaves 40 bits.
        u64::try_from(self.0 & ID_MASK).unwrap_or(0)
    }

    fn piece(self) -> u128 {
        self.0 >> ID_BITS
    }

    /// Whether the text may go on behind the piece: keys are never 0, what follows the end is.
    fn goes_on(self) -> bool {
        self.piece() & 0xFF != 0
    }
}

/// A piece of keys: those of `text` from the byte `from` on, 0 behind its end. `text` holds no 0.
#[must_use]
#[inline]
pub fn piece(text: &[u8], from: usize, key: impl Fn(u8) -> u8) -> [u8; PIECE_LEN_BYTES] {
    let mut piece = [0; PIECE_LEN_BYTES];
    for (place, &byte) in piece.iter_mut().zip(text.get(from..).unwrap_or_default()) {
        *place = key(byte);
    }
    piece
}

/// Texts in the order of their keys: `first` has the number of each (below [`IDS_END`]) and its first
/// piece, `piece_at(id, from)` is the piece of a text from the byte `from` on, see [`piece`]. Texts with
/// the same keys are ordered by `tie`, and those that are equal there too by number.
pub fn sorted(
    first: impl Iterator<Item = (u64, [u8; PIECE_LEN_BYTES])>,
    piece_at: impl Fn(u64, usize) -> [u8; PIECE_LEN_BYTES],
    tie: impl Fn(u64, u64) -> Ordering,
) -> Vec<Place> {
    let mut places: Vec<Place> = first.map(|(id, piece)| Place::new(piece, id)).collect();
    sort(&mut places, PIECE_LEN_BYTES, &piece_at, &tie);
    places
}

/// Sorts places whose texts have the same keys before the pieces they hold; `next` is the offset
/// behind these.
fn sort(
    places: &mut [Place],
    next: usize,
    piece_at: &impl Fn(u64, usize) -> [u8; PIECE_LEN_BYTES],
    tie: &impl Fn(u64, u64) -> Ordering,
) {
    // The number is a part of the place, so no two are equal and an unstable sort will do.
    places.sort_unstable();
    for group in places.chunk_by_mut(|a, b| a.piece() == b.piece()) {
        let [first, _, ..] = group else { continue };
        if first.goes_on() {
            for place in group.iter_mut() {
                *place = Place::new(piece_at(place.id(), next), place.id());
            }
            sort(group, next.saturating_add(PIECE_LEN_BYTES), piece_at, tie);
        } else {
            // By number already, and this sort is stable.
            group.sort_by(|a, b| tie(a.id(), b.id()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::collate;

    proptest! {
        // rule: dec:2.18
        #[test]
        fn it_is_the_order_of_names(
            texts in proptest::collection::vec(
                proptest::collection::vec(
                    prop::sample::select(b"aA\x84bB1 ".to_vec()), 0..3,
                ).prop_flat_map(|end| (prop::sample::select(vec![0usize, 8, 9, 10, 11, 21, 22, 23, 40]), Just(end))),
                0..60,
            ),
        ) {
            // Long common beginnings that end around the borders of pieces.
            let texts: Vec<Vec<u8>> = texts
                .into_iter()
                .map(|(common, end)| [vec![b'x'; common], end].concat())
                .collect();
            let text = |id: u64| texts[usize::try_from(id).unwrap()].as_slice();
            let found: Vec<u64> = sorted(
                (0..texts.len() as u64).map(|id| (id, piece(text(id), 0, collate::key))),
                |id, from| piece(text(id), from, collate::key),
                |a, b| text(a).cmp(text(b)),
            )
            .into_iter()
            .map(Place::id)
            .collect();
            let mut expected: Vec<u64> = (0..texts.len() as u64).collect();
            expected.sort_by(|&a, &b| collate::compare(text(a), text(b)));
            prop_assert_eq!(found, expected);
        }
    }
}
