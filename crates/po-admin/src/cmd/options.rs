//! `po-admin options`.

use std::path::PathBuf;

use clap::Args;
use dirsync::core::base::UnixTime;
use dirsync::core::base::address::AddressType;
use dirsync::exchange::options::AgentOptions;
use dirsync::postoffice::clock::TreeClock;
use dirsync::postoffice::config::options::{OptionsChange, ShownOptions, set, show};
use dirsync::tree::Command;
use dirsync_cli::failure::Failure;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use dirsync_cli::words::yes_or_no;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::change::{change, encode, shown, tell, tell_seen};
use super::roles::{types, when};
use crate::{failures, trees};

pub(crate) const EXAMPLES: &str = "\
Without an option shows everything that is set.

Examples:
  po-admin options HQ
  po-admin options HQ --types PCM,SMTP --limit 512
  po-admin options HQ --templates yes --autocreate no
  po-admin options HQ --keep-updates 30 --administrator Admin      on the directory server
  po-admin options EX --types PCM,SMTP --send-updates no           of an Exchange server as requestor";

/// Types in one value: clap would take a plain list apart.
#[derive(Debug, Clone)]
struct Types(Vec<AddressType>);

fn parse_types(text: &str) -> Result<Types, String> {
    types(text).map(Types)
}

/// `options`.
#[derive(Debug, Args)]
pub(crate) struct OptionsArgs {
    /// The tree.
    tree: PathBuf,
    /// Largest answer of the server in KB, 0 for no limit.
    #[arg(long, value_name = "KB")]
    limit: Option<u32>,
    /// Address types wanted, separated by commas.
    #[arg(long, value_name = "LIST", value_parser = parse_types)]
    types: Option<Types>,
    /// Send and take template data.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    templates: Option<bool>,
    /// Send template data.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    send_templates: Option<bool>,
    /// Take template data.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    receive_templates: Option<bool>,
    /// Make postoffices that are not known here.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    autocreate: Option<bool>,
    /// Rebuild the Global Address List after an import.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    rebuild: Option<bool>,
    /// Take updates from the server.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    updates: Option<bool>,
    /// Exchange server as requestor: send updates to the server.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    send_updates: Option<bool>,
    /// Whether clients show the Global Address List.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    global_list: Option<bool>,
    /// Postoffices that a message may pass.
    #[arg(long, value_name = "HOPS")]
    hop_limit: Option<u8>,
    /// Server: days that transactions are kept, 1 to 999.
    #[arg(long, value_name = "DAYS")]
    keep_updates: Option<u16>,
    /// Server: mailbox for status mail.
    #[arg(long, value_name = "MAILBOX")]
    administrator: Option<String>,
}

/// What an agent has in its objects; the rest is a postoffice's.
fn agent_options(args: &OptionsArgs) -> Result<AgentOptions, Failure> {
    let others = args.autocreate.is_some()
        || args.rebuild.is_some()
        || args.global_list.is_some()
        || args.hop_limit.is_some()
        || args.administrator.is_some();
    if others {
        return Err(Failure::usage(
            "autocreate, rebuild, global list, hop limit and administrator are options of postoffices",
        )
        .hint("an Exchange server has recipients; its copies go with `po-admin server on --help`"));
    }
    Ok(AgentOptions {
        limit_kb: args.limit,
        types: args.types.clone().map(|types| types.0),
        sends: args.send_updates,
        receives: args.updates,
        send_templates: args.send_templates.or(args.templates),
        receive_templates: args.receive_templates.or(args.templates),
        keep_updates: args.keep_updates,
    })
}

