//! DBBITMP.DAT: which object numbers are in use, and the mark of a clean stop.
//!
//! 66,048 bytes (DOCUMENTED, Q162384): a header of 512 and 65,536 bytes of bits (INFERRED: its name
//! and the fault "Bitmap full", Q157702). A database without it was not stopped cleanly (Q169631).
//!
//! `BitmapHeader`, 512 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 8 | magic | ASSIGNED | decisions 2.19 |
//! | 8 | 2 | version | ASSIGNED | decisions 2.19 |
//! | 10 | 2 | clean | ASSIGNED | decisions 2.19 |
//! | 12 | 500 | reserved_12 | ASSIGNED | decisions 2.19 |
//! | 512 | 65,536 | bits | ASSIGNED | bit n is set when number n is in use; lowest bit first |

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::id::ObjectNumber;
use crate::base::{DecodeError, DecodeErrorKind};
use crate::format::field::Reserved;
use crate::format::record::{FixedRecord, fixed_record};

/// Length of the file in bytes.
pub const FILE_LEN: usize = 66_048;
/// Length of the header in bytes.
pub const HEADER_LEN: usize = 512;
/// Numbers that the bitmap has a bit for: 0 to this, exclusive. A number above is never given out
/// and needs no bit (ASSIGNED).
pub const NUMBERS: u32 = 524_288;

const MAGIC: [u8; 8] = *b"DXAMTABM";

/// Header of DBBITMP.DAT.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct BitmapHeader {
    /// `DXAMTABM`.
    pub magic: [u8; 8],
    /// 1.
    pub version: U16,
    /// 1: stopped cleanly.
    pub clean: U16,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_12: Reserved<500>,
}
fixed_record!(BitmapHeader, "DBBITMP header", 512, "decisions 2.19", {
    magic: 0,
    version: 8,
    clean: 10,
    reserved_12: 12,
});

/// The bitmap.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    bytes: Box<[u8]>,
    /// No number below this is free.
    hint: u32,
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bitmap with {} numbers in use", self.count())
    }
}

impl Default for Bitmap {
    fn default() -> Self {
        Self::new()
    }
}

impl Bitmap {
    /// A clean bitmap in which no number is in use but 0.
    #[must_use]
    pub fn new() -> Self {
        let mut header = BitmapHeader::zeroed();
        header.magic = MAGIC;
        header.version.set(1);
        header.clean.set(1);
        let mut bytes = header.encode();
        bytes.resize(FILE_LEN, 0);
        let mut bitmap = Self {
            bytes: bytes.into(),
            hint: 1,
        };
        bitmap.set(ObjectNumber::NONE, true);
        bitmap
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Another length, no magic, another version, or not marked clean.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let bad = |offset, kind| Err(DecodeError::new("DBBITMP.DAT", offset, kind));
        if bytes.len() != FILE_LEN {
            let len = bytes.len() as u64;
            return bad(len, DecodeErrorKind::BadSize(len, FILE_LEN as u64, 1));
        }
        let header = BitmapHeader::view(bytes)?;
        if header.magic != MAGIC {
            return bad(0, DecodeErrorKind::BadMagic);
        }
        if header.version.get() != 1 {
            return bad(8, DecodeErrorKind::BadField("version"));
        }
        if header.clean.get() != 1 {
            return bad(10, DecodeErrorKind::BadField("clean"));
        }
        Ok(Self {
            bytes: bytes.into(),
            hint: 1,
        })
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn place(number: ObjectNumber) -> Option<(usize, u8)> {
        let number = number.get();
        let at = usize::try_from(number / 8).ok()?;
        (number < NUMBERS).then_some((HEADER_LEN + at, 1 << (number % 8)))
    }

    /// Whether a number is in use; `None` when it has no bit.
    #[must_use]
    pub fn get(&self, number: ObjectNumber) -> Option<bool> {
        let (at, bit) = Self::place(number)?;
        Some(self.bytes[at] & bit != 0)
    }

    /// Marks a number as used or free; a number without a bit is left.
    pub fn set(&mut self, number: ObjectNumber, used: bool) {
        if let Some((at, bit)) = Self::place(number) {
            if used {
                self.bytes[at] |= bit;
            } else {
                self.bytes[at] &= !bit;
                self.hint = self.hint.min(number.get());
            }
        }
    }

    /// The lowest free number, which is marked as used; `None` when the bitmap is full (the fault
    /// ODXBMFUL, Q157702).
    pub fn take_lowest(&mut self) -> Option<ObjectNumber> {
        self.take_from(1)
    }

    /// As [`Self::take_lowest`], from this number on.
    pub fn take_from(&mut self, least: u32) -> Option<ObjectNumber> {
        let mut number = self.hint.max(least);
        while number < NUMBERS {
            let at = HEADER_LEN + usize::try_from(number / 8).ok()?;
            if number.is_multiple_of(8) && self.bytes[at] == 0xFF {
                number += 8;
                continue;
            }
            if self.bytes[at] & (1 << (number % 8)) == 0 {
                let free = ObjectNumber::new(number)?;
                self.set(free, true);
                if least <= self.hint {
                    self.hint = number + 1;
                }
                return Some(free);
            }
            number += 1;
        }
        None
    }

    /// How many numbers are in use.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.bytes[HEADER_LEN..]
            .iter()
            .map(|byte| byte.count_ones())
            .sum::<u32>()
            .saturating_sub(1)
    }

