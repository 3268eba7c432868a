//! Delivery over a site: passes until nothing moves any more.
//!
//! One pass is one dispatch sweep over all postoffices (outbound mailbags to the next tree), then one
//! mailer sweep over all (DEC-115); at most 50 messages a queue and pass, oldest first (DEC-114). Each
//! tree is behind a [`FarSide`]: one that is busy, foreign, missing, full or silent stops its own mail
//! and is reported; after a silence it is not asked again in this run. Order is that of the names, so the
//! same site gives the same result.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::core::base::address::PoName;
use crate::core::base::time::UnixTime;
use crate::progress::Progress;

use super::far::{Connector, FarError, FarSide, PlanStep, Problem, Reply, Request};
use super::link::{Done, Outbound, Receipt};
use super::mailer::{MailerTotals, PASS_LIMIT};

/// Far sides that are kept open at once; the one not used for longest is closed for the next.
const OPEN_LIMIT: usize = 32;
/// Passes of one run when nothing else is said: far more than hops and batches can need, so that
/// trees that play ball with a message for ever cannot hold a run.
const PASSES_LIMIT: u32 = 10_000;

/// How to deliver.
#[derive(Debug, Clone)]
pub struct DeliverOptions {
    /// The clock for data.
    pub now: UnixTime,
    /// The user of the operating system, for the audit logs.
    pub user: String,
    /// Stop after so many passes even if mail still moves.
    pub passes: Option<u32>,
    /// Only say what the first pass would do.
    pub dry_run: bool,
}

/// How a link or a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It works.
    Up,
    /// It does not; its mail waits.
    Down,
}

/// One postoffice and what happened in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostofficeReport {
    /// The path of its tree.
    pub path: String,
    /// `NET/PO`, where it could be read.
    pub name: Option<String>,
    /// Whether it could be served.
    pub state: LinkState,
    /// It does not answer, or must not be written again in this run: nobody should wait for it
    /// another time.
    pub silent: bool,
    /// What its mailer did, over all passes.
    pub mailer: MailerTotals,
    /// Messages taken in from other trees.
    pub received: u64,
    /// Of a dry run: what the first pass of the mailer would change.
    pub steps: Vec<PlanStep>,
    /// What is wrong in it, as of the last pass.
    pub problems: Vec<Problem>,
    /// Why it is down.
    pub last_error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// One link and what went over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    /// The sender, `NET/PO`.
    pub from: String,
    /// The receiver, `NET/PO`; empty for a mailbag that belongs to no postoffice.
    pub to: String,
    /// The outbound mailbag.
    pub mailbag: String,
    /// Messages that left the sender.
    pub sent: u64,
    /// Messages that were new to the receiver.
    pub received: u64,
    /// Messages that the receiver had already.
    pub repeated: u64,
    /// Messages that still wait.
    pub waiting: u64,
    /// Date of the oldest of these, seconds since 1970 UTC; 0 when none waits.
    pub oldest: u32,
    /// Whether it works.
    pub state: LinkState,
    /// Why it does not, or why a message was not taken.
    pub last_error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What a delivery did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeliverReport {
    /// Passes made, the last quiet one included.
    pub passes: u32,
    /// Whether nothing moved any more at the end.
    pub quiet: bool,
    /// Whether the user stopped it.
    pub stopped: bool,
    /// By name.
    pub postoffices: Vec<PostofficeReport>,
    /// By sender, then mailbag; those over which something went or waits.
    pub links: Vec<LinkReport>,
}

impl DeliverReport {
    /// Whether something failed, waits or was found: exit 1.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        self.postoffices.iter().any(|po| {
            po.state == LinkState::Down || !po.problems.is_empty() || po.last_error.is_some()
        }) || self
            .links
            .iter()
            .any(|link| link.state == LinkState::Down || link.last_error.is_some())
    }

    /// Messages that crossed a link.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.links.iter().map(|link| link.sent).sum()
    }
}

/// Two trees of one site say that they are the same postoffice: exit 2, nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{first} and {second} are both the postoffice {name}")]
pub struct SameIdentity {
    /// `NET/PO`.
    pub name: String,
    /// One tree.
    pub first: String,
    /// The other.
    pub second: String,
}

