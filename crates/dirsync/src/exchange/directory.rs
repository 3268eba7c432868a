//! The recipients of the server: `DXADATA/RECIPIENTS.CSV`, held as a whole while a step works on it.
//!
//! Mailboxes and distribution lists are this organization's own; a custom recipient is an address
//! elsewhere. Every recipient has a proxy of type MS, by which postoffices know it (exc R-IN-050): 10
//! characters of its alias, made valid and unique (R-IN-051, R-IN-056 in its plain form). SMTP and
//! X.400 proxies follow the site's addressing in its simplest form, `alias@site.organization.com`
//! and `c=us;a= ;p=organization;o=site;s=alias;` (forms of Q156730; ASSIGNED for the rest).

use std::collections::{BTreeSet, HashMap};

use crate::core::base::address::{Address, AddressType, MailboxName, PoName};
use crate::core::base::codepage::CodePage;
use crate::core::format::exchange::agent_ini::Identity;
use crate::core::format::exchange::recipients::{
    self, Mode, Recipient, RecipientClass, RecipientReader,
};
use crate::postoffice::list_error::ListError;
use crate::postoffice::{Edit, PoError};

use super::address_map::AddressMap;
use super::{RECIPIENTS, RECIPIENTS_LIMIT};

/// Characters of a mailbox in an MS address (DOCUMENTED).
const MAILBOX_LEN: usize = 10;
/// A name that is never generated (Q175447), and what it becomes.
const POSTMASTER: (&str, &str) = ("POSTMASTER", "POSTMAST0");

/// The recipients.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    recipients: Vec<Recipient>,
    /// Proxies in use, in lower case.
    proxies: BTreeSet<String>,
    /// Custom recipients by their target.
    targets: HashMap<Address, usize>,
    /// Container and directory name in lower case.
    names: HashMap<(String, String), usize>,
    removed: BTreeSet<usize>,
    changed: bool,
}

/// What became of the rows of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// New recipients.
    pub created: u64,
    /// Recipients that are different now.
    pub modified: u64,
    /// Recipients that are gone.
    pub deleted: u64,
    /// Rows that were left out: line or name, why.
    pub problems: Vec<String>,
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// The address of a text `TYPE:address`; `MS` is PCM. `X.121=` loses its dot: gateways of postoffices
/// refuse it (Q156725).
#[must_use]
pub fn address_of(text: &str) -> Option<Address> {
    let (kind, _) = text.split_once(':')?;
    if kind.is_empty() {
        return None;
    }
    if kind.eq_ignore_ascii_case("X400") && text.contains("X.121=") {
        return text.replace("X.121=", "x121=").parse().ok();
    }
    text.parse().ok()
}

/// Why a recipient is not taken.
fn usage(why: String) -> PoError {
    ListError::Usage {
        why,
        hint: "`po-admin recipient list` lists the recipients",
    }
    .into()
}

impl Directory {
    /// Reads the recipients. A list that cannot be read whole is never taken for a shorter one
    /// (design 4.6).
    ///
    /// # Errors
    /// The file is missing or has a row that cannot be read.
    pub fn load(edit: &mut Edit<'_>) -> Result<Self, PoError> {
        let damaged = |why: String| ListError::damaged(RECIPIENTS, why);
        let bytes = edit
            .peek(RECIPIENTS, RECIPIENTS_LIMIT)?
            .ok_or_else(|| damaged("it does not exist".into()))?;
        let reader =
            RecipientReader::new(bytes.as_slice()).map_err(|error| damaged(error.to_string()))?;
        let mut directory = Self::default();
        for row in reader {
            let (_, recipient) = row.map_err(|error| damaged(error.to_string()))?;
            directory.put(recipient);
        }
        directory.changed = false;
        Ok(directory)
    }

    /// Writes the recipients, when they changed.
    ///
    /// # Errors
    /// A value that the form has no place for; a disk error.
    pub fn save(&self, edit: &mut Edit<'_>) -> Result<(), PoError> {
        if !self.changed {
            return Ok(());
        }
        let rows: Vec<Recipient> = self.iter().cloned().collect();
        let bytes =
            recipients::write(&rows).map_err(|error| ListError::damaged(RECIPIENTS, error))?;
        edit.replace_whole(RECIPIENTS, bytes)?;
        Ok(())
    }

    fn put(&mut self, recipient: Recipient) -> usize {
        let index = self.recipients.len();
        for proxy in &recipient.proxies {
            self.proxies.insert(folded(proxy));
        }
        if recipient.class == RecipientClass::Custom
            && let Some(target) = address_of(&recipient.address)
        {
            self.targets.entry(target).or_insert(index);
        }
        let name = (
            folded(&recipient.container),
            folded(&recipient.directory_name),
        );
        self.names.insert(name, index);
        self.recipients.push(recipient);
        self.changed = true;
        index
    }

