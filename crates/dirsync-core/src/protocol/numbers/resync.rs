//! Numbers of RESYNC.GLB: what the server writes (DEC-040) and what a requestor makes of them
//! (DEC-041 to DEC-043).

use super::{Numbers, NumbersExhausted, WaitingChange};
use crate::format::srvconf::SrvConfRecord;
use crate::format::transactions::ResyncHeader;

/// The header a server writes: the largest R and I over all live records, and the number up to
/// which its own lists are complete. The second value is false when the two sources of SRVSEQ
/// (own record, q.S of the server postoffice) differ, which deserves a warning.
#[must_use]
pub fn resync_header(
    records: &[SrvConfRecord],
    own_record: Option<usize>,
    own_srv: u32,
) -> (ResyncHeader, bool) {
    let live = || records.iter().filter(|record| record.is_live());
    let sent = own_record
        .and_then(|index| records.get(index))
        .map_or(own_srv, |record| record.srv_sync.get());
    let header = ResyncHeader {
        impseq: live()
            .map(|record| record.imp_sync.get())
            .max()
            .unwrap_or(0),
        reqseq: live()
            .map(|record| record.req_sync.get())
            .max()
            .unwrap_or(0),
        srvseq: sent.min(own_srv),
    };
    (header, sent == own_srv)
}

/// The header that the agent of an Exchange server writes: the highest IMPSEQ, REQSEQ and SRVSEQ of
/// the requestors that `wanted` names, or of all with GlobalMaxSeqInResync (Q215505). A requestor
/// that was not named and has higher numbers refuses the file with message 14.
#[must_use]
pub fn agent_resync_header(
    records: &[SrvConfRecord],
    wanted: impl Fn(&SrvConfRecord) -> bool,
) -> ResyncHeader {
    let mut header = ResyncHeader::default();
    for record in records.iter().filter(|record| record.is_live()) {
        if wanted(record) {
            header.impseq = header.impseq.max(record.imp_sync.get());
            header.reqseq = header.reqseq.max(record.req_sync.get());
            header.srvseq = header.srvseq.max(record.srv_sync.get());
        }
    }
    header
}

/// A RESYNC.GLB that is refused with message 14 (DEC-043).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResyncRefusal {
    /// Its numbers are below the requestor's.
    #[error(
        "RESYNC.GLB is older than this requestor: IMPSEQ {} against {}, REQSEQ {} against {}",
        .header.impseq, .numbers.imp, .header.reqseq, .numbers.req
    )]
    Older {
        /// Numbers of the file.
        header: ResyncHeader,
        /// Numbers of the requestor.
        numbers: Numbers,
    },
    /// It lies on the directory server itself (DEC-044).
    #[error("RESYNC.GLB cannot be applied on the directory server itself")]
    OnServer,
    /// The waiting transactions cannot be numbered above it.
    #[error(transparent)]
    Exhausted(#[from] NumbersExhausted),
}

/// What applying RESYNC.GLB does to the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResyncOutcome {
    /// The numbers after it: the header's.
    pub numbers: Numbers,
    /// `last_sent` after it.
    pub last_sent: u32,
    /// SrvSync goes back: worth a Status line, and the bulk-delete guard applies.
    pub srv_goes_back: bool,
    /// How REQTRANS is rewritten. Waiting transactions stay, numbered above everything that was
    /// ever sent under another meaning; `--discard-waiting` drops them all instead (DEC-042).
    pub waiting: WaitingChange,
}

