//! Handing messages of one queue database over to another.
//!
//! As between postoffices: [`collect`] reads through a view, [`receive`] makes durable in one commit with
//! the ledger, [`sent`] takes out. A message leaves as the bytes of its two objects; what it gets at the
//! receiver are new objects of the same content, MTS-ID and time of submission. Its reference object
//! carries the MTAs that had it before. One that comes back to an MTA it has passed, or has passed 512 of
//! them (Q160534), is a loop: its sender is told, `[004]` or `[003]`.
//!
//! What arrives is routed at once: to a further connector, to the agent of this server, or onto the queue
//! of the MS Mail connector for everybody else. Only one copy of a message with many recipients is
//! handed over (Q195200).

use std::collections::BTreeMap;

use crate::core::base::address::{Address, MailboxName, PoName};
use crate::core::base::codepage::CodePage;
use crate::core::base::ident::HexId;
use crate::core::base::time::UnixTime;
use crate::core::base::{DecodeError, finding::Finding};
use crate::core::format::FixedRecord as _;
use crate::core::format::mai::{Mai, message_id};
use crate::core::format::mbg::{FLAG_NON_DELIVERY, MbgRecord, message_tag};
use crate::core::format::mta::message::{Data, Reference};
use crate::core::format::mta::queue::MemberRecord;
use crate::core::format::mta::{Keep, MessageKind, ObjectId, Priority, Scanner};
use crate::core::format::p1::P1;
use crate::mta::MtaError;
use crate::mta::edit::{Destination, Fate, MtaEdit, NewMessage};
use crate::mta::mail::{self, Content, Posting, Put, Submitter, mts_hash};
use crate::mta::store::{Database, FileState};
use crate::postoffice::mail::Outgoing;
use crate::tree::TreeView;
use crate::tree::ledger::Ledger;

use super::super::book::LinkState;
use super::super::link::{BATCH_LIMIT_BYTES, Done, Parcel, Receipt, require_free, stuck};
use super::super::returned::{Failure, Returned};
use super::super::waiting::Outbound;
use super::table::{Table, parts_of};

/// MTAs that a message may pass (Q160534).
pub const HOPS_MAX: usize = 512;
/// Free space that is left on the disk of a database, in bytes: below it the MTA ends itself (Q152918).
pub const SPACE_FLOOR_BYTES: u64 = 10 << 20;
/// Largest object that is handed over, in bytes.
const OBJECT_LIMIT_BYTES: u64 = 256 << 20;
/// The mailbox that is told about system mail (Q164464).
const ADMINISTRATOR: &[u8] = b"ADMIN";

/// In which order messages leave: urgent ones and reports, then normal ones, then the rest (Q161936,
/// Q215472).
#[must_use]
pub fn rank(member: &MemberRecord) -> u8 {
    match (member.message_kind(), member.priority()) {
        (Some(MessageKind::Report), _) | (_, Priority::Urgent) => 0,
        (_, Priority::Normal) => 1,
        (_, Priority::NonUrgent) => 2,
    }
}

/// The connectors in whose queues something waits, or whose links do not work.
///
/// # Errors
/// A damaged database, or a disk error.
pub fn outbound(view: &TreeView) -> Result<Vec<Outbound>, MtaError> {
    let Some(table) = Table::load(view)? else {
        return Ok(Vec::new());
    };
    let db = Database::open(view)?;
    let queues = db.super_queue()?;
    let mut found = Vec::new();
    for connector in &table.connectors {
        let Some(entry) = queues.by_name(&table.queue_of(connector)) else {
            continue;
        };
        let queue = db.queue(entry.id)?;
        let times = queue.members.iter().map(|member| member.submitted.get());
        let oldest = times.min().unwrap_or(0);
        if queue.members.is_empty() && connector.link.state() == LinkState::Up {
            continue;
        }
        found.push(Outbound {
            mailbag: entry.id.0,
            via: Some(connector.server.clone()),
            waiting: queue.members.len() as u64,
            oldest,
            path: connector
                .path
                .as_ref()
                .map(|path| format!("{path}/{}", crate::mta::HOME)),
            link: connector.link.clone(),
        });
    }
    Ok(found)
}

