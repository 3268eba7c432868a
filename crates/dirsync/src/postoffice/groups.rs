//! Groups of the postoffice.
//!
//! A group is a record in GROUP.GLB, an entry of kind 4 in the postoffice address list, a chain of
//! members in ADMIN.GRP with its shadow, the list of local members in `MEM/<tid>.MEM`, which is all
//! that mail from outside sees, and a reference in GRPMEM.GLB for each local member (Q107767,
//! Q102669). Members come from the postoffice address list. A group with a member from outside is
//! not told to the directory server (dsp R-T0-004); when such a member comes or goes, the group is
//! told as D or A.

use zerocopy::little_endian::U32;

use crate::core::base::address::{Address, FullName, MailboxName, PoName};
use crate::core::base::codepage::escape_bytes_850;
use crate::core::base::transaction::{Entry, Transaction};
use crate::core::base::{HexId, Tid};
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::AddressCode;
use crate::core::format::group::{self, GRPMEM, GroupRecord, GrpMemRecord, build_mem};
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::record::{DELETED, LIVE};

use super::edit::Edit;
use super::error::PoError;
use super::list_error::ListError;
use super::lists::users::{full_name, mailbox_name};
use super::lists::{Effects, Lists};

const LIST_HINT: &str = "`po-admin group list` lists the groups of a postoffice";
const MEMBER_HINT: &str = "members are local mailboxes, or names or addresses that stand in the \
    postoffice address list";

/// A group to be added.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Address: a name in the form of a mailbox.
    pub address: Vec<u8>,
    /// Name in the lists.
    pub name: Vec<u8>,
    /// Whether the group takes part in directory synchronization.
    pub dirsync: bool,
    /// Members: mailboxes, names, or addresses `NET/PO/MAILBOX`.
    pub members: Vec<Vec<u8>>,
}

/// What shall be different about a group; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    /// Another address.
    pub address: Option<Vec<u8>>,
    /// Another name.
    pub name: Option<Vec<u8>>,
    /// Whether the group takes part in directory synchronization.
    pub dirsync: Option<bool>,
    /// Members to be added; those that are members stay so.
    pub add: Vec<Vec<u8>>,
    /// Members to be taken out; those that are none are passed over.
    pub remove: Vec<Vec<u8>>,
}

/// A group as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownGroup {
    /// Address.
    pub address: String,
    /// Name in the lists.
    pub name: String,
    /// Tuple id, and stem of the MEM file.
    pub tid: Tid,
    /// Whether it is meant to take part in directory synchronization.
    pub dirsync: bool,
    /// Whether it does: only without members from outside.
    pub told: bool,
    /// Members by name; those from outside with their address.
    pub members: Vec<ShownMember>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMember {
    /// Name in the list; empty when the list has no such entry.
    pub name: String,
    /// `TYPE:NET/PO/MAILBOX`; empty when there is none.
    pub address: String,
    /// Whether the member is a user of this postoffice.
    pub local: bool,
}

impl Lists {
    fn find_group(&self, address: &[u8]) -> Result<usize, PoError> {
        group::find(&self.groups, address).ok_or_else(|| {
            ListError::NoSuch {
                what: "group",
                name: escape_bytes_850(address),
                hint: LIST_HINT,
            }
            .into()
        })
    }

    fn group_members(&self, index: usize) -> Result<Vec<Tid>, PoError> {
        self.grp
            .members(self.groups[index].pointer.get())
            .map_err(|error| ListError::damaged("GRP/ADMIN.GRP", error).into())
    }

    /// The index of the local user with this tuple id.
    fn user_of_tid(&self, tid: Tid) -> Option<usize> {
        (0..self.access2.len())
            .find(|&at| self.access2[at].state == LIVE && self.access2[at].tid.get() == tid.0)
    }

    /// The tuple id that a member is named by.
    fn member_tid(&self, text: &[u8]) -> Result<Tid, PoError> {
        if let Some(user) = self.users().find(text) {
            return Ok(Tid(self.access2[user].tid.get()));
        }
        let named = self.pol_find(text);
        let found = named.or_else(|| {
            let address = Address::parse(text).ok()?;
            let (po, mailbox) = (address.po()?, address.mailbox()?);
            self.pol.iter().find(|entry| {
                self.pol_address(entry).is_some_and(|known| {
                    known.is_address(po.network(), po.postoffice(), mailbox.text())
                })
            })
        });
        match found {
            Some(entry) if entry.nme_kind() == Some(NmeKind::Group) => Err(ListError::Usage {
                why: format!(
                    "{} is a group; groups cannot be members",
                    escape_bytes_850(text)
                ),
                hint: MEMBER_HINT,
            }
            .into()),
            Some(entry) => Ok(Tid(entry.tid.get())),
            None => Err(ListError::NoSuch {
                what: "entry of the postoffice address list",
                name: escape_bytes_850(text),
                hint: MEMBER_HINT,
            }
            .into()),
        }
    }

