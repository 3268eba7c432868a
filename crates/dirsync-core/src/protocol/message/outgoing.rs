//! A message to be sent.

use crate::base::{Address, DecodeError, MailboxName};
use crate::format::body::{self, Body, Carrier};

use super::Party;

/// What goes with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// Nothing.
    None,
    /// The status log.
    Log,
    /// Transactions, carried as the message says.
    Transactions(Carrier),
}

impl Attachment {
    /// The name of the attached file; `None` when there is none (DEC-063).
    #[must_use]
    pub fn file_name(&self, body: &Body) -> Option<&'static str> {
        match (self, body) {
            (Self::None | Self::Transactions(Carrier::InBody), _) => None,
            (Self::Log, _) => Some(body::STATUS_ATTACHMENT),
            (Self::Transactions(_), Body::Request(_)) => Some(body::REQUEST_ATTACHMENT),
            (Self::Transactions(_), _) => Some(body::REPLY_ATTACHMENT),
        }
    }
}

/// A message from our `$SYSTEM` mailbox. Only the state machines make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    to: Party,
    mailbox: MailboxName,
    body: Body,
    attachment: Attachment,
}

impl Outgoing {
    pub(in crate::protocol) fn new(
        to: Party,
        mailbox: MailboxName,
        body: Body,
        attachment: Attachment,
    ) -> Self {
        Self {
            to,
            mailbox,
            body,
            attachment,
        }
    }

    /// The party it goes to.
    #[must_use]
    pub fn to(&self) -> Party {
        self.to
    }

    /// The address it goes to; `None` for a party without a postoffice.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        Address::three_part(self.to.scope().kind, self.to.name()?, self.mailbox).ok()
    }

    /// The subject, cut to 40 characters.
    #[must_use]
    pub fn subject(&self) -> Vec<u8> {
        self.body.subject()
    }

    /// The typed body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The text of the message. `lines` are the transactions in text form of a message that
    /// carries them in its body, else empty.
    ///
    /// # Errors
    /// A name or password with control characters.
    pub fn text(&self, lines: &[u8]) -> Result<Vec<u8>, DecodeError> {
        match self.attachment {
            Attachment::Transactions(Carrier::InBody) => self.body.encode_with_transactions(lines),
            _ => self.body.encode(),
        }
    }

    /// What goes with it.
    #[must_use]
    pub fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// The name of the attached file.
    #[must_use]
    pub fn attachment_name(&self) -> Option<&'static str> {
        self.attachment.file_name(&self.body)
    }
}
