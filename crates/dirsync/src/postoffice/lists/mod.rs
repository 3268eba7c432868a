//! The address lists of one postoffice, opened for changing: local users, the postoffice address
//! list with its shadow, groups, and the transactions that tell the directory server.
//!
//! [`Lists::open`] takes the files into memory and refuses damaged ones: a change of a damaged list
//! would spread the damage. The methods change them, and [`Lists::save`] puts what changed into the
//! [`Edit`], so that one commit holds the lists, the user's files and the waiting transaction
//! (DEC-057).
//!
//! * [`users`] - local users;
//! * [`pol`] - entries of the postoffice address list, external ones included;
//! * [`members`] - who takes part in directory synchronization;
//! * [`templates`] - ADMIN.TPL and ADMIN.INF;
//! * [`waiting`] - REQTRANS.GLB: what waits to be sent at T1;
//! * [`user_files`] - the files of one user, and the mail in his mailbag when he goes.
//!
//! Everything is held in memory, which is meant for hundreds to some ten thousand users (ACCESS.GLB
//! above 32 MiB, that is 57,000 users, is refused).

pub mod members;
mod personal;
pub mod pol;
mod pol_list;
pub mod templates;
pub mod user_files;
pub mod users;
pub mod waiting;

use crate::core::base::address::PoName;
use crate::core::base::time::UnixTime;
use crate::core::format::access::{
    ACCESS, ACCESS2, ACCESS3, Access2Record, Access3Record, AccessRecord,
};
use crate::core::format::group::{GROUP, GRPMEM, GroupHeader, GroupRecord, GrpMemRecord};
use crate::core::format::grp::{GRP, GrpFile};
use crate::core::format::master::MasterRecord;
use crate::core::format::netpo::{NETPO, NetPoHeader, NetPoRecord};
use crate::core::format::nme::{NME, first_unsorted};
use crate::core::format::record::{DELETED, LIVE, NoHeader};
use crate::core::format::{FileLayout, FixedRecord};

use super::edit::Edit;
use super::error::PoError;
use super::list_error::{ListError, notice};
use pol_list::PolList;
use templates::Templates;
use waiting::Waiting;

/// Most local users that the clients can show (DOCUMENTED: Q123376, Q126592).
pub const USER_LIMIT: usize = 500;

pub(crate) const ADMIN_NME: &str = "NME/ADMIN.NME";
pub(crate) const ADMINSHD_NME: &str = "NME/ADMINSHD.NME";
const ADMIN_GRP: &str = "GRP/ADMIN.GRP";
const ADMINSHD_GRP: &str = "GRP/ADMINSHD.GRP";
const ACCESS_GLB: &str = "GLB/ACCESS.GLB";
const ACCESS2_GLB: &str = "GLB/ACCESS2.GLB";
const ACCESS3_GLB: &str = "GLB/ACCESS3.GLB";
const GROUP_GLB: &str = "GLB/GROUP.GLB";
const GRPMEM_GLB: &str = "GLB/GRPMEM.GLB";
const NETPO_GLB: &str = "GLB/NETPO.GLB";
pub(crate) const MASTER_GLB: &str = "GLB/MASTER.GLB";

/// What a change did beside what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// Transactions put into REQTRANS.GLB, as their text without template lines.
    pub transactions: Vec<String>,
    /// What deserves a look; never a failure.
    pub warnings: Vec<String>,
}

impl Effects {
    /// Adds what another change did.
    pub fn extend(&mut self, other: Self) {
        self.transactions.extend(other.transactions);
        self.warnings.extend(other.warnings);
    }
}

/// What changed since the lists were opened.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Dirty {
    pub(super) users: bool,
    pub(super) pol: bool,
    pub(super) groups: bool,
    pub(super) netpo: bool,
}

