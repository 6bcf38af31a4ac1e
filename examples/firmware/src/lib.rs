//! A digit and the model that classifies it, and likewise a tumour: the data that a microcontroller would keep in flash.
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
//! LeNet is `src/bin/lenet.rs`, a review as a `&str` `src/bin/sentiment.rs`. The tumour is `src/bin/diagnose.rs`: 1,734
//! bytes of code and a model of 3,520 on x86-64. For a Cortex-M4F, the programs are linked without an operating system,
//! which fails if anything could panic (`tests/firmware.rs`: 13,826 bytes of code for LeNet).
//!
//! `src/bin/chip.rs` is the digit's program for a Cortex-M4, with startup code and output, and runs in QEMU
//! (`tests/firmware/chip.rs`). Its logits have the bits of the host's:
//!
//! | | `thumbv7em-none-eabi`, floats in software | `thumbv7em-none-eabihf`, FPU |
//! | --- | --- | --- |
//! | flash: `.vector_table`, `.text`, `.rodata` | 1,024 + 8,068 + 105,856 | 1,024 + 6,288 + 105,856 |
//! | RAM: `.data` and `.bss` | 4 | 4 |
//! | stack, from the startup code to the end of `predict` | 1,880 | 1,736 |
//! | instructions of `predict` | 605,845 | 27,011 |

#![no_std]

#[cfg(feature = "text")]
pub mod sentiment;

use tuplenet::prelude::*;

/// Pixels in a row and in a column.
const SIDE: usize = 28;

tuplenet::frozen! {
    /// Classifies a digit of 28 x 28 pixels.
    pub static DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../digits.safetensors";
}

tuplenet::quantized! {
    /// The same in eight bits.
    pub static EIGHT_BIT_DIGITS: (Linear<784, 32>, ReLU, Linear<32, 10>) = "../../digits-int8.safetensors";
}

tuplenet::classes! {
    /// What a tumour of the breast is.
    pub enum Diagnosis {
        /// Cancer.
        Malignant = "M",
        /// No cancer.
        Benign = "B",
    }
}

tuplenet::frozen! {
    /// Tells malignant tumours from benign ones by 30 measurements, of which it takes the raw values: the network that
    /// `examples/diagnose` saves, with its standardisation and the names of its classes.
    pub static TUMOURS: (
        Standardize<30>,
        Linear<30, 16>,
        ReLU,
        Dropout<30>,
        Linear<16, 2>,
        Logits<Diagnosis>,
    ) = "../../diagnose.safetensors";
}

/// The first tumour of `examples/data/breast-cancer-wisconsin.csv`, which is malignant.
pub static TUMOUR: [f32; 30] = [
    17.99, 10.38, 122.8, 1001.0, 0.1184, 0.2776, 0.3001, 0.1471, 0.2419, 0.07871, 1.095, 0.9053,
    8.589, 153.4, 0.006399, 0.04904, 0.05373, 0.01587, 0.03003, 0.006193, 25.38, 17.33, 184.6,
    2019.0, 0.1622, 0.6656, 0.7119, 0.2654, 0.4601, 0.1189,
];

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
