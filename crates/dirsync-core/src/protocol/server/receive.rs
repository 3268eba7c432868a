//! T2 receive: taking requests (dsp 5.1).
//!
//! One message is one commit: MSTTRANS, SRVCONF, mailbag (DEC-057). Entries stream through
//! [`Intake::entry`]; what it gives is appended to MSTTRANS.

use crate::base::address::Fault;
use crate::base::logline::LogSeverity;
use crate::base::{Address, AddressType, Transaction, UnixTime};
use crate::format::body::Carrier;
use crate::format::srvconf::{SrvConfHeader, SrvConfRecord, ask};

use super::{BANNER, Server, put};
use crate::protocol::log::{
    Diary, IMPORT_BEHIND, LogLine, NUMBERING_RESTARTED, REQUEST_GAP, REQUEST_INCOMPLETE,
    SERVER_RESTORED,
};
use crate::protocol::message::{
    Disposition, Half, Incoming, Party, Request, RequestKind, Route, route,
};
use crate::protocol::numbers::{NumbersExhausted, grant_import, next_number, proves_restore};
use crate::protocol::record::NewRecord;
use crate::protocol::unit::Usable;

/// A message of the server's system mailbag.
#[derive(Debug, Clone)]
pub struct T2Message {
    /// Its body.
    pub message: Incoming,
    /// How much of its attachment can be used ([`crate::protocol::unit::Scan`]).
    pub usable: Usable,
    /// The sender's address, `NET/PO/MAILBOX`: replies to a registered requestor go to the mailbox
    /// it writes from (`$SYSTEM`, `SYSTEM1`; DEC-065).
    pub from: String,
    /// When it came.
    pub arrived: UnixTime,
}

/// A mail to the administrator of the server. It never quotes the message: that may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminMail {
    /// Its lines.
    pub lines: Vec<String>,
}

/// What one message changes.
#[derive(Debug, Clone)]
pub struct ReceiveUnit {
    /// Header of SRVCONF after it.
    pub header: SrvConfHeader,
    /// The record that changes.
    pub record: Option<(usize, SrvConfRecord)>,
    /// What becomes of the message.
    pub disposition: Disposition,
    /// Entries appended to MSTTRANS.
    pub appended: u32,
    /// The heading under which the attachment goes to CENTRAL.LOG (a status message).
    pub central_log: Option<LogLine>,
    /// A mail to the administrator.
    pub mail: Option<AdminMail>,
    /// The log.
    pub diary: Diary,
}

/// A message that was looked at.
#[derive(Debug)]
pub enum Step<'a> {
    /// A request: feed it its entries.
    Take(Box<Intake<'a>>),
    /// Anything else, done.
    Done(Box<ReceiveUnit>),
}

impl Server {
    /// The start of T2: the cycle counts, and the server's own record must be there (136).
    #[must_use]
    pub fn begin_receive(&self, now: UnixTime) -> (SrvConfHeader, Diary) {
        let mut header = self.header.clone();
        header.cycle.set(header.cycle.get().saturating_add(1));
        header.last_receive.set(now.0);
        let mut diary = Diary::default();
        diary.status(BANNER);
        if !self.agent && self.find(self.party()).is_none() {
            diary.message(136, "");
        }
        (header, diary)
    }

    /// The order in which messages are taken: as they came, but the requests of one requestor by
    /// their R (dsp 20-19). Answers indexes.
    #[must_use]
    pub fn order(messages: &[T2Message]) -> Vec<usize> {
        let request = |index: usize| match &messages[index].message {
            Incoming::Request(request) => request.name.party().map(|party| (party, request)),
            _ => None,
        };
        let mut order: Vec<usize> = (0..messages.len()).collect();
        // The places that a requestor's requests have stay its places.
        let mut places: std::collections::HashMap<Party, Vec<usize>> =
            std::collections::HashMap::new();
        for index in 0..messages.len() {
            if let Some((party, _)) = request(index) {
                places.entry(party).or_default().push(index);
            }
        }
        for own in places.values().filter(|own| own.len() > 1) {
            let mut sorted = own.clone();
            sorted.sort_by_key(|&index| request(index).map(|(_, request)| request.req));
            for (&place, &index) in own.iter().zip(&sorted) {
                order[place] = index;
            }
        }
        order
    }

