//! Gateways that emulate a postoffice, on a postoffice in memory.

use std::sync::Arc;

use crate::core::base::address::Address;
use crate::core::base::ident::MailbagStem;
use crate::core::format::mmff::{Eol, Event, Reader};
use crate::postoffice::PoError;
use crate::postoffice::externals::{self, gateways};
use crate::postoffice::list_error::ListError;
use crate::postoffice::mail::{self, Outgoing, submit};
use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
use crate::tree::disk::mem::MemDisk;
use crate::tree::disk::{Disk, DiskErrorKind};

use super::far::{FarSide, Local, Reply, Request};
use super::gateway::{self, GatewayTotals, Place};
use super::mailer;
use super::testkit::{NOW, edited, options, p, postoffice, read};

const GATEWAY: &str = "GWNET/GWPO";

fn place(disk: &MemDisk) -> Place {
    edited(disk, |edit| {
        gateway::places(edit.view(), &mut |_| {}).unwrap()
    })[0]
}

fn with_gateway() -> (MemDisk, Place) {
    let disk = postoffice("A");
    edited(&disk, |edit| {
        gateways::add(edit, GATEWAY.parse().unwrap(), Eol::CrLf).unwrap()
    });
    let place = place(&disk);
    (disk, place)
}

fn path(place: &Place, folder: gateways::Folder, name: &str) -> String {
    format!("{}/{name}", folder.path(place.mailbag()))
}

fn put(disk: &MemDisk, place: &Place, name: &str, bytes: &[u8]) {
    let path = p(&path(place, gateways::Folder::In, name));
    let _ = disk.unlink(&path);
    disk.add_file(&path, bytes).unwrap();
}

fn files(disk: &MemDisk, place: &Place, folder: gateways::Folder) -> Vec<String> {
    edited(disk, |edit| {
        gateways::files(edit.view(), folder, place.mailbag(), 999).unwrap()
    })
}

fn mailer_request() -> Request {
    Request::Mailer {
        now: NOW.0,
        user: "test".into(),
        limit: 50,
        dry_run: false,
    }
}

/// What delivery does to the tree in one pass.
fn pass(disk: &MemDisk) -> (mailer::MailerTotals, Vec<String>) {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    match Local::new(shared, options())
        .call(mailer_request())
        .unwrap()
    {
        Reply::Mailed {
            totals, problems, ..
        } => (
            totals,
            problems
                .into_iter()
                .map(|p| format!("{} {}", p.id, p.message))
                .collect(),
        ),
        other => panic!("{other:?}"),
    }
}

fn waiting(disk: &MemDisk, stem: MailbagStem) -> Vec<mail::Waiting> {
    edited(disk, |edit| {
        mail::take(edit, stem, 4096, &mut |_| {}).unwrap().waiting
    })
}

fn message(to: &str, text: &str) -> String {
    format!(
        "TO:{to}\r\nFROM:CSI:{GATEWAY}/$SYSTEM\r\nDATE:1994-04-04\r\nTIME:09:12\r\n\
         SUBJECT:Directory Exchange Profile\r\nTEXT:{}\r\n{text}",
        text.len()
    )
}

fn send(disk: &MemDisk, to: &[&str], text: &[u8]) {
    let to: Vec<Address> = to.iter().map(|to| to.parse().unwrap()).collect();
    let message = Outgoing {
        text: text.to_vec(),
        attachments: vec![(b"TMPTRANS.GLB".to_vec(), vec![0, 13, 10, 255])],
        ..Outgoing::new("NET/A/$SYSTEM".parse().unwrap(), to, b"SrvTx", NOW)
    };
    edited(disk, |edit| submit(edit, &message).unwrap());
}

/// Header, text and attachments of the only message of a file.
fn one_message(file: &[u8]) -> (crate::core::format::mmff::Header, Vec<u8>, Vec<u8>) {
    let (mut header, mut text, mut attached) = (None, Vec::new(), Vec::new());
    let mut reader = Reader::new(Some(Eol::CrLf));
    reader
        .feed(file, &mut |event| match event {
            Event::Header(found) => assert!(header.replace(*found).is_none()),
            Event::Text(piece) => text.extend_from_slice(piece),
            Event::Attachment(_, piece) => attached.extend_from_slice(piece),
            Event::End => {}
        })
        .unwrap();
    reader.finish().unwrap();
    (header.unwrap(), text, attached)
}

