//! T1, T2 and T3 of the agent, as far as they differ from those of a postoffice.
//!
//! * Before T1 of a requestor, and at the start of T2 of a server, what changed among the recipients
//!   is queued: into REQTRANS as a postoffice's changes are, or into the master list at once, since
//!   the agent is no requestor of itself ([`queue_changes`]).
//! * Requests are applied to the recipients as they are taken ([`take_request`], O-03).
//! * Replies are applied as they are taken ([`take_replies`]); there is no list to rebuild.
//! * The lists of import replies and of RESYNC.GLB are the recipients ([`lists`]).

use std::collections::BTreeMap;

use crate::core::base::address::{Address, AddressType, FullName, Scope, TypeCase};
use crate::core::base::codepage::CodePage;
use crate::core::base::logline::LogSeverity;
use crate::core::base::{Transaction, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::exchange::agent_ini::{PartyKind, PartySettings};
use crate::core::format::srvconf::SrvConfRecord;
use crate::core::protocol::guard::Ceilings;
use crate::core::protocol::log::LogLine;
use crate::core::protocol::numbers::next_number;
use crate::core::protocol::record::NewRecord;
use crate::cycle::CycleError;
use crate::import::Held;
use crate::import::queue::{SRVTRANS, keep_aside};
use crate::postoffice::config::load_srvconf;
use crate::postoffice::lists::waiting::Waiting;
use crate::postoffice::{Edit, PoError};
use crate::tree::TreeView;

use super::desk::Desk;
use super::directory::{Directory, address_of};
use super::events::{Event, log_all, log_at, table};
use super::inbound::{Applied, Source};
use super::outbound::{load_table, save_table, session};
use super::settings::{Agent, save_ini};

const SRVCONF: &str = "GLB/SRVCONF.GLB";
const MSTTRANS: &str = "GLB/MSTTRANS.GLB";
/// Longest SRVTRANS that is held.
const QUEUE_LIMIT: u64 = 1 << 30;

/// What was queued.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queued {
    /// Transactions.
    pub count: u32,
    /// What deserves a line.
    pub lines: Vec<LogLine>,
}

fn warning(text: String) -> LogLine {
    LogLine {
        severity: LogSeverity::Warning,
        ..LogLine::status(text)
    }
}

/// Queues what changed among the recipients since the last session, in one commit of its own.
///
/// # Errors
/// A file of the agent is damaged; the numbers are used up.
pub fn queue_changes(edit: &mut Edit<'_>, now: UnixTime) -> Result<Queued, CycleError> {
    let agent = Agent::load(edit)?;
    let mut queued = Queued {
        lines: agent
            .faults
            .iter()
            .map(|f| warning(f.to_string()))
            .collect(),
        ..Queued::default()
    };
    let Some(settings) = agent.export() else {
        return Ok(queued);
    };
    let is_requestor = agent.requestor().is_some();
    if is_requestor && !settings.sends {
        return Ok(queued);
    }
    let directory = Directory::load(edit)?;
    let table = load_table(edit)?;
    let session = session(
        &directory,
        &table,
        &agent.identity,
        agent.own,
        &settings,
        (&agent.registry, &agent.templates),
    );
    queued
        .lines
        .extend(session.left_out.into_iter().map(warning));
    queued.count = if is_requestor {
        into_reqtrans(
            edit,
            &agent,
            &session.transactions,
            settings.export_now,
            now,
        )?
    } else {
        into_master(edit, &session.transactions, now)?
    };
    if queued.count > 0 {
        let step = if is_requestor { "T1" } else { "T2" };
        let event = Event::new(&table::CYCLE, [step.to_owned(), queued.count.to_string()]);
        log_all(edit, now, &[event])?;
    }
    if session.table != table {
        save_table(edit, &session.table)?;
    }
    if settings.export_now {
        let done = PartySettings {
            export_now: false,
            ..settings
        };
        let mut agent = agent;
        let section = match agent.requestor() {
            Some((name, _)) => format!("{} {name}", PartyKind::Requestor.word()),
            None => agent.server_object().unwrap_or_default(),
        };
        agent
            .ini
            .set_party_in(&section, &done)
            .map_err(|error| damaged(error.to_string()))?;
        save_ini(edit, &agent.ini)?;
    }
    Ok(queued)
}

