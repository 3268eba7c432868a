//! Asking the server for all lists (Config, Dir-Sync, Requestor, Import): a message that is
//! submitted at once (R-ADM-038).

use crate::core::base::HexId;
use crate::core::base::address::Address;
use crate::core::base::time::UnixTime;
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::protocol::requestor::Requestor;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};
use super::super::lists::own_name;
use super::super::lists::waiting::{refusal, reqconf};
use super::super::mail::{Outgoing, submit};
use super::{is_server, save_reqconf};
use crate::tree::TreeError;

/// An import request that was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRequested {
    /// `NET/PO` of the server.
    pub server: String,
    /// Stem of the message.
    pub message: HexId,
}

/// When the last import request was, if T3 did not run since then: it would be repeated within a
/// cycle, which is asked for (design 5).
///
/// Times are whole seconds. A T3 within the second of the request may have come before it or after
/// it; nothing tells, and then nothing is asked: a second request does no harm.
#[must_use]
pub fn repeated(conf: &ReqConfRecord) -> Option<UnixTime> {
    let last = UnixTime(conf.last_import.get());
    (!last.is_never() && last.0 > conf.last_t3.get()).then_some(last)
}

/// Notice 40: a directory that the message needs is missing (Q124042).
fn places_of_mail(edit: &Edit<'_>) -> Result<(), PoError> {
    let mails = (0..16).map(|digit| format!("MAI/MA{digit:X}"));
    for dir in std::iter::once("P1".to_owned()).chain(mails) {
        if edit.view().stat(&dir)?.is_none() {
            let about = format!("{dir} is missing");
            return Err(ListError::notice(notice::NOT_SENT, about.as_bytes()).into());
        }
    }
    Ok(())
}

/// Notice 40: CONTROL.GLB or the pair of INQUEUE is missing or short (Q124042, Q114395).
fn not_queued(error: PoError) -> PoError {
    match error {
        PoError::NoSuchMailbag { .. }
        | PoError::MailbagDamaged { .. }
        | PoError::Tree(TreeError::Mismatch { .. }) => ListError::Notice {
            code: notice::NOT_SENT,
            about: error.to_string(),
        }
        .into(),
        error => error,
    }
}

/// Submits an import request. q.I stays: the server counts (DEC-033).
///
/// # Errors
/// Message 54 when no server is named; the server cannot ask itself; INQUEUE is full; Notice 40 when
/// what the message is made of is missing or damaged.
pub fn import_request(edit: &mut Edit<'_>, now: UnixTime) -> Result<ImportRequested, PoError> {
    let requestor = Requestor {
        own: own_name(edit)?,
        conf: reqconf(edit)?,
        is_server: is_server(edit)?,
    };
    let plan = requestor.import_request(now).map_err(refusal)?;
    let wrong = |why: String| ListError::damaged("GLB/REQCONF.GLB", why);
    let to = plan
        .message
        .address()
        .ok_or_else(|| wrong("the server named there has no address".to_owned()))?;
    let text = plan
        .message
        .text(&[])
        .map_err(|error| wrong(error.to_string()))?;
    let from = Address::system(requestor.own);
    let mut message = Outgoing::system(from, to, &plan.message.subject(), now);
    message.text = text;
    places_of_mail(edit)?;
    let stem = submit(edit, &message).map_err(not_queued)?;
    save_reqconf(edit, &plan.conf)?;
    Ok(ImportRequested {
        server: super::options::server_name(&plan.conf).unwrap_or_default(),
        message: stem,
    })
}
