//! Handing mail over from one tree to another (tra 2.2, S3 to S4), in three steps that hold no lock
//! of one tree while the other is waited for:
//!
//! 1. [`collect`] reads what waits in an outbound mailbag, through a read-only view;
//! 2. [`receive`] makes it durable at the receiver: attachments, MAI and P1 under new stems with the
//!    same Message-ID, the header in INQUEUE3, the ledger and the log, for all of a batch in one
//!    commit;
//! 3. [`sent`] takes it out at the sender.
//!
//! A crash between 2 and 3 makes the sender offer it again; the ledger of the receiver (DEC-070) then
//! drops it and says so, and step 3 is done. Two programs that serve the same mailbag at once do no
//! harm for the same reason.

use std::collections::HashMap;

use crate::core::base::HexId;
use crate::core::base::address::{Address, PoName};
use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::base::ident::{MailbagStem, att_path, mai_path, p1_path};
use crate::core::base::time::UnixTime;
use crate::core::format::FixedRecord as _;
use crate::core::format::key::MAILBAG_RECORDS_MAX;
use crate::core::format::mai::{Mai, message_id};
use crate::core::format::mbg::{MbgRecord, message_tag};
use crate::core::format::p1::P1;
use crate::core::format::xtn::XtnRecord;
use crate::postoffice::mail::{BagEdit, MAI_LIMIT_BYTES, drop_reference};
use crate::postoffice::stream::Report;
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::disk::DiskErrorKind;
use crate::tree::ledger::{Ledger, message_hash};
use crate::tree::{TreeError, TreeView};

use super::log;
use super::mailer::{find_part, load};
use super::route::{RecordPlace, Routes, XTN_RECORD_LEN_BYTES};

/// Largest message with its attachments that is handed over, in bytes (ASSIGNED: it is held in
/// memory on both sides).
pub const MESSAGE_LIMIT_BYTES: u64 = 256 << 20;
/// Bytes of messages that share a commit at the receiver, but always at least one message.
pub const BATCH_LIMIT_BYTES: u64 = 8 << 20;
/// Free space that delivery leaves, in bytes (MinKDiskFull 100, Q111558).
pub const SPACE_FLOOR_BYTES: u64 = 100 << 10;
/// A message in an outbound mailbag that cannot be handed over.
pub const STUCK: FindingId = FindingId("transport.stuck");

/// One message on its way, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parcel {
    /// Number of its header in the sender's mailbag.
    pub index: u64,
    /// Its stem at the sender.
    pub stem: u32,
    /// Tag of the header, to find it again.
    pub tag: u32,
    /// Number of [`Parcel::parts`].
    pub part_count: u32,
    /// Header, envelope, MAI, then each attachment. Not in the JSON: blobs of the frame.
    #[serde(skip)]
    pub parts: Vec<Vec<u8>>,
}

impl Parcel {
    /// Bytes of its parts.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

/// What [`collect`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// The messages, the oldest first.
    pub parcels: Vec<Parcel>,
    /// Messages that cannot be handed over; they were reported and stay.
    pub stuck: u64,
}

pub(super) fn stuck(file: String, offset: Option<u64>, message: String) -> Finding {
    Finding {
        id: STUCK,
        severity: Severity::Error,
        file,
        offset,
        message,
        hint: "`po-admin mail list` shows the mailbag; `po-admin check` looks at the whole tree"
            .into(),
        repair: None,
    }
}

/// Reads at most `limit` messages of an outbound mailbag, passing over those `skip` says.
///
/// # Errors
/// A disk error that is not about one message.
pub fn collect(
    view: &TreeView,
    mailbag: HexId,
    limit: usize,
    skip: &dyn Fn(HexId) -> bool,
    report: &mut Report<'_>,
) -> Result<Collected, PoError> {
    let own = Identity::read(view)?.name;
    let mut edit = Edit::new(view);
    let mut collected = Collected::default();
    let bag_stem = MailbagStem::Id(mailbag);
    let Some(bag) = load(&mut edit, bag_stem, report)? else {
        return Ok(collected);
    };
    let mut bytes = 0u64;
    for (index, header) in bag.live() {
        if collected.parcels.len() >= limit || bytes >= BATCH_LIMIT_BYTES {
            break;
        }
        let Ok(Some(stem)) = header.mai.get() else {
            continue;
        };
        if skip(stem) {
            continue;
        }
        match pack(&mut edit, &own, mailbag, index, stem, &header) {
            Ok(parcel) => {
                bytes += parcel.len_bytes();
                collected.parcels.push(parcel);
            }
            Err(why) => {
                collected.stuck += 1;
                report(stuck(bag_stem.mbg_path(), None, why));
            }
        }
    }
    Ok(collected)
}

