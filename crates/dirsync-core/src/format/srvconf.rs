//! SRVCONF.GLB: what the directory server knows about itself and about each requestor.
//!
//! 1,024 bytes of header and 1,024 for each requestor (Q77926, Q148705). The fields are printed as
//! columns of the lister (Q96060); their places are ours (decisions 2.4). The agent of an Exchange
//! server keeps the same file in DXADATA (DEC-068).
//!
//! `SrvConfHeader`, 1024 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | magic | ASSIGNED | decisions 2.4 |
//! | 4 | 4 | sync | ASSIGNED | decisions 2.4, Q96060 |
//! | 8 | 4 | cycle | ASSIGNED | decisions 2.4, Q96060 |
//! | 12 | 2 | keep_updates | ASSIGNED | decisions 2.4, Q96060 |
//! | 14 | 2 | options | ASSIGNED | decisions 2.4 |
//! | 16 | 11 | administrator | ASSIGNED | decisions 2.4, Q96060 |
//! | 27 | 5 | reserved_27 | ASSIGNED | decisions 2.4 |
//! | 32 | 4 | last_receive | ASSIGNED | decisions 2.4 |
//! | 36 | 4 | last_transmit | ASSIGNED | decisions 2.4 |
//! | 40 | 4 | last_purge | ASSIGNED | decisions 2.4 |
//! | 44 | 980 | reserved_44 | ASSIGNED | decisions 2.4 |
//!
//! `SrvConfRecord`, 1024 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | ASSIGNED | decisions 2.4 |
//! | 1 | 1 | reserved_1 | ASSIGNED | decisions 2.4 |
//! | 2 | 8 | type_name | ASSIGNED | decisions 2.4, Q96060 |
//! | 10 | 11 | network | ASSIGNED | decisions 2.4, Q96060 |
//! | 21 | 11 | postoffice | ASSIGNED | decisions 2.4, Q96060 |
//! | 32 | 11 | mailbox | ASSIGNED | decisions 2.4 |
//! | 43 | 16 | password | ASSIGNED | decisions 2.4, Q96060 |
//! | 59 | 5 | reserved_59 | ASSIGNED | decisions 2.4 |
//! | 64 | 4 | req_sync | ASSIGNED | decisions 2.4, Q96060 |
//! | 68 | 4 | srv_sync | ASSIGNED | decisions 2.4, Q96060 |
//! | 72 | 4 | conf_sync | ASSIGNED | decisions 2.4 |
//! | 76 | 4 | imp_sync | ASSIGNED | decisions 2.4, Q96060 |
//! | 80 | 4 | last_cycle | ASSIGNED | decisions 2.4, Q96060 |
//! | 84 | 4 | last_update | ASSIGNED | decisions 2.4, Q96060 |
//! | 88 | 4 | ask_sync | ASSIGNED | decisions 2.4 |
//! | 92 | 4 | ask_limit_kb | ASSIGNED | decisions 2.4 |
//! | 96 | 2 | ask | ASSIGNED | decisions 2.4 |
//! | 98 | 2 | reserved_98 | ASSIGNED | decisions 2.4 |
//! | 100 | 128 | ask_types | ASSIGNED | decisions 2.4 |
//! | 228 | 4 | dxa_flags | ASSIGNED | decisions 2.4, DEC-066 |
//! | 232 | 65 | object_name | ASSIGNED | decisions 2.4 |
//! | 297 | 727 | reserved_297 | ASSIGNED | decisions 2.4 |

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Password, Reserved};
use super::record::{DELETED, FileLayout, FixedRecord, LIVE, fixed_record};
use super::reqconf::split_types;

