//! T1: the requestor's log and its changes become mail to the server, in one commit (dsp section 4).
//!
//! The status report carries DSSERVER.LOG, which is empty afterwards (dsp R-STA-004); the request
//! carries every transaction of REQTRANS above q.R. Neither q.R, q.S nor q.I changes: only a reply
//! does that (dsp R-T1-008). REQTRANS is read piece by piece; what is sent is held once.

use crate::core::base::logline::LogSeverity;
use crate::core::base::{Address, AddressType, PoName};
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::AddressCode;
use crate::core::format::transactions::{Item, Reader, Record, Trust};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::message::{Attachment, Party};
use crate::core::protocol::numbers::Numbers;
use crate::core::protocol::requestor::{ReqTrans, Requestor, T1Plan, Waiting};
use crate::import::log::{self, DSSERVER_LOG, LOG_LEN_LIMIT};
use crate::import::places::Places;
use crate::postoffice::lists::waiting::{FileRecords, reqconf};
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::{Command, TreeMut, TreeView};

use super::{CycleError, REQCONF, REQTRANS, Said, StepOptions, commit, send};

/// What T1 did.
#[derive(Debug, Clone, Default)]
pub struct T1Report {
    /// The postoffice has a server; nothing was done when not.
    pub registered: bool,
    /// q.R, q.S, q.I.
    pub numbers: Numbers,
    /// Transactions in the request; `None` when no request was made.
    pub sent: Option<u32>,
    /// The server, `PCM:NET/PO`.
    pub server: String,
    /// Everything else.
    pub said: Said,
}

/// The requestor of a postoffice.
pub(crate) fn requestor(edit: &mut Edit<'_>) -> Result<Requestor, CycleError> {
    let identity = Identity::read(edit.view())?;
    Ok(Requestor {
        own: identity.name,
        conf: reqconf(edit)?,
        is_server: identity.is_server,
    })
}

/// REQTRANS, looked through once.
pub(crate) fn read_reqtrans(
    view: &TreeView,
    requestor: &Requestor,
) -> Result<ReqTrans, CycleError> {
    let Some(file) = view.open_file(REQTRANS)? else {
        return Ok(ReqTrans::Missing);
    };
    let mut waiting = Waiting::of(requestor);
    let mut reader = Reader::new(FileRecords(file), Trust::Tree);
    while let Some(item) = reader.next_item() {
        match item? {
            Item::Record { record, .. } => waiting.see(&record),
            Item::Damage(_) => return Ok(ReqTrans::Damaged),
        }
    }
    Ok(ReqTrans::Read(waiting))
}

