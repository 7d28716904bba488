//! A head that the machine takes is one for httparse as well.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| strongroom_tests::fuzz::head(data));