    /// Looks at a message. `last_run` is the time of the T2 before this one.
    ///
    /// # Errors
    /// [`NumbersExhausted`] when an import can no longer be counted; nothing may be committed.
    pub fn open<'a>(
        &'a self,
        message: &T2Message,
        last_run: UnixTime,
        now: UnixTime,
    ) -> Result<Step<'a>, NumbersExhausted> {
        let mut unit = ReceiveUnit {
            header: self.header.clone(),
            record: None,
            disposition: Disposition::Remove,
            appended: 0,
            central_log: None,
            mail: None,
            diary: Diary::default(),
        };
        match (route(&message.message, Half::Server), &message.message) {
            (Route::Take, Incoming::Status(name)) => {
                match name.party().filter(|party| self.find(*party).is_some()) {
                    Some(party) => unit.central_log = Some(status_heading(party)),
                    None => not_registered(&mut unit, &name.to_string(), &message.from),
                }
            }
            (Route::Take, Incoming::Request(request)) => {
                let Some((index, party)) = request
                    .name
                    .party()
                    .and_then(|party| Some((self.find(party)?, party)))
                else {
                    not_registered(&mut unit, &request.name.to_string(), &message.from);
                    if request.name.party().is_none() {
                        let text =
                            "REQNAME with network and postoffice is missing in the request of";
                        unit.diary.notice(REQUEST_INCOMPLETE, &message.from, text);
                    }
                    return Ok(Step::Done(Box::new(unit)));
                };
                if !self.records[index].accepts(request.password.text()) {
                    unit.diary.message(156, party.to_string());
                    unit.mail = Some(AdminMail {
                        lines: vec![
                            format!("Invalid Dirsync password from {party}"),
                            format!("From: {}", message.from),
                        ],
                    });
                    return Ok(Step::Done(Box::new(unit)));
                }
                let intake = Intake::new(self, unit, (index, party), request, message, now)?;
                return Ok(Step::Take(Box::new(intake)));
            }
            (Route::Leave, _) => {
                unit.disposition = Disposition::Leave;
                // A reply for the other half is normal mail, unless nobody ever takes it.
                if message.arrived < last_run {
                    unit.diary.message(133, self.party().to_string());
                }
            }
            (Route::Administrator(code), incoming) => {
                unit.disposition = Disposition::Administrator;
                if matches!(incoming, Incoming::NoTask(_)) {
                    let text = "TASK is missing in the message of";
                    unit.diary.notice(REQUEST_INCOMPLETE, &message.from, text);
                }
                match incoming {
                    Incoming::UnknownTask(name)
                    | Incoming::NoTask(name)
                    | Incoming::Malformed(name)
                        if !name.is_empty() =>
                    {
                        unit.diary.message(code, name.to_string());
                    }
                    Incoming::Foreign => {
                        unit.diary.message(code, "");
                        unit.diary.lines.push(LogLine::free(
                            LogSeverity::Warning,
                            format!(
                                "User mail received addressed to the following unknown addresses: {}",
                                message.from
                            ),
                        ));
                    }
                    _ => unit.diary.message(code, message.from.clone()),
                }
            }
            (Route::Take, _) => unit.disposition = Disposition::Leave,
        }
        Ok(Step::Done(Box::new(unit)))
    }

    /// Takes over what a committed unit changed.
    pub fn apply(&mut self, unit: &ReceiveUnit) {
        self.header = unit.header.clone();
        put(&mut self.records, unit.record.as_ref());
    }
}

/// `Report from NETWORK/POSTOFFICE/$SYSTEM`, the heading in CENTRAL.LOG (Q133428, Q192158).
fn status_heading(party: Party) -> LogLine {
    let name = party
        .name()
        .map_or_else(|| party.to_string(), |name| name.to_string());
    LogLine::status(format!("Report from {name}/$SYSTEM"))
}

/// Message 158 and the mail to the administrator (Q99268).
fn not_registered(unit: &mut ReceiveUnit, name: &str, from: &str) {
    unit.diary.message(158, name);
    unit.mail = Some(AdminMail {
        lines: vec![
            "Requestor not registered :".to_owned(),
            format!("From: {from}"),
        ],
    });
}

