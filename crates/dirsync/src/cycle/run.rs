//! A whole cycle over a site: T1 everywhere, delivery, T2 at the servers, delivery, T3 everywhere.
//!
//! Each postoffice is worked on by itself: one that fails, is busy, foreign or silent is named in
//! the report and the others go on. What it missed the next run makes up for, because nothing is
//! thrown away before it is confirmed (dsp R-ORD-014).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::core::base::UnixTime;
use crate::core::base::finding::{FindingId, Severity};
use crate::progress::{Inside, Progress};
use crate::transport::deliver::{DeliverOptions, DeliverReport, LinkState, SameIdentity, deliver};
use crate::transport::far::{Connector, Failure, FailureClass, FarError, Problem};
use crate::transport::gateway::is_said_once;

use super::rounds::{Mover, interchange_of, rounds};
use super::site::{self, Member, Site, as_failure};
use super::step::{
    Answer, Ask, AskOptions, Numbers3, ServerOutcome, Step, StepOutcome, Worker, numbered,
};

/// A requestor was not heard and has no usable tree in the site.
pub const MISSING: FindingId = FindingId("cycle.requestor-missing");

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// How the steps are made.
    pub step: AskOptions,
    /// How long a busy tree is waited for.
    pub wait_ms: u64,
    /// Program and sub-command, for the lock files.
    pub program: String,
}

/// What became of a postoffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Became {
    /// Everything was done.
    Done,
    /// Done, but something is wrong.
    Problems,
    /// Somebody else held it.
    Busy,
    /// It is not ours.
    Foreign,
    /// A step failed.
    Failed,
    /// The bulk-delete guard holds something.
    Held,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepFailure {
    /// The step; `None` when it was not even opened.
    pub step: Option<Step>,
    /// What.
    pub message: String,
    /// The next step for the reader.
    pub hint: Option<String>,
}

/// One postoffice and what the run did there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberReport {
    /// Its directory.
    pub path: String,
    /// `NET/PO`.
    pub name: Option<String>,
    /// The zone of its times; empty where it says none.
    #[serde(skip)]
    pub zone: String,
    /// It is an Exchange server.
    pub exchange: bool,
    /// `server`, `requestor`.
    pub roles: Vec<&'static str>,
    /// What became of it.
    pub became: Became,
    /// q.R, q.S, q.I before; `None` when it has no server or could not be read.
    pub before: Option<Numbers3>,
    /// q.R, q.S, q.I after.
    pub after: Option<Numbers3>,
    /// Transactions sent to the server.
    pub sent: Option<u32>,
    /// Entries received from the server.
    pub received: Option<u32>,
    /// Entries of the Global Address List, when it was made or looked at.
    pub gal_entries: Option<u64>,
    /// Of an Exchange server: recipients after T3.
    pub recipients: Option<u64>,
    /// What it did as the server.
    pub server: Option<ServerOutcome>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Steps that failed.
    pub failures: Vec<StepFailure>,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// By name.
    pub members: Vec<MemberReport>,
    /// The deliveries, in order.
    pub deliveries: Vec<DeliverReport>,
    /// The user stopped it; the same command goes on.
    pub stopped: bool,
}

impl MemberReport {
    fn new(member: &Member) -> Self {
        let mut report = Self {
            path: member.path.clone(),
            name: member.name.clone(),
            zone: member.zone.clone(),
            exchange: member.exchange.is_some(),
            roles: member.roles(),
            became: Became::Done,
            before: None,
            after: None,
            sent: None,
            received: None,
            gal_entries: None,
            recipients: None,
            server: None,
            problems: Vec::new(),
            failures: Vec::new(),
        };
        if let Some(failure) = &member.failure {
            report.fail(None, failure, member.foreign);
        }
        report
    }

    fn at_least(&mut self, became: Became) {
        self.became = self.became.max(became);
    }

    fn fail(&mut self, step: Option<Step>, failure: &Failure, foreign: bool) {
        self.at_least(match failure.class {
            FailureClass::Busy => Became::Busy,
            FailureClass::Refused if foreign => Became::Foreign,
            FailureClass::Refused | FailureClass::Data => Became::Failed,
        });
        self.failures.push(StepFailure {
            step,
            message: failure.message.clone(),
            hint: failure.hint.clone(),
        });
    }

