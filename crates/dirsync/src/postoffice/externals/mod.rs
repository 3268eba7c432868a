//! External postoffices and the routes to them.
//!
//! A network is a record in NETWORK.GLB and an XTN file; each of its postoffices is a record there,
//! with a mailbag for outgoing mail and a USR file for its users (R-ADM-050). Mail goes directly (the
//! other tree is found in the site by its identity, or at the path in [`routes`]), or through a hub:
//! the postoffice keeps its own mailbag, the hub's record counts it (Q86625).
//!
//! A postoffice that a gateway emulates ([`gateways`]) is one of these too, in a network of type 64h;
//! only its own commands make and remove it. Records of other gateways are left alone.

pub mod gateways;
pub mod routes;

use zerocopy::little_endian::U16;

use crate::core::base::HexId;
use crate::core::base::address::{Fault, PoName};
use crate::core::base::stem::MailbagStem;
use crate::core::base::time::UnixTime;
use crate::core::format::codes::NetworkType;
use crate::core::format::field::Hex8;
use crate::core::format::network::{self, NETWORK, NetworkRecord};
use crate::core::format::record::{DELETED, FixedRecord, LIVE, NoHeader};
use crate::core::format::usr::UsrRecord;
use crate::core::format::xtn::{self, Route, XTN, XtnRecord};

use super::edit::Edit;
use super::error::PoError;
use super::list_error::{ListError, notice};
use super::lists::user_files::{create_mailbag, live_headers};
use super::lists::waiting::reqconf;
use super::lists::{Effects, Lists, load, own_name};

pub(crate) const NETWORK_GLB: &str = "GLB/NETWORK.GLB";
/// Message 68: `Network name already in use` (Q96003).
const NETWORK_IN_USE: u16 = 68;

/// An external postoffice to be added.
#[derive(Debug, Clone)]
pub struct NewExternal {
    /// Its name.
    pub name: PoName,
    /// The hub that mail goes through; direct without one.
    pub via: Option<PoName>,
    /// Where its tree is, when it is not found in the site.
    pub path: Option<String>,
    /// Whether autocreate makes it (imp R-AUT-001).
    pub autocreated: bool,
}

/// An external postoffice that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedExternal {
    /// Number of its mailbag and USR file.
    pub mailbag: HexId,
    /// Number of the XTN file of its network.
    pub xtn: HexId,
    /// Whether the network is new as well.
    pub new_network: bool,
}

/// An external postoffice as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownExternal {
    /// `NET/PO`.
    pub name: String,
    /// Number of its mailbag.
    pub mailbag: Option<HexId>,
    /// How mail goes there; `None` when the record says nothing that is known.
    pub route: Option<Route>,
    /// The hub, `NET/PO`.
    pub via: Option<String>,
    /// Postoffices that are routed through this one.
    pub hub_for: u16,
    /// Messages that wait for it; `None` when its mailbag cannot be read.
    pub waiting: Option<usize>,
    /// Users and groups that are known of it; `None` without a USR file.
    pub users: Option<u64>,
    /// The path of its tree, where one was given.
    pub path: Option<String>,
    /// Whether autocreate made it.
    pub autocreated: bool,
}

/// NETWORK.GLB and the XTN files that were looked at, opened for changing.
#[derive(Debug)]
struct Networks {
    records: Vec<NetworkRecord>,
}

impl Networks {
    fn open(edit: &mut Edit<'_>) -> Result<Self, PoError> {
        let (_, records) = load(edit, &NETWORK, NETWORK_GLB)?;
        Ok(Self { records })
    }

    /// Whether a network is that of postoffices which a gateway emulates.
    fn is_gateway(&self, name: &PoName) -> bool {
        network::find(&self.records, name.network())
            .is_some_and(|at| self.records[at].network_type() == Some(NetworkType::Ffapi))
    }

    /// The XTN file of a network of postoffices.
    fn xtn(&self, name: &PoName) -> Result<Option<HexId>, PoError> {
        let Some(at) = network::find(&self.records, name.network()) else {
            return Ok(None);
        };
        let record = &self.records[at];
        if !matches!(
            record.network_type(),
            Some(NetworkType::Network | NetworkType::Ffapi)
        ) {
            return Err(ListError::Message {
                code: NETWORK_IN_USE,
                about: record.name.to_string_850(),
            }
            .into());
        }
        match record.xtn.get() {
            Ok(Some(xtn)) => Ok(Some(xtn)),
            _ => Err(ListError::damaged(
                NETWORK_GLB,
                format!("network {} names no XTN file", record.name.to_string_850()),
            )
            .into()),
        }
    }
}

