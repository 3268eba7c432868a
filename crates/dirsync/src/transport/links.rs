//! What an administrator sees of the links of a postoffice and may do about them: hold and release,
//! settings, further routes and their costs.

use crate::core::base::address::PoName;
use crate::postoffice::list_error::ListError;
use crate::postoffice::stream::Report;
use crate::postoffice::{Edit, Identity, PoError};
use crate::tree::TreeView;

use super::book::{LinkBook, LinkEntry};
use super::route::{NextHop, Routes};
use super::table;
use super::waiting::{Outbound, outbound};

/// One link as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLink {
    /// The next hop, `NET/PO`; empty for a queue that no postoffice empties.
    pub to: String,
    /// The outbound mailbags that leave over it, stems.
    pub mailbags: Vec<String>,
    /// Messages that wait.
    pub waiting: u64,
    /// Date of the oldest, seconds since 1970 UTC; 0 when none waits.
    pub oldest: u32,
    /// What is remembered.
    pub link: LinkEntry,
}

/// All links over which something waits or of which something is remembered, by name.
///
/// # Errors
/// As [`outbound`].
pub fn links(view: &TreeView, report: &mut Report<'_>) -> Result<Vec<ShownLink>, PoError> {
    let mut shown: Vec<ShownLink> = Vec::new();
    for queue in outbound(view, report)? {
        let Outbound {
            mailbag,
            via,
            waiting,
            oldest,
            link,
            ..
        } = queue;
        let mailbag = format!("{mailbag:08X}");
        let to = via.unwrap_or_default();
        match shown.iter_mut().find(|one| one.to == to && !to.is_empty()) {
            Some(one) => {
                one.mailbags.push(mailbag);
                if waiting > 0 {
                    let known = if one.waiting > 0 { one.oldest } else { oldest };
                    one.oldest = known.min(oldest);
                }
                one.waiting += waiting;
            }
            None => shown.push(ShownLink {
                to,
                mailbags: vec![mailbag],
                waiting,
                oldest,
                link,
            }),
        }
    }
    for (to, link) in LinkBook::load(view)?.entries() {
        let to = to.to_string();
        if *link != LinkEntry::default() && !shown.iter().any(|one| one.to == to) {
            shown.push(ShownLink {
                to,
                mailbags: Vec::new(),
                waiting: 0,
                oldest: 0,
                link: link.clone(),
            });
        }
    }
    shown.sort_by(|a, b| a.to.cmp(&b.to).then_with(|| a.mailbags.cmp(&b.mailbags)));
    Ok(shown)
}

/// The postoffice that mail for `to` is handed to when that is `to` itself.
fn require_direct(edit: &Edit<'_>, to: &PoName) -> Result<(), PoError> {
    let own = Identity::read(edit.view())?.name;
    match Routes::load(edit.view(), own)?.first_hop(to)? {
        NextHop::Mailbag { via, .. } if via == *to => Ok(()),
        NextHop::Mailbag { via, .. } => Err(ListError::Refused {
            why: format!("{to} is reached through {via}: there is no link to it from here"),
            hint: "name the hub instead; `po-admin postoffice list` shows the routes",
        }
        .into()),
        _ => Err(ListError::NoSuch {
            what: "direct postoffice",
            name: to.to_string(),
            hint: "`po-admin postoffice list` shows the postoffices that are known",
        }
        .into()),
    }
}

/// Changes what is remembered of the link to a direct postoffice; what it is then.
///
/// # Errors
/// There is no such link, or a disk error.
pub fn change_link(
    edit: &mut Edit<'_>,
    to: &PoName,
    change: impl FnOnce(&mut LinkEntry),
) -> Result<LinkEntry, PoError> {
    require_direct(edit, to)?;
    let mut book = LinkBook::read(edit)?;
    let entry = book.entry(*to);
    change(entry);
    let entry = entry.clone();
    book.write(edit)?;
    Ok(entry)
}

/// Adds a way to `to` through `via`, changes what it costs, or forgets it.
///
/// # Errors
/// The destination is not known here, `via` is no direct postoffice or the destination itself behind
/// a hub, a cost that is none, or a disk error.
pub fn set_route(
    edit: &mut Edit<'_>,
    to: &PoName,
    via: &PoName,
    cost: Option<u8>,
) -> Result<(), PoError> {
    if cost.is_some() {
        let own = Identity::read(edit.view())?.name;
        let first = Routes::load(edit.view(), own)?.first_hop(to)?;
        if !matches!(first, NextHop::Mailbag { .. }) {
            return Err(ListError::NoSuch {
                what: "external postoffice",
                name: to.to_string(),
                hint: "`po-admin postoffice add` makes it known, with its first route",
            }
            .into());
        }
        require_direct(edit, via)?;
    }
    table::set(edit, to, via, cost)
}
