//! Messages on their way, and the attachments they carry.

use dirsync_core::base::UnixTime;
use dirsync_core::format::transactions::{Item, Reader, Record, Trust};
use dirsync_core::protocol::message::{Incoming, Outgoing};
use dirsync_core::protocol::record::NewRecord;
use dirsync_core::protocol::requestor::T3Message;
use dirsync_core::protocol::server::T2Message;
use dirsync_core::protocol::unit::{Scan, Usable};

use super::Res;
use super::script::po_name;

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) text: Vec<u8>,
    pub(super) attachment: Option<Vec<u8>>,
    pub(super) sent: UnixTime,
}

/// Records as they stand in an attachment.
fn encode(records: &[NewRecord]) -> Res<Vec<u8>> {
    let mut bytes = Vec::new();
    for record in records {
        record
            .record()
            .encode_into(&mut bytes)
            .map_err(|error| error.to_string())?;
    }
    Ok(bytes)
}

/// Calls `see` for each good record; whether damage ended them.
pub(super) fn each(bytes: &[u8], mut see: impl FnMut(&Record<'_>) -> Res<()>) -> Res<bool> {
    let mut reader = Reader::new(bytes, Trust::Network);
    while let Some(item) = reader.next_item() {
        match item {
            Ok(Item::Record { record, .. }) => see(&record)?,
            Ok(Item::Damage(_)) => return Ok(true),
            Err(never) => match never {},
        }
    }
    Ok(false)
}

impl Mail {
    pub(super) fn new(
        (from, to): (usize, usize),
        message: &Outgoing,
        attachment: &[NewRecord],
        now: UnixTime,
    ) -> Res<Self> {
        let attachment = match attachment {
            [] => None,
            records => Some(encode(records)?),
        };
        Ok(Self {
            from,
            to,
            text: message.text(b"").map_err(|error| error.to_string())?,
            attachment,
            sent: now,
        })
    }

    /// Cuts the attachment to so many thousandths.
    pub(super) fn cut(&mut self, thousandths: u16) {
        if let Some(bytes) = &mut self.attachment {
            bytes.truncate(bytes.len() * usize::from(thousandths) / 1000);
        }
    }

    fn scan(&self, count: Option<u32>) -> Res<Usable> {
        let Some(bytes) = &self.attachment else {
            return Ok(Usable::without_attachment(count));
        };
        let mut scan = Scan::new(count);
        let damaged = each(bytes, |record| {
            scan.see(record.head.sync, record.text);
            Ok(())
        })?;
        if damaged {
            scan.damage();
        }
        Ok(scan.finish())
    }

    pub(super) fn for_server(&self) -> Res<T2Message> {
        let message = Incoming::read(&self.text);
        let count = match &message {
            Incoming::Request(request) => request.count,
            _ => None,
        };
        Ok(T2Message {
            usable: self.scan(count)?,
            message,
            from: format!("{}/$SYSTEM", po_name(self.from)),
            arrived: self.sent,
        })
    }

    pub(super) fn for_requestor(&self) -> Res<T3Message> {
        let message = Incoming::read(&self.text);
        let count = match &message {
            Incoming::Reply(reply) => reply.count,
            _ => None,
        };
        Ok(T3Message {
            usable: self.scan(count)?,
            message,
        })
    }
}
