//! ACCESS.GLB, ACCESS2.GLB, ACCESS3.GLB: the local users, in three files side by side.
//!
//! Record n of one file belongs to record n of the others, in the order of creation (Q87402). Records
//! are never removed, only marked as deleted, and the first deleted one serves the next new user
//! (Q87465, Q117646). The lengths are printed; the places are ours (decisions 2.9).
//!
//! `AccessRecord`, 586 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | ASSIGNED | decisions 2.9 |
//! | 1 | 1 | kind | ASSIGNED | decisions 2.9 |
//! | 2 | 2 | rights | ASSIGNED | decisions 2.9 |
//! | 4 | 1 | dirsync | ASSIGNED | decisions 2.9 |
//! | 5 | 3 | reserved_5 | ASSIGNED | decisions 2.9 |
//! | 8 | 4 | grpmem | ASSIGNED | decisions 2.9, Q129500 |
//! | 12 | 4 | created | ASSIGNED | decisions 2.9 |
//! | 16 | 4 | modified | ASSIGNED | decisions 2.9 |
//! | 20 | 566 | reserved_20 | ASSIGNED | decisions 2.9 |
//!
//! `Access2Record`, 69 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | ASSIGNED | decisions 2.9 |
//! | 1 | 11 | mailbox | ASSIGNED | decisions 2.9, Q87402 |
//! | 12 | 31 | full_name | ASSIGNED | decisions 2.9 |
//! | 43 | 9 | mailbag | ASSIGNED | decisions 2.9, Q107767 |
//! | 52 | 4 | tid | ASSIGNED | decisions 2.9 |
//! | 56 | 13 | reserved_56 | ASSIGNED | decisions 2.9 |
//!
//! `Access3Record`, 512 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | ASSIGNED | decisions 2.9 |
//! | 1 | 511 | reserved_1 | ASSIGNED | decisions 2.9 |

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Hex8, Reserved};
use super::record::{DELETED, FileLayout, LIVE, NoHeader, fixed_record};

/// ACCESS.GLB: rights and options of a user.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct AccessRecord {
    /// 01 live, 00 deleted; the same in all three files.
    pub state: u8,
    /// 0 user, 1 administrator.
    pub kind: u8,
    /// What the user may do, see [`rights`].
    pub rights: U16,
    /// 1 when the user takes part in directory synchronization.
    pub dirsync: u8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_5: Reserved<3>,
    /// Byte offset of the user's record in GRPMEM.GLB, 0 none.
    pub grpmem: U32,
    /// When the user was made, seconds since 1970 UTC.
    pub created: U32,
    /// When the user was changed, seconds since 1970 UTC.
    pub modified: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_20: Reserved<566>,
}
fixed_record!(AccessRecord, "ACCESS record", 586, "Q77926 Q87402", {
    state: 0,
    kind: 1,
    rights: 2,
    dirsync: 4,
    reserved_5: 5,
    grpmem: 8,
    created: 12,
    modified: 16,
    reserved_20: 20,
});

/// ACCESS2.GLB: names and mailbag of a user.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Access2Record {
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Mailbox, up to 10 characters.
    pub mailbox: CpField<11>,
    /// Full name, up to 30 characters.
    pub full_name: CpField<31>,
    /// Stem of the user's files.
    pub mailbag: Hex8,
    /// Tuple id of the user's entry in the lists.
    pub tid: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_56: Reserved<13>,
}
fixed_record!(Access2Record, "ACCESS2 record", 69, "Q77926 Q87402 Q107767", {
    state: 0,
    mailbox: 1,
    full_name: 12,
    mailbag: 43,
    tid: 52,
    reserved_56: 56,
});

/// ACCESS3.GLB: data of remote users and folders.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Access3Record {
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_1: Reserved<511>,
}
fixed_record!(Access3Record, "ACCESS3 record", 512, "Q77926 Q87402 Q134753", {
    state: 0,
    reserved_1: 1,
});

