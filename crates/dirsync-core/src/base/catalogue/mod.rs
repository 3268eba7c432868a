//! The catalogue of numbered messages, and what is known about the files of a tree.
//!
//! Data stands in one TSV file a family beside this module: number, severity, program, texts,
//! meaning, remedy, source articles. Texts that programs print are exact, spelling faults
//! included; `<name>` marks a part that varies. Meanings and remedies are our own words. A
//! severity with `~` is ASSIGNED: no article shows the message in a log.
//!
//! The data is parsed once, on first use, and lives as long as the program.

mod files;
mod query;

use std::sync::LazyLock;

use super::logline::LogSeverity;

pub use files::{FileEntry, explain_file, file_entries};
pub use query::lookup;

/// A family of numbered messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Messages of REQMAIN, SRVMAIN, IMPORT, REBUILD, NSDA: `[ 45]`.
    Dirsync,
    /// Codes of the mail programs and of non-delivery reports: `[017]`.
    Transport,
    /// Notices of ADMIN.
    AdminNotice,
    /// Notices of the MS-DOS client.
    ClientNotice,
    /// Errors of the file interface.
    Ffapi,
    /// Numbers of PODIAG.
    Podiag,
    /// Headings of MAILINT; their numbers are ours.
    Mailint,
    /// Events of the dirsync agent.
    DxEvent,
    /// Events of the connector and its interchange.
    MsmiEvent,
    /// Events of the message transfer agent.
    MtaEvent,
}

impl Family {
    /// All families, in the order in which look-ups answer.
    pub const ALL: [Self; 10] = [
        Self::Dirsync,
        Self::Transport,
        Self::AdminNotice,
        Self::ClientNotice,
        Self::Ffapi,
        Self::Podiag,
        Self::Mailint,
        Self::DxEvent,
        Self::MsmiEvent,
        Self::MtaEvent,
    ];

    /// The name shown to users and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dirsync => "dirsync message",
            Self::Transport => "transport code",
            Self::AdminNotice => "ADMIN notice",
            Self::ClientNotice => "client notice",
            Self::Ffapi => "FFAPI error",
            Self::Podiag => "PODIAG number",
            Self::Mailint => "MAILINT finding",
            Self::DxEvent => "MSExchangeDX event",
            Self::MsmiEvent => "MSExchangeMSMI event",
            Self::MtaEvent => "MSExchangeMTA event",
        }
    }

    fn data(self) -> &'static str {
        match self {
            Self::Dirsync => include_str!("dirsync.tsv"),
            Self::Transport => include_str!("transport.tsv"),
            Self::AdminNotice => include_str!("admin.tsv"),
            Self::ClientNotice => include_str!("client.tsv"),
            Self::Ffapi => include_str!("ffapi.tsv"),
            Self::Podiag => include_str!("podiag.tsv"),
            Self::Mailint => include_str!("mailint.tsv"),
            Self::DxEvent => include_str!("dx-event.tsv"),
            Self::MsmiEvent => include_str!("msmi-event.tsv"),
            Self::MtaEvent => include_str!("mta-event.tsv"),
        }
    }
}

/// One numbered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The family.
    pub family: Family,
    /// The number; unique in its family. ADMIN has a notice −1.
    pub code: i32,
    /// The severity in logs; `None` where the family has none.
    pub severity: Option<LogSeverity>,
    /// Whether the severity is ASSIGNED because no article shows one.
    pub severity_assigned: bool,
    /// The program or event source.
    pub program: &'static str,
    /// The exact text, `<name>` for parts that vary; empty when none was published.
    pub text: &'static str,
    /// Other texts of the same number: other versions, further lines.
    pub variants: Vec<&'static str>,
    /// What it means.
    pub meaning: &'static str,
    /// What to do; empty when there is nothing.
    pub remedy: &'static str,
    /// The source articles, at least one.
    pub sources: Vec<&'static str>,
}

impl Entry {
    /// The number as its family writes it: `[ 45]`, `[017]`, `notice 58`, `event 2219`.
    #[must_use]
    pub fn label(&self) -> String {
        let code = self.code;
        match self.family {
            Family::Dirsync => format!("[{code:>3}]"),
            Family::Transport => format!("[{code:03}]"),
            Family::AdminNotice | Family::ClientNotice => format!("notice {code}"),
            Family::Ffapi => format!("FFAPI {code}"),
            Family::Podiag => format!("PODIAG {code}"),
            Family::Mailint => format!("MAILINT {code}"),
            Family::DxEvent | Family::MsmiEvent | Family::MtaEvent => format!("event {code}"),
        }
    }
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    Family::ALL
        .into_iter()
        .flat_map(|family| {
            data_lines(family.data()).filter_map(move |line| parse_entry(family, line))
        })
        .collect()
});

/// The lines of a data file that are no remarks.
fn data_lines(data: &'static str) -> impl Iterator<Item = &'static str> {
    data.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Reads one line; a test holds that every line of every file is read.
fn parse_entry(family: Family, line: &'static str) -> Option<Entry> {
    let mut columns = line.split('\t');
    let code = columns.next()?.parse().ok()?;
    let severity_column = columns.next()?;
    let label = severity_column.trim_start_matches('~');
    let severity = match label {
        "" => None,
        label => Some(LogSeverity::from_label(label)?),
    };
    let program = columns.next()?;
    let mut texts = columns.next()?.split('|');
    let text = texts.next()?;
    let variants = texts.collect();
    let meaning = columns.next()?;
    let remedy = columns.next()?;
    let sources = columns.next()?.split(' ').collect();
    columns.next().is_none().then_some(Entry {
        family,
        code,
        severity,
        severity_assigned: label != severity_column,
        program,
        text,
        variants,
        meaning,
        remedy,
        sources,
    })
}

/// All messages, by family and number.
#[must_use]
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The message with this number.
#[must_use]
pub fn lookup_code(family: Family, code: i32) -> Option<&'static Entry> {
    ENTRIES
        .binary_search_by(|entry| (entry.family, entry.code).cmp(&(family, code)))
        .ok()
        .and_then(|index| ENTRIES.get(index))
}

#[cfg(test)]
mod tests;
