//! The dispatcher over postoffices in memory: the real steps on a virtual clock.

use std::cell::RefCell;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use super::clock::{Clock, Virtual};
use super::*;
use crate::core::base::catalogue::{Family, lookup_code};
use crate::core::format::process::{PROCESS, ProcessHeader, ProcessRecord};
use crate::core::format::srvconf::SRVCONF;
use crate::cycle::StepOptions;
use crate::cycle::site::Member;
use crate::cycle::step::{Answer, Ask, Here, Step};
use crate::cycle::tests::Net;
use crate::postoffice::schedule::{SetOptions, parse, set};
use crate::progress::NoProgress;
use crate::transport::far::FarError;

const SERVER: &str = "NET/A";
const OTHER: &str = "NET/B";

fn time(text: &str) -> UnixTime {
    text.parse().unwrap()
}

fn net(zone: &str, tables: &[(&str, &str)], from: UnixTime) -> Net {
    let net = Net::new(&[SERVER, OTHER], 2, false);
    for (name, text) in tables {
        let po = &net.pos[*name];
        po.put(
            "GLB/PROCESS.GLB",
            &PROCESS.build(&ProcessHeader::fresh(zone.as_bytes()), &[]),
        );
        let slots = parse(text).unwrap();
        let options = SetOptions {
            replace: true,
            seconds_week: false,
            now: from,
        };
        let warnings = po
            .edit(|edit| set(edit, &slots, &TimeZone::UTC, options))
            .unwrap();
        assert!(warnings.is_empty());
    }
    net
}

fn options(until: &str) -> DispatchOptions {
    DispatchOptions {
        step: AskOptions::new(UnixTime(0), "test"),
        wait_ms: 0,
        program: "test".into(),
        once: false,
        until: Some(time(until)),
        poll_seconds: POLL_SECONDS,
        deliver: true,
        instance: None,
        home: None,
    }
}

/// A worker in this process that can be kept from a tree from one time to another.
struct Shaky<'a> {
    here: Here<'a>,
    dead: &'a str,
    from: u32,
    until: u32,
    asked: RefCell<Vec<String>>,
}

impl Worker for Shaky<'_> {
    fn ask(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, FarError> {
        let now = match ask {
            Ask::Poll { now, .. } => *now,
            Ask::Dispatch { options, .. } | Ask::Settle { options, .. } => options.now,
            _ => 0,
        };
        self.asked.borrow_mut().push(ask.place().to_owned());
        if ask.place() == self.dead && (self.from..self.until).contains(&now) {
            return Err(FarError::Silent { seconds: 60 });
        }
        self.here.ask(ask, progress)
    }
}

fn go_with(
    net: &Net,
    clock: &mut dyn Clock,
    options: &DispatchOptions,
    dead: (&str, u32, u32),
) -> (DispatchReport, Vec<String>, Vec<String>) {
    let site = Site {
        members: net
            .pos
            .iter()
            .map(|(path, po)| Member::look(&po.view(), path))
            .collect(),
        ..Site::default()
    };
    let open = |path: &str| net.disk(path);
    let worker = Shaky {
        here: Here { open: &open },
        dead: dead.0,
        from: dead.1,
        until: dead.2,
        asked: RefCell::default(),
    };
    let mut screen = Vec::new();
    let report = dispatch(
        &site,
        &worker,
        net,
        clock,
        options,
        &NoProgress,
        &mut |line| {
            screen.push(line.to_owned());
        },
    )
    .unwrap();
    (report, screen, worker.asked.into_inner())
}

fn go(net: &Net, from: &str, options: &DispatchOptions) -> DispatchReport {
    go_with(net, &mut Virtual(time(from)), options, ("", 0, 0)).0
}

fn log(net: &Net, name: &str, file: &str) -> String {
    let bytes = net.pos[name].bytes(file).unwrap_or_default();
    String::from_utf8(bytes).unwrap()
}

fn records(net: &Net, name: &str) -> Vec<ProcessRecord> {
    let bytes = net.pos[name].bytes("GLB/PROCESS.GLB").unwrap();
    PROCESS.view(&bytes).unwrap().records.to_vec()
}

