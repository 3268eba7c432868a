//! T2 transmit: one commit for each requestor that is answered, then the purge and the end (dsp 5.2,
//! DEC-047, DEC-057).

use crate::core::base::{Address, Transaction};
use crate::core::format::body::Carrier;
use crate::core::format::srvconf::ask;
use crate::core::format::transactions::{Item, Reader, Record, Trust};
use crate::core::protocol::log::LogLine;
use crate::core::protocol::message::{Party, text_attachment_head, write_text_entry};
use crate::core::protocol::server::{
    Answer, ImportAnswer, OwnLists, Passed, Server, SliceKey, TransmitUnit, UpdateAnswer,
};
use crate::import::log;
use crate::import::queue::{self, QueueOptions};
use crate::postoffice::lists::waiting::FileRecords;
use crate::postoffice::{Edit, PoError};
use crate::progress::Progress;
use crate::tree::{Command, TreeMut, TreeView};

use super::super::{CycleError, MSTTRANS, StepOptions, commit, send};
use super::T2Report;
use super::master::Master;
use super::receive::write_srvconf;
use crate::import::Problems;
use crate::import::server_lists::ServerLists;

/// Attachments that are kept for the next requestor that asks the same.
const KEPT: usize = 4;

/// What was sent to one requestor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The requestor, `PCM:NET/PO`.
    pub party: String,
    /// Transactions in the reply.
    pub count: u32,
    /// The subject.
    pub subject: String,
    /// Whether it was an import reply.
    pub import: bool,
}

/// What the transactions of a reply become: records or text, in order.
struct Encoder {
    carrier: Carrier,
    bytes: Vec<u8>,
    date: u32,
}

impl Encoder {
    fn new(carrier: Carrier, date: u32) -> Self {
        let bytes = match carrier {
            Carrier::InAttachment => text_attachment_head(),
            Carrier::Internal | Carrier::InBody => Vec::new(),
        };
        Self {
            carrier,
            bytes,
            date,
        }
    }

    fn put(&mut self, number: u32, text: &[u8], passed: &Passed) -> Result<(), CycleError> {
        let text = match passed {
            Passed::No | Passed::Own => return Ok(()),
            Passed::AsIs => text,
            Passed::Changed(text) => text.as_slice(),
        };
        match self.carrier {
            Carrier::Internal => Record::transaction(number, self.date, text)
                .encode_into(&mut self.bytes)
                .map_err(PoError::BadMessage)?,
            Carrier::InBody | Carrier::InAttachment => {
                if let Ok(transaction) = Transaction::parse(text) {
                    write_text_entry(number, &transaction, &mut self.bytes);
                }
            }
        }
        Ok(())
    }
}

/// The whole of T2 transmit.
pub(super) struct Transmit<'a> {
    pub(super) server: &'a mut Server,
    pub(super) own_srv: u32,
    pub(super) held: Vec<usize>,
    pub(super) options: &'a StepOptions,
    pub(super) progress: &'a dyn Progress,
    pub(super) kept: Vec<(SliceKey, Vec<u8>)>,
}

