//! A gateway that emulates a postoffice beside an Exchange server and a postoffice: the text files
//! it hands over and takes away, the empty reply of Q201122 and its cure, resets and rebuilding.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use dirsync::core::format::mmff::{Event, Reader};
use dirsync_tests::{Output, TestTree, command, run};
use serde_json::Value;

const SHADOW: &str = "EX/CONNECT/MSMCON/MAILDATA";
const EXCHANGE: &str = "AVIATION/MALMO";
const GATEWAY: &str = "GWISE/LIGHT";
/// What the reply says when nothing was asked for (Q201122).
const EMPTY: &str = include_str!("../../fixtures/import/q201122-no-updates.txt");

/// An Exchange server, a postoffice, a gateway behind the connector.
struct Lab {
    tree: TestTree,
    hour: Cell<u32>,
    folder: PathBuf,
}

/// What the gateway took away.
struct Taken {
    text: String,
    attachment: String,
}

impl Lab {
    /// The trees; `hub` is the directory server.
    fn new(profile: &str, hub: &str) -> Self {
        let mut lab = Self {
            tree: TestTree::new(),
            hour: Cell::new(0),
            folder: PathBuf::new(),
        };
        let init = "init-exchange --org Aviation --site Malmo --server MALMO1 --zone UTC";
        lab.ok(
            &format!("{init} --profile {profile} --connector {EXCHANGE}"),
            "EX",
            &[],
        );
        lab.ok("init --zone UTC", "A", &["NET/A"]);
        for n in 1..=2 {
            let (mailbox, full) = (format!("u{n}"), format!("User {n} of A"));
            lab.ok("user add", "A", &[&mailbox, "--name", &full]);
        }
        for (alias, name) in [("anna", "Anna Ek"), ("bo", "Bo Ek")] {
            lab.ok("recipient add", "EX", &[alias, "--name", name]);
        }
        lab.ok("postoffice add", SHADOW, &["NET/A"]);
        lab.ok("postoffice add", "A", &[EXCHANGE]);
        if hub == "EX" {
            lab.ok("server on", "EX", &[]);
            lab.ok("requestor add", "EX", &["NET/A"]);
            lab.ok("register", "A", &[EXCHANGE]);
        } else {
            lab.ok("server on", "A", &[]);
            lab.ok("requestor add", "A", &[EXCHANGE]);
            lab.ok("register", "EX", &["NET/A"]);
        }
        lab.ok("export", "A", &[]);
        let made = lab.ok("gateway add --json", SHADOW, &[GATEWAY]).json();
        let mailbag = made["result"]["mailbag"].as_str().unwrap();
        lab.folder = lab.tree.join(&format!("{SHADOW}/GTW/{mailbag}"));
        if hub == "EX" {
            lab.ok("requestor add", "EX", &[GATEWAY]);
        }
        lab
    }

