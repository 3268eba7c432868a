//! Recipients of a server as CSV, with the column names of the Administrator program's directory
//! import and export (DOCUMENTED: Q146304, Q155589, Q155594; trust and ImportedFrom: Q151518).
//!
//! The first line names the columns; `Obj-Class` is the first. Several values in one field are
//! parted by `%`. The text is UTF-8 (decisions DEC-097). Columns this module does not know are
//! kept with their row. A `%` inside a value is doubled (ASSIGNED: the articles give no way, and
//! an empty value has no meaning).
//!
//! | column | value |
//! |---|---|
//! | `Obj-Class` | `Mailbox`, `dl`, `Remote` |
//! | `Mode` | `Create`, `Delete`, `Modify`, `Update` (the default) |
//! | `Directory Name` | the name that identifies the recipient in its container |
//! | `Display Name`, `Alias Name` | |
//! | `Obj-Container` | the container, `Recipients` when empty |
//! | `Home-Server` | a mailbox's server |
//! | `E-mail address` | a custom recipient's target, `TYPE:address` |
//! | `E-mail Addresses` | proxies |
//! | `Hide from AB` | 1 hidden (`$SYSTEM` recipients), 0 or empty shown |
//! | `Trust-Level` | 0 to 100; 20 when empty (ASSIGNED, no article gives the number) |
//! | `Imported-From` | the requestor object that brought it; empty when made by hand (Q156996) |

use std::io;

/// What a recipient is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecipientClass {
    /// A mailbox of this organization.
    Mailbox,
    /// A custom recipient: an address elsewhere.
    Custom,
    /// A distribution list.
    List,
}

impl RecipientClass {
    /// The word in `Obj-Class`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mailbox => "Mailbox",
            Self::Custom => "Remote",
            Self::List => "dl",
        }
    }

    /// The class of a word, in any case; the long forms of Q152614 as well.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "mailbox" => Self::Mailbox,
            "remote" | "remote-address" => Self::Custom,
            "dl" | "distribution-list" => Self::List,
            _ => return None,
        })
    }
}

/// What an import does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// A new recipient.
    Create,
    /// Away with it.
    Delete,
    /// A change of one that exists.
    Modify,
    /// Made if it does not exist, else changed.
    #[default]
    Update,
}

impl Mode {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "create" => Self::Create,
            "delete" => Self::Delete,
            "modify" => Self::Modify,
            "update" | "" => Self::Update,
            _ => return None,
        })
    }
}

/// Trust of a recipient when nothing is said (ASSIGNED).
pub const DEFAULT_TRUST: u8 = 20;
/// Trust that keeps a recipient at home (Q147608).
pub const NEVER_EXPORTED_TRUST: u8 = 100;
/// The container when nothing is said.
pub const DEFAULT_CONTAINER: &str = "Recipients";

/// A recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// What it is.
    pub class: RecipientClass,
    /// `Directory Name`.
    pub directory_name: String,
    /// `Display Name`.
    pub display_name: String,
    /// `Alias Name`.
    pub alias: String,
    /// `Obj-Container`.
    pub container: String,
    /// `Home-Server`; empty but for mailboxes.
    pub home_server: String,
    /// `E-mail address`; empty but for custom recipients.
    pub address: String,
    /// `E-mail Addresses`.
    pub proxies: Vec<String>,
    /// `Hide from AB`.
    pub hidden: bool,
    /// `Trust-Level`.
    pub trust: u8,
    /// `Imported-From`; empty when it was made by hand.
    pub imported_from: String,
    /// Further columns and their values.
    pub other: Vec<(String, String)>,
}

impl Recipient {
    /// Whether it may leave through an object whose export trust is `export_trust`: its own trust
    /// is no greater and neither is 100 (Q147608, Q152935).
    #[must_use]
    pub fn may_be_exported(&self, export_trust: u8) -> bool {
        self.trust <= export_trust
            && self.trust < NEVER_EXPORTED_TRUST
            && export_trust < NEVER_EXPORTED_TRUST
    }
}

/// The columns we write, in their order.
pub const COLUMNS: [&str; 11] = [
    "Obj-Class",
    "Directory Name",
    "Display Name",
    "Alias Name",
    "Obj-Container",
    "Home-Server",
    "E-mail address",
    "E-mail Addresses",
    "Hide from AB",
    "Trust-Level",
    "Imported-From",
];

