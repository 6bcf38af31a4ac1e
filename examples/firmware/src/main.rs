//! Reads one digit, and ends with it as its exit code.
#![no_std]
#![no_main]
#![allow(
    unsafe_code,
    reason = "the C library's `abort`, and a name for it to call"
)]

use core::{ffi::c_int, hint::black_box, panic::PanicInfo};

use firmware::{DIGITS, PICTURE};

#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}

/// Where the C library begins.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    DIGITS.classify(black_box(&PICTURE)) as c_int
}

/// Nothing here can panic, so the linker leaves this out.
///
/// It is no loop, which could be inlined unseen: the name `abort` in the program would tell of a panic.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}
