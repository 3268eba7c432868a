//! Address types: their names in transactions, their codes in records, their two classes.
//!
//! Codes ASSIGNED (decisions.md 2.5); names DOCUMENTED (Q96001, Q94410). PCM, CSI, SNADS, PROFS
//! and OV name a place in three parts of up to 10 bytes; all others are free-form (imp R-ADR-001).

use std::fmt;

use super::fault::Fault;

/// A type of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum AddressType {
    /// A mailbox of a postoffice.
    Pcm = 0,
    /// The same reached through FFAPI; only in records, see [`AddressType::class`].
    Csi = 1,
    /// SNADS gateway: gateway/DGN/DEN.
    Snads = 2,
    /// PROFS gateway: gateway/node/userid.
    Profs = 3,
    /// OfficeVision/VM gateway: gateway/node/userid.
    Ov = 4,
    /// SMTP gateway, also used for AT&T.
    Smtp = 16,
    /// X.400 gateway.
    X400 = 17,
    /// MHS gateway.
    Mhs = 18,
    /// FAX gateway.
    Fax = 19,
    /// MCI gateway.
    Mci = 20,
    /// AppleTalk mail through the Connection.
    Msmail = 21,
    /// 3Com gateway.
    ThreeCom = 22,
}

impl AddressType {
    /// All types, by code.
    pub const ALL: [Self; 12] = [
        Self::Pcm,
        Self::Csi,
        Self::Snads,
        Self::Profs,
        Self::Ov,
        Self::Smtp,
        Self::X400,
        Self::Mhs,
        Self::Fax,
        Self::Mci,
        Self::Msmail,
        Self::ThreeCom,
    ];

    /// The code in NME, NETPO and GALNETPO records.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The type of a code; `None` for a code nobody assigned.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name in transactions, upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcm => "PCM",
            Self::Csi => "CSI",
            Self::Snads => "SNADS",
            Self::Profs => "PROFS",
            Self::Ov => "OV",
            Self::Smtp => "SMTP",
            Self::X400 => "X400",
            Self::Mhs => "MHS",
            Self::Fax => "FAX",
            Self::Mci => "MCI",
            Self::Msmail => "MSMAIL",
            Self::ThreeCom => "3COM",
        }
    }

    /// The type that decides where an entry belongs: CSI counts as PCM (DEC-022).
    #[must_use]
    pub fn class(self) -> Self {
        if self == Self::Csi { Self::Pcm } else { self }
    }

    /// Whether addresses have three parts of up to 10 bytes; these types alone have templates
    /// (imp R-ADR-002).
    #[must_use]
    pub fn is_three_part(self) -> bool {
        matches!(
            self,
            Self::Pcm | Self::Csi | Self::Snads | Self::Profs | Self::Ov
        )
    }

    /// The longest free-form address in bytes (ASSIGNED, decisions.md 4); 32 (three parts and two
    /// slashes) for three-part types.
    #[must_use]
    pub fn max_physical_bytes(self) -> usize {
        match self {
            Self::Smtp | Self::Mhs | Self::Msmail | Self::ThreeCom => 255,
            Self::X400 | Self::Mci | Self::Fax => 512,
            _ => 32,
        }
    }

    /// Reads a type name in any case, with how it was spelled (DEC-021, DEC-022, DEC-023).
    ///
    /// # Errors
    /// [`Fault::UnknownType`].
    pub fn parse(name: &[u8]) -> Result<(Self, Spelling), Fault> {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if name.is_empty() {
            return Ok((Self::Pcm, Spelling::Omitted));
        }
        if is("CSI") {
            return Ok((Self::Pcm, Spelling::Csi));
        }
        if is("MS") {
            return Ok((Self::Pcm, Spelling::Ms));
        }
        if is("MSA") {
            return Ok((Self::Msmail, Spelling::Usual));
        }
        Self::ALL
            .into_iter()
            .find(|kind| is(kind.name()))
            .map(|kind| (kind, Spelling::Usual))
            .ok_or(Fault::UnknownType)
    }
}

impl fmt::Display for AddressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the type of an address of class PCM was written. Kept because `--to-dirsync` passes the
/// spelling of the file on (DEC-022); it never changes what an address means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Spelling {
    /// By the name of the type.
    #[default]
    Usual,
    /// Not at all.
    Omitted,
    /// `CSI`.
    Csi,
    /// `MS`, as Windows clients and the agent say.
    Ms,
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dec:2.5
    #[test]
    fn codes_are_those_assigned() {
        let codes: Vec<_> = AddressType::ALL
            .into_iter()
            .map(|kind| (kind.code(), kind.name()))
            .collect();
        assert_eq!(
            codes,
            [
                (0, "PCM"),
                (1, "CSI"),
                (2, "SNADS"),
                (3, "PROFS"),
                (4, "OV"),
                (16, "SMTP"),
                (17, "X400"),
                (18, "MHS"),
                (19, "FAX"),
                (20, "MCI"),
                (21, "MSMAIL"),
                (22, "3COM"),
            ]
        );
        for code in 0..=u8::MAX {
            if let Some(kind) = AddressType::from_code(code) {
                assert_eq!(kind.code(), code);
            } else {
                assert!(!codes.iter().any(|(known, _)| *known == code));
            }
        }
    }

    // rule: dec:DEC-021
    // rule: dec:DEC-022
    // rule: dec:DEC-023
    #[test]
    fn names_are_read_in_any_case_and_spelling() {
        use AddressType as T;
        for (name, expected) in [
            ("PCM", (T::Pcm, Spelling::Usual)),
            ("pcm", (T::Pcm, Spelling::Usual)),
            ("", (T::Pcm, Spelling::Omitted)),
            ("Csi", (T::Pcm, Spelling::Csi)),
            ("MS", (T::Pcm, Spelling::Ms)),
            ("MSA", (T::Msmail, Spelling::Usual)),
            ("snads", (T::Snads, Spelling::Usual)),
            ("3com", (T::ThreeCom, Spelling::Usual)),
        ] {
            assert_eq!(T::parse(name.as_bytes()), Ok(expected), "{name}");
        }
        assert_eq!(T::parse(b"XYZ"), Err(Fault::UnknownType));
        assert_eq!(T::parse(b"PCM "), Err(Fault::UnknownType));
        assert_eq!(T::Csi.class(), T::Pcm);
    }
}
