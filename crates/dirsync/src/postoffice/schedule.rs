//! When T1, T2 and T3 run: PROCESS.GLB, and its text form (DSSCHED, Q96060, Q119590, Q148718).
//!
//! One entry a weekday and process (dsp R-SCH-003). An entry keeps weekday and wall clock in its
//! zone, so daylight saving never shifts it (DEC-112). A T2 entry on a requestor only makes errors:
//! it is not taken (DEC-113).

use jiff::tz::TimeZone;
use zerocopy::little_endian::U32;

use crate::core::base::time::UnixTime;
use crate::core::base::zone::parse_zone;
use crate::core::format::FixedRecord as _;
use crate::core::format::process::{
    PROCESS, ProcessHeader, ProcessId, ProcessRecord, WINDOW_SECONDS, next_slot,
};
use crate::core::format::record::{DELETED, LIVE};
use crate::core::protocol::schedule::Timed;

use super::config::{PROCESS_GLB, is_server, save};
use super::edit::Edit;
use super::error::PoError;
use super::list_error::ListError;
use super::lists::load;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// One line of the text form: what runs when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// What runs.
    pub process: ProcessId,
    /// 0 Sunday to 6 Saturday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl Slot {
    /// Reads a line `T1 Sat 13:45`, in any case.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Self, ListError> {
        let wrong = |why: &str| ListError::Usage {
            why: format!("{line:?}: {why}"),
            hint: "write lines like `T1 Sat 13:45`: T1, T2 or T3, Sun to Sat, 00:00 to 23:59",
        };
        let mut words = line.split_whitespace();
        let (Some(process), Some(day), Some(time), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(wrong("a line has process, day and time"));
        };
        let process = [ProcessId::T1, ProcessId::T2, ProcessId::T3]
            .into_iter()
            .find(|id| id.name().eq_ignore_ascii_case(process))
            .ok_or_else(|| wrong("the process is not T1, T2 or T3"))?;
        let weekday = DAYS
            .iter()
            .zip(0u8..)
            .find(|(name, _)| name.eq_ignore_ascii_case(day))
            .map(|(_, number)| number)
            .ok_or_else(|| wrong("the day is not Sun, Mon, Tue, Wed, Thu, Fri or Sat"))?;
        let number = |text: &str, limit: u8| {
            let digits =
                !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u8>().ok().filter(|&n| digits && n < limit)
        };
        let (hour, minute) = time
            .split_once(':')
            .and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?)))
            .ok_or_else(|| wrong("the time is not HH:MM"))?;
        Ok(Self {
            process,
            weekday,
            hour,
            minute,
        })
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        let day = DAYS
            .get(usize::from(self.weekday))
            .copied()
            .unwrap_or("???");
        format!(
            "{} {day} {:02}:{:02}",
            self.process.name(),
            self.hour,
            self.minute
        )
    }

    fn same_place(&self, record: &ProcessRecord) -> bool {
        record.is_live() && record.process() == Some(self.process) && record.weekday == self.weekday
    }

    /// The next time the wall clock of the zone shows this, at or after `now`.
    #[must_use]
    pub fn next(&self, now: UnixTime, zone: &TimeZone) -> Option<UnixTime> {
        let timed = Timed {
            weekday: self.weekday,
            hour: self.hour,
            minute: self.minute,
            current: UnixTime::NEVER,
            window_seconds: WINDOW_SECONDS,
            seconds_week: false,
            zone,
        };
        timed.next_after(UnixTime(now.0.saturating_sub(1)))
    }
}

/// Reads a text of lines; empty lines are passed over.
///
/// # Errors
/// The first bad line.
pub fn parse(text: &str) -> Result<Vec<Slot>, ListError> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(Slot::parse)
        .collect()
}

/// An entry of the schedule as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What runs when.
    pub slot: Slot,
    /// Current time to run.
    pub current: UnixTime,
    /// Run window in seconds.
    pub window: u32,
    /// The time after which it does not run any more.
    pub last_moment: UnixTime,
    /// The time to run after this one.
    pub next: Option<UnixTime>,
    /// When it last ran.
    pub last_run: UnixTime,
    /// When it last missed its window.
    pub last_missed: UnixTime,
    /// The zone of its wall clock.
    pub zone: TimeZone,
    /// Name of the zone.
    pub zone_name: String,
    /// Its comment.
    pub comment: String,
}

