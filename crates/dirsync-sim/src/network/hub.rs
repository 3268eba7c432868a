//! The directory server: the state machine with its master list in memory, and T2.
//!
//! T2 stops after as many commits as it is told (DEC-057): one for each message, one for each
//! answer, one for the purge.

use dirsync_core::base::{MailboxName, PoName, Transaction, UnixTime};
use dirsync_core::format::field::Password;
use dirsync_core::format::reqconf::ReqConfRecord;
use dirsync_core::format::transactions::ResyncHeader;
use dirsync_core::protocol::log::Diary;
use dirsync_core::protocol::message::{Disposition, Incoming, Party};
use dirsync_core::protocol::numbers::resync_header;
use dirsync_core::protocol::record::NewRecord;
use dirsync_core::protocol::server::{
    Answer, OwnLists, Passed, Purge, ReceiveUnit, Server, Step, T2Message, TransmitUnit,
};

use super::Res;
use super::lists::{apply, owner, removal};
use super::mail::{Mail, each};
use super::node::Node;
use super::sabotage::Rule;

/// The server.
#[derive(Debug, Clone)]
pub(super) struct Hub {
    pub(super) server: Server,
    /// MSTTRANS.
    pub(super) master: Vec<NewRecord>,
    /// Everything that was ever in it: number n stands at n − 1. A ghost that the server does not
    /// see.
    pub(super) history: Vec<Transaction>,
    /// The last number taken from each requestor, by record: a ghost.
    taken: Vec<u32>,
}

/// How a T2 goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct T2How {
    /// It stops after so many commits.
    pub(super) stop: Option<u16>,
    /// The server's lists cannot be brought up to date.
    pub(super) lists_busy: bool,
    /// What the guard holds is allowed.
    pub(super) allow: bool,
    pub(super) sabotage: Option<Rule>,
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Commits that are left.
struct Left(Option<u16>);

impl Left {
    /// Whether one more may be made.
    fn take(&mut self) -> bool {
        match &mut self.0 {
            None => true,
            Some(0) => false,
            Some(n) => {
                *n -= 1;
                true
            }
        }
    }
}

impl Hub {
    pub(super) fn new(names: &[PoName], keep_days: u16, auto_import: bool) -> Res<Self> {
        let on = Server::switch_on(names[0], &ReqConfRecord::fresh()).map_err(failed)?;
        let mut server = on.server;
        server.auto_import = auto_import;
        server.header.keep_updates.set(keep_days);
        let mut hub = Self {
            server,
            master: Vec::new(),
            history: Vec::new(),
            taken: vec![0],
        };
        for &name in &names[1..] {
            hub.register(name)?;
        }
        Ok(hub)
    }

    fn register(&mut self, name: PoName) -> Res<()> {
        let party = Party::postoffice(name);
        let (system, password) = (MailboxName::system(), Password::default());
        let index = self
            .server
            .create_requestor(party, system, password)
            .map_err(failed)?;
        if self.taken.len() <= index {
            self.taken.resize(index + 1, 0);
        }
        self.taken[index] = 0;
        Ok(())
    }

    /// The record is deleted and created again (dsp R-ORD-010).
    pub(super) fn reregister(&mut self, name: PoName) -> Res<()> {
        let party = Party::postoffice(name);
        self.server.delete_requestor(party).map_err(failed)?;
        self.register(name)
    }

    fn place_of(&self, index: usize) -> Res<PoName> {
        let record = self.server.records.get(index).ok_or("no such record")?;
        Party::of_record(record)
            .and_then(|party| party.name())
            .ok_or_else(|| "a record without a name".to_owned())
    }

    /// T2. `nodes[0]` is the server's postoffice. Gives the replies and what was said.
    pub(super) fn t2(
        &mut self,
        own: &mut Node,
        names: &[PoName],
        how: T2How,
        now: UnixTime,
    ) -> Res<(Vec<Mail>, Vec<Diary>)> {
        let mut left = Left(how.stop);
        let mut said = Vec::new();
        let mut replies = Vec::new();
        let last_run = UnixTime(self.server.header.last_receive.get());
        let (header, diary) = self.server.begin_receive(now);
        self.server.header = header;
        said.push(diary);
        let held = self.receive(own, &mut left, how, (last_run, now), &mut said)?;
        if left.0 == Some(0) {
            return Ok((replies, said));
        }
        let lists = if how.lists_busy && !own.queue.is_empty() {
            OwnLists::Unapplied
        } else {
            own.import();
            OwnLists::Ready(own.requestor.numbers().srv)
        };
        let (mut served, mut answered) = (Vec::new(), false);
        for index in self.server.due() {
            if !left.take() {
                return Ok((replies, said));
            }
            let Some((unit, attachment)) = self.answer(index, lists, own, names, how, now)? else {
                continue;
            };
            self.server.apply_answer(&unit);
            answered |= unit.answered;
            served.extend(unit.served);
            if let Some(message) = &unit.message {
                let name = self.place_of(index)?;
                let to = names.iter().position(|known| *known == name);
                let to = to.ok_or("a reply to nobody")?;
                replies.push(Mail::new((0, to), message, &attachment, now)?);
            }
            said.push(unit.diary);
        }
        if left.take() {
            let own_srv = own.requestor.numbers().srv;
            self.purge(answered, &served, own_srv, &held, how, now)?;
            self.server.header = self.server.end_transmit(now);
        }
        Ok((replies, said))
    }

