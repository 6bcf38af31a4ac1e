//! `Dataset::from_idx_bytes` on any bytes; `tests/idx.rs` holds the same of fewer of them.

#![no_main]

#[path = "../../tests/idx_oracle.rs"]
mod idx_oracle;

// The first byte says where the features end and, by its highest bits, where labels start.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&first, files)) = bytes.split_first() else {
        return;
    };
    let (features, labels) = files.split_at(usize::from(first & 63).min(files.len()));
    idx_oracle::is_read(features, labels, i32::from(first >> 6));
});
