//! The entries of the lists as they stand in the files: what extracts ([`super::extract`]), import
//! replies and RESYNC.GLB ([`super::server_lists`]) are made of. Files are read piece by piece.
//!
//! An entry whose name or address cannot be read has its message instead: 43 (a name without an
//! address), 46 (an address without a name, Q119240), 81 (no mailbox, Q128872).

use std::ops::ControlFlow;

use crate::core::base::address::{Address, AddressType, FullName, MailboxName, PoName, Scope};
use crate::core::base::transaction::{Info, TemplateLine};
use crate::core::base::{Entry, HexId};
use crate::core::format::gateway_list::{self, HEADER_LEN, MAX_ADDRESS_LEN, RECORD_HEAD_LEN};
use crate::core::format::nme::NmeRecord;
use crate::core::format::template::Template;
use crate::core::format::usr::UsrRecord;
use crate::core::protocol::log::LogLine;
use crate::postoffice::{PoError, stream};
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::error::ImportError;
use super::log::message;
use super::places::{Place, Places, usr_path};
use super::problem::Problems;
use super::usr_list::{TPL_LEN_LIMIT, inf_path, tpl_path};

/// What the callers' errors must be made of.
pub(crate) trait Fails: From<TreeError> + From<PoError> + From<ImportError> {}
impl<T: From<TreeError> + From<PoError> + From<ImportError>> Fails for T {}

/// One entry of a list.
pub(crate) struct Listed {
    /// Number of its record, from 1.
    pub(crate) record: u64,
    /// Byte offset of its record.
    pub(crate) offset: u64,
    /// Where its template data is; gateways have none.
    pub(crate) inf: Option<u32>,
    /// Where its address is; 0 in the list of a postoffice.
    pub(crate) pointer: u32,
    /// The entry, or the message of why it is left out.
    pub(crate) entry: Result<Entry, LogLine>,
}

/// The list of a place, and its name; `None` for one whose name or type cannot be read.
pub(crate) fn scope_of(places: &Places, place: &Place) -> Option<(Scope, PoName)> {
    let network = places.networks[place.network].name;
    let name = PoName::read(network.text(), place.postoffice.text()).ok()?;
    let kind = AddressType::from_code(place.code.code())?.class();
    let node = Some(name);
    Some((Scope { kind, node }, name))
}

/// Calls `each` for the live entries of the USR file of an external postoffice or node.
///
/// # Errors
/// The file is missing (an unreadable list is never an empty one, design 4.6), a disk error, or
/// what `each` fails with.
pub(crate) fn each_of_place<E: Fails>(
    view: &TreeView,
    stem: HexId,
    kind: AddressType,
    name: PoName,
    each: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    each_record(view, stem, &mut |index, offset, record| {
        let alias = FullName::new(record.alias.text());
        let address = MailboxName::read(record.mailbox.text())
            .and_then(|mailbox| Address::three_part(kind, name, mailbox));
        let entry = match (alias, address) {
            (Ok(alias), Ok(address)) => Ok(Entry { alias, address }),
            (Err(_), _) => {
                let node = Some(name);
                Err(message(46, Scope { kind, node }.to_string()))
            }
            (Ok(alias), Err(_)) => Err(message(81, format!("{alias} {name}/"))),
        };
        each(Listed {
            record: index + 1,
            offset,
            inf: record.inf_index(),
            pointer: 0,
            entry,
        })
    })
}

/// Calls `each` for the live entries of a USR file whose name and mailbox can be read.
///
/// # Errors
/// The file is missing, a disk error, or what `each` fails with.
pub(crate) fn each_user<E: Fails>(
    view: &TreeView,
    stem: HexId,
    each: &mut dyn FnMut(FullName, MailboxName) -> Result<(), E>,
) -> Result<(), E> {
    each_record(view, stem, &mut |_, _, record| match (
        FullName::new(record.alias.text()),
        MailboxName::read(record.mailbox.text()),
    ) {
        (Ok(alias), Ok(mailbox)) => each(alias, mailbox),
        _ => Ok(()),
    })
}

