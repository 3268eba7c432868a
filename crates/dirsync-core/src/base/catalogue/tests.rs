//! Tests of the catalogue: the data is complete and look-ups find what users mean.

use super::*;
use crate::base::address::Fault;
use proptest::prelude::*;
use std::collections::HashSet;

fn labels(query: &str) -> Vec<String> {
    lookup(query).iter().map(|entry| entry.label()).collect()
}

// rule: dsp:R-LOG-007
#[test]
fn every_line_is_read_and_every_key_is_unique_and_in_order() {
    let lines: usize = Family::ALL
        .into_iter()
        .map(|f| data_lines(f.data()).count())
        .sum();
    assert_eq!(entries().len(), lines);
    assert!(
        entries()
            .windows(2)
            .all(|pair| { (pair[0].family, pair[0].code) < (pair[1].family, pair[1].code) })
    );
    let counts: Vec<_> = Family::ALL
        .into_iter()
        .map(|family| {
            entries()
                .iter()
                .filter(|entry| entry.family == family)
                .count()
        })
        .collect();
    // 125 numbers of the articles and 10 seen in logs alone; codes, notices and events as printed.
    assert_eq!(counts[0], 135);
    assert_eq!(counts[1], 18);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    for entry in entries() {
        assert_eq!(lookup_code(entry.family, entry.code), Some(entry));
    }
}

// rule: imp:R-FMT-010
#[test]
fn every_entry_has_meaning_source_and_sound_text() {
    for entry in entries() {
        let name = format!("{} {}", entry.family.name(), entry.code);
        assert!(
            entry.meaning.len() > 3 && entry.meaning.ends_with(['.', '!']),
            "{name}"
        );
        assert!(
            entry.remedy.is_empty() || entry.remedy.ends_with('.'),
            "{name}"
        );
        assert!(!entry.sources.is_empty(), "{name}");
        let own = entry.family == Family::DxEvent && entry.code > 9000;
        for source in entry
            .sources
            .iter()
            .filter(|source| !(own && **source == "assigned"))
        {
            let digits = source.strip_prefix('Q').unwrap_or_default();
            assert!(
                digits.len() >= 5 && digits.bytes().all(|b| b.is_ascii_digit()),
                "{name}: {source}"
            );
        }
        if entry.family == Family::Dirsync {
            assert!(entry.severity.is_some(), "{name}");
        }
        for text in std::iter::once(&entry.text).chain(&entry.variants) {
            assert_eq!(*text, text.trim(), "{name}");
            // Parts that vary are written <name>, never in the C or event-log fashion.
            let bytes = text.as_bytes();
            for (at, _) in text.match_indices('%') {
                let next = bytes.get(at + 1).copied().unwrap_or(b' ');
                assert!(
                    !next.is_ascii_digit() && !b"sudx".contains(&next),
                    "{name}: {text}"
                );
            }
            for (at, _) in text.match_indices('<') {
                let part = text[at + 1..].split('>').next().unwrap_or_default();
                assert!(
                    !part.is_empty() && !part.contains('<') && at + 1 + part.len() < text.len(),
                    "{name}: {text}"
                );
            }
        }
    }
}

// rule: dec:DEC-056
#[test]
fn severities_are_those_of_the_logs() {
    let severity = |code| {
        lookup_code(Family::Dirsync, code)
            .unwrap()
            .severity
            .unwrap()
    };
    assert_eq!(severity(138), LogSeverity::Error);
    assert_eq!(severity(139), LogSeverity::Error);
    assert_eq!(severity(39), LogSeverity::Fatal);
    assert_eq!(severity(27), LogSeverity::Warning);
    assert_eq!(severity(105), LogSeverity::Status);
    assert!(!lookup_code(Family::Dirsync, 20).unwrap().severity_assigned);
    assert!(lookup_code(Family::Dirsync, 16).unwrap().severity_assigned);
}

// rule: imp:R-FMT-010
#[test]
fn faults_of_addresses_say_what_the_catalogue_says() {
    use Fault::*;
    for fault in [
        CommandColumn,
        PhoneCharacter,
        UnknownType,
        NodeIncomplete,
        NoAddress,
        PhysicalIncomplete,
        ElementTooLong,
        TemplateSlash,
        Separator,
        TemplateNotAllowed,
        PhysicalTooLong,
        BadPhysical,
        NoFullName,
        NoEffect,
        NoPhysical,
        ReservedNetwork,
        NetworkCharacter,
        PostofficeCharacter,
        MailboxCharacter,
        FullNameTooLong,
        FaxRecipient,
        FaxLocation,
        FaxCompany,
        FaxPhone,
        NoMailbox,
        UserOptionNotAllowed,
        UserOptionForm,
    ] {
        let entry = lookup_code(Family::Dirsync, i32::from(fault.number())).unwrap();
        assert_eq!(entry.text, fault.text());
    }
}

