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
// rule: imp:R-QUE-004
// rule: pof:R-DSY-005
// rule: pof:R-TMP-001
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

// rule: imp:R-TXN-A
// rule: imp:R-TXN-D
// rule: dec:DEC-017
// rule: dec:DEC-018
// rule: imp:R-TXN-A2
#[test]
fn additions_and_deletions_compare_alias_and_address() {
    let disk = site();
    let imported = import(
        &disk,
        &[
            "A ABLE\tpcm:net/srv/ABLE",     // as it is: nothing
            "A able\tPCM:NET/SRV/able2",    // 27
            "A nick\tPCM:NET/SRV/able",     // a second name of the same address
            "A nick\tPCM:NET/SRV/other",    // 28
            "D Smith\tPCM:NET/SRV/sm2",     // 29: another address
            "D smith\tPCM:NET/SRV/SM1",     // goes
            "D Nobody\tPCM:NET/SRV/nobody", // 29
            "D Zola\tPCM:NET/UNKNOWN/zola", // 29: nothing is created for a deletion
        ],
    );
    assert_eq!(codes(&imported), [27, 28, 29, 29, 29]);
    assert_eq!(
        usr(&disk, 0x10),
        rows(&[
            ("able", "able", 11),
            ("nick", "able", 101),
            ("Zola", "zola", 13)
        ])
    );
    let counts = imported.counts;
    assert_eq!(
        (
            counts.added,
            counts.deleted,
            counts.repeated,
            counts.failed,
            counts.created
        ),
        (1, 1, 1, 5, 0)
    );
    let text = log(&disk);
    assert!(
        text.contains("| Warning[ 27] Alias already exists able (SRVTRANS.GLB record 2, offset "),
        "{text}"
    );
    assert!(
        text.contains("| Error  [ 29] Alias does not exist Smith ("),
        "{text}"
    );
}

// rule: imp:R-TXN-M
// rule: imp:R-TXN-M1
// rule: imp:R-TXN-M3
// rule: imp:R-TXN-M4
// rule: imp:R-TXN-M5
// rule: dec:DEC-080
#[test]
fn a_modification_keeps_the_id_and_a_wrong_old_alias_changes_nothing() {
    let disk = site();
    let imported = import(
        &disk,
        &[
            "M able\tPCM:NET/SRV/able\r\n  Bell\tPCM:NET/SRV/bell",
            "M able\tPCM:NET/SRV/able\r\n  Bell\tPCM:NET/SRV/bell", // resent
            "M Fser\tPCM:NET/SRV/fser\r\n  Used to be\tPCM:NET/SRV/fser", // 29
            "M Zola\tPCM:NET/SRV/zola\r\n  Smith\tPCM:NET/SRV/zola", // 27
            "M Zola\tPCM:NET/SRV/zola\r\n  ZOLA\tPCM:NET/SRV/zola",
        ],
    );
    assert_eq!(codes(&imported), [29, 27]);
    assert_eq!(
        usr(&disk, 0x10),
        rows(&[
            ("Bell", "bell", 11),
            ("Smith", "sm1", 12),
            ("ZOLA", "zola", 13)
        ])
    );
    // To another postoffice: out of one list, into the other, with its id.
    let imported = import(
        &disk,
        &["M Smith\tPCM:NET/SRV/sm1\r\n  Smith\tPCM:NET/HUB/smith"],
    );
    assert_eq!(imported.counts.modified, 1);
    assert_eq!(usr(&disk, 0x0F), rows(&[("Smith", "smith", 12)]));
    assert_eq!(usr(&disk, 0x10).len(), 2);
}