// rule: exc:R-FFA-002
// rule: tra:R-ADM-051
// rule: tra:R-GWY-001
#[test]
fn only_its_own_command_makes_and_removes_a_gateways_postoffice() {
    let disk = postoffice("A");
    let name = GATEWAY.parse().unwrap();
    // A network that postoffices have is refused: FFAPI 80 (Q96605).
    for taken in ["NET/GWPO", "OTHER/GWPO"] {
        edited(&disk, |edit| {
            let new = externals::NewExternal {
                name: "OTHER/PO".parse().unwrap(),
                via: None,
                path: None,
                autocreated: false,
            };
            if externals::find(edit, &new.name).unwrap().is_none() {
                externals::add(edit, &new).unwrap();
            }
        });
        let error = edited(&disk, |edit| {
            gateways::add(edit, taken.parse().unwrap(), Eol::Cr).unwrap_err()
        });
        assert!(
            error
                .to_string()
                .contains("Bad Gateway Service Type on Create"),
            "{error}"
        );
    }
    edited(&disk, |edit| gateways::add(edit, name, Eol::Cr).unwrap());
    // Several may share one network.
    edited(&disk, |edit| {
        gateways::add(edit, "GWNET/SECOND".parse().unwrap(), Eol::Lf).unwrap()
    });
    let networks = read(&disk, "GLB/NETWORK.GLB").unwrap();
    let at = networks.windows(5).position(|w| w == b"GWNET").unwrap();
    assert_eq!(networks[at - 1], 0x64);
    // The ordinary commands say notice 1 (Q199036).
    let reserved = |error: PoError| {
        let code = match &error {
            PoError::List(ListError::Notice { code, .. }) => *code,
            other => panic!("{other}"),
        };
        assert_eq!(code, 1);
        assert!(
            error.to_string().contains("eserved network name"),
            "{error}"
        );
    };
    let new = externals::NewExternal {
        name: "GWNET/THIRD".parse().unwrap(),
        via: None,
        path: None,
        autocreated: false,
    };
    reserved(edited(&disk, |edit| {
        externals::add(edit, &new).unwrap_err()
    }));
    reserved(edited(&disk, |edit| {
        externals::remove(edit, &name, NOW).unwrap_err()
    }));
    let shown = edited(&disk, |edit| gateways::all(edit).unwrap());
    assert_eq!(shown.len(), 2);
    // Removed only when nothing waits.
    let place = place(&disk);
    put(&disk, &place, "A.MMF", b"x");
    assert!(edited(&disk, |edit| gateways::remove(edit, name, NOW).is_err()));
    disk.unlink(&p(&path(&place, gateways::Folder::In, "A.MMF")))
        .unwrap();
    edited(&disk, |edit| gateways::remove(edit, name, NOW).unwrap());
    assert_eq!(edited(&disk, |edit| gateways::all(edit).unwrap()).len(), 1);
    assert!(read(&disk, "INI/GATEWAYS.INI").unwrap() == b"GWNET/SECOND=lf\r\n");
}

