//! A digit and the model that reads it: what a microcontroller would keep in flash.
//!
//! `src/main.rs` is the program: no `std`, no allocator, no panic; its exit code is the digit. It is built for
//! the machine at hand, so that anyone can run it; of its C library it needs the start alone.
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
//! The stack is twice the widest layer, 32 values; a list of 1 kB of the pixels that are not 0; and what the
//! compiler lays there beside. Alignment makes it up to 63 bytes more or less.
//!
//! For a Cortex-M4F, `cargo build --release --lib --target thumbv7em-none-eabihf` has been built, but not run.

#![no_std]

use tuplenet::prelude::*;

/// Pixels in a row and in a column.
const SIDE: usize = 28;

tuplenet::frozen! {
    /// Reads a digit of 28 x 28 pixels.
    pub static DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../digits.safetensors";
}

/// The digit to read.
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

/// A picture in characters, which are about twice as high as wide: each is a pixel and the one below it.
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
