//! REQCONF.GLB: what a requestor knows about itself and its server.
//!
//! 512 bytes (Q77926). The fields are printed, mostly as columns of the lister (Q96060, Q119449,
//! Q140462, Q112301); their places are ours (decisions 2.3). q.R, q.S and q.I are the three numbers of
//! a requestor.
//!
//! `ReqConfRecord`, 512 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | magic | ASSIGNED | decisions 2.3 |
//! | 4 | 4 | req_sync | ASSIGNED | decisions 2.3, Q119449 |
//! | 8 | 4 | srv_sync | ASSIGNED | decisions 2.3, Q119449 |
//! | 12 | 4 | imp_sync | ASSIGNED | decisions 2.3, Q119449 |
//! | 16 | 4 | ptr_srvtrans | ASSIGNED | decisions 2.3, Q140462 |
//! | 20 | 4 | ptr_usrtrans | ASSIGNED | decisions 2.3, Q112301 |
//! | 24 | 4 | ptr_gwtrans | ASSIGNED | decisions 2.3, Q112301 |
//! | 28 | 4 | ptr_nmetrans | ASSIGNED | decisions 2.3, Q112301 |
//! | 32 | 4 | last_export | ASSIGNED | decisions 2.3, Q131681 |
//! | 36 | 4 | last_import | ASSIGNED | decisions 2.3, Q131681 |
//! | 40 | 4 | limit_kb | ASSIGNED | decisions 2.3 |
//! | 44 | 2 | options | ASSIGNED | decisions 2.3 |
//! | 46 | 2 | reserved_46 | ASSIGNED | decisions 2.3 |
//! | 48 | 8 | srv_type | ASSIGNED | decisions 2.3 |
//! | 56 | 11 | srv_network | ASSIGNED | decisions 2.3, Q119017 |
//! | 67 | 11 | srv_postoffice | ASSIGNED | decisions 2.3, Q119017 |
//! | 78 | 11 | srv_mailbox | ASSIGNED | decisions 2.3 |
//! | 89 | 16 | password | ASSIGNED | decisions 2.3 |
//! | 105 | 7 | reserved_105 | ASSIGNED | decisions 2.3 |
//! | 112 | 128 | types | ASSIGNED | decisions 2.3 |
//! | 240 | 4 | last_sent | ASSIGNED | decisions 2.3 |
//! | 244 | 4 | last_t1 | ASSIGNED | decisions 2.3 |
//! | 248 | 4 | last_t3 | ASSIGNED | decisions 2.3 |
//! | 252 | 260 | reserved_252 | ASSIGNED | decisions 2.3 |

use zerocopy::little_endian::{I32, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Password, Reserved};
use super::record::{FixedRecord, fixed_record};

/// REQCONF.GLB.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct ReqConfRecord {
    /// [`ReqConfRecord::MAGIC`] in our trees.
    pub magic: [u8; 4],
    /// q.R: last number the server has confirmed.
    pub req_sync: U32,
    /// q.S: last number of the server applied here.
    pub srv_sync: U32,
    /// q.I: number of the last import.
    pub imp_sync: U32,
    /// Byte offset in SRVTRANS.GLB, −1 when no run is in progress.
    pub ptr_srvtrans: I32,
    /// Byte offset in USRTRANS.GLB, −1 when no run is in progress.
    pub ptr_usrtrans: I32,
    /// Byte offset in GWTRANS.GLB, −1 when no run is in progress.
    pub ptr_gwtrans: I32,
    /// Byte offset in NMETRANS.GLB, −1 when no run is in progress.
    pub ptr_nmetrans: I32,
    /// When Export was last asked for, seconds since 1970 UTC, 0 never.
    pub last_export: U32,
    /// When Import was last asked for.
    pub last_import: U32,
    /// Largest answer in units of 1,024 bytes, 0 none.
    pub limit_kb: U32,
    /// Bits of [`req_options`].
    pub options: U16,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_46: Reserved<2>,
    /// Address type of the directory server.
    pub srv_type: CpField<8>,
    /// Network of the directory server.
    pub srv_network: CpField<11>,
    /// Postoffice of the directory server.
    pub srv_postoffice: CpField<11>,
    /// Mailbox there that takes requests.
    pub srv_mailbox: CpField<11>,
    /// Password the server knows this requestor by.
    pub password: Password,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_105: Reserved<7>,
    /// Address types wanted, separated by `|`.
    pub types: CpField<128>,
    /// Highest number put into a request.
    pub last_sent: U32,
    /// When T1 last ran.
    pub last_t1: U32,
    /// When T3 last ran.
    pub last_t3: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_252: Reserved<260>,
}
fixed_record!(ReqConfRecord, "REQCONF record", 512, "Q77926 Q119449 Q140462 Q112301", {
    magic: 0,
    req_sync: 4,
    srv_sync: 8,
    imp_sync: 12,
    ptr_srvtrans: 16,
    ptr_usrtrans: 20,
    ptr_gwtrans: 24,
    ptr_nmetrans: 28,
    last_export: 32,
    last_import: 36,
    limit_kb: 40,
    options: 44,
    reserved_46: 46,
    srv_type: 48,
    srv_network: 56,
    srv_postoffice: 67,
    srv_mailbox: 78,
    password: 89,
    reserved_105: 105,
    types: 112,
    last_sent: 240,
    last_t1: 244,
    last_t3: 248,
    reserved_252: 252,
});

