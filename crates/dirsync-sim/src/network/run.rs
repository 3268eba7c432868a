//! The cycles of a script, the quiet end, and the oracle.

use std::collections::{BTreeMap, BTreeSet};

use dirsync_core::base::UnixTime;
use dirsync_core::protocol::numbers::Numbers;

use super::Res;
use super::admin::{Admin, Remedy, Said};
use super::lists::{List, difference};
use super::script::{Act, Change, Event, Fate, Moment, Script, Step, Way, po_name};
use crate::trees::CREATED_UNIX_S;

/// Cycles after the last fault and the last remedy (issue: 3 + ceil(backlog / limit)).
const CYCLES: u64 = 3;
/// Rounds of remedies; the logs must be quiet then.
const ROUNDS: usize = 6;
const DAY_S: u32 = 86_400;

/// How a step is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// It stops after so many commits.
    pub stop: Option<u16>,
    /// What the guard holds is allowed.
    pub allow: bool,
    /// The server's lists cannot be brought up to date.
    pub lists_busy: bool,
}

/// What can be seen of a postoffice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// q.R, q.S, q.I.
    pub numbers: Numbers,
    /// Transactions that are not confirmed.
    pub waiting: u32,
    /// Its participating users.
    pub own: List,
    /// The lists of the others, by place.
    pub lists: Vec<List>,
}

/// A network that a script can be run over. Postoffices are known by their places; 0 is the server.
pub trait Network {
    /// A copy of a postoffice.
    type Copy;
    /// A copy is made.
    ///
    /// # Errors
    /// As the network has them; so for all the others.
    fn save(&self, po: usize) -> Res<Self::Copy>;
    /// A postoffice is replaced by its copy.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn restore(&mut self, po: usize, copy: &Self::Copy) -> Res<()>;
    /// T0.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn change(&mut self, po: usize, change: &Change, now: UnixTime) -> Res<()>;
    /// Export.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn export(&mut self, po: usize, now: UnixTime) -> Res<()>;
    /// The limit of replies in KB.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn limit(&mut self, po: usize, kb: u16) -> Res<()>;
    /// The record of a requestor is deleted and created again.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn reregister(&mut self, po: usize) -> Res<()>;
    /// An import request; its mail fares as said.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn import_request(&mut self, po: usize, fates: &[Fate], now: UnixTime) -> Res<()>;
    /// T1; the request fares as said.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn t1(&mut self, po: usize, how: How, fates: &[Fate], now: UnixTime) -> Res<()>;
    /// T2; the replies fare as said.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn t2(&mut self, how: How, fates: &dyn Fn(usize) -> Vec<Fate>, now: UnixTime) -> Res<()>;
    /// T3.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn t3(&mut self, po: usize, how: How, now: UnixTime) -> Res<()>;
    /// A delivery; with `everything` late mail comes too.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn deliver(&mut self, everything: bool, now: UnixTime) -> Res<()>;
    /// The mail of a mailbag is put into another order.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn shuffle(&mut self, po: usize, seed: u16) -> Res<()>;
    /// RESYNC.GLB is made at the server and applied at these; one that refuses it takes it with
    /// `--accept-older`.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn resync(&mut self, pos: &BTreeSet<usize>, now: UnixTime) -> Res<()>;
    /// What the logs said since the last time.
    fn said(&mut self) -> Vec<(usize, Said)>;
    /// What can be seen of a postoffice.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn state(&self, po: usize) -> Res<State>;
    /// Bytes of the master list that a postoffice has not received, and its limit in bytes, 0
    /// none.
    ///
    /// # Errors
    /// See [`Network::save`].
    fn backlog(&self, po: usize) -> Res<(u64, u64)>;
    /// What must hold at every moment.
    ///
    /// # Errors
    /// What does not hold.
    fn check(&self) -> Res<()>;
}

/// A run that came to a good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Cycles after the last remedy until all lists were equal.
    pub cycles: u64,
    /// Rounds of remedies.
    pub rounds: usize,
    /// Master numbers given.
    pub entries: u32,
}

/// Runs a script to its end.
///
/// # Errors
/// What the oracle says.
pub fn run<N: Network>(net: &mut N, script: &Script) -> Res<Settled> {
    let mut run = Run::new(net, script);
    for cycle in 1..=script.cycles {
        run.cycle(cycle)
            .map_err(|why| format!("cycle {cycle}: {why}"))?;
    }
    run.settle()
}

struct Run<'a, N: Network> {
    net: &'a mut N,
    script: &'a Script,
    admin: Admin,
    copies: BTreeMap<(usize, u16), N::Copy>,
    wanted: BTreeSet<(usize, u16)>,
    day: u32,
}

/// The events of one cycle.
struct Today<'a>(Vec<&'a Event>);

