//! Transactions applied to the lists of one postoffice, one after the other, in memory; at the end
//! the lists that changed go into the commit.
//!
//! | | list | postoffice address list |
//! |---|---|---|
//! | A | new entry, unknown postoffices are created | never |
//! | D | entry with this alias **and** address goes (DEC-017) | its copy too (DEC-080) |
//! | M | the entry changes, its tuple id stays | its copy too |
//! | R | all entries go; the same entry later keeps its tuple id (DEC-082) | never |
//! | T | new template, all template data goes (Q125920) | never |
//!
//! Only lists that a transaction names are read. A transaction that cannot be applied is a numbered
//! message and changes nothing; the others are applied.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::address::Fault;
use crate::core::base::logline::LogSeverity;
use crate::core::base::transaction::{Info, TemplateLine};
use crate::core::base::{
    Address, AddressType, CodePage, Entry, HexId, PoName, Scope, Transaction, UnixTime,
};
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::AddressCode;
use crate::core::format::record::LIVE;
use crate::core::format::usr::UsrRecord;
use crate::core::protocol::guard::Ceilings;
use crate::core::protocol::log::LogLine;
use crate::postoffice::Edit;

use super::autocreate::{self, Created, Server};
use super::error::{Held, ImportError};
use super::gateway_list::{GatewayList, nme_path};
use super::log::message;
use super::places::Places;
use super::pol::{Change, Changed, Copies};
use super::problem::Problems;
use super::tids::TidPool;
use super::usr_list::{Finished, UsrList};

/// What an import may do.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Create postoffices that are not known here.
    pub create_postoffices: bool,
    /// Take templates and template data.
    pub templates: bool,
    /// Say what is ignored, too (message 66).
    pub verbose: bool,
    /// Ceilings of the bulk-delete guard.
    pub allow_deletes: Ceilings,
    /// The time of everything that is dated.
    pub now: UnixTime,
}

/// What transactions did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries added.
    pub added: u64,
    /// Entries deleted by D.
    pub deleted: u64,
    /// Entries modified.
    pub modified: u64,
    /// Lists emptied by R.
    pub replaced: u64,
    /// Templates taken.
    pub templates: u64,
    /// Transactions that say what is so already (DEC-018).
    pub repeated: u64,
    /// Transactions of the own postoffice (DEC-081) and comments.
    pub ignored: u64,
    /// Transactions that could not be applied.
    pub failed: u64,
    /// Postoffices and nodes created.
    pub created: u64,
    /// Copies in the postoffice address list that were changed.
    pub copies: u64,
}

/// What became of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChange {
    /// The list, `TYPE:NET/PO` or `TYPE:`.
    pub list: Scope,
    /// Entries before.
    pub before: u64,
    /// Entries after.
    pub after: u64,
    /// Entries that were there and are not any more.
    pub removed: u64,
    /// Whether its file is written.
    pub changed: bool,
}

/// Where a transaction stands, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The file, a documented path.
    pub file: &'a str,
    /// Number of the record, from 1.
    pub record: u64,
    /// Byte offset of the record.
    pub offset: u64,
}

/// Which part of the work a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Lists and the copies in the postoffice address list.
    Both,
    /// Only the copies: what a crashed run left in NMETRANS.GLB.
    Copies,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ListId {
    Place(usize),
    Gateway(AddressType),
}

#[derive(Debug)]
enum List {
    Usr(UsrList),
    Gateway(GatewayList),
}

/// Where a list is, or why there is none.
enum Target {
    List(ListId),
    Own,
    /// Not known, and not created.
    Unknown,
    /// Not known; said already.
    Refused,
}

/// Lists being changed.
#[derive(Debug)]
pub struct Apply {
    options: ApplyOptions,
    places: Places,
    server: Server,
    lists: BTreeMap<ListId, List>,
    tids: TidPool,
    copies: Copies,
    refused: BTreeSet<(AddressType, Option<PoName>)>,
    counts: Counts,
    problems: Problems,
}

/// What all transactions together did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Counts.
    pub counts: Counts,
    /// The lists that transactions named, in the order of their places.
    pub lists: Vec<ListChange>,
    /// Numbered messages.
    pub problems: Problems,
}

impl Apply {
    pub(super) fn new(
        edit: &mut Edit<'_>,
        options: ApplyOptions,
        places: Places,
        server: Server,
    ) -> Result<Self, ImportError> {
        Ok(Self {
            options,
            places,
            server,
            lists: BTreeMap::new(),
            tids: TidPool::open(edit)?,
            copies: Copies::default(),
            refused: BTreeSet::new(),
            counts: Counts::default(),
            problems: Problems::default(),
        })
    }

