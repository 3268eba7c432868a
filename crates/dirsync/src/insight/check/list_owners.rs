//! ADMIN.NME against the users and groups it names, both ways (Q107767, Q119563).

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::HexId;
use crate::core::format::nme::{NmeKind, NmeRecord};
use crate::core::format::{CpField, FixedRecord as _};
use crate::tree::TreeError;
use crate::tree::journal::Plan;

use super::Check;
use super::access::User;
use super::list_file::{List, PLACES_NAMED, count_of};
use super::lists::{
    BAD_POINTER, GROUP_MISSING, Group, HEXID_DIFFERS, ORPHAN, Targets, USER_MISSING,
};

/// ADMIN.NME against ACCESS2.GLB, both ways.
pub(super) fn against_users(
    check: &mut Check<'_>,
    list: &List,
    targets: &Targets,
) -> Result<(), TreeError> {
    let Some(users) = &targets.users else {
        return Ok(());
    };
    let trusted = |plan: Option<Plan>| plan.filter(|_| targets.users_agree);
    let by_offset: BTreeMap<u64, &User> = users.iter().map(|user| (user.offset, user)).collect();
    let by_mailbag: BTreeMap<HexId, &User> = users
        .iter()
        .rev()
        .filter_map(|user| Some((user.mailbag?, user)))
        .collect();
    let mut named: BTreeSet<u64> = BTreeSet::new();
    let (mut orphans, mut strays) = (BTreeSet::new(), Vec::new());
    let mut stray_patches = Vec::new();
    for (at, record) in list.records.iter().enumerate() {
        if record.nme_kind() != Some(NmeKind::Local) {
            continue;
        }
        let pointed = by_offset.get(&u64::from(record.pointer.get())).copied();
        let owner = by_mailbag.get(&HexId(record.hexid.get())).copied();
        let same_person = |user: &&User| {
            user.record.tid.get() == record.tid.get()
                || user.record.full_name.eq_ignore_case(record.alias.text())
        };
        match (pointed, owner) {
            (Some(pointed), _) if pointed.mailbag == Some(HexId(record.hexid.get())) => {
                named.insert(pointed.offset);
            }
            (Some(pointed), _) if pointed.mailbag.is_some() && same_person(&pointed) => {
                named.insert(pointed.offset);
                let right = pointed.mailbag.unwrap_or_default();
                let plan = list.patched(&[(List::offset(at) + 41, right.0.to_le_bytes())])?;
                let message = format!(
                    "{:?} has mailbag {} here, but {right} in ACCESS2.GLB.",
                    list.name(at),
                    HexId(record.hexid.get())
                );
                let offset = Some(List::offset(at) + 41);
                check.report(
                    &HEXID_DIFFERS,
                    list.path.as_str(),
                    offset,
                    message,
                    trusted(plan),
                );
            }
            // The user's record is what is damaged, not the entry.
            (Some(pointed), _) if pointed.mailbag.is_none() && same_person(&pointed) => {
                named.insert(pointed.offset);
            }
            (_, Some(owner)) => {
                named.insert(owner.offset);
                strays.push(at);
                let right = u32::try_from(owner.offset).unwrap_or(u32::MAX);
                stray_patches.push((List::offset(at) + 37, right.to_le_bytes()));
            }
            _ => {
                orphans.insert(at);
            }
        }
    }
    let plan = trusted(list.patched(&stray_patches)?);
    list.report_many(
        check,
        &BAD_POINTER,
        "pointing to the record of nobody or of another user",
        &strays,
        plan,
    );
    if !orphans.is_empty() {
        let places: Vec<usize> = orphans.iter().copied().collect();
        let plan = trusted(list.without(&orphans)?);
        list.report_many(check, &ORPHAN, "of users that do not exist", &places, plan);
    }
    missing_users(check, list, users, &named, targets.users_agree)
}

/// Users without an entry.
fn missing_users(
    check: &mut Check<'_>,
    list: &List,
    users: &[User],
    named: &BTreeSet<u64>,
    trusted: bool,
) -> Result<(), TreeError> {
    let missing: Vec<&User> = users
        .iter()
        .filter(|user| user.mailbag.is_some() && !named.contains(&user.offset))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut records = list.records.clone();
    for user in &missing {
        let mut entry = NmeRecord::zeroed();
        entry.kind = NmeKind::Local.code();
        entry.alias = if user.record.full_name.is_empty() {
            CpField::from_bytes(user.record.mailbox.text()).unwrap_or_default()
        } else {
            user.record.full_name
        };
        entry.tid = user.record.tid;
        entry
            .pointer
            .set(u32::try_from(user.offset).unwrap_or(u32::MAX));
        entry.hexid.set(user.mailbag.unwrap_or_default().0);
        records.push(entry);
    }
    let plan = list.rewritten(records)?;
    let names: Vec<String> = missing
        .iter()
        .take(PLACES_NAMED)
        .map(|user| format!("{:?}", user.record.mailbox.to_string_850()))
        .collect();
    let message = format!(
        "{} without an entry: {}{}.",
        count_of(missing.len(), "user", "users"),
        names.join(", "),
        if missing.len() > names.len() {
            ", …"
        } else {
            ""
        }
    );
    let plan = plan.filter(|_| trusted);
    check.report(&USER_MISSING, list.path.as_str(), None, message, plan);
    Ok(())
}

/// ADMIN.NME against GROUP.GLB, both ways.
pub(super) fn against_groups(
    check: &mut Check<'_>,
    list: &List,
    targets: &Targets,
) -> Result<(), TreeError> {
    let Some(groups) = &targets.groups else {
        return Ok(());
    };
    let mut named = BTreeSet::new();
    let (mut orphans, mut strays, mut patches) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (at, record) in list.records.iter().enumerate() {
        if record.nme_kind() != Some(NmeKind::Group) {
            continue;
        }
        match groups.get(&record.tid.get()) {
            Some(group) => {
                named.insert(record.tid.get());
                if group.pointer != record.pointer.get() {
                    strays.push(at);
                    patches.push((List::offset(at) + 37, group.pointer.to_le_bytes()));
                }
            }
            None => {
                orphans.insert(at);
            }
        }
    }
    let plan = list.patched(&patches)?;
    list.report_many(
        check,
        &BAD_POINTER,
        "of groups with another first member than GROUP.GLB says",
        &strays,
        plan,
    );
    if !orphans.is_empty() {
        let places: Vec<usize> = orphans.iter().copied().collect();
        let plan = list.without(&orphans)?;
        list.report_many(check, &ORPHAN, "of groups that do not exist", &places, plan);
    }
    let missing: Vec<(&u32, &Group)> = groups
        .iter()
        .filter(|(tid, _)| !named.contains(*tid))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut records = list.records.clone();
    for (tid, group) in &missing {
        let mut entry = NmeRecord::zeroed();
        entry.kind = NmeKind::Group.code();
        entry.alias = group.alias;
        entry.tid.set(**tid);
        entry.pointer.set(group.pointer);
        entry.hexid.set(**tid);
        records.push(entry);
    }
    let plan = list.rewritten(records)?;
    let names: Vec<String> = missing
        .iter()
        .take(PLACES_NAMED)
        .map(|(_, group)| format!("{:?}", group.alias.to_string_850()))
        .collect();
    let message = format!(
        "{} without an entry: {}.",
        count_of(missing.len(), "group", "groups"),
        names.join(", ")
    );
    check.report(&GROUP_MISSING, list.path.as_str(), None, message, plan);
    Ok(())
}
