//! The two halves of a message: the reference object on a queue, the data object with the content.
//!
//! What is read here are the attributes; the content is X.411 in BER, see
//! `crate::format::x400`. All field choices are ASSIGNED (decisions 2.19).

use std::fmt;

use super::id::ObjectId;
use super::object::{Header, Kind, ObjectBuilder, attr};
use super::scan::Scanned;
use crate::base::{DecodeError, DecodeErrorKind, UnixTime};

/// Priority of a message with the numbers of X.411 (OQ-8); always shown by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Priority {
    /// Normal.
    #[default]
    Normal = 0,
    /// Non-urgent: low.
    NonUrgent = 1,
    /// Urgent: high.
    Urgent = 2,
}

impl Priority {
    /// In the order in which the MTA serves them: high, normal, low (Q161936, Q133400).
    pub const SERVED: [Self; 3] = [Self::Urgent, Self::Normal, Self::NonUrgent];

    /// Its number in files.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The priority with this number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Normal,
            1 => Self::NonUrgent,
            2 => Self::Urgent,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::NonUrgent => "non-urgent",
            Self::Urgent => "urgent",
        }
    }

    /// How long a message may stay before it is returned: 2, 7 or 10 days (Q178539).
    #[must_use]
    pub const fn lifetime_minutes(self) -> u32 {
        match self {
            Self::Urgent => 2_880,
            Self::Normal => 10_080,
            Self::NonUrgent => 14_400,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum MessageKind {
    /// A message between people, or anything that is none of the others.
    #[default]
    Ipm = 0,
    /// Directory synchronization of the agent (DXA).
    Dirsync = 1,
    /// A delivery or non-delivery report.
    Report = 2,
    /// Directory replication.
    DirRep = 3,
    /// Public folder replication.
    PfRep = 4,
    /// Link monitor.
    LinkMon = 5,
}

impl MessageKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Ipm,
        Self::Dirsync,
        Self::Report,
        Self::DirRep,
        Self::PfRep,
        Self::LinkMon,
    ];
    /// The code of a boot object in a queue's members.
    pub const NO_MESSAGE_CODE: u8 = 0xFF;

    /// Its number in a queue's members.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Its text in attribute 6.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ipm => "ipm",
            Self::Dirsync => "dirsync",
            Self::Report => "report",
            Self::DirRep => "dirrep",
            Self::PfRep => "pfrep",
            Self::LinkMon => "linkmon",
        }
    }

    /// The kind with this text.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.text() == text)
    }

    /// The system kind that the addresses show, as `repair --rd --rp --rl --rx` judges (OQ-5): an end
    /// that is a directory (`…/CN=MICROSOFT DSA`) makes directory replication; both ends public stores
    /// make public folder replication, both ends system attendants a link monitor message; an end
    /// that is the agent (`…/CN=MICROSOFT DXA`) or a mailbox `$SYSTEM` or `SYSTEMn` of a postoffice
    /// makes directory synchronization. A post of a user to a public folder is none of them.
    #[must_use]
    pub fn of_addresses<'a>(
        originator: &str,
        recipients: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let recipients: Vec<&str> = recipients.into_iter().collect();
        let any = |test: &dyn Fn(&str) -> bool| {
            test(originator) || recipients.iter().any(|recipient| test(recipient))
        };
        let all = |test: &dyn Fn(&str) -> bool| {
            test(originator)
                && !recipients.is_empty()
                && recipients.iter().all(|recipient| test(recipient))
        };
        if any(&|address| ends_with(address, "/CN=MICROSOFT DSA")) {
            Some(Self::DirRep)
        } else if all(&|address| ends_with(address, "/CN=MICROSOFT PUBLIC MDB")) {
            Some(Self::PfRep)
        } else if all(&|address| ends_with(address, "/CN=MICROSOFT SYSTEM ATTENDANT")) {
            Some(Self::LinkMon)
        } else if any(&is_dirsync_address) {
            Some(Self::Dirsync)
        } else {
            None
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

fn ends_with(address: &str, end: &str) -> bool {
    let (address, end) = (address.as_bytes(), end.as_bytes());
    address
        .len()
        .checked_sub(end.len())
        .is_some_and(|at| address[at..].eq_ignore_ascii_case(end))
}

/// The agent itself, or `TYPE:NET/PO/$SYSTEM` and `SYSTEM1` … (Q150828).
fn is_dirsync_address(address: &str) -> bool {
    if ends_with(address, "/CN=MICROSOFT DXA") {
        return true;
    }
    let Some((_, mailbox)) = address.rsplit_once('/') else {
        return false;
    };
    if mailbox.eq_ignore_ascii_case("$SYSTEM") {
        return true;
    }
    mailbox
        .get(..6)
        .is_some_and(|head| head.eq_ignore_ascii_case("SYSTEM"))
        && mailbox.len() > 6
        && mailbox[6..].bytes().all(|byte| byte.is_ascii_digit())
}

/// What a reference object says: routing and envelope of one message on one queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reference {
    /// The message's id in text: `c=US;a= ;p=MICROSOFT;l=REDMOND-951120232325Z-17`.
    pub mts_id: String,
    /// Its priority.
    pub priority: Priority,
    /// Who sent it: a DN, or `TYPE:NET/PO/MAILBOX`, or an X.400 address in text.
    pub originator: String,
    /// Whom this queue takes it to.
    pub recipients: Vec<String>,
    /// When it was submitted.
    pub submitted: UnixTime,
    /// Its kind.
    pub kind: MessageKind,
    /// Its subject.
    pub subject: String,
    /// The MTAs that had it before, the first one first (internal trace).
    pub trace: Vec<String>,
}

