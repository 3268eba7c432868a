//! The options of a requestor and of the server, with read-back.

use zerocopy::little_endian::{U16, U32};

use crate::core::base::address::{AddressType, MailboxName};
use crate::core::base::codepage::CodePage;
use crate::core::base::time::UnixTime;
use crate::core::format::FixedRecord as _;
use crate::core::format::field::CpField;
use crate::core::format::network::NETWORK;
use crate::core::format::reqconf::{ReqConfRecord, req_options};
use crate::core::format::srvconf::SRVCONF;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::externals::NETWORK_GLB;
use super::super::list_error::ListError;
use super::super::lists::waiting::reqconf;
use super::super::lists::{Lists, MASTER_GLB, load, master};
use super::{SRVCONF_GLB, is_server, load_srvconf, save, save_reqconf, srvconf};

/// Days that transactions are kept at the server (DEC-048).
pub const KEEP_UPDATES_DAYS: std::ops::RangeInclusive<u16> = 1..=999;

/// What shall be different; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionsChange {
    /// Largest answer in units of 1,024 bytes, 0 none (DEC-049).
    pub limit_kb: Option<u32>,
    /// Address types wanted from the server.
    pub types: Option<Vec<AddressType>>,
    /// Send template data.
    pub send_templates: Option<bool>,
    /// Take template data.
    pub receive_templates: Option<bool>,
    /// Make postoffices that are not known here.
    pub autocreate: Option<bool>,
    /// Rebuild the Global Address List after an import.
    pub rebuild: Option<bool>,
    /// Take updates from the server.
    pub updates: Option<bool>,
    /// Whether clients show the Global Address List (R-ADM-041).
    pub global_list: Option<bool>,
    /// Postoffices a message may pass.
    pub hop_limit: Option<u8>,
    /// Server: days that transactions are kept.
    pub keep_updates: Option<u16>,
    /// Server: mailbox for status mail.
    pub administrator: Option<Vec<u8>>,
}

/// The options of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// Days that transactions are kept.
    pub keep_updates: u16,
    /// Mailbox for status mail.
    pub administrator: String,
    /// s.Sync.
    pub sync: u32,
    /// Current cycle.
    pub cycle: u32,
    /// Number of requestors, itself included.
    pub requestors: usize,
}

/// Everything that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownOptions {
    /// `NET/PO` of the directory server; `None` when none is named.
    pub server: Option<String>,
    /// Whether a dirsync password is set.
    pub password_set: bool,
    /// q.R.
    pub req_sync: u32,
    /// q.S.
    pub srv_sync: u32,
    /// q.I.
    pub imp_sync: u32,
    /// Highest number put into a request.
    pub last_sent: u32,
    /// Largest answer in units of 1,024 bytes, 0 none.
    pub limit_kb: u32,
    /// Address types wanted.
    pub types: Vec<String>,
    /// Send template data.
    pub send_templates: bool,
    /// Take template data.
    pub receive_templates: bool,
    /// Make postoffices that are not known here.
    pub autocreate: bool,
    /// Rebuild the Global Address List after an import.
    pub rebuild: bool,
    /// Take updates from the server.
    pub updates: bool,
    /// RESYNC.GLB was applied and the server has not answered since.
    pub resync: bool,
    /// When Export was last asked for.
    pub last_export: UnixTime,
    /// When Import was last asked for.
    pub last_import: UnixTime,
    /// When T1 last ran.
    pub last_t1: UnixTime,
    /// When T3 last ran.
    pub last_t3: UnixTime,
    /// Whether clients show the Global Address List.
    pub global_list: bool,
    /// Postoffices a message may pass.
    pub hop_limit: u8,
    /// What the server has set; `None` on other postoffices.
    pub server_options: Option<ServerOptions>,
}

