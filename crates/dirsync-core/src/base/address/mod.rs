//! Addresses of every type: parsing, comparison, text forms.
//!
//! `TYPE:NET/PO/MAILBOX` for PCM, SNADS, PROFS and OV (gateway/DGN/DEN and gateway/node/userid for
//! the last three), `TYPE:text` for the free-form types. Bytes inside are code page 850 (see
//! [`name`]); `Display` and `FromStr` speak UTF-8.
//!
//! Two addresses are equal when type class and physical address are, without regard to case and
//! to how the type was spelled (DEC-017, DEC-022); compare [`Address::to_bytes`] for exactness.

pub mod fault;
pub mod kind;
pub mod name;
pub mod physical;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

pub use fault::Fault;
pub use kind::{AddressType, Spelling};
pub(crate) use name::trim_blanks;
pub use name::{FullName, MailboxName, PoName};

use super::codepage::{CodePage, eq_ignore_case_850, escape_bytes_850, upper_850};

/// The case in which type names are written (DEC-024).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeCase {
    /// `PCM`: the postoffice tools.
    #[default]
    Upper,
    /// `pcm`: the agent.
    Lower,
    /// As the address was spelled, `CSI:` and an omitted type included (DEC-022); upper case.
    Spelled,
}

/// The part of an address behind the type.
#[derive(Debug, Clone)]
enum Physical {
    ThreePart(PoName, MailboxName),
    Free(Vec<u8>),
}

/// The address of one entry of a list.
#[derive(Clone)]
pub struct Address {
    kind: AddressType,
    spelling: Spelling,
    physical: Physical,
}

/// The list that an R or T transaction speaks of: all of a type, or those of one postoffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The type, CSI counted as PCM.
    pub kind: AddressType,
    /// The postoffice (gateway and node); `None` for a whole free-form list.
    pub node: Option<PoName>,
}

/// Splits `TYPE:rest` at the colon and skips blanks behind it (imp R-FMT-008).
///
/// Text without a known type in front of a colon has its type omitted when its first `/` stands
/// before any colon (`NET/PO/SOME`); else the type is unknown.
fn split_type(text: &[u8]) -> Result<(AddressType, Spelling, &[u8]), Fault> {
    let text = trim_blanks(text);
    let stop = text
        .iter()
        .position(|&byte| matches!(byte, b':' | b'/' | b'@'));
    match stop.map(|stop| text.split_at(stop)) {
        Some((name, [b':', rest @ ..])) => {
            let (kind, spelling) = AddressType::parse(name)?;
            Ok((kind, spelling, trim_blanks(rest)))
        }
        Some(_) => Ok((AddressType::Pcm, Spelling::Omitted, text)),
        None if text.is_empty() => Err(Fault::NoAddress),
        None => Err(Fault::NodeIncomplete),
    }
}

impl Address {
    /// An address of class PCM.
    #[must_use]
    pub fn pcm(po: PoName, mailbox: MailboxName) -> Self {
        Self {
            kind: AddressType::Pcm,
            spelling: Spelling::Usual,
            physical: Physical::ThreePart(po, mailbox),
        }
    }

    /// The address of a postoffice's dirsync mailbox.
    #[must_use]
    pub fn system(po: PoName) -> Self {
        Self::pcm(po, MailboxName::system())
    }

    /// A three-part address of any such type; CSI becomes PCM.
    ///
    /// # Errors
    /// 26 when the type is free-form.
    pub fn three_part(kind: AddressType, po: PoName, mailbox: MailboxName) -> Result<Self, Fault> {
        if !kind.is_three_part() {
            return Err(Fault::BadPhysical);
        }
        Ok(Self {
            kind: kind.class(),
            spelling: Spelling::Usual,
            physical: Physical::ThreePart(po, mailbox),
        })
    }

    /// A free-form address; blanks around it are dropped.
    ///
    /// # Errors
    /// 48 when it is empty, 25 when it is too long, 26 for a control character or a three-part type.
    pub fn free(kind: AddressType, text: &[u8]) -> Result<Self, Fault> {
        let text = trim_blanks(text);
        if kind.is_three_part() || text.iter().any(|&byte| byte < b' ') {
            return Err(Fault::BadPhysical);
        }
        if text.is_empty() {
            return Err(Fault::NoPhysical);
        }
        if text.len() > kind.max_physical_bytes() {
            return Err(Fault::PhysicalTooLong);
        }
        Ok(Self {
            kind,
            spelling: Spelling::Usual,
            physical: Physical::Free(text.to_vec()),
        })
    }

