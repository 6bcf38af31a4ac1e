//! Diagnoses one tumour from 30 raw measurements and returns the class as its exit code: 0 for malignant, 1 for benign.
//!
//! ```text
//! cargo run --release --bin diagnose; echo $?
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

use firmware::{Diagnosis, TUMOUR, TUMOURS};

/// The entry point called by the C library.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    match TUMOURS.classify(black_box(&TUMOUR)) {
        Diagnosis::Malignant => 0,
        Diagnosis::Benign => 1,
    }
}