// rule: exc:R-FFA-001
// rule: exc:R-FFA-050
// rule: tra:R-FFA-013
#[test]
fn what_a_gateway_brings_reaches_the_system_mailbag_whole() {
    let (disk, place) = with_gateway();
    let text = "[dirsync]\r\ntask=export\r\n";
    let mut file = message("CSI:NET/A/$SYSTEM", text)
        .replace("TEXT:", "PRIORITY:5\r\nATTACHMENT:TMPTRANS.GLB 4\r\nTEXT:");
    file.push_str("a\r\nb");
    put(&disk, &place, "one.mmf", file.as_bytes());
    let (totals, problems) = pass(&disk);
    assert_eq!(problems, [""; 0]);
    let expected = GatewayTotals {
        brought: 1,
        ..GatewayTotals::default()
    };
    assert_eq!((totals.gateways, totals.system), (expected, 1));
    assert_eq!(files(&disk, &place, gateways::Folder::In), [""; 0]);
    let [one] = &waiting(&disk, MailbagStem::SYSTEM)[..] else {
        panic!("one message");
    };
    assert_eq!(one.mai.from, b"GWNET/GWPO/$SYSTEM");
    assert_eq!(one.mai.text, text.as_bytes());
    assert_eq!(one.mai.subject, b"Directory Exchange Profile");
    assert_eq!(one.mai.attachments[0].name, b"TMPTRANS.GLB");
    let att = crate::core::base::ident::att_path(one.mai.attachments[0].stem);
    assert_eq!(read(&disk, &att).unwrap(), b"a\r\nb");
    // 1994-04-04 09:12 on the tree's clock, which is UTC.
    assert_eq!(one.mai.date, 765_450_720);
    // Nothing more moves, and the same file again is another message.
    assert_eq!(pass(&disk).0.gateways.moved(), 0);
    put(&disk, &place, "one.mmf", file.as_bytes());
    assert_eq!(pass(&disk).0.gateways.brought, 1);
    assert_eq!(waiting(&disk, MailbagStem::SYSTEM).len(), 2);
}

// rule: exc:V-31
// rule: exc:R-FFA-005
// rule: tra:R-FFA-009
#[test]
fn v_31_fifty_of_a_file_go_in_each_run_and_the_rest_waits() {
    let (disk, place) = with_gateway();
    let file: String = (0..130)
        .map(|n| message("NET/A/Admin", &format!("{n}\r\n")))
        .collect();
    put(&disk, &place, "MANY.MMF", file.as_bytes());
    let mut delivered = Vec::new();
    for _ in 0..3 {
        let (totals, problems) = pass(&disk);
        assert_eq!(problems, [""; 0]);
        delivered.push(totals.delivered);
    }
    assert_eq!(delivered, [50, 50, 30]);
    assert!(waiting(&disk, MailbagStem::INQUEUE3).is_empty());
}

#[test]
fn a_message_that_no_mai_can_hold_is_put_aside_and_the_others_go_on() {
    let (disk, place) = with_gateway();
    let long = format!("{}\r\n", "x".repeat(70)).repeat((17 << 20) / 72);
    put(
        &disk,
        &place,
        "A.MMF",
        message("NET/A/Admin", "a\r\n").as_bytes(),
    );
    put(
        &disk,
        &place,
        "B.MMF",
        message("NET/A/Admin", &long).as_bytes(),
    );
    put(
        &disk,
        &place,
        "C.MMF",
        message("NET/A/Admin", "c\r\n").as_bytes(),
    );
    let mut totals = (0, 0);
    for _ in 0..2 {
        let (done, _) = pass(&disk);
        totals.0 += done.delivered;
        totals.1 += done.gateways.refused;
    }
    assert_eq!(totals, (2, 1));
}

