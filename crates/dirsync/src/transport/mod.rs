//! Moving mail: within a postoffice, and from one tree to the next.
//!
//! * [`mailer`] empties the in-queues of one postoffice: local mailbags, SYSTEM, outbound mailbags;
//! * [`waiting`] says what waits in the outbound mailbags, [`link`] hands the mail of an outbound mailbag to another tree;
//! * [`route`] says which mailbag, and which postoffice it is handed to; [`table`] names further ways
//!   and what they cost;
//! * [`book`] remembers how each link is, [`settle`] does what follows when one does not work: another
//!   route, another attempt later, a report to the sender;
//! * [`gateway`] takes the files of gateways that emulate postoffices, and writes theirs;
//! * [`map`] lays the routes of a site end to end;
//! * [`far`] is the wall around each tree: requests and replies, in this process or in a child with
//!   a deadline;
//! * [`x400`] does the same between the queue databases of Exchange servers;
//! * [`deliver`] runs passes over a site until nothing moves any more.
//!
//! Nothing here is lost or doubled: mail is durable at the receiver before it goes at the sender, and
//! the receiver's ledger drops what it has seen (design 4.2). A tree that is busy, foreign, missing,
//! full or silent stops its own mail and nobody else's.

pub mod book;
pub mod deliver;
pub mod far;
pub mod gateway;
pub mod link;
pub mod links;
pub mod local;
pub mod log;
pub mod mailer;
pub mod map;
pub mod returned;
pub mod route;
pub mod settle;
pub mod stuck;
pub mod table;
pub mod waiting;
pub mod x400;

#[cfg(test)]
mod gateway_race_tests;
#[cfg(test)]
mod gateway_tests;
#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
