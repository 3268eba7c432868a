//! The bulk-delete guard of T2 (design 4.6): all waiting requests of one requestor together, against
//! the lists of the server's postoffice as of its q.S with the master list's tail after it.
//!
//! A list is only read when the requests replace it or delete more than what may go without a
//! question. The list of the server's own postoffice is not judged here: what an administrator typed
//! has changed it already, and every other postoffice judges for itself at T3.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::core::base::address::Scope;
use crate::core::base::codepage::upper_850;
use crate::core::base::{Entry, Transaction};
use crate::core::format::codes::AddressCode;
use crate::core::protocol::guard::{Ceilings, FREE_REMOVALS, Removal};
use crate::core::protocol::message::Party;
use crate::core::protocol::server::Server;
use crate::import::Held;
use crate::import::places::Places;
use crate::tree::TreeView;

use super::super::CycleError;
use super::super::message::SystemMessage;
use super::master::Master;
use crate::import::entries::each_user;

/// What may be removed from one list, counted before it is looked at.
#[derive(Debug, Default, Clone, Copy)]
struct Threat {
    deletes: u64,
    replaces: bool,
}

/// The requests of one requestor that are held, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeldRequestor {
    /// Its record.
    pub(super) record: usize,
    /// The lists with their figures.
    pub(super) lists: Vec<Held>,
}

/// Judges all waiting requests. `order` is the order in which they would be taken.
///
/// # Errors
/// A list or attachment cannot be read.
pub(super) fn judge(
    view: &TreeView,
    server: &Server,
    own_srv: u32,
    master: &Master,
    messages: &[&SystemMessage],
    ceilings: &Ceilings,
) -> Result<Vec<HeldRequestor>, CycleError> {
    let mut requests: BTreeMap<usize, Vec<&SystemMessage>> = BTreeMap::new();
    for &message in messages {
        if let Some(record) = requestor_of(server, message) {
            requests.entry(record).or_default().push(message);
        }
    }
    let mut held = Vec::new();
    for (record, messages) in requests {
        let mut lists = Vec::new();
        for (scope, threat) in threats(view, server, record, &messages)? {
            if scope == Scope::pcm(server.own)
                || (!threat.replaces && threat.deletes <= FREE_REMOVALS)
            {
                continue;
            }
            let removal = removal(view, server, record, scope, own_srv, master, &messages)?;
            if let Err(removal) = removal.judge(ceilings.of(scope)) {
                lists.push(Held {
                    list: scope.to_string(),
                    removal,
                });
            }
        }
        if !lists.is_empty() {
            held.push(HeldRequestor { record, lists });
        }
    }
    Ok(held)
}

/// The record of the requestor whose request would be taken.
pub(super) fn requestor_of(server: &Server, message: &SystemMessage) -> Option<usize> {
    use crate::core::protocol::message::Incoming;
    let Incoming::Request(request) = &message.incoming else {
        return None;
    };
    let record = server.find(request.name.party()?)?;
    server.records[record]
        .accepts(request.password.text())
        .then_some(record)
}