/// Bits of [`ReqConfRecord::options`] (ASSIGNED, decisions 2.3).
pub mod req_options {
    /// A server was named.
    pub const REGISTERED: u16 = 1;
    /// Send template data.
    pub const SEND_TEMPLATES: u16 = 2;
    /// Ask for template data.
    pub const RECEIVE_TEMPLATES: u16 = 4;
    /// Make postoffices that are not known here.
    pub const CREATE_POSTOFFICES: u16 = 8;
    /// Rebuild the Global Address List after an import.
    pub const REBUILD: u16 = 16;
    /// RESYNC.GLB was applied and the server has not answered since (DEC-041).
    pub const RESYNC: u16 = 32;
    /// Send changes only, take none.
    pub const NO_UPDATES: u16 = 64;
}

impl ReqConfRecord {
    /// The magic of our trees (ASSIGNED).
    pub const MAGIC: [u8; 4] = *b"RQC1";
    /// Value of the four pointers when no run is in progress (DOCUMENTED, Q140462).
    pub const NO_RUN: i32 = -1;

    /// The file of a fresh postoffice.
    #[must_use]
    pub fn fresh() -> Self {
        let mut record = Self::zeroed();
        record.magic = Self::MAGIC;
        record.clear_pointers();
        record
            .options
            .set(req_options::CREATE_POSTOFFICES | req_options::REBUILD);
        record.srv_type = short(b"PCM");
        record.srv_mailbox = short(b"$SYSTEM");
        record.types = short(b"PCM");
        record
    }

    /// Notes that no run is in progress.
    pub fn clear_pointers(&mut self) {
        self.ptr_srvtrans.set(Self::NO_RUN);
        self.ptr_usrtrans.set(Self::NO_RUN);
        self.ptr_gwtrans.set(Self::NO_RUN);
        self.ptr_nmetrans.set(Self::NO_RUN);
    }

    /// Whether the fields may be read; without the magic only the length is known.
    #[must_use]
    pub fn has_magic(&self) -> bool {
        self.magic == Self::MAGIC
    }

    /// Whether all of these bits of [`req_options`] are set.
    #[must_use]
    pub fn has(&self, options: u16) -> bool {
        self.options.get() & options == options
    }

    /// Sets or clears bits of [`req_options`].
    pub fn set(&mut self, options: u16, on: bool) {
        let old = self.options.get();
        self.options
            .set(if on { old | options } else { old & !options });
    }

    /// The address types wanted.
    pub fn wanted_types(&self) -> impl Iterator<Item = &[u8]> {
        split_types(&self.types)
    }
}

/// The names of a list of address types separated by `|`.
pub fn split_types<const N: usize>(types: &CpField<N>) -> impl Iterator<Item = &[u8]> {
    let names = types.text().split(|&byte| byte == b'|');
    names
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
}

/// A short constant text; empty if it did not fit, which the tests of its users would show.
fn short<const N: usize>(text: &[u8]) -> CpField<N> {
    CpField::from_bytes(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // rule: dec:2.3
    // rule: pof:R-DSY-005
    #[test]
    fn a_fresh_file_has_no_server_and_no_run_in_progress() {
        let bytes = ReqConfRecord::fresh().encode();
        assert_eq!(&bytes[..4], b"RQC1");
        assert_eq!(bytes[4..16], [0; 12]);
        assert_eq!(bytes[16..32], [0xFF; 16]);
        assert_eq!(bytes[44..46], [0x18, 0]);
        assert_eq!(&bytes[48..56], b"PCM\0\0\0\0\0");
        assert_eq!(&bytes[78..89], b"$SYSTEM\0\0\0\0");
        assert_eq!(&bytes[112..116], b"PCM\0");
        assert_eq!(
            bytes.iter().filter(|&&byte| byte != 0).count(),
            4 + 16 + 1 + 3 + 7 + 3
        );
    }

    // rule: dec:2.3
    #[test]
    fn options_and_types_are_read() {
        let mut record = ReqConfRecord::fresh();
        record.set(req_options::RESYNC | req_options::REGISTERED, true);
        record.set(req_options::REBUILD, false);
        assert_eq!(record.options.get(), 0b10_1001);
        assert!(record.has(req_options::RESYNC) && !record.has(req_options::REBUILD));
        record.types = CpField::from_bytes(b"PCM| SMTP||X400").unwrap();
        let types: Vec<_> = record.wanted_types().collect();
        assert_eq!(types, [&b"PCM"[..], b"SMTP", b"X400"]);
    }

    proptest! {
        // rule: dec:2.3
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 512)) {
            let mut record = ReqConfRecord::decode(&bytes).unwrap();
            prop_assert_eq!(record.encode(), bytes.clone());
            let _ = record.wanted_types().count();
            record.clear_pointers();
            let after = record.encode();
            prop_assert_eq!(&after[..16], &bytes[..16]);
            prop_assert_eq!(&after[32..], &bytes[32..]);
        }
    }
}
