//! `cargo xtask make-mta DIR`: an MTA queue database of any size with its BOOTENV, the same for the same
//! seed, byte for byte.
//!
//! `DIR/MTADATA` holds the core, the work queue, three secured queues (MS Mail connector, DXA, Internet
//! Mail connector) and N messages with F reference objects each; `DIR/BOOTENV` the 39 pristine files.
//! Every content is a real X.411 message. The files are written straight into a new directory, LAYOUT.TXT
//! last: until then the directory is foreign and nothing writes to it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use dirsync::core::base::UnixTime;
use dirsync::core::format::layout_txt::TreeId;
use dirsync::core::format::mta::message::{Data, Reference};
use dirsync::core::format::mta::queue::MemberRecord;
use dirsync::core::format::mta::{MessageKind, ObjectId, ObjectNumber, Priority, Profile};
use dirsync::core::format::x400::{Ipm, MtsId, OrAddress, P1Message};
use dirsync::mta::HOME;
use dirsync::mta::fresh::{BOOTENV, FreshParams, Skeleton, bootenv, marker_files, skeleton};

/// When the database was made: 1994-04-07 12:13:52 UTC (Q96060); messages follow by the minute.
const MADE: u32 = 765_720_832;
const SECURED: [&str; 3] = [
    "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=MS MAIL CONNECTOR (EXSERV1)",
    "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=SERVERS/CN=EXSERV1/CN=MICROSOFT DXA",
    "/O=ORG/OU=SITE/CN=CONFIGURATION/CN=CONNECTIONS/CN=INTERNET MAIL CONNECTOR (EXSERV1)",
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory; it must not exist yet, or be empty
    pub(crate) dir: PathBuf,
    /// Number of messages
    #[arg(long)]
    pub(crate) messages: u32,
    /// Version of the MTA: 4.0, 5.0 or 5.5
    #[arg(long, default_value = "5.5")]
    pub(crate) profile: Profile,
    /// Queues that each message waits on, 1 to 4
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) fan_out: u8,
    /// Another database of the same size
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// A small generator (splitmix64): the same seed is the same run everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let home = args.dir.join(HOME);
    let boot = args.dir.join(BOOTENV);
    std::fs::create_dir_all(&args.dir)?;
    ensure!(
        std::fs::read_dir(&args.dir)?.next().is_none(),
        "{} is not empty",
        args.dir.display()
    );
    std::fs::create_dir(&home)?;
    std::fs::create_dir(&boot)?;
    for file in bootenv(UnixTime(MADE))? {
        write(&args.dir.join(&file.path), &file.bytes)?;
    }
    let mut dice = Dice(args.seed);
    let mut tree_id = [0; 16];
    tree_id[..8].copy_from_slice(&dice.next().to_le_bytes());
    tree_id[8..].copy_from_slice(&dice.next().to_le_bytes());
    let secured = SECURED.map(|name| (None, name));
    let params = FreshParams {
        profile: args.profile,
        created: UnixTime(MADE),
        zone: "UTC",
        tree_id: TreeId(tree_id),
        secured: &secured,
    };
    let mut database = skeleton(&params)?;
    for number in 1..=args.messages {
        message(args, &home, &mut database, &mut dice, number)
            .with_context(|| format!("message {number}"))?;
    }
    for file in database.files(HOME)? {
        write(&args.dir.join(&file.path), &file.bytes)?;
    }
    for file in marker_files(&params).iter().rev() {
        write(&args.dir.join(&file.path), &file.bytes)?;
    }
    println!(
        "{}: {} messages on {} queues each, version {}",
        home.display(),
        args.messages,
        args.fan_out,
        args.profile
    );
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// Who writes to whom: kind, originator, recipient as queues and objects name them.
fn parties(dice: &mut Dice, number: u32) -> (MessageKind, String, String) {
    let server = |name: &str, end: &str| {
        format!("/o=Org/ou=Site/cn=Configuration/cn=Servers/cn={name}/cn=Microsoft {end}")
    };
    let user = |n: u64| format!("/o=Org/ou=Site/cn=Recipients/cn=u{n}");
    let (from, to) = (dice.below(500), dice.below(500));
    match dice.below(20) {
        0 => (
            MessageKind::DirRep,
            server("EXSERV2", "DSA"),
            server("EXSERV1", "DSA"),
        ),
        1 => (
            MessageKind::PfRep,
            server("EXSERV2", "Public MDB"),
            server("EXSERV1", "Public MDB"),
        ),
        2 => (
            MessageKind::LinkMon,
            server("EXSERV2", "System Attendant"),
            server("EXSERV1", "System Attendant"),
        ),
        3..=5 => (
            MessageKind::Dirsync,
            format!("MS:NET/PO{:04}/$SYSTEM", number % 9_999),
            server("EXSERV1", "DXA"),
        ),
        6 => (MessageKind::Report, server("EXSERV1", "MTA"), user(to)),
        7 | 8 => (
            MessageKind::Ipm,
            user(from),
            format!("MS:NET/PO{:04}/u{to}", number % 9_999),
        ),
        _ => (MessageKind::Ipm, user(from), user(to)),
    }
}

