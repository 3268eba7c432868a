//! KEY, the index file of a mailbag: two counters and the bitmap of deleted headers.
//!
//! 560 bytes, always (Q77926, Q104279); another size is damage (Q118619). Little-endian.
//!
//! | Off | Size | Field | Status |
//! |---|---|---|---|
//! | 0 | 2 | new: items since the last sign-on | field DOCUMENTED (Q77926), place ASSIGNED |
//! | 2 | 2 | unread items | field DOCUMENTED (Q77926), place ASSIGNED |
//! | 4 | 44 | reserved, kept when rewritten | ASSIGNED |
//! | 48 | 512 | bitmap: record i is bit `i mod 8` of byte `48 + i/8`, 1 = deleted | size DOCUMENTED (Q119088), rest ASSIGNED (DEC-101) |
//!
//! Bits at and above the number of records in the MBG are 0. The reset image is 560 zero bytes
//! (Q104279). KEY and MBG are one unit; what belongs to the pair stands in
//! [`mailbag`](super::mailbag).

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::base::{DecodeError, DecodeErrorKind};

/// Length of a KEY file in bytes (Q77926).
pub const KEY_LEN_BYTES: usize = 560;
/// Most records one mailbag can hold: bits of the bitmap (Q119088).
pub const MAILBAG_RECORDS_MAX: usize = 4096;

/// A whole KEY file.
#[derive(Debug, Clone, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Key {
    new_items: U16,
    unread_items: U16,
    reserved: [u8; 44],
    deleted: [u8; 512],
}

const _: () = assert!(size_of::<Key>() == KEY_LEN_BYTES);

impl Default for Key {
    fn default() -> Self {
        Self::empty()
    }
}

impl Key {
    /// The reset image: 560 zero bytes (Q104279).
    #[must_use]
    pub fn empty() -> Self {
        Self {
            new_items: U16::ZERO,
            unread_items: U16::ZERO,
            reserved: [0; 44],
            deleted: [0; 512],
        }
    }

    /// Looks at the bytes of a KEY file.
    ///
    /// # Errors
    /// Any length other than 560 (Q118619).
    pub fn view(bytes: &[u8]) -> Result<&Self, DecodeError> {
        Self::ref_from_bytes(bytes).map_err(|_| {
            DecodeError::new(
                "KEY file",
                0,
                DecodeErrorKind::BadSize(bytes.len() as u64, KEY_LEN_BYTES as u64, 0),
            )
        })
    }

    /// The 560 bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    /// Items that arrived since the owner's last sign-on.
    #[must_use]
    pub fn new_items(&self) -> u16 {
        self.new_items.get()
    }

    /// Sets the number of items since the owner's last sign-on.
    pub fn set_new_items(&mut self, count: u16) {
        self.new_items.set(count);
    }

    /// Items the owner has not read.
    #[must_use]
    pub fn unread_items(&self) -> u16 {
        self.unread_items.get()
    }

    /// Sets the number of items the owner has not read.
    pub fn set_unread_items(&mut self, count: u16) {
        self.unread_items.set(count);
    }

    /// Whether record `index` is marked deleted. A record outside the bitmap never is.
    #[must_use]
    pub fn is_deleted(&self, index: usize) -> bool {
        self.deleted
            .get(index / 8)
            .is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }

    /// Marks record `index` deleted or live; `false` when the bitmap has no such record.
    pub fn set_deleted(&mut self, index: usize, deleted: bool) -> bool {
        let Some(byte) = self.deleted.get_mut(index / 8) else {
            return false;
        };
        let mask = 1 << (index % 8);
        if deleted {
            *byte |= mask;
        } else {
            *byte &= !mask;
        }
        true
    }

    /// How many of the first `records` records are marked deleted.
    #[must_use]
    pub fn deleted_count(&self, records: usize) -> usize {
        let records = records.min(MAILBAG_RECORDS_MAX);
        let whole: u32 = self.deleted[..records / 8]
            .iter()
            .map(|byte| byte.count_ones())
            .sum();
        let tail = (records / 8 * 8..records)
            .filter(|&index| self.is_deleted(index))
            .count();
        whole as usize + tail
    }

