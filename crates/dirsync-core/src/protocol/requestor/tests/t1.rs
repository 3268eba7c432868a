//! T1.

use super::*;

// rule: dsp:TV-T1-1
// rule: dsp:R-T1-001
// rule: dsp:R-T1-003
// rule: exc:R-DXA-053
// rule: exc:R-DXA-054
// rule: dsp:R-T1-008
// rule: dsp:R-MSG-002
// rule: dec:DEC-060
// rule: tra:R-TRN-021
#[test]
fn tv_t1_1_t1_sends_what_is_above_q_r() {
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
fn tv_t1_2_t1_with_numbers_below_q_r_sends_nothing() {
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
fn tv_t1_3_t1_of_a_new_requestor() {
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
// rule: pof:R-DSY-008
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