// rule: imp:R-TXN-R
// rule: dec:DEC-082
// rule: imp:R-ID-004
// rule: imp:R-ID-001
#[test]
fn a_replace_gives_the_same_entries_their_ids_and_all_others_new_ones() {
    let disk = site();
    let imported = import(
        &disk,
        &[
            "A Early\tPCM:NET/SRV/early",
            "R PCM:NET/SRV",
            "A Zola\tPCM:NET/SRV/zola",
            "A ABLE\tPCM:NET/SRV/able",
            "A Smith\tPCM:NET/SRV/sm2",
            "A Early\tPCM:NET/SRV/early",
        ],
    );
    assert_eq!(codes(&imported), [0u16; 0]);
    assert_eq!(
        usr(&disk, 0x10),
        rows(&[
            ("ABLE", "able", 11),
            ("Early", "early", 101),
            ("Smith", "sm2", 102),
            ("Zola", "zola", 13),
        ])
    );
    let tid = TidRecord::decode(&read(&disk, "GLB/TID.GLB").unwrap()).unwrap();
    assert_eq!(tid.last.get(), 102);
    // A deleted and created name is another one.
    import(
        &disk,
        &["D Zola\tPCM:NET/SRV/zola", "A Zola\tPCM:NET/SRV/zola"],
    );
    assert_eq!(usr(&disk, 0x10)[3].2, 103);
    // R and the same again: the list is not written.
    let list = usr(&disk, 0x10);
    let texts: Vec<String> = std::iter::once("R PCM:NET/SRV".to_owned())
        .chain(
            list.iter()
                .rev()
                .map(|(a, m, _)| format!("A {a}\tPCM:NET/SRV/{m}")),
        )
        .collect();
    put(
        &disk,
        SRVTRANS,
        &queue(1, &texts.iter().map(String::as_str).collect::<Vec<_>>()),
    );
    let plan = plan_queue(&view(&disk), &options(), &[], &NoProgress).unwrap();
    assert!(!plan.imported.lists[0].changed);
    assert!(plan.plan.step(&p("USR/00000010.USR")).is_none());
    assert!(plan.plan.step(&p("GLB/FLAG.GLB")).is_none());
}

// rule: dec:DEC-081
#[test]
fn the_own_postoffice_is_left_alone() {
    let disk = site();
    let pol = read(&disk, "NME/ADMIN.NME");
    let texts = [
        "R PCM:NET/HQ",
        "A Ghost\tpcm:net/hq/ghost",
        "M Ghost\tPCM:NET/HQ/ghost\r\n  G\tPCM:NET/HQ/ghost",
        "# a remark",
    ];
    let imported = import(&disk, &texts);
    assert_eq!((imported.counts.ignored, imported.problems.total()), (3, 0));
    let verbose = QueueOptions {
        verbose: true,
        ..options()
    };
    let imported = import_with(&disk, &texts, &verbose);
    assert_eq!(codes(&imported), [66, 66, 66]);
    assert_eq!(imported.problems.serious(), 0);
    assert_eq!(read(&disk, "NME/ADMIN.NME"), pol);
}

// rule: imp:R-AUT-001
// rule: imp:R-AUT-002
// rule: imp:R-AUT-004
// rule: dec:DEC-089
// rule: dsp:R-AUT-001
// rule: dsp:R-AUT-002
// rule: dsp:R-T3-011
// rule: imp:R-ID-003
#[test]
fn an_unknown_postoffice_is_created_with_the_route_to_the_server() {
    let disk = site();
    add_network(&disk, "SNA", 0x30, Some(0x20), Some(0x21));
    let imported = import(
        &disk,
        &[
            "A One\tPCM:NET/R2/one",
            "A Three\tSNADS:SNA/DGN/three",
            "A Four\tPCM:SNA/X/four",    // 68: the name of a gateway
            "A Five\tSNADS:NOGW/D/five", // 44: no such gateway
            "A Six\tSNADS:NOGW/D/six",   // not said again
        ],
    );
    assert_eq!(codes(&imported), [68, 44]);
    assert_eq!((imported.counts.created, imported.counts.failed), (2, 3));
    let xtn = read(&disk, "XTN/00000001.XTN").unwrap();
    let records: Vec<XtnRecord> = xtn
        .chunks(698)
        .map(|b| XtnRecord::decode(b).unwrap())
        .collect();
    let new = &records[2];
    assert_eq!(new.postoffice.text(), b"R2");
    assert_eq!(new.route(), Some(Route::Indirect));
    assert_eq!(
        (new.hub_network.text(), new.hub_postoffice.text()),
        (&b"NET"[..], &b"HUB"[..])
    );
    assert_eq!(
        (new.hub_mailbag, new.phone),
        (records[1].hub_mailbag, records[1].phone)
    );
    assert_eq!(new.options, XtnRecord::AUTOCREATED);
    assert_eq!(records[0].indirect_count.get(), 1);
    let stem = new.mailbag.get().unwrap().unwrap();
    assert_eq!(read(&disk, &format!("MBG/{stem}.MBG")).unwrap(), b"");
    assert_eq!(
        read(&disk, &format!("KEY/{stem}.KEY")).unwrap(),
        vec![0; 560]
    );
    assert_eq!(usr(&disk, stem.0).len(), 1);
    // A node has a list, but no mailbag: its mail lies in the gateway's.
    let node = XtnRecord::decode(&read(&disk, "XTN/00000020.XTN").unwrap()).unwrap();
    let node = node.mailbag.get().unwrap().unwrap();
    assert_eq!(usr(&disk, node.0).len(), 1);
    assert_eq!(read(&disk, &format!("MBG/{node}.MBG")), None);
    assert_eq!(read(&disk, &format!("KEY/{node}.KEY")), None);
    assert_ne!(node, stem);
    // The next one of the same postoffice finds it.
    assert_eq!(import(&disk, &["A Two\tPCM:net/r2/two"]).counts.created, 0);
    assert_eq!(usr(&disk, stem.0).len(), 2);
}

