//! How long work tells its caller how far it is, and asks whether it shall go on.
//!
//! The library never writes to a terminal and knows no signals. A function that may run longer
//! than a moment takes a `&dyn Progress`; the programs hand in one that draws a bar, tests and
//! other callers hand in [`NoProgress`].

/// What long work says and asks. Every method may be called from several threads.
pub trait Progress: Sync {
    /// A stage begins: `what` in a few words, `total` units when that is known. It ends the stage
    /// before it.
    fn start(&self, what: &str, total: Option<u64>);

    /// `n` more units of the stage are done.
    fn advance(&self, n: u64);

    /// What is being worked on within the stage, for example the name of a postoffice.
    fn message(&self, text: &str);

    /// The last stage is over.
    fn finish(&self) {}

    /// Whether the user wants the work to end at the next point from which it can be resumed.
    ///
    /// Work that stops for this reason leaves the tree as it was before, or after, a commit.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Says nothing and never stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn start(&self, _what: &str, _total: Option<u64>) {}

    fn advance(&self, _n: u64) {}

    fn message(&self, _text: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_handed_around_as_an_object() {
        fn work(progress: &dyn Progress) -> u32 {
            progress.start("reading", Some(2));
            progress.advance(2);
            progress.message("NET/PO");
            progress.finish();
            u32::from(progress.stop_requested())
        }
        std::thread::scope(|scope| {
            let other = scope.spawn(|| work(&NoProgress));
            assert_eq!(other.join().unwrap() + work(&NoProgress), 0);
        });
    }
}
