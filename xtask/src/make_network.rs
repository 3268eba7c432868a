//! `cargo xtask make-network DIR`: postoffices with users, registered and exported, never run. The
//! same for the same seed, byte for byte.
//!
//! `NET/PO0001` is the directory server and knows every postoffice; the others know the way to the
//! server and learn of each other in the first cycle, as autocreate makes them (imp R-AUT-001). With
//! `--hub` the last postoffice is reached through the second one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use dirsync::core::base::codepage::CodePage;
use dirsync::core::base::{PoName, UnixTime};
use dirsync::core::format::field::Password;
use dirsync::core::format::fresh::FreshParams;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::postoffice::build::BuildOptions;
use dirsync::postoffice::config::{registration, requestors, server};
use dirsync::postoffice::externals::{self, NewExternal};
use dirsync::postoffice::init::InitPlan;
use dirsync::postoffice::lists::users::NewUser;
use dirsync::postoffice::{Edit, Lists};
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::real::RealDisk;
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::lock::Holder;
use dirsync::tree::{Command, Domain, DomainKind, OpenOptions, TreeMut};

/// The time of everything that is made: 1994-04-07 12:13:52 UTC (Q96060).
pub(crate) const MADE: UnixTime = UnixTime(765_720_832);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory; it must not exist yet, or be empty
    dir: PathBuf,
    /// Number of postoffices
    #[arg(long)]
    postoffices: u16,
    /// Users of each postoffice
    #[arg(long)]
    users: u32,
    /// Reach the last postoffice through the second one
    #[arg(long)]
    hub: bool,
    /// Another network of the same size
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A small generator (splitmix64): the same seed is the same run everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let len = u64::try_from(from.len()).unwrap_or(1).max(1);
        let at = usize::try_from(self.next() % len).unwrap_or(0);
        from.get(at).copied().unwrap_or_default()
    }
}

pub(crate) const FIRST: &[&str] = &[
    "Ada", "Émilie", "Sofja", "Niels", "José", "Bjørn", "Zoë", "Paul", "Mark", "Bryan", "Åsa",
    "Jürgen", "Inês", "Carl", "Emmy", "Sonja",
];
pub(crate) const LAST: &[&str] = &[
    "Noether",
    "Gauß",
    "Abel",
    "Möbius",
    "Gödel",
    "Peña",
    "Søndergård",
    "Hypatia",
    "Euler",
    "Châtelet",
    "Kovács",
    "Lovelace",
    "Núñez",
    "Weyl",
    "Agnesi",
    "Erdös",
];

fn name(number: u16) -> String {
    format!("NET/PO{number:04}")
}

fn po(number: u16) -> anyhow::Result<PoName> {
    let name = name(number);
    match name.parse() {
        Ok(name) => Ok(name),
        Err(_) => bail!("{name} is no postoffice"),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(
        args.postoffices >= 1,
        "a network has at least one postoffice"
    );
    ensure!(args.postoffices <= 9_999, "names go up to PO9999");
    ensure!(
        !args.hub || args.postoffices >= 3,
        "--hub needs three postoffices: the server, the hub, and one behind it"
    );
    std::fs::create_dir_all(&args.dir)?;
    ensure!(
        std::fs::read_dir(&args.dir)?.next().is_none(),
        "{} is not empty",
        args.dir.display()
    );
    for number in 1..=args.postoffices {
        make(args, number).with_context(|| name(number))?;
    }
    println!(
        "{}: {} postoffices with {} users each, server {}",
        args.dir.display(),
        args.postoffices,
        args.users,
        name(1)
    );
    Ok(())
}

fn make(args: &Args, number: u16) -> anyhow::Result<()> {
    let mut dice = Dice(args.seed ^ (u64::from(number) << 32));
    let mut tree = empty(&args.dir, &format!("PO{number:04}"), &mut dice)?;
    commit(&mut tree, Command::Postoffice, |edit| {
        routes(edit, args, number)
    })?;
    commit(&mut tree, Command::Fill, |edit| {
        users(edit, args.users, &mut dice)
    })?;
    commit(&mut tree, Command::Export, |edit| {
        let mut lists = Lists::open(edit, MADE)?;
        lists.export(edit)?;
        Ok(lists.save(edit)?)
    })
}

/// Makes the postoffice `NET/<name>` in the directory `dir/<name>` and opens it.
pub(crate) fn empty(dir: &Path, name: &str, dice: &mut Dice) -> anyhow::Result<TreeMut> {
    let mut tree_id = [0; 16];
    tree_id[..8].copy_from_slice(&dice.next().to_le_bytes());
    tree_id[8..].copy_from_slice(&dice.next().to_le_bytes());
    let parent: Arc<dyn Disk> = Arc::new(RealDisk::open(dir)?);
    InitPlan::new(&FreshParams {
        network: b"NET",
        postoffice: name.as_bytes(),
        admin_mailbox: b"Admin",
        admin_full_name: b"Administrator",
        created: MADE.timestamp(),
        zone: "UTC",
        tree_id: TreeId(tree_id),
        serial: b"0000-00000",
    })?
    .carry_out(
        &parent,
        name,
        &BuildOptions {
            holder: Holder::default(),
            seed: u32::from_le_bytes([tree_id[0], tree_id[1], tree_id[2], tree_id[3]]),
            wait: Duration::ZERO,
        },
    )?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&dir.join(name))?);
    let domain = Domain {
        kind: DomainKind::Postoffice,
    };
    Ok(TreeMut::open(disk, domain, &OpenOptions::default())?)
}

