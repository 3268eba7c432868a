//! Exchange servers made and driven with the built programs.

use std::path::Path;

use crate::{Output, command, run};

/// The shadow postoffice of a server.
pub const SHADOW: &str = "CONNECT/MSMCON/MAILDATA";

/// `po-admin WORDS TREE REST`.
pub fn po(words: &str, tree: &Path, rest: &[&str]) -> Output {
    let mut command = command("po-admin");
    command.args(words.split_whitespace()).arg(tree).args(rest);
    run(&mut command)
}

/// `dxa-cycle WORDS PLACE REST`, at this hour of one day.
pub fn cycle(words: &str, place: &Path, hour: u32, rest: &[&str]) -> Output {
    let mut command = command("dxa-cycle");
    command
        .args(words.split_whitespace())
        .arg(place)
        .args(rest)
        .env("DIRSYNC_NOW", format!("1997-03-01T{hour:02}:00:00Z"));
    run(&mut command)
}

/// EX, AVIATION/MALMO, is the directory server of the postoffice A, NET/A, which has one user and has
/// exported.
pub fn exchange_and_a(site: &Path) {
    let (ex, a) = (site.join("EX"), site.join("A"));
    let init = "init-exchange --org Aviation --site Malmo --server MALMO1 --zone UTC --connector";
    let ok = |words: &str, tree: &Path, rest: &[&str]| {
        po(words, tree, rest).expect_code(0);
    };
    ok(&format!("{init} AVIATION/MALMO"), &ex, &[]);
    ok("server on", &ex, &[]);
    ok("init --zone UTC", &a, &["NET/A"]);
    ok("user add", &a, &["ann", "--name", "Ann"]);
    ok("postoffice add", &ex.join(SHADOW), &["NET/A"]);
    ok("postoffice add", &a, &["AVIATION/MALMO"]);
    ok("requestor add", &ex, &["NET/A"]);
    ok("register", &a, &["AVIATION/MALMO"]);
    ok("export", &a, &[]);
}
