//! The interchange on a server in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::core::base::HexId;
use crate::core::base::address::Address;
use crate::core::base::ident::{MailbagStem, att_path, mai_path, p1_path};
use crate::core::format::compressed::compress;
use crate::core::format::exchange::registry::{DX_KEY, Data};
use crate::core::format::layout_txt::TreeId;
use crate::core::format::mai::Mai;
use crate::core::format::mta::{Keep, Profile};
use crate::core::format::p1::P1;
use crate::core::format::x400::carried::{self, Domain};
use crate::core::format::x400::{Ipm, MtsId, P1Message};
use crate::exchange::events;
use crate::exchange::init::{self, ExchangeParams};
use crate::exchange::settings::{load_registry, save_registry};
use crate::exchange::{AGENT, POSTOFFICE};
use crate::mta::edit::{Destination, NewMessage};
use crate::postoffice::mail::{BagEdit, Outgoing, submit};
use crate::tree::RelPath;
use crate::tree::disk::mem::{MemDisk, Node};

mod troubles;

const NOW: UnixTime = UnixTime(857_206_800);

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn server() -> MemDisk {
    let plan = init::plan(&ExchangeParams {
        organization: "Aviation",
        site: "Malmo",
        server: "MALMO1",
        connector: "AVIATION/MALMO".parse().unwrap(),
        profile: Profile::V55,
        created: NOW.timestamp(),
        zone: "UTC",
        tree_ids: [TreeId([1; 16]), TreeId([2; 16]), TreeId([3; 16])],
    })
    .unwrap();
    let disk = MemDisk::new();
    for dir in &plan.tree().directories {
        disk.add_dir(&path(dir)).unwrap();
    }
    for file in &plan.tree().files {
        disk.add_file(&path(&file.path), &file.bytes).unwrap();
    }
    disk.settle();
    disk
}

fn open() -> OpenOptions {
    OpenOptions {
        wait: Duration::ZERO,
        ..OpenOptions::default()
    }
}

fn shared(disk: &MemDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

const SMALL: Limits = Limits {
    message_bytes: 100_000,
    budget_bytes: 40_000,
};

fn work(open: &OpenOptions, options: Options, limits: Limits) -> Work<'_> {
    Work {
        open,
        now: NOW,
        user: "test",
        options,
        limits,
    }
}

/// The disk with the files below a folder as they were before: what is removed there was lost.
fn with_old(disk: &MemDisk, before: &BTreeMap<String, Node>, folder: &str) -> MemDisk {
    let mut nodes = disk.snapshot();
    nodes.retain(|path, _| !path.starts_with(folder));
    let old = before.iter().filter(|(path, _)| path.starts_with(folder));
    nodes.extend(old.map(|(path, node)| (path.clone(), node.clone())));
    MemDisk::from_snapshot(&nodes).unwrap()
}

fn go(disk: &MemDisk, options: Options) -> (Interchanged, Vec<Finding>) {
    go_with(disk, options, SMALL)
}

fn go_with(disk: &MemDisk, options: Options, limits: Limits) -> (Interchanged, Vec<Finding>) {
    let open = open();
    let work = work(&open, options, limits);
    let mut found = Vec::new();
    let done = run(&shared(disk), &work, &mut |finding| found.push(finding)).unwrap();
    (done, found)
}

fn change<T>(
    disk: &Arc<dyn Disk>,
    domain: crate::tree::Domain,
    make: impl FnOnce(&mut Edit<'_>) -> T,
) -> T {
    let open = open();
    let work = work(&open, Options::default(), SMALL);
    work.commit(disk, domain, "test", |edit| Ok((make(edit), 1)))
        .unwrap()
}

fn change_mta<T>(
    disk: &MemDisk,
    make: impl FnOnce(&mut crate::mta::edit::MtaEdit<'_, '_>) -> Result<T, MtaError>,
) -> T {
    let open = open();
    let work = work(&open, Options::default(), SMALL);
    work.commit_mta(&shared(disk), "test", |edit, _| Ok((make(edit)?, 1)))
        .unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text.as_bytes()).unwrap()
}