    fn receive(
        &mut self,
        own: &mut Node,
        left: &mut Left,
        how: T2How,
        (last_run, now): (UnixTime, UnixTime),
        said: &mut Vec<Diary>,
    ) -> Res<Vec<usize>> {
        let mut messages = Vec::with_capacity(own.mailbag.len());
        for mail in &own.mailbag {
            messages.push(mail.for_server()?);
        }
        let order = Server::order(&messages);
        let held = if how.allow {
            Vec::new()
        } else {
            self.judge(own, &messages, &order)?
        };
        let mut stays = vec![false; messages.len()];
        for index in order {
            if let Some(record) = self.requestor_of(&messages[index])
                && held.contains(&record)
            {
                stays[index] = true;
                continue;
            }
            if !matches!(messages[index].message, Incoming::Request(_)) {
                stays[index] = true;
                continue;
            }
            if !left.take() {
                stays[index] = true;
                continue;
            }
            let unit = self.take(&messages[index], &own.mailbag[index], how, (last_run, now))?;
            if unit.disposition != Disposition::Remove {
                return Err("a request was not taken".to_owned());
            }
            said.push(unit.diary);
        }
        let mut stays = stays.into_iter();
        own.mailbag.retain(|_| stays.next().unwrap_or(true));
        Ok(held)
    }

    fn requestor_of(&self, message: &T2Message) -> Option<usize> {
        match &message.message {
            Incoming::Request(request) => self.server.find(request.name.party()?),
            _ => None,
        }
    }

    /// One message.
    fn take(
        &mut self,
        message: &T2Message,
        mail: &Mail,
        how: T2How,
        (last_run, now): (UnixTime, UnixTime),
    ) -> Res<ReceiveUnit> {
        let again = how.sabotage == Some(Rule::Again);
        let mut falsified = self.server.clone();
        if again && let Some(record) = self.requestor_of(message) {
            falsified.records[record].req_sync.set(0);
        }
        let mut appended = Vec::new();
        let mut numbers = Vec::new();
        let mut unit = match falsified.open(message, last_run, now).map_err(failed)? {
            Step::Done(unit) => *unit,
            Step::Take(mut intake) => {
                if let Some(bytes) = &mail.attachment {
                    each(bytes, |record| {
                        let head = record.head;
                        let taken = intake
                            .entry(head.sync, head.date, record.text)
                            .map_err(failed)?;
                        if taken.is_some() {
                            numbers.push(head.sync);
                        }
                        appended.extend(taken);
                        Ok(())
                    })?;
                }
                intake.finish()
            }
        };
        if let Some((index, record)) = &mut unit.record {
            let before = self.server.records[*index].req_sync.get();
            if again {
                record.req_sync.set(record.req_sync.get().max(before));
                // Nobody is told of it.
                unit.diary.notices.clear();
            }
            if record.req_sync.get() < before {
                return Err(format!("s[{index}].R went back"));
            }
            for number in numbers {
                if number <= self.taken[*index] && !again {
                    return Err(format!(
                        "transaction {number} of record {index} taken twice"
                    ));
                }
                self.taken[*index] = number;
            }
        }
        for record in &appended {
            if u32::try_from(self.history.len()) != Ok(record.number - 1) {
                return Err(format!("master number {} is out of turn", record.number));
            }
            let transaction = Transaction::parse(&record.text).map_err(|e| format!("{e:?}"))?;
            self.history.push(transaction);
        }
        self.master.extend(appended);
        self.server.apply(&unit);
        Ok(unit)
    }

    /// The guard of T2: which records it holds.
    fn judge(&self, own: &Node, messages: &[T2Message], order: &[usize]) -> Res<Vec<usize>> {
        let mut held = Vec::new();
        if self.master.len()
            + own
                .lists
                .iter()
                .map(std::collections::BTreeMap::len)
                .sum::<usize>()
            < 26
        {
            return Ok(held);
        }
        for (index, record) in self.server.records.iter().enumerate() {
            let Some(name) = Party::of_record(record).and_then(|party| party.name()) else {
                continue;
            };
            if name == self.server.own {
                continue;
            }
            let mut taken = record.req_sync.get();
            let mut transactions = Vec::new();
            for &place in order {
                if self.requestor_of(&messages[place]) != Some(index) {
                    continue;
                }
                let Some(bytes) = &own.mailbag[place].attachment else {
                    continue;
                };
                let mut usable = messages[place].usable.records;
                each(bytes, |record| {
                    if usable > 0 && record.head.sync > taken && !record.is_dummy() {
                        taken = record.head.sync;
                        let parsed = Transaction::parse(record.text);
                        transactions.push(parsed.map_err(|e| format!("{e:?}"))?);
                    }
                    usable = usable.saturating_sub(1);
                    Ok(())
                })?;
            }
            let bulk = transactions
                .iter()
                .any(|t| matches!(t, Transaction::Replace { .. }))
                || transactions.len() > 25;
            if !bulk {
                continue;
            }
            let mut list = own.list_of(name).cloned().unwrap_or_default();
            for transaction in &own.queue {
                if owner(transaction) == Some(name) {
                    apply(&mut list, transaction);
                }
            }
            let base = own.requestor.numbers().srv;
            for record in self.master.iter().filter(|record| record.number > base) {
                let transaction = &self.history[record.number as usize - 1];
                if owner(transaction) == Some(name) {
                    apply(&mut list, transaction);
                }
            }
            let mut after = list.clone();
            for transaction in &transactions {
                apply(&mut after, transaction);
            }
            if removal(&list, &after).is_bulk() {
                held.push(index);
            }
        }
        Ok(held)
    }

