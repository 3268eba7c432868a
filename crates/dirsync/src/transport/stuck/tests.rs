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

// rule: tra:R-QUE-001
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

// rule: tra:TV-QUE-2
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
