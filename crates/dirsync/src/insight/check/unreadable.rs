//! The last part: what could not be looked at by all the others.

use crate::tree::TreeError;

use super::super::findings::kinds;
use super::Check;

kinds! {
    UNREADABLE = "file.unreadable" Error ("assigned"):
        "A file or directory could not be read for a reason of the operating system. It counts as absent in the findings above, and nothing is mended while it does.";
}

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    for (path, why) in check.view().troubles() {
        let message = format!("It cannot be read: {why}.");
        check.report(&UNREADABLE, &path, None, message, None);
    }
    Ok(())
}