impl Reference {
    /// Reads a reference object.
    ///
    /// # Errors
    /// Another kind of object, an attribute that is missing or holds no value of its type.
    pub fn from_object(object: &Scanned) -> Result<Self, DecodeError> {
        let bad =
            |what| DecodeError::new("MTA reference object", 64, DecodeErrorKind::BadField(what));
        if object.header.kind != Kind::Reference {
            return Err(bad("kind"));
        }
        let text = |id, what| {
            let bytes = object.first(id).ok_or(bad(what))?;
            std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| bad(what))
        };
        let priority = match object.first(attr::PRIORITY) {
            Some(&[code]) => Priority::from_code(code),
            _ => None,
        };
        let recipients = object
            .values(attr::RECIPIENT)
            .map(|bytes| std::str::from_utf8(bytes).map(str::to_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| bad("recipient"))?;
        Ok(Self {
            mts_id: text(attr::MTS_ID, "MTS-ID")?,
            priority: priority.ok_or(bad("priority"))?,
            originator: text(attr::ORIGINATOR, "originator")?,
            recipients,
            submitted: UnixTime(object.number(attr::SUBMIT_TIME).ok_or(bad("submit time"))?),
            kind: MessageKind::from_text(&text(attr::KIND, "kind of message")?)
                .ok_or(bad("kind of message"))?,
            subject: text(attr::SUBJECT, "subject")?,
            trace: object
                .values(attr::TRACE)
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
        })
    }

    /// The object of this message on a queue.
    #[must_use]
    pub fn object(
        &self,
        id: ObjectId,
        queue: ObjectId,
        data: ObjectId,
        created: UnixTime,
        serial: u64,
    ) -> ObjectBuilder {
        let mut object = ObjectBuilder::new(Kind::Reference, id)
            .on(queue)
            .partner(data)
            .made(created, serial)
            .attribute(attr::MTS_ID, self.mts_id.as_bytes())
            .attribute(attr::PRIORITY, &[self.priority.code()])
            .attribute(attr::ORIGINATOR, self.originator.as_bytes());
        for recipient in &self.recipients {
            object = object.attribute(attr::RECIPIENT, recipient.as_bytes());
        }
        object = object
            .attribute(attr::SUBMIT_TIME, &self.submitted.0.to_le_bytes())
            .attribute(attr::KIND, self.kind.text().as_bytes())
            .attribute(attr::SUBJECT, self.subject.as_bytes());
        for passed in &self.trace {
            object = object.attribute(attr::TRACE, passed.as_bytes());
        }
        object
    }
}

/// What a data object holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Data {
    /// The message's id in text.
    pub mts_id: String,
    /// The X.411 message in BER.
    pub content: Vec<u8>,
    /// Names of its attachments, as a byte search finds them (Q311443).
    pub content_names: Vec<String>,
}

impl Data {
    /// Reads a data object that was scanned with all values kept.
    ///
    /// # Errors
    /// Another kind of object, an attribute that is missing or no text.
    pub fn from_object(object: &Scanned) -> Result<Self, DecodeError> {
        let bad = |what| DecodeError::new("MTA data object", 64, DecodeErrorKind::BadField(what));
        if object.header.kind != Kind::Data {
            return Err(bad("kind"));
        }
        let mts_id = object.first(attr::MTS_ID).ok_or(bad("MTS-ID"))?;
        Ok(Self {
            mts_id: String::from_utf8(mts_id.to_vec()).map_err(|_| bad("MTS-ID"))?,
            content: object.first(attr::CONTENT).ok_or(bad("content"))?.to_vec(),
            content_names: object
                .values(attr::CONTENT_NAME)
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
        })
    }

    /// The object.
    #[must_use]
    pub fn object(
        &self,
        id: ObjectId,
        queue: ObjectId,
        created: UnixTime,
        serial: u64,
    ) -> ObjectBuilder {
        let object = ObjectBuilder::new(Kind::Data, id)
            .on(queue)
            .made(created, serial)
            .attribute(attr::MTS_ID, self.mts_id.as_bytes())
            .attribute(attr::CONTENT, &self.content);
        self.content_names.iter().fold(object, |object, name| {
            object.attribute(attr::CONTENT_NAME, name.as_bytes())
        })
    }
}

