//! NETWORK.GLB: one record for each network, the own one included, and for each gateway.
//!
//! The offsets of state, type, name, XTN and mailbag are printed for 45 records (Q148666). The own
//! network is the record that bears MASTER.GLB's network name.
//!
//! `NetworkRecord`, 122 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | DOCUMENTED | Q148666 |
//! | 1 | 1 | kind | DOCUMENTED | Q148666 |
//! | 2 | 11 | name | DOCUMENTED | Q148666 |
//! | 13 | 9 | xtn | DOCUMENTED | Q148666 |
//! | 22 | 11 | reserved_22 | ASSIGNED | decisions 2.11 |
//! | 33 | 9 | mailbag | DOCUMENTED | Q148666 |
//! | 42 | 11 | indirect_network | INFERRED | decisions 2.11, Q118561 |
//! | 53 | 11 | indirect_postoffice | INFERRED | decisions 2.11, Q118561 |
//! | 64 | 9 | indirect_mailbag | INFERRED | decisions 2.11, Q118561 |
//! | 73 | 49 | reserved_73 | ASSIGNED | decisions 2.11 |

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::codes::NetworkType;
use super::field::{CpField, Hex8, Reserved};
use super::record::{DELETED, FileLayout, LIVE, NoHeader, fixed_record};

/// NETWORK.GLB: a network or a gateway.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct NetworkRecord {
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Kind of network or gateway, see [`super::codes::NetworkType`].
    pub kind: u8,
    /// Name of the network or gateway, up to 10 characters.
    pub name: CpField<11>,
    /// Number of the XTN file; none when there is no such file.
    pub xtn: Hex8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_22: Reserved<11>,
    /// Mailbag of a gateway that has one queue.
    pub mailbag: Hex8,
    /// Network of the postoffice all mail goes through.
    pub indirect_network: CpField<11>,
    /// The postoffice all mail goes through.
    pub indirect_postoffice: CpField<11>,
    /// Its mailbag here.
    pub indirect_mailbag: Hex8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_73: Reserved<49>,
}
fixed_record!(NetworkRecord, "NETWORK record", 122, "Q77926 Q148666 Q118561", {
    state: 0,
    kind: 1,
    name: 2,
    xtn: 13,
    reserved_22: 22,
    mailbag: 33,
    indirect_network: 42,
    indirect_postoffice: 53,
    indirect_mailbag: 64,
    reserved_73: 73,
});

/// NETWORK.GLB.
pub const NETWORK: FileLayout<NoHeader, NetworkRecord> = FileLayout::new("GLB/NETWORK.GLB");

impl NetworkRecord {
    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == LIVE
    }

    /// Marks the record as deleted; nothing else changes (Q148666).
    pub fn delete(&mut self) {
        self.state = DELETED;
    }

    /// The kind; `None` when the code is not known.
    #[must_use]
    pub fn network_type(&self) -> Option<NetworkType> {
        NetworkType::from_code(self.kind)
    }
}

/// The index of the first live record named `name`, without regard to case.
#[must_use]
pub fn find(records: &[NetworkRecord], name: &[u8]) -> Option<usize> {
    records
        .iter()
        .position(|record| record.is_live() && record.name.eq_ignore_case(name))
}

/// The index of the own network: the live record of an ordinary network that bears MASTER.GLB's
/// network name (decisions 2.11).
#[must_use]
pub fn find_own(records: &[NetworkRecord], master_network: &[u8]) -> Option<usize> {
    records.iter().position(|record| {
        record.is_live()
            && record.network_type() == Some(NetworkType::Network)
            && record.name.eq_ignore_case(master_network)
    })
}