/// The queue that a kind goes to first; further ones follow in order.
fn first_queue(kind: MessageKind, recipient: &str) -> usize {
    match kind {
        MessageKind::Dirsync => 2,
        _ if recipient.starts_with("MS:") => 1,
        _ => 0,
    }
}

fn address(text: &str) -> OrAddress {
    let mut address = OrAddress {
        country: "US".to_owned(),
        admd: " ".to_owned(),
        prmd: "Org".to_owned(),
        organization: "Site".to_owned(),
        ..OrAddress::default()
    };
    if let Some(("MS", value)) = text.split_once(':') {
        // A dollar sign has no place in a printable string; X.408 writes it as its number.
        address
            .domain_defined
            .push(("MS".to_owned(), value.replace('$', "(036)")));
    } else {
        let last = text.rsplit('=').next().unwrap_or(text);
        last.clone_into(&mut address.surname);
    }
    address
}

fn message(
    args: &Args,
    home: &Path,
    database: &mut Skeleton,
    dice: &mut Dice,
    number: u32,
) -> anyhow::Result<()> {
    let (kind, originator, recipient) = parties(dice, number);
    let priority = match dice.below(10) {
        0 => Priority::Urgent,
        1 => Priority::NonUrgent,
        _ => Priority::Normal,
    };
    let submitted = UnixTime(MADE.saturating_add(number.saturating_mul(60)));
    let counter = database.counts.take_serial();
    let id = MtsId::generate("US", " ", "Org", "EXSERV1", submitted, counter)?;
    let subject = format!("{kind} {number}");
    let mut text = format!("Message {number} of {}.\r\n", args.messages).into_bytes();
    for _ in 0..dice.below(12) {
        text.extend_from_slice(format!("{:016x}\r\n", dice.next()).as_bytes());
    }
    let files = if kind == MessageKind::Dirsync {
        let len = usize::try_from(dice.below(3_000))?;
        vec![(0..len).map(|n| n.to_le_bytes()[0]).collect()]
    } else {
        Vec::new()
    };
    let content_names = files.iter().map(|_| "REQTRANS.GLB".to_owned()).collect();
    let content = P1Message {
        id: id.clone(),
        originator: address(&originator),
        recipients: vec![address(&recipient)],
        priority,
        submitted,
        content_id: format!("{number:08}"),
        ipm: Ipm {
            id: format!("IPM-{number:08}"),
            subject: subject.clone().into_bytes(),
            text,
            files,
        },
    }
    .encode()?;

    // The queues after those of the core: the work queue, then the secured ones.
    let first = first_queue(kind, &recipient);
    let queues: Vec<usize> = (0..usize::from(args.fan_out))
        .map(|n| 3 + (first + n) % 4)
        .collect();
    let queue_id = |database: &Skeleton, at: usize| -> anyhow::Result<ObjectId> {
        Ok(database.queues.get(at).context("a queue is missing")?.id)
    };
    let new = |database: &mut Skeleton| -> anyhow::Result<ObjectNumber> {
        database
            .bitmap
            .take_from(0x27)
            .context("the bitmap is full")
    };
    let data = ObjectId::message(new(database)?);
    let len = u32::try_from(content.len())?;
    let object = Data {
        mts_id: id.to_string(),
        content,
        content_names,
    }
    .object(data, queue_id(database, queues[0])?, submitted, counter);
    write(&home.join(data.file_name()), &object.encode()?)?;
    for at in queues {
        let reference = ObjectId::message(new(database)?);
        let serial = database.counts.take_serial();
        let object = Reference {
            mts_id: id.to_string(),
            priority,
            originator: originator.clone(),
            recipients: vec![recipient.clone()],
            submitted,
            kind,
            subject: subject.clone(),
            trace: Vec::new(),
        }
        .object(reference, queue_id(database, at)?, data, submitted, serial);
        write(&home.join(reference.file_name()), &object.encode()?)?;
        let member = MemberRecord::message(reference, priority, kind, submitted, len, &originator);
        database
            .queues
            .get_mut(at)
            .context("a queue is missing")?
            .members
            .push(member);
    }
    database.counts.set(data, args.fan_out.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn make(seed: u64, profile: Profile, fan_out: u8) -> BTreeMap<PathBuf, Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let args = Args {
            dir: dir.path().join("mta"),
            messages: 30,
            profile,
            fan_out,
            seed,
        };
        run(&args).unwrap();
        assert!(run(&args).is_err());
        walkdir::WalkDir::new(&args.dir)
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let path = entry.path().strip_prefix(&args.dir).unwrap().to_path_buf();
                (path, std::fs::read(entry.path()).unwrap())
            })
            .collect()
    }

    #[test]
    fn the_same_seed_is_the_same_database() {
        let one = make(1, Profile::V55, 2);
        assert!(one == make(1, Profile::V55, 2));
        let other = make(2, Profile::V55, 2);
        assert!(one != other);
        assert!(make(1, Profile::V40, 2).contains_key(Path::new("MTADATA/DB00002B.DAT")));
        // 39 files of BOOTENV, 38 of the core, work queue and three secured queues, bitmap, two texts,
        // three objects for each message.
        assert_eq!(one.len(), 39 + 38 + 4 + 1 + 2 + 30 * 3);
    }
}
