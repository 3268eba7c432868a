//! The lists of the server's postoffice as transactions: what import replies (dsp R-IMP-005) and
//! RESYNC.GLB (imp R-RSY-004) are made of.
//!
//! One R for each list, then its A's: the own users and groups that take part, every external
//! postoffice and node with its USR file, every gateway with its list. Files are read piece by
//! piece. Templates and template data go along as far as this postoffice has them: T behind R, `-`
//! lines in the A's; the filter of a reply takes them out again for a requestor that receives none
//! (dsp R-T2T-008). The own template goes when the options say that it is sent.
//!
//! An entry whose name or address cannot be read is left out with its message: 43 (a name without
//! an address), 46 (an address without a name, Q119240), 81 (no mailbox, or a group that
//! GROUP.GLB and ADMIN.NME do not agree on, Q122689, Q128872).

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::core::base::address::{Address, AddressType, FullName, MailboxName, PoName, Scope};
use crate::core::base::transaction::{Info, TemplateLine};
use crate::core::base::{HexId, Transaction, UnixTime};
use crate::core::format::gateway_list::{self, HEADER_LEN, MAX_ADDRESS_LEN, RECORD_HEAD_LEN};
use crate::core::format::nme::NmeRecord;
use crate::core::format::template::Template;
use crate::core::format::usr::UsrRecord;
use crate::postoffice::{Edit, Lists, PoError, stream};
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::error::ImportError;
use super::gateway_list::{glb_path, nme_path};
use super::log::message;
use super::places::{Place, Places, usr_path};
use super::problem::Problems;
use super::usr_list::{TPL_LEN_LIMIT, inf_path, tpl_path};

const GROUP_GLB: &str = "GLB/GROUP.GLB";

/// What the callers' errors must be made of.
pub(crate) trait Fails: From<TreeError> + From<PoError> + From<ImportError> {}
impl<T: From<TreeError> + From<PoError> + From<ImportError>> Fails for T {}

/// How the lists are written out.
pub(crate) struct ServerLists<'a> {
    /// The postoffice.
    pub(crate) view: &'a TreeView,
    /// The one clock for data.
    pub(crate) now: UnixTime,
}

type Say<'a, E> = dyn FnMut(&Transaction) -> Result<(), E> + 'a;

