//! Pausing and starting the agent's service.
//!
//! A pause runs a cycle: T2 at a directory server, T1 at a requestor (Q146738); version 4.0 needs
//! `PauseKicksDX` for it. The request to pause fails always, and that failure is the success.
//!
//! A start acts upon the registry: for the requestors that `ResyncConnectionRDNs` names it makes
//! RESYNC.GLB, and the value goes in the same commit (Q150976). At a requestor it takes a RESYNC.GLB
//! that lies in DXADATA, once: it is RESYNC.OLD afterwards (Q156124, DEC-046).

use crate::core::base::UnixTime;
use crate::core::format::exchange::registry::{DX_KEY, DxSettings};
use crate::core::format::mta::Profile;
use crate::core::format::transactions::ResyncHeader;
use crate::core::protocol::guard::Ceilings;
use crate::core::protocol::log::LogLine;
use crate::core::protocol::numbers::Numbers;
use crate::cycle::step::Step;
use crate::cycle::{CycleError, StepOptions};
use crate::import::resync::take::{How, take};
use crate::import::resync::{RESYNC, look_through};
use crate::import::{Held, ImportError, log};
use crate::postoffice::config::load_srvconf;
use crate::postoffice::lists::waiting::FileRecords;
use crate::postoffice::{Edit, PoError};
use crate::progress::Progress;
use crate::tree::journal::Plan;
use crate::tree::{Command, TreeMut, TreeView};

use super::agent::{say, source_of};
use super::directory::Directory;
use super::events::{Event, log_all, table};
use super::outbound::load_table;
use super::resync;
use super::settings::{Agent, load_registry, save_registry};

/// Where a RESYNC.GLB that was taken is kept.
const RESYNC_OLD: &str = "GLB/RESYNC.OLD";
/// Longest RESYNC.GLB that is held.
const RESYNC_LIMIT: u64 = 1 << 30;

/// What `net pause` prints.
const NET_TEXT: &str = "The Microsoft Exchange Directory Synchronization service failed to pause. More \
    help is available by typing NET HELPMSG3539.";

/// What pausing the service means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It runs this step.
    Runs(Step),
    /// Nothing: the registry has no PauseKicksDX, and this version needs it.
    Ignored,
    /// Nothing: the server has no role (O-01).
    NoRole,
}

/// What a pause does, and the text of Control Panel for it (exc R-DXA-021).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// What it does.
    pub pause: Pause,
    /// The text, of a failure that is a success.
    pub text: String,
    /// What `net pause msexchangedx` prints (DOCUMENTED, Q156063).
    pub net_text: &'static str,
}

/// Looks at what a pause would do.
///
/// # Errors
/// The settings cannot be read.
pub fn pause(view: &TreeView) -> Result<Paused, PoError> {
    let agent = Agent::load(&mut Edit::new(view))?;
    let server = &agent.identity.server;
    let needs_value = agent.identity.profile == Profile::V40;
    let on = if needs_value {
        server.clone()
    } else {
        format!("\\\\{server}")
    };
    let text = format!(
        "Could not pause the Microsoft Exchange Directory Synchronization service on {on}. \
         Error 2140: An internal Windows NT error occurred."
    );
    let pause = if needs_value && !agent.registry.pause_kicks_dx {
        Pause::Ignored
    } else if agent.server_object().is_some() {
        Pause::Runs(Step::T2)
    } else if agent.requestor().is_some() {
        Pause::Runs(Step::T1)
    } else {
        Pause::NoRole
    };
    Ok(Paused {
        pause,
        text,
        net_text: NET_TEXT,
    })
}

/// A RESYNC.GLB that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its numbers.
    pub header: ResyncHeader,
    /// Objects of the requestors it is for.
    pub requestors: Vec<String>,
    /// Lists in it.
    pub lists: u64,
    /// Entries in them.
    pub entries: u64,
}

