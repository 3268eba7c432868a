//! `po-admin x400`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use dirsync::core::base::UnixTime;
use dirsync::core::base::address::PoName;
use dirsync::exchange::settings::Agent;
use dirsync::mta::MtaError;
use dirsync::mta::edit::MtaEdit;
use dirsync::mta::store::Database;
use dirsync::postoffice::clock::{TreeClock, rfc3339};
use dirsync::postoffice::{Edit, PoError};
use dirsync::transport::book::LinkEntry;
use dirsync::transport::waiting::Outbound;
use dirsync::transport::x400::mail::outbound;
use dirsync::transport::x400::settle;
use dirsync::transport::x400::table::{
    COST_MAX, Comments, Connector, DEFAULT_COST, Space, Table, server_name,
};
use dirsync::tree::journal::{CommitInfo, Plan};
use dirsync::tree::{Command, TreeView};
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::plan;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use dirsync_cli::trees::of_far;
use dirsync_cli::words::counted;
use jiff::tz::TimeZone;
use serde_json::json;

use super::change::{Changed, change_mta, shown, tell, verb};
use crate::{failures, trees};

/// `x400`.
#[derive(Debug, Subcommand)]
pub(crate) enum X400Command {
    /// Show the connectors: where they lead, what waits in their queues, how their links are.
    #[command(after_help = "\
OLDEST is the date of the oldest message of the queue, NEXT when the next attempt over a link
that does not work counts, both in the time zone of the tree.

Examples:
  po-admin x400 list EX1
  po-admin x400 list EX1 --json")]
    List(ListArgs),
    /// Add a connector to another Exchange server, or change the one of this name.
    #[command(after_help = "\
Mail for the address spaces of a connector waits in a queue of its own in MTADATA, and
`dxa-cycle deliver` hands it to the MTA of the other server. Of several connectors to the same
postoffice the cheapest one that works is taken; while a link is down its mail takes the next
one, unless it is secured.

Examples:
  po-admin x400 add EX1 \"TO HUB\" --to HUB --space \"EAST/*\"
  po-admin x400 add EX1 \"TO HUB BY NIGHT\" --to HUB --cost 10 --secured
  po-admin x400 add EX1 FAR --server /O=ORG/OU=SITE/CN=FAR --path /srv/far --space NET/FAR")]
    Add(AddArgs),
    /// Remove a connector. Mail that waits in its queue takes other ways, or is returned.
    #[command(after_help = "Examples:\n  po-admin x400 remove EX1 \"TO HUB\"")]
    Remove(RemoveArgs),
}

/// `x400 list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
}

/// `x400 add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The connector's name.
    name: String,
    /// The Exchange server it leads to; its own postoffice is an address space of the connector.
    #[arg(long, value_name = "EXCHANGE", required_unless_present = "server")]
    to: Option<PathBuf>,
    /// The name of the server it leads to, when its tree is not at hand.
    #[arg(long, value_name = "/O=…/OU=…/CN=…", conflicts_with = "to")]
    server: Option<String>,
    /// Where the other server stands, when it is not part of the site that is served.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// What can be reached over it: a postoffice, or all of a network. May be given several times.
    #[arg(long, value_name = "NET/PO|NET/*")]
    space: Vec<String>,
    /// What it costs.
    #[arg(long, value_name = "1-100", default_value_t = DEFAULT_COST,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(COST_MAX)))]
    cost: u32,
    /// Its mail never takes another route.
    #[arg(long)]
    secured: bool,
}

/// `x400 remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The connector's name.
    name: String,
}

pub(crate) fn run(command: &X400Command, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        X400Command::List(args) => list(args, session),
        X400Command::Add(args) => add(args, session),
        X400Command::Remove(args) => remove(args, session),
    }
}

/// The distinguished name of a server, and its postoffice.
fn identity(tree: &Path, session: &Session<'_>) -> Result<(String, PoName), Failure> {
    let view = trees::agent(tree, &session.settings, "po-admin x400")?;
    let agent = Agent::load(&mut Edit::new(&view)).map_err(|error| failures::of_po(&error))?;
    let of = &agent.identity;
    let name = format!("/O={}/OU={}/CN={}", of.organization, of.site, of.server);
    let name = server_name(&name).map_err(Failure::usage)?;
    Ok((name, agent.own))
}

