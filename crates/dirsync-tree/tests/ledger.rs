//! The ledger in commits: a repeat is known for ever after, up to the size of the ring.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use dirsync_core::base::time::UnixTime;
use dirsync_tree::disk::mem::MemDisk;
use dirsync_tree::journal::{CommitInfo, Plan};
use dirsync_tree::ledger::Ledger;
use dirsync_tree::{Command, Domain, DomainKind, OpenOptions, RelPath, TreeMut};

fn tree() -> TreeMut {
    let p = |text: &str| RelPath::new(text).unwrap();
    let disk = MemDisk::new();
    disk.add_dir(&p("GLB")).unwrap();
    disk.add_dir(&p("P1")).unwrap();
    let layout = "layout=dirsync-open\r\nversion=1\r\n\
        tree_id=00112233445566778899aabbccddeeff\r\ncreated=1994-04-07T12:13:52Z\r\nzone=UTC\r\n";
    disk.add_file(&p("GLB/LAYOUT.TXT"), layout.as_bytes())
        .unwrap();
    let options = OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    };
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    TreeMut::open(Arc::new(disk), domain, &options).unwrap()
}

fn commit(tree: &mut TreeMut, ledger: &mut Ledger) {
    let info = CommitInfo {
        command: Command::CheckFix,
        user: "t".into(),
        now: UnixTime(1),
        counts: Vec::new(),
    };
    let mut plan = Plan::new();
    ledger.write_into(&mut plan).unwrap();
    tree.commit(&plan, &info).unwrap();
}

// rule: dec:DEC-070
// rule: dec:2.15
#[test]
fn the_last_16384_messages_are_known() {
    let mut tree = tree();
    let mut ledger = Ledger::load(tree.view()).unwrap();
    for hash in 1..=16_000u64 {
        ledger.add(hash, 5, 7);
    }
    commit(&mut tree, &mut ledger);
    // The same ledger goes on, over the end of the ring; a repeat takes no slot.
    for hash in 15_990..=17_000u64 {
        assert_eq!(ledger.knows(hash), hash <= 16_000);
        ledger.add(hash, 6, 8);
    }
    commit(&mut tree, &mut ledger);
    let again = Ledger::load(tree.view()).unwrap();
    for hash in 1..=17_000u64 {
        assert_eq!(again.knows(hash), hash > 17_000 - 16_384, "{hash}");
    }
    let len = tree.view().stat("P1/RECEIVED.TAG").unwrap().unwrap().len;
    assert_eq!(len, 16 + 16 * 16_384);
}

// rule: dec:2.15
#[test]
fn a_damaged_ledger_stops_receiving() {
    let mut tree = tree();
    let mut plan = Plan::new();
    plan.replace(RelPath::new("P1/RECEIVED.TAG").unwrap(), vec![9; 40])
        .unwrap();
    let info = CommitInfo {
        command: Command::CheckFix,
        user: "t".into(),
        now: UnixTime(1),
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
    let error = Ledger::load(tree.view()).unwrap_err();
    assert!(error.to_string().contains("P1/RECEIVED.TAG"), "{error}");
}
