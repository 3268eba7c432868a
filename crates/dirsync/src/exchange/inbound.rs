//! What arrives: transactions become custom recipients (exc 7).
//!
//! A becomes a custom recipient in the import container of the object it came through, D takes it
//! away, M changes it, R takes the whole list of that object away. The object's name stands in
//! Imported-From, and D, M and R touch only recipients of the object they come through, or of those
//! that `Requestors Used To Import From` names (R-IN-030, R-IN-031). Addresses of this organization
//! are its own business and passed over.

use std::collections::{BTreeMap, HashMap};

use crate::core::base::address::{Address, AddressType, PoName, Scope};
use crate::core::base::codepage::CodePage;
use crate::core::base::transaction::Info;
use crate::core::base::{Entry, Transaction};
use crate::core::format::exchange::agent_ini::{Identity, PartySettings};
use crate::core::format::exchange::recipients::{Recipient, RecipientClass};
use crate::core::format::transactions::{Damage, Item, Reader, Trust};
use crate::core::protocol::guard::Removal;

use super::address_map::AddressMap;
use super::directory::{Directory, mailbox_from};
use super::events::{Event, table};
use super::templates::Templates;

/// Longest directory name: the name and eight digits.
const NAME_LEN: usize = 20;

/// Through which object transactions come, and how they are taken.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// The agent.
    pub identity: &'a Identity,
    /// Its network and postoffice.
    pub own: PoName,
    /// The object's name.
    pub object: &'a str,
    /// Its settings.
    pub settings: &'a PartySettings,
    /// Further objects whose recipients may be touched.
    pub further: &'a [String],
    /// The address map.
    pub map: Option<&'a AddressMap>,
    /// Template information and attributes.
    pub templates: &'a Templates,
    /// Names of MHS recipients come from the braces of their addresses (Q157689).
    pub brace_names: bool,
}

/// A transaction whose address is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The transaction.
    pub text: String,
    /// Type and address, as far as they can be told.
    pub address: Option<(AddressType, String)>,
}

impl Malformed {
    fn of(text: &[u8], address: Option<&Address>) -> Self {
        let plain = shown(text);
        let address = match address {
            Some(address) => Some((address.kind(), shown(&address.physical()))),
            None => ["X400:", "PCM:", "MS:", "MSMAIL:"].iter().find_map(|kind| {
                // ASCII alone changes, so that offsets stay those of the text.
                let at = plain.to_ascii_uppercase().find(kind)?;
                let rest = plain.get(at + kind.len()..)?;
                let rest = rest.split(['\r', '\n']).next().unwrap_or_default();
                let kind = match *kind {
                    "X400:" => AddressType::X400,
                    _ => AddressType::Pcm,
                };
                Some((kind, rest.to_owned()))
            }),
        };
        Self {
            text: plain,
            address,
        }
    }

