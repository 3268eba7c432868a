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
  glb-import check NAMES.TXT   every fault of an import file, with line and column
  glb-import file HQ NAMES.TXT transactions of a file into the lists (IMPORT -F)
  glb-import extract HQ --gateway SMTP --out SMTP.TXT      a list as a file (IMPORT -X)
  glb-import rebuild HQ        the Global Address List from all lists (REBUILD -F)";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Apply RESYNC.GLB and what waits in SRVTRANS.GLB, then rebuild the Global Address List.
    #[command(after_help = QUEUE_EXAMPLES)]
    Queue(QueueArgs),
    /// Look through an import file: every fault with line, column and message number.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Apply the transactions of an import file to the lists, or queue them for the server.
    #[command(after_help = FILE_EXAMPLES)]
    File(Box<FileArgs>),
    /// Write lists as an import file.
    #[command(after_help = EXTRACT_EXAMPLES)]
    Extract(ExtractArgs),
    /// Make the Global Address List from all lists.
    #[command(after_help = REBUILD_EXAMPLES)]
    Rebuild(RebuildArgs),
}

const QUEUE_EXAMPLES: &str = "\
All lists change in one commit, together with the queues that become empty: after a crash, or
when something is in the way, everything still waits, and the same command does the work. Queues
that an interrupted original left are processed first. Records that cannot be read are reported
and kept in GLB/BADTRANS.GLB.

GLB/RESYNC.GLB goes first: its lists replace the ones here, the sync numbers become those of its
header, and it is removed. Transactions that wait to be sent are given numbers above it. When
its IMPSEQ or REQSEQ is lower than what this postoffice has, it is refused: message 14, exit 3,
nothing is applied; a lower SRVSEQ alone is fine. `resync-gen check FILE --for PO` says
beforehand. On the directory server itself the file is left alone.

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

/// How to read an import file.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadArgs {
    /// Insist on the columns: address in column 34, or TABs.
    #[arg(long)]
    pub(crate) strict: bool,
    /// What the bytes of the file mean: 850, 437 or utf-8.
    #[arg(long, value_name = "PAGE", default_value = "850")]
    pub(crate) encoding: String,
    /// Write ? for characters that code page 850 does not have; otherwise they are faults.
    #[arg(long)]
    pub(crate) lossy: bool,
}

const CHECK_EXAMPLES: &str = "\
Reads the file alone; which names exist already only `glb-import file --dry-run` can tell. Ends
with 1 when a fault was found. The numbers are those of the original (`po-admin explain
dirsync:72`).

Examples:
  glb-import check NAMES.TXT
  glb-import check NAMES.TXT --strict --json
  iconv -f utf-16 names.txt -t utf-8 | glb-import check - --encoding utf-8";

/// `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The import file; - for stdin.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

const FILE_EXAMPLES: &str = "\
One commit: after a crash the old lists or the new. A transaction that is wrong is reported with
its line, all others are applied. Users of the own postoffice are made, changed and removed as
well; `&` lines carry what is not in the address: &dirsync=Y|N, &access=SEND,RETRIEVE,...,
&remote=Y|N. The Global Address List is not rebuilt: `glb-import rebuild` does that.

With --to-dirsync the transactions go to the directory server with the next T1 and no list here
changes; --add-to-pol, --create-postoffices, --only, --replace, --templates and --failed are
ignored then (IMPORT -E).

A run that would remove more than 25 entries and more than a fifth of one list is held: exit 3.

Examples:
  glb-import file HQ NAMES.TXT --dry-run
  glb-import file HQ NAMES.TXT --templates --create-postoffices
  glb-import file HQ NAMES.TXT --add-to-pol --replace
  glb-import file HQ SMTP.TXT --to-dirsync
  glb-import file HQ NAMES.TXT --failed        what failed, ready to be corrected: LOG/IMPORT.LOG";

/// `file`.
#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// The import file; - for stdin.
    pub(crate) file: PathBuf,
    /// Queue the transactions for the directory server instead (IMPORT -E).
    #[arg(long)]
    pub(crate) to_dirsync: bool,
    /// Put entries into the postoffice address list, too (-A).
    #[arg(long)]
    pub(crate) add_to_pol: bool,
    /// Create postoffices and nodes that are not known (-C).
    #[arg(long)]
    pub(crate) create_postoffices: bool,
    /// Empty every list that the file names first (-R).
    #[arg(long)]
    pub(crate) replace: bool,
    /// Take templates and template information (-T).
    #[arg(long)]
    pub(crate) templates: bool,
    /// Only this type or list (-G; may be repeated).
    #[arg(long, value_name = "TYPE[:NET/PO]")]
    pub(crate) only: Vec<String>,
    /// Append what failed to a file (-L); LOG/IMPORT.LOG of the postoffice when none is named.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) failed: Option<Option<PathBuf>>,
    /// Refuse more than 500 local users.
    #[arg(long)]
    pub(crate) strict_limits: bool,
    /// Let up to N entries of one list go, of all lists or those of one postoffice (may be
    /// repeated).
    #[arg(long, value_name = "[NET/PO=]N")]
    pub(crate) allow_deletes: Vec<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

const EXTRACT_EXAMPLES: &str = "\
Without a choice: the own list and those of all external postoffices (IMPORT -X). The file holds
additions in columns; --with-replace puts an R line in front of each list. Imported where it came
from, it changes nothing.

Examples:
  glb-import extract HQ --gateway SMTP --out SMTP.TXT
  glb-import extract HQ --postoffice NET/SALES --templates --out SALES.TXT
  glb-import extract HQ --local
  glb-import extract HQ --gateway SMTP --with-replace | glb-import file BRANCH - --to-dirsync";

/// `extract`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExtractArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// All lists of this address type (-XG).
    #[arg(long, value_name = "TYPE", group = "what")]
    pub(crate) gateway: Option<String>,
    /// The list of one external postoffice or node (-XNET/PO).
    #[arg(long, value_name = "[TYPE:]NET/PO", group = "what")]
    pub(crate) postoffice: Option<String>,
    /// The own groups and users.
    #[arg(long, group = "what")]
    pub(crate) local: bool,
    /// Write to this file instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Append to the file when it exists; otherwise an existing one needs --yes.
    #[arg(long, requires = "out")]
    pub(crate) append: bool,
    /// Templates and template information, too (-T).
    #[arg(long)]
    pub(crate) templates: bool,
    /// An R line in front of each list but the own.
    #[arg(long)]
    pub(crate) with_replace: bool,
    /// Options of local users, too (& lines): only for a postoffice of the same name.
    #[arg(long)]
    pub(crate) options: bool,
    /// Leave the own groups out: an import makes users of groups that do not exist there.
    #[arg(long)]
    pub(crate) no_groups: bool,
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
