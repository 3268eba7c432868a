//! What T2 keeps at hand: the same as each message alone, and for less.

use std::sync::Arc;
use std::time::Duration;

use super::AGENT;
use super::agent::take_request;
use super::desk::Desk;
use super::directory::Directory;
use super::tests::custom;
use super::testtree::server;
use crate::core::base::UnixTime;
use crate::core::format::exchange::recipients::{self, Recipient, RecipientReader};
use crate::core::format::srvconf::SrvConfRecord;
use crate::core::format::{CpField, FixedRecord as _};
use crate::core::protocol::record::NewRecord;
use crate::postoffice::Edit;
use crate::tree::disk::Disk;
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, OpenOptions, RelPath, TreeMut, TreeView};

const NOW: UnixTime = UnixTime(857_206_800);

fn open() -> OpenOptions {
    OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    }
}

/// Makes one commit; what it puts into the file of recipients, in bytes.
fn commit(disk: &Arc<dyn Disk>, make: impl FnOnce(&mut Edit<'_>)) -> u64 {
    let mut tree = TreeMut::open(Arc::clone(disk), AGENT, &open()).unwrap();
    let mut edit = Edit::new(tree.view());
    make(&mut edit);
    let plan = edit.finish().unwrap();
    let path = RelPath::new(super::RECIPIENTS).unwrap();
    let bytes = plan.step(&path).map_or(0, |step| step.payload_bytes());
    let info = CommitInfo {
        command: Command::T2,
        user: "test".into(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
    bytes
}

fn request(disk: &Arc<dyn Disk>, desk: &mut Desk, texts: &[String]) -> u64 {
    let mut record = SrvConfRecord::zeroed();
    record.object_name = CpField::from_bytes(b"REQ").unwrap();
    let mut bytes = Vec::new();
    for (number, text) in (1..).zip(texts) {
        let new = NewRecord::transaction(number, NOW, text.clone().into_bytes());
        new.record().encode_into(&mut bytes).unwrap();
    }
    commit(disk, |edit| {
        take_request(edit, desk, &record, &bytes, NOW).unwrap();
    })
}

fn file(disk: &Arc<dyn Disk>) -> Vec<u8> {
    let view = TreeView::open(Arc::clone(disk), AGENT, &open()).unwrap();
    view.read(super::RECIPIENTS, 1 << 30).unwrap().unwrap()
}

fn count(disk: &Arc<dyn Disk>) -> usize {
    let view = TreeView::open(Arc::clone(disk), AGENT, &open()).unwrap();
    Directory::load(&mut Edit::new(&view)).unwrap().len()
}

/// A server whose directory has so many custom recipients of other hands.
fn with_recipients(count: usize) -> Arc<dyn Disk> {
    let disk = server(&"EXCHNET/EXCHPO".parse().unwrap());
    let rows: Vec<Recipient> = (0..count)
        .map(|n| Recipient {
            proxies: vec![format!("MS:EXCHNET/EXCHPO/B{n}")],
            ..custom(&format!("By Hand {n}"), &format!("MS:OLD/PO/B{n}"))
        })
        .collect();
    let bytes = recipients::write(&rows).unwrap();
    commit(&disk, |edit| edit.write(super::RECIPIENTS, bytes).unwrap());
    disk
}

fn person(n: u32) -> String {
    format!("Person {n}\tPCM:NET/PO/P{n}")
}

// rule: exc:O-03
#[test]
fn requests_that_share_a_desk_do_what_each_does_alone() {
    let (shared, alone) = (with_recipients(20), with_recipients(20));
    let mut desk = Desk::default();
    let mut seed = 7u32;
    let mut next = |most: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % most
    };
    for _ in 0..40 {
        let texts: Vec<String> = (0..1 + next(4))
            .flat_map(|_| {
                let (who, other) = (person(next(8)), person(next(8)));
                match next(7) {
                    0..3 => vec![format!("A {who}")],
                    3 => vec![format!("D {who}")],
                    4 => vec![format!("M {who}\r\n  {other}")],
                    // The list again: nobody, somebody, or as it was.
                    5 => vec!["R PCM:NET/PO".to_owned(), format!("A {who}")],
                    _ => std::iter::once("R PCM:NET/PO".to_owned())
                        .chain((0..8).map(|n| format!("A {}", person(n))))
                        .collect(),
                }
            })
            .collect();
        request(&shared, &mut desk, &texts);
        request(&alone, &mut Desk::default(), &texts);
        let bytes = file(&shared);
        assert!(bytes == file(&alone), "{texts:?}");
        // Rows that were put behind others stand as if all had been written.
        let rows: Vec<Recipient> = RecipientReader::new(bytes.as_slice())
            .unwrap()
            .map(|row| row.unwrap().1)
            .collect();
        assert_eq!(recipients::write(&rows).unwrap(), bytes);
    }
}

// rule: exc:O-03
#[test]
fn a_request_costs_what_it_brings() {
    let disk = with_recipients(2_000);
    let whole = file(&disk).len() as u64;
    let mut desk = Desk::default();
    for n in 0..3 {
        let added = request(&disk, &mut desk, &[format!("A {}", person(n))]);
        assert!(added > 0 && added < 400, "{added} of {whole}");
    }
    // A list that comes again as it is writes nothing.
    let again: Vec<String> = std::iter::once("R PCM:NET/PO".to_owned())
        .chain((0..3).map(|n| format!("A {}", person(n))))
        .collect();
    assert_eq!(request(&disk, &mut desk, &again), 0);
    assert_eq!(count(&disk), 2_003);
    // Two steps of one commit see each other.
    commit(&disk, |edit| {
        let mut desk = Desk::default();
        let identity = desk.agent(edit).unwrap().identity.clone();
        let own = "EXCHNET/EXCHPO".parse().unwrap();
        for name in ["Late One", "Late Two"] {
            let mut all = Directory::load(edit).unwrap();
            let new = custom(name, &format!("SMTP:{}@example.com", name.replace(' ', "")));
            all.add(new, &identity, own).unwrap();
            all.save(edit).unwrap();
        }
    });
    assert_eq!(count(&disk), 2_005);
}
