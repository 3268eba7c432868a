//! The postoffices that an agent has objects for.

use crate::core::base::address::PoName;
use crate::postoffice::config::{is_server, load_srvconf};
use crate::postoffice::lists::waiting::reqconf;
use crate::postoffice::{Edit, PoError};

use super::settings::Agent;

/// A postoffice that takes part, and its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The postoffice.
    pub name: PoName,
    /// The object's name.
    pub object: String,
    /// It is the directory server of this requestor, not a requestor of this server.
    pub is_server: bool,
}

/// The parties of the agent: its requestors, or its directory server.
///
/// # Errors
/// A file of the agent is damaged.
pub fn remotes(edit: &mut Edit<'_>) -> Result<Vec<Remote>, PoError> {
    let agent = Agent::load(edit)?;
    let mut found = Vec::new();
    if is_server(edit)? {
        let (_, records) = load_srvconf(edit)?;
        for record in records.iter().filter(|record| record.is_live()) {
            let name = PoName::read(record.network.text(), record.postoffice.text());
            if let Ok(name) = name {
                found.push(Remote {
                    name,
                    object: record.object_name.to_string_850(),
                    is_server: false,
                });
            }
        }
    }
    if let Some((object, _)) = agent.requestor() {
        let conf = reqconf(edit)?;
        let name = PoName::read(conf.srv_network.text(), conf.srv_postoffice.text());
        if let Ok(name) = name {
            found.push(Remote {
                name,
                object,
                is_server: true,
            });
        }
    }
    Ok(found)
}