// rule: exc:R-FFA-014
// rule: exc:R-FFA-011
// rule: tra:R-FFA-014
#[test]
fn a_file_with_a_fault_is_put_aside_and_the_others_go_on() {
    let (disk, place) = with_gateway();
    let good = message("NET/A/$SYSTEM", "[dirsync]\r\n");
    let bad = [
        (
            "1.MMF",
            message("PCM:NET/A/$SYSTEM", ""),
            "151-1-1 Unknown service PCM",
        ),
        (
            "2.MMF",
            format!("{good}TOO:x\r\n"),
            "141-2-1 Cannot match token TOO (has tail x)",
        ),
        (
            "3.MMF",
            good.replace(GATEWAY, "NET/A"),
            "142-1-0 Bad address.",
        ),
        (
            "4.MMF",
            "TO:NET/A/x\r\nFROM:N/P/x\r\nXTEXT:C:\\A.TXT\r\n".into(),
            "147-1-0 Failure opening text body file C:\\A.TXT.",
        ),
    ];
    for (name, file, _) in &bad {
        put(&disk, &place, name, file.as_bytes());
    }
    put(&disk, &place, "5.MMF", good.as_bytes());
    // Not whole yet, and not meant yet.
    put(&disk, &place, "6.MMF", &good.as_bytes()[..good.len() - 1]);
    put(&disk, &place, "7.TMP", good.as_bytes());
    let (totals, problems) = pass(&disk);
    assert_eq!((totals.gateways.brought, totals.gateways.refused), (1, 4));
    let mut expected = vec!["gateway.waits the file ends inside message 1".to_owned()];
    expected.extend(
        bad.iter()
            .map(|(_, _, said)| format!("gateway.refused {said}")),
    );
    assert_eq!(problems, expected);
    assert_eq!(files(&disk, &place, gateways::Folder::In), ["6.MMF"]);
    let aside = files(&disk, &place, gateways::Folder::Bad);
    assert_eq!(aside.len(), 4);
    for (name, (brought, file, said)) in aside.iter().zip(&bad) {
        let at = path(&place, gateways::Folder::Bad, name);
        assert_eq!(read(&disk, &at).unwrap(), file.as_bytes());
        let errors = String::from_utf8(read(&disk, &at.replace(".MMF", ".ERR")).unwrap()).unwrap();
        assert_eq!(errors.lines().next().unwrap(), *said);
        assert!(errors.contains(brought));
    }
    // Its writer is done.
    put(&disk, &place, "6.MMF", good.as_bytes());
    assert_eq!(pass(&disk).0.gateways.brought, 1);
}

// rule: exc:R-FFA-001
// rule: tra:R-FFA-005
// rule: tra:R-FFA-014
#[test]
fn what_waits_for_a_gateway_is_written_and_leaves_in_one_commit() {
    let (disk, place) = with_gateway();
    send(
        &disk,
        &["GWNET/GWPO/$SYSTEM", "NET/A/Admin"],
        b"[dirsync]\r\ntask=srvtx\r\n",
    );
    let (totals, problems) = pass(&disk);
    assert_eq!(totals.gateways.carried_off, 1, "{totals:?} {problems:?}");
    assert_eq!(problems, [""; 0]);
    let [name] = &files(&disk, &place, gateways::Folder::Out)[..] else {
        panic!("one file")
    };
    let file = read(&disk, &path(&place, gateways::Folder::Out, name)).unwrap();
    assert!(
        file.starts_with(
            b"VERSION:3.00\r\nTO:CSI:GWNET/GWPO/$SYSTEM\r\nFROM:CSI:NET/A/$SYSTEM\r\n"
        )
    );
    let (header, text, attached) = one_message(&file);
    assert_eq!(
        (text.as_slice(), attached.as_slice()),
        (&b"[dirsync]\r\ntask=srvtx\r\n"[..], &[0, 13, 10, 255][..])
    );
    assert_eq!(header.subject, b"SrvTx");
    // The time of its submission (Q85057).
    let written = (header.date.unwrap(), header.time.unwrap());
    assert_eq!(written.0.to_string(), "1994-04-07");
    assert_eq!(written.1.to_string(), "12:13:00");
    assert!(waiting(&disk, MailbagStem::Id(place.mailbag())).is_empty());
    // The message file stays for the one who still has it.
    assert_eq!(
        waiting(
            &disk,
            edited(&disk, |edit| mail::find_mailbag(
                edit.view(),
                "Admin",
                &mut |_| {}
            )
            .unwrap())
        )
        .len(),
        1
    );
    assert_eq!(pass(&disk).0.gateways.moved(), 0);
}

// rule: exc:R-FFA-030
// rule: exc:V-35
#[test]
fn v_35_a_message_to_special_is_swallowed_and_nothing_comes_back() {
    let (disk, place) = with_gateway();
    send(&disk, &["GWNET/GWPO/*SPECIAL"], b"users\r\n");
    send(
        &disk,
        &["GWNET/GWPO/*SPECIAL", "GWNET/GWPO/ANN"],
        b"users\r\n",
    );
    let (totals, problems) = pass(&disk);
    assert_eq!(
        (
            totals.gateways.swallowed,
            totals.gateways.carried_off,
            problems
        ),
        (1, 1, Vec::new())
    );
    let [name] = &files(&disk, &place, gateways::Folder::Out)[..] else {
        panic!("one file")
    };
    let file = read(&disk, &path(&place, gateways::Folder::Out, name)).unwrap();
    let (header, ..) = one_message(&file);
    assert_eq!(header.to.len(), 1);
    assert!(waiting(&disk, MailbagStem::Id(place.mailbag())).is_empty());
    for queue in [
        MailbagStem::INQUEUE,
        MailbagStem::INQUEUE3,
        MailbagStem::SYSTEM,
    ] {
        assert!(waiting(&disk, queue).is_empty());
    }
}

