//! What the page calls: it writes a drawing to [`drawing`], calls [`scan`], [`predict`] and [`explain`] in this order, and
//! reads the results where [`pixels`], [`logits`], [`probabilities`] and [`attributions`] say.

#![allow(
    unsafe_code,
    reason = "buffers that JavaScript reads and writes, and names for it to call"
)]

use core::{cell::UnsafeCell, hint::black_box, panic::PanicInfo};

use tuplenet::mnist_format;

use crate::DIGITS;

/// The side of the drawing, in pixels.
const SIDE: usize = 280;

/// A value that JavaScript has access to between two calls.
struct Buffer<T>(UnsafeCell<T>);

// SAFETY: the module has one thread.
unsafe impl<T> Sync for Buffer<T> {}

impl<T> Buffer<T> {
    const fn new(value: T) -> Self {
        Buffer(UnsafeCell::new(value))
    }

    fn get(&self) -> &T {
        // SAFETY: one thread, and `set` keeps no reference.
        unsafe { &*self.0.get() }
    }

    fn set(&self, value: T) {
        // SAFETY: one thread, and no function of this module holds a reference to a buffer that it sets.
        unsafe { *self.0.get() = value }
    }
}

static DRAWING: Buffer<[u8; SIDE * SIDE]> = Buffer::new([0; SIDE * SIDE]);
static PIXELS: Buffer<[f32; 784]> = Buffer::new([0.0; 784]);
static LOGITS: Buffer<[f32; 10]> = Buffer::new([0.0; 10]);
static PROBABILITIES: Buffer<[f32; 10]> = Buffer::new([0.0; 10]);
static ATTRIBUTIONS: Buffer<[f32; 784]> = Buffer::new([0.0; 784]);

/// The side of the drawing, in pixels.
#[unsafe(no_mangle)]
pub extern "C" fn side() -> usize {
    SIDE
}

/// Where the drawing is, `[side, side]`: from 0, paper, to 255, ink.
#[unsafe(no_mangle)]
pub extern "C" fn drawing() -> *mut u8 {
    DRAWING.0.get().cast()
}

/// Where the digit is that the network reads, `[28, 28]`.
#[unsafe(no_mangle)]
pub extern "C" fn pixels() -> *const f32 {
    PIXELS.0.get().cast()
}

/// Where the logits are, `[10]`.
#[unsafe(no_mangle)]
pub extern "C" fn logits() -> *const f32 {
    LOGITS.0.get().cast()
}

/// Where the probabilities are, `[10]`.
#[unsafe(no_mangle)]
pub extern "C" fn probabilities() -> *const f32 {
    PROBABILITIES.0.get().cast()
}

/// Where what each pixel adds to a logit is, `[28, 28]`.
#[unsafe(no_mangle)]
pub extern "C" fn attributions() -> *const f32 {
    ATTRIBUTIONS.0.get().cast()
}

/// Brings the drawing to MNIST's format. Returns whether there is ink.
#[unsafe(no_mangle)]
pub extern "C" fn scan() -> bool {
    let digit = mnist_format::of_drawing(DRAWING.get(), SIDE);
    PIXELS.set(digit.unwrap_or([0.0; 784]));
    digit.is_some()
}

/// Computes the logits `times` times, as a browser's clock is coarse.
#[unsafe(no_mangle)]
pub extern "C" fn predict(times: u32) {
    for _ in 0..times {
        LOGITS.set(DIGITS.predict(black_box(PIXELS.get())));
    }
}

/// Computes the probabilities, and what each pixel adds to the logit of the most probable class, which it returns.
#[unsafe(no_mangle)]
pub extern "C" fn explain() -> usize {
    let class = DIGITS.classify(PIXELS.get());
    PROBABILITIES.set(DIGITS.probabilities(PIXELS.get()));
    ATTRIBUTIONS.set(crate::attributions(PIXELS.get(), class));
    class
}

/// Ends the call with an exception in JavaScript.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
