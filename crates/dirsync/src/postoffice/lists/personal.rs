//! What personal address lists (`NME/<mailbag>.NME`) point to.
//!
//! A personal list keeps the addresses of its external entries in NETPO.GLB as the postoffice address
//! list does (Q107767, Q175694). A personal list that is a copy of the postoffice's, which is the
//! published cure for a damaged one (Q112904, Q99419), shares its records. A record that is put on
//! the chain of deleted ones serves the next new address: the personal entry would then lead to
//! somebody else. So a record that a personal list names stays.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::core::base::ident::id_of_file_name;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::postoffice::stream;
use crate::tree::disk::EntryName;
use crate::tree::{TreeError, TreeView};

/// The records of NETPO.GLB that personal lists name.
#[derive(Debug, Default)]
pub(super) struct Personal {
    offsets: BTreeSet<u32>,
    /// A list could not be read: it may name any record.
    unread: bool,
}

impl Personal {
    /// Reads the personal lists as they are committed.
    ///
    /// # Errors
    /// The directory cannot be listed. A list that cannot be read is none.
    pub(super) fn read(view: &TreeView) -> Result<Self, TreeError> {
        let mut found = Self::default();
        let mut lists = Vec::new();
        view.list_on_disk(&view.path("NME")?, &mut |entry| {
            if let EntryName::Plain(name) = entry.name
                && is_personal(&name)
            {
                lists.push(format!("NME/{name}"));
            }
            ControlFlow::Continue(())
        })?;
        for list in lists {
            found.unread |= found.add(view, &list).is_err();
        }
        Ok(found)
    }

    fn add(&mut self, view: &TreeView, list: &str) -> Result<(), TreeError> {
        let Some(file) = view.open_file(list)? else {
            return Ok(());
        };
        stream::records::<NmeRecord>(&file, 0, u64::MAX, &mut |_, _, entry| {
            if entry.nme_kind() == Some(NmeKind::External) {
                self.offsets.insert(entry.pointer.get());
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// Whether a personal list names, or may name, the record at this byte offset.
    pub(super) fn names(&self, offset: u32) -> bool {
        self.unread || self.offsets.contains(&offset)
    }
}

/// Whether a file of `NME` is a personal list: named by a mailbag number.
fn is_personal(name: &str) -> bool {
    id_of_file_name(name).is_some()
        && name
            .rsplit_once('.')
            .is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("NME"))
}
