//! Extract, and extract followed by import.

use proptest::prelude::*;

use super::*;
use crate::core::format::xtn::Route;
use crate::import::apply::FileRules;
use crate::import::file::{FileImported, FileOptions, run_file};
use crate::import::testtree::*;
use crate::progress::NoProgress;
use crate::tree::Command;
use crate::tree::disk::mem::MemDisk;

fn options(what: What) -> ExtractOptions {
    ExtractOptions {
        what,
        templates: false,
        with_replace: false,
        options: false,
        groups: true,
        now: NOW,
    }
}

fn text(disk: &MemDisk, options: &ExtractOptions) -> (String, Extracted) {
    let mut bytes = Vec::new();
    let done = extract(&view(disk), options, &mut |_, text| {
        bytes.extend_from_slice(text);
        Ok(())
    })
    .unwrap();
    (String::from_utf8_lossy(&bytes).into_owned(), done)
}

fn import(disk: &MemDisk, text: &str) -> FileImported {
    let mut options = FileOptions {
        templates: true,
        rules: FileRules::default(),
        ..FileOptions::at(NOW, "EXTRACT.TXT")
    };
    options.allow_deletes.allow("1000").unwrap();
    let info = info(Command::ImportFile);
    run_file(
        &mut writer(disk),
        &mut text.as_bytes(),
        &options,
        &info,
        &NoProgress,
    )
    .unwrap()
    .0
}

/// NET/HQ with NET/SRV (10h), SNADSGATE/DGN (20h), SMTP and FAX gateways, all lists empty.
fn site() -> MemDisk {
    let disk = fresh();
    add_place(&disk, 1, "SRV", 0x10, Route::Direct);
    add_network(&disk, "SNADSGATE", 0x30, Some(3), Some(0x21));
    add_place(&disk, 3, "DGN", 0x20, Route::Direct);
    for stem in [0x10, 0x20] {
        put_usr(&disk, stem, &[]);
    }
    for kind in ["SMTP", "FAX", "X400"] {
        put(&disk, &format!("NME/{kind}.NME"), b"");
        put(&disk, &format!("GLB/{kind}.GLB"), &[0; 4]);
    }
    disk
}

// rule: imp:R-IMP-002
// rule: imp:R-IMP-003
// rule: imp:R-IMP-004
// rule: imp:R-IMP-005
#[test]
fn the_published_extract_comes_out_as_it_was_printed() {
    let printed = include_str!("../../../../../fixtures/import/q132681-export.txt")
        .replace("PCM:NET1/PO1/", "PCM:NET/HQ/")
        .replace("PCM:NET2/PO2/", "PCM:NET/SRV/");
    let disk = site();
    let own = |line: &&str| line.contains("PCM:NET/HQ/");
    let is_group = |line: &&str| line.starts_with("A g1");
    let users: String = printed
        .lines()
        .filter(|line| own(line) && !is_group(line) && !line.contains("/Admin"))
        .map(|line| format!("{line}\n"))
        .collect();
    let others: String = printed
        .lines()
        .filter(|line| !own(line))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(!users.is_empty() && !others.is_empty());
    assert_eq!(import(&disk, &users).counts.failed, 0);
    // In any order: lists are sorted, users stand in the order they were made.
    let turned: String = others
        .lines()
        .rev()
        .map(|line| format!("{line}\n"))
        .collect();
    import(&disk, &turned);
    let (out, done) = text(&disk, &options(What::Postoffices));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[0],
        "A Administrator                  PCM:NET/HQ/Admin"
    );
    let rest: Vec<&str> = lines[1..].to_vec();
    let expected: Vec<&str> = users.lines().chain(others.lines()).collect();
    assert_eq!(rest, expected);
    assert!(out.ends_with("\r\n"));
    assert_eq!(done.lists.len(), 2);
    // One list alone, by name and by type.
    let scope: Scope = "NET/SRV".parse().unwrap();
    let (one, _) = text(&disk, &options(What::List(scope)));
    assert_eq!(
        one.lines().collect::<Vec<_>>(),
        others.lines().collect::<Vec<_>>()
    );
    let (by_type, _) = text(&disk, &options(What::Type(AddressType::Pcm)));
    assert_eq!(by_type, one);
}

// rule: imp:R-IMP-007
// rule: imp:R-IMP-006
#[test]
fn templates_come_along_and_their_lack_is_message_61() {
    let disk = site();
    let file = "T PCM:NET/SRV\r\n Phone:~1~9~N~none~\r\n City/ST:~2~20~A~~\r\nA Ann                            PCM:NET/SRV/ann\r\n- Phone:/555\r\n- City//ST:/X/Y\r\nA Bob                            PCM:NET/SRV/bob\r\n";
    import(&disk, file);
    let scope: Scope = "NET/SRV".parse().unwrap();
    let templates = ExtractOptions {
        templates: true,
        ..options(What::List(scope))
    };
    assert_eq!(text(&disk, &templates).0, file);
    for what in [
        What::Type(AddressType::Smtp),
        What::Type(AddressType::Snads),
        What::Local,
    ] {
        let (_, done) = text(&disk, &ExtractOptions { what, ..templates });
        let codes: Vec<_> = done
            .problems
            .kept()
            .iter()
            .filter_map(|p| p.line.code)
            .collect();
        assert_eq!(codes, [61]);
    }
    // AT&T and 3Com addresses are entered as SMTP and stand in its list.
    import(
        &disk,
        "A Att\tSMTP:attmail!user\nA Three\tSMTP:User:Domain:Org\n",
    );
    let (out, _) = text(&disk, &options(What::Type(AddressType::Smtp)));
    assert_eq!(
        out,
        "A Att                            SMTP:attmail!user\r\nA Three                          SMTP:User:Domain:Org\r\n"
    );
}

