//! What leaves: the recipients against the table of what was sent (exc 8).
//!
//! The table (XDIR.TAB) has a record of every recipient that others know: name and address as they
//! were sent. A recipient without a record is new (A), one whose name or address differs changed
//! (M; D and A where the postoffice differs, Q246833), a record without a recipient that may leave is
//! gone (D). Deletions come first, so that a name that is free again can be used in the same session
//! (Q192514).

use std::collections::{BTreeMap, HashMap};

use crate::core::base::address::{Address, AddressType, FullName, PoName, Scope};
use crate::core::base::codepage::CodePage;
use crate::core::base::transaction::Info;
use crate::core::base::{Entry, Transaction};
use crate::core::format::exchange::agent_ini::{Identity, PartySettings};
use crate::core::format::exchange::recipients::{Recipient, RecipientClass};
use crate::core::format::exchange::registry::DxSettings;
use crate::core::format::exchange::xdir::{self, Mapping};
use crate::postoffice::list_error::ListError;
use crate::postoffice::{Edit, PoError};

use super::directory::{Directory, dirsync_address, distinguished_name};
use super::templates::Templates;

/// Longest name in a list of a postoffice, in bytes of code page 850.
const NAME_LEN: usize = 30;
/// Longest table that is read, in bytes.
const TABLE_LIMIT: u64 = 1 << 30;

/// `DXA-Template-Options`: template information leaves.
const OUTGOING: u8 = 2;

/// What a session sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// The transactions, in order.
    pub transactions: Vec<Transaction>,
    /// The table afterwards.
    pub table: Vec<Mapping>,
    /// Recipients that cannot be written for postoffices, and why.
    pub left_out: Vec<String>,
}

/// Reads the table.
///
/// # Errors
/// It is damaged: what was sent is not known then.
pub fn load_table(edit: &mut Edit<'_>) -> Result<Vec<Mapping>, PoError> {
    let bytes = edit.peek(xdir::PATH, TABLE_LIMIT)?.unwrap_or_default();
    let damaged = |error| ListError::damaged(xdir::PATH, error);
    let mut table = Vec::new();
    for record in xdir::read(&bytes).map_err(damaged)? {
        table.push(record.map_err(damaged)?);
    }
    Ok(table)
}

/// Writes the table.
///
/// # Errors
/// A text with a control character; a disk error.
pub fn save_table(edit: &mut Edit<'_>, table: &[Mapping]) -> Result<(), PoError> {
    let mut text = format!("{}\r\n", xdir::HEADER);
    for record in table {
        let line = record
            .line()
            .map_err(|error| ListError::damaged(xdir::PATH, error))?;
        text.push_str(&line);
    }
    edit.replace_whole(xdir::PATH, text.into_bytes())?;
    Ok(())
}

/// Whether a recipient may leave by these settings (R-OUT-001, R-REG-05). What was imported never
/// goes back; a hidden one is not sent.
#[must_use]
pub fn may_leave(recipient: &Recipient, settings: &PartySettings, registry: &DxSettings) -> bool {
    let contained = settings
        .export_containers
        .iter()
        .any(|container| container.eq_ignore_ascii_case(&recipient.container));
    if !contained || !recipient.may_be_exported(settings.export_trust) || recipient.hidden {
        return false;
    }
    if recipient.class != RecipientClass::Custom {
        return true;
    }
    let is_ms =
        dirsync_address(recipient).is_some_and(|address| address.kind() == AddressType::Pcm);
    settings.export_custom_recipients
        && recipient.imported_from.is_empty()
        && !(registry.require_valid_imp_from && is_ms)
}

/// The names that others know, and whose they are.
struct Names {
    unique: bool,
    by_name: HashMap<String, Vec<(String, Option<Address>)>>,
}

impl Names {
    fn note(&mut self, mapping: &Mapping) {
        let key = mapping.display_name.to_lowercase();
        let address = mapping.address.parse().ok();
        self.by_name
            .entry(key)
            .or_default()
            .push((mapping.obj_dist_name.clone(), address));
    }

    /// Whether another object has this name, so that it needs a suffix (Q166545, Q192514: an address
    /// that is not known never collides).
    fn collides(&self, name: &str, dn: &str, address: &Address) -> bool {
        let Some(others) = self.by_name.get(&name.to_lowercase()) else {
            return false;
        };
        others
            .iter()
            .filter(|(own, _)| *own != dn)
            .any(|(_, other)| {
                if self.unique {
                    return true;
                }
                let Some(other) = other else { return false };
                if other.kind() != address.kind() {
                    return false;
                }
                address.kind() != AddressType::Pcm || other.po() == address.po()
            })
    }
}

