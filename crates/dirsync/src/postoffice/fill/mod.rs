//! Many users from a file.
//!
//! A reader ([`csv_rows`], [`ldif`]) yields rows one at a time; [`fill`] makes a user of each. Names and
//! mailboxes are made to fit ([`mailboxes`]) and every change is noted. A row that cannot be a user
//! is a problem of that row only. A row whose user is there already is passed over, so that a file
//! can be filled in again after a stop.
//!
//! Up to [`COMMIT_USERS`] users go into one commit; a longer file takes several, each complete in
//! itself (ASSIGNED: each user is six new files, and a commit of some thousand steps is already the
//! cheapest).

pub mod csv_rows;
pub mod ldif;
pub mod mailboxes;

use std::collections::BTreeSet;

use crate::core::base::codepage::{CodePage, eq_ignore_case_850};
use crate::core::base::time::UnixTime;

use super::edit::Edit;
use super::error::PoError;
use super::list_error::{ListError, notice};
use super::lists::templates::TemplateValue;
use super::lists::users::NewUser;
use super::lists::{Effects, Lists};
use mailboxes::Mailboxes;

/// Users in one commit.
pub const COMMIT_USERS: usize = 1000;
/// Longest full name in bytes (Q104869).
const NAME_MAX_BYTES: usize = 30;

/// One row of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Line of the file, from 1.
    pub line: u64,
    /// Mailbox; made from the name without one.
    pub mailbox: Option<String>,
    /// Full name.
    pub name: String,
    /// Whether the user takes part in directory synchronization.
    pub dirsync: Option<bool>,
    /// Template data: prompt and value.
    pub info: Vec<(String, String)>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Line of the file, from 1.
    pub line: u64,
    /// What is wrong.
    pub why: String,
}

/// Why reading stops: the file itself cannot be read, or has no header that makes sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InputError(pub String);

/// What a reader yields.
pub type RowResult = Result<Result<Row, RowError>, InputError>;

/// How to fill.
#[derive(Debug, Clone, Copy)]
pub struct FillOptions {
    /// Dates what is new.
    pub now: UnixTime,
    /// Whether characters without a place in code page 850 become `?` (DEC-097).
    pub lossy: bool,
    /// Whether more than 500 users are an error.
    pub strict_limits: bool,
    /// Whether prompts that the template does not have are passed over (LDIF) or stop the work
    /// (CSV).
    pub ignore_unknown_prompts: bool,
    /// Users in one commit.
    pub commit_users: usize,
}

/// A name or mailbox that was made to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Line of the file.
    pub line: u64,
    /// `mailbox` or `name`.
    pub what: &'static str,
    /// As it stood in the file; empty when there was none.
    pub from: String,
    /// As it is now.
    pub to: String,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Line of the file.
    pub line: u64,
    /// Why.
    pub why: String,
    /// Number of the notice or message, where there is one.
    pub number: Option<i32>,
}

/// What filling did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Rows read.
    pub rows: u64,
    /// Users added.
    pub added: u64,
    /// Rows whose user was there already.
    pub existing: u64,
    /// Names and mailboxes that were made to fit.
    pub changed: Vec<Changed>,
    /// Rows that were left out.
    pub left_out: Vec<LeftOut>,
    /// Prompts that the template does not have.
    pub ignored: BTreeSet<String>,
    /// What deserves a look; every text once.
    pub warnings: BTreeSet<String>,
}

/// Adds users from the rows into one commit. Whether rows may be left for another.
///
/// # Errors
/// The lists are damaged; the file cannot be read; a prompt that the template does not have.
pub fn fill(
    edit: &mut Edit<'_>,
    rows: &mut dyn Iterator<Item = RowResult>,
    options: FillOptions,
    done: &mut Filled,
) -> Result<bool, PoError> {
    let mut lists = Lists::open(edit, options.now)?;
    let mut mailboxes = Mailboxes::default();
    for user in lists.all_users() {
        mailboxes.take(&CodePage::Cp850.encode_lossy(&user.mailbox).bytes);
    }
    for group in lists.all_groups()? {
        mailboxes.take(&CodePage::Cp850.encode_lossy(&group.address).bytes);
    }
    let mut added = 0;
    let mut more = false;
    for row in rows {
        let row = match row.map_err(|error| ListError::Usage {
            why: error.to_string(),
            hint: "see `po-admin fill --help` for the form of the file",
        })? {
            Ok(row) => row,
            Err(error) => {
                done.rows += 1;
                done.left_out.push(LeftOut {
                    line: error.line,
                    why: error.why,
                    number: None,
                });
                continue;
            }
        };
        done.rows += 1;
        if one(edit, &mut lists, &mut mailboxes, &row, options, done)? {
            added += 1;
            if added >= options.commit_users {
                more = true;
                break;
            }
        }
    }
    lists.save(edit)?;
    Ok(more)
}

