//! The Global Address List from all lists: GAL.NME, GALINDEX.GLB and GALNETPO.GLB (imp 9).
//!
//! All three change in one commit or none does (DEC-086); when nothing changed nothing is written, not
//! even a line of the log. What stands in GAL.NME:
//!
//! | source | kind | tuple id | pointer | hexid |
//! |---|---|---|---|---|
//! | local user, group of ADMIN.NME | as there | as there | as there | as there |
//! | external entry of ADMIN.NME | 2 | DEC-084 | GALNETPO.GLB | its NETPO record's mailbag |
//! | entry of a gateway list | 3 | as there | `<TYPE>.GLB` | mailbag of the gateway |
//! | entry of a USR file | 2 | DEC-084 | GALNETPO.GLB | mailbag of the postoffice or gateway |
//!
//! Entries of gateway lists have no record in GALNETPO.GLB: they point to the one physical record
//! (Q86375) and keep the id of their list, which is stable (ASSIGNED; Q96060 says only that "all
//! external and gateway names" go there, and its record has no room for a free-form address).
//! GALNETPO.GLB has its records in the order of GAL.NME.
//!
//! Cost: every source is read once, the three files are written once and only when they changed. A
//! million names take 52 MB; to that come at most 70 MB for a while, when they are put in order, when
//! the old addresses are looked up, or when their words are sorted. GAL.NME and GALNETPO.GLB are
//! written piece by piece.

mod held;
mod merged;
mod order;
mod sources;
#[cfg(test)]
mod tests;
mod tids;

use crate::core::format::FixedRecord as _;
use crate::core::format::counters::TidRecord;
use crate::core::format::galindex;
use crate::core::format::galnetpo::{GALNETPO, GalNetPoHeader, GalNetPoRecord, GalTids};
use crate::core::format::master::MasterRecord;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::protocol::log::LogLine;
use crate::postoffice::{Edit, stream};
use crate::progress::Progress;
use crate::tree::journal::{CommitInfo, Committed, Content, Plan};
use crate::tree::{TreeMut, TreeView};

use super::error::ImportError;
use super::log;
use super::places::Places;
use super::problem::Problems;
use crate::core::base::UnixTime;
use merged::Merged;
use sources::Collected;

/// The list.
pub const GAL: &str = "NME/GAL.NME";
/// The index of its words.
pub const GALINDEX: &str = "GLB/GALINDEX.GLB";
/// The addresses of its external entries.
pub const GALNETPO_PATH: &str = "GLB/GALNETPO.GLB";
const MASTER: &str = "GLB/MASTER.GLB";
const TID: &str = "GLB/TID.GLB";
/// An old GALNETPO.GLB above this many bytes (12 million addresses) is not read into memory.
const OLD_LEN_LIMIT: u64 = 512 << 20;
/// Bytes compared at once.
const PIECE_BYTES: usize = 256 * 1024;

/// How to rebuild.
#[derive(Debug, Clone, Copy)]
pub struct RebuildOptions {
    /// The time of the log lines, from the one clock for data.
    pub now: UnixTime,
    /// Leave the Global-List option of MASTER.GLB as it is; otherwise it becomes Yes (DEC-087).
    pub keep_global_list: bool,
}

/// What a rebuild found and made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries of the list.
    pub entries: u64,
    /// Entries of the list before; `None` when there was none.
    pub entries_before: Option<u64>,
    /// Words in the index.
    pub words: u64,
    /// External entries that got a tuple id that was never used.
    pub new_ids: u64,
    /// Whether anything would be or was written.
    pub changed: bool,
    /// Entries that were left out, missing lists, message 39 and 202.
    pub problems: Problems,
}

/// A rebuild: the plan of its one commit, and what it means.
#[derive(Debug)]
pub struct RebuildPlan {
    /// Empty when nothing changed.
    pub plan: Plan,
    /// What it means.
    pub rebuilt: Rebuilt,
}

