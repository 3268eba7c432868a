//! `glb-import extract`: lists as an import file.
//!
//! Additions in columns, code in column 1, name from column 3, type from column 34 (Q132681): the own
//! postoffice first, its groups and then its users in the order they were made, then other lists
//! in their own order. Only A lines (Q96060); an R in front of each list and T with the template
//! when they are asked for. Imported where it came from, the file changes nothing; into emptied lists
//! it brings everything back.
//!
//! Which list a place has follows from the type of its record, never from its name (Q126610: an
//! extract of a gateway with a reserved name was empty). Lists are read piece by piece.

use std::io;
use std::ops::ControlFlow;

use crate::core::base::address::{FullName, MailboxName, TypeCase};
use crate::core::base::logline::LogSeverity;
use crate::core::base::transaction::{Form, Info, TemplateLine, UserOption};
use crate::core::base::{Address, AddressType, Entry, PoName, Scope, Transaction, UnixTime};
use crate::core::format::access::rights;
use crate::core::format::codes::AddressCode;
use crate::core::format::gateway_list::{HEADER_LEN, MAX_ADDRESS_LEN, RECORD_HEAD_LEN};
use crate::core::format::nme::NmeRecord;
use crate::core::format::record::LIVE;
use crate::core::format::template::Template;
use crate::core::format::usr::UsrRecord;
use crate::core::protocol::log::LogLine;
use crate::postoffice::lists::Lists;
use crate::postoffice::{Edit, stream};
use crate::tree::TreeView;
use crate::tree::view::ViewFile;

use super::error::ImportError;
use super::gateway_list::{glb_path, nme_path};
use super::log::message;
use super::places::{Place, Places, usr_path};
use super::problem::Problems;
use super::usr_list::{inf_path, tpl_path};

/// Templates have at most 256 fields of a few hundred bytes.
const TPL_LEN_LIMIT: u64 = 1 << 20;

/// Which lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The own list and those of all external postoffices (`-x` alone, Q132681).
    Postoffices,
    /// All lists of a type (`-g`).
    Type(AddressType),
    /// One list.
    List(Scope),
    /// The own groups and users.
    Local,
}

/// What to write.
#[derive(Debug, Clone, Copy)]
pub struct ExtractOptions {
    /// Which lists.
    pub what: What,
    /// Templates and template data (`-t`).
    pub templates: bool,
    /// An R line in front of each list but the own.
    pub with_replace: bool,
    /// `&` lines of local users.
    pub options: bool,
    /// The own groups, too.
    pub groups: bool,
    /// The time for what must be dated.
    pub now: UnixTime,
}

/// What was written.
#[derive(Debug, Default)]
pub struct Extracted {
    /// The lists and their entries.
    pub lists: Vec<(Scope, u64)>,
    /// What was left out or changed.
    pub problems: Problems,
}

/// Takes each transaction that is written, with its lines in code page 850, CR LF at their ends.
pub type Write<'a> = dyn FnMut(&Transaction, &[u8]) -> io::Result<()> + 'a;

/// Writes lists as an import file.
///
/// # Errors
/// A list is damaged or cannot be read: an unreadable list is never an empty one. A list that was
/// named does not exist. [`ImportError::Output`] when `write` fails.
pub fn extract(
    view: &TreeView,
    options: &ExtractOptions,
    write: &mut Write<'_>,
) -> Result<Extracted, ImportError> {
    let places = Places::read(view)?;
    let mut run = Run {
        view,
        options,
        write,
        done: Extracted::default(),
    };
    let own = places.own.map(Scope::pcm);
    match options.what {
        What::Local => run.local()?,
        What::List(scope) if own == Some(scope) => run.local()?,
        What::Postoffices => {
            run.local()?;
            run.places(&places, AddressType::Pcm)?;
        }
        What::Type(kind) if kind.is_three_part() => run.places(&places, kind.class())?,
        What::Type(kind) => run.gateway(&places, kind)?,
        What::List(Scope { kind, node: None }) => run.gateway(&places, kind)?,
        What::List(Scope {
            kind,
            node: Some(name),
        }) => {
            let code = AddressCode::from_code(kind.code()).unwrap_or(AddressCode::Pcm);
            let place = places.find(code, name).ok_or_else(|| ImportError::NoList {
                code: 32,
                list: name.to_string(),
            })?;
            run.place(&places, &places.places[place])?;
        }
    }
    Ok(run.done)
}

