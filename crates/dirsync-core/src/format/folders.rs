//! FOLDERS: heads of folder indexes and the number of the next folder file.
//!
//! Only the lengths of an index are published, 100 bytes of header and 158 for each entry (Q77926);
//! our fresh indexes are zero bytes. SERIALNO.IDX is the number of the next FLD file (Q113149).
//!
//! `IdxHeader`, 100 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 100 | reserved_0 | ASSIGNED | decisions 2.15 |
//!
//! `IdxEntry`, 158 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 158 | reserved_0 | ASSIGNED | decisions 2.15 |
//!
//! `SerialNoRecord`, 4 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | next | DOCUMENTED | Q113149 |

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::Reserved;
use super::record::{FileLayout, fixed_record};

/// Header of a folder index.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct IdxHeader {
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_0: Reserved<100>,
}
fixed_record!(IdxHeader, "IDX header", 100, "Q77926 Q135868", {
    reserved_0: 0,
});

/// One folder.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct IdxEntry {
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_0: Reserved<158>,
}
fixed_record!(IdxEntry, "IDX entry", 158, "Q77926", {
    reserved_0: 0,
});

/// FOLDERS/SERIALNO.IDX.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct SerialNoRecord {
    /// Number of the next FLD file.
    pub next: U32,
}
fixed_record!(SerialNoRecord, "SERIALNO record", 4, "Q77926 Q113149", {
    next: 0,
});

/// A folder index anywhere below FOLDERS.
pub const IDX: FileLayout<IdxHeader, IdxEntry> = FileLayout::new("FOLDERS/**/*.IDX");

impl SerialNoRecord {
    /// Highest number that the Windows client can open (Q113149).
    pub const WINDOWS_LIMIT: u32 = 0x00FF_FFFF;

    /// Whether the Windows client can still open the next folder.
    #[must_use]
    pub fn fits_windows(&self) -> bool {
        self.next.get() <= Self::WINDOWS_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    // rule: pof:R-FLD-001
    #[test]
    fn the_printed_number_names_4d4f563c_fld() {
        let serial = SerialNoRecord::decode(&[0x3C, 0x56, 0x4F, 0x4D]).unwrap();
        assert_eq!(serial.next.get(), 0x4D4F_563C);
        assert!(!serial.fits_windows());
        assert!(SerialNoRecord::zeroed().fits_windows());
        assert_eq!(serial.encode(), [0x3C, 0x56, 0x4F, 0x4D]);
    }

    proptest! {
        // rule: pof:R-FLD-002
        #[test]
        fn an_index_is_a_head_and_entries(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            match IDX.view(&bytes) {
                Ok(view) => {
                    let mut again = IDX.build(view.header, view.records);
                    again.extend_from_slice(view.trailing);
                    prop_assert_eq!(&again, &bytes);
                }
                Err(_) => prop_assert!(bytes.len() < 100),
            }
        }
    }
}