/// The parts of one message, or why it stays.
fn pack(
    edit: &mut Edit<'_>,
    own: &PoName,
    mailbag: HexId,
    index: usize,
    stem: HexId,
    header: &MbgRecord,
) -> Result<Parcel, String> {
    let (_, mut envelope) = find_part(edit, stem, mailbag)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("{stem} has no envelope for this mailbag [021]"))?;
    let path = mai_path(stem);
    let mai = edit
        .peek(&path, MAI_LIMIT_BYTES)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("{path} is missing [016]"))?;
    let decoded = Mai::decode(&mai).map_err(|error| format!("{path}: {error} [012]"))?;
    if envelope.message_id.is_empty() {
        // Written by another program: from here on it has a name.
        envelope.message_id = message_id(&own.to_bytes(), stem, envelope.date);
    }
    let envelope = envelope.encode().map_err(|error| error.to_string())?;
    let mut parts = vec![header.encode(), envelope, mai];
    attachments(edit, &decoded.mai, &mut parts)?;
    Ok(Parcel {
        index: index as u64,
        stem: stem.0,
        tag: header.tag.get(),
        part_count: u32::try_from(parts.len()).map_err(|error| error.to_string())?,
        parts,
    })
}

/// Puts the attachments of `mai` behind `parts`, which all count: a message is never larger than
/// [`MESSAGE_LIMIT_BYTES`] together, and no more than that is read of it.
///
/// # Errors
/// Why the message stays: an attachment is missing, or there are too many bytes.
pub(crate) fn attachments(
    edit: &mut Edit<'_>,
    mai: &Mai,
    parts: &mut Vec<Vec<u8>>,
) -> Result<(), String> {
    attachments_within(edit, mai, parts, MESSAGE_LIMIT_BYTES)
}

/// As [`attachments`], with a limit in bytes.
pub(crate) fn attachments_within(
    edit: &mut Edit<'_>,
    mai: &Mai,
    parts: &mut Vec<Vec<u8>>,
    limit_bytes: u64,
) -> Result<(), String> {
    let mut total: u64 = parts.iter().map(|part| part.len() as u64).sum();
    for attachment in &mai.attachments {
        let path = att_path(attachment.stem);
        let bytes = edit
            .peek(&path, limit_bytes.saturating_sub(total))
            .map_err(|error| error.to_string())?
            .ok_or_else(|| format!("{path} is missing [018]"))?;
        total = total.saturating_add(bytes.len() as u64);
        parts.push(bytes);
    }
    Ok(())
}

/// What became of a parcel at the receiver.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// It is durable there, under this stem.
    Stored(u32),
    /// It was there before, under this stem.
    Repeat(u32),
    /// It was not taken: why. It stays at the sender, and the attempt counts.
    Refused(String),
    /// There is no room for it: why. It stays at the sender.
    Full(String),
}

/// Makes parcels durable: prepares one commit. The receipts hold once that commit is made. `from` is
/// the postoffice that hands them over; `None` within an Exchange server, which is one postoffice to
/// all others.
///
/// # Errors
/// [`PoError::NoIdentity`], a damaged INQUEUE3 or ledger, [`TreeError::NoSpace`], or a disk error: nothing
/// is taken then.
pub fn receive(
    edit: &mut Edit<'_>,
    from: Option<&PoName>,
    parcels: &[Parcel],
    now: UnixTime,
) -> Result<Vec<Receipt>, PoError> {
    let view = edit.view();
    Identity::read(view)?;
    let mut ledger = Ledger::load(view)?;
    require_space(view, parcels)?;
    let mut queue = BagEdit::load(edit, MailbagStem::INQUEUE3)?;
    let mut lines = String::new();
    let mut receipts = Vec::with_capacity(parcels.len());
    for parcel in parcels {
        let opened = match Opened::new(parcel, from) {
            Ok(opened) => opened,
            Err(why) => {
                receipts.push(Receipt::Refused(why));
                continue;
            }
        };
        let recipients = opened.envelope.recipients.iter().map(Vec::as_slice);
        let hash = message_hash(&opened.envelope.message_id, recipients);
        if let Some(stem) = ledger.stem_of(hash) {
            receipts.push(Receipt::Repeat(stem));
            continue;
        }
        if queue.live_count() >= MAILBAG_RECORDS_MAX {
            receipts.push(Receipt::Full("its INQUEUE3 is full [017]".to_owned()));
            continue;
        }
        let stem = opened.store(edit, &mut queue, now, &mut lines)?;
        ledger.add(hash, now.0, stem.0);
        receipts.push(Receipt::Stored(stem.0));
    }
    ledger.write_into(edit.plan_mut())?;
    if !lines.is_empty() {
        log::append(edit, log::RECV, &lines)?;
    }
    Ok(receipts)
}

