//! Links that fail alone, on postoffices in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::base::HexId;
use crate::core::base::ident::MailbagStem;
use crate::core::base::time::UnixTime;
use crate::core::format::mbg::Priority;
use crate::core::format::p1::P1;
use crate::postoffice::mail::{Outgoing, submit};
use crate::progress::NoProgress;
use crate::tree::disk::Disk;
use crate::tree::disk::fault::{Counting, FaultDisk};
use crate::tree::disk::mem::MemDisk;

use super::book::{LinkEntry, OPEN_RETRIES};
use super::deliver::{DeliverOptions, DeliverReport, LinkReport, LinkState, deliver};
use super::far::{Connector, FarError, FarSide, Local, Reply, Request};
use super::links::{change_link, links, set_route};
use super::map::{End, travel};
use super::testkit::*;

const DAY: u32 = 86_400;
const DEADLINE_SECONDS: u64 = 60;

fn at(seconds: u32) -> DeliverOptions {
    DeliverOptions::new(UnixTime(NOW.0 + seconds), "test")
}

fn link<'r>(report: &'r DeliverReport, to: &str) -> &'r LinkReport {
    report.links.iter().find(|link| link.to == to).unwrap()
}

fn system_mail(disk: &MemDisk) -> Vec<String> {
    subjects(disk, MailbagStem::SYSTEM)
}

fn log(disk: &MemDisk, name: &str) -> String {
    read(disk, &format!("LOG/{name}.LOG"))
        .map_or_else(String::new, |bytes| String::from_utf8(bytes).unwrap())
}

fn changed(disk: &MemDisk, to: &str, change: impl FnOnce(&mut LinkEntry)) {
    edited(disk, |edit| {
        change_link(edit, &to.parse().unwrap(), change).unwrap();
    });
}

fn send_as(disk: &MemDisk, from: &str, to: &str, subject: &str, precedence: Priority) {
    let message = Outgoing {
        attachments: vec![(b"A.TXT".to_vec(), subject.as_bytes().to_vec())],
        precedence,
        ..Outgoing::new(address(from), vec![address(to)], subject.as_bytes(), NOW)
    };
    edited(disk, |edit| submit(edit, &message).unwrap());
}

// ---- the star

const SPOKES: usize = 10;
const HANGING: usize = 2;
const MISSING: usize = 5;
const EACH: usize = 15;

/// A hub that knows ten postoffices, with mail for each of them, and one message of each back.
struct Star {
    disks: Vec<(String, Arc<dyn Disk>, FaultDisk, MemDisk)>,
    broken: bool,
    /// Virtual seconds that were waited.
    waited: Arc<AtomicU64>,
}

impl Star {
    fn new(broken: bool) -> Self {
        let hub = postoffice("HUB");
        let spokes: Vec<String> = (0..SPOKES).map(|n| format!("S{n}")).collect();
        let mut disks = vec![("hub".to_owned(), hub.clone())];
        for name in &spokes {
            know(&hub, name, None);
            let disk = postoffice(name);
            know(&disk, "HUB", None);
            send(
                &disk,
                &format!("NET/{name}/$SYSTEM"),
                &["NET/HUB/$SYSTEM"],
                name,
            );
            disks.push((name.to_lowercase(), disk));
        }
        edited(&hub, |edit| {
            for n in 0..EACH {
                for name in &spokes {
                    let message = Outgoing::system(
                        address("NET/HUB/$SYSTEM"),
                        address(&format!("NET/{name}/$SYSTEM")),
                        format!("m{n}").as_bytes(),
                        NOW,
                    );
                    submit(edit, &message).unwrap();
                }
            }
        });
        let disks = disks
            .into_iter()
            .map(|(path, disk)| {
                let counting = FaultDisk::new(Arc::new(disk.clone()), Counting::All, None);
                let shared: Arc<dyn Disk> = Arc::new(counting.clone());
                (path, shared, counting, disk)
            })
            .collect();
        Self {
            disks,
            broken,
            waited: Arc::default(),
        }
    }

    fn deliver(&self, passes: u32, synchronous_mta: bool) -> DeliverReport {
        let paths: Vec<String> = self.disks.iter().map(|(path, ..)| path.clone()).collect();
        let options = DeliverOptions {
            passes: Some(passes),
            synchronous_mta,
            ..DeliverOptions::new(NOW, "test")
        };
        deliver(&paths, self, &options, &NoProgress).unwrap()
    }