// rule: dec:DEC-088
// rule: imp:R-AUT-003
// rule: dsp:R-AUT-003
#[test]
fn without_a_known_server_nothing_is_created() {
    let texts = ["A One\tPCM:NET/R2/one"];
    let fails = |disk: &MemDisk| {
        put(disk, SRVTRANS, &queue(1, &texts));
        plan_queue(&view(disk), &options(), &[], &NoProgress).unwrap_err()
    };
    let disk = site();
    set_conf(&disk, |conf| conf.srv_postoffice = field("GONE"));
    let error = fails(&disk);
    assert!(
        error.to_string().contains("[ 55]") && error.hint().is_some(),
        "{error}"
    );
    set_conf(&disk, |conf| conf.srv_network = field(""));
    let error = fails(&disk);
    assert!(error.to_string().contains("[ 54]"), "{error}");
    // On the server itself: a direct route, and message 60.
    set_conf(&disk, |conf| {
        conf.srv_network = field("NET");
        conf.srv_postoffice = field("HQ");
    });
    let imported = import(&disk, &texts);
    assert_eq!(
        (codes(&imported), imported.problems.serious()),
        (vec![60], 0)
    );
    let xtn = read(&disk, "XTN/00000001.XTN").unwrap();
    let record = XtnRecord::decode(&xtn[2 * 698..]).unwrap();
    assert_eq!(record.route(), Some(Route::Direct));
    // The option off: 32 for a postoffice, 31 for a network, once for each.
    set_conf(&disk, |conf| {
        conf.set(req_options::CREATE_POSTOFFICES, false)
    });
    let imported = import(
        &disk,
        &[
            "R PCM:NET/R9",
            "A A\tPCM:NET/R9/a",
            "A B\tPCM:NET/R9/b",
            "A C\tPCM:N9/R9/c",
        ],
    );
    assert_eq!(codes(&imported), [32, 31]);
    assert_eq!(imported.counts.failed, 3);
}

