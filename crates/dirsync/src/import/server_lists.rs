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

use crate::core::base::address::{AddressType, PoName, Scope};
use crate::core::base::{Transaction, UnixTime};
use crate::core::format::gateway_list::{HEADER_LEN, RECORD_HEAD_LEN};
use crate::postoffice::{Edit, Lists};
use crate::tree::view::ViewFile;
use crate::tree::{TreeError, TreeView};

use super::entries::{Fails, TemplateData, each_of_gateway, each_of_place, scope_of};
use super::error::ImportError;
use super::gateway_list::{glb_path, nme_path};
use super::log::message;
use super::places::{Place, Places, usr_path};
use super::problem::Problems;

const GROUP_GLB: &str = "GLB/GROUP.GLB";

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
            if let Some((scope, name)) = scope_of(&places, place) {
                self.place(scope, name, place, problems, &mut say)?;
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
        each_of_place(
            self.view,
            place.stem,
            scope.kind,
            name,
            &mut |listed| match listed.entry {
                Ok(entry) => {
                    let mut transaction = Transaction::add(entry.alias, entry.address);
                    if let (Some(data), Transaction::Add { info, .. }) = (&data, &mut transaction) {
                        *info = data.info_or_first(listed.inf)?;
                    }
                    say(&transaction)
                }
                Err(line) => {
                    problems.at(line, path.as_str(), listed.record, listed.offset);
                    Ok(())
                }
            },
        )
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
            let missing = ImportError::Missing {
                file: addresses_path,
                why: "it is one of the lists that everybody else is given",
            };
            return Err(missing.into());
        };
        let scope = Scope { kind, node: None };
        say(&Transaction::Replace { scope })?;
        let mut named = BTreeSet::new();
        each_of_gateway(kind, &names, &addresses, &mut |listed| {
            named.insert(listed.pointer);
            match listed.entry {
                Ok(entry) => say(&Transaction::add(entry.alias, entry.address)),
                Err(line) => {
                    problems.at(line, names_path.as_str(), listed.record, listed.offset);
                    Ok(())
                }
            }
        })?;
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
