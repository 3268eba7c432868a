//! What a delivery did, link by link.

use serde::{Serialize, Serializer};

use crate::core::base::time::UnixTime;

use super::super::book::LinkState;
use super::super::far::{PlanStep, Problem};
use super::super::mailer::MailerTotals;

/// A time of a report: RFC 3339, `null` for never.
fn rfc3339<S: Serializer>(seconds: &u32, to: S) -> Result<S::Ok, S::Error> {
    let time = (*seconds != 0).then(|| UnixTime(*seconds).timestamp().to_string());
    time.serialize(to)
}

/// One postoffice and what happened in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostofficeReport {
    /// The path of its tree.
    pub path: String,
    /// `NET/PO`, where it could be read.
    pub name: Option<String>,
    /// Whether it could be served.
    pub state: LinkState,
    /// It does not answer, or must not be written again in this run: nobody should wait for it
    /// another time.
    pub silent: bool,
    /// What its mailer did, over all passes.
    pub mailer: MailerTotals,
    /// Messages taken in from other trees.
    pub received: u64,
    /// Of a dry run: what the first pass of the mailer would change.
    pub steps: Vec<PlanStep>,
    /// What is wrong in it, as of the last pass.
    pub problems: Vec<Problem>,
    /// Why it is down.
    pub last_error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// One link and what went over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    /// The sender, `NET/PO`.
    pub from: String,
    /// The receiver, `NET/PO`; empty for a mailbag that belongs to no postoffice.
    pub to: String,
    /// The outbound mailbag.
    pub mailbag: String,
    /// Messages that left the sender.
    pub sent: u64,
    /// Messages that were new to the receiver.
    pub received: u64,
    /// Messages that the receiver had already.
    pub repeated: u64,
    /// Messages that still wait.
    pub waiting: u64,
    /// Date of the oldest of these, seconds since 1970 UTC; 0 when none waits.
    #[serde(serialize_with = "rfc3339")]
    pub oldest: u32,
    /// Messages that were given back to their senders.
    pub returned: u64,
    /// Messages that took another route because this one does not work.
    pub rerouted: u64,
    /// How it is.
    pub state: LinkState,
    /// Failed attempts that count since it last worked.
    pub attempts: u32,
    /// When the next attempt counts, seconds since 1970 UTC; 0 when it works.
    #[serde(serialize_with = "rfc3339")]
    pub next_retry: u32,
    /// Why it does not, or why a message was not taken.
    pub last_error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl LinkReport {
    /// Whether mail waits that should not, or went back.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        match self.state {
            LinkState::Held => self.returned > 0,
            LinkState::Retrying | LinkState::Down => true,
            LinkState::Up => self.last_error.is_some() || self.returned > 0,
        }
    }
}

/// What a delivery did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeliverReport {
    /// Passes made, the last quiet one included.
    pub passes: u32,
    /// Whether nothing moved any more at the end.
    pub quiet: bool,
    /// Whether the user stopped it.
    pub stopped: bool,
    /// By name.
    pub postoffices: Vec<PostofficeReport>,
    /// By sender, then mailbag; those over which something went or waits.
    pub links: Vec<LinkReport>,
}

impl DeliverReport {
    /// Adds what a delivery after this one did; how things are is what it says.
    pub fn followed_by(&mut self, later: Self) {
        self.passes += later.passes;
        (self.quiet, self.stopped) = (later.quiet, later.stopped);
        for mut po in later.postoffices {
            match self.postoffices.iter_mut().find(|old| old.path == po.path) {
                None => self.postoffices.push(po),
                Some(old) => {
                    let mut mailer = old.mailer.clone();
                    mailer.add(&po.mailer);
                    po.mailer = mailer;
                    po.received += old.received;
                    *old = po;
                }
            }
        }
        let same = |a: &LinkReport, b: &LinkReport| a.from == b.from && a.mailbag == b.mailbag;
        // A link of which nothing is said any more has done its work.
        for old in &mut self.links {
            if !later.links.iter().any(|link| same(old, link)) {
                (old.waiting, old.oldest) = (0, 0);
            }
        }
        for mut link in later.links {
            match self.links.iter_mut().find(|old| same(old, &link)) {
                None => self.links.push(link),
                Some(old) => {
                    link.sent += old.sent;
                    link.received += old.received;
                    link.repeated += old.repeated;
                    link.returned += old.returned;
                    link.rerouted += old.rerouted;
                    *old = link;
                }
            }
        }
        self.links
            .sort_by(|a, b| (&a.from, &a.mailbag).cmp(&(&b.from, &b.mailbag)));
    }

    /// Whether something failed, waits or was found: exit 1.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        self.postoffices.iter().any(|po| {
            po.state == LinkState::Down || !po.problems.is_empty() || po.last_error.is_some()
        }) || self.links.iter().any(|link| link.has_problems())
    }

    /// Messages that crossed a link.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.links.iter().map(|link| link.sent).sum()
    }
}
