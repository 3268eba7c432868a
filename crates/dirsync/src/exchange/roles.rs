//! Directory server, requestor, and the objects of remote requestors.
//!
//! The server has one object (`[Dirsync Server NAME]`), each requestor a record in SRVCONF.GLB and an
//! object with its settings (`[Remote Requestor NAME]`). As a requestor the server has one object
//! (`[Requestor NAME]`) and REQCONF.GLB names the directory server. Each remote side has its hidden
//! recipient `MS:NET/PO/$SYSTEM` (R-OBJ-030).

use crate::core::base::address::{MailboxName, PoName};
use crate::core::format::FixedRecord as _;
use crate::core::format::exchange::agent_ini::{OBJECT_NAME_LEN, PartyKind, PartySettings};
use crate::core::format::exchange::recipients::{DEFAULT_CONTAINER, Recipient, RecipientClass};
use crate::core::format::field::{CpField, Password};
use crate::core::format::master::MasterRecord;
use crate::core::format::reqconf::req_options;
use crate::core::format::srvconf::{self, SrvConfHeader, SrvConfRecord};
use crate::core::protocol::message::TypeList;
use crate::postoffice::config::load_srvconf;
use crate::postoffice::list_error::ListError;
use crate::postoffice::lists::waiting::reqconf;
use crate::postoffice::{Edit, PoError};

use super::agent::object_name;
use super::directory::{Directory, address_of};
use super::settings::{Agent, SERVER_OBJECT, save_ini};

const SRVCONF: &str = "GLB/SRVCONF.GLB";
const MSTTRANS: &str = "GLB/MSTTRANS.GLB";
const REQCONF: &str = "GLB/REQCONF.GLB";
const MASTER: &str = "GLB/MASTER.GLB";
/// Bit of DXA-Flags: outgoing attachments are compressed (DOCUMENTED, Q200079).
pub const COMPRESSED: u32 = 0x20;
/// DXA-Flags of a new object (DOCUMENTED value, Q200079; only bit 20h has a known meaning).
pub const FLAGS: u32 = 39_604;

fn usage(why: String, hint: &'static str) -> PoError {
    ListError::Usage { why, hint }.into()
}

fn refused(why: String, hint: &'static str) -> PoError {
    ListError::Refused { why, hint }.into()
}

fn bad_setting(error: impl std::fmt::Display) -> PoError {
    usage(error.to_string(), "see the --help of the command")
}

/// Changes to the settings of an object; `None` leaves a setting as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// Containers whose recipients leave.
    pub export_containers: Option<Vec<String>>,
    /// Recipients of greater trust do not leave.
    pub export_trust: Option<u8>,
    /// Custom recipients leave as well.
    pub export_custom_recipients: Option<bool>,
    /// Where imported recipients go; only for a new object (xog11013).
    pub import_container: Option<String>,
    /// Trust of imported recipients.
    pub import_trust: Option<u8>,
    /// The object's name is added to imported names.
    pub append_name: Option<bool>,
    /// All of the own list goes with the next session.
    pub export_now: bool,
    /// Template information leaves.
    pub send_templates: Option<bool>,
    /// Template information that arrives is taken.
    pub receive_templates: Option<bool>,
}

impl SettingsChange {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn apply(&self, settings: &mut PartySettings, is_new: bool) -> Result<(), PoError> {
        let before = settings.clone();
        if let Some(container) = &self.import_container {
            if !is_new && *container != settings.import_container {
                return Err(refused(
                    "the import container of an object never changes".into(),
                    "remove the object and make it anew",
                ));
            }
            settings.import_container.clone_from(container);
        }
        if let Some(list) = &self.export_containers {
            settings.export_containers.clone_from(list);
        }
        settings.export_trust = self.export_trust.unwrap_or(settings.export_trust);
        settings.import_trust = self.import_trust.unwrap_or(settings.import_trust);
        settings.append_name = self.append_name.unwrap_or(settings.append_name);
        settings.export_custom_recipients = self
            .export_custom_recipients
            .unwrap_or(settings.export_custom_recipients);
        let bit = |bits: u8, bit: u8, on: Option<bool>| match on {
            Some(true) => bits | bit,
            Some(false) => bits & !bit,
            None => bits,
        };
        settings.templates = bit(settings.templates, 1, self.receive_templates);
        settings.templates = bit(settings.templates, 2, self.send_templates);
        // Another trust or other containers: the whole list is sent again (R-OUT-008).
        let differs = before.export_trust != settings.export_trust
            || before.export_containers != settings.export_containers;
        settings.export_now |= self.export_now || (differs && !is_new);
        Ok(())
    }
}

