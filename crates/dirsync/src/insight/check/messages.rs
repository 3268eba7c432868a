//! Part 13: messages, their attachments and envelopes (Q104423, Q99204, Q101833, Q148707).
//!
//! Which message files exist, and which headers name them, are sorted lists of numbers, so a million
//! messages cost some megabytes. Of a message only its beginning is read.

use std::ops::ControlFlow;

use crate::core::base::ident::{HexId, MailbagStem};
use crate::core::format::mai::{
    COUNTER_HEAD_LEN_BYTES, COUNTER_OFFSET, Mai, counter_patch, read_counter,
};
use crate::core::format::mbg::MBG_FILE;
use crate::core::format::received;
use crate::core::format::tree::POPULATE;
use crate::tree::disk::EntryName;
use crate::tree::journal::Plan;
use crate::tree::{RelPath, TreeError};

use super::super::findings::kinds;
use super::read::{self, EntryKind};
use super::{Check, entries, mailbags};

kinds! {
    ORPHAN_MAI = "message.orphan-mai" Warning ("Q101833 Q104423"):
        "No mailbag has a header of this message; nobody can read it."
        => "remove the message file",
        loses "the message";
    COUNT_WRONG = "message.count-wrong" Error ("Q104423"):
        "The counter of a message is not the number of mailbags that hold it; it would be removed too early or stay for ever."
        => "write the counted number";
    UNREADABLE = "message.unreadable" Error ("Q99204 assigned"):
        "A message or an envelope does not begin as it must; it cannot be delivered.";
    WRONG_FOLDER = "message.wrong-folder" Error ("Q87409 Q87378"):
        "A message or an attachment stands in another folder than its last digit says; programs do not find it."
        => "move the file into its folder";
    MISSING_ATT = "message.missing-att" Error ("Q103421"):
        "A message names an attachment that does not exist; it cannot be sent.";
    ORPHAN_ATT = "message.orphan-att" Warning ("Q101833 Q103421"):
        "No message names this attachment."
        => "remove the attachment",
        loses "the attachment";
    ORPHAN_P1 = "message.orphan-p1" Warning ("Q148707 Q119642"):
        "An envelope without its message."
        => "remove the envelope",
        loses "the envelope";
    MISSING_P1 = "message.missing-p1" Error ("Q103960"):
        "A header in an in-queue names a message without an envelope; it cannot be delivered (message 21).";
    BAD_NAME = "message.bad-name" Warning ("Q87409 Q87378"):
        "The name of a file in a folder of messages or attachments is not that of one.";
    LEDGER_DAMAGED = "message.ledger-damaged" Warning ("assigned"):
        "The ledger of received messages, P1/RECEIVED.TAG, cannot be read."
        => "remove the ledger; a new one begins",
        loses "what was received already: a repeated message would be delivered again";
}

/// Bytes of a message that are read; attachments are named before the text.
const HEAD_LIMIT_BYTES: u64 = 1 << 20;

const DIGITS: &str = "0123456789ABCDEF";

/// What the headers of all mailbags name, sorted.
struct Named {
    /// Each header once.
    headers: Vec<HexId>,
    /// Headers in the two in-queues: message, queue, offset.
    queued: Vec<(HexId, RelPath, u64)>,
    /// Whether every mailbag could be read; else a message may have more headers than are known.
    complete: bool,
}

impl Named {
    fn count(&self, id: HexId) -> usize {
        let start = self.headers.partition_point(|&header| header < id);
        self.headers[start..].partition_point(|&header| header == id)
    }
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    let named = named(check)?;
    let envelopes = envelopes(check)?;
    let letters = letters(check, &named)?;
    for (id, path) in &envelopes {
        if letters.binary_search(id).is_err() {
            let mut plan = Plan::new();
            plan.remove(path.clone())?;
            let message = format!("There is no message {id}.MAI.");
            check.report(&ORPHAN_P1, path.as_str(), None, message, Some(plan));
        }
    }
    if check.is_ours() {
        for (id, mbg, offset) in &named.queued {
            let start = envelopes.partition_point(|(envelope, _)| envelope < id);
            let has = envelopes[start..]
                .iter()
                .take_while(|(envelope, _)| envelope == id)
                .any(|(_, path)| path.as_str().to_ascii_uppercase().ends_with(".P1"));
            if !has && letters.binary_search(id).is_ok() {
                let message = format!("The header names {id}.MAI, but P1/{id}.P1 does not exist.");
                check.report(&MISSING_P1, mbg.as_str(), Some(*offset), message, None);
            }
        }
        ledger(check)?;
    }
    Ok(())
}

