//! Transactions of an import file for users of the own postoffice (imp R-TXN-X, R-LOC).
//!
//! `&` lines carry what is not in the address (only `&access=` is DOCUMENTED, Q96003; the other
//! tokens are ASSIGNED by imp R-USR-005 and not verified):
//!
//! | token | value |
//! |---|---|
//! | `access` | words, commas between them: `DELETE SEND RETRIEVE EXTERNAL FOLDERS REMOTE`, or `ALL`, `NONE` |
//! | `remote` | `Y` or `N`: only that right |
//! | `dirsync` | `Y` or `N`: whether the user takes part |
//! | `password` | up to 8 characters; no tree of ours keeps passwords, so it is only looked at |

use super::{Apply, Origin};
use crate::core::base::address::MailboxName;
use crate::core::base::codepage::CodePage;
use crate::core::base::logline::LogSeverity;
use crate::core::base::transaction::{Info, UserOption};
use crate::core::base::{Entry, Transaction};
use crate::core::format::access::rights;
use crate::core::protocol::log::LogLine;
use crate::import::error::ImportError;
use crate::import::log::message;
use crate::postoffice::lists::templates::TemplateValue;
use crate::postoffice::lists::users::{NewUser, UserChange};
use crate::postoffice::lists::{Effects, Lists, USER_LIMIT};
use crate::postoffice::{Edit, PoError};

/// Longest password of the original in characters (message 89).
const PASSWORD_MAX: usize = 8;

/// What the `&` lines ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// All rights.
    access: Option<u16>,
    /// One right.
    remote: Option<bool>,
    dirsync: Option<bool>,
    /// The password is too long.
    cut_password: bool,
}

/// Reads the `&` lines.
///
/// # Errors
/// Message 83 or 84 and what it is about.
fn wanted(options: &[UserOption]) -> Result<Wanted, (u16, String)> {
    let mut wanted = Wanted::default();
    for option in options {
        let token = option.token().to_ascii_lowercase();
        let shown = CodePage::Cp850.decode(option.token());
        let value = option.value().trim_ascii();
        // Never the value: it may be a password.
        let bad = || (83, shown.clone());
        let yes = match value.to_ascii_uppercase().as_slice() {
            b"Y" | b"YES" => Some(true),
            b"N" | b"NO" => Some(false),
            _ => None,
        };
        match token.as_slice() {
            b"access" => wanted.access = Some(access(value).ok_or_else(bad)?),
            b"remote" => wanted.remote = Some(yes.ok_or_else(bad)?),
            b"dirsync" => wanted.dirsync = Some(yes.ok_or_else(bad)?),
            b"password" => wanted.cut_password = option.value().len() > PASSWORD_MAX,
            _ => return Err((84, shown)),
        }
    }
    Ok(wanted)
}

/// The rights that a list of words names.
fn access(value: &[u8]) -> Option<u16> {
    let mut sum = 0;
    for word in value.split(|byte| matches!(byte, b',' | b' ')) {
        sum |= match word.to_ascii_uppercase().as_slice() {
            b"" => continue,
            b"ALL" => rights::ALL,
            b"NONE" => 0,
            b"DELETE" => rights::DELETE,
            b"SEND" => rights::SEND,
            b"RETRIEVE" => rights::RETRIEVE,
            b"EXTERNAL" => rights::EXTERNAL,
            b"FOLDERS" => rights::FOLDERS,
            b"REMOTE" => rights::REMOTE,
            _ => return None,
        };
    }
    (!value.is_empty()).then_some(sum)
}

/// The index of the user with this alias and mailbox (DEC-017).
fn user_of(lists: &Lists, entry: &Entry) -> Option<usize> {
    let index = lists.find_user(entry.address.mailbox()?.text()).ok()?;
    lists
        .entry(index)
        .is_some_and(|known| known.matches(entry))
        .then_some(index)
}

/// Whether a group has this alias and address: groups stand in extracts like users.
fn is_group(lists: &Lists, entry: &Entry) -> bool {
    entry
        .address
        .mailbox()
        .and_then(|mailbox| lists.group_name(mailbox.text()))
        .is_some_and(|name| name.eq_ignore_case(&entry.alias))
}

impl Apply {
    /// Creates, changes or removes a local user.
    pub(super) fn local(
        &mut self,
        edit: &mut Edit<'_>,
        transaction: &Transaction,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        self.tids.hand_over(edit)?;
        let result = match transaction {
            Transaction::Add {
                entry,
                info,
                options,
            } => self.local_add(edit, entry, info, options, at),
            Transaction::Delete { entry } => self.local_delete(edit, entry, at),
            Transaction::Modify {
                old,
                new,
                info,
                options,
            } => {
                let new = new.as_ref().unwrap_or(old);
                self.local_modify(edit, old, new, info, options, at)
            }
            _ => Ok(()),
        };
        self.tids.take_back(edit)?;
        result
    }