/// The agent writes a message with one attachment.
fn agent_writes(disk: &MemDisk, number: u32, attachment: Vec<u8>) {
    let message = Outgoing {
        attachments: vec![(b"SRVTRANS.GLB".to_vec(), attachment)],
        system: true,
        ..Outgoing::new(
            address("AVIATION/MALMO/$SYSTEM"),
            vec![address("NET/PO/$SYSTEM")],
            format!("SrvTx {number}").as_bytes(),
            NOW,
        )
    };
    change(&shared(disk), AGENT, |edit| submit(edit, &message).unwrap());
}

/// The directory server of the shadow postoffice's network: mail to it leaves the agent.
fn with_route(disk: &MemDisk) {
    use crate::exchange::roles::{Registration, SettingsChange, register};
    change(&shared(disk), AGENT, |edit| {
        let new = Registration {
            server: "NET/PO".parse().unwrap(),
            object: None,
            password: None,
            types: None,
            change: SettingsChange::default(),
        };
        register(edit, &new).unwrap();
    });
}

fn shadow(disk: &MemDisk) -> Arc<dyn Disk> {
    shadow_disk(&shared(disk)).unwrap()
}

/// What stands in an in-queue: subject, envelope, attachments, in its order.
fn in_queue(
    disk: &Arc<dyn Disk>,
    domain: crate::tree::Domain,
    bag: MailbagStem,
) -> Vec<(String, Option<P1>, Vec<Vec<u8>>)> {
    let view = TreeView::open(Arc::clone(disk), domain, &open()).unwrap();
    let mut edit = Edit::new(&view);
    let bag = BagEdit::load(&mut edit, bag).unwrap();
    let mut seen = Vec::new();
    for (_, header) in bag.live() {
        let stem = header.mai.get().unwrap().unwrap();
        let mai = edit.peek(&mai_path(stem), 1 << 20).unwrap().unwrap();
        let mai = Mai::decode(&mai).unwrap().mai;
        let p1 = edit.peek(&p1_path(stem), 1 << 20).unwrap();
        let files = mai
            .attachments
            .iter()
            .map(|file| edit.peek(&att_path(file.stem), 1 << 20).unwrap().unwrap())
            .collect();
        seen.push((
            String::from_utf8(mai.subject).unwrap(),
            p1.map(|bytes| P1::decode(&bytes).unwrap()),
            files,
        ));
    }
    seen
}

fn inqueue3(disk: &MemDisk) -> Vec<(String, Option<P1>, Vec<Vec<u8>>)> {
    in_queue(&shadow(disk), POSTOFFICE, MailbagStem::INQUEUE3)
}

fn subjects(disk: &MemDisk) -> Vec<String> {
    inqueue3(disk).into_iter().map(|(s, ..)| s).collect()
}

