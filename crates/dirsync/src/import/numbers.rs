//! Every numbered message of IMPORT and REBUILD (Q96001 to Q96004, imp section 7): the test that
//! produces it, or why no program of ours says it. Those are explained by `po-admin explain` all the
//! same.

use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::format::access::{Access2Record, AccessRecord};
use crate::import::ImportError;
use crate::import::apply::FileRules;
use crate::import::file::{FileImported, FileOptions, run_file};
use crate::import::queue::{QueueOptions, plan_queue};
use crate::import::testtree::*;
use crate::progress::NoProgress;
use crate::tree::Command;
use crate::tree::disk::mem::MemDisk;

const TEXT: &str = include_str!("../../../dirsync-core/src/format/import_text/tests.rs");
const FILE: &str = include_str!("file/tests.rs");
const EXTRACT: &str = include_str!("extract/tests.rs");
const QUEUE: &str = include_str!("queue/tests.rs");
const COPIES: &str = include_str!("queue/tests/copies.rs");
const PLACES: &str = include_str!("queue/tests/places.rs");
const REBUILD: &str = include_str!("rebuild/tests.rs");
const RESYNC: &str = include_str!("resync/tests.rs");
const LISTS: &str = include_str!("../postoffice/lists/tests.rs");
const HERE: &str = include_str!("numbers.rs");

const FAULTS: &str = "every_fault_of_a_file_is_found_with_line_and_column";
const FOLLOWING: &str = "lines_that_follow_spoil_their_transaction_alone";
const LOCAL: &str = "local_users_are_made_changed_and_removed";
const UNKNOWN: &str = "places_that_are_not_known_are_refused_or_created";