/// Decides whether RESYNC.GLB may be applied, and what it does to the numbers.
///
/// `waiting` is the count of transactions above q.R in REQTRANS.
///
/// # Errors
/// [`ResyncRefusal`]: message 14.
pub fn judge_resync(
    q: Numbers,
    last_sent: u32,
    waiting: u32,
    header: ResyncHeader,
    is_server: bool,
    accept_older: bool,
) -> Result<ResyncOutcome, ResyncRefusal> {
    if is_server {
        return Err(ResyncRefusal::OnServer);
    }
    if !accept_older && (header.impseq < q.imp || header.reqseq < q.req) {
        return Err(ResyncRefusal::Older { header, numbers: q });
    }
    // Above `last_sent` too: a late copy of an old request must not confirm the new numbers.
    let base = header.reqseq.max(last_sent);
    let change = WaitingChange {
        drop_upto: q.req,
        dummy: header.reqseq,
        renumber_from: Some(base.saturating_add(1)),
    };
    change.check_room(waiting)?;
    Ok(ResyncOutcome {
        numbers: Numbers {
            req: header.reqseq,
            srv: header.srvseq,
            imp: header.impseq,
        },
        last_sent: base,
        srv_goes_back: header.srvseq < q.srv,
        waiting: change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FixedRecord;

    const HEADER: ResyncHeader = ResyncHeader {
        impseq: 3,
        reqseq: 18,
        srvseq: 80,
    };

    fn q(req: u32, srv: u32, imp: u32) -> Numbers {
        Numbers { req, srv, imp }
    }

    // rule: dec:TV-DEC-6
    // rule: dec:DEC-043
    #[test]
    fn a_file_below_the_own_numbers_is_refused() {
        let outcome = judge_resync(q(18, 95, 3), 18, 0, HEADER, false, false).unwrap();
        assert_eq!(outcome.numbers, q(18, 80, 3));
        assert!(outcome.srv_goes_back);
        for numbers in [q(19, 80, 3), q(18, 80, 4)] {
            let refusal = judge_resync(numbers, 19, 0, HEADER, false, false);
            assert!(matches!(refusal, Err(ResyncRefusal::Older { .. })));
            let forced = judge_resync(numbers, 19, 0, HEADER, false, true).unwrap();
            assert_eq!(forced.numbers, q(18, 80, 3));
        }
    }

    // rule: dec:TV-DEC-6
    // rule: dec:DEC-042
    // rule: dsp:R-IMP-008
    #[test]
    fn waiting_transactions_are_kept_above_the_header() {
        let outcome = judge_resync(q(12, 80, 3), 14, 2, HEADER, false, false).unwrap();
        let mut renumber = outcome.waiting.renumber();
        assert_eq!([12, 13, 14].map(&mut renumber), [None, Some(19), Some(20)]);
        assert_eq!((outcome.waiting.dummy, outcome.last_sent), (18, 18));
        // 25 was sent already: a late reply to that request must not touch the new numbers.
        let outcome = judge_resync(q(12, 80, 3), 25, 2, HEADER, false, false).unwrap();
        assert_eq!(outcome.waiting.renumber()(13), Some(26));
        assert_eq!(outcome.numbers.req, 18);
    }

    // rule: dec:DEC-044
    // rule: dsp:R-IMP-009
    #[test]
    fn on_the_server_itself_it_is_always_refused() {
        let refusal = judge_resync(q(0, 0, 0), 0, 0, HEADER, true, true);
        assert_eq!(refusal, Err(ResyncRefusal::OnServer));
    }

    fn record(req: u32, srv: u32, imp: u32) -> SrvConfRecord {
        let mut record = SrvConfRecord::zeroed();
        record.state = 1;
        record.req_sync.set(req);
        record.srv_sync.set(srv);
        record.imp_sync.set(imp);
        record
    }

    // rule: imp:TV-RSX-1
    // rule: imp:R-RSX-004
    // rule: imp:R-RSX-005
    #[test]
    fn an_agent_takes_the_highest_of_those_named_or_of_all() {
        // A: imp 3, srv 100, req 40; B: imp 5, srv 90, req 70. Only A is named.
        let mut records = vec![record(40, 100, 3), record(70, 90, 5)];
        let named = agent_resync_header(&records, |record| record.req_sync.get() == 40);
        let numbers = |header: ResyncHeader| (header.impseq, header.srvseq, header.reqseq);
        assert_eq!(numbers(named), (3, 100, 40));
        let all = agent_resync_header(&records, |_| true);
        assert_eq!(numbers(all), (5, 100, 70));
        // B was not named: it refuses the first file and takes the second.
        let b = q(70, 90, 5);
        assert!(judge_resync(b, 70, 0, named, false, false).is_err());
        assert!(judge_resync(b, 70, 0, all, false, false).is_ok());
        records[1].state = 0;
        assert_eq!(agent_resync_header(&records, |_| true), named);
        assert_eq!(
            agent_resync_header(&records, |_| false),
            ResyncHeader::default()
        );
    }

    // rule: dec:DEC-040
    // rule: dsp:R-IMP-007
    // rule: dsp:R-EXC-003
    // rule: imp:TV-RSY-1
    // rule: imp:R-RSY-003
    #[test]
    fn the_header_fits_every_requestor() {
        // The LISTDS sample of Q96060, with import numbers.
        let mut records = vec![record(17, 80, 1), record(18, 0, 3), record(12, 71, 2)];
        assert_eq!(resync_header(&records, Some(0), 80), (HEADER, true));
        let (behind, agree) = resync_header(&records, Some(0), 75);
        assert_eq!((behind.srvseq, agree), (75, false));
        // Above s.Sync nothing was ever sent: whoever began there would miss what comes next.
        let (ahead, agree) = resync_header(&records, Some(0), 95);
        assert_eq!((ahead.srvseq, agree), (80, false));
        records[1].state = 0;
        assert_eq!(resync_header(&records, Some(0), 80).0.reqseq, 17);
    }
}
