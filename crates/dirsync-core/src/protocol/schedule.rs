//! When an entry of the schedule starts, and whether it is too late for it (dsp section 10).
//!
//! An entry holds the time of its next start and, beside it, weekday and wall clock in its zone.
//! The start after that is always reckoned from weekday and wall clock, never from the last start,
//! so a change of the clocks moves nothing and leaves nothing moved (DEC-112). A wall clock that a
//! change leaves out is taken as much later as the clocks were put forward; one that comes twice
//! is taken the first time. Entries that ask for it keep the old way, 604,800 seconds from start
//! to start, which shifts them by an hour over a change (Q96060).

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use crate::base::UnixTime;
use crate::format::process::{ProcessId, ProcessRecord};

/// Seconds of a week: what the originals added after a run (Q96060, Q135352).
pub const WEEK_SECONDS: u32 = 604_800;

/// What of an entry decides its starts.
#[derive(Debug, Clone, Copy)]
pub struct Timed<'a> {
    /// 0 Sunday to 6 Saturday.
    pub weekday: u8,
    /// Wall clock in the zone.
    pub hour: u8,
    /// Wall clock in the zone.
    pub minute: u8,
    /// The next start; 0 when it was never set.
    pub current: UnixTime,
    /// How much later it may still start, in seconds.
    pub window_seconds: u32,
    /// The next start is exactly [`WEEK_SECONDS`] after this one.
    pub seconds_week: bool,
    /// The zone of the wall clock.
    pub zone: &'a TimeZone,
}

/// What is to be done about an entry at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its time has not come.
    Wait,
    /// It starts now.
    Run {
        /// The start that it keeps.
        at: UnixTime,
        /// A start before that, whose window was missed.
        missed: Option<UnixTime>,
        /// The start after this one; later than now.
        next: UnixTime,
    },
    /// Its window is over.
    Missed {
        /// The start that was missed.
        at: UnixTime,
        /// The next start; later than now.
        next: UnixTime,
    },
    /// It was never given a start.
    Unset {
        /// Its first start; later than now.
        next: UnixTime,
    },
}

impl<'a> Timed<'a> {
    /// The times of a record; `None` for one that is not in use or has no weekday or wall clock
    /// that can be.
    #[must_use]
    pub fn of(record: &ProcessRecord, zone: &'a TimeZone) -> Option<Self> {
        (record.is_live() && record.process().is_some() && record.is_time_valid()).then(|| Self {
            weekday: record.weekday,
            hour: record.hour,
            minute: record.minute,
            current: UnixTime(record.current.get()),
            window_seconds: record.window.get(),
            seconds_week: record.flags & ProcessRecord::SECONDS_WEEK != 0,
            zone,
        })
    }

    /// The last second in which it may start (DEC-111).
    #[must_use]
    pub fn last_moment(&self) -> u64 {
        u64::from(self.current.0) + u64::from(self.window_seconds)
    }

    /// The first start after `time`; `None` behind the end of the calendar in 2106.
    #[must_use]
    pub fn next_after(&self, time: UnixTime) -> Option<UnixTime> {
        if self.seconds_week && !self.current.is_never() {
            let ahead = time.0.checked_sub(self.current.0)?;
            let weeks = ahead / WEEK_SECONDS + 1;
            let seconds = weeks.checked_mul(WEEK_SECONDS)?;
            return self.current.0.checked_add(seconds).map(UnixTime);
        }
        let here = time.zoned(self.zone);
        let today = u8::try_from(here.weekday().to_sunday_zero_offset()).ok()?;
        let ahead = (i64::from(self.weekday) - i64::from(today)).rem_euclid(7);
        [ahead, ahead + 7].into_iter().find_map(|days| {
            let date = here.date().checked_add(days.days()).ok()?;
            let (hour, minute) = (i8::try_from(self.hour), i8::try_from(self.minute));
            let wall = date.at(hour.ok()?, minute.ok()?, 0, 0);
            let start = to_unix(&wall.to_zoned(self.zone.clone()).ok()?)?;
            (start > time).then_some(start)
        })
    }

