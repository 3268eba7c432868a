//! Sites of postoffices made and driven with the built programs, on a clock of their own.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Output, TestTree, command, run};

/// Some postoffices of the network NET below one directory. The first one is the server.
///
/// Every command is given a time, a minute after the one before it.
#[derive(Debug)]
pub struct Site {
    root: TestTree,
    names: Vec<String>,
    minute: Cell<u32>,
}

impl Site {
    /// Postoffices that know each other, `users` users each, registered and exported, never run.
    #[must_use]
    pub fn new(names: &[&str], users: usize) -> Self {
        let site = Self {
            root: TestTree::new(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            minute: Cell::new(0),
        };
        for name in names {
            let address = format!("NET/{name}");
            site.ok("init --zone UTC", name, &[&address]);
        }
        for name in names {
            for other in names.iter().filter(|other| *other != name) {
                site.ok("postoffice add", name, &[&format!("NET/{other}")]);
            }
        }
        let server = names[0];
        site.ok("server on", server, &[]);
        for name in names {
            if *name != server {
                site.ok("requestor add", server, &[&format!("NET/{name}")]);
                site.ok("register", name, &[&format!("NET/{server}")]);
            }
            site.fill(name, users);
            site.ok("export", name, &[]);
        }
        site
    }

    fn fill(&self, name: &str, users: usize) {
        let mut lines = "mailbox,name\n".to_owned();
        for n in 0..users {
            lines.push_str(&format!("{}{n},Éva {name} {n:03}\n", name.to_lowercase()));
        }
        self.root.write("fill.csv", lines);
        let csv = self.root.join("fill.csv");
        self.ok("fill", name, &[csv.to_str().expect("a path is text")]);
        fs::remove_file(csv).expect("the file is ours");
    }

    /// The same with two cycles made: everybody has everything.
    #[must_use]
    pub fn settled(names: &[&str], users: usize) -> Self {
        let site = Self::new(names, users);
        for _ in 0..2 {
            site.run(&[]).expect_code(0);
        }
        site.assert_equal(names.len() * users);
        site
    }

    /// A copy that goes its own way.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            root: TestTree::copy_of(self.root.path()),
            names: self.names.clone(),
            minute: self.minute.clone(),
        }
    }

    /// The directory of the site.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// The tree of a postoffice, or a file in it.
    #[must_use]
    pub fn tree(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// The names of the postoffices.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Lets days pass.
    pub fn wait_days(&self, days: u32) {
        self.minute.set(self.minute.get() + days * 24 * 60);
    }

    /// The time of the next command.
    fn now(&self) -> String {
        let minute = self.minute.get() + 1;
        self.minute.set(minute);
        let (day, minute) = (minute / (24 * 60), minute % (24 * 60));
        format!(
            "2030-{:02}-{:02}T{:02}:{:02}:00Z",
            1 + day / 28,
            1 + day % 28,
            minute / 60,
            minute % 60
        )
    }

    fn program(&self, name: &str, words: &str, place: &Path, rest: &[&str]) -> Output {
        let mut command = command(name);
        command
            .args(["--now", &self.now()])
            .args(words.split_whitespace())
            .arg(place)
            .args(rest);
        run(&mut command)
    }

    /// `po-admin WORDS TREE REST`.
    pub fn po(&self, words: &str, tree: &str, rest: &[&str]) -> Output {
        self.program("po-admin", words, &self.tree(tree), rest)
    }

    /// The same; it must succeed.
    pub fn ok(&self, words: &str, tree: &str, rest: &[&str]) -> Output {
        self.po(words, tree, rest).expect_code(0)
    }

    /// `glb-import WORDS TREE REST`.
    pub fn import(&self, words: &str, tree: &str, rest: &[&str]) -> Output {
        self.program("glb-import", words, &self.tree(tree), rest)
    }

    /// `dxa-cycle WORDS TREE`.
    pub fn cycle(&self, words: &str, tree: &str) -> Output {
        self.program("dxa-cycle", words, &self.tree(tree), &[])
    }

    /// `dxa-cycle run` over the site.
    pub fn run(&self, rest: &[&str]) -> Output {
        self.program("dxa-cycle", "run", self.path(), rest)
    }

    /// `dxa-cycle deliver` over the site; nothing may stay behind.
    pub fn deliver(&self) {
        self.program("dxa-cycle", "deliver", self.path(), &[])
            .expect_code(0);
    }

    /// T1 at a postoffice, and its mail is moved.
    pub fn t1(&self, name: &str) {
        self.cycle("t1", name).expect_code(0);
        self.deliver();
    }

    /// T2 at the server, and its mail is moved; what T2 had to say.
    pub fn t2(&self) -> Output {
        let output = self.cycle("t2 --json", &self.names[0]);
        self.deliver();
        output
    }

    /// T3 at a postoffice.
    pub fn t3(&self, name: &str) -> Output {
        self.cycle("t3 --json", name)
    }

    /// Adds a user.
    pub fn add(&self, tree: &str, mailbox: &str) {
        let name = format!("User {mailbox}");
        self.ok("user add", tree, &[mailbox, "--name", &name]);
    }

    /// A log, as far as it is ASCII.
    #[must_use]
    pub fn log(&self, file: &str) -> String {
        let bytes = fs::read(self.tree(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The participating entries of a Global Address List: address and name.
    #[must_use]
    pub fn gal(&self, tree: &str) -> BTreeSet<(String, String)> {
        let output = self.ok("gal --participating --json", tree, &[]);
        let lines = output.json_lines();
        let (end, entries) = lines.split_last().expect("there is an end line");
        assert_eq!(end["end"], true, "{output}");
        assert_eq!(end["count"], entries.len(), "{output}");
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        entries
            .iter()
            .map(|entry| (text(entry, "address"), text(entry, "name")))
            .collect()
    }

    /// Every participating Global Address List is the same and has `count` entries.
    pub fn assert_equal(&self, count: usize) {
        let first = self.gal(&self.names[0]);
        assert_eq!(first.len(), count, "{first:#?}");
        for name in self.names() {
            assert_eq!(self.gal(name), first, "{name}");
        }
    }

    /// Nothing wrong anywhere, nothing left in queues, everybody in step.
    pub fn assert_clean(&self) {
        for name in self.names() {
            self.ok("check", name, &[]);
        }
        let words = "status --check --json";
        let status = self
            .program("dxa-cycle", words, self.path(), &[])
            .expect_code(0);
        assert_eq!(status.json()["result"]["in_step"], true, "{status}");
    }

    /// The record of a requestor at the server.
    #[must_use]
    pub fn record(&self, requestor: &str) -> Value {
        let words = "requestor list --json";
        let lines = self.ok(words, &self.names[0], &[]).json_lines();
        let wanted = format!("NET/{requestor}");
        let found = lines
            .iter()
            .flat_map(|line| match line["result"].as_array() {
                Some(records) => records.clone(),
                None => vec![line.clone()],
            });
        found
            .into_iter()
            .find(|record| record["requestor"] == wanted)
            .unwrap_or_else(|| panic!("no {wanted} in {lines:#?}"))
    }
}
