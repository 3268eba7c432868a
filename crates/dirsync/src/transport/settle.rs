//! What follows from how the links of a postoffice did, in one commit.
//!
//! * What is remembered of each link ([`super::book`]) is brought up to date.
//! * Mail of a link that failed goes to the next route by cost, if there is one that works (R-DB-012,
//!   R-Q-021). Mail of a secured link never does. A message moves only as a whole and only when its
//!   recipients are all of one postoffice: whatever became of an earlier attempt, the receiver's
//!   ledger then knows it again. A message of which it is not known whether the other side took it
//!   stays for this time.
//! * When the attempts are used up, what is left is returned: `[005]` (Q117152). System mail is not
//!   answered; the administrator is told.
//! * A message that has waited for longer than its priority allows, on a link that does not work, is
//!   returned (Q178539). A held link keeps its mail.
//! * A message that the other side did not take three times, or as often as the record of the
//!   postoffice says, is returned: `[005]` (Q119884). However often somebody tries, one attempt counts in
//!   five minutes of a link.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::core::base::address::{Address, PoName};
use crate::core::base::ident::{HexId, MailbagStem};
use crate::core::base::time::UnixTime;
use crate::core::format::key::MAILBAG_RECORDS_MAX;
use crate::core::format::mbg::{MBG_RECORD_LEN_BYTES, MbgRecord, Priority};
use crate::core::format::p1::P1;
use crate::postoffice::mail::BagEdit;
use crate::postoffice::stream::Report;
use crate::postoffice::{Edit, Identity, PoError};

use super::book::{
    EXPIRED, LinkBook, LinkEntry, LinkState, MESSAGE_INTERVAL_SECONDS, MESSAGE_RETRIES,
    lifetime_seconds,
};
use super::log;
use super::mailer::{find_part, free_part, load_strict};
use super::route::Routes;
use super::stuck::{Selection, give_back_because};

/// Offset of the number of attempts in an MBG record.
const RETRIES_OFFSET: usize = 82;

/// How a link did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkResult {
    /// The other side answered.
    Worked,
    /// It did not.
    Failed {
        /// Why.
        why: String,
        /// Whether this was an attempt: a tree that is busy or full is there.
        counted: bool,
    },
    /// Nobody tried.
    NotTried,
}

/// How the link of one outbound mailbag did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The mailbag.
    pub mailbag: u32,
    /// How it did.
    pub result: LinkResult,
    /// Stems of messages of which nobody knows whether the other side has them.
    pub in_doubt: Vec<u32>,
    /// Stems of messages that the other side did not take.
    pub refused: Vec<u32>,
}

/// What was done about one mailbag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledLink {
    /// The mailbag.
    pub mailbag: u32,
    /// What is remembered of the link now.
    pub link: LinkEntry,
    /// Messages that were given back to their senders.
    pub returned: u64,
    /// Messages that took another route.
    pub rerouted: u64,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// One for each mailbag.
    pub links: Vec<SettledLink>,
}

impl Settled {
    /// Messages that were given back.
    #[must_use]
    pub fn returned(&self) -> u64 {
        self.links.iter().map(|link| link.returned).sum()
    }

    /// Messages that took another route.
    #[must_use]
    pub fn rerouted(&self) -> u64 {
        self.links.iter().map(|link| link.rerouted).sum()
    }
}

