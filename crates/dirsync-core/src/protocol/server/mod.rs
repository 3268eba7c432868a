//! The directory server: T2 receive, T2 transmit, purge, the records of its requestors.
//!
//! A [`Server`] is SRVCONF with the postoffice it stands in. Each step gives a unit: the header and
//! the record as they would be, and what goes with them in the same commit (DEC-057). The caller
//! commits and then [`Server::apply`]s the unit, or drops it. MSTTRANS is only appended to, read
//! forward, and purged at its front.
//!
//! T2 in order:
//!
//! 1. [`Server::begin_receive`]; [`Server::order`] over the mailbag; for each message
//!    [`Server::open`], for requests each record through [`Intake::entry`], [`Intake::finish`];
//! 2. [`Server::silent`] for the log;
//! 3. for each of [`Server::due`]: [`Server::answer`], a first pass that measures the slice, its
//!    `reply`, a second pass that copies it;
//! 4. [`Server::purge`], [`Server::end_transmit`].

mod purge;
mod receive;
mod records;
mod slice;
mod transmit;

#[cfg(test)]
mod tests;

pub use purge::{Purge, PurgeEnd, PurgeScan};
pub use receive::{AdminMail, Intake, ReceiveUnit, Step, T2Message};
pub use records::{ServerOff, ServerOn, ServerRefusal, register, server_off};
pub use slice::{Filter, ImportScan, ImportSize, Passed, SliceEnd, SliceKey, SliceScan};
pub use transmit::{Answer, Echo, ImportAnswer, OwnLists, TransmitUnit, UpdateAnswer};

use crate::base::logline::LogSeverity;
use crate::base::{PoName, UnixTime};
use crate::format::srvconf::{SrvConfHeader, SrvConfRecord, ask};

use super::log::LogLine;
use super::message::Party;

/// The line a server's run begins with (form of dsp 20-13).
pub const BANNER: &str = "Microsoft (R) Mail DirSync Server V3.5";

/// Seconds of a day, the unit of Keep Updates (DEC-048).
const DAY_SECONDS: u32 = 86_400;

/// The directory server: its postoffice, SRVCONF, and two switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The postoffice.
    pub own: PoName,
    /// Header of SRVCONF.GLB.
    pub header: SrvConfHeader,
    /// Its records, deleted ones included.
    pub records: Vec<SrvConfRecord>,
    /// `--trust-replace`: an R for another requestor's list is taken (DEC-019).
    pub trust_replace: bool,
    /// `--auto-import`: a requestor behind the purge gets all lists (dsp 6.4).
    pub auto_import: bool,
    /// The agent of an Exchange server: no requestor of itself (what its recipients bring goes into
    /// the master list at T2), and an empty reply says so in words (Q201122).
    pub agent: bool,
}

impl Server {
    /// A server with both switches off.
    #[must_use]
    pub fn new(own: PoName, header: SrvConfHeader, records: Vec<SrvConfRecord>) -> Self {
        Self {
            own,
            header,
            records,
            trust_replace: false,
            auto_import: false,
            agent: false,
        }
    }

    /// This server's name in messages.
    #[must_use]
    pub fn party(&self) -> Party {
        Party::postoffice(self.own)
    }

    /// s.Sync: the last number of the master list.
    #[must_use]
    pub fn sync(&self) -> u32 {
        self.header.sync.get()
    }

    /// The index of a live requestor: the whole name, without regard to case.
    #[must_use]
    pub fn find(&self, party: Party) -> Option<usize> {
        self.records
            .iter()
            .position(|record| record.is_live() && Party::of_record(record) == Some(party))
    }

    /// The live requestors.
    fn live(&self) -> impl Iterator<Item = (usize, &SrvConfRecord)> {
        let records = self.records.iter().enumerate();
        records.filter(|(_, record)| record.is_live())
    }

    /// The moment before which entries and requestors are out of date.
    fn keep_since(&self, now: UnixTime) -> UnixTime {
        let days = u32::from(self.header.keep_updates.get());
        UnixTime(now.0.saturating_sub(days.saturating_mul(DAY_SECONDS)))
    }

    /// `No Tasks From Requestor: PCM:NET/PO` for every requestor that is not to be answered in
    /// this T2 (Q131509). `held` are those whose requests the guard left in the mailbag.
    #[must_use]
    pub fn silent(&self, held: &[usize]) -> Vec<LogLine> {
        self.live()
            .filter(|(index, record)| !record.asks(ask::WAITING) && !held.contains(index))
            .filter_map(|(_, record)| Party::of_record(record))
            .map(|party| LogLine::status(format!("No Tasks From Requestor: {party}")))
            .collect()
    }
}

/// What is logged when MSTTRANS cannot be read (Q112280, Q103421); the run ends and the
/// administrator gets a mail.
#[must_use]
pub fn master_unreadable(missing: bool) -> Vec<LogLine> {
    if missing {
        [LogSeverity::Warning, LogSeverity::Fatal]
            .map(|severity| LogLine::error_opening(severity, "MSTTRANS"))
            .to_vec()
    } else {
        vec![LogLine::message(40, "MSTTRANS")]
    }
}

/// What is logged when SRVCONF is missing, damaged or held by somebody else (Q136487).
#[must_use]
pub fn server_busy() -> LogLine {
    LogLine::message(161, "")
}

/// Changes one record: what every unit does to the server when it was committed.
pub(in crate::protocol) fn put(
    records: &mut [SrvConfRecord],
    changed: Option<&(usize, SrvConfRecord)>,
) {
    if let Some((index, record)) = changed
        && let Some(place) = records.get_mut(*index)
    {
        *place = record.clone();
    }
}
