//! The trees of a site, each behind a far side that is opened when it is needed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::core::base::address::PoName;
use crate::progress::Progress;

use super::super::book::{LinkEntry, LinkState};
use super::super::far::{Connector, FarError, FarSide, Problem, Reply, Request};
use super::super::mailer::MailerTotals;
use super::super::waiting::Outbound;
use super::super::x400::table::server_name;
use super::report::{DeliverReport, LinkReport, PostofficeReport};
use super::{DeliverOptions, SameIdentity};

/// Far sides that are kept open at once; the one not used for longest is closed for the next.
const OPEN_LIMIT: usize = 32;
/// Members that work at once. To be asked who they are is no work: then as many as may be open.
const AT_ONCE: usize = 8;

/// Who mail is handed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    /// A postoffice.
    Postoffice(PoName),
    /// The MTA of an Exchange server, by its distinguished name.
    Mta(String),
}

impl Party {
    /// `NET/PO`, or `/O=ORG/OU=SITE/CN=SERVER`.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.starts_with('/') {
            true => server_name(text).ok().map(Self::Mta),
            false => text.parse().ok().map(Self::Postoffice),
        }
    }
}

impl std::fmt::Display for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postoffice(name) => name.fmt(f),
            Self::Mta(name) => name.fmt(f),
        }
    }
}

pub(super) struct Member {
    pub(super) path: String,
    pub(super) name: Option<Party>,
    pub(super) far: Option<Box<dyn FarSide>>,
    /// Part of the site: its mailer is run. Others only take mail in.
    pub(super) in_site: bool,
    /// Out of reach for the rest of this run.
    pub(super) down: bool,
    /// Whether that is a failed attempt over each link to it.
    pub(super) counted: bool,
    /// Whether its in-queues held more than its mailer served last time.
    pub(super) more: bool,
    pub(super) report: PostofficeReport,
}

/// How a link did in this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Tried {
    /// Not at all.
    #[default]
    No,
    /// The other side answered.
    Works,
    /// It did not; it is not asked again in this run.
    Failed { why: String, counted: bool },
}

#[derive(Default)]
pub(super) struct Link {
    pub(super) report: Option<LinkReport>,
    pub(super) tried: Tried,
    /// What the sender remembers of it.
    pub(super) entry: LinkEntry,
    /// Stems that the receiver had no room for.
    pub(super) full: BTreeSet<u32>,
    /// Stems that the receiver did not take.
    pub(super) refused: BTreeSet<u32>,
    /// Stems of which nobody knows whether the receiver took them.
    pub(super) in_doubt: BTreeSet<u32>,
    /// Messages that were left waiting when it was served last.
    pub(super) left: u64,
    /// The sender has drawn the consequences.
    pub(super) settled: bool,
}

pub(super) struct Site<'a> {
    pub(super) members: Vec<Member>,
    /// Members with an open far side, the one used last at the end.
    pub(super) open: VecDeque<usize>,
    pub(super) links: BTreeMap<(usize, u32), Link>,
    pub(super) connector: &'a dyn Connector,
    pub(super) options: &'a DeliverOptions,
}

