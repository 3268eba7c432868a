//! Tests of T2 receive, T2 transmit, purge and the records.

use super::*;
use crate::base::{MailboxName, Scope};
use crate::format::body::{Body, Carrier};
use crate::format::field::Password;
use crate::format::reqconf::{ReqConfRecord, req_options};
use crate::protocol::log::{
    IMPORT_BEHIND, NUMBERING_RESTARTED, PURGED_GAP, REQUEST_GAP, SERVER_RESTORED,
};
use crate::protocol::message::{Incoming, TypeList};
use crate::protocol::numbers::Numbers;
use crate::protocol::requestor::{Disposition, NewRecord, Requestor, T3Plan};
use crate::protocol::testkit::{
    Mail, NOW, TestServer, add, attached, attached_texts, dummy, encode, entry, mails_of,
    numbers_of, po, requestor, subject, t1,
};
use crate::protocol::unit::Usable;

/// The request of a T1.
fn request(requestor: &Requestor, records: &[NewRecord]) -> Mail {
    let plan = t1(requestor, records);
    mails_of(requestor, &plan, records).pop().unwrap()
}

fn text_mail(body: &str) -> Mail {
    Mail {
        from: po("NET/R1"),
        to: po("NET/SRV"),
        text: body.as_bytes().to_vec(),
        attachment: None,
        arrived: NOW,
    }
}

fn answer_subject(server: &mut TestServer, name: &str) -> (String, Mail) {
    let index = server.index(name);
    let (unit, mail) = server.answer(index, OwnLists::Unapplied, &[]);
    (subject(unit.message.as_ref().unwrap()), mail.unwrap())
}

fn after_t3(requestor: &Requestor, mail: &Mail) -> T3Plan {
    let waiting = crate::protocol::requestor::Waiting::of(requestor);
    requestor.t3(&[mail.t3()], &waiting, NOW).unwrap()
}

fn codes(server: &TestServer) -> Vec<u16> {
    let lines = server.diary.lines.iter();
    lines.filter_map(|line| line.code).collect()
}

/// s.Sync 80, R1 at 17/80/1, R2 at 5/71/1.
fn tv_server() -> TestServer {
    let mut server = TestServer::new(&["NET/R1", "NET/R2"]);
    server.fill(1, 80, "NET/SRV");
    server.set_numbers("NET/R1", 17, 80, 1);
    server.set_numbers("NET/R2", 5, 71, 1);
    server
}

fn three() -> (Requestor, Vec<NewRecord>) {
    let records = std::iter::once(dummy(17))
        .chain((18..=20).map(|number| add(number, "NET/R1", &format!("n{number}"))))
        .collect();
    (requestor("NET/R1", 17, 80, 1), records)
}

// rule: dsp:TV-T2-1
// rule: dsp:R-T2R-006
// rule: dsp:R-T2R-008
// rule: dsp:R-T2T-002
// rule: dsp:R-T2T-003
// rule: dsp:R-T2T-004
// rule: dsp:R-T2T-005
// rule: dsp:R-NUM-003
// rule: dec:DEC-030
#[test]
fn three_transactions_are_taken_and_left_out_of_the_own_reply() {
    let mut server = tv_server();
    let (r1, records) = three();
    let unit = server.receive_one(&request(&r1, &records));
    assert_eq!(unit.appended, 3);
    assert_eq!(unit.disposition, Disposition::Remove);
    assert_eq!(numbers_of(&server.master[80..]), [81, 82, 83]);
    assert!(server.master[80..].iter().all(|record| record.date == NOW));
    assert_eq!(server.server.sync(), 83);
    assert_eq!(server.numbers("NET/R1"), (20, 80, 1));
    assert_eq!(server.record("NET/R1").last_update.get(), NOW.0);
    let (subject, mail) = answer_subject(&mut server, "NET/R1");
    assert_eq!(subject, "SrvTx R=20 S=83 (was 80), I=1 0 sent");
    assert_eq!(mail.attachment, None);
    assert_eq!(server.numbers("NET/R1"), (20, 83, 1));
    // Another requestor at S=71 gets twelve.
    let r2 = requestor("NET/R2", 5, 71, 1);
    server.receive_one(&request(&r2, &[]));
    let (subject, mail) = answer_subject(&mut server, "NET/R2");
    assert_eq!(subject, "SrvTx R=5 S=83 (was 71), I=1 12 sent");
    assert_eq!(attached(&mail), (72..=83).collect::<Vec<_>>());
    // After a whole cycle both sides agree.
    let plan = after_t3(&r2, &mail);
    let (req, srv, _) = server.numbers("NET/R2");
    let numbers = Numbers::of(&plan.conf);
    assert_eq!((numbers.req, numbers.srv), (req, srv));
}

// rule: dsp:R-NUM-004
// rule: dsp:TV-T2-2
// rule: dsp:R-ORD-006
#[test]
fn a_doubled_request_is_taken_once_and_answered_once() {
    let mut server = tv_server();
    let (r1, records) = three();
    let mail = request(&r1, &records);
    server.receive_one(&mail);
    let second = server.receive_one(&mail);
    assert_eq!((second.appended, server.master.len()), (0, 83));
    assert!(!server.diary.found(NUMBERING_RESTARTED));
    assert_eq!(server.server.due(), [server.index("NET/R1")]);
    let (_, reply) = answer_subject(&mut server, "NET/R1");
    assert!(server.server.due().is_empty());
    let mut sent = r1.clone();
    sent.conf.last_sent.set(20);
    let numbers = Numbers::of(&after_t3(&sent, &reply).conf);
    let (req, srv, imp) = server.numbers("NET/R1");
    assert_eq!((numbers.req, numbers.srv, numbers.imp), (req, srv, imp));
}

