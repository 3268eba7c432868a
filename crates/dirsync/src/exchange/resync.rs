//! RESYNC.GLB of an Exchange server: for which requestors, with which numbers (Q150976, Q215505).
//!
//! The agent makes it at its start for the objects that `ResyncConnectionRDNs` names
//! ([`super::service`]), `resync-gen create` for those that are named there. Its numbers are the highest
//! of these requestors, so that others refuse it with message 14 when theirs are higher; with
//! `GlobalMaxSeqInResync` they are the highest of all.

use crate::core::base::UnixTime;
use crate::core::format::srvconf::SrvConfRecord;
use crate::core::format::transactions::ResyncHeader;
use crate::core::protocol::message::Party;
use crate::core::protocol::numbers::agent_resync_header;
use crate::import::ImportError;
use crate::import::rebuild::require_space;
use crate::import::resync::{Created, RESYNC, create_with};
use crate::postoffice::config::load_srvconf;
use crate::postoffice::{Edit, PoError};
use crate::progress::Progress;
use crate::tree::journal::{CommitInfo, Committed, Plan};
use crate::tree::{TreeError, TreeMut, TreeView};

use super::settings::Agent;

/// The requestors that a file is for, and its numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The numbers.
    pub header: ResyncHeader,
    /// Objects of the requestors.
    pub requestors: Vec<String>,
    /// Names that are no requestors.
    pub unknown: Vec<String>,
    /// Objects of all requestors.
    pub known: Vec<String>,
}

fn object(record: &SrvConfRecord) -> String {
    record.object_name.to_string_850()
}

/// Whether a name is that of a record: of its object, or `NET/PO` (ASSIGNED: the registry of the
/// originals had objects only, the name of the postoffice is what administrators know).
fn is(record: &SrvConfRecord, name: &str) -> bool {
    let party = || Party::of_record(record).and_then(|party| party.name());
    object(record).eq_ignore_ascii_case(name)
        || party().is_some_and(|po| po.to_string().eq_ignore_ascii_case(name))
}

/// Chooses among the live records: those that are named, all when none is; `of_all` takes the numbers
/// of all in any case.
#[must_use]
pub fn choose(records: &[SrvConfRecord], names: &[String], of_all: bool) -> Chosen {
    let live = || records.iter().filter(|record| record.is_live());
    let named = |record: &SrvConfRecord| {
        record.is_live() && (names.is_empty() || names.iter().any(|name| is(record, name)))
    };
    Chosen {
        header: agent_resync_header(records, |record| {
            named(record) || (of_all && record.is_live())
        }),
        requestors: live().filter(|record| named(record)).map(object).collect(),
        unknown: names
            .iter()
            .filter(|name| !live().any(|record| is(record, name)))
            .cloned()
            .collect(),
        known: live().map(object).collect(),
    }
}

/// Chooses at a server, for `resync-gen create`: the requestors that are named, else those that the
/// registry names, else all; with `of_all` or the registry's `GlobalMaxSeqInResync` the numbers of
/// all. The registry stays as it is: its value is the agent's to act upon.
///
/// # Errors
/// Message 67 when the agent is no directory server; the settings cannot be read.
pub fn choose_at(view: &TreeView, names: &[String], of_all: bool) -> Result<Chosen, ImportError> {
    let mut edit = Edit::new(view);
    let agent = Agent::load(&mut edit)?;
    if agent.server_object().is_none() {
        return Err(ImportError::NotServer);
    }
    let (_, records) = load_srvconf(&mut edit)?;
    let of_registry = agent.registry.resync_connections.unwrap_or_default();
    let names = match names {
        [] => &of_registry,
        names => names,
    };
    let of_all = of_all || agent.registry.global_max_seq_in_resync;
    Ok(choose(&records, names, of_all))
}

/// Makes the file; its bytes go to `sink` in order.
///
/// # Errors
/// Message 63 when the recipients cannot be read, and what `sink` fails with.
pub fn create(
    view: &TreeView,
    chosen: &Chosen,
    now: UnixTime,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), TreeError>,
) -> Result<Created, ImportError> {
    let requestors = chosen.requestors.clone();
    create_with(view, chosen.header, requestors, now, progress, sink)
}

/// Makes the file in DXADATA, as a part of a commit.
///
/// # Errors
/// As [`create`]; no space.
pub fn put(
    edit: &mut Edit<'_>,
    chosen: &Chosen,
    now: UnixTime,
    progress: &dyn Progress,
) -> Result<Created, ImportError> {
    let mut bytes = Vec::new();
    let created = create(edit.view(), chosen, now, progress, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    require_space(edit.view(), bytes.len() as u64)?;
    edit.replace_whole(RESYNC, bytes)?;
    Ok(created)
}

/// Prepares [`create_in_place`]. Reads only.
///
/// # Errors
/// As [`put`].
pub fn plan_in_place(
    view: &TreeView,
    chosen: &Chosen,
    now: UnixTime,
    progress: &dyn Progress,
) -> Result<(Plan, Created), ImportError> {
    let mut edit = Edit::new(view);
    let created = put(&mut edit, chosen, now, progress)?;
    let plan = edit.finish().map_err(PoError::from)?;
    Ok((plan, created))
}

/// Makes the file in DXADATA, in one commit.
///
/// # Errors
/// As [`put`], and those of the commit.
pub fn create_in_place(
    tree: &mut TreeMut,
    chosen: &Chosen,
    now: UnixTime,
    info: &CommitInfo,
    progress: &dyn Progress,
) -> Result<(Created, Option<Committed>), ImportError> {
    let (plan, created) = plan_in_place(tree.view(), chosen, now, progress)?;
    let info = CommitInfo {
        counts: vec![
            ("lists", created.contents.lists.len() as u64),
            ("entries", created.contents.entries),
        ],
        ..info.clone()
    };
    let committed = tree.commit(&plan, &info)?;
    Ok((created, committed))
}
