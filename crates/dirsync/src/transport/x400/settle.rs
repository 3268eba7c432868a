//! What follows from how the X.400 links of an MTA did, in one commit: see [`super::super::settle`], whose
//! rules these are.
//!
//! * Mail of a link that failed goes to the queue of the next route by cost, if there is one that works,
//!   unless the queue is secured (R-DB-012). Mail of which nobody knows whether the other side took it
//!   stays for this time. A reroute on one server adds no trace (Q181948).
//! * After 144 attempts, 600 s apart, all of it is returned: congestion (Q157630, Q230497).
//! * A message that has waited for longer than its priority allows, on a link that does not work or
//!   that the other side did not take, is returned (Q178539, Q158399). One that is not taken lets the
//!   others pass (R-Q-007).

use crate::core::base::time::UnixTime;
use crate::core::format::mta::ObjectId;
use crate::core::format::mta::message::Reference;
use crate::core::format::mta::queue::MemberRecord;
use crate::mta::MtaError;
use crate::mta::edit::{Fate, MtaEdit};
use crate::tree::ledger::Ledger;

use super::super::book::{EXPIRED, LinkState};
use super::super::settle::{LinkResult, Outcome, Settled, SettledLink};
use super::mail::{Lost, give_back, message_of, ms_recipient, read, submit};
use super::table::{Connector, Table};

/// Why mail is returned when all attempts are used up (Q157630).
pub const CONGESTION: &str =
    "The recipient could not be processed due to congestion in the message transfer service";

/// Draws the consequences: changes `table`, and prepares the rest in `edit` and `ledger`.
///
/// # Errors
/// A damaged database, or a disk error: nothing is done then.
pub fn settle(
    edit: &mut MtaEdit<'_, '_>,
    ledger: &mut Ledger,
    table: &mut Table,
    outcomes: &[Outcome],
    now: UnixTime,
) -> Result<Settled, MtaError> {
    // All links first: a route over one that has just failed is none.
    let mut places = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        let queue = ObjectId(outcome.mailbag);
        let name = edit
            .super_queue()
            .by_id(queue)
            .map(|entry| entry.name.clone());
        let place = table
            .connectors
            .iter()
            .position(|connector| Some(table.queue_of(connector)) == name);
        let mut used_up = false;
        if let Some(connector) = place.and_then(|place| table.connectors.get_mut(place)) {
            match &outcome.result {
                LinkResult::Worked => connector.link.worked(),
                LinkResult::Failed { why, counted: true } => {
                    used_up = connector.link.failed(now, why);
                }
                LinkResult::Failed { .. } | LinkResult::NotTried => {}
            }
        }
        places.push((place, used_up));
    }
    let mut settled = Settled::default();
    for (outcome, (place, used_up)) in outcomes.iter().zip(places) {
        let Some(connector) = place.and_then(|place| table.connectors.get(place)) else {
            continue;
        };
        let one = One {
            table,
            connector,
            outcome,
            used_up,
            now,
        };
        settled.links.push(one.settle(edit, ledger)?);
    }
    Ok(settled)
}

/// Removes a connector: what waits in its queue goes to other connectors, or to the MS Mail connector,
/// where it is returned as unknown (Q146509, Q288166). How many messages moved; `None` when there is no
/// connector of this name. The empty queue stays.
///
/// # Errors
/// A damaged database, or a disk error: nothing is done then.
pub fn remove(
    edit: &mut MtaEdit<'_, '_>,
    table: &mut Table,
    name: &str,
) -> Result<Option<u64>, MtaError> {
    let Some(connector) = table.connector(name).cloned() else {
        return Ok(None);
    };
    table
        .connectors
        .retain(|other| other.name != connector.name);
    let queue = table.queue_of(&connector);
    let Some(queue) = edit.super_queue().by_name(&queue).map(|entry| entry.id) else {
        return Ok(Some(0));
    };
    let mut moved = 0;
    for member in edit.queue(queue)?.members.clone() {
        let Some((serial, reference, data)) = read(edit.database(), member.object())? else {
            continue;
        };
        if !edit.is_same(member.object(), serial)? {
            continue;
        }
        let from = reference.trace.last().map(String::as_str);
        let ways = table.queues_for(&reference.recipients, from);
        edit.remove(member.object(), &Fate::Free)?;
        let trace = reference.trace.clone();
        submit(edit, message_of(&reference, data, trace), ways)?;
        moved += 1;
    }
    Ok(Some(moved))
}

