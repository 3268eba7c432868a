//! `cargo xtask fuzz`: builds the fuzz targets of dirsync-core and runs them one after another.
//!
//! Needs no cargo-fuzz and no nightly toolchain: the flags below are those that
//! `cargo fuzz --sanitizer=none` gives to rustc. Everything stays below `target/fuzz` but artifacts,
//! which stand in `crates/dirsync-core/fuzz/artifacts/<target>/`. The committed corpus is read, never
//! written; what the fuzzer finds on its way is kept in `target/fuzz/corpus/<target>`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// The targets: those of `dirsync_core::fuzzing::TARGETS` in their order, and the journal of dirsync-tree.
const TARGETS: &[&str] = &[
    "fixed_records",
    "mailbag",
    "fips98",
    "mai_p1",
    "transactions",
    "compressed",
    "evt",
    "template_inf",
    "bodies",
    "mta",
    "base_text",
    "import_text",
    "mmff",
    "journal",
];

/// What makes rustc insert the counters that libFuzzer watches.
const RUSTFLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares \
     --cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// No single input may take longer than this.
const INPUT_SECONDS: u32 = 5;
/// No target may use more memory than this, in MiB.
const MEMORY_MIB: u32 = 512;
/// Longest input: longer than the longest transaction record.
const INPUT_BYTES: u32 = 70_000;

/// Builds all targets and runs each for `seconds`, or only the one named `only`; 0 seconds replay
/// the corpus and look for nothing new.
///
/// # Errors
/// An unknown name, a build that fails, a finding; the message names the artifact.
pub(crate) fn run(root: &Path, seconds: u64, only: Option<&str>) -> anyhow::Result<()> {
    let targets: Vec<&str> = TARGETS
        .iter()
        .copied()
        .filter(|name| only.is_none_or(|only| only == *name))
        .collect();
    ensure!(
        !targets.is_empty(),
        "no fuzz target {}; there are {}",
        only.unwrap_or_default(),
        TARGETS.join(", ")
    );
    let programs = build(root)?;
    let mut findings = Vec::new();
    for name in targets {
        let outcome = run_target(root, &programs, name, seconds)?;
        let executions = outcome.executions.map_or("?".to_owned(), |n| n.to_string());
        match &outcome.failure {
            None => println!("{name:<14} {executions:>12} executions  ok"),
            Some(what) => {
                println!("{name:<14} {executions:>12} executions  {what}");
                findings.push(format!("{name}: {what}"));
            }
        }
    }
    if !findings.is_empty() {
        bail!("the fuzzer found something:\n  {}", findings.join("\n  "));
    }
    Ok(())
}

/// Builds all targets; answers the folder of the programs.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // With a target named, the flags do not reach build scripts and macros.
    let triple = host_triple()?;
    let target_dir = root.join("target").join("fuzz");
    let status = Command::new(cargo)
        .args(["build", "--release", "--manifest-path"])
        .arg(root.join("crates/dirsync-core/fuzz/Cargo.toml"))
        .args(["--target", &triple, "--target-dir"])
        .arg(&target_dir)
        .env("RUSTFLAGS", RUSTFLAGS)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "the fuzz targets do not build");
    Ok(target_dir.join(triple).join("release"))
}

fn host_triple() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("-vV")
        .output()
        .context("rustc cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc -vV names no host")
}

/// How a run of one target ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: Option<u64>,
    failure: Option<String>,
}

fn run_target(root: &Path, programs: &Path, name: &str, seconds: u64) -> anyhow::Result<Outcome> {
    let fuzz = root.join("crates/dirsync-core/fuzz");
    let artifacts = fuzz.join("artifacts").join(name);
    let mut child = Command::new(programs.join(name))
        .arg(root.join("target/fuzz/corpus").join(name))
        .arg(fuzz.join("corpus").join(name))
        // To libFuzzer a time of 0 means for ever.
        .arg(if seconds == 0 {
            "-runs=0".to_owned()
        } else {
            format!("-max_total_time={seconds}")
        })
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-max_len={INPUT_BYTES}"))
        // The prefix is a folder only when it ends like one.
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-create_missing_dirs=1", "-print_final_stats=1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{name} cannot be started"))?;
    let stderr = child.stderr.take().context("no pipe")?;
    let mut outcome = Outcome::default();
    for line in BufReader::new(stderr).split(b'\n') {
        take_line(&mut outcome, &String::from_utf8_lossy(&line?));
    }
    let status = child.wait()?;
    if !status.success() && outcome.failure.is_none() {
        outcome.failure = Some(format!("ended with {status} and left no artifact"));
    }
    Ok(outcome)
}

/// Takes over what a line of libFuzzer's report says.
fn take_line(outcome: &mut Outcome, line: &str) {
    if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
        outcome.executions = count.trim().parse().ok();
    } else if let Some((_, path)) = line.split_once("Test unit written to ") {
        let path = path.trim();
        let before = outcome.failure.take().unwrap_or_default();
        outcome.failure = Some(format!("{before}artifact {path}"));
    } else if line.contains("panicked at ") || line.starts_with("SUMMARY: libFuzzer: timeout") {
        let place = line
            .rsplit("panicked at ")
            .next()
            .unwrap_or(line)
            .trim_end_matches(':');
        outcome
            .failure
            .get_or_insert_with(|| format!("{}, ", place.trim()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The report of a finding names the place and the artifact.
    #[test]
    fn the_report_of_a_finding_names_place_and_artifact() {
        let mut outcome = Outcome::default();
        for line in [
            "#2\tINITED cov: 10",
            "thread '<unnamed>' (7) panicked at src/fuzzing.rs:10:5:",
            "artifact_prefix='a/'; Test unit written to a/crash-12",
            "stat::number_of_executed_units: 4711",
        ] {
            take_line(&mut outcome, line);
        }
        let failure = Some("src/fuzzing.rs:10:5, artifact a/crash-12".to_owned());
        assert_eq!(
            outcome,
            Outcome {
                executions: Some(4711),
                failure
            }
        );
    }

    // The names here are the names of the programs.
    #[test]
    fn every_target_is_a_program_with_a_corpus() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/dirsync-core/fuzz");
        for name in TARGETS {
            assert!(
                fuzz.join("fuzz_targets")
                    .join(format!("{name}.rs"))
                    .is_file(),
                "{name}"
            );
            assert!(fuzz.join("corpus").join(name).is_dir(), "{name}");
        }
    }
}
