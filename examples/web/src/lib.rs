//! The network behind the page in `page`, which reads a digit while it is drawn.
//!
//! For the page it is a WebAssembly module without `std`, allocator or imports, see `exports.rs`: `scripts/web` builds it,
//! and `page/model.js` calls it. Elsewhere it is the same functions, with which `scripts/web --test` compares the module's
//! results.

#![cfg_attr(target_family = "wasm", no_std)]

#[cfg(target_family = "wasm")]
mod exports;

use tuplenet::models::MnistClassifier;

tuplenet::frozen! {
    /// Reads a digit of 28 x 28 pixels.
    pub static DIGITS: MnistClassifier<32> = "../../digits.safetensors";
}

/// What each pixel adds to the logit of `class`: the gradient of the logit times the pixel.
pub fn attributions(pixels: &[f32; 784], class: usize) -> [f32; 784] {
    let mut of = [0.0; 10];
    if let Some(weight) = of.get_mut(class) {
        *weight = 1.0;
    }
    let mut attributions = DIGITS.gradient(pixels, &of);
    for (value, pixel) in attributions.iter_mut().zip(pixels) {
        *value *= pixel;
    }
    attributions
}
