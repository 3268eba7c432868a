//! Part 10: groups: GROUP.GLB, the chains of ADMIN.GRP, MEM files, GRPMEM.GLB (Q107767, Q117895).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::core::base::HexId;
use crate::core::format::FixedRecord as _;
use crate::core::format::group::{
    GROUP, GRPMEM, GroupRecord, GrpMemRecord, MAX_LOCAL_MEMBERS, MemEntry,
};
use crate::core::format::grp::{GRP, GrpNode};
use crate::core::format::nme::{NME, NmeKind};
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::kinds;
use super::list_file::count_of;
use super::{Check, access, entries, read, shadows};

kinds! {
    MEM_MISSING = "group.mem-missing" Error ("Q117895"):
        "A group has no MEM file; mail to it from other postoffices is returned with message 7."
        => "make the MEM file from the members in ADMIN.GRP";
    MEM_DIFFERS = "group.mem-differs" Error ("Q107767 Q117895"):
        "The MEM file of a group does not hold the local members that ADMIN.GRP names."
        => "write the MEM file from the members in ADMIN.GRP";
    MEM_ORPHAN = "group.mem-orphan" Warning ("Q107767"):
        "A MEM file belongs to no group."
        => "remove the MEM file",
        loses "the list of its members";
    MEM_TOO_LONG = "group.mem-too-long" Error ("Q77926 Q117895"):
        "A MEM file holds more than 500 members.";
    CHAIN_LOOP = "group.chain-loop" Error ("Q107767"):
        "The members of a group run in a circle; programs that follow them hang."
        => "end the group before the circle closes";
    CHAIN_BAD = "group.chain-bad" Error ("Q107767 Q135932"):
        "The members of a group lead out of ADMIN.GRP, into another group, or to a free place."
        => "end the group before this place",
        loses "the members after it";
    FREE_CHAIN = "group.free-chain" Error ("Q107767 assigned"):
        "The chain of free places in ADMIN.GRP is broken; a new member could overwrite another one."
        => "begin with an empty chain; free places stay in the file unused";
    MEMBER_UNKNOWN = "group.member-unknown" Warning ("Q136050 Q107767"):
        "Members of a group do not stand in ADMIN.NME."
        => "take these members out of the group",
        loses "these memberships";
    UNKNOWN_USER = "grpmem.unknown-user" Warning ("Q102669 Q105967"):
        "GRPMEM.GLB gives group folders to a mailbag that no user has."
        => "mark the record as deleted",
        loses "these rights";
    UNKNOWN_GROUP = "grpmem.unknown-group" Warning ("Q102669 Q107767"):
        "GRPMEM.GLB names groups that do not exist."
        => "clear these places",
        loses "these rights";
}

/// The files of a pair in which a repair is made: ADMIN.GRP, and its shadow when the two agree.
struct GrpFiles {
    paths: Vec<RelPath>,
    len: u64,
    nodes: Vec<GrpNode>,
    free: u32,
}

impl GrpFiles {
    fn patch(&self, plan: &mut Plan, offset: u64, value: u32) -> Result<(), TreeError> {
        for path in &self.paths {
            plan.patch(path.clone(), self.len, offset, value.to_le_bytes().to_vec())?;
        }
        Ok(())
    }

    fn fixable(&self) -> bool {
        !self.paths.is_empty()
    }

    fn index(&self, offset: u32) -> Option<usize> {
        GRP.record_at(u64::from(offset))
            .and_then(|at| usize::try_from(at).ok())
            .filter(|&at| at < self.nodes.len())
    }
}

/// What ADMIN.NME says about a member.
struct Member {
    kind: Option<NmeKind>,
    hexid: u32,
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    too_long(check)?;
    if !check.is_ours() {
        return Ok(());
    }
    let view = check.view();
    let mut groups: Vec<(u64, GroupRecord)> = Vec::new();
    let known = read::records(view, "GLB/GROUP.GLB", &GROUP, &mut |offset, group| {
        if group.is_live() {
            groups.push((offset, group.clone()));
        }
        ControlFlow::Continue(())
    })?;
    if known.is_none() {
        return Ok(());
    }
    if let Some(files) = load(check)? {
        let members = members(check)?;
        let mut owner: Vec<bool> = vec![false; files.nodes.len()];
        for (offset, group) in &groups {
            one(check, &files, members.as_ref(), &mut owner, *offset, group)?;
        }
        free_chain(check, &files, &owner)?;
    }
    let tids: BTreeSet<u32> = groups.iter().map(|(_, group)| group.tid.get()).collect();
    let found = entries::numbered(view, "MEM", "MEM")?;
    for id in found.iter().filter(|id| !tids.contains(&id.0)) {
        let path = found.path(id)?;
        let mut plan = Plan::new();
        plan.remove(path.clone())?;
        let message = format!("No group has the tuple id {id}.");
        check.report(&MEM_ORPHAN, path.as_str(), None, message, Some(plan));
    }
    folder_rights(check, &tids)
}

