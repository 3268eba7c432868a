//! Single rules of the check, with the published samples.

use std::sync::Arc;

use super::sample::{
    DOMAIN, NOW, Sample, all_ids, ids, info, letter, look, mend, open, options, path, view,
};
use crate::core::base::Severity;
use crate::core::format::transactions::{DUMMY_TEXT, Record};
use crate::insight::check::{Checked, FixWhat, LISTED_LIMIT, check, fix};
use crate::tree::disk::Disk as _;
use crate::tree::disk::fault::{Counting, Fault, FaultDisk};
use crate::tree::disk::mem::{MemDisk, Node};
use crate::tree::journal::Plan;
use crate::tree::view::{OpenOptions, TreeMut, TreeView};

fn by_id(ids: &[&str]) -> FixWhat {
    FixWhat::Ids(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn message(checked: &Checked, id: &str) -> String {
    let found = checked.found.iter().find(|found| found.finding.id.0 == id);
    found
        .unwrap_or_else(|| panic!("{id} is not found"))
        .finding
        .message
        .clone()
}

fn bytes(disk: &MemDisk, file: &str) -> Vec<u8> {
    match disk.snapshot().remove(file) {
        Some(Node::File { bytes, .. }) => bytes,
        other => panic!("{file}: {other:?}"),
    }
}

// rule: pof:R-CHK-003
#[test]
fn messages_begin_with_the_published_headings() {
    type Damage = fn(&mut Sample);
    let cases: [(&str, &str, Damage); 12] = [
        (
            "shadow.grp-undecided",
            "ADMIN.GRP/ADMINSHD.GRP sizes differ.",
            |s| {
                s.resize("GRP/ADMINSHD.GRP", 24);
            },
        ),
        (
            "shadow.nme-undecided",
            "ADMIN.NME/ADMINSHD.NME sizes differ.",
            |s| {
                s.resize("NME/ADMINSHD.NME", 45);
            },
        ),
        (
            "shadow.nme-differs",
            "ADMIN.NME/ADMINSHD.NME sizes differ.",
            |s| {
                s.resize("NME/ADMINSHD.NME", 46);
            },
        ),
        ("size.wrong", "Corrupt File.", |s| {
            s.resize("GLB/GLOBAL.GLB", 511)
        }),
        ("size.fragment", "Corrupt File.", |s| {
            s.resize("MBG/INQUEUE.MBG", 115)
        }),
        ("directory.is-a-file", "Directory Is a File.", |s| {
            s.dirs.remove("MMF");
            s.files.remove("MMF/POPULATE.MSM");
            s.put("MMF", Vec::new());
        }),
        ("directory.missing", "Directory Does Not Exist.", |s| {
            s.dirs.remove("MMF");
            s.files.remove("MMF/POPULATE.MSM");
        }),
        ("file.missing", "File Does Not Exist.", |s| {
            s.remove("GLB/NETPO.GLB")
        }),
        (
            "file.missing-rnetsem",
            "File Does Not Exist - RNETSEM.GLB.",
            |s| s.remove("GLB/LAYOUT.TXT"),
        ),
        ("mailbag.key-without-mbg", "KEY Exists Without MBG.", |s| {
            s.remove("MBG/SYSTEM.MBG")
        }),
        ("mailbag.mbg-without-key", "MBG Exists Without KEY.", |s| {
            s.remove("KEY/SYSTEM.KEY")
        }),
        ("file.missing-srvconf", "Missing SRVCONF.GLB.", |s| {
            s.poke("GLB/MASTER.GLB", 43, &[1])
        }),
    ];
    for (id, heading, damage) in cases {
        let mut sample = Sample::filled();
        damage(&mut sample);
        let text = message(&look(&sample.disk()), id);
        assert!(text.starts_with(heading), "{id}: {text}");
    }
}

// rule: pof:R-DIR-002
// rule: pof:R-DIR-006
#[test]
fn an_attachment_folder_is_missed_and_made_again() {
    let mut sample = Sample::filled();
    sample.dirs.remove("ATT/AT8");
    sample.remove("ATT/AT8/POPULATE.MSM");
    let disk = sample.disk();
    let checked = look(&disk);
    assert_eq!(
        checked
            .found
            .iter()
            .filter(|f| f.finding.file == "ATT/AT8")
            .count(),
        1
    );
    assert_eq!(
        message(&checked, "directory.missing"),
        "Directory Does Not Exist."
    );
    mend(&disk, &FixWhat::Safe);
    assert_eq!(bytes(&disk, "ATT/AT8/POPULATE.MSM"), [0x20]);

    // With everything above it gone, the parents are made as well.
    let mut sample = Sample::filled();
    sample.dirs.retain(|dir| !dir.starts_with("ATT"));
    sample.files.retain(|file, _| !file.starts_with("ATT"));
    let disk = sample.disk();
    let found = look(&disk);
    let missing = found
        .found
        .iter()
        .filter(|f| f.finding.id.0 == "directory.missing");
    assert_eq!(missing.count(), 17);
    mend(&disk, &FixWhat::Safe);
    assert!(!all_ids(&look(&disk)).contains("directory.missing"));
}

// rule: pof:R-DIR-003
// rule: pof:R-DIR-004
// rule: pof:R-DIR-005
// rule: pof:R-DIR-007
#[test]
fn optional_directories_and_absent_texts_are_no_findings() {
    let mut sample = Sample::fresh();
    for file in [
        "FAX/RRS.FAX",
        "MACGATE/X",
        "SMTP/X",
        "GLB/NPTRANS.GLB",
        "GLB/DELTID.GLB",
    ] {
        sample.put(file, Vec::new());
    }
    assert_eq!(
        all_ids(&look(&sample.disk()))
            .into_iter()
            .collect::<Vec<_>>(),
        [""; 0]
    );
}

// rule: pof:R-SIZ-002
// rule: pof:R-SIZ-003
#[test]
fn stray_bytes_of_an_xtn_file_are_cut_but_never_a_live_record() {
    let mut sample = Sample::filled();
    sample.resize("XTN/00000001.XTN", 3015);
    let disk = sample.disk();
    assert_eq!(
        ids(&look(&disk)).into_iter().collect::<Vec<_>>(),
        ["size.stray-bytes"]
    );
    mend(&disk, &FixWhat::Safe);
    assert_eq!(bytes(&disk, "XTN/00000001.XTN").len(), 2792);

    let mut sample = Sample::filled();
    sample.append("XTN/00000001.XTN", b"\x01TORNPO");
    let disk = sample.disk();
    assert_eq!(
        ids(&look(&disk)).into_iter().collect::<Vec<_>>(),
        ["size.fragment"]
    );
    assert_eq!(mend(&disk, &FixWhat::Safe).mended, 0);
    assert_eq!(bytes(&disk, "XTN/00000001.XTN").len(), 2 * 698 + 7);
}

// rule: pof:R-NAM-005
// rule: pof:R-NAM-008
// rule: pof:R-NAM-009
// rule: dec:DEC-092
#[test]
fn counters_are_set_above_every_number_in_use_and_gaps_are_normal() {
    let mut sample = Sample::filled();
    for n in 5..=9 {
        sample.pair(&format!("{n:08X}"), &[]);
    }
    sample.put("MMF/0000000C.MMF", Vec::new());
    sample.put("GLB/CONTROL.GLB", vec![0; 8]);
    let disk = sample.disk();
    mend(&disk, &FixWhat::Safe);
    assert_eq!(bytes(&disk, "GLB/CONTROL.GLB"), [13, 0, 0, 0, 4, 0, 0, 0]);

    let gone: fn(&mut Sample) = |s| s.remove("GLB/CONTROL.GLB");
    let short: fn(&mut Sample) = |s| s.resize("GLB/CONTROL.GLB", 3);
    for damage in [gone, short] {
        let mut sample = Sample::filled();
        damage(&mut sample);
        let disk = sample.disk();
        mend(&disk, &FixWhat::Safe);
        assert_eq!(bytes(&disk, "GLB/CONTROL.GLB"), [5, 0, 0, 0, 4, 0, 0, 0]);
    }

    let mut sample = Sample::filled();
    sample.put(
        "GLB/CONTROL.GLB",
        [500u32.to_le_bytes(), 900u32.to_le_bytes()].concat(),
    );
    assert!(ids(&look(&sample.disk())).is_empty());

    // No number is left: found, not mended.
    let mut sample = Sample::filled();
    sample.put("MMF/FFFFFFFF.MMF", Vec::new());
    let checked = look(&sample.disk());
    let found = checked
        .found
        .iter()
        .find(|f| f.finding.id.0 == "control.behind")
        .unwrap();
    assert!(found.fix.is_none());
}

// rule: dec:DEC-104
// rule: pof:R-LCK-001
// rule: pof:D-16
#[test]
fn the_change_counter_moves_when_a_list_changes_and_only_then() {
    let list: fn(&mut Sample) = |s| s.poke_list(2, b"Z");
    let other: fn(&mut Sample) = |s| s.poke("MAI/MA3/00000003.MAI", 11, &[9]);
    for (damage, before, after) in [
        (list, 0u16, 1u16),
        (list, 41, 42),
        (list, 65_535, 1),
        (other, 41, 41),
    ] {
        let mut sample = Sample::filled();
        damage(&mut sample);
        sample.put("GLB/FLAG.GLB", before.to_le_bytes().to_vec());
        let disk = sample.disk();
        assert_eq!(mend(&disk, &FixWhat::Safe).commits.len(), 1);
        assert_eq!(bytes(&disk, "GLB/FLAG.GLB"), after.to_le_bytes());
    }
}

// rule: dec:DEC-123
// rule: pof:R-DSY-003
// rule: tra:R-QUE-014
#[test]
fn a_lost_reqtrans_keeps_the_last_number() {
    for confirmed in [0u32, 7] {
        let mut sample = Sample::filled();
        sample.remove("GLB/REQTRANS.GLB");
        sample.poke("GLB/REQCONF.GLB", 4, &confirmed.to_le_bytes());
        let disk = sample.disk();
        mend(&disk, &FixWhat::Safe);
        let made = bytes(&disk, "GLB/REQTRANS.GLB");
        if confirmed == 0 {
            assert!(made.is_empty());
        } else {
            assert_eq!(made.len(), 49);
            let record = Record::decode(&made).unwrap();
            assert_eq!((record.head.sync, record.text), (7, DUMMY_TEXT));
        }
    }
}

// rule: dec:DEC-106
// rule: pof:R-TMP-002
// rule: pof:D-07
#[test]
fn a_sortlock_is_removed_when_it_is_ours_or_a_day_old() {
    for (content, age, mends) in [
        (&b"program=glb-import\r\npid=1\r\n"[..], 60i64, true),
        (&b""[..], 60, false),
        (&b"Admin"[..], 86_300, false),
        (&b"Admin"[..], 86_500, true),
        (&b""[..], 1_000_000, true),
    ] {
        let mut sample = Sample::filled();
        sample.modified = i64::from(NOW) - age;
        sample.put("GLB/SORTLOCK.GLB", content.to_vec());
        let disk = sample.disk();
        assert_eq!(
            mend(&disk, &FixWhat::Safe).mended,
            u64::from(mends),
            "{content:?} {age}"
        );
        let there = disk.stat(&path("GLB/SORTLOCK.GLB")).unwrap().is_some();
        assert_eq!(there, !mends);
    }
}

// rule: pof:R-NME-006
// rule: pof:R-GRP-011
#[test]
fn the_sound_file_of_a_pair_is_copied_over_the_damaged_one() {
    for (damaged, other) in [
        ("NME/ADMIN.NME", "NME/ADMINSHD.NME"),
        ("NME/ADMINSHD.NME", "NME/ADMIN.NME"),
        ("GRP/ADMIN.GRP", "GRP/ADMINSHD.GRP"),
        ("GRP/ADMINSHD.GRP", "GRP/ADMIN.GRP"),
    ] {
        for len in [Some(0), Some(13), None] {
            let mut sample = Sample::filled();
            match len {
                Some(len) => sample.resize(damaged, len),
                None => sample.remove(damaged),
            }
            let disk = sample.disk();
            mend(&disk, &FixWhat::Safe);
            assert_eq!(
                bytes(&disk, damaged),
                sample.files[other],
                "{damaged} {len:?}"
            );
            assert_eq!(bytes(&disk, other), sample.files[other]);
            assert!(ids(&look(&disk)).is_empty(), "{damaged} {len:?}");
        }
    }
}

// While the shadow contradicts ADMIN.NME nobody knows which is right, so nothing else is mended.
// rule: pof:R-NME-010
#[test]
fn a_list_that_contradicts_its_shadow_is_not_mended_from_elsewhere() {
    let mut sample = Sample::filled();
    sample.poke("NME/ADMIN.NME", 2, b"Z");
    let disk = sample.disk();
    let checked = look(&disk);
    assert!(ids(&checked).contains("nme.unsorted") && ids(&checked).contains("shadow.nme-content"));
    assert_eq!(mend(&disk, &FixWhat::Safe).mended, 0);
    mend(&disk, &by_id(&["shadow.nme-content"]));
    assert!(ids(&look(&disk)).is_empty());
    assert_eq!(
        bytes(&disk, "NME/ADMIN.NME"),
        Sample::filled().files["NME/ADMIN.NME"]
    );
}

// rule: pof:R-MAI-003
#[test]
fn the_counter_of_a_message_is_the_number_of_its_headers() {
    let mut sample = Sample::filled();
    for n in 0..298u32 {
        sample.pair(&format!("{:08X}", 0x100 + n), &[super::sample::header(1)]);
    }
    sample.put(
        "GLB/CONTROL.GLB",
        [0x300u32.to_le_bytes(), 4u32.to_le_bytes()].concat(),
    );
    let disk = sample.disk();
    let checked = look(&disk);
    let text = "The counter is 2, 300 headers name the message.";
    assert_eq!(message(&checked, "message.count-wrong"), text);
    mend(&disk, &FixWhat::Safe);
    assert_eq!(bytes(&disk, "MAI/MA1/00000001.MAI")[11..13], [0x2C, 0x01]);
}

// rule: pof:R-NAM-006
#[test]
fn a_message_in_the_wrong_folder_goes_home_unless_something_is_there() {
    let mut sample = Sample::filled();
    let bytes_of = letter(3, 1).encode().unwrap();
    sample.put("MAI/MA7/00000003.MAI", bytes_of);
    let disk = sample.disk();
    let found = look(&disk);
    let wrong: Vec<_> = found
        .found
        .iter()
        .filter(|f| f.finding.id.0 == "message.wrong-folder")
        .collect();
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].fix.is_none());
}