fn xtn_path(id: HexId) -> String {
    format!("XTN/{id}.XTN")
}

fn usr_path(id: HexId) -> String {
    format!("USR/{id}.USR")
}

fn load_xtn(edit: &mut Edit<'_>, id: HexId) -> Result<Vec<XtnRecord>, PoError> {
    Ok(load(edit, &XTN, &xtn_path(id))?.1)
}

fn save_xtn(edit: &mut Edit<'_>, id: HexId, records: &[XtnRecord]) -> Result<(), PoError> {
    edit.write(&xtn_path(id), XTN.build(&NoHeader {}, records))?;
    Ok(())
}

/// A name that may be created.
///
/// # Errors
/// Messages 17, 20, 64, 69, 70.
pub fn new_name(text: &[u8]) -> Result<PoName, ListError> {
    let wrong = |fault: Fault| ListError::Name {
        what: format!(
            "postoffice {:?}",
            crate::core::base::codepage::CodePage::Cp850.decode(text)
        ),
        fault,
    };
    let name = PoName::parse(text).map_err(wrong)?;
    name.check().map_err(wrong)?;
    Ok(name)
}

/// The record of an external postoffice: XTN file, index, record.
///
/// # Errors
/// A file is damaged.
pub fn find(
    edit: &mut Edit<'_>,
    name: &PoName,
) -> Result<Option<(HexId, usize, XtnRecord)>, PoError> {
    let networks = Networks::open(edit)?;
    let Some(id) = networks.xtn(name)? else {
        return Ok(None);
    };
    let records = load_xtn(edit, id)?;
    Ok(xtn::find(&records, name.postoffice()).map(|at| (id, at, records[at].clone())))
}

/// As [`find`], for one that must exist.
///
/// # Errors
/// Notice 42.
pub fn require(edit: &mut Edit<'_>, name: &PoName) -> Result<(HexId, usize, XtnRecord), PoError> {
    find(edit, name)?
        .ok_or_else(|| ListError::notice(notice::NO_POSTOFFICE, &name.to_bytes()).into())
}

/// Adds an external postoffice.
///
/// # Errors
/// Notices 1, 9, 38, 42, 52; message 68 when the network is a gateway's; no number is left.
pub fn add(edit: &mut Edit<'_>, new: &NewExternal) -> Result<AddedExternal, PoError> {
    let name = new.name;
    if Networks::open(edit)?.is_gateway(&name) {
        // Autocreate (Q109444) and a hand (Q199036) hear of it in other words.
        return Err(if new.autocreated {
            let about = name.to_string();
            ListError::Message {
                code: NETWORK_IN_USE,
                about,
            }
        } else {
            ListError::notice(notice::RESERVED_NETWORK, &name.to_bytes())
        }
        .into());
    }
    add_to(edit, new, NetworkType::Network)
}

fn add_to(
    edit: &mut Edit<'_>,
    new: &NewExternal,
    kind: NetworkType,
) -> Result<AddedExternal, PoError> {
    let name = new.name;
    if name == own_name(edit)? {
        return Err(ListError::notice(notice::LOCAL_AS_EXTERNAL, &name.to_bytes()).into());
    }
    if find(edit, &name)?.is_some() {
        return Err(ListError::notice(notice::DUPLICATE_POSTOFFICE, &name.to_bytes()).into());
    }
    if crate::exchange::is_reserved(name.network()) && crate::exchange::is_shadow(edit.view())? {
        let network = crate::core::base::codepage::escape_bytes_850(name.network());
        return Err(ListError::Usage {
            why: format!("{network} is a reserved network name. Enter a different name."),
            hint: "a connection of the connector must not be called like a gateway (Q175978)",
        }
        .into());
    }
    let hub = new.via.map(|via| hub(edit, &via)).transpose()?;
    let mut networks = Networks::open(edit)?;
    let (xtn_id, new_network) = match networks.xtn(&name)? {
        Some(id) => (id, false),
        None => (add_network(edit, &mut networks, &name, kind)?, true),
    };
    let mailbag = edit.mailbag()?;
    let mut record = XtnRecord::zeroed();
    record.state = LIVE;
    record.postoffice = name.postoffice_field();
    record.mailbag = Hex8::from_id(mailbag);
    record.route = Route::Direct.code();
    if new.autocreated {
        record.options = XtnRecord::AUTOCREATED;
    }
    if let (Some(via), Some(hub)) = (new.via, &hub) {
        record.route = Route::Indirect.code();
        record.hub_network = via.network_field();
        record.hub_postoffice = via.postoffice_field();
        record.hub_mailbag = hub.mailbag;
    }
    let mut records = load_xtn(edit, xtn_id)?;
    let at = xtn::free_index(&records);
    match records.get_mut(at) {
        Some(place) => *place = record,
        None => records.push(record),
    }
    save_xtn(edit, xtn_id, &records)?;
    if let Some(via) = new.via {
        count_indirect(edit, &via, 1)?;
    }
    create_mailbag(edit, mailbag)?;
    edit.create(&usr_path(mailbag), Vec::new())?;
    if let Some(path) = &new.path {
        routes::set(edit, &name, Some(path))?;
    }
    edit.lists_changed();
    Ok(AddedExternal {
        mailbag,
        xtn: xtn_id,
        new_network,
    })
}

