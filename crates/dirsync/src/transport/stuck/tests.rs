//! Returning, clearing and recovering on postoffices in memory.

use crate::core::base::ident::MailbagStem;
use crate::core::format::key::Key;
use crate::insight::check::{CheckOptions, check};
use crate::postoffice::PoError;
use crate::postoffice::mail::BagEdit;
use crate::tree::disk::mem::{MemDisk, Node};

use super::super::testkit::*;
use super::*;

/// A with three messages for B in the outbound mailbag.
fn with_outbound() -> (MemDisk, MailbagStem) {
    let a = postoffice("A");
    let mailbag = know(&a, "B", None);
    for subject in ["one", "two", "three"] {
        send(&a, "NET/A/Admin", &["NET/B/Ann"], subject);
    }
    edited(&a, |edit| {
        super::super::mailer::pass(edit, NOW, 50, &mut |_| {}).unwrap();
    });
    (a, MailbagStem::Id(mailbag))
}

fn files(disk: &MemDisk, part: &str) -> usize {
    disk.snapshot()
        .keys()
        .filter(|path| path.contains(part))
        .count()
}

/// Problems of the whole tree by id.
fn problems(disk: &MemDisk) -> Vec<String> {
    let view =
        crate::tree::TreeView::open(std::sync::Arc::new(disk.clone()), DOMAIN, &options()).unwrap();
    check(&view, &CheckOptions::default(), &mut |_| {})
        .unwrap()
        .found
        .iter()
        .map(|found| found.finding.id.0.to_owned())
        .collect()
}

fn one(index: usize) -> Selection {
    Selection {
        indices: vec![index],
        ..Selection::default()
    }
}

// rule: tra:R-QUE-005
// rule: pof:R-MBG-010
// rule: tra:R-QUE-002
// rule: tra:NEED-08
#[test]
fn returned_mail_tells_its_sender_why_and_takes_its_files_along() {
    let (a, bag) = with_outbound();
    let done = edited(&a, |edit| give_back(edit, bag, &one(1), NOW).unwrap());
    assert_eq!((done.messages, done.reports, done.untold), (1, 1, 0));
    assert_eq!(subjects(&a, bag), ["one", "three"]);
    // The report waits in INQUEUE, and the mailer brings it to the sender.
    edited(&a, |edit| {
        super::super::mailer::pass(edit, NOW, 50, &mut |_| {}).unwrap();
    });
    let log = String::from_utf8(read(&a, "LOG/SYSTEM.LOG").unwrap()).unwrap();
    assert!(log.contains("[001] unable to deliver."), "{log}");
    assert!(log.contains("NET/B/Ann"), "{log}");
    assert_eq!(problems(&a), Vec::<String>::new());
    // A number that is none is no licence to return something else.
    edited(&a, |edit| {
        let error = give_back(edit, bag, &one(77), NOW).unwrap_err();
        assert!(matches!(error, PoError::NoSuchHeader { index: 77, .. }));
    });
}

// rule: tra:R-ERR-008
// rule: pof:R-MAI-007
#[test]
fn a_message_without_its_file_is_returned_with_the_reason() {
    let (a, bag) = with_outbound();
    let stem = edited(&a, |edit| {
        let stem = BagEdit::load(edit, bag).unwrap().live()[0]
            .1
            .mai
            .get()
            .unwrap()
            .unwrap();
        edit.remove(&crate::core::base::ident::mai_path(stem))
            .unwrap();
        stem
    });
    let (letter, _) = edited(&a, |edit| show(edit, bag, 0).unwrap());
    assert_eq!((letter.stem, letter.fault), (Some(stem), Some(16)));
    assert!(letter.envelope.is_some());
    let done = edited(&a, |edit| {
        give_back(edit, bag, &Selection::default(), NOW).unwrap()
    });
    assert_eq!((done.messages, done.reports), (3, 3));
    let log = String::from_utf8(read(&a, "LOG/SYSTEM.LOG").unwrap()).unwrap();
    assert_eq!(log.matches("[016]").count(), 1, "{log}");
    // Only the message named its attachment.
    assert_eq!(problems(&a), ["message.orphan-att"]);
}

// rule: pof:R-MAI-007
#[test]
fn what_is_missing_of_a_message_has_its_published_number() {
    let (a, bag) = with_outbound();
    let stems: Vec<_> = headers(&a, bag).into_iter().map(|(_, stem)| stem).collect();
    let fault = |n: usize| edited(&a, |edit| show(edit, bag, n).unwrap().0.fault);
    assert_eq!([fault(0), fault(1), fault(2)], [None; 3]);
    edited(&a, |edit| {
        edit.remove(&crate::core::base::ident::mai_path(stems[0]))
            .unwrap();
        let corrupt = crate::core::base::ident::mai_path(stems[1]);
        edit.write(&corrupt, b"no element of the standard".to_vec())
            .unwrap();
    });
    let envelopes: Vec<String> = a
        .snapshot()
        .into_keys()
        .filter(|path| path.starts_with(&format!("P1/{}", stems[2])))
        .collect();
    assert_eq!(envelopes.len(), 1);
    edited(&a, |edit| edit.remove(&envelopes[0]).unwrap());
    assert_eq!(
        [fault(0), fault(1), fault(2)],
        [Some(16), Some(12), Some(21)]
    );
    for (code, text) in [
        (
            12,
            "This corrupt message cannot be delivered. Contact your administrator.",
        ),
        (16, "Message was not sent due to missing message file."),
        (21, "Message was not delivered due to missing routing file."),
    ] {
        use crate::core::base::catalogue::{Family, lookup_code};
        assert_eq!(lookup_code(Family::Transport, code).unwrap().text, text);
    }
}