    /// The numbers whose bits differ from another bitmap's, ascending.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = ObjectNumber> + 'a {
        (0..NUMBERS).filter_map(move |number| {
            let number = ObjectNumber::new(number)?;
            let (at, bit) = Self::place(number)?;
            ((self.bytes[at] ^ other.bytes[at]) & bit != 0).then_some(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn n(number: u32) -> ObjectNumber {
        ObjectNumber::new(number).unwrap()
    }

    // rule: mta:R-DB-030
    #[test]
    fn the_file_has_the_published_size_and_says_clean() {
        let bitmap = Bitmap::new();
        assert_eq!(bitmap.bytes().len(), 66_048);
        assert_eq!(Bitmap::decode(bitmap.bytes()).unwrap(), bitmap);
        let mut unclean = bitmap.bytes().to_vec();
        unclean[10] = 0;
        assert!(Bitmap::decode(&unclean).is_err());
        assert!(Bitmap::decode(&bitmap.bytes()[1..]).is_err());
    }

    // rule: mta:R-CHK-012
    #[test]
    fn numbers_above_7fff_are_ordinary_and_the_end_is_known() {
        let mut bitmap = Bitmap::new();
        bitmap.set(n(0x8C86), true);
        assert_eq!(bitmap.get(n(0x8C86)), Some(true));
        assert_eq!(bitmap.get(n(NUMBERS)), None);
        for number in 1..NUMBERS {
            bitmap.set(n(number), true);
        }
        assert_eq!(bitmap.take_lowest(), None);
        bitmap.set(n(0x8C87), false);
        assert_eq!(bitmap.take_lowest(), Some(n(0x8C87)));
    }

    proptest! {
        // rule: mta:OQ-18
        #[test]
        fn the_lowest_free_number_is_given(
            steps in proptest::collection::vec((0u8..3, 1u32..40), 0..80),
        ) {
            let mut bitmap = Bitmap::new();
            let mut used: BTreeSet<u32> = BTreeSet::new();
            for (what, number) in steps {
                match what {
                    0 => {
                        bitmap.set(n(number), false);
                        used.remove(&number);
                    }
                    1 => {
                        let wanted = (number..).find(|k| !used.contains(k)).unwrap();
                        prop_assert_eq!(bitmap.take_from(number), Some(n(wanted)));
                        used.insert(wanted);
                    }
                    _ => {
                        let wanted = (1..).find(|k| !used.contains(k)).unwrap();
                        prop_assert_eq!(bitmap.take_lowest(), Some(n(wanted)));
                        used.insert(wanted);
                    }
                }
            }
            prop_assert_eq!(bitmap.count() as usize, used.len());
            let again = Bitmap::decode(bitmap.bytes()).unwrap();
            prop_assert_eq!(again.differences(&Bitmap::new()).map(ObjectNumber::get).collect::<Vec<_>>(),
                used.into_iter().collect::<Vec<_>>());
        }
    }
}
