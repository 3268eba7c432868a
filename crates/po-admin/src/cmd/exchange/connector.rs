//! `po-admin connector`: the connections of the MS Mail Connector, which are the external postoffices
//! of the shadow postoffice.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use dirsync::exchange::{Remote, is_reserved, remotes};
use dirsync::postoffice::Edit;
use dirsync::postoffice::externals::{self, NewExternal, gateways};
use dirsync::transport::x400::table::Table;
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use serde_json::json;

use super::super::change::{change, look, new_po_name, po_name, shown, tell, verb};
use crate::{failures, trees};

/// `connector`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorCommand {
    /// Connect a postoffice to the server, direct or behind a hub.
    #[command(after_help = "\
The names of gateways are reserved (Q175978).

Examples:
  po-admin connector add EX POLYNOMIAL/NEWTON
  po-admin connector add EX POLYNOMIAL/EULER --via POLYNOMIAL/NEWTON")]
    Add(AddArgs),
    /// Remove a connection. The requestor object goes first: refused while there is one (Q188386).
    #[command(after_help = "\
Examples:
  po-admin requestor remove EX POLYNOMIAL/NEWTON --yes
  po-admin connector remove EX POLYNOMIAL/NEWTON --yes")]
    Remove(OneArgs),
    /// List the connections, what waits for each, and whether it takes part in directory synchronization.
    #[command(after_help = "Examples:\n  po-admin connector list EX --json")]
    List(ListArgs),
}

/// `connector add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The postoffice.
    #[arg(value_name = "NET/PO")]
    name: String,
    /// The hub that mail goes through.
    #[arg(long, value_name = "NET/HUB", conflicts_with = "path")]
    via: Option<String>,
    /// The directory of its tree.
    #[arg(long, value_name = "DIR")]
    path: Option<String>,
}

/// One connection.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
    /// The postoffice.
    #[arg(value_name = "NET/PO")]
    name: String,
}

/// `connector list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The Exchange server.
    #[arg(value_name = "EXCHANGE")]
    tree: PathBuf,
}

pub(crate) fn run(
    command: &ConnectorCommand,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    match command {
        ConnectorCommand::Add(args) => add(args, session),
        ConnectorCommand::Remove(args) => remove(args, session),
        ConnectorCommand::List(args) => list(args, session),
    }
}

/// The agent's parties, and the shadow postoffice.
fn server(tree: &Path, session: &Session<'_>) -> Result<(Vec<Remote>, PathBuf), Failure> {
    let view = trees::agent(tree, &session.settings, "po-admin connector")?;
    let parties = remotes(&mut Edit::new(&view)).map_err(|error| failures::of_po(&error))?;
    Ok((parties, tree.join(dirsync::exchange::shadow_path())))
}

/// What to say when nothing leads to a party of the agent: no connection of the shadow postoffice, no
/// gateway and no X.400 connector at all. Its mail would come back to the administrator, and no cycle
/// would ever bring it into step. The role may be given first, so it is a note; what cannot be looked
/// at is silent, since the role was changed already.
pub(crate) fn unconnected(tree: &Path, name: &str, session: &Session<'_>) -> Vec<String> {
    let settings = &session.settings;
    let command = "po-admin connector";
    let known = || -> Result<bool, Failure> {
        let shadow = tree.join(dirsync::exchange::shadow_path());
        let view = trees::view(&shadow, settings, command)?;
        let mut edit = Edit::new(&view);
        let postoffices = externals::all(&mut edit).map_err(|error| failures::of_po(&error))?;
        let gateways = gateways::all(&mut edit).map_err(|error| failures::of_po(&error))?;
        let view = trees::mta(tree, settings, command)?;
        let table = Table::read(&mut Edit::new(&view)).map_err(|error| failures::of_po(&error))?;
        let mut names = postoffices
            .into_iter()
            .map(|one| one.name)
            .chain(gateways.into_iter().map(|one| one.gateway.name.to_string()));
        Ok(table.is_some_and(|table| !table.connectors.is_empty())
            || names.any(|known| known.eq_ignore_ascii_case(name)))
    };
    match known() {
        Ok(false) => vec![format!(
            "nothing leads to {name} yet: `po-admin connector add {} {name}`, a gateway or an X.400 \
             connector; until then its mail comes back",
            escape::path(tree)
        )],
        Ok(true) | Err(_) => Vec::new(),
    }
}

