//! T0: changes become numbered transactions in REQTRANS (dsp section 3).
//!
//! Template information is left out here, not at T1, when templates are not sent (ASSIGNED): a
//! record then never changes between two sendings.

use crate::base::transaction::Info;
use crate::base::{DecodeError, Entry, Scope, Transaction, UnixTime};
use crate::format::body::{Body, Carrier, ImportRequest};
use crate::format::reqconf::{ReqConfRecord, req_options};
use crate::format::transactions::Record;

use super::{Requestor, Waiting};
use crate::base::address::{Fault, TypeCase};
use crate::protocol::message::{Attachment, Outgoing};
use crate::protocol::numbers::{NumbersExhausted, next_number};
use crate::protocol::record::NewRecord;

/// A change that is not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum T0Refusal {
    /// Message 2: REQTRANS is missing. The old ADMIN stored the time of the Export and queued
    /// nothing (Q119017).
    #[error("Error opening file: REQTRANS")]
    NoReqTrans,
    /// A transaction every server would stumble over (Q128872: no mailbox, error 81 at each T2).
    #[error(transparent)]
    Invalid(#[from] Fault),
    /// A transaction that does not fit a record.
    #[error(transparent)]
    TooLong(#[from] DecodeError),
    /// No number is left.
    #[error(transparent)]
    Exhausted(#[from] NumbersExhausted),
    /// Message 54: no server is registered.
    #[error("No Server name has been set")]
    NoServer,
    /// An import request makes no sense on the server postoffice (Q131681).
    #[error("the directory server cannot ask itself for an import")]
    OnServer,
}

/// Gives numbers to transactions, in order.
#[derive(Debug, Clone)]
pub struct Appender {
    highest: u32,
    date: UnixTime,
    send_templates: bool,
    dummy: Option<NewRecord>,
}

impl Appender {
    /// The dummy that must stand in front when REQTRANS is empty although numbers were confirmed
    /// before: without it the counter would start again below them (Q119014, Q110496).
    #[must_use]
    pub fn dummy(&self) -> Option<&NewRecord> {
        self.dummy.as_ref()
    }

    /// The highest number given so far.
    #[must_use]
    pub fn highest(&self) -> u32 {
        self.highest
    }

    /// Numbers a transaction. `None` when nothing is to be queued: a comment, or a template that
    /// is not sent.
    ///
    /// # Errors
    /// [`T0Refusal::Invalid`], [`T0Refusal::TooLong`], [`T0Refusal::Exhausted`].
    pub fn append(&mut self, transaction: &Transaction) -> Result<Option<NewRecord>, T0Refusal> {
        self.append_with(transaction, TypeCase::Upper)
    }

    /// As [`Self::append`], with types in the given case: as spelled for what an administrator
    /// enqueues from a file (DEC-022).
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_with(
        &mut self,
        transaction: &Transaction,
        case: TypeCase,
    ) -> Result<Option<NewRecord>, T0Refusal> {
        transaction.check()?;
        let text = match transaction {
            Transaction::Comment(_) => return Ok(None),
            Transaction::Template { .. } if !self.send_templates => return Ok(None),
            _ if self.send_templates || transaction.info().is_empty() => {
                transaction.to_record_text_with(case)?
            }
            _ => without_info(transaction).to_record_text_with(case)?,
        };
        self.highest = next_number(self.highest)?;
        Ok(Some(NewRecord::transaction(self.highest, self.date, text)))
    }
}

/// The transaction without template information.
pub(in crate::protocol) fn without_info(transaction: &Transaction) -> Transaction {
    let mut plain = transaction.clone();
    match &mut plain {
        Transaction::Add { info, .. } | Transaction::Modify { info, .. } => info.clear(),
        _ => {}
    }
    plain
}

/// A local user or group as directory synchronization sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Alias and address.
    pub entry: Entry,
    /// Whether it takes part: the flag is Yes and, for a group, no member is external (dsp
    /// R-T0-003, R-T0-004).
    pub takes_part: bool,
    /// Template information.
    pub info: Vec<Info>,
}

impl Member {
    fn add(&self) -> Transaction {
        Transaction::Add {
            entry: self.entry.clone(),
            info: self.info.clone(),
            options: Vec::new(),
        }
    }
}

/// The transaction of a change to a local user or group: `None` before for a new one, `None` after
/// for a removed one. A flag set from Yes to No deletes the entry everywhere else (Q131151).
#[must_use]
pub fn change(before: Option<&Member>, after: Option<&Member>) -> Option<Transaction> {
    let before = before.filter(|member| member.takes_part);
    let after = after.filter(|member| member.takes_part);
    match (before, after) {
        (None, None) => None,
        (None, Some(new)) => Some(new.add()),
        (Some(old), None) => Some(Transaction::Delete {
            entry: old.entry.clone(),
        }),
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(Transaction::Modify {
            old: old.entry.clone(),
            new: Some(new.entry.clone()),
            info: new.info.clone(),
            options: Vec::new(),
        }),
    }
}

/// Which waiting transactions an Export leaves (DEC-059): those of the own list that were never
/// sent go, because the Export says all of it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportKeep {
    last_sent: u32,
    own: Scope,
}