    /// Adds a message.
    pub(super) fn say(&mut self, line: LogLine, at: Origin<'_>) {
        self.problems.at(line, at.file, at.record, at.offset);
    }

    /// Notes a transaction that could not be applied.
    pub(super) fn fail(&mut self, line: LogLine, at: Origin<'_>) {
        self.counts.failed += 1;
        self.say(line, at);
    }

    /// Applies one transaction.
    ///
    /// # Errors
    /// What stops the whole import; nothing is applied then.
    pub fn take(
        &mut self,
        edit: &mut Edit<'_>,
        transaction: &Transaction,
        part: Part,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        if let Err(fault) = transaction.check() {
            self.fail(fault_line(fault, transaction), at);
            return Ok(());
        }
        if part == Part::Copies {
            return self.take_copy(edit, transaction);
        }
        match transaction {
            Transaction::Add {
                entry,
                info,
                options,
            } => {
                if !options.is_empty() && !self.is_own(&entry.address.scope()) {
                    let line = fault_line(Fault::UserOptionNotAllowed, transaction);
                    self.fail(line, at);
                    return Ok(());
                }
                self.add(edit, entry, info, at)
            }
            Transaction::Delete { entry } => self.delete(edit, entry, at),
            Transaction::Modify { old, new, info, .. } => {
                self.modify(edit, old, new.as_ref().unwrap_or(old), info, at)
            }
            Transaction::Replace { scope } => self.replace(edit, *scope, at),
            Transaction::Template { scope, fields } => self.template(edit, *scope, fields, at),
            Transaction::Comment(_) => {
                self.counts.ignored += 1;
                Ok(())
            }
        }
    }

    fn is_own(&self, scope: &Scope) -> bool {
        scope.kind == AddressType::Pcm && scope.node.is_some() && scope.node == self.places.own
    }

    /// Finds the list, reads it when it is new here, creates its place when that is asked for.
    fn target(
        &mut self,
        edit: &mut Edit<'_>,
        scope: Scope,
        create: bool,
        at: Origin<'_>,
    ) -> Result<Target, ImportError> {
        if self.is_own(&scope) {
            return Ok(Target::Own);
        }
        let Some(node) = scope.node else {
            return self.gateway(edit, scope.kind, at);
        };
        let code = AddressCode::from_code(scope.kind.code()).unwrap_or(AddressCode::Pcm);
        let place = match self.places.find(code, node) {
            Some(place) => place,
            None if self.refused.contains(&(scope.kind, Some(node))) => {
                return Ok(if create {
                    Target::Refused
                } else {
                    Target::Unknown
                });
            }
            None if !create => return Ok(Target::Unknown),
            None => match self.create(edit, scope.kind, node)? {
                Created::Place(place, said) => {
                    self.counts.created += 1;
                    if let Some(line) = said {
                        self.say(line, at);
                    }
                    place
                }
                Created::Refused(line) => {
                    self.refused.insert((scope.kind, Some(node)));
                    self.say(line, at);
                    return Ok(Target::Refused);
                }
            },
        };
        let id = ListId::Place(place);
        if let std::collections::btree_map::Entry::Vacant(vacant) = self.lists.entry(id) {
            let stem = self.places.places[place].stem;
            vacant.insert(List::Usr(UsrList::open(edit.view(), scope, stem)?));
        }
        Ok(Target::List(id))
    }

    fn create(
        &mut self,
        edit: &mut Edit<'_>,
        kind: AddressType,
        name: PoName,
    ) -> Result<Created, ImportError> {
        if !self.options.create_postoffices {
            let code = if self.places.network(name.network()).is_some() {
                32
            } else {
                31
            };
            return Ok(Created::Refused(message(code, name.to_string())));
        }
        autocreate::create(edit, &mut self.places, &self.server, kind, name)
    }

    fn gateway(
        &mut self,
        edit: &mut Edit<'_>,
        kind: AddressType,
        at: Origin<'_>,
    ) -> Result<Target, ImportError> {
        let id = ListId::Gateway(kind);
        if self.lists.contains_key(&id) {
            return Ok(Target::List(id));
        }
        if self.refused.contains(&(kind, None)) {
            return Ok(Target::Refused);
        }
        let code = AddressCode::from_code(kind.code());
        let gateway = code.and_then(|code| self.places.gateway(code));
        if gateway.is_none() && edit.view().stat(&nme_path(kind))?.is_none() {
            self.refused.insert((kind, None));
            self.say(message(44, kind.name()), at);
            return Ok(Target::Refused);
        }
        let mailbag = gateway
            .and_then(|gateway| gateway.mailbag)
            .unwrap_or_default();
        let list = GatewayList::open(edit.view(), kind, mailbag.0)?;
        self.lists.insert(id, List::Gateway(list));
        Ok(Target::List(id))
    }

