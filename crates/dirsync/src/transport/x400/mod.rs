//! X.400 connectors: mail from the queue database of one Exchange server to that of another.
//!
//! * [`table`] names the connectors of a server, what lies behind each, and how each link is:
//!   `MTADATA/X400.INI`;
//! * [`mail`] hands messages over, in the three steps of [`super::link`], and routes what arrives;
//! * [`map`] says how mail would travel over connectors;
//! * [`settle`] does what follows when a link does not work: another route, a report to the sender.
//!
//! Each connector has a queue of its own in the database, made with its first message. Unless it is
//! secured, its mail takes the next route by cost while its link is down (R-DB-012). The links are served
//! by the same sweeps as those of postoffices ([`super::deliver`]), behind the same far sides; an MTA is
//! named by its distinguished name, `/O=ORG/OU=SITE/CN=SERVER`, and stands at `…/MTADATA`.

pub mod mail;
pub mod map;
pub mod settle;
pub mod table;
#[cfg(test)]
mod tests;
