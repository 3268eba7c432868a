//! The interchange: mail between the agent's box and the shadow postoffice, within one server.
//!
//! Outward: the agent's mailer sorts what it has submitted; what is for another postoffice is made
//! durable in the shadow postoffice's INQUEUE3 and then taken out of the agent's box. Inward: what
//! waits in SYSTEM of the shadow postoffice is made durable in the agent's box and then taken out of
//! there. Both receivers have a ledger (design 4.2), so a crash between the two only makes a repeat,
//! which is dropped. Nothing is held locked while the other side is waited for.

use std::sync::Arc;

use crate::core::base::UnixTime;
use crate::core::base::address::{Address, PoName};
use crate::core::base::finding::Finding;
use crate::core::base::ident::{HexId, MailbagStem, mai_path};
use crate::core::format::FixedRecord as _;
use crate::core::format::compressed;
use crate::core::format::mai::{Mai, message_id};
use crate::core::format::p1::P1;
use crate::postoffice::mail::{self, BagEdit, MAI_LIMIT_BYTES};
use crate::postoffice::{Edit, Identity, PoError};
use crate::transport::link::{self, BATCH_LIMIT_BYTES, Done, Parcel, Receipt, STUCK};
use crate::transport::mailer;
use crate::tree::disk::Disk;
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, Domain, OpenOptions, TreeMut, TreeView};

use super::{AGENT, OUTBOUND, POSTOFFICE, shadow_disk};

/// Messages of one queue that a pass moves (as everywhere).
const PASS_LIMIT: usize = 50;
/// Parts of a parcel in front of its attachments: header, envelope, message.
const HEAD_PARTS: usize = 3;
/// Passes, so that nothing can keep this going for ever.
const PASSES: u32 = 10_000;

/// What moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Interchanged {
    /// Messages that reached the shadow postoffice.
    pub outward: u64,
    /// Messages that reached the agent.
    pub inward: u64,
    /// Messages that stay where they are.
    pub stuck: u64,
    /// Stems of messages to the shadow postoffice whose attachments cannot be expanded.
    pub parked: Vec<u32>,
}

/// Who works, and when.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// How trees are opened.
    pub open: &'a OpenOptions,
    /// The clock for data.
    pub now: UnixTime,
    /// The user of the operating system.
    pub user: &'a str,
}

impl Work<'_> {
    fn view(&self, disk: &Arc<dyn Disk>, domain: Domain) -> Result<TreeView, PoError> {
        Ok(TreeView::open(Arc::clone(disk), domain, self.open)?)
    }

    fn commit<T>(
        &self,
        disk: &Arc<dyn Disk>,
        domain: Domain,
        what: &'static str,
        make: impl FnOnce(&mut Edit<'_>) -> Result<(T, u64), PoError>,
    ) -> Result<T, PoError> {
        let mut tree = TreeMut::open(Arc::clone(disk), domain, self.open)?;
        let mut edit = Edit::new(tree.view());
        let (made, count) = make(&mut edit)?;
        let plan = edit.finish()?;
        let info = CommitInfo {
            command: Command::Deliver,
            user: self.user.to_owned(),
            now: self.now,
            counts: vec![(what, count)],
        };
        tree.commit(&plan, &info)?;
        Ok(made)
    }
}

/// Moves everything that waits between the agent and the shadow postoffice of the server at the root
/// of `disk`. Messages that cannot be moved are reported and stay.
///
/// # Errors
/// One of the trees cannot be opened or written.
pub fn run(
    disk: &Arc<dyn Disk>,
    work: &Work<'_>,
    report: &mut dyn FnMut(Finding),
) -> Result<Interchanged, PoError> {
    let shadow = shadow_disk(disk)?;
    let mut done = Interchanged::default();
    for _ in 0..PASSES {
        let moved = pass(disk, &shadow, work, &mut done, report)?;
        if moved == 0 {
            break;
        }
    }
    Ok(done)
}

fn pass(
    disk: &Arc<dyn Disk>,
    shadow: &Arc<dyn Disk>,
    work: &Work<'_>,
    done: &mut Interchanged,
    report: &mut dyn FnMut(Finding),
) -> Result<u64, PoError> {
    let mut moved = agent_mailer(disk, work, report)?;
    let outward = outward(disk, shadow, work, done, report)?;
    let inward = inward(disk, shadow, work, done, report)?;
    moved += outward + inward;
    if inward > 0 {
        moved += agent_mailer(disk, work, report)?;
    }
    done.outward += outward;
    done.inward += inward;
    Ok(moved)
}