/// The messages that headers name: in our trees live headers, in others all, since which of those
/// are deleted is not known.
fn named(check: &Check<'_>) -> Result<Named, TreeError> {
    let view = check.view();
    let keys = entries::mailbags(view, "KEY")?;
    let mbgs = entries::mailbags(view, "MBG")?;
    let limit = read::limit_bytes("MBG", "00000000.MBG").unwrap_or(u64::MAX);
    let (mut headers, mut queued) = (Vec::new(), Vec::new());
    // A lost MBG file is a lost mailbag, which the part on mailbags has mended first.
    let mut complete = keys.iter().all(|stem| mbgs.contains(stem));
    for stem in mbgs.iter() {
        let path = mbgs.path(stem)?;
        let key = if check.is_ours() {
            mailbags::key_of(check, &keys.path(stem)?)?
        } else {
            None
        };
        let Some(file) = read::open_on_disk(view, &path, limit)? else {
            complete = false;
            continue;
        };
        let in_queue = stem == MailbagStem::INQUEUE || stem == MailbagStem::INQUEUE3;
        let mut index = 0;
        read::records_of(view, &file, &MBG_FILE, &mut |offset, header| {
            let deleted = key.as_ref().is_some_and(|key| key.is_deleted(index));
            index += 1;
            if !deleted && let Ok(Some(mai)) = header.mai.get() {
                headers.push(mai);
                if in_queue {
                    queued.push((mai, path.clone(), offset));
                }
            }
            ControlFlow::Continue(())
        })?;
    }
    headers.sort_unstable();
    Ok(Named {
        headers,
        queued,
        complete,
    })
}

/// The envelopes `<id>.P1` and `<id>.Pxx`, sorted.
fn envelopes(check: &Check<'_>) -> Result<Vec<(HexId, RelPath)>, TreeError> {
    let dir = read::path(check.view(), "P1")?;
    let mut names = Vec::new();
    read::list_on_disk(check.view(), &dir, &mut |entry| {
        if let (EntryName::Plain(name), EntryKind::File) = (entry.name, entry.kind)
            && let Some((stem, ending)) = name.rsplit_once('.')
            && ending.starts_with(['P', 'p'])
            && let Ok(id) = HexId::from_ascii(stem.as_bytes())
        {
            names.push((id, name));
        }
    })?;
    names.sort();
    let mut paths = Vec::with_capacity(names.len());
    for (id, name) in names {
        paths.push((id, dir.join(&name)?));
    }
    Ok(paths)
}

/// All message files and attachments. The stems of the messages, sorted.
fn letters(check: &mut Check<'_>, named: &Named) -> Result<Vec<HexId>, TreeError> {
    let view = check.view();
    let mut all = Vec::new();
    let mut attachments = Attachments::default();
    for digit in DIGITS.chars() {
        let found = entries::numbered(view, &format!("MAI/MA{digit}"), "MAI")?;
        odd_names(check, &found.dir, &found.odd)?;
        for id in found.iter() {
            all.push(id);
            let path = found.path(id)?;
            folder(
                check,
                &path,
                id,
                digit,
                &crate::core::base::ident::mai_path(id),
            )?;
            letter(check, &path, id, named, &mut attachments)?;
        }
    }
    all.sort_unstable();
    all.dedup();
    attachments.named.sort();
    let mut stored = Vec::new();
    for digit in DIGITS.chars() {
        let found = entries::numbered(view, &format!("ATT/AT{digit}"), "ATT")?;
        odd_names(check, &found.dir, &found.odd)?;
        for id in found.iter() {
            stored.push(id);
            let path = found.path(id)?;
            folder(
                check,
                &path,
                id,
                digit,
                &crate::core::base::ident::att_path(id),
            )?;
            // One message that cannot be read may be the one that names it.
            if attachments.complete && !attachments.names(id) && check.is_ours() {
                let mut plan = Plan::new();
                plan.remove(path.clone())?;
                let message = "No message names this attachment.".to_owned();
                check.report(&ORPHAN_ATT, path.as_str(), None, message, Some(plan));
            }
        }
    }
    stored.sort_unstable();
    for (att, mai) in attachments.named {
        if stored.binary_search(&att).is_err() {
            let message =
                format!("The message names the attachment {att}.ATT, which does not exist.");
            check.report(&MISSING_ATT, mai.as_str(), None, message, None);
        }
    }
    Ok(all)
}

/// The attachments that messages name.
struct Attachments {
    /// Attachment and the message file that names it.
    named: Vec<(HexId, RelPath)>,
    /// Whether every message could be asked.
    complete: bool,
}

impl Default for Attachments {
    fn default() -> Self {
        Self {
            named: Vec::new(),
            complete: true,
        }
    }
}