/// The address lists of one postoffice, opened for changing.
#[derive(Debug)]
pub struct Lists {
    own: PoName,
    pub(super) now: UnixTime,
    pub(super) access: Vec<AccessRecord>,
    pub(super) access2: Vec<Access2Record>,
    pub(super) access3: Vec<Access3Record>,
    pub(super) pol: PolList,
    pub(super) groups: Vec<GroupRecord>,
    pub(super) grp: GrpFile,
    pub(super) grpmem: Vec<GrpMemRecord>,
    netpo_header: NetPoHeader,
    netpo: Vec<NetPoRecord>,
    /// `None` until a record of NETPO.GLB is to be deleted.
    personal: Option<personal::Personal>,
    pub(super) templates: Templates,
    pub(super) waiting: Waiting,
    pub(super) dirty: Dirty,
}

impl Lists {
    /// Takes the lists into memory. `now` dates what is new.
    ///
    /// # Errors
    /// A file is missing or damaged, or the two halves of a list differ: it must be mended first.
    pub fn open(edit: &mut Edit<'_>, now: UnixTime) -> Result<Self, PoError> {
        let own = own_name(edit)?;
        let (_, access) = load(edit, &ACCESS, ACCESS_GLB)?;
        let (_, access2) = load(edit, &ACCESS2, ACCESS2_GLB)?;
        let (_, access3) = load(edit, &ACCESS3, ACCESS3_GLB)?;
        check_users(&access, &access2, &access3)?;
        let pol = load_twin(edit, &NME, ADMIN_NME, ADMINSHD_NME)?.1;
        if let Some(at) = first_unsorted(&pol, crate::core::base::collate::compare) {
            let why = format!("the names are not in order from entry {at} on");
            return Err(ListError::damaged(ADMIN_NME, why).into());
        }
        let (_, groups) = load(edit, &GROUP, GROUP_GLB)?;
        let (_, grpmem) = load(edit, &GRPMEM, GRPMEM_GLB)?;
        let (grp_header, nodes) = load_twin(edit, &GRP, ADMIN_GRP, ADMINSHD_GRP)?;
        let grp_bytes = GRP.build(&grp_header, &nodes);
        let grp = GRP
            .view(&grp_bytes)
            .map(|view| GrpFile::from_view(&view))
            .map_err(|error| ListError::damaged(ADMIN_GRP, error))?;
        let (netpo_header, netpo) = load(edit, &NETPO, NETPO_GLB)?;
        let templates = Templates::open(edit, access2.len())?;
        let waiting = Waiting::open(edit, own, now)?;
        Ok(Self {
            own,
            now,
            access,
            access2,
            access3,
            pol: PolList::new(&pol),
            groups,
            grp,
            grpmem,
            netpo_header,
            netpo,
            personal: None,
            templates,
            waiting,
            dirty: Dirty::default(),
        })
    }

    /// The name of the postoffice.
    #[must_use]
    pub fn own(&self) -> PoName {
        self.own
    }

    /// What waits to be sent at T1.
    #[must_use]
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Puts everything that changed into the edit.
    ///
    /// # Errors
    /// A disk error; a transaction that is too long for a record.
    pub fn save(self, edit: &mut Edit<'_>) -> Result<(), PoError> {
        let Dirty {
            users,
            pol,
            groups,
            netpo,
        } = self.dirty;
        if users {
            edit.write(ACCESS_GLB, ACCESS.build(&NoHeader {}, &self.access))?;
            edit.write(ACCESS2_GLB, ACCESS2.build(&NoHeader {}, &self.access2))?;
            edit.write(ACCESS3_GLB, ACCESS3.build(&NoHeader {}, &self.access3))?;
        }
        // Of a million names each file is some 45 MB: what is written is not held twice.
        if netpo {
            let records = self.netpo;
            edit.write(NETPO_GLB, NETPO.build(&self.netpo_header, &records))?;
        }
        if pol {
            let entries = self.pol;
            let bytes = entries.to_bytes();
            drop(entries);
            edit.write(ADMINSHD_NME, bytes.clone())?;
            edit.write(ADMIN_NME, bytes)?;
        }
        if groups {
            let header = GroupHeader::zeroed();
            edit.write(GROUP_GLB, GROUP.build(&header, &self.groups))?;
            edit.write(GRPMEM_GLB, GRPMEM.build(&header, &self.grpmem))?;
            let bytes = self.grp.build();
            edit.write(ADMINSHD_GRP, bytes.clone())?;
            edit.write(ADMIN_GRP, bytes)?;
        }
        self.templates.save(edit)?;
        self.waiting.save(edit)?;
        if users || pol || groups || netpo {
            edit.lists_changed();
        }
        Ok(())
    }
}

