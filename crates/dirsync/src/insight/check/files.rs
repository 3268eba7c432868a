//! Part 3: files that must exist, and names that should not (Q132744).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::core::format::sizes::{Verdict, size_rule_for};
use crate::core::format::tree::{DIRECTORIES, MUST_EXIST, Presence};
use crate::tree::disk::EntryName;
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::kinds;
use super::directories::capital;
use super::read::{self, EntryKind, Eyes};
use super::{Check, counters, marker};

kinds! {
    MISSING = "file.missing" Error ("Q132744 Q86375 Q87386 Q248298 Q119017"):
        "A file that must exist does not. Where its first state does no harm, or its shadow copy exists, it can be made."
        => "make the file: its first state, counters above everything in use, or a copy of its shadow";
    MISSING_REMADE = "file.missing-remade" Warning ("Q131670 Q128357 Q122750"):
        "A file is missing that is empty or in its first state most of the time."
        => "make the file in its first state";
    MISSING_RNETSEM = "file.missing-rnetsem" Note ("Q132744 Q118946"):
        "RNETSEM.GLB is missing; the first run of the mail transfer program makes it.";
    MISSING_SRVCONF = "file.missing-srvconf" Error ("Q132744"):
        "The postoffice is the directory server, but its configuration of requestors is missing. Restore it from a backup, or switch the server off and on and register all requestors again.";
    NOT_REGULAR = "file.not-regular" Error ("assigned"):
        "A link, directory or special file stands where a file belongs; it is never opened.";
    HARD_LINKED = "file.hard-linked" Warning ("assigned"):
        "The file has more than one name. Writing it would change another file, so commands refuse to; break the link with a copy.";
    CASE_DUPLICATE = "file.case-duplicate" Warning ("Q127079 Q103421"):
        "Two names differ only in the case of letters; programs may see one or the other.";
    LOWER_CASE = "file.lowrcase" Note ("Q127079 Q127082"):
        "LOWRCASE.GLB asks clients for Macintosh computers to create names in lower case. Names are read in either case here and always created in upper case (DEC-100), so it can stay.";
    STRANGE_NAME = "file.strange-name" Warning ("assigned"):
        "A name holds characters that no file of a postoffice has; it is never opened.";
}

/// The largest list that a fix copies as a whole, in bytes.
const COPY_LIMIT_BYTES: u64 = 64 << 20;

/// Directories below FOLDERS/LOC that are looked at.
const FOLDER_DIRS_LIMIT: usize = 10_000;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    must_exist(check)?;
    remade(check)?;
    lower_case(check)?;
    for dir in DIRECTORIES {
        if dir != "FOLDERS/LOC/00000000" {
            names_in(check, &read::path(check.view(), dir)?)?;
        }
    }
    for dir in subdirectories(check.view(), "FOLDERS/LOC")? {
        names_in(check, &dir)?;
    }
    Ok(())
}

/// LOWRCASE.GLB is told, not obeyed: two programs that create names in different cases would make
/// two files of one (DEC-100).
fn lower_case(check: &mut Check<'_>) -> Result<(), TreeError> {
    let path = read::path(check.view(), "GLB/LOWRCASE.GLB")?;
    if read::stat_on_disk(check.view(), &path)?.is_some() {
        let message = "Other programs may create names in lower case here.".to_owned();
        check.report(&LOWER_CASE, path.as_str(), None, message, None);
    }
    Ok(())
}

fn must_exist(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let workgroup = marker::is_workgroup(check)?;
    let is_server = marker::master(check)?.is_some_and(|master| master.dirsync_server == 1);
    for (file, presence) in MUST_EXIST {
        let path = read::path(view, file)?;
        if read::stat_on_disk(view, &path)?.is_some() {
            continue;
        }
        let shown = path.as_str();
        match presence {
            Presence::Always if workgroup && file == "GLB/NETWORK.GLB" => {}
            Presence::Always => {
                let plan = match first_state(check, file)? {
                    Some(bytes) => {
                        let mut plan = Plan::new();
                        plan.replace(path.clone(), bytes)?;
                        Some(plan)
                    }
                    None => None,
                };
                check.report(
                    &MISSING,
                    shown,
                    None,
                    "File Does Not Exist.".to_owned(),
                    plan,
                );
            }
            // Nothing of ours makes or needs it, so a tree of ours is complete without.
            Presence::AfterExternal if check.is_ours() => {}
            Presence::AfterExternal => check.report(
                &MISSING_RNETSEM,
                shown,
                None,
                "File Does Not Exist - RNETSEM.GLB.".to_owned(),
                None,
            ),
            Presence::OnServer if is_server => check.report(
                &MISSING_SRVCONF,
                shown,
                None,
                "Missing SRVCONF.GLB. MASTER.GLB says that this is the directory server."
                    .to_owned(),
                None,
            ),
            Presence::OnServer => {}
        }
    }
    Ok(())
}

