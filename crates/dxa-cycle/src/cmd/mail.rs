//! Moving the mail of a site: what `deliver` and `reset global` share.

use dirsync::cycle::rounds::{Delivered, deliver_site};
use dirsync::cycle::run::RunOptions;
use dirsync::cycle::site::Site;
use dirsync::cycle::step::Here;
use dirsync::transport::deliver::DeliverOptions;
use dirsync_cli::failure::Failure;
use dirsync_cli::report::Report;
use dirsync_cli::session::Session;

use crate::args::LinkArgs;
use crate::convert;
use crate::trial::Trials;

/// Moves the mail of the site until it is quiet, in a dry run on the trial disks. What is wrong stands
/// in `report` afterwards.
///
/// # Errors
/// Exit 2 when two trees are the same postoffice; exit 130 when the user stopped it.
pub(super) fn deliver(
    site: &Site,
    trials: Option<&Trials>,
    link: &LinkArgs,
    how: &RunOptions,
    options: &DeliverOptions,
    report: &mut Report,
    session: &Session<'_>,
) -> Result<Delivered, Failure> {
    let (settings, progress) = (&session.settings, &session.progress);
    let done = match trials {
        Some(trials) => {
            let open = |path: &str| trials.open(path);
            deliver_site(site, &Here { open: &open }, trials, how, options, progress)
        }
        None => {
            let children = super::children(settings, link)?;
            let connector = super::connector(settings, link, &how.program)?;
            deliver_site(site, &children, &connector, how, options, progress)
        }
    };
    let done = done.map_err(|error| convert::same_identity(&error))?;
    if done.delivery.stopped {
        return Err(Failure::interrupted());
    }
    for exchanged in &done.interchange {
        convert::interchange(report, exchanged);
    }
    convert::delivery(report, &done.delivery);
    Ok(done)
}
