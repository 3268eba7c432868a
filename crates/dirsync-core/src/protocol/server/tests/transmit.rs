//! Answering.

use super::*;

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

// rule: dsp:TV-ORD-1
// rule: dsp:TV-LOG-8
// rule: dsp:R-ORD-007
// rule: dsp:R-BUG-30
#[test]
fn tv_ord_1_tv_log_8_a_requestor_behind_the_purge_gets_three_lines_and_the_rest() {
    let mut server = TestServer::new(&["Net/PO"]);
    server.fill(1300, 1500, "NET/SRV");
    server.set_numbers("Net/PO", 4, 0, 1);
    let idle = requestor("Net/PO", 4, 0, 1);
    server.receive_one(&request(&idle, &[dummy(4)]));
    let printed: Vec<String> =
        include_str!("../../../../../../fixtures/logs/q108067-dirsync-log-32.txt")
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

// rule: dsp:R-ORD-013
#[test]
fn a_new_proxy_postoffice_above_the_end_is_said_until_the_numbers_pass_it() {
    let mut server = TestServer::new(&["NET/PROXY"]);
    server.fill(1, 10, "NET/SRV");
    // Q109256: the other side counts from before; nothing was lost here, so no restore is claimed.
    let proxy = requestor("NET/PROXY", 3, 22, 1);
    server.record("NET/PROXY").imp_sync.set(1);
    server.receive_one(&request(&proxy, &[dummy(3)]));
    assert!(!server.diary.found(SERVER_RESTORED));
    let (_, mail) = answer_subject(&mut server, "NET/PROXY");
    assert!(mail.attachment.is_none());
    let said: Vec<_> = server
        .diary
        .lines
        .iter()
        .filter(|line| line.code == Some(138))
        .collect();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].text, "Server sync does not exist anymore (22)");
    // Once the master list has passed it, it is served as everybody.
    server.fill(11, 25, "NET/SRV");
    server.receive_one(&request(&proxy, &[dummy(3)]));
    let (_, mail) = answer_subject(&mut server, "NET/PROXY");
    assert_eq!(attached(&mail), [23, 24, 25]);
    assert_eq!(
        codes(&server).iter().filter(|code| **code == 138).count(),
        1
    );
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
fn tv_log_9_an_import_reply_over_the_limit_is_not_sent() {
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
