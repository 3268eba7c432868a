//! `po-admin`: set up and look inside Microsoft Mail postoffices.
//!
//! Arguments in, report out: the work is done by the library, what all programs share by
//! `dirsync-cli`.

mod args;
mod cmd;
mod failures;
mod found;
mod trees;
mod wrap;

use dirsync_cli::run;

fn main() -> std::process::ExitCode {
    run::run(&run::ADMIN, cmd::dispatch)
}
