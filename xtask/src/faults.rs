//! `cargo xtask faults`: the fault harness over all commands, as a table.

use std::path::Path;

use dirsync_sim::faults::{Outcome, Sabotage, Tally, rows, run as try_scenario};

/// What to try.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only scenarios whose command or name contains this text
    only: Option<String>,
}

/// Runs the scenarios and prints the table; `false` when a case is red.
pub(crate) fn run(args: &Args, _root: &Path) -> anyhow::Result<bool> {
    let only = args.only.as_deref();
    println!(
        "{:<24} {:<44} {:>5}  {:>22}  {:>18}  {:>18}  outcome",
        "command", "scenario", "ops", "stop (old/new/mid)", "fail", "hang"
    );
    let mut red = 0usize;
    let mut tried = 0usize;
    for scenario in rows() {
        let wanted = only.is_none_or(|only| {
            scenario.command.words().contains(only) || scenario.name.contains(only)
        });
        if !wanted {
            continue;
        }
        tried += 1;
        let outcome = try_scenario(scenario, Sabotage::default()).map_err(anyhow::Error::msg)?;
        print_row(&outcome);
        red += usize::from(!outcome.violations.is_empty());
    }
    anyhow::ensure!(tried > 0, "no scenario matches {only:?}");
    if red > 0 {
        println!("{red} of {tried} scenarios are red");
    } else {
        println!("{tried} scenarios, all green");
    }
    Ok(red == 0)
}

fn states(tally: &Tally) -> String {
    format!(
        "{} ({}/{}/{})",
        tally.cases, tally.old, tally.new, tally.between
    )
}

fn print_row(outcome: &Outcome) {
    println!(
        "{:<24} {:<44} {:>5}  {:>22}  {:>18}  {:>18}  {}",
        outcome.command,
        outcome.name,
        outcome.operations,
        states(&outcome.stop),
        states(&outcome.fail),
        states(&outcome.hang),
        if outcome.violations.is_empty() {
            "green"
        } else {
            "RED"
        }
    );
    for violation in &outcome.violations {
        println!("    {}: {}", violation.case, violation.why);
    }
}