/// Number, file, test, and the words of the test that ask for it.
const SHOWN: &[(u16, &str, &str, &str)] = &[
    (2, LISTS, "", "[ 2] Error opening file: REQTRANS"),
    (12, TEXT, FAULTS, "(1, 12)"),
    (13, TEXT, FAULTS, "(1, 13)"),
    (14, RESYNC, "", "[ 14]"),
    (15, TEXT, FAULTS, "(51, 15)"),
    (16, TEXT, FAULTS, "(34, 16)"),
    (17, TEXT, FAULTS, "(41, 17)"),
    (18, TEXT, FAULTS, "(2, 18)"),
    (19, TEXT, FAULTS, "(44, 19)"),
    (20, TEXT, FAULTS, "(48, 20)"),
    (21, TEXT, FAULTS, "(17, 21)"),
    (22, TEXT, FOLLOWING, "(3, 11, 22)"),
    (23, TEXT, FAULTS, "(2, 23)"),
    (24, TEXT, FAULTS, "(8, 24)"),
    (25, TEXT, FAULTS, "(294, 25)"),
    (26, TEXT, FAULTS, "(39, 26)"),
    (
        27,
        FILE,
        "add_to_pol_copies_and_replace_reaches_the_copies",
        "[(4, 27)]",
    ),
    (28, FILE, "every_type_is_replaced_and_filled", "(9, 28)"),
    (
        29,
        FILE,
        "a_wrong_old_alias_is_message_29_and_can_be_corrected_from_the_log",
        "[(3, 29)]",
    ),
    (31, FILE, UNKNOWN, "(1, 31)"),
    (32, FILE, UNKNOWN, "(2, 32)"),
    (
        36,
        EXTRACT,
        "templates_that_do_not_fit_their_data_are_left_out_with_their_number",
        ", 36)",
    ),
    (
        37,
        FILE,
        "templates_and_their_data_are_taken_when_asked_for_and_do_not_grow",
        "[(1, 37)",
    ),
    (38, TEXT, "templates_have_up_to_256_fields", "(258, 2, 38)"),
    (
        39,
        REBUILD,
        "a_zero_galnetpo_is_message_39_and_the_ids_start_again",
        "Some(39)",
    ),
    (
        40,
        COPIES,
        "bad_records_are_reported_and_kept_and_the_others_applied",
        "Some(40)",
    ),
    (
        43,
        EXTRACT,
        "lists_that_do_not_exist_and_entries_without_address_are_named",
        "Some(43)",
    ),
    (44, FILE, UNKNOWN, "(6, 44)"),
    (
        45,
        QUEUE,
        "a_sort_lock_of_another_program_stops_and_ours_is_removed",
        "[ 45] File error sor",
    ),
    (
        46,
        RESYNC,
        "what_cannot_be_told_is_left_out_and_named",
        "43, 46, 46",
    ),
    (47, TEXT, FOLLOWING, "(19, 1, 47)"),
    (48, TEXT, FAULTS, "(38, 48)"),
    (
        52,
        HERE,
        "without_its_configuration_a_requestor_imports_nothing",
        "[ 52]",
    ),
    (54, FILE, UNKNOWN, "[ 54] "),
    (55, PLACES, "", "[ 55]"),
    (
        56,
        FILE,
        "a_file_that_cannot_be_read_changes_nothing",
        "[ 56] ",
    ),
    (
        57,
        EXTRACT,
        "lists_that_do_not_exist_and_entries_without_address_are_named",
        "[ 57] ",
    ),
    (
        60,
        PLACES,
        "without_a_known_server_nothing_is_created",
        "vec![60]",
    ),
    (
        61,
        EXTRACT,
        "templates_come_along_and_their_lack_is_message_61",
        "[61]",
    ),
    (
        63,
        RESYNC,
        "a_list_that_cannot_be_read_ends_it_with_63",
        "[ 63]",
    ),
    (64, FILE, UNKNOWN, "(5, 64)"),
    (
        65,
        PLACES,
        "template_data_is_written_once_and_does_not_grow",
        "[65]",
    ),
    (66, FILE, LOCAL, "(13, 66)"),
    (67, RESYNC, "", "[ 67]"),
    (68, FILE, UNKNOWN, "(4, 68)"),
    (69, TEXT, FAULTS, "(39, 69)"),
    (70, TEXT, FAULTS, "(43, 70)"),
    (71, TEXT, FAULTS, "(46, 71)"),
    (72, TEXT, FAULTS, "(33, 72)"),
    (
        73,
        FILE,
        "templates_and_their_data_are_taken_when_asked_for_and_do_not_grow",
        "(1, 73)",
    ),
    (74, TEXT, FAULTS, "(68, 74)"),
    (75, TEXT, FAULTS, "(70, 75)"),
    (76, TEXT, FAULTS, "(72, 76)"),
    (77, TEXT, FAULTS, "(66, 77)"),
    (
        79,
        HERE,
        "a_full_disk_and_a_full_postoffice_have_their_numbers",
        "[ 79]",
    ),
    (81, TEXT, FAULTS, "(45, 81)"),
    (82, TEXT, FOLLOWING, "(8, 1, 82)"),
    (83, FILE, LOCAL, "(9, 83)"),
    (84, FILE, LOCAL, "(11, 84)"),
    (85, FILE, LOCAL, "(8, 85)"),
    (86, FILE, LOCAL, "(10, 86)"),
    (
        87,
        HERE,
        "a_full_disk_and_a_full_postoffice_have_their_numbers",
        "vec![87; 2]",
    ),
    (88, TEXT, FOLLOWING, "(10, 1, 88)"),
    (89, FILE, LOCAL, "(1, 89)"),
    (
        91,
        QUEUE,
        "a_held_flag_is_message_91_and_everything_waits",
        "[ 91] The mail datab",
    ),
    (92, FILE, LOCAL, "(16, 92)"),
    (93, FILE, LOCAL, "(6, 93)"),
    (
        201,
        REBUILD,
        "a_missing_list_is_said_and_an_empty_address_list_stops",
        "Some(201)",
    ),
    (
        202,
        REBUILD,
        "a_master_without_its_form_is_message_202_and_the_list_is_made",
        "Some(202)",
    ),
    (
        203,
        REBUILD,
        "a_list_that_somebody_holds_stays_and_the_new_one_lies_beside_it",
        "[203]",
    ),
];

/// The disk's own error with file and reason takes the place of these.
const DISK: &str = "a disk error names the file and what the system said; nothing is changed";
const MEMORY: &str = "there is no limit on memory or file handles of our own";
const WHOLE: &str = "a commit is made whole or not at all, so there is no half of it to speak of";

/// Numbers that no program of ours says, and why.
const NEVER: &[(u16, &str)] = &[
    (1, "message texts are built in (imp R-IMP-043)"),
    (4, DISK),
    (7, WHOLE),
    (8, WHOLE),
    (9, MEMORY),
    (
        10,
        "postoffices older than 3.0 are foreign trees, which nothing writes",
    ),
    (30, DISK),
    (
        33,
        "a list without template is 65, an extract without one 61",
    ),
    (34, DISK),
    (35, MEMORY),
    (41, "sorting is done in memory and cannot fail"),
    (
        42,
        "a lock is 91 for FLAG.GLB, 45 for SORTLOCK.GLB, 203 for the Global Address List",
    ),
    (49, WHOLE),
    (50, WHOLE),
    (51, WHOLE),
    (
        53,
        "MASTER.GLB and XTN files that cannot be read are named with the place of the damage",
    ),
    (58, DISK),
    (
        59,
        "the one place that cannot be created is the own postoffice, which is never asked for",
    ),
    (62, WHOLE),
    (78, MEMORY),
    (80, MEMORY),
    (90, WHOLE),
    (150, DISK),
    (204, "a rebuild without room is message 79 before it begins"),
    (249, MEMORY),
];