fn add(args: &AddArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (_, shadow) = server(&args.tree, session)?;
    let network = args.name.split('/').next().unwrap_or_default();
    if is_reserved(network.as_bytes()) {
        return Err(Failure::usage(format!(
            "{} is a reserved network name. Enter a different name.",
            shown(network)
        ))
        .hint("the names of gateways stand for addresses, not for networks")
        .into());
    }
    let name = new_po_name(&args.name)?;
    let new = NewExternal {
        name,
        via: args.via.as_deref().map(po_name).transpose()?,
        path: args.path.clone(),
        autocreated: false,
    };
    let changed = change(&shadow, Command::Postoffice, session, |edit, _| {
        externals::add(edit, &new)
    })?;
    let mailbag = changed.value.mailbag;
    let lines = vec![format!(
        "{} connection to {}, mailbag {mailbag}",
        verb(session, "added", "add"),
        shown(&args.name)
    )];
    let facts = json!({
        "postoffice": name.to_string(), "mailbag": mailbag.to_string(), "via": args.via,
        "path": args.path,
    });
    tell(
        session,
        "po-admin connector add",
        changed,
        facts,
        lines,
        &[],
    )
}

fn remove(args: &OneArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = po_name(&args.name)?;
    let (parties, shadow) = server(&args.tree, session)?;
    if let Some(party) = parties.iter().find(|party| party.name == name) {
        return Err(Failure::refused(format!(
            "{name} still has the object {}: without its connector the object could not be deleted \
             any more (THE ATTRIBUTE DOES NOT EXIST, DS_E_NO_SUCH_ATTRIBUTE_OR_VALUE)",
            shown(&party.object)
        ))
        .hint(if party.is_server {
            "end the role first: `po-admin server off`"
        } else {
            "remove the object first: `po-admin requestor remove`"
        })
        .into());
    }
    session.confirm(&format!(
        "Remove the connection to {name} and its list of users"
    ))?;
    let changed = change(&shadow, Command::Postoffice, session, |edit, now| {
        externals::remove(edit, &name, now)
    })?;
    let effects = changed.value.clone();
    let lines = vec![format!(
        "{} connection to {name}",
        verb(session, "removed", "remove")
    )];
    let facts = json!({"postoffice": name.to_string()});
    tell(
        session,
        "po-admin connector remove",
        changed,
        facts,
        lines,
        &effects.warnings,
    )
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (parties, shadow) = server(&args.tree, session)?;
    let (found, _) = look(
        &shadow,
        "po-admin connector list",
        &session.settings,
        |edit, _| externals::all(edit),
    )?;
    let columns = [
        text("POSTOFFICE"),
        text("VIA"),
        text("MAILBAG"),
        number("WAITING"),
        text("OBJECT"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for one in &found {
        let object = parties
            .iter()
            .find(|party| party.name.to_string().eq_ignore_ascii_case(&one.name))
            .map(|party| party.object.clone());
        let facts = json!({
            "postoffice": one.name, "via": one.via, "path": one.path, "waiting": one.waiting,
            "mailbag": one.mailbag.map(|id| id.to_string()), "object": object,
        });
        list.record(&mut session.out, &facts, |_| {
            [
                one.name.clone(),
                one.via.clone().unwrap_or_default(),
                one.mailbag.map_or_else(String::new, |id| id.to_string()),
                one.waiting
                    .map_or_else(|| "?".to_owned(), |count| count.to_string()),
                object.clone().unwrap_or_default(),
            ]
        })?;
    }
    list.end(&mut session.out)
}