// rule: pof:R-DIR-001
#[test]
fn lower_case_trees_are_sound_too_and_mended_in_place() {
    let lower = |sample: Sample| Sample {
        dirs: sample.dirs.iter().map(|dir| dir.to_lowercase()).collect(),
        files: sample
            .files
            .into_iter()
            .map(|(file, bytes)| (file.to_lowercase(), bytes))
            .collect(),
        ..sample
    };
    let disk = lower(Sample::filled()).disk();
    let checked = look(&disk);
    let found: Vec<_> = checked.found.iter().map(|f| &f.finding).collect();
    assert_eq!(found.len(), 0, "{found:#?}");

    let mut sample = Sample::filled();
    sample.poke("MAI/MA3/00000003.MAI", 11, &[9]);
    sample.poke_list(2, b"Z");
    let disk = lower(sample).disk();
    assert_eq!(ids(&look(&disk)).len(), 2);
    let upper = |disk: &MemDisk| {
        disk.snapshot()
            .keys()
            .filter(|name| name.contains("MA3"))
            .count()
    };
    assert_eq!(upper(&disk), 0);
    assert_eq!(mend(&disk, &FixWhat::Safe).mended, 2);
    assert!(ids(&look(&disk)).is_empty());
    assert_eq!(upper(&disk), 0);
}