    /// The newest start up to `now`, counted from the one that is set.
    fn newest(&self, now: UnixTime) -> UnixTime {
        let mut newest = self.current;
        let mut from = UnixTime(now.0.saturating_sub(2 * WEEK_SECONDS)).max(self.current);
        while let Some(start) = self.next_after(from).filter(|&start| start <= now) {
            newest = start;
            from = start;
        }
        newest
    }

    /// What is to be done now. Due from its time to the end of its window (DEC-111); after that the
    /// next start counts instead (Q148718), which may be one whose window is open.
    #[must_use]
    pub fn judge(&self, now: UnixTime) -> Verdict {
        // The end of the calendar: it never starts again.
        let next = self.next_after(now.max(self.current));
        let next = next.unwrap_or(UnixTime(u32::MAX));
        if self.current.is_never() {
            return Verdict::Unset { next };
        }
        if now < self.current {
            return Verdict::Wait;
        }
        let at = self.current;
        if u64::from(now.0) <= self.last_moment() {
            let missed = None;
            return Verdict::Run { at, missed, next };
        }
        let newest = Self {
            current: self.newest(now),
            ..*self
        };
        if newest.current > at && u64::from(now.0) <= newest.last_moment() {
            return Verdict::Run {
                at: newest.current,
                missed: Some(at),
                next,
            };
        }
        Verdict::Missed { at, next }
    }
}

fn to_unix(time: &Zoned) -> Option<UnixTime> {
    UnixTime::from_timestamp(time.timestamp())
}

/// The number of a weekday in records: 0 Sunday to 6 Saturday.
#[must_use]
pub fn weekday_number(day: Weekday) -> u8 {
    u8::try_from(day.to_sunday_zero_offset()).unwrap_or(0)
}

