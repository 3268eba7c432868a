//! P1, the envelope of a message on its way (decisions 2.14).
//!
//! `P1\<stem>.P1` stands beside the MAI of the same stem in an in-queue (Q119642); `P1\<stem>.Pxx`
//! serves one destination. Its inside was never published; all of it is ASSIGNED.
//!
//! | Bytes | Content |
//! |---|---|
//! | `4D 83 hh mm ll 01` | Message |
//! | `7F 05 61 20 02 01 00` | envelope version 1 |
//! | vendor 62h | stem of the MAI, a string |
//! | Field 01 | originator |
//! | Field 05 | recipients still to be served from here, one string each |
//! | Field 02, 07, 16 | date, subject, Message-ID as in the MAI |
//! | `7F 05 63 20 02 hh 00` | hops left |
//! | vendor 64h | trace: a string `NET/PO` for each postoffice passed, oldest first; absent if none |
//! | `7F 05 65 20 02 ll hh` | attempts |
//! | vendor 66h | only in `.Pxx`: stem of the outbound mailbag that it serves, a string |

use super::fips98::{Element, Qualifier, Reader, Writer, field, id};
use super::mai::{Mai, put_message_id, read_message_id};
use super::mbg::SUBJECT_MAX;
use super::message_parts::{
    STRINGS_MAX, add_strings, date, first_string, message, open_message, put_date, put_vendor_u16,
    vendor_integer,
};
use crate::base::{DecodeError, DecodeErrorKind, HexId};

const WHAT: &str = "P1 file";
const VERSION: u64 = 0x61;
const STEM: u64 = 0x62;
const HOPS_LEFT: u64 = 0x63;
const TRACE: u64 = 0x64;
const ATTEMPTS: u64 = 0x65;
const MAILBAG: u64 = 0x66;

/// An envelope. All texts are code page 850.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct P1 {
    /// Stem of the MAI.
    pub stem: HexId,
    /// Sender, `NET/PO/MAILBOX`.
    pub originator: Vec<u8>,
    /// Recipients still to be served from here.
    pub recipients: Vec<Vec<u8>>,
    /// Seconds since 1970 UTC; 0 when unknown.
    pub date: u32,
    /// Subject, up to 40 bytes.
    pub subject: Vec<u8>,
    /// Message-ID.
    pub message_id: Vec<u8>,
    /// Hops the message may still make.
    pub hops_left: u8,
    /// Postoffices passed, oldest first.
    pub trace: Vec<Vec<u8>>,
    /// Delivery attempts so far.
    pub attempts: u16,
    /// The outbound mailbag whose header this envelope belongs to; only in a `.Pxx`, so that a
    /// message in several outbound mailbags finds the recipients of each.
    pub mailbag: Option<HexId>,
}

impl P1 {
    /// The envelope of `mai`, stored under `stem`, for `recipients`; nothing passed, not tried yet.
    #[must_use]
    pub fn for_message(mai: &Mai, stem: HexId, recipients: Vec<Vec<u8>>) -> Self {
        Self {
            stem,
            originator: mai.from.clone(),
            recipients,
            date: mai.date,
            subject: mai.subject.clone(),
            message_id: mai.message_id.clone(),
            hops_left: mai.hops_left,
            trace: Vec::new(),
            attempts: 0,
            mailbag: None,
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// A subject above 40 bytes, more than 65,535 recipients or postoffices, more than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        for (what, limit, found) in [
            ("the subject", SUBJECT_MAX, self.subject.len()),
            (
                "the number of recipients",
                STRINGS_MAX,
                self.recipients.len(),
            ),
            ("the trace", STRINGS_MAX, self.trace.len()),
        ] {
            if found > limit {
                let kind = DecodeErrorKind::Limit(what, limit as u64, found as u64);
                return Err(DecodeError::new(WHAT, 0, kind));
            }
        }
        let mut writer = Writer::new();
        put_vendor_u16(&mut writer, VERSION, 1);
        writer.element(id::VENDOR, Some(Qualifier::Value(STEM)), |inner| {
            inner.string(self.stem.to_string().as_bytes());
        });
        writer.field(field::FROM, [&self.originator[..]]);
        writer.field(field::TO, self.recipients.iter().map(Vec::as_slice));
        put_date(&mut writer, self.date);
        writer.field(field::SUBJECT, [&self.subject[..]]);
        put_message_id(&mut writer, &self.message_id);
        put_vendor_u16(&mut writer, HOPS_LEFT, u16::from(self.hops_left));
        if !self.trace.is_empty() {
            writer.element(id::VENDOR, Some(Qualifier::Value(TRACE)), |inner| {
                for postoffice in &self.trace {
                    inner.string(postoffice);
                }
            });
        }
        put_vendor_u16(&mut writer, ATTEMPTS, self.attempts);
        if let Some(mailbag) = self.mailbag {
            writer.element(id::VENDOR, Some(Qualifier::Value(MAILBAG)), |inner| {
                inner.string(mailbag.to_string().as_bytes());
            });
        }
        message(WHAT, writer)
    }