// rule: imp:R-TPL-002
// rule: imp:R-TXN-T
// rule: dsp:R-TPL-001
// rule: dsp:R-TPL-004
// rule: imp:R-TPL-004
#[test]
fn template_data_is_written_once_and_does_not_grow() {
    let disk = site();
    let template = "T PCM:NET/SRV\r\n Phone:~10~8~NP~~\r\n City/ST:~10~5~A~NY~";
    let add = "A able\tPCM:NET/SRV/able\r\n- Phone:/555\r\n- Fax:/1";
    let imported = import(&disk, &[template, add]);
    assert_eq!(codes(&imported), [37]);
    let tpl = Template::parse(&read(&disk, "TPL/00000010.TPL").unwrap()).unwrap();
    assert_eq!(tpl.fields.len(), 2);
    let list = |disk: &MemDisk| -> Vec<UsrRecord> {
        read(disk, "USR/00000010.USR")
            .unwrap()
            .chunks(53)
            .map(|bytes| UsrRecord::decode(bytes).unwrap())
            .collect()
    };
    let values = |disk: &MemDisk, at: usize| -> Vec<Vec<u8>> {
        let inf = read(disk, "INF/00000010.INF").unwrap();
        let index = list(disk)[at].inf_index().unwrap() as usize;
        let len = tpl.record_len_bytes();
        let record = &inf[index * len..(index + 1) * len];
        tpl.record_values(record)
            .unwrap()
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect()
    };
    assert_eq!(values(&disk, 0), [b"555".to_vec(), b"NY".to_vec()]);
    assert_eq!(list(&disk)[1].inf_index(), None);
    // The same again changes nothing; a second entry takes the next record; fields that a
    // modification does not name get their defaults (Q107754).
    import(&disk, &[add]);
    assert_eq!(
        read(&disk, "INF/00000010.INF").unwrap().len(),
        tpl.record_len_bytes()
    );
    let zola = "M Zola\tPCM:NET/SRV/zola\r\n- City//ST:/Boston";
    import(&disk, &[zola, "M able\tPCM:NET/SRV/able\r\n- City//ST:/LA"]);
    assert_eq!(values(&disk, 2), [b"".to_vec(), b"Bosto".to_vec()]);
    assert_eq!(values(&disk, 0), [b"".to_vec(), b"LA".to_vec()]);
    // An entry that goes makes room for the next one.
    let len = read(&disk, "INF/00000010.INF").unwrap().len();
    import(
        &disk,
        &[
            "D able\tPCM:NET/SRV/able",
            "A New\tPCM:NET/SRV/new\r\n- Phone:/1",
        ],
    );
    assert_eq!(read(&disk, "INF/00000010.INF").unwrap().len(), len);
    // A new template takes all data away (Q125920).
    import(&disk, &["T PCM:NET/SRV\r\n Room:~10~8~NP~~"]);
    assert_eq!(read(&disk, "INF/00000010.INF").unwrap(), b"");
    assert!(
        list(&disk)
            .iter()
            .all(|record| record.inf_index().is_none())
    );
    // Without a template: 65; without the option: 73; once for a list.
    let imported = import(
        &disk,
        &[
            "A H\tPCM:NET/HUB/h\r\n- X:/1",
            "A I\tPCM:NET/HUB/i\r\n- X:/1",
        ],
    );
    assert_eq!(codes(&imported), [65]);
    set_conf(&disk, |conf| {
        conf.set(req_options::RECEIVE_TEMPLATES, false)
    });
    let imported = import(&disk, &[template, "A J\tPCM:NET/SRV/j\r\n- Phone:/1"]);
    assert_eq!(codes(&imported), [73, 73]);
    assert_eq!(imported.counts.added, 1);
}

// rule: imp:R-ADR-001
// rule: dsp:R-TYP-003
// rule: imp:R-ID-004
#[test]
fn a_gateway_list_keeps_ids_and_places_of_its_addresses() {
    let disk = site();
    let imported = import(&disk, &["A Paul\tSMTP:paul@example.com", "A X\tSMTP:x@y"]);
    assert_eq!((codes(&imported), imported.counts.failed), (vec![44], 2));
    add_network(&disk, "SMTP", 0x20, None, Some(0x30));
    import(
        &disk,
        &[
            "A Paul\tSMTP:paul@example.com",
            "A Anna\tSMTP:anna@example.com",
            "A Gone\tSMTP:g@x",
        ],
    );
    let show = |disk: &MemDisk| -> Vec<(String, String, u32, u32)> {
        let addresses = read(disk, "GLB/SMTP.GLB").unwrap();
        nme(disk, "NME/SMTP.NME")
            .iter()
            .map(|record| {
                assert_eq!(
                    (record.kind, record.address_type, record.hexid.get()),
                    (3, 16, 0x30)
                );
                let list = crate::core::format::gateway_list::GatewayList::new(&addresses).unwrap();
                let entry = list.at_offset(record.pointer.get()).unwrap();
                assert!(entry.is_live());
                (
                    record.alias.to_string_850(),
                    String::from_utf8(entry.address.to_vec()).unwrap(),
                    record.tid.get(),
                    record.pointer.get(),
                )
            })
            .collect()
    };
    let before = show(&disk);
    assert_eq!(before.len(), 3);
    let len = read(&disk, "GLB/SMTP.GLB").unwrap().len();
    // The same list again, less one: nothing grows, ids and places stay.
    let imported = import(
        &disk,
        &[
            "R SMTP:",
            "A Anna\tSMTP:anna@example.com",
            "A Paul\tSMTP:PAUL@example.com",
        ],
    );
    assert_eq!(imported.lists[0].removed, 1);
    let after = show(&disk);
    assert_eq!(after, [before[0].clone(), before[2].clone()]);
    assert_eq!(read(&disk, "GLB/SMTP.GLB").unwrap().len(), len);
    let addresses = read(&disk, "GLB/SMTP.GLB").unwrap();
    assert_eq!(addresses[before[1].3 as usize], 0);
    // A new address of the same name.
    import(
        &disk,
        &["M Paul\tSMTP:paul@example.com\r\n  Paul\tSMTP:p@new"],
    );
    let after = show(&disk);
    assert_eq!((after[1].1.as_str(), after[1].2), ("p@new", before[2].2));
    let imported = import(
        &disk,
        &["D Paul\tSMTP:paul@example.com", "D Paul\tSMTP:P@NEW"],
    );
    assert_eq!(codes(&imported), [29]);
    assert_eq!(show(&disk).len(), 1);
}

