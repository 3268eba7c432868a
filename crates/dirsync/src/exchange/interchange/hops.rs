//! The hops between the agent's box, the queues and the shadow postoffice.
//!
//! Events of messages that arrived (RECEIVED and its like) are written after the receiver's commit and in
//! another domain: a program that is killed between the two loses such an event, never the message; the
//! next run sees a repeat and writes none. Events of parked messages are never lost (see the module
//! above).

use std::sync::Arc;

use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::base::ident::MailbagStem;
use crate::core::format::evt::EventType;
use crate::core::format::mta::{MessageKind, ObjectId};
use crate::core::format::p1::P1;
use crate::mta::edit::MtaEdit;
use crate::mta::mail::{self, Posting, Put};
use crate::mta::store::Database;
use crate::mta::{self, MtaError};
use crate::postoffice::{Edit, PoError};
use crate::transport::link::{self, Done, Parcel, Receipt, STUCK};
use crate::transport::mailer;
use crate::transport::x400::table::Table;
use crate::tree::disk::Disk;
use crate::tree::journal::CommitInfo;
use crate::tree::ledger::{Ledger, message_hash};
use crate::tree::{Command, Domain, TreeError, TreeMut, TreeView};

use super::super::events::{self, Event, table};
use super::super::{AGENT, OUTBOUND, POSTOFFICE};
use super::expand::{expand, expanded_len, groups};
use super::pool::in_order;
use super::queue::{self, Found, Waiting};
use super::{PARKED, PASS_LIMIT, Run, Trouble, Work};

/// A message that is being handed over: what the queue says of it, and its parts.
type Item = (Waiting, Vec<Vec<u8>>);

/// Where a queue leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToShadow,
    ToAgent,
}

/// What becomes of messages of a queue.
#[derive(Default)]
struct Fates {
    /// The receiver has them.
    gone: Vec<(ObjectId, u64)>,
    /// They are parked.
    bad: Vec<(ObjectId, u64)>,
    /// Events, those of parked messages with a number that tells this try of this message.
    events: Vec<(Event, Option<u64>)>,
    findings: Vec<Finding>,
}

impl Fates {
    fn park(&mut self, waiting: &Waiting, why: &str) {
        let what = if waiting.kind == MessageKind::Dirsync {
            &table::LEFT_DIRSYNC
        } else {
            &table::LEFT_IN_QUEUE
        };
        self.bad.push((waiting.id, waiting.serial));
        let event = Event::new(what, [format!("{} ({why})", waiting.title())]);
        let tried = [
            waiting.serial.to_le_bytes(),
            u64::from(waiting.retries).to_le_bytes(),
        ];
        let tried = tried.iter().map(<[u8; 8]>::as_slice);
        let key = message_hash(waiting.mts_id.as_bytes(), tried);
        self.events.push((event, Some(key)));
        self.findings.push(Finding {
            id: PARKED,
            severity: Severity::Error,
            file: format!("{}/{}", mta::HOME, waiting.id.file_name()),
            offset: None,
            message: format!(
                "[{}] {why}; the message {} is left in its queue and passed over. {}",
                what.id,
                waiting.mts_id,
                waiting.title()
            ),
            hint: format!(
                "`mtacheck show MTADATA {0}` shows it, `mtacheck purge` takes it away, `dxa-cycle deliver \
                 --retry-parked` tries it again",
                waiting.id
            )
            .into(),
            repair: None,
        });
    }
}

pub(super) fn stuck(file: String, message: String) -> Finding {
    finding(
        STUCK,
        file,
        message,
        "`po-admin mail list` shows what waits in a mailbag, `mtacheck list MTADATA` what waits on a queue",
    )
}

fn finding(id: FindingId, file: String, message: String, hint: &'static str) -> Finding {
    Finding {
        id,
        severity: Severity::Error,
        file,
        offset: None,
        message,
        hint: hint.into(),
        repair: None,
    }
}

