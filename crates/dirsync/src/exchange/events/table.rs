//! The documented events: id, type, category, level, text.
//!
//! Texts of the articles are kept to the letter, with `%1`, `%2` … where insertion strings stand, as
//! message libraries of Windows NT write them. Where an article prints no text, type or category,
//! ours stands and is marked so (O-10). Ids from 9001 are ours: the agent's ordinary work, of which no
//! id was ever published (ASSIGNED).

use crate::core::format::evt::EventType;
use crate::core::format::exchange::agent_ini::Level;

/// Who writes an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The dirsync agent.
    Agent,
    /// The interchange of the connector.
    Interchange,
    /// The transfer program of the connector.
    PcMta,
    /// The generator of X.400 proxies.
    X400Proxy,
    /// The generator of proxies of type MS.
    MsProxy,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 5] = [
        Self::Agent,
        Self::Interchange,
        Self::PcMta,
        Self::X400Proxy,
        Self::MsProxy,
    ];

    /// The name as the log shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "MSExchangeDX",
            Self::Interchange => "MSExchangeMSMI",
            Self::PcMta => "MSExchangePCMTA",
            Self::X400Proxy => "X400Proxy",
            Self::MsProxy => "MSProxy",
        }
    }

    /// The source of a name, in any case of letters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|source| source.name().eq_ignore_ascii_case(name))
    }

    /// The categories (DOCUMENTED names); the number of one is its place from 1 (ASSIGNED).
    #[must_use]
    pub fn categories(self) -> &'static [&'static str] {
        match self {
            Self::Agent => &["Event Handler", "Startup", "MS Mail 3.2"],
            Self::Interchange => &[
                "Session Error",
                "Session Warning",
                "Session Data",
                "NDR",
                "Sent",
                "Received",
                "Routing",
                "Debug Data",
            ],
            Self::PcMta => &["Sent", "Received", "Moved In", "Moved Out", "Session"],
            Self::X400Proxy | Self::MsProxy => &["General"],
        }
    }

    /// The number of a category.
    #[must_use]
    pub fn category_number(self, name: &str) -> Option<u16> {
        let at = self
            .categories()
            .iter()
            .position(|own| own.eq_ignore_ascii_case(name))?;
        u16::try_from(at + 1).ok()
    }
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Who writes it.
    pub source: Source,
    /// The number that viewers show.
    pub id: u16,
    /// Error, warning or information.
    pub kind: EventType,
    /// Its category, one of [`Source::categories`].
    pub category: &'static str,
    /// The level from which on it is written; an error always is.
    pub level: Level,
    /// The text with `%1` … for the insertion strings.
    pub text: &'static str,
    /// Whether the text is ours because none was published (O-10).
    pub own_text: bool,
    /// The articles; none for an id that is ours.
    pub articles: &'static str,
}

const fn of(
    source: Source,
    id: u16,
    kind: EventType,
    category: &'static str,
    level: Level,
    text: &'static str,
    articles: &'static str,
) -> Definition {
    Definition {
        source,
        id,
        kind,
        category,
        level,
        text,
        own_text: false,
        articles,
    }
}

const fn ours(definition: Definition) -> Definition {
    Definition {
        own_text: true,
        ..definition
    }
}

use EventType::{Error, Information, Warning};
use Level::{Maximum, Medium, Minimum};

/// Of errors, which every level writes.
const ALWAYS: Level = Level::None;

const HANDLER: &str = "Event Handler";
const STARTUP: &str = "Startup";
const MAIL: &str = "MS Mail 3.2";
const SESSION_ERROR: &str = "Session Error";
const LEFT: &str = "MS Mail Connector Interchange has failed processing message from Exchange. The \
    message is left in the delivery queue. Use the MS Exchange Administrator to view the details \
    for this message or remove it from the queue. %1";