#[test]
fn a_fix_that_the_tree_cannot_take_does_not_stop_the_others() {
    let mut sample = Sample::filled();
    sample.resize("GLB/MODEM.GLB", 3);
    sample
        .links
        .push(("GLB/MODEM.GLB".into(), "LOG/OTHER.TXT".into()));
    sample.poke("MAI/MA3/00000003.MAI", 11, &[9]);
    let disk = sample.disk();
    let checked = look(&disk);
    let modem = checked
        .found
        .iter()
        .find(|f| f.finding.id.0 == "size.wrong")
        .unwrap();
    assert!(modem.fix.is_none());
    assert_eq!(mend(&disk, &FixWhat::Safe).mended, 1);
    let left: Vec<_> = ids(&look(&disk)).into_iter().collect();
    assert_eq!(left, ["file.hard-linked", "size.wrong"]);
}

#[test]
fn findings_stand_in_order_and_can_be_ignored() {
    let mut sample = Sample::filled();
    for stem in ["0000000F", "0000000A", "0000000C"] {
        sample.put(&format!("KEY/{stem}.KEY"), vec![0; 560]);
    }
    sample.pair(
        "00000003",
        &[super::sample::header(0x51), super::sample::header(0x50)],
    );
    sample.resize("GLB/GLOBAL.GLB", 1);
    let disk = sample.disk();
    let places: Vec<_> = look(&disk)
        .found
        .into_iter()
        .map(|f| (f.finding.id.0, f.finding.file, f.finding.offset))
        .collect();
    let mailbags: Vec<_> = places
        .iter()
        .filter(|(id, ..)| id.starts_with("mailbag"))
        .map(|(_, file, offset)| (file.as_str(), *offset))
        .collect();
    assert_eq!(
        mailbags,
        [
            ("KEY/0000000A.KEY", None),
            ("KEY/0000000C.KEY", None),
            ("KEY/0000000F.KEY", None),
            ("MBG/00000003.MBG", Some(0)),
            ("MBG/00000003.MBG", Some(116)),
        ]
    );
    let mut options = options();
    options.ignore.insert("mailbag.key-without-mbg".into());
    let mut parts = Vec::new();
    let checked = check(&view(&disk), &options, &mut |part| parts.push(part)).unwrap();
    assert!(!ids(&checked).contains("mailbag.key-without-mbg"));
    assert!(ids(&checked).contains("size.wrong"));
    assert_eq!(parts.len(), super::super::PARTS.len());
}

