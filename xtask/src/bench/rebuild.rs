//! `glb-import rebuild` of a million names, beside GNU sort of the same names and of the same words,
//! and a copy of the three files, made durable.
//!
//! Twice: for the first time, and with the list there and a few names changed, when every address
//! keeps its tuple id.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use dirsync::core::base::collate;

use super::measure::{Prepared, Side};
use super::tree::{self, Size};
use super::{Benchmark, MEMORY_LIMIT, Place};

pub(super) const FIRST: Benchmark = Benchmark {
    name: "rebuild",
    about: "the first Global Address List of a million names | sort names, sort words, cp, sync",
    ratio_limit: 1.5,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare: prepare_first,
};

pub(super) const AGAIN: Benchmark = Benchmark {
    name: "rebuild-again",
    about: "the same with the old list there and some names changed | as rebuild",
    ratio_limit: 1.5,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare: prepare_again,
};

const FILES: [&str; 3] = ["NME/GAL.NME", "GLB/GALINDEX.GLB", "GLB/GALNETPO.GLB"];

fn prepare_first(place: &Place) -> anyhow::Result<Prepared> {
    prepare(place, &place.dir("rebuild")?, false)
}

fn prepare_again(place: &Place) -> anyhow::Result<Prepared> {
    prepare(place, &place.dir("rebuild-again")?, true)
}

fn prepare(place: &Place, dir: &Path, again: bool) -> anyhow::Result<Prepared> {
    let made = place.imported()?;
    let (results, words) = rebuilt(place, &made, dir)?;
    let from = if again { results.clone() } else { made };
    let work = dir.join(tree::NAME);
    let to = work.clone();
    let ours = Side {
        before: Box::new(move || {
            tree::copy(&from, &to)?;
            if again { rename_some(&to) } else { Ok(()) }
        }),
        command: vec![
            place.program("glb-import"),
            "rebuild".into(),
            "--quiet".into(),
            work.clone().into(),
        ],
        shown: "glb-import rebuild HQ".to_owned(),
    };
    write_lines(dir, place.size)?;
    let anchor = place
        .installed("sort")
        .map(|sort| anchor(dir, &results, sort));
    let names = u64::from(place.size.names);
    Ok(Prepared {
        ours,
        anchor,
        check: Box::new(move || {
            let len = |path: &str| -> anyhow::Result<u64> {
                Ok(std::fs::metadata(work.join(path))
                    .context(path.to_owned())?
                    .len())
            };
            // All names, and the administrator; names changed by `rename_some` keep their words.
            ensure!(len(FILES[0])? == (names + 1) * 45, "{}", len(FILES[0])?);
            ensure!(
                len(FILES[1])? == 208 + 6 * (words + 1),
                "{}",
                len(FILES[1])?
            );
            ensure!(len(FILES[2])? == 4 + names * 43, "{}", len(FILES[2])?);
            Ok(())
        }),
    })
}

/// A rebuilt copy of the tree, and the number of words of its external names.
fn rebuilt(place: &Place, made: &Path, dir: &Path) -> anyhow::Result<(PathBuf, u64)> {
    let tree = dir.join("done").join(tree::NAME);
    tree::copy(made, &tree)?;
    place.import(&["rebuild"], &tree)?;
    let words = tree::people(place.size)
        .map(|person| collate::words(&person.name).count() as u64)
        .sum();
    Ok((tree, words))
}

/// The names and the words, one a line.
fn write_lines(dir: &Path, size: Size) -> anyhow::Result<()> {
    let mut name_lines = BufWriter::new(File::create(dir.join("names"))?);
    let mut word_lines = BufWriter::new(File::create(dir.join("words"))?);
    for person in tree::people(size) {
        name_lines.write_all(&person.name)?;
        name_lines.write_all(b"\n")?;
        for (_, word) in collate::words(&person.name) {
            word_lines.write_all(word)?;
            word_lines.write_all(b"\n")?;
        }
    }
    name_lines.into_inner()?.sync_all()?;
    word_lines.into_inner()?.sync_all()?;
    Ok(())
}

/// Sorting by bytes (`LC_ALL=C`) is the fastest `sort` can do; ours folds case and accents besides.
fn anchor(dir: &Path, results: &Path, sort: OsString) -> Side {
    let script = "set -e; cd \"$1\"; export LC_ALL=C; rm -rf out; mkdir out\n\
                  \"$2\" names >out/names; \"$2\" words >out/words\n\
                  cp \"$3\" \"$4\" \"$5\" out; sync out/*.NME out/*.GLB";
    let mut command: Vec<OsString> = vec!["sh".into(), "-c".into(), script.into(), "sh".into()];
    command.push(dir.into());
    command.push(sort);
    command.extend(FILES.iter().map(|file| results.join(file).into()));
    let out = dir.join("out");
    Side {
        before: Box::new(move || {
            if out.exists() {
                std::fs::remove_dir_all(&out)?;
            }
            Ok(())
        }),
        command,
        shown: "LC_ALL=C sort names; LC_ALL=C sort words; \
                cp GAL.NME GALINDEX.GLB GALNETPO.GLB out; sync out/*"
            .to_owned(),
    }
}

/// Changes the first letter of every hundredth name of the lists.
fn rename_some(tree: &Path) -> anyhow::Result<()> {
    const RECORD_LEN: u64 = 53;
    for entry in std::fs::read_dir(tree.join("USR"))? {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(entry?.path())?;
        let count = file.metadata()?.len() / RECORD_LEN;
        for record in (0..count).step_by(100) {
            // The name begins behind the state byte.
            file.seek(SeekFrom::Start(record * RECORD_LEN + 1))?;
            let mut letter = [0];
            file.read_exact(&mut letter)?;
            file.seek(SeekFrom::Current(-1))?;
            file.write_all(if letter == *b"Q" { b"X" } else { b"Q" })?;
        }
        file.sync_all()?;
    }
    Ok(())
}
