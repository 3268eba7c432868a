//! X.400 connectors in memory: a star of Exchange servers, routes, loops, expiry.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::mail::{HOPS_MAX, rank};
use super::settle::CONGESTION;
use super::table::{Comments, Connector, Space, Table, X400_INI};
use crate::core::base::HexId;
use crate::core::base::address::PoName;
use crate::core::base::time::UnixTime;
use crate::core::format::FixedRecord as _;
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mai::Mai;
use crate::core::format::mbg::MbgRecord;
use crate::core::format::mta::message::Reference;
use crate::core::format::mta::queue::MemberRecord;
use crate::core::format::mta::{MessageKind, ObjectId, Priority, Profile};
use crate::core::format::p1::P1;
use crate::mta::edit::{Destination, MtaEdit};
use crate::mta::fresh::{FreshParams, database};
use crate::mta::mail::{self, Content, Posting, Submitter};
use crate::mta::store::Database;
use crate::mta::{self, MtaError};
use crate::progress::NoProgress;
use crate::tree::disk::Disk;
use crate::tree::disk::fault::{Counting, FaultDisk};
use crate::tree::disk::mem::MemDisk;
use crate::tree::journal::CommitInfo;
use crate::tree::ledger::Ledger;
use crate::tree::{Command, TreeMut, TreeView};

use super::super::book::{EXPIRED, LinkEntry, LinkState};
use super::super::deliver::{DeliverOptions, DeliverReport, LinkReport, deliver};
use super::super::far::{Connector as Connects, FarError, FarSide, Local, Reply, Request};
use super::super::testkit::{NOW, options, p};

const DEADLINE_SECONDS: u64 = 60;

fn dn(server: &str) -> String {
    format!("/O=ORG/OU=SITE/CN={server}")
}

fn own(server: &str) -> PoName {
    format!("X/{server}").parse().unwrap()
}

fn connector(to: &str, cost: u32, spaces: &[&str]) -> Connector {
    Connector {
        name: format!("TO {to} {cost}"),
        server: dn(to),
        path: None,
        cost,
        secured: false,
        spaces: spaces.iter().map(|space| space.parse().unwrap()).collect(),
        link: LinkEntry::default(),
        comments: Comments::default(),
    }
}

/// An Exchange server's queue database with connectors.
fn server(name: &str, connectors: Vec<Connector>) -> MemDisk {
    let table = Table {
        connectors,
        ..Table::new(dn(name), own(name))
    };
    let mut id = [0; 16];
    id[..name.len()].copy_from_slice(name.as_bytes());
    let queues = [table.ms_mail_queue(), table.agent_queue()];
    let disk = MemDisk::new();
    let files = database(&FreshParams {
        profile: Profile::V55,
        created: NOW,
        zone: "UTC",
        tree_id: TreeId(id),
        secured: &[(None, &queues[0]), (None, &queues[1])],
    })
    .unwrap();
    for file in files {
        disk.add_file(&p(&file.path), &file.bytes).unwrap();
    }
    disk.add_file(&p(X400_INI), table.format().as_bytes())
        .unwrap();
    disk.settle();
    disk
}

fn view(disk: &MemDisk) -> TreeView {
    TreeView::open(Arc::new(disk.clone()), mta::DOMAIN, &options()).unwrap()
}

fn table(disk: &MemDisk) -> Table {
    Table::load(&view(disk)).unwrap().unwrap()
}

fn commit<T>(
    disk: &MemDisk,
    make: impl FnOnce(&mut MtaEdit<'_, '_>, &mut Ledger) -> Result<T, MtaError>,
) -> T {
    let mut tree = TreeMut::open(Arc::new(disk.clone()), mta::DOMAIN, &options()).unwrap();
    let (made, plan) = {
        let db = Database::open(tree.view()).unwrap();
        let mut edit = MtaEdit::new(&db, NOW).unwrap();
        let mut ledger = Ledger::load(tree.view()).unwrap();
        let made = make(&mut edit, &mut ledger).unwrap();
        let mut plan = edit.finish().unwrap();
        ledger.write_into(&mut plan).unwrap();
        (made, plan)
    };
    let info = CommitInfo {
        command: Command::Deliver,
        user: "test".into(),
        now: NOW,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info).unwrap();
    made
}