/// Looks at a queue by the last part of its name.
fn on_queue<T>(
    disk: &MemDisk,
    name: &str,
    look: impl FnOnce(&Database<'_>, Vec<ObjectId>) -> T,
) -> T {
    let view = TreeView::open(shared(disk), mta::DOMAIN, &open()).unwrap();
    let db = Database::open(&view).unwrap();
    let all = db.super_queue().unwrap();
    let entry = mta::select::queue(&all, name, "").unwrap();
    let members = db.queue(entry.id).unwrap().members;
    look(&db, members.iter().map(|member| member.object()).collect())
}

/// Members of the two queues: the connector's, the agent's.
fn queues(disk: &MemDisk) -> [usize; 2] {
    ["MS MAIL CONNECTOR", "MICROSOFT DXA"].map(|name| on_queue(disk, name, |_, ids| ids.len()))
}

/// The ids of the members of the connector's queue.
fn waiting(disk: &MemDisk) -> Vec<ObjectId> {
    on_queue(disk, "MS MAIL CONNECTOR", |_, ids| ids)
}

/// The queue database is clean: every checker's judgement.
fn assert_clean(disk: &MemDisk) {
    let view = TreeView::open(shared(disk), mta::DOMAIN, &open()).unwrap();
    let db = Database::open(&view).unwrap();
    let checked = mta::check::check(&db, &crate::progress::NoProgress).unwrap();
    let notes = |finding: &&Finding| finding.severity > Severity::Note;
    assert_eq!(checked.findings.iter().find(notes), None);
}

fn event_ids(disk: &MemDisk) -> Vec<u16> {
    let view = TreeView::open(shared(disk), AGENT, &open()).unwrap();
    let (all, bad) = events::read(&view).unwrap();
    assert!(bad.is_empty());
    all.iter().map(|event| event.id).collect()
}

fn until_mta() -> Options {
    Options {
        until_mta: true,
        ..Options::default()
    }
}

fn text(number: u32) -> Vec<u8> {
    format!("A user {number} PCM:NET/PO/U{number}\r\n")
        .repeat(40)
        .into_bytes()
}

/// Messages of the agent on the connector's queue; the corrupt ones have a container whose stream is
/// damaged.
fn backlog(count: u32, corrupt: &[u32]) -> MemDisk {
    let disk = server();
    with_route(&disk);
    for number in 0..count {
        let mut container = compress(&text(number)).unwrap();
        if corrupt.contains(&number) {
            let end = container.len() - 3;
            container[end] ^= 0xFF;
        }
        agent_writes(&disk, number, container);
    }
    let (done, found) = go(&disk, until_mta());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(done.queued_outward, u64::from(count));
    assert_eq!(done.waiting_outward, u64::from(count));
    disk
}

// rule: dec:DEC-067
// rule: exc:R-MSM-010
// rule: exc:R-DXA-060
#[test]
fn mail_of_the_agent_stands_on_the_connectors_queue_and_then_in_the_shadow_postoffice() {
    let disk = backlog(3, &[]);
    assert_eq!(queues(&disk), [3, 0]);
    assert!(subjects(&disk).is_empty());
    assert_clean(&disk);
    // What waits is seen by what reads the database alone.
    let view = TreeView::open(shared(&disk), mta::DOMAIN, &open()).unwrap();
    let db = Database::open(&view).unwrap();
    let state = db.object(waiting(&disk)[0].number(), Keep::All).unwrap();
    let mta::store::FileState::Sound(found) = state else {
        panic!("{state:?}");
    };
    let reference = crate::core::format::mta::message::Reference::from_object(&found).unwrap();
    assert!(reference.originator.ends_with("/CN=MICROSOFT DXA"));
    assert_eq!(reference.recipients, ["MS:NET/PO/$SYSTEM"]);
    assert_eq!(reference.subject, "SrvTx 0");
    drop(view);

    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((done.outward, done.waiting_outward), (3, 0));
    assert_eq!(queues(&disk), [0, 0]);
    assert_clean(&disk);
    for (number, (subject, envelope, files)) in (0..).zip(inqueue3(&disk)) {
        assert_eq!(subject, format!("SrvTx {number}"));
        let envelope = envelope.unwrap();
        assert_eq!(envelope.recipients, [b"NET/PO/$SYSTEM".to_vec()]);
        assert!(envelope.message_id.starts_with(b"AVIATION/MALMO/"));
        assert_eq!(files, [text(number)]);
    }
    assert_eq!(go(&disk, Options::default()).0.outward, 0);
}

// rule: exc:R-MSM-010
#[test]
fn mail_for_the_agent_stands_on_its_queue_and_then_in_its_box() {
    let disk = server();
    let message = Outgoing {
        attachments: vec![(b"REQTRANS.GLB".to_vec(), text(1))],
        system: true,
        ..Outgoing::new(
            address("AVIATION/MALMO/ADMIN"),
            vec![address("AVIATION/MALMO/$SYSTEM")],
            b"ReqTx 1",
            NOW,
        )
    };
    change(&shadow(&disk), POSTOFFICE, |edit| {
        submit(edit, &message).unwrap();
    });
    change(&shadow(&disk), POSTOFFICE, |edit| {
        crate::transport::mailer::pass(edit, NOW, 50, &mut |found| panic!("{found:?}")).unwrap();
    });
    let (done, _) = go(&disk, until_mta());
    assert_eq!((done.queued_inward, done.waiting_inward), (1, 1));
    assert_eq!(queues(&disk), [0, 1]);
    let system = in_queue(&shadow(&disk), POSTOFFICE, MailbagStem::SYSTEM);
    assert!(system.is_empty());
    assert_clean(&disk);
    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((done.inward, done.waiting_inward), (1, 0));
    let system = in_queue(&shared(&disk), AGENT, MailbagStem::SYSTEM);
    assert_eq!(system.len(), 1);
    assert_eq!(
        (system[0].0.as_str(), &system[0].2),
        ("ReqTx 1", &vec![text(1)])
    );
    assert_clean(&disk);
}

// rule: exc:R-DXA-062
// rule: std:12
// rule: mta:N-24
#[test]
fn a_message_that_cannot_be_expanded_is_parked_once_and_the_queue_goes_on() {
    let disk = backlog(6, &[0, 3]);
    let before = waiting(&disk);
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.outward, done.parked, done.waiting_outward), (4, 2, 2));
    assert_eq!(
        subjects(&disk),
        ["SrvTx 1", "SrvTx 2", "SrvTx 4", "SrvTx 5"]
    );
    // They are still in their queue, and the database is clean.
    assert_eq!(waiting(&disk), [before[0], before[3]]);
    assert_clean(&disk);
    assert_eq!(found.len(), 2);
    for (finding, id) in found.iter().zip([before[0], before[3]]) {
        assert_eq!(finding.id, PARKED);
        assert_eq!(finding.file, format!("MTADATA/{}", id.file_name()));
        assert!(finding.message.contains("[2447]"), "{}", finding.message);
    }
    assert_eq!(event_ids(&disk), [2447, 2447]);
    // Not again.
    let bytes = disk.snapshot();
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.outward, done.parked, found.len()), (0, 0, 0));
    assert_eq!(disk.snapshot(), bytes);
    // Unless an administrator says so.
    let retry = Options {
        retry_parked: true,
        ..Options::default()
    };
    let (done, found) = go(&disk, retry);
    assert_eq!((done.retried, done.parked, found.len()), (2, 2, 2));
    assert_eq!(event_ids(&disk).len(), 4);
    // Killed before the mark: what was told is not told again.
    let disk = backlog(2, &[0]);
    let before = disk.snapshot();
    go(&disk, Options::default());
    let disk = with_old(&disk, &before, "MTADATA/");
    assert_eq!(go(&disk, Options::default()).0.parked, 1);
    assert_eq!(event_ids(&disk), [2447]);
}

