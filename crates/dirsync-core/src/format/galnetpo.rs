//! GALNETPO.GLB: the physical addresses of the Global Address List, each with a tuple id.
//!
//! Made anew by every rebuild; the ids of entries that stay must stay, or mail written before a rebuild
//! goes to somebody else (Q116436). They count downwards from 7F67697Fh, far above those of TID.GLB
//! (Q135486, DEC-084). The header is 4 bytes (Q135486); the records are those of NETPO.GLB with the
//! tuple id in the place of the chain.
//!
//! `GalNetPoHeader`, 4 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | lowest_tid | ASSIGNED | decisions 2.7, DEC-084 |
//!
//! `GalNetPoRecord`, 43 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 11 | network | ASSIGNED | decisions 2.7 |
//! | 11 | 11 | postoffice | ASSIGNED | decisions 2.7 |
//! | 22 | 11 | mailbox | ASSIGNED | decisions 2.7 |
//! | 33 | 4 | mailbag | ASSIGNED | decisions 2.7, Q107767 |
//! | 37 | 4 | tid | ASSIGNED | decisions 2.7, DEC-084 |
//! | 41 | 1 | state | ASSIGNED | decisions 2.7 |
//! | 42 | 1 | address_type | ASSIGNED | decisions 2.7 |

use std::cmp::Ordering;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::CpField;
use super::record::{FileLayout, LIVE, fixed_record};
use crate::base::Tid;

/// Header of GALNETPO.GLB.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GalNetPoHeader {
    /// Lowest tuple id given so far.
    pub lowest_tid: U32,
}
fixed_record!(GalNetPoHeader, "GALNETPO header", 4, "Q135486", {
    lowest_tid: 0,
});

/// GALNETPO.GLB: one address of the Global Address List.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GalNetPoRecord {
    /// Network, or name of the gateway.
    pub network: CpField<11>,
    /// Postoffice, DGN or node.
    pub postoffice: CpField<11>,
    /// Mailbox.
    pub mailbox: CpField<11>,
    /// Number of the outbound mailbag of that postoffice here.
    pub mailbag: U32,
    /// Tuple id of the entry.
    pub tid: U32,
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Kind of address, see [`super::codes::AddressCode`].
    pub address_type: u8,
}
fixed_record!(GalNetPoRecord, "GALNETPO record", 43, "Q135486 Q96060 Q137614", {
    network: 0,
    postoffice: 11,
    mailbox: 22,
    mailbag: 33,
    tid: 37,
    state: 41,
    address_type: 42,
});

/// GLB/GALNETPO.GLB.
pub const GALNETPO: FileLayout<GalNetPoHeader, GalNetPoRecord> =
    FileLayout::new("GLB/GALNETPO.GLB");

/// The first tuple id of a Global Address List that is made from nothing (DOCUMENTED, Q135486).
pub const FIRST_TID: u32 = 0x7F67_697F;

/// Gives tuple ids to new entries of the Global Address List, downwards (DEC-084).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GalTids {
    lowest: u32,
    floor: u32,
}

/// The ids have come down to those of TID.GLB: message 39 (Q135486, DEC-085).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lowest tuple id {lowest:08X} of GALNETPO.GLB is not above {local:08X} of TID.GLB")]
pub struct TidsExhausted {
    /// The header of GALNETPO.GLB.
    pub lowest: u32,
    /// The value of TID.GLB.
    pub local: u32,
}

impl GalTids {
    /// Goes on below the header of the old file; from [`FIRST_TID`] when there is none. `local` is
    /// the value of TID.GLB.
    ///
    /// # Errors
    /// The header is not above TID.GLB: log message 39, then start as if the three files of the
    /// list were absent, with `header` `None`.
    pub fn start(header: Option<&GalNetPoHeader>, local: u32) -> Result<Self, TidsExhausted> {
        let lowest = header.map_or(FIRST_TID + 1, |header| header.lowest_tid.get());
        if lowest <= local {
            return Err(TidsExhausted { lowest, local });
        }
        Ok(Self {
            lowest,
            floor: local,
        })
    }

    /// The tuple id of the next new entry.
    ///
    /// # Errors
    /// The next id would be one of TID.GLB.
    pub fn allocate(&mut self) -> Result<Tid, TidsExhausted> {
        let next = self.lowest.saturating_sub(1);
        if next <= self.floor {
            return Err(TidsExhausted {
                lowest: self.lowest,
                local: self.floor,
            });
        }
        self.lowest = next;
        Ok(Tid(next))
    }

    /// The header of the new file.
    #[must_use]
    pub fn header(&self) -> GalNetPoHeader {
        GalNetPoHeader {
            lowest_tid: U32::new(self.lowest),
        }
    }
}

/// The addresses of the old list, for looking up the tuple ids that entries keep (DEC-084).
///
/// 4 bytes of memory for each record.
#[derive(Debug, Clone)]
pub struct PreviousTids<'a> {
    records: &'a [GalNetPoRecord],
    sorted: Vec<u32>,
}

