//! Logs of the mail transport inside a tree, written in the commit they tell of.
//!
//! | log | line | source |
//! |---|---|---|
//! | `LOG/SESSION.LOG` | `06-01-93 09:58 From: NETWORK/CORPORATE` | Q100826 |
//! | `LOG/SENT.LOG` | date, size, sender, recipient, stem here, stem there | Q151215 |
//! | `LOG/RECV.LOG` | date, size, sender, recipient, `*`, stem here | Q151215 |
//! | `LOG/SYSTEM.LOG` | entries, see [`super::returned`] | Q99204 |
//!
//! A log is cut to its newest half when it exceeds [`LOG_LIMIT_BYTES`] (ASSIGNED). Lines end with
//! CR LF, text is code page 850; control characters in names are escaped, so that no name can forge
//! a line. Drive letters are those of the articles' samples: `M:` is this postoffice, `N:` the other
//! one (ASSIGNED: our trees have no drives). Years have two digits (DEC-108).

use jiff::civil::DateTime;

use crate::core::base::address::PoName;
use crate::core::base::codepage::{CodePage, escape_bytes_850, escape_for_terminal};
use crate::core::base::ident::{HexId, mai_path, p1_path};
use crate::core::base::logline::stamp_minutes;
use crate::core::base::time::{UnixTime, parse_zone, two_digit_year};
use crate::postoffice::Edit;
use crate::tree::{TreeError, TreeView};

/// A log that is longer is cut to its newest half before something is added, in bytes.
pub const LOG_LIMIT_BYTES: u64 = 1 << 20;

/// What the transfer did.
pub const SESSION: &str = "LOG/SESSION.LOG";
/// What was sent.
pub const SENT: &str = "LOG/SENT.LOG";
/// What was received.
pub const RECV: &str = "LOG/RECV.LOG";
/// What went wrong.
pub const SYSTEM: &str = "LOG/SYSTEM.LOG";

const SENT_HEAD: &str = "DATE SENT       SIZE  SENDER                   TO\r\n\
                         ---------       ---  ------                    --\r\n";
const RECV_HEAD: &str = "DATE RECEIVED   SIZE  FROM                   TO\r\n\
                         -------------   ----  ----                   --\r\n";

/// A time on the clock of a tree (the zone of LAYOUT.TXT; UTC when it names none).
#[must_use]
pub fn local_time(view: &TreeView, now: UnixTime) -> DateTime {
    let zone = view
        .marker()
        .layout()
        .and_then(|layout| parse_zone(&layout.zone).ok())
        .unwrap_or(jiff::tz::TimeZone::UTC);
    now.zoned(&zone).datetime()
}

/// `mm-dd-yy`.
#[must_use]
pub fn date_dashes(time: DateTime) -> String {
    format!(
        "{:02}-{:02}-{:02}",
        time.month(),
        time.day(),
        two_digit_year(time.year())
    )
}

/// `hh:mm`.
#[must_use]
pub fn clock(time: DateTime) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// A line of SESSION.LOG without an instance in front (R-LOG-001).
#[must_use]
pub fn session_line(time: DateTime, text: &str) -> String {
    let text = escape_for_terminal(text);
    format!("{} {} {text}\r\n", date_dashes(time), clock(time))
}

/// A file as External names it: drive letter and backslashes.
fn drive_path(drive: char, path: &str) -> String {
    format!("{drive}:{}", path.replace('/', "\\"))
}

/// The lines of one message handed over (Q100826): `here` is the stem on this side, `there` the one
/// it got on the other.
#[must_use]
pub fn transfer_lines(time: DateTime, here: HexId, there: HexId) -> String {
    [
        format!(
            "Transferring mail: mail file is: {}.",
            drive_path('M', &mai_path(here))
        ),
        "Sending P2...".to_owned(),
        format!("Target file: {}", drive_path('N', &mai_path(there))),
        "Sending P1...".to_owned(),
        format!("Target file: {}", drive_path('N', &p1_path(there))),
        "P1 file successfully sent.".to_owned(),
    ]
    .iter()
    .map(|line| session_line(time, line))
    .collect()
}

/// What is said of a file of a network that cannot be written (Q130067).
#[must_use]
pub fn statistics_lines(time: DateTime, path: &str) -> String {
    [
        format!(
            "Unable to access {}. Check the access rights.",
            drive_path('M', path)
        ),
        "Statistics update failed.".to_owned(),
    ]
    .iter()
    .map(|line| session_line(time, line))
    .collect()
}

/// The lines before the messages of one link.
#[must_use]
pub fn sending_lines(time: DateTime, from: &PoName, to: &PoName, count: usize) -> String {
    [
        format!("Sending mail ({count})"),
        format!("From: {from}"),
        format!("To: {to}"),
    ]
    .iter()
    .map(|line| session_line(time, line))
    .collect()
}

/// The lines of a mailer that empties a queue; `queue` is `INQUEUE` or `INQUEUE3`.
#[must_use]
pub fn queue_lines(time: DateTime, own: &PoName, queue: &str, stems: &[HexId]) -> String {
    let mut lines = vec![
        format!("Delivering new mail to {own}."),
        format!("Processing received mail queue at: M: {own}."),
    ];
    for stem in stems {
        lines.push(format!(
            "INQUEUE file: {}",
            drive_path('M', &mai_path(*stem))
        ));
    }
    lines.push(format!("Delivering of mail from {queue} is complete."));
    lines.iter().map(|line| session_line(time, line)).collect()
}