impl Today<'_> {
    fn fates(&self, po: usize, way: Way) -> Vec<Fate> {
        let acts = self.0.iter().map(|event| event.act);
        acts.filter_map(|act| match act {
            Act::Mail {
                po: whose,
                way: what,
                fate,
            } if usize::from(whose) == po && what == way => Some(fate),
            _ => None,
        })
        .collect()
    }

    /// Whether a step is made, and after how many commits it stops.
    fn step(&self, po: usize, step: Step) -> Option<Option<u16>> {
        let mut stop = None;
        for event in &self.0 {
            match event.act {
                Act::Skip {
                    po: whose,
                    step: what,
                } if what == step && (usize::from(whose) == po || step == Step::T2) => {
                    return None;
                }
                Act::Crash {
                    po: whose,
                    step: what,
                    after,
                } if what == step && (usize::from(whose) == po || step == Step::T2) => {
                    stop = Some(after);
                }
                _ => {}
            }
        }
        Some(stop)
    }

    fn has(&self, act: Act) -> bool {
        self.0.iter().any(|event| event.act == act)
    }
}

impl<'a, N: Network> Run<'a, N> {
    fn new(net: &'a mut N, script: &'a Script) -> Self {
        let restores = script.events.iter().filter_map(|event| match event.act {
            Act::Restore { po, from } => Some((usize::from(po), from)),
            _ => None,
        });
        Self {
            net,
            script,
            admin: Admin::default(),
            copies: BTreeMap::new(),
            wanted: restores.collect(),
            day: 0,
        }
    }

    fn at(&self, seconds: u32) -> UnixTime {
        UnixTime(CREATED_UNIX_S + self.day * DAY_S + seconds)
    }

    fn listen(&mut self) {
        for (po, said) in self.net.said() {
            self.admin.hears(po, said);
        }
    }

    fn cycle(&mut self, cycle: u16) -> Res<()> {
        self.day += 1;
        for &(po, from) in &self.wanted {
            if from == cycle {
                self.copies.insert((po, from), self.net.save(po)?);
            }
        }
        let events = self.script.events.iter();
        let today = Today(events.filter(|event| event.cycle == cycle).collect());
        let joined: Vec<usize> = (0..self.script.postoffices.len())
            .filter(|&po| self.script.postoffices[po].joins <= cycle)
            .collect();
        let allow = today.has(Act::Approve);
        self.moment(&today, Moment::BeforeT1, 0)?;
        for &po in &joined {
            if let Some(stop) = today.step(po, Step::T1) {
                let how = How {
                    stop,
                    ..How::default()
                };
                let fates = today.fates(po, Way::Request);
                self.net.t1(po, how, &fates, self.at(3600))?;
            }
        }
        self.net.deliver(false, self.at(5000))?;
        self.moment(&today, Moment::BeforeT2, 5400)?;
        if let Some(stop) = today.step(0, Step::T2) {
            let runs = if today.has(Act::SecondT2) { 2 } else { 1 };
            for again in 0..runs {
                let how = How {
                    stop,
                    allow,
                    lists_busy: today.has(Act::ListsBusy),
                };
                let fates = |po| today.fates(po, Way::Reply);
                self.net.t2(how, &fates, self.at(7200 + 600 * again))?;
                self.net.check()?;
                self.net.deliver(false, self.at(7500 + 600 * again))?;
            }
        }
        self.moment(&today, Moment::BeforeT3, 9000)?;
        for &po in &joined {
            if let Some(stop) = today.step(po, Step::T3) {
                let how = How {
                    stop,
                    allow,
                    ..How::default()
                };
                self.net.t3(po, how, self.at(10_800))?;
            }
        }
        self.listen();
        self.net.check()
    }

