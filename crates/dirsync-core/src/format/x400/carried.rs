//! A message of a postoffice as it passes through the MTA: header, envelope, MAI and attachments inside
//! a message of X.411 and X.420 (DEC-067).
//!
//! What a person or a decoder of X.400 wants to see stands in the fields of the standard: originator
//! and recipients as `MS` attributes, priority, time, subject, text, one bilaterally defined part
//! for each attachment. The first bilaterally defined part is the *carrier*: what the fields of the
//! standard cannot hold, so that the interchange at the other end writes the very bytes that left
//! (trace, hops, Message-ID, elements of other programs). All of it is ASSIGNED; the integers are
//! little-endian.
//!
//! | Off | Size | Content |
//! |---|---|---|
//! | 0 | 8 | `DXAPARCL` |
//! | 8 | 2 | u16 version, 1 |
//! | 10 | 2 | u16 number of attachments |
//! | 12 | 4 | u32 length of the header |
//! | 16 | 4 | u32 length of the envelope |
//! | 20 | 4 | u32 length of the MAI's part that stands here |
//! | 24 | 4 | u32 length of the MAI's end that is the text part; 0: all of the MAI stands here |
//! | 28 | 4 | u32 CRC-32 of header, envelope and whole MAI |
//! | 32 | - | header, envelope, part of the MAI |
//!
//! A message without a carrier comes from another kind of program: [`converted`] makes a message of a
//! postoffice of it, as far as its recipients have `MS` addresses.

use super::dda::{MS, VALUE_MAX, printable, unprintable};
use super::message::{Ipm, OrAddress, P1Message};
use super::mts_id::{MtsId, is_printable};
use crate::base::address::PoName;
use crate::base::{DecodeError, DecodeErrorKind, HexId, UnixTime};
use crate::format::FixedRecord as _;
use crate::format::mai::Mai;
use crate::format::mbg::{self, MbgRecord, SUBJECT_MAX, message_tag};
use crate::format::mta::Priority;
use crate::format::p1::P1;

/// Magic of the carrier.
pub const MAGIC: [u8; 8] = *b"DXAPARCL";
/// Version of the carrier.
pub const VERSION: u16 = 1;
/// Bytes in front of the carrier's parts.
pub const HEAD_LEN_BYTES: usize = 32;
/// Parts of a message in front of its attachments: header, envelope, MAI.
pub const HEAD_PARTS: usize = 3;
/// Most recipients of a message (X.411, upper bounds).
pub const RECIPIENTS_MAX: usize = 32_767;

const WHAT: &str = "carried message";
/// Longest identifier of an interpersonal message in characters (X.420).
const IPM_ID_MAX: usize = 64;

fn bad(offset: u64, why: &'static str) -> DecodeError {
    DecodeError::new(WHAT, offset, DecodeErrorKind::BadText(why))
}

/// The management domain that messages are submitted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Country.
    pub country: String,
    /// Administration domain, a blank when there is none.
    pub admd: String,
    /// Private domain: never blank (Q165485, Q176194).
    pub prmd: String,
    /// Organization in the addresses: the site.
    pub organization: String,
}

impl Domain {
    /// The domain of an organization and site: country `US`, no administration domain (ASSIGNED), the
    /// names cut to what X.411 allows.
    #[must_use]
    pub fn of(organization: &str, site: &str) -> Self {
        let cut = |text: &str, len: usize| -> String {
            let fits = |c: &char| u8::try_from(*c).is_ok_and(|c| is_printable(c) && c != b'/');
            let kept: String = text.chars().filter(fits).take(len).collect();
            match kept.trim() {
                "" => "ORG".to_owned(),
                kept => kept.to_owned(),
            }
        };
        Self {
            country: "US".to_owned(),
            admd: " ".to_owned(),
            prmd: cut(organization, 16),
            organization: cut(site, 64),
        }
    }

    /// The O/R address of a postoffice's address `NET/PO/MAILBOX` in code page 850.
    #[must_use]
    pub fn ms(&self, address: &[u8]) -> OrAddress {
        let mut value = printable(address);
        value.truncate(VALUE_MAX);
        OrAddress {
            country: self.country.clone(),
            admd: self.admd.clone(),
            prmd: self.prmd.clone(),
            organization: self.organization.clone(),
            domain_defined: vec![(MS.to_owned(), value)],
            ..OrAddress::default()
        }
    }
}

/// The postoffice's address in an O/R address, code page 850.
#[must_use]
pub fn ms_address(address: &OrAddress) -> Option<Vec<u8>> {
    address
        .domain_defined
        .iter()
        .find(|(kind, _)| kind.eq_ignore_ascii_case(MS))
        .map(|(_, value)| unprintable(value))
}

