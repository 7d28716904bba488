//! Records of the seal mean one thing or nothing, whatever their bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::record(data));