    /// Reads a whole file; elements in any order behind the version, unknown ones skipped.
    ///
    /// # Errors
    /// No Message element, another version, no stem, an element that is cut off.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (message, _) = open_message(WHAT, Reader::new(bytes))?;
        let mut elements = message.children();
        let version = elements.next().transpose()?;
        let version = version.filter(|first| first.is(id::VENDOR, VERSION));
        if version.and_then(|version| vendor_integer(&version)) != Some(1) {
            let kind = DecodeErrorKind::BadField("envelope version");
            return Err(DecodeError::new(WHAT, message.contents_offset, kind));
        }
        let mut p1 = Self {
            stem: HexId(0),
            originator: Vec::new(),
            recipients: Vec::new(),
            date: 0,
            subject: Vec::new(),
            message_id: Vec::new(),
            hops_left: 0,
            trace: Vec::new(),
            attempts: 0,
            mailbag: None,
        };
        let mut stem = None;
        for element in elements {
            let element = element?;
            if element.is(id::VENDOR, STEM) {
                let text = first_string(&element).unwrap_or_default();
                stem = Some(HexId::from_ascii(text).map_err(|error| error.at(element.offset))?);
            } else {
                p1.take_element(&element)?;
            }
        }
        p1.stem = stem.ok_or_else(|| {
            DecodeError::new(
                WHAT,
                message.contents_offset,
                DecodeErrorKind::BadField("stem"),
            )
        })?;
        Ok(p1)
    }

    fn take_element(&mut self, element: &Element<'_>) -> Result<(), DecodeError> {
        let Some(Qualifier::Value(qualifier)) = element.qualifier else {
            return Ok(());
        };
        let string = || first_string(element).unwrap_or_default().to_vec();
        match (element.id, qualifier) {
            (id::FIELD, field::FROM) => self.originator = string(),
            (id::FIELD, field::TO) => add_strings(WHAT, element, &mut self.recipients)?,
            (id::FIELD, field::POSTED_DATE) => self.date = date(element).unwrap_or(0),
            (id::FIELD, field::SUBJECT) => self.subject = string(),
            (id::FIELD, field::MESSAGE_ID) => self.message_id = read_message_id(element),
            (id::VENDOR, HOPS_LEFT) => {
                let hops = vendor_integer(element).unwrap_or(0);
                self.hops_left = u8::try_from(hops).unwrap_or(u8::MAX);
            }
            (id::VENDOR, TRACE) => add_strings(WHAT, element, &mut self.trace)?,
            (id::VENDOR, ATTEMPTS) => {
                let attempts = vendor_integer(element).unwrap_or(0);
                self.attempts = u16::try_from(attempts).unwrap_or(u16::MAX);
            }
            (id::VENDOR, MAILBAG) => {
                let text = first_string(element).unwrap_or_default();
                let mailbag = HexId::from_ascii(text).map_err(|error| error.at(element.offset))?;
                self.mailbag = Some(mailbag);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::mai::message_id;
    use crate::format::testhex::digits;
    use proptest::prelude::*;

    // rule: dec:2.14
    // rule: tra:OQ-01
    #[test]
    fn an_envelope_has_the_elements_in_the_order_of_the_page() {
        let mai = Mai::new(
            b"N/A/X",
            765_720_832,
            message_id(b"N/A", HexId(0x62), 765_720_832),
        )
        .to(b"N/B/Y")
        .subject(b"Hi");
        let mut p1 = P1::for_message(&mai, HexId(0x62), mai.to.clone());
        p1.trace = vec![b"N/A".to_vec()];
        p1.attempts = 0x0102;
        let bytes = p1.encode().unwrap();
        let expected = "4D8300007F01 7F0561 20020100 7F0B62 0208 3030303030303632
            4C0801 0205 4E2F412F58 4C0805 0205 4E2F422F59
            4C1902 2816 0214 31393934303430372D3132313335322B30303030 4C0507 0202 4869
            4C1C16 0919 0217 4E2F412F30303030303036322D30373635373230383332
            7F0563 20020A00 7F0664 0203 4E2F41 7F0565 20020201";
        assert_eq!(bytes, digits(expected));
        assert_eq!(P1::decode(&bytes).unwrap(), p1);
    }

    // rule: dec:2.14
    #[test]
    fn a_message_or_another_version_is_no_envelope() {
        let mai = Mai::new(b"N/A/X", 0, Vec::new());
        assert!(P1::decode(&mai.encode().unwrap()).is_err());
        let mut bytes = P1::for_message(&mai, HexId(1), Vec::new())
            .encode()
            .unwrap();
        bytes[11] = 2;
        assert!(P1::decode(&bytes).is_err());
        assert!(P1::decode(b"").is_err());
        // Neither is one that names no message.
        let mut writer = Writer::new();
        put_vendor_u16(&mut writer, VERSION, 1);
        assert!(P1::decode(&message(WHAT, writer).unwrap()).is_err());
    }

    fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..max)
    }

    proptest! {
        // rule: dec:2.14
        #[test]
        fn what_is_written_is_read_and_damage_never_panics(
            stem: u32, date: u32, hops_left: u8, attempts: u16, mailbag: Option<u32>,
            originator in bytes(40), subject in bytes(41), message_id in bytes(40),
            recipients in proptest::collection::vec(bytes(40), 0..5),
            trace in proptest::collection::vec(bytes(22), 0..5),
            at: proptest::sample::Index, byte: u8,
        ) {
            let p1 = P1 {
                stem: HexId(stem), originator, recipients, date, subject, message_id, hops_left,
                trace, attempts, mailbag: mailbag.map(HexId),
            };
            let mut encoded = p1.encode().unwrap();
            prop_assert_eq!(P1::decode(&encoded).unwrap(), p1);
            let at = at.index(encoded.len());
            encoded[at] = byte;
            let _ = P1::decode(&encoded);
        }
    }
}
