//! The line forms of the logs that stand inside trees.
//!
//! | log | form | example |
//! |---|---|---|
//! | DIRSYNC.LOG | text | `03/22/94 15:43:45 \| Warning[ 27] Alias already exists Doe, John D` |
//! | DSSERVER.LOG, CENTRAL.LOG | numeric | `03/13/96 15:32:50 \| 1 105 0` |
//! | DISPATCH.LOG | dispatch | `INST1 02/02/96 13:18 Running "NSDA -RT"` |
//!
//! DOCUMENTED: both stamps, the 13 columns of the tag, severities 1 and 2, −1 for free text
//! (Q118447, Q149271, Q148705). ASSIGNED: severities 3 and 4 (DEC-109). Years have two digits
//! (DEC-108). Lines come without line end, in Unicode; the writer adds CR LF and code page 850.
//! Control characters in names are escaped, so that no name can forge a second line.

use jiff::civil::DateTime;

use super::codepage::escape_for_terminal;
use super::time::{read_log_stamp, two_digit_year};

/// The severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogSeverity {
    /// Progress and information.
    Status,
    /// The run cannot go on.
    Fatal,
    /// Something was not done.
    Error,
    /// Something was done differently.
    Warning,
}

impl LogSeverity {
    /// All four, by digit.
    pub const ALL: [Self; 4] = [Self::Status, Self::Fatal, Self::Error, Self::Warning];

    /// The digit of the numeric form (DEC-109).
    #[must_use]
    pub fn digit(self) -> u8 {
        match self {
            Self::Status => 1,
            Self::Fatal => 2,
            Self::Error => 3,
            Self::Warning => 4,
        }
    }

    /// The label of the text form.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Status => "Status",
            Self::Fatal => "Fatal",
            Self::Error => "Error",
            Self::Warning => "Warning",
        }
    }

    /// The severity of a label, in any case.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.label().eq_ignore_ascii_case(label))
    }
}

/// One event to log, with what both forms need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Local time of the tree.
    pub time: DateTime,
    /// The severity.
    pub severity: LogSeverity,
    /// The message number; `None` for free text.
    pub code: Option<u16>,
    /// What the text form says: the message with its argument, or the free text.
    pub text: String,
    /// What the numeric form says behind the code: the argument alone; not used for free text.
    pub argument: String,
}

impl LogEntry {
    /// Free text, as a program's banner: `Microsoft (R) Mail Import V3.2`.
    #[must_use]
    pub fn free(time: DateTime, severity: LogSeverity, text: impl Into<String>) -> Self {
        Self {
            time,
            severity,
            code: None,
            text: text.into(),
            argument: String::new(),
        }
    }

    /// A numbered message. The text is the message as it is to be read, argument included.
    #[must_use]
    pub fn message(
        time: DateTime,
        severity: LogSeverity,
        code: u16,
        text: impl Into<String>,
        argument: impl Into<String>,
    ) -> Self {
        Self {
            time,
            severity,
            code: Some(code),
            text: text.into(),
            argument: argument.into(),
        }
    }

    /// The line of DIRSYNC.LOG (DEC-110): label in 7 columns and `[%3d] `, or `Status` and 7
    /// blanks; blanks in place of the number for free text.
    #[must_use]
    pub fn text_line(&self) -> String {
        let tag = match (self.severity, self.code) {
            (LogSeverity::Status, _) => format!("{:<13}", self.severity.label()),
            (severity, Some(code)) => format!("{:<7}[{code:>3}] ", severity.label()),
            (severity, None) => format!("{:<7}[   ] ", severity.label()),
        };
        let text = escape_for_terminal(&self.text);
        format!("{} | {tag}{text}", stamp_seconds(self.time))
            .trim_end()
            .to_owned()
    }