    fn program(&self, name: &str, words: &str, below: &str, rest: &[&str]) -> Output {
        let hour = self.hour.get() + 1;
        self.hour.set(hour);
        let now = format!("1997-03-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
        let mut command = command(name);
        command
            .args(words.split_whitespace())
            .arg(self.tree.join(below))
            .args(rest)
            .env("DIRSYNC_NOW", now);
        run(&mut command)
    }

    fn ok(&self, words: &str, below: &str, rest: &[&str]) -> Output {
        self.program("po-admin", words, below, rest).expect_code(0)
    }

    fn cycle(&self, words: &str, below: &str, rest: &[&str]) -> Output {
        self.program("dxa-cycle", words, below, rest)
    }

    fn deliver(&self) {
        self.cycle("deliver", "", &[]).expect_code(0);
    }

    /// The gateway hands a message over.
    fn bring(&self, name: &str, body: &str, attachment: Option<&str>) {
        let body = body.replace('\n', "\r\n");
        let attached = attachment.map_or_else(String::new, |text| {
            format!("ATTACHMENT:TMPTRANS.GLB {}\r\n", text.len())
        });
        let file = format!(
            "VERSION:3.00\r\nTO:CSI:{EXCHANGE}/$SYSTEM\r\nFROM:CSI:{GATEWAY}/$SYSTEM\r\n\
             DATE:1997-03-01\r\nTIME:09:12\r\nSUBJECT:Directory Exchange Profile\r\n\
             {attached}TEXT:{}\r\n{body}{}",
            body.len(),
            attachment.unwrap_or_default()
        );
        let in_ = self.folder.join("IN");
        fs::write(in_.join("PART.TMP"), file).unwrap();
        fs::rename(in_.join("PART.TMP"), in_.join(format!("{name}.MMF"))).unwrap();
    }

    /// The gateway takes away what there is.
    fn taken(&self) -> Vec<Taken> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.folder.join("OUT"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        let mut taken = Vec::new();
        for path in paths {
            let (mut text, mut attachment) = (Vec::new(), Vec::new());
            let mut reader = Reader::new(None);
            let file = fs::read(&path).unwrap();
            reader
                .feed(&file, &mut |event| match event {
                    Event::Text(piece) => text.extend_from_slice(piece),
                    Event::Attachment(_, piece) => attachment.extend_from_slice(piece),
                    Event::Header(header) => {
                        assert_eq!(header.from.to_string(), format!("PCM:{EXCHANGE}/$SYSTEM"));
                        assert_eq!(header.to[0].to_string(), format!("PCM:{GATEWAY}/$SYSTEM"));
                    }
                    Event::End => {}
                })
                .unwrap();
            reader.finish().unwrap();
            fs::remove_file(&path).unwrap();
            taken.push(Taken {
                text: String::from_utf8(text).unwrap(),
                attachment: String::from_utf8(attachment).unwrap(),
            });
        }
        taken
    }

    fn addresses(&self, words: &str, below: &str) -> BTreeSet<String> {
        let lines = self.ok(words, below, &[]).json_lines();
        let (end, entries) = lines.split_last().unwrap();
        assert_eq!(end["end"], true);
        let address = |entry: &Value| entry["address"].as_str().unwrap().to_uppercase();
        entries.iter().map(address).collect()
    }

    /// The participating addresses that both have.
    fn in_step(&self) -> BTreeSet<String> {
        let a = self.addresses("gal --participating --json", "A");
        let ex = self.addresses("recipient list --participating --json", "EX");
        assert_eq!(a, ex);
        ex
    }

    fn settle(&self) -> BTreeSet<String> {
        for _ in 0..2 {
            self.cycle("run", "", &[]).expect_code(0);
        }
        self.cycle("status --check", "", &[]).expect_code(0);
        self.in_step()
    }
}

fn request(srvseq: u32) -> String {
    format!(
        "[dirsync]\ntask=export\nreqname=PCM:{GATEWAY}\ntypes=PCM|CSI\ntemplate=NO\n\
         srvseq={srvseq:010}\ntransactions=inattachment\n"
    )
}

/// The problems of a report with an id.
fn problems(output: &Output, id: &str) -> Vec<String> {
    let report = output.json();
    let all = report["problems"].as_array().unwrap().iter();
    all.filter(|problem| problem["id"] == id)
        .map(|problem| problem["message"].as_str().unwrap().to_owned())
        .collect()
}

const BROUGHT: &str = "[dirsync-transactions]\r\n\
    0000000001 A Lena Light                     PCM:GWISE/LIGHT/LLIGHT\r\n";

// rule: exc:R-FFA-050
// rule: exc:R-FFA-001
// rule: exc:R-DXA-056
#[test]
fn a_gateway_takes_part_with_text_files() {
    let lab = Lab::new("5.5", "EX");
    lab.settle();
    lab.bring("REQ1", &request(0), Some(BROUGHT));
    let report = lab.cycle("run --json", "", &[]).expect_code(0);
    assert_eq!(problems(&report, "sync.request-incomplete"), [""; 0]);
    assert!(
        fs::read_dir(lab.folder.join("IN"))
            .unwrap()
            .next()
            .is_none()
    );
    let taken = lab.taken();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].text.starts_with("[dirsync]\r\ntask=srvtx\r\n"));
    assert!(
        taken[0]
            .attachment
            .starts_with("[dirsync-transactions]\r\n")
    );
    // An agent writes its types in lower or upper case (R-IN-011); the gateway reads either.
    let told = taken[0].attachment.to_uppercase();
    for address in ["AVIATION/MALMO/ANNA", "NET/A/U1", "NET/A/U2"] {
        assert!(told.contains(address), "{told}");
    }
    assert!(!told.contains("LLIGHT"));
    let all = lab.settle();
    assert!(all.contains("PCM:GWISE/LIGHT/LLIGHT"), "{all:?}");
    // What is new since the number it was given, and nothing else.
    let number = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("srvseq="));
        line.unwrap().trim().parse::<u32>().unwrap()
    };
    lab.ok("recipient add", "EX", &["carl", "--name", "Carl Ek"]);
    lab.bring("REQ2", &request(number(&taken[0].text)), None);
    // It says that its transactions are in an attachment; an empty one is 116 (Q96003).
    let report = lab.cycle("run --json", "", &[]).expect_code(1);
    assert_eq!(problems(&report, "cycle.logged").len(), 1, "{report}");
    let taken = lab.taken();
    assert!(
        taken[0]
            .attachment
            .to_uppercase()
            .contains("AVIATION/MALMO/CARL")
    );
    assert!(
        !taken[0]
            .attachment
            .to_uppercase()
            .contains("AVIATION/MALMO/BO")
    );
    // A file with a fault is told and put aside; a dry run changes nothing.
    fs::write(
        lab.folder.join("IN/BAD.MMF"),
        "VERSION:3.00\r\nTO:PCM:AVIATION/MALMO/$SYSTEM\r\n",
    )
    .unwrap();
    let dry = lab
        .cycle("deliver --dry-run --json", "", &[])
        .expect_code(1);
    assert!(lab.folder.join("IN/BAD.MMF").exists(), "{dry}");
    let told = lab.cycle("deliver --json", "", &[]).expect_code(1);
    assert_eq!(
        problems(&told, "gateway.refused"),
        ["151-1-2 Unknown service PCM"]
    );
    let listed = lab.ok("gateway list --json", SHADOW, &[]).json_lines();
    // The file and its errors.
    assert_eq!(
        (&listed[0]["in"], &listed[0]["bad"]),
        (&0.into(), &2.into())
    );
    lab.deliver();
}

