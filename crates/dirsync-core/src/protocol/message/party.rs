//! Who takes part, and which address types it wants.

use std::fmt;

use crate::base::codepage::CodePage;
use crate::base::{AddressType, CpField, PoName, Scope, escape_for_terminal};
use crate::format::srvconf::SrvConfRecord;

/// A requestor or server: `PCM:NET/PO`, or the bare type of a foreign system (`SNADS:`).
///
/// Equal means equal as a whole, without regard to case. SRVMAIN 3.2 compared by prefix and took
/// the password of another record (Q125917, dsp R-PWD-004).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Party(Scope);

impl Party {
    /// A postoffice.
    #[must_use]
    pub fn postoffice(name: PoName) -> Self {
        Self(Scope::pcm(name))
    }

    /// The party of a list; `None` for a type of three parts without its postoffice.
    #[must_use]
    pub fn of_scope(scope: Scope) -> Option<Self> {
        scope.check().is_ok().then_some(Self(scope))
    }

    /// Reads `TYPE:NET/PO`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::of_scope(Scope::parse(text).ok()?)
    }

    /// The party of a record on the server; `None` when its fields are no name.
    #[must_use]
    pub fn of_record(record: &SrvConfRecord) -> Option<Self> {
        let mut text = record.type_name.text().to_vec();
        text.push(b':');
        if !record.network.is_empty() {
            text.extend_from_slice(record.network.text());
            text.push(b'/');
            text.extend_from_slice(record.postoffice.text());
        }
        Self::parse(&text)
    }

    /// Its list.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.0
    }

    /// Its postoffice.
    #[must_use]
    pub fn name(&self) -> Option<PoName> {
        self.0.node
    }

    /// `PCM:NET/PO` in code page 850.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A party as a message names it: kept as written, because the log shows it (`PCM:` in Q99268).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedParty {
    text: Vec<u8>,
    party: Option<Party>,
}

impl NamedParty {
    /// Reads the value of `reqname=` or `srvname=`.
    #[must_use]
    pub fn read(text: &[u8]) -> Self {
        Self {
            text: text.to_vec(),
            party: Party::parse(text),
        }
    }

    /// The party, when the text names one.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        self.party
    }

    /// Whether the message named nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl fmt::Display for NamedParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&escape_for_terminal(&CodePage::Cp850.decode(&self.text)))
    }
}

/// The address types a requestor wants, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeList(Vec<AddressType>);

impl Default for TypeList {
    /// `PCM`, which is on in every postoffice (Q96060).
    fn default() -> Self {
        Self(vec![AddressType::Pcm])
    }
}

impl TypeList {
    /// Reads `PCM|CSI|profs` in any case (dsp R-TYP-001, R-TYP-002). CSI and MS are PCM (DEC-022),
    /// names nobody knows are passed over, nothing at all is `PCM`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        if text.trim_ascii().is_empty() {
            return Self::default();
        }
        let mut types: Vec<AddressType> = Vec::new();
        for name in text.split(|byte| matches!(byte, b'|' | b',')) {
            let name = name.trim_ascii();
            if name.is_empty() {
                continue;
            }
            if let Ok((kind, _)) = AddressType::parse(name)
                && !types.contains(&kind.class())
            {
                types.push(kind.class());
            }
        }
        Self(types)
    }

    /// Whether addresses of this type are wanted.
    #[must_use]
    pub fn wants(&self, kind: AddressType) -> bool {
        self.0.contains(&kind.class())
    }

    /// `PCM|SMTP|X400`. A list of no type at all is `-`, which no reader takes for a type or for
    /// the default (ASSIGNED).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return b"-".to_vec();
        }
        self.join("|").into_bytes()
    }

    /// The field of a record; every list fits.
    #[must_use]
    pub fn to_field(&self) -> CpField<128> {
        CpField::from_bytes(&self.to_bytes()).unwrap_or_default()
    }

    fn join(&self, separator: &str) -> String {
        let names: Vec<_> = self.0.iter().map(|kind| kind.name()).collect();
        names.join(separator)
    }
}

impl fmt::Display for TypeList {
    /// `PCM,SNADS,X400,SMTP`, as message 167 shows it (Q149271).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dsp:R-TYP-001
    // rule: dsp:R-TYP-002
    // rule: dec:DEC-022
    // rule: tra:R-GWY-014
    #[test]
    fn types_are_read_in_both_published_forms() {
        let types = TypeList::parse(b"PCM|CSI|profs");
        assert_eq!(types.to_string(), "PCM,PROFS");
        assert!(types.wants(AddressType::Csi) && types.wants(AddressType::Profs));
        assert!(!types.wants(AddressType::Smtp));
        let logged = "PCM,SNADS,X400,SMTP";
        assert_eq!(TypeList::parse(logged.as_bytes()).to_string(), logged);
        assert_eq!(TypeList::parse(b" "), TypeList::default());
        let none = TypeList::parse(b"XYZ");
        assert!(!none.wants(AddressType::Pcm));
        assert_eq!(TypeList::parse(none.to_field().text()), none);
        let every: Vec<_> = AddressType::ALL.iter().map(|kind| kind.name()).collect();
        let every = TypeList::parse(every.join("|").as_bytes());
        assert_eq!(every.to_field().text(), every.to_bytes());
    }

    // rule: dsp:R-T2R-002
    // rule: dsp:R-BUG-01
    #[test]
    fn names_are_compared_whole_and_without_case() {
        let party = |text: &[u8]| NamedParty::read(text).party();
        assert_eq!(party(b"pcm:net/po1"), party(b"PCM:NET/PO1"));
        assert_eq!(party(b"NET/PO1"), party(b"PCM:NET/PO1"));
        assert_ne!(party(b"PCM:NET/PO10"), party(b"PCM:NET/PO1"));
        assert_ne!(party(b"SNADS:NET/PO1"), party(b"PCM:NET/PO1"));
        // Q99268: a type alone names nobody, and the log shows what was said.
        assert_eq!(party(b"PCM:"), None);
        assert_eq!(NamedParty::read(b"PCM:").to_string(), "PCM:");
        assert!(party(b"SMTP:").is_some());
        assert_eq!(NamedParty::read(b"PCM:A\x1B/B").to_string(), "PCM:A\\x1B/B");
    }
}
