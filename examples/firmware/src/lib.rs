//! A digit and the model that classifies it: the data that a microcontroller would keep in flash.
//!
//! `src/main.rs` is the program: no `std`, no allocator, no panic; its exit code is the digit. It is built for
//! the host, so that anyone can run it; from the C library it only needs the startup code.
//!
//! ```text
//! cargo run --release; echo $?
//! ```
//!
//! Measured by `scripts/firmware` (Rust 1.95, `opt-level = 3`, bytes):
//!
//! | | x86-64 | AVX-512 (`-C target-cpu=native`) |
//! | --- | --- | --- |
//! | code, `.text` | 2,841 | 3,299 |
//! | constants, `.rodata` | 105,792 | 105,856 |
//! | of which the model | 102,592 | 102,592 |
//! | of which the picture | 3,136 | 3,136 |
//! | stack of `predict` | 1,743 | 1,383 |
//!
//! The stack contains twice the widest layer, 32 values; a list of 1 kB of the non-zero pixels; and the compiler's
//! temporaries. Alignment changes it by up to 63 bytes.
//!
//! For a Cortex-M4F, `cargo build --release --lib --target thumbv7em-none-eabihf` has been built, but not run.

#![no_std]

use tuplenet::prelude::*;

/// Pixels in a row and in a column.
const SIDE: usize = 28;

tuplenet::frozen! {
    /// Classifies a digit of 28 x 28 pixels.
    pub static DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../digits.safetensors";
}

/// The digit to classify.
pub static PICTURE: [f32; SIDE * SIDE] = pixels([
    "                            ",
    "                            ",
    "                            ",
    "        ###########         ",
    "       ####     ####        ",
    "                ####        ",
    "               ####         ",
    "          #######           ",
    "               ####         ",
    "                ####        ",
    "       ####     ####        ",
    "        ###########         ",
    "                            ",
    "                            ",
]);

/// Converts a character drawing to pixels; characters are about twice as high as wide, so each is two pixels, one above
/// the other.
const fn pixels(picture: [&str; SIDE / 2]) -> [f32; SIDE * SIDE] {
    let mut pixels = [0.0; SIDE * SIDE];
    let mut i = 0;
    while i < pixels.len() {
        let line = picture[i / SIDE / 2].as_bytes();
        assert!(line.len() == SIDE);
        if line[i % SIDE] != b' ' {
            pixels[i] = 1.0;
        }
        i += 1;
    }
    pixels
}
