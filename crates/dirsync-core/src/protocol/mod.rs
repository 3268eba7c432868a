//! Requestor and server of directory synchronization as pure state machines.
//!
//! Nothing here reads a file, a clock or a mailbag. A caller hands in records of REQCONF and
//! SRVCONF, message bodies, the time, and transaction records one by one; it gets back plans: new
//! records, messages to send, rules for which transaction records to keep, lines to log, things
//! found. A plan is data; the caller turns it into one commit (DEC-057) or throws it away, and
//! then nothing has happened. So a dry run, the bulk-delete guard and a simulator need nothing of
//! their own here.
//!
//! Files of any size (REQTRANS, MSTTRANS, attachments, lists) are never held. They pass through
//! small folds (`see(record)`) and filters (`take(record)`), which keep a few numbers each.
//!
//! | module | owns |
//! |---|---|
//! | [`numbers`] | the arithmetic of sync numbers: limits, acceptance, acknowledgement, RESYNC |
//! | [`guard`] | the bulk-delete guard |
//! | [`log`] | log lines and findings of this floor |
//! | [`record`] | records to be written |
//! | [`mod@unit`] | what may not be torn apart: an R and its A lines |
//! | [`message`] | the messages, their subjects, bodies and text carriers, and who takes which |
//! | [`requestor`] | T0, T1, T3 and RESYNC at a requestor |
//! | [`schedule`] | when T1, T2 and T3 start, and what is too late |
//! | [`server`] | T2 receive, T2 transmit, purge, records of requestors |
//! | [`status_report`] | what of a requestor's log goes into CENTRAL.LOG |
//!
//! One transaction's way: `requestor::t0` numbers it, `requestor::t1` sends it, `server::receive`
//! gives it a master number, `server::transmit` answers with it, `requestor::t3` takes it and the
//! echo that ends its wait.

pub mod guard;
pub mod log;
pub mod message;
pub mod numbers;
pub mod record;
pub mod requestor;
pub mod schedule;
pub mod server;
pub mod status_report;
pub mod unit;

#[cfg(test)]
mod network;
#[cfg(test)]
mod testkit;
