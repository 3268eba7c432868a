//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dirsync_cli::options::Args;

/// Run directory synchronization: single steps, mail delivery, whole sites.
#[derive(Debug, Parser)]
#[command(name = "dxa-cycle", version, after_help = TOP_EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Args,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl AsRef<Args> for Cli {
    fn as_ref(&self) -> &Args {
        &self.common
    }
}

const TOP_EXAMPLES: &str = "\
Examples:
  dxa-cycle run lab                    one whole cycle for every postoffice below lab
  dxa-cycle run lab --dry-run          what it would do
  dxa-cycle status lab --check         the numbers of all parties; exit 1 if any is out of step
  dxa-cycle t1 lab/HQ                  only send the changes of one postoffice";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send the changes of requestors to their servers.
    #[command(after_help = T1_EXAMPLES)]
    T1(T1Args),
    /// Merge the requests at a server and answer them.
    #[command(after_help = T2_EXAMPLES)]
    T2(T2Args),
    /// Apply the answers at requestors and rebuild their Global Address Lists.
    #[command(after_help = T3_EXAMPLES)]
    T3(T3Args),
    /// Move mail until nothing moves any more.
    #[command(after_help = DELIVER_EXAMPLES)]
    Deliver(DeliverArgs),
    /// How mail would travel between the postoffices of a site, and why.
    #[command(after_help = ROUTES_EXAMPLES)]
    Routes(RoutesArgs),
    /// A whole cycle: T1, deliver, T2, deliver, T3 for everything found.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// What pausing the agent of an Exchange server does: T2 at a server, T1 at a requestor.
    #[command(after_help = PAUSE_EXAMPLES)]
    Pause(PauseArgs),
    /// What starting the agent of an Exchange server does: make or take RESYNC.GLB.
    #[command(after_help = START_EXAMPLES)]
    Start(StartArgs),
    /// The event log of an Exchange server.
    #[command(after_help = EVENTS_EXAMPLES)]
    Events(EventsArgs),
    /// Run T1, T2 and T3 when the schedules of the postoffices say so.
    #[command(after_help = DISPATCH_EXAMPLES)]
    Dispatch(DispatchArgs),
    /// Set the sync numbers to zero, by the documented recipes.
    #[command(subcommand)]
    Reset(ResetCommand),
    /// The sync numbers of every party side by side.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
}

const T1_EXAMPLES: &str = "\
Makes two messages for the server: the log of the postoffice, and its waiting changes. A
postoffice without a server is left alone. Mail moves with `dxa-cycle deliver`.

Examples:
  dxa-cycle t1 HQ
  dxa-cycle t1 HQ NEWTON GAUSS --json";

/// `t1`.
#[derive(Debug, clap::Args)]
pub(crate) struct T1Args {
    /// The postoffices.
    #[arg(value_name = "TREE", required = true)]
    pub(crate) trees: Vec<PathBuf>,
}

const GUARD_HELP: &str = "\
A step that would remove more than 25 entries and more than a fifth of one list is held: exit 3, with
the figures, and its mail waits. --allow-deletes N lets up to N removals of each list pass,
--allow-deletes NET/PO=N those of one list.";

const T2_EXAMPLES: &str = "\
A requestor whose changes would remove more than 25 entries and more than a fifth of its list is
held: exit 3, with the figures, and its mail waits; the others are served.

Examples:
  dxa-cycle t2 HQ
  dxa-cycle t2 HQ --allow-deletes POLYNOMIAL/NEWTON=40";