struct Member {
    path: String,
    name: Option<PoName>,
    far: Option<Box<dyn FarSide>>,
    /// Part of the site: its mailer is run. Others only take mail in.
    in_site: bool,
    /// Out of reach for the rest of this run.
    down: bool,
    report: PostofficeReport,
}

#[derive(Default)]
struct Link {
    report: Option<LinkReport>,
    /// Not tried again in this run.
    failed: bool,
    /// Stems that the receiver did not take.
    refused: BTreeSet<u32>,
}

/// Moves the mail of the postoffices at `paths` until it is quiet.
///
/// # Errors
/// [`SameIdentity`]. Everything else is in the report.
pub fn deliver(
    paths: &[String],
    connector: &dyn Connector,
    options: &DeliverOptions,
    progress: &dyn Progress,
) -> Result<DeliverReport, SameIdentity> {
    let mut site = Site {
        members: Vec::new(),
        open: VecDeque::new(),
        links: BTreeMap::new(),
        connector,
        options,
    };
    progress.start("looking at the postoffices", Some(paths.len() as u64));
    let mut paths: Vec<&String> = paths.iter().collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        site.add(path, true)?;
        progress.advance(1);
    }
    site.members
        .sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    site.open.clear();
    for (index, member) in site.members.iter().enumerate() {
        if member.far.is_some() {
            site.open.push_back(index);
        }
    }
    let mut report = DeliverReport::default();
    let limit = options.passes.unwrap_or(PASSES_LIMIT).min(PASSES_LIMIT);
    progress.start("delivering", None);
    while report.passes < limit && !report.quiet {
        if progress.stop_requested() {
            report.stopped = true;
            break;
        }
        report.passes += 1;
        let mut moved = 0;
        if !options.dry_run {
            moved += site.dispatch(progress);
        }
        moved += site.mail(progress);
        progress.advance(moved);
        report.quiet = moved == 0;
        if options.dry_run {
            break;
        }
    }
    site.look_at_what_waits();
    progress.finish();
    report.postoffices = site
        .members
        .into_iter()
        .map(|member| member.report)
        .collect();
    report.links = site
        .links
        .into_values()
        .filter_map(|link| link.report)
        .filter(|link| {
            link.sent + link.waiting + link.received + link.repeated > 0
                || link.last_error.is_some()
        })
        .collect();
    Ok(report)
}

struct Site<'a> {
    members: Vec<Member>,
    /// Members with an open far side, the one used last at the end.
    open: VecDeque<usize>,
    links: BTreeMap<(usize, u32), Link>,
    connector: &'a dyn Connector,
    options: &'a DeliverOptions,
}