impl Attachments {
    fn names(&self, id: HexId) -> bool {
        let at = self.named.partition_point(|(att, _)| *att < id);
        self.named.get(at).is_some_and(|(att, _)| *att == id)
    }
}

fn odd_names(check: &mut Check<'_>, dir: &RelPath, odd: &[String]) -> Result<(), TreeError> {
    for name in odd
        .iter()
        .filter(|name| !name.eq_ignore_ascii_case(POPULATE))
    {
        let message =
            "The name is not eight hexadecimal digits and the ending of this folder.".to_owned();
        check.report(&BAD_NAME, dir.join(name)?.as_str(), None, message, None);
    }
    Ok(())
}

fn folder(
    check: &mut Check<'_>,
    path: &RelPath,
    id: HexId,
    digit: char,
    right: &str,
) -> Result<(), TreeError> {
    if id.last_digit() == digit {
        return Ok(());
    }
    let to = read::path(check.view(), right)?;
    let plan = if read::stat_on_disk(check.view(), &to)?.is_none() {
        let mut plan = Plan::new();
        plan.move_to(path.clone(), to.clone())?;
        Some(plan)
    } else {
        None
    };
    let message = format!("The file belongs to {to}.");
    check.report(&WRONG_FOLDER, path.as_str(), None, message, plan);
    Ok(())
}

fn letter(
    check: &mut Check<'_>,
    path: &RelPath,
    id: HexId,
    named: &Named,
    attachments: &mut Attachments,
) -> Result<(), TreeError> {
    let headers = named.count(id);
    if headers == 0 {
        let mut plan = Plan::new();
        plan.remove(path.clone())?;
        let message = format!("No header names {id}.MAI.");
        let plan = named.complete.then_some(plan);
        check.report(&ORPHAN_MAI, path.as_str(), None, message, plan);
    }
    if !check.is_ours() {
        return Ok(());
    }
    let Some(file) = read::open_on_disk(check.view(), path, u64::MAX)? else {
        attachments.complete = false;
        return Ok(());
    };
    let len = file.len();
    let mut head = vec![0u8; usize::try_from(len.min(HEAD_LIMIT_BYTES)).unwrap_or(0)];
    let n = read::lenient(check.view(), file.read_at(&mut head, 0))?;
    head.truncate(n);
    drop(file);
    let decoded = if len <= HEAD_LIMIT_BYTES {
        Mai::decode(&head)
    } else {
        Mai::decode_partial(&head)
    };
    let beginning = head.get(..COUNTER_HEAD_LEN_BYTES).unwrap_or(&head);
    let (counter, decoded) = match (read_counter(beginning), decoded) {
        (Ok(counter), Ok(decoded)) => (counter, decoded),
        (Err(error), _) | (_, Err(error)) => {
            attachments.complete = false;
            let message = format!("The message cannot be read: {error}.");
            check.report(
                &UNREADABLE,
                path.as_str(),
                Some(error.offset),
                message,
                None,
            );
            return Ok(());
        }
    };
    if decoded.encrypted
        || (decoded.odd_end && len > HEAD_LIMIT_BYTES && decoded.mai.text.is_empty())
    {
        attachments.complete = false;
    }
    for attachment in &decoded.mai.attachments {
        attachments.named.push((attachment.stem, path.clone()));
    }
    if headers > 0 && usize::from(counter) != headers {
        let plan = match u16::try_from(headers) {
            Ok(right) if named.complete => {
                let (offset, bytes) = counter_patch(right);
                let mut plan = Plan::new();
                plan.patch(path.clone(), len, offset, bytes.to_vec())?;
                Some(plan)
            }
            _ => None,
        };
        let message = format!("The counter is {counter}, {headers} headers name the message.");
        check.report(
            &COUNT_WRONG,
            path.as_str(),
            Some(COUNTER_OFFSET),
            message,
            plan,
        );
    }
    Ok(())
}

fn ledger(check: &mut Check<'_>) -> Result<(), TreeError> {
    let view = check.view();
    let path = read::path(view, "P1/RECEIVED.TAG")?;
    let Some(stat) = read::stat_on_disk(view, &path)?.filter(|stat| stat.kind == EntryKind::File)
    else {
        return Ok(());
    };
    let why = match read::small_on_disk(view, path.clone(), 1 << 20)? {
        Some(file) => match received::view(&file.bytes) {
            Ok(_) => return Ok(()),
            Err(error) => error.to_string(),
        },
        None => format!("it has {} bytes", stat.len),
    };
    let mut plan = Plan::new();
    plan.remove(path.clone())?;
    let message = format!("The ledger cannot be read: {why}.");
    check.report(&LEDGER_DAMAGED, path.as_str(), None, message, Some(plan));
    Ok(())
}
