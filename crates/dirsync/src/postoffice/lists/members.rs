//! Who of a postoffice takes part in directory synchronization, as A transactions: what an Export
//! puts into REQTRANS and an import reply of a server into its first list.

use std::collections::BTreeSet;

use crate::core::base::address::{FullName, MailboxName};
use crate::core::base::transaction::{TemplateLine, Transaction};
use crate::core::format::nme::NmeKind;
use crate::core::format::record::LIVE;

use super::super::error::PoError;
use super::Lists;

impl Lists {
    /// Calls `each` with the A of every user and group that takes part, in the order of their
    /// records. Entries whose name or address cannot be read, damaged groups, and groups that
    /// GROUP.GLB and ADMIN.NME do not agree on (Q122689) are passed over and named to `missed`.
    ///
    /// # Errors
    /// A disk error, or what `each` fails with.
    pub fn each_member<E: From<PoError>>(
        &self,
        each: &mut dyn FnMut(&Transaction) -> Result<(), E>,
        missed: &mut dyn FnMut(String),
    ) -> Result<(), E> {
        for (index, access) in self.access.iter().enumerate() {
            if access.state != LIVE || access.dirsync != 1 {
                continue;
            }
            match self.addition(index) {
                Some(transaction) => each(&transaction)?,
                None => missed(self.access2[index].full_name.to_string_850()),
            }
        }
        let known: BTreeSet<u32> = self
            .pol
            .iter()
            .filter(|entry| entry.nme_kind() == Some(NmeKind::Group))
            .map(|entry| entry.tid.get())
            .collect();
        let mut told = BTreeSet::new();
        for (index, group) in self.groups.iter().enumerate() {
            told.insert(group.tid.get());
            if !group.takes_part() {
                continue;
            }
            let name = || group.alias.to_string_850();
            let nameless = FullName::new(group.alias.text()).is_err()
                || MailboxName::read(group.address.text()).is_err();
            if nameless || !known.contains(&group.tid.get()) {
                missed(name());
                continue;
            }
            match self.group_entry(index) {
                Ok(Some(entry)) => each(&Transaction::add(entry.alias, entry.address))?,
                // Kept out on purpose: a member is not local.
                Ok(None) => {}
                Err(PoError::Tree(error)) => return Err(PoError::Tree(error).into()),
                Err(_) => missed(name()),
            }
        }
        // The address list has the group, GROUP.GLB has no address for it (Q128872).
        for entry in self.pol.iter() {
            if entry.nme_kind() == Some(NmeKind::Group) && !told.contains(&entry.tid.get()) {
                missed(entry.alias.to_string_850());
            }
        }
        Ok(())
    }

    /// The lines of the own template for a T transaction; empty without a template.
    #[must_use]
    pub fn template_lines(&self) -> Vec<TemplateLine> {
        self.templates.lines()
    }
}