/// Which of two or more entries of one process on one weekday counts: the last one, because the
/// original appended the new time instead of replacing the old one (Q197407). For each entry
/// whether it counts.
#[must_use]
pub fn counting(entries: &[Option<(ProcessId, u8)>]) -> Vec<bool> {
    let doubled = |at: usize| {
        let later = entries.get(at + 1..).unwrap_or_default();
        later.contains(&entries[at])
    };
    (0..entries.len())
        .map(|at| entries[at].is_some() && !doubled(at))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::zone::parse_zone;

    fn time(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    fn entry<'a>(
        current: &str,
        (weekday, hour, minute): (u8, u8, u8),
        zone: &'a TimeZone,
    ) -> Timed<'a> {
        Timed {
            weekday,
            hour,
            minute,
            current: time(current),
            window_seconds: 28_800,
            seconds_week: false,
            zone,
        }
    }

    // rule: tra:TV-DSP-1
    // rule: tra:R-DSP-005
    // rule: dsp:R-SCH-004
    // rule: dec:DEC-111
    #[test]
    fn the_published_entry_starts_until_its_window_ends() {
        let utc = TimeZone::UTC;
        let printed = entry("1995-12-22T16:30:00Z", (5, 16, 30), &utc);
        let (at, next) = (printed.current, time("1995-12-29T16:30:00Z"));
        let run = Verdict::Run {
            at,
            missed: None,
            next,
        };
        assert_eq!(printed.judge(time("1995-12-22T16:29:59Z")), Verdict::Wait);
        assert_eq!(printed.judge(time("1995-12-22T16:30:00Z")), run);
        assert_eq!(printed.judge(time("1995-12-23T00:30:00Z")), run);
        assert_eq!(
            printed.judge(time("1995-12-23T00:30:01Z")),
            Verdict::Missed { at, next }
        );
        // Entries of the older ADMIN have four hours (Q119590): a mixed file has both.
        let old = Timed {
            window_seconds: 14_400,
            ..printed
        };
        assert_eq!(old.judge(time("1995-12-22T20:30:00Z")), run);
        assert_eq!(
            old.judge(time("1995-12-22T20:30:01Z")),
            Verdict::Missed { at, next }
        );
        // A week later the missed one is named and the open one starts.
        assert_eq!(
            printed.judge(time("1995-12-29T17:00:00Z")),
            Verdict::Run {
                at: next,
                missed: Some(at),
                next: time("1996-01-05T16:30:00Z")
            }
        );
    }

    // rule: dsp:R-SCH-009
    // rule: dsp:R-BUG-28
    // rule: dec:DEC-112
    #[test]
    fn a_wall_clock_that_a_change_leaves_out_or_doubles() {
        let zone = parse_zone("America/New_York").unwrap();
        // 1996-04-07 02:30 does not exist: it starts at 03:30 EDT, a week later at 02:30 again.
        let gap = entry("1996-03-31T07:30:00Z", (0, 2, 30), &zone);
        let first = gap.next_after(gap.current).unwrap();
        assert_eq!(first, time("1996-04-07T07:30:00Z"));
        assert_eq!(gap.next_after(first), Some(time("1996-04-14T06:30:00Z")));
        // 1996-10-27 01:30 comes twice: it starts once.
        let fold = entry("1996-10-20T05:30:00Z", (0, 1, 30), &zone);
        let once = fold.next_after(fold.current).unwrap();
        assert_eq!(once, time("1996-10-27T05:30:00Z"));
        assert_eq!(fold.next_after(once), Some(time("1996-11-03T06:30:00Z")));
        // The old way stays an hour off until the clocks change back.
        let old = Timed {
            seconds_week: true,
            ..gap
        };
        let first = old.next_after(old.current).unwrap();
        assert_eq!(first.listing(&zone), "Sun Apr 07 03:30:00 1996");
        let zones = ["PST8", "PST8PDT"].map(|zone| parse_zone(zone).unwrap());
        for (zone, shown) in zones.iter().zip(["12:00:00", "13:00:00"]) {
            // Q96060: without daylight saving in the zone nothing shifts.
            let old = Timed {
                seconds_week: true,
                ..entry("2008-03-03T20:00:00Z", (1, 12, 0), zone)
            };
            let next = old.next_after(old.current).unwrap();
            assert_eq!(next.listing(zone), format!("Mon Mar 10 {shown} 2008"));
        }
    }

    // rule: dsp:TV-SCH-1
    // rule: dsp:R-SCH-007
    // rule: dsp:R-SCH-008
    // rule: tra:R-DSP-007
    #[test]
    fn the_zone_of_the_entry_against_that_of_the_dispatcher() {
        // Q96060: 03:00 of `aus14` is 11:00 at `est6`.
        let [aus, est] = ["aus14", "est6"].map(|zone| parse_zone(zone).unwrap());
        let entry = |zone| Timed {
            current: UnixTime::NEVER,
            ..entry("1996-01-01T00:00:00Z", (1, 3, 0), zone)
        };
        let now = time("1996-01-01T12:00:00Z");
        let start = entry(&aus).next_after(now).unwrap();
        assert!(start.listing(&aus).contains(" 03:00:00 "));
        assert!(start.listing(&est).contains(" 11:00:00 "));
        // `ast-10` and `ast14` are the same wall clock, a day apart.
        let [east, west] = ["ast-10", "ast14"].map(|zone| parse_zone(zone).unwrap());
        let clock = |zone| start.zoned(zone).time();
        assert_eq!(clock(&east), clock(&west));
        // Any letters behind the hours mean that daylight saving is observed.
        let july = time("1996-07-01T12:00:00Z");
        let offset = |zone| july.zoned(&parse_zone(zone).unwrap()).offset().seconds();
        assert_eq!(offset("est5"), -18_000);
        assert_eq!((offset("est5edt"), offset("est5xyz")), (-14_400, -14_400));
    }

    // rule: dsp:R-SCH-010
    // rule: dsp:R-BUG-27
    // rule: tra:R-ADM-043
    #[test]
    fn the_leap_day_of_2000_is_a_day_and_a_doubled_entry_counts_once() {
        let utc = TimeZone::UTC;
        let leap = entry("2000-02-22T10:00:00Z", (2, 10, 0), &utc);
        assert_eq!(
            leap.next_after(leap.current),
            Some(time("2000-02-29T10:00:00Z"))
        );
        assert_eq!(
            leap.next_after(time("2000-02-29T10:00:00Z")),
            Some(time("2000-03-07T10:00:00Z"))
        );
        let (t1, t3) = (Some((ProcessId::T1, 2)), Some((ProcessId::T3, 2)));
        assert_eq!(
            counting(&[t1, t3, None, t1, Some((ProcessId::T1, 3))]),
            [false, true, false, true, true]
        );
    }

    fn zone_name() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("UTC"),
            Just("PST8PDT"),
            Just("aus-10"),
            Just("Europe/Berlin"),
            Just("America/New_York"),
            Just("Australia/Lord_Howe"),
            Just("America/Sao_Paulo"),
        ]
    }

    prop_compose! {
        fn any_entry()(current in 1u32..4_200_000_000, weekday in 0u8..7, hour in 0u8..24, minute in 0u8..60, window in prop_oneof![Just(14_400u32), Just(28_800u32), any::<u32>()], seconds_week: bool) -> (u32, (u8, u8, u8), u32, bool) {
            (current, (weekday, hour, minute), window, seconds_week)
        }
    }

    proptest! {
        // rule: dsp:R-SCH-005
        // rule: tra:R-DSP-006
        // rule: dsp:R-SCH-009
        #[test]
        fn starts_keep_weekday_and_wall_clock((current, clock, window, seconds_week) in any_entry(), zone in zone_name(), weeks in 1u32..60) {
            let zone = parse_zone(zone).unwrap();
            let entry = Timed { weekday: clock.0, hour: clock.1, minute: clock.2, current: UnixTime(current), window_seconds: window, seconds_week, zone: &zone };
            let Some(first) = entry.next_after(entry.current) else { return Ok(()) };
            let mut last = first;
            for _ in 0..weeks {
                let Some(next) = entry.next_after(last) else { return Ok(()) };
                let gap = next.0 - last.0;
                if seconds_week {
                    prop_assert_eq!(gap, WEEK_SECONDS);
                } else {
                    // A day of the week comes back after 7 days, an hour more or less.
                    prop_assert!(gap.abs_diff(WEEK_SECONDS) <= 3600, "{}", gap);
                    let shown = next.zoned(&zone);
                    let wanted = shown.date().at(clock.1.try_into().unwrap(), clock.2.try_into().unwrap(), 0, 0);
                    let there = wanted.to_zoned(zone.clone()).unwrap();
                    prop_assert_eq!(&shown, &there);
                    // Only a clock that does not exist at the end of a day can fall on the next.
                    prop_assert!(weekday_number(shown.weekday()) == clock.0 || wanted != shown.datetime());
                }
                last = next;
            }
        }

        // Neither a start nor a moment is judged twice: what runs or is missed moves behind now.
        // rule: tra:R-DSP-005
        #[test]
        fn a_judged_entry_waits((current, clock, window, seconds_week) in any_entry(), zone in zone_name(), now in 1u32..4_200_000_000) {
            let zone = parse_zone(zone).unwrap();
            let now = UnixTime(now);
            let entry = Timed { weekday: clock.0, hour: clock.1, minute: clock.2, current: UnixTime(current), window_seconds: window, seconds_week, zone: &zone };
            let next = match entry.judge(now) {
                Verdict::Wait => { prop_assert!(now < entry.current); return Ok(()) }
                Verdict::Unset { .. } => return Err(TestCaseError::fail("it is set")),
                Verdict::Missed { at, next } => {
                    prop_assert!(u64::from(now.0) > u64::from(at.0) + u64::from(window));
                    next
                }
                Verdict::Run { at, missed, next } => {
                    prop_assert!(at <= now && u64::from(now.0) <= u64::from(at.0) + u64::from(window));
                    prop_assert!(missed.is_none_or(|missed| u64::from(now.0) > u64::from(missed.0) + u64::from(window)));
                    next
                }
            };
            prop_assert!(next > now);
            prop_assert_eq!(Timed { current: next, ..entry }.judge(now), Verdict::Wait);
            // Nothing between now and the next start was passed over.
            prop_assert!(entry.next_after(now).is_none_or(|first| first == next));
        }

        #[test]
        fn any_record_is_judged(bytes in proptest::collection::vec(any::<u8>(), 197), now: u32) {
            use crate::format::FixedRecord as _;
            let record = ProcessRecord::decode(&bytes).unwrap();
            if let Some(entry) = Timed::of(&record, &TimeZone::UTC) {
                let _ = entry.judge(UnixTime(now));
            }
        }
    }
}