fn parts(from: &str, to: &str, subject: &str, high: bool) -> Vec<Vec<u8>> {
    let id = format!("{from}-{subject}").into_bytes();
    let mut mai = Mai::new(from.as_bytes(), NOW.0, id)
        .to(to.as_bytes())
        .subject(subject.as_bytes())
        .text(b"text\r\n".to_vec());
    if high {
        mai.priority = crate::core::format::mbg::Priority::High;
    }
    let p1 = P1::for_message(&mai, HexId(1), vec![to.as_bytes().to_vec()]);
    let header = MbgRecord::new(b"u", subject.as_bytes(), HexId(1), NOW.0).unwrap();
    vec![header.encode(), p1.encode().unwrap(), mai.encode().unwrap()]
}

/// Puts a message on the queue that leads to its recipient.
fn send(disk: &MemDisk, from: &str, to: &str, subject: &str) {
    send_as(disk, from, to, subject, false);
}

fn send_as(disk: &MemDisk, from: &str, to: &str, subject: &str, high: bool) {
    let table = table(disk);
    let parts = parts(from, to, subject, high);
    let (queue, secured) = table
        .connector_queue_for(&parts[1])
        .unwrap_or_else(|| (table.ms_mail_queue(), true));
    let submitter = Submitter::new("ORG", "SITE", from.split('/').nth(1).unwrap());
    commit(disk, |edit, ledger| {
        if edit.super_queue().by_name(&queue).is_none() {
            edit.add_queue(&queue, secured)?;
        }
        let postings = [Posting::of(parts)];
        mail::put(edit, ledger, &queue, &postings, &submitter, NOW)
    });
}

/// Subjects on a queue, in its order.
fn subjects(disk: &MemDisk, queue: &str) -> Vec<String> {
    messages(disk, queue)
        .into_iter()
        .map(|(r, _)| r.subject)
        .collect()
}

fn messages(disk: &MemDisk, queue: &str) -> Vec<(Reference, Content)> {
    let view = view(disk);
    let db = Database::open(&view).unwrap();
    let queues = db.super_queue().unwrap();
    let Some(entry) = queues.by_name(queue) else {
        return Vec::new();
    };
    let own = table(disk).own;
    db.queue(entry.id)
        .unwrap()
        .members
        .iter()
        .map(|member| {
            let (_, reference, data) = super::mail::read(&db, member.object()).unwrap().unwrap();
            (reference, mail::read(&data, own).unwrap())
        })
        .collect()
}

fn arrived(disk: &MemDisk) -> Vec<String> {
    subjects(disk, &table(disk).ms_mail_queue())
}

/// The database is sound, and every object on a queue.
fn assert_clean(disk: &MemDisk) {
    let view = view(disk);
    let db = Database::open(&view).unwrap();
    let found = crate::mta::check::check(&db, &NoProgress).unwrap();
    assert!(found.is_clean(), "{:?}", found.findings);
}

fn link<'r>(report: &'r DeliverReport, from: &str, to: &str) -> &'r LinkReport {
    report
        .links
        .iter()
        .find(|link| link.from == dn(from) && link.to == dn(to))
        .unwrap()
}

/// Servers by name; some hang when mail comes, some are not there.
#[derive(Default)]
struct Net {
    disks: BTreeMap<String, (MemDisk, FaultDisk)>,
    hanging: Option<String>,
    missing: Vec<String>,
    waited: Arc<AtomicU64>,
}

impl Net {
    fn of(disks: &[(&str, &MemDisk)]) -> Self {
        Self {
            disks: disks
                .iter()
                .map(|(name, disk)| {
                    let counting = FaultDisk::new(Arc::new((*disk).clone()), Counting::All, None);
                    (format!("{name}/MTADATA"), ((*disk).clone(), counting))
                })
                .collect(),
            ..Self::default()
        }
    }

