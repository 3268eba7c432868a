//! Directory synchronization as the administrator sets it up (Config, Dir-Sync).
//!
//! * [`server`] - becoming and ceasing to be the directory server;
//! * [`requestors`] - the server's records of its requestors;
//! * [`registration`] - naming the server at a requestor;
//! * [`options`] - types, limit, templates and the other options, with read-back;
//! * [`export`] - the whole own list into the waiting transactions;
//! * [`import_request`] - asking the server for all lists.

pub mod export;
pub mod import_request;
pub mod options;
pub mod registration;
pub mod requestors;
pub mod server;

use crate::core::format::field::Password;
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::format::srvconf::{SRVCONF, SrvConfHeader, SrvConfRecord};
use crate::core::format::{FileLayout, FixedRecord};

use super::edit::Edit;
use super::error::PoError;
use super::list_error::ListError;
use super::lists::waiting::REQCONF_GLB;
use super::lists::{load, master};

pub(crate) const SRVCONF_GLB: &str = "GLB/SRVCONF.GLB";
pub(crate) const MSTTRANS_GLB: &str = "GLB/MSTTRANS.GLB";
pub(crate) const PROCESS_GLB: &str = "GLB/PROCESS.GLB";

/// A dirsync password of 0 to 15 bytes (decisions 4).
///
/// # Errors
/// A longer one, or one with a NUL or line end.
pub fn password(text: &[u8]) -> Result<Password, ListError> {
    let wrong = || ListError::Usage {
        why: "a dirsync password has up to 15 characters, without line ends".to_owned(),
        hint: "put a shorter password into the file",
    };
    if text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(wrong());
    }
    Password::from_bytes(text).map_err(|_| wrong())
}

/// Writes REQCONF.GLB back.
pub(crate) fn save_reqconf(edit: &mut Edit<'_>, conf: &ReqConfRecord) -> Result<(), PoError> {
    edit.write(REQCONF_GLB, conf.encode())?;
    Ok(())
}

/// Whether the postoffice is the directory server: the flag in MASTER.GLB is set (Q131423).
///
/// # Errors
/// MASTER.GLB is missing or damaged.
pub fn is_server(edit: &mut Edit<'_>) -> Result<bool, PoError> {
    Ok(master(edit)?.dirsync_server == 1)
}

/// Refuses what a Workgroup postoffice cannot be: it has no external postoffices, and so no directory
/// synchronization (Q94178, Q132560).
///
/// # Errors
/// MASTER.GLB is missing or damaged, or it says "single".
pub(super) fn refuse_workgroup(edit: &mut Edit<'_>) -> Result<(), PoError> {
    if master(edit)?.is_internetwork() {
        return Ok(());
    }
    Err(ListError::Refused {
        why: "this is a Workgroup postoffice, which cannot take part in directory synchronization"
            .to_owned(),
        hint: "take its users to a postoffice of the internetwork kind (`po-admin init`, `po-admin fill`)",
    }
    .into())
}

/// SRVCONF.GLB of the directory server.
///
/// # Errors
/// The postoffice is not the server; the file is damaged.
pub fn srvconf(edit: &mut Edit<'_>) -> Result<(SrvConfHeader, Vec<SrvConfRecord>), PoError> {
    if !is_server(edit)? {
        return Err(ListError::Usage {
            why: "the postoffice is not the directory server".to_owned(),
            hint: "`po-admin server on` makes it one",
        }
        .into());
    }
    load_srvconf(edit)
}

pub(crate) fn load_srvconf(
    edit: &mut Edit<'_>,
) -> Result<(SrvConfHeader, Vec<SrvConfRecord>), PoError> {
    let (header, records) = load(edit, &SRVCONF, SRVCONF_GLB)?;
    if !header.has_magic() {
        return Err(ListError::damaged(SRVCONF_GLB, "it does not begin as we write it").into());
    }
    Ok((header, records))
}

pub(crate) fn save<H: FixedRecord, R: FixedRecord>(
    edit: &mut Edit<'_>,
    layout: &FileLayout<H, R>,
    path: &str,
    header: &H,
    records: &[R],
) -> Result<(), PoError> {
    edit.write(path, layout.build(header, records))?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
