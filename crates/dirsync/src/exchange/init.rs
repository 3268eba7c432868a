//! `po-admin init-exchange`: an empty Exchange server.
//!
//! Three commit domains in one directory (design 2): the agent in `DXADATA` with `REGISTRY.REG` and
//! `EVENTS.JSONL`, the queue database in `MTADATA` with its pristine files in `BOOTENV`, and the
//! shadow postoffice, a complete postoffice of the connector's name. It is built beside its place
//! and renamed.

use jiff::Timestamp;

use crate::core::base::address::{MailboxName, PoName};
use crate::core::base::{DecodeError, DecodeErrorKind, UnixTime};
use crate::core::format::exchange::agent_ini::{self, AgentIni, Identity, Level};
use crate::core::format::exchange::registry::{DX_KEY, Data, MTA_KEY, RegistryFile};
use crate::core::format::exchange::{recipients, xdir};
use crate::core::format::fresh::{FreshFile, FreshParams, FreshTree, fresh_postoffice};
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mta::Profile;
use crate::mta::fresh as mta_fresh;
use crate::postoffice::PoError;
use crate::postoffice::init::InitPlan;
use crate::tree::DomainKind;

use super::{EVENTS, RECIPIENTS, REGISTRY, SHADOW_SERIAL, shadow_path};

/// Longest name of an organization, site or server in characters (the directory schema's).
const NAME_LEN: usize = 64;

/// What a new server is made from.
#[derive(Debug, Clone)]
pub struct ExchangeParams<'a> {
    /// The organization.
    pub organization: &'a str,
    /// The site.
    pub site: &'a str,
    /// The server.
    pub server: &'a str,
    /// Network and postoffice of the connector: what postoffices know the server by.
    pub connector: PoName,
    /// The version it behaves like.
    pub profile: Profile,
    /// When it is made.
    pub created: Timestamp,
    /// IANA name of the zone.
    pub zone: &'a str,
    /// The numbers of the three domains: agent, queue database, shadow postoffice.
    pub tree_ids: [TreeId; 3],
}

/// The name of the agent's queue (DOCUMENTED form, Q157323).
#[must_use]
pub fn agent_queue(identity: &Identity) -> String {
    format!(
        "/O={}/OU={}/CN=CONFIGURATION/CN=SERVERS/CN={}/CN=MICROSOFT DXA",
        identity.organization, identity.site, identity.server
    )
    .to_uppercase()
}

/// The name of the connector's queue (DOCUMENTED form, Q148389, Q282780).
#[must_use]
pub fn connector_queue(identity: &Identity) -> String {
    format!(
        "/O={}/OU={}/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR ({})",
        identity.organization, identity.site, identity.server
    )
    .to_uppercase()
}

fn bad(field: &'static str) -> PoError {
    PoError::BadParams(DecodeError::new(
        "name",
        0,
        DecodeErrorKind::BadField(field),
    ))
}

/// Names become parts of queue names and of distinguished names.
fn check_name(text: &str, field: &'static str) -> Result<(), PoError> {
    let wrong = text.is_empty()
        || text.trim() != text
        || text.chars().count() > NAME_LEN
        || text
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '=' | ';' | '%'));
    if wrong { Err(bad(field)) } else { Ok(()) }
}

/// The directories of the agent, below `DXADATA`.
fn agent_directories() -> Vec<String> {
    let mut dirs: Vec<String> = ["MBG", "KEY", "P1", "LOG", "XTN", "MAI", "ATT"]
        .iter()
        .map(|dir| (*dir).to_owned())
        .collect();
    for digit in "0123456789ABCDEF".chars() {
        dirs.push(format!("MAI/MA{digit}"));
        dirs.push(format!("ATT/AT{digit}"));
    }
    dirs
}

/// The files of a postoffice that the agent has as well.
fn agent_has(path: &str) -> bool {
    const GLB: [&str; 15] = [
        "LAYOUT.TXT",
        "MASTER.GLB",
        "NETWORK.GLB",
        "ACCESS.GLB",
        "ACCESS2.GLB",
        "ACCESS3.GLB",
        "CONTROL.GLB",
        "TID.GLB",
        "FLAG.GLB",
        "GROUP.GLB",
        "GRPMEM.GLB",
        "NETPO.GLB",
        "REQCONF.GLB",
        "REQTRANS.GLB",
        "SRVTRANS.GLB",
    ];
    match path.split_once('/') {
        Some(("GLB", file)) => GLB.contains(&file),
        Some(("MBG" | "KEY" | "XTN", file)) => !file.starts_with("POPULATE"),
        _ => false,
    }
}

