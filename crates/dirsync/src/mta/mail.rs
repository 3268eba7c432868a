//! Messages of postoffices on the queues of the database (DEC-067).
//!
//! [`put`] makes a message durable here: one data object that holds it as X.400 (see
//! [`crate::core::format::x400::carried`]), one reference object on a secured queue, and its place in the
//! ledger `MTADATA/RECEIVED.TAG`, all in one commit. A queue that is not there is made in the same
//! commit: the queues of an Exchange server belong to its directory, and a repair that lost one lost
//! no setting (ASSIGNED).
//!
//! The ledger is that of the message's way through postoffices: Message-ID and recipients. The MTS-ID is
//! given here, with a number that never comes back (Q152897); a message that comes from another MTA has
//! one already, and is noted under that ([`mts_hash`]).
//!
//! [`read`] is the way back: the very bytes that were put.

use crate::core::base::address::PoName;
use crate::core::base::codepage::CodePage;
use crate::core::base::{DecodeError, UnixTime};
use crate::core::format::mta::message::Data;
use crate::core::format::mta::{MessageKind, ObjectId};
use crate::core::format::p1::P1;
use crate::core::format::x400::carried::{self, Domain};
use crate::core::format::x400::{MtsId, Read, message};
use crate::tree::ledger::{Ledger, message_hash};

use super::edit::{Destination, MtaEdit, NewMessage, Submitted};
use super::error::MtaError;

/// Who submits: the management domain, and the server whose name begins the MTS-IDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitter {
    /// The domain.
    pub domain: Domain,
    /// The server.
    pub server: String,
}

impl Submitter {
    /// The submitter of a server.
    #[must_use]
    pub fn new(organization: &str, site: &str, server: &str) -> Self {
        Self {
            domain: Domain::of(organization, site),
            server: server.to_owned(),
        }
    }
}

/// A message for a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Header, envelope, MAI, then each attachment.
    pub parts: Vec<Vec<u8>>,
    /// The originator as the queue shows it, for example a distinguished name; `None` for
    /// `MS:NET/PO/MAILBOX` of the envelope.
    pub originator: Option<String>,
    /// The recipients as the queue shows them; empty for those of the envelope, as `MS:…`.
    pub recipients: Vec<String>,
    /// The kind; `None` for what the addresses show.
    pub kind: Option<MessageKind>,
}

impl Posting {
    /// A message whose addresses are those of its envelope.
    #[must_use]
    pub fn of(parts: Vec<Vec<u8>>) -> Self {
        Self {
            parts,
            originator: None,
            recipients: Vec::new(),
            kind: None,
        }
    }
}

/// What became of a message that was put on a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is durable here with the commit.
    Stored(Submitted),
    /// It was here before: the reference object it had then.
    Repeat(ObjectId),
    /// It is no message: why. It stays where it came from.
    Refused(String),
}

/// The place in the ledger of a message of postoffices.
///
/// # Errors
/// An envelope that cannot be read.
pub fn parts_hash(parts: &[Vec<u8>]) -> Result<u64, DecodeError> {
    let envelope = parts.get(1).map_or(&[][..], Vec::as_slice);
    let envelope = P1::decode(envelope)?;
    let recipients = envelope.recipients.iter().map(Vec::as_slice);
    Ok(message_hash(&envelope.message_id, recipients))
}

/// The place in the ledger of a message that has an MTS-ID: its text, and the recipients in text that
/// are served here (decisions 2.15).
#[must_use]
pub fn mts_hash<'a>(mts_id: &str, recipients: impl IntoIterator<Item = &'a str>) -> u64 {
    message_hash(mts_id.as_bytes(), recipients.into_iter().map(str::as_bytes))
}

/// The queue of this name; it is made when it is not there.
///
/// # Errors
/// As [`MtaEdit::add_queue`].
pub fn queue_of(
    edit: &mut MtaEdit<'_, '_>,
    name: &str,
    secured: bool,
) -> Result<ObjectId, MtaError> {
    match edit.super_queue().by_name(name) {
        Some(entry) => Ok(entry.id),
        None => edit.add_queue(name, secured),
    }
}

fn ms(address: &[u8]) -> String {
    format!("MS:{}", CodePage::Cp850.decode(address))
}

