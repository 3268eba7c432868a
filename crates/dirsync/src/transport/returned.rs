//! Mail that cannot be delivered: the report to its sender and the entry in `LOG/SYSTEM.LOG`.
//!
//! The texts of the codes come from the catalogue (`[002]` and so on); the entry has the form of
//! Q99204, the report that of Q147471: from `POSTMASTER`, subject `Mail failure`. Nobody answers a
//! report with a report (Q175447), and `$SYSTEM` reads none: about system mail the administrator of
//! the postoffice that gave up is told (R-ERR-008, R-ERR-009).

use jiff::civil::DateTime;

use crate::core::base::address::{Address, MailboxName, PoName};
use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::base::codepage::escape_bytes_850;
use crate::core::base::time::UnixTime;
use crate::core::format::body::without_passwords;
use crate::core::format::p1::P1;
use crate::postoffice::mail::Outgoing;

use super::log::{clock, date_dashes};

/// The subject of a report (Q147471).
pub const SUBJECT: &[u8] = b"Mail failure";
/// Bytes of the original text that a report repeats (ASSIGNED).
const TEXT_LIMIT_BYTES: usize = 64 << 10;
/// The line between two entries of SYSTEM.LOG (Q99204).
const ENTRY_RULE: &str = "-------------------------------------------------------------------";

/// Why recipients do not get a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code, for example 2 for `[002]`.
    pub code: u16,
    /// The recipients, as the envelope names them.
    pub recipients: Vec<Vec<u8>>,
    /// What the text of the code ends with: the postoffice that cannot be reached, for `[005]`
    /// (Q117152), or a reason.
    pub detail: Option<String>,
}

impl Failure {
    /// A failure without more to say.
    #[must_use]
    pub fn new(code: u16, recipients: Vec<Vec<u8>>) -> Self {
        Self {
            code,
            recipients,
            detail: None,
        }
    }
}

/// A message some recipients of which do not get it.
#[derive(Debug, Clone)]
pub struct Returned<'a> {
    /// The postoffice that gives up.
    pub here: PoName,
    /// The envelope.
    pub p1: &'a P1,
    /// Why, at least one.
    pub failures: Vec<Failure>,
}

