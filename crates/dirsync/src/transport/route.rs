//! Routes of one postoffice: which outbound mailbag a message for another postoffice goes into, and
//! which postoffice that mailbag is handed to.
//!
//! A postoffice is reached directly or through a hub (Q119884). Mail for an indirect one goes into the
//! mailbag of its hub, its next hop, so that one message to several postoffices behind a hub travels
//! once; what waits in an indirect one's own mailbag, because its route changed, leaves through the
//! hub as well (Q117199). A route by modem or X.25 is taken as direct: the tree is what is reached.
//!
//! That is the first route. [`super::table`] names others and what they cost; among those that exist
//! the choice is made as the MTA made it (Q193322): not back to where the message came from, a link
//! that has attempts left before one that is down, one that is open before one that is held, one
//! that works before one that is being retried, then the lowest cost. A message with one possible
//! route waits for it (Q152955).
//!
//! Read from NETWORK.GLB and the XTN files, those only of networks that are asked for. Where another
//! tree stands is not in there: it is found by its name among the trees of the site, or named in
//! `INI/ROUTES.INI` ([`crate::postoffice::externals`]).

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::core::base::address::{Address, AddressType, PoName};
use crate::core::base::codepage::upper_850;
use crate::core::base::ident::HexId;
use crate::core::format::FixedRecord as _;
use crate::core::format::codes::NetworkType;
use crate::core::format::network::NetworkRecord;
use crate::core::format::xtn::{Route, XtnRecord};
use crate::postoffice::PoError;
use crate::postoffice::stream::{open_strict, records};
use crate::tree::{TreeError, TreeView};

use super::book::{LinkBook, LinkEntry};
use super::table::{self, FIRST_COST, RouteLine};

/// Networks and gateways that are read.
const NETWORKS_LIMIT: u64 = 65_536;
/// External postoffices that are read of one network.
const POSTOFFICES_LIMIT: u64 = 1_000_000;

/// Where a message goes from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHop {
    /// It stays: the postoffice is this one.
    Here,
    /// Into this outbound mailbag, from where it is handed to `via`.
    Mailbag {
        /// The mailbag.
        mailbag: HexId,
        /// The postoffice it is handed to: the destination itself or its hub.
        via: PoName,
    },
    /// Into the queue of a gateway, which another program empties.
    Gateway(HexId),
    /// Nobody here knows the way.
    Unknown,
}

/// One way to a postoffice, and how its link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The outbound mailbag.
    pub mailbag: HexId,
    /// The postoffice it is handed to.
    pub via: PoName,
    /// What it costs.
    pub cost: u8,
    /// Whether it is the route of the XTN file.
    pub first: bool,
    /// How the link is.
    pub link: LinkEntry,
}

impl Candidate {
    /// What the choice looks at, best first.
    fn rank(&self, from: Option<&PoName>) -> (bool, (bool, bool, bool), u8, bool, PoName) {
        (
            from == Some(&self.via),
            self.link.rank(),
            self.cost,
            !self.first,
            self.via,
        )
    }
}

#[derive(Debug, Clone, Copy)]
struct Known {
    name: PoName,
    mailbag: HexId,
    hub: Option<PoName>,
    hub_mailbag: Option<HexId>,
    /// Byte offset of its record in the XTN file.
    offset: u64,
    xtn: HexId,
    retry_limit: u8,
}

/// Where the record of a postoffice stands, for its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPlace {
    /// Stem of the XTN file.
    pub xtn: HexId,
    /// Byte offset in it.
    pub offset: u64,
}

/// The routes of one postoffice, read as far as they are asked for.
#[derive(Debug)]
pub struct Routes<'v> {
    view: &'v TreeView,
    own: PoName,
    networks: Vec<NetworkRecord>,
    by_network: HashMap<Vec<u8>, HashMap<Vec<u8>, Known>>,
    /// An agent: whatever is not its own goes to the connector.
    agent: bool,
    /// Read when a route is first asked for.
    costs: Option<Vec<RouteLine>>,
    book: Option<LinkBook>,
}

fn folded(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&byte| upper_850(byte)).collect()
}