/// Adds an external entry to the address list.
fn add_copy(disk: &MemDisk, alias: &str, postoffice: &str, mailbox: &str, tid: u32) {
    let mut bytes = read(disk, "GLB/NETPO.GLB").unwrap();
    let pointer = u32::try_from(bytes.len()).unwrap();
    let mut address = NetPoRecord::zeroed();
    address.network = field("NET");
    address.postoffice = field(postoffice);
    address.mailbox = field(mailbox);
    address.state = 1;
    bytes.extend(address.encode());
    put(disk, "GLB/NETPO.GLB", &bytes);
    let mut records = nme(disk, "NME/ADMIN.NME");
    let mut record = NmeRecord::zeroed();
    record.kind = NmeKind::External.code();
    record.alias = field(alias);
    record.tid.set(tid);
    record.pointer.set(pointer);
    records.push(record);
    records.sort_by(|a, b| crate::core::base::collate::compare(a.alias.text(), b.alias.text()));
    let bytes: Vec<u8> = records.iter().flat_map(NmeRecord::encode).collect();
    put(disk, "NME/ADMIN.NME", &bytes);
    put(disk, "NME/ADMINSHD.NME", &bytes);
}

// rule: dec:DEC-080
// rule: imp:R-POL-001
// rule: imp:R-POL-002
#[test]
fn copies_in_the_address_list_follow_deletions_and_modifications_only() {
    let disk = site();
    add_copy(&disk, "able", "SRV", "able", 50);
    add_copy(&disk, "Smith", "SRV", "other", 51);
    add_copy(&disk, "Zola", "SRV", "zola", 52);
    let names = |disk: &MemDisk| -> Vec<(String, u32)> {
        assert_eq!(read(disk, "NME/ADMIN.NME"), read(disk, "NME/ADMINSHD.NME"));
        nme(disk, "NME/ADMIN.NME")
            .iter()
            .map(|record| (record.alias.to_string_850(), record.tid.get()))
            .collect()
    };
    let before = names(&disk);
    import(
        &disk,
        &[
            "R PCM:NET/SRV",
            "A Zola\tPCM:NET/SRV/zola",
            "A Able2\tPCM:NET/SRV/able",
        ],
    );
    assert_eq!(names(&disk), before);
    // A deletion of an entry that only the copy still has is no error.
    let imported = import(
        &disk,
        &[
            "D able\tPCM:NET/SRV/able",
            "D Smith\tPCM:NET/SRV/sm1",
            "M Zola\tPCM:NET/SRV/zola\r\n  Aaron\tPCM:NET/HUB/aaron",
        ],
    );
    assert_eq!(
        codes(&imported),
        [29],
        "the copy of Smith has another address"
    );
    assert_eq!(imported.counts.copies, 2);
    assert_eq!(
        names(&disk),
        [
            ("Aaron".into(), 52),
            ("Administrator".into(), 1),
            ("Smith".into(), 51)
        ]
    );
    let netpo = read(&disk, "GLB/NETPO.GLB").unwrap();
    let file = NETPO.view(&netpo).unwrap();
    assert_eq!(file.header.deleted.get(), 4);
    assert!(!file.records[0].is_live());
    assert!(file.records[2].is_address(b"NET", b"HUB", b"aaron"));
    assert_eq!(file.records[2].mailbag.get(), 0x0F);
    // What a crash left in NMETRANS concerns the copies alone.
    put(
        &disk,
        NMETRANS,
        &queue(
            1,
            &["D Smith\tPCM:NET/SRV/other", "D Smith\tPCM:NET/SRV/other"],
        ),
    );
    put_usr(&disk, 0x10, &[("Smith", "other", 60)]);
    let imported = import(&disk, &[]);
    assert_eq!(codes(&imported), [0u16; 0]);
    assert_eq!(names(&disk).len(), 2);
    assert_eq!(usr(&disk, 0x10).len(), 1);
}

