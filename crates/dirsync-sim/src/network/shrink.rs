//! Makes a failing script shorter: delta debugging over its events, then smaller beginnings.

use super::Res;
use super::run::Settled;
use super::script::{Script, Start};

/// Runs that may be made.
const BUDGET: usize = 4000;

/// The shortest script that was found to fail, and why it does. Which failure it is may change on
/// the way.
pub fn shrink(
    script: Script,
    why: String,
    run: &dyn Fn(&Script) -> Res<Settled>,
) -> (Script, String) {
    let mut shrink = Shrink {
        best: script,
        why,
        run,
        left: BUDGET,
    };
    loop {
        let before = shrink.best.clone();
        shrink.cycles();
        shrink.postoffices();
        shrink.events();
        shrink.beginnings();
        if shrink.best == before || shrink.left == 0 {
            return (shrink.best, shrink.why);
        }
    }
}

struct Shrink<'a> {
    best: Script,
    why: String,
    run: &'a dyn Fn(&Script) -> Res<Settled>,
    left: usize,
}

impl Shrink<'_> {
    /// Takes the candidate when it fails.
    fn attempt(&mut self, candidate: Script) -> bool {
        if self.left == 0 || candidate == self.best {
            return false;
        }
        self.left -= 1;
        match (self.run)(&candidate) {
            Ok(_) => false,
            Err(why) => {
                self.best = candidate;
                self.why = why;
                true
            }
        }
    }

    /// Fewer cycles at the end.
    fn cycles(&mut self) {
        while self.best.cycles > 1 {
            let mut candidate = self.best.clone();
            candidate.cycles -= 1;
            let last = candidate.cycles;
            candidate.events.retain(|event| event.cycle <= last);
            if !self.attempt(candidate) {
                break;
            }
        }
    }

    /// Fewer postoffices, any of them but the server.
    fn postoffices(&mut self) {
        for gone in (1..self.best.postoffices.len()).rev() {
            if self.best.postoffices.len() <= 2 {
                break;
            }
            let Ok(number) = u8::try_from(gone) else {
                continue;
            };
            let mut candidate = self.best.clone();
            candidate.postoffices.remove(gone);
            candidate
                .events
                .retain(|event| event.act.po() != Some(number));
            for event in &mut candidate.events {
                if let Some(po) = event.act.po_mut()
                    && *po > number
                {
                    *po -= 1;
                }
            }
            self.attempt(candidate);
        }
    }

    /// Fewer events: pieces of half of them, a quarter, … one.
    fn events(&mut self) {
        let mut size = self.best.events.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < self.best.events.len() {
                let end = (at + size).min(self.best.events.len());
                let mut candidate = self.best.clone();
                candidate.events.drain(at..end);
                if !self.attempt(candidate) {
                    at = end;
                }
            }
            if size == 1 || self.left == 0 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    /// Fewer users, no limits, everybody from the start.
    fn beginnings(&mut self) {
        for po in 0..self.best.postoffices.len() {
            let start = self.best.postoffices[po];
            for smaller in [
                Start { users: 0, ..start },
                Start { users: 1, ..start },
                Start {
                    users: start.users / 2,
                    ..start
                },
            ] {
                if smaller.users < self.best.postoffices[po].users {
                    self.with(po, |place| place.users = smaller.users);
                }
            }
            self.with(po, |place| place.limit_kb = 0);
            self.with(po, |place| place.joins = 1);
        }
        if self.best.keep_days != 14 {
            let mut candidate = self.best.clone();
            candidate.keep_days = 14;
            self.attempt(candidate);
        }
    }

    fn with(&mut self, po: usize, change: impl FnOnce(&mut Start)) {
        let mut candidate = self.best.clone();
        change(&mut candidate.postoffices[po]);
        self.attempt(candidate);
    }
}