/// One pass over the agent's in-queues; messages served.
fn agent_mailer(
    disk: &Arc<dyn Disk>,
    work: &Work<'_>,
    report: &mut dyn FnMut(Finding),
) -> Result<u64, PoError> {
    {
        let view = work.view(disk, AGENT)?;
        let mut waits = view.pending_commit().is_some();
        for stem in [MailbagStem::INQUEUE, MailbagStem::INQUEUE3] {
            waits |= view.stat(&stem.mbg_path())?.is_none_or(|stat| stat.len > 0);
        }
        if !waits {
            return Ok(0);
        }
    }
    work.commit(disk, AGENT, "served", |edit| {
        let totals = mailer::pass(edit, work.now, PASS_LIMIT, &mut |finding| report(finding))?;
        Ok((totals.served, totals.served))
    })
}

fn outward(
    disk: &Arc<dyn Disk>,
    shadow: &Arc<dyn Disk>,
    work: &Work<'_>,
    done: &mut Interchanged,
    report: &mut dyn FnMut(Finding),
) -> Result<u64, PoError> {
    let (own, collected) = {
        let view = work.view(disk, AGENT)?;
        let own = Identity::read(&view)?.name;
        let skip = |stem: HexId| done.parked.contains(&stem.0);
        let collected = link::collect(&view, OUTBOUND, PASS_LIMIT, &skip, &mut |finding| {
            report(finding);
        })?;
        (own, collected)
    };
    done.stuck = collected.stuck;
    let mut collected = collected;
    collected.parcels.retain_mut(|parcel| match expand(parcel) {
        Ok(()) => true,
        Err(why) => {
            // It stays in the agent's box, and those behind it go on (Q158379).
            report(stuck(MailbagStem::Id(OUTBOUND).mbg_path(), why));
            done.parked.push(parcel.stem);
            false
        }
    });
    if collected.parcels.is_empty() {
        return Ok(0);
    }
    let receipts = work.commit(shadow, POSTOFFICE, "received", |edit| {
        let receipts = link::receive(edit, None, &collected.parcels, work.now)?;
        let count = receipts.len() as u64;
        Ok((receipts, count))
    })?;
    let gone = accepted(&collected.parcels, &receipts, report);
    if gone.is_empty() {
        return Ok(0);
    }
    work.commit(disk, AGENT, "sent", |edit| {
        let count = link::sent(edit, OUTBOUND, &own, &gone, work.now)?;
        Ok((count, count))
    })
}

/// Expands the compressed attachments of a message (decisions 2.17): a postoffice reads none.
fn expand(parcel: &mut Parcel) -> Result<(), String> {
    for part in parcel.parts.iter_mut().skip(HEAD_PARTS) {
        if compressed::is_compressed(part) {
            let limit = usize::try_from(link::MESSAGE_LIMIT_BYTES).unwrap_or(usize::MAX);
            *part = compressed::expand(part, limit)
                .map_err(|error| format!("a compressed attachment cannot be expanded: {error}"))?;
        }
    }
    Ok(())
}

/// The parcels that the other side has.
fn accepted(
    parcels: &[Parcel],
    receipts: &[Receipt],
    report: &mut dyn FnMut(Finding),
) -> Vec<Done> {
    let mut gone = Vec::new();
    for (parcel, receipt) in parcels.iter().zip(receipts) {
        match receipt {
            Receipt::Stored(there) | Receipt::Repeat(there) => gone.push(Done {
                index: parcel.index,
                stem: parcel.stem,
                tag: parcel.tag,
                there: *there,
            }),
            Receipt::Refused(why) | Receipt::Full(why) => {
                report(stuck(
                    String::new(),
                    format!("a message is not taken: {why}"),
                ));
            }
        }
    }
    gone
}

fn stuck(file: String, message: String) -> Finding {
    Finding {
        id: STUCK,
        severity: crate::core::base::finding::Severity::Error,
        file,
        offset: None,
        message,
        hint: "`po-admin mail list` on the shadow postoffice shows what waits".into(),
        repair: None,
    }
}

