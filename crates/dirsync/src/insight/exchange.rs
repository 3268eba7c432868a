//! `po-admin check` of an Exchange server: the agent's files, the registry, the recipients, the mapping
//! table, the queues of the MTA by name, and the shadow postoffice with the ordinary check.
//!
//! Nothing is mended here: what can be is mended in its part (the shadow postoffice as every
//! postoffice, the queues by `mtacheck repair`) or with the command that owns the file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::format::exchange::agent_ini::{self, AgentIni, Identity, PartyKind};
use crate::core::format::exchange::recipients::{RecipientClass, RecipientReader};
use crate::core::format::exchange::registry::{DxSettings, RegistryFile};
use crate::core::format::exchange::xdir;
use crate::core::format::srvconf::SrvConfRecord;
use crate::exchange::agent::party_address;
use crate::exchange::directory::{Directory, address_of, distinguished_name};
use crate::exchange::init::{agent_queue, connector_queue};
use crate::exchange::{AGENT, RECIPIENTS, RECIPIENTS_LIMIT, REGISTRY, shadow_disk, shadow_path};
use crate::mta::store::Database;
use crate::postoffice::config::{is_server, load_srvconf};
use crate::postoffice::{Edit, Identity as PostofficeIdentity, PoError};
use crate::tree::disk::Disk;
use crate::tree::marker::Marker;
use crate::tree::{Domain, DomainKind, OpenOptions, TreeError, TreeView};

use super::check::{CheckOptions, Checked, Found, check};

/// AGENT.INI cannot be read, or lacks what the agent is.
pub const AGENT_FILE: FindingId = FindingId("exchange.agent-file");
/// An object without its record, or a record without its object.
pub const OBJECT: FindingId = FindingId("exchange.object-without-record");
/// REGISTRY.REG cannot be read, or a value that does nothing.
pub const REGISTRY_VALUE: FindingId = FindingId("exchange.registry-value");
/// A row of the recipients that cannot be read.
pub const RECIPIENT: FindingId = FindingId("exchange.recipient-row");
/// Two recipients with the same target or proxy.
pub const DUPLICATE: FindingId = FindingId("exchange.recipient-twice");
/// A party without the hidden recipient that stands for it.
pub const HIDDEN: FindingId = FindingId("exchange.hidden-recipient");
/// The mapping table cannot be read.
pub const MAPPING: FindingId = FindingId("exchange.mapping-table");
/// A queue of the MTA that the agent needs is missing.
pub const QUEUE: FindingId = FindingId("exchange.queue-missing");
/// The shadow postoffice is missing or another postoffice.
pub const SHADOW: FindingId = FindingId("exchange.shadow");
/// A part of the server is no tree of ours.
pub const FOREIGN: FindingId = FindingId("exchange.foreign-part");

const MTA: Domain = Domain {
    kind: DomainKind::Mta,
};
const POSTOFFICE: Domain = Domain {
    kind: DomainKind::Postoffice,
};
/// Longest small file that is held.
const FILE_LIMIT: u64 = 64 << 20;

struct Seen {
    found: Vec<Finding>,
}

impl Seen {
    fn say(
        &mut self,
        id: FindingId,
        severity: Severity,
        file: &str,
        message: String,
        hint: &'static str,
    ) {
        self.found.push(Finding {
            id,
            severity,
            file: file.to_owned(),
            offset: None,
            message,
            hint: hint.into(),
            repair: None,
        });
    }

    fn error(&mut self, id: FindingId, file: &str, message: String, hint: &'static str) {
        self.say(id, Severity::Error, file, message, hint);
    }

    fn warn(&mut self, id: FindingId, file: &str, message: String, hint: &'static str) {
        self.say(id, Severity::Warning, file, message, hint);
    }
}

