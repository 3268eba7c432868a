//! Returning queued mail to its senders (Q134377, Q221963).

use crate::core::base::address::PoName;
use crate::core::base::ident::MailbagStem;
use crate::core::base::time::UnixTime;
use crate::core::format::key::MAILBAG_RECORDS_MAX;
use crate::core::format::mbg::FLAG_NON_DELIVERY;
use crate::core::format::p1::P1;
use crate::postoffice::mail::{Owners, remove, submit};
use crate::postoffice::{Edit, Identity, PoError};

use super::super::local::Local;
use super::super::log;
use super::super::mailer::load_strict;
use super::super::returned::{Failure, Returned};
use super::letter::Letter;
use super::{Selection, selected};

/// The code of a message with nothing wrong that the administrator returns: `[001] unable to deliver.`
/// (ASSIGNED: what ADMIN wrote into such a report was not published.)
const RETURNED_BY_HAND: u16 = 1;

/// Bytes of original texts that the reports of one commit repeat (ASSIGNED: they are held in memory).
const TEXTS_LIMIT_BYTES: usize = 32 << 20;

/// What was returned.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct GivenBack {
    /// Messages that left the mailbag.
    pub messages: usize,
    /// Reports on their way to senders or, for system mail, to the administrator.
    pub reports: usize,
    /// Messages nobody could be told about: in `LOG/SYSTEM.LOG` only.
    pub untold: usize,
}

/// Takes the selected messages out of a mailbag and reports to their senders why, with the text.
/// About system mail the administrator is told; about a report nobody (R-ERR-008).
///
/// # Errors
/// [`PoError::NoSuchMailbag`], [`PoError::NoSuchHeader`], [`PoError::MailbagDamaged`],
/// [`PoError::NoIdentity`], or a disk error.
pub fn give_back(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    selection: &Selection,
    now: UnixTime,
) -> Result<GivenBack, PoError> {
    give_back_because(edit, mailbag, selection, RETURNED_BY_HAND, None, now)
}

/// As [`give_back`], for the reason of a code; messages with damaged files go for that.
///
/// # Errors
/// As [`give_back`].
pub(in super::super) fn give_back_because(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    selection: &Selection,
    code: u16,
    detail: Option<&str>,
    now: UnixTime,
) -> Result<GivenBack, PoError> {
    let view = edit.view();
    let own = Identity::read(view)?.name;
    let owner = Owners::load(view, &mut |_| {})?.of(mailbag);
    let administrator = Local::new(view).administrator()?;
    let time = log::local_time(view, now);
    let chosen = selected(edit, mailbag, selection)?;
    let mut done = GivenBack::default();
    let mut reports = Vec::new();
    let mut system_log = String::new();
    let mut texts = 0usize;
    for (index, header) in &chosen {
        let letter = Letter::read(edit, mailbag, *index, header.clone())?;
        if let Some(path) = &letter.envelope_path {
            edit.remove(path)?;
        }
        done.messages += 1;
        let Some(p1) = letter.envelope_or_made(own, &owner) else {
            // Only the header is left: it names a mailbox, and no postoffice.
            let p1 = headless(&letter);
            system_log
                .push_str(&returned(own, &p1, letter.fault, code, detail).log_entry(time, false));
            done.untold += 1;
            continue;
        };
        let back = returned(own, &p1, letter.fault, code, detail);
        let to = if header.flags & FLAG_NON_DELIVERY == 0 {
            back.addressee(administrator.as_ref())
        } else {
            None
        };
        let Some(to) = to else {
            system_log.push_str(&back.log_entry(time, false));
            done.untold += 1;
            continue;
        };
        let text = letter.mai.map(|mai| mai.text).unwrap_or_default();
        let text = if texts.saturating_add(text.len()) > TEXTS_LIMIT_BYTES {
            Vec::new()
        } else {
            text
        };
        let report = back.report(to, &text, time, now);
        texts = texts.saturating_add(report.text.len());
        reports.push((
            report,
            back.log_entry(time, true),
            back.log_entry(time, false),
        ));
    }
    let indices: Vec<usize> = chosen.iter().map(|(index, _)| *index).collect();
    remove(edit, mailbag, &indices)?;
    for (report, told, untold) in reports {
        // The reports begin in INQUEUE: one that is full or damaged leaves the log (R-ERR-008).
        let room = load_strict(edit, MailbagStem::INQUEUE, &mut |_| {})?
            .is_some_and(|bag| bag.live_count() < MAILBAG_RECORDS_MAX);
        if room {
            submit(edit, &report)?;
            system_log.push_str(&told);
            done.reports += 1;
        } else {
            system_log.push_str(&untold);
            done.untold += 1;
        }
    }
    if !system_log.is_empty() {
        log::append(edit, log::SYSTEM, &system_log)?;
    }
    Ok(done)
}

fn returned<'a>(
    here: PoName,
    p1: &'a P1,
    fault: Option<u16>,
    code: u16,
    detail: Option<&str>,
) -> Returned<'a> {
    let mut failure = Failure::new(fault.unwrap_or(code), p1.recipients.clone());
    if fault.is_none() {
        failure.detail = detail.map(str::to_owned);
    }
    Returned {
        here,
        p1,
        failures: vec![failure],
    }
}

/// What the log can say about a message of which only the header is left.
fn headless(letter: &Letter) -> P1 {
    P1 {
        stem: letter.stem.unwrap_or(crate::core::base::HexId(0)),
        originator: letter.header.sender.text().to_vec(),
        recipients: Vec::new(),
        date: letter.header.date.seconds_utc().unwrap_or(0),
        subject: letter.header.subject.text().to_vec(),
        message_id: Vec::new(),
        hops_left: 0,
        trace: Vec::new(),
        attempts: 0,
        mailbag: None,
    }
}