fn require_space(view: &TreeView, parcels: &[Parcel]) -> Result<(), TreeError> {
    let bytes: u64 = parcels
        .iter()
        .flat_map(|parcel| &parcel.parts)
        .map(|part| (part.len() as u64).next_multiple_of(4096))
        .sum();
    require_free(view, bytes, SPACE_FLOOR_BYTES)
}

/// Whether there is space for `bytes` that are staged and put in place, once each, and `floor` is left.
///
/// # Errors
/// [`TreeError::NoSpace`], or a disk error.
pub(super) fn require_free(view: &TreeView, bytes: u64, floor: u64) -> Result<(), TreeError> {
    let needed = bytes.saturating_mul(2).saturating_add(floor);
    let free = view
        .disk()
        .free_bytes()
        .map_err(|error| TreeError::disk(&view.describe(), error))?;
    if free < needed {
        return Err(TreeError::NoSpace {
            tree: view.describe(),
            needed,
            free,
        });
    }
    Ok(())
}

/// A parcel that makes sense, and that can be written here.
struct Opened<'a> {
    header: MbgRecord,
    /// The envelope as it will stand here, but for the stem.
    envelope: P1,
    /// The message as it will stand here, but for the stems of its attachments.
    mai: Mai,
    attachments: &'a [Vec<u8>],
}

impl<'a> Opened<'a> {
    fn new(parcel: &'a Parcel, from: Option<&PoName>) -> Result<Self, String> {
        let [header, envelope, mai, attachments @ ..] = &parcel.parts[..] else {
            return Err("the message is incomplete".to_owned());
        };
        let header = MbgRecord::decode(header).map_err(|error| error.to_string())?;
        let mut envelope =
            P1::decode(envelope).map_err(|error| format!("the envelope: {error} [024]"))?;
        let mut mai = Mai::decode(mai)
            .map_err(|error| format!("the message: {error} [012]"))?
            .mai;
        if mai.attachments.len() != attachments.len() {
            return Err("an attachment is missing [018]".to_owned());
        }
        if envelope.recipients.is_empty() || envelope.message_id.is_empty() {
            return Err("the envelope names no recipients [024]".to_owned());
        }
        for (attachment, bytes) in mai.attachments.iter_mut().zip(attachments) {
            attachment.size_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        }
        mai.counter = 1;
        mai.hops_left = mai.hops_left.saturating_sub(1);
        mai.message_id.clone_from(&envelope.message_id);
        envelope.hops_left = envelope.hops_left.saturating_sub(1);
        envelope.attempts = 0;
        envelope.mailbag = None;
        envelope.trace.extend(from.map(PoName::to_bytes));
        // The reader takes more than the writer gives (a subject above 40 bytes): such a message is
        // refused alone, before anything of the batch is prepared. Stems are eight digits, so what
        // can be written now can be written with the stems that it gets.
        envelope
            .encode()
            .map_err(|error| format!("the envelope: {error} [024]"))?;
        mai.encode()
            .map_err(|error| format!("the message: {error} [012]"))?;
        Ok(Self {
            header,
            envelope,
            mai,
            attachments,
        })
    }

    fn store(
        self,
        edit: &mut Edit<'_>,
        queue: &mut BagEdit,
        now: UnixTime,
        lines: &mut String,
    ) -> Result<HexId, PoError> {
        let mut mai = self.mai;
        let mut size = 0usize;
        for (attachment, bytes) in mai.attachments.iter_mut().zip(self.attachments) {
            attachment.stem = edit.letter()?;
            size = size.saturating_add(bytes.len());
            edit.create(&att_path(attachment.stem), bytes.clone())?;
        }
        let stem = edit.letter()?;
        let bytes = mai.encode().map_err(PoError::BadMessage)?;
        size = size.saturating_add(bytes.len());
        edit.create(&mai_path(stem), bytes)?;
        let p1 = P1 {
            stem,
            ..self.envelope
        };
        edit.create(&p1_path(stem), p1.encode().map_err(PoError::BadMessage)?)?;
        let mut header = self.header;
        header.mai = crate::core::format::Hex8::from_id(stem);
        header.retries = 0.into();
        header.size_bytes = u32::try_from(size).unwrap_or(u32::MAX).into();
        header.tag = message_tag(&p1.message_id).into();
        let time = log::local_time(edit.view(), now);
        for recipient in &p1.recipients {
            let size = header.size_bytes.get();
            lines.push_str(&log::recv_line(time, size, &p1.originator, recipient, stem));
        }
        queue.append(edit, &[header])?;
        Ok(stem)
    }
}

/// A parcel that the receiver has.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Done {
    /// As in the parcel.
    pub index: u64,
    /// As in the parcel.
    pub stem: u32,
    /// As in the parcel.
    pub tag: u32,
    /// Its stem at the receiver.
    pub there: u32,
}