/// With FFAPI the envelope went before the in-queue was updated; when that failed, the next pass said
/// [021] of a message that had arrived (Q136379).
// rule: exc:V-34
#[test]
fn v_34_an_envelope_outlives_a_pass_that_cannot_update_the_in_queue() {
    let (disk, place) = with_gateway();
    put(
        &disk,
        &place,
        "one.mmf",
        message("CSI:NET/A/$SYSTEM", "x").as_bytes(),
    );
    let faults: [fn(u64) -> Fault; 2] = [
        |n| Fault::FailAt(n, DiskErrorKind::PermissionDenied),
        Fault::StopAt,
    ];
    for fault in faults {
        let mut operations = 0;
        loop {
            operations += 1;
            let copy = disk.kill();
            let failing = FaultDisk::new(
                Arc::new(copy.clone()),
                Counting::Mutations,
                Some(fault(operations)),
            );
            let shared: Arc<dyn Disk> = Arc::new(failing.clone());
            let _ = Local::new(shared, options()).call(mailer_request());
            if !failing.fired() {
                break;
            }
            let after = copy.kill();
            let (_, problems) = pass(&after);
            assert_eq!(problems, [""; 0], "{operations}");
            assert_eq!(
                waiting(&after, MailbagStem::SYSTEM).len(),
                1,
                "{operations}"
            );
            assert_eq!(waiting(&after, MailbagStem::INQUEUE).len(), 0);
        }
        assert!(operations > 10, "{operations}");
    }
}

// rule: exc:R-FFA-005
#[test]
fn files_that_wait_keep_none_behind_them_waiting() {
    let (disk, place) = with_gateway();
    let good = message("NET/A/$SYSTEM", "x");
    for n in 0..60 {
        let cut = &good.as_bytes()[..good.len() - 1];
        put(&disk, &place, &format!("A{n:03}.MMF"), cut);
    }
    // Something that cannot be read is no more than a file that waits.
    let odd = p(&path(&place, gateways::Folder::In, "B.MMF"));
    disk.add_special(&odd, crate::tree::disk::EntryKind::Fifo)
        .unwrap();
    put(&disk, &place, "Z.MMF", good.as_bytes());
    let (totals, problems) = pass(&disk);
    assert_eq!(totals.gateways.brought, 1);
    assert_eq!(problems.len(), 61);
    assert!(problems[60].starts_with("file.not-regular"), "{problems:?}");
    // Fifty in a pass.
    for n in 0..60 {
        put(&disk, &place, &format!("A{n:03}.MMF"), good.as_bytes());
    }
    assert_eq!(pass(&disk).0.gateways.brought, 50);
    assert_eq!(pass(&disk).0.gateways.brought, 10);
}

#[test]
fn a_file_without_room_waits_and_a_smaller_one_goes() {
    let (disk, place) = with_gateway();
    let one = message("NET/A/$SYSTEM", "x");
    let many: String = (0..4_000).map(|_| one.as_str()).collect();
    put(&disk, &place, "A.MMF", many.as_bytes());
    assert_eq!(pass(&disk).0.gateways.brought, 4_000);
    // Fifty left the queue: there is room for 146.
    let more: String = (0..200).map(|_| one.as_str()).collect();
    put(&disk, &place, "B.MMF", more.as_bytes());
    put(&disk, &place, "C.MMF", one.as_bytes());
    let (totals, problems) = pass(&disk);
    assert_eq!(totals.gateways.brought, 1);
    assert_eq!(
        problems,
        ["gateway.waits INQUEUE3 has no room for its 200 messages [017]"]
    );
    assert_eq!(files(&disk, &place, gateways::Folder::In), ["B.MMF"]);
    // Fifty leave in each pass: soon there is room for it.
    assert_eq!(pass(&disk).0.gateways.brought, 0);
    assert_eq!(pass(&disk).0.gateways.brought, 200);
}

