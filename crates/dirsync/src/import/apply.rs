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

mod from_file;
mod local;
mod modify;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::address::Fault;
use crate::core::base::logline::LogSeverity;
use crate::core::base::transaction::{Info, TemplateLine};
use crate::core::base::{Address, AddressType, CodePage, Entry, PoName, Scope, Transaction};
use crate::core::format::codes::AddressCode;
use crate::core::protocol::log::LogLine;
use crate::postoffice::Edit;

use super::autocreate::{self, Created, Server};
use super::error::{Held, ImportError};
use super::gateway_list::{GatewayList, nme_path};
use super::list::{Added, List};
use super::log::message;
use super::places::Places;
use super::pol::Copies;
use super::problem::Problems;
use super::resync::RESYNC;
use super::tids::TidPool;
use super::usr_list::{Finished, UsrList};
pub use from_file::FileRules;
pub use types::{Applied, ApplyOptions, Counts, ListChange, Origin, Part};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ListId {
    Place(usize),
    Gateway(AddressType),
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
    /// The list found last: changes of one postoffice mostly come together.
    last: Option<(Scope, ListId)>,
    tids: TidPool,
    copies: Copies,
    refused: BTreeSet<(AddressType, Option<PoName>)>,
    counts: Counts,
    problems: Problems,
    file: from_file::FromFile,
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
            last: None,
            tids: TidPool::open(edit)?,
            copies: Copies::default(),
            refused: BTreeSet::new(),
            counts: Counts::default(),
            problems: Problems::default(),
            file: from_file::FromFile::default(),
        })
    }

    /// Adds a message.
    pub(super) fn say(&mut self, mut line: LogLine, at: Origin<'_>) {
        if at.file == RESYNC && matches!(line.code, Some(44 | 73)) {
            // The file serves everybody; what is not for this postoffice is no problem (Q122751).
            line.severity = LogSeverity::Status;
        }
        self.problems.at(line, at.file, at.record, at.offset);
    }

    /// Notes a transaction that could not be applied.
    pub(super) fn fail(&mut self, line: LogLine, at: Origin<'_>) {
        self.counts.failed += 1;
        self.say(line, at);
    }

    /// Counts a transaction whose list is not here; why was said before.
    fn not_applied(&mut self, scope: Scope, at: Origin<'_>) {
        // As in `say`: the gateway is not installed.
        if at.file == RESYNC && scope.node.is_none() {
            self.counts.ignored += 1;
        } else {
            self.counts.failed += 1;
        }
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
        if let Some((known, id)) = &self.last
            && *known == scope
        {
            return Ok(Target::List(*id));
        }
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
        self.last = Some((scope, id));
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
                self.not_applied(scope, at);
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
            // 73 is said once for template and data together.
            let scope = list.scope;
            let fresh = if code == 73 {
                self.refused.insert((AddressType::Csi, scope.node))
            } else if list.said.contains(&code) {
                false
            } else {
                list.said.push(code);
                true
            };
            if fresh {
                self.say(message(code, scope.to_string()), at);
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
            Target::Refused => self.not_applied(scope, at),
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