/// Reads a list of address types separated by commas or bars: `PCM,SMTP|X400`.
///
/// # Errors
/// Message 16 for a type nobody knows; an empty list.
pub fn parse_types(text: &str) -> Result<Vec<AddressType>, ListError> {
    let mut types = Vec::new();
    for name in text.split([',', '|']).map(str::trim) {
        if name.is_empty() {
            continue;
        }
        let (kind, _) = AddressType::parse(name.as_bytes()).map_err(|fault| ListError::Name {
            what: format!("type {name:?}"),
            fault,
        })?;
        let kind = kind.class();
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    if types.is_empty() {
        return Err(ListError::Usage {
            why: "no address type was given".to_owned(),
            hint: "give at least PCM; to take no updates at all use --updates no",
        });
    }
    Ok(types)
}

/// Sets options. Returns what deserves a look.
///
/// # Errors
/// A value outside its range; a server's option on another postoffice; no such administrator.
pub fn set(
    edit: &mut Edit<'_>,
    change: &OptionsChange,
    now: UnixTime,
) -> Result<Vec<String>, PoError> {
    let mut warnings = Vec::new();
    let mut conf = reqconf(edit)?;
    if let Some(limit) = change.limit_kb {
        conf.limit_kb = U32::new(limit);
    }
    if let Some(types) = &change.types {
        let names: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
        conf.types = CpField::from_bytes(names.join("|").as_bytes())
            .map_err(|error| ListError::damaged("GLB/REQCONF.GLB", error))?;
        warn_of_types(edit, types, &mut warnings)?;
    }
    for (value, bit, inverse) in [
        (change.send_templates, req_options::SEND_TEMPLATES, false),
        (
            change.receive_templates,
            req_options::RECEIVE_TEMPLATES,
            false,
        ),
        (change.autocreate, req_options::CREATE_POSTOFFICES, false),
        (change.rebuild, req_options::REBUILD, false),
        (change.updates, req_options::NO_UPDATES, true),
    ] {
        if let Some(on) = value {
            conf.set(bit, on != inverse);
        }
    }
    if change.send_templates == Some(true) && !edit.exists("TPL/ADMIN.TPL")? {
        warnings.push("there is no TPL/ADMIN.TPL, so there is no template data to send".to_owned());
    }
    save_reqconf(edit, &conf)?;
    set_master(edit, change)?;
    set_server(edit, change, now)?;
    Ok(warnings)
}

/// A type whose gateway is not installed here brings message 44 for every entry (dsp R-TYP-003).
fn warn_of_types(
    edit: &mut Edit<'_>,
    types: &[AddressType],
    warnings: &mut Vec<String>,
) -> Result<(), PoError> {
    let (_, networks) = load(edit, &NETWORK, NETWORK_GLB)?;
    for kind in types {
        let known = *kind == AddressType::Pcm
            || networks.iter().any(|network| {
                network.is_live()
                    && network
                        .network_type()
                        .is_some_and(|found| found.address_code().code() == kind.code())
            });
        if !known {
            warnings.push(format!(
                "no gateway for {kind} is installed here; its entries will be skipped with [ 44]"
            ));
        }
    }
    Ok(())
}

fn set_master(edit: &mut Edit<'_>, change: &OptionsChange) -> Result<(), PoError> {
    let mut record = master(edit)?;
    if let Some(on) = change.global_list {
        record.gal_enabled = u8::from(on);
    }
    if let Some(hops) = change.hop_limit {
        if hops == 0 {
            return Err(ListError::Usage {
                why: "a message must be allowed at least one hop".to_owned(),
                hint: "the usual limit is 10",
            }
            .into());
        }
        record.hop_limit = hops;
    }
    edit.write(MASTER_GLB, record.encode())?;
    Ok(())
}

fn set_server(edit: &mut Edit<'_>, change: &OptionsChange, now: UnixTime) -> Result<(), PoError> {
    if change.keep_updates.is_none() && change.administrator.is_none() {
        return Ok(());
    }
    let (mut header, records) = srvconf(edit)?;
    if let Some(days) = change.keep_updates {
        if !KEEP_UPDATES_DAYS.contains(&days) {
            return Err(ListError::Usage {
                why: format!("updates cannot be kept for {days} days"),
                hint: "give 1 to 999 days",
            }
            .into());
        }
        header.keep_updates = U16::new(days);
    }
    if let Some(mailbox) = &change.administrator {
        let lists = Lists::open(edit, now)?;
        lists.find_user(mailbox)?;
        let name = MailboxName::read(mailbox).map_err(|fault| ListError::Name {
            what: format!("mailbox {:?}", CodePage::Cp850.decode(mailbox)),
            fault,
        })?;
        header.administrator = name.field();
    }
    save(edit, &SRVCONF, SRVCONF_GLB, &header, &records)
}

/// Everything that is set.
///
/// # Errors
/// A file is damaged.
pub fn show(edit: &mut Edit<'_>) -> Result<ShownOptions, PoError> {
    let conf = reqconf(edit)?;
    let master = master(edit)?;
    let server_options = if is_server(edit)? {
        let (header, records) = load_srvconf(edit)?;
        Some(ServerOptions {
            keep_updates: header.keep_updates.get(),
            administrator: header.administrator.to_string_850(),
            sync: header.sync.get(),
            cycle: header.cycle.get(),
            requestors: super::server::live(&records).count(),
        })
    } else {
        None
    };
    Ok(ShownOptions {
        server: server_name(&conf),
        password_set: !conf.password.is_empty(),
        req_sync: conf.req_sync.get(),
        srv_sync: conf.srv_sync.get(),
        imp_sync: conf.imp_sync.get(),
        last_sent: conf.last_sent.get(),
        limit_kb: conf.limit_kb.get(),
        types: conf
            .wanted_types()
            .map(|name| CodePage::Cp850.decode(name))
            .collect(),
        send_templates: conf.has(req_options::SEND_TEMPLATES),
        receive_templates: conf.has(req_options::RECEIVE_TEMPLATES),
        autocreate: conf.has(req_options::CREATE_POSTOFFICES),
        rebuild: conf.has(req_options::REBUILD),
        updates: !conf.has(req_options::NO_UPDATES),
        resync: conf.has(req_options::RESYNC),
        last_export: UnixTime(conf.last_export.get()),
        last_import: UnixTime(conf.last_import.get()),
        last_t1: UnixTime(conf.last_t1.get()),
        last_t3: UnixTime(conf.last_t3.get()),
        global_list: master.gal_enabled != 0,
        hop_limit: master.hop_limit,
        server_options,
    })
}

/// The server that is named, `NET/PO`.
#[must_use]
pub fn server_name(conf: &ReqConfRecord) -> Option<String> {
    conf.has(req_options::REGISTERED).then(|| {
        format!(
            "{}/{}",
            conf.srv_network.to_string_850(),
            conf.srv_postoffice.to_string_850()
        )
    })
}
