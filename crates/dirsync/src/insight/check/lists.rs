//! Part 8b: the address lists, NME files, against the users and groups they name (Q107767, Q119563).
//!
//! What can be wrong many times in one list is one finding for the list, with the first places in its
//! message, so that one repair mends all of it. The shadow of ADMIN.NME is changed together with it,
//! and only when the two agree; otherwise the part on shadows has to be mended first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::core::base::HexId;
use crate::core::base::collate::compare;
use crate::core::format::FixedRecord as _;
use crate::core::format::group::GROUP;
use crate::core::format::netpo::NETPO;
use crate::core::format::nme::{NME, NmeKind, NmeRecord};
use crate::tree::journal::Plan;
use crate::tree::view::TreeView;
use crate::tree::{RelPath, TreeError};

use super::super::findings::{FindingKind, kinds};
use super::access::{User, live_users};
use super::{Check, entries, read, shadows};

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

/// Lists longer than this are only looked at for their order, in bytes.
const LOADED_LIMIT_BYTES: u64 = 64 << 20;
/// Places that are named in the message of one list.
const PLACES_NAMED: usize = 5;

/// One list in memory.
struct List {
    path: RelPath,
    /// The shadow, for ADMIN.NME when the two agree.
    shadow: Option<RelPath>,
    /// Whether the list may be changed.
    fixable: bool,
    len: u64,
    records: Vec<NmeRecord>,
}

impl List {
    /// The list with other entries, in order.
    fn rewritten(&self, mut records: Vec<NmeRecord>) -> Result<Option<Plan>, TreeError> {
        if !self.fixable {
            return Ok(None);
        }
        // A stable sort: entries of one name keep their order.
        records.sort_by(|a, b| compare(a.alias.text(), b.alias.text()));
        let bytes: Vec<u8> = records.iter().flat_map(NmeRecord::encode).collect();
        let mut plan = Plan::new();
        if let Some(shadow) = &self.shadow {
            plan.replace(shadow.clone(), bytes.clone())?;
        }
        plan.replace(self.path.clone(), bytes)?;
        Ok(Some(plan))
    }

    /// Changes bytes of entries in place, in the shadow as well.
    fn patched(&self, patches: &[(u64, [u8; 4])]) -> Result<Option<Plan>, TreeError> {
        if !self.fixable || patches.is_empty() {
            return Ok(None);
        }
        let mut plan = Plan::new();
        for (offset, bytes) in patches {
            for path in self.shadow.iter().chain([&self.path]) {
                plan.patch(path.clone(), self.len, *offset, bytes.to_vec())?;
            }
        }
        Ok(Some(plan))
    }

    /// The list without some entries.
    fn without(&self, gone: &BTreeSet<usize>) -> Result<Option<Plan>, TreeError> {
        let kept = self
            .records
            .iter()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at));
        self.rewritten(kept.map(|(_, record)| record.clone()).collect())
    }

    fn name(&self, at: usize) -> String {
        self.records
            .get(at)
            .map_or_else(String::new, |record| record.alias.to_string_850())
    }

    fn offset(at: usize) -> u64 {
        at as u64 * NmeRecord::SIZE as u64
    }

    /// One finding for many entries: the first of them in words.
    fn report_many(
        &self,
        check: &mut Check<'_>,
        kind: &'static FindingKind,
        what: &str,
        at: &[usize],
        plan: Option<Plan>,
    ) {
        let Some(&first) = at.first() else { return };
        let mut named: Vec<String> = at
            .iter()
            .take(PLACES_NAMED)
            .map(|&at| format!("{:?} at byte {}", self.name(at), Self::offset(at)))
            .collect();
        if at.len() > named.len() {
            named.push("…".to_owned());
        }
        let message = format!(
            "{} {what}: {}.",
            count_of(at.len(), "entry", "entries"),
            named.join(", ")
        );
        check.report(
            kind,
            self.path.as_str(),
            Some(Self::offset(first)),
            message,
            plan,
        );
    }
}

