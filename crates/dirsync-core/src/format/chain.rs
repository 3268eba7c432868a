//! Chains of records: each names the byte offset of the next, 0 ends the chain.
//!
//! ADMIN.GRP holds the members of groups this way, NETPO.GLB and ADMIN.GRP their free records
//! (Q107767, Q110100, Q112904). A chain in a damaged file can point outside the records or back
//! into itself; walking one takes at most as many steps as there are records.

use std::marker::PhantomData;

use super::record::{FileView, FixedRecord};

/// A record that names the next one.
pub trait Linked {
    /// Byte offset of the next record from the start of the file, 0 for the end.
    fn next_offset(&self) -> u32;
}

/// Where a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No record starts at this byte offset.
    #[error("the chain leads to byte {0}, where no record starts")]
    NoRecord(u32),
    /// The record at this byte offset stands in the chain twice.
    #[error("the chain comes back to the record at byte {0}")]
    Loop(u32),
}

/// A walk along a chain. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Chain<'a, H, R> {
    records: &'a [R],
    next: u32,
    seen: Vec<u64>,
    kind: PhantomData<H>,
}

impl<'a, H: FixedRecord, R: FixedRecord + Linked> Chain<'a, H, R> {
    /// Starts at byte offset `start` of the file that `records` stand in; 0 is the empty chain.
    #[must_use]
    pub fn new(records: &'a [R], start: u32) -> Self {
        Self {
            records,
            next: start,
            seen: Vec::new(),
            kind: PhantomData,
        }
    }

    fn step(&mut self, offset: u32) -> Result<(u32, &'a R), ChainError> {
        let index = FileView::<H, R>::index_of(u64::from(offset))
            .filter(|&index| index < self.records.len())
            .ok_or(ChainError::NoRecord(offset))?;
        if self.seen.is_empty() {
            self.seen.resize(self.records.len() / 64 + 1, 0);
        }
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        if self.seen[word] & bit != 0 {
            return Err(ChainError::Loop(offset));
        }
        self.seen[word] |= bit;
        Ok((offset, &self.records[index]))
    }
}

impl<'a, H: FixedRecord, R: FixedRecord + Linked> Iterator for Chain<'a, H, R> {
    type Item = Result<(u32, &'a R), ChainError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == 0 {
            return None;
        }
        let item = self.step(self.next);
        self.next = item.map_or(0, |(_, record)| record.next_offset());
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::grp::{GrpHeader, GrpNode};

    fn nodes(next: &[u32]) -> Vec<GrpNode> {
        let node = |&next: &u32| GrpNode {
            member: 1.into(),
            next: next.into(),
        };
        next.iter().map(node).collect()
    }

    // rule: pof:R-GRP-003
    #[test]
    fn chains_end_break_and_loop() {
        let walk = |next: &[u32], start| {
            let nodes = nodes(next);
            Chain::<GrpHeader, _>::new(&nodes, start)
                .map(|item| item.map(|(offset, _)| offset))
                .collect::<Vec<_>>()
        };
        assert_eq!(walk(&[16, 0], 8), [Ok(8), Ok(16)]);
        assert_eq!(walk(&[16, 0], 0), []);
        assert_eq!(
            walk(&[16, 8], 16),
            [Ok(16), Ok(8), Err(ChainError::Loop(16))]
        );
        assert_eq!(walk(&[12, 0], 8), [Ok(8), Err(ChainError::NoRecord(12))]);
        assert_eq!(walk(&[24, 0], 8), [Ok(8), Err(ChainError::NoRecord(24))]);
        assert_eq!(walk(&[], 4), [Err(ChainError::NoRecord(4))]);
    }

    proptest! {
        // rule: pof:R-GRP-003
        #[test]
        fn no_chain_is_longer_than_the_file(
            next in proptest::collection::vec(0u32..=90, 0..10),
            start in 0u32..100,
        ) {
            let nodes = nodes(&next);
            let steps: Vec<_> = Chain::<GrpHeader, _>::new(&nodes, start).collect();
            prop_assert!(steps.len() <= next.len() + 1);
            let good = steps.iter().filter(|step| step.is_ok()).count();
            prop_assert!(good + 1 >= steps.len());
        }
    }
}