    fn answer(
        &self,
        index: usize,
        lists: OwnLists,
        own: &Node,
        names: &[PoName],
        how: T2How,
        now: UnixTime,
    ) -> Res<Option<(TransmitUnit, Vec<NewRecord>)>> {
        let oldest = self.master.first().map(|record| record.number);
        let Some(answer) = self.server.answer(index, oldest, lists) else {
            return Ok(None);
        };
        let mut attachment = Vec::new();
        let mut copy = |number: u32, text: &[u8], passed: Passed| match passed {
            Passed::No | Passed::Own => {}
            Passed::AsIs => attachment.push(NewRecord::transaction(number, now, text.to_vec())),
            Passed::Changed(text) => attachment.push(NewRecord::transaction(number, now, text)),
        };
        let unit = match answer {
            Answer::PutOff(unit) => *unit,
            Answer::Update(update) => {
                let mut scan = update.scan();
                for record in &self.master {
                    if !scan.see(record.number, &record.text) {
                        break;
                    }
                }
                let end = scan.finish();
                for record in self.master.iter().filter(|r| r.number > update.above()) {
                    let passed = update.pass(&end, record.number, &record.text);
                    copy(record.number, &record.text, passed);
                }
                update.reply(end)
            }
            Answer::Import(import) => {
                let mut scan = import.scan();
                if how.sabotage != Some(Rule::Lists) {
                    for transaction in own.all_lists(names) {
                        let text = transaction.to_record_text().map_err(failed)?;
                        scan.see_list(&text);
                        copy(0, &text, import.pass_list(&text));
                    }
                }
                for record in &self.master {
                    scan.see_master(record.number, &record.text);
                    let passed = import.pass_master(record.number, &record.text);
                    copy(record.number, &record.text, passed);
                }
                import.reply(scan.finish())
            }
        };
        Ok(Some((unit, attachment)))
    }

    fn purge(
        &mut self,
        answered: bool,
        served: &[u32],
        own_srv: u32,
        held: &[usize],
        how: T2How,
        now: UnixTime,
    ) -> Res<()> {
        let mut purge = self.server.purge(answered, served, own_srv, held, now);
        let keep_s = u32::from(self.server.header.keep_updates.get()) * 86_400;
        let since = now.0.saturating_sub(keep_s);
        if how.sabotage == Some(Rule::Purge) {
            purge = Some(Purge {
                upto: u32::MAX,
                before: UnixTime(since),
                header: self.server.header.clone(),
            });
        }
        let Some(purge) = purge else {
            return Ok(());
        };
        let mut scan = purge.scan();
        for record in &self.master {
            if !scan.see(record.number, record.date.0) {
                break;
            }
        }
        let Some(end) = scan.finish() else {
            return Ok(());
        };
        let gone = usize::try_from(end.records).map_err(failed)?;
        if self
            .master
            .get(..gone)
            .is_none_or(|gone| gone.iter().any(|r| r.date.0 >= since))
        {
            return Err("an entry within Keep Updates was purged".to_owned());
        }
        // What the oracle knows about DEC-047: whoever was heard lately has confirmed it.
        for (index, record) in self.server.records.iter().enumerate() {
            let heard = record.last_update.get() != 0 && record.last_update.get() >= since;
            let confirmed = record.conf_sync.get();
            if record.is_live() && (heard || held.contains(&index)) && confirmed < end.upto {
                let name = self.place_of(index)?;
                return Err(format!(
                    "{} was purged while {name} had confirmed {confirmed}",
                    end.upto
                ));
            }
        }
        self.master.drain(..gone);
        self.server.header = purge.header;
        Ok(())
    }

    /// RESYNC.GLB (DEC-040).
    pub(super) fn resync(&self, own: &Node, names: &[PoName]) -> (ResyncHeader, Vec<Transaction>) {
        let index = self.server.find(Party::postoffice(self.server.own));
        let own_srv = own.requestor.numbers().srv;
        let (header, _) = resync_header(&self.server.records, index, own_srv);
        (header, own.all_lists(names))
    }

    /// Bytes of the master list after a number.
    pub(super) fn bytes_after(&self, number: u32) -> u64 {
        let entries = self.master.iter().filter(|record| record.number > number);
        entries.map(|record| record.text.len() as u64 + 25).sum()
    }
}