    fn deliver(&self, options: &DeliverOptions) -> DeliverReport {
        let paths: Vec<String> = self.disks.keys().cloned().collect();
        deliver(&paths, self, options, &NoProgress).unwrap()
    }

    fn deliver_at(&self, seconds: u32) -> DeliverReport {
        self.deliver(&DeliverOptions::new(UnixTime(NOW.0 + seconds), "test"))
    }
}

impl Connects for Net {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        if self.missing.iter().any(|missing| *missing == path) {
            return Err(FarError::Ended("there is no such directory".into()));
        }
        let (_, disk) = self.disks.get(path).unwrap();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let side = Local::of_mta(shared, options());
        if self.hanging.as_deref() == Some(path) {
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

// ---- the star

const SPOKES: usize = 10;
const HANGING: usize = 2;
const MISSING: usize = 5;
const EACH: usize = 60;

fn spoke(n: usize) -> String {
    format!("S{n}")
}

/// A hub and ten Exchange servers, with mail for each of them and one message of each back; and one
/// from each to the next one through the hub.
fn star(broken: bool) -> Net {
    let to_spokes = (0..SPOKES)
        .map(|n| connector(&spoke(n), 1, &[&format!("X/{}", spoke(n))]))
        .collect();
    let hub = server("HUB", to_spokes);
    let mut disks = vec![("hub".to_owned(), hub.clone())];
    for n in 0..SPOKES {
        let disk = server(&spoke(n), vec![connector("HUB", 1, &["X/*"])]);
        send(
            &disk,
            &format!("X/{}/u", spoke(n)),
            "X/HUB/u",
            &format!("from {n}"),
        );
        disks.push((format!("s{n}"), disk));
    }
    let table = table(&hub);
    commit(&hub, |edit, ledger| {
        for n in 0..SPOKES {
            let to = format!("X/{}/u", spoke(n));
            let postings: Vec<Posting> = (0..EACH)
                .map(|m| Posting::of(parts("X/HUB/u", &to, &format!("m{m:03} {n}"), false)))
                .collect();
            let (queue, secured) = table.connector_queue_for(&postings[0].parts[1]).unwrap();
            edit.add_queue(&queue, secured)?;
            let submitter = Submitter::new("ORG", "SITE", "HUB");
            mail::put(edit, ledger, &queue, &postings, &submitter, NOW)?;
        }
        Ok(())
    });
    let named: Vec<(&str, &MemDisk)> = disks.iter().map(|(n, d)| (n.as_str(), d)).collect();
    let mut net = Net::of(&named);
    if broken {
        net.hanging = Some(format!("s{HANGING}/MTADATA"));
        net.missing = vec![format!("s{MISSING}/MTADATA")];
    }
    net
}

fn sound(net: &Net) -> impl Iterator<Item = &(MemDisk, FaultDisk)> {
    let others = [
        "hub".to_owned(),
        format!("s{HANGING}"),
        format!("s{MISSING}"),
    ];
    net.disks
        .iter()
        .filter(move |(path, _)| !others.contains(&path.replace("/MTADATA", "")))
        .map(|(_, disks)| disks)
}

fn is_served(net: &Net) -> bool {
    sound(net).all(|(disk, _)| arrived(disk).len() == EACH)
}

/// The least passes after which the eight have all their mail, seconds waited for silence, and what
/// the disks of the eight were asked to do.
fn served_after(broken: bool, synchronous_mta: bool) -> Option<(u32, u64, Vec<u64>)> {
    (1..=6).find_map(|passes| {
        let net = star(broken);
        net.deliver(&DeliverOptions {
            passes: Some(passes),
            synchronous_mta,
            ..DeliverOptions::new(NOW, "test")
        });
        let operations = sound(&net).map(|(_, disk)| disk.operations()).collect();
        is_served(&net).then(|| (passes, net.waited.load(Ordering::Relaxed), operations))
    })
}

// rule: mta:R-LNK-004
// rule: exc:R-MSM-030
#[test]
fn in_a_star_of_exchange_servers_one_that_hangs_and_one_that_is_missing_delay_nobody() {
    let (passes, waited, operations) = served_after(false, false).unwrap();
    assert_eq!((passes, waited), (2, 0), "50 messages a pass");
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

    let net = star(true);
    let report = net.deliver(&DeliverOptions::new(NOW, "test"));
    assert!(report.quiet && is_served(&net));
    for broken in [HANGING, MISSING] {
        let link = link(&report, "HUB", &spoke(broken));
        assert_eq!(
            (link.waiting, link.state),
            (EACH as u64, LinkState::Retrying)
        );
    }
    let (hub, _) = &net.disks["hub/MTADATA"];
    assert_eq!(arrived(hub).len(), SPOKES - 2);
    for (disk, _) in net.disks.values() {
        assert_clean(disk);
    }
    // All of it, once, in order.
    for (disk, _) in sound(&net) {
        let found = arrived(disk);
        let mut sorted = found.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(found, sorted);
    }
    // Without the failures what waited follows.
    let net = Net {
        hanging: None,
        missing: Vec::new(),
        ..net
    };
    let report = net.deliver_at(601);
    assert!(!report.has_problems(), "{report:?}");
    assert!(net.disks.iter().all(|(path, (disk, _))| {
        arrived(disk).len()
            == if path.starts_with("hub") {
                SPOKES
            } else {
                EACH
            }
    }));
}

// ---- routes

fn at(seconds: u32) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

/// A reaches C over B1 (cost 1) or B2 (cost 2).
fn meshed() -> BTreeMap<&'static str, MemDisk> {
    BTreeMap::from([
        (
            "a",
            server(
                "A",
                vec![connector("B1", 1, &["X/C"]), connector("B2", 2, &["X/C"])],
            ),
        ),
        (
            "b1",
            server(
                "B1",
                vec![connector("C", 1, &["X/C"]), connector("A", 1, &["X/A"])],
            ),
        ),
        (
            "b2",
            server(
                "B2",
                vec![connector("C", 1, &["X/C"]), connector("A", 1, &["X/A"])],
            ),
        ),
        ("c", server("C", vec![connector("B1", 1, &["X/A"])])),
    ])
}

fn net_of(disks: &BTreeMap<&'static str, MemDisk>, gone: &[&str]) -> Net {
    let named: Vec<(&str, &MemDisk)> = disks.iter().map(|(name, disk)| (*name, disk)).collect();
    Net {
        missing: gone.iter().map(|name| format!("{name}/MTADATA")).collect(),
        ..Net::of(&named)
    }
}

// rule: mta:R-DB-012
// rule: mta:R-Q-021
// rule: mta:N-17
#[test]
fn mail_takes_the_next_connector_by_cost_and_the_first_one_when_it_works_again() {
    let disks = meshed();
    send(&disks["a"], "X/A/u", "X/C/u", "m1");
    let report = net_of(&disks, &["b1"]).deliver_at(0);
    assert_eq!(link(&report, "A", "B1").rerouted, 1, "{report:#?}");
    assert_eq!(arrived(&disks["c"]), ["m1"], "{report:#?}");
    assert_eq!(link(&report, "A", "B1").state, LinkState::Retrying);
    let queue = table(&disks["c"]).ms_mail_queue();
    let (reference, _) = messages(&disks["c"], &queue).remove(0);
    assert_eq!(
        reference.trace,
        [dn("A"), dn("B2")],
        "a reroute adds no trace"
    );
    // As long as B1 is not known to work the other way is taken at once; then it is the cheaper one.
    send(&disks["a"], "X/A/u", "X/C/u", "m2");
    net_of(&disks, &[]).deliver_at(700);
    send(&disks["a"], "X/A/u", "X/C/u", "m3");
    net_of(&disks, &[]).deliver_at(800);
    let traces: Vec<Vec<String>> = messages(&disks["c"], &queue)
        .into_iter()
        .map(|(r, _)| r.trace)
        .collect();
    assert_eq!(traces[1], [dn("A"), dn("B2")]);
    assert_eq!(traces[2], [dn("A"), dn("B1")]);
    disks.values().for_each(assert_clean);
}

// rule: mta:R-DB-012
#[test]
fn a_secured_connector_keeps_its_mail() {
    let disks = meshed();
    let mut secured = table(&disks["a"]);
    for connector in &mut secured.connectors {
        connector.secured = true;
    }
    write_table(&disks["a"], &secured);
    send(&disks["a"], "X/A/u", "X/C/u", "m1");
    let report = net_of(&disks, &["b1"]).deliver_at(0);
    assert_eq!(
        (
            link(&report, "A", "B1").waiting,
            link(&report, "A", "B1").rerouted
        ),
        (1, 0)
    );
    assert!(arrived(&disks["c"]).is_empty());
    net_of(&disks, &[]).deliver_at(700);
    assert_eq!(arrived(&disks["c"]), ["m1"]);
}

fn write_table(disk: &MemDisk, table: &Table) {
    let path = p(X400_INI);
    disk.unlink(&path).unwrap();
    disk.add_file(&path, table.format().as_bytes()).unwrap();
    disk.settle();
}

/// What the report that came back says.
fn report_of(disk: &MemDisk) -> String {
    let queue = table(disk).ms_mail_queue();
    let found = messages(disk, &queue);
    let (reference, content) = found.last().unwrap();
    assert_eq!(reference.kind, MessageKind::Report);
    let Content::Message(parts) = content else {
        panic!("{content:?}");
    };
    let mai = Mai::decode(&parts[2]).unwrap().mai;
    String::from_utf8_lossy(&mai.text).into_owned()
}

// rule: mta:R-Q-023
// rule: mta:R-ID-009
// rule: exc:R-MSM-016
#[test]
fn a_circle_ends_at_the_mta_that_had_the_message_before_and_the_sender_is_told() {
    let a = server("A", vec![connector("A0", 1, &["Y/*"])]);
    let b = server("A0", vec![connector("A", 1, &["Y/*", "X/A"])]);
    send(&a, "X/A/u", "Y/NOWHERE/u", "round");
    // Names that begin alike make no circle: A0 comes after A.
    send(&a, "X/A/u", "Y/NOWHERE/u", "again");
    let report = Net::of(&[("a", &a), ("b", &b)]).deliver_at(0);
    // A0 has no other way than back, which is not taken (it came in by it): its postoffice returns it.
    assert!(report.quiet);
    assert_eq!(arrived(&b), ["round", "again"]);

    let a = server("A", vec![connector("B", 1, &["Y/*"])]);
    let b = server(
        "B",
        vec![connector("C", 1, &["Y/*"]), connector("A", 1, &["X/A"])],
    );
    let c = server("C", vec![connector("A", 1, &["Y/*"])]);
    send(&a, "X/A/u", "Y/NOWHERE/u", "round");
    let report = Net::of(&[("a", &a), ("b", &b), ("c", &c)]).deliver_at(0);
    assert!(report.quiet && report.passes < 10);
    let text = report_of(&a);
    assert!(
        text.starts_with("The MTS-ID of the original message is: c=US;a= ;p=ORG;l=A-"),
        "{text}"
    );
    assert!(
        text.contains("[004] Message circular route detected."),
        "{text}"
    );
    for server in ["A", "B", "C"] {
        assert!(text.contains(&dn(server)), "{text}");
    }
    [&a, &b, &c].into_iter().for_each(assert_clean);
}

// rule: mta:R-LNK-001
// rule: mta:R-LNK-002
// rule: mta:R-Q-024
// rule: mta:TV-18
#[test]
fn after_144_attempts_all_of_it_is_returned_for_congestion() {
    let a = server("A", vec![connector("B", 1, &["X/B"])]);
    send(&a, "X/A/u", "X/B/u", "normal");
    send_as(&a, "X/A/u", "X/B/u", "urgent", true);
    let net = Net::of(&[("a", &a)]);
    for attempt in 0..143 {
        let report = net.deliver_at(attempt * 600);
        assert_eq!(link(&report, "A", "B").waiting, 2, "attempt {attempt}");
    }
    let report = net.deliver_at(143 * 600);
    assert_eq!(
        (
            link(&report, "A", "B").returned,
            link(&report, "A", "B").waiting
        ),
        (2, 0)
    );
    assert_eq!(link(&report, "A", "B").state, LinkState::Down);
    assert_eq!(arrived(&a), ["Mail failure", "Mail failure"]);
    assert!(report_of(&a).contains(CONGESTION), "{}", report_of(&a));
    assert_clean(&a);
}

// rule: mta:R-Q-004
// rule: mta:TV-18
#[test]
fn a_server_that_was_down_for_five_days_returns_urgent_mail_and_keeps_the_rest() {
    let a = server("A", vec![connector("B", 1, &["X/B"])]);
    send(&a, "X/A/u", "X/B/u", "normal");
    send_as(&a, "X/A/u", "X/B/u", "urgent", true);
    let report = Net::of(&[("a", &a)]).deliver_at(5 * 86_400);
    assert_eq!(
        (
            link(&report, "A", "B").returned,
            link(&report, "A", "B").waiting
        ),
        (1, 1)
    );
    assert!(report_of(&a).contains(EXPIRED));
    let queue = table(&a).connectors[0].clone();
    assert_eq!(subjects(&a, &table(&a).queue_of(&queue)), ["normal"]);
}

// rule: mta:R-Q-001
// rule: mta:R-Q-003
#[test]
fn urgent_mail_and_reports_leave_first() {
    let of = |kind, priority| {
        rank(&MemberRecord::message(
            ObjectId(0x0600_0030),
            priority,
            kind,
            NOW,
            1,
            "x",
        ))
    };
    assert_eq!(of(MessageKind::Ipm, Priority::Urgent), 0);
    assert_eq!(of(MessageKind::Report, Priority::Normal), 0);
    assert_eq!(of(MessageKind::Ipm, Priority::Normal), 1);
    assert_eq!(of(MessageKind::Ipm, Priority::NonUrgent), 2);
    let a = server("A", vec![connector("B", 1, &["X/B"])]);
    let b = server("B", Vec::new());
    send(&a, "X/A/u", "X/B/u", "normal");
    send_as(&a, "X/A/u", "X/B/u", "urgent", true);
    Net::of(&[("a", &a), ("b", &b)]).deliver_at(0);
    assert_eq!(arrived(&b), ["urgent", "normal"]);
}

// ---- exactly once

/// Takes the mail, and is not heard again.
struct Mute(Local);

impl FarSide for Mute {
    fn call(&mut self, request: Request) -> Result<Reply, FarError> {
        let received = matches!(request, Request::Receive { .. });
        let answer = self.0.call(request);
        if received {
            return Err(FarError::Silent { seconds: 1 });
        }
        answer
    }
}

struct Half<'a>(&'a Net);

