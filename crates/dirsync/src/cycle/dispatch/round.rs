//! One look at all postoffices, and everything that is due.

use std::collections::{BTreeSet, VecDeque};

use crate::core::base::UnixTime;
use crate::progress::{NoProgress, Progress};
use crate::transport::deliver::{DeliverOptions, LinkState, SameIdentity, deliver};
use crate::transport::far::{Connector, FailureClass, FarError, Problem};

use super::super::run::Became;
use super::super::site::{Member, Site, as_failure};
use super::super::step::{Answer, Ask, AskOptions, Step, StepOutcome, Worker};
use super::log::{self, Stamp};
use super::report::{MemberState, RunRecord};
use super::table::{Due, Entries, Polled};
use super::{DispatchOptions, DispatchReport, LINES_WAITING, RUNS_KEPT};

/// A step that is due.
struct Job {
    at: u32,
    step: Step,
    member: usize,
    due: Due,
}

/// A dispatcher between two rounds.
pub(super) struct Dispatcher<'a> {
    members: Vec<(Member, MemberState)>,
    home: Option<usize>,
    worker: &'a dyn Worker,
    connector: &'a dyn Connector,
    options: &'a DispatchOptions,
    progress: &'a dyn Progress,
    stamp: Stamp,
    say: &'a mut dyn FnMut(&str),
    /// Members that did not answer last time: asked last.
    gone: BTreeSet<usize>,
    /// Members whose table could not be read last time.
    without_table: BTreeSet<usize>,
    lines: VecDeque<String>,
    runs: VecDeque<RunRecord>,
    /// Something is due that could not be begun: look again soon.
    pub(super) retry: bool,
    pub(super) report: DispatchReport,
}

impl<'a> Dispatcher<'a> {
    #[expect(clippy::too_many_arguments, reason = "made in one place")]
    pub(super) fn new(
        site: &Site,
        home: Option<usize>,
        worker: &'a dyn Worker,
        connector: &'a dyn Connector,
        options: &'a DispatchOptions,
        progress: &'a dyn Progress,
        stamp: Stamp,
        say: &'a mut dyn FnMut(&str),
    ) -> Self {
        let members: Vec<(Member, MemberState)> = site
            .members
            .iter()
            .map(|member| {
                let mut state = MemberState {
                    path: member.path.clone(),
                    name: member.name.clone(),
                    became: Became::Done,
                    runs: 0,
                    missed: 0,
                    next: None,
                    problems: Vec::new(),
                };
                if let Some(failure) = &member.failure {
                    state.fail("", failure, member.foreign);
                }
                (member.clone(), state)
            })
            .collect();
        Self {
            report: DispatchReport {
                home: home.and_then(|at| members[at].0.name.clone()),
                ..DispatchReport::default()
            },
            members,
            home,
            worker,
            connector,
            options,
            progress,
            stamp,
            say,
            gone: BTreeSet::new(),
            without_table: BTreeSet::new(),
            lines: VecDeque::new(),
            runs: VecDeque::new(),
            retry: false,
        }
    }

    fn log(&mut self, now: UnixTime, text: &str) {
        (self.say)(&self.stamp.screen(now, text));
        if self.lines.len() >= LINES_WAITING {
            self.lines.pop_front();
            self.report.log_lines_lost += 1;
        }
        self.lines.push_back(self.stamp.line(now, text));
    }

    /// The members that are asked, those that answered last time first.
    fn order(&self) -> Vec<usize> {
        let takes_part = |at: &usize| {
            let member = &self.members[*at].0;
            // A foreign tree stays one; a shadow runs no step of its own.
            !member.foreign && !member.shadow
        };
        let mut order: Vec<usize> = (0..self.members.len()).filter(takes_part).collect();
        order.sort_by_key(|at| self.gone.contains(at));
        order
    }

    fn step_options(&self, now: UnixTime) -> AskOptions {
        AskOptions {
            now: now.0,
            ..self.options.step.clone()
        }
    }

    /// Everything that is due at `now`; `false` when the user wants to stop.
    pub(super) fn round(&mut self, now: UnixTime) -> Result<bool, SameIdentity> {
        self.report.polls += 1;
        self.retry = false;
        self.report.next = None;
        let mut jobs = Vec::new();
        for at in self.order() {
            if self.progress.stop_requested() {
                self.flush(now);
                return Ok(false);
            }
            self.poll(at, now, &mut jobs);
        }
        jobs.sort_by_key(|job| (job.at, job.step, job.member));
        let went_on = self.run(now, jobs)?;
        self.flush(now);
        Ok(went_on)
    }

