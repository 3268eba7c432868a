//! M, and what a crashed run left for copies in the address list.

use super::{Apply, ListId, Origin, Target, list_of};
use crate::core::base::transaction::Info;
use crate::core::base::{Entry, HexId, Transaction};
use crate::core::format::codes::AddressCode;
use crate::import::error::ImportError;
use crate::import::log::message;
use crate::import::pol::{Change, Changed};
use crate::postoffice::Edit;

impl Apply {
    pub(super) fn modify(
        &mut self,
        edit: &mut Edit<'_>,
        old: &Entry,
        new: &Entry,
        info: &[Info],
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let (from, to) = (list_of(&old.address), list_of(&new.address));
        if self.is_own(&from) || self.is_own(&to) {
            self.own(from, at);
            return Ok(());
        }
        let source = match self.target(edit, from, false, at)? {
            Target::List(id) => Some(id),
            _ => None,
        };
        let found = source.and_then(|id| self.lists.get(&id).and_then(|list| list.tid_of(old)));
        let Some((source, tid)) = source.zip(found) else {
            return self.modify_missing(edit, old, new, info, at);
        };
        // The list of the new address; another one when net/po changes.
        let target = if from == to {
            source
        } else {
            match self.target(edit, to, true, at)? {
                Target::List(id) => id,
                _ => {
                    self.counts.failed += 1;
                    return Ok(());
                }
            }
        };
        let taken = self
            .lists
            .get(&target)
            .is_some_and(|list| list.is_taken(new, (target == source).then_some(old)));
        if taken {
            return self.modify_taken(edit, (source, old), (target, new), info, at);
        }
        let mut pointer = None;
        // What is compared is what stands in the list: names are found without regard to case, and
        // the transaction may say the same name twice to mend its spelling.
        let same = source == target
            && self
                .lists
                .get(&source)
                .is_some_and(|list| list.is_spelled(new));
        if !same {
            if source == target {
                if let Some(list) = self.lists.get_mut(&source) {
                    pointer = list.change(old, new)?;
                }
            } else {
                if let Some(list) = self.lists.get_mut(&source) {
                    list.delete(old);
                }
                if let Some(list) = self.lists.get_mut(&target) {
                    list.insert(new, tid)?;
                }
            }
        }
        self.info(target, tid, info, at);
        if same && info.is_empty() {
            self.counts.repeated += 1;
        } else {
            self.counts.modified += 1;
        }
        if !same {
            self.modify_copy(edit, old, new, pointer, at)?;
        }
        Ok(())
    }

    /// An M whose new alias is in the list already: an M is a D and an A (imp R-TXN-M3), so the old
    /// entry goes, which its owner has no longer, and the A finds the alias there: nothing when it is
    /// the very entry, [27] with another address (DEC-018). So an import reply, whose list of the
    /// server may be ahead of the transactions that follow it, ends as the owner has it.
    fn modify_taken(
        &mut self,
        edit: &mut Edit<'_>,
        (source, old): (ListId, &Entry),
        (target, new): (ListId, &Entry),
        info: &[Info],
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        if let Some(list) = self.lists.get_mut(&source) {
            list.delete(old);
        }
        let there = self.lists.get(&target).and_then(|list| list.tid_of(new));
        let Some(tid) = there else {
            self.copies.delete(edit, old, self.options.now)?;
            self.fail(message(27, new.alias.to_string()), at);
            return Ok(());
        };
        self.info(target, tid, info, at);
        self.counts.modified += 1;
        self.modify_copy(edit, old, new, None, at)?;
        Ok(())
    }

    /// An M whose entry is not in its list: it may have been applied before, or only the address list
    /// has a copy.
    fn modify_missing(
        &mut self,
        edit: &mut Edit<'_>,
        old: &Entry,
        new: &Entry,
        info: &[Info],
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let done = match self.target(edit, list_of(&new.address), false, at)? {
            Target::List(id) => self
                .lists
                .get(&id)
                .and_then(|list| list.tid_of(new))
                .map(|tid| (id, tid)),
            _ => None,
        };
        if let Some((id, tid)) = done {
            // Resent transactions are normal traffic (as DEC-018 says of A; ASSIGNED for M).
            self.counts.repeated += 1;
            self.info(id, tid, info, at);
            return Ok(());
        }
        if self.modify_copy(edit, old, new, None, at)? == Changed::None {
            self.fail(message(29, old.alias.to_string()), at);
        } else {
            self.counts.modified += 1;
        }
        Ok(())
    }

    fn modify_copy(
        &mut self,
        edit: &mut Edit<'_>,
        old: &Entry,
        new: &Entry,
        pointer: Option<u32>,
        at: Origin<'_>,
    ) -> Result<Changed, ImportError> {
        let code = AddressCode::from_code(new.address.kind().code());
        let mailbag = match (code, new.address.po()) {
            (Some(code), Some(po)) => self
                .places
                .find(code, po)
                .map(|place| self.places.places[place].outbound),
            (Some(code), None) => self
                .places
                .gateway(code)
                .and_then(|gateway| gateway.mailbag),
            _ => None,
        };
        let change = Change {
            new,
            pointer,
            mailbag: mailbag.unwrap_or_default(),
        };
        let changed = self.copies.modify(edit, old, &change, self.options.now)?;
        if changed == Changed::AliasTaken {
            let name = format!("{} (ADMIN.NME)", new.alias);
            self.say(message(27, name), at);
        }
        Ok(changed)
    }

    /// A transaction that a crashed run left for the postoffice address list. What is not there was
    /// done before the crash.
    pub(super) fn take_copy(
        &mut self,
        edit: &mut Edit<'_>,
        transaction: &Transaction,
    ) -> Result<(), ImportError> {
        let done = match transaction {
            Transaction::Delete { entry } => self.copies.delete(edit, entry, self.options.now)?,
            Transaction::Modify { old, new, .. } => {
                let new = new.as_ref().unwrap_or(old);
                let code = AddressCode::from_code(new.address.kind().code());
                let mailbag = code
                    .zip(new.address.po())
                    .and_then(|(code, po)| self.places.find(code, po))
                    .map_or(HexId::default(), |place| self.places.places[place].outbound);
                let change = Change {
                    new,
                    pointer: None,
                    mailbag,
                };
                self.copies.modify(edit, old, &change, self.options.now)? != Changed::None
            }
            _ => false,
        };
        if !done {
            self.counts.repeated += 1;
        }
        Ok(())
    }
}
