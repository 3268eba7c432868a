//! Keep Updates: entries leave the master list when they are old *and* everybody who was heard
//! lately has them (DEC-047).
//!
//! A server that stood still for weeks must serve before it forgets, so the purge comes last.

use crate::base::UnixTime;
use crate::format::srvconf::{SrvConfHeader, ask};

use super::Server;

/// A purge that is allowed.
#[derive(Debug, Clone)]
pub struct Purge {
    /// Entries above this number stay.
    pub upto: u32,
    /// Entries of this time and later stay.
    pub before: UnixTime,
    /// The header after the purge.
    pub header: SrvConfHeader,
}

/// MSTTRANS, read for a purge.
#[derive(Debug, Clone)]
pub struct PurgeScan {
    upto: u32,
    before: UnixTime,
    records: u64,
    last: u32,
    previous: u32,
    ended: bool,
    any_kept: bool,
}

/// What a purge drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeEnd {
    /// So many records at the front of the file.
    pub records: u64,
    /// The highest number among them.
    pub upto: u32,
}

impl Server {
    /// Whether and up to where MSTTRANS may be purged at the end of this T2.
    ///
    /// `served` are the bounds of the answers of this run ([`super::TransmitUnit::served`]),
    /// `answered` whether anybody was answered at all, `own_srv` is q.S of the server postoffice,
    /// `held` the records whose requests the guard left in the mailbag.
    #[must_use]
    pub fn purge(
        &self,
        answered: bool,
        served: &[u32],
        own_srv: u32,
        held: &[usize],
        now: UnixTime,
    ) -> Option<Purge> {
        if !answered {
            return None;
        }
        let since = self.keep_since(now);
        let confirmed = self
            .live()
            .filter(|(index, record)| {
                let heard = record.last_update.get() != 0 && record.last_update.get() >= since.0;
                // Who takes no updates can miss none (ASSIGNED; its 0 would stop every purge).
                (heard || held.contains(index)) && !record.asks(ask::NO_UPDATES)
            })
            .map(|(_, record)| record.conf_sync.get());
        let upto = served
            .iter()
            .copied()
            .chain(confirmed)
            .fold(own_srv, u32::min);
        let mut header = self.header.clone();
        header.last_purge.set(now.0);
        Some(Purge {
            upto,
            before: since,
            header,
        })
    }
}

impl Purge {
    /// Reads MSTTRANS for this purge.
    #[must_use]
    pub fn scan(&self) -> PurgeScan {
        PurgeScan {
            upto: self.upto,
            before: self.before,
            records: 0,
            last: 0,
            previous: 0,
            ended: false,
            any_kept: false,
        }
    }
}

impl PurgeScan {
    /// The next record; whether more are wanted. Only the front of the list goes (ASSIGNED: a
    /// hole behind an entry that stays could not be seen by 138).
    pub fn see(&mut self, number: u32, date: u32) -> bool {
        if !self.ended && number <= self.upto && date < self.before.0 {
            self.records = self.records.saturating_add(1);
            self.previous = self.last;
            self.last = number;
            return true;
        }
        self.ended = true;
        self.any_kept = true;
        false
    }

    /// What goes: never the last entry, which carries the counter.
    #[must_use]
    pub fn finish(self) -> Option<PurgeEnd> {
        let (records, upto) = if self.any_kept {
            (self.records, self.last)
        } else {
            (self.records.saturating_sub(1), self.previous)
        };
        (records > 0).then_some(PurgeEnd { records, upto })
    }
}
