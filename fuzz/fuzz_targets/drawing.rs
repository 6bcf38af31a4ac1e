//! `mnist_format::of_drawing` on any bytes as a drawing; `tests/mnist_format.rs` tests the same property with fewer inputs.

#![no_main]

#[path = "../../tests/drawing_oracle.rs"]
mod drawing_oracle;

// The first byte is the width.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((&width, grey)) = bytes.split_first() {
        drawing_oracle::has_digit(grey, width.into());
    }
});