impl Site<'_> {
    /// Adds trees and asks who they are, all at once where that is possible: however many are silent,
    /// they keep the others waiting as long as one.
    pub(super) fn add_all(
        &mut self,
        paths: &[&String],
        progress: &dyn Progress,
    ) -> Result<(), SameIdentity> {
        let indices: Vec<usize> = paths.iter().map(|path| self.member(path, true)).collect();
        for (index, answer) in self.ask_all(&indices, &Request::Identify) {
            self.introduce(index, answer)?;
            progress.advance(1);
        }
        Ok(())
    }

    /// Adds a tree and asks who it is; its number.
    pub(super) fn add(&mut self, path: &str, in_site: bool) -> Result<usize, SameIdentity> {
        let index = self.member(path, in_site);
        let answer = self.call(index, Request::Identify);
        self.introduce(index, answer)?;
        Ok(index)
    }

    /// A member of which only the path is known; its number.
    fn member(&mut self, path: &str, in_site: bool) -> usize {
        let index = self.members.len();
        self.members.push(Member {
            path: path.to_owned(),
            name: None,
            far: None,
            in_site,
            down: false,
            counted: true,
            more: false,
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
        index
    }

    /// A member says who it is.
    fn introduce(
        &mut self,
        index: usize,
        answer: Result<Reply, FarError>,
    ) -> Result<(), SameIdentity> {
        match answer {
            Ok(Reply::Identity { name, .. }) => {
                let parsed = Party::read(&name);
                let same = self
                    .members
                    .iter()
                    .find(|other| parsed.is_some() && other.name == parsed);
                if let Some(other) = same {
                    return Err(SameIdentity {
                        name,
                        first: other.path.clone(),
                        second: self.path(index),
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
        Ok(())
    }

    /// The tree is out of reach for the rest of the run.
    pub(super) fn lose(&mut self, index: usize, error: &FarError) {
        if let Some(member) = self.members.get_mut(index) {
            member.down = true;
            member.counted = error.counts();
            member.far = None;
            member.report.state = LinkState::Down;
            member.report.silent = error.is_gone();
            member.report.last_error = Some(error.to_string());
            member.report.hint = error.hint();
        }
        self.open.retain(|&open| open != index);
    }

    /// Sees to it that a member has an open far side, the one used last.
    fn open(&mut self, index: usize) -> Result<(), FarError> {
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
        Ok(())
    }

    pub(super) fn call(&mut self, index: usize, request: Request) -> Result<Reply, FarError> {
        self.open(index)?;
        let far = self.members.get_mut(index).and_then(|m| m.far.as_mut());
        match far {
            Some(far) => far.call(request),
            None => Err(FarError::Ended("it could not be opened".to_owned())),
        }
    }

    /// Asks several members the same, at once where the connector allows it; the answers in the
    /// order of `indices`.
    pub(super) fn ask_all(
        &mut self,
        indices: &[usize],
        request: &Request,
    ) -> Vec<(usize, Result<Reply, FarError>)> {
        let mut answers = Vec::with_capacity(indices.len());
        if !self.connector.at_once() {
            for &index in indices {
                let answer = self.ask(index, request.clone());
                answers.push((index, answer));
            }
            return answers;
        }
        let at_once = match request {
            Request::Identify => OPEN_LIMIT,
            _ => AT_ONCE,
        };
        for some in indices.chunks(at_once) {
            let opened: Vec<Result<Box<dyn FarSide>, FarError>> = some
                .iter()
                .map(|&index| {
                    self.open(index)?;
                    let far = self.members.get_mut(index).and_then(|m| m.far.take());
                    far.ok_or_else(|| FarError::Ended("it could not be opened".to_owned()))
                })
                .collect();
            let asked: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = opened
                    .into_iter()
                    .map(|far| {
                        far.map(|mut far| {
                            scope.spawn(move || {
                                let answer = far.call(request.clone());
                                (far, answer)
                            })
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.map(std::thread::ScopedJoinHandle::join))
                    .collect()
            });
            for (&index, asked) in some.iter().zip(asked) {
                let answer = match asked {
                    Ok(Ok((far, answer))) => {
                        if let Some(member) = self.members.get_mut(index) {
                            member.far = Some(far);
                        }
                        answer
                    }
                    Ok(Err(panic)) => std::panic::resume_unwind(panic),
                    Err(error) => Err(error),
                };
                if let Err(error) = &answer
                    && error.is_gone()
                {
                    self.lose(index, &error.clone());
                }
                answers.push((index, answer));
            }
        }
        answers
    }

    /// Asks a member; an answer that never comes, or makes no sense, takes it out of the run.
    pub(super) fn ask(&mut self, index: usize, request: Request) -> Result<Reply, FarError> {
        let result = self.call(index, request);
        if let Err(error) = &result
            && error.is_gone()
        {
            self.lose(index, &error.clone());
        }
        result
    }

    pub(super) fn is_down(&self, index: usize) -> bool {
        self.members.get(index).is_none_or(|member| member.down)
    }

    fn path(&self, index: usize) -> String {
        self.members
            .get(index)
            .map(|member| member.path.clone())
            .unwrap_or_default()
    }

    pub(super) fn name(&self, index: usize) -> String {
        self.members
            .get(index)
            .and_then(|member| member.report.name.clone())
            .unwrap_or_default()
    }

    /// The outbound mailbags of a member in which something waits.
    pub(super) fn outbound(&mut self, index: usize) -> Vec<Outbound> {
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

    pub(super) fn note_problems(&mut self, index: usize, problems: Vec<Problem>) {
        if let Some(member) = self.members.get_mut(index) {
            for problem in problems {
                if !member.report.problems.contains(&problem) {
                    member.report.problems.push(problem);
                }
            }
        }
    }

    pub(super) fn note_error(&mut self, index: usize, error: &FarError) {
        if let Some(member) = self.members.get_mut(index) {
            member.report.last_error = Some(error.to_string());
            member.report.hint = error.hint();
        }
    }

    /// The report, when nothing moves any more.
    pub(super) fn into_report(self, mut report: DeliverReport) -> DeliverReport {
        report.postoffices = self
            .members
            .into_iter()
            .map(|member| member.report)
            .collect();
        report.links = self
            .links
            .into_values()
            .filter_map(Link::into_report)
            .collect();
        report
    }
}

impl Link {
    /// What is to be said of it, if anything is.
    fn into_report(self) -> Option<LinkReport> {
        let mut report = self.report?;
        report.state = match (&self.tried, self.entry.state()) {
            (_, LinkState::Held) => LinkState::Held,
            (Tried::Works, _) => LinkState::Up,
            (Tried::Failed { .. }, LinkState::Up) => LinkState::Retrying,
            (_, state) => state,
        };
        if report.state.is_failing() {
            report.attempts = self.entry.attempts;
            report.next_retry = self.entry.next;
            if let Tried::Failed { why, .. } = self.tried {
                report.last_error = Some(why);
            } else if report.last_error.is_none() {
                report.last_error = self.entry.error;
            }
        }
        let moved = report.sent + report.received + report.repeated + report.returned;
        let silent = moved + report.rerouted + report.waiting == 0
            && report.last_error.is_none()
            && report.state == LinkState::Up;
        (!silent).then_some(report)
    }
}

pub(super) fn unexpected(reply: &Reply) -> FarError {
    let text = format!("{reply:?}");
    let cut: String = text.chars().take(80).collect();
    FarError::Protocol(format!("an unexpected reply: {cut}"))
}