// Q201122 as a recipe: the request without parameters, the empty reply, the diagnosis, the purge,
// the objects made anew, the next forced cycle.
// rule: exc:R-DXA-055
// rule: exc:R-FFA-051
// rule: exc:R-RSY-020
// rule: exc:R-IN-005
#[test]
fn q201122_a_gateway_that_asks_for_nothing_and_its_cure() {
    let lab = Lab::new("4.0", "EX");
    lab.ok("registry set", "EX", &["PauseKicksDX", "1"]);
    lab.settle();
    // It worked: a request, the forced cycle, the updates.
    lab.bring("REQ1", &request(0), Some(BROUGHT));
    lab.deliver();
    lab.cycle("pause", "EX", &[]).expect_code(0);
    lab.deliver();
    let told = lab.taken()[0].attachment.to_uppercase();
    assert!(told.contains("AVIATION/MALMO/ANNA"), "{told}");
    lab.settle();

    // The new gateway leaves the parameters out.
    lab.ok("recipient add", "EX", &["carl", "--name", "Carl Ek"]);
    lab.bring(
        "REQ2",
        &format!("[dirsync]\ntask=export\nreqname=PCM:{GATEWAY}\n"),
        None,
    );
    lab.deliver();
    let report = lab.cycle("t2 --json", "EX", &[]).expect_code(1);
    let said = problems(&report, "sync.request-incomplete");
    assert_eq!(said.len(), 1, "{report}");
    assert!(
        said[0].starts_with(
            "TYPES, SRVSEQ, TRANSACTIONS are missing in the request of PCM:GWISE/LIGHT"
        ),
        "{said:?}"
    );
    // Others have no part in it, and it is no message 136, 139, 155, 156 or 158.
    assert_eq!(problems(&report, "cycle.logged"), [""; 0]);
    lab.deliver();
    let taken = lab.taken();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].text.contains(EMPTY.trim()), "{}", taken[0].text);
    assert_eq!(taken[0].attachment, "");
    let explained = {
        let mut command = command("po-admin");
        command.args(["explain", "sync.request-incomplete"]);
        run(&mut command).expect_code(0)
    };
    assert!(explained.stdout.contains("mtacheck purge"), "{explained}");

    // The other mistakes of a request say something else.
    for (body, code, missing) in [
        (
            format!("[dirsync]\nreqname=PCM:{GATEWAY}\n"),
            "[155]",
            "TASK is missing",
        ),
        (
            format!("[dirsync]\ntask=dance\nreqname=PCM:{GATEWAY}\n"),
            "[155]",
            "",
        ),
        ("[dirsync]\ntask=export\n".to_owned(), "[158]", "REQNAME"),
        (
            "[dirsync]\ntask=export\nreqname=PCM:GWISE/OTHER\n".to_owned(),
            "[158]",
            "",
        ),
    ] {
        lab.bring("BAD", &body, None);
        lab.deliver();
        let report = lab.cycle("t2 --json", "EX", &[]).expect_code(1);
        let logged = problems(&report, "cycle.logged");
        assert!(
            logged.iter().any(|line| line.starts_with(code)),
            "{body}: {logged:?}"
        );
        let said = problems(&report, "sync.request-incomplete").concat();
        assert!(
            said.starts_with(missing) && said.is_empty() == missing.is_empty(),
            "{said}"
        );
        lab.deliver();
    }
    assert!(lab.taken().iter().all(|taken| taken.attachment.is_empty()));

    purge(&lab);

    // The objects are made anew: requestors, then the server, and the hidden recipients.
    for name in [GATEWAY, "NET/A"] {
        lab.ok("requestor remove", "EX", &[name, "--yes"]);
        let hidden = format!("MS:{name}/$SYSTEM");
        lab.ok("recipient remove", "EX", &[&hidden, "--yes"]);
    }
    lab.ok("server off", "EX", &["--yes"]);
    lab.ok("server on", "EX", &[]);
    for name in [GATEWAY, "NET/A"] {
        lab.ok("requestor add", "EX", &[name]);
    }
    // The postoffice would drop replies as old (Q99961): LISTDS -Z and an Export.
    let server = lab.tree.join("EX");
    let server = server.to_str().unwrap();
    lab.cycle("reset local", "A", &["--server", server, "--yes"])
        .expect_code(0);

    // The check of the article: an update request from the gateway, then the pause.
    lab.bring("REQ3", &request(0), Some(BROUGHT));
    lab.cycle("t1", "A", &[]).expect_code(0);
    lab.deliver();
    let paused = lab.cycle("pause", "EX", &[]).expect_code(0);
    assert!(paused.stdout.contains("Error 2140"), "{paused}");
    lab.deliver();
    let taken = lab.taken();
    assert_eq!(taken.len(), 1);
    let told = taken[0].attachment.to_uppercase();
    assert!(told.contains("AVIATION/MALMO/CARL") && !taken[0].text.contains(EMPTY.trim()));
    lab.cycle("t3", "A", &[]).expect_code(0);
    let all = lab.settle();
    assert!(all.contains("PCM:GWISE/LIGHT/LLIGHT") && all.contains("PCM:AVIATION/MALMO/CARL"));
}

