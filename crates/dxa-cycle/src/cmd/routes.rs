//! `dxa-cycle routes`.

use std::collections::BTreeMap;

use dirsync::core::base::address::PoName;
use dirsync::transport::far::{Connector as _, FarError, Reply, Request};
use dirsync::transport::map::{End, RouteTable, Travel, travel};
use dirsync::transport::x400::map::{networks_of, travel_from};
use dirsync::transport::x400::table::Space;
use dirsync_cli::exit::Part;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::report::Text;
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::table::{self, Table};
use serde::Serialize;

use super::run::{announce, find};
use crate::args::RoutesArgs;
use crate::convert;

const COMMAND: &str = "dxa-cycle routes";

#[derive(Serialize)]
struct Done {
    routes: Vec<Travel>,
    tables: Vec<RouteTable>,
}

/// What the trees of the site know.
#[derive(Default)]
struct Known {
    /// Of postoffices, by name.
    tables: BTreeMap<PoName, RouteTable>,
    /// Of MTAs with X.400 connectors, by distinguished name.
    mtas: BTreeMap<String, RouteTable>,
}

impl Known {
    fn add(&mut self, table: RouteTable) {
        if table.own.is_some() {
            self.mtas.insert(table.name.clone(), table);
        } else if let Ok(name) = table.name.parse() {
            self.tables.insert(name, table);
        }
    }

    /// The MTA whose agent sends as this postoffice.
    fn mta_of(&self, po: PoName) -> Option<&RouteTable> {
        let is_it = |own: &str| own.parse() == Ok(po);
        self.mtas
            .values()
            .find(|table| table.own.as_deref().is_some_and(is_it))
    }

    fn routes(&self, from: Option<PoName>, to: Option<PoName>) -> Vec<Travel> {
        let mut routes = Vec::new();
        for start in self
            .tables
            .keys()
            .filter(|name| from.is_none_or(|from| from == **name))
        {
            let mta = self.mta_of(*start);
            // Everybody who is here, and everybody whom this one knows.
            let mut ends: Vec<PoName> = self.tables.keys().copied().collect();
            let rows = [self.tables.get(start), mta].into_iter().flatten();
            let rows = rows.flat_map(|table| &table.rows);
            ends.extend(rows.filter_map(|row| match row.to.parse() {
                Ok(Space::Postoffice(name)) => Some(name),
                _ => None,
            }));
            ends.extend(to);
            ends.sort_unstable();
            ends.dedup();
            for end in ends {
                if end == *start || to.is_some_and(|to| to != end) {
                    continue;
                }
                routes.push(match mta {
                    Some(mta) => travel_from(&self.mtas, &self.tables, &mta.name, *start, end),
                    None => travel(&self.tables, *start, end),
                });
            }
            if let (Some(mta), None) = (mta, to) {
                routes.extend(networks_of(&self.mtas, &mta.name));
            }
        }
        routes
    }
}

fn name(text: Option<&String>) -> Result<Option<PoName>, Failure> {
    text.map(|text| {
        text.parse().map_err(|fault| {
            Failure::usage(format!("{}: {fault}", dirsync_cli::escape::text(text)))
                .hint("give network and postoffice: POLYNOMIAL/MONTGOMERY")
        })
    })
    .transpose()
}

pub(super) fn run(args: &RoutesArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (from, to) = (name(args.from.as_ref())?, name(args.to.as_ref())?);
    let sites = super::places(&args.sites)?;
    let children = super::children(&session.settings, &args.link)?;
    let wait_ms = super::wait_ms(&session.settings);
    let site = find(&sites, &children, wait_ms, session)?;
    let mut report = announce(&site, COMMAND, session)?;
    let connector = super::connector(&session.settings, &args.link, COMMAND)?;
    let mut known = Known::default();
    for member in &site.members {
        let ways = match &member.failure {
            Some(_) => vec![member.mail_path().to_owned()],
            None => member.mail_paths(),
        };
        for way in ways {
            let asked = match &member.failure {
                Some(failure) => Err(FarError::Failed(failure.clone())),
                None => connector
                    .connect(&way)
                    .and_then(|mut far| far.call(Request::Routes)),
            };
            match asked {
                Ok(Reply::Routes { table }) => known.add(table),
                Ok(_) => {}
                Err(error) => {
                    let hint = error.hint();
                    let (label, text) = (member.label(), error.to_string());
                    report.problem(convert::failed(
                        "cycle.failed",
                        text,
                        hint.as_deref(),
                        label,
                    ));
                    report.part(Part::Failed);
                }
            }
        }
    }
    let routes = known.routes(from, to);
    if routes.iter().any(|travel| travel.end != End::Arrives) {
        report.part(Part::Problems);
    }
    let tables = known.tables.into_values().chain(known.mtas.into_values());
    let tables = tables.collect();
    report.print(&mut session.out, &Done { routes, tables })
}

impl Text for Done {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let mut table = Table::new(&[
            table::text("from"),
            table::text("to"),
            table::text("way"),
            table::number("cost"),
            table::text("result"),
            table::text("why"),
        ]);
        for travel in &self.routes {
            let mut way: Vec<&str> = vec![&travel.from];
            way.extend(travel.hops.iter().map(|hop| hop.next.as_str()));
            let why: Vec<&str> = travel.hops.iter().map(|hop| hop.why.as_str()).collect();
            table.row(
                out,
                [
                    travel.from.clone(),
                    travel.to.clone(),
                    way.join(" > "),
                    travel.cost.to_string(),
                    result(travel),
                    why.join("; then "),
                ],
            )?;
        }
        table.end(out)
    }
}

fn result(travel: &Travel) -> String {
    let last = travel.hops.last();
    let at = last.map_or(travel.from.as_str(), |hop| &hop.next);
    match travel.end {
        End::Arrives => "arrives".to_owned(),
        End::Waits => {
            let place = last.map_or(travel.from.as_str(), |hop| &hop.at);
            format!("waits at {place}")
        }
        End::NoRoute => format!("{at} does not know it [002]"),
        End::NoTree => format!("no usable tree of {at} here"),
        End::Loop => "goes round in circles [004]".to_owned(),
        End::TooFar => "too many hops [003]".to_owned(),
    }
}