// rule: exc:R-MSM-010
#[test]
fn success_is_told_at_the_levels_that_want_it() {
    let disk = server();
    with_route(&disk);
    agent_writes(&disk, 0, text(0));
    change(&shared(&disk), AGENT, |edit| {
        let (key, name) = events::level_value(events::Source::Interchange, "Sent").unwrap();
        let mut file = load_registry(edit).unwrap();
        file.set(&key, &name, Data::Number(3)).unwrap();
        save_registry(edit, &file).unwrap();
    });
    go(&disk, Options::default());
    assert_eq!(event_ids(&disk), [2448]);
}

// rule: dec:2.17
#[test]
fn a_bomb_is_parked_and_goes_when_it_may_be_that_large() {
    let disk = server();
    with_route(&disk);
    agent_writes(&disk, 0, compress(&text(0)).unwrap());
    agent_writes(
        &disk,
        1,
        compress(&b"zeros and ones ".repeat(20_000)).unwrap(),
    );
    agent_writes(&disk, 2, compress(&text(2)).unwrap());
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.outward, done.parked), (2, 1));
    assert!(found[0].message.contains("300"), "{}", found[0].message);
    let retry = Options {
        retry_parked: true,
        ..Options::default()
    };
    let (done, found) = go_with(&disk, retry, Limits::default());
    assert!(found.is_empty());
    assert_eq!(
        (done.retried, done.outward, done.waiting_outward),
        (1, 1, 0)
    );
    assert_eq!(subjects(&disk), ["SrvTx 0", "SrvTx 2", "SrvTx 1"]);
}

