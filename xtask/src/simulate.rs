//! `cargo xtask simulate`: random networks of postoffices, run to their end and judged.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use dirsync_sim::network::{Options, Rule, Script, Settled, Sizes, simulate};

/// What to simulate.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask simulate --count 1000
  cargo xtask simulate --seed 4711                      one seed again
  cargo xtask simulate --break again --count 1000       must find it: exit 1")]
pub(crate) struct Args {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Seeds to try, one after another
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Postoffices, the server among them
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(2..=20))]
    postoffices: u8,
    /// Cycles in which things go wrong
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1000))]
    cycles: u16,
    /// Break a rule of the protocol: echo, hole, lists, again, purge
    #[arg(long = "break", value_name = "RULE")]
    broken: Option<Rule>,
    /// Real trees on disks in memory, with the steps of the library, instead of state machines
    #[arg(long, conflicts_with = "broken")]
    trees: bool,
    /// Seeds at the same time; as many as there are processors when it is left out
    #[arg(long)]
    jobs: Option<usize>,
}

/// Sums over the seeds that passed.
#[derive(Default)]
struct Sums {
    passed: u64,
    remedied: u64,
    entries: u64,
    /// Seeds by quiet cycles.
    cycles: std::collections::BTreeMap<u64, u64>,
    failed: Option<(u64, Script, String)>,
}

impl Sums {
    fn add(&mut self, settled: Settled) {
        self.passed += 1;
        self.remedied += u64::from(settled.rounds > 0);
        self.entries += u64::from(settled.entries);
        *self.cycles.entry(settled.cycles).or_default() += 1;
    }
}

/// Runs the seeds; `false` when one fails. The lowest seed that fails is shown, with the shortest
/// script that still does.
pub(crate) fn run(args: &Args, _root: &Path) -> anyhow::Result<bool> {
    let began = Instant::now();
    let options = Options {
        sizes: Sizes {
            postoffices: args.postoffices,
            cycles: args.cycles,
        },
        sabotage: args.broken,
        trees: args.trees,
    };
    let jobs = args
        .jobs
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
        .max(1);
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let sums = Mutex::new(Sums::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= args.count {
                        break;
                    }
                    let seed = args.seed.saturating_add(number);
                    let outcome = simulate(seed, &options);
                    let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
                    match outcome {
                        Ok(settled) => sums.add(settled),
                        Err((script, why)) => {
                            stop.store(true, Ordering::Relaxed);
                            if sums.failed.as_ref().is_none_or(|(first, ..)| seed < *first) {
                                sums.failed = Some((seed, script, why));
                            }
                        }
                    }
                }
            });
        }
    });
    let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} seeds passed in {seconds:.1} s: {} postoffices, {} cycles; {} needed remedies, {} \
         master entries",
        sums.passed, args.postoffices, args.cycles, sums.remedied, sums.entries
    );
    for (cycles, seeds) in &sums.cycles {
        println!("  equal {cycles} cycles after the last fault and remedy: {seeds} seeds");
    }
    match sums.failed {
        None => Ok(true),
        Some((seed, script, why)) => {
            println!("seed {seed} FAILS; the shortest script found:");
            print!("{script}");
            println!("  {why}");
            Ok(false)
        }
    }
}
