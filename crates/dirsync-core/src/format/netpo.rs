//! NETPO.GLB: the physical addresses of the external entries of the postoffice and personal lists.
//!
//! The header is the head of the chain of deleted records (Q110100, Q112904), records are named by byte
//! offset: 4, 47, 90 (Q107767).
//!
//! `NetPoHeader`, 4 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | deleted | INFERRED | decisions 2.7, Q110100, Q112904 |
//!
//! `NetPoRecord`, 43 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 11 | network | ASSIGNED | decisions 2.7 |
//! | 11 | 11 | postoffice | ASSIGNED | decisions 2.7 |
//! | 22 | 11 | mailbox | ASSIGNED | decisions 2.7 |
//! | 33 | 4 | mailbag | ASSIGNED | decisions 2.7, Q107767 |
//! | 37 | 4 | next | ASSIGNED | decisions 2.7 |
//! | 41 | 1 | state | ASSIGNED | decisions 2.7 |
//! | 42 | 1 | address_type | ASSIGNED | decisions 2.7 |

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::chain::{Chain, Linked};
use super::field::CpField;
use super::record::{DELETED, FileLayout, FileView, LIVE, fixed_record};
use crate::base::{DecodeError, DecodeErrorKind};

/// Header of NETPO.GLB.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct NetPoHeader {
    /// Byte offset of the first deleted record, 0 none.
    pub deleted: U32,
}
fixed_record!(NetPoHeader, "NETPO header", 4, "Q77926 Q110100 Q112904", {
    deleted: 0,
});

/// NETPO.GLB: one external address.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct NetPoRecord {
    /// Network, or name of the gateway.
    pub network: CpField<11>,
    /// Postoffice, DGN or node.
    pub postoffice: CpField<11>,
    /// Mailbox.
    pub mailbox: CpField<11>,
    /// Number of the outbound mailbag of that postoffice here.
    pub mailbag: U32,
    /// Byte offset of the next deleted record, 0 for the end.
    pub next: U32,
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Kind of address, see [`super::codes::AddressCode`].
    pub address_type: u8,
}
fixed_record!(NetPoRecord, "NETPO record", 43, "Q77926 Q110223 Q107767", {
    network: 0,
    postoffice: 11,
    mailbox: 22,
    mailbag: 33,
    next: 37,
    state: 41,
    address_type: 42,
});

/// GLB/NETPO.GLB.
pub const NETPO: FileLayout<NetPoHeader, NetPoRecord> = FileLayout::new("GLB/NETPO.GLB");

impl Linked for NetPoRecord {
    fn next_offset(&self) -> u32 {
        self.next.get()
    }
}

impl NetPoRecord {
    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == LIVE
    }

    /// Whether the record holds this address, without regard to case.
    #[must_use]
    pub fn is_address(&self, network: &[u8], postoffice: &[u8], mailbox: &[u8]) -> bool {
        self.network.eq_ignore_case(network)
            && self.postoffice.eq_ignore_case(postoffice)
            && self.mailbox.eq_ignore_case(mailbox)
    }
}

/// Where a new address goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Byte offset of the record to write.
    pub offset: u32,
    /// What [`NetPoHeader::deleted`] is afterwards.
    pub deleted_after: u32,
}

/// Walks the chain of deleted records.
#[must_use]
pub fn deleted_chain<'a>(
    view: &FileView<'a, NetPoHeader, NetPoRecord>,
) -> Chain<'a, NetPoHeader, NetPoRecord> {
    Chain::new(view.records, view.header.deleted.get())
}

/// Where a new address goes: into the first record of the delete chain, else behind the last one.
///
/// # Errors
/// The chain leads nowhere or its first record is in use: the head must be repaired first, which
/// is done by 4 zero bytes (Q112904). A file longer than offsets of 32 bits reach.
pub fn slot_for_new(view: &FileView<'_, NetPoHeader, NetPoRecord>) -> Result<Slot, DecodeError> {
    let bad = |offset: u32, why| {
        DecodeError::new(
            "NETPO delete chain",
            u64::from(offset),
            DecodeErrorKind::BadText(why),
        )
    };
    match deleted_chain(view).next() {
        Some(Ok((offset, record))) if record.state == DELETED => Ok(Slot {
            offset,
            deleted_after: record.next.get(),
        }),
        Some(Ok((offset, _))) => Err(bad(offset, "a record of the delete chain is in use")),
        Some(Err(_)) => Err(bad(0, "the head of the delete chain is no record")),
        None => {
            let end = FileView::<NetPoHeader, NetPoRecord>::offset_of(view.records.len());
            let offset = u32::try_from(end).map_err(|_| {
                let kind = DecodeErrorKind::Limit("the length", u64::from(u32::MAX), end);
                DecodeError::new("NETPO.GLB", end, kind)
            })?;
            Ok(Slot {
                offset,
                deleted_after: 0,
            })
        }
    }
}

