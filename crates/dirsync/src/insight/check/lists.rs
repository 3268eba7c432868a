//! Part 8b: the address lists, NME files, against the users and groups they name (Q107767, Q119563).
//!
//! What can be wrong many times in one list is one finding for the list, with the first places in its
//! message, so that one repair mends all of it. The shadow of ADMIN.NME is changed together with it,
//! and only when the two agree; otherwise the part on shadows has to be mended first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::core::format::group::GROUP;
use crate::core::format::netpo::NETPO;
use crate::core::format::nme::NmeKind;
use crate::tree::TreeError;

use super::super::findings::kinds;
use super::access::{User, files_agree, live_users};
use super::list_file::{List, look};
use super::list_owners::{against_groups, against_users};
use super::read::Eyes;
use super::{Check, entries, read};

kinds! {
    UNSORTED = "nme.unsorted" Error ("Q86375 Q126230"):
        "The list is not in order; programs look for names by halving and miss some."
        => "sort the list";
    BAD_TYPE = "nme.bad-type" Error ("Q107767 Q85647"):
        "Entries of the list have a type that does not exist."
        => "remove these entries from the list",
        loses "the entries";
    HEXID_DIFFERS = "nme.hexid-differs" Error ("Q119563"):
        "A user's entry names another mailbag than the user's record; clients say that the address is no longer valid (Notice 62)."
        => "write the mailbag of the user's record into the entry";
    USER_MISSING = "nme.user-missing" Error ("Q107767 Q99419"):
        "Users have no entry in ADMIN.NME; nobody can address them."
        => "add the entries";
    ORPHAN = "nme.orphan" Error ("Q106510 Q107767"):
        "Entries of ADMIN.NME name users or groups that do not exist."
        => "remove these entries from the list",
        loses "the entries";
    GROUP_MISSING = "nme.group-missing" Error ("Q107767 Q104562"):
        "Groups have no entry in ADMIN.NME; nobody can address them."
        => "add the entries";
    BAD_POINTER = "nme.bad-pointer" Error ("Q107767 Q112904"):
        "Entries point to no record, or to a deleted one. Where the right place is known, it can be written."
        => "write the right place into the entries of users and groups";
    DUPLICATE_TID = "nme.duplicate-tid" Error ("Q120449 Q87404"):
        "Several entries of one list have the same tuple id; mail and groups cannot tell them apart.";
}

/// What the entries of lists point to.
pub(super) struct Targets {
    pub(super) users: Option<Vec<User>>,
    /// Whether the ACCESS files agree with each other; nothing is mended from them else.
    pub(super) users_agree: bool,
    /// Which records of NETPO.GLB are live, by number.
    netpo: Option<Vec<bool>>,
    /// Pointer of each live group, by tuple id.
    pub(super) groups: Option<BTreeMap<u32, Group>>,
}

pub(super) struct Group {
    pub(super) alias: crate::core::format::CpField<31>,
    pub(super) pointer: u32,
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    if !check.is_ours() {
        return Ok(());
    }
    let view = check.view();
    let targets = targets(view)?;
    for name in super::counters::shared_lists(view)? {
        let is_admin = name == "NME/ADMIN.NME";
        let path = read::path(view, &name)?;
        if let Some(list) = look(check, path, is_admin)? {
            types_and_tids(check, &list, true)?;
            if is_admin {
                against_users(check, &list, &targets)?;
                against_groups(check, &list, &targets)?;
            }
            pointers(check, &list, &targets)?;
        }
    }
    let personal = entries::numbered(view, "NME", "NME")?;
    for id in personal.iter() {
        if let Some(list) = look(check, personal.path(id)?, false)? {
            types_and_tids(check, &list, false)?;
            pointers(check, &list, &targets)?;
        }
    }
    Ok(())
}

fn targets(view: &Eyes<'_>) -> Result<Targets, TreeError> {
    let mut netpo = Vec::new();
    let known = read::records(view, "GLB/NETPO.GLB", &NETPO, &mut |_, record| {
        netpo.push(record.is_live());
        ControlFlow::Continue(())
    })?;
    let mut groups = BTreeMap::new();
    let found = read::records(view, "GLB/GROUP.GLB", &GROUP, &mut |_, group| {
        if group.is_live() {
            let known = Group {
                alias: group.alias,
                pointer: group.pointer.get(),
            };
            groups.entry(group.tid.get()).or_insert(known);
        }
        ControlFlow::Continue(())
    })?;
    Ok(Targets {
        users: live_users(view)?,
        users_agree: files_agree(view)?,
        netpo: known.map(|_| netpo),
        groups: found.map(|_| groups),
    })
}

fn types_and_tids(check: &mut Check<'_>, list: &List, tids: bool) -> Result<(), TreeError> {
    let bad: BTreeSet<usize> = list
        .records
        .iter()
        .enumerate()
        .filter(|(_, record)| record.nme_kind().is_none())
        .map(|(at, _)| at)
        .collect();
    let places: Vec<usize> = bad.iter().copied().collect();
    if !places.is_empty() {
        let plan = list.without(&bad)?;
        list.report_many(check, &BAD_TYPE, "of no known type", &places, plan);
    }
    if tids {
        let mut by_tid: Vec<(u32, usize)> = (0usize..)
            .zip(&list.records)
            .map(|(at, record)| (record.tid.get(), at))
            .collect();
        by_tid.sort_unstable();
        let mut twice: Vec<usize> = by_tid
            .windows(2)
            .filter(|pair| pair[0].0 == pair[1].0)
            .map(|pair| pair[1].1)
            .collect();
        twice.sort_unstable();
        list.report_many(
            check,
            &DUPLICATE_TID,
            "with the tuple id of another entry",
            &twice,
            None,
        );
    }
    Ok(())
}

/// External and gateway entries of any list; in personal lists also users and groups.
fn pointers(check: &mut Check<'_>, list: &List, targets: &Targets) -> Result<(), TreeError> {
    let view = check.view();
    let mut gateways: BTreeMap<String, Option<u64>> = BTreeMap::new();
    let mut bad = Vec::new();
    for (at, record) in list.records.iter().enumerate() {
        let pointer = u64::from(record.pointer.get());
        let good = match record.nme_kind() {
            Some(NmeKind::External) => match &targets.netpo {
                Some(live) => NETPO
                    .record_at(pointer)
                    .and_then(|at| usize::try_from(at).ok())
                    .and_then(|at| live.get(at).copied())
                    .unwrap_or(false),
                None => true,
            },
            Some(NmeKind::Gateway) => match record.address_code() {
                Some(code) if !code.is_three_part() => {
                    let file = format!("GLB/{}.GLB", code.name());
                    let len = match gateways.get(&file) {
                        Some(len) => *len,
                        None => {
                            let len = read::stat(view, &file)?.map(|stat| stat.len);
                            gateways.insert(file, len);
                            len
                        }
                    };
                    // A missing file is the business of the part on files.
                    len.is_none_or(|len| pointer >= 4 && pointer < len)
                }
                _ => true,
            },
            _ => true,
        };
        if !good {
            bad.push(at);
        }
    }
    list.report_many(
        check,
        &BAD_POINTER,
        "pointing to no record, or to a deleted one",
        &bad,
        None,
    );
    Ok(())
}
