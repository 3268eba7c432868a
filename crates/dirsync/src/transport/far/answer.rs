//! Answering for one tree: opens it, does what is asked in one commit, closes it.

use std::sync::Arc;
use std::time::Duration;

use crate::core::base::address::PoName;
use crate::core::base::finding::{Finding, Severity};
use crate::core::base::ident::{HexId, MailbagStem};
use crate::core::base::time::UnixTime;
use crate::postoffice::externals::gateways::home;
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::disk::real::RealDisk;
use crate::tree::disk::{Disk, DiskErrorKind, DiskResult};
use crate::tree::journal::{CommitInfo, Plan};
use crate::tree::lock::Holder;
use crate::tree::{Command, Domain, DomainKind, OpenOptions, TreeError, TreeMut, TreeView};

use super::super::gateway::{self, GatewayTotals, Place};
use super::super::link::{self, Receipt};
use super::super::mailer;
use super::super::map;
use super::super::settle;
use super::super::waiting::{self, Envelopes};
use super::protocol::{Failure, FailureClass, PlanStep, Problem, Reply, Request};
use super::{FarError, FarSide};

const DOMAIN: Domain = Domain {
    kind: DomainKind::Postoffice,
};

/// A tree in this process.
#[derive(Debug)]
pub struct Local {
    disk: Option<Arc<dyn Disk>>,
    options: OpenOptions,
    /// Whether it is a queue database, and not a postoffice.
    is_mta: bool,
    /// What the envelopes of its outbound mail said.
    envelopes: Envelopes,
    /// Why nothing more is done.
    last: Option<Failure>,
}

