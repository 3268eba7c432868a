//! Local users: add, change, rename, remove, show.
//!
//! A new user takes the first deleted record of the three ACCESS files, gets a tuple id and a
//! mailbag number, an entry in the postoffice address list, and files of his own (R-ADM-060,
//! imp R-LOC-001). Whoever takes part in directory synchronization is told to the server: A when he
//! begins to, D when he ends to (R-ADM-064), M when name, mailbox or template data change.

use zerocopy::little_endian::{U16, U32};

use crate::core::base::address::{Address, FullName, MailboxName};
use crate::core::base::time::UnixTime;
use crate::core::base::transaction::{Entry, Transaction};
use crate::core::base::{HexId, Tid};
use crate::core::format::FixedRecord as _;
use crate::core::format::access::{
    ACCESS2, Access2Record, Access3Record, AccessRecord, Users, rights,
};
use crate::core::format::codes::AddressCode;
use crate::core::format::field::Hex8;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::record::{DELETED, LIVE};
use crate::core::format::reqconf::req_options;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::list_error::{ListError, notice};
use super::templates::TemplateValue;
use super::user_files::{self, Removed};
use super::{Effects, Lists, USER_LIMIT};

const LIST_HINT: &str = "`po-admin user list` lists the users of a postoffice";

/// A user to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Mailbox, as typed.
    pub mailbox: Vec<u8>,
    /// Full name, as typed.
    pub full_name: Vec<u8>,
    /// Whether the user takes part in directory synchronization.
    pub dirsync: bool,
    /// Template data.
    pub info: Vec<TemplateValue>,
    /// Whether more than [`USER_LIMIT`] users are an error (`--strict-limits`).
    pub strict_limits: bool,
}

/// A user who was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Tuple id.
    pub tid: Tid,
    /// Number of the mailbag and of the user's files.
    pub mailbag: HexId,
    /// What else happened.
    pub effects: Effects,
}

/// What shall be different about a user; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Another mailbox name.
    pub mailbox: Option<Vec<u8>>,
    /// Another full name.
    pub full_name: Option<Vec<u8>>,
    /// Whether the user takes part in directory synchronization.
    pub dirsync: Option<bool>,
    /// Template data; prompts that are not named stay.
    pub info: Vec<TemplateValue>,
}

/// A user as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownUser {
    /// Index in the ACCESS files.
    pub index: usize,
    /// Mailbox.
    pub mailbox: String,
    /// Full name.
    pub full_name: String,
    /// Number of the mailbag.
    pub mailbag: Option<HexId>,
    /// Tuple id.
    pub tid: Tid,
    /// Whether the user takes part in directory synchronization.
    pub dirsync: bool,
    /// Whether the user is an administrator.
    pub administrator: bool,
    /// When the user was made.
    pub created: UnixTime,
    /// When the user was last changed.
    pub modified: UnixTime,
    /// The groups the user is a member of, by name.
    pub groups: Vec<String>,
    /// Prompts and values of the template.
    pub info: Vec<(String, String)>,
}

/// Reads a mailbox name that shall be created.
///
/// # Errors
/// Notice 61 for an empty one, message 71 or 20.
pub fn mailbox_name(text: &[u8]) -> Result<MailboxName, ListError> {
    if text.is_empty() {
        return Err(ListError::notice(notice::BLANK_MAILBOX, b""));
    }
    let wrong = |fault| ListError::Name {
        what: format!(
            "mailbox {:?}",
            crate::core::base::codepage::CodePage::Cp850.decode(text)
        ),
        fault,
    };
    let name = MailboxName::new(text).map_err(wrong)?;
    if name.is_special() {
        return Err(wrong(crate::core::base::address::Fault::MailboxCharacter));
    }
    Ok(name)
}

/// Reads a full name that shall be created.
///
/// # Errors
/// Message 46 or 72.
pub fn full_name(text: &[u8]) -> Result<FullName, ListError> {
    FullName::new(text).map_err(|fault| ListError::Name {
        what: format!(
            "name {:?}",
            crate::core::base::codepage::CodePage::Cp850.decode(text)
        ),
        fault,
    })
}

