//! GROUP.GLB, GRPMEM.GLB and MEM files: names of groups, groups of each user, local members.
//!
//! GROUP.GLB has a record for each group, GRPMEM.GLB for each user the groups whose folders he may use
//! (Q107767, Q102669), a MEM file the mailbags of a group's local members, which mail from outside goes
//! to (Q87396). Lengths are printed (Q77926, Q112905), places are ours (decisions 2.8).
//!
//! `GroupHeader`, 4 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | zero | ASSIGNED | decisions 2.8, DEC-090 |
//!
//! `GroupRecord`, 51 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | ASSIGNED | decisions 2.8 |
//! | 1 | 31 | alias | ASSIGNED | decisions 2.8, Q107767 |
//! | 32 | 11 | address | ASSIGNED | decisions 2.8, Q107767 |
//! | 43 | 4 | tid | ASSIGNED | decisions 2.8, Q107767 |
//! | 47 | 4 | pointer | ASSIGNED | decisions 2.8, Q107767 |
//!
//! `GrpMemRecord`, 128 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | mailbag | ASSIGNED | decisions 2.8 |
//! | 4 | 4 | status | DOCUMENTED | decisions 2.8, Q102669 |
//! | 8 | 120 | groups | ASSIGNED | decisions 2.8 |
//!
//! `MemEntry`, 4 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | mailbag | INFERRED | D-22, Q77926 |

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::CpField;
use super::record::{FileLayout, LIVE, NoHeader, fixed_record};
use crate::base::{DecodeError, DecodeErrorKind, Tid};

/// Header of GROUP.GLB and of GRPMEM.GLB.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GroupHeader {
    /// 0; readers ignore it.
    pub zero: U32,
}
fixed_record!(GroupHeader, "GROUP header", 4, "Q77926 Q112905", {
    zero: 0,
});

/// GROUP.GLB: one group.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GroupRecord {
    /// 00 deleted, 01 live, 03 live and kept out of directory synchronization.
    pub state: u8,
    /// Name, up to 30 characters.
    pub alias: CpField<31>,
    /// Name in the form of a mailbox, up to 10 characters.
    pub address: CpField<11>,
    /// Tuple id and stem of the MEM file.
    pub tid: U32,
    /// Byte offset of the first node in ADMIN.GRP, 0 no members.
    pub pointer: U32,
}
fixed_record!(GroupRecord, "GROUP record", 51, "Q77926 Q107767 Q112905", {
    state: 0,
    alias: 1,
    address: 32,
    tid: 43,
    pointer: 47,
});

/// GRPMEM.GLB: the groups of one user.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct GrpMemRecord {
    /// Number of the user.
    pub mailbag: U32,
    /// 1 not deleted, in version 3.0 and later.
    pub status: U32,
    /// Stems of MEM files, 0 empty.
    pub groups: [U32; 30],
}
fixed_record!(GrpMemRecord, "GRPMEM record", 128, "Q77926 Q102669 Q107767", {
    mailbag: 0,
    status: 4,
    groups: 8,
});

/// MEM file: one local member.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct MemEntry {
    /// Number of the member.
    pub mailbag: U32,
}
fixed_record!(MemEntry, "MEM entry", 4, "Q77926 Q117895", {
    mailbag: 0,
});

/// GLB/GROUP.GLB.
pub const GROUP: FileLayout<GroupHeader, GroupRecord> = FileLayout::new("GLB/GROUP.GLB");
/// GLB/GRPMEM.GLB.
pub const GRPMEM: FileLayout<GroupHeader, GrpMemRecord> = FileLayout::new("GLB/GRPMEM.GLB");
/// `MEM/<tid>.MEM`.
pub const MEM: FileLayout<NoHeader, MemEntry> = FileLayout::new("MEM/*.MEM");
/// Local members that a MEM file can hold (Q77926: 2,000 bytes).
pub const MAX_LOCAL_MEMBERS: usize = 500;

impl GroupRecord {
    /// [`Self::state`] of a live group that takes no part in directory synchronization.
    pub const KEPT_OUT: u8 = 3;

    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state, LIVE | Self::KEPT_OUT)
    }

    /// Whether the group takes part in directory synchronization.
    #[must_use]
    pub fn takes_part(&self) -> bool {
        self.state == LIVE
    }
}

/// The index of the first live group with this address, without regard to case.
#[must_use]
pub fn find(records: &[GroupRecord], address: &[u8]) -> Option<usize> {
    records
        .iter()
        .position(|record| record.is_live() && record.address.eq_ignore_case(address))
}

impl GrpMemRecord {
    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.status.get() == 1
    }

    /// The groups of the user.
    pub fn groups(&self) -> impl Iterator<Item = Tid> + '_ {
        let stems = self.groups.iter().map(|stem| stem.get());
        stems.filter(|&stem| stem != 0).map(Tid)
    }

    /// Notes that the user is in `group`; `false` when all 30 places are taken.
    pub fn join(&mut self, group: Tid) -> bool {
        if self.groups().any(|known| known == group) {
            return true;
        }
        match self.groups.iter_mut().find(|stem| stem.get() == 0) {
            Some(place) => {
                place.set(group.0);
                true
            }
            None => false,
        }
    }

    /// Notes that the user is no longer in `group`.
    pub fn leave(&mut self, group: Tid) {
        for stem in &mut self.groups {
            if stem.get() == group.0 {
                stem.set(0);
            }
        }
    }
}

