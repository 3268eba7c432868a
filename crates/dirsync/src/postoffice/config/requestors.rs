//! The server's records of its requestors (Config, Dir-Sync, Server, Requestors).

use crate::core::base::address::{MailboxName, PoName};
use crate::core::base::time::UnixTime;
use crate::core::format::FixedRecord as _;
use crate::core::format::field::{CpField, Password};
use crate::core::format::record::{DELETED, LIVE};
use crate::core::format::srvconf::{self, SRVCONF, SrvConfRecord};

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::externals;
use super::super::list_error::ListError;
use super::super::lists::own_name;
use super::{SRVCONF_GLB, save, srvconf};

const LIST_HINT: &str = "`po-admin requestor list` lists the requestors of a server";

/// A requestor to be created.
#[derive(Debug, Clone)]
pub struct NewRequestor {
    /// Its postoffice.
    pub name: PoName,
    /// Its dirsync password; with an empty one any is accepted (dsp R-PWD-002).
    pub password: Password,
    /// The mailbox that replies go to; `$SYSTEM` without one, `SYSTEM1` for an agent (DEC-065).
    pub mailbox: Option<MailboxName>,
}

/// A requestor as shown. The password is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownRequestor {
    /// `NET/PO`.
    pub name: String,
    /// Address type.
    pub type_name: String,
    /// Mailbox that replies go to.
    pub mailbox: String,
    /// Whether a password is set.
    pub password_set: bool,
    /// `s[r].R`.
    pub req_sync: u32,
    /// `s[r].S`.
    pub srv_sync: u32,
    /// `s[r].I`.
    pub imp_sync: u32,
    /// Last number it has confirmed.
    pub conf_sync: u32,
    /// Cycle in which it was last heard.
    pub last_cycle: u32,
    /// When it was last heard.
    pub last_update: UnixTime,
}

/// A record with all numbers 0.
pub(super) fn new_record(name: &PoName, password: Password) -> SrvConfRecord {
    let mut record = SrvConfRecord::zeroed();
    record.state = LIVE;
    record.type_name = CpField::from_bytes(b"PCM").unwrap_or_default();
    record.network = name.network_field();
    record.postoffice = name.postoffice_field();
    record.mailbox = MailboxName::system().field();
    record.password = password;
    record
}

/// The record as if the requestor had been removed and created again: password, mailbox, type and
/// what an agent has set stay, all numbers are 0 (dsp R-RST-001).
pub(crate) fn renewed(record: &SrvConfRecord) -> SrvConfRecord {
    let mut new = SrvConfRecord::zeroed();
    new.state = record.state;
    new.type_name = record.type_name;
    new.network = record.network;
    new.postoffice = record.postoffice;
    new.mailbox = record.mailbox;
    new.password = record.password;
    new.dxa_flags = record.dxa_flags;
    new.object_name = record.object_name;
    new
}

fn no_such(name: &PoName) -> PoError {
    ListError::NoSuch {
        what: "requestor",
        name: name.to_string(),
        hint: LIST_HINT,
    }
    .into()
}

/// Creates a requestor. The first deleted record is used again, with all numbers 0 (R-ADM-024).
///
/// # Errors
/// The postoffice is not the server; the requestor exists; Notice 42: it must be an external
/// postoffice here (R-ADM-022).
pub fn add(edit: &mut Edit<'_>, new: &NewRequestor) -> Result<(), PoError> {
    let (header, mut records) = srvconf(edit)?;
    if srvconf::find(&records, new.name.network(), new.name.postoffice()).is_some() {
        return Err(ListError::Usage {
            why: format!("{} is a requestor already", new.name),
            hint: LIST_HINT,
        }
        .into());
    }
    if new.name != own_name(edit)? {
        externals::require(edit, &new.name)?;
    }
    let mut record = new_record(&new.name, new.password);
    if let Some(mailbox) = &new.mailbox {
        record.mailbox = mailbox.field();
    }
    let at = srvconf::free_index(&records);
    match records.get_mut(at) {
        Some(place) => *place = record,
        None => records.push(record),
    }
    save(edit, &SRVCONF, SRVCONF_GLB, &header, &records)
}

/// Sets the password of a requestor (R-ADM-023).
///
/// # Errors
/// There is no such requestor.
pub fn set_password(edit: &mut Edit<'_>, name: &PoName, password: Password) -> Result<(), PoError> {
    let (header, mut records) = srvconf(edit)?;
    let at =
        srvconf::find(&records, name.network(), name.postoffice()).ok_or_else(|| no_such(name))?;
    records[at].password = password;
    save(edit, &SRVCONF, SRVCONF_GLB, &header, &records)
}

/// Removes a requestor; its record is free for the next one.
///
/// # Errors
/// There is no such requestor; the server is always its own requestor.
pub fn remove(edit: &mut Edit<'_>, name: &PoName) -> Result<(), PoError> {
    let (header, mut records) = srvconf(edit)?;
    let at =
        srvconf::find(&records, name.network(), name.postoffice()).ok_or_else(|| no_such(name))?;
    if *name == own_name(edit)? {
        return Err(ListError::Refused {
            why: format!("{name} is the directory server and always its own requestor"),
            hint: "`po-admin server off` ends both",
        }
        .into());
    }
    records[at].state = DELETED;
    save(edit, &SRVCONF, SRVCONF_GLB, &header, &records)
}

/// All requestors in the order of SRVCONF.GLB.
///
/// # Errors
/// The postoffice is not the server; the file is damaged.
pub fn all(edit: &mut Edit<'_>) -> Result<Vec<ShownRequestor>, PoError> {
    let (_, records) = srvconf(edit)?;
    Ok(super::server::live(&records).map(shown).collect())
}

pub(crate) fn shown(record: &SrvConfRecord) -> ShownRequestor {
    ShownRequestor {
        name: format!(
            "{}/{}",
            record.network.to_string_850(),
            record.postoffice.to_string_850()
        ),
        type_name: record.type_name.to_string_850(),
        mailbox: record.mailbox.to_string_850(),
        password_set: !record.password.is_empty(),
        req_sync: record.req_sync.get(),
        srv_sync: record.srv_sync.get(),
        imp_sync: record.imp_sync.get(),
        conf_sync: record.conf_sync.get(),
        last_cycle: record.last_cycle.get(),
        last_update: UnixTime(record.last_update.get()),
    }
}
