//! A message as the rest of the program sees it, and its bytes.

use std::fmt;

use rasn::types::{BitString, OctetString};

use super::ber;
use super::mts_id::{MtsId, utc_time};
use crate::base::{DecodeError, DecodeErrorKind, UnixTime};
use crate::format::mta::Priority;

const WHAT: &str = "X.400 message";
/// Content type of P22.
const P22: i64 = 22;
/// Repertoire of an ia5-text part.
const IA5: i64 = 5;

fn bad(what: &'static str) -> DecodeError {
    DecodeError::new(WHAT, 0, DecodeErrorKind::BadText(what))
}

/// An O/R address: the parts that our messages use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct OrAddress {
    /// Country.
    pub country: String,
    /// Administration domain, a blank when there is none.
    pub admd: String,
    /// Private domain.
    pub prmd: String,
    /// Organization.
    pub organization: String,
    /// Organizational units.
    pub units: Vec<String>,
    /// Surname.
    pub surname: String,
    /// Given name.
    pub given: String,
    /// Domain-defined attributes: type and value, for example `MS` and `NET/PO/SYSTEM`.
    pub domain_defined: Vec<(String, String)>,
}

impl fmt::Display for OrAddress {
    /// `c=US;a= ;p=Org;o=Site;s=Lovelace;g=Ada;dda:MS=NET/PO/ADMIN`, parts that are empty left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mut add = |label: &str, value: &str| {
            if !value.is_empty() {
                parts.push(format!("{label}={value}"));
            }
        };
        add("c", &self.country);
        add("a", &self.admd);
        add("p", &self.prmd);
        add("o", &self.organization);
        for unit in &self.units {
            add("ou", unit);
        }
        add("s", &self.surname);
        add("g", &self.given);
        for (kind, value) in &self.domain_defined {
            add(&format!("dda:{kind}"), value);
        }
        f.write_str(&parts.join(";"))
    }
}

/// A message between people or programs: heading and body of X.420.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ipm {
    /// Its identifier at the originator's.
    pub id: String,
    /// Its subject in code page 850; characters beyond ASCII stand as they are.
    pub subject: Vec<u8>,
    /// Its text.
    pub text: Vec<u8>,
    /// Files that go with it, as bilaterally defined parts.
    pub files: Vec<Vec<u8>>,
}

/// A message with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct P1Message {
    /// Its id.
    pub id: MtsId,
    /// Who sent it.
    pub originator: OrAddress,
    /// Who is to get it.
    pub recipients: Vec<OrAddress>,
    /// Its priority.
    pub priority: Priority,
    /// When it was submitted.
    pub submitted: UnixTime,
    /// Its content identifier, up to 16 characters; empty for none.
    pub content_id: String,
    /// Its content.
    pub ipm: Ipm,
}

/// What a content of ours or of another MTA is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// A message.
    Message(P1Message),
    /// A notification of receipt or non-receipt about the message with this IPM identifier; an
    /// agent that owns a system queue drops it (Q159295).
    Notification {
        /// The id of the notification itself.
        id: MtsId,
        /// The IPM that it is about.
        about: String,
    },
    /// A report of delivery or non-delivery.
    Report {
        /// The id of the report itself.
        id: MtsId,
        /// The message that it is about.
        about: MtsId,
        /// For each recipient: reason and diagnostic of the non-delivery, `None` when delivered.
        outcomes: Vec<Option<(i64, Option<i64>)>>,
    },
}

fn octets(text: &[u8]) -> OctetString {
    OctetString::from_slice(text)
}

fn printable(text: &str) -> ber::Name {
    ber::Name::Printable(octets(text.as_bytes()))
}

fn some(text: &str) -> Option<OctetString> {
    (!text.is_empty()).then(|| octets(text.as_bytes()))
}

fn text_of(octets: &OctetString) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn name_of(name: &ber::Name) -> String {
    match name {
        ber::Name::Printable(text) | ber::Name::Numeric(text) => text_of(text),
    }
}

fn domain(id: &MtsId) -> ber::Gdi {
    ber::Gdi {
        country: printable(id.country()),
        admd: printable(id.admd()),
        prmd: Some(printable(id.prmd())),
    }
}

fn identifier(id: &MtsId) -> ber::MtsIdentifier {
    ber::MtsIdentifier {
        domain: domain(id),
        local: octets(id.local().as_bytes()),
    }
}

fn id_of(id: &ber::MtsIdentifier) -> Result<MtsId, DecodeError> {
    let prmd = id.domain.prmd.as_ref().map_or_else(String::new, name_of);
    MtsId::new(
        &name_of(&id.domain.country),
        &name_of(&id.domain.admd),
        &prmd,
        &text_of(&id.local),
    )
}