/// A line of SENT.LOG.
#[must_use]
pub fn sent_line(
    time: DateTime,
    size_bytes: u32,
    from: &[u8],
    to: &[u8],
    here: HexId,
    there: HexId,
) -> String {
    let (from, to) = (escape_bytes_850(from), escape_bytes_850(to));
    format!(
        "{}  {size_bytes:<4} {from:<25} {to} {here} {there}\r\n",
        stamp_minutes(time)
    )
}

/// A line of RECV.LOG.
#[must_use]
pub fn recv_line(time: DateTime, size_bytes: u32, from: &[u8], to: &[u8], here: HexId) -> String {
    let (from, to) = (escape_bytes_850(from), escape_bytes_850(to));
    format!(
        "{}  {size_bytes:<4}  {from:<22} {to:<28} * {here}\r\n",
        stamp_minutes(time)
    )
}

/// Appends text to a log in the commit being prepared.
///
/// # Errors
/// A disk error.
pub fn append(edit: &mut Edit<'_>, path: &str, text: &str) -> Result<(), TreeError> {
    let bytes = CodePage::Cp850.encode_lossy(text).bytes;
    let len = edit.view().stat(path)?.map(|stat| stat.len);
    let head = match path {
        SENT => SENT_HEAD,
        RECV => RECV_HEAD,
        _ => "",
    };
    match len {
        None if !edit.exists(path)? => edit.append(path, head.as_bytes())?,
        Some(len) if len > LOG_LIMIT_BYTES && !edit.is_changed(path)? => {
            let keep = LOG_LIMIT_BYTES / 2;
            let half = usize::try_from(keep).unwrap_or(0);
            let tail = edit.read_part(path, len - keep, half)?.unwrap_or_default();
            let line_start = tail
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(tail.len(), |end| end + 1);
            let mut kept = head.as_bytes().to_vec();
            kept.extend_from_slice(&tail[line_start..]);
            edit.replace(path, kept)?;
        }
        _ => {}
    }
    edit.append(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        text.lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    // rule: tra:R-LOG-001
    #[test]
    fn a_transfer_is_logged_as_published() {
        let published = include_str!("../../../../fixtures/logs/q100826-session-log.txt");
        let at = |minute| jiff::civil::date(1993, 6, 1).at(9, minute, 0, 0);
        let (here, there) = (HexId(0x116), HexId(0x278));
        let from: PoName = "NETWORK/CORPORATE".parse().unwrap();
        let to: PoName = "NETWORK/MAIL".parse().unwrap();
        let mut log = sending_lines(at(58), &from, &to, 1);
        log.push_str(&transfer_lines(at(58), here, there));
        // The published clock moves on to 09:59 in the middle; ours is the one of the commit.
        let clockless = |text: &str| -> Vec<String> {
            folded(text)
                .iter()
                .map(|line| line[14..].to_owned())
                .collect()
        };
        assert_eq!(clockless(&log), clockless(published)[..9]);
        assert_eq!(folded(&log)[..6], folded(published)[..6]);
        // The mailer of the other side: there the drive is its own.
        let mailer = queue_lines(at(59), &to, "INQUEUE3", &[there]).replace("M:", "N:");
        assert_eq!(clockless(&mailer), clockless(published)[9..13]);
    }

    // rule: tra:R-LOG-002
    // rule: exc:R-MSM-020
    // rule: exc:V-28
    #[test]
    fn sent_and_received_mail_is_logged_as_published() {
        let published = include_str!("../../../../fixtures/logs/q151215-sent-log.txt");
        let time = jiff::civil::date(1996, 5, 17).at(9, 44, 0, 0);
        let line = sent_line(
            time,
            715,
            b"NETWORK/LOCALPO/Admin",
            b"NETWORK/REMOTEPO/Admin",
            HexId(0x30C),
            HexId(0x403),
        );
        assert_eq!(folded(&format!("{SENT_HEAD}{line}")), folded(published));
        let published = include_str!("../../../../fixtures/logs/q151215-recv-log.txt");
        let time = jiff::civil::date(1996, 5, 17).at(9, 39, 0, 0);
        let line = recv_line(
            time,
            1239,
            b"NETWORK/REMOTEPO/ADMIN",
            b"NETWORK/LOCALPO/ADMIN",
            HexId(0x306),
        );
        assert_eq!(folded(&format!("{RECV_HEAD}{line}")), folded(published));
        assert_eq!(
            format!("{RECV_HEAD}{line}").replace("\r\n", "\n"),
            published.trim_end().to_owned() + "\n"
        );
    }

    // rule: dec:DEC-108
    // rule: tra:R-LOG-003
    #[test]
    fn years_have_two_digits_and_names_cannot_forge_lines() {
        let time = jiff::civil::date(2001, 1, 2).at(0, 1, 0, 0);
        assert_eq!(session_line(time, "a\r\nb").matches('\n').count(), 1);
        assert!(session_line(time, "x").starts_with("01-02-01 00:01 x"));
        let line = recv_line(time, 1, b"A/B/C\r\n", b"D/E/F", HexId(1));
        assert_eq!(line.matches('\n').count(), 1);
    }
}