    /// The line of DSSERVER.LOG and CENTRAL.LOG: severity digit, `%3d` code, argument.
    #[must_use]
    pub fn numeric_line(&self) -> String {
        let (code, rest) = match self.code {
            Some(code) => (code.to_string(), &self.argument),
            None => ("-1".to_owned(), &self.text),
        };
        let rest = escape_for_terminal(rest);
        let (stamp, digit) = (stamp_seconds(self.time), self.severity.digit());
        format!("{stamp} | {digit} {code:>3} {rest}")
            .trim_end()
            .to_owned()
    }
}

/// `mm/dd/yy hh:mm:ss`.
#[must_use]
pub fn stamp_seconds(time: DateTime) -> String {
    format!("{}:{:02}", stamp_minutes(time), time.second())
}

/// `mm/dd/yy hh:mm`.
#[must_use]
pub fn stamp_minutes(time: DateTime) -> String {
    format!(
        "{:02}/{:02}/{:02} {:02}:{:02}",
        time.month(),
        time.day(),
        two_digit_year(time.year()),
        time.hour(),
        time.minute()
    )
}

/// A line of DISPATCH.LOG; the instance is left out when there is none.
#[must_use]
pub fn dispatch_line(instance: Option<&str>, time: DateTime, text: &str) -> String {
    let text = escape_for_terminal(text);
    match instance {
        Some(instance) => format!(
            "{} {} {text}",
            escape_for_terminal(instance),
            stamp_minutes(time)
        ),
        None => format!("{} {text}", stamp_minutes(time)),
    }
}

/// What a line of DIRSYNC.LOG, DSSERVER.LOG or CENTRAL.LOG says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLine {
    /// The stamp; articles print lines without one, too.
    pub time: Option<DateTime>,
    /// The severity; `None` for a digit nobody documented.
    pub severity: Option<LogSeverity>,
    /// The message number, `None` for free text.
    pub code: Option<u16>,
    /// Text form: message and argument. Numeric form: the argument, or the free text.
    pub text: String,
}

/// Splits off the stamp and the bar.
fn body(line: &str) -> (Option<DateTime>, &str) {
    let line = line.trim_end();
    match read_log_stamp(line) {
        Some((time, rest)) => {
            let rest = rest.trim_start();
            (
                Some(time),
                rest.strip_prefix('|').unwrap_or(rest).trim_start(),
            )
        }
        None => (None, line.trim_start()),
    }
}

/// Reads a line of the text form, whatever its runs of blanks; `None` when it is none.
#[must_use]
pub fn read_text_line(line: &str) -> Option<ReadLine> {
    let (time, body) = body(line);
    let end = body
        .find(|character: char| !character.is_ascii_alphabetic())
        .unwrap_or(body.len());
    let (label, rest) = body.split_at(end);
    let severity = LogSeverity::from_label(label)?;
    let rest = rest.trim_start();
    let (code, text) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((code, text)) => match code.trim() {
            "" => (None, text),
            digits => (Some(digits.parse().ok()?), text),
        },
        None => (None, rest),
    };
    Some(ReadLine {
        time,
        severity: Some(severity),
        code,
        text: text.trim_start().to_owned(),
    })
}

