//! Part 4: the length of every file (Q132744, Q77926).
//!
//! What a wrong length means depends on the file: bytes after the last whole record may be stray
//! bytes of an old program (XTN, Q128243) or a record that was torn, and some files can be put back
//! into their first state without harm.

use crate::core::format::network::NETWORK;
use crate::core::format::sizes::{Extra, Shape, SizeRule, Verdict, size_rule_for};
use crate::core::format::tree::DIRECTORIES;
use crate::tree::disk::EntryName;
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::kinds;
use super::read::{self, EntryKind};
use super::{Check, counters, files};

kinds! {
    WRONG = "size.wrong" Error ("Q132744 Q77926 Q136598 Q118855 Q118946 Q112894"):
        "The length of the file is impossible. Files whose first state does no harm can be put back into it; others are restored from a backup."
        => "put the file back into its first state; CONTROL.GLB gets counters above everything in use";
    STRAY_BYTES = "size.stray-bytes" Error ("Q128243 Q118619"):
        "Bytes that belong to no record stand at the end of the file; some clients stop at them."
        => "cut the file after its last whole record";
    FRAGMENT = "size.fragment" Error ("Q132744 Q77926"):
        "The file ends in the middle of a record, or with bytes that belong to none."
        => "cut the file after its last whole record",
        loses "the unfinished record at the end";
    KEY_SHORT = "size.key-short" Error ("Q118619 Q87408"):
        "The KEY file is too short: the marks of deleted headers are incomplete."
        => "make the file as long as it must be, with nothing marked in the new part",
        loses "marks of deleted headers: such headers show again";
    HUGE = "size.huge" Error ("assigned"):
        "The file is longer than anything its format allows; it was not read.";
}

/// Names of one directory that are held in memory at a time while looking at lengths.
const BATCH: usize = 4096;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    for dir in DIRECTORIES {
        if has_rules(dir) && dir != "FOLDERS/LOC/00000000" {
            lengths_in(check, &read::path(check.view(), dir)?)?;
        }
    }
    for dir in files::subdirectories(check.view(), "FOLDERS/LOC")? {
        lengths_in(check, &dir)?;
    }
    Ok(())
}

/// Whether any file of this directory has a rule: messages and attachments have none.
fn has_rules(dir: &str) -> bool {
    !dir.starts_with("MAI") && !dir.starts_with("ATT")
}

fn lengths_in(check: &mut Check<'_>, dir: &RelPath) -> Result<(), TreeError> {
    let view = check.view();
    let logical = dir.as_str().to_ascii_uppercase();
    // Listing and looking at entries take turns, so that a large directory is not held as a whole.
    let mut after: Option<String> = None;
    loop {
        let mut batch = std::collections::BTreeSet::new();
        let mut more = false;
        read::list_on_disk(view, dir, &mut |entry| {
            if let (EntryName::Plain(name), EntryKind::File) = (entry.name, entry.kind)
                && after.as_ref().is_none_or(|after| name > *after)
                && read::limit_bytes(&logical, &name).is_some()
            {
                batch.insert(name);
                if batch.len() > BATCH {
                    batch.pop_last();
                    more = true;
                }
            }
        })?;
        for name in &batch {
            let path = dir.join(name)?;
            if let Some(stat) = read::stat_on_disk(view, &path)? {
                length(check, &logical, name, &path, stat.len)?;
            }
        }
        match batch.pop_last() {
            Some(last) if more => after = Some(last),
            _ => return Ok(()),
        }
    }
}

