//! Whose mailbag it is: a local user's, an external postoffice's, a gateway's, or a system queue.
//!
//! Postoffices and gateways stand at DOCUMENTED places (Q148666) and are known in every tree;
//! local users at ASSIGNED ones (decisions 2.9) and are known in ours only.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::core::base::ident::HexId;
use crate::core::base::stem::{MailbagStem, NamedMailbag};
use crate::core::format::CpField;
use crate::core::format::access::Access2Record;
use crate::core::format::network::NetworkRecord;
use crate::core::format::record::LIVE;
use crate::core::format::xtn::XtnRecord;
use crate::tree::{TreeError, TreeView};

use super::super::error::PoError;
use super::super::stream::{Report, open_or_report, records};

/// Local users that are read.
const USERS_LIMIT: u64 = 2_000_000;
/// Networks and gateways that are read.
const NETWORKS_LIMIT: u64 = 65_536;
/// External postoffices that are read, over all networks.
const POSTOFFICES_LIMIT: u64 = 1_000_000;

/// Whose mailbag it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A local user.
    User {
        /// The mailbox.
        mailbox: CpField<11>,
    },
    /// An external postoffice: mail that waits for it.
    Postoffice {
        /// Its network.
        network: CpField<11>,
        /// Its name.
        postoffice: CpField<11>,
    },
    /// A gateway.
    Gateway {
        /// Its name.
        name: CpField<11>,
    },
    /// A queue of the mail system.
    System(NamedMailbag),
    /// Nobody that this tree names.
    Unknown,
}

impl Owner {
    /// The kind in one word, for tables and JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Postoffice { .. } => "postoffice",
            Self::Gateway { .. } => "gateway",
            Self::System(_) => "system",
            Self::Unknown => "unknown",
        }
    }

    /// The name: a mailbox, `NET/PO`, a gateway, what a system queue is for; empty when unknown.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::User { mailbox } => mailbox.to_string_850(),
            Self::Postoffice {
                network,
                postoffice,
            } => format!("{}/{}", network.to_string_850(), postoffice.to_string_850()),
            Self::Gateway { name } => name.to_string_850(),
            Self::System(named) => match named {
                NamedMailbag::Inqueue => "submitted by this postoffice",
                NamedMailbag::Inqueue3 => "from other postoffices",
                NamedMailbag::System => "$SYSTEM",
                NamedMailbag::Inbox => "received by a remote client",
                NamedMailbag::Outbox => "to be sent by a remote client",
                NamedMailbag::Pobox => "postoffice side of a remote client",
            }
            .to_owned(),
            Self::Unknown => String::new(),
        }
    }
}

/// The owners of all numbered mailbags of a tree.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    by_id: BTreeMap<HexId, Owner>,
}

impl Owners {
    /// Reads ACCESS2, NETWORK and the XTN files. Of two owners of one mailbag the first counts;
    /// that there are two is the business of the checker.
    ///
    /// # Errors
    /// An error that is not about one file; the others are reported.
    pub fn load(view: &TreeView, report: &mut Report<'_>) -> Result<Self, TreeError> {
        let mut owners = Self::default();
        if view.marker().layout().is_some() {
            owners.load_users(view, report)?;
        }
        let mut networks: Vec<(CpField<11>, HexId)> = Vec::new();
        if let Some(file) = open_or_report(view, "GLB/NETWORK.GLB", report)? {
            records::<NetworkRecord>(&file, 0, NETWORKS_LIMIT, &mut |_, _, record| {
                if record.is_live() {
                    if let Ok(Some(id)) = record.mailbag.get() {
                        owners.add(id, Owner::Gateway { name: record.name });
                    }
                    if let Ok(Some(xtn)) = record.xtn.get() {
                        networks.push((record.name, xtn));
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        let mut seen = BTreeSet::new();
        let mut left = POSTOFFICES_LIMIT;
        for (network, xtn) in networks {
            if !seen.insert(xtn) {
                continue;
            }
            let Some(file) = open_or_report(view, &format!("XTN/{xtn}.XTN"), report)? else {
                continue;
            };
            let total = records::<XtnRecord>(&file, 0, left, &mut |_, _, record| {
                if record.is_live()
                    && let Ok(Some(id)) = record.mailbag.get()
                {
                    let postoffice = record.postoffice;
                    owners.add(
                        id,
                        Owner::Postoffice {
                            network,
                            postoffice,
                        },
                    );
                }
                ControlFlow::Continue(())
            })?;
            left = left.saturating_sub(total);
        }
        Ok(owners)
    }

    fn load_users(&mut self, view: &TreeView, report: &mut Report<'_>) -> Result<(), TreeError> {
        let Some(file) = open_or_report(view, "GLB/ACCESS2.GLB", report)? else {
            return Ok(());
        };
        records::<Access2Record>(&file, 0, USERS_LIMIT, &mut |_, _, record| {
            if record.state == LIVE
                && let Ok(Some(id)) = record.mailbag.get()
            {
                let mailbox = record.mailbox;
                self.add(id, Owner::User { mailbox });
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn add(&mut self, id: HexId, owner: Owner) {
        self.by_id.entry(id).or_insert(owner);
    }

    /// The owner of a mailbag.
    #[must_use]
    pub fn of(&self, stem: MailbagStem) -> Owner {
        match stem {
            MailbagStem::Named(named) => Owner::System(named),
            MailbagStem::Id(id) => self.by_id.get(&id).copied().unwrap_or(Owner::Unknown),
        }
    }

    /// The mailbag whose owner has this name, without regard to case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<MailbagStem> {
        let wanted = name.to_lowercase();
        self.by_id
            .iter()
            .find(|(_, owner)| owner.name().to_lowercase() == wanted)
            .map(|(&id, _)| MailbagStem::Id(id))
    }
}

/// The mailbag that somebody means: a stem (`0000000A`, `SYSTEM`), a mailbox, a gateway or
/// `NET/PO`.
///
/// # Errors
/// [`PoError::NoSuchMailbag`], or an error of the tree.
pub fn find_mailbag(
    view: &TreeView,
    name: &str,
    report: &mut Report<'_>,
) -> Result<MailbagStem, PoError> {
    if let Ok(stem) = name.parse::<MailbagStem>()
        && (view.stat(&stem.mbg_path())?.is_some() || view.stat(&stem.key_path())?.is_some())
    {
        return Ok(stem);
    }
    let found = if name.eq_ignore_ascii_case("$SYSTEM") {
        Some(MailbagStem::SYSTEM)
    } else {
        Owners::load(view, report)?.find(name)
    };
    found.ok_or_else(|| PoError::NoSuchMailbag {
        tree: view.describe(),
        name: name.to_owned(),
    })
}
