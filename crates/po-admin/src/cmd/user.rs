//! `po-admin user`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::postoffice::lists::Lists;
use dirsync::postoffice::lists::templates::TemplateValue;
use dirsync::postoffice::lists::users::{NewUser, ShownUser, UserChange};
use dirsync::tree::Command;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::text;
use dirsync_cli::words::counted;
use dirsync_cli::words::yes_or_no;
use serde_json::{Value, json};

use super::change::{change, encode, look, shown, tell, tell_seen, verb};

/// `user`.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user.
    #[command(after_help = "\
Examples:
  po-admin user add HQ paul --name \"Paul Walker\"
  po-admin user add HQ paul --name \"Paul Walker\" --info Phone=1234 --no-dirsync")]
    Add(AddArgs),
    /// Change name, participation or template data of a user.
    #[command(after_help = "\
Examples:
  po-admin user modify HQ paul --name \"Paul A. Walker\"
  po-admin user modify HQ paul --dirsync no        removed elsewhere, stays here
  po-admin user modify HQ paul --info Phone=4321")]
    Modify(ModifyArgs),
    /// Give a user another mailbox name.
    #[command(after_help = "Examples:\n  po-admin user rename HQ paul pwalker")]
    Rename(RenameArgs),
    /// Remove a user with mailbag, folders and the mail that nobody else holds.
    #[command(after_help = "\
Asks on a terminal; in a script it needs --yes.

Examples:
  po-admin user remove HQ paul --dry-run
  po-admin user remove HQ paul --yes")]
    Remove(OneArgs),
    /// Show a user.
    #[command(after_help = "Examples:\n  po-admin user show HQ paul --json")]
    Show(OneArgs),
    /// List the users.
    #[command(after_help = "Examples:\n  po-admin user list HQ\n  po-admin user list HQ --json")]
    List(ListArgs),
}

/// `user add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Mailbox, 1 to 10 characters.
    mailbox: String,
    /// Full name, 1 to 30 characters.
    #[arg(long)]
    name: String,
    /// Keep the user out of directory synchronization.
    #[arg(long)]
    no_dirsync: bool,
    /// Template data (may be repeated).
    #[arg(long, value_name = "PROMPT=VALUE")]
    info: Vec<String>,
    /// Refuse more users than the original clients can show (500).
    #[arg(long)]
    strict_limits: bool,
}

/// `user modify`.
#[derive(Debug, Args)]
pub(crate) struct ModifyArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Mailbox.
    mailbox: String,
    /// New full name.
    #[arg(long)]
    name: Option<String>,
    /// Whether the user takes part in directory synchronization.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    dirsync: Option<bool>,
    /// Template data (may be repeated).
    #[arg(long, value_name = "PROMPT=VALUE")]
    info: Vec<String>,
}

/// `user rename`.
#[derive(Debug, Args)]
pub(crate) struct RenameArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Mailbox.
    mailbox: String,
    /// New mailbox.
    new: String,
}

/// One user.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// Mailbox.
    mailbox: String,
}

/// `user list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

fn info(values: &[String]) -> Result<Vec<TemplateValue>, Failure> {
    values
        .iter()
        .map(|text| {
            let (prompt, value) = text.split_once('=').ok_or_else(|| {
                Failure::usage(format!("--info {text:?}: there is no ="))
                    .hint("write --info Phone=1234")
            })?;
            Ok(TemplateValue {
                prompt: encode(prompt, "prompt")?,
                value: encode(value, "value")?,
            })
        })
        .collect()
}

pub(crate) fn run(command: &UserCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        UserCommand::Add(args) => add(args, session),
        UserCommand::Modify(args) => {
            let edit = UserChange {
                mailbox: None,
                full_name: args
                    .name
                    .as_deref()
                    .map(|n| encode(n, "name"))
                    .transpose()?,
                dirsync: args.dirsync,
                info: info(&args.info)?,
            };
            modify(&args.tree, &args.mailbox, &edit, "modified", session)
        }
        UserCommand::Rename(args) => {
            let edit = UserChange {
                mailbox: Some(encode(&args.new, "mailbox")?),
                ..UserChange::default()
            };
            modify(&args.tree, &args.mailbox, &edit, "renamed", session)
        }
        UserCommand::Remove(args) => remove(args, session),
        UserCommand::Show(args) => show(args, session),
        UserCommand::List(args) => list(args, session),
    }
}

fn add(args: &AddArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let new = NewUser {
        mailbox: encode(&args.mailbox, "mailbox")?,
        full_name: encode(&args.name, "name")?,
        dirsync: !args.no_dirsync,
        info: info(&args.info)?,
        strict_limits: args.strict_limits,
    };
    let changed = change(&args.tree, Command::User, session, |edit, now| {
        let mut lists = Lists::open(edit, now)?;
        let added = lists.add_user(edit, &new)?;
        lists.save(edit)?;
        Ok(added)
    })?;
    let added = changed.value.clone();
    let mut lines = vec![format!(
        "{} user {} ({}), mailbag {}",
        verb(session, "added", "add"),
        shown(&args.mailbox),
        shown(&args.name),
        added.mailbag
    )];
    lines.extend(told(&added.effects.transactions));
    let facts = json!({
        "mailbox": args.mailbox, "name": args.name, "mailbag": added.mailbag.to_string(),
        "tid": added.tid.0, "dirsync": !args.no_dirsync,
        "transactions": added.effects.transactions,
    });
    tell(
        session,
        "po-admin user add",
        changed,
        facts,
        lines,
        &added.effects.warnings,
    )
}

