//! Names: of postoffices (network and postoffice), of mailboxes, of people (full name, alias).
//!
//! Names are held as bytes of code page 850, because every record, limit, order and comparison
//! is one of bytes; text for users and JSON is made at the edge by `Display`.
//!
//! Reading is tolerant: whatever fits the field can be held and shown. Only `check` and the
//! `new` functions of creating commands insist on the character rules of DEC-094 and DEC-095.
//! Networks, postoffices and mailboxes are equal without regard to case (Q103421); aliases are
//! compared exactly by `==` and without case by [`FullName::eq_ignore_case`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::fault::Fault;
use crate::base::codepage::{CodePage, escape_bytes_850, upper_850};
use crate::base::field::CpField;

/// Names of gateways that no network may bear (imp R-ADR-005).
pub const RESERVED_NETWORKS: [&str; 6] = ["MSMAIL", "FAX", "MCI", "X400", "SMTP", "MHS"];

fn hash_without_case<H: Hasher>(text: &[u8], state: &mut H) {
    for &byte in text {
        state.write_u8(upper_850(byte));
    }
    state.write_u8(0);
}

fn cmp_without_case(a: &[u8], b: &[u8]) -> Ordering {
    a.iter()
        .map(|&byte| upper_850(byte))
        .cmp(b.iter().map(|&byte| upper_850(byte)))
}

/// An element of a three-part address: 1-10 bytes, no NUL, no `/`, no control character.
fn element(text: &[u8], missing: Fault, bad: Fault) -> Result<CpField<11>, Fault> {
    if text.is_empty() {
        return Err(missing);
    }
    if text.len() > 10 {
        return Err(Fault::ElementTooLong);
    }
    if text.iter().any(|&byte| byte < b' ' || byte == b'/') {
        return Err(bad);
    }
    CpField::from_bytes(text).map_err(|_| bad)
}

/// A postoffice: network and postoffice name; for gateways gateway and DGN or node.
#[derive(Clone, Copy)]
pub struct PoName {
    network: CpField<11>,
    postoffice: CpField<11>,
}

impl PoName {
    /// A name from its two parts, read tolerantly: 1-10 bytes each, no `/`, no control character.
    ///
    /// # Errors
    /// 17 when a part is missing, 20 when one is too long, 69 or 70 for a character that no
    /// address can hold.
    pub fn read(network: &[u8], postoffice: &[u8]) -> Result<Self, Fault> {
        Ok(Self {
            network: element(network, Fault::NodeIncomplete, Fault::NetworkCharacter)?,
            postoffice: element(
                postoffice,
                Fault::NodeIncomplete,
                Fault::PostofficeCharacter,
            )?,
        })
    }

    /// Reads `NET/PO` tolerantly.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        let slash = text
            .iter()
            .position(|&byte| byte == b'/')
            .ok_or(Fault::NodeIncomplete)?;
        Self::read(&text[..slash], &text[slash.saturating_add(1)..])
    }

    /// A name that may be created: letters and digits only, and no gateway's name (DEC-094).
    ///
    /// # Errors
    /// As [`Self::read`] and [`Self::check`].
    pub fn new(network: &[u8], postoffice: &[u8]) -> Result<Self, Fault> {
        let name = Self::read(network, postoffice)?;
        name.check()?;
        Ok(name)
    }

    /// Whether the name may be created (DEC-094).
    ///
    /// # Errors
    /// 69 or 70 for a character that is no ASCII letter or digit, 64 for a reserved network.
    pub fn check(&self) -> Result<(), Fault> {
        if !self.network().iter().all(u8::is_ascii_alphanumeric) {
            return Err(Fault::NetworkCharacter);
        }
        if !self.postoffice().iter().all(u8::is_ascii_alphanumeric) {
            return Err(Fault::PostofficeCharacter);
        }
        if RESERVED_NETWORKS
            .iter()
            .any(|name| self.network.eq_ignore_case(name.as_bytes()))
        {
            return Err(Fault::ReservedNetwork);
        }
        Ok(())
    }

    /// The network (or gateway) as typed, in code page 850.
    #[must_use]
    pub fn network(&self) -> &[u8] {
        self.network.text()
    }

    /// The postoffice (or DGN or node) as typed, in code page 850.
    #[must_use]
    pub fn postoffice(&self) -> &[u8] {
        self.postoffice.text()
    }

    /// The network as a record field.
    #[must_use]
    pub fn network_field(&self) -> CpField<11> {
        self.network
    }

    /// The postoffice as a record field.
    #[must_use]
    pub fn postoffice_field(&self) -> CpField<11> {
        self.postoffice
    }

    /// `NET/PO` in code page 850.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.network(), b"/", self.postoffice()].concat()
    }
}