#[test]
fn the_limit_of_users_is_an_error_when_limits_are_strict() {
    let mut sample = Sample::filled();
    let record = sample.files["GLB/ACCESS2.GLB"][69..138].to_vec();
    for _ in 0..500 {
        sample.append("GLB/ACCESS2.GLB", &record);
    }
    let disk = sample.disk();
    for (strict, severity) in [(false, Severity::Warning), (true, Severity::Error)] {
        let mut options = options();
        options.strict_limits = strict;
        let checked = check(&view(&disk), &options, &mut |_| {}).unwrap();
        let found = checked
            .found
            .iter()
            .find(|f| f.finding.id.0 == "master.user-limit")
            .unwrap();
        assert_eq!(found.finding.severity, severity);
    }
}

#[test]
fn findings_beyond_the_limit_are_counted_and_mended_all_the_same() {
    let mut sample = Sample::filled();
    for n in 0..LISTED_LIMIT + 50 {
        sample.put(&format!("MEM/{:08X}.MEM", 0x100 + n), Vec::new());
    }
    let disk = sample.disk();
    let checked = look(&disk);
    let orphans: Vec<_> = checked
        .found
        .iter()
        .filter(|f| f.finding.id.0 == "group.mem-orphan")
        .collect();
    assert_eq!(orphans.len(), LISTED_LIMIT);
    assert_eq!(orphans[0].finding.file, "MEM/00000100.MEM");
    let left: Vec<_> = checked.left_out.iter().map(|(id, n)| (id.0, *n)).collect();
    assert_eq!(left, [("group.mem-orphan", 50)]);
    let fixed = mend(&disk, &by_id(&["group.mem-orphan"]));
    assert_eq!(
        (fixed.mended, fixed.commits.len()),
        (LISTED_LIMIT as u64 + 50, 2)
    );
    assert!(ids(&fixed.after).is_empty() && fixed.after.left_out.is_empty());
}

