//! NME files: address lists of 45-byte records, sorted by name.
//!
//! ADMIN.NME is the postoffice address list and ADMINSHD.NME its copy, GAL.NME the global list, the
//! others are lists of gateways and of users (Q77926). The name begins 27h before the number of the
//! user and that number is the last field, so the name starts at offset 2 (Q119563).
//!
//! `NmeRecord`, 45 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | kind | INFERRED | decisions 2.5, Q107767, Q85647 |
//! | 1 | 1 | address_type | ASSIGNED | decisions 2.5 |
//! | 2 | 31 | alias | INFERRED | Q119563, Q99419 |
//! | 33 | 4 | tid | ASSIGNED | decisions 2.5, Q107767 |
//! | 37 | 4 | pointer | ASSIGNED | decisions 2.5, Q107767 |
//! | 41 | 4 | hexid | DOCUMENTED | Q119563 |

use std::cmp::Ordering;
use std::ops::Range;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::codes::AddressCode;
use super::field::CpField;
use super::record::{FileLayout, NoHeader, fixed_record};

/// One entry of an address list.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct NmeRecord {
    /// Kind of entry, see [`NmeKind`].
    pub kind: u8,
    /// Kind of address, see [`super::codes::AddressCode`].
    pub address_type: u8,
    /// Name, up to 30 characters; the sort key.
    pub alias: CpField<31>,
    /// Tuple id; of a group also the stem of its MEM file.
    pub tid: U32,
    /// Byte offset of the address in the file that the kind names.
    pub pointer: U32,
    /// Number of a mailbag; of a group its tuple id.
    pub hexid: U32,
}
fixed_record!(NmeRecord, "NME record", 45, "Q77926 Q86375 Q119563 Q107767", {
    kind: 0,
    address_type: 1,
    alias: 2,
    tid: 33,
    pointer: 37,
    hexid: 41,
});

/// `NME/<name>.NME`.
pub const NME: FileLayout<NoHeader, NmeRecord> = FileLayout::new("NME/*.NME");

/// Kind of an entry. 2 and 4 are DOCUMENTED (Q107767, Q85647), 1 and 3 ASSIGNED (DEC-091).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NmeKind {
    /// A local user; the pointer leads to ACCESS2.GLB.
    Local,
    /// An external user; the pointer leads to NETPO.GLB, in GAL.NME to GALNETPO.GLB.
    External,
    /// An entry of a gateway list; the pointer leads to `<TYPE>.GLB`.
    Gateway,
    /// A group; the pointer leads to ADMIN.GRP.
    Group,
}

impl NmeKind {
    /// The kind of a code; `None` for corruption (Q85647 shows 0).
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Local,
            2 => Self::External,
            3 => Self::Gateway,
            4 => Self::Group,
            _ => return None,
        })
    }

    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Local => 1,
            Self::External => 2,
            Self::Gateway => 3,
            Self::Group => 4,
        }
    }
}

impl NmeRecord {
    /// The kind; `None` when the code is not known.
    #[must_use]
    pub fn nme_kind(&self) -> Option<NmeKind> {
        NmeKind::from_code(self.kind)
    }

    /// The kind of address; `None` when the code is not known.
    #[must_use]
    pub fn address_code(&self) -> Option<AddressCode> {
        AddressCode::from_code(self.address_type)
    }
}

/// The index of the first entry whose name comes before the name of the entry in front of it;
/// `None` when the list is sorted. `compare` is the collation (decisions 2.18).
pub fn first_unsorted(
    records: &[NmeRecord],
    mut compare: impl FnMut(&[u8], &[u8]) -> Ordering,
) -> Option<usize> {
    records
        .windows(2)
        .position(|pair| compare(pair[0].alias.text(), pair[1].alias.text()).is_gt())
        .map(|at| at + 1)
}

