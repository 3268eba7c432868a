#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dirsync_tree::fuzzing::journal(data));
