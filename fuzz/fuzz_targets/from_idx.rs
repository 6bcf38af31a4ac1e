//! `Dataset::from_idx_bytes` on arbitrary bytes; `tests/idx.rs` tests the same property with fewer inputs.

#![no_main]

#[path = "../../tests/idx_oracle.rs"]
mod idx_oracle;

// The low six bits of the first byte are the length of the features file, its high two bits the first label.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&first, files)) = bytes.split_first() else {
        return;
    };
    let (features, labels) = files.split_at(usize::from(first & 63).min(files.len()));
    idx_oracle::is_read(features, labels, i32::from(first >> 6));
});
