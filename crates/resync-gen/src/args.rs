//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dirsync_cli::options::Args;

/// Make RESYNC.GLB at a directory server, and look into one.
///
/// RESYNC.GLB holds all lists of the server and the sync numbers a requestor starts from. It is the
/// remedy when an import reply would be too large to send, when a requestor lost its waiting
/// transactions or its lists, when its numbers are too high, and for all requestors of a server that
/// was restored from a backup.
#[derive(Debug, Parser)]
#[command(name = "resync-gen", version, after_help = TOP_EXAMPLES, max_term_width = 100)]
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
  resync-gen create HQ                         RESYNC.GLB in the current directory (IMPORT -S)
  resync-gen check RESYNC.GLB --for BRANCH     would BRANCH take it, and what would that change?
  cp RESYNC.GLB BRANCH/GLB/ && glb-import queue BRANCH
  resync-gen show RESYNC.GLB";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the file from the lists of a directory server.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArgs),
    /// Show the numbers of a file and its lists.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// Say whether a postoffice would take a file, and what it would change there.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
}

const CREATE_EXAMPLES: &str = "\
One file serves every requestor: IMPSEQ and REQSEQ are the highest numbers over all of them,
SRVSEQ is the number up to which the server's own lists are complete. Entries that cannot be
told (a gateway address without a name, a group without an address) are left out and reported.

Run T3 at the server's own postoffice first; while transactions wait in its queues the file is not
made (message 14, exit 3). Do not leave the file in the server's GLB: an import there reports it
every time.

At an Exchange server the file is made in its DXADATA for the requestors that --requestor names, by
NET/PO or by the name of the object; else for those of the registry value ResyncConnectionRDNs,
else for all. Its numbers are the highest of these requestors, and others refuse it with message
14 when theirs are higher; --global-max, or the registry value GlobalMaxSeqInResync=1, takes the
highest of all. `dxa-cycle start` makes the same file from the registry alone.

Examples:
  resync-gen create HQ
  resync-gen create HQ --out /mnt/branch/GLB/RESYNC.GLB
  resync-gen create HQ --in-place              in HQ/GLB, as IMPORT -S did
  resync-gen create EX --requestor NET/BRANCH  in EX/DXADATA, for one requestor
  resync-gen create EX --global-max --out RESYNC.GLB
  resync-gen create HQ --dry-run --json";

/// `create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// The directory server.
    #[arg(value_name = "TREE")]
    pub(crate) tree: PathBuf,
    /// Where to write it; unless given, RESYNC.GLB in the current directory, or in DXADATA of an
    /// Exchange server.
    #[arg(long, value_name = "FILE", conflicts_with = "in_place")]
    pub(crate) out: Option<PathBuf>,
    /// Exchange: for this requestor, by NET/PO or its object (may be repeated).
    #[arg(long, value_name = "NAME")]
    pub(crate) requestor: Vec<String>,
    /// The highest numbers of all requestors; a postoffice always takes these.
    #[arg(long)]
    pub(crate) global_max: bool,
    /// Write GLB/RESYNC.GLB of the server itself (DXADATA/RESYNC.GLB of an Exchange server).
    #[arg(long)]
    pub(crate) in_place: bool,
}

const SHOW_EXAMPLES: &str = "\
With --text the lists come out as an import file, for a foreign mail system (IMPORT -ST) or to
be looked through: the numbers as a comment, an R line in front of each list, code page 850.

Examples:
  resync-gen show RESYNC.GLB
  resync-gen show RESYNC.GLB --json
  resync-gen show RESYNC.GLB --text > NAMES.TXT";

/// `show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print its lists as an import file.
    #[arg(long, conflicts_with = "json")]
    pub(crate) text: bool,
}

const CHECK_EXAMPLES: &str = "\
Nothing is changed. Exit 0: `glb-import queue PO` would take the file. Exit 3: it would not;
message 14 with both sets of numbers, or the bulk-delete guard with its figures.

Examples:
  resync-gen check RESYNC.GLB --for BRANCH
  resync-gen check RESYNC.GLB --for BRANCH --discard-waiting
  resync-gen check RESYNC.GLB --for BRANCH --accept-older --json";

/// `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The postoffice.
    #[arg(long = "for", value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// As if transactions that wait to be sent were to be dropped.
    #[arg(long)]
    pub(crate) discard_waiting: bool,
    /// As if a file with lower numbers were to be taken.
    #[arg(long)]
    pub(crate) accept_older: bool,
    /// Let up to N entries of one list go, of all lists or those of one postoffice (may be
    /// repeated).
    #[arg(long, value_name = "[NET/PO=]N")]
    pub(crate) allow_deletes: Vec<String>,
}