    fn sound(&self) -> impl Iterator<Item = &(String, Arc<dyn Disk>, FaultDisk, MemDisk)> {
        let broken = [format!("s{HANGING}"), format!("s{MISSING}")];
        self.disks
            .iter()
            .filter(move |(path, ..)| path != "hub" && !broken.contains(path))
    }

    /// Whether the eight have everything.
    fn is_served(&self) -> bool {
        self.sound()
            .all(|(.., disk)| system_mail(disk).len() == EACH)
    }
}

impl Connector for Star {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        if self.broken && path == format!("s{MISSING}") {
            return Err(FarError::Ended("there is no such directory".into()));
        }
        let (_, disk, ..) = self.disks.iter().find(|(known, ..)| known == path).unwrap();
        let side = Local::new(Arc::clone(disk), options());
        if self.broken && path == format!("s{HANGING}") {
            let waited = Arc::clone(&self.waited);
            return Ok(Box::new(Hanging { side, waited }));
        }
        Ok(Box::new(side))
    }
}

/// Says who it is, and is never heard again when mail comes.
struct Hanging {
    side: Local,
    waited: Arc<AtomicU64>,
}

impl FarSide for Hanging {
    fn call(&mut self, request: Request) -> Result<Reply, FarError> {
        if matches!(request, Request::Receive { .. }) {
            self.waited.fetch_add(DEADLINE_SECONDS, Ordering::Relaxed);
            return Err(FarError::Silent {
                seconds: DEADLINE_SECONDS,
            });
        }
        self.side.call(request)
    }
}

/// The least passes after which the eight have all their mail, seconds waited for silence, and what
/// each of the eight was asked to do.
fn served_after(broken: bool, synchronous: bool) -> Option<(u32, u64, Vec<u64>)> {
    (1..=8).find_map(|passes| {
        let star = Star::new(broken);
        star.deliver(passes, synchronous);
        star.is_served().then(|| {
            let operations = star.sound().map(|(_, _, count, _)| count.operations());
            (
                passes,
                star.waited.load(Ordering::Relaxed),
                operations.collect(),
            )
        })
    })
}

// rule: mta:R-LNK-004
// rule: exc:R-MSM-030
// rule: exc:V-29
// rule: mta:R-Q-007
#[test]
fn in_a_star_one_that_hangs_and_one_that_is_missing_delay_nobody() {
    let (passes, waited, operations) = served_after(false, false).unwrap();
    assert_eq!(waited, 0);
    let (with_faults, waited, with_faults_operations) = served_after(true, false).unwrap();
    assert_eq!(with_faults, passes);
    assert_eq!(waited, DEADLINE_SECONDS, "once for the one that hangs");
    assert_eq!(
        with_faults_operations, operations,
        "nobody was asked for more than without the failures"
    );
    // The profile of the old MTA: those behind the one that hangs get nothing, however long.
    assert_eq!(served_after(true, true), None);
    assert!(served_after(false, true).is_some());
    let star = Star::new(true);
    let report = star.deliver(10_000, true);
    assert!(report.quiet);
    for (path, .., disk) in &star.disks {
        let number: Option<usize> = path.strip_prefix('s').and_then(|n| n.parse().ok());
        if let Some(number) = number {
            let expected = if number < HANGING { EACH } else { 0 };
            assert_eq!(system_mail(disk).len(), expected, "{path}");
        }
    }
    // And what waits for the two is still there, also in the profile of ours.
    let star = Star::new(true);
    let report = star.deliver(10_000, false);
    assert_eq!(link(&report, "NET/S2").waiting, EACH as u64);
    assert_eq!(link(&report, "NET/S2").state, LinkState::Retrying);
    assert_eq!(link(&report, "NET/S5").waiting, EACH as u64);
    // What the one that hangs has for others waits in it: it is not asked again in this run.
    assert_eq!(system_mail(&star.disks[0].3).len(), SPOKES - 2);
}

// ---- attempts and expiry

