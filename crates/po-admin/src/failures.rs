//! How the errors of the library become exit codes and hints.

use dirsync::postoffice::PoError;
use dirsync::tree::{ErrorClass, TreeError};
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;

fn code(class: ErrorClass) -> ExitCode {
    match class {
        ErrorClass::Refused => ExitCode::Refused,
        ErrorClass::Busy => ExitCode::Busy,
        ErrorClass::Data => ExitCode::Data,
    }
}

/// The failure of an error of a tree.
pub(crate) fn of_tree(error: &TreeError) -> Failure {
    Failure::new(code(error.class()), error.to_string()).hint(error.hint().unwrap_or_default())
}

/// The failure of an error of a postoffice.
pub(crate) fn of_po(error: &PoError) -> Failure {
    let code = if error.is_usage() {
        ExitCode::Usage
    } else {
        code(error.class())
    };
    Failure::new(code, error.to_string()).hint(error.hint().unwrap_or_default())
}
