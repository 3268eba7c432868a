//! Tests of T2 receive, T2 transmit, purge and the records.

mod keeping;
mod messages;
mod receive;
mod transmit;

pub(super) use super::*;
pub(super) use crate::base::{MailboxName, Scope};
pub(super) use crate::format::body::{Body, Carrier};
pub(super) use crate::format::field::Password;
pub(super) use crate::format::reqconf::{ReqConfRecord, req_options};
pub(super) use crate::protocol::log::{
    IMPORT_BEHIND, NUMBERING_RESTARTED, PURGED_GAP, REQUEST_GAP, SERVER_RESTORED,
};
pub(super) use crate::protocol::message::{Disposition, Incoming, TypeList};
pub(super) use crate::protocol::numbers::Numbers;
pub(super) use crate::protocol::record::NewRecord;
pub(super) use crate::protocol::requestor::{Requestor, T3Plan};
pub(super) use crate::protocol::testkit::{
    Mail, NOW, TestServer, add, attached, attached_texts, dummy, encode, entry, mails_of,
    numbers_of, po, requestor, subject, t1,
};
pub(super) use crate::protocol::unit::Usable;

/// The request of a T1.
pub(super) fn request(requestor: &Requestor, records: &[NewRecord]) -> Mail {
    let plan = t1(requestor, records);
    mails_of(requestor, &plan, records).pop().unwrap()
}

pub(super) fn text_mail(body: &str) -> Mail {
    Mail {
        from: po("NET/R1"),
        to: po("NET/SRV"),
        text: body.as_bytes().to_vec(),
        attachment: None,
        arrived: NOW,
    }
}

pub(super) fn answer_subject(server: &mut TestServer, name: &str) -> (String, Mail) {
    let index = server.index(name);
    let (unit, mail) = server.answer(index, OwnLists::Unapplied, &[]);
    (subject(unit.message.as_ref().unwrap()), mail.unwrap())
}

pub(super) fn after_t3(requestor: &Requestor, mail: &Mail) -> T3Plan {
    let waiting = crate::protocol::requestor::Waiting::of(requestor);
    requestor.t3(&[mail.t3()], &waiting, NOW).unwrap()
}

pub(super) fn codes(server: &TestServer) -> Vec<u16> {
    let lines = server.diary.lines.iter();
    lines.filter_map(|line| line.code).collect()
}

/// s.Sync 80, R1 at 17/80/1, R2 at 5/71/1.
pub(super) fn tv_server() -> TestServer {
    let mut server = TestServer::new(&["NET/R1", "NET/R2"]);
    server.fill(1, 80, "NET/SRV");
    server.set_numbers("NET/R1", 17, 80, 1);
    server.set_numbers("NET/R2", 5, 71, 1);
    server
}

pub(super) fn three() -> (Requestor, Vec<NewRecord>) {
    let records = std::iter::once(dummy(17))
        .chain((18..=20).map(|number| add(number, "NET/R1", &format!("n{number}"))))
        .collect();
    (requestor("NET/R1", 17, 80, 1), records)
}