    /// Reads `[TYPE:]physical` tolerantly: whatever the formats can hold. [`Self::check`] says
    /// whether it may be imported.
    ///
    /// # Errors
    /// The numbered fault: 16-20, 25, 26, 48, 69-71, 81.
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        let (kind, spelling, rest) = split_type(text)?;
        if !kind.is_three_part() {
            return Self::free(kind, rest);
        }
        if rest.is_empty() {
            return Err(Fault::NoPhysical);
        }
        let mut parts = rest.splitn(3, |&byte| byte == b'/');
        let network = parts.next().unwrap_or_default();
        let postoffice = parts.next().ok_or(Fault::NodeIncomplete)?;
        let po = PoName::read(network, postoffice)?;
        let mailbox = MailboxName::read(parts.next().ok_or(Fault::PhysicalIncomplete)?)?;
        Ok(Self {
            kind,
            spelling,
            physical: Physical::ThreePart(po, mailbox),
        })
    }

    /// Whether IMPORT accepts the address: characters of DEC-094 and DEC-095, fields of a FAX
    /// address, form of an X.400 address.
    ///
    /// # Errors
    /// 15, 26, 64, 69-71, 74-77.
    pub fn check(&self) -> Result<(), Fault> {
        match (&self.physical, self.kind) {
            (Physical::ThreePart(po, mailbox), _) => {
                po.check()?;
                mailbox.check()
            }
            (Physical::Free(text), AddressType::Fax) => physical::check_fax(text),
            (Physical::Free(text), AddressType::X400) => physical::check_x400(text).map(|_| ()),
            (Physical::Free(_), _) => Ok(()),
        }
    }

    /// The type; never CSI, which is read as PCM (DEC-022).
    #[must_use]
    pub fn kind(&self) -> AddressType {
        self.kind
    }

    /// How the type was spelled.
    #[must_use]
    pub fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// The postoffice (gateway and node) of a three-part address.
    #[must_use]
    pub fn po(&self) -> Option<PoName> {
        match self.physical {
            Physical::ThreePart(po, _) => Some(po),
            Physical::Free(_) => None,
        }
    }

    /// The mailbox (third part) of a three-part address.
    #[must_use]
    pub fn mailbox(&self) -> Option<MailboxName> {
        match self.physical {
            Physical::ThreePart(_, mailbox) => Some(mailbox),
            Physical::Free(_) => None,
        }
    }

    /// The list the address belongs to.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope {
            kind: self.kind,
            node: self.po(),
        }
    }

    /// The part behind the type, in code page 850.
    #[must_use]
    pub fn physical(&self) -> Vec<u8> {
        match &self.physical {
            Physical::ThreePart(po, mailbox) => {
                [&po.to_bytes(), &b"/"[..], mailbox.text()].concat()
            }
            Physical::Free(text) => text.clone(),
        }
    }

    /// The part behind the type as `<TYPE>.GLB` holds it: FAX and MCI with their CRs.
    #[must_use]
    pub fn physical_record(&self) -> Vec<u8> {
        match (&self.physical, self.kind) {
            (Physical::Free(text), AddressType::Fax) => physical::fax_to_record(text),
            (Physical::Free(text), AddressType::Mci) => physical::mci_to_record(text),
            _ => self.physical(),
        }
    }

    /// The free-form address of a record of `<TYPE>.GLB`.
    ///
    /// # Errors
    /// As [`Self::free`].
    pub fn from_physical_record(kind: AddressType, record: &[u8]) -> Result<Self, Fault> {
        match kind {
            AddressType::Fax => Self::free(kind, &physical::fax_from_record(record)),
            AddressType::Mci => Self::free(kind, &physical::mci_from_record(record)),
            _ => Self::free(kind, record),
        }
    }

    /// `TYPE:physical` in code page 850, the canonical form of records: the class's name in upper
    /// case, whatever the file said.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_with(TypeCase::Upper)
    }

    /// `TYPE:physical` with the type in the given case.
    #[must_use]
    pub fn to_bytes_with(&self, case: TypeCase) -> Vec<u8> {
        if case == TypeCase::Spelled {
            return self.to_bytes_as_spelled();
        }
        with_type(self.kind.name(), case, &self.physical())
    }

    /// The address as it was spelled: `CSI:`, `MS:` or no type (DEC-022, for `--to-dirsync`).
    #[must_use]
    pub fn to_bytes_as_spelled(&self) -> Vec<u8> {
        match self.spelling {
            Spelling::Usual => self.to_bytes(),
            Spelling::Omitted => self.physical(),
            Spelling::Csi => with_type("CSI", TypeCase::Upper, &self.physical()),
            Spelling::Ms => with_type("MS", TypeCase::Upper, &self.physical()),
        }
    }
}