fn set_master(edit: &mut Edit<'_>, is_server: bool) -> Result<(), PoError> {
    let bytes = edit
        .read(MASTER)?
        .ok_or_else(|| ListError::damaged(MASTER, "it does not exist"))?;
    let mut master =
        MasterRecord::decode(bytes).map_err(|error| ListError::damaged(MASTER, error))?;
    master.dirsync_server = u8::from(is_server);
    edit.write(MASTER, master.encode())?;
    Ok(())
}

fn new_settings() -> PartySettings {
    PartySettings {
        // The original exports nothing until containers are chosen; ours begins with the default
        // one (ASSIGNED).
        export_containers: vec![DEFAULT_CONTAINER.into()],
        ..PartySettings::default()
    }
}

/// Makes the server the directory server; whether it was not before.
///
/// # Errors
/// It is a requestor.
pub fn server_on(edit: &mut Edit<'_>, change: &SettingsChange) -> Result<bool, PoError> {
    let mut agent = Agent::load(edit)?;
    if let Some((name, _)) = agent.requestor() {
        return Err(refused(
            format!("the server is a requestor ({name})"),
            "`po-admin server off` ends that role first",
        ));
    }
    let section = agent.server_object();
    let is_new = section.is_none();
    let section = section.unwrap_or_else(|| format!("{SERVER_OBJECT} {}", agent.identity.server));
    let mut settings = agent
        .ini
        .party_in(&section)
        .map_or_else(new_settings, |(settings, _)| settings);
    change.apply(&mut settings, is_new)?;
    // The server begins with its whole list.
    settings.export_now |= is_new;
    set_address(&mut agent, "$SYSTEM")?;
    save_object(edit, &mut agent, &section, &settings)?;
    if is_new {
        set_master(edit, true)?;
        if !edit.exists(SRVCONF)? {
            edit.create(SRVCONF, SrvConfHeader::fresh().encode())?;
        }
        if !edit.exists(MSTTRANS)? {
            edit.create(MSTTRANS, Vec::new())?;
        }
    }
    Ok(is_new)
}

