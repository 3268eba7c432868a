//! Delivery over a site: passes until nothing moves any more.
//!
//! One pass is one dispatch sweep over all postoffices (outbound mailbags to the next tree), then one
//! mailer sweep over all (DEC-115), oldest messages first. With `--passes` a pass serves at most 50
//! messages of a queue (DEC-114). Without it the number of passes is ours: then a pass serves up to 1,000
//! messages, shared by the queues that the pass before left with mail, but at least 50 of each (ASSIGNED;
//! gateways always have 50, Q85059). Each tree is behind a `FarSide`: one that is busy, foreign, missing, full or silent stops its own mail
//! and is reported; after a silence it is not asked again in this run. Order is that of the names, so the
//! same site gives the same result.
//!
//! Every link, the way from one postoffice to its next hop, has a state of its own, which its sender
//! remembers (`super::book`). When nothing moves any more, or the passes are used up, each sender
//! draws the consequences (`super::settle`); what moves by that is carried on.

#[cfg(test)]
mod at_once_tests;
mod report;
mod site;
mod sweep;

use std::collections::{BTreeMap, VecDeque};

use crate::core::base::time::UnixTime;
use crate::progress::Progress;

use super::far::Connector;

pub use super::book::LinkState;
pub use report::{DeliverReport, LinkReport, PostofficeReport};

use site::Site;

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
    /// Stop after so many passes even if mail still moves, each of at most 50 messages a queue; `None`:
    /// until it is quiet, in passes of up to 1,000.
    pub passes: Option<u32>,
    /// Only say what the first pass would do.
    pub dry_run: bool,
    /// Leave alone links whose next attempt would not count yet; without it every link is tried.
    pub due: bool,
    /// Reproduce the MTA of Exchange 4.0 and 5.0 (Q193760): a link that fails stops all links of its
    /// sender that come after it.
    pub synchronous_mta: bool,
}

impl DeliverOptions {
    /// Passes until it is quiet, every link tried.
    #[must_use]
    pub fn new(now: UnixTime, user: impl Into<String>) -> Self {
        Self {
            now,
            user: user.into(),
            passes: None,
            dry_run: false,
            due: false,
            synchronous_mta: false,
        }
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

/// Moves the mail of the postoffices at `paths` until it is quiet; a path that ends in `MTADATA` is the
/// queue database of an Exchange server with X.400 connectors.
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
    site.add_all(&paths, progress)?;
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
        // What went back or took another route moves on.
        if (report.quiet || report.passes == limit) && site.settle() > 0 {
            report.quiet = false;
        }
    }
    site.look_at_what_waits();
    progress.finish();
    Ok(site.into_report(report))
}
