//! Who of a postoffice takes part in directory synchronization, as A transactions: what an Export
//! puts into REQTRANS and an import reply of a server into its first list.

use crate::core::base::transaction::Transaction;
use crate::core::format::record::LIVE;

use super::super::error::PoError;
use super::Lists;

impl Lists {
    /// Calls `each` with the A of every user and group that takes part, in the order of their
    /// records. Entries whose name or address cannot be read are passed over.
    ///
    /// # Errors
    /// A group is damaged, or what `each` fails with.
    pub fn each_member<E: From<PoError>>(
        &self,
        each: &mut dyn FnMut(&Transaction) -> Result<(), E>,
    ) -> Result<(), E> {
        for index in 0..self.access.len() {
            let takes_part = self.access[index].state == LIVE && self.access[index].dirsync == 1;
            if takes_part && let Some(transaction) = self.addition(index) {
                each(&transaction)?;
            }
        }
        for index in 0..self.groups.len() {
            if let Some(entry) = self.group_entry(index)? {
                each(&Transaction::add(entry.alias, entry.address))?;
            }
        }
        Ok(())
    }
}
