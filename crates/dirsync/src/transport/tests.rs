//! Mailer, link and delivery on postoffices in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::core::base::HexId;
use crate::core::base::ident::MailbagStem;
use crate::core::format::FixedRecord as _;
use crate::core::format::mai::Mai;
use crate::core::format::mbg::MbgRecord;
use crate::core::format::p1::P1;
use crate::core::format::xtn::XTN;
use crate::postoffice::mail::{BagEdit, submit};
use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
use crate::tree::disk::mem::{MemDisk, Survival};
use crate::tree::disk::{Disk, EntryKind};

use super::deliver::{DeliverOptions, LinkState, deliver};
use super::far::{FarSide as _, Local, Reply, Request};
use super::testkit::*;

fn options_of(passes: Option<u32>, dry_run: bool) -> DeliverOptions {
    DeliverOptions {
        now: NOW,
        user: "test".into(),
        passes,
        dry_run,
        due: false,
        synchronous_mta: false,
    }
}

fn system_mail(disk: &MemDisk) -> Vec<String> {
    subjects(disk, MailbagStem::SYSTEM)
}

/// A and B know each other.
fn pair() -> (MemDisk, MemDisk, HexId) {
    let (a, b) = (postoffice("A"), postoffice("B"));
    let mailbag = know(&a, "B", None);
    know(&b, "A", None);
    (a, b, mailbag)
}

fn count(disk: &MemDisk, prefix: &str, ending: &str) -> usize {
    disk.snapshot()
        .keys()
        .filter(|path| path.starts_with(prefix) && path.ends_with(ending))
        .count()
}

// rule: tra:R-TRN-020
// rule: dec:DEC-115
// rule: tra:OQ-08
// rule: dec:DEC-064
// rule: std:1
// rule: tra:TV-TRN-1
// rule: tra:R-TRN-006
// rule: pof:R-GLB-010
// rule: pof:R-P1-001
// rule: tra:R-TRN-016
#[test]
fn two_passes_carry_mail_from_t1_to_the_other_side() {
    // TV-TRN-1.
    let (a, b, mailbag) = pair();
    for subject in ["status", "ReqTx"] {
        send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], subject);
    }
    assert_eq!((count(&a, "MAI", ".MAI"), count(&a, "P1/", ".P1")), (2, 2));
    assert_eq!(subjects(&a, MailbagStem::INQUEUE), ["status", "ReqTx"]);
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let report = net.deliver_with(&options_of(Some(1), false));
    assert!(!report.quiet && !report.has_problems(), "{report:#?}");
    assert_eq!(count(&a, "P1/", ".P1"), 0);
    assert!(subjects(&a, MailbagStem::INQUEUE).is_empty());
    assert_eq!(subjects(&a, MailbagStem::Id(mailbag)), ["status", "ReqTx"]);
    assert_eq!(
        (report.links[0].waiting, report.links[0].oldest),
        (2, NOW.0)
    );
    account(&a);
    let report = net.deliver_with(&options_of(Some(1), false));
    assert_eq!((report.links[0].sent, report.links[0].received), (2, 2));
    assert!(subjects(&a, MailbagStem::Id(mailbag)).is_empty());
    assert_eq!(count(&a, "MAI", ".MAI") + count(&a, "ATT", ".ATT"), 0);
    assert_eq!(system_mail(&b), ["status", "ReqTx"]);
    assert_eq!((count(&b, "MAI", ".MAI"), count(&b, "P1/", ".P1")), (2, 0));
    assert!(subjects(&b, MailbagStem::INQUEUE3).is_empty());
    account(&b);
    let report = net.deliver();
    assert!(report.quiet && report.passes == 1, "{report:#?}");
    // The record of B counts them.
    let xtn = XTN
        .view(&read(&a, "XTN/00000001.XTN").unwrap())
        .unwrap()
        .records[0]
        .clone();
    assert_eq!((xtn.sent_month.get(), xtn.stat_month.get()), (2, 199_404));
    for (disk, path, text) in [
        (&a, "LOG/SESSION.LOG", "Sending mail (2)\r\n"),
        (&a, "LOG/SENT.LOG", "NET/A/$SYSTEM"),
        (&b, "LOG/RECV.LOG", "NET/B/$SYSTEM"),
        (
            &b,
            "LOG/SESSION.LOG",
            "Delivering of mail from INQUEUE3 is complete.\r\n",
        ),
    ] {
        let log = String::from_utf8(read(disk, path).unwrap()).unwrap();
        assert!(log.contains(text), "{path}: {log}");
    }
}

