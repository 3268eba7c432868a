//! `po-admin init`.

use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;

use dirsync::core::base::CodePage;
use dirsync::core::base::address::{FullName, MailboxName, PoName};
use dirsync::core::format::fresh::FreshParams;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::postoffice::build::BuildOptions;
use dirsync::postoffice::init::{InitPlan, InitSize};
use dirsync::tree::Command;
use dirsync_cli::escape;
use dirsync_cli::failure::Failure;
use dirsync_cli::output::Output;
use dirsync_cli::plan;
use dirsync_cli::report::{PlanStep, Report, Text, TreeEntry};
use dirsync_cli::session::{Outcome, Session};
use dirsync_cli::words::counted;
use serde::Serialize;

use crate::args::InitArgs;
use crate::{failures, trees};

/// The serial number of a new postoffice: none was bought.
const SERIAL: &[u8] = b"0000-00000";

/// What `init` and `init-exchange` say alike.
#[derive(Serialize)]
pub(super) struct Built {
    #[serde(flatten)]
    size: InitSize,
    removed_leftovers: Vec<String>,
    kept_leftovers: Vec<String>,
    plan: Vec<PlanStep>,
    #[serde(skip)]
    dry_run: bool,
}

impl Built {
    /// Carries a plan out, or shows it.
    pub(super) fn make(
        init: &InitPlan,
        place: &Path,
        command: Command,
        session: &Session<'_>,
    ) -> anyhow::Result<Self> {
        let (parent, name) = trees::place(place)?;
        let parent = trees::disk(&parent)?;
        let of_po = |error| failures::of_po(&error);
        let mut built = Self {
            size: init.size(),
            removed_leftovers: Vec::new(),
            kept_leftovers: Vec::new(),
            plan: Vec::new(),
            dry_run: session.settings.dry_run,
        };
        if built.dry_run {
            init.check_place(parent.as_ref(), &name).map_err(of_po)?;
            built.plan = plan::steps(None, &init.steps().map_err(of_po)?);
        } else {
            let options = BuildOptions {
                wait: session.settings.wait,
                holder: trees::holder(&session.settings, command.words()),
                seed: random_u32(),
            };
            let leavings = init.carry_out(&parent, &name, &options).map_err(of_po)?;
            built.removed_leftovers = leavings.swept;
            built.kept_leftovers = leavings.left;
        }
        Ok(built)
    }

    /// `what` was made at `place`.
    pub(super) fn text(&self, out: &mut Output<'_>, what: &str, place: &str) -> anyhow::Result<()> {
        for step in &self.plan {
            out.line(&step.text())?;
        }
        for left in &self.removed_leftovers {
            out.line(&format!(
                "removed {}, left by a run that crashed",
                escape::text(left)
            ))?;
        }
        for left in &self.kept_leftovers {
            out.line(&format!(
                "kept {}, left by a run that crashed: it holds other files as well",
                escape::text(left)
            ))?;
        }
        out.line(&format!(
            "{} {what} in {}: {}, {}, {}",
            if self.dry_run { "would make" } else { "made" },
            escape::path(Path::new(place)),
            counted(self.size.directories, "directory", "directories"),
            counted(self.size.files, "file", "files"),
            counted(self.size.bytes, "byte", "bytes"),
        ))
    }
}

#[derive(Serialize)]
struct Made {
    path: String,
    name: String,
    tree_id: String,
    #[serde(flatten)]
    built: Built,
}

pub(crate) fn run(args: &InitArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let (network, postoffice) = names(&args.name)?;
    let admin = encode(&args.admin, "--admin")?;
    MailboxName::new(&admin)
        .map_err(|fault| usage(format!("--admin {:?}: {}", args.admin, fault.text())))?;
    let admin_name = encode(&args.admin_name, "--admin-name")?;
    FullName::new(&admin_name).map_err(|fault| {
        usage(format!(
            "--admin-name {:?}: {}",
            args.admin_name,
            fault.text()
        ))
    })?;
    let zone = zone(args.zone.as_deref(), session)?;
    let created = jiff::Timestamp::from_second(i64::from(session.settings.now()))?;
    let tree_id = TreeId(random());
    let params = FreshParams {
        network: &network,
        postoffice: &postoffice,
        admin_mailbox: &admin,
        admin_full_name: &admin_name,
        created,
        zone: &zone,
        tree_id,
        serial: SERIAL,
    };
    let init = InitPlan::new(&params).map_err(|error| failures::of_po(&error))?;
    let made = Made {
        path: args.place.to_string_lossy().into_owned(),
        name: args.name.clone(),
        tree_id: tree_id.to_string(),
        built: Built::make(&init, &args.place, Command::Init, session)?,
    };
    let mut report = Report::new(Command::Init.words(), &session.settings);
    report.tree(TreeEntry {
        path: made.path.clone(),
        kind: "postoffice".into(),
        name: made.name.clone(),
        zone,
        ..TreeEntry::default()
    });
    report.print(&mut session.out, &made)
}

impl Text for Made {
    fn text(&self, out: &mut Output<'_>) -> anyhow::Result<()> {
        let what = format!("postoffice {}", escape::text(&self.name));
        self.built.text(out, &what, &self.path)
    }
}

fn usage(message: String) -> Failure {
    Failure::usage(message).hint("see po-admin init --help")
}

fn encode(text: &str, what: &str) -> Result<Vec<u8>, Failure> {
    CodePage::Cp850.encode(text).map_err(|_| {
        usage(format!(
            "{what} {text:?}: code page 850 has no place for a character"
        ))
    })
}

pub(super) fn names(text: &str) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("{text:?} is not a postoffice: {why}")).hint(
            "give network and postoffice, 1 to 10 letters and digits each: POLYNOMIAL/MONTGOMERY",
        )
    };
    let (network, postoffice) = text.split_once('/').ok_or_else(|| wrong("there is no /"))?;
    let name = PoName::new(
        &encode(network, "network")?,
        &encode(postoffice, "postoffice")?,
    )
    .map_err(|fault| wrong(fault.text()))?;
    Ok((name.network().to_vec(), name.postoffice().to_vec()))
}

/// The zone of the new tree: what was typed, else the system's, else UTC.
pub(super) fn zone(typed: Option<&str>, session: &Session<'_>) -> Result<String, Failure> {
    if let Some(zone) = typed {
        return match jiff::tz::TimeZone::get(zone) {
            // The database's spelling, whatever was typed.
            Ok(found) => Ok(found.iana_name().unwrap_or(zone).to_owned()),
            Err(_) => Err(
                Failure::usage(format!("--zone names no time zone: {zone:?}"))
                    .hint("give an IANA name, for example America/New_York"),
            ),
        };
    }
    let system = jiff::tz::TimeZone::system();
    let named = session
        .settings
        .zone
        .as_ref()
        .and_then(|zone| zone.iana_name())
        .or_else(|| system.iana_name());
    Ok(named.unwrap_or("UTC").to_owned())
}

/// The standard library seeds its hashers from the operating system's source of randomness.
fn random_u64() -> u64 {
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

fn random_u32() -> u32 {
    u32::try_from(random_u64() >> 32).unwrap_or(0)
}

pub(super) fn random() -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&random_u64().to_le_bytes());
    id[8..].copy_from_slice(&random_u64().to_le_bytes());
    id
}
