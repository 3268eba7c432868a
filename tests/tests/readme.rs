//! The console blocks of README.md print what they say.
#![cfg(unix)]

use std::fs;

use dirsync_tests::{TestTree, program, workspace};

#[test]
fn the_tour_prints_what_it_says() {
    let dir = TestTree::new();
    // The commands run in README.in, beside the copy.
    fs::create_dir(dir.join("README.in")).unwrap();
    fs::copy(workspace().join("README.md"), dir.join("README.md")).unwrap();
    let cases = trycmd::TestCases::new();
    for name in ["po-admin"] {
        cases.register_bin(name, program(name));
    }
    cases.register_bin("rm", std::path::Path::new("/bin/rm"));
    cases.env("COLUMNS", "100").env("NO_COLOR", "1");
    cases.case(dir.join("README.md"));
    cases.run();
    // With TRYCMD=overwrite the copy holds what was printed: take it over.
    if std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite") {
        fs::copy(dir.join("README.md"), workspace().join("README.md")).unwrap();
    }
}
