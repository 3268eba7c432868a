//! The reference counter of a message: how many mailbag records still name its MAI (Q104423). At 0
//! the MAI and its attachments go.

use crate::core::base::ident::{HexId, att_path, mai_path};
use crate::core::format::mai::{COUNTER_HEAD_LEN_BYTES, Mai, counter_patch, read_counter};

use super::super::edit::Edit;
use super::super::error::PoError;

/// A MAI has at most 16 MiB: its length code has three octets.
pub const MAI_LIMIT_BYTES: u64 = 0x100_0005;

/// The counter; `None` when there is no such message, or it does not begin as a message does.
///
/// # Errors
/// A disk error.
pub fn references(edit: &mut Edit<'_>, mai: HexId) -> Result<Option<u16>, PoError> {
    let head = edit.read_part(&mai_path(mai), 0, COUNTER_HEAD_LEN_BYTES)?;
    Ok(head.and_then(|head| read_counter(&head).ok()))
}

/// Sets the counter of an existing message; 0 removes it with its attachments.
///
/// # Errors
/// A disk error.
pub fn set_references(edit: &mut Edit<'_>, mai: HexId, count: u16) -> Result<(), PoError> {
    let path = mai_path(mai);
    if count > 0 {
        let (offset, bytes) = counter_patch(count);
        return Ok(edit.patch(&path, offset, &bytes)?);
    }
    // Attachments of a message that cannot be read stay; the checker finds them.
    let decoded = edit
        .peek(&path, MAI_LIMIT_BYTES)?
        .and_then(|bytes| Mai::decode(&bytes).ok());
    edit.remove(&path)?;
    if let Some(decoded) = decoded {
        for attachment in decoded.mai.attachments {
            edit.remove(&att_path(attachment.stem))?;
        }
    }
    Ok(())
}

/// One mailbag record fewer names the message. A missing or unreadable message is left to the
/// checker: the record goes all the same.
///
/// # Errors
/// A disk error.
pub fn drop_reference(edit: &mut Edit<'_>, mai: HexId) -> Result<(), PoError> {
    match references(edit, mai)? {
        Some(count) => set_references(edit, mai, count.saturating_sub(1)),
        None => Ok(()),
    }
}

/// One mailbag record fewer names the message, and at least one still does: a counter that says
/// otherwise (a header that a crash doubled was never counted) stays at 1.
///
/// # Errors
/// A disk error.
pub(super) fn drop_doubled(edit: &mut Edit<'_>, mai: HexId) -> Result<(), PoError> {
    match references(edit, mai)? {
        Some(count) if count > 1 => set_references(edit, mai, count - 1),
        _ => Ok(()),
    }
}
