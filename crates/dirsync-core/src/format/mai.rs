//! MAI, the content of a message (decisions 2.14).
//!
//! One FIPS PUB 98 Message element (Q93239). We write the elements in the order of the table, all
//! length codes but the first in their shortest form; the reader takes any order, skips elements it
//! does not know and tells when the strings are enciphered, as they are in foreign trees (Q77926).
//!
//! | Bytes | Content | Status |
//! |---|---|---|
//! | `4D 83 hh mm ll 01` | Message; the length of what follows offset 4 | INFERRED (Q104423) |
//! | `7F 05 31 20 02 ll hh` | at offset 11 the reference counter: mailbag records that still name the file | counter DOCUMENTED (Q104423) |
//! | `7F 05 32 20 02 02 00` | message format 2 | bytes DOCUMENTED (Q104423) |
//! | `7F 05 33 20 02 hh 00` | hop limit | meaning ASSIGNED |
//! | `7F 05 37 20 02 hh 00` | hops left | meaning ASSIGNED |
//! | Field 01 | From, `NET/PO/MAILBOX` | INFERRED (Q104423) |
//! | Field 05, Field 06 | To, Cc: one string for each recipient | INFERRED (Q104423) |
//! | Field 02 | Date element, `YYYYMMDD-hhmmss+0000` | ASSIGNED |
//! | Field 18 | Precedence `LOW` or `HIGH`; absent = normal | ASSIGNED |
//! | Field 07 | Subject, up to 40 bytes | ASSIGNED |
//! | Field 16 | Message-ID: Unique-ID `NET/PO/SSSSSSSS-tttttttttt` | ASSIGNED |
//! | Field 08 | Attachments, absent if none: Sequence of vendor 41h { name, ATT stem, size in 4 octets } | ASSIGNED |
//! | Field 04 | Text, lines ended by CR LF | ASSIGNED |
//!
//! Integers in vendor elements are little-endian (Q104423). Strings are code page 850. A MAI never
//! changes but for its counter. An ATT file is exactly the bytes of the attachment.

use super::fips98::{Element, Qualifier, Reader, Writer, field, id};
use super::mbg::{Priority, SUBJECT_MAX};
use super::message_parts::{
    MESSAGE_HEAD_LEN, STRINGS_MAX, add_strings, date, first_string, is_plain_address, message,
    open_message, put_date, put_vendor_u16, vendor_integer,
};
use crate::base::{DecodeError, DecodeErrorKind, HexId};

/// Offset of the reference counter (Q104423).
pub const COUNTER_OFFSET: u64 = 11;
/// Bytes from the start of a MAI that [`read_counter`] needs.
pub const COUNTER_HEAD_LEN_BYTES: usize = 13;
/// Hops a message may make when nothing else is set (Q244485).
pub const HOP_LIMIT: u8 = 10;

const WHAT: &str = "MAI file";
const COUNTER: u64 = 0x31;
const FORMAT: u64 = 0x32;
const HOPS: u64 = 0x33;
const HOPS_LEFT: u64 = 0x37;
const ATTACHMENT: u64 = 0x41;
const COUNTER_ELEMENT: [u8; 5] = [0x7F, 0x05, 0x31, 0x20, 0x02];

/// An attachment as its message names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Name in code page 850.
    pub name: Vec<u8>,
    /// Stem of the ATT file.
    pub stem: HexId,
    /// Length of the ATT file in bytes.
    pub size_bytes: u32,
}

/// A message. All texts are code page 850.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mai {
    /// Mailbag records that still name the file.
    pub counter: u16,
    /// Hops the message may make in all.
    pub hop_limit: u8,
    /// Hops it may still make; at 0 it is returned with `[003]`.
    pub hops_left: u8,
    /// Sender, `NET/PO/MAILBOX`.
    pub from: Vec<u8>,
    /// Recipients.
    pub to: Vec<Vec<u8>>,
    /// Recipients of copies.
    pub cc: Vec<Vec<u8>>,
    /// Seconds since 1970 UTC; 0 when unknown.
    pub date: u32,
    /// Priority.
    pub priority: Priority,
    /// Subject, up to 40 bytes.
    pub subject: Vec<u8>,
    /// Message-ID, see [`message_id`]; empty when the file has none.
    pub message_id: Vec<u8>,
    /// Attachments.
    pub attachments: Vec<Attachment>,
    /// Text, lines ended by CR LF.
    pub text: Vec<u8>,
}

