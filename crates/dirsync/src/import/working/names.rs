//! How names are looked for, and marks on records.

use std::hash::{BuildHasher as _, RandomState};

/// A hash of names without regard to case, under a secret of this run, so that nobody can make names
/// that meet in one place. It decides nothing but where a name is looked for.
#[derive(Debug)]
pub(super) struct NameHash {
    start: u64,
    factor: u64,
}

impl NameHash {
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self {
            start: state.hash_one(1u8),
            // Odd, so that no bit of a name is lost.
            factor: state.hash_one(2u8) | 1,
        }
    }

    /// `fold` makes bytes the same that shall be the same.
    pub(super) fn of(&self, name: &[u8], fold: impl Fn(u8) -> u8) -> u64 {
        let mut hash = self.start ^ name.len() as u64;
        for chunk in name.chunks(8) {
            let mut word = [0; 8];
            for (place, &byte) in word.iter_mut().zip(chunk) {
                *place = fold(byte);
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

/// One bit for each of so many records.
#[derive(Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn none_of(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    pub(super) fn has(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|bits| bits & (1 << (index % 64)) != 0)
    }

    pub(super) fn set(&mut self, index: usize, value: bool) {
        if let Some(bits) = self.0.get_mut(index / 64) {
            let bit = 1 << (index % 64);
            *bits = if value { *bits | bit } else { *bits & !bit };
        }
    }
}
