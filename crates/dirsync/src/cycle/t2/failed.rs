//! What T2 says in DIRSYNC.LOG when it cannot go on, and the mail to the administrator (R-T2R-010).
//!
//! DOCUMENTED: 2 as Warning and Fatal for a missing MSTTRANS (Q112280), 40 and a mail for a corrupt one
//! (Q103421), 161 without a usable SRVCONF (Q136487), 115 for a mailbag that cannot be read (Q138783).
//! Errors of the disk are not written to that disk.

use crate::core::protocol::log::LogLine;
use crate::core::protocol::server::{AdminMail, Server, master_unreadable, server_busy};
use crate::import::log;
use crate::postoffice::config::load_srvconf;
use crate::postoffice::list_error::ListError;
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::{Command, TreeMut};

use super::super::message::unreadable_mailbag;
use super::super::{CycleError, MSTTRANS, SRVCONF, Said, StepOptions, commit};
use super::receive::with_mail;

/// The lines of an error; empty for one that has none in print.
fn lines(error: &CycleError) -> Vec<LogLine> {
    match error {
        CycleError::NotServer => vec![server_busy()],
        CycleError::Postoffice(PoError::List(ListError::Damaged { file, .. }))
            if file == SRVCONF =>
        {
            vec![server_busy()]
        }
        CycleError::NoMaster => master_unreadable(true),
        CycleError::Damaged { file, .. } if *file == MSTTRANS => master_unreadable(false),
        _ => unreadable_mailbag(error).into_iter().collect(),
    }
}

/// Logs why the run failed. A tree that cannot take the log either keeps the error alone.
pub(super) fn say(tree: &mut TreeMut, options: &StepOptions, error: &CycleError) {
    let lines = lines(error);
    if !lines.is_empty() {
        let tells = matches!(error, CycleError::Damaged { .. });
        let _ = write(tree, options, &lines, tells);
    }
}

fn write(
    tree: &mut TreeMut,
    options: &StepOptions,
    lines: &[LogLine],
    tells: bool,
) -> Result<(), CycleError> {
    let mut edit = Edit::new(tree.view());
    log::append_local(&mut edit, options.now, lines)?;
    let mut said = Said::default();
    if tells {
        let own = Identity::read(tree.view())?.name;
        let (header, records) = load_srvconf(&mut edit)?;
        let server = Server::new(own, header, records);
        let mail = AdminMail {
            lines: lines.iter().map(|line| line.text.clone()).collect(),
        };
        edit = with_mail(edit, &server, &mail, options, &mut said)?;
    }
    let plan = edit.finish()?;
    let info = options.info(Command::T2, Vec::new());
    commit(tree, &plan, &info, &mut said)
}