/// Reads at most `limit` messages of a queue, those of the highest rank first.
///
/// # Errors
/// A damaged queue, or a disk error. An object that cannot be read is reported and passed over.
pub fn collect(
    view: &TreeView,
    queue: ObjectId,
    limit: usize,
    skip: &[u32],
    report: &mut dyn FnMut(Finding),
) -> Result<(Vec<Parcel>, u64), MtaError> {
    let db = Database::open(view)?;
    let mut members = db.queue(queue)?.members;
    members.sort_by_key(rank);
    let (mut parcels, mut bytes, mut faulty) = (Vec::new(), 0u64, 0);
    for member in members {
        if parcels.len() >= limit || bytes >= BATCH_LIMIT_BYTES {
            break;
        }
        let id = member.object();
        if skip.contains(&id.0) || member.message_kind().is_none() {
            continue;
        }
        match pack(&db, id)? {
            Ok(parcel) => {
                bytes += parcel.len_bytes();
                parcels.push(parcel);
            }
            Err(why) => {
                faulty += 1;
                report(stuck(
                    format!("{}/{}", crate::mta::HOME, id.file_name()),
                    None,
                    why,
                ));
            }
        }
    }
    Ok((parcels, faulty))
}

/// The bytes of both objects of a message, or why it stays.
fn pack(db: &Database<'_>, id: ObjectId) -> Result<Result<Parcel, String>, MtaError> {
    let bytes_of = |id: ObjectId| -> Result<Option<Vec<u8>>, MtaError> {
        Ok(db
            .view()
            .read_on_disk(&db.path_of(id.number())?, OBJECT_LIMIT_BYTES)?)
    };
    let Some(reference) = bytes_of(id)? else {
        return Ok(Err("the file is missing".to_owned()));
    };
    let header = match Scanner::scan(&reference, Keep::All) {
        Ok(found) if found.header.id == id => found.header,
        Ok(_) => return Ok(Err("it holds another object".to_owned())),
        Err(error) => return Ok(Err(error.to_string())),
    };
    if header.used {
        return Ok(Err("it was delivered, only the file is left".to_owned()));
    }
    let Some(data) = bytes_of(header.partner)? else {
        return Ok(Err(format!("{} is missing", header.partner.file_name())));
    };
    Ok(Ok(Parcel {
        index: header.serial,
        stem: id.0,
        tag: tag_of(header.serial),
        part_count: 2,
        parts: vec![reference, data],
    }))
}

/// The end of a serial number.
fn tag_of(serial: u64) -> u32 {
    u32::try_from(serial & u64::from(u32::MAX)).unwrap_or(0)
}

/// Both objects of a parcel.
fn opened(parcel: &Parcel) -> Result<(Reference, Data), DecodeError> {
    let part = |n: usize| parcel.parts.get(n).map_or(&[][..], Vec::as_slice);
    let reference = Reference::from_object(&Scanner::scan(part(0), Keep::All)?)?;
    let data = Data::from_object(&Scanner::scan(part(1), Keep::All)?)?;
    Ok((reference, data))
}

/// The postoffice of a recipient as queues show it, `MS:NET/PO/MAILBOX`, and its mailbox.
pub(super) fn ms_recipient(text: &str) -> Option<(PoName, MailboxName)> {
    let address = text.strip_prefix("MS:")?;
    let bytes = CodePage::Cp850.encode_lossy(address).bytes;
    let address = Address::parse(&bytes).ok()?;
    Some((address.po()?, address.mailbox()?))
}

impl Table {
    /// The queues that take a message to its recipients, and whether each is secured; `from` is the MTA
    /// it came from.
    #[must_use]
    pub fn queues_for(
        &self,
        recipients: &[String],
        from: Option<&str>,
    ) -> BTreeMap<(String, bool), Vec<String>> {
        let mut queues: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
        for recipient in recipients {
            let to = ms_recipient(recipient);
            let way = match &to {
                Some((po, mailbox)) if *po == self.own && mailbox.is_special() => {
                    (self.agent_queue(), true)
                }
                Some((po, _)) if *po == self.own => (self.ms_mail_queue(), true),
                Some((po, _)) => match self.route(po, from) {
                    Some(connector) => (self.queue_of(connector), connector.secured),
                    None => (self.ms_mail_queue(), true),
                },
                None => (self.ms_mail_queue(), true),
            };
            queues.entry(way).or_default().push(recipient.clone());
        }
        queues
    }

    /// Where a message of the agent, or of the postoffices behind this server, goes first: the queue of
    /// the connector that leads to all its recipients; `None` for the MS Mail connector.
    #[must_use]
    pub fn connector_queue_for(&self, envelope: &[u8]) -> Option<(String, bool)> {
        let envelope = P1::decode(envelope).ok()?;
        let recipients: Vec<String> = envelope
            .recipients
            .iter()
            .map(|to| format!("MS:{}", CodePage::Cp850.decode(to)))
            .collect();
        let mut queues = self.queues_for(&recipients, None).into_keys();
        let first = queues.next()?;
        let others = [self.ms_mail_queue(), self.agent_queue()];
        (queues.next().is_none() && !others.contains(&first.0)).then_some(first)
    }
}