/// X.411's priority of a postoffice's.
#[must_use]
pub fn priority_of(priority: mbg::Priority) -> Priority {
    match priority {
        mbg::Priority::Normal => Priority::Normal,
        mbg::Priority::Low => Priority::NonUrgent,
        mbg::Priority::High => Priority::Urgent,
    }
}

/// A postoffice's priority of X.411's.
#[must_use]
pub fn priority_from(priority: Priority) -> mbg::Priority {
    match priority {
        Priority::Normal => mbg::Priority::Normal,
        Priority::NonUrgent => mbg::Priority::Low,
        Priority::Urgent => mbg::Priority::High,
    }
}

/// The message of X.400 that carries `parts`: header, envelope, MAI, then each attachment. The names of
/// the bilaterally defined parts are those of [`names`].
///
/// # Errors
/// Parts that are missing or no message; more attachments or recipients than X.411 has numbers for.
pub fn carry(parts: &[Vec<u8>], id: MtsId, domain: &Domain) -> Result<P1Message, DecodeError> {
    let [header, envelope, mai, attachments @ ..] = parts else {
        return Err(bad(0, "header, envelope or message is missing"));
    };
    let record = MbgRecord::decode(header)?;
    let p1 = P1::decode(envelope)?;
    let message = Mai::decode(mai)?.mai;
    if p1.recipients.is_empty() {
        return Err(bad(0, "the envelope names no recipients"));
    }
    if p1.recipients.len() > RECIPIENTS_MAX {
        let kind = DecodeErrorKind::Limit(
            "the number of recipients",
            RECIPIENTS_MAX as u64,
            p1.recipients.len() as u64,
        );
        return Err(DecodeError::new(WHAT, 0, kind));
    }
    // As a rule the text is the end of the MAI, and need not stand twice.
    let split = mai.len().saturating_sub(message.text.len());
    let split = if mai[split..] == message.text[..] {
        split
    } else {
        mai.len()
    };
    let (head, end) = mai.split_at(split);
    let count = u16::try_from(attachments.len())
        .map_err(|_| bad(10, "a message has at most 65,535 attachments"))?;
    let mut files = Vec::with_capacity(attachments.len() + 1);
    files.push(carrier(header, envelope, head, end, count)?);
    files.extend(attachments.iter().cloned());
    let stem = record.mai.get().ok().flatten().unwrap_or(p1.stem);
    let mut ipm_id = printable(&p1.message_id);
    ipm_id.truncate(IPM_ID_MAX);
    Ok(P1Message {
        id,
        originator: domain.ms(&p1.originator),
        recipients: p1.recipients.iter().map(|to| domain.ms(to)).collect(),
        priority: priority_of(message.priority),
        submitted: UnixTime(message.date),
        content_id: stem.to_string(),
        ipm: Ipm {
            id: ipm_id,
            subject: message.subject,
            text: message.text,
            files,
        },
    })
}

fn carrier(
    header: &[u8],
    envelope: &[u8],
    head: &[u8],
    end: &[u8],
    count: u16,
) -> Result<Vec<u8>, DecodeError> {
    let len =
        |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| bad(12, "a part has at most 4 GiB"));
    let mut crc = crc32fast::Hasher::new();
    for part in [header, envelope, head, end] {
        crc.update(part);
    }
    let mut out = Vec::with_capacity(HEAD_LEN_BYTES + header.len() + envelope.len() + head.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    for part in [header, envelope, head, end] {
        out.extend_from_slice(&len(part)?.to_le_bytes());
    }
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    for part in [header, envelope, head] {
        out.extend_from_slice(part);
    }
    Ok(out)
}

/// What the parts of a message are called in attribute 9 of its data object, where a byte search finds
/// them (Q311443): the carrier, then the attachments.
#[must_use]
pub fn names(parts: &[Vec<u8>]) -> Vec<String> {
    let mut names = vec!["PARCEL".to_owned()];
    if let Some(Ok(mai)) = parts.get(HEAD_PARTS - 1).map(|bytes| Mai::decode(bytes)) {
        names.extend(
            mai.mai
                .attachments
                .iter()
                .map(|attachment| crate::base::codepage::CodePage::Cp850.decode(&attachment.name)),
        );
    }
    names
}

/// Whether a message has a carrier.
#[must_use]
pub fn is_carried(message: &P1Message) -> bool {
    message
        .ipm
        .files
        .first()
        .is_some_and(|first| first.starts_with(&MAGIC))
}

