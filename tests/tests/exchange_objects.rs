//! Objects, roles and registry values of an Exchange server, with the built programs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use dirsync_tests::exchange::{SHADOW, cycle, exchange_and_a, po};
use dirsync_tests::{TestTree, command, differences, run, snapshot};
use serde_json::Value;

const INIT: &str =
    "init-exchange --org Aviation --site Malmo --server MALMO1 --zone UTC --connector";

fn recipients(ex: &Path) -> Vec<Value> {
    let mut list = po("recipient list --json", ex, &[])
        .expect_code(0)
        .json_lines();
    list.pop();
    list
}

fn events(ex: &Path) -> Vec<u64> {
    let mut lines = cycle("events --json", ex, 9, &[])
        .expect_code(0)
        .json_lines();
    lines.pop();
    lines
        .iter()
        .map(|line| line["id"].as_u64().unwrap())
        .collect()
}

// rule: exc:V-23
// rule: exc:R-RSY-030
// rule: exc:R-RSY-031
// rule: exc:R-OBJ-025
#[test]
fn a_new_server_has_the_empty_mailbags_of_dirsync() {
    let tree = TestTree::new();
    let ex = tree.path().join("EX");
    // Names of networks and postoffices have ten characters, whatever organization and site are.
    po(&format!("{INIT} AVIATIONINC/MALMO"), &ex, &[]).expect_code(2);
    po(&format!("{INIT} AVIATION/MALMO"), &ex, &[]).expect_code(0);
    for bag in ["SYSTEM", "INQUEUE", "INQUEUE3"] {
        let shadow = ex.join(SHADOW);
        let key = fs::read(shadow.join(format!("KEY/{bag}.KEY"))).unwrap();
        assert_eq!(key, [0; 0x230], "{bag}");
        assert!(
            fs::read(shadow.join(format!("MBG/{bag}.MBG")))
                .unwrap()
                .is_empty()
        );
    }
}

// rule: exc:O-01
// rule: exc:R-DXA-011
// rule: exc:R-DXA-012
// rule: exc:O-15
#[test]
fn a_server_without_a_role_pauses_for_nothing_and_has_one_role_at_most() {
    let tree = TestTree::new();
    let ex = tree.path().join("EX");
    po(&format!("{INIT} AVIATION/MALMO --profile 5.0"), &ex, &[]).expect_code(0);
    let before = snapshot(&ex);
    let nothing = cycle("pause --json", &ex, 9, &[]).expect_code(1).json();
    assert!(nothing["result"]["ran"].is_null());
    assert_eq!(nothing["problems"][0]["id"], "exchange.no-role");
    assert_eq!(snapshot(&ex), before);
    po("server on", &ex, &[]).expect_code(0);
    po("register", &ex, &["NET/A"]).expect_code(3);
    // 5.0 needs no value.
    let ran = cycle("pause --json", &ex, 9, &[]).expect_code(0).json();
    assert_eq!(ran["result"]["ran"], "T2");
}

// rule: exc:R-OBJ-022
// rule: exc:R-IN-062
#[test]
fn a_server_that_becomes_a_requestor_writes_from_system1_and_keeps_its_recipients() {
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let ex = site.join("EX");
    cycle("run", site, 9, &[]).expect_code(0);
    let address = |ini: &str| {
        ini.lines()
            .find(|line| line.starts_with("Address="))
            .map(str::to_owned)
    };
    let ini = || fs::read_to_string(ex.join("DXADATA/AGENT.INI")).unwrap();
    assert_eq!(address(&ini()).unwrap(), "Address=$SYSTEM");
    let names = |ex: &Path| -> Vec<Value> {
        recipients(ex)
            .iter()
            .map(|r| r["directory_name"].clone())
            .collect()
    };
    let before = names(&ex);
    assert!(before.len() > 1);
    po("server off --yes", &ex, &[]).expect_code(0);
    po("register", &ex, &["NET/A"]).expect_code(0);
    assert_eq!(address(&ini()).unwrap(), "Address=SYSTEM1");
    assert_eq!(names(&ex), before);
}

// rule: exc:R-OBJ-032
// rule: exc:R-OBJ-033
#[test]
fn the_hidden_recipient_stays_and_serves_an_object_made_anew() {
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let ex = site.join("EX");
    let hidden = || -> Vec<Value> {
        recipients(&ex)
            .into_iter()
            .filter(|r| r["hidden"] == true)
            .collect()
    };
    let one = hidden();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["target"], "MS:NET/A/$SYSTEM");
    po("requestor remove", &ex, &["NET/A", "--yes"]).expect_code(0);
    assert_eq!(hidden(), one);
    po("requestor add", &ex, &["NET/A"]).expect_code(0);
    assert_eq!(hidden(), one);
    cycle("run", site, 9, &[]).expect_code(0);
}

