//! `po-admin listds`.

use std::path::PathBuf;

use clap::Args;
use dirsync::postoffice::Edit;
use dirsync::postoffice::clock::TreeClock;
use dirsync::postoffice::listds;
use dirsync::tree::Command;
use dirsync_cli::session::{Outcome, Session};
use serde_json::json;

use super::change::{change, shown, tell, tell_seen};
use super::roles;
use crate::{failures, trees};

/// Our banner, where LISTDS had its own.
const BANNER: &str = concat!("po-admin listds ", env!("CARGO_PKG_VERSION"));

pub(crate) const EXAMPLES: &str = "\
--zero makes the numbers of a requestor 0, a part of resetting directory synchronization; it is
refused on the directory server.

Examples:
  po-admin listds HQ --server
  po-admin listds HQ --requestor
  po-admin listds BRANCH --requestor --zero";

/// `listds`.
#[derive(Debug, Args)]
pub(crate) struct ListdsArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// What it knows as directory server.
    #[arg(long, required_unless_present = "requestor", conflicts_with = "requestor")]
    server: bool,
    /// What it knows as requestor.
    #[arg(long)]
    requestor: bool,
    /// Set the numbers of the requestor to 0.
    #[arg(long, conflicts_with = "server")]
    zero: bool,
}

pub(crate) fn run(args: &ListdsArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    if args.zero {
        let changed = change(&args.tree, Command::ListdsZero, session, |edit, _| {
            let changed = listds::zero(edit)?;
            Ok((changed, listds::requestor(edit)?))
        })?;
        let (different, numbers) = changed.value.clone();
        let mut lines = vec![BANNER.to_owned(), String::new()];
        lines.extend(numbers.lines().iter().map(|line| shown(line)));
        let facts = json!({
            "postoffice": numbers.postoffice, "server": numbers.server,
            "req_sync": numbers.req_sync, "srv_sync": numbers.srv_sync,
            "imp_sync": numbers.imp_sync, "last_sent": numbers.last_sent, "changed": different,
        });
        return tell(
            session,
            "po-admin listds --zero",
            changed,
            facts,
            lines,
            &[],
        );
    }
    let view = trees::view(&args.tree, &session.settings, "po-admin listds")?;
    let entry = trees::entry(&view, &args.tree, &session.settings);
    let clock = TreeClock::of(&view, session.settings.zone.as_ref());
    let mut edit = Edit::new(&view);
    let mut lines = vec![BANNER.to_owned(), String::new()];
    let facts = if args.server {
        let numbers = listds::server(&mut edit).map_err(|error| failures::of_po(&error))?;
        lines.extend(numbers.lines(clock.zone()).iter().map(|line| shown(line)));
        json!({
            "postoffice": numbers.postoffice, "highest_srv_sync": numbers.highest,
            "cycle": numbers.cycle,
            "requestors": numbers.requestors.iter().map(|one| roles::facts(one, clock.zone()))
                .collect::<Vec<_>>(),
        })
    } else {
        let numbers = listds::requestor(&mut edit).map_err(|error| failures::of_po(&error))?;
        lines.extend(numbers.lines().iter().map(|line| shown(line)));
        json!({
            "postoffice": numbers.postoffice, "server": numbers.server,
            "req_sync": numbers.req_sync, "srv_sync": numbers.srv_sync,
            "imp_sync": numbers.imp_sync, "last_sent": numbers.last_sent,
        })
    };
    tell_seen(session, "po-admin listds", entry, facts, lines)
}