    fn hear(&mut self, step: Step, outcome: StepOutcome) {
        if outcome.problems.iter().any(|p| p.severity != "note") {
            self.at_least(Became::Problems);
        }
        if !outcome.held.is_empty() {
            self.at_least(Became::Held);
        }
        self.problems.extend(outcome.problems);
        match step {
            Step::T1 => {
                self.before = self.before.or(Some(outcome.before));
                self.after = Some(outcome.after);
                self.sent = outcome.sent;
            }
            Step::T2 => self.server = outcome.server,
            Step::T3 => {
                self.before = self.before.or(Some(outcome.before));
                self.after = Some(outcome.after);
                self.received = outcome.received;
                self.gal_entries = outcome.gal_entries;
                self.recipients = outcome.recipients;
            }
        }
    }
}

impl RunReport {
    /// Transactions that requestors sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let sent = self.members.iter().filter_map(|member| member.sent);
        sent.map(u64::from).sum()
    }
}

/// The members of a site that can be worked on, and their reports.
struct Run<'a> {
    worker: &'a dyn Worker,
    connector: &'a dyn Connector,
    options: &'a RunOptions,
    progress: &'a dyn Progress,
    members: Vec<(Member, MemberReport)>,
    /// Trees that did not answer, or must not be written again in this run. Each has cost one
    /// deadline, and is not asked again by any later step or delivery (ASSIGNED: what hangs once
    /// mostly hangs on, and the next run tries again).
    left_out: BTreeSet<String>,
}

impl Run<'_> {
    /// One step at every member that has it to do; `false` when the user wants to stop.
    fn everywhere(&mut self, step: Step) -> bool {
        let has_it = |member: &Member| {
            member.is_usable()
                && !member.shadow
                && match step {
                    Step::T2 => member.is_server,
                    Step::T1 | Step::T3 => member.server.is_some(),
                }
        };
        let count = self
            .members
            .iter()
            .filter(|(member, _)| has_it(member))
            .count();
        self.progress.start(step.name(), u64::try_from(count).ok());
        for (member, report) in &mut self.members {
            if !has_it(member) || self.left_out.contains(&member.path) {
                continue;
            }
            if self.progress.stop_requested() {
                return false;
            }
            let ask = Ask::Step {
                tree: member.path.clone(),
                wait_ms: self.options.wait_ms,
                step,
                options: self.options.step.clone(),
                program: self.options.program.clone(),
            };
            let progress = Inside::new(self.progress, member.label());
            match self.worker.ask(&ask, &progress) {
                Ok(Answer::Done(outcome)) => report.hear(step, *outcome),
                other => {
                    let gone = other.as_ref().err().is_some_and(FarError::is_gone);
                    let failure = as_failure(other);
                    if gone || failure.last {
                        self.left_out.insert(member.path.clone());
                    }
                    report.fail(Some(step), &failure, false);
                }
            }
            self.progress.advance(1);
        }
        true
    }

    /// Names the requestors that were not heard and have no tree here: their mail cannot come. A
    /// gateway has none, and asks when it likes.
    fn name_missing(&mut self) {
        let here: Vec<String> = self
            .members
            .iter()
            .filter(|(member, _)| member.is_usable())
            .flat_map(|(member, _)| member.name.iter().chain(&member.gateways))
            .cloned()
            .collect();
        for (_, report) in &mut self.members {
            let silent = report.server.iter().flat_map(|server| &server.silent);
            let missing: Vec<String> = silent
                .filter(|party| {
                    let name = party
                        .rsplit_once(':')
                        .map_or(party.as_str(), |(_, name)| name);
                    !here.iter().any(|known| known.eq_ignore_ascii_case(name))
                })
                .cloned()
                .collect();
            for party in missing {
                let message = format!("{party} was not heard, and no usable tree of it was found");
                let hint = "what it misses it gets in the first run that reaches it";
                let found = super::finding(MISSING, Severity::Warning, message, hint);
                report.problems.push(found.into());
                report.at_least(Became::Problems);
            }
        }
    }
}

