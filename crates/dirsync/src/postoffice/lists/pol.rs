//! ADMIN.NME and its shadow: the postoffice address list. Sorted by name, every name once (Notice 58,
//! Q112881); external entries have their address in NETPO.GLB.

use zerocopy::little_endian::U32;

use crate::core::base::Tid;
use crate::core::base::address::{FullName, MailboxName, PoName};
use crate::core::format::codes::AddressCode;
use crate::core::format::netpo::{self, NETPO, NetPoRecord};
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::record::LIVE;
use crate::core::format::{FileView, FixedRecord as _};

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};
use super::personal::Personal;
use super::{Lists, NETPO_GLB};

/// An entry of the postoffice address list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolEntry {
    /// What it is.
    pub kind: Option<NmeKind>,
    /// Its name.
    pub alias: String,
    /// Its tuple id.
    pub tid: Tid,
}

impl Lists {
    /// The entry with this name, without regard to case.
    pub(crate) fn pol_find(&self, alias: &[u8]) -> Option<&NmeRecord> {
        self.pol.find(alias).map(|at| self.pol.get(at))
    }

    /// The entry with this tuple id; looks at all of them.
    pub(crate) fn pol_of_tid(&self, tid: Tid) -> Option<&NmeRecord> {
        self.pol.find_tid(tid).map(|at| self.pol.get(at))
    }

    /// The external and gateway entries whose names may equal `alias`.
    pub(crate) fn pol_alike<'a>(&'a self, alias: &'a [u8]) -> impl Iterator<Item = &'a NmeRecord> {
        self.pol.alike(alias).map(|(_, entry)| entry)
    }

    /// Refuses a name that another entry has.
    pub(crate) fn pol_check_new(
        &self,
        alias: &FullName,
        except: Option<Tid>,
    ) -> Result<(), PoError> {
        match self.pol_find(alias.text()) {
            Some(entry) if Some(Tid(entry.tid.get())) != except => {
                Err(ListError::notice(notice::DUPLICATE_ALIAS, alias.text()).into())
            }
            _ => Ok(()),
        }
    }

    /// Puts an entry where its name belongs.
    pub(crate) fn pol_insert(&mut self, entry: NmeRecord) {
        self.pol.insert(entry);
        self.dirty.pol = true;
    }

    /// Takes the entry of a tuple id out; `None` when there is none.
    pub(crate) fn pol_remove(&mut self, tid: Tid) -> Option<NmeRecord> {
        let at = self.pol.find_tid(tid)?;
        self.dirty.pol = true;
        Some(self.pol.remove(at))
    }

    /// Takes this entry out; `None` when it is not there any more.
    fn pol_take(&mut self, entry: &NmeRecord) -> Option<NmeRecord> {
        let at = self
            .pol
            .find_exactly(entry.alias.text(), Tid(entry.tid.get()))?;
        self.dirty.pol = true;
        Some(self.pol.remove(at))
    }

    /// Gives the entry of a tuple id another pointer.
    pub(crate) fn pol_point(&mut self, tid: Tid, pointer: u32) {
        if let Some(at) = self.pol.find_tid(tid)
            && self.pol.get(at).pointer.get() != pointer
        {
            self.pol.get_mut(at).pointer = U32::new(pointer);
            self.dirty.pol = true;
        }
    }