impl Local {
    /// Answers for the postoffice at the root of `disk`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, options: OpenOptions) -> Self {
        Self {
            disk: Some(disk),
            options,
            is_mta: false,
            envelopes: Envelopes::default(),
            last: None,
        }
    }

    /// Answers for the queue database of the Exchange server at the root of `disk`.
    #[must_use]
    pub fn of_mta(disk: Arc<dyn Disk>, options: OpenOptions) -> Self {
        Self {
            is_mta: true,
            ..Self::new(disk, options)
        }
    }

    /// Answers for the tree that the first request names: a postoffice, or, where the last name is
    /// `MTADATA`, a queue database.
    #[must_use]
    pub fn unopened() -> Self {
        Self {
            disk: None,
            options: OpenOptions::default(),
            is_mta: false,
            envelopes: Envelopes::default(),
            last: None,
        }
    }

    /// The answer to one request. After a failed sync every answer is a failure.
    #[must_use]
    pub fn answer(&mut self, request: Request) -> Reply {
        if let Some(failure) = &self.last {
            return Reply::Failed {
                failure: failure.clone(),
            };
        }
        let reply = self.try_answer(request);
        if let Reply::Failed { failure } = &reply
            && failure.last
        {
            self.last = Some(failure.clone());
        }
        reply
    }

    fn try_answer(&mut self, request: Request) -> Reply {
        let failed = |error: PoError| Reply::Failed {
            failure: Failure::from(&error),
        };
        if self.is_mta {
            return self.answer_mta(request);
        }
        match request {
            Request::Open {
                path,
                wait_ms,
                program,
            } => self.open(&path, wait_ms, program),
            Request::Identify => self.identify().unwrap_or_else(failed),
            Request::Outbound => self.outbound().unwrap_or_else(failed),
            Request::Routes => self.routes().unwrap_or_else(failed),
            Request::Mailer {
                now,
                user,
                limit,
                dry_run,
            } => self
                .mailer(UnixTime(now), user, limit, dry_run)
                .unwrap_or_else(failed),
            Request::Collect {
                mailbag,
                limit,
                skip,
            } => self
                .collect(HexId(mailbag), limit, &skip)
                .unwrap_or_else(failed),
            Request::Receive {
                from,
                now,
                user,
                parcels,
            } => self
                .receive(&from, UnixTime(now), user, &parcels)
                .unwrap_or_else(failed),
            Request::Sent {
                mailbag,
                to,
                now,
                user,
                done,
            } => self
                .sent(HexId(mailbag), &to, UnixTime(now), user, &done)
                .unwrap_or_else(failed),
            Request::Settle {
                now,
                user,
                outcomes,
            } => self
                .settle(UnixTime(now), user, &outcomes)
                .unwrap_or_else(failed),
        }
    }

    fn open(&mut self, path: &str, wait_ms: u64, program: String) -> Reply {
        let path_of = std::path::Path::new(path);
        let is_mta = crate::mta::is_home(path_of);
        let opened: DiskResult<Arc<dyn Disk>> = if is_mta {
            crate::mta::open_disk(path_of)
        } else {
            RealDisk::open(path_of).map(|disk| Arc::new(disk) as Arc<dyn Disk>)
        };
        match opened {
            Ok(disk) => {
                self.disk = Some(disk);
                self.is_mta = is_mta;
                self.options = OpenOptions {
                    wait: Duration::from_millis(wait_ms),
                    holder: Holder {
                        program,
                        pid: std::process::id(),
                        ..Holder::default()
                    },
                };
                Reply::Opened
            }
            Err(error) => Reply::Failed {
                failure: Failure {
                    class: FailureClass::Data,
                    message: format!("{path}: {error}"),
                    hint: Some("check that the tree is where it was, and its rights".to_owned()),
                    last: false,
                    full: false,
                },
            },
        }
    }

    fn disk(&self) -> Result<Arc<dyn Disk>, PoError> {
        self.disk.clone().ok_or_else(|| PoError::NoIdentity {
            tree: "the tree".to_owned(),
            why: "no tree was named".to_owned(),
        })
    }

    pub(super) fn tree_disk(&self) -> Result<Arc<dyn Disk>, TreeError> {
        self.disk.clone().ok_or_else(|| TreeError::Mismatch {
            tree: "the tree".to_owned(),
            path: crate::tree::RelPath::root(),
            why: "no tree was named".to_owned(),
        })
    }

    pub(super) fn options(&self) -> &OpenOptions {
        &self.options
    }

    fn view(&self) -> Result<TreeView, PoError> {
        Ok(TreeView::open(self.disk()?, DOMAIN, &self.options)?)
    }

    /// Prepares a plan on the locked tree and commits it.
    fn commit<T>(
        &mut self,
        now: UnixTime,
        user: String,
        make: impl FnOnce(&mut Edit<'_>) -> Result<(T, &'static str, u64), PoError>,
    ) -> Result<T, PoError> {
        let mut tree = TreeMut::open(self.disk()?, DOMAIN, &self.options)?;
        let mut edit = Edit::new(tree.view());
        let (made, what, count) = make(&mut edit)?;
        let plan = edit.finish()?;
        let envelopes = &mut self.envelopes;
        commit(&mut tree, envelopes, now, user, &plan, (what, count))?;
        Ok(made)
    }

    fn identify(&self) -> Result<Reply, PoError> {
        let identity = Identity::read(&self.view()?)?;
        Ok(Reply::Identity {
            name: identity.name.to_string(),
            is_server: identity.is_server,
        })
    }

    fn outbound(&mut self) -> Result<Reply, PoError> {
        let mut problems = Problems::default();
        let view = self.view()?;
        let queues = waiting::outbound_known(&view, &mut self.envelopes, &mut problems.sink())?;
        Ok(Reply::Outbound {
            queues,
            problems: problems.0,
        })
    }

    fn routes(&self) -> Result<Reply, PoError> {
        Ok(Reply::Routes {
            table: map::table(&self.view()?)?,
        })
    }

    /// Whether an in-queue holds anything at all, or a commit waits to be completed: it may not
    /// be durable yet, and "nothing to do" must not rest on it.
    fn has_mail(&self) -> Result<bool, PoError> {
        let view = self.view()?;
        if view.pending_commit().is_some() {
            return Ok(true);
        }
        for stem in [MailbagStem::INQUEUE, MailbagStem::INQUEUE3] {
            // What cannot be looked at is the mailer's to report.
            match view.stat(&stem.mbg_path()) {
                Ok(Some(stat))
                    if stat.len == 0 && stat.kind == crate::tree::disk::EntryKind::File => {}
                _ => return Ok(true),
            }
        }
        Ok(false)
    }

    fn mailer(
        &mut self,
        now: UnixTime,
        user: String,
        limit: u32,
        dry_run: bool,
    ) -> Result<Reply, PoError> {
        let mut problems = Problems::default();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut steps = Vec::new();
        let mut gateways = GatewayTotals::default();
        let places = if dry_run {
            Vec::new()
        } else {
            gateway::places(&self.view()?, &mut problems.sink())?
        };
        let clock = (now, user.as_str());
        for place in &places {
            let done = self.gateway(Way::In, place, clock, &mut gateways, &mut problems);
            problems.or_fail(place, done)?;
        }
        let mut totals = if !self.has_mail()? {
            mailer::MailerTotals::default()
        } else if dry_run {
            let view = self.view()?;
            let mut edit = Edit::new(&view);
            let totals = mailer::pass(&mut edit, now, limit, &mut problems.sink())?;
            steps = plan_steps(&edit.finish()?);
            totals
        } else {
            self.commit(now, user.clone(), |edit| {
                let totals = mailer::pass(edit, now, limit, &mut problems.sink())?;
                let served = totals.served;
                Ok((totals, "served", served))
            })?
        };
        for place in &places {
            let done = self.gateway(Way::Out, place, clock, &mut gateways, &mut problems);
            problems.or_fail(place, done)?;
        }
        totals.gateways = gateways;
        Ok(Reply::Mailed {
            totals,
            steps,
            problems: problems.0,
        })
    }

    /// One way of one gateway, where there is anything to do.
    fn gateway(
        &mut self,
        way: Way,
        place: &Place,
        (now, user): (UnixTime, &str),
        totals: &mut GatewayTotals,
        problems: &mut Problems,
    ) -> Result<(), PoError> {
        let view = self.view()?;
        let any = match way {
            Way::In => gateway::has_brought(&view, place)?,
            Way::Out => gateway::has_waiting(&view, place)?,
        };
        if !any && view.pending_commit().is_none() {
            return Ok(());
        }
        drop(view);
        let mut tree = TreeMut::open(self.disk()?, DOMAIN, &self.options)?;
        let envelopes = &mut self.envelopes;
        let mut commit = |tree: &mut TreeMut, plan: &Plan, moved: u64| {
            commit(
                tree,
                envelopes,
                now,
                user.to_owned(),
                plan,
                ("gateway", moved),
            )
        };
        let serve = match way {
            Way::In => gateway::serve_in,
            Way::Out => gateway::serve_out,
        };
        let mut sink = problems.sink();
        serve(&mut tree, place, now, &mut commit, totals, &mut sink)
    }

    fn collect(&self, mailbag: HexId, limit: u32, skip: &[u32]) -> Result<Reply, PoError> {
        let mut problems = Problems::default();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let collected = link::collect(
            &self.view()?,
            mailbag,
            limit,
            &|stem| skip.contains(&stem.0),
            &mut problems.sink(),
        )?;
        Ok(Reply::Collected {
            parcels: collected.parcels,
            stuck: collected.stuck,
            problems: problems.0,
        })
    }

    fn receive(
        &mut self,
        from: &str,
        now: UnixTime,
        user: String,
        parcels: &[link::Parcel],
    ) -> Result<Reply, PoError> {
        let from = po_name(from)?;
        let receipts = self.commit(now, user, |edit| {
            let receipts = link::receive(edit, Some(&from), parcels, now)?;
            let stored = receipts
                .iter()
                .filter(|receipt| matches!(receipt, Receipt::Stored(_)))
                .count() as u64;
            Ok((receipts, "received", stored))
        })?;
        Ok(Reply::Received { receipts })
    }

    fn sent(
        &mut self,
        mailbag: HexId,
        to: &str,
        now: UnixTime,
        user: String,
        done: &[link::Done],
    ) -> Result<Reply, PoError> {
        let to = po_name(to)?;
        let count = self.commit(now, user, |edit| {
            let count = link::sent(edit, mailbag, &to, done, now)?;
            Ok((count, "sent", count))
        })?;
        Ok(Reply::Sent { count })
    }

    fn settle(
        &mut self,
        now: UnixTime,
        user: String,
        outcomes: &[settle::Outcome],
    ) -> Result<Reply, PoError> {
        let mut problems = Problems::default();
        let settled = self.commit(now, user, |edit| {
            let settled = settle::settle(edit, outcomes, now, &mut problems.sink())?;
            let count = settled.returned() + settled.rerouted();
            Ok((settled, "settled", count))
        })?;
        Ok(Reply::Settled {
            settled,
            problems: problems.0,
        })
    }
}

