//! Whole cycles over postoffices in memory: the very code of the programs, without children.

mod faults;
mod foreign;
mod options;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::run::{Became, RunOptions, RunReport, each, run};
use super::site::{Member, Site};
use super::status::{PostofficeStatus, RecordStatus, ServerStatus, compare};
use super::step::{Answer, Ask, AskOptions, Here, Step, Worker};
use crate::core::base::{PoName, Severity, UnixTime};
use crate::core::format::FixedRecord as _;
use crate::core::format::field::Password;
use crate::core::format::reqconf::ReqConfRecord;
use crate::postoffice::config::import_request::import_request;
use crate::postoffice::config::{registration, requestors, server};
use crate::postoffice::externals::{self, NewExternal};
use crate::postoffice::gal::{GalOptions, list_gal};
use crate::postoffice::testtree::{NOW, TestPo};
use crate::progress::{NoProgress, Progress};
use crate::transport::deliver::{DeliverOptions, deliver};
use crate::transport::far::{Connector, Failure, FailureClass, FarError, FarSide, Local};
use crate::tree::OpenOptions;
use crate::tree::disk::Disk;

/// A site in memory; the first postoffice is the server.
pub(super) struct Net {
    pub(super) pos: BTreeMap<String, TestPo>,
    server: String,
    pub(super) now: u32,
    allow: Vec<String>,
    auto_import: bool,
}

pub(super) fn po(name: &str) -> PoName {
    name.parse().unwrap()
}

impl Net {
    /// `hub`: the last postoffice is reached through the one before it.
    pub(super) fn new(names: &[&str], users: usize, hub: bool) -> Self {
        let mut net = Self {
            pos: BTreeMap::new(),
            server: names[0].to_owned(),
            now: NOW.0,
            allow: Vec::new(),
            auto_import: false,
        };
        for (n, name) in names.iter().enumerate() {
            let (network, postoffice) = name.split_once('/').unwrap();
            let tree = TestPo::new(network, postoffice);
            for user in 0..users {
                let letter = char::from(b'a' + u8::try_from(n).unwrap());
                tree.add_user(
                    &format!("{letter}{user:03}"),
                    &format!("{user:03} of {postoffice}"),
                );
            }
            net.pos.insert((*name).to_owned(), tree);
        }
        let last = names.len() - 1;
        for (n, name) in names.iter().enumerate() {
            let tree = &net.pos[*name];
            tree.edit(|edit| {
                for (m, other) in names.iter().enumerate().filter(|&(m, _)| m != n) {
                    let far = hub && (m == last || n == last) && m != last - 1 && n != last - 1;
                    let new = NewExternal {
                        name: po(other),
                        via: None,
                        path: None,
                        autocreated: false,
                    };
                    if !far {
                        externals::add(edit, &new)?;
                    }
                    let _ = m;
                }
                for (m, other) in names.iter().enumerate().filter(|&(m, _)| m != n) {
                    if hub && (m == last || n == last) && m != last - 1 && n != last - 1 {
                        let new = NewExternal {
                            name: po(other),
                            via: Some(po(names[last - 1])),
                            path: None,
                            autocreated: false,
                        };
                        externals::add(edit, &new)?;
                    }
                }
                Ok(())
            })
            .unwrap();
        }
        net.pos[&net.server].edit(server::on).unwrap();
        for name in &names[1..] {
            let new = requestors::NewRequestor {
                name: po(name),
                password: Password::default(),
                mailbox: None,
            };
            net.pos[&net.server]
                .edit(|edit| requestors::add(edit, &new))
                .unwrap();
            net.pos[*name]
                .edit(|edit| registration::register(edit, &po(&net.server), None))
                .unwrap();
        }
        for name in names {
            net.pos[*name]
                .lists(|lists, edit| lists.export(edit))
                .unwrap();
        }
        net
    }