fn hundred() -> (MemDisk, Vec<String>) {
    let disk = site();
    let names: Vec<(String, String)> = (0..100)
        .map(|n| (format!("User {n:03}"), format!("u{n:03}")))
        .collect();
    let users: Vec<(&str, &str, u32)> = (1000..)
        .zip(&names)
        .map(|(tid, (alias, mailbox))| (alias.as_str(), mailbox.as_str(), tid))
        .collect();
    put_usr(&disk, 0x10, &users);
    let deletions = names[..40]
        .iter()
        .map(|(alias, mailbox)| format!("D {alias}\tPCM:NET/SRV/{mailbox}"))
        .collect();
    (disk, deletions)
}

// rule: dec:4
#[test]
fn forty_of_a_hundred_are_held_until_somebody_allows_it() {
    let (disk, deletions) = hundred();
    let texts: Vec<&str> = deletions.iter().map(String::as_str).collect();
    put(&disk, SRVTRANS, &queue(1, &texts));
    let before = disk.snapshot();
    let plan = |options: &QueueOptions| plan_queue(&view(&disk), options, &[], &NoProgress);
    let error = plan(&options()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(
        error
            .to_string()
            .contains("40 of 100 entries of PCM:NET/SRV"),
        "{error}"
    );
    assert_eq!(disk.snapshot(), before);
    let allow = |text: &str| {
        let mut options = options();
        options.allow_deletes.allow(text).unwrap();
        options
    };
    assert!(plan(&allow("39")).is_err());
    assert!(plan(&allow("NET/HUB=40")).is_err());
    let plan = plan(&allow("NET/SRV=40")).unwrap();
    assert_eq!(plan.imported.lists[0].removed, 40);
    // Judged before anything was received: records that are not in the queue yet.
    put(&disk, SRVTRANS, b"");
    let waiting = queue(7, &texts);
    let source = Bytes(waiting);
    let incoming = |above| {
        [Incoming {
            name: "reply".into(),
            records: &source,
            above,
        }]
    };
    let error = plan_queue(&view(&disk), &options(), &incoming(0), &NoProgress).unwrap_err();
    assert!(matches!(error, ImportError::Held(_)), "{error}");
    let part = plan_queue(&view(&disk), &options(), &incoming(26), &NoProgress).unwrap();
    assert_eq!(part.imported.counts.deleted, 20);
}

struct Bytes(Vec<u8>);

impl RecordSource for Bytes {
    type Error = TreeError;

    fn len_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, TreeError> {
        let Ok(count) = self.0[..].read_at(offset, buffer);
        Ok(count)
    }
}

// rule: imp:R-QUE-005
// rule: dec:2.2
// rule: imp:R-TXN-M6
// rule: imp:R-TXN-M2
#[test]
fn bad_records_are_reported_and_kept_and_the_others_applied() {
    let disk = site();
    let mut bytes = queue(1, &["A One\tPCM:NET/SRV/one"]);
    let damage_at = bytes.len() as u64;
    bytes.extend_from_slice(b"rubbish in between");
    let bad_at = bytes.len() as u64;
    bytes.extend(queue(2, &["M George Jones", "A Two\tPCM:NET/SRV/two"]));
    put(&disk, SRVTRANS, &bytes);
    let mut tree = writer(&disk);
    let (imported, _) = run_queue(
        &mut tree,
        &options(),
        &info(Command::ImportQueue),
        &NoProgress,
    )
    .unwrap();
    drop(tree);
    assert_eq!(
        (
            imported.damaged,
            imported.counts.added,
            imported.counts.failed
        ),
        (1, 2, 1)
    );
    let places: Vec<_> = imported
        .problems
        .kept()
        .iter()
        .map(|problem| (problem.line.code, problem.record, problem.offset))
        .collect();
    assert_eq!(places[0], (Some(40), Some(2), Some(damage_at)));
    assert_eq!((places[1].1, places[1].2), (Some(3), Some(bad_at)));
    let mut kept = b"rubbish in between".to_vec();
    kept.extend(queue(2, &["M George Jones"]));
    assert_eq!(read(&disk, BADTRANS).unwrap(), kept);
    assert_eq!(lens(&disk), [0; 4]);
    assert_eq!(usr(&disk, 0x10).len(), 5);
}

// rule: imp:R-QUE-006
#[test]
fn three_times_the_update_must_be_free() {
    let disk = site();
    put(&disk, SRVTRANS, &queue(1, &["A One\tPCM:NET/SRV/one"]));
    disk.set_capacity(Some(0));
    let error = plan_queue(&view(&disk), &options(), &[], &NoProgress).unwrap_err();
    assert!(matches!(error, ImportError::NoSpace { .. }), "{error}");
}

#[derive(Debug, Clone)]
enum Text {
    Add(u8, u8, u8),
    Delete(u8, u8, u8),
    Modify(u8, (u8, u8), (u8, u8)),
    Replace(u8),
}

const POSTOFFICES: [(&str, u32); 2] = [("SRV", 0x10), ("HUB", 0x0F)];

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        6 => (0..2u8, 0..12u8, 0..3u8).prop_map(|(p, a, m)| Text::Add(p, a, m)),
        3 => (0..2u8, 0..12u8, 0..3u8).prop_map(|(p, a, m)| Text::Delete(p, a, m)),
        3 => (0..2u8, (0..12u8, 0..3u8), (0..12u8, 0..3u8))
            .prop_map(|(p, from, to)| Text::Modify(p, from, to)),
        1 => (0..2u8).prop_map(Text::Replace),
    ]
}