/// Calls `each` for every record of REQTRANS.
pub(crate) fn each_waiting(
    view: &TreeView,
    each: &mut dyn FnMut(&Record<'_>) -> Result<(), CycleError>,
) -> Result<(), CycleError> {
    let Some(file) = view.open_file(REQTRANS)? else {
        return Ok(());
    };
    let mut reader = Reader::new(FileRecords(file), Trust::Tree);
    while let Some(item) = reader.next_item() {
        if let Item::Record { record, .. } = item? {
            each(&record)?;
        }
    }
    Ok(())
}

/// Whether mail for the server finds its way from here: it is this postoffice, or defined here.
fn knows(view: &TreeView, own: PoName, server: Party) -> Result<bool, CycleError> {
    let Some(name) = server.name() else {
        return Ok(false);
    };
    if server.scope().kind.class() != AddressType::Pcm {
        return Ok(false);
    }
    if crate::exchange::is_agent(view) {
        // Routes are the shadow postoffice's.
        return Ok(true);
    }
    Ok(name == own || Places::read(view)?.find(AddressCode::Pcm, name).is_some())
}

/// The transactions that the request carries.
fn attachment(view: &TreeView, plan: &T1Plan) -> Result<Vec<u8>, CycleError> {
    let mut bytes = Vec::new();
    each_waiting(view, &mut |record| {
        if plan.sends(record) {
            record
                .encode_into(&mut bytes)
                .map_err(|error| CycleError::Damaged {
                    file: REQTRANS,
                    why: error.to_string(),
                })?;
        }
        Ok(())
    })?;
    Ok(bytes)
}

/// Prepares the commit of T1 in `edit`.
///
/// # Errors
/// [`PoError::MailbagFull`] and others; nothing of the edit may be committed then.
fn prepare(
    edit: &mut Edit<'_>,
    requestor: &Requestor,
    options: &StepOptions,
) -> Result<(T1Plan, Vec<LogLine>), CycleError> {
    let view = edit.view();
    let known = match requestor.server() {
        Some((server, _)) => knows(view, requestor.own, server)?,
        None => false,
    };
    let waiting = read_reqtrans(view, requestor)?;
    let report = match view.open_file(DSSERVER_LOG)? {
        // Whatever wrote a longer one: its newest part says what matters.
        Some(file) => {
            let from = file.len().saturating_sub(LOG_LEN_LIMIT);
            let mut bytes = vec![0; usize::try_from(file.len() - from).unwrap_or(0)];
            let n = file.read_at(&mut bytes, from)?;
            bytes.truncate(n);
            bytes
        }
        None => Vec::new(),
    };
    let plan = requestor.t1(waiting, known, !report.is_empty(), options.now);
    if let Some(dummy) = &plan.dummy {
        let bytes = dummy.record().encode().map_err(PoError::BadMessage)?;
        edit.append(REQTRANS, &bytes)?;
    }
    let own = if crate::exchange::is_agent(view) {
        crate::exchange::settings::Agent::load(edit)?.address()
    } else {
        Address::system(requestor.own)
    };
    let mut report = Some(report);
    for message in &plan.messages {
        let bytes = match message.attachment() {
            Attachment::None => Vec::new(),
            Attachment::Log => {
                let bytes = report.take().unwrap_or_default();
                edit.write(DSSERVER_LOG, Vec::new())?;
                bytes
            }
            Attachment::Transactions(_) => attachment(view, &plan)?,
        };
        send(edit, own.clone(), message, b"", bytes, options.now)?;
    }
    edit.write(REQCONF, plan.conf.encode())?;
    let lines = plan.diary.lines.clone();
    log::append(edit, options.now, &lines)?;
    Ok((plan, lines))
}

/// T1 at a postoffice. One that has no server registered is left alone.
///
/// # Errors
/// See [`CycleError`]; then nothing was changed.
pub fn t1(tree: &mut TreeMut, options: &StepOptions) -> Result<T1Report, CycleError> {
    let mut report = T1Report::default();
    if crate::exchange::is_agent(tree.view())
        && requestor(&mut Edit::new(tree.view()))?.server().is_some()
    {
        queue_changes(tree, options, Command::T1, &mut report.said)?;
    }
    let mut edit = Edit::new(tree.view());
    let requestor = requestor(&mut edit)?;
    report.numbers = requestor.numbers();
    let Some((server, _)) = requestor.server() else {
        return Ok(report);
    };
    report.registered = true;
    report.server = server.to_string();
    let plan = match prepare(&mut edit, &requestor, options) {
        Ok((plan, _)) => {
            report.said.hear(&plan.diary);
            if !plan.failed {
                report.sent = Some(plan.count);
            }
            edit.finish()?
        }
        Err(CycleError::Postoffice(
            error @ (PoError::MailbagFull { .. }
            | PoError::MailbagDamaged { .. }
            | PoError::NoSuchMailbag { .. }
            | PoError::BadMessage(_)),
        )) => {
            // R-T1-006: nothing is sent, nothing moves, the log says so.
            let lines = [
                cannot_send(&format!("{server}/$SYSTEM")),
                LogLine::status(error.to_string()),
                LogLine::status("Requestor process failed."),
            ];
            let mut edit = Edit::new(tree.view());
            log::append(&mut edit, options.now, &lines)?;
            report.said.lines.extend(lines);
            edit.finish()?
        }
        Err(error) => return Err(error),
    };
    let sent = u64::from(report.sent.unwrap_or(0));
    let info = options.info(Command::T1, vec![("sent", sent)]);
    commit(tree, &plan, &info, &mut report.said)?;
    Ok(report)
}

/// What changed among the recipients of an agent is queued, in a commit of its own.
pub(super) fn queue_changes(
    tree: &mut TreeMut,
    options: &StepOptions,
    command: Command,
    said: &mut Said,
) -> Result<u32, CycleError> {
    let mut edit = Edit::new(tree.view());
    let queued = crate::exchange::agent::queue_changes(&mut edit, options.now)?;
    log::append_local(&mut edit, options.now, &queued.lines)?;
    let plan = edit.finish()?;
    let info = options.info(command, vec![("queued", u64::from(queued.count))]);
    commit(tree, &plan, &info, said)?;
    said.lines.extend(queued.lines);
    Ok(queued.count)
}

/// Message 113 (Q130449).
pub(crate) fn cannot_send(to: &str) -> LogLine {
    let line = log::message(113, to);
    LogLine {
        severity: LogSeverity::Fatal,
        ..line
    }
}
