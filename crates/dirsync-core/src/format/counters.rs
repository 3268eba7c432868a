//! The small counters: CONTROL.GLB, TID.GLB, FLAG.GLB, RNETSEM.GLB.
//!
//! CONTROL.GLB hands out the numbers that name files (Q87388, Q87386, Q122852), TID.GLB the numbers
//! that name an entry of an address list once and for ever (Q87404), FLAG.GLB changes with every
//! change of a list (Q131670, Q103421), RNETSEM.GLB lets several transfer programs share one list for
//! remote clients (Q118946).
//!
//! `ControlRecord`, 8 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | next_mailbag | DOCUMENTED | Q87388, Q122852 |
//! | 4 | 4 | next_letter | DOCUMENTED | Q87388, Q122852 |
//!
//! `TidRecord`, 4 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | last | ASSIGNED | decisions 2.15, Q87404 |
//!
//! `FlagRecord`, 2 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 2 | changes | INFERRED | decisions 2.15, Q131670 |
//!
//! `RnetSemRecord`, 4 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | generation | DOCUMENTED | Q118946 |

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::record::fixed_record;

use crate::base::Tid;

/// CONTROL.GLB: the next numbers for files.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ControlRecord {
    /// The next number for users, external postoffices, networks and gateways.
    pub next_mailbag: U32,
    /// The next number for MAI, ATT and P1 files.
    pub next_letter: U32,
}
fixed_record!(ControlRecord, "CONTROL record", 8, "Q77926 Q87388 Q122852", {
    next_mailbag: 0,
    next_letter: 4,
});

/// TID.GLB: the last tuple id given.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct TidRecord {
    /// The last tuple id given; 0 is never one.
    pub last: U32,
}
fixed_record!(TidRecord, "TID record", 4, "Q77926 Q87404", {
    last: 0,
});

/// FLAG.GLB: changes with every change of a list.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct FlagRecord {
    /// Change counter; 0 in a fresh or repaired file.
    pub changes: U16,
}
fixed_record!(FlagRecord, "FLAG record", 2, "Q77926 Q131670", {
    changes: 0,
});

/// RNETSEM.GLB: generation of the list for remote clients.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct RnetSemRecord {
    /// One more each time the list was made anew.
    pub generation: U32,
}
fixed_record!(RnetSemRecord, "RNETSEM record", 4, "Q118946", {
    generation: 0,
});

impl ControlRecord {
    /// The counters of a fresh postoffice: mailbag 00000000 and 00000001.XTN exist (DEC-093).
    #[must_use]
    pub fn fresh() -> Self {
        Self {
            next_mailbag: U32::new(2),
            next_letter: U32::new(1),
        }
    }
}

/// The number to hand out: what the counter says, but above every number in use (DEC-092).
///
/// The caller looks for numbers in use when the counter names an existing file or is 0. `None`
/// when no number is left.
#[must_use]
pub fn next_number(counter: u32, highest_in_use: Option<u32>) -> Option<u32> {
    match highest_in_use {
        Some(highest) => Some(counter.max(highest.checked_add(1)?)),
        None => Some(counter),
    }
}

impl TidRecord {
    /// The counter of a fresh postoffice; the administrator has tuple id 1 (DEC-093).
    #[must_use]
    pub fn fresh() -> Self {
        Self { last: U32::new(1) }
    }

    /// The next tuple id; `None` when none is left. 0 is never given.
    #[must_use]
    pub fn next(&self) -> Option<Tid> {
        self.last.get().checked_add(1).map(Tid)
    }
}

impl FlagRecord {
    /// The counter after one more change: 65,535 is followed by 1 (DEC-104).
    #[must_use]
    pub fn bumped(&self) -> Self {
        let changes = self.changes.get().checked_add(1).unwrap_or(1);
        Self {
            changes: U16::new(changes),
        }
    }
}

/// What a transfer program does when its interval for the remote list is over (Q118946).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regenerate {
    /// Nobody did it since: make the list, then write and remember this generation.
    Make(u32),
    /// Somebody else did it: remember this generation.
    Skip(u32),
}

impl RnetSemRecord {
    /// Compares the file with the generation remembered.
    #[must_use]
    pub fn decide(&self, remembered: u32) -> Regenerate {
        let found = self.generation.get();
        if found == remembered {
            Regenerate::Make(found.wrapping_add(1))
        } else {
            Regenerate::Skip(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    // rule: pof:R-NAM-002
    #[test]
    fn the_letter_counter_is_little_endian_at_offset_4() {
        for (bytes, value) in [
            ([0x4D, 0x3C, 0x2B, 0x1A], 439_041_101),
            ([0xC8, 0x2C, 0x2C, 0x1A], 439_102_664),
            ([0x29, 0x21, 0x2D, 0x1A], 439_165_225),
        ] {
            let file = [[0; 4], bytes].concat();
            let control = ControlRecord::decode(&file).unwrap();
            assert_eq!(control.next_letter.get(), value);
            assert_eq!(control.next_mailbag.get(), 0);
            assert_eq!(control.encode(), file);
        }
        assert!(ControlRecord::decode(&[0; 7]).is_err());
    }

    // rule: dec:DEC-093
    // rule: pof:D-23
    #[test]
    fn fresh_counters_lie_above_the_files_of_a_fresh_postoffice() {
        assert_eq!(ControlRecord::fresh().encode(), [2, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(TidRecord::fresh().encode(), [1, 0, 0, 0]);
    }

    // rule: dec:DEC-092
    #[test]
    fn a_number_in_use_is_never_given_again() {
        // Q117738: users 00000000 to 00000004 exist and the counter was reset.
        assert_eq!(next_number(0, Some(4)), Some(5));
        assert_eq!(next_number(9, Some(4)), Some(9));
        assert_eq!(next_number(3, None), Some(3));
        assert_eq!(next_number(0, Some(u32::MAX)), None);
    }

    // rule: pof:R-TID-001
    #[test]
    fn tuple_ids_grow_and_end() {
        let tid = |last| {
            TidRecord {
                last: U32::new(last),
            }
            .next()
        };
        assert_eq!(tid(0), Some(Tid(1)));
        assert_eq!(tid(u32::MAX), None);
    }

    // rule: dec:DEC-104
    // rule: tra:OQ-20
    #[test]
    fn the_change_counter_never_returns_to_0() {
        let flag = |changes| {
            FlagRecord {
                changes: U16::new(changes),
            }
            .bumped()
            .changes
            .get()
        };
        assert_eq!(flag(0), 1);
        assert_eq!(flag(65_535), 1);
    }

    // rule: pof:R-LCK-010
    #[test]
    fn one_of_several_programs_makes_the_remote_list() {
        let file = |generation| RnetSemRecord {
            generation: U32::new(generation),
        };
        assert_eq!(file(7).decide(7), Regenerate::Make(8));
        assert_eq!(file(8).decide(7), Regenerate::Skip(8));
    }

    proptest! {
        // rule: dec:2.15
        #[test]
        fn counters_survive(control: [u8; 8], flag: [u8; 2], tid: [u8; 4]) {
            prop_assert_eq!(ControlRecord::decode(&control).unwrap().encode(), control);
            prop_assert_eq!(FlagRecord::decode(&flag).unwrap().encode(), flag);
            prop_assert_eq!(TidRecord::decode(&tid).unwrap().encode(), tid);
            let after = FlagRecord::decode(&flag).unwrap().bumped();
            prop_assert_ne!(after.changes.get(), 0);
        }
    }
}
