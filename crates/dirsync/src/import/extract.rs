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

use crate::core::base::address::TypeCase;
use crate::core::base::logline::LogSeverity;
use crate::core::base::transaction::{Form, Info, UserOption};
use crate::core::base::{AddressType, Entry, Scope, Transaction, UnixTime};
use crate::core::format::access::rights;
use crate::core::format::codes::AddressCode;
use crate::core::protocol::log::LogLine;
use crate::postoffice::Edit;
use crate::postoffice::lists::Lists;
use crate::tree::TreeView;

use super::entries::{TemplateData, each_of_gateway, each_of_place, scope_of};
use super::error::ImportError;
use super::gateway_list::{glb_path, nme_path};
use super::log::message;
use super::places::{Place, Places, usr_path};
use super::problem::Problems;
use super::usr_list::tpl_path;

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

    fn left_out_at(&mut self, line: LogLine, file: &str, record: u64, offset: u64) {
        self.done.problems.at(line, file, record, offset);
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
        let Some((scope, name)) = scope_of(places, place) else {
            return Ok(());
        };
        self.replace(scope)?;
        let data = self.template(scope, place)?;
        let path = usr_path(place.stem);
        let mut count = 0;
        each_of_place(
            self.view,
            place.stem,
            scope.kind,
            name,
            &mut |listed| match listed.entry {
                Ok(entry) => {
                    count += 1;
                    let info = match &data {
                        Some(data) => data.info(listed.inf)?,
                        None => Vec::new(),
                    };
                    self.check_info(&info, &entry);
                    self.say(&Transaction::Add {
                        entry,
                        info,
                        options: Vec::new(),
                    })
                }
                Err(line) => {
                    self.left_out_at(line, &path, listed.record, listed.offset);
                    Ok(())
                }
            },
        )?;
        self.done.lists.push((scope, count));
        Ok(())
    }

    /// The T of a list and what its data is read with. Without data that fits there is no T either:
    /// imported, it would throw away what may still be mended.
    fn template(
        &mut self,
        scope: Scope,
        place: &Place,
    ) -> Result<Option<TemplateData<'a>>, ImportError> {
        if !self.options.templates {
            return Ok(None);
        }
        let before = self.done.problems.total();
        let data = TemplateData::open(self.view, place.stem, &mut self.done.problems)?;
        match data {
            Some(data) if data.is_misfit => Ok(None),
            Some(data) => {
                let fields = data.fields();
                self.say(&Transaction::Template { scope, fields })?;
                Ok(Some(data))
            }
            None => {
                if self.done.problems.total() == before {
                    self.left_out(61, &scope, &tpl_path(place.stem));
                }
                Ok(None)
            }
        }
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
        each_of_gateway(kind, &names, &addresses, &mut |listed| match listed.entry {
            Ok(entry) => {
                count += 1;
                self.say(&Transaction::add(entry.alias, entry.address))
            }
            Err(line) => {
                self.left_out_at(line, &names_path, listed.record, listed.offset);
                Ok(())
            }
        })?;
        self.done.lists.push((scope, count));
        Ok(())
    }
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