impl Mover for Run<'_> {
    fn interchange(&mut self) -> u64 {
        let mut moved = 0;
        for (member, report) in &mut self.members {
            if member.exchange.is_none()
                || !member.is_usable()
                || self.left_out.contains(&member.path)
            {
                continue;
            }
            match interchange_of(member, self.worker, self.options, self.progress) {
                Ok((done, problems)) => {
                    moved += done.moved();
                    for problem in problems {
                        if problem.severity != Severity::Note.word() {
                            report.at_least(Became::Problems);
                        }
                        if !report.problems.contains(&problem) {
                            report.problems.push(problem);
                        }
                    }
                }
                Err((failure, gone)) => {
                    if gone || failure.last {
                        self.left_out.insert(member.path.clone());
                    }
                    report.fail(None, &failure, false);
                }
            }
        }
        moved
    }

    fn between(&mut self) -> Result<DeliverReport, SameIdentity> {
        let paths: Vec<String> = self
            .members
            .iter()
            .filter(|(member, _)| member.is_usable() && !self.left_out.contains(&member.path))
            .flat_map(|(member, _)| member.mail_paths())
            .collect();
        let step = &self.options.step;
        let options = DeliverOptions::new(UnixTime(step.now), step.user.clone());
        let mut report = deliver(&paths, self.connector, &options, self.progress)?;
        for po in &mut report.postoffices {
            let found = self
                .members
                .iter_mut()
                .find(|(member, _)| member.mail_path() == po.path);
            let Some((of, member)) = found else { continue };
            // Only the last delivery of a run is told whole; what was put aside or went back in an
            // earlier one is told here.
            for problem in po
                .problems
                .extract_if(.., |problem| is_said_once(&problem.id))
            {
                member.at_least(Became::Problems);
                member.problems.push(problem);
            }
            if po.state == LinkState::Down {
                if po.silent {
                    self.left_out.insert(of.path.clone());
                }
                member.at_least(Became::Failed);
                member.failures.push(StepFailure {
                    step: None,
                    message: format!(
                        "mail: {}",
                        po.last_error.as_deref().unwrap_or("it cannot be served")
                    ),
                    hint: po.hint.clone(),
                });
            }
        }
        Ok(report)
    }

    fn goes_on(&self) -> bool {
        self.members.iter().any(|(member, _)| member.x400)
    }
}

/// Runs a cycle over a site that was looked at.
///
/// # Errors
/// [`SameIdentity`]: a tree that changed its name meanwhile. Everything else is in the report.
pub fn run(
    site: &Site,
    worker: &dyn Worker,
    connector: &dyn Connector,
    options: &RunOptions,
    progress: &dyn Progress,
) -> Result<RunReport, SameIdentity> {
    let members = site.members.iter();
    let mut run = Run {
        worker,
        connector,
        options,
        progress,
        members: members
            .map(|member| (member.clone(), MemberReport::new(member)))
            .collect(),
        left_out: BTreeSet::new(),
    };
    let mut report = RunReport::default();
    for step in [Step::T1, Step::T2, Step::T3] {
        if !run.everywhere(step) {
            report.stopped = true;
            break;
        }
        if step != Step::T3 {
            let delivery = rounds(&mut run)?;
            report.stopped = delivery.stopped;
            report.deliveries.push(delivery);
            if report.stopped {
                break;
            }
        }
    }
    run.name_missing();
    progress.finish();
    report.members = run.members.into_iter().map(|(_, report)| report).collect();
    Ok(report)
}

/// One step at some trees, each by itself.
#[must_use]
pub fn each(
    step: Step,
    trees: &[String],
    worker: &dyn Worker,
    options: &RunOptions,
    progress: &dyn Progress,
) -> RunReport {
    let mut report = RunReport::default();
    for tree in trees {
        if progress.stop_requested() {
            report.stopped = true;
            break;
        }
        let look = Ask::Look {
            tree: tree.clone(),
            wait_ms: options.wait_ms,
        };
        let member = match worker.ask(&look, progress) {
            Ok(Answer::Looked(member)) => member,
            other => {
                let mut member = site::Member::unknown(tree);
                member.failure = Some(numbered(step, as_failure(other)));
                member
            }
        };
        let mut done = MemberReport::new(&member);
        if member.is_usable() {
            let ask = Ask::Step {
                tree: tree.clone(),
                wait_ms: options.wait_ms,
                step,
                options: options.step.clone(),
                program: options.program.clone(),
            };
            match worker.ask(&ask, progress) {
                Ok(Answer::Done(outcome)) => done.hear(step, *outcome),
                other => done.fail(Some(step), &as_failure(other), false),
            }
        }
        report.members.push(done);
    }
    progress.finish();
    report
}
