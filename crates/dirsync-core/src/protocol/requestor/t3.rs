//! T3: the requestor takes what waits in its system mailbag (dsp 6.2, DEC-037, DEC-038).
//!
//! All accepted replies together are one plan and one commit (DEC-057). Their entries go to
//! SRVTRANS in the order of the parts; import and rebuild follow as steps of their own.

use crate::base::UnixTime;
use crate::base::logline::LogSeverity;
use crate::format::reqconf::{ReqConfRecord, req_options};

use super::{BANNER, Requestor, Waiting};
use crate::protocol::log::{Diary, IMPORT_BEHIND, LogLine, SERVER_AHEAD};
use crate::protocol::message::{Disposition, Half, Incoming, Reply, Route, route};
use crate::protocol::numbers::{
    Ack, NumbersExhausted, Verdict, WaitingChange, acknowledge, judge, order,
};
use crate::protocol::unit::Usable;

/// A message of the system mailbag, in order of arrival.
#[derive(Debug, Clone)]
pub struct T3Message {
    /// Its body.
    pub message: Incoming,
    /// How much of its attachment can be used ([`crate::protocol::unit::Scan`]).
    pub usable: Usable,
}

/// Which entries of an attachment apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    records: u32,
    above: u32,
    lists: bool,
}

impl Take {
    /// Whether the record at a place (from 0) with a number applies. Entries numbered 0 are lists
    /// of an import reply and always apply there (DEC-032).
    #[must_use]
    pub fn takes(&self, place: u32, number: u32) -> bool {
        place < self.records && (number > self.above || (self.lists && number == 0))
    }
}

/// The entries of one reply that go to SRVTRANS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Index of the message.
    pub message: usize,
    /// Which entries.
    pub take: Take,
}

/// What T3 would do.
#[derive(Debug, Clone)]
pub struct T3Plan {
    /// REQCONF with the new numbers.
    pub conf: ReqConfRecord,
    /// How REQTRANS is rewritten.
    pub waiting: Option<WaitingChange>,
    /// What goes to SRVTRANS, in order.
    pub parts: Vec<Part>,
    /// What becomes of each message, by index.
    pub dispositions: Vec<Disposition>,
    /// The log; message 105 comes from [`T3Plan::received`] once the entries are counted.
    pub diary: Diary,
    /// An import reply is among the parts.
    pub has_import: bool,
}

impl T3Plan {
    /// `Requestor updates received: n` (message 105).
    #[must_use]
    pub fn received(count: u32) -> LogLine {
        LogLine::message(105, count.to_string())
    }
}

