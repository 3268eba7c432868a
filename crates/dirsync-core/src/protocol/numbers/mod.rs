//! Sync numbers: how they count, what a number in a message means, when a message is old.
//!
//! | symbol | where | meaning |
//! |---|---|---|
//! | q.R | REQCONF | last transaction the server has confirmed |
//! | q.S | REQCONF | last master number applied here |
//! | q.I | REQCONF | number of the last import applied here |
//! | s.Sync | SRVCONF header | last number of the master list |
//! | s\[r\].R, .S, .I | SRVCONF record | last transaction taken, last number sent, imports granted |
//!
//! DOCUMENTED in Q96060, Q99961, Q119449; the complete rules are DEC-030 to DEC-043. Numbers
//! start at 1 (dsp R-NUM-002). Everything here is arithmetic on a few integers, so that the rules
//! can be read, tested and broken on purpose in one place.

mod accept;
mod position;
mod resync;

pub use accept::{Ack, ReplyHead, Verdict, WaitingChange, acknowledge, judge, order};
pub use position::{Missing, Position, position};
pub use resync::{ResyncOutcome, ResyncRefusal, agent_resync_header, judge_resync, resync_header};

use crate::format::reqconf::ReqConfRecord;

/// From here on the tools refuse to count and ask for a global reset (ASSIGNED, decisions 4).
pub const SYNC_LIMIT: u32 = 4_294_967_000;

/// The counter is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sync numbers have reached {SYNC_LIMIT}; a global reset is needed")]
pub struct NumbersExhausted;

/// The number after `highest`.
///
/// # Errors
/// [`NumbersExhausted`] when it would reach [`SYNC_LIMIT`].
pub fn next_number(highest: u32) -> Result<u32, NumbersExhausted> {
    match highest.checked_add(1) {
        Some(next) if next < SYNC_LIMIT => Ok(next),
        _ => Err(NumbersExhausted),
    }
}

/// Whether a number of a message can be one: a partner that says more than [`SYNC_LIMIT`] is
/// damaged or hostile, and believing it would use up the counter.
#[must_use]
pub fn is_plausible(number: u32) -> bool {
    number < SYNC_LIMIT
}

/// The three numbers of a requestor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Numbers {
    /// q.R.
    pub req: u32,
    /// q.S.
    pub srv: u32,
    /// q.I.
    pub imp: u32,
}

impl Numbers {
    /// The numbers of a REQCONF record.
    #[must_use]
    pub fn of(conf: &ReqConfRecord) -> Self {
        Self {
            req: conf.req_sync.get(),
            srv: conf.srv_sync.get(),
            imp: conf.imp_sync.get(),
        }
    }

    /// Puts the numbers into a REQCONF record.
    pub fn store(self, conf: &mut ReqConfRecord) {
        conf.req_sync.set(self.req);
        conf.srv_sync.set(self.srv);
        conf.imp_sync.set(self.imp);
    }
}

/// Whether a request means "send me everything" (DEC-034): nothing was ever confirmed, received
/// or imported. `was` is q.R of the sender; the R of the message may be higher when an Export
/// waits (dsp R-IMP-001).
#[must_use]
pub fn is_implied_import(was: u32, srv: u32, imp: u32) -> bool {
    was == 0 && srv == 0 && imp == 0
}

/// s\[r\].I after one more import was granted (DEC-033).
///
/// # Errors
/// [`NumbersExhausted`].
pub fn grant_import(granted: u32, asked: u32) -> Result<u32, NumbersExhausted> {
    next_number(granted.max(asked))
}

/// Whether a request proves that the server was set back (DEC-058): it confirms more than this
/// server has sent. Not asked of a request with `resync=YES`.
#[must_use]
pub fn proves_restore(sent: u32, confirmed: u32) -> bool {
    confirmed > sent
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rule: dec:4
    // rule: dsp:R-NUM-002
    #[test]
    fn counting_starts_at_one_and_stops_at_the_limit() {
        assert_eq!(next_number(0), Ok(1));
        assert_eq!(next_number(SYNC_LIMIT - 2), Ok(SYNC_LIMIT - 1));
        assert_eq!(next_number(SYNC_LIMIT - 1), Err(NumbersExhausted));
        assert_eq!(next_number(u32::MAX), Err(NumbersExhausted));
        assert!(is_plausible(SYNC_LIMIT - 1) && !is_plausible(SYNC_LIMIT));
    }

    // rule: dec:DEC-034
    // rule: dsp:R-IMP-001
    // rule: exc:R-IN-004
    #[test]
    fn only_three_zeros_ask_for_an_import() {
        for (was, srv, imp, expected) in [
            (0, 0, 0, true),
            (1, 0, 0, false),
            (0, 1, 0, false),
            (0, 0, 1, false),
        ] {
            assert_eq!(is_implied_import(was, srv, imp), expected);
        }
    }

    // rule: dec:DEC-033
    // rule: dsp:R-IMP-004
    #[test]
    fn each_import_request_counts_above_both_sides() {
        assert_eq!(grant_import(0, 0), Ok(1));
        assert_eq!(grant_import(1, 1), Ok(2));
        // TV-DEC-3: the record was made anew, the requestor has imported once.
        assert_eq!(grant_import(0, 1), Ok(2));
        assert_eq!(grant_import(0, u32::MAX), Err(NumbersExhausted));
    }

    proptest! {
        // rule: dec:2.3
        #[test]
        fn numbers_go_through_the_record(req: u32, srv: u32, imp: u32) {
            let numbers = Numbers { req, srv, imp };
            let mut conf = ReqConfRecord::fresh();
            numbers.store(&mut conf);
            prop_assert_eq!(Numbers::of(&conf), numbers);
        }
    }
}