/// A request whose entries are taken one by one.
#[derive(Debug)]
pub struct Intake<'a> {
    server: &'a Server,
    unit: ReceiveUnit,
    index: usize,
    record: SrvConfRecord,
    party: Party,
    usable: Usable,
    /// q.R of the sender.
    was: u32,
    place: u32,
    sync: u32,
    now: UnixTime,
    last_update: u32,
    first: bool,
    carries: bool,
    /// It says that its transactions are in an attachment, and there are none (Q96003).
    empty: bool,
    /// What it leaves out.
    missing: Vec<&'static str>,
}

impl<'a> Intake<'a> {
    fn new(
        server: &'a Server,
        mut unit: ReceiveUnit,
        (index, party): (usize, Party),
        request: &Request,
        message: &T2Message,
        now: UnixTime,
    ) -> Result<Self, NumbersExhausted> {
        let mut record = server.records[index].clone();
        note_mailbox(&mut record, party, &message.from);
        let last_update = record.last_update.get();
        let heard = last_update != 0 || record.req_sync.get() != 0;
        if request.resync {
            // DEC-041, DEC-058: before anything else.
            record.req_sync.set(record.req_sync.get().max(request.was));
            record.imp_sync.set(record.imp_sync.get().max(request.imp));
            record.srv_sync.set(record.srv_sync.get().max(request.srv));
        } else if !heard {
            // A record made anew (DEC-039): what the requestor confirms was sent under the record
            // before. Without this, a T2 that stops before its reply would make the next request
            // look like the proof of a restore. Never above s.Sync: what this server cannot have
            // sent stays a proof.
            if request.kind == RequestKind::Update {
                let sent = request.srv.min(unit.header.sync.get());
                record.srv_sync.set(record.srv_sync.get().max(sent));
            }
        } else if request.kind == RequestKind::Update
            && proves_restore(record.srv_sync.get(), request.srv)
        {
            let text = format!(
                "This server was set back: {} is confirmed, {} was sent last:",
                request.srv,
                record.srv_sync.get()
            );
            let name = party.to_string();
            unit.diary.notice(SERVER_RESTORED, &name, &text);
        }
        let wants_import = request.wants_import();
        if wants_import {
            let granted = grant_import(record.imp_sync.get(), request.imp)?;
            record.imp_sync.set(granted);
        } else if request.imp > record.imp_sync.get() {
            let text = "Replies will be dropped until an import request comes:";
            let name = party.to_string();
            unit.diary.notice(IMPORT_BEHIND, &name, text);
        }
        note_ask(&mut record, request, wants_import);
        record.last_cycle.set(unit.header.cycle.get());
        let carries = request.carries_transactions();
        let empty = request.kind == RequestKind::Export
            && request.carrier == Carrier::InAttachment
            && request.count.is_none()
            && message.usable.records == 0;
        if carries {
            record.last_update.set(now.0);
        }
        Ok(Self {
            server,
            sync: unit.header.sync.get(),
            unit,
            index,
            record,
            party,
            usable: message.usable,
            was: request.was,
            place: 0,
            now,
            last_update,
            first: true,
            carries,
            empty,
            missing: request.missing.clone(),
        })
    }

    /// The requestor.
    #[must_use]
    pub fn party(&self) -> Party {
        self.party
    }

    /// Takes the next record of the attachment; what it gives is appended to MSTTRANS.
    ///
    /// Numbers only have to grow (DEC-020). `date` is the record's; 0 for text.
    ///
    /// # Errors
    /// [`NumbersExhausted`]; nothing of this message may be committed.
    pub fn entry(
        &mut self,
        number: u32,
        date: u32,
        text: &[u8],
    ) -> Result<Option<NewRecord>, NumbersExhausted> {
        let place = self.place;
        self.place = place.saturating_add(1);
        let dummy = text.first() == Some(&b'#');
        if place >= self.usable.records || dummy || !self.carries {
            return Ok(None);
        }
        let taken = self.record.req_sync.get();
        if number <= taken {
            if date > self.last_update
                && self.last_update != 0
                && !self.unit.diary.found(NUMBERING_RESTARTED)
            {
                let text = format!("Number {number} is new and at or below {taken}:");
                let name = self.party.to_string();
                self.unit.diary.notice(NUMBERING_RESTARTED, &name, &text);
            }
            return Ok(None);
        }
        if self.first && number > taken.saturating_add(1) && self.was > taken {
            let text = format!("Numbers after {taken} up to {} never came:", self.was);
            let name = self.party.to_string();
            self.unit.diary.notice(REQUEST_GAP, &name, &text);
        }
        self.first = false;
        self.record.req_sync.set(number);
        match Transaction::parse(text) {
            Err(fault) => {
                self.log_fault(number, fault.fault);
                return Ok(None);
            }
            Ok(transaction) if self.is_foreign_replace(&transaction) => {
                let scope = transaction.scope().map(|scope| scope.to_string());
                self.unit.diary.lines.push(LogLine::free(
                    LogSeverity::Warning,
                    format!(
                        "{} may not replace {}",
                        self.party,
                        scope.unwrap_or_default()
                    ),
                ));
                return Ok(None);
            }
            Ok(_) => {}
        }
        self.sync = next_number(self.sync)?;
        self.unit.appended = self.unit.appended.saturating_add(1);
        Ok(Some(NewRecord::transaction(
            self.sync,
            self.now,
            text.to_vec(),
        )))
    }

