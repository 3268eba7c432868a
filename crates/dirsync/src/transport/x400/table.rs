//! `MTADATA/X400.INI`: who the MTA is, its X.400 connectors, what lies behind them and how their links
//! are.
//!
//! The originals keep connectors in the directory and link states in memory; here is no directory, so
//! both stand beside the queues they are about, in UTF-8 (ASSIGNED):
//!
//! ```text
//! [MTA]
//! Server=/O=ORG/OU=SITE/CN=EXSERV1
//! Own=NET/CON1
//!
//! [TO HUB]
//! Server=/O=ORG/OU=SITE/CN=HUB
//! Path=/srv/hub
//! Cost=1
//! Secured=no
//! Space=NET/HUB
//! Space=EAST/*
//! Link=state=retrying attempts=2 since=765720832 next=765721432 error=no answer within 60 seconds
//! ```
//!
//! `Space` is what can be reached over the connector: a postoffice, or all of a network. `Link` is
//! written as in `INI/LINKS.INI`. Empty lines and those that begin with `;` stay in front of the section they
//! stand in front of, or in it; other lines are kept out of what is used, and are gone with the next
//! change. The comments of a connector go with it.

use std::fmt::Write as _;

use crate::core::base::address::PoName;
use crate::mta::HOME;
use crate::postoffice::{Edit, ListError, PoError};
use crate::tree::TreeView;

use super::super::book::{LinkEntry, link_words, parse_link_words};
use super::super::table;
use crate::mta::MtaError;

/// The file, by its documented path.
pub const X400_INI: &str = "MTADATA/X400.INI";
/// Longest file that is read, in bytes.
const LIMIT_BYTES: u64 = 4 << 20;
/// What a connector costs when nothing else is said.
pub const DEFAULT_COST: u32 = table::FIRST_COST as u32;
/// The most it may cost (Q149121: 1 to 100).
pub const COST_MAX: u32 = table::COST_MAX as u32;

/// What can be reached over a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Space {
    /// A postoffice.
    Postoffice(PoName),
    /// All postoffices of a network, upper case.
    Network(String),
}

impl Space {
    /// Whether a postoffice lies in it. Whole names are compared (Q162841).
    #[must_use]
    pub fn holds(&self, po: &PoName) -> bool {
        match self {
            Self::Postoffice(name) => name == po,
            Self::Network(network) => po
                .to_string()
                .split_once('/')
                .is_some_and(|(own, _)| own.eq_ignore_ascii_case(network)),
        }
    }
}

impl std::fmt::Display for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postoffice(name) => write!(f, "{name}"),
            Self::Network(network) => write!(f, "{network}/*"),
        }
    }
}

impl std::str::FromStr for Space {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(network) = text.trim().strip_suffix("/*") {
            // The rules of a name, with a postoffice that is one.
            format!("{network}/X")
                .parse::<PoName>()
                .map_err(|fault| format!("{text}: {fault}"))?;
            return Ok(Self::Network(network.to_uppercase()));
        }
        text.trim()
            .parse()
            .map(Self::Postoffice)
            .map_err(|fault: crate::core::base::address::Fault| format!("{text}: {fault}"))
    }
}

/// The distinguished name of an MTA: `/O=ORG/OU=SITE/CN=SERVER`, upper case.
///
/// # Errors
/// Another form.
pub fn server_name(text: &str) -> Result<String, String> {
    let upper = text.trim().to_uppercase();
    let wrong = || format!("{text} is no name of a server, /O=ORG/OU=SITE/CN=SERVER");
    parts_of(&upper).ok_or_else(wrong)?;
    Ok(upper)
}

/// Organization, site and server of a distinguished name.
#[must_use]
pub fn parts_of(name: &str) -> Option<(&str, &str, &str)> {
    let (organization, rest) = name.strip_prefix("/O=")?.split_once("/OU=")?;
    let (site, server) = rest.split_once("/CN=")?;
    let sound = |part: &str| !part.is_empty() && !part.contains(['/', '=']);
    (sound(organization) && sound(site) && sound(server)).then_some((organization, site, server))
}

