//! T2 receive: one commit for the start, then one for each message (dsp 5.1, DEC-057).

use crate::core::base::codepage::CodePage;
use crate::core::base::ident::MailbagStem;
use crate::core::base::logline::LogEntry;
use crate::core::base::{Address, MailboxName, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::key::MAILBAG_RECORDS_MAX;
use crate::core::format::srvconf::{SrvConfHeader, SrvConfRecord};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::message::Disposition;
use crate::core::protocol::server::{AdminMail, ReceiveUnit, Server, Step, T2Message};
use crate::core::protocol::status_report::read_report;
use crate::exchange::desk::Desk;
use crate::import::log::{self, CENTRAL_LOG, LOG_LEN_LIMIT};
use crate::postoffice::mail::{self, BagEdit, submit};
use crate::postoffice::{Edit, PoError};
use crate::tree::{Command, TreeMut};

use super::super::message::{SystemMessage, waiting};
use super::super::{CycleError, MSTTRANS, SRVCONF, Said, StepOptions, commit, to_administrator};
use super::T2Report;
use super::guard::{self, HeldRequestor};
use super::master::Master;

/// Subject of a mail to the administrator (ASSIGNED).
const ADMIN_SUBJECT: &[u8] = b"Directory synchronization";

/// Puts the header, and the record that changed, into SRVCONF.
pub(super) fn write_srvconf(
    edit: &mut Edit<'_>,
    header: &SrvConfHeader,
    record: Option<&(usize, SrvConfRecord)>,
) -> Result<(), CycleError> {
    edit.patch(SRVCONF, 0, &header.encode())?;
    if let Some((index, record)) = record {
        let at = SrvConfHeader::SIZE as u64 + *index as u64 * SrvConfRecord::SIZE as u64;
        edit.patch(SRVCONF, at, &record.encode())?;
    }
    Ok(())
}

/// The start: the cycle counts, and the log says who runs. A T2 that was cut off and is run again at
/// the very same time is the same one and goes on (ASSIGNED).
fn begin(
    tree: &mut TreeMut,
    server: &mut Server,
    options: &StepOptions,
    said: &mut Said,
) -> Result<(), CycleError> {
    let header = &server.header;
    if header.last_receive.get() == options.now.0 && header.last_transmit.get() < options.now.0 {
        return Ok(());
    }
    let (header, diary) = server.begin_receive(options.now);
    let mut edit = Edit::new(tree.view());
    write_srvconf(&mut edit, &header, None)?;
    log::append_local(&mut edit, options.now, &diary.lines)?;
    let plan = edit.finish()?;
    said.hear(&diary);
    commit(tree, &plan, &options.info(Command::T2, Vec::new()), said)?;
    server.header = header;
    Ok(())
}

/// The messages of SYSTEM, damaged ones reported.
fn messages(tree: &TreeMut, said: &mut Said) -> Result<Vec<SystemMessage>, CycleError> {
    let mut edit = Edit::new(tree.view());
    waiting(&mut edit, &mut |finding| said.findings.push(finding))
}

/// Takes everything that waits. Answers the records that the guard holds.
///
/// # Errors
/// See [`CycleError`]; what was committed before stands.
pub(super) fn receive(
    tree: &mut TreeMut,
    server: &mut Server,
    own_srv: u32,
    options: &StepOptions,
    report: &mut T2Report,
) -> Result<Vec<usize>, CycleError> {
    let last_run = UnixTime(server.header.last_receive.get());
    begin(tree, server, options, &mut report.said)?;
    let messages = messages(tree, &mut report.said)?;
    let t2: Vec<T2Message> = messages.iter().map(SystemMessage::for_server).collect();
    let order = Server::order(&t2);
    let held = judge(tree, server, own_srv, &messages, &order, options)?;
    for held in &held {
        report.said.held.extend(held.lists.iter().cloned());
    }
    let held: Vec<usize> = held.into_iter().map(|held| held.record).collect();
    let mut desk = Desk::default();
    for index in order {
        let (message, t2) = (&messages[index], &t2[index]);
        let requestor = guard::requestor_of(server, message);
        if requestor.is_some_and(|record| held.contains(&record)) {
            continue;
        }
        let run = Taking {
            desk: &mut desk,
            last_run,
            options,
        };
        take(tree, server, message, t2, run, report)?;
    }
    Ok(held)
}

fn judge(
    tree: &TreeMut,
    server: &Server,
    own_srv: u32,
    messages: &[SystemMessage],
    order: &[usize],
    options: &StepOptions,
) -> Result<Vec<HeldRequestor>, CycleError> {
    let ordered: Vec<&SystemMessage> = order
        .iter()
        .filter_map(|&index| messages.get(index))
        .filter(|message| !message.repeated)
        .collect();
    let master = Master::read(tree.view())?;
    let ceilings = &options.allow_deletes;
    guard::judge(tree.view(), server, own_srv, &master, &ordered, ceilings)
}

/// What is the same for all messages of a run.
struct Taking<'a> {
    /// What an agent keeps at hand.
    desk: &'a mut Desk,
    /// When T2 ran before.
    last_run: UnixTime,
    options: &'a StepOptions,
}

