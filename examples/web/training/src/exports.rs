//! What the page calls: [`begin`], then [`epoch`] any number of times, after each of which the weights are where [`weights`]
//! says. It gives the functions `page.progress` and `page.failed`.

#![allow(
    unsafe_code,
    reason = "functions of JavaScript, and names for it to call"
)]

use std::cell::RefCell;

use tuplenet::{Error, Weights, engine::Processor};

use crate::{Net, Training};

#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// After some steps: their number since the start, and the last batch's loss.
    safe fn progress(steps: f64, loss: f32);
    /// The message of an error, in UTF-8.
    safe fn failed(message: *const u8, length: usize);
}

thread_local! {
    static TRAINING: RefCell<Option<Training>> = const { RefCell::new(None) };
    static WEIGHTS: RefCell<Option<Weights<Net>>> = const { RefCell::new(None) };
}

/// Starts a training. Returns whether that succeeded.
#[unsafe(no_mangle)]
pub extern "C" fn begin() -> bool {
    let begun = Training::begin(Processor::detect());
    let begun = begun.and_then(|training| {
        WEIGHTS.set(Some(training.weights()?));
        Ok(training)
    });
    let begun = begun.map_err(tell).ok();
    let has_begun = begun.is_some();
    TRAINING.set(begun);
    has_begun
}

/// Trains one epoch. Returns the accuracy after it, or NaN where it failed.
#[unsafe(no_mangle)]
pub extern "C" fn epoch() -> f64 {
    TRAINING.with_borrow_mut(|training| {
        let Some(training) = training else {
            return f64::NAN;
        };
        let trained = training.epoch(|at| progress(at.steps as f64, at.loss));
        let measured = trained.and_then(|accuracy| {
            WEIGHTS.set(Some(training.weights()?));
            Ok(accuracy)
        });
        measured.map_err(tell).unwrap_or(f64::NAN)
    })
}

/// Where the first layer's weights `[32, 784]` are.
#[unsafe(no_mangle)]
pub extern "C" fn weights() -> *const f32 {
    WEIGHTS.with_borrow(|weights| {
        let values = weights.as_ref().map(Weights::as_slice);
        values.unwrap_or_default().as_ptr()
    })
}

fn tell(error: Error) {
    let message = error.to_string();
    failed(message.as_ptr(), message.len());
}