pub(crate) fn commit(
    tree: &mut TreeMut,
    command: Command,
    change: impl FnOnce(&mut Edit<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut edit = Edit::new(tree.view());
    change(&mut edit)?;
    let plan = edit.finish()?;
    let info = CommitInfo {
        command,
        user: "xtask".to_owned(),
        now: MADE,
        counts: Vec::new(),
    };
    tree.commit(&plan, &info)?;
    Ok(())
}

fn add(edit: &mut Edit<'_>, number: u16, via: Option<u16>) -> anyhow::Result<()> {
    let new = NewExternal {
        name: po(number)?,
        via: via.map(po).transpose()?,
        path: None,
        autocreated: false,
    };
    externals::add(edit, &new)?;
    Ok(())
}

/// The routes, the roles and the records of one postoffice.
fn routes(edit: &mut Edit<'_>, args: &Args, number: u16) -> anyhow::Result<()> {
    let last = args.postoffices;
    let behind_hub = |other: u16| args.hub && other == last;
    if number == 1 {
        for other in 2..=last {
            add(edit, other, behind_hub(other).then_some(2))?;
        }
        server::on(edit)?;
        for other in 2..=last {
            let new = requestors::NewRequestor {
                name: po(other)?,
                password: Password::default(),
                mailbox: None,
            };
            requestors::add(edit, &new)?;
        }
        return Ok(());
    }
    if behind_hub(number) {
        add(edit, 2, None)?;
        add(edit, 1, Some(2))?;
    } else {
        add(edit, 1, None)?;
        if args.hub && number == 2 {
            add(edit, last, None)?;
        }
    }
    registration::register(edit, &po(1)?, None)?;
    Ok(())
}

fn users(edit: &mut Edit<'_>, count: u32, dice: &mut Dice) -> anyhow::Result<()> {
    let mut lists = Lists::open(edit, MADE)?;
    for number in 1..=count {
        let name = format!("{} {} {number}", dice.pick(FIRST), dice.pick(LAST));
        let full_name = CodePage::Cp850.encode_lossy(&name).bytes;
        let new = NewUser {
            mailbox: format!("u{number}").into_bytes(),
            full_name,
            dirsync: true,
            info: Vec::new(),
            strict_limits: false,
        };
        lists.add_user(edit, &new)?;
    }
    Ok(lists.save(edit)?)
}

/// Whether two directories hold the same files, for the test.
#[cfg(test)]
fn contents(root: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_path_buf();
            (path, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_network() {
        let made = |seed| {
            let dir = tempfile::tempdir().unwrap();
            let args = Args {
                dir: dir.path().join("net"),
                postoffices: 3,
                users: 4,
                hub: true,
                seed,
            };
            run(&args).unwrap();
            assert!(run(&args).is_err());
            contents(&args.dir)
        };
        let (one, two, other) = (made(1), made(1), made(2));
        assert!(one == two);
        assert_ne!(
            one[Path::new("PO0002/GLB/REQTRANS.GLB")],
            other[Path::new("PO0002/GLB/REQTRANS.GLB")]
        );
    }
}