struct Run<'a, 'w> {
    view: &'a TreeView,
    options: &'a ExtractOptions,
    write: &'a mut Write<'w>,
    done: Extracted,
}

impl<'a> Run<'a, '_> {
    fn say(&mut self, transaction: &Transaction) -> Result<(), ImportError> {
        let mut text = Vec::new();
        for line in transaction.lines(Form::Columns, TypeCase::Upper) {
            text.extend_from_slice(&line);
            text.extend_from_slice(b"\r\n");
        }
        (self.write)(transaction, &text).map_err(|error| ImportError::Output { error })
    }

    fn replace(&mut self, scope: Scope) -> Result<(), ImportError> {
        if self.options.with_replace {
            self.say(&Transaction::Replace { scope })?;
        }
        Ok(())
    }

    /// The own groups, then the own users.
    fn local(&mut self) -> Result<(), ImportError> {
        let mut edit = Edit::new(self.view);
        let lists = Lists::open(&mut edit, self.options.now)?;
        let scope = Scope::pcm(lists.own());
        let mut count = 0;
        if self.options.groups {
            for entry in lists.group_entries() {
                match entry {
                    Some(entry) => {
                        self.say(&Transaction::add(entry.alias, entry.address))?;
                        count += 1;
                    }
                    None => self.left_out(81, &scope, "GLB/GROUP.GLB"),
                }
            }
        }
        if self.options.templates && !lists.has_template() {
            self.left_out(61, &scope, "TPL/ADMIN.TPL");
        }
        for user in lists.all_users() {
            let Some(entry) = lists.entry(user.index) else {
                self.left_out(81, &scope, "GLB/ACCESS2.GLB");
                continue;
            };
            let info = if self.options.templates {
                lists.template_info(user.index)
            } else {
                Vec::new()
            };
            let mut options = Vec::new();
            if self.options.options {
                let (rights, administrator) = lists.rights(user.index);
                options = user_options(user.dirsync, rights, administrator);
            }
            self.check_info(&info, &entry);
            self.say(&Transaction::Add {
                entry,
                info,
                options,
            })?;
            count += 1;
        }
        self.done.lists.push((scope, count));
        Ok(())
    }

    fn left_out(&mut self, code: u16, scope: &Scope, file: &str) {
        self.done
            .problems
            .file(message(code, scope.to_string()), file);
    }

    /// Data that begins with a slash cannot be told from a doubled one (DEC-016).
    fn check_info(&mut self, info: &[Info], entry: &Entry) {
        if info.iter().any(|line| line.data().first() == Some(&b'/')) {
            let text = format!(
                "template data of {} begins with a slash; a blank was put in front of it",
                entry.alias
            );
            self.done
                .problems
                .file(LogLine::free(LogSeverity::Warning, text), "");
        }
    }

    fn places(&mut self, places: &Places, kind: AddressType) -> Result<(), ImportError> {
        for place in &places.places {
            let theirs = AddressType::from_code(place.code.code()).map(AddressType::class);
            if theirs == Some(kind) {
                self.place(places, place)?;
            }
        }
        Ok(())
    }

    /// One external postoffice or node.
    fn place(&mut self, places: &Places, place: &Place) -> Result<(), ImportError> {
        let network = places.networks[place.network].name;
        let name = PoName::read(network.text(), place.postoffice.text());
        let kind = AddressType::from_code(place.code.code()).map(AddressType::class);
        let (Ok(name), Some(kind)) = (name, kind) else {
            return Ok(());
        };
        let scope = Scope {
            kind,
            node: Some(name),
        };
        self.replace(scope)?;
        let template = self.template(scope, place)?;
        let path = usr_path(place.stem);
        let view = self.view;
        let file = view.open_file(&path)?.ok_or_else(|| ImportError::Missing {
            file: path.clone(),
            why: "it is a list that was asked for",
        })?;
        let mut count = 0;
        let mut result = Ok(());
        stream::records::<UsrRecord>(&file, 0, u64::MAX, &mut |index, offset, record| {
            if !record.is_live() {
                return ControlFlow::Continue(());
            }
            let alias = FullName::new(record.alias.text());
            let address = MailboxName::read(record.mailbox.text())
                .and_then(|mailbox| Address::three_part(kind, name, mailbox));
            let (alias, address) = match (alias, address) {
                (Ok(alias), Ok(address)) => (alias, address),
                (alias, _) => {
                    let code = if alias.is_err() { 46 } else { 81 };
                    let line = message(code, record.alias.to_string_850());
                    self.done
                        .problems
                        .at(line, path.as_str(), index + 1, offset);
                    return ControlFlow::Continue(());
                }
            };
            count += 1;
            let entry = Entry { alias, address };
            result = match &template {
                Some(template) => template.info(record.inf_index()),
                None => Ok(Vec::new()),
            }
            .and_then(|info| {
                self.check_info(&info, &entry);
                self.say(&Transaction::Add {
                    entry,
                    info,
                    options: Vec::new(),
                })
            });
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result?;
        self.done.lists.push((scope, count));
        Ok(())
    }

    /// The T of a list and what its data is read with.
    fn template(&mut self, scope: Scope, place: &Place) -> Result<Option<Data<'a>>, ImportError> {
        if !self.options.templates {
            return Ok(None);
        }
        let path = tpl_path(place.stem);
        let text = self.view.read(&path, TPL_LEN_LIMIT)?;
        let template = text.as_deref().map(Template::parse);
        let template = match template {
            Some(Ok(template)) if template.record_len_bytes() > 0 => template,
            None | Some(Ok(_)) => {
                self.left_out(61, &scope, &path);
                return Ok(None);
            }
            Some(Err(fault)) => {
                let line = message(38, format!("{scope}, {fault}"));
                self.done.problems.file(line, path);
                return Ok(None);
            }
        };
        let fields: Vec<TemplateLine> = template
            .fields
            .iter()
            .filter_map(|field| TemplateLine::new(&field.to_line()).ok())
            .collect();
        self.say(&Transaction::Template { scope, fields })?;
        let path = inf_path(place.stem);
        let view = self.view;
        let file = view.open_file(&path)?;
        if let Some(known) = &file
            && template.record_count(known.len()).is_none()
        {
            self.left_out(36, &scope, &path);
            return Ok(None);
        }
        Ok(Some(Data { template, file }))
    }

    /// The list of a gateway with free-form addresses.
    fn gateway(&mut self, places: &Places, kind: AddressType) -> Result<(), ImportError> {
        let scope = Scope { kind, node: None };
        let names_path = nme_path(kind);
        let view = self.view;
        let Some(names) = view.open_file(&names_path)? else {
            let code = AddressCode::from_code(kind.code());
            return match code.and_then(|code| places.gateway(code)) {
                Some(_) => Err(ImportError::Missing {
                    file: names_path,
                    why: "it is a list that was asked for",
                }),
                None => Err(ImportError::NoList {
                    code: 44,
                    list: kind.name().to_owned(),
                }),
            };
        };
        let addresses_path = glb_path(kind);
        let addresses = view
            .open_file(&addresses_path)?
            .ok_or(ImportError::Missing {
                file: addresses_path,
                why: "it holds the addresses of a list that was asked for",
            })?;
        if self.options.templates {
            self.left_out(61, &scope, &names_path);
        }
        self.replace(scope)?;
        let mut count = 0;
        let mut result = Ok(());
        stream::records::<NmeRecord>(&names, 0, u64::MAX, &mut |index, offset, record| {
            let alias = FullName::new(record.alias.text());
            let address = match address_at(kind, &addresses, record.pointer.get()) {
                Ok(address) => address,
                Err(error) => {
                    result = Err(error);
                    return ControlFlow::Break(());
                }
            };
            let code = if alias.is_err() { 46 } else { 43 };
            let (Ok(alias), Some(address)) = (alias, address) else {
                let line = message(code, record.alias.to_string_850());
                self.done
                    .problems
                    .at(line, names_path.as_str(), index + 1, offset);
                return ControlFlow::Continue(());
            };
            count += 1;
            result = self.say(&Transaction::add(alias, address));
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result?;
        self.done.lists.push((scope, count));
        Ok(())
    }
}

/// Template data of a list.
struct Data<'v> {
    template: Template,
    file: Option<ViewFile<'v>>,
}

impl Data<'_> {
    /// The `-` lines of an entry: every value that the template does not give anyway.
    fn info(&self, index: Option<u32>) -> Result<Vec<Info>, ImportError> {
        let (Some(file), Some(index)) = (&self.file, index) else {
            return Ok(Vec::new());
        };
        let len = self.template.record_len_bytes();
        let mut record = vec![0; len];
        let offset = u64::from(index).saturating_mul(len as u64);
        if file.read_at(&mut record, offset)? < len {
            return Ok(Vec::new());
        }
        let values = self.template.record_values(&record).unwrap_or_default();
        let fields = self.template.fields.iter().zip(values);
        Ok(fields
            .filter(|(field, value)| field.default_value() != *value)
            .filter_map(|(field, value)| Info::new(field.prompt.trim_ascii_start(), value).ok())
            .collect())
    }
}

