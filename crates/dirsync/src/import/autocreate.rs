//! Postoffices and nodes that a transaction names and nobody defined here: they are created with the
//! route that this postoffice uses to its server (DEC-089); on the server itself with a direct one
//! and message 60 (DEC-088).
//!
//! A postoffice gets NETWORK and XTN records, and MBG, KEY and USR files; a DGN or node only its
//! XTN record and USR file, because all mail to its users lies in the mailbag of its gateway
//! (Q119640). Copied are kind of route, hub, telephone number, retry limit and largest message; not
//! the password to sign on, which is the server's own (ASSIGNED).

use crate::core::base::{AddressType, Hex8, HexId, PoName};
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::{AddressCode, NetworkType};
use crate::core::format::key::Key;
use crate::core::format::network::{self, NETWORK as NETWORK_FILE, NetworkRecord};
use crate::core::format::record::LIVE;
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::format::xtn::{self, Route, XTN, XtnRecord};
use crate::core::protocol::log::LogLine;
use crate::postoffice::Edit;

use super::error::ImportError;
use super::log::message;
use super::places::{NETWORK, Network, Place, Places, xtn_path};

/// What this postoffice knows about its server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Server {
    /// The registered server; `None` when none is.
    pub(crate) name: Option<PoName>,
    /// Whether this postoffice is the server itself.
    pub(crate) is_own: bool,
}

impl Server {
    /// Reads it from REQCONF.GLB.
    pub(crate) fn of(conf: Option<&ReqConfRecord>, own: Option<PoName>, is_server: bool) -> Self {
        let name = conf.and_then(|conf| {
            PoName::read(conf.srv_network.text(), conf.srv_postoffice.text()).ok()
        });
        Self {
            is_own: is_server || (name.is_some() && name == own),
            name,
        }
    }
}

/// Why a place was not created; its transactions are skipped.
pub(crate) type Refused = LogLine;

/// What creating led to.
pub(crate) enum Created {
    /// The place and, on the server, message 60.
    Place(usize, Option<LogLine>),
    /// A numbered error.
    Refused(Refused),
}

/// Creates a place.
///
/// # Errors
/// Messages 54 and 55: the route cannot be known. A disk error.
pub(crate) fn create(
    edit: &mut Edit<'_>,
    places: &mut Places,
    server: &Server,
    kind: AddressType,
    name: PoName,
) -> Result<Created, ImportError> {
    let known = places.network(name.network());
    let code = AddressCode::from_code(kind.code()).unwrap_or(AddressCode::Pcm);
    let fits = |network: &Network| {
        network.kind.is_some_and(|network| {
            let theirs = network.address_code();
            theirs == code || (code == AddressCode::Pcm && theirs == AddressCode::Csi)
        })
    };
    match known.map(|at| fits(&places.networks[at])) {
        Some(false) => {
            let line = message(68, name.network_field().to_string_850());
            return Ok(Created::Refused(line));
        }
        None if code != AddressCode::Pcm => {
            let line = message(44, name.network_field().to_string_850());
            return Ok(Created::Refused(line));
        }
        _ => {}
    }
    let route = if code == AddressCode::Pcm {
        route_of(edit, places, server, name)?
    } else {
        let mut route = XtnRecord::zeroed();
        route.route = Route::Direct.code();
        route
    };
    let network = match known {
        Some(at) => at,
        None => add_network(edit, places, name)?,
    };
    let xtn = match places.networks[network].xtn {
        Some(xtn) => xtn,
        None => add_xtn(edit, places, network)?,
    };
    let stem = edit.mailbag()?;
    let mut record = route;
    record.state = LIVE;
    record.postoffice = name.postoffice_field();
    record.mailbag = Hex8::from_id(stem);
    record.options |= XtnRecord::AUTOCREATED;
    count_hub(edit, places, &record)?;
    let path = xtn_path(xtn);
    let bytes = edit.bytes_mut(&path)?;
    let records = XTN
        .view(bytes)
        .map(|view| view.records.to_vec())
        .map_err(|error| damaged(&path, error))?;
    let index = xtn::free_index(&records);
    put(bytes, index, &record.encode());
    if code == AddressCode::Pcm {
        edit.create(&format!("MBG/{stem}.MBG"), Vec::new())?;
        edit.create(&format!("KEY/{stem}.KEY"), Key::empty().bytes().to_vec())?;
    }
    edit.mkdir("USR")?;
    let outbound = match code {
        AddressCode::Pcm => stem,
        _ => places.networks[network].mailbag.unwrap_or(stem),
    };
    let code = places.networks[network]
        .kind
        .map_or(code, NetworkType::address_code);
    let place = places.add(Place {
        network,
        index,
        postoffice: name.postoffice_field(),
        stem,
        code,
        outbound,
    });
    let said = (code == AddressCode::Pcm && server.is_own).then(|| message(60, name.to_string()));
    match place {
        Some(place) => Ok(Created::Place(place, said)),
        // The own postoffice is never asked for.
        None => Ok(Created::Refused(message(59, name.to_string()))),
    }
}