/// Reads a line of the numeric form; `None` when it is none.
#[must_use]
pub fn read_numeric_line(line: &str) -> Option<ReadLine> {
    let (time, body) = body(line);
    let (severity, rest) = body.split_once(' ')?;
    let severity: u8 = severity.parse().ok()?;
    let rest = rest.trim_start();
    let (code, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = match code {
        "-1" => None,
        digits => Some(digits.parse().ok()?),
    };
    Some(ReadLine {
        time,
        severity: LogSeverity::ALL
            .into_iter()
            .find(|known| known.digit() == severity),
        code,
        text: text.trim_start().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../../../fixtures/logs/", $name))
        };
    }

    // rule: dec:DEC-110
    // rule: dsp:R-LOG-001
    #[test]
    fn text_lines_are_those_of_the_articles() {
        for file in [
            fixture!("q118447-dirsync-log.txt"),
            fixture!("q149271-dirsync-log.txt"),
        ] {
            for line in file.lines() {
                let read = read_text_line(line).unwrap();
                let entry = LogEntry {
                    time: read.time.unwrap(),
                    severity: read.severity.unwrap(),
                    code: read.code,
                    text: read.text,
                    argument: String::new(),
                };
                assert_eq!(entry.text_line(), line);
            }
        }
        let alias =
            read_text_line(fixture!("q118447-dirsync-log.txt").lines().nth(1).unwrap()).unwrap();
        assert_eq!(alias.code, Some(27));
        assert_eq!(alias.text, "Alias already exists Doe, John D");
        let time = DateTime::constant(1994, 10, 24, 14, 32, 18, 0);
        let long = LogEntry::message(
            time,
            LogSeverity::Error,
            20,
            "Address element is too long: X",
            "X",
        );
        assert_eq!(
            long.text_line(),
            "10/24/94 14:32:18 | Error  [ 20] Address element is too long: X"
        );
    }

    // rule: dec:DEC-109
    // rule: dsp:R-LOG-002
    // rule: dsp:R-LOG-003
    // rule: imp:R-IMP-042
    #[test]
    fn numeric_lines_are_those_of_the_articles() {
        let mut codes = Vec::new();
        for line in fixture!("q149271-dsserver-log.txt").lines() {
            let read = read_numeric_line(line).unwrap();
            codes.push(read.code);
            let entry = match read.code {
                Some(code) => {
                    LogEntry::message(read.time.unwrap(), LogSeverity::Status, code, "", read.text)
                }
                None => LogEntry::free(read.time.unwrap(), LogSeverity::Status, read.text),
            };
            assert_eq!(entry.numeric_line(), line);
        }
        assert_eq!(
            codes.iter().flatten().collect::<Vec<_>>(),
            [&167, &171, &105]
        );
    }

    // rule: dsp:TV-LOG-4
    // rule: dsp:R-LOG-003
    #[test]
    fn tv_log_4_both_forms_of_one_run_say_the_same() {
        let text: Vec<_> = fixture!("q148705-locked-text.txt")
            .lines()
            .map(|l| read_text_line(l).unwrap())
            .collect();
        let numeric: Vec<_> = fixture!("q148705-locked-numeric.txt")
            .lines()
            .map(|l| read_numeric_line(l).unwrap())
            .collect();
        assert_eq!(text.len(), numeric.len());
        for (text, numeric) in text.iter().zip(&numeric) {
            assert_eq!(text.time, numeric.time);
            assert_eq!(text.severity, numeric.severity);
            assert!(text.text.ends_with(&numeric.text), "{text:?} {numeric:?}");
        }
        assert_eq!(text[2].code, Some(91));
        assert_eq!(numeric[2].text, "ADMIN");
        // Who holds it: lines of free text, whose severity is that of the message.
        let free: Vec<_> = text[3..6]
            .iter()
            .map(|line| (line.severity, line.code))
            .collect();
        assert_eq!(free, [(Some(LogSeverity::Fatal), None); 3]);
        let entry = LogEntry::free(text[5].time.unwrap(), LogSeverity::Fatal, &text[5].text);
        let line = entry.text_line();
        assert!(
            line.ends_with("| Fatal  [   ] FLAG.GLB is locked open."),
            "{line}"
        );
        assert!(
            entry
                .numeric_line()
                .ends_with("| 2  -1 FLAG.GLB is locked open.")
        );
    }

    /// A numbered message as the catalogue has it.
    fn numbered(time: DateTime, code: u16, argument: &str) -> LogEntry {
        use crate::base::catalogue::{Family, lookup_code};
        let entry = lookup_code(Family::Dirsync, code.into()).unwrap();
        let text = entry.text.trim_end_matches(':');
        let colon = if entry.text.ends_with(':') || code == 20 {
            ": "
        } else {
            " "
        };
        let text = format!("{text}{colon}{argument}");
        LogEntry::message(time, entry.severity.unwrap(), code, text, argument)
    }

    // rule: dsp:TV-LOG-1
    // rule: dsp:R-LOG-004
    // rule: dsp:R-BUG-26
    #[test]
    fn tv_log_1_years_have_two_digits_after_1999_too() {
        let stamp =
            |year, month, day| stamp_seconds(DateTime::constant(year, month, day, 9, 8, 7, 0));
        assert_eq!(stamp(2000, 1, 1), "01/01/00 09:08:07");
        assert_eq!(stamp(1999, 12, 31), "12/31/99 09:08:07");
        assert_eq!(stamp(2009, 2, 28), "02/28/09 09:08:07");
        assert_eq!(stamp(2000, 2, 29), "02/29/00 09:08:07");
        let status = LogEntry::free(
            DateTime::constant(2000, 1, 1, 0, 0, 0, 0),
            LogSeverity::Status,
            "Import is finished.",
        );
        for line in [status.text_line(), status.numeric_line()] {
            assert!(line.starts_with("01/01/00 00:00:00 | "), "{line}");
        }
    }

    // rule: dsp:TV-LOG-3
    #[test]
    fn tv_log_3_the_import_of_q118447() {
        let lines: Vec<_> = fixture!("q118447-dirsync-log.txt").lines().collect();
        let at = |second| DateTime::constant(1994, 3, 22, 15, 43, second, 0);
        let free = |second, text: &str| LogEntry::free(at(second), LogSeverity::Status, text);
        let made = [
            free(25, "Microsoft (R) Mail Import V3.2"),
            numbered(at(45), 27, "Doe, John D"),
            numbered(at(46), 27, "Doe, Jane B"),
            free(50, "Import is finished."),
        ];
        let made: Vec<_> = made.iter().map(LogEntry::text_line).collect();
        assert_eq!(made, lines);
    }

    // rule: dsp:TV-LOG-7
    #[test]
    fn tv_log_7_an_element_that_is_too_long_and_a_file_that_cannot_be_renamed() {
        let folded = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let long = numbered(
            DateTime::constant(1994, 10, 24, 14, 32, 18, 0),
            20,
            "<Group Address Name>",
        );
        assert_eq!(
            folded(&long.text_line()),
            "10/24/94 14:32:18 | Error [ 20] Address element is too long: <Group Address Name>"
        );
        let at = DateTime::constant(1995, 6, 12, 16, 52, 23, 0);
        let rename = numbered(at, 7, "M:INF\\IMPORT.INF");
        assert_eq!(
            folded(&rename.text_line()),
            "06/12/95 16:52:23 | Fatal [ 7] Error renaming file: M:INF\\IMPORT.INF"
        );
        let follows = numbered(at, 90, "able");
        assert_eq!(
            (follows.severity, follows.text.as_str()),
            (LogSeverity::Warning, "Transaction not processed able")
        );
        for entry in [long, rename] {
            let read = read_text_line(&entry.text_line()).unwrap();
            assert_eq!((read.code, read.text), (entry.code, entry.text));
        }
    }

    // rule: dsp:TV-LOG-8
    #[test]
    fn tv_log_8_lines_of_both_versions_are_read() {
        use LogSeverity::{Error, Warning};
        let read = |line: &str| {
            let read = read_text_line(line).unwrap();
            (read.severity.unwrap(), read.code, read.text)
        };
        let old = "Warning [ 4] Error reading file: MSTTRANS";
        assert_eq!(
            read(old),
            (Warning, Some(4), "Error reading file: MSTTRANS".into())
        );
        let text = "Could not find the specified sync number PCM:Net/PO";
        let old = format!("Error [ 129] {text}");
        assert_eq!(read(&old), (Error, Some(129), text.into()));
        let lines: Vec<_> = fixture!("q108067-dirsync-log-32.txt")
            .lines()
            .map(read)
            .collect();
        assert_eq!(lines[0], (Error, None, "PCM:Net/PO".into()));
        assert_eq!(lines[1].1, Some(138));
        assert_eq!(lines[2].1, Some(139));
    }

    // rule: dsp:R-LOG-001
    #[test]
    fn loose_lines_are_read() {
        let codes = |file: &str| -> Vec<_> {
            file.lines()
                .map(|line| read_text_line(line).map(|read| (read.severity.unwrap(), read.code)))
                .collect()
        };
        use LogSeverity::{Error, Fatal, Status, Warning};
        assert_eq!(
            codes(fixture!("q119017-dirsync-log.txt")),
            [
                (Status, None),
                (Warning, Some(2)),
                (Fatal, Some(40)),
                (Warning, Some(152)),
                (Status, None)
            ]
            .map(Some)
        );
        assert_eq!(
            codes(fixture!("q108067-dirsync-log-32.txt")),
            [(Error, None), (Error, Some(138)), (Error, Some(139))].map(Some)
        );
        assert_eq!(
            codes(fixture!("q123398-dirsync-log.txt")),
            [Some((Error, Some(20)))]
        );
        assert_eq!(
            codes(fixture!("q99268-dirsync-log-noname.txt")),
            [Some((Error, Some(158)))]
        );
        assert_eq!(read_text_line("Alias already exists"), None);
        assert_eq!(read_numeric_line("Status x"), None);
    }

    // rule: dec:DEC-108
    // rule: imp:R-IMP-048
    // rule: dec:DEC-111
    #[test]
    fn dispatch_lines_carry_instance_and_minutes() {
        let lines: Vec<_> = fixture!("q148705-dispatch-log.txt").lines().collect();
        let time = DateTime::constant(1996, 2, 2, 13, 18, 59, 0);
        assert_eq!(
            dispatch_line(
                Some("INST1"),
                time,
                "Checking the process table on NET1\\PO1"
            ),
            lines[0]
        );
        let missed = fixture!("q148718-dispatch-log.txt").lines().next().unwrap();
        let turn = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);
        assert_eq!(
            dispatch_line(None, turn, missed),
            "01/01/00 00:00 NSDA-RT Missed its run Window"
        );
    }

    // rule: dec:DEC-110
    #[test]
    fn names_cannot_forge_lines() {
        let time = DateTime::constant(1994, 4, 7, 12, 13, 52, 0);
        let entry = LogEntry::message(
            time,
            LogSeverity::Warning,
            27,
            "Alias already exists a\r\n04/07",
            "a\r\nb",
        );
        assert!(!entry.text_line().contains(['\r', '\n']));
        assert!(entry.numeric_line().ends_with("| 4  27 a\\x0D\\x0Ab"));
        assert_eq!(
            LogEntry::free(time, LogSeverity::Fatal, "FLAG.GLB is locked open.").text_line(),
            "04/07/94 12:13:52 | Fatal  [   ] FLAG.GLB is locked open."
        );
    }

    proptest! {
        // rule: dec:DEC-110
        #[test]
        fn lines_round_trip(
            seconds in 315_532_800u32..=3_471_292_799,
            severity in prop::sample::select(LogSeverity::ALL.to_vec()),
            code in proptest::option::of(0u16..1000),
            text in "([!-Z^-~][ -~]{0,30}[!-~])?",
        ) {
            let time = crate::base::UnixTime(seconds).zoned(&jiff::tz::TimeZone::UTC).datetime();
            let entry = LogEntry { time, severity, code, text: text.clone(), argument: text.clone() };
            let read = read_numeric_line(&entry.numeric_line()).unwrap();
            prop_assert_eq!((read.time, read.severity, read.code, read.text), (Some(time), Some(severity), code, text.clone()));
            let read = read_text_line(&entry.text_line()).unwrap();
            // The text form of a Status line shows no number.
            let shown = code.filter(|_| severity != LogSeverity::Status);
            prop_assert_eq!((read.time, read.severity, read.code, read.text), (Some(time), Some(severity), shown, text));
        }

        // rule: dsp:R-LOG-001
        #[test]
        fn arbitrary_lines_never_panic(line: String, almost in "[0-9/]{0,9} ?[0-9:]{0,9}[| ]{0,3}[A-Za-z0-9]{0,8}\\[?[0-9 ]{0,4}\\]?.{0,5}") {
            for line in [&line, &almost] {
                let _ = read_text_line(line);
                let _ = read_numeric_line(line);
            }
        }
    }
}
