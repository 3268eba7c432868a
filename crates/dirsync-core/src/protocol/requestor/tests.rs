//! Tests of T0, T1, T3 and RESYNC at a requestor.

use super::*;
use crate::base::address::Fault;
use crate::base::logline::LogSeverity;
use crate::base::{Entry, Transaction, UnixTime};
use crate::format::body::{self, Body, Carrier};
use crate::format::field::Password;
use crate::format::transactions::ResyncHeader;
use crate::protocol::log::{IMPORT_BEHIND, SERVER_AHEAD};
use crate::protocol::message::Incoming;
use crate::protocol::numbers::ResyncRefusal;
use crate::protocol::testkit::{
    NOW, add, dummy, entry, numbers_of, requestor, subject, t1, waiting,
};
use crate::protocol::unit::Usable;

fn texts(records: &[NewRecord]) -> Vec<&str> {
    records
        .iter()
        .map(|record| std::str::from_utf8(&record.text).unwrap())
        .collect()
}

fn member(alias: &str, mailbox: &str, takes_part: bool) -> Member {
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

fn all(usable: u32, highest: u32) -> Usable {
    Usable {
        records: usable,
        highest,
        complete: true,
    }
}

fn srvtx(echo: u32, srv: u32, was: u32, imp: u32, count: u32) -> T3Message {
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

fn importrep(echo: u32, srv: u32, imp: u32, count: u32) -> T3Message {
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

fn t3(requestor: &Requestor, messages: &[T3Message]) -> T3Plan {
    requestor
        .t3(messages, &waiting(requestor, &[]), NOW)
        .unwrap()
}

fn after(plan: &T3Plan) -> (u32, u32, u32) {
    let numbers = Numbers::of(&plan.conf);
    (numbers.req, numbers.srv, numbers.imp)
}

/// REQTRANS after a plan.
fn rewritten(plan: &T3Plan, records: &[NewRecord]) -> Vec<u32> {
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

// rule: dsp:TV-T0-1
// rule: dsp:R-T0-005
// rule: dsp:R-NUM-002
// rule: dec:DEC-059
#[test]
fn an_export_gives_the_published_listing() {
    let mut requestor = requestor("POLYNOMIAL/MONTGOMERY", 0, 0, 0);
    // The same users were queued one by one before; they were never sent.
    let earlier: Vec<_> = (1..=5)
        .map(|number| add(number, "POLYNOMIAL/MONTGOMERY", "able"))
        .collect();
    let mut scan = ExportScan::of(&requestor);
    for record in &earlier {
        scan.see(&record.record());
    }
    let mut plan = requestor.export(Some(&scan), NOW).unwrap();
    assert!(
        earlier
            .iter()
            .all(|record| !plan.keep.keeps(&record.record()))
    );
    let mut records = vec![plan.replace().unwrap().unwrap()];
    for (alias, mailbox) in [
        ("able is he who knows his limit", "able"),
        ("apple", "apple"),
        ("Paul", "paul"),
        ("Bryan", "bryan"),
        ("Mark", "mark"),
    ] {
        records.extend(plan.member(&member(alias, mailbox, true)).unwrap());
    }
    assert_eq!(plan.member(&member("Hidden", "hidden", false)), Ok(None));
    assert_eq!(numbers_of(&records), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        texts(&records),
        [
            "R PCM:POLYNOMIAL/MONTGOMERY",
            "A able is he who knows his limit\tPCM:POLYNOMIAL/MONTGOMERY/able",
            "A apple\tPCM:POLYNOMIAL/MONTGOMERY/apple",
            "A Paul\tPCM:POLYNOMIAL/MONTGOMERY/paul",
            "A Bryan\tPCM:POLYNOMIAL/MONTGOMERY/bryan",
            "A Mark\tPCM:POLYNOMIAL/MONTGOMERY/mark",
        ]
    );
    assert_eq!(plan.conf.last_export.get(), NOW.0);
    // TV-DEC-1 prints the size and sum of the second.
    assert_eq!(records[1].record().encode().unwrap().len(), 88);
    requestor.conf = plan.conf;
    assert_eq!(requestor.numbers(), Numbers::default());
}

// rule: dec:DEC-059
#[test]
fn an_export_keeps_what_was_sent_and_what_is_not_its_own() {
    let mut requestor = requestor("NET/R1", 17, 80, 1);
    requestor.conf.last_sent.set(19);
    let records = [
        dummy(17),
        add(18, "NET/R1", "sent"),
        entry(19, "D gone\tPCM:NET/R1/gone"),
        add(20, "NET/R1", "unsent"),
        entry(21, "A other\tSMTP:a@b"),
        entry(22, "R PCM:NET/R1"),
    ];
    let mut scan = ExportScan::of(&requestor);
    for record in &records {
        scan.see(&record.record());
    }
    let mut plan = requestor.export(Some(&scan), NOW).unwrap();
    let kept: Vec<_> = records
        .iter()
        .filter(|record| plan.keep.keeps(&record.record()))
        .map(|record| record.number)
        .collect();
    assert_eq!(kept, [17, 18, 19, 21]);
    assert_eq!(plan.replace().unwrap().unwrap().number, 22);
}

// rule: dsp:R-T0-006
// rule: dsp:R-BUG-15
#[test]
fn an_export_without_reqtrans_fails_and_leaves_the_time() {
    let requestor = requestor("NET/R1", 0, 0, 0);
    assert_eq!(
        requestor.export(None, NOW).unwrap_err(),
        T0Refusal::NoReqTrans
    );
    assert_eq!(requestor.conf.last_export.get(), 0);
}

// rule: dsp:R-T0-001
// rule: dsp:R-T0-002
// rule: dsp:R-T0-003
// rule: dsp:R-T0-004
#[test]
fn a_change_queues_what_others_must_know() {
    let code = |before: Option<&Member>, after: Option<&Member>| {
        change(before, after).map(|transaction| transaction.code())
    };
    let (yes, no) = (member("Paul", "paul", true), member("Paul", "paul", false));
    let renamed = member("Paula", "paul", true);
    for (before, after, expected) in [
        (None, Some(&yes), Some('A')),
        (None, Some(&no), None),
        (Some(&yes), None, Some('D')),
        (Some(&no), None, None),
        (Some(&yes), Some(&no), Some('D')),
        (Some(&no), Some(&yes), Some('A')),
        (Some(&yes), Some(&renamed), Some('M')),
        (Some(&yes), Some(&yes), None),
        (Some(&no), Some(&no), None),
    ] {
        assert_eq!(code(before, after), expected, "{before:?} {after:?}");
    }
    let text = change(Some(&yes), Some(&renamed)).unwrap().to_record_text();
    assert_eq!(
        text.unwrap(),
        b"M Paul\tPCM:POLYNOMIAL/MONTGOMERY/paul\r\n  Paula\tPCM:POLYNOMIAL/MONTGOMERY/paul"
    );
}

// rule: dsp:R-T0-010
#[test]
fn a_transaction_without_a_mailbox_is_not_queued() {
    let bad = "PCM:NET/R1/".parse::<crate::base::Address>();
    assert_eq!(bad, Err(Fault::NoMailbox));
    // What the formats can hold but no importer takes is refused as well.
    let requestor = requestor("NET/R1", 0, 0, 0);
    let mut appender = requestor.appender(&waiting(&requestor, &[]), NOW);
    let odd = Transaction::parse(b"A x\tPCM:NET/R1/a.b").unwrap();
    assert_eq!(
        appender.append(&odd),
        Err(T0Refusal::Invalid(Fault::MailboxCharacter))
    );
    assert_eq!(appender.append(&Transaction::dummy()), Ok(None));
}

// rule: dsp:R-NUM-006
// rule: dsp:R-NUM-001
#[test]
fn numbers_never_start_below_what_was_confirmed_or_sent() {
    let first = |requestor: &Requestor, records: &[NewRecord]| {
        let mut appender = requestor.appender(&waiting(requestor, records), NOW);
        let dummy = appender.dummy().map(|record| record.number);
        let add = Transaction::parse(b"A x\tPCM:NET/R1/x").unwrap();
        (dummy, appender.append(&add).unwrap().unwrap().number)
    };
    // Q119014: REQTRANS was made anew while q.R stayed.
    let mut requestor = requestor("NET/R1", 36, 0, 0);
    assert_eq!(first(&requestor, &[]), (Some(36), 37));
    assert_eq!(first(&requestor, &[dummy(36)]), (None, 37));
    assert_eq!(
        first(&requestor, &[dummy(36), add(40, "NET/R1", "a")]),
        (None, 41)
    );
    requestor.conf.last_sent.set(50);
    assert_eq!(first(&requestor, &[dummy(36)]), (None, 51));
    let fresh = crate::protocol::testkit::requestor("NET/R1", 0, 0, 0);
    assert_eq!(first(&fresh, &[]), (None, 1));
}

// rule: dsp:R-TPL-001
#[test]
fn template_information_goes_only_when_it_is_to_be_sent() {
    let mut requestor = requestor("NET/R1", 0, 0, 0);
    let with = b"A x\tPCM:NET/R1/x\r\n- Phone:/12";
    let template = Transaction::parse(b"T PCM:NET/R1\r\n Phone:~1~20~A~~").unwrap();
    let mut text = |send: bool| {
        requestor.conf.set(req_options::SEND_TEMPLATES, send);
        let mut appender = requestor.appender(&waiting(&requestor, &[]), NOW);
        let add = Transaction::parse(with).unwrap();
        let text = appender.append(&add).unwrap().unwrap().text;
        (text, appender.append(&template).unwrap().is_some())
    };
    assert_eq!(text(true), (with.to_vec(), true));
    assert_eq!(text(false), (b"A x\tPCM:NET/R1/x".to_vec(), false));
}

// rule: dsp:TV-T1-1
// rule: dsp:R-T1-001
// rule: dsp:R-T1-003
// rule: dsp:R-T1-008
// rule: dsp:R-MSG-002
// rule: dec:DEC-060
#[test]
fn t1_sends_what_is_above_q_r() {
    let mut requestor = requestor("NET/R1", 17, 80, 1);
    requestor.conf.password = Password::from_bytes(b"secret").unwrap();
    let records = [
        dummy(17),
        add(18, "NET/R1", "a"),
        entry(19, "M a\tPCM:NET/R1/a\r\n  b\tPCM:NET/R1/a"),
        entry(20, "D b\tPCM:NET/R1/a"),
    ];
    let plan = t1(&requestor, &records);
    let [status, request] = &plan.messages[..] else {
        panic!("two messages");
    };
    assert_eq!(subject(status), "Status report from NET/R1");
    assert_eq!(status.attachment_name(), Some("DSSERVER.LOG"));
    assert_eq!(subject(request), "ReqTx R=20 (was 17), S=80, I=1 3 sent");
    assert_eq!(request.attachment_name(), Some("REQTRANS.GLB"));
    assert_eq!(
        request.address().unwrap().to_string(),
        "PCM:NET/SRV/$SYSTEM"
    );
    let sent: Vec<_> = records.iter().filter(|r| plan.sends(&r.record())).collect();
    assert_eq!(sent.len(), 3);
    assert_eq!(plan.count, 3);
    assert_eq!(plan.conf.last_sent.get(), 20);
    assert_eq!(Numbers::of(&plan.conf), requestor.numbers());
    assert!(!plan.failed && plan.diary.has(106));
    assert!(
        plan.diary
            .lines
            .iter()
            .all(|line| !line.text.contains("secret"))
    );
    let text = String::from_utf8(request.text(b"").unwrap()).unwrap();
    assert!(
        text.starts_with("[dirsync]\r\ntask=reqtx\r\nreqname=PCM:NET/R1\r\npassword=secret\r\n")
    );
    assert!(text.contains("reqseq=0000000020\r\nreqwas=0000000017\r\nsrvseq=0000000080\r\n"));
    assert!(!text.contains("resync="));
}

// rule: dsp:TV-T1-2
// rule: dsp:R-REC-003
#[test]
fn t1_with_numbers_below_q_r_sends_nothing() {
    let requestor = requestor("NET/R1", 36, 80, 1);
    let records: Vec<_> = (1..=5).map(|number| add(number, "NET/R1", "a")).collect();
    let plan = t1(&requestor, &records);
    assert_eq!(
        subject(&plan.messages[1]),
        "ReqTx R=36 (was 36), S=80, I=1 0 sent"
    );
    assert_eq!(plan.messages[1].attachment_name(), None);
    assert!(plan.diary.has(171) && !plan.diary.has(106));
    assert!(records.iter().all(|record| !plan.sends(&record.record())));
}

// rule: dsp:TV-T1-3
// rule: dsp:R-T1-004
#[test]
fn t1_of_a_new_requestor() {
    let requestor = requestor("NET/R1", 0, 0, 0);
    let plan = requestor.t1(ReqTrans::Read(waiting(&requestor, &[])), true, false, NOW);
    assert_eq!(
        subject(&plan.messages[1]),
        "ReqTx R=0 (was 0), S=0, I=0 0 sent"
    );
    assert_eq!(plan.messages[0].attachment_name(), None);
    assert_eq!(plan.dummy, None);
    let codes: Vec<_> = plan.diary.lines.iter().map(|line| line.code).collect();
    assert_eq!(codes, [None, Some(167), Some(171)]);
    // Numbers waiting in an Export do not change that q.R is 0.
    let Incoming::Request(request) = Incoming::read(&plan.messages[1].text(b"").unwrap()) else {
        panic!("a request");
    };
    assert!(request.wants_import());
}

// rule: dsp:R-T1-002
#[test]
fn what_is_not_confirmed_is_sent_again() {
    let mut requestor = requestor("NET/R1", 3, 7, 1);
    let records = [dummy(3), add(4, "NET/R1", "a")];
    let first = t1(&requestor, &records);
    requestor.conf = first.conf.clone();
    let second = t1(&requestor, &records);
    assert_eq!(first.messages, second.messages);
    assert_eq!(
        subject(&second.messages[1]),
        "ReqTx R=4 (was 3), S=7, I=1 1 sent"
    );
}

// rule: dsp:R-T1-005
// rule: dsp:R-BUG-06
#[test]
fn t1_without_reqtrans_says_so() {
    let requestor = requestor("NET/R1", 3, 7, 1);
    for reqtrans in [ReqTrans::Missing, ReqTrans::Damaged] {
        let plan = requestor.t1(reqtrans, true, true, NOW);
        assert!(plan.failed && plan.messages.len() == 1);
        let lines: Vec<_> = plan
            .diary
            .lines
            .iter()
            .skip(1)
            .map(|line| (line.severity, line.code, line.text.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                (
                    LogSeverity::Warning,
                    Some(2),
                    "Error opening file: REQTRANS"
                ),
                (
                    LogSeverity::Fatal,
                    Some(40),
                    "Possible database corruption detected: REQTRANS"
                ),
                (
                    LogSeverity::Warning,
                    Some(152),
                    "Failure to transmit requestor updates"
                ),
                (LogSeverity::Status, None, "Requestor process failed."),
            ]
        );
    }
}

// rule: dsp:R-T1-007
#[test]
fn t1_needs_a_server() {
    let mut requestor = requestor("NET/R1", 3, 7, 1);
    let reqtrans = ReqTrans::Read(waiting(&requestor, &[]));
    let plan = requestor.t1(reqtrans, false, true, NOW);
    assert!(plan.failed && plan.messages.is_empty() && plan.diary.has(55));
    requestor.conf.set(req_options::REGISTERED, false);
    let plan = requestor.t1(reqtrans, true, true, NOW);
    assert!(plan.failed && plan.messages.is_empty() && plan.diary.has(54));
}

// rule: dec:DEC-123
// rule: dsp:R-REC-004
#[test]
fn an_empty_reqtrans_gets_its_dummy_back() {
    let requestor = requestor("NET/R1", 36, 80, 1);
    let plan = t1(&requestor, &[]);
    assert_eq!(plan.dummy.map(|record| record.number), Some(36));
    assert!(!plan.failed);
}

// rule: dsp:R-IMP-002
// rule: dsp:R-IMP-003
// rule: dec:DEC-033
#[test]
fn an_import_is_asked_for_at_once_and_not_on_the_server() {
    let requestor = requestor("NET/R1", 20, 80, 1);
    let plan = requestor.import_request(NOW).unwrap();
    assert_eq!(subject(&plan.message), "Import request NET/R1");
    assert_eq!(plan.conf.last_import.get(), NOW.0);
    assert_eq!(Numbers::of(&plan.conf), requestor.numbers());
    let Incoming::Request(request) = Incoming::read(&plan.message.text(b"").unwrap()) else {
        panic!("a request");
    };
    assert!(request.wants_import());
    assert_eq!((request.srv, request.imp), (0, 1));
    let server = crate::protocol::testkit::requestor("NET/SRV", 1, 1, 1);
    assert!(matches!(
        server.import_request(NOW),
        Err(T0Refusal::OnServer)
    ));
}

// rule: dsp:TV-T3-1
// rule: dsp:R-T3-002
// rule: dsp:R-T3-003
#[test]
fn a_reply_confirms_and_advances() {
    let mut requestor = requestor("NET/R1", 17, 80, 1);
    requestor.conf.last_sent.set(20);
    let records: Vec<_> = std::iter::once(dummy(17))
        .chain((18..=21).map(|number| add(number, "NET/R1", "a")))
        .collect();
    let plan = t3(&requestor, &[srvtx(20, 83, 80, 1, 3)]);
    assert_eq!(after(&plan), (20, 83, 1));
    assert_eq!(rewritten(&plan, &records), [20, 21]);
    assert_eq!(plan.dispositions, [Disposition::Remove]);
    let take = plan.parts[0].take;
    let taken: Vec<_> = (0..4)
        .filter(|&place| take.takes(place, 81 + place))
        .collect();
    assert_eq!(taken, [0, 1, 2]);
    assert!(!take.takes(0, 80) && !take.takes(0, 0));
}

// rule: dsp:TV-T3-2
// rule: dsp:R-T3-001
// rule: dsp:R-ORD-010
// rule: dec:DEC-039
#[test]
fn replies_of_a_new_record_are_dropped_and_said_so() {
    let requestor = requestor("NET/R1", 18, 80, 1);
    let plan = t3(&requestor, &[srvtx(0, 95, 80, 0, 15)]);
    assert_eq!(after(&plan), (18, 80, 1));
    assert!(plan.parts.is_empty() && plan.waiting.is_none());
    assert_eq!(plan.dispositions, [Disposition::Remove]);
    assert!(plan.diary.found(IMPORT_BEHIND));
    assert_eq!(T3Plan::received(0).text, "Requestor updates received: 0");
}

// rule: dec:TV-DEC-4
// rule: dsp:R-ORD-005
// rule: dsp:R-BUG-12
#[test]
fn an_import_reply_is_not_lost_behind_an_update() {
    let requestor = requestor("NET/R1", 20, 95, 1);
    let plan = t3(
        &requestor,
        &[srvtx(20, 95, 85, 2, 10), importrep(20, 90, 2, 7)],
    );
    assert_eq!(after(&plan), (20, 95, 2));
    assert!(plan.has_import);
    let order: Vec<_> = plan.parts.iter().map(|part| part.message).collect();
    assert_eq!(order, [1, 0]);
    let (import, update) = (plan.parts[0].take, plan.parts[1].take);
    assert!(import.takes(0, 0) && import.takes(1, 85) && !import.takes(7, 0));
    assert!(!update.takes(0, 90) && update.takes(1, 91));
}

// rule: dsp:R-T3-004
// rule: dsp:R-ORD-002
#[test]
fn a_doubled_reply_does_nothing_the_second_time() {
    let mut requestor = requestor("NET/R1", 17, 80, 1);
    requestor.conf.last_sent.set(20);
    let reply = srvtx(20, 83, 80, 1, 3);
    let plan = t3(&requestor, &[reply.clone(), reply.clone()]);
    assert_eq!(after(&plan), (20, 83, 1));
    assert!((0..3).all(|place| !plan.parts[1].take.takes(place, 81 + place)));
    requestor.conf = plan.conf;
    let again = t3(&requestor, &[reply]);
    assert_eq!(after(&again), (20, 83, 1));
    assert!(again.waiting.is_none());
}

// rule: dsp:R-T3-010
// rule: dsp:R-BUG-32
#[test]
fn an_empty_reply_still_confirms() {
    let mut requestor = requestor("NET/R1", 17, 0, 0);
    requestor.conf.last_sent.set(20);
    requestor.conf.set(req_options::NO_UPDATES, true);
    let plan = t3(&requestor, &[srvtx(20, 0, 0, 0, 0)]);
    assert_eq!(after(&plan), (20, 0, 0));
    assert!(plan.parts.is_empty() && plan.waiting.is_some());
}

// rule: dec:TV-DEC-5
// rule: dec:DEC-038
#[test]
fn a_server_that_is_ahead_is_said_so() {
    let mut requestor = requestor("NET/R1", 17, 80, 1);
    requestor.conf.last_sent.set(19);
    let records = [dummy(17), add(18, "NET/R1", "a"), add(19, "NET/R1", "b")];
    let plan = t3(&requestor, &[srvtx(40, 80, 80, 1, 0)]);
    assert_eq!(after(&plan).0, 40);
    assert_eq!(plan.conf.last_sent.get(), 40);
    assert_eq!(rewritten(&plan, &records), [40, 41, 42]);
    assert!(plan.diary.found(SERVER_AHEAD));
}

// rule: dsp:R-MSG-010
// rule: dsp:R-BUG-07
#[test]
fn a_damaged_reply_is_used_as_far_as_it_is_good() {
    let requestor = requestor("NET/R1", 17, 80, 1);
    let mut reply = srvtx(17, 90, 80, 1, 10);
    reply.usable = Usable {
        records: 4,
        highest: 84,
        complete: false,
    };
    let plan = t3(&requestor, &[reply.clone()]);
    assert_eq!(after(&plan), (17, 84, 1));
    assert!(plan.diary.has(124));
    reply.usable = Usable::without_attachment(Some(10));
    let plan = t3(&requestor, &[reply]);
    assert_eq!(after(&plan), (17, 80, 1));
    assert!(plan.parts.is_empty() && plan.diary.has(116));
    // Lists that are not whole are not applied at all, and the import is asked for again.
    let new = crate::protocol::testkit::requestor("NET/R1", 0, 0, 0);
    let mut import = importrep(3, 90, 1, 50);
    import.usable.complete = false;
    let plan = t3(&new, &[import]);
    assert_eq!(after(&plan), (0, 0, 0));
    assert!(plan.parts.is_empty() && plan.waiting.is_none() && !plan.has_import);
}

// rule: dec:DEC-051
// rule: dsp:R-T2R-005
#[test]
fn other_mail_in_the_mailbag() {
    let request = |text: &str| T3Message {
        message: Incoming::read(text.as_bytes()),
        usable: Usable::without_attachment(None),
    };
    let messages = [
        request("[dirsync]\ntask=reqtx\nreqname=PCM:NET/R2\n"),
        request("Hello"),
        request("[dirsync]\ntask=srvtx\nsrvname=PCM:NET/OTHER\nreqname=PCM:NET/R1\nimpseq=9\n"),
        request("[dirsync]\ntask=srvtx\nsrvname=PCM:NET/SRV\nreqname=PCM:NET/R2\nimpseq=9\n"),
        request("[dirsync]\ntask=dance\nreqname=PCM:NET/R2\n"),
    ];
    let requestor = requestor("NET/R1", 17, 80, 1);
    let plan = t3(&requestor, &messages);
    assert!(
        plan.dispositions
            .iter()
            .all(|d| *d == Disposition::Administrator)
    );
    assert!(
        [161, 154, 133, 155]
            .iter()
            .all(|code| plan.diary.has(*code))
    );
    assert_eq!(after(&plan), (17, 80, 1));
    let server = crate::protocol::testkit::requestor("NET/SRV", 17, 80, 1);
    let plan = t3(&server, &messages[..2]);
    assert_eq!(plan.dispositions, [Disposition::Leave; 2]);
    assert!(!plan.diary.has(161) && !plan.diary.has(154));
}

// rule: dec:DEC-041
// rule: dec:DEC-042
// rule: dec:TV-DEC-6
// rule: dsp:R-IMP-008
#[test]
fn resync_keeps_what_waits_and_says_resync_until_answered() {
    let mut requestor = requestor("NET/R1", 12, 95, 3);
    let records = [dummy(12), add(13, "NET/R1", "a"), add(14, "NET/R1", "b")];
    let header = ResyncHeader {
        impseq: 3,
        reqseq: 18,
        srvseq: 80,
    };
    let plan = requestor
        .resync(header, &waiting(&requestor, &records), false, NOW)
        .unwrap();
    assert_eq!(plan.kept, 2);
    let mut renumber = plan.waiting.renumber();
    let records: Vec<_> = std::iter::once(dummy(plan.waiting.dummy))
        .chain(records.iter().filter_map(|record| {
            renumber(record.number).map(|number| NewRecord {
                number,
                ..record.clone()
            })
        }))
        .collect();
    assert_eq!(numbers_of(&records), [18, 19, 20]);
    requestor.conf = plan.conf;
    let request = &t1(&requestor, &records).messages[1];
    assert_eq!(subject(request), "ReqTx R=20 (was 18), S=80, I=3 2 sent");
    let text = String::from_utf8(request.text(b"").unwrap()).unwrap();
    assert!(text.contains("\r\nresync=YES\r\n"));
    requestor.conf.last_sent.set(20);
    // A dropped reply does not end it, an accepted one does.
    let stale = t3(&requestor, &[srvtx(20, 85, 80, 2, 0)]);
    assert!(stale.conf.has(req_options::RESYNC));
    let plan = t3(&requestor, &[srvtx(20, 85, 80, 3, 0)]);
    assert!(!plan.conf.has(req_options::RESYNC));
    assert_eq!(after(&plan), (20, 85, 3));
    let refusal = requestor.resync(
        ResyncHeader {
            impseq: 2,
            ..header
        },
        &Waiting::of(&requestor),
        false,
        NOW,
    );
    assert!(matches!(refusal, Err(ResyncRefusal::Older { .. })));
}

// rule: dec:DEC-053
// rule: dsp:R-LDS-001
// rule: dsp:R-REC-007
// rule: dsp:R-BUG-16
#[test]
fn listds_zero_resets_numbers_and_pointers() {
    let mut requestor = requestor("NET/R1", 12, 95, 3);
    requestor.conf.password = Password::from_bytes(b"secret").unwrap();
    requestor.conf.last_export.set(7);
    requestor.conf.ptr_srvtrans.set(49);
    requestor.conf.types = TypeList::parse(b"PCM|SMTP").to_field();
    let conf = requestor.zeroed().unwrap();
    assert_eq!(Numbers::of(&conf), Numbers::default());
    assert_eq!((conf.last_sent.get(), conf.ptr_srvtrans.get()), (0, -1));
    assert_eq!(
        (conf.types.text(), conf.last_export.get()),
        (&b"PCM"[..], 7)
    );
    assert_eq!(conf.password.text(), b"secret");
    assert_eq!(conf.srv_postoffice.text(), b"SRV");
    requestor.is_server = true;
    assert_eq!(requestor.zeroed(), None);
}

// rule: dsp:R-NUM-007
#[test]
fn a_pair_of_lines_has_one_number() {
    let requestor = requestor("NET/R1", 0, 0, 0);
    let mut appender = requestor.appender(&waiting(&requestor, &[]), UnixTime(5));
    let modify = change(Some(&member("a", "a", true)), Some(&member("b", "a", true))).unwrap();
    let record = appender.append(&modify).unwrap().unwrap();
    assert_eq!((record.number, record.date), (1, UnixTime(5)));
    assert_eq!(record.text.split(|&byte| byte == b'\n').count(), 2);
    assert_eq!(appender.append(&modify).unwrap().unwrap().number, 2);
}
