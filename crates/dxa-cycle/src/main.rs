//! `dxa-cycle`: directory synchronization cycles from a shell.
//!
//! Arguments in, report out: the work is done by the library, what all programs share by
//! `dirsync-cli`. Trees that may not answer are worked on in children of this program, so `main`
//! first looks whether it is one.

mod args;
mod cmd;
mod convert;
mod trial;

use dirsync::{cycle, transport};
use dirsync_cli::run;

fn main() -> std::process::ExitCode {
    if let Some(code) = transport::far::run_if_child() {
        return code;
    }
    if let Some(code) = cycle::child::run_if_child() {
        return code;
    }
    run::run(&run::CYCLE, cmd::dispatch)
}