impl Returned<'_> {
    /// What happened, code by code, as report and log show it.
    fn reasons(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for failure in &self.failures {
            let entry = lookup_code(Family::Transport, i32::from(failure.code));
            let text = entry.map_or("", |entry| entry.text);
            lines.push(format!("[{:03}] {text}", failure.code));
            lines.extend(failure.detail.clone());
            let route = || {
                let own = self.here.to_bytes();
                let mut route: Vec<String> = self
                    .p1
                    .trace
                    .iter()
                    .map(|po| escape_bytes_850(po))
                    .collect();
                route.push(escape_bytes_850(&own));
                route
            };
            match failure.code {
                3 => {
                    lines.extend(route());
                    lines.push("while attempting to send to the following addresses:".into());
                }
                4 => {
                    lines.push("Message followed the following route:".into());
                    lines.extend(route());
                    lines.push("Attempted to send to the following addresses:".into());
                }
                _ => lines.push("Mail item was not delivered to:".into()),
            }
            lines.extend(failure.recipients.iter().map(|name| escape_bytes_850(name)));
        }
        lines
    }

    /// Who is told: the sender, `administrator` for system mail, nobody about a report.
    #[must_use]
    pub fn addressee(&self, administrator: Option<&MailboxName>) -> Option<Address> {
        let sender = Address::parse(&self.p1.originator).ok()?;
        let mailbox = sender.mailbox()?;
        if mailbox.text().eq_ignore_ascii_case(b"POSTMASTER") {
            return None;
        }
        if mailbox.is_special() {
            return administrator.map(|admin| Address::pcm(self.here, *admin));
        }
        Some(sender)
    }

    /// The report; `text` is the text of the message.
    #[must_use]
    pub fn report(&self, to: Address, text: &[u8], time: DateTime, now: UnixTime) -> Outgoing {
        let recipients: Vec<String> = self
            .failures
            .iter()
            .flat_map(|failure| failure.recipients.iter().map(|name| escape_bytes_850(name)))
            .collect();
        let mut lines = vec![
            format!("FROM: {}", escape_bytes_850(&self.p1.originator)),
            format!("TO: {}", recipients.join(", ")),
            format!("DATE: {}", date_dashes(time)),
            format!("TIME: {}", clock(time)),
            String::new(),
            format!("SUBJECT: {}", escape_bytes_850(&self.p1.subject)),
            String::new(),
            "-".repeat(64),
            String::new(),
        ];
        lines.extend(self.reasons());
        lines.push(String::new());
        let mut body: Vec<u8> = lines
            .iter()
            .flat_map(|line| {
                let mut bytes = crate::core::base::CodePage::Cp850.encode_lossy(line).bytes;
                bytes.extend_from_slice(b"\r\n");
                bytes
            })
            .collect();
        let text = &text[..text.len().min(TEXT_LIMIT_BYTES)];
        // The administrator is told about a request, not its password.
        let special = Address::parse(&self.p1.originator)
            .ok()
            .and_then(|sender| sender.mailbox())
            .is_some_and(|mailbox| mailbox.is_special());
        if special {
            body.extend_from_slice(&without_passwords(text));
        } else {
            body.extend_from_slice(text);
        }
        let postmaster = MailboxName::read(b"POSTMASTER").unwrap_or_else(|_| MailboxName::system());
        Outgoing {
            text: body,
            non_delivery: true,
            ..Outgoing::new(Address::pcm(self.here, postmaster), vec![to], SUBJECT, now)
        }
    }

    /// The entry of SYSTEM.LOG. `told` says whether a report is on its way.
    #[must_use]
    pub fn log_entry(&self, time: DateTime, told: bool) -> String {
        let mut lines = vec![
            format!("System log entry on: {} {}", date_dashes(time), clock(time)),
            "External program has detected a mail problem.".to_owned(),
        ];
        if !told {
            lines.push("Failure queuing diagnostic data back to sender due to:".into());
            lines.push(" External program has detected a mail problem.".into());
        }
        let sent = UnixTime(self.p1.date)
            .zoned(&jiff::tz::TimeZone::UTC)
            .datetime();
        lines.push("Message data:".into());
        lines.push(format!(" From: {}", escape_bytes_850(&self.p1.originator)));
        lines.push(format!(" Date: {}", date_dashes(sent)));
        lines.push(format!(" Time: {}", clock(sent)));
        lines.push(format!(" Subject: {}", escape_bytes_850(&self.p1.subject)));
        lines.extend(self.reasons());
        lines.push(ENTRY_RULE.to_owned());
        lines.join("\r\n") + "\r\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::base::HexId;
    use crate::core::format::mai::Mai;

    fn p1() -> P1 {
        let mai = Mai::new(b"TELECOM/NTNETCU1/POSTMASTER", 737_379_120, b"x".to_vec())
            .subject(b"Mail failure");
        P1::for_message(&mai, HexId(1), vec![b"TELECOM/NTNETCU1/PROBE".to_vec()])
    }

    // rule: tra:R-ERR-008
    #[test]
    fn an_entry_has_the_published_lines() {
        let published = include_str!("../../../../fixtures/logs/q99204-system-log.txt");
        let p1 = p1();
        let returned = Returned {
            here: "TELECOM/NTNETCU1".parse().unwrap(),
            p1: &p1,
            failures: vec![Failure::new(16, vec![b"Mail Probe".to_vec()])],
        };
        // The date of the message is the published one, too.
        let time = jiff::civil::date(1993, 5, 14).at(11, 32, 0, 0);
        let entry = returned.log_entry(time, false);
        // The print mixes the margins; the second entry of the two is the one with [016].
        let lines = |text: &str| -> Vec<String> {
            text.lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty() && !line.starts_with("----"))
                .collect()
        };
        let published = lines(published);
        let second = published
            .iter()
            .rposition(|line| line.starts_with("System log entry"))
            .unwrap();
        assert_eq!(lines(&entry), published[second..]);
        // Nobody answers a report with a report.
        assert_eq!(returned.addressee(None), None);
    }

    // rule: tra:R-ERR-001
    // rule: tra:OQ-10
    #[test]
    fn used_up_attempts_name_the_destination_as_published() {
        let published = include_str!("../../../../fixtures/logs/q136004-system-log.txt");
        let p1 = p1();
        let mut failure = Failure::new(5, vec![b"MAILNET/MAILPO/X".to_vec()]);
        failure.detail = Some("MAILNET /MAILPO".to_owned());
        let returned = Returned {
            here: "TELECOM/NTNETCU1".parse().unwrap(),
            p1: &p1,
            failures: vec![failure],
        };
        let time = jiff::civil::date(1995, 7, 6).at(9, 1, 0, 0);
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = published
            .lines()
            .find(|line| line.contains("[005]"))
            .unwrap();
        let entry = words(&returned.log_entry(time, true));
        assert!(entry.contains(&words(line)), "{entry}");
        // Codes that were never published are not made up.
        for code in [6, 10, 11, 14, 15, 19, 20, 22, 25, 26, 27, 28] {
            assert!(
                lookup_code(Family::Transport, code).is_none(),
                "[{code:03}]"
            );
        }
    }

    // rule: tra:R-RTE-006
    #[test]
    fn a_report_names_the_route() {
        let published = include_str!("../../../../fixtures/logs/q147471-ndr.txt");
        let mut p1 = p1();
        p1.originator = b"NETCAD/HBPO01/ANN".to_vec();
        let route: Vec<&str> = published
            .lines()
            .skip_while(|line| !line.starts_with("[003]"))
            .skip(1)
            .take_while(|line| !line.is_empty())
            .collect();
        let (last, passed) = route.split_last().unwrap();
        p1.trace = passed.iter().map(|po| po.as_bytes().to_vec()).collect();
        let returned = Returned {
            here: last.parse().unwrap(),
            p1: &p1,
            failures: vec![Failure::new(3, vec![b"<net>/<po>/<mailbox>".to_vec()])],
        };
        let time = jiff::civil::date(1996, 5, 23).at(15, 22, 0, 0);
        let to = returned.addressee(None).unwrap();
        let report = returned.report(to, b"text\r\n", time, UnixTime(1));
        let text = String::from_utf8(report.text).unwrap();
        let tail = |text: &str| -> Vec<String> {
            text.lines()
                .skip_while(|line| !line.starts_with("----"))
                .map(str::to_owned)
                .filter(|line| !line.is_empty())
                .collect()
        };
        let mut expected = tail(published);
        expected.push("text".into());
        assert_eq!(tail(&text), expected);
        assert_eq!(report.subject, b"Mail failure");
        // System mail: the administrator is told.
        p1.originator = b"NET/PO/$SYSTEM".to_vec();
        let returned = Returned {
            here: "NETUDI/UDIPO1".parse().unwrap(),
            p1: &p1,
            failures: Vec::new(),
        };
        let admin = MailboxName::read(b"Admin").unwrap();
        let told = returned.addressee(Some(&admin)).unwrap();
        assert_eq!(told.physical(), b"NETUDI/UDIPO1/Admin");
        assert_eq!(returned.addressee(None), None);
    }
}