    pub(super) fn disk(&self, path: &str) -> Result<Arc<dyn Disk>, Failure> {
        match self.pos.get(path) {
            Some(po) => Ok(Arc::new(po.disk.clone())),
            None => Err(Failure {
                class: FailureClass::Data,
                message: format!("{path} is gone"),
                hint: None,
                last: false,
                full: false,
            }),
        }
    }

    fn options(&self) -> RunOptions {
        RunOptions {
            step: AskOptions {
                now: self.now,
                allow_deletes: self.allow.clone(),
                auto_import: self.auto_import,
                ..AskOptions::new(NOW, "test")
            },
            wait_ms: 0,
            program: "test".into(),
        }
    }

    fn site(&self) -> Site {
        let look = |(path, po): (&String, &TestPo)| Member::look(&po.view(), path);
        Site {
            members: self.pos.iter().map(look).collect(),
            ..Site::default()
        }
    }

    pub(super) fn run(&mut self) -> RunReport {
        self.now += 3600;
        let site = self.site();
        let open = |path: &str| self.disk(path);
        run(
            &site,
            &Here { open: &open },
            self,
            &self.options(),
            &NoProgress,
        )
        .unwrap()
    }

    pub(super) fn step(&mut self, step: Step, name: &str) -> RunReport {
        self.now += 60;
        let open = |path: &str| self.disk(path);
        each(
            step,
            &[name.to_owned()],
            &Here { open: &open },
            &self.options(),
            &NoProgress,
        )
    }

    /// Mail until it is quiet.
    fn deliver(&mut self) {
        self.now += 60;
        let paths: Vec<String> = self.pos.keys().cloned().collect();
        let options = DeliverOptions {
            now: UnixTime(self.now),
            user: "test".into(),
            passes: None,
            dry_run: false,
            due: false,
            synchronous_mta: false,
        };
        let report = deliver(&paths, self, &options, &NoProgress).unwrap();
        assert!(report.quiet, "{report:#?}");
    }

    /// One step at one postoffice; what it did there.
    fn done(&mut self, step: Step, name: &str) -> super::run::MemberReport {
        let mut report = self.step(step, name);
        let member = report.members.remove(0);
        assert!(
            matches!(member.became, Became::Done | Became::Problems),
            "{member:#?}"
        );
        member
    }

    /// REQCONF, changed.
    fn conf(&self, name: &str, change: impl FnOnce(&mut ReqConfRecord)) {
        let po = &self.pos[name];
        let mut conf = self.reqconf(name);
        change(&mut conf);
        po.put("GLB/REQCONF.GLB", &conf.encode());
    }

    fn reqconf(&self, name: &str) -> ReqConfRecord {
        ReqConfRecord::decode(&self.pos[name].bytes("GLB/REQCONF.GLB").unwrap()).unwrap()
    }

    /// q.R, q.S, q.I.
    fn numbers(&self, name: &str) -> (u32, u32, u32) {
        let conf = self.reqconf(name);
        (
            conf.req_sync.get(),
            conf.srv_sync.get(),
            conf.imp_sync.get(),
        )
    }

    /// The server's side, and its record of a requestor.
    fn record(&self, name: &str) -> (ServerStatus, RecordStatus) {
        let status = PostofficeStatus::read(&self.pos[&self.server].view(), "").unwrap();
        let server = status.as_server.unwrap();
        let of = |record: &&RecordStatus| record.name.as_deref() == Some(name);
        let record = server.requestors.iter().find(of).unwrap().clone();
        (server, record)
    }

    /// DIRSYNC.LOG.
    fn log(&self, name: &str) -> String {
        let log = self.pos[name].bytes("LOG/DIRSYNC.LOG").unwrap_or_default();
        String::from_utf8(log).unwrap()
    }

    fn add(&self, name: &str, mailbox: &str) {
        self.pos[name].add_user(mailbox, &format!("User {mailbox} of {name}"));
    }

    fn import_request(&mut self, name: &str) {
        self.now += 60;
        let now = UnixTime(self.now);
        self.pos[name]
            .edit(|edit| import_request(edit, now).map(|_| ()))
            .unwrap();
    }

