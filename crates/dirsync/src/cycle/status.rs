//! The sync numbers of every party side by side, and what is out of step.
//!
//! In step means: the server has taken and confirmed all that a requestor changed (q.R = s\[r\].R,
//! nothing waits), and the requestor has all that the master list holds (q.S = s\[r\].S = s.Sync) under
//! the same import number (dsp R-NUM-004).

use serde::{Deserialize, Serialize};

use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::base::ident::MailbagStem;
use crate::core::base::{PoName, UnixTime};
use crate::core::format::reqconf::req_options;
use crate::core::format::srvconf::ask;
use crate::core::protocol::log::{IMPORT_BEHIND, SERVER_AHEAD, SERVER_RESTORED};
use crate::core::protocol::message::Party;
use crate::core::protocol::requestor::ReqTrans;
use crate::postoffice::Edit;
use crate::postoffice::config::load_srvconf;
use crate::postoffice::mail::BagEdit;
use crate::tree::TreeView;

use super::step::Numbers3;
use super::t1::{read_reqtrans, requestor};
use super::{CycleError, SRVCONF, finding};

/// Transactions wait to be sent or confirmed.
pub const WAITING: FindingId = FindingId("sync.waiting");
/// A requestor has not all that the server has.
pub const BEHIND: FindingId = FindingId("sync.behind");
/// One side does not know the other.
pub const UNKNOWN: FindingId = FindingId("sync.unknown-party");
/// Mail is under way.
pub const MAIL: FindingId = FindingId("sync.mail-waits");

/// A requestor as its server sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordStatus {
    /// `PCM:NET/PO`.
    pub requestor: String,
    /// `NET/PO`, for a postoffice.
    pub name: Option<String>,
    /// s\[r\].R.
    pub req: u32,
    /// s\[r\].S: last number sent.
    pub srv: u32,
    /// Last number confirmed.
    pub confirmed: u32,
    /// s\[r\].I.
    pub imp: u32,
    /// The cycle it was heard in last.
    pub last_cycle: u32,
    /// When it was heard last, RFC 3339; empty for never.
    pub last_update: String,
    /// A request waits for an answer.
    pub asks: bool,
    /// It takes no updates.
    pub no_updates: bool,
}

/// The server's side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// s.Sync.
    pub sync: u32,
    /// Number of the cycle.
    pub cycle: u32,
    /// Last T2, RFC 3339; empty for never.
    pub last_transmit: String,
    /// Its requestors.
    pub requestors: Vec<RecordStatus>,
}

/// One postoffice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostofficeStatus {
    /// Its directory.
    pub path: String,
    /// `NET/PO`.
    pub name: String,
    /// The server it is registered with.
    pub server: Option<String>,
    /// q.R, q.S, q.I.
    pub numbers: Numbers3,
    /// Highest number ever sent.
    pub last_sent: u32,
    /// Transactions above q.R; `None` when REQTRANS cannot be read.
    pub waiting: Option<u32>,
    /// It takes no updates.
    pub no_updates: bool,
    /// Last T1, RFC 3339; empty for never.
    pub last_t1: String,
    /// Last T3, RFC 3339; empty for never.
    pub last_t3: String,
    /// Messages in INQUEUE and INQUEUE3.
    pub queued_mail: u64,
    /// Messages in SYSTEM.
    pub system_mail: u64,
    /// When it is the directory server.
    pub as_server: Option<ServerStatus>,
}

fn time(seconds: u32) -> String {
    match UnixTime(seconds) {
        time if time.is_never() => String::new(),
        time => time.timestamp().to_string(),
    }
}

impl PostofficeStatus {
    /// Reads the numbers of a postoffice.
    ///
    /// # Errors
    /// A file is damaged or cannot be read.
    pub fn read(view: &TreeView, path: &str) -> Result<Self, CycleError> {
        let mut edit = Edit::new(view);
        let requestor = requestor(&mut edit)?;
        let conf = &requestor.conf;
        let waiting = match read_reqtrans(view, &requestor)? {
            ReqTrans::Read(waiting) => Some(waiting.unconfirmed),
            ReqTrans::Missing | ReqTrans::Damaged => None,
        };
        let mut count = |stem| BagEdit::load(&mut edit, stem).map_or(0, |bag| bag.live_count());
        let queued = count(MailbagStem::INQUEUE) + count(MailbagStem::INQUEUE3);
        let system = count(MailbagStem::SYSTEM);
        let as_server = if requestor.is_server && view.stat(SRVCONF)?.is_some() {
            Some(ServerStatus::read(&mut edit)?)
        } else {
            None
        };
        Ok(Self {
            path: path.to_owned(),
            name: requestor.own.to_string(),
            server: requestor
                .server()
                .and_then(|(server, _)| server.name())
                .map(|name| name.to_string()),
            numbers: requestor.numbers().into(),
            last_sent: conf.last_sent.get(),
            waiting,
            no_updates: conf.has(req_options::NO_UPDATES),
            last_t1: time(conf.last_t1.get()),
            last_t3: time(conf.last_t3.get()),
            queued_mail: queued as u64,
            system_mail: system as u64,
            as_server,
        })
    }
}

