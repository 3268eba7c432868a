//! What a gateway brings: files of `IN`, by way of `TAKEN`.
//!
//! Every message of a file goes into INQUEUE3 (Q115490), and the file goes, in one commit. Files are
//! whole or not at all (ASSIGNED): one with a fault goes to `BAD` with its error line, so that it can
//! be mended and brought again; one that ends inside a message is still being written and stays in `IN`.
//! A file that waits keeps none behind it waiting. At most 50 files a pass (Q85059).

use jiff::civil::DateTime;

use crate::core::base::ident::MailbagStem;
use crate::core::base::time::{UnixTime, parse_zone};
use crate::core::format::FixedRecord as _;
use crate::core::format::key::MAILBAG_RECORDS_MAX;
use crate::core::format::mai::{Mai, message_id};
use crate::core::format::mbg::{FLAG_SYSTEM, MbgRecord, Priority, SUBJECT_MAX, message_tag};
use crate::core::format::mmff::{Code, Eol, Event, Fault, Header, ReadError, Reader, Text};
use crate::core::format::p1::P1;
use crate::postoffice::externals::gateways::{self, Folder};
use crate::postoffice::mail::{BagEdit, address_text};
use crate::postoffice::stream::{Report, report_or_fail};
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::view::Exchanged;
use crate::tree::{RelPath, TreeError, TreeMut, TreeView};

use super::super::link::{self, Parcel, Receipt};
use super::super::log;
use super::super::mailer::PASS_LIMIT;
use super::{BATCH_LIMIT_BYTES, GatewayTotals, Place, REFUSED, WAITS, finding};

/// Longest file that is taken, in bytes (ASSIGNED: its messages share one commit and are held).
pub const FILE_LIMIT_BYTES: u64 = 64 << 20;
/// Bytes that are read at a time.
const PIECE_LEN_BYTES: usize = 64 << 10;
/// Names that are held at a time.
const NAMES_LIMIT: usize = 1000;

/// A message of a file.
struct Brought {
    header: Header,
    text: Vec<u8>,
    attachments: Vec<Vec<u8>>,
}

/// What a file is.
enum Opened {
    /// So many messages; they themselves where they were wanted, and how its lines end.
    Messages(usize, Vec<Brought>, Eol),
    /// It has a fault.
    Bad(Fault),
    /// It has to wait.
    Waits(String),
}

/// How many messages INQUEUE3 can take.
fn room(edit: &mut Edit<'_>) -> Result<usize, PoError> {
    let queue = BagEdit::load(edit, MailbagStem::INQUEUE3)?;
    Ok(MAILBAG_RECORDS_MAX.saturating_sub(queue.live_count()))
}

fn no_room(count: usize) -> String {
    format!("INQUEUE3 has no room for its {count} messages [017]")
}

/// Calls `each` for the files of a folder by name and path on disk, in the order of their names, until
/// it breaks.
fn for_each_file(
    view: &TreeView,
    place: &Place,
    folder: Folder,
    each: &mut dyn FnMut(&str, &RelPath) -> Result<bool, PoError>,
) -> Result<(), PoError> {
    let dir = place.folder(view, folder)?;
    let mut after: Option<String> = None;
    loop {
        let names =
            gateways::files_after(view, folder, place.mailbag, after.as_deref(), NAMES_LIMIT)?;
        for name in &names {
            let path = dir.join(name).map_err(TreeError::from)?;
            if !each(name, &path)? {
                return Ok(());
            }
        }
        if names.len() < NAMES_LIMIT {
            return Ok(());
        }
        after = names.into_iter().last();
    }
}

