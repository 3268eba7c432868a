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
    /// Apply the transactions that wait in SRVTRANS.GLB, then rebuild the Global Address List.
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

A run that would remove more than 25 entries and more than a fifth of one list is held: exit 3.

Examples:
  glb-import queue HQ
  glb-import queue HQ --no-rebuild
  glb-import queue HQ --allow-deletes 40
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