fn add_network(
    edit: &mut Edit<'_>,
    networks: &mut Networks,
    name: &PoName,
    kind: NetworkType,
) -> Result<HexId, PoError> {
    let id = edit.mailbag()?;
    let mut record = NetworkRecord::zeroed();
    record.state = LIVE;
    record.kind = kind.code();
    record.name = name.network_field();
    record.xtn = Hex8::from_id(id);
    let at = network::free_index(&networks.records);
    match networks.records.get_mut(at) {
        Some(place) => *place = record,
        None => networks.records.push(record),
    }
    edit.write(NETWORK_GLB, NETWORK.build(&NoHeader {}, &networks.records))?;
    edit.create(&xtn_path(id), Vec::new())?;
    Ok(id)
}

/// The record of a postoffice that can be a hub: known, and not reached through a hub itself.
fn hub(edit: &mut Edit<'_>, via: &PoName) -> Result<XtnRecord, PoError> {
    let (_, _, record) = require(edit, via)?;
    if record.route() == Some(Route::Indirect) {
        return Err(ListError::notice(notice::INDIRECT_HUB, &via.to_bytes()).into());
    }
    Ok(record)
}

/// One more or one less postoffice is routed through a hub. A counter never falls below 0.
fn count_indirect(edit: &mut Edit<'_>, via: &PoName, change: i8) -> Result<(), PoError> {
    let Some((id, at, _)) = find(edit, via)? else {
        return Ok(());
    };
    let mut records = load_xtn(edit, id)?;
    let count = records[at].indirect_count.get();
    let count = if change > 0 {
        count.saturating_add(1)
    } else {
        count.saturating_sub(1)
    };
    records[at].indirect_count = U16::new(count);
    save_xtn(edit, id, &records)
}

/// Removes an external postoffice with its mailbag, its user list, and its entries in the
/// postoffice address list, which would lead to a mailbag that is gone (ASSIGNED). The GAL keeps
/// its names until it is built again (R-ADM-053).
///
/// # Errors
/// Notices 1, 42, 48, 53, 80; a gateway is reached through it (R-RTE-008).
pub fn remove(edit: &mut Edit<'_>, name: &PoName, now: UnixTime) -> Result<Effects, PoError> {
    if Networks::open(edit)?.is_gateway(name) {
        return Err(ListError::notice(notice::RESERVED_NETWORK, &name.to_bytes()).into());
    }
    take_out(edit, name, now)
}

fn take_out(edit: &mut Edit<'_>, name: &PoName, now: UnixTime) -> Result<Effects, PoError> {
    if *name == own_name(edit)? {
        return Err(ListError::notice(notice::CANNOT_DELETE_LOCAL, &name.to_bytes()).into());
    }
    let (xtn_id, at, record) = require(edit, name)?;
    if record.is_hub() {
        return Err(ListError::notice(notice::IS_HUB, &name.to_bytes()).into());
    }
    refuse_gateway_hub(edit, name)?;
    let mailbag = record.mailbag.get().ok().flatten();
    let mut effects = Effects::default();
    if let Some(id) = mailbag {
        match live_headers(edit, id)? {
            Some(headers) if !headers.is_empty() => {
                let about = format!("{name}, {} messages", headers.len());
                return Err(ListError::Notice {
                    code: notice::MESSAGES_QUEUED,
                    about,
                }
                .into());
            }
            Some(_) => {}
            None => effects
                .warnings
                .push(format!("the mailbag {id} of {name} could not be read")),
        }
    }
    remove_entries(edit, name, now, &mut effects)?;
    let mut records = load_xtn(edit, xtn_id)?;
    records[at].state = DELETED;
    save_xtn(edit, xtn_id, &records)?;
    if record.route() == Some(Route::Indirect)
        && let Ok(via) = PoName::read(record.hub_network.text(), record.hub_postoffice.text())
    {
        count_indirect(edit, &via, -1)?;
    }
    if let Some(id) = mailbag {
        let stem = MailbagStem::from(id);
        for path in [
            stem.mbg_path(),
            stem.key_path(),
            usr_path(id),
            format!("TPL/{id}.TPL"),
            format!("INF/{id}.INF"),
        ] {
            edit.remove(&path)?;
        }
    }
    routes::set(edit, name, None)?;
    warn_of_roles(edit, name, &mut effects)?;
    edit.lists_changed();
    Ok(effects)
}