fn too_long(check: &mut Check<'_>) -> Result<(), TreeError> {
    let found = entries::numbered(check.view(), "MEM", "MEM")?;
    for id in found.iter() {
        let path = found.path(id)?;
        let len = read::stat_on_disk(check.view(), &path)?.map_or(0, |stat| stat.len);
        let members = len / MemEntry::SIZE as u64;
        if members > MAX_LOCAL_MEMBERS as u64 {
            let message = format!(
                "Corrupt File. It holds {members} members, the limit is {MAX_LOCAL_MEMBERS}."
            );
            check.report(&MEM_TOO_LONG, path.as_str(), None, message, None);
        }
    }
    Ok(())
}

fn load(check: &Check<'_>) -> Result<Option<GrpFiles>, TreeError> {
    let view = check.view();
    let Some(file) = read::open(view, "GRP/ADMIN.GRP")? else {
        return Ok(None);
    };
    let mut nodes = Vec::new();
    let count = read::records_of(view, &file, &GRP, &mut |_, node: &GrpNode| {
        nodes.push(node.clone());
        ControlFlow::Continue(())
    })?;
    let mut free = [0u8; 4];
    if count.is_none() || read::lenient(view, file.read_at(&mut free, 0))? != 4 {
        return Ok(None);
    }
    let mut paths = Vec::new();
    if shadows::agree(view, "GRP/ADMIN.GRP", "GRP/ADMINSHD.GRP")? {
        paths.push(file.path().clone());
        paths.push(read::path(view, "GRP/ADMINSHD.GRP")?);
    }
    Ok(Some(GrpFiles {
        paths,
        len: file.len(),
        nodes,
        free: u32::from_le_bytes(free),
    }))
}

/// The entries of ADMIN.NME by tuple id; `None` when it cannot be read.
fn members(check: &Check<'_>) -> Result<Option<BTreeMap<u32, Member>>, TreeError> {
    let mut members = BTreeMap::new();
    let count = read::records(check.view(), "NME/ADMIN.NME", &NME, &mut |_, entry| {
        let member = Member {
            kind: entry.nme_kind(),
            hexid: entry.hexid.get(),
        };
        members.entry(entry.tid.get()).or_insert(member);
        ControlFlow::Continue(())
    })?;
    Ok(count.map(|_| members))
}

/// Where a link stands that leads to a node: in a node of ADMIN.GRP or in the group's record.
#[derive(Clone, Copy)]
enum Link {
    Head,
    Node(u32),
}

fn relink(
    check: &Check<'_>,
    files: &GrpFiles,
    group_offset: u64,
    links: &[(Link, u32)],
) -> Result<Option<Plan>, TreeError> {
    if !files.fixable() {
        return Ok(None);
    }
    let view = check.view();
    let mut plan = Plan::new();
    for &(link, to) in links {
        match link {
            Link::Node(offset) => files.patch(&mut plan, u64::from(offset) + 4, to)?,
            Link::Head => {
                let path = read::path(view, "GLB/GROUP.GLB")?;
                let len = read::stat(view, "GLB/GROUP.GLB")?.map_or(0, |stat| stat.len);
                plan.patch(path, len, group_offset + 47, to.to_le_bytes().to_vec())?;
            }
        }
    }
    Ok(Some(plan))
}