    fn lists<'a>(&'a mut self, edit: &mut Edit<'_>) -> Result<&'a mut Lists, ImportError> {
        self.copies.local(edit, self.options.now)
    }

    /// Says a message about the own postoffice once.
    fn once(&mut self, code: u16, at: Origin<'_>) {
        if self.file.said.insert(code) {
            let own = self.places.own.map(|own| own.to_string());
            self.say(message(code, own.unwrap_or_default()), at);
        }
    }

    /// The template data that can be taken; what cannot is said.
    fn local_info(
        &mut self,
        edit: &mut Edit<'_>,
        info: &[Info],
        at: Origin<'_>,
    ) -> Result<Vec<TemplateValue>, ImportError> {
        if info.is_empty() {
            return Ok(Vec::new());
        }
        if !self.options.templates {
            self.once(73, at);
            return Ok(Vec::new());
        }
        if !self.lists(edit)?.has_template() {
            self.once(65, at);
            return Ok(Vec::new());
        }
        let mut values = Vec::new();
        for line in info {
            match self.lists(edit)?.template_width(line.prompt()) {
                Some(width) => values.push(TemplateValue {
                    prompt: line.prompt().to_vec(),
                    // As for external entries: what does not fit is cut.
                    value: line.data()[..line.data().len().min(width)].to_vec(),
                }),
                None => self.say(message(37, CodePage::Cp850.decode(line.prompt())), at),
            }
        }
        Ok(values)
    }

    /// What the `&` lines ask for; `None` when one is wrong, which was said.
    fn local_options(
        &mut self,
        options: &[UserOption],
        entry: &Entry,
        at: Origin<'_>,
    ) -> Option<Wanted> {
        match wanted(options) {
            Ok(wanted) => {
                if wanted.cut_password {
                    self.say(message(89, entry.alias.to_string()), at);
                }
                Some(wanted)
            }
            Err((code, about)) => {
                self.fail(message(code, format!("{about} ({})", entry.alias)), at);
                None
            }
        }
    }

    fn local_add(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        info: &[Info],
        options: &[UserOption],
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let Some(mailbox) = entry.address.mailbox() else {
            return Ok(());
        };
        let lists = self.lists(edit)?;
        if is_group(lists, entry) {
            self.counts.repeated += 1;
            return Ok(());
        }
        if user_of(lists, entry).is_some() {
            let (modified, repeated) = (self.counts.modified, self.counts.repeated);
            self.local_modify(edit, entry, entry, info, options, at)?;
            // An A changes nobody; it is counted as said again (DEC-018).
            let done = self.counts.modified - modified;
            self.counts.modified = modified;
            self.counts.repeated = self.counts.repeated.max(repeated) + done;
            return Ok(());
        }
        if lists.pol_find(entry.alias.text()).is_some() {
            self.fail(message(27, entry.alias.to_string()), at);
            return Ok(());
        }
        let full = lists.user_count() >= USER_LIMIT;
        if full && self.file.rules.strict_limits {
            self.fail(message(87, entry.alias.to_string()), at);
            return Ok(());
        }
        let Some(wanted) = self.local_options(options, entry, at) else {
            return Ok(());
        };
        let new = NewUser {
            mailbox: mailbox.text().to_vec(),
            full_name: entry.alias.text().to_vec(),
            dirsync: wanted.dirsync.unwrap_or(true),
            info: self.local_info(edit, info, at)?,
            strict_limits: false,
        };
        let lists = self.lists(edit)?;
        match lists.add_user(edit, &new) {
            Ok(added) => {
                if let Ok(index) = lists.find_user(mailbox.text()) {
                    set_rights(lists, index, &wanted);
                }
                self.counts.added += 1;
                let mut effects = added.effects;
                if full {
                    // The numbered message says the same.
                    effects.warnings.clear();
                    if self.file.said.insert(87) {
                        self.say(message(87, entry.alias.to_string()), at);
                    }
                }
                self.effects(effects, at);
                Ok(())
            }
            Err(error) => self.local_failure(85, &mailbox, error, at),
        }
    }

    fn local_delete(
        &mut self,
        edit: &mut Edit<'_>,
        entry: &Entry,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let lists = self.lists(edit)?;
        let before = lists.user_count() as u64;
        let (Some(_), Some(mailbox)) = (user_of(lists, entry), entry.address.mailbox()) else {
            self.fail(message(29, entry.alias.to_string()), at);
            return Ok(());
        };
        match lists.remove_user(edit, mailbox.text()) {
            Ok((_, effects)) => {
                self.file.users_before.get_or_insert(before);
                self.file.users_deleted += 1;
                self.counts.deleted += 1;
                self.effects(effects, at);
                Ok(())
            }
            Err(error) => self.local_failure(86, &mailbox, error, at),
        }
    }

