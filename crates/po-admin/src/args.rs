//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dirsync_cli::options::Args;

use crate::cmd::stuck;

/// Set up and look inside Microsoft Mail postoffices.
#[derive(Debug, Parser)]
#[command(name = "po-admin", version, after_help = TOP_EXAMPLES, max_term_width = 100)]
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
  po-admin init HQ POLYNOMIAL/MONTGOMERY     an empty postoffice in the directory HQ
  po-admin check HQ                          look for everything that is wrong in it
  po-admin mail list HQ                      its mailbags and what waits in them
  po-admin explain mailbag.key-without-mbg   what a finding means and how it is mended";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an empty postoffice.
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArgs),
    /// Make an empty Exchange server.
    #[command(after_help = crate::cmd::exchange::init::EXAMPLES)]
    InitExchange(crate::cmd::exchange::init::InitExchangeArgs),
    /// Look for damage, and mend it with --fix.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Mailbags and the mail in them.
    #[command(subcommand)]
    Mail(MailCommand),
    /// The Global Address List.
    #[command(after_help = GAL_EXAMPLES)]
    Gal(GalArgs),
    /// What a code, an event, a finding or a file means.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Local users.
    #[command(subcommand)]
    User(crate::cmd::user::UserCommand),
    /// Groups of the postoffice.
    #[command(subcommand)]
    Group(crate::cmd::group::GroupCommand),
    /// Add many users from a file.
    #[command(after_help = crate::cmd::fill::EXAMPLES)]
    Fill(crate::cmd::fill::FillArgs),
    /// External postoffices and the routes to them.
    #[command(subcommand)]
    Postoffice(crate::cmd::postoffice::PostofficeCommand),
    /// Postoffices that a gateway emulates: it brings and takes away its mail as text files.
    #[command(subcommand)]
    Gateway(crate::cmd::gateway::GatewayCommand),
    /// The links to other postoffices: state, hold and release, settings.
    #[command(subcommand)]
    Link(crate::cmd::link::LinkCommand),
    /// Further routes to other postoffices and what they cost.
    #[command(subcommand)]
    Route(crate::cmd::route::RouteCommand),
    /// Become the directory server, or stop being it.
    #[command(subcommand)]
    Server(crate::cmd::roles::ServerCommand),
    /// The requestors of a directory server.
    #[command(subcommand)]
    Requestor(crate::cmd::roles::RequestorCommand),
    /// Name the directory server at a requestor.
    #[command(after_help = crate::cmd::roles::REGISTER_EXAMPLES)]
    Register(crate::cmd::roles::RegisterArgs),
    /// Show or set the options of directory synchronization.
    #[command(after_help = crate::cmd::options::EXAMPLES)]
    Options(crate::cmd::options::OptionsArgs),
    /// Queue the whole own list for the directory server.
    #[command(after_help = crate::cmd::roles::EXPORT_EXAMPLES)]
    Export(crate::cmd::roles::PoArgs),
    /// Ask the directory server for all lists.
    #[command(after_help = crate::cmd::roles::IMPORT_EXAMPLES)]
    ImportRequest(crate::cmd::roles::PoArgs),
    /// The connections of an Exchange server to postoffices.
    #[command(subcommand)]
    Connector(crate::cmd::exchange::connector::ConnectorCommand),
    /// The recipients of an Exchange server.
    #[command(subcommand)]
    Recipient(crate::cmd::exchange::recipient::RecipientCommand),
    /// The registry values of an Exchange server.
    #[command(subcommand)]
    Registry(crate::cmd::exchange::registry::RegistryCommand),
    /// The X.400 connectors of an Exchange server.
    #[command(subcommand)]
    X400(crate::cmd::x400::X400Command),
    /// When T1, T2 and T3 run.
    #[command(subcommand)]
    Schedule(crate::cmd::schedule::ScheduleCommand),
    /// The numbers of directory synchronization, as LISTDS shows them.
    #[command(after_help = crate::cmd::listds::EXAMPLES)]
    Listds(crate::cmd::listds::ListdsArgs),
    /// The transactions in a file, as LISTQ shows them.
    #[command(after_help = crate::cmd::listq::EXAMPLES)]
    Listq(crate::cmd::listq::ListqArgs),
    /// Bring a tree of an older layout up to date.
    #[command(after_help = UPGRADE_EXAMPLES)]
    Upgrade(UpgradeArgs),
}

const INIT_EXAMPLES: &str = "\
The directory must not exist yet, or be empty. The postoffice is built beside it and renamed when
it is complete: a crash leaves nothing or all of it.

Examples:
  po-admin init HQ POLYNOMIAL/MONTGOMERY
  po-admin init HQ POLYNOMIAL/MONTGOMERY --admin Postmstr --zone America/New_York
  po-admin init HQ POLYNOMIAL/MONTGOMERY --dry-run";