/// One connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// The MTA it leads to.
    pub server: String,
    /// Where its tree stands, when it is not in the site that is served.
    pub path: Option<String>,
    /// What it costs, 1 to 100.
    pub cost: u32,
    /// Whether its mail is never moved to another route.
    pub secured: bool,
    /// What lies behind it.
    pub spaces: Vec<Space>,
    /// How its link is.
    pub link: LinkEntry,
    /// Comments of an administrator, in front of its section and in it.
    pub comments: Comments,
}

/// Lines that begin with `;`, and empty ones between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comments {
    before: Vec<String>,
    inside: Vec<String>,
}

/// All that an MTA knows of its connectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The MTA.
    pub server: String,
    /// Its postoffice: the name of its MS Mail connector.
    pub own: PoName,
    /// By name.
    pub connectors: Vec<Connector>,
    /// Comments in front of its section and in it.
    pub comments: Comments,
    /// Comments behind everything.
    pub after: Vec<String>,
}

impl Table {
    /// A server without connectors.
    #[must_use]
    pub fn new(server: String, own: PoName) -> Self {
        Self {
            server,
            own,
            connectors: Vec::new(),
            comments: Comments::default(),
            after: Vec::new(),
        }
    }

    /// As committed; `None` without the file.
    ///
    /// # Errors
    /// [`MtaError::Damaged`] when it does not say who the MTA is; a disk error.
    pub fn load(view: &TreeView) -> Result<Option<Self>, MtaError> {
        let Some(bytes) = view.read(X400_INI, LIMIT_BYTES)? else {
            return Ok(None);
        };
        Self::parse(&String::from_utf8_lossy(&bytes))
            .map(Some)
            .ok_or_else(|| MtaError::Damaged {
                tree: view.describe(),
                file: "X400.INI".to_owned(),
                why: "its section [MTA] does not say who the server is".to_owned(),
            })
    }

    /// As changed so far; `None` without the file.
    ///
    /// # Errors
    /// It does not say who the MTA is; a disk error.
    pub fn read(edit: &mut Edit<'_>) -> Result<Option<Self>, PoError> {
        let Some(bytes) = edit.peek(X400_INI, LIMIT_BYTES)? else {
            return Ok(None);
        };
        let damaged =
            || ListError::damaged(X400_INI, "its section [MTA] does not say who the server is");
        let table = Self::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(damaged)?;
        Ok(Some(table))
    }

    /// Writes it; without connectors the file goes.
    ///
    /// # Errors
    /// A disk error.
    pub fn write(&self, edit: &mut Edit<'_>) -> Result<(), PoError> {
        if self.connectors.is_empty() {
            edit.remove(X400_INI)?;
        } else {
            edit.write(X400_INI, self.format().into_bytes())?;
        }
        Ok(())
    }

