//! The recipients of the server: `DXADATA/RECIPIENTS.CSV`, held as a whole while a step works on it.
//!
//! Mailboxes and distribution lists are this organization's own; a custom recipient is an address
//! elsewhere. Every recipient has a proxy of type MS, by which postoffices know it (exc R-IN-050): 10
//! characters of its alias, made valid and unique (R-IN-051, R-IN-056 in its plain form). SMTP and
//! X.400 proxies follow the site's addressing in its simplest form, `alias@site.organization.com`
//! and `c=us;a= ;p=organization;o=site;s=alias;` (forms of Q156730; ASSIGNED for the rest).

use std::collections::{BTreeSet, HashMap};

use crate::core::base::address::{Address, AddressType, PoName, Scope};
use crate::core::format::exchange::agent_ini::Identity;
use crate::core::format::exchange::recipients::{
    self, Mode, Recipient, RecipientClass, RecipientReader,
};
use crate::postoffice::list_error::ListError;
use crate::postoffice::{Edit, PoError};

use super::{RECIPIENTS, RECIPIENTS_LIMIT};

mod naming;

pub use naming::{mailbox_from, rename_x400};

/// The recipients.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    recipients: Vec<Recipient>,
    /// Proxies in use, in lower case, and by how many: a file of other hands may name one twice.
    proxies: HashMap<String, u32>,
    /// Custom recipients by their target.
    targets: HashMap<Address, usize>,
    /// Custom recipients by the list that their target is of, in the order of the file.
    scopes: HashMap<Scope, BTreeSet<usize>>,
    /// Container and directory name in lower case.
    names: HashMap<(String, String), usize>,
    removed: BTreeSet<usize>,
    changed: bool,
    /// What of it the file holds already.
    saved: Saved,
}

/// What of the recipients stands in the file as it is, so that new ones can be put behind it.
#[derive(Debug, Clone, Default)]
struct Saved {
    /// So many of them, from the first on; none when the file is not one that can be added to.
    len: usize,
    /// None of those is different now.
    intact: bool,
    /// The line that names the columns, with its end.
    header: Vec<u8>,
}

impl Saved {
    /// The state of a file that was read or is written now.
    fn of(bytes: &[u8], len: usize) -> Self {
        const END: &[u8] = b"\r\n";
        let end = bytes.windows(END.len()).position(|part| part == END);
        let header = end.and_then(|end| bytes.get(..end + END.len()));
        // A quoted name of a column could hold the end of a line.
        let fits = |header: &&[u8]| !header.contains(&b'"') && bytes.ends_with(END);
        match header.filter(fits) {
            Some(header) => Self {
                len,
                intact: true,
                header: header.to_vec(),
            },
            None => Self::default(),
        }
    }
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

/// Container and directory name as they are compared.
fn name_of(recipient: &Recipient) -> (String, String) {
    (
        folded(&recipient.container),
        folded(&recipient.directory_name),
    )
}

/// The target of a custom recipient.
fn target_of(recipient: &Recipient) -> Option<Address> {
    (recipient.class == RecipientClass::Custom)
        .then(|| address_of(&recipient.address))
        .flatten()
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
        let missing = || damaged("it does not exist".into());
        let added = edit.appended(RECIPIENTS)?.to_vec();
        let mut bytes = if added.is_empty() {
            edit.peek(RECIPIENTS, RECIPIENTS_LIMIT)?
        } else {
            edit.view().read(RECIPIENTS, RECIPIENTS_LIMIT)?
        }
        .ok_or_else(missing)?;
        bytes.extend(added);
        let reader =
            RecipientReader::new(bytes.as_slice()).map_err(|error| damaged(error.to_string()))?;
        let mut directory = Self::default();
        for row in reader {
            let (_, recipient) = row.map_err(|error| damaged(error.to_string()))?;
            directory.put(recipient);
        }
        directory.changed = false;
        directory.saved = Saved::of(&bytes, directory.recipients.len());
        Ok(directory)
    }

    /// Writes the recipients, when they changed. New ones alone are put behind the others, so that they
    /// cost what they are and not what the list holds (design 4.10).
    ///
    /// # Errors
    /// A value that the form has no place for; a disk error.
    pub fn save(&mut self, edit: &mut Edit<'_>) -> Result<(), PoError> {
        if !self.changed {
            return Ok(());
        }
        let write = |rows: &[Recipient]| {
            recipients::write(rows).map_err(|error| ListError::damaged(RECIPIENTS, error))
        };
        let len = self.recipients.len();
        if self.saved.intact {
            let new: Vec<Recipient> = (self.saved.len..len)
                .filter_map(|index| self.get(index).cloned())
                .collect();
            let bytes = write(&new)?;
            // The same columns in the same order.
            if let Some(rows) = bytes.strip_prefix(self.saved.header.as_slice()) {
                edit.append(RECIPIENTS, rows)?;
                (self.saved.len, self.changed) = (len, false);
                return Ok(());
            }
        }
        let rows: Vec<Recipient> = self.iter().cloned().collect();
        let bytes = write(&rows)?;
        self.saved = Saved::of(&bytes, len);
        self.changed = false;
        edit.replace_whole(RECIPIENTS, bytes)?;
        Ok(())
    }

    /// Notes that the recipient at this place is different from what the file says.
    fn touch(&mut self, index: usize) {
        self.changed = true;
        self.saved.intact &= index >= self.saved.len;
    }

