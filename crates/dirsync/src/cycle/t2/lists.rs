//! The lists of the server's postoffice as transactions, for import replies (dsp R-IMP-005).
//!
//! One R for each list, then its A's: the own users and groups that take part, every external
//! postoffice and node with its USR file, every gateway with its list. Files are read piece by
//! piece. Entries whose names or addresses cannot be read are passed over; the check finds them.
//! Templates and their data go along as far as this postoffice has them; the filter of the reply
//! takes them out again for a requestor that receives none (dsp R-T2T-008).

use std::ops::ControlFlow;

use crate::core::base::address::{Address, AddressType, FullName, MailboxName, PoName, Scope};
use crate::core::base::{Entry, Transaction, UnixTime};
use crate::core::format::gateway_list;
use crate::core::format::nme::NmeRecord;
use crate::core::format::usr::UsrRecord;
use crate::import::places::{Places, usr_path};
use crate::postoffice::{Edit, Lists, stream};
use crate::tree::TreeView;
use crate::tree::view::ViewFile;

use super::super::CycleError;
use super::template::ListTemplate;

/// Calls `each` with the text of every transaction.
///
/// # Errors
/// A list is damaged or cannot be read (an unreadable list is never an empty one, design 4.6), or
/// what `each` fails with.
pub(super) fn each_list(
    view: &TreeView,
    now: UnixTime,
    each: &mut dyn FnMut(&[u8]) -> Result<(), CycleError>,
) -> Result<(), CycleError> {
    let mut say = |transaction: &Transaction| match transaction.to_record_text() {
        Ok(text) => each(&text),
        Err(_) => Ok(()),
    };
    own_list(view, now, &mut say)?;
    let places = Places::read(view)?;
    for place in &places.places {
        let network = places.networks[place.network].name;
        let name = PoName::read(network.text(), place.postoffice.text());
        let kind = AddressType::from_code(place.code.code());
        if let (Ok(name), Some(kind)) = (name, kind) {
            let scope = Scope {
                kind: kind.class(),
                node: Some(name),
            };
            say(&Transaction::Replace { scope })?;
            let mut template = ListTemplate::open(view, place.stem)?;
            if let Some(template) = &template {
                let fields = template.lines();
                say(&Transaction::Template { scope, fields })?;
            }
            each_user(view, place.stem, &mut |alias, mailbox, record| {
                let Ok(address) = Address::three_part(kind.class(), name, mailbox) else {
                    return Ok(());
                };
                let info = match &mut template {
                    Some(template) => template.info(record)?,
                    None => Vec::new(),
                };
                say(&Transaction::Add {
                    entry: Entry { alias, address },
                    info,
                    options: Vec::new(),
                })
            })?;
        }
    }
    for kind in AddressType::ALL {
        if !kind.is_three_part() {
            gateway(view, kind, &mut say)?;
        }
    }
    Ok(())
}

type Say<'a> = dyn FnMut(&Transaction) -> Result<(), CycleError> + 'a;

fn own_list(view: &TreeView, now: UnixTime, say: &mut Say<'_>) -> Result<(), CycleError> {
    let mut edit = Edit::new(view);
    let lists = Lists::open(&mut edit, now)?;
    let scope = Scope::pcm(lists.own());
    say(&Transaction::Replace { scope })?;
    if let Some(fields) = lists.sent_template() {
        say(&Transaction::Template { scope, fields })?;
    }
    lists.each_member(&mut |transaction| say(transaction))
}

/// Calls `each` for the live entries of a USR file.
///
/// # Errors
/// The file is missing, or a disk error.
pub(super) fn each_user(
    view: &TreeView,
    stem: crate::core::base::HexId,
    each: &mut dyn FnMut(FullName, MailboxName, &UsrRecord) -> Result<(), CycleError>,
) -> Result<(), CycleError> {
    let path = usr_path(stem);
    let Some(file) = view.open_file(&path)? else {
        return Err(missing(path));
    };
    let mut result = Ok(());
    stream::records::<UsrRecord>(&file, 0, u64::MAX, &mut |_, _, record| {
        if record.is_live()
            && let Ok(alias) = FullName::new(record.alias.text())
            && let Ok(mailbox) = MailboxName::read(record.mailbox.text())
        {
            result = each(alias, mailbox, record);
        }
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    result
}

fn missing(file: String) -> CycleError {
    crate::import::ImportError::Missing {
        file,
        why: "it is one of the lists that import replies are made of",
    }
    .into()
}

fn gateway(view: &TreeView, kind: AddressType, say: &mut Say<'_>) -> Result<(), CycleError> {
    let Some(names) = view.open_file(&format!("NME/{}.NME", kind.name()))? else {
        return Ok(());
    };
    let addresses_path = format!("GLB/{}.GLB", kind.name());
    let Some(addresses) = view.open_file(&addresses_path)? else {
        return Err(missing(addresses_path));
    };
    let scope = Scope { kind, node: None };
    say(&Transaction::Replace { scope })?;
    let mut result = Ok(());
    stream::records::<NmeRecord>(&names, 0, u64::MAX, &mut |_, _, record| {
        result = gateway_entry(kind, record, &addresses).and_then(|entry| match entry {
            Some(transaction) => say(&transaction),
            None => Ok(()),
        });
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    result
}

fn gateway_entry(
    kind: AddressType,
    record: &NmeRecord,
    addresses: &ViewFile<'_>,
) -> Result<Option<Transaction>, CycleError> {
    let longest = gateway_list::RECORD_HEAD_LEN + gateway_list::MAX_ADDRESS_LEN;
    let mut bytes = vec![0; longest];
    let n = addresses.read_at(&mut bytes, u64::from(record.pointer.get()))?;
    // The record as if it were the first of a file of its own.
    let mut file = gateway_list::FRESH.to_vec();
    file.extend_from_slice(&bytes[..n]);
    let first = u32::try_from(gateway_list::HEADER_LEN).unwrap_or(4);
    let physical = gateway_list::GatewayList::new(&file)
        .and_then(|list| list.at_offset(first))
        .ok()
        .filter(gateway_list::GatewayEntry::is_live)
        .map(|entry| entry.address.to_vec());
    let Some(physical) = physical else {
        return Ok(None);
    };
    let alias = FullName::new(record.alias.text());
    let address = Address::from_physical_record(kind, &physical);
    Ok(match (alias, address) {
        (Ok(alias), Ok(address)) => Some(Transaction::add(alias, address)),
        _ => None,
    })
}