/// `t2`.
#[derive(Debug, clap::Args)]
pub(crate) struct T2Args {
    /// The directory server.
    pub(crate) tree: PathBuf,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

const T3_EXAMPLES: &str = "\
Examples:
  dxa-cycle t3 NEWTON
  dxa-cycle t3 NEWTON GAUSS --no-rebuild
  dxa-cycle t3 NEWTON --allow-deletes 40";

/// `t3`.
#[derive(Debug, clap::Args)]
pub(crate) struct T3Args {
    /// The postoffices.
    #[arg(value_name = "TREE", required = true)]
    pub(crate) trees: Vec<PathBuf>,
    /// Leave the Global Address List as it is.
    #[arg(long)]
    pub(crate) no_rebuild: bool,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
}

const DELIVER_EXAMPLES: &str = "\
One pass moves at most 50 messages of each queue, oldest first, and more only while few queues
wait, so that a long queue starves nobody. A tree that is busy, foreign, missing or silent stops
its own mail and nobody else's.

A link that fails is tried again by the next run; the attempt counts once in 10 minutes. Mail on
it takes another route where `po-admin route` names one. After 144 attempts, or when it has
waited for longer than its priority allows (urgent 2 days, normal 7, low 10), it is returned to
its sender. Name the whole site: mail for a postoffice whose tree is not found waits in the same
way. `po-admin link` holds and releases links.

Mail between the agent of an Exchange server and postoffices passes the queues of its MTA, where
compressed attachments are expanded. A message that cannot be processed is said once, left in
its queue and passed over; `mtacheck list`, `show` and `purge` work on what stands there.

Examples:
  dxa-cycle deliver lab
  dxa-cycle deliver lab --passes 1 --json
  dxa-cycle deliver lab --due                  for a timer: no link before its next attempt counts
  dxa-cycle deliver lab --until mta            what waits on the queues: mtacheck list lab/EX/MTADATA
  dxa-cycle deliver lab --retry-parked         messages that were left in their queue, once more
  dxa-cycle deliver lab --synchronous-mta      shows how one dead link stopped all others in 1996";

/// Where mail of an Exchange server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Until {
    /// At the queues MICROSOFT DXA and MS MAIL CONNECTOR.
    Mta,
}

/// What the interchange of an Exchange server takes.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkersArgs {
    /// Exchange servers: threads that expand compressed messages, 1 to 64; as many as there are
    /// processors, at most 8, without it. The result is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: Option<u16>,
}

/// `deliver`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeliverArgs {
    /// Directories at or above postoffices.
    #[arg(value_name = "SITE", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    /// Stop after so many passes.
    #[arg(long, value_name = "N")]
    pub(crate) passes: Option<u32>,
    /// Leave alone links that failed and whose next attempt would not count yet.
    #[arg(long)]
    pub(crate) due: bool,
    /// Do as the MTA of Exchange 4.0 and 5.0 did: a link that fails stops those behind it.
    #[arg(long)]
    pub(crate) synchronous_mta: bool,
    /// Exchange servers: stop at the queues of the MTA. Mail is put on them and not taken off.
    #[arg(long, value_name = "PLACE")]
    pub(crate) until: Option<Until>,
    /// Exchange servers: try messages again that could not be processed and were left in their queue.
    #[arg(long)]
    pub(crate) retry_parked: bool,
    #[command(flatten)]
    pub(crate) workers: WorkersArgs,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

const ROUTES_EXAMPLES: &str = "\
Each postoffice knows only its next hop. This follows them from one to the next, with the links
as they are now: cheapest way that works first. Exit 1 when some message would not arrive. What the
agent of an Exchange server sends takes its X.400 connectors as far as these lead.

Examples:
  dxa-cycle routes lab
  dxa-cycle routes lab --from POLYNOMIAL/NEWTON --to POLYNOMIAL/GAUSS
  dxa-cycle routes lab --json";

/// `routes`.
#[derive(Debug, clap::Args)]
pub(crate) struct RoutesArgs {
    /// Directories at or above postoffices.
    #[arg(value_name = "SITE", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    /// Only messages of this postoffice.
    #[arg(long, value_name = "NET/PO")]
    pub(crate) from: Option<String>,
    /// Only messages for this postoffice.
    #[arg(long, value_name = "NET/PO")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

const RUN_EXAMPLES: &str = "\
The first cycle gives every requestor all lists of the server, the second one what the others
sent meanwhile; from then on one cycle brings every change everywhere. What fails at one
postoffice does not stop the others.

Examples:
  dxa-cycle run lab
  dxa-cycle run lab --dry-run
  dxa-cycle run lab --allow-deletes 40
  dxa-cycle run lab --json";

/// `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Directories at or above postoffices.
    #[arg(value_name = "SITE", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    /// Leave the Global Address Lists as they are.
    #[arg(long)]
    pub(crate) no_rebuild: bool,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) workers: WorkersArgs,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