impl PartialEq for PoName {
    fn eq(&self, other: &Self) -> bool {
        // Mostly it is the same name in the same spelling.
        (self.network == other.network && self.postoffice == other.postoffice)
            || self.cmp(other).is_eq()
    }
}

impl Eq for PoName {}

impl PartialOrd for PoName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PoName {
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_without_case(self.network(), other.network())
            .then_with(|| cmp_without_case(self.postoffice(), other.postoffice()))
    }
}

impl Hash for PoName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_without_case(self.network(), state);
        hash_without_case(self.postoffice(), state);
    }
}

impl fmt::Display for PoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&CodePage::Cp850.decode(&self.to_bytes()))
    }
}

impl fmt::Debug for PoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoName({})", escape_bytes_850(&self.to_bytes()))
    }
}

impl FromStr for PoName {
    type Err = Fault;

    /// Reads `NET/PO` tolerantly, from UTF-8.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let bytes = CodePage::Cp850
            .encode(text)
            .map_err(|_| Fault::NetworkCharacter)?;
        Self::parse(&bytes)
    }
}

/// A mailbox of a postoffice, or the third part of a gateway address.
#[derive(Clone, Copy)]
pub struct MailboxName(CpField<11>);

impl MailboxName {
    /// A name read tolerantly: 1-10 bytes, no `/`, no control character.
    ///
    /// # Errors
    /// 81 when it is empty, 20 when it is too long, 71 for a character no address can hold.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        element(text, Fault::NoMailbox, Fault::MailboxCharacter).map(Self)
    }

    /// A name that may be created (DEC-095).
    ///
    /// # Errors
    /// As [`Self::read`] and [`Self::check`].
    pub fn new(text: &[u8]) -> Result<Self, Fault> {
        let name = Self::read(text)?;
        name.check()?;
        Ok(name)
    }

    /// The mailbox that dirsync mail is sent to.
    #[must_use]
    pub fn system() -> Self {
        Self(CpField::from_bytes(b"$SYSTEM").unwrap_or_default())
    }

    /// Whether the name may be created: bytes 30-39h, 41-5Ah, 61-7Ah, 80-90h, 95-FFh, or one of
    /// the system names (DEC-095, Q199676).
    ///
    /// # Errors
    /// 71.
    pub fn check(&self) -> Result<(), Fault> {
        let valid =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, 0x80..=0x90 | 0x95..);
        if self.is_special() || self.text().iter().all(valid) {
            Ok(())
        } else {
            Err(Fault::MailboxCharacter)
        }
    }

    /// Whether this is `$SYSTEM` or `*SPECIAL` (`SYSTEMn` and `POSTMASTER` are ordinary names).
    #[must_use]
    pub fn is_special(&self) -> bool {
        self.is_system() || self.0.eq_ignore_case(b"*SPECIAL")
    }

    /// Whether this is `$SYSTEM`.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0.eq_ignore_case(b"$SYSTEM")
    }

    /// The name as typed, in code page 850.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.0.text()
    }

    /// The name as a record field.
    #[must_use]
    pub fn field(&self) -> CpField<11> {
        self.0
    }
}

impl PartialEq for MailboxName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_case(other.text())
    }
}

impl Eq for MailboxName {}

impl PartialOrd for MailboxName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MailboxName {
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_without_case(self.text(), other.text())
    }
}

impl Hash for MailboxName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_without_case(self.text(), state);
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string_850())
    }
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailboxName({})", escape_bytes_850(self.text()))
    }
}

impl FromStr for MailboxName {
    type Err = Fault;

    /// Reads a name tolerantly, from UTF-8.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let bytes = CodePage::Cp850
            .encode(text)
            .map_err(|_| Fault::MailboxCharacter)?;
        Self::read(&bytes)
    }
}

/// The full name of a person, group or thing, also called alias: 1-30 bytes, the sort key of
/// every list (Q104869).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FullName(CpField<31>);

impl FullName {
    /// A name; blanks around it are not part of it (ASSIGNED: the column form cannot keep them).
    ///
    /// # Errors
    /// 46 when nothing is left, 72 for more than 30 bytes or a control character (which no
    /// transaction line could carry).
    pub fn new(text: &[u8]) -> Result<Self, Fault> {
        let text = trim_blanks(text);
        if text.is_empty() {
            return Err(Fault::NoFullName);
        }
        if text.iter().any(|&byte| byte < b' ') {
            return Err(Fault::FullNameTooLong);
        }
        CpField::from_bytes(text)
            .map(Self)
            .map_err(|_| Fault::FullNameTooLong)
    }

