//! Whole requests in any order, with any mishap, are answered as the model says.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::world(data));