/// One group: its chain, then its MEM file.
fn one(
    check: &mut Check<'_>,
    files: &GrpFiles,
    members: Option<&BTreeMap<u32, Member>>,
    owner: &mut [bool],
    group_offset: u64,
    group: &GroupRecord,
) -> Result<(), TreeError> {
    let name = group.alias.to_string_850();
    let mut mine: BTreeSet<usize> = BTreeSet::new();
    let mut link = Link::Head;
    let mut offset = group.pointer.get();
    let mut chain: Vec<(u32, u32)> = Vec::new();
    let mut sound = true;
    while offset != 0 {
        let place = files.index(offset);
        let fault = match place {
            None => Some((
                &CHAIN_BAD,
                format!("lead to byte {offset}, where no place begins"),
            )),
            Some(at) if mine.contains(&at) => {
                Some((&CHAIN_LOOP, format!("come back to byte {offset}")))
            }
            Some(at) if owner[at] => Some((
                &CHAIN_BAD,
                format!("lead to byte {offset}, which belongs to another group"),
            )),
            Some(at) if files.nodes[at].member.get() == 0 => {
                Some((&CHAIN_BAD, format!("lead to byte {offset}, a free place")))
            }
            Some(_) => None,
        };
        if let Some((kind, how)) = fault {
            let at = match link {
                Link::Head => u64::from(offset),
                Link::Node(node) => u64::from(node) + 4,
            };
            let plan = relink(check, files, group_offset, &[(link, 0)])?;
            let path = read::path(check.view(), "GRP/ADMIN.GRP")?;
            let message = format!("The members of group {name:?} {how}.");
            check.report(kind, path.as_str(), Some(at), message, plan);
            sound = false;
            break;
        }
        let Some(at) = place else { break };
        mine.insert(at);
        chain.push((offset, files.nodes[at].member.get()));
        link = Link::Node(offset);
        offset = files.nodes[at].next.get();
    }
    for at in mine {
        owner[at] = true;
    }
    let Some(members) = members else {
        return Ok(());
    };
    if chain.iter().any(|(_, tid)| !members.contains_key(tid)) {
        if sound {
            unknown(check, files, members, group_offset, &name, &chain)?;
        }
        sound = false;
    }
    let local: Vec<u32> = chain
        .iter()
        .filter_map(|(_, tid)| members.get(tid))
        .filter(|member| member.kind == Some(NmeKind::Local))
        .map(|member| member.hexid)
        .collect();
    member_file(check, group, &name, &local, sound)
}

fn unknown(
    check: &mut Check<'_>,
    files: &GrpFiles,
    members: &BTreeMap<u32, Member>,
    group_offset: u64,
    name: &str,
    chain: &[(u32, u32)],
) -> Result<(), TreeError> {
    let mut links = Vec::new();
    let mut from = Link::Head;
    let mut skipped = false;
    let mut gone = Vec::new();
    for &(offset, tid) in chain {
        if members.contains_key(&tid) {
            if skipped {
                links.push((from, offset));
            }
            skipped = false;
            from = Link::Node(offset);
        } else {
            gone.push((offset, tid));
            skipped = true;
        }
    }
    if skipped {
        links.push((from, 0));
    }
    let plan = relink(check, files, group_offset, &links)?;
    let path = read::path(check.view(), "GRP/ADMIN.GRP")?;
    let tids: Vec<String> = gone
        .iter()
        .take(5)
        .map(|(_, tid)| format!("{tid:08X}"))
        .collect();
    let message = format!(
        "{} of group {name:?} not in ADMIN.NME: {}{}.",
        count_of(gone.len(), "member", "members"),
        tids.join(", "),
        if gone.len() > tids.len() { ", …" } else { "" }
    );
    let first = gone.first().map(|(offset, _)| u64::from(*offset));
    check.report(&MEMBER_UNKNOWN, path.as_str(), first, message, plan);
    Ok(())
}

