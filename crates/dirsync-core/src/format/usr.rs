//! USR files: users and groups of one external postoffice or node.
//!
//! Written sorted by name and without deleted records. The length is printed (Q77926, Q103291); the
//! places are ours (decisions 2.6).
//!
//! `UsrRecord`, 53 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | ASSIGNED | decisions 2.6 |
//! | 1 | 31 | alias | ASSIGNED | decisions 2.6 |
//! | 32 | 11 | mailbox | ASSIGNED | decisions 2.6 |
//! | 43 | 4 | tid | ASSIGNED | decisions 2.6 |
//! | 47 | 4 | inf_record | ASSIGNED | decisions 2.6 |
//! | 51 | 2 | reserved_51 | ASSIGNED | decisions 2.6 |

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Reserved};
use super::record::{FileLayout, LIVE, NoHeader, fixed_record};

/// One user or group of an external postoffice.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct UsrRecord {
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Name, up to 30 characters; the sort key.
    pub alias: CpField<31>,
    /// Third part of the address.
    pub mailbox: CpField<11>,
    /// Tuple id.
    pub tid: U32,
    /// Index of the record in `<number>.INF`, [`UsrRecord::NO_INF`] none.
    pub inf_record: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_51: Reserved<2>,
}
fixed_record!(UsrRecord, "USR record", 53, "Q77926 Q103291 Q126592", {
    state: 0,
    alias: 1,
    mailbox: 32,
    tid: 43,
    inf_record: 47,
    reserved_51: 51,
});

/// `USR/<number>.USR`.
pub const USR: FileLayout<NoHeader, UsrRecord> = FileLayout::new("USR/*.USR");

impl UsrRecord {
    /// [`Self::inf_record`] of an entry without template data.
    pub const NO_INF: u32 = u32::MAX;

    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == LIVE
    }

    /// The index of the template record; `None` when there is none.
    #[must_use]
    pub fn inf_index(&self) -> Option<u32> {
        Some(self.inf_record.get()).filter(|&index| index != Self::NO_INF)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    // rule: pof:D-10
    #[test]
    fn the_fields_of_a_record_fill_53_bytes() {
        let mut record = UsrRecord::zeroed();
        record.state = 1;
        record.alias = CpField::from_bytes(b"Bea Beta").unwrap();
        record.mailbox = CpField::from_bytes(b"bea").unwrap();
        record.tid.set(0x0102_0304);
        record.inf_record.set(u32::MAX);
        let bytes = record.encode();
        assert_eq!(bytes.len(), 53);
        assert_eq!((bytes[0], &bytes[1..10]), (1, &b"Bea Beta\0"[..]));
        assert_eq!(&bytes[32..36], b"bea\0");
        assert_eq!(bytes[43..], [4, 3, 2, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]);
    }

    // rule: pof:R-USR-002
    #[test]
    fn five_hundred_users_have_26500_bytes() {
        assert_eq!(USR.record_offset(500), Some(26_500));
    }

    proptest! {
        // rule: dec:2.6
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 53)) {
            let mut record = UsrRecord::decode(&bytes).unwrap();
            prop_assert_eq!(record.encode(), bytes.clone());
            record.inf_record = U32::new(UsrRecord::NO_INF);
            prop_assert_eq!(record.inf_index(), None);
            prop_assert_eq!(&record.encode()[51..], &bytes[51..]);
        }
    }
}
