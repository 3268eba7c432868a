//! `po-admin server`, `requestor`, `register`, `export`, `import-request`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::core::base::UnixTime;
use dirsync::core::base::address::MailboxName;
use dirsync::exchange::roles as agent_roles;
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
use dirsync_cli::words::counted;
use serde_json::{Value, json};

use super::change::{self, change, change_agent, encode, look, po_name, shown, tell, verb};
use super::exchange::{connector, object};
use crate::trees;

/// `server`.
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Make a postoffice the directory server, and a requestor of itself; or an Exchange server.
    #[command(after_help = "\
An Exchange server is no requestor of itself: what changes among its recipients goes to the
requestors with each T2. All its requestors get the same recipients. Said again, it changes what
leaves.

Examples:
  po-admin server on HQ
  po-admin server on EX --export Recipients --export Partners")]
    On(ServerOnArgs),
    /// Stop being the directory server: the master list and all requestors go.
    #[command(after_help = "\
Asks on a terminal; in a script it needs --yes. At an Exchange server it also ends the role of a
requestor; its recipients stay.

Examples:
  po-admin server off HQ --dry-run
  po-admin server off HQ --yes")]
    Off(TreeArgs),
}

/// `server on`.
#[derive(Debug, Args)]
pub(crate) struct ServerOnArgs {
    /// The tree.
    tree: PathBuf,
    #[command(flatten)]
    export: object::ExportArgs,
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
  po-admin requestor add EX POLYNOMIAL/NEWTON --import Newton
  po-admin requestor add HQ POLYNOMIAL/NEWTON --password-file newton.txt")]
    Add(NewRequestorArgs),
    /// Set the password of a requestor; without one any is accepted.
    #[command(
        after_help = "Examples:\n  po-admin requestor modify HQ POLYNOMIAL/NEWTON --password-file newton.txt"
    )]
    Modify(RequestorArgs),
    /// Give a requestor of an Exchange server all lists with the next T2, asked or not.
    #[command(after_help = "\
This is `Export on next cycle` of the remote requestor; the switch goes off with that T2.

Examples:
  po-admin requestor export EX POLYNOMIAL/NEWTON")]
    Export(NamedArgs),
    /// Remove a requestor from the server.
    #[command(after_help = "Examples:\n  po-admin requestor remove HQ POLYNOMIAL/NEWTON --yes")]
    Remove(NamedArgs),
    /// List the requestors of the server with their numbers.
    #[command(after_help = "Examples:\n  po-admin requestor list HQ --json")]
    List(TreeArgs),
}

/// `requestor add`.
#[derive(Debug, Args)]
pub(crate) struct NewRequestorArgs {
    #[command(flatten)]
    common: RequestorArgs,
    #[command(flatten)]
    import: object::ImportArgs,
    /// Send attachments to the interchange as they are, not compressed.
    #[arg(long, help_heading = "Exchange servers only")]
    no_compress: bool,
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
The server must be an external postoffice here (for an Exchange server: in its shadow
postoffice). The password must be the one that the server has.

Examples:
  po-admin register BRANCH POLYNOMIAL/MONTGOMERY
  po-admin register BRANCH POLYNOMIAL/MONTGOMERY --password-file branch.txt
  po-admin register EX POLYNOMIAL/MONTGOMERY --types PCM,SMTP --import Mail";

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
    /// Address types to ask for, parted by commas.
    #[arg(long, value_name = "LIST", help_heading = "Exchange servers only")]
    types: Option<String>,
    #[command(flatten)]
    export: object::ExportArgs,
    #[command(flatten)]
    import: object::ImportArgs,
}

