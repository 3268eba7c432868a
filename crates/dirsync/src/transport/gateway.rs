//! Mail between a postoffice and the gateways that emulate postoffices behind it: what GTWPUT and
//! GTWGET did (exc 14.1, 14.4).
//!
//! * [`bring`] takes files of `GTW/<mailbag>/IN`: every message of a file goes into INQUEUE3 (Q115490),
//!   and the file goes, in one commit: nothing is lost and nothing doubled by a crash. Files are whole
//!   or not at all (ASSIGNED): one with a fault is moved to `BAD` with its error line, so that it can
//!   be mended and brought again; one that ends inside a message is still being written and stays.
//! * [`carry_off`] writes what waits in the gateway's mailbag to `GTW/<mailbag>/OUT`, one file a
//!   message, and takes it out of the mailbag, in one commit. A message to `*SPECIAL` is swallowed:
//!   returned, it would double the users of the whole site (Q112879).
//!
//! At most 50 items a pass (Q85059); the passes of a delivery go on until nothing moves.

use jiff::civil::DateTime;

use crate::core::base::HexId;
use crate::core::base::address::{Address, AddressType};
use crate::core::base::finding::{Finding, FindingId, Severity};
use crate::core::base::ident::MailbagStem;
use crate::core::base::time::{UnixTime, parse_zone};
use crate::core::format::FixedRecord as _;
use crate::core::format::key::MAILBAG_RECORDS_MAX;
use crate::core::format::mai::{Mai, message_id};
use crate::core::format::mbg::{FLAG_SYSTEM, MbgRecord, Priority, SUBJECT_MAX, message_tag};
use crate::core::format::mmff::{
    Code, Eol, Event, Fault, Header, NewMessage, ReadError, Reader, Text, write,
};
use crate::core::format::p1::P1;
use crate::postoffice::externals::gateways::{self, Folder, Gateway};
use crate::postoffice::mail::{BagEdit, address_text};
use crate::postoffice::stream::Report;
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::TreeView;

use super::link::{self, Done, Parcel, Receipt};
use super::log;
use super::mailer::PASS_LIMIT;
use super::route::Routes;

/// Longest file that is taken, in bytes (ASSIGNED: its messages share one commit and are held).
pub const FILE_LIMIT_BYTES: u64 = 64 << 20;
/// Bytes of files that share a commit, but always at least one file.
const BATCH_LIMIT_BYTES: u64 = 8 << 20;
/// Bytes that are read at a time.
const PIECE_LEN_BYTES: usize = 64 << 10;

/// A file of a gateway that was not taken, with the error of FFAPI.
pub const REFUSED: FindingId = FindingId("gateway.refused");
/// A file of a gateway, or a message for it, that waits.
pub const WAITS: FindingId = FindingId("gateway.waits");

/// What was moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GatewayTotals {
    /// Messages that gateways brought.
    pub brought: u64,
    /// Files with faults that were put aside.
    pub refused: u64,
    /// Messages that were written for gateways.
    pub carried_off: u64,
    /// Messages to `*SPECIAL` that were swallowed.
    pub swallowed: u64,
}

impl GatewayTotals {
    /// Adds another pass.
    pub fn add(&mut self, other: &Self) {
        self.brought += other.brought;
        self.refused += other.refused;
        self.carried_off += other.carried_off;
        self.swallowed += other.swallowed;
    }

    /// Whatever moved.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.brought + self.refused + self.carried_off + self.swallowed
    }
}

/// A gateway and its mailbag.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    gateway: Gateway,
    mailbag: HexId,
}

impl Place {
    /// The mailbag of what waits for it.
    #[must_use]
    pub fn mailbag(&self) -> HexId {
        self.mailbag
    }
}

/// The gateways of a postoffice that have a mailbag.
///
/// # Errors
/// [`PoError::NoIdentity`], or a disk error.
pub fn places(view: &TreeView) -> Result<Vec<Place>, PoError> {
    let known = gateways::known(view)?;
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let mut routes = Routes::load(view, Identity::read(view)?.name)?;
    let mut places = Vec::new();
    for gateway in known {
        if let Some(mailbag) = routes.mailbag_of(&gateway.name)? {
            places.push(Place { gateway, mailbag });
        }
    }
    Ok(places)
}