// rule: dsp:TV-T2-3
// rule: dsp:R-T2R-007
// rule: dsp:R-BUG-04
// rule: dsp:R-MSG-008
#[test]
fn a_bad_record_ends_the_attachment_and_comes_again() {
    let mut server = tv_server();
    let (r1, records) = three();
    let mut mail = request(&r1, &records);
    let bytes = mail.attachment.as_mut().unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    server.receive_one(&mail);
    assert_eq!((server.master.len(), server.numbers("NET/R1").0), (82, 19));
    assert!(codes(&server).contains(&124));
    let (subject, reply) = answer_subject(&mut server, "NET/R1");
    assert_eq!(subject, "SrvTx R=19 S=82 (was 80), I=1 0 sent");
    let mut sent = r1.clone();
    sent.conf.last_sent.set(20);
    let plan = after_t3(&sent, &reply);
    assert_eq!(Numbers::of(&plan.conf).req, 19);
    // The next T1 sends 20 again.
    let again = Requestor {
        conf: plan.conf,
        ..r1
    };
    let rest = [dummy(19), records[3].clone()];
    server.receive_one(&request(&again, &rest));
    assert_eq!((server.master.len(), server.numbers("NET/R1").0), (83, 20));
}

// rule: dsp:R-T2R-007
// rule: dsp:R-TXN-004
#[test]
fn half_a_replacement_is_not_taken() {
    let mut server = tv_server();
    let r1 = requestor("NET/R1", 17, 80, 1);
    let records = [
        add(18, "NET/R1", "kept"),
        entry(19, "R PCM:NET/R1"),
        add(20, "NET/R1", "a"),
        add(21, "NET/R1", "b"),
    ];
    let mut mail = request(&r1, &records);
    let bytes = mail.attachment.as_mut().unwrap();
    bytes.truncate(bytes.len() - 1);
    server.receive_one(&mail);
    assert_eq!((server.master.len(), server.numbers("NET/R1").0), (81, 18));
    server.receive_one(&request(&r1, &records));
    assert_eq!((server.master.len(), server.numbers("NET/R1").0), (84, 21));
}

// rule: dsp:R-T2R-002
// rule: dsp:R-ROLE-004
// rule: dsp:TV-LOG-6
#[test]
fn an_unknown_sender_is_158() {
    let mut server = tv_server();
    for (name, argument) in [
        ("PCM:", "PCM:"),
        ("PCM:NET/R10", "PCM:NET/R10"),
        ("SNADS:NET/R1", "SNADS:NET/R1"),
    ] {
        let unit = server.receive_one(&text_mail(&format!(
            "[dirsync]\ntask=reqtx\nreqname={name}\npassword=geheim\n"
        )));
        assert_eq!(
            unit.diary.lines[0].text,
            format!("Requestor not registered : {argument}")
        );
        assert_eq!(
            unit.mail.unwrap().lines,
            ["Requestor not registered :", "From: NET/R1/$SYSTEM"]
        );
        assert_eq!((unit.disposition, unit.record), (Disposition::Remove, None));
    }
}

// rule: dsp:R-PWD-001
// rule: dsp:R-PWD-002
// rule: dsp:R-PWD-003
// rule: dsp:R-PWD-004
// rule: dsp:TV-PWD-1
// rule: dsp:R-BUG-01
#[test]
fn passwords_are_compared_with_the_senders_record() {
    let mut server = TestServer::new(&["NET/PO10", "NET/PO1"]);
    server.record("NET/PO1").password = Password::from_bytes(b"X").unwrap();
    let mail = |name: &str, password: &str| {
        text_mail(&format!(
            "[dirsync]\ntask=reqtx\nreqname=PCM:{name}\n{password}\nreqwas=1\nversion=3.5\n"
        ))
    };
    // TV-PWD-1: NET/PO1 stands behind NET/PO10 and is a prefix of it.
    assert!(server.receive_one(&mail("NET/PO10", "")).record.is_some());
    assert!(
        server
            .receive_one(&mail("NET/PO10", "password=any"))
            .record
            .is_some()
    );
    assert!(
        server
            .receive_one(&mail("NET/PO1", "pwd=X"))
            .record
            .is_some()
    );
    for wrong in ["", "password=x", "password=XX"] {
        let unit = server.receive_one(&mail("NET/PO1", wrong));
        assert_eq!(unit.record, None);
        assert_eq!(
            unit.diary.lines[0].text,
            "Invalid Dirsync password from PCM:NET/PO1"
        );
        assert!(unit.mail.is_some() && unit.disposition == Disposition::Remove);
        assert!(!format!("{unit:?}").contains("password=") && !format!("{unit:?}").contains("XX"));
    }
}

// rule: dsp:R-T2R-004
// rule: dsp:R-T2R-001
// rule: dsp:R-STA-002
#[test]
fn other_messages_at_t2() {
    let mut server = tv_server();
    for (text, code) in [
        ("[dirsync]\ntask=dance\nreqname=PCM:NET/R1\n", 155),
        ("Dear admin", 154),
        ("[dirsync]\ntask=reqtx\nreqname=PCM:NET/R1\nreqseq=x\n", 124),
    ] {
        let unit = server.receive_one(&text_mail(text));
        assert_eq!(unit.disposition, Disposition::Administrator);
        assert!(unit.diary.has(code) && unit.record.is_none());
    }
    let unit = server.receive_one(&text_mail("[dirsync]\ntask=status\nreqname=PCM:NET/R1\n"));
    assert_eq!(unit.central_log.unwrap().text, "Report from NET/R1/$SYSTEM");
    let unit = server.receive_one(&text_mail("[dirsync]\ntask=status\nreqname=PCM:NET/R9\n"));
    assert!(unit.central_log.is_none() && unit.diary.has(158));
}