/// GLB/ACCESS.GLB.
pub const ACCESS: FileLayout<NoHeader, AccessRecord> = FileLayout::new("GLB/ACCESS.GLB");
/// GLB/ACCESS2.GLB.
pub const ACCESS2: FileLayout<NoHeader, Access2Record> = FileLayout::new("GLB/ACCESS2.GLB");
/// GLB/ACCESS3.GLB.
pub const ACCESS3: FileLayout<NoHeader, Access3Record> = FileLayout::new("GLB/ACCESS3.GLB");

/// Bits of [`AccessRecord::rights`] (ASSIGNED, decisions 2.9).
pub mod rights {
    /// May delete mail.
    pub const DELETE: u16 = 1;
    /// May send mail.
    pub const SEND: u16 = 2;
    /// May read mail.
    pub const RETRIEVE: u16 = 4;
    /// May send mail outside, and so sees the Global Address List (Q86375).
    pub const EXTERNAL: u16 = 8;
    /// May use shared folders.
    pub const FOLDERS: u16 = 16;
    /// May dial in.
    pub const REMOTE: u16 = 32;
    /// All of them.
    pub const ALL: u16 = 63;
}

impl AccessRecord {
    /// [`Self::kind`] of an ordinary user.
    pub const USER: u8 = 0;
    /// [`Self::kind`] of the administrator.
    pub const ADMINISTRATOR: u8 = 1;
}

/// The three records of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User<'a> {
    /// Rights and options.
    pub access: &'a AccessRecord,
    /// Names and mailbag.
    pub access2: &'a Access2Record,
    /// Data of remote users and folders.
    pub access3: &'a Access3Record,
}

impl User<'_> {
    /// Whether the user exists; `None` when the three files contradict each other.
    #[must_use]
    pub fn is_live(&self) -> Option<bool> {
        let states = [self.access.state, self.access2.state, self.access3.state];
        match states {
            [LIVE, LIVE, LIVE] => Some(true),
            [DELETED, DELETED, DELETED] => Some(false),
            _ => None,
        }
    }
}

/// The local users: three files side by side.
#[derive(Debug, Clone, Copy)]
pub struct Users<'a> {
    access: &'a [AccessRecord],
    access2: &'a [Access2Record],
    access3: &'a [Access3Record],
}

impl<'a> Users<'a> {
    /// Puts the records of the three files side by side.
    #[must_use]
    pub fn new(
        access: &'a [AccessRecord],
        access2: &'a [Access2Record],
        access3: &'a [Access3Record],
    ) -> Self {
        Self {
            access,
            access2,
            access3,
        }
    }

    /// Whether the three files have the same number of records, as they must (Q87465).
    #[must_use]
    pub fn counts_agree(&self) -> bool {
        self.access.len() == self.access2.len() && self.access.len() == self.access3.len()
    }

    /// The users that all three files have a record of, deleted ones included.
    pub fn iter(&self) -> impl Iterator<Item = User<'a>> + use<'a> {
        self.access.iter().zip(self.access2).zip(self.access3).map(
            |((access, access2), access3)| User {
                access,
                access2,
                access3,
            },
        )
    }

    /// The index of the live user with this mailbox, without regard to case (Q87402).
    #[must_use]
    pub fn find(&self, mailbox: &[u8]) -> Option<usize> {
        self.iter().position(|user| {
            user.is_live() == Some(true) && user.access2.mailbox.eq_ignore_case(mailbox)
        })
    }

