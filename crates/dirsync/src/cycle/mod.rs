//! The steps of a directory synchronization cycle, and the cycle over a whole site.
//!
//! * [`t1`] - a requestor sends its log and its changes;
//! * [`t2`] - the server takes requests and answers them;
//! * [`t3`] - a requestor takes the answers, applies them and rebuilds its Global Address List;
//! * [`site`] - which trees a site has, who they are and what they do;
//! * [`step`] - one step at one tree; [`child`] - the same in a child with a deadline;
//! * [`dispatch`] - the scheduler: PROCESS.GLB, run windows, DISPATCH.LOG;
//! * [`reset`] - the documented resets of the numbers;
//! * [`rounds`] - the mail of a site: deliveries and interchanges in turns;
//! * [`run`] - T1, delivery, T2, delivery, T3 for everything found;
//! * [`status`] - the numbers of all parties side by side.
//!
//! The rules of the protocol are `core::protocol`; here its plans become commits (DEC-057): T1 one;
//! T2 one for the start, one for each message, one for each answer, one for the end; T3 one for all
//! accepted replies, one for the import, one for the rebuild.

pub mod child;
pub mod dispatch;
pub mod error;
pub mod message;
pub mod reset;
pub mod rounds;
pub mod run;
pub mod site;
pub mod status;
pub mod step;
pub mod t1;
pub mod t2;
pub mod t3;
#[cfg(test)]
mod tests;

pub use error::CycleError;

use std::borrow::Cow;

use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::base::ident::MailbagStem;
use crate::core::base::logline::LogSeverity;
use crate::core::base::{Address, UnixTime};
use crate::core::protocol::guard::Ceilings;
use crate::core::protocol::log::{Diary, LogLine, Notice};
use crate::core::protocol::message::Outgoing;
use crate::import::Held;
use crate::postoffice::mail::{self, find_mailbag, submit};
use crate::postoffice::{Edit, PoError};
use crate::tree::journal::{CommitInfo, Plan};
use crate::tree::{Command, TreeMut};

/// Waiting transactions.
pub(crate) const REQTRANS: &str = "GLB/REQTRANS.GLB";
/// The requestor's record.
pub(crate) const REQCONF: &str = "GLB/REQCONF.GLB";
/// The server's records.
pub(crate) const SRVCONF: &str = "GLB/SRVCONF.GLB";
/// The master list.
pub(crate) const MSTTRANS: &str = "GLB/MSTTRANS.GLB";

/// A line of a log that says more than how things went.
pub const LOGGED: FindingId = FindingId("cycle.logged");
/// The bulk-delete guard holds a step.
pub const HELD: FindingId = FindingId("cycle.held");
/// A message that could not be moved to the administrator.
pub const NOT_MOVED: FindingId = FindingId("cycle.not-moved");

/// How to make a step.
#[derive(Debug, Clone)]
pub struct StepOptions {
    /// The one clock for data.
    pub now: UnixTime,
    /// The user of the operating system, for the audit log.
    pub user: String,
    /// Ceilings of the bulk-delete guard.
    pub allow_deletes: Ceilings,
    /// T3: rebuild the Global Address List when the postoffice's options say so.
    pub rebuild: bool,
    /// T2: a requestor behind the purge gets all lists.
    pub auto_import: bool,
    /// T2: an R for another requestor's list is taken.
    pub trust_replace: bool,
    /// Remove a SORTLOCK.GLB whoever made it.
    pub break_lock: bool,
}

impl StepOptions {
    /// The usual ones.
    #[must_use]
    pub fn new(now: UnixTime, user: impl Into<String>) -> Self {
        Self {
            now,
            user: user.into(),
            allow_deletes: Ceilings::default(),
            rebuild: true,
            auto_import: false,
            trust_replace: false,
            break_lock: false,
        }
    }

    pub(crate) fn info(&self, command: Command, counts: Vec<(&'static str, u64)>) -> CommitInfo {
        CommitInfo {
            command,
            user: self.user.clone(),
            now: self.now,
            counts,
        }
    }
}

/// What every step has to say.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The lines that went to the log, in order.
    pub lines: Vec<LogLine>,
    /// What the protocol found.
    pub notices: Vec<Notice>,
    /// Damaged mail and the like.
    pub findings: Vec<Finding>,
    /// What the bulk-delete guard holds.
    pub held: Vec<Held>,
    /// Commits made.
    pub commits: u64,
}

impl Said {
    fn hear(&mut self, diary: &Diary) {
        self.lines.extend(diary.lines.iter().cloned());
        self.notices.extend(diary.notices.iter().cloned());
    }

