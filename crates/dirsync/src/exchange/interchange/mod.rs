//! The interchange: mail between the agent's box and the shadow postoffice, through the queues of the MTA
//! (DEC-067, exc 13.2), within one server.
//!
//! ```text
//! agent's outbound mailbag -> queue .../CN=MS MAIL CONNECTOR (SERVER) -> INQUEUE3 of the shadow postoffice
//! agent's INQUEUE3         <- queue .../CN=SERVERS/CN=SERVER/CN=MICROSOFT DXA <- SYSTEM of the shadow
//! ```
//!
//! Mail for people of this server has no store here: the shadow postoffice's mailer returns it to its
//! sender as unknown, at once and with a report (ASSIGNED), so nothing is lost and nothing waits. Whatever
//! another program or another server puts on the connector's queue (see [`crate::mta::mail`]) goes into the
//! shadow postoffice like the agent's own.
//!
//! # Nothing is lost, nothing doubled
//!
//! There are four hops between three commit domains, AGENT, MTA and POSTOFFICE. Each of them makes the
//! message durable at the receiver, in one commit with its place in the receiver's ledger, and then removes
//! it at the sender in another commit. So at every moment at least one domain holds the message:
//!
//! * Killed before the receiver's commit: the sender still has it, the receiver knows nothing of it.
//! * Killed between the two commits: the sender offers it again, the receiver's ledger knows it
//!   (Message-ID and recipients, DEC-070) and answers as if it were new: the sender removes it. That holds
//!   also when the receiver passed it on, or an administrator purged it, meanwhile.
//! * Killed after: it is done. The removal at the MTA looks at the serial number of the object, which
//!   never comes back, so a number that was used again for another message is no mistake.
//!
//! * Killed while a commit was being made: a run begins by completing what was left in any of the three
//!   domains, since readers take it for done and nothing else would make it durable.
//!
//! Two programs that do this at once do no harm for the same reason.
//!
//! A message that cannot be processed is *parked*: its reference object gets a durable mark, it stays
//! in its queue (DOCUMENTED: "The message is left in the delivery queue", Q158379) and is passed over from
//! then on. The event is written first, in one commit with its place in the agent's ledger, and the mark
//! after it: killed between the two, the next run finds the message unmarked, comes to the same end,
//! and does not write the event again. A file that the disk does not give is no fault of the message: the
//! hop ends there, and nothing overtakes it.
//!
//! # Locks
//!
//! One domain is opened at a time, never two: nobody waits for a lock while holding one, so the order
//! AGENT, MTA, POSTOFFICE of design 2 cannot be violated. Workers hold no lock of a domain but the
//! shared one of the reading.
//!
//! # Order, and N workers
//!
//! Every message of a queue goes into one in-queue, in the order of the queue. Workers read and expand;
//! what they made is committed in the order of the queue, in groups that depend on sizes alone. So the
//! bytes of all three domains are the same with one worker and with many.

mod expand;
mod hops;
mod pool;
mod queue;
mod shadow;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::base::UnixTime;
use crate::core::base::address::PoName;
use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::format::mta::ObjectId;
use crate::mta::mail::Submitter;
use crate::mta::store::Database;
use crate::mta::{self, MtaError};
use crate::postoffice::{Edit, PoError};
use crate::tree::disk::Disk;
use crate::tree::{OpenOptions, TreeError, TreeView};

use super::events::Levels;
use super::init::{agent_queue, connector_queue};
use super::settings::Agent;
use super::{AGENT, shadow_disk};

pub use expand::Limits;
pub use pool::WORKERS_MAX;

/// Messages of one queue that a pass moves (as everywhere).
const PASS_LIMIT: usize = 50;
/// Parts of a parcel in front of its attachments: header, envelope, message.
const HEAD_PARTS: usize = crate::core::format::x400::carried::HEAD_PARTS;
/// Passes, so that nothing can keep this going for ever.
const PASSES: u32 = 10_000;
/// Start type of a service that does not run.
const DISABLED: u32 = 4;

/// A message that cannot be processed and was parked.
pub const PARKED: FindingId = FindingId("exchange.parked");
/// The queue database, a queue or an object in it that cannot be used.
pub const MTA_DAMAGED: FindingId = FindingId("exchange.mta-damaged");
/// The agent's service is switched off.
pub const AGENT_OFF: FindingId = FindingId("exchange.agent-off");