    /// Puts a recipient back that was taken out in the same step: name and proxies are its own still.
    pub(super) fn put_back(&mut self, recipient: Recipient) {
        self.put(recipient);
    }

    /// The recipients in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Recipient> {
        self.recipients
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.removed.contains(index))
            .map(|(_, recipient)| recipient)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recipients.len() - self.removed.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A custom recipient by its target.
    #[must_use]
    pub fn by_target(&self, target: &Address) -> Option<usize> {
        self.targets.get(target).copied()
    }

    /// A recipient by its number.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Recipient> {
        self.recipients
            .get(index)
            .filter(|_| !self.removed.contains(&index))
    }

    /// The numbers of the recipients that fit.
    pub fn find_all(&self, fits: impl Fn(&Recipient) -> bool) -> Vec<usize> {
        (0..self.recipients.len())
            .filter(|index| self.get(*index).is_some_and(&fits))
            .collect()
    }

    /// Takes a recipient out.
    pub fn remove(&mut self, index: usize) {
        let Some(recipient) = self.get(index).cloned() else {
            return;
        };
        for proxy in &recipient.proxies {
            self.proxies.remove(&folded(proxy));
        }
        if let Some(target) = address_of(&recipient.address)
            && self.targets.get(&target) == Some(&index)
        {
            self.targets.remove(&target);
        }
        let name = (
            folded(&recipient.container),
            folded(&recipient.directory_name),
        );
        if self.names.get(&name) == Some(&index) {
            self.names.remove(&name);
        }
        self.removed.insert(index);
        self.changed = true;
    }

    /// Puts another recipient in the place of one; its number stays.
    pub fn replace(&mut self, index: usize, recipient: Recipient) {
        if self.get(index) == Some(&recipient) {
            return;
        }
        self.remove(index);
        let new = self.put(recipient);
        // The order of the file stays the order of arrival: the new one takes the old place.
        if let Some(moved) = self.recipients.pop()
            && let Some(place) = self.recipients.get_mut(index)
        {
            *place = moved;
            self.removed.remove(&index);
            for at in self.targets.values_mut().chain(self.names.values_mut()) {
                if *at == new {
                    *at = index;
                }
            }
        }
    }

    /// A recipient by its directory name, in any container or, as `container/name`, in one; by its
    /// alias or address otherwise.
    ///
    /// # Errors
    /// Nobody or more than one fits.
    pub fn named(&self, text: &str) -> Result<usize, PoError> {
        let wanted = folded(text);
        let exact = self.find_all(|r| {
            folded(&r.directory_name) == wanted
                || folded(&format!("{}/{}", r.container, r.directory_name)) == wanted
        });
        let found = if exact.is_empty() {
            let target = address_of(text);
            self.find_all(|r| {
                folded(&r.alias) == wanted
                    || r.proxies.iter().any(|proxy| folded(proxy) == wanted)
                    || (target.is_some() && address_of(&r.address) == target)
            })
        } else {
            exact
        };
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(ListError::NoSuch {
                what: "recipient",
                name: text.to_owned(),
                hint: "`po-admin recipient list` lists the recipients",
            }
            .into()),
            many => {
                let names: Vec<String> = many
                    .iter()
                    .filter_map(|index| self.get(*index))
                    .map(|r| format!("{}/{}", r.container, r.directory_name))
                    .collect();
                Err(usage(format!("{text} could be {}", names.join(", "))))
            }
        }
    }

    /// Whether a directory name is taken in a container.
    #[must_use]
    pub fn has_name(&self, container: &str, name: &str) -> bool {
        self.names.contains_key(&(folded(container), folded(name)))
    }

    /// Adds a recipient; proxies it lacks are made.
    ///
    /// # Errors
    /// The name, a proxy or the target is taken; a target that is no address.
    pub fn add(
        &mut self,
        mut new: Recipient,
        identity: &Identity,
        own: PoName,
    ) -> Result<usize, PoError> {
        if self.has_name(&new.container, &new.directory_name) {
            return Err(usage(format!(
                "{}/{} exists already",
                new.container, new.directory_name
            )));
        }
        if new.class == RecipientClass::Custom {
            let target = address_of(&new.address).ok_or_else(|| {
                usage(format!(
                    "{:?} is no address of the form TYPE:address",
                    new.address
                ))
            })?;
            target
                .check()
                .map_err(|fault| usage(format!("{}: {fault}", new.address)))?;
            if self.by_target(&target).is_some() {
                return Err(usage(format!(
                    "{} is the target of another recipient",
                    new.address
                )));
            }
        }
        if let Some(taken) = new
            .proxies
            .iter()
            .find(|proxy| self.proxies.contains(&folded(proxy)))
        {
            return Err(usage(format!("the proxy {taken} is taken")));
        }
        self.complete(&mut new, identity, own);
        Ok(self.put(new))
    }

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
                .take(40)
                .collect();
            let surname = if surname.is_empty() {
                "x".to_owned()
            } else {
                surname
            };
            let (p, o) = (&identity.organization, &identity.site);
            let make = |name: &str| format!("X400:c=us;a= ;p={p};o={o};s={name};");
            let name = self.free(&surname, 40, make);
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
        let taken = |name: &str| self.proxies.contains(&folded(&proxy(name)));
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

    /// Carries rows of a directory import out. Rows that cannot be are left out and told.
    ///
    /// # Errors
    /// The header line, or the source.
    pub fn import(
        &mut self,
        source: impl std::io::Read,
        identity: &Identity,
        own: PoName,
    ) -> Result<Imported, PoError> {
        let reader = RecipientReader::new(source).map_err(|error| usage(error.to_string()))?;
        let mut done = Imported::default();
        for row in reader {
            let (mode, row) = match row {
                Ok(row) => row,
                Err(error) => {
                    done.problems.push(error.to_string());
                    continue;
                }
            };
            let name = (folded(&row.container), folded(&row.directory_name));
            let label = format!("{}/{}", row.container, row.directory_name);
            let index = self.names.get(&name).copied();
            match (mode, index) {
                (Mode::Delete, Some(index)) => {
                    self.remove(index);
                    done.deleted += 1;
                }
                (Mode::Delete | Mode::Modify, None) => {
                    done.problems
                        .push(format!("{label}: there is no such recipient"));
                }
                (Mode::Create, Some(_)) => {
                    done.problems.push(format!("{label} exists already"));
                }
                (Mode::Create | Mode::Update, None) => match self.add(row, identity, own) {
                    Ok(_) => done.created += 1,
                    Err(error) => done.problems.push(format!("{label}: {error}")),
                },
                (Mode::Modify | Mode::Update, Some(index)) => {
                    let Some(old) = self.get(index).cloned() else {
                        continue;
                    };
                    let new = merged(&old, row);
                    if new != old {
                        self.replace(index, new);
                        done.modified += 1;
                    }
                }
            }
        }
        Ok(done)
    }
}