// rule: exc:R-FFA-001
#[test]
fn a_message_that_cannot_be_written_goes_back_and_those_behind_it_go_on() {
    let (disk, place) = with_gateway();
    for text in ["secret", "plain"] {
        for _ in 0..55 {
            send(&disk, &["GWNET/GWPO/ANN"], text.as_bytes());
        }
    }
    for _ in 0..3 {
        edited(&disk, |edit| {
            mailer::pass(edit, NOW, 50, &mut |_| {}).unwrap()
        });
    }
    // Enciphered by a client (R-MAI-006): nobody can write it as text.
    edited(&disk, |edit| {
        let mailbag = MailbagStem::Id(place.mailbag());
        let waiting = mail::take(edit, mailbag, 4096, &mut |_| {})
            .unwrap()
            .waiting;
        assert_eq!(waiting.len(), 110);
        for one in waiting.into_iter().filter(|one| one.mai.text == b"secret") {
            let stem = one.header.mai.get().unwrap().unwrap();
            let path = crate::core::base::ident::mai_path(stem);
            let mut mai = one.mai;
            mai.from = vec![1, 2, 3];
            edit.write(&path, mai.encode().unwrap()).unwrap();
        }
    });
    let (totals, problems) = pass(&disk);
    assert_eq!(
        (totals.gateways.returned, totals.gateways.carried_off),
        (50, 0)
    );
    assert_eq!(problems.len(), 50);
    assert!(problems[0].starts_with("gateway.returned") && problems[0].contains("enciphered"));
    let (totals, _) = pass(&disk);
    assert_eq!(
        (totals.gateways.returned, totals.gateways.carried_off),
        (5, 45)
    );
    let (totals, problems) = pass(&disk);
    assert_eq!(
        (totals.gateways.returned, totals.gateways.carried_off),
        (0, 10)
    );
    assert_eq!(problems, [""; 0]);
    assert!(waiting(&disk, MailbagStem::Id(place.mailbag())).is_empty());
    // It was system mail: the administrator is told why.
    let told = waiting(&disk, super::testkit::ADMIN);
    assert_eq!(told.len(), 55);
    let text = String::from_utf8_lossy(&told[0].mai.text).into_owned();
    assert!(
        text.contains("[001]") && text.contains("it is enciphered"),
        "{text}"
    );
}