impl Connects for Half<'_> {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let (_, disk) = &self.0.disks[path];
        let side = Local::of_mta(Arc::new(disk.clone()), options());
        if path.starts_with("b1") {
            return Ok(Box::new(Mute(side)));
        }
        Ok(Box::new(side))
    }
}

// rule: dec:DEC-070
// rule: mta:R-LNK-005
#[test]
fn mail_that_may_have_arrived_waits_and_is_not_doubled() {
    let disks = meshed();
    send(&disks["a"], "X/A/u", "X/C/u", "m1");
    let net = net_of(&disks, &[]);
    let paths: Vec<String> = net.disks.keys().cloned().collect();
    let options = DeliverOptions::new(NOW, "test");
    let report = deliver(&paths, &Half(&net), &options, &NoProgress).unwrap();
    // Not over B2: B1 may have it, and has.
    assert_eq!(
        (
            link(&report, "A", "B1").waiting,
            link(&report, "A", "B1").rerouted
        ),
        (1, 0)
    );
    let report = net.deliver_at(700);
    assert_eq!(link(&report, "A", "B1").repeated, 1);
    assert_eq!(arrived(&disks["c"]), ["m1"]);
    disks.values().for_each(assert_clean);
}

// rule: mta:R-Q-025
// rule: mta:R-Q-022
#[test]
fn one_copy_travels_and_fans_out_where_the_ways_part() {
    let a = server("A", vec![connector("B", 1, &["X/*"])]);
    let b = server(
        "B",
        vec![connector("C", 1, &["X/C"]), connector("D", 1, &["X/D"])],
    );
    let recipients = ["X/B/u", "X/C/u", "X/D/$SYSTEM", "X/B/$SYSTEM"];
    let mut parts = parts("X/A/u", recipients[0], "all", false);
    let mai = Mai::decode(&parts[2]).unwrap().mai;
    let all = recipients.iter().map(|to| to.as_bytes().to_vec()).collect();
    parts[1] = P1::for_message(&mai, HexId(1), all).encode().unwrap();
    let (queue, _) = table(&a).connector_queue_for(&parts[1]).unwrap();
    commit(&a, |edit, ledger| {
        edit.add_queue(&queue, false)?;
        let submitter = Submitter::new("ORG", "SITE", "A");
        mail::put(edit, ledger, &queue, &[Posting::of(parts)], &submitter, NOW)
    });
    let net = Net {
        missing: Vec::new(),
        ..Net::of(&[("a", &a), ("b", &b)])
    };
    let report = net.deliver_at(0);
    assert_eq!(link(&report, "A", "B").sent, 1);
    let of = table(&b);
    for queue in [
        of.ms_mail_queue(),
        of.agent_queue(),
        of.queue_of(&of.connectors[0]),
        of.queue_of(&of.connectors[1]),
    ] {
        let found = messages(&b, &queue);
        assert_eq!(found.len(), 1, "{queue}");
        assert_eq!(found[0].0.recipients.len(), 1, "{queue}");
    }
    assert_clean(&b);
}