// rule: exc:R-IN-003
// rule: exc:O-04
#[test]
fn two_requests_with_lost_numbers_bring_all_lists() {
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let (ex, a) = (site.join("EX"), site.join("A"));
    po("recipient add", &ex, &["bo", "--name", "Bo"]).expect_code(0);
    cycle("run", site, 9, &[]).expect_code(0);
    let old = fs::read(a.join("GLB/REQCONF.GLB")).unwrap();
    for (hour, name) in [(10, "cid"), (11, "dan")] {
        po("recipient add", &ex, &[name, "--name", name]).expect_code(0);
        cycle("run", site, hour, &[]).expect_code(0);
    }
    // A copy from before comes back: its request names numbers below what it has confirmed.
    fs::write(a.join("GLB/REQCONF.GLB"), old).unwrap();
    let ask = |hour| {
        cycle("t1", &a, hour, &[]);
        cycle("deliver", site, hour, &[]).expect_code(0);
        cycle("t2 --json", &ex, hour, &[]).json()
    };
    let first = ask(12);
    assert!(!events(&ex).contains(&220));
    assert!(!first.to_string().contains("Import Reply"), "{first}");
    let second = ask(13);
    let seen = events(&ex);
    let at = seen.iter().position(|&id| id == 220).unwrap();
    assert_eq!(seen[at + 1], 221);
    assert!(second.to_string().contains("\"import\":true"), "{second}");
    // With the lists everything is in step again.
    cycle("deliver", site, 14, &[]).expect_code(0);
    cycle("t3", &a, 14, &[]);
    cycle("run", site, 15, &[]).expect_code(0);
    cycle("status --check", site, 15, &[]).expect_code(0);
    assert_eq!(events(&ex).iter().filter(|&&id| id == 220).count(), 1);
}

// rule: exc:R-REG-07
// rule: exc:R-REG-08
// rule: exc:R-REG-09
// rule: exc:R-REG-10
// rule: exc:R-REG-11
#[test]
fn the_address_map_of_the_registry_makes_the_proxies() {
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let ex = site.join("EX");
    fs::write(ex.join("DXADATA/MY_MAP.CFG"), "net/a abc.com\r\n\r\n").unwrap();
    for (name, value) in [
        ("SMTPDomain", "xyz.com"),
        (
            "AddressMappingFileName",
            "c:\\exchsrvr\\imcdata\\my_map.cfg",
        ),
        ("SMTPPrimaryProxy", "3"),
        ("DXADataPath", "d:\\dxa"),
    ] {
        po("registry set", &ex, &[name, value]).expect_code(0);
    }
    cycle("run", site, 9, &[]).expect_code(0);
    let proxies = |alias: &str| {
        let list = recipients(&ex);
        let one = list.iter().find(|r| r["alias"] == alias).unwrap();
        one["proxies"].to_string()
    };
    assert!(
        proxies("ann").contains("SMTP:ann@abc.com"),
        "{}",
        proxies("ann")
    );
    assert!(!proxies("ann").contains("xyz.com"));
    // A second one of that alias: its address is taken, unless it may be made unique.
    po(
        "recipient add",
        &ex,
        &["eve2", "--name", "Eve", "--address", "SMTP:eve@abc.com"],
    )
    .expect_code(0);
    let told = cycle("start --json", &ex, 10, &[]).json().to_string();
    assert!(
        told.contains("empty lines") && told.contains("DXADataPath"),
        "{told}"
    );
    // Without the domain the map is off.
    po("registry unset", &ex, &["SMTPDomain"]).expect_code(0);
    po("user add", &site.join("A"), &["bea", "--name", "Bea"]).expect_code(0);
    cycle("run", site, 11, &[]).expect_code(0);
    assert!(!proxies("bea").contains("abc.com"), "{}", proxies("bea"));
}

// rule: exc:R-DXA-023
#[test]
fn a_start_that_fails_says_so_and_ends_as_a_failure() {
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let ex = site.join("EX");
    fs::write(ex.join("DXADATA/AGENT.INI"), b"no section\n").unwrap();
    let failed = cycle("start", &ex, 9, &[]).expect_code(5);
    assert!(failed.stderr.contains("AGENT.INI"), "{failed}");
    assert!(!failed.to_string().contains("2140"), "{failed}");
}

