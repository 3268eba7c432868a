//! How a message would travel over a site, and why: the routes of every postoffice laid end to end.
//!
//! Each postoffice only knows its next hop. [`table`] reads what one of them knows, [`travel`] follows
//! the tables from one to the next as the mailers would do it now, with the state of the links as it
//! is remembered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::base::address::PoName;
use crate::postoffice::{Identity, PoError};
use crate::tree::TreeView;

use super::book::LinkState;
use super::route::Routes;

/// Hops after which a message is given up (Q147471).
const HOPS_MAX: usize = 10;

/// One way from a postoffice to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The next hop, `NET/PO` or the distinguished name of an MTA.
    pub via: String,
    /// What it costs.
    pub cost: u8,
    /// Whether it is the route of the XTN file; the others stand in INI/GWART.INI.
    pub first: bool,
    /// The outbound mailbag, a stem; of an MTA the connector.
    pub mailbag: String,
    /// How the link is.
    pub state: LinkState,
}

/// What a postoffice knows about a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRow {
    /// The destination, `NET/PO`, or `NET/*` for a network.
    pub to: String,
    /// The ways, the one that is taken first; empty when there is none although it is known.
    pub ways: Vec<Way>,
}

/// What one postoffice knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// The postoffice, or the distinguished name of an MTA.
    pub name: String,
    /// Of an MTA: the postoffice of its MS Mail connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
    /// By destination.
    pub rows: Vec<RouteRow>,
}

/// Reads the routes of a postoffice.
///
/// # Errors
/// [`PoError::NoIdentity`], or a disk error; a missing XTN file is one.
pub fn table(view: &TreeView) -> Result<RouteTable, PoError> {
    let own = Identity::read(view)?.name;
    let mut routes = Routes::load(view, own)?;
    let mut rows = Vec::new();
    for to in routes.known()? {
        if to == own {
            continue;
        }
        let ways = routes
            .candidates(&to, None)?
            .into_iter()
            .map(|way| Way {
                via: way.via.to_string(),
                cost: way.cost,
                first: way.first,
                mailbag: way.mailbag.to_string(),
                state: way.link.state(),
            })
            .collect();
        rows.push(RouteRow {
            to: to.to_string(),
            ways,
        });
    }
    Ok(RouteTable {
        name: own.to_string(),
        own: None,
        rows,
    })
}

/// How a journey ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It arrives.
    Arrives,
    /// It waits at the last postoffice named: its link does not work, or is held.
    Waits,
    /// The last postoffice named does not know the destination: `[002]`.
    NoRoute,
    /// The next hop has no usable tree here.
    NoTree,
    /// It comes back to where it has been: `[004]`.
    Loop,
    /// It makes too many hops: `[003]`.
    TooFar,
}

/// One hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// From here, `NET/PO` or the distinguished name of an MTA.
    pub at: String,
    /// To there, likewise.
    pub next: String,
    /// What it costs.
    pub cost: u8,
    /// How the link is.
    pub state: LinkState,
    /// Why this way.
    pub why: String,
}

/// How a message would travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Travel {
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// How it ends.
    pub end: End,
    /// The costs of all hops.
    pub cost: u32,
    /// The hops.
    pub hops: Vec<Hop>,
}

/// Follows the tables from `from` to `to`.
#[must_use]
pub fn travel(tables: &BTreeMap<PoName, RouteTable>, from: PoName, to: PoName) -> Travel {
    let mut travel = Travel {
        from: from.to_string(),
        to: to.to_string(),
        end: End::Arrives,
        cost: 0,
        hops: Vec::new(),
    };
    let mut passed = vec![from];
    let mut at = from;
    while at != to {
        if travel.hops.len() >= HOPS_MAX {
            travel.end = End::TooFar;
            return travel;
        }
        let Some(table) = tables.get(&at) else {
            travel.end = End::NoTree;
            return travel;
        };
        let row = table
            .rows
            .iter()
            .find(|row| row.to.parse::<PoName>().is_ok_and(|name| name == to));
        let ways = row.map_or(&[][..], |row| &row.ways);
        let previous = passed.iter().rev().nth(1).copied();
        let named = |way: &Way| way.via.parse::<PoName>().ok();
        let back = |way: &&Way| previous.is_some() && named(way) == previous;
        let Some(way) = ways.iter().find(|way| !back(way)).or(ways.first()) else {
            travel.end = End::NoRoute;
            return travel;
        };
        let Some(next) = named(way) else {
            travel.end = End::NoRoute;
            return travel;
        };
        travel.cost += u32::from(way.cost);
        travel.hops.push(Hop {
            at: at.to_string(),
            next: way.via.clone(),
            cost: way.cost,
            state: way.state,
            why: why(way, ways, next == to),
        });
        if way.state != LinkState::Up {
            travel.end = End::Waits;
            return travel;
        }
        if passed.contains(&next) {
            travel.end = End::Loop;
            return travel;
        }
        passed.push(next);
        at = next;
    }
    if !tables.contains_key(&to) && travel.end == End::Arrives {
        travel.end = End::NoTree;
    }
    travel
}

/// Why a way is taken, in words.
fn why(way: &Way, ways: &[Way], direct: bool) -> String {
    let kind = if direct { "direct" } else { "through a hub" };
    let broken: Vec<String> = ways
        .iter()
        .filter(|other| other.cost <= way.cost && other.via != way.via)
        .filter(|other| other.state != LinkState::Up)
        .map(|other| format!("{} is {}", other.via, other.state.word()))
        .collect();
    let reason = if !broken.is_empty() {
        broken.join(", ")
    } else if ways.len() == 1 {
        "the only way".to_owned()
    } else {
        format!("the cheapest of {}", ways.len())
    };
    match way.state {
        LinkState::Up => format!("{kind}, cost {}: {reason}", way.cost),
        state => format!(
            "{kind}, cost {}: {reason}; the link is {}",
            way.cost,
            state.word()
        ),
    }
}