// ---- the file

// rule: mta:R-Q-023
#[test]
fn a_message_that_passed_too_many_mtas_is_returned() {
    let a = server("A", vec![connector("B", 1, &["X/B"])]);
    let b = server("B", vec![connector("A", 1, &["X/A"])]);
    let queue = table(&a).queue_of(&table(&a).connectors[0]);
    send(&a, "X/B/u", "X/B/u", "old");
    commit(&a, |edit, _| {
        let id = edit.super_queue().by_name(&queue).unwrap().id;
        let member = edit.queue(id)?.members[0].object();
        let taken = edit.take(member)?;
        let trace = (1..HOPS_MAX).map(|n| dn(&format!("T{n}"))).collect();
        let message = super::mail::message_of(&taken.reference, taken.data, trace);
        let to = Destination {
            queue: id,
            recipients: taken.reference.recipients,
        };
        edit.submit(&message, &[to])
    });
    Net::of(&[("a", &a), ("b", &b)]).deliver_at(0);
    assert!(report_of(&b).contains("[003]"), "{}", report_of(&b));
}

// rule: mta:R-Q-023
#[test]
fn a_message_stays_when_its_report_is_not_taken() {
    use super::mail::is_there;
    use crate::mta::mail::Put;
    let stored = Put::Stored(crate::mta::edit::Submitted {
        data: ObjectId(1),
        references: vec![ObjectId(2)],
    });
    assert!(is_there(std::slice::from_ref(&stored)));
    assert!(is_there(&[Put::Repeat(ObjectId(2))]));
    assert!(!is_there(&[Put::Refused("why".into())]));
    assert!(!is_there(&[stored, Put::Refused("why".into())]));
    assert!(!is_there(&[]));
}

