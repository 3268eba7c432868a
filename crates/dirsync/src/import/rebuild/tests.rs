use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::core::base::collate;
use crate::core::format::galindex::GalIndex;
use crate::core::format::record::LIVE;
use crate::core::format::xtn::Route;
use crate::import::testtree::*;
use crate::progress::NoProgress;
use crate::tree::Command;
use crate::tree::disk::mem::MemDisk;

const OPTIONS: RebuildOptions = RebuildOptions {
    now: NOW,
    keep_global_list: false,
};

fn run(disk: &MemDisk) -> (Rebuilt, bool) {
    let mut tree = writer(disk);
    let (rebuilt, committed) =
        rebuild(&mut tree, &OPTIONS, &info(Command::Rebuild), &NoProgress).unwrap();
    (rebuilt, committed.is_some())
}

/// NET/HQ with Admin, NET/R1 and SNADS gateway SNA with node DGN, and an SMTP gateway.
fn site() -> MemDisk {
    let disk = fresh();
    add_place(&disk, 1, "R1", 0x10, Route::Direct);
    put_usr(
        &disk,
        0x10,
        &[
            ("able", "able", 11),
            ("Smith", "sm1", 12),
            ("Zola", "zola", 13),
        ],
    );
    add_network(&disk, "SNA", 0x30, Some(0x20), Some(0x21));
    add_place(&disk, 0x20, "DGN", 0x22, Route::Direct);
    put_usr(&disk, 0x22, &[("Smith", "A1", 14)]);
    add_network(&disk, "SMTP", 0x20, None, Some(0x30));
    let mut entry = NmeRecord::zeroed();
    entry.kind = 3;
    entry.address_type = 16;
    entry.alias = field("Paul");
    entry.tid.set(15);
    entry.pointer.set(4);
    put(&disk, "NME/SMTP.NME", &entry.encode());
    let mut addresses = vec![0; 4];
    addresses.extend(crate::core::format::gateway_list::encode_entry(b"paul@example.com").unwrap());
    put(&disk, "GLB/SMTP.GLB", &addresses);
    disk
}

#[derive(Debug, PartialEq, Eq, Clone)]
struct Shown {
    name: String,
    address: String,
    tid: u32,
    mailbag: u32,
}

fn gal(disk: &MemDisk) -> Vec<Shown> {
    let addresses = read(disk, GALNETPO_PATH).unwrap();
    let file = GALNETPO.view(&addresses).unwrap();
    nme(disk, GAL)
        .iter()
        .map(|entry| {
            let address = match entry.nme_kind().unwrap() {
                NmeKind::External => {
                    let record = file.at_offset(u64::from(entry.pointer.get())).unwrap();
                    assert_eq!(record.tid, entry.tid);
                    assert_eq!(record.mailbag, entry.hexid);
                    assert_eq!(record.address_type, entry.address_type);
                    format!(
                        "{}/{}/{}",
                        record.network.to_string_850(),
                        record.postoffice.to_string_850(),
                        record.mailbox.to_string_850()
                    )
                }
                kind => format!("{kind:?}"),
            };
            Shown {
                name: entry.alias.to_string_850(),
                address,
                tid: entry.tid.get(),
                mailbag: entry.hexid.get(),
            }
        })
        .collect()
}

// rule: imp:R-RBD-002
// rule: imp:R-RBD-003
// rule: imp:R-RBD-004
// rule: pof:R-GAL-001
// rule: pof:R-GAL-002
// rule: dec:DEC-084
// rule: dec:2.18
// rule: imp:OQ-13
// rule: pof:R-GAL-004
// rule: pof:D-06
// rule: tra:R-GWY-007
#[test]
fn every_list_goes_in_sorted_and_duplicates_stay() {
    let disk = site();
    let (rebuilt, committed) = run(&disk);
    assert!(committed && rebuilt.changed);
    assert_eq!((rebuilt.entries, rebuilt.entries_before), (6, None));
    assert_eq!(rebuilt.problems.total(), 0);
    let first = 0x7F67_697F;
    let row = |name: &str, address: &str, tid, mailbag| Shown {
        name: name.into(),
        address: address.into(),
        tid,
        mailbag,
    };
    assert_eq!(
        gal(&disk),
        [
            row("able", "NET/R1/able", first, 0x10),
            row("Administrator", "Local", 1, 0),
            row("Paul", "Gateway", 15, 0x30),
            row("Smith", "NET/R1/sm1", first - 1, 0x10),
            // All mail to users of a node lies in the mailbag of its gateway.
            row("Smith", "SNA/DGN/A1", first - 2, 0x21),
            row("Zola", "NET/R1/zola", first - 3, 0x10),
        ]
    );
    let addresses = read(&disk, GALNETPO_PATH).unwrap();
    assert_eq!(addresses.len(), 4 + 4 * 43);
    assert_eq!(addresses[..4], (first - 3).to_le_bytes());
}

