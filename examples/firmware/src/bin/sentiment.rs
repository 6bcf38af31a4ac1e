//! Reads a review and returns its class as its exit code: 0 for negative, 1 for positive.
//!
//! ```text
//! cargo run --release --features text --bin sentiment; echo $?
//! ```
//!
//! The crate `unicode-segmentation`, which finds the words, has code that could panic; nothing else here has.
#![no_std]
#![no_main]
#![allow(
    unsafe_code,
    reason = "the C library's `abort`, and a name for it to call"
)]

#[path = "../panic.rs"]
mod panic;

use core::{ffi::c_int, hint::black_box};

use firmware::sentiment::{REVIEWS, Sentiment, WORDS};

/// The entry point called by the C library.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    let review = black_box("The plot was far from boring, and the music never dull.");
    match REVIEWS.classify(&WORDS.tokens(review)) {
        Sentiment::Negative => 0,
        Sentiment::Positive => 1,
    }
}
