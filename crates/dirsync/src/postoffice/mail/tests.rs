//! Submitting, taking, removing and moving on a postoffice in memory.

use std::sync::Arc;

use crate::core::base::UnixTime;
use crate::core::base::address::Address;
use crate::core::base::ident::{HexId, MailbagStem};
use crate::core::format::fresh::{FreshParams, fresh_postoffice};
use crate::core::format::key::{KEY_LEN_BYTES, MAILBAG_RECORDS_MAX};
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mbg::MbgRecord;
use crate::core::format::p1::P1;
use crate::postoffice::{Edit, PoError};
use crate::tree::disk::mem::MemDisk;
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, Domain, DomainKind, OpenOptions, RelPath, TreeMut, TreeView};

use super::*;

const NOW: UnixTime = UnixTime(765_720_832);

pub(crate) fn postoffice(network: &[u8], name: &[u8]) -> MemDisk {
    let tree = fresh_postoffice(&FreshParams {
        network,
        postoffice: name,
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created: "1994-04-07T09:00:00Z".parse().unwrap(),
        zone: "UTC",
        tree_id: TreeId([7; 16]),
        serial: b"0000-00000",
    })
    .unwrap();
    let disk = MemDisk::new();
    for dir in &tree.directories {
        disk.add_dir(&RelPath::new(dir).unwrap()).unwrap();
    }
    for file in &tree.files {
        let path = RelPath::new(&file.path).unwrap();
        disk.add_file(&path, &file.bytes).unwrap();
    }
    disk.settle();
    disk
}

fn open(disk: &MemDisk) -> TreeMut {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    TreeMut::open(Arc::new(disk.clone()), domain, &OpenOptions::default()).unwrap()
}

