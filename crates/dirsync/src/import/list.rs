//! What a transaction does to one list, be it a USR file or the list of a gateway.

use crate::core::base::{Entry, Scope};
use crate::core::format::FixedRecord as _;
use crate::core::format::nme::NmeRecord;
use crate::core::format::record::LIVE;
use crate::core::format::usr::UsrRecord;

use super::error::ImportError;
use super::gateway_list::GatewayList;
use super::tids::TidPool;
use super::usr_list::UsrList;
use super::working::Look;

/// A list being changed.
#[derive(Debug)]
pub(crate) enum List {
    Usr(UsrList),
    Gateway(GatewayList),
}

/// What an A did.
pub(crate) enum Added {
    New(u32),
    Repeat(u32),
    AliasExists { by_this_run: bool },
}

impl List {
    /// Its name, as R names it.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Usr(list) => list.scope,
            Self::Gateway(list) => list.scope(),
        }
    }

    /// Adds an entry (DEC-018).
    pub(crate) fn add(&mut self, entry: &Entry, tids: &mut TidPool) -> Result<Added, ImportError> {
        let alias = entry.alias.text();
        match self {
            Self::Usr(list) => {
                let same = |record: &UsrRecord| is_mailbox(record, entry);
                let (old, spot) = match list.working.look(alias, same) {
                    Look::Same(at) => {
                        return Ok(Added::Repeat(list.working.get(at).tid.get()));
                    }
                    Look::Taken(at) => {
                        let by_this_run = list.working.is_new(at);
                        return Ok(Added::AliasExists { by_this_run });
                    }
                    Look::Free { old, spot } => (old, spot),
                };
                let record = match old {
                    Some(old) => usr_record(entry, old.tid.get(), old.inf_record.get()),
                    None => usr_record(entry, tids.next()?.0, UsrRecord::NO_INF),
                };
                let tid = record.tid.get();
                list.working.add(record, spot);
                Ok(Added::New(tid))
            }
            Self::Gateway(list) => {
                let same = |record: &NmeRecord| list.has_address(record, &entry.address);
                let (old, spot) = match list.working.look(alias, same) {
                    Look::Same(at) => {
                        return Ok(Added::Repeat(list.working.get(at).tid.get()));
                    }
                    Look::Taken(at) => {
                        let by_this_run = list.working.is_new(at);
                        return Ok(Added::AliasExists { by_this_run });
                    }
                    Look::Free { old, spot } => (old, spot),
                };
                let record = match old {
                    Some(mut old) => {
                        old.alias = entry.alias.field();
                        old
                    }
                    None => list.entry(&entry.alias, &entry.address, tids.next()?.0)?,
                };
                let tid = record.tid.get();
                list.working.add(record, spot);
                Ok(Added::New(tid))
            }
        }
    }

    /// The tuple id of the entry with this alias and address.
    pub(crate) fn tid_of(&self, entry: &Entry) -> Option<u32> {
        match self {
            Self::Usr(list) => list
                .working
                .find(entry.alias.text(), |record| is_mailbox(record, entry))
                .map(|at| list.working.get(at).tid.get()),
            Self::Gateway(list) => gateway_tid(list, entry),
        }
    }

    /// Where the address of an entry stands in the file of a gateway.
    pub(crate) fn pointer_of(&self, entry: &Entry) -> Option<u32> {
        match self {
            Self::Usr(_) => None,
            Self::Gateway(list) => list
                .working
                .find(entry.alias.text(), |record| {
                    list.has_address(record, &entry.address)
                })
                .map(|at| list.working.get(at).pointer.get()),
        }
    }

    /// Whether the entry stands in the list with exactly this spelling of its name and mailbox.
    pub(crate) fn is_spelled(&self, entry: &Entry) -> bool {
        let alias = entry.alias.text();
        match self {
            Self::Usr(list) => list
                .working
                .find(alias, |record| is_mailbox(record, entry))
                .map(|at| list.working.get(at))
                .is_some_and(|record| {
                    record.alias == entry.alias.field()
                        && entry
                            .address
                            .mailbox()
                            .is_some_and(|mailbox| record.mailbox == mailbox.field())
                }),
            Self::Gateway(list) => list
                .working
                .find(alias, |record| list.has_address(record, &entry.address))
                .is_some_and(|at| list.working.get(at).alias == entry.alias.field()),
        }
    }

    /// Whether another entry than `old` has the alias of `new`.
    pub(crate) fn is_taken(&self, new: &Entry, old: Option<&Entry>) -> bool {
        // A new spelling of the own name is no other name.
        if old.is_some_and(|old| old.alias.eq_ignore_case(&new.alias)) {
            return false;
        }
        match self {
            Self::Usr(list) => list.working.any(new.alias.text()).is_some(),
            Self::Gateway(list) => list.working.any(new.alias.text()).is_some(),
        }
    }

    /// Takes an entry out; whether it was there.
    pub(crate) fn delete(&mut self, entry: &Entry) -> bool {
        let alias = entry.alias.text();
        match self {
            Self::Usr(list) => {
                let at = list.working.find(alias, |record| is_mailbox(record, entry));
                if let Some(at) = at {
                    list.working.remove(at);
                }
                at.is_some()
            }
            Self::Gateway(list) => {
                let at = list
                    .working
                    .find(alias, |record| list.has_address(record, &entry.address));
                if let Some(at) = at {
                    list.working.remove(at);
                }
                at.is_some()
            }
        }
    }

    /// Changes an entry in its list; for a gateway, where the new address stands.
    pub(crate) fn change(&mut self, old: &Entry, new: &Entry) -> Result<Option<u32>, ImportError> {
        let alias = old.alias.text();
        match self {
            Self::Usr(list) => {
                let at = list.working.find(alias, |record| is_mailbox(record, old));
                if let (Some(at), Some(mailbox)) = (at, new.address.mailbox()) {
                    let mut record = list.working.get(at).clone();
                    record.alias = new.alias.field();
                    record.mailbox = mailbox.field();
                    list.working.modify(at, record);
                }
                Ok(None)
            }
            Self::Gateway(list) => {
                let at = list
                    .working
                    .find(alias, |record| list.has_address(record, &old.address));
                let Some(at) = at else { return Ok(None) };
                let known = list.working.get(at).clone();
                let record = if old.address == new.address {
                    let mut record = known;
                    record.alias = new.alias.field();
                    record
                } else {
                    list.entry(&new.alias, &new.address, known.tid.get())?
                };
                let pointer = record.pointer.get();
                list.working.modify(at, record);
                Ok(Some(pointer))
            }
        }
    }

    /// Puts an entry that comes from another list.
    pub(crate) fn insert(&mut self, entry: &Entry, tid: u32) -> Result<(), ImportError> {
        match self {
            Self::Usr(list) => {
                let record = usr_record(entry, tid, UsrRecord::NO_INF);
                list.working.put(record);
            }
            Self::Gateway(list) => {
                let record = list.entry(&entry.alias, &entry.address, tid)?;
                list.working.put(record);
            }
        }
        Ok(())
    }

    /// Empties it (R).
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Usr(list) => list.working.clear(),
            Self::Gateway(list) => list.working.clear(),
        }
    }
}

fn gateway_tid(list: &GatewayList, entry: &Entry) -> Option<u32> {
    list.working
        .find(entry.alias.text(), |record| {
            list.has_address(record, &entry.address)
        })
        .map(|at| list.working.get(at).tid.get())
}

fn is_mailbox(record: &UsrRecord, entry: &Entry) -> bool {
    entry
        .address
        .mailbox()
        .is_some_and(|mailbox| record.mailbox.eq_ignore_case(mailbox.text()))
}

fn usr_record(entry: &Entry, tid: u32, inf_record: u32) -> UsrRecord {
    let mut record = UsrRecord::zeroed();
    record.state = LIVE;
    record.alias = entry.alias.field();
    record.mailbox = entry
        .address
        .mailbox()
        .map(|mailbox| mailbox.field())
        .unwrap_or_default();
    record.tid.set(tid);
    record.inf_record.set(inf_record);
    record
}