// A commit that stopped after its commit point is shown as completed, and is completed by mending.
#[test]
fn a_pending_commit_is_seen_through_and_reported() {
    let mut plan = Plan::new();
    plan.replace(path("LOG/NEW.TXT"), b"new".to_vec()).unwrap();
    plan.remove(path("MEM/00000006.MEM")).unwrap();
    let mut pending = 0;
    for stop in 1..200 {
        let disk = Sample::filled().disk();
        let faulty = FaultDisk::new(
            Arc::new(disk.clone()),
            Counting::Mutations,
            Some(Fault::StopAt(stop)),
        );
        let Ok(mut tree) = TreeMut::open(Arc::new(faulty), DOMAIN, &OpenOptions::default()) else {
            continue;
        };
        if tree.commit(&plan, &info()).is_ok() {
            break;
        }
        drop(tree);
        let disk = disk.kill();
        let view = TreeView::open(Arc::new(disk.clone()), DOMAIN, &OpenOptions::default()).unwrap();
        let checked = check(&view, &options(), &mut |_| {}).unwrap();
        assert_eq!(
            view.pending_commit().is_some(),
            ids(&checked).contains("journal.pending")
        );
        if view.pending_commit().is_none() {
            continue;
        }
        pending += 1;
        // The check sees the state after the commit: the MEM file is gone.
        assert!(ids(&checked).contains("group.mem-missing"));
        drop(view);
        let fixed = fix(
            &mut open(&disk),
            &options(),
            &FixWhat::Safe,
            &info(),
            &mut |_| {},
        )
        .unwrap();
        assert!(ids(&fixed.after).is_empty());
        assert_eq!(bytes(&disk, "LOG/NEW.TXT"), b"new");
    }
    assert!(pending > 3);
}

fn found(sample: &Sample) -> Vec<&'static str> {
    all_ids(&look(&sample.disk())).into_iter().collect()
}