// rule: exc:R-DXA-062
// rule: std:12
#[test]
fn the_bytes_are_the_same_with_any_number_of_workers() {
    let disk = backlog(70, &[5, 64]);
    let mut first: Option<BTreeMap<String, Node>> = None;
    for workers in [1, 2, 8, 32] {
        let disk = disk.fork();
        let options = Options {
            workers,
            ..Options::default()
        };
        // A budget that holds a few messages.
        let (done, _) = go(&disk, options);
        assert_eq!((done.outward, done.parked), (68, 2), "{workers}");
        let bytes = disk.snapshot();
        match &first {
            None => first = Some(bytes),
            Some(first) => assert!(*first == bytes, "{workers}"),
        }
    }
}

// rule: exc:R-MSM-010
#[test]
fn queues_that_a_repair_lost_are_made_again() {
    let disk = server();
    with_route(&disk);
    agent_writes(&disk, 0, text(0));
    // As after a repair that made the database anew from BOOTENV.
    let names = ["DB000001.DAT", "DBBITMP.DAT"];
    let nodes = disk.snapshot();
    let mut rebuilt = nodes.clone();
    for name in names {
        let pristine = nodes[&format!("BOOTENV/{name}")].clone();
        rebuilt.insert(format!("MTADATA/{name}"), pristine);
    }
    let gone = [0x2C, 0x2D].map(|n| format!("MTADATA/DB{n:06X}.DAT"));
    for file in &gone {
        assert!(rebuilt.remove(file).is_some(), "{file}");
    }
    let disk = MemDisk::from_snapshot(&rebuilt).unwrap();
    let (done, found) = go(&disk, until_mta());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(done.waiting_outward, 1);
    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(done.outward, 1);
}

fn damage(disk: &MemDisk, file: &str, bytes: &[u8]) -> MemDisk {
    let mut nodes = disk.snapshot();
    let node = nodes.get_mut(file).unwrap();
    match node {
        Node::File { bytes: content, .. } => *content = bytes.to_vec(),
        other => panic!("{other:?}"),
    }
    MemDisk::from_snapshot(&nodes).unwrap()
}

fn bytes_of(disk: &MemDisk, file: &str) -> Vec<u8> {
    match &disk.snapshot()[file] {
        Node::File { bytes, .. } => bytes.clone(),
        other => panic!("{other:?}"),
    }
}

// rule: dec:DEC-067
#[test]
fn a_damaged_queue_database_is_reported_and_stops_nobody_else() {
    let disk = server();
    with_route(&disk);
    agent_writes(&disk, 0, compress(&text(0)).unwrap());
    let good = bytes_of(&disk, "MTADATA/DB000001.DAT");
    let broken = damage(&disk, "MTADATA/DB000001.DAT", b"");
    let (done, found) = go(&broken, Options::default());
    assert_eq!(done.outward, 0);
    assert!(!found.is_empty());
    for finding in &found {
        assert_eq!(finding.id, MTA_DAMAGED);
        assert!(finding.hint.contains("mtacheck"), "{finding:?}");
    }
    // The agent's mail waits in its outbound mailbag, and goes when the database is mended.
    let mended = damage(&broken, "MTADATA/DB000001.DAT", &good);
    let (done, found) = go(&mended, Options::default());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(done.outward, 1);
}

