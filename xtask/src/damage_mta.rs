//! `cargo xtask damage-mta DIR`: a queue database with many random damages, checked, mended and judged.
//!
//! What must hold, whatever was damaged: every damaged object is named by the check and by the repair;
//! every message that is not damaged waits where it waited, in the same order, its files unchanged; after
//! a rotation the second run is clean. The tests run the same with a small database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use dirsync::core::base::UnixTime;
use dirsync::core::format::mta::object::HEADER_LEN;
use dirsync::core::format::mta::{Kind, ObjectId, Profile};
use dirsync::mta::check::{Checked, check};
use dirsync::mta::quarantine::rotate;
use dirsync::mta::repair::{Ending, RepairOptions, lines, repair};
use dirsync::mta::store::Database;
use dirsync::mta::{DOMAIN, HOME, MtaError, open_disk};
use dirsync::progress::NoProgress;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, OpenOptions, TreeMut, TreeView};

use crate::make_mta::{self, Dice};

/// The time of the repair.
const NOW: UnixTime = UnixTime(765_806_400);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory; it must not exist yet, or be empty
    dir: PathBuf,
    /// Number of messages
    #[arg(long, default_value_t = 100_000)]
    messages: u32,
    /// Number of damages
    #[arg(long, default_value_t = 500)]
    damages: u32,
    /// Queues that each message waits on, 1 to 4
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    fan_out: u8,
    /// Other damages to another database
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Missing,
    Truncated,
    Zeroed,
    Flipped,
    /// A bit behind the content, where only zeros belong: the message is sound.
    FlippedPadding,
    Swapped,
    QueueLost,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    make_mta::run(&make_mta::Args {
        dir: args.dir.clone(),
        messages: args.messages,
        profile: Profile::V55,
        fan_out: args.fan_out,
        seed: args.seed,
    })?;
    let home = args.dir.join(HOME);
    let said = trial(&home, args.damages, args.seed)?;
    for line in said {
        println!("{line}");
    }
    Ok(())
}

fn view(home: &Path) -> anyhow::Result<TreeView> {
    Ok(TreeView::open(
        open_disk(home)?,
        DOMAIN,
        &OpenOptions::default(),
    )?)
}

fn writer(home: &Path) -> anyhow::Result<TreeMut> {
    Ok(TreeMut::open(
        open_disk(home)?,
        DOMAIN,
        &OpenOptions::default(),
    )?)
}

fn judged(home: &Path) -> anyhow::Result<Checked> {
    let view = view(home)?;
    Ok(check(&Database::open(&view)?, &NoProgress)?)
}

/// The messages of every queue, in the order in which they wait.
fn waiting(checked: &Checked) -> BTreeMap<ObjectId, Vec<ObjectId>> {
    let of = |queue: &dirsync::mta::check::CheckedQueue| {
        let members = queue.listed.iter().map(|member| member.object());
        (queue.entry.id, members.collect())
    };
    checked.queues.iter().map(of).collect()
}

fn mend(home: &Path) -> anyhow::Result<(Ending, String, u64)> {
    let mut tree = writer(home)?;
    let options = RepairOptions {
        remove: BTreeSet::new(),
        now: NOW,
        internal: false,
    };
    let (done, _) = repair(&mut tree, &options, &info(Command::MtaRepair), &NoProgress)?;
    let mut log = String::new();
    lines(&done, false, &mut |line| {
        log.push_str(line);
        log.push('\n');
    });
    Ok((done.ending, log, done.damaged()))
}

fn info(command: Command) -> CommitInfo {
    CommitInfo {
        command,
        user: "xtask".to_owned(),
        now: NOW,
        counts: Vec::new(),
    }
}