/// A RESYNC.GLB that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Took {
    /// Its numbers.
    pub header: ResyncHeader,
    /// q.R, q.S, q.I before.
    pub before: Numbers,
    /// q.R, q.S, q.I after.
    pub after: Numbers,
    /// Recipients that were added.
    pub added: u64,
    /// Recipients that changed.
    pub modified: u64,
    /// Recipients that went.
    pub deleted: u64,
}

/// What a start did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Started {
    /// The file for requestors that was made.
    pub made: Option<Made>,
    /// Names in the registry that are no requestors; the value stays when no name is one.
    pub unknown: Vec<String>,
    /// The file that was taken.
    pub took: Option<Took>,
    /// The server has a role.
    pub has_role: bool,
    /// What the guard holds: the file lies where it was.
    pub held: Vec<Held>,
    /// Registry values that do nothing, and why.
    pub faults: Vec<String>,
}

/// Prepares a start: what it would do, and the one commit of it.
///
/// # Errors
/// [`ImportError::ResyncRefused`] (message 14), or a damaged file.
pub fn plan_start(
    view: &TreeView,
    now: UnixTime,
    ceilings: &Ceilings,
    progress: &dyn Progress,
) -> Result<(Started, Plan), CycleError> {
    let mut edit = Edit::new(view);
    let agent = Agent::load(&mut edit)?;
    let mut started = Started {
        has_role: agent.server_object().is_some() || agent.requestor().is_some(),
        faults: agent.faults.iter().map(ToString::to_string).collect(),
        ..Started::default()
    };
    started.faults.extend(told(&agent));
    look_round(&mut edit, &agent, now, &mut started)?;
    if agent.server_object().is_some() {
        make(&mut edit, &agent.registry, now, progress, &mut started)?;
    } else if agent.requestor().is_some() {
        receive(&mut edit, &agent, now, ceilings, &mut started)?;
    }
    if !started.held.is_empty() {
        return Ok((started, Plan::new()));
    }
    Ok((started, edit.finish()?))
}

/// What a start of the original stumbled over, and ours says.
fn told(agent: &Agent) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(map) = &agent.map {
        if map.empty_lines > 0 {
            told.push(format!(
                "the address map ends with {} empty lines: the original may not start then (Error 2140, \
                 Q140951)",
                map.empty_lines
            ));
        }
        for line in &map.bad_lines {
            told.push(format!(
                "line {line} of the address map is not NET/PO DOMAIN and was passed over"
            ));
        }
    }
    if let Some(path) = &agent.registry.dxadata_path {
        told.push(format!(
            "DXADataPath is {path}: here the agent's files are always in DXADATA of the tree (Q185504)"
        ));
    }
    told
}

/// The number that event 249 names for a table that cannot be read. Published is -1201, of an index whose
/// order changed (R-DXA-034); ours has no index, so this is ESE's number for a damaged database (ASSIGNED).
const DATABASE_CORRUPTED: &str = "-1206";

/// What a start finds in the agent's files, as events: pairs of template prompts (181), and a mapping table
/// that cannot be read (249). The start goes on; steps that need the table refuse.
fn look_round(
    edit: &mut Edit<'_>,
    agent: &Agent,
    now: UnixTime,
    started: &mut Started,
) -> Result<(), CycleError> {
    let mut events = Vec::new();
    for (one, two) in agent.templates.slash_pairs() {
        let event = Event::new(&table::TEMPLATE_PROMPTS, [one, two]);
        started.faults.push(format!("event 181: {}", event.text()));
        events.push(event);
    }
    match load_table(edit) {
        Ok(_) => {}
        // The disk may give it the next time.
        Err(PoError::Tree(error)) => return Err(error.into()),
        Err(error) => {
            let event = Event::new(&table::NO_DATABASE, [DATABASE_CORRUPTED]);
            let text = event.text();
            let why =
                format!("event 249: {text} {error}: restore the file, or remove it and export");
            started.faults.push(why);
            events.push(event);
        }
    }
    log_all(edit, now, &events)?;
    Ok(())
}

