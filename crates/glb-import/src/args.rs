//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dirsync_cli::options::Args;

/// Import address lists and rebuild the Global Address List.
#[derive(Debug, Parser)]
#[command(name = "glb-import", version, after_help = TOP_EXAMPLES, max_term_width = 100)]
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
  glb-import queue HQ          apply what the server sent, then rebuild (IMPORT -Q, REBUILD -F)
  glb-import queue HQ --dry-run
  glb-import rebuild HQ        the Global Address List from all lists (REBUILD -F)";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Apply RESYNC.GLB and what waits in SRVTRANS.GLB, then rebuild the Global Address List.
    #[command(after_help = QUEUE_EXAMPLES)]
    Queue(QueueArgs),
    /// Make the Global Address List from all lists.
    #[command(after_help = REBUILD_EXAMPLES)]
    Rebuild(RebuildArgs),
}

const QUEUE_EXAMPLES: &str = "\
All lists change in one commit, together with the queues that become empty: after a crash, or when
something is in the way, everything still waits, and the same command does the work. Queues that an
interrupted original left are processed first. Records that cannot be read are reported and kept
in GLB/BADTRANS.GLB.

GLB/RESYNC.GLB goes first: its lists replace the ones here, the sync numbers become those of its
header, and it is removed. Transactions that wait to be sent are given numbers above it. When its
IMPSEQ or REQSEQ is lower than what this postoffice has, it is refused: message 14, exit 3, nothing
is applied; a lower SRVSEQ alone is fine. `resync-gen check FILE --for PO` says beforehand. On the
directory server itself the file is left alone.

A run that would remove more than 25 entries and more than a fifth of one list is held: exit 3.

Examples:
  glb-import queue HQ
  glb-import queue HQ --no-rebuild
  glb-import queue HQ --allow-deletes 40
  glb-import queue HQ --accept-older           a RESYNC.GLB that was refused with message 14
  glb-import queue HQ --allow-deletes POLYNOMIAL/NEWTON=400 --json";

/// `queue`.
#[derive(Debug, clap::Args)]
pub(crate) struct QueueArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// Leave the Global Address List as it is.
    #[arg(long)]
    pub(crate) no_rebuild: bool,
    /// Let up to N entries of one list go, of all lists or those of one postoffice (may be
    /// repeated).
    #[arg(long, value_name = "[NET/PO=]N")]
    pub(crate) allow_deletes: Vec<String>,
    /// Remove SORTLOCK.GLB of another program; only when no other import runs here.
    #[arg(long)]
    pub(crate) break_lock: bool,
    /// Leave the Global-List option of the postoffice as it is.
    #[arg(long)]
    pub(crate) keep_global_list: bool,
    /// Take a RESYNC.GLB whose IMPSEQ or REQSEQ is lower than the numbers here.
    #[arg(long)]
    pub(crate) accept_older: bool,
    /// With RESYNC.GLB: drop the transactions that wait to be sent instead of numbering them anew.
    #[arg(long)]
    pub(crate) discard_waiting: bool,
}

const REBUILD_EXAMPLES: &str = "\
GAL.NME, GALINDEX.GLB and GALNETPO.GLB change in one commit or not at all; when nothing changed
nothing is written. An address keeps its tuple id.

Examples:
  glb-import rebuild HQ
  glb-import rebuild HQ --keep-global-list
  glb-import rebuild HQ --dry-run --json";

/// `rebuild`.
#[derive(Debug, clap::Args)]
pub(crate) struct RebuildArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// Leave the Global-List option of the postoffice as it is; otherwise it becomes Yes.
    #[arg(long)]
    pub(crate) keep_global_list: bool,
}
