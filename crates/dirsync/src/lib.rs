//! Directory synchronization of Microsoft Mail postoffices: the library people use.
//!
//! Floors, lowest first; a module uses only what stands above it:
//!
//! * [`postoffice`] - one postoffice: making it, its lists, its mail;
//! * [`import`] - address lists from transactions, the Global Address List from the lists;
//! * [`transport`] - moving mail within a postoffice and between trees;
//! * [`mta`] - the queue database of the Exchange MTA;
//! * [`exchange`] - an Exchange server as directory server or requestor;
//! * [`cycle`] - T1, T2, T3, and the cycle over a site;
//! * [`insight`] - looking: check, and later status, trace and doctor, through read-only views.
//!
//! The pure core and the disk are re-exported as [`core`] and [`tree`].

pub use dirsync_core as core;
pub use dirsync_tree as tree;

pub mod cycle;
pub mod exchange;
pub mod import;
pub mod insight;
pub mod mta;
pub mod postoffice;
pub mod progress;
pub mod transport;