    /// Everything that is more than a Status line, as findings.
    #[must_use]
    pub fn problems(&self) -> Vec<Finding> {
        let mut problems = self.findings.clone();
        for notice in &self.notices {
            let id = notice.id.to_string();
            let fits =
                |line: &&LogLine| line.text.contains(&id) && line.text.contains(&notice.party);
            let said = self.lines.iter().find(fits);
            let message = said.map_or_else(|| notice.party.clone(), |line| line.text.clone());
            problems.push(finding(notice.id, Severity::Warning, message, ""));
        }
        for line in &self.lines {
            let severity = match line.severity {
                LogSeverity::Status => continue,
                LogSeverity::Warning => Severity::Warning,
                LogSeverity::Error => Severity::Error,
                LogSeverity::Fatal => Severity::Fatal,
            };
            let message = match line.code {
                Some(code) => format!("[{code:>3}] {}", line.text),
                None => line.text.clone(),
            };
            let hint = "`po-admin explain NUMBER` says what the message means and what to do";
            let hint = if line.code.is_some() { hint } else { "" };
            problems.push(finding(LOGGED, severity, message, hint));
        }
        for held in &self.held {
            let message = format!(
                "the bulk-delete guard holds {}: {} would go",
                held.list, held.removal
            );
            let hint = "if this is right, run again with --allow-deletes N (or NET/PO=N); \
                        everything still waits";
            problems.push(finding(HELD, Severity::Error, message, hint));
        }
        problems
    }
}

/// A finding about a tree as a whole.
pub(crate) fn finding(
    id: FindingId,
    severity: Severity,
    message: String,
    hint: &'static str,
) -> Finding {
    Finding {
        id,
        severity,
        file: String::new(),
        offset: None,
        message,
        hint: Cow::Borrowed(hint),
        repair: None,
    }
}

/// Commits what an edit has become, counted.
fn commit(
    tree: &mut TreeMut,
    plan: &Plan,
    info: &CommitInfo,
    said: &mut Said,
) -> Result<(), CycleError> {
    if tree.commit(plan, info)?.is_some() {
        said.commits += 1;
    }
    Ok(())
}

/// Submits a message of the protocol. `lines` are transactions that travel in its body, `bytes` its
/// attachment.
fn send(
    edit: &mut Edit<'_>,
    from: Address,
    message: &Outgoing,
    lines: &[u8],
    bytes: Vec<u8>,
    now: UnixTime,
) -> Result<(), PoError> {
    let bad = || {
        PoError::BadMessage(crate::core::base::DecodeError::new(
            "message",
            0,
            crate::core::base::DecodeErrorKind::BadField("recipient"),
        ))
    };
    let to = message.address().ok_or_else(bad)?;
    let mut mail = mail::Outgoing::system(from, to, &message.subject(), now);
    mail.text = message.text(lines).map_err(PoError::BadMessage)?;
    if let Some(name) = message.attachment_name() {
        mail.attachments.push((name.as_bytes().to_vec(), bytes));
    }
    submit(edit, &mail)?;
    if crate::exchange::is_agent(edit.view()) {
        crate::exchange::heard::sent(edit, &mail, now)?;
    }
    Ok(())
}

/// Moves a message of SYSTEM to the administrator; where that cannot be done it stays, with a
/// finding.
fn to_administrator(
    edit: &mut Edit<'_>,
    index: usize,
    administrator: Option<&str>,
    findings: &mut Vec<Finding>,
) -> Result<(), CycleError> {
    let mut ignored = |_| {};
    let bag = match administrator {
        Some(name) => find_mailbag(edit.view(), name, &mut ignored),
        None => Err(PoError::NoSuchMailbag {
            tree: edit.view().describe(),
            name: "the administrator".to_owned(),
        }),
    };
    let moved =
        bag.and_then(|bag| mail::move_to(edit, MailbagStem::SYSTEM, index, bag).map(|()| bag));
    match moved {
        Ok(_) => Ok(()),
        Err(PoError::Tree(error)) => Err(error.into()),
        Err(error) => {
            let message = format!("a message in SYSTEM stays where it is: {error}");
            let hint =
                "name an administrator (`po-admin options --administrator`), or empty the mailbox";
            findings.push(finding(NOT_MOVED, Severity::Warning, message, hint));
            Ok(())
        }
    }
}

/// The administrator's mailbox of an ordinary postoffice: the first user who is one.
fn first_administrator(edit: &mut Edit<'_>) -> Result<Option<String>, CycleError> {
    use crate::core::format::access::{Access2Record, AccessRecord};
    use crate::core::format::record::LIVE;
    use crate::postoffice::stream;
    use std::ops::ControlFlow;
    let view = edit.view();
    let Some(access) = view.open_file("GLB/ACCESS.GLB")? else {
        return Ok(None);
    };
    let mut found = None;
    stream::records::<AccessRecord>(&access, 0, u64::MAX, &mut |index, _, record| {
        if record.state == LIVE && record.kind == 1 {
            found = Some(index);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    let (Some(wanted), Some(access2)) = (found, view.open_file("GLB/ACCESS2.GLB")?) else {
        return Ok(None);
    };
    let mut name = None;
    stream::records::<Access2Record>(&access2, 0, wanted + 1, &mut |index, _, record| {
        if index == wanted && record.state == LIVE {
            name = Some(record.mailbox.to_string_850());
        }
        ControlFlow::Continue(())
    })?;
    Ok(name)
}
