//! A network of real trees on disks in memory: the commands and steps of the library, its journal,
//! its transport.
//!
//! Differences to [`super::pure`]: a crash stops the disk at some operation of the step, between any
//! two steps of the journal; mail that fares badly is taken out of INQUEUE and, if it comes at all,
//! put back later, cut or a second time; mailbags keep their order; an import request stands in for
//! RESYNC.GLB where the administrator would choose between them (DEC-039, DEC-058).

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use dirsync::cycle::status::PostofficeStatus;
use dirsync::cycle::{Said as StepSaid, StepOptions, t1, t2, t3};
use dirsync::postoffice::config::{
    import_request, options as po_options, registration, requestors, server,
};
use dirsync::postoffice::externals::{self, NewExternal};
use dirsync::postoffice::gal::{GalOptions, list_gal};
use dirsync::postoffice::lists::users::{NewUser, ShownUser, UserChange};
use dirsync::postoffice::mail::{self, Outgoing, submit};
use dirsync::postoffice::{Edit, Lists, PoError};
use dirsync::progress::NoProgress;
use dirsync::transport::deliver::{DeliverOptions, deliver};
use dirsync::transport::far::{Connector, FarError, FarSide, Local};
use dirsync::tree::disk::Disk;
use dirsync::tree::disk::fault::{Counting, Fault, FaultDisk};
use dirsync::tree::disk::mem::{MemDisk, Survival};
use dirsync::tree::journal::CommitInfo;
use dirsync::tree::{Command, TreeMut};
use dirsync_core::base::{Address, Entry, MailbagStem, MailboxName, PoName, UnixTime};
use dirsync_core::format::field::Password;
use dirsync_core::protocol::guard::Ceilings;
use dirsync_core::protocol::numbers::Numbers;

use super::Res;
use super::admin::Said;
use super::lists::{List, key};
use super::pure::heard;
use super::run::{How, Network, State};
use super::script::{Act, Change, Fate, Script, Start, po_name};
use crate::trees::{CREATED_UNIX_S, fresh, options, postoffice};

/// The start of Keep Updates and everything else.
const BEFORE: UnixTime = UnixTime(CREATED_UNIX_S);

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Mail that was taken out on its way.
struct Withheld {
    steps: u8,
    from: usize,
    message: Outgoing,
}

/// The network.
pub struct TreeNet {
    names: Vec<PoName>,
    disks: Vec<MemDisk>,
    /// Deleted users of each postoffice: mailbox and full name.
    gone: Vec<Vec<(String, String)>>,
    withheld: Vec<Withheld>,
    said: Vec<(usize, Said)>,
    auto_import: bool,
    /// Makes the operation at which a crash stops.
    crashes: u64,
}

/// What a script is over trees: no limits, whose cure RESYNC.GLB is (R-LIM-003).
#[must_use]
pub fn for_trees(mut script: Script) -> Script {
    for start in &mut script.postoffices {
        start.limit_kb = 0;
        start.users = start.users.min(30);
    }
    script
        .events
        .retain(|event| !matches!(event.act, Act::Limit { .. } | Act::ListsBusy));
    script
}

struct Site<'a>(&'a [MemDisk]);

impl Connector for Site<'_> {
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
        let place = (0..self.0.len()).find(|&place| po_name(place) == path);
        let disk = place.ok_or_else(|| FarError::Ended(path.to_owned()))?;
        Ok(Box::new(Local::new(
            Arc::new(self.0[disk].clone()),
            options(),
        )))
    }
}

/// A full name and a mailbox as an entry.
fn entry(name: PoName, full_name: &str, mailbox: &str) -> Res<Entry> {
    Ok(Entry {
        alias: full_name.parse().map_err(failed)?,
        address: format!("PCM:{name}/{mailbox}").parse().map_err(failed)?,
    })
}

impl TreeNet {
    /// The trees of a script, registered, with their users, exported.
    ///
    /// # Errors
    /// A command fails.
    pub fn new(script: &Script) -> Res<Self> {
        let count = script.postoffices.len();
        let names: Result<Vec<PoName>, _> = (0..count).map(|po| po_name(po).parse()).collect();
        let names = names.map_err(|error: dirsync_core::base::address::Fault| error.to_string())?;
        let mut net = Self {
            disks: Vec::new(),
            gone: vec![Vec::new(); count],
            withheld: Vec::new(),
            said: Vec::new(),
            auto_import: script.auto_import,
            crashes: script.seed,
            names,
        };
        for (po, start) in script.postoffices.iter().enumerate() {
            let short = po_name(po);
            let short = short.rsplit('/').next().unwrap_or_default();
            let number = u8::try_from(po + 1).map_err(failed)?;
            net.disks.push(fresh("NET", short, number)?);
            net.begin(po, start, script)?;
        }
        Ok(net)
    }

