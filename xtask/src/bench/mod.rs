//! `cargo xtask bench [NAME…]`: the release programs beside well-known tools that do the same amount of
//! work, in alternating pairs.
//!
//! A benchmark is a file of its own with a [`Benchmark`] that is named in [`BENCHMARKS`]: it makes what
//! both sides work on, says how each is run and what must be true at the end. Figures of a busy machine
//! are no figures: wall time is what counts, processor time tells how much the others took.
//! Nothing here is run by the tests.

pub(crate) mod child;
mod deliver;
mod measure;
mod mta;
mod queue;
mod rebuild;
mod tree;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use measure::{Outcome, Prepared, Spread};
use tree::Size;

/// What every program may take with a million names: 256 MiB (design 4.9).
const MEMORY_LIMIT: u64 = 256 << 20;

/// External postoffices, unless a benchmark is about one.
const POSTOFFICES: u32 = 100;

/// All of them, in the order in which they are run.
const BENCHMARKS: [&Benchmark; 7] = [
    &queue::ADD,
    &queue::REPLACE,
    &rebuild::FIRST,
    &rebuild::AGAIN,
    &mta::QUEUES,
    &mta::CHECK,
    &deliver::WAVES_OF_MAIL,
];

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these: queue, queue-replace, rebuild, rebuild-again, mta-queues, mta-check, deliver
    names: Vec<String>,
    /// Runs of each side
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Names in the directory
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(100..))]
    people: u32,
    /// Messages in the queue database
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    messages: u32,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Leave what was worked on in target/bench
    #[arg(long)]
    keep: bool,
}

/// One comparison.
struct Benchmark {
    name: &'static str,
    /// What is measured | what with.
    about: &'static str,
    /// The most our wall time may be, as a multiple of the anchor's.
    ratio_limit: f64,
    peak_limit_bytes: u64,
    prepare: fn(&Place) -> anyhow::Result<Prepared>,
}

/// Where benchmarks work, and what they share.
struct Place {
    root: PathBuf,
    programs: PathBuf,
    size: Size,
    /// Messages in the queue database.
    messages: u32,
}

impl Place {
    /// An empty directory for one benchmark.
    fn dir(&self, name: &str) -> anyhow::Result<PathBuf> {
        let dir = self.root.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    /// A program of this project.
    fn program(&self, name: &str) -> OsString {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        self.programs.join(name).into()
    }

    /// Runs `glb-import` on a tree, unmeasured.
    fn import(&self, args: &[&str], tree: &Path) -> anyhow::Result<()> {
        let output = Command::new(self.program("glb-import"))
            .args(args)
            .arg(tree)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "glb-import {args:?}: {said}");
        Ok(())
    }

    /// A tool of the system, or that it is not there.
    fn installed(&self, name: &str) -> Result<OsString, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|dir| dir.join(name))
            .find(|file| file.is_file())
            .map(Into::into)
            .ok_or_else(|| format!("{name} is not installed"))
    }

    /// The queue database; made once.
    fn database(&self) -> anyhow::Result<PathBuf> {
        let dir = self.root.join("mta");
        if !dir.exists() {
            crate::make_mta::run(&crate::make_mta::Args {
                dir: dir.clone(),
                messages: self.messages,
                profile: dirsync::core::format::mta::Profile::V55,
                fan_out: 1,
                seed: 1,
            })?;
        }
        Ok(dir.join(dirsync::mta::HOME))
    }

    /// The postoffice whose queue waits; made once.
    fn waiting(&self) -> anyhow::Result<PathBuf> {
        let dir = self.root.join("waiting");
        if !dir.exists() {
            let making = self.dir("making")?;
            tree::make(&making, self.size)?;
            std::fs::rename(&making, &dir)?;
        }
        Ok(dir.join(tree::NAME))
    }

    /// The postoffice with its lists, without a Global Address List; made once.
    fn imported(&self) -> anyhow::Result<PathBuf> {
        let dir = self.root.join("imported");
        if !dir.exists() {
            let making = self.dir("making")?;
            tree::copy(&self.waiting()?, &making.join(tree::NAME))?;
            self.import(&["queue", "--no-rebuild"], &making.join(tree::NAME))?;
            std::fs::rename(&making, &dir)?;
        }
        Ok(dir.join(tree::NAME))
    }
}

/// Builds the programs and runs the benchmarks.
pub(crate) fn run(args: &Args, root: &Path) -> anyhow::Result<()> {
    let mut wanted: Vec<&Benchmark> = Vec::new();
    for name in &args.names {
        match BENCHMARKS.iter().find(|benchmark| benchmark.name == *name) {
            Some(benchmark) => wanted.push(benchmark),
            None => {
                let known: Vec<_> = BENCHMARKS.iter().map(|known| known.name).collect();
                bail!("{name} is no benchmark; there are {}", known.join(", "));
            }
        }
    }
    if wanted.is_empty() {
        wanted.extend(BENCHMARKS);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release"])
        .args(["--package", "glb-import", "--package", "mtacheck"])
        .args(["--package", "dxa-cycle", "--package", "po-admin"])
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "the programs cannot be built");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |dir| root.join(dir));
    let place = Place {
        root: target.join("bench"),
        programs: target.join("release"),
        size: Size {
            names: args.people,
            postoffices: POSTOFFICES,
        },
        messages: args.messages,
    };
    // What an earlier run left may be of other programs or another size.
    place.dir("")?;
    let mut outcomes = Vec::new();
    for benchmark in wanted {
        eprintln!("{}: {}", benchmark.name, benchmark.about);
        let prepared = (benchmark.prepare)(&place).context(benchmark.name)?;
        let limits = (benchmark.ratio_limit, benchmark.peak_limit_bytes);
        let outcome = measure::pairs(benchmark.name, &prepared, args.pairs, limits, &place.root)?;
        if !args.json {
            print(&outcome);
        }
        outcomes.push(outcome);
    }
    if !args.keep {
        std::fs::remove_dir_all(&place.root)?;
    }
    if args.json {
        let document = serde_json::json!({
            "schema": 1,
            "people": args.people,
            "messages": args.messages,
            "pairs": args.pairs,
            "benchmarks": outcomes,
        });
        println!("{}", serde_json::to_string_pretty(&document)?);
    }
    Ok(())
}

fn print(outcome: &Outcome) {
    let seconds = |spread: Spread| {
        format!(
            "{:>7.2} s ({:.2}-{:.2})",
            spread.median, spread.min, spread.max
        )
    };
    let line = |who: &str, figures: &measure::Figures| {
        println!(
            "  {who:<7} wall {:<24} cpu {:<24} peak {:>4} MiB",
            seconds(figures.wall_s),
            seconds(figures.cpu_s),
            figures.peak_bytes.div_ceil(1 << 20)
        );
    };
    println!("{}", outcome.name);
    line("ours", &outcome.ours_figures);
    match (&outcome.anchor_figures, &outcome.skipped) {
        (Some(figures), _) => line("anchor", figures),
        (None, Some(why)) => println!("  anchor  skipped: {why}"),
        (None, None) => {}
    }
    if let (Some(wall), Some(cpu)) = (outcome.wall_ratio, outcome.cpu_ratio) {
        println!(
            "  ratio   wall {wall:.2}, cpu {cpu:.2}; at most {:.2}",
            outcome.ratio_limit
        );
    }
    if !outcome.holds() {
        println!("  outside its limits");
    }
}