/// Puts messages on a queue, in their order. What was noted in the ledger the caller adds to the plan
/// of the commit ([`Ledger::write_into`]).
///
/// # Errors
/// [`MtaError::BitmapFull`], a damaged database, or a disk error: nothing is put then.
pub fn put(
    edit: &mut MtaEdit<'_, '_>,
    ledger: &mut Ledger,
    queue: &str,
    postings: &[Posting],
    submitter: &Submitter,
    now: UnixTime,
) -> Result<Vec<Put>, MtaError> {
    let mut done = Vec::with_capacity(postings.len());
    let queue = queue_of(edit, queue, true)?;
    // A queue that cannot be read takes nothing: better known before anything is made.
    edit.queue(queue)?;
    for posting in postings {
        let hash = match parts_hash(&posting.parts) {
            Ok(hash) => hash,
            Err(error) => {
                done.push(Put::Refused(format!("the envelope: {error} [024]")));
                continue;
            }
        };
        if let Some(known) = ledger.stem_of(hash) {
            done.push(Put::Repeat(ObjectId(known)));
            continue;
        }
        let counter = edit.take_serial();
        let made = made(posting, submitter, counter, now);
        let (new, recipients) = match made {
            Ok(made) => made,
            Err(error) => {
                done.push(Put::Refused(error.to_string()));
                continue;
            }
        };
        let submitted = edit.submit_owned(new, &[Destination { queue, recipients }])?;
        let reference = submitted.references.first().map_or(0, |id| id.0);
        ledger.add(hash, now.0, reference);
        done.push(Put::Stored(submitted));
    }
    Ok(done)
}

fn made(
    posting: &Posting,
    submitter: &Submitter,
    counter: u64,
    now: UnixTime,
) -> Result<(NewMessage, Vec<String>), DecodeError> {
    let domain = &submitter.domain;
    let id = MtsId::generate(
        &domain.country,
        &domain.admd,
        &domain.prmd,
        &submitter.server,
        now,
        counter,
    )?;
    let message = carried::carry(&posting.parts, id, domain)?;
    let envelope = P1::decode(posting.parts.get(1).map_or(&[][..], Vec::as_slice))?;
    let originator = posting
        .originator
        .clone()
        .unwrap_or_else(|| ms(&envelope.originator));
    let recipients = if posting.recipients.is_empty() {
        envelope.recipients.iter().map(|to| ms(to)).collect()
    } else {
        posting.recipients.clone()
    };
    let shown = recipients.iter().map(String::as_str);
    let kind = posting
        .kind
        .or_else(|| MessageKind::of_addresses(&originator, shown))
        .unwrap_or_default();
    let new = NewMessage {
        mts_id: message.id.to_string(),
        priority: message.priority,
        kind,
        originator,
        submitted: message.submitted,
        subject: CodePage::Cp850.decode(&message.ipm.subject),
        content: message.encode()?,
        content_names: carried::names(&posting.parts),
        trace: Vec::new(),
    };
    Ok((new, recipients))
}

/// What a data object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A message: header, envelope, MAI, then each attachment. Attachments may be compressed.
    Message(Vec<Vec<u8>>),
    /// A notification of receipt or non-receipt: who owns a system queue drops it (Q159295).
    Notification,
}

