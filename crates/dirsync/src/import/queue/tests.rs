//! The import of what waits.

mod copies;
mod lists;
mod places;
mod random;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::core::base::{Hex8, HexId};
use crate::core::format::counters::{FlagRecord, TidRecord};
use crate::core::format::netpo::{NETPO, NetPoRecord};
use crate::core::format::network::NetworkRecord;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::template::Template;
use crate::core::format::usr::UsrRecord;
use crate::core::format::xtn::{Route, XtnRecord};
use crate::import::rebuild::{RebuildOptions, rebuild};
use crate::import::testtree::*;
use crate::progress::NoProgress;
use crate::tree::disk::mem::MemDisk;
use crate::tree::{Command, ErrorClass};

fn options() -> QueueOptions {
    QueueOptions::at(NOW)
}

fn set_conf(disk: &MemDisk, change: impl FnOnce(&mut ReqConfRecord)) {
    let mut conf = ReqConfRecord::decode(&read(disk, REQCONF).unwrap()).unwrap();
    change(&mut conf);
    put(disk, REQCONF, &conf.encode());
}

/// NET/HQ, registered at NET/SRV, which is reached through NET/HUB.
fn site() -> MemDisk {
    let disk = fresh();
    add_place(&disk, 1, "HUB", 0x0F, Route::Direct);
    let path = "XTN/00000001.XTN";
    let mut bytes = read(&disk, path).unwrap();
    let mut server = XtnRecord::zeroed();
    server.state = 1;
    server.postoffice = field("SRV");
    server.mailbag = Hex8::from_id(HexId(0x10));
    server.route = Route::Indirect.code();
    server.hub_network = field("NET");
    server.hub_postoffice = field("HUB");
    server.hub_mailbag = Hex8::from_id(HexId(0x0F));
    server.phone = field("555-1234");
    bytes.extend(server.encode());
    put(&disk, path, &bytes);
    put_usr(&disk, 0x0F, &[]);
    put_usr(
        &disk,
        0x10,
        &[
            ("able", "able", 11),
            ("Smith", "sm1", 12),
            ("Zola", "zola", 13),
        ],
    );
    put(&disk, "GLB/TID.GLB", &100u32.to_le_bytes());
    set_conf(&disk, |conf| {
        conf.srv_network = field("NET");
        conf.srv_postoffice = field("SRV");
        conf.set(req_options::RECEIVE_TEMPLATES, true);
    });
    disk
}

fn import_with(disk: &MemDisk, texts: &[&str], options: &QueueOptions) -> Imported {
    put(disk, SRVTRANS, &queue(1, texts));
    let mut tree = writer(disk);
    run_queue(&mut tree, options, &info(Command::ImportQueue), &NoProgress)
        .unwrap()
        .0
}

fn import(disk: &MemDisk, texts: &[&str]) -> Imported {
    import_with(disk, texts, &options())
}

fn codes(imported: &Imported) -> Vec<u16> {
    imported
        .problems
        .kept()
        .iter()
        .filter_map(|problem| problem.line.code)
        .collect()
}

fn rows(list: &[(&str, &str, u32)]) -> Vec<(String, String, u32)> {
    list.iter()
        .map(|&(alias, mailbox, tid)| (alias.into(), mailbox.into(), tid))
        .collect()
}

fn lens(disk: &MemDisk) -> Vec<usize> {
    [SRVTRANS, USRTRANS, NMETRANS, GWTRANS]
        .map(|path| read(disk, path).unwrap().len())
        .to_vec()
}

// rule: imp:TV-QUE-1
// rule: imp:R-QUE-001
// rule: pof:R-DSY-002
// rule: dsp:R-T3-005
// rule: dec:DEC-057
// rule: dec:DEC-104
// rule: pof:R-USR-001
// rule: pof:R-LCK-001
// rule: tra:R-TRN-013
#[test]
fn two_additions_make_a_list_of_106_bytes_and_the_queues_are_empty() {
    let disk = site();
    let flag = |disk: &MemDisk| FlagRecord::decode(&read(disk, "GLB/FLAG.GLB").unwrap()).unwrap();
    let (flag_before, conf_before) = (flag(&disk), read(&disk, REQCONF));
    let texts = ["R PCM:N/P", "A One\tPCM:N/P/one", "A Two\tPCM:N/P/two"];
    let imported = import(&disk, &texts);
    assert_eq!((imported.records, imported.counts.added), (3, 2));
    assert_eq!(imported.counts.created, 1);
    assert_eq!(imported.problems.total(), 0, "{:?}", imported.problems);
    assert_eq!(lens(&disk), [0; 4]);
    let networks = read(&disk, "GLB/NETWORK.GLB").unwrap();
    let record = NetworkRecord::decode(&networks[networks.len() - 122..]).unwrap();
    assert_eq!(record.name.text(), b"N");
    let xtn = record.xtn.get().unwrap().unwrap();
    let place = XtnRecord::decode(&read(&disk, &format!("XTN/{xtn}.XTN")).unwrap()).unwrap();
    let stem = place.mailbag.get().unwrap().unwrap();
    assert_eq!(read(&disk, &format!("USR/{stem}.USR")).unwrap().len(), 106);
    assert_eq!(
        usr(&disk, stem.0),
        rows(&[("One", "one", 101), ("Two", "two", 102)])
    );
    let text = log(&disk);
    assert!(
        text.lines()
            .last()
            .unwrap()
            .ends_with("Import is finished."),
        "{text}"
    );
    assert_eq!(flag(&disk), flag_before.bumped());
    // The numbers are not the importer's business.
    assert_eq!(read(&disk, REQCONF), conf_before);
    // Nothing waits: nothing is written.
    let before = disk.snapshot();
    let mut tree = writer(&disk);
    let (again, committed) = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap();
    assert!(committed.is_none() && !again.changed);
    drop(tree);
    assert_eq!(disk.snapshot(), before);
}