/// Calls `each` with index, byte offset and record for the live entries of a USR file.
fn each_record<E: Fails>(
    view: &TreeView,
    stem: HexId,
    each: &mut dyn FnMut(u64, u64, &UsrRecord) -> Result<(), E>,
) -> Result<(), E> {
    let path = usr_path(stem);
    let file = view.open_file(&path)?.ok_or(ImportError::Missing {
        file: path,
        why: "it is the list of a postoffice or node that is defined here",
    })?;
    let mut result = Ok(());
    stream::records::<UsrRecord>(&file, 0, u64::MAX, &mut |index, offset, record| {
        if record.is_live() {
            result = each(index, offset, record);
        }
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    result
}

/// Calls `each` for the entries of a gateway's list: `names` is its NME file, `addresses` its GLB file.
///
/// # Errors
/// A disk error, or what `each` fails with.
pub(crate) fn each_of_gateway<E: Fails>(
    kind: AddressType,
    names: &ViewFile<'_>,
    addresses: &ViewFile<'_>,
    each: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let mut result = Ok(());
    stream::records::<NmeRecord>(names, 0, u64::MAX, &mut |index, offset, record| {
        let pointer = record.pointer.get();
        let left_out = |code| Err(message(code, record.alias.to_string_850()));
        let alias = FullName::new(record.alias.text());
        result = match address_at(kind, addresses, pointer) {
            Err(error) => Err(error.into()),
            Ok(address) => each(Listed {
                record: index + 1,
                offset,
                inf: None,
                pointer,
                entry: match (alias, address) {
                    (Ok(alias), Some(address)) => Ok(Entry { alias, address }),
                    (Err(_), _) => left_out(46),
                    (Ok(_), None) => left_out(43),
                },
            }),
        };
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    result
}

/// The live address at a byte offset of a gateway's file.
fn address_at(
    kind: AddressType,
    addresses: &ViewFile<'_>,
    pointer: u32,
) -> Result<Option<Address>, TreeError> {
    if (pointer as usize) < HEADER_LEN {
        return Ok(None);
    }
    let mut bytes = vec![0; RECORD_HEAD_LEN + MAX_ADDRESS_LEN];
    let n = addresses.read_at(&mut bytes, u64::from(pointer))?;
    // The record as if it were the first of a file of its own.
    let mut file = gateway_list::FRESH.to_vec();
    file.extend_from_slice(&bytes[..n]);
    let first = u32::try_from(HEADER_LEN).unwrap_or(4);
    Ok(gateway_list::GatewayList::new(&file)
        .and_then(|list| list.at_offset(first))
        .ok()
        .filter(gateway_list::GatewayEntry::is_live)
        .and_then(|entry| Address::from_physical_record(kind, entry.address).ok()))
}

/// Template and template data of an external postoffice or node.
pub(crate) struct TemplateData<'v> {
    template: Template,
    file: Option<ViewFile<'v>>,
    /// The data does not fit to the template (message 36).
    pub(crate) is_misfit: bool,
}

impl<'v> TemplateData<'v> {
    /// Opens both files once (Q147158). `None` where there is no usable template; what is wrong
    /// with one goes to `problems`: 36 when the data does not fit to it, 38 when it cannot be read.
    pub(crate) fn open(
        view: &'v TreeView,
        stem: HexId,
        problems: &mut Problems,
    ) -> Result<Option<Self>, TreeError> {
        let path = tpl_path(stem);
        let Some(text) = view.read(&path, TPL_LEN_LIMIT)? else {
            return Ok(None);
        };
        let template = match Template::parse(&text) {
            Ok(template) => template,
            Err(fault) => {
                problems.file(message(38, fault.to_string()), path);
                return Ok(None);
            }
        };
        if template.record_len_bytes() == 0 {
            return Ok(None);
        }
        let path = inf_path(stem);
        let mut file = view.open_file(&path)?;
        let is_misfit = file
            .as_ref()
            .is_some_and(|known| template.record_count(known.len()).is_none());
        if is_misfit {
            problems.file(message(36, format!("{stem}.INF")), path);
            file = None;
        }
        Ok(Some(Self {
            template,
            file,
            is_misfit,
        }))
    }

    /// The lines of T.
    pub(crate) fn fields(&self) -> Vec<TemplateLine> {
        let fields = self.template.fields.iter();
        fields
            .filter_map(|field| TemplateLine::new(&field.to_line()).ok())
            .collect()
    }

    /// The `-` lines of an entry: every value that the template does not give anyway.
    pub(crate) fn info(&self, index: Option<u32>) -> Result<Vec<Info>, TreeError> {
        let (info, _) = self.info_and_first(index)?;
        Ok(info)
    }

    /// As [`Self::info`], but an entry whose values are all defaults says one of them, so that a
    /// receiver does not keep older data (ASSIGNED).
    pub(crate) fn info_or_first(&self, index: Option<u32>) -> Result<Vec<Info>, TreeError> {
        let (info, first) = self.info_and_first(index)?;
        Ok(if info.is_empty() {
            first.into_iter().collect()
        } else {
            info
        })
    }

    fn info_and_first(&self, index: Option<u32>) -> Result<(Vec<Info>, Option<Info>), TreeError> {
        let none = (Vec::new(), None);
        let (Some(file), Some(index)) = (&self.file, index) else {
            return Ok(none);
        };
        let len = self.template.record_len_bytes();
        let mut record = vec![0; len];
        let offset = u64::from(index).saturating_mul(len as u64);
        if file.read_at(&mut record, offset)? < len {
            return Ok(none);
        }
        let Ok(values) = self.template.record_values(&record) else {
            return Ok(none);
        };
        let both = || self.template.fields.iter().zip(&values);
        let line = |prompt: &[u8], value: &[u8]| Info::new(prompt.trim_ascii_start(), value).ok();
        let info = both()
            .filter(|(field, value)| field.default_value() != **value)
            .filter_map(|(field, value)| line(&field.prompt, value))
            .collect();
        let first = both().find_map(|(field, value)| line(&field.prompt, value));
        Ok((info, first))
    }
}