impl ExportKeep {
    /// Whether a record of REQTRANS stays.
    #[must_use]
    pub fn keeps(&self, record: &Record<'_>) -> bool {
        record.is_dummy()
            || record.head.sync <= self.last_sent
            || Transaction::parse(record.text)
                .ok()
                .and_then(|transaction| transaction.scope())
                != Some(self.own)
    }
}

/// REQTRANS, read for an Export.
#[derive(Debug, Clone)]
pub struct ExportScan {
    keep: ExportKeep,
    kept: Waiting,
}

impl ExportScan {
    /// Starts reading for a requestor.
    #[must_use]
    pub fn of(requestor: &Requestor) -> Self {
        Self {
            keep: ExportKeep {
                last_sent: requestor.highest_known(),
                own: requestor.list(),
            },
            kept: Waiting::of(requestor),
        }
    }

    /// The next record.
    pub fn see(&mut self, record: &Record<'_>) {
        if self.keep.keeps(record) {
            self.kept.see(record);
        }
    }
}

/// An Export: first rewrite REQTRANS with `keep`, then append [`ExportPlan::replace`] and each
/// participating user and group.
#[derive(Debug, Clone)]
pub struct ExportPlan {
    /// Which records stay.
    pub keep: ExportKeep,
    /// REQCONF with the time of the Export.
    pub conf: ReqConfRecord,
    /// Numbers what is appended.
    pub appender: Appender,
    own: Scope,
}

impl ExportPlan {
    /// The `R` that empties the own list everywhere else.
    ///
    /// # Errors
    /// [`T0Refusal::Exhausted`].
    pub fn replace(&mut self) -> Result<Option<NewRecord>, T0Refusal> {
        self.appender
            .append(&Transaction::Replace { scope: self.own })
    }

    /// The `A` of a user or group; `None` when it takes no part.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn member(&mut self, member: &Member) -> Result<Option<NewRecord>, T0Refusal> {
        if !member.takes_part {
            return Ok(None);
        }
        self.appender.append(&member.add())
    }
}

/// An import request, sent at once (dsp R-IMP-002).
#[derive(Debug, Clone)]
pub struct ImportRequestPlan {
    /// REQCONF with the time of the request.
    pub conf: ReqConfRecord,
    /// The message.
    pub message: Outgoing,
}

impl Requestor {
    /// Numbers further transactions: above everything in REQTRANS, above q.R, above everything
    /// ever sent (dsp R-NUM-006, DEC-059). A number that was sent once must never mean something
    /// else.
    #[must_use]
    pub fn appender(&self, waiting: &Waiting, now: UnixTime) -> Appender {
        let known = self.highest_known();
        let req = self.numbers().req;
        Appender {
            highest: known.max(waiting.highest),
            date: now,
            send_templates: self.conf.has(req_options::SEND_TEMPLATES),
            dummy: (waiting.records == 0 && req > 0).then(|| NewRecord::dummy(req, now)),
        }
    }

    /// Config, Dir-Sync, Requestor, Export. `scan` is `None` when REQTRANS is missing.
    ///
    /// # Errors
    /// [`T0Refusal::NoReqTrans`]; the time stays as it is then (dsp R-T0-006).
    pub fn export(
        &self,
        scan: Option<&ExportScan>,
        now: UnixTime,
    ) -> Result<ExportPlan, T0Refusal> {
        let scan = scan.ok_or(T0Refusal::NoReqTrans)?;
        let mut conf = self.conf.clone();
        conf.last_export.set(now.0);
        Ok(ExportPlan {
            keep: scan.keep,
            conf,
            appender: self.appender(&scan.kept, now),
            own: self.list(),
        })
    }

    /// Config, Dir-Sync, Requestor, Import.
    ///
    /// # Errors
    /// [`T0Refusal::OnServer`], [`T0Refusal::NoServer`].
    pub fn import_request(&self, now: UnixTime) -> Result<ImportRequestPlan, T0Refusal> {
        if self.is_server {
            return Err(T0Refusal::OnServer);
        }
        let (server, mailbox) = self.server().ok_or(T0Refusal::NoServer)?;
        let numbers = self.numbers();
        let body = Body::ImportRequest(ImportRequest {
            reqname: self.party().to_bytes(),
            password: self.conf.password.text().to_vec(),
            reqseq: numbers.req,
            srvseq: 0,
            impseq: numbers.imp,
            types: self.types().to_bytes(),
            template: self.conf.has(req_options::RECEIVE_TEMPLATES),
            limit_kb: self.conf.limit_kb.get(),
            transactions: Carrier::Internal,
        });
        let mut conf = self.conf.clone();
        conf.last_import.set(now.0);
        Ok(ImportRequestPlan {
            conf,
            message: Outgoing::new(server, mailbox, body, Attachment::None),
        })
    }
}