    /// DEC-019: an R of class PCM for a registered requestor other than the sender.
    fn is_foreign_replace(&self, transaction: &Transaction) -> bool {
        let Transaction::Replace { scope } = transaction else {
            return false;
        };
        if self.server.trust_replace || scope.kind.class() != AddressType::Pcm {
            return false;
        }
        match Party::of_scope(*scope) {
            Some(list) => list != self.party && self.server.find(list).is_some(),
            // `R PCM:` names no list at all.
            None => true,
        }
    }

    fn log_fault(&mut self, number: u32, fault: Fault) {
        let argument = format!("{} {number}", self.party);
        self.unit.diary.lines.push(LogLine {
            severity: LogSeverity::Error,
            code: Some(fault.number()),
            text: format!("{} {argument}", fault.text()),
            argument,
        });
    }

    /// Ends the message.
    #[must_use]
    pub fn finish(self) -> ReceiveUnit {
        let mut unit = self.unit;
        // It brought nothing, and what it asks for stays open (Q201122).
        if self.place == 0 && !self.missing.is_empty() {
            let verb = if self.missing.len() == 1 { "is" } else { "are" };
            let text = format!(
                "{} {verb} missing in the request of",
                self.missing.join(", ")
            );
            let name = self.party.to_string();
            unit.diary.notice(REQUEST_INCOMPLETE, &name, &text);
        }
        if self.carries && (self.empty || !self.usable.complete) {
            // R-BUG-07: the old programs were silent.
            let code = if self.usable.records == 0 { 116 } else { 124 };
            unit.diary.message(code, self.party.to_string());
        }
        unit.header.sync.set(self.sync);
        unit.record = Some((self.index, self.record));
        unit
    }
}

/// Notes the mailbox that the requestor writes from.
fn note_mailbox(record: &mut SrvConfRecord, party: Party, from: &str) {
    if let Ok(address) = from.parse::<Address>()
        && address.po() == party.name()
        && let Some(mailbox) = address.mailbox()
    {
        record.mailbox = mailbox.field();
    }
}

/// Notes what is to be answered at transmit (DEC-036, DEC-050).
fn note_ask(record: &mut SrvConfRecord, request: &Request, wants_import: bool) {
    let before = record.ask.get();
    let waiting = before & ask::WAITING != 0;
    let mut bits = ask::WAITING;
    if wants_import || (waiting && before & ask::IMPORT != 0) {
        bits |= ask::IMPORT;
    }
    if request.templates {
        bits |= ask::TEMPLATES;
    }
    match request.carrier {
        Carrier::Internal => {}
        Carrier::InBody => bits |= ask::IN_BODY,
        Carrier::InAttachment => bits |= ask::IN_ATTACHMENT,
    }
    let wanted_before = waiting && before & ask::NO_UPDATES == 0;
    if !request.wants_updates() && !wants_import && !wanted_before {
        bits |= ask::NO_UPDATES;
    }
    record.ask.set(bits);
    if request.wants_updates() && !wants_import {
        let asked = if wanted_before && before & ask::IMPORT == 0 {
            record.ask_sync.get().min(request.srv)
        } else {
            request.srv
        };
        record.ask_sync.set(asked);
    } else if !waiting {
        record.ask_sync.set(request.srv);
    }
    let is_explicit_import = request.kind == RequestKind::Import && wants_import;
    if !is_explicit_import && (request.kind != RequestKind::Export || request.srv_given) {
        record.conf_sync.set(request.srv);
    }
    record.ask_limit_kb.set(request.limit_kb);
    record.ask_types = request.types.to_field();
}
