//! A WebAssembly module with a wider network than the page's, and with the functions of the page's module that
//! `contender.mjs` calls.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "names for JavaScript to call")]

use std::{cell::RefCell, hint::black_box};

use tuplenet::models::MnistClassifier;

tuplenet::frozen! {
    /// With the weights that `native models` writes into the folder that the variable names.
    static NET: MnistClassifier<128> = concat!(env!("TUPLENET_WEB_BENCH"), "/784-128-10.safetensors");
}

thread_local! {
    static PIXELS: RefCell<[f32; 784]> = const { RefCell::new([0.0; 784]) };
    static LOGITS: RefCell<[f32; 10]> = const { RefCell::new([0.0; 10]) };
}

/// Where the digit is that the network reads, `[28, 28]`.
#[unsafe(no_mangle)]
pub extern "C" fn pixels() -> *mut f32 {
    PIXELS.with(|pixels| pixels.as_ptr().cast())
}

/// Where the logits are, `[10]`.
#[unsafe(no_mangle)]
pub extern "C" fn logits() -> *const f32 {
    LOGITS.with(|logits| logits.as_ptr().cast_const().cast())
}

/// Computes the logits `times` times.
#[unsafe(no_mangle)]
pub extern "C" fn predict(times: u32) {
    PIXELS.with_borrow(|pixels| {
        for _ in 0..times {
            LOGITS.set(NET.predict(black_box(pixels)));
        }
    });
}