// rule: mta:R-LNK-001
// rule: mta:R-LNK-002
// rule: mta:R-Q-024
// rule: tra:R-ERR-001
// rule: tra:OQ-21
#[test]
fn after_a_day_of_attempts_the_senders_are_told() {
    let a = postoffice("A");
    know(&a, "B", None);
    send(&a, "NET/A/Admin", &["NET/B/X"], "mine");
    send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "ReqTx");
    send(&a, "NET/A/POSTMASTER", &["NET/B/X"], "Mail failure");
    let net = Net::of(&[("a", &a)]);
    for attempt in 1..OPEN_RETRIES {
        let report = net.deliver_with(&at((attempt - 1) * 600));
        let link = link(&report, "NET/B");
        assert_eq!((link.attempts, link.waiting), (attempt, 3));
        assert_eq!(link.next_retry, NOW.0 + attempt * 600);
        assert_eq!(link.state, LinkState::Retrying);
        // Trying more often uses nothing up.
        let report = net.deliver_with(&at((attempt - 1) * 600 + 599));
        assert_eq!(report.links[0].attempts, attempt);
        if attempt == 2 {
            let published = include_str!("../../../../fixtures/logs/q117152-session-log.txt");
            let line = published.lines().nth(1).unwrap();
            assert!(
                log(&a, "SESSION").contains(&format!("To: NET/B\r\n04-07-94 12:13 {line}\r\n"))
            );
            assert_eq!(
                log(&a, "SESSION").matches("Mail transfer failed.").count(),
                2
            );
        }
    }
    // With --due it is not even asked in between.
    let early = DeliverOptions {
        due: true,
        ..at((OPEN_RETRIES - 2) * 600 + 300)
    };
    let report = net.deliver_with(&early);
    assert_eq!(link(&report, "NET/B").state, LinkState::Retrying);
    assert!(link(&report, "NET/B").last_error.is_some());
    let report = net.deliver_with(&at((OPEN_RETRIES - 1) * 600));
    assert!(report.has_problems());
    let gone = link(&report, "NET/B");
    assert_eq!((gone.returned, gone.waiting), (3, 0));
    assert_eq!(gone.state, LinkState::Down);
    // The sender, and for system mail the administrator; nobody about the report.
    assert_eq!(subjects(&a, ADMIN), ["Mail failure", "Mail failure"]);
    let text = log(&a, "SYSTEM");
    assert_eq!(
        text.matches("[005] Mail retry count exceeded sending to:\r\nNET /B\r\n")
            .count(),
        3,
        "{text}"
    );
    account(&a);
    // It is still tried, and comes back by itself.
    let b = postoffice("B");
    know(&b, "A", None);
    send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "again");
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let report = net.deliver_with(&at(OPEN_RETRIES * 600));
    assert!(!report.has_problems(), "{report:#?}");
    assert_eq!(system_mail(&b), ["again"]);
    assert_eq!(read(&a, "INI/LINKS.INI"), None);
}

// rule: mta:R-Q-004
#[test]
fn mail_that_cannot_leave_lives_as_long_as_its_priority_says() {
    let a = postoffice("A");
    know(&a, "B", None);
    changed(&a, "NET/B", |link| link.retries = Some(100_000));
    for (subject, precedence) in [
        ("urgent", Priority::High),
        ("normal", Priority::Normal),
        ("low", Priority::Low),
    ] {
        send_as(&a, "NET/A/Admin", "NET/B/X", subject, precedence);
    }
    let net = Net::of(&[("a", &a)]);
    let mut left = Vec::new();
    for day in [1, 2, 3, 7, 8, 10, 11] {
        let report = net.deliver_with(&at(day * DAY));
        let waiting = report.links.first().map_or(0, |link| link.waiting);
        left.push((day, waiting));
    }
    assert_eq!(
        left,
        [(1, 3), (2, 3), (3, 2), (7, 2), (8, 1), (10, 1), (11, 0)]
    );
    assert_eq!(subjects(&a, ADMIN), ["Mail failure"; 3]);
    assert_eq!(
        log(&a, "SYSTEM")
            .matches("The maximum time for delivering the message expired")
            .count(),
        3
    );
    account(&a);
}

