//! `mtacheck queues` and `mtacheck check` of 100,000 messages (200,000 files), beside the tools that look at
//! the same names and read the same bytes.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use super::measure::{Prepared, Side};
use super::{Benchmark, MEMORY_LIMIT, Place};

pub(super) const QUEUES: Benchmark = Benchmark {
    name: "mta-queues",
    about: "the inventory of all queues | find -printf %s",
    ratio_limit: 1.5,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare: |place| {
        let find = "find \"$1\" -type f -printf '%s\\n'";
        prepare(place, "queues", find)
    },
};

pub(super) const CHECK: Benchmark = Benchmark {
    name: "mta-check",
    about: "every object read, judged and counted | find | xargs cat",
    ratio_limit: 1.2,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare: |place| {
        let cat = "find \"$1\" -type f -print0 | xargs -0 cat";
        prepare(place, "check", cat)
    },
};

fn prepare(place: &Place, words: &'static str, script: &'static str) -> anyhow::Result<Prepared> {
    let home = place.database()?;
    let ours = vec![
        place.program("mtacheck"),
        words.into(),
        "--json".into(),
        home.clone().into(),
    ];
    let anchor: Vec<OsString> = vec![
        "sh".into(),
        "-c".into(),
        script.into(),
        "sh".into(),
        home.clone().into(),
    ];
    let anchor = place
        .installed("find")
        .and_then(|_| place.installed("xargs"))
        .map(|_| side(&home, anchor, script.to_owned()));
    let (command, messages) = (ours.clone(), place.messages);
    Ok(Prepared {
        ours: side(&home, ours, format!("mtacheck {words} --json MTADATA")),
        anchor,
        check: Box::new(move || {
            let Some((program, args)) = command.split_first() else {
                return Ok(());
            };
            let output = Command::new(program).args(args).output()?;
            let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            let result = &report["result"];
            match words {
                "queues" => ensure!(result["messages"] == messages, "{result}"),
                _ => ensure!(
                    result["clean"] == true && result["objects"] == 34 + 2 * u64::from(messages),
                    "{result}"
                ),
            }
            Ok(())
        }),
    })
}

/// Both sides find the names and bytes in memory: each run is preceded by one look at all files.
fn side(home: &Path, command: Vec<OsString>, shown: String) -> Side {
    let home = home.to_owned();
    Side {
        before: Box::new(move || {
            for entry in std::fs::read_dir(&home)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    std::fs::read(entry.path())?;
                }
            }
            Ok(())
        }),
        command,
        shown,
    }
}