// rule: dec:DEC-051
// rule: dsp:R-T2R-005
#[test]
fn a_reply_for_the_other_half_stays_and_is_133_only_when_old() {
    let server = tv_server().server;
    let reply = Mail {
        text: b"[dirsync]\ntask=srvtx\nsrvname=PCM:NET/SRV\nreqname=PCM:NET/SRV\n".to_vec(),
        ..text_mail("")
    };
    for (last_run, logged) in [(NOW.0 - 60, false), (NOW.0 + 60, true)] {
        let step = server.open(&reply.t2(), UnixTime(last_run), NOW).unwrap();
        let Step::Done(unit) = step else {
            panic!("no request");
        };
        assert_eq!(unit.disposition, Disposition::Leave);
        assert_eq!(unit.diary.has(133), logged);
    }
}

// rule: dsp:R-T2R-009
// rule: dec:DEC-036
#[test]
fn several_requests_of_one_requestor_are_taken_by_r_and_answered_from_the_lowest_s() {
    let mut server = tv_server();
    let (mut r1, records) = three();
    let late = request(&r1, &records);
    r1.conf.srv_sync.set(75);
    let early = request(&r1, &records[..2]);
    let other = request(&requestor("NET/R2", 5, 71, 1), &[]);
    let mailbag = [late, other, early].map(|mail| (mail.t2(), mail));
    let messages: Vec<_> = mailbag.iter().map(|(message, _)| message.clone()).collect();
    let order = Server::order(&messages);
    assert_eq!(order, [2, 1, 0]);
    for index in order {
        server.receive_one(&mailbag[index].1);
    }
    assert_eq!(server.numbers("NET/R1").0, 20);
    let (subject, _) = answer_subject(&mut server, "NET/R1");
    assert_eq!(subject, "SrvTx R=20 S=83 (was 75), I=1 5 sent");
}

// rule: dec:DEC-020
// rule: dsp:R-FOR-007
#[test]
fn numbers_only_have_to_grow_and_a_hole_is_said() {
    let mut server = tv_server();
    let mut r1 = requestor("NET/R1", 25, 80, 1);
    server.receive_one(&request(&r1, &[dummy(25), add(26, "NET/R1", "x")]));
    assert_eq!(server.numbers("NET/R1").0, 26);
    assert!(server.diary.found(REQUEST_GAP));
    // Dummies and restarts leave holes that lose nothing.
    let mut server = tv_server();
    r1.conf.req_sync.set(17);
    server.receive_one(&request(&r1, &[dummy(17), add(26, "NET/R1", "x")]));
    assert_eq!(server.numbers("NET/R1").0, 26);
    assert!(!server.diary.found(REQUEST_GAP));
}

// rule: dec:DEC-055
// rule: dsp:R-NUM-006
#[test]
fn numbering_that_restarted_is_found_by_the_dates() {
    let mut server = tv_server();
    let r1 = requestor("NET/R1", 0, 80, 1);
    let mail = |date: u32| {
        let mut record = add(1, "NET/R1", "x");
        record.date = UnixTime(date);
        request(&r1, &[record])
    };
    let last_update = server.record("NET/R1").last_update.get();
    server.receive_one(&mail(last_update));
    assert!(!server.diary.found(NUMBERING_RESTARTED));
    server.now = UnixTime(NOW.0 + 100);
    let unit = server.receive_one(&mail(NOW.0 + 50));
    assert!(unit.diary.found(NUMBERING_RESTARTED));
    assert_eq!((unit.appended, server.numbers("NET/R1").0), (0, 17));
}

// rule: dec:DEC-019
// rule: dsp:R-EXC-007
#[test]
fn only_the_owner_replaces_a_registered_list() {
    let mut server = tv_server();
    let r1 = requestor("NET/R1", 17, 80, 1);
    let records = [
        entry(18, "R PCM:NET/R2"),
        entry(19, "R ms:net/r2"),
        entry(20, "R PCM:NET/R1"),
        entry(21, "R PCM:NET/PROXY"),
        entry(22, "R SMTP:"),
        entry(23, "R SNADS:NET/R2"),
        entry(24, "A x\tPCM:NET/R2/x"),
    ];
    let mail = request(&r1, &records);
    let unit = server.receive_one(&mail);
    let taken: Vec<_> = server.master[80..].iter().map(|r| r.text.clone()).collect();
    let expected: Vec<_> = records[2..].iter().map(|r| r.text.clone()).collect();
    assert_eq!(taken, expected);
    assert_eq!(server.numbers("NET/R1").0, 24);
    assert_eq!(unit.diary.lines.len(), 2);
    let mut trusting = tv_server();
    trusting.server.trust_replace = true;
    assert_eq!(trusting.receive_one(&mail).appended, 7);
}

// rule: dsp:R-TXN-009
// rule: dsp:R-BUG-19
#[test]
fn what_cannot_be_read_is_passed_over_one_by_one() {
    let mut server = tv_server();
    let r1 = requestor("NET/R1", 17, 80, 1);
    let records = [
        entry(18, "A x\tPCM:NET/R1/"),
        entry(19, "nonsense"),
        entry(20, "A y\tPCM:NET/R1/y"),
    ];
    let unit = server.receive_one(&request(&r1, &records));
    assert_eq!((unit.appended, server.numbers("NET/R1").0), (1, 20));
    let logged: Vec<_> = unit
        .diary
        .lines
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(logged[0], "No mailbox name PCM:NET/R1 18");
    assert_eq!(logged.len(), 2);
}

// rule: dsp:R-T2R-011
// rule: dsp:R-T2T-001
// rule: dsp:R-ORD-001
// rule: dec:DEC-050
#[test]
fn only_who_asked_is_answered() {
    let mut server = tv_server();
    let r1 = requestor("NET/R1", 17, 80, 1);
    server.receive_one(&request(&r1, &[]));
    assert_eq!(server.server.due(), [server.index("NET/R1")]);
    let silent: Vec<_> = server
        .server
        .silent(&[])
        .into_iter()
        .map(|l| l.text)
        .collect();
    assert_eq!(
        silent,
        [
            "No Tasks From Requestor: PCM:NET/SRV",
            "No Tasks From Requestor: PCM:NET/R2"
        ]
    );
    assert_eq!(server.server.silent(&[server.index("NET/R2")]).len(), 1);
}

