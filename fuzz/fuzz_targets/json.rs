//! JSON bodies: stable canonical text, agreement with serde_json, limits.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::json(data));