// Q130067: the counters are not worth a message.
// rule: tra:R-TRN-016
// rule: pof:R-XTN-004
#[test]
fn counters_that_cannot_be_written_stop_no_mail() {
    let (a, b, mailbag) = pair();
    a.add_hard_link(&p("XTN/00000001.XTN"), &p("XTN/OTHER.BAK"))
        .unwrap();
    let before = read(&a, "XTN/00000001.XTN");
    send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "through");
    let report = Net::of(&[("a", &a), ("b", &b)]).deliver();
    assert!(report.quiet && !report.has_problems(), "{report:#?}");
    assert_eq!(system_mail(&b), ["through"]);
    assert!(subjects(&a, MailbagStem::Id(mailbag)).is_empty());
    assert_eq!(read(&a, "XTN/00000001.XTN"), before);
    let log = String::from_utf8(read(&a, "LOG/SESSION.LOG").unwrap()).unwrap();
    assert!(
        log.contains("Unable to access M:XTN\\00000001.XTN. Check the access rights.\r\n"),
        "{log}"
    );
    assert!(log.contains("Statistics update failed.\r\n"), "{log}");
    account(&a);
    account(&b);
}

// rule: tra:R-TRN-004
// rule: tra:R-TRN-007
// rule: tra:R-TRN-008
// rule: pof:R-MBG-001
// rule: pof:R-MAI-001
#[test]
fn one_file_serves_all_local_recipients() {
    let (a, _, mailbag) = pair();
    let to = [
        "NET/A/Admin",
        "NET/A/$SYSTEM",
        "NET/B/X",
        "NET/B/Y",
        "net/a/ADMIN",
    ];
    let stem = send(&a, "NET/A/Admin", &to, "to all");
    let report = Net::of(&[("a", &a)]).deliver();
    assert_eq!(headers(&a, ADMIN), [("to all".to_owned(), stem)]);
    assert_eq!(
        headers(&a, MailbagStem::SYSTEM),
        [("to all".to_owned(), stem)]
    );
    assert_eq!(
        headers(&a, MailbagStem::Id(mailbag)),
        [("to all".to_owned(), stem)]
    );
    account(&a);
    // One envelope for B, with its two recipients.
    let parts: Vec<String> = a
        .snapshot()
        .into_keys()
        .filter(|path| path.starts_with("P1/0"))
        .collect();
    assert_eq!(parts.len(), 1);
    let part = P1::decode(&read(&a, &parts[0]).unwrap()).unwrap();
    assert_eq!(part.recipients, [b"NET/B/X".to_vec(), b"NET/B/Y".to_vec()]);
    // B is no tree of this site.
    assert_eq!(report.links[0].state, LinkState::Retrying);
    assert!(
        report.links[0]
            .last_error
            .as_deref()
            .unwrap()
            .contains("NET/B")
    );
    assert!(report.has_problems());
    let key = read(&a, "KEY/00000000.KEY").unwrap();
    assert_eq!(key[..4], [1, 0, 1, 0]);
}

// rule: tra:R-RTE-002
// rule: tra:R-TRN-022
// rule: mta:R-Q-025
// rule: tra:R-RTE-001
#[test]
fn mail_goes_through_the_hub_once() {
    let (a, hub, b, c) = (
        postoffice("A"),
        postoffice("HUB"),
        postoffice("B"),
        postoffice("C"),
    );
    let to_hub = know(&a, "HUB", None);
    know(&a, "B", Some(("HUB", to_hub)));
    know(&a, "C", Some(("HUB", to_hub)));
    for other in ["A", "B", "C"] {
        know(&hub, other, None);
    }
    send(
        &a,
        "NET/A/$SYSTEM",
        &["NET/B/$SYSTEM", "NET/C/$SYSTEM"],
        "both",
    );
    let net = Net::of(&[("a", &a), ("b", &b), ("c", &c), ("h", &hub)]);
    let report = net.deliver();
    assert!(report.quiet && !report.has_problems(), "{report:#?}");
    assert_eq!(report.sent(), 3, "once to the hub, then to each");
    for disk in [&b, &c] {
        assert_eq!(system_mail(disk), ["both"]);
        account(disk);
    }
    assert_eq!(count(&hub, "MAI", ".MAI"), 0);
    account(&hub);
    let stem = headers(&b, MailbagStem::SYSTEM)[0].1;
    let mai = crate::core::format::mai::Mai::decode(
        &read(&b, &crate::core::base::ident::mai_path(stem)).unwrap(),
    )
    .unwrap()
    .mai;
    assert_eq!((mai.hops_left, mai.to.len()), (8, 2));
    assert!(mai.message_id.starts_with(b"NET/A/"));
}