/// Requests pile up on the queue of the agent, and it is emptied (Q201122, step 4).
fn purge(lab: &Lab) {
    let queue = |lab: &Lab| {
        let shown = lab.program("mtacheck", "queues --json", "EX/MTADATA", &[]);
        let shown = shown.expect_code(0).json();
        let queues = shown["result"]["queues"].as_array().unwrap().clone();
        let is_it = |queue: &&Value| {
            queue["name"]
                .as_str()
                .unwrap()
                .ends_with("CN=MICROSOFT DXA")
        };
        let found = queues.iter().find(is_it).unwrap();
        found["messages"].as_u64().unwrap()
    };
    assert_eq!(queue(lab), 0);
    for n in 0..3 {
        lab.bring(
            &format!("PILE{n}"),
            &format!("[dirsync]\ntask=export\nreqname=PCM:{GATEWAY}\n"),
            None,
        );
    }
    lab.cycle("deliver --until mta", "", &[]).expect_code(0);
    assert_eq!(queue(lab), 3);
    lab.program(
        "mtacheck",
        "purge",
        "EX/MTADATA",
        &["--queue", "MICROSOFT DXA", "--yes"],
    )
    .expect_code(0);
    assert_eq!(queue(lab), 0);
    // Nothing of them reaches the agent any more, nor is it taken again.
    lab.deliver();
    let report = lab.cycle("t2 --json", "EX", &[]).expect_code(0);
    assert_eq!(problems(&report, "sync.request-incomplete"), [""; 0]);
    lab.deliver();
    assert!(lab.taken().is_empty());
}

