//! Tests of T0, T1, T3 and RESYNC at a requestor.

mod t0;
mod t1;
mod t3;

pub(super) use super::*;
pub(super) use crate::base::address::Fault;
pub(super) use crate::base::logline::LogSeverity;
pub(super) use crate::base::{Entry, Transaction, UnixTime};
pub(super) use crate::format::body::{self, Body, Carrier};
pub(super) use crate::format::field::Password;
pub(super) use crate::format::transactions::ResyncHeader;
pub(super) use crate::protocol::log::{IMPORT_BEHIND, SERVER_AHEAD};
pub(super) use crate::protocol::message::{Disposition, Incoming};
pub(super) use crate::protocol::numbers::ResyncRefusal;
pub(super) use crate::protocol::record::NewRecord;
pub(super) use crate::protocol::testkit::{
    NOW, add, dummy, entry, numbers_of, requestor, subject, t1, waiting,
};
pub(super) use crate::protocol::unit::Usable;

pub(super) fn texts(records: &[NewRecord]) -> Vec<&str> {
    records
        .iter()
        .map(|record| std::str::from_utf8(&record.text).unwrap())
        .collect()
}

pub(super) fn member(alias: &str, mailbox: &str, takes_part: bool) -> Member {
    Member {
        entry: Entry {
            alias: alias.parse().unwrap(),
            address: format!("PCM:POLYNOMIAL/MONTGOMERY/{mailbox}")
                .parse()
                .unwrap(),
        },
        takes_part,
        info: Vec::new(),
    }
}

pub(super) fn all(usable: u32, highest: u32) -> Usable {
    Usable {
        records: usable,
        highest,
        complete: true,
    }
}

pub(super) fn srvtx(echo: u32, srv: u32, was: u32, imp: u32, count: u32) -> T3Message {
    let body = Body::Reply(body::Reply {
        srvname: b"PCM:NET/SRV".to_vec(),
        reqname: b"PCM:NET/R1".to_vec(),
        reqseq: echo,
        srvseq: srv,
        srvwas: was,
        impseq: imp,
        count,
        ..body::Reply::default()
    });
    T3Message {
        message: Incoming::read(&body.encode().unwrap()),
        usable: all(count, srv),
    }
}

pub(super) fn importrep(echo: u32, srv: u32, imp: u32, count: u32) -> T3Message {
    let body = Body::ImportReply(body::ImportReply {
        srvname: b"PCM:NET/SRV".to_vec(),
        reqname: b"PCM:NET/R1".to_vec(),
        reqseq: echo,
        srvseq: srv,
        base: srv,
        impseq: imp,
        count,
        transactions: Carrier::Internal,
    });
    T3Message {
        message: Incoming::read(&body.encode().unwrap()),
        usable: all(count, srv),
    }
}

pub(super) fn t3(requestor: &Requestor, messages: &[T3Message]) -> T3Plan {
    requestor
        .t3(messages, &waiting(requestor, &[]), NOW)
        .unwrap()
}

pub(super) fn after(plan: &T3Plan) -> (u32, u32, u32) {
    let numbers = Numbers::of(&plan.conf);
    (numbers.req, numbers.srv, numbers.imp)
}

/// REQTRANS after a plan.
pub(super) fn rewritten(plan: &T3Plan, records: &[NewRecord]) -> Vec<u32> {
    let Some(change) = plan.waiting else {
        return numbers_of(records);
    };
    let mut renumber = change.renumber();
    let kept = records
        .iter()
        .filter(|record| !record.record().is_dummy())
        .filter_map(|record| renumber(record.number));
    std::iter::once(change.dummy).chain(kept).collect()
}