fn damaged(why: String) -> CycleError {
    CycleError::Damaged {
        file: crate::core::format::exchange::agent_ini::PATH,
        why,
    }
}

fn into_reqtrans(
    edit: &mut Edit<'_>,
    agent: &Agent,
    transactions: &[Transaction],
    export: bool,
    now: UnixTime,
) -> Result<u32, CycleError> {
    if transactions.is_empty() {
        return Ok(0);
    }
    let mut waiting = Waiting::open(edit, agent.own, now)?;
    if export {
        let (conf, _) = waiting.begin_export(edit, now)?;
        edit.write("GLB/REQCONF.GLB", conf.encode())?;
    }
    let mut count = 0;
    for transaction in transactions {
        let number = waiting.push_with(transaction, TypeCase::Lower)?;
        count += u32::from(number.is_some());
    }
    waiting.save(edit)?;
    Ok(count)
}

fn into_master(
    edit: &mut Edit<'_>,
    transactions: &[Transaction],
    now: UnixTime,
) -> Result<u32, CycleError> {
    if transactions.is_empty() {
        return Ok(0);
    }
    let (mut header, _) = load_srvconf(edit)?;
    let (mut bytes, mut number) = (Vec::new(), header.sync.get());
    for transaction in transactions {
        let text = transaction
            .to_record_text_with(TypeCase::Lower)
            .map_err(PoError::BadMessage)?;
        number = next_number(number)?;
        NewRecord::transaction(number, now, text)
            .record()
            .encode_into(&mut bytes)
            .map_err(PoError::BadMessage)?;
    }
    header.sync.set(number);
    edit.patch(SRVCONF, 0, &header.encode())?;
    edit.append(MSTTRANS, &bytes)?;
    Ok(u32::try_from(transactions.len()).unwrap_or(u32::MAX))
}

/// Through which object transactions come.
pub(super) fn source_of<'a>(
    agent: &'a Agent,
    object: &'a str,
    settings: &'a PartySettings,
) -> Source<'a> {
    Source {
        identity: &agent.identity,
        own: agent.own,
        object,
        settings,
        further: &agent.registry.requestors_used_to_import_from,
        map: agent.map.as_ref(),
        templates: &agent.templates,
        brace_names: agent.registry.mhs_brace_names,
    }
}

pub(super) fn say(applied: &Applied) -> Vec<LogLine> {
    let mut lines = Vec::new();
    for damage in &applied.damaged {
        lines.push(LogLine {
            severity: LogSeverity::Warning,
            ..LogLine::message(40, format!("SRVTRANS: {}", damage.error))
        });
    }
    for text in &applied.malformed {
        lines.push(warning(format!(
            "The e-mail address of the following transaction is not a valid format: {}",
            text.text
        )));
    }
    for (text, why) in &applied.refused {
        lines.push(warning(format!(
            "The custom recipient was not made: {why}: {text}"
        )));
    }
    for text in &applied.discarded {
        lines.push(LogLine::status(format!(
            "Discarded, no recipient of this requestor fits: {text}"
        )));
    }
    if !applied.searched.is_empty() {
        lines.push(LogLine::status(format!(
            "{} recipients were found through further requestors",
            applied.searched.len()
        )));
    }
    lines
}

