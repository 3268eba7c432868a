//! How the errors of the library become exit codes and hints.

use dirsync::postoffice::PoError;
use dirsync_cli::exit::ExitCode;
use dirsync_cli::failure::Failure;
use dirsync_cli::trees::code;
pub(crate) use dirsync_cli::trees::of_tree;

/// The failure of an error of a postoffice.
pub(crate) fn of_po(error: &PoError) -> Failure {
    let code = if error.is_usage() {
        ExitCode::Usage
    } else {
        code(error.class())
    };
    Failure::new(code, error.to_string()).hint(error.hint().unwrap_or_default())
}