/// Takes messages that the receiver `to` has out of an outbound mailbag: prepares the commit. Those
/// that are gone already are passed over. Returns how many went.
///
/// # Errors
/// A damaged mailbag, or a disk error.
pub fn sent(
    edit: &mut Edit<'_>,
    mailbag: HexId,
    to: &PoName,
    done: &[Done],
    now: UnixTime,
) -> Result<u64, PoError> {
    let own = Identity::read(edit.view())?.name;
    let bag_stem = MailbagStem::Id(mailbag);
    let mut bag = BagEdit::load(edit, bag_stem)?;
    // The mailbag may have been compressed since: the stem is what counts, it never comes back.
    let live: HashMap<u32, usize> = bag
        .live()
        .into_iter()
        .filter_map(|(index, header)| {
            let stem = header.mai.get().ok().flatten()?;
            Some((stem.0, index))
        })
        .collect();
    let time = log::local_time(edit.view(), now);
    let mut lines = String::new();
    let mut sent_lines = String::new();
    let mut counted: HashMap<PoName, u32> = HashMap::new();
    let mut gone = Vec::new();
    let mut stems = Vec::new();
    for parcel in done {
        let Some(&index) = live.get(&parcel.stem) else {
            continue;
        };
        let Some(header) = bag.live_at(index).filter(|h| h.tag.get() == parcel.tag) else {
            continue;
        };
        let stem = HexId(parcel.stem);
        gone.push(index);
        stems.push(stem);
        let Some((path, envelope)) = find_part(edit, stem, mailbag)? else {
            continue;
        };
        edit.remove(&path)?;
        for recipient in &envelope.recipients {
            if let Some(po) = Address::parse(recipient).ok().and_then(|a| a.po()) {
                *counted.entry(po).or_default() += 1;
            }
            sent_lines.push_str(&log::sent_line(
                time,
                header.size_bytes.get(),
                &envelope.originator,
                recipient,
                stem,
                HexId(parcel.there),
            ));
        }
        lines.push_str(&log::transfer_lines(time, stem, HexId(parcel.there)));
    }
    if gone.is_empty() {
        return Ok(0);
    }
    bag.mark_deleted(edit, &gone)?;
    for stem in stems {
        drop_reference(edit, stem)?;
    }
    lines.push_str(&count_sent(edit, own, &counted, now)?);
    if !lines.is_empty() {
        let head = log::sending_lines(time, &own, to, gone.len());
        log::append(edit, log::SESSION, &format!("{head}{lines}"))?;
        log::append(edit, log::SENT, &sent_lines)?;
    }
    Ok(gone.len() as u64)
}

/// Counts messages of this month and year in the records of their destinations (R-TRN-016). A file
/// that must not be written keeps its counters, and mail flows all the same (Q130067): what is to be
/// said of it in SESSION.LOG is returned.
fn count_sent(
    edit: &mut Edit<'_>,
    own: PoName,
    counted: &HashMap<PoName, u32>,
    now: UnixTime,
) -> Result<String, PoError> {
    let mut said = String::new();
    let mut routes = Routes::load(edit.view(), own)?;
    let time = log::local_time(edit.view(), now);
    let month =
        u32::from(time.year().unsigned_abs()) * 100 + u32::from(time.month().unsigned_abs());
    for (po, &count) in counted {
        let place = match routes.record_place(po) {
            // A network whose file is gone stops no mail; one that cannot be read now may be read
            // later.
            Err(TreeError::Disk { error, .. })
                if matches!(
                    error.kind,
                    DiskErrorKind::NotFound
                        | DiskErrorKind::NotRegular(_)
                        | DiskErrorKind::LinkInPath
                ) =>
            {
                continue;
            }
            other => other?,
        };
        let Some(RecordPlace { xtn, offset }) = place else {
            continue;
        };
        let path = format!("XTN/{xtn}.XTN");
        if !may_be_written(edit, &path)? {
            said.push_str(&log::statistics_lines(time, &path));
            continue;
        }
        let Some(bytes) = edit.read_part(&path, offset, XTN_RECORD_LEN_BYTES)? else {
            continue;
        };
        let Ok(mut record) = XtnRecord::decode(&bytes) else {
            continue;
        };
        for _ in 0..count {
            record.count_sent(month);
        }
        edit.patch(&path, offset, &record.encode())?;
    }
    Ok(said)
}

/// Whether a commit may change this file: it has one name, and its mode lets somebody write.
fn may_be_written(edit: &Edit<'_>, path: &str) -> Result<bool, PoError> {
    let stat = edit.view().stat(path)?;
    Ok(stat
        .is_none_or(|stat| stat.links <= 1 && stat.attrs.mode.is_none_or(|mode| mode & 0o222 != 0)))
}