/// The zone of an entry: its own, else the header's, else the tree's.
pub(crate) fn zone_of(
    record: &ProcessRecord,
    header: &ProcessHeader,
    tree: &TimeZone,
) -> (TimeZone, String) {
    for text in [record.zone.to_string_850(), header.zone.to_string_850()] {
        if let Ok(zone) = parse_zone(&text) {
            return (zone, text);
        }
    }
    let name = tree.iana_name().unwrap_or("UTC").to_owned();
    (tree.clone(), name)
}

pub(crate) fn open(edit: &mut Edit<'_>) -> Result<(ProcessHeader, Vec<ProcessRecord>), PoError> {
    let (header, records) = load(edit, &PROCESS, PROCESS_GLB)?;
    if !header.is_readable() {
        return Err(ListError::damaged(PROCESS_GLB, "it does not begin as we write it").into());
    }
    Ok((header, records))
}

/// The entries in the order of the file. `tree` is the zone of the tree.
///
/// # Errors
/// PROCESS.GLB is damaged.
pub fn all(edit: &mut Edit<'_>, tree: &TimeZone) -> Result<Vec<Entry>, PoError> {
    let (header, records) = open(edit)?;
    let entry = |record: &ProcessRecord| {
        let process = record.process()?;
        let (zone, zone_name) = zone_of(record, &header, tree);
        let timed = Timed::of(record, &zone)?;
        let current = timed.current;
        Some(Entry {
            slot: Slot {
                process,
                weekday: record.weekday,
                hour: record.hour,
                minute: record.minute,
            },
            current,
            window: record.window.get(),
            last_moment: UnixTime(u32::try_from(record.last_moment()).unwrap_or(u32::MAX)),
            next: timed.next_after(current),
            last_run: UnixTime(record.last_run.get()),
            last_missed: UnixTime(record.last_missed.get()),
            zone,
            zone_name,
            comment: record.comment.to_string_850(),
        })
    };
    Ok(records.iter().filter_map(entry).collect())
}

/// How entries are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOptions {
    /// Whether everything that is not named goes.
    pub replace: bool,
    /// Whether the next run is exactly 604,800 seconds later, as the originals had it.
    pub seconds_week: bool,
    /// The moment the times are counted from.
    pub now: UnixTime,
}

/// Sets entries: each takes the place of the one of the same process and weekday, else a new one.
/// Returns what deserves a look.
///
/// # Errors
/// PROCESS.GLB is damaged; a time that no calendar has.
pub fn set(
    edit: &mut Edit<'_>,
    slots: &[Slot],
    tree: &TimeZone,
    options: SetOptions,
) -> Result<Vec<String>, PoError> {
    let server = is_server(edit)?;
    let (header, old_records) = open(edit)?;
    let old_len = old_records.len();
    let mut warnings = Vec::new();
    // A schedule that is replaced stands in the order of the new one.
    let mut records = if options.replace {
        Vec::new()
    } else {
        old_records.clone()
    };
    for slot in slots {
        if slot.process == ProcessId::T2 && !server {
            warnings.push(format!(
                "{}: this is not the directory server, so T2 is left out",
                slot.line()
            ));
            continue;
        }
        let place = records.iter().position(|record| slot.same_place(record));
        let at = place.unwrap_or_else(|| next_slot(&records));
        let mut record = old_records
            .iter()
            .find(|record| slot.same_place(record))
            .cloned()
            .unwrap_or_else(ProcessRecord::zeroed);
        let (zone, _) = zone_of(&record, &header, tree);
        let current = slot
            .next(options.now, &zone)
            .ok_or_else(|| ListError::Usage {
                why: format!("{}: there is no such time in its zone", slot.line()),
                hint: "choose another time",
            })?;
        let same = record.is_live() && (record.hour, record.minute) == (slot.hour, slot.minute);
        record.state = LIVE;
        record.id = slot.process.code();
        record.weekday = slot.weekday;
        record.hour = slot.hour;
        record.minute = slot.minute;
        if options.seconds_week {
            record.flags |= ProcessRecord::SECONDS_WEEK;
        } else {
            record.flags &= !ProcessRecord::SECONDS_WEEK;
        }
        // An entry that stays as it is keeps its place in time too.
        if !same {
            record.current = U32::new(current.0);
            record.window = U32::new(WINDOW_SECONDS);
        }
        match records.get_mut(at) {
            Some(place) => *place = record,
            None => records.push(record),
        }
    }
    while records.len() < old_len {
        let mut free = ProcessRecord::zeroed();
        free.state = DELETED;
        records.push(free);
    }
    save(edit, &PROCESS, PROCESS_GLB, &header, &records)?;
    Ok(warnings)
}

