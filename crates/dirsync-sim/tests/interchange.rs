//! Compressed messages through the interchange with 1, 2, 8 and 32 workers.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use dirsync_sim::interchange::{Backlog, prepare, serve};

/// For one run; it takes a second or two.
const LIMIT: Duration = Duration::from_secs(120);

// The full size is `cargo xtask interchange`: 2,000 messages, 50 times (xtask/RESULTS.md).
// rule: exc:R-DXA-062
// rule: std:12
// rule: dec:DEC-066
#[test]
fn any_number_of_workers_makes_the_same_trees_without_a_stall() {
    let count = |name: &str, default| -> u32 {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let backlog = Backlog {
        messages: count("DIRSYNC_INTERCHANGE_MESSAGES", 400),
        seed: 7,
    };
    let before = prepare(backlog).unwrap();
    let mut digest = None;
    for _ in 0..count("DIRSYNC_INTERCHANGE_RUNS", 1) {
        for workers in [1, 2, 8, 32] {
            let served = serve(&before, backlog, workers, LIMIT).unwrap();
            assert_eq!(served.done.outward, u64::from(backlog.messages) - 2);
            assert_eq!(
                *digest.get_or_insert(served.digest),
                served.digest,
                "{workers}"
            );
        }
    }
}

// rule: exc:R-DXA-062
#[test]
fn a_run_that_does_not_end_is_told() {
    let backlog = Backlog {
        messages: 20,
        seed: 1,
    };
    let before = prepare(backlog).unwrap();
    let error = serve(&before, backlog, 2, Duration::ZERO).unwrap_err();
    assert!(error.starts_with("stalled"), "{error}");
}