    /// How many of `records` records are live.
    #[must_use]
    pub fn live_count(&self, records: usize) -> usize {
        records - self.deleted_count(records)
    }

    /// How many bits are set at or above record `records`; a sound KEY has none.
    #[must_use]
    pub fn stray_bits(&self, records: usize) -> usize {
        self.deleted_count(MAILBAG_RECORDS_MAX) - self.deleted_count(records)
    }

    /// Clears every bit at or above record `records`.
    pub fn clear_from(&mut self, records: usize) {
        for index in records..MAILBAG_RECORDS_MAX {
            self.set_deleted(index, false);
        }
    }

    /// Whether every byte is zero: the image of an empty or reset mailbag.
    #[must_use]
    pub fn is_empty_image(&self) -> bool {
        self.as_bytes().iter().all(|&byte| byte == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: pof:R-KEY-003
    // rule: dec:2.12
    // rule: tra:OQ-02
    #[test]
    fn the_published_empty_image_is_the_empty_key() {
        let file = include_bytes!("../../../../fixtures/binary/key-empty.bin");
        assert_eq!(Key::view(file).unwrap(), &Key::empty());
        assert_eq!(Key::empty().bytes(), file);
        assert!(Key::empty().is_empty_image());
    }

    // rule: pof:R-KEY-005
    #[test]
    fn only_560_bytes_are_a_key() {
        for len in [0, 559, 561, 1120] {
            assert!(Key::view(&vec![0; len]).is_err(), "{len} bytes");
        }
    }

    // rule: dec:DEC-101
    // rule: pof:R-KEY-002
    // rule: std:7
    // rule: pof:D-01
    // rule: tra:OQ-02
    #[test]
    fn bits_stand_behind_48_bytes_lowest_first() {
        let mut key = Key::empty();
        assert!(key.set_deleted(0, true));
        assert!(key.set_deleted(13, true));
        assert!(key.set_deleted(4095, true));
        assert!(!key.set_deleted(4096, true));
        let bytes = key.bytes();
        assert_eq!((bytes[48], bytes[49], bytes[559]), (0x01, 0x20, 0x80));
        assert_eq!(bytes.iter().filter(|&&byte| byte != 0).count(), 3);
        assert_eq!(key.live_count(14), 12);
        assert_eq!(key.stray_bits(14), 1);
        key.clear_from(14);
        assert_eq!(key.stray_bits(14), 0);
        assert!(key.is_deleted(13));
    }

    // rule: pof:R-KEY-001
    // rule: pof:D-01
    #[test]
    fn the_counters_stand_first() {
        let mut key = Key::empty();
        key.set_new_items(0x0102);
        key.set_unread_items(0x0304);
        assert_eq!(key.bytes()[..4], [0x02, 0x01, 0x04, 0x03]);
    }

    proptest! {
        // rule: pof:R-KEY-001
        #[test]
        fn counts_agree_with_the_single_bits(
            bytes in proptest::collection::vec(any::<u8>(), KEY_LEN_BYTES),
            records in 0usize..5000,
        ) {
            let key = Key::view(&bytes).unwrap();
            let deleted = (0..records).filter(|&i| key.is_deleted(i)).count();
            prop_assert_eq!(key.deleted_count(records), deleted);
            prop_assert_eq!(key.live_count(records), records - deleted);
            let stray = (records..MAILBAG_RECORDS_MAX).filter(|&i| key.is_deleted(i)).count();
            prop_assert_eq!(key.stray_bits(records), stray);
            let mut clean = key.clone();
            clean.clear_from(records);
            prop_assert_eq!(clean.stray_bits(records), 0);
            prop_assert_eq!(clean.deleted_count(records), deleted);
            prop_assert_eq!(key.bytes(), &bytes[..]);
        }
    }
}