    fn begin(&mut self, po: usize, start: &Start, script: &Script) -> Res<()> {
        let names = self.names.clone();
        let known: Vec<PoName> = if po == 0 {
            names[1..].to_vec()
        } else {
            names.clone()
        };
        for name in known.into_iter().filter(|name| *name != names[po]) {
            let new = NewExternal {
                name,
                via: None,
                path: None,
                autocreated: false,
            };
            self.edit(po, BEFORE, |edit| externals::add(edit, &new).map(|_| ()))?;
        }
        if po == 0 {
            self.edit(0, BEFORE, |edit| server::on(edit).map(|_| ()))?;
            for &name in &names[1..] {
                self.register(name)?;
            }
            let change = po_options::OptionsChange {
                keep_updates: Some(script.keep_days),
                ..po_options::OptionsChange::default()
            };
            self.edit(0, BEFORE, |edit| {
                po_options::set(edit, &change, BEFORE).map(|_| ())
            })?;
        } else {
            self.edit(po, BEFORE, |edit| {
                registration::register(edit, &names[0], None).map(|_| ())
            })?;
        }
        self.lists(po, BEFORE, |lists, edit| {
            for user in 0..start.users {
                let alias = format!("first{user} of {}", names[po]);
                lists.add_user(edit, &new_user(&format!("f{user}"), &alias, true))?;
            }
            Ok(())
        })?;
        self.export(po, BEFORE)
    }

    fn register(&mut self, name: PoName) -> Res<()> {
        let new = requestors::NewRequestor {
            name,
            password: Password::default(),
            mailbox: None,
        };
        self.edit(0, BEFORE, |edit| requestors::add(edit, &new))
    }

    fn open(&self, po: usize) -> Res<TreeMut> {
        let disk: Arc<dyn Disk> = Arc::new(self.disks[po].clone());
        TreeMut::open(disk, postoffice(), &options()).map_err(failed)
    }