    /// Alias and address of a group that the directory server is to know; `None` for one that it
    /// is not told of.
    pub(crate) fn group_entry(&self, index: usize) -> Result<Option<Entry>, PoError> {
        let record = &self.groups[index];
        if !record.takes_part() {
            return Ok(None);
        }
        let members = self.group_members(index)?;
        if members.iter().any(|&tid| self.user_of_tid(tid).is_none()) {
            return Ok(None);
        }
        let name = FullName::new(record.alias.text());
        let address = MailboxName::read(record.address.text());
        match (name, address) {
            (Ok(alias), Ok(address)) => Ok(Some(Entry {
                alias,
                address: Address::pcm(self.own(), address),
            })),
            // dsp R-T0-010: a group without an address is never told.
            _ => Ok(None),
        }
    }

    /// Adds a group.
    ///
    /// # Errors
    /// Notices 21, 58, 61, 95; a member that is not in the list; more than 500 local members.
    pub fn add_group(
        &mut self,
        edit: &mut Edit<'_>,
        new: &NewGroup,
    ) -> Result<(Tid, Effects), PoError> {
        let address = mailbox_name(&new.address)?;
        let name = full_name(&new.name)?;
        self.check_new_address(&address)?;
        self.pol_check_new(&name, None)?;
        let members = self.member_tids(&new.members)?;
        let tid = edit.tid()?;
        let mut record = GroupRecord::zeroed();
        record.state = if new.dirsync {
            LIVE
        } else {
            GroupRecord::KEPT_OUT
        };
        record.alias = name.field();
        record.address = address.field();
        record.tid = U32::new(tid.0);
        let mut entry = NmeRecord::zeroed();
        entry.kind = NmeKind::Group.code();
        entry.address_type = AddressCode::Pcm.code();
        entry.alias = name.field();
        entry.tid = U32::new(tid.0);
        entry.hexid = U32::new(tid.0);
        self.pol_insert(entry);
        let free = self.groups.iter().position(|group| group.state == DELETED);
        let index = free.unwrap_or(self.groups.len());
        match self.groups.get_mut(index) {
            Some(place) => *place = record,
            None => self.groups.push(record),
        }
        self.dirty.groups = true;
        self.set_members(edit, index, &members)?;
        let mut effects = Effects::default();
        let after = self.group_entry(index)?;
        self.tell_difference(None, after, &mut effects)?;
        self.note_kept_out(index, &mut effects)?;
        Ok((tid, effects))
    }

    /// Changes a group. Nothing happens when everything is as it shall be.
    ///
    /// # Errors
    /// As [`Lists::add_group`]; there is no such group.
    pub fn modify_group(
        &mut self,
        edit: &mut Edit<'_>,
        address: &[u8],
        change: &GroupChange,
    ) -> Result<Effects, PoError> {
        let index = self.find_group(address)?;
        let before = self.group_entry(index)?;
        let tid = Tid(self.groups[index].tid.get());
        if let Some(text) = &change.address {
            let address = mailbox_name(text)?;
            if !self.groups[index].address.eq_ignore_case(address.text()) {
                self.check_new_address(&address)?;
            }
            if self.groups[index].address != address.field() {
                self.groups[index].address = address.field();
                self.dirty.groups = true;
            }
        }
        if let Some(text) = &change.name {
            let name = full_name(text)?;
            self.pol_check_new(&name, Some(tid))?;
            if self.groups[index].alias != name.field() {
                self.groups[index].alias = name.field();
                self.dirty.groups = true;
                if let Some(mut entry) = self.pol_remove(tid) {
                    entry.alias = name.field();
                    self.pol_insert(entry);
                }
            }
        }
        if let Some(dirsync) = change.dirsync
            && self.groups[index].takes_part() != dirsync
        {
            self.groups[index].state = if dirsync { LIVE } else { GroupRecord::KEPT_OUT };
            self.dirty.groups = true;
        }
        let old = self.group_members(index)?;
        let gone = self.member_tids(&change.remove)?;
        let mut members: Vec<Tid> = old
            .iter()
            .copied()
            .filter(|tid| !gone.contains(tid))
            .collect();
        for tid in self.member_tids(&change.add)? {
            if !members.contains(&tid) {
                members.push(tid);
            }
        }
        if members != old {
            self.set_members(edit, index, &members)?;
        }
        let mut effects = Effects::default();
        let after = self.group_entry(index)?;
        self.tell_difference(before, after, &mut effects)?;
        self.note_kept_out(index, &mut effects)?;
        Ok(effects)
    }