/// All numbers of the section.
fn all() -> Vec<u16> {
    let first = [1, 2, 4, 7, 8, 9, 10].into_iter();
    first
        .chain(12..=93)
        .chain([150, 201, 202, 203, 204, 249])
        // Never published.
        .filter(|number| ![11, 94].contains(number))
        .collect()
}

/// The text of one test, or the whole file for an empty name.
fn body<'a>(file: &'a str, test: &str) -> &'a str {
    if test.is_empty() {
        return file;
    }
    let start = file
        .find(&format!("fn {test}("))
        .unwrap_or_else(|| panic!("there is no test {test}"));
    let rest = &file[start..];
    let end = rest.find("#[test]").unwrap_or(rest.len());
    &rest[..end]
}

// rule: imp:R-IMP-043
#[test]
fn every_number_has_a_test_or_a_reason_and_a_text() {
    let mut numbers: Vec<u16> = SHOWN.iter().map(|(number, ..)| *number).collect();
    numbers.extend(NEVER.iter().map(|(number, _)| *number));
    numbers.sort_unstable();
    assert_eq!(numbers, all());
    for number in all() {
        let entry = lookup_code(Family::Dirsync, i32::from(number));
        assert!(
            entry.is_some_and(|entry| !entry.text.is_empty()),
            "{number}"
        );
    }
    for (number, file, test, words) in SHOWN {
        assert!(
            body(file, test).contains(words),
            "{number}: {test}: {words}"
        );
    }
}

fn import(disk: &MemDisk, text: &str, options: &FileOptions) -> Result<FileImported, ImportError> {
    let mut tree = writer(disk);
    let info = info(Command::ImportFile);
    run_file(&mut tree, &mut text.as_bytes(), options, &info, &NoProgress).map(|(done, _)| done)
}

// rule: imp:R-IMP-043
#[test]
fn without_its_configuration_a_requestor_imports_nothing() {
    let disk = fresh();
    disk_remove(&disk, "GLB/REQCONF.GLB");
    let error = plan_queue(&view(&disk), &QueueOptions::at(NOW), &[], &NoProgress).unwrap_err();
    assert!(error.to_string().contains("[ 52]"), "{error}");
}

// rule: imp:R-QUE-006
#[test]
fn a_full_disk_and_a_full_postoffice_have_their_numbers() {
    let disk = fresh();
    let some = FileOptions {
        len_bytes: Some(21),
        ..FileOptions::at(NOW, "USERS.TXT")
    };
    disk.set_capacity(Some(0));
    let error = import(&disk, "A Ann\tPCM:NET/HQ/ann\n", &some).unwrap_err();
    assert!(error.to_string().starts_with("[ 79]"), "{error}");
    disk.set_capacity(None);
    // 499 users beside the administrator, none of whom has files: only the lists are looked at.
    let users: String = (1..500)
        .map(|n| format!("A User {n}\tPCM:NET/HQ/u{n}\n"))
        .collect();
    let options = FileOptions::at(NOW, "USERS.TXT");
    assert_eq!(import(&disk, &users, &options).unwrap().counts.added, 499);
    let strict = FileOptions {
        rules: FileRules {
            strict_limits: true,
            ..FileRules::default()
        },
        ..options.clone()
    };
    let two = "A One\tPCM:NET/HQ/one\nA Two\tPCM:NET/HQ/two\n";
    let codes = |imported: &FileImported| -> Vec<u16> {
        let kept = imported.problems.kept().iter();
        kept.filter_map(|problem| problem.line.code).collect()
    };
    let refused = import(&disk, two, &strict).unwrap();
    assert_eq!((codes(&refused), refused.counts.added), (vec![87; 2], 0));
    // The limit is one of the clients: without it, the number is said once.
    let warned = import(&disk, two, &options).unwrap();
    assert_eq!((codes(&warned), warned.counts.added), (vec![87], 2));
    let records = read(&disk, "GLB/ACCESS.GLB").unwrap().len() / size_of::<AccessRecord>();
    let second = read(&disk, "GLB/ACCESS2.GLB").unwrap().len() / size_of::<Access2Record>();
    assert_eq!((records, second), (502, 502));
}
