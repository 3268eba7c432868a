//! Which trees a site has, who they are and what they do.

use serde::{Deserialize, Serialize};

use crate::core::format::FixedRecord as _;
use crate::core::format::reqconf::ReqConfRecord;
use crate::core::protocol::requestor::Requestor;
use crate::postoffice::Identity;
use crate::progress::Progress;
use crate::transport::deliver::SameIdentity;
use crate::transport::far::{Failure, FailureClass, FarError};
use crate::tree::TreeView;
use crate::tree::discover::TreeKind;
use crate::tree::marker::Marker;

use super::REQCONF;
use super::step::{Answer, Ask, Worker};

/// The kind of a tree, as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A postoffice.
    Postoffice,
    /// An Exchange server.
    Exchange,
    /// An MTA database.
    Mta,
}

impl From<TreeKind> for Kind {
    fn from(kind: TreeKind) -> Self {
        match kind {
            TreeKind::Postoffice => Self::Postoffice,
            TreeKind::ExchangeServer => Self::Exchange,
            TreeKind::MtaDatabase => Self::Mta,
        }
    }
}

/// A tree that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its directory.
    pub path: String,
    /// Its kind.
    pub kind: Kind,
    /// What it was recognised by.
    pub found_by: String,
    /// The Exchange server whose shadow it is.
    pub shadow_of: Option<String>,
    /// Of an Exchange server: the directory of its shadow postoffice.
    pub shadow: Option<String>,
}

/// What a search of one directory found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The trees.
    pub trees: Vec<Found>,
    /// What could not be looked at: where, why.
    pub notes: Vec<(String, String)>,
    /// Whether everything was seen.
    pub complete: bool,
}

/// A postoffice of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its directory.
    pub path: String,
    /// `NET/PO`; `None` when it cannot be read.
    pub name: Option<String>,
    /// Whether it is the directory server.
    pub is_server: bool,
    /// The server it is registered with, `NET/PO`.
    pub server: Option<String>,
    /// It does not carry our marker in the current layout: only read.
    pub foreign: bool,
    /// The zone of its times.
    pub zone: String,
    /// It is the shadow of an Exchange server: it moves mail and runs no step.
    pub shadow: bool,
    /// It is an Exchange server; its mail moves through this postoffice, its shadow.
    pub exchange: Option<String>,
    /// Postoffices that gateways emulate here: they have no trees.
    #[serde(default)]
    pub gateways: Vec<String>,
    /// It is an Exchange server with X.400 connectors: its queue database moves mail as well.
    #[serde(default)]
    pub x400: bool,
    /// Why it cannot take part.
    pub failure: Option<Failure>,
}

/// The postoffices that gateways emulate at a tree; those of an Exchange server are attached to its
/// shadow postoffice. One that cannot be read has none: its own check says why.
fn gateways_of(view: &TreeView) -> Vec<String> {
    use crate::postoffice::externals::gateways::known;
    use crate::tree::{Domain, DomainKind, OpenOptions};
    let found = if crate::exchange::is_agent(view) {
        let domain = Domain {
            kind: DomainKind::Postoffice,
        };
        crate::exchange::shadow_disk(view.disk())
            .and_then(|shadow| TreeView::open(shadow, domain, &OpenOptions::default()))
            .map_err(Into::into)
            .and_then(|shadow| known(&shadow))
    } else {
        known(view)
    };
    let gateways = found.unwrap_or_default();
    gateways.iter().map(|one| one.name.to_string()).collect()
}

impl Member {
    /// Looks at a tree. What is wrong with it stands in [`Member::failure`].
    #[must_use]
    pub fn look(view: &TreeView, path: &str) -> Self {
        let mut member = Self::unknown(path);
        if crate::exchange::is_agent(view) {
            // Where the search has found it, it says it as the disk spells it.
            member.exchange = Some(format!("{path}/{}", crate::exchange::shadow_path()));
            let table = crate::tree::RelPath::new(crate::transport::x400::table::X400_INI);
            member.x400 = table.is_ok_and(|path| {
                // What cannot be looked at now is not served now.
                matches!(view.disk().stat(&path), Ok(Some(_)))
            });
        }
        match view.marker() {
            Marker::Ours(layout) => member.zone.clone_from(&layout.zone),
            Marker::Older(layout) => {
                member.foreign = true;
                member.failure = Some(Failure {
                    class: FailureClass::Refused,
                    message: format!("it has the older layout version {}", layout.version),
                    hint: Some("`po-admin upgrade` brings it up to date".to_owned()),
                    last: false,
                    full: false,
                });
            }
            Marker::Foreign(why) => {
                member.foreign = true;
                member.failure = Some(Failure {
                    class: FailureClass::Refused,
                    message: format!("it is a foreign tree: {why}"),
                    hint: Some("foreign trees are only read, never written".to_owned()),
                    last: false,
                    full: false,
                });
            }
        }
        if member.foreign {
            return member;
        }
        match Identity::read(view) {
            Ok(identity) => {
                member.name = Some(identity.name.to_string());
                member.is_server = identity.is_server;
                member.server = server_of(view, &identity);
                member.gateways = gateways_of(view);
            }
            Err(error) => member.failure = Some(Failure::from(&error)),
        }
        member
    }

