//! Part 7: the local users, three files side by side (Q87402, Q87465).

use std::collections::BTreeMap;

use crate::core::base::HexId;
use crate::core::base::codepage::upper_850;
use crate::core::base::ident::MailbagStem;
use crate::core::format::FixedRecord as _;
use crate::core::format::access::{ACCESS, ACCESS2, ACCESS3, Access2Record};
use crate::core::format::record::{DELETED, LIVE};
use crate::tree::TreeError;

use super::super::findings::kinds;
use super::read::Eyes;
use super::{Check, entries, mailbags, read};

kinds! {
    COUNTS_DIFFER = "access.counts-differ" Error ("Q87465 Q87402"):
        "The three ACCESS files do not have the same number of records; record n of each belongs to one user. Restore the three from one backup.";
    STATE_DIFFERS = "access.state-differs" Error ("assigned Q87465"):
        "The records of one user do not agree on whether the user exists.";
    BAD_MAILBAG = "access.bad-mailbag" Error ("assigned Q107767"):
        "A user's record names no mailbag, or one that another user has.";
    NO_MAILBAG_FILES = "access.no-mailbag-files" Error ("Q87408 Q87415 Q104279"):
        "A user's mailbag has neither of its files; mail to the user fails."
        => "make the empty pair of KEY and MBG";
    DUPLICATE_MAILBOX = "access.duplicate-mailbox" Error ("Q103421 assigned"):
        "Two users have the same mailbox name; only the first can sign on.";
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    counts(check)?;
    if check.is_ours() {
        states(check)?;
        users(check)?;
    }
    Ok(())
}

fn counts(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let mut counts = Vec::new();
    for (file, record_len) in [
        ("GLB/ACCESS.GLB", ACCESS.record_len()),
        ("GLB/ACCESS2.GLB", ACCESS2.record_len()),
        ("GLB/ACCESS3.GLB", ACCESS3.record_len()),
    ] {
        match read::open(view, file)? {
            Some(open) => counts.push(open.len() / record_len),
            None => return Ok(()),
        }
    }
    if counts.iter().any(|count| *count != counts[0]) {
        let path = read::path(view, "GLB/ACCESS.GLB")?;
        let message = format!(
            "ACCESS.GLB has {} records, ACCESS2.GLB {}, ACCESS3.GLB {}.",
            counts[0], counts[1], counts[2]
        );
        check.report(&COUNTS_DIFFER, path.as_str(), None, message, None);
    }
    Ok(())
}

fn states(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let (Some(first), Some(second), Some(third)) = (
        read::load(view, "GLB/ACCESS.GLB", &ACCESS)?,
        read::load(view, "GLB/ACCESS2.GLB", &ACCESS2)?,
        read::load(view, "GLB/ACCESS3.GLB", &ACCESS3)?,
    ) else {
        return Ok(());
    };
    let path = read::path(view, "GLB/ACCESS.GLB")?;
    for (n, ((a, b), c)) in first.iter().zip(&second).zip(&third).enumerate() {
        let states = [a.state, b.state, c.state];
        if states != [LIVE; 3] && states != [DELETED; 3] {
            let offset = n as u64 * ACCESS.record_len();
            let message = format!(
                "The state of user record {n} is {:02X} in ACCESS.GLB, {:02X} in ACCESS2.GLB, {:02X} in ACCESS3.GLB.",
                a.state, b.state, c.state
            );
            check.report(&STATE_DIFFERS, path.as_str(), Some(offset), message, None);
        }
    }
    Ok(())
}

/// Whether the three files agree on who exists, so that something may be concluded from them.
pub(super) fn files_agree(view: &Eyes<'_>) -> Result<bool, TreeError> {
    let (Some(first), Some(second), Some(third)) = (
        read::load(view, "GLB/ACCESS.GLB", &ACCESS)?,
        read::load(view, "GLB/ACCESS2.GLB", &ACCESS2)?,
        read::load(view, "GLB/ACCESS3.GLB", &ACCESS3)?,
    ) else {
        return Ok(false);
    };
    let states = first.iter().zip(&second).zip(&third);
    Ok(first.len() == second.len()
        && first.len() == third.len()
        && states.into_iter().all(|((a, b), c)| {
            a.state == b.state && b.state == c.state && matches!(a.state, LIVE | DELETED)
        }))
}

/// A live user.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// Offset of the record in ACCESS2.GLB.
    pub(super) offset: u64,
    /// The record.
    pub(super) record: Access2Record,
    /// The mailbag, when the field holds one.
    pub(super) mailbag: Option<HexId>,
}

/// The live users in the order of ACCESS2.GLB; `None` when it cannot be read.
pub(super) fn live_users(view: &Eyes<'_>) -> Result<Option<Vec<User>>, TreeError> {
    let mut users = Vec::new();
    let count = read::records(view, "GLB/ACCESS2.GLB", &ACCESS2, &mut |offset, record| {
        if record.state == LIVE {
            users.push(User {
                offset,
                record: record.clone(),
                mailbag: record.mailbag.get().ok().flatten(),
            });
        }
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(count.map(|_| users))
}

fn users(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let Some(users) = live_users(view)? else {
        return Ok(());
    };
    let path = read::path(view, "GLB/ACCESS2.GLB")?;
    let keys = entries::mailbags(view, "KEY")?;
    let mbgs = entries::mailbags(view, "MBG")?;
    let mut names: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let mut owners: BTreeMap<HexId, u64> = BTreeMap::new();
    for user in &users {
        let name = user.record.mailbox.to_string_850();
        let number = user.offset / Access2Record::SIZE as u64;
        let folded: Vec<u8> = user
            .record
            .mailbox
            .text()
            .iter()
            .map(|&byte| upper_850(byte))
            .collect();
        if let Some(first) = names.insert(folded.clone(), number) {
            names.insert(folded, first);
            let message =
                format!("User records {first} and {number} both have the mailbox {name:?}.");
            check.report(
                &DUPLICATE_MAILBOX,
                path.as_str(),
                Some(user.offset),
                message,
                None,
            );
        }
        let offset = Some(user.offset + 43);
        let Some(mailbag) = user.mailbag else {
            let message = format!(
                "User {name:?} has the mailbag \"{}\".",
                user.record.mailbag.raw().escape_ascii()
            );
            check.report(&BAD_MAILBAG, path.as_str(), offset, message, None);
            continue;
        };
        if let Some(first) = owners.insert(mailbag, number) {
            owners.insert(mailbag, first);
            let message =
                format!("User records {first} and {number} both have the mailbag {mailbag}.");
            check.report(&BAD_MAILBAG, path.as_str(), offset, message, None);
            continue;
        }
        let stem = MailbagStem::from(mailbag);
        if !keys.contains(stem) && !mbgs.contains(stem) {
            let plan = mailbags::empty_pair(keys.path(stem)?, mbgs.path(stem)?)?;
            let message = format!("Mailbag {mailbag} of user {name:?} has neither KEY nor MBG.");
            check.report(
                &NO_MAILBAG_FILES,
                path.as_str(),
                offset,
                message,
                Some(plan),
            );
        }
    }
    Ok(())
}
