//! What arrives: transactions become custom recipients (exc 7).
//!
//! A becomes a custom recipient in the import container of the object it came through, D takes it
//! away, M changes it, R takes the whole list of that object away. The object's name stands in
//! Imported-From, and D, M and R touch only recipients of the object they come through, or of those
//! that `Requestors Used To Import From` names (R-IN-030, R-IN-031). Addresses of this organization
//! are its own business and passed over.

use std::collections::{BTreeMap, HashMap};

use crate::core::base::address::{Address, PoName, Scope};
use crate::core::base::codepage::CodePage;
use crate::core::base::{Entry, Transaction};
use crate::core::format::exchange::agent_ini::{Identity, PartySettings};
use crate::core::format::exchange::recipients::{Recipient, RecipientClass};
use crate::core::format::transactions::{Item, Reader, Trust};
use crate::core::protocol::guard::Removal;

use super::directory::{Directory, mailbox_from};

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
    pub malformed: Vec<String>,
    /// Recipients found through a further object (event 282).
    pub further: u64,
    /// Of each list: what goes, and how long it was.
    pub removals: BTreeMap<String, Removal>,
    /// Recipients that an R took away; one that comes back with the same name stays what it was
    /// (DEC-082: whoever refers to it finds it).
    stash: HashMap<Address, Recipient>,
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
    fn may_touch(&self, recipient: &Recipient, applied: &mut Applied) -> bool {
        let of = &recipient.imported_from;
        if of.eq_ignore_ascii_case(self.object) {
            return true;
        }
        // O-14: an entry is a name, or several parted by blanks.
        let named = self.further.iter().any(|entry| {
            entry.eq_ignore_ascii_case(of)
                || entry
                    .split_whitespace()
                    .any(|name| name.eq_ignore_ascii_case(of))
        });
        if named && !of.is_empty() {
            applied.further += 1;
            return true;
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

    fn recipient(&self, directory: &Directory, entry: &Entry) -> Recipient {
        let address = entry.address.to_string();
        let base = match entry.address.mailbox() {
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
        directory.complete(&mut recipient, self.identity, self.own);
        recipient
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
                Err(_) => applied.malformed.push(shown(text)),
            }
        }
        for (&scope, &list_len) in &applied.lists {
            let removed = applied.gone.values().filter(|of| **of == scope).count() as u64;
            let removal = Removal { removed, list_len };
            applied.removals.insert(scope.to_string(), removal);
        }
        applied
    }

    /// As [`Source::apply`], from the bytes of a transaction file of this tree.
    pub fn apply_file(&self, directory: &mut Directory, bytes: &[u8]) -> Applied {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        let mut reader = Reader::new(bytes, Trust::Tree);
        while let Some(Ok(item)) = reader.next_item() {
            if let Item::Record { record, .. } = item
                && !record.is_dummy()
            {
                texts.push(record.text.to_vec());
            }
        }
        self.apply(directory, texts.iter().map(Vec::as_slice))
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
            let list_len = directory.find_all(|r| in_scope(r, scope)).len() as u64;
            applied.lists.insert(scope, list_len);
        }
        match transaction {
            Transaction::Replace { .. } => {
                for index in directory.find_all(|r| in_scope(r, scope)) {
                    let Some(recipient) = directory.get(index).cloned() else {
                        continue;
                    };
                    if self.may_touch(&recipient, applied) {
                        directory.remove(index);
                        applied.deleted += 1;
                        if let Some(address) = super::directory::address_of(&recipient.address) {
                            applied.gone.insert(address.clone(), scope);
                            applied.stash.insert(address, recipient);
                        }
                    }
                }
            }
            Transaction::Add { entry, .. } => {
                if entry.address.check().is_err() {
                    applied.malformed.push(shown(text));
                    return;
                }
                self.add(directory, entry, applied);
            }
            Transaction::Delete { entry } => match self.find(directory, entry, applied) {
                Some(index) => {
                    directory.remove(index);
                    applied.deleted += 1;
                    applied.gone.insert(entry.address.clone(), scope);
                }
                None => applied.discarded.push(shown(text)),
            },
            Transaction::Modify { old, new, .. } => {
                if new.as_ref().is_some_and(|new| new.address.check().is_err()) {
                    applied.malformed.push(shown(text));
                    return;
                }
                match self.find(directory, old, applied) {
                    Some(index) => self.modify(directory, index, new.as_ref(), applied),
                    None => applied.discarded.push(shown(text)),
                }
            }
            Transaction::Template { .. } | Transaction::Comment(_) => {}
        }
    }

    fn add(&self, directory: &mut Directory, entry: &Entry, applied: &mut Applied) {
        let Some(index) = directory.by_target(&entry.address) else {
            applied.gone.remove(&entry.address);
            if let Some(old) = applied.stash.remove(&entry.address) {
                // What it was before the R, under its present name.
                let back = Recipient {
                    display_name: self.display_name(entry),
                    imported_from: self.object.to_owned(),
                    trust: self.settings.import_trust,
                    ..old
                };
                directory.put_back(back);
                applied.deleted = applied.deleted.saturating_sub(1);
                return;
            }
            let new = self.recipient(directory, entry);
            // Names and proxies were made unique, and the target is free.
            if directory.add(new, self.identity, self.own).is_ok() {
                applied.added += 1;
            }
            return;
        };
        let Some(old) = directory.get(index).cloned() else {
            return;
        };
        // Its own: what it is called now counts. Made by hand or somebody else's: it stays.
        if old.imported_from.eq_ignore_ascii_case(self.object) {
            let new = Recipient {
                display_name: self.display_name(entry),
                trust: self.settings.import_trust,
                ..old.clone()
            };
            if new != old {
                directory.replace(index, new);
                applied.modified += 1;
            }
        }
    }

    /// The recipient of an entry: alias and address must fit (DEC-017), and it must be this object's.
    fn find(&self, directory: &Directory, entry: &Entry, applied: &mut Applied) -> Option<usize> {
        let index = directory.by_target(&entry.address)?;
        let recipient = directory.get(index)?;
        let called = self.display_name(entry).to_lowercase();
        (recipient.display_name.to_lowercase() == called && self.may_touch(recipient, applied))
            .then_some(index)
    }

    fn modify(
        &self,
        directory: &mut Directory,
        index: usize,
        new: Option<&Entry>,
        applied: &mut Applied,
    ) {
        let (Some(old), Some(new)) = (directory.get(index).cloned(), new) else {
            return;
        };
        let taken = directory.by_target(&new.address);
        if taken.is_some_and(|other| other != index) {
            applied.discarded.push(format!("{} is taken", new.address));
            return;
        }
        let changed = Recipient {
            display_name: self.display_name(new),
            address: ms(&new.address),
            trust: self.settings.import_trust,
            ..old.clone()
        };
        if changed != old {
            directory.replace(index, changed);
            applied.modified += 1;
        }
    }
}

/// Whether a custom recipient is of a list.
#[must_use]
pub fn in_scope(recipient: &Recipient, scope: Scope) -> bool {
    recipient.class == RecipientClass::Custom
        && super::directory::address_of(&recipient.address)
            .is_some_and(|address| address.scope() == scope)
}

/// A target as the directory shows it: MS for addresses of postoffices (R-IN-012).
fn ms(address: &Address) -> String {
    let text = address.to_string();
    match text.strip_prefix("PCM:") {
        Some(rest) => format!("MS:{rest}"),
        None => text,
    }
}