/// `1 entry`, `2 entries`.
pub(super) fn count_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What the entries of lists point to.
struct Targets {
    users: Option<Vec<User>>,
    /// Which records of NETPO.GLB are live, by number.
    netpo: Option<Vec<bool>>,
    /// Pointer of each live group, by tuple id.
    groups: Option<BTreeMap<u32, Group>>,
}

struct Group {
    alias: crate::core::format::CpField<31>,
    pointer: u32,
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

fn targets(view: &TreeView) -> Result<Targets, TreeError> {
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
        netpo: known.map(|_| netpo),
        groups: found.map(|_| groups),
    })
}

/// Reports disorder and loads the list when it is not too long.
fn look(check: &mut Check<'_>, path: RelPath, is_admin: bool) -> Result<Option<List>, TreeError> {
    let view = check.view();
    let limit = read::limit_bytes("NME", "ADMIN.NME").unwrap_or(u64::MAX);
    let Some(file) = read::open_on_disk(view, &path, limit)? else {
        return Ok(None);
    };
    let loads = file.len() <= LOADED_LIMIT_BYTES;
    let whole = file.len() % NmeRecord::SIZE as u64 == 0;
    let mut records = Vec::new();
    let mut unsorted = None;
    let mut last: Option<NmeRecord> = None;
    read::records_of(&file, &NME, &mut |offset, record: &NmeRecord| {
        let falls = last
            .as_ref()
            .is_some_and(|last| compare(last.alias.text(), record.alias.text()).is_gt());
        if falls && unsorted.is_none() {
            unsorted = Some(offset);
        }
        last = Some(record.clone());
        if loads {
            records.push(record.clone());
        }
        ControlFlow::Continue(())
    })?;
    let agrees = is_admin && shadows::agree(view, "NME/ADMIN.NME", "NME/ADMINSHD.NME")?;
    let list = List {
        shadow: if agrees {
            Some(read::path(view, "NME/ADMINSHD.NME")?)
        } else {
            None
        },
        fixable: loads && whole && (agrees || !is_admin),
        len: file.len(),
        records,
        path,
    };
    if let Some(offset) = unsorted {
        let plan = list.rewritten(list.records.clone())?;
        let message = "The names are not in order from here on.".to_owned();
        check.report(&UNSORTED, list.path.as_str(), Some(offset), message, plan);
    }
    Ok(loads.then_some(list))
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

/// ADMIN.NME against ACCESS2.GLB, both ways.
fn against_users(check: &mut Check<'_>, list: &List, targets: &Targets) -> Result<(), TreeError> {
    let Some(users) = &targets.users else {
        return Ok(());
    };
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
                check.report(&HEXID_DIFFERS, list.path.as_str(), offset, message, plan);
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
    let plan = list.patched(&stray_patches)?;
    list.report_many(
        check,
        &BAD_POINTER,
        "pointing to the record of nobody or of another user",
        &strays,
        plan,
    );
    orphans_and_missing(check, list, users, &named, &orphans)
}

fn orphans_and_missing(
    check: &mut Check<'_>,
    list: &List,
    users: &[User],
    named: &BTreeSet<u64>,
    orphans: &BTreeSet<usize>,
) -> Result<(), TreeError> {
    if !orphans.is_empty() {
        let places: Vec<usize> = orphans.iter().copied().collect();
        let plan = list.without(orphans)?;
        list.report_many(check, &ORPHAN, "of users that do not exist", &places, plan);
    }
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
            crate::core::format::CpField::from_bytes(user.record.mailbox.text()).unwrap_or_default()
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
    check.report(&USER_MISSING, list.path.as_str(), None, message, plan);
    Ok(())
}

/// ADMIN.NME against GROUP.GLB, both ways.
fn against_groups(check: &mut Check<'_>, list: &List, targets: &Targets) -> Result<(), TreeError> {
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