impl Entry {
    fn what(&self) -> &'static str {
        match self.slot.process {
            ProcessId::T1 => "Requestor sends updates (Dispatch runs NSDA -RT)",
            ProcessId::T2 => "Server process (Dispatch runs NSDA -S)",
            ProcessId::T3 => "Requestor processes updates (Dispatch runs NSDA -RR)",
        }
    }

    fn current_line(&self) -> String {
        format!(
            "Current time to run NSDA {}: {}",
            self.slot.process.option(),
            self.current.listing(&self.zone)
        )
    }

    /// The lines of an entry in the listing of DSSCHED; `number` counts from 1.
    #[must_use]
    pub fn lines(&self, number: usize) -> Vec<String> {
        vec![
            format!("   Record number {number}"),
            self.what().to_owned(),
            self.current_line(),
        ]
    }

    /// The lines of an entry in the listing of DSSCHED -V.
    #[must_use]
    pub fn full_lines(&self, number: usize) -> Vec<String> {
        let window = match (self.window / 3600, self.window % 3600) {
            (hours, 0) => format!("{hours} hours ({} seconds)", self.window),
            _ => format!("{} minutes ({} seconds)", self.window / 60, self.window),
        };
        let comment = match self.comment.as_str() {
            "" => "<null>",
            comment => comment,
        };
        let next = self
            .next
            .map_or_else(|| "never".to_owned(), |next| next.listing(&self.zone));
        vec![
            format!("Record number {number}"),
            format!("ID = {}", self.slot.process.code()),
            self.what().to_owned(),
            self.current_line(),
            format!("Run window is {window}"),
            format!(
                "Time after which this process will not run: {}",
                self.last_moment.listing(&self.zone)
            ),
            "If this time is exceeded, an error (missed run window) is recorded.".to_owned(),
            "Next scheduled time is used instead of this time.".to_owned(),
            format!("This instance next runs on {next}"),
            format!("Process comment: {comment}"),
        ]
    }
}

