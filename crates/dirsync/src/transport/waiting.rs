//! What waits in the outbound mailbags of a postoffice, found by the envelopes in `P1`.
//!
//! Whoever delivers asks again and again, and a backlog can be long: [`Envelopes`] remembers what an
//! envelope said. It is asked only as long as all commits since were made by the one who remembers;
//! what they changed is forgotten, what others may have changed as well. A tree tells by the number of
//! its last commit.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use crate::core::base::HexId;
use crate::core::format::p1::P1;
use crate::postoffice::externals::routes::path_of;
use crate::postoffice::stream::{Report, report_or_fail};
use crate::postoffice::{Identity, PoError};
use crate::tree::disk::EntryName;
use crate::tree::journal::{Committed, Plan, Step};
use crate::tree::{RelPath, TreeView};

use super::book::{LinkBook, LinkEntry, LinkState};
use super::link::stuck;
use super::mailer::P1_LIMIT_BYTES;
use super::route::Routes;

/// Envelopes that are looked at to find what waits.
const PARTS_LIMIT: usize = 1_000_000;
/// Where they stand.
const PARTS_DIR: &str = "P1";

/// What the envelopes of a tree said, by their names on disk: mailbag and date; `None` for one that
/// belongs to no mailbag.
#[derive(Debug, Clone, Default)]
pub struct Envelopes {
    /// The commit after which they said so.
    as_of: Option<u64>,
    known: HashMap<String, Option<(u32, u32)>>,
}

impl Envelopes {
    /// A commit of ours was made: what it touched is not known any more. `before` is the number of
    /// the commit that came before it.
    pub fn committed(&mut self, before: u64, plan: &Plan, done: &Committed) {
        if self.as_of != Some(before) {
            self.forget();
            return;
        }
        self.as_of = Some(done.transaction);
        for (path, step) in plan.steps() {
            self.drop_name(path);
            if let Step::Move { to } = step {
                self.drop_name(to);
            }
        }
    }

    /// Nobody knows what was changed.
    pub fn forget(&mut self) {
        self.as_of = None;
        self.known.clear();
    }

    fn drop_name(&mut self, path: &RelPath) {
        if let Some(name) = path.file_name() {
            self.known.remove(name);
        }
    }

    /// Keeps what holds for the tree as the view shows it.
    fn look_at(&mut self, view: &TreeView) -> Result<(), PoError> {
        // What is seen through a commit that waits to be completed is not remembered.
        let last = match view.pending_commit() {
            Some(_) => None,
            None => view.last_commit()?,
        };
        if last.is_none() || self.as_of != last {
            self.forget();
            self.as_of = last;
        }
        Ok(())
    }
}

/// What waits for one next hop.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outbound {
    /// The mailbag.
    pub mailbag: u32,
    /// The postoffice it is handed to, `NET/PO`; `None` when the mailbag belongs to no postoffice
    /// (a gateway's queue, or a postoffice that was removed).
    pub via: Option<String>,
    /// Messages with an envelope.
    pub waiting: u64,
    /// Date of the oldest, seconds since 1970 UTC.
    pub oldest: u32,
    /// Where INI/ROUTES.INI says that the tree of `via` stands.
    pub path: Option<String>,
    /// What is remembered of the link.
    #[serde(default)]
    pub link: LinkEntry,
}

/// The outbound mailbags in which something waits, by number. The cost is that of the waiting mail:
/// only the envelopes in `P1` are looked at.
///
/// # Errors
/// [`PoError::NoIdentity`], or a disk error that is not about one file.
pub fn outbound(view: &TreeView, report: &mut Report<'_>) -> Result<Vec<Outbound>, PoError> {
    outbound_known(view, &mut Envelopes::default(), report)
}