/// Starts the service.
///
/// # Errors
/// As [`plan_start`].
pub fn start(
    tree: &mut TreeMut,
    options: &StepOptions,
    progress: &dyn Progress,
) -> Result<Started, CycleError> {
    let ceilings = &options.allow_deletes;
    let (started, plan) = plan_start(tree.view(), options.now, ceilings, progress)?;
    let entries = started.made.as_ref().map_or(0, |made| made.entries);
    let info = options.info(Command::Start, vec![("entries", entries)]);
    tree.commit(&plan, &info)?;
    Ok(started)
}

/// RESYNC.GLB for the named requestors; the value that asks for it goes with it.
fn make(
    edit: &mut Edit<'_>,
    registry: &DxSettings,
    now: UnixTime,
    progress: &dyn Progress,
    started: &mut Started,
) -> Result<(), CycleError> {
    let Some(names) = &registry.resync_connections else {
        return Ok(());
    };
    if names.is_empty() {
        return Ok(());
    }
    let (_, records) = load_srvconf(edit)?;
    let chosen = resync::choose(&records, names, registry.global_max_seq_in_resync);
    started.unknown.clone_from(&chosen.unknown);
    if chosen.requestors.is_empty() {
        return Ok(());
    }
    let made = resync::put(edit, &chosen, now, progress)?;
    let resync::Chosen {
        header, requestors, ..
    } = chosen;
    let mut file = load_registry(edit)?;
    file.unset(DX_KEY, "ResyncConnectionRDNs");
    save_registry(edit, &file)?;
    let line = LogLine::status(format!(
        "RESYNC.GLB made for {}: {header}",
        requestors.join(", ")
    ));
    log::append_local(edit, now, &[line])?;
    let made_event = Event::new(
        &table::RESYNC_MADE,
        [requestors.join(", "), header.to_string()],
    );
    log_all(
        edit,
        now,
        &[Event::new(&table::STARTED, [""; 0]), made_event],
    )?;
    started.made = Some(Made {
        header,
        requestors,
        lists: made.contents.lists.len() as u64,
        entries: made.contents.entries,
    });
    Ok(())
}

/// A RESYNC.GLB that lies in DXADATA becomes recipients and numbers.
fn receive(
    edit: &mut Edit<'_>,
    agent: &Agent,
    now: UnixTime,
    ceilings: &Ceilings,
    started: &mut Started,
) -> Result<(), CycleError> {
    let Some(file) = edit.view().open_file(RESYNC)? else {
        return Ok(());
    };
    let contents = look_through(FileRecords(file), RESYNC)?.map_err(ImportError::ResyncDamaged)?;
    let bytes = edit.peek(RESYNC, RESYNC_LIMIT)?.unwrap_or_default();
    let (object, settings) = agent.requestor().unwrap_or_default();
    let mut directory = Directory::load(edit)?;
    let source = source_of(agent, &object, &settings);
    let applied = source.apply_file(&mut directory, &bytes);
    started.held = super::agent::held(&applied, ceilings);
    if !started.held.is_empty() {
        return Ok(());
    }
    let how = How {
        accept_older: false,
        discard_waiting: false,
        now,
    };
    let header = contents.header;
    let taken = take(edit, contents, how, &mut Vec::new())?;
    directory.save(edit)?;
    edit.remove(RESYNC)?;
    edit.replace_whole(RESYNC_OLD, bytes)?;
    let mut lines = taken.lines;
    lines.extend(say(&applied));
    log::append(edit, now, &lines)?;
    let mut events = vec![
        Event::new(&table::STARTED, [""; 0]),
        Event::new(&table::RESYNC_TAKEN, [header.to_string()]),
    ];
    events.extend(super::agent::events_of(&applied, &object));
    log_all(edit, now, &events)?;
    started.took = Some(Took {
        header,
        before: taken.before,
        after: taken.after,
        added: applied.added,
        modified: applied.modified,
        deleted: applied.deleted,
    });
    Ok(())
}
