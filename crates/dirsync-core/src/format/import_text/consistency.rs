//! What only the whole file shows: an alias that comes twice (message 28), a prompt that the template
//! of the same file does not have (message 37).
//!
//! Aliases are held as hashes of 64 bits, so a file of a million names takes some 40 MB and two
//! names are confused less than once in a million files. What stands in the lists of a postoffice is
//! for the import itself.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::base::codepage::upper_850;
use crate::base::transaction::{Entry, Info};
use crate::base::{Scope, Transaction};
use crate::format::template::TemplateField;

/// Something that two transactions of one file do not agree about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inconsistency {
    /// 28: another transaction gave the alias to another address.
    DuplicateAlias,
    /// 37: the template of the file does not have the prompt.
    UnknownPrompt(Vec<u8>),
}

impl Inconsistency {
    /// The message number.
    #[must_use]
    pub fn number(&self) -> u16 {
        match self {
            Self::DuplicateAlias => 28,
            Self::UnknownPrompt(_) => 37,
        }
    }
}

/// Templates of more lists than this are not remembered (a file has a few).
const TEMPLATES_KEPT: usize = 4096;

/// The transactions of a file so far.
#[derive(Debug, Default)]
pub struct Consistency {
    /// Hash of list, generation and alias to hash of the address.
    aliases: HashMap<u64, u64>,
    /// How often a list was emptied.
    generations: HashMap<Scope, u32>,
    /// Prompts of the templates that the file defines, blanks at their ends cut off.
    prompts: HashMap<Scope, Vec<Vec<u8>>>,
}

fn hash(parts: impl Fn(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts(&mut hasher);
    hasher.finish()
}

impl Consistency {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next transaction; what does not fit those before it.
    pub fn see(&mut self, transaction: &Transaction) -> Vec<Inconsistency> {
        let mut found = Vec::new();
        match transaction {
            Transaction::Add { entry, info, .. } => {
                let (alias, address) = self.key(entry);
                match self.aliases.get(&alias) {
                    Some(&known) if known != address => found.push(Inconsistency::DuplicateAlias),
                    Some(_) => {}
                    None => {
                        self.aliases.insert(alias, address);
                    }
                }
                self.prompts_of(entry, info, &mut found);
            }
            Transaction::Delete { entry } => {
                let (alias, _) = self.key(entry);
                self.aliases.remove(&alias);
            }
            Transaction::Modify { old, new, info, .. } => {
                let new = new.as_ref().unwrap_or(old);
                let (from, _) = self.key(old);
                let (to, address) = self.key(new);
                let was_here = self.aliases.remove(&from).is_some();
                if from != to && self.aliases.contains_key(&to) {
                    found.push(Inconsistency::DuplicateAlias);
                } else if was_here || from != to {
                    self.aliases.insert(to, address);
                }
                self.prompts_of(new, info, &mut found);
            }
            Transaction::Replace { scope } => {
                let generation = self.generations.entry(*scope).or_default();
                *generation = generation.saturating_add(1);
            }
            Transaction::Template { scope, fields } => {
                if self.prompts.len() < TEMPLATES_KEPT {
                    let prompts = fields
                        .iter()
                        .filter_map(|line| TemplateField::parse(line.text()).ok())
                        .map(|field| field.prompt.trim_ascii_end().to_vec())
                        .collect();
                    self.prompts.insert(*scope, prompts);
                }
            }
            Transaction::Comment(_) => {}
        }
        found
    }

    fn key(&self, entry: &Entry) -> (u64, u64) {
        let scope = entry.address.scope();
        let generation = self.generations.get(&scope).copied().unwrap_or_default();
        let alias = hash(|hasher| {
            scope.hash(hasher);
            generation.hash(hasher);
            for &byte in entry.alias.text() {
                hasher.write_u8(upper_850(byte));
            }
        });
        (alias, hash(|hasher| entry.address.hash(hasher)))
    }

    fn prompts_of(&self, entry: &Entry, info: &[Info], found: &mut Vec<Inconsistency>) {
        let Some(prompts) = self.prompts.get(&entry.address.scope()) else {
            return;
        };
        for line in info {
            let wanted = line.prompt().trim_ascii_end();
            if !prompts.iter().any(|prompt| prompt == wanted) {
                found.push(Inconsistency::UnknownPrompt(line.prompt().to_vec()));
            }
        }
    }
}