impl Site<'_> {
    /// Adds a tree and asks who it is; its number.
    fn add(&mut self, path: &str, in_site: bool) -> Result<usize, SameIdentity> {
        let index = self.members.len();
        self.members.push(Member {
            path: path.to_owned(),
            name: None,
            far: None,
            in_site,
            down: false,
            report: PostofficeReport {
                path: path.to_owned(),
                name: None,
                state: LinkState::Up,
                silent: false,
                mailer: MailerTotals::default(),
                received: 0,
                steps: Vec::new(),
                problems: Vec::new(),
                last_error: None,
                hint: None,
            },
        });
        match self.call(index, Request::Identify) {
            Ok(Reply::Identity { name, .. }) => {
                let parsed: Option<PoName> = name.parse().ok();
                let same = self
                    .members
                    .iter()
                    .find(|other| parsed.is_some() && other.name == parsed);
                if let Some(other) = same {
                    return Err(SameIdentity {
                        name,
                        first: other.path.clone(),
                        second: path.to_owned(),
                    });
                }
                if let Some(member) = self.members.get_mut(index) {
                    member.name = parsed;
                    member.report.name = Some(name);
                }
            }
            Ok(other) => self.lose(index, &unexpected(&other)),
            Err(error) => self.lose(index, &error),
        }
        Ok(index)
    }

    /// The tree is out of reach for the rest of the run.
    fn lose(&mut self, index: usize, error: &FarError) {
        if let Some(member) = self.members.get_mut(index) {
            member.down = true;
            member.far = None;
            member.report.state = LinkState::Down;
            member.report.silent = error.is_gone();
            member.report.last_error = Some(error.to_string());
            member.report.hint = error.hint();
        }
        self.open.retain(|&open| open != index);
    }

    fn call(&mut self, index: usize, request: Request) -> Result<Reply, FarError> {
        let connect = match self.members.get(index) {
            None => return Err(FarError::Ended("there is no such tree".to_owned())),
            Some(member) => member.far.is_none().then(|| member.path.clone()),
        };
        if let Some(path) = connect {
            if self.open.len() >= OPEN_LIMIT
                && let Some(oldest) = self.open.pop_front()
                && let Some(member) = self.members.get_mut(oldest)
            {
                member.far = None;
            }
            let far = self.connector.connect(&path)?;
            if let Some(member) = self.members.get_mut(index) {
                member.far = Some(far);
            }
        }
        self.open.retain(|&open| open != index);
        self.open.push_back(index);
        let far = self.members.get_mut(index).and_then(|m| m.far.as_mut());
        match far {
            Some(far) => far.call(request),
            None => Err(FarError::Ended("it could not be opened".to_owned())),
        }
    }

    /// Asks a member; an answer that never comes, or makes no sense, takes it out of the run.
    fn ask(&mut self, index: usize, request: Request) -> Result<Reply, FarError> {
        let result = self.call(index, request);
        if let Err(error) = &result
            && error.is_gone()
        {
            self.lose(index, &error.clone());
        }
        result
    }

    fn is_down(&self, index: usize) -> bool {
        self.members.get(index).is_none_or(|member| member.down)
    }

    fn name(&self, index: usize) -> String {
        self.members
            .get(index)
            .and_then(|member| member.report.name.clone())
            .unwrap_or_default()
    }

    /// The outbound mailbags of a member in which something waits.
    fn outbound(&mut self, index: usize) -> Vec<Outbound> {
        match self.ask(index, Request::Outbound) {
            Ok(Reply::Outbound { queues, problems }) => {
                self.note_problems(index, problems);
                queues
            }
            Ok(other) => {
                self.lose(index, &unexpected(&other));
                Vec::new()
            }
            Err(error) => {
                self.note_error(index, &error);
                Vec::new()
            }
        }
    }

    fn note_problems(&mut self, index: usize, problems: Vec<Problem>) {
        if let Some(member) = self.members.get_mut(index) {
            for problem in problems {
                if !member.report.problems.contains(&problem) {
                    member.report.problems.push(problem);
                }
            }
        }
    }

    fn note_error(&mut self, index: usize, error: &FarError) {
        if let Some(member) = self.members.get_mut(index) {
            member.report.last_error = Some(error.to_string());
            member.report.hint = error.hint();
        }
    }

    /// One dispatch sweep; messages that left their senders.
    fn dispatch(&mut self, progress: &dyn Progress) -> u64 {
        let mut moved = 0;
        for index in 0..self.members.len() {
            let in_site = self.members.get(index).is_some_and(|member| member.in_site);
            if !in_site || self.is_down(index) {
                continue;
            }
            // Said anew by this pass.
            if let Some(member) = self.members.get_mut(index) {
                member.report.problems.clear();
            }
            for queue in self.outbound(index) {
                progress.message(&format!(
                    "{} to {}",
                    self.name(index),
                    queue.via.as_deref().unwrap_or("nobody")
                ));
                moved += self.serve_link(index, &queue);
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
            state: LinkState::Up,
            last_error: None,
            hint: None,
        });
        link
    }

    fn fail_link(&mut self, index: usize, queue: &Outbound, error: &str, hint: Option<String>) {
        let link = self.link(index, queue);
        link.failed = true;
        if let Some(report) = &mut link.report {
            report.state = LinkState::Down;
            report.last_error = Some(error.to_owned());
            report.hint = hint;
        }
    }

    /// The tree that the mail of a queue is handed to.
    fn receiver(&mut self, index: usize, queue: &Outbound) -> Option<usize> {
        let via: PoName = match queue.via.as_deref().map(str::parse) {
            Some(Ok(via)) => via,
            _ => {
                let why = "the mailbag belongs to no postoffice that this one knows";
                let hint = "a gateway's own program empties its queue; mail for a postoffice that \
                            was removed is returned with `po-admin mail return`";
                self.fail_link(index, queue, why, Some(hint.to_owned()));
                return None;
            }
        };
        let by_name = |site: &Self| {
            site.members
                .iter()
                .position(|member| member.name == Some(via))
        };
        if let Some(found) = by_name(self) {
            return Some(found);
        }
        let Some(path) = &queue.path else {
            let why = format!("no tree of this site is {via}");
            let hint = format!(
                "name the site that holds it as well, or say where it stands with `po-admin \
                 postoffice add PO {via} --path DIR`"
            );
            self.fail_link(index, queue, &why, Some(hint));
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
                    self.fail_link(index, queue, &same.to_string(), None);
                    return None;
                }
            },
        };
        let name = self.members.get(found).and_then(|member| member.name);
        if name == Some(via) {
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
        let hint = format!(
            "INI/ROUTES.INI of {} names this directory",
            self.name(index)
        );
        self.fail_link(index, queue, &why, Some(hint));
        None
    }

    /// One pass of one link: at most 50 messages; how many left.
    fn serve_link(&mut self, index: usize, queue: &Outbound) -> u64 {
        if self.link(index, queue).failed {
            return 0;
        }
        let Some(to) = self.receiver(index, queue) else {
            return 0;
        };
        if self.is_down(to) {
            let member = self.members.get(to);
            let error = member.and_then(|member| member.report.last_error.clone());
            let hint = member.and_then(|member| member.report.hint.clone());
            let error = error.unwrap_or_else(|| "its tree is out of reach".to_owned());
            self.fail_link(index, queue, &error, hint);
            return 0;
        }
        let mut moved = 0u64;
        let mut left = PASS_LIMIT;
        while left > 0 {
            let before = left;
            match self.hand_over(index, to, queue, left) {
                Ok((handled, sent)) => {
                    left = left.saturating_sub(handled);
                    moved += sent;
                }
                Err(error) => {
                    self.fail_link(index, queue, &error.to_string(), error.hint());
                    break;
                }
            }
            if left == before {
                break;
            }
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
    ) -> Result<(usize, u64), FarError> {
        let skip = self.link(index, queue).refused.iter().copied().collect();
        let collected = self.ask(
            index,
            Request::Collect {
                mailbag: queue.mailbag,
                limit: u32::try_from(limit).unwrap_or(u32::MAX),
                skip,
            },
        )?;
        let Reply::Collected {
            parcels, problems, ..
        } = collected
        else {
            return Err(unexpected(&collected));
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
        let received = self.ask(
            to,
            Request::Receive {
                from: self.name(index),
                now,
                user: user.clone(),
                parcels,
            },
        )?;
        let receipts = match received {
            Reply::Received { receipts } if receipts.len() == labels.len() => receipts,
            other => return Err(unexpected(&other)),
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
            let taken_out = self.ask(
                index,
                Request::Sent {
                    mailbag: queue.mailbag,
                    to: self.name(to),
                    now,
                    user,
                    done,
                },
            )?;
            let Reply::Sent { count: went } = taken_out else {
                return Err(unexpected(&taken_out));
            };
            count = went;
        }
        if let Some(report) = &mut self.link(index, queue).report {
            report.sent += count;
        }
        Ok((labels.len(), count))
    }

    /// One mailer sweep; messages that left an in-queue.
    fn mail(&mut self, progress: &dyn Progress) -> u64 {
        let mut moved = 0;
        for index in 0..self.members.len() {
            let skip = self
                .members
                .get(index)
                .is_none_or(|member| !member.in_site || member.down);
            if skip {
                continue;
            }
            progress.message(&self.name(index));
            let request = Request::Mailer {
                now: self.options.now.0,
                user: self.options.user.clone(),
                limit: u32::try_from(PASS_LIMIT).unwrap_or(u32::MAX),
                dry_run: self.options.dry_run,
            };
            match self.ask(index, request) {
                Ok(Reply::Mailed {
                    totals,
                    steps,
                    problems,
                }) => {
                    moved += totals.served;
                    self.note_problems(index, problems);
                    if let Some(member) = self.members.get_mut(index) {
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

    /// What still waits at the end.
    fn look_at_what_waits(&mut self) {
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

fn unexpected(reply: &Reply) -> FarError {
    let text = format!("{reply:?}");
    let cut: String = text.chars().take(80).collect();
    FarError::Protocol(format!("an unexpected reply: {cut}"))
}
