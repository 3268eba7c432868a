//! Export (Config, Dir-Sync, Requestor, Export): the whole own list into the waiting transactions.
//!
//! One R for the own postoffice, a T when template data is sent, and one A for every user and group
//! that takes part, in the order of their records, as the published listing shows (dsp R-T0-005,
//! Q96060). What waited of the own list and was never sent is said again by it and goes (DEC-059).

use crate::core::base::address::Scope;
use crate::core::base::time::UnixTime;
use crate::core::base::transaction::Transaction;
use crate::core::format::record::LIVE;
use crate::core::format::reqconf::ReqConfRecord;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::lists::Lists;
use super::save_reqconf;

/// What an export did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Number of the R.
    pub first: u32,
    /// Number of the last A, or of the R when nobody takes part.
    pub last: u32,
    /// Users in it.
    pub users: u32,
    /// Groups in it.
    pub groups: u32,
    /// Waiting transactions that were dropped because this export says them again.
    pub dropped: u32,
    /// What deserves a look.
    pub warnings: Vec<String>,
}

/// When the last export was, if nothing was sent since then: the export would be repeated within
/// a cycle, which is asked for (design 5). `highest` is the highest number given so far.
///
/// Times are whole seconds and a small network runs faster: within one second the numbers tell
/// whether T1 came after the export.
#[must_use]
pub fn repeated(conf: &ReqConfRecord, highest: u32) -> Option<UnixTime> {
    let (last, sent) = (conf.last_export.get(), conf.last_t1.get());
    let unsent = last > sent || (last == sent && highest > conf.last_sent.get());
    let last = UnixTime(last);
    (!last.is_never() && unsent).then_some(last)
}

impl Lists {
    /// Exports the own list.
    ///
    /// # Errors
    /// Message 2 when REQTRANS.GLB is missing (dsp R-T0-006); numbers are used up.
    pub fn export(&mut self, edit: &mut Edit<'_>) -> Result<Exported, PoError> {
        let (conf, dropped) = self.waiting.begin_export(edit, self.now)?;
        let mut done = Exported {
            dropped,
            ..Exported::default()
        };
        done.warnings.extend(self.waiting.warning());
        let scope = Scope::pcm(self.own());
        self.queue(&Transaction::Replace { scope }, &mut done)?;
        if let Some(fields) = self.sent_template() {
            self.queue(&Transaction::Template { scope, fields }, &mut done)?;
        }
        for index in 0..self.access.len() {
            if self.access[index].state != LIVE || self.access[index].dirsync != 1 {
                continue;
            }
            match self.addition(index) {
                Some(transaction) => {
                    self.queue(&transaction, &mut done)?;
                    done.users += 1;
                }
                None => done.warnings.push(format!(
                    "user {index} has no name or mailbox that can be read and is left out"
                )),
            }
        }
        for index in 0..self.groups.len() {
            if let Some(entry) = self.group_entry(index)? {
                let transaction = Transaction::add(entry.alias, entry.address);
                self.queue(&transaction, &mut done)?;
                done.groups += 1;
            }
        }
        save_reqconf(edit, &conf)?;
        Ok(done)
    }

    fn queue(&mut self, transaction: &Transaction, done: &mut Exported) -> Result<(), PoError> {
        if let Some(number) = self.waiting.push(transaction)? {
            done.last = number;
            if done.first == 0 {
                done.first = number;
            }
        }
        Ok(())
    }
}