// rule: exc:R-RSY-020
// rule: dsp:R-EXC-001
#[test]
fn q152231_the_numbers_begin_at_zero_on_both_sides_in_either_role() {
    for hub in ["EX", "A"] {
        let lab = Lab::new("5.5", hub);
        let all = lab.settle();
        let (tree, server) = if hub == "EX" {
            ("A", "EX")
        } else {
            ("EX", "A")
        };
        let server = lab.tree.join(server);
        let server = server.to_str().unwrap();
        let dry = ["--server", server, "--dry-run", "--yes"];
        lab.cycle("reset local", tree, &dry).expect_code(0);
        lab.cycle("status --check", "", &[]).expect_code(0);
        lab.cycle("reset local", tree, &["--server", server, "--yes"])
            .expect_code(0);
        lab.cycle("status --check", "", &[]).expect_code(1);
        assert_eq!(lab.settle(), all, "{hub}");
        // Everybody at once; a gateway resets itself.
        let reset = lab.cycle("reset global --json", "", &["--yes"]);
        let missing = problems(&reset, "reset.requestor-missing");
        assert_eq!(missing.len(), usize::from(hub == "EX"), "{reset}");
        assert_eq!(problems(&reset, "reset.warning"), [""; 0]);
        reset.expect_code(i32::from(hub == "EX"));
        assert_eq!(lab.settle(), all, "{hub}");
        lab.ok("recipient remove", "EX", &["bo", "--yes"]);
        assert_eq!(lab.settle().len(), all.len() - 1, "{hub}");
    }
}

// rule: exc:R-RSY-030
// rule: exc:R-RSY-031
// rule: exc:V-23
#[test]
fn q180434_the_agent_and_its_mailbags_are_made_anew() {
    let lab = Lab::new("5.5", "EX");
    let all = lab.settle();
    for name in [GATEWAY, "NET/A"] {
        lab.ok("requestor remove", "EX", &[name, "--yes"]);
        lab.ok(
            "recipient remove",
            "EX",
            &[&format!("MS:{name}/$SYSTEM"), "--yes"],
        );
    }
    lab.ok("server off", "EX", &["--yes"]);
    // SYSTEM and INQUEUE by hand, as the article has it: 560 zero bytes and nothing.
    for name in ["SYSTEM", "INQUEUE"] {
        let shadow = lab.tree.join(SHADOW);
        fs::write(shadow.join(format!("KEY/{name}.KEY")), [0; 560]).unwrap();
        fs::write(shadow.join(format!("MBG/{name}.MBG")), []).unwrap();
    }
    lab.ok("check", SHADOW, &[]);
    assert!(
        lab.tree
            .join(&format!("{SHADOW}/KEY/INQUEUE3.KEY"))
            .exists()
    );
    lab.ok("server on", "EX", &[]);
    for name in [GATEWAY, "NET/A"] {
        lab.ok("requestor add", "EX", &[name]);
    }
    let server = lab.tree.join("EX");
    lab.cycle(
        "reset local",
        "A",
        &["--server", server.to_str().unwrap(), "--yes"],
    )
    .expect_code(0);
    assert_eq!(lab.settle(), all);
}

// rule: dsp:R-EXC-001
#[test]
fn q180297_the_role_of_the_server_moves_from_a_postoffice_to_exchange() {
    let lab = Lab::new("5.5", "A");
    let all = lab.settle();
    // The old server: no role, and registered with the new one. The Exchange requestor object goes.
    lab.ok("server off", "A", &["--yes"]);
    lab.ok("server off", "EX", &["--yes"]);
    lab.ok("server on", "EX", &[]);
    for name in ["NET/A", GATEWAY] {
        lab.ok("requestor add", "EX", &[name]);
    }
    lab.ok("register", "A", &[EXCHANGE]);
    let server = lab.tree.join("EX");
    lab.cycle(
        "reset local",
        "A",
        &["--server", server.to_str().unwrap(), "--yes"],
    )
    .expect_code(0);
    assert_eq!(lab.settle(), all);
    lab.ok("user remove", "A", &["u1", "--yes"]);
    lab.bring("REQ", &request(0), Some(BROUGHT));
    let now = lab.settle();
    assert_eq!(now.len(), all.len());
    assert!(now.contains("PCM:GWISE/LIGHT/LLIGHT") && !now.contains("PCM:NET/A/U1"));
    assert!(
        lab.taken()[0]
            .attachment
            .to_uppercase()
            .contains("AVIATION/MALMO/ANNA")
    );
}

