#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dirsync_core::fuzzing::evt(data));