// rule: dsp:R-LOG-001
#[test]
fn queries_are_understood_as_logs_and_screens_print_them() {
    assert_eq!(labels("[45]"), ["[ 45]"]);
    assert_eq!(labels("[ 45]"), ["[ 45]"]);
    assert_eq!(labels("Fatal 39"), ["[ 39]"]);
    assert_eq!(labels("Error [ 20]"), ["[ 20]"]);
    assert_eq!(labels("warning[ 27]"), ["[ 27]"]);
    assert_eq!(labels("event 2219"), ["event 2219"]);
    assert_eq!(labels("notice 58"), ["notice 58"]);
    assert_eq!(labels("notice 62").len(), 2);
    assert_eq!(labels("[017]"), ["[017]", "[ 17]"]);
    assert_eq!(labels("[17]"), ["[ 17]", "[017]"]);
    assert_eq!(labels("podiag 117"), ["PODIAG 117"]);
    assert_eq!(labels(" msmi 2335 "), ["event 2335"]);
    let bare = labels("45");
    assert_eq!(bare, ["[ 45]", "notice 45"]);
    assert_eq!(labels("KEY exists without"), ["MAILINT 8"]);
    assert!(labels("Alias already exists").contains(&"[ 27]".to_owned()));
    for nothing in [
        "",
        "ab",
        "[",
        "[]",
        "[x]",
        "9999",
        "99999999999999999999",
        "[-]",
        "zebra 5",
    ] {
        assert!(lookup(nothing).is_empty(), "{nothing}");
    }
}

// rule: pof:R-GLB-001
// rule: pof:R-SIZ-001
#[test]
fn files_are_explained_by_name_and_path() {
    let pattern = |path| explain_file(path).map(|entry| entry.pattern);
    assert_eq!(pattern("MASTER.GLB"), Some("GLB/MASTER.GLB"));
    assert_eq!(pattern("glb\\master.glb"), Some("GLB/MASTER.GLB"));
    assert_eq!(pattern("MBG/MASTER.GLB"), None);
    assert_eq!(pattern("00000004.mbg"), Some("MBG/*.MBG"));
    assert_eq!(pattern("MBG/SYSTEM.MBG"), Some("MBG/SYSTEM.MBG"));
    assert_eq!(pattern("MAI/MA2/00000062.MAI"), Some("MAI/*.MAI"));
    assert_eq!(pattern("MAI/MA2/POPULATE.MSM"), Some("POPULATE.MSM"));
    assert_eq!(pattern("GAL.NME"), Some("NME/GAL.NME"));
    assert_eq!(pattern("MTADATA/DB000001.DAT"), Some("MTADATA/DB*.DAT"));
    assert_eq!(pattern("*.MBG"), Some("MBG/*.MBG"));
    for nothing in ["", "/", "GLB/", "FOREIGN.TXT"] {
        assert_eq!(pattern(nothing), None);
    }
    assert_eq!(
        file_entries().len(),
        data_lines(include_str!("files.tsv")).count()
    );
    let unique: HashSet<_> = file_entries().iter().map(|entry| entry.pattern).collect();
    assert_eq!(unique.len(), file_entries().len());
    for (index, entry) in file_entries().iter().enumerate() {
        assert!(!entry.purpose.is_empty() && !entry.size.is_empty() && !entry.missing.is_empty());
        // Nothing before an entry hides it.
        assert_eq!(explain_file(entry.pattern), file_entries().get(index));
    }
    for (name, size) in [
        ("ACCESS.GLB", "586"),
        ("ACCESS2.GLB", "69"),
        ("ACCESS3.GLB", "512"),
        ("CONTROL.GLB", "8"),
        ("FLAG.GLB", "2"),
        ("MASTER.GLB", "176"),
        ("NETPO.GLB", "43"),
        ("NETWORK.GLB", "122"),
        ("GROUP.GLB", "51"),
        ("GRPMEM.GLB", "128"),
        ("PROCESS.GLB", "197"),
        ("TID.GLB", "4"),
        ("1.KEY", "560"),
        ("1.MBG", "116"),
        ("1.USR", "53"),
        ("1.XTN", "698"),
        ("1.NME", "45"),
    ] {
        let rule = explain_file(name).unwrap().size;
        assert!(
            rule.split(|c: char| !c.is_ascii_digit())
                .any(|number| number == size),
            "{name}: {rule}"
        );
    }
}

proptest! {
    // rule: dsp:R-LOG-001
    #[test]
    fn any_query_is_answered(query: String, almost in "[A-Za-z]{0,8} ?\\[?[0-9+ -]{0,12}\\]?") {
        for query in [&query, &almost] {
            let _ = lookup(query);
            let _ = explain_file(query);
        }
    }

    // rule: dsp:R-LOG-001
    #[test]
    fn labels_find_their_entry(index in 0..entries().len()) {
        let entry = &entries()[index];
        prop_assert!(lookup(&entry.label()).contains(&entry), "{}", entry.label());
    }
}

