//! The simulator finds what it is there to find, and nothing where nothing is.
#![allow(clippy::unwrap_used, clippy::panic)]

use dirsync_sim::network::{Options, Rule, Sizes, simulate};

const SIZES: Sizes = Sizes {
    postoffices: 8,
    cycles: 12,
};

// rule: dsp:R-ORD-002
// rule: dsp:R-ORD-003
// rule: dsp:R-ORD-004
// rule: dsp:R-ORD-008
// rule: dsp:R-ORD-010
// rule: dsp:R-ORD-014
// rule: dec:DEC-039
// rule: dec:DEC-058
#[test]
fn lists_become_equal_whatever_happens_when_the_remedies_are_applied() {
    for seed in 0..60 {
        let options = Options {
            sizes: SIZES,
            sabotage: None,
            trees: false,
        };
        if let Err((script, why)) = simulate(seed, &options) {
            panic!("seed {seed}: {why}\n{script}");
        }
    }
}

// rule: dec:DEC-037
// rule: dec:DEC-038
// rule: dec:DEC-047
// rule: dsp:R-IMP-005
// rule: dsp:R-T2R-006
#[test]
fn each_broken_rule_is_found_and_shown_in_a_few_lines() {
    for rule in Rule::ALL {
        let options = Options {
            sizes: SIZES,
            sabotage: Some(rule),
            trees: false,
        };
        let (script, why) = (0..100)
            .find_map(|seed| simulate(seed, &options).err())
            .unwrap_or_else(|| panic!("{rule} was not found in 100 seeds"));
        assert!(script.events.len() <= 12, "{rule}: {why}\n{script}");
        assert!(!why.is_empty());
    }
}
