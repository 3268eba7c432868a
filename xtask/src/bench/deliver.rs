//! `dxa-cycle deliver` with ten thousand messages in three waves between two trees, beside `rsync -a
//! --fsync` of the same MAI, ATT and P1 files.
//!
//! A mailbag holds 4,096 headers, so a third of the mail waits in the outbound mailbag, a third in
//! INQUEUE3 and a third in INQUEUE. One run hands everything over and puts it into three mailboxes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use dirsync::core::base::address::Address;
use dirsync::core::base::time::UnixTime;
use dirsync::core::format::key::Key;
use dirsync::postoffice::Edit;
use dirsync::postoffice::mail::{Outgoing, submit};
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command as Made, Domain, DomainKind, OpenOptions, TreeMut};

use super::measure::{Prepared, Side};
use super::{Benchmark, MEMORY_LIMIT, Place};

/// Messages of each wave.
const WAVES: [usize; 3] = [3334, 3333, 3333];
const HEADER_LEN_BYTES: u64 = 116;

pub(super) const WAVES_OF_MAIL: Benchmark = Benchmark {
    name: "deliver",
    about: "10,000 messages in three waves between two trees | rsync of the same files, synced",
    ratio_limit: 1.0,
    peak_limit_bytes: MEMORY_LIMIT,
    prepare,
};

fn prepare(place: &Place) -> anyhow::Result<Prepared> {
    let dir = place.dir("deliver")?;
    let made = dir.join("made");
    std::fs::create_dir(&made)?;
    make(place, &made)?;
    let site = dir.join("site");
    let (from, to) = (made.clone(), site.clone());
    let ours = Side {
        before: Box::new(move || {
            if to.exists() {
                std::fs::remove_dir_all(&to)?;
            }
            copy(&from, &to)
        }),
        command: vec![
            place.program("dxa-cycle"),
            "deliver".into(),
            "--quiet".into(),
            site.clone().into(),
        ],
        shown: "dxa-cycle deliver SITE".to_owned(),
    };
    let files = dir.join("files");
    std::fs::create_dir(&files)?;
    for part in ["MAI", "ATT", "P1"] {
        copy(&made.join("A").join(part), &files.join(part))?;
    }
    let target = dir.join("copied");
    let again = target.clone();
    let anchor = place.installed("rsync").map(|program| Side {
        before: Box::new(move || {
            if again.exists() {
                std::fs::remove_dir_all(&again)?;
            }
            Ok(())
        }),
        command: vec![
            program,
            "-a".into(),
            "--fsync".into(),
            format!("{}/", files.display()).into(),
            target.into(),
        ],
        shown: "rsync -a --fsync FILES/ COPIED".to_owned(),
    });
    Ok(Prepared {
        ours,
        anchor,
        check: Box::new(move || {
            let mut arrived = 0;
            for stem in mailboxes(&site.join("B"))? {
                let bag = site.join("B/MBG").join(format!("{stem}.MBG"));
                arrived += std::fs::metadata(bag)?.len() / HEADER_LEN_BYTES;
            }
            ensure!(
                arrived == WAVES.iter().sum::<usize>() as u64,
                "{arrived} arrived"
            );
            Ok(())
        }),
    })
}

/// Stems of the mailbags of the three users: those that hold anything.
fn mailboxes(tree: &Path) -> anyhow::Result<Vec<String>> {
    let mut stems = Vec::new();
    for entry in std::fs::read_dir(tree.join("MBG"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".MBG") {
            stems.push(stem.to_owned());
        }
    }
    Ok(stems)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(status.success(), "cp -a {}", from.display());
    let status = Command::new("sync").arg("-f").arg(to).status()?;
    ensure!(status.success(), "sync");
    Ok(())
}

fn tool(
    place: &Place,
    program: &str,
    words: &str,
    tree: &Path,
    rest: &[&str],
) -> anyhow::Result<()> {
    let output = Command::new(place.program(program))
        .args(words.split_whitespace())
        .arg(tree)
        .args(rest)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {words}: {said}");
    Ok(())
}

fn make(place: &Place, site: &Path) -> anyhow::Result<()> {
    let (a, b) = (site.join("A"), site.join("B"));
    for (tree, name) in [(&a, "NET/A"), (&b, "NET/B")] {
        tool(place, "po-admin", "init --zone UTC", tree, &[name])?;
    }
    tool(place, "po-admin", "postoffice add", &a, &["NET/B"])?;
    tool(place, "po-admin", "postoffice add", &b, &["NET/A"])?;
    for user in ["u0", "u1", "u2"] {
        tool(
            place,
            "po-admin",
            "user add --no-dirsync",
            &b,
            &[user, "--name", user],
        )?;
    }
    for (wave, count) in WAVES.into_iter().enumerate() {
        submit_wave(&a, wave, count)?;
        match wave {
            // Into the outbound mailbag.
            0 => {
                tool(place, "po-admin", "link hold", &a, &["NET/B"])?;
                tool(place, "dxa-cycle", "deliver --quiet", &a, &[])?;
                tool(place, "po-admin", "link release", &a, &["NET/B"])?;
            }
            // As if it had come from elsewhere.
            1 => {
                for (dir, end) in [("MBG", "MBG"), ("KEY", "KEY")] {
                    let queue = |name: &str| a.join(dir).join(format!("{name}.{end}"));
                    std::fs::copy(queue("INQUEUE"), queue("INQUEUE3"))?;
                }
                std::fs::write(a.join("MBG/INQUEUE.MBG"), b"")?;
                std::fs::write(a.join("KEY/INQUEUE.KEY"), Key::empty().bytes())?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// One commit with all messages of a wave: text of 600 bytes, attachment of 2,000.
fn submit_wave(tree: &Path, wave: usize, count: usize) -> anyhow::Result<()> {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    let disk = Arc::new(RealDisk::open(tree).context("the tree")?);
    let mut tree = TreeMut::open(disk, domain, &OpenOptions::default())?;
    let now = UnixTime(u32::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)?
            .as_secs(),
    )?);
    let address = |text: &str| {
        Address::parse(text.as_bytes()).map_err(|fault| anyhow::anyhow!("{text}: {fault}"))
    };
    let from = address("NET/A/Admin")?;
    let to = address(&format!("NET/B/u{wave}"))?;
    let mut edit = Edit::new(tree.view());
    for n in 0..count {
        let message = Outgoing {
            text: vec![b'x'; 600],
            attachments: vec![(b"DATA.BIN".to_vec(), vec![b'y'; 2000])],
            ..Outgoing::new(
                from.clone(),
                vec![to.clone()],
                format!("{wave}-{n}").as_bytes(),
                now,
            )
        };
        submit(&mut edit, &message)?;
    }
    let plan = edit.finish()?;
    let info = CommitInfo {
        command: Made::T1,
        user: "bench".to_owned(),
        now,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info)?;
    Ok(())
}