    fn edit(
        &self,
        po: usize,
        now: UnixTime,
        change: impl FnOnce(&mut Edit<'_>) -> Result<(), PoError>,
    ) -> Res<()> {
        let mut tree = self.open(po)?;
        let mut edit = Edit::new(tree.view());
        change(&mut edit).map_err(failed)?;
        let plan = edit.finish().map_err(failed)?;
        let info = CommitInfo {
            command: Command::User,
            user: "simulator".into(),
            now,
            counts: Vec::new(),
        };
        tree.commit(&plan, &info).map(|_| ()).map_err(failed)
    }

    fn lists(
        &self,
        po: usize,
        now: UnixTime,
        change: impl FnOnce(&mut Lists, &mut Edit<'_>) -> Result<(), PoError>,
    ) -> Res<()> {
        self.edit(po, now, |edit| {
            let mut lists = Lists::open(edit, now)?;
            change(&mut lists, edit)?;
            lists.save(edit)
        })
    }

    fn users(&self, po: usize) -> Res<Vec<ShownUser>> {
        let tree = self.open(po)?;
        let mut edit = Edit::new(tree.view());
        let lists = Lists::open(&mut edit, BEFORE).map_err(failed)?;
        let mut users: Vec<ShownUser> = lists.all_users().collect();
        users.retain(|user| !user.administrator);
        users.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        Ok(users)
    }

    fn step_options(&self, how: How, now: UnixTime) -> Res<StepOptions> {
        let mut ceilings = Ceilings::default();
        if how.allow {
            ceilings.allow("1000000").map_err(failed)?;
        }
        Ok(StepOptions {
            allow_deletes: ceilings,
            auto_import: self.auto_import,
            ..StepOptions::new(now, "simulator")
        })
    }

    /// Makes a step. One that stops does so at some operation of the disk; what survives is decided
    /// by the number of the crash.
    fn step(
        &mut self,
        po: usize,
        stop: Option<u16>,
        step: &dyn Fn(Arc<dyn Disk>) -> Res<StepSaid>,
    ) -> Res<()> {
        let Some(stop) = stop else {
            let said = step(Arc::new(self.disks[po].clone()))?;
            self.hear((po > 0).then_some(po), &said);
            return Ok(());
        };
        let dry = FaultDisk::new(Arc::new(self.disks[po].fork()), Counting::Mutations, None);
        step(Arc::new(dry.clone()))?;
        self.crashes = self
            .crashes
            .wrapping_mul(31)
            .wrapping_add(u64::from(stop) + 7);
        let at = 1 + self.crashes % dry.operations().max(1);
        let mem = self.disks[po].fork();
        let disk = FaultDisk::new(
            Arc::new(mem.clone()),
            Counting::Mutations,
            Some(Fault::StopAt(at)),
        );
        if let Ok(said) = step(Arc::new(disk)) {
            self.hear((po > 0).then_some(po), &said);
        }
        self.disks[po] = mem.crash(Survival::Seeded(self.crashes));
        Ok(())
    }

    fn hear(&mut self, here: Option<usize>, said: &StepSaid) {
        let place = |party: &str| {
            let name = party.strip_prefix("PCM:").unwrap_or(party);
            (0..self.names.len()).find(|&po| po_name(po) == name)
        };
        let mut found = Vec::new();
        for notice in &said.notices {
            // What a requestor says of the server is its own affair.
            let po = here.or_else(|| place(&notice.party));
            found.extend(po.zip(heard(notice.id, self.auto_import)));
        }
        self.said.extend(found);
    }

    /// Takes messages of `from` that fare badly out of INQUEUE.
    fn withhold(&mut self, from: usize, to: usize, tasks: &[&str], fates: &[Fate]) -> Res<()> {
        if fates.is_empty() {
            return Ok(());
        }
        let mut held = Vec::new();
        let (names, mut found) = (self.names.clone(), Vec::new());
        {
            let tree = self.open(from)?;
            let mut edit = Edit::new(tree.view());
            let taken =
                mail::take(&mut edit, MailbagStem::INQUEUE, 4096, &mut |_| {}).map_err(failed)?;
            for waiting in taken.waiting {
                let text = String::from_utf8_lossy(&waiting.mai.text).into_owned();
                let recipient = format!("{}/$SYSTEM", names[to]);
                let is_to = waiting.mai.to.iter().any(|to| *to == recipient.as_bytes());
                if !is_to
                    || !tasks
                        .iter()
                        .any(|task| text.contains(&format!("task={task}\r")))
                {
                    continue;
                }
                found.push(waiting.index);
                let system = |name: PoName| {
                    Address::three_part(
                        dirsync_core::base::AddressType::Pcm,
                        name,
                        MailboxName::system(),
                    )
                };
                let mut message = Outgoing::system(
                    system(names[from]).map_err(failed)?,
                    system(names[to]).map_err(failed)?,
                    &waiting.mai.subject,
                    UnixTime(waiting.mai.date),
                );
                message.text = waiting.mai.text.clone();
                for attachment in &waiting.mai.attachments {
                    let file = mail::open_attachment(tree.view(), attachment).map_err(failed)?;
                    let file = file.ok_or("an attachment is missing")?;
                    let mut bytes = vec![0; usize::try_from(file.len()).map_err(failed)?];
                    let n = file.read_at(&mut bytes, 0).map_err(failed)?;
                    bytes.truncate(n);
                    message.attachments.push((attachment.name.clone(), bytes));
                }
                held.push(message);
            }
        }
        self.edit(from, BEFORE, |edit| {
            mail::remove(edit, MailbagStem::INQUEUE, &found)
        })?;
        for mut message in held {
            let mut late = 0;
            let mut again = Vec::new();
            let mut lost = false;
            for fate in fates {
                match *fate {
                    Fate::Lost => lost = true,
                    Fate::Late(steps) => late = steps,
                    Fate::Twice(steps) => again.push(steps),
                    Fate::Cut(thousandths) => {
                        for (_, bytes) in &mut message.attachments {
                            bytes.truncate(bytes.len() * usize::from(thousandths) / 1000);
                        }
                    }
                }
            }
            if lost {
                continue;
            }
            for steps in again {
                self.withheld.push(Withheld {
                    steps: late.saturating_add(steps),
                    from,
                    message: message.clone(),
                });
            }
            self.withheld.push(Withheld {
                steps: late,
                from,
                message,
            });
        }
        Ok(())
    }
}

fn new_user(mailbox: &str, full_name: &str, dirsync: bool) -> NewUser {
    NewUser {
        mailbox: mailbox.as_bytes().to_vec(),
        full_name: full_name.as_bytes().to_vec(),
        dirsync,
        info: Vec::new(),
        strict_limits: false,
    }
}

impl Network for TreeNet {
    type Copy = (MemDisk, Vec<(String, String)>);

    fn save(&self, po: usize) -> Res<Self::Copy> {
        Ok((self.disks[po].fork(), self.gone[po].clone()))
    }

    fn restore(&mut self, po: usize, copy: &Self::Copy) -> Res<()> {
        self.disks[po] = copy.0.fork();
        self.gone[po].clone_from(&copy.1);
        if po == 0 {
            let own = po_name(0);
            // What it sends to itself never leaves its tree.
            self.withheld.retain(|held| {
                let to_itself = |to: &Address| to.to_string().contains(&own);
                held.from != 0 || !held.message.to.iter().any(to_itself)
            });
        }
        Ok(())
    }

    fn change(&mut self, po: usize, change: &Change, now: UnixTime) -> Res<()> {
        let users = self.users(po)?;
        let pick = |pick: u16| users.get(usize::from(pick) % users.len().max(1)).cloned();
        let own = self.names[po];
        let modify = |user: Option<ShownUser>, change: UserChange| match user {
            Some(user) => self.lists(po, now, |lists, edit| {
                lists
                    .modify_user(edit, user.mailbox.as_bytes(), &change)
                    .map(|_| ())
            }),
            None => Ok(()),
        };
        match *change {
            Change::Add { name, takes_part } => {
                let new = new_user(
                    &format!("u{name}"),
                    &format!("u{name} of {own}"),
                    takes_part,
                );
                self.lists(po, now, |lists, edit| {
                    lists.add_user(edit, &new).map(|_| ())
                })
            }
            Change::AddAgain { pick } => {
                let gone = &mut self.gone[po];
                if gone.is_empty() {
                    return Ok(());
                }
                let (mailbox, full_name) = gone.remove(usize::from(pick) % gone.len());
                let taken = users
                    .iter()
                    .any(|user| user.mailbox == mailbox || user.full_name == full_name);
                if taken {
                    return Ok(());
                }
                let new = new_user(&mailbox, &full_name, true);
                self.lists(po, now, |lists, edit| {
                    lists.add_user(edit, &new).map(|_| ())
                })
            }
            Change::Delete { pick: which } => {
                let Some(user) = pick(which) else {
                    return Ok(());
                };
                self.lists(po, now, |lists, edit| {
                    lists.remove_user(edit, user.mailbox.as_bytes()).map(|_| ())
                })?;
                self.gone[po].push((user.mailbox, user.full_name));
                Ok(())
            }
            Change::DeleteMost => {
                let gone: Vec<ShownUser> = users.into_iter().skip(2).collect();
                self.lists(po, now, |lists, edit| {
                    for user in &gone {
                        lists.remove_user(edit, user.mailbox.as_bytes())?;
                    }
                    Ok(())
                })?;
                let gone = gone.into_iter().map(|user| (user.mailbox, user.full_name));
                self.gone[po].extend(gone);
                Ok(())
            }
            Change::Move { pick: which, name } => {
                let change = UserChange {
                    mailbox: Some(format!("m{name}").into_bytes()),
                    ..UserChange::default()
                };
                modify(pick(which), change)
            }
            Change::Rename { pick: which, name } => {
                let change = UserChange {
                    full_name: Some(format!("n{name} of {own}").into_bytes()),
                    ..UserChange::default()
                };
                modify(pick(which), change)
            }
            Change::Toggle { pick: which } => {
                let user = pick(which);
                let change = UserChange {
                    dirsync: user.as_ref().map(|user| !user.dirsync),
                    ..UserChange::default()
                };
                modify(user, change)
            }
        }
    }

    fn export(&mut self, po: usize, now: UnixTime) -> Res<()> {
        self.lists(po, now, |lists, edit| lists.export(edit).map(|_| ()))
    }

    fn limit(&mut self, _po: usize, _kb: u16) -> Res<()> {
        Ok(())
    }

    fn reregister(&mut self, po: usize) -> Res<()> {
        let name = self.names[po];
        self.edit(0, BEFORE, |edit| requestors::remove(edit, &name))?;
        self.register(name)
    }

    fn import_request(&mut self, po: usize, fates: &[Fate], now: UnixTime) -> Res<()> {
        self.edit(po, now, |edit| {
            import_request::import_request(edit, now).map(|_| ())
        })?;
        self.withhold(po, 0, &["importreq"], fates)
    }

    fn t1(&mut self, po: usize, how: How, fates: &[Fate], now: UnixTime) -> Res<()> {
        let options = self.step_options(how, now)?;
        self.step(po, how.stop, &|disk| {
            let mut tree =
                TreeMut::open(disk, postoffice(), &crate::trees::options()).map_err(failed)?;
            t1::t1(&mut tree, &options)
                .map(|report| report.said)
                .map_err(failed)
        })?;
        self.withhold(po, 0, &["reqtx"], fates)
    }

    fn t2(&mut self, how: How, fates: &dyn Fn(usize) -> Vec<Fate>, now: UnixTime) -> Res<()> {
        let options = self.step_options(how, now)?;
        self.step(0, how.stop, &|disk| {
            let mut tree =
                TreeMut::open(disk, postoffice(), &crate::trees::options()).map_err(failed)?;
            t2::t2(&mut tree, &options, &NoProgress)
                .map(|report| report.said)
                .map_err(failed)
        })?;
        for po in 0..self.disks.len() {
            self.withhold(0, po, &["srvtx", "importrep"], &fates(po))?;
        }
        Ok(())
    }

    fn t3(&mut self, po: usize, how: How, now: UnixTime) -> Res<()> {
        let options = self.step_options(how, now)?;
        let before = self.said.len();
        self.step(po, how.stop, &|disk| {
            let mut tree =
                TreeMut::open(disk, postoffice(), &crate::trees::options()).map_err(failed)?;
            t3::t3(&mut tree, &options, &NoProgress)
                .map(|report| report.said)
                .map_err(failed)
        })?;
        // At the server's postoffice a T3 speaks of itself.
        for said in self.said.iter_mut().skip(before) {
            said.0 = po;
        }
        Ok(())
    }

    fn deliver(&mut self, everything: bool, now: UnixTime) -> Res<()> {
        for mut held in std::mem::take(&mut self.withheld) {
            if held.steps > 0 && !everything {
                held.steps -= 1;
                self.withheld.push(held);
            } else {
                self.edit(held.from, now, |edit| {
                    submit(edit, &held.message).map(|_| ())
                })?;
            }
        }
        let options = DeliverOptions {
            now,
            user: "simulator".into(),
            passes: None,
            dry_run: false,
            due: false,
            synchronous_mta: false,
        };
        let paths: Vec<String> = (0..self.disks.len()).map(po_name).collect();
        let report = deliver(&paths, &Site(&self.disks), &options, &NoProgress).map_err(failed)?;
        if report.quiet && !report.has_problems() {
            Ok(())
        } else {
            Err(format!("delivery: {report:?}"))
        }
    }

    fn shuffle(&mut self, _po: usize, _seed: u16) -> Res<()> {
        Ok(())
    }

    fn resync(&mut self, pos: &BTreeSet<usize>, now: UnixTime) -> Res<()> {
        for &po in pos {
            self.import_request(po, &[], now)?;
        }
        Ok(())
    }

    fn said(&mut self) -> Vec<(usize, Said)> {
        std::mem::take(&mut self.said)
    }

    fn state(&self, po: usize) -> Res<State> {
        let mut state = State::default();
        for user in self.users(po)?.iter().filter(|user| user.dirsync) {
            let entry = entry(self.names[po], &user.full_name, &user.mailbox)?;
            state.own.insert(key(&entry), entry);
        }
        state.lists = vec![List::new(); self.disks.len()];
        let tree = self.open(po)?;
        let view = tree.view();
        let status = PostofficeStatus::read(view, "").map_err(failed)?;
        let numbers = status.numbers;
        state.numbers = Numbers {
            req: numbers.req,
            srv: numbers.srv,
            imp: numbers.imp,
        };
        state.waiting = status.waiting.ok_or("REQTRANS cannot be read")?;
        let mut bad = None;
        list_gal(
            view,
            &GalOptions::default(),
            &mut |finding| bad = Some(format!("{finding:?}")),
            &mut |found| {
                let address = found.address.unwrap_or_default();
                let address = address.strip_prefix("PCM:").unwrap_or(&address).to_owned();
                let Some((name, mailbox)) = address.rsplit_once('/') else {
                    return ControlFlow::Continue(());
                };
                let Some(whose) = (0..self.disks.len()).find(|&po| po_name(po) == name) else {
                    return ControlFlow::Continue(());
                };
                if whose != po
                    && let Ok(entry) = entry(self.names[whose], &found.name, mailbox)
                {
                    state.lists[whose].insert(key(&entry), entry);
                }
                ControlFlow::Continue(())
            },
        )
        .map_err(failed)?;
        bad.map_or(Ok(state), Err)
    }

    fn backlog(&self, _po: usize) -> Res<(u64, u64)> {
        Ok((0, 0))
    }

    fn check(&self) -> Res<()> {
        Ok(())
    }
}