// rule: mta:R-Q-005
#[test]
fn old_mail_that_can_leave_leaves_and_held_mail_stays() {
    let (a, b) = (postoffice("A"), postoffice("B"));
    know(&a, "B", None);
    know(&b, "A", None);
    changed(&a, "NET/B", |link| link.held = true);
    send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "old");
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let report = net.deliver_with(&at(400 * DAY));
    assert_eq!(link(&report, "NET/B").state, LinkState::Held);
    assert_eq!(link(&report, "NET/B").waiting, 1);
    assert!(!report.has_problems(), "the administrator wants it so");
    changed(&a, "NET/B", |link| link.held = false);
    let report = net.deliver_with(&at(400 * DAY));
    assert!(!report.has_problems(), "{report:#?}");
    assert_eq!(system_mail(&b), ["old"]);
    assert_eq!(read(&a, "INI/LINKS.INI"), None);
}

// rule: tra:R-ERR-005
// rule: tra:R-ERR-003
#[test]
fn a_full_destination_keeps_nobody_waiting_and_loses_nothing() {
    let (a, b, c) = (postoffice("A"), postoffice("B"), postoffice("C"));
    for name in ["B", "C"] {
        know(&a, name, None);
    }
    send(&a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "one");
    b.set_capacity(Some(0));
    let net = Net::of(&[("a", &a), ("b", &b), ("c", &c)]);
    // Two days of runs: no attempt counts, nothing goes back.
    for n in 0..(2 * DAY / 600) {
        if n == 100 {
            send(&a, "NET/A/$SYSTEM", &["NET/C/$SYSTEM"], "for C");
        }
        let report = net.deliver_with(&at(n * 600));
        let full = link(&report, "NET/B");
        assert_eq!((full.waiting, full.attempts), (1, 0));
        assert_eq!(full.state, LinkState::Retrying);
    }
    assert_eq!(system_mail(&c), ["for C"]);
    b.set_capacity(None);
    let report = net.deliver_with(&at(2 * DAY));
    assert!(!report.has_problems(), "{report:#?}");
    assert_eq!(system_mail(&b), ["one"]);
    account(&a);
    account(&b);
}

// rule: tra:R-ERR-001
// rule: tra:R-ERR-002
// rule: tra:OQ-03
#[test]
fn a_message_that_is_not_taken_three_times_goes_back_and_the_others_pass() {
    goes_back_after(0, 3);
    // As the record of the postoffice says.
    goes_back_after(1, 1);
    goes_back_after(5, 5);
}

fn goes_back_after(retry_limit: u8, attempts: u64) {
    let (a, b) = (postoffice("A"), postoffice("B"));
    let mailbag = know(&a, "B", None);
    edited(&a, |edit| {
        edit.patch("XTN/00000001.XTN", 65, &[retry_limit]).unwrap()
    });
    send(&a, "NET/A/Admin", &["NET/B/Admin"], "bad");
    send(&a, "NET/A/Admin", &["NET/B/Admin"], "good");
    Net::of(&[("a", &a)]).deliver_with(&DeliverOptions {
        passes: Some(1),
        ..at(0)
    });
    let bad = headers(&a, MailbagStem::Id(mailbag))[0].1;
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let path = a
        .snapshot()
        .into_keys()
        .find(|path| path.starts_with(&format!("P1/{bad}.P")))
        .unwrap();
    edited(&a, |edit| {
        let mut part = P1::decode(&edit.peek(&path, 1 << 20).unwrap().unwrap()).unwrap();
        part.recipients = Vec::new();
        edit.write(&path, part.encode().unwrap()).unwrap();
    });
    for attempt in 1..=attempts {
        let start = u32::try_from(attempt).unwrap() * 300;
        // Somebody tries again and again between two attempts: they do not count.
        for second in [1, 150, 299].into_iter().filter(|_| attempt > 1) {
            let report = net.deliver_with(&at(start - 300 + second));
            assert_eq!(link(&report, "NET/B").waiting, 1, "{attempt} {second}");
        }
        let report = net.deliver_with(&at(start));
        assert_eq!(subjects(&b, ADMIN), ["good"]);
        let link = link(&report, "NET/B");
        assert_eq!(
            link.waiting,
            u64::from(attempt < attempts),
            "attempt {attempt}"
        );
        assert_eq!(link.state, LinkState::Up);
        assert!(report.has_problems());
    }
    let text = log(&a, "SYSTEM");
    assert!(text.contains("Subject: bad"), "{text}");
    assert!(!net.deliver().has_problems());
    assert_eq!(read(&a, "INI/LINKS.INI"), None);
}