/// The lines of the listing behind a program's own banner.
#[must_use]
pub fn listing(postoffice: &str, entries: &[Entry], full: bool) -> Vec<String> {
    let mut lines = vec![format!("Examining {postoffice} Dir-Sync process times")];
    for (at, entry) in entries.iter().enumerate() {
        lines.push(String::new());
        lines.extend(if full {
            entry.full_lines(at + 1)
        } else {
            entry.lines(at + 1)
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::protocol::schedule::WEEK_SECONDS;
    use crate::postoffice::config::server;
    use crate::postoffice::testtree::TestPo;
    use proptest::prelude::*;

    /// Thu Feb 24 1994 10:00:00 UTC.
    const FEBRUARY: UnixTime = UnixTime(762_084_000);

    fn options(now: UnixTime) -> SetOptions {
        SetOptions {
            replace: false,
            seconds_week: false,
            now,
        }
    }

    fn put(po: &TestPo, text: &str, options: SetOptions) -> Vec<String> {
        let slots = parse(text).unwrap();
        po.edit(|edit| set(edit, &slots, &TimeZone::UTC, options))
            .unwrap()
    }

    fn exported(po: &TestPo) -> String {
        let entries = po.edit(|edit| all(edit, &TimeZone::UTC)).unwrap();
        entries
            .iter()
            .map(|entry| entry.slot.line() + "\n")
            .collect()
    }

    // rule: dsp:R-SCH-001
    // rule: dsp:R-SCH-003
    // rule: tra:R-ADM-030
    #[test]
    fn the_published_schedule_comes_back_line_for_line() {
        let po = TestPo::new("POLYNOMIAL", "MONTGOMERY");
        po.edit(server::on).unwrap();
        let times = include_str!("../../../../fixtures/output/q96060-mytimes.txt");
        assert!(put(&po, times, options(FEBRUARY)).is_empty());
        assert_eq!(exported(&po), times);
        assert_eq!(po.bytes("GLB/PROCESS.GLB").unwrap().len(), 512 + 3 * 197);
        let entries = po.edit(|edit| all(edit, &TimeZone::UTC)).unwrap();
        let ours = listing("POLYNOMIAL/MONTGOMERY", &entries, false);
        let theirs = include_str!("../../../../fixtures/output/q96060-dssched.txt");
        assert_eq!(ours, theirs.lines().skip(3).collect::<Vec<_>>());
        let week = include_str!("../../../../fixtures/output/q119590-schedule.txt");
        put(
            &po,
            week,
            SetOptions {
                replace: true,
                ..options(FEBRUARY)
            },
        );
        assert_eq!(exported(&po), week);
        po.assert_clean();
    }

    // rule: dsp:R-SCH-002
    // rule: dec:DEC-111
    #[test]
    fn the_published_entry_in_full() {
        let po = TestPo::new("NET", "PO");
        // Wed Dec 20 1995.
        put(&po, "T1 Fri 16:30", options(UnixTime(819_417_600)));
        let entries = po.edit(|edit| all(edit, &TimeZone::UTC)).unwrap();
        let theirs = include_str!("../../../../fixtures/output/q148718-dssched-v.txt");
        assert_eq!(entries[0].full_lines(1), theirs.lines().collect::<Vec<_>>());
    }

    // rule: dsp:R-SCH-006
    // rule: dec:DEC-113
    // rule: dsp:R-SCH-010
    // rule: tra:R-ADM-025
    #[test]
    fn t2_is_for_the_server_and_a_weekday_has_one_entry() {
        let po = TestPo::new("NET", "PO");
        let warnings = put(&po, "T2 Mon 01:00\nt1 mon 7:05", options(FEBRUARY));
        assert_eq!(warnings.len(), 1);
        put(&po, "T1 Mon 09:00", options(FEBRUARY));
        assert_eq!(exported(&po), "T1 Mon 09:00\n");
        put(
            &po,
            "",
            SetOptions {
                replace: true,
                ..options(FEBRUARY)
            },
        );
        assert_eq!(exported(&po), "");
        put(&po, "T3 Tue 10:00", options(FEBRUARY));
        assert_eq!(po.bytes("GLB/PROCESS.GLB").unwrap().len(), 512 + 197);
        po.assert_clean();
    }

    // rule: dsp:R-SCH-009
    // rule: dec:DEC-112
    // rule: tra:OQ-23
    #[test]
    fn the_wall_clock_stays_over_the_change_of_the_clocks() {
        let zone = parse_zone("America/New_York").unwrap();
        // Sat Mar 23 1996 02:30 EST; the clocks change on Apr 7.
        let mut current = Slot::parse("T1 Sat 13:45")
            .unwrap()
            .next(UnixTime(827_566_200), &zone);
        for week in ["Mar 23", "Mar 30", "Apr 06", "Apr 13"] {
            let time = current.unwrap();
            assert_eq!(time.listing(&zone), format!("Sat {week} 13:45:00 1996"));
            current = Slot::parse("T1 Sat 13:45")
                .unwrap()
                .next(UnixTime(time.0 + 1), &zone);
        }
    }

    #[test]
    fn lines_that_say_nothing_are_refused() {
        for line in [
            "",
            "T1",
            "T1 Sat",
            "T4 Sat 10:00",
            "T1 Sam 10:00",
            "T1 Sat 24:00",
            "T1 Sat 10:60",
            "T1 Sat +1:00",
            "T1 Sat 10:00 x",
        ] {
            assert!(Slot::parse(line).is_err(), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn a_line_and_its_slot_are_one(process in 0usize..3, weekday in 0u8..7, hour in 0u8..24, minute in 0u8..60, now in 1u32..4_000_000_000) {
            let process = [ProcessId::T1, ProcessId::T2, ProcessId::T3][process];
            let slot = Slot { process, weekday, hour, minute };
            prop_assert_eq!(Slot::parse(&slot.line()).unwrap(), slot);
            let next = slot.next(UnixTime(now), &TimeZone::UTC).unwrap();
            prop_assert!(next.0 >= now && next.0 - now < WEEK_SECONDS);
            prop_assert!(next.listing(&TimeZone::UTC).starts_with(DAYS[usize::from(weekday)]));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