    fn put(&mut self, recipient: Recipient) -> usize {
        let index = self.recipients.len();
        self.claim(index, &recipient);
        self.list(index, &recipient);
        self.recipients.push(recipient);
        self.touch(index);
        index
    }

    /// Name and proxies are this recipient's.
    fn claim(&mut self, index: usize, recipient: &Recipient) {
        for proxy in &recipient.proxies {
            *self.proxies.entry(folded(proxy)).or_default() += 1;
        }
        self.names.insert(name_of(recipient), index);
    }

    fn unclaim(&mut self, index: usize, recipient: &Recipient) {
        for proxy in &recipient.proxies {
            let proxy = folded(proxy);
            match self.proxies.get_mut(&proxy) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.proxies.remove(&proxy)),
            }
        }
        let name = name_of(recipient);
        if self.names.get(&name) == Some(&index) {
            self.names.remove(&name);
        }
    }

    /// A custom recipient is found by its target and its list.
    fn list(&mut self, index: usize, recipient: &Recipient) {
        if let Some(target) = target_of(recipient) {
            self.scopes.entry(target.scope()).or_default().insert(index);
            self.targets.entry(target).or_insert(index);
        }
    }

    fn unlist(&mut self, index: usize, recipient: &Recipient) {
        let Some(target) = target_of(recipient) else {
            return;
        };
        if let Some(list) = self.scopes.get_mut(&target.scope()) {
            list.remove(&index);
        }
        if self.targets.get(&target) == Some(&index) {
            self.targets.remove(&target);
        }
    }

    /// Takes a recipient off its list; its name and its proxies stay reserved until it is put back
    /// ([`Self::put_back`]) or let go ([`Self::release`]). Whether there was one.
    pub(super) fn take_out(&mut self, index: usize) -> bool {
        let Some(recipient) = self.get(index).cloned() else {
            return false;
        };
        self.unlist(index, &recipient);
        self.removed.insert(index);
        true
    }

    /// A recipient that was taken out, as it was.
    pub(super) fn taken_out(&self, index: usize) -> Option<&Recipient> {
        self.recipients
            .get(index)
            .filter(|_| self.removed.contains(&index))
    }

    /// Lets name and proxies of a recipient go that was taken out, for good.
    pub(super) fn release(&mut self, index: usize) {
        if let Some(recipient) = self.taken_out(index).cloned() {
            self.unclaim(index, &recipient);
            self.touch(index);
        }
    }

    /// Puts a recipient back that was taken out: in its place, as it is now.
    pub(super) fn put_back(&mut self, index: usize, recipient: Recipient) {
        let Some(old) = self.taken_out(index).cloned() else {
            return;
        };
        self.removed.remove(&index);
        if old == recipient {
            self.list(index, &recipient);
        } else {
            self.unclaim(index, &old);
            self.set(index, recipient);
        }
    }

    /// Fills a place that nothing refers to.
    fn set(&mut self, index: usize, recipient: Recipient) {
        self.claim(index, &recipient);
        self.list(index, &recipient);
        if let Some(place) = self.recipients.get_mut(index) {
            *place = recipient;
        }
        self.touch(index);
    }

    /// Whether another recipient than `own` has a proxy.
    pub(super) fn is_taken(&self, proxy: &str, own: &Recipient) -> bool {
        let proxy = folded(proxy);
        self.proxies.contains_key(&proxy) && !own.proxies.iter().any(|p| folded(p) == proxy)
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

    /// The numbers of the custom recipients of a list, in their order. Costs what the list holds.
    #[must_use]
    pub fn of_scope(&self, scope: Scope) -> Vec<usize> {
        let list = self.scopes.get(&scope).into_iter().flatten();
        list.copied().collect()
    }

    /// How many custom recipients a list has.
    #[must_use]
    pub fn scope_len(&self, scope: Scope) -> u64 {
        self.scopes.get(&scope).map_or(0, |list| list.len() as u64)
    }

    /// Takes a recipient out for good.
    pub fn remove(&mut self, index: usize) {
        if self.take_out(index) {
            self.release(index);
        }
    }

    /// Puts another recipient in the place of one; its number stays.
    pub fn replace(&mut self, index: usize, recipient: Recipient) {
        let Some(old) = self.get(index).cloned() else {
            return;
        };
        if old != recipient {
            self.unlist(index, &old);
            self.unclaim(index, &old);
            self.set(index, recipient);
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
            .find(|proxy| self.proxies.contains_key(&folded(proxy)))
        {
            return Err(usage(format!("the proxy {taken} is taken")));
        }
        self.complete(&mut new, identity, own);
        Ok(self.put(new))
    }

    /// Why a recipient cannot become `new`: a proxy or the target is another's.
    fn conflict(&self, index: usize, old: &Recipient, new: &Recipient) -> Option<String> {
        if let Some(taken) = new.proxies.iter().find(|proxy| self.is_taken(proxy, old)) {
            return Some(format!("the proxy {taken} is taken"));
        }
        let other = target_of(new).and_then(|target| self.by_target(&target));
        other
            .is_some_and(|other| other != index)
            .then(|| format!("{} is the target of another recipient", new.address))
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
                    if let Some(why) = self.conflict(index, &old, &new) {
                        done.problems.push(format!("{label}: {why}"));
                    } else if new != old {
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