// rule: tra:R-RTE-006
// rule: tra:R-RTE-007
#[test]
fn a_loop_ends_and_the_sender_is_told() {
    // A sends to C through B, B sends to C through A.
    let (a, b) = (postoffice("A"), postoffice("B"));
    let ab = know(&a, "B", None);
    know(&a, "C", Some(("B", ab)));
    let ba = know(&b, "A", None);
    know(&b, "C", Some(("A", ba)));
    send(&a, "NET/A/Admin", &["NET/C/X"], "round and round");
    let report = Net::of(&[("a", &a), ("b", &b)]).deliver();
    assert!(report.quiet);
    assert_eq!(subjects(&a, ADMIN), ["Mail failure"]);
    account(&a);
    account(&b);
    let log = String::from_utf8(read(&a, "LOG/SYSTEM.LOG").unwrap()).unwrap();
    assert!(
        log.contains("[004] Message circular route detected.\r\n"),
        "{log}"
    );
    assert!(log.contains("NET/A\r\nNET/B\r\nNET/A\r\n"), "{log}");
}

// rule: tra:R-RTE-007
// rule: exc:R-MSM-016
// rule: exc:V-26
#[test]
fn names_that_begin_alike_make_no_loop() {
    let (one, two) = (postoffice("MEL227TRK"), postoffice("MEL227TRK0"));
    let third = postoffice("MEL227TRK1");
    let hub = know(&one, "MEL227TRK0", None);
    know(&one, "MEL227TRK1", Some(("MEL227TRK0", hub)));
    know(&two, "MEL227TRK1", None);
    send(
        &one,
        "NET/MEL227TRK/$SYSTEM",
        &["NET/MEL227TRK1/$SYSTEM"],
        "x",
    );
    let report = Net::of(&[("1", &one), ("2", &two), ("3", &third)]).deliver();
    assert!(!report.has_problems(), "{report:#?}");
    assert_eq!(system_mail(&third), ["x"]);
}

// NET/X is a postoffice that nobody has defined: its mail does not vanish as behind an Exchange server.
// rule: tra:R-ERR-009
// rule: exc:R-MSM-015
#[test]
fn unknown_recipients_are_reported_and_reports_are_not() {
    let (a, b, _) = pair();
    send(
        &a,
        "NET/A/Admin",
        &["NET/B/NOBODY", "NET/B/Admin", "NET/X/Y"],
        "hello",
    );
    // System mail: the administrator of the place that gave up is told.
    send(
        &a,
        "NET/A/$SYSTEM",
        &["NET/B/$SYSTEM", "NET/B/NOBODY"],
        "ReqTx",
    );
    // A report to nobody.
    send(&b, "NET/B/POSTMASTER", &["NET/A/NOBODY"], "Mail failure");
    let report = Net::of(&[("a", &a), ("b", &b)]).deliver();
    assert!(report.quiet, "{report:#?}");
    assert_eq!(subjects(&a, ADMIN), ["Mail failure", "Mail failure"]);
    assert_eq!(subjects(&b, ADMIN), ["hello", "Mail failure"]);
    assert_eq!(system_mail(&b), ["ReqTx"]);
    for disk in [&a, &b] {
        account(disk);
        assert_eq!(subjects(disk, MailbagStem::INQUEUE).len(), 0);
    }
    let log = |disk| String::from_utf8(read(disk, "LOG/SYSTEM.LOG").unwrap()).unwrap();
    assert_eq!(
        log(&a).matches("Failure queuing diagnostic data").count(),
        1
    );
    assert_eq!(log(&b).matches("[002] Mail was received").count(), 2);
}