// Lists of single users and views are no part of it (Q77926, Q96060).
// rule: pof:R-NME-001
#[test]
fn personal_lists_the_shadow_and_views_are_no_sources() {
    let disk = site();
    run(&disk);
    let pol = read(&disk, "NME/ADMIN.NME").unwrap();
    let mut other = pol[..45].to_vec();
    other[2..8].copy_from_slice(b"Other\0");
    for list in ["NME/00000000.NME", "NME/0000002E.NME", "NME/VIEW.NME"] {
        put(&disk, list, &other);
    }
    let (rebuilt, committed) = run(&disk);
    assert!(!committed && !rebuilt.changed);
    // The same entry in the address list is one more.
    put(&disk, "NME/ADMIN.NME", &[pol, other].concat());
    assert_eq!(run(&disk).0.entries, rebuilt.entries + 1);
}

// rule: imp:R-RBD-007
// rule: imp:R-RBD-008
// rule: dec:DEC-086
// rule: dec:DEC-087
// rule: dsp:R-T3-009
// rule: tra:R-ADM-041
#[test]
fn one_commit_switches_the_list_on_and_a_second_rebuild_writes_nothing() {
    let disk = site();
    let master = |disk: &MemDisk| MasterRecord::decode(&read(disk, MASTER).unwrap()).unwrap();
    assert_eq!(master(&disk).gal_enabled, 0);
    run(&disk);
    assert_eq!(master(&disk).gal_enabled, 1);
    let text = log(&disk);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("| Status       dirsync Mail GAL Rebuild Utility"));
    assert!(lines[1].ends_with("| Status       Number of entries in GAL:        6"));
    assert!(lines[2].ends_with("| Status"));
    let before = disk.snapshot();
    let (rebuilt, committed) = run(&disk);
    assert!(!committed && !rebuilt.changed);
    assert_eq!(rebuilt.entries_before, Some(6));
    assert_eq!(disk.snapshot(), before);
    // The option alone is a reason to write, unless it shall stay.
    let mut off = master(&disk);
    off.gal_enabled = 0;
    put(&disk, MASTER, &off.encode());
    let keep = RebuildOptions {
        keep_global_list: true,
        ..OPTIONS
    };
    let plan = plan_rebuild(&view(&disk), &keep, &NoProgress).unwrap();
    assert!(plan.plan.is_empty());
    let plan = plan_rebuild(&view(&disk), &OPTIONS, &NoProgress).unwrap();
    assert!(plan.plan.step(&p(MASTER)).is_some() && plan.plan.step(&p(GAL)).is_none());
}

// rule: imp:R-RBD-011
// rule: pof:R-GAL-005
// rule: dec:DEC-084
#[test]
fn an_address_keeps_its_id_whatever_happens_around_it() {
    let disk = site();
    run(&disk);
    let before = gal(&disk);
    // able goes, a name comes before all, Smith of R1 gets another name, and a second one.
    put_usr(
        &disk,
        0x10,
        &[
            ("Aa", "aa", 20),
            ("Schmidt", "SM1", 12),
            ("Smith", "sm1", 21),
            ("Zola", "zola", 13),
        ],
    );
    run(&disk);
    let after = gal(&disk);
    let tid = |list: &[Shown], name: &str, mailbox: &str| {
        list.iter()
            .find(|shown| shown.name == name && shown.address.ends_with(mailbox))
            .unwrap()
            .tid
    };
    assert_eq!(tid(&after, "Zola", "zola"), tid(&before, "Zola", "zola"));
    assert_eq!(tid(&after, "Smith", "A1"), tid(&before, "Smith", "A1"));
    // The name that was there keeps the id, the new name of the same address gets a new one.
    assert_eq!(tid(&after, "Smith", "sm1"), tid(&before, "Smith", "sm1"));
    let ids: BTreeSet<u32> = before.iter().map(|shown| shown.tid).collect();
    assert!(!ids.contains(&tid(&after, "Aa", "aa")));
    assert!(!ids.contains(&tid(&after, "Schmidt", "SM1")));
}