fn add(args: &AddArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (own_name, own) = identity(&args.tree, session)?;
    let mut spaces = Vec::new();
    let server = match (&args.to, &args.server) {
        (Some(to), _) => {
            let (server, po) = identity(to, session)?;
            spaces.push(Space::Postoffice(po));
            server
        }
        (None, Some(server)) => server_name(server).map_err(Failure::usage)?,
        (None, None) => return Err(Failure::usage("give --to or --server").into()),
    };
    if server == own_name {
        return Err(Failure::usage("a connector leads to another server").into());
    }
    for space in &args.space {
        let space: Space = space.parse().map_err(Failure::usage)?;
        if !spaces.contains(&space) {
            spaces.push(space);
        }
    }
    if spaces.is_empty() {
        return Err(Failure::usage("nothing can be reached over this connector")
            .hint("give --space NET/PO or --space \"NET/*\"")
            .into());
    }
    let name = connector_name(&args.name)?;
    let path = match &args.path {
        None => None,
        Some(path) => Some(
            std::path::absolute(path)
                .ok()
                .and_then(|path| path.to_str().map(str::to_owned))
                .ok_or_else(|| Failure::usage("--path is no path that can be written down"))?,
        ),
    };
    let connector = Connector {
        name: name.clone(),
        server,
        path,
        cost: args.cost,
        secured: args.secured,
        spaces,
        link: LinkEntry::default(),
        comments: Comments::default(),
    };
    let facts = facts(&connector, None, &TimeZone::UTC);
    let to = connector.server.clone();
    let changed = change_mta(&args.tree, Command::X400, session, |edit, _| {
        let mut table = Table::read(edit)?.unwrap_or_else(|| Table::new(own_name.clone(), own));
        table.put(connector);
        table.write(edit)
    })?;
    let line = format!(
        "the connector {} to {} {}",
        shown(&name),
        shown(&to),
        verb(session, "is set up", "be set up")
    );
    tell(
        session,
        "po-admin x400 add",
        changed,
        facts,
        vec![line],
        &[],
    )
}

/// Upper case, as queues are named.
fn connector_name(text: &str) -> Result<String, Failure> {
    let name = text.trim().to_uppercase();
    let wrong = name.is_empty()
        || name.chars().count() > 64
        || matches!(&name[..], "MTA" | "MS MAIL CONNECTOR")
        || name
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '=' | ';' | '[' | ']' | '(' | ')'));
    if wrong {
        return Err(
            Failure::usage(format!("{text:?} is no name of a connector"))
                .hint("1 to 64 characters, none of / = ; [ ] ( )"),
        );
    }
    Ok(name)
}

fn remove(args: &RemoveArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = connector_name(&args.name)?;
    let settings = &session.settings;
    let now = UnixTime(settings.now());
    let of_mta = |error: MtaError| of_far((&error).into());
    let planned = |view: &TreeView| -> Result<(Option<u64>, Plan), Failure> {
        let db = Database::open(view).map_err(of_mta)?;
        let mut edit = MtaEdit::new(&db, now).map_err(of_mta)?;
        let Some(mut table) = Table::load(view).map_err(of_mta)? else {
            return Ok((None, Plan::new()));
        };
        let moved = settle::remove(&mut edit, &mut table, &name).map_err(of_mta)?;
        let mut plan = edit.finish().map_err(of_mta)?;
        let mut file = Edit::new(view);
        table
            .write(&mut file)
            .map_err(|error| failures::of_po(&error))?;
        let file = file.finish().map_err(|error| failures::of_tree(&error))?;
        for (path, step) in file.steps() {
            plan.put(path.clone(), step.clone())
                .map_err(|error| Failure::data(error.to_string()))?;
        }
        Ok((moved, plan))
    };
    let no_connector = || {
        Failure::usage(format!("there is no connector {}", shown(&name)))
            .hint("`po-admin x400 list EXCHANGE` shows them")
    };
    let changed = if settings.dry_run {
        let view = trees::mta(&args.tree, settings, Command::X400.words())?;
        let (moved, plan) = planned(&view)?;
        Changed {
            value: moved.ok_or_else(no_connector)?,
            entry: trees::entry(&view, &args.tree, settings),
            plan: plan::steps(Some(&view), &plan),
            transaction: None,
        }
    } else {
        let mut tree = trees::mta_writer(&args.tree, settings, Command::X400)?;
        let (moved, plan) = planned(tree.view())?;
        let moved = moved.ok_or_else(no_connector)?;
        let info = CommitInfo {
            command: Command::X400,
            user: trees::user_name(),
            now,
            counts: vec![("moved", moved)],
        };
        let done = tree
            .commit(&plan, &info)
            .map_err(|error| failures::of_tree(&error))?;
        Changed {
            value: moved,
            entry: trees::entry(tree.view(), &args.tree, settings),
            plan: Vec::new(),
            transaction: done.map(|done| done.transaction),
        }
    };
    let moved = changed.value;
    let line = format!(
        "the connector {} {}; other ways for what waits in its queue: {}",
        shown(&name),
        verb(session, "is removed", "be removed"),
        counted(moved, "message", "messages")
    );
    let facts = json!({ "name": name, "moved": moved });
    tell(
        session,
        "po-admin x400 remove",
        changed,
        facts,
        vec![line],
        &[],
    )
}

