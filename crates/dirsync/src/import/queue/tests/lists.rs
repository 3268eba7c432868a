//! A, D, M, R and the own postoffice.

use super::*;

// rule: imp:R-TXN-A
// rule: dsp:R-TXN-001
// rule: dsp:R-TXN-003
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
// rule: dsp:R-TXN-001
// rule: dsp:R-TXN-003
// rule: dsp:R-BUG-17
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
            "M Zola\tPCM:NET/SRV/zola\r\n  ZOLA\tPCM:NET/SRV/zola",
            "M ZOLA\tPCM:NET/SRV/zola\r\n  Smith\tPCM:NET/SRV/zola", // a D, and an A: 27
        ],
    );
    assert_eq!(codes(&imported), [29, 27]);
    assert_eq!(
        usr(&disk, 0x10),
        rows(&[("Bell", "bell", 11), ("Smith", "sm1", 12)])
    );
    // To another postoffice: out of one list, into the other, with its id.
    let imported = import(
        &disk,
        &["M Smith\tPCM:NET/SRV/sm1\r\n  Smith\tPCM:NET/HUB/smith"],
    );
    assert_eq!(imported.counts.modified, 1);
    assert_eq!(usr(&disk, 0x0F), rows(&[("Smith", "smith", 12)]));
    assert_eq!(usr(&disk, 0x10).len(), 1);
}

// rule: imp:R-TXN-M3
// rule: dec:DEC-037
#[test]
fn a_modification_to_an_entry_that_is_there_takes_the_old_one_away() {
    let disk = site();
    // An import reply: the list is ahead of the transactions that come behind it.
    let imported = import(
        &disk,
        &[
            "A Old name\tPCM:NET/SRV/able2",
            "A New name\tPCM:NET/SRV/able2",
            "M Old name\tPCM:NET/SRV/able2\r\n  New name\tPCM:NET/SRV/able2",
        ],
    );
    assert_eq!(codes(&imported), [0u16; 0]);
    let names: Vec<_> = usr(&disk, 0x10).into_iter().map(|row| row.0).collect();
    assert!(!names.contains(&"Old name".to_owned()), "{names:?}");
    assert!(names.contains(&"New name".to_owned()), "{names:?}");
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
// rule: imp:OQ-17
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
