//! Part 6: the counters that name files and list entries (Q87386, Q117738, Q132059).

use std::ops::ControlFlow;

use crate::core::base::ident::HexId;
use crate::core::format::FixedRecord as _;
use crate::core::format::access::ACCESS2;
use crate::core::format::counters::{ControlRecord, TidRecord};
use crate::core::format::group::GROUP;
use crate::core::format::network::NETWORK;
use crate::core::format::nme::NME;
use crate::core::format::usr::USR;
use crate::tree::TreeError;
use crate::tree::disk::EntryName;
use crate::tree::journal::Plan;

use super::super::findings::kinds;
use super::read::{self, EntryKind, Eyes};
use super::{Check, entries};

kinds! {
    CONTROL_BEHIND = "control.behind" Error ("Q117738 Q132059 Q112894 Q124042"):
        "A counter of CONTROL.GLB is not above every number in use; some programs would hand out numbers that exist."
        => "set the counter above every number in use";
    TID_BEHIND = "tid.behind" Error ("Q87404 Q120449"):
        "TID.GLB is below a tuple id that stands in a list; a new entry would get the id of another one."
        => "set TID.GLB to the highest tuple id in use";
}

/// Tuple ids of the Global Address List count down from 7F67697Fh and do not come from TID.GLB
/// (Q135486); ids in this range are not counted. ASSIGNED.
const GAL_TIDS_FROM: u32 = 0x7000_0000;

/// A tuple id this far above the last one given is rather damage of the entry; following it would
/// use up the numbers. ASSIGNED.
const CREDIBLE_STEP: u32 = 1 << 24;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    control(check)?;
    if check.is_ours() {
        tid(check)?;
    }
    Ok(())
}

/// The highest mailbag number and the highest letter number in use.
#[derive(Debug, Clone, Copy, Default)]
struct Highest {
    mailbag: Option<u32>,
    letter: Option<u32>,
}

/// Looks at all names that use up numbers (DEC-092, R-NAM-009).
fn highest(check: &Check<'_>) -> Result<Highest, TreeError> {
    let view = check.view();
    let mut high = Highest::default();
    for dir in ["MBG", "KEY", "USR", "XTN", "TPL", "INF", "MMF"] {
        high.mailbag = high
            .mailbag
            .max(entries::numbered(view, dir, dir)?.last().map(|id| id.0));
    }
    let mut number = |id: Option<HexId>| high.mailbag = high.mailbag.max(id.map(|id| id.0));
    read::records(view, "GLB/NETWORK.GLB", &NETWORK, &mut |_, network| {
        for field in [network.xtn, network.mailbag] {
            number(field.get().ok().flatten());
        }
        ControlFlow::Continue(())
    })?;
    if check.is_ours() {
        read::records(view, "GLB/ACCESS2.GLB", &ACCESS2, &mut |_, user| {
            number(user.mailbag.get().ok().flatten());
            ControlFlow::Continue(())
        })?;
    }
    for digit in "0123456789ABCDEF".chars() {
        for (dir, ending) in [
            (format!("MAI/MA{digit}"), "MAI"),
            (format!("ATT/AT{digit}"), "ATT"),
        ] {
            let last = entries::numbered(view, &dir, ending)?.last();
            high.letter = high.letter.max(last.map(|id| id.0));
        }
    }
    high.letter = high.letter.max(highest_envelope(view)?);
    Ok(high)
}

/// The highest number of `P1/<id>.P1` and `P1/<id>.Pxx`; the `.0LK` there have mailbag numbers.
fn highest_envelope(view: &Eyes<'_>) -> Result<Option<u32>, TreeError> {
    let mut highest = None;
    read::list_on_disk(view, &read::path(view, "P1")?, &mut |entry| {
        if let EntryName::Plain(name) = &entry.name
            && entry.kind == EntryKind::File
            && let Some((stem, ending)) = name.rsplit_once('.')
            && ending.starts_with(['P', 'p'])
            && let Ok(id) = HexId::from_ascii(stem.as_bytes())
        {
            highest = highest.max(Some(id.0));
        }
    })?;
    Ok(highest)
}