fn alias(n: u8) -> String {
    if n.is_multiple_of(2) {
        format!("name {}", n / 2)
    } else {
        format!("NAME {}", n / 2)
    }
}

fn mailbox(n: u8) -> String {
    format!("m{n}")
}

/// The lists as a plain map: postoffice and folded name to name and mailbox.
type Model = BTreeMap<(u8, String), (String, String)>;

fn apply_to_model(model: &mut Model, text: &Text) {
    let key = |p: u8, a: u8| (p, alias(a).to_uppercase());
    match *text {
        Text::Add(p, a, m) => {
            model.entry(key(p, a)).or_insert((alias(a), mailbox(m)));
        }
        Text::Delete(p, a, m) => {
            if model
                .get(&key(p, a))
                .is_some_and(|(_, known)| *known == mailbox(m))
            {
                model.remove(&key(p, a));
            }
        }
        Text::Modify(p, (a, m), (b, n)) => {
            let found = model
                .get(&key(p, a))
                .is_some_and(|(_, known)| *known == mailbox(m));
            let free = key(p, a) == key(p, b) || !model.contains_key(&key(p, b));
            if found && free {
                model.remove(&key(p, a));
                model.insert(key(p, b), (alias(b), mailbox(n)));
            }
        }
        Text::Replace(p) => model.retain(|(other, _), _| *other != p),
    }
}