/// How to work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Options {
    /// Threads that read and expand; 0 for as many as there are processors, at most 8 (ASSIGNED). They
    /// change the speed and nothing else.
    #[serde(default)]
    pub workers: u16,
    /// Stop at the queues of the MTA: mail is put there and not taken off.
    #[serde(default)]
    pub until_mta: bool,
    /// Take the marks of parked messages away first, so that they are tried again.
    #[serde(default)]
    pub retry_parked: bool,
}

/// What moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Interchanged {
    /// Messages that reached the shadow postoffice.
    pub outward: u64,
    /// Messages that reached the agent.
    pub inward: u64,
    /// Messages that were put on the connector's queue.
    #[serde(default)]
    pub queued_outward: u64,
    /// Messages that were put on the agent's queue.
    #[serde(default)]
    pub queued_inward: u64,
    /// Notifications that were dropped.
    #[serde(default)]
    pub dropped: u64,
    /// Messages that stay where they are.
    pub stuck: u64,
    /// Messages that were parked.
    pub parked: u64,
    /// Messages whose mark was taken away.
    #[serde(default)]
    pub retried: u64,
    /// Messages on the connector's queue afterwards, parked ones included.
    #[serde(default)]
    pub waiting_outward: u64,
    /// Messages on the agent's queue afterwards, parked ones included.
    #[serde(default)]
    pub waiting_inward: u64,
}

impl Interchanged {
    /// Messages that came nearer to where they go.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.outward + self.inward + self.queued_outward + self.queued_inward
    }

    /// Adds a later run; what waits is what waited last.
    pub fn add(&mut self, later: &Self) {
        self.outward += later.outward;
        self.inward += later.inward;
        self.queued_outward += later.queued_outward;
        self.queued_inward += later.queued_inward;
        self.dropped += later.dropped;
        self.parked += later.parked;
        self.retried += later.retried;
        self.stuck = later.stuck;
        self.waiting_outward = later.waiting_outward;
        self.waiting_inward = later.waiting_inward;
    }
}

/// Who works, when, and how.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// How trees are opened.
    pub open: &'a OpenOptions,
    /// The clock for data.
    pub now: UnixTime,
    /// The user of the operating system.
    pub user: &'a str,
    /// Workers and where to stop.
    pub options: Options,
    /// Memory.
    pub limits: Limits,
}

/// What failed: the queue database, which is reported and stops no mail of postoffices, or one of the
/// other two.
#[derive(Debug)]
enum Trouble {
    Mta(MtaError),
    Po(PoError),
}

impl From<MtaError> for Trouble {
    fn from(error: MtaError) -> Self {
        Self::Mta(error)
    }
}

impl From<PoError> for Trouble {
    fn from(error: PoError) -> Self {
        Self::Po(error)
    }
}

/// The server, as far as mail goes.
struct Who {
    own: PoName,
    connector_queue: String,
    agent_queue: String,
    submitter: Submitter,
    agent_runs: bool,
    levels: Levels,
}

impl Who {
    fn read(disk: &Arc<dyn Disk>, open: &OpenOptions) -> Result<Self, PoError> {
        let view = TreeView::open(Arc::clone(disk), AGENT, open)?;
        let mut edit = Edit::new(&view);
        let agent = Agent::load(&mut edit)?;
        let identity = &agent.identity;
        Ok(Self {
            own: agent.own,
            connector_queue: connector_queue(identity),
            agent_queue: agent_queue(identity),
            submitter: Submitter::new(&identity.organization, &identity.site, &identity.server),
            agent_runs: agent.registry.start != DISABLED,
            levels: Levels::load(&mut edit)?,
        })
    }
}

/// One run.
struct Run<'a> {
    disk: &'a Arc<dyn Disk>,
    shadow: Arc<dyn Disk>,
    work: &'a Work<'a>,
    who: Who,
    workers: usize,
    done: Interchanged,
    /// Stems in the agent's box, and in SYSTEM, that the MTA does not take.
    refused: [BTreeSet<u32>; 2],
    /// Objects that cannot be read now.
    skip: BTreeSet<ObjectId>,
    /// Messages in the agent's outbound mailbag that cannot be read: as many as the worst pass met.
    stuck_in_box: u64,
    /// What was reported: id, file, message.
    told: BTreeSet<(FindingId, String, String)>,
    report: &'a mut dyn FnMut(Finding),
}

