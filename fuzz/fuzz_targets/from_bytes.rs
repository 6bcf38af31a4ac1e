//! `Frozen::from_bytes` on arbitrary bytes; `tests/reader.rs` tests the same property with fewer inputs.

#![no_main]

#[path = "../../tests/oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    oracle::is_read(file, ["0", "2"]);
    oracle::is_read(file, ["fc1", "fc2"]);
});