fn or_name(address: &OrAddress) -> ber::OrNameBer {
    let named = |text: &str| (!text.is_empty()).then(|| printable(text));
    let is_person = !address.surname.is_empty() || !address.given.is_empty();
    let personal = is_person.then(|| ber::PersonalName {
        surname: octets(address.surname.as_bytes()),
        given: some(&address.given),
        initials: None,
        generation: None,
    });
    let units = (!address.units.is_empty()).then(|| {
        address
            .units
            .iter()
            .map(|unit| ber::Unit(octets(unit.as_bytes())))
            .collect()
    });
    let domain_defined = (!address.domain_defined.is_empty()).then(|| {
        address
            .domain_defined
            .iter()
            .map(|(kind, value)| ber::DomainDefined {
                kind: octets(kind.as_bytes()),
                value: octets(value.as_bytes()),
            })
            .collect()
    });
    ber::OrNameBer {
        standard: ber::StandardAttributes {
            country: named(&address.country),
            admd: named(&address.admd),
            x121: None,
            terminal: None,
            prmd: named(&address.prmd),
            organization: some(&address.organization),
            numeric_user: None,
            personal,
            units,
        },
        domain_defined,
    }
}

fn address_of(name: &ber::OrNameBer) -> OrAddress {
    let standard = &name.standard;
    let named = |name: &Option<ber::Name>| name.as_ref().map_or_else(String::new, name_of);
    let text = |text: &Option<OctetString>| text.as_ref().map_or_else(String::new, text_of);
    let personal = standard.personal.as_ref();
    OrAddress {
        country: named(&standard.country),
        admd: named(&standard.admd),
        prmd: named(&standard.prmd),
        organization: text(&standard.organization),
        units: standard
            .units
            .iter()
            .flatten()
            .map(|unit| text_of(&unit.0))
            .collect(),
        surname: personal.map_or_else(String::new, |personal| text_of(&personal.surname)),
        given: personal.map_or_else(String::new, |personal| text(&personal.given)),
        domain_defined: name
            .domain_defined
            .iter()
            .flatten()
            .map(|dda| (text_of(&dda.kind), text_of(&dda.value)))
            .collect(),
    }
}

/// Eight bits: responsible, report of the MTA on non-delivery, report of the originator on
/// non-delivery.
fn recipient_indicators() -> BitString {
    BitString::from_slice(&[0x98])
}

impl P1Message {
    /// The bytes of the message.
    ///
    /// # Errors
    /// No recipient, or a content identifier of more than 16 characters.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        if self.recipients.is_empty() {
            return Err(bad("a message has at least one recipient"));
        }
        if self.content_id.len() > 16 {
            return Err(bad("a content identifier has at most 16 characters"));
        }
        let failed = |_| bad("the message cannot be encoded");
        let content = rasn::ber::encode(&self.content()).map_err(failed)?;
        let time = octets(utc_time(self.submitted).as_bytes());
        let recipients = (1..)
            .zip(&self.recipients)
            .map(|(number, address)| ber::RecipientFields {
                name: or_name(address),
                number,
                indicators: recipient_indicators(),
                conversion: None,
                extensions: None,
            })
            .collect();
        let envelope = ber::Envelope {
            id: identifier(&self.id),
            originator: or_name(&self.originator),
            encoded_types: None,
            content_type: Some(P22),
            content_oid: None,
            content_id: some(&self.content_id),
            priority: Some(octets(&[self.priority.code()])),
            indicators: None,
            deferred: None,
            trace: vec![ber::TraceElement {
                domain: domain(&self.id),
                info: ber::TraceInfo {
                    arrival: time,
                    action: 0,
                    attempted: None,
                    deferred: None,
                    converted: None,
                    other: None,
                },
            }],
            extensions: None,
            recipients,
        };
        rasn::ber::encode(&ber::Apdu::Message(ber::Message {
            envelope,
            content: OctetString::from(content),
        }))
        .map_err(failed)
    }

    fn content(&self) -> ber::InformationObject {
        let mut body = vec![ber::BodyPart::Ia5(ber::Ia5Text {
            parameters: ber::Ia5Parameters {
                repertoire: Some(IA5),
            },
            text: octets(&self.ipm.text),
        })];
        body.extend(
            self.ipm
                .files
                .iter()
                .map(|file| ber::BodyPart::Bilateral(octets(file))),
        );
        let subject =
            (!self.ipm.subject.is_empty()).then(|| ber::Subject(octets(&self.ipm.subject)));
        ber::InformationObject::Ipm(ber::Ipm {
            heading: ber::Heading {
                this: ber::IpmIdentifier {
                    user: None,
                    local: octets(self.ipm.id.as_bytes()),
                },
                originator: None,
                authorizing: None,
                primary: None,
                copy: None,
                blind: None,
                replied_to: None,
                subject,
                expiry: None,
                reply_time: None,
                importance: None,
                sensitivity: None,
                auto_forwarded: None,
            },
            body,
        })
    }
}

