//! Local recipients: the system mailbag, users, groups. Read once per pass, and only when asked for.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::core::base::address::MailboxName;
use crate::core::base::codepage::upper_850;
use crate::core::base::ident::HexId;
use crate::core::format::access::{Access2Record, AccessRecord};
use crate::core::format::group::{GroupRecord, MAX_LOCAL_MEMBERS, MemEntry};
use crate::core::format::record::LIVE;
use crate::postoffice::stream::{open_strict, records};
use crate::tree::{TreeError, TreeView};

/// Local users that are read.
const USERS_LIMIT: u64 = 2_000_000;
/// Groups that are read.
const GROUPS_LIMIT: u64 = 1_000_000;

/// Who a local mailbox name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// `$SYSTEM`.
    System,
    /// `*SPECIAL`, which is not acted upon (DEC-122).
    Special,
    /// A user.
    User {
        /// The mailbag.
        mailbag: HexId,
    },
    /// A group: its local members, mailbag and name of each (Q87396). Members elsewhere get nothing
    /// (R-TRN-015).
    Group(Vec<(HexId, Vec<u8>)>),
    /// A group whose MEM file is gone: `[007]`.
    GroupGone,
    /// Nobody: `[002]`.
    Unknown,
}

#[derive(Debug, Default)]
struct Users {
    by_name: HashMap<Vec<u8>, (HexId, Vec<u8>)>,
    by_mailbag: HashMap<HexId, Vec<u8>>,
}

/// The local address lists of one postoffice.
#[derive(Debug)]
pub struct Local<'v> {
    view: &'v TreeView,
    users: Option<Users>,
    groups: Option<HashMap<Vec<u8>, u32>>,
    of_exchange: Option<bool>,
}

/// Whether a mailbox is `SYSTEM` and a number: an agent that is a requestor (Q150828).
pub(crate) fn is_numbered_system(mailbox: &MailboxName) -> bool {
    let name = mailbox.text();
    let head = name.get(..6).unwrap_or_default();
    let digits = name.get(6..).unwrap_or_default();
    head.eq_ignore_ascii_case(b"SYSTEM")
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
}

fn folded(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&byte| upper_850(byte)).collect()
}

impl<'v> Local<'v> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(view: &'v TreeView) -> Self {
        Self {
            view,
            users: None,
            groups: None,
            of_exchange: None,
        }
    }

    /// Whether mail for `SYSTEMn` is the agent's: in the agent's own box, and in a shadow
    /// postoffice, which is known by its serial number (Q151228).
    fn is_of_exchange(&mut self) -> Result<bool, TreeError> {
        if let Some(known) = self.of_exchange {
            return Ok(known);
        }
        let found = crate::exchange::is_agent(self.view) || crate::exchange::is_shadow(self.view)?;
        self.of_exchange = Some(found);
        Ok(found)
    }

    fn users(&mut self) -> Result<&Users, TreeError> {
        if self.users.is_none() {
            let mut users = Users::default();
            {
                let file = open_strict(self.view, "GLB/ACCESS2.GLB")?;
                records::<Access2Record>(&file, 0, USERS_LIMIT, &mut |_, _, record| {
                    if record.state == LIVE
                        && let Ok(Some(mailbag)) = record.mailbag.get()
                    {
                        let name = record.mailbox.text().to_vec();
                        users
                            .by_mailbag
                            .entry(mailbag)
                            .or_insert_with(|| name.clone());
                        users
                            .by_name
                            .entry(folded(&name))
                            .or_insert((mailbag, name));
                    }
                    ControlFlow::Continue(())
                })?;
            }
            self.users = Some(users);
        }
        Ok(self.users.get_or_insert_default())
    }

    fn groups(&mut self) -> Result<&HashMap<Vec<u8>, u32>, TreeError> {
        if self.groups.is_none() {
            let mut groups = HashMap::new();
            {
                let file = open_strict(self.view, "GLB/GROUP.GLB")?;
                records::<GroupRecord>(&file, 4, GROUPS_LIMIT, &mut |_, _, record| {
                    if record.is_live() {
                        groups
                            .entry(folded(record.address.text()))
                            .or_insert(record.tid.get());
                    }
                    ControlFlow::Continue(())
                })?;
            }
            self.groups = Some(groups);
        }
        Ok(self.groups.get_or_insert_default())
    }

    /// Who a mailbox name stands for.
    ///
    /// # Errors
    /// A disk error; a missing list is one: whoever cannot be looked up is not unknown.
    pub fn find(&mut self, mailbox: &MailboxName) -> Result<Recipient, TreeError> {
        if mailbox.is_system() {
            return Ok(Recipient::System);
        }
        if mailbox.is_special() {
            return Ok(Recipient::Special);
        }
        if is_numbered_system(mailbox) && self.is_of_exchange()? {
            return Ok(Recipient::System);
        }
        let name = folded(mailbox.text());
        if let Some((mailbag, _)) = self.users()?.by_name.get(&name) {
            return Ok(Recipient::User { mailbag: *mailbag });
        }
        let Some(&tid) = self.groups()?.get(&name) else {
            return Ok(Recipient::Unknown);
        };
        let Some(file) = self.view.open_file(&format!("MEM/{}.MEM", HexId(tid)))? else {
            return Ok(Recipient::GroupGone);
        };
        let mut mailbags = Vec::new();
        let limit = MAX_LOCAL_MEMBERS as u64;
        records::<MemEntry>(&file, 0, limit, &mut |_, _, entry| {
            mailbags.push(HexId(entry.mailbag.get()));
            ControlFlow::Continue(())
        })?;
        let users = self.users()?;
        // A number of nobody is a leftover that the checker finds.
        let members = mailbags
            .into_iter()
            .filter_map(|id| users.by_mailbag.get(&id).map(|name| (id, name.clone())))
            .collect();
        Ok(Recipient::Group(members))
    }

    /// The mailbox of the first administrator, who gets the reports about system mail.
    ///
    /// # Errors
    /// As [`Local::find`].
    pub fn administrator(&mut self) -> Result<Option<MailboxName>, TreeError> {
        let mut index = None;
        {
            let file = open_strict(self.view, "GLB/ACCESS.GLB")?;
            records::<AccessRecord>(&file, 0, USERS_LIMIT, &mut |n, _, record| {
                if record.state == LIVE && record.kind == AccessRecord::ADMINISTRATOR {
                    index = Some(n);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
        }
        let Some(index) = index else { return Ok(None) };
        let mut found = None;
        {
            let file = open_strict(self.view, "GLB/ACCESS2.GLB")?;
            records::<Access2Record>(&file, 0, index + 1, &mut |n, _, record| {
                if n == index {
                    found = MailboxName::read(record.mailbox.text()).ok();
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(found)
    }
}