/// CONTROL.GLB with both counters above everything in use; `None` when no number is left.
pub(super) fn control_image(check: &Check<'_>) -> Result<Option<Vec<u8>>, TreeError> {
    let high = highest(check)?;
    let fresh = ControlRecord::fresh();
    let after = |highest: Option<u32>, fresh: u32| match highest {
        Some(highest) => highest.checked_add(1).map(|next| next.max(fresh)),
        None => Some(fresh),
    };
    Ok(after(high.mailbag, fresh.next_mailbag.get())
        .zip(after(high.letter, fresh.next_letter.get()))
        .map(|(mailbag, letter)| [mailbag.to_le_bytes(), letter.to_le_bytes()].concat()))
}

fn control(check: &mut Check<'_>) -> Result<(), TreeError> {
    let Some(file) = read::small(check.view(), "GLB/CONTROL.GLB", 8)? else {
        return Ok(());
    };
    let Ok(control) = ControlRecord::decode(&file.bytes) else {
        return Ok(());
    };
    let high = highest(check)?;
    let counters = [
        (0, "mailbags", control.next_mailbag.get(), high.mailbag),
        (4, "letters", control.next_letter.get(), high.letter),
    ];
    for (offset, what, counter, highest) in counters {
        let Some(highest) = highest.filter(|&highest| counter <= highest) else {
            continue;
        };
        let plan = match highest.checked_add(1) {
            Some(next) => {
                let mut plan = Plan::new();
                plan.patch(file.path.clone(), 8, offset, next.to_le_bytes().to_vec())?;
                Some(plan)
            }
            None => None,
        };
        check.report(
            &CONTROL_BEHIND,
            file.path.as_str(),
            Some(offset),
            format!("The next number for {what} is {counter:08X}, but {highest:08X} is in use."),
            plan,
        );
    }
    Ok(())
}

fn tid(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let Some(file) = read::small(view, "GLB/TID.GLB", 4)? else {
        return Ok(());
    };
    let Ok(record) = TidRecord::decode(&file.bytes) else {
        return Ok(());
    };
    let mut highest = 0;
    let mut seen = |tid: u32| {
        if tid < GAL_TIDS_FROM {
            highest = highest.max(tid);
        }
        ControlFlow::Continue(())
    };
    // Personal lists are copies of other lists, GAL.NME has ids of its own.
    read::records(view, "GLB/ACCESS2.GLB", &ACCESS2, &mut |_, user| {
        seen(user.tid.get())
    })?;
    read::records(view, "GLB/GROUP.GLB", &GROUP, &mut |_, group| {
        seen(group.tid.get())
    })?;
    for list in shared_lists(view)? {
        read::records(view, &list, &NME, &mut |_, entry| seen(entry.tid.get()))?;
    }
    let lists = entries::numbered(view, "USR", "USR")?;
    let limit = read::limit_bytes("USR", "00000000.USR").unwrap_or(u64::MAX);
    for id in lists.iter() {
        if let Some(list) = read::open_on_disk(view, &lists.path(id)?, limit)? {
            read::records_of(view, &list, &USR, &mut |_, user| seen(user.tid.get()))?;
        }
    }
    let last = record.last.get();
    if highest > last {
        let mut plan = Plan::new();
        plan.patch(file.path.clone(), 4, 0, highest.to_le_bytes().to_vec())?;
        let credible = highest - last <= CREDIBLE_STEP;
        check.report(
            &TID_BEHIND,
            file.path.as_str(),
            Some(0),
            format!("The last tuple id given is {last:08X}, but {highest:08X} is in use."),
            credible.then_some(plan),
        );
    }
    Ok(())
}

/// The lists of the postoffice whose entries have ids from TID.GLB: ADMIN.NME and those of the
/// gateways, not the shadow, the personal ones and the GAL.
pub(super) fn shared_lists(view: &Eyes<'_>) -> Result<Vec<String>, TreeError> {
    let found = entries::numbered(view, "NME", "NME")?;
    Ok(found
        .odd
        .iter()
        .map(|name| name.to_ascii_uppercase())
        .filter(|name| {
            name.ends_with(".NME")
                && !["ADMINSHD.NME", "GAL.NME", "GAL$.NME", "VIEW.NME"].contains(&name.as_str())
                && !name.starts_with("TMP")
        })
        .map(|name| format!("NME/{name}"))
        .collect())
}