    /// Entries of the postoffice address list, by name.
    pub fn pol(&self) -> impl Iterator<Item = PolEntry> + '_ {
        self.pol.iter().map(|entry| PolEntry {
            kind: entry.nme_kind(),
            alias: entry.alias.to_string_850(),
            tid: Tid(entry.tid.get()),
        })
    }

    /// The address of an external entry.
    pub(crate) fn pol_address(&self, entry: &NmeRecord) -> Option<&NetPoRecord> {
        if entry.nme_kind() != Some(NmeKind::External) {
            return None;
        }
        let layout = netpo_index(entry.pointer.get())?;
        self.netpo.get(layout).filter(|record| record.is_live())
    }

    /// Adds an address of another postoffice (Address, Create). `mailbag` is the outbound mailbag
    /// of that postoffice here.
    ///
    /// # Errors
    /// Notice 58; the chain of deleted NETPO records is broken; no tuple id.
    pub fn add_external(
        &mut self,
        edit: &mut Edit<'_>,
        alias: &FullName,
        po: &PoName,
        mailbox: &MailboxName,
        mailbag: crate::core::base::HexId,
    ) -> Result<NmeRecord, PoError> {
        self.pol_check_new(alias, None)?;
        let view = FileView {
            header: &self.netpo_header,
            records: &self.netpo,
            trailing: &[],
        };
        let slot =
            netpo::slot_for_new(&view).map_err(|error| ListError::damaged(NETPO_GLB, error))?;
        let (offset, deleted_after) = (slot.offset, slot.deleted_after);
        let tid = edit.tid()?;
        let mut record = NetPoRecord::zeroed();
        record.network = po.network_field();
        record.postoffice = po.postoffice_field();
        record.mailbox = mailbox.field();
        record.mailbag = U32::new(mailbag.0);
        record.state = LIVE;
        record.address_type = AddressCode::Pcm.code();
        let index = netpo_index(offset).unwrap_or(self.netpo.len());
        if index < self.netpo.len() {
            self.netpo[index] = record;
        } else {
            self.netpo.push(record);
        }
        self.netpo_header.deleted = U32::new(deleted_after);
        self.dirty.netpo = true;
        let mut entry = NmeRecord::zeroed();
        entry.kind = NmeKind::External.code();
        entry.address_type = AddressCode::Pcm.code();
        entry.alias = alias.field();
        entry.tid = U32::new(tid.0);
        entry.pointer = U32::new(offset);
        entry.hexid = U32::new(mailbag.0);
        self.pol_insert(entry.clone());
        Ok(entry)
    }

    /// The external entries whose address lies in this postoffice.
    pub(crate) fn externals_of(&self, po: &PoName) -> Vec<NmeRecord> {
        self.pol
            .iter()
            .filter(|entry| {
                self.pol_address(entry).is_some_and(|address| {
                    address.network.eq_ignore_case(po.network())
                        && address.postoffice.eq_ignore_case(po.postoffice())
                })
            })
            .cloned()
            .collect()
    }

    /// Takes an external entry out of the list and of all groups; its NETPO record goes on the chain
    /// of deleted ones (Q110100), unless a personal list names it, too.
    pub(crate) fn remove_external(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &NmeRecord,
    ) -> Result<super::Effects, PoError> {
        let effects = self.leave_groups(edit, Tid(entry.tid.get()))?;
        let personal = match self.personal.take() {
            Some(personal) => personal,
            None => Personal::read(edit.view())?,
        };
        let personal = self.personal.insert(personal);
        let shared = personal.names(entry.pointer.get());
        if let Some(entry) = self.pol_take(entry)
            && !shared
            && let Some(index) = netpo_index(entry.pointer.get())
            && let Some(record) = self.netpo.get_mut(index)
            && record.is_live()
        {
            netpo::delete(record, self.netpo_header.deleted.get());
            self.netpo_header.deleted = entry.pointer;
            self.dirty.netpo = true;
        }
        Ok(effects)
    }

    /// All entries, by name.
    pub(crate) fn pol_entries(&self) -> impl Iterator<Item = &NmeRecord> {
        self.pol.iter()
    }

    /// Takes an entry of a gateway's list out of the list and of all groups; the address stays
    /// where the gateway's list keeps it.
    pub(crate) fn remove_gateway_entry(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &NmeRecord,
    ) -> Result<super::Effects, PoError> {
        let effects = self.leave_groups(edit, Tid(entry.tid.get()))?;
        self.pol_take(entry);
        Ok(effects)
    }

    /// Adds an entry of a gateway's list; `pointer` is where its address stands in the gateway's
    /// file, `mailbag` the gateway's.
    ///
    /// # Errors
    /// Notice 58; no tuple id.
    pub(crate) fn add_gateway_entry(
        &mut self,
        edit: &mut Edit<'_>,
        alias: &FullName,
        code: AddressCode,
        pointer: u32,
        mailbag: crate::core::base::HexId,
    ) -> Result<Tid, PoError> {
        self.pol_check_new(alias, None)?;
        let tid = edit.tid()?;
        let mut entry = NmeRecord::zeroed();
        entry.kind = NmeKind::Gateway.code();
        entry.address_type = code.code();
        entry.alias = alias.field();
        entry.tid = U32::new(tid.0);
        entry.pointer = U32::new(pointer);
        entry.hexid = U32::new(mailbag.0);
        self.pol_insert(entry);
        Ok(tid)
    }

    /// Changes an external or gateway entry, which keeps its tuple id and so its place in groups.
    /// `change` gets the entry and the NETPO record of an external one.
    pub(crate) fn pol_change(
        &mut self,
        entry: &NmeRecord,
        change: impl FnOnce(&mut NmeRecord, Option<&mut NetPoRecord>),
    ) {
        let Some(mut entry) = self.pol_take(entry) else {
            return;
        };
        let address = if entry.nme_kind() == Some(NmeKind::External) {
            netpo_index(entry.pointer.get())
                .and_then(|index| self.netpo.get_mut(index))
                .filter(|record| record.is_live())
        } else {
            None
        };
        self.dirty.netpo |= address.is_some();
        change(&mut entry, address);
        self.pol_insert(entry);
    }
}

/// The index of the NETPO record at a byte offset.
fn netpo_index(offset: u32) -> Option<usize> {
    NETPO
        .record_at(u64::from(offset))
        .and_then(|index| usize::try_from(index).ok())
}