/// Looks at all parts of the server at the root of `disk`.
///
/// # Errors
/// A disk error, or a part that is locked by somebody else.
pub fn check_server(
    disk: &Arc<dyn Disk>,
    open: &OpenOptions,
    options: &CheckOptions,
    started: &mut dyn FnMut(&'static str),
) -> Result<Checked, TreeError> {
    let mut seen = Seen { found: Vec::new() };
    started("agent");
    let agent = TreeView::open(Arc::clone(disk), AGENT, open)?;
    let identity = agent_part(&agent, &mut seen)?;
    started("queues");
    queues(disk, open, identity.as_ref(), &mut seen)?;
    let mut checked = shadow(disk, open, identity.as_ref(), options, &mut seen, started)?;
    let mut found: Vec<Found> = seen
        .found
        .into_iter()
        .filter(|finding| !options.ignore.contains(finding.id.0))
        .map(|finding| Found { finding, fix: None })
        .collect();
    found.append(&mut checked.found);
    Ok(Checked {
        found,
        left_out: checked.left_out,
    })
}

/// Whether a part is ours; said when it is not.
fn is_ours(view: &TreeView, home: &str, seen: &mut Seen) -> bool {
    let why = match view.marker() {
        Marker::Ours(_) => return true,
        Marker::Older(layout) => format!("it has the older layout version {}", layout.version),
        Marker::Foreign(why) => why.to_string(),
    };
    let hint = "LAYOUT.TXT of this part says whose it is; foreign parts are only read";
    seen.warn(FOREIGN, &format!("{home}/LAYOUT.TXT"), why, hint);
    false
}

/// A file of the agent; errors that are not about this file end the check.
fn read(view: &TreeView, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
    view.read(path, limit)
}

fn agent_part(view: &TreeView, seen: &mut Seen) -> Result<Option<Identity>, TreeError> {
    if !is_ours(view, "DXADATA", seen) {
        return Ok(None);
    }
    if let Some(number) = view.pending_commit() {
        let message = format!("transaction {number} is committed and not completed");
        let hint = "any command that writes completes it first";
        let id = FindingId("journal.pending");
        seen.say(id, Severity::Error, "DXADATA/JOURNAL", message, hint);
    }
    let ini = match read(view, agent_ini::PATH, FILE_LIMIT)?.map(|bytes| AgentIni::parse(&bytes)) {
        Some(Ok(ini)) => Some(ini),
        bad => {
            let why = bad.map_or_else(
                || "it does not exist".to_owned(),
                |bad| {
                    bad.err()
                        .map_or_else(String::new, |error| error.to_string())
                },
            );
            seen.error(AGENT_FILE, agent_ini::PATH, why, "restore it from a backup");
            None
        }
    };
    let identity = ini.as_ref().and_then(|ini| match ini.identity() {
        Ok(identity) => Some(identity),
        Err(key) => {
            let why = format!("{key} in [Agent] is missing or wrong");
            seen.error(AGENT_FILE, agent_ini::PATH, why, "write the value anew");
            None
        }
    });
    if let Some(identity) = &identity
        && let Ok(own) = PostofficeIdentity::read(view)
        && own.name.to_string() != identity.connector
    {
        let why = format!(
            "MASTER.GLB says {}, AGENT.INI says {}",
            own.name, identity.connector
        );
        seen.error(
            AGENT_FILE,
            "DXADATA/MASTER.GLB",
            why,
            "restore both from one backup",
        );
    }
    registry(view, seen)?;
    let directory = recipients(view, seen)?;
    if let (Some(ini), Some(identity)) = (&ini, &identity) {
        let records = objects(view, ini, seen)?;
        if let Some(directory) = &directory {
            hidden(view, directory, &records, seen);
            mapping(view, identity, directory, seen)?;
        }
    }
    Ok(identity)
}

fn registry(view: &TreeView, seen: &mut Seen) -> Result<(), TreeError> {
    let hint = "`po-admin registry get` shows the values that are known";
    let Some(bytes) = read(view, REGISTRY, FILE_LIMIT)? else {
        let why = "it does not exist; every value is as if it were absent".to_owned();
        seen.warn(REGISTRY_VALUE, REGISTRY, why, hint);
        return Ok(());
    };
    match RegistryFile::parse(&bytes) {
        Err(error) => seen.error(REGISTRY_VALUE, REGISTRY, error.to_string(), hint),
        Ok(file) => {
            for fault in DxSettings::read(&file).1 {
                seen.warn(REGISTRY_VALUE, REGISTRY, fault.to_string(), hint);
            }
        }
    }
    Ok(())
}

/// The recipients; `None` when the list cannot be read whole.
fn recipients(view: &TreeView, seen: &mut Seen) -> Result<Option<Directory>, TreeError> {
    let hint = "mend the row; a list that cannot be read whole stops every cycle";
    let Some(bytes) = read(view, RECIPIENTS, RECIPIENTS_LIMIT)? else {
        let why = "it does not exist".to_owned();
        seen.error(RECIPIENT, RECIPIENTS, why, "restore it from a backup");
        return Ok(None);
    };
    let rows = match RecipientReader::new(bytes.as_slice()) {
        Ok(rows) => rows,
        Err(error) => {
            seen.error(RECIPIENT, RECIPIENTS, error.to_string(), hint);
            return Ok(None);
        }
    };
    let mut proxies: BTreeMap<String, String> = BTreeMap::new();
    let mut targets: BTreeMap<String, String> = BTreeMap::new();
    let mut whole = true;
    for row in rows {
        let recipient = match row {
            Ok((_, recipient)) => recipient,
            Err(error) => {
                whole = false;
                seen.error(RECIPIENT, RECIPIENTS, error.to_string(), hint);
                continue;
            }
        };
        let name = format!("{}/{}", recipient.container, recipient.directory_name);
        let mut twice = |what: &str, map: &mut BTreeMap<String, String>, key: String| {
            if let Some(other) = map.get(&key) {
                let why = format!("{name} and {other} have the same {what} {key}");
                let hint = "remove one of them: mail and updates find only one (Q147084, Q163625)";
                seen.warn(DUPLICATE, RECIPIENTS, why, hint);
            } else {
                map.insert(key, name.clone());
            }
        };
        if recipient.class == RecipientClass::Custom
            && let Some(target) = address_of(&recipient.address)
        {
            twice("target", &mut targets, target.to_string().to_uppercase());
        }
        for proxy in &recipient.proxies {
            twice("proxy", &mut proxies, proxy.to_uppercase());
        }
    }
    if !whole {
        return Ok(None);
    }
    match Directory::load(&mut Edit::new(view)) {
        Ok(directory) => Ok(Some(directory)),
        Err(PoError::Tree(error)) => Err(error),
        Err(error) => {
            seen.error(RECIPIENT, RECIPIENTS, error.to_string(), hint);
            Ok(None)
        }
    }
}

/// Objects in AGENT.INI and records in SRVCONF belong together; the live records.
fn objects(
    view: &TreeView,
    ini: &AgentIni,
    seen: &mut Seen,
) -> Result<Vec<SrvConfRecord>, TreeError> {
    let mut edit = Edit::new(view);
    let names = ini.parties(PartyKind::RemoteRequestor);
    let file = "DXADATA/SRVCONF.GLB";
    let loaded = match is_server(&mut edit) {
        Ok(true) => load_srvconf(&mut edit).map(|(_, records)| records),
        Ok(false) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let records = match loaded {
        Ok(records) => records,
        Err(PoError::Tree(error)) => return Err(error),
        Err(error) => {
            let hint = "restore the agent's files from a backup, or `po-admin server off` and on";
            seen.error(AGENT_FILE, file, error.to_string(), hint);
            return Ok(Vec::new());
        }
    };
    let live: Vec<SrvConfRecord> = records.into_iter().filter(|r| r.is_live()).collect();
    let hint = "remove the requestor and make it anew (`po-admin requestor remove`, `add`)";
    for record in &live {
        let name = record.object_name.to_string_850();
        if !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            let why = format!(
                "the record of {}/{} names the object {name:?}, which AGENT.INI does not have",
                record.network.to_string_850(),
                record.postoffice.to_string_850()
            );
            seen.error(OBJECT, file, why, hint);
        }
    }
    for name in names {
        let known = |record: &SrvConfRecord| {
            record
                .object_name
                .to_string_850()
                .eq_ignore_ascii_case(name)
        };
        if !live.iter().any(known) {
            let why = format!("the remote requestor {name:?} has no record in SRVCONF.GLB");
            seen.error(OBJECT, agent_ini::PATH, why, hint);
        }
    }
    Ok(live)
}

/// Every party has one hidden recipient: without it nobody knows where a message came from
/// (exc R-OBJ-030, R-OBJ-031).
fn hidden(view: &TreeView, directory: &Directory, records: &[SrvConfRecord], seen: &mut Seen) {
    let mut parties: Vec<String> = records.iter().map(party_address).collect();
    if let Ok(conf) = crate::postoffice::lists::waiting::reqconf(&mut Edit::new(view))
        && conf.has(crate::core::format::reqconf::req_options::REGISTERED)
    {
        parties.push(format!(
            "MS:{}/{}/$SYSTEM",
            conf.srv_network.to_string_850(),
            conf.srv_postoffice.to_string_850()
        ));
    }
    for party in parties {
        let Some(target) = address_of(&party) else {
            continue;
        };
        // An agent that is a requestor writes from SYSTEMn; its hidden recipient was made before that was
        // known.
        let (po, _) = party.rsplit_once('/').unwrap_or_default();
        let system = address_of(&format!("{po}/$SYSTEM"));
        let party = party.trim_start_matches("MS:");
        let mut fits = directory.of_scope(target.scope());
        fits.retain(|index| {
            let found = directory.get(*index);
            let address = found.and_then(|recipient| address_of(&recipient.address));
            address.is_some_and(|address| address == target || Some(&address) == system.as_ref())
        });
        let hint = "remove the requestor and make it anew: that makes its hidden recipient";
        if fits.is_empty() {
            let why = format!("no hidden recipient stands for {party}");
            seen.warn(HIDDEN, RECIPIENTS, why, hint);
        }
        for index in fits {
            if directory
                .get(index)
                .is_some_and(|recipient| !recipient.hidden)
            {
                let why = format!("the recipient of {party} is not hidden and would be exported");
                seen.warn(HIDDEN, RECIPIENTS, why, hint);
            }
        }
    }
}

fn mapping(
    view: &TreeView,
    identity: &Identity,
    directory: &Directory,
    seen: &mut Seen,
) -> Result<(), TreeError> {
    let hint = "empty the table and export (`po-admin requestor modify --export` or `register \
                --export`): everything is sent again (Q146676)";
    let bytes = read(view, xdir::PATH, RECIPIENTS_LIMIT)?.unwrap_or_default();
    let records = match xdir::read(&bytes) {
        Ok(records) => records,
        Err(error) => {
            seen.error(MAPPING, xdir::PATH, error.to_string(), hint);
            return Ok(());
        }
    };
    let known: std::collections::BTreeSet<String> = directory
        .iter()
        .map(|recipient| distinguished_name(identity, recipient))
        .collect();
    let (mut names, mut gone) = (BTreeMap::new(), 0u64);
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                seen.error(MAPPING, xdir::PATH, error.to_string(), hint);
                return Ok(());
            }
        };
        gone += u64::from(!known.contains(&record.obj_dist_name));
        if names.insert(record.obj_dist_name.clone(), ()).is_some() {
            let why = format!("{} stands there twice", record.obj_dist_name);
            seen.error(MAPPING, xdir::PATH, why, hint);
        }
    }
    if gone > 0 {
        let why = format!("{gone} recipients that were sent are gone; the next session says so");
        let hint = "nothing is to be done";
        seen.say(MAPPING, Severity::Note, xdir::PATH, why, hint);
    }
    Ok(())
}

