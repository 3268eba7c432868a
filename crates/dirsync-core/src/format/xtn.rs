//! XTN files: the postoffices of one network, or the nodes of a gateway.
//!
//! The places of state, name, mailbag and of the counter of postoffices routed through this one are
//! printed for 20 records (Q86625, Q148666). A file of 0 bytes is a network without external
//! postoffices (Q135868).
//!
//! `XtnRecord`, 698 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | DOCUMENTED | Q86625 |
//! | 1 | 11 | postoffice | DOCUMENTED | Q86625 |
//! | 12 | 9 | mailbag | DOCUMENTED | Q148666 |
//! | 21 | 1 | route | ASSIGNED | decisions 2.11 |
//! | 22 | 11 | hub_network | ASSIGNED | decisions 2.11 |
//! | 33 | 11 | hub_postoffice | ASSIGNED | decisions 2.11 |
//! | 44 | 9 | hub_mailbag | ASSIGNED | decisions 2.11 |
//! | 53 | 12 | serial | ASSIGNED | decisions 2.11 |
//! | 65 | 1 | retry_limit | ASSIGNED | decisions 2.11 |
//! | 66 | 1 | options | ASSIGNED | decisions 2.11 |
//! | 67 | 1 | reserved_67 | ASSIGNED | decisions 2.11 |
//! | 68 | 4 | max_kb | ASSIGNED | decisions 2.11 |
//! | 72 | 16 | password | ASSIGNED | decisions 2.11 |
//! | 88 | 32 | phone | ASSIGNED | decisions 2.11 |
//! | 120 | 4 | sent_month | ASSIGNED | decisions 2.11, Q130286 |
//! | 124 | 4 | sent_year | ASSIGNED | decisions 2.11, Q130286 |
//! | 128 | 4 | stat_month | ASSIGNED | decisions 2.11 |
//! | 132 | 517 | reserved_132 | ASSIGNED | decisions 2.11 |
//! | 649 | 2 | indirect_count | DOCUMENTED | Q86625 |
//! | 651 | 47 | reserved_651 | ASSIGNED | decisions 2.11 |

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Hex8, Password, Reserved};
use super::record::{DELETED, FileLayout, LIVE, NoHeader, fixed_record};

/// One external postoffice or node.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct XtnRecord {
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Name of the postoffice, DGN or node, up to 10 characters.
    pub postoffice: CpField<11>,
    /// Stem of its MBG, KEY and USR files.
    pub mailbag: Hex8,
    /// How mail goes there, see [`Route`].
    pub route: u8,
    /// Network of the hub, for [`Route::Indirect`].
    pub hub_network: CpField<11>,
    /// The hub, for [`Route::Indirect`].
    pub hub_postoffice: CpField<11>,
    /// Mailbag of the hub, for [`Route::Indirect`].
    pub hub_mailbag: Hex8,
    /// Serial number `nnnn-nnnnn`.
    pub serial: CpField<12>,
    /// Attempts to deliver; 0 is 3.
    pub retry_limit: u8,
    /// Bit 0: made by autocreate.
    pub options: u8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_67: Reserved<1>,
    /// Largest message in units of 1,024 bytes; 0 none.
    pub max_kb: U32,
    /// Password to sign on there.
    pub password: Password,
    /// Telephone number.
    pub phone: CpField<32>,
    /// Messages sent this month.
    pub sent_month: U32,
    /// Messages sent this year.
    pub sent_year: U32,
    /// The month of the counters as YYYYMM.
    pub stat_month: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_132: Reserved<517>,
    /// Postoffices that are routed through this one.
    pub indirect_count: U16,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_651: Reserved<47>,
}
fixed_record!(XtnRecord, "XTN record", 698, "Q77926 Q86625 Q148666", {
    state: 0,
    postoffice: 1,
    mailbag: 12,
    route: 21,
    hub_network: 22,
    hub_postoffice: 33,
    hub_mailbag: 44,
    serial: 53,
    retry_limit: 65,
    options: 66,
    reserved_67: 67,
    max_kb: 68,
    password: 72,
    phone: 88,
    sent_month: 120,
    sent_year: 124,
    stat_month: 128,
    reserved_132: 132,
    indirect_count: 649,
    reserved_651: 651,
});

/// `XTN/<number>.XTN`.
pub const XTN: FileLayout<NoHeader, XtnRecord> = FileLayout::new("XTN/*.XTN");

/// How mail goes to a postoffice (ASSIGNED codes, decisions 2.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Its files are reached on a drive.
    Direct,
    /// By telephone.
    Modem,
    /// By X.25.
    X25,
    /// Through a hub.
    Indirect,
}

impl Route {
    /// The route of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Direct,
            2 => Self::Modem,
            3 => Self::X25,
            4 => Self::Indirect,
            _ => return None,
        })
    }

    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Direct => 1,
            Self::Modem => 2,
            Self::X25 => 3,
            Self::Indirect => 4,
        }
    }
}