    fn moment(&mut self, today: &Today<'_>, moment: Moment, seconds: u32) -> Res<()> {
        let now = self.at(seconds);
        for event in today.0.iter().filter(|event| event.moment == moment) {
            let Some(po) = event.act.po().map(usize::from) else {
                continue;
            };
            if po >= self.script.postoffices.len() {
                continue;
            }
            match event.act {
                Act::Change { change, .. } => self.net.change(po, &change, now)?,
                Act::Export { .. } => self.net.export(po, now)?,
                Act::ImportRequest { .. } if po > 0 => {
                    let fates = today.fates(po, Way::ImportRequest);
                    self.net.import_request(po, &fates, now)?;
                }
                Act::Limit { kb, .. } => self.net.limit(po, kb)?,
                Act::Shuffle { seed, .. } => self.net.shuffle(po, seed)?,
                Act::Restore { from, .. } => {
                    if let Some(copy) = self.copies.get(&(po, from)) {
                        self.net.restore(po, copy)?;
                        self.admin.restored(po);
                    }
                }
                Act::Reregister { .. } if po > 0 => {
                    self.net.reregister(po)?;
                    self.admin.reregistered(po);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A cycle in which nothing goes wrong.
    fn quiet(&mut self) -> Res<()> {
        self.day += 1;
        let how = How {
            allow: true,
            ..How::default()
        };
        let all = 0..self.script.postoffices.len();
        for po in all.clone() {
            self.net.t1(po, how, &[], self.at(3600))?;
        }
        self.net.deliver(true, self.at(5000))?;
        self.net.t2(how, &|_| Vec::new(), self.at(7200))?;
        self.net.check()?;
        self.net.deliver(true, self.at(7500))?;
        for po in all {
            self.net.t3(po, how, self.at(10_800))?;
        }
        self.listen();
        self.net.check()
    }

    /// The troubles are over: late mail comes, the administrator acts, the lists must become equal.
    fn settle(&mut self) -> Res<Settled> {
        self.net.deliver(true, self.at(20_000))?;
        let mut settled = Settled::default();
        // So that the numbers are in step, and no mail of before is under way.
        self.quiet()
            .map_err(|why| format!("first quiet cycle: {why}"))?;
        let mut bound = CYCLES + self.pacing()?;
        settled.cycles = 1;
        loop {
            if let Some(remedy) = self.admin.act() {
                settled.rounds += 1;
                if settled.rounds > ROUNDS {
                    return Err(format!(
                        "the logs are not quiet after {ROUNDS} rounds: {remedy:?}"
                    ));
                }
                self.remedy(&remedy)
                    .map_err(|why| format!("remedy {}: {why}", settled.rounds))?;
                // The cycle in which it began to work was made already.
                settled.cycles = 1;
                bound = CYCLES + self.pacing()?;
                continue;
            }
            let differences = self.differences()?;
            if differences.is_empty() {
                break;
            }
            if settled.cycles >= bound {
                return Err(format!(
                    "after {} quiet cycles {}",
                    settled.cycles,
                    differences.join("; ")
                ));
            }
            self.quiet().map_err(|why| format!("quiet cycle: {why}"))?;
            settled.cycles += 1;
        }
        self.still()?;
        settled.entries = self.net.state(0)?.numbers.srv;
        Ok(settled)
    }

    fn remedy(&mut self, remedy: &Remedy) -> Res<()> {
        let now = self.at(30_000);
        let all = 0..self.script.postoffices.len();
        match remedy {
            Remedy::Server => {
                for po in all.clone() {
                    self.net.export(po, now)?;
                }
                self.quiet()?;
                let now = self.at(30_000);
                self.net.resync(&all.skip(1).collect(), now)?;
            }
            Remedy::Requestors {
                resync,
                import,
                export,
            } => {
                self.net.resync(resync, now)?;
                for &po in import {
                    self.net.import_request(po, &[], now)?;
                }
                for &po in export {
                    self.net.export(po, now)?;
                }
            }
        }
        self.quiet()
    }

    /// Cycles that the limits make necessary.
    fn pacing(&self) -> Res<u64> {
        let mut most = 0;
        for po in 0..self.script.postoffices.len() {
            let (bytes, limit) = self.net.backlog(po)?;
            if limit > 0 {
                most = most.max(bytes.div_ceil(limit));
            }
        }
        Ok(most)
    }

    fn states(&self) -> Res<Vec<State>> {
        (0..self.script.postoffices.len())
            .map(|po| self.net.state(po))
            .collect()
    }

    fn differences(&self) -> Res<Vec<String>> {
        let states = self.states()?;
        let mut found = Vec::new();
        for (here, state) in states.iter().enumerate() {
            for (owner, other) in states.iter().enumerate().filter(|&(o, _)| o != here) {
                let held = state.lists.get(owner).cloned().unwrap_or_default();
                if held != other.own {
                    found.push(format!(
                        "{} holds of {}: {}",
                        po_name(here),
                        po_name(owner),
                        difference(&held, &other.own)
                    ));
                }
            }
            if state.waiting > 0 {
                found.push(format!(
                    "{} still waits with {}",
                    po_name(here),
                    state.waiting
                ));
            }
        }
        Ok(found)
    }

    /// Two further cycles: nothing is sent any more, no number moves, no name comes back.
    fn still(&mut self) -> Res<()> {
        // A paced requestor may still have to hear of its own transactions, which change no list.
        let mut left = 2 * self.pacing()?;
        self.quiet()?;
        while left > 0 && self.pacing()? > 0 {
            self.quiet()?;
            left -= 1;
        }
        let before = self.states()?;
        self.quiet()?;
        let after = self.states()?;
        for (po, (before, after)) in before.iter().zip(&after).enumerate() {
            if before != after {
                return Err(format!(
                    "{} moves although nothing happens: {:?}, {:?}",
                    po_name(po),
                    before.numbers,
                    after.numbers
                ));
            }
        }
        let differences = self.differences()?;
        if differences.is_empty() {
            Ok(())
        } else {
            Err(format!("lists part again: {}", differences.join("; ")))
        }
    }
}
