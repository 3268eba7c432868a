//! The scheduler: what PROCESS.GLB of each postoffice says is run when it says so (dsp section 11.1,
//! tra section 10).
//!
//! * [`core::protocol::schedule`](crate::core::protocol::schedule) - when an entry starts, and what
//!   is too late;
//! * [`table`] - the process table of one postoffice, read and moved on;
//! * [`log`] - DISPATCH.LOG;
//! * [`clock`] - the system's clock, or one that jumps;
//! * [`report`] - what is reported of each postoffice and each step;
//! * [`round`] - one look at all postoffices and everything that is due.
//!
//! A round asks every postoffice for its table, makes the steps that are due in the order of their
//! starts (T1 before T2 before T3 at the same one), moves mail between two different steps, moves
//! the entries on and writes the log. A postoffice that fails, is busy or does not answer loses its
//! turn and nobody else's: one that could not be opened is asked again in the next round, as long
//! as its window is open, and one that did not answer is asked after all others (ASSIGNED).
//!
//! The original moved no mail; another program had to (Q118621). Here delivery is what happens
//! between runs, and can be switched off.

pub mod clock;
pub mod log;
pub mod report;
pub mod round;
pub mod table;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::core::base::UnixTime;
use crate::core::base::zone::parse_zone;
use crate::progress::Progress;
use crate::transport::deliver::SameIdentity;
use crate::transport::far::Connector;

use super::site::Site;
use super::step::{AskOptions, Worker};
use clock::Clock;
use log::Stamp;
pub use report::{MemberState, RunRecord};
use round::Dispatcher;

/// How long a quiet dispatcher waits before it looks again, in seconds (decisions 4).
pub const POLL_SECONDS: u32 = 300;
/// Runs that a report holds; older ones are only counted (ASSIGNED: a dispatcher may run for years).
pub const RUNS_KEPT: usize = 10_000;

/// How to dispatch.
#[derive(Debug, Clone)]
pub struct DispatchOptions {
    /// How the steps are made; their time is that of the clock.
    pub step: AskOptions,
    /// How long a busy tree is waited for.
    pub wait_ms: u64,
    /// Program and sub-command, for the lock files.
    pub program: String,
    /// Look once.
    pub once: bool,
    /// The last second in which something may start.
    pub until: Option<UnixTime>,
    /// How long to wait when nothing is due, at most.
    pub poll_seconds: u32,
    /// Move mail between runs.
    pub deliver: bool,
    /// Name put in front of the lines of DISPATCH.LOG.
    pub instance: Option<String>,
    /// `NET/PO` of the postoffice with DISPATCH.LOG: the directory server, or the first postoffice
    /// when there is none (ASSIGNED).
    pub home: Option<String>,
}

/// What a dispatcher did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DispatchReport {
    /// The postoffices, by name.
    pub members: Vec<MemberState>,
    /// `NET/PO` of the one with DISPATCH.LOG.
    pub home: Option<String>,
    /// The newest runs, in order.
    pub runs: Vec<RunRecord>,
    /// How many times all tables were looked at.
    pub polls: u64,
    /// Steps made.
    pub runs_made: u64,
    /// Those of them that ended with 65.
    pub runs_failed: u64,
    /// Windows missed.
    pub missed: u64,
    /// The next start that is known, seconds since 1970.
    pub next: Option<u32>,
    /// Lines for DISPATCH.LOG that could not be written.
    pub log_lines_lost: u64,
    /// What the last delivery leaves to be said.
    pub mail_problems: Vec<String>,
    /// The user stopped it; the same command goes on.
    pub stopped: bool,
}

/// Lines of DISPATCH.LOG that wait for their postoffice at most.
const LINES_WAITING: usize = 10_000;

/// Dispatches over a site that was looked at, until it is told to stop. `say` gets the lines of the
/// screen.
///
/// # Errors
/// [`SameIdentity`]: a tree changed its name meanwhile. Everything else is in the report.
pub fn dispatch(
    site: &Site,
    worker: &dyn Worker,
    connector: &dyn Connector,
    clock: &mut dyn Clock,
    options: &DispatchOptions,
    progress: &dyn Progress,
    say: &mut dyn FnMut(&str),
) -> Result<DispatchReport, SameIdentity> {
    let home = home(site, options.home.as_deref());
    let zone_name = home
        .map(|at| site.members[at].zone.clone())
        .unwrap_or_default();
    let stamp = Stamp {
        instance: options.instance.clone(),
        zone: parse_zone(&zone_name).unwrap_or(jiff::tz::TimeZone::UTC),
    };
    let now = clock.now();
    let label = home.map_or("none", |at| site.members[at].label());
    let zone_name = if zone_name.is_empty() {
        "UTC"
    } else {
        &zone_name
    };
    for text in log::started(now.zoned(&stamp.zone).datetime(), zone_name, label) {
        say(&stamp.screen(now, &text));
    }
    let mut dispatcher =
        Dispatcher::new(site, home, worker, connector, options, progress, stamp, say);
    loop {
        let now = clock.now();
        if options.until.is_some_and(|until| now > until) {
            break;
        }
        if !dispatcher.round(now)? {
            dispatcher.report.stopped = true;
            break;
        }
        if options.once {
            break;
        }
        let poll = clock.now().0.saturating_add(options.poll_seconds.max(1));
        // Nobody else changes anything on a virtual clock, so only a retry needs a look.
        let look = (!clock.is_virtual() || dispatcher.retry).then_some(poll);
        let wake = [look, dispatcher.report.next].into_iter().flatten().min();
        let Some(wake) = wake.or(options.until.map(|until| until.0)) else {
            // A virtual clock, and nothing is scheduled: nothing will ever happen.
            break;
        };
        let wake = UnixTime(wake.max(now.0.saturating_add(1)));
        if options.until.is_some_and(|until| wake > until) {
            let until = options.until.unwrap_or(wake);
            dispatcher.report.stopped = !clock.wait_until(until, progress);
            break;
        }
        if wake.0 == u32::MAX {
            break;
        }
        if !clock.wait_until(wake, progress) {
            dispatcher.report.stopped = true;
            break;
        }
    }
    progress.finish();
    Ok(dispatcher.finish(clock.now()))
}

/// The member that holds DISPATCH.LOG.
fn home(site: &Site, name: Option<&str>) -> Option<usize> {
    let usable = |at: &usize| site.members[*at].is_usable();
    let mut members = (0..site.members.len()).filter(usable);
    match name {
        Some(name) => members.find(|&at| {
            let own = site.members[at].name.as_deref();
            own.is_some_and(|own| own.eq_ignore_ascii_case(name))
        }),
        None => members
            .clone()
            .find(|&at| site.members[at].is_server)
            .or_else(|| members.next()),
    }
}
