//! Log lines and findings of the protocol.
//!
//! A line carries its message number, the text as it is read in DIRSYNC.LOG and the argument that
//! the numeric form shows (DEC-109). Texts and severities DOCUMENTED (Q96001-Q96004 and the
//! articles of the samples) unless marked. A password never gets into one: no function of this
//! floor is given a password and a line together.

use jiff::civil::DateTime;

use crate::base::FindingId;
use crate::base::logline::{LogEntry, LogSeverity};

/// A line for DIRSYNC.LOG and DSSERVER.LOG, without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The severity.
    pub severity: LogSeverity,
    /// The message number; `None` for free text.
    pub code: Option<u16>,
    /// The text form, argument included.
    pub text: String,
    /// The argument of the numeric form.
    pub argument: String,
}

/// What stands between message and argument in the text form.
const CODES: &[(u16, LogSeverity, &str)] = {
    use LogSeverity::{Error, Fatal, Status, Warning};
    &[
        (14, Fatal, "Error processing RESYNC.GLB"),
        (40, Fatal, "Possible database corruption detected: "),
        (54, Fatal, "No Server name has been set"),
        (
            55,
            Fatal,
            "Can't find Dir-Sync Server postoffice definition",
        ),
        (66, Warning, "Local postoffice transaction ignored "),
        (105, Status, "Requestor updates received: "),
        // Text ASSIGNED after 105; the articles print only `ReqTx send n updates`.
        (106, Status, "Requestor updates sent: "),
        (116, Error, "Attachment is missing or is empty "),
        (118, Fatal, "Transaction limit reached"),
        (124, Error, "Invalid transaction format "),
        (128, Warning, "Could not process requestor status report "),
        (133, Error, "Invalid Server Request "),
        (136, Error, "The local requestor is not registered"),
        (138, Error, "Server sync does not exist anymore "),
        (139, Error, "Number of missing transactions = "),
        (152, Warning, "Failure to transmit requestor updates"),
        (154, Warning, "Non-delivery report "),
        (155, Error, "Invalid DirSync profile from "),
        (156, Error, "Invalid Dirsync password from "),
        (158, Error, "Requestor not registered : "),
        (159, Fatal, "Failure to send update mail to requestors "),
        (161, Fatal, "Server configuration busy"),
        (166, Fatal, "Manual Import required for "),
        (167, Status, "Server updates requested for address types: "),
        (171, Status, "No requestor updates to send"),
    ]
};

impl LogLine {
    /// A numbered message of this floor with its usual severity.
    ///
    /// A number that is not in the table gives the argument alone, as an Error.
    #[must_use]
    pub fn message(code: u16, argument: impl Into<String>) -> Self {
        let argument = argument.into();
        let (severity, text) = CODES
            .iter()
            .find(|(known, ..)| *known == code)
            .map_or((LogSeverity::Error, ""), |&(_, severity, text)| {
                (severity, text)
            });
        Self {
            severity,
            code: Some(code),
            text: format!("{text}{argument}").trim_end().to_owned(),
            argument,
        }
    }

    /// Message 2, which is a Warning and a Fatal in turn (Q112280, Q119017).
    #[must_use]
    pub fn error_opening(severity: LogSeverity, file: &str) -> Self {
        Self {
            severity,
            code: Some(2),
            text: format!("Error opening file: {file}"),
            argument: file.to_owned(),
        }
    }

    /// Free text.
    #[must_use]
    pub fn free(severity: LogSeverity, text: impl Into<String>) -> Self {
        Self {
            severity,
            code: None,
            text: text.into(),
            argument: String::new(),
        }
    }

    /// A Status line of our own (ASSIGNED text).
    #[must_use]
    pub fn status(text: impl Into<String>) -> Self {
        Self::free(LogSeverity::Status, text)
    }

    /// The line at a time.
    #[must_use]
    pub fn at(self, time: DateTime) -> LogEntry {
        match self.code {
            Some(code) => LogEntry::message(time, self.severity, code, self.text, self.argument),
            None => LogEntry::free(time, self.severity, self.text),
        }
    }
}

