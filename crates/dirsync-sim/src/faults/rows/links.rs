//! Rows of links: hold, routes, and what follows when one does not work.

use std::sync::Arc;

use dirsync::postoffice::Edit;
use dirsync::transport::book::LinkBook;
use dirsync::transport::far::{Reply, Request};
use dirsync::transport::links::{change_link, set_route};
use dirsync::transport::settle::{LinkResult, Outcome};
use dirsync_tree::Command;
use dirsync_tree::disk::Disk;
use dirsync_tree::disk::mem::MemDisk;

use super::transport::{NOW, ask, edited_as, know, prepare_one, run_mailer, submit_on, text};
use crate::faults::{RunResult, Scenario, observe_postoffice};

/// Scenarios of `po-admin link`.
pub(super) const LINK: &[Scenario] = &[Scenario {
    command: Command::Link,
    name: "link: hold",
    prepare: || prepare_one(|_| Ok(())),
    run: |disk| {
        edited_as(disk, Command::Link, |edit| {
            let to = "NET/H".parse().map_err(text)?;
            change_link(edit, &to, |link| link.held = true)
                .map(|_| ())
                .map_err(text)
        })
    },
    observe: observe_postoffice,
    milestones: || Ok(Vec::new()),
}];

/// Scenarios of `po-admin route`.
pub(super) const ROUTE: &[Scenario] = &[Scenario {
    command: Command::Route,
    name: "route: add",
    prepare: || prepare_one(|disk| know(disk, "B", None).map(|_| ())),
    run: |disk| edited_as(disk, Command::Route, add_route),
    observe: observe_postoffice,
    milestones: || Ok(Vec::new()),
}];

fn add_route(edit: &mut Edit<'_>) -> RunResult {
    let (to, via) = (
        "NET/B".parse().map_err(text)?,
        "NET/H".parse().map_err(text)?,
    );
    set_route(edit, &to, &via, Some(5)).map_err(text)
}

/// A message waits for B, to which there is another route through H, and one for C, to which there is
/// none.
pub(super) fn prepare_failed() -> Result<MemDisk, String> {
    prepare_one(|disk| {
        for name in ["B", "C"] {
            know(Arc::clone(&disk), name, None)?;
        }
        edited_as(Arc::clone(&disk), Command::Route, add_route)?;
        edited_as(Arc::clone(&disk), Command::Link, |edit| {
            let to = "NET/C".parse().map_err(text)?;
            change_link(edit, &to, |link| link.retries = Some(1))
                .map(|_| ())
                .map_err(text)
        })?;
        submit_on(Arc::clone(&disk), "A", &["NET/B/$SYSTEM"])?;
        submit_on(Arc::clone(&disk), "A", &["NET/C/$SYSTEM"])?;
        run_mailer(disk)
    })
}

/// B fails for the first time, C for the last time. Run again on the new state nothing is left to do.
pub(super) fn run_settle(disk: Arc<dyn Disk>) -> RunResult {
    let settled = {
        let domain = dirsync_tree::Domain {
            kind: dirsync_tree::DomainKind::Postoffice,
        };
        let view = dirsync_tree::TreeView::open(Arc::clone(&disk), domain, &super::options())
            .map_err(text)?;
        let book = LinkBook::load(&view).map_err(text)?;
        book.of(&"NET/B".parse().map_err(text)?).attempts > 0
    };
    if settled {
        return Ok(());
    }
    let failed = |mailbag| Outcome {
        mailbag,
        result: LinkResult::Failed {
            why: "no answer within 60 seconds".to_owned(),
            counted: true,
        },
        in_doubt: Vec::new(),
        refused: Vec::new(),
    };
    let request = Request::Settle {
        now: NOW.0,
        user: "harness".into(),
        outcomes: vec![failed(3), failed(4)],
    };
    match ask(disk, request)? {
        Reply::Settled { settled, problems }
            if problems.is_empty() && (settled.rerouted(), settled.returned()) == (1, 1) =>
        {
            Ok(())
        }
        other => Err(format!("{other:?}")),
    }
}