fn damaged(file: &str, error: crate::core::base::DecodeError) -> ImportError {
    ImportError::Damaged {
        file: file.to_owned(),
        error,
    }
}

/// Puts a record at its index; `index` is at most the number of records.
fn put(bytes: &mut Vec<u8>, index: usize, record: &[u8]) {
    let at = index.saturating_mul(record.len());
    // Bytes after the last whole record are cut (Q128243).
    if at + record.len() > bytes.len() {
        bytes.truncate(at);
        bytes.extend_from_slice(record);
    } else {
        bytes[at..at + record.len()].copy_from_slice(record);
    }
}

/// The routing fields of the way to the server.
fn route_of(
    edit: &mut Edit<'_>,
    places: &Places,
    server: &Server,
    wanted: PoName,
) -> Result<XtnRecord, ImportError> {
    let mut route = XtnRecord::zeroed();
    route.route = Route::Direct.code();
    if server.is_own {
        return Ok(route);
    }
    let wanted = wanted.to_string();
    let Some(name) = server.name else {
        return Err(ImportError::NoServer { wanted });
    };
    let Some(theirs) = record_of(edit, places, name)? else {
        return Err(ImportError::NoServerPostoffice {
            server: name.to_string(),
            wanted,
        });
    };
    route.route = theirs.route;
    route.hub_network = theirs.hub_network;
    route.hub_postoffice = theirs.hub_postoffice;
    route.hub_mailbag = theirs.hub_mailbag;
    route.phone = theirs.phone;
    route.retry_limit = theirs.retry_limit;
    route.max_kb = theirs.max_kb;
    Ok(route)
}

/// The XTN record of a postoffice, as changed so far.
fn record_of(
    edit: &mut Edit<'_>,
    places: &Places,
    name: PoName,
) -> Result<Option<XtnRecord>, ImportError> {
    let Some(place) = places.find(AddressCode::Pcm, name) else {
        return Ok(None);
    };
    let place = &places.places[place];
    let Some(xtn) = places.networks[place.network].xtn else {
        return Ok(None);
    };
    let path = xtn_path(xtn);
    let bytes = edit.read(&path)?.unwrap_or_default();
    let view = XTN.view(bytes).map_err(|error| damaged(&path, error))?;
    Ok(view.records.get(place.index).cloned())
}

/// One more postoffice is routed through the hub.
fn count_hub(edit: &mut Edit<'_>, places: &Places, record: &XtnRecord) -> Result<(), ImportError> {
    if record.route() != Some(Route::Indirect) {
        return Ok(());
    }
    let Ok(hub) = PoName::read(record.hub_network.text(), record.hub_postoffice.text()) else {
        return Ok(());
    };
    let (Some(mut hub_record), Some(place)) = (
        record_of(edit, places, hub)?,
        places.find(AddressCode::Pcm, hub),
    ) else {
        return Ok(());
    };
    let place = &places.places[place];
    let Some(xtn) = places.networks[place.network].xtn else {
        return Ok(());
    };
    hub_record
        .indirect_count
        .set(hub_record.indirect_count.get().saturating_add(1));
    put(
        edit.bytes_mut(&xtn_path(xtn))?,
        place.index,
        &hub_record.encode(),
    );
    Ok(())
}

fn add_network(
    edit: &mut Edit<'_>,
    places: &mut Places,
    name: PoName,
) -> Result<usize, ImportError> {
    let xtn = edit.mailbag()?;
    edit.create(&xtn_path(xtn), Vec::new())?;
    let mut record = NetworkRecord::zeroed();
    record.state = LIVE;
    record.kind = NetworkType::Network.code();
    record.name = name.network_field();
    record.xtn = Hex8::from_id(xtn);
    let bytes = edit.bytes_mut(NETWORK)?;
    let records = NETWORK_FILE
        .view(bytes)
        .map(|view| view.records.to_vec())
        .map_err(|error| damaged(NETWORK, error))?;
    let index = network::free_index(&records);
    put(bytes, index, &record.encode());
    places.networks.push(Network {
        index,
        kind: Some(NetworkType::Network),
        name: name.network_field(),
        xtn: Some(xtn),
        mailbag: None,
    });
    Ok(places.networks.len() - 1)
}

/// A network that had no postoffices gets its file.
fn add_xtn(edit: &mut Edit<'_>, places: &mut Places, at: usize) -> Result<HexId, ImportError> {
    let xtn = edit.mailbag()?;
    edit.create(&xtn_path(xtn), Vec::new())?;
    let index = places.networks[at].index;
    let bytes = edit.bytes_mut(NETWORK)?;
    let mut record = NETWORK_FILE
        .view(bytes)
        .map_err(|error| damaged(NETWORK, error))?
        .records
        .get(index)
        .cloned()
        .unwrap_or_else(NetworkRecord::zeroed);
    record.xtn = Hex8::from_id(xtn);
    put(bytes, index, &record.encode());
    places.networks[at].xtn = Some(xtn);
    Ok(xtn)
}
