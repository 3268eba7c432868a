//! Stuck mail: what an administrator sees of a message that does not move, and what he may do.
//!
//! The originals' ADMIN offered Return and Delete of queued mail (Q134377), and the support articles
//! the rest: reset a mailbag (Q104279, Q130285), recover INQUEUE3 without losing mail (Q221963),
//! look for stranded envelopes (Q148707), compress (Q146113). Here each is one commit:
//!
//! - [`show`] looks at one message: header, message, envelope;
//! - [`give_back`] returns messages to their senders with the reason, as a failed delivery does;
//! - [`clear`] takes messages, or all of a mailbag, out; everything that goes is moved to a folder
//!   below [`KEPT`], so that a wrong hand can be undone;
//! - [`recover`] gives messages their lost headers back;
//! - [`compress`] removes the deleted headers of a pair.
//!
//! No file is read twice, and no message is held longer than it takes to serve it.

mod clear;
mod give_back;
mod letter;
mod recover;
#[cfg(test)]
mod tests;

pub use clear::{Cleared, KEPT, clear, compress};
pub(super) use give_back::give_back_because;
pub use give_back::{GivenBack, give_back};
pub use letter::{Letter, show};
pub use recover::{Recovered, recover};

use crate::core::base::finding::FindingId;
use crate::core::base::ident::MailbagStem;
use crate::core::format::mbg::MbgRecord;
use crate::postoffice::mail::BagEdit;
use crate::postoffice::{Edit, PoError};

/// An envelope with its message, which no mailbag has a header of and none can be given.
pub const STRANDED: FindingId = FindingId("transport.stranded");

/// Which messages of a mailbag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Numbers of headers, as a list of the mailbag shows them; empty for any.
    pub indices: Vec<usize>,
    /// Only messages dated before this second since 1970 UTC. A header without a date is never older.
    pub before: Option<u32>,
    /// Only messages whose sender's mailbox is this, without regard to case; code page 850.
    pub sender: Option<Vec<u8>>,
}

impl Selection {
    /// Whether a live header is selected.
    #[must_use]
    pub fn takes(&self, index: usize, header: &MbgRecord) -> bool {
        let older = |before: u32| {
            header
                .date
                .seconds_utc()
                .is_some_and(|seconds| seconds < before)
        };
        (self.indices.is_empty() || self.indices.contains(&index))
            && self.before.is_none_or(older)
            && self
                .sender
                .as_ref()
                .is_none_or(|sender| header.sender.text().eq_ignore_ascii_case(sender))
    }

    /// Whether everything is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// The live headers of a mailbag that are selected.
///
/// # Errors
/// A number that is no live header, [`PoError::NoSuchMailbag`], [`PoError::MailbagDamaged`], or a
/// disk error.
fn selected(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    selection: &Selection,
) -> Result<Vec<(usize, MbgRecord)>, PoError> {
    let live = BagEdit::load(edit, mailbag)?.live();
    for &index in &selection.indices {
        if !live.iter().any(|(known, _)| *known == index) {
            return Err(PoError::NoSuchHeader {
                tree: edit.view().describe(),
                mailbag: mailbag.to_string(),
                index,
            });
        }
    }
    Ok(live
        .into_iter()
        .filter(|(index, header)| selection.takes(*index, header))
        .collect())
}