/// A message and what the reader noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedMai {
    /// The message.
    pub mai: Mai,
    /// Encrypted content: sender or recipients are not in the clear, so the texts mean nothing to
    /// us (Q77926, R-MAI-006).
    pub encrypted: bool,
    /// Elements that were skipped because they are unknown here.
    pub unknown_elements: u32,
    /// Something follows the message, or the end is missing (only [`Mai::decode_partial`]).
    pub odd_end: bool,
}

/// The Message-ID of a message first stored at `net_po` under `stem`: `NET/PO/SSSSSSSS-tttttttttt`.
#[must_use]
pub fn message_id(net_po: &[u8], stem: HexId, seconds: u32) -> Vec<u8> {
    let mut id = net_po.to_vec();
    id.extend_from_slice(format!("/{stem}-{seconds:010}").as_bytes());
    id
}

impl Mai {
    /// A message of `from`, written at `seconds` since 1970, with counter 1 and 10 hops.
    #[must_use]
    pub fn new(from: &[u8], seconds: u32, message_id: Vec<u8>) -> Self {
        Self {
            counter: 1,
            hop_limit: HOP_LIMIT,
            hops_left: HOP_LIMIT,
            from: from.to_vec(),
            to: Vec::new(),
            cc: Vec::new(),
            date: seconds,
            priority: Priority::Normal,
            subject: Vec::new(),
            message_id,
            attachments: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Adds a recipient.
    #[must_use]
    pub fn to(mut self, address: &[u8]) -> Self {
        self.to.push(address.to_vec());
        self
    }

    /// Adds a recipient of a copy.
    #[must_use]
    pub fn cc(mut self, address: &[u8]) -> Self {
        self.cc.push(address.to_vec());
        self
    }

    /// Sets the subject, cut to 40 bytes (DEC-060).
    #[must_use]
    pub fn subject(mut self, subject: &[u8]) -> Self {
        self.subject = subject[..subject.len().min(SUBJECT_MAX)].to_vec();
        self
    }

    /// Sets the text.
    #[must_use]
    pub fn text(mut self, text: Vec<u8>) -> Self {
        self.text = text;
        self
    }

    /// Adds an attachment.
    #[must_use]
    pub fn attach(mut self, name: &[u8], stem: HexId, size_bytes: u32) -> Self {
        self.attachments.push(Attachment {
            name: name.to_vec(),
            stem,
            size_bytes,
        });
        self
    }

    /// Takes one hop away; `false` when none is left, and the message is to be returned: `[003]`.
    #[must_use]
    pub fn take_hop(&mut self) -> bool {
        match self.hops_left.checked_sub(1) {
            Some(left) => {
                self.hops_left = left;
                true
            }
            None => false,
        }
    }

    /// All recipients, those of copies last.
    pub fn recipients(&self) -> impl Iterator<Item = &[u8]> {
        self.to.iter().chain(&self.cc).map(Vec::as_slice)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// A subject above 40 bytes, more than 65,535 recipients or attachments, or more than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let limit = |what, limit: usize, found: usize| {
            if found <= limit {
                return Ok(());
            }
            let kind = DecodeErrorKind::Limit(what, limit as u64, found as u64);
            Err(DecodeError::new(WHAT, 0, kind))
        };
        limit("the subject", SUBJECT_MAX, self.subject.len())?;
        limit(
            "the number of recipients",
            STRINGS_MAX,
            self.to.len().max(self.cc.len()),
        )?;
        limit(
            "the number of attachments",
            STRINGS_MAX,
            self.attachments.len(),
        )?;
        let mut writer = Writer::new();
        put_vendor_u16(&mut writer, COUNTER, self.counter);
        put_vendor_u16(&mut writer, FORMAT, 2);
        put_vendor_u16(&mut writer, HOPS, u16::from(self.hop_limit));
        put_vendor_u16(&mut writer, HOPS_LEFT, u16::from(self.hops_left));
        writer.field(field::FROM, [&self.from[..]]);
        writer.field(field::TO, self.to.iter().map(Vec::as_slice));
        if !self.cc.is_empty() {
            writer.field(field::CC, self.cc.iter().map(Vec::as_slice));
        }
        put_date(&mut writer, self.date);
        match self.priority {
            Priority::Normal => {}
            Priority::Low => writer.field(field::PRECEDENCE, [&b"LOW"[..]]),
            Priority::High => writer.field(field::PRECEDENCE, [&b"HIGH"[..]]),
        }
        writer.field(field::SUBJECT, [&self.subject[..]]);
        put_message_id(&mut writer, &self.message_id);
        if !self.attachments.is_empty() {
            writer.element(
                id::FIELD,
                Some(Qualifier::Value(field::ATTACHMENTS)),
                |inner| {
                    inner.element(id::SEQUENCE, None, |inner| {
                        for attachment in &self.attachments {
                            attachment.encode_into(inner);
                        }
                    });
                },
            );
        }
        writer.field(field::TEXT, [&self.text[..]]);
        message(WHAT, writer)
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// No Message element, an element that is cut off, an attachment entry of ours that cannot be
    /// read, too many recipients.
    pub fn decode(bytes: &[u8]) -> Result<DecodedMai, DecodeError> {
        Self::decode_from(Reader::new(bytes))
    }

    /// Reads as much as there is of a file that is cut off.
    ///
    /// # Errors
    /// As [`Self::decode`], but for the missing end.
    pub fn decode_partial(bytes: &[u8]) -> Result<DecodedMai, DecodeError> {
        Self::decode_from(Reader::partial(bytes, 0))
    }

    fn decode_from(reader: Reader<'_>) -> Result<DecodedMai, DecodeError> {
        let (message, follows) = open_message(WHAT, reader)?;
        let mut decoded = DecodedMai {
            mai: Self {
                counter: 0,
                hop_limit: 0,
                hops_left: 0,
                ..Self::new(b"", 0, Vec::new())
            },
            encrypted: false,
            unknown_elements: 0,
            odd_end: follows
                || message
                    .length
                    .is_some_and(|n| n > message.encoded.len() as u64),
        };
        for element in message.children() {
            let element = element?;
            if !decoded.mai.take_element(&element)? {
                decoded.unknown_elements = decoded.unknown_elements.saturating_add(1);
            }
        }
        let mai = &decoded.mai;
        decoded.encrypted = std::iter::once(&mai.from[..])
            .filter(|from| !from.is_empty())
            .chain(mai.recipients())
            .any(|address| !is_plain_address(address));
        Ok(decoded)
    }

    /// Takes over what `element` says; `false` when it is unknown here.
    fn take_element(&mut self, element: &Element<'_>) -> Result<bool, DecodeError> {
        let Some(Qualifier::Value(qualifier)) = element.qualifier else {
            return Ok(matches!(element.id, id::NO_OP | id::PADDING));
        };
        let string = || first_string(element).map(<[u8]>::to_vec);
        let hops = || vendor_integer(element).map(|n| u8::try_from(n).unwrap_or(u8::MAX));
        match (element.id, qualifier) {
            (id::VENDOR, COUNTER) => {
                let value = vendor_integer(element).and_then(|n| u16::try_from(n).ok());
                self.counter = value.unwrap_or(self.counter);
            }
            (id::VENDOR, FORMAT) => {}
            (id::VENDOR, HOPS) => self.hop_limit = hops().unwrap_or(self.hop_limit),
            (id::VENDOR, HOPS_LEFT) => self.hops_left = hops().unwrap_or(self.hops_left),
            (id::FIELD, field::FROM) => self.from = string().unwrap_or_default(),
            (id::FIELD, field::TO) => add_strings(WHAT, element, &mut self.to)?,
            (id::FIELD, field::CC) => add_strings(WHAT, element, &mut self.cc)?,
            (id::FIELD, field::POSTED_DATE) => self.date = date(element).unwrap_or(0),
            (id::FIELD, field::PRECEDENCE) => {
                self.priority = match string().unwrap_or_default().to_ascii_uppercase().as_slice() {
                    b"LOW" => Priority::Low,
                    b"HIGH" => Priority::High,
                    _ => Priority::Normal,
                }
            }
            (id::FIELD, field::SUBJECT) => self.subject = string().unwrap_or_default(),
            (id::FIELD, field::MESSAGE_ID) => self.message_id = read_message_id(element),
            (id::FIELD, field::ATTACHMENTS) => return self.take_attachments(element),
            (id::FIELD, field::TEXT) => self.text = string().unwrap_or_default(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_attachments(&mut self, field: &Element<'_>) -> Result<bool, DecodeError> {
        let mut known = true;
        for list in field.children() {
            let list = list?;
            if list.id != id::SEQUENCE {
                known = false;
                continue;
            }
            for entry in list.children() {
                let entry = entry?;
                if !entry.is(id::VENDOR, ATTACHMENT) {
                    known = false;
                    continue;
                }
                if self.attachments.len() >= STRINGS_MAX {
                    let limit = STRINGS_MAX as u64;
                    let kind =
                        DecodeErrorKind::Limit("the number of attachments", limit, limit + 1);
                    return Err(DecodeError::new(WHAT, entry.offset, kind));
                }
                self.attachments.push(Attachment::decode(&entry)?);
            }
        }
        Ok(known)
    }
}

impl Attachment {
    fn encode_into(&self, writer: &mut Writer) {
        writer.element(id::VENDOR, Some(Qualifier::Value(ATTACHMENT)), |inner| {
            inner.string(&self.name);
            inner.string(self.stem.to_string().as_bytes());
            inner.little_endian(u64::from(self.size_bytes), 4);
        });
    }

    fn decode(entry: &Element<'_>) -> Result<Self, DecodeError> {
        let bad = || DecodeError::new(WHAT, entry.offset, DecodeErrorKind::BadField("attachment"));
        let mut parts = entry.children();
        let mut part = || parts.next().ok_or_else(bad)?;
        let name = part()?.string().ok_or_else(bad)?.to_vec();
        let stem = HexId::from_ascii(part()?.string().ok_or_else(bad)?).map_err(|_| bad())?;
        let size = part()?
            .little_endian()
            .and_then(|size| u32::try_from(size).ok());
        Ok(Self {
            name,
            stem,
            size_bytes: size.ok_or_else(bad)?,
        })
    }
}

/// Field 16 with a Unique-ID.
pub(super) fn put_message_id(writer: &mut Writer, message_id: &[u8]) {
    writer.element(
        id::FIELD,
        Some(Qualifier::Value(field::MESSAGE_ID)),
        |inner| {
            inner.element(id::UNIQUE_ID, None, |inner| inner.string(message_id));
        },
    );
}

/// The Message-ID in Field 16; empty when it is none of ours.
pub(super) fn read_message_id(element: &Element<'_>) -> Vec<u8> {
    element
        .children()
        .find_map(|child| child.ok().filter(|child| child.id == id::UNIQUE_ID))
        .and_then(|unique| first_string(&unique))
        .map(<[u8]>::to_vec)
        .unwrap_or_default()
}

/// The reference counter of a MAI, from its first 13 bytes or more; nothing else is read.
///
/// # Errors
/// Fewer bytes, or not the beginning that a MAI has.
pub fn read_counter(head: &[u8]) -> Result<u16, DecodeError> {
    let Some(&[0x4D, 0x83, _, _, _, 0x01, ref element @ .., low, high]) =
        head.first_chunk::<COUNTER_HEAD_LEN_BYTES>()
    else {
        let kind = if head.len() < COUNTER_HEAD_LEN_BYTES {
            DecodeErrorKind::TooShort(COUNTER_HEAD_LEN_BYTES as u64, head.len() as u64)
        } else {
            DecodeErrorKind::BadMagic
        };
        return Err(DecodeError::new(WHAT, 0, kind));
    };
    if *element != COUNTER_ELEMENT {
        let kind = DecodeErrorKind::BadMagic;
        return Err(DecodeError::new(WHAT, MESSAGE_HEAD_LEN as u64, kind));
    }
    Ok(u16::from_le_bytes([low, high]))
}

/// The reference counter of a MAI of a foreign tree: the documented offset is all that is known of
/// its beginning (Q104423). `None` when the file is shorter.
#[must_use]
pub fn read_foreign_counter(head: &[u8]) -> Option<u16> {
    let head = head.first_chunk::<COUNTER_HEAD_LEN_BYTES>()?;
    Some(u16::from_le_bytes([head[11], head[12]]))
}

/// Where and what to write to set the counter: the only change a MAI ever gets.
#[must_use]
pub fn counter_patch(value: u16) -> (u64, [u8; 2]) {
    (COUNTER_OFFSET, value.to_le_bytes())
}

#[cfg(test)]
#[path = "mai_tests.rs"]
mod tests;