impl<'a> PreviousTids<'a> {
    /// Sorts the live records of the old file by address. Of two with the same address the first
    /// counts.
    #[must_use]
    pub fn new(records: &'a [GalNetPoRecord]) -> Self {
        let mut sorted: Vec<u32> = (0u32..)
            .zip(records)
            .filter(|(_, record)| record.state == LIVE)
            .map(|(at, _)| at)
            .collect();
        sorted.sort_by(|&a, &b| records[a as usize].compare(&records[b as usize]));
        Self { records, sorted }
    }

    /// The tuple id of the entry with the same type, network, postoffice and mailbox.
    #[must_use]
    pub fn get(&self, address: &GalNetPoRecord) -> Option<Tid> {
        let record = |at: u32| &self.records[at as usize];
        let at = self
            .sorted
            .partition_point(|&at| record(at).compare(address).is_lt());
        let found = record(*self.sorted.get(at)?);
        found.compare(address).is_eq().then(|| Tid(found.tid.get()))
    }
}

impl GalNetPoRecord {
    /// Order by kind of address, network, postoffice and mailbox, without regard to case.
    fn compare(&self, other: &Self) -> Ordering {
        fn folded<const N: usize>(field: &CpField<N>) -> impl Iterator<Item = u8> + '_ {
            field.text().iter().map(u8::to_ascii_uppercase)
        }
        self.address_type
            .cmp(&other.address_type)
            .then_with(|| folded(&self.network).cmp(folded(&other.network)))
            .then_with(|| folded(&self.postoffice).cmp(folded(&other.postoffice)))
            .then_with(|| folded(&self.mailbox).cmp(folded(&other.mailbox)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    fn header(lowest: u32) -> GalNetPoHeader {
        GalNetPoHeader {
            lowest_tid: U32::new(lowest),
        }
    }

    // rule: dec:DEC-084
    // rule: pof:D-06
    #[test]
    fn ids_start_at_7f67697f_and_go_down() {
        let mut tids = GalTids::start(None, 5).unwrap();
        assert_eq!(tids.allocate(), Ok(Tid(0x7F67_697F)));
        assert_eq!(tids.allocate(), Ok(Tid(0x7F67_697E)));
        assert_eq!(tids.header(), header(0x7F67_697E));
        let mut next = GalTids::start(Some(&tids.header()), 5).unwrap();
        assert_eq!(next.allocate(), Ok(Tid(0x7F67_697D)));
    }

    // rule: dec:DEC-085
    // rule: pof:R-GAL-006
    #[test]
    fn a_zero_header_is_message_39_and_an_absent_file_is_none() {
        assert_eq!(
            GalTids::start(Some(&header(0)), 5),
            Err(TidsExhausted {
                lowest: 0,
                local: 5
            })
        );
        assert!(GalTids::start(Some(&header(5)), 5).is_err());
        let mut last = GalTids::start(Some(&header(7)), 5).unwrap();
        assert_eq!(last.allocate(), Ok(Tid(6)));
        assert!(last.allocate().is_err());
        assert_eq!(last.header(), header(6));
        let mut zero = GalTids::start(Some(&header(1)), 0).unwrap();
        assert!(zero.allocate().is_err(), "0 is never a tuple id");
    }

    proptest! {
        // rule: dec:DEC-084
        #[test]
        fn entries_keep_the_id_of_their_address(
            names in proptest::collection::vec(("[a-c]{1,2}", "[a-c]{1,2}", 0u8..3), 0..30),
        ) {
            let records: Vec<_> = (1u32..).zip(&names).map(|(n, (po, mailbox, kind))| {
                let mut record = GalNetPoRecord::zeroed();
                record.state = u8::from(n % 5 != 0);
                record.tid = U32::new(n);
                record.address_type = *kind;
                record.postoffice = CpField::from_bytes(po.as_bytes()).unwrap();
                record.mailbox = CpField::from_bytes(mailbox.as_bytes()).unwrap();
                record
            }).collect();
            let previous = PreviousTids::new(&records);
            for record in &records {
                let mut wanted = record.clone();
                wanted.mailbox = CpField::from_bytes(&record.mailbox.text().to_ascii_uppercase()).unwrap();
                let first = records.iter().find(|other| {
                    other.state == LIVE && other.compare(record).is_eq()
                });
                prop_assert_eq!(previous.get(&wanted), first.map(|record| Tid(record.tid.get())));
            }
        }

        // rule: dec:2.7
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 4..200)) {
            let view = GALNETPO.view(&bytes).unwrap();
            let mut again = GALNETPO.build(view.header, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            let previous = PreviousTids::new(view.records);
            for record in view.records {
                let _ = previous.get(record);
            }
            let tid = GalTids::start(Some(view.header), 9).and_then(|mut tids| tids.allocate());
            if let Ok(tid) = tid {
                prop_assert!(tid.0 > 9 && tid.0 < view.header.lowest_tid.get());
            }
        }
    }
}
