//! Messages that lost their headers: an envelope and a message that no mailbag names.
//!
//! A mailbag that was reset by hand (Q104279) or cut leaves them; the articles tell to move the
//! envelopes away (Q148707), which loses the mail. Here the header is made again from the message.
//! The cost is one look at every envelope and, when one is found without a header, one pass over all
//! mailbags to count who else names the message.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::core::base::HexId;
use crate::core::base::address::{Address, PoName};
use crate::core::base::finding::{Finding, Severity};
use crate::core::base::ident::{MailbagStem, mai_path};
use crate::core::format::key::Key;
use crate::core::format::mai::Mai;
use crate::core::format::mailbag::Mailbag;
use crate::core::format::mbg::{
    FLAG_NON_DELIVERY, FLAG_SYSTEM, MbgRecord, SUBJECT_MAX, message_tag,
};
use crate::core::format::p1::P1;
use crate::postoffice::mail::{BagEdit, MAI_LIMIT_BYTES, references, set_references};
use crate::postoffice::stream::Report;
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::disk::EntryName;

use super::super::mailer::{P1_LIMIT_BYTES, load_strict};
use super::super::returned::SUBJECT;
use super::super::waiting::is_part_name;
use super::STRANDED;

/// Bytes of an MBG that are read: a full one has 475,136.
const MAILBAG_LIMIT_BYTES: u64 = 1 << 20;
/// Names in one folder that are looked at.
const NAMES_LIMIT: usize = 1_000_000;

/// What was put back.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Recovered {
    /// Envelopes that were looked at.
    pub envelopes: usize,
    /// Headers that were made, by mailbag.
    pub headers: BTreeMap<String, usize>,
}

impl Recovered {
    /// Headers in all mailbags together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.headers.values().sum()
    }
}

/// Gives every message that has an envelope and no header a header again: in the outbound mailbag its
/// envelope names, in INQUEUE when this postoffice submitted it, else in INQUEUE3. What cannot be put
/// back (no message, no such mailbag, no room) is reported and stays.
///
/// # Errors
/// [`PoError::NoIdentity`], or a disk error.
pub fn recover(edit: &mut Edit<'_>, report: &mut Report<'_>) -> Result<Recovered, PoError> {
    let own = Identity::read(edit.view())?.name;
    let mut bags: BTreeMap<MailbagStem, Option<BagEdit>> = BTreeMap::new();
    let mut done = Recovered::default();
    let mut lost = Vec::new();
    for name in names(edit, "P1")? {
        if !is_part_name(&name) && !is_whole_name(&name) {
            continue;
        }
        let path = format!("P1/{name}");
        done.envelopes += 1;
        let Some(p1) = edit
            .peek(&path, P1_LIMIT_BYTES)?
            .and_then(|bytes| P1::decode(&bytes).ok())
        else {
            continue;
        };
        let places: Vec<MailbagStem> = match p1.mailbag {
            Some(id) => vec![MailbagStem::Id(id)],
            None if home(&p1, own) == MailbagStem::INQUEUE => {
                vec![MailbagStem::INQUEUE, MailbagStem::INQUEUE3]
            }
            None => vec![MailbagStem::INQUEUE3, MailbagStem::INQUEUE],
        };
        let mut named = false;
        for &place in &places {
            if let Entry::Vacant(new) = bags.entry(place) {
                new.insert(load_strict(edit, place, report)?);
            }
            // A pair that cannot be read may hold the header: then nothing is made twice.
            named |= bags
                .get(&place)
                .is_some_and(|bag| bag.as_ref().is_none_or(|bag| bag.names(p1.stem)));
        }
        if !named && let Some(&place) = places.first() {
            lost.push((path, p1, place));
        }
    }
    if lost.is_empty() {
        return Ok(done);
    }
    let stems: BTreeSet<HexId> = lost.iter().map(|(_, p1, _)| p1.stem).collect();
    let mut counts = count(edit, &stems)?;
    for (path, p1, place) in lost {
        let mai = edit
            .peek(&mai_path(p1.stem), MAI_LIMIT_BYTES)?
            .and_then(|bytes| Mai::decode(&bytes).ok());
        let Some(decoded) = mai else {
            report(stranded(
                &path,
                format!("{} cannot be read", mai_path(p1.stem)),
            ));
            continue;
        };
        let header = header_of(&decoded.mai, p1.stem)?;
        let Some(Some(bag)) = bags.get_mut(&place) else {
            report(stranded(
                &path,
                format!("mailbag {place} cannot be written"),
            ));
            continue;
        };
        match bag.append(edit, &[header]) {
            Ok(()) => {}
            Err(error @ (PoError::MailbagFull { .. } | PoError::MailbagDamaged { .. })) => {
                report(stranded(&path, error.to_string()));
                continue;
            }
            Err(error) => return Err(error),
        }
        *done.headers.entry(place.to_string()).or_default() += 1;
        let named = counts.entry(p1.stem).or_default();
        *named = named.saturating_add(1);
        if references(edit, p1.stem)? != Some(*named) {
            set_references(edit, p1.stem, *named)?;
        }
    }
    Ok(done)
}

