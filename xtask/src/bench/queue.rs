//! `glb-import queue --no-rebuild` with a million additions, beside `sqlite3` importing the same rows
//! into a table with an index; and the same when the list is there already and is replaced.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::measure::{Prepared, Side};
use super::tree::{self, Size};
use super::{Benchmark, MEMORY_LIMIT, Place};

pub(super) const ADD: Benchmark = Benchmark {
    name: "queue",
    about: "a million additions into the lists of a hundred postoffices | sqlite3 .import, index",
    ratio_limit: 1.0,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare: |place| {
        let dir = place.dir("queue")?;
        prepare(place, &dir, place.waiting()?, place.size)
    },
};

pub(super) const REPLACE: Benchmark = Benchmark {
    name: "queue-replace",
    about: "one list of a million names emptied and filled again | sqlite3 .import, index",
    ratio_limit: 1.0,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare: |place| {
        let dir = place.dir("queue-replace")?;
        let size = Size {
            postoffices: 1,
            ..place.size
        };
        let made = dir.join("made");
        std::fs::create_dir(&made)?;
        tree::make(&made, size)?;
        let made = made.join(tree::NAME);
        place.import(&["queue", "--no-rebuild"], &made)?;
        tree::enqueue(&made, size, Some("PO0001"))?;
        prepare(place, &dir, made, size)
    },
};

fn prepare(place: &Place, dir: &Path, made: PathBuf, size: Size) -> anyhow::Result<Prepared> {
    let work = dir.join(tree::NAME);
    let (from, to) = (made, work.clone());
    let ours = Side {
        before: Box::new(move || tree::copy(&from, &to)),
        command: vec![
            place.program("glb-import"),
            "queue".into(),
            "--no-rebuild".into(),
            "--quiet".into(),
            work.clone().into(),
        ],
        shown: "glb-import queue --no-rebuild HQ".to_owned(),
    };
    let rows = dir.join("rows.tsv");
    let mut file = BufWriter::new(File::create(&rows)?);
    for person in tree::people(size) {
        file.write_all(&person.name)?;
        writeln!(
            file,
            "\tPCM\tNET\t{}\t{}",
            person.postoffice, person.mailbox
        )?;
    }
    file.into_inner()?.sync_all()?;
    let database = dir.join("rows.db");
    let target = database.clone();
    let anchor = place.installed("sqlite3").map(|program| Side {
        before: Box::new(move || match std::fs::remove_file(&target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }),
        command: vec![
            program,
            "-batch".into(),
            database.into(),
            "create table entries(name, type, network, postoffice, mailbox)".into(),
            ".mode tabs".into(),
            format!(".import '{}' entries", rows.display()).into(),
            "create index by_name on entries(network, postoffice, name)".into(),
        ],
        shown: "sqlite3 rows.db 'create table …' '.mode tabs' '.import rows.tsv entries' \
                'create index by_name on entries(network, postoffice, name)'"
            .to_owned(),
    });
    let names = u64::from(size.names);
    Ok(Prepared {
        ours,
        anchor,
        check: Box::new(move || {
            let mut entries = 0;
            for entry in std::fs::read_dir(work.join("USR"))? {
                entries += entry?.metadata()?.len() / 53;
            }
            let waiting = std::fs::metadata(work.join("GLB/SRVTRANS.GLB"))?.len();
            ensure!(
                entries == names && waiting == 0,
                "{entries} entries, {waiting} bytes wait"
            );
            Ok(())
        }),
    })
}
