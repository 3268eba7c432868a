//! A Global Address List that somebody else holds: message 203 (DEC-086, Q99117, Q138737).
//!
//! Clients and virus scanners keep GAL.NME, GALINDEX.GLB or GALNETPO.GLB open. A mixed set would
//! send mail to the wrong people, so all three stay, and the new ones are put beside them under the
//! names of the originals: `GAL$.NME`, `GALINDE$.GLB`, `TMPNETPO.GLB`. The next rebuild that can
//! replace the list removes them. Held means: an exclusive advisory lock cannot be had at once.

use crate::core::base::logline::LogSeverity;
use crate::core::protocol::log::LogLine;
use crate::import::error::ImportError;
use crate::import::log;
use crate::postoffice::Edit;
use crate::tree::disk::{DiskErrorKind, LockGuard, LockKind};
use crate::tree::journal::{CommitInfo, Plan};
use crate::tree::{TreeError, TreeMut, TreeView};

use super::{GAL, GALINDEX, GALNETPO_PATH, RebuildOptions};

/// The files of the list, and where the new ones go while the old ones are held.
const BESIDE: [(&str, &str); 3] = [
    (GAL, "NME/GAL$.NME"),
    (GALINDEX, "GLB/GALINDE$.GLB"),
    (GALNETPO_PATH, "GLB/TMPNETPO.GLB"),
];

/// Holds those of the three files that would change; `None` when somebody else holds one.
///
/// # Errors
/// A disk error.
pub(super) fn hold(
    view: &TreeView,
    plan: &Plan,
) -> Result<Option<Vec<Box<dyn LockGuard>>>, ImportError> {
    let mut guards = Vec::new();
    for (path, _) in BESIDE {
        let path = view.path(path)?;
        if plan.step(&path).is_none() {
            continue;
        }
        match view.disk().try_lock(&path, LockKind::Exclusive, false) {
            Ok(Some(guard)) => guards.push(guard),
            Ok(None) => return Ok(None),
            Err(error) if error.kind == DiskErrorKind::NotFound => {}
            Err(error) => return Err(TreeError::disk(&view.describe(), error).into()),
        }
    }
    Ok(Some(guards))
}

/// Puts the new files beside the old ones, says message 203 in the log, and gives it back.
///
/// # Errors
/// A disk error.
pub(super) fn keep_beside(
    tree: &mut TreeMut,
    plan: &mut Plan,
    options: &RebuildOptions,
    info: &CommitInfo,
) -> Result<ImportError, ImportError> {
    let view = tree.view();
    let mut edit = Edit::new(view);
    for (path, beside) in BESIDE {
        if let Some(step) = plan.take(&view.path(path)?) {
            edit.plan_mut().put(view.path(beside)?, step)?;
        }
    }
    let lines = [
        log::message(203, ""),
        LogLine::free(
            LogSeverity::Fatal,
            "Global Address List not installed on this Postoffice",
        ),
    ];
    log::append(&mut edit, options.now, &lines)?;
    let beside = edit.finish()?;
    tree.commit(&beside, info)?;
    Ok(ImportError::ListHeld)
}

/// Removes what a held list left; whether there was anything.
///
/// # Errors
/// A disk error.
pub(super) fn remove_left(edit: &mut Edit<'_>) -> Result<bool, ImportError> {
    let mut left = false;
    for (_, beside) in BESIDE {
        if edit.view().stat(beside)?.is_some() {
            edit.remove(beside)?;
            left = true;
        }
    }
    Ok(left)
}
