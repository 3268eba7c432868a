//! Submitting a message: what T1, T2, ADMIN and reports do (tra 2.2, states S0 to S2).
//!
//! Attachments first, then the MAI, the envelope (P1) and one header in INQUEUE, all in the commit
//! of the caller. The header's stem names MAI and P1 alike (Q119642). Delivery takes it from there.

use crate::core::base::HexId;
use crate::core::base::address::{Address, AddressType};
use crate::core::base::ident::{MailbagStem, att_path, mai_path, p1_path};
use crate::core::base::time::UnixTime;
use crate::core::base::{DecodeError, DecodeErrorKind};
use crate::core::format::mai::{Mai, message_id};
use crate::core::format::mbg::{
    FLAG_NON_DELIVERY, FLAG_SYSTEM, MbgRecord, Priority, SUBJECT_MAX, message_tag,
};
use crate::core::format::p1::P1;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::identity::Identity;
use super::bagedit::BagEdit;

/// A message to be sent. Texts are code page 850.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The sender, a mailbox of this postoffice (`$SYSTEM`, `POSTMASTER`, a user).
    pub from: Address,
    /// The recipients; a second mention of one is dropped.
    pub to: Vec<Address>,
    /// The subject; cut at 40 bytes (DEC-060).
    pub subject: Vec<u8>,
    /// The text, lines ended by CR LF.
    pub text: Vec<u8>,
    /// Name and bytes of each attachment.
    pub attachments: Vec<(Vec<u8>, Vec<u8>)>,
    /// The priority.
    pub precedence: Priority,
    /// Whether it is a message of the mail system.
    pub system: bool,
    /// Whether it is a non-delivery report; nobody answers one with another.
    pub non_delivery: bool,
    /// When it is written: the clock for data.
    pub date: UnixTime,
}

impl Outgoing {
    /// A plain message without attachments.
    #[must_use]
    pub fn new(from: Address, to: Vec<Address>, subject: &[u8], date: UnixTime) -> Self {
        Self {
            from,
            to,
            subject: subject.to_vec(),
            text: Vec::new(),
            attachments: Vec::new(),
            precedence: Priority::Normal,
            system: false,
            non_delivery: false,
            date,
        }
    }

    /// A message from `$SYSTEM` of one postoffice to `$SYSTEM` of another, as dirsync sends them.
    #[must_use]
    pub fn system(from: Address, to: Address, subject: &[u8], date: UnixTime) -> Self {
        Self {
            system: true,
            ..Self::new(from, vec![to], subject, date)
        }
    }
}

/// An address as MAI and P1 hold it: `NET/PO/MAILBOX`, other types with their type in front
/// (ASSIGNED).
#[must_use]
pub fn address_text(address: &Address) -> Vec<u8> {
    if address.kind() == AddressType::Pcm {
        address.physical()
    } else {
        address.to_bytes()
    }
}

/// Writes attachments, MAI, P1 and the header in INQUEUE into the commit being prepared; returns the
/// stem. The Message-ID holds the stem and the second: CONTROL.GLB only counts up, so the same pair
/// never comes twice from one tree.
///
/// # Errors
/// [`PoError::MailbagFull`] when INQUEUE holds 4,096 messages, [`PoError::MailbagDamaged`],
/// [`PoError::BadMessage`] for a sender that is no mailbox, no recipients, or more than the formats
/// hold, [`PoError::NoIdentity`], or a disk error. Nothing of the edit may be committed then.
pub fn submit(edit: &mut Edit<'_>, message: &Outgoing) -> Result<HexId, PoError> {
    let identity = Identity::read(edit.view())?;
    let sender = message.from.mailbox().ok_or_else(|| bad("sender"))?;
    let mut to: Vec<Vec<u8>> = Vec::with_capacity(message.to.len());
    let mut seen = std::collections::HashSet::new();
    for address in &message.to {
        if seen.insert(address) {
            to.push(address_text(address));
        }
    }
    if to.is_empty() {
        return Err(bad("recipients"));
    }
    let mut attachments = Vec::with_capacity(message.attachments.len());
    for (name, bytes) in &message.attachments {
        let stem = edit.letter()?;
        edit.create(&att_path(stem), bytes.clone())?;
        let size = u32::try_from(bytes.len()).map_err(|_| bad("attachment"))?;
        attachments.push((name, stem, size));
    }
    let stem = edit.letter()?;
    let seconds = message.date.0;
    let id = message_id(&identity.name.to_bytes(), stem, seconds);
    let mut mai =
        Mai::new(&address_text(&message.from), seconds, id.clone()).subject(&message.subject);
    mai.hop_limit = identity.hop_limit;
    mai.hops_left = identity.hop_limit;
    mai.to.clone_from(&to);
    mai.priority = message.precedence;
    mai.text.clone_from(&message.text);
    let mut size_bytes = 0u32;
    for (name, att, size) in attachments {
        mai = mai.attach(name, att, size);
        size_bytes = size_bytes.saturating_add(size);
    }
    let bytes = mai.encode().map_err(PoError::BadMessage)?;
    size_bytes = size_bytes.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    edit.create(&mai_path(stem), bytes)?;
    let p1 = P1::for_message(&mai, stem, to);
    edit.create(&p1_path(stem), p1.encode().map_err(PoError::BadMessage)?)?;
    let subject = &message.subject[..message.subject.len().min(SUBJECT_MAX)];
    let mut header =
        MbgRecord::new(sender.text(), subject, stem, seconds).map_err(PoError::BadMessage)?;
    header.priority = message.precedence.byte();
    if message.system {
        header.flags |= FLAG_SYSTEM;
    }
    if message.non_delivery {
        header.flags |= FLAG_NON_DELIVERY;
    }
    let count = u16::try_from(message.attachments.len()).map_err(|_| bad("attachments"))?;
    header.attachments = count.into();
    header.size_bytes = size_bytes.into();
    header.tag = message_tag(&id).into();
    BagEdit::load(edit, MailbagStem::INQUEUE)?.append(edit, &[header])?;
    Ok(stem)
}

fn bad(field: &'static str) -> PoError {
    PoError::BadMessage(DecodeError::new(
        "message",
        0,
        DecodeErrorKind::BadField(field),
    ))
}
