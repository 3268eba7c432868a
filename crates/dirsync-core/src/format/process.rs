//! PROCESS.GLB: the schedule of T1, T2 and T3.
//!
//! A header of 512 bytes and 197 for each entry; cutting the file to 512 bytes removes all entries
//! (Q77926, Q119111, Q136487). What an entry holds is printed by the lister (Q148718, Q96060); the
//! places are ours (decisions 2.16). 512 zero bytes are a valid empty schedule.
//!
//! `ProcessHeader`, 512 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | magic | ASSIGNED | decisions 2.16 |
//! | 4 | 2 | version | ASSIGNED | decisions 2.16 |
//! | 6 | 2 | reserved_6 | ASSIGNED | decisions 2.16 |
//! | 8 | 32 | zone | ASSIGNED | decisions 2.16 |
//! | 40 | 472 | reserved_40 | ASSIGNED | decisions 2.16 |
//!
//! `ProcessRecord`, 197 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | ASSIGNED | decisions 2.16 |
//! | 1 | 1 | id | ASSIGNED | decisions 2.16, Q148718 |
//! | 2 | 1 | weekday | ASSIGNED | decisions 2.16 |
//! | 3 | 1 | hour | ASSIGNED | decisions 2.16 |
//! | 4 | 1 | minute | ASSIGNED | decisions 2.16 |
//! | 5 | 1 | flags | ASSIGNED | decisions 2.16 |
//! | 6 | 2 | reserved_6 | ASSIGNED | decisions 2.16 |
//! | 8 | 4 | current | ASSIGNED | decisions 2.16, Q148718 |
//! | 12 | 4 | window | ASSIGNED | decisions 2.16, Q148718 |
//! | 16 | 4 | last_run | ASSIGNED | decisions 2.16 |
//! | 20 | 4 | last_missed | ASSIGNED | decisions 2.16 |
//! | 24 | 32 | zone | ASSIGNED | decisions 2.16 |
//! | 56 | 64 | comment | ASSIGNED | decisions 2.16, Q148718 |
//! | 120 | 77 | reserved_120 | ASSIGNED | decisions 2.16 |

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Reserved};
use super::record::{DELETED, FileLayout, FixedRecord, LIVE, fixed_record};

/// Header of PROCESS.GLB.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ProcessHeader {
    /// [`ProcessHeader::MAGIC`] in our trees, or zero.
    pub magic: [u8; 4],
    /// 1.
    pub version: U16,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_6: Reserved<2>,
    /// Zone of entries that name none: POSIX TZ or IANA name.
    pub zone: CpField<32>,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_40: Reserved<472>,
}
fixed_record!(ProcessHeader, "PROCESS header", 512, "Q77926 Q119111", {
    magic: 0,
    version: 4,
    reserved_6: 6,
    zone: 8,
    reserved_40: 40,
});

/// PROCESS.GLB: one scheduled run.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ProcessRecord {
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Which process, see [`ProcessId`]; that 1 is T1 is printed.
    pub id: u8,
    /// 0 Sunday to 6 Saturday.
    pub weekday: u8,
    /// Wall clock in the zone.
    pub hour: u8,
    /// Wall clock in the zone.
    pub minute: u8,
    /// Bit 0: the next run is 604,800 s after this one.
    pub flags: u8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_6: Reserved<2>,
    /// Current time to run, seconds since 1970 UTC.
    pub current: U32,
    /// Run window in seconds.
    pub window: U32,
    /// When it last ran.
    pub last_run: U32,
    /// When it last missed its window.
    pub last_missed: U32,
    /// Zone, empty for the header's.
    pub zone: CpField<32>,
    /// Comment; an empty one prints `<null>`.
    pub comment: CpField<64>,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_120: Reserved<77>,
}
fixed_record!(ProcessRecord, "PROCESS record", 197, "Q77926 Q148718", {
    state: 0,
    id: 1,
    weekday: 2,
    hour: 3,
    minute: 4,
    flags: 5,
    reserved_6: 6,
    current: 8,
    window: 12,
    last_run: 16,
    last_missed: 20,
    zone: 24,
    comment: 56,
    reserved_120: 120,
});

/// GLB/PROCESS.GLB.
pub const PROCESS: FileLayout<ProcessHeader, ProcessRecord> = FileLayout::new("GLB/PROCESS.GLB");
/// The usual run window in seconds (DOCUMENTED, Q148718).
pub const WINDOW_SECONDS: u32 = 28_800;

/// What is scheduled. 1 is DOCUMENTED (Q148718), 2 and 3 are ASSIGNED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProcessId {
    /// T1: the requestor sends its changes (`NSDA -RT`).
    T1,
    /// T3: the requestor applies the answers (`NSDA -RR`).
    T3,
    /// T2: the server (`NSDA -S`).
    T2,
}