fn edited<T>(disk: &MemDisk, change: impl FnOnce(&mut Edit<'_>) -> T) -> T {
    let mut tree = open(disk);
    let (plan, result) = {
        let mut edit = Edit::new(tree.view());
        let result = change(&mut edit);
        (edit.finish().unwrap(), result)
    };
    let info = CommitInfo {
        command: Command::T1,
        user: "test".into(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
    result
}

fn address(text: &str) -> Address {
    Address::parse(text.as_bytes()).unwrap()
}

fn status() -> Outgoing {
    Outgoing {
        text: b"[dirsync]\r\ntask=status\r\nreqname=PCM:NET/R1\r\nversion=3.5\r\n".to_vec(),
        attachments: vec![(b"DSSERVER.LOG".to_vec(), vec![b'x'; 812])],
        ..Outgoing::system(
            address("NET/R1/$SYSTEM"),
            address("NET/SRV/$SYSTEM"),
            b"Status report from NET/R1",
            NOW,
        )
    }
}

fn bytes(disk: &MemDisk, path: &str) -> Option<Vec<u8>> {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    let view = TreeView::open(Arc::new(disk.clone()), domain, &OpenOptions::default()).unwrap();
    view.read(path, 1 << 20).unwrap()
}

// rule: dec:2.14
// rule: tra:R-TRN-005
// rule: pof:R-NAM-007
// rule: pof:R-P1-001
// rule: pof:R-MAI-001
#[test]
fn a_status_message_is_the_published_one_byte_for_byte() {
    let disk = postoffice(b"NET", b"R1");
    let mut control = vec![2, 0, 0, 0];
    control.extend_from_slice(&0x61u32.to_le_bytes());
    disk.add_file(&RelPath::new("GLB/CONTROL.GLB").unwrap(), &control)
        .unwrap();
    let stem = edited(&disk, |edit| submit(edit, &status()).unwrap());
    assert_eq!(stem, HexId(0x62));
    // TV-DEC-2.
    let expected = "4d83000102017f0531200201007f0532200202007f053320020a007f053720020a004c1101020e4e45542f52312f2453595354454d4c1205020f4e45542f5352562f2453595354454d4c19022816021431393934303430372d3132313335322b303030304c1c070219537461747573207265706f72742066726f6d204e45542f52314c1f16091c021a4e45542f52312f30303030303036322d303736353732303833324c24080a217f1f41020c44535345525645522e4c4f470208303030303030363120042c0300004c3c0402395b64697273796e635d0d0a7461736b3d7374617475730d0a7265716e616d653d50434d3a4e45542f52310d0a76657273696f6e3d332e350d0a";
    let found: String = bytes(&disk, "MAI/MA2/00000062.MAI")
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(bytes(&disk, "ATT/AT1/00000061.ATT").unwrap(), [b'x'; 812]);
    let p1 = P1::decode(&bytes(&disk, "P1/00000062.P1").unwrap()).unwrap();
    assert_eq!(p1.stem, stem);
    assert_eq!(p1.recipients, [b"NET/SRV/$SYSTEM".to_vec()]);
    let mbg = bytes(&disk, "MBG/INQUEUE.MBG").unwrap();
    assert_eq!(mbg.len(), 116);
    let key = bytes(&disk, "KEY/INQUEUE.KEY").unwrap();
    assert_eq!(key[..4], [1, 0, 1, 0]);
}

// rule: tra:R-TRN-001
// rule: dec:2.14
#[test]
fn the_same_stem_is_never_given_twice_in_one_second() {
    let disk = postoffice(b"NET", b"R1");
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        edited(&disk, |edit| {
            submit(edit, &status()).unwrap();
            submit(edit, &status()).unwrap();
        });
        // Taken out at once: the files are gone, and their numbers do not come back.
        edited(&disk, |edit| {
            let taken = take(edit, MailbagStem::INQUEUE, 50, &mut |f| panic!("{f:?}")).unwrap();
            assert_eq!(taken.waiting.len(), 2);
            for waiting in &taken.waiting {
                assert!(ids.insert(waiting.mai.message_id.clone()));
            }
            let all: Vec<usize> = taken.waiting.iter().map(|w| w.index).collect();
            remove(edit, MailbagStem::INQUEUE, &all).unwrap();
        });
    }
    assert_eq!(ids.len(), 6);
    assert_eq!(bytes(&disk, "MBG/INQUEUE.MBG").unwrap(), b"");
    assert_eq!(bytes(&disk, "KEY/INQUEUE.KEY").unwrap(), [0; KEY_LEN_BYTES]);
    let left: Vec<String> = disk
        .snapshot()
        .into_keys()
        .filter(|path| path.ends_with(".MAI") || path.ends_with(".ATT"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

// 3.0 removed only the first attachment of a message (Q103421).
// rule: pof:R-ATT-001
#[test]
fn all_attachments_go_with_their_message() {
    let disk = postoffice(b"NET", b"R1");
    let three = ["A.TXT", "EMPTY.BIN", "A.TXT"];
    let message = Outgoing {
        attachments: vec![
            (three[0].as_bytes().to_vec(), b"one".to_vec()),
            (three[1].as_bytes().to_vec(), Vec::new()),
            (three[2].as_bytes().to_vec(), vec![0xFF; 100_000]),
        ],
        ..status()
    };
    let stem = edited(&disk, |edit| submit(edit, &message).unwrap());
    let attachments = |disk: &MemDisk| -> Vec<usize> {
        let files = disk.snapshot().into_keys();
        files
            .filter(|path| path.ends_with(".ATT"))
            .map(|path| bytes(disk, &path).unwrap().len())
            .collect()
    };
    assert_eq!(attachments(&disk), [3, 0, 100_000]);
    edited(&disk, |edit| {
        let taken = take(edit, MailbagStem::INQUEUE, 1, &mut |f| panic!("{f:?}")).unwrap();
        let mai = &taken.waiting[0].mai;
        let stems: std::collections::BTreeSet<HexId> =
            mai.attachments.iter().map(|a| a.stem).collect();
        // Each has a number of its own, given before that of the message.
        assert_eq!(stems.len(), 3);
        assert!(stems.iter().all(|a| a.0 < stem.0));
        remove(edit, MailbagStem::INQUEUE, &[0]).unwrap();
    });
    assert_eq!(attachments(&disk), [0usize; 0]);
}

// rule: tra:R-TRN-004
// rule: pof:R-MBG-008
#[test]
fn a_message_goes_when_the_last_mailbag_lets_it_go() {
    let disk = postoffice(b"NET", b"R1");
    let stem = edited(&disk, |edit| submit(edit, &status()).unwrap());
    edited(&disk, |edit| {
        // As a mailer does: one more record names the message.
        let header = BagEdit::load(edit, MailbagStem::INQUEUE).unwrap().live()[0]
            .1
            .clone();
        BagEdit::load(edit, MailbagStem::SYSTEM)
            .unwrap()
            .append(edit, &[header])
            .unwrap();
        set_references(edit, stem, 2).unwrap();
        remove(edit, MailbagStem::INQUEUE, &[0]).unwrap();
        assert_eq!(references(edit, stem).unwrap(), Some(1));
        // Seen by the same edit.
        let taken = take(edit, MailbagStem::SYSTEM, 1, &mut |f| panic!("{f:?}")).unwrap();
        assert_eq!(taken.waiting[0].mai.counter, 1);
        assert!(taken.waiting[0].attachment(b"dsserver.log").is_some());
    });
    assert!(bytes(&disk, "MAI/MA2/00000002.MAI").is_some());
    edited(&disk, |edit| {
        move_to(edit, MailbagStem::SYSTEM, 0, MailbagStem::Id(HexId(0))).unwrap();
    });
    assert!(bytes(&disk, "MAI/MA2/00000002.MAI").is_some());
    edited(&disk, |edit| {
        remove(edit, MailbagStem::Id(HexId(0)), &[0, 0]).unwrap();
    });
    assert_eq!(bytes(&disk, "MAI/MA2/00000002.MAI"), None);
    assert_eq!(bytes(&disk, "ATT/AT1/00000001.ATT"), None);
}

// rule: dsp:R-BUG-02
#[test]
fn a_doubled_header_never_costs_the_message_that_is_kept() {
    let kept = MailbagStem::Id(HexId(0));
    // The first header is moved, or stays; then the second goes. Or both are moved.
    for way in 0..3 {
        let disk = postoffice(b"NET", b"R1");
        let stem = edited(&disk, |edit| submit(edit, &status()).unwrap());
        edited(&disk, |edit| {
            move_to(edit, MailbagStem::INQUEUE, 0, MailbagStem::SYSTEM).unwrap();
            let mut system = BagEdit::load(edit, MailbagStem::SYSTEM).unwrap();
            let header = system.live()[0].1.clone();
            system.append(edit, &[header]).unwrap();
            assert_eq!(references(edit, stem).unwrap(), Some(1));
        });
        edited(&disk, |edit| {
            if way != 1 {
                move_to(edit, MailbagStem::SYSTEM, 0, kept).unwrap();
            }
            if way == 2 {
                move_to(edit, MailbagStem::SYSTEM, 1, kept).unwrap();
            } else {
                remove_doubled(edit, MailbagStem::SYSTEM, 1, Some(kept)).unwrap();
            }
            assert_eq!(references(edit, stem).unwrap(), Some(1), "{way}");
        });
        edited(&disk, |edit| {
            let last = if way == 1 { MailbagStem::SYSTEM } else { kept };
            remove(edit, last, &[0]).unwrap();
            assert_eq!(references(edit, stem).unwrap(), None, "{way}");
        });
    }
}

// rule: pof:R-MBG-006
// rule: tra:R-QUE-011
#[test]
fn damage_is_reported_and_the_rest_is_taken() {
    let disk = postoffice(b"NET", b"R1");
    for _ in 0..4 {
        edited(&disk, |edit| submit(edit, &status()).unwrap());
    }
    let p = |text: &str| RelPath::new(text).unwrap();
    // Stems 2, 4, 6, 8: one missing, one cut off, one whose header is nonsense.
    let mai = bytes(&disk, "MAI/MA4/00000004.MAI").unwrap();
    disk.add_file(&p("MAI/MA4/00000004.MAI"), &mai[..100])
        .unwrap();
    let mut mbg = bytes(&disk, "MBG/INQUEUE.MBG").unwrap();
    mbg[67..75].copy_from_slice(b"m:\\mai\\x");
    let mbg_path = p("MBG/INQUEUE.MBG");
    disk.add_file(&mbg_path, &mbg).unwrap();
    edited(&disk, |edit| edit.remove("MAI/MA6/00000006.MAI").unwrap());
    edited(&disk, |edit| {
        let mut found = Vec::new();
        let taken = take(edit, MailbagStem::INQUEUE, 50, &mut |f| found.push(f.id)).unwrap();
        assert_eq!((taken.waiting.len(), taken.damaged), (1, 3));
        assert_eq!(taken.waiting[0].index, 3);
        assert_eq!(found, [BAD_HEADER, MESSAGE_DAMAGED, MESSAGE_MISSING]);
    });
    // A torn pair is not touched.
    mbg.push(0);
    disk.add_file(&mbg_path, &mbg).unwrap();
    edited(&disk, |edit| {
        assert!(matches!(
            remove(edit, MailbagStem::INQUEUE, &[3]),
            Err(PoError::MailbagDamaged { .. })
        ));
    });
}

// rule: tra:R-TRN-017
#[test]
fn a_full_queue_refuses() {
    let disk = postoffice(b"NET", b"R1");
    edited(&disk, |edit| {
        let headers: Vec<MbgRecord> = (0..u32::try_from(MAILBAG_RECORDS_MAX).unwrap())
            .map(|n| MbgRecord::new(b"X", b"", HexId(0x1000 + n), 0).unwrap())
            .collect();
        BagEdit::load(edit, MailbagStem::INQUEUE)
            .unwrap()
            .append(edit, &headers)
            .unwrap();
    });
    let mut tree = open(&disk);
    let mut edit = Edit::new(tree.view());
    assert!(matches!(
        submit(&mut edit, &status()),
        Err(PoError::MailbagFull { .. })
    ));
    drop(edit);
    assert!(
        tree.commit(
            &crate::tree::journal::Plan::new(),
            &CommitInfo {
                command: Command::T1,
                user: String::new(),
                now: NOW,
                counts: Vec::new(),
            }
        )
        .unwrap()
        .is_none()
    );
}