const PAUSE_EXAMPLES: &str = "\
The control request itself always fails with Error 2140; that failure means success, and the
exit code is 0 (with --classic-exit 2, as `net pause` ended). Version 4.0 runs nothing unless
the registry value PauseKicksDX is 1. Mail waits before and after: move it with `dxa-cycle
deliver`.

Examples:
  po-admin registry set EX PauseKicksDX 1
  dxa-cycle pause EX";

/// `pause`.
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    pub(crate) tree: PathBuf,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

const START_EXAMPLES: &str = "\
At a directory server: DXADATA/RESYNC.GLB is made for the remote requestors that the registry
value ResyncConnectionRDNs names by their objects, and the value is removed. Its numbers are the
highest of those requestors; with GlobalMaxSeqInResync=1, of all. At a requestor: a RESYNC.GLB
in DXADATA is taken once and kept as RESYNC.OLD.

Examples:
  po-admin registry set EX ResyncConnectionRDNs NEWTON GAUSS
  dxa-cycle start EX
  cp EX/DXADATA/RESYNC.GLB NEWTON/GLB/ && glb-import queue NEWTON";

/// `start`.
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    pub(crate) tree: PathBuf,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
}

const EVENTS_EXAMPLES: &str = "\
Oldest first. What is written depends on the levels of the categories, which stand in the
registry: errors always are. --evt writes the same events as an event log file of Windows NT,
for Event Viewer and other readers; the file holds the insertion strings only, the texts stand
in message libraries.

Examples:
  dxa-cycle events EX
  dxa-cycle events EX --source MSExchangeDX --id 134
  dxa-cycle events EX --json
  dxa-cycle events EX --evt exchange.evt
  po-admin registry set EX 'Diagnostics\\Event Handler' Maximum";

/// `events`.
#[derive(Debug, clap::Args)]
pub(crate) struct EventsArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    pub(crate) tree: PathBuf,
    /// Only events of this source, for example MSExchangeDX (may be repeated).
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Vec<String>,
    /// Only events of this number (may be repeated).
    #[arg(long, value_name = "N")]
    pub(crate) id: Vec<u16>,
    /// Write them to this file in the form of Windows NT, instead of showing them. It may not lie in
    /// a tree.
    #[arg(long, value_name = "FILE")]
    pub(crate) evt: Option<PathBuf>,
    /// Replace FILE if it exists.
    #[arg(long, requires = "evt")]
    pub(crate) overwrite: bool,
}

const DISPATCH_EXAMPLES: &str = "\
The times stand in PROCESS.GLB of each postoffice (`po-admin schedule`). An entry starts at its
time or up to its run window later (8 hours, 4 in old entries); after that it is missed, and its
next time counts. Mail moves between the runs. Only one dispatcher may serve a postoffice.
Ctrl-C ends it at the next safe point with exit code 130; started again it goes on.

With --now the clock is virtual: it jumps from start to start up to --until.

DISPATCH.LOG lies in LOG of the home postoffice: the directory server, or the one named by --home.

Examples:
  dxa-cycle dispatch lab
  dxa-cycle dispatch lab --once                          what is due now, then end
  dxa-cycle dispatch lab --until 2040-01-01T00:00:00Z
  dxa-cycle dispatch lab --now 1995-12-18T00:00:00Z --until 1995-12-25T00:00:00Z";