    fn local_modify(
        &mut self,
        edit: &mut Edit<'_>,
        old: &Entry,
        new: &Entry,
        info: &[Info],
        options: &[UserOption],
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        let lists = self.lists(edit)?;
        let Some(known) = user_of(lists, old).or_else(|| user_of(lists, new)) else {
            self.fail(message(29, old.alias.to_string()), at);
            return Ok(());
        };
        let Some(known) = lists.entry(known) else {
            return Ok(());
        };
        let holder = lists
            .pol_find(new.alias.text())
            .is_some_and(|_| !known.alias.eq_ignore_case(&new.alias));
        if holder {
            self.fail(message(27, new.alias.to_string()), at);
            return Ok(());
        }
        let Some(wanted) = self.local_options(options, new, at) else {
            return Ok(());
        };
        let (Some(from), Some(to)) = (known.address.mailbox(), new.address.mailbox()) else {
            return Ok(());
        };
        let change = UserChange {
            mailbox: Some(to.text().to_vec()),
            full_name: Some(new.alias.text().to_vec()),
            dirsync: wanted.dirsync,
            info: self.local_info(edit, info, at)?,
        };
        let same = known.alias == new.alias
            && from.text() == to.text()
            && change.info.is_empty()
            && wanted == Wanted::default();
        let lists = self.lists(edit)?;
        match lists.modify_user(edit, from.text(), &change) {
            Ok(effects) => {
                let index = lists.find_user(to.text()).ok();
                let administrator =
                    index.is_some_and(|index| set_rights(lists, index, &wanted) == Rights::All);
                if same {
                    self.counts.repeated += 1;
                } else {
                    self.counts.modified += 1;
                }
                if administrator {
                    self.say(message(93, new.alias.to_string()), at);
                }
                self.effects(effects, at);
                Ok(())
            }
            Err(error) => self.local_failure(47, &from, error, at),
        }
    }

    /// What else a change of a user brought about.
    fn effects(&mut self, effects: Effects, at: Origin<'_>) {
        for warning in effects.warnings {
            self.say(LogLine::free(LogSeverity::Warning, warning), at);
        }
    }

    /// A user who cannot be made, changed or removed; the disk stops everything.
    fn local_failure(
        &mut self,
        code: u16,
        mailbox: &MailboxName,
        error: PoError,
        at: Origin<'_>,
    ) -> Result<(), ImportError> {
        if matches!(error, PoError::Tree(_)) {
            return Err(error.into());
        }
        self.fail(message(code, format!("{mailbox}: {error}")), at);
        Ok(())
    }
}

/// What `&access` and `&remote` did.
#[derive(PartialEq, Eq)]
enum Rights {
    Set,
    /// An administrator has all rights anyway (message 93).
    All,
}

/// Changes what was named and nothing else (Q111556).
fn set_rights(lists: &mut Lists, index: usize, wanted: &Wanted) -> Rights {
    let (mut now, administrator) = lists.rights(index);
    if administrator && wanted.access.is_some() {
        return Rights::All;
    }
    if let Some(access) = wanted.access {
        now = access;
    }
    match wanted.remote {
        Some(true) => now |= rights::REMOTE,
        Some(false) => now &= !rights::REMOTE,
        None => {}
    }
    lists.set_rights(index, now);
    Rights::Set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(token: &str, value: &str) -> UserOption {
        UserOption::new(token.as_bytes(), value.as_bytes()).unwrap()
    }

    // rule: imp:R-USR-001
    // rule: imp:R-USR-002
    // rule: imp:R-USR-005
    // rule: imp:OQ-1
    #[test]
    fn options_are_read_and_the_wrong_ones_have_their_numbers() {
        let read = wanted(&[
            option("ACCESS", "send, Retrieve"),
            option("remote", "y"),
            option("dirsync", "No"),
            option("password", "123456789"),
        ]);
        assert_eq!(
            read,
            Ok(Wanted {
                access: Some(rights::SEND | rights::RETRIEVE),
                remote: Some(true),
                dirsync: Some(false),
                cut_password: true,
            })
        );
        assert_eq!(wanted(&[option("access", "NONE")]).unwrap().access, Some(0));
        for (token, value, code) in [
            ("access", "", 83),
            ("access", "fly", 83),
            ("remote", "maybe", 83),
            ("dirsync", "", 83),
            ("welcome", "Y", 84),
        ] {
            let (number, about) = wanted(&[option(token, value)]).unwrap_err();
            assert_eq!((number, about.as_str()), (code, token));
        }
    }
}
