//! Copies of list entries in the postoffice address list: D and M of a transaction change them too
//! (DEC-080), A and R never do (Q107767: a copy is a snapshot).
//!
//! The lists of the postoffice are opened only when a transaction names an alias that the address
//! list has as an external or gateway entry.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::core::base::codepage::{eq_ignore_case_850, upper_850};
use crate::core::base::{Address, Entry, HexId, Scope, UnixTime};
use crate::core::format::codes::AddressCode;
use crate::core::format::gateway_list::{HEADER_LEN, MAX_ADDRESS_LEN, RECORD_HEAD_LEN};
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::postoffice::lists::Lists;
use crate::postoffice::{Edit, stream};
use crate::tree::TreeView;

use super::error::ImportError;
use super::gateway_list::glb_path;

const POL: &str = "NME/ADMIN.NME";

/// The copies.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// Folded aliases of all external and gateway entries; `None` until the first question.
    aliases: Option<BTreeSet<Vec<u8>>>,
    lists: Option<Lists>,
    /// Copies of a list that is replaced together with them, as long as they did not come again.
    stale: BTreeMap<u32, NmeRecord>,
    /// Local users were changed.
    local: bool,
    /// Copies that were changed or taken out.
    pub(crate) changed: u64,
}

fn folded(alias: &[u8]) -> Vec<u8> {
    alias.iter().map(|&byte| upper_850(byte)).collect()
}

/// What becomes of a copy.
pub(crate) struct Change<'a> {
    /// The entry as it shall be.
    pub(crate) new: &'a Entry,
    /// For a gateway: where the new address stands.
    pub(crate) pointer: Option<u32>,
    /// The mailbag where mail to the new address is put.
    pub(crate) mailbag: HexId,
}

/// How a copy was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    /// There is no copy.
    None,
    /// As wanted.
    Done,
    /// All but the alias, which another entry of the address list has.
    AliasTaken,
}

impl Copies {
    fn may_have(&mut self, view: &TreeView, alias: &[u8]) -> Result<bool, ImportError> {
        if self.lists.is_some() {
            // The lists themselves are asked, and they know what this run changed.
            self.aliases = None;
            return Ok(true);
        }
        if self.aliases.is_none() {
            let mut aliases = BTreeSet::new();
            if let Some(file) = view.open_file(POL)? {
                stream::records::<NmeRecord>(&file, 0, u64::MAX, &mut |_, _, record| {
                    if matches!(
                        record.nme_kind(),
                        Some(NmeKind::External | NmeKind::Gateway)
                    ) {
                        aliases.insert(folded(record.alias.text()));
                    }
                    ControlFlow::Continue(())
                })?;
            }
            self.aliases = Some(aliases);
        }
        Ok(self
            .aliases
            .as_ref()
            .is_some_and(|aliases| aliases.contains(&folded(alias))))
    }

    fn find(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        now: UnixTime,
    ) -> Result<Option<NmeRecord>, ImportError> {
        if !self.may_have(edit.view(), entry.alias.text())? {
            return Ok(None);
        }
        if self.lists.is_none() {
            self.lists = Some(Lists::open(edit, now)?);
        }
        let Some(lists) = &self.lists else {
            return Ok(None);
        };
        for record in lists.pol_alike(entry.alias.text()) {
            if !record.alias.eq_ignore_case(entry.alias.text()) {
                continue;
            }
            let same = match record.nme_kind() {
                Some(NmeKind::External) => lists.pol_address(record).is_some_and(|address| {
                    entry
                        .address
                        .po()
                        .zip(entry.address.mailbox())
                        .is_some_and(|(po, mailbox)| {
                            class(address.address_type) == entry.address.kind().code()
                                && address.is_address(po.network(), po.postoffice(), mailbox.text())
                        })
                }),
                Some(NmeKind::Gateway) => {
                    record.address_type == entry.address.kind().code()
                        && gateway_address(edit.view(), &entry.address, record.pointer.get())?
                }
                _ => false,
            };
            if same {
                return Ok(Some(record.clone()));
            }
        }
        Ok(None)
    }

