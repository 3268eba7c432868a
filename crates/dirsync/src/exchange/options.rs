//! The options of an agent, with read-back: what the property pages of its objects set (exc 5.3).
//!
//! As a requestor it asks for address types within a limit, sends and takes updates
//! (`DXA-Exchange-Options`) and template data (`DXA-Template-Options`); as directory server it keeps
//! updates for a number of days. What T1 puts into a request stands in REQCONF as at a postoffice, the
//! rest in the agent's object.

use crate::core::base::address::AddressType;
use crate::core::format::exchange::agent_ini::{PartyKind, PartySettings};
use crate::core::format::reqconf::req_options;
use crate::core::protocol::message::TypeList;
use crate::postoffice::config::options::{OptionsChange, ServerOptions, set as set_postoffice};
use crate::postoffice::list_error::ListError;
use crate::postoffice::lists::waiting::reqconf;
use crate::postoffice::{Edit, PoError};

use super::settings::{Agent, save_ini};

/// Bits of `DXA-Template-Options`: incoming, outgoing (DOCUMENTED).
const TEMPLATES_IN: u8 = 1;
const TEMPLATES_OUT: u8 = 2;

/// What shall be different; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentOptions {
    /// Requestor: largest answer in units of 1,024 bytes, 0 none.
    pub limit_kb: Option<u32>,
    /// Requestor: address types wanted (`DXA-Types`).
    pub types: Option<Vec<AddressType>>,
    /// Requestor: send updates.
    pub sends: Option<bool>,
    /// Requestor: receive updates.
    pub receives: Option<bool>,
    /// Send template data.
    pub send_templates: Option<bool>,
    /// Take template data.
    pub receive_templates: Option<bool>,
    /// Server: days that transactions are kept.
    pub keep_updates: Option<u16>,
}

/// Everything that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownAgentOptions {
    /// The object in force: `Dirsync Server NAME`, `Requestor NAME`; `None` without a role.
    pub object: Option<String>,
    /// `NET/PO` of the directory server it asks.
    pub server: Option<String>,
    /// The agent's mailbox in dirsync mail.
    pub address: String,
    /// q.R, q.S, q.I.
    pub numbers: [u32; 3],
    /// Largest answer in units of 1,024 bytes, 0 none.
    pub limit_kb: u32,
    /// Address types wanted.
    pub types: Vec<String>,
    /// The settings of the object.
    pub settings: PartySettings,
    /// What the directory server has set.
    pub server_options: Option<ServerOptions>,
}

impl ShownAgentOptions {
    /// Whether template data is sent.
    #[must_use]
    pub fn sends_templates(&self) -> bool {
        self.settings.templates & TEMPLATES_OUT != 0
    }

    /// Whether template data is taken.
    #[must_use]
    pub fn receives_templates(&self) -> bool {
        self.settings.templates & TEMPLATES_IN != 0
    }
}

/// The section of the object in force.
fn section(agent: &Agent) -> Option<String> {
    match agent.requestor() {
        Some((name, _)) => Some(format!("{} {name}", PartyKind::Requestor.word())),
        None => agent.server_object(),
    }
}

/// Sets options.
///
/// # Errors
/// The agent has no role, or an option of the other role; a value outside its range.
pub fn set(edit: &mut Edit<'_>, change: &AgentOptions) -> Result<(), PoError> {
    let mut agent = Agent::load(edit)?;
    let Some(section) = section(&agent) else {
        return Err(usage(
            "the server is neither directory server nor requestor",
            "`po-admin server on` or `po-admin register` gives it a role",
        ));
    };
    let is_requestor = agent.requestor().is_some();
    let asks = change.limit_kb.is_some()
        || change.types.is_some()
        || change.sends.is_some()
        || change.receives.is_some();
    if asks && !is_requestor {
        return Err(usage(
            "limit, types and updates are options of a requestor, and this is the directory server",
            "set them at the requestors",
        ));
    }
    if change.keep_updates.is_some() && is_requestor {
        return Err(usage(
            "updates are kept by the directory server, and this is a requestor",
            "set it at the directory server",
        ));
    }
    let (mut settings, _) = agent.ini.party_in(&section).unwrap_or_default();
    settings.sends = change.sends.unwrap_or(settings.sends);
    settings.receives = change.receives.unwrap_or(settings.receives);
    for (value, bit) in [
        (change.receive_templates, TEMPLATES_IN),
        (change.send_templates, TEMPLATES_OUT),
    ] {
        match value {
            Some(true) => settings.templates |= bit,
            Some(false) => settings.templates &= !bit,
            None => {}
        }
    }
    agent
        .ini
        .set_party_in(&section, &settings)
        .map_err(|error| ListError::damaged("DXADATA/AGENT.INI", error))?;
    save_ini(edit, &agent.ini)?;
    if is_requestor {
        let mut conf = reqconf(edit)?;
        if let Some(limit) = change.limit_kb {
            conf.limit_kb.set(limit);
        }
        if let Some(types) = &change.types {
            let names: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
            conf.types = TypeList::parse(names.join("|").as_bytes()).to_field();
        }
        conf.set(req_options::NO_UPDATES, !settings.receives);
        conf.set(
            req_options::RECEIVE_TEMPLATES,
            settings.templates & TEMPLATES_IN != 0,
        );
        crate::postoffice::config::save_reqconf(edit, &conf)?;
    }
    if change.keep_updates.is_some() {
        let server = OptionsChange {
            keep_updates: change.keep_updates,
            ..OptionsChange::default()
        };
        set_postoffice(edit, &server, crate::core::base::UnixTime(0))?;
    }
    Ok(())
}

/// Everything that is set.
///
/// # Errors
/// A file is damaged.
pub fn show(edit: &mut Edit<'_>) -> Result<ShownAgentOptions, PoError> {
    let agent = Agent::load(edit)?;
    let found = crate::postoffice::config::options::show(edit)?;
    let object = section(&agent);
    let settings = object
        .as_ref()
        .and_then(|section| agent.ini.party_in(section))
        .map(|(settings, _)| settings)
        .unwrap_or_default();
    Ok(ShownAgentOptions {
        object,
        server: found.server,
        address: agent.address().to_string(),
        numbers: [found.req_sync, found.srv_sync, found.imp_sync],
        limit_kb: found.limit_kb,
        types: found.types,
        settings,
        server_options: found.server_options,
    })
}

fn usage(why: &str, hint: &'static str) -> PoError {
    ListError::Usage {
        why: why.to_owned(),
        hint,
    }
    .into()
}