// rule: tra:R-TRN-017
// rule: dec:DEC-102
#[test]
fn a_full_mailbag_pushes_back_and_nothing_is_lost() {
    let (a, b, _) = pair();
    let fill = |disk: &MemDisk, stem| {
        edited(disk, |edit| {
            let many: Vec<MbgRecord> = (0..4096u32)
                .map(|n| MbgRecord::new(b"X", b"", HexId(0x00F0_0000 + n), 0).unwrap())
                .collect();
            BagEdit::load(edit, stem)
                .unwrap()
                .append(edit, &many)
                .unwrap();
        });
    };
    fill(&b, ADMIN);
    send(&a, "NET/A/Admin", &["NET/B/Admin", "NET/B/$SYSTEM"], "one");
    let net = Net::of(&[("a", &a), ("b", &b)]);
    for _ in 0..2 {
        let report = net.deliver();
        assert!(report.quiet && report.has_problems());
        assert_eq!(report.postoffices[1].mailer.held, 1);
        assert_eq!(report.postoffices[1].problems.len(), 1);
        assert_eq!(system_mail(&b), ["one"]);
        assert_eq!(subjects(&b, MailbagStem::INQUEUE3), ["one"]);
        let log = String::from_utf8(read(&b, "LOG/SYSTEM.LOG").unwrap()).unwrap();
        assert_eq!(log.matches("[017]").count(), 1, "logged once");
    }
    // In-queue of the receiver full: it stays at the sender.
    fill(&a, MailbagStem::INQUEUE3);
    send(&b, "NET/B/Admin", &["NET/A/Admin"], "two");
    let report = net.deliver();
    assert_eq!(report.links.last().unwrap().waiting, 1);
    assert!(
        report
            .links
            .last()
            .unwrap()
            .last_error
            .as_deref()
            .unwrap()
            .contains("[017]")
    );
    // Room again.
    for (disk, stem) in [(&b, ADMIN), (&a, MailbagStem::INQUEUE3)] {
        edited(disk, |edit| {
            let mut bag = BagEdit::load(edit, stem).unwrap();
            let all: Vec<usize> = bag.live().iter().map(|(index, _)| *index).collect();
            bag.mark_deleted(edit, &all).unwrap();
        });
    }
    let report = net.deliver();
    assert!(!report.has_problems(), "{report:#?}");
    assert_eq!(subjects(&b, ADMIN), ["one"]);
    assert_eq!(subjects(&a, ADMIN), ["two"]);
    account(&a);
    account(&b);
}

// rule: tra:R-TRN-009
// rule: tra:R-TRN-011
// rule: tra:OQ-14
// rule: dec:DEC-114
// rule: pof:R-XTN-006
// rule: tra:R-TRN-010
#[test]
fn at_most_fifty_of_a_queue_and_the_oldest_first() {
    let (a, b, mailbag) = pair();
    let names: Vec<String> = (0..60).map(|n| format!("m{n:02}")).collect();
    for name in &names {
        send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], name);
    }
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let report = net.deliver_with(&options_of(Some(1), false));
    assert!(report.postoffices[0].mailer.more);
    assert_eq!(subjects(&a, MailbagStem::Id(mailbag)), names[..50]);
    net.deliver_with(&options_of(Some(1), false));
    assert_eq!(system_mail(&b), names[..50]);
    net.deliver();
    assert_eq!(system_mail(&b), names);
    account(&b);
}

// rule: dec:DEC-070
// rule: tra:R-QUE-009
#[test]
fn a_repeat_is_dropped_even_when_the_first_copy_was_read() {
    let (a, b, _) = pair();
    send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "once");
    let net = Net::of(&[("a", &a), ("b", &b)]);
    net.deliver_with(&options_of(Some(1), false));
    let before = a.fork();
    net.deliver();
    assert_eq!(system_mail(&b), ["once"]);
    edited(&b, |edit| {
        crate::postoffice::mail::remove(edit, MailbagStem::SYSTEM, &[0]).unwrap();
    });
    // The sender is set back to before it took the message out.
    let report = Net::of(&[("a", &before), ("b", &b)]).deliver();
    let link = &report.links[0];
    assert_eq!((link.sent, link.received, link.repeated), (1, 0, 1));
    assert!(system_mail(&b).is_empty());
    account(&before);
    account(&b);
    // New mail of the restored sender is no repeat: later, under the same stem.
    let later = crate::core::base::UnixTime(NOW.0 + 60);
    let old = pair().0;
    edited(&old, |edit| {
        let message = crate::postoffice::mail::Outgoing::system(
            address("NET/A/$SYSTEM"),
            address("NET/B/$SYSTEM"),
            b"new",
            later,
        );
        crate::postoffice::mail::submit(edit, &message).unwrap();
    });
    Net::of(&[("a", &old), ("b", &b)]).deliver();
    assert_eq!(system_mail(&b), ["new"]);
}

