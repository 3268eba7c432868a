//! `po-admin listq`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use dirsync::core::base::finding::{Finding, FindingId, Severity};
use dirsync::core::format::transactions::{Damage, Kind};
use dirsync::postoffice::clock::TreeClock;
use dirsync::postoffice::listq::{
    Columns, Found, ITEM_END, QueueName, heading, item_heading, read,
};
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::list::List;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde_json::json;

use super::change::shown;
use super::roles::when;
use crate::{failures, trees};

/// Our banner, where LISTQ had its own.
const BANNER: &str = concat!("po-admin listq ", env!("CARGO_PKG_VERSION"));
/// Bytes in a transaction file that are no record; the id that the check has for them.
const DAMAGED: FindingId = FindingId("dirsync.damaged-record");

pub(crate) const EXAMPLES: &str = "\
FILE is REQTRANS, SRVTRANS, MSTTRANS, USRTRANS, NMETRANS, GWTRANS or RESYNC. The checksum of every
record is checked in any case; what is damaged is shown where it is.

Examples:
  po-admin listq HQ reqtrans
  po-admin listq HQ reqtrans --time --check
  po-admin listq HQ msttrans --json";

/// `listq`.
#[derive(Debug, Args)]
pub(crate) struct ListqArgs {
    /// The postoffice.
    #[arg(value_name = "PO")]
    tree: PathBuf,
    /// The transaction file.
    file: String,
    /// Show when each transaction was put into the file.
    #[arg(long)]
    time: bool,
    /// Show the checksums.
    #[arg(long)]
    check: bool,
    /// The older form with counted items.
    #[arg(long, conflicts_with_all = ["time", "check"])]
    items: bool,
}

fn damaged(queue: &QueueName, damage: &Damage) -> Finding {
    Finding {
        id: DAMAGED,
        severity: Severity::Error,
        file: queue.path(),
        offset: Some(damage.offset),
        message: format!(
            "here is no transaction ({}): {}",
            counted(damage.len_bytes, "byte", "bytes"),
            damage.error
        ),
        hint: "the transactions around them are good and are used".into(),
        repair: None,
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Transaction => "transaction",
        Kind::Dummy => "dummy",
        Kind::ResyncHeader => "resync-header",
        Kind::Other(_) => "unknown",
    }
}

pub(crate) fn run(args: &ListqArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let queue = QueueName::parse(&args.file).map_err(|error| {
        Failure::usage(error.to_string()).hint(error.hint().unwrap_or_default())
    })?;
    let view = trees::view(&args.tree, &session.settings, "po-admin listq")?;
    let clock = TreeClock::of(&view, session.settings.zone.as_ref());
    let zone = clock.zone();
    let columns = Columns {
        time: args.time,
        check: args.check,
    };
    let po = |error| failures::of_po(&error);
    let mut failed: anyhow::Result<()> = Ok(());
    if session.out.json {
        let mut list = List::new(&[], &session.settings);
        read(&view, &queue, &mut |found| {
            match found {
                Found::Transaction(one) => {
                    let value = json!({
                        "offset": one.offset, "crc": format!("{:04X}", one.crc),
                        "date": when(one.date, zone), "sync": one.sync,
                        "kind": kind_word(one.kind), "text": one.text,
                    });
                    failed = list.record(&mut session.out, &value, |_| Vec::<String>::new());
                }
                Found::Damage(damage) => list.problem(damaged(&queue, &damage)),
            }
            flow(&failed)
        })
        .map_err(po)?;
        failed?;
        return list.end(&mut session.out);
    }
    let name = trees::entry(&view, &args.tree, &session.settings).name;
    let mut head = vec![BANNER.to_owned(), String::new()];
    if args.items {
        head.extend(item_heading().map(str::to_owned));
    } else {
        head.extend(heading(&shown(&name), &queue, columns));
    }
    for line in head {
        session.out.line(&line)?;
    }
    let (mut item, mut problems) = (0u64, 0u64);
    read(&view, &queue, &mut |found| {
        match found {
            Found::Transaction(one) => {
                item += 1;
                let lines = if args.items {
                    vec![one.item_line(item)]
                } else {
                    one.lines(columns, zone)
                };
                failed = lines.iter().try_for_each(|line| session.out.line(line));
            }
            Found::Damage(damage) => {
                problems += 1;
                let problem = damaged(&queue, &damage);
                failed = session.out.line(&format!(
                    "---- {} at byte {}: {}",
                    problem.file, damage.offset, problem.message
                ));
            }
        }
        flow(&failed)
    })
    .map_err(po)?;
    failed?;
    if args.items {
        session.out.line(ITEM_END)?;
    }
    Ok(Outcome::from(if problems == 0 {
        ExitCode::Done
    } else {
        ExitCode::Problems
    }))
}

fn flow(so_far: &anyhow::Result<()>) -> ControlFlow<()> {
    if so_far.is_ok() {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}