impl ProcessId {
    /// The process of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::T1,
            2 => Self::T3,
            3 => Self::T2,
            _ => return None,
        })
    }

    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::T1 => 1,
            Self::T3 => 2,
            Self::T2 => 3,
        }
    }

    /// The name in the text form of the schedule (Q96060).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::T1 => "T1",
            Self::T2 => "T2",
            Self::T3 => "T3",
        }
    }

    /// The option of the program that the dispatcher runs (Q148718).
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::T1 => "-RT",
            Self::T2 => "-S",
            Self::T3 => "-RR",
        }
    }
}

impl ProcessHeader {
    /// The magic of our trees (ASSIGNED).
    pub const MAGIC: [u8; 4] = *b"PRC1";

    /// The header of an empty schedule. A zone of more than 31 bytes is left out: the entries then
    /// follow the zone of LAYOUT.TXT.
    #[must_use]
    pub fn fresh(zone: &[u8]) -> Self {
        let mut header = Self::zeroed();
        header.magic = Self::MAGIC;
        header.version.set(1);
        header.zone = CpField::from_bytes(zone).unwrap_or_default();
        header
    }

    /// Whether the entries may be read: our magic, or a header of zero bytes.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.magic == Self::MAGIC || self.as_bytes().iter().all(|&byte| byte == 0)
    }
}

impl ProcessRecord {
    /// Bit of [`Self::flags`]: the next run is exactly a week later, whatever the wall clock says.
    pub const SECONDS_WEEK: u8 = 1;

    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == LIVE
    }

    /// The process; `None` when the code is not known.
    #[must_use]
    pub fn process(&self) -> Option<ProcessId> {
        ProcessId::from_code(self.id)
    }

    /// The last second in which the run may start, that is time + window (DEC-111).
    #[must_use]
    pub fn last_moment(&self) -> u64 {
        u64::from(self.current.get()) + u64::from(self.window.get())
    }

    /// Whether weekday, hour and minute can exist.
    #[must_use]
    pub fn is_time_valid(&self) -> bool {
        self.weekday < 7 && self.hour < 24 && self.minute < 60
    }
}

/// The index where a new entry goes: the first deleted record, else behind the last.
#[must_use]
pub fn next_slot(records: &[ProcessRecord]) -> usize {
    records
        .iter()
        .position(|record| record.state == DELETED)
        .unwrap_or(records.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: dec:2.16
    // rule: pof:R-DSY-007
    // rule: pof:D-21
    // rule: tra:R-QUE-014
    #[test]
    fn cutting_the_file_to_512_bytes_empties_the_schedule() {
        let header = ProcessHeader::fresh(b"Europe/Berlin");
        let mut bytes = PROCESS.build(&header, &[ProcessRecord::zeroed()]);
        assert_eq!(bytes.len(), 512 + 197);
        bytes.truncate(512);
        let view = PROCESS.view(&bytes).unwrap();
        assert_eq!((view.header, view.records.len()), (&header, 0));
        assert!(ProcessHeader::zeroed().is_readable());
        assert!(header.is_readable());
        assert!(
            !ProcessHeader {
                version: 1.into(),
                ..ProcessHeader::zeroed()
            }
            .is_readable()
        );
        assert!(ProcessHeader::fresh(&[b'x'; 32]).zone.is_empty());
    }

    // rule: dec:2.16
    #[test]
    fn the_printed_entry_ends_after_its_window() {
        let mut record = ProcessRecord::zeroed();
        record.state = LIVE;
        record.id = 1;
        // Q148718: Fri Dec 22 16:30:00 1995 and 28800 seconds give Sat Dec 23 00:30:00 1995.
        record.current = "1995-12-22T16:30:00Z"
            .parse::<jiff::Timestamp>()
            .unwrap()
            .as_second()
            .try_into()
            .map(U32::new)
            .unwrap();
        record.window.set(WINDOW_SECONDS);
        let end = "1995-12-23T00:30:00Z".parse::<jiff::Timestamp>().unwrap();
        assert_eq!(i64::try_from(record.last_moment()), Ok(end.as_second()));
        assert_eq!(record.process().unwrap().option(), "-RT");
        assert!(record.is_time_valid());
        record.hour = 24;
        assert!(!record.is_time_valid());
        assert_eq!(next_slot(&[record.clone(), record.clone()]), 2);
        record.state = DELETED;
        assert_eq!(next_slot(&[record]), 0);
    }

    // rule: dec:2.16
    #[test]
    fn three_processes_are_known() {
        for code in 0..=255 {
            let process = ProcessId::from_code(code);
            assert_eq!(process.is_some(), (1..=3).contains(&code));
            assert!(process.is_none_or(|process| process.code() == code));
        }
        assert_eq!(ProcessId::T3.name(), "T3");
    }

    proptest! {
        // rule: dec:2.16
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
            let Ok(view) = PROCESS.view(&bytes) else { return Ok(()) };
            let mut again = PROCESS.build(view.header, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            for record in view.records {
                let _ = (record.process(), record.last_moment(), record.is_time_valid());
            }
        }
    }
}