/// What a missing file may begin with again; `None` when that would lose or break something.
fn first_state(check: &Check<'_>, file: &str) -> Result<Option<Vec<u8>>, TreeError> {
    let view = check.view();
    Ok(match file {
        // Default options for new users, all off in our trees; an empty schedule (decisions 2.16).
        "GLB/GLOBAL.GLB" | "GLB/PROCESS.GLB" => Some(vec![0; 512]),
        "GLB/CONTROL.GLB" => counters::control_image(check)?,
        _ => match shadow_of(file) {
            Some(other) => sound_copy(view, other)?,
            None => None,
        },
    })
}

/// The other file of a pair of address file and shadow.
pub(super) fn shadow_of(file: &str) -> Option<&'static str> {
    Some(match file {
        "NME/ADMIN.NME" => "NME/ADMINSHD.NME",
        "NME/ADMINSHD.NME" => "NME/ADMIN.NME",
        "GRP/ADMIN.GRP" => "GRP/ADMINSHD.GRP",
        "GRP/ADMINSHD.GRP" => "GRP/ADMIN.GRP",
        _ => return None,
    })
}

/// The content of a list whose length is right, when it is not too large to copy.
pub(super) fn sound_copy(view: &Eyes<'_>, file: &str) -> Result<Option<Vec<u8>>, TreeError> {
    let (dir, name) = file.rsplit_once('/').unwrap_or(("", file));
    let sound = |len: u64| {
        size_rule_for(dir, name)
            .is_none_or(|rule| matches!(rule.verdict(len), Verdict::Valid { .. }))
    };
    Ok(read::small(view, file, COPY_LIMIT_BYTES)?
        .map(|file| file.bytes)
        .filter(|bytes| sound(bytes.len() as u64)))
}

/// Files that are in their first state most of the time. REQTRANS is not among them: what it must
/// hold depends on REQCONF (DEC-123).
fn remade(check: &mut Check<'_>) -> Result<(), TreeError> {
    const FILES: [(&str, usize); 6] = [
        ("GLB/FLAG.GLB", 2),
        ("GLB/GWTRANS.GLB", 0),
        ("GLB/MODEM.GLB", 64),
        ("GLB/NMETRANS.GLB", 0),
        ("GLB/SRVTRANS.GLB", 0),
        ("GLB/USRTRANS.GLB", 0),
    ];
    if !check.is_ours() {
        return Ok(());
    }
    for (file, len) in FILES {
        let path = read::path(check.view(), file)?;
        if read::stat_on_disk(check.view(), &path)?.is_none() {
            let mut plan = Plan::new();
            plan.replace(path.clone(), vec![0; len])?;
            check.report(
                &MISSING_REMADE,
                path.as_str(),
                None,
                format!("File Does Not Exist. In its first state it has {len} bytes."),
                Some(plan),
            );
        }
    }
    Ok(())
}

/// The directories in a directory, sorted.
pub(super) fn subdirectories(view: &Eyes<'_>, dir: &str) -> Result<Vec<RelPath>, TreeError> {
    let dir = read::path(view, dir)?;
    let mut names = BTreeSet::new();
    read::list_on_disk(view, &dir, &mut |entry| {
        if let (EntryName::Plain(name), EntryKind::Dir) = (entry.name, entry.kind) {
            names.insert(name);
            if names.len() > FOLDER_DIRS_LIMIT {
                names.pop_last();
            }
        }
    })?;
    let mut paths = Vec::with_capacity(names.len());
    for name in names {
        paths.push(dir.join(&name)?);
    }
    Ok(paths)
}