impl Transmit<'_> {
    /// Answers everybody who asked, purges, and ends the run.
    ///
    /// # Errors
    /// See [`CycleError`]; answers committed before stand.
    pub(super) fn run(
        &mut self,
        tree: &mut TreeMut,
        report: &mut T2Report,
    ) -> Result<(), CycleError> {
        let silent: Vec<LogLine> = self.silent();
        report.silent = silent
            .iter()
            .filter_map(|line| line.text.rsplit_once(": "))
            .map(|(_, party)| party.to_owned())
            .collect();
        let lists = self.own_lists(tree, report)?;
        let master = Master::read(tree.view())?;
        let due = self.server.due();
        self.progress
            .start("answering requestors", u64::try_from(due.len()).ok());
        let (mut served, mut answered) = (Vec::new(), false);
        for index in due {
            if let Some(unit) = self.answer(tree, &master, index, lists, report)? {
                served.extend(unit.served);
                answered |= unit.answered;
            }
            self.progress.advance(1);
        }
        self.end(tree, &served, answered, silent, report)
    }

    /// Who was not heard in this cycle, held requestors excepted.
    fn silent(&self) -> Vec<LogLine> {
        let cycle = self.server.header.cycle.get();
        let mut held = self.held.clone();
        for (index, record) in self.server.records.iter().enumerate() {
            if record.last_cycle.get() == cycle && cycle > 0 {
                held.push(index);
            }
        }
        self.server.silent(&held)
    }

    /// Whether the own lists and q.S belong together; work that a crashed T3 left is completed first
    /// (DEC-031).
    fn own_lists(&self, tree: &mut TreeMut, report: &mut T2Report) -> Result<OwnLists, CycleError> {
        let asked = self
            .server
            .due()
            .iter()
            .any(|&index| self.server.records[index].asks(ask::IMPORT));
        if !asked && !self.server.auto_import {
            return Ok(OwnLists::Ready(self.own_srv));
        }
        let mut unapplied = false;
        for path in [
            queue::SRVTRANS,
            queue::USRTRANS,
            queue::NMETRANS,
            queue::GWTRANS,
        ] {
            unapplied |= tree.view().stat(path)?.is_some_and(|stat| stat.len > 0);
        }
        if !unapplied {
            return Ok(OwnLists::Ready(self.own_srv));
        }
        let options = QueueOptions {
            allow_deletes: self.options.allow_deletes.clone(),
            break_lock: self.options.break_lock,
            ..QueueOptions::at(self.options.now)
        };
        let info = self.options.info(Command::T2, Vec::new());
        match queue::run_queue(tree, &options, &info, self.progress) {
            Ok((_, committed)) => {
                report.said.commits += u64::from(committed.is_some());
                Ok(OwnLists::Ready(self.own_srv))
            }
            Err(error) => {
                let text = format!("What an earlier T3 left here cannot be imported: {error}");
                report.said.lines.push(LogLine {
                    severity: crate::core::base::logline::LogSeverity::Warning,
                    ..LogLine::status(text)
                });
                Ok(OwnLists::Unapplied)
            }
        }
    }

    /// Answers one requestor in one commit. `None` when it got nothing.
    fn answer(
        &mut self,
        tree: &mut TreeMut,
        master: &Master,
        index: usize,
        lists: OwnLists,
        report: &mut T2Report,
    ) -> Result<Option<TransmitUnit>, CycleError> {
        let view = tree.view();
        let Some(answer) = self.server.answer(index, master.oldest, lists) else {
            return Ok(None);
        };
        let mut import = false;
        let (unit, carrier, bytes) = match answer {
            Answer::PutOff(unit) => (*unit, Carrier::Internal, Vec::new()),
            Answer::Update(update) => self.update(view, master, *update)?,
            Answer::Import(answer) => {
                import = true;
                self.import(view, master, *answer)?
            }
        };
        let mut edit = Edit::new(view);
        let mut count = 0;
        if let Some(message) = &unit.message {
            count = body_count(message.body());
            let own = Address::system(self.server.own);
            let now = self.options.now;
            let compressed = self.server.agent
                && unit.record.1.dxa_flags.get() & crate::exchange::roles::COMPRESSED != 0;
            let bytes = if compressed && !bytes.is_empty() && carrier != Carrier::InBody {
                crate::core::format::compressed::compress(&bytes).map_err(PoError::BadMessage)?
            } else {
                bytes
            };
            let sent = match carrier {
                Carrier::InBody => send(&mut edit, own, message, &bytes, Vec::new(), now),
                _ => send(&mut edit, own, message, b"", bytes, now),
            };
            if let Err(error) = sent {
                return self.not_sent(tree, &unit, error, report).map(|()| None);
            }
        }
        write_srvconf(&mut edit, &self.server.header, Some(&unit.record))?;
        log::append_local(&mut edit, self.options.now, &unit.diary.lines)?;
        let plan = edit.finish()?;
        let counts = vec![("sent", u64::from(count))];
        let info = self.options.info(Command::T2, counts);
        commit(tree, &plan, &info, &mut report.said)?;
        report.said.hear(&unit.diary);
        self.server.apply_answer(&unit);
        if let Some(message) = &unit.message {
            report.answered.push(Answered {
                party: message.to().to_string(),
                count,
                subject: String::from_utf8_lossy(&message.subject()).into_owned(),
                import,
            });
        }
        Ok(Some(unit))
    }

    /// Message 159; the others are still served (Q136333).
    fn not_sent(
        &self,
        tree: &mut TreeMut,
        unit: &TransmitUnit,
        error: PoError,
        report: &mut T2Report,
    ) -> Result<(), CycleError> {
        if let PoError::Tree(error) = error {
            return Err(error.into());
        }
        let lines = [unit.send_failed(), LogLine::status(error.to_string())];
        let mut edit = Edit::new(tree.view());
        log::append_local(&mut edit, self.options.now, &lines)?;
        let plan = edit.finish()?;
        let info = self.options.info(Command::T2, Vec::new());
        commit(tree, &plan, &info, &mut report.said)?;
        report.said.lines.extend(lines);
        Ok(())
    }

    fn update(
        &mut self,
        view: &TreeView,
        master: &Master,
        answer: UpdateAnswer,
    ) -> Result<(TransmitUnit, Carrier, Vec<u8>), CycleError> {
        let mut scan = answer.scan();
        let carrier = answer.carrier();
        let above = answer.above();
        master.after(view, above, &mut |entry| {
            Ok(scan.see(entry.head.sync, entry.text))
        })?;
        let end = scan.finish();
        if end.count == 0 {
            return Ok((answer.reply(end), carrier, Vec::new()));
        }
        let key = answer.key(&end);
        if let Some((_, bytes)) = self.kept.iter().find(|(known, _)| *known == key) {
            let bytes = bytes.clone();
            return Ok((answer.reply(end), carrier, bytes));
        }
        let mut encoder = Encoder::new(carrier, self.options.now.0);
        master.after(view, above, &mut |entry| {
            if entry.head.sync > end.end {
                return Ok(false);
            }
            let passed = answer.pass(&end, entry.head.sync, entry.text);
            encoder.put(entry.head.sync, entry.text, &passed)?;
            Ok(true)
        })?;
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        self.kept.push((key, encoder.bytes.clone()));
        Ok((answer.reply(end), carrier, encoder.bytes))
    }

    fn import(
        &self,
        view: &TreeView,
        master: &Master,
        answer: ImportAnswer,
    ) -> Result<(TransmitUnit, Carrier, Vec<u8>), CycleError> {
        let (now, carrier) = (self.options.now, answer.carrier());
        let base = answer.base();
        let mut scan = answer.scan();
        let mut encoder = Encoder::new(carrier, now.0);
        let lists = ServerLists { view, now };
        // What cannot be told is found by the check; a reply does not stop for it.
        lists.each(&mut Problems::default(), &mut |text| {
            scan.see_list(text);
            encoder.put(0, text, &answer.pass_list(text))
        })?;
        master.after(view, base, &mut |entry| {
            let number = entry.head.sync;
            scan.see_master(number, entry.text);
            let passed = answer.pass_master(number, entry.text);
            encoder.put(number, entry.text, &passed)?;
            Ok(true)
        })?;
        Ok((answer.reply(scan.finish()), carrier, encoder.bytes))
    }

    /// The purge and the end of the run, in one commit.
    fn end(
        &mut self,
        tree: &mut TreeMut,
        served: &[u32],
        answered: bool,
        silent: Vec<LogLine>,
        report: &mut T2Report,
    ) -> Result<(), CycleError> {
        let (server, now) = (&mut *self.server, self.options.now);
        let mut header = server.end_transmit(now);
        let mut edit = Edit::new(tree.view());
        if let Some(purge) = server.purge(answered, served, self.own_srv, &self.held, now) {
            let mut scan = purge.scan();
            each_offset(tree.view(), &mut |_, record| {
                scan.see(record.head.sync, record.head.date)
            })?;
            let mut keep_from = 0;
            if let Some(end) = scan.finish() {
                let mut index = 0;
                each_offset(tree.view(), &mut |offset, _| {
                    keep_from = offset;
                    index += 1;
                    index <= end.records
                })?;
                report.purged = end.records;
                header.last_purge = purge.header.last_purge;
            }
            let len = tree.view().stat(MSTTRANS)?.map_or(0, |stat| stat.len);
            if keep_from > 0 && keep_from < len {
                let wanted = usize::try_from(len - keep_from).unwrap_or(usize::MAX);
                let rest = edit.read_part(MSTTRANS, keep_from, wanted)?;
                edit.replace_whole(MSTTRANS, rest.unwrap_or_default())?;
            }
        }
        write_srvconf(&mut edit, &header, None)?;
        log::append_local(&mut edit, now, &silent)?;
        report.said.lines.extend(silent);
        let plan = edit.finish()?;
        let counts = vec![("purged", report.purged)];
        let info = self.options.info(Command::T2, counts);
        commit(tree, &plan, &info, &mut report.said)?;
        self.server.header = header;
        Ok(())
    }
}

/// Calls `each` with offset and record for every record of MSTTRANS until it says `false`.
fn each_offset(
    view: &TreeView,
    each: &mut dyn FnMut(u64, &Record<'_>) -> bool,
) -> Result<(), CycleError> {
    let file = view.open_file(MSTTRANS)?.ok_or(CycleError::NoMaster)?;
    let mut reader = Reader::new(FileRecords(file), Trust::Tree);
    while let Some(item) = reader.next_item() {
        match item? {
            Item::Record { offset, record } if each(offset, &record) => {}
            _ => break,
        }
    }
    Ok(())
}

fn body_count(body: &crate::core::format::body::Body) -> u32 {
    use crate::core::format::body::Body;
    match body {
        Body::Reply(reply) => reply.count,
        Body::ImportReply(reply) => reply.count,
        _ => 0,
    }
}

/// The name of a requestor by its record.
pub(super) fn party_name(server: &Server, index: usize) -> String {
    server
        .records
        .get(index)
        .and_then(Party::of_record)
        .map_or_else(String::new, |party| party.to_string())
}
