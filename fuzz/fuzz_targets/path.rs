//! Every spelling of a target means what a naive reader says.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::path(data));