fn is_whole_name(name: &str) -> bool {
    name.len() == 11
        && name.to_ascii_uppercase().ends_with(".P1")
        && name.bytes().take(8).all(|byte| byte.is_ascii_hexdigit())
}

/// The in-queue of a message that is not on its way to a next hop.
fn home(p1: &P1, own: PoName) -> MailbagStem {
    let submitted = p1.trace.is_empty()
        && Address::parse(&p1.originator)
            .ok()
            .and_then(|sender| sender.po())
            .is_some_and(|sender| sender == own);
    if submitted {
        MailbagStem::INQUEUE
    } else {
        MailbagStem::INQUEUE3
    }
}

fn header_of(mai: &Mai, stem: HexId) -> Result<MbgRecord, PoError> {
    let sender = Address::parse(&mai.from)
        .ok()
        .and_then(|sender| sender.mailbox());
    let name = sender
        .as_ref()
        .map_or(b"?".as_slice(), |mailbox| mailbox.text());
    let subject = &mai.subject[..mai.subject.len().min(SUBJECT_MAX)];
    let mut header = MbgRecord::new(name, subject, stem, mai.date).map_err(PoError::BadMessage)?;
    header.priority = mai.priority.byte();
    if sender.is_some_and(|mailbox| mailbox.is_special()) {
        header.flags |= FLAG_SYSTEM;
    }
    // A report about a report would bounce for ever (Q175447).
    if mai.subject == SUBJECT && name.eq_ignore_ascii_case(b"POSTMASTER") {
        header.flags |= FLAG_NON_DELIVERY;
    }
    header.attachments = u16::try_from(mai.attachments.len())
        .unwrap_or(u16::MAX)
        .into();
    let size = mai
        .attachments
        .iter()
        .fold(mai.text.len() as u64, |size, attachment| {
            size.saturating_add(u64::from(attachment.size_bytes))
        });
    header.size_bytes = u32::try_from(size).unwrap_or(u32::MAX).into();
    header.tag = message_tag(&mai.message_id).into();
    Ok(header)
}

/// How many live headers of all mailbags name each of these messages.
fn count(edit: &mut Edit<'_>, stems: &BTreeSet<HexId>) -> Result<BTreeMap<HexId, u16>, PoError> {
    let mut counts = BTreeMap::new();
    for name in names(edit, "MBG")? {
        let stem = name
            .rsplit_once('.')
            .filter(|(_, extension)| extension.eq_ignore_ascii_case("MBG"))
            .and_then(|(stem, _)| stem.to_ascii_uppercase().parse::<MailbagStem>().ok());
        let Some(stem) = stem else { continue };
        // Read past the edit, which has changed nothing yet: a working copy of every mailbag would
        // fill the memory. Half a pair is the checker's business; what cannot be read just now stops
        // the command, for a wrong count would lose the message later.
        let view = edit.view();
        let key = view.read(&stem.key_path(), MAILBAG_LIMIT_BYTES)?;
        let mbg = view.read(&stem.mbg_path(), MAILBAG_LIMIT_BYTES)?;
        let (Some(key), Some(mbg)) = (key, mbg) else {
            continue;
        };
        let Some(bag) = Key::view(&key)
            .ok()
            .and_then(|key| Mailbag::view(key, &mbg).ok())
        else {
            continue;
        };
        for (_, header) in bag.live() {
            if let Ok(Some(mai)) = header.mai.get()
                && stems.contains(&mai)
            {
                let named: &mut u16 = counts.entry(mai).or_default();
                *named = named.saturating_add(1);
            }
        }
    }
    Ok(counts)
}

/// The names in a folder, sorted.
fn names(edit: &Edit<'_>, folder: &str) -> Result<Vec<String>, PoError> {
    let mut names = Vec::new();
    let path = edit.view().path(folder)?;
    edit.view().list_on_disk(&path, &mut |entry| {
        if let EntryName::Plain(name) = entry.name {
            names.push(name);
        }
        if names.len() >= NAMES_LIMIT {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    names.sort_unstable();
    Ok(names)
}

fn stranded(path: &str, why: String) -> Finding {
    Finding {
        id: STRANDED,
        severity: Severity::Error,
        file: path.to_owned(),
        offset: None,
        message: format!("no mailbag has a header of this message, and none can be made: {why}"),
        hint:
            "`po-admin check --fix` removes an envelope whose message is gone; a mailbag is made \
               anew by `po-admin mail clear`"
                .into(),
        repair: None,
    }
}
