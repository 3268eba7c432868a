//! What a postoffice remembers of its links: `INI/LINKS.INI`.
//!
//! A link is the way from this postoffice to the next one, its next hop. The file holds one line for
//! each link that is not simply up, in UTF-8 (ASSIGNED: the originals kept the state in memory and
//! the counts in queues):
//!
//! ```text
//! NET/PO state=retrying attempts=2 since=765720832 next=765721432 error=no answer within 60 seconds
//! NET/HUB state=held
//! ```
//!
//! `refused` is when the next message that the other side does not take counts as an attempt: one in five
//! minutes. Times are seconds since 1970 UTC; `error` runs to the end of the line. `secured=yes`, `retries=N` and
//! `interval=SECONDS` are settings. Empty lines and lines that begin with `;` are kept. The file goes
//! when nothing is to be remembered.
//!
//! A failed attempt is counted once in an interval, 600 s, however often somebody tries by hand; after 144
//! of them (a day) the mail that waits is returned (Q157630, Q271545) and the count begins anew with
//! the next mail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::core::base::address::PoName;
use crate::core::base::time::UnixTime;
use crate::core::format::mbg::Priority;
use crate::postoffice::{Edit, PoError};
use crate::tree::TreeView;

/// The file.
pub const LINKS_INI: &str = "INI/LINKS.INI";
/// Seconds between two attempts that are counted (Q157630).
pub const OPEN_INTERVAL_SECONDS: u32 = 600;
/// Failed attempts after which the waiting mail is returned (Q157630).
pub const OPEN_RETRIES: u32 = 144;
/// Attempts to hand over one message that the other side does not take (Q119884), where the record
/// of the postoffice says nothing else.
pub const MESSAGE_RETRIES: u16 = 3;
/// Seconds between two attempts of a message that are counted (ASSIGNED: three attempts took about a
/// quarter of an hour with the cycle of five minutes, Q119884 Q113165; whoever delivers more often must
/// not burn them faster).
pub const MESSAGE_INTERVAL_SECONDS: u32 = 300;
/// Why a message is returned that waited too long (Q158399).
pub const EXPIRED: &str = "The maximum time for delivering the message expired";
/// Longest file that is read, in bytes.
const LIMIT_BYTES: u64 = 4 << 20;
/// Characters of an error that are kept.
const ERROR_CHARS: usize = 200;

const SECONDS_PER_DAY: u32 = 86_400;

/// How long a message may wait on a link that does not work, in seconds (Q178539).
#[must_use]
pub fn lifetime_seconds(priority: Priority) -> u32 {
    match priority {
        Priority::High => 2 * SECONDS_PER_DAY,
        Priority::Normal => 7 * SECONDS_PER_DAY,
        Priority::Low => 10 * SECONDS_PER_DAY,
    }
}

/// How a link or a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It works.
    Up,
    /// It failed; its mail waits for the next attempt.
    Retrying,
    /// It does not work, and all attempts are used up: what waited was returned.
    Down,
    /// The administrator holds it.
    Held,
}

impl LinkState {
    /// The word of reports and files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Retrying => "retrying",
            Self::Down => "down",
            Self::Held => "held",
        }
    }

    /// Whether mail waits because something does not work.
    #[must_use]
    pub fn is_failing(self) -> bool {
        matches!(self, Self::Retrying | Self::Down)
    }
}

/// What is remembered of one link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkEntry {
    /// Nothing leaves over it until it is released.
    pub held: bool,
    /// Its mail is never moved to another route.
    pub secured: bool,
    /// The attempts were used up since it last worked.
    pub down: bool,
    /// Failed attempts that count.
    pub attempts: u32,
    /// Of the first of these, seconds since 1970 UTC.
    pub since: u32,
    /// When the next one counts, seconds since 1970 UTC.
    pub next: u32,
    /// Why the last one failed.
    pub error: Option<String>,
    /// Attempts before the mail is returned, when not [`OPEN_RETRIES`].
    pub retries: Option<u32>,
    /// Seconds between them, when not [`OPEN_INTERVAL_SECONDS`].
    pub interval: Option<u32>,
    /// When messages that the other side does not take have tried once more, seconds since 1970 UTC;
    /// 0 when there are none.
    #[serde(default)]
    pub refused_next: u32,
}

impl LinkEntry {
    /// In one word.
    #[must_use]
    pub fn state(&self) -> LinkState {
        if self.held {
            LinkState::Held
        } else if self.down {
            LinkState::Down
        } else if self.attempts > 0 {
            LinkState::Retrying
        } else {
            LinkState::Up
        }
    }

    /// What a choice between links looks at before their cost, best first: down, held, retrying. A link
    /// that is held and down is both.
    #[must_use]
    pub fn rank(&self) -> (bool, bool, bool) {
        (self.down, self.held, self.attempts > 0)
    }

    /// Whether an attempt would count now.
    #[must_use]
    pub fn is_due(&self, now: UnixTime) -> bool {
        // A clock that was set back does not keep a link closed for longer than one interval.
        now.0 >= self.next || self.next.saturating_sub(now.0) > self.interval_seconds()
    }

