//! Shares are split and combined as by a table of logarithms.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::shares(data));
