//! Tasks of the workspace: `cargo xtask TASK`.
//!
//! Each task is a module of its own with `Args` (clap) and
//! `run(args: &Args, root: &Path) -> anyhow::Result<bool>`; `false` means that it found something,
//! exit 1. To add one: declare the module, add a line to [`Task`] and one to [`run`].

mod bench;
mod conformance;
mod damage_mta;
mod demo;
mod evt;
mod faults;
mod fuzz;
mod interchange;
mod make_mta;
mod make_network;
mod p1_check;
mod simulate;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of the workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    /// The programs beside well-known tools that do the same amount of work (release builds).
    Bench(bench::Args),
    /// Runs one program and writes what it took; used by `bench`, so that no other process counts.
    #[command(hide = true)]
    BenchChild(bench::child::Args),
    /// Which rules of the specification are proven by a test, left out, or neither.
    Conformance(conformance::Args),
    /// Every command that commits, with every disk operation stopped, failed and hung in turn.
    Faults(faults::Args),
    /// An event log file of Windows NT before an independent reader.
    Evt(evt::Args),
    /// The fuzz targets of the decoders, one after another.
    Fuzz {
        /// Seconds for each target; 0 replays the corpus
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only this target
        #[arg(long)]
        target: Option<String>,
    },
    /// Compressed messages through the interchange with 1, 2, 8 and 32 workers, many times.
    Interchange(interchange::Args),
    /// Build everything, make a small network under target/demo, run a cycle, show the result.
    Demo,
    /// Postoffices with users, registered and exported, never run.
    MakeNetwork(make_network::Args),
    /// Random networks of postoffices with troubles: do their lists become equal?
    Simulate(simulate::Args),
    /// A queue database of the Exchange MTA with messages on its queues.
    MakeMta(make_mta::Args),
    /// A queue database with random damages: are all named, does the rest stay, is the second run clean?
    DamageMta(damage_mta::Args),
    /// The messages of a queue database before an independent decoder of X.400.
    P1Check(p1_check::Args),
    /// Offset tables against structs, floors of the modules, length of files.
    Tidy,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match root().and_then(|root| run(&cli.task, &root)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(5)
        }
    }
}

fn run(task: &Task, root: &Path) -> anyhow::Result<bool> {
    match task {
        Task::Bench(args) => bench::run(args, root).map(|()| true),
        Task::BenchChild(args) => bench::child::run(args),
        Task::Conformance(args) => conformance::run(args, root),
        Task::Faults(args) => faults::run(args, root),
        Task::Evt(args) => evt::run(args, root),
        Task::Fuzz { seconds, target } => {
            fuzz::run(root, *seconds, target.as_deref()).map(|()| true)
        }
        Task::Interchange(args) => interchange::run(args, root),
        Task::Demo => demo::run(root).map(|()| true),
        Task::MakeNetwork(args) => make_network::run(args).map(|()| true),
        Task::Simulate(args) => simulate::run(args, root),
        Task::MakeMta(args) => make_mta::run(args).map(|()| true),
        Task::DamageMta(args) => damage_mta::run(args).map(|()| true),
        Task::P1Check(args) => p1_check::run(args, root),
        Task::Tidy => tidy::run(root).map(|()| true),
    }
}

/// The root of the workspace: the directory above this package.
fn root() -> anyhow::Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map(Path::to_path_buf)
        .with_context(|| format!("{} has no directory above it", package.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_and_the_command_line_is_well_formed() {
        assert!(root().unwrap().join("Cargo.lock").is_file());
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
