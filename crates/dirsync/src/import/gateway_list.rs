//! The list of a gateway with free-form addresses: `<TYPE>.NME` (names) and `<TYPE>.GLB`
//! (addresses).
//!
//! An address keeps its place in `<TYPE>.GLB` as long as anybody points to it, because entries of
//! the postoffice address list and of personal lists point there too; new addresses are put behind the
//! last one, an address nobody of the list and of ADMIN.NME points to is marked as deleted
//! (ASSIGNED: no article tells when its room is used again; it is not).

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::core::base::codepage::eq_ignore_case_850;
use crate::core::base::{Address, AddressType, FullName, Scope};
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::AddressCode;
use crate::core::format::gateway_list::{self, DELETED_STATE, GatewayList as Addresses};
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::protocol::guard::Removal;
use crate::postoffice::{Edit, stream};
use crate::tree::{TreeError, TreeView};

use super::error::ImportError;
use super::usr_list::{Finished, records_of, replace};
use super::working::{Working, address_hash};

/// Names and addresses above this many bytes are not read into memory.
const LIST_LEN_LIMIT: u64 = 256 << 20;
/// More deleted addresses than this and the file is written as a whole.
const PATCHES_MAX: usize = 4096;
const POL: &str = "NME/ADMIN.NME";

/// The list being changed.
#[derive(Debug)]
pub(crate) struct GatewayList {
    pub(crate) kind: AddressType,
    mailbag: u32,
    pub(crate) working: Working<NmeRecord>,
    /// `<TYPE>.GLB`, new addresses behind the old ones.
    addresses: Vec<u8>,
    /// Length of `<TYPE>.GLB` on disk; `None` when there is none.
    on_disk: Option<usize>,
}

/// Path of the names.
pub(crate) fn nme_path(kind: AddressType) -> String {
    format!("NME/{}.NME", kind.name())
}

/// Path of the addresses.
pub(crate) fn glb_path(kind: AddressType) -> String {
    format!("GLB/{}.GLB", kind.name())
}

fn read_limited(view: &TreeView, path: &str) -> Result<Option<Vec<u8>>, TreeError> {
    view.read(path, LIST_LEN_LIMIT)
}

/// The address at a byte offset; `None` when there is none.
fn address_at(addresses: &[u8], offset: u32) -> Option<&[u8]> {
    Addresses::new(addresses)
        .ok()?
        .at_offset(offset)
        .ok()
        .map(|entry| entry.address)
}

impl GatewayList {
    /// Reads the list; missing files are an empty list.
    pub(crate) fn open(
        view: &TreeView,
        kind: AddressType,
        mailbag: u32,
    ) -> Result<Self, ImportError> {
        let mut records = Vec::new();
        if let Some(file) = view.open_file(&nme_path(kind))? {
            if file.len() > LIST_LEN_LIMIT {
                return Err(ImportError::Tree(TreeError::TooLarge {
                    tree: view.describe(),
                    path: file.path().clone(),
                    len: file.len(),
                    limit: LIST_LEN_LIMIT,
                }));
            }
            stream::records::<NmeRecord>(&file, 0, u64::MAX, &mut |_, _, record| {
                records.push(record.clone());
                ControlFlow::Continue(())
            })?;
        }
        let addresses = read_limited(view, &glb_path(kind))?;
        let on_disk = addresses.as_ref().map(Vec::len);
        let mut addresses = addresses.unwrap_or_default();
        if addresses.len() < gateway_list::HEADER_LEN {
            addresses.resize(gateway_list::HEADER_LEN, 0);
        }
        Ok(Self {
            kind,
            mailbag,
            working: Working::new(records),
            addresses,
            on_disk,
        })
    }

    /// Whether an entry has this address, without regard to case.
    pub(crate) fn has_address(&self, record: &NmeRecord, address: &Address) -> bool {
        address_at(&self.addresses, record.pointer.get())
            .is_some_and(|known| eq_ignore_case_850(known, &address.physical_record()))
    }

    /// A new entry; its address is put behind the others.
    pub(crate) fn entry(
        &mut self,
        alias: &FullName,
        address: &Address,
        tid: u32,
    ) -> Result<NmeRecord, ImportError> {
        let too_long = || ImportError::TooLong {
            file: glb_path(self.kind),
        };
        let bytes = gateway_list::encode_entry(&address.physical_record()).map_err(|error| {
            ImportError::Damaged {
                file: glb_path(self.kind),
                error,
            }
        })?;
        let pointer = u32::try_from(self.addresses.len()).map_err(|_| too_long())?;
        self.addresses.extend_from_slice(&bytes);
        let mut record = NmeRecord::zeroed();
        record.kind = NmeKind::Gateway.code();
        record.address_type = self.kind.code();
        record.alias = alias.field();
        record.tid.set(tid);
        record.pointer.set(pointer);
        record.hexid.set(self.mailbag);
        Ok(record)
    }

    /// The list, as R names it.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            kind: self.kind,
            node: None,
        }
    }

    /// Puts the changed files into the commit.
    pub(crate) fn finish(self, edit: &mut Edit<'_>) -> Result<Finished, ImportError> {
        let Self {
            kind,
            working,
            mut addresses,
            on_disk,
            ..
        } = self;
        let old_len = working.base().len() as u64;
        let was_there = on_disk.unwrap_or(0);
        let before: BTreeSet<u32> = working.base().iter().map(|r| r.pointer.get()).collect();
        let done = {
            let addresses = &addresses;
            working.finish(|record| {
                address_at(addresses, record.pointer.get()).map_or(0, address_hash)
            })
        };
        let Some((records, removal)) = done else {
            return Ok(Finished {
                removal: Removal {
                    removed: 0,
                    list_len: old_len,
                },
                entries: old_len,
                changed: false,
            });
        };
        let mut used: BTreeSet<u32> = records.iter().map(|r| r.pointer.get()).collect();
        used.extend(pol_pointers(edit.view(), kind)?);
        let unused: Vec<u32> = before.difference(&used).copied().collect();
        let mut states = Vec::new();
        for pointer in unused {
            let at = pointer as usize;
            if address_at(&addresses, pointer).is_some() && addresses[at] != DELETED_STATE {
                addresses[at] = DELETED_STATE;
                if at < was_there {
                    states.push(u64::from(pointer));
                }
            }
        }
        let path = glb_path(kind);
        if was_there < gateway_list::HEADER_LEN || states.len() > PATCHES_MAX {
            replace(edit, &path, addresses.into())?;
        } else {
            let target = edit.view().path(&path)?;
            let len = was_there as u64;
            for offset in states {
                edit.plan_mut()
                    .patch(target.clone(), len, offset, vec![DELETED_STATE])?;
            }
            if addresses.len() > was_there {
                edit.plan_mut()
                    .append(target, len, addresses.split_off(was_there))?;
            }
        }
        let entries = records.len() as u64;
        let changed = replace(edit, &nme_path(kind), records_of(records))?;
        Ok(Finished {
            removal,
            entries,
            changed,
        })
    }
}

/// Where entries of the postoffice address list point to in this gateway's addresses.
fn pol_pointers(view: &TreeView, kind: AddressType) -> Result<Vec<u32>, ImportError> {
    let mut pointers = Vec::new();
    if let Some(file) = view.open_file(POL)? {
        stream::records::<NmeRecord>(&file, 0, u64::MAX, &mut |_, _, record| {
            if record.nme_kind() == Some(NmeKind::Gateway)
                && record.address_code() == AddressCode::from_code(kind.code())
            {
                pointers.push(record.pointer.get());
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(pointers)
}
