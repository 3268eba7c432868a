//! SYSTEM of the shadow postoffice: what the agent is to get.

use crate::core::base::HexId;
use crate::core::base::address::{Address, PoName};
use crate::core::base::ident::{MailbagStem, mai_path};
use crate::core::format::FixedRecord as _;
use crate::core::format::mai::{Mai, message_id};
use crate::core::format::mta::MessageKind;
use crate::core::format::p1::P1;
use crate::mta::mail::Posting;
use crate::postoffice::mail::{self, BagEdit, MAI_LIMIT_BYTES};
use crate::postoffice::{Edit, Identity, PoError};
use crate::transport::link::{self, BATCH_LIMIT_BYTES, Done};
use crate::transport::local::is_numbered_system;
use crate::tree::TreeView;

use super::super::POSTOFFICE;
use super::hops::stuck;
use super::{PASS_LIMIT, Run, Trouble};

/// Where a message stands, and its parts.
type Leaving = (Done, Vec<Vec<u8>>);

impl Run<'_> {
    /// SYSTEM of the shadow postoffice to the agent's queue.
    pub(super) fn shadow_to_queue(&mut self) -> Result<u64, Trouble> {
        let work = self.work;
        let waiting = {
            let view = work.view(&self.shadow, POSTOFFICE)?;
            let own = Identity::read(&view)?.name;
            self.collect_system(&view, own)?
        };
        if waiting.is_empty() {
            return Ok(0);
        }
        let agent = self.who.agent_queue.clone();
        let (places, postings): (Vec<Done>, Vec<Posting>) = waiting
            .into_iter()
            .map(|(place, parts)| {
                let posting = Posting {
                    recipients: vec![agent.clone()],
                    kind: Some(MessageKind::Dirsync),
                    ..Posting::of(parts)
                };
                (place, posting)
            })
            .unzip();
        let gone = self.put(false, places, &postings)?;
        if gone.is_empty() {
            return Ok(0);
        }
        let removed = work.commit(&self.shadow, POSTOFFICE, "sent", |edit| {
            let bag = BagEdit::load(edit, MailbagStem::SYSTEM)?;
            let mut indexes = Vec::new();
            for (index, header) in bag.live() {
                let stem = header.mai.get().ok().flatten();
                let fits =
                    |done: &&Done| Some(HexId(done.stem)) == stem && done.tag == header.tag.get();
                if gone.iter().any(|done| fits(&done)) {
                    indexes.push(index);
                }
            }
            mail::remove(edit, MailbagStem::SYSTEM, &indexes)?;
            let count = indexes.len() as u64;
            Ok((count, count))
        })?;
        self.done.queued_inward += removed;
        Ok(removed)
    }

    /// What waits in SYSTEM, each with an envelope for the agent: the recipients are the dirsync
    /// mailboxes of this server that the message names (`$SYSTEM`, `SYSTEM1` …), and nobody else: others
    /// have, or had, copies of their own.
    fn collect_system(&mut self, view: &TreeView, own: PoName) -> Result<Vec<Leaving>, PoError> {
        let mut edit = Edit::new(view);
        let bag = BagEdit::load(&mut edit, MailbagStem::SYSTEM)?;
        let (mut waiting, mut bytes) = (Vec::new(), 0u64);
        for (index, header) in bag.live() {
            if waiting.len() >= PASS_LIMIT || bytes >= BATCH_LIMIT_BYTES {
                break;
            }
            let Ok(Some(stem)) = header.mai.get() else {
                continue;
            };
            if self.refused[1].contains(&stem.0) {
                continue;
            }
            match pack(&mut edit, own, stem) {
                Ok(mut parts) => {
                    parts.insert(0, header.encode());
                    bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>();
                    let place = Done {
                        index: index as u64,
                        stem: stem.0,
                        tag: header.tag.get(),
                        there: 0,
                    };
                    waiting.push((place, parts));
                }
                Err(why) => {
                    self.refused[1].insert(stem.0);
                    self.done.stuck += 1;
                    self.say(stuck(MailbagStem::SYSTEM.mbg_path(), why));
                }
            }
        }
        Ok(waiting)
    }
}

/// Envelope, message and attachments of one message of SYSTEM.
fn pack(edit: &mut Edit<'_>, own: PoName, stem: HexId) -> Result<Vec<Vec<u8>>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let path = mai_path(stem);
    let bytes = edit
        .peek(&path, MAI_LIMIT_BYTES)
        .map_err(|error| text(&error))?
        .ok_or_else(|| format!("{path} is missing [016]"))?;
    let mai = Mai::decode(&bytes)
        .map_err(|error| format!("{path}: {error} [012]"))?
        .mai;
    let is_ours = |address: &Address| {
        address.po() == Some(own)
            && address
                .mailbox()
                .is_some_and(|name| name.is_system() || is_numbered_system(&name))
    };
    let mut to: Vec<Vec<u8>> = mai
        .recipients()
        .filter(|to| Address::parse(to).is_ok_and(|address| is_ours(&address)))
        .map(<[u8]>::to_vec)
        .collect();
    if to.is_empty() {
        to.push(mail::address_text(&Address::system(own)));
    }
    let mut envelope = P1::for_message(&mai, stem, to);
    if envelope.message_id.is_empty() {
        envelope.message_id = message_id(&own.to_bytes(), stem, mai.date);
    }
    let mut parts = vec![envelope.encode().map_err(|error| text(&error))?, bytes];
    link::attachments(edit, &mai, &mut parts)?;
    Ok(parts)
}