const DAYS: [(&str, Weekday); 3] = [
    ("Tue", Weekday::Tuesday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// Every start that the calendar has between two days, by the wall clock.
fn calendar(table: &str, first: Date, last: Date, zone: &TimeZone) -> Vec<(Zoned, Step)> {
    let mut starts = Vec::new();
    let mut day = first;
    while day <= last {
        for line in table.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let step = [Step::T1, Step::T2, Step::T3]
                .into_iter()
                .find(|step| step.name() == words[0])
                .unwrap();
            let weekday = DAYS.iter().find(|(name, _)| *name == words[1]).unwrap().1;
            let (hour, minute) = words[2].split_once(':').unwrap();
            if day.weekday() == weekday {
                let wall = day.at(hour.parse().unwrap(), minute.parse().unwrap(), 0, 0);
                starts.push((wall.to_zoned(zone.clone()).unwrap(), step));
            }
        }
        day = day.checked_add(1.day()).unwrap();
    }
    starts.sort();
    starts
}

// The starts lie on the changes of the clocks: 02:30 of 4 April 1999 does not exist, 01:30 of
// 31 October 1999 comes twice, 1 January 2000 is a Saturday, 29 February 2000 a Tuesday.
// rule: dsp:R-SCH-003
// rule: dsp:R-SCH-005
// rule: dsp:R-SCH-009
// rule: dsp:R-LOG-004
// rule: tra:R-DSP-001
// rule: tra:R-DSP-003
// rule: tra:R-DSP-006
// rule: tra:NEED-07
#[test]
fn a_year_over_both_changes_of_the_clocks_and_the_new_year_of_2000() {
    let zone = parse_zone("America/New_York").unwrap();
    let own = "T1 Tue 10:00\nT1 Sun 01:30\nT3 Sun 02:30\nT1 Sat 00:00\nT3 Sat 23:59\n";
    let server = "T2 Sun 02:00\nT2 Sat 00:01\n";
    let from = time("1999-03-02T00:00:00-05:00");
    let tables = [(SERVER, format!("{own}{server}")), (OTHER, own.to_owned())];
    let net = net(
        "America/New_York",
        &tables.each_ref().map(|(name, text)| (*name, text.as_str())),
        from,
    );
    let report = go(
        &net,
        "1999-03-02T00:00:00-05:00",
        &options("2000-03-02T00:00:00-05:00"),
    );
    let problems: Vec<_> = report
        .members
        .iter()
        .flat_map(|member| &member.problems)
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!((report.missed, report.runs_failed), (0, 0));
    let (first, last) = (jiff::civil::date(1999, 3, 2), jiff::civil::date(2000, 3, 1));
    for (name, table) in &tables {
        let made: Vec<(Zoned, Step)> = report
            .runs
            .iter()
            .filter(|run| run.postoffice == *name)
            .map(|run| {
                assert_eq!(run.scheduled, run.made);
                (UnixTime(run.made).zoned(&zone), run.step)
            })
            .collect();
        assert_eq!(made, calendar(table, first, last, &zone), "{name}");
    }
    // 52 or 53 of each weekday, and one T2 is one cycle.
    let conf = net.pos[SERVER].bytes("GLB/SRVCONF.GLB").unwrap();
    let cycles = SRVCONF.view(&conf).unwrap().header.cycle.get();
    assert_eq!(cycles, 104);
    let log = log(&net, SERVER, "LOG/DISPATCH.LOG");
    let ends = log
        .lines()
        .filter(|line| line.ends_with("exit code 64"))
        .count();
    assert_eq!(u64::try_from(ends).unwrap(), report.runs_made);
    // The log has the dispatcher's own zone, here UTC, and years of two digits.
    assert!(
        log.contains("01/01/00 05:01 Running \"NSDA -S\"\r\n"),
        "{log}"
    );
    assert!(log.contains("04/04/99 07:30 Running \"NSDA -RR\"\r\n"));
    assert!(!log.contains("Missed"));
    // Nothing was lost on the way either.
    for name in net.pos.keys() {
        let names = net.gal(name).len();
        assert_eq!(names, 4, "{name}");
    }
}

// rule: dsp:R-SCH-004
// rule: dsp:R-LOG-005
// rule: tra:R-DSP-005
// rule: dsp:R-LOG-008
#[test]
fn a_window_that_is_over_is_said_and_the_next_start_counts() {
    let from = time("1995-12-20T00:00:00Z");
    let net = net(
        "UTC",
        &[(OTHER, "T1 Fri 16:30\nT3 Fri 18:00\nT1 Sat 00:00")],
        from,
    );
    // Entries of the older ADMIN have four hours.
    net.pos[OTHER]
        .edit(|edit| {
            let bytes = edit.bytes_mut("GLB/PROCESS.GLB")?;
            bytes[512 + 197 + 12..][..4].copy_from_slice(&14_400u32.to_le_bytes());
            Ok(())
        })
        .unwrap();
    // Started on Saturday, 00:30:01.
    let report = go(
        &net,
        "1995-12-23T00:30:01Z",
        &options("1995-12-23T12:00:00Z"),
    );
    let made: Vec<_> = report
        .runs
        .iter()
        .map(|run| (run.step, run.scheduled))
        .collect();
    assert_eq!(made, [(Step::T1, time("1995-12-23T00:00:00Z").0)]);
    assert_eq!(report.missed, 2);
    let records = records(&net, OTHER);
    let show = |record: &ProcessRecord| UnixTime(record.current.get()).listing(&TimeZone::UTC);
    assert_eq!(show(&records[0]), "Fri Dec 29 16:30:00 1995");
    assert_eq!(show(&records[1]), "Fri Dec 29 18:00:00 1995");
    assert_eq!(show(&records[2]), "Sat Dec 30 00:00:00 1995");
    assert_eq!(records[0].last_missed.get(), time("1995-12-22T16:30:00Z").0);
    assert_eq!(records[2].last_run.get(), time("1995-12-23T00:30:01Z").0);
    let home = log(&net, SERVER, "LOG/DISPATCH.LOG");
    for line in [
        "12/23/95 00:30 Checking the process table on NET\\B\r\n",
        "12/23/95 00:30 NSDA-RT Missed its run Window\r\n",
        "12/23/95 00:30 NSDA-RR Missed its run Window\r\n",
        "12/23/95 00:30 Running \"NSDA -RT\"\r\n",
        "12/23/95 00:30 \"NSDA -RT\" terminated normally with exit code 64\r\n",
    ] {
        assert!(home.contains(line), "{line} in {home}");
    }
    // DISPATCH.LOG is where the dispatcher logs to; the missed window is in the postoffice's own
    // log too.
    assert!(
        net.pos[OTHER]
            .bytes("LOG/DISPATCH.LOG")
            .unwrap_or_default()
            .is_empty()
    );
    let own = log(&net, OTHER, "LOG/DIRSYNC.LOG");
    assert!(
        own.contains("12/23/95 00:30:01 | Error  [   ] NSDA-RR Missed its run Window\r\n"),
        "{own}"
    );
}

// rule: dsp:R-SCH-006
// rule: tra:R-DSP-010
// rule: dsp:R-DSP-003
// rule: tra:R-DSP-008
// rule: dec:DEC-107
// rule: exc:R-DXA-003
// rule: tra:OQ-15
#[test]
fn a_postoffice_that_cannot_be_served_stops_nobody() {
    let from = time("1995-12-20T00:00:00Z");
    let day = "T1 Fri 13:00\nT3 Fri 17:00\nT1 Sat 13:00";
    let net = net(
        "UTC",
        &[(SERVER, &format!("{day}\nT2 Fri 15:00")), (OTHER, day)],
        from,
    );
    // An entry of T2 at a requestor, as a server leaves behind that was switched off.
    net.pos[OTHER]
        .edit(|edit| {
            let bytes = edit.bytes_mut("GLB/PROCESS.GLB")?;
            let mut entry = bytes[512..][..197].to_vec();
            entry[1] = 3;
            bytes.extend(entry);
            Ok(())
        })
        .unwrap();
    let from = time("1995-12-22T13:00:00Z").0;
    let mut clock = Virtual(time("1995-12-20T00:00:00Z"));
    // It does not answer from the start of T1 on, for two hours and a half.
    let (report, screen, asked) = go_with(
        &net,
        &mut clock,
        &options("1995-12-23T20:00:00Z"),
        (OTHER, from, from + 9000),
    );
    let made = |name: &str| -> Vec<(Step, u32, u8)> {
        let runs = report.runs.iter().filter(|run| run.postoffice == name);
        runs.map(|run| (run.step, (run.made - from) / 300, run.exit_code))
            .collect()
    };
    let next_day = 24 * 12;
    assert_eq!(
        made(SERVER),
        [
            (Step::T1, 0, 64),
            (Step::T2, 24, 64),
            (Step::T3, 48, 64),
            (Step::T1, next_day, 64)
        ]
    );
    // In the first round that reaches it, it makes up for what its window still allows.
    assert_eq!(
        made(OTHER),
        [
            (Step::T1, 30, 64),
            (Step::T2, 30, 65),
            (Step::T3, 48, 64),
            (Step::T1, next_day, 64)
        ]
    );
    assert_eq!(report.missed, 0);
    let log = log(&net, SERVER, "LOG/DISPATCH.LOG");
    assert!(log.contains("12/22/95 13:00 Checking the process table on NET\\B\r\n12/22/95 13:00 Failure while accessing the process table.\r\n"), "{log}");
    assert_eq!(log.matches("Failure while").count(), 1);
    assert!(log.contains("12/22/95 15:30 \"NSDA -S\" terminated abnormally with exit code 65\r\n"));
    assert!(
        screen.contains(&"[15:30] \"NSDA -S\" terminated abnormally with exit code 65".to_owned())
    );
    // Message 161 in the report, and the silent one is asked last.
    let busy = lookup_code(Family::Dirsync, 161).unwrap();
    let problems = &report.members[1].problems;
    assert!(
        problems.iter().any(|found| found.message.contains("[161]")),
        "{problems:?} {}",
        busy.text
    );
    assert!(
        asked
            .windows(2)
            .any(|pair| pair == [SERVER.to_owned(), OTHER.to_owned()])
    );
}

// rule: dsp:R-SCH-010
// rule: tra:R-ADM-043
// rule: tra:R-DSP-011
#[test]
fn two_entries_of_one_weekday_run_once_and_a_broken_table_is_named() {
    let from = time("2000-02-25T00:00:00Z");
    let net = net("UTC", &[(OTHER, "T1 Tue 10:00")], from);
    // ADMIN did not know the leap day and appended the new time (Q197407).
    net.pos[OTHER]
        .edit(|edit| {
            let bytes = edit.bytes_mut("GLB/PROCESS.GLB")?;
            let mut entry = bytes[512..][..197].to_vec();
            entry[3] = 11;
            entry[8..12].copy_from_slice(&time("2000-02-29T11:00:00Z").0.to_le_bytes());
            bytes.extend(entry);
            Ok(())
        })
        .unwrap();
    net.pos[SERVER].put("GLB/PROCESS.GLB", &[1; 600]);
    let report = go(
        &net,
        "2000-02-28T00:00:00Z",
        &options("2000-03-08T00:00:00Z"),
    );
    let made: Vec<_> = report.runs.iter().map(|run| run.made).collect();
    assert_eq!(
        made,
        ["2000-02-29T11:00:00Z", "2000-03-07T11:00:00Z"].map(|text| time(text).0)
    );
    let ids = |at: usize| -> Vec<&str> {
        report.members[at]
            .problems
            .iter()
            .map(|found| found.id.as_str())
            .collect()
    };
    assert_eq!(
        (ids(0), ids(1)),
        (vec!["dispatch.no-table"], vec!["dispatch.double-entry"])
    );
    assert!(log(&net, SERVER, "LOG/DISPATCH.LOG").starts_with("02/28/00 00:00 Checking the process table on NET\\A\r\n02/28/00 00:00 Failure while accessing the process table.\r\n"));
}

// Between T1 and T2 and between T2 and T3 mail has its time, even when all are late.
// rule: dsp:R-SCH-011
// rule: tra:R-DSP-009
#[test]
fn one_look_makes_what_is_due_in_order_and_moves_mail_between() {
    let from = time("1995-12-20T00:00:00Z");
    let tables = "T1 Fri 13:00\nT3 Fri 15:00";
    let net = net(
        "UTC",
        &[
            (SERVER, &format!("T2 Fri 14:00\n{tables}")),
            (OTHER, tables),
        ],
        from,
    );
    let once = DispatchOptions {
        once: true,
        until: None,
        instance: Some("INST1".into()),
        home: Some("net/b".into()),
        ..options("1995-12-30T00:00:00Z")
    };
    let report = go(&net, "1995-12-22T16:00:00Z", &once);
    let made: Vec<_> = report
        .runs
        .iter()
        .map(|run| (run.step, run.postoffice.as_str()))
        .collect();
    assert_eq!(
        made,
        [
            (Step::T1, SERVER),
            (Step::T1, OTHER),
            (Step::T2, SERVER),
            (Step::T3, SERVER),
            (Step::T3, OTHER),
        ]
    );
    assert_eq!(
        (report.polls, report.runs_failed, report.stopped),
        (1, 0, false)
    );
    assert!(
        log(&net, OTHER, "LOG/DISPATCH.LOG")
            .starts_with("INST1 12/22/95 16:00 Checking the process table on NET\\A\r\n")
    );
    // The server's lists reached the other one: mail moved between the steps.
    assert!(net.gal(OTHER).len() > 2);
    // The same look again finds nothing to do.
    let again = go(&net, "1995-12-22T16:05:00Z", &once);
    assert_eq!((again.runs_made, again.missed), (0, 0));
}

// rule: dsp:R-DSP-001
#[test]
fn of_two_dispatchers_one_makes_the_step() {
    use super::table::{make, poll};
    use crate::tree::{OpenOptions, TreeMut};
    let from = time("1995-12-20T00:00:00Z");
    let net = net("UTC", &[(OTHER, "T1 Fri 13:00")], from);
    let now = time("1995-12-22T13:00:00Z");
    let polled = poll(&net.pos[OTHER].view(), OTHER, now);
    let options = StepOptions::new(now, "test");
    let make = || {
        let disk = net.disk(OTHER).unwrap();
        let domain = crate::postoffice::testtree::DOMAIN;
        let mut tree = TreeMut::open(disk, domain, &OpenOptions::default()).unwrap();
        make(&mut tree, &polled.due[0].change, &options, &NoProgress).unwrap()
    };
    assert_eq!(make().unwrap().sent, Some(3));
    assert!(make().is_none());
    assert_eq!(records(&net, OTHER)[0].last_run.get(), now.0);
}
