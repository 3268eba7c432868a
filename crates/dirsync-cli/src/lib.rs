//! What the five programs share: options, exit codes, reports, tables, progress, confirmation and
//! the way they fail.
//!
//! A program is thin: clap types that flatten [`options::Args`], and one function that gets the
//! typed arguments and a [`session::Session`] and answers with an exit code. [`run::run`] calls it:
//!
//! ```no_run
//! use dirsync_cli::{exit::ExitCode, options::Args, run, session::Outcome};
//!
//! #[derive(clap::Parser)]
//! #[command(version)]
//! struct Cli {
//!     #[command(flatten)]
//!     common: Args,
//! }
//!
//! impl AsRef<Args> for Cli {
//!     fn as_ref(&self) -> &Args {
//!         &self.common
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     run::run(&run::CYCLE, |cli: Cli, session| {
//!         let _ = (cli, session);
//!         Ok(Outcome::from(ExitCode::Done))
//!     })
//! }
//! ```
//!
//! Reports go to stdout, progress, questions and diagnostics to stderr. Every text that came from
//! a disk passes through [`escape`] before it reaches a terminal.

pub mod confirm;
pub mod escape;
pub mod exit;
pub mod failure;
pub mod list;
pub mod messages;
pub mod options;
pub mod output;
pub mod outside;
pub mod plan;
pub mod progress;
pub mod report;
pub mod run;
pub mod session;
pub mod settings;
pub mod signals;
pub mod style;
pub mod table;
pub mod trees;
pub mod words;
