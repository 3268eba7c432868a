//! What the mailbag may hold, and where answers go.

use super::*;

// rule: dsp:R-T2R-002
// rule: dsp:R-ROLE-004
// rule: dsp:TV-LOG-6
// rule: exc:R-FFA-040
// rule: exc:V-36
#[test]
fn tv_log_6_an_unknown_sender_is_158() {
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

// rule: exc:O-17
// rule: dsp:R-PWD-001
// rule: dsp:R-PWD-002
// rule: dsp:R-PWD-003
// rule: dsp:R-PWD-004
// rule: dsp:TV-PWD-1
// rule: dsp:R-BUG-01
#[test]
fn tv_pwd_1_passwords_are_compared_with_the_senders_record() {
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

// Q201122: what a request leaves out decides what it hears, and the report names it.
// rule: exc:R-FFA-051
#[test]
fn what_a_request_leaves_out_is_answered_and_named() {
    use crate::format::srvconf::ask;
    use crate::protocol::log::REQUEST_INCOMPLETE;
    let mut server = tv_server();
    let said = |unit: &ReceiveUnit| {
        let found = unit.diary.found(REQUEST_INCOMPLETE);
        let line = unit
            .diary
            .lines
            .iter()
            .find(|line| line.text.contains("missing"));
        assert_eq!(found, line.is_some());
        line.map(|line| line.text.clone()).unwrap_or_default()
    };
    let nothing = "[dirsync]\ntask=export\nreqname=PCM:NET/R1\n";
    let unit = server.receive_one(&text_mail(nothing));
    let expected = "TYPES, SRVSEQ, TRANSACTIONS are missing in the request of PCM:NET/R1";
    assert!(said(&unit).starts_with(expected), "{:?}", unit.diary);
    // It is an asker that asked for nothing: it gets the empty reply.
    let (_, record) = unit.record.clone().unwrap();
    assert!(record.asks(ask::WAITING) && record.asks(ask::NO_UPDATES));
    let srvseq = format!("{nothing}types=PCM\nsrvseq=0000000001\n");
    let unit = server.receive_one(&text_mail(&srvseq));
    assert!(said(&unit).starts_with("TRANSACTIONS is missing in the request of"));
    for (text, code, missing) in [
        ("[dirsync]\nreqname=PCM:NET/R1\n", 155, "TASK is missing"),
        ("[dirsync]\ntask=dance\nreqname=PCM:NET/R1\n", 155, ""),
        (
            "[dirsync]\ntask=export\n",
            158,
            "REQNAME with network and postoffice is missing",
        ),
        (
            "[dirsync]\ntask=export\nreqname=PCM:\n",
            158,
            "REQNAME with network and postoffice",
        ),
        ("[dirsync]\ntask=export\nreqname=PCM:NET/R9\n", 158, ""),
    ] {
        let unit = server.receive_one(&text_mail(text));
        assert!(unit.diary.has(code) && unit.record.is_none(), "{text}");
        let line = said(&unit);
        assert!(
            line.starts_with(missing) && line.is_empty() == missing.is_empty(),
            "{line}"
        );
        let others = [136, 139, 155, 156, 158]
            .into_iter()
            .filter(|other| *other != code);
        assert!(others.into_iter().all(|other| !unit.diary.has(other)));
    }
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

// rule: dec:DEC-035
// rule: dsp:TV-MSG-2
// rule: dsp:R-BUG-13
// rule: dsp:R-TPL-002
// rule: exc:V-39
// rule: exc:O-16
#[test]
fn tv_msg_2_a_foreign_import_request_with_a_number_gets_the_updates_after_it() {
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
fn tv_msg_3_a_foreign_export_is_taken_and_confirmed() {
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

// rule: dsp:R-T2R-010
#[test]
fn what_cannot_be_read_at_t2_is_said_as_printed() {
    let lines = |lines: Vec<crate::protocol::log::LogLine>| -> Vec<String> {
        lines
            .iter()
            .map(|line| format!("{:?} {}", line.severity, line.text))
            .collect()
    };
    assert_eq!(
        lines(master_unreadable(true)),
        [
            "Warning Error opening file: MSTTRANS",
            "Fatal Error opening file: MSTTRANS"
        ]
    );
    assert_eq!(
        lines(master_unreadable(false)),
        ["Fatal Possible database corruption detected: MSTTRANS"]
    );
    assert_eq!(
        lines(vec![server_busy()]),
        ["Fatal Server configuration busy"]
    );
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
    let index = server.index("NET/R1");
    let mail = request(&requestor("NET/R1", 17, 80, 1), &[]);
    for (from, mailbox) in [
        ("NET/R1/SYSTEM1", &b"SYSTEM1"[..]),
        ("NET/R2/SYSTEM2", b"SYSTEM1"),
        ("nowhere", b"SYSTEM1"),
        ("NET/R1/$SYSTEM", b"$SYSTEM"),
        ("NET/R1/SYSTEM1", b"SYSTEM1"),
    ] {
        let mut message = mail.t2();
        message.from = from.to_owned();
        let Step::Take(intake) = server.server.open(&message, NOW, NOW).unwrap() else {
            panic!("a request");
        };
        let unit = intake.finish();
        server.server.apply(&unit);
        assert_eq!(server.server.records[index].mailbox.text(), mailbox);
    }
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

// rule: dsp:R-T2R-004
// rule: dsp:R-BUG-07
#[test]
fn the_published_foreign_messages_have_their_numbers() {
    macro_rules! vector {
        ($name:literal) => {
            (
                $name,
                include_str!(concat!("../../../../../../fixtures/import/", $name, ".txt")),
                include_str!(concat!(
                    "../../../../../../fixtures/import/",
                    $name,
                    ".json"
                )),
            )
        };
    }
    for (name, text, table) in [
        vector!("rule-foreign-no-attachment"),
        vector!("rule-foreign-no-section"),
        vector!("rule-foreign-noname"),
        vector!("rule-foreign-unknown-task"),
    ] {
        let mut server = TestServer::new(&["NET/PO"]);
        let unit = server.receive_one(&text_mail(text));
        let table: serde_json::Value = serde_json::from_str(table).unwrap();
        let wanted = table["expected_errors"][0]["code"].as_u64().unwrap();
        let wanted = match wanted {
            // A body without [dirsync] is no profile with a fault but mail of somebody: 154, which
            // keeps it for the administrator.
            124 => 154,
            other => u16::try_from(other).unwrap(),
        };
        assert!(unit.diary.has(wanted), "{name}: {:?}", unit.diary.lines);
        assert_eq!(unit.appended, 0);
    }
}