/// MASTER.GLB of one of our trees.
///
/// # Errors
/// It is missing or damaged.
pub fn master(edit: &mut Edit<'_>) -> Result<MasterRecord, PoError> {
    let bytes = edit
        .read(MASTER_GLB)?
        .ok_or_else(|| ListError::damaged(MASTER_GLB, "it does not exist"))?;
    let master =
        MasterRecord::decode(bytes).map_err(|error| ListError::damaged(MASTER_GLB, error))?;
    if !master.has_magic() {
        return Err(ListError::damaged(MASTER_GLB, "it does not begin as we write it").into());
    }
    Ok(master)
}

/// The name of the postoffice that is edited.
///
/// # Errors
/// MASTER.GLB is missing or damaged.
pub fn own_name(edit: &mut Edit<'_>) -> Result<PoName, PoError> {
    let master = master(edit)?;
    PoName::read(master.network.text(), master.postoffice.text())
        .map_err(|fault| ListError::damaged(MASTER_GLB, fault).into())
}

/// The records of a file that must exist and be whole.
///
/// # Errors
/// It is missing, too short, or bytes stand behind the last record.
pub(crate) fn load<H: FixedRecord, R: FixedRecord>(
    edit: &mut Edit<'_>,
    layout: &FileLayout<H, R>,
    path: &str,
) -> Result<(H, Vec<R>), PoError> {
    let bytes = edit
        .read(path)?
        .ok_or_else(|| ListError::damaged(path, "it does not exist"))?;
    let view = layout
        .view(bytes)
        .map_err(|error| ListError::damaged(path, error))?;
    if !view.trailing.is_empty() {
        let why = format!("{} bytes behind the last record", view.trailing.len());
        return Err(ListError::damaged(path, why).into());
    }
    Ok((view.header.clone(), view.records.to_vec()))
}

/// As [`load`], for a file whose shadow must be the same bytes (Q112881).
fn load_twin<H: FixedRecord, R: FixedRecord>(
    edit: &mut Edit<'_>,
    layout: &FileLayout<H, R>,
    path: &str,
    shadow: &str,
) -> Result<(H, Vec<R>), PoError> {
    let both = load(edit, layout, path)?;
    let copy = edit.read(shadow)?.map(<[u8]>::to_vec);
    if copy.as_deref() != edit.read(path)? {
        return Err(ListError::damaged(path, format!("{shadow} is not the same")).into());
    }
    Ok(both)
}

/// The three files must have one record of each user, and agree on who is there.
fn check_users(
    access: &[AccessRecord],
    access2: &[Access2Record],
    access3: &[Access3Record],
) -> Result<(), PoError> {
    let bad = |why: String| {
        Err(ListError::Notice {
            code: notice::BAD_ACCESS,
            about: why,
        }
        .into())
    };
    if access.len() != access2.len() || access.len() != access3.len() {
        return bad("the three ACCESS files have different numbers of records".to_owned());
    }
    for (at, ((one, two), three)) in access.iter().zip(access2).zip(access3).enumerate() {
        let states = [one.state, two.state, three.state];
        if states != [LIVE; 3] && states != [DELETED; 3] {
            return bad(format!("the ACCESS files do not agree on user {at}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