    fn open(&mut self, edit: &mut Edit<'_>, now: UnixTime) -> Result<&mut Lists, ImportError> {
        let lists = match self.lists.take() {
            Some(lists) => lists,
            None => Lists::open(edit, now)?,
        };
        Ok(self.lists.insert(lists))
    }

    /// The lists of the postoffice, for changes of local users.
    pub(crate) fn local(
        &mut self,
        edit: &mut Edit<'_>,
        now: UnixTime,
    ) -> Result<&mut Lists, ImportError> {
        self.local = true;
        self.open(edit, now)
    }

    /// Puts an entry into the postoffice address list (`--add-to-pol`).
    pub(crate) fn add(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        copy: &NewCopy,
        now: UnixTime,
    ) -> Result<Copied, ImportError> {
        if let Some(known) = self.find(edit, entry, now)? {
            self.stale.remove(&known.tid.get());
            return Ok(Copied::There);
        }
        self.open(edit, now)?;
        let (Some(lists), stale) = (&mut self.lists, &mut self.stale) else {
            return Ok(Copied::AliasTaken);
        };
        let holder = lists
            .pol_find(entry.alias.text())
            .map(|holder| holder.tid.get());
        if let Some(holder) = holder {
            match stale.remove(&holder) {
                Some(old) => remove(edit, lists, &old)?,
                None => return Ok(Copied::AliasTaken),
            }
        }
        let code = copy.code.code();
        match (entry.address.po(), entry.address.mailbox(), copy.pointer) {
            (Some(po), Some(mailbox), _) => {
                let new = lists.add_external(edit, &entry.alias, &po, &mailbox, copy.mailbag)?;
                if copy.code != AddressCode::Pcm {
                    lists.pol_change(&new, |record, address| {
                        record.address_type = code;
                        if let Some(address) = address {
                            address.address_type = code;
                        }
                    });
                }
            }
            (_, _, Some(pointer)) => {
                lists.add_gateway_entry(edit, &entry.alias, copy.code, pointer, copy.mailbag)?;
            }
            _ => return Ok(Copied::AliasTaken),
        }
        self.changed += 1;
        Ok(Copied::New)
    }

    /// The copies of a list that is replaced: those that do not come again go at the end.
    pub(crate) fn replace(
        &mut self,
        edit: &mut Edit<'_>,
        scope: Scope,
        now: UnixTime,
    ) -> Result<(), ImportError> {
        let lists = self.open(edit, now)?;
        let mut found = Vec::new();
        for record in lists.pol_entries() {
            let fits = match (record.nme_kind(), scope.node) {
                (Some(NmeKind::External), Some(node)) => {
                    lists.pol_address(record).is_some_and(|address| {
                        class(address.address_type) == scope.kind.code()
                            && address.network.eq_ignore_case(node.network())
                            && address.postoffice.eq_ignore_case(node.postoffice())
                    })
                }
                (Some(NmeKind::Gateway), None) => record.address_type == scope.kind.code(),
                _ => false,
            };
            if fits {
                found.push((record.tid.get(), record.clone()));
            }
        }
        self.stale.extend(found);
        Ok(())
    }

    /// Takes out the copies that did not come again.
    pub(crate) fn remove_stale(&mut self, edit: &mut Edit<'_>) -> Result<(), ImportError> {
        let stale = std::mem::take(&mut self.stale);
        if let Some(lists) = &mut self.lists {
            self.changed += stale.len() as u64;
            for entry in stale.values() {
                remove(edit, lists, entry)?;
            }
        }
        Ok(())
    }