// rule: tra:R-QUE-001
// rule: pof:R-MBG-005
#[test]
fn a_reset_mailbag_is_empty_and_its_mail_is_kept() {
    let (a, bag) = with_outbound();
    let before = a.snapshot();
    let done = edited(&a, |edit| {
        clear(edit, bag, &Selection::default(), NOW).unwrap()
    });
    assert_eq!((done.messages, done.shared, done.damaged), (3, 0, false));
    let folder = done.copy.unwrap();
    assert_eq!(folder, format!("{KEPT}/{bag}.001"));
    // KEY 560 zero bytes, MBG 0 bytes (Q104279); nothing is stranded.
    assert_eq!(read(&a, &bag.key_path()).unwrap(), Key::empty().bytes());
    assert_eq!(read(&a, &bag.mbg_path()).unwrap(), b"");
    assert_eq!(problems(&a), Vec::<String>::new());
    // Message by message the bytes are the same as before.
    for (path, node) in before.iter().filter(|(path, _)| {
        path.ends_with(".MAI") || path.starts_with("P1/0") || path.contains(&bag.to_string())
    }) {
        let name = path.rsplit('/').next().unwrap();
        if name.ends_with(".XTN") || name.ends_with(".USR") {
            continue;
        }
        let Node::File { bytes, .. } = node else {
            continue;
        };
        let kept = read(&a, &format!("{folder}/{name}")).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(&kept, bytes, "{path}");
    }
    // Again: nothing to do, no second copy.
    let again = edited(&a, |edit| {
        clear(edit, bag, &Selection::default(), NOW).unwrap()
    });
    assert_eq!(again, Cleared::default());
}

// rule: tra:TV-QUE-1
// rule: tra:TV-QUE-3
// rule: tra:R-QUE-008
#[test]
fn damaged_pairs_are_reset_too() {
    for len in [0x1230usize, 559, 0] {
        let (a, bag) = with_outbound();
        edited(&a, |edit| {
            edit.write(&bag.key_path(), vec![0; len]).unwrap();
        });
        let refused = edited(&a, |edit| clear(edit, bag, &one(0), NOW).is_err());
        assert!(refused, "{len}");
        let done = edited(&a, |edit| {
            clear(edit, bag, &Selection::default(), NOW).unwrap()
        });
        assert!(done.damaged);
        assert_eq!(done.messages, 3);
        assert_eq!(read(&a, &bag.key_path()).unwrap(), vec![0; 560]);
        assert_eq!(problems(&a), Vec::<String>::new());
    }
    // A missing pair of a system mailbag is made anew (R-QUE-008).
    let a = postoffice("A");
    edited(&a, |edit| {
        edit.remove("KEY/INQUEUE.KEY").unwrap();
        edit.remove("MBG/INQUEUE.MBG").unwrap();
    });
    edited(&a, |edit| {
        clear(edit, MailbagStem::INQUEUE, &Selection::default(), NOW).unwrap()
    });
    assert_eq!(problems(&a), Vec::<String>::new());
}

// rule: tra:R-QUE-006
#[test]
fn stranded_messages_get_their_headers_back() {
    let (a, bag) = with_outbound();
    send(&a, "NET/A/Admin", &["NET/A/Admin"], "local");
    // The recipe by hand: both pairs are reset, messages and envelopes are left behind.
    edited(&a, |edit| {
        for pair in [bag, MailbagStem::INQUEUE] {
            edit.write(&pair.key_path(), vec![0; 560]).unwrap();
            edit.write(&pair.mbg_path(), Vec::new()).unwrap();
        }
    });
    assert_eq!(problems(&a), vec!["message.orphan-mai"; 4]);
    let done = edited(&a, |edit| recover(edit, &mut |_| {}).unwrap());
    assert_eq!((done.envelopes, done.total()), (4, 4));
    assert_eq!(subjects(&a, bag), ["one", "two", "three"]);
    assert_eq!(subjects(&a, MailbagStem::INQUEUE), ["local"]);
    assert_eq!(problems(&a), Vec::<String>::new());
    // Nothing is made twice.
    let again = edited(&a, |edit| recover(edit, &mut |_| {}).unwrap());
    assert_eq!(again.total(), 0);
    // An envelope whose message is gone cannot be helped, and is said.
    edited(&a, |edit| {
        let stem = BagEdit::load(edit, bag).unwrap().live()[0]
            .1
            .mai
            .get()
            .unwrap()
            .unwrap();
        edit.remove(&crate::core::base::ident::mai_path(stem))
            .unwrap();
        edit.write(&bag.key_path(), vec![0; 560]).unwrap();
        edit.write(&bag.mbg_path(), Vec::new()).unwrap();
    });
    let mut said = Vec::new();
    let done = edited(&a, |edit| {
        recover(edit, &mut |finding| said.push(finding.id)).unwrap()
    });
    assert_eq!((done.total(), said), (2, vec![STRANDED]));
}