/// The live address at a byte offset of a gateway's file.
fn address_at(
    kind: AddressType,
    addresses: &ViewFile<'_>,
    pointer: u32,
) -> Result<Option<Address>, ImportError> {
    let mut bytes = vec![0; RECORD_HEAD_LEN + MAX_ADDRESS_LEN];
    let n = addresses.read_at(&mut bytes, u64::from(pointer))?;
    let Some(&[state, _, low, high]) = bytes.get(..RECORD_HEAD_LEN.min(n)) else {
        return Ok(None);
    };
    let end = RECORD_HEAD_LEN + usize::from(u16::from_le_bytes([low, high]));
    if state != LIVE || end > n || (pointer as usize) < HEADER_LEN {
        return Ok(None);
    }
    let record = bytes.get(RECORD_HEAD_LEN..end).unwrap_or_default();
    Ok(Address::from_physical_record(kind, record).ok())
}

/// The `&` lines that make a new user like this one (see `apply::local`).
fn user_options(dirsync: bool, bits: u16, administrator: bool) -> Vec<UserOption> {
    let mut options = Vec::new();
    let mut add = |token: &str, value: &str| {
        options.extend(UserOption::new(token.as_bytes(), value.as_bytes()));
    };
    if !dirsync {
        add("dirsync", "N");
    }
    if !administrator && bits != rights::ALL & !rights::REMOTE {
        let words: Vec<&str> = [
            (rights::DELETE, "DELETE"),
            (rights::SEND, "SEND"),
            (rights::RETRIEVE, "RETRIEVE"),
            (rights::EXTERNAL, "EXTERNAL"),
            (rights::FOLDERS, "FOLDERS"),
            (rights::REMOTE, "REMOTE"),
        ]
        .into_iter()
        .filter_map(|(bit, word)| (bits & bit != 0).then_some(word))
        .collect();
        add(
            "access",
            &if words.is_empty() {
                "NONE".to_owned()
            } else {
                words.join(",")
            },
        );
    }
    options
}

#[cfg(test)]
mod tests;