// rule: imp:TV-RBD-1
// rule: imp:R-RBD-010
// rule: dec:DEC-085
// rule: pof:R-GAL-006
#[test]
fn a_zero_galnetpo_is_message_39_and_the_ids_start_again() {
    let disk = site();
    put(&disk, GALNETPO_PATH, &[0; 47]);
    put(&disk, TID, &[0, 1, 0, 0]);
    let (rebuilt, _) = run(&disk);
    let codes: Vec<_> = rebuilt
        .problems
        .kept()
        .iter()
        .map(|problem| problem.line.code)
        .collect();
    assert_eq!(codes, [Some(39)]);
    assert_eq!(rebuilt.problems.serious(), 1);
    assert!(
        log(&disk).contains("Fatal  [ 39] Error generating TID. Allocating unique ID."),
        "{}",
        log(&disk)
    );
    assert_eq!(gal(&disk)[0].tid, 0x7F67_697F);
    assert_eq!(run(&disk).0.problems.total(), 0);
}

// rule: imp:R-RBD-001
// rule: dec:DEC-086
// rule: pof:R-MST-003
#[test]
fn a_master_without_its_form_is_message_202_and_the_list_is_made() {
    let disk = site();
    put(&disk, MASTER, &[0; 176]);
    let mut rebuilt = plan_rebuild(&view(&disk), &OPTIONS, &NoProgress).unwrap();
    assert_eq!(rebuilt.rebuilt.problems.kept()[0].line.code, Some(202));
    assert!(rebuilt.plan.step(&p(GAL)).is_some());
    assert!(rebuilt.plan.step(&p(MASTER)).is_none());
    rebuilt.rebuilt.problems = Problems::default();
    assert_eq!(rebuilt.rebuilt.entries, 6);
}

// rule: pof:R-NME-008
// rule: imp:R-RBD-002
// rule: pof:R-USR-003
#[test]
fn a_missing_list_is_said_and_an_empty_address_list_stops() {
    let disk = site();
    disk_remove(&disk, "USR/00000010.USR");
    let (rebuilt, _) = run(&disk);
    assert_eq!(rebuilt.problems.kept()[0].line.code, Some(201));
    assert_eq!(rebuilt.entries, 3);
    put(&disk, "NME/ADMIN.NME", b"");
    let before = disk.snapshot();
    let error = plan_rebuild(&view(&disk), &OPTIONS, &NoProgress).unwrap_err();
    assert!(matches!(error, ImportError::EmptyAddressList), "{error}");
    assert!(error.hint().unwrap().contains("ADMINSHD"));
    assert_eq!(disk.snapshot(), before);
}

// rule: pof:R-GAL-008
// rule: imp:R-RBD-006
#[test]
fn a_list_that_cannot_be_read_is_not_an_empty_one() {
    use crate::tree::disk::EntryKind;
    let disk = site();
    run(&disk);
    disk_remove(&disk, "USR/00000010.USR");
    disk.add_special(&p("USR/00000010.USR"), EntryKind::Fifo)
        .unwrap();
    let before = disk.snapshot();
    assert!(plan_rebuild(&view(&disk), &OPTIONS, &NoProgress).is_err());
    assert_eq!(disk.snapshot(), before);
}

// rule: dec:DEC-086
// rule: imp:R-RBD-006
// rule: pof:R-GAL-007
// rule: tra:R-LCK-012
// rule: tra:NEED-05
#[test]
fn a_list_that_somebody_holds_stays_and_the_new_one_lies_beside_it() {
    use crate::tree::disk::{Disk as _, LockKind};
    let disk = site();
    run(&disk);
    put(&disk, "USR/00000010.USR", b"");
    let three = |disk: &MemDisk| [GAL, GALINDEX, GALNETPO_PATH].map(|path| read(disk, path));
    let before = three(&disk);
    for path in [GAL, GALINDEX, GALNETPO_PATH] {
        let guard = disk.try_lock(&p(path), LockKind::Shared, false).unwrap();
        let mut tree = writer(&disk);
        let error = rebuild(&mut tree, &OPTIONS, &info(Command::Rebuild), &NoProgress).unwrap_err();
        assert!(error.to_string().starts_with("[203]"), "{error}");
        assert_eq!(error.class(), crate::tree::ErrorClass::Busy);
        drop((tree, guard));
        assert_eq!(three(&disk), before);
    }
    assert!(log(&disk).contains("Fatal  [203] GAL Rebuild problem accessing files"));
    let beside = ["NME/GAL$.NME", "GLB/GALINDE$.GLB", "GLB/TMPNETPO.GLB"];
    let new = beside.map(|path| read(&disk, path));
    assert!(new.iter().all(Option::is_some));
    run(&disk);
    assert_eq!(three(&disk), new);
    assert_eq!(beside.map(|path| read(&disk, path)), [None, None, None]);
    assert!(!run(&disk).1);
}

