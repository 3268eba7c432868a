//! Transactions of an import file: applied as those of a queue, and what only a file may do.
//!
//! * the own postoffice's users are created, changed and removed ([`super::local`], imp R-TXN-X);
//! * `-a`: entries go into the postoffice address list as well (Q112285, Q124044);
//! * `-r`: every list that the file names is emptied before its first entry; with `-a` in the
//!   postoffice address list too, which an R line never touches (Q112285).

use std::collections::{BTreeSet, HashSet};

use super::{Apply, ListId, Origin, Part};
use crate::core::base::address::Fault;
use crate::core::base::{Entry, Scope, Transaction};
use crate::core::format::codes::AddressCode;
use crate::core::protocol::guard::Removal;
use crate::core::protocol::log::LogLine;
use crate::import::apply::Applied;
use crate::import::error::{Held, ImportError};
use crate::import::log::message;
use crate::import::pol::{Copied, NewCopy};
use crate::import::problem::Problems;
use crate::postoffice::Edit;

/// What a file import may do beyond a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileRules {
    /// Entries go into the postoffice address list, too (`-a`).
    pub add_to_pol: bool,
    /// Lists are replaced (`-r`).
    pub replace: bool,
    /// More than 500 local users are message 87, not a warning.
    pub strict_limits: bool,
}

/// How far a file import is.
#[derive(Debug, Default)]
pub(super) struct FromFile {
    pub(super) rules: FileRules,
    /// Lists that `-r` has emptied.
    replaced: HashSet<Scope>,
    /// Local users before, once one was to be deleted.
    pub(super) users_before: Option<u64>,
    /// Local users deleted.
    pub(super) users_deleted: u64,
    /// Messages about the own postoffice that are said once.
    pub(super) said: BTreeSet<u16>,
}

impl Apply {
    /// Allows what only a file may do.
    pub(in crate::import) fn with_file_rules(mut self, rules: FileRules) -> Self {
        self.file.rules = rules;
        self
    }

    /// What was said so far.
    pub(in crate::import) fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Adds a message of the file itself.
    pub(in crate::import) fn say_of_file(&mut self, line: LogLine, at: Origin<'_>) {
        self.say(line, at);
    }

    /// Applies one transaction of a file; whether it could be applied.
    ///
    /// # Errors
    /// What stops the whole import; nothing is applied then.
    pub(in crate::import) fn take_from_file(
        &mut self,
        edit: &mut Edit<'_>,
        transaction: &Transaction,
        at: Origin<'_>,
    ) -> Result<bool, ImportError> {
        let failed = self.counts.failed;
        self.file_transaction(edit, transaction, at)?;
        Ok(self.counts.failed == failed)
    }

    fn file_transaction(
        &mut self,
        edit: &mut Edit<'_>,
        transaction: &Transaction,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let Some(scope) = transaction.scope() else {
            self.counts.ignored += 1;
            return Ok(());
        };
        let Some(entry) = transaction.entry() else {
            if self.is_own(&scope) {
                // The own list and its template belong to the administrator's other tools.
                self.counts.ignored += 1;
                self.say(message(66, scope.to_string()), at);
                return Ok(());
            }
            if let Transaction::Replace { .. } = transaction {
                self.file.replaced.insert(scope);
            }
            return self.take(edit, transaction, Part::Both, at);
        };
        let to = match transaction {
            Transaction::Modify { new: Some(new), .. } => new.address.scope(),
            _ => scope,
        };
        match (self.is_own(&scope), self.is_own(&to)) {
            (true, true) => return self.local(edit, transaction, at),
            (true, false) => {
                self.fail(message(92, entry.alias.to_string()), at);
                return Ok(());
            }
            (false, true) => {
                let about = format!("{}: an external entry stays external", entry.alias);
                self.fail(message(85, about), at);
                return Ok(());
            }
            (false, false) => {}
        }
        let options = match transaction {
            Transaction::Add { options, .. } | Transaction::Modify { options, .. } => options,
            _ => &Vec::new(),
        };
        if !options.is_empty() {
            let line = super::fault_line(Fault::UserOptionNotAllowed, transaction);
            self.fail(line, at);
            return Ok(());
        }
        if self.file.rules.replace && self.file.replaced.insert(scope) {
            self.replace(edit, scope, at)?;
            if self.file.rules.add_to_pol {
                self.copies.replace(edit, scope, self.options.now)?;
            }
        }
        let before = self.counts.failed;
        self.take(edit, transaction, Part::Both, at)?;
        if let (Transaction::Add { entry, .. }, true) = (transaction, self.file.rules.add_to_pol)
            && self.counts.failed == before
        {
            self.add_copy(edit, entry, at)?;
        }
        Ok(())
    }

    /// Puts an entry of a list into the postoffice address list, too.
    fn add_copy(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let kind = entry.address.kind();
        let code = AddressCode::from_code(kind.code()).unwrap_or(AddressCode::Pcm);
        let copy = match entry.address.po() {
            Some(po) => self.places.find(code, po).map(|place| NewCopy {
                code: self.places.places[place].code,
                mailbag: self.places.places[place].outbound,
                pointer: None,
            }),
            None => self
                .lists
                .get(&ListId::Gateway(kind))
                .and_then(|list| list.pointer_of(entry))
                .map(|pointer| NewCopy {
                    code,
                    mailbag: self
                        .places
                        .gateway(code)
                        .and_then(|gateway| gateway.mailbag)
                        .unwrap_or_default(),
                    pointer: Some(pointer),
                }),
        };
        let Some(copy) = copy else { return Ok(()) };
        self.tids.hand_over(edit)?;
        let copied = self.copies.add(edit, entry, &copy, self.options.now)?;
        self.tids.take_back(edit)?;
        if copied == Copied::AliasTaken {
            let name = format!("{} (ADMIN.NME)", entry.alias);
            self.say(message(27, name), at);
        }
        Ok(())
    }

    /// As `finish` of a queue, with the guard of the local users.
    ///
    /// # Errors
    /// As `finish`.
    pub(in crate::import) fn finish_file(
        mut self,
        edit: &mut Edit<'_>,
    ) -> Result<Applied, ImportError> {
        if let (Some(list_len), Some(own)) = (self.file.users_before, self.places.own) {
            let removal = Removal {
                removed: self.file.users_deleted,
                list_len,
            };
            let scope = Scope::pcm(own);
            if let Err(removal) = removal.judge(self.options.allow_deletes.of(scope)) {
                return Err(ImportError::Held(vec![Held {
                    list: scope.to_string(),
                    removal,
                }]));
            }
        }
        self.copies.remove_stale(edit)?;
        self.finish(edit)
    }
}
