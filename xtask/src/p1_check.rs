//! `cargo xtask p1-check MTADATA`: the messages of a queue database before an independent decoder.
//!
//! The contents of all data objects, or of every n-th, are written to `target/p1-check` and shown to
//! `xtask/scripts/p1-decode.sh` (tshark; "skipped" where it is not installed).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use dirsync::core::format::mta::message::Data;
use dirsync::core::format::mta::{Keep, Kind};
use dirsync::core::format::x400::message::read;
use dirsync::mta::store::{Database, FileState};
use dirsync::mta::{DOMAIN, open_disk};
use dirsync::tree::{OpenOptions, TreeView};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory with the DB######.DAT files
    directory: PathBuf,
    /// Only every n-th message
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

pub(crate) fn run(args: &Args, root: &Path) -> anyhow::Result<bool> {
    let view = TreeView::open(open_disk(&args.directory)?, DOMAIN, &OpenOptions::default())?;
    let db = Database::open(&view)?;
    let work = root.join("target/p1-check");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(&work)?;
    let mut files = Vec::new();
    let mut seen = 0u64;
    for listed in db.listing()?.objects {
        let path = db.path_of_listed(&listed)?;
        let FileState::Sound(found) = db.read(&path, Keep::All, &mut Vec::new()) else {
            continue;
        };
        if found.header.kind != Kind::Data {
            continue;
        }
        seen += 1;
        if !seen.is_multiple_of(args.every) {
            continue;
        }
        let data = Data::from_object(&found)?;
        read(&data.content).with_context(|| listed.number.file_name())?;
        let file = work.join(format!("{}.ber", listed.number));
        std::fs::write(&file, &data.content)?;
        files.push(file);
    }
    ensure!(!files.is_empty(), "there is no message");
    println!("{} of {seen} messages", files.len());
    // A command line holds so many names, not more.
    let mut good = true;
    for some in files.chunks(1_000) {
        good &= Command::new("sh")
            .arg(root.join("xtask/scripts/p1-decode.sh"))
            .args(some)
            .status()
            .context("sh")?
            .success();
    }
    Ok(good)
}