/// What the file at `path` is. What stands in the way of reading it concerns it alone and is reported;
/// `None` then.
fn open_or_report(
    view: &TreeView,
    path: &RelPath,
    place: &Place,
    wanted: bool,
    report: &mut Report<'_>,
) -> Result<Option<Opened>, PoError> {
    match open(view, path, place, wanted) {
        Err(PoError::Tree(error)) => {
            report_or_fail(path.as_str(), error, report)?;
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Moves files that are whole, or faulty for good, from `IN` to `TAKEN`, as many as there is room for
/// in INQUEUE3; how many.
///
/// # Errors
/// A damaged INQUEUE3, or a disk error: what was moved is there.
pub fn take(tree: &mut TreeMut, place: &Place, report: &mut Report<'_>) -> Result<usize, PoError> {
    let view = tree.view();
    let mut room = room(&mut Edit::new(view))?;
    let taken = place.folder(view, Folder::Taken)?;
    let mut moves = Vec::new();
    let mut bytes = 0u64;
    for_each_file(view, place, Folder::In, &mut |name, path| {
        if moves.len() >= PASS_LIMIT || bytes >= BATCH_LIMIT_BYTES {
            return Ok(false);
        }
        match open_or_report(view, path, place, false, report)? {
            None => return Ok(true),
            Some(Opened::Waits(why)) => {
                report(finding(WAITS, path.to_string(), why));
                return Ok(true);
            }
            Some(Opened::Messages(count, ..)) if count <= MAILBAG_RECORDS_MAX => {
                if count > room {
                    report(finding(WAITS, path.to_string(), no_room(count)));
                    // With no room at all the others need not be read to say the same.
                    return Ok(room > 0);
                }
                room -= count;
                bytes += view.stat_on_disk(path)?.map_or(0, |stat| stat.len);
            }
            // It is put aside.
            Some(Opened::Messages(..) | Opened::Bad(_)) => {}
        }
        let to = taken.join(name).map_err(TreeError::from)?;
        moves.push((path.clone(), to));
        Ok(true)
    })?;
    let mut count = 0;
    if moves.is_empty() {
        return Ok(count);
    }
    let became = tree.exchange(&moves)?;
    for ((from, _), became) in moves.iter().zip(became) {
        let why = match became {
            Exchanged::Moved => {
                count += 1;
                continue;
            }
            // The gateway took it back.
            Exchanged::Gone => continue,
            Exchanged::InTheWay => "the file that had this name before is being taken".to_owned(),
            Exchanged::Failed(error) => error.to_string(),
        };
        report(finding(WAITS, from.to_string(), why));
    }
    Ok(count)
}

/// Queues what stands in `TAKEN`: prepares one commit. Files with faults go to `SPOOL`, on their way to
/// `BAD`, without being held.
///
/// # Errors
/// [`PoError::NoIdentity`], a damaged INQUEUE3, no space, or a disk error: nothing is queued then.
pub fn bring(
    edit: &mut Edit<'_>,
    place: &Place,
    now: UnixTime,
    report: &mut Report<'_>,
) -> Result<GatewayTotals, PoError> {
    let view = edit.view();
    let mut totals = GatewayTotals::default();
    if !super::holds_anything(view, place, Folder::Taken)? {
        return Ok(totals);
    }
    let mut room = room(edit)?;
    let mut parcels = Vec::new();
    let (mut handled, mut bytes) = (0, 0u64);
    for_each_file(view, place, Folder::Taken, &mut |name, path| {
        if handled >= PASS_LIMIT || bytes >= BATCH_LIMIT_BYTES {
            return Ok(false);
        }
        match open_or_report(view, path, place, true, report)? {
            None => {}
            Some(Opened::Waits(why)) => report(finding(WAITS, path.to_string(), why)),
            Some(Opened::Bad(fault)) => {
                put_aside(edit, place, name, path, &fault, report)?;
                totals.refused += 1;
                handled += 1;
            }
            Some(Opened::Messages(count, ..)) if count > MAILBAG_RECORDS_MAX => {
                // It would never fit.
                let fault = Fault {
                    code: Code::NotSubmitted,
                    message: u32::try_from(MAILBAG_RECORDS_MAX + 1).unwrap_or(u32::MAX),
                    line: 0,
                };
                put_aside(edit, place, name, path, &fault, report)?;
                totals.refused += 1;
                handled += 1;
            }
            Some(Opened::Messages(count, ..)) if count > room => {
                report(finding(WAITS, path.to_string(), no_room(count)));
            }
            Some(Opened::Messages(count, messages, eol)) => {
                let made: Result<Vec<Parcel>, PoError> = messages
                    .into_iter()
                    .map(|message| parcel(edit, place, message, eol, now))
                    .collect();
                // A message that no MAI can hold concerns its file alone: it would fail every time.
                if let Err(PoError::BadMessage(_)) = made {
                    let fault = Fault {
                        code: Code::NotSubmitted,
                        message: 1,
                        line: 0,
                    };
                    put_aside(edit, place, name, path, &fault, report)?;
                    totals.refused += 1;
                    handled += 1;
                    return Ok(true);
                }
                let made = made?;
                room -= count;
                bytes += made.iter().map(Parcel::len_bytes).sum::<u64>();
                parcels.extend(made);
                edit.plan_mut()
                    .remove(path.clone())
                    .map_err(TreeError::from)?;
                handled += 1;
            }
        }
        Ok(true)
    })?;
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
    Ok(totals)
}

/// Moves a file with a fault aside, under a name of this tree, with its error line.
fn put_aside(
    edit: &mut Edit<'_>,
    place: &Place,
    name: &str,
    path: &RelPath,
    fault: &Fault,
    report: &mut Report<'_>,
) -> Result<(), PoError> {
    let stem = edit.letter()?;
    let spool = place.folder(edit.view(), Folder::Spool)?;
    let to = spool
        .join(&format!("{stem}.BAD"))
        .map_err(TreeError::from)?;
    edit.plan_mut()
        .move_to(path.clone(), to)
        .map_err(TreeError::from)?;
    let brought = format!("{}/{name}", Folder::In.path(place.mailbag));
    edit.create(
        &format!("{}/{stem}.ERR", Folder::Spool.path(place.mailbag)),
        format!("{fault}\r\n{brought}\r\n").into_bytes(),
    )?;
    let now_at = format!("{}/{stem}.MMF", Folder::Bad.path(place.mailbag));
    report(finding(REFUSED, now_at, fault.to_string()));
    Ok(())
}

fn open(view: &TreeView, path: &RelPath, place: &Place, wanted: bool) -> Result<Opened, PoError> {
    let Some(file) = view.open_on_disk(path)? else {
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
    let (mut count, mut messages) = (0usize, Vec::new());
    let mut open: Option<Brought> = None;
    let mut bad: Option<(u32, Code)> = None;
    let mut sink = |event: Event<'_>| match event {
        Event::Header(header) => {
            let number = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
            if bad.is_none()
                && let Some(code) = refuse(&header, own)
            {
                bad = Some((number, code));
            }
            open = wanted.then(|| Brought {
                attachments: vec![Vec::new(); header.attachments.len()],
                header: *header,
                text: Vec::new(),
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
        Event::End => {
            count += 1;
            messages.extend(open.take());
        }
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
        Ok(()) if count == 0 => Opened::Waits("it holds no message yet".to_owned()),
        Ok(()) => Opened::Messages(count, messages, reader.eol().unwrap_or(place.gateway.eol)),
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