/// The parts of a message that has a carrier: the very bytes that [`carry`] was given.
///
/// # Errors
/// No carrier, another version, lengths or a checksum that do not fit, an attachment too few or too
/// many.
pub fn uncarry(message: P1Message) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut files = message.ipm.files.into_iter();
    let carrier = files.next().unwrap_or_default();
    let (head, body) = carrier
        .split_at_checked(HEAD_LEN_BYTES)
        .filter(|(head, _)| head.starts_with(&MAGIC))
        .ok_or_else(|| DecodeError::new(WHAT, 0, DecodeErrorKind::BadMagic))?;
    let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let size = |at: usize| usize::try_from(long(at)).unwrap_or(usize::MAX);
    if word(8) != VERSION {
        return Err(DecodeError::new(
            WHAT,
            8,
            DecodeErrorKind::BadField("version"),
        ));
    }
    let attachments: Vec<Vec<u8>> = files.collect();
    if attachments.len() != usize::from(word(10)) {
        return Err(bad(10, "an attachment is missing or too much"));
    }
    let short = || bad(12, "the lengths do not fit the carrier");
    let (header, rest) = body.split_at_checked(size(12)).ok_or_else(short)?;
    let (envelope, front) = rest.split_at_checked(size(16)).ok_or_else(short)?;
    if front.len() != size(20) {
        return Err(short());
    }
    let text: &[u8] = match size(24) {
        0 => &[],
        len if len == message.ipm.text.len() => &message.ipm.text,
        _ => return Err(bad(24, "the text does not fit the carrier")),
    };
    let mai = [front, text].concat();
    let mut crc = crc32fast::Hasher::new();
    for part in [header, envelope, &mai] {
        crc.update(part);
    }
    let computed = crc.finalize();
    if computed != long(28) {
        let kind = DecodeErrorKind::BadChecksum(long(28), computed);
        return Err(DecodeError::new(WHAT, 28, kind));
    }
    let mut parts = vec![header.to_vec(), envelope.to_vec(), mai];
    parts.extend(attachments);
    Ok(parts)
}

/// A message of another program as one of a postoffice: recipients are those with an `MS` address,
/// the Message-ID is the MTS-ID. A sender without an `MS` address becomes `POSTMASTER` of `own`, his
/// address the first line of the text (ASSIGNED: an answer must have somewhere to go).
///
/// # Errors
/// No recipient has an `MS` address (event 2375), or there is more than a MAI holds.
pub fn converted(
    message: P1Message,
    names: &[String],
    own: PoName,
) -> Result<Vec<Vec<u8>>, DecodeError> {
    let recipients: Vec<Vec<u8>> = message.recipients.iter().filter_map(ms_address).collect();
    if recipients.is_empty() {
        return Err(bad(0, "no recipient has an address of a postoffice"));
    }
    let mut text = message.ipm.text;
    let from = ms_address(&message.originator).unwrap_or_else(|| {
        let line = format!("From: {}\r\n", message.originator);
        text.splice(0..0, line.into_bytes());
        [&own.to_bytes()[..], b"/POSTMASTER"].concat()
    });
    let seconds = message.submitted.0;
    let message_id = message.id.to_string().into_bytes();
    let mut mai = Mai::new(&from, seconds, message_id).subject(&message.ipm.subject);
    mai.priority = priority_from(message.priority);
    mai.to.clone_from(&recipients);
    mai.text = text;
    for (number, file) in (1u32..).zip(&message.ipm.files) {
        let given = usize::try_from(number)
            .ok()
            .and_then(|number| names.get(number - 1))
            .map(|name| {
                crate::base::codepage::CodePage::Cp850
                    .encode_lossy(name)
                    .bytes
            });
        let name = given.unwrap_or_else(|| format!("ATT{number:05}.DAT").into_bytes());
        let size = u32::try_from(file.len()).unwrap_or(u32::MAX);
        mai = mai.attach(&name, HexId(number), size);
    }
    let envelope = P1::for_message(&mai, HexId(0), recipients);
    let mailbox = from.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let mailbox = mailbox.get(..mailbox.len().min(10)).unwrap_or_default();
    let subject = &mai.subject[..mai.subject.len().min(SUBJECT_MAX)];
    let mut header = MbgRecord::new(mailbox, subject, HexId(0), seconds)?;
    header.priority = mai.priority.byte();
    header.attachments = u16::try_from(mai.attachments.len())
        .map_err(|_| bad(0, "a message has at most 65,535 attachments"))?
        .into();
    header.tag = message_tag(&mai.message_id).into();
    let mut parts = vec![header.encode(), envelope.encode()?, mai.encode()?];
    parts.extend(message.ipm.files);
    Ok(parts)
}

#[cfg(test)]
#[path = "carried_tests.rs"]
mod tests;