    fn poll(&mut self, at: usize, now: UnixTime, jobs: &mut Vec<Job>) {
        let ask = Ask::Poll {
            tree: self.members[at].0.path.clone(),
            wait_ms: self.options.wait_ms,
            now: now.0,
        };
        let polled = match self.worker.ask(&ask, &NoProgress) {
            Ok(Answer::Polled(polled)) => *polled,
            other => return self.not_polled(at, now, other),
        };
        self.gone.remove(&at);
        let label = polled.member.label().to_owned();
        let Polled {
            mut member,
            due,
            next,
            readable,
            problems,
        } = polled;
        let (known, state) = &mut self.members[at];
        member.shadow = known.shadow;
        if let Some(failure) = &member.failure {
            state.fail("", failure, member.foreign);
        }
        state.name = member.name.clone().or(state.name.take());
        *known = member;
        state.next = next;
        for problem in problems {
            state.at_least(Became::Problems);
            state.problem(problem);
        }
        self.report.next = [self.report.next, next].into_iter().flatten().min();
        if !readable || !self.members[at].0.is_usable() {
            return self.without_table(at, now, &label);
        }
        self.without_table.remove(&at);
        if due.is_empty() {
            return;
        }
        self.log(now, &log::checking(&label));
        let mut only_moved = Entries::default();
        for due in due {
            if due.change.missed.is_some() {
                self.members[at].1.missed += 1;
                self.members[at].1.at_least(Became::Problems);
                self.report.missed += 1;
                self.log(now, &log::missed_line(due.change.step));
                self.members[at].1.problem(missed_problem(due.change.step));
            }
            match due.at {
                Some(start) => jobs.push(Job {
                    at: start,
                    step: due.change.step,
                    member: at,
                    due,
                }),
                None => only_moved.changes.push(due.change),
            }
        }
        if !only_moved.changes.is_empty() {
            self.settle(at, now, only_moved);
        }
    }

    /// A postoffice that could not be asked: it is named, and asked again.
    fn not_polled(&mut self, at: usize, now: UnixTime, answer: Result<Answer, FarError>) {
        self.retry = true;
        if answer.as_ref().err().is_some_and(FarError::is_gone) {
            self.gone.insert(at);
        }
        let failure = as_failure(answer);
        let (member, state) = &mut self.members[at];
        state.fail("", &failure, member.foreign);
        let label = member.label().to_owned();
        self.without_table(at, now, &label);
    }

    /// A table that cannot be read is said when that begins, not in every round.
    fn without_table(&mut self, at: usize, now: UnixTime, label: &str) {
        if self.without_table.insert(at) {
            self.log(now, &log::checking(label));
            self.log(now, log::NO_TABLE);
        }
    }

    fn run(&mut self, now: UnixTime, jobs: Vec<Job>) -> Result<bool, SameIdentity> {
        let mut last: Option<(u32, Step)> = None;
        let count = u64::try_from(jobs.len()).ok();
        let ran_something = !jobs.is_empty();
        self.progress.start("dispatching", count);
        for job in jobs {
            if last.is_some_and(|last| last != (job.at, job.step)) && !self.deliver(now)? {
                return Ok(false);
            }
            if self.progress.stop_requested() {
                return Ok(false);
            }
            last = Some((job.at, job.step));
            self.make(now, job);
            self.progress.advance(1);
        }
        // Between runs mail moves, whoever has sent it (tra R-DSP-001).
        if ran_something || self.report.polls == 1 || !self.options.once {
            return self.deliver(now);
        }
        Ok(true)
    }

    fn make(&mut self, now: UnixTime, job: Job) {
        let Job {
            at: scheduled,
            step,
            member: at,
            due,
        } = job;
        if self.gone.contains(&at) {
            self.retry = true;
            return;
        }
        let label = self.members[at].0.label().to_owned();
        self.progress.message(&label);
        self.log(now, &log::running(step));
        let ask = Ask::Dispatch {
            tree: self.members[at].0.path.clone(),
            wait_ms: self.options.wait_ms,
            change: due.change,
            options: self.step_options(now),
            program: self.options.program.clone(),
        };
        let mut moved = None;
        let normally = match self.worker.ask(&ask, &NoProgress) {
            Ok(Answer::Dispatched {
                outcome: Some(outcome),
            }) => {
                moved = outcome.sent.or(outcome.received);
                self.hear(at, &outcome)
            }
            Ok(Answer::Dispatched { outcome: None }) => {
                self.log(now, &log::left(step));
                return;
            }
            other => {
                let gone = other.as_ref().err().is_some_and(FarError::is_gone);
                let failure = as_failure(other);
                let what = format!("{}: ", step.name());
                self.members[at].1.fail(&what, &failure, false);
                if gone {
                    self.gone.insert(at);
                }
                // Where nothing was begun it stays due as long as its window is open.
                self.retry |= gone || failure.class == FailureClass::Busy;
                false
            }
        };
        self.ended(now, at, step, scheduled, normally, moved);
    }