/// Header of SRVCONF.GLB: the server.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct SrvConfHeader {
    /// [`SrvConfHeader::MAGIC`] in our trees.
    pub magic: [u8; 4],
    /// s.Sync: last number of the master list.
    pub sync: U32,
    /// Current cycle, one more at each T2 receive.
    pub cycle: U32,
    /// Days that transactions are kept.
    pub keep_updates: U16,
    /// Bit 0 copies the administrator on outgoing mail, bit 1 forwards incoming.
    pub options: U16,
    /// Mailbox for status mail.
    pub administrator: CpField<11>,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_27: Reserved<5>,
    /// When T2 last took requests, seconds since 1970 UTC.
    pub last_receive: U32,
    /// When T2 last answered.
    pub last_transmit: U32,
    /// When the master list was last purged.
    pub last_purge: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_44: Reserved<980>,
}
fixed_record!(SrvConfHeader, "SRVCONF header", 1024, "Q77926 Q148705 Q96060", {
    magic: 0,
    sync: 4,
    cycle: 8,
    keep_updates: 12,
    options: 14,
    administrator: 16,
    reserved_27: 27,
    last_receive: 32,
    last_transmit: 36,
    last_purge: 40,
    reserved_44: 44,
});

/// SRVCONF.GLB: one requestor.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct SrvConfRecord {
    /// 01 live, 00 deleted.
    pub state: u8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_1: Reserved<1>,
    /// Address type of the requestor.
    pub type_name: CpField<8>,
    /// Network of the requestor.
    pub network: CpField<11>,
    /// Postoffice of the requestor.
    pub postoffice: CpField<11>,
    /// Mailbox that replies go to.
    pub mailbox: CpField<11>,
    /// Password of the requestor; when empty any is accepted.
    pub password: Password,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_59: Reserved<5>,
    /// `s[r].R`: last number taken from the requestor.
    pub req_sync: U32,
    /// `s[r].S`: last number sent to it.
    pub srv_sync: U32,
    /// Last number it has confirmed.
    pub conf_sync: U32,
    /// `s[r].I`: number of its last import.
    pub imp_sync: U32,
    /// Cycle in which it was last heard.
    pub last_cycle: U32,
    /// When it was last heard, seconds since 1970 UTC.
    pub last_update: U32,
    /// Lowest number asked for since the last transmit.
    pub ask_sync: U32,
    /// Limit of the request in units of 1,024 bytes.
    pub ask_limit_kb: U32,
    /// What was asked for, bits of [`ask`].
    pub ask: U16,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_98: Reserved<2>,
    /// Address types of the request, separated by `|`.
    pub ask_types: CpField<128>,
    /// Agent only; bit 20h is compression.
    pub dxa_flags: U32,
    /// Agent only; name of the remote requestor.
    pub object_name: CpField<65>,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_297: Reserved<727>,
}
fixed_record!(SrvConfRecord, "SRVCONF record", 1024, "Q77926 Q148705 Q96060", {
    state: 0,
    reserved_1: 1,
    type_name: 2,
    network: 10,
    postoffice: 21,
    mailbox: 32,
    password: 43,
    reserved_59: 59,
    req_sync: 64,
    srv_sync: 68,
    conf_sync: 72,
    imp_sync: 76,
    last_cycle: 80,
    last_update: 84,
    ask_sync: 88,
    ask_limit_kb: 92,
    ask: 96,
    reserved_98: 98,
    ask_types: 100,
    dxa_flags: 228,
    object_name: 232,
    reserved_297: 297,
});

/// GLB/SRVCONF.GLB.
pub const SRVCONF: FileLayout<SrvConfHeader, SrvConfRecord> = FileLayout::new("GLB/SRVCONF.GLB");

/// Bits of [`SrvConfRecord::ask`] (ASSIGNED, decisions 2.4).
pub mod ask {
    /// A request waits for an answer.
    pub const WAITING: u16 = 1;
    /// All lists are wanted.
    pub const IMPORT: u16 = 2;
    /// Template data is wanted.
    pub const TEMPLATES: u16 = 4;
    /// Transactions as text in the body.
    pub const IN_BODY: u16 = 8;
    /// Transactions as text in an attachment.
    pub const IN_ATTACHMENT: u16 = 16;
    /// No transactions are wanted.
    pub const NO_UPDATES: u16 = 32;
}

impl SrvConfHeader {
    /// The magic of our trees (ASSIGNED).
    pub const MAGIC: [u8; 4] = *b"SVC1";
    /// Days that transactions are kept unless the administrator says otherwise (DEC-048).
    pub const KEEP_UPDATES_DAYS: u16 = 14;

    /// The header of a server that was just switched on. Status mail goes to `Admin`.
    #[must_use]
    pub fn fresh() -> Self {
        let mut header = Self::zeroed();
        header.magic = Self::MAGIC;
        header.keep_updates.set(Self::KEEP_UPDATES_DAYS);
        header.administrator = CpField::from_bytes(b"Admin").unwrap_or_default();
        header
    }

