//! Status reports: what of a requestor's DSSERVER.LOG goes into CENTRAL.LOG (dsp section 9).
//!
//! The attachment is somebody else's file and may hold anything: SRVMAIN 3.2a trapped on a corrupt
//! one (Q125918). Only lines of the numeric form (DEC-109) are merged, so CENTRAL.LOG stays a log
//! that can be read, and no requestor can write the heading of another one's report. What had to be
//! left out is said in Warning 128.

use crate::base::codepage::CodePage;
use crate::base::logline::read_numeric_line;

/// Longest line that is merged, in bytes (ASSIGNED; a line holds an argument of at most one record).
pub const LINE_LEN_MAX: usize = 1024;

/// What a report brings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The lines as they came, each ended by CR LF.
    pub lines: Vec<u8>,
    /// Lines that are none of a log and were left out.
    pub left_out: u64,
}

/// Reads the attachment of a status report in code page 850. `cut`: it is the end of a longer one,
/// so the first line may be a part.
#[must_use]
pub fn read_report(attachment: &[u8], cut: bool) -> Report {
    let mut report = Report::default();
    for (number, line) in attachment.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_part = cut && number == 0;
        if is_log_line(line) {
            report.lines.extend_from_slice(line);
            report.lines.extend_from_slice(b"\r\n");
        } else if !line.is_empty() && !is_part {
            report.left_out = report.left_out.saturating_add(1);
        }
    }
    report
}

fn is_log_line(line: &[u8]) -> bool {
    line.len() <= LINE_LEN_MAX
        && !line.iter().any(|&byte| byte < 0x20 || byte == 0x7F)
        && read_numeric_line(&CodePage::Cp850.decode(line)).is_some_and(|line| line.time.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLE: &[u8] = include_bytes!("../../../../fixtures/logs/q149271-dsserver-log.txt");

    // rule: dsp:TV-LOG-2
    // rule: dsp:R-STA-002
    #[test]
    fn the_published_report_is_merged_whole() {
        let report = read_report(SAMPLE, false);
        assert_eq!(report.left_out, 0);
        let lines = |bytes: &[u8]| -> Vec<String> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.lines()
                .map(|line| line.trim_end().to_owned())
                .collect()
        };
        assert_eq!(lines(&report.lines), lines(SAMPLE));
        assert!(report.lines.ends_with(b"\r\n"));
    }

    // rule: dsp:R-BUG-03
    #[test]
    fn what_is_no_line_is_left_out_and_counted() {
        let good = b"03/13/96 15:27:08 | 1 171";
        for bad in [
            &b"03/13/96 15:27:08 | Status       Report from NET/OTHER/$SYSTEM"[..],
            b"03/13/96 15:27:08 | 1 171\x1b[2J",
            b"| 1 171",
            b"\0\0\0\0",
            b"hello",
            &[b'x'; 5000],
        ] {
            let text = [good, bad, good].join(&b"\r\n"[..]);
            let report = read_report(&text, false);
            assert_eq!(report.left_out, 1, "{bad:?}");
            assert_eq!(report.lines, [&good[..], &good[..], b""].join(&b"\r\n"[..]));
        }
        let cut = [&b"6 15:27:08 | 1 171\r\n"[..], good].concat();
        assert_eq!(read_report(&cut, true).left_out, 0);
        assert_eq!(read_report(b"", false), Report::default());
    }

    proptest! {
        // rule: dsp:R-BUG-03
        #[test]
        fn what_is_merged_is_merged_again_unchanged(bytes: Vec<u8>, lines in "([0-9/]{8} [0-9:]{8} \\| [1-4] [0-9 ]{3} ?.{0,4}\r?\n){0,4}") {
            for bytes in [bytes, lines.into_bytes()] {
                let once = read_report(&bytes, false);
                let again = read_report(&once.lines, false);
                prop_assert_eq!(&again.lines, &once.lines);
                prop_assert_eq!(again.left_out, 0);
            }
        }
    }
}