// rule: dsp:R-ROLE-003
// rule: dsp:R-T2R-014
#[test]
fn a_cycle_begins_and_the_own_record_must_be_there() {
    let server = tv_server().server;
    let (header, diary) = server.begin_receive(NOW);
    assert_eq!((header.cycle.get(), header.last_receive.get()), (1, NOW.0));
    assert!(!diary.has(136));
    let mut lost = server;
    lost.records[0].state = 0;
    assert!(lost.begin_receive(NOW).1.has(136));
}

// rule: dsp:R-IMP-001
// rule: dsp:R-IMP-004
// rule: dsp:R-IMP-005
// rule: dsp:R-IMP-006
// rule: dsp:R-NUM-008
// rule: dsp:R-T2T-009
// rule: dsp:R-BUG-05
// rule: dec:DEC-031
// rule: dec:DEC-032
#[test]
fn the_worked_example() {
    // dsp section 18, step by step.
    let mut server = TestServer::new(&["NET/R1"]);
    server.master = vec![
        entry(1, "R PCM:NET/SRV"),
        add(2, "NET/SRV", "a"),
        add(3, "NET/SRV", "b"),
        add(4, "NET/SRV", "c"),
    ];
    server.server.header.sync.set(4);
    let lists: Vec<String> = server
        .master
        .iter()
        .map(|record| String::from_utf8(record.text.clone()).unwrap())
        .chain([
            "R PCM:NET/R1".to_owned(),
            "A old\tPCM:NET/R1/old".to_owned(),
        ])
        .collect();
    let index = server.index("NET/R1");
    let mut r1 = requestor("NET/R1", 0, 0, 0);
    let mut records = vec![
        entry(1, "R PCM:NET/R1"),
        add(2, "NET/R1", "x"),
        add(3, "NET/R1", "y"),
    ];
    let plan = t1(&r1, &records);
    assert_eq!(
        subject(&plan.messages[1]),
        "ReqTx R=3 (was 0), S=0, I=0 3 sent"
    );
    r1.conf = plan.conf.clone();
    server.receive_one(&mails_of(&r1, &plan, &records)[1]);
    assert_eq!(
        (server.numbers("NET/R1"), server.server.sync()),
        ((3, 0, 1), 7)
    );
    // Lists and numbers do not belong together as long as T3 work waits.
    let (unit, _) = server.answer(index, OwnLists::Unapplied, &lists);
    assert!(unit.message.is_none() && !unit.answered);
    assert_eq!(server.server.due(), [index]);
    let (unit, mail) = server.answer(index, OwnLists::Ready(4), &lists);
    let message = unit.message.unwrap();
    assert_eq!(subject(&message), "SrvTx R=3 S=7 (was 0), I=1 4 sent");
    assert_eq!(message.attachment_name(), Some("TMPTRANS.GLB"));
    assert!(matches!(message.body(), Body::ImportReply(body) if body.base == 4));
    assert_eq!(unit.served, Some(4));
    assert_eq!(server.numbers("NET/R1"), (3, 7, 1));
    let mail = mail.unwrap();
    assert_eq!(attached(&mail), [0, 0, 0, 0]);
    assert_eq!(attached_texts(&mail)[0], "R PCM:NET/SRV");
    let plan = after_t3(&r1, &mail);
    r1.conf = plan.conf;
    assert_eq!(
        r1.numbers(),
        Numbers {
            req: 3,
            srv: 7,
            imp: 1
        }
    );
    let taken = (0..4)
        .filter(|&place| plan.parts[0].take.takes(place, 0))
        .count();
    assert_eq!(taken, 4);
    // A new user; the reply is lost; the same request again; all is quiet.
    records = vec![dummy(3), add(4, "NET/R1", "z")];
    for expected in ["SrvTx R=4 S=8 (was 7), I=1 0 sent"; 2] {
        let plan = t1(&r1, &records);
        r1.conf = plan.conf.clone();
        assert_eq!(
            subject(&plan.messages[1]),
            "ReqTx R=4 (was 3), S=7, I=1 1 sent"
        );
        server.receive_one(&mails_of(&r1, &plan, &records)[1]);
        assert_eq!(server.numbers("NET/R1").0, 4);
        let (unit, mail) = server.answer(index, OwnLists::Ready(4), &lists);
        assert_eq!(subject(&unit.message.unwrap()), expected);
        assert_eq!(server.server.sync(), 8);
        // The first of the two is lost: REQCONF does not change.
        let plan = after_t3(&r1, &mail.unwrap());
        assert_eq!(
            Numbers::of(&plan.conf),
            Numbers {
                req: 4,
                srv: 8,
                imp: 1
            }
        );
    }
}

// rule: dsp:R-IMP-004
// rule: dec:TV-DEC-3
// rule: dec:DEC-033
// rule: dec:DEC-039
// rule: dsp:R-ORD-010
#[test]
fn a_record_made_again_is_healed_by_an_import_request() {
    let mut server = tv_server();
    let party = Party::postoffice(po("NET/R1"));
    server.server.delete_requestor(party).unwrap();
    let index = server
        .server
        .create_requestor(party, MailboxName::system(), Password::default())
        .unwrap();
    assert_eq!(index, 1);
    let mut r1 = requestor("NET/R1", 18, 80, 1);
    server.receive_one(&request(&r1, &[dummy(18)]));
    assert!(server.diary.found(IMPORT_BEHIND) && !server.diary.found(SERVER_RESTORED));
    let (subject, reply) = answer_subject(&mut server, "NET/R1");
    assert_eq!(subject, "SrvTx R=0 S=80 (was 80), I=0 0 sent");
    let plan = after_t3(&r1, &reply);
    assert!(plan.diary.found(IMPORT_BEHIND));
    assert_eq!(Numbers::of(&plan.conf), r1.numbers());
    let asked = r1.import_request(NOW).unwrap();
    server.receive_one(&Mail::of(r1.own, &asked.message, &[]));
    assert_eq!(server.numbers("NET/R1").2, 2);
    let lists = ["R PCM:NET/SRV".to_owned()];
    let (_, mail) = server.answer(index, OwnLists::Ready(80), &lists);
    let plan = after_t3(&r1, &mail.unwrap());
    assert!(plan.has_import);
    r1.conf = plan.conf;
    assert_eq!(
        r1.numbers(),
        Numbers {
            req: 18,
            srv: 80,
            imp: 2
        }
    );
}