// The parts of a server and what becomes known of each when it is damaged.
// rule: exc:R-OBJ-030
// rule: exc:R-OBJ-031
#[test]
fn the_check_of_a_server_names_what_is_wrong_with_each_part() {
    let lab = Lab::new("5.5", "EX");
    lab.settle();
    let check = |damage: &dyn Fn(&TestTree), id: &str| {
        let copy = TestTree::copy_of(lab.tree.path());
        damage(&copy);
        let mut command = command("po-admin");
        command.args(["check", "--json"]).arg(copy.join("EX"));
        let report = run(&mut command);
        assert!(!problems(&report, id).is_empty(), "{id}: {report}");
        report.expect_code(1);
    };
    let edit = |path: &'static str, from: &'static str, to: &'static str| {
        move |tree: &TestTree| {
            let text = String::from_utf8(tree.read(path)).unwrap();
            assert!(text.contains(from), "{path}: {text}");
            tree.write(path, text.replace(from, to));
        }
    };
    lab.ok("check", "EX", &[]);
    let ini = "EX/DXADATA/AGENT.INI";
    check(
        &edit(ini, "[Remote Requestor A]", "[Remote Requestor B]"),
        "exchange.object-without-record",
    );
    check(
        &edit(ini, "Connector=AVIATION/MALMO", "Connector=AVIATION/OTHER"),
        "exchange.shadow",
    );
    check(&edit(ini, "[Agent]", "[Agent"), "exchange.agent-file");
    let csv = "EX/DXADATA/RECIPIENTS.CSV";
    check(
        &edit(csv, "MS:NET/A/$SYSTEM", "MS:NET/Z/$SYSTEM"),
        "exchange.hidden-recipient",
    );
    check(&edit(csv, "Obj-Class", "Class"), "exchange.recipient-row");
    let twice = |tree: &TestTree| {
        let text = String::from_utf8(tree.read(csv)).unwrap();
        let row = text.lines().find(|line| line.contains("Anna Ek")).unwrap();
        tree.write(
            csv,
            format!("{text}{}\r\n", row.replacen("anna", "annb", 1)),
        );
    };
    check(&twice, "exchange.recipient-twice");
    let table = "EX/DXADATA/XDIR.TAB";
    check(
        &edit(table, "Obj-Dist-Name", "Obj"),
        "exchange.mapping-table",
    );
    check(
        &|tree| tree.write("EX/REGISTRY.REG", "REGEDIT5"),
        "exchange.registry-value",
    );
    let lost = |tree: &TestTree| {
        for entry in fs::read_dir(tree.join("EX/MTADATA")).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains("DB0000") {
                fs::write(path, []).unwrap();
            }
        }
    };
    check(&lost, "exchange.queue-missing");
    check(
        &|tree| fs::remove_file(tree.join("EX/MTADATA/LAYOUT.TXT")).unwrap(),
        "exchange.foreign-part",
    );
    // What is wrong in the shadow postoffice is said with its path.
    let bag = format!("{SHADOW}/KEY/SYSTEM.KEY");
    check(
        &|tree| fs::remove_file(tree.join(&bag)).unwrap(),
        "mailbag.mbg-without-key",
    );
    let mut command = command("po-admin");
    command.args(["check", "--fix"]).arg(lab.tree.join("EX"));
    run(&mut command).expect_code(0);
}

