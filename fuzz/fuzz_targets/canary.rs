//! Breaks on a simple input: proves that the fuzzer finds something.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::canary(data));
