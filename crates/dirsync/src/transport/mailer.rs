//! The mailer: one pass over the in-queues of one postoffice (tra 2.2, S2 to S3 and S4 to S5).
//!
//! INQUEUE holds what this postoffice submitted, INQUEUE3 what came from others (DEC-064). For each
//! header the envelope says who is still to be served: a local recipient gets a header in his mailbag,
//! another postoffice one in the outbound mailbag of the next hop with an envelope of its own
//! (`P1/<stem>.Pxx`); then the header leaves the queue and the P1 goes. The message file stays where it
//! is; its counter is the number of mailbag records that name it. All of a pass is one commit, so the
//! order of R-TRN-007 holds by construction.
//!
//! A recipient whose mailbag is full or damaged stays in the envelope, and the message in the queue
//! (DEC-102, Q138054); `[017]` is logged once. Nothing is lost by that, and the others are served.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::core::base::HexId;
use crate::core::base::address::{Address, MailboxName, PoName};
use crate::core::base::finding::Severity;
use crate::core::base::finding::{Finding, FindingId};
use crate::core::base::ident::{MailbagStem, mai_path, p1_part_path, p1_path};
use crate::core::base::stem::NamedMailbag;
use crate::core::base::time::UnixTime;
use crate::core::format::mai::Mai;
use crate::core::format::mbg::{FLAG_NON_DELIVERY, MBG_RECORD_LEN_BYTES, MbgRecord};
use crate::core::format::p1::P1;
use crate::postoffice::mail::{
    BagEdit, MAI_LIMIT_BYTES, Outgoing, address_text, references, remove, set_references, submit,
};
use crate::postoffice::stream::{Report, report_or_fail};
use crate::postoffice::{Edit, Identity, PoError};

use crate::tree::TreeError;
use crate::tree::disk::DiskErrorKind;

use super::gateway::GatewayTotals;
use super::local::{Local, Recipient};
use super::log;
use super::returned::{Failure, Returned};
use super::route::{NextHop, Routes};

/// Messages of one queue that are served in one pass (Q85059, Q115490).
pub const PASS_LIMIT: usize = 50;
/// Longest envelope that is read, in bytes: its length code has three octets.
pub(crate) const P1_LIMIT_BYTES: u64 = 0x100_0005;
/// Names `P1/<stem>.Pxx` of one message.
const PARTS: u16 = 625;

/// An in-queue header without an envelope, or with one that cannot be read.
pub const MISSING_ENVELOPE: FindingId = FindingId("message.missing-p1");
/// A message that stays because no program here may act on it, or its place takes no more.
pub const HELD: FindingId = FindingId("transport.held");

/// A mailbag whose pair cannot be changed.
pub const UNUSABLE: FindingId = FindingId("transport.mailbag-unusable");

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MailerTotals {
    /// Messages that left a queue.
    pub served: u64,
    /// Headers put into local mailbags, SYSTEM included.
    pub delivered: u64,
    /// Headers put into SYSTEM.
    pub system: u64,
    /// Headers put into outbound mailbags.
    pub routed: u64,
    /// Messages of which at least one recipient is unreachable for good.
    pub returned: u64,
    /// Messages that stay, because a mailbag takes no more.
    pub held: u64,
    /// Messages that stay, because they are damaged.
    pub stuck: u64,
    /// Whether more is waiting than one pass serves.
    pub more: bool,
    /// What gateways brought and took away beside it.
    #[serde(default)]
    pub gateways: GatewayTotals,
}

impl MailerTotals {
    /// Adds another pass; what stays is what stayed last.
    pub fn add(&mut self, other: &Self) {
        self.served += other.served;
        self.delivered += other.delivered;
        self.system += other.system;
        self.routed += other.routed;
        self.returned += other.returned;
        self.held = other.held;
        self.stuck = other.stuck;
        self.more = other.more;
        self.gateways.add(&other.gateways);
    }
}

/// The number of the first name `P1/<stem>.Pxx` that is tried for a mailbag; others follow.
fn first_part(mailbag: HexId) -> u16 {
    u16::try_from(mailbag.0 % u32::from(PARTS)).unwrap_or(0)
}