/// Lines about transactions.
pub(crate) fn told(transactions: &[String]) -> Vec<String> {
    transactions
        .iter()
        .map(|text| format!("queued for the directory server: {}", shown(text)))
        .collect()
}

fn modify(
    tree: &std::path::Path,
    mailbox: &str,
    wanted: &UserChange,
    word: &str,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let name = encode(mailbox, "mailbox")?;
    let changed = change(tree, Command::User, session, |edit, now| {
        let mut lists = Lists::open(edit, now)?;
        let effects = lists.modify_user(edit, &name, wanted)?;
        lists.save(edit)?;
        Ok(effects)
    })?;
    let effects = changed.value.clone();
    let nothing = changed.plan.is_empty() && changed.transaction.is_none();
    let mut lines = vec![if nothing {
        format!("user {} is so already", shown(mailbox))
    } else {
        let would = if word == "renamed" {
            "rename"
        } else {
            "modify"
        };
        format!("{} user {}", verb(session, word, would), shown(mailbox))
    }];
    lines.extend(told(&effects.transactions));
    let facts =
        json!({"mailbox": mailbox, "changed": !nothing, "transactions": effects.transactions});
    let command = if word == "renamed" {
        "po-admin user rename"
    } else {
        "po-admin user modify"
    };
    tell(session, command, changed, facts, lines, &effects.warnings)
}

fn remove(args: &OneArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = encode(&args.mailbox, "mailbox")?;
    // Who does not exist is not asked about.
    look(
        &args.tree,
        "po-admin user remove",
        &session.settings,
        |edit, now| Lists::open(edit, now)?.find_user(&name),
    )?;
    session.confirm(&format!(
        "Remove the user {} and the mail that nobody else holds",
        args.mailbox
    ))?;
    let changed = change(&args.tree, Command::User, session, |edit, now| {
        let mut lists = Lists::open(edit, now)?;
        let removed = lists.remove_user(edit, &name)?;
        lists.save(edit)?;
        Ok(removed)
    })?;
    let (removed, effects) = changed.value.clone();
    let mut lines = vec![format!(
        "{} user {}: {}, {} that nobody else held, {}",
        verb(session, "removed", "remove"),
        shown(&args.mailbox),
        counted(removed.headers, "header", "headers"),
        counted(removed.messages, "message", "messages"),
        counted(removed.files, "file", "files")
    )];
    lines.extend(told(&effects.transactions));
    let facts = json!({
        "mailbox": args.mailbox, "headers": removed.headers, "messages": removed.messages,
        "files": removed.files, "transactions": effects.transactions,
    });
    tell(
        session,
        "po-admin user remove",
        changed,
        facts,
        lines,
        &effects.warnings,
    )
}

fn facts(user: &ShownUser) -> Value {
    json!({
        "mailbox": user.mailbox, "name": user.full_name,
        "mailbag": user.mailbag.map(|id| id.to_string()), "tid": user.tid.0,
        "dirsync": user.dirsync, "administrator": user.administrator, "groups": user.groups,
        "info": user.info.iter().map(|(prompt, value)| json!({"prompt": prompt, "value": value}))
            .collect::<Vec<_>>(),
    })
}

fn word(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn show(args: &OneArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let name = encode(&args.mailbox, "mailbox")?;
    let (user, entry) = look(
        &args.tree,
        "po-admin user show",
        &session.settings,
        |edit, now| Lists::open(edit, now)?.show_user(&name),
    )?;
    let mut lines = vec![
        format!("mailbox        {}", shown(&user.mailbox)),
        format!("name           {}", shown(&user.full_name)),
        format!(
            "mailbag        {}",
            user.mailbag.map_or_else(String::new, |id| id.to_string())
        ),
        format!("tuple id       {}", user.tid),
        format!("dirsync        {}", word(user.dirsync)),
        format!("administrator  {}", word(user.administrator)),
        format!("groups         {}", shown(&user.groups.join(", "))),
    ];
    for (prompt, value) in &user.info {
        lines.push(format!("{}: {}", shown(prompt), shown(value)));
    }
    tell_seen(session, "po-admin user show", entry, facts(&user), lines)
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (users, _) = look(
        &args.tree,
        "po-admin user list",
        &session.settings,
        |edit, now| Ok(Lists::open(edit, now)?.all_users().collect::<Vec<_>>()),
    )?;
    let columns = [
        text("MAILBOX"),
        text("NAME"),
        text("MAILBAG"),
        text("DIRSYNC"),
        text("ADMIN"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for user in &users {
        list.record(&mut session.out, &facts(user), |_| {
            [
                user.mailbox.clone(),
                user.full_name.clone(),
                user.mailbag.map_or_else(String::new, |id| id.to_string()),
                word(user.dirsync).to_owned(),
                word(user.administrator).to_owned(),
            ]
        })?;
    }
    list.end(&mut session.out)
}