/// The bytes of a MEM file; 0 bytes for a group of external members only (Q117895).
///
/// # Errors
/// More than 500 members.
pub fn build_mem(mailbags: &[u32]) -> Result<Vec<u8>, DecodeError> {
    if mailbags.len() > MAX_LOCAL_MEMBERS {
        let kind = DecodeErrorKind::Limit(
            "the number of local members",
            MAX_LOCAL_MEMBERS as u64,
            mailbags.len() as u64,
        );
        return Err(DecodeError::new("MEM file", 2_000, kind));
    }
    Ok(mailbags.iter().flat_map(|id| id.to_le_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    const EMPTY: &[u8] = include_bytes!("../../../../fixtures/binary/group-empty.bin");

    // rule: pof:R-GRP-008
    // rule: dec:DEC-090
    // rule: tra:R-QUE-015
    #[test]
    fn no_groups_are_4_zero_bytes() {
        let header = GroupHeader::zeroed();
        assert_eq!(GROUP.build(&header, &[]), EMPTY);
        assert_eq!(GRPMEM.build(&header, &[]), EMPTY);
        assert_eq!(GROUP.view(EMPTY).unwrap().records, []);
    }

    // rule: pof:R-GRP-012
    #[test]
    fn each_group_adds_51_bytes_and_may_have_10_characters() {
        let mut group = GroupRecord::zeroed();
        group.state = GroupRecord::KEPT_OUT;
        group.address = CpField::from_bytes(b"TENLETTERS").unwrap();
        assert_eq!(
            GROUP.build(&GroupHeader::zeroed(), &[group.clone()]).len(),
            4 + 51
        );
        assert!(group.is_live() && !group.takes_part());
        assert_eq!(find(&[group.clone()], b"tenletters"), Some(0));
        group.state = 0;
        assert_eq!(find(&[group], b"tenletters"), None);
    }

    // rule: pof:R-GRP-002
    // rule: pof:D-11
    #[test]
    fn the_fields_of_a_group_fill_51_bytes() {
        let mut group = GroupRecord::zeroed();
        group.state = 1;
        group.alias = CpField::from_bytes(b"Team").unwrap();
        group.address = CpField::from_bytes(b"TEAM").unwrap();
        group.tid.set(0x0102_0304);
        group.pointer.set(8);
        let bytes = group.encode();
        assert_eq!((bytes[0], &bytes[1..6]), (1, &b"Team\0"[..]));
        assert_eq!(&bytes[32..37], b"TEAM\0");
        assert_eq!(bytes[43..], [4, 3, 2, 1, 8, 0, 0, 0]);
        // The header says nothing: it is 0, with groups and without (DEC-090).
        let file = GROUP.build(&GroupHeader::zeroed(), &[group.clone(), group]);
        assert_eq!((file.len(), &file[..4]), (4 + 2 * 51, &[0; 4][..]));
    }

    // rule: pof:D-12
    #[test]
    fn a_member_of_groups_has_mailbag_status_and_thirty_places() {
        let mut user = GrpMemRecord::zeroed();
        user.mailbag.set(2);
        user.status.set(1);
        assert!(user.is_live() && user.join(Tid(6)) && user.join(Tid(7)));
        let bytes = user.encode();
        assert_eq!(bytes.len(), 8 + 30 * 4);
        assert_eq!(
            bytes[..16],
            [2, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0]
        );
        assert_eq!(bytes[16..], [0; 112]);
    }

    // rule: pof:R-GRP-007
    #[test]
    fn a_user_can_be_in_30_groups() {
        let mut user = GrpMemRecord::zeroed();
        assert!(!user.is_live());
        for group in 1..=30 {
            assert!(user.join(Tid(group)));
        }
        assert!(user.join(Tid(30)) && !user.join(Tid(31)));
        user.leave(Tid(7));
        assert!(user.join(Tid(31)));
        assert_eq!(user.groups().count(), 30);
    }

    // rule: pof:R-GRP-006
    // rule: pof:D-22
    #[test]
    fn a_mem_file_holds_500_members() {
        assert_eq!(build_mem(&[]).unwrap(), b"");
        assert_eq!(build_mem(&[0x2E, 1]).unwrap(), [0x2E, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(build_mem(&[1; 500]).unwrap().len(), 2000);
        assert!(build_mem(&[1; 501]).is_err());
        let bytes = build_mem(&[0x0102_0304]).unwrap();
        assert_eq!(
            MEM.view(&bytes).unwrap().records[0].mailbag.get(),
            0x0102_0304
        );
    }

    proptest! {
        // rule: dec:2.8
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 4..300)) {
            let groups = GROUP.view(&bytes).unwrap();
            let mut again = GROUP.build(groups.header, groups.records);
            again.extend_from_slice(groups.trailing);
            prop_assert_eq!(&again, &bytes);
            let users = GRPMEM.view(&bytes).unwrap();
            let mut again = GRPMEM.build(users.header, users.records);
            again.extend_from_slice(users.trailing);
            prop_assert_eq!(&again, &bytes);
            let _ = find(groups.records, b"A");
        }
    }
}
