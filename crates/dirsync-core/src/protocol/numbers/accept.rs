//! What a requestor does with the replies that wait: DEC-037 (acceptance) and DEC-038
//! (acknowledgement).

use super::{Numbers, NumbersExhausted, SYNC_LIMIT};

/// The numbers of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyHead {
    /// Import reply (all lists) or normal one.
    pub import: bool,
    /// The echo: last transaction the server has taken.
    pub req: u32,
    /// The master number the reply reaches.
    pub srv: u32,
    /// The number it starts after (0 for an import reply).
    pub was: u32,
    /// The import number.
    pub imp: u32,
}

/// The order in which waiting replies are looked at (DEC-037): by I, imports first, by S, by
/// arrival. Answers indexes into `heads`.
///
/// The old REQMAIN acted on the latest reply only, so that an import reply with a later normal
/// one behind it was lost (Q142841, dsp R-ORD-005).
#[must_use]
pub fn order(heads: &[ReplyHead]) -> Vec<usize> {
    let mut indexes: Vec<usize> = (0..heads.len()).collect();
    // The sort is stable, so arrival decides last.
    indexes.sort_by_key(|&index| {
        let head = &heads[index];
        (head.imp, !head.import, head.srv)
    });
    indexes
}

/// What becomes of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// (1) Its import number is below q.I: old mail, dropped whole; not even its echo counts.
    Stale,
    /// (2) An import reply that was applied before.
    OldImport,
    /// (3) An import reply: its lists and all its entries apply.
    Import,
    /// (3) An import reply on the server postoffice itself, whose lists are its own: only q.I.
    OwnImport,
    /// (4) It starts above q.S: entries in between are missing. The next T1 asks again.
    Hole,
    /// (5) Entries numbered above `above` apply.
    Update {
        /// q.S before.
        above: u32,
    },
}

/// Judges a reply by the rules of DEC-037; `is_server` on the server postoffice itself.
#[must_use]
pub fn judge(q: Numbers, head: &ReplyHead, is_server: bool) -> Verdict {
    if head.imp < q.imp {
        Verdict::Stale
    } else if head.import && head.imp == q.imp && head.srv <= q.srv {
        Verdict::OldImport
    } else if head.import && is_server && head.srv <= q.srv {
        Verdict::OwnImport
    } else if head.import {
        Verdict::Import
    } else if head.was > q.srv {
        Verdict::Hole
    } else {
        Verdict::Update { above: q.srv }
    }
}

impl Verdict {
    /// The numbers after the reply (q.R is the business of [`acknowledge`]). `reached` is the
    /// number up to which the reply's entries could be used: its `srv` unless it was damaged.
    #[must_use]
    pub fn numbers_after(self, q: Numbers, head: &ReplyHead, reached: u32) -> Numbers {
        match self {
            Self::Stale | Self::OldImport | Self::Hole => q,
            Self::OwnImport => Numbers { imp: head.imp, ..q },
            Self::Import => Numbers {
                imp: head.imp,
                srv: head.srv,
                ..q
            },
            Self::Update { .. } => Numbers {
                srv: q.srv.max(reached.min(head.srv)),
                ..q
            },
        }
    }

    /// Whether entries of the reply apply.
    #[must_use]
    pub fn applies(self) -> bool {
        matches!(self, Self::Import | Self::Update { .. })
    }
}

/// What an echo means for the waiting transactions (DEC-038).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// Nothing new.
    Nothing,
    /// Transactions up to this number are safe at the server.
    Confirmed(u32),
    /// The server counts further than was ever sent (restore, reset).
    ServerAhead(u32),
}

/// Reads an echo: `q_req` is q.R, `last_sent` the highest number ever put into a request.
#[must_use]
pub fn acknowledge(q_req: u32, last_sent: u32, echo: u32) -> Ack {
    if echo <= q_req {
        Ack::Nothing
    } else if echo <= last_sent.max(q_req) {
        Ack::Confirmed(echo)
    } else {
        Ack::ServerAhead(echo)
    }
}

/// How REQTRANS is rewritten: entries up to a number go, the rest is kept or numbered anew, a
/// dummy keeps the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingChange {
    /// Entries up to here are dropped.
    pub drop_upto: u32,
    /// Number of the dummy record that stands first.
    pub dummy: u32,
    /// The rest is numbered from here on, in order.
    pub renumber_from: Option<u32>,
}