/// Ends the role: directory server or requestor. Answers the names of the objects that went.
///
/// # Errors
/// A file is damaged.
pub fn off(edit: &mut Edit<'_>) -> Result<Vec<String>, PoError> {
    let mut agent = Agent::load(edit)?;
    let mut gone: Vec<String> = Vec::new();
    for section in agent.ini.sections().map(str::to_owned).collect::<Vec<_>>() {
        let is_object = [
            SERVER_OBJECT,
            PartyKind::RemoteRequestor.word(),
            PartyKind::Requestor.word(),
        ]
        .iter()
        .any(|word| {
            section
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        if is_object && agent.ini.remove_section(&section) {
            gone.push(section);
        }
    }
    if gone.is_empty() {
        return Ok(gone);
    }
    save_ini(edit, &agent.ini)?;
    set_master(edit, false)?;
    edit.remove(SRVCONF)?;
    edit.remove(MSTTRANS)?;
    let mut conf = reqconf(edit)?;
    conf.set(req_options::REGISTERED, false);
    conf.srv_network = CpField::default();
    conf.srv_postoffice = CpField::default();
    edit.write(REQCONF, conf.encode())?;
    // What others were told in this role is forgotten with it (R-RSY-020: the files of Dxadata go).
    super::outbound::save_table(edit, &[])?;
    Ok(gone)
}

/// Changes to what the agent itself is set to; `None` leaves a setting as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentChange {
    /// Whom copies of dirsync messages are for (`DXA-Local-Admin`); empty for nobody.
    pub administrator: Option<String>,
    /// Copies of outgoing messages (`DXA-Admin-Copy`).
    pub copy_outgoing: Option<bool>,
    /// Incoming messages are forwarded (`DXA-Admin-Forward`).
    pub forward_incoming: Option<bool>,
    /// Rows of the incoming templates: text, attribute; without an attribute the row goes.
    pub incoming_templates: Vec<(String, String)>,
    /// Rows of the outgoing templates: attribute, text; without a text the row goes.
    pub outgoing_templates: Vec<(String, String)>,
}

impl AgentChange {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Changes what the agent is set to, in the object of its role.
///
/// # Errors
/// The server has no role, or a text that cannot be written.
pub fn set_agent(edit: &mut Edit<'_>, change: &AgentChange) -> Result<(), PoError> {
    use super::templates::{INCOMING, OUTGOING};
    let mut agent = Agent::load(edit)?;
    let section = match agent.requestor() {
        Some((name, _)) => format!("{} {name}", PartyKind::Requestor.word()),
        None => agent.server_object().ok_or_else(|| {
            usage(
                "the server is neither directory server nor requestor".into(),
                "`po-admin server on`, or `po-admin register`",
            )
        })?,
    };
    let truth = |on: bool| if on { "TRUE" } else { "FALSE" };
    let mut rows: Vec<(&str, &str, &str)> = Vec::new();
    if let Some(name) = &change.administrator {
        rows.push((&section, "DXA-Local-Admin", name));
    }
    if let Some(on) = change.copy_outgoing {
        rows.push((&section, "DXA-Admin-Copy", truth(on)));
    }
    if let Some(on) = change.forward_incoming {
        rows.push((&section, "DXA-Admin-Forward", truth(on)));
    }
    for (text, attribute) in &change.incoming_templates {
        rows.push((INCOMING, text, attribute));
    }
    for (attribute, text) in &change.outgoing_templates {
        rows.push((OUTGOING, attribute, text));
    }
    for (section, key, value) in rows {
        agent.ini.set(section, key, value).map_err(bad_setting)?;
    }
    save_ini(edit, &agent.ini)
}

/// A remote requestor to be made.
#[derive(Debug, Clone)]
pub struct NewRemote {
    /// Its postoffice.
    pub name: PoName,
    /// The object's name; the postoffice's without one.
    pub object: Option<String>,
    /// Its password; any is accepted when it is empty.
    pub password: Password,
    /// The mailbox that replies go to.
    pub mailbox: Option<MailboxName>,
    /// Whether outgoing attachments are compressed.
    pub compress: bool,
    /// Further settings.
    pub change: SettingsChange,
}

/// The name of an object: the one that was given, else that of the postoffice.
fn object_for(given: Option<&str>, po: &PoName) -> Result<String, PoError> {
    let name = match given {
        Some(name) => name.to_owned(),
        None => String::from_utf8_lossy(po.postoffice()).into_owned(),
    };
    if name.is_empty() || name.chars().count() > OBJECT_NAME_LEN || name.contains([']', '%']) {
        return Err(usage(
            format!("{name:?} cannot be the name of an object"),
            "give 1 to 64 characters without ] and %",
        ));
    }
    Ok(name)
}

/// The place of a requestor's record.
fn place_of(records: &[SrvConfRecord], name: &PoName) -> Result<usize, PoError> {
    srvconf::find(records, name.network(), name.postoffice()).ok_or_else(|| {
        ListError::NoSuch {
            what: "requestor",
            name: name.to_string(),
            hint: "`po-admin requestor list` lists the requestors of a server",
        }
        .into()
    })
}

/// Puts what an object is set to into AGENT.INI.
fn save_object(
    edit: &mut Edit<'_>,
    agent: &mut Agent,
    section: &str,
    settings: &PartySettings,
) -> Result<(), PoError> {
    agent
        .ini
        .set_party_in(section, settings)
        .map_err(bad_setting)?;
    save_ini(edit, &agent.ini)
}

/// Gives the agent its address in dirsync mail; AGENT.INI is saved with its object.
fn set_address(agent: &mut Agent, mailbox: &str) -> Result<(), PoError> {
    agent.identity.address = mailbox.into();
    agent.ini.set_identity(&agent.identity).map_err(bad_setting)
}

/// The section of a remote requestor.
fn remote_section(object: &str) -> String {
    format!("{} {object}", PartyKind::RemoteRequestor.word())
}

/// The hidden recipient that stands for the other side (R-OBJ-030..033).
fn hidden(
    edit: &mut Edit<'_>,
    agent: &Agent,
    po: PoName,
    mailbox: &MailboxName,
) -> Result<(), PoError> {
    let mut directory = Directory::load(edit)?;
    let mailbox = String::from_utf8_lossy(mailbox.text()).into_owned();
    let address = format!("MS:{po}/{mailbox}");
    if let Some(target) = address_of(&address)
        && directory.by_target(&target).is_some()
    {
        return Ok(());
    }
    let recipient = Recipient {
        class: RecipientClass::Custom,
        // The directory's own name for it; `/` has no meaning in one (Q147084).
        directory_name: address.clone(),
        display_name: address.clone(),
        alias: mailbox.trim_start_matches('$').to_owned(),
        container: DEFAULT_CONTAINER.into(),
        home_server: String::new(),
        address,
        proxies: Vec::new(),
        hidden: true,
        trust: crate::core::format::exchange::recipients::NEVER_EXPORTED_TRUST,
        imported_from: String::new(),
        other: Vec::new(),
    };
    directory.add(recipient, &agent.identity, agent.own)?;
    directory.save(edit)
}

/// Makes a remote requestor at the server.
///
/// # Errors
/// The server is not the directory server; the requestor or the object exists.
pub fn add_remote(edit: &mut Edit<'_>, new: &NewRemote) -> Result<String, PoError> {
    let mut agent = Agent::load(edit)?;
    if agent.server_object().is_none() {
        return Err(usage(
            "the server is not the directory server".into(),
            "`po-admin server on` makes it one",
        ));
    }
    if new.name == agent.own {
        return Err(usage(
            format!("{} is this server", new.name),
            "the agent is no requestor of itself",
        ));
    }
    let object = object_for(new.object.as_deref(), &new.name)?;
    if agent
        .ini
        .party(PartyKind::RemoteRequestor, &object)
        .is_some()
    {
        return Err(usage(
            format!("a remote requestor {object} exists already"),
            "give another name with --object",
        ));
    }
    let (header, mut records) = load_srvconf(edit)?;
    if srvconf::find(&records, new.name.network(), new.name.postoffice()).is_some() {
        return Err(usage(
            format!("{} is a requestor already", new.name),
            "`po-admin requestor list` lists the requestors of a server",
        ));
    }
    let mailbox = new.mailbox.unwrap_or_else(MailboxName::system);
    let mut record = SrvConfRecord::zeroed();
    record.state = crate::core::format::record::LIVE;
    record.type_name = CpField::from_bytes(b"PCM").unwrap_or_default();
    record.network = new.name.network_field();
    record.postoffice = new.name.postoffice_field();
    record.mailbox = mailbox.field();
    record.password = new.password;
    record.dxa_flags.set(if new.compress {
        FLAGS
    } else {
        FLAGS - COMPRESSED
    });
    record.object_name = CpField::from_str_850(&object).map_err(bad_setting)?;
    let at = srvconf::free_index(&records);
    match records.get_mut(at) {
        Some(place) => *place = record,
        None => records.push(record),
    }
    write_srvconf(edit, &header, &records)?;
    let mut settings = PartySettings::default();
    new.change.apply(&mut settings, true)?;
    save_object(edit, &mut agent, &remote_section(&object), &settings)?;
    hidden(edit, &agent, new.name, &mailbox)?;
    Ok(object)
}

/// Gives a remote requestor all lists with the next T2: `DXA-Export-Now`. The object's name.
///
/// # Errors
/// There is no such requestor.
pub fn export_remote(edit: &mut Edit<'_>, name: PoName) -> Result<String, PoError> {
    let mut agent = Agent::load(edit)?;
    let (_, records) = load_srvconf(edit)?;
    let object = object_name(&records[place_of(&records, &name)?]);
    let settings = PartySettings {
        export_now: true,
        ..agent.remote(&object)
    };
    save_object(edit, &mut agent, &remote_section(&object), &settings)?;
    Ok(object)
}

/// Removes a remote requestor by its postoffice. Its hidden recipient stays, as it did (R-OBJ-032);
/// what was imported through it stays as well.
///
/// # Errors
/// There is no such requestor.
pub fn remove_remote(edit: &mut Edit<'_>, name: PoName) -> Result<String, PoError> {
    let mut agent = Agent::load(edit)?;
    let (header, mut records) = load_srvconf(edit)?;
    let at = place_of(&records, &name)?;
    let object = object_name(&records[at]);
    records[at].state = crate::core::format::record::DELETED;
    write_srvconf(edit, &header, &records)?;
    agent.ini.remove_section(&remote_section(&object));
    save_ini(edit, &agent.ini)?;
    Ok(object)
}

fn write_srvconf(
    edit: &mut Edit<'_>,
    header: &SrvConfHeader,
    records: &[SrvConfRecord],
) -> Result<(), PoError> {
    let mut bytes = header.encode();
    for record in records {
        bytes.extend_from_slice(&record.encode());
    }
    edit.write(SRVCONF, bytes)?;
    Ok(())
}

/// This server becomes a requestor.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The directory server.
    pub server: PoName,
    /// The name of its object; that of the server's postoffice without one.
    pub object: Option<String>,
    /// The password; the one that is set stays without one.
    pub password: Option<Password>,
    /// Address types it asks for.
    pub types: Option<String>,
    /// Further settings.
    pub change: SettingsChange,
}

/// Names the directory server; whether anything is different. The agent's address is SYSTEM1 from
/// now on (R-OBJ-021).
///
/// # Errors
/// It is the directory server itself, or a requestor of another one.
pub fn register(edit: &mut Edit<'_>, new: &Registration) -> Result<String, PoError> {
    let mut agent = Agent::load(edit)?;
    if agent.server_object().is_some() {
        return Err(refused(
            "the server is the directory server".into(),
            "`po-admin server off` ends that role first",
        ));
    }
    if new.server == agent.own {
        return Err(usage(
            format!("{} is this server", new.server),
            "give the directory server",
        ));
    }
    let mut conf = reqconf(edit)?;
    let existing = agent.requestor();
    let is_new = existing.is_none();
    let other = conf.has(req_options::REGISTERED)
        && !(conf.srv_network.eq_ignore_case(new.server.network())
            && conf.srv_postoffice.eq_ignore_case(new.server.postoffice()));
    if other && !is_new {
        return Err(refused(
            "the server is a requestor of another directory server".into(),
            "`po-admin server off` ends that first",
        ));
    }
    let (object, mut settings) = match existing {
        Some(found) => found,
        None => {
            let name = object_for(new.object.as_deref(), &new.server)?;
            (name, new_settings())
        }
    };
    new.change.apply(&mut settings, is_new)?;
    settings.export_now |= is_new;
    set_address(&mut agent, "SYSTEM1")?;
    let section = format!("{} {object}", PartyKind::Requestor.word());
    save_object(edit, &mut agent, &section, &settings)?;
    let password = new.password.unwrap_or(conf.password);
    crate::core::protocol::server::register(&mut conf, new.server, password);
    if let Some(types) = &new.types {
        conf.types = TypeList::parse(types.as_bytes()).to_field();
    }
    edit.write(REQCONF, conf.encode())?;
    hidden(edit, &agent, new.server, &MailboxName::system())?;
    Ok(object)
}
