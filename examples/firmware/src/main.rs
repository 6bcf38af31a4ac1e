//! Classifies one digit and returns the class as its exit code.
#![no_std]
#![no_main]
#![allow(
    unsafe_code,
    reason = "the C library's `abort`, and a name for it to call"
)]

use core::{ffi::c_int, hint::black_box, panic::PanicInfo};

use firmware::{DIGITS, PICTURE};

// Without an operating system there is no C library, so that the program links only if nothing calls this.
#[cfg_attr(not(target_os = "none"), link(name = "c"))]
unsafe extern "C" {
    safe fn abort() -> !;
}

/// The entry point called by the C library.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    DIGITS.classify(black_box(&PICTURE)) as c_int
}

/// Nothing here can panic, so the linker leaves this out.
///
/// It calls `abort` instead of looping, as a loop could be inlined unnoticed: the symbol `abort` in the program would reveal
/// a panic.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}
