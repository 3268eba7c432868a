//! Part 2: the directories of a postoffice (Q132744, Q135868).

use std::collections::BTreeSet;

use crate::core::format::tree::{DIRECTORIES, POPULATE, checked_directories};
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::{FindingKind, kinds};
use super::read::{self, EntryKind};
use super::{Check, files};

kinds! {
    MISSING = "directory.missing" Error ("Q132744 Q87381 Q87411 Q135902"):
        "A directory that programs need does not exist; mail that has to go there fails."
        => "make the directory and its POPULATE.MSM";
    MISSING_FOLDERS = "directory.missing-folders" Note ("Q135868"):
        "A directory of folders of a fresh postoffice does not exist; only clients with folders need it."
        => "make the directory and its POPULATE.MSM";
    IS_A_FILE = "directory.is-a-file" Error ("Q132744 Q158489"):
        "A file stands where a directory belongs."
        => "give the file the ending .BAD; the directory is made in the next round";
    SPECIAL = "directory.special" Error ("assigned"):
        "A link or special file stands where a directory belongs; links are never followed, so everything behind it counts as missing.";
    NO_MARKER_FILE = "directory.no-marker-file" Note ("Q135868 Q127954"):
        "POPULATE.MSM is missing; copy programs that skip empty directories may lose this one."
        => "make POPULATE.MSM";
}

/// The only byte of POPULATE.MSM (DEC-126).
const POPULATE_BYTE: u8 = 0x20;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    let checked: BTreeSet<&str> = checked_directories().collect();
    for dir in DIRECTORIES {
        let missing = if checked.contains(dir) {
            &MISSING
        } else {
            &MISSING_FOLDERS
        };
        directory(check, dir, missing)?;
    }
    Ok(())
}

fn directory(
    check: &mut Check<'_>,
    dir: &str,
    missing: &'static FindingKind,
) -> Result<(), TreeError> {
    let view = check.view();
    let path = read::path(view, dir)?;
    let shown = path.as_str().to_owned();
    match read::stat_on_disk(view, &path)?.map(|stat| stat.kind) {
        Some(EntryKind::Dir) => {
            let marker = read::path(view, &format!("{dir}/{POPULATE}"))?;
            if read::stat_on_disk(view, &marker)?.is_none() {
                let mut plan = Plan::new();
                plan.replace(marker.clone(), vec![POPULATE_BYTE])?;
                check.report(
                    &NO_MARKER_FILE,
                    marker.as_str(),
                    None,
                    format!("{shown} has no POPULATE.MSM."),
                    Some(plan),
                );
            }
        }
        Some(EntryKind::File) => {
            let plan = files::move_aside(view, &path)?;
            check.report(
                &IS_A_FILE,
                &shown,
                None,
                format!(
                    "Directory Is a File. A plain file stands where the directory {dir} belongs."
                ),
                plan,
            );
        }
        Some(kind) => check.report(
            &SPECIAL,
            &shown,
            None,
            format!(
                "{} stands where the directory {dir} belongs.",
                capital(kind.word())
            ),
            None,
        ),
        None => {
            let plan = make(check, dir)?;
            check.report(
                missing,
                &shown,
                None,
                "Directory Does Not Exist.".to_owned(),
                plan,
            );
        }
    }
    Ok(())
}

/// Makes a directory with its missing parents and their markers. Nothing when a parent is no
/// directory: that has to be mended first.
fn make(check: &Check<'_>, dir: &str) -> Result<Option<Plan>, TreeError> {
    let view = check.view();
    let mut plan = Plan::new();
    let mut logical = String::new();
    for name in dir.split('/') {
        if !logical.is_empty() {
            logical.push('/');
        }
        logical.push_str(name);
        let path: RelPath = read::path(view, &logical)?;
        match read::stat_on_disk(view, &path)?.map(|stat| stat.kind) {
            Some(EntryKind::Dir) => {}
            Some(_) => return Ok(None),
            None => {
                plan.replace(path.join(POPULATE)?, vec![POPULATE_BYTE])?;
                plan.mkdir(path)?;
            }
        }
    }
    Ok(Some(plan))
}

/// A word or phrase at the start of a sentence.
pub(super) fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}
