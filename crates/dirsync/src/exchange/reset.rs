//! What a reset of the sync numbers is at an agent (Q152231).
//!
//! The numbers stand in SRVCONF and REQCONF as at a postoffice, and [`crate::cycle::reset`] sets them.
//! What differs is the list that has to be told again: an agent exports its recipients by "Export on
//! next cycle" of its server object or its requestor object.

use crate::core::format::exchange::agent_ini::{PartyKind, PartySettings};
use crate::postoffice::list_error::ListError;
use crate::postoffice::{Edit, PoError};

use super::settings::{Agent, save_ini};

/// Sets "Export on next cycle" of the object that exports; whether there is one.
///
/// # Errors
/// AGENT.INI or the registry is damaged; a disk error.
pub fn export_next(edit: &mut Edit<'_>) -> Result<bool, PoError> {
    let mut agent = Agent::load(edit)?;
    let section = match agent.requestor() {
        Some((name, _)) => format!("{} {name}", PartyKind::Requestor.word()),
        None => match agent.server_object() {
            Some(section) => section,
            None => return Ok(false),
        },
    };
    let Some((settings, _)) = agent.ini.party_in(&section) else {
        return Ok(false);
    };
    if !settings.export_now {
        let settings = PartySettings {
            export_now: true,
            ..settings
        };
        agent
            .ini
            .set_party_in(&section, &settings)
            .map_err(|error| ListError::damaged("DXADATA/AGENT.INI", error))?;
        save_ini(edit, &agent.ini)?;
    }
    Ok(true)
}
