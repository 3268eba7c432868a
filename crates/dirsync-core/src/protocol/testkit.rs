//! What the tests of both state machines share: small postoffices in memory.

use crate::base::{PoName, Transaction, UnixTime};
use crate::format::body::{Body, Carrier};
use crate::format::field::Password;
use crate::format::reqconf::ReqConfRecord;
use crate::format::transactions::{Item, Reader, Record, Trust};

use super::log::Diary;
use super::message::{Incoming, Outgoing};
use super::numbers::Numbers;
use super::record::NewRecord;
use super::requestor::{ReqTrans, Requestor, T1Plan, T3Message, Waiting};
use super::server::{
    Answer, OwnLists, Passed, ReceiveUnit, Server, Step, T2Message, TransmitUnit, register,
};
use super::unit::{Scan, Usable};

pub(super) const NOW: UnixTime = UnixTime(765_720_832);

pub(super) fn po(name: &str) -> PoName {
    name.parse().unwrap()
}

/// A requestor registered with NET/SRV.
pub(super) fn requestor(name: &str, req: u32, srv: u32, imp: u32) -> Requestor {
    let mut conf = ReqConfRecord::fresh();
    register(&mut conf, po("NET/SRV"), Password::default());
    Numbers { req, srv, imp }.store(&mut conf);
    conf.last_sent.set(req);
    Requestor {
        own: po(name),
        conf,
        is_server: name == "NET/SRV",
    }
}

/// A record with a text.
pub(super) fn entry(number: u32, text: &str) -> NewRecord {
    NewRecord::transaction(number, NOW, text.as_bytes().to_vec())
}

/// An A of a user of a postoffice.
pub(super) fn add(number: u32, po: &str, user: &str) -> NewRecord {
    entry(number, &format!("A {user}\tPCM:{po}/{user}"))
}

/// The dummy with a number.
pub(super) fn dummy(number: u32) -> NewRecord {
    NewRecord::dummy(number, NOW)
}

/// REQTRANS of these records, read.
pub(super) fn waiting(requestor: &Requestor, records: &[NewRecord]) -> Waiting {
    let mut waiting = Waiting::of(requestor);
    for record in records {
        waiting.see(&record.record());
    }
    waiting
}

/// T1 with everything in order.
pub(super) fn t1(requestor: &Requestor, records: &[NewRecord]) -> T1Plan {
    let waiting = ReqTrans::Read(waiting(requestor, records));
    requestor.t1(waiting, true, true, NOW)
}

pub(super) fn numbers_of(records: &[NewRecord]) -> Vec<u32> {
    records.iter().map(|record| record.number).collect()
}

pub(super) fn encode(records: &[NewRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        record.record().encode_into(&mut bytes).unwrap();
    }
    bytes
}