// ---- other routes

/// A knows B, C and H directly, B also through H (cost 5) and C (cost 9).
fn meshed() -> (BTreeMap<&'static str, MemDisk>, HexId) {
    let names = ["A", "B", "C", "H"];
    let disks: BTreeMap<&str, MemDisk> =
        names.iter().map(|name| (*name, postoffice(name))).collect();
    let mut to_b = HexId(0);
    for (name, disk) in &disks {
        for other in names.iter().filter(|other| *other != name) {
            let mailbag = know(disk, other, None);
            if (*name, *other) == ("A", "B") {
                to_b = mailbag;
            }
        }
    }
    edited(&disks["A"], |edit| {
        for (via, cost) in [("NET/C", 9), ("NET/H", 5)] {
            let (to, via) = ("NET/B".parse().unwrap(), via.parse().unwrap());
            set_route(edit, &to, &via, Some(cost)).unwrap();
        }
    });
    (disks, to_b)
}

fn without<'a>(disks: &'a BTreeMap<&str, MemDisk>, gone: &[&str]) -> Net {
    let left: Vec<(&str, &'a MemDisk)> = disks
        .iter()
        .filter(|(name, _)| !gone.contains(*name))
        .map(|(name, disk)| (*name, disk))
        .collect();
    Net::of(&left)
}

// rule: mta:R-Q-021
// rule: mta:R-DB-012
// rule: mta:R-Q-020
#[test]
fn mail_takes_the_next_route_by_cost_and_the_first_one_when_it_works_again() {
    let (disks, to_b) = meshed();
    let a = &disks["A"];
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "one");
    let of = |report: &DeliverReport, from: &str, to: &str| {
        let found = report
            .links
            .iter()
            .find(|link| link.from == from && link.to == to);
        found.map_or((0, 0, 0), |link| (link.sent, link.rerouted, link.waiting))
    };
    // B and H are out of reach. H was never asked, so it comes first; then the way through C, the
    // dearest, is left. C cannot reach B either.
    let report = without(&disks, &["B", "H"]).deliver();
    assert_eq!(of(&report, "NET/A", "NET/B"), (0, 1, 0), "{report:#?}");
    assert_eq!(of(&report, "NET/A", "NET/H"), (0, 1, 0), "{report:#?}");
    assert_eq!(of(&report, "NET/A", "NET/C"), (1, 0, 0), "{report:#?}");
    assert_eq!(of(&report, "NET/C", "NET/B"), (0, 0, 1), "{report:#?}");
    assert!(subjects(a, MailbagStem::Id(to_b)).is_empty());
    // There it stays: nothing goes round in circles.
    let report = without(&disks, &["B", "H"]).deliver();
    let moved: u64 = report
        .links
        .iter()
        .map(|link| link.rerouted + link.sent)
        .sum();
    assert_eq!(moved, 0, "{report:#?}");
    account(a);
    account(&disks["C"]);
    // H is back. As long as A has not met it, C is the better way.
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "two");
    let report = without(&disks, &["B"]).deliver();
    assert_eq!(of(&report, "NET/A", "NET/C"), (1, 0, 0), "{report:#?}");
    assert_eq!(of(&report, "NET/C", "NET/B"), (0, 0, 2), "{report:#?}");
    // Now it has, and H is cheaper.
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "four");
    let report = without(&disks, &["B"]).deliver();
    assert_eq!(of(&report, "NET/A", "NET/H"), (1, 0, 0), "{report:#?}");
    assert_eq!(of(&report, "NET/H", "NET/B"), (0, 0, 1), "{report:#?}");
    // B is back: everything arrives once, and the first route is used again.
    let net = without(&disks, &[]);
    net.deliver_with(&at(600));
    let report = net.deliver_with(&at(1200));
    assert!(!report.has_problems(), "{report:#?}");
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "three");
    let report = net.deliver_with(&at(1800));
    assert_eq!(link(&report, "NET/B").sent, 1);
    let mut arrived = system_mail(&disks["B"]);
    arrived.sort_unstable();
    assert_eq!(arrived, ["four", "one", "three", "two"]);
    for disk in disks.values() {
        account(disk);
        assert_eq!(read(disk, "INI/LINKS.INI"), None);
    }
}