pub(crate) fn run(args: &OptionsArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    if trees::is_exchange(&args.tree)? {
        return super::exchange::options::run(&args.tree, &agent_options(args)?, session);
    }
    if args.send_updates.is_some() {
        return Err(Failure::usage("a postoffice always sends its updates")
            .hint("--send-updates is an option of Exchange servers")
            .into());
    }
    let wanted = OptionsChange {
        limit_kb: args.limit,
        types: args.types.clone().map(|types| types.0),
        send_templates: args.send_templates.or(args.templates),
        receive_templates: args.receive_templates.or(args.templates),
        autocreate: args.autocreate,
        rebuild: args.rebuild,
        updates: args.updates,
        global_list: args.global_list,
        hop_limit: args.hop_limit,
        keep_updates: args.keep_updates,
        administrator: args
            .administrator
            .as_deref()
            .map(|name| encode(name, "mailbox"))
            .transpose()?,
    };
    let zone = {
        let view = trees::view(&args.tree, &session.settings, "po-admin options")?;
        let zone = TreeClock::of(&view, session.settings.zone.as_ref())
            .zone()
            .clone();
        if wanted == OptionsChange::default() {
            let found = show(&mut dirsync::postoffice::Edit::new(&view))
                .map_err(|error| failures::of_po(&error))?;
            let entry = trees::entry(&view, &args.tree, &session.settings);
            let (facts, lines) = (facts(&found, &zone), lines(&found, &zone));
            return tell_seen(session, "po-admin options", entry, facts, lines);
        }
        zone
    };
    let changed = change(&args.tree, Command::Options, session, |edit, now| {
        let warnings = set(edit, &wanted, now)?;
        Ok((show(edit)?, warnings))
    })?;
    let (found, warnings) = changed.value.clone();
    let (facts, lines) = (facts(&found, &zone), lines(&found, &zone));
    tell(
        session,
        "po-admin options",
        changed,
        facts,
        lines,
        &warnings,
    )
}

fn facts(found: &ShownOptions, zone: &TimeZone) -> Value {
    json!({
        "server": found.server, "password_set": found.password_set,
        "req_sync": found.req_sync, "srv_sync": found.srv_sync, "imp_sync": found.imp_sync,
        "last_sent": found.last_sent, "limit_kb": found.limit_kb, "types": found.types,
        "send_templates": found.send_templates, "receive_templates": found.receive_templates,
        "autocreate": found.autocreate, "rebuild": found.rebuild, "updates": found.updates,
        "resync": found.resync, "last_export": when(found.last_export, zone),
        "last_import": when(found.last_import, zone), "last_t1": when(found.last_t1, zone),
        "last_t3": when(found.last_t3, zone), "global_list": found.global_list,
        "hop_limit": found.hop_limit,
        "server_options": found.server_options.as_ref().map(|server| json!({
            "keep_updates_days": server.keep_updates, "administrator": server.administrator,
            "sync": server.sync, "cycle": server.cycle, "requestors": server.requestors,
        })),
    })
}

fn lines(found: &ShownOptions, zone: &TimeZone) -> Vec<String> {
    let word = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let time = |time: UnixTime| when(time, zone).unwrap_or_else(|| "never".to_owned());
    let limit = match found.limit_kb {
        0 => "none".to_owned(),
        kb => format!("{kb} KB"),
    };
    let mut rows = vec![
        (
            "directory server",
            shown(found.server.as_deref().unwrap_or("none")),
        ),
        (
            "password",
            if found.password_set { "set" } else { "none" }.to_owned(),
        ),
        (
            "numbers",
            format!(
                "ReqSync {}, SrvSync {}, ImpSync {}, last sent {}",
                found.req_sync, found.srv_sync, found.imp_sync, found.last_sent
            ),
        ),
        ("types", shown(&found.types.join(", "))),
        ("limit", limit),
        ("send templates", word(found.send_templates)),
        ("receive templates", word(found.receive_templates)),
        ("autocreate", word(found.autocreate)),
        ("rebuild", word(found.rebuild)),
        ("updates", word(found.updates)),
        ("global list", word(found.global_list)),
        ("hop limit", found.hop_limit.to_string()),
        ("last export", time(found.last_export)),
        ("last import", time(found.last_import)),
    ];
    if let Some(server) = &found.server_options {
        rows.extend([
            ("keep updates", counted(server.keep_updates, "day", "days")),
            ("administrator", shown(&server.administrator)),
            ("highest SrvSync", server.sync.to_string()),
            ("cycle", server.cycle.to_string()),
            ("requestors", server.requestors.to_string()),
        ]);
    }
    rows.into_iter()
        .map(|(name, value)| format!("{name:<18} {value}"))
        .collect()
}