    /// Whether messages that the other side does not take now have tried once more.
    #[must_use]
    pub fn refusals_count(&self, now: UnixTime) -> bool {
        // As in `is_due`.
        let next = self.refused_next;
        now.0 >= next || next.saturating_sub(now.0) > MESSAGE_INTERVAL_SECONDS
    }

    /// Seconds between two attempts.
    #[must_use]
    pub fn interval_seconds(&self) -> u32 {
        self.interval.unwrap_or(OPEN_INTERVAL_SECONDS)
    }

    /// When the waiting mail is returned if every attempt until then fails and one is made in each
    /// interval, seconds since 1970 UTC; `None` while it works. Mail that is older than its priority
    /// allows is returned before that.
    #[must_use]
    pub fn gives_up_at(&self) -> Option<u32> {
        let retries = self.retries.unwrap_or(OPEN_RETRIES).max(1);
        let left = retries.saturating_sub(self.attempts).checked_sub(1)?;
        (self.attempts > 0).then(|| {
            let wait = left.saturating_mul(self.interval_seconds());
            self.next.saturating_add(wait)
        })
    }

    /// It works again.
    pub fn worked(&mut self) {
        self.down = false;
        (self.attempts, self.since, self.next) = (0, 0, 0);
        self.error = None;
    }

    /// An attempt failed. Whether this was the last one: what waits is to be returned.
    pub fn failed(&mut self, now: UnixTime, why: &str) -> bool {
        if self.is_due(now) {
            if self.attempts == 0 {
                self.since = now.0;
            }
            self.attempts = self.attempts.saturating_add(1);
            self.next = now.0.saturating_add(self.interval_seconds());
        }
        let line: String = why.chars().take(ERROR_CHARS).collect();
        self.error = Some(line.replace(char::is_control, " ").trim().to_owned());
        let last = self.attempts >= self.retries.unwrap_or(OPEN_RETRIES).max(1);
        if last {
            self.down = true;
            (self.attempts, self.since) = (0, 0);
        }
        last
    }
}

/// All that a postoffice remembers of its links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkBook {
    links: BTreeMap<PoName, LinkEntry>,
    comments: Vec<String>,
}

