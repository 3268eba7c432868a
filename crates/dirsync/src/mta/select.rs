//! Choosing queues and messages.
//!
//! A queue is named by its id, by its name, or by the last part of its name; two that fit are
//! ambiguous and nothing is done. A message is chosen by what its reference object says; every filter
//! that is set must fit.

use std::collections::BTreeSet;

use crate::core::base::UnixTime;
use crate::core::format::mta::message::Reference;
use crate::core::format::mta::queue::{MemberRecord, QueueEntry, SuperQueue, originator_tag};
use crate::core::format::mta::{MessageKind, ObjectId, Priority};

use super::error::MtaError;

/// The queue that a text names.
///
/// # Errors
/// [`MtaError::NoSuchQueue`], or [`MtaError::AmbiguousQueue`] with the candidates.
pub fn queue<'s>(
    queues: &'s SuperQueue,
    text: &str,
    tree: &str,
) -> Result<&'s QueueEntry, MtaError> {
    let none = || MtaError::NoSuchQueue {
        tree: tree.to_owned(),
        name: text.to_owned(),
    };
    if let Ok(id) = text.parse::<ObjectId>() {
        return queues.by_id(id).ok_or_else(none);
    }
    if let Some(queue) = queues.by_name(text) {
        return Ok(queue);
    }
    let fitting: Vec<&QueueEntry> = queues
        .queues
        .iter()
        .filter(|queue| last_part_fits(&queue.name, text))
        .collect();
    match fitting.as_slice() {
        [] => Err(none()),
        [one] => Ok(one),
        several => Err(MtaError::AmbiguousQueue {
            name: text.to_owned(),
            candidates: several
                .iter()
                .map(|queue| format!("{} {}", queue.id, queue.name))
                .collect(),
        }),
    }
}

/// Whether `text` is the last part of a distinguished name: `MICROSOFT DXA`, `MS MAIL CONNECTOR` or
/// `MS MAIL CONNECTOR (SERVER)`, with or without `CN=`.
fn last_part_fits(name: &str, text: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let last = last.split_once('=').map_or(last, |(_, value)| value);
    let text = text
        .get(..3)
        .filter(|head| head.eq_ignore_ascii_case("CN="))
        .map_or(text, |_| &text[3..]);
    let without_server = last.rsplit_once(" (").map_or(last, |(head, _)| head);
    last.eq_ignore_ascii_case(text) || without_server.eq_ignore_ascii_case(text)
}

/// Which messages are meant; a filter that is not set fits every message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Only these reference objects.
    pub ids: Option<BTreeSet<ObjectId>>,
    /// Text in the originator, in any case of letters.
    pub originator: Option<String>,
    /// Text in one of the recipients, in any case of letters.
    pub recipient: Option<String>,
    /// One of these kinds.
    pub kinds: BTreeSet<MessageKind>,
    /// One of these priorities.
    pub priorities: BTreeSet<Priority>,
    /// Submitted at this time or before it.
    pub submitted_until: Option<UnixTime>,
    /// Submitted at this time or after it.
    pub submitted_from: Option<UnixTime>,
    /// Content of at least this many bytes.
    pub min_len: Option<u32>,
    /// Content of at most this many bytes.
    pub max_len: Option<u32>,
    /// This MTS-ID, labels in any case of letters.
    pub mts_id: Option<String>,
}

impl Selection {
    /// What the entry in the queue tells already: `Some(false)` no, `Some(true)` yes, `None` the
    /// object must be read.
    #[must_use]
    pub fn fits_member(&self, member: &MemberRecord) -> Option<bool> {
        let submitted = UnixTime(member.submitted.get());
        let len = member.len.get();
        let Some(kind) = member.message_kind() else {
            return Some(false);
        };
        let fits = self
            .ids
            .as_ref()
            .is_none_or(|ids| ids.contains(&member.object()))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (self.priorities.is_empty() || self.priorities.contains(&member.priority()))
            && self.submitted_until.is_none_or(|until| submitted <= until)
            && self.submitted_from.is_none_or(|from| submitted >= from)
            && self.min_len.is_none_or(|min| len >= min)
            && self.max_len.is_none_or(|max| len <= max);
        if !fits {
            return Some(false);
        }
        let needs_object =
            self.originator.is_some() || self.recipient.is_some() || self.mts_id.is_some();
        (!needs_object).then_some(true)
    }

    /// What the reference object tells about the filters that a queue entry cannot.
    #[must_use]
    pub fn fits_reference(&self, reference: &Reference) -> bool {
        let holds = |text: &str, wanted: &str| text.to_lowercase().contains(&wanted.to_lowercase());
        self.originator
            .as_ref()
            .is_none_or(|wanted| holds(&reference.originator, wanted))
            && self.recipient.as_ref().is_none_or(|wanted| {
                reference
                    .recipients
                    .iter()
                    .any(|recipient| holds(recipient, wanted))
            })
            && self
                .mts_id
                .as_ref()
                .is_none_or(|wanted| reference.mts_id.eq_ignore_ascii_case(wanted))
    }

    /// Whether a queue entry may be one of exactly this originator, by its tag.
    #[must_use]
    pub fn may_be_of(member: &MemberRecord, originator: &str) -> bool {
        member.originator_crc.get() == originator_tag(originator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues() -> SuperQueue {
        let mut queues = SuperQueue::boot(UnixTime(1));
        let names = [
            "MTAWORKQ",
            "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (EXSERV1)",
            "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=SERVERS/CN=EXSERV1/CN=MICROSOFT DXA",
            "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (A)",
            "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (B)",
        ];
        for (number, name) in (0x27..).zip(names) {
            queues.queues.push(QueueEntry {
                id: ObjectId(0x0100_0000 | number),
                secured: true,
                name: name.to_owned(),
            });
        }
        queues
    }

    // rule: mta:R-DB-012
    #[test]
    fn a_queue_is_found_by_id_name_or_last_part() {
        let queues = queues();
        let dxa = ObjectId(0x0100_0029);
        for text in [
            "01000029",
            "microsoft dxa",
            "CN=MICROSOFT DXA",
            "/o=Org/ou=Site/cn=Configuration/cn=Servers/cn=EXSERV1/cn=Microsoft DXA",
        ] {
            assert_eq!(queue(&queues, text, "T").unwrap().id, dxa, "{text}");
        }
        assert_eq!(
            queue(&queues, "MTAWORKQ", "T").unwrap().id,
            ObjectId(0x0100_0027)
        );
        assert_eq!(
            queue(&queues, "MS Mail Connector", "T").unwrap().id,
            ObjectId(0x0100_0028)
        );
        assert!(matches!(
            queue(&queues, "Internet Mail Connector", "T"),
            Err(MtaError::AmbiguousQueue { candidates, .. }) if candidates.len() == 2
        ));
        assert!(queue(&queues, "Internet Mail Connector (B)", "T").is_ok());
        for text in ["DXA", "0100002F", ""] {
            assert!(matches!(
                queue(&queues, text, "T"),
                Err(MtaError::NoSuchQueue { .. })
            ));
        }
    }
}