// rule: exc:R-RSY-002
// rule: exc:R-RSY-003
// rule: imp:R-RSX-003
#[test]
fn one_resync_file_serves_several_requestors() {
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let ex = site.join("EX");
    po("init --zone UTC", &site.join("B"), &["NET/B"]).expect_code(0);
    po("postoffice add", &ex.join(SHADOW), &["NET/B"]).expect_code(0);
    po("postoffice add", &site.join("B"), &["AVIATION/MALMO"]).expect_code(0);
    po("requestor add", &ex, &["NET/B"]).expect_code(0);
    po("register", &site.join("B"), &["AVIATION/MALMO"]).expect_code(0);
    po("recipient add", &ex, &["bo", "--name", "Bo"]).expect_code(0);
    cycle("run", site, 9, &[]).expect_code(0);
    po("registry set", &ex, &["ResyncConnectionRDNs", "A", "B"]).expect_code(0);
    cycle("start", &ex, 10, &[]).expect_code(0);
    assert!(events(&ex).contains(&9008));
    cycle("run", site, 11, &[]).expect_code(0);
    for name in ["A", "B"] {
        let place = site.join(name).join("GLB/RESYNC.GLB");
        fs::copy(ex.join("DXADATA/RESYNC.GLB"), place).unwrap();
        let mut import = command("glb-import");
        import.arg("queue").arg(site.join(name));
        run(&mut import).expect_code(0);
    }
    cycle("run", site, 12, &[]).expect_code(0);
    cycle("status --check", site, 12, &[]).expect_code(0);
}

// rule: exc:O-02
#[test]
fn a_flagged_requestor_is_answered_with_all_lists_without_having_asked() {
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let ex = site.join("EX");
    po("recipient add", &ex, &["bo", "--name", "Bo"]).expect_code(0);
    cycle("run", site, 9, &[]).expect_code(0);
    // Nobody asks: nobody is answered.
    let quiet = cycle("t2 --json", &ex, 10, &[]).expect_code(0).json();
    assert!(!quiet.to_string().contains("\"import\":true"), "{quiet}");
    po("requestor export", &ex, &["NET/B"]).expect_code(2);
    po("requestor export", &ex, &["NET/A"]).expect_code(0);
    let t2 = cycle("t2 --json", &ex, 11, &[]).expect_code(0).json();
    assert!(t2.to_string().contains("\"import\":true"), "{t2}");
    let again = cycle("t2 --json", &ex, 12, &[]).expect_code(0).json();
    assert!(!again.to_string().contains("\"import\":true"), "{again}");
    cycle("run", site, 13, &[]).expect_code(0);
    cycle("status --check", site, 13, &[]).expect_code(0);
}

// rule: exc:O-09
#[test]
fn unknown_bits_of_the_flags_stay() {
    use dirsync::core::format::FixedRecord as _;
    use dirsync::core::format::srvconf::{SrvConfHeader, SrvConfRecord};
    let tree = TestTree::new();
    let site = tree.path();
    exchange_and_a(site);
    let ex = site.join("EX");
    let file = ex.join("DXADATA/SRVCONF.GLB");
    let mut bytes = fs::read(&file).unwrap();
    let flags = 0xA5C3_96B4u32;
    let place = SrvConfHeader::SIZE + 228;
    bytes[place..place + 4].copy_from_slice(&flags.to_le_bytes());
    fs::write(&file, bytes).unwrap();
    cycle("run", site, 9, &[]).expect_code(0);
    let secret = site.join("secret");
    fs::write(&secret, "word\n").unwrap();
    let rest = ["NET/A", "--password-file", secret.to_str().unwrap()];
    po("requestor modify", &ex, &rest).expect_code(0);
    po("requestor export", &ex, &["NET/A"]).expect_code(0);
    cycle("t2", &ex, 10, &[]).expect_code(0);
    let bytes = fs::read(&file).unwrap();
    let record =
        SrvConfRecord::decode(&bytes[SrvConfHeader::SIZE..SrvConfHeader::SIZE + 1024]).unwrap();
    assert_eq!(record.dxa_flags.get(), flags);
}