/// A recipient as a row changes it: fields that the row leaves empty stay.
fn merged(old: &Recipient, row: Recipient) -> Recipient {
    let keep = |new: String, old: &String| if new.is_empty() { old.clone() } else { new };
    let mut other = old.other.clone();
    for (name, value) in row.other {
        match other.iter_mut().find(|(own, _)| *own == name) {
            Some((_, place)) => *place = value,
            None => other.push((name, value)),
        }
    }
    Recipient {
        class: row.class,
        directory_name: old.directory_name.clone(),
        display_name: keep(row.display_name, &old.display_name),
        alias: keep(row.alias, &old.alias),
        container: old.container.clone(),
        home_server: keep(row.home_server, &old.home_server),
        address: keep(row.address, &old.address),
        proxies: if row.proxies.is_empty() {
            old.proxies.clone()
        } else {
            row.proxies
        },
        hidden: row.hidden,
        trust: row.trust,
        imported_from: keep(row.imported_from, &old.imported_from),
        other,
    }
}

/// Makes the primary X.400 proxy anew from the names of a recipient; others stay (R-IN-055).
pub fn rename_x400(recipient: &mut Recipient, identity: &Identity) {
    let value = |attribute: &str| {
        recipient
            .other
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map(|(_, value)| value.replace([';', '/', '='], ""))
            .filter(|value| !value.trim().is_empty())
    };
    let (p, o) = (&identity.organization, &identity.site);
    let mut address = format!("X400:c=us;a= ;p={p};o={o};");
    for (attribute, short) in super::templates::NAMES {
        let named = value(attribute);
        let alias = (short == "s").then(|| recipient.alias.clone());
        if let Some(value) = named.or(alias) {
            address.push_str(&format!("{short}={value};"));
        }
    }
    match recipient
        .proxies
        .iter_mut()
        .find(|proxy| proxy.starts_with("X400:"))
    {
        Some(primary) => *primary = address,
        None => recipient.proxies.push(address),
    }
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

/// The address by which postoffices know a recipient: a custom one's target, else the primary proxy
/// of type MS, whose type is in capitals (Q152924).
#[must_use]
pub fn dirsync_address(recipient: &Recipient) -> Option<Address> {
    if recipient.class == RecipientClass::Custom {
        return address_of(&recipient.address);
    }
    recipient
        .proxies
        .iter()
        .find(|proxy| proxy.starts_with("MS:"))
        .and_then(|proxy| address_of(proxy))
        .filter(|address| address.kind() == AddressType::Pcm)
}

/// The distinguished name of a recipient.
#[must_use]
pub fn distinguished_name(identity: &Identity, recipient: &Recipient) -> String {
    format!(
        "/o={}/ou={}/cn={}/cn={}",
        identity.organization, identity.site, recipient.container, recipient.directory_name
    )
}