#[test]
fn the_table_is_read_as_it_was_written() {
    let mut table = Table::new(dn("A"), own("A"));
    table.connectors = vec![
        Connector {
            path: Some("/srv/b = c".to_owned()),
            secured: true,
            ..connector("B", 7, &["X/B", "EAST/*"])
        },
        connector("C", 100, &[]),
    ];
    table.connectors[1].link.failed(at(5), "no answer = none");
    let disk = server("A", Vec::new());
    write_table(&disk, &table);
    assert_eq!(Table::load(&view(&disk)).unwrap(), Some(table));
    assert_eq!("EAST/*".parse::<Space>().unwrap().to_string(), "EAST/*");
    for bad in ["EAST", "/*", "ELEVENCHARS1/*", "*/X/Y", ""] {
        assert!(bad.parse::<Space>().is_err(), "{bad}");
    }
    assert!(
        "EAST/*"
            .parse::<Space>()
            .unwrap()
            .holds(&"east/po".parse().unwrap())
    );
    assert!(
        !"EAST/*"
            .parse::<Space>()
            .unwrap()
            .holds(&"EAST0/PO".parse().unwrap())
    );
}

// Whatever stands in the place of a parcel: refused, and nothing is changed.
#[test]
fn nonsense_from_another_mta_is_refused() {
    use super::super::link::{Parcel, Receipt};
    let disk = server("A", Vec::new());
    for parts in [
        Vec::new(),
        vec![Vec::new(), vec![1; 100]],
        vec![vec![0xFF; 5_000], vec![0; 8_192]],
    ] {
        let mut side = Local::of_mta(Arc::new(disk.clone()), options());
        let parcel = Parcel {
            index: 1,
            stem: 2,
            tag: 3,
            part_count: u32::try_from(parts.len()).unwrap(),
            parts,
        };
        let request = Request::Receive {
            from: dn("B"),
            now: NOW.0,
            user: "test".into(),
            parcels: vec![parcel],
        };
        match side.call(request).unwrap() {
            Reply::Received { receipts } => {
                assert!(
                    matches!(receipts[..], [Receipt::Refused(_)]),
                    "{receipts:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_clean(&disk);
}

// rule: mta:R-LNK-013
// rule: mta:R-REC-095
#[test]
fn mail_of_a_connector_that_is_removed_takes_other_ways() {
    let connectors = vec![
        connector("B", 1, &["X/B", "X/C"]),
        connector("C", 2, &["X/C"]),
    ];
    let a = server("A", connectors);
    send(&a, "X/A/u", "X/B/u", "for B");
    send(&a, "X/A/u", "X/C/u", "for C");
    let mut changed = table(&a);
    let moved = commit(&a, |edit, _| {
        super::settle::remove(edit, &mut changed, "to b 1")
    });
    assert_eq!(moved, Some(2));
    write_table(&a, &changed);
    // No way to B is left: the postoffice returns it.
    assert_eq!(arrived(&a), ["for B"]);
    assert_eq!(
        subjects(&a, &changed.queue_of(&changed.connectors[0])),
        ["for C"]
    );
    assert_eq!(
        commit(&a, |edit, _| super::settle::remove(edit, &mut changed, "B")),
        None
    );
    assert_clean(&a);
}

// rule: mta:R-Q-008
// rule: tra:R-ERR-005
#[test]
fn a_database_that_is_nearly_out_of_space_takes_nothing_and_nothing_is_lost() {
    let a = server("A", vec![connector("B", 1, &["X/B"])]);
    let b = server("B", Vec::new());
    send(&a, "X/A/u", "X/B/u", "m");
    // Nearly 10 MB are free.
    b.set_capacity(Some(super::mail::SPACE_FLOOR_BYTES));
    let net = Net::of(&[("a", &a), ("b", &b)]);
    let report = net.deliver_at(0);
    let full = link(&report, "A", "B");
    assert_eq!(
        (full.waiting, full.attempts),
        (1, 0),
        "it is there, and is asked again"
    );
    b.set_capacity(None);
    net.deliver_at(1);
    assert_eq!(arrived(&b), ["m"]);
}