impl Lists {
    pub(crate) fn users(&self) -> Users<'_> {
        Users::new(&self.access, &self.access2, &self.access3)
    }

    /// The prompts of the template as people write them.
    #[must_use]
    pub fn prompts(&self) -> Vec<String> {
        self.templates.prompts()
    }

    /// Number of users that exist.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.access
            .iter()
            .filter(|record| record.state == LIVE)
            .count()
    }

    /// The index of the user with this mailbox, without regard to case.
    ///
    /// # Errors
    /// There is none.
    pub fn find_user(&self, mailbox: &[u8]) -> Result<usize, PoError> {
        self.users().find(mailbox).ok_or_else(|| {
            ListError::NoSuch {
                what: "user",
                name: crate::core::base::codepage::escape_bytes_850(mailbox),
                hint: LIST_HINT,
            }
            .into()
        })
    }

    /// Refuses a mailbox or group address that is taken.
    pub(crate) fn check_new_address(&self, name: &MailboxName) -> Result<(), PoError> {
        if self.users().find(name.text()).is_some() {
            return Err(ListError::notice(notice::DUPLICATE_MAILBOX, name.text()).into());
        }
        if crate::core::format::group::find(&self.groups, name.text()).is_some() {
            return Err(ListError::notice(notice::DUPLICATE_GROUP, name.text()).into());
        }
        Ok(())
    }

    /// Adds a user.
    ///
    /// # Errors
    /// Notices 20, 21, 58, 61, 95, messages 20, 46, 71, 72; no number or tuple id is left.
    pub fn add_user(&mut self, edit: &mut Edit<'_>, new: &NewUser) -> Result<Added, PoError> {
        let mailbox = mailbox_name(&new.mailbox)?;
        let name = full_name(&new.full_name)?;
        self.check_new_address(&mailbox)?;
        self.pol_check_new(&name, None)?;
        let mut effects = Effects::default();
        if self.user_count() >= USER_LIMIT {
            if new.strict_limits {
                return Err(ListError::notice(notice::MAXIMUM_USERS, mailbox.text()).into());
            }
            effects.warnings.push(format!(
                "the postoffice has more than {USER_LIMIT} users; clients of the time show garbage \
                 or stop"
            ));
        }
        let index = self.users().free_index().unwrap_or(self.access.len());
        self.templates.set(index, &new.info, true)?;
        let mailbag = edit.mailbag()?;
        let tid = edit.tid()?;

        let mut access = AccessRecord::zeroed();
        access.state = LIVE;
        access.kind = AccessRecord::USER;
        access.rights = U16::new(rights::ALL & !rights::REMOTE);
        access.dirsync = u8::from(new.dirsync);
        access.created = U32::new(self.now.0);
        access.modified = U32::new(self.now.0);
        let mut access2 = Access2Record::zeroed();
        access2.state = LIVE;
        access2.mailbox = mailbox.field();
        access2.full_name = name.field();
        access2.mailbag = Hex8::from_id(mailbag);
        access2.tid = U32::new(tid.0);
        let mut access3 = Access3Record::zeroed();
        access3.state = LIVE;
        put(&mut self.access, index, access);
        put(&mut self.access2, index, access2);
        put(&mut self.access3, index, access3);
        self.dirty.users = true;

        let mut entry = NmeRecord::zeroed();
        entry.kind = NmeKind::Local.code();
        entry.address_type = AddressCode::Pcm.code();
        entry.alias = name.field();
        entry.tid = U32::new(tid.0);
        entry.pointer = U32::new(access2_offset(index)?);
        entry.hexid = U32::new(mailbag.0);
        self.pol_insert(entry);
        user_files::create(edit, mailbag)?;
        if new.dirsync {
            let transaction = self.addition(index);
            self.tell(transaction, &mut effects)?;
        }
        Ok(Added {
            tid,
            mailbag,
            effects,
        })
    }

    /// Changes a user. Nothing happens when everything is as it shall be.
    ///
    /// # Errors
    /// As [`Lists::add_user`]; there is no such user.
    pub fn modify_user(
        &mut self,
        edit: &mut Edit<'_>,
        mailbox: &[u8],
        change: &UserChange,
    ) -> Result<Effects, PoError> {
        let _ = edit;
        let index = self.find_user(mailbox)?;
        let old = self.entry(index);
        let took_part = self.access[index].dirsync == 1;
        let takes_part = change.dirsync.unwrap_or(took_part);
        let tid = Tid(self.access2[index].tid.get());
        let new_mailbox = match &change.mailbox {
            Some(text) => mailbox_name(text)?,
            None => MailboxName::read(self.access2[index].mailbox.text())
                .map_err(|fault| ListError::damaged("GLB/ACCESS2.GLB", fault))?,
        };
        if !self.access2[index]
            .mailbox
            .eq_ignore_case(new_mailbox.text())
        {
            self.check_new_address(&new_mailbox)?;
        }
        let new_name = match &change.full_name {
            Some(text) => full_name(text)?,
            None => FullName::new(self.access2[index].full_name.text())
                .map_err(|fault| ListError::damaged("GLB/ACCESS2.GLB", fault))?,
        };
        self.pol_check_new(&new_name, Some(tid))?;
        let info_changed = self.templates.set(index, &change.info, false)?;

        let record = &mut self.access2[index];
        let named = record.full_name != new_name.field();
        let boxed = record.mailbox != new_mailbox.field();
        record.full_name = new_name.field();
        record.mailbox = new_mailbox.field();
        let mut effects = Effects::default();
        if !(named || boxed || info_changed || took_part != takes_part) {
            return Ok(effects);
        }
        self.access[index].dirsync = u8::from(takes_part);
        self.access[index].modified = U32::new(self.now.0);
        self.dirty.users = true;
        if named {
            let mut entry = self
                .pol_remove(tid)
                .ok_or_else(|| ListError::notice(notice::DUPLICATE_ALIAS, new_name.text()))?;
            entry.alias = new_name.field();
            self.pol_insert(entry);
        }
        match (took_part, takes_part) {
            (false, true) => {
                let transaction = self.addition(index);
                self.tell(transaction, &mut effects)?;
            }
            (true, false) => {
                if let Some(old) = old {
                    self.tell(Some(Transaction::Delete { entry: old }), &mut effects)?;
                }
            }
            (true, true) if named || boxed || (info_changed && self.sends_templates()) => {
                if let (Some(old), Some(new)) = (old, self.entry(index)) {
                    let transaction = Transaction::Modify {
                        old,
                        new: Some(new),
                        info: self.sent_info(index),
                        options: Vec::new(),
                    };
                    self.tell(Some(transaction), &mut effects)?;
                }
            }
            _ => {}
        }
        Ok(effects)
    }

    /// The rights of a user, and whether it is an administrator.
    pub(crate) fn rights(&self, index: usize) -> (u16, bool) {
        self.access.get(index).map_or((0, false), |user| {
            let administrator = user.kind == AccessRecord::ADMINISTRATOR;
            (user.rights.get(), administrator)
        })
    }

    /// Gives a user other rights; whether that is a change.
    pub(crate) fn set_rights(&mut self, index: usize, rights: u16) -> bool {
        let Some(user) = self.access.get_mut(index) else {
            return false;
        };
        let changed = user.rights.get() != rights;
        if changed {
            user.rights = U16::new(rights);
            user.modified = U32::new(self.now.0);
            self.dirty.users = true;
        }
        changed
    }

    /// The width in bytes of the field that has this prompt; `None` when the template does not
    /// have it.
    pub(crate) fn template_width(&self, prompt: &[u8]) -> Option<usize> {
        self.templates.width_of(prompt)
    }

    /// Whether the postoffice has a template.
    pub(crate) fn has_template(&self) -> bool {
        self.templates.exists()
    }

    /// Template data of a user, as template lines.
    pub(crate) fn template_info(&self, index: usize) -> Vec<crate::core::base::transaction::Info> {
        self.templates.info(index)
    }

    /// All groups in the order of their records, those kept out of directory synchronization
    /// included.
    pub(crate) fn group_entries(&self) -> impl Iterator<Item = Option<Entry>> + '_ {
        self.groups
            .iter()
            .filter(|group| group.state != DELETED)
            .map(|group| {
                Some(Entry {
                    alias: FullName::new(group.alias.text()).ok()?,
                    address: Address::pcm(self.own, MailboxName::read(group.address.text()).ok()?),
                })
            })
    }

    /// The group with this address, without regard to case: its name.
    pub(crate) fn group_name(&self, address: &[u8]) -> Option<FullName> {
        let at = crate::core::format::group::find(&self.groups, address)?;
        FullName::new(self.groups.get(at)?.alias.text()).ok()
    }

    /// Removes a user: records marked as deleted, the entry out of the list, the user out of all
    /// groups, the files removed with every message that nobody else holds.
    ///
    /// # Errors
    /// There is no such user; Notice 23 for the last administrator; a file is damaged.
    pub fn remove_user(
        &mut self,
        edit: &mut Edit<'_>,
        mailbox: &[u8],
    ) -> Result<(Removed, Effects), PoError> {
        let index = self.find_user(mailbox)?;
        let administrators = self
            .access
            .iter()
            .filter(|user| user.state == LIVE && user.kind == AccessRecord::ADMINISTRATOR)
            .count();
        if self.access[index].kind == AccessRecord::ADMINISTRATOR && administrators <= 1 {
            return Err(ListError::notice(notice::CANNOT_DELETE_SELF, mailbox).into());
        }
        let entry = self.entry(index);
        let took_part = self.access[index].dirsync == 1;
        let tid = Tid(self.access2[index].tid.get());
        let mailbag = self.mailbag_of(index)?;
        let mut effects = self.leave_groups(edit, tid)?;
        self.forget_memberships(index);
        self.pol_remove(tid);
        self.access[index].state = DELETED;
        self.access[index].modified = U32::new(self.now.0);
        self.access2[index].state = DELETED;
        self.access3[index].state = DELETED;
        self.dirty.users = true;
        self.templates.clear(index);
        let removed = user_files::remove(edit, mailbag)?;
        effects.warnings.extend(removed.warnings.iter().cloned());
        if took_part && let Some(entry) = entry {
            self.tell(Some(Transaction::Delete { entry }), &mut effects)?;
        }
        Ok((removed, effects))
    }

    /// Everything that is known about a user.
    ///
    /// # Errors
    /// There is no such user.
    pub fn show_user(&self, mailbox: &[u8]) -> Result<ShownUser, PoError> {
        Ok(self.shown(self.find_user(mailbox)?))
    }

    /// All users in the order of the ACCESS files.
    pub fn all_users(&self) -> impl Iterator<Item = ShownUser> + '_ {
        (0..self.access.len())
            .filter(|&index| self.access[index].state == LIVE)
            .map(|index| self.shown(index))
    }

    fn shown(&self, index: usize) -> ShownUser {
        let (access, access2) = (&self.access[index], &self.access2[index]);
        let tid = Tid(access2.tid.get());
        let decode = |bytes: &Vec<u8>| crate::core::base::codepage::CodePage::Cp850.decode(bytes);
        ShownUser {
            index,
            mailbox: access2.mailbox.to_string_850(),
            full_name: access2.full_name.to_string_850(),
            mailbag: access2.mailbag.get().ok().flatten(),
            tid,
            dirsync: access.dirsync == 1,
            administrator: access.kind == AccessRecord::ADMINISTRATOR,
            created: UnixTime(access.created.get()),
            modified: UnixTime(access.modified.get()),
            groups: self.groups_of(tid),
            info: self
                .templates
                .prompts()
                .into_iter()
                .zip(self.templates.values(index).iter().map(decode))
                .collect(),
        }
    }

    /// Alias and address of a user as the directory server knows them; `None` when the records
    /// hold no address (dsp R-T0-010: never told).
    pub(crate) fn entry(&self, index: usize) -> Option<Entry> {
        let record = self.access2.get(index)?;
        Some(Entry {
            alias: FullName::new(record.full_name.text()).ok()?,
            address: Address::pcm(self.own, MailboxName::read(record.mailbox.text()).ok()?),
        })
    }

    /// Whether template data goes to the server.
    pub(crate) fn sends_templates(&self) -> bool {
        self.templates.exists() && self.waiting.conf().has(req_options::SEND_TEMPLATES)
    }

    /// The lines of the T of the own list; `None` when templates are not sent.
    pub(crate) fn sent_template(
        &self,
    ) -> Option<Vec<crate::core::base::transaction::TemplateLine>> {
        self.sends_templates().then(|| self.templates.lines())
    }

    fn sent_info(&self, index: usize) -> Vec<crate::core::base::transaction::Info> {
        if self.sends_templates() {
            self.templates.info(index)
        } else {
            Vec::new()
        }
    }

    /// The A transaction of a user.
    pub(crate) fn addition(&self, index: usize) -> Option<Transaction> {
        Some(Transaction::Add {
            entry: self.entry(index)?,
            info: self.sent_info(index),
            options: Vec::new(),
        })
    }

    /// Queues a transaction and notes it.
    pub(crate) fn tell(
        &mut self,
        transaction: Option<Transaction>,
        effects: &mut Effects,
    ) -> Result<(), PoError> {
        let Some(transaction) = transaction else {
            effects.warnings.push(
                "a name or address cannot be read, so the directory server is not told; run \
                 `po-admin check`"
                    .to_owned(),
            );
            return Ok(());
        };
        if let Some(warning) = self.waiting.warning() {
            effects.warnings.push(warning);
        }
        let Some(number) = self.waiting.push(&transaction)? else {
            return Ok(());
        };
        let lines = transaction.lines(Default::default(), Default::default());
        let first = lines.first().map(Vec::as_slice).unwrap_or_default();
        effects.transactions.push(format!(
            "{number:06} {}",
            crate::core::base::codepage::CodePage::Cp850
                .decode(first)
                .replace('\t', " ")
        ));
        Ok(())
    }

    /// The number of a user's files.
    pub(crate) fn mailbag_of(&self, index: usize) -> Result<HexId, PoError> {
        match self.access2[index].mailbag.get() {
            Ok(Some(id)) => Ok(id),
            _ => Err(ListError::damaged(
                "GLB/ACCESS2.GLB",
                format!("the record of user {index} names no mailbag"),
            )
            .into()),
        }
    }
}

fn put<R>(records: &mut Vec<R>, index: usize, record: R) {
    match records.get_mut(index) {
        Some(place) => *place = record,
        None => records.push(record),
    }
}

/// The byte offset of a record of ACCESS2.GLB.
fn access2_offset(index: usize) -> Result<u32, PoError> {
    ACCESS2
        .record_offset(index as u64)
        .and_then(|offset| u32::try_from(offset).ok())
        .ok_or_else(|| ListError::damaged("GLB/ACCESS2.GLB", "it is too long").into())
}