/// The index where a new record goes: the first deleted one, else behind the last.
#[must_use]
pub fn free_index(records: &[NetworkRecord]) -> usize {
    records
        .iter()
        .position(|record| record.state == DELETED)
        .unwrap_or(records.len())
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use proptest::prelude::*;

    use super::*;
    use crate::base::HexId;
    use crate::format::record::FixedRecord;

    const ACTIVE: &[u8] =
        include_bytes!("../../../../fixtures/binary/q148666-network-rec12-active.bin");
    const GONE: &[u8] =
        include_bytes!("../../../../fixtures/binary/q148666-network-rec12-deleted.bin");

    // rule: pof:R-NET-002
    #[test]
    fn the_printed_offsets_of_45_records_are_ours() {
        let table = include_str!("../../../../fixtures/binary/q148666-network-offsets.tsv");
        let fields = [
            0,
            offset_of!(NetworkRecord, kind),
            offset_of!(NetworkRecord, name),
            offset_of!(NetworkRecord, xtn),
            offset_of!(NetworkRecord, mailbag),
        ];
        let mut rows = 0;
        for (n, line) in table.lines().skip(1).enumerate() {
            let cells: Vec<_> = line.split('\t').collect();
            assert_eq!(cells[0].parse(), Ok(n + 1));
            for (cell, field) in cells[1..].iter().zip(fields) {
                let printed = u64::from_str_radix(cell, 16).unwrap() - 0x100;
                let ours = NETWORK.record_offset(n as u64).unwrap() + field as u64;
                assert_eq!(printed, ours, "{line}");
            }
            rows += 1;
        }
        assert_eq!(rows, 45);
    }

    // rule: pof:R-NET-002
    #[test]
    fn the_printed_gateway_record_is_read() {
        let record = NetworkRecord::decode(ACTIVE).unwrap();
        assert!(record.is_live());
        assert_eq!(record.network_type(), Some(NetworkType::MsMail));
        assert_eq!(record.name.text(), b"MSMAIL");
        assert_eq!(record.xtn.get().unwrap(), None);
        assert_eq!(record.mailbag.get().unwrap(), Some(HexId(0x2E)));
        assert_eq!(record.encode(), ACTIVE);
    }

    // rule: dec:DEC-124
    #[test]
    fn the_hub_of_a_network_stands_behind_the_mailbag() {
        let mut bytes = ACTIVE.to_vec();
        bytes[22..33].copy_from_slice(b"unknown use");
        bytes[42..45].copy_from_slice(b"HUB");
        bytes[53..55].copy_from_slice(b"PO");
        bytes[64..72].copy_from_slice(b"0000002A");
        let record = NetworkRecord::decode(&bytes).unwrap();
        assert_eq!(record.indirect_network.text(), b"HUB");
        assert_eq!(record.indirect_postoffice.text(), b"PO");
        let mailbag = record.indirect_mailbag.get().unwrap();
        assert_eq!(mailbag, Some(HexId(0x2A)));
        // What is between is not ours to read; it comes back as it was.
        assert_eq!(record.encode(), bytes);
    }

    // rule: pof:R-NET-003
    #[test]
    fn deleting_changes_the_first_byte_only() {
        let mut record = NetworkRecord::decode(ACTIVE).unwrap();
        record.delete();
        assert_eq!(record.encode(), GONE);
        assert!(!record.is_live());
        assert_eq!(find(&[record.clone()], b"MSMAIL"), None);
        assert_eq!(free_index(&[record]), 0);
    }

    // rule: dec:2.11
    #[test]
    fn the_own_network_is_found_by_the_name_in_master() {
        let mut other = NetworkRecord::decode(ACTIVE).unwrap();
        other.name = CpField::from_bytes(b"Poly").unwrap();
        let mut own = other.clone();
        own.kind = NetworkType::Network.code();
        let records = [other, own];
        assert_eq!(find(&records, b"POLY"), Some(0));
        assert_eq!(find_own(&records, b"POLY"), Some(1));
        assert_eq!(find_own(&records, b"POL"), None);
        assert_eq!(free_index(&records), 2);
    }

    proptest! {
        // rule: dec:2.11
        // rule: pof:D-15
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let view = NETWORK.view(&bytes).unwrap();
            let mut again = NETWORK.build(view.header, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            for record in view.records {
                let _ = (record.network_type(), record.xtn.get(), record.mailbag.get());
                let mut gone = record.clone();
                gone.delete();
                prop_assert_eq!(&gone.encode()[1..], &record.encode()[1..]);
            }
        }
    }
}