/// The envelope of a message in an outbound mailbag: its path and content; `None` when there is none
/// that can be read.
///
/// # Errors
/// A disk error.
pub(crate) fn find_part(
    edit: &mut Edit<'_>,
    stem: HexId,
    mailbag: HexId,
) -> Result<Option<(String, P1)>, PoError> {
    for n in 0..PARTS {
        let number = (first_part(mailbag) + n) % PARTS;
        let Some(path) = p1_part_path(stem, number) else {
            continue;
        };
        // A gap means nothing: another mailbag's envelope may have stood there and left.
        if !edit.exists(&path)? {
            continue;
        }
        let part = edit
            .peek(&path, P1_LIMIT_BYTES)?
            .and_then(|bytes| P1::decode(&bytes).ok());
        if let Some(part) = part
            && part.mailbag == Some(mailbag)
            && part.stem == stem
        {
            return Ok(Some((path, part)));
        }
    }
    Ok(None)
}

/// A free name for the envelope of a mailbag, within the reach of [`find_part`].
pub(super) fn free_part(
    edit: &mut Edit<'_>,
    stem: HexId,
    mailbag: HexId,
) -> Result<Option<String>, PoError> {
    for n in 0..PARTS {
        if let Some(path) = p1_part_path(stem, (first_part(mailbag) + n) % PARTS)
            && !edit.exists(&path)?
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// One pass over both in-queues, prepared in `edit`.
///
/// # Errors
/// [`PoError::NoIdentity`], or an error that is not about one file or mailbag; those are reported, and
/// what they concern stays.
pub fn pass(
    edit: &mut Edit<'_>,
    now: UnixTime,
    limit: usize,
    report: &mut Report<'_>,
) -> Result<MailerTotals, PoError> {
    let view = edit.view();
    let own = Identity::read(view)?.name;
    let mut mailer = Mailer {
        own,
        now,
        routes: Routes::load(view, own)?,
        local: Local::new(view),
        bags: BTreeMap::new(),
        totals: MailerTotals::default(),
        reports: Vec::new(),
        system_log: String::new(),
    };
    for named in [NamedMailbag::Inqueue, NamedMailbag::Inqueue3] {
        mailer.queue(edit, named, limit, report)?;
    }
    mailer.finish(edit, report)?;
    Ok(mailer.totals)
}

struct Mailer<'v> {
    own: PoName,
    now: UnixTime,
    routes: Routes<'v>,
    local: Local<'v>,
    bags: BTreeMap<MailbagStem, Option<BagEdit>>,
    totals: MailerTotals,
    reports: Vec<(Outgoing, String, String)>,
    system_log: String,
}

/// What became of one header.
enum Outcome {
    /// It leaves the queue.
    Served,
    /// It stays: a mailbag takes no more.
    Held,
    /// It stays: something is wrong with it.
    Stuck,
}

/// Where the recipients of one message go.
#[derive(Default)]
struct Split {
    local: Vec<(MailbagStem, Vec<u8>)>,
    outbound: BTreeMap<HexId, Vec<Vec<u8>>>,
    failures: BTreeMap<u16, Vec<Vec<u8>>>,
    left: Vec<Vec<u8>>,
    special: bool,
}

impl Split {
    fn fail(&mut self, code: u16, recipient: &[u8]) {
        self.failures
            .entry(code)
            .or_default()
            .push(recipient.to_vec());
    }
}

impl Mailer<'_> {
    fn queue(
        &mut self,
        edit: &mut Edit<'_>,
        named: NamedMailbag,
        limit: usize,
        report: &mut Report<'_>,
    ) -> Result<(), PoError> {
        let stem = MailbagStem::Named(named);
        let Some(bag) = load(edit, stem, report)? else {
            return Ok(());
        };
        let mut gone = Vec::new();
        let mut stems = Vec::new();
        for (index, header) in bag.live() {
            if gone.len() >= limit {
                self.totals.more = true;
                break;
            }
            let offset = (index * MBG_RECORD_LEN_BYTES) as u64;
            match self.serve(edit, stem, offset, &header, report)? {
                Outcome::Served => {
                    gone.push(index);
                    stems.extend(header.mai.get().ok().flatten());
                }
                Outcome::Held => self.totals.held += 1,
                Outcome::Stuck => self.totals.stuck += 1,
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        remove(edit, stem, &gone)?;
        self.totals.served += gone.len() as u64;
        let time = log::local_time(edit.view(), self.now);
        let lines = log::queue_lines(time, &self.own, named.stem(), &stems);
        log::append(edit, log::SESSION, &lines)?;
        Ok(())
    }

    fn serve(
        &mut self,
        edit: &mut Edit<'_>,
        queue: MailbagStem,
        offset: u64,
        header: &MbgRecord,
        report: &mut Report<'_>,
    ) -> Result<Outcome, PoError> {
        let mut stuck = |id, why: String| {
            report(finding(id, queue.mbg_path(), Some(offset), why));
            Ok(Outcome::Stuck)
        };
        let Ok(Some(stem)) = header.mai.get() else {
            return stuck(
                crate::postoffice::mail::BAD_HEADER,
                "the header names no message".to_owned(),
            );
        };
        let (p1_path, mai_path) = (p1_path(stem), mai_path(stem));
        let envelope = match edit.peek(&p1_path, P1_LIMIT_BYTES) {
            Ok(bytes) => bytes,
            Err(error) => return stuck(MISSING_ENVELOPE, error.to_string()),
        };
        let Some(envelope) = envelope else {
            return stuck(MISSING_ENVELOPE, format!("{p1_path} is missing [021]"));
        };
        let p1 = match P1::decode(&envelope) {
            Ok(p1) if p1.stem == stem && !p1.recipients.is_empty() => p1,
            Ok(_) => {
                let why = format!("{p1_path} names no recipients or another message [024]");
                return stuck(MISSING_ENVELOPE, why);
            }
            Err(error) => return stuck(MISSING_ENVELOPE, format!("{p1_path}: {error} [024]")),
        };
        // Its parts will be written anew: what cannot be must not stop the others of the queue.
        if let Err(error) = p1.encode() {
            return stuck(MISSING_ENVELOPE, format!("{p1_path}: {error} [024]"));
        }
        let count = match references(edit, stem) {
            Ok(Some(count)) => count,
            Ok(None) => {
                return stuck(
                    crate::postoffice::mail::MESSAGE_MISSING,
                    format!("{mai_path} is missing or no message [016]"),
                );
            }
            Err(error) => {
                return stuck(crate::postoffice::mail::MESSAGE_DAMAGED, error.to_string());
            }
        };
        // What cannot be looked up, or looked at, is neither unknown nor full: the message stays as
        // it is.
        let mut split = match self.split(&p1).and_then(|split| {
            self.look_at_bags(edit, &split, report)?;
            Ok(split)
        }) {
            Ok(split) => split,
            Err(PoError::Tree(error)) => {
                report_or_fail(&mai_path, error, report)?;
                return Ok(Outcome::Stuck);
            }
            Err(error) => return Err(error),
        };
        let added = self.post(edit, header, &p1, &mut split, report)?;
        if added > 0 {
            set_references(edit, stem, count.saturating_add(added))?;
        }
        if !split.failures.is_empty() {
            self.give_back(edit, header, &p1, &split)?;
        }
        if split.left.is_empty() {
            edit.remove(&p1_path)?;
            return Ok(Outcome::Served);
        }
        report(finding(
            HELD,
            queue.mbg_path(),
            Some(offset),
            if split.special {
                format!("{stem} is for *SPECIAL, which nobody acts upon; it stays")
            } else {
                format!(
                    "{} recipients of {stem} wait for room in their mailbags [017]",
                    split.left.len()
                )
            },
        ));
        if split.left != p1.recipients || p1.attempts == 0 {
            if p1.attempts == 0 && !split.special {
                self.log_full(edit, &p1, &split.left);
            }
            let rest = P1 {
                recipients: split.left,
                attempts: p1.attempts.saturating_add(1),
                ..p1
            };
            edit.write(&p1_path, rest.encode().map_err(PoError::BadMessage)?)?;
        }
        Ok(Outcome::Held)
    }

    /// Where each recipient's copy goes.
    fn split(&mut self, p1: &P1) -> Result<Split, PoError> {
        let mut split = Split::default();
        let own = self.own;
        // Found in the trace, whole names compared (Q128627).
        let circular = p1
            .trace
            .iter()
            .any(|passed| PoName::parse(passed).is_ok_and(|passed| passed == own));
        let from = p1.trace.last().and_then(|from| PoName::parse(from).ok());
        for recipient in &p1.recipients {
            let Ok(address) = Address::parse(recipient) else {
                split.fail(2, recipient);
                continue;
            };
            match self.routes.next_hop_of(&address, from.as_ref())? {
                NextHop::Here => self.local(&address, recipient, &mut split)?,
                NextHop::Unknown => split.fail(2, recipient),
                NextHop::Mailbag { .. } | NextHop::Gateway(_) if circular => {
                    split.fail(4, recipient);
                }
                NextHop::Mailbag { .. } if p1.hops_left == 0 => split.fail(3, recipient),
                NextHop::Mailbag { mailbag, .. } | NextHop::Gateway(mailbag) => split
                    .outbound
                    .entry(mailbag)
                    .or_default()
                    .push(recipient.clone()),
            }
        }
        Ok(split)
    }

    fn local(
        &mut self,
        address: &Address,
        recipient: &[u8],
        split: &mut Split,
    ) -> Result<(), PoError> {
        let Some(mailbox) = address.mailbox() else {
            split.fail(2, recipient);
            return Ok(());
        };
        match self.local.find(&mailbox)? {
            Recipient::System => split.local.push((MailbagStem::SYSTEM, recipient.to_vec())),
            Recipient::User { mailbag } => split
                .local
                .push((MailbagStem::Id(mailbag), recipient.to_vec())),
            Recipient::Group(members) => {
                for (mailbag, name) in members {
                    // The member's own address: when his mailbag is full, he alone waits.
                    let member = MailboxName::read(&name)
                        .map(|name| address_text(&Address::pcm(self.own, name)))
                        .unwrap_or_else(|_| recipient.to_vec());
                    split.local.push((MailbagStem::Id(mailbag), member));
                }
            }
            Recipient::GroupGone => split.fail(7, recipient),
            Recipient::Unknown => split.fail(2, recipient),
            // DEC-122: neither acted upon nor returned.
            Recipient::Special => {
                split.special = true;
                split.left.push(recipient.to_vec());
            }
        }
        Ok(())
    }

    /// Reads the mailbags that headers go into; damaged ones are reported and noted as such.
    fn look_at_bags(
        &mut self,
        edit: &mut Edit<'_>,
        split: &Split,
        report: &mut Report<'_>,
    ) -> Result<(), PoError> {
        let outbound = split.outbound.keys().map(|id| MailbagStem::Id(*id));
        for mailbag in split.local.iter().map(|(bag, _)| *bag).chain(outbound) {
            if let Entry::Vacant(new) = self.bags.entry(mailbag) {
                new.insert(load_strict(edit, mailbag, report)?);
            }
        }
        Ok(())
    }

    /// Puts the headers where they belong; what finds no room stays in `split.left`. Returns the
    /// number of mailbag records that name the message from now on in addition.
    fn post(
        &mut self,
        edit: &mut Edit<'_>,
        header: &MbgRecord,
        p1: &P1,
        split: &mut Split,
        report: &mut Report<'_>,
    ) -> Result<u16, PoError> {
        let mut added = 0u16;
        for (mailbag, recipient) in std::mem::take(&mut split.local) {
            match self.append(edit, mailbag, header, p1.stem, report)? {
                Appended::Yes => {
                    added = added.saturating_add(1);
                    self.totals.delivered += 1;
                    self.totals.system += u64::from(mailbag == MailbagStem::SYSTEM);
                }
                // Named twice: no two records of one mailbag name the same message (Q77926).
                Appended::There => {}
                Appended::NoRoom => split.left.push(recipient),
            }
        }
        for (mailbag, recipients) in std::mem::take(&mut split.outbound) {
            let Some(path) = free_part(edit, p1.stem, mailbag)? else {
                split.left.extend(recipients);
                continue;
            };
            let stem = MailbagStem::Id(mailbag);
            match self.append(edit, stem, header, p1.stem, report)? {
                Appended::Yes => {
                    let part = P1 {
                        recipients,
                        mailbag: Some(mailbag),
                        attempts: 0,
                        ..p1.clone()
                    };
                    edit.create(&path, part.encode().map_err(PoError::BadMessage)?)?;
                    added = added.saturating_add(1);
                    self.totals.routed += 1;
                }
                // The message waits there for other recipients: these follow when it has left.
                Appended::There | Appended::NoRoom => split.left.extend(recipients),
            }
        }
        Ok(added)
    }

    fn append(
        &mut self,
        edit: &mut Edit<'_>,
        mailbag: MailbagStem,
        header: &MbgRecord,
        stem: HexId,
        report: &mut Report<'_>,
    ) -> Result<Appended, PoError> {
        let Some(Some(bag)) = self.bags.get_mut(&mailbag) else {
            return Ok(Appended::NoRoom);
        };
        if bag.names(stem) {
            return Ok(Appended::There);
        }
        match bag.append(edit, std::slice::from_ref(header)) {
            Ok(()) => Ok(Appended::Yes),
            Err(PoError::MailbagFull { .. }) => Ok(Appended::NoRoom),
            Err(error @ PoError::MailbagDamaged { .. }) => {
                report(finding(HELD, mailbag.mbg_path(), None, error.to_string()));
                self.bags.insert(mailbag, None);
                Ok(Appended::NoRoom)
            }
            Err(error) => Err(error),
        }
    }

    /// Prepares the report to the sender.
    fn give_back(
        &mut self,
        edit: &mut Edit<'_>,
        header: &MbgRecord,
        p1: &P1,
        split: &Split,
    ) -> Result<(), PoError> {
        self.totals.returned += 1;
        let returned = Returned {
            here: self.own,
            p1,
            failures: split
                .failures
                .iter()
                .map(|(&code, recipients)| Failure::new(code, recipients.clone()))
                .collect(),
        };
        let time = log::local_time(edit.view(), self.now);
        let admin = self.local.administrator()?;
        let to = if header.flags & FLAG_NON_DELIVERY == 0 {
            returned.addressee(admin.as_ref())
        } else {
            None
        };
        match to {
            Some(to) => {
                let text = edit
                    .peek(&mai_path(p1.stem), MAI_LIMIT_BYTES)?
                    .and_then(|bytes| Mai::decode(&bytes).ok())
                    .map(|decoded| decoded.mai.text)
                    .unwrap_or_default();
                self.reports.push((
                    returned.report(to, &text, time, self.now),
                    returned.log_entry(time, true),
                    returned.log_entry(time, false),
                ));
            }
            None => self.system_log.push_str(&returned.log_entry(time, false)),
        }
        Ok(())
    }

    fn log_full(&mut self, edit: &Edit<'_>, p1: &P1, left: &[Vec<u8>]) {
        let returned = Returned {
            here: self.own,
            p1,
            failures: vec![Failure::new(17, left.to_vec())],
        };
        let time = log::local_time(edit.view(), self.now);
        self.system_log.push_str(&returned.log_entry(time, true));
    }

    /// Submits the reports, now that the queues are done, and writes the log.
    fn finish(&mut self, edit: &mut Edit<'_>, report: &mut Report<'_>) -> Result<(), PoError> {
        for (message, told, untold) in std::mem::take(&mut self.reports) {
            let room = load(edit, MailbagStem::INQUEUE, report)?.is_some_and(|bag| {
                bag.live_count() < crate::core::format::key::MAILBAG_RECORDS_MAX
            });
            if room {
                submit(edit, &message)?;
                self.system_log.push_str(&told);
            } else {
                self.system_log.push_str(&untold);
            }
        }
        if !self.system_log.is_empty() {
            log::append(edit, log::SYSTEM, &self.system_log)?;
        }
        Ok(())
    }
}

enum Appended {
    Yes,
    There,
    NoRoom,
}

fn finding(id: FindingId, file: String, offset: Option<u64>, message: String) -> Finding {
    Finding {
        id,
        severity: if id == HELD {
            Severity::Warning
        } else {
            Severity::Error
        },
        file,
        offset,
        message,
        hint:
            "`po-admin mail list` shows what waits; `po-admin check --fix` mends what can be mended"
                .into(),
        repair: None,
    }
}

/// A mailbag that can be changed; what stands in the way is reported.
pub(crate) fn load(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    report: &mut Report<'_>,
) -> Result<Option<BagEdit>, PoError> {
    match load_strict(edit, mailbag, report) {
        Err(PoError::Tree(error)) => {
            report_or_fail(&mailbag.mbg_path(), error, report)?;
            Ok(None)
        }
        other => other,
    }
}

/// As [`load`], but a pair that cannot be read (it may be sound) is an error.
pub(super) fn load_strict(
    edit: &mut Edit<'_>,
    mailbag: MailbagStem,
    report: &mut Report<'_>,
) -> Result<Option<BagEdit>, PoError> {
    match BagEdit::load(edit, mailbag) {
        Ok(bag) => Ok(Some(bag)),
        Err(error @ (PoError::MailbagDamaged { .. } | PoError::NoSuchMailbag { .. })) => {
            let message = error.to_string();
            report(finding(UNUSABLE, mailbag.key_path(), None, message));
            Ok(None)
        }
        // Something else stands in its place: that does not go away by itself either.
        Err(PoError::Tree(TreeError::Disk { tree, error }))
            if matches!(
                error.kind,
                DiskErrorKind::NotRegular(_) | DiskErrorKind::LinkInPath
            ) =>
        {
            report_or_fail(&mailbag.mbg_path(), TreeError::Disk { tree, error }, report)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