// rule: dsp:TV-LOG-5
// rule: dsp:R-BUG-25
// rule: dec:DEC-086
#[test]
fn tv_log_5_the_last_line_is_empty_unless_a_file_could_not_be_written() {
    let disk = site();
    run(&disk);
    let text = log(&disk);
    let lines: Vec<&str> = text.lines().collect();
    let [.., banner, count, last] = lines[..] else {
        panic!("{text}");
    };
    assert!(banner.contains("Status       dirsync Mail GAL Rebuild Utility Version "));
    assert!(count.ends_with("Status       Number of entries in GAL:        6"));
    assert!(last.ends_with("| Status"), "{last}");
    // A file that is in use by its second name, each of the three in turn: none is replaced.
    let three = [GAL, GALINDEX, GALNETPO_PATH];
    for held in three {
        let disk = site();
        run(&disk);
        put_usr(&disk, 0x10, &[("able", "able", 11)]);
        disk.add_hard_link(&p(held), &p("GLB/OTHER.XXX")).unwrap();
        let before = three.map(|path| read(&disk, path));
        let text = log(&disk);
        let mut tree = writer(&disk);
        let error = rebuild(&mut tree, &OPTIONS, &info(Command::Rebuild), &NoProgress).unwrap_err();
        assert!(error.to_string().contains(held), "{error}");
        drop(tree);
        assert_eq!(three.map(|path| read(&disk, path)), before, "{held}");
        assert_eq!(log(&disk), text, "no line, above all no empty one");
        disk_remove(&disk, "GLB/OTHER.XXX");
        assert_eq!(run(&disk).0.entries, 4);
    }
}

// rule: imp:R-QUE-006
// rule: dec:4
#[test]
fn three_times_the_size_of_the_list_must_be_free() {
    let disk = site();
    disk.set_capacity(Some(0));
    let error = plan_rebuild(&view(&disk), &OPTIONS, &NoProgress).unwrap_err();
    assert!(
        matches!(error, ImportError::NoSpace { needed, .. } if needed > 3 * (6 * 45 + 4 * 43)),
        "{error}"
    );
}

type Lists = Vec<(u32, Vec<(String, String)>)>;

fn lists() -> impl Strategy<Value = Lists> {
    let entry = ("[a-cA-C1\u{e9}]{1,2}( [a-c]{1,2})?", "[a-d]{1,2}");
    let list = proptest::collection::vec(entry, 0..8);
    (list.clone(), list.clone(), list).prop_map(|(a, b, c)| vec![(0x10, a), (0x11, b), (0x22, c)])
}

fn put_lists(disk: &MemDisk, lists: &Lists) {
    use crate::core::base::CodePage;
    use crate::core::format::usr::UsrRecord;
    for (stem, list) in lists {
        let mut bytes = Vec::new();
        for (alias, mailbox) in list {
            let mut record = UsrRecord::zeroed();
            record.state = LIVE;
            let alias = CodePage::Cp850.encode(alias).unwrap();
            record.alias = crate::core::base::CpField::from_bytes(&alias).unwrap();
            record.mailbox = field(mailbox);
            bytes.extend(record.encode());
        }
        put(disk, &format!("USR/{stem:08X}.USR"), &bytes);
    }
}

