//! The sweeps of a pass: outbound mailbags to the next tree, in-queues to mailbags, and what follows
//! from links that do not work.

use crate::progress::Progress;

use super::super::book::LinkState;
use super::super::far::{FarError, Reply, Request};
use super::super::gateway::is_said_once;
use super::super::link::{Done, Receipt};
use super::super::mailer::PASS_LIMIT;
use super::super::settle::{LinkResult, Outcome};
use super::super::waiting::Outbound;
use super::report::LinkReport;
use super::site::{Link, Member, Party, Site, Tried, unexpected};

/// Messages that one sweep moves when nothing else is said, as long as there are no more queues than
/// can have 50 each: what is done at once costs one commit, and nobody waits for longer than that takes.
const SWEEP_LIMIT: usize = 1000;

/// Why a batch could not be handed over.
struct Broken {
    error: FarError,
    /// Whether the other side is to blame: only that is an attempt over the link.
    counted: bool,
}

impl Broken {
    /// This side cannot go on.
    fn here(error: FarError) -> Self {
        Self {
            error,
            counted: false,
        }
    }

    /// The other side cannot be reached.
    fn there(error: FarError) -> Self {
        let counted = error.counts();
        Self { error, counted }
    }
}

impl Site<'_> {
    /// Messages of one queue in this pass. Passes that somebody counts (`--passes`) are those of
    /// DEC-114: 50 a queue. Otherwise nobody sees where one pass ends, and the queues that were left with
    /// mail by the pass before share [`SWEEP_LIMIT`], never less than 50 each (ASSIGNED exception to
    /// DEC-114: a queue of thousands would cost a commit for every fifty).
    fn share(&self, queues: usize) -> usize {
        match (self.options.passes, queues) {
            (Some(_), _) | (None, 0) => PASS_LIMIT,
            (None, queues) => (SWEEP_LIMIT / queues).max(PASS_LIMIT),
        }
    }

    /// One dispatch sweep; messages that left their senders.
    pub(super) fn dispatch(&mut self, progress: &dyn Progress) -> u64 {
        let mut moved = 0;
        let waiting = self.links.values().filter(|link| link.left > 0).count();
        let limit = self.share(waiting);
        for index in 0..self.members.len() {
            let in_site = self.members.get(index).is_some_and(|member| member.in_site);
            if !in_site || self.is_down(index) {
                continue;
            }
            // Said anew by this pass; what a gateway's file or message was is gone and said once.
            if let Some(member) = self.members.get_mut(index) {
                let problems = &mut member.report.problems;
                problems.retain(|problem| is_said_once(&problem.id));
            }
            for queue in self.outbound(index) {
                progress.message(&format!(
                    "{} to {}",
                    self.name(index),
                    queue.via.as_deref().unwrap_or("nobody")
                ));
                moved += self.serve_link(index, &queue, limit);
                // R-MSM-030: one link that fails stops all that come after it.
                if self.options.synchronous_mta && self.has_failed(index, &queue) {
                    break;
                }
            }
        }
        moved
    }

    fn link(&mut self, index: usize, queue: &Outbound) -> &mut Link {
        let from = self.name(index);
        let link = self.links.entry((index, queue.mailbag)).or_default();
        link.report.get_or_insert_with(|| LinkReport {
            from,
            to: queue.via.clone().unwrap_or_default(),
            mailbag: format!("{:08X}", queue.mailbag),
            sent: 0,
            received: 0,
            repeated: 0,
            waiting: 0,
            oldest: 0,
            returned: 0,
            rerouted: 0,
            state: LinkState::Up,
            attempts: 0,
            next_retry: 0,
            last_error: None,
            hint: None,
        });
        link
    }

    fn has_failed(&mut self, index: usize, queue: &Outbound) -> bool {
        queue.via.is_some() && matches!(self.link(index, queue).tried, Tried::Failed { .. })
    }

    fn fail_link(
        &mut self,
        index: usize,
        queue: &Outbound,
        error: &str,
        hint: Option<String>,
        counted: bool,
    ) {
        let link = self.link(index, queue);
        link.tried = Tried::Failed {
            why: error.to_owned(),
            counted,
        };
        if let Some(report) = &mut link.report {
            report.hint = hint;
        }
    }

    /// The tree that the mail of a queue is handed to.
    fn receiver(&mut self, index: usize, queue: &Outbound) -> Option<usize> {
        let via = match queue.via.as_deref().and_then(Party::read) {
            Some(via) => via,
            None => {
                let why = "the mailbag belongs to no postoffice that this one knows";
                let hint = "a gateway's own program empties its queue; mail for a postoffice that \
                            was removed is returned with `po-admin mail return`";
                self.fail_link(index, queue, why, Some(hint.to_owned()), false);
                return None;
            }
        };
        let by_name = |site: &Self| {
            site.members
                .iter()
                .position(|member| member.name.as_ref() == Some(&via))
        };
        if let Some(found) = by_name(self) {
            return Some(found);
        }
        let Some(path) = &queue.path else {
            let why = format!("no tree of this site is {via}");
            let told = match &via {
                Party::Postoffice(_) => format!("po-admin postoffice add PO {via} --path DIR"),
                Party::Mta(_) => "po-admin x400 add EXCHANGE NAME … --path DIR".to_owned(),
            };
            let hint = format!(
                "name the site that holds it as well, or say where it stands with `{told}`"
            );
            self.fail_link(index, queue, &why, Some(hint), true);
            return None;
        };
        // A tree outside the site is opened once; whoever is there must be the one that is meant.
        let known = self.members.iter().position(|member| member.path == *path);
        let found = match known {
            Some(found) => found,
            None => match self.add(path, false) {
                Ok(found) => found,
                Err(same) => {
                    if let Some(member) = self.members.last_mut() {
                        member.down = true;
                        member.report.last_error = Some(same.to_string());
                    }
                    self.fail_link(index, queue, &same.to_string(), None, true);
                    return None;
                }
            },
        };
        let name = self
            .members
            .get(found)
            .and_then(|member| member.name.clone());
        if name.as_ref() == Some(&via) {
            return Some(found);
        }
        let error = self
            .members
            .get(found)
            .and_then(|member| member.report.last_error.clone());
        let why = match (name, error) {
            (Some(name), _) => format!("{path} is {name}, not {via}"),
            (None, Some(error)) => error,
            (None, None) => format!("{path} does not say who it is"),
        };
        let file = match &via {
            Party::Postoffice(_) => "INI/ROUTES.INI",
            Party::Mta(_) => "MTADATA/X400.INI",
        };
        let hint = format!("{file} of {} names this directory", self.name(index));
        self.fail_link(index, queue, &why, Some(hint), true);
        None
    }

    /// One pass of one link: at most `limit` messages; how many left.
    fn serve_link(&mut self, index: usize, queue: &Outbound, limit: usize) -> u64 {
        let (now, due) = (self.options.now, self.options.due);
        let link = self.link(index, queue);
        link.left = 0;
        if matches!(link.tried, Tried::Failed { .. }) {
            return 0;
        }
        if link.tried == Tried::No {
            link.entry = queue.link.clone();
            let failing = link.entry.state().is_failing();
            if link.entry.held || (due && failing && !link.entry.is_due(now)) {
                return 0;
            }
        }
        let Some(to) = self.receiver(index, queue) else {
            return 0;
        };
        if self.is_down(to) {
            let member = self.members.get(to);
            let error = member.and_then(|member| member.report.last_error.clone());
            let hint = member.and_then(|member| member.report.hint.clone());
            let counted = member.is_none_or(|member| member.counted);
            let error = error.unwrap_or_else(|| "its tree is out of reach".to_owned());
            self.fail_link(index, queue, &error, hint, counted);
            return 0;
        }
        let mut moved = 0u64;
        let mut left = limit;
        while left > 0 && queue.waiting > 0 {
            let before = left;
            match self.hand_over(index, to, queue, left) {
                Ok((handled, sent)) => {
                    left = left.saturating_sub(handled);
                    moved += sent;
                }
                Err(broken) => {
                    let (error, hint) = (broken.error.to_string(), broken.error.hint());
                    self.fail_link(index, queue, &error, hint, broken.counted);
                    return moved;
                }
            }
            if left == before {
                break;
            }
        }
        let link = self.link(index, queue);
        link.tried = Tried::Works;
        if moved > 0 {
            link.left = queue.waiting.saturating_sub(moved);
        }
        moved
    }

    /// One batch: read here, make durable there, take out here. Messages handled and sent.
    fn hand_over(
        &mut self,
        index: usize,
        to: usize,
        queue: &Outbound,
        limit: usize,
    ) -> Result<(usize, u64), Broken> {
        let link = self.link(index, queue);
        let skip = link.refused.union(&link.full).copied().collect();
        let collect = Request::Collect {
            mailbag: queue.mailbag,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            skip,
        };
        let collected = self.ask(index, collect).map_err(Broken::here)?;
        let Reply::Collected {
            parcels, problems, ..
        } = collected
        else {
            return Err(Broken::here(unexpected(&collected)));
        };
        self.note_problems(index, problems);
        if parcels.is_empty() {
            return Ok((0, 0));
        }
        let labels: Vec<(u64, u32, u32)> = parcels
            .iter()
            .map(|parcel| (parcel.index, parcel.stem, parcel.tag))
            .collect();
        let (now, user) = (self.options.now.0, self.options.user.clone());
        // Until the answer is there nobody knows whether they arrived.
        let stems: Vec<u32> = parcels.iter().map(|parcel| parcel.stem).collect();
        self.link(index, queue).in_doubt.extend(&stems);
        let receive = Request::Receive {
            from: self.name(index),
            now,
            user: user.clone(),
            parcels,
        };
        let received = match self.ask(to, receive) {
            Err(error @ FarError::Failed(_)) if !error.is_gone() => {
                // It said no, and nothing is there.
                let link = self.link(index, queue);
                link.in_doubt.retain(|stem| !stems.contains(stem));
                return Err(Broken::there(error));
            }
            other => other.map_err(Broken::there)?,
        };
        let receipts = match received {
            Reply::Received { receipts } if receipts.len() == labels.len() => receipts,
            other => return Err(Broken::there(unexpected(&other))),
        };
        let mut done = Vec::new();
        let (mut stored, mut repeated) = (0, 0);
        let link = self.link(index, queue);
        for ((place, stem, tag), receipt) in labels.iter().copied().zip(receipts) {
            let there = match receipt {
                Receipt::Stored(there) => {
                    stored += 1;
                    there
                }
                Receipt::Repeat(there) => {
                    repeated += 1;
                    there
                }
                Receipt::Refused(why) => {
                    link.refused.insert(stem);
                    link.in_doubt.remove(&stem);
                    if let Some(report) = &mut link.report {
                        report.last_error = Some(why);
                    }
                    continue;
                }
                Receipt::Full(why) => {
                    link.full.insert(stem);
                    link.in_doubt.remove(&stem);
                    if let Some(report) = &mut link.report {
                        report.last_error = Some(why);
                    }
                    continue;
                }
            };
            done.push(Done {
                index: place,
                stem,
                tag,
                there,
            });
        }
        if let Some(report) = &mut link.report {
            report.received += stored;
            report.repeated += repeated;
        }
        if let Some(member) = self.members.get_mut(to) {
            member.report.received += stored;
        }
        let mut count = 0;
        if !done.is_empty() {
            let sent = Request::Sent {
                mailbag: queue.mailbag,
                to: self.name(to),
                now,
                user,
                done,
            };
            let taken_out = self.ask(index, sent).map_err(Broken::here)?;
            let Reply::Sent { count: went } = taken_out else {
                return Err(Broken::here(unexpected(&taken_out)));
            };
            self.link(index, queue)
                .in_doubt
                .retain(|stem| !stems.contains(stem));
            count = went;
        }
        if let Some(report) = &mut self.link(index, queue).report {
            report.sent += count;
        }
        Ok((labels.len(), count))
    }

    /// One mailer sweep; messages that left an in-queue.
    pub(super) fn mail(&mut self, progress: &dyn Progress) -> u64 {
        let mut moved = 0;
        let limit = self.share(self.members.iter().filter(|member| member.more).count());
        let indices: Vec<usize> = (0..self.members.len())
            .filter(|&index| {
                let member = self.members.get(index);
                let is_mta = |member: &Member| matches!(member.name, Some(Party::Mta(_)));
                member.is_some_and(|member| member.in_site && !member.down && !is_mta(member))
            })
            .collect();
        if let Some(&first) = indices.first() {
            progress.message(&self.name(first));
        }
        let request = Request::Mailer {
            now: self.options.now.0,
            user: self.options.user.clone(),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            dry_run: self.options.dry_run,
        };
        for (index, answer) in self.ask_all(&indices, &request) {
            match answer {
                Ok(Reply::Mailed {
                    totals,
                    steps,
                    problems,
                }) => {
                    moved += totals.served + totals.gateways.moved();
                    self.note_problems(index, problems);
                    if let Some(member) = self.members.get_mut(index) {
                        member.more = totals.more && totals.served > 0;
                        member.report.mailer.add(&totals);
                        member.report.steps = steps;
                    }
                }
                Ok(other) => self.lose(index, &unexpected(&other)),
                // Its own mail stays; whether it can take mail in is found out by its links.
                Err(error) => self.note_error(index, &error),
            }
        }
        moved
    }

    /// Lets each sender draw the consequences of how its links did: another route, a report to the
    /// sender, another attempt later. Messages that moved by it.
    pub(super) fn settle(&mut self) -> u64 {
        let mut moved = 0;
        for index in 0..self.members.len() {
            let outcomes: Vec<Outcome> = self
                .links
                .range((index, 0)..=(index, u32::MAX))
                .filter_map(|((_, mailbag), link)| link.outcome(*mailbag))
                .collect();
            if outcomes.is_empty() || self.is_down(index) {
                continue;
            }
            let mailbags: Vec<u32> = outcomes.iter().map(|outcome| outcome.mailbag).collect();
            let request = Request::Settle {
                now: self.options.now.0,
                user: self.options.user.clone(),
                outcomes,
            };
            match self.ask(index, request) {
                Ok(Reply::Settled { settled, problems }) => {
                    moved += settled.returned() + settled.rerouted();
                    self.note_problems(index, problems);
                    for mailbag in mailbags {
                        if let Some(link) = self.links.get_mut(&(index, mailbag)) {
                            link.settled = true;
                        }
                    }
                    for done in settled.links {
                        if let Some(link) = self.links.get_mut(&(index, done.mailbag)) {
                            link.entry = done.link;
                            if let Some(report) = &mut link.report {
                                report.returned += done.returned;
                                report.rerouted += done.rerouted;
                            }
                        }
                    }
                }
                Ok(other) => self.lose(index, &unexpected(&other)),
                Err(error) => self.note_error(index, &error),
            }
        }
        moved
    }

    /// What still waits at the end.
    pub(super) fn look_at_what_waits(&mut self) {
        for index in 0..self.members.len() {
            let in_site = self.members.get(index).is_some_and(|member| member.in_site);
            if !in_site || self.is_down(index) {
                continue;
            }
            for queue in self.outbound(index) {
                if let Some(report) = &mut self.link(index, &queue).report {
                    report.waiting = queue.waiting;
                    report.oldest = queue.oldest;
                }
            }
        }
    }
}

impl Link {
    /// What the sender has to know of it; `None` when nothing follows.
    fn outcome(&self, mailbag: u32) -> Option<Outcome> {
        let report = self.report.as_ref()?;
        // A queue that no postoffice empties is not ours to judge.
        if self.settled || report.to.is_empty() || self.entry.held {
            return None;
        }
        let result = match &self.tried {
            // Nothing to count, and nothing left of an earlier count.
            Tried::Works
                if self.entry.state() == LinkState::Up
                    && self.refused.is_empty()
                    && self.entry.refused_next == 0 =>
            {
                return None;
            }
            Tried::Works => LinkResult::Worked,
            Tried::Failed { why, counted } => LinkResult::Failed {
                why: why.clone(),
                counted: *counted,
            },
            Tried::No => LinkResult::NotTried,
        };
        Some(Outcome {
            mailbag,
            result,
            in_doubt: self.in_doubt.iter().copied().collect(),
            refused: self.refused.iter().copied().collect(),
        })
    }
}