/// Prepares a rebuild. Reads only.
///
/// # Errors
/// A source is missing or cannot be read, ADMIN.NME is empty, too little space, a disk error: the
/// list stays as it is.
pub fn plan_rebuild(
    view: &TreeView,
    options: &RebuildOptions,
    progress: &dyn Progress,
) -> Result<RebuildPlan, ImportError> {
    let places = Places::read(view)?;
    let total = u64::try_from(places.places.len()).ok();
    progress.start("reading address lists", total);
    let mut all = Collected::read(view, &places, progress)?;
    let mut problems = std::mem::take(&mut all.problems);
    progress.start("merging", None);
    let mut merged = Merged::new(all)?;
    progress.start("tuple ids", None);
    let new_ids = give_ids(view, &mut merged, &mut problems)?;
    progress.start("indexing words", None);
    let index = merged.index().map_err(|error| ImportError::Damaged {
        file: GALINDEX.into(),
        error,
    })?;
    let words = (index.len().saturating_sub(galindex::GalIndexHeader::SIZE)
        / galindex::GalIndexEntry::SIZE) as u64;
    let entries = merged.len() as u64;
    let (gal, addresses) = merged.files();
    let files = [
        (GAL, gal),
        (GALINDEX, index.into()),
        (GALNETPO_PATH, addresses),
    ];
    let mut changed = false;
    for (path, content) in &files {
        changed = changed || !same(view, path, content)?;
    }
    let entries_before = view
        .stat(GAL)?
        .map(|stat| stat.len / NmeRecord::SIZE as u64);
    let mut edit = Edit::new(view);
    let enabled = enable(view, &mut edit, options, &mut problems)?;
    if changed {
        let bytes: u64 = files.iter().map(|(_, content)| content.len_bytes()).sum();
        require_space(view, bytes)?;
        for (path, content) in files {
            let path = view.path(path)?;
            edit.plan_mut().replace_with(path, content)?;
        }
    }
    let left = held::remove_left(&mut edit)?;
    if changed || enabled || left {
        log::append(
            &mut edit,
            options.now,
            &log::rebuild_lines(entries, &problems.log_lines()),
        )?;
    }
    progress.finish();
    Ok(RebuildPlan {
        plan: edit.finish()?,
        rebuilt: Rebuilt {
            entries,
            entries_before,
            words,
            new_ids,
            changed: changed || enabled || left,
            problems,
        },
    })
}