    /// Removes a group; its members stay.
    ///
    /// # Errors
    /// There is no such group; the chain of its members is broken.
    pub fn remove_group(
        &mut self,
        edit: &mut Edit<'_>,
        address: &[u8],
    ) -> Result<Effects, PoError> {
        let index = self.find_group(address)?;
        let before = self.group_entry(index)?;
        let tid = Tid(self.groups[index].tid.get());
        self.set_members(edit, index, &[])?;
        edit.remove(&mem_path(tid))?;
        self.pol_remove(tid);
        self.groups[index].state = DELETED;
        self.dirty.groups = true;
        let mut effects = Effects::default();
        self.tell_difference(before, None, &mut effects)?;
        Ok(effects)
    }

    /// All groups in the order of GROUP.GLB.
    ///
    /// # Errors
    /// The chain of a group's members is broken.
    pub fn all_groups(&self) -> Result<Vec<ShownGroup>, PoError> {
        (0..self.groups.len())
            .filter(|&index| self.groups[index].is_live())
            .map(|index| self.shown_group(index))
            .collect()
    }

    /// Everything that is known about a group.
    ///
    /// # Errors
    /// There is no such group; the chain of its members is broken.
    pub fn show_group(&self, address: &[u8]) -> Result<ShownGroup, PoError> {
        self.shown_group(self.find_group(address)?)
    }

    fn shown_group(&self, index: usize) -> Result<ShownGroup, PoError> {
        let record = &self.groups[index];
        let members = self.group_members(index)?;
        Ok(ShownGroup {
            address: record.address.to_string_850(),
            name: record.alias.to_string_850(),
            tid: Tid(record.tid.get()),
            dirsync: record.takes_part(),
            told: self.group_entry(index)?.is_some(),
            members: members
                .into_iter()
                .map(|tid| self.shown_member(tid))
                .collect(),
        })
    }

    fn shown_member(&self, tid: Tid) -> ShownMember {
        let entry = self.pol_of_tid(tid);
        let user = self.user_of_tid(tid).and_then(|index| self.entry(index));
        let outside = || {
            let address = self.pol_address(entry?)?;
            let po = PoName::read(address.network.text(), address.postoffice.text()).ok()?;
            let mailbox = MailboxName::read(address.mailbox.text()).ok()?;
            Some(Address::pcm(po, mailbox))
        };
        ShownMember {
            name: entry.map_or_else(String::new, |entry| entry.alias.to_string_850()),
            local: user.is_some(),
            address: user
                .map(|user| user.address)
                .or_else(outside)
                .map_or_else(String::new, |address| address.to_string()),
        }
    }

    /// The names of the groups that an entry is a member of.
    pub(crate) fn groups_of(&self, tid: Tid) -> Vec<String> {
        self.live_groups_with(tid)
            .into_iter()
            .map(|index| self.groups[index].alias.to_string_850())
            .collect()
    }

    /// A group whose chain is broken counts as one without the member; changing it fails.
    fn live_groups_with(&self, tid: Tid) -> Vec<usize> {
        (0..self.groups.len())
            .filter(|&index| {
                self.groups[index].is_live()
                    && self
                        .group_members(index)
                        .is_ok_and(|members| members.contains(&tid))
            })
            .collect()
    }

    /// Takes an entry that goes out of all groups. The MEM files are written when the lists are
    /// saved.
    pub(crate) fn leave_groups(
        &mut self,
        edit: &mut Edit<'_>,
        tid: Tid,
    ) -> Result<Effects, PoError> {
        let mut effects = Effects::default();
        for index in self.live_groups_with(tid) {
            let before = self.group_entry(index)?;
            let mut members = self.group_members(index)?;
            members.retain(|&member| member != tid);
            self.set_members(edit, index, &members)?;
            let after = self.group_entry(index)?;
            self.tell_difference(before, after, &mut effects)?;
        }
        Ok(effects)
    }

    fn member_tids(&self, names: &[Vec<u8>]) -> Result<Vec<Tid>, PoError> {
        let mut tids = Vec::new();
        for name in names {
            let tid = self.member_tid(name)?;
            if !tids.contains(&tid) {
                tids.push(tid);
            }
        }
        Ok(tids)
    }