/// Commits, and remembers what that means for the envelopes.
fn commit(
    tree: &mut TreeMut,
    envelopes: &mut Envelopes,
    now: UnixTime,
    user: String,
    plan: &Plan,
    count: (&'static str, u64),
) -> Result<(), TreeError> {
    let info = CommitInfo {
        command: Command::Deliver,
        user,
        now,
        counts: vec![count],
    };
    let before = tree.last_commit();
    match tree.commit(plan, &info) {
        Ok(Some(done)) => envelopes.committed(before, plan, &done),
        Ok(None) => {}
        Err(error) => {
            envelopes.forget();
            return Err(error);
        }
    }
    Ok(())
}

/// From a gateway, or to it.
#[derive(Debug, Clone, Copy)]
enum Way {
    In,
    Out,
}

impl FarSide for Local {
    fn call(&mut self, request: Request) -> Result<Reply, FarError> {
        match self.answer(request) {
            Reply::Failed { failure } => Err(FarError::Failed(failure)),
            reply => Ok(reply),
        }
    }
}

fn po_name(text: &str) -> Result<PoName, PoError> {
    text.parse().map_err(|_| PoError::NoIdentity {
        tree: "the other side".to_owned(),
        why: format!("{text:?} is no NET/PO"),
    })
}

fn plan_steps(plan: &Plan) -> Vec<PlanStep> {
    plan.steps()
        .map(|(path, step)| PlanStep {
            op: step.word().to_owned(),
            path: path.to_string(),
            bytes: step.payload_bytes(),
        })
        .collect()
}

#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    /// At most so many are carried; a tree with more wants a check.
    const LIMIT: usize = 1000;

    /// What went wrong with one gateway is its own: it is told, and the others go on.
    ///
    /// # Errors
    /// An error of the whole tree: it is busy, refused, or must not be written any more.
    fn or_fail(&mut self, place: &Place, done: Result<(), PoError>) -> Result<(), PoError> {
        let Err(error) = done else { return Ok(()) };
        let failure = Failure::from(&error);
        let stopped = matches!(&error, PoError::Tree(TreeError::Disk { error, .. })
            if error.kind == DiskErrorKind::Stopped);
        if failure.last || stopped || failure.class != FailureClass::Data {
            return Err(error);
        }
        self.sink()(Finding {
            id: gateway::FAILED,
            severity: Severity::Error,
            file: home(place.mailbag()),
            offset: None,
            message: format!("{}: {}", place.name(), failure.message),
            hint: failure
                .hint
                .unwrap_or_else(|| "its mail waits; the others go on".to_owned())
                .into(),
            repair: None,
        });
        Ok(())
    }

    pub(super) fn sink(&mut self) -> impl FnMut(Finding) + '_ {
        |finding| {
            if self.0.len() < Self::LIMIT {
                self.0.push(finding.into());
            }
        }
    }
}

impl From<TreeError> for FarError {
    fn from(error: TreeError) -> Self {
        Self::Failed(Failure::from(&PoError::from(error)))
    }
}
