//! `po-admin link`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dirsync::core::base::UnixTime;
use dirsync::postoffice::clock::rfc3339;
use dirsync::transport::book::{LinkEntry, OPEN_INTERVAL_SECONDS, OPEN_RETRIES};
use dirsync::transport::links::{ShownLink, change_link, links};
use dirsync::tree::Command;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{number, text};
use dirsync_cli::words::yes_or_no;
use serde_json::{Value, json};

use super::change::{change, look, po_name, shown, tell};

/// `link`.
#[derive(Debug, Subcommand)]
pub(crate) enum LinkCommand {
    /// Show the links over which mail waits or of which something is remembered.
    #[command(after_help = "\
A link is up, retrying (it failed, the next attempt is shown), down (all attempts were used up
and the mail was returned; it is tried on) or held.

Examples:
  po-admin link list HQ
  po-admin link list HQ --json")]
    List(ListArgs),
    /// Let no mail leave over a link until it is released.
    #[command(after_help = "\
Mail for a held link waits, and is neither returned nor moved to another route. New mail takes
another route where `po-admin route` names one.

Examples:
  po-admin link hold HQ POLYNOMIAL/NEWTON
  po-admin link release HQ POLYNOMIAL/NEWTON")]
    Hold(OneArgs),
    /// Let mail leave again, and forget failed attempts.
    #[command(after_help = "Examples:\n  po-admin link release HQ POLYNOMIAL/NEWTON")]
    Release(OneArgs),
    /// Change how often a link is tried, and whether its mail may take another route.
    #[command(after_help = "\
An attempt that fails counts once in an interval. After the last one the waiting mail is
returned to its senders; about system mail the administrator is told.

Examples:
  po-admin link set HQ POLYNOMIAL/NEWTON --secured yes
  po-admin link set HQ POLYNOMIAL/NEWTON --retries 12 --interval 300")]
    Set(SetArgs),
}

/// `link list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
}

/// One link.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The direct postoffice at the other end.
    #[arg(value_name = "NET/PO")]
    name: String,
}

/// `link set`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Whether its mail stays when the link does not work, though there is another route.
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    secured: Option<bool>,
    /// Failed attempts before the mail is returned (144).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    retries: Option<u32>,
    /// Seconds between attempts that count (600).
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(15..=604_800))]
    interval: Option<u32>,
}

pub(crate) fn run(command: &LinkCommand, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match command {
        LinkCommand::List(args) => list(args, session),
        LinkCommand::Hold(args) => set(args, "hold", session, |link| link.held = true),
        LinkCommand::Release(args) => set(args, "release", session, |link| {
            link.held = false;
            link.worked();
        }),
        LinkCommand::Set(args) => {
            let (secured, retries, interval) = (args.secured, args.retries, args.interval);
            if secured.is_none() && retries.is_none() && interval.is_none() {
                return Err(Failure::usage("nothing is to be set")
                    .hint("give --secured, --retries or --interval")
                    .into());
            }
            set(&args.one, "set", session, |link| {
                link.secured = secured.unwrap_or(link.secured);
                let other = |value: u32, usual: u32| (value != usual).then_some(value);
                if let Some(retries) = retries {
                    link.retries = other(retries, OPEN_RETRIES);
                }
                if let Some(interval) = interval {
                    link.interval = other(interval, OPEN_INTERVAL_SECONDS);
                }
            })
        }
    }
}

fn set(
    args: &OneArgs,
    word: &str,
    session: &mut Session<'_>,
    make: impl FnOnce(&mut LinkEntry),
) -> anyhow::Result<Outcome> {
    let name = po_name(&args.name)?;
    let changed = change(&args.tree, Command::Link, session, |edit, _| {
        change_link(edit, &name, make)
    })?;
    let link = changed.value.clone();
    let would = if session.settings.dry_run {
        "would be "
    } else {
        "is "
    };
    let lines = vec![format!(
        "the link to {} {would}{}{}",
        shown(&args.name),
        link.state().word(),
        if link.secured { ", secured" } else { "" }
    )];
    let facts = json!({
        "to": name.to_string(), "state": link.state().word(), "secured": link.secured,
        "retries": link.retries.unwrap_or(OPEN_RETRIES),
        "interval_seconds": link.interval_seconds(),
    });
    tell(
        session,
        &format!("po-admin link {word}"),
        changed,
        facts,
        lines,
        &[],
    )
}

fn list(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let ((found, zone), _) = look(
        &args.tree,
        "po-admin link list",
        &session.settings,
        |edit, _| {
            let view = edit.view();
            let clock = dirsync::postoffice::clock::TreeClock::of(view, None);
            Ok((links(view, &mut |_| {})?, clock.zone().clone()))
        },
    )?;
    let time = |seconds: u32| (seconds != 0).then(|| rfc3339(&UnixTime(seconds).zoned(&zone)));
    let facts = |one: &ShownLink| -> Value {
        let next = if one.link.state().is_failing() {
            one.link.next
        } else {
            0
        };
        json!({
            "to": one.to, "state": one.link.state().word(), "attempts": one.link.attempts,
            "failing_since": time(one.link.since), "next_retry": time(next),
            "last_error": one.link.error, "secured": one.link.secured,
            "refusals_count_from": time(one.link.refused_next),
            "retries": one.link.retries.unwrap_or(OPEN_RETRIES),
            "interval_seconds": one.link.interval_seconds(), "mailbags": one.mailbags,
            "waiting": one.waiting, "oldest": time(one.oldest),
        })
    };
    let columns = [
        text("TO"),
        text("STATE"),
        number("WAITING"),
        text("OLDEST"),
        number("ATTEMPTS"),
        text("NEXT"),
        text("SECURED"),
        text("LAST ERROR"),
    ];
    let mut list = List::new(&columns, &session.settings);
    for one in &found {
        list.record(&mut session.out, &facts(one), |_| {
            let failing = one.link.state().is_failing();
            [
                if one.to.is_empty() {
                    format!("mailbag {}", one.mailbags.join(" "))
                } else {
                    one.to.clone()
                },
                one.link.state().word().to_owned(),
                one.waiting.to_string(),
                time(one.oldest).unwrap_or_default(),
                one.link.attempts.to_string(),
                time(if failing { one.link.next } else { 0 }).unwrap_or_default(),
                if one.link.secured { "yes" } else { "no" }.to_owned(),
                one.link.error.clone().unwrap_or_default(),
            ]
        })?;
    }
    list.end(&mut session.out)
}
