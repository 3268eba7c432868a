//! Part 16: the Global Address List, three files that belong together (Q86375, Q135486, Q99117).
//!
//! The list is made from the others, never edited, so the repair of any fault is the published one:
//! remove the three files and build them again.

use std::ops::ControlFlow;

use crate::core::base::collate;
use crate::core::format::FixedRecord as _;
use crate::core::format::counters::TidRecord;
use crate::core::format::galindex::{GALINDEX, GalIndex, GalIndexEntry, words};
use crate::core::format::galnetpo::GALNETPO;
use crate::core::format::master::MasterRecord;
use crate::core::format::nme::{NME, NmeKind, NmeRecord};
use crate::tree::TreeError;
use crate::tree::journal::Plan;

use super::super::findings::{FindingKind, kinds};
use super::{Check, read};

kinds! {
    MISSING = "gal.missing" Note ("Q86375"):
        "There is no Global Address List; clients do not show one. `glb-import rebuild` makes it.";
    MISSING_PART = "gal.missing-part" Error ("Q86375 Q99117"):
        "One of the three files of the Global Address List is missing; clients hide the list."
        => "remove the other two",
        loses "the Global Address List until `glb-import rebuild` makes it again";
    UNSORTED = "gal.unsorted" Error ("Q86375"):
        "The Global Address List is not in order; clients miss names."
        => "remove the three files of the list",
        loses "the Global Address List until `glb-import rebuild` makes it again";
    INDEX_BAD = "gal.index-bad" Error ("Q86375"):
        "GALINDEX.GLB does not belong to GAL.NME; searches find nothing or the wrong names."
        => "remove the three files of the list",
        loses "the Global Address List until `glb-import rebuild` makes it again";
    BAD_POINTER = "gal.bad-pointer" Error ("Q96060 Q116436"):
        "Entries of the Global Address List have no address in GALNETPO.GLB; mail to them goes nowhere."
        => "remove the three files of the list",
        loses "the Global Address List until `glb-import rebuild` makes it again";
    TID_LOW = "gal.tid-low" Error ("Q135486"):
        "The tuple ids of the Global Address List have come down to those of TID.GLB; a rebuild logs message 39."
        => "remove the three files of the list",
        loses "the Global Address List until `glb-import rebuild` makes it again";
}

const FILES: [&str; 3] = ["NME/GAL.NME", "GLB/GALINDEX.GLB", "GLB/GALNETPO.GLB"];

/// Lists and indexes longer than this are not compared with each other, in bytes.
const LOADED_LIMIT_BYTES: u64 = 64 << 20;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    let mut there = Vec::new();
    let mut missing = Vec::new();
    for file in FILES {
        let path = read::path(check.view(), file)?;
        match read::stat_on_disk(check.view(), &path)? {
            Some(_) => there.push(path),
            None => missing.push(path),
        }
    }
    if there.is_empty() {
        // Before the first rebuild there is none, and the clients do not look for one (Q86375).
        let never_made = check.is_ours()
            && read::small(check.view(), "GLB/MASTER.GLB", 4096)?
                .and_then(|file| MasterRecord::decode(&file.bytes).ok())
                .is_some_and(|master| master.gal_enabled == 0);
        if never_made {
            return Ok(());
        }
        let message = "There is no Global Address List.".to_owned();
        check.report(&MISSING, "", None, message, None);
        return Ok(());
    }
    for path in &missing {
        let message =
            "The other files of the Global Address List exist, this one does not.".to_owned();
        let plan = removal(check)?;
        check.report(&MISSING_PART, path.as_str(), None, message, Some(plan));
    }
    if !missing.is_empty() || !check.is_ours() {
        return Ok(());
    }
    entries(check)?;
    index(check)?;
    tids(check)
}

/// Removes what there is of the three files.
fn removal(check: &Check<'_>) -> Result<Plan, TreeError> {
    let mut plan = Plan::new();
    for file in FILES {
        let path = read::path(check.view(), file)?;
        if read::stat_on_disk(check.view(), &path)?.is_some() {
            plan.remove(path)?;
        }
    }
    Ok(plan)
}

fn bad(
    check: &mut Check<'_>,
    kind: &'static FindingKind,
    file: &str,
    offset: Option<u64>,
    message: String,
) -> Result<(), TreeError> {
    let plan = removal(check)?;
    let path = read::path(check.view(), file)?;
    check.report(kind, path.as_str(), offset, message, Some(plan));
    Ok(())
}

