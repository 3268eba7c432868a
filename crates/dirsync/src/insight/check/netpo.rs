//! Part 9: NETPO.GLB, the addresses behind the external entries of the lists (Q110223, Q112904).

use std::ops::ControlFlow;

use crate::core::format::codes::AddressCode;
use crate::core::format::netpo::{NETPO, NetPoRecord};
use crate::core::format::nme::{NME, NmeKind};
use crate::tree::TreeError;
use crate::tree::journal::Plan;

use super::super::findings::kinds;
use super::read::Eyes;
use super::{Check, counters, entries, read};

kinds! {
    BAD_CHAIN = "netpo.bad-chain" Error ("Q110100 Q112904"):
        "The chain of deleted records leads out of the file, in a circle, or to a record in use; programs that reuse a deleted record fail or destroy an address."
        => "begin with an empty chain; deleted records stay in the file unused";
    BAD_RECORD = "netpo.bad-record" Error ("Q110223 assigned"):
        "A live record has no complete address.";
    UNREFERENCED = "netpo.unreferenced" Note ("assigned Q107767"):
        "Live records to which no list points; they only take space.";
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    if !check.is_ours() {
        return Ok(());
    }
    let view = check.view();
    // Only what the chain needs is kept: 4 bytes and a mark for each record.
    let (mut next, mut live): (Vec<u32>, Vec<bool>) = (Vec::new(), Vec::new());
    let mut bad: Vec<(u64, &'static str)> = Vec::new();
    let Some(count) = read::records(view, "GLB/NETPO.GLB", &NETPO, &mut |offset, record| {
        next.push(record.next.get());
        live.push(record.is_live());
        if record.is_live()
            && let Some(why) = fault(record)
        {
            bad.push((offset, why));
        }
        ControlFlow::Continue(())
    })?
    else {
        return Ok(());
    };
    let path = read::path(view, "GLB/NETPO.GLB")?;
    for (offset, why) in bad {
        let message = format!("The record at byte {offset} {why}.");
        check.report(&BAD_RECORD, path.as_str(), Some(offset), message, None);
    }
    chain(check, &next, &live)?;
    let used = referenced(view, count)?;
    let (mut idle, mut first) = (0u64, None);
    for (at, _) in live
        .iter()
        .zip(&used)
        .enumerate()
        .filter(|(_, (live, used))| **live && !**used)
    {
        idle += 1;
        first = first.or(NETPO.record_offset(at as u64));
    }
    if idle > 0 {
        let message = format!("{idle} live records to which no list points.");
        check.report(&UNREFERENCED, path.as_str(), first, message, None);
    }
    Ok(())
}

fn fault(record: &NetPoRecord) -> Option<&'static str> {
    let names = [&record.network, &record.postoffice, &record.mailbox];
    if AddressCode::from_code(record.address_type).is_none() {
        Some("has an address type that does not exist")
    } else if names.iter().any(|name| !name.is_terminated()) {
        Some("has a name without an end")
    } else if record.network.is_empty() || record.mailbox.is_empty() {
        Some("has an empty name")
    } else {
        None
    }
}

fn chain(check: &mut Check<'_>, next: &[u32], live: &[bool]) -> Result<(), TreeError> {
    let view = check.view();
    let Some(file) = read::open(view, "GLB/NETPO.GLB")? else {
        return Ok(());
    };
    let mut head = [0u8; 4];
    if read::lenient(view, file.read_at(&mut head, 0))? != 4 {
        return Ok(());
    }
    let mut offset = u32::from_le_bytes(head);
    let mut seen = vec![false; next.len()];
    let fault = loop {
        if offset == 0 {
            return Ok(());
        }
        let place = NETPO
            .record_at(u64::from(offset))
            .and_then(|at| usize::try_from(at).ok())
            .filter(|&at| at < next.len());
        let Some(at) = place else {
            break format!("The delete chain leads to byte {offset}, where no record begins.");
        };
        if seen[at] {
            break format!("The delete chain comes back to byte {offset}.");
        }
        if live[at] {
            break format!("The delete chain leads to byte {offset}, where a live record stands.");
        }
        seen[at] = true;
        offset = next[at];
    };
    let mut plan = Plan::new();
    plan.patch(file.path().clone(), file.len(), 0, vec![0; 4])?;
    check.report(&BAD_CHAIN, file.path().as_str(), Some(0), fault, Some(plan));
    Ok(())
}

/// Which records the postoffice's list, the personal lists and their kin point to.
fn referenced(view: &Eyes<'_>, count: u64) -> Result<Vec<bool>, TreeError> {
    let mut used = vec![false; usize::try_from(count).unwrap_or(0)];
    let mut mark = |kind: u8, pointer: u32| {
        if kind == NmeKind::External.code()
            && let Some(at) = NETPO.record_at(u64::from(pointer))
            && let Some(used) = usize::try_from(at).ok().and_then(|at| used.get_mut(at))
        {
            *used = true;
        }
        ControlFlow::Continue(())
    };
    for list in counters::shared_lists(view)? {
        read::records(view, &list, &NME, &mut |_, entry| {
            mark(entry.kind, entry.pointer.get())
        })?;
    }
    let personal = entries::numbered(view, "NME", "NME")?;
    let limit = read::limit_bytes("NME", "00000000.NME").unwrap_or(u64::MAX);
    for id in personal.iter() {
        if let Some(file) = read::open_on_disk(view, &personal.path(id)?, limit)? {
            read::records_of(view, &file, &NME, &mut |_, entry| {
                mark(entry.kind, entry.pointer.get())
            })?;
        }
    }
    Ok(used)
}