impl XtnRecord {
    /// Bit of [`Self::options`]: the postoffice was made by autocreate.
    pub const AUTOCREATED: u8 = 1;

    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == LIVE
    }

    /// The route; `None` when the code is not known.
    #[must_use]
    pub fn route(&self) -> Option<Route> {
        Route::from_code(self.route)
    }

    /// Whether other postoffices are routed through this one, so that it may not be deleted
    /// (Q86625).
    #[must_use]
    pub fn is_hub(&self) -> bool {
        self.indirect_count.get() != 0
    }

    /// Attempts to deliver before mail is returned.
    #[must_use]
    pub fn attempts(&self) -> u8 {
        if self.retry_limit == 0 {
            3
        } else {
            self.retry_limit
        }
    }

    /// Counts one sent message; a new month or year starts its counter at 1. `month` is YYYYMM.
    pub fn count_sent(&mut self, month: u32) {
        let known = self.stat_month.get();
        let next = |counter: U32, same: bool| {
            U32::new(if same {
                counter.get().saturating_add(1)
            } else {
                1
            })
        };
        self.sent_month = next(self.sent_month, known == month);
        self.sent_year = next(self.sent_year, known / 100 == month / 100);
        self.stat_month = U32::new(month);
    }
}

/// The index of the first live record named `postoffice`, without regard to case.
#[must_use]
pub fn find(records: &[XtnRecord], postoffice: &[u8]) -> Option<usize> {
    records
        .iter()
        .position(|record| record.is_live() && record.postoffice.eq_ignore_case(postoffice))
}

/// The index where a new record goes: the first deleted one, else behind the last.
#[must_use]
pub fn free_index(records: &[XtnRecord]) -> usize {
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
    use crate::format::record::FixedRecord;

    // rule: pof:R-XTN-002
    #[test]
    fn the_printed_offsets_of_20_records_are_ours() {
        let table = include_str!("../../../../fixtures/binary/q86625-xtn-offsets.tsv");
        let fields = [
            0,
            offset_of!(XtnRecord, postoffice),
            offset_of!(XtnRecord, indirect_count),
        ];
        let mut rows = 0;
        for (n, line) in table.lines().skip(1).enumerate() {
            for (cell, field) in line.split('\t').skip(1).zip(fields) {
                let printed = u64::from_str_radix(cell, 16).unwrap() - 0x100;
                assert_eq!(printed, XTN.record_offset(n as u64).unwrap() + field as u64);
            }
            rows += 1;
        }
        assert_eq!(rows, 20);
        // Q148666: the mailbag of the first record is shown at 10Ch.
        assert_eq!(offset_of!(XtnRecord, mailbag), 0x10C - 0x100);
    }

    // rule: pof:R-XTN-003
    // rule: tra:R-QUE-015
    #[test]
    fn a_hub_is_seen_by_its_counter_and_repaired_by_two_zero_bytes() {
        let mut bytes = vec![0; 698];
        bytes[0] = 1;
        bytes[0x389 - 0x100] = 1;
        let mut record = XtnRecord::decode(&bytes).unwrap();
        assert!(record.is_live() && record.is_hub());
        record.indirect_count = U16::new(0);
        bytes[649..651].fill(0);
        assert_eq!(record.encode(), bytes);
        assert!(!record.is_hub());
    }

    // rule: pof:R-SIZ-003
    #[test]
    fn a_file_of_3015_bytes_keeps_its_4_records() {
        let bytes = vec![1; 3015];
        let view = XTN.view(&bytes).unwrap();
        assert_eq!(view.records.len(), 4);
        assert_eq!(view.trailing.len(), 3015 - 2792);
    }

    // rule: pof:R-XTN-001
    #[test]
    fn statistics_start_again_with_month_and_year() {
        let mut record = XtnRecord::zeroed();
        let mut counts = Vec::new();
        for month in [199_411, 199_411, 199_412, 199_501] {
            record.count_sent(month);
            counts.push((record.sent_month.get(), record.sent_year.get()));
        }
        assert_eq!(counts, [(1, 1), (2, 2), (1, 3), (1, 1)]);
        assert_eq!(record.attempts(), 3);
    }

    proptest! {
        // rule: dec:2.11
        // rule: pof:D-15
        // rule: tra:OQ-04
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 698), code: u8) {
            let mut record = XtnRecord::decode(&bytes).unwrap();
            prop_assert_eq!(record.encode(), bytes.clone());
            record.count_sent(u32::from(code));
            let after = record.encode();
            prop_assert_eq!(&after[..120], &bytes[..120]);
            prop_assert_eq!(&after[132..], &bytes[132..]);
            if let Some(route) = Route::from_code(code) {
                prop_assert_eq!(route.code(), code);
            }
            let _ = find(&[record.clone()], b"X");
            prop_assert!(free_index(&[record]) <= 1);
        }
    }
}