/// Rebuilds the list in one commit.
///
/// # Errors
/// As [`plan_rebuild`], and those of the commit.
pub fn rebuild(
    tree: &mut TreeMut,
    options: &RebuildOptions,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(Rebuilt, Option<Committed>), ImportError> {
    let RebuildPlan { mut plan, rebuilt } = plan_rebuild(tree.view(), options, progress)?;
    let _guards = match held::hold(tree.view(), &plan)? {
        Some(guards) => guards,
        None => return Err(held::keep_beside(tree, &mut plan, options, info)?),
    };
    let info = CommitInfo {
        counts: vec![("entries", rebuilt.entries), ("new_ids", rebuilt.new_ids)],
        ..info.clone()
    };
    let committed = tree.commit(&plan, &info)?;
    Ok((rebuilt, committed))
}

/// Message 79: three times the update must be free (R-QUE-006, Q96060).
pub(crate) fn require_space(view: &TreeView, update_bytes: u64) -> Result<(), ImportError> {
    let needed = update_bytes.saturating_mul(3);
    // A disk that does not tell is not asked: the commit finds out and changes nothing.
    match view.disk().free_bytes() {
        Ok(free) if free < needed => Err(ImportError::NoSpace { needed, free }),
        _ => Ok(()),
    }
}

/// Sets the Global-List option; whether that changes anything.
fn enable(
    view: &TreeView,
    edit: &mut Edit<'_>,
    options: &RebuildOptions,
    problems: &mut Problems,
) -> Result<bool, ImportError> {
    // A missing file or one without its form is message 202, and the list is made all the same
    // (Q104870). One that cannot be read stops: it may be good.
    let master = match view.open_file(MASTER)? {
        Some(file) if file.len() <= 4096 => MasterRecord::decode(&file.read_all(4096)?).ok(),
        _ => None,
    };
    let Some(mut master) = master.filter(MasterRecord::has_magic) else {
        problems.file(log::message(202, ""), MASTER);
        return Ok(false);
    };
    if options.keep_global_list || master.gal_enabled == 1 {
        return Ok(false);
    }
    master.gal_enabled = 1;
    edit.write(MASTER, master.encode())?;
    Ok(true)
}

/// Gives ids to all external entries; the number of those that got one that was never used.
fn give_ids(
    view: &TreeView,
    merged: &mut Merged,
    problems: &mut Problems,
) -> Result<u64, ImportError> {
    let local = match view.read(TID, 64)? {
        Some(bytes) => TidRecord::decode(&bytes)
            .map_err(|error| ImportError::Damaged {
                file: TID.into(),
                error,
            })?
            .last
            .get(),
        None => {
            return Err(ImportError::Missing {
                file: TID.into(),
                why: "tuple ids of the list must lie above it",
            });
        }
    };
    let (old_header, before) = read_before(view)?;
    let first = match GalTids::start(old_header.as_ref(), local) {
        Ok(counter) => {
            let names = || read_names(view, before.len());
            let tids = tids::keep(merged, &before, names)?;
            tids::fill(tids, counter)
        }
        Err(exhausted) => Err(exhausted),
    };
    drop(before);
    let given = match first {
        Ok(given) => given,
        Err(_) => {
            // DEC-085: said, and then as if the three files were absent.
            let line = LogLine {
                text: "Error generating TID. Allocating unique ID.".into(),
                ..log::message(39, "")
            };
            problems.file(line, GALNETPO_PATH);
            let none = vec![0; merged.external_len() as usize];
            GalTids::start(None, local)
                .and_then(|counter| tids::fill(none, counter))
                .map_err(|_| ImportError::NoTid)?
        }
    };
    merged.set_tids(given.header, given.tids);
    Ok(given.new)
}

/// The addresses of the list before.
fn read_before(
    view: &TreeView,
) -> Result<(Option<GalNetPoHeader>, Vec<GalNetPoRecord>), ImportError> {
    let Some(file) = view.open_file(GALNETPO_PATH)? else {
        return Ok((None, Vec::new()));
    };
    if file.is_empty() {
        return Ok((None, Vec::new()));
    }
    if file.len() > OLD_LEN_LIMIT {
        return Err(ImportError::Tree(crate::tree::TreeError::TooLarge {
            tree: view.describe(),
            path: file.path().clone(),
            len: file.len(),
            limit: OLD_LEN_LIMIT,
        }));
    }
    let mut head = [0; 4];
    let n = file.read_at(&mut head, 0)?;
    // A header that is cut short is no header: message 39 as for zeros (Q135486).
    let header = GalNetPoHeader::decode(head.get(..n).unwrap_or_default())
        .unwrap_or_else(|_| GalNetPoHeader::zeroed());
    let header_len = GalNetPoHeader::SIZE as u64;
    let count = file.len().saturating_sub(header_len) / GalNetPoRecord::SIZE as u64;
    let mut records = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    stream::records::<GalNetPoRecord>(&file, header_len, u64::MAX, &mut |_, _, record| {
        records.push(record.clone());
        std::ops::ControlFlow::Continue(())
    })?;
    Ok((Some(header), records))
}

/// For each of `count` records of the old GALNETPO.GLB a hash of the name it stands under in the old
/// GAL.NME; 0 when none does.
fn read_names(view: &TreeView, count: usize) -> Result<Vec<u32>, ImportError> {
    let mut names = vec![0; count];
    if let Some(gal) = view.open_file(GAL)? {
        stream::records::<NmeRecord>(&gal, 0, u64::MAX, &mut |_, _, record| {
            if record.nme_kind() == Some(NmeKind::External)
                && let Some(at) = GALNETPO.record_at(u64::from(record.pointer.get()))
                && let Some(name) = usize::try_from(at).ok().and_then(|at| names.get_mut(at))
            {
                *name = tids::name_hash(record.alias.text());
            }
            std::ops::ControlFlow::Continue(())
        })?;
    }
    Ok(names)
}

/// Whether a file has exactly this content.
pub(crate) fn same(view: &TreeView, path: &str, content: &Content) -> Result<bool, ImportError> {
    let Some(file) = view.open_file(path)? else {
        return Ok(false);
    };
    if file.len() != content.len_bytes() {
        return Ok(false);
    }
    let mut there = vec![0; PIECE_BYTES];
    let mut wanted = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < file.len() {
        let rest = usize::try_from(file.len() - at).unwrap_or(PIECE_BYTES);
        let n = rest.min(PIECE_BYTES);
        content
            .fill(&mut wanted[..n], at)
            .map_err(|error| crate::tree::TreeError::disk(&view.describe(), error))?;
        let read = file.read_at(&mut there[..n], at)?;
        if read != n || there[..n] != wanted[..n] {
            return Ok(false);
        }
        at += n as u64;
    }
    Ok(true)
}