// rule: dsp:R-LOG-001
// rule: tra:R-LCK-010
// rule: pof:R-PRM-003
#[test]
fn a_failing_destination_stops_nobody_else() {
    let a = postoffice("A");
    let mut disks = vec![];
    for name in ["B", "C", "D", "E"] {
        know(&a, name, None);
        let disk = postoffice(name);
        send(&a, "NET/A/$SYSTEM", &[&format!("NET/{name}/$SYSTEM")], name);
        disks.push(disk);
    }
    // B: a FIFO in place of a mailbag. C: no space. D: foreign. E is sound.
    disks[0].unlink(&p("MBG/INQUEUE3.MBG")).unwrap();
    disks[0]
        .add_special(&p("MBG/INQUEUE3.MBG"), EntryKind::Fifo)
        .unwrap();
    disks[1].set_capacity(Some(0));
    disks[2].unlink(&p("GLB/LAYOUT.TXT")).unwrap();
    let net = Net::of(&[
        ("a", &a),
        ("b", &disks[0]),
        ("c", &disks[1]),
        ("d", &disks[2]),
        ("e", &disks[3]),
    ]);
    let report = net.deliver();
    assert!(report.quiet && report.has_problems());
    assert_eq!(system_mail(&disks[3]), ["E"]);
    let states: Vec<(String, LinkState, u64)> = report
        .links
        .iter()
        .map(|link| (link.to.clone(), link.state, link.waiting))
        .collect();
    assert_eq!(
        states,
        [
            ("NET/B".into(), LinkState::Retrying, 1),
            ("NET/C".into(), LinkState::Retrying, 1),
            ("NET/D".into(), LinkState::Retrying, 1),
            ("NET/E".into(), LinkState::Up, 0),
        ]
    );
    let error = |n: usize| report.links[n].last_error.clone().unwrap();
    assert!(error(0).contains("FIFO"), "{}", error(0));
    assert!(
        error(1).contains("free") || error(1).contains("space"),
        "{}",
        error(1)
    );
    assert!(error(2).contains("NET/D"), "{}", error(2));
    // Back again: it catches up.
    disks[0].unlink(&p("MBG/INQUEUE3.MBG")).unwrap();
    disks[0].add_file(&p("MBG/INQUEUE3.MBG"), b"").unwrap();
    disks[1].set_capacity(None);
    let layout = read(&postoffice("D"), "GLB/LAYOUT.TXT").unwrap();
    disks[2].add_file(&p("GLB/LAYOUT.TXT"), &layout).unwrap();
    let report = net.deliver();
    assert!(!report.has_problems(), "{report:#?}");
    for (disk, name) in disks.iter().zip(["B", "C", "D", "E"]) {
        assert_eq!(system_mail(disk), [name]);
        account(disk);
    }
    account(&a);
}

// rule: dec:DEC-122
#[test]
fn special_mail_stays_and_damage_is_named() {
    let (a, _, _) = pair();
    send(&a, "NET/A/Admin", &["NET/A/*SPECIAL"], "list please");
    let damaged = send(&a, "NET/A/Admin", &["NET/A/Admin"], "no envelope");
    send(&a, "NET/A/Admin", &["NET/A/Admin"], "sound");
    edited(&a, |edit| edit.remove(&format!("P1/{damaged}.P1")).unwrap());
    let net = Net::of(&[("a", &a)]);
    let report = net.deliver();
    assert!(report.quiet);
    let mailer = &report.postoffices[0].mailer;
    assert_eq!((mailer.served, mailer.held, mailer.stuck), (1, 1, 1));
    assert_eq!(subjects(&a, ADMIN), ["sound"]);
    assert_eq!(
        subjects(&a, MailbagStem::INQUEUE),
        ["list please", "no envelope"]
    );
    let before = a.snapshot();
    let again = net.deliver();
    assert_eq!(again.postoffices[0].problems.len(), 2);
    let changed: Vec<String> = a
        .snapshot()
        .into_iter()
        .filter(|(path, node)| before.get(path) != Some(node))
        .map(|(path, _)| path)
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
}