/// `dispatch`.
#[derive(Debug, clap::Args)]
pub(crate) struct DispatchArgs {
    /// Directories at or above postoffices.
    #[arg(value_name = "SITE", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    /// Look once, run what is due, and end.
    #[arg(long, conflicts_with = "until")]
    pub(crate) once: bool,
    /// Start nothing after this time (RFC 3339), and end then.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Look at the schedules at least this often.
    #[arg(long, value_name = "SECONDS", default_value_t = dirsync::cycle::dispatch::POLL_SECONDS)]
    pub(crate) idle_time: u32,
    /// Move no mail: `dxa-cycle deliver` does it elsewhere.
    #[arg(long)]
    pub(crate) no_deliver: bool,
    /// Put a name in front of the lines of DISPATCH.LOG.
    #[arg(long, value_name = "NAME")]
    pub(crate) instance_name: Option<String>,
    /// The postoffice with DISPATCH.LOG.
    #[arg(long, value_name = "NET/PO")]
    pub(crate) home: Option<String>,
    /// Leave the Global Address Lists as they are.
    #[arg(long)]
    pub(crate) no_rebuild: bool,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

/// `reset`.
#[derive(Debug, Subcommand)]
pub(crate) enum ResetCommand {
    /// One requestor and its record at the server begin at zero; it exports.
    #[command(after_help = RESET_LOCAL_EXAMPLES)]
    Local(ResetLocalArgs),
    /// A server and all its requestors begin at zero; everybody exports.
    #[command(after_help = RESET_GLOBAL_EXAMPLES)]
    Global(ResetGlobalArgs),
}

const RESET_LOCAL_EXAMPLES: &str = "\
For a requestor whose numbers cannot be brought in step any more; never for the directory
server. The server's record of it is made new, the numbers of the requestor become 0, and it
exports. Server, password, types, options and schedule stay; the old REQCONF.GLB and SRVCONF.GLB
stay as .OLD. Then run two cycles. Either side may be an Exchange server; as requestor it
exports with its next T1.

Examples:
  dxa-cycle reset local lab/NEWTON --server lab/HQ --dry-run
  dxa-cycle reset local lab/NEWTON --server lab/EXCHANGE --yes
  dxa-cycle reset local lab/NEWTON --server lab/HQ --yes";

/// `reset local`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResetLocalArgs {
    /// The requestor.
    #[arg(value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// Its directory server.
    #[arg(long, value_name = "PO")]
    pub(crate) server: PathBuf,
}

const RESET_GLOBAL_EXAMPLES: &str = "\
Mail is delivered first. Then SYSTEM and INQUEUE of every postoffice are emptied, the master
list of the server is emptied, all records of requestors are made new, the numbers of everybody
become 0, and everybody exports. Registrations, passwords, types, options, schedules and address
lists stay; the old REQCONF.GLB and SRVCONF.GLB stay as .OLD. Nothing is done unless every
postoffice of the site can be reset. Then run two cycles. An Exchange server in the site is
reset in its role.

Examples:
  dxa-cycle reset global lab --dry-run
  dxa-cycle reset global lab --yes";

/// `reset global`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResetGlobalArgs {
    /// Directories at or above postoffices.
    #[arg(value_name = "SITE", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

const STATUS_EXAMPLES: &str = "\
R counts the changes of a requestor that the server has, S the master list entries that the
requestor has, I its imports. In step, both sides say the same, nothing waits, and S is the
server's last number.

Examples:
  dxa-cycle status lab
  dxa-cycle status lab --check
  dxa-cycle status lab --json";

/// `status`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Directories at or above postoffices.
    #[arg(value_name = "SITE", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    /// Exit 1 if anything is out of step.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

/// The bulk-delete guard.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct GuardArgs {
    /// Let up to N removals of a list pass (may be repeated).
    #[arg(long, value_name = "[NET/PO=]N", long_help = GUARD_HELP)]
    pub(crate) allow_deletes: Vec<String>,
    /// Remove a SORTLOCK.GLB that another program left.
    #[arg(long)]
    pub(crate) break_lock: bool,
}

/// What a server may do.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ServerArgs {
    /// Send all lists to a requestor that asks for entries that were purged.
    #[arg(long)]
    pub(crate) auto_import: bool,
    /// Let a requestor replace the list of another one.
    #[arg(long)]
    pub(crate) trust_replace: bool,
}

/// How long trees are waited for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LinkArgs {
    /// Give up a tree that gives no sign of life for so long.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) deadline: u32,
}