// rule: exc:V-25
// rule: exc:R-MSM-007
// rule: exc:R-OBJ-021
#[test]
fn connections_and_options_of_a_server() {
    let lab = Lab::new("5.5", "EX");
    let reserved = lab.program("po-admin", "connector add", "EX", &["PROFS/PO"]);
    let said = "PROFS is a reserved network name. Enter a different name.";
    assert!(reserved.stderr.contains(said), "{reserved}");
    lab.ok("connector add", "EX", &["NET/B"]);
    let listed = lab.ok("connector list --json", "EX", &[]).json_lines();
    let names: Vec<&Value> = listed.iter().map(|one| &one["postoffice"]).collect();
    assert_eq!((names[0], names[1]), (&"NET/A".into(), &"NET/B".into()));
    assert_eq!(
        (&listed[0]["object"], &listed[1]["object"]),
        (&"A".into(), &Value::Null)
    );
    // Objects first, the connector second (Q188386).
    let refused = lab.program("po-admin", "connector remove", "EX", &["NET/A", "--yes"]);
    assert!(
        refused.stderr.contains("THE ATTRIBUTE DOES NOT EXIST"),
        "{refused}"
    );
    refused.expect_code(3);
    lab.ok("connector remove", "EX", &["NET/B", "--yes"]);
    lab.ok("requestor remove", "EX", &["NET/A", "--yes"]);
    lab.ok("connector remove", "EX", &["NET/A", "--yes"]);

    let lab = Lab::new("5.5", "A");
    let shown = |lab: &Lab| lab.ok("options --json", "EX", &[]).json()["result"].clone();
    assert_eq!(shown(&lab)["object"], "Requestor A");
    assert_eq!(shown(&lab)["address"], "PCM:AVIATION/MALMO/SYSTEM1");
    let wanted = [
        "--types",
        "PCM,SMTP",
        "--limit",
        "512",
        "--send-updates",
        "no",
        "--templates",
        "yes",
    ];
    lab.ok("options", "EX", &wanted);
    let now = shown(&lab);
    assert_eq!(now["types"], serde_json::json!(["PCM", "SMTP"]));
    assert_eq!(
        (&now["limit_kb"], &now["send_updates"], &now["updates"]),
        (&512.into(), &false.into(), &true.into())
    );
    assert_eq!(
        (&now["send_templates"], &now["receive_templates"]),
        (&true.into(), &true.into())
    );
    // Nothing of it leaves, and it takes what the others have.
    lab.cycle("run", "", &[]).expect_code(0);
    lab.cycle("run", "", &[]).expect_code(0);
    let a = lab.addresses("gal --participating --json", "A");
    assert!(!a.contains("PCM:AVIATION/MALMO/ANNA"), "{a:?}");
    let ex = lab.addresses("recipient list --participating --json", "EX");
    assert!(ex.contains("PCM:NET/A/U1"), "{ex:?}");
    lab.program("po-admin", "options", "EX", &["--keep-updates", "30"])
        .expect_code(2);
    lab.program("po-admin", "options", "EX", &["--rebuild", "yes"])
        .expect_code(2);
    lab.ok("options", "EX", &["--send-updates", "yes"]);
    lab.settle();
}

// rule: exc:R-FFA-042
#[test]
fn a_list_of_a_gateway_is_imported_and_resynchronized_like_any_other() {
    let tree = TestTree::new();
    let program = |name: &str, words: &str, place: &str, rest: &[&str]| {
        let mut command = command(name);
        command
            .args(words.split_whitespace())
            .arg(tree.path().join(place))
            .args(rest)
            .env("DIRSYNC_NOW", "1996-02-12T09:00:00Z");
        run(&mut command).expect_code(0)
    };
    program("po-admin", "init --zone UTC", "SRV", &["NET/SRV"]);
    program("po-admin", "server on", "SRV", &[]);
    program("po-admin", "gateway add", "SRV", &[GATEWAY]);
    program("po-admin", "postoffice add", "SRV", &["NET/A"]);
    program("po-admin", "requestor add", "SRV", &["NET/A"]);
    let names = tree.path().join("names.txt");
    let line = format!("A\tGina Wise\tPCM:{GATEWAY}/GINA\r\n");
    // No template data.
    fs::write(&names, line).unwrap();
    let names = names.to_str().unwrap();
    program("glb-import", "file", "SRV", &[names]);
    let out = tree.path().join("RESYNC.GLB");
    program(
        "resync-gen",
        "create",
        "SRV",
        &["--out", out.to_str().unwrap()],
    );
    let shown = program("resync-gen", "show --json", "RESYNC.GLB", &[]);
    assert!(shown.stdout.contains(GATEWAY), "{}", shown.stdout);
    let text = program("resync-gen", "show --text", "RESYNC.GLB", &[]);
    assert!(
        text.stdout.contains("Gina Wise") && text.stdout.contains("GWISE/LIGHT/GINA"),
        "{}",
        text.stdout
    );
}