/// Damages a database, mends it and judges the result; what to say of it.
fn trial(home: &Path, damages: u32, seed: u64) -> anyhow::Result<Vec<String>> {
    let before = judged(home)?;
    ensure!(before.findings.is_empty(), "{:?}", before.findings.first());
    let lists = waiting(&before);
    let parts: Vec<ObjectId> = before
        .objects
        .iter()
        .filter(|row| matches!(row.kind, Some(Kind::Reference | Kind::Data)))
        .map(|row| row.id)
        .collect();
    let data_of: BTreeMap<ObjectId, ObjectId> = before
        .objects
        .iter()
        .filter(|row| row.kind == Some(Kind::Reference))
        .map(|row| (row.id, row.partner))
        .collect();
    let queues: Vec<(ObjectId, String)> = before
        .queues
        .iter()
        .filter(|queue| queue.entry.secured)
        .map(|queue| (queue.entry.id, queue.entry.name.clone()))
        .collect();
    drop(before);

    let mut dice = Dice(seed ^ 0x4D54_4143_4845_434B);
    let hurt = damage(home, &parts, &queues, damages, &mut dice)?;
    let sound = |id: &ObjectId| matches!(hurt.get(id), None | Some(Damage::FlippedPadding));
    let hashes = hashes(home, &data_of, sound)?;

    let start = Instant::now();
    let found = judged(home)?;
    let check_s = start.elapsed().as_secs_f64();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for finding in &found.findings {
        named.insert(&finding.file);
        named.extend(finding.message.split([' ', ':', ',']));
    }
    for (id, kind) in &hurt {
        let known =
            named.contains(id.file_name().as_str()) || named.contains(id.to_string().as_str());
        ensure!(known, "the check does not name {id}: {kind:?}");
    }

    let start = Instant::now();
    let (ending, log, damaged) = mend(home)?;
    let repair_s = start.elapsed().as_secs_f64();
    ensure!(ending == Ending::Repaired, "{ending:?}:\n{log}");
    for (id, kind) in &hurt {
        let known = match kind {
            // Mended where it stands; no line of the original says so.
            Damage::FlippedPadding => true,
            Damage::QueueLost => queues.iter().any(|(queue, name)| {
                queue == id && log.contains(&format!("Queue {name} required reconstruction."))
            }),
            _ => log.contains(&id.to_string()),
        };
        ensure!(known, "the repair does not name {id}: {kind:?}");
    }
    let after = judged(home)?;
    for (queue, list) in &waiting(&after) {
        let wanted: Vec<ObjectId> = lists
            .get(queue)
            .into_iter()
            .flatten()
            .copied()
            .filter(|id| sound(id) && data_of.get(id).is_none_or(sound))
            .collect();
        ensure!(
            *list == wanted,
            "the queue {queue} is not what it should be"
        );
    }
    for (id, hash) in &hashes {
        let bytes = fs::read(home.join(id.file_name())).with_context(|| id.to_string())?;
        ensure!(content_hash(&bytes) == *hash, "{id} was changed");
    }

    match mend(home) {
        Err(error) if is_refusal(&error) => {}
        other => bail!("a filled quarantine is no reason to refuse: {other:?}"),
    }
    let mut tree = writer(home)?;
    let (plan, moved) = rotate(tree.view())?;
    tree.commit(&plan, &info(Command::MtaRotate))?;
    drop(tree);
    let (ending, second, _) = mend(home)?;
    ensure!(ending == Ending::Clean, "{ending:?}:\n{second}");
    let last = second.lines().last().unwrap_or_default();
    ensure!(last == "Database clean, no errors detected.", "{last}");

    let mut kinds: BTreeMap<Damage, u32> = BTreeMap::new();
    for kind in hurt.values() {
        *kinds.entry(*kind).or_default() += 1;
    }
    let mut said = vec![
        format!("{} damaged: {kinds:?}", hurt.len()),
        format!(
            "check {check_s:.2} s: all named; repair {repair_s:.2} s: all named, {damaged} objects of it invalid, \
             {} sound ones unchanged on their queues in order",
            hashes.len()
        ),
    ];
    said.extend(
        moved
            .iter()
            .map(|one| format!("rotate: {} -> {}", one.from, one.to)),
    );
    said.push(format!("second run: {last}"));
    Ok(said)
}

fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<MtaError>(),
        Some(MtaError::QuarantineFull { .. })
    )
}

