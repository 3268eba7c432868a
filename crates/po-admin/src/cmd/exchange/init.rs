//! `po-admin init-exchange`.

use std::path::PathBuf;

use dirsync::core::base::address::PoName;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::core::format::mta::Profile;
use dirsync::exchange::init::{self, ExchangeParams};
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::{Report, Text, TreeEntry};
use dirsync_cli::session::{Outcome, Session};
use serde::Serialize;

use crate::cmd::init::{Built, names, random, zone};
use crate::failures;

pub(crate) const EXAMPLES: &str = "\
The server is built beside its place and renamed when it is complete. In it stand the agent
(DXADATA, REGISTRY.REG, EVENTS.JSONL), the queue database (MTADATA, BOOTENV) and the shadow
postoffice (CONNECT/MSMCON/MAILDATA), which other postoffices know as NET/PO: give it the routes
to them with `po-admin postoffice add`.

Examples:
  po-admin init-exchange EX --org Aviation --site Malmo --server MALMO1 --connector AVIATION/MALMO
  po-admin init-exchange EX --org Aviation --site Malmo --server MALMO1 --connector AVIATION/MALMO --profile 4.0
  po-admin postoffice add EX/CONNECT/MSMCON/MAILDATA NET/HQ";

/// `init-exchange`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitExchangeArgs {
    /// The directory of the new server.
    #[arg(value_name = "DIR")]
    place: PathBuf,
    /// The organization.
    #[arg(long, value_name = "ORG")]
    org: String,
    /// The site.
    #[arg(long, value_name = "SITE")]
    site: String,
    /// The server.
    #[arg(long, value_name = "NAME")]
    server: String,
    /// Network and postoffice by which postoffices know it, 1 to 10 letters and digits each.
    #[arg(long, value_name = "NET/PO")]
    connector: String,
    /// The version it behaves like: 4.0, 5.0 or 5.5.
    #[arg(long, value_name = "VERSION", default_value = "5.5")]
    profile: Profile,
    /// IANA name of the zone in which times are shown (default: this system's).
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

#[derive(Serialize)]
struct Made {
    path: String,
    name: String,
    profile: &'static str,
    tree_ids: Vec<String>,
    #[serde(flatten)]
    built: Built,
}

pub(crate) fn run(args: &InitExchangeArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (network, postoffice) = names(&args.connector)?;
    let connector = PoName::new(&network, &postoffice).map_err(|fault| {
        Failure::usage(format!("--connector: {}", fault.text()))
            .hint("give network and postoffice: AVIATION/MALMO")
    })?;
    let zone = zone(args.zone.as_deref(), session)?;
    let tree_ids = [TreeId(random()), TreeId(random()), TreeId(random())];
    let params = ExchangeParams {
        organization: &args.org,
        site: &args.site,
        server: &args.server,
        connector,
        profile: args.profile,
        created: jiff::Timestamp::from_second(i64::from(session.settings.now()))?,
        zone: &zone,
        tree_ids,
    };
    let init = init::plan(&params).map_err(|error| failures::of_po(&error))?;
    let made = Made {
        path: args.place.to_string_lossy().into_owned(),
        name: connector.to_string(),
        profile: args.profile.text(),
        tree_ids: tree_ids.iter().map(TreeId::to_string).collect(),
        built: Built::make(&init, &args.place, Command::InitExchange, session)?,
    };
    let mut report = Report::new(Command::InitExchange.words(), &session.settings);
    report.tree(TreeEntry {
        path: made.path.clone(),
        kind: "exchange".into(),
        name: made.name.clone(),
        zone,
        ..TreeEntry::default()
    });
    report.print(&mut session.out, &made)
}

impl Text for Made {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let name = escape::text(&self.name);
        let what = format!("Exchange server {name} ({})", self.profile);
        self.built.text(out, &what, &self.path)
    }
}