fn with_type(name: &str, case: TypeCase, rest: &[u8]) -> Vec<u8> {
    let name = match case {
        TypeCase::Upper | TypeCase::Spelled => name.to_owned(),
        TypeCase::Lower => name.to_ascii_lowercase(),
    };
    [name.as_bytes(), b":", rest].concat()
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match (&self.physical, &other.physical) {
                (
                    Physical::ThreePart(po, mailbox),
                    Physical::ThreePart(other_po, other_mailbox),
                ) => po == other_po && mailbox == other_mailbox,
                (Physical::Free(text), Physical::Free(other)) => eq_ignore_case_850(text, other),
                _ => false,
            }
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        match &self.physical {
            Physical::ThreePart(po, mailbox) => {
                po.hash(state);
                mailbox.hash(state);
            }
            Physical::Free(text) => {
                for &byte in text {
                    state.write_u8(upper_850(byte));
                }
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&CodePage::Cp850.decode(&self.to_bytes()))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?}", escape_bytes_850(&self.to_bytes()))?;
        if self.spelling != Spelling::Usual {
            write!(f, ", {:?}", self.spelling)?;
        }
        f.write_str(")")
    }
}

impl FromStr for Address {
    type Err = Fault;

    /// Reads `[TYPE:]physical` tolerantly from UTF-8; 26 when code page 850 cannot hold it.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let bytes = CodePage::Cp850
            .encode(text)
            .map_err(|_| Fault::BadPhysical)?;
        Self::parse(&bytes)
    }
}

impl Scope {
    /// The list of a postoffice.
    #[must_use]
    pub fn pcm(po: PoName) -> Self {
        Self {
            kind: AddressType::Pcm,
            node: Some(po),
        }
    }

    /// Reads `TYPE:`, `TYPE:NET/PO` or `NET/PO`.
    ///
    /// # Errors
    /// 16, 17, 20; 26 for a postoffice behind a free-form type. A three-part type without a
    /// postoffice is read: [`Self::check`] refuses it.
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        let (kind, _, rest) = split_type(text)?;
        let node = match (rest.is_empty(), kind.is_three_part()) {
            (true, _) => None,
            (false, true) => Some(PoName::parse(rest)?),
            (false, false) => return Err(Fault::BadPhysical),
        };
        Ok(Self { kind, node })
    }

    /// Whether the scope names a list: three-part types need a postoffice.
    ///
    /// # Errors
    /// 17.
    pub fn check(&self) -> Result<(), Fault> {
        if self.kind.is_three_part() && self.node.is_none() {
            return Err(Fault::NodeIncomplete);
        }
        Ok(())
    }

    /// `TYPE:` or `TYPE:NET/PO` in code page 850, the type in upper case.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_with(TypeCase::Upper)
    }

    /// The same with the type in the given case.
    #[must_use]
    pub fn to_bytes_with(&self, case: TypeCase) -> Vec<u8> {
        let node = self.node.map(|po| po.to_bytes()).unwrap_or_default();
        with_type(self.kind.name(), case, &node)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&CodePage::Cp850.decode(&self.to_bytes()))
    }
}

impl FromStr for Scope {
    type Err = Fault;

    /// Reads a scope from UTF-8.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let bytes = CodePage::Cp850
            .encode(text)
            .map_err(|_| Fault::BadPhysical)?;
        Self::parse(&bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests;
