//! `po-admin server`, `requestor`, `register`, `export`, `import-request`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::core::base::UnixTime;
use dirsync::core::base::address::MailboxName;
use dirsync::postoffice::clock::TreeClock;
use dirsync::postoffice::config::requestors::{self, NewRequestor, ShownRequestor};
use dirsync::postoffice::config::{
    export, import_request, options, password, registration, server,
};
use dirsync::postoffice::lists::Lists;
use dirsync::tree::Command;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use serde_json::{Value, json};

use super::change::{self, change, encode, look, po_name, shown, tell, verb};
use crate::trees;

/// `server`.
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Make a postoffice the directory server, and a requestor of itself.
    #[command(after_help = "Examples:\n  po-admin server on HQ")]
    On(TreeArgs),
    /// Stop being the directory server: the master list and all requestors go.
    #[command(after_help = "\
Asks on a terminal; in a script it needs --yes.

Examples:
  po-admin server off HQ --dry-run
  po-admin server off HQ --yes")]
    Off(TreeArgs),
}

/// A tree.
#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// The tree.
    tree: PathBuf,
}

/// `requestor`.
#[derive(Debug, Subcommand)]
pub(crate) enum RequestorCommand {
    /// Create a requestor on the server; it must be an external postoffice there.
    #[command(after_help = "\
Without a password file (or DIRSYNC_PASSWORD) any password of the requestor is accepted.

Examples:
  po-admin requestor add HQ POLYNOMIAL/NEWTON
  po-admin requestor add HQ POLYNOMIAL/NEWTON --password-file newton.txt")]
    Add(RequestorArgs),
    /// Set the password of a requestor; without one any is accepted.
    #[command(
        after_help = "Examples:\n  po-admin requestor modify HQ POLYNOMIAL/NEWTON --password-file newton.txt"
    )]
    Modify(RequestorArgs),
    /// Remove a requestor from the server.
    #[command(after_help = "Examples:\n  po-admin requestor remove HQ POLYNOMIAL/NEWTON --yes")]
    Remove(NamedArgs),
    /// List the requestors of the server with their numbers.
    #[command(after_help = "Examples:\n  po-admin requestor list HQ --json")]
    List(TreeArgs),
}

/// `requestor add`, `requestor modify`.
#[derive(Debug, Args)]
pub(crate) struct RequestorArgs {
    /// The server's tree.
    tree: PathBuf,
    /// The requestor.
    #[arg(value_name = "NET/PO")]
    name: String,
    /// A file that holds the dirsync password (else DIRSYNC_PASSWORD).
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Mailbox that replies go to, for an agent.
    #[arg(long, value_name = "MAILBOX")]
    mailbox: Option<String>,
}

/// A tree and a postoffice.
#[derive(Debug, Args)]
pub(crate) struct NamedArgs {
    /// The server's tree.
    tree: PathBuf,
    /// The requestor.
    #[arg(value_name = "NET/PO")]
    name: String,
}

pub(crate) const REGISTER_EXAMPLES: &str = "\
The server must be an external postoffice here. The password must be the one that the server has.

Examples:
  po-admin register BRANCH POLYNOMIAL/MONTGOMERY
  po-admin register BRANCH POLYNOMIAL/MONTGOMERY --password-file branch.txt";

/// `register`.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// The requestor's tree.
    tree: PathBuf,
    /// The directory server.
    #[arg(value_name = "NET/PO")]
    name: String,
    /// A file that holds the dirsync password (else DIRSYNC_PASSWORD).
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(crate) const EXPORT_EXAMPLES: &str = "\
Puts the whole own list into the waiting transactions: one R, and one A for each user and group that
takes part. Waiting ones that were never sent are replaced. Asks when it is repeated before T1.

Examples:
  po-admin export HQ
  po-admin listq HQ reqtrans";

pub(crate) const IMPORT_EXAMPLES: &str = "\
Sends a message to the directory server, which answers with all lists. Asks when it is repeated
before T3.

Examples:
  po-admin import-request BRANCH";

/// `export`, `import-request`.
#[derive(Debug, Args)]
pub(crate) struct PoArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

