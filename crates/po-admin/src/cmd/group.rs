//! `po-admin group`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::postoffice::groups::{GroupChange, NewGroup, ShownGroup};
use dirsync::postoffice::lists::Lists;
use dirsync::tree::Command;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use dirsync_cli::words::yes_or_no;
use serde_json::{Value, json};

use super::change::{change, encode, look, shown, tell, verb};
use super::user::told;

/// `group`.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Add a group.
    #[command(after_help = "\
Members are local mailboxes, or names or addresses of the postoffice address list. A group with a
member from outside is not told to the directory server.

Examples:
  po-admin group add HQ sales --name \"Sales Team\" --member paul --member mark")]
    Add(AddArgs),
    /// Change a group.
    #[command(after_help = "\
Examples:
  po-admin group modify HQ sales --add bryan --remove paul
  po-admin group modify HQ sales --name \"Sales and Support\" --dirsync no")]
    Modify(ModifyArgs),
    /// Remove a group; its members stay.
    #[command(after_help = "Examples:\n  po-admin group remove HQ sales --yes")]
    Remove(OneArgs),
    /// List the groups with their members.
    #[command(after_help = "Examples:\n  po-admin group list HQ")]
    List(ListArgs),
}

/// `group add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Address of the group, like a mailbox.
    address: String,
    /// Name in the lists.
    #[arg(long)]
    name: String,
    /// A member (may be repeated).
    #[arg(long = "member", value_name = "MEMBER")]
    members: Vec<String>,
    /// Keep the group out of directory synchronization.
    #[arg(long)]
    no_dirsync: bool,
}

/// `group modify`.
#[derive(Debug, Args)]
pub(crate) struct ModifyArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Address of the group.
    address: String,
    /// New address.
    #[arg(long, value_name = "ADDRESS")]
    new_address: Option<String>,
    /// New name.
    #[arg(long)]
    name: Option<String>,
    /// Whether the group takes part in directory synchronization.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    dirsync: Option<bool>,
    /// A new member (may be repeated).
    #[arg(long, value_name = "MEMBER")]
    add: Vec<String>,
    /// A member that goes (may be repeated).
    #[arg(long, value_name = "MEMBER")]
    remove: Vec<String>,
}

/// One group.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Address of the group.
    address: String,
}

/// `group list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

fn all(names: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    names.iter().map(|name| encode(name, "member")).collect()
}

pub(crate) fn run(command: &GroupCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        GroupCommand::Add(args) => {
            let new = NewGroup {
                address: encode(&args.address, "address")?,
                name: encode(&args.name, "name")?,
                dirsync: !args.no_dirsync,
                members: all(&args.members)?,
            };
            let changed = change(&args.tree, Command::Group, session, |edit, now| {
                let mut lists = Lists::open(edit, now)?;
                let (_, effects) = lists.add_group(edit, &new)?;
                lists.save(edit)?;
                Ok(effects)
            })?;
            finish(session, "add", "added", &args.address, changed)
        }
        GroupCommand::Modify(args) => {
            let address = encode(&args.address, "address")?;
            let wanted = GroupChange {
                address: args
                    .new_address
                    .as_deref()
                    .map(|a| encode(a, "address"))
                    .transpose()?,
                name: args
                    .name
                    .as_deref()
                    .map(|n| encode(n, "name"))
                    .transpose()?,
                dirsync: args.dirsync,
                add: all(&args.add)?,
                remove: all(&args.remove)?,
            };
            let changed = change(&args.tree, Command::Group, session, |edit, now| {
                let mut lists = Lists::open(edit, now)?;
                let effects = lists.modify_group(edit, &address, &wanted)?;
                lists.save(edit)?;
                Ok(effects)
            })?;
            finish(session, "modify", "modified", &args.address, changed)
        }
        GroupCommand::Remove(args) => {
            let address = encode(&args.address, "address")?;
            look(
                &args.tree,
                "po-admin group remove",
                &session.settings,
                |edit, now| Lists::open(edit, now)?.show_group(&address),
            )?;
            session.confirm(&format!("Remove the group {}", args.address))?;
            let changed = change(&args.tree, Command::Group, session, |edit, now| {
                let mut lists = Lists::open(edit, now)?;
                let effects = lists.remove_group(edit, &address)?;
                lists.save(edit)?;
                Ok(effects)
            })?;
            finish(session, "remove", "removed", &args.address, changed)
        }
        GroupCommand::List(args) => list(args, session),
    }
}

fn finish(
    session: &mut Session<'_>,
    would: &str,
    done: &str,
    address: &str,
    changed: super::change::Changed<dirsync::postoffice::lists::Effects>,
) -> anyhow::Result<Outcome> {
    let effects = changed.value.clone();
    let nothing = changed.plan.is_empty() && changed.transaction.is_none();
    let mut lines = vec![if nothing {
        format!("group {} is so already", shown(address))
    } else {
        format!("{} group {}", verb(session, done, would), shown(address))
    }];
    lines.extend(told(&effects.transactions));
    let facts = json!({
        "group": address, "changed": !nothing, "transactions": effects.transactions,
    });
    let command = format!("po-admin group {would}");
    tell(session, &command, changed, facts, lines, &effects.warnings)
}

fn facts(group: &ShownGroup) -> Value {
    json!({
        "group": group.address, "name": group.name, "tid": group.tid.0, "dirsync": group.dirsync,
        "told": group.told,
        "members": group.members.iter().map(|member| json!({
            "name": member.name, "address": member.address, "local": member.local,
        })).collect::<Vec<_>>(),
    })
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (groups, _) = look(
        &args.tree,
        "po-admin group list",
        &session.settings,
        |edit, now| Lists::open(edit, now)?.all_groups(),
    )?;
    let columns = [
        text("GROUP"),
        text("NAME"),
        text("DIRSYNC"),
        number("MEMBERS"),
        text("NAMES"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for group in &groups {
        list.record(&mut session.out, &facts(group), |_| {
            let names: Vec<&str> = group.members.iter().map(|m| m.name.as_str()).collect();
            let part = match (group.dirsync, group.told) {
                (false, _) => "no",
                (true, true) => "yes",
                (true, false) => "no (members from outside)",
            };
            [
                group.address.clone(),
                group.name.clone(),
                part.to_owned(),
                group.members.len().to_string(),
                names.join(", "),
            ]
        })?;
    }
    list.end(&mut session.out)
}
