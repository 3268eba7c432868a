//! T0 and resets.

use super::*;

// rule: dsp:TV-T0-1
// rule: dsp:R-T0-005
// rule: dsp:R-NUM-002
// rule: dec:DEC-059
#[test]
fn tv_t0_1_an_export_gives_the_published_listing() {
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

// rule: dec:DEC-053
// rule: dsp:R-LDS-001
// rule: dsp:R-REC-007
// rule: dsp:R-BUG-16
// rule: dsp:R-TYP-004
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
