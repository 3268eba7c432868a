//! A postoffice as a requestor: the state machine, and what carries out its plans in memory.

use std::sync::Arc;

use dirsync_core::base::{Entry, PoName, Scope, Transaction, UnixTime};
use dirsync_core::format::body::Body;
use dirsync_core::format::field::Password;
use dirsync_core::format::reqconf::ReqConfRecord;
use dirsync_core::format::transactions::ResyncHeader;
use dirsync_core::protocol::log::Diary;
use dirsync_core::protocol::message::{Disposition, Incoming};
use dirsync_core::protocol::numbers::WaitingChange;
use dirsync_core::protocol::record::NewRecord;
use dirsync_core::protocol::requestor::{ExportScan, Member, ReqTrans, Requestor, Waiting, change};
use dirsync_core::protocol::server::register;

use super::Res;
use super::lists::{List, apply, key, owner, removal};
use super::mail::{Mail, each};
use super::sabotage::Rule;
use super::script::{Change, Start};

/// A postoffice.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: usize,
    /// The names of all, by place.
    names: Arc<[PoName]>,
    pub(super) requestor: Requestor,
    /// REQTRANS.
    pub(super) reqtrans: Vec<NewRecord>,
    /// The local users.
    members: List2,
    /// Deleted ones, who may come again.
    gone: Vec<Member>,
    /// The lists of the others, by place; the own one stays empty.
    pub(super) lists: Vec<List>,
    /// The lists hold entries up to this number although q.S may be lower: RESYNC.GLB says the
    /// lower of two numbers (DEC-040), and the entries between come again. A ghost.
    pub(super) ahead: u32,
    /// Entries were purged before it had them: its lists have holes until all come anew as of this
    /// number or later. A ghost.
    pub(super) holed: Option<u32>,
    /// What T3 took and the import has not applied yet.
    pub(super) queue: Vec<Transaction>,
    /// The system mailbag.
    pub(super) mailbag: Vec<Mail>,
}

type List2 = std::collections::BTreeMap<Vec<u8>, Member>;