// rule: dec:DEC-034
#[test]
fn a_late_first_request_does_no_harm() {
    let mut server = tv_server();
    let first = request(&requestor("NET/R1", 0, 0, 0), &[add(1, "NET/R1", "x")]);
    let unit = server.receive_one(&first);
    assert_eq!(unit.appended, 0);
    assert_eq!(server.numbers("NET/R1"), (17, 80, 2));
}

// rule: dec:DEC-035
// rule: dsp:TV-MSG-2
// rule: dsp:R-BUG-13
// rule: dsp:R-TPL-002
#[test]
fn a_foreign_import_request_with_a_number_gets_the_updates_after_it() {
    let mut server = TestServer::new(&["MACNET/MACPO"]);
    server.fill(1, 644, "NET/SRV");
    server.master.push(entry(
        645,
        "A User Number 1\tPCM:NETWORK/POSTOFFICE/USER1\r\n- Phone:/(206) 635-7022",
    ));
    server
        .master
        .push(entry(646, "T PCM:NETWORK/POSTOFFICE\r\n Phone:~1~20~A~~"));
    server.master.push(entry(
        647,
        "M User Number 1\tPCM:NETWORK/POSTOFFICE/USER1\r\n  User Number 1\tPCM:NETWORK/POSTOFFICE/USER1\r\n- Phone:/1",
    ));
    server.master.push(entry(648, "A mail\tSMTP:a@b"));
    server
        .master
        .push(entry(649, "A user2\tPROFS:VMGATE/NODE1/USER2"));
    server.server.header.sync.set(649);
    server.receive_one(&text_mail(
        "[DIRSYNC]\r\nTASK=IMPORTREQ\r\nNAME=PCM:MACNET/MACPO\r\nTYPES=PCM|CSI|profs\r\n\
         TEMPLATE=NO\r\nSRVSEQ=0000000644\r\nTRANSACTIONS=INATTACHMENT\r\n",
    ));
    assert_eq!(server.numbers("MACNET/MACPO"), (0, 0, 0));
    let index = server.index("MACNET/MACPO");
    let answer = server
        .server
        .answer(index, server.oldest(), OwnLists::Unapplied);
    let Some(Answer::Update(update)) = answer else {
        panic!("a normal reply");
    };
    assert_eq!(update.carrier(), Carrier::InAttachment);
    let mut scan = update.scan();
    let mut text = crate::protocol::message::text_attachment_head();
    assert!(server.master.iter().all(|r| scan.see(r.number, &r.text)));
    let end = scan.finish();
    for record in &server.master {
        let form = match update.pass(&end, record.number, &record.text) {
            Passed::AsIs => record.text.clone(),
            Passed::Changed(text) => text,
            Passed::No | Passed::Own => continue,
        };
        let transaction = crate::base::Transaction::parse(&form).unwrap();
        crate::protocol::message::write_text_entry(record.number, &transaction, &mut text);
    }
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "[dirsync-transactions]\r\n\
         0000000645 A User Number 1                  PCM:NETWORK/POSTOFFICE/USER1\r\n\
         0000000649 A user2                          PROFS:VMGATE/NODE1/USER2\r\n"
    );
    let unit = update.reply(end);
    let message = unit.message.unwrap();
    assert_eq!(message.attachment_name(), Some("TMPTRANS.GLB"));
    assert_eq!(subject(&message), "SrvTx R=0 S=649 (was 644), I=0 2 sent");
}

// rule: dsp:TV-MSG-3
// rule: dsp:R-FOR-001
// rule: dsp:R-FOR-007
#[test]
fn a_foreign_export_is_taken_and_confirmed() {
    let mut server = TestServer::new(&["net/po"]);
    let mail = text_mail(
        "[dirsync]\ntask=export\nreqname=PCM:net/po\ntransactions=inbody\n\n\
         [dirsync-transactions]\n1200 A Martin, Robert PCM:net/po/rmartin\n",
    );
    let profile = crate::format::body::Profile::parse(&mail.text).unwrap();
    let (entries, fault) =
        crate::protocol::message::TextEntries::body().read_all(profile.transactions().unwrap());
    assert_eq!(fault, None);
    let mut message = mail.t2();
    message.usable = Usable {
        records: 1,
        highest: 1200,
        complete: true,
    };
    let Step::Take(mut intake) = server.server.open(&message, NOW, NOW).unwrap() else {
        panic!("a request");
    };
    let taken = intake
        .entry(entries[0].number, 0, &entries[0].text)
        .unwrap();
    let unit = intake.finish();
    server.server.apply(&unit);
    assert_eq!(taken.unwrap().text, b"A Martin, Robert\tPCM:net/po/rmartin");
    assert_eq!((unit.appended, server.numbers("net/po")), (1, (1200, 0, 0)));
    let (subject, mail) = answer_subject(&mut server, "net/po");
    assert_eq!(subject, "SrvTx R=1200 S=0 (was 0), I=0 0 sent");
    assert_eq!(mail.attachment, None);
}

