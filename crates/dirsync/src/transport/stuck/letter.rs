//! One waiting message with all its parts, as far as they can be read.

use crate::core::base::address::{Address, MailboxName, PoName};
use crate::core::base::ident::{HexId, MailbagStem, mai_path, p1_path};
use crate::core::base::stem::NamedMailbag;
use crate::core::format::mai::Mai;
use crate::core::format::mbg::MbgRecord;
use crate::core::format::p1::P1;
use crate::postoffice::mail::{BagEdit, MAI_LIMIT_BYTES, Owner, Owners, address_text};
use crate::postoffice::{Edit, PoError};

use super::super::mailer::{P1_LIMIT_BYTES, find_part};

/// A message in a mailbag.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Number of the header.
    pub index: usize,
    /// The header.
    pub header: MbgRecord,
    /// Stem of the message; `None` when the header names none.
    pub stem: Option<HexId>,
    /// The message, where it can be read.
    pub mai: Option<Mai>,
    /// Sender or recipients are not in the clear (Q77926).
    pub encrypted: bool,
    /// Where the envelope stands, where there is one.
    pub envelope_path: Option<String>,
    /// The envelope, where it can be read.
    pub envelope: Option<P1>,
    /// What keeps it from being delivered: a code of the transport (16 no message file, 12 a corrupt
    /// one, 21 no envelope, 24 a corrupt one); `None` when nothing is wrong with its files.
    pub fault: Option<u16>,
}

impl Letter {
    /// Reads the parts of a message.
    ///
    /// # Errors
    /// A disk error.
    pub(super) fn read(
        edit: &mut Edit<'_>,
        mailbag: MailbagStem,
        index: usize,
        header: MbgRecord,
    ) -> Result<Self, PoError> {
        let mut letter = Self {
            index,
            stem: header.mai.get().ok().flatten(),
            header,
            mai: None,
            encrypted: false,
            envelope_path: None,
            envelope: None,
            fault: None,
        };
        let Some(stem) = letter.stem else {
            letter.fault = Some(16);
            return Ok(letter);
        };
        letter.read_envelope(edit, mailbag, stem)?;
        match edit.peek(&mai_path(stem), MAI_LIMIT_BYTES) {
            Ok(None) => letter.fault = Some(16),
            Ok(Some(bytes)) => match Mai::decode(&bytes) {
                Ok(decoded) => {
                    letter.mai = Some(decoded.mai);
                    letter.encrypted = decoded.encrypted;
                }
                Err(_) => letter.fault = Some(12),
            },
            Err(crate::tree::TreeError::TooLarge { .. }) => letter.fault = Some(12),
            Err(error) => return Err(error.into()),
        }
        Ok(letter)
    }

    fn read_envelope(
        &mut self,
        edit: &mut Edit<'_>,
        mailbag: MailbagStem,
        stem: HexId,
    ) -> Result<(), PoError> {
        match mailbag {
            MailbagStem::Named(NamedMailbag::Inqueue | NamedMailbag::Inqueue3) => {
                let path = p1_path(stem);
                let Some(bytes) = edit.peek(&path, P1_LIMIT_BYTES)? else {
                    self.fault = Some(21);
                    return Ok(());
                };
                self.envelope = P1::decode(&bytes).ok().filter(|p1| p1.stem == stem);
                if self.envelope.is_none() {
                    self.fault = Some(24);
                }
                self.envelope_path = Some(path);
            }
            MailbagStem::Id(id) => {
                // A user's mail has no envelope any more.
                if let Some((path, p1)) = find_part(edit, stem, id)? {
                    self.envelope_path = Some(path);
                    self.envelope = Some(p1);
                }
            }
            MailbagStem::Named(_) => {}
        }
        Ok(())
    }

    /// The envelope, or one made of what else is known; `None` when the sender is not known.
    pub(super) fn envelope_or_made(&self, own: PoName, owner: &Owner) -> Option<P1> {
        if let Some(envelope) = &self.envelope {
            return Some(envelope.clone());
        }
        let (mai, stem) = (self.mai.as_ref()?, self.stem?);
        let recipients = match owner {
            Owner::User { mailbox } => MailboxName::read(mailbox.text())
                .map(|mailbox| vec![address_text(&Address::pcm(own, mailbox))])
                .unwrap_or_default(),
            _ => mai.recipients().map(<[u8]>::to_vec).collect(),
        };
        Some(P1::for_message(mai, stem, recipients))
    }
}

/// One message of a mailbag.
///
/// # Errors
/// [`PoError::NoSuchMailbag`], [`PoError::NoSuchHeader`], [`PoError::MailbagDamaged`], or a disk
/// error.
pub fn show(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    index: usize,
) -> Result<(Letter, Owner), PoError> {
    let header = BagEdit::load(edit, mailbag)?
        .live_at(index)
        .ok_or_else(|| PoError::NoSuchHeader {
            tree: edit.view().describe(),
            mailbag: mailbag.to_string(),
            index,
        })?;
    let owner = Owners::load(edit.view(), &mut |_| {})?.of(mailbag);
    let mut letter = Letter::read(edit, mailbag, index, header)?;
    // An outbound mailbag needs an envelope; whose mailbag it is, only the lists know.
    if letter.fault.is_none()
        && letter.envelope.is_none()
        && matches!(owner, Owner::Postoffice { .. } | Owner::Gateway { .. })
    {
        letter.fault = Some(21);
    }
    Ok((letter, owner))
}