/// What a T3 did.
#[derive(Debug, Default)]
pub(super) struct Took {
    pub(super) diary: Diary,
    /// The guard holds it.
    pub(super) held: bool,
    /// Lists of an import reply were taken: q.S may have gone back.
    pub(super) import: bool,
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Node {
    pub(super) fn new(place: usize, names: &Arc<[PoName]>, start: &Start) -> Res<Self> {
        let (own, server) = (names[place], names[0]);
        let mut conf = ReqConfRecord::fresh();
        register(&mut conf, server, Password::default());
        conf.limit_kb.set(u32::from(start.limit_kb));
        Ok(Self {
            place,
            names: Arc::clone(names),
            requestor: Requestor {
                own,
                conf,
                is_server: place == 0,
            },
            reqtrans: Vec::new(),
            members: List2::new(),
            gone: Vec::new(),
            lists: vec![List::new(); names.len()],
            ahead: 0,
            holed: None,
            queue: Vec::new(),
            mailbag: Vec::new(),
        })
    }

    /// What the others should hold.
    pub(super) fn participating(&self) -> List {
        self.members
            .values()
            .filter(|member| member.takes_part)
            .map(|member| (key(&member.entry), member.entry.clone()))
            .collect()
    }

    pub(super) fn waiting(&self) -> Waiting {
        let mut waiting = Waiting::of(&self.requestor);
        for record in &self.reqtrans {
            waiting.see(&record.record());
        }
        waiting
    }

    fn entry(&self, alias: &str, mailbox: &str) -> Res<Entry> {
        let own = self.requestor.own;
        Ok(Entry {
            alias: alias.parse().map_err(failed)?,
            address: format!("PCM:{own}/{mailbox}").parse().map_err(failed)?,
        })
    }

    fn pick(&self, pick: u16) -> Option<Member> {
        let n = usize::from(pick) % self.members.len().max(1);
        self.members.values().nth(n).cloned()
    }

    /// Adds users without a transaction; an Export follows.
    pub(super) fn fill(&mut self, users: u16) -> Res<()> {
        for user in 0..users {
            let alias = format!("first{user} of {}", self.requestor.own);
            let entry = self.entry(&alias, &format!("f{user}"))?;
            let member = Member {
                entry,
                takes_part: true,
                info: Vec::new(),
            };
            self.members.insert(key(&member.entry), member);
        }
        Ok(())
    }

    /// A change of T0.
    pub(super) fn change(&mut self, how: &Change, now: UnixTime) -> Res<()> {
        let (before, after) = match *how {
            Change::Add { name, takes_part } => {
                let alias = format!("u{name} of {}", self.requestor.own);
                let member = Member {
                    entry: self.entry(&alias, &format!("u{name}"))?,
                    takes_part,
                    info: Vec::new(),
                };
                (None, Some(member))
            }
            Change::AddAgain { pick } if !self.gone.is_empty() => {
                let member = self.gone.remove(usize::from(pick) % self.gone.len());
                (None, Some(member))
            }
            Change::AddAgain { .. } => return Ok(()),
            Change::DeleteMost => {
                while self.members.len() > 2 {
                    self.change(&Change::Delete { pick: 0 }, now)?;
                }
                return Ok(());
            }
            Change::Delete { pick } => (self.pick(pick), None),
            Change::Move { pick, name } => {
                let Some(before) = self.pick(pick) else {
                    return Ok(());
                };
                let alias = before.entry.alias.to_string();
                let after = Member {
                    entry: self.entry(&alias, &format!("m{name}"))?,
                    ..before.clone()
                };
                (Some(before), Some(after))
            }
            Change::Rename { pick, name } => {
                let Some(before) = self.pick(pick) else {
                    return Ok(());
                };
                let mut after = before.clone();
                after.entry.alias = format!("n{name} of {}", self.requestor.own)
                    .parse()
                    .map_err(failed)?;
                (Some(before), Some(after))
            }
            Change::Toggle { pick } => {
                let Some(before) = self.pick(pick) else {
                    return Ok(());
                };
                let mut after = before.clone();
                after.takes_part = !before.takes_part;
                (Some(before), Some(after))
            }
        };
        if before.is_none() && after.is_none() {
            return Ok(());
        }
        let taken = after.as_ref().is_some_and(|after| {
            let same = before
                .as_ref()
                .is_some_and(|b| key(&b.entry) == key(&after.entry));
            !same && self.members.contains_key(&key(&after.entry))
        });
        if taken {
            return Ok(());
        }
        if let Some(before) = &before {
            self.members.remove(&key(&before.entry));
            if after.is_none() {
                self.gone.push(before.clone());
            }
        }
        if let Some(after) = &after {
            self.members.insert(key(&after.entry), after.clone());
        }
        if let Some(transaction) = change(before.as_ref(), after.as_ref()) {
            let mut appender = self.requestor.appender(&self.waiting(), now);
            self.reqtrans.extend(appender.dummy().cloned());
            let record = appender.append(&transaction).map_err(failed)?;
            self.reqtrans.extend(record);
        }
        Ok(())
    }

    pub(super) fn export(&mut self, now: UnixTime) -> Res<()> {
        let mut scan = ExportScan::of(&self.requestor);
        for record in &self.reqtrans {
            scan.see(&record.record());
        }
        let mut plan = self.requestor.export(Some(&scan), now).map_err(failed)?;
        let keep = plan.keep;
        self.reqtrans.retain(|record| keep.keeps(&record.record()));
        self.reqtrans.extend(plan.replace().map_err(failed)?);
        for member in self.members.values() {
            self.reqtrans.extend(plan.member(member).map_err(failed)?);
        }
        self.requestor.conf = plan.conf;
        Ok(())
    }

    pub(super) fn import_request(&mut self, now: UnixTime) -> Res<Mail> {
        let plan = self.requestor.import_request(now).map_err(failed)?;
        self.requestor.conf = plan.conf;
        Mail::new((self.place, 0), &plan.message, &[], now)
    }

    /// T1: the request. The status report is left out; nothing depends on it.
    pub(super) fn t1(&mut self, sabotage: Option<Rule>, now: UnixTime) -> Res<Mail> {
        let waiting = ReqTrans::Read(self.waiting());
        let plan = self.requestor.t1(waiting, true, false, now);
        self.reqtrans.extend(plan.dummy.clone());
        let sent: Vec<NewRecord> = self
            .reqtrans
            .iter()
            .filter(|record| plan.sends(&record.record()))
            .cloned()
            .collect();
        let request = plan
            .messages
            .iter()
            .find(|message| matches!(message.body(), Body::Request(_)))
            .ok_or("T1 made no request")?;
        let mail = Mail::new((self.place, 0), request, &sent, now)?;
        self.requestor.conf = plan.conf.clone();
        if sabotage == Some(Rule::Echo) {
            self.reqtrans.retain(|record| !plan.sends(&record.record()));
        }
        Ok(mail)
    }

    /// T3: the first commit. [`Node::import`] follows.
    pub(super) fn t3(&mut self, allow: bool, sabotage: Option<Rule>, now: UnixTime) -> Res<Took> {
        let mut messages = Vec::with_capacity(self.mailbag.len());
        for mail in &self.mailbag {
            let mut message = mail.for_requestor()?;
            if sabotage == Some(Rule::Hole)
                && let Incoming::Reply(reply) = &mut message.message
            {
                reply.head.was = 0;
            }
            messages.push(message);
        }
        let before = self.requestor.numbers();
        let plan = self
            .requestor
            .t3(&messages, &self.waiting(), now)
            .map_err(failed)?;
        let mut brought = Vec::new();
        for part in &plan.parts {
            let Some(bytes) = self
                .mailbag
                .get(part.message)
                .and_then(|m| m.attachment.as_deref())
            else {
                continue;
            };
            let mut place = 0;
            each(bytes, |record| {
                if part.take.takes(place, record.head.sync) && !record.is_dummy() {
                    brought.push(Transaction::parse(record.text).map_err(|e| format!("{e:?}"))?);
                }
                place += 1;
                Ok(())
            })?;
        }
        let mut took = Took {
            import: plan.has_import,
            ..Took::default()
        };
        if !allow && self.is_bulk(&brought) {
            took.held = true;
            return Ok(took);
        }
        self.queue.extend(brought);
        let imports = plan
            .parts
            .iter()
            .filter_map(|part| match &messages[part.message].message {
                Incoming::Reply(reply) if reply.head.import => Some(reply.head.srv),
                _ => None,
            });
        if imports.max() >= self.holed {
            self.holed = None;
        }
        if let Some(change) = plan.waiting {
            self.rewrite(change, now);
        }
        self.requestor.conf = plan.conf;
        took.diary = plan.diary;
        let mailbag = std::mem::take(&mut self.mailbag);
        for (mail, disposition) in mailbag.into_iter().zip(plan.dispositions) {
            match disposition {
                Disposition::Leave => self.mailbag.push(mail),
                Disposition::Remove => {}
                Disposition::Administrator => {
                    return Err(format!(
                        "{}: a reply went to the administrator",
                        self.requestor.own
                    ));
                }
            }
        }
        let after = self.requestor.numbers();
        if after.req < before.req || after.imp < before.imp {
            return Err(format!(
                "{}: {before:?} became {after:?}",
                self.requestor.own
            ));
        }
        if after.srv < before.srv && !took.import {
            return Err(format!(
                "{}: q.S went back without an import",
                self.requestor.own
            ));
        }
        Ok(took)
    }

    fn rewrite(&mut self, change: WaitingChange, now: UnixTime) {
        let mut renumber = change.renumber();
        let mut kept = vec![NewRecord::dummy(change.dummy, now)];
        for mut record in std::mem::take(&mut self.reqtrans) {
            if !record.record().is_dummy()
                && let Some(number) = renumber(record.number)
            {
                record.number = number;
                kept.push(record);
            }
        }
        self.reqtrans = kept;
    }

    fn place_of(&self, transaction: &Transaction) -> Option<usize> {
        let name = owner(transaction)?;
        let mut names = self.names.iter();
        names
            .position(|known| *known == name)
            .filter(|&place| place != self.place)
    }

    fn is_bulk(&self, brought: &[Transaction]) -> bool {
        if !self.lists.iter().any(|list| list.len() > 25) {
            return false;
        }
        let mut lists = self.lists.clone();
        for transaction in self.queue.iter().chain(brought) {
            if let Some(place) = self.place_of(transaction) {
                apply(&mut lists[place], transaction);
            }
        }
        let mut pairs = self.lists.iter().zip(&lists);
        pairs.any(|(old, new)| removal(old, new).is_bulk())
    }

    /// IMPORT: the queue is applied.
    pub(super) fn import(&mut self) {
        for transaction in std::mem::take(&mut self.queue) {
            if let Some(place) = self.place_of(&transaction) {
                apply(&mut self.lists[place], &transaction);
            }
        }
    }

    /// RESYNC.GLB is applied. A file that is refused because of its IMPSEQ is taken with
    /// `--accept-older` (DEC-058).
    pub(super) fn resync(
        &mut self,
        header: ResyncHeader,
        lists: &[Transaction],
        now: UnixTime,
    ) -> Res<Diary> {
        let plan = self
            .requestor
            .resync(header, &self.waiting(), true, now)
            .map_err(failed)?;
        self.rewrite(plan.waiting, now);
        self.requestor.conf = plan.conf;
        self.queue.extend(lists.iter().cloned());
        self.holed = None;
        self.import();
        Ok(plan.diary)
    }
}

impl Node {
    /// The list of a postoffice as it is held here.
    pub(super) fn list_of(&self, name: PoName) -> Option<&List> {
        let place = self.names.iter().position(|known| *known == name)?;
        self.lists.get(place)
    }

    /// All lists as transactions: R and its A lines for each (dsp R-IMP-005). The server has every
    /// requestor defined, so an R is said of a list of which nothing was heard yet.
    pub(super) fn all_lists(&self, names: &[PoName]) -> Vec<Transaction> {
        let mut all = Vec::new();
        let own = self.participating();
        for (place, list) in self.lists.iter().enumerate() {
            let list = if place == self.place { &own } else { list };
            all.push(Transaction::Replace {
                scope: Scope::pcm(names[place]),
            });
            all.extend(list.values().map(|entry| Transaction::Add {
                entry: entry.clone(),
                info: Vec::new(),
                options: Vec::new(),
            }));
        }
        all
    }
}