    /// What a step says; whether it would have ended with exit code 0.
    fn hear(&mut self, at: usize, outcome: &StepOutcome) -> bool {
        let state = &mut self.members[at].1;
        let before = state.became;
        state.became = Became::Done;
        if outcome.problems.iter().any(|p| p.severity != "note") {
            state.at_least(Became::Problems);
        }
        if !outcome.held.is_empty() {
            state.at_least(Became::Held);
        }
        let normally = state.became == Became::Done;
        state.at_least(before);
        for problem in &outcome.problems {
            state.problem(problem.clone());
        }
        normally
    }

    fn ended(
        &mut self,
        now: UnixTime,
        at: usize,
        step: Step,
        scheduled: u32,
        normally: bool,
        moved: Option<u32>,
    ) {
        self.log(now, &log::terminated(step, normally));
        let (member, state) = &mut self.members[at];
        state.runs += 1;
        self.report.runs_made += 1;
        if !normally {
            self.report.runs_failed += 1;
        }
        if self.runs.len() >= RUNS_KEPT {
            self.runs.pop_front();
        }
        self.runs.push_back(RunRecord {
            postoffice: member.label().to_owned(),
            step,
            scheduled,
            made: now.0,
            exit_code: if normally { log::NORMAL } else { log::ABNORMAL },
            moved,
        });
    }

    /// Writes at a postoffice; what cannot be written is tried again in the next round.
    fn settle(&mut self, at: usize, now: UnixTime, mut entries: Entries) -> bool {
        let home = self.home == Some(at);
        if home {
            entries.log = self.lines.drain(..).collect();
        }
        let ask = Ask::Settle {
            tree: self.members[at].0.path.clone(),
            wait_ms: self.options.wait_ms,
            entries,
            options: self.step_options(now),
            program: self.options.program.clone(),
        };
        let answer = self.worker.ask(&ask, &NoProgress);
        if matches!(answer, Ok(Answer::Settled { .. })) {
            return true;
        }
        if answer.as_ref().err().is_some_and(FarError::is_gone) {
            self.gone.insert(at);
        }
        let failure = as_failure(answer);
        self.members[at]
            .1
            .fail("its schedule could not be written: ", &failure, false);
        if let Ask::Settle { entries, .. } = ask {
            for line in entries.log.into_iter().rev() {
                self.lines.push_front(line);
            }
        }
        self.retry = true;
        false
    }

    /// Writes the lines of DISPATCH.LOG that wait.
    fn flush(&mut self, now: UnixTime) {
        if let Some(home) = self.home
            && !self.lines.is_empty()
            && !self.gone.contains(&home)
        {
            self.settle(home, now, Entries::default());
        }
    }

    /// Moves mail; `false` when the user wants to stop.
    fn deliver(&mut self, now: UnixTime) -> Result<bool, SameIdentity> {
        if !self.options.deliver {
            return Ok(true);
        }
        let paths: Vec<String> = (0..self.members.len())
            .filter(|at| self.members[*at].0.is_usable() && !self.gone.contains(at))
            .map(|at| self.members[at].0.path.clone())
            .collect();
        let options = DeliverOptions {
            now,
            user: self.options.step.user.clone(),
            passes: None,
            dry_run: false,
            due: true,
            synchronous_mta: false,
        };
        let done = deliver(&paths, self.connector, &options, &Quiet(self.progress))?;
        self.report.mail_problems.clear();
        for po in &done.postoffices {
            if po.state == LinkState::Down {
                let why = po.last_error.as_deref().unwrap_or("it cannot be served");
                let name = po.name.as_deref().unwrap_or(&po.path);
                self.report.mail_problems.push(format!("{name}: {why}"));
            }
        }
        for link in &done.links {
            if link.has_problems() {
                let why = link.last_error.as_deref().unwrap_or("it does not work");
                let text = format!(
                    "{} to {} ({} wait): {why}",
                    link.from, link.to, link.waiting
                );
                self.report.mail_problems.push(text);
            }
        }
        Ok(!done.stopped)
    }

    /// The report.
    pub(super) fn finish(mut self, now: UnixTime) -> DispatchReport {
        self.flush(now);
        self.report.log_lines_lost += u64::try_from(self.lines.len()).unwrap_or(u64::MAX);
        self.report.runs = self.runs.into();
        self.report.members = self.members.into_iter().map(|(_, state)| state).collect();
        self.report
    }
}

fn missed_problem(step: Step) -> Problem {
    Problem {
        id: "dispatch.missed".to_owned(),
        severity: "error".to_owned(),
        file: String::new(),
        offset: None,
        message: log::missed_line(step),
        hint: "its next start counts instead; `dxa-cycle run` makes up for it now".to_owned(),
    }
}

/// Passes on only the wish to stop.
struct Quiet<'a>(&'a dyn Progress);

impl Progress for Quiet<'_> {
    fn start(&self, _what: &str, _total: Option<u64>) {}

    fn advance(&self, _n: u64) {}

    fn message(&self, _text: &str) {}

    fn stop_requested(&self) -> bool {
        self.0.stop_requested()
    }
}
