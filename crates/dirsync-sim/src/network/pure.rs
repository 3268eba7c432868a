//! A network of state machines in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use dirsync_core::base::{FindingId, PoName, UnixTime};
use dirsync_core::protocol::log::{
    Diary, IMPORT_BEHIND, NUMBERING_RESTARTED, PURGED_GAP, REQUEST_GAP, SERVER_AHEAD,
    SERVER_RESTORED,
};

use super::Res;
use super::admin::Said;
use super::dice::Dice;
use super::hub::{Hub, T2How};
use super::lists::{List, apply, difference, owner};
use super::mail::Mail;
use super::node::Node;
use super::run::{How, Network, State};
use super::sabotage::Rule;
use super::script::{Change, Fate, Script, po_name};
use crate::trees::CREATED_UNIX_S;

/// The network.
#[derive(Debug)]
pub struct PureNet {
    names: Arc<[PoName]>,
    nodes: Vec<Node>,
    hub: Hub,
    /// Mail on its way, and deliveries until it comes.
    transit: Vec<(u8, Mail)>,
    sabotage: Option<Rule>,
    said: Vec<(usize, Said)>,
    auto_import: bool,
    /// The server was set back once: numbers of before and after do not belong together.
    server_was_restored: bool,
}

/// A copy of a postoffice.
#[derive(Debug)]
pub struct Image {
    node: Node,
    hub: Option<Hub>,
    /// What the server's postoffice sends to itself never leaves its tree.
    own_mail: Vec<(u8, Mail)>,
}

fn is_own(mail: &Mail) -> bool {
    mail.from == mail.to
}

impl PureNet {
    /// The network of a script, before its first cycle.
    ///
    /// # Errors
    /// Names that are none.
    pub fn new(script: &Script, sabotage: Option<Rule>) -> Res<Self> {
        let names: Result<Vec<PoName>, _> = (0..script.postoffices.len())
            .map(|po| po_name(po).parse())
            .collect();
        let names: Arc<[PoName]> = names
            .map_err(|error: dirsync_core::base::address::Fault| error.to_string())?
            .into();
        let mut nodes = Vec::new();
        for (place, start) in script.postoffices.iter().enumerate() {
            let mut node = Node::new(place, &names, start)?;
            node.fill(start.users)?;
            node.export(UnixTime(CREATED_UNIX_S))?;
            nodes.push(node);
        }
        Ok(Self {
            hub: Hub::new(&names, script.keep_days, script.auto_import)?,
            names,
            nodes,
            transit: Vec::new(),
            sabotage,
            said: Vec::new(),
            auto_import: script.auto_import,
            server_was_restored: false,
        })
    }

    fn post(&mut self, mut mail: Mail, fates: &[Fate]) {
        let mut late = 0;
        let mut again = Vec::new();
        for fate in fates {
            match *fate {
                Fate::Lost => return,
                Fate::Late(steps) => late = steps,
                Fate::Twice(steps) => again.push(steps),
                Fate::Cut(thousandths) => mail.cut(thousandths),
            }
        }
        for steps in again {
            self.transit
                .push((late.saturating_add(steps), mail.clone()));
        }
        self.transit.push((late, mail));
    }

    fn place(&self, party: &str) -> Option<usize> {
        let name = party.strip_prefix("PCM:").unwrap_or(party);
        (0..self.nodes.len()).find(|&po| po_name(po) == name)
    }

    /// `here` is the requestor whose log it is; `None` for the server's.
    fn hear(&mut self, here: Option<usize>, diary: &Diary) {
        for notice in &diary.notices {
            let said = heard(notice.id, self.auto_import);
            let po = here.or_else(|| self.place(&notice.party));
            self.said.extend(po.zip(said));
            if let (Some(po), Some(Said::PurgedGap)) = (po, said) {
                self.nodes[po].holed = Some(self.hub.server.sync());
            }
        }
        for line in diary.lines.iter().filter(|line| line.code == Some(166)) {
            let po = self.place(&line.argument);
            self.said.extend(po.map(|po| (po, Said::ManualImport)));
        }
    }