/// Puts a message on the queues that `ways` names, making those that are missing.
pub(super) fn submit(
    edit: &mut MtaEdit<'_, '_>,
    message: NewMessage,
    ways: BTreeMap<(String, bool), Vec<String>>,
) -> Result<ObjectId, MtaError> {
    let mut destinations = Vec::with_capacity(ways.len());
    for ((name, secured), recipients) in ways {
        let queue = mail::queue_of(edit, &name, secured)?;
        destinations.push(Destination { queue, recipients });
    }
    let done = edit.submit_owned(message, &destinations)?;
    Ok(done.references.first().copied().unwrap_or(ObjectId(0)))
}

pub(super) fn message_of(reference: &Reference, data: Data, trace: Vec<String>) -> NewMessage {
    NewMessage {
        mts_id: reference.mts_id.clone(),
        priority: reference.priority,
        kind: reference.kind,
        originator: reference.originator.clone(),
        submitted: reference.submitted,
        subject: reference.subject.clone(),
        content: data.content,
        content_names: data.content_names,
        trace,
    }
}

/// Makes parcels of the MTA `from` durable and routes them.
///
/// # Errors
/// [`crate::tree::TreeError::NoSpace`], a damaged database or ledger, a disk error: nothing is taken then.
pub fn receive(
    edit: &mut MtaEdit<'_, '_>,
    ledger: &mut Ledger,
    table: &Table,
    from: &str,
    parcels: &[Parcel],
    now: UnixTime,
) -> Result<Vec<Receipt>, MtaError> {
    let bytes = parcels.iter().map(Parcel::len_bytes).sum();
    require_free(edit.database().view(), bytes, SPACE_FLOOR_BYTES)?;
    let mut receipts = Vec::with_capacity(parcels.len());
    for parcel in parcels {
        let (reference, data) = match opened(parcel) {
            Ok(opened) => opened,
            Err(error) => {
                receipts.push(Receipt::Refused(error.to_string()));
                continue;
            }
        };
        let mut trace = reference.trace.clone();
        trace.push(from.to_uppercase());
        let code = if trace.contains(&table.server) {
            Some(4)
        } else if trace.len() >= HOPS_MAX {
            Some(3)
        } else {
            None
        };
        // What comes back in a circle was here before and is no repeat of that.
        let id = match code {
            Some(code) => format!("{} [{code:03}]", reference.mts_id),
            None => reference.mts_id.clone(),
        };
        let hash = mts_hash(&id, reference.recipients.iter().map(String::as_str));
        if let Some(stem) = ledger.stem_of(hash) {
            receipts.push(Receipt::Repeat(stem));
            continue;
        }
        let stem = match code {
            Some(code) => {
                let lost = Lost {
                    data: &data,
                    recipients: &reference.recipients,
                    trace: &trace,
                };
                if !give_back(edit, ledger, table, &lost, (code, None), now)? {
                    let why = format!(
                        "it came back in a circle, and nobody can be told of it [{code:03}]"
                    );
                    receipts.push(Receipt::Refused(why));
                    continue;
                }
                0
            }
            None => {
                let ways = table.queues_for(&reference.recipients, Some(from));
                submit(edit, message_of(&reference, data, trace), ways)?.0
            }
        };
        ledger.add(hash, now.0, stem);
        receipts.push(Receipt::Stored(stem));
    }
    Ok(receipts)
}