    /// The postoffice as it is now, for [`Net::restore`].
    fn backup(&self, name: &str) -> TestPo {
        let po = &self.pos[name];
        TestPo {
            disk: po.disk.fork(),
            now: po.now,
        }
    }

    fn restore(&mut self, name: &str, backup: TestPo) {
        self.pos.insert(name.to_owned(), backup);
    }

    pub(super) fn gal(&self, name: &str) -> BTreeSet<String> {
        let view = self.pos[name].view();
        let options = GalOptions {
            participating: true,
            ..GalOptions::default()
        };
        let mut gal = BTreeSet::new();
        list_gal(
            &view,
            &options,
            &mut |finding| panic!("{finding:?}"),
            &mut |entry| {
                gal.insert(format!("{} {}", entry.address.clone().unwrap(), entry.name));
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        gal
    }

    pub(super) fn assert_equal(&self, users: usize) {
        let first = self.gal(&self.server);
        assert_eq!(first.len(), users, "{first:#?}");
        for name in self.pos.keys() {
            assert_eq!(self.gal(name), first, "{name}");
        }
    }

    pub(super) fn assert_clean(&self) {
        for (name, po) in &self.pos {
            let found = po.findings();
            assert!(found.is_empty(), "{name}: {found:#?}");
        }
    }

    fn remove(&self, name: &str, mailbox: &str) {
        self.pos[name]
            .lists(|lists, edit| lists.remove_user(edit, mailbox.as_bytes()))
            .unwrap();
    }
}

impl Connector for Net {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let disk = self.disk(path).map_err(FarError::Failed)?;
        Ok(Box::new(Local::new(disk, OpenOptions::default())))
    }
}

pub(super) fn assert_done(report: &RunReport) {
    for member in &report.members {
        assert_eq!(member.became, Became::Done, "{member:#?}");
    }
    // What an earlier delivery could not do the last one has tried too.
    let last = report.deliveries.last();
    assert!(!last.is_some_and(|last| last.has_problems()), "{last:#?}");
}

pub(super) const NAMES: [&str; 3] = ["NET/SRV", "NET/RA", "NET/RB"];

/// Every list of a tree: what a cycle without changes must leave alone.
fn lists(po: &TestPo) -> BTreeMap<String, String> {
    let mut files = po.snapshot();
    files.retain(|path, _| {
        ["USR/", "NME/", "GRP/"]
            .iter()
            .any(|dir| path.starts_with(dir))
            || path.contains("GAL")
            || path.contains("ACCESS")
            || path.contains("MSTTRANS")
    });
    files
}

// rule: dsp:R-NUM-004
// rule: dsp:R-T2T-002
// rule: dsp:R-IMP-001
// rule: dec:DEC-057
#[test]
fn two_cycles_make_the_lists_equal_and_a_third_changes_nothing() {
    for hub in [false, true] {
        let mut net = Net::new(&NAMES, 5, hub);
        let first = net.run();
        assert_done(&first);
        assert_eq!(first.sent(), 3 * 6, "{first:#?}");
        assert_done(&net.run());
        net.assert_equal(15);
        net.assert_clean();
        let before: Vec<_> = net.pos.values().map(lists).collect();
        let third = net.run();
        assert_done(&third);
        assert_eq!(third.sent(), 0);
        let after: Vec<_> = net.pos.values().map(lists).collect();
        for (before, after) in before.iter().zip(&after) {
            let differs: Vec<_> = after
                .iter()
                .filter(|(path, node)| before.get(*path) != Some(node))
                .map(|(path, _)| path)
                .collect();
            assert!(differs.is_empty(), "hub {hub}: {differs:?}");
        }
        for member in &third.members {
            assert_eq!(member.before, member.after);
            assert_eq!(member.received, Some(0));
        }
    }
}

// rule: dsp:R-T0-001
// rule: dec:DEC-080
#[test]
fn a_removed_user_is_gone_everywhere_after_one_run() {
    let mut net = Net::new(&NAMES, 3, false);
    net.run();
    net.run();
    for (name, mailbox) in [("NET/RA", "b001"), ("NET/SRV", "a002")] {
        net.remove(name, mailbox);
    }
    assert_done(&net.run());
    net.assert_equal(7);
    net.assert_clean();
    let statuses: Vec<_> = net
        .pos
        .iter()
        .map(|(path, po)| PostofficeStatus::read(&po.view(), path).unwrap())
        .collect();
    let out: Vec<_> = compare(&statuses)
        .into_iter()
        .filter(|out| out.finding.severity > Severity::Note)
        .collect();
    assert_eq!(out, []);
}

// rule: dec:4
#[test]
fn the_guard_holds_a_bulk_delete_until_it_is_allowed() {
    for owner in ["NET/RA", "NET/SRV"] {
        let mut net = Net::new(&NAMES, 50, false);
        net.run();
        net.run();
        net.assert_equal(150);
        let letter = if owner == "NET/RA" { 'b' } else { 'a' };
        for user in 0..40 {
            net.remove(owner, &format!("{letter}{user:03}"));
        }
        let sync_before = PostofficeStatus::read(&net.pos["NET/SRV"].view(), "")
            .unwrap()
            .as_server
            .unwrap()
            .sync;
        let held = net.run();
        assert!(
            held.members
                .iter()
                .any(|member| member.became == Became::Held)
        );
        let text = format!("{:#?}", held.members);
        assert!(text.contains("40 of 50 entries"), "{text}");
        for member in held.members.iter().filter(|m| m.became == Became::Held) {
            assert_eq!(member.before, member.after);
        }
        let status = PostofficeStatus::read(&net.pos["NET/SRV"].view(), "").unwrap();
        if owner == "NET/RA" {
            // Held at T2: nothing of it was taken, its mail still waits.
            assert_eq!(status.as_server.unwrap().sync, sync_before);
            assert_eq!(status.system_mail, 1);
        }
        assert_eq!(net.gal("NET/RB").len(), 150);
        net.allow = vec!["39".into()];
        assert!(net.run().members.iter().any(|m| m.became == Became::Held));
        net.allow = vec![format!("{owner}=40")];
        assert_done(&net.run());
        net.allow = Vec::new();
        assert_done(&net.run());
        net.assert_equal(110);
        net.assert_clean();
    }
}

// rule: dsp:R-ORD-001
// rule: dsp:R-T2R-011
// rule: dsp:R-ORD-004
#[test]
fn one_that_is_gone_does_not_stop_the_others_and_catches_up() {
    let mut net = Net::new(&NAMES, 3, false);
    net.run();
    net.run();
    let gone = net.pos.remove("NET/RB").unwrap();
    net.remove("NET/RA", "b000");
    let report = net.run();
    let named = report.members.iter().any(|member| {
        let problems = member.problems.iter();
        problems
            .map(|p| &p.message)
            .any(|text| text.contains("NET/RB"))
    });
    assert!(named, "{report:#?}");
    assert_eq!(net.gal("NET/SRV").len(), 8);
    assert_eq!(net.gal("NET/RA").len(), 8);
    net.pos.insert("NET/RB".into(), gone);
    net.run();
    net.run();
    net.assert_equal(8);
    net.assert_clean();
}

// rule: dsp:R-T1-006
#[test]
fn a_full_queue_is_said_and_moves_nothing() {
    let mut net = Net::new(&NAMES, 1, false);
    // Until INQUEUE is full: two messages at each T1.
    let before = PostofficeStatus::read(&net.pos["NET/RA"].view(), "").unwrap();
    let po = &net.pos["NET/RA"];
    po.put("KEY/INQUEUE.KEY", &[0; 100]);
    let report = net.step(Step::T1, "NET/RA");
    let text = format!("{report:#?}");
    assert!(
        text.contains("113") && text.contains("NET/SRV/$SYSTEM"),
        "{text}"
    );
    assert_eq!(report.members[0].sent, None);
    let after = PostofficeStatus::read(&net.pos["NET/RA"].view(), "").unwrap();
    assert_eq!(
        (after.last_sent, after.waiting),
        (before.last_sent, before.waiting)
    );
}

// rule: dsp:R-STA-002
// rule: dsp:R-STA-004
// rule: dsp:R-T1-004
#[test]
fn reports_of_all_requestors_reach_the_central_log() {
    let mut net = Net::new(&NAMES, 1, false);
    net.run();
    net.run();
    let log = net.pos["NET/SRV"].bytes("LOG/CENTRAL.LOG").unwrap();
    let log = String::from_utf8(log).unwrap();
    for name in NAMES {
        assert!(
            log.contains(&format!("Status       Report from {name}/$SYSTEM")),
            "{log}"
        );
    }
    // The numeric form of Q149271.
    assert!(log.contains(" | 1 167 PCM\r\n"), "{log}");
    assert!(log.contains(" | 1 105 "), "{log}");
    let own = net.pos["NET/RA"].bytes("LOG/DIRSYNC.LOG").unwrap();
    let own = String::from_utf8(own).unwrap();
    let at = |text: &str| own.find(text).unwrap_or_else(|| panic!("{text}: {own}"));
    assert!(at("DirSync Requestor") < at("requested for address types: PCM"));
    assert!(at("requested for address types") < at("Requestor updates received"));
    assert!(at("Requestor updates received") < at("Import is finished."));
    assert!(at("Import is finished.") < at("Number of entries in GAL:"));
}

/// A site in which one tree does not answer from some moment on.
struct Mute<'a> {
    net: &'a Net,
    tree: &'static str,
    /// The step, or the delivery before it, at which it falls silent.
    from: (Step, bool),
    /// The last step that was asked anywhere.
    last: Cell<Option<Step>>,
    /// Deadlines that were waited for.
    silences: Cell<u32>,
}

