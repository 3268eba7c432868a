//! How mail of an Exchange server's agent would travel: over X.400 connectors as far as these lead,
//! then through the MS Mail connector of the server where they end.

use std::collections::BTreeMap;

use crate::core::base::address::PoName;

use super::super::book::LinkState;
use super::super::map::{End, Hop, RouteRow, RouteTable, Travel, Way, travel};
use super::table::{Connector, Space, Table};

/// Hops between MTAs that are followed; routes of one site are shorter (a message itself may make 512).
const HOPS_MAX: usize = 32;

/// The connectors of an MTA: by address space, the ways in the order in which they are taken. Of a way the
/// next hop is an MTA, and the mailbag the connector's name.
#[must_use]
pub fn table_of(table: &Table) -> RouteTable {
    let mut connectors: Vec<&Connector> = table.connectors.iter().collect();
    connectors.sort_by_key(|connector| (connector.link.rank(), connector.cost));
    let mut rows: BTreeMap<String, Vec<Way>> = BTreeMap::new();
    for connector in connectors {
        for space in &connector.spaces {
            rows.entry(space.to_string()).or_default().push(Way {
                via: connector.server.clone(),
                cost: u8::try_from(connector.cost).unwrap_or(u8::MAX),
                first: false,
                mailbag: connector.name.clone(),
                state: connector.link.state(),
            });
        }
    }
    let rows = rows.into_iter().map(|(to, ways)| RouteRow { to, ways });
    RouteTable {
        name: table.server.clone(),
        own: Some(table.own.to_string()),
        rows: rows.collect(),
    }
}

/// The order of `LinkEntry::rank`, as far as a state tells it.
fn rank(state: LinkState) -> u8 {
    match state {
        LinkState::Up => 0,
        LinkState::Retrying => 1,
        LinkState::Held => 2,
        LinkState::Down => 3,
    }
}

/// The ways of an MTA to a postoffice, best first: not back to `from`.
fn ways<'t>(table: &'t RouteTable, to: &PoName, from: Option<&str>) -> Vec<&'t Way> {
    let leads = |row: &&RouteRow| row.to.parse::<Space>().is_ok_and(|space| space.holds(to));
    let rows = table.rows.iter().filter(leads);
    let mut ways: Vec<&Way> = rows
        .flat_map(|row| &row.ways)
        .filter(|way| from != Some(way.via.as_str()))
        .collect();
    ways.sort_by_key(|way| (rank(way.state), way.cost, &way.mailbag));
    ways.dedup_by(|a, b| a.mailbag == b.mailbag);
    ways
}

fn hop(at: &RouteTable, way: &Way, of: usize) -> Hop {
    let reason = if of > 1 {
        format!("the best of {of} by state and cost")
    } else {
        "the only one".to_owned()
    };
    let state = match way.state {
        LinkState::Up => String::new(),
        state => format!("; the link is {}", state.word()),
    };
    Hop {
        at: at.name.clone(),
        next: way.via.clone(),
        cost: way.cost,
        state: way.state,
        why: format!(
            "X.400 connector {}, cost {}: {reason}{state}",
            way.mailbag, way.cost
        ),
    }
}

/// Follows the connectors from the MTA `start`, which is of the postoffice `from`, to a postoffice;
/// where they end, the postoffices' own tables from there. `mtas` is by distinguished name.
#[must_use]
pub fn travel_from(
    mtas: &BTreeMap<String, RouteTable>,
    tables: &BTreeMap<PoName, RouteTable>,
    start: &str,
    from: PoName,
    to: PoName,
) -> Travel {
    let mut journey = Travel {
        from: from.to_string(),
        to: to.to_string(),
        end: End::Arrives,
        cost: 0,
        hops: Vec::new(),
    };
    let mut passed = vec![start];
    let mut at = mtas.get(start);
    while let Some(table) = at {
        let own = table.own.as_deref().and_then(|own| own.parse().ok());
        if own == Some(to) {
            return journey;
        }
        let before = passed.iter().rev().nth(1).copied();
        let known = ways(table, &to, before);
        let Some(way) = known.first() else {
            // The MS Mail connector takes what no X.400 connector leads to.
            let rest = travel(tables, own.unwrap_or(from), to);
            journey.end = rest.end;
            journey.cost += rest.cost;
            journey.hops.extend(rest.hops);
            return journey;
        };
        journey.cost += u32::from(way.cost);
        journey.hops.push(hop(table, way, known.len()));
        if way.state != LinkState::Up {
            journey.end = End::Waits;
            return journey;
        }
        if passed.contains(&way.via.as_str()) {
            journey.end = End::Loop;
            return journey;
        }
        if passed.len() >= HOPS_MAX {
            journey.end = End::TooFar;
            return journey;
        }
        passed.push(&way.via);
        at = mtas.get(&way.via);
    }
    journey.end = End::NoTree;
    journey
}