    /// Writes the members of a group everywhere they stand.
    fn set_members(
        &mut self,
        edit: &mut Edit<'_>,
        index: usize,
        members: &[Tid],
    ) -> Result<(), PoError> {
        let group = Tid(self.groups[index].tid.get());
        let old = self.group_members(index)?;
        let mut mailbags = Vec::new();
        for &tid in members {
            if let Some(user) = self.user_of_tid(tid) {
                mailbags.push(self.mailbag_of(user)?.0);
            }
        }
        let mem = build_mem(&mailbags).map_err(|error| ListError::Usage {
            why: format!(
                "group {}: {error}",
                self.groups[index].address.to_string_850()
            ),
            hint: "split the group",
        })?;
        // Everything that can fail for what was asked for comes before the first change.
        let joining: Vec<usize> = members
            .iter()
            .filter(|tid| !old.contains(tid))
            .filter_map(|&tid| self.user_of_tid(tid))
            .collect();
        for &user in &joining {
            self.note_membership(user, group)?;
        }
        for tid in old.iter().filter(|tid| !members.contains(tid)) {
            if let Some(user) = self.user_of_tid(*tid)
                && let Some(at) = self.grpmem_of(user)
            {
                self.grpmem[at].leave(group);
            }
        }
        let pointer = self
            .grp
            .replace(self.groups[index].pointer.get(), members)
            .map_err(|error| ListError::damaged("GRP/ADMIN.GRP", error))?;
        self.groups[index].pointer = U32::new(pointer);
        self.pol_point(group, pointer);
        self.dirty.groups = true;
        edit.write(&mem_path(group), mem)?;
        Ok(())
    }

    /// The index of a user's record in GRPMEM.GLB.
    fn grpmem_of(&self, user: usize) -> Option<usize> {
        let offset = self.access.get(user)?.grpmem.get();
        let at = GRPMEM
            .record_at(u64::from(offset))
            .and_then(|at| usize::try_from(at).ok())?;
        self.grpmem.get(at).filter(|record| record.is_live())?;
        Some(at)
    }

    /// Notes in GRPMEM.GLB that a user is in a group.
    fn note_membership(&mut self, user: usize, group: Tid) -> Result<(), PoError> {
        let at = match self.grpmem_of(user) {
            Some(at) => at,
            None => {
                let mut record = GrpMemRecord::zeroed();
                record.mailbag = U32::new(self.mailbag_of(user)?.0);
                record.status = U32::new(1);
                let free = self.grpmem.iter().position(|record| !record.is_live());
                let at = free.unwrap_or(self.grpmem.len());
                match self.grpmem.get_mut(at) {
                    Some(place) => *place = record,
                    None => self.grpmem.push(record),
                }
                let offset = GRPMEM
                    .record_offset(at as u64)
                    .and_then(|offset| u32::try_from(offset).ok())
                    .ok_or_else(|| ListError::damaged("GLB/GRPMEM.GLB", "it is too long"))?;
                self.access[user].grpmem = U32::new(offset);
                self.dirty.users = true;
                at
            }
        };
        if !self.grpmem[at].join(group) {
            return Err(ListError::Usage {
                why: format!(
                    "{} is in 30 groups already",
                    self.access2[user].mailbox.to_string_850()
                ),
                hint: "take the user out of another group first",
            }
            .into());
        }
        self.dirty.groups = true;
        Ok(())
    }

    /// The record of a user who goes is free for the next one.
    pub(crate) fn forget_memberships(&mut self, user: usize) {
        if let Some(at) = self.grpmem_of(user) {
            self.grpmem[at].status = U32::new(0);
            self.dirty.groups = true;
        }
        self.access[user].grpmem = U32::new(0);
    }

    /// Tells the directory server what became of a group.
    fn tell_difference(
        &mut self,
        before: Option<Entry>,
        after: Option<Entry>,
        effects: &mut Effects,
    ) -> Result<(), PoError> {
        let transaction = match (before, after) {
            (None, Some(entry)) => Transaction::add(entry.alias, entry.address),
            (Some(entry), None) => Transaction::Delete { entry },
            (Some(old), Some(new))
                if old.alias.text() != new.alias.text()
                    || old.address.to_bytes() != new.address.to_bytes() =>
            {
                Transaction::Modify {
                    old,
                    new: Some(new),
                    info: Vec::new(),
                    options: Vec::new(),
                }
            }
            _ => return Ok(()),
        };
        self.tell(Some(transaction), effects)
    }

    fn note_kept_out(&self, index: usize, effects: &mut Effects) -> Result<(), PoError> {
        if self.groups[index].takes_part() && self.group_entry(index)?.is_none() {
            effects.warnings.push(format!(
                "group {} has members from outside and is not told to the directory server",
                self.groups[index].address.to_string_850()
            ));
        }
        Ok(())
    }
}

/// Where the local members of a group stand.
fn mem_path(group: Tid) -> String {
    format!("MEM/{}.MEM", HexId(group.0))
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