pub(crate) const EXPORT_EXAMPLES: &str = "\
Puts the whole own list into the waiting transactions: one R, and one A for each user and group
that takes part. Waiting ones that were never sent are replaced. Asks when it is repeated before
T1.

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
        ServerCommand::On(args) if trees::is_exchange(&args.tree)? => {
            let settings = object::settings(&args.export, &object::ImportArgs::default());
            let agent = object::agent_change(&args.export);
            let changed = change_agent(&args.tree, Command::Server, session, |edit, _| {
                let is_new = agent_roles::server_on(edit, &settings)?;
                if !agent.is_empty() {
                    agent_roles::set_agent(edit, &agent)?;
                }
                Ok(is_new)
            })?;
            let new = changed.value;
            let line = format!(
                "{} {}",
                shown(&changed.entry.name),
                match (new, session.settings.dry_run) {
                    (true, false) => "is the directory server now",
                    (true, true) => "would be the directory server now",
                    (false, _) => "is the directory server already",
                }
            );
            let facts = json!({"server": true, "already": !new});
            tell(
                session,
                "po-admin server on",
                changed,
                facts,
                vec![line],
                &[],
            )
        }
        ServerCommand::On(args) => {
            let settings = object::settings(&args.export, &object::ImportArgs::default());
            object::refuse_on_postoffice(&settings, &object::agent_change(&args.export), None)?;
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
        ServerCommand::Off(args) if trees::is_exchange(&args.tree)? => {
            session.confirm("End the role in directory synchronization and forget its objects")?;
            let changed = change_agent(&args.tree, Command::Server, session, |edit, _| {
                agent_roles::off(edit)
            })?;
            let gone = changed.value.clone();
            let line = if gone.is_empty() {
                format!("{} has no role", shown(&changed.entry.name))
            } else {
                format!(
                    "{} {}",
                    verb(session, "removed", "remove"),
                    shown(&gone.join(", "))
                )
            };
            let facts = json!({"server": false, "already": gone.is_empty(), "objects": gone});
            tell(
                session,
                "po-admin server off",
                changed,
                facts,
                vec![line],
                &[],
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
                    "{} {} the directory server: {}, {} removed",
                    shown(&changed.entry.name),
                    if session.settings.dry_run {
                        "would no longer be"
                    } else {
                        "is no longer"
                    },
                    counted(done.requestors, "requestor", "requestors"),
                    counted(done.t2_entries, "T2 time", "T2 times")
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
            let agent = trees::is_exchange(&args.common.tree)?;
            let import = &args.import;
            let settings = object::settings(&object::ExportArgs::default(), import);
            let compress = !args.no_compress;
            if !agent {
                object::refuse_on_postoffice(
                    &settings,
                    &agent_roles::AgentChange::default(),
                    import.object.as_deref(),
                )?;
                if args.no_compress {
                    return Err(Failure::usage("only an Exchange server compresses")
                        .hint("leave --no-compress out")
                        .into());
                }
            }
            let args = &args.common;
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
            if agent {
                let changed = change_agent(&args.tree, Command::Requestor, session, |edit, _| {
                    let new = agent_roles::NewRemote {
                        name,
                        object: import.object.clone(),
                        password: password(&secret)?,
                        mailbox,
                        compress,
                        change: settings.clone(),
                    };
                    agent_roles::add_remote(edit, &new)
                })?;
                let object = changed.value.clone();
                let line = format!(
                    "{} remote requestor {} for {name}",
                    verb(session, "added", "add"),
                    shown(&object)
                );
                let facts = json!({
                    "requestor": name.to_string(), "object": object,
                    "password_set": !secret.is_empty(), "compress": compress,
                });
                let warnings = connector::unconnected(&args.tree, &name.to_string(), session);
                return tell(
                    session,
                    "po-admin requestor add",
                    changed,
                    facts,
                    vec![line],
                    &warnings,
                );
            }
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
            let command = Command::Requestor;
            let changed = if trees::is_exchange(&args.tree)? {
                change_agent(&args.tree, command, session, |edit, _| {
                    requestors::set_password(edit, &name, password(&secret)?)
                })?
            } else {
                change(&args.tree, command, session, |edit, _| {
                    requestors::set_password(edit, &name, password(&secret)?)
                })?
            };
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
        RequestorCommand::Export(args) => {
            let name = po_name(&args.name)?;
            let changed = change_agent(&args.tree, Command::Requestor, session, |edit, _| {
                agent_roles::export_remote(edit, name)
            })?;
            let object = changed.value.clone();
            let line = format!(
                "{} all lists with the next T2",
                verb(
                    session,
                    &format!("{} gets", shown(&object)),
                    &format!("give {}", shown(&object)),
                ),
            );
            let facts = json!({"requestor": name.to_string(), "object": object});
            tell(
                session,
                "po-admin requestor export",
                changed,
                facts,
                vec![line],
                &[],
            )
        }
        RequestorCommand::Remove(args) => {
            let name = po_name(&args.name)?;
            session.confirm(&format!("Remove the requestor {name}"))?;
            if trees::is_exchange(&args.tree)? {
                let changed = change_agent(&args.tree, Command::Requestor, session, |edit, _| {
                    agent_roles::remove_remote(edit, name)
                })?;
                let object = changed.value.clone();
                let line = format!(
                    "{} remote requestor {}",
                    verb(session, "removed", "remove"),
                    shown(&object)
                );
                let facts = json!({"requestor": name.to_string(), "object": object});
                return tell(
                    session,
                    "po-admin requestor remove",
                    changed,
                    facts,
                    vec![line],
                    &[],
                );
            }
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
    let settings = &session.settings;
    let command = "po-admin requestor list";
    let view = if trees::is_exchange(&args.tree)? {
        trees::agent(&args.tree, settings, command)?
    } else {
        trees::view(&args.tree, settings, command)?
    };
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
    let settings = object::settings(&args.export, &args.import);
    if trees::is_exchange(&args.tree)? {
        return register_agent(args, name, secret.as_deref(), settings, session);
    }
    let agent = object::agent_change(&args.export);
    object::refuse_on_postoffice(&settings, &agent, args.import.object.as_deref())?;
    if args.types.is_some() {
        return Err(Failure::usage("--types is for Exchange servers")
            .hint("`po-admin options --types` sets those of a postoffice")
            .into());
    }
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
        |edit, now| {
            let lists = Lists::open(edit, now)?;
            let waiting = lists.waiting();
            Ok(export::repeated(waiting.conf(), waiting.highest()))
        },
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
        "{} {} and {}: transactions {:06} to {:06}",
        verb(session, "exported", "export"),
        counted(done.users, "user", "users"),
        counted(done.groups, "group", "groups"),
        done.first,
        done.last
    )];
    if done.dropped > 0 {
        lines.push(format!(
            "replaced, because never sent: {}",
            counted(done.dropped, "waiting transaction", "waiting transactions")
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

fn register_agent(
    args: &RegisterArgs,
    name: dirsync::core::base::address::PoName,
    secret: Option<&[u8]>,
    settings: agent_roles::SettingsChange,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let types = args.types.as_deref().map(|text| {
        let kinds = types(text).map_err(Failure::usage)?;
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        Ok::<_, Failure>(names.join("|"))
    });
    let types = types.transpose()?;
    let changed = change_agent(&args.tree, Command::Register, session, |edit, _| {
        let new = agent_roles::Registration {
            server: name,
            object: args.import.object.clone(),
            password: secret.map(password).transpose()?,
            types,
            change: settings,
        };
        let object = agent_roles::register(edit, &new)?;
        let agent = object::agent_change(&args.export);
        if !agent.is_empty() {
            agent_roles::set_agent(edit, &agent)?;
        }
        Ok(object)
    })?;
    let object = changed.value.clone();
    let verb = if session.settings.dry_run {
        "would be"
    } else {
        "is"
    };
    let line = format!(
        "{} {verb} registered with {name} as {}",
        shown(&changed.entry.name),
        shown(&object)
    );
    let warnings = connector::unconnected(&args.tree, &name.to_string(), session);
    let facts = json!({"server": name.to_string(), "object": object});
    tell(
        session,
        "po-admin register",
        changed,
        facts,
        vec![line],
        &warnings,
    )
}