fn write(text: &Text) -> String {
    let po = |p: u8| POSTOFFICES[usize::from(p)].0;
    let entry = |p: u8, a: u8, m: u8| format!("{}\tPCM:NET/{}/{}", alias(a), po(p), mailbox(m));
    match *text {
        Text::Add(p, a, m) => format!("A {}", entry(p, a, m)),
        Text::Delete(p, a, m) => format!("D {}", entry(p, a, m)),
        Text::Modify(p, (a, m), (b, n)) => {
            format!("M {}\r\n  {}", entry(p, a, m), entry(p, b, n))
        }
        Text::Replace(p) => format!("R PCM:NET/{}", po(p)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // rule: imp:R-TXN-A
    // rule: imp:R-TXN-D
    // rule: imp:R-TXN-M
    // rule: imp:R-TXN-R
    #[test]
    fn lists_after_any_transactions_are_those_of_a_plain_map(
        first in proptest::collection::vec(text(), 0..40),
        second in proptest::collection::vec(text(), 0..40),
    ) {
        let disk = site();
        put_usr(&disk, 0x10, &[]);
        let mut model = Model::new();
        let mut ids: BTreeMap<(u8, String, String), u32> = BTreeMap::new();
        for texts in [first, second] {
            let written: Vec<String> = texts.iter().map(write).collect();
            import(&disk, &written.iter().map(String::as_str).collect::<Vec<_>>());
            let mut kept = ids.clone();
            for text in &texts {
                apply_to_model(&mut model, text);
                // An entry that was deleted, renamed or came anew may have another id.
                match *text {
                    Text::Replace(_) => {}
                    Text::Add(p, a, _) | Text::Delete(p, a, _) | Text::Modify(p, (a, _), _) => {
                        kept.retain(|(q, name, _), _| {
                            *q != p || name.to_uppercase() != alias(a).to_uppercase()
                        });
                    }
                }
                if let Text::Modify(p, _, (b, _)) = *text {
                    kept.retain(|(q, name, _), _| {
                        *q != p || name.to_uppercase() != alias(b).to_uppercase()
                    });
                }
            }
            let mut found = Model::new();
            ids.clear();
            let mut all = Vec::new();
            for (p, (_, stem)) in (0u8..).zip(POSTOFFICES) {
                for (name, mailbox, tid) in usr(&disk, stem) {
                    found.insert((p, name.to_uppercase()), (name.clone(), mailbox.clone()));
                    ids.insert((p, name, mailbox), tid);
                    all.push(tid);
                }
            }
            prop_assert_eq!(found, model.clone());
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), count);
            for (entry, tid) in &kept {
                if let Some(now) = ids.get(entry) {
                    prop_assert_eq!(now, tid);
                }
            }
        }
        // A rebuild holds exactly these.
        let mut tree = writer(&disk);
        let options = RebuildOptions { now: NOW, keep_global_list: false };
        let (rebuilt, _) =
            rebuild(&mut tree, &options, &info(Command::Rebuild), &NoProgress).unwrap();
        prop_assert_eq!(rebuilt.entries, model.len() as u64 + 1);
    }

    // rule: dec:2.2
    // rule: imp:R-QUE-002
    #[test]
    fn damaged_queues_and_lists_never_panic(
        parts in proptest::collection::vec(
            prop_oneof![
                text().prop_map(|text| queue(1, &[&write(&text)])),
                proptest::collection::vec(any::<u8>(), 0..60),
                "[ADMRT #-][ \t]?[a-z]{0,3}[\t ]?(PCM|SMTP|SNADS|X400)?:?[A-Z/]{0,9}(\r\n[ -&]?[a-z~/]{0,8})?"
                    .prop_map(|text| if text.is_empty() { Vec::new() } else { queue(1, &[&text]) }),
            ],
            0..12,
        ),
        usr in proptest::collection::vec(any::<u8>(), 0..180),
        flip in any::<proptest::sample::Index>(),
    ) {
        let disk = site();
        add_network(&disk, "SMTP", 0x20, None, Some(0x30));
        put(&disk, "NME/SMTP.NME", &usr);
        put(&disk, "GLB/SMTP.GLB", &usr);
        put(&disk, "USR/00000010.USR", &usr);
        let mut bytes = parts.concat();
        if !bytes.is_empty() {
            let at = flip.index(bytes.len());
            bytes[at] ^= 1;
        }
        put(&disk, SRVTRANS, &bytes);
        let mut tree = writer(&disk);
        let result = run_queue(&mut tree, &options(), &info(Command::ImportQueue), &NoProgress);
        prop_assert!(result.is_ok(), "{:?}", result.err());
        drop(tree);
        prop_assert_eq!(read(&disk, SRVTRANS).unwrap().len(), 0);
        for pair in usr_records(&disk).windows(2) {
            prop_assert!(crate::core::base::collate::compare(pair[0].alias.text(), pair[1].alias.text()).is_le());
        }
    }
}

/// The list whatever it holds; only when a transaction touched it is it sorted.
fn usr_records(disk: &MemDisk) -> Vec<UsrRecord> {
    let bytes = read(disk, "USR/00000010.USR").unwrap();
    let records: Vec<UsrRecord> = bytes
        .chunks_exact(53)
        .map(|bytes| UsrRecord::decode(bytes).unwrap())
        .collect();
    let touched = bytes.len().is_multiple_of(53) && records.iter().all(UsrRecord::is_live);
    if touched { records } else { Vec::new() }
}
