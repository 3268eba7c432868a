//! Random transactions against a plain map; damaged bytes.

use super::*;

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
            // A D, and an A that finds the alias there or does not.
            if found {
                model.remove(&key(p, a));
            }
            if found && free {
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
    // rule: imp:OQ-10
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
        // One order in lists of postoffices, of names, and in the list of all.
        drop(tree);
        let in_order = |a: &[u8], b: &[u8]| crate::core::base::collate::compare(a, b).is_le();
        for path in ["NME/ADMIN.NME", "NME/GAL.NME"] {
            for pair in nme(&disk, path).windows(2) {
                prop_assert!(in_order(pair[0].alias.text(), pair[1].alias.text()));
            }
        }
        for pair in usr_records(&disk).windows(2) {
            prop_assert!(in_order(pair[0].alias.text(), pair[1].alias.text()));
        }
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
