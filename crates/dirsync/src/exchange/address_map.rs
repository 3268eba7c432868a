//! The address map: SMTP domains of postoffices (Q140951, Q192023).
//!
//! `Addr_map.cfg` has a line `NET/PO DOMAIN` for each postoffice. It counts only where the registry has
//! `SMTPDomain`. The original read one character less of a last line without its end (DOCUMENTED), so
//! do we: what the file gives is what the recipients had. Empty lines at the end stopped the service
//! (DOCUMENTED); ours passes over them, and a start tells of them.
//!
//! `AddressMappingFileName` is a path of the server's disk. Of a tree only the file's name counts, and it
//! lies in `DXADATA` (ASSIGNED: nothing outside of the tree is read).

use std::collections::BTreeMap;

use crate::core::base::address::PoName;
use crate::core::format::exchange::registry::DxSettings;
use crate::postoffice::{Edit, PoError};

/// Longest map that is read, in bytes (ASSIGNED).
const LIMIT: u64 = 1 << 20;
/// The name of the file when the registry names none (DOCUMENTED in the example of Q140951).
const DEFAULT: &str = "ADDR_MAP.CFG";
/// `SMTPPrimaryProxy`: only the proxies of the map are made (DOCUMENTED).
const ONLY_MAPPED: u32 = 3;

/// The map.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressMap {
    domains: BTreeMap<String, String>,
    /// What `SMTPDomain` says.
    pub smtp_domain: String,
    /// Only mapped proxies are made.
    pub only_mapped: bool,
    /// A mapped address that is taken gets a number.
    pub make_unique: bool,
    /// Empty lines behind the last entry.
    pub empty_lines: u32,
    /// Lines that are none of the form.
    pub bad_lines: Vec<u32>,
}

impl AddressMap {
    /// Reads the lines of a map.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut map = Self::default();
        for (number, whole) in (1..).zip(text.split_inclusive('\n')) {
            // Without the end of its line the last character is lost (Q140951).
            let line = match whole.strip_suffix('\n') {
                Some(line) => line.trim_end_matches('\r'),
                None => {
                    let mut chars = whole.chars();
                    chars.next_back();
                    chars.as_str()
                }
            };
            if line.trim().is_empty() {
                map.empty_lines += 1;
                continue;
            }
            map.empty_lines = 0;
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                [po, domain] if po.contains(['/', '\\']) => {
                    let key = po.replace('\\', "/").to_lowercase();
                    map.domains.insert(key, (*domain).to_owned());
                }
                _ => map.bad_lines.push(number),
            }
        }
        map
    }

    /// The map of a server, when the registry turns it on. A file that is missing is an empty map.
    ///
    /// # Errors
    /// The file is too long; a disk error.
    pub fn load(edit: &mut Edit<'_>, registry: &DxSettings) -> Result<Option<Self>, PoError> {
        let Some(smtp_domain) = &registry.smtp_domain else {
            return Ok(None);
        };
        let path = registry.address_mapping_file.as_deref().unwrap_or(DEFAULT);
        let name = path.rsplit(['\\', '/']).next().unwrap_or(DEFAULT);
        let bytes = match crate::tree::RelPath::new(name) {
            Ok(_) => edit.peek(&format!("DXADATA/{name}"), LIMIT)?,
            Err(_) => None,
        };
        Ok(Some(Self {
            smtp_domain: smtp_domain.clone(),
            only_mapped: registry.smtp_primary_proxy == Some(ONLY_MAPPED),
            make_unique: registry.unique_smtp_for_addr_map,
            ..Self::parse(&bytes.unwrap_or_default())
        }))
    }

    /// The domain of a postoffice.
    #[must_use]
    pub fn domain(&self, po: PoName) -> Option<&str> {
        self.domains
            .get(&po.to_string().to_lowercase())
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn domains(text: &str) -> [Option<String>; 2] {
        let map = AddressMap::parse(text.as_bytes());
        ["NET1/PO1", "net2/po2"].map(|po| map.domain(po.parse().unwrap()).map(str::to_owned))
    }

    // rule: exc:R-IN-060
    #[test]
    fn a_last_line_without_its_end_loses_a_character() {
        let both = |a: &str, b: &str| [Some(a.to_owned()), Some(b.to_owned())];
        let text = "net1/po1 abc.com\r\nnet2/po2 def.com";
        assert_eq!(domains(text), both("abc.com", "def.co"));
        assert_eq!(domains(&format!("{text}\r\n")), both("abc.com", "def.com"));
        let long = AddressMap::parse(format!("{text}\r\n\r\n\r\n").as_bytes());
        assert_eq!((long.empty_lines, long.bad_lines.len()), (2, 0));
        let odd = AddressMap::parse(b"net1 abc.com\nnet2/po2 def.com x\n");
        assert_eq!(odd.bad_lines, [1, 2]);
    }

    proptest! {
        #[test]
        fn arbitrary_maps_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = AddressMap::parse(&bytes);
        }
    }
}