/// The queues that the agent and the connector need.
fn queues(
    disk: &Arc<dyn Disk>,
    open: &OpenOptions,
    identity: Option<&Identity>,
    seen: &mut Seen,
) -> Result<(), TreeError> {
    let view = TreeView::open(Arc::clone(disk), MTA, open)?;
    if !is_ours(&view, "MTADATA", seen) {
        return Ok(());
    }
    let hint = "`mtacheck check` and `mtacheck repair` look after the database of the MTA";
    let file = "MTADATA";
    let database = Database::open(&view).and_then(|database| database.super_queue());
    let queues = match database {
        Ok(queues) => queues,
        Err(error) => {
            seen.error(QUEUE, file, error.to_string(), hint);
            return Ok(());
        }
    };
    for name in identity
        .into_iter()
        .flat_map(|i| [agent_queue(i), connector_queue(i)])
    {
        if queues.by_name(&name).is_none() {
            seen.error(QUEUE, file, format!("there is no queue {name}"), hint);
        }
    }
    Ok(())
}

fn shadow(
    disk: &Arc<dyn Disk>,
    open: &OpenOptions,
    identity: Option<&Identity>,
    options: &CheckOptions,
    seen: &mut Seen,
    started: &mut dyn FnMut(&'static str),
) -> Result<Checked, TreeError> {
    let path = shadow_path();
    let Ok(shadow) = shadow_disk(disk) else {
        let why = "the shadow postoffice is missing".to_owned();
        seen.error(SHADOW, &path, why, "restore it from a backup");
        return Ok(Checked {
            found: Vec::new(),
            left_out: Vec::new(),
        });
    };
    let view = TreeView::open(shadow, POSTOFFICE, open)?;
    if let (Some(identity), Ok(own)) = (identity, PostofficeIdentity::read(&view))
        && own.name.to_string() != identity.connector
    {
        let why = format!("it is {}, the agent is {}", own.name, identity.connector);
        let hint = "restore both from one backup: mail would go astray";
        seen.error(SHADOW, &path, why, hint);
    }
    let mut checked = check(&view, options, &mut |part| started(part))?;
    for found in &mut checked.found {
        found.finding.file = match found.finding.file.as_str() {
            "" => path.clone(),
            file => format!("{path}/{file}"),
        };
    }
    Ok(checked)
}
