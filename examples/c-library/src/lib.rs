//! A digit classifier as a C library: the functions that `digits.h` declares.
//!
//! This file is what another model changes; `src/call.rs` serves any network whose sample is numbers.
//!
//! - The network and its weights file in `frozen!`, with the constants that C needs for its arrays.
//! - An image is no change: for a network `(Image<1, 28, 28>, Conv2d<1, 6, 5>, ..)`, C passes its 784 values, row by row.
//! - Classes with names: with an enum of `tuplenet::classes!` as the output, `classify` is
//!   `|model, row| model.classify(row) as usize`.
//! - The prefix `digits` is in the names here, in `cbindgen.toml` and in `Cargo.toml`, where it names the library.
//!
//! Then `HEADER=write cargo test --test header` writes the header anew, from the documentation below.

#![allow(
    unsafe_code,
    reason = "functions for C take pointers, and have names of their own"
)]

mod call;

use std::ffi::{c_char, c_int};

use tuplenet::prelude::*;

pub use crate::call::Status;
use crate::call::{one, several};

/// The pixels of a digit: 28 rows of 28, from the upper left, from 0 (background) to 1 (ink).
pub const DIGITS_PIXELS: usize = 784;
/// The classes: the digits 0 to 9.
pub const DIGITS_CLASSES: usize = 10;

/// The network.
pub type Net = (Linear<DIGITS_PIXELS, 32>, ReLU, Linear<32, DIGITS_CLASSES>);

tuplenet::frozen! {
    /// The model. It is constant, so that all functions may be called from any thread at any time.
    pub static MODEL: Net = "../../digits.safetensors";
}

/// Writes the digit that a picture shows to `digit`: the index of the largest logit, the first in a tie. If a logit is NaN, it
/// is the index of the first NaN.
///
/// `pixels_len` is `DIGITS_PIXELS`.
///
/// # Safety
/// If they are not null, `pixels` points to `pixels_len` values and `digit` to memory for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn digits_classify(
    pixels: *const f32,
    pixels_len: usize,
    digit: *mut usize,
) -> Status {
    // SAFETY: guaranteed by the caller.
    unsafe { one(&MODEL, pixels, pixels_len, digit, Frozen::classify) }
}

/// Writes the probability of each digit to `probabilities`: the softmax of the logits. All are NaN if a logit is NaN or
/// infinity.
///
/// `pixels_len` is `DIGITS_PIXELS`, `probabilities_len` is `DIGITS_CLASSES`.
///
/// # Safety
/// If they are not null, `pixels` points to `pixels_len` values and `probabilities` to memory for `probabilities_len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn digits_probabilities(
    pixels: *const f32,
    pixels_len: usize,
    probabilities: *mut f32,
    probabilities_len: usize,
) -> Status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        several(
            &MODEL,
            pixels,
            pixels_len,
            probabilities,
            probabilities_len,
            Frozen::probabilities,
        )
    }
}

/// Writes the logit of each digit to `logits`.
///
/// `pixels_len` is `DIGITS_PIXELS`, `logits_len` is `DIGITS_CLASSES`.
///
/// # Safety
/// If they are not null, `pixels` points to `pixels_len` values and `logits` to memory for `logits_len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn digits_logits(
    pixels: *const f32,
    pixels_len: usize,
    logits: *mut f32,
    logits_len: usize,
) -> Status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        several(
            &MODEL,
            pixels,
            pixels_len,
            logits,
            logits_len,
            Frozen::predict,
        )
    }
}

/// What a status means, in English: a constant string, also for a number that is none.
#[unsafe(no_mangle)]
pub extern "C" fn digits_error_message(status: c_int) -> *const c_char {
    // A number and not a `Status`, as C may pass any.
    let known = Status::ALL.into_iter().find(|&it| it as c_int == status);
    known
        .map_or(c"no status of this library", Status::message)
        .as_ptr()
}

/// The version of this library, `MAJOR.MINOR.PATCH`: a constant string.
#[unsafe(no_mangle)]
pub extern "C" fn digits_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
