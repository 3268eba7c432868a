//! What an import and a rebuild say: numbered messages, and the lines of LOG/DIRSYNC.LOG that go
//! into the same commit as the work.
//!
//! The texts come from the catalogue. First lines of the originals name the vendor (Q118447,
//! Q149271); ours name this program (ASSIGNED), the rest of each line is as documented.
//! DIRSYNC.LOG is cut to its newest half when it would pass [`LOG_LEN_LIMIT`] (ASSIGNED).

use jiff::tz::TimeZone;

use crate::core::base::UnixTime;
use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::base::codepage::CodePage;
use crate::core::base::logline::{LogEntry, LogSeverity};
use crate::core::protocol::log::LogLine;
use crate::postoffice::Edit;
use crate::tree::{TreeError, TreeView};

/// The log of a requestor.
pub const DIRSYNC_LOG: &str = "LOG/DIRSYNC.LOG";
/// What the requestor's next status report carries (dsp R-STA-001).
pub const DSSERVER_LOG: &str = "LOG/DSSERVER.LOG";
/// The status reports of all requestors, on the server (dsp R-STA-002).
pub const CENTRAL_LOG: &str = "LOG/CENTRAL.LOG";
/// A log is cut to its newest half when it would have more bytes.
pub const LOG_LEN_LIMIT: u64 = 4 << 20;

/// A numbered message with the severity and text of the catalogue, and what it is about.
#[must_use]
pub fn message(code: u16, argument: impl Into<String>) -> LogLine {
    let argument = argument.into();
    let entry = lookup_code(Family::Dirsync, i32::from(code));
    let severity = entry
        .and_then(|entry| entry.severity)
        .unwrap_or(LogSeverity::Error);
    // A place for the argument inside the text ends it: the argument follows.
    let text = entry.map_or("", |entry| entry.text);
    let text = text.split('<').next().unwrap_or_default().trim_end();
    LogLine {
        severity,
        code: Some(code),
        text: format!("{text} {argument}").trim().to_owned(),
        argument,
    }
}

/// The first line of an import.
#[must_use]
pub fn import_banner() -> LogLine {
    LogLine::status(concat!("dirsync Mail Import V", env!("CARGO_PKG_VERSION")))
}

/// The last line of an import (Q118447).
#[must_use]
pub fn import_finished() -> LogLine {
    LogLine::status("Import is finished.")
}

/// The lines of a rebuild that made a list of `entries` names; the last one is empty (Q148364,
/// Q149271).
#[must_use]
pub fn rebuild_lines(entries: u64, between: &[LogLine]) -> Vec<LogLine> {
    let mut lines = vec![LogLine::status(concat!(
        "dirsync Mail GAL Rebuild Utility Version ",
        env!("CARGO_PKG_VERSION")
    ))];
    lines.extend_from_slice(between);
    lines.push(LogLine::status(format!(
        "Number of entries in GAL: {entries:>8}"
    )));
    lines.push(LogLine::status(""));
    lines
}

/// The zone of a tree; UTC when it names none.
fn zone(view: &TreeView) -> TimeZone {
    view.marker()
        .layout()
        .and_then(|layout| {
            TimeZone::get(&layout.zone)
                .or_else(|_| TimeZone::posix(&layout.zone))
                .ok()
        })
        .unwrap_or(TimeZone::UTC)
}

/// Appends lines to DIRSYNC.LOG, at one time, in code page 850, and in numeric form to
/// DSSERVER.LOG, which the next T1 sends to the server (Q149271).
///
/// # Errors
/// A disk error.
pub fn append(edit: &mut Edit<'_>, now: UnixTime, lines: &[LogLine]) -> Result<(), TreeError> {
    append_local(edit, now, lines)?;
    let text = render(edit.view(), now, lines, LogEntry::numeric_line);
    append_bytes(edit, DSSERVER_LOG, &text)
}

/// Appends lines to DIRSYNC.LOG alone: those of a server, which reports to nobody.
///
/// # Errors
/// A disk error.
pub fn append_local(
    edit: &mut Edit<'_>,
    now: UnixTime,
    lines: &[LogLine],
) -> Result<(), TreeError> {
    let text = render(edit.view(), now, lines, LogEntry::text_line);
    append_bytes(edit, DIRSYNC_LOG, &text)
}

/// Lines at one time, in code page 850, each ended by CR LF.
#[must_use]
pub fn render(
    view: &TreeView,
    now: UnixTime,
    lines: &[LogLine],
    form: fn(&LogEntry) -> String,
) -> Vec<u8> {
    let time = now.zoned(&zone(view)).datetime();
    let mut text = Vec::new();
    for line in lines {
        let line = form(&line.clone().at(time));
        text.extend_from_slice(&CodePage::Cp850.encode_lossy(&line).bytes);
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// Appends text to a log, which is cut to its newest half when it would pass [`LOG_LEN_LIMIT`].
///
/// # Errors
/// A disk error.
pub fn append_bytes(edit: &mut Edit<'_>, path: &str, text: &[u8]) -> Result<(), TreeError> {
    if text.is_empty() {
        return Ok(());
    }
    edit.mkdir("LOG")?;
    let len = edit.view().stat(path)?.map_or(0, |stat| stat.len);
    // What this commit has begun is not cut any more; the next one will.
    let begun = edit.is_copied(path)? || !edit.appended(path)?.is_empty();
    if begun || len + text.len() as u64 <= LOG_LEN_LIMIT {
        return edit.append(path, text);
    }
    let keep = LOG_LEN_LIMIT / 2;
    let mut newest = match edit.view().open_file(path)? {
        None => Vec::new(),
        Some(file) => {
            let from = file.len().saturating_sub(keep);
            let mut bytes = vec![0; usize::try_from(file.len() - from).unwrap_or(0)];
            let n = file.read_at(&mut bytes, from)?;
            bytes.truncate(n);
            // Only whole lines.
            let start = if from == 0 {
                0
            } else {
                bytes
                    .iter()
                    .position(|&byte| byte == b'\n')
                    .map_or(bytes.len(), |at| at + 1)
            };
            bytes.split_off(start)
        }
    };
    newest.extend_from_slice(text);
    edit.replace_whole(path, newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: imp:R-IMP-040
    // rule: imp:R-IMP-041
    // rule: imp:R-IMP-043
    // rule: pof:R-GAL-009
    #[test]
    fn lines_have_the_published_form() {
        let time = jiff::civil::date(1994, 3, 22).at(15, 43, 45, 0);
        let show = |line: LogLine| line.at(time).text_line();
        assert_eq!(
            show(message(27, "Doe, John D")),
            "03/22/94 15:43:45 | Warning[ 27] Alias already exists Doe, John D"
        );
        assert_eq!(
            show(message(59, "NEWTON")),
            "03/22/94 15:43:45 | Fatal  [ 59] Error autocreating postoffice: NEWTON"
        );
        let banner = show(import_banner());
        assert!(
            banner.starts_with("03/22/94 15:43:45 | Status       dirsync Mail Import V"),
            "{banner}"
        );
        let lines = rebuild_lines(136, &[]);
        let shown: Vec<_> = lines.into_iter().map(show).collect();
        assert_eq!(
            shown[1],
            "03/22/94 15:43:45 | Status       Number of entries in GAL:      136"
        );
        assert_eq!(shown[2], "03/22/94 15:43:45 | Status");
        assert_eq!(
            show(import_finished()),
            "03/22/94 15:43:45 | Status       Import is finished."
        );
    }
}
