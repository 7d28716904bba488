//! Documents in HCL and JSON: places of errors, lines of names, what is printed and read again.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::document(data));