fn inward(
    disk: &Arc<dyn Disk>,
    shadow: &Arc<dyn Disk>,
    work: &Work<'_>,
    done: &mut Interchanged,
    report: &mut dyn FnMut(Finding),
) -> Result<u64, PoError> {
    let parcels = {
        let view = work.view(shadow, POSTOFFICE)?;
        let own = Identity::read(&view)?.name;
        collect_system(&view, own, done, report)?
    };
    if parcels.is_empty() {
        return Ok(0);
    }
    let receipts = work.commit(disk, AGENT, "received", |edit| {
        let receipts = link::receive(edit, None, &parcels, work.now)?;
        let count = receipts.len() as u64;
        Ok((receipts, count))
    })?;
    let gone = accepted(&parcels, &receipts, report);
    if gone.is_empty() {
        return Ok(0);
    }
    work.commit(shadow, POSTOFFICE, "sent", |edit| {
        let bag = BagEdit::load(edit, MailbagStem::SYSTEM)?;
        let mut indexes = Vec::new();
        for (index, header) in bag.live() {
            let stem = header.mai.get().ok().flatten();
            let fits =
                |done: &&Done| Some(HexId(done.stem)) == stem && done.tag == header.tag.get();
            if gone.iter().any(|done| fits(&done)) {
                indexes.push(index);
            }
        }
        mail::remove(edit, MailbagStem::SYSTEM, &indexes)?;
        let count = indexes.len() as u64;
        Ok((count, count))
    })
}

/// What waits in SYSTEM, each with an envelope for the agent: the recipients are the dirsync
/// mailboxes of this server that the message names.
fn collect_system(
    view: &TreeView,
    own: PoName,
    done: &mut Interchanged,
    report: &mut dyn FnMut(Finding),
) -> Result<Vec<Parcel>, PoError> {
    let mut edit = Edit::new(view);
    let bag = BagEdit::load(&mut edit, MailbagStem::SYSTEM)?;
    let (mut parcels, mut bytes) = (Vec::new(), 0u64);
    for (index, header) in bag.live() {
        if parcels.len() >= PASS_LIMIT || bytes >= BATCH_LIMIT_BYTES {
            break;
        }
        let Ok(Some(stem)) = header.mai.get() else {
            continue;
        };
        match pack(&mut edit, own, stem) {
            Ok(mut parts) => {
                parts.insert(0, header.encode());
                bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>();
                parcels.push(Parcel {
                    index: index as u64,
                    stem: stem.0,
                    tag: header.tag.get(),
                    part_count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
                    parts,
                });
            }
            Err(why) => {
                done.stuck += 1;
                report(stuck(MailbagStem::SYSTEM.mbg_path(), why));
            }
        }
    }
    Ok(parcels)
}

/// Envelope, message and attachments of one message of SYSTEM.
fn pack(edit: &mut Edit<'_>, own: PoName, stem: HexId) -> Result<Vec<Vec<u8>>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let path = mai_path(stem);
    let bytes = edit
        .peek(&path, MAI_LIMIT_BYTES)
        .map_err(|error| text(&error))?
        .ok_or_else(|| format!("{path} is missing [016]"))?;
    let mai = Mai::decode(&bytes)
        .map_err(|error| format!("{path}: {error} [012]"))?
        .mai;
    let is_ours = |address: &Address| address.po() == Some(own);
    let mut to: Vec<Vec<u8>> = mai
        .to
        .iter()
        .filter(|to| Address::parse(to).is_ok_and(|address| is_ours(&address)))
        .cloned()
        .collect();
    if to.is_empty() {
        to.push(mail::address_text(&Address::system(own)));
    }
    let mut envelope = P1::for_message(&mai, stem, to);
    if envelope.message_id.is_empty() {
        envelope.message_id = message_id(&own.to_bytes(), stem, mai.date);
    }
    let mut parts = vec![envelope.encode().map_err(|error| text(&error))?, bytes];
    for attachment in &mai.attachments {
        let path = crate::core::base::ident::att_path(attachment.stem);
        let bytes = edit
            .peek(&path, link::MESSAGE_LIMIT_BYTES)
            .map_err(|error| text(&error))?
            .ok_or_else(|| format!("{path} is missing [018]"))?;
        parts.push(bytes);
    }
    Ok(parts)
}
