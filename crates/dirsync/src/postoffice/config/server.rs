//! Becoming the directory server and ceasing to be it (Config, Dir-Sync, Options).

use crate::core::base::address::PoName;
use crate::core::format::FixedRecord as _;
use crate::core::format::access::{ACCESS, ACCESS2, AccessRecord};
use crate::core::format::process::{PROCESS, ProcessId};
use crate::core::format::record::{DELETED, LIVE};
use crate::core::format::reqconf::{ReqConfRecord, req_options};
use crate::core::format::srvconf::{self, SRVCONF, SrvConfHeader, SrvConfRecord};

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::ListError;
use super::super::lists::waiting::reqconf;
use super::super::lists::{MASTER_GLB, load, master, own_name};
use super::requestors::new_record;
use super::{
    MSTTRANS_GLB, PROCESS_GLB, SRVCONF_GLB, load_srvconf, refuse_workgroup, save, save_reqconf,
};

/// What switching on did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchedOn {
    /// The postoffice was the server already, and nothing was missing.
    pub already: bool,
    /// What deserves a look.
    pub warnings: Vec<String>,
}

/// What switching off did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchedOff {
    /// The postoffice was not the server.
    pub already: bool,
    /// Requestors whose records went.
    pub requestors: usize,
    /// Entries of T2 that were taken out of the schedule.
    pub t2_entries: usize,
}

/// Makes the postoffice the directory server, and a requestor of itself (dsp R-ROLE-003). What
/// exists already stays, so that it can be done again after a restore.
///
/// # Errors
/// The postoffice has numbers of another server (dsp R-ROLE-006), or it is a Workgroup postoffice; a
/// file is damaged.
pub fn on(edit: &mut Edit<'_>) -> Result<SwitchedOn, PoError> {
    refuse_workgroup(edit)?;
    let own = own_name(edit)?;
    let mut done = SwitchedOn {
        already: true,
        ..SwitchedOn::default()
    };
    let mut conf = reqconf(edit)?;
    let fresh = !edit.exists(SRVCONF_GLB)?;
    if fresh && conf.srv_sync.get() != 0 {
        return Err(ListError::Refused {
            why: format!(
                "{own} has received updates up to {} from a directory server; a new one begins at 1",
                conf.srv_sync.get()
            ),
            hint: "reset its numbers first with `po-admin listds --requestor --zero`",
        }
        .into());
    }
    let mut master = master(edit)?;
    if master.dirsync_server != 1 {
        master.dirsync_server = 1;
        edit.write(MASTER_GLB, master.encode())?;
        done.already = false;
    }
    let (header, mut records) = if fresh {
        done.already = false;
        (header_for(edit)?, Vec::new())
    } else {
        load_srvconf(edit)?
    };
    if srvconf::find(&records, own.network(), own.postoffice()).is_none() {
        // Message 136 reports that this record is missing (Q96004).
        let at = srvconf::free_index(&records);
        let record = new_record(&own, conf.password);
        match records.get_mut(at) {
            Some(place) => *place = record,
            None => records.push(record),
        }
        done.already = false;
    }
    save(edit, &SRVCONF, SRVCONF_GLB, &header, &records)?;
    if !edit.exists(MSTTRANS_GLB)? {
        if header.sync.get() != 0 {
            done.warnings.push(
                "MSTTRANS.GLB was missing and is made empty: every requestor must export (Q112280)"
                    .to_owned(),
            );
        }
        edit.create(MSTTRANS_GLB, Vec::new())?;
        done.already = false;
    }
    if !registered_with(&conf, &own) {
        if conf.has(req_options::REGISTERED) {
            done.warnings.push(format!(
                "{own} was a requestor of {}/{} and is its own now",
                conf.srv_network.to_string_850(),
                conf.srv_postoffice.to_string_850()
            ));
        }
        conf.srv_network = own.network_field();
        conf.srv_postoffice = own.postoffice_field();
        conf.set(req_options::REGISTERED, true);
        save_reqconf(edit, &conf)?;
        done.already = false;
    }
    Ok(done)
}

/// Whether REQCONF.GLB names this server.
pub(super) fn registered_with(conf: &ReqConfRecord, server: &PoName) -> bool {
    conf.has(req_options::REGISTERED)
        && conf.srv_network.eq_ignore_case(server.network())
        && conf.srv_postoffice.eq_ignore_case(server.postoffice())
}

/// A fresh header. Status mail goes to `Admin` (R-ADM-026); where nobody has that mailbox, to the
/// first administrator (ASSIGNED: else the first status mail would be a warning 154).
fn header_for(edit: &mut Edit<'_>) -> Result<SrvConfHeader, PoError> {
    let mut header = SrvConfHeader::fresh();
    let (_, access) = load(edit, &ACCESS, "GLB/ACCESS.GLB")?;
    let (_, access2) = load(edit, &ACCESS2, "GLB/ACCESS2.GLB")?;
    let live = || {
        access
            .iter()
            .zip(&access2)
            .filter(|(user, _)| user.state == LIVE)
    };
    let default = header.administrator;
    if !live().any(|(_, names)| names.mailbox.eq_ignore_case(default.text()))
        && let Some((_, names)) = live().find(|(user, _)| user.kind == AccessRecord::ADMINISTRATOR)
    {
        header.administrator = names.mailbox;
    }
    Ok(header)
}

/// Makes the postoffice an ordinary one: SRVCONF.GLB and MSTTRANS.GLB go, and so do its T2 entries
/// in the schedule, which would fail for ever (DEC-054). It is no longer a requestor of itself
/// (ASSIGNED); its numbers stay until they are reset.
///
/// # Errors
/// A file is damaged.
pub fn off(edit: &mut Edit<'_>) -> Result<SwitchedOff, PoError> {
    let own = own_name(edit)?;
    let mut master = master(edit)?;
    let mut done = SwitchedOff {
        already: master.dirsync_server != 1 && !edit.exists(SRVCONF_GLB)?,
        ..SwitchedOff::default()
    };
    // A damaged SRVCONF.GLB goes as well: that is a way out of the damage.
    if let Ok((_, records)) = load_srvconf(edit) {
        done.requestors = live(&records).count();
    }
    edit.remove(SRVCONF_GLB)?;
    edit.remove(MSTTRANS_GLB)?;
    if master.dirsync_server != 0 {
        master.dirsync_server = 0;
        edit.write(MASTER_GLB, master.encode())?;
    }
    let (header, mut entries) = load(edit, &PROCESS, PROCESS_GLB)?;
    for entry in &mut entries {
        if entry.is_live() && entry.process() == Some(ProcessId::T2) {
            entry.state = DELETED;
            done.t2_entries += 1;
        }
    }
    if done.t2_entries > 0 {
        save(edit, &PROCESS, PROCESS_GLB, &header, &entries)?;
    }
    let mut conf = reqconf(edit)?;
    if registered_with(&conf, &own) {
        conf.set(req_options::REGISTERED, false);
        conf.srv_network = Default::default();
        conf.srv_postoffice = Default::default();
        save_reqconf(edit, &conf)?;
    }
    Ok(done)
}

/// The records that are in use.
pub(super) fn live(records: &[SrvConfRecord]) -> impl Iterator<Item = &SrvConfRecord> {
    records.iter().filter(|record| record.is_live())
}