/// Declares definitions and the list of all of them.
macro_rules! definitions {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        $($(#[$doc])* pub static $name: Definition = $value;)*
        /// Every event that is known.
        pub static KNOWN: &[&Definition] = &[$(&$name),*];
    };
}

definitions! {
    /// 134: a faulty message of a requestor, or a non-read notice, went round in the agent's queue.
    /// Strings: the code, the thread.
    SESSION_BUSY = of(Source::Agent, 134, Error, HANDLER, ALWAYS,
        "Error %1 returned by the MTA. (Thread %2).", "Q159295 Q201122");
    /// 136: the sender is no requestor. String: its address.
    UNKNOWN_REQUESTOR = of(Source::Agent, 136, Warning, HANDLER, ALWAYS,
        "Message received from unknown DirSync requestor - %1.", "Q147084");
    /// 139: two recipients stand for the same requestor. String: the address.
    DOUBLED_REQUESTOR = ours(of(Source::Agent, 139, Error, HANDLER, ALWAYS,
        "More than one directory entry has the address %1.", "Q163625"));
    /// 133: the directory refuses. Strings: error, problem, thread.
    DIRECTORY_ERROR = of(Source::Agent, 133, Error, HANDLER, ALWAYS,
        "Error %1, problem %2 returned by the Microsoft Exchange DS. (thread %3).", "Q192484 Q241117");
    /// 143: an object could not be written. String: its name.
    ENTRY_NOT_UPDATED = of(Source::Agent, 143, Warning, HANDLER, Maximum,
        "Unable to update the remote dirsync entry %1 in directory service.", "Q192484 Q241117");
    /// 168: the numbers could not be written. Strings: the object, the thread.
    STATE_NOT_UPDATED = of(Source::Agent, 168, Warning, HANDLER, Maximum,
        "State information could not be updated. Duplicates may be sent or received during the next \
         synchronization cycle for remote dirsync %1. (thread %2)", "Q192484 Q241117");
    /// 181: prompts of templates that differ in a slash at the end. Strings: the prompts.
    TEMPLATE_PROMPTS = ours(of(Source::Agent, 181, Warning, STARTUP, Minimum,
        "The template prompts %1 and %2 differ by a slash at the end only; some versions of the \
         service take them for the same and stop.", "Q196892"));
    /// 220: messages of a requestor are missing. String: the object.
    MESSAGES_LOST = of(Source::Agent, 220, Warning, MAIL, Minimum,
        "Multiple dirsync messages to and from %1 have been lost or delayed.", "Q175588");
    /// 221: what follows 220. String: the object.
    IMPORT_REPLY = of(Source::Agent, 221, Information, MAIL, Minimum,
        "An Import Reply (full export) will be done to %1 on the next reply.", "Q175588");
    /// 247: an address is none. Strings: the transaction, the thread.
    BAD_ADDRESS = of(Source::Agent, 247, Error, MAIL, ALWAYS,
        "The e-mail address of the following transaction is not a valid format. See previous events \
         logged by the Microsoft Exchange System Attendant component for details. The transaction is \
         %1. (Thread %2)", "Q159189 Q193842 Q156726");
    /// 249: the mapping table could not be made. String: the number.
    NO_DATABASE = of(Source::Agent, 249, Error, STARTUP, ALWAYS,
        "Error %1 occurred while trying to create a new database.", "Q169677 Q224991 Q153658");
    /// 268: no temporary file.
    NO_TEMPORARY_FILE = of(Source::Agent, 268, Error, MAIL, ALWAYS,
        "An error occurred when attempting to open a temporary file In the DXADATA directory. Ensure \
         that there is enough disk space to Perform this action.", "Q153658");
    /// 282: a recipient was looked for through another requestor. Strings: requestor, transaction.
    FURTHER_SEARCH = ours(of(Source::Agent, 282, Information, MAIL, Minimum,
        "The entry was looked for among those of the requestor %1: %2", "Q155727"));

    /// 9001: the service has started.
    STARTED = ours(of(Source::Agent, 9001, Information, STARTUP, Minimum,
        "The Directory Synchronization service was started.", ""));
    /// 9002: a pause or the schedule ran a step. Strings: T1 or T2, transactions.
    CYCLE = ours(of(Source::Agent, 9002, Information, HANDLER, Minimum,
        "%1 was run; %2 changes of this server are new in it.", ""));
    /// 9003: a request was taken. Strings: requestor, transactions, time.
    REQUEST_TAKEN = ours(of(Source::Agent, 9003, Information, MAIL, Medium,
        "A request of %1 with %2 transactions was taken at %3.", ""));
    /// 9004: a message left. Strings: whom to, the subject.
    MESSAGE_SENT = ours(of(Source::Agent, 9004, Information, MAIL, Medium,
        "Sent to %1: %2", ""));
    /// 9005: the empty reply (its text is DOCUMENTED, Q201122). String: whom to.
    EMPTY_REPLY = ours(of(Source::Agent, 9005, Information, MAIL, Medium,
        "%1: No updates to send. Nothing was requested.", "Q201122"));
    /// 9006: transactions became recipients. Strings: object, added, changed, removed.
    APPLIED = ours(of(Source::Agent, 9006, Information, MAIL, Medium,
        "Through %1: %2 recipients added, %3 changed, %4 removed.", ""));
    /// 9007: a transaction found nobody, or somebody else's recipient. Strings: object, transaction.
    DISCARDED = ours(of(Source::Agent, 9007, Information, MAIL, Maximum,
        "Through %1, discarded because no recipient of that requestor fits: %2", ""));
    /// 9008: RESYNC.GLB was made. Strings: requestors, numbers.
    RESYNC_MADE = ours(of(Source::Agent, 9008, Information, STARTUP, Minimum,
        "RESYNC.GLB was made for %1: %2", "Q150976 Q215505"));
    /// 9009: RESYNC.GLB was taken. Strings: numbers.
    RESYNC_TAKEN = ours(of(Source::Agent, 9009, Information, STARTUP, Minimum,
        "RESYNC.GLB was taken: %1", "Q156124"));
    /// 9010: a custom recipient could not be made. Strings: the transaction, why.
    NOT_CREATED = ours(of(Source::Agent, 9010, Error, MAIL, ALWAYS,
        "The custom recipient was not made: %2. The transaction is %1", "Q192023"));

    /// 9011: there were more than one commit writes. String: how many more.
    MORE = ours(of(Source::Agent, 9011, Warning, MAIL, ALWAYS,
        "%1 more events of the same step were not written.", ""));

    /// 2010: a mailbag is full. Strings: mailbag file, message.
    MAILBAG_ERROR = of(Source::Interchange, 2010, Error, "Debug Data", ALWAYS,
        "Disk error encountered while inserting data into %1 from %2.", "Q163020");
    /// 2113: a message of a postoffice reached the agent (the text is the article's paraphrase).
    /// String: message id.
    DELIVERED = ours(of(Source::Interchange, 2113, Information, "Received", Medium,
        "Message ID %1 delivered to exchange", "Q169117"));
    /// 2117: a non-delivery report. Strings: from, subject, reason `[0nn] …`.
    NDR_MADE = of(Source::Interchange, 2117, Warning, "NDR", Minimum,
        "Non delivery report generated. From: %1 Subject: %2 %3", "Q162841 Q163020 Q165396 Q175958");
    /// 2335: a message cannot be read. String: the code.
    READ_FAILED = of(Source::Interchange, 2335, Error, SESSION_ERROR, ALWAYS,
        "MS Mail Connector Interchange has failed in om_read(). Return code is %1.", "Q159305");
    /// 2335 as well: the outward session has begun.
    DOWNLOAD_SESSION = of(Source::Interchange, 2335, Information, "Session Data", Maximum,
        "MS Mail Connector Interchange has established an MTA session for downloading messages from \
         the Exchange server.", "Q165485");
    /// 2342: an inward message has a bad address. String: the code.
    STREAM_FAILED = of(Source::Interchange, 2342, Error, SESSION_ERROR, ALWAYS,
        "MS Mail Connector Interchange failed to put into XOM stream. Return code is %1.", "Q151791");
    /// 2371: recipients that nobody knows. String: message id `NET/PO/number`.
    INVALID_RECIPIENTS = of(Source::Interchange, 2371, Warning, "NDR", Minimum,
        "Invalid recipient(s) found in %1. Generating non-delivery report.", "Q169117");
    /// 2375: no mailbag for a recipient. Strings: recipient, message id.
    NO_MAILBAG = of(Source::Interchange, 2375, Error, SESSION_ERROR, ALWAYS,
        "MS Mail Connector Interchange has detected a configuration problem. No mailbag on the MS Mail \
         Connector Post Office was found for recipient: %1 in the message with message id %2.", "Q169117");
    /// 2384: the inward session has begun.
    UPLOAD_SESSION = of(Source::Interchange, 2384, Information, "Session Data", Maximum,
        "MS Mail Connector Interchange has established an MTA session for uploading messages to the \
         Exchange server.", "Q151791");
    /// 2444: the mailer took a message. String: its number.
    FROM_INQUEUE = of(Source::Interchange, 2444, Information, "Routing", Maximum,
        "Message ID <%1> processed from INQUEUE", "Q169117 Q175447");
    /// 2446: a message that cannot be converted stays. String: title and sender, or nothing.
    LEFT_IN_QUEUE = of(Source::Interchange, 2446, Error, SESSION_ERROR, ALWAYS, LEFT,
        "Q158379 Q164840 Q151669 Q173344 Q200079");
    /// 2447: the same of a dirsync message.
    LEFT_DIRSYNC = of(Source::Interchange, 2447, Error, SESSION_ERROR, ALWAYS,
        "MSMI has failed processing $System message is left in the delivery queue. %1",
        "Q158379 Q164840 Q151669 Q173344 Q200079");
    /// 2448: a message of the server is in the shadow postoffice. Strings: message id there, number
    /// here.
    RECEIVED = of(Source::Interchange, 2448, Information, "Sent", Medium,
        "Message ID <%1> received from Exchange Message ID <%2> created in MS Mail", "Q175447 Q151473");
    /// 2560: the object of a message cannot be read.
    OBJECT_FAILED = of(Source::Interchange, 2560, Error, SESSION_ERROR, ALWAYS,
        "The thread in the MS Mail Connector that delivers to MS Mail has failed reading the Microsoft \
         Exchange Server MTA object.", "Q159305");
    /// 2604: the header of a message is too long (no text was published). Strings: sender, message id.
    HEADER_TOO_LONG = ours(of(Source::Interchange, 2604, Warning, SESSION_ERROR, Minimum,
        "The header of a message from %1 is larger than the limit; message id %2.", "Q193035"));
    /// 10000: a part of a message cannot be read. String: what.
    PARSING_FAILED = of(Source::Interchange, 10_000, Error, "Debug Data", ALWAYS,
        "MDBEF Parsing failed for %1", "Q169682 Q166589 Q177979 Q175447");

    /// 4355 at the connector's share. Strings: share, from, to.
    PC_RECEIVED = of(Source::PcMta, 4355, Information, "Received", Maximum,
        "Mail received on %1 FROM: %2 TO: %3", "Q147464 Q148309");
    /// 4355 at the share of another postoffice.
    PC_MOVED_IN = of(Source::PcMta, 4355, Information, "Moved In", Maximum,
        "Mail received on %1 FROM: %2 TO: %3", "Q147464 Q148309");
    /// 4395 at the connector's share. Strings: share, from, to.
    PC_SENT = of(Source::PcMta, 4395, Information, "Sent", Maximum,
        "Mail sent from %1 FROM: %2 TO: %3", "Q147464 Q148309");
    /// 4395 at the share of another postoffice.
    PC_MOVED_OUT = of(Source::PcMta, 4395, Information, "Moved Out", Maximum,
        "Mail sent from %1 FROM: %2 TO: %3", "Q147464 Q148309");
    /// 4188: two postoffices with one serial number. Strings: name, share, name, share, serial.
    SAME_SERIAL = of(Source::PcMta, 4188, Error, "Session", ALWAYS,
        "The postoffice %1 on %2 and the postoffice %3 on %4 have the same postoffice serial number \
         [%5].", "Q151228");

    /// X400Proxy 13. Strings: position, address.
    X400_SYNTAX = of(Source::X400Proxy, 13, Warning, "General", Minimum,
        "X400 address failure. An illegal type name was specified at character position %1 of '%2'",
        "Q159189 Q156726");
    /// MSProxy 5. String: the address.
    MS_SYNTAX = of(Source::MsProxy, 5, Warning, "General", Minimum,
        "Microsoft Mail address failure. The Mailbox name '%1' is not valid. There must be 1-10 valid \
         characters.", "Q193842");
}

/// The first definition of a number; two numbers have two (2335, 4355, 4395).
#[must_use]
pub fn known(source: Source, id: u16) -> Option<&'static Definition> {
    KNOWN
        .iter()
        .find(|known| known.source == source && known.id == id)
        .copied()
}

impl Definition {
    /// The text with its insertion strings; a place without a string stays empty.
    #[must_use]
    pub fn text_with(&self, strings: &[String]) -> String {
        let mut text = String::new();
        let mut rest = self.text;
        while let Some((head, tail)) = rest.split_once('%') {
            text.push_str(head);
            let mut tail_chars = tail.chars();
            match tail_chars.next().and_then(|digit| digit.to_digit(10)) {
                Some(number) => {
                    let at = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
                    text.push_str(strings.get(at).map_or("", String::as_str));
                    rest = tail_chars.as_str();
                }
                None => {
                    text.push('%');
                    rest = tail;
                }
            }
        }
        text.push_str(rest);
        text.trim_end().to_owned()
    }
}
