//! What may be said about a directory of object files that is not ours: names, sizes, the core, the
//! marker, the quarantine. Only published facts; nothing is opened but the directory.

use std::ops::ControlFlow;

use crate::core::format::mta::core_files::{CORE_FILES, CoreFile};
use crate::core::format::mta::object::FREE_LEN;
use crate::core::format::mta::{ObjectNumber, core_files};
use crate::tree::disk::{EntryKind, EntryName};
use crate::tree::view::TreeView;

use super::error::MtaError;
use super::store::{Listing, list};
use super::{HOME, QUARANTINE, QUARANTINE_MISSPELT};

/// State of a core file by its size alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreState {
    /// It is not there.
    Missing,
    /// 0 bytes: corrupt (Q282780).
    Empty,
    /// It has this many bytes; the listing of Q162384 may have others, queues grow.
    Present(u64),
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The 38 core files.
    pub core: Vec<(CoreFile, CoreState)>,
    /// Object files beyond the core that hold something.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of 1 byte beyond the core: free slots, no backlog (Q178021).
    pub free: u64,
    /// Files of 0 bytes beyond the core, by number.
    pub empty: Vec<ObjectNumber>,
    /// About how many messages wait: half the number of files (Q157068).
    pub messages_about: u64,
    /// Bytes of DBBITMP.DAT; `None` when it is missing: not stopped cleanly.
    pub bitmap_len: Option<u64>,
    /// Files in MTACHECK.OUT and its other spelling.
    pub quarantine: Vec<String>,
    /// Other names in the directory.
    pub others: Vec<(String, EntryKind)>,
}

impl Survey {
    /// Whether every core file is there and has bytes.
    #[must_use]
    pub fn core_is_complete(&self) -> bool {
        self.core
            .iter()
            .all(|(_, state)| matches!(state, CoreState::Present(_)))
    }
}

/// Looks at a directory without opening any file.
///
/// # Errors
/// A disk error.
pub fn survey(view: &TreeView) -> Result<Survey, MtaError> {
    let home = view.path(HOME)?;
    let listing: Listing = list(view, &home)?;
    let mut survey = Survey {
        core: CORE_FILES
            .iter()
            .map(|&file| (file, CoreState::Missing))
            .collect(),
        objects: 0,
        bytes: 0,
        free: 0,
        empty: Vec::new(),
        messages_about: 0,
        bitmap_len: None,
        quarantine: Vec::new(),
        others: listing.others.clone(),
    };
    for listed in &listing.objects {
        let name = match &listed.spelling {
            Some(name) => name.to_string(),
            None => listed.number.file_name(),
        };
        let Some(stat) = view.stat_on_disk(&home.join(&name)?)? else {
            continue;
        };
        if core_files::is_core(listed.number) {
            let at = usize::try_from(listed.number.get())
                .unwrap_or(0)
                .wrapping_sub(1);
            if let Some((_, state)) = survey.core.get_mut(at) {
                *state = match stat.len {
                    0 => CoreState::Empty,
                    len => CoreState::Present(len),
                };
            }
            continue;
        }
        match stat.len {
            0 => survey.empty.push(listed.number),
            FREE_LEN => survey.free += 1,
            len => {
                survey.objects += 1;
                survey.bytes = survey.bytes.saturating_add(len);
            }
        }
    }
    survey.messages_about = survey.objects / 2;
    if listing.has_bitmap {
        let path = format!("{HOME}/{}", crate::core::format::mta::id::BITMAP_FILE);
        survey.bitmap_len = view.stat(&path)?.map(|stat| stat.len);
    }
    survey.quarantine = quarantine(view)?;
    Ok(survey)
}

/// The names of the object files in the quarantine, in both spellings of its name, sorted, with the
/// folder before them.
///
/// # Errors
/// A disk error.
pub fn quarantine(view: &TreeView) -> Result<Vec<String>, MtaError> {
    let mut found = Vec::new();
    for folder in [QUARANTINE, QUARANTINE_MISSPELT] {
        let dir = view.path(&format!("{HOME}/{folder}"))?;
        if view
            .stat_on_disk(&dir)?
            .is_none_or(|stat| stat.kind != EntryKind::Dir)
        {
            continue;
        }
        view.list_on_disk(&dir, &mut |entry| {
            if let EntryName::Plain(name) = entry.name
                && name
                    .get(..12)
                    .is_some_and(|head| ObjectNumber::from_file_name(head).is_some())
            {
                found.push(format!("{folder}/{name}"));
            }
            ControlFlow::Continue(())
        })?;
    }
    found.sort();
    Ok(found)
}