// rule: pof:R-NAM-014
#[test]
fn numbers_of_folders_have_a_counter_of_their_own() {
    let mut sample = Sample::filled();
    // Q113149: the printed file of a folder.
    sample.put("FOLDERS/LOC/00000000/4D4F563C.FLD", vec![0; 129]);
    sample.put("FOLDERS/SERIALNO.IDX", vec![0x3D, 0x56, 0x4F, 0x4D]);
    assert_eq!(found(&sample), [""; 0]);
}

// What it said cannot be made up; a backup or a postoffice of the same name must give it back.
// rule: pof:R-MST-004
#[test]
fn a_bad_master_is_never_made_anew() {
    let empty: fn(&mut Sample) = |s| s.resize("GLB/MASTER.GLB", 0);
    let short: fn(&mut Sample) = |s| s.resize("GLB/MASTER.GLB", 175);
    let zero: fn(&mut Sample) = |s| s.put("GLB/MASTER.GLB", vec![0; 176]);
    for (damage, id) in [
        (empty, "size.wrong"),
        (short, "size.wrong"),
        (zero, "master.no-magic"),
    ] {
        let mut sample = Sample::filled();
        damage(&mut sample);
        let disk = sample.disk();
        assert!(ids(&look(&disk)).contains(id), "{id}");
        mend(&disk, &FixWhat::Safe);
        mend(&disk, &by_id(&[id]));
        assert_eq!(
            bytes(&disk, "GLB/MASTER.GLB"),
            sample.files["GLB/MASTER.GLB"],
            "{id}"
        );
    }
}

// rule: pof:R-NME-007
#[test]
fn the_mailbag_of_an_entry_is_that_of_its_user() {
    let mut sample = Sample::filled();
    sample.poke_list(45 + 41, &[9, 0, 0, 0]);
    let disk = sample.disk();
    assert!(ids(&look(&disk)).contains("nme.hexid-differs"));
    mend(&disk, &FixWhat::Safe);
    // Anna has mailbag 00000002 in ACCESS2.GLB.
    assert_eq!(bytes(&disk, "NME/ADMIN.NME")[45 + 41..90], [2, 0, 0, 0]);
}

// Q112904: the published cures for Notice 53.
// rule: pof:R-NME-009
#[test]
fn a_personal_list_may_be_empty_or_a_copy_of_that_of_the_postoffice() {
    let mut sample = Sample::filled();
    sample.put("NME/00000002.NME", Vec::new());
    assert_eq!(found(&sample), [""; 0]);
    let copy = sample.files["NME/ADMIN.NME"].clone();
    sample.put("NME/00000002.NME", copy);
    assert_eq!(found(&sample), [""; 0]);
    sample.append("NME/00000002.NME", b"abc");
    assert_eq!(found(&sample), ["size.fragment"]);
}

// rule: pof:R-XTN-004
#[test]
fn a_network_without_postoffices_has_an_empty_file_and_a_missing_file_is_damage() {
    let mut sample = Sample::fresh();
    assert!(sample.files["XTN/00000001.XTN"].is_empty());
    assert_eq!(found(&sample), [""; 0]);
    sample.remove("XTN/00000001.XTN");
    assert_eq!(found(&sample), ["xtn.missing-file"]);
}

// Q164509: such files have a right size.
// rule: pof:R-XTN-007
#[test]
fn names_that_stand_twice_are_found_among_active_records_only() {
    let mut sample = Sample::filled();
    let record = |sample: &Sample, file: &str, len: usize| sample.files[file][..len].to_vec();
    let mut network = record(&sample, "GLB/NETWORK.GLB", 122);
    network[13..22].fill(0);
    let mut office = record(&sample, "XTN/00000001.XTN", 698);
    office[1..6].copy_from_slice(b"hubPO");
    office[649] = 0;
    for state in [0u8, 1] {
        (network[0], office[0]) = (state, state);
        sample.append("GLB/NETWORK.GLB", &network);
        sample.append("XTN/00000001.XTN", &office);
        let expected: &[&str] = match state {
            0 => &[],
            // Both records are hubs of the same postoffice, and one of them counts none.
            _ => &["network.duplicate", "xtn.duplicate", "xtn.indirect-count"],
        };
        assert_eq!(found(&sample), expected);
    }
    // A record that is no multiple of the length is another matter.
    sample.append("XTN/00000001.XTN", &[1]);
    assert!(found(&sample).contains(&"size.fragment"));
}

