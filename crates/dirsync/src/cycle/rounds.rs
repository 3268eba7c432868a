//! The mail of a site: interchanges and deliveries in turns, as long as mail moves by both.
//!
//! A delivery moves mail between trees, an interchange moves it within an Exchange server. Without
//! X.400 connectors one delivery between two interchanges is all there can be; what another MTA
//! handed over goes on to postoffices and agents, and their mail back, in further rounds. `rounds`
//! is the one loop of it; [`deliver_site`] is the loop over a site that was looked at, for `deliver`
//! and the resets, in dry runs as well.

use crate::exchange::interchange::Interchanged;
use crate::progress::Progress;
use crate::transport::deliver::{DeliverOptions, DeliverReport, SameIdentity, deliver};
use crate::transport::far::{Connector, Failure, FarError, Problem};

use super::run::RunOptions;
use super::site::{Member, Site, as_failure};
use super::step::{Answer, Ask, Worker};

/// Deliveries and interchanges that follow each other at most: more than servers that a message may
/// pass on its way, agents that answer in a circle end here (ASSIGNED).
const ROUNDS: u32 = 16;

/// Somebody who can move the mail of a site.
pub(crate) trait Mover {
    /// Mail within every Exchange server; messages that moved.
    fn interchange(&mut self) -> u64;

    /// Mail between the trees until it is quiet.
    fn between(&mut self) -> Result<DeliverReport, SameIdentity>;

    /// Whether what an interchange moved may have to be delivered again.
    fn goes_on(&self) -> bool;
}

/// Moves the mail until neither moves any more.
pub(crate) fn rounds(mover: &mut dyn Mover) -> Result<DeliverReport, SameIdentity> {
    mover.interchange();
    let mut report = mover.between()?;
    for _ in 1..ROUNDS {
        let moved = mover.interchange();
        if moved == 0 || report.stopped || !mover.goes_on() {
            return Ok(report);
        }
        report.followed_by(mover.between()?);
    }
    mover.interchange();
    Ok(report)
}

/// What the interchange of one Exchange server came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The server's directory.
    pub path: String,
    /// Its name, or its directory.
    pub label: String,
    /// What moved, over all rounds.
    pub done: Interchanged,
    /// What is wrong, each thing once.
    pub problems: Vec<Problem>,
    /// Why it could not be worked on; it is not asked again.
    pub failure: Option<Failure>,
}

/// What moved in a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Between its trees.
    pub delivery: DeliverReport,
    /// Within its Exchange servers, by their order in the site.
    pub interchange: Vec<Exchanged>,
}

struct OverSite<'a> {
    site: &'a Site,
    paths: Vec<String>,
    worker: &'a dyn Worker,
    connector: &'a dyn Connector,
    run: RunOptions,
    options: &'a DeliverOptions,
    progress: &'a dyn Progress,
    exchanged: Vec<Exchanged>,
}

impl Mover for OverSite<'_> {
    fn interchange(&mut self) -> u64 {
        let mut moved = 0;
        let members = self.site.members.iter();
        for member in members.filter(|member| member.exchange.is_some() && member.is_usable()) {
            let known = self
                .exchanged
                .iter()
                .position(|one| one.path == member.path);
            let index = known.unwrap_or_else(|| {
                self.exchanged.push(Exchanged {
                    path: member.path.clone(),
                    label: member.label().to_owned(),
                    done: Interchanged::default(),
                    problems: Vec::new(),
                    failure: None,
                });
                self.exchanged.len() - 1
            });
            let Some(exchanged) = self.exchanged.get_mut(index) else {
                continue;
            };
            if exchanged.failure.is_some() {
                continue;
            }
            match interchange_of(member, self.worker, &self.run, self.progress) {
                Ok((done, problems)) => {
                    moved += done.moved();
                    exchanged.done.add(&done);
                    for problem in problems {
                        if !exchanged.problems.contains(&problem) {
                            exchanged.problems.push(problem);
                        }
                    }
                }
                Err((failure, _)) => exchanged.failure = Some(failure),
            }
        }
        // What was parked again need not be tried twice.
        self.run.step.interchange.retry_parked = false;
        moved
    }

    fn between(&mut self) -> Result<DeliverReport, SameIdentity> {
        deliver(&self.paths, self.connector, self.options, self.progress)
    }

    fn goes_on(&self) -> bool {
        self.options.passes.is_none() && self.site.members.iter().any(|member| member.x400)
    }
}

/// Moves all mail of a site that was looked at, within its Exchange servers and between its trees.
/// Members that cannot be used are left out.
///
/// # Errors
/// [`SameIdentity`]: a tree that changed its name meanwhile. Everything else is in the report.
pub fn deliver_site(
    site: &Site,
    worker: &dyn Worker,
    connector: &dyn Connector,
    run: &RunOptions,
    options: &DeliverOptions,
    progress: &dyn Progress,
) -> Result<Delivered, SameIdentity> {
    let usable = site.members.iter().filter(|member| member.is_usable());
    let mut mover = OverSite {
        site,
        paths: usable.flat_map(Member::mail_paths).collect(),
        worker,
        connector,
        run: run.clone(),
        options,
        progress,
        exchanged: Vec::new(),
    };
    let delivery = rounds(&mut mover)?;
    Ok(Delivered {
        delivery,
        interchange: mover.exchanged,
    })
}

/// Moves the mail between agent and shadow postoffice of one Exchange server; what moved and what is
/// wrong, or why it failed and whether the tree does not answer any more.
pub(crate) fn interchange_of(
    member: &Member,
    worker: &dyn Worker,
    options: &RunOptions,
    progress: &dyn Progress,
) -> Result<(Interchanged, Vec<Problem>), (Failure, bool)> {
    let ask = Ask::Interchange {
        tree: member.path.clone(),
        wait_ms: options.wait_ms,
        options: options.step.clone(),
        program: options.program.clone(),
    };
    match worker.ask(&ask, progress) {
        Ok(Answer::Interchanged { done, problems }) => Ok((done, problems)),
        other => {
            let gone = other.as_ref().err().is_some_and(FarError::is_gone);
            Err((as_failure(other), gone))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says before each round how much an interchange moves.
    struct Script {
        moved: Vec<u64>,
        goes_on: bool,
        said: String,
    }

    impl Mover for Script {
        fn interchange(&mut self) -> u64 {
            self.said.push('i');
            self.moved.pop().unwrap_or(0)
        }

        fn between(&mut self) -> Result<DeliverReport, SameIdentity> {
            self.said.push('d');
            Ok(DeliverReport {
                passes: 1,
                ..DeliverReport::default()
            })
        }

        fn goes_on(&self) -> bool {
            self.goes_on
        }
    }

    fn said(moved: Vec<u64>, goes_on: bool) -> (String, u32) {
        let mut script = Script {
            moved,
            goes_on,
            said: String::new(),
        };
        let report = rounds(&mut script).unwrap();
        (script.said, report.passes)
    }

    #[test]
    fn a_delivery_stands_between_two_interchanges_and_more_follow_while_mail_moves() {
        assert_eq!(said(vec![0, 9], true), ("idi".to_owned(), 1));
        // Without connectors what was taken in has nowhere to go.
        assert_eq!(said(vec![5, 5, 5], false), ("idi".to_owned(), 1));
        assert_eq!(said(vec![0, 1, 2, 0], true), ("idididi".to_owned(), 3));
        // Agents that answer in a circle.
        let (circle, passes) = said(vec![1; 100], true);
        assert_eq!(passes, ROUNDS);
        assert_eq!(circle, format!("{}i", "id".repeat(ROUNDS as usize)));
    }
}