impl Work<'_> {
    pub(super) fn view(&self, disk: &Arc<dyn Disk>, domain: Domain) -> Result<TreeView, PoError> {
        Ok(TreeView::open(Arc::clone(disk), domain, self.open)?)
    }

    fn info(&self, what: &'static str, count: u64) -> CommitInfo {
        CommitInfo {
            command: Command::Deliver,
            user: self.user.to_owned(),
            now: self.now,
            counts: vec![(what, count)],
        }
    }

    pub(super) fn commit<T>(
        &self,
        disk: &Arc<dyn Disk>,
        domain: Domain,
        what: &'static str,
        make: impl FnOnce(&mut Edit<'_>) -> Result<(T, u64), PoError>,
    ) -> Result<T, PoError> {
        let mut tree = TreeMut::open(Arc::clone(disk), domain, self.open)?;
        let mut edit = Edit::new(tree.view());
        let (made, count) = make(&mut edit)?;
        let plan = edit.finish()?;
        tree.commit(&plan, &self.info(what, count))?;
        Ok(made)
    }

    /// Makes a commit of the queue database. What is wrong with the database is its trouble alone; a commit
    /// that fails or is unfinished ends the run, as in the other two domains: what follows rests on it.
    pub(super) fn commit_mta<T>(
        &self,
        disk: &Arc<dyn Disk>,
        what: &'static str,
        make: impl FnOnce(&mut MtaEdit<'_, '_>, &mut Ledger) -> Result<(T, u64), MtaError>,
    ) -> Result<T, Trouble> {
        let mta = |error: TreeError| Trouble::Mta(error.into());
        let mut tree = TreeMut::open(Arc::clone(disk), mta::DOMAIN, self.open).map_err(mta)?;
        let (made, count, plan) = {
            let db = Database::open(tree.view())?;
            let mut edit = MtaEdit::new(&db, self.now)?;
            let mut ledger = Ledger::load(tree.view()).map_err(mta)?;
            let (made, count) = make(&mut edit, &mut ledger)?;
            let mut plan = edit.finish()?;
            ledger.write_into(&mut plan).map_err(mta)?;
            (made, count, plan)
        };
        tree.commit(&plan, &self.info(what, count))
            .map_err(PoError::from)?;
        Ok(made)
    }

    /// Completes a commit that a killed program left: readers see it as done, so nothing else would make
    /// it durable before the next hop relies on it.
    fn recover(&self, disk: &Arc<dyn Disk>, domain: Domain) -> Result<(), TreeError> {
        let pending = {
            let view = TreeView::open(Arc::clone(disk), domain.clone(), self.open)?;
            view.pending_commit().is_some()
        };
        if pending {
            TreeMut::open(Arc::clone(disk), domain, self.open)?;
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Completes what killed programs left in the three domains.
    pub(super) fn recover(&mut self) -> Result<(), PoError> {
        self.work.recover(self.disk, AGENT)?;
        self.work.recover(&self.shadow, POSTOFFICE)?;
        self.careful(|run| match run.work.recover(run.disk, mta::DOMAIN) {
            Ok(()) => Ok(0),
            Err(error) => Err(Trouble::Mta(error.into())),
        })?;
        Ok(())
    }

    /// One pass over the agent's in-queues; messages served.
    pub(super) fn agent_mailer(&mut self) -> Result<u64, PoError> {
        {
            let view = self.work.view(self.disk, AGENT)?;
            let mut waits = view.pending_commit().is_some();
            for stem in [MailbagStem::INQUEUE, MailbagStem::INQUEUE3] {
                waits |= view.stat(&stem.mbg_path())?.is_none_or(|stat| stat.len > 0);
            }
            if !waits {
                return Ok(0);
            }
        }
        let (work, mut found) = (self.work, Vec::new());
        let served = work.commit(self.disk, AGENT, "served", |edit| {
            let totals = mailer::pass(edit, work.now, PASS_LIMIT, &mut |finding| {
                found.push(finding);
            })?;
            Ok((totals.served, totals.served))
        });
        for finding in found {
            self.say(finding);
        }
        served
    }

    /// Takes all marks of parked messages away; how many.
    pub(super) fn retry(&mut self) -> Result<u64, Trouble> {
        let names = [&self.who.connector_queue, &self.who.agent_queue];
        let parked = {
            let view = self.mta_view().map_err(MtaError::from)?;
            let db = Database::open(&view)?;
            let mut parked = Vec::new();
            for name in names {
                parked.extend(queue::parked(&db, name)?);
            }
            parked
        };
        if parked.is_empty() {
            return Ok(0);
        }
        self.work.commit_mta(self.disk, "retried", |edit, _| {
            let mut count = 0;
            for (id, serial) in parked {
                count += u64::from(edit.is_same(id, serial)? && edit.set_parked(id, false)?);
            }
            Ok((count, count))
        })
    }

    /// The agent's outbound mailbag to the connector's queue.
    pub(super) fn agent_to_queue(&mut self) -> Result<u64, Trouble> {
        let work = self.work;
        let (collected, found) = {
            let view = work.view(self.disk, AGENT)?;
            let refused = &self.refused[0];
            let skip = |stem: crate::core::base::HexId| refused.contains(&stem.0);
            let mut found = Vec::new();
            let collected = link::collect(&view, OUTBOUND, PASS_LIMIT, &skip, &mut |finding| {
                found.push(finding);
            })?;
            (collected, found)
        };
        for finding in found {
            self.say(finding);
        }
        // The same ones are met in every pass.
        self.stuck_in_box = self.stuck_in_box.max(collected.stuck);
        if collected.parcels.is_empty() {
            return Ok(0);
        }
        let agent = self.who.agent_queue.clone();
        let (places, postings): (Vec<Done>, Vec<Posting>) = collected
            .parcels
            .into_iter()
            .map(|parcel| {
                let posting = Posting {
                    originator: Some(agent.clone()),
                    ..Posting::of(parcel.parts)
                };
                let place = Done {
                    index: parcel.index,
                    stem: parcel.stem,
                    tag: parcel.tag,
                    there: 0,
                };
                (place, posting)
            })
            .unzip();
        let gone = self.put(true, places, &postings)?;
        if gone.is_empty() {
            return Ok(0);
        }
        let own = self.who.own;
        let sent = work.commit(self.disk, AGENT, "sent", |edit| {
            let count = link::sent(edit, OUTBOUND, &own, &gone, work.now)?;
            Ok((count, count))
        })?;
        self.done.queued_outward += sent;
        Ok(sent)
    }

    /// Makes messages durable on a queue; the places of those that are there now.
    pub(super) fn put(
        &mut self,
        outward: bool,
        places: Vec<Done>,
        postings: &[Posting],
    ) -> Result<Vec<Done>, Trouble> {
        let name = if outward {
            &self.who.connector_queue
        } else {
            &self.who.agent_queue
        };
        let (work, submitter) = (self.work, &self.who.submitter);
        let put = work.commit_mta(self.disk, "submitted", |edit, ledger| {
            let table = match outward {
                true => Table::load(edit.database().view())?,
                false => None,
            };
            let mut put = Vec::with_capacity(postings.len());
            for posting in postings {
                // What an X.400 connector leads to does not go through the shadow postoffice.
                let envelope = posting.parts.get(1).map_or(&[][..], Vec::as_slice);
                let way = table.as_ref().and_then(|t| t.connector_queue_for(envelope));
                if let Some((queue, secured)) = &way {
                    mail::queue_of(edit, queue, *secured)?;
                }
                let queue = way.as_ref().map_or(name, |(queue, _)| queue);
                let one = std::slice::from_ref(posting);
                put.extend(mail::put(edit, ledger, queue, one, submitter, work.now)?);
            }
            let count = put.len() as u64;
            Ok((put, count))
        })?;
        let mut gone = Vec::new();
        for (place, put) in places.into_iter().zip(put) {
            match put {
                Put::Stored(submitted) => gone.push(Done {
                    there: submitted.references.first().map_or(0, |id| id.0),
                    ..place
                }),
                Put::Repeat(id) => gone.push(Done {
                    there: id.0,
                    ..place
                }),
                Put::Refused(why) => {
                    self.refused[usize::from(!outward)].insert(place.stem);
                    self.done.stuck += 1;
                    let bag = if outward {
                        MailbagStem::Id(OUTBOUND)
                    } else {
                        MailbagStem::SYSTEM
                    };
                    self.say(stuck(bag.mbg_path(), why));
                }
            }
        }
        Ok(gone)
    }

    /// The connector's queue to the shadow postoffice.
    pub(super) fn queue_to_shadow(&mut self) -> Result<u64, Trouble> {
        self.drain(Way::ToShadow)
    }

    /// The agent's queue to the agent's box.
    pub(super) fn queue_to_agent(&mut self) -> Result<u64, Trouble> {
        self.drain(Way::ToAgent)
    }

    /// Serves what waits on a queue, as much as a pass does. Answers how many messages need not be looked
    /// at again: those that went, were parked, or cannot be read now.
    fn drain(&mut self, way: Way) -> Result<u64, Trouble> {
        let name = match way {
            Way::ToShadow => &self.who.connector_queue,
            Way::ToAgent => &self.who.agent_queue,
        };
        let (own, limits, workers) = (self.who.own, self.work.limits, self.workers);
        let (queued, found) = {
            let view = self.mta_view().map_err(MtaError::from)?;
            let db = Database::open(&view)?;
            let budget = limits.budget_bytes / 2;
            let queued = queue::look(&db, name, &self.skip, PASS_LIMIT, budget)?;
            let found = in_order(workers, queued.next.iter().collect(), |waiting| {
                queue::read(&db, waiting, own, &limits)
            });
            (queued, found)
        };
        let skipped = self.skip.len();
        let mut failed: Option<Trouble> = queued.failed.map(Trouble::Mta);
        for (id, why) in queued.unreadable {
            self.leave(id, &why);
        }
        let mut fates = Fates::default();
        let mut items: Vec<Item> = Vec::new();
        for (waiting, found) in queued.next.into_iter().zip(found) {
            match found {
                Some(Found::Parts(parts)) => items.push((waiting, parts)),
                Some(Found::Notification) => {
                    fates.gone.push((waiting.id, waiting.serial));
                    self.done.dropped += 1;
                }
                Some(Found::Bad(why)) => fates.park(&waiting, &why),
                // Order: nothing overtakes what may be sound.
                Some(Found::Unreadable(error)) => {
                    failed = Some(Trouble::Mta(error));
                    break;
                }
                None => fates.park(&waiting, "reading it failed in a way nobody foresaw"),
            }
        }
        let sizes: Vec<u64> = items.iter().map(|(_, parts)| expanded_len(parts)).collect();
        let mut moved = (self.skip.len() - skipped) as u64;
        let mut items = items.into_iter();
        for count in groups(&sizes, &limits) {
            let group: Vec<Item> = items.by_ref().take(count).collect();
            match self.carry(way, group, &mut fates) {
                Ok((went, is_full)) => {
                    moved += went;
                    if is_full {
                        return self.end(moved, failed);
                    }
                }
                Err(error) => return self.end(moved, Some(error)),
            }
        }
        // Nothing but faulty ones and notifications.
        match self.settle(fates) {
            Ok(went) => self.end(moved + went, failed),
            Err(error) => self.end(moved, Some(error)),
        }
    }

    /// Hands a group over and takes it off its queue: how many, and whether there was no room for all.
    fn carry(
        &mut self,
        way: Way,
        group: Vec<Item>,
        fates: &mut Fates,
    ) -> Result<(u64, bool), Trouble> {
        let is_full = self.hand_over(way, group, fates)?;
        let moved = self.settle(std::mem::take(fates))?;
        Ok((moved, is_full))
    }

    /// What a hop answers. Trouble of the queue database is an error of the hop only when nothing moved
    /// before it; otherwise it is told, and what moved counts.
    fn end(&mut self, moved: u64, failed: Option<Trouble>) -> Result<u64, Trouble> {
        match failed {
            Some(Trouble::Mta(error)) if moved > 0 => {
                self.tell_mta(&error);
                Ok(moved)
            }
            Some(error) => Err(error),
            None => Ok(moved),
        }
    }

    /// An object that cannot be read: it stays, and the others go on.
    fn leave(&mut self, id: ObjectId, why: &str) {
        self.skip.insert(id);
        self.done.stuck += 1;
        self.say(finding(
            super::MTA_DAMAGED,
            format!("{}/{}", mta::HOME, id.file_name()),
            format!("the message {id} cannot be read: {why}; those behind it were served"),
            "`mtacheck check MTADATA` says what is wrong, `mtacheck repair MTADATA` mends it",
        ));
    }

    /// Expands a group and makes it durable where the queue leads; whether there was no room for all.
    fn hand_over(
        &mut self,
        way: Way,
        group: Vec<Item>,
        fates: &mut Fates,
    ) -> Result<bool, PoError> {
        let limits = self.work.limits;
        let (whose, parts): (Vec<Waiting>, Vec<Vec<Vec<u8>>>) = group.into_iter().unzip();
        let expanded = in_order(self.workers, parts, |mut parts| {
            expand(&mut parts, &limits).map(|()| parts)
        });
        let (mut parcels, mut senders) = (Vec::new(), Vec::new());
        for (waiting, expanded) in whose.into_iter().zip(expanded) {
            match expanded {
                Some(Ok(parts)) => {
                    parcels.push(parcel(&waiting, parts));
                    senders.push(waiting);
                }
                Some(Err(why)) => fates.park(&waiting, &why),
                None => fates.park(&waiting, "expanding it failed in a way nobody foresaw"),
            }
        }
        if parcels.is_empty() {
            return Ok(false);
        }
        let (disk, domain) = match way {
            Way::ToShadow => (&self.shadow, POSTOFFICE),
            Way::ToAgent => (self.disk, AGENT),
        };
        let work = self.work;
        let receipts = work.commit(disk, domain, "received", |edit| {
            let receipts = link::receive(edit, None, &parcels, work.now)?;
            if way == Way::ToAgent {
                events::log_all(edit, work.now, &delivered(&parcels, &receipts))?;
            }
            let count = receipts.len() as u64;
            Ok((receipts, count))
        })?;
        let (mut is_full, mut there_now) = (false, 0);
        for (waiting, receipt) in senders.iter().zip(receipts) {
            match receipt {
                Receipt::Stored(there) => {
                    there_now += 1;
                    fates.gone.push((waiting.id, waiting.serial));
                    if way == Way::ToShadow {
                        let strings = [waiting.mts_id.clone(), format!("{there:08X}")];
                        let event = Event::new(&table::RECEIVED, strings);
                        fates.events.push((event, None));
                    }
                }
                Receipt::Repeat(_) => {
                    there_now += 1;
                    fates.gone.push((waiting.id, waiting.serial));
                }
                Receipt::Refused(why) => fates.park(waiting, &why),
                Receipt::Full(why) => {
                    is_full = true;
                    let message = format!("{} waits: {why}", waiting.mts_id);
                    self.say(stuck(MailbagStem::INQUEUE3.mbg_path(), message));
                }
            }
        }
        match way {
            Way::ToShadow => self.done.outward += there_now,
            Way::ToAgent => self.done.inward += there_now,
        }
        Ok(is_full)
    }

    /// Writes the events, then removes and parks at the queue; how many messages.
    fn settle(&mut self, fates: Fates) -> Result<u64, Trouble> {
        if fates.gone.is_empty() && fates.bad.is_empty() {
            return Ok(0);
        }
        self.tell(&fates.events)?;
        let (went, parked) = self.work.commit_mta(self.disk, "sent", |edit, _| {
            let (went, parked) = queue::settle(edit, &fates.gone, &fates.bad)?;
            Ok(((went, parked), went))
        })?;
        self.done.parked += parked;
        for finding in fates.findings {
            self.say(finding);
        }
        Ok(went + parked)
    }

    /// Writes events whose level lets them be written. That of a faulty message is noted in the agent's
    /// ledger with it, so killed before the mark the next run does not write it again.
    fn tell(&self, all: &[(Event, Option<u64>)]) -> Result<(), PoError> {
        let is_written = |event: &Event| {
            let level = self.who.levels.of(event.what.source, event.what.category);
            level.writes(event.what.level, event.what.kind == EventType::Error)
        };
        if !all.iter().any(|(event, _)| is_written(event)) {
            return Ok(());
        }
        self.work.commit(self.disk, AGENT, "events", |edit| {
            let mut ledger = Ledger::load(edit.view())?;
            let mut new = Vec::new();
            for (event, key) in all {
                match key {
                    Some(key) if ledger.knows(*key) => continue,
                    Some(key) => ledger.add(*key, self.work.now.0, 0),
                    None => {}
                }
                new.push(event.clone());
            }
            let count = events::log_all(edit, self.work.now, &new)?;
            ledger.write_into(edit.plan_mut())?;
            Ok(((), count as u64))
        })
    }
}

fn parcel(waiting: &Waiting, parts: Vec<Vec<u8>>) -> Parcel {
    Parcel {
        index: waiting.serial,
        stem: waiting.id.0,
        tag: 0,
        part_count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        parts,
    }
}

/// The events of messages that reach the agent.
fn delivered(parcels: &[Parcel], receipts: &[Receipt]) -> Vec<Event> {
    let mut events = Vec::new();
    for (parcel, receipt) in parcels.iter().zip(receipts) {
        if let Receipt::Stored(_) = receipt
            && let Some(Ok(envelope)) = parcel.parts.get(1).map(|bytes| P1::decode(bytes))
        {
            let id = queue::text_850(&envelope.message_id);
            events.push(Event::new(&table::DELIVERED, [id]));
        }
    }
    events
}