    /// Takes the copy of an entry out; whether there was one.
    pub(crate) fn delete(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        now: UnixTime,
    ) -> Result<bool, ImportError> {
        let Some(known) = self.find(edit, entry, now)? else {
            return Ok(false);
        };
        if let Some(lists) = &mut self.lists {
            remove(edit, lists, &known)?;
            self.changed += 1;
        }
        Ok(true)
    }

    /// Changes the copy of an entry.
    pub(crate) fn modify(
        &mut self,
        edit: &mut Edit<'_>,
        old: &Entry,
        change: &Change<'_>,
        now: UnixTime,
    ) -> Result<Changed, ImportError> {
        let Some(known) = self.find(edit, old, now)? else {
            return Ok(Changed::None);
        };
        let Some(lists) = &mut self.lists else {
            return Ok(Changed::None);
        };
        let new = change.new;
        let taken = lists
            .pol_find(new.alias.text())
            .is_some_and(|holder| holder.tid != known.tid);
        lists.pol_change(&known, |record, address| {
            if !taken {
                record.alias = new.alias.field();
            }
            record.hexid.set(change.mailbag.0);
            if let Some(pointer) = change.pointer {
                record.pointer.set(pointer);
            }
            if let (Some(address), Some(po), Some(mailbox)) =
                (address, new.address.po(), new.address.mailbox())
            {
                address.network = po.network_field();
                address.postoffice = po.postoffice_field();
                address.mailbox = mailbox.field();
                address.mailbag.set(change.mailbag.0);
            }
        });
        if let Some(aliases) = &mut self.aliases {
            aliases.insert(folded(new.alias.text()));
        }
        self.changed += 1;
        Ok(if taken {
            Changed::AliasTaken
        } else {
            Changed::Done
        })
    }

    /// Puts the changed lists into the commit.
    pub(crate) fn save(self, edit: &mut Edit<'_>) -> Result<(), ImportError> {
        if let (Some(lists), true) = (self.lists, self.changed > 0 || self.local) {
            lists.save(edit)?;
        }
        Ok(())
    }
}

/// An entry for the postoffice address list.
pub(crate) struct NewCopy {
    /// Kind of its address.
    pub(crate) code: AddressCode,
    /// The mailbag where mail to it is put.
    pub(crate) mailbag: HexId,
    /// For a gateway: where the address stands.
    pub(crate) pointer: Option<u32>,
}

/// What became of an entry for the postoffice address list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copied {
    /// It is there now.
    New,
    /// It was there.
    There,
    /// Another entry has its alias.
    AliasTaken,
}

fn remove(edit: &mut Edit<'_>, lists: &mut Lists, entry: &NmeRecord) -> Result<(), ImportError> {
    match entry.nme_kind() {
        Some(NmeKind::External) => lists.remove_external(edit, entry)?,
        _ => lists.remove_gateway_entry(edit, entry)?,
    };
    Ok(())
}

/// CSI counts as PCM.
fn class(code: u8) -> u8 {
    if code == 1 { 0 } else { code }
}

/// Whether the address at a byte offset of the gateway's file is `address`.
fn gateway_address(view: &TreeView, address: &Address, pointer: u32) -> Result<bool, ImportError> {
    let Some(file) = view.open_file(&glb_path(address.kind()))? else {
        return Ok(false);
    };
    if (pointer as usize) < HEADER_LEN {
        return Ok(false);
    }
    let mut buf = vec![0; RECORD_HEAD_LEN + MAX_ADDRESS_LEN];
    let n = file.read_at(&mut buf, u64::from(pointer))?;
    let (Some([_, _, low, high]), rest) = (buf.get(..RECORD_HEAD_LEN.min(n)), RECORD_HEAD_LEN)
    else {
        return Ok(false);
    };
    let len = usize::from(u16::from_le_bytes([*low, *high]));
    Ok(buf
        .get(rest..rest + len)
        .filter(|_| rest + len <= n)
        .is_some_and(|known| eq_ignore_case_850(known, &address.physical_record())))
}