/// Damages files; what was done to which object. Some of the secured queues lose their files as well.
fn damage(
    home: &Path,
    parts: &[ObjectId],
    queues: &[(ObjectId, String)],
    count: u32,
    dice: &mut Dice,
) -> anyhow::Result<BTreeMap<ObjectId, Damage>> {
    let mut hurt = BTreeMap::new();
    let count = usize::try_from(count)?;
    ensure!(count >= 2 && parts.len() > 2 * count, "too many damages");
    for (id, _) in queues.iter().take(2) {
        fs::remove_file(home.join(id.file_name()))?;
        hurt.insert(*id, Damage::QueueLost);
    }
    let pick = |dice: &mut Dice, hurt: &BTreeMap<ObjectId, Damage>| {
        loop {
            let at = usize::try_from(dice.below(parts.len() as u64)).unwrap_or(0);
            if let Some(id) = parts.get(at).filter(|id| !hurt.contains_key(id)) {
                return *id;
            }
        }
    };
    while hurt.len() < count {
        let id = pick(dice, &hurt);
        let path = home.join(id.file_name());
        let mut bytes = fs::read(&path)?;
        let used = content_len(&bytes);
        let kind = match dice.below(5) {
            0 => Damage::Missing,
            1 => Damage::Truncated,
            2 => Damage::Zeroed,
            3 => Damage::Flipped,
            _ if hurt.len() + 1 < count => Damage::Swapped,
            _ => Damage::Zeroed,
        };
        let mut done = kind;
        match kind {
            Damage::Missing => fs::remove_file(&path)?,
            Damage::Truncated => bytes.truncate(usize::try_from(dice.below(used as u64))?),
            Damage::Zeroed => bytes.fill(0),
            Damage::Swapped => {
                hurt.insert(id, kind);
                let other = pick(dice, &hurt);
                let there = home.join(other.file_name());
                let theirs = fs::read(&there)?;
                fs::write(&there, &bytes)?;
                bytes = theirs;
                hurt.insert(other, kind);
            }
            _ => {
                let at = usize::try_from(dice.below(bytes.len() as u64))?;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
                if at >= used {
                    done = Damage::FlippedPadding;
                }
            }
        }
        if kind != Damage::Missing {
            fs::write(&path, &bytes)?;
        }
        hurt.insert(id, done);
    }
    Ok(hurt)
}

/// Bytes of header and content of a sound object.
fn content_len(bytes: &[u8]) -> usize {
    let payload = bytes
        .get(28..32)
        .and_then(|len| <[u8; 4]>::try_from(len).ok())
        .map_or(0, u32::from_le_bytes);
    HEADER_LEN.saturating_add(usize::try_from(payload).unwrap_or(0))
}

/// A hash of header and content; what stands behind them may be mended.
fn content_hash(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes.get(..content_len(bytes)).unwrap_or(bytes));
    hasher.finish()
}

/// The hashes of both halves of every sound message.
fn hashes(
    home: &Path,
    data_of: &BTreeMap<ObjectId, ObjectId>,
    sound: impl Fn(&ObjectId) -> bool,
) -> anyhow::Result<BTreeMap<ObjectId, u64>> {
    let mut hashes = BTreeMap::new();
    for (reference, data) in data_of {
        if !sound(reference) || !sound(data) {
            continue;
        }
        for id in [*reference, *data] {
            let bytes = fs::read(home.join(id.file_name()))?;
            hashes.insert(id, content_hash(&bytes));
        }
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: mta:R-CHK-003
    // rule: mta:R-CHK-005
    // rule: mta:R-CHK-011
    #[test]
    fn every_damage_is_named_and_what_is_sound_stays_where_it_was() {
        for (seed, fan_out) in [(1, 1), (2, 3), (3, 1)] {
            let dir = tempfile::tempdir().unwrap();
            run(&Args {
                dir: dir.path().join("mta"),
                messages: 600,
                damages: 150,
                fan_out,
                seed,
            })
            .unwrap();
        }
    }
}