// rule: dsp:R-REC-009
#[test]
fn notices_about_dirsync_files_are_known_by_both_numberings() {
    let files = ["Configuration", "Registration", "Directory"];
    let verbs = ["opening", "reading", "writing"];
    for (number, code) in (159..=167).enumerate() {
        let text = format!(
            "Failure {} Requestor {} file",
            verbs[number % 3],
            files[number / 3]
        );
        let entry = lookup_code(Family::AdminNotice, code).unwrap();
        let known = std::iter::once(&entry.text).chain(&entry.variants);
        assert!(
            known.into_iter().any(|known| *known == text),
            "{code}: {entry:?}"
        );
    }
    // The 3.x programs give three of the numbers another meaning; that one comes first.
    for (code, text) in [
        (
            159,
            "Could not access Requestor's configuration information.",
        ),
        (
            162,
            "Failed to complete installation of the directory server.",
        ),
        (
            163,
            "Failed to complete deinstallation of directory server.",
        ),
    ] {
        assert_eq!(lookup_code(Family::AdminNotice, code).unwrap().text, text);
    }
}

// What the programs print when a file of a postoffice is missing, held or damaged.
// rule: pof:R-MST-003
// rule: pof:R-MST-005
// rule: pof:R-TID-003
// rule: pof:R-NPO-006
// rule: pof:R-GRP-010
// rule: pof:R-XTN-004
// rule: pof:R-USR-004
// rule: pof:R-NME-009
#[test]
fn published_texts_about_files_are_explained_word_for_word() {
    use Family::{AdminNotice, ClientNotice, Dirsync, Mailint};
    for (family, code, text) in [
        (AdminNotice, 2, "Error updating MASTER.GLB"),
        (AdminNotice, 60, "Could Not Access Server's Configuration"),
        (AdminNotice, 104, "Error reading master.glb file."),
        (Dirsync, 202, "No Valid Postoffice found"),
        (Mailint, 11, "PO Not Found at <location>."),
        (Dirsync, 39, "Error generating TID"),
        (
            AdminNotice,
            55,
            "Error creating user address in Postoffice Address List.",
        ),
        (
            ClientNotice,
            53,
            "Error Creating User Address in Personal Address List",
        ),
        (AdminNotice, 36, "Error in reading groups."),
        (
            AdminNotice,
            63,
            "Error creating group in Postoffice Address List.",
        ),
        (
            AdminNotice,
            10,
            "No external postoffices have been defined yet",
        ),
        (AdminNotice, 19, "Error Accessing Post Office Definition"),
        (AdminNotice, -1, "Device not Available."),
        (Dirsync, 7, "Error renaming file:"),
    ] {
        let entry = lookup_code(family, code).unwrap_or_else(|| panic!("{code}"));
        assert!(
            entry.text == text || entry.variants.contains(&text),
            "{code}: {entry:?}"
        );
        // A user who types what a screen shows finds it, and learns what to do.
        assert!(
            lookup(text).iter().any(|found| found.code == code),
            "{text}"
        );
        assert!(!entry.remedy.is_empty(), "{code}");
    }
}

// The list of 2.1 goes to 167 (Q78833).
// rule: tra:R-NOT-002
// rule: tra:OQ-11
#[test]
fn every_notice_of_the_administration_program_is_known() {
    for code in -1..=167 {
        let entry = lookup_code(Family::AdminNotice, code).unwrap_or_else(|| panic!("{code}"));
        assert!(
            !entry.text.is_empty() && !entry.meaning.is_empty(),
            "{code}"
        );
    }
    // The wording of 3.x stands beside that of 2.1 (Q86625, Q112905, Q199036).
    for (code, old, new) in [
        (
            53,
            "This postoffice is a hub for other postoffices.",
            "This Post office is a hub for other post offices.",
        ),
        (1, "Reserved network name.", "Reserved Network Name."),
        (
            40,
            "Error in sending updated users and groups.",
            "Deletion failed, messages queued to MTA",
        ),
    ] {
        let entry = lookup_code(Family::AdminNotice, code).unwrap();
        assert_eq!(entry.text, old);
        assert!(entry.variants.contains(&new), "{entry:?}");
    }
}

// rule: pof:R-DSY-001
// rule: pof:R-NME-001
#[test]
fn files_of_directory_synchronization_and_lists_are_told_apart() {
    for (name, word) in [
        ("REQTRANS.GLB", "wait for T1"),
        ("SRVTRANS.GLB", "received from the server"),
        ("USRTRANS.GLB", "entries of postoffices"),
        ("NMETRANS.GLB", "to change or delete"),
        ("GWTRANS.GLB", "gateway lists"),
        ("MSTTRANS.GLB", "master list"),
        ("REQCONF.GLB", "as requestor"),
        ("SRVCONF.GLB", "directory server"),
        ("PROCESS.GLB", "schedule"),
        ("RESYNC.GLB", "start afresh"),
        ("SRVUPDS.GLB", "Temporary of T2"),
        ("REQUPDS.GLB", "Temporary"),
        ("TMPTRANS.GLB", "Attachment"),
        ("ADMIN.NME", "postoffice address list"),
        ("ADMINSHD.NME", "Copy of ADMIN.NME"),
        ("GAL.NME", "Global Address List"),
        ("0000002E.NME", "of a user"),
        ("SMTP.NME", "a gateway"),
        ("VIEW.NME", "address list"),
    ] {
        let entry = explain_file(name).unwrap_or_else(|| panic!("{name}"));
        assert!(entry.purpose.contains(word), "{name}: {}", entry.purpose);
    }
}
