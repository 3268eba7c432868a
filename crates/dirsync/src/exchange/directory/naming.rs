//! Proxies and names that are made: unique in the directory (exc R-IN-050 to R-IN-061).

use crate::core::base::address::{MailboxName, PoName};
use crate::core::base::codepage::CodePage;
use crate::core::format::exchange::agent_ini::Identity;
use crate::core::format::exchange::recipients::Recipient;

use super::super::address_map::AddressMap;
use super::super::templates::NAMES;

use super::{Directory, folded};

/// Characters of a mailbox in an MS address (DOCUMENTED).
const MAILBOX_LEN: usize = 10;
/// Longest surname of a generated X.400 address (DOCUMENTED upper bound of X.411).
const SURNAME_LEN: usize = 40;
/// A name that is never generated (Q175447), and what it becomes.
const POSTMASTER: (&str, &str) = ("POSTMASTER", "POSTMAST0");

impl Directory {
    /// Gives a recipient the proxies it lacks.
    pub fn complete(&self, new: &mut Recipient, identity: &Identity, own: PoName) {
        let has = |new: &Recipient, kind: &str| {
            new.proxies.iter().any(|proxy| {
                proxy
                    .split_once(':')
                    .is_some_and(|(k, _)| k.eq_ignore_ascii_case(kind))
            })
        };
        if !has(new, "MS") {
            let base = mailbox_from(&new.alias);
            let mailbox = self.free(&base, MAILBOX_LEN, |name| format!("MS:{own}/{name}"));
            new.proxies.push(format!("MS:{own}/{mailbox}"));
        }
        let site = domain_part(&identity.site);
        let organization = domain_part(&identity.organization);
        if !has(new, "SMTP") {
            let base = domain_part(&new.alias);
            let make = |name: &str| format!("SMTP:{name}@{site}.{organization}.com");
            let name = self.free(&base, 64, make);
            new.proxies.push(make(&name));
        }
        if !has(new, "X400") {
            let surname: String = new
                .alias
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '\'' | '.'))
                .take(SURNAME_LEN)
                .collect();
            let surname = if surname.is_empty() {
                "x".to_owned()
            } else {
                surname
            };
            let (p, o) = (&identity.organization, &identity.site);
            let make = |name: &str| format!("X400:c=us;a= ;p={p};o={o};s={name};");
            let name = self.free(&surname, SURNAME_LEN, make);
            new.proxies.push(make(&name));
        }
    }

    /// SMTP proxies by the address map (R-IN-060): `alias@PO.NET.SMTPDomain` (form ASSIGNED: derived
    /// from network and postoffice) and `alias@DOMAIN` of the map, or the last one only.
    ///
    /// # Errors
    /// A mapped address is taken and may not be made unique (R-IN-061).
    pub fn map_smtp(
        &self,
        new: &mut Recipient,
        map: &AddressMap,
        po: Option<PoName>,
    ) -> Result<(), String> {
        let base = domain_part(&new.alias);
        let Some(po) = po else { return Ok(()) };
        let mut made: Vec<String> = Vec::new();
        if !map.only_mapped {
            let names = po.to_string();
            let (network, office) = names.split_once('/').unwrap_or(("x", &names));
            let (network, office) = (domain_part(network), domain_part(office));
            let make = |name: &str| format!("SMTP:{name}@{office}.{network}.{}", map.smtp_domain);
            made.push(make(&self.free(&base, 64, make)));
        }
        if let Some(domain) = map.domain(po) {
            let kind = if made.is_empty() { "SMTP" } else { "smtp" };
            let make = |name: &str| format!("{kind}:{name}@{domain}");
            let name = self.free(&base, 64, make);
            if name != base && !map.make_unique {
                return Err(format!("{base}@{domain} is taken"));
            }
            made.push(make(&name));
        }
        new.proxies.extend(made);
        Ok(())
    }

    /// A name whose proxy is free: the base, else with 2, 3, ... (Q164863, Q146455).
    fn free(&self, base: &str, most: usize, proxy: impl Fn(&str) -> String) -> String {
        first_free(base, most, |name| {
            self.proxies.contains_key(&folded(&proxy(name)))
        })
    }
}

/// Makes the primary X.400 proxy anew from the names of a recipient; others stay (R-IN-055). Where
/// another recipient has that address, a number follows the surname, as in [`Directory::complete`]
/// (ASSIGNED: two people of one name must not share an address).
pub fn rename_x400(directory: &Directory, recipient: &mut Recipient, identity: &Identity) {
    let value = |attribute: &str| {
        recipient
            .other
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map(|(_, value)| value.replace([';', '/', '='], ""))
            .filter(|value| !value.trim().is_empty())
    };
    let (p, o) = (&identity.organization, &identity.site);
    let (mut surname, mut rest) = (recipient.alias.clone(), String::new());
    for (attribute, short) in NAMES {
        match value(attribute) {
            Some(value) if short == "s" => surname = value,
            Some(value) => rest.push_str(&format!("{short}={value};")),
            None => {}
        }
    }
    let make = |name: &str| format!("X400:c=us;a= ;p={p};o={o};s={name};{rest}");
    let name = first_free(&surname, SURNAME_LEN, |name| {
        directory.is_taken(&make(name), recipient)
    });
    let address = make(&name);
    match recipient
        .proxies
        .iter_mut()
        .find(|proxy| proxy.starts_with("X400:"))
    {
        Some(primary) => *primary = address,
        None => recipient.proxies.push(address),
    }
}

/// The base, else with 2, 3, ... behind it: the first that is not taken (Q164863, Q146455).
fn first_free(base: &str, most: usize, taken: impl Fn(&str) -> bool) -> String {
    if !taken(base) {
        return base.to_owned();
    }
    for number in 2u32.. {
        let digits = number.to_string();
        let keep = most.saturating_sub(digits.len());
        let head: String = base.chars().take(keep).collect();
        let name = format!("{head}{digits}");
        if !taken(&name) {
            return name;
        }
    }
    base.to_owned()
}

/// A mailbox of at most ten valid characters from an alias (Q193842: others are dropped).
#[must_use]
pub fn mailbox_from(alias: &str) -> String {
    let valid = |c: &char| {
        CodePage::Cp850
            .encode_char(*c)
            .is_some_and(|byte| MailboxName::new(&[byte]).is_ok())
    };
    let name: String = alias.chars().filter(valid).take(MAILBOX_LEN).collect();
    if name.is_empty() {
        "x".to_owned()
    } else if name.eq_ignore_ascii_case(POSTMASTER.0) {
        POSTMASTER.1.to_owned()
    } else {
        name
    }
}

fn domain_part(text: &str) -> String {
    let part: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        .collect();
    if part.is_empty() {
        "x".to_owned()
    } else {
        part
    }
}