    fn own(&mut self, scope: Scope, at: Origin<'_>) {
        self.counts.ignored += 1;
        if self.options.verbose {
            let mut line = message(66, scope.to_string());
            // Asked for with --verbose: information, not a problem.
            line.severity = LogSeverity::Status;
            self.say(line, at);
        }
    }

    fn add(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        info: &[Info],
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let scope = list_of(&entry.address);
        let id = match self.target(edit, scope, true, at)? {
            Target::List(id) => id,
            Target::Own => {
                self.own(scope, at);
                return Ok(());
            }
            Target::Unknown | Target::Refused => {
                self.counts.failed += 1;
                return Ok(());
            }
        };
        let Some(list) = self.lists.get_mut(&id) else {
            return Ok(());
        };
        let tid = match list.add(entry, &mut self.tids)? {
            Added::New(tid) => {
                self.counts.added += 1;
                tid
            }
            Added::Repeat(tid) => {
                self.counts.repeated += 1;
                tid
            }
            Added::AliasExists { by_this_run } => {
                let code = if by_this_run { 28 } else { 27 };
                self.fail(message(code, entry.alias.to_string()), at);
                return Ok(());
            }
        };
        self.info(id, tid, info, at);
        Ok(())
    }

    /// Takes template data for an entry.
    fn info(&mut self, id: ListId, tid: u32, info: &[Info], at: Origin<'_>) {
        let Some(List::Usr(list)) = self.lists.get_mut(&id) else {
            return;
        };
        if info.is_empty() {
            return;
        }
        let refuse = if !self.options.templates {
            Some(73)
        } else if !list.has_template() {
            Some(65)
        } else {
            None
        };
        if let Some(code) = refuse {
            if !list.said.contains(&code) {
                list.said.push(code);
                let line = message(code, list.scope.to_string());
                self.say(line, at);
            }
            return;
        }
        for prompt in list.set_data(tid, info) {
            self.say(message(37, CodePage::Cp850.decode(&prompt)), at);
        }
    }

    fn delete(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let scope = list_of(&entry.address);
        let deleted = match self.target(edit, scope, false, at)? {
            Target::Own => {
                self.own(scope, at);
                return Ok(());
            }
            Target::List(id) => self
                .lists
                .get_mut(&id)
                .is_some_and(|list| list.delete(entry)),
            Target::Unknown | Target::Refused => false,
        };
        let copy = self.copies.delete(edit, entry, self.options.now)?;
        if deleted || copy {
            self.counts.deleted += 1;
        } else {
            self.fail(message(29, entry.alias.to_string()), at);
        }
        Ok(())
    }

    fn modify(
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
            self.fail(message(27, new.alias.to_string()), at);
            return Ok(());
        }
        let mut pointer = None;
        let same = old.alias.text() == new.alias.text()
            && old.address.to_bytes() == new.address.to_bytes();
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
    fn take_copy(
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

    fn replace(
        &mut self,
        edit: &mut Edit<'_>,
        scope: Scope,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        match self.target(edit, scope, false, at)? {
            Target::List(id) => {
                if let Some(list) = self.lists.get_mut(&id) {
                    list.clear();
                    self.counts.replaced += 1;
                }
            }
            Target::Own => self.own(scope, at),
            // There is nothing to empty; the additions that follow create it or say why not.
            Target::Unknown => self.counts.replaced += 1,
            Target::Refused => self.counts.failed += 1,
        }
        Ok(())
    }

    fn template(
        &mut self,
        edit: &mut Edit<'_>,
        scope: Scope,
        fields: &[TemplateLine],
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        if self.is_own(&scope) {
            self.own(scope, at);
            return Ok(());
        }
        if !self.options.templates {
            if self.refused.insert((AddressType::Csi, scope.node)) {
                self.say(message(73, scope.to_string()), at);
            }
            return Ok(());
        }
        let Target::List(id) = self.target(edit, scope, true, at)? else {
            self.counts.failed += 1;
            return Ok(());
        };
        if let Some(List::Usr(list)) = self.lists.get_mut(&id) {
            match list.set_template(fields) {
                Ok(()) => self.counts.templates += 1,
                Err(fault) => self.fail(message(38, format!("{scope}, {fault}")), at),
            }
        }
        Ok(())
    }

    /// Judges the lists by the bulk-delete guard and puts those that changed into the commit.
    ///
    /// # Errors
    /// [`ImportError::Held`] with the figures of every list that is held; nothing may be
    /// committed then. Disk errors.
    pub(super) fn finish(mut self, edit: &mut Edit<'_>) -> Result<Applied, ImportError> {
        let mut lists = Vec::new();
        let mut held = Vec::new();
        for (_, list) in std::mem::take(&mut self.lists) {
            let scope = list.scope();
            let Finished {
                removal,
                entries,
                changed,
            } = match list {
                List::Usr(list) => list.finish(edit)?,
                List::Gateway(list) => list.finish(edit)?,
            };
            if let Err(removal) = removal.judge(self.options.allow_deletes.of(scope)) {
                held.push(Held {
                    list: scope.to_string(),
                    removal,
                });
            }
            lists.push(ListChange {
                list: scope,
                before: removal.list_len,
                after: entries,
                removed: removal.removed,
                changed,
            });
        }
        if !held.is_empty() {
            return Err(ImportError::Held(held));
        }
        self.counts.copies = self.copies.changed;
        self.copies.save(edit)?;
        self.tids.save(edit)?;
        Ok(Applied {
            counts: self.counts,
            lists,
            problems: self.problems,
        })
    }
}

/// The list of an address; free-form types have one each.
fn list_of(address: &Address) -> Scope {
    address.scope()
}

fn fault_line(fault: Fault, transaction: &Transaction) -> LogLine {
    let about = match (transaction.entry(), transaction.scope()) {
        (Some(entry), _) => entry.alias.to_string(),
        (None, Some(scope)) => scope.to_string(),
        (None, None) => String::new(),
    };
    message(fault.number(), about)
}

/// What an A did.
enum Added {
    New(u32),
    Repeat(u32),
    AliasExists { by_this_run: bool },
}

impl List {
    fn scope(&self) -> Scope {
        match self {
            Self::Usr(list) => list.scope,
            Self::Gateway(list) => list.scope(),
        }
    }

