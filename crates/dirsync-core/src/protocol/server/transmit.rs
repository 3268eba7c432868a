//! T2 transmit: answering requestors (dsp 5.2, DEC-030 to DEC-036, DEC-049, DEC-050).
//!
//! Per requestor one unit: message and record (DEC-057).

use crate::base::logline::LogSeverity;
use crate::base::{MailboxName, UnixTime};
use crate::format::body::{Body, Carrier, ImportReply, Reply};
use crate::format::srvconf::{SrvConfHeader, SrvConfRecord, ask};

use super::slice::limit_bytes;
use super::{Filter, ImportScan, ImportSize, Passed, Server, SliceEnd, SliceKey, SliceScan, put};
use crate::protocol::log::{Diary, LogLine, Notice, PURGED_GAP};
use crate::protocol::message::{Attachment, Outgoing, Party, TypeList};
use crate::protocol::numbers::{Missing, Position, grant_import, position};

/// Largest reply that travels in the body of its message, in bytes as records; more is paced. A
/// message file names its length in 24 bits, and a line of text may be twice as long as its record
/// (ASSIGNED). The old SRVMAIN was bounded by its memory and failed (Q123857).
const IN_BODY_LIMIT_BYTES: u64 = 4 << 20;

/// The echo of a reply: what the server has taken from the requestor. It can only be had from
/// the record, and no reply can be made without it (Exchange 4.0 left it out when nothing was to
/// be sent, Q156714).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo(u32);

impl Echo {
    /// The echo for a requestor.
    #[must_use]
    pub fn of(record: &SrvConfRecord) -> Self {
        Self(record.req_sync.get())
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The server postoffice's own lists, from which import replies are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnLists {
    /// They hold everything up to this number: q.S of the server postoffice.
    Ready(u32),
    /// T3 work is waiting that could not be completed: lists and q.S do not belong together
    /// (DEC-031).
    Unapplied,
}

/// What one answer changes.
#[derive(Debug, Clone)]
pub struct TransmitUnit {
    /// The message; `None` when none is sent.
    pub message: Option<Outgoing>,
    /// The record after it.
    pub record: (usize, SrvConfRecord),
    /// What the requestor is known to have, a bound for [`Server::purge`]; `None` when nobody was
    /// answered or nothing was to be sent.
    pub served: Option<u32>,
    /// A message goes out.
    pub answered: bool,
    /// The log.
    pub diary: Diary,
}

/// How a requestor is answered.
#[derive(Debug)]
pub enum Answer {
    /// With a slice of the master list.
    Update(Box<UpdateAnswer>),
    /// With all lists.
    Import(Box<ImportAnswer>),
    /// Not in this run.
    PutOff(Box<TransmitUnit>),
}

#[derive(Debug)]
struct Common {
    index: usize,
    record: SrvConfRecord,
    party: Party,
    mailbox: MailboxName,
    server: Party,
    filter: Filter,
    carrier: Carrier,
    agent: bool,
    diary: Diary,
}

/// A normal reply in the making.
#[derive(Debug)]
pub struct UpdateAnswer {
    common: Common,
    from: u32,
    upto: u32,
    /// srvseq of the reply when nothing is sent.
    empty_end: Option<u32>,
    limit: Option<u64>,
}

/// An import reply in the making.
#[derive(Debug)]
pub struct ImportAnswer {
    common: Common,
    base: u32,
    upto: u32,
    limit: Option<u64>,
}

impl Server {
    /// The requestors that are answered now: those with a request since the last transmit, in the
    /// order of their records (DEC-050).
    #[must_use]
    pub fn due(&self) -> Vec<usize> {
        self.live()
            .filter(|(_, record)| record.asks(ask::WAITING))
            .filter(|(_, record)| Party::of_record(record).is_some())
            .map(|(index, _)| index)
            .collect()
    }

