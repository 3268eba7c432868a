//! `cargo xtask faults`: the fault harness over all commands, as a table.

use anyhow::{Result, bail};
use dirsync_sim::faults::{Outcome, Sabotage, Tally, rows, run};

/// Runs every scenario, or those whose command or name contains `only`; prints the table; fails when a
/// case is red.
pub(crate) fn run_all(only: Option<&str>) -> Result<()> {
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
        let outcome = run(scenario, Sabotage::default()).map_err(anyhow::Error::msg)?;
        print_row(&outcome);
        red += usize::from(!outcome.violations.is_empty());
    }
    if tried == 0 {
        bail!("no scenario matches {only:?}");
    }
    if red > 0 {
        bail!("{red} of {tried} scenarios are red");
    }
    println!("{tried} scenarios, all green");
    Ok(())
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
