//! Trees behind child processes. This test is its own program: it is started again as the child, so
//! it has a `main` and no harness.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test without a harness is not known as one"
)]

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    {
        if let Some(code) = dirsync::transport::far::run_if_child() {
            return code;
        }
        linux::run();
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{BufRead as _, BufReader};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use dirsync::core::base::address::Address;
    use dirsync::core::base::ident::MailbagStem;
    use dirsync::core::base::time::UnixTime;
    use dirsync::core::format::fresh::FreshParams;
    use dirsync::core::format::key::Key;
    use dirsync::core::format::layout_txt::TreeId;
    use dirsync::core::format::network::NETWORK;
    use dirsync::core::format::xtn::{Route, XtnRecord};
    use dirsync::core::format::{CpField, FixedRecord as _, Hex8};
    use dirsync::postoffice::Edit;
    use dirsync::postoffice::build::BuildOptions;
    use dirsync::postoffice::init::init;
    use dirsync::postoffice::mail::{BagEdit, Outgoing, submit};
    use dirsync::progress::NoProgress;
    use dirsync::transport::deliver::{DeliverOptions, DeliverReport, LinkState, deliver};
    use dirsync::transport::far::{
        Child, ChildConnector, Connector, FarError, FarSide, Reply, Request,
    };
    use dirsync::tree::disk::Disk;
    use dirsync::tree::disk::real::RealDisk;
    use dirsync::tree::journal::CommitInfo;
    use dirsync::tree::{Command as Cmd, Domain, DomainKind, OpenOptions, TreeMut};

    const NOW: UnixTime = UnixTime(765_720_832);
    const NAMES: [&str; 4] = ["A", "B", "C", "D"];

    pub(super) fn run() {
        let arguments: Vec<String> = std::env::args().collect();
        if arguments.get(1).is_some_and(|first| first == "hold") {
            hold(&arguments[2]);
            return;
        }
        for (name, test) in [
            ("mail crosses children", mail_crosses_children as fn()),
            ("a silent tree is left behind", a_silent_tree_is_left_behind),
            ("a child ends with its parent", a_child_ends_with_its_parent),
            ("a FIFO or a missing tree is an error", bad_trees_are_errors),
        ] {
            let start = Instant::now();
            test();
            println!("test {name} ... ok ({:?})", start.elapsed());
        }
    }

    /// Four postoffices that know A, and are known by it.
    fn network(root: &Path) {
        let parent: Arc<dyn Disk> = Arc::new(RealDisk::open(root).unwrap());
        for (n, name) in NAMES.into_iter().enumerate() {
            let params = FreshParams {
                network: b"NET",
                postoffice: name.as_bytes(),
                admin_mailbox: b"Admin",
                admin_full_name: b"Administrator",
                created: "1994-04-07T09:00:00Z".parse().unwrap(),
                zone: "UTC",
                tree_id: TreeId([u8::try_from(n).unwrap(); 16]),
                serial: b"0000-00000",
            };
            let options = BuildOptions {
                wait: Duration::ZERO,
                holder: dirsync::tree::lock::Holder::default(),
                seed: 1,
            };
            init(&parent, name, &params, &options).unwrap();
        }
        for other in &NAMES[1..] {
            know(&root.join("A"), other);
            know(&root.join(other), "A");
        }
    }

    fn edited(root: &Path, change: impl FnOnce(&mut Edit<'_>)) {
        let domain = Domain {
            kind: DomainKind::Postoffice,
        };
        let disk = Arc::new(RealDisk::open(root).unwrap());
        let mut tree = TreeMut::open(disk, domain, &OpenOptions::default()).unwrap();
        let mut edit = Edit::new(tree.view());
        change(&mut edit);
        let plan = edit.finish().unwrap();
        let info = CommitInfo {
            command: Cmd::Postoffice,
            user: "test".into(),
            now: NOW,
            counts: Vec::new(),
        };
        tree.commit(&plan, &info).unwrap();
    }

    fn know(root: &Path, other: &str) {
        edited(root, |edit| {
            let networks = edit.read("GLB/NETWORK.GLB").unwrap().unwrap().to_vec();
            let xtn = NETWORK.view(&networks).unwrap().records[0].xtn;
            let xtn = xtn.get().unwrap().unwrap();
            let mailbag = edit.mailbag().unwrap();
            let mut record = XtnRecord::zeroed();
            record.state = 1;
            record.postoffice = CpField::from_bytes(other.as_bytes()).unwrap();
            record.mailbag = Hex8::from_id(mailbag);
            record.route = Route::Direct.code();
            edit.append(&format!("XTN/{xtn}.XTN"), &record.encode())
                .unwrap();
            let key = Key::empty().bytes().to_vec();
            edit.create(&format!("KEY/{mailbag}.KEY"), key).unwrap();
            for (dir, ending) in [("MBG", "MBG"), ("USR", "USR")] {
                edit.create(&format!("{dir}/{mailbag}.{ending}"), vec![])
                    .unwrap();
            }
        });
    }

    fn send(root: &Path, to: &str) {
        let address = |text: &str| Address::parse(text.as_bytes()).unwrap();
        let message = Outgoing {
            attachments: vec![(b"REQTRANS.GLB".to_vec(), vec![7; 300_000])],
            ..Outgoing::system(
                address("NET/A/$SYSTEM"),
                address(&format!("NET/{to}/$SYSTEM")),
                b"ReqTx",
                NOW,
            )
        };
        edited(&root.join("A"), |edit| {
            submit(edit, &message).unwrap();
        });
    }

    fn waiting(root: &Path, name: &str) -> usize {
        let mut count = 0;
        edited(&root.join(name), |edit| {
            count = BagEdit::load(edit, MailbagStem::SYSTEM)
                .unwrap()
                .live_count();
        });
        count
    }

    fn connector(deadline: Duration) -> ChildConnector {
        ChildConnector::this_program(deadline, Duration::from_millis(500), "test").unwrap()
    }

    fn run_over(root: &Path, connector: &dyn Connector) -> DeliverReport {
        let paths: Vec<String> = NAMES
            .iter()
            .map(|name| root.join(name).to_str().unwrap().to_owned())
            .collect();
        let options = DeliverOptions {
            now: NOW,
            user: "test".into(),
            passes: None,
            dry_run: false,
            due: false,
            synchronous_mta: false,
        };
        deliver(&paths, connector, &options, &NoProgress).unwrap()
    }

    fn mail_crosses_children() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        network(root);
        for to in &NAMES[1..] {
            send(root, to);
        }
        let report = run_over(root, &connector(Duration::from_secs(20)));
        assert!(!report.has_problems() && report.quiet, "{report:#?}");
        assert_eq!(report.sent(), 3);
        for name in &NAMES[1..] {
            assert_eq!(waiting(root, name), 1, "{name}");
        }
    }

    /// Stops the child of one tree (SIGSTOP) after it has said who it is: from then on it never
    /// answers, as a process that waits for a dead disk does.
    struct Stopping {
        inner: ChildConnector,
        path: String,
        stopped: Mutex<Vec<u32>>,
    }

    struct StoppedChild(Child, bool);

    impl FarSide for StoppedChild {
        fn call(&mut self, request: Request) -> Result<Reply, FarError> {
            let reply = self.0.call(request);
            if !self.1 {
                self.1 = true;
                signal("STOP", self.0.pid());
            }
            reply
        }
    }

    impl Connector for Stopping {
        fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError> {
            let child = Child::open(&self.inner, path)?;
            let stop = path == self.path;
            if stop {
                self.stopped.lock().unwrap().push(child.pid());
            }
            Ok(Box::new(StoppedChild(child, !stop)))
        }
    }

    fn signal(name: &str, pid: u32) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &pid.to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Whether the process is there and no zombie.
    fn lives(pid: u32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or("").starts_with('Z'))
    }

    fn a_silent_tree_is_left_behind() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        network(root);
        for to in &NAMES[1..] {
            send(root, to);
        }
        let stopping = Stopping {
            inner: connector(Duration::from_secs(3)),
            path: root.join("C").to_str().unwrap().to_owned(),
            stopped: Mutex::default(),
        };
        let start = Instant::now();
        let report = run_over(root, &stopping);
        assert!(start.elapsed() < Duration::from_secs(15), "it waited");
        let down: Vec<&str> = report
            .links
            .iter()
            .filter(|link| link.state == LinkState::Retrying)
            .map(|link| link.to.as_str())
            .collect();
        assert_eq!(down, ["NET/C"]);
        let link = report.links.iter().find(|link| link.to == "NET/C").unwrap();
        assert_eq!(link.waiting, 1);
        assert!(
            link.last_error
                .as_deref()
                .unwrap()
                .contains("no answer within 3")
        );
        assert!(report.has_problems());
        assert_eq!((waiting(root, "B"), waiting(root, "D")), (1, 1));
        for pid in stopping.stopped.lock().unwrap().iter() {
            assert!(!lives(*pid), "the child was killed");
        }
        // It is back: the next run catches up.
        let report = run_over(root, &stopping.inner);
        assert!(!report.has_problems(), "{report:#?}");
        assert_eq!(waiting(root, "C"), 1);
    }

    fn hold(path: &str) {
        let child = Child::open(&connector(Duration::from_secs(20)), path).unwrap();
        println!("{}", child.pid());
        std::thread::sleep(Duration::from_secs(60));
    }

    fn a_child_ends_with_its_parent() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        network(root);
        let mut parent = Command::new(std::env::current_exe().unwrap())
            .args(["hold", root.join("A").to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(parent.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let child: u32 = line.trim().parse().unwrap();
        assert!(lives(child));
        // Even stopped, so that it cannot see its closed input.
        signal("STOP", child);
        parent.kill().unwrap();
        parent.wait().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while lives(child) {
            assert!(Instant::now() < until, "the child outlived its parent");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn bad_trees_are_errors() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        network(root);
        for to in &NAMES[1..] {
            send(root, to);
        }
        // B: a FIFO in place of the in-queue; C: gone; D: read-only lock file and home.
        std::fs::remove_dir_all(root.join("C")).unwrap();
        let fifo = root.join("B/MBG/INQUEUE3.MBG");
        std::fs::remove_file(&fifo).unwrap();
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let start = Instant::now();
        let report = run_over(root, &connector(Duration::from_secs(20)));
        assert!(start.elapsed() < Duration::from_secs(15), "it waited");
        let states: Vec<(&str, LinkState)> = report
            .links
            .iter()
            .map(|link| (link.to.as_str(), link.state))
            .collect();
        assert_eq!(
            states,
            [
                ("NET/B", LinkState::Retrying),
                ("NET/C", LinkState::Retrying),
                ("NET/D", LinkState::Up)
            ]
        );
        assert_eq!(waiting(root, "D"), 1);
        assert!(Child::open(&connector(Duration::from_secs(20)), "/nonexistent").is_err());
    }
}
