//! `Csv::records_from` on arbitrary bytes; `tests/csv/written.rs` tests the same property with fewer inputs.

#![no_main]

#[path = "../../tests/csv/oracle.rs"]
mod oracle;

// The low bit of the first byte says whether there is a header.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&first, file)) = bytes.split_first() else {
        return;
    };
    let delimiter = if first & 2 == 0 { b',' } else { b';' };
    oracle::read(file, first & 1 == 0, delimiter);
});