/// Something a state machine noticed that its owner should know; always said in the log as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The stable id that reports and doctor use.
    pub id: FindingId,
    /// Whom it is about, `PCM:NET/PO`.
    pub party: String,
}

/// DEC-038: the server has confirmed more than was ever sent.
pub const SERVER_AHEAD: FindingId = FindingId("sync.server-ahead");
/// DEC-039: replies are dropped because their import number is lower.
pub const IMPORT_BEHIND: FindingId = FindingId("sync.import-behind");
/// DEC-020: a request leaves numbers out.
pub const REQUEST_GAP: FindingId = FindingId("sync.request-gap");
/// DEC-055: a requestor counts from the start again.
pub const NUMBERING_RESTARTED: FindingId = FindingId("sync.numbering-restarted");
/// DEC-058: the server was set back to an older state.
pub const SERVER_RESTORED: FindingId = FindingId("sync.server-restored");
/// dsp R-ORD-007: the requestor asks from a number that was purged.
pub const PURGED_GAP: FindingId = FindingId("sync.purged-gap");

/// exc R-FFA-051: a foreign request lacks parameters that it must pass.
pub const REQUEST_INCOMPLETE: FindingId = FindingId("sync.request-incomplete");

/// Lines and notices of one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diary {
    /// Lines for the log, in order.
    pub lines: Vec<LogLine>,
    /// Findings.
    pub notices: Vec<Notice>,
}

impl Diary {
    /// Logs a numbered message.
    pub(crate) fn message(&mut self, code: u16, argument: impl Into<String>) {
        self.lines.push(LogLine::message(code, argument));
    }

    /// Logs a Status line of our own.
    pub(crate) fn status(&mut self, text: impl Into<String>) {
        self.lines.push(LogLine::status(text));
    }

    /// Notes a finding and says it in a Status line.
    pub(crate) fn notice(&mut self, id: FindingId, party: &str, text: &str) {
        self.status(format!("{text} {party} ({id})"));
        self.notices.push(Notice {
            id,
            party: party.to_owned(),
        });
    }

    /// Whether a message of this number was logged.
    #[must_use]
    pub fn has(&self, code: u16) -> bool {
        self.lines.iter().any(|line| line.code == Some(code))
    }

    /// Whether this was found.
    #[must_use]
    pub fn found(&self, id: FindingId) -> bool {
        self.notices.iter().any(|notice| notice.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: LogLine) -> (String, String) {
        let entry = line.at(DateTime::constant(1996, 3, 13, 15, 32, 50, 0));
        (entry.text_line(), entry.numeric_line())
    }

    // rule: dsp:R-LOG-003
    // rule: dsp:TV-LOG-2
    #[test]
    fn tv_log_2_lines_have_both_published_forms() {
        assert_eq!(
            line(LogLine::message(105, "0")),
            (
                "03/13/96 15:32:50 | Status       Requestor updates received: 0".into(),
                "03/13/96 15:32:50 | 1 105 0".into()
            )
        );
        assert_eq!(
            line(LogLine::message(167, "PCM,SNADS,X400,SMTP")).0,
            "03/13/96 15:32:50 | Status       Server updates requested for address types: PCM,SNADS,X400,SMTP"
        );
        assert_eq!(
            line(LogLine::message(171, "")),
            (
                "03/13/96 15:32:50 | Status       No requestor updates to send".into(),
                "03/13/96 15:32:50 | 1 171".into()
            )
        );
    }

    // rule: dec:DEC-056
    // rule: dsp:TV-LOG-6
    #[test]
    fn severities_are_those_of_the_printed_lines() {
        for (code, argument, text) in [
            (
                138,
                "(0)",
                "Error  [138] Server sync does not exist anymore (0)",
            ),
            (
                139,
                "1300 (0->1299)",
                "Error  [139] Number of missing transactions = 1300 (0->1299)",
            ),
            (158, "PCM:", "Error  [158] Requestor not registered : PCM:"),
            (118, "", "Fatal  [118] Transaction limit reached"),
        ] {
            let (line, _) = line(LogLine::message(code, argument));
            assert_eq!(line, format!("03/13/96 15:32:50 | {text}"));
        }
    }
}
