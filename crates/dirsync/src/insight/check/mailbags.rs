//! Part 12: mailbags, the pairs of KEY and MBG, and what their headers say (Q132744, Q87408).

use std::ops::ControlFlow;

use crate::core::base::ident::{HexId, MailbagStem};
use crate::core::format::key::{Key, MAILBAG_RECORDS_MAX};
use crate::core::format::mbg::{MBG_FILE, MbgRecord};
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::{FindingKind, kinds};
use super::Check;
use super::entries::{self, Stems};
use super::read;

kinds! {
    KEY_WITHOUT_MBG = "mailbag.key-without-mbg" Error ("Q132744 Q87415"):
        "A mailbag has its KEY file but no MBG file; mail to it fails."
        => "make an empty MBG file and reset the KEY file";
    MBG_WITHOUT_KEY = "mailbag.mbg-without-key" Error ("Q132744 Q87408 Q112887"):
        "A mailbag has its MBG file but no KEY file; its owner cannot read mail."
        => "make a KEY file in which the headers without a message file are marked as deleted",
        loses "which of the other headers were deleted: they show again";
    BITS_ABOVE_COUNT = "mailbag.bits-above-count" Warning ("Q119088 assigned"):
        "The KEY file marks headers as deleted that the MBG file does not have; a new header would be born deleted."
        => "clear the marks that belong to no header";
    BAD_HEADER = "mailbag.bad-header" Error ("Q173099 Q123319"):
        "A header does not name a message file."
        => "mark the header as deleted",
        loses "the header: sender, subject and date";
    DUPLICATE_MAI = "mailbag.duplicate-mai" Error ("Q127752"):
        "Two headers of one mailbag name the same message."
        => "mark the later header as deleted";
    TOO_MANY = "mailbag.too-many" Error ("Q119088 Q163020"):
        "The mailbag has more headers than its KEY file has marks for; the rest is never shown.";
    MISSING_MAI = "mailbag.missing-mai" Error ("Q103421 Q99204"):
        "A header names a message file that does not exist."
        => "mark the header as deleted",
        loses "the header: sender, subject and date";
    BAD_DATE = "mailbag.bad-date" Note ("Q123319 assigned"):
        "The date of a header is none.";
    SPECIAL_MISSING = "mailbag.special-missing" Error ("Q130449 Q136333 Q102492"):
        "A mailbag that the mail system itself needs does not exist."
        => "make the empty pair of KEY and MBG";
}

/// Mailbags that every postoffice of version 3 has.
const SPECIAL: [MailbagStem; 3] = [
    MailbagStem::INQUEUE,
    MailbagStem::INQUEUE3,
    MailbagStem::SYSTEM,
];

/// Findings of one kind in one mailbag that are listed one by one.
const LISTED_IN_MAILBAG: usize = 100;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    let keys = entries::mailbags(check.view(), "KEY")?;
    let mbgs = entries::mailbags(check.view(), "MBG")?;
    let letters = all_letters(check)?;
    for stem in keys.iter().filter(|&stem| !mbgs.contains(stem)) {
        key_alone(check, &keys, &mbgs, stem)?;
    }
    for stem in mbgs.iter() {
        if keys.contains(stem) {
            pair(check, &keys, &mbgs, stem, &letters)?;
        } else {
            mbg_alone(check, &keys, &mbgs, stem, &letters)?;
        }
    }
    for stem in SPECIAL {
        if !keys.contains(stem) && !mbgs.contains(stem) {
            let (key, mbg) = (keys.path(stem)?, mbgs.path(stem)?);
            let message = format!("The mailbag {stem} does not exist.");
            let shown = key.as_str().to_owned();
            check.report(
                &SPECIAL_MISSING,
                &shown,
                None,
                message,
                Some(empty_pair(key, mbg)?),
            );
        }
    }
    Ok(())
}

