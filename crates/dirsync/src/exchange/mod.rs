//! An Exchange server as directory server or as requestor.
//!
//! * [`init`] - an empty server: agent, queue database, shadow postoffice, registry;
//! * [`settings`] - AGENT.INI and REGISTRY.REG;
//! * [`directory`] - the recipients, `DXADATA/RECIPIENTS.CSV`;
//! * [`roles`] - becoming server or requestor, the objects of remote requestors;
//! * [`outbound`] - what changed among the recipients becomes transactions;
//! * [`inbound`] - transactions become custom recipients;
//! * [`events`] - the event log, `EVENTS.JSONL`;
//! * [`address_map`] - SMTP domains of postoffices;
//! * [`templates`] - template information and attributes;
//! * [`agent`] - T1, T2 and T3 of the agent;
//! * [`heard`] - events of messages, lost messages, copies to the administrator;
//! * [`options`] - the options of the agent's objects, with read-back;
//! * [`remotes`] - the postoffices that it has objects for;
//! * [`reset`] - what a reset of the numbers is at an agent;
//! * [`mod@resync`] - RESYNC.GLB for requestors;
//! * [`service`] - what pausing and starting the service do;
//! * [`interchange`] - mail between the agent and the shadow postoffice.
//!
//! The agent runs the state machines of `core::protocol` through the very steps of `cycle` that
//! postoffices take: `DXADATA` holds the files of a postoffice that these need (DEC-068), and
//! [`crate::tree::DomainKind::place`] says where. What differs is where lists come from and go to:
//! recipients instead of USR files.

pub mod address_map;
pub mod agent;
pub mod desk;
#[cfg(test)]
mod desk_tests;
pub mod directory;
pub mod events;
pub mod heard;
pub mod inbound;
pub mod init;
pub mod interchange;
pub mod options;
pub mod outbound;
mod remotes;
pub mod reset;
pub mod resync;
pub mod roles;
pub mod service;
#[cfg(test)]
mod session_tests;
pub mod settings;
pub mod templates;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod testtree;
#[cfg(test)]
mod vectors;

pub use remotes::{Remote, remotes};

use std::sync::Arc;

use crate::core::base::HexId;
use crate::core::format::FixedRecord as _;
use crate::core::format::master::MasterRecord;
use crate::tree::discover::SHADOW_PATH;
use crate::tree::disk::{Disk, EntryKind};
use crate::tree::names::Names;
use crate::tree::{Domain, DomainKind, RelPath, TreeError, TreeView};

/// The agent's commit domain.
pub const AGENT: Domain = Domain {
    kind: DomainKind::Agent,
};
/// The postoffice's commit domain.
const POSTOFFICE: Domain = Domain {
    kind: DomainKind::Postoffice,
};
/// The recipients.
pub const RECIPIENTS: &str = "DXADATA/RECIPIENTS.CSV";
/// Longest list of recipients that is read, in bytes (ASSIGNED; it is held).
pub const RECIPIENTS_LIMIT: u64 = 1 << 30;
/// The registry.
pub const REGISTRY: &str = "REGISTRY.REG";
/// The event log.
pub const EVENTS: &str = "EVENTS.JSONL";
/// The agent's outbound mailbag: what leaves for the connector (ASSIGNED).
pub const OUTBOUND: HexId = HexId(1);
/// The serial number of every shadow postoffice (DOCUMENTED, Q151228).
pub const SHADOW_SERIAL: &[u8] = b"22-28798";

/// Network names that a connection of the connector may not have (DOCUMENTED, Q175978).
pub const RESERVED_NETWORKS: [&str; 18] = [
    "ATTMAIL",
    "COMPUSERVE",
    "DISOSS",
    "EASYLINK",
    "ENVOY",
    "FAX",
    "GTE",
    "MCI",
    "MHS",
    "MSMAIL",
    "OV",
    "PROFS",
    "SMTP",
    "SNADS",
    "SOURCE",
    "VMGATE",
    "X400",
    "*EMS",
];

/// Whether a network name is one of [`RESERVED_NETWORKS`], in any case of letters.
#[must_use]
pub fn is_reserved(network: &[u8]) -> bool {
    RESERVED_NETWORKS
        .iter()
        .any(|reserved| network.eq_ignore_ascii_case(reserved.as_bytes()))
}

/// Whether a view is that of a shadow postoffice, which is known by its serial number (Q151228).
///
/// # Errors
/// A disk error.
pub fn is_shadow(view: &TreeView) -> Result<bool, TreeError> {
    let master = view.read("GLB/MASTER.GLB", 4096)?;
    Ok(master
        .and_then(|bytes| MasterRecord::decode(&bytes).ok())
        .is_some_and(|master| master.serial.text() == SHADOW_SERIAL))
}

/// Whether a view is that of an agent.
#[must_use]
pub fn is_agent(view: &TreeView) -> bool {
    view.domain().kind == DomainKind::Agent
}

fn directory_at(disk: &dyn Disk, path: &str) -> Result<Option<RelPath>, TreeError> {
    let io = |error| TreeError::disk(&disk.describe(), error);
    let path = Names::default()
        .resolve(disk, &RelPath::new(path)?)
        .map_err(io)?;
    let stat = disk.stat(&path).map_err(io)?;
    Ok(stat
        .is_some_and(|stat| stat.kind == EntryKind::Dir)
        .then_some(path))
}

/// The domain that a tree's directory is worked on as: the agent's where `DXADATA` stands beside
/// `MTADATA`, else a postoffice's.
///
/// # Errors
/// A disk error.
pub fn domain_of(disk: &dyn Disk) -> Result<Domain, TreeError> {
    let is_server =
        directory_at(disk, "DXADATA")?.is_some() && directory_at(disk, "MTADATA")?.is_some();
    Ok(if is_server { AGENT } else { POSTOFFICE })
}

/// The documented path of the shadow postoffice.
#[must_use]
pub fn shadow_path() -> String {
    SHADOW_PATH.join("/")
}

/// The shadow postoffice of the server at the root of `disk`.
///
/// # Errors
/// There is none; a disk error.
pub fn shadow_disk(disk: &Arc<dyn Disk>) -> Result<Arc<dyn Disk>, TreeError> {
    use crate::tree::disk::sub::SubDisk;
    use crate::tree::disk::{DiskError, DiskErrorKind, DiskOp};
    let path = shadow_path();
    match directory_at(disk.as_ref(), &path)? {
        Some(root) => Ok(Arc::new(SubDisk::new(Arc::clone(disk), root))),
        None => {
            let error =
                DiskError::new(DiskOp::Stat, &RelPath::new(&path)?, DiskErrorKind::NotFound);
            Err(TreeError::disk(&disk.describe(), error))
        }
    }
}
