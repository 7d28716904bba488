//! No spelling of a path that is denied reaches what is there.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::spelling(data));