impl Requestor {
    /// Plans T3.
    ///
    /// # Errors
    /// [`NumbersExhausted`]: the server is so far ahead that what waits here has no numbers left.
    pub fn t3(
        &self,
        messages: &[T3Message],
        waiting: &Waiting,
        now: UnixTime,
    ) -> Result<T3Plan, NumbersExhausted> {
        let mut plan = T3Plan {
            conf: self.conf.clone(),
            waiting: None,
            parts: Vec::new(),
            dispositions: Vec::with_capacity(messages.len()),
            diary: Diary::default(),
            has_import: false,
        };
        plan.diary.status(BANNER);
        let mut replies = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let disposition = match self.classify(&message.message, &mut plan.diary) {
                Class::Reply(reply) => {
                    replies.push((index, reply));
                    Disposition::Remove
                }
                Class::Other(disposition) => disposition,
            };
            plan.dispositions.push(disposition);
        }
        let heads: Vec<_> = replies.iter().map(|(_, reply)| reply.head).collect();
        let mut numbers = self.numbers();
        let mut last_sent = self.highest_known();
        for place in order(&heads) {
            let (index, reply) = replies[place];
            let usable = messages[index].usable;
            let verdict = judge(numbers, &reply.head, self.is_server);
            if verdict == Verdict::Stale {
                self.note_stale(reply, numbers.imp, &mut plan.diary);
                continue;
            }
            if !usable.complete {
                plan.diary.message(
                    if usable.records == 0 { 116 } else { 124 },
                    reply.server.to_string(),
                );
                // Lists that are not whole would delete names; and an echo taken from such a
                // reply would end the state in which the next request asks for them again.
                if verdict == Verdict::Import {
                    plan.diary
                        .status("The import reply is damaged and was not applied; ask again");
                    continue;
                }
            }
            plan.conf.set(req_options::RESYNC, false);
            let ack = acknowledge(numbers.req, last_sent, reply.head.req);
            if let Ack::ServerAhead(base) = ack {
                let text = format!("The server has {base} where {last_sent} was sent last:");
                let server = reply.server.to_string();
                plan.diary.notice(SERVER_AHEAD, &server, &text);
            }
            plan.waiting = WaitingChange::add(plan.waiting, ack, &mut numbers.req, &mut last_sent);
            let reached = if usable.complete {
                reply.head.srv
            } else {
                usable.highest
            };
            let take = match verdict {
                Verdict::Import => Some((0, true)),
                Verdict::Update { above } => Some((above, false)),
                _ => None,
            };
            if let Some((above, lists)) = take.filter(|_| usable.records > 0) {
                plan.parts.push(Part {
                    message: index,
                    take: Take {
                        records: usable.records,
                        above,
                        lists,
                    },
                });
            }
            plan.has_import |= verdict == Verdict::Import;
            numbers = verdict.numbers_after(numbers, &reply.head, reached);
        }
        if let Some(change) = plan.waiting {
            change.check_room(waiting.unconfirmed)?;
        }
        numbers.store(&mut plan.conf);
        plan.conf.last_sent.set(last_sent);
        plan.conf.last_t3.set(now.0);
        Ok(plan)
    }

    fn classify<'a>(&self, message: &'a Incoming, diary: &mut Diary) -> Class<'a> {
        let half = if self.is_server {
            Half::RequestorOnServer
        } else {
            Half::Requestor
        };
        match (route(message, half), message) {
            (Route::Leave, _) => Class::Other(Disposition::Leave),
            (Route::Take, Incoming::Reply(reply)) => {
                let stranger = match (reply.server.party(), self.server()) {
                    (Some(sender), Some((server, _))) => sender != server,
                    (None, Some(_)) => !reply.server.is_empty(),
                    (_, None) => true,
                };
                let not_ours = match reply.to.party() {
                    Some(party) => party != self.party(),
                    None => !reply.to.is_empty(),
                };
                if stranger || not_ours {
                    // Numbers of another server would be taken for ours (ASSIGNED).
                    diary.message(133, reply.server.to_string());
                    return Class::Other(Disposition::Administrator);
                }
                Class::Reply(reply)
            }
            (Route::Administrator(154), _) | (Route::Take, _) => {
                diary.lines.push(LogLine {
                    severity: LogSeverity::Warning,
                    ..LogLine::message(154, "")
                });
                Class::Other(Disposition::Administrator)
            }
            (Route::Administrator(code), message) => {
                let name = match message {
                    Incoming::Request(request) => request.name.to_string(),
                    Incoming::Status(name)
                    | Incoming::UnknownTask(name)
                    | Incoming::NoTask(name)
                    | Incoming::Malformed(name) => name.to_string(),
                    Incoming::Reply(_) | Incoming::Foreign => String::new(),
                };
                diary.message(code, if code == 161 { String::new() } else { name });
                Class::Other(Disposition::Administrator)
            }
        }
    }

    fn note_stale(&self, reply: &Reply, imp: u32, diary: &mut Diary) {
        let text = format!(
            "Reply dropped, its import number {} is below {imp}:",
            reply.head.imp
        );
        if reply.head.imp == 0 {
            // The server has a new record for us; every reply will be dropped.
            diary.notice(IMPORT_BEHIND, &reply.server.to_string(), &text);
        } else {
            diary.status(format!("{text} {}", reply.server));
        }
    }
}

enum Class<'a> {
    Reply(&'a Reply),
    Other(Disposition),
}
