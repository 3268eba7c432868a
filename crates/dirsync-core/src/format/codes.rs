//! The codes that stand for kinds of networks and kinds of addresses in fixed records.
//!
//! 10h and 64h in NETWORK.GLB are printed (Q148666, Q103820); the other codes are ours
//! (decisions 2.5 and 2.11). A code that is not known is kept and shown as a number.

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// Every kind, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind of a code; `None` when the code is not known.
            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The code.
            #[must_use]
            pub fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The name as it stands in addresses and messages, in upper case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Kind of an address: `address_type` of NME and NETPO records (ASSIGNED, decisions 2.5).
    AddressCode {
        /// A postoffice of Microsoft Mail for PC Networks.
        Pcm = 0, "PCM";
        /// A postoffice behind the file format program interface.
        Csi = 1, "CSI";
        /// IBM SNADS.
        Snads = 2, "SNADS";
        /// IBM PROFS.
        Profs = 3, "PROFS";
        /// IBM OfficeVision.
        Ov = 4, "OV";
        /// Internet mail.
        Smtp = 16, "SMTP";
        /// X.400.
        X400 = 17, "X400";
        /// Message Handling System of NetWare.
        Mhs = 18, "MHS";
        /// Fax.
        Fax = 19, "FAX";
        /// MCI Mail.
        Mci = 20, "MCI";
        /// Microsoft Mail for AppleTalk Networks.
        MsMail = 21, "MSMAIL";
        /// 3+Mail of 3Com.
        ThreeCom = 22, "3COM";
    }
}

codes! {
    /// Kind of a network or gateway: `kind` of NETWORK records (decisions 2.11).
    NetworkType {
        /// A network of postoffices (ASSIGNED, DEC-125).
        Network = 0x01, "PCM";
        /// Gateway to Microsoft Mail for AppleTalk Networks (DOCUMENTED, Q148666).
        MsMail = 0x10, "MSMAIL";
        /// Internet mail.
        Smtp = 0x20, "SMTP";
        /// X.400.
        X400 = 0x21, "X400";
        /// Message Handling System of NetWare.
        Mhs = 0x22, "MHS";
        /// Fax.
        Fax = 0x23, "FAX";
        /// MCI Mail.
        Mci = 0x24, "MCI";
        /// 3+Mail of 3Com.
        ThreeCom = 0x25, "3COM";
        /// IBM SNADS.
        Snads = 0x30, "SNADS";
        /// IBM PROFS.
        Profs = 0x31, "PROFS";
        /// IBM OfficeVision.
        Ov = 0x32, "OV";
        /// A gateway on the file format program interface (DOCUMENTED, Q148666).
        Ffapi = 0x64, "CSI";
    }
}

impl AddressCode {
    /// Whether addresses are network/postoffice/mailbox of up to 10 characters each, with XTN and
    /// USR files; the others are free text in `<TYPE>.GLB` (Q118321).
    #[must_use]
    pub fn is_three_part(self) -> bool {
        matches!(
            self,
            Self::Pcm | Self::Csi | Self::Snads | Self::Profs | Self::Ov
        )
    }
}

impl NetworkType {
    /// The kind of the addresses that lie in this network or behind this gateway.
    #[must_use]
    pub fn address_code(self) -> AddressCode {
        match self {
            Self::Network => AddressCode::Pcm,
            Self::MsMail => AddressCode::MsMail,
            Self::Smtp => AddressCode::Smtp,
            Self::X400 => AddressCode::X400,
            Self::Mhs => AddressCode::Mhs,
            Self::Fax => AddressCode::Fax,
            Self::Mci => AddressCode::Mci,
            Self::ThreeCom => AddressCode::ThreeCom,
            Self::Snads => AddressCode::Snads,
            Self::Profs => AddressCode::Profs,
            Self::Ov => AddressCode::Ov,
            Self::Ffapi => AddressCode::Csi,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dec:2.5
    // rule: dec:DEC-125
    #[test]
    fn every_code_names_one_kind() {
        for code in 0..=255 {
            if let Some(kind) = AddressCode::from_code(code) {
                assert_eq!(kind.code(), code);
            }
            if let Some(kind) = NetworkType::from_code(code) {
                assert_eq!(kind.code(), code);
                assert_eq!(kind.address_code().name(), kind.name());
            }
        }
        assert_eq!(AddressCode::ALL.len(), 12);
        assert_eq!(NetworkType::ALL.len(), 12);
        assert_eq!(NetworkType::from_code(0x64), Some(NetworkType::Ffapi));
        assert_eq!(NetworkType::from_code(0x00), None);
    }

    // rule: pof:R-NET-004
    #[test]
    fn gateways_with_nodes_have_addresses_of_three_parts() {
        let three: Vec<_> = AddressCode::ALL
            .iter()
            .filter(|kind| kind.is_three_part())
            .map(|kind| kind.name())
            .collect();
        assert_eq!(three, ["PCM", "CSI", "SNADS", "PROFS", "OV"]);
    }
}