// rule: tra:R-ERR-007
// rule: pof:R-NET-005
#[test]
fn a_list_that_cannot_be_read_returns_no_mail() {
    let (a, b, _) = pair();
    let files = ["XTN/00000001.XTN", "GLB/ACCESS2.GLB", "GLB/NETWORK.GLB"];
    let kept: Vec<Vec<u8>> = files.iter().map(|path| read(&a, path).unwrap()).collect();
    for (path, bytes) in files.iter().zip(&kept) {
        a.unlink(&p(path)).unwrap();
        if *path == "GLB/ACCESS2.GLB" {
            a.add_special(&p(path), EntryKind::Fifo).unwrap();
        }
        send(&a, "NET/A/Admin", &["NET/B/$SYSTEM", "NET/A/Admin"], path);
        let report = Net::of(&[("a", &a), ("b", &b)]).deliver();
        assert!(report.has_problems());
        assert_eq!(subjects(&a, MailbagStem::INQUEUE), [*path]);
        let _ = a.unlink(&p(path));
        a.add_file(&p(path), bytes).unwrap();
        let report = Net::of(&[("a", &a), ("b", &b)]).deliver();
        assert!(!report.has_problems(), "{report:#?}");
    }
    assert_eq!(system_mail(&b), files);
    assert_eq!(subjects(&a, ADMIN), files);
    account(&a);
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_the_mailer_does() {
    let (a, b, _) = pair();
    send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "x");
    let before = a.snapshot();
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let report = net.deliver_with(&options_of(None, true));
    assert_eq!(report.postoffices[0].mailer.routed, 1);
    let ops: Vec<&str> = report.postoffices[0]
        .steps
        .iter()
        .map(|step| step.path.as_str())
        .collect();
    assert!(
        ops.contains(&"P1/00000002.P1") && ops.contains(&"MBG/INQUEUE.MBG"),
        "{ops:?}"
    );
    assert_eq!(a.snapshot(), before);
}

#[test]
fn the_same_name_twice_is_refused() {
    let (one, two) = (postoffice("A"), postoffice("A"));
    let net = Net::of(&[("one", &one), ("two", &two)]);
    let paths = vec!["one".to_owned(), "two".to_owned()];
    let error = deliver(
        &paths,
        &net,
        &options_of(None, false),
        &crate::progress::NoProgress,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "one and two are both the postoffice NET/A"
    );
}

// rule: tra:R-TRN-015
// rule: tra:R-ADM-072
// rule: tra:R-FFA-010
#[test]
fn a_group_is_its_local_members_and_a_lost_one_is_named() {
    let (a, _, _) = pair();
    use crate::core::format::access::Access2Record;
    use crate::core::format::group::{GroupRecord, build_mem};
    use crate::core::format::key::Key;
    use crate::core::format::{CpField, Hex8};
    let second = edited(&a, |edit| {
        let mailbag = edit.mailbag().unwrap();
        let mut user = Access2Record::zeroed();
        user.state = 1;
        user.mailbox = CpField::from_bytes(b"Bryan").unwrap();
        user.mailbag = Hex8::from_id(mailbag);
        edit.append("GLB/ACCESS2.GLB", &user.encode()).unwrap();
        edit.create(&format!("KEY/{mailbag}.KEY"), Key::empty().bytes().to_vec())
            .unwrap();
        edit.create(&format!("MBG/{mailbag}.MBG"), vec![]).unwrap();
        for (tid, address) in [(0x50u32, &b"TEAM"[..]), (0x51, b"GONE")] {
            let mut group = GroupRecord::zeroed();
            group.state = 1;
            group.address = CpField::from_bytes(address).unwrap();
            group.tid = tid.into();
            edit.append("GLB/GROUP.GLB", &group.encode()).unwrap();
        }
        let members = [0, mailbag.0, 0x7777];
        edit.create("MEM/00000050.MEM", build_mem(&members).unwrap())
            .unwrap();
        mailbag
    });
    let to = ["NET/A/team", "NET/A/BRYAN", "NET/A/GONE"];
    send(&a, "NET/A/Admin", &to, "to the team");
    Net::of(&[("a", &a)]).deliver();
    assert_eq!(subjects(&a, MailbagStem::Id(second)), ["to the team"]);
    assert_eq!(subjects(&a, ADMIN), ["to the team", "Mail failure"]);
    let log = String::from_utf8(read(&a, "LOG/SYSTEM.LOG").unwrap()).unwrap();
    assert!(
        log.contains("[007] Message addressed to group that no longer exists."),
        "{log}"
    );
    account(&a);
}

