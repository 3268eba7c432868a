//! The requestor: T0 numbers changes, T1 sends them, T3 takes the answers, RESYNC starts anew.
//!
//! A [`Requestor`] is the record of REQCONF with the postoffice it stands in. No step changes it:
//! each gives back the record as it would be, inside a plan. REQTRANS is read once per step
//! through [`Waiting`] and, where a plan says so, rewritten record by record.
//!
//! | step | needs | gives |
//! |---|---|---|
//! | [`Requestor::appender`], [`Requestor::export`] | [`Waiting`] or [`ExportScan`] | records for REQTRANS |
//! | [`Requestor::import_request`] | - | a message to be sent at once |
//! | [`Requestor::t1`] | [`ReqTrans`] | two messages, which records go along, REQCONF |
//! | [`Requestor::t3`] | the mailbag's messages, each attachment scanned | what goes to SRVTRANS, REQTRANS, REQCONF |
//! | [`Requestor::resync`] | the header of RESYNC.GLB | REQTRANS, REQCONF |

mod resync;
mod t0;
mod t1;
mod t3;

#[cfg(test)]
mod tests;

pub use resync::ResyncPlan;
pub(in crate::protocol) use t0::without_info;
pub use t0::{
    Appender, ExportKeep, ExportPlan, ExportScan, ImportRequestPlan, Member, T0Refusal, change,
};
pub use t1::{BANNER, T1Plan};
pub use t3::{Part, T3Message, T3Plan, Take};

use crate::base::{MailboxName, PoName, Scope};
use crate::format::reqconf::{ReqConfRecord, req_options};
use crate::format::transactions::Record;

use super::message::{Party, TypeList};
use super::numbers::Numbers;

/// A requestor: its postoffice and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requestor {
    /// The postoffice.
    pub own: PoName,
    /// REQCONF.GLB.
    pub conf: ReqConfRecord,
    /// Whether the postoffice is the directory server as well.
    pub is_server: bool,
}

impl Requestor {
    /// q.R, q.S, q.I.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        Numbers::of(&self.conf)
    }

    /// This requestor's name in messages.
    #[must_use]
    pub fn party(&self) -> Party {
        Party::postoffice(self.own)
    }

    /// Its own list.
    #[must_use]
    pub fn list(&self) -> Scope {
        Scope::pcm(self.own)
    }

    /// The server and its mailbox; `None` when none is registered.
    #[must_use]
    pub fn server(&self) -> Option<(Party, MailboxName)> {
        let conf = &self.conf;
        if !conf.has(req_options::REGISTERED) || conf.srv_network.is_empty() {
            return None;
        }
        let mut name = conf.srv_type.text().to_vec();
        name.push(b':');
        name.extend_from_slice(conf.srv_network.text());
        name.push(b'/');
        name.extend_from_slice(conf.srv_postoffice.text());
        let mailbox =
            MailboxName::read(conf.srv_mailbox.text()).unwrap_or_else(|_| MailboxName::system());
        Some((Party::parse(&name)?, mailbox))
    }

    /// The address types it wants.
    #[must_use]
    pub fn types(&self) -> TypeList {
        TypeList::parse(self.conf.types.text())
    }

    /// REQCONF after LISTDS -Z (DEC-053): numbers and last-sent 0, pointers −1, types `PCM`; name
    /// of the server, password and times stay (Q131681). `None` on a directory server.
    #[must_use]
    pub fn zeroed(&self) -> Option<ReqConfRecord> {
        if self.is_server {
            return None;
        }
        let mut conf = self.conf.clone();
        Numbers::default().store(&mut conf);
        conf.last_sent.set(0);
        conf.clear_pointers();
        conf.types = TypeList::default().to_field();
        // Numbers of a RESYNC that no longer hold must not be claimed (ASSIGNED).
        conf.set(req_options::RESYNC, false);
        Some(conf)
    }

    /// The highest number that was ever given a meaning to the server.
    fn highest_known(&self) -> u32 {
        self.numbers().req.max(self.conf.last_sent.get())
    }
}

/// REQTRANS, read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    q_req: u32,
    /// Records of any kind.
    pub records: u32,
    /// The highest number of any record, dummies included.
    pub highest: u32,
    /// Transactions above q.R.
    pub unconfirmed: u32,
    /// The highest of them.
    pub last: u32,
}

impl Waiting {
    /// Starts reading for a requestor.
    #[must_use]
    pub fn of(requestor: &Requestor) -> Self {
        Self {
            q_req: requestor.numbers().req,
            ..Self::default()
        }
    }

    /// The next record.
    pub fn see(&mut self, record: &Record<'_>) {
        let number = record.head.sync;
        self.records = self.records.saturating_add(1);
        self.highest = self.highest.max(number);
        if number > self.q_req && !record.is_dummy() {
            self.unconfirmed = self.unconfirmed.saturating_add(1);
            self.last = self.last.max(number);
        }
    }
}

/// What was found where REQTRANS should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReqTrans {
    /// No file.
    Missing,
    /// A file with damage in it.
    Damaged,
    /// A good file.
    Read(Waiting),
}
