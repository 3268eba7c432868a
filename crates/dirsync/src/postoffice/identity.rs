//! Who a postoffice is: the names in MASTER.GLB, never the path (design section 2).

use crate::core::base::address::PoName;
use crate::core::format::FixedRecord as _;
use crate::core::format::mai::HOP_LIMIT;
use crate::core::format::master::MasterRecord;
use crate::tree::TreeView;

use super::error::PoError;

const MASTER: &str = "GLB/MASTER.GLB";
/// MASTER.GLB has 176 bytes; a longer file is looked at no further.
const MASTER_LIMIT: u64 = 4096;

/// What the transport needs of MASTER.GLB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Network and postoffice.
    pub name: PoName,
    /// Postoffices a message from here may pass (Q244485); 10 when the record says 0.
    pub hop_limit: u8,
    /// Whether it is the directory server.
    pub is_server: bool,
}

impl Identity {
    /// Reads MASTER.GLB of one of our trees (the places of the names are ASSIGNED).
    ///
    /// # Errors
    /// [`PoError::NoIdentity`], or a disk error.
    pub fn read(view: &TreeView) -> Result<Self, PoError> {
        let bad = |why: String| PoError::NoIdentity {
            tree: view.describe(),
            why,
        };
        let bytes = view
            .read(MASTER, MASTER_LIMIT)?
            .ok_or_else(|| bad("it does not exist".to_owned()))?;
        let master = MasterRecord::decode(&bytes).map_err(|error| bad(error.to_string()))?;
        if view.marker().layout().is_none() || !master.has_magic() {
            return Err(bad("it is not a file of this project".to_owned()));
        }
        let name = PoName::read(master.network.text(), master.postoffice.text())
            .map_err(|fault| bad(fault.to_string()))?;
        Ok(Self {
            name,
            hop_limit: match master.hop_limit {
                0 => HOP_LIMIT,
                hops => hops,
            },
            is_server: master.dirsync_server == 1,
        })
    }
}