/// One link.
struct One<'a> {
    table: &'a Table,
    connector: &'a Connector,
    outcome: &'a Outcome,
    used_up: bool,
    now: UnixTime,
}

impl One<'_> {
    fn settle(
        &self,
        edit: &mut MtaEdit<'_, '_>,
        ledger: &mut Ledger,
    ) -> Result<SettledLink, MtaError> {
        let mut done = SettledLink {
            mailbag: self.outcome.mailbag,
            link: self.connector.link.clone(),
            ..SettledLink::default()
        };
        let works = self.outcome.result == LinkResult::Worked;
        if self.connector.link.held || (works && self.outcome.refused.is_empty()) {
            return Ok(done);
        }
        let members = edit.queue(ObjectId(self.outcome.mailbag))?.members.clone();
        for member in members {
            let id = member.object();
            let in_doubt = self.outcome.in_doubt.contains(&id.0);
            let refused = self.outcome.refused.contains(&id.0);
            if in_doubt || member.message_kind().is_none() || (works && !refused) {
                continue;
            }
            let Some((serial, reference, data)) = read(edit.database(), id)? else {
                continue;
            };
            // A number may have been used again within this very commit.
            if !edit.is_same(id, serial)? {
                continue;
            }
            if !works && self.has_other_way(&reference) {
                let from = reference.trace.last().map(String::as_str);
                let ways = self.table.queues_for(&reference.recipients, from);
                edit.remove(id, &Fate::Free)?;
                let trace = reference.trace.clone();
                submit(edit, message_of(&reference, data, trace), ways)?;
                done.rerouted += 1;
                continue;
            }
            let why = if self.used_up {
                (5, CONGESTION)
            } else if self.is_expired(&member) {
                (1, EXPIRED)
            } else {
                continue;
            };
            let lost = Lost {
                data: &data,
                recipients: &reference.recipients,
                trace: &reference.trace,
            };
            let why = (why.0, Some(why.1));
            if give_back(edit, ledger, self.table, &lost, why, self.now)? {
                edit.remove(id, &Fate::Free)?;
                done.returned += 1;
            }
        }
        Ok(done)
    }

    /// Whether all recipients have another way that works now, and the same one: a receiver knows a
    /// repeat by its identifier and its recipients, and one that was handed over in doubt (killed before
    /// the answer) must not come back in parts that nobody recognises.
    fn has_other_way(&self, reference: &Reference) -> bool {
        if self.connector.secured || !self.connector.link.state().is_failing() {
            return false;
        }
        let mut postoffices = reference
            .recipients
            .iter()
            .map(|to| ms_recipient(to).map(|(po, _)| po));
        let Some(Some(first)) = postoffices.next() else {
            return false;
        };
        if !postoffices.all(|po| po == Some(first)) {
            return false;
        }
        let from = reference.trace.last().map(String::as_str);
        let ways = self.table.queues_for(&reference.recipients, from);
        ways.keys().all(|(queue, _)| {
            self.table.connectors.iter().any(|other| {
                other.name != self.connector.name
                    && other.link.state() == LinkState::Up
                    && self.table.queue_of(other) == *queue
            })
        })
    }

    fn is_expired(&self, member: &MemberRecord) -> bool {
        let submitted = member.submitted.get();
        let lifetime = member.priority().lifetime_minutes().saturating_mul(60);
        submitted != 0 && submitted.saturating_add(lifetime) < self.now.0
    }
}