fn remove_entries(
    edit: &mut Edit<'_>,
    name: &PoName,
    now: UnixTime,
    effects: &mut Effects,
) -> Result<(), PoError> {
    let mut lists = Lists::open(edit, now)?;
    let entries = lists.externals_of(name);
    for entry in &entries {
        effects.extend(lists.remove_external(edit, entry)?);
    }
    if !entries.is_empty() {
        effects.warnings.push(format!(
            "{} of {name} removed from the postoffice address list and its groups",
            match entries.len() {
                1 => "1 entry".to_owned(),
                n => format!("{n} entries"),
            }
        ));
    }
    lists.save(edit)
}

fn refuse_gateway_hub(edit: &mut Edit<'_>, name: &PoName) -> Result<(), PoError> {
    let networks = Networks::open(edit)?;
    let gateway = networks.records.iter().find(|record| {
        record.is_live()
            && record.indirect_network.eq_ignore_case(name.network())
            && record.indirect_postoffice.eq_ignore_case(name.postoffice())
    });
    match gateway {
        None => Ok(()),
        Some(record) => Err(ListError::Refused {
            why: format!(
                "the gateway {} is reached through {name}",
                record.name.to_string_850()
            ),
            hint: "remove the gateway first: its queue would be stranded without a word",
        }
        .into()),
    }
}

/// Directory synchronization does not end because a postoffice is removed.
fn warn_of_roles(edit: &mut Edit<'_>, name: &PoName, effects: &mut Effects) -> Result<(), PoError> {
    let conf = reqconf(edit)?;
    if conf.srv_network.eq_ignore_case(name.network())
        && conf.srv_postoffice.eq_ignore_case(name.postoffice())
    {
        effects.warnings.push(format!(
            "{name} is the directory server of this postoffice: requests cannot be sent any more"
        ));
    }
    Ok(())
}

/// All external postoffices, by network and record.
///
/// # Errors
/// A file is damaged; a disk error.
pub fn all(edit: &mut Edit<'_>) -> Result<Vec<ShownExternal>, PoError> {
    let networks = Networks::open(edit)?;
    let paths = routes::all(edit)?;
    let mut found = Vec::new();
    for network in &networks.records {
        if !network.is_live() || network.network_type() != Some(NetworkType::Network) {
            continue;
        }
        let Ok(Some(id)) = network.xtn.get() else {
            continue;
        };
        for record in load_xtn(edit, id)?.iter().filter(|record| record.is_live()) {
            found.push(shown(edit, network, record, &paths)?);
        }
    }
    Ok(found)
}

fn shown(
    edit: &mut Edit<'_>,
    network: &NetworkRecord,
    record: &XtnRecord,
    paths: &[(PoName, String)],
) -> Result<ShownExternal, PoError> {
    let mailbag = record.mailbag.get().ok().flatten();
    let waiting = match mailbag {
        Some(id) => live_headers(edit, id)?.map(|headers| headers.len()),
        None => None,
    };
    let users = match mailbag {
        Some(id) => edit
            .view()
            .stat(&usr_path(id))?
            .map(|stat| stat.len / UsrRecord::SIZE as u64),
        None => None,
    };
    let name = PoName::read(network.name.text(), record.postoffice.text()).ok();
    let indirect = record.route() == Some(Route::Indirect);
    Ok(ShownExternal {
        name: format!(
            "{}/{}",
            network.name.to_string_850(),
            record.postoffice.to_string_850()
        ),
        mailbag,
        route: record.route(),
        via: indirect.then(|| {
            format!(
                "{}/{}",
                record.hub_network.to_string_850(),
                record.hub_postoffice.to_string_850()
            )
        }),
        hub_for: record.indirect_count.get(),
        waiting,
        users,
        path: name.and_then(|name| {
            paths
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, path)| path.clone())
        }),
        autocreated: record.options & XtnRecord::AUTOCREATED != 0,
    })
}

#[cfg(test)]
mod tests;