/// The events of what was applied through an object.
pub(super) fn events_of(applied: &Applied, object: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for fault in &applied.malformed {
        events.extend(fault.companion());
        events.push(Event::new(&table::BAD_ADDRESS, [fault.text.as_str(), "0"]));
    }
    for (text, why) in &applied.refused {
        events.push(Event::new(&table::NOT_CREATED, [text, why]));
    }
    for (requestor, text) in &applied.searched {
        events.push(Event::new(&table::FURTHER_SEARCH, [requestor, text]));
    }
    for text in &applied.discarded {
        events.push(Event::new(&table::DISCARDED, [object, text]));
    }
    let counts = [applied.added, applied.modified, applied.deleted];
    if counts != [0; 3] {
        let mut strings = vec![object.to_owned()];
        strings.extend(counts.map(|count| count.to_string()));
        events.push(Event::new(&table::APPLIED, strings));
    }
    events
}

/// The name of the object of a requestor's record.
pub(super) fn object_name(record: &SrvConfRecord) -> String {
    match record.object_name.to_string_850() {
        name if name.is_empty() => format!(
            "{}/{}",
            record.network.to_string_850(),
            record.postoffice.to_string_850()
        ),
        name => name,
    }
}

/// The address of a requestor's record, as its hidden recipient has it: `MS:NET/PO/MAILBOX`.
#[must_use]
pub fn party_address(record: &SrvConfRecord) -> String {
    let mailbox = match record.mailbox.to_string_850() {
        name if name.is_empty() => "$SYSTEM".to_owned(),
        name => name,
    };
    format!(
        "MS:{}/{}/{mailbox}",
        record.network.to_string_850(),
        record.postoffice.to_string_850()
    )
}

/// Applies what a request put into the master list, in the commit that takes the request.
///
/// # Errors
/// A file of the agent is damaged.
pub fn take_request(
    edit: &mut Edit<'_>,
    desk: &mut Desk,
    record: &SrvConfRecord,
    records: &[u8],
    now: UnixTime,
) -> Result<Vec<LogLine>, CycleError> {
    let object = object_name(record);
    let (agent, directory) = desk.all(edit)?;
    let settings = agent.remote(&object);
    let source = source_of(agent, &object, &settings);
    let applied = source.apply_file(directory, records);
    directory.save(edit)?;
    let events = events_of(&applied, &object);
    if !events.is_empty() {
        let levels = desk.levels(edit)?;
        log_at(edit, now, levels, &events)?;
    }
    Ok(say(&applied))
}

/// What the replies that a T3 took did, or would do.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// Custom recipients.
    pub applied: Applied,
    /// Recipients of the server afterwards.
    pub recipients: u64,
    /// The log.
    pub lines: Vec<LogLine>,
}

/// Applies what replies brought: the records of SRVTRANS, which is empty afterwards. One commit.
///
/// # Errors
/// A file of the agent is damaged.
pub fn take_replies(edit: &mut Edit<'_>, now: UnixTime) -> Result<Taken, CycleError> {
    let bytes = edit.peek(SRVTRANS, QUEUE_LIMIT)?.unwrap_or_default();
    let (mut taken, mut directory) = apply_replies(edit, &bytes)?;
    if !bytes.is_empty() {
        directory.save(edit)?;
        edit.replace_whole(SRVTRANS, Vec::new())?;
        let mut aside = Vec::new();
        for damage in &taken.applied.damaged {
            let from = usize::try_from(damage.offset).unwrap_or(usize::MAX);
            let len = usize::try_from(damage.len_bytes).unwrap_or(usize::MAX);
            let end = from.saturating_add(len).min(bytes.len());
            aside.extend_from_slice(bytes.get(from..end).unwrap_or_default());
        }
        keep_aside(edit, &aside)?;
        let object = Agent::load(edit)?.requestor().map(|(name, _)| name);
        let events = events_of(&taken.applied, &object.unwrap_or_default());
        log_all(edit, now, &events)?;
    }
    taken.lines = say(&taken.applied);
    Ok(taken)
}

fn apply_replies(edit: &mut Edit<'_>, bytes: &[u8]) -> Result<(Taken, Directory), CycleError> {
    let agent = Agent::load(edit)?;
    let (object, settings) = agent.requestor().unwrap_or_default();
    let mut directory = Directory::load(edit)?;
    let source = source_of(&agent, &object, &settings);
    let applied = source.apply_file(&mut directory, bytes);
    let taken = Taken {
        applied,
        recipients: directory.iter().filter(|r| !r.hidden).count() as u64,
        lines: Vec::new(),
    };
    Ok((taken, directory))
}