/// Whether a header belongs to half of a message, and not to the core, a queue or the counts.
#[must_use]
pub fn is_message_part(header: &Header) -> bool {
    matches!(header.kind, Kind::Reference | Kind::Data)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::{Keep, Scanner};
    use super::*;

    fn reference() -> impl Strategy<Value = Reference> {
        (
            "[ -~]{1,40}",
            0u8..3,
            ".{0,60}",
            proptest::collection::vec(".{0,60}", 0..4),
            any::<u32>(),
            0u8..6,
            ".{0,40}",
            proptest::collection::vec("[ -~]{1,40}", 0..4),
        )
            .prop_map(
                |(mts_id, priority, originator, recipients, submitted, kind, subject, trace)| {
                    Reference {
                        mts_id,
                        priority: Priority::from_code(priority).unwrap(),
                        originator,
                        recipients,
                        submitted: UnixTime(submitted),
                        kind: MessageKind::from_code(kind).unwrap(),
                        subject,
                        trace,
                    }
                },
            )
    }

    const R: ObjectId = ObjectId(0x0600_0036);
    const D: ObjectId = ObjectId(0x0600_002F);
    const Q: ObjectId = ObjectId(0x0100_002B);

    proptest! {
        // rule: mta:R-DB-020
        #[test]
        fn both_halves_are_what_was_written(
            reference in reference(),
            content in proptest::collection::vec(any::<u8>(), 0..5000),
            names in proptest::collection::vec("[A-Z.]{1,12}", 0..3),
        ) {
            let bytes = reference.object(R, Q, D, UnixTime(9), 4).encode().unwrap();
            let found = Scanner::scan(&bytes, Keep::Small(4096)).unwrap();
            prop_assert_eq!(found.header.partner, D);
            prop_assert_eq!(found.header.queue, Q);
            prop_assert_eq!(Reference::from_object(&found).unwrap(), reference.clone());
            let data = Data { mts_id: reference.mts_id, content, content_names: names };
            let bytes = data.object(D, Q, UnixTime(9), 4).encode().unwrap();
            let found = Scanner::scan(&bytes, Keep::All).unwrap();
            prop_assert_eq!(Data::from_object(&found).unwrap(), data.clone());
            prop_assert_eq!(found.len_of(attr::CONTENT), data.content.len() as u64);
            prop_assert!(Reference::from_object(&found).is_err());
            // A byte search finds the name of an attachment.
            for name in &data.content_names {
                prop_assert!(bytes.windows(name.len()).any(|part| part == name.as_bytes()));
            }
        }
    }

    // rule: mta:OQ-5
    // rule: mta:R-PUR-005
    #[test]
    fn system_messages_are_known_by_their_addresses() {
        let server = |name: &str, end: &str| {
            format!("/o=Org/ou=Site/cn=Configuration/cn=Servers/cn={name}/cn={end}")
        };
        let of = |from: &str, to: &[&str]| MessageKind::of_addresses(from, to.iter().copied());
        let (dsa_a, dsa_b) = (server("A", "Microsoft DSA"), server("B", "Microsoft DSA"));
        let (pub_a, pub_b) = (
            server("A", "Microsoft Public MDB"),
            server("B", "Microsoft Public MDB"),
        );
        let (sa_a, sa_b) = (
            server("A", "Microsoft System Attendant"),
            server("B", "Microsoft System Attendant"),
        );
        let user = "/o=Org/ou=Site/cn=Recipients/cn=Ada";
        assert_eq!(of(&dsa_a, &[&dsa_b]), Some(MessageKind::DirRep));
        assert_eq!(of(user, &[&dsa_b]), Some(MessageKind::DirRep));
        assert_eq!(of(&pub_a, &[&pub_b]), Some(MessageKind::PfRep));
        // A post of a user to a public folder survives.
        assert_eq!(of(user, &[&pub_b]), None);
        assert_eq!(of(&pub_a, &[&pub_b, user]), None);
        assert_eq!(of(&sa_a, &[&sa_b]), Some(MessageKind::LinkMon));
        assert_eq!(of(user, &[&sa_b]), None);
        let dxa = server("A", "Microsoft DXA");
        assert_eq!(
            of("PCM:NET/PO/$SYSTEM", &[&dxa]),
            Some(MessageKind::Dirsync)
        );
        assert_eq!(of(&dxa, &["MS:NET/PO/SYSTEM1"]), Some(MessageKind::Dirsync));
        assert_eq!(of(user, &["MS:NET/PO/SYSTEMS"]), None);
        assert_eq!(of(user, &[]), None);
    }

    // rule: mta:OQ-8
    // rule: mta:R-Q-001
    #[test]
    fn priorities_have_the_numbers_of_x411_and_are_served_high_first() {
        let names = [0, 1, 2].map(|code| Priority::from_code(code).unwrap().name());
        assert_eq!(names, ["normal", "non-urgent", "urgent"]);
        assert_eq!(Priority::from_code(3), None);
        assert_eq!(
            Priority::SERVED.map(Priority::name),
            ["urgent", "normal", "non-urgent"]
        );
    }

    // rule: mta:R-Q-004
    // rule: std:9
    #[test]
    fn lifetimes_are_2_7_and_10_days() {
        let days = Priority::SERVED.map(|priority| priority.lifetime_minutes() / 1_440);
        assert_eq!(days, [2, 7, 10]);
    }
}