/// Whether a gateway brought anything.
///
/// # Errors
/// A disk error.
pub fn has_brought(view: &TreeView, places: &[Place]) -> Result<bool, PoError> {
    for place in places {
        if !gateways::files(view, Folder::In, place.mailbag, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether anything waits for a gateway.
///
/// # Errors
/// A disk error.
pub fn has_waiting(view: &TreeView, places: &[Place]) -> Result<bool, PoError> {
    for place in places {
        let path = MailbagStem::Id(place.mailbag).mbg_path();
        if view.stat(&path)?.is_some_and(|stat| stat.len > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn finding(id: FindingId, file: String, message: String) -> Finding {
    let (severity, hint) = if id == REFUSED {
        (
            Severity::Error,
            "mend the file and put it back into IN; FFAPI errors are told by `po-admin explain`",
        )
    } else {
        (
            Severity::Warning,
            "it goes on as soon as it can; `po-admin gateway list` shows what waits",
        )
    };
    Finding {
        id,
        severity,
        file,
        offset: None,
        message,
        hint: hint.into(),
        repair: None,
    }
}

/// A message of a file.
struct Brought {
    header: Header,
    text: Vec<u8>,
    attachments: Vec<Vec<u8>>,
}

/// What a file is.
enum Opened {
    /// Its messages and how its lines end.
    Messages(Vec<Brought>, Eol),
    /// It has a fault.
    Bad(Fault),
    /// It has to wait.
    Waits(String),
}

/// Takes what a gateway brought: prepares one commit.
///
/// # Errors
/// [`PoError::NoIdentity`], a damaged INQUEUE3, no space, or a disk error: nothing is taken then.
pub fn bring(
    edit: &mut Edit<'_>,
    place: &Place,
    now: UnixTime,
    report: &mut Report<'_>,
) -> Result<GatewayTotals, PoError> {
    let view = edit.view();
    let mut totals = GatewayTotals::default();
    let folder = Folder::In.path(place.mailbag);
    let names = gateways::files(view, Folder::In, place.mailbag, PASS_LIMIT)?;
    let mut room = {
        let queue = BagEdit::load(edit, MailbagStem::INQUEUE3)?;
        MAILBAG_RECORDS_MAX.saturating_sub(queue.live_count())
    };
    let mut parcels = Vec::new();
    let mut taken = Vec::new();
    let mut bytes = 0u64;
    for name in names {
        let path = format!("{folder}/{name}");
        if bytes >= BATCH_LIMIT_BYTES {
            break;
        }
        match open(view, &path, place)? {
            Opened::Waits(why) => report(finding(WAITS, path, why)),
            Opened::Bad(fault) => {
                put_aside(edit, place, &path, &fault)?;
                report(finding(REFUSED, path, fault.to_string()));
                totals.refused += 1;
            }
            Opened::Messages(messages, _) if messages.len() > MAILBAG_RECORDS_MAX => {
                // It would never fit.
                let fault = Fault {
                    code: Code::NotSubmitted,
                    message: u32::try_from(MAILBAG_RECORDS_MAX + 1).unwrap_or(u32::MAX),
                    line: 0,
                };
                put_aside(edit, place, &path, &fault)?;
                report(finding(REFUSED, path, fault.to_string()));
                totals.refused += 1;
            }
            Opened::Messages(messages, _) if messages.len() > room => {
                let why = format!(
                    "INQUEUE3 has no room for its {} messages [017]",
                    messages.len()
                );
                report(finding(WAITS, path, why));
            }
            Opened::Messages(messages, eol) => {
                room -= messages.len();
                for message in messages {
                    let parcel = parcel(edit, place, message, eol, now)?;
                    bytes += parcel
                        .parts
                        .iter()
                        .map(|part| part.len() as u64)
                        .sum::<u64>();
                    parcels.push(parcel);
                }
                taken.push(path);
            }
        }
    }
    if !parcels.is_empty() {
        let receipts = link::receive(edit, Some(&place.gateway.name), &parcels, now)?;
        if receipts.iter().any(|r| !matches!(r, Receipt::Stored(_))) {
            // Its own messages, with identifiers of this moment, in a queue with room.
            return Err(PoError::BadMessage(crate::core::base::DecodeError::new(
                "message of a gateway",
                0,
                crate::core::base::DecodeErrorKind::BadField("header"),
            )));
        }
        totals.brought = parcels.len() as u64;
    }
    for path in taken {
        edit.remove(&path)?;
    }
    Ok(totals)
}

/// Moves a file with a fault aside, under a name of this tree, with its error line.
fn put_aside(edit: &mut Edit<'_>, place: &Place, path: &str, fault: &Fault) -> Result<(), PoError> {
    let bytes = edit
        .view()
        .read(path, FILE_LIMIT_BYTES)?
        .unwrap_or_default();
    let folder = Folder::Bad.path(place.mailbag);
    edit.mkdir(&folder)?;
    let stem = edit.letter()?;
    edit.create(&format!("{folder}/{stem}.MMF"), bytes)?;
    edit.create(
        &format!("{folder}/{stem}.ERR"),
        format!("{fault}\r\n{path}\r\n").into_bytes(),
    )?;
    edit.remove(path)?;
    Ok(())
}

fn open(view: &TreeView, path: &str, place: &Place) -> Result<Opened, PoError> {
    let Some(file) = view.open_file(path)? else {
        return Ok(Opened::Waits("it is gone, or no plain file".to_owned()));
    };
    if file.len() > FILE_LIMIT_BYTES {
        let why = format!(
            "{} bytes are more than the {FILE_LIMIT_BYTES} that a file may have",
            file.len()
        );
        return Ok(Opened::Waits(why));
    }
    let own = Identity::read(view)?.name;
    let mut reader = Reader::new(None);
    let mut messages: Vec<Brought> = Vec::new();
    let mut open: Option<Brought> = None;
    let mut bad: Option<(u32, Code)> = None;
    let mut sink = |event: Event<'_>| match event {
        Event::Header(header) => {
            let number = u32::try_from(messages.len()).unwrap_or(u32::MAX) + 1;
            if bad.is_none()
                && let Some(code) = refuse(&header, own)
            {
                bad = Some((number, code));
            }
            let attachments = vec![Vec::new(); header.attachments.len()];
            open = Some(Brought {
                header: *header,
                text: Vec::new(),
                attachments,
            });
        }
        Event::Text(piece) => {
            if let Some(open) = &mut open {
                open.text.extend_from_slice(piece);
            }
        }
        Event::Attachment(index, piece) => {
            if let Some(part) = open
                .as_mut()
                .and_then(|open| open.attachments.get_mut(index))
            {
                part.extend_from_slice(piece);
            }
        }
        Event::End => messages.extend(open.take()),
    };
    let mut buffer = vec![0; PIECE_LEN_BYTES];
    let mut at = 0u64;
    let mut end = Ok(());
    while at < file.len() {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            break;
        }
        at += read as u64;
        if let Err(fault) = reader.feed(buffer.get(..read).unwrap_or_default(), &mut sink) {
            end = Err(fault.into());
            break;
        }
    }
    let end = end.and_then(|()| reader.finish());
    if let Some((message, code)) = bad {
        return Ok(Opened::Bad(Fault {
            code,
            message,
            line: 0,
        }));
    }
    Ok(match end {
        Err(ReadError::Fault(fault)) => Opened::Bad(fault),
        Err(error @ ReadError::CutOff { .. }) => Opened::Waits(error.to_string()),
        Ok(()) if messages.is_empty() => Opened::Waits("it holds no message yet".to_owned()),
        Ok(()) => Opened::Messages(messages, reader.eol().unwrap_or(place.gateway.eol)),
    })
}

/// What no message of a gateway may be (ASSIGNED): from somebody of this postoffice, or with parts
/// in files that are not handed over.
fn refuse(header: &Header, own: crate::core::base::PoName) -> Option<Code> {
    if header.from.po() == Some(own) {
        return Some(Code::BadAddress);
    }
    match (&header.text, header.external.first()) {
        (Text::External(name), _) => Some(Code::TextFile(name.clone())),
        (_, Some((name, _))) => Some(Code::BadToken(b"XATTACH".to_vec(), name.clone())),
        _ => None,
    }
}

/// The clock of the gateway is that of the postoffice; without date and time a message is of now.
fn written(view: &TreeView, header: &Header, now: UnixTime) -> UnixTime {
    let zone = view
        .marker()
        .layout()
        .and_then(|layout| parse_zone(&layout.zone).ok())
        .unwrap_or(jiff::tz::TimeZone::UTC);
    let Some(date) = header.date else { return now };
    let time = header
        .time
        .unwrap_or_else(|| log::local_time(view, now).time());
    DateTime::from_parts(date, time)
        .to_zoned(zone)
        .ok()
        .and_then(|zoned| UnixTime::from_timestamp(zoned.timestamp()))
        .unwrap_or(now)
}

/// The priority of a digit (ASSIGNED: 1-5 are reserved and their meaning was not published).
fn priority(value: Option<u8>) -> Priority {
    match value {
        Some(b'1' | b'2') => Priority::Low,
        Some(b'4' | b'5') => Priority::High,
        _ => Priority::Normal,
    }
}

fn digit(priority: Priority) -> Option<u8> {
    match priority {
        Priority::Low => Some(b'1'),
        Priority::Normal => None,
        Priority::High => Some(b'5'),
    }
}

/// A message as it is handed over between postoffices.
fn parcel(
    edit: &mut Edit<'_>,
    place: &Place,
    message: Brought,
    eol: Eol,
    now: UnixTime,
) -> Result<Parcel, PoError> {
    let Brought {
        header,
        text,
        attachments,
    } = message;
    // CONTROL only counts up: an identifier never comes twice.
    let stem = edit.letter()?;
    let seconds = written(edit.view(), &header, now).0;
    let id = message_id(&place.gateway.name.to_bytes(), stem, now.0);
    let subject: Vec<u8> = header.subject.iter().copied().take(SUBJECT_MAX).collect();
    let mut mai = Mai::new(&address_text(&header.from), seconds, id.clone()).subject(&subject);
    mai.priority = priority(header.priority);
    mai.text = eol.to_crlf(&text);
    mai.to = header.to.iter().map(address_text).collect();
    for attached in &header.attachments {
        mai = mai.attach(&attached.name, stem, attached.size_bytes);
    }
    let p1 = P1::for_message(&mai, stem, mai.to.clone());
    let mailbox = header.from.mailbox();
    let sender = match &mailbox {
        Some(mailbox) => mailbox.text(),
        None => header.from.kind().name().as_bytes(),
    };
    let mut record =
        MbgRecord::new(sender, &subject, stem, seconds).map_err(PoError::BadMessage)?;
    record.priority = mai.priority.byte();
    record.tag = message_tag(&id).into();
    record.attachments = u16::try_from(attachments.len()).unwrap_or(u16::MAX).into();
    if mailbox.is_some_and(|mailbox| mailbox.is_system()) {
        record.flags |= FLAG_SYSTEM;
    }
    let mut parts = vec![
        record.encode(),
        p1.encode().map_err(PoError::BadMessage)?,
        mai.encode().map_err(PoError::BadMessage)?,
    ];
    parts.extend(attachments);
    Ok(Parcel {
        index: 0,
        stem: stem.0,
        tag: record.tag.get(),
        part_count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        parts,
    })
}

/// Writes what waits for a gateway: prepares one commit.
///
/// # Errors
/// A damaged mailbag, or a disk error: nothing is written then.
pub fn carry_off(
    edit: &mut Edit<'_>,
    place: &Place,
    now: UnixTime,
    report: &mut Report<'_>,
) -> Result<GatewayTotals, PoError> {
    let view = edit.view();
    let mut totals = GatewayTotals::default();
    let collected = link::collect(view, place.mailbag, PASS_LIMIT, &|_| false, report)?;
    let folder = Folder::Out.path(place.mailbag);
    let mut done = Vec::new();
    for parcel in collected.parcels {
        let path = format!("{folder}/{}.MMF", HexId(parcel.stem));
        match file_of(view, place, &parcel) {
            Ok(Some(bytes)) if !edit.exists(&path)? => {
                edit.mkdir(&folder)?;
                edit.create(&path, bytes)?;
                totals.carried_off += 1;
            }
            Ok(Some(_)) => {
                let why = "the gateway has not taken the file of that name away".to_owned();
                report(finding(WAITS, path, why));
                continue;
            }
            Ok(None) => totals.swallowed += 1,
            Err(why) => {
                report(finding(WAITS, path, why));
                continue;
            }
        }
        done.push(Done {
            index: parcel.index,
            stem: parcel.stem,
            tag: parcel.tag,
            there: parcel.stem,
        });
    }
    if !done.is_empty() {
        link::sent(edit, place.mailbag, &place.gateway.name, &done, now)?;
    }
    Ok(totals)
}

/// The file of a message; `None` for one that only `*SPECIAL` is to get.
fn file_of(view: &TreeView, place: &Place, parcel: &Parcel) -> Result<Option<Vec<u8>>, String> {
    let [_, envelope, mai, attachments @ ..] = &parcel.parts[..] else {
        return Err("the message is incomplete".to_owned());
    };
    let envelope = P1::decode(envelope).map_err(|error| error.to_string())?;
    let decoded = Mai::decode(mai).map_err(|error| error.to_string())?;
    if decoded.encrypted {
        return Err("it is enciphered".to_owned());
    }
    let mai = decoded.mai;
    let read = |text: &[u8]| Address::parse(text).map_err(|fault| fault.to_string());
    let mut to = Vec::new();
    for recipient in &envelope.recipients {
        let address = read(recipient)?;
        // `$SYSTEM` is a special name too, and meant.
        let special = address.kind() == AddressType::Pcm
            && address
                .mailbox()
                .is_some_and(|mailbox| mailbox.is_special() && !mailbox.is_system());
        if !special {
            to.push(address);
        }
    }
    if to.is_empty() {
        return Ok(None);
    }
    let from = read(&envelope.originator)?;
    let named = mai.attachments.iter().zip(attachments);
    let attachments: Vec<(&[u8], &[u8])> = named
        .map(|(attachment, bytes)| (attachment.name.as_slice(), bytes.as_slice()))
        .collect();
    let message = NewMessage {
        to: &to,
        from: &from,
        written: log::local_time(view, UnixTime(mai.date)),
        subject: &mai.subject,
        priority: digit(mai.priority),
        text: &mai.text,
        attachments: &attachments,
    };
    let mut out = Vec::new();
    write(&message, place.gateway.eol, &mut out).map_err(|error| error.to_string())?;
    Ok(Some(out))
}