    /// Adds a connector, or changes the one of this name; what is remembered of its link
    /// stays, and so do its comments.
    pub fn put(&mut self, connector: Connector) {
        let old = self
            .connectors
            .iter()
            .position(|known| known.name == connector.name);
        match old.and_then(|old| self.connectors.get_mut(old)) {
            Some(known) => {
                let (link, comments) = (known.link.clone(), known.comments.clone());
                *known = Connector {
                    link,
                    comments,
                    ..connector
                };
            }
            None => self.connectors.push(connector),
        }
        self.connectors.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn parse(text: &str) -> Option<Self> {
        let mut section = String::new();
        let (mut server, mut own) = (None, None);
        let mut connectors: Vec<Connector> = Vec::new();
        let mut own_comments = Comments::default();
        // Comments that the next line says the place of: another section, or one more line of this.
        let mut comments: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(';') {
                comments.push(line.to_owned());
                continue;
            }
            let starts_section = line.starts_with('[');
            if !starts_section {
                let here = match connectors.last_mut() {
                    Some(connector) if !section.eq_ignore_ascii_case("MTA") => {
                        &mut connector.comments
                    }
                    _ => &mut own_comments,
                };
                here.inside
                    .extend(comments.drain(..).filter(|line| !line.is_empty()));
            }
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                name.clone_into(&mut section);
                if !name.eq_ignore_ascii_case("MTA") {
                    connectors.push(Connector {
                        name: name.to_uppercase(),
                        server: String::new(),
                        path: None,
                        cost: DEFAULT_COST,
                        secured: false,
                        spaces: Vec::new(),
                        link: LinkEntry::default(),
                        comments: Comments {
                            before: commented(std::mem::take(&mut comments)),
                            inside: Vec::new(),
                        },
                    });
                } else {
                    own_comments.before = commented(std::mem::take(&mut comments));
                }
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            if section.eq_ignore_ascii_case("MTA") {
                match key {
                    "Server" => server = server_name(value).ok(),
                    "Own" => own = value.parse::<PoName>().ok(),
                    _ => {}
                }
                continue;
            }
            let Some(connector) = connectors.last_mut() else {
                continue;
            };
            match key {
                "Server" => connector.server = server_name(value).unwrap_or_default(),
                "Path" => connector.path = Some(value.to_owned()),
                "Cost" => {
                    let cost = value.parse().unwrap_or(DEFAULT_COST);
                    connector.cost = u32::clamp(cost, 1, COST_MAX);
                }
                "Secured" => connector.secured = value == "yes",
                "Space" => connector.spaces.extend(value.parse::<Space>().ok()),
                "Link" => connector.link = parse_link_words(value),
                _ => {}
            }
        }
        connectors.retain(|connector| !connector.server.is_empty());
        connectors.sort_by(|a, b| a.name.cmp(&b.name));
        connectors.dedup_by(|a, b| a.name == b.name);
        Some(Self {
            server: server?,
            own: own?,
            connectors,
            comments: own_comments,
            after: commented(comments),
        })
    }

    /// The file.
    #[must_use]
    pub fn format(&self) -> String {
        let mut text = String::new();
        let lines = |text: &mut String, lines: &[String]| {
            for line in lines {
                text.push_str(line);
                text.push_str("\r\n");
            }
        };
        lines(&mut text, &self.comments.before);
        text.push_str("[MTA]\r\n");
        lines(&mut text, &self.comments.inside);
        // Writing to a String cannot fail.
        let _ = write!(text, "Server={}\r\nOwn={}\r\n", self.server, self.own);
        for connector in &self.connectors {
            text.push_str("\r\n");
            lines(&mut text, &connector.comments.before);
            let _ = write!(text, "[{}]\r\n", connector.name);
            lines(&mut text, &connector.comments.inside);
            let _ = write!(text, "Server={}\r\n", connector.server);
            if let Some(path) = &connector.path {
                let _ = write!(text, "Path={path}\r\n");
            }
            let secured = if connector.secured { "yes" } else { "no" };
            let _ = write!(text, "Cost={}\r\nSecured={secured}\r\n", connector.cost);
            for space in &connector.spaces {
                let _ = write!(text, "Space={space}\r\n");
            }
            if connector.link != LinkEntry::default() {
                let _ = write!(text, "Link={}\r\n", link_words(&connector.link));
            }
        }
        if !self.after.is_empty() {
            text.push_str("\r\n");
            lines(&mut text, &self.after);
        }
        text
    }

    /// A connector by its name.
    #[must_use]
    pub fn connector(&self, name: &str) -> Option<&Connector> {
        self.connectors
            .iter()
            .find(|connector| connector.name.eq_ignore_ascii_case(name))
    }

    /// The connector over which a postoffice is reached: not the one that leads to `from`, where the
    /// message came in; one whose attempts are not used up; one that is not in open retry; then the
    /// cheapest, then by name (Q193322). `None`: no connector leads there, or none but `from`.
    #[must_use]
    pub fn route(&self, po: &PoName, from: Option<&str>) -> Option<&Connector> {
        self.connectors
            .iter()
            .filter(|connector| connector.spaces.iter().any(|space| space.holds(po)))
            .filter(|connector| from != Some(connector.server.as_str()))
            .min_by_key(|connector| {
                let name = connector.name.as_str();
                (connector.link.rank(), connector.cost, name)
            })
    }

