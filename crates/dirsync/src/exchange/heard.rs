//! What the agent notes of dirsync messages: events, the check of lost messages, copies to the
//! administrator.
//!
//! Lost messages (exc R-IN-003): a request that names a server number below what its requestor has
//! confirmed, or above what was ever sent to it, tells that messages were lost. The second one in a
//! row makes events 220 and 221, and the next reply brings all lists (O-04). That one was seen stands
//! as `Lost-Requests` in the section of the remote requestor (ASSIGNED key).

use crate::core::base::UnixTime;
use crate::core::base::ident::MailbagStem;
use crate::core::base::logline::LogSeverity;
use crate::core::format::exchange::agent_ini::{PartyKind, PartySettings};
use crate::core::format::key::MAILBAG_RECORDS_MAX;
use crate::core::format::srvconf::{SrvConfRecord, ask};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::message::{Disposition, Incoming, RequestKind};
use crate::core::protocol::numbers::grant_import;
use crate::core::protocol::server::ReceiveUnit;
use crate::cycle::CycleError;
use crate::postoffice::mail::{self, BagEdit, Outgoing, submit};
use crate::postoffice::{Edit, PoError};
use crate::tree::TreeView;

use super::agent::{object_name, party_address};
use super::desk::Desk;
use super::directory::address_of;
use super::events::{Event, log, log_at, table, utc_time};
use super::settings::{Agent, save_ini};

/// Key of how many requests told of lost messages, and of what was confirmed before them.
const LOST: &str = "Lost-Requests";
/// Such requests in a row until all lists are sent (O-04).
const LOST_LIMIT: u32 = 2;
/// Messages of T2 that mean faulty dirsync mail: without attachment, without its parameters, of an
/// unknown task, with a wrong password, or none of dirsync (ASSIGNED: Q201122 names event 134 for a
/// requestor that does not pass what it must; Q159295 for reports that come back).
const FAULTY: [u16; 8] = [116, 124, 125, 133, 150, 154, 155, 156];
/// The code that event 134 names (DOCUMENTED, Q201122).
const BUSY: &str = "MH_RC_SESSION_BUSY";
/// Words of the empty reply (DOCUMENTED, Q201122).
const NO_UPDATES: &[u8] = b"No updates to send. Nothing was requested.";

/// Whether the numbers of a request tell that messages were lost; `confirmed` is what the requestor
/// had confirmed before the first of such requests.
fn tells_of_loss(incoming: &Incoming, before: &SrvConfRecord, confirmed: u32) -> Option<bool> {
    let Incoming::Request(request) = incoming else {
        return None;
    };
    if request.resync || request.wants_import() || !request.srv_given {
        return Some(false);
    }
    if request.kind != RequestKind::Update || !request.receive {
        return None;
    }
    let confirmed = confirmed.max(before.conf_sync.get());
    Some(request.srv < confirmed || request.srv > before.srv_sync.get())
}

/// Notes a message that T2 has looked at: its events, and in `unit` what follows from lost messages.
/// `before` is the requestor's record as it was.
///
/// # Errors
/// AGENT.INI is damaged; imports are used up; a disk error.
pub fn received(
    edit: &mut Edit<'_>,
    desk: &mut Desk,
    now: UnixTime,
    incoming: &Incoming,
    before: Option<&SrvConfRecord>,
    unit: &mut ReceiveUnit,
) -> Result<(), CycleError> {
    let mut events = Vec::new();
    for line in &unit.diary.lines {
        match line.code {
            Some(158) => {
                let who = line.argument.trim();
                events.push(Event::new(&table::UNKNOWN_REQUESTOR, [who]));
            }
            Some(code) if FAULTY.contains(&code) => {
                events.push(Event::new(&table::SESSION_BUSY, [BUSY, "0"]));
            }
            _ => {}
        }
    }
    if let (Some(before), Some((_, after))) = (before, unit.record.as_mut()) {
        let object = object_name(before);
        if matches!(incoming, Incoming::Request(_)) {
            let taken = unit.appended.to_string();
            let strings = [object.clone(), taken, utc_time(now)];
            events.push(Event::new(&table::REQUEST_TAKEN, strings));
            events.extend(doubled(edit, desk, before)?);
        }
        if count_loss(edit, desk, &object, incoming, before)? {
            let granted = grant_import(after.imp_sync.get(), 0)?;
            after.imp_sync.set(granted);
            after.ask.set(after.ask.get() | ask::IMPORT | ask::WAITING);
            for what in [&table::MESSAGES_LOST, &table::IMPORT_REPLY] {
                let event = Event::new(what, [object.clone()]);
                let line = LogLine::free(LogSeverity::Warning, event.text());
                unit.diary.lines.push(line);
                events.push(event);
            }
        }
    }
    if !events.is_empty() {
        let levels = desk.levels(edit)?;
        log_at(edit, now, levels, &events)?;
    }
    Ok(())
}

/// More than one recipient stands for a requestor (R-OBJ-031, Q163625): which of them answers go to is
/// chance. Its request is taken all the same, since a directory of ours looks at addresses and not at
/// names (ASSIGNED).
fn doubled(
    edit: &mut Edit<'_>,
    desk: &mut Desk,
    record: &SrvConfRecord,
) -> Result<Option<Event>, CycleError> {
    let address = party_address(record);
    let Some(target) = address_of(&address) else {
        return Ok(None);
    };
    let (_, directory) = desk.all(edit)?;
    let stands = directory
        .of_scope(target.scope())
        .into_iter()
        .filter_map(|index| directory.get(index))
        .filter(|recipient| address_of(&recipient.address).as_ref() == Some(&target))
        .count();
    Ok((stands > 1).then(|| Event::new(&table::DOUBLED_REQUESTOR, [address])))
}