// rule: pof:R-DSY-010
#[test]
fn more_than_a_hundred_headers_in_system_are_said() {
    for (headers, expected) in [(100usize, &[][..]), (101, &["dirsync.mailbag-full"])] {
        let mut sample = Sample::filled();
        // All of them deleted, as after mail that was processed.
        sample.pair("SYSTEM", &vec![super::sample::header(1); headers]);
        let mut bits = vec![0xFF; headers / 8];
        bits.push((1 << (headers % 8)) - 1);
        sample.poke("KEY/SYSTEM.KEY", 48, &bits);
        assert_eq!(found(&sample), expected, "{headers}");
    }
    let mut sample = Sample::filled();
    sample.put("MBG/SYSTEM.MBG", vec![0; 117]);
    assert!(found(&sample).contains(&"size.fragment"));
}

// Q119642, Q128913: they lie between the envelopes.
// rule: pof:R-P1-002
#[test]
fn locks_and_the_ledger_are_no_envelopes() {
    let mut sample = Sample::filled();
    for file in ["P1/00000004.0LK", "P1/LOCKP1ID.PBB", "P1/LOCKP1ID.PZZ"] {
        sample.put(file, Vec::new());
    }
    assert_eq!(found(&sample), [""; 0]);
    // One that no header names is an envelope, whatever it holds.
    sample.put("P1/00000002.P1", Vec::new());
    assert_eq!(found(&sample), ["message.orphan-p1"]);
}

// rule: pof:R-ATT-002
// rule: pof:R-P1-001
#[test]
fn stranded_files_of_mail_go_and_those_of_waiting_mail_stay() {
    let mut sample = Sample::filled();
    sample.put(
        "GLB/CONTROL.GLB",
        [5u32.to_le_bytes(), 0x20u32.to_le_bytes()].concat(),
    );
    let stranded = [
        ("MAI/MA0/00000010.MAI", letter(0x10, 1).encode().unwrap()),
        ("ATT/AT1/00000011.ATT", b"x".to_vec()),
        ("P1/00000012.P1", b"x".to_vec()),
    ];
    for (file, bytes) in &stranded {
        sample.put(file, bytes.clone());
    }
    let disk = sample.disk();
    // A message may be all that is left of somebody's mail: only on demand.
    assert_eq!(mend(&disk, &FixWhat::Safe).mended, 0);
    mend(
        &disk,
        &by_id(&[
            "message.orphan-mai",
            "message.orphan-att",
            "message.orphan-p1",
        ]),
    );
    let left = disk.snapshot();
    for (file, _) in &stranded {
        assert!(!left.contains_key(*file), "{file}");
    }
    for file in [
        "MAI/MA1/00000001.MAI",
        "ATT/AT2/00000002.ATT",
        "MAI/MA3/00000003.MAI",
        "P1/00000003.P1",
    ] {
        assert!(left.contains_key(file), "{file}");
    }
}

// rule: pof:R-LCK-003
// rule: tra:R-QUE-015
#[test]
fn a_missing_flag_is_made_and_an_empty_one_is_a_fault() {
    let gone: fn(&mut Sample) = |s| s.remove("GLB/FLAG.GLB");
    let empty: fn(&mut Sample) = |s| s.put("GLB/FLAG.GLB", Vec::new());
    for (damage, id) in [(gone, "file.missing-remade"), (empty, "size.wrong")] {
        let mut sample = Sample::filled();
        damage(&mut sample);
        assert_eq!(found(&sample), [id]);
        let disk = sample.disk();
        mend(&disk, &FixWhat::Safe);
        assert_eq!(bytes(&disk, "GLB/FLAG.GLB").len(), 2);
        assert!(all_ids(&look(&disk)).is_empty());
    }
}

