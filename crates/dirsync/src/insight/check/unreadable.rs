//! The last part: what could not be looked at by all the others.

use crate::tree::TreeError;

use super::super::findings::kinds;
use super::Check;

kinds! {
    UNREADABLE = "file.unreadable" Error ("assigned"):
        "A file or directory could not be read: the operating system refused. The check goes on without it, and mends nothing while it cannot see everything.";
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    for (path, why) in check.view().troubles() {
        let message = format!("It cannot be read: {why}.");
        check.report(&UNREADABLE, &path, None, message, None);
    }
    Ok(())
}
