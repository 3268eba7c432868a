//! `glb-import queue --no-rebuild` with a million additions, beside `sqlite3` importing the same rows
//! into a table with an index.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use anyhow::ensure;

use super::measure::{Prepared, Side};
use super::{Benchmark, MEMORY_LIMIT, Place, tree};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "queue",
    about: "a million additions into the lists of a hundred postoffices | sqlite3 .import, index",
    ratio_limit: 1.0,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare,
};

fn prepare(place: &Place) -> anyhow::Result<Prepared> {
    let dir = place.dir("queue")?;
    let made = place.waiting()?;
    let work = dir.join(tree::NAME);
    let (from, to) = (made.clone(), work.clone());
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
    for person in tree::people(place.names) {
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
    let names = u64::from(place.names);
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