    /// Whether the fields may be read; without the magic only the lengths are known.
    #[must_use]
    pub fn has_magic(&self) -> bool {
        self.magic == Self::MAGIC
    }
}

impl SrvConfRecord {
    /// Bit of [`Self::dxa_flags`]: mail is compressed (DOCUMENTED).
    pub const DXA_COMPRESS: u32 = 0x20;

    /// Whether the record is in use.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == LIVE
    }

    /// Whether the requestor may sign on with `password`: any when none is set, else exactly the
    /// one.
    #[must_use]
    pub fn accepts(&self, password: &[u8]) -> bool {
        self.password.is_empty() || self.password.text() == password
    }

    /// Whether all of these bits of [`ask`] are set.
    #[must_use]
    pub fn asks(&self, bits: u16) -> bool {
        self.ask.get() & bits == bits
    }

    /// The address types of the request.
    pub fn asked_types(&self) -> impl Iterator<Item = &[u8]> {
        split_types(&self.ask_types)
    }
}

/// The index of the live requestor with this network and postoffice, without regard to case.
#[must_use]
pub fn find(records: &[SrvConfRecord], network: &[u8], postoffice: &[u8]) -> Option<usize> {
    records.iter().position(|record| {
        record.is_live()
            && record.network.eq_ignore_case(network)
            && record.postoffice.eq_ignore_case(postoffice)
    })
}

/// The index where a new requestor goes: the first deleted record, else behind the last.
#[must_use]
pub fn free_index(records: &[SrvConfRecord]) -> usize {
    records
        .iter()
        .position(|record| record.state == DELETED)
        .unwrap_or(records.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn requestor(postoffice: &[u8]) -> SrvConfRecord {
        let mut record = SrvConfRecord::zeroed();
        record.state = LIVE;
        record.network = CpField::from_bytes(b"NET").unwrap();
        record.postoffice = CpField::from_bytes(postoffice).unwrap();
        record
    }

    // rule: pof:R-DSY-006
    #[test]
    fn each_requestor_adds_1024_bytes() {
        let bytes = SRVCONF.build(&SrvConfHeader::fresh(), &[requestor(b"R1")]);
        assert_eq!(bytes.len(), 2048);
        let view = SRVCONF.view(&bytes).unwrap();
        assert_eq!(view.header.keep_updates.get(), 14);
        assert_eq!(view.header.administrator.text(), b"Admin");
        assert_eq!(view.records[0].postoffice.text(), b"R1");
    }

    // rule: dec:2.4
    #[test]
    fn requestors_are_found_and_their_records_used_again() {
        let mut records = vec![requestor(b"R1"), requestor(b"R2")];
        assert_eq!(find(&records, b"net", b"r2"), Some(1));
        assert_eq!(free_index(&records), 2);
        records[0].state = DELETED;
        assert_eq!(find(&records, b"NET", b"R1"), None);
        assert_eq!(free_index(&records), 0);
    }

    // rule: dec:2.4
    #[test]
    fn an_empty_password_accepts_any_and_another_only_itself() {
        let mut record = requestor(b"R1");
        assert!(record.accepts(b"x") && record.accepts(b""));
        record.password = Password::from_bytes(b"Secret").unwrap();
        assert!(record.accepts(b"Secret"));
        assert!(!record.accepts(b"SECRET") && !record.accepts(b""));
        assert!(!format!("{record:?}").contains("Secret"));
    }

    proptest! {
        // rule: dec:2.4
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..3500), ask: u16) {
            let Ok(view) = SRVCONF.view(&bytes) else {
                prop_assert!(bytes.len() < 1024);
                return Ok(());
            };
            let mut again = SRVCONF.build(view.header, view.records);
            again.extend_from_slice(view.trailing);
            prop_assert_eq!(&again, &bytes);
            for record in view.records {
                let _ = (record.asked_types().count(), record.asks(ask), record.accepts(b"x"));
            }
            let _ = find(view.records, b"NET", b"PO");
            prop_assert!(free_index(view.records) <= view.records.len());
        }
    }
}