fn length(
    check: &mut Check<'_>,
    dir: &str,
    name: &str,
    path: &RelPath,
    len: u64,
) -> Result<(), TreeError> {
    let limit = read::limit_bytes(dir, name).unwrap_or(u64::MAX);
    if len > limit {
        check.report(
            &HUGE,
            path.as_str(),
            None,
            format!("Corrupt File. It has {len} bytes, more than the {limit} that are read."),
            None,
        );
        return Ok(());
    }
    let Some(rule) = size_rule_for(dir, name) else {
        return Ok(());
    };
    match rule.verdict(len) {
        Verdict::Valid { .. } | Verdict::UnknownVersion => Ok(()),
        Verdict::NotWhole { records, cut_to } => not_whole(check, rule, path, len, records, cut_to),
        // Too many members are the business of the part on groups.
        Verdict::TooLong { .. } if dir == "MEM" => Ok(()),
        Verdict::TooLong { maximum } => {
            let message = format!("Corrupt File. It has {len} bytes instead of {maximum}.");
            if dir == "KEY" {
                let plan = cut(path, len, maximum)?;
                check.report(
                    &STRAY_BYTES,
                    path.as_str(),
                    Some(maximum),
                    message,
                    Some(plan),
                );
                return Ok(());
            }
            wrong(check, name, path, message)
        }
        Verdict::TooShort { minimum } => {
            let message = format!("Corrupt File. It has {len} bytes instead of {minimum}.");
            if dir == "KEY" {
                let plan = cut(path, len, minimum)?;
                check.report(&KEY_SHORT, path.as_str(), Some(len), message, Some(plan));
                return Ok(());
            }
            let at_least = rule
                .extras
                .iter()
                .any(|extra| matches!(extra, Extra::AtLeast(_)));
            let message = if at_least {
                format!("Corrupt File. It has {len} bytes, it must have at least {minimum}.")
            } else {
                message
            };
            wrong(check, name, path, message)
        }
    }
}

/// Sets the length of a file.
fn cut(path: &RelPath, before: u64, after: u64) -> Result<Plan, TreeError> {
    let mut plan = Plan::new();
    plan.set_len(path.clone(), before, after)?;
    Ok(plan)
}

fn not_whole(
    check: &mut Check<'_>,
    rule: &SizeRule,
    path: &RelPath,
    len: u64,
    records: u64,
    cut_to: u64,
) -> Result<(), TreeError> {
    let record_len = match rule.shape {
        Shape::Records { record, .. } => record,
        _ => 0,
    };
    let message = format!(
        "Corrupt File. It has {len} bytes: {records} records of {record_len} bytes end at {cut_to}, \
         {} bytes are left over.",
        len - cut_to
    );
    let stray = rule.pattern.starts_with("XTN/") && !starts_live(check, path, cut_to)?
        || rule.pattern == NETWORK.pattern && !starts_live(check, path, cut_to)?;
    let kind = if stray { &STRAY_BYTES } else { &FRAGMENT };
    let plan = cut(path, len, cut_to)?;
    check.report(kind, path.as_str(), Some(cut_to), message, Some(plan));
    Ok(())
}

/// Whether the bytes at `offset` begin like a live record (state byte 01, Q148666); such a record
/// was torn, it is no stray byte (R-SIZ-003).
fn starts_live(check: &Check<'_>, path: &RelPath, offset: u64) -> Result<bool, TreeError> {
    let mut first = [0u8];
    let Some(file) = read::open_on_disk(check.view(), path, u64::MAX)? else {
        return Ok(true);
    };
    let n = read::lenient(check.view(), file.read_at(&mut first, offset))?;
    Ok(n == 1 && first[0] == crate::core::format::record::LIVE)
}

fn wrong(
    check: &mut Check<'_>,
    name: &str,
    path: &RelPath,
    message: String,
) -> Result<(), TreeError> {
    let first_state = match name.to_ascii_uppercase().as_str() {
        "FLAG.GLB" => Some(vec![0; 2]),
        "MODEM.GLB" => Some(vec![0; 64]),
        "RNETSEM.GLB" => Some(vec![0; 4]),
        "CONTROL.GLB" => counters::control_image(check)?,
        _ => None,
    };
    let plan = match first_state {
        Some(bytes) => {
            let mut plan = Plan::new();
            plan.replace(path.clone(), bytes)?;
            Some(plan)
        }
        None => None,
    };
    check.report(&WRONG, path.as_str(), None, message, plan);
    Ok(())
}
