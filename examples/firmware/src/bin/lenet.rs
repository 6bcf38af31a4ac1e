//! Classifies one image with LeNet and returns the class as its exit code.
//!
//! `LENET=weights.safetensors cargo run --release --features lenet --bin lenet; echo $?`
#![no_std]
#![no_main]
#![allow(
    unsafe_code,
    reason = "the C library's `abort`, and a name for it to call"
)]

#[path = "../panic.rs"]
mod panic;

use core::{ffi::c_int, hint::black_box};

use firmware::{IMAGE, LENET};

/// The entry point called by the C library.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    LENET.classify(black_box(&IMAGE)) as c_int
}
