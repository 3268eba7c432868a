//! `po-admin route`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::transport::links::set_route;
use dirsync::transport::map::table;
use dirsync::tree::Command;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use serde_json::json;

use super::change::{change, look, po_name, shown, tell, verb};

/// `route`.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Add another way to a postoffice, or change what a way costs.
    #[command(after_help = "\
The route of `po-admin postoffice add` costs 1. Mail takes the cheapest way whose link works;
what waits on a link that fails moves to the next one, unless the link is secured.

Examples:
  po-admin route add HQ POLYNOMIAL/NEWTON --via POLYNOMIAL/EULER --cost 5
  po-admin route add HQ POLYNOMIAL/NEWTON --via POLYNOMIAL/NEWTON --cost 10   the direct way costs 10")]
    Add(AddArgs),
    /// Forget another way, or the cost of a way.
    #[command(after_help = "\
Examples:
  po-admin route remove HQ POLYNOMIAL/NEWTON --via POLYNOMIAL/EULER")]
    Remove(RemoveArgs),
    /// All ways to all postoffices, the one that is taken now first.
    #[command(after_help = "\
`dxa-cycle routes` follows them from postoffice to postoffice.

Examples:
  po-admin route list HQ
  po-admin route list HQ --json")]
    List(ListArgs),
}

/// `route add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The destination.
    #[arg(value_name = "NET/PO")]
    name: String,
    /// The direct postoffice that the mail is handed to.
    #[arg(long, value_name = "NET/PO")]
    via: String,
    /// What it costs, 1 to 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    cost: u8,
}

/// `route remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The destination.
    #[arg(value_name = "NET/PO")]
    name: String,
    /// The postoffice that the mail is handed to.
    #[arg(long, value_name = "NET/PO")]
    via: String,
}

/// `route list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

pub(crate) fn run(command: &RouteCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        RouteCommand::Add(args) => {
            let way = (&args.name, &args.via, Some(args.cost));
            set(&args.tree, way, "po-admin route add", session)
        }
        RouteCommand::Remove(args) => {
            let way = (&args.name, &args.via, None);
            set(&args.tree, way, "po-admin route remove", session)
        }
        RouteCommand::List(args) => list(args, session),
    }
}

fn set(
    tree: &std::path::Path,
    (name, via, cost): (&String, &String, Option<u8>),
    command: &str,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let (to, hub) = (po_name(name)?, po_name(via)?);
    let changed = change(tree, Command::Route, session, |edit, _| {
        set_route(edit, &to, &hub, cost)
    })?;
    let what = format!("the way to {} through {}", shown(name), shown(via));
    let line = match cost {
        Some(cost) => format!("{} {what}: cost {cost}", verb(session, "set", "set")),
        None => format!("{} {what}", verb(session, "removed", "remove")),
    };
    let facts = json!({"to": to.to_string(), "via": hub.to_string(), "cost": cost});
    tell(session, command, changed, facts, vec![line], &[])
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (table, _) = look(
        &args.tree,
        "po-admin route list",
        &session.settings,
        |edit, _| table(edit.view()),
    )?;
    let columns = [
        text("TO"),
        text("VIA"),
        number("COST"),
        text("LINK"),
        text("MAILBAG"),
        text("FROM"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for row in &table.rows {
        for (place, way) in row.ways.iter().enumerate() {
            let origin = if way.first { "postoffice" } else { "route" };
            let facts = json!({
                "to": row.to, "via": way.via, "cost": way.cost, "state": way.state,
                "mailbag": way.mailbag, "from": origin, "taken": place == 0,
            });
            list.record(&mut session.out, &facts, |_| {
                [
                    row.to.clone(),
                    way.via.clone(),
                    way.cost.to_string(),
                    way.state.word().to_owned(),
                    way.mailbag.clone(),
                    origin.to_owned(),
                ]
            })?;
        }
    }
    list.end(&mut session.out)
}