    /// The index for a new user: the first deleted one, else behind the last (Q117646). `None`
    /// when the files have different numbers of records and must be repaired first.
    #[must_use]
    pub fn free_index(&self) -> Option<usize> {
        let free = || self.iter().position(|user| user.is_live() == Some(false));
        self.counts_agree()
            .then(|| free().unwrap_or(self.access.len()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    fn user(mailbox: &[u8], state: u8) -> (AccessRecord, Access2Record, Access3Record) {
        let mut all = (
            AccessRecord::zeroed(),
            Access2Record::zeroed(),
            Access3Record::zeroed(),
        );
        (all.0.state, all.1.state, all.2.state) = (state, state, state);
        all.1.mailbox = CpField::from_bytes(mailbox).unwrap();
        all
    }

    // rule: pof:R-ACC-001
    // rule: pof:R-ACC-004
    #[test]
    fn users_stand_side_by_side_and_are_found_without_regard_to_case() {
        let (a, b): (Vec<_>, Vec<_>) = ["Admin", "JohnS", "Gone"]
            .into_iter()
            .map(|name| user(name.as_bytes(), u8::from(name != "Gone")))
            .map(|(a, b, c)| (a, (b, c)))
            .unzip();
        let (b, c): (Vec<_>, Vec<_>) = b.into_iter().unzip();
        let users = Users::new(&a, &b, &c);
        assert_eq!(users.find(b"JOHNS"), Some(1));
        assert_eq!(users.find(b"gone"), None);
        assert_eq!(users.free_index(), Some(2));
        assert_eq!(Users::new(&a[..2], &b[..2], &c[..2]).free_index(), Some(2));
        assert_eq!(Users::new(&a, &b[..2], &c).free_index(), None);
        assert_eq!(ACCESS.record_offset(2), Some(1172));
        assert_eq!(ACCESS2.record_offset(2), Some(138));
        assert_eq!(ACCESS3.record_offset(2), Some(1024));
    }

    // rule: pof:R-ACC-003
    // rule: pof:D-04
    #[test]
    fn the_fields_of_a_user_stand_at_their_places() {
        let (mut access, mut access2, _) = user(b"anna", LIVE);
        access.grpmem.set(0x84);
        access2.full_name = CpField::from_bytes(b"Anna Alpha").unwrap();
        access2.mailbag = crate::format::Hex8::from_id(crate::base::HexId(0x2E));
        access2.tid.set(0x0102_0304);
        let bytes = access2.encode();
        assert_eq!((bytes[0], &bytes[1..6]), (1, &b"anna\0"[..]));
        assert_eq!(&bytes[12..23], b"Anna Alpha\0");
        assert_eq!(&bytes[43..52], b"0000002E\0");
        assert_eq!(
            (&bytes[52..56], &bytes[56..]),
            (&[4, 3, 2, 1][..], &[0; 13][..])
        );
        let bytes = access.encode();
        // The pointer into GRPMEM.GLB; no password is kept.
        assert_eq!((bytes[0], &bytes[8..12]), (1, &[0x84, 0, 0, 0][..]));
        assert_eq!(bytes[20..], [0; 566]);
    }

    // rule: dec:2.9
    #[test]
    fn states_that_contradict_each_other_are_seen() {
        let (mut a, b, c) = user(b"X", LIVE);
        a.state = DELETED;
        let user = User {
            access: &a,
            access2: &b,
            access3: &c,
        };
        assert_eq!(user.is_live(), None);
    }

    proptest! {
        // rule: dec:2.9
        #[test]
        fn any_bytes_survive(
            a in proptest::collection::vec(any::<u8>(), 586),
            b in proptest::collection::vec(any::<u8>(), 69),
            c in proptest::collection::vec(any::<u8>(), 512),
            name in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            let ra = AccessRecord::decode(&a).unwrap();
            let rb = Access2Record::decode(&b).unwrap();
            let rc = Access3Record::decode(&c).unwrap();
            prop_assert_eq!(ra.encode(), a);
            prop_assert_eq!(rb.encode(), b);
            prop_assert_eq!(rc.encode(), c);
            let (ra, rb, rc) = ([ra], [rb], [rc]);
            let users = Users::new(&ra, &rb, &rc);
            let _ = users.find(&name);
            prop_assert!(users.free_index() <= Some(1));
        }
    }
}