/// Reads a message, a notification or a report.
///
/// # Errors
/// Bytes that are none of them, a part of the body that this program does not know, an id that
/// breaks the rules of [`MtsId`].
pub fn read(bytes: &[u8]) -> Result<Read, DecodeError> {
    let apdu: ber::Apdu =
        rasn::ber::decode(bytes).map_err(|_| bad("no message of X.411 in BER"))?;
    let message = match apdu {
        ber::Apdu::Message(message) => message,
        ber::Apdu::Report(report) => {
            return Ok(Read::Report {
                id: id_of(&report.envelope.id)?,
                about: id_of(&report.content.subject)?,
                outcomes: report
                    .content
                    .recipients
                    .iter()
                    .map(|recipient| match &recipient.last_trace.report {
                        ber::ReportType::Delivered(_) => None,
                        ber::ReportType::NonDelivered(why) => Some((why.reason, why.diagnostic)),
                    })
                    .collect(),
            });
        }
    };
    let envelope = &message.envelope;
    let id = id_of(&envelope.id)?;
    let content: ber::InformationObject = rasn::ber::decode(&message.content)
        .map_err(|_| bad("the content is no P22 that this program knows"))?;
    let ipm = match content {
        ber::InformationObject::Ipm(ipm) => ipm,
        ber::InformationObject::Ipn(ipn) => {
            return Ok(Read::Notification {
                id,
                about: text_of(&ipn.subject.local),
            });
        }
    };
    let mut texts = Vec::new();
    let mut files = Vec::new();
    for part in &ipm.body {
        match part {
            ber::BodyPart::Ia5(part) => texts.extend_from_slice(&part.text),
            ber::BodyPart::Bilateral(bytes) => files.push(bytes.to_vec()),
        }
    }
    let priority = match envelope.priority.as_deref() {
        None => Priority::Normal,
        Some(&[code]) => Priority::from_code(code).ok_or(bad("a priority is 0, 1 or 2"))?,
        Some(_) => return Err(bad("a priority is 0, 1 or 2")),
    };
    let arrival = envelope
        .trace
        .first()
        .and_then(|first| read_utc_time(&first.info.arrival))
        .ok_or(bad("the first trace element has no time"))?;
    Ok(Read::Message(P1Message {
        id,
        originator: address_of(&envelope.originator),
        recipients: envelope
            .recipients
            .iter()
            .map(|recipient| address_of(&recipient.name))
            .collect(),
        priority,
        submitted: arrival,
        content_id: envelope
            .content_id
            .as_ref()
            .map_or_else(String::new, text_of),
        ipm: Ipm {
            id: text_of(&ipm.heading.this.local),
            subject: ipm
                .heading
                .subject
                .map_or_else(Vec::new, |subject| subject.0.to_vec()),
            text: texts,
            files,
        },
    }))
}

