//! How long work tells its caller how far it is, and asks whether it shall go on.
//!
//! The library never writes to a terminal and knows no signals. A function that may run longer
//! than a moment takes a `&dyn Progress`; the programs hand in one that draws a bar, tests and
//! other callers hand in [`NoProgress`].

use std::sync::{Mutex, PoisonError};

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

/// Shows long work as what is being worked on within a stage of somebody else's: `NET/PO: taking
/// replies 20 of 300`. The stage itself goes on counting its own units.
pub struct Inside<'a> {
    outer: &'a dyn Progress,
    label: &'a str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    what: String,
    text: String,
    total: Option<u64>,
    done: u64,
}

impl<'a> Inside<'a> {
    /// Work on `label`.
    #[must_use]
    pub fn new(outer: &'a dyn Progress, label: &'a str) -> Self {
        outer.message(label);
        Self {
            outer,
            label,
            state: Mutex::default(),
        }
    }

    fn say(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let mut text = format!("{}: {}", self.label, state.what);
        match (state.done, state.total) {
            (done, Some(total)) => text.push_str(&format!(" {done} of {total}")),
            (0, None) => {}
            (done, None) => text.push_str(&format!(" {done}")),
        }
        if !state.text.is_empty() {
            text.push_str(&format!(" {}", state.text));
        }
        self.outer.message(&text);
    }
}

impl Progress for Inside<'_> {
    fn start(&self, what: &str, total: Option<u64>) {
        self.say(|state| {
            *state = State {
                what: what.to_owned(),
                total,
                ..State::default()
            };
        });
    }

    fn advance(&self, n: u64) {
        self.say(|state| state.done = state.done.saturating_add(n));
    }

    fn message(&self, text: &str) {
        self.say(|state| text.clone_into(&mut state.text));
    }

    fn stop_requested(&self) -> bool {
        self.outer.stop_requested()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_inside_a_stage_is_shown_as_what_it_works_on() {
        #[derive(Default)]
        struct Heard(Mutex<Vec<String>>);
        impl Progress for Heard {
            fn start(&self, _: &str, _: Option<u64>) {
                panic!("the stage is not the inner work's");
            }
            fn advance(&self, _: u64) {
                panic!("nor are its units");
            }
            fn message(&self, text: &str) {
                self.0.lock().unwrap().push(text.to_owned());
            }
        }
        let heard = Heard::default();
        let inside = Inside::new(&heard, "NET/PO");
        inside.start("taking replies", None);
        inside.start("importing", Some(300));
        inside.advance(20);
        inside.message("NET/RB");
        inside.finish();
        assert_eq!(
            *heard.0.lock().unwrap(),
            [
                "NET/PO",
                "NET/PO: taking replies",
                "NET/PO: importing 0 of 300",
                "NET/PO: importing 20 of 300",
                "NET/PO: importing 20 of 300 NET/RB",
            ]
        );
    }

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
