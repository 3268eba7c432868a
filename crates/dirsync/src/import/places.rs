//! Where lists stand: the networks of NETWORK.GLB, the postoffices and nodes of their XTN files,
//! the gateways.
//!
//! Read once for an import or a rebuild. The own postoffice is never among the places.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::core::base::{CpField, HexId, PoName};
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::{AddressCode, NetworkType};
use crate::core::format::master::MasterRecord;
use crate::core::format::network::NetworkRecord;
use crate::core::format::xtn::XtnRecord;
use crate::postoffice::stream;
use crate::tree::TreeView;

use super::error::ImportError;

pub(crate) const NETWORK: &str = "GLB/NETWORK.GLB";
const MASTER: &str = "GLB/MASTER.GLB";
/// MASTER.GLB has 176 bytes; more are damage that does not matter here.
const MASTER_LIMIT: u64 = 4096;

/// Path of the XTN file of a network.
pub(crate) fn xtn_path(id: HexId) -> String {
    format!("XTN/{id}.XTN")
}

/// Path of a list of a postoffice or node.
pub(crate) fn usr_path(id: HexId) -> String {
    format!("USR/{id}.USR")
}

/// One network or gateway.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// Index of its record in NETWORK.GLB.
    pub(crate) index: usize,
    /// Its kind, when that is known.
    pub(crate) kind: Option<NetworkType>,
    /// Its name.
    pub(crate) name: CpField<11>,
    /// Number of its XTN file, when it has one.
    pub(crate) xtn: Option<HexId>,
    /// Number of its mailbag, for gateways.
    pub(crate) mailbag: Option<HexId>,
}

/// One external postoffice, DGN or node.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its network, an index of [`Places::networks`].
    pub(crate) network: usize,
    /// Index of its record in the XTN file.
    pub(crate) index: usize,
    /// Its name.
    pub(crate) postoffice: CpField<11>,
    /// The stem of its USR, TPL and INF files.
    pub(crate) stem: HexId,
    /// Kind of the addresses there.
    pub(crate) code: AddressCode,
    /// The mailbag where mail to its users is put: its own, or its gateway's (Q119640).
    pub(crate) outbound: HexId,
}

/// All places of a postoffice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// The own postoffice; `None` when MASTER.GLB cannot be read.
    pub(crate) own: Option<PoName>,
    /// All live networks and gateways, in the order of NETWORK.GLB.
    pub(crate) networks: Vec<Network>,
    /// All live places, by network and record.
    pub(crate) places: Vec<Place>,
    by_name: BTreeMap<(AddressCode, PoName), usize>,
}

/// CSI counts as PCM (DEC-022).
fn class(code: AddressCode) -> AddressCode {
    match code {
        AddressCode::Csi => AddressCode::Pcm,
        other => other,
    }
}

impl Places {
    /// Reads them. A missing XTN file is a network without postoffices.
    ///
    /// # Errors
    /// NETWORK.GLB is missing, or a disk error: a place that cannot be read is never taken for one
    /// that does not exist.
    pub(crate) fn read(view: &TreeView) -> Result<Self, ImportError> {
        let mut places = Self {
            own: own_name(view)?,
            ..Self::default()
        };
        let file = view
            .open_file(NETWORK)?
            .ok_or_else(|| ImportError::Missing {
                file: NETWORK.into(),
                why: "it names the networks whose lists are read",
            })?;
        stream::records::<NetworkRecord>(&file, 0, u64::MAX, &mut |index, _, record| {
            if record.is_live() {
                places.networks.push(Network {
                    index: usize::try_from(index).unwrap_or(usize::MAX),
                    kind: record.network_type(),
                    name: record.name,
                    xtn: record.xtn.get().ok().flatten(),
                    mailbag: record.mailbag.get().ok().flatten(),
                });
            }
            ControlFlow::Continue(())
        })?;
        for at in 0..places.networks.len() {
            places.read_xtn(view, at)?;
        }
        Ok(places)
    }

    fn read_xtn(&mut self, view: &TreeView, at: usize) -> Result<(), ImportError> {
        let network = self.networks[at].clone();
        let (Some(xtn), Some(kind)) = (network.xtn, network.kind) else {
            return Ok(());
        };
        let code = kind.address_code();
        if !code.is_three_part() {
            return Ok(());
        }
        let Some(file) = view.open_file(&xtn_path(xtn))? else {
            return Ok(());
        };
        let mut found = Vec::new();
        stream::records::<XtnRecord>(&file, 0, u64::MAX, &mut |index, _, record| {
            if let (true, Ok(Some(stem))) = (record.is_live(), record.mailbag.get()) {
                let outbound = match code {
                    AddressCode::Pcm | AddressCode::Csi => stem,
                    _ => network.mailbag.unwrap_or(stem),
                };
                found.push(Place {
                    network: at,
                    index: usize::try_from(index).unwrap_or(usize::MAX),
                    postoffice: record.postoffice,
                    stem,
                    code,
                    outbound,
                });
            }
            ControlFlow::Continue(())
        })?;
        for place in found {
            self.add(place);
        }
        Ok(())
    }

    /// Adds a place, unless it is the own postoffice; its index.
    pub(crate) fn add(&mut self, place: Place) -> Option<usize> {
        let name = PoName::read(
            self.networks[place.network].name.text(),
            place.postoffice.text(),
        )
        .ok();
        let code = class(place.code);
        if code == AddressCode::Pcm && name.is_some() && name == self.own {
            return None;
        }
        let index = self.places.len();
        self.places.push(place);
        if let Some(name) = name {
            // The first record of a name counts, as in every look-up of XTN files.
            self.by_name.entry((code, name)).or_insert(index);
        }
        Some(index)
    }

    /// The place of a name.
    pub(crate) fn find(&self, code: AddressCode, name: PoName) -> Option<usize> {
        self.by_name.get(&(class(code), name)).copied()
    }

    /// The first network of this name, of whatever kind.
    pub(crate) fn network(&self, name: &[u8]) -> Option<usize> {
        self.networks
            .iter()
            .position(|network| network.name.eq_ignore_case(name))
    }

    /// The gateway for addresses of a free-form type.
    pub(crate) fn gateway(&self, code: AddressCode) -> Option<&Network> {
        self.networks.iter().find(|network| {
            network
                .kind
                .is_some_and(|kind| kind.address_code() == code && !code.is_three_part())
        })
    }
}

/// The own name of MASTER.GLB.
fn own_name(view: &TreeView) -> Result<Option<PoName>, ImportError> {
    let Some(file) = view.open_file(MASTER)? else {
        return Ok(None);
    };
    if file.len() > MASTER_LIMIT {
        return Ok(None);
    }
    let bytes = file.read_all(MASTER_LIMIT)?;
    Ok(MasterRecord::decode(&bytes).ok().and_then(|master| {
        if !master.has_magic() {
            return None;
        }
        PoName::read(master.network.text(), master.postoffice.text()).ok()
    }))
}
