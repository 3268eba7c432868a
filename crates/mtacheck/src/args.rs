//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use dirsync_cli::options::Args;

/// Check, repair and purge the queue database of the Exchange message transfer agent.
#[derive(Debug, Parser)]
#[command(name = "mtacheck", version, after_help = TOP_EXAMPLES, max_term_width = 100)]
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
  mtacheck queues MTADATA                          what waits where
  mtacheck check MTADATA                           look only
  mtacheck repair MTADATA --verbose --log mta.txt  what the original did (also: mtacheck MTADATA /v /f mta.txt)
  mtacheck purge MTADATA --queue \"MICROSOFT DXA\"   empty the DXA queue
  mtacheck list MTADATA --kind dirsync --format ids | mtacheck purge MTADATA --ids - --yes";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look only: every finding; nothing is ever written.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(DirArgs),
    /// Check and mend, with the output of the original.
    #[command(after_help = REPAIR_EXAMPLES)]
    Repair(RepairArgs),
    /// Show all queues: length by priority, oldest message, size.
    #[command(after_help = QUEUES_EXAMPLES)]
    Queues(DirArgs),
    /// List messages.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Show one object.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// Take messages off their queues; their files go to MTACHECK.OUT.
    #[command(after_help = PURGE_EXAMPLES)]
    Purge(PurgeArgs),
    /// Copy missing core files from a BOOTENV directory, and only those.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(RestoreArgs),
    /// Make the database empty; the messages go to MTACHECK.OUT.
    #[command(after_help = WIPE_EXAMPLES)]
    Wipe(DirArgs),
    /// Rename MTACHECK.OUT, so that the next repair is not refused.
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate(DirArgs),
    /// Copy a backlog as sets that can be replayed one by one.
    #[command(after_help = SPLIT_EXAMPLES)]
    Split(SplitArgs),
    /// Put the messages of a copy or a set on the queues of a database.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
}

const CHECK_EXAMPLES: &str = "\
Ends with 1 when there is a finding. Of a directory that is not ours names, sizes, the core, the
marker and the quarantine are reported.

Examples:
  mtacheck check MTADATA
  mtacheck check MTADATA --json --ignore mta.object-padding";
const QUEUES_EXAMPLES: &str = "\
Opens the super queue and the queue files, no message.

Examples:
  mtacheck queues MTADATA
  mtacheck queues MTADATA --json";
const WIPE_EXAMPLES: &str = "\
Queues keep their names and ids. Asks first; in a script give --yes.

Examples:
  mtacheck wipe MTADATA --dry-run
  mtacheck wipe MTADATA --yes";
const ROTATE_EXAMPLES: &str = "\
The folder becomes MTACHECK.001, .002 and so on. Its files are for study and are never to be put
back.

Examples:
  mtacheck rotate MTADATA";

/// A database.
#[derive(Debug, clap::Args)]
pub(crate) struct DirArgs {
    /// The directory of the database.
    #[arg(value_name = "MTADATA")]
    pub(crate) dir: PathBuf,
}

const REPAIR_EXAMPLES: &str = "\
Damaged objects go to MTACHECK.OUT, with a list of everything touched (MANIFEST.TSV); lost queue
files come back under their ids. One commit: after a crash the old database or the mended one.
Run it until it says `Database clean, no errors detected.`

Refused while MTACHECK.OUT holds object files of an earlier run: `mtacheck rotate` renames it.
--rd and --rp: the senders send again what they think was lost; mend the cause first (Q161949,
Q169205).

Ends with 0 clean, 1 repaired, 3 refused, 4 in use, 5 serious errors; --classic-exit: 0, 1, 2
files of BOOTENV missing, 3 serious errors, 4 refused or in use, 5 usage.

Examples:
  mtacheck repair MTADATA --verbose --log mta.txt
  mtacheck repair MTADATA --rd --rp --rl
  mtacheck repair MTADATA --dry-run
  mtacheck MTADATA /v /f mta.txt /rd           the original's spelling";

/// `repair`.
#[derive(Debug, clap::Args)]
pub(crate) struct RepairArgs {
    /// The directory of the database.
    #[arg(value_name = "MTADATA")]
    pub(crate) dir: PathBuf,
    /// Write what is printed to this file as well; an older one is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Remove directory replication messages.
    #[arg(long)]
    pub(crate) rd: bool,
    /// Remove public folder replication messages.
    #[arg(long)]
    pub(crate) rp: bool,
    /// Remove link monitor messages.
    #[arg(long)]
    pub(crate) rl: bool,
    /// Remove directory synchronization (DXA) messages.
    #[arg(long)]
    pub(crate) rx: bool,
    /// As the MTA runs it after an unclean stop: verbose, log in MTACHECK.OUT, a filled MTACHECK.OUT is
    /// renamed.
    #[arg(long)]
    pub(crate) internal: bool,
}

