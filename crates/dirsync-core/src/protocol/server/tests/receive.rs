//! Taking requests.

use super::*;

// rule: dsp:TV-T2-1
// rule: dsp:R-T2R-006
// rule: dsp:R-T2R-008
// rule: dsp:R-T2T-002
// rule: dsp:R-T2T-003
// rule: dsp:R-T2T-004
// rule: dsp:R-T2T-005
// rule: dsp:R-NUM-003
// rule: dec:DEC-030
// rule: std:4
#[test]
fn tv_t2_1_three_transactions_are_taken_and_left_out_of_the_own_reply() {
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
// rule: std:4
#[test]
fn tv_t2_2_a_doubled_request_is_taken_once_and_answered_once() {
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
fn tv_t2_3_a_bad_record_ends_the_attachment_and_comes_again() {
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
// rule: imp:R-EXC-002
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

// rule: dec:DEC-034
#[test]
fn a_late_first_request_does_no_harm() {
    let mut server = tv_server();
    let first = request(&requestor("NET/R1", 0, 0, 0), &[add(1, "NET/R1", "x")]);
    let unit = server.receive_one(&first);
    assert_eq!(unit.appended, 0);
    assert_eq!(server.numbers("NET/R1"), (17, 80, 2));
}

// rule: dec:DEC-039
// rule: dec:DEC-058
#[test]
fn a_record_made_anew_is_no_proof_of_a_restore_even_when_t2_stops_before_its_reply() {
    let mut server = TestServer::new(&["NET/R1"]);
    server.fill(1, 80, "NET/SRV");
    let mut r1 = requestor("NET/R1", 17, 80, 1);
    r1.conf.last_sent.set(18);
    let entries = [dummy(17), add(18, "NET/R1", "x")];
    server.receive_one(&request(&r1, &entries));
    // No reply was made; the requestor sends the same again.
    server.receive_one(&request(&r1, &entries));
    assert!(!server.diary.found(SERVER_RESTORED));
    // What this server cannot have sent is a proof all the same.
    r1.conf.srv_sync.set(95);
    server.receive_one(&request(&r1, &entries));
    assert!(server.diary.found(SERVER_RESTORED));
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
