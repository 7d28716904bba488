//! The connection machine takes any bytes, whole and in pieces.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::conn(data));