    fn add(&mut self, entry: &Entry, tids: &mut TidPool) -> Result<Added, ImportError> {
        let alias = entry.alias.text();
        match self {
            Self::Usr(list) => {
                let same = |record: &UsrRecord| is_mailbox(record, entry);
                if let Some(at) = list.working.find(alias, same) {
                    return Ok(Added::Repeat(list.working.get(at).tid.get()));
                }
                if let Some(at) = list.working.any(alias) {
                    let by_this_run = list.working.is_new(at);
                    return Ok(Added::AliasExists { by_this_run });
                }
                let old = list.working.previous(alias, same).cloned();
                let record = match old {
                    Some(old) => usr_record(entry, old.tid.get(), old.inf_record.get()),
                    None => usr_record(entry, tids.next()?.0, UsrRecord::NO_INF),
                };
                let tid = record.tid.get();
                list.working.add(record);
                Ok(Added::New(tid))
            }
            Self::Gateway(list) => {
                if let Some(tid) = gateway_tid(list, entry) {
                    return Ok(Added::Repeat(tid));
                }
                if let Some(at) = list.working.any(alias) {
                    let by_this_run = list.working.is_new(at);
                    return Ok(Added::AliasExists { by_this_run });
                }
                let old = list
                    .working
                    .previous(alias, |record| list.has_address(record, &entry.address))
                    .cloned();
                let record = match old {
                    Some(mut old) => {
                        old.alias = entry.alias.field();
                        old
                    }
                    None => list.entry(&entry.alias, &entry.address, tids.next()?.0)?,
                };
                let tid = record.tid.get();
                list.working.add(record);
                Ok(Added::New(tid))
            }
        }
    }

    /// The tuple id of the entry with this alias and address.
    fn tid_of(&self, entry: &Entry) -> Option<u32> {
        match self {
            Self::Usr(list) => list
                .working
                .find(entry.alias.text(), |record| is_mailbox(record, entry))
                .map(|at| list.working.get(at).tid.get()),
            Self::Gateway(list) => gateway_tid(list, entry),
        }
    }

    /// Whether another entry than `old` has the alias of `new`.
    fn is_taken(&self, new: &Entry, old: Option<&Entry>) -> bool {
        // A new spelling of the own name is no other name.
        if old.is_some_and(|old| old.alias.eq_ignore_case(&new.alias)) {
            return false;
        }
        match self {
            Self::Usr(list) => list.working.any(new.alias.text()).is_some(),
            Self::Gateway(list) => list.working.any(new.alias.text()).is_some(),
        }
    }

    fn delete(&mut self, entry: &Entry) -> bool {
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
    fn change(&mut self, old: &Entry, new: &Entry) -> Result<Option<u32>, ImportError> {
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
    fn insert(&mut self, entry: &Entry, tid: u32) -> Result<(), ImportError> {
        match self {
            Self::Usr(list) => {
                let record = usr_record(entry, tid, UsrRecord::NO_INF);
                list.working.add(record);
            }
            Self::Gateway(list) => {
                let record = list.entry(&entry.alias, &entry.address, tid)?;
                list.working.add(record);
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
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
