//! What can be wrong with an address or a transaction line: one message number each.
//!
//! Numbers and texts DOCUMENTED (Q96001, Q96002, Q96003); what each is used for where the articles
//! only print the text is INFERRED from the text.

use std::fmt;

/// A numbered message about an address or a transaction line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// 12: column 1 holds no transaction code.
    CommandColumn,
    /// 13: a line that continues a transaction where there is none.
    NoTransaction,
    /// 15: a fax number holds more than digits, blanks, commas and hyphens.
    PhoneCharacter,
    /// 16: an address type nobody knows.
    UnknownType,
    /// 17: the postoffice is missing.
    NodeIncomplete,
    /// 18: the line ends before there is an address.
    NoAddress,
    /// 19: the mailbox is missing.
    PhysicalIncomplete,
    /// 20: a network, postoffice or mailbox of more than 10 bytes.
    ElementTooLong,
    /// 21: a line no import file can hold: a NUL, a stray CR, a character outside the code page,
    /// or more bytes than a transaction may have.
    Corrupt,
    /// 22: a template line without `/`.
    TemplateSlash,
    /// 23: a blank or TAB is missing.
    Separator,
    /// 24: template lines for a free-form address.
    TemplateNotAllowed,
    /// 25: a free-form address that is too long.
    PhysicalTooLong,
    /// 26: a free-form address of the wrong form.
    BadPhysical,
    /// 38: a line of a template that is none.
    TemplateLine,
    /// 46: a transaction without an alias.
    NoFullName,
    /// 47: a transaction that says nothing that can be done.
    NoEffect,
    /// 48: nothing behind the address type.
    NoPhysical,
    /// 64: a network with the name of a gateway.
    ReservedNetwork,
    /// 69: a character in a network name that is no letter or digit.
    NetworkCharacter,
    /// 70: the same in a postoffice name.
    PostofficeCharacter,
    /// 71: the same in a mailbox name.
    MailboxCharacter,
    /// 72: an alias of more than 30 bytes, or columns that make it one.
    FullNameTooLong,
    /// 74: more than 30 bytes of recipient.
    FaxRecipient,
    /// 75: more than 30 bytes of location.
    FaxLocation,
    /// 76: more than 30 bytes of company.
    FaxCompany,
    /// 77: more than 22 bytes of phone number.
    FaxPhone,
    /// 81: nothing behind the last `/`.
    NoMailbox,
    /// 82: `&` lines for an address that is not local.
    UserOptionNotAllowed,
    /// 88: an `&` line without `=`.
    UserOptionForm,
}

impl Fault {
    /// The message number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.entry().0
    }

    /// The message text, exactly.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.entry().1
    }

    fn entry(self) -> (u16, &'static str) {
        match self {
            Self::CommandColumn => (12, "Invalid character in column 1"),
            Self::NoTransaction => (13, "Invalid transaction command"),
            Self::PhoneCharacter => (15, "Invalid character in phone number"),
            Self::UnknownType => (16, "Unknown address type"),
            Self::NodeIncomplete => (17, "Unexpected end of line in node address"),
            Self::NoAddress => (18, "Unexpected end of line in fullname"),
            Self::PhysicalIncomplete => (19, "Unexpected end of line in physical address"),
            Self::ElementTooLong => (20, "Address element is too long"),
            Self::Corrupt => (21, "Input file is corrupt or has incorrect format."),
            Self::TemplateSlash => (22, "Expecting '/' in template information line"),
            Self::Separator => (23, "Expecting tab or space"),
            Self::TemplateNotAllowed => (24, "Template info not allowed for this address type"),
            Self::PhysicalTooLong => (25, "Physical address is too long"),
            Self::BadPhysical => (26, "Error in physical address"),
            Self::TemplateLine => (38, "Error loading postoffice template"),
            Self::NoFullName => (46, "No fullname"),
            Self::NoEffect => (47, "Transaction has no effect"),
            Self::NoPhysical => (48, "Expecting physical address"),
            Self::ReservedNetwork => (64, "Reserved network name"),
            Self::NetworkCharacter => (69, "Alphanumeric characters only allowed in network name"),
            Self::PostofficeCharacter => (
                70,
                "Alphanumeric characters only allowed in postoffice name",
            ),
            Self::MailboxCharacter => (71, "Alphanumeric characters only allowed in mailbox name"),
            Self::FullNameTooLong => (72, "Fullname is too long"),
            Self::FaxRecipient => (74, "FAX recipient address field too long"),
            Self::FaxLocation => (75, "FAX location address field too long"),
            Self::FaxCompany => (76, "FAX company address field too long"),
            Self::FaxPhone => (77, "FAX phone number address field too long"),
            Self::NoMailbox => (81, "No mailbox name"),
            Self::UserOptionNotAllowed => (
                82,
                "Local user information not allowed for this address type",
            ),
            Self::UserOptionForm => (88, "Invalid token assignment:"),
        }
    }
}

impl fmt::Display for Fault {
    /// `[ 20] Address element is too long`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, text) = self.entry();
        write!(f, "[{number:>3}] {text}")
    }
}

impl std::error::Error for Fault {}
