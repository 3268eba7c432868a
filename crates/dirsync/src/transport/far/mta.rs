//! Answering for the queue database of an Exchange server.

use crate::core::base::time::UnixTime;
use crate::core::format::mta::ObjectId;
use crate::mta::edit::MtaEdit;
use crate::mta::store::Database;
use crate::mta::{self, MtaError};
use crate::tree::journal::CommitInfo;
use crate::tree::ledger::Ledger;
use crate::tree::{Command, TreeMut, TreeView};

use super::super::mailer::MailerTotals;
use super::super::x400::table::{self, Table};
use super::super::x400::{mail, map, settle};
use super::answer::{Local, Problems};
use super::protocol::{Failure, Reply, Request};

impl Local {
    /// The answer to one request about a queue database.
    pub(super) fn answer_mta(&self, request: Request) -> Reply {
        self.try_mta(request).unwrap_or_else(|error| Reply::Failed {
            failure: Failure::from(&error),
        })
    }

    fn mta_view(&self) -> Result<TreeView, MtaError> {
        Ok(TreeView::open(
            self.tree_disk()?,
            mta::DOMAIN,
            self.options(),
        )?)
    }

    fn try_mta(&self, request: Request) -> Result<Reply, MtaError> {
        let mut problems = Problems::default();
        Ok(match request {
            Request::Open { .. } => Reply::Opened,
            Request::Identify => {
                let view = self.mta_view()?;
                let table = Table::load(&view)?.ok_or_else(|| no_table(&view))?;
                Reply::Identity {
                    name: table.server,
                    is_server: false,
                }
            }
            Request::Outbound => Reply::Outbound {
                queues: mail::outbound(&self.mta_view()?)?,
                problems: Vec::new(),
            },
            Request::Routes => {
                let view = self.mta_view()?;
                let table = Table::load(&view)?.ok_or_else(|| no_table(&view))?;
                Reply::Routes {
                    table: map::table_of(&table),
                }
            }
            // What arrives is routed when it arrives.
            Request::Mailer { .. } => Reply::Mailed {
                totals: MailerTotals::default(),
                steps: Vec::new(),
                problems: Vec::new(),
            },
            Request::Collect {
                mailbag,
                limit,
                skip,
            } => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let (parcels, stuck) = mail::collect(
                    &self.mta_view()?,
                    ObjectId(mailbag),
                    limit,
                    &skip,
                    &mut problems.sink(),
                )?;
                Reply::Collected {
                    parcels,
                    stuck,
                    problems: problems.0,
                }
            }
            Request::Receive {
                from,
                now,
                user,
                parcels,
            } => {
                let now = UnixTime(now);
                let receipts = self.commit_mta(now, user, |edit, ledger, table| {
                    let receipts = mail::receive(edit, ledger, table, &from, &parcels, now)?;
                    let count = receipts.len() as u64;
                    Ok((receipts, "received", count))
                })?;
                Reply::Received { receipts }
            }
            Request::Sent {
                now, user, done, ..
            } => {
                let count = self.commit_mta(UnixTime(now), user, |edit, _, _| {
                    let count = mail::sent(edit, &done)?;
                    Ok((count, "sent", count))
                })?;
                Reply::Sent { count }
            }
            Request::Settle {
                now,
                user,
                outcomes,
            } => {
                let now = UnixTime(now);
                let settled = self.commit_mta(now, user, |edit, ledger, table| {
                    let settled = settle::settle(edit, ledger, table, &outcomes, now)?;
                    let count = settled.returned() + settled.rerouted();
                    Ok((settled, "settled", count))
                })?;
                Reply::Settled {
                    settled,
                    problems: Vec::new(),
                }
            }
        })
    }

    fn commit_mta<T>(
        &self,
        now: UnixTime,
        user: String,
        make: impl FnOnce(
            &mut MtaEdit<'_, '_>,
            &mut Ledger,
            &mut Table,
        ) -> Result<(T, &'static str, u64), MtaError>,
    ) -> Result<T, MtaError> {
        let mut tree = TreeMut::open(self.tree_disk()?, mta::DOMAIN, self.options())?;
        let (made, what, count, plan) = {
            let view = tree.view();
            let db = Database::open(view)?;
            let mut table = Table::load(view)?.ok_or_else(|| no_table(view))?;
            let before = table.clone();
            let mut edit = MtaEdit::new(&db, now)?;
            let mut ledger = Ledger::load(view)?;
            let (made, what, count) = make(&mut edit, &mut ledger, &mut table)?;
            let mut plan = edit.finish()?;
            ledger.write_into(&mut plan)?;
            if table != before {
                plan.replace(table::path(view)?, table.format().into_bytes())
                    .map_err(crate::tree::TreeError::from)?;
            }
            (made, what, count, plan)
        };
        let info = CommitInfo {
            command: Command::Deliver,
            user,
            now,
            counts: vec![(what, count)],
        };
        tree.commit(&plan, &info)?;
        Ok(made)
    }
}

fn no_table(view: &TreeView) -> MtaError {
    MtaError::Damaged {
        tree: view.describe(),
        file: "X400.INI".to_owned(),
        why: "it is missing: this server has no X.400 connector".to_owned(),
    }
}