impl<'v> Routes<'v> {
    /// Reads NETWORK.GLB of the postoffice `own`.
    ///
    /// # Errors
    /// A disk error; a missing file is one.
    pub fn load(view: &'v TreeView, own: PoName) -> Result<Self, TreeError> {
        let mut networks = Vec::new();
        let file = open_strict(view, "GLB/NETWORK.GLB")?;
        records::<NetworkRecord>(&file, 0, NETWORKS_LIMIT, &mut |_, _, record| {
            if record.is_live() {
                networks.push(record.clone());
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self {
            view,
            own,
            networks,
            by_network: HashMap::new(),
            agent: crate::exchange::is_agent(view),
            costs: None,
            book: None,
        })
    }

    fn network(&mut self, network: &[u8]) -> Result<&HashMap<Vec<u8>, Known>, TreeError> {
        let key = folded(network);
        if !self.by_network.contains_key(&key) {
            let mut known = HashMap::new();
            let records_of = self
                .networks
                .iter()
                .filter(|record| record.name.eq_ignore_case(network))
                .filter_map(|record| record.xtn.get().ok().flatten());
            for xtn in records_of {
                let file = open_strict(self.view, &format!("XTN/{xtn}.XTN"))?;
                records::<XtnRecord>(&file, 0, POSTOFFICES_LIMIT, &mut |_, offset, record| {
                    if let Some(found) = read_record(network, xtn, offset, record) {
                        known
                            .entry(folded(found.name.postoffice()))
                            .or_insert(found);
                    }
                    ControlFlow::Continue(())
                })?;
            }
            self.by_network.insert(key.clone(), known);
        }
        // Inserted just above.
        Ok(self.by_network.entry(key).or_default())
    }

    fn find(&mut self, po: &PoName) -> Result<Option<Known>, TreeError> {
        let name = folded(po.postoffice());
        Ok(self.network(po.network())?.get(&name).copied())
    }

    /// Looks at the links as `book` says, not as the tree does.
    pub fn set_book(&mut self, book: LinkBook) {
        self.book = Some(book);
    }

    /// The ways to a postoffice, the one to be taken first; `from` is the postoffice that a message
    /// came from. Empty when nobody here knows the way.
    ///
    /// # Errors
    /// As [`Routes::first_hop`].
    pub fn candidates(
        &mut self,
        po: &PoName,
        from: Option<&PoName>,
    ) -> Result<Vec<Candidate>, PoError> {
        let NextHop::Mailbag { mailbag, via } = self.first_hop(po)? else {
            return Ok(Vec::new());
        };
        if self.book.is_none() {
            self.book = Some(LinkBook::load(self.view)?);
        }
        if self.costs.is_none() {
            self.costs = Some(table::load(self.view)?);
        }
        let lines: Vec<RouteLine> = self
            .costs
            .iter()
            .flatten()
            .filter(|line| line.to == *po)
            .copied()
            .collect();
        let link = |via: &PoName, book: &Option<LinkBook>| {
            book.as_ref()
                .map_or_else(LinkEntry::default, |book| book.of(via))
        };
        let cost = |via: &PoName| lines.iter().find(|line| line.via == *via);
        let mut ways = vec![Candidate {
            mailbag,
            via,
            cost: cost(&via).map_or(FIRST_COST, |line| line.cost),
            first: true,
            link: link(&via, &self.book),
        }];
        for line in &lines {
            let known = ways.iter().any(|way| way.via == line.via);
            if known || line.via == self.own || line.via == *po {
                continue;
            }
            // A hub is direct (notice 52); one that is not known any more is no way.
            if let Some(hub) = self.find(&line.via)?
                && hub.hub.is_none()
            {
                ways.push(Candidate {
                    mailbag: hub.mailbag,
                    via: hub.name,
                    cost: line.cost,
                    first: false,
                    link: link(&hub.name, &self.book),
                });
            }
        }
        ways.sort_by_key(|way| way.rank(from));
        Ok(ways)
    }

    /// Where mail for a postoffice goes now; `from` as in [`Routes::candidates`].
    ///
    /// # Errors
    /// As [`Routes::first_hop`].
    pub fn best_hop(&mut self, po: &PoName, from: Option<&PoName>) -> Result<NextHop, PoError> {
        let first = self.first_hop(po)?;
        if !matches!(first, NextHop::Mailbag { .. }) {
            return Ok(first);
        }
        let best = self.candidates(po, from)?.into_iter().next();
        Ok(best.map_or(first, |way| NextHop::Mailbag {
            mailbag: way.mailbag,
            via: way.via,
        }))
    }

    /// The first route, the one of the XTN file. Names are compared whole and without regard to case
    /// (Q128627: comparing nine characters made loops out of nothing).
    ///
    /// # Errors
    /// A disk error; a missing XTN file is one: whoever cannot read a route must not take it for none.
    pub fn first_hop(&mut self, po: &PoName) -> Result<NextHop, TreeError> {
        if *po == self.own {
            return Ok(NextHop::Here);
        }
        if self.agent {
            return Ok(NextHop::Mailbag {
                mailbag: crate::exchange::OUTBOUND,
                via: self.own,
            });
        }
        let Some(known) = self.find(po)? else {
            return Ok(NextHop::Unknown);
        };
        let Some(hub) = known.hub else {
            return Ok(NextHop::Mailbag {
                mailbag: known.mailbag,
                via: known.name,
            });
        };
        // The hub's record counts, not the stem noted beside the indirect one: a hub that was
        // removed and made again has another mailbag (Q118561).
        let found = self.find(&hub)?;
        let mailbag = found.map(|hub| hub.mailbag).or(known.hub_mailbag);
        Ok(match mailbag {
            Some(mailbag) if hub != self.own => NextHop::Mailbag { mailbag, via: hub },
            _ => NextHop::Unknown,
        })
    }

    /// Where mail for an address goes: of this class of postoffices, or behind a gateway.
    ///
    /// # Errors
    /// As [`Routes::first_hop`].
    pub fn next_hop_of(
        &mut self,
        address: &Address,
        from: Option<&PoName>,
    ) -> Result<NextHop, PoError> {
        if address.kind() == AddressType::Pcm {
            return match address.po() {
                Some(po) => self.best_hop(&po, from),
                None => Ok(NextHop::Unknown),
            };
        }
        // A gateway is found by the name of its type, SNADS and the like by their own name.
        let name = match address.po() {
            Some(po) => po.network().to_vec(),
            None => address.kind().name().as_bytes().to_vec(),
        };
        let queue = self
            .networks
            .iter()
            .filter(|record| {
                record
                    .network_type()
                    .is_some_and(|kind| kind != NetworkType::Network)
            })
            .filter(|record| {
                record.name.eq_ignore_case(&name)
                    || (address.po().is_none()
                        && record
                            .network_type()
                            .is_some_and(|kind| kind.name().as_bytes() == name))
            })
            .find_map(|record| {
                let direct = record.mailbag.get().ok().flatten();
                direct.or(record.indirect_mailbag.get().ok().flatten())
            });
        Ok(queue.map_or(NextHop::Unknown, NextHop::Gateway))
    }

    /// The postoffice that the mail of an outbound mailbag is handed to; `None` when the mailbag
    /// belongs to no external postoffice.
    ///
    /// # Errors
    /// A disk error; a missing XTN file is one: whoever cannot read a route must not take it for none.
    pub fn handed_to(&mut self, mailbag: HexId) -> Result<Option<PoName>, TreeError> {
        let networks: Vec<Vec<u8>> = self
            .networks
            .iter()
            .filter(|record| record.network_type() == Some(NetworkType::Network))
            .map(|record| record.name.text().to_vec())
            .collect();
        // A network that cannot be read hides nothing that another one says.
        let mut unreadable = None;
        for network in networks {
            let known = match self.network(&network) {
                Ok(known) => known
                    .values()
                    .find(|known| known.mailbag == mailbag)
                    .copied(),
                Err(error) => {
                    unreadable = Some(error);
                    continue;
                }
            };
            if let Some(known) = known {
                return Ok(match self.first_hop(&known.name)? {
                    NextHop::Mailbag { via, .. } => Some(via),
                    _ => Some(known.name),
                });
            }
        }
        unreadable.map_or(Ok(None), Err)
    }

    /// Attempts to hand over one message that its record allows; 0 when it says nothing.
    ///
    /// # Errors
    /// As [`Routes::first_hop`].
    pub fn retry_limit(&mut self, po: &PoName) -> Result<u8, TreeError> {
        Ok(self.find(po)?.map_or(0, |known| known.retry_limit))
    }

    /// The outbound mailbag of a direct postoffice.
    ///
    /// # Errors
    /// As [`Routes::first_hop`].
    pub fn mailbag_of(&mut self, po: &PoName) -> Result<Option<HexId>, TreeError> {
        Ok(self.find(po)?.map(|known| known.mailbag))
    }

    /// All postoffices that are known here, by name.
    ///
    /// # Errors
    /// As [`Routes::first_hop`].
    pub fn known(&mut self) -> Result<Vec<PoName>, TreeError> {
        let networks: Vec<Vec<u8>> = self
            .networks
            .iter()
            .filter(|record| record.network_type() == Some(NetworkType::Network))
            .map(|record| record.name.text().to_vec())
            .collect();
        let mut names = Vec::new();
        for network in networks {
            names.extend(self.network(&network)?.values().map(|known| known.name));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Where the record of a postoffice stands.
    ///
    /// # Errors
    /// As [`Routes::first_hop`].
    pub fn record_place(&mut self, po: &PoName) -> Result<Option<RecordPlace>, TreeError> {
        Ok(self.find(po)?.map(|known| RecordPlace {
            xtn: known.xtn,
            offset: known.offset,
        }))
    }
}

fn read_record(network: &[u8], xtn: HexId, offset: u64, record: &XtnRecord) -> Option<Known> {
    if !record.is_live() {
        return None;
    }
    let hub = match record.route() {
        Some(Route::Indirect) => {
            Some(PoName::read(record.hub_network.text(), record.hub_postoffice.text()).ok()?)
        }
        _ => None,
    };
    Some(Known {
        name: PoName::read(network, record.postoffice.text()).ok()?,
        mailbag: record.mailbag.get().ok().flatten()?,
        hub,
        hub_mailbag: record.hub_mailbag.get().ok().flatten(),
        offset,
        xtn,
        retry_limit: record.retry_limit,
    })
}

/// Length of one XTN record in bytes.
pub(crate) const XTN_RECORD_LEN_BYTES: usize = XtnRecord::SIZE;