    /// What the generator of proxies says of it, before event 247.
    #[must_use]
    pub fn companion(&self) -> Option<Event> {
        let (kind, address) = self.address.as_ref()?;
        match kind {
            AddressType::X400 => {
                // The place of the first part that is no NAME=VALUE of its own.
                let separator = if address.starts_with('/') { '/' } else { ';' };
                let mut at = 1;
                for part in address.split(separator) {
                    if !part.is_empty() && part.matches('=').count() != 1 {
                        break;
                    }
                    at += part.chars().count() + 1;
                }
                let at = at.min(address.chars().count().max(1)).to_string();
                let whole = format!("X400:{address}");
                Some(Event::new(&table::X400_SYNTAX, [at, whole]))
            }
            AddressType::Pcm | AddressType::Msmail => {
                let whole = format!("MS:{address}");
                Some(Event::new(&table::MS_SYNTAX, [whole]))
            }
            _ => None,
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// New recipients.
    pub added: u64,
    /// Recipients that changed.
    pub modified: u64,
    /// Recipients that went.
    pub deleted: u64,
    /// Deletes and changes that found nobody, or somebody else's recipient.
    pub discarded: Vec<String>,
    /// Transactions whose address is none (event 247).
    pub malformed: Vec<Malformed>,
    /// Recipients that could not be made, and why.
    pub refused: Vec<(String, String)>,
    /// Further objects that were looked through, and for what (event 282).
    pub searched: Vec<(String, String)>,
    /// Of each list: what goes, and how long it was.
    pub removals: BTreeMap<String, Removal>,
    /// Recipients that an R took out; one that comes back with the same name stays what it was
    /// (DEC-082: whoever refers to it finds it). Until the end name and proxies of all of them are
    /// reserved.
    stash: HashMap<Address, usize>,
    /// Bytes of the file that are no record: nothing of them was applied.
    pub damaged: Vec<Damage>,
    /// Length of a list before, and what is gone from it.
    lists: HashMap<Scope, u64>,
    gone: HashMap<Address, Scope>,
}

fn shown(bytes: &[u8]) -> String {
    CodePage::Cp850.decode(bytes)
}

/// FNV-1a: the same address gets the same name everywhere, in every run.
fn digest(text: &str) -> u32 {
    text.bytes().fold(0x811C_9DC5u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

impl Source<'_> {
    fn is_own(&self, recipient: &Recipient) -> bool {
        recipient.imported_from.eq_ignore_ascii_case(self.object)
    }

    /// The further objects, one by one. An entry is a name, or several parted by blanks (O-14).
    fn further_for<'f>(&'f self, of: &'f str) -> impl Iterator<Item = &'f str> {
        self.further.iter().flat_map(move |entry| {
            let whole = entry.eq_ignore_ascii_case(of);
            let words: Vec<&str> = if whole {
                vec![entry.as_str()]
            } else {
                entry.split_whitespace().collect()
            };
            words
        })
    }

    /// Whether a recipient is of one of the further objects.
    fn is_of_further(&self, recipient: &Recipient) -> bool {
        let of = recipient.imported_from.as_str();
        !of.is_empty()
            && self
                .further_for(of)
                .any(|name| name.eq_ignore_ascii_case(of))
    }

    /// Whether a D or M may touch a recipient. Each further object that is looked through makes an
    /// event (R-IN-031).
    fn may_touch(&self, recipient: &Recipient, text: &[u8], applied: &mut Applied) -> bool {
        if self.is_own(recipient) {
            return true;
        }
        let of = recipient.imported_from.as_str();
        for name in self.further_for(of) {
            applied.searched.push((name.to_owned(), shown(text)));
            if !of.is_empty() && name.eq_ignore_ascii_case(of) {
                return true;
            }
        }
        false
    }

    fn display_name(&self, entry: &Entry) -> String {
        let name = shown(entry.alias.text());
        if self.settings.append_name {
            format!("{name} {}", self.object)
        } else {
            name
        }
    }

    /// The part of an extended MHS address in braces that names the user: `user` of `user@domain` or
    /// of `ccmail:user` (Q157689; other types are not read).
    fn brace_name(&self, address: &Address) -> Option<String> {
        if !self.brace_names || address.kind() != AddressType::Mhs {
            return None;
        }
        let text = shown(&address.physical());
        let (_, rest) = text.split_once('{')?;
        let inner = rest.split_once('}').map_or(rest, |(inner, _)| inner).trim();
        let name = match inner.split_once(':') {
            Some((kind, name)) if kind.eq_ignore_ascii_case("ccmail") => name,
            Some((kind, name)) if kind.eq_ignore_ascii_case("smtp") => name.split_once('@')?.0,
            Some(_) => return None,
            None => inner.split_once('@')?.0,
        };
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn recipient(&self, directory: &Directory, entry: &Entry) -> Result<Recipient, String> {
        let address = entry.address.to_string();
        let braced = self.brace_name(&entry.address);
        let base = match entry.address.mailbox() {
            _ if braced.is_some() => braced.unwrap_or_default(),
            Some(mailbox) => shown(mailbox.text()),
            None => shown(&entry.address.physical())
                .split(['@', '{'])
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
        };
        let alias = mailbox_from(&base);
        let head: String = shown(entry.alias.text())
            .chars()
            .filter(|c| c.is_alphanumeric())
            .take(NAME_LEN)
            .collect();
        // The name and a hexadecimal number (R-IN-053), unique in its container.
        let mut number = digest(&address.to_lowercase());
        let mut directory_name = format!("{head}{number:08X}");
        while directory.has_name(&self.settings.import_container, &directory_name) {
            number = number.wrapping_add(1);
            directory_name = format!("{head}{number:08X}");
        }
        let mut recipient = Recipient {
            class: RecipientClass::Custom,
            directory_name,
            display_name: self.display_name(entry),
            alias,
            container: self.settings.import_container.clone(),
            home_server: String::new(),
            address: ms(&entry.address),
            proxies: Vec::new(),
            hidden: false,
            trust: self.settings.import_trust,
            imported_from: self.object.to_owned(),
            other: Vec::new(),
        };
        if let Some(map) = self.map {
            let po = entry.address.po();
            directory.map_smtp(&mut recipient, map, po)?;
        }
        directory.complete(&mut recipient, self.identity, self.own);
        Ok(recipient)
    }

    /// Applies record texts in order.
    pub fn apply<'t>(
        &self,
        directory: &mut Directory,
        records: impl IntoIterator<Item = &'t [u8]>,
    ) -> Applied {
        let mut applied = Applied::default();
        for text in records {
            match Transaction::parse(text) {
                Ok(transaction) => self.one(directory, &transaction, text, &mut applied),
                Err(_) => applied.malformed.push(Malformed::of(text, None)),
            }
        }
        for index in std::mem::take(&mut applied.stash).into_values() {
            directory.release(index);
        }
        for (&scope, &list_len) in &applied.lists {
            let removed = applied.gone.values().filter(|of| **of == scope).count() as u64;
            let removal = Removal { removed, list_len };
            applied.removals.insert(scope.to_string(), removal);
        }
        applied
    }

    /// As [`Source::apply`], from the bytes of a transaction file of this tree. What is no record in it
    /// is told in [`Applied::damaged`]; the records behind it are applied.
    pub fn apply_file(&self, directory: &mut Directory, bytes: &[u8]) -> Applied {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        let mut damaged = Vec::new();
        let mut reader = Reader::new(bytes, Trust::Tree);
        while let Some(item) = reader.next_item() {
            // Memory gives every byte there is.
            let Ok(item) = item;
            match item {
                Item::Record { record, .. } if !record.is_dummy() => {
                    texts.push(record.text.to_vec());
                }
                Item::Record { .. } => {}
                Item::Damage(damage) => damaged.push(damage),
            }
        }
        let mut applied = self.apply(directory, texts.iter().map(Vec::as_slice));
        applied.damaged = damaged;
        applied
    }

    fn one(
        &self,
        directory: &mut Directory,
        transaction: &Transaction,
        text: &[u8],
        applied: &mut Applied,
    ) {
        let Some(scope) = transaction.scope() else {
            return;
        };
        if scope == Scope::pcm(self.own) {
            return;
        }
        if matches!(
            transaction,
            Transaction::Delete { .. } | Transaction::Replace { .. }
        ) && !applied.lists.contains_key(&scope)
        {
            let list_len = directory.scope_len(scope);
            applied.lists.insert(scope, list_len);
        }
        match transaction {
            Transaction::Replace { .. } => {
                for index in directory.of_scope(scope) {
                    let Some(recipient) = directory.get(index).cloned() else {
                        continue;
                    };
                    if self.is_own(&recipient) || self.is_of_further(&recipient) {
                        directory.take_out(index);
                        applied.deleted += 1;
                        if let Some(address) = super::directory::address_of(&recipient.address) {
                            applied.gone.insert(address.clone(), scope);
                            if let Some(doubled) = applied.stash.insert(address, index) {
                                directory.release(doubled);
                            }
                        }
                    }
                }
            }
            Transaction::Add { entry, info, .. } => {
                if entry.address.check().is_err() {
                    let bad = Malformed::of(text, Some(&entry.address));
                    applied.malformed.push(bad);
                    return;
                }
                if let Err(why) = self.add(directory, entry, info, applied) {
                    applied.refused.push((shown(text), why));
                }
            }
            Transaction::Delete { entry } => match self.find(directory, entry, text, applied) {
                Some(index) => {
                    directory.remove(index);
                    applied.deleted += 1;
                    applied.gone.insert(entry.address.clone(), scope);
                }
                None => applied.discarded.push(shown(text)),
            },
            Transaction::Modify { old, new, info, .. } => {
                if let Some(new) = new
                    && new.address.check().is_err()
                {
                    let bad = Malformed::of(text, Some(&new.address));
                    applied.malformed.push(bad);
                    return;
                }
                match self.find(directory, old, text, applied) {
                    // Nothing but template data: the entry stays what it is (R-IN-020).
                    Some(index) => {
                        self.modify(directory, index, new.as_ref().unwrap_or(old), info, applied);
                    }
                    None => applied.discarded.push(shown(text)),
                }
            }
            Transaction::Template { .. } | Transaction::Comment(_) => {}
        }
    }

    /// Takes template information, when this object receives it.
    fn informed(&self, directory: &Directory, info: &[Info], recipient: &mut Recipient) {
        const INCOMING: u8 = 1;
        if self.settings.templates & INCOMING != 0 && self.templates.take(info, recipient) {
            super::directory::rename_x400(directory, recipient, self.identity);
        }
    }

    fn add(
        &self,
        directory: &mut Directory,
        entry: &Entry,
        info: &[Info],
        applied: &mut Applied,
    ) -> Result<(), String> {
        let Some(index) = directory.by_target(&entry.address) else {
            applied.gone.remove(&entry.address);
            let stashed = applied.stash.remove(&entry.address);
            let stashed = stashed.and_then(|index| Some((index, directory.taken_out(index)?)));
            if let Some((index, old)) = stashed {
                // What it was before the R, under its present name.
                let mut back = Recipient {
                    display_name: self.display_name(entry),
                    imported_from: self.object.to_owned(),
                    trust: self.settings.import_trust,
                    ..old.clone()
                };
                self.informed(directory, info, &mut back);
                directory.put_back(index, back);
                applied.deleted = applied.deleted.saturating_sub(1);
                return Ok(());
            }
            let mut new = self.recipient(directory, entry)?;
            self.informed(directory, info, &mut new);
            directory
                .add(new, self.identity, self.own)
                .map_err(|error| error.to_string())?;
            applied.added += 1;
            return Ok(());
        };
        let Some(old) = directory.get(index).cloned() else {
            return Ok(());
        };
        // Its own: what it is called now counts. Made by hand or somebody else's: it stays.
        if self.is_own(&old) {
            let mut new = Recipient {
                display_name: self.display_name(entry),
                trust: self.settings.import_trust,
                ..old.clone()
            };
            self.informed(directory, info, &mut new);
            if new != old {
                directory.replace(index, new);
                applied.modified += 1;
            }
        }
        Ok(())
    }

    /// The recipient of an entry: alias and address must fit (DEC-017), and it must be this object's.
    fn find(
        &self,
        directory: &Directory,
        entry: &Entry,
        text: &[u8],
        applied: &mut Applied,
    ) -> Option<usize> {
        let index = directory.by_target(&entry.address)?;
        let recipient = directory.get(index)?;
        let called = self.display_name(entry).to_lowercase();
        (recipient.display_name.to_lowercase() == called
            && self.may_touch(recipient, text, applied))
        .then_some(index)
    }

    fn modify(
        &self,
        directory: &mut Directory,
        index: usize,
        new: &Entry,
        info: &[Info],
        applied: &mut Applied,
    ) {
        let Some(old) = directory.get(index).cloned() else {
            return;
        };
        let taken = directory.by_target(&new.address);
        if taken.is_some_and(|other| other != index) {
            applied.discarded.push(format!("{} is taken", new.address));
            return;
        }
        let mut changed = Recipient {
            display_name: self.display_name(new),
            address: ms(&new.address),
            trust: self.settings.import_trust,
            ..old.clone()
        };
        self.informed(directory, info, &mut changed);
        if changed != old {
            directory.replace(index, changed);
            applied.modified += 1;
        }
    }
}

/// A target as the directory shows it: MS for addresses of postoffices (R-IN-012), `X.121` for the
/// network address of X.400 (Q156726).
fn ms(address: &Address) -> String {
    let text = address.to_string();
    match text.strip_prefix("PCM:") {
        Some(rest) => format!("MS:{rest}"),
        None if address.kind() == AddressType::X400 => with_dot(&text),
        None => text,
    }
}

/// `x121=` becomes `X.121=`, where a part of the address begins with it.
fn with_dot(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("x121=") {
        let begins = rest[..at].ends_with(['/', ';', ':', ' ']);
        out.push_str(&rest[..at]);
        out.push_str(if begins { "X.121=" } else { &rest[at..at + 5] });
        rest = &rest[at + 5..];
    }
    out.push_str(rest);
    out
}
