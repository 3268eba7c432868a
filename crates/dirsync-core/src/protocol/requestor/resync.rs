//! RESYNC.GLB at a requestor: numbers start anew, nothing that waits is lost (DEC-041 to DEC-043).

use crate::base::UnixTime;
use crate::format::reqconf::{ReqConfRecord, req_options};
use crate::format::transactions::ResyncHeader;

use super::{Requestor, Waiting};
use crate::protocol::log::Diary;
use crate::protocol::numbers::{ResyncRefusal, WaitingChange, judge_resync};

/// What applying RESYNC.GLB would do to the numbers. Its lists go to SRVTRANS as they are.
#[derive(Debug, Clone)]
pub struct ResyncPlan {
    /// REQCONF with the header's numbers; requests say `resync=YES` until a reply is accepted.
    pub conf: ReqConfRecord,
    /// How REQTRANS is rewritten; with `--discard-waiting` only its dummy is written.
    pub waiting: WaitingChange,
    /// Transactions that wait and were given new numbers.
    pub kept: u32,
    /// The log.
    pub diary: Diary,
}

impl Requestor {
    /// Decides about RESYNC.GLB. `accept_older` is `--accept-older`.
    ///
    /// # Errors
    /// [`ResyncRefusal`]: Fatal 14; the file stays, on the server the queues are processed
    /// normally (DEC-044).
    pub fn resync(
        &self,
        header: ResyncHeader,
        waiting: &Waiting,
        accept_older: bool,
        now: UnixTime,
    ) -> Result<ResyncPlan, ResyncRefusal> {
        let before = self.numbers();
        let outcome = judge_resync(
            before,
            self.highest_known(),
            waiting.unconfirmed,
            header,
            self.is_server,
            accept_older,
        )?;
        let mut conf = self.conf.clone();
        outcome.numbers.store(&mut conf);
        conf.last_sent.set(outcome.last_sent);
        conf.last_t3.set(now.0);
        conf.set(req_options::RESYNC, true);
        let mut diary = Diary::default();
        if outcome.srv_goes_back {
            let (from, to) = (before.srv, outcome.numbers.srv);
            diary.status(format!("RESYNC.GLB takes SrvSync back from {from} to {to}"));
        }
        if waiting.unconfirmed > 0 {
            let (count, first) = (waiting.unconfirmed, outcome.last_sent.saturating_add(1));
            diary.status(format!(
                "{count} waiting transactions now count from {first}"
            ));
        }
        Ok(ResyncPlan {
            conf,
            waiting: outcome.waiting,
            kept: waiting.unconfirmed,
            diary,
        })
    }
}
