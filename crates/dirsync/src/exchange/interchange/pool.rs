//! Workers.
//!
//! The documented defect is a thread that waits for another one that waits for it (Q140946, Q151669:
//! an exception while a mutex was held). Here nobody waits for anybody: each worker takes the next
//! piece of work, holds the lock only for that, and keeps its results to itself until all are done. The
//! results stand in the order of the work, so how many workers there are cannot be seen in them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Most workers (ASSIGNED).
pub const WORKERS_MAX: u16 = 64;
/// Workers where nothing is said: as many as there are processors, at most this many (ASSIGNED).
const WORKERS_DEFAULT_MAX: usize = 8;

/// How many workers `wanted` means; 0 is the default.
#[must_use]
pub(super) fn workers(wanted: u16) -> usize {
    match wanted {
        0 => std::thread::available_parallelism()
            .map_or(1, std::num::NonZero::get)
            .min(WORKERS_DEFAULT_MAX),
        wanted => usize::from(wanted.min(WORKERS_MAX)),
    }
}

/// Does `work` with every item, with at most `workers` threads; the results in the order of the items.
/// `None` stands for work that panicked: it fails alone.
pub(super) fn in_order<T: Send, R: Send>(
    workers: usize,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<Option<R>> {
    let careful = |item| catch_unwind(AssertUnwindSafe(|| work(item))).ok();
    let threads = workers.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(careful).collect();
    }
    let count = items.len();
    let queue = Mutex::new(items.into_iter().enumerate());
    let serve = || {
        let mut done = Vec::new();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some((at, item)) => done.push((at, careful(item))),
                None => return done,
            }
        }
    };
    let mut results: Vec<Option<R>> = Vec::with_capacity(count);
    results.resize_with(count, || None);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .filter_map(|_| {
                // A thread that cannot be had is no thread that is waited for.
                std::thread::Builder::new().spawn_scoped(scope, serve).ok()
            })
            .collect();
        let mut all = serve();
        for other in others {
            all.extend(other.join().unwrap_or_default());
        }
        for (at, result) in all {
            if let Some(place) = results.get_mut(at) {
                *place = result;
            }
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // rule: exc:R-DXA-062
    // rule: std:12
    #[test]
    fn results_stand_in_the_order_of_the_work() {
        let expected: Vec<Option<u64>> = (0..500).map(|n| Some(n * n)).collect();
        for workers in [0, 1, 2, 8, 32] {
            let found = in_order(workers, (0..500u64).collect(), |n| {
                // The first ones are the slowest.
                std::thread::sleep(std::time::Duration::from_micros((500 - n) / 10));
                n * n
            });
            assert_eq!(found, expected, "{workers}");
        }
        assert!(in_order(8, Vec::<u8>::new(), |n| n).is_empty());
    }

    // rule: exc:R-DXA-062
    #[test]
    fn work_that_panics_fails_alone() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        for workers in [1, 4] {
            let found = in_order(workers, (0..20).collect(), |n| {
                assert!(n % 7 != 3, "a seventh");
                n
            });
            let failed: BTreeSet<_> = (0..20).filter(|&n| found[n].is_none()).collect();
            assert_eq!(failed, BTreeSet::from([3, 10, 17]));
        }
        std::panic::set_hook(hook);
    }

    #[test]
    fn there_is_always_a_worker() {
        assert!((1..=WORKERS_DEFAULT_MAX).contains(&workers(0)));
        assert_eq!((workers(1), workers(32), workers(1000)), (1, 32, 64));
    }
}