// rule: mta:R-Q-021
#[test]
fn an_envelope_that_cannot_be_written_again_keeps_nobody_from_another_route() {
    let (disks, to_b) = meshed();
    let a = &disks["A"];
    let long = &"a subject of forty bytes, not one byte mo"[..40];
    let bad = send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], long);
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "good");
    edited(a, |edit| {
        super::mailer::pass(edit, NOW, 50, &mut |found| panic!("{found:?}")).unwrap();
    });
    let part = a
        .snapshot()
        .into_keys()
        .find(|path| path.starts_with(&format!("P1/{bad}.P")))
        .unwrap();
    let bytes = with_long_subject(&read(a, &part).unwrap());
    edited(a, |edit| edit.write(&part, bytes).unwrap());
    let report = without(&disks, &["B"]).deliver();
    assert_eq!(link(&report, "NET/B").rerouted, 1, "{report:#?}");
    assert_eq!(headers(a, MailbagStem::Id(to_b)), [(long.to_owned(), bad)]);
    let net = without(&disks, &[]);
    net.deliver_with(&at(600));
    net.deliver_with(&at(1200));
    assert_eq!(system_mail(&disks["B"]), ["good"]);
}

// rule: mta:R-DB-012
#[test]
fn a_secured_link_keeps_its_mail() {
    let (disks, to_b) = meshed();
    let a = &disks["A"];
    changed(a, "NET/B", |link| link.secured = true);
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "kept");
    for n in 0..3 {
        let report = without(&disks, &["B"]).deliver_with(&at(n * 600));
        assert_eq!(
            (
                link(&report, "NET/B").rerouted,
                link(&report, "NET/B").waiting
            ),
            (0, 1)
        );
    }
    assert_eq!(subjects(a, MailbagStem::Id(to_b)), ["kept"]);
    // New mail chooses before it stands in the queue.
    send(a, "NET/A/$SYSTEM", &["NET/C/$SYSTEM"], "other");
    without(&disks, &["B"]).deliver_with(&at(3 * 600));
    assert_eq!(system_mail(&disks["C"]), ["other"]);
    let report = without(&disks, &[]).deliver_with(&at(4 * 600));
    assert!(!report.has_problems(), "{report:#?}");
    assert_eq!(system_mail(&disks["B"]), ["kept"]);
}

/// Lets one tree take a batch in and never say so.
struct Mute<'a> {
    net: &'a Net,
    path: &'static str,
}

impl Connector for Mute<'_> {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let side = self.net.connect(path)?;
        if path == self.path {
            return Ok(Box::new(Silent(side)));
        }
        Ok(side)
    }
}

struct Silent(Box<dyn FarSide>);

impl FarSide for Silent {
    fn call(&mut self, request: Request) -> Result<Reply, FarError> {
        let receives = matches!(request, Request::Receive { .. });
        let reply = self.0.call(request);
        if receives {
            return Err(FarError::Silent { seconds: 60 });
        }
        reply
    }
}

// rule: dec:DEC-070
// rule: mta:R-LNK-005
#[test]
fn mail_that_may_have_arrived_is_not_sent_by_two_ways() {
    let (disks, to_b) = meshed();
    let a = &disks["A"];
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "once");
    let net = without(&disks, &[]);
    let paths: Vec<String> = net.disks.keys().cloned().collect();
    let mute = Mute {
        net: &net,
        path: "B",
    };
    let report = deliver(&paths, &mute, &at(0), &NoProgress).unwrap();
    assert_eq!(link(&report, "NET/B").rerouted, 0);
    assert_eq!(subjects(a, MailbagStem::Id(to_b)), ["once"]);
    // It is not known any more, the link fails again: now it goes through H, and B knows it.
    let report = without(&disks, &["B"]).deliver_with(&at(600));
    assert_eq!(link(&report, "NET/B").rerouted, 1);
    let report = net.deliver_with(&at(1200));
    assert!(!report.has_problems(), "{report:#?}");
    assert_eq!(link(&report, "NET/B").state, LinkState::Up);
    let repeated: u64 = report.links.iter().map(|link| link.repeated).sum();
    assert_eq!(repeated, 1);
    for disk in disks.values() {
        account(disk);
    }
}