fn member_file(
    check: &mut Check<'_>,
    group: &GroupRecord,
    name: &str,
    local: &[u32],
    sound: bool,
) -> Result<(), TreeError> {
    let view = check.view();
    let logical = format!("MEM/{}.MEM", HexId(group.tid.get()));
    let path = read::path(view, &logical)?;
    let stat = read::stat_on_disk(view, &path)?;
    let plan = || -> Result<Option<Plan>, TreeError> {
        if !sound || local.len() > MAX_LOCAL_MEMBERS {
            return Ok(None);
        }
        let bytes = local
            .iter()
            .flat_map(|mailbag| mailbag.to_le_bytes())
            .collect();
        let mut plan = Plan::new();
        plan.replace(path.clone(), bytes)?;
        Ok(Some(plan))
    };
    let Some(stat) = stat else {
        let plan = plan()?;
        let message = format!("File Does Not Exist. Group {name:?} has no MEM file.");
        check.report(&MEM_MISSING, path.as_str(), None, message, plan);
        return Ok(());
    };
    let most = (MAX_LOCAL_MEMBERS * MemEntry::SIZE) as u64;
    if !sound || stat.len > most || stat.len % MemEntry::SIZE as u64 != 0 {
        return Ok(());
    }
    let Some(file) = read::small_on_disk(view, path.clone(), most)? else {
        return Ok(());
    };
    let found: BTreeSet<u32> = file
        .bytes
        .chunks_exact(MemEntry::SIZE)
        .filter_map(|bytes| bytes.try_into().ok().map(u32::from_le_bytes))
        .collect();
    let wanted: BTreeSet<u32> = local.iter().copied().collect();
    if found != wanted {
        let lacking = wanted.difference(&found).count();
        let extra = found.difference(&wanted).count();
        let message = format!(
            "The MEM file of group {name:?} lacks {lacking} local members and has {extra} others."
        );
        let plan = plan()?;
        check.report(&MEM_DIFFERS, path.as_str(), None, message, plan);
    }
    Ok(())
}

fn free_chain(check: &mut Check<'_>, files: &GrpFiles, owner: &[bool]) -> Result<(), TreeError> {
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut offset = files.free;
    let fault = loop {
        if offset == 0 {
            return Ok(());
        }
        let Some(at) = files.index(offset) else {
            break format!("leads to byte {offset}, where no place begins");
        };
        if !seen.insert(at) {
            break format!("comes back to byte {offset}");
        }
        if owner[at] || files.nodes[at].member.get() != 0 {
            break format!("leads to byte {offset}, which holds a member");
        }
        offset = files.nodes[at].next.get();
    };
    let plan = if files.fixable() {
        let mut plan = Plan::new();
        files.patch(&mut plan, 0, 0)?;
        Some(plan)
    } else {
        None
    };
    let path = read::path(check.view(), "GRP/ADMIN.GRP")?;
    let message = format!("The chain of free places {fault}.");
    check.report(&FREE_CHAIN, path.as_str(), Some(0), message, plan);
    Ok(())
}

/// GRPMEM.GLB against the users and groups.
fn folder_rights(check: &mut Check<'_>, groups: &BTreeSet<u32>) -> Result<(), TreeError> {
    let view = check.view();
    let Some(users) = access::live_users(view)? else {
        return Ok(());
    };
    if users.iter().any(|user| user.mailbag.is_none()) {
        // Not every mailbag of a user is known.
        return Ok(());
    }
    let mailbags: BTreeSet<u32> = users
        .iter()
        .filter_map(|user| user.mailbag)
        .map(|id| id.0)
        .collect();
    let Some(file) = read::open(view, "GLB/GRPMEM.GLB")? else {
        return Ok(());
    };
    let mut bad: Vec<(u64, GrpMemRecord)> = Vec::new();
    read::records_of(
        view,
        &file,
        &GRPMEM,
        &mut |offset, record: &GrpMemRecord| {
            let known = mailbags.contains(&record.mailbag.get())
                && record.groups().all(|group| groups.contains(&group.0));
            if record.is_live() && !known {
                bad.push((offset, record.clone()));
            }
            ControlFlow::Continue(())
        },
    )?;
    let (path, len) = (file.path().clone(), file.len());
    for (offset, record) in bad {
        let mailbag = HexId(record.mailbag.get());
        let mut plan = Plan::new();
        if !mailbags.contains(&mailbag.0) {
            plan.patch(path.clone(), len, offset + 4, vec![0; 4])?;
            let message = format!("No user has the mailbag {mailbag}.");
            check.report(
                &UNKNOWN_USER,
                path.as_str(),
                Some(offset),
                message,
                Some(plan),
            );
            continue;
        }
        let mut unknown = 0;
        for (at, stem) in (0u64..).zip(&record.groups) {
            if stem.get() != 0 && !groups.contains(&stem.get()) {
                unknown += 1;
                plan.patch(path.clone(), len, offset + 8 + 4 * at, vec![0; 4])?;
            }
        }
        let message = format!(
            "The user with mailbag {mailbag} has {} that do not exist.",
            count_of(unknown, "group", "groups")
        );
        check.report(
            &UNKNOWN_GROUP,
            path.as_str(),
            Some(offset),
            message,
            Some(plan),
        );
    }
    Ok(())
}