/// Reads the content of a data object for the postoffice `own`.
///
/// # Errors
/// Why it is no message of a postoffice; reports of other MTAs are none.
pub fn read(data: &Data, own: PoName) -> Result<Content, DecodeError> {
    match message::read(&data.content)? {
        Read::Message(message) if carried::is_carried(&message) => {
            Ok(Content::Message(carried::uncarry(message)?))
        }
        Read::Message(message) => {
            carried::converted(message, &data.content_names, own).map(Content::Message)
        }
        Read::Notification { .. } => Ok(Content::Notification),
        Read::Report { .. } => Err(DecodeError::new(
            "carried message",
            0,
            crate::core::base::DecodeErrorKind::BadText("a report has no place in a postoffice"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Database;
    use super::super::testtree::{DXA, MSMAIL, NOW, SECURED, commit, empty, view};
    use super::*;
    use crate::core::base::HexId;
    use crate::core::format::FixedRecord as _;
    use crate::core::format::mai::Mai;
    use crate::core::format::mbg::MbgRecord;
    use crate::core::format::mta::{Keep, Profile};

    fn submitter() -> Submitter {
        Submitter::new("Org", "Site", "EXSERV1")
    }

    fn parts(number: u32, to: &[u8]) -> Vec<Vec<u8>> {
        let id = format!("ORG/EXSERV1/{number:08}-0765720832").into_bytes();
        let file = vec![7; 50];
        let mai = Mai::new(b"ORG/EXSERV1/$SYSTEM", NOW.0, id)
            .to(to)
            .subject(b"SrvTx")
            .text(b"SrvTx\r\n".to_vec())
            .attach(b"SRVTRANS.GLB", HexId(number), 50);
        let stem = HexId(number);
        let header = MbgRecord::new(b"$SYSTEM", b"SrvTx", stem, NOW.0).unwrap();
        let p1 = P1::for_message(&mai, stem, vec![to.to_vec()]);
        vec![
            header.encode(),
            p1.encode().unwrap(),
            mai.encode().unwrap(),
            file,
        ]
    }

    fn own() -> PoName {
        "ORG/EXSERV1".parse().unwrap()
    }

    // rule: dec:DEC-067
    // rule: dec:DEC-070
    // rule: exc:R-MSM-010
    #[test]
    fn a_message_is_put_once_and_read_as_it_was() {
        let disk = empty(Profile::V55);
        let all: Vec<Posting> = (1..=3)
            .map(|n| Posting::of(parts(n, b"NET/PO/$SYSTEM")))
            .collect();
        let once = |postings: &[Posting]| {
            commit(&disk, |edit| {
                let mut ledger = Ledger::load(edit.database().view())?;
                let put = put(edit, &mut ledger, SECURED[0], postings, &submitter(), NOW)?;
                Ok((put, ledger))
            })
            .map(|(put, _)| put)
        };
        let first = once(&all[..2]).unwrap();
        assert!(first.iter().all(|put| matches!(put, Put::Stored(_))));
        let view = view(&disk);
        let db = Database::open(&view).unwrap();
        let queue = db.queue(MSMAIL).unwrap();
        assert_eq!(queue.members.len(), 2);
        assert_eq!(queue.members[0].message_kind(), Some(MessageKind::Dirsync));
        let Put::Stored(submitted) = &first[0] else {
            panic!("stored");
        };
        let state = db.object(submitted.data.number(), Keep::All).unwrap();
        let super::super::store::FileState::Sound(found) = state else {
            panic!("{state:?}");
        };
        let data = Data::from_object(&found).unwrap();
        assert_eq!(data.content_names, ["PARCEL", "SRVTRANS.GLB"]);
        assert_eq!(
            read(&data, own()).unwrap(),
            Content::Message(all[0].parts.clone())
        );
    }

    // rule: dec:DEC-070
    #[test]
    fn the_ledger_knows_a_repeat_and_a_part_of_a_split_envelope_is_none() {
        let disk = empty(Profile::V55);
        let (one, other) = (parts(1, b"NET/PO/$SYSTEM"), parts(1, b"NET/QO/$SYSTEM"));
        let postings = [
            Posting::of(one.clone()),
            Posting::of(one),
            Posting::of(other),
            Posting::of(vec![Vec::new(); 3]),
        ];
        let put = commit(&disk, |edit| {
            let mut ledger = Ledger::load(edit.database().view())?;
            put(edit, &mut ledger, SECURED[1], &postings, &submitter(), NOW)
        })
        .unwrap();
        let Put::Stored(first) = &put[0] else {
            panic!("{put:?}");
        };
        assert_eq!(put[1], Put::Repeat(first.references[0]));
        assert!(matches!(put[2], Put::Stored(_)));
        assert!(matches!(put[3], Put::Refused(_)));
        let view = view(&disk);
        let db = Database::open(&view).unwrap();
        assert_eq!(db.queue(DXA).unwrap().members.len(), 2);
        assert_ne!(
            mts_hash("c=US;a= ;p=O;l=x", ["a"]),
            mts_hash("c=US;a= ;p=O;l=x", ["b"])
        );
    }

    // rule: exc:R-MSM-010
    #[test]
    fn a_queue_that_was_lost_is_made_again_with_the_message() {
        let disk = empty(Profile::V55);
        let name = "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=SERVERS/CN=EXSERV2/CN=MICROSOFT DXA";
        let postings = [Posting::of(parts(1, b"NET/PO/$SYSTEM"))];
        commit(&disk, |edit| {
            let mut ledger = Ledger::load(edit.database().view())?;
            put(edit, &mut ledger, name, &postings, &submitter(), NOW)
        })
        .unwrap();
        let view = view(&disk);
        let db = Database::open(&view).unwrap();
        let queues = db.super_queue().unwrap();
        let entry = queues.by_name(name).unwrap();
        assert!(entry.secured);
        assert_eq!(db.queue(entry.id).unwrap().members.len(), 1);
    }
}