// rule: imp:R-TPL-005
#[test]
fn templates_that_do_not_fit_their_data_are_left_out_with_their_number() {
    let disk = site();
    import(
        &disk,
        "T PCM:NET/SRV\n Phone:~1~9~N~none~\nA Ann\tPCM:NET/SRV/ann\n- Phone:/555\n",
    );
    let scope: Scope = "NET/SRV".parse().unwrap();
    let templates = ExtractOptions {
        templates: true,
        ..options(What::List(scope))
    };
    for (path, bytes, code) in [
        ("INF/00000010.INF", &b"123"[..], 36),
        ("TPL/00000010.TPL", b"Phone:~1~9~N\r\n", 38),
    ] {
        put(&disk, path, bytes);
        let (out, done) = text(&disk, &templates);
        assert_eq!(done.problems.kept()[0].line.code, Some(code));
        assert!(out.ends_with("PCM:NET/SRV/ann\r\n"), "{out}");
    }
}

#[test]
fn lists_that_do_not_exist_and_entries_without_address_are_named() {
    let disk = site();
    let failing = |what| extract(&view(&disk), &options(what), &mut |_, _| Ok(())).unwrap_err();
    let unknown: Scope = "NET/NOWHERE".parse().unwrap();
    assert_eq!(
        failing(What::List(unknown)).to_string(),
        "[ 32] Postoffice not found NET/NOWHERE"
    );
    assert!(
        failing(What::Type(AddressType::Mhs))
            .to_string()
            .starts_with("[ 44] ")
    );
    // An entry that points nowhere: 43.
    import(&disk, "A Ann\tSMTP:ann@b.c\n");
    put(&disk, "GLB/SMTP.GLB", &[0; 4]);
    let (out, done) = text(&disk, &options(What::Type(AddressType::Smtp)));
    assert_eq!(
        (out.as_str(), done.problems.kept()[0].line.code),
        ("", Some(43))
    );
    let broken = extract(&view(&disk), &options(What::Local), &mut |_, _| {
        Err(io::Error::other("full"))
    });
    assert!(broken.unwrap_err().to_string().starts_with("[ 57] "));
}

// rule: imp:R-USR-005
#[test]
fn local_users_come_back_with_their_options() {
    let disk = site();
    let file = "A Ann                            PCM:NET/HQ/ann\r\n&dirsync=N\r\n&access=SEND,REMOTE\r\nA Bob                            PCM:NET/HQ/bob\r\n&access=NONE\r\nA Cy                             PCM:NET/HQ/cy\r\n";
    import(&disk, file);
    let all = ExtractOptions {
        options: true,
        ..options(What::Local)
    };
    let (out, _) = text(&disk, &all);
    assert_eq!(
        out,
        // The administrator of a fresh postoffice takes no part.
        format!("A Administrator                  PCM:NET/HQ/Admin\r\n&dirsync=N\r\n{file}")
    );
    let other = site();
    assert_eq!(import(&other, &out).counts.failed, 0);
    assert_eq!(text(&other, &all).0, out);
    assert!(!import(&disk, &out).changed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    // rule: imp:R-IMP-005
    // rule: imp:R-ID-004
    #[test]
    fn extract_and_import_are_the_identity(
        entries in proptest::collection::btree_map(
            "[A-Z][a-z .,']{0,28}[a-z]",
            (0usize..5, "[a-z]{1,8}", proptest::option::of("[A-Za-z .]{0,9}")),
            0..24,
        ),
    ) {
        let disk = site();
        let mut file = String::from("T PCM:NET/SRV\n Phone:~1~9~A~x~\n");
        for (alias, (place, name, phone)) in &entries {
            let address = match place {
                0 => format!("PCM:NET/SRV/{name}"),
                1 => format!("SNADS:SNADSGATE/DGN/{name}"),
                2 => format!("SMTP:{name}@host"),
                3 => format!("FAX:{name}~~Co~1-2, 3"),
                _ => format!("X400:/c=US/a=X/s={name}"),
            };
            file.push_str(&format!("A {alias}\t{address}\n"));
            if let (0, Some(phone)) = (*place, phone) {
                file.push_str(&format!("- Phone:/{phone}\n"));
            }
        }
        import(&disk, &file);
        let all = |disk: &MemDisk| -> String {
            [
                What::Type(AddressType::Pcm),
                What::Type(AddressType::Snads),
                What::Type(AddressType::Smtp),
                What::Type(AddressType::Fax),
                What::Type(AddressType::X400),
            ]
            .into_iter()
            .map(|what| {
                let options = ExtractOptions {
                    templates: true,
                    with_replace: true,
                    ..options(what)
                };
                text(disk, &options).0
            })
            .collect()
        };
        let before = all(&disk);
        let ids = |disk: &MemDisk| (usr(disk, 0x10), usr(disk, 0x20), nme(disk, "NME/SMTP.NME").iter().map(|r| r.tid.get()).collect::<Vec<_>>());
        let old_ids = ids(&disk);
        // On itself: the same lists with the same ids.
        let again = import(&disk, &before);
        prop_assert_eq!(again.counts.failed + again.tally.faults, 0);
        prop_assert_eq!(&all(&disk), &before);
        prop_assert_eq!(ids(&disk), old_ids);
        // Into empty lists: everything comes back.
        let other = site();
        import(&other, &before);
        prop_assert_eq!(all(&other), before);
    }
}