    pub(super) fn unknown(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            name: None,
            is_server: false,
            server: None,
            foreign: false,
            zone: String::new(),
            shadow: false,
            exchange: None,
            gateways: Vec::new(),
            x400: false,
            failure: None,
        }
    }

    /// The directory through which its mail moves.
    #[must_use]
    pub fn mail_path(&self) -> &str {
        self.exchange.as_deref().unwrap_or(&self.path)
    }

    /// All directories through which its mail moves: with X.400 connectors its queue database, too.
    #[must_use]
    pub fn mail_paths(&self) -> Vec<String> {
        let mut paths = vec![self.mail_path().to_owned()];
        if self.x400 {
            paths.push(format!("{}/{}", self.path, crate::mta::HOME));
        }
        paths
    }

    /// Its name, or its path where it has none.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.path)
    }

    /// What it does: `server`, `requestor`.
    #[must_use]
    pub fn roles(&self) -> Vec<&'static str> {
        let mut roles = Vec::new();
        if self.is_server {
            roles.push("server");
        }
        if self.server.is_some() {
            roles.push("requestor");
        }
        roles
    }

    /// Whether it takes part in the cycle.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.failure.is_none()
    }
}

fn server_of(view: &TreeView, identity: &Identity) -> Option<String> {
    let bytes = view.read(REQCONF, 4096).ok()??;
    let conf = ReqConfRecord::decode(&bytes).ok()?;
    let requestor = Requestor {
        own: identity.name,
        conf,
        is_server: identity.is_server,
    };
    let (server, _) = requestor.conf.has_magic().then(|| requestor.server())??;
    server.name().map(|name| name.to_string())
}

impl Site {
    /// The site for those who know postoffices only (the dispatcher, the resets): an Exchange server
    /// is its shadow postoffice, which moves mail and runs no step (Q149451).
    #[must_use]
    pub fn of_postoffices(mut self) -> Self {
        for member in &mut self.members {
            if let Some(shadow) = member.exchange.take() {
                member.path = shadow;
                member.shadow = true;
                member.is_server = false;
                member.server = None;
            }
        }
        self
    }
}

/// A site: its postoffices by name, and what else is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The postoffices, by name, those without one at the end.
    pub members: Vec<Member>,
    /// Trees of other kinds; they take no part.
    pub others: Vec<Found>,
    /// What could not be looked at: where, why, what to do.
    pub notes: Vec<(String, String, String)>,
}

/// Finds and looks at all trees below some directories.
///
/// # Errors
/// Two trees are the same postoffice: nothing may be done then.
pub fn look(
    sites: &[String],
    worker: &dyn Worker,
    wait_ms: u64,
    progress: &dyn Progress,
) -> Result<Site, SameIdentity> {
    let mut site = Site::default();
    let mut found: Vec<Found> = Vec::new();
    progress.start("looking for postoffices", None);
    for path in sites {
        match worker.ask(&Ask::Search { site: path.clone() }, progress) {
            Ok(Answer::Searched(search)) => {
                if search.trees.is_empty() && search.complete {
                    let hint = "give a postoffice, or a directory above some";
                    let why = "there is no tree at or below it";
                    site.notes.push((path.clone(), why.into(), hint.into()));
                }
                found.extend(search.trees);
                for (place, why) in search.notes {
                    site.notes.push((place, why, String::new()));
                }
            }
            other => {
                let (why, hint) = why(other);
                site.notes.push((path.clone(), why, hint));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup_by(|a, b| a.path == b.path);
    progress.start("looking at postoffices", u64::try_from(found.len()).ok());
    let (postoffices, others) = found.into_iter().partition(|tree| {
        tree.kind == Kind::Postoffice || (tree.kind == Kind::Exchange && tree.shadow.is_some())
    });
    let postoffices: Vec<Found> = postoffices;
    site.others = others;
    progress.advance(u64::try_from(site.others.len()).unwrap_or(0));
    let asks: Vec<Ask> = postoffices
        .iter()
        .map(|tree| Ask::Look {
            tree: tree.path.clone(),
            wait_ms,
        })
        .collect();
    let answers = worker.ask_each(&asks, progress);
    for (tree, answer) in postoffices.into_iter().zip(answers) {
        let mut member = match answer {
            Ok(Answer::Looked(member)) => member,
            other => {
                let mut member = Member::unknown(&tree.path);
                member.failure = Some(as_failure(other));
                member
            }
        };
        member.shadow = tree.shadow_of.is_some();
        if tree.kind == Kind::Exchange {
            member.exchange = tree.shadow;
        }
        let twin = site
            .members
            .iter()
            .find(|other| member.name.is_some() && same_name(&other.name, &member.name));
        if let Some(twin) = twin {
            return Err(SameIdentity {
                name: member.label().to_owned(),
                first: twin.path.clone(),
                second: member.path,
            });
        }
        site.members.push(member);
    }
    site.members.sort_by(|a, b| {
        (a.name.is_none(), &a.name, &a.path).cmp(&(b.name.is_none(), &b.name, &b.path))
    });
    Ok(site)
}

/// Names are compared without case.
fn same_name(a: &Option<String>, b: &Option<String>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

fn why(answer: Result<Answer, FarError>) -> (String, String) {
    let failure = as_failure(answer);
    (failure.message, failure.hint.unwrap_or_default())
}

/// An answer that is none, as a failure.
pub(super) fn as_failure(answer: Result<Answer, FarError>) -> Failure {
    match answer {
        Err(FarError::Failed(failure)) | Ok(Answer::Failed { failure }) => failure,
        Err(error) => Failure {
            class: FailureClass::Data,
            message: error.to_string(),
            hint: error.hint(),
            last: false,
            full: false,
        },
        Ok(_) => Failure {
            class: FailureClass::Data,
            message: "the answer makes no sense".to_owned(),
            hint: None,
            last: false,
            full: false,
        },
    }
}