/// Which messages.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which messages")]
pub(crate) struct Filters {
    /// On this queue: its id, its name, or the last part of it (may be repeated).
    #[arg(long, value_name = "QUEUE")]
    pub(crate) queue: Vec<String>,
    /// This text is in the originator.
    #[arg(long, value_name = "TEXT")]
    pub(crate) originator: Option<String>,
    /// This text is in a recipient.
    #[arg(long, value_name = "TEXT")]
    pub(crate) recipient: Option<String>,
    /// ipm, dirsync, report, dirrep, pfrep or linkmon (may be repeated).
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// urgent, normal or non-urgent (may be repeated).
    #[arg(long, value_name = "PRIORITY")]
    pub(crate) priority: Vec<String>,
    /// Submitted this long ago or longer: 90s, 30m, 12h, 7d.
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
    /// Submitted this long ago or less.
    #[arg(long, value_name = "AGE")]
    pub(crate) newer_than: Option<String>,
    /// Content of at least this many bytes (also 100k, 5m).
    #[arg(long, value_name = "BYTES")]
    pub(crate) min_size: Option<String>,
    /// Content of at most this many bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_size: Option<String>,
    /// With this MTS-ID.
    #[arg(long, value_name = "ID")]
    pub(crate) mts_id: Option<String>,
    /// The reference objects named in this file, one id a line; - for stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) ids: Option<PathBuf>,
    /// N messages at most.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// How to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// A table.
    #[default]
    Table,
    /// One id a line, for --ids.
    Ids,
}

const LIST_EXAMPLES: &str = "\
Examples:
  mtacheck list MTADATA --queue \"MICROSOFT DXA\"
  mtacheck list MTADATA --older-than 7d --priority non-urgent
  mtacheck list MTADATA --kind dirsync --format ids";

/// `list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The directory of the database.
    #[arg(value_name = "MTADATA")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  mtacheck show MTADATA 06000036
  mtacheck show MTADATA 06000036 --json";

/// `show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The directory of the database.
    #[arg(value_name = "MTADATA")]
    pub(crate) dir: PathBuf,
    /// Eight hexadecimal digits.
    #[arg(value_name = "OBJECT")]
    pub(crate) object: String,
}

const PURGE_EXAMPLES: &str = "\
No other message is touched. A filled MTACHECK.OUT is renamed first. Asks first; in a script
give --yes.

Examples:
  mtacheck purge MTADATA --queue \"MICROSOFT DXA\"
  mtacheck purge MTADATA --queue MTAWORKQ --originator /cn=flood --limit 500 --dry-run
  mtacheck list MTADATA --kind dirsync --format ids | mtacheck purge MTADATA --ids - --yes";

/// `purge`.
#[derive(Debug, clap::Args)]
pub(crate) struct PurgeArgs {
    /// The directory of the database.
    #[arg(value_name = "MTADATA")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

const RESTORE_EXAMPLES: &str = "\
Files of 0 bytes count as missing. DB000001.DAT is never copied. Run `mtacheck repair`
afterwards. Asks first; in a script give --yes.

Examples:
  mtacheck restore MTADATA --bootenv BOOTENV";

/// `restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The directory of the database.
    #[arg(value_name = "MTADATA")]
    pub(crate) dir: PathBuf,
    /// The directory of pristine core files.
    #[arg(long, value_name = "DIR")]
    pub(crate) bootenv: PathBuf,
}

const SPLIT_EXAMPLES: &str = "\
Each set is a database of its own with all core files and queues; SET001 holds the newest
messages. The database itself is only read: keep it until all is delivered.

Examples:
  mtacheck split MTABackup 4 --to SETS
  mtacheck repair SETS/SET001 && mtacheck replay SETS/SET001 --into MTADATA";

/// `split`.
#[derive(Debug, clap::Args)]
pub(crate) struct SplitArgs {
    /// The directory of the database.
    #[arg(value_name = "MTADATA")]
    pub(crate) dir: PathBuf,
    /// Number of sets.
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..=999))]
    pub(crate) sets: u32,
    /// Where to write them: a directory that is empty or does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

const REPLAY_EXAMPLES: &str = "\
FROM is only read. Messages that wait on the same queue already, or that mtacheck had taken
away, are left out: a replay that was stopped is simply run again.

Examples:
  mtacheck replay SETS/SET001 --into MTADATA --dry-run
  mtacheck replay SETS/SET001 --into MTADATA";

/// `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// The database to take messages from.
    #[arg(value_name = "FROM")]
    pub(crate) from: PathBuf,
    /// The database to put them into.
    #[arg(long, value_name = "MTADATA")]
    pub(crate) into: PathBuf,
}