#[test]
fn check_fix_of_a_server_mends_its_shadow_postoffice() {
    let tree = TestTree::new();
    let (site, ex) = (tree.path(), tree.path().join("EX"));
    exchange_and_a(site);
    po("check", &ex, &[]).expect_code(0);
    let missing = ex.join(SHADOW).join("ATT/AT8");
    fs::remove_dir_all(&missing).unwrap();
    let seen = po("check", &ex, &[]).expect_code(1);
    assert!(seen.stdout.contains("directory.missing") && seen.stdout.contains("--fix mends 1"));
    let before = snapshot(&ex);
    let would = po("check --fix --dry-run --json", &ex, &[])
        .expect_code(1)
        .json();
    let plan = &would["result"]["fix"]["plan"];
    let wanted = format!("{SHADOW}/ATT/AT8");
    let paths = plan.as_array().unwrap().iter();
    assert!(paths.clone().count() > 0, "{would}");
    for step in paths {
        assert!(
            step["path"].as_str().unwrap().starts_with(&wanted),
            "{step}"
        );
    }
    assert_eq!(snapshot(&ex), before);
    let mended = po("check --fix", &ex, &[]).expect_code(0);
    assert!(mended.stdout.contains("nothing left wrong"), "{mended}");
    assert!(missing.join("POPULATE.MSM").is_file());
    let before = snapshot(&ex);
    po("check --fix", &ex, &[]).expect_code(0);
    let mut changed = differences(&before, &snapshot(&ex));
    changed.retain(|line| !line.contains("TREE.LCK"));
    assert!(changed.is_empty(), "{changed:#?}");
    // A part that is not ours is not written.
    fs::remove_file(ex.join("DXADATA/LAYOUT.TXT")).unwrap();
    po("check --fix", &ex, &[]).expect_code(3);
}

#[test]
fn a_value_that_nobody_knows_is_not_unset() {
    let tree = TestTree::new();
    let ex = tree.path().join("EX");
    exchange_and_a(tree.path());
    let before = snapshot(&ex);
    let refused = po("registry unset", &ex, &["nonsense"]).expect_code(2);
    assert!(refused.stderr.contains("PauseKicksDX"), "{refused}");
    assert_eq!(snapshot(&ex), before);
    // A known one that is not set is no mistake; an unknown one that is set can go.
    po("registry unset", &ex, &["SMTPDomain"]).expect_code(0);
    let file = ex.join("REGISTRY.REG");
    let text = fs::read_to_string(&file).unwrap();
    let odd = text.replacen(
        r"MSExchangeDX]",
        "MSExchangeDX]\r\n\"Odd\"=dword:00000001",
        1,
    );
    assert_ne!(odd, text);
    fs::write(&file, odd).unwrap();
    let shown = po("registry get --json", &ex, &["Odd"]).expect_code(0);
    assert_eq!(shown.json_lines()[0]["data"], 1, "{shown}");
    po("registry unset", &ex, &["Odd"]).expect_code(0);
    po("registry unset", &ex, &["Odd"]).expect_code(2);
}

#[test]
fn gateways_of_a_server_are_those_of_its_shadow_postoffice() {
    let tree = TestTree::new();
    let ex = tree.path().join("EX");
    exchange_and_a(tree.path());
    po("gateway add", &ex, &["GWISE/LIGHT"]).expect_code(0);
    let (here, there) = (ex.clone(), ex.join(SHADOW));
    for place in [here, there] {
        let listed = po("gateway list --json", &place, &[])
            .expect_code(0)
            .json_lines();
        assert_eq!(listed[0]["postoffice"], "GWISE/LIGHT", "{listed:?}");
    }
    po("gateway remove", &ex, &["GWISE/LIGHT", "--yes"]).expect_code(0);
}

// A postoffice refuses such a requestor with notice 42; here the connection may come later.
#[test]
fn a_party_that_nothing_leads_to_is_said_when_it_gets_its_role() {
    let site = TestTree::new();
    let ex = site.join("EX");
    let init = "init-exchange --org O --site S --server SRV1 --connector NET/EXCON --zone UTC";
    po(init, &ex, &[]).expect_code(0);
    po("server on", &ex, &[]).expect_code(0);
    let told = po("requestor add", &ex, &["NET/RA"]).expect_code(0);
    assert!(
        told.stdout.contains("nothing leads to NET/RA yet")
            && told.stdout.contains("connector add"),
        "{told}"
    );
    // The other order, and a gateway: nothing to say.
    po("connector add", &ex, &["NET/RB"]).expect_code(0);
    po("gateway add", &ex, &["GWISE/LIGHT"]).expect_code(0);
    for name in ["NET/RB", "GWISE/LIGHT"] {
        let told = po("requestor add", &ex, &[name]).expect_code(0);
        assert!(!told.stdout.contains("nothing leads"), "{told}");
    }
}