/// The entries of a sorted list whose name equals `alias`: binary search, as clients do (Q86375).
/// An empty range stands where such an entry would be put.
pub fn equal_range(
    records: &[NmeRecord],
    alias: &[u8],
    mut compare: impl FnMut(&[u8], &[u8]) -> Ordering,
) -> Range<usize> {
    let start = records.partition_point(|record| compare(record.alias.text(), alias).is_lt());
    let len =
        records[start..].partition_point(|record| compare(record.alias.text(), alias).is_le());
    start..start + len
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    fn entry(alias: &[u8]) -> NmeRecord {
        let mut record = NmeRecord::zeroed();
        record.alias = CpField::from_bytes(alias).unwrap();
        record
    }

    fn fold(a: &[u8], b: &[u8]) -> Ordering {
        a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase())
    }

    // rule: pof:R-NME-002
    #[test]
    fn the_number_of_the_user_is_the_last_field_little_endian() {
        let mut bytes = [0u8; 45];
        bytes[2..6].copy_from_slice(b"Anna");
        bytes[2 + 0x27..].copy_from_slice(&[0, 1, 2, 3]);
        let record = NmeRecord::decode(&bytes).unwrap();
        assert_eq!(record.hexid.get(), 0x0302_0100);
        assert_eq!(record.alias.text(), b"Anna");
        assert_eq!(record.nme_kind(), None);
        assert_eq!(record.encode(), bytes);
    }

    // rule: pof:D-05
    #[test]
    fn kind_name_id_pointer_and_mailbag_follow_each_other() {
        let mut record = entry(b"Far Friend");
        record.kind = NmeKind::External.code();
        record.tid.set(0x7F67_697F);
        record.pointer.set(47);
        record.hexid.set(3);
        let bytes = record.encode();
        assert_eq!(bytes[..2], [2, 0]);
        assert_eq!(&bytes[2..13], b"Far Friend\0");
        assert_eq!(
            bytes[33..],
            [0x7F, 0x69, 0x67, 0x7F, 47, 0, 0, 0, 3, 0, 0, 0]
        );
    }

    // rule: dec:DEC-091
    // rule: pof:R-NME-004
    // rule: pof:D-05
    #[test]
    fn four_kinds_are_known() {
        let known: Vec<_> = (0..=255)
            .filter(|&code| NmeKind::from_code(code).is_some())
            .collect();
        assert_eq!(known, [1, 2, 3, 4]);
        for code in known {
            assert_eq!(NmeKind::from_code(code).map(NmeKind::code), Some(code));
        }
    }

    // rule: pof:R-NME-005
    #[test]
    fn a_sorted_list_is_searched_by_halving() {
        let list: Vec<_> = ["able", "Bob", "bob", "Carl"]
            .map(|a| entry(a.as_bytes()))
            .into();
        assert_eq!(first_unsorted(&list, fold), None);
        assert_eq!(equal_range(&list, b"BOB", fold), 1..3);
        assert_eq!(equal_range(&list, b"Bz", fold), 3..3);
        assert_eq!(equal_range(&[], b"x", fold), 0..0);
        let list: Vec<_> = ["b", "a", "a"].map(|a| entry(a.as_bytes())).into();
        assert_eq!(first_unsorted(&list, fold), Some(1));
    }

    // rule: pof:R-GAL-003
    #[test]
    fn a_list_of_80000_names_has_3600000_bytes() {
        assert_eq!(NME.record_offset(80_000), Some(3_600_000));
        assert_eq!(NME.record_count(3_600_000), Some(80_000));
    }

    proptest! {
        // rule: pof:R-NME-005
        #[test]
        fn every_name_of_a_sorted_list_is_found(
            mut names in proptest::collection::vec("[a-dA-D]{0,3}", 0..40),
        ) {
            names.sort_by(|a, b| fold(a.as_bytes(), b.as_bytes()));
            let list: Vec<_> = names.iter().map(|name| entry(name.as_bytes())).collect();
            prop_assert_eq!(first_unsorted(&list, fold), None);
            for (at, name) in names.iter().enumerate() {
                prop_assert!(equal_range(&list, name.as_bytes(), fold).contains(&at));
            }
        }

        // rule: dec:2.5
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let view = NME.view(&bytes).unwrap();
            let mut again = NME.build(view.header, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            let _ = first_unsorted(view.records, fold);
            let range = equal_range(view.records, b"M", fold);
            prop_assert!(range.end <= view.records.len());
        }
    }
}
