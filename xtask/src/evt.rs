//! `cargo xtask evt`: an event log file of Windows NT before an independent reader.
//!
//! A server is made under `target/evt` with the built programs, events of every known kind are written
//! into its log in commits, `dxa-cycle events --evt` makes the file, and `xtask/scripts/evt-read.sh`
//! (evtexport of libevt; "skipped" where it is not installed) reads it and compares.

use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use dirsync::core::base::UnixTime;
use dirsync::exchange::AGENT;
use dirsync::exchange::events::{self, Event, table::KNOWN};
use dirsync::postoffice::Edit;
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, OpenOptions, TreeMut};

/// 1996-01-01, when the first event happens.
const START: u32 = 820_454_400;
/// Events of one commit.
const BATCH: u32 = 100;
/// Words that insertion strings are made of: accents, code page 850, other scripts, long and empty ones.
const WORDS: [&str; 8] = [
    "NET/PO/ANNA",
    "Bo Åkesson",
    "SrvTx R=3 S=87298 (was 0), I=2 15603 sen",
    "",
    "Ελένη Παπαδοπούλου",
    "A User02, MacGroovy@GroovyMac  MSMAIL:User02, MacGroovy@GroovyMac",
    "日本語",
    "100 % \"quoted\" \\ back",
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many events
    #[arg(long, default_value_t = 1000)]
    events: u32,
}

fn event(number: u32) -> Event {
    let pick = |n: u32, len: usize| usize::try_from(n).unwrap_or(0) % len.max(1);
    let what = KNOWN[pick(number, KNOWN.len())];
    let strings = (0..number % 6).map(|n| {
        let word = WORDS[pick(number / 7 + n, WORDS.len())];
        if n % 3 == 2 {
            word.repeat(20)
        } else {
            word.to_owned()
        }
    });
    Event::new(what, strings)
}

pub(crate) fn run(args: &Args, root: &Path) -> anyhow::Result<bool> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Process::new(cargo)
        .args(["build", "--quiet", "--package", "po-admin"])
        .args(["--package", "dxa-cycle"])
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "the programs cannot be built");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let programs = target.join("debug");
    let work = target.join("evt");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(&work)?;
    let server = work.join("EX");
    let made = Process::new(programs.join("po-admin"))
        .arg("init-exchange")
        .arg(&server)
        .args(["--org", "Aviation", "--site", "Malmo", "--server", "MALMO1"])
        .args([
            "--connector",
            "AVIATION/MALMO",
            "--zone",
            "Europe/Stockholm",
            "--quiet",
        ])
        .status()?;
    ensure!(made.success(), "the server cannot be made");
    for (key, source) in [
        ("MSExchangeDX", events::Source::Agent),
        ("MSExchangeMSMI", events::Source::Interchange),
        ("MSExchangePCMTA", events::Source::PcMta),
    ] {
        for category in source.categories() {
            let set = Process::new(programs.join("po-admin"))
                .args(["registry", "set", "--quiet"])
                .arg(&server)
                .arg(format!(r"{key}\Diagnostics\{category}"))
                .arg("Maximum")
                .stdout(std::process::Stdio::null())
                .status()?;
            ensure!(set.success(), "the level of {category} cannot be set");
        }
    }
    fill(&server, args.events)?;
    let (file, list) = (work.join("exchange.evt"), work.join("events.jsonl"));
    let written = Process::new(programs.join("dxa-cycle"))
        .arg("events")
        .arg(&server)
        .arg("--evt")
        .arg(&file)
        .status()?;
    ensure!(written.success(), "the file cannot be written");
    let shown = Process::new(programs.join("dxa-cycle"))
        .arg("events")
        .arg(&server)
        .arg("--json")
        .output()?;
    ensure!(shown.status.success(), "the events cannot be listed");
    std::fs::write(&list, &shown.stdout)?;
    let status = Process::new("sh")
        .arg(root.join("xtask/scripts/evt-read.sh"))
        .args([&file, &list])
        .status()
        .context("sh")?;
    Ok(status.success())
}

/// Writes events into the log of a server, a batch a commit.
fn fill(server: &Path, count: u32) -> anyhow::Result<()> {
    let disk = Arc::new(RealDisk::open(server)?);
    let mut tree = TreeMut::open(disk, AGENT, &OpenOptions::default())?;
    let mut number = 0;
    while number < count {
        let batch = BATCH.min(count - number);
        let now = UnixTime(START + number * 613);
        let some: Vec<Event> = (number..number + batch).map(event).collect();
        let mut edit = Edit::new(tree.view());
        let written = events::log_all(&mut edit, now, &some)?;
        ensure!(written == some.len(), "{written} of {batch} were written");
        let plan = edit.finish()?;
        let info = CommitInfo {
            command: Command::Registry,
            user: "xtask".to_owned(),
            now,
            counts: vec![("events", u64::from(batch))],
        };
        tree.commit(&plan, &info)?;
        number += batch;
    }
    Ok(())
}