impl ServerStatus {
    fn read(edit: &mut Edit<'_>) -> Result<Self, CycleError> {
        let (header, records) = load_srvconf(edit)?;
        let mut requestors = Vec::new();
        for record in records.iter().filter(|record| record.is_live()) {
            let party = Party::of_record(record);
            requestors.push(RecordStatus {
                requestor: party.map_or_else(String::new, |party| party.to_string()),
                name: party
                    .and_then(|party| party.name())
                    .map(|name| name.to_string()),
                req: record.req_sync.get(),
                srv: record.srv_sync.get(),
                confirmed: record.conf_sync.get(),
                imp: record.imp_sync.get(),
                last_cycle: record.last_cycle.get(),
                last_update: time(record.last_update.get()),
                asks: record.asks(ask::WAITING),
                no_updates: record.asks(ask::NO_UPDATES),
            });
        }
        Ok(Self {
            sync: header.sync.get(),
            cycle: header.cycle.get(),
            last_transmit: time(header.last_transmit.get()),
            requestors,
        })
    }
}

/// Something out of step, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfStep {
    /// The postoffice, `NET/PO`.
    pub name: String,
    /// What.
    pub finding: Finding,
}

fn same(a: &str, b: &str) -> bool {
    match (a.parse::<PoName>(), b.parse::<PoName>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Compares all parties.
#[must_use]
pub fn compare(all: &[PostofficeStatus]) -> Vec<OutOfStep> {
    let mut out = Vec::new();
    for po in all {
        let mut say = |id, severity, message: String, hint| {
            out.push(OutOfStep {
                name: po.name.clone(),
                finding: finding(id, severity, message, hint),
            });
        };
        let mail = po.queued_mail + po.system_mail;
        if mail > 0 {
            let message = format!(
                "{mail} messages wait: {} in the queues, {} in SYSTEM",
                po.queued_mail, po.system_mail
            );
            say(
                MAIL,
                Severity::Note,
                message,
                "`dxa-cycle run` moves and takes them",
            );
        }
        let Some(server) = &po.server else {
            continue;
        };
        match po.waiting {
            Some(0) => {}
            Some(n) => {
                let message = format!("{n} transactions are not confirmed by the server yet");
                say(WAITING, Severity::Warning, message, "run a cycle");
            }
            None => {
                let message = "REQTRANS.GLB is missing or damaged".to_owned();
                say(WAITING, Severity::Error, message, "`po-admin check --fix`");
            }
        }
        let Some(at_server) = all.iter().find(|other| same(&other.name, server)) else {
            let message = format!("its server {server} is not in this site");
            say(UNKNOWN, Severity::Note, message, "");
            continue;
        };
        let record = at_server.as_server.as_ref().and_then(|as_server| {
            let mut records = as_server.requestors.iter();
            let record = records.find(|r| r.name.as_deref().is_some_and(|n| same(n, &po.name)))?;
            Some((as_server, record))
        });
        match record {
            None => {
                let message = format!("{server} has no record of it");
                let hint = "`po-admin requestor add` at the server";
                say(UNKNOWN, Severity::Error, message, hint);
            }
            Some((as_server, record)) => compare_one(po, as_server, record, &mut say),
        }
    }
    out
}

fn compare_one(
    po: &PostofficeStatus,
    server: &ServerStatus,
    record: &RecordStatus,
    say: &mut dyn FnMut(FindingId, Severity, String, &'static str),
) {
    let q = po.numbers;
    if record.req > po.last_sent.max(q.req) {
        let message = format!(
            "the server has its {}, it has sent {} only",
            record.req, po.last_sent
        );
        say(
            SERVER_AHEAD,
            Severity::Warning,
            message,
            "the next cycle mends it",
        );
    } else if q.req > record.req {
        let message = format!("R is {} here and {} at the server", q.req, record.req);
        let hint = "the server was set back: all requestors export, one cycle, RESYNC.GLB to all";
        say(SERVER_RESTORED, Severity::Error, message, hint);
    } else if q.req < record.req {
        let message = format!("R is {} here and {} at the server", q.req, record.req);
        say(
            BEHIND,
            Severity::Warning,
            message,
            "the reply is under way; run a cycle",
        );
    }
    if q.imp > record.imp {
        let message = format!("I is {} here and {} at the server", q.imp, record.imp);
        let hint = "replies are dropped: make an import request, then export";
        say(IMPORT_BEHIND, Severity::Error, message, hint);
    }
    if q.srv > server.sync {
        let message = format!("S is {} here and the server has {}", q.srv, server.sync);
        let hint = "the server was set back: all requestors export, one cycle, RESYNC.GLB to all";
        say(SERVER_RESTORED, Severity::Error, message, hint);
    } else if q.srv < server.sync && !po.no_updates {
        let message = format!("S is {} here and the server has {}", q.srv, server.sync);
        say(BEHIND, Severity::Warning, message, "run a cycle");
    }
}