/// Reads `YYMMDDhhmmssZ`.
fn read_utc_time(text: &[u8]) -> Option<UnixTime> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_suffix('Z')?;
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let century = if digits[..2].parse::<u8>().ok()? < 70 {
        "20"
    } else {
        "19"
    };
    let (date, time) = digits.split_at(6);
    format!(
        "{century}{}-{}-{}T{}:{}:{}Z",
        &date[..2],
        &date[2..4],
        &date[4..],
        &time[..2],
        &time[2..4],
        &time[4..]
    )
    .parse()
    .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::testhex::digits;

    /// The octets of a fixture, its comment line left away.
    fn unhex(text: &str) -> Vec<u8> {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        digits(&lines.concat())
    }

    const MESSAGE: &str = include_str!("../../../../../fixtures/binary/std-p1-message-p22.hex");
    const TRACED: &str = include_str!("../../../../../fixtures/binary/std-p1-message-traced.hex");
    const NRN: &str = include_str!("../../../../../fixtures/binary/std-p1-message-nrn.hex");
    const REPORT: &str = include_str!("../../../../../fixtures/binary/std-p1-report-ndr.hex");

    fn plain(surname: &str, given: &str, organization: &str, dda: &str) -> OrAddress {
        OrAddress {
            country: "US".into(),
            admd: "ATT".into(),
            prmd: "MICROSOFT".into(),
            organization: organization.into(),
            surname: surname.into(),
            given: given.into(),
            domain_defined: vec![("MS".into(), dda.into())],
            ..OrAddress::default()
        }
    }

    fn known() -> P1Message {
        P1Message {
            id: MtsId::new("US", "ATT", "MICROSOFT", "REDMOND-951120233257Z-17").unwrap(),
            originator: plain("DXA", "Microsoft", "Exchange", "NET/PO/SYSTEM"),
            recipients: vec![plain("SMITH", "John", "NET", "NET/PO/ADMIN")],
            priority: Priority::Normal,
            submitted: "1995-11-20T23:32:57Z".parse().unwrap(),
            content_id: "ID1".into(),
            ipm: Ipm {
                id: "IPM-0001".into(),
                subject: b"REQTX R=5(was 2)....3 sent".to_vec(),
                text: b"REQTX R=5(was 2)....3 sent\r\n".to_vec(),
                files: Vec::new(),
            },
        }
    }

    // rule: std:9
    // rule: std:16
    #[test]
    fn the_published_messages_come_back_byte_for_byte() {
        for hex in [MESSAGE, TRACED, NRN, REPORT] {
            let bytes = unhex(hex);
            let apdu: ber::Apdu = rasn::ber::decode(&bytes).unwrap();
            assert_eq!(rasn::ber::encode(&apdu).unwrap(), bytes);
            if let ber::Apdu::Message(message) = apdu {
                let content: ber::InformationObject = rasn::ber::decode(&message.content).unwrap();
                assert_eq!(
                    rasn::ber::encode(&content).unwrap()[..],
                    message.content[..]
                );
            }
        }
    }

    // rule: std:10
    #[test]
    fn our_message_is_the_published_one() {
        let bytes = unhex(MESSAGE);
        assert_eq!(read(&bytes).unwrap(), Read::Message(known()));
        assert_eq!(known().encode().unwrap(), bytes);
    }

    // rule: mta:R-Q-006
    #[test]
    fn traced_messages_notifications_and_reports_are_read() {
        let Read::Message(traced) = read(&unhex(TRACED)).unwrap() else {
            panic!("a message");
        };
        assert_eq!(traced.ipm.subject.len(), 40);
        assert_eq!(traced.ipm.files, [b"[dirsync-transactions]\r\n"]);
        assert_eq!(
            traced.recipients[0].to_string(),
            "c=US;a=ATT;p=MICROSOFT;o=NET;s=SMITH;g=John;dda:MS=NET/PO/ADMIN"
        );
        assert!(matches!(
            read(&unhex(NRN)).unwrap(),
            Read::Notification { about, .. } if about == "IPM-0002"
        ));
        assert!(matches!(
            read(&unhex(REPORT)).unwrap(),
            Read::Report { outcomes, .. } if outcomes == [Some((1, Some(0)))]
        ));
    }

    // rule: std:9
    #[test]
    fn the_fields_of_a_set_are_read_in_any_order() {
        // The recipient fields of the known message, number first.
        let bytes = unhex(MESSAGE);
        let apdu: ber::Apdu = rasn::ber::decode(&bytes).unwrap();
        let ber::Apdu::Message(message) = &apdu else {
            panic!("a message");
        };
        let fields = &message.envelope.recipients[0];
        let written = rasn::ber::encode(fields).unwrap();
        let name = rasn::ber::encode(&fields.name).unwrap();
        let mut turned = written[..2].to_vec();
        turned.extend_from_slice(&written[2 + name.len()..]);
        turned.extend_from_slice(&name);
        assert_ne!(turned, written);
        let read: ber::RecipientFields = rasn::ber::decode(&turned).unwrap();
        assert_eq!(&read, fields);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            subject in proptest::collection::vec(any::<u8>(), 0..50),
            text in proptest::collection::vec(any::<u8>(), 0..400),
            files in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..3),
            more in 0usize..4,
            priority in 0u8..3,
            submitted: u32,
        ) {
            let mut message = known();
            message.ipm.subject = subject;
            message.ipm.text = text;
            message.ipm.files = files;
            message.priority = Priority::from_code(priority).unwrap();
            message.submitted = UnixTime(submitted % 3_155_760_000);
            for _ in 0..more {
                message.recipients.push(message.originator.clone());
            }
            let bytes = message.encode().unwrap();
            prop_assert_eq!(read(&bytes).unwrap(), Read::Message(message));
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            at: prop::sample::Index,
            byte: u8,
            noise in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = read(&noise);
            let mut bytes = unhex(TRACED);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read(&bytes);
            let _ = read(&bytes[..at]);
        }
    }
}