/// What the bulk-delete guard holds of the records that replies bring.
///
/// # Errors
/// As [`take_replies`].
pub fn judge_replies(
    view: &TreeView,
    bytes: &[u8],
    ceilings: &Ceilings,
) -> Result<Vec<Held>, CycleError> {
    let mut edit = Edit::new(view);
    let mut all = edit.peek(SRVTRANS, QUEUE_LIMIT)?.unwrap_or_default();
    all.extend_from_slice(bytes);
    let (taken, _) = apply_replies(&mut edit, &all)?;
    Ok(held(&taken.applied, ceilings))
}

/// What the bulk-delete guard says to changes of recipients.
pub(super) fn held(applied: &Applied, ceilings: &Ceilings) -> Vec<Held> {
    let mut held = Vec::new();
    for (list, removal) in &applied.removals {
        let ceiling = list
            .parse::<Scope>()
            .ok()
            .and_then(|scope| ceilings.of(scope));
        if let Err(removal) = removal.judge(ceiling) {
            let list = list.clone();
            held.push(Held { list, removal });
        }
    }
    held
}

/// Calls `each` with alias and address of every entry of a list, for the guard of T2.
///
/// # Errors
/// The recipients cannot be read.
pub fn each_of_scope(
    view: &TreeView,
    scope: Scope,
    each: &mut dyn FnMut(FullName, Address),
) -> Result<(), CycleError> {
    let directory = Directory::load(&mut Edit::new(view))?;
    let of_scope = directory.of_scope(scope);
    for recipient in of_scope
        .into_iter()
        .filter_map(|index| directory.get(index))
    {
        if let Some(address) = address_of(&recipient.address)
            && let Some(alias) = full_name(&recipient.display_name)
        {
            each(alias, address);
        }
    }
    Ok(())
}

fn full_name(text: &str) -> Option<FullName> {
    let bytes = CodePage::Cp850.encode_lossy(text).bytes;
    let bytes = bytes.get(..bytes.len().min(30))?;
    FullName::new(bytes).ok()
}

/// The lists of the agent as transactions: its own, as the table says it was sent, then every list
/// of custom recipients by scope.
///
/// # Errors
/// The recipients or the table cannot be read.
pub fn lists(view: &TreeView) -> Result<Vec<Transaction>, PoError> {
    let mut edit = Edit::new(view);
    let agent = Agent::load(&mut edit)?;
    let own = Scope::pcm(agent.own);
    let mut by_scope: BTreeMap<(AddressType, String), (Scope, Vec<Transaction>)> = BTreeMap::new();
    let mut put = |alias: Option<FullName>, address: Option<Address>| {
        let (Some(alias), Some(address)) = (alias, address) else {
            return;
        };
        let scope = address.scope();
        // The own list comes first, free-form ones last.
        let name = if scope == own {
            String::new()
        } else {
            scope.to_string().to_lowercase()
        };
        by_scope
            .entry((scope.kind, name))
            .or_insert_with(|| (scope, Vec::new()))
            .1
            .push(Transaction::add(alias, address));
    };
    for mapping in load_table(&mut edit)? {
        put(
            full_name(&mapping.display_name),
            mapping.address.parse().ok(),
        );
    }
    for recipient in Directory::load(&mut edit)?.iter() {
        if !recipient.imported_from.is_empty() {
            put(
                full_name(&recipient.display_name),
                address_of(&recipient.address),
            );
        }
    }
    let mut transactions = Vec::new();
    if !by_scope.contains_key(&(own.kind, String::new())) {
        transactions.push(Transaction::Replace { scope: own });
    }
    for (scope, adds) in by_scope.into_values() {
        transactions.push(Transaction::Replace { scope });
        transactions.extend(adds);
    }
    Ok(transactions)
}