impl WaitingChange {
    /// Adds what a further echo means to the change made so far. `q_req` and `last_sent` are
    /// brought up to date.
    pub(in crate::protocol) fn add(
        change: Option<Self>,
        ack: Ack,
        q_req: &mut u32,
        last_sent: &mut u32,
    ) -> Option<Self> {
        let before = change.unwrap_or(Self {
            drop_upto: *q_req,
            dummy: *q_req,
            renumber_from: None,
        });
        match ack {
            Ack::Nothing => change,
            // Cannot follow a renumbering: then q.R = last_sent.
            Ack::Confirmed(upto) => {
                *q_req = upto;
                Some(Self {
                    drop_upto: upto,
                    dummy: upto,
                    ..before
                })
            }
            Ack::ServerAhead(base) => {
                *q_req = base;
                *last_sent = base;
                Some(Self {
                    dummy: base,
                    renumber_from: Some(base.saturating_add(1)),
                    ..before
                })
            }
        }
    }

    /// The number after the last waiting entry, when `kept` entries remain.
    ///
    /// # Errors
    /// [`NumbersExhausted`] when the renumbering would pass the limit.
    pub fn check_room(&self, kept: u32) -> Result<(), NumbersExhausted> {
        match self.renumber_from {
            Some(from) if from.checked_add(kept).is_none_or(|end| end > SYNC_LIMIT) => {
                Err(NumbersExhausted)
            }
            _ => Ok(()),
        }
    }

