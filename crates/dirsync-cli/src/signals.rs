//! Ctrl-C, SIGTERM and SIGHUP: the first asks long work to end at the next point from which it can
//! be resumed, the second ends the program at once. Both are harmless: every change is one commit.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::ExitCode;
use crate::failure::Failure;

/// Whether the user wants the work to end. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that no signal sets yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the signals of this process set the flag.
    ///
    /// # Errors
    /// The operating system refuses, or the process has a handler already.
    pub fn watch(&self) -> anyhow::Result<()> {
        let flag = self.clone();
        ctrlc::try_set_handler(move || {
            if flag.request() {
                std::process::exit(i32::from(ExitCode::Interrupted.code()));
            }
            let _ = writeln!(
                std::io::stderr(),
                "interrupted: ending at the next safe point (again to end at once)"
            );
        })?;
        Ok(())
    }

    /// Sets the flag; answers whether it was set before.
    pub fn request(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For use between steps: `interrupt.check()?`.
    ///
    /// # Errors
    /// [`Failure::interrupted`] once the flag is set.
    pub fn check(&self) -> Result<(), Failure> {
        if self.requested() {
            return Err(Failure::interrupted());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_flag() {
        let interrupt = Interrupt::new();
        let other = interrupt.clone();
        assert!(other.check().is_ok());
        assert!(!interrupt.request());
        assert!(interrupt.request());
        let failure = other.check().unwrap_err();
        assert_eq!(failure.code(), ExitCode::Interrupted);
        assert!(failure.hint_text().contains("again"));
    }
}