/// As [`outbound`]; envelopes that are known are not read again.
///
/// # Errors
/// As [`outbound`].
pub fn outbound_known(
    view: &TreeView,
    envelopes: &mut Envelopes,
    report: &mut Report<'_>,
) -> Result<Vec<Outbound>, PoError> {
    let own = Identity::read(view)?.name;
    envelopes.look_at(view)?;
    let mut names = Vec::new();
    view.list_on_disk(&view.path(PARTS_DIR)?, &mut |entry| {
        if let EntryName::Plain(name) = entry.name
            && is_part_name(&name)
        {
            names.push(name);
        }
        if names.len() >= PARTS_LIMIT {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let book = LinkBook::load(view)?;
    if names.is_empty() && book.entries().next().is_none() {
        return Ok(Vec::new());
    }
    names.sort_unstable();
    let mut queues: BTreeMap<u32, Outbound> = BTreeMap::new();
    let mut known = HashMap::with_capacity(names.len());
    for name in names {
        let said = match envelopes.known.remove(&name) {
            Some(said) => said,
            None => match read_part(view, &name, report)? {
                Some(said) => said,
                None => continue,
            },
        };
        known.insert(name, said);
        let Some((mailbag, date)) = said else {
            continue;
        };
        let queue = queues.entry(mailbag).or_insert(Outbound {
            mailbag,
            via: None,
            waiting: 0,
            oldest: date,
            path: None,
            link: LinkEntry::default(),
        });
        queue.waiting += 1;
        queue.oldest = queue.oldest.min(date);
    }
    envelopes.known = known;
    // What waits for a gateway is written to its folder and never handed to a tree.
    let mut routes = Routes::load(view, own)?;
    for place in super::gateway::places_of(view, &mut routes, report)? {
        queues.remove(&place.mailbag().0);
    }
    let mut found: Vec<Outbound> = queues.into_values().collect();
    for queue in &mut found {
        let via = match routes.handed_to(HexId(queue.mailbag)) {
            Ok(via) => via,
            Err(error) => {
                report_or_fail("XTN", error, report)?;
                None
            }
        };
        if let Some(via) = &via {
            queue.path = path_of(view, via)?;
            queue.link = book.of(via);
        }
        queue.via = via.map(|via| via.to_string());
    }
    // A link that failed is looked at again also when its mail went elsewhere meanwhile.
    for (via, link) in book.entries() {
        let known = found
            .iter()
            .any(|queue| queue.via.as_deref().and_then(|name| name.parse().ok()) == Some(*via));
        if known || link.state() == LinkState::Up {
            continue;
        }
        let mailbag = match routes.mailbag_of(via) {
            Ok(mailbag) => mailbag,
            Err(error) => {
                report_or_fail("XTN", error, report)?;
                None
            }
        };
        if let Some(mailbag) = mailbag {
            found.push(Outbound {
                mailbag: mailbag.0,
                via: Some(via.to_string()),
                waiting: 0,
                oldest: 0,
                path: path_of(view, via)?,
                link: link.clone(),
            });
        }
    }
    Ok(found)
}

/// `00000062.PBB`, but not `.P1`.
pub(super) fn is_part_name(name: &str) -> bool {
    name.split_once('.').is_some_and(|(stem, ending)| {
        let ending = ending.as_bytes();
        HexId::from_ascii(stem.as_bytes()).is_ok()
            && ending.len() == 3
            && ending[0].eq_ignore_ascii_case(&b'P')
            && ending[1..].iter().all(u8::is_ascii_alphabetic)
    })
}

/// What one envelope says; `None` for one that cannot be read, which is reported every time, or is gone.
#[allow(clippy::option_option)]
fn read_part(
    view: &TreeView,
    name: &str,
    report: &mut Report<'_>,
) -> Result<Option<Option<(u32, u32)>>, PoError> {
    let path = format!("{PARTS_DIR}/{name}");
    match view.read(&path, P1_LIMIT_BYTES) {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => match P1::decode(&bytes) {
            // Without a mailbag: made by another program, the checker's business.
            Ok(part) => Ok(Some(part.mailbag.map(|mailbag| (mailbag.0, part.date)))),
            Err(error) => {
                report(stuck(path, None, error.to_string()));
                Ok(None)
            }
        },
        Err(error) => {
            report_or_fail(&path, error, report)?;
            Ok(None)
        }
    }
}
