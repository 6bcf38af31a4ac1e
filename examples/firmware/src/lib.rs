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
//! | | x86-64 | AVX-512 (`-C target-cpu=native`) | LeNet, x86-64 | LeNet, AVX-512 |
//! | --- | --- | --- | --- | --- |
//! | code, `.text` | 2,589 | 2,983 | 10,096 | 21,209 |
//! | constants, `.rodata` | 105,984 | 105,920 | 272,320 | 272,064 |
//! | of which the model | 102,656 | 102,656 | 268,672 | 268,672 |
//! | of which the picture | 3,136 | 3,136 | 3,136 | 3,136 |
//! | stack of `predict` | 1,551 | 1,423 | 24,911 | 24,783 |
//!
//! The stack contains the activations, 42 values of the digits' model and 5,888 of LeNet, rounded up to 48 and 6,144; for
//! the digits a list of 1 kB of the non-zero pixels; and the compiler's temporaries. Alignment changes it by up to 63
//! bytes.
//!
//! LeNet is `src/bin/lenet.rs`. For a Cortex-M4F, both programs are linked without an operating system, which fails if
//! anything could panic (`tests/firmware.rs`: 13,826 bytes of code for LeNet), but not run.

#![no_std]

use tuplenet::prelude::*;

/// Pixels in a row and in a column.
const SIDE: usize = 28;

tuplenet::frozen! {
    /// Classifies a digit of 28 x 28 pixels.
    pub static DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../digits.safetensors";
}

#[cfg(feature = "lenet")]
tuplenet::frozen! {
    /// Classifies a digit with LeNet; the weights are those of the file that the variable `LENET` names.
    pub static LENET: tuplenet::models::LeNet = env!("LENET");
}

/// The image that LeNet classifies: pixel `i` is `i * 7919 mod 1009`, divided by 1009.
#[cfg(feature = "lenet")]
pub static IMAGE: [[f32; SIDE]; SIDE] = {
    let mut image = [[0.0; SIDE]; SIDE];
    let mut i = 0;
    while i < SIDE * SIDE {
        image[i / SIDE][i % SIDE] = (i * 7919 % 1009) as f32 / 1009.0;
        i += 1;
    }
    image
};

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