pub(crate) fn run_server(
    command: &ServerCommand,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    match command {
        ServerCommand::On(args) => {
            let changed = change(&args.tree, Command::Server, session, |edit, _| {
                server::on(edit)
            })
            .map_err(|failure| {
                unfinished(
                    "[162] Failed to complete installation of the directory server.",
                    failure,
                )
            })?;
            let done = changed.value.clone();
            let line = if done.already {
                format!(
                    "{} is the directory server already",
                    shown(&changed.entry.name)
                )
            } else {
                let verb = if session.settings.dry_run {
                    "would be"
                } else {
                    "is"
                };
                format!(
                    "{} {verb} the directory server now",
                    shown(&changed.entry.name)
                )
            };
            let facts = json!({"server": true, "already": done.already});
            tell(
                session,
                "po-admin server on",
                changed,
                facts,
                vec![line],
                &done.warnings,
            )
        }
        ServerCommand::Off(args) => {
            let notice = "[163] Failed to complete deinstallation of directory server.";
            let (on, _) = look(
                &args.tree,
                "po-admin server off",
                &session.settings,
                |edit, _| dirsync::postoffice::config::is_server(edit),
            )
            .map_err(|failure| unfinished(notice, failure))?;
            if on {
                session.confirm(
                    "Stop being the directory server and forget the master list and all requestors",
                )?;
            }
            let changed = change(&args.tree, Command::Server, session, |edit, _| {
                server::off(edit)
            })
            .map_err(|failure| unfinished(notice, failure))?;
            let done = changed.value.clone();
            let line = if done.already {
                format!("{} is not the directory server", shown(&changed.entry.name))
            } else {
                format!(
                    "{} {} the directory server: {} requestors, {} T2 times removed",
                    shown(&changed.entry.name),
                    if session.settings.dry_run {
                        "would no longer be"
                    } else {
                        "is no longer"
                    },
                    done.requestors,
                    done.t2_entries
                )
            };
            let facts = json!({
                "server": false, "already": done.already, "requestors": done.requestors,
                "t2_entries": done.t2_entries,
            });
            tell(
                session,
                "po-admin server off",
                changed,
                facts,
                vec![line],
                &[],
            )
        }
    }
}

/// The notice of the original in front of what kept the role from being changed: a tree that somebody
/// else holds, a file that cannot be written (Q131423, Q130115). A refusal says enough by itself.
fn unfinished(notice: &str, failure: Failure) -> Failure {
    match failure.code() {
        ExitCode::Busy | ExitCode::Data => {
            let hint = failure.hint_text().to_owned();
            Failure::new(failure.code(), format!("{notice} {failure}")).hint(hint)
        }
        _ => failure,
    }
}

pub(crate) fn run_requestor(
    command: &RequestorCommand,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    match command {
        RequestorCommand::Add(args) => {
            let name = po_name(&args.name)?;
            let secret = change::password(args.password_file.as_deref())?.unwrap_or_default();
            let mailbox = args
                .mailbox
                .as_deref()
                .map(|text| {
                    MailboxName::read(&encode(text, "mailbox")?).map_err(|fault| {
                        Failure::usage(format!("--mailbox {text:?}: {fault}"))
                            .hint("an agent has $SYSTEM, or SYSTEM1 and so on")
                    })
                })
                .transpose()?;
            let changed = change(&args.tree, Command::Requestor, session, |edit, _| {
                let password = password(&secret)?;
                requestors::add(
                    edit,
                    &NewRequestor {
                        name,
                        password,
                        mailbox,
                    },
                )
            })?;
            let line = format!("{} requestor {name}", verb(session, "added", "add"));
            let facts = json!({"requestor": name.to_string(), "password_set": !secret.is_empty()});
            tell(
                session,
                "po-admin requestor add",
                changed,
                facts,
                vec![line],
                &[],
            )
        }
        RequestorCommand::Modify(args) => {
            let name = po_name(&args.name)?;
            let secret = change::password(args.password_file.as_deref())?.unwrap_or_default();
            let changed = change(&args.tree, Command::Requestor, session, |edit, _| {
                requestors::set_password(edit, &name, password(&secret)?)
            })?;
            let what = if secret.is_empty() {
                "any password"
            } else {
                "one password"
            };
            let line = format!(
                "{} requestor {name}: {what} is accepted",
                verb(session, "modified", "modify")
            );
            let facts = json!({"requestor": name.to_string(), "password_set": !secret.is_empty()});
            tell(
                session,
                "po-admin requestor modify",
                changed,
                facts,
                vec![line],
                &[],
            )
        }
        RequestorCommand::Remove(args) => {
            let name = po_name(&args.name)?;
            session.confirm(&format!("Remove the requestor {name}"))?;
            let changed = change(&args.tree, Command::Requestor, session, |edit, _| {
                requestors::remove(edit, &name)
            })?;
            let line = format!("{} requestor {name}", verb(session, "removed", "remove"));
            let facts = json!({"requestor": name.to_string()});
            tell(
                session,
                "po-admin requestor remove",
                changed,
                facts,
                vec![line],
                &[],
            )
        }
        RequestorCommand::List(args) => list(args, session),
    }
}

/// RFC 3339 in the zone of the tree; nothing for never.
pub(crate) fn when(time: UnixTime, zone: &jiff::tz::TimeZone) -> Option<String> {
    (!time.is_never()).then(|| time.rfc3339(zone))
}

/// The facts about a requestor.
pub(crate) fn facts(one: &ShownRequestor, zone: &jiff::tz::TimeZone) -> Value {
    json!({
        "requestor": one.name, "type": one.type_name, "mailbox": one.mailbox,
        "password_set": one.password_set, "req_sync": one.req_sync, "srv_sync": one.srv_sync,
        "conf_sync": one.conf_sync, "imp_sync": one.imp_sync, "last_cycle": one.last_cycle,
        "last_update": when(one.last_update, zone),
    })
}

