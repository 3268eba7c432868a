//! DISPATCH.LOG: what the dispatcher says, in the words of the original.
//!
//! A line is `[INSTANCE ]mm/dd/yy hh:mm text`, on the screen `[hh:mm] text` (Q148705, Q139034,
//! Q194602). The network and the postoffice have a backslash between them here, a slash in the
//! logs of the steps. The log lies in LOG of the home postoffice, where the dispatcher logs to
//! (dsp R-LOG-008); it is cut to its newest half as the other logs are.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::core::base::UnixTime;
use crate::core::base::codepage::CodePage;
use crate::core::base::logline::{dispatch_line, stamp_minutes};
use crate::core::format::process::ProcessId;
use crate::import::log::append_bytes;
use crate::postoffice::Edit;
use crate::tree::TreeError;

use super::super::step::Step;

/// The log of the dispatcher.
pub const DISPATCH_LOG: &str = "LOG/DISPATCH.LOG";
/// Said of a postoffice whose PROCESS.GLB cannot be read (Q149451).
pub const NO_TABLE: &str = "Failure while accessing the process table.";
/// The exit code of a step that went well (Q139034, DEC-107).
pub const NORMAL: u8 = 64;
/// The exit code of every other step (Q148705, DEC-107).
pub const ABNORMAL: u8 = 65;

/// `-RT`, `-S`, `-RR`: what NSDA is called with.
fn option(step: Step) -> &'static str {
    match step {
        Step::T1 => ProcessId::T1,
        Step::T2 => ProcessId::T2,
        Step::T3 => ProcessId::T3,
    }
    .option()
}

/// `Checking the process table on NET1\PO1`.
#[must_use]
pub fn checking(postoffice: &str) -> String {
    let name = postoffice.replace('/', "\\");
    format!("Checking the process table on {name}")
}

/// `Running "NSDA -RT"`.
#[must_use]
pub fn running(step: Step) -> String {
    format!("Running \"NSDA {}\"", option(step))
}

/// `"NSDA -RT" terminated normally with exit code 64`.
#[must_use]
pub fn terminated(step: Step, normally: bool) -> String {
    let (how, code) = if normally {
        ("normally", NORMAL)
    } else {
        ("abnormally", ABNORMAL)
    };
    format!(
        "\"NSDA {}\" terminated {how} with exit code {code}",
        option(step)
    )
}

/// Said when another dispatcher has made the step already (our words).
#[must_use]
pub fn left(step: Step) -> String {
    format!("\"NSDA {}\" was run by another dispatcher", option(step))
}

/// `NSDA-RT Missed its run Window` (DEC-111).
#[must_use]
pub fn missed_line(step: Step) -> String {
    format!("NSDA{} Missed its run Window", option(step))
}

/// What the screen shows first: `Started: 11/14/95 13:13`, the zone and the home postoffice.
#[must_use]
pub fn started(time: DateTime, zone: &str, home: &str) -> [String; 3] {
    [
        format!("Started: {}", stamp_minutes(time)),
        format!("Dispatch time zone is: {zone}"),
        format!("Home postoffice is: {home}"),
    ]
}

/// A text with the time of the log.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// Name of the instance, put in front of each line.
    pub instance: Option<String>,
    /// The dispatcher's zone.
    pub zone: TimeZone,
}

impl Stamp {
    /// The line of DISPATCH.LOG.
    #[must_use]
    pub fn line(&self, now: UnixTime, text: &str) -> String {
        dispatch_line(
            self.instance.as_deref(),
            now.zoned(&self.zone).datetime(),
            text,
        )
    }

    /// The line of the screen.
    #[must_use]
    pub fn screen(&self, now: UnixTime, text: &str) -> String {
        let time = now.zoned(&self.zone);
        format!("[{:02}:{:02}] {text}", time.hour(), time.minute())
    }
}

/// Appends lines to DISPATCH.LOG.
///
/// # Errors
/// A disk error.
pub fn append(edit: &mut Edit<'_>, lines: &[String]) -> Result<(), TreeError> {
    let mut text = Vec::new();
    for line in lines {
        text.extend_from_slice(&CodePage::Cp850.encode_lossy(line).bytes);
        text.extend_from_slice(b"\r\n");
    }
    append_bytes(edit, DISPATCH_LOG, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::base::zone::parse_zone;

    // rule: dsp:R-LOG-005
    // rule: tra:R-LOG-004
    // rule: dec:DEC-111
    #[test]
    fn the_published_lines() {
        let printed = [
            include_str!("../../../../../fixtures/logs/q139034-dispatch-log.txt"),
            include_str!("../../../../../fixtures/logs/q148705-dispatch-log.txt"),
            include_str!("../../../../../fixtures/logs/q148718-dispatch-log.txt"),
            include_str!("../../../../../fixtures/logs/q149451-dispatch-log.txt"),
            include_str!("../../../../../fixtures/logs/q194602-dispatch-screen.txt"),
        ]
        .concat();
        for text in [
            missed_line(Step::T1),
            missed_line(Step::T2),
            missed_line(Step::T3),
            NO_TABLE.to_owned(),
            running(Step::T1),
            terminated(Step::T1, true),
        ] {
            assert!(printed.lines().any(|line| line == text), "{text}");
        }
        let stamp = Stamp {
            instance: Some("INST1".to_owned()),
            zone: parse_zone("PST8PDT").unwrap(),
        };
        let now: UnixTime = "1996-02-02T13:18:30-08:00".parse().unwrap();
        let line = stamp.line(now, &checking("NET1/PO1"));
        assert!(printed.lines().any(|known| known == line), "{line}");
        // The article leaves the process open: `NSDA - xx`.
        let line = stamp
            .line(now, &terminated(Step::T2, false))
            .replace("-S", "- xx");
        assert!(printed.lines().any(|known| known == line), "{line}");
        let now: UnixTime = "1995-11-14T13:13:00-08:00".parse().unwrap();
        for text in started(now.zoned(&stamp.zone).datetime(), "PST8PDT", "h") {
            let line = stamp.screen(now, &text);
            assert!(printed.lines().any(|known| known == line), "{line}");
        }
    }

    // rule: dsp:R-LOG-004
    // rule: dsp:R-BUG-26
    // rule: dsp:TV-LOG-1
    #[test]
    fn the_new_year_of_2000_has_two_digits() {
        let stamp = Stamp {
            instance: None,
            zone: TimeZone::UTC,
        };
        let now: UnixTime = "2000-01-01T00:05:00Z".parse().unwrap();
        assert_eq!(stamp.line(now, "x"), "01/01/00 00:05 x");
    }
}
