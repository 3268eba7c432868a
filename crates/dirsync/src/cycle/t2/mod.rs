//! T2: the server takes the requests that wait in SYSTEM and answers everybody who asked (dsp
//! section 5).
//!
//! Receive: the cycle counts; the bulk-delete guard looks at all requests before any is taken; then
//! one commit for each message: entries to MSTTRANS, numbers to SRVCONF, the message out of the
//! mailbag (DEC-057). Transmit: one commit for each answer; at the end the purge (DEC-047). A run
//! that is cut off leaves every message either waiting or wholly taken; the next run goes on. A run
//! that cannot begin says why in DIRSYNC.LOG, in the words of the articles (`failed`).

mod failed;
mod guard;
mod master;
mod receive;
mod transmit;

pub use transmit::Answered;

use crate::core::protocol::server::Server;
use crate::postoffice::config::load_srvconf;
use crate::postoffice::lists::waiting::reqconf;
use crate::postoffice::{Edit, Identity};
use crate::progress::Progress;
use crate::tree::{Command, TreeMut};

use super::{CycleError, SRVCONF, Said, StepOptions};

/// What T2 did.
#[derive(Debug, Clone, Default)]
pub struct T2Report {
    /// Number of the cycle.
    pub cycle: u32,
    /// s.Sync before.
    pub sync_before: u32,
    /// s.Sync after.
    pub sync_after: u32,
    /// Requests taken.
    pub requests: u32,
    /// Transactions put into the master list.
    pub taken: u32,
    /// Of an agent: transactions that its own recipients put there.
    pub queued: u32,
    /// Replies, in the order of the records.
    pub answered: Vec<Answered>,
    /// Requestors whose requests the guard holds, `PCM:NET/PO`.
    pub held_requestors: Vec<String>,
    /// Requestors that were not heard in this cycle (R-T2R-011).
    pub silent: Vec<String>,
    /// Entries that left the master list.
    pub purged: u64,
    /// Everything else.
    pub said: Said,
}

impl T2Report {
    /// Transactions sent in all replies.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.answered
            .iter()
            .map(|answered| u64::from(answered.count))
            .sum()
    }
}

/// T2 at the directory server.
///
/// # Errors
/// [`CycleError::NotServer`], and others after which what was committed stands.
pub fn t2(
    tree: &mut TreeMut,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<T2Report, CycleError> {
    let result = attempt(tree, options, progress);
    if let Err(error) = &result {
        failed::say(tree, options, error);
    }
    result
}

/// Requestors of an agent that are to get all lists, in a commit of its own.
fn flagged(
    tree: &mut TreeMut,
    server: &mut Server,
    options: &StepOptions,
    said: &mut Said,
) -> Result<(), CycleError> {
    let mut edit = Edit::new(tree.view());
    let changed = crate::exchange::heard::export_flagged(&mut edit, &server.records)?;
    if changed.is_empty() {
        return Ok(());
    }
    for record in &changed {
        receive::write_srvconf(&mut edit, &server.header, Some(record))?;
    }
    let plan = edit.finish()?;
    super::commit(tree, &plan, &options.info(Command::T2, Vec::new()), said)?;
    for (index, record) in changed {
        if let Some(place) = server.records.get_mut(index) {
            *place = record;
        }
    }
    Ok(())
}

fn attempt(
    tree: &mut TreeMut,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<T2Report, CycleError> {
    let mut report = T2Report::default();
    let agent = crate::exchange::is_agent(tree.view());
    let own = Identity::read(tree.view())?.name;
    if tree.view().stat(SRVCONF)?.is_none() {
        return Err(CycleError::NotServer);
    }
    if tree.view().stat(super::MSTTRANS)?.is_none() {
        return Err(CycleError::NoMaster);
    }
    let (header, records, own_srv) = {
        let mut edit = Edit::new(tree.view());
        let (header, records) = load_srvconf(&mut edit)?;
        (header, records, reqconf(&mut edit)?.srv_sync.get())
    };
    let mut server = Server::new(own, header, records);
    server.agent = agent;
    server.trust_replace = options.trust_replace;
    server.auto_import = options.auto_import;
    report.sync_before = server.sync();
    progress.start("taking requests", None);
    // An agent applies what it takes at once: its lists are as of the last number.
    let lists_at = if agent { u32::MAX } else { own_srv };
    let held = receive::receive(tree, &mut server, lists_at, options, &mut report)?;
    if agent {
        super::t1::queue_changes(tree, options, Command::T2, &mut report.said)?;
        let (header, _) = load_srvconf(&mut Edit::new(tree.view()))?;
        report.queued = header.sync.get().saturating_sub(server.sync());
        server.header = header;
        flagged(tree, &mut server, options, &mut report.said)?;
    }
    let own_srv = if agent { server.sync() } else { own_srv };
    report.held_requestors = held
        .iter()
        .map(|&index| transmit::party_name(&server, index))
        .collect();
    report.cycle = server.header.cycle.get();
    let mut transmit = transmit::Transmit {
        server: &mut server,
        own_srv,
        held,
        options,
        progress,
        kept: Vec::new(),
    };
    transmit.run(tree, &mut report)?;
    report.sync_after = server.sync();
    progress.finish();
    Ok(report)
}