// rule: exc:R-MSM-010
#[test]
fn damaged_objects_stop_their_own_message_only() {
    let disk = backlog(4, &[]);
    let ids = waiting(&disk);
    let view = TreeView::open(shared(&disk), mta::DOMAIN, &open()).unwrap();
    let db = Database::open(&view).unwrap();
    let data = match db.object(ids[1].number(), Keep::Nothing).unwrap() {
        mta::store::FileState::Sound(found) => found.header.partner,
        other => panic!("{other:?}"),
    };
    drop(view);
    // The reference object of one, the data object of another.
    let disk = damage(&disk, &format!("MTADATA/{}", ids[0].file_name()), b"");
    let file = format!("MTADATA/{}", data.file_name());
    let mut bytes = bytes_of(&disk, &file);
    bytes[300] ^= 1;
    let disk = damage(&disk, &file, &bytes);
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.outward, done.parked), (2, 1));
    assert_eq!(subjects(&disk), ["SrvTx 2", "SrvTx 3"]);
    let mut kinds: Vec<_> = found.iter().map(|finding| finding.id).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [MTA_DAMAGED, PARKED]);
    // What mtacheck has to do is said again, what is parked is not.
    let (_, found) = go(&disk, Options::default());
    assert_eq!(
        found.iter().map(|f| f.id).collect::<Vec<_>>(),
        [MTA_DAMAGED]
    );
}

// rule: dec:DEC-070
#[test]
fn a_removal_that_was_lost_doubles_nothing() {
    let disk = backlog(3, &[]);
    let before = disk.snapshot();
    go(&disk, Options::default());
    // Killed between the commits of receiver and sender: the queue database is as it was.
    let disk = with_old(&disk, &before, "MTADATA/");
    assert_eq!(queues(&disk), [3, 0]);
    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty());
    assert_eq!((done.outward, queues(&disk)), (3, [0, 0]));
    assert_eq!(subjects(&disk), ["SrvTx 0", "SrvTx 1", "SrvTx 2"]);
    // The same one hop earlier: the agent's box is as it was before the first run.
    let disk = server();
    with_route(&disk);
    agent_writes(&disk, 7, text(7));
    let before = disk.snapshot();
    go(&disk, Options::default());
    let disk = with_old(&disk, &before, "DXADATA/");
    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((done.queued_outward, done.outward), (1, 0));
    assert_eq!(subjects(&disk), ["SrvTx 7"]);
}

// rule: exc:R-REG-13
#[test]
fn a_disabled_agent_leaves_its_mail_on_the_queue() {
    let disk = server();
    with_route(&disk);
    agent_writes(&disk, 0, text(0));
    change(&shared(&disk), AGENT, |edit| {
        let mut file = load_registry(edit).unwrap();
        file.set(DX_KEY, "Start", Data::Number(4)).unwrap();
        save_registry(edit, &file).unwrap();
    });
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.queued_outward, done.outward), (0, 0));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].id, found[0].severity),
        (AGENT_OFF, Severity::Note)
    );
}

// rule: exc:R-MSM-008
#[test]
fn mail_for_people_of_the_server_goes_back_to_its_sender() {
    let disk = server();
    let message = Outgoing::new(
        address("AVIATION/MALMO/ADMIN"),
        vec![
            address("AVIATION/MALMO/ANNA"),
            address("AVIATION/MALMO/ADMIN"),
        ],
        b"Hello",
        NOW,
    );
    let shadow = shadow(&disk);
    change(&shadow, POSTOFFICE, |edit| submit(edit, &message).unwrap());
    let totals = change(&shadow, POSTOFFICE, |edit| {
        crate::transport::mailer::pass(edit, NOW, 50, &mut |found| panic!("{found:?}")).unwrap()
    });
    // The administrator's copy is delivered; Anna has no mailbag here, and the sender is told.
    assert_eq!(
        (totals.served, totals.delivered, totals.returned),
        (1, 1, 1)
    );
    assert_eq!((totals.held, totals.stuck), (0, 0));
    let report = in_queue(&shadow, POSTOFFICE, MailbagStem::INQUEUE);
    assert_eq!(report.len(), 1);
    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty());
    assert_eq!(done, Interchanged::default());
}