// Q221963: mail that came from outside goes back to INQUEUE3, and none of it is lost.
// rule: pof:R-MBG-009
// rule: tra:R-QUE-004
#[test]
fn mail_from_outside_comes_back_to_inqueue3() {
    let a = postoffice("A");
    know(&a, "B", None);
    send(&a, "NET/B/Ann", &["NET/A/Admin"], "from outside");
    edited(&a, |edit| {
        for pair in [MailbagStem::INQUEUE, MailbagStem::INQUEUE3] {
            edit.write(&pair.key_path(), vec![0; 560]).unwrap();
            edit.write(&pair.mbg_path(), Vec::new()).unwrap();
        }
    });
    let done = edited(&a, |edit| recover(edit, &mut |_| {}).unwrap());
    assert_eq!((done.envelopes, done.total()), (1, 1));
    assert_eq!(subjects(&a, MailbagStem::INQUEUE3), ["from outside"]);
    edited(&a, |edit| {
        super::super::mailer::pass(edit, NOW, 50, &mut |_| {}).unwrap();
    });
    assert_eq!(subjects(&a, ADMIN), ["from outside"]);
    assert_eq!(files(&a, "P1/0"), 0);
    assert_eq!(problems(&a), Vec::<String>::new());
}

// Q130285: users, external postoffices, SYSTEM and both in-queues.
// rule: tra:R-QUE-003
#[test]
fn every_kind_of_mailbag_can_be_shown_and_reset() {
    let (a, outbound) = with_outbound();
    edited(&a, |edit| {
        for bag in [ADMIN, MailbagStem::SYSTEM, MailbagStem::INQUEUE3] {
            let header = BagEdit::load(edit, outbound).unwrap().live()[0].1.clone();
            BagEdit::load(edit, bag)
                .unwrap()
                .append(edit, &[header])
                .unwrap();
        }
    });
    send(&a, "NET/A/Admin", &["NET/A/Admin"], "submitted");
    for bag in [
        ADMIN,
        outbound,
        MailbagStem::SYSTEM,
        MailbagStem::INQUEUE,
        MailbagStem::INQUEUE3,
    ] {
        let (letter, _) = edited(&a, |edit| show(edit, bag, 0).unwrap());
        assert!(letter.stem.is_some(), "{bag}");
        let cleared = edited(&a, |edit| {
            clear(edit, bag, &Selection::default(), NOW).unwrap()
        });
        assert!(cleared.messages > 0, "{bag}");
        assert!(subjects(&a, bag).is_empty(), "{bag}");
        assert_eq!(read(&a, &bag.key_path()).unwrap(), Key::empty().bytes());
    }
}

// rule: tra:TV-QUE-2
// rule: pof:R-MBG-001
// rule: tra:R-ADM-081
#[test]
fn compress_leaves_the_live_headers() {
    let a = postoffice("A");
    let mailbag = MailbagStem::Id(know(&a, "B", None));
    for n in 0..47 {
        send(&a, "NET/A/Admin", &["NET/B/Ann"], &format!("m{n}"));
    }
    edited(&a, |edit| {
        super::super::mailer::pass(edit, NOW, 50, &mut |_| {}).unwrap();
    });
    assert_eq!(read(&a, &mailbag.mbg_path()).unwrap().len(), 5_452);
    edited(&a, |edit| {
        let gone: Vec<usize> = (0..40).collect();
        crate::postoffice::mail::remove(edit, mailbag, &gone).unwrap();
    });
    assert_eq!(read(&a, &mailbag.mbg_path()).unwrap().len(), 5_452);
    assert_eq!(edited(&a, |edit| compress(edit, mailbag).unwrap()), 40);
    assert_eq!(read(&a, &mailbag.mbg_path()).unwrap().len(), 812);
    assert_eq!(subjects(&a, mailbag)[0], "m40");
    assert_eq!(edited(&a, |edit| compress(edit, mailbag).unwrap()), 0);
}

// rule: tra:R-QUE-012
#[test]
fn a_selection_by_age_and_sender_takes_only_those() {
    let (a, bag) = with_outbound();
    let nobody = Selection {
        sender: Some(b"nobody".to_vec()),
        ..Selection::default()
    };
    let young = Selection {
        before: Some(NOW.0 - 1),
        ..Selection::default()
    };
    for none in [nobody, young] {
        let done = edited(&a, |edit| clear(edit, bag, &none, NOW).unwrap());
        assert_eq!(done, Cleared::default());
    }
    let all = Selection {
        sender: Some(b"ADMIN".to_vec()),
        before: Some(NOW.0 + 60),
        ..Selection::default()
    };
    assert_eq!(
        edited(&a, |edit| clear(edit, bag, &all, NOW).unwrap()).messages,
        3
    );
    assert_eq!(files(&a, ".MAI"), 3);
}
