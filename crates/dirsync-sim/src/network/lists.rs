//! Address lists as an import keeps them, without files.

use std::collections::BTreeMap;

use dirsync_core::base::{AddressType, Entry, PoName, Transaction};
use dirsync_core::protocol::guard::Removal;

/// A list: alias in upper case, and the entry.
pub type List = BTreeMap<Vec<u8>, Entry>;

/// The key of an entry.
#[must_use]
pub fn key(entry: &Entry) -> Vec<u8> {
    entry.alias.text().to_ascii_uppercase()
}

/// What IMPORT does with one transaction of a list (DEC-017, DEC-018).
pub fn apply(list: &mut List, transaction: &Transaction) {
    match transaction {
        Transaction::Replace { .. } => list.clear(),
        Transaction::Add { entry, .. } => {
            list.entry(key(entry)).or_insert_with(|| entry.clone());
        }
        Transaction::Delete { entry } if has(list, entry) => {
            list.remove(&key(entry));
        }
        Transaction::Modify { old, new, .. } if has(list, old) => {
            list.remove(&key(old));
            let new = new.as_ref().unwrap_or(old);
            list.entry(key(new)).or_insert_with(|| new.clone());
        }
        _ => {}
    }
}

fn has(list: &List, entry: &Entry) -> bool {
    list.get(&key(entry)).is_some_and(|old| old.matches(entry))
}

/// The postoffice whose list a transaction is about.
#[must_use]
pub fn owner(transaction: &Transaction) -> Option<PoName> {
    let scope = transaction.scope()?;
    scope.node.filter(|_| scope.kind == AddressType::Pcm)
}

/// What the guard counts.
#[must_use]
pub fn removal(old: &List, new: &List) -> Removal {
    let entries = |list: &List| -> Vec<(Vec<u8>, String)> {
        let pairs = list.iter();
        pairs
            .map(|(key, entry)| (key.clone(), entry.address.to_string()))
            .collect()
    };
    Removal::between(entries(old), entries(new))
}

/// What differs, in words: at most one entry of each side.
#[must_use]
pub fn difference(held: &List, true_list: &List) -> String {
    let missing = true_list
        .iter()
        .find(|(key, entry)| held.get(*key) != Some(*entry));
    let surplus = held
        .iter()
        .find(|(key, entry)| true_list.get(*key) != Some(*entry));
    let mut text = format!("{} entries instead of {}", held.len(), true_list.len());
    if let Some((_, entry)) = missing {
        text.push_str(&format!(", without {} {}", entry.alias, entry.address));
    }
    if let Some((_, entry)) = surplus {
        text.push_str(&format!(", with {} {}", entry.alias, entry.address));
    }
    text
}
