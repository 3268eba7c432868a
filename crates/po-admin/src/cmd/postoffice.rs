//! `po-admin postoffice`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::core::format::xtn::Route;
use dirsync::postoffice::externals::{self, NewExternal, ShownExternal};
use dirsync::tree::Command;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use serde_json::{Value, json};

use super::change::{change, look, new_po_name, po_name, shown, tell, verb};
use super::user::told;

/// `postoffice`.
#[derive(Debug, Subcommand)]
pub(crate) enum PostofficeCommand {
    /// Add an external postoffice, direct or behind a hub.
    #[command(after_help = "\
The tree of a direct postoffice is found in the site by its identity; --path names one that lies
elsewhere.

Examples:
  po-admin postoffice add HQ POLYNOMIAL/NEWTON
  po-admin postoffice add HQ FAR/AWAY --via POLYNOMIAL/NEWTON
  po-admin postoffice add HQ POLYNOMIAL/EULER --path /srv/mail/euler")]
    Add(AddArgs),
    /// Remove an external postoffice; refused while it is a hub or mail waits for it.
    #[command(after_help = "Examples:\n  po-admin postoffice remove HQ FAR/AWAY --yes")]
    Remove(OneArgs),
    /// List the external postoffices and their routes.
    #[command(after_help = "Examples:\n  po-admin postoffice list HQ --json")]
    List(ListArgs),
}

/// `postoffice add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The external postoffice.
    #[arg(value_name = "NET/PO")]
    name: String,
    /// The hub that mail goes through.
    #[arg(long, value_name = "NET/HUB", conflicts_with = "path")]
    via: Option<String>,
    /// The directory of its tree.
    #[arg(long, value_name = "DIR")]
    path: Option<String>,
}

/// One postoffice.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The external postoffice.
    #[arg(value_name = "NET/PO")]
    name: String,
}

/// `postoffice list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

pub(crate) fn run(
    command: &PostofficeCommand,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    match command {
        PostofficeCommand::Add(args) => add(args, session),
        PostofficeCommand::Remove(args) => remove(args, session),
        PostofficeCommand::List(args) => list(args, session),
    }
}

fn add(args: &AddArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = new_po_name(&args.name)?;
    let new = NewExternal {
        name,
        via: args.via.as_deref().map(po_name).transpose()?,
        path: args.path.clone(),
        autocreated: false,
    };
    let changed = change(&args.tree, Command::Postoffice, session, |edit, _| {
        externals::add(edit, &new)
    })?;
    let added = changed.value.clone();
    let route = match (&args.via, &args.path) {
        (Some(via), _) => format!("through {}", shown(via)),
        (None, Some(path)) => format!("direct, at {}", shown(path)),
        (None, None) => "direct".to_owned(),
    };
    let lines = vec![format!(
        "{} postoffice {} ({route}), mailbag {}",
        verb(session, "added", "add"),
        shown(&args.name),
        added.mailbag
    )];
    let facts = json!({
        "postoffice": name.to_string(), "mailbag": added.mailbag.to_string(),
        "xtn": added.xtn.to_string(), "new_network": added.new_network, "via": args.via,
        "path": args.path,
    });
    tell(
        session,
        "po-admin postoffice add",
        changed,
        facts,
        lines,
        &[],
    )
}

fn remove(args: &OneArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = po_name(&args.name)?;
    session.confirm(&format!(
        "Remove the postoffice {name} and its list of users"
    ))?;
    let changed = change(&args.tree, Command::Postoffice, session, |edit, now| {
        externals::remove(edit, &name, now)
    })?;
    let effects = changed.value.clone();
    let mut lines = vec![format!(
        "{} postoffice {name}",
        verb(session, "removed", "remove")
    )];
    lines.extend(told(&effects.transactions));
    let facts = json!({"postoffice": name.to_string(), "transactions": effects.transactions});
    tell(
        session,
        "po-admin postoffice remove",
        changed,
        facts,
        lines,
        &effects.warnings,
    )
}

fn route_word(route: Option<Route>) -> &'static str {
    match route {
        Some(Route::Direct) => "direct",
        Some(Route::Modem) => "modem",
        Some(Route::X25) => "x25",
        Some(Route::Indirect) => "indirect",
        None => "unknown",
    }
}

fn facts(one: &ShownExternal) -> Value {
    json!({
        "postoffice": one.name, "mailbag": one.mailbag.map(|id| id.to_string()),
        "route": route_word(one.route), "via": one.via, "hub_for": one.hub_for,
        "waiting": one.waiting, "users": one.users, "path": one.path,
        "autocreated": one.autocreated,
    })
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (found, _) = look(
        &args.tree,
        "po-admin postoffice list",
        &session.settings,
        |edit, _| externals::all(edit),
    )?;
    let columns = [
        text("POSTOFFICE"),
        text("ROUTE"),
        text("VIA"),
        text("MAILBAG"),
        number("WAITING"),
        number("USERS"),
        text("PATH"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for one in &found {
        list.record(&mut session.out, &facts(one), |_| {
            [
                one.name.clone(),
                route_word(one.route).to_owned(),
                one.via.clone().unwrap_or_default(),
                one.mailbag.map_or_else(String::new, |id| id.to_string()),
                one.waiting
                    .map_or_else(|| "?".to_owned(), |count| count.to_string()),
                one.users
                    .map_or_else(String::new, |count| count.to_string()),
                one.path.clone().unwrap_or_default(),
            ]
        })?;
    }
    list.end(&mut session.out)
}
