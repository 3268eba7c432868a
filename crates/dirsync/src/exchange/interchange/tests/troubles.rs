//! What the disk does not give, and what of a message is the agent's.

use super::*;

/// The object's file cannot be read: a directory stands in its place.
fn unreadable(disk: &MemDisk, id: ObjectId) -> MemDisk {
    let mut nodes = disk.snapshot();
    nodes.insert(format!("MTADATA/{}", id.file_name()), Node::Dir);
    MemDisk::from_snapshot(&nodes).unwrap()
}

/// The objects of a queue: references, and the data of each.
fn objects(disk: &MemDisk, queue: &str) -> Vec<(ObjectId, ObjectId)> {
    on_queue(disk, queue, |db, ids| {
        let one = |id: ObjectId| match db.object(id.number(), Keep::Nothing).unwrap() {
            mta::store::FileState::Sound(found) => (id, found.header.partner),
            other => panic!("{other:?}"),
        };
        ids.into_iter().map(one).collect()
    })
}

// rule: exc:R-MSM-010
#[test]
fn what_stands_before_an_unreadable_object_is_served() {
    let disk = backlog(4, &[]);
    let all = objects(&disk, "MS MAIL CONNECTOR");
    for broken in [all[2].0, all[2].1] {
        let broken = unreadable(&disk, broken);
        let (done, found) = go(&broken, Options::default());
        assert_eq!((done.outward, done.parked, done.waiting_outward), (2, 0, 2));
        // Nothing overtakes it, and it is told once, however many passes there were.
        assert_eq!(subjects(&broken), ["SrvTx 0", "SrvTx 1"]);
        let kinds: Vec<_> = found.iter().map(|finding| finding.id).collect();
        assert_eq!(kinds, [MTA_DAMAGED], "{found:?}");
        assert_eq!(waiting(&broken), [all[2].0, all[3].0]);
        // The disk gives it again.
        let mut nodes = broken.snapshot();
        for (path, node) in disk.snapshot() {
            if nodes.get(&path) == Some(&Node::Dir) {
                nodes.insert(path, node);
            }
        }
        let mended = MemDisk::from_snapshot(&nodes).unwrap();
        let (done, found) = go(&mended, Options::default());
        assert!(found.is_empty(), "{found:?}");
        assert_eq!((done.outward, done.waiting_outward), (2, 0));
        assert_eq!(
            subjects(&mended),
            ["SrvTx 0", "SrvTx 1", "SrvTx 2", "SrvTx 3"]
        );
        assert_clean(&mended);
    }
}

/// The shadow postoffice gets mail, and its mailer sorts it.
fn shadow_gets(disk: &MemDisk, to: &[&str], subject: &str) {
    let message = Outgoing {
        attachments: vec![(b"REQTRANS.GLB".to_vec(), text(1))],
        system: true,
        ..Outgoing::new(
            address("AVIATION/MALMO/ADMIN"),
            to.iter().map(|to| address(to)).collect(),
            subject.as_bytes(),
            NOW,
        )
    };
    change(&shadow(disk), POSTOFFICE, |edit| {
        submit(edit, &message).unwrap();
    });
    change(&shadow(disk), POSTOFFICE, |edit| {
        crate::transport::mailer::pass(edit, NOW, 50, &mut |found| panic!("{found:?}")).unwrap();
    });
}

// rule: exc:R-MSM-010
#[test]
fn a_hop_that_fails_halfway_keeps_what_it_moved() {
    let disk = server();
    for n in 0..2 {
        let subject = format!("ReqTx {n}");
        shadow_gets(&disk, &["AVIATION/MALMO/$SYSTEM"], &subject);
    }
    go(&disk, until_mta());
    let all = objects(&disk, "MICROSOFT DXA");
    assert_eq!(all.len(), 2);
    let broken = unreadable(&disk, all[1].1);
    let (done, found) = go(&broken, Options::default());
    assert_eq!((done.inward, done.waiting_inward), (1, 1));
    assert_eq!(found.len(), 1, "{found:?}");
    // It counts as moved, so the agent's mailer went on with it.
    let names = |bag| -> Vec<String> {
        let all = in_queue(&shared(&broken), AGENT, bag);
        all.into_iter().map(|(subject, ..)| subject).collect()
    };
    assert_eq!(names(MailbagStem::SYSTEM), ["ReqTx 0"]);
    assert_eq!(names(MailbagStem::INQUEUE3), [""; 0]);
}