    /// The name in code page 850.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.0.text()
    }

    /// The name as a record field.
    #[must_use]
    pub fn field(&self) -> CpField<31> {
        self.0
    }

    /// Whether both are the same name without regard to case (DEC-017).
    #[must_use]
    pub fn eq_ignore_case(&self, other: &Self) -> bool {
        self.0.eq_ignore_case(other.text())
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string_850())
    }
}

impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FullName({:?})", escape_bytes_850(self.text()))
    }
}

impl FromStr for FullName {
    type Err = Fault;

    /// Reads a name from UTF-8; 72 as well when code page 850 cannot hold it.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let bytes = CodePage::Cp850
            .encode(text)
            .map_err(|_| Fault::FullNameTooLong)?;
        Self::new(&bytes)
    }
}

/// The text without blanks at both ends.
pub(crate) fn trim_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| byte != b' ');
    let end = text.iter().rposition(|&byte| byte != b' ');
    match (start, end) {
        (Some(start), Some(end)) => &text[start..=end],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    // rule: dec:DEC-094
    // rule: pof:D-08
    #[test]
    fn postoffices_are_compared_without_case_and_kept_as_typed() {
        let typed: PoName = "Net/pO1".parse().unwrap();
        let other: PoName = "NET/PO1".parse().unwrap();
        assert_eq!(typed, other);
        assert_eq!(typed.to_string(), "Net/pO1");
        assert_eq!(HashSet::from([typed, other]).len(), 1);
        assert!(PoName::new(b"NET", b"PO2").unwrap() > typed);
        assert_eq!(PoName::new(b"NET_1", b"PO"), Err(Fault::NetworkCharacter));
        assert_eq!(PoName::new(b"NET", b"P O"), Err(Fault::PostofficeCharacter));
        assert_eq!(PoName::new(b"Smtp", b"PO"), Err(Fault::ReservedNetwork));
        // Read and shown, never created.
        assert_eq!(
            PoName::read(b"NET_1", b"P O").unwrap().to_string(),
            "NET_1/P O"
        );
        assert_eq!(
            PoName::read(b"ELEVENCHARS", b"PO"),
            Err(Fault::ElementTooLong)
        );
        for half in ["NET", "NET/", "/PO", ""] {
            assert_eq!(half.parse::<PoName>(), Err(Fault::NodeIncomplete), "{half}");
        }
        assert_eq!("A/B/C".parse::<PoName>(), Err(Fault::PostofficeCharacter));
    }

    // rule: dec:DEC-095
    // rule: pof:R-CHR-001
    // rule: tra:R-ADM-062
    #[test]
    fn mailboxes_hold_exactly_the_valid_bytes() {
        for byte in 1..=u8::MAX {
            let invalid = matches!(byte, 1..=47 | 58..=64 | 91..=96 | 123..=127 | 145..=148);
            assert_eq!(MailboxName::new(&[byte]).is_err(), invalid, "{byte}");
        }
        for name in ["$SYSTEM", "$system", "SYSTEM1", "*SPECIAL", "POSTMASTER"] {
            assert!(
                name.parse::<MailboxName>().unwrap().check().is_ok(),
                "{name}"
            );
        }
        assert!(MailboxName::system().is_system());
        assert_eq!(MailboxName::new(b"SO.ME"), Err(Fault::MailboxCharacter));
        assert_eq!(MailboxName::read(b"SO.ME").unwrap().to_string(), "SO.ME");
        assert_eq!(MailboxName::read(b""), Err(Fault::NoMailbox));
        assert_eq!(
            MailboxName::read(b"ELEVENCHARS"),
            Err(Fault::ElementTooLong)
        );
        assert_eq!(MailboxName::read(b"a"), MailboxName::read(b"A"));
        assert_ne!(MailboxName::read(b"a"), MailboxName::read(b"AB"));
    }

    // rule: imp:R-FMT-003
    // rule: imp:R-FMT-004
    // rule: tra:R-GWY-012
    #[test]
    fn full_names_have_30_bytes_without_the_blanks_around() {
        let limit = b"able is he who knows his limit";
        assert_eq!(FullName::new(limit).unwrap().text(), limit);
        assert_eq!(
            FullName::new(b"1234567890123456789012345678901"),
            Err(Fault::FullNameTooLong)
        );
        assert_eq!(FullName::new(b"Bob     ").unwrap().text(), b"Bob");
        assert_eq!(FullName::new(b"  "), Err(Fault::NoFullName));
        assert_eq!(FullName::new(b"a\tb"), Err(Fault::FullNameTooLong));
        // The same name to DEC-017, another one to a rename.
        let (a, b) = (
            "Jörg".parse::<FullName>().unwrap(),
            "JÖRG".parse::<FullName>().unwrap(),
        );
        assert!(a.eq_ignore_case(&b));
        assert_ne!(a, b);
    }
}