/// Order of the names, and where external entries point.
fn entries(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let addresses = read::open(view, "GLB/GALNETPO.GLB")?
        .map(|file| file.len().saturating_sub(GALNETPO.header_len()) / GALNETPO.record_len());
    let (mut unsorted, mut lost) = (None, None);
    let mut last: Option<NmeRecord> = None;
    read::records(
        view,
        "NME/GAL.NME",
        &NME,
        &mut |offset, entry: &NmeRecord| {
            let falls = last.as_ref().is_some_and(|last| {
                collate::compare(last.alias.text(), entry.alias.text()).is_gt()
            });
            if falls && unsorted.is_none() {
                unsorted = Some(offset);
            }
            last = Some(entry.clone());
            if entry.nme_kind() == Some(NmeKind::External)
                && lost.is_none()
                && let Some(count) = addresses
                && GALNETPO
                    .record_at(u64::from(entry.pointer.get()))
                    .is_none_or(|at| at >= count)
            {
                lost = Some((offset, entry.alias.to_string_850()));
            }
            ControlFlow::Continue(())
        },
    )?;
    if let Some(offset) = unsorted {
        let message = "The names are not in order from here on.".to_owned();
        bad(check, &UNSORTED, "NME/GAL.NME", Some(offset), message)?;
    }
    if let Some((offset, name)) = lost {
        let message = format!("{name:?} points to no record of GALNETPO.GLB.");
        bad(check, &BAD_POINTER, "NME/GAL.NME", Some(offset), message)?;
    }
    Ok(())
}

fn index(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let (Some(list), Some(index)) = (
        read::small(view, "NME/GAL.NME", LOADED_LIMIT_BYTES)?,
        read::small(view, "GLB/GALINDEX.GLB", LOADED_LIMIT_BYTES)?,
    ) else {
        return Ok(());
    };
    let Ok(list) = NME.view(&list.bytes) else {
        return Ok(());
    };
    if !GALINDEX
        .view(&index.bytes)
        .is_ok_and(|view| view.trailing.is_empty())
    {
        // A wrong length is the business of the part on sizes.
        return Ok(());
    }
    let fault = match GalIndex::new(&index.bytes, list.records) {
        Ok(index) => index_fault(&index, list.records),
        Err(error) => Some((error.offset, error.to_string())),
    };
    match fault {
        Some((offset, why)) => {
            let message = format!("The index does not fit the list: {why}.");
            bad(check, &INDEX_BAD, "GLB/GALINDEX.GLB", Some(offset), message)
        }
        None => Ok(()),
    }
}

/// The first fault of an index: an entry that leads nowhere, the wrong number of entries, or one
/// out of order.
fn index_fault(index: &GalIndex<'_>, list: &[NmeRecord]) -> Option<(u64, String)> {
    let wanted: usize = list
        .iter()
        .map(|entry| words(entry.alias.text(), collate::key).count())
        .sum();
    let found = index.entries();
    let header = GALINDEX.header_len();
    if found.len() != wanted {
        let why = format!("it has {} words, the names have {wanted}", found.len());
        return Some((header, why));
    }
    let mut last: Option<(usize, Vec<u8>, u32, u16)> = None;
    for (at, entry) in found.iter().enumerate() {
        let offset = header + at as u64 * GalIndexEntry::SIZE as u64;
        let Some(word) = index.word(entry, collate::key) else {
            return Some((offset, format!("the entry at byte {offset} names no word")));
        };
        let slot = collate::slot_letter(word)
            .and_then(collate::slot_index)
            .map_or(0, |slot| slot + 1);
        let key = (
            slot,
            collate::fold_word(word),
            entry.offset.get(),
            entry.word.get(),
        );
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Some((
                offset,
                format!("the entry at byte {offset} is out of order"),
            ));
        }
        last = Some(key);
    }
    None
}

fn tids(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let (Some(file), Some(tid)) = (
        read::open(view, "GLB/GALNETPO.GLB")?,
        read::small(view, "GLB/TID.GLB", TidRecord::SIZE as u64)?,
    ) else {
        return Ok(());
    };
    let Ok(tid) = TidRecord::decode(&tid.bytes) else {
        return Ok(());
    };
    let mut head = [0u8; 4];
    if read::lenient(view, file.read_at(&mut head, 0))? != 4 {
        return Ok(());
    }
    let (lowest, last) = (u32::from_le_bytes(head), tid.last.get());
    if lowest <= last {
        let message = format!(
            "The lowest tuple id of the Global Address List is {lowest:08X}, the last of TID.GLB {last:08X}."
        );
        bad(check, &TID_LOW, "GLB/GALNETPO.GLB", Some(0), message)?;
    }
    Ok(())
}