// rule: dsp:TV-ORD-1
// rule: dsp:TV-LOG-8
// rule: dsp:R-ORD-007
// rule: dsp:R-BUG-30
#[test]
fn a_requestor_behind_the_purge_gets_three_lines_and_the_rest() {
    let mut server = TestServer::new(&["Net/PO"]);
    server.fill(1300, 1500, "NET/SRV");
    server.set_numbers("Net/PO", 4, 0, 1);
    let idle = requestor("Net/PO", 4, 0, 1);
    server.receive_one(&request(&idle, &[dummy(4)]));
    let printed: Vec<String> =
        include_str!("../../../../../fixtures/logs/q108067-dirsync-log-32.txt")
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
    let mut other = server.clone();
    let (subject, mail) = answer_subject(&mut server, "Net/PO");
    assert_eq!(subject, "SrvTx R=4 S=1500 (was 0), I=1 201 sent");
    assert_eq!(attached(&mail).first(), Some(&1300));
    let said: Vec<String> = server.diary.lines[..3]
        .iter()
        .map(|line| line.text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for (line, printed) in said.iter().zip(&printed) {
        assert!(printed.ends_with(line.as_str()), "{printed} | {line}");
    }
    assert!(server.diary.found(PURGED_GAP));
    // --auto-import: all lists instead, as Exchange does.
    other.server.auto_import = true;
    let index = other.index("Net/PO");
    let (unit, _) = other.answer(index, OwnLists::Ready(1500), &["R PCM:NET/SRV".into()]);
    assert!(matches!(unit.message.unwrap().body(), Body::ImportReply(body) if body.impseq == 2));
    assert_eq!(other.numbers("Net/PO"), (4, 1500, 2));
}

// rule: dsp:R-ORD-008
// rule: dec:DEC-058
#[test]
fn a_server_that_was_set_back_says_so_and_still_confirms() {
    let mut server = tv_server();
    let mut r1 = requestor("NET/R1", 17, 95, 1);
    r1.conf.last_sent.set(18);
    server.receive_one(&request(&r1, &[dummy(17), add(18, "NET/R1", "x")]));
    assert!(server.diary.found(SERVER_RESTORED));
    let (subject, mail) = answer_subject(&mut server, "NET/R1");
    assert_eq!(subject, "SrvTx R=18 S=81 (was 95), I=1 0 sent");
    assert_eq!(mail.attachment, None);
    assert!(codes(&server).ends_with(&[138, 139]));
    let numbers = Numbers::of(&after_t3(&r1, &mail).conf);
    assert_eq!((numbers.req, numbers.srv), (18, 95));
    // Even when s.Sync has passed q.S in the meantime it is not missed.
    let mut server = tv_server();
    server.fill(81, 120, "NET/SRV");
    server.receive_one(&request(&r1, &[dummy(17)]));
    assert!(server.diary.found(SERVER_RESTORED));
    let (_, mail) = answer_subject(&mut server, "NET/R1");
    assert_eq!(attached(&mail).len(), 25);
}

// rule: dec:DEC-041
// rule: dec:DEC-058
#[test]
fn resync_yes_moves_the_record_first() {
    let mut server = tv_server();
    let mut r1 = requestor("NET/R1", 18, 90, 3);
    r1.conf.set(req_options::RESYNC, true);
    let unit = server.receive_one(&request(&r1, &[dummy(18)]));
    assert!(unit.diary.notices.is_empty());
    assert_eq!(server.numbers("NET/R1"), (18, 90, 3));
    // It never takes numbers back.
    let mut old = requestor("NET/R1", 2, 3, 1);
    old.conf.set(req_options::RESYNC, true);
    server.receive_one(&request(&old, &[dummy(2)]));
    assert_eq!(server.numbers("NET/R1"), (18, 90, 3));
}

// rule: dsp:R-LIM-001
// rule: dsp:R-LIM-002
// rule: dec:DEC-049
#[test]
fn a_normal_reply_is_paced_between_units() {
    let mut server = TestServer::new(&["NET/R1"]);
    server.master = vec![
        add(1, "NET/R1", "own"),
        add(2, "NET/R2", "a"),
        entry(3, "R PCM:NET/R3"),
    ];
    for number in 4..=60 {
        server
            .master
            .push(add(number, "NET/R3", &format!("u{number}")));
    }
    server.master.push(entry(61, "A x\tSMTP:a@b"));
    server.master.push(add(62, "NET/R2", "b"));
    server.server.header.sync.set(62);
    server.set_numbers("NET/R1", 1, 0, 1);
    let mut r1 = requestor("NET/R1", 1, 0, 1);
    r1.conf.limit_kb.set(1);
    let mut replies = Vec::new();
    for _ in 0..5 {
        server.receive_one(&request(&r1, &[dummy(1)]));
        let (subject, mail) = answer_subject(&mut server, "NET/R1");
        r1.conf = after_t3(&r1, &mail).conf;
        let text = String::from_utf8(mail.text.clone()).unwrap();
        replies.push((subject, text.contains("more=YES"), attached(&mail).len()));
    }
    // The replacement of 58 entries is larger than the limit and goes whole.
    let expected = [
        ("SrvTx R=1 S=2 (was 0), I=1 1 sent", true, 1),
        ("SrvTx R=1 S=61 (was 2), I=1 58 sent", true, 58),
        ("SrvTx R=1 S=62 (was 61), I=1 1 sent", false, 1),
        ("SrvTx R=1 S=62 (was 62), I=1 0 sent", false, 0),
        ("SrvTx R=1 S=62 (was 62), I=1 0 sent", false, 0),
    ];
    for (reply, (subject, more, count)) in replies.iter().zip(expected) {
        assert_eq!(reply, &(subject.to_owned(), more, count));
    }
}

// rule: dsp:R-LIM-003
// rule: dsp:TV-LOG-9
#[test]
fn an_import_reply_over_the_limit_is_not_sent() {
    let mut server = TestServer::new(&["NET/R1"]);
    let mut r1 = requestor("NET/R1", 0, 0, 0);
    r1.conf.limit_kb.set(1);
    let lists: Vec<String> = (0..40)
        .map(|n| format!("A u{n}\tPCM:NET/SRV/u{n}"))
        .collect();
    let index = server.index("NET/R1");
    server.receive_one(&request(&r1, &[]));
    let (unit, mail) = server.answer(index, OwnLists::Ready(0), &lists);
    assert!(mail.is_none() && !unit.answered && unit.served.is_none());
    let lines: Vec<_> = unit
        .diary
        .lines
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(
        lines,
        [
            "Transaction limit reached",
            "Manual Import required for PCM:NET/R1"
        ]
    );
    assert!(server.server.due().is_empty());
    assert_eq!(server.numbers("NET/R1"), (0, 0, 1));
    server.receive_one(&request(&r1, &[]));
    let (unit, _) = server.answer(index, OwnLists::Ready(0), &lists[..10]);
    assert!(unit.answered);
}

// rule: dsp:R-TYP-002
// rule: dsp:R-TYP-001
#[test]
fn types_and_templates_of_the_request_decide() {
    let own = Scope::pcm(po("NET/R1"));
    let filter = |types: &[u8], templates| Filter::new(own, TypeList::parse(types), templates);
    let with = b"A x\tPCM:NET/R2/x\r\n- Phone:/1";
    assert_eq!(filter(b"PCM", true).pass(with), Passed::AsIs);
    assert_eq!(
        filter(b"PCM", false).pass(with),
        Passed::Changed(b"A x\tPCM:NET/R2/x".to_vec())
    );
    assert_eq!(filter(b"SMTP", true).pass(with), Passed::No);
    assert_eq!(filter(b"PCM|SMTP", false).pass(b"R smtp:"), Passed::AsIs);
    assert_eq!(
        filter(b"PCM", false).pass(b"A x\tCSI:NET/R2/x"),
        Passed::AsIs
    );
    assert_eq!(filter(b"PCM", true).pass(b"A x\tms:net/r1/x"), Passed::Own);
    assert_eq!(
        filter(b"PCM|SNADS", true).pass(b"A x\tSNADS:NET/R1/x"),
        Passed::AsIs
    );
    assert_eq!(filter(b"PCM", true).pass(b"# dummy"), Passed::No);
    let template = b"T PCM:NET/R2\r\n Phone:~1~20~A~~";
    assert_eq!(filter(b"PCM", true).pass(template), Passed::AsIs);
    assert_eq!(filter(b"PCM", false).pass(template), Passed::No);
    let only_info = b"M x\tPCM:NET/R2/x\r\n- Phone:/1";
    assert_eq!(filter(b"PCM", false).pass(only_info), Passed::No);
}

// rule: dec:4
#[test]
fn equal_slices_have_equal_keys() {
    let mut server = tv_server();
    let key = |server: &mut TestServer, name: &str, srv: u32| {
        server.receive_one(&request(&requestor(name, 17, srv, 1), &[]));
        let index = server.index(name);
        let answer = server
            .server
            .answer(index, server.oldest(), OwnLists::Unapplied);
        let Some(Answer::Update(update)) = answer else {
            panic!("a normal reply");
        };
        let mut scan = update.scan();
        for record in &server.master {
            scan.see(record.number, &record.text);
        }
        update.key(&scan.finish())
    };
    let first = key(&mut server, "NET/R1", 75);
    assert_eq!(key(&mut server, "NET/R2", 75), first);
    assert_ne!(key(&mut server, "NET/R2", 74), first);
    // Whose own entries are left out gets a slice of its own.
    assert_ne!(key(&mut server, "NET/SRV", 75), first);
}

// rule: dsp:R-NUM-005
// rule: dec:DEC-052
#[test]
fn who_takes_no_updates_keeps_its_s() {
    let mut server = tv_server();
    let mut r1 = requestor("NET/R1", 17, 0, 0);
    r1.conf.set(req_options::NO_UPDATES, true);
    server.set_numbers("NET/R1", 17, 0, 0);
    server.receive_one(&request(&r1, &[dummy(17), add(18, "NET/R1", "x")]));
    let (subject, mail) = answer_subject(&mut server, "NET/R1");
    assert_eq!(subject, "SrvTx R=18 S=0 (was 0), I=0 0 sent");
    assert_eq!(mail.attachment, None);
    // LISTDS prints such a requestor: ReqSync = 18, SrvSync = 0 (Q96060).
    assert_eq!(server.numbers("NET/R1"), (18, 0, 0));
}

fn purge_end(server: &TestServer, purge: &Purge) -> Option<PurgeEnd> {
    let mut scan = purge.scan();
    for record in &server.master {
        if !scan.see(record.number, record.date.0) {
            break;
        }
    }
    scan.finish()
}

// rule: dec:TV-DEC-7
// rule: dec:DEC-047
// rule: dsp:R-T2R-012
#[test]
fn a_server_that_stood_still_serves_before_it_purges() {
    let mut server = TestServer::new(&["NET/R1", "NET/R2"]);
    server.fill(1, 500, "NET/SRV");
    server.now = UnixTime(NOW.0 + 30 * 86_400);
    let mut served = Vec::new();
    for (name, srv) in [("NET/R1", 480), ("NET/R2", 490)] {
        server.set_numbers(name, 5, srv, 1);
        server.receive_one(&request(&requestor(name, 5, srv, 1), &[dummy(5)]));
        let (unit, mail) = {
            let index = server.index(name);
            server.answer(index, OwnLists::Unapplied, &[])
        };
        assert_eq!(attached(&mail.unwrap()).first(), Some(&(srv + 1)));
        served.extend(unit.served);
    }
    let now = server.now;
    let purge = server.server.purge(true, &served, 500, &[], now).unwrap();
    assert_eq!(purge.header.last_purge.get(), now.0);
    let end = PurgeEnd {
        records: 480,
        upto: 480,
    };
    assert_eq!(purge_end(&server, &purge), Some(end));
    // A run that answered nobody purges nothing.
    assert!(server.server.purge(false, &[], 500, &[], now).is_none());
    // The server's own T3 bounds it, too.
    let purge = server.server.purge(true, &served, 7, &[], now).unwrap();
    assert_eq!(purge_end(&server, &purge).unwrap().upto, 7);
}

// rule: dec:DEC-047
// rule: dsp:R-STA-005
#[test]
fn the_purge_waits_for_who_was_heard_and_keeps_the_last_entry() {
    let mut server = TestServer::new(&["NET/R1", "NET/R2"]);
    server.fill(1, 20, "NET/SRV");
    for record in &mut server.master[15..] {
        record.date = UnixTime(NOW.0 + 10 * 86_400);
    }
    let day = |n: u32| UnixTime(NOW.0 + n * 86_400);
    let upto = |server: &TestServer, held: &[usize], now: UnixTime| {
        let purge = server.server.purge(true, &[20], 20, held, now).unwrap();
        purge_end(server, &purge).map(|end| end.upto)
    };
    // Nobody else was heard: what is old goes.
    assert_eq!(upto(&server, &[], day(15)), Some(15));
    assert_eq!(upto(&server, &[], day(14)), None);
    // R1 was heard and has 3.
    server.record("NET/R1").conf_sync.set(3);
    server.record("NET/R1").last_update.set(day(10).0);
    assert_eq!(upto(&server, &[], day(15)), Some(3));
    assert_eq!(upto(&server, &[], day(26)), Some(19));
    // R2 was not, but its requests wait for the guard.
    let held = [server.index("NET/R2")];
    assert_eq!(upto(&server, &held, day(26)), None);
    server.record("NET/R2").conf_sync.set(9);
    assert_eq!(upto(&server, &held, day(26)), Some(9));
    // Who takes nothing misses nothing.
    server
        .record("NET/R2")
        .ask
        .set(crate::format::srvconf::ask::NO_UPDATES);
    assert_eq!(upto(&server, &held, day(26)), Some(19));
}

// rule: dsp:R-ROLE-001
// rule: dsp:R-ROLE-003
// rule: dsp:R-ROLE-006
// rule: dsp:R-ROLE-007
// rule: dec:DEC-054
#[test]
fn the_server_role_is_taken_and_given_up() {
    let mut conf = ReqConfRecord::fresh();
    let on = Server::switch_on(po("NET/SRV"), &conf).unwrap();
    assert_eq!((on.server.sync(), on.server.records.len()), (0, 1));
    assert!(on.server.find(on.server.party()).is_some());
    let own = Requestor {
        own: po("NET/SRV"),
        conf: on.conf,
        is_server: true,
    };
    assert_eq!(own.server().unwrap().0, own.party());
    conf.srv_sync.set(80);
    let refused = Server::switch_on(po("NET/SRV"), &conf).unwrap_err();
    assert_eq!(refused, ServerRefusal::NotReset(80));
    let off = server_off();
    assert!(off.drop_t2_schedule && off.files.contains(&"GLB/MSTTRANS.GLB"));
}

// rule: dsp:R-ROLE-004
// rule: dsp:R-ROLE-002
#[test]
fn requestors_come_and_go() {
    let mut server = TestServer::new(&["NET/R1"]).server;
    let party = |name: &str| Party::postoffice(po(name));
    let create = |server: &mut Server, name: &str| {
        server.create_requestor(party(name), MailboxName::system(), Password::default())
    };
    assert_eq!(
        create(&mut server, "net/r1"),
        Err(ServerRefusal::Exists("PCM:net/r1".into()))
    );
    server.records[1].req_sync.set(7);
    assert_eq!(server.delete_requestor(party("NET/R1")), Ok(1));
    assert!(matches!(
        server.delete_requestor(party("NET/R1")),
        Err(ServerRefusal::Unknown(_))
    ));
    assert_eq!(create(&mut server, "NET/R2"), Ok(1));
    assert_eq!(server.records[1].req_sync.get(), 0);
    assert_eq!(create(&mut server, "NET/R3"), Ok(2));
    let own = server.party();
    assert_eq!(server.delete_requestor(own), Err(ServerRefusal::OwnRecord));
}

// rule: dsp:R-T2T-007
#[test]
fn a_reply_that_cannot_be_queued_is_159() {
    let mut server = tv_server();
    server.receive_one(&request(&requestor("NET/R1", 17, 80, 1), &[]));
    let index = server.index("NET/R1");
    let (unit, _) = server.answer(index, OwnLists::Unapplied, &[]);
    assert_eq!(
        unit.send_failed().text,
        "Failure to send update mail to requestors PCM:NET/R1"
    );
}

// rule: dsp:R-MSG-001
// rule: dec:DEC-065
#[test]
fn replies_go_to_the_mailbox_of_the_record() {
    let mut server = tv_server();
    server.record("NET/R1").mailbox = MailboxName::read(b"SYSTEM1").unwrap().field();
    server.receive_one(&request(&requestor("NET/R1", 17, 80, 1), &[]));
    let index = server.index("NET/R1");
    let (unit, _) = server.answer(index, OwnLists::Unapplied, &[]);
    let message = unit.message.unwrap();
    assert_eq!(message.address().unwrap().to_string(), "PCM:NET/R1/SYSTEM1");
    let Incoming::Reply(reply) = Incoming::read(&message.text(b"").unwrap()) else {
        panic!("a reply");
    };
    assert_eq!(reply.server.party(), Some(server.server.party()));
}

// rule: dsp:R-FILE-003
#[test]
fn the_testkit_speaks_the_real_records() {
    assert_eq!(encode(&[dummy(17)]).len(), 49);
}