impl ServerLists<'_> {
    /// Calls `each` with the text of every transaction; what is left out goes to `problems`.
    ///
    /// # Errors
    /// A list is damaged or cannot be read (an unreadable list is never an empty one, design 4.6),
    /// or what `each` fails with.
    pub(crate) fn each<E: Fails>(
        &self,
        problems: &mut Problems,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if crate::exchange::is_agent(self.view) {
            use crate::core::base::address::TypeCase;
            for transaction in crate::exchange::agent::lists(self.view)? {
                if let Ok(text) = transaction.to_record_text_with(TypeCase::Lower) {
                    each(&text)?;
                }
            }
            return Ok(());
        }
        let mut say = |transaction: &Transaction| match transaction.to_record_text() {
            Ok(text) => each(&text),
            Err(_) => Ok(()),
        };
        self.own_list(problems, &mut say)?;
        let places = Places::read(self.view)?;
        for place in &places.places {
            let network = places.networks[place.network].name;
            let name = PoName::read(network.text(), place.postoffice.text());
            let kind = AddressType::from_code(place.code.code());
            if let (Ok(name), Some(kind)) = (name, kind) {
                let node = Some(name);
                let kind = kind.class();
                self.place(Scope { kind, node }, name, place, problems, &mut say)?;
            }
        }
        for kind in AddressType::ALL {
            if !kind.is_three_part() {
                self.gateway(kind, problems, &mut say)?;
            }
        }
        Ok(())
    }

    fn own_list<E: Fails>(&self, problems: &mut Problems, say: &mut Say<'_, E>) -> Result<(), E> {
        let mut edit = Edit::new(self.view);
        let lists = Lists::open(&mut edit, self.now)?;
        let scope = Scope::pcm(lists.own());
        say(&Transaction::Replace { scope })?;
        if let Some(fields) = lists.sent_template() {
            say(&Transaction::Template { scope, fields })?;
        }
        let own = lists.own().to_string();
        lists.each_member(&mut |transaction| say(transaction), &mut |name| {
            problems.file(message(81, format!("{name} {own}/")), GROUP_GLB);
        })
    }

    /// One external postoffice or node.
    fn place<E: Fails>(
        &self,
        scope: Scope,
        name: PoName,
        place: &Place,
        problems: &mut Problems,
        say: &mut Say<'_, E>,
    ) -> Result<(), E> {
        say(&Transaction::Replace { scope })?;
        let data = TemplateData::open(self.view, place.stem, problems)?;
        if let Some(data) = &data {
            let fields = data.fields();
            say(&Transaction::Template { scope, fields })?;
        }
        let path = usr_path(place.stem);
        each_record(self.view, place.stem, &mut |index, offset, record| {
            let alias = FullName::new(record.alias.text());
            let mailbox = MailboxName::read(record.mailbox.text());
            let address =
                mailbox.and_then(|mailbox| Address::three_part(scope.kind, name, mailbox));
            let mut left_out = |code, text: String| {
                problems.at(message(code, text), path.as_str(), index + 1, offset);
                Ok(())
            };
            match (alias, address) {
                (Ok(alias), Ok(address)) => {
                    let mut transaction = Transaction::add(alias, address);
                    if let (Some(data), Transaction::Add { info, .. }) = (&data, &mut transaction) {
                        *info = data.info(record.inf_index())?;
                    }
                    say(&transaction)
                }
                (Err(_), _) => left_out(46, scope.to_string()),
                (Ok(alias), Err(_)) => left_out(81, format!("{alias} {name}/")),
            }
        })
    }

    fn gateway<E: Fails>(
        &self,
        kind: AddressType,
        problems: &mut Problems,
        say: &mut Say<'_, E>,
    ) -> Result<(), E> {
        let names_path = nme_path(kind);
        let Some(names) = self.view.open_file(&names_path)? else {
            return Ok(());
        };
        let addresses_path = glb_path(kind);
        let Some(addresses) = self.view.open_file(&addresses_path)? else {
            return Err(missing(addresses_path).into());
        };
        let scope = Scope { kind, node: None };
        say(&Transaction::Replace { scope })?;
        let mut result = Ok(());
        let mut named = BTreeSet::new();
        stream::records::<NmeRecord>(&names, 0, u64::MAX, &mut |index, offset, record| {
            named.insert(record.pointer.get());
            let alias = FullName::new(record.alias.text());
            let address = address_at(kind, &addresses, record.pointer.get());
            let mut left_out = |code| {
                let about = record.alias.to_string_850();
                problems.at(message(code, about), names_path.as_str(), index + 1, offset);
                Ok(())
            };
            result = match (alias, address) {
                (_, Err(error)) => Err(error.into()),
                (Ok(alias), Ok(Some(address))) => say(&Transaction::add(alias, address)),
                (Err(_), _) => left_out(46),
                (Ok(_), Ok(None)) => left_out(43),
            };
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result?;
        nameless(&addresses, &addresses_path, &named, problems)?;
        Ok(())
    }
}

/// Message 46 for live addresses that no name points to: one line says how many (Q119240: an empty
/// X400.NME beside a filled X400.GLB).
fn nameless(
    addresses: &ViewFile<'_>,
    path: &str,
    named: &BTreeSet<u32>,
    problems: &mut Problems,
) -> Result<(), TreeError> {
    let (mut at, mut count, mut first) = (HEADER_LEN as u64, 0u64, None);
    let mut head = [0; RECORD_HEAD_LEN];
    while at < addresses.len() && addresses.read_at(&mut head, at)? == RECORD_HEAD_LEN {
        let pointer = u32::try_from(at).unwrap_or(0);
        if head[0] == crate::core::format::record::LIVE && !named.contains(&pointer) {
            count += 1;
            first = first.or(Some(at));
        }
        at += (RECORD_HEAD_LEN + usize::from(u16::from_le_bytes([head[2], head[3]]))) as u64;
    }
    if let Some(offset) = first {
        let line = message(46, format!("({count} addresses of {path})"));
        problems.push(super::Problem {
            line,
            file: path.to_owned(),
            record: None,
            offset: Some(offset),
        });
    }
    Ok(())
}

/// The address at a byte offset of a gateway's file.
fn address_at(
    kind: AddressType,
    addresses: &ViewFile<'_>,
    pointer: u32,
) -> Result<Option<Address>, TreeError> {
    let mut bytes = vec![0; RECORD_HEAD_LEN + MAX_ADDRESS_LEN];
    let n = addresses.read_at(&mut bytes, u64::from(pointer))?;
    if (pointer as usize) < HEADER_LEN {
        return Ok(None);
    }
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

/// Calls `each` for the live entries of a USR file whose name and mailbox can be read.
///
/// # Errors
/// The file is missing, or a disk error.
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
    let Some(file) = view.open_file(&path)? else {
        return Err(missing(path).into());
    };
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

fn missing(file: String) -> ImportError {
    ImportError::Missing {
        file,
        why: "it is one of the lists that everybody else is given",
    }
}

/// Template and template data of an external postoffice or node.
struct TemplateData<'v> {
    template: Template,
    file: Option<ViewFile<'v>>,
}

impl<'v> TemplateData<'v> {
    /// Opens both files once (Q147158). `None` where there is no usable template; what is wrong
    /// with one goes to `problems`: 36 when the data does not fit to it, 38 when it cannot be read.
    fn open(
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
        if let Some(known) = &file
            && template.record_count(known.len()).is_none()
        {
            problems.file(message(36, format!("{stem}.INF")), path);
            file = None;
        }
        Ok(Some(Self { template, file }))
    }

    /// The lines of T.
    fn fields(&self) -> Vec<TemplateLine> {
        let fields = self.template.fields.iter();
        fields
            .filter_map(|field| TemplateLine::new(&field.to_line()).ok())
            .collect()
    }

    /// The `-` lines of an entry: every value that the template does not give anyway. An entry
    /// whose values are all defaults says one of them, so that a receiver does not keep older data
    /// (ASSIGNED).
    fn info(&self, index: Option<u32>) -> Result<Vec<Info>, TreeError> {
        let (Some(file), Some(index)) = (&self.file, index) else {
            return Ok(Vec::new());
        };
        let len = self.template.record_len_bytes();
        let mut record = vec![0; len];
        let offset = u64::from(index).saturating_mul(len as u64);
        if file.read_at(&mut record, offset)? < len {
            return Ok(Vec::new());
        }
        let Ok(values) = self.template.record_values(&record) else {
            return Ok(Vec::new());
        };
        let both = || self.template.fields.iter().zip(&values);
        let line = |prompt: &[u8], value: &[u8]| Info::new(prompt.trim_ascii_start(), value).ok();
        let info: Vec<Info> = both()
            .filter(|(field, value)| field.default_value() != **value)
            .filter_map(|(field, value)| line(&field.prompt, value))
            .collect();
        if info.is_empty() {
            let first = both().find_map(|(field, value)| line(&field.prompt, value));
            return Ok(first.into_iter().collect());
        }
        Ok(info)
    }
}