fn folded_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.to_ascii_uppercase().hash(&mut hasher);
    hasher.finish()
}

/// The names in one directory. A first reading keeps 8 bytes for each name; only when two of them
/// agree the names themselves are read.
fn names_in(check: &mut Check<'_>, dir: &RelPath) -> Result<(), TreeError> {
    let view = check.view();
    let logical_dir = dir.as_str().to_ascii_uppercase();
    let mut hashes = Vec::new();
    let mut failed = None;
    let mut found: Vec<(String, EntryKind)> = Vec::new();
    read::list_on_disk(view, dir, &mut |entry| {
        let name = match entry.name {
            EntryName::Plain(name) => name,
            EntryName::Strange(name) => {
                let shown = if dir.is_root() {
                    name
                } else {
                    format!("{dir}/{name}")
                };
                check.report(
                    &STRANGE_NAME,
                    &shown,
                    None,
                    "The name cannot belong to a file of a postoffice.".to_owned(),
                    None,
                );
                return;
            }
        };
        hashes.push(folded_hash(&name));
        let known = is_known_file(&logical_dir, &name);
        let odd = match entry.kind {
            EntryKind::File => false,
            EntryKind::Dir => known,
            _ => true,
        };
        if odd {
            match dir.join(&name) {
                Ok(path) => check.report(
                    &NOT_REGULAR,
                    path.as_str(),
                    None,
                    format!("{} stands here.", capital(entry.kind.word())),
                    None,
                ),
                Err(error) => failed = Some(error),
            }
        } else if known {
            found.push((name, entry.kind));
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    for (name, kind) in found {
        let path = dir.join(&name)?;
        if kind == EntryKind::File
            && let Some(stat) = read::stat_on_disk(view, &path)?
            && stat.links > 1
        {
            check.report(
                &HARD_LINKED,
                path.as_str(),
                None,
                format!("The file has {} names.", stat.links),
                None,
            );
        }
    }
    hashes.sort_unstable();
    let twice: BTreeSet<u64> = hashes
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    drop(hashes);
    if !twice.is_empty() {
        duplicates(check, dir, &twice)?;
    }
    Ok(())
}

/// Whether documented programs open a file of this name.
fn is_known_file(dir: &str, name: &str) -> bool {
    size_rule_for(dir, name).is_some() || (dir == "GLB" && read::is_transaction_file(name))
}

fn duplicates(
    check: &mut Check<'_>,
    dir: &RelPath,
    twice: &BTreeSet<u64>,
) -> Result<(), TreeError> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    read::list_on_disk(check.view(), dir, &mut |entry| {
        if let EntryName::Plain(name) = entry.name
            && twice.contains(&folded_hash(&name))
        {
            names
                .entry(name.to_ascii_uppercase())
                .or_default()
                .insert(name);
        }
    })?;
    for spellings in names.into_values().filter(|spellings| spellings.len() > 1) {
        let first = spellings.first().cloned().unwrap_or_default();
        let all: Vec<String> = spellings.into_iter().collect();
        check.report(
            &CASE_DUPLICATE,
            dir.join(&first)?.as_str(),
            None,
            format!("{} differ only in the case of letters.", all.join(" and ")),
            None,
        );
    }
    Ok(())
}

/// The plan that gives a file the ending `.BAD` (or `.BA1` … `.BA9`) instead of its own.
pub(super) fn move_aside(view: &Eyes<'_>, path: &RelPath) -> Result<Option<Plan>, TreeError> {
    let Some(name) = path.file_name() else {
        return Ok(None);
    };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let parent = path.parent().unwrap_or_default();
    for ending in [
        "BAD", "BA1", "BA2", "BA3", "BA4", "BA5", "BA6", "BA7", "BA8", "BA9",
    ] {
        let to = parent.join(&format!("{stem}.{ending}"))?;
        if read::stat_on_disk(view, &to)?.is_none() {
            let mut plan = Plan::new();
            plan.move_to(path.clone(), to)?;
            return Ok(Some(plan));
        }
    }
    Ok(None)
}