    /// Each list equals what the master list says up to the number its postoffice has reached. The
    /// server's own list is not compared: import replies carry it as it is at T2, ahead of its
    /// transactions.
    fn lists_follow_the_master_list(&self) -> Res<()> {
        let mut order: Vec<usize> = (0..self.nodes.len())
            .filter(|&po| {
                let node = &self.nodes[po];
                node.queue.is_empty()
                    && node.holed.is_none()
                    && node.ahead <= node.requestor.numbers().srv
            })
            .collect();
        order.sort_by_key(|&po| self.nodes[po].requestor.numbers().srv);
        let mut lists = vec![List::new(); self.nodes.len()];
        let mut done = 0;
        for po in order {
            let node = &self.nodes[po];
            let reached = usize::try_from(node.requestor.numbers().srv).unwrap_or(usize::MAX);
            if reached > self.hub.history.len() {
                return Err(format!("{} is ahead of the server", po_name(po)));
            }
            for transaction in &self.hub.history[done.min(reached)..reached] {
                let name = owner(transaction);
                if let Some(place) = self.names.iter().position(|known| Some(*known) == name) {
                    apply(&mut lists[place], transaction);
                }
            }
            done = done.max(reached);
            for (whose, list) in lists.iter().enumerate().skip(1) {
                if whose != po && node.lists[whose] != *list {
                    return Err(format!(
                        "{} at {reached} holds of {}: {}",
                        po_name(po),
                        po_name(whose),
                        difference(&node.lists[whose], list)
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What a finding means to the administrator.
pub(super) fn heard(id: FindingId, auto_import: bool) -> Option<Said> {
    match id {
        SERVER_RESTORED => Some(Said::ServerRestored),
        IMPORT_BEHIND => Some(Said::ImportBehind),
        // Answered with all lists at once.
        PURGED_GAP if auto_import => None,
        PURGED_GAP => Some(Said::PurgedGap),
        SERVER_AHEAD | REQUEST_GAP | NUMBERING_RESTARTED => Some(Said::OutOfStep),
        _ => None,
    }
}

impl Network for PureNet {
    type Copy = Image;

    fn save(&self, po: usize) -> Res<Image> {
        let mut own_mail = self.transit.clone();
        own_mail.retain(|(_, mail)| is_own(mail) && mail.to == po);
        Ok(Image {
            node: self.nodes[po].clone(),
            hub: (po == 0).then(|| self.hub.clone()),
            own_mail,
        })
    }

    fn restore(&mut self, po: usize, copy: &Image) -> Res<()> {
        self.nodes[po] = copy.node.clone();
        self.transit
            .retain(|(_, mail)| !is_own(mail) || mail.to != po);
        self.transit.extend(copy.own_mail.iter().cloned());
        if let Some(hub) = &copy.hub {
            self.hub = hub.clone();
            self.server_was_restored = true;
        }
        Ok(())
    }

    fn change(&mut self, po: usize, change: &Change, now: UnixTime) -> Res<()> {
        self.nodes[po].change(change, now)
    }

    fn export(&mut self, po: usize, now: UnixTime) -> Res<()> {
        self.nodes[po].export(now)
    }

    fn limit(&mut self, po: usize, kb: u16) -> Res<()> {
        let conf = &mut self.nodes[po].requestor.conf;
        conf.limit_kb.set(u32::from(kb));
        Ok(())
    }

    fn reregister(&mut self, po: usize) -> Res<()> {
        self.hub.reregister(self.names[po])
    }

    fn import_request(&mut self, po: usize, fates: &[Fate], now: UnixTime) -> Res<()> {
        let mail = self.nodes[po].import_request(now)?;
        self.post(mail, fates);
        Ok(())
    }

    fn t1(&mut self, po: usize, how: How, fates: &[Fate], now: UnixTime) -> Res<()> {
        if how.stop == Some(0) {
            return Ok(());
        }
        let mail = self.nodes[po].t1(self.sabotage, now)?;
        self.post(mail, fates);
        Ok(())
    }

    fn t2(&mut self, how: How, fates: &dyn Fn(usize) -> Vec<Fate>, now: UnixTime) -> Res<()> {
        let how = T2How {
            stop: how.stop,
            lists_busy: how.lists_busy,
            allow: how.allow,
            sabotage: self.sabotage,
        };
        let names = Arc::clone(&self.names);
        let (replies, said) = self.hub.t2(&mut self.nodes[0], &names, how, now)?;
        for diary in &said {
            self.hear(None, diary);
        }
        for mail in replies {
            let fates = fates(mail.to);
            self.post(mail, &fates);
        }
        Ok(())
    }

    fn t3(&mut self, po: usize, how: How, now: UnixTime) -> Res<()> {
        if how.stop == Some(0) {
            return Ok(());
        }
        let took = self.nodes[po].t3(how.allow, self.sabotage, now)?;
        self.hear(Some(po), &took.diary);
        if how.stop.is_none() && !took.held {
            self.nodes[po].import();
        }
        Ok(())
    }

    fn deliver(&mut self, everything: bool, _now: UnixTime) -> Res<()> {
        for (steps, mail) in std::mem::take(&mut self.transit) {
            if steps > 0 && !everything {
                self.transit.push((steps - 1, mail));
            } else {
                self.nodes[mail.to].mailbag.push(mail);
            }
        }
        Ok(())
    }

    fn shuffle(&mut self, po: usize, seed: u16) -> Res<()> {
        let mut dice = Dice::new(u64::from(seed));
        let mailbag = &mut self.nodes[po].mailbag;
        for place in (1..mailbag.len()).rev() {
            mailbag.swap(place, dice.below(place + 1));
        }
        Ok(())
    }

    fn resync(&mut self, pos: &BTreeSet<usize>, now: UnixTime) -> Res<()> {
        if pos.is_empty() {
            return Ok(());
        }
        self.nodes[0].import();
        let (header, lists) = self.hub.resync(&self.nodes[0], &self.names);
        let lists_at = self.nodes[0].requestor.numbers().srv;
        for &po in pos {
            self.nodes[po].ahead = lists_at;
            let diary = self.nodes[po].resync(header, &lists, now)?;
            self.hear(Some(po), &diary);
        }
        Ok(())
    }

    fn said(&mut self) -> Vec<(usize, Said)> {
        std::mem::take(&mut self.said)
    }

    fn state(&self, po: usize) -> Res<State> {
        let node = &self.nodes[po];
        Ok(State {
            numbers: node.requestor.numbers(),
            waiting: node.waiting().unconfirmed,
            own: node.participating(),
            lists: node.lists.clone(),
        })
    }

    fn backlog(&self, po: usize) -> Res<(u64, u64)> {
        let requestor = &self.nodes[po].requestor;
        let limit = u64::from(requestor.conf.limit_kb.get()) * 1024;
        Ok((self.hub.bytes_after(requestor.numbers().srv), limit))
    }

    fn check(&self) -> Res<()> {
        if self.server_was_restored {
            return Ok(());
        }
        self.lists_follow_the_master_list()
    }
}