/// What is to be said of a connector; `queue` is what waits in its queue.
fn facts(connector: &Connector, queue: Option<&Outbound>, zone: &TimeZone) -> serde_json::Value {
    let spaces: Vec<String> = connector.spaces.iter().map(Space::to_string).collect();
    let link = &connector.link;
    json!({
        "name": connector.name, "server": connector.server, "path": connector.path,
        "cost": connector.cost, "secured": connector.secured, "spaces": spaces,
        "state": link.state().word(), "attempts": link.attempts,
        "failing_since": time(link.since, zone), "next_retry": next_retry(link, zone),
        "last_error": link.error, "waiting": queue.map_or(0, |queue| queue.waiting),
        "oldest": time(queue.map_or(0, |queue| queue.oldest), zone),
        "returned_at": time(link.gives_up_at().unwrap_or(0), zone),
    })
}

fn time(seconds: u32, zone: &TimeZone) -> Option<String> {
    (seconds != 0).then(|| rfc3339(&UnixTime(seconds).zoned(zone)))
}

/// When the next attempt counts; `None` while the link works.
fn next_retry(link: &LinkEntry, zone: &TimeZone) -> Option<String> {
    time(
        if link.state().is_failing() {
            link.next
        } else {
            0
        },
        zone,
    )
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let view = trees::mta(&args.tree, &session.settings, "po-admin x400 list")?;
    let table =
        Table::read(&mut Edit::new(&view)).map_err(|error: PoError| failures::of_po(&error))?;
    let queues = outbound(&view).map_err(|error| of_far((&error).into()))?;
    let clock = TreeClock::of(&view, None);
    let zone = clock.zone();
    let columns = [
        text("NAME"),
        text("SERVER"),
        number("COST"),
        text("SECURED"),
        text("STATE"),
        number("WAITING"),
        text("OLDEST"),
        number("ATTEMPTS"),
        text("NEXT"),
        text("SPACES"),
        text("LAST ERROR"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for connector in table.iter().flat_map(|table| &table.connectors) {
        let queue = queues
            .iter()
            .find(|queue| queue.via.as_deref() == Some(connector.server.as_str()));
        list.record(&mut session.out, &facts(connector, queue, zone), |_| {
            let spaces: Vec<String> = connector.spaces.iter().map(Space::to_string).collect();
            let link = &connector.link;
            [
                connector.name.clone(),
                connector.server.clone(),
                connector.cost.to_string(),
                if connector.secured { "yes" } else { "no" }.to_owned(),
                link.state().word().to_owned(),
                queue.map_or(0, |queue| queue.waiting).to_string(),
                time(queue.map_or(0, |queue| queue.oldest), zone).unwrap_or_default(),
                link.attempts.to_string(),
                next_retry(link, zone).unwrap_or_default(),
                spaces.join(" "),
                link.error.clone().unwrap_or_default(),
            ]
        })?;
    }
    list.end(&mut session.out)
}