/// One message, one commit.
fn take(
    tree: &mut TreeMut,
    server: &mut Server,
    message: &SystemMessage,
    t2: &T2Message,
    run: Taking<'_>,
    report: &mut T2Report,
) -> Result<(), CycleError> {
    let Taking {
        desk,
        last_run,
        options,
    } = run;
    let view = tree.view();
    let mut edit = Edit::new(view);
    if message.repeated {
        let bag = mail::find_mailbag(edit.view(), &administrator(server), &mut |_| {}).ok();
        mail::remove_doubled(&mut edit, MailbagStem::SYSTEM, message.index, bag)?;
        let plan = edit.finish()?;
        let info = options.info(Command::T2, Vec::new());
        return commit(tree, &plan, &info, &mut report.said);
    }
    let mut appended = Vec::new();
    let mut is_request = false;
    let mut unit = match server.open(t2, last_run, options.now)? {
        Step::Done(unit) => *unit,
        Step::Take(mut intake) => {
            is_request = true;
            message.each(view, &mut |number, date, text| {
                if let Some(entry) = intake.entry(number, date, text)? {
                    entry
                        .record()
                        .encode_into(&mut appended)
                        .map_err(PoError::BadMessage)?;
                }
                Ok(())
            })?;
            intake.finish()
        }
    };
    let agent = crate::exchange::is_agent(view);
    if agent {
        let before = guard::requestor_of(server, message).map(|index| &server.records[index]);
        let incoming = &message.incoming;
        crate::exchange::heard::received(
            &mut edit,
            desk,
            options.now,
            incoming,
            before,
            &mut unit,
        )?;
    }
    if unit.record.is_some() {
        write_srvconf(&mut edit, &unit.header, unit.record.as_ref())?;
    }
    if !appended.is_empty() {
        edit.append(MSTTRANS, &appended)?;
        if agent && let Some((_, record)) = &unit.record {
            let now = options.now;
            let lines =
                crate::exchange::agent::take_request(&mut edit, desk, record, &appended, now)?;
            unit.diary.lines.extend(lines);
        }
    }
    let forward = match agent {
        true => crate::exchange::heard::forwards(view, desk, unit.disposition)?,
        false => None,
    };
    match unit.disposition {
        Disposition::Remove if forward.is_some() => {
            let findings = &mut report.said.findings;
            to_administrator(&mut edit, message.index, forward.as_deref(), findings)?;
        }
        Disposition::Remove => mail::remove(&mut edit, MailbagStem::SYSTEM, &[message.index])?,
        Disposition::Leave => {}
        Disposition::Administrator => {
            let name = administrator(server);
            let findings = &mut report.said.findings;
            to_administrator(&mut edit, message.index, Some(&name), findings)?;
        }
    }
    if let Some(heading) = unit.central_log.take() {
        central_log(&mut edit, &heading, message, &mut unit, options)?;
    }
    log::append_local(&mut edit, options.now, &unit.diary.lines)?;
    if let Some(mail) = &unit.mail {
        edit = with_mail(edit, server, mail, options, &mut report.said)?;
    }
    let plan = edit.finish()?;
    let counts = vec![("taken", u64::from(unit.appended))];
    commit(
        tree,
        &plan,
        &options.info(Command::T2, counts),
        &mut report.said,
    )?;
    report.said.hear(&unit.diary);
    report.requests += u32::from(is_request);
    report.taken += unit.appended;
    server.apply(&unit);
    Ok(())
}

/// The administrator's mailbox as SRVCONF names it.
fn administrator(server: &Server) -> String {
    match server.header.administrator.to_string_850() {
        name if name.is_empty() => "Admin".to_owned(),
        name => name,
    }
}

/// Appends a status report to CENTRAL.LOG below its heading (dsp R-STA-002). A report that is not
/// whole must not stop the run (Q125918): Warning 128.
fn central_log(
    edit: &mut Edit<'_>,
    heading: &LogLine,
    message: &SystemMessage,
    unit: &mut ReceiveUnit,
    options: &StepOptions,
) -> Result<(), CycleError> {
    let view = edit.view();
    let lines = [heading.clone()];
    let mut text = log::render(view, options.now, &lines, LogEntry::text_line);
    let limit = LOG_LEN_LIMIT / 4;
    let damaged = match message.attached(view, limit)? {
        Some(bytes) => {
            let report = read_report(&bytes, bytes.len() as u64 >= limit);
            text.extend_from_slice(&report.lines);
            report.left_out > 0
        }
        None => message.has_attachment(),
    };
    if damaged {
        unit.diary.lines.push(LogLine::message(128, &message.from));
    }
    log::append_bytes(edit, CENTRAL_LOG, &text)?;
    Ok(())
}

/// Adds a mail to the administrator. One that cannot be queued is said and not worth failing for.
pub(super) fn with_mail<'v>(
    mut edit: Edit<'v>,
    server: &Server,
    mail: &AdminMail,
    options: &StepOptions,
    said: &mut Said,
) -> Result<Edit<'v>, CycleError> {
    let name = administrator(server);
    let bytes = CodePage::Cp850.encode_lossy(&name).bytes;
    let room = BagEdit::load(&mut edit, MailbagStem::INQUEUE)
        .is_ok_and(|bag| bag.live_count() < MAILBAG_RECORDS_MAX);
    let Some(mailbox) = MailboxName::read(&bytes).ok().filter(|_| room) else {
        let line = super::super::t1::cannot_send(&format!("{}/{name}", server.own));
        log::append_local(&mut edit, options.now, std::slice::from_ref(&line))?;
        said.lines.push(line);
        return Ok(edit);
    };
    let from = Address::system(server.own);
    let to = vec![Address::pcm(server.own, mailbox)];
    let mut message = mail::Outgoing::new(from, to, ADMIN_SUBJECT, options.now);
    message.system = true;
    for line in &mail.lines {
        let line = CodePage::Cp850.encode_lossy(line);
        message.text.extend_from_slice(&line.bytes);
        message.text.extend_from_slice(b"\r\n");
    }
    submit(&mut edit, &message)?;
    Ok(edit)
}
