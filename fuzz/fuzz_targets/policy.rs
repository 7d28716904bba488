//! No document breaks the reader, and rights are what a naive matcher says.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::policy(data));