impl LinkBook {
    fn parse(bytes: &[u8]) -> Self {
        let mut book = Self::default();
        for line in String::from_utf8_lossy(bytes).lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(';') {
                book.comments.push(line.to_owned());
            } else if let Some((name, entry)) = parse_line(line) {
                book.links.insert(name, entry);
            }
        }
        book
    }

    /// As committed.
    ///
    /// # Errors
    /// A disk error.
    pub fn load(view: &TreeView) -> Result<Self, PoError> {
        let bytes = view.read(LINKS_INI, LIMIT_BYTES)?;
        Ok(bytes.map_or_else(Self::default, |bytes| Self::parse(&bytes)))
    }

    /// As changed so far.
    ///
    /// # Errors
    /// A disk error.
    pub fn read(edit: &mut Edit<'_>) -> Result<Self, PoError> {
        let bytes = edit.peek(LINKS_INI, LIMIT_BYTES)?;
        Ok(bytes.map_or_else(Self::default, |bytes| Self::parse(&bytes)))
    }

    /// Writes what changed; without anything to say the file goes.
    ///
    /// # Errors
    /// A disk error.
    pub fn write(&self, edit: &mut Edit<'_>) -> Result<(), PoError> {
        let text = self.text();
        let old = edit.peek(LINKS_INI, LIMIT_BYTES)?;
        match old {
            Some(old) if old == text.as_bytes() => {}
            None if text.is_empty() => {}
            Some(_) if text.is_empty() => edit.remove(LINKS_INI)?,
            _ => {
                // A shadow postoffice may have no INI (Q181951).
                edit.mkdir("INI")?;
                edit.write(LINKS_INI, text.into_bytes())?;
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for comment in &self.comments {
            text.push_str(comment);
            text.push_str("\r\n");
        }
        for (name, entry) in &self.links {
            if *entry != LinkEntry::default() {
                text.push_str(&line(name, entry));
            }
        }
        text
    }

    /// What is remembered of the link to a postoffice; the default when nothing is.
    #[must_use]
    pub fn of(&self, to: &PoName) -> LinkEntry {
        self.links.get(to).cloned().unwrap_or_default()
    }

    /// The same, to be changed.
    pub fn entry(&mut self, to: PoName) -> &mut LinkEntry {
        self.links.entry(to).or_default()
    }

    /// Everything, by name.
    pub fn entries(&self) -> impl Iterator<Item = (&PoName, &LinkEntry)> {
        self.links.iter()
    }
}

fn parse_line(line: &str) -> Option<(PoName, LinkEntry)> {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some((name.parse().ok()?, parse_link_words(rest)))
}

/// What is remembered of a link, from the words that [`link_words`] writes; others mean nothing.
#[must_use]
pub fn parse_link_words(rest: &str) -> LinkEntry {
    let (rest, error) = match rest.find("error=") {
        Some(at) => (
            rest.get(..at).unwrap_or_default(),
            rest.get(at + "error=".len()..).map(str::to_owned),
        ),
        None => (rest, None),
    };
    let mut entry = LinkEntry {
        error,
        ..LinkEntry::default()
    };
    for word in rest.split_whitespace() {
        let Some((key, value)) = word.split_once('=') else {
            continue;
        };
        let number = || value.parse::<u32>().ok();
        match key {
            "state" => {
                entry.held |= value == "held";
                entry.down |= value == "down";
            }
            "held" => entry.held = value == "yes",
            "secured" => entry.secured = value == "yes",
            "attempts" => entry.attempts = number().unwrap_or(0),
            "since" => entry.since = number().unwrap_or(0),
            "next" => entry.next = number().unwrap_or(0),
            "refused" => entry.refused_next = number().unwrap_or(0),
            "retries" => entry.retries = number(),
            "interval" => entry.interval = number(),
            _ => {}
        }
    }
    entry
}

fn line(name: &PoName, entry: &LinkEntry) -> String {
    format!("{name} {}\r\n", link_words(entry))
}

/// What is remembered of a link, as one line has it behind the name.
#[must_use]
pub fn link_words(entry: &LinkEntry) -> String {
    let mut text = format!("state={}", entry.state().word());
    if entry.held && entry.down {
        // Held comes first in one word; that it was down is not forgotten.
        text = "state=down held=yes".to_owned();
    }
    if entry.secured {
        text.push_str(" secured=yes");
    }
    let numbers = [
        ("attempts", entry.attempts),
        ("since", entry.since),
        ("next", entry.next),
        ("refused", entry.refused_next),
    ];
    for (key, value) in numbers.into_iter().filter(|(_, value)| *value != 0) {
        let _ = write!(text, " {key}={value}");
    }
    for (key, value) in [("retries", entry.retries), ("interval", entry.interval)] {
        if let Some(value) = value {
            let _ = write!(text, " {key}={value}");
        }
    }
    if let Some(error) = &entry.error {
        let _ = write!(text, " error={error}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: mta:R-LNK-001
    // rule: mta:R-LNK-003
    #[test]
    fn a_link_gives_up_after_a_day_of_attempts_and_begins_anew() {
        let mut entry = LinkEntry::default();
        let start = 1_000_000;
        let mut returned = Vec::new();
        // Somebody tries once a minute, for two days.
        for minute in 0..2 * 24 * 60 {
            let now = start + minute * 60;
            if entry.failed(UnixTime(now), "nobody answers") {
                returned.push(now - start);
            }
        }
        // The 144th attempt is 143 intervals after the first one.
        assert_eq!(returned, [143 * 600, 143 * 600 + 144 * 600]);
        assert_eq!(entry.state(), LinkState::Down);
        entry.worked();
        assert_eq!(entry, LinkEntry::default());
    }

    // rule: mta:N-15
    #[test]
    fn it_is_known_when_a_link_gives_up() {
        let mut entry = LinkEntry::default();
        assert_eq!(entry.gives_up_at(), None);
        entry.failed(UnixTime(1_000_000), "x");
        let predicted = entry.gives_up_at().unwrap();
        assert_eq!(predicted, 1_000_000 + 143 * 600);
        let mut now = entry.next;
        while !entry.failed(UnixTime(now), "x") {
            assert_eq!(entry.gives_up_at(), Some(predicted));
            now = entry.next;
        }
        assert_eq!(now, predicted);
    }

    // rule: mta:R-Q-004
    #[test]
    fn a_message_lives_two_seven_or_ten_days() {
        let minutes = |priority| lifetime_seconds(priority) / 60;
        assert_eq!(minutes(Priority::High), 2_880);
        assert_eq!(minutes(Priority::Normal), 10_080);
        assert_eq!(minutes(Priority::Low), 14_400);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_close_a_link() {
        let mut entry = LinkEntry::default();
        entry.failed(UnixTime(2_000_000_000), "x");
        assert!(!entry.is_due(UnixTime(2_000_000_599)));
        assert!(entry.is_due(UnixTime(2_000_000_600)));
        assert!(entry.is_due(UnixTime(1_000_000_000)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (held, secured, down) in any::<(bool, bool, bool)>(),
            (attempts, since, next, refused_next) in any::<(u32, u32, u32, u32)>(),
            (retries, interval) in any::<(Option<u32>, Option<u32>)>(),
            error in proptest::option::of("[ -~]{1,40}"),
        ) {
            let entry = LinkEntry {
                held, secured, down, attempts, since, next, retries, interval, refused_next,
                error: error.map(|error| error.trim().to_owned()),
            };
            let mut book = LinkBook::default();
            *book.entry("NET/PO".parse().unwrap()) = entry.clone();
            prop_assert_eq!(LinkBook::parse(book.text().as_bytes()).of(&"net/po".parse().unwrap()), entry);
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let book = LinkBook::parse(&bytes);
            prop_assert!(LinkBook::parse(book.text().as_bytes()).links.len() <= book.links.len());
        }
    }
}