    /// The numbers of the entries that are kept, given those of the file in order.
    ///
    /// The caller feeds the numbers of all records that are no dummies; `None` says that the
    /// record goes. Streaming: the state is one counter.
    pub fn renumber(self) -> impl FnMut(u32) -> Option<u32> {
        let mut next = self.renumber_from;
        move |number| {
            if number <= self.drop_upto {
                return None;
            }
            match &mut next {
                None => Some(number),
                Some(next) => {
                    let given = *next;
                    *next = next.saturating_add(1);
                    Some(given)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn update(was: u32, srv: u32, imp: u32) -> ReplyHead {
        ReplyHead {
            import: false,
            req: 0,
            srv,
            was,
            imp,
        }
    }

    fn import(srv: u32, imp: u32) -> ReplyHead {
        ReplyHead {
            import: true,
            ..update(0, srv, imp)
        }
    }

    const Q: Numbers = Numbers {
        req: 20,
        srv: 95,
        imp: 1,
    };

    // rule: dec:DEC-037
    // rule: dsp:R-T3-001
    // rule: dsp:R-T3-004
    #[test]
    fn the_five_rules() {
        for (head, server, verdict, srv, imp) in [
            (update(80, 120, 0), false, Verdict::Stale, 95, 1),
            (import(120, 0), false, Verdict::Stale, 95, 1),
            (import(95, 1), false, Verdict::OldImport, 95, 1),
            (import(96, 1), false, Verdict::Import, 96, 1),
            (import(90, 2), false, Verdict::Import, 90, 2),
            (import(90, 2), true, Verdict::OwnImport, 95, 2),
            (import(96, 2), true, Verdict::Import, 96, 2),
            (update(96, 99, 1), false, Verdict::Hole, 95, 1),
            (
                update(95, 99, 1),
                false,
                Verdict::Update { above: 95 },
                99,
                1,
            ),
            (
                update(80, 90, 1),
                false,
                Verdict::Update { above: 95 },
                95,
                1,
            ),
            // A normal reply with a higher I does not move q.I (DEC-033).
            (
                update(95, 99, 2),
                false,
                Verdict::Update { above: 95 },
                99,
                1,
            ),
        ] {
            let found = judge(Q, &head, server);
            assert_eq!(found, verdict, "{head:?}");
            let after = found.numbers_after(Q, &head, head.srv);
            assert_eq!(
                (after.req, after.srv, after.imp),
                (20, srv, imp),
                "{head:?}"
            );
        }
        assert_eq!(
            Verdict::Update { above: 95 }
                .numbers_after(Q, &update(95, 99, 1), 97)
                .srv,
            97
        );
    }

    // rule: dec:DEC-037
    // rule: dsp:R-ORD-005
    #[test]
    fn an_import_goes_before_updates_of_its_number() {
        let heads = [
            update(85, 95, 2),
            update(0, 50, 1),
            import(90, 2),
            update(0, 40, 1),
        ];
        assert_eq!(order(&heads), [3, 1, 2, 0]);
        assert_eq!(order(&[update(0, 5, 1), update(3, 5, 1)]), [0, 1]);
    }

    // rule: dec:TV-DEC-4
    #[test]
    fn a_late_import_reply() {
        let heads = [import(90, 2), update(85, 95, 2)];
        let mut q = Q;
        let mut verdicts = Vec::new();
        for index in order(&heads) {
            let verdict = judge(q, &heads[index], false);
            q = verdict.numbers_after(q, &heads[index], heads[index].srv);
            verdicts.push(verdict);
        }
        assert_eq!(verdicts, [Verdict::Import, Verdict::Update { above: 90 }]);
        assert_eq!((q.req, q.srv, q.imp), (20, 95, 2));
        // The import reply alone takes S back; the next request asks from there.
        let alone = judge(Q, &heads[0], false).numbers_after(Q, &heads[0], 90);
        assert_eq!((alone.srv, alone.imp), (90, 2));
    }

    fn rewrite(change: WaitingChange, numbers: &[u32]) -> Vec<u32> {
        let mut renumber = change.renumber();
        let kept = numbers.iter().filter_map(|&number| renumber(number));
        std::iter::once(change.dummy).chain(kept).collect()
    }

    // rule: dec:DEC-038
    // rule: dsp:R-T3-002
    #[test]
    fn an_echo_confirms_what_was_sent() {
        assert_eq!(acknowledge(17, 20, 17), Ack::Nothing);
        assert_eq!(acknowledge(17, 20, 3), Ack::Nothing);
        assert_eq!(acknowledge(17, 20, 20), Ack::Confirmed(20));
        assert_eq!(acknowledge(17, 20, 21), Ack::ServerAhead(21));
        assert_eq!(acknowledge(17, 0, 18), Ack::ServerAhead(18));
        // TV-T3-1: dummy 17, 18-21 waiting, 21 queued after T1.
        let (mut req, mut sent) = (17, 20);
        let change = WaitingChange::add(None, Ack::Confirmed(20), &mut req, &mut sent).unwrap();
        assert_eq!((req, sent), (20, 20));
        assert_eq!(rewrite(change, &[18, 19, 20, 21]), [20, 21]);
    }

    // rule: dec:TV-DEC-5
    #[test]
    fn a_server_that_is_ahead_renumbers_what_waits() {
        let (mut req, mut sent) = (17, 19);
        let ack = acknowledge(req, sent, 40);
        let change = WaitingChange::add(None, ack, &mut req, &mut sent).unwrap();
        assert_eq!((req, sent), (40, 40));
        assert_eq!(rewrite(change, &[18, 19]), [40, 41, 42]);
        // A second echo of the same run, further ahead still.
        let ack = acknowledge(req, sent, 50);
        let change = WaitingChange::add(Some(change), ack, &mut req, &mut sent).unwrap();
        assert_eq!(rewrite(change, &[18, 19]), [50, 51, 52]);
        assert_eq!(change.check_room(2), Ok(()));
        let full = WaitingChange {
            renumber_from: Some(SYNC_LIMIT - 1),
            ..change
        };
        assert_eq!(full.check_room(1), Ok(()));
        assert_eq!(full.check_room(2), Err(NumbersExhausted));
    }

    proptest! {
        // rule: dsp:R-ORD-014
        #[test]
        fn nothing_unconfirmed_is_ever_dropped(
            start in 0u32..50, steps in proptest::collection::vec(0u32..120, 0..12),
            sent_ahead in 0u32..20, waiting in 0u32..30,
        ) {
            let (mut req, mut sent) = (start, start + sent_ahead);
            let numbers: Vec<u32> = (start + 1..=start + waiting).collect();
            let mut change = None;
            let mut confirmed = start;
            for echo in steps {
                let ack = acknowledge(req, sent, echo);
                if let Ack::Confirmed(upto) = ack { confirmed = confirmed.max(upto); }
                change = WaitingChange::add(change, ack, &mut req, &mut sent);
            }
            if let Some(change) = change {
                let after = rewrite(change, &numbers);
                // What no echo confirmed is still there, in order, above the dummy.
                let kept = numbers.iter().filter(|&&number| number > confirmed).count();
                prop_assert_eq!(after.len(), kept + 1);
                prop_assert!(after.is_sorted() && after[0] == req);
                prop_assert!(sent >= req);
            }
        }
    }
}