    /// Decides how a requestor of [`Server::due`] is answered. `oldest` is the number of the first
    /// entry of MSTTRANS. `None` when the record is not one to be answered.
    #[must_use]
    pub fn answer(&self, index: usize, oldest: Option<u32>, lists: OwnLists) -> Option<Answer> {
        let record = self.records.get(index).filter(|record| record.is_live())?;
        let party = Party::of_record(record)?;
        let carrier = if record.asks(ask::IN_BODY) {
            Carrier::InBody
        } else if record.asks(ask::IN_ATTACHMENT) {
            Carrier::InAttachment
        } else {
            Carrier::Internal
        };
        let types = TypeList::parse(record.ask_types.text());
        let mut common = Common {
            index,
            record: record.clone(),
            party,
            mailbox: MailboxName::read(record.mailbox.text())
                .unwrap_or_else(|_| MailboxName::system()),
            server: self.party(),
            filter: Filter::new(party.scope(), types, record.asks(ask::TEMPLATES)),
            carrier,
            agent: self.agent,
            diary: Diary::default(),
        };
        let limit = limit_bytes(record.ask_limit_kb.get());
        let paced = match carrier {
            Carrier::InBody => {
                Some(limit.map_or(IN_BODY_LIMIT_BYTES, |limit| limit.min(IN_BODY_LIMIT_BYTES)))
            }
            Carrier::InAttachment | Carrier::Internal => limit,
        };
        let (from, sync) = (record.ask_sync.get(), self.sync());
        // The cure of an import over the limit, RESYNC.GLB, is refused on the server itself (DEC-044);
        // its own import reply has no limit (ASSIGNED).
        let import_limit = limit.filter(|_| party != self.party());
        if record.asks(ask::IMPORT) {
            return Some(import(common, lists, sync, import_limit));
        }
        if record.asks(ask::NO_UPDATES) {
            // Its S stays: should it ever receive again, it is served from there.
            return Some(Answer::Update(Box::new(UpdateAnswer {
                common,
                from,
                upto: from,
                empty_end: Some(from),
                limit,
            })));
        }
        let (upto, empty_end) = match position(from, oldest, sync) {
            Position::Within => (sync, None),
            Position::Behind(missing) => {
                common.note_missing(missing);
                common.diary.notices.push(Notice {
                    id: PURGED_GAP,
                    party: party.to_string(),
                });
                if self.auto_import
                    && let Ok(granted) = grant_import(common.record.imp_sync.get(), 0)
                {
                    // Put off while the lists are not ready (DEC-031): a normal reply now would
                    // lead past the hole, and nothing would ask for the lists again.
                    if let OwnLists::Ready(_) = lists {
                        common.record.imp_sync.set(granted);
                    }
                    return Some(import(common, lists, sync, import_limit));
                }
                (sync, None)
            }
            Position::Ahead(missing) => {
                common.note_missing(missing);
                (from, Some(sync))
            }
        };
        Some(Answer::Update(Box::new(UpdateAnswer {
            common,
            from,
            upto,
            empty_end,
            limit: paced,
        })))
    }

    /// The header after transmit.
    #[must_use]
    pub fn end_transmit(&self, now: UnixTime) -> SrvConfHeader {
        let mut header = self.header.clone();
        header.last_transmit.set(now.0);
        header
    }

    /// Takes over what a committed answer changed.
    pub fn apply_answer(&mut self, unit: &TransmitUnit) {
        put(&mut self.records, Some(&unit.record));
    }
}

fn import(mut common: Common, lists: OwnLists, upto: u32, limit: Option<u64>) -> Answer {
    match lists {
        OwnLists::Ready(base) => Answer::Import(Box::new(ImportAnswer {
            common,
            base: base.min(upto),
            upto,
            limit,
        })),
        OwnLists::Unapplied => {
            common.diary.status(format!(
                "Import of {} put off: updates wait on this postoffice",
                common.party
            ));
            Answer::PutOff(Box::new(TransmitUnit {
                message: None,
                record: (common.index, common.record),
                served: None,
                answered: false,
                diary: common.diary,
            }))
        }
    }
}

impl Common {
    /// The three lines of Q108067.
    fn note_missing(&mut self, missing: Missing) {
        self.diary.lines.extend([
            LogLine::free(LogSeverity::Error, self.party.to_string()),
            LogLine::message(138, missing.argument_138()),
            LogLine::message(139, missing.argument_139()),
        ]);
    }

    /// The unit of a reply that reaches `srv`.
    fn unit(mut self, body: Body, count: u32, srv: u32, served: Option<u32>) -> TransmitUnit {
        let attachment = match count {
            0 => Attachment::None,
            _ => Attachment::Transactions(self.carrier),
        };
        let message = Outgoing::new(self.party, self.mailbox, body, attachment);
        let subject = String::from_utf8_lossy(&message.subject()).into_owned();
        self.diary.status(format!("{}: {subject}", self.party));
        self.record.srv_sync.set(srv);
        self.clear_ask();
        TransmitUnit {
            message: Some(message),
            record: (self.index, self.record),
            served,
            answered: true,
            diary: self.diary,
        }
    }