fn list(args: &TreeArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let view = trees::view(&args.tree, &session.settings, "po-admin requestor list")?;
    let clock = TreeClock::of(&view, session.settings.zone.as_ref());
    let found = requestors::all(&mut dirsync::postoffice::Edit::new(&view))
        .map_err(|error| crate::failures::of_po(&error))?;
    let columns = [
        text("REQUESTOR"),
        number("REQSYNC"),
        number("SRVSYNC"),
        number("IMPSYNC"),
        number("CYCLE"),
        text("LAST UPDATE"),
        text("PASSWORD"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for one in &found {
        list.record(&mut session.out, &facts(one, clock.zone()), |_| {
            [
                one.name.clone(),
                one.req_sync.to_string(),
                one.srv_sync.to_string(),
                one.imp_sync.to_string(),
                one.last_cycle.to_string(),
                when(one.last_update, clock.zone()).unwrap_or_default(),
                if one.password_set { "set" } else { "any" }.to_owned(),
            ]
        })?;
    }
    list.end(&mut session.out)
}

pub(crate) fn run_register(
    args: &RegisterArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let name = po_name(&args.name)?;
    let secret = change::password(args.password_file.as_deref())?;
    let changed = change(&args.tree, Command::Register, session, |edit, _| {
        let secret = secret.as_deref().map(password).transpose()?;
        registration::register(edit, &name, secret)
    })?;
    let done = changed.value.clone();
    let line = if done.changed {
        let verb = if session.settings.dry_run {
            "would be"
        } else {
            "is"
        };
        format!(
            "{} {verb} registered with {name}",
            shown(&changed.entry.name)
        )
    } else {
        format!(
            "{} is registered with {name} already",
            shown(&changed.entry.name)
        )
    };
    let facts = json!({
        "server": name.to_string(), "changed": done.changed, "previous": done.previous,
    });
    tell(
        session,
        "po-admin register",
        changed,
        facts,
        vec![line],
        &done.warnings,
    )
}

/// The question about something that is repeated within a cycle, in the words of the original
/// (Q131681).
fn confirm_repeated(
    session: &mut Session<'_>,
    args: &PoArgs,
    what: &str,
    last: Option<UnixTime>,
) -> anyhow::Result<()> {
    let Some(last) = last else { return Ok(()) };
    let command = format!("po-admin {}", what.to_ascii_lowercase());
    let view = trees::view(&args.tree, &session.settings, &command)?;
    let clock = TreeClock::of(&view, session.settings.zone.as_ref());
    let time = last.zoned(clock.zone());
    session.confirm(&format!(
        "Last {what} request processed on {} at {}. Continue",
        time.strftime("%m/%d/%y"),
        time.strftime("%H:%M")
    ))?;
    Ok(())
}

pub(crate) fn run_export(args: &PoArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (last, _) = look(
        &args.tree,
        "po-admin export",
        &session.settings,
        |edit, now| Ok(export::repeated(Lists::open(edit, now)?.waiting().conf())),
    )?;
    confirm_repeated(session, args, "Export", last)?;
    let changed = change(&args.tree, Command::Export, session, |edit, now| {
        let mut lists = Lists::open(edit, now)?;
        let done = lists.export(edit)?;
        lists.save(edit)?;
        Ok(done)
    })?;
    let done = changed.value.clone();
    let mut lines = vec![format!(
        "{} {} users and {} groups: transactions {:06} to {:06}",
        verb(session, "exported", "export"),
        done.users,
        done.groups,
        done.first,
        done.last
    )];
    if done.dropped > 0 {
        lines.push(format!(
            "{} waiting transactions that were never sent are replaced",
            done.dropped
        ));
    }
    let facts = json!({
        "users": done.users, "groups": done.groups, "first": done.first, "last": done.last,
        "dropped": done.dropped,
    });
    tell(
        session,
        "po-admin export",
        changed,
        facts,
        lines,
        &done.warnings,
    )
}

pub(crate) fn run_import_request(
    args: &PoArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let (last, _) = look(
        &args.tree,
        "po-admin import-request",
        &session.settings,
        |edit, now| {
            Ok(import_request::repeated(
                Lists::open(edit, now)?.waiting().conf(),
            ))
        },
    )?;
    confirm_repeated(session, args, "Import", last)?;
    let changed = change(&args.tree, Command::ImportRequest, session, |edit, now| {
        import_request::import_request(edit, now)
    })?;
    let done = changed.value.clone();
    let line = format!(
        "{} {} for all lists (message {})",
        verb(session, "asked", "ask"),
        shown(&done.server),
        done.message
    );
    let facts = json!({"server": done.server, "message": done.message.to_string()});
    tell(
        session,
        "po-admin import-request",
        changed,
        facts,
        vec![line],
        &[],
    )
}

/// The types as typed.
pub(crate) fn types(text: &str) -> Result<Vec<dirsync::core::base::address::AddressType>, String> {
    options::parse_types(text).map_err(|error| error.to_string())
}