// rule: tra:R-ERR-001
#[test]
fn a_message_that_can_be_read_and_not_written_stops_nobody_behind_it() {
    let (a, b, mailbag) = pair();
    let long = "a subject of forty bytes, not one byte mo";
    let bad = send(&a, "NET/A/Admin", &["NET/B/Admin"], &long[..40]);
    send(&a, "NET/A/Admin", &["NET/B/Admin"], "good");
    Net::of(&[("a", &a)]).deliver_with(&options_of(Some(1), false));
    // The message: the receiver refuses it alone.
    let mai = format!("MAI/MA{}/{bad}.MAI", &bad.to_string()[7..]);
    let bytes = read(&a, &mai).unwrap();
    let bytes = with_long_subject(&bytes);
    assert_eq!(Mai::decode(&bytes).unwrap().mai.subject.len(), 41);
    edited(&a, |edit| edit.write(&mai, bytes).unwrap());
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let report = net.deliver();
    assert_eq!(subjects(&b, ADMIN), ["good"]);
    assert_eq!(headers(&a, MailbagStem::Id(mailbag))[0].1, bad);
    let said = format!("{report:?}");
    assert!(said.contains("[012]"), "{said}");
    // An envelope in an in-queue: the mailer passes over it.
    let bad = send(&a, "NET/A/Admin", &["NET/B/Admin"], &long[..40]);
    send(&a, "NET/A/Admin", &["NET/B/Admin"], "better");
    let p1 = format!("P1/{bad}.P1");
    let bytes = with_long_subject(&read(&a, &p1).unwrap());
    assert_eq!(P1::decode(&bytes).unwrap().subject.len(), 41);
    edited(&a, |edit| edit.write(&p1, bytes).unwrap());
    net.deliver();
    assert_eq!(subjects(&b, ADMIN), ["good", "better"]);
    assert!(
        headers(&a, MailbagStem::INQUEUE)
            .iter()
            .any(|(_, stem)| *stem == bad)
    );
}

// rule: tra:R-ERR-007
#[test]
fn all_attachments_of_a_message_share_one_limit() {
    let a = postoffice("A");
    let message = crate::postoffice::mail::Outgoing {
        attachments: vec![(b"A".to_vec(), vec![1; 6]), (b"B".to_vec(), vec![2; 6])],
        ..crate::postoffice::mail::Outgoing::new(
            address("NET/A/Admin"),
            vec![address("NET/A/Admin")],
            b"two",
            NOW,
        )
    };
    let stem = edited(&a, |edit| submit(edit, &message).unwrap());
    let bytes = read(&a, &crate::core::base::ident::mai_path(stem)).unwrap();
    let mai = Mai::decode(&bytes).unwrap().mai;
    let packed = |limit| {
        edited(&a, |edit| {
            let mut parts = vec![vec![0; 4]];
            super::link::attachments_within(edit, &mai, &mut parts, limit).map(|()| parts)
        })
    };
    assert_eq!(packed(16).unwrap(), [vec![0; 4], vec![1; 6], vec![2; 6]]);
    // Each of them alone is small enough.
    let why = packed(15).unwrap_err();
    assert!(why.contains("5"), "{why}");
}

