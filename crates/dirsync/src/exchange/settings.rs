//! What the agent is set up as: AGENT.INI and REGISTRY.REG.

use crate::core::base::address::{Address, MailboxName, PoName};
use crate::core::base::codepage::CodePage;
use crate::core::format::exchange::agent_ini::{
    self, AgentIni, Identity, PartyKind, PartySettings,
};
use crate::core::format::exchange::registry::{self, DxSettings, RegistryFile, SettingFault};
use crate::postoffice::list_error::ListError;
use crate::postoffice::{Edit, PoError};

use super::REGISTRY;

/// The section of the server's own object: what leaves to the requestors (ASSIGNED: replies are
/// slices of one master list, so containers and trust are those of the server, not of each remote
/// requestor).
pub const SERVER_OBJECT: &str = "Dirsync Server";

/// The agent's settings, read once a step.
#[derive(Debug, Clone)]
pub struct Agent {
    /// AGENT.INI.
    pub ini: AgentIni,
    /// Who the server is.
    pub identity: Identity,
    /// Network and postoffice.
    pub own: PoName,
    /// What the registry says.
    pub registry: DxSettings,
    /// What it says and does not mean.
    pub faults: Vec<SettingFault>,
}

/// Reads AGENT.INI.
///
/// # Errors
/// It is missing or damaged.
pub fn load_ini(edit: &mut Edit<'_>) -> Result<AgentIni, PoError> {
    let missing = || ListError::damaged(agent_ini::PATH, "it does not exist");
    let bytes = edit.read(agent_ini::PATH)?.ok_or_else(missing)?;
    AgentIni::parse(bytes).map_err(|error| ListError::damaged(agent_ini::PATH, error).into())
}

/// Writes AGENT.INI.
///
/// # Errors
/// A disk error.
pub fn save_ini(edit: &mut Edit<'_>, ini: &AgentIni) -> Result<(), PoError> {
    edit.write(agent_ini::PATH, ini.format().into_bytes())?;
    Ok(())
}

/// Reads REGISTRY.REG; a missing one is one without keys.
///
/// # Errors
/// Its first line is another one, or a disk error.
pub fn load_registry(edit: &mut Edit<'_>) -> Result<RegistryFile, PoError> {
    match edit.read(REGISTRY)? {
        None => Ok(RegistryFile::new()),
        Some(bytes) => {
            RegistryFile::parse(bytes).map_err(|error| ListError::damaged(REGISTRY, error).into())
        }
    }
}

/// Writes REGISTRY.REG.
///
/// # Errors
/// A text that cannot be written; a disk error.
pub fn save_registry(edit: &mut Edit<'_>, file: &RegistryFile) -> Result<(), PoError> {
    let bytes = file
        .format()
        .map_err(|error| ListError::damaged(REGISTRY, error))?;
    edit.write(REGISTRY, bytes)?;
    Ok(())
}

impl Agent {
    /// Reads both files.
    ///
    /// # Errors
    /// One of them is damaged.
    pub fn load(edit: &mut Edit<'_>) -> Result<Self, PoError> {
        let ini = load_ini(edit)?;
        let identity = ini
            .identity()
            .map_err(|key| ListError::damaged(agent_ini::PATH, format!("{key} is wrong")))?;
        let own = identity
            .connector
            .parse()
            .map_err(|fault| ListError::damaged(agent_ini::PATH, format!("Connector: {fault}")))?;
        let file = load_registry(edit)?;
        let (registry, faults) = DxSettings::read(&file);
        Ok(Self {
            ini,
            identity,
            own,
            registry,
            faults,
        })
    }

    /// The agent's own address in dirsync mail: `$SYSTEM` as server, `SYSTEM1` as requestor
    /// (DEC-065).
    #[must_use]
    pub fn address(&self) -> Address {
        let mailbox = CodePage::Cp850
            .encode(&self.identity.address)
            .ok()
            .and_then(|text| MailboxName::read(&text).ok())
            .unwrap_or_else(MailboxName::system);
        Address::pcm(self.own, mailbox)
    }

    /// The requestor object of this server and its settings, when it is one.
    #[must_use]
    pub fn requestor(&self) -> Option<(String, PartySettings)> {
        let name = self.ini.parties(PartyKind::Requestor).first()?.to_string();
        let (settings, _) = self.ini.party(PartyKind::Requestor, &name)?;
        Some((name, settings))
    }

    /// What leaves, and whether the next session sends all of it.
    #[must_use]
    pub fn export(&self) -> Option<PartySettings> {
        if let Some((_, settings)) = self.requestor() {
            return Some(settings);
        }
        let name = self.server_object()?;
        self.ini.party_in(&name).map(|(settings, _)| settings)
    }

    /// The section of the server object, when this server is the directory server.
    #[must_use]
    pub fn server_object(&self) -> Option<String> {
        self.ini
            .sections()
            .find(|name| {
                name.get(..SERVER_OBJECT.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(SERVER_OBJECT))
            })
            .map(str::to_owned)
    }

    /// The settings of a remote requestor.
    #[must_use]
    pub fn remote(&self, name: &str) -> PartySettings {
        self.ini
            .party(PartyKind::RemoteRequestor, name)
            .map(|(settings, _)| settings)
            .unwrap_or_default()
    }

    /// The agent's key.
    #[must_use]
    pub fn key() -> &'static str {
        registry::DX_KEY
    }
}