impl Mute<'_> {
    fn falls(&self, path: &str, now: (Step, bool)) -> Result<(), FarError> {
        if path != self.tree || now < self.from {
            return Ok(());
        }
        self.silences.set(self.silences.get() + 1);
        Err(FarError::Silent { seconds: 60 })
    }
}

impl Worker for Mute<'_> {
    fn ask(&self, ask: &Ask, progress: &dyn Progress) -> Result<Answer, FarError> {
        if let Ask::Step { tree, step, .. } = ask {
            self.last.set(Some(*step));
            self.falls(tree, (*step, true))?;
        }
        let open = |path: &str| self.net.disk(path);
        Here { open: &open }.ask(ask, progress)
    }
}

impl Connector for Mute<'_> {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let next = match self.last.get() {
            Some(Step::T1) => Step::T2,
            _ => Step::T3,
        };
        self.falls(path, (next, false))?;
        self.net.connect(path)
    }
}

// rule: mta:OQ-23
// rule: mta:R-LNK-004
// rule: mta:N-14
#[test]
fn a_silent_tree_costs_one_deadline_and_stops_nobody_else() {
    for tree in ["NET/RA", "NET/SRV"] {
        for from in [
            (Step::T1, true),
            (Step::T2, false),
            (Step::T2, true),
            (Step::T3, false),
            (Step::T3, true),
        ] {
            let mut net = Net::new(&NAMES, 2, false);
            net.run();
            net.run();
            net.now += 3600;
            let mute = Mute {
                net: &net,
                tree,
                from,
                last: Cell::new(None),
                silences: Cell::new(0),
            };
            let report = run(&net.site(), &mute, &mute, &net.options(), &NoProgress).unwrap();
            assert_eq!(mute.silences.get(), 1, "{tree} {from:?}");
            for member in &report.members {
                let silent = member.path == tree;
                assert_eq!(
                    member.became == Became::Failed,
                    silent,
                    "{tree} {from:?} {member:#?}"
                );
            }
            assert_eq!(mute.last.get(), Some(Step::T3));
            // It answers again: one run makes up for it.
            net.run();
            net.assert_equal(6);
        }
    }
}
