//! What a gateway takes away: messages of its mailbag as files of `OUT`, by way of `SPOOL`.
//!
//! A message to `*SPECIAL` is swallowed: returned, it would double the users of the whole site
//! (Q112879). One that cannot be written as a file never will be: it goes back to its sender with the
//! reason, and keeps none behind it waiting. At most 50 messages a pass (Q85059).

use std::collections::{BTreeMap, BTreeSet};

use crate::core::base::HexId;
use crate::core::base::address::{Address, AddressType};
use crate::core::base::ident::MailbagStem;
use crate::core::base::time::UnixTime;
use crate::core::format::mai::Mai;
use crate::core::format::mbg::Priority;
use crate::core::format::mmff::{NewMessage, write};
use crate::core::format::p1::P1;
use crate::postoffice::externals::gateways::Folder;
use crate::postoffice::stream::Report;
use crate::postoffice::{Edit, PoError};
use crate::tree::TreeView;

use super::super::link::{self, Done, Parcel};
use super::super::log;
use super::super::mailer::PASS_LIMIT;
use super::super::stuck::{Selection, give_back_because};
use super::{BATCH_LIMIT_BYTES, GatewayTotals, Place, RETURNED, WAITS, finding};

/// The code of a message that cannot be written as a file: `[001] unable to deliver.` (ASSIGNED: what
/// GTWPUT told the sender was not published.)
const UNSENDABLE: u16 = 1;

/// Writes what waits for a gateway: prepares one commit.
///
/// # Errors
/// A damaged mailbag, or a disk error: nothing is written then.
pub fn carry_off(
    edit: &mut Edit<'_>,
    place: &Place,
    now: UnixTime,
    report: &mut Report<'_>,
) -> Result<GatewayTotals, PoError> {
    let view = edit.view();
    let mut totals = GatewayTotals::default();
    let folder = Folder::Spool.path(place.mailbag);
    let mut done = Vec::new();
    let mut lost: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let (mut left, mut bytes) = (PASS_LIMIT, 0u64);
    while left > 0 && bytes < BATCH_LIMIT_BYTES {
        let again = !seen.is_empty();
        let sink = &mut |finding| {
            // What cannot be read is met in every round, and said once.
            if !again {
                report(finding);
            }
        };
        let skip = |stem: HexId| seen.contains(&stem.0);
        let parcels = link::collect(view, place.mailbag, left, &skip, sink)?.parcels;
        if parcels.is_empty() {
            break;
        }
        for parcel in parcels {
            seen.insert(parcel.stem);
            let path = format!("{folder}/{}.MMF", HexId(parcel.stem));
            match file_of(view, place, &parcel) {
                Ok(Some(file)) if !edit.exists(&path)? => {
                    bytes += file.len() as u64;
                    edit.create(&path, file)?;
                    totals.carried_off += 1;
                }
                Ok(Some(_)) => {
                    let why = "a file of that name waits for the gateway".to_owned();
                    report(finding(WAITS, path, why));
                    continue;
                }
                Ok(None) => totals.swallowed += 1,
                Err(why) => {
                    let file = MailbagStem::Id(place.mailbag).mbg_path();
                    let stem = HexId(parcel.stem);
                    let told = format!("{stem} cannot be written for the gateway: {why}");
                    report(finding(RETURNED, file, told));
                    let index = usize::try_from(parcel.index).unwrap_or(usize::MAX);
                    lost.entry(why).or_default().push(index);
                    totals.returned += 1;
                    left -= 1;
                    continue;
                }
            }
            left -= 1;
            done.push(Done {
                index: parcel.index,
                stem: parcel.stem,
                tag: parcel.tag,
                there: parcel.stem,
            });
        }
    }
    // What leaves is only marked as long as others are there: the numbers stay true.
    for (why, indices) in lost {
        let selection = Selection {
            indices,
            ..Selection::default()
        };
        let mailbag = MailbagStem::Id(place.mailbag);
        give_back_because(edit, mailbag, &selection, UNSENDABLE, Some(&why), now)?;
    }
    if !done.is_empty() {
        link::sent(edit, place.mailbag, &place.gateway.name, &done, now)?;
    }
    Ok(totals)
}

fn digit(priority: Priority) -> Option<u8> {
    match priority {
        Priority::Low => Some(b'1'),
        Priority::Normal => None,
        Priority::High => Some(b'5'),
    }
}

/// The file of a message; `None` for one that only `*SPECIAL` is to get.
fn file_of(view: &TreeView, place: &Place, parcel: &Parcel) -> Result<Option<Vec<u8>>, String> {
    let [_, envelope, mai, attachments @ ..] = &parcel.parts[..] else {
        return Err("the message is incomplete".to_owned());
    };
    let envelope = P1::decode(envelope).map_err(|error| error.to_string())?;
    let decoded = Mai::decode(mai).map_err(|error| error.to_string())?;
    if decoded.encrypted {
        return Err("it is enciphered".to_owned());
    }
    let mai = decoded.mai;
    let read = |text: &[u8]| Address::parse(text).map_err(|fault| fault.to_string());
    let mut to = Vec::new();
    for recipient in &envelope.recipients {
        let address = read(recipient)?;
        // `$SYSTEM` is a special name too, and meant.
        let special = address.kind() == AddressType::Pcm
            && address
                .mailbox()
                .is_some_and(|mailbox| mailbox.is_special() && !mailbox.is_system());
        if !special {
            to.push(address);
        }
    }
    if to.is_empty() {
        return Ok(None);
    }
    let from = read(&envelope.originator)?;
    let named = mai.attachments.iter().zip(attachments);
    let attachments: Vec<(&[u8], &[u8])> = named
        .map(|(attachment, bytes)| (attachment.name.as_slice(), bytes.as_slice()))
        .collect();
    let message = NewMessage {
        to: &to,
        from: &from,
        written: log::local_time(view, UnixTime(mai.date)),
        subject: &mai.subject,
        priority: digit(mai.priority),
        text: &mai.text,
        attachments: &attachments,
    };
    let mut out = Vec::new();
    write(&message, place.gateway.eol, &mut out).map_err(|error| error.to_string())?;
    Ok(Some(out))
}