/// Draws the consequences: prepares one commit.
///
/// # Errors
/// [`PoError::NoIdentity`], or a disk error: nothing is done then, the next run does all of it. A damaged
/// mailbag is reported, and what it holds stays.
pub fn settle(
    edit: &mut Edit<'_>,
    outcomes: &[Outcome],
    now: UnixTime,
    report: &mut Report<'_>,
) -> Result<Settled, PoError> {
    let view = edit.view();
    let own = Identity::read(view)?.name;
    let mut routes = Routes::load(view, own)?;
    let mut book = LinkBook::read(edit)?;
    let (mut used_up, mut counting) = (BTreeSet::new(), BTreeSet::new());
    let mut vias = Vec::with_capacity(outcomes.len());
    let mut session = String::new();
    let time = log::local_time(view, now);
    for outcome in outcomes {
        let via = routes.handed_to(HexId(outcome.mailbag))?;
        vias.push(via);
        let Some(via) = via else { continue };
        if book.of(&via).refusals_count(now) {
            if !outcome.refused.is_empty() {
                counting.insert(via);
                book.entry(via).refused_next = now.0.saturating_add(MESSAGE_INTERVAL_SECONDS);
            } else if book.of(&via).refused_next != 0 {
                book.entry(via).refused_next = 0;
            }
        }
        match &outcome.result {
            LinkResult::Worked if book.of(&via).state() != LinkState::Up => {
                book.entry(via).worked();
            }
            LinkResult::Failed { why, counted: true } => {
                if book.of(&via).is_due(now) {
                    for line in [
                        &format!("From: {own}"),
                        &format!("To: {via}"),
                        "Mail transfer failed.",
                    ] {
                        session.push_str(&log::session_line(time, line));
                    }
                }
                if book.entry(via).failed(now, why) {
                    used_up.insert(via);
                }
            }
            _ => {}
        }
    }
    routes.set_book(book.clone());
    let mut settling = Settling {
        routes,
        book: book.clone(),
        now,
    };
    let mut settled = Settled::default();
    let mut rid_of = Vec::new();
    for (outcome, via) in outcomes.iter().zip(vias) {
        let Some(via) = via else { continue };
        let attempt = Attempt {
            outcome,
            via,
            used_up: used_up.contains(&via),
            counts: counting.contains(&via),
        };
        let (done, refused) = settling.mailbag(edit, &attempt, report)?;
        if attempt.counts && refused == 0 {
            rid_of.push(via);
        }
        settled.links.push(done);
    }
    for via in rid_of {
        book.entry(via).refused_next = 0;
    }
    if !session.is_empty() {
        log::append(edit, log::SESSION, &session)?;
    }
    book.write(edit)?;
    Ok(settled)
}

/// What is done about one message.
enum Fate {
    /// It takes another route.
    Move(Moving),
    /// It is given back: nobody could be reached.
    Unreachable,
    /// It is given back: it waited too long.
    Expired,
    /// It was not taken: so many attempts so far.
    Refused(u16),
    /// It waits.
    Stay,
}

/// A message on its way to another mailbag.
struct Moving {
    index: usize,
    header: MbgRecord,
    old_part: String,
    envelope: P1,
    to: HexId,
}

/// One mailbag, and how its link did.
struct Attempt<'a> {
    outcome: &'a Outcome,
    /// The postoffice it is handed to.
    via: PoName,
    /// This was the last attempt.
    used_up: bool,
    /// A message that was not taken has tried once more.
    counts: bool,
}

struct Settling<'v> {
    routes: Routes<'v>,
    book: LinkBook,
    now: UnixTime,
}

