//! Files of which only the length is published: GLOBAL.GLB, MODEM.GLB, SERVER.GLB.
//!
//! GLOBAL.GLB holds the options of new users (Q87392, Q134753), MODEM.GLB the serial port (Q118855),
//! SERVER.GLB the table of dynamic drives (Q158276, Q139034). We write zero bytes into the first two,
//! never make the third, and keep every byte of all three.
//!
//! `GlobalRecord`, 512 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 512 | reserved_0 | ASSIGNED | decisions 2.15 |
//!
//! `ModemRecord`, 64 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 64 | reserved_0 | ASSIGNED | decisions 2.15 |
//!
//! `ServerRecord`, 181 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 181 | reserved_0 | ASSIGNED | decisions 2.15 |

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::Reserved;
use super::record::{FileLayout, NoHeader, fixed_record};

/// GLOBAL.GLB: options of new users.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GlobalRecord {
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_0: Reserved<512>,
}
fixed_record!(GlobalRecord, "GLOBAL record", 512, "Q77926 Q87392", {
    reserved_0: 0,
});

/// MODEM.GLB: the serial port.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ModemRecord {
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_0: Reserved<64>,
}
fixed_record!(ModemRecord, "MODEM record", 64, "Q77926 Q118855", {
    reserved_0: 0,
});

/// SERVER.GLB: one dynamic drive.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ServerRecord {
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_0: Reserved<181>,
}
fixed_record!(ServerRecord, "SERVER record", 181, "Q77926 Q139034", {
    reserved_0: 0,
});

/// SERVER.GLB, which may have 0 bytes (Q139034).
pub const SERVER: FileLayout<NoHeader, ServerRecord> = FileLayout::new("GLB/SERVER.GLB");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    proptest! {
        // rule: pof:R-SIZ-001
        #[test]
        fn every_byte_is_kept(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            match GlobalRecord::view(&bytes) {
                Ok(record) => prop_assert_eq!(&record.encode()[..], &bytes[..512]),
                Err(_) => prop_assert!(bytes.len() < 512),
            }
            let view = SERVER.view(&bytes).unwrap();
            prop_assert_eq!(view.records.len(), bytes.len() / 181);
            prop_assert_eq!(view.trailing.len(), bytes.len() % 181);
        }
    }
}
