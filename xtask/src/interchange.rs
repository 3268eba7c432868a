//! `cargo xtask interchange`: compressed messages through the interchange, many times.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use dirsync_sim::interchange::{Backlog, prepare, serve};

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compressed messages on the connector's queue, one of them corrupt, one a bomb
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(4..=4000))]
    messages: u32,
    /// How often all numbers of workers are tried
    #[arg(long, default_value_t = 50)]
    runs: u32,
    /// Numbers of workers
    #[arg(long, value_delimiter = ',', default_values_t = [1u16, 2, 8, 32])]
    workers: Vec<u16>,
    /// Seconds that one run may take
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// Where the sizes come from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub(crate) fn run(args: &Args, _root: &Path) -> anyhow::Result<bool> {
    let backlog = Backlog {
        messages: args.messages,
        seed: args.seed,
    };
    let begun = Instant::now();
    let before = match prepare(backlog) {
        Ok(before) => before,
        Err(error) => bail!("the backlog cannot be made: {error}"),
    };
    println!(
        "{} messages were put on the queue in {:.1} s",
        args.messages,
        begun.elapsed().as_secs_f64()
    );
    let limit = Duration::from_secs(args.limit);
    let mut longest: Vec<Duration> = vec![Duration::ZERO; args.workers.len()];
    let mut first = None;
    for number in 1..=args.runs {
        for (&workers, longest) in args.workers.iter().zip(&mut longest) {
            let served = match serve(&before, backlog, workers, limit) {
                Ok(served) => served,
                Err(error) => {
                    println!("run {number}, {workers} workers: {error}");
                    return Ok(false);
                }
            };
            *longest = served.took.max(*longest);
            if *first.get_or_insert(served.digest) != served.digest {
                println!("run {number}, {workers} workers: the trees differ");
                return Ok(false);
            }
        }
    }
    for (workers, longest) in args.workers.iter().zip(&longest) {
        println!(
            "{workers:>3} workers: {} runs, the longest {:.2} s",
            args.runs,
            longest.as_secs_f64()
        );
    }
    println!(
        "all {} trees are the same, 2 messages parked in each; {:.1} s in all",
        args.runs as usize * args.workers.len(),
        begun.elapsed().as_secs_f64()
    );
    Ok(true)
}