/// Marks a record as deleted and puts it in front of the chain whose head was `deleted`; the
/// header's new value is the byte offset of the record.
pub fn delete(record: &mut NetPoRecord, deleted: u32) {
    record.state = DELETED;
    record.next = U32::new(deleted);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    fn record(mailbox: &[u8]) -> NetPoRecord {
        let mut record = NetPoRecord::zeroed();
        record.state = LIVE;
        record.mailbox = CpField::from_bytes(mailbox).unwrap();
        record
    }

    fn header(deleted: u32) -> NetPoHeader {
        NetPoHeader {
            deleted: U32::new(deleted),
        }
    }

    // rule: pof:R-NPO-004
    // rule: pof:R-NPO-005
    #[test]
    fn records_start_at_4_47_90_and_the_empty_file_is_4_zero_bytes() {
        let offsets: Vec<_> = (0..3).map(|n| NETPO.record_offset(n).unwrap()).collect();
        assert_eq!(offsets, [4, 47, 90]);
        let empty = include_bytes!("../../../../fixtures/binary/group-empty.bin");
        let view = NETPO.view(empty).unwrap();
        assert!(view.records.is_empty() && view.trailing.is_empty());
        let slot = Slot {
            offset: 4,
            deleted_after: 0,
        };
        assert_eq!(slot_for_new(&view), Ok(slot));
        assert!(NETPO.view(&empty[..3]).is_err());
    }

    // rule: pof:R-NPO-003
    // rule: pof:D-09
    #[test]
    fn three_names_and_ten_bytes_make_43() {
        let mut record = record(b"leo");
        record.network = CpField::from_bytes(b"EULER").unwrap();
        record.postoffice = CpField::from_bytes(b"BASEL").unwrap();
        record.mailbag = U32::new(0x0102_0304);
        record.next = U32::new(47);
        record.address_type = 2;
        let bytes = record.encode();
        assert_eq!(bytes.len(), 3 * 11 + 4 + 6);
        assert_eq!(&bytes[..11], b"EULER\0\0\0\0\0\0");
        assert_eq!(&bytes[11..22], b"BASEL\0\0\0\0\0\0");
        assert_eq!(&bytes[22..33], b"leo\0\0\0\0\0\0\0\0");
        assert_eq!(bytes[33..], [4, 3, 2, 1, 47, 0, 0, 0, 1, 2]);
    }

    // rule: pof:R-NPO-002
    // rule: pof:R-NPO-007
    #[test]
    fn deleted_records_are_chained_and_used_again_last_first() {
        let mut records = vec![record(b"A"), record(b"B"), record(b"C")];
        delete(&mut records[0], 0);
        delete(&mut records[2], 4);
        let bytes = NETPO.build(&header(90), &records);
        let view = NETPO.view(&bytes).unwrap();
        let chain: Vec<_> = deleted_chain(&view).map(|step| step.unwrap().0).collect();
        assert_eq!(chain, [90, 4]);
        let slot = Slot {
            offset: 90,
            deleted_after: 4,
        };
        assert_eq!(slot_for_new(&view), Ok(slot));
        assert!(view.at_offset(47).unwrap().is_address(b"", b"", b"b"));
    }

    // rule: pof:R-NPO-005
    // rule: tra:R-QUE-015
    #[test]
    fn a_bad_head_is_refused_and_mended_by_zero_bytes() {
        let records = [record(b"A")];
        for head in [4, 5, 47, u32::MAX] {
            let bytes = NETPO.build(&header(head), &records);
            assert!(
                slot_for_new(&NETPO.view(&bytes).unwrap()).is_err(),
                "{head}"
            );
        }
        let bytes = NETPO.build(&header(0), &records);
        assert_eq!(
            slot_for_new(&NETPO.view(&bytes).unwrap()).unwrap().offset,
            47
        );
    }

    proptest! {
        // rule: dec:2.7
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in 0u32..200) {
            let Ok(view) = NETPO.view(&bytes) else { return Ok(()) };
            let mut again = NETPO.build(view.header, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            let changed = NETPO.build(&header(head), view.records);
            let view = NETPO.view(&changed).unwrap();
            let _ = slot_for_new(&view);
            prop_assert!(deleted_chain(&view).count() <= view.records.len() + 1);
        }
    }
}
