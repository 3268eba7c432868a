//! T3 and RESYNC.

use super::*;

// rule: dsp:TV-T3-1
// rule: dsp:R-T3-002
// rule: dsp:R-T3-003
#[test]
fn tv_t3_1_a_reply_confirms_and_advances() {
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
// rule: exc:R-IN-004
// rule: dsp:R-ORD-010
// rule: dec:DEC-039
#[test]
fn tv_t3_2_replies_of_a_new_record_are_dropped_and_said_so() {
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
// rule: exc:R-IN-002
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