/// The address spaces of an MTA that are whole networks, each with the first hop towards it.
#[must_use]
pub fn networks_of(mtas: &BTreeMap<String, RouteTable>, start: &str) -> Vec<Travel> {
    let Some(table) = mtas.get(start) else {
        return Vec::new();
    };
    let whole = |row: &&RouteRow| matches!(row.to.parse::<Space>(), Ok(Space::Network(_)));
    let rows = table.rows.iter().filter(whole);
    rows.filter_map(|row| {
        let way = row.ways.first()?;
        Some(Travel {
            from: table.own.clone().unwrap_or_else(|| table.name.clone()),
            to: row.to.clone(),
            end: match way.state {
                LinkState::Up if mtas.contains_key(&way.via) => End::Arrives,
                LinkState::Up => End::NoTree,
                _ => End::Waits,
            },
            cost: u32::from(way.cost),
            hops: vec![hop(table, way, row.ways.len())],
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::book::LinkEntry;
    use super::*;

    fn dn(server: &str) -> String {
        format!("/O=ORG/OU=SITE/CN={server}")
    }

    fn mta(server: &str, to: &[(&str, u32, &[&str], bool)]) -> (String, RouteTable) {
        let mut table = Table::new(dn(server), format!("ORG/{server}").parse().unwrap());
        for (other, cost, spaces, works) in to {
            table.put(Connector {
                comments: super::super::table::Comments::default(),
                name: format!("TO {other}"),
                server: dn(other),
                path: None,
                cost: *cost,
                secured: false,
                spaces: spaces.iter().map(|space| space.parse().unwrap()).collect(),
                link: LinkEntry {
                    attempts: u32::from(!works),
                    ..LinkEntry::default()
                },
            });
        }
        (dn(server), table_of(&table))
    }

    fn go(mtas: &BTreeMap<String, RouteTable>, to: &str) -> (End, Vec<String>, u32) {
        let row = |to: &str| RouteRow {
            to: to.to_owned(),
            ways: vec![Way {
                via: to.to_owned(),
                cost: 1,
                first: true,
                mailbag: "00000002".to_owned(),
                state: LinkState::Up,
            }],
        };
        let behind = |name: &str, rows: &[&str]| {
            let table = RouteTable {
                name: name.to_owned(),
                own: None,
                rows: rows.iter().map(|to| row(to)).collect(),
            };
            (name.parse().unwrap(), table)
        };
        let tables = BTreeMap::from([
            behind("ORG/A", &[]),
            behind("ORG/B", &[]),
            behind("ORG/C", &["NET/X"]),
            behind("NET/X", &[]),
        ]);
        let from = "ORG/A".parse().unwrap();
        let way = travel_from(mtas, &tables, &dn("A"), from, to.parse().unwrap());
        let hops = way.hops.into_iter().map(|hop| hop.next).collect();
        (way.end, hops, way.cost)
    }

    // rule: mta:R-DB-012
    #[test]
    fn the_cheapest_connector_that_works_then_the_ms_mail_connector_where_they_end() {
        let c: &[&str] = &["ORG/C", "NET/*"];
        let to_c = mta("B", &[("C", 2, c, true)]);
        let mtas = BTreeMap::from([
            mta("A", &[("B", 1, c, true), ("C", 9, c, true)]),
            to_c.clone(),
            mta("C", &[]),
        ]);
        assert_eq!(
            go(&mtas, "ORG/C"),
            (End::Arrives, vec![dn("B"), dn("C")], 3)
        );
        // Behind the last MTA stands a postoffice.
        let hops = vec![dn("B"), dn("C"), "NET/X".to_owned()];
        assert_eq!(go(&mtas, "NET/X"), (End::Arrives, hops, 4));
        assert_eq!(go(&mtas, "NET/Y").0, End::NoRoute);
        assert_eq!(go(&mtas, "WEST/Y"), (End::NoRoute, Vec::new(), 0));
        let whole = networks_of(&mtas, &dn("A"));
        assert_eq!(whole.len(), 1);
        assert_eq!((&whole[0].to[..], whole[0].end), ("NET/*", End::Arrives));
        // A link that does not work is passed over while there is another.
        let ways: &[(&str, u32, &[&str], bool)] = &[("B", 1, c, false), ("C", 9, c, true)];
        let mut broken = BTreeMap::from([mta("A", ways), to_c, mta("C", &[])]);
        assert_eq!(go(&broken, "ORG/C"), (End::Arrives, vec![dn("C")], 9));
        broken.extend([mta("A", &ways[..1])]);
        assert_eq!(go(&broken, "ORG/C"), (End::Waits, vec![dn("B")], 1));
        // An MTA that is not here; two that send to each other.
        broken.extend([mta("A", &[("D", 1, c, true)])]);
        assert_eq!(go(&broken, "ORG/C").0, End::NoTree);
        let circle = BTreeMap::from([
            mta("A", &[("B", 1, c, true)]),
            mta("B", &[("C", 1, c, true)]),
            mta("C", &[("A", 1, &["NET/*"], true)]),
        ]);
        assert_eq!(go(&circle, "NET/X").0, End::Loop);
    }
}