fn places() -> MemDisk {
    let disk = fresh();
    add_place(&disk, 1, "R1", 0x10, Route::Direct);
    add_place(&disk, 1, "R2", 0x11, Route::Direct);
    add_network(&disk, "OTHER", 1, Some(0x20), None);
    add_place(&disk, 0x20, "R1", 0x22, Route::Direct);
    disk
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // rule: imp:R-RBD-002
    // rule: imp:R-RBD-004
    // rule: imp:R-RBD-020
    // rule: imp:R-RBD-021
    // rule: imp:R-RBD-011
    // rule: pof:R-GAL-003
    #[test]
    fn a_rebuild_after_any_change_is_one_from_scratch_with_the_old_ids(
        first in lists(),
        second in lists(),
    ) {
        let disk = places();
        put_lists(&disk, &first);
        run(&disk);
        let before = gal(&disk);
        put_lists(&disk, &second);
        let (rebuilt, _) = run(&disk);
        let after = gal(&disk);
        let scratch = places();
        put_lists(&scratch, &second);
        run(&scratch);
        let plain = |list: &[Shown]| -> Vec<(String, String)> {
            list.iter().map(|shown| (shown.name.clone(), shown.address.clone())).collect()
        };
        prop_assert_eq!(plain(&after), plain(&gal(&scratch)));
        // Everything is there, unsorted lists too, and in order.
        let wanted: usize = 1 + second.iter().map(|(_, list)| list.len()).sum::<usize>();
        prop_assert_eq!(after.len(), wanted);
        let records = nme(&disk, GAL);
        for pair in records.windows(2) {
            prop_assert!(collate::compare(pair[0].alias.text(), pair[1].alias.text()).is_le());
        }
        // Of equal names, by address (decisions 2.18).
        for pair in after.windows(2) {
            prop_assert!(pair[0].name != pair[1].name || pair[0].address <= pair[1].address);
        }
        // Every word is found.
        let index = read(&disk, GALINDEX).unwrap();
        let index = GalIndex::new(&index, &records).unwrap();
        let mut words = 0;
        for (at, record) in (0u32..).zip(&records) {
            for (_, word) in collate::words(record.alias.text()) {
                words += 1;
                prop_assert!(index.find(word, collate::key).contains(&(at * 45)));
            }
        }
        prop_assert_eq!(words, rebuilt.words);
        // No id twice; an address that was there keeps as many of its ids as it has names.
        let ids: BTreeSet<u32> = after.iter().map(|shown| shown.tid).collect();
        prop_assert_eq!(ids.len(), after.len());
        let by_address = |list: &[Shown]| {
            let mut map: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            for shown in list {
                map.entry(shown.address.clone()).or_default().insert(shown.tid);
            }
            map
        };
        let (old, new) = (by_address(&before), by_address(&after));
        let old_ids: BTreeSet<u32> = before.iter().map(|shown| shown.tid).collect();
        for (address, ids) in &new {
            let kept = old.get(address).map_or(0, |old| old.intersection(ids).count());
            let could = old.get(address).map_or(0, |old| old.len().min(ids.len()));
            prop_assert_eq!(kept, could, "{}", address);
            let strange = ids.iter().filter(|&id| {
                old_ids.contains(id) && !old.get(address).is_some_and(|old| old.contains(id))
            });
            prop_assert_eq!(strange.count(), 0);
        }
        // And once more there is nothing to do.
        prop_assert!(!run(&disk).1);
    }

    // rule: imp:R-RBD-005
    #[test]
    fn damaged_sources_never_panic(
        usr in proptest::collection::vec(any::<u8>(), 0..160),
        pol in proptest::collection::vec(any::<u8>(), 1..120),
        smtp in proptest::collection::vec(any::<u8>(), 0..120),
        old in proptest::collection::vec(any::<u8>(), 0..120),
        old_gal in proptest::collection::vec(any::<u8>(), 0..120),
        kind in 0u8..5,
    ) {
        let disk = places();
        put(&disk, "USR/00000010.USR", &usr);
        let mut pol = pol;
        pol[0] = kind;
        put(&disk, "NME/ADMIN.NME", &pol);
        put(&disk, "NME/SMTP.NME", &smtp);
        put(&disk, "GLB/SMTP.GLB", &[0; 60]);
        put(&disk, GALNETPO_PATH, &old);
        put(&disk, GAL, &old_gal);
        if let Ok(plan) = plan_rebuild(&view(&disk), &OPTIONS, &NoProgress) {
            let mut tree = writer(&disk);
            tree.commit(&plan.plan, &info(Command::Rebuild)).unwrap();
            prop_assert!(plan_rebuild(tree.view(), &OPTIONS, &NoProgress).unwrap().plan.is_empty());
        }
    }
}