/// Calls `see` for each good record of an attachment; whether damage ended it.
pub(super) fn each(bytes: &[u8], mut see: impl FnMut(&Record<'_>)) -> bool {
    let mut reader = Reader::new(bytes, Trust::Network);
    while let Some(item) = reader.next_item() {
        match item.unwrap() {
            Item::Record { record, .. } => see(&record),
            Item::Damage(_) => return true,
        }
    }
    false
}

pub(super) fn scan(count: Option<u32>, attachment: Option<&[u8]>) -> Usable {
    let mut scan = Scan::new(count);
    let Some(bytes) = attachment else {
        return Usable::without_attachment(count);
    };
    if each(bytes, |record| scan.see(record.head.sync, record.text)) {
        scan.damage();
    }
    scan.finish()
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    pub(super) from: PoName,
    pub(super) to: PoName,
    pub(super) text: Vec<u8>,
    pub(super) attachment: Option<Vec<u8>>,
    pub(super) arrived: UnixTime,
}

impl Mail {
    pub(super) fn of(from: PoName, message: &Outgoing, attachment: &[NewRecord]) -> Self {
        let internal = (!attachment.is_empty()).then(|| encode(attachment));
        Self {
            from,
            to: message.to().name().unwrap(),
            text: message.text(b"").unwrap(),
            attachment: internal,
            arrived: NOW,
        }
    }

    fn count(incoming: &Incoming) -> Option<u32> {
        match incoming {
            Incoming::Request(request) => request.count,
            Incoming::Reply(reply) => reply.count,
            _ => None,
        }
    }

    pub(super) fn t2(&self) -> T2Message {
        let message = Incoming::read(&self.text);
        T2Message {
            usable: scan(Self::count(&message), self.attachment.as_deref()),
            message,
            from: format!("{}/$SYSTEM", self.from),
            arrived: self.arrived,
        }
    }

    pub(super) fn t3(&self) -> T3Message {
        let message = Incoming::read(&self.text);
        T3Message {
            usable: scan(Self::count(&message), self.attachment.as_deref()),
            message,
        }
    }
}

/// Both mails of a T1.
pub(super) fn mails_of(requestor: &Requestor, plan: &T1Plan, records: &[NewRecord]) -> Vec<Mail> {
    let sent: Vec<NewRecord> = records
        .iter()
        .filter(|record| plan.sends(&record.record()))
        .cloned()
        .collect();
    assert_eq!(sent.len(), plan.count as usize);
    plan.messages
        .iter()
        .map(|message| match message.body() {
            Body::Request(_) => Mail::of(requestor.own, message, &sent),
            _ => Mail::of(requestor.own, message, &[]),
        })
        .collect()
}

/// A server with its master list in memory.
#[derive(Debug, Clone)]
pub(super) struct TestServer {
    pub(super) server: Server,
    pub(super) master: Vec<NewRecord>,
    pub(super) diary: Diary,
    pub(super) now: UnixTime,
}

impl TestServer {
    /// NET/SRV with these requestors.
    pub(super) fn new(requestors: &[&str]) -> Self {
        let on = Server::switch_on(po("NET/SRV"), &ReqConfRecord::fresh()).unwrap();
        let mut server = on.server;
        for name in requestors {
            let party = super::message::Party::postoffice(po(name));
            server
                .create_requestor(
                    party,
                    crate::base::MailboxName::system(),
                    Password::default(),
                )
                .unwrap();
        }
        Self {
            server,
            master: Vec::new(),
            diary: Diary::default(),
            now: NOW,
        }
    }

    pub(super) fn index(&self, name: &str) -> usize {
        self.server
            .find(super::message::Party::postoffice(po(name)))
            .unwrap()
    }

    pub(super) fn record(&mut self, name: &str) -> &mut crate::format::srvconf::SrvConfRecord {
        let index = self.index(name);
        &mut self.server.records[index]
    }

    /// s[r].R, s[r].S, s[r].I.
    pub(super) fn numbers(&mut self, name: &str) -> (u32, u32, u32) {
        let record = self.record(name);
        (
            record.req_sync.get(),
            record.srv_sync.get(),
            record.imp_sync.get(),
        )
    }

    pub(super) fn set_numbers(&mut self, name: &str, req: u32, srv: u32, imp: u32) {
        let record = self.record(name);
        record.req_sync.set(req);
        record.srv_sync.set(srv);
        record.conf_sync.set(srv);
        record.imp_sync.set(imp);
        record.last_update.set(NOW.0 - 86_400);
    }

    /// Fills the master list with A entries of a postoffice, up to a number.
    pub(super) fn fill(&mut self, from: u32, upto: u32, po: &str) {
        for number in from..=upto {
            self.master.push(add(number, po, &format!("u{number}")));
        }
        self.server.header.sync.set(upto);
    }

    pub(super) fn receive_one(&mut self, mail: &Mail) -> ReceiveUnit {
        let message = mail.t2();
        let mut appended = Vec::new();
        let unit = match self.server.open(&message, UnixTime(0), self.now).unwrap() {
            Step::Done(unit) => *unit,
            Step::Take(mut intake) => {
                if let Some(bytes) = &mail.attachment {
                    each(bytes, |record| {
                        let head = record.head;
                        let taken = intake.entry(head.sync, head.date, record.text).unwrap();
                        appended.extend(taken);
                    });
                }
                intake.finish()
            }
        };
        assert_eq!(appended.len(), unit.appended as usize);
        self.master.extend(appended);
        self.server.apply(&unit);
        self.diary.lines.extend(unit.diary.lines.clone());
        self.diary.notices.extend(unit.diary.notices.clone());
        unit
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        self.master.first().map(|record| record.number)
    }

    /// Answers one requestor; `lists` are the texts of the server postoffice's lists.
    pub(super) fn answer(
        &mut self,
        index: usize,
        own: OwnLists,
        lists: &[String],
    ) -> (TransmitUnit, Option<Mail>) {
        let answer = self.server.answer(index, self.oldest(), own).unwrap();
        let mut attachment = Vec::new();
        let mut copy = |number: u32, text: &[u8], passed: Passed| match passed {
            Passed::No | Passed::Own => {}
            Passed::AsIs => attachment.push(NewRecord::transaction(number, NOW, text.to_vec())),
            Passed::Changed(text) => attachment.push(NewRecord::transaction(number, NOW, text)),
        };
        let unit = match answer {
            Answer::PutOff(unit) => *unit,
            Answer::Update(update) => {
                let mut scan = update.scan();
                for record in &self.master {
                    if !scan.see(record.number, &record.text) {
                        break;
                    }
                }
                let end = scan.finish();
                for record in &self.master {
                    let passed = update.pass(&end, record.number, &record.text);
                    copy(record.number, &record.text, passed);
                }
                assert!(attachment.is_empty() || update.carrier() == Carrier::Internal);
                assert_eq!(attachment.len(), end.count as usize);
                update.reply(end)
            }
            Answer::Import(import) => {
                let mut scan = import.scan();
                for text in lists {
                    scan.see_list(text.as_bytes());
                    copy(0, text.as_bytes(), import.pass_list(text.as_bytes()));
                }
                for record in &self.master {
                    scan.see_master(record.number, &record.text);
                    let passed = import.pass_master(record.number, &record.text);
                    copy(record.number, &record.text, passed);
                }
                let size = scan.finish();
                assert_eq!(attachment.len(), size.count as usize);
                import.reply(size)
            }
        };
        self.server.apply_answer(&unit);
        self.diary.lines.extend(unit.diary.lines.clone());
        self.diary.notices.extend(unit.diary.notices.clone());
        let own = self.server.own;
        let mail = unit
            .message
            .as_ref()
            .map(|message| Mail::of(own, message, &attachment));
        (unit, mail)
    }
}

pub(super) fn subject(message: &Outgoing) -> String {
    String::from_utf8(message.subject()).unwrap()
}

/// The numbers of the transactions in an attachment.
pub(super) fn attached(mail: &Mail) -> Vec<u32> {
    let mut numbers = Vec::new();
    if let Some(bytes) = &mail.attachment {
        assert!(!each(bytes, |record| numbers.push(record.head.sync)));
    }
    numbers
}

/// The texts of the transactions in an attachment.
pub(super) fn attached_texts(mail: &Mail) -> Vec<String> {
    let mut texts = Vec::new();
    if let Some(bytes) = &mail.attachment {
        each(bytes, |record| {
            assert!(Transaction::parse(record.text).is_ok());
            texts.push(String::from_utf8(record.text.to_vec()).unwrap());
        });
    }
    texts
}