// rule: dec:DEC-102
#[test]
fn a_full_in_queue_leaves_messages_in_their_queue_and_in_order() {
    let disk = backlog(3, &[]);
    let filled = disk.fork();
    change(&shadow(&filled), POSTOFFICE, |edit| {
        let mut bag = BagEdit::load(edit, MailbagStem::INQUEUE3).unwrap();
        let headers: Vec<_> = (0..4_095u32)
            .map(|n| {
                let stem = HexId(0x10_0000 + n);
                crate::core::format::mbg::MbgRecord::new(b"X", b"", stem, 0).unwrap()
            })
            .collect();
        bag.append(edit, &headers).unwrap();
    });
    let (done, found) = go(&filled, Options::default());
    assert_eq!((done.outward, done.parked, done.waiting_outward), (1, 0, 2));
    assert!(!found.is_empty());
    assert!(
        found.iter().all(|f| f.message.contains("[017]")),
        "{found:?}"
    );
    assert_eq!(waiting(&filled), waiting(&disk)[1..]);
}

fn foreign(content: Vec<u8>, disk: &MemDisk) {
    change_mta(disk, |edit| {
        let queue = mta::select::queue(edit.super_queue(), "MS MAIL CONNECTOR", "")?.id;
        let new = NewMessage {
            mts_id: "c=US;a= ;p=Other;l=X-970301090000Z-1".into(),
            submitted: NOW,
            content,
            ..NewMessage::default()
        };
        edit.submit(
            &new,
            &[Destination {
                queue,
                recipients: vec!["MS:NET/PO/ADMIN".into()],
            }],
        )
    });
}

fn from_elsewhere() -> P1Message {
    let domain = Domain::of("Other", "Site");
    P1Message {
        id: MtsId::new("US", " ", "Other", "X-970301090000Z-1").unwrap(),
        originator: domain.ms(b"OTHER/SITE/ADA"),
        recipients: vec![domain.ms(b"NET/PO/ADMIN")],
        priority: crate::core::format::mta::Priority::Normal,
        submitted: NOW,
        content_id: String::new(),
        ipm: Ipm {
            id: "IPM-1".into(),
            subject: b"Hello".to_vec(),
            text: b"Hello\r\n".to_vec(),
            files: Vec::new(),
        },
    }
}

// rule: std:10
#[test]
fn a_message_of_another_program_on_the_connectors_queue_reaches_the_postoffice() {
    let disk = server();
    let message = from_elsewhere();
    assert!(!carried::is_carried(&message));
    foreign(message.encode().unwrap(), &disk);
    foreign(b"no X.400 at all".to_vec(), &disk);
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.outward, done.parked), (1, 1));
    // It is no dirsync message.
    assert!(found[0].message.contains("[2446]"), "{}", found[0].message);
    let arrived = inqueue3(&disk);
    assert_eq!(arrived[0].0, "Hello");
    let envelope = arrived[0].1.clone().unwrap();
    assert_eq!(envelope.recipients, [b"NET/PO/ADMIN".to_vec()]);
    assert_eq!(envelope.originator, b"OTHER/SITE/ADA");
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars)
        .filter(char::is_ascii_hexdigit)
        .collect();
    (0..digits.len() / 2)
        .map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap())
        .collect()
}

// rule: exc:R-DXA-072
#[test]
fn a_report_on_the_queue_disturbs_nobody() {
    let disk = backlog(3, &[]);
    let report = include_str!("../../../../../fixtures/binary/std-p1-report-ndr.hex");
    foreign(unhex(report), &disk);
    foreign(from_elsewhere().encode().unwrap(), &disk);
    let before = waiting(&disk);
    let (done, found) = go(&disk, Options::default());
    assert_eq!((done.outward, done.parked, found.len()), (4, 1, 1));
    assert_eq!(waiting(&disk), before[3..4]);
    assert_eq!(subjects(&disk), ["SrvTx 0", "SrvTx 1", "SrvTx 2", "Hello"]);
    assert_clean(&disk);
}

// rule: exc:R-DXA-071
// rule: std:10
#[test]
fn a_non_read_notification_is_dropped() {
    let disk = server();
    let notification = include_str!("../../../../../fixtures/binary/std-p1-message-nrn.hex");
    foreign(unhex(notification), &disk);
    foreign(from_elsewhere().encode().unwrap(), &disk);
    let (done, found) = go(&disk, Options::default());
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(
        (done.dropped, done.outward, done.waiting_outward),
        (1, 1, 0)
    );
    assert_eq!(subjects(&disk), ["Hello"]);
}