// rule: imp:TV-QUE-2
// rule: imp:R-QUE-002
// rule: imp:R-QUE-008
// rule: pof:R-USR-004
// rule: pof:R-PRM-003
// rule: tra:NEED-05
// rule: tra:NEED-15
#[test]
fn a_list_that_cannot_be_replaced_leaves_everything_waiting() {
    let disk = site();
    let texts = ["A New\tPCM:NET/SRV/new", "D able\tPCM:NET/SRV/able"];
    put(&disk, SRVTRANS, &queue(1, &texts));
    // A file with a second name is never written.
    disk.add_hard_link(&p("USR/00000010.USR"), &p("USR/OTHER.USR"))
        .unwrap();
    let (list, waiting) = (read(&disk, "USR/00000010.USR"), read(&disk, SRVTRANS));
    let mut tree = writer(&disk);
    let error = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap_err();
    assert!(error.to_string().contains("00000010.USR"), "{error}");
    drop(tree);
    assert_eq!(read(&disk, "USR/00000010.USR"), list);
    assert_eq!(read(&disk, SRVTRANS), waiting);
    disk_remove(&disk, "USR/OTHER.USR");
    let mut tree = writer(&disk);
    run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap();
    drop(tree);
    assert_eq!(usr(&disk, 0x10)[0], ("New".into(), "new".into(), 101));
    assert_eq!(lens(&disk), [0; 4]);
}

// rule: imp:TV-QUE-3
// rule: dsp:R-FILE-002
// rule: imp:R-IMP-024
// rule: dec:DEC-106
// rule: pof:R-TMP-002
#[test]
fn a_sort_lock_of_another_program_stops_and_ours_is_removed() {
    let disk = site();
    put(&disk, SRVTRANS, &queue(1, &["A New\tPCM:NET/SRV/new"]));
    for content in [&b""[..], b"somebody"] {
        put(&disk, SORTLOCK, content);
        let before = disk.snapshot();
        let error = plan_queue(&view(&disk), &options(), &[], &NoProgress).unwrap_err();
        assert!(error.to_string().contains("[ 45] File error sorting queue"));
        assert_eq!(error.class(), ErrorClass::Busy);
        assert_eq!(disk.snapshot(), before);
    }
    let broken = QueueOptions {
        break_lock: true,
        ..options()
    };
    let plan = plan_queue(&view(&disk), &broken, &[], &NoProgress).unwrap();
    assert!(plan.plan.step(&p(SORTLOCK)).is_some());
    let holder = Holder {
        program: "glb-import queue".into(),
        pid: 7,
        ..Holder::default()
    };
    put(&disk, SORTLOCK, holder.note().as_bytes());
    import(&disk, &["A New\tPCM:NET/SRV/new"]);
    assert_eq!(read(&disk, SORTLOCK), None);
    assert!(log(&disk).contains("SORTLOCK.GLB removed"));
}

// rule: imp:R-QUE-003
// rule: dsp:R-FILE-001
// rule: imp:R-QUE-004
// rule: pof:R-DSY-005
// rule: pof:R-TMP-001
// rule: imp:OQ-14
// rule: dec:DEC-127
#[test]
fn what_a_crash_left_is_done_first_and_cleared_away() {
    let disk = site();
    put(&disk, USRTRANS, &queue(1, &["A Early\tPCM:NET/SRV/early"]));
    put(
        &disk,
        NMETRANS,
        &queue(2, &["D Nobody\tPCM:NET/SRV/nobody"]),
    );
    for path in [
        "GLB/IUSRTRAN.GLB",
        "GLB/SORT0012.GLB",
        "GLB/SORT0013",
        "USR/IMPORT.USR",
    ] {
        put(&disk, path, b"left");
    }
    put(&disk, "GLB/SORTED.GLB", b"not one of them");
    set_conf(&disk, |conf| conf.ptr_usrtrans.set(52));
    // Early again, with another address: the queue of the crash counts first.
    let imported = import(&disk, &["A Early\tPCM:NET/SRV/other"]);
    assert_eq!(codes(&imported), [28]);
    assert_eq!(usr(&disk, 0x10)[1], ("Early".into(), "early".into(), 101));
    assert_eq!(lens(&disk), [0; 4]);
    let conf = ReqConfRecord::decode(&read(&disk, REQCONF).unwrap()).unwrap();
    assert_eq!(conf.ptr_usrtrans.get(), -1);
    for path in [
        "GLB/IUSRTRAN.GLB",
        "GLB/SORT0012.GLB",
        "GLB/SORT0013",
        "USR/IMPORT.USR",
    ] {
        assert_eq!(read(&disk, path), None, "{path}");
    }
    assert!(read(&disk, "GLB/SORTED.GLB").is_some());
    // Pointers alone, with empty queues: reset, without message 45.
    set_conf(&disk, |conf| conf.ptr_srvtrans.set(0));
    let mut tree = writer(&disk);
    let (imported, committed) = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap();
    assert!(committed.is_some() && imported.problems.total() == 0);
}