/// Adds the user of one row; whether it was added.
fn one(
    edit: &mut Edit<'_>,
    lists: &mut Lists,
    mailboxes: &mut Mailboxes,
    row: &Row,
    options: FillOptions,
    done: &mut Filled,
) -> Result<bool, PoError> {
    let leave_out = |error: &ListError, done: &mut Filled| {
        done.left_out.push(LeftOut {
            line: row.line,
            why: error.to_string(),
            number: error.number(),
        });
        Ok(false)
    };
    let name = match fit_name(row, options, done) {
        Ok(name) => name,
        Err(error) => return leave_out(&error, done),
    };
    let info = match info(lists, row, options, done) {
        Ok(info) => info,
        Err(Stop::Row(error)) => return leave_out(&error, done),
        Err(Stop::All(error)) => return Err(error.into()),
    };
    let wanted = row.mailbox.as_deref().unwrap_or_default().trim();
    // Somebody of this name is there: the same person when the mailbox is the same as well, or was
    // left to us.
    if let Some(user) = lists
        .all_users()
        .find(|user| same_850(&user.full_name, &name))
    {
        let fitting = mailboxes::fitting(wanted, &row.name);
        if wanted.is_empty() || same_850(&user.mailbox, &fitting) {
            done.existing += 1;
            return Ok(false);
        }
        return leave_out(&ListError::notice(notice::DUPLICATE_ALIAS, &name), done);
    }
    let mailbox = mailboxes.unique(mailboxes::fitting(wanted, &row.name));
    let new = NewUser {
        mailbox: mailbox.clone(),
        full_name: name,
        dirsync: row.dirsync.unwrap_or(true),
        info,
        strict_limits: options.strict_limits,
    };
    let added = match lists.add_user(edit, &new) {
        Ok(added) => added,
        Err(PoError::List(error))
            if error.is_usage() || error.number() == Some(notice::MAXIMUM_USERS) =>
        {
            return leave_out(&error, done);
        }
        Err(error) => return Err(error),
    };
    mailboxes.take(&mailbox);
    let made = CodePage::Cp850.decode(&mailbox);
    if made != wanted {
        done.changed.push(Changed {
            line: row.line,
            what: "mailbox",
            from: wanted.to_owned(),
            to: made,
        });
    }
    let Effects { warnings, .. } = added.effects;
    done.warnings.extend(warnings);
    done.added += 1;
    Ok(true)
}

fn same_850(text: &str, bytes: &[u8]) -> bool {
    CodePage::Cp850
        .encode(text)
        .is_ok_and(|text| eq_ignore_case_850(&text, bytes))
}

/// A text in code page 850.
fn encode(text: &str, what: &str, lossy: bool) -> Result<Vec<u8>, ListError> {
    match CodePage::Cp850.encode(text) {
        Ok(bytes) => Ok(bytes),
        Err(_) if lossy => Ok(CodePage::Cp850.encode_lossy(text).bytes),
        Err(why) => Err(ListError::Unencodable {
            what: format!("{what} {text:?}"),
            why,
        }),
    }
}

/// The full name: blanks at its ends gone, runs of white space made one blank, cut to 30 bytes.
fn fit_name(row: &Row, options: FillOptions, done: &mut Filled) -> Result<Vec<u8>, ListError> {
    let words: Vec<&str> = row.name.split_whitespace().collect();
    let mut name = encode(&words.join(" "), "name", options.lossy)?;
    name.truncate(NAME_MAX_BYTES);
    let end = name
        .iter()
        .rposition(|&byte| byte != b' ')
        .map_or(0, |at| at + 1);
    name.truncate(end);
    let made = CodePage::Cp850.decode(&name);
    if made != row.name.trim() && !name.is_empty() {
        done.changed.push(Changed {
            line: row.line,
            what: "name",
            from: row.name.clone(),
            to: made,
        });
    }
    Ok(name)
}

enum Stop {
    Row(ListError),
    All(ListError),
}

fn info(
    lists: &Lists,
    row: &Row,
    options: FillOptions,
    done: &mut Filled,
) -> Result<Vec<TemplateValue>, Stop> {
    let prompts = lists.prompts();
    let mut values = Vec::new();
    for (prompt, value) in &row.info {
        let plain = prompt.trim().trim_end_matches(':').trim();
        if !prompts
            .iter()
            .any(|known| known.to_lowercase() == plain.to_lowercase())
        {
            if options.ignore_unknown_prompts {
                done.ignored.insert(prompt.clone());
                continue;
            }
            return Err(Stop::All(ListError::NoSuch {
                what: "template prompt",
                name: format!("{prompt:?}"),
                hint: "columns behind mailbox, name and dirsync are prompts of TPL/ADMIN.TPL",
            }));
        }
        if value.is_empty() {
            continue;
        }
        let prompt = encode(plain, "prompt", false).map_err(Stop::Row)?;
        let value = encode(value, "value", options.lossy).map_err(Stop::Row)?;
        values.push(TemplateValue { prompt, value });
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
