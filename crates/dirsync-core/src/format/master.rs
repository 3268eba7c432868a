//! MASTER.GLB: identity and feature flags of a postoffice.
//!
//! One record. The places of the gateway bits and of enhanced security are printed (Q148666, Q104586);
//! that the other fields exist is printed too (Q85058, Q128358, Q132560, Q131423, Q244485), their
//! places are ours and hold only in trees with our LAYOUT.TXT. The published size is 176 (Q77926).
//!
//! `MasterRecord`, 176 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 4 | magic | ASSIGNED | decisions 2.10 |
//! | 4 | 2 | version | ASSIGNED | decisions 2.10, Q128358 |
//! | 6 | 1 | kind | ASSIGNED | decisions 2.10, Q132560 |
//! | 7 | 1 | os | ASSIGNED | decisions 2.10, Q85058 |
//! | 8 | 11 | network | ASSIGNED | decisions 2.10, Q118932 |
//! | 19 | 11 | postoffice | ASSIGNED | decisions 2.10, Q118932 |
//! | 30 | 12 | serial | ASSIGNED | decisions 2.10, Q132560 |
//! | 42 | 1 | gal_enabled | ASSIGNED | decisions 2.10, Q86375 |
//! | 43 | 1 | dirsync_server | ASSIGNED | decisions 2.10, Q131423 |
//! | 44 | 1 | hop_limit | ASSIGNED | decisions 2.10, Q244485 |
//! | 45 | 1 | reserved_45 | ASSIGNED | decisions 2.10 |
//! | 46 | 16 | signon_password | ASSIGNED | decisions 2.10, Q130322 |
//! | 62 | 4 | created | ASSIGNED | decisions 2.10 |
//! | 66 | 81 | reserved_66 | ASSIGNED | decisions 2.10 |
//! | 147 | 1 | gateways | DOCUMENTED | Q148666 |
//! | 148 | 1 | enhanced_security | DOCUMENTED | Q104586 |
//! | 149 | 27 | reserved_149 | ASSIGNED | decisions 2.10 |

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::field::{CpField, Password, Reserved};
use super::record::fixed_record;

/// MASTER.GLB: who a postoffice is.
#[derive(FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct MasterRecord {
    /// [`MasterRecord::MAGIC`] in our trees.
    pub magic: [u8; 4],
    /// Version of the postoffice, high byte major: 0305h is 3.5.
    pub version: U16,
    /// 1 internetwork, 0 single (a workgroup postoffice).
    pub kind: u8,
    /// Network operating system: 1 LAN Manager compatible, 2 Novell.
    pub os: u8,
    /// Network name, up to 10 characters.
    pub network: CpField<11>,
    /// Postoffice name, up to 10 characters.
    pub postoffice: CpField<11>,
    /// Serial number `nnnn-nnnnn`.
    pub serial: CpField<12>,
    /// 1 when clients use the Global Address List; 0 at creation.
    pub gal_enabled: u8,
    /// 1 on the directory server.
    pub dirsync_server: u8,
    /// Postoffices a message may pass; 10.
    pub hop_limit: u8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_45: Reserved<1>,
    /// Password other postoffices' transfer programs sign on with.
    pub signon_password: Password,
    /// When the postoffice was made, seconds since 1970 UTC.
    pub created: U32,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_66: Reserved<81>,
    /// Installed gateways; bit 10h is the MSMAIL gateway.
    pub gateways: u8,
    /// 01 on, 00 off.
    pub enhanced_security: u8,
    /// Unknown or unused; zero when created, kept when rewritten.
    reserved_149: Reserved<27>,
}
fixed_record!(MasterRecord, "MASTER record", 176, "Q77926 Q141399 Q148666 Q104586", {
    magic: 0,
    version: 4,
    kind: 6,
    os: 7,
    network: 8,
    postoffice: 19,
    serial: 30,
    gal_enabled: 42,
    dirsync_server: 43,
    hop_limit: 44,
    reserved_45: 45,
    signon_password: 46,
    created: 62,
    reserved_66: 66,
    gateways: 147,
    enhanced_security: 148,
    reserved_149: 149,
});

impl MasterRecord {
    /// The magic of our trees (ASSIGNED).
    pub const MAGIC: [u8; 4] = *b"MST1";
    /// Version 3.5.
    pub const VERSION_3_5: u16 = 0x0305;
    /// Bit of [`Self::gateways`]: the MSMAIL gateway is installed (Q148666).
    pub const GATEWAY_MSMAIL: u8 = 0x10;

    /// Whether the fields whose places are ours may be read.
    #[must_use]
    pub fn has_magic(&self) -> bool {
        self.magic == Self::MAGIC
    }

    /// Whether the MSMAIL gateway is installed (Q148666); a place that is valid in foreign trees.
    #[must_use]
    pub fn has_msmail_gateway(&self) -> bool {
        self.gateways & Self::GATEWAY_MSMAIL != 0
    }

    /// Marks the MSMAIL gateway as installed or removed; the other bits stay.
    pub fn set_msmail_gateway(&mut self, installed: bool) {
        if installed {
            self.gateways |= Self::GATEWAY_MSMAIL;
        } else {
            self.gateways &= !Self::GATEWAY_MSMAIL;
        }
    }

    /// Whether the postoffice takes part in an internetwork; only such ones exchange mail
    /// (Q132560).
    #[must_use]
    pub fn is_internetwork(&self) -> bool {
        self.kind == 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::record::FixedRecord;

    // rule: pof:R-MST-001
    #[test]
    fn the_gateway_bit_goes_from_71_to_61() {
        let mut bytes = [0u8; 176];
        bytes[0x93] = 0x71;
        bytes[0x94] = 1;
        let mut master = MasterRecord::decode(&bytes).unwrap();
        assert!(master.has_msmail_gateway());
        assert_eq!(master.enhanced_security, 1);
        master.set_msmail_gateway(false);
        bytes[0x93] = 0x61;
        assert_eq!(master.encode(), bytes);
        master.set_msmail_gateway(true);
        assert_eq!(master.gateways, 0x71);
        assert!(!master.has_magic());
    }

    proptest! {
        // rule: dec:2.10
        // rule: pof:D-03
        #[test]
        fn bytes_of_unknown_meaning_survive(bytes in proptest::collection::vec(any::<u8>(), 176)) {
            let mut master = MasterRecord::decode(&bytes).unwrap();
            master.gal_enabled = 1;
            let mut wanted = bytes;
            wanted[42] = 1;
            prop_assert_eq!(master.encode(), wanted);
        }
    }
}