// ---- restored trees

// rule: dec:DEC-070
#[test]
fn new_mail_of_restored_trees_is_never_taken_for_a_repeat() {
    let (mut a, mut b) = (postoffice("A"), postoffice("B"));
    know(&a, "B", None);
    know(&b, "A", None);
    let (old_a, old_b) = (a.fork(), b.fork());
    let mail = |disk: &MemDisk, subject: &str, now: u32| {
        let message = Outgoing::system(
            address("NET/A/$SYSTEM"),
            address("NET/B/$SYSTEM"),
            subject.as_bytes(),
            UnixTime(NOW.0 + now),
        );
        edited(disk, |edit| submit(edit, &message).unwrap())
    };
    let first = mail(&a, "before", 0);
    Net::of(&[("a", &a), ("b", &b)]).deliver();
    // The sender from a copy made before: it gives the same stem again.
    a = old_a.fork();
    let second = mail(&a, "after", 1);
    assert_eq!(first, second);
    let report = Net::of(&[("a", &a), ("b", &b)]).deliver();
    assert!(!report.has_problems());
    assert_eq!(system_mail(&b), ["before", "after"]);
    // The receiver: what it lost is lost, what is new arrives.
    b = old_b.fork();
    mail(&a, "third", 2);
    Net::of(&[("a", &a), ("b", &b)]).deliver();
    assert_eq!(system_mail(&b), ["third"]);
    // Both.
    (a, b) = (old_a, old_b);
    mail(&a, "fourth", 3);
    Net::of(&[("a", &a), ("b", &b)]).deliver();
    assert_eq!(system_mail(&b), ["fourth"]);
}

// ---- what an administrator sees

// rule: tra:NEED-19
// rule: tra:R-RTE-004
// rule: tra:NEED-04
// rule: tra:R-QUE-010
#[test]
fn links_and_routes_are_shown_and_checked() {
    let (disks, _) = meshed();
    let a = &disks["A"];
    send(a, "NET/A/$SYSTEM", &["NET/B/$SYSTEM"], "x");
    changed(a, "NET/B", |link| link.secured = true);
    without(&disks, &["B"]).deliver();
    let view = crate::tree::TreeView::open(Arc::new(a.clone()), DOMAIN, &options()).unwrap();
    let shown = links(&view, &mut |_| {}).unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].to.as_str(), shown[0].waiting), ("NET/B", 1));
    assert_eq!(shown[0].link.attempts, 1);
    assert!(shown[0].link.error.as_deref().unwrap().contains("NET/B"));
    drop(view);
    // A hub must be direct, a destination known, a link real.
    edited(a, |edit| {
        let name = |text: &str| text.parse().unwrap();
        assert!(set_route(edit, &name("NET/NOBODY"), &name("NET/H"), Some(1)).is_err());
        assert!(set_route(edit, &name("NET/B"), &name("NET/NOBODY"), Some(1)).is_err());
        assert!(set_route(edit, &name("NET/B"), &name("NET/A"), Some(1)).is_err());
        assert!(set_route(edit, &name("NET/B"), &name("NET/H"), Some(0)).is_err());
        assert!(change_link(edit, &name("NET/NOBODY"), |_| {}).is_err());
    });
    let tables = disks
        .values()
        .map(|disk| {
            let view =
                crate::tree::TreeView::open(Arc::new(disk.clone()), DOMAIN, &options()).unwrap();
            let table = super::map::table(&view).unwrap();
            (table.name.parse().unwrap(), table)
        })
        .collect();
    let way = travel(&tables, "NET/A".parse().unwrap(), "NET/B".parse().unwrap());
    assert_eq!(way.end, End::Arrives);
    let hops: Vec<(&str, &str)> = way
        .hops
        .iter()
        .map(|hop| (hop.at.as_str(), hop.next.as_str()))
        .collect();
    assert_eq!(hops, [("NET/A", "NET/H"), ("NET/H", "NET/B")]);
    assert_eq!(way.cost, 6);
    assert!(
        way.hops[0].why.contains("NET/B is retrying"),
        "{}",
        way.hops[0].why
    );
    let way = travel(&tables, "NET/B".parse().unwrap(), "NET/X".parse().unwrap());
    assert_eq!(way.end, End::NoRoute);
}