    fn clear_ask(&mut self) {
        let bits = self.record.ask.get() & !(ask::WAITING | ask::IMPORT);
        self.record.ask.set(bits);
    }
}

impl UpdateAnswer {
    /// Measures the slice: feed it MSTTRANS.
    #[must_use]
    pub fn scan(&self) -> SliceScan {
        SliceScan::new(self.common.filter.clone(), self.from, self.upto, self.limit)
    }

    /// The number after which the slice begins.
    #[must_use]
    pub fn above(&self) -> u32 {
        self.from
    }

    /// How the transactions travel.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.common.carrier
    }

    /// What replies with the same attachment have in common.
    #[must_use]
    pub fn key(&self, end: &SliceEnd) -> SliceKey {
        self.scan().key(end, self.common.carrier)
    }

    /// Whether an entry of MSTTRANS goes along, and how.
    #[must_use]
    pub fn pass(&self, end: &SliceEnd, number: u32, text: &[u8]) -> Passed {
        if number <= self.from || number > end.end.min(self.upto) {
            return Passed::No;
        }
        self.common.filter.pass(text)
    }

    /// The reply with a measured slice.
    #[must_use]
    pub fn reply(self, end: SliceEnd) -> TransmitUnit {
        let common = self.common;
        let srv = self.empty_end.unwrap_or(end.end);
        let no_updates = common.record.asks(ask::NO_UPDATES);
        let body = Body::Reply(Reply {
            srvname: common.server.to_bytes(),
            reqname: common.party.to_bytes(),
            reqseq: Echo::of(&common.record).number(),
            srvseq: srv,
            srvwas: self.from,
            impseq: common.record.imp_sync.get(),
            count: end.count,
            more: end.more,
            transactions: common.carrier,
            no_updates: common.agent && end.count == 0,
        });
        let served = (!no_updates).then_some(self.from);
        common.unit(body, end.count, srv, served)
    }
}

impl ImportAnswer {
    /// Measures the reply: feed it the lists, then MSTTRANS.
    #[must_use]
    pub fn scan(&self) -> ImportScan {
        ImportScan::new(self.common.filter.clone(), self.base, self.upto)
    }

    /// The number that the lists belong to: the master list is wanted after it.
    #[must_use]
    pub fn base(&self) -> u32 {
        self.base
    }

    /// How the transactions travel.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.common.carrier
    }

    /// Whether a transaction of the lists goes along, with number 0, and how.
    #[must_use]
    pub fn pass_list(&self, text: &[u8]) -> Passed {
        self.common.filter.pass(text)
    }

    /// Whether an entry of MSTTRANS goes along, and how.
    #[must_use]
    pub fn pass_master(&self, number: u32, text: &[u8]) -> Passed {
        if number <= self.base || number > self.upto {
            return Passed::No;
        }
        self.common.filter.pass(text)
    }

    /// The reply of a measured size. Over the limit nothing is sent; RESYNC.GLB is the cure
    /// (Q119450).
    #[must_use]
    pub fn reply(self, size: ImportSize) -> TransmitUnit {
        let mut common = self.common;
        if self.limit.is_some_and(|limit| size.bytes > limit) {
            common.diary.message(118, "");
            common.diary.message(166, common.party.to_string());
            common.clear_ask();
            return TransmitUnit {
                message: None,
                record: (common.index, common.record),
                served: None,
                answered: false,
                diary: common.diary,
            };
        }
        let body = Body::ImportReply(ImportReply {
            srvname: common.server.to_bytes(),
            reqname: common.party.to_bytes(),
            reqseq: Echo::of(&common.record).number(),
            srvseq: self.upto,
            base: self.base,
            impseq: common.record.imp_sync.get(),
            count: size.count,
            transactions: common.carrier,
        });
        common.unit(body, size.count, self.upto, Some(self.base))
    }
}

impl TransmitUnit {
    /// Message 159, to be logged instead of committing the unit when the reply could not be
    /// queued; others are still served (Q136333).
    #[must_use]
    pub fn send_failed(&self) -> LogLine {
        let party = Party::of_record(&self.record.1).map(|party| party.to_string());
        LogLine::message(159, party.unwrap_or_default())
    }
}