// rule: exc:R-FFA-001
#[test]
fn one_gateway_that_cannot_be_served_stops_nobody_else() {
    let (disk, first) = with_gateway();
    edited(&disk, |edit| {
        gateways::add(edit, "OTHERNET/GW2".parse().unwrap(), Eol::Lf).unwrap()
    });
    let places = edited(&disk, |edit| {
        gateway::places(edit.view(), &mut |_| {}).unwrap()
    });
    let second = *places
        .iter()
        .find(|place| place.mailbag() != first.mailbag())
        .unwrap();
    // The list of the first one's network cannot be read.
    let xtn = edited(&disk, |edit| {
        let networks = edit
            .view()
            .read("GLB/NETWORK.GLB", 1 << 20)
            .unwrap()
            .unwrap();
        let view = crate::core::format::network::NETWORK
            .view(&networks)
            .unwrap();
        let record = view
            .records
            .iter()
            .find(|record| record.name.text() == b"GWNET")
            .unwrap();
        format!("XTN/{}.XTN", record.xtn.get().unwrap().unwrap())
    });
    let kept = read(&disk, &xtn).unwrap();
    disk.unlink(&p(&xtn)).unwrap();
    disk.add_dir(&p(&xtn)).unwrap();
    for place in [&first, &second] {
        let file = message("NET/A/$SYSTEM", "x").replace(GATEWAY, "OTHERNET/GW2");
        put(&disk, place, "ONE.MMF", file.as_bytes());
    }
    super::testkit::know(&disk, "B", None);
    send(&disk, &["NET/A/Admin", "NET/B/Admin"], b"local");
    send(&disk, &["GWNET/GWPO/ANN"], b"waits");
    send(&disk, &["OTHERNET/GW2/ANN"], b"goes");
    let (totals, problems) = pass(&disk);
    assert_eq!(
        (totals.gateways.brought, totals.gateways.carried_off),
        (1, 1)
    );
    assert_eq!((totals.delivered, totals.stuck), (2, 1));
    assert!(
        problems.iter().any(|said| said.contains(&xtn)),
        "{problems:?}"
    );
    let mut said = Vec::new();
    let queues = edited(&disk, |edit| {
        super::waiting::outbound(edit.view(), &mut |finding| said.push(finding)).unwrap()
    });
    assert_eq!((queues.len(), queues[0].via.as_deref()), (1, Some("NET/B")));
    assert_eq!((said.len(), &said[0].file), (1, &xtn));
    // It can be read again, and the folders of the other gateway are no folders.
    disk.rmdir(&p(&xtn)).unwrap();
    disk.add_file(&p(&xtn), &kept).unwrap();
    let taken = p(&gateways::Folder::Taken.path(second.mailbag()));
    disk.rmdir(&taken).unwrap();
    disk.add_file(&taken, b"").unwrap();
    put(
        &disk,
        &second,
        "TWO.MMF",
        message("NET/A/$SYSTEM", "x").as_bytes(),
    );
    send(&disk, &["NET/A/Admin"], b"local");
    let (totals, problems) = pass(&disk);
    assert_eq!(
        (totals.gateways.brought, totals.gateways.carried_off),
        (1, 1)
    );
    assert!(totals.delivered >= 2, "{totals:?}");
    let failed: Vec<&String> = problems
        .iter()
        .filter(|said| said.starts_with("gateway.failed OTHERNET/GW2"))
        .collect();
    assert_eq!(failed.len(), 1, "{problems:?}");
}

#[test]
fn a_gateway_is_removed_only_when_nothing_stands_in_its_folders_or_beside_them() {
    let (disk, place) = with_gateway();
    let name: crate::core::base::PoName = GATEWAY.parse().unwrap();
    let home = gateways::home(place.mailbag());
    let refused = |disk: &MemDisk| {
        edited(disk, |edit| {
            gateways::remove(edit, name, NOW).unwrap_err().to_string()
        })
    };
    for folder in gateways::Folder::ALL {
        let file = p(&path(&place, folder, "X"));
        disk.add_file(&file, b"x").unwrap();
        let said = refused(&disk);
        assert!(said.contains(&folder.path(place.mailbag())), "{said}");
        disk.unlink(&file).unwrap();
    }
    let beside = p(&format!("{home}/README.TXT"));
    disk.add_file(&beside, b"x").unwrap();
    assert!(refused(&disk).contains(&format!("1 files or folders wait in {home}")));
    disk.unlink(&beside).unwrap();
    // One that comes between the look and the end of the commit stays, and so does its folder.
    disk.settle();
    let mut kept = 0;
    for n in 1.. {
        let copy = disk.fork();
        let fault = Some(Fault::StopAt(n));
        let failing = FaultDisk::new(Arc::new(copy.clone()), Counting::Mutations, fault);
        let opened = crate::tree::TreeMut::open(
            Arc::new(failing.clone()),
            super::testkit::DOMAIN,
            &options(),
        );
        let _ = opened.map(|mut tree| {
            let mut edit = crate::postoffice::Edit::new(tree.view());
            gateways::remove(&mut edit, name, NOW).unwrap();
            let plan = edit.finish().unwrap();
            let _ = tree.commit(&plan, &super::testkit::info());
        });
        if !failing.fired() {
            break;
        }
        let after = copy.kill();
        let file = path(&place, gateways::Folder::Out, "NEW.MMF");
        let came = after.add_file(&p(&file), b"new").is_ok();
        let known = edited(&after, |edit| gateways::known(edit.view()).unwrap());
        if came {
            assert_eq!(read(&after, &file).unwrap(), b"new", "{n}");
            kept += u32::from(known.is_empty());
        }
    }
    assert!(kept > 1, "{kept}");
}