/// Moves everything that waits between the agent and the shadow postoffice of the server at the root
/// of `disk`. Messages that cannot be moved are reported and stay; a queue database that cannot be used
/// is reported, and the mail waits in front of it.
///
/// # Errors
/// The agent's tree or the shadow postoffice cannot be opened or written.
pub fn run(
    disk: &Arc<dyn Disk>,
    work: &Work<'_>,
    report: &mut dyn FnMut(Finding),
) -> Result<Interchanged, PoError> {
    let mut run = Run {
        disk,
        shadow: shadow_disk(disk)?,
        work,
        who: Who::read(disk, work.open)?,
        workers: pool::workers(work.options.workers),
        done: Interchanged::default(),
        refused: [BTreeSet::new(), BTreeSet::new()],
        skip: BTreeSet::new(),
        stuck_in_box: 0,
        told: BTreeSet::new(),
        report,
    };
    run.recover()?;
    if work.options.retry_parked {
        run.done.retried = run.careful(Run::retry)?;
    }
    for _ in 0..PASSES {
        if run.pass()? == 0 {
            break;
        }
    }
    run.count();
    run.done.stuck += run.stuck_in_box;
    Ok(run.done)
}

impl Run<'_> {
    /// One pass over all hops; messages that moved.
    fn pass(&mut self) -> Result<u64, PoError> {
        let (agent, all) = (self.who.agent_runs, !self.work.options.until_mta);
        let mut moved = 0;
        if agent {
            moved += self.agent_mailer()?;
            moved += self.careful(Run::agent_to_queue)?;
        }
        if all {
            moved += self.careful(Run::queue_to_shadow)?;
        }
        moved += self.careful(Run::shadow_to_queue)?;
        if all && agent {
            let inward = self.careful(Run::queue_to_agent)?;
            moved += inward;
            if inward > 0 {
                moved += self.agent_mailer()?;
            }
        }
        Ok(moved)
    }

    /// Makes a hop. Trouble of the queue database is reported and ends the hop alone.
    fn careful(
        &mut self,
        hop: impl FnOnce(&mut Self) -> Result<u64, Trouble>,
    ) -> Result<u64, PoError> {
        match hop(self) {
            Ok(moved) => Ok(moved),
            Err(Trouble::Po(error)) => Err(error),
            Err(Trouble::Mta(error)) => {
                self.tell_mta(&error);
                Ok(0)
            }
        }
    }

    /// Says what is wrong with the queue database.
    fn tell_mta(&mut self, error: &MtaError) {
        let hint = match error {
            MtaError::Tree(inner) if inner.hint().is_some() => error.hint(),
            _ => None,
        };
        self.say(Finding {
            id: MTA_DAMAGED,
            severity: Severity::Error,
            file: mta::HOME.to_owned(),
            offset: None,
            message: format!("{error}; mail of the agent waits in front of it"),
            hint: hint
                .unwrap_or(
                    "`mtacheck check MTADATA` says what is wrong, `mtacheck repair MTADATA` mends it; the next \
                     delivery goes on",
                )
                .into(),
            repair: None,
        });
    }

    /// Reports a finding, once in a run: what stays is met again in every pass.
    fn say(&mut self, finding: Finding) {
        let key = (finding.id, finding.file.clone(), finding.message.clone());
        if self.told.insert(key) {
            (self.report)(finding);
        }
    }

    /// Counts what waits on the queues; a damaged database was reported by the hops.
    fn count(&mut self) {
        let counted = self.waiting();
        if let Ok([outward, inward]) = counted {
            self.done.waiting_outward = outward;
            self.done.waiting_inward = inward;
        }
        if !self.who.agent_runs {
            let waits = self.done.waiting_inward;
            self.say(Finding {
                id: AGENT_OFF,
                severity: Severity::Note,
                file: super::REGISTRY.to_owned(),
                offset: None,
                message: format!(
                    "the agent's service is disabled (Start 4): its mail waits, {waits} of it on its queue"
                ),
                hint: "`po-admin registry set EXCHANGE Start 2` lets it run again".into(),
                repair: None,
            });
        }
    }

    fn waiting(&self) -> Result<[u64; 2], MtaError> {
        let view = self.mta_view()?;
        let db = Database::open(&view)?;
        let queues = db.super_queue()?;
        let count = |name: &str| match queues.by_name(name) {
            Some(entry) => db.queue(entry.id).map(|queue| queue.members.len() as u64),
            None => Ok(0),
        };
        Ok([
            count(&self.who.connector_queue)?,
            count(&self.who.agent_queue)?,
        ])
    }

    fn mta_view(&self) -> Result<TreeView, TreeError> {
        TreeView::open(Arc::clone(self.disk), mta::DOMAIN, self.work.open)
    }
}