// rule: pof:R-TMP-001
// rule: pof:R-TMP-003
// rule: pof:R-TMP-004
#[test]
fn what_interrupted_programs_leave_behind_is_found() {
    for (file, id) in [
        ("GLB/SRVUPDS.GLB", "dirsync.leftover"),
        ("GLB/REQUPDS.GLB", "dirsync.leftover"),
        ("GLB/TMPTRANS.GLB", "dirsync.leftover"),
        ("GLB/IUSRTRAN.GLB", "dirsync.leftover"),
        ("GLB/INMETRAN.GLB", "dirsync.leftover"),
        ("GLB/IGWTRANS.GLB", "dirsync.leftover"),
        ("GLB/SORT0001.GLB", "dirsync.leftover"),
        ("GLB/ILOCAL.GLB", "dirsync.leftover"),
        ("GLB/INDEX.GLB", "dirsync.leftover"),
        ("GLB/GALINDE$.GLB", "dirsync.leftover"),
        ("GLB/TMPNETPO.GLB", "dirsync.leftover"),
        ("GLB/GALTMP.GLB", "dirsync.leftover"),
        ("NME/TMP00003.NME", "dirsync.leftover"),
        ("NME/GAL$.NME", "dirsync.leftover"),
        ("NME/TMPACC2.NME", "dirsync.leftover"),
        ("USR/IMPORT.USR", "dirsync.leftover-import"),
        ("INF/IMPORT.INF", "dirsync.leftover-import"),
        ("MBG/COPY.MBG", "dirsync.leftover-import"),
    ] {
        let mut sample = Sample::filled();
        sample.put(file, Vec::new());
        assert_eq!(found(&sample), [id], "{file}");
    }
}

// rule: pof:D-18
// rule: pof:D-19
#[test]
fn the_byte_of_a_marker_and_the_network_system_do_not_matter() {
    let mut sample = Sample::filled();
    sample.put("GLB/POPULATE.MSM", vec![0xFF]);
    sample.put("P1/POPULATE.MSM", vec![0]);
    for system in [1, 2] {
        sample.poke("GLB/MASTER.GLB", 7, &[system]);
        assert_eq!(found(&sample), [""; 0]);
    }
}

// Q132560, Q91039, Q91044: of the kind "single", without NETWORK.GLB, with names of its own rules.
// rule: pof:R-WG-003
// rule: pof:R-WG-004
// rule: pof:R-WG-007
#[test]
fn a_workgroup_postoffice_is_known_by_its_master_or_by_what_it_lacks() {
    let mut sample = Sample::filled();
    sample.poke("GLB/MASTER.GLB", 6, &[0]);
    assert_eq!(found(&sample), ["tree.workgroup"]);
    let mut sample = Sample::fresh();
    sample.poke("GLB/MASTER.GLB", 6, &[0]);
    sample.poke("GLB/MASTER.GLB", 19, b"MY-PC_1");
    sample.poke("GLB/MASTER.GLB", 30, b"0799-99992");
    // Its gateway bits mean nothing (Q110225).
    sample.poke("GLB/MASTER.GLB", 147, &[0xFF]);
    sample.remove("GLB/NETWORK.GLB");
    sample.remove("XTN/00000001.XTN");
    assert_eq!(found(&sample), ["tree.workgroup"]);
    let ids = found(&sample.foreign());
    assert!(
        ids.contains(&"tree.workgroup") && !ids.contains(&"file.missing"),
        "{ids:?}"
    );
}

// Q119642: the locks of 2.1 end in 0 and two digits. Their case says nothing (Q129456).
// rule: tra:R-LCK-007
// rule: tra:R-LCK-008
// rule: tra:OQ-19
#[test]
fn old_locks_of_queues_of_any_version_are_found() {
    let mut sample = Sample::filled();
    let locks = ["P1/00000003.0LK", "P1/00000004.0lk", "P1/INQUEUE.012"];
    for file in locks {
        sample.put(file, Vec::new());
    }
    // Somebody may be at work.
    assert_eq!(found(&sample), [""; 0]);
    sample.modified -= 100_000;
    let disk = sample.disk();
    let checked = look(&disk);
    let files: Vec<&str> = checked
        .found
        .iter()
        .map(|f| f.finding.file.as_str())
        .collect();
    assert_eq!(
        all_ids(&checked).into_iter().collect::<Vec<_>>(),
        ["lock.stale-0lk"]
    );
    assert_eq!(files, locks);
    mend(&disk, &FixWhat::Safe);
    assert!(
        locks
            .iter()
            .all(|file| !disk.snapshot().contains_key(*file))
    );
}

// Q135902, Q266442.
// rule: tra:R-QUE-007
#[test]
fn a_missing_folder_of_envelopes_is_made_again_with_its_marker() {
    let mut sample = Sample::fresh();
    sample.dirs.remove("P1");
    sample.remove("P1/POPULATE.MSM");
    let disk = sample.disk();
    assert_eq!(
        message(&look(&disk), "directory.missing"),
        "Directory Does Not Exist."
    );
    mend(&disk, &FixWhat::Safe);
    assert_eq!(bytes(&disk, "P1/POPULATE.MSM"), [0x20]);
    assert!(all_ids(&look(&disk)).is_empty());
}
