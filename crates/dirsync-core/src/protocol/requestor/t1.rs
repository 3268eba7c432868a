//! T1: the requestor sends its log and its request (dsp section 4).

use crate::base::UnixTime;
use crate::base::logline::LogSeverity;
use crate::format::body::{Body, Carrier, Request, Status};
use crate::format::reqconf::{ReqConfRecord, req_options};
use crate::format::transactions::Record;

use super::{ReqTrans, Requestor};
use crate::protocol::log::{Diary, LogLine};
use crate::protocol::message::{Attachment, Outgoing};
use crate::protocol::numbers::is_plausible;
use crate::protocol::record::NewRecord;

/// The line a requestor's run begins with (Q149271, without the build).
pub const BANNER: &str = "Microsoft (R) Mail DirSync Requestor V3.5";

/// What T1 would do. One commit: messages, REQTRANS' dummy, REQCONF, log (DEC-057).
#[derive(Debug, Clone)]
pub struct T1Plan {
    /// REQCONF with `last_sent` and the time. q.R, q.S, q.I never change at T1 (dsp R-T1-008).
    pub conf: ReqConfRecord,
    /// The status message, then the request; nothing when the run failed before them.
    pub messages: Vec<Outgoing>,
    /// The attachment of the request holds the records of REQTRANS that [`T1Plan::sends`] names.
    pub count: u32,
    /// A dummy to be written to a REQTRANS that is empty although q.R is not 0.
    pub dummy: Option<NewRecord>,
    /// The log.
    pub diary: Diary,
    /// The run failed; `Requestor process failed.` is logged.
    pub failed: bool,
    above: u32,
}

impl T1Plan {
    /// Whether a record of REQTRANS goes into the attachment: transactions above q.R. Numbers at or
    /// below it are obsolete (Q133428), dummies are never sent.
    #[must_use]
    pub fn sends(&self, record: &Record<'_>) -> bool {
        record.head.sync > self.above && !record.is_dummy()
    }

    fn fail(mut self) -> Self {
        self.diary
            .lines
            .push(LogLine::status("Requestor process failed."));
        self.failed = true;
        self
    }
}

impl Requestor {
    /// Plans T1. `server_is_known` says whether the server's postoffice is defined here; `has_log`
    /// whether DSSERVER.LOG has anything to report.
    #[must_use]
    pub fn t1(
        &self,
        reqtrans: ReqTrans,
        server_is_known: bool,
        has_log: bool,
        now: UnixTime,
    ) -> T1Plan {
        let numbers = self.numbers();
        let mut plan = T1Plan {
            conf: self.conf.clone(),
            messages: Vec::new(),
            count: 0,
            dummy: None,
            diary: Diary::default(),
            failed: false,
            above: numbers.req,
        };
        plan.diary.status(BANNER);
        let Some((server, mailbox)) = self.server() else {
            plan.diary.message(54, "");
            return plan.fail();
        };
        if !server_is_known {
            plan.diary.message(55, "");
            return plan.fail();
        }
        let attachment = if has_log {
            Attachment::Log
        } else {
            Attachment::None
        };
        let status = Body::Status(Status {
            reqname: self.party().to_bytes(),
        });
        plan.messages
            .push(Outgoing::new(server, mailbox, status, attachment));
        let waiting = match reqtrans {
            ReqTrans::Read(waiting) if is_plausible(waiting.highest) => waiting,
            _ => {
                plan.diary
                    .lines
                    .push(LogLine::error_opening(LogSeverity::Warning, "REQTRANS"));
                plan.diary.message(40, "REQTRANS");
                plan.diary.message(152, "");
                return plan.fail();
            }
        };
        if waiting.records == 0 && numbers.req > 0 {
            plan.dummy = Some(NewRecord::dummy(numbers.req, now));
        }
        plan.count = waiting.unconfirmed;
        let reqseq = waiting.last.max(numbers.req);
        let body = Body::Request(Request {
            reqname: self.party().to_bytes(),
            password: self.conf.password.text().to_vec(),
            reqseq,
            reqwas: numbers.req,
            srvseq: numbers.srv,
            impseq: numbers.imp,
            count: waiting.unconfirmed,
            types: self.types().to_bytes(),
            template: self.conf.has(req_options::RECEIVE_TEMPLATES),
            receive: !self.conf.has(req_options::NO_UPDATES),
            resync: self.conf.has(req_options::RESYNC),
            limit_kb: self.conf.limit_kb.get(),
            transactions: Carrier::Internal,
        });
        let attachment = match waiting.unconfirmed {
            0 => Attachment::None,
            _ => Attachment::Transactions(Carrier::Internal),
        };
        plan.messages
            .push(Outgoing::new(server, mailbox, body, attachment));
        plan.conf.last_sent.set(reqseq.max(self.highest_known()));
        plan.conf.last_t1.set(now.0);
        plan.diary.message(167, self.types().to_string());
        match waiting.unconfirmed {
            0 => plan.diary.message(171, ""),
            count => plan.diary.message(106, count.to_string()),
        }
        plan
    }
}