// rule: exc:R-MSM-010
// rule: dec:DEC-065
#[test]
fn the_agent_gets_its_own_mail_and_nobody_elses() {
    let disk = server();
    shadow_gets(
        &disk,
        &["AVIATION/MALMO/ADMIN", "AVIATION/MALMO/$SYSTEM"],
        "both",
    );
    shadow_gets(&disk, &["AVIATION/MALMO/SYSTEM1"], "as a requestor");
    let (done, _) = go(&disk, until_mta());
    assert_eq!(done.queued_inward, 2);
    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((done.inward, done.outward, done.queued_outward), (2, 0, 0));
    let system = in_queue(&shared(&disk), AGENT, MailbagStem::SYSTEM);
    let names: Vec<_> = system.iter().map(|(subject, ..)| subject).collect();
    assert_eq!(names, ["both", "as a requestor"]);
    // Nobody was looked for in vain, nobody has a second copy.
    for bag in [MailbagStem::INQUEUE, MailbagStem::Id(HexId(0))] {
        let left = in_queue(&shared(&disk), AGENT, bag);
        assert!(left.is_empty(), "{bag}: {left:?}");
    }
    let own = in_queue(&shadow(&disk), POSTOFFICE, MailbagStem::Id(HexId(0)));
    assert_eq!(own.len(), 1);
}

// rule: dec:2.17
#[test]
fn what_may_leave_the_agent_is_not_too_large_for_its_queue() {
    let disk = server();
    with_route(&disk);
    let file = vec![b'x'; 90_000];
    agent_writes(&disk, 0, file.clone());
    go(&disk, until_mta());
    let all = objects(&disk, "MS MAIL CONNECTOR");
    let object = bytes_of(&disk, &format!("MTADATA/{}", all[0].1.file_name())).len() as u64;
    let parts: u64 = {
        let view = TreeView::open(shared(&disk), mta::DOMAIN, &open()).unwrap();
        let db = Database::open(&view).unwrap();
        let state = db.object(all[0].1.number(), Keep::All).unwrap();
        let mta::store::FileState::Sound(found) = state else {
            panic!("{state:?}");
        };
        let data = crate::core::format::mta::message::Data::from_object(&found).unwrap();
        let own = "AVIATION/MALMO".parse().unwrap();
        match mta::mail::read(&data, own).unwrap() {
            mta::mail::Content::Message(parts) => parts.iter().map(|part| part.len() as u64).sum(),
            other => panic!("{other:?}"),
        }
    };
    assert!(object > parts);
    let limited = |message_bytes| Limits {
        message_bytes,
        ..SMALL
    };
    // The object is larger than the message, and it is the message that counts.
    let small = disk.fork();
    let (done, found) = go_with(&small, Options::default(), limited(parts - 1));
    assert_eq!((done.outward, done.parked), (0, 1));
    assert!(found[0].message.contains(&parts.to_string()), "{found:?}");
    let (done, found) = go_with(&disk, Options::default(), limited(parts));
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((done.outward, done.parked), (1, 0));
    assert_eq!(inqueue3(&disk)[0].2, [file]);
}

// rule: exc:R-MSM-010
#[test]
fn what_is_stuck_is_counted_once_wherever_it_is() {
    let disk = server();
    with_route(&disk);
    for number in 0..3 {
        agent_writes(&disk, number, text(number));
    }
    shadow_gets(&disk, &["AVIATION/MALMO/$SYSTEM"], "no attachment");
    // One in SYSTEM of the shadow postoffice, one in the agent's outbound mailbag.
    let lost = |disk: &Arc<dyn Disk>, domain: crate::tree::Domain, bag: MailbagStem| {
        change(disk, domain, |edit| {
            let bag = BagEdit::load(edit, bag).unwrap();
            let stem = bag.live()[0].1.mai.get().unwrap().unwrap();
            let mai = edit.peek(&mai_path(stem), 1 << 20).unwrap().unwrap();
            let file = Mai::decode(&mai).unwrap().mai.attachments[0].stem;
            edit.remove(&att_path(file)).unwrap();
        });
    };
    lost(&shadow(&disk), POSTOFFICE, MailbagStem::SYSTEM);
    lost(&shared(&disk), AGENT, MailbagStem::INQUEUE);
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.outward, done.stuck), (2, 2), "{found:?}");
    assert_eq!(found.len(), 2, "each is told once: {found:?}");
}