fn agent_files(
    params: &ExchangeParams<'_>,
    identity: &Identity,
) -> Result<Vec<FreshFile>, PoError> {
    let file = |path: &str, bytes: Vec<u8>| FreshFile {
        path: path.to_owned(),
        bytes,
        read_only: false,
    };
    let base = postoffice(params, params.tree_ids[0], b"")?;
    let mut files: Vec<FreshFile> = base
        .files
        .into_iter()
        .filter(|file| agent_has(&file.path))
        .map(|file| FreshFile {
            path: DomainKind::Agent.place(&file.path).into_owned(),
            ..file
        })
        .collect();
    for bag in ["MBG", "KEY"] {
        let bytes = vec![0; if bag == "KEY" { 560 } else { 0 }];
        files.push(file(&format!("DXADATA/{bag}/00000001.{bag}"), bytes));
    }
    let mut ini = AgentIni::default();
    ini.set_identity(identity).map_err(|_| bad("identity"))?;
    for category in agent_ini::CATEGORIES {
        let level = Level::Minimum.word();
        ini.set("Diagnostics", category, level)
            .map_err(|_| bad("category"))?;
    }
    files.push(file(agent_ini::PATH, ini.format().into_bytes()));
    let empty = recipients::write(&[]).map_err(|_| bad("recipients"))?;
    files.push(file(RECIPIENTS, empty));
    let table = format!("{}\r\n", xdir::HEADER).into_bytes();
    files.push(file(xdir::PATH, table));
    files.push(file(REGISTRY, registry()?));
    files.push(file(EVENTS, Vec::new()));
    Ok(files)
}

/// The registry of a new server: the services' keys with what set-up puts there.
fn registry() -> Result<Vec<u8>, PoError> {
    let mut registry = RegistryFile::new();
    let set = |registry: &mut RegistryFile| {
        registry.set(DX_KEY, "Start", Data::Number(2))?;
        registry.set(MTA_KEY, "MT gateway clients", Data::Number(8))?;
        registry.format()
    };
    set(&mut registry).map_err(|_| bad("registry"))
}

fn postoffice(
    params: &ExchangeParams<'_>,
    tree_id: TreeId,
    serial: &[u8],
) -> Result<FreshTree, PoError> {
    fresh_postoffice(&FreshParams {
        network: params.connector.network(),
        postoffice: params.connector.postoffice(),
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created: params.created,
        zone: params.zone,
        tree_id,
        serial,
    })
    .map_err(PoError::BadParams)
}

/// The plan of a server.
///
/// # Errors
/// [`PoError::BadParams`].
pub fn plan(params: &ExchangeParams<'_>) -> Result<InitPlan, PoError> {
    check_name(params.organization, "organization")?;
    check_name(params.site, "site")?;
    check_name(params.server, "server")?;
    params.connector.check().map_err(|_| bad("connector"))?;
    let identity = Identity {
        organization: params.organization.to_owned(),
        site: params.site.to_owned(),
        server: params.server.to_owned(),
        profile: params.profile,
        connector: params.connector.to_string(),
        address: String::from_utf8_lossy(MailboxName::system().text()).into_owned(),
    };
    let created = UnixTime::from_timestamp(params.created).ok_or_else(|| bad("created"))?;
    let mut files = agent_files(params, &identity)?;
    let queues = [connector_queue(&identity), agent_queue(&identity)];
    let secured: Vec<(Option<u32>, &str)> =
        queues.iter().map(|name| (None, name.as_str())).collect();
    let mta = mta_fresh::FreshParams {
        profile: params.profile,
        created,
        zone: params.zone,
        tree_id: params.tree_ids[1],
        secured: &secured,
    };
    files.extend(mta_fresh::database(&mta).map_err(PoError::BadParams)?);
    files.extend(mta_fresh::bootenv(created).map_err(PoError::BadParams)?);
    let shadow = postoffice(params, params.tree_ids[2], SHADOW_SERIAL)?;
    let root = shadow_path();
    let mut directories: Vec<String> = vec!["DXADATA".into()];
    directories.extend(
        agent_directories()
            .iter()
            .map(|dir| format!("DXADATA/{dir}")),
    );
    directories.extend(["MTADATA", "BOOTENV", "CONNECT", "CONNECT/MSMCON"].map(str::to_owned));
    directories.push(root.clone());
    directories.extend(shadow.directories.iter().map(|dir| format!("{root}/{dir}")));
    files.extend(shadow.files.into_iter().map(|file| FreshFile {
        path: format!("{root}/{}", file.path),
        ..file
    }));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let tree = FreshTree { directories, files };
    Ok(InitPlan::of(DomainKind::Agent, tree))
}
