//! Classifies one digit and returns the class as its exit code.
#![no_std]
#![no_main]
#![allow(
    unsafe_code,
    reason = "the C library's `abort`, and a name for it to call"
)]

mod panic;

use core::{ffi::c_int, hint::black_box};

use firmware::{DIGITS, PICTURE};

/// The entry point called by the C library.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    DIGITS.classify(black_box(&PICTURE)) as c_int
}