    /// The name of a connector's queue (the form of Q148389).
    #[must_use]
    pub fn queue_of(&self, connector: &Connector) -> String {
        self.connection(&connector.name)
    }

    fn connection(&self, name: &str) -> String {
        let (organization, site, server) = parts_of(&self.server).unwrap_or_default();
        format!("/O={organization}/OU={site}/CN=CONFIGURATION/CN=CONNECTIONS/CN={name} ({server})")
            .to_uppercase()
    }

    /// The queue of the MS Mail connector.
    #[must_use]
    pub fn ms_mail_queue(&self) -> String {
        self.connection("MS MAIL CONNECTOR")
    }

    /// The queue of the agent.
    #[must_use]
    pub fn agent_queue(&self) -> String {
        let (organization, site, server) = parts_of(&self.server).unwrap_or_default();
        format!(
            "/O={organization}/OU={site}/CN=CONFIGURATION/CN=SERVERS/CN={server}/CN=MICROSOFT DXA"
        )
        .to_uppercase()
    }
}

/// Comments without the empty lines around them: those are made.
fn commented(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let first = lines.iter().position(|line| !line.is_empty());
    lines.split_off(first.unwrap_or(lines.len()))
}

/// The file's path on disk.
///
/// # Errors
/// A disk error.
pub fn path(view: &TreeView) -> Result<crate::tree::RelPath, MtaError> {
    debug_assert!(X400_INI.starts_with(HOME));
    Ok(view.path(X400_INI)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "; made by the MTA group\r\n[MTA]\r\n; do not rename\r\n\
        Server=/O=O/OU=S/CN=EX\r\nOwn=NET/CON1\r\n\r\n\
        ; the hub,\r\n\r\n; by day\r\n[TO HUB]\r\n; leased line\r\nServer=/O=O/OU=S/CN=HUB\r\n\
        Cost=1\r\nSecured=no\r\nSpace=NET/HUB\r\n\r\n\
        [Z]\r\nServer=/O=O/OU=S/CN=Z\r\nCost=7\r\nSecured=yes\r\nSpace=EAST/*\r\n\r\n\
        ; the end\r\n";

    #[test]
    fn comments_of_an_administrator_stay_where_they_are() {
        let mut table = Table::parse(FILE).unwrap();
        assert_eq!(table.format(), FILE);
        // A change of a connector keeps its comments, a new one stands between.
        let mut changed = table.connectors[0].clone();
        changed.comments = Comments::default();
        changed.cost = 9;
        table.put(changed.clone());
        let added = Connector {
            name: "U".into(),
            ..changed
        };
        table.put(added);
        let text = table.format();
        assert_eq!(
            text.replace(
                "[U]\r\nServer=/O=O/OU=S/CN=HUB\r\nCost=9\r\nSecured=no\r\nSpace=NET/HUB\r\n\r\n",
                ""
            ),
            FILE.replace("Cost=1", "Cost=9")
        );
        assert_eq!(Table::parse(&text).unwrap().format(), text);
        table.connectors.remove(0);
        assert!(!table.format().contains("leased line"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(lines in proptest::collection::vec(
            proptest::sample::select(vec![
                "", "; c", "[MTA]", "[A]", "[B]", "Server=/O=O/OU=S/CN=X", "Own=N/P", "Space=N/*", "x",
            ]),
            0..20,
        )) {
            let text = format!("[MTA]\r\nServer=/O=O/OU=S/CN=EX\r\nOwn=NET/P\r\n{}", lines.join("\r\n"));
            let table = Table::parse(&text).unwrap();
            let written = table.format();
            proptest::prop_assert_eq!(Table::parse(&written), Some(table));
        }
    }
}
