//! The rows: for each command at least one scenario. `row` matches [`Command`] without a wildcard, so a
//! command without a row does not compile.

mod admin;
mod cycle;
mod dispatch;
pub(crate) mod exchange;
mod gateway;
mod import;
mod links;
mod lists;
mod mta;
mod resync;
mod transport;
mod x400;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use dirsync_tree::disk::{Disk, EntryKind, EntryName};
use dirsync_tree::view::TreeView;
use dirsync_tree::{Command, Domain, DomainKind, OpenOptions, RelPath};

use super::{Observed, Scenario};

/// The scenarios of one command.
#[must_use]
pub fn row(command: Command) -> &'static [Scenario] {
    match command {
        Command::Init => admin::INIT,
        Command::InitExchange => exchange::INIT,
        Command::Recipient => exchange::RECIPIENT,
        Command::Registry => exchange::REGISTRY,
        Command::X400 => x400::X400,
        Command::Start => exchange::START,
        Command::Upgrade => admin::UPGRADE,
        Command::CheckFix => admin::CHECK_FIX,
        Command::User => lists::USER,
        Command::Group => lists::GROUP,
        Command::Fill => lists::FILL,
        Command::Postoffice => lists::POSTOFFICE,
        Command::Gateway => gateway::GATEWAY,
        Command::Server => lists::SERVER,
        Command::Requestor => lists::REQUESTOR,
        Command::Register => lists::REGISTER,
        Command::Options => lists::OPTIONS,
        Command::Export => lists::EXPORT,
        Command::ImportRequest => lists::IMPORT_REQUEST,
        Command::Schedule => lists::SCHEDULE,
        Command::ListdsZero => lists::LISTDS_ZERO,
        Command::T1 => cycle::T1,
        Command::T2 => cycle::T2,
        Command::T3 => cycle::T3,
        Command::Dispatch => dispatch::DISPATCH,
        Command::Reset => dispatch::RESET,
        Command::Deliver => transport::DELIVER,
        Command::Link => links::LINK,
        Command::Route => links::ROUTE,
        Command::Mail => transport::MAIL,
        Command::ImportQueue => import::QUEUE,
        Command::ImportFile => import::FILE,
        Command::Rebuild => import::REBUILD,
        Command::Resync => resync::CREATE,
        Command::MtaRepair => mta::REPAIR,
        Command::MtaPurge => mta::PURGE,
        Command::MtaRestore => mta::RESTORE,
        Command::MtaReplay => mta::REPLAY,
        Command::MtaWipe => mta::WIPE,
        Command::MtaRotate => mta::ROTATE,
    }
}

/// All scenarios.
pub fn rows() -> impl Iterator<Item = &'static Scenario> {
    Command::ALL.iter().copied().flat_map(row)
}

/// How the harness opens trees: it never waits.
pub(super) fn options() -> OpenOptions {
    OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    }
}

/// What a reader sees of a whole postoffice at the root of a disk. The lock file and the journal's
/// folder are left out: they hold names of processes and leftovers that mean nothing.
pub fn observe_postoffice(disk: Arc<dyn Disk>) -> Result<Observed, String> {
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    observe_tree(disk, domain)
}

/// As [`observe_postoffice`], of a tree that is opened as any domain.
pub(super) fn observe_tree(disk: Arc<dyn Disk>, domain: Domain) -> Result<Observed, String> {
    let view = TreeView::open(disk, domain, &options()).map_err(|error| error.to_string())?;
    if let Some(damage) = view.journal_damage() {
        return Err(format!("the journal is damaged: {damage}"));
    }
    let mut seen = Observed::new();
    let mut dirs = vec![RelPath::root()];
    while let Some(dir) = dirs.pop() {
        let mut entries: Vec<(String, EntryKind)> = Vec::new();
        view.list_on_disk(&dir, &mut |entry| {
            if let EntryName::Plain(name) = entry.name {
                entries.push((name, entry.kind));
            }
            ControlFlow::Continue(())
        })
        .map_err(|error| error.to_string())?;
        for (name, kind) in entries {
            let path = dir.join(&name).map_err(|error| error.to_string())?;
            if name == "TREE.LCK" || name == "JOURNAL" {
                continue;
            }
            if kind == EntryKind::Dir {
                seen.insert(path.to_string(), None);
                dirs.push(path);
            } else {
                let bytes = view
                    .read_on_disk(&path, 1 << 20)
                    .map_err(|error| error.to_string())?;
                seen.insert(path.to_string(), bytes);
            }
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Every command that commits must have a row; one without fails here, one without a match arm
    // does not compile.
    #[test]
    fn every_command_that_commits_has_a_row() {
        let without: Vec<_> = Command::ALL
            .iter()
            .filter(|command| row(**command).is_empty())
            .map(|command| command.words())
            .collect();
        assert_eq!(without, [""; 0]);
    }
}
