//! The files of one user: made with him, removed with him and the mail that only he held.
//!
//! A new user gets what the administrator of a fresh postoffice has (Q135868): an empty mailbag, an
//! empty personal address list, empty personal groups, and an empty index of private folders, whose
//! absence the MS-DOS client reports (Notice 127, Q104365). No POPULATE.MSM: the folder is never
//! empty (ASSIGNED).

use std::ops::ControlFlow;

use crate::core::base::HexId;
use crate::core::base::ident::{att_path, mai_path};
use crate::core::base::stem::MailbagStem;
use crate::core::format::FixedRecord as _;
use crate::core::format::folders::IdxHeader;
use crate::core::format::grp::GrpFile;
use crate::core::format::key::Key;
use crate::core::format::mai::{Mai, counter_patch, read_counter};
use crate::core::format::mailbag::Mailbag;
use crate::tree::RelPath;
use crate::tree::disk::{EntryKind, EntryName};

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::ListError;

/// What went with a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Mail headers in the mailbag that were not deleted yet.
    pub headers: u64,
    /// Messages that nobody else holds.
    pub messages: u64,
    /// Files removed, messages and attachments included.
    pub files: u64,
    /// What could not be removed and why.
    pub warnings: Vec<String>,
}

/// Makes the files of a new user.
pub(super) fn create(edit: &mut Edit<'_>, id: HexId) -> Result<(), PoError> {
    create_mailbag(edit, id)?;
    edit.create(&format!("NME/{id}.NME"), Vec::new())?;
    edit.create(&format!("GRP/{id}.GRP"), GrpFile::empty().build())?;
    edit.mkdir(&format!("FOLDERS/LOC/{id}"))?;
    edit.create(
        &format!("FOLDERS/LOC/{id}/{id}.IDX"),
        IdxHeader::zeroed().encode(),
    )?;
    Ok(())
}

/// Makes an empty mailbag: an MBG of 0 bytes and a KEY of 560 zero bytes (Q104279).
pub(crate) fn create_mailbag(edit: &mut Edit<'_>, id: HexId) -> Result<(), PoError> {
    let stem = MailbagStem::from(id);
    edit.create(&stem.mbg_path(), Vec::new())?;
    edit.create(&stem.key_path(), Key::empty().bytes().to_vec())?;
    Ok(())
}

/// The live headers of a mailbag: the numbers of their messages. `None` when it cannot be read.
pub(crate) fn live_headers(
    edit: &mut Edit<'_>,
    id: HexId,
) -> Result<Option<Vec<Option<HexId>>>, PoError> {
    let stem = MailbagStem::from(id);
    let key = edit
        .read(&stem.key_path())?
        .and_then(|bytes| Key::view(bytes).ok().cloned());
    let Some(key) = key else { return Ok(None) };
    let Some(mbg) = edit.read(&stem.mbg_path())? else {
        return Ok(None);
    };
    let Ok(bag) = Mailbag::view(&key, mbg) else {
        return Ok(None);
    };
    if !bag.trailing().is_empty() {
        return Ok(None);
    }
    Ok(Some(
        bag.live()
            .map(|(_, header)| header.mai.get().ok().flatten())
            .collect(),
    ))
}

/// Removes the files of a user.
pub(super) fn remove(edit: &mut Edit<'_>, id: HexId) -> Result<Removed, PoError> {
    let mut removed = Removed::default();
    match live_headers(edit, id)? {
        Some(headers) => {
            for message in headers {
                removed.headers += 1;
                match message {
                    Some(message) => release(edit, message, &mut removed)?,
                    None => removed
                        .warnings
                        .push(format!("a header of mailbag {id} names no message")),
                }
            }
        }
        None => removed.warnings.push(format!(
            "mailbag {id} cannot be read: messages that only it holds stay behind and are found by \
             `po-admin check`"
        )),
    }
    let stem = MailbagStem::from(id);
    let own = [
        stem.mbg_path(),
        stem.key_path(),
        format!("NME/{id}.NME"),
        format!("GRP/{id}.GRP"),
        format!("MMF/{id}.MMF"),
    ];
    for path in own {
        remove_file(edit, &path, &mut removed)?;
    }
    remove_folders(edit, id, &mut removed)?;
    Ok(removed)
}

fn remove_file(edit: &mut Edit<'_>, path: &str, removed: &mut Removed) -> Result<(), PoError> {
    if edit.exists(path)? {
        edit.remove(path)?;
        removed.files += 1;
    }
    Ok(())
}

/// One mailbag less holds the message; nobody holds it: it goes with its attachments (Q104423).
pub(crate) fn release(
    edit: &mut Edit<'_>,
    id: HexId,
    removed: &mut Removed,
) -> Result<(), PoError> {
    let path = mai_path(id);
    // A message may be long; only its head is needed unless it goes.
    let Some(bytes) = edit.read(&path)? else {
        removed
            .warnings
            .push(format!("message {id} does not exist"));
        return Ok(());
    };
    let Ok(count) = read_counter(bytes) else {
        removed.warnings.push(format!(
            "message {id} has no counter that can be read; it stays behind"
        ));
        return Ok(());
    };
    if count > 1 {
        let (offset, patch) = counter_patch(count - 1);
        let bytes = edit.bytes_mut(&path)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(patch.len());
        match bytes.get_mut(start..end) {
            Some(place) => place.copy_from_slice(&patch),
            None => return Err(ListError::damaged(&path, "it is too short").into()),
        }
        return Ok(());
    }
    let attachments = match Mai::decode(bytes) {
        Ok(decoded) => decoded.mai.attachments,
        Err(error) => {
            removed.warnings.push(format!(
                "message {id} cannot be read ({error}); its attachments stay behind"
            ));
            Vec::new()
        }
    };
    for attachment in attachments {
        remove_file(edit, &att_path(attachment.stem), removed)?;
    }
    remove_file(edit, &path, removed)?;
    removed.messages += 1;
    Ok(())
}

/// Removes `FOLDERS/LOC/<id>` with its files (R-LOC-004: old importers left them behind).
fn remove_folders(edit: &mut Edit<'_>, id: HexId, removed: &mut Removed) -> Result<(), PoError> {
    let view = edit.view();
    let dir = view.path(&format!("FOLDERS/LOC/{id}"))?;
    match view.stat_on_disk(&dir)? {
        Some(stat) if stat.kind == EntryKind::Dir => {}
        _ => return Ok(()),
    }
    let (mut files, mut strange) = (Vec::new(), false);
    view.list_on_disk(&dir, &mut |entry| {
        match entry.name {
            EntryName::Plain(name) if entry.kind == EntryKind::File => files.push(name),
            _ => strange = true,
        }
        ControlFlow::Continue(())
    })?;
    files.sort();
    for name in files {
        let path: RelPath = dir
            .join(&name)
            .map_err(|error| ListError::damaged(&format!("{dir}/{name}"), error))?;
        edit.plan_mut()
            .remove(path)
            .map_err(crate::tree::TreeError::from)?;
        removed.files += 1;
    }
    if strange {
        removed.warnings.push(format!(
            "{dir} stays: something in it is no file of a postoffice"
        ));
    } else {
        edit.plan_mut()
            .rmdir(dir)
            .map_err(crate::tree::TreeError::from)?;
    }
    Ok(())
}