/// Takes messages that the receiver has off their queue; those that are gone already, and numbers that
/// are used for other messages now, are passed over. Returns how many went.
///
/// # Errors
/// A damaged queue, or a disk error.
pub fn sent(edit: &mut MtaEdit<'_, '_>, done: &[Done]) -> Result<u64, MtaError> {
    let mut count = 0;
    for parcel in done {
        let id = ObjectId(parcel.stem);
        if tag_of(parcel.index) == parcel.tag && edit.is_same(id, parcel.index)? {
            match edit.remove(id, &Fate::Free) {
                Ok(_) => count += 1,
                // On no queue any more: somebody took it.
                Err(MtaError::NoSuchMessage { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(count)
}

/// A message that cannot be delivered.
pub(super) struct Lost<'a> {
    pub(super) data: &'a Data,
    /// Those who do not get it.
    pub(super) recipients: &'a [String],
    pub(super) trace: &'a [String],
}

/// Tells the sender, or the administrator about system mail; nobody about a report (Q173364, 43).
/// `false` when the message cannot be read, or the report is not taken: then nobody is told, and it must
/// stay.
///
/// # Errors
/// As [`mail::put`].
pub(super) fn give_back(
    edit: &mut MtaEdit<'_, '_>,
    ledger: &mut Ledger,
    table: &Table,
    lost: &Lost<'_>,
    (code, detail): (u16, Option<&str>),
    now: UnixTime,
) -> Result<bool, MtaError> {
    let parts = match mail::read(lost.data, table.own) {
        Ok(Content::Message(parts)) => parts,
        Ok(Content::Notification) => return Ok(true),
        Err(_) => return Ok(false),
    };
    let [header, envelope, mai, ..] = &parts[..] else {
        return Ok(false);
    };
    let (Ok(header), Ok(mut p1), Ok(mai)) = (
        MbgRecord::decode(header),
        P1::decode(envelope),
        Mai::decode(mai),
    ) else {
        return Ok(false);
    };
    if header.flags & FLAG_NON_DELIVERY != 0 {
        return Ok(true);
    }
    p1.trace = lost
        .trace
        .iter()
        .map(|name| name.clone().into_bytes())
        .collect();
    let recipients = lost
        .recipients
        .iter()
        .map(|to| {
            let text = to.strip_prefix("MS:").unwrap_or(to);
            CodePage::Cp850.encode_lossy(text).bytes
        })
        .collect();
    let failure = Failure {
        detail: detail.map(str::to_owned),
        ..Failure::new(code, recipients)
    };
    let returned = Returned {
        here: table.own,
        p1: &p1,
        failures: vec![failure],
    };
    let admin = MailboxName::read(ADMINISTRATOR).ok();
    let Some(to) = returned.addressee(admin.as_ref()) else {
        return Ok(true);
    };
    let time = now.zoned(&jiff::tz::TimeZone::UTC).datetime();
    let mut report = returned.report(to, &mai.mai.text, time, now);
    // The original's id, then the MTA that reports (Q241632).
    let reporter = parts_of(&table.server)
        .map_or_else(String::new, |(_, site, server)| format!("{site}:{server}"));
    let line = format!(
        "The MTS-ID of the original message is: {}\r\nMSEXCH:MSExchangeMTA:{}\r\n\r\n",
        lost.data.mts_id, reporter
    );
    report.text.splice(0..0, line.into_bytes());
    let Ok(parts) = report_parts(&report, table.own, edit.take_serial(), now) else {
        return Ok(false);
    };
    let (queue, secured) = table
        .connector_queue_for(&parts[1])
        .unwrap_or_else(|| (table.ms_mail_queue(), true));
    mail::queue_of(edit, &queue, secured)?;
    let (organization, site, server) = parts_of(&table.server).unwrap_or_default();
    let posting = Posting {
        kind: Some(MessageKind::Report),
        ..Posting::of(parts)
    };
    let submitter = Submitter::new(organization, site, server);
    let put = mail::put(edit, ledger, &queue, &[posting], &submitter, now)?;
    Ok(is_there(&put))
}

/// Whether a report that was put on a queue is there with the commit: only then may the message go that
/// it tells of.
pub(super) fn is_there(put: &[Put]) -> bool {
    let here = |put: &Put| match put {
        Put::Stored(_) | Put::Repeat(_) => true,
        Put::Refused(_) => false,
    };
    !put.is_empty() && put.iter().all(here)
}

/// Header, envelope and MAI of a report.
fn report_parts(
    report: &Outgoing,
    own: PoName,
    serial: u64,
    now: UnixTime,
) -> Result<Vec<Vec<u8>>, DecodeError> {
    let stem = HexId(tag_of(serial));
    let id = message_id(&own.to_bytes(), stem, now.0);
    let from = crate::postoffice::mail::address_text(&report.from);
    let recipients: Vec<Vec<u8>> = report
        .to
        .iter()
        .map(crate::postoffice::mail::address_text)
        .collect();
    let mut mai = Mai::new(&from, now.0, id)
        .subject(&report.subject)
        .text(report.text.clone());
    mai.to.clone_from(&recipients);
    let p1 = P1::for_message(&mai, stem, recipients);
    let mut header = MbgRecord::new(b"POSTMASTER", &report.subject, stem, now.0)?;
    header.flags |= FLAG_NON_DELIVERY;
    header.tag = message_tag(&mai.message_id).into();
    Ok(vec![header.encode(), p1.encode()?, mai.encode()?])
}

/// Reads a message of a queue; `None` when one of its objects cannot be read.
pub(super) fn read(
    db: &Database<'_>,
    id: ObjectId,
) -> Result<Option<(u64, Reference, Data)>, MtaError> {
    let FileState::Sound(found) = db.object(id.number(), Keep::All)? else {
        return Ok(None);
    };
    let Ok(reference) = Reference::from_object(&found) else {
        return Ok(None);
    };
    let FileState::Sound(data) = db.object(found.header.partner.number(), Keep::All)? else {
        return Ok(None);
    };
    Ok(Data::from_object(&data)
        .ok()
        .map(|data| (found.header.serial, reference, data)))
}
