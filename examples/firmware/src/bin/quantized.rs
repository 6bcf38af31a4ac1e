//! Classifies the digit of `src/main.rs` with a model of eight bits, and returns the class as its exit code.
//!
//! ```text
//! cargo run --release --bin quantized; echo $?
//! ```
#![no_std]
#![no_main]
#![allow(
    unsafe_code,
    reason = "the C library's `abort`, and a name for it to call"
)]

#[path = "../panic.rs"]
mod panic;

use core::{ffi::c_int, hint::black_box};

use firmware::{EIGHT_BIT_DIGITS, PICTURE};

/// The entry point called by the C library.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    EIGHT_BIT_DIGITS.classify(black_box(&PICTURE)) as c_int
}