// rule: imp:R-IMP-022
// rule: dec:DEC-104
// rule: tra:R-ADM-002
// rule: tra:R-ADM-003
// rule: pof:R-LCK-002
#[test]
fn a_held_flag_is_message_91_and_everything_waits() {
    use crate::tree::disk::{Disk as _, LockKind};
    let disk = site();
    put(&disk, SRVTRANS, &queue(1, &["A New\tPCM:NET/SRV/new"]));
    let before = (read(&disk, SRVTRANS), usr(&disk, 0x10));
    let guard = disk
        .try_lock(&p("GLB/FLAG.GLB"), LockKind::Exclusive, false)
        .unwrap();
    let mut tree = writer(&disk);
    let info = info(Command::ImportQueue);
    let error = run_queue(&mut tree, &options(), &info, &NoProgress).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("[ 91] The mail database is locked"),
        "{error}"
    );
    assert_eq!(error.class(), ErrorClass::Busy);
    drop(tree);
    assert_eq!((read(&disk, SRVTRANS), usr(&disk, 0x10)), before);
    let text = log(&disk);
    assert!(
        text.contains("Fatal  [ 91] The mail database is locked by another process:"),
        "{text}"
    );
    assert!(text.contains("FLAG.GLB is locked open."), "{text}");
    assert!(
        text.lines()
            .last()
            .unwrap()
            .ends_with("Import is finished."),
        "{text}"
    );
    drop(guard);
    let mut tree = writer(&disk);
    run_queue(&mut tree, &options(), &info, &NoProgress).unwrap();
    drop(tree);
    assert_eq!(usr(&disk, 0x10).len(), 4);
}

// rule: imp:R-IMP-023
#[test]
fn a_missing_or_empty_flag_has_two_bytes_afterwards() {
    for empty in [false, true] {
        let disk = site();
        disk_remove(&disk, "GLB/FLAG.GLB");
        if empty {
            put(&disk, "GLB/FLAG.GLB", b"");
        }
        import(&disk, &["A New\tPCM:NET/SRV/new"]);
        assert_eq!(read(&disk, "GLB/FLAG.GLB").unwrap().len(), 2);
    }
}

// rule: imp:R-AUT-006
// rule: imp:R-EXC-003
#[test]
fn a_new_name_of_a_postoffice_stands_beside_the_old_one() {
    let disk = site();
    // The new name comes as A: the old entry stays, and so does the old postoffice.
    let imported = import(&disk, &["A able\tPCM:NET/RENAMED/able"]);
    assert_eq!((imported.counts.created, imported.problems.total()), (1, 0));
    assert_eq!(usr(&disk, 0x10)[0], ("able".into(), "able".into(), 11));
    let places = read(&disk, "XTN/00000001.XTN").unwrap();
    let names: Vec<_> = places
        .chunks(698)
        .map(|bytes| XtnRecord::decode(bytes).unwrap().postoffice.to_string_850())
        .collect();
    assert!(names.contains(&"SRV".to_owned()) && names.contains(&"RENAMED".to_owned()));
    let stem = XtnRecord::decode(&places[places.len() - 698..])
        .unwrap()
        .mailbag;
    let stem = stem.get().unwrap().unwrap();
    assert_eq!(usr(&disk, stem.0).len(), 1);
    // Changed display names: the same address twice under two names.
    import(&disk, &["A Able, Andrew\tPCM:NET/SRV/able"]);
    assert_eq!(usr(&disk, 0x10).len(), 4);
}

// rule: imp:R-AUT-007
#[test]
fn bytes_behind_the_last_postoffice_are_cut_when_one_is_added() {
    let disk = site();
    let mut xtn = read(&disk, "XTN/00000001.XTN").unwrap();
    let whole = xtn.len();
    xtn.extend_from_slice(&[0; 223]);
    put(&disk, "XTN/00000001.XTN", &xtn);
    import(&disk, &["A Emmy\tPCM:NET/NOETHER/emmy"]);
    assert_eq!(read(&disk, "XTN/00000001.XTN").unwrap().len(), whole + 698);
}