/// Why a file or a row cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecipientError {
    /// The header line does not begin with `Obj-Class` or lacks `Directory Name`.
    #[error("the first line does not name the columns: {0}")]
    Header(&'static str),
    /// A row is wrong; the others can be read.
    #[error("line {line}: {why}")]
    Row {
        /// Its line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A value that cannot stand in a field of several values.
    #[error("{0:?} cannot stand in a list parted by %")]
    Value(String),
    /// The CSV reader or writer.
    #[error(transparent)]
    Csv(#[from] csv::Error),
}

/// Reads recipients row by row.
#[derive(Debug)]
pub struct RecipientReader<R> {
    rows: csv::Reader<R>,
    columns: Vec<String>,
    record: csv::StringRecord,
}

impl<R: io::Read> RecipientReader<R> {
    /// Reads the header line. An empty source is an empty list.
    ///
    /// # Errors
    /// [`RecipientError::Header`] or the source's.
    pub fn new(source: R) -> Result<Self, RecipientError> {
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let columns: Vec<String> = rows
            .headers()?
            .iter()
            .map(|name| name.trim_start_matches('\u{FEFF}').trim().to_owned())
            .collect();
        let place = |name: &str| {
            columns
                .iter()
                .position(|own| own.eq_ignore_ascii_case(name))
        };
        if !columns.is_empty() {
            if place("Obj-Class") != Some(0) {
                return Err(RecipientError::Header("Obj-Class is not the first"));
            }
            if place("Directory Name").is_none() {
                return Err(RecipientError::Header("Directory Name is missing"));
            }
            let twice = columns
                .iter()
                .enumerate()
                .any(|(at, name)| place(name) != Some(at));
            if twice {
                return Err(RecipientError::Header("a column stands twice"));
            }
        }
        Ok(Self {
            rows,
            columns,
            record: csv::StringRecord::new(),
        })
    }

    fn row(&self, line: u64) -> Result<(Mode, Recipient), RecipientError> {
        let bad = |why: String| RecipientError::Row { line, why };
        if self.record.len() > self.columns.len() {
            return Err(bad("more fields than columns".into()));
        }
        let place = |name: &str| {
            let mut columns = self.columns.iter();
            columns.position(|own| own.eq_ignore_ascii_case(name))
        };
        let field = |name: &str| {
            let value = place(name).and_then(|at| self.record.get(at));
            value.unwrap_or_default().to_owned()
        };
        let class = field("Obj-Class");
        let class = RecipientClass::from_word(class.trim())
            .ok_or_else(|| bad(format!("{class:?} is no class of recipients")))?;
        let mode = field("Mode");
        let mode =
            Mode::from_word(mode.trim()).ok_or_else(|| bad(format!("{mode:?} is no mode")))?;
        let directory_name = field("Directory Name");
        if directory_name.is_empty() {
            return Err(bad("the directory name is missing".into()));
        }
        let trust = match field("Trust-Level").trim() {
            "" => DEFAULT_TRUST,
            digits => digits
                .parse()
                .ok()
                .filter(|trust| *trust <= NEVER_EXPORTED_TRUST)
                .ok_or_else(|| bad(format!("the trust {digits:?} is not 0 to 100")))?,
        };
        let hidden = match field("Hide from AB").trim() {
            "" | "0" => false,
            "1" => true,
            other => return Err(bad(format!("Hide from AB is {other:?}, not 0 or 1"))),
        };
        let address = field("E-mail address");
        let needs_address = class == RecipientClass::Custom && mode != Mode::Delete;
        let is_address = address
            .split_once(':')
            .is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
        if needs_address && mode == Mode::Create && !is_address {
            return Err(bad(
                "a custom recipient needs an E-mail address TYPE:address".into(),
            ));
        }
        let container = Some(field("Obj-Container")).filter(|name| !name.is_empty());
        let other = self.columns.iter().zip(&self.record).filter(|(name, _)| {
            let mut ours = COLUMNS.iter().chain(&["Mode"]);
            !ours.any(|own| own.eq_ignore_ascii_case(name))
        });
        let recipient = Recipient {
            class,
            directory_name,
            display_name: field("Display Name"),
            alias: field("Alias Name"),
            container: container.unwrap_or_else(|| DEFAULT_CONTAINER.to_owned()),
            home_server: field("Home-Server"),
            address,
            proxies: split_values(&field("E-mail Addresses")),
            hidden,
            trust,
            imported_from: field("Imported-From"),
            other: other
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.clone(), value.to_owned()))
                .collect(),
        };
        Ok((mode, recipient))
    }
}

impl<R: io::Read> Iterator for RecipientReader<R> {
    type Item = Result<(Mode, Recipient), RecipientError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let line = self.record.position().map_or(0, csv::Position::line);
                Some(self.row(line))
            }
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// The file of recipients: our columns, then the further ones in the order in which they occur.
///
/// # Errors
/// [`RecipientError::Value`].
pub fn write(recipients: &[Recipient]) -> Result<Vec<u8>, RecipientError> {
    let mut further: Vec<&str> = Vec::new();
    for (name, _) in recipients.iter().flat_map(|recipient| &recipient.other) {
        if !further.contains(&name.as_str()) {
            further.push(name);
        }
    }
    let mut rows = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    rows.write_record(COLUMNS.iter().chain(&further))?;
    for recipient in recipients {
        let trust = recipient.trust.to_string();
        let proxies = join_values(&recipient.proxies)?;
        let own = [
            recipient.class.word(),
            &recipient.directory_name,
            &recipient.display_name,
            &recipient.alias,
            &recipient.container,
            &recipient.home_server,
            &recipient.address,
            &proxies,
            if recipient.hidden { "1" } else { "0" },
            &trust,
            &recipient.imported_from,
        ];
        let others = further.iter().map(|name| {
            let mut other = recipient.other.iter();
            other
                .find(|(own, _)| own == name)
                .map_or("", |(_, value)| value.as_str())
        });
        rows.write_record(own.into_iter().chain(others))?;
    }
    rows.into_inner()
        .map_err(|error| csv::Error::from(error.into_error()).into())
}

/// The values of a field, parted by `%`; `%%` is one inside a value.
#[must_use]
pub fn split_values(field: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut chars = field.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '%' && chars.next_if_eq(&'%').is_none() {
            values.push(String::new());
        } else if let Some(value) = values.last_mut() {
            value.push(c);
        }
    }
    values.retain(|value| !value.is_empty());
    values
}

/// One field of several values.
///
/// # Errors
/// An empty value, or one that begins with `%`: it could not be told from its neighbour.
pub fn join_values(values: &[String]) -> Result<String, RecipientError> {
    let mut field = String::new();
    for value in values {
        if value.is_empty() || value.starts_with('%') {
            return Err(RecipientError::Value(value.clone()));
        }
        if !field.is_empty() {
            field.push('%');
        }
        field.push_str(&value.replace('%', "%%"));
    }
    Ok(field)
}

#[cfg(test)]
mod tests;