#[test]
fn nonsense_from_the_other_side_is_refused_and_changes_nothing() {
    let b = postoffice("B");
    let mut local = Local::new(Arc::new(b.clone()), options());
    let parcel = super::link::Parcel {
        index: 0,
        stem: 1,
        tag: 0,
        part_count: 3,
        parts: vec![vec![0; 116], b"no envelope".to_vec(), vec![]],
    };
    let reply = local
        .call(Request::Receive {
            from: "NET/A".into(),
            now: NOW.0,
            user: String::new(),
            parcels: vec![parcel],
        })
        .unwrap();
    let Reply::Received { receipts } = reply else {
        panic!("{reply:?}")
    };
    assert!(matches!(receipts[..], [super::link::Receipt::Refused(_)]));
    assert_eq!(count(&b, "MAI", ".MAI"), 0);
    assert!(
        local
            .call(Request::Receive {
                from: "nobody".into(),
                now: 0,
                user: String::new(),
                parcels: vec![],
            })
            .is_err()
    );
}

/// One message of the random run: from which tree to which, over the hub tree 1.
#[derive(Debug, Clone)]
struct Sent {
    from: usize,
    to: Vec<usize>,
}

fn any_sent() -> impl Strategy<Value = Sent> {
    (
        0usize..3,
        proptest::sample::subsequence(vec![0usize, 1, 2], 1..3),
    )
        .prop_map(|(from, to)| Sent { from, to })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]
    // rule: dec:DEC-070
    // rule: tra:R-TRN-007
    // rule: pof:R-GLB-010
    #[test]
    fn whatever_stops_each_message_arrives_exactly_once(
        messages in proptest::collection::vec(any_sent(), 1..6),
        crashes in proptest::collection::vec((0usize..3, 1u64..220, any::<u64>(), any::<bool>()), 0..5),
    ) {
        let names = ["A", "HUB", "B"];
        let mut disks: Vec<MemDisk> = names.iter().map(|name| postoffice(name)).collect();
        // A and B know each other through the hub only.
        for (n, other) in [(0, "B"), (2, "A")] {
            let hub = know(&disks[n], "HUB", None);
            know(&disks[n], other, Some(("HUB", hub)));
        }
        know(&disks[1], "A", None);
        know(&disks[1], "B", None);
        let mut expected: BTreeMap<(usize, String), usize> = BTreeMap::new();
        let mut waves = messages.iter().enumerate();
        let mut crashes = crashes.into_iter();
        loop {
            // One more message, then a run that may crash somewhere.
            let more = waves.next();
            if let Some((n, sent)) = more {
                let subject = format!("m{n}");
                let from = format!("NET/{}/$SYSTEM", names[sent.from]);
                let to: Vec<String> =
                    sent.to.iter().map(|to| format!("NET/{}/$SYSTEM", names[*to])).collect();
                let to: Vec<&str> = to.iter().map(String::as_str).collect();
                send(&disks[sent.from], &from, &to, &subject);
                for to in &sent.to {
                    expected.insert((*to, subject.clone()), 1);
                }
            }
            let crash = crashes.next();
            let mut net = Net::of(&[("0", &disks[0]), ("1", &disks[1]), ("2", &disks[2])]);
            if let Some((which, at, _, tearing)) = crash {
                let fault = if tearing { Fault::StopTearing(at) } else { Fault::StopAt(at) };
                let faulty = FaultDisk::new(
                    Arc::new(disks[which].clone()), Counting::Mutations, Some(fault));
                let faulty: Arc<dyn Disk> = Arc::new(faulty);
                net.disks.insert(which.to_string(), faulty);
            }
            net.deliver();
            if let Some((_, _, seed, _)) = crash {
                // The power goes everywhere.
                for disk in &mut disks {
                    *disk = disk.crash(Survival::Seeded(seed));
                }
            } else if more.is_none() {
                break;
            }
        }
        for (n, disk) in disks.iter().enumerate() {
            account(disk);
            let mut arrived: BTreeMap<(usize, String), usize> = BTreeMap::new();
            for subject in system_mail(disk) {
                *arrived.entry((n, subject)).or_default() += 1;
            }
            let wanted: BTreeMap<(usize, String), usize> = expected
                .iter().filter(|((to, _), _)| *to == n).map(|(k, v)| (k.clone(), *v)).collect();
            prop_assert_eq!(arrived, wanted);
            prop_assert!(subjects(disk, ADMIN).is_empty(), "somebody was told of a failure");
            for queue in [MailbagStem::INQUEUE, MailbagStem::INQUEUE3] {
                prop_assert!(subjects(disk, queue).is_empty());
            }
        }
    }
}