/// `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// The directory of the new postoffice.
    #[arg(value_name = "PO")]
    pub(crate) place: PathBuf,
    /// Network and postoffice, 1 to 10 letters and digits each.
    #[arg(value_name = "NET/PO")]
    pub(crate) name: String,
    /// The administrator's mailbox; it does not take part in directory synchronization.
    #[arg(long, value_name = "MAILBOX", default_value = "Admin")]
    pub(crate) admin: String,
    /// The administrator's full name.
    #[arg(long, value_name = "NAME", default_value = "Administrator")]
    pub(crate) admin_name: String,
    /// IANA name of the zone in which times are shown and scheduled (default: this system's).
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
}

const CHECK_EXAMPLES: &str = "\
Without --fix nothing is changed, and foreign trees are welcome. --fix alone mends what can be
mended without losing anything; --fix ID mends the findings of that id whatever is lost by it, and
asks first. Of an Exchange server it mends the shadow postoffice; `mtacheck repair` mends MTADATA.

Examples:
  po-admin check HQ
  po-admin check HQ --fix
  po-admin check HQ --fix mailbag.mbg-size --dry-run
  po-admin check HQ --ignore limits.users --json";

/// `check`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "po-admin check [OPTIONS] <TREE>")]
pub(crate) struct CheckArgs {
    /// The tree.
    // Optional for the parser alone, which takes the tree of `check --fix TREE` for an id.
    pub(crate) tree: Option<PathBuf>,
    /// Mend all that is safe, or the findings of these ids (may be repeated).
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "", action = clap::ArgAction::Append)]
    pub(crate) fix: Vec<String>,
    /// Count the limits of the original clients as errors (500 users in a postoffice).
    #[arg(long)]
    pub(crate) strict_limits: bool,
}

/// `mail`.
#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// All mailbags with counts, or the headers of one.
    #[command(after_help = MAIL_LIST_EXAMPLES)]
    List(MailListArgs),
    /// One message with its envelope.
    #[command(after_help = stuck::SHOW_EXAMPLES)]
    Show(stuck::ShowArgs),
    /// Return messages to their senders.
    #[command(after_help = stuck::RETURN_EXAMPLES)]
    Return(stuck::ReturnArgs),
    /// Take messages out, or reset the whole mailbag; a copy is kept.
    #[command(after_help = stuck::CLEAR_EXAMPLES)]
    Clear(stuck::ClearArgs),
    /// Give messages that lost their headers new ones.
    #[command(after_help = stuck::RECOVER_EXAMPLES)]
    Recover(stuck::RecoverArgs),
    /// Remove the deleted headers of a mailbag.
    #[command(after_help = "Examples:\n  po-admin mail compress HQ Admin")]
    Compress(stuck::CompressArgs),
}

const MAIL_LIST_EXAMPLES: &str = "\
A mailbag is named by its stem (0000000A, SYSTEM, INQUEUE3), by the mailbox of its owner, by a
gateway, or by NET/PO for the mail that waits for an external postoffice.

In a foreign tree it is not known which headers are deleted, since the places inside a KEY file
were never published: all headers are listed with the state `unknown`. Times of a foreign tree are
read in the zone of --tz.

Examples:
  po-admin mail list HQ
  po-admin mail list HQ Admin
  po-admin mail list HQ POLYNOMIAL/NEWTON --json
  po-admin mail list old/MAILDATA 00000000 --tz America/New_York";

/// `mail list`.
#[derive(Debug, clap::Args)]
pub(crate) struct MailListArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// The mailbag; all of them without it.
    pub(crate) mailbag: Option<String>,
    /// List deleted headers too.
    #[arg(long)]
    pub(crate) deleted: bool,
}

const GAL_EXAMPLES: &str = "\
Examples:
  po-admin gal HQ
  po-admin gal HQ --find smith
  po-admin gal HQ --participating --json";

/// `gal`.
#[derive(Debug, clap::Args)]
pub(crate) struct GalArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    pub(crate) tree: PathBuf,
    /// Only names with words that begin like these.
    #[arg(long, value_name = "TEXT")]
    pub(crate) find: Option<String>,
    /// Leave out local users that take no part in directory synchronization.
    #[arg(long)]
    pub(crate) participating: bool,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  po-admin explain 128                      a numbered message of the dirsync programs
  po-admin explain 2219                     an event of the Exchange server
  po-admin explain mailbag.bad-header       a finding
  po-admin explain CONTROL.GLB              a file of a postoffice
  po-admin explain - < event.txt            the text of an event of the MTA, from either log:
                                            its number, its thread, the object at fault";

/// `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The number of a message or event, the text of an event, the id of a finding, or the name of a
    /// file; - reads a text from standard input.
    #[arg(value_name = "CODE|EVENT|FINDING|FILE")]
    pub(crate) what: String,
}

const UPGRADE_EXAMPLES: &str = "\
One commit; a copy of every file that it changes stays beside it with the extension .OLD.

Examples:
  po-admin upgrade HQ
  po-admin upgrade HQ --dry-run";

/// `upgrade`.
#[derive(Debug, clap::Args)]
pub(crate) struct UpgradeArgs {
    /// The tree.
    pub(crate) tree: PathBuf,
}
