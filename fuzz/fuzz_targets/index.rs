//! The index of a folder holds what a sorted set holds, in every order.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::index(data));