impl Settling<'_> {
    /// What is done about one mailbag, and how many messages stay that the other side did not take.
    fn mailbag(
        &mut self,
        edit: &mut Edit<'_>,
        attempt: &Attempt<'_>,
        report: &mut Report<'_>,
    ) -> Result<(SettledLink, usize), PoError> {
        let (outcome, via) = (attempt.outcome, attempt.via);
        let mut refused = 0;
        let entry = self.book.of(&via);
        let mut done = SettledLink {
            mailbag: outcome.mailbag,
            link: entry.clone(),
            ..SettledLink::default()
        };
        let works = outcome.result == LinkResult::Worked;
        if works && outcome.refused.is_empty() {
            return Ok((done, refused));
        }
        let mailbag = HexId(outcome.mailbag);
        let stem = MailbagStem::Id(mailbag);
        let Some(bag) = load_strict(edit, stem, report)? else {
            return Ok((done, outcome.refused.len()));
        };
        let limit = match self.routes.retry_limit(&via)? {
            0 => MESSAGE_RETRIES,
            limit => u16::from(limit),
        };
        let (mut moving, mut expired, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for (index, header) in bag.live() {
            match self.fate(edit, attempt, &entry, index, &header)? {
                Fate::Move(one) => moving.push(one),
                Fate::Unreachable => lost.push(index),
                Fate::Expired => expired.push(index),
                Fate::Refused(attempts) if attempts >= limit => lost.push(index),
                Fate::Refused(attempts) => {
                    refused += 1;
                    let offset = (index * MBG_RECORD_LEN_BYTES + RETRIES_OFFSET) as u64;
                    edit.patch(&stem.mbg_path(), offset, &attempts.to_le_bytes())?;
                }
                Fate::Stay => {}
            }
        }
        // All indices are those of the mailbag as it is now: what leaves is only marked, and the pair
        // is reset when nothing is left.
        for (indices, code, detail) in
            [(lost, 5, hop_words(&via)), (expired, 1, EXPIRED.to_owned())]
        {
            if !indices.is_empty() {
                let selection = Selection {
                    indices,
                    ..Selection::default()
                };
                let back =
                    give_back_because(edit, stem, &selection, code, Some(&detail), self.now)?;
                done.returned += back.messages as u64;
            }
        }
        done.rerouted = reroute(edit, stem, moving, report)?;
        Ok((done, refused))
    }

    fn fate(
        &mut self,
        edit: &mut Edit<'_>,
        attempt: &Attempt<'_>,
        entry: &LinkEntry,
        index: usize,
        header: &MbgRecord,
    ) -> Result<Fate, PoError> {
        let outcome = attempt.outcome;
        let Ok(Some(stem)) = header.mai.get() else {
            return Ok(Fate::Stay);
        };
        if outcome.refused.contains(&stem.0) && !attempt.counts {
            return Ok(Fate::Stay);
        }
        if outcome.refused.contains(&stem.0) {
            return Ok(Fate::Refused(header.retries.get().saturating_add(1)));
        }
        let works = outcome.result == LinkResult::Worked;
        if works || entry.held || outcome.in_doubt.contains(&stem.0) {
            return Ok(Fate::Stay);
        }
        let failing = entry.state().is_failing();
        if failing
            && !entry.secured
            && let Some(moving) =
                self.other_way(edit, outcome.mailbag, &attempt.via, index, stem, header)?
        {
            return Ok(Fate::Move(moving));
        }
        if attempt.used_up {
            return Ok(Fate::Unreachable);
        }
        let lifetime = lifetime_seconds(Priority::from_byte(header.priority));
        let expired = header
            .date
            .seconds_utc()
            .is_some_and(|date| date != 0 && date.saturating_add(lifetime) < self.now.0);
        Ok(if expired { Fate::Expired } else { Fate::Stay })
    }

    /// The next route of a message by cost whose link works.
    fn other_way(
        &mut self,
        edit: &mut Edit<'_>,
        mailbag: u32,
        via: &PoName,
        index: usize,
        stem: HexId,
        header: &MbgRecord,
    ) -> Result<Option<Moving>, PoError> {
        let Some((old_part, envelope)) = find_part(edit, stem, HexId(mailbag))? else {
            return Ok(None);
        };
        let mut destinations = envelope
            .recipients
            .iter()
            .map(|recipient| Address::parse(recipient).ok().and_then(|to| to.po()));
        let Some(Some(to)) = destinations.next() else {
            return Ok(None);
        };
        if destinations.any(|other| other != Some(to)) {
            return Ok(None);
        }
        let from = envelope
            .trace
            .last()
            .and_then(|from| PoName::parse(from).ok());
        let best = self
            .routes
            .candidates(&to, from.as_ref())?
            .into_iter()
            .next();
        Ok(best
            .filter(|way| {
                way.via != *via && way.link.state() == LinkState::Up && from != Some(way.via)
            })
            .map(|way| Moving {
                index,
                header: header.clone(),
                old_part,
                envelope,
                to: way.mailbag,
            }))
    }
}

/// `NET /PO`, as `[005]` names a destination.
fn hop_words(via: &PoName) -> String {
    let text = via.to_string();
    text.replacen('/', " /", 1)
}

/// Moves messages to other mailbags; those that find no room there stay.
fn reroute(
    edit: &mut Edit<'_>,
    from: MailbagStem,
    moving: Vec<Moving>,
    report: &mut Report<'_>,
) -> Result<u64, PoError> {
    let mut by_target: BTreeMap<HexId, Vec<Moving>> = BTreeMap::new();
    for one in moving {
        by_target.entry(one.to).or_default().push(one);
    }
    let mut gone = Vec::new();
    for (target, messages) in by_target {
        let Some(mut bag) = load_strict(edit, MailbagStem::Id(target), report)? else {
            continue;
        };
        let mut headers = Vec::new();
        for one in messages {
            let room = bag.live_count() + headers.len() < MAILBAG_RECORDS_MAX;
            if !room || bag.names(one.envelope.stem) {
                continue;
            }
            let Some(path) = free_part(edit, one.envelope.stem, target)? else {
                continue;
            };
            let part = P1 {
                mailbag: Some(target),
                ..one.envelope
            };
            let bytes = match part.encode() {
                Ok(bytes) => bytes,
                // It stays where it is, and the others move.
                Err(error) => {
                    let why = format!("{}: {error} [024]", one.old_part);
                    report(super::link::stuck(from.mbg_path(), None, why));
                    continue;
                }
            };
            edit.remove(&one.old_part)?;
            edit.write(&path, bytes)?;
            headers.push(MbgRecord {
                retries: 0.into(),
                ..one.header
            });
            gone.push(one.index);
        }
        bag.append(edit, &headers)?;
    }
    if !gone.is_empty() {
        // One record fewer there, one more here: the counter of the message stays.
        BagEdit::load(edit, from)?.mark_deleted(edit, &gone)?;
    }
    Ok(gone.len() as u64)
}