/// Counts requests that tell of lost messages; whether all lists are to be sent now.
fn count_loss(
    edit: &mut Edit<'_>,
    desk: &mut Desk,
    object: &str,
    incoming: &Incoming,
    before: &SrvConfRecord,
) -> Result<bool, CycleError> {
    let ini = &mut desk.agent(edit)?.ini;
    let section = format!("{} {object}", PartyKind::RemoteRequestor.word());
    if ini.party_in(&section).is_none() {
        return Ok(false);
    }
    // How many there were, and what was confirmed before the first: the record takes over what
    // each of them says.
    let stored = ini.get(&section, LOST).unwrap_or_default();
    let (count, confirmed) = stored.split_once(' ').unwrap_or((stored, "0"));
    let count: u32 = count.parse().unwrap_or(0);
    let confirmed: u32 = confirmed.parse().unwrap_or(0);
    let Some(lost) = tells_of_loss(incoming, before, confirmed) else {
        return Ok(false);
    };
    let after = if lost { count.saturating_add(1) } else { 0 };
    let is_due = after >= LOST_LIMIT;
    let text = match (is_due, after) {
        (true, _) | (_, 0) => "0".to_owned(),
        _ => format!("{after} {}", confirmed.max(before.conf_sync.get())),
    };
    if text != stored && !(text == "0" && stored.is_empty()) {
        ini.set(&section, LOST, &text)
            .map_err(|error| CycleError::Damaged {
                file: crate::core::format::exchange::agent_ini::PATH,
                why: error.to_string(),
            })?;
        save_ini(edit, ini)?;
    }
    Ok(is_due)
}

/// Gives the requestors whose object says `DXA-Export-Now` all lists with this T2 (O-02, R-CYC-003); the
/// flag goes. The records that changed.
///
/// # Errors
/// AGENT.INI is damaged; imports are used up; a disk error.
pub fn export_flagged(
    edit: &mut Edit<'_>,
    records: &[SrvConfRecord],
) -> Result<Vec<(usize, SrvConfRecord)>, CycleError> {
    let agent = Agent::load(edit)?;
    let mut ini = agent.ini.clone();
    let mut changed = Vec::new();
    for (index, record) in records.iter().enumerate().filter(|(_, r)| r.is_live()) {
        let object = object_name(record);
        let settings = agent.remote(&object);
        if !settings.export_now {
            continue;
        }
        let mut record = record.clone();
        record.imp_sync.set(grant_import(record.imp_sync.get(), 0)?);
        record
            .ask
            .set(record.ask.get() | ask::IMPORT | ask::WAITING);
        changed.push((index, record));
        let done = PartySettings {
            export_now: false,
            ..settings
        };
        ini.set_party(PartyKind::RemoteRequestor, &object, &done)
            .map_err(|error| CycleError::Damaged {
                file: crate::core::format::exchange::agent_ini::PATH,
                why: error.to_string(),
            })?;
    }
    if !changed.is_empty() {
        save_ini(edit, &ini)?;
    }
    Ok(changed)
}

/// Notes a dirsync message that leaves, and copies it to the administrator where that is set.
///
/// # Errors
/// The settings cannot be read; a disk error.
pub fn sent(edit: &mut Edit<'_>, message: &Outgoing, now: UnixTime) -> Result<(), PoError> {
    let to = message.to.first().map(ToString::to_string);
    let to = to.unwrap_or_default();
    let is_empty = message
        .text
        .windows(NO_UPDATES.len())
        .any(|part| part == NO_UPDATES);
    let event = if is_empty {
        Event::new(&table::EMPTY_REPLY, [to])
    } else {
        let subject = String::from_utf8_lossy(&message.subject).into_owned();
        Event::new(&table::MESSAGE_SENT, [to, subject])
    };
    log(edit, now, &event)?;
    let agent = Agent::load(edit)?;
    let Some(copies) = agent.copies().filter(|copies| copies.outgoing) else {
        return Ok(());
    };
    let Some(address) = copies.address(&agent) else {
        return Ok(());
    };
    // Copies never stand in the way of the message itself.
    let room = BagEdit::load(edit, MailbagStem::INQUEUE)
        .is_ok_and(|bag| bag.live_count() < MAILBAG_RECORDS_MAX);
    if room && mail::find_mailbag(edit.view(), copies.mailbox(), &mut |_| {}).is_ok() {
        let copy = Outgoing {
            to: vec![address],
            ..message.clone()
        };
        submit(edit, &copy)?;
    }
    Ok(())
}

/// Where a message goes that T2 is done with: to the administrator instead of away, when incoming
/// messages are forwarded and the mailbox takes it.
///
/// # Errors
/// The settings cannot be read.
pub fn forwards(
    view: &TreeView,
    desk: &mut Desk,
    disposition: Disposition,
) -> Result<Option<String>, CycleError> {
    if disposition != Disposition::Remove {
        return Ok(None);
    }
    let mut edit = Edit::new(view);
    let agent = desk.agent(&mut edit)?;
    let Some(copies) = agent.copies().filter(|copies| copies.incoming) else {
        return Ok(None);
    };
    let Ok(bag) = mail::find_mailbag(view, copies.mailbox(), &mut |_| {}) else {
        return Ok(None);
    };
    let room =
        BagEdit::load(&mut edit, bag).is_ok_and(|bag| bag.live_count() < MAILBAG_RECORDS_MAX);
    Ok(room.then(|| copies.mailbox().to_owned()))
}
