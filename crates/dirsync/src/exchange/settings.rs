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
use super::address_map::AddressMap;
use super::templates::Templates;

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
    /// The address map, when the registry turns it on.
    pub map: Option<AddressMap>,
    /// Template information and attributes.
    pub templates: Templates,
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

/// Which dirsync messages the administrator gets (exc 5.2, R-DXA-070).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// A copy of those that leave.
    pub outgoing: bool,
    /// Those that came, when they were taken.
    pub incoming: bool,
}

impl Copies {
    /// The agent's mailbox that copies lie in (ASSIGNED: the server has no mail store; whom
    /// `DXA-Local-Admin` names reads the agent's own).
    #[must_use]
    pub fn mailbox(&self) -> &'static str {
        "Admin"
    }

    /// The address of that mailbox.
    #[must_use]
    pub fn address(&self, agent: &Agent) -> Option<Address> {
        let mailbox = MailboxName::read(self.mailbox().as_bytes()).ok()?;
        Some(Address::pcm(agent.own, mailbox))
    }
}

impl Agent {
    /// What the administrator gets; nothing without one (R-OBJ-001). At a server the two boxes of its
    /// object decide, at a requestor `DXA-Local-Admin` alone does (R-DXA-070).
    #[must_use]
    pub fn copies(&self) -> Option<Copies> {
        let requestor = self.requestor().map(|(name, _)| name);
        let section = match &requestor {
            Some(name) => format!("{} {name}", PartyKind::Requestor.word()),
            None => self.server_object()?,
        };
        self.ini
            .get(&section, "DXA-Local-Admin")
            .filter(|name| !name.is_empty())?;
        let is_set = |key| {
            self.ini
                .get(&section, key)
                .is_some_and(|value| value.eq_ignore_ascii_case("TRUE"))
        };
        Some(match requestor {
            Some(_) => Copies {
                outgoing: true,
                incoming: true,
            },
            None => Copies {
                outgoing: is_set("DXA-Admin-Copy"),
                incoming: is_set("DXA-Admin-Forward"),
            },
        })
    }

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
            map: AddressMap::load(edit, &registry)?,
            templates: Templates::of(&ini),
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
