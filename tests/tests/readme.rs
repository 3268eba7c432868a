//! The console blocks of README.md print what they say.
#![cfg(unix)]

use std::fs;

use dirsync_tests::{TestTree, for_readers, for_trycmd, program, workspace};

#[test]
fn the_tour_prints_what_it_says() {
    let dir = TestTree::new();
    let readme = workspace().join("README.md");
    let text = fs::read_to_string(&readme).unwrap();
    assert_eq!(for_readers(&for_trycmd(&text)), text);
    // The commands run in README.in, beside the copy.
    fs::create_dir_all(dir.join("README.in/SITE")).unwrap();
    dir.write("README.md", for_trycmd(&text));
    let cases = trycmd::TestCases::new();
    cases.register_bin("po-admin", program("po-admin"));
    cases.register_bin("dxa-cycle", program("dxa-cycle"));
    cases.register_bin("rm", std::path::Path::new("/bin/rm"));
    cases.env("COLUMNS", "100").env("NO_COLOR", "1");
    cases.case(dir.join("README.md"));
    cases.run();
    // With TRYCMD=overwrite the copy holds what was printed: take it over.
    if std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite") {
        let printed = fs::read_to_string(dir.join("README.md")).unwrap();
        fs::write(readme, for_readers(&printed)).unwrap();
    }
}
