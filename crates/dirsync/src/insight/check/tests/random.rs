//! Random damage of any file.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::sample::{Sample, info, look, open};
use crate::insight::check::{FIX_ROUNDS_LIMIT, FixWhat, join_fixes};

#[derive(Debug, Clone)]
enum Harm {
    Bytes(Vec<u8>),
    Cut,
    Longer(Vec<u8>),
    Gone,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..16).prop_map(Harm::Bytes),
        1 => Just(Harm::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Harm::Longer),
        1 => Just(Harm::Gone),
    ]
}

fn apply(sample: &mut Sample, file: &str, at: prop::sample::Index, harm: &Harm) {
    if matches!(harm, Harm::Gone) {
        sample.remove(file);
        return;
    }
    let Some(bytes) = sample.files.get_mut(file) else {
        return;
    };
    match harm {
        Harm::Bytes(new) => {
            if bytes.is_empty() {
                bytes.extend_from_slice(new);
            } else {
                let at = at.index(bytes.len());
                for (place, byte) in bytes[at..].iter_mut().zip(new) {
                    *place = *byte;
                }
            }
        }
        Harm::Cut => {
            let len = at.index(bytes.len() + 1);
            bytes.truncate(len);
        }
        Harm::Longer(new) => bytes.extend_from_slice(new),
        Harm::Gone => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    // rule: pof:R-CHK-001
    #[test]
    fn random_damage_never_panics_and_mending_loses_no_file_that_no_finding_names(
        harms in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), harm()), 1..4),
    ) {
        let mut sample = Sample::filled();
        for (file, at, harm) in &harms {
            let names: Vec<String> = sample.files.keys().cloned().collect();
            // Without the marker nothing is mended.
            let name = &names[file.index(names.len())];
            if name != "GLB/LAYOUT.TXT" {
                apply(&mut sample, name, *at, harm);
            }
        }
        let disk = sample.disk();
        let before: BTreeSet<String> = disk.snapshot().into_keys().collect();
        let Ok(view) = crate::tree::TreeView::open(
            std::sync::Arc::new(disk.clone()),
            super::sample::DOMAIN,
            &crate::tree::OpenOptions::default(),
        ) else {
            return Ok(());
        };
        let ours = matches!(view.marker(), crate::tree::marker::Marker::Ours(_));
        drop(view);
        let mut named: BTreeSet<String> = BTreeSet::new();
        let mut rounds = 0;
        loop {
            let checked = look(&disk);
            named.extend(checked.found.iter().map(|found| found.finding.file.clone()));
            let (plan, _) = join_fixes(&checked.found, &FixWhat::Safe);
            if plan.is_empty() || !ours {
                prop_assert!(ours || plan.is_empty());
                break;
            }
            prop_assert!(rounds < FIX_ROUNDS_LIMIT, "mending does not end: {plan:?}");
            rounds += 1;
            open(&disk).commit(&plan, &info()).unwrap();
        }
        let after: BTreeSet<String> = disk.snapshot().into_keys().collect();
        for gone in before.difference(&after) {
            prop_assert!(named.contains(gone), "{gone} is gone");
        }
    }
}