/// Calls `each` for the transactions that would be taken, in order.
fn each_taken(
    view: &TreeView,
    server: &Server,
    record: usize,
    messages: &[&SystemMessage],
    each: &mut dyn FnMut(&Transaction),
) -> Result<(), CycleError> {
    let mut taken = server.records[record].req_sync.get();
    let party = Party::of_record(&server.records[record]);
    for message in messages {
        let mut place = 0u32;
        message.each(view, &mut |number, _, text| {
            let usable = place < message.usable.records;
            place = place.saturating_add(1);
            if usable && number > taken && text.first() != Some(&b'#') {
                taken = number;
                if let Ok(transaction) = Transaction::parse(text) {
                    // DEC-019: refused at intake as well.
                    let foreign = matches!(&transaction, Transaction::Replace { scope }
                        if !server.trust_replace
                            && Party::of_scope(*scope) != party
                            && Party::of_scope(*scope)
                                .is_some_and(|other| server.find(other).is_some()));
                    if !foreign {
                        each(&transaction);
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn threats(
    view: &TreeView,
    server: &Server,
    record: usize,
    messages: &[&SystemMessage],
) -> Result<Vec<(Scope, Threat)>, CycleError> {
    let mut threats: HashMap<Scope, Threat> = HashMap::new();
    let mut order = Vec::new();
    each_taken(view, server, record, messages, &mut |transaction| {
        let Some(scope) = transaction.scope() else {
            return;
        };
        let threat = threats.entry(scope).or_insert_with(|| {
            order.push(scope);
            Threat::default()
        });
        match transaction {
            Transaction::Replace { .. } => threat.replaces = true,
            Transaction::Delete { .. } => threat.deletes += 1,
            _ => {}
        }
    })?;
    Ok(order
        .into_iter()
        .filter_map(|scope| Some((scope, *threats.get(&scope)?)))
        .collect())
}

type Key = Vec<u8>;

fn folded(bytes: &[u8]) -> Key {
    bytes.iter().map(|&byte| upper_850(byte)).collect()
}

/// A list as the transactions leave it; entries know which one of the old list they were.
#[derive(Default)]
struct List {
    entries: HashMap<Key, (Key, Option<usize>)>,
    old: HashMap<(Key, Key), usize>,
}

impl List {
    fn add(&mut self, entry: &Entry, was: Option<usize>) {
        let (alias, address) = (
            folded(entry.alias.text()),
            folded(&entry.address.physical()),
        );
        if self.entries.contains_key(&alias) {
            return;
        }
        let was = was.or_else(|| self.old.get(&(alias.clone(), address.clone())).copied());
        self.entries.insert(alias, (address, was));
    }

    fn take(&mut self, entry: &Entry) -> Option<Option<usize>> {
        let alias = folded(entry.alias.text());
        let (address, was) = self.entries.get(&alias)?;
        if *address != folded(&entry.address.physical()) {
            return None;
        }
        let was = *was;
        self.entries.remove(&alias);
        Some(was)
    }

    fn apply(&mut self, transaction: &Transaction) {
        match transaction {
            Transaction::Replace { .. } => self.entries.clear(),
            Transaction::Add { entry, .. } => self.add(entry, None),
            Transaction::Delete { entry } => drop(self.take(entry)),
            Transaction::Modify { old, new, .. } => {
                if let Some(was) = self.take(old) {
                    self.add(new.as_ref().unwrap_or(old), was);
                }
            }
            _ => {}
        }
    }

    /// What is here now is the old list from now on.
    fn begin(&mut self) -> u64 {
        let mut entries: Vec<_> = self.entries.iter_mut().collect();
        entries.sort_by(|a, b| a.0.cmp(b.0));
        for (number, (alias, (address, was))) in entries.into_iter().enumerate() {
            *was = Some(number);
            self.old.insert((alias.clone(), address.clone()), number);
        }
        self.old.len() as u64
    }

    fn kept(&self) -> u64 {
        let kept: HashSet<usize> = self.entries.values().filter_map(|(_, was)| *was).collect();
        kept.len() as u64
    }
}

fn removal(
    view: &TreeView,
    server: &Server,
    record: usize,
    scope: Scope,
    own_srv: u32,
    master: &Master,
    messages: &[&SystemMessage],
) -> Result<Removal, CycleError> {
    let mut list = List::default();
    if crate::exchange::is_agent(view) {
        crate::exchange::agent::each_of_scope(view, scope, &mut |alias, address| {
            list.add(&Entry { alias, address }, None);
        })?;
    } else if let Some(name) = scope.node
        && let Some(code) = AddressCode::from_code(scope.kind.code())
    {
        let places = Places::read(view)?;
        if let Some(place) = places.find(code, name) {
            each_user::<CycleError>(view, places.places[place].stem, &mut |alias, mailbox| {
                if let Ok(address) =
                    crate::core::base::Address::three_part(scope.kind, name, mailbox)
                {
                    list.add(&Entry { alias, address }, None);
                }
                Ok(())
            })?;
        }
    }
    master.after(view, own_srv, &mut |entry| {
        if let Ok(transaction) = Transaction::parse(entry.text)
            && transaction.scope() == Some(scope)
        {
            list.apply(&transaction);
        }
        Ok(true)
    })?;
    let list_len = list.begin();
    each_taken(view, server, record, messages, &mut |transaction| {
        if transaction.scope() == Some(scope) {
            list.apply(transaction);
        }
    })?;
    Ok(Removal {
        removed: list_len.saturating_sub(list.kept()),
        list_len,
    })
}