/// The stems of all message files, sorted.
pub(super) fn all_letters(check: &Check<'_>) -> Result<Vec<HexId>, TreeError> {
    let mut all = Vec::new();
    for digit in "0123456789ABCDEF".chars() {
        let dir = format!("MAI/MA{digit}");
        all.extend(entries::numbered(check.view(), &dir, "MAI")?.iter());
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The empty mailbag: an MBG of 0 bytes and a KEY of zeros (Q104279).
pub(super) fn empty_pair(key: RelPath, mbg: RelPath) -> Result<Plan, TreeError> {
    let mut plan = Plan::new();
    plan.replace(key, Key::empty().bytes().to_vec())?;
    plan.replace(mbg, Vec::new())?;
    Ok(plan)
}

fn key_alone(
    check: &mut Check<'_>,
    keys: &Stems<MailbagStem>,
    mbgs: &Stems<MailbagStem>,
    stem: MailbagStem,
) -> Result<(), TreeError> {
    let (key, mbg) = (keys.path(stem)?, mbgs.path(stem)?);
    let message = format!("KEY Exists Without MBG. {mbg} is missing.");
    let shown = key.as_str().to_owned();
    check.report(
        &KEY_WITHOUT_MBG,
        &shown,
        None,
        message,
        Some(empty_pair(key, mbg)?),
    );
    Ok(())
}

fn mbg_alone(
    check: &mut Check<'_>,
    keys: &Stems<MailbagStem>,
    mbgs: &Stems<MailbagStem>,
    stem: MailbagStem,
    letters: &[HexId],
) -> Result<(), TreeError> {
    let (key_path, mbg_path) = (keys.path(stem)?, mbgs.path(stem)?);
    let mut key = Key::empty();
    each_header(check, &mbg_path, &mut |index, _, header| {
        let gone = match header.mai.get() {
            Ok(Some(mai)) => letters.binary_search(&mai).is_err(),
            _ => true,
        };
        if gone {
            key.set_deleted(index, true);
        }
    })?;
    let mut plan = Plan::new();
    plan.replace(key_path.clone(), key.bytes().to_vec())?;
    check.report(
        &MBG_WITHOUT_KEY,
        mbg_path.as_str(),
        None,
        format!("MBG Exists Without KEY. {key_path} is missing."),
        Some(plan),
    );
    Ok(())
}

/// Calls `each` with index, offset and record of every header that a KEY can mark.
pub(super) fn each_header(
    check: &Check<'_>,
    mbg: &RelPath,
    each: &mut dyn FnMut(usize, u64, &MbgRecord),
) -> Result<Option<u64>, TreeError> {
    let limit = read::limit_bytes("MBG", "00000000.MBG").unwrap_or(u64::MAX);
    let Some(file) = read::open_on_disk(check.view(), mbg, limit)? else {
        return Ok(None);
    };
    let mut index = 0;
    read::records_of(check.view(), &file, &MBG_FILE, &mut |offset, header| {
        each(index, offset, header);
        index += 1;
        if index < MAILBAG_RECORDS_MAX {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })
}

/// The KEY file of a mailbag, when it has its 560 bytes.
pub(super) fn key_of(check: &Check<'_>, path: &RelPath) -> Result<Option<Key>, TreeError> {
    let file = read::small_on_disk(check.view(), path.clone(), 560)?;
    Ok(file.and_then(|file| Key::view(&file.bytes).ok().cloned()))
}

/// What is wrong with the headers of one mailbag, by kind.
#[derive(Default)]
struct Bad {
    /// Index, offset and message of each bad header.
    headers: Vec<(usize, u64, String)>,
    /// All their indices, also of those that are not listed.
    indices: Vec<usize>,
}

impl Bad {
    fn add(&mut self, index: usize, offset: u64, message: impl FnOnce() -> String) {
        if self.headers.len() < LISTED_IN_MAILBAG {
            self.headers.push((index, offset, message()));
        }
        self.indices.push(index);
    }

    /// Reports them; all share the plan that marks all of them as deleted.
    fn report(
        self,
        check: &mut Check<'_>,
        kind: &'static FindingKind,
        mbg: &RelPath,
        key: Option<(&RelPath, &Key)>,
    ) -> Result<(), TreeError> {
        if self.indices.is_empty() {
            return Ok(());
        }
        let plan = match key {
            Some((path, key)) => {
                let mut key = key.clone();
                for &index in &self.indices {
                    key.set_deleted(index, true);
                }
                Some(key_plan(path, &key)?)
            }
            None => None,
        };
        let left = self.indices.len() - self.headers.len();
        let last = self.headers.len().saturating_sub(1);
        for (at, (_, offset, mut message)) in self.headers.into_iter().enumerate() {
            if at == last && left > 0 {
                message.push_str(&format!(" So are {left} more headers of this mailbag."));
            }
            check.report(kind, mbg.as_str(), Some(offset), message, plan.clone());
        }
        Ok(())
    }
}

/// Writes the marks of a KEY file.
fn key_plan(path: &RelPath, key: &Key) -> Result<Plan, TreeError> {
    let mut plan = Plan::new();
    plan.patch(path.clone(), 560, 48, key.bytes()[48..].to_vec())?;
    Ok(plan)
}

fn pair(
    check: &mut Check<'_>,
    keys: &Stems<MailbagStem>,
    mbgs: &Stems<MailbagStem>,
    stem: MailbagStem,
    letters: &[HexId],
) -> Result<(), TreeError> {
    let (key_path, mbg_path) = (keys.path(stem)?, mbgs.path(stem)?);
    let ours = check.is_ours();
    // Where the marks stand is our choice: on other trees no header is known to be live.
    let key = if ours {
        key_of(check, &key_path)?
    } else {
        None
    };
    let is_live = |index: usize| key.as_ref().is_some_and(|key| !key.is_deleted(index));
    let mut live: Vec<(HexId, usize, u64)> = Vec::new();
    let (mut bad, mut missing, mut twice) = (Bad::default(), Bad::default(), Bad::default());
    let mut dates = Vec::new();
    let count = each_header(check, &mbg_path, &mut |index, offset, header| {
        if ours && !is_live(index) {
            return;
        }
        match header.mai.get() {
            Ok(Some(_)) if !ours => {}
            Ok(Some(mai)) if letters.binary_search(&mai).is_ok() => {
                live.push((mai, index, offset));
            }
            Ok(Some(mai)) => missing.add(index, offset, || {
                format!("Header {index} names {mai}.MAI, which does not exist.")
            }),
            _ => bad.add(index, offset, || {
                format!(
                    "Header {index} names the message file \"{}\".",
                    header.mai.raw().escape_ascii()
                )
            }),
        }
        if ours && header.date.civil().is_none() && dates.len() < LISTED_IN_MAILBAG {
            dates.push((index, offset));
        }
    })?;
    let Some(count) = count else {
        return Ok(());
    };
    if count > MAILBAG_RECORDS_MAX as u64 {
        check.report(
            &TOO_MANY,
            mbg_path.as_str(),
            Some(MAILBAG_RECORDS_MAX as u64 * MBG_FILE.record_len()),
            format!("The mailbag has {count} headers, the limit is {MAILBAG_RECORDS_MAX}."),
            None,
        );
    }
    live.sort_unstable();
    for pair in live.windows(2) {
        let ((first, first_index, _), (second, index, offset)) = (pair[0], pair[1]);
        if first == second {
            twice.add(index, offset, || {
                format!("Headers {first_index} and {index} both name {second}.MAI.")
            });
        }
    }
    let marks = key.as_ref().map(|key| (&key_path, key));
    bad.report(check, &BAD_HEADER, &mbg_path, marks)?;
    missing.report(check, &MISSING_MAI, &mbg_path, marks)?;
    twice.report(check, &DUPLICATE_MAI, &mbg_path, marks)?;
    for (index, offset) in dates {
        check.report(
            &BAD_DATE,
            mbg_path.as_str(),
            Some(offset),
            format!("The date of header {index} is none."),
            None,
        );
    }
    let records = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .min(MAILBAG_RECORDS_MAX);
    if let Some(key) = &key
        && key.stray_bits(records) > 0
    {
        let stray = key.stray_bits(records);
        let mut clean = key.clone();
        clean.clear_from(records);
        let plan = key_plan(&key_path, &clean)?;
        check.report(
            &BITS_ABOVE_COUNT,
            key_path.as_str(),
            Some(48),
            format!("{stray} headers are marked as deleted that the MBG file ({records} headers) does not have."),
            Some(plan),
        );
    }
    Ok(())
}
