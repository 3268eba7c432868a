//! ADMIN.NME and its shadow: the postoffice address list. Sorted by name, every name once (Notice 58,
//! Q112881); external entries have their address in NETPO.GLB.

use zerocopy::little_endian::U32;

use crate::core::base::Tid;
use crate::core::base::address::{FullName, MailboxName, PoName};
use crate::core::base::collate::compare;
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::AddressCode;
use crate::core::format::netpo::{self, NETPO, NetPoRecord};
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::record::LIVE;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};
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
    /// The index of the entry with this name, without regard to case.
    pub(crate) fn pol_find(&self, alias: &[u8]) -> Option<usize> {
        self.pol
            .iter()
            .position(|entry| entry.alias.eq_ignore_case(alias))
    }

    pub(crate) fn pol_of_tid(&self, tid: Tid) -> Option<usize> {
        self.pol.iter().position(|entry| entry.tid.get() == tid.0)
    }

    /// Refuses a name that another entry has.
    pub(crate) fn pol_check_new(
        &self,
        alias: &FullName,
        except: Option<Tid>,
    ) -> Result<(), PoError> {
        match self.pol_find(alias.text()) {
            Some(at) if Some(Tid(self.pol[at].tid.get())) != except => {
                Err(ListError::notice(notice::DUPLICATE_ALIAS, alias.text()).into())
            }
            _ => Ok(()),
        }
    }

    /// Puts an entry where its name belongs.
    pub(crate) fn pol_insert(&mut self, entry: NmeRecord) {
        let at = self
            .pol
            .partition_point(|known| compare(known.alias.text(), entry.alias.text()).is_le());
        self.pol.insert(at, entry);
        self.dirty.pol = true;
    }

    /// Takes the entry of a tuple id out; `None` when there is none.
    pub(crate) fn pol_remove(&mut self, tid: Tid) -> Option<NmeRecord> {
        let at = self.pol_of_tid(tid)?;
        self.dirty.pol = true;
        Some(self.pol.remove(at))
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
    ) -> Result<Tid, PoError> {
        self.pol_check_new(alias, None)?;
        let end = NETPO
            .record_offset(self.netpo.len() as u64)
            .and_then(|offset| u32::try_from(offset).ok());
        // Nothing is deleted: the new record stands at the end, however long the file is.
        let (offset, deleted_after) = match end {
            Some(end) if self.netpo_header.deleted.get() == 0 => (end, 0),
            _ => {
                let bytes = NETPO.build(&self.netpo_header, &self.netpo);
                NETPO
                    .view(&bytes)
                    .and_then(|view| netpo::slot_for_new(&view))
                    .map(|slot| (slot.offset, slot.deleted_after))
                    .map_err(|error| ListError::damaged(NETPO_GLB, error))?
            }
        };
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
        self.pol_insert(entry);
        Ok(tid)
    }

    /// The external entries whose address lies in this postoffice.
    pub(crate) fn externals_of(&self, po: &PoName) -> Vec<Tid> {
        self.pol
            .iter()
            .filter(|entry| {
                self.pol_address(entry).is_some_and(|address| {
                    address.network.eq_ignore_case(po.network())
                        && address.postoffice.eq_ignore_case(po.postoffice())
                })
            })
            .map(|entry| Tid(entry.tid.get()))
            .collect()
    }

    /// Takes an external entry out of the list and of all groups; its NETPO record goes on the chain
    /// of deleted ones (Q110100).
    pub(crate) fn remove_external(
        &mut self,
        edit: &mut Edit<'_>,
        tid: Tid,
    ) -> Result<super::Effects, PoError> {
        let effects = self.leave_groups(edit, tid)?;
        if let Some(entry) = self.pol_remove(tid)
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
    pub(crate) fn pol_entries(&self) -> &[NmeRecord] {
        &self.pol
    }

    /// Takes an entry of a gateway's list out of the list and of all groups; the address stays
    /// where the gateway's list keeps it.
    pub(crate) fn remove_gateway_entry(
        &mut self,
        edit: &mut Edit<'_>,
        tid: Tid,
    ) -> Result<super::Effects, PoError> {
        let effects = self.leave_groups(edit, tid)?;
        self.pol_remove(tid);
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
        tid: Tid,
        change: impl FnOnce(&mut NmeRecord, Option<&mut NetPoRecord>),
    ) {
        let Some(mut entry) = self.pol_remove(tid) else {
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