/// At most so many bytes of code page 850, each character of which is one.
fn cut(text: &str, most: usize) -> String {
    text.chars()
        .take(most)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// A name with the suffix 001, 002, ... where another object has it (R-OUT-020..025).
fn suffixed(names: &Names, base: &str, dn: &str, address: &Address) -> String {
    let plain = cut(base, NAME_LEN);
    if !names.collides(&plain, dn, address) {
        return plain;
    }
    let head = cut(base, NAME_LEN - 3);
    (1..1000u32)
        .map(|number| format!("{head}{number:03}"))
        .find(|name| !names.collides(name, dn, address))
        .unwrap_or(plain)
}

/// Whether a name that was sent is still that of a recipient: the same, or with a suffix.
fn stands_for(sent: &str, base: &str) -> bool {
    if sent == cut(base, NAME_LEN) {
        return true;
    }
    let head = cut(base, NAME_LEN - 3);
    sent.strip_prefix(&head)
        .is_some_and(|rest| rest.len() == 3 && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn entry(name: &str, address: &Address) -> Option<Entry> {
    let name = CodePage::Cp850.encode(name).ok()?;
    Some(Entry {
        alias: FullName::new(&name).ok()?,
        address: address.clone(),
    })
}

fn entry_of(mapping: &Mapping) -> Option<Entry> {
    entry(&mapping.display_name, &mapping.address.parse().ok()?)
}

/// What a session of this agent sends.
#[must_use]
pub fn session(
    directory: &Directory,
    table: &[Mapping],
    identity: &Identity,
    own: PoName,
    settings: &PartySettings,
    (registry, templates): (&DxSettings, &Templates),
) -> Session {
    let mut session = Session::default();
    let known: BTreeMap<&str, &Mapping> = table
        .iter()
        .map(|mapping| (mapping.obj_dist_name.as_str(), mapping))
        .collect();
    let mut usn = table.iter().map(|m| m.usn_changed).max().unwrap_or(0);
    let present: BTreeMap<String, &Recipient> = directory
        .iter()
        .map(|recipient| (distinguished_name(identity, recipient), recipient))
        .collect();
    // A hidden one that others know stays with them: hiding sends no delete (Q200062).
    let stays = |dn: &str| {
        present.get(dn).is_some_and(|recipient| {
            may_leave(recipient, settings, registry)
                || (recipient.hidden
                    && may_leave(
                        &Recipient {
                            hidden: false,
                            ..(*recipient).clone()
                        },
                        settings,
                        registry,
                    ))
        })
    };
    let mut names = Names {
        unique: registry.unique_display_names,
        by_name: HashMap::new(),
    };
    let full = settings.export_now;
    for mapping in table {
        if stays(&mapping.obj_dist_name) {
            names.note(mapping);
        } else if !full || !is_own(mapping, own) {
            session
                .transactions
                .extend(entry_of(mapping).map(|entry| Transaction::Delete { entry }));
        }
    }
    if full {
        let scope = Scope::pcm(own);
        session.transactions.push(Transaction::Replace { scope });
    }
    let mut made: Vec<Mapping> = Vec::new();
    for recipient in directory.iter() {
        let dn = distinguished_name(identity, recipient);
        let before = known.get(dn.as_str()).copied().filter(|_| stays(&dn));
        if !may_leave(recipient, settings, registry) {
            // Hidden since: what others know of it is kept, and not said again. An Export leaves it
            // out, and then nobody knows it any more.
            made.extend(before.filter(|_| !full).cloned());
            continue;
        }
        let Some(address) = dirsync_address(recipient) else {
            session
                .left_out
                .push(format!("{dn} has no address that postoffices can use"));
            made.extend(before.cloned());
            continue;
        };
        let base = if recipient.display_name.is_empty() {
            &recipient.alias
        } else {
            &recipient.display_name
        };
        let same_name = before.is_some_and(|old| stands_for(&old.display_name, base));
        let name = match before {
            Some(old) if same_name => old.display_name.clone(),
            _ => suffixed(&names, base, &dn, &address),
        };
        let Some(new) = entry(&name, &address) else {
            session.left_out.push(format!(
                "the name {name:?} has characters that the other side's code page lacks (Q176219)"
            ));
            made.extend(before.cloned());
            continue;
        };
        let info = if settings.templates & OUTGOING != 0 {
            templates.give(recipient)
        } else {
            Vec::new()
        };
        let old = before.and_then(entry_of);
        let unchanged = old
            .as_ref()
            .is_some_and(|old| old.alias == new.alias && old.address == new.address);
        if unchanged {
            if full {
                session.transactions.push(add(&new, &info));
            }
            made.extend(before.cloned());
            continue;
        }
        match old {
            // The address is in another postoffice: an Add, by design (Q246833); the old one goes
            // with it (ASSIGNED: nobody keeps an address that does not exist).
            Some(old) if old.address.scope() != new.address.scope() => {
                session
                    .transactions
                    .push(Transaction::Delete { entry: old });
                session.transactions.push(add(&new, &info));
            }
            Some(old) if !full => session.transactions.push(Transaction::Modify {
                old,
                new: Some(new.clone()),
                info: info.clone(),
                options: Vec::new(),
            }),
            _ => session.transactions.push(add(&new, &info)),
        }
        usn += 1;
        let mapping = Mapping {
            usn_changed: usn,
            display_name: name,
            address: address.to_string(),
            obj_dist_name: dn,
        };
        names.note(&mapping);
        made.push(mapping);
    }
    session.table = made;
    session
}

fn is_own(mapping: &Mapping, own: PoName) -> bool {
    mapping
        .address
        .parse::<Address>()
        .is_ok_and(|address| address.scope() == Scope::pcm(own))
}

fn add(entry: &Entry, info: &[Info]) -> Transaction {
    Transaction::Add {
        entry: entry.clone(),
        info: info.to_vec(),
        options: Vec::new(),
    }
}
